/* How a filesystem logs in to its cluster: what the options and the site files say of it. */
#ifndef COVE_FS_HDFS_SECURITY_H
#define COVE_FS_HDFS_SECURITY_H

#include <stdbool.h>

#include <cove/error.h>

#include "base/buf.h"
#include "fs/hdfs/hdfs_site.h"
#include "wire/hadoop_tokens.h"
#include "wire/sasl.h"

struct cove__hdfs_security {
    /* options, owned by their table; NULL or "": not set */
    char *ticket_cache, *keytab, *principal, *token_file;
    /* of the site files, owned */
    char *server_principal;           /* dfs.namenode.kerberos.principal; NULL: not set */
    char *server_pattern;             /* dfs.namenode.kerberos.principal.pattern, which comes first; NULL: not set */
    char *nameservice;                /* what tokens of the whole store are for; NULL: it is one host */
    bool kerberos;                    /* hadoop.security.authentication, or an option is set */
    bool falls_back;                  /* ipc.client.fallback-to-simple-auth-allowed */
    struct cove__sasl_qualities rpc;  /* hadoop.rpc.protection; all: not set */
    struct cove__sasl_qualities data; /* dfs.data.transfer.protection; n 0: not set, and so no login to DataNodes */
};

/* COVE_EINVAL, with file and line. */
int cove__hdfs_security_read(struct cove__hdfs_security *s, const struct cove__hdfs_site *site, struct cove_error *err);
void cove__hdfs_security_done(struct cove__hdfs_security *s); /* what is of the site files */
/* Whether there is anything to log in with. */
bool cove__hdfs_is_secure(const struct cove__hdfs_security *s);

/* A token of the file for one of the services (NULL: none): *ret, in `text`, which is empty. 1; 0: there is none.
 * COVE_ENOTFOUND, COVE_EINVAL. */
int cove__hdfs_find_token(const struct cove__hdfs_security *s, const char *const *services, size_t n,
                          struct cove__buf *text, struct cove__hadoop_token *ret, struct cove_error *err);

#endif
