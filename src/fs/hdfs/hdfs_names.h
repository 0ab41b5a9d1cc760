/* Which NameNodes a name stands for: "nn1:9000" for itself, a nameservice for those that the site files list. */
#ifndef COVE_FS_HDFS_NAMES_H
#define COVE_FS_HDFS_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "fs/hdfs/hdfs_rpc.h"
#include "fs/hdfs/hdfs_site.h"

struct cove__hdfs_names {
    struct cove__hdfs_server *servers; /* owned; without connections */
    size_t n;
    bool resolve; /* each of them is a name of several servers, one for each of its addresses */
    bool random;  /* begin with any of them */
    char *advice; /* owned: for a host that has no address; NULL: the name was found in the site files */
};
void cove__hdfs_names_done(struct cove__hdfs_names *names);

/* `authority`: a host with or without a port, or a nameservice, in any case. COVE_EINVAL, with the file and line. */
int cove__hdfs_names_of(const struct cove__hdfs_site *site, const char *authority, struct cove__hdfs_names *ret,
                        struct cove_error *err);
/* The servers behind all addresses of `names`. COVE_ENETWORK. */
int cove__hdfs_names_resolve(const struct cove__hdfs_names *names, struct cove__hdfs_server **ret, size_t *ret_n,
                             const struct cove__ctx *ctx, struct cove_error *err);
/* Whether the server's name has no address; *ret_known: nor will it soon. Asks the resolver. */
bool cove__hdfs_lacks_address(const struct cove__hdfs_server *server, bool *ret_known);
void cove__hdfs_servers_free(struct cove__hdfs_server *servers, size_t n);

#endif
