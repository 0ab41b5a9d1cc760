/* Nameservices and hosts: see hdfs_names.h. */
#include "fs/hdfs/hdfs_names.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/hdfs/hdfs.h"
#include "fs/schemes.h"

#define SERVERS_MAX 256
#define NAMENODES   "dfs.ha.namenodes"
#define RPC_ADDRESS "dfs.namenode.rpc-address"

void cove__hdfs_servers_free(struct cove__hdfs_server *servers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        cove__hdfs_server_done(&servers[i]);
    cove__free(servers);
}

void cove__hdfs_names_done(struct cove__hdfs_names *names)
{
    cove__hdfs_servers_free(names->servers, names->n);
    cove__free(names->advice);
    *names = (struct cove__hdfs_names){ 0 };
}

static int add(struct cove__hdfs_names *names, const char *address, struct cove_error *err)
{
    size_t cap = names->n;

    if (cove__grow(&names->servers, &cap, names->n + 1, sizeof *names->servers, SERVERS_MAX) < 0)
        return cove__fail_nomem(err, "a server");
    names->servers[names->n] = (struct cove__hdfs_server){ 0 };
    names->n++;
    return cove__hdfs_split_authority(address, &names->servers[names->n - 1].host, &names->servers[names->n - 1].port,
                                      err);
}

/* The nameservice that is called `name` in any case, as the site files write it, which is how their keys are written;
 * NULL: there is none. Owned by the caller. */
static int find_nameservice(const struct cove__hdfs_site *site, const char *name, char **ret, struct cove_error *err)
{
    char *list;
    int rc = cove__hdfs_site_get(site, "dfs.nameservices", &list, err);
    size_t n, prefix = strlen(NAMENODES ".");

    *ret = NULL;
    if (rc < 0)
        return rc;
    for (const char *p = list ? list : "", *word; !*ret && (word = cove__hdfs_site_word(&p, &n)) && n > 0;) {
        if (n == strlen(name) && strncasecmp(word, name, n) == 0 && !(*ret = cove__strndup(word, n)))
            rc = cove__fail_nomem(err, "a nameservice");
        if (rc < 0)
            break;
    }
    for (size_t i = 0; rc == 0 && !*ret && i < site->n; i++) {
        const char *key = site->settings[i].name;

        if (strncmp(key, NAMENODES ".", prefix) == 0 && strcasecmp(key + prefix, name) == 0 &&
            !(*ret = cove__strdup(key + prefix)))
            rc = cove__fail_nomem(err, "a nameservice");
    }
    cove__free(list);
    return rc;
}

/* Adds the address that `key` has, or else `other` (NULL: none). */
static int add_setting(const struct cove__hdfs_site *site, const char *key, const char *other, const char *listed_in,
                       struct cove__hdfs_names *names, struct cove_error *err)
{
    char *address;
    const char *rest;
    int rc = cove__hdfs_site_get(site, key, &address, err);

    if (rc == 0 && !address && other && cove__hdfs_site_find(site, other)) {
        key = other;
        rc = cove__hdfs_site_get(site, key, &address, err);
    }
    if (rc < 0)
        return rc;
    if (!address)
        return cove__hdfs_site_refuse(site, listed_in, err, "%s is not set: no address of that NameNode is known", key);
    rest = cove__scheme_skip(address, "hdfs");
    rc = add(names, rest ? rest : address, err);
    if (rc == COVE_EINVAL)
        rc = cove__hdfs_site_refuse(site, key, err, "\"%s\" is no host:port", address);
    cove__free(address);
    return rc;
}

static int add_namenodes(const struct cove__hdfs_site *site, const char *nameservice, const char *list,
                         struct cove__hdfs_names *names, struct cove_error *err)
{
    char key[512], listed_in[512];
    size_t n;
    int rc = 0;

    snprintf(listed_in, sizeof listed_in, NAMENODES ".%s", nameservice);
    for (const char *p = list, *word; rc == 0 && (word = cove__hdfs_site_word(&p, &n)) && n > 0;) {
        if (n > 200)
            return cove__hdfs_site_refuse(site, listed_in, err, "a NameNode's name is longer than 200 bytes");
        snprintf(key, sizeof key, RPC_ADDRESS ".%s.%.*s", nameservice, (int)n, word);
        rc = add_setting(site, key, NULL, listed_in, names, err);
    }
    if (rc == 0 && names->n == 0)
        rc = cove__hdfs_site_refuse(site, listed_in, err, "it lists no NameNode");
    return rc;
}

static int of_nameservice(const struct cove__hdfs_site *site, const char *nameservice, struct cove__hdfs_names *names,
                          struct cove_error *err)
{
    char key[512], *list;
    int rc = cove__hdfs_site_get_of(site, NAMENODES, nameservice, &list, err);

    if (rc == 0 && list) {
        rc = add_namenodes(site, nameservice, list, names, err);
    } else if (rc == 0) {
        snprintf(key, sizeof key, RPC_ADDRESS ".%s", nameservice);
        rc = add_setting(site, key, RPC_ADDRESS, "dfs.nameservices", names, err);
    }
    cove__free(list);
    snprintf(key, sizeof key, "dfs.client.failover.resolve-needed.%s", nameservice);
    if (rc == 0)
        rc = cove__hdfs_site_bool(site, key, &names->resolve, err);
    if (rc == 0)
        rc = cove__hdfs_site_bool(site, "dfs.client.failover.random.order", &names->random, err);
    return rc;
}

static int advise(const struct cove__hdfs_site *site, const char *authority, char **ret, struct cove_error *err)
{
    struct cove__buf text = COVE__BUF_INIT(8192);
    char *list;
    int rc = cove__hdfs_site_get(site, "dfs.nameservices", &list, err);

    if (rc < 0)
        return rc;
    cove__buf_addf(&text, "\"%s\" is no host that has an address, and no nameservice of %s", authority,
                   site->found || !site->folder ? cove__hdfs_site_where(site) : "");
    if (!site->found && site->folder)
        cove__buf_addf(&text, "%s, which has no core-site.xml and no hdfs-site.xml", site->folder);
    else if (site->found)
        cove__buf_addf(&text, " (dfs.nameservices: %s)", list ? list : "not set");
    cove__free(list);
    *ret = cove__buf_take(&text);
    return *ret ? 0 : cove__fail_nomem(err, "a message");
}

int cove__hdfs_names_of(const struct cove__hdfs_site *site, const char *authority, struct cove__hdfs_names *ret,
                        struct cove_error *err)
{
    struct cove__hdfs_names names = { 0 };
    char *nameservice = NULL;
    int rc = 0;

    if (!strchr(authority, ':'))
        rc = find_nameservice(site, authority, &nameservice, err);
    if (rc == 0 && nameservice) {
        rc = of_nameservice(site, nameservice, &names, err);
    } else if (rc == 0) {
        rc = add(&names, authority, err);
        if (rc == 0 && !strchr(authority, ':'))
            rc = advise(site, authority, &names.advice, err);
    }
    cove__free(nameservice);
    if (rc == 0)
        *ret = names;
    else
        cove__hdfs_names_done(&names);
    return rc;
}

/* ---- addresses ---- */

bool cove__hdfs_lacks_address(const struct cove__hdfs_server *server, bool *ret_known)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    int why = getaddrinfo(server->host, NULL, &hints, &found);

    if (why == 0)
        freeaddrinfo(found);
    *ret_known = why == EAI_NONAME || why == EAI_NODATA;
    return why != 0;
}

static int resolve(const struct cove__hdfs_server *server, struct cove__hdfs_names *into, const struct cove__ctx *ctx,
                   struct cove_error *err)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    int why = getaddrinfo(server->host, NULL, &hints, &found), rc = 0;

    if (why != 0)
        return cove__fs_fail(err, ctx, COVE_ENETWORK,
                             "the addresses of %s, which stands for all NameNodes, cannot be "
                             "found: %s",
                             server->host, gai_strerror(why));
    for (const struct addrinfo *a = found; a && rc == 0; a = a->ai_next) {
        char host[NI_MAXHOST], text[NI_MAXHOST + 16];

        if (getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof host, NULL, 0, NI_NUMERICHOST) != 0)
            continue;
        snprintf(text, sizeof text, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, server->port);
        rc = add(into, text, err);
    }
    freeaddrinfo(found);
    return rc;
}

int cove__hdfs_names_resolve(const struct cove__hdfs_names *names, struct cove__hdfs_server **ret, size_t *ret_n,
                             const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__hdfs_names all = { 0 };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < names->n; i++)
        rc = resolve(&names->servers[i], &all, ctx, err);
    if (rc < 0) {
        cove__hdfs_names_done(&all);
        return rc;
    }
    *ret = all.servers;
    *ret_n = all.n;
    return 0;
}
