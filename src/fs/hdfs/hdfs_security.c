/* Settings of security, and the file of tokens: see hdfs_security.h. */
#include "fs/hdfs/hdfs_security.h"

#include <string.h>
#include <strings.h>

#include "auth/credentials_file.h"
#include "base/error.h"
#include "base/mem.h"

#define AUTHENTICATION "hadoop.security.authentication"
#define TOKEN_KIND     "HDFS_DELEGATION_TOKEN"

static bool is_set(const char *option)
{
    return option && *option;
}

static int read_qualities(const struct cove__hdfs_site *site, const char *key, struct cove__sasl_qualities *ret,
                          struct cove_error *err)
{
    char *text;
    int rc = cove__hdfs_site_get(site, key, &text, err);

    if (rc == 0 && text && cove__sasl_read_qualities(text, ret) < 0)
        rc = cove__hdfs_site_refuse(site, key, err, "\"%s\" is no list of authentication, integrity, privacy", text);
    cove__free(text);
    return rc;
}

static int read_authentication(struct cove__hdfs_security *s, const struct cove__hdfs_site *site,
                               struct cove_error *err)
{
    char *text;
    int rc = cove__hdfs_site_get(site, AUTHENTICATION, &text, err);

    if (rc == 0 && text && strcasecmp(text, "simple") != 0 && strcasecmp(text, "kerberos") != 0)
        rc = cove__hdfs_site_refuse(site, AUTHENTICATION, err, "\"%s\" is neither simple nor kerberos", text);
    s->kerberos = (text && strcasecmp(text, "kerberos") == 0) || is_set(s->ticket_cache) || is_set(s->keytab) ||
                  is_set(s->principal);
    cove__free(text);
    return rc;
}

int cove__hdfs_security_read(struct cove__hdfs_security *s, const struct cove__hdfs_site *site, struct cove_error *err)
{
    int rc = read_authentication(s, site, err);

    s->rpc = (struct cove__sasl_qualities){ { COVE__SASL_AUTH, COVE__SASL_INTEGRITY, COVE__SASL_PRIVACY }, 3 };
    if (rc == 0)
        rc = read_qualities(site, "hadoop.rpc.protection", &s->rpc, err);
    if (rc == 0)
        rc = read_qualities(site, "dfs.data.transfer.protection", &s->data, err);
    if (rc == 0)
        rc = cove__hdfs_site_bool(site, "ipc.client.fallback-to-simple-auth-allowed", &s->falls_back, err);
    if (rc == 0)
        rc = cove__hdfs_site_get(site, "dfs.namenode.kerberos.principal", &s->server_principal, err);
    if (rc == 0)
        rc = cove__hdfs_site_get(site, "dfs.namenode.kerberos.principal.pattern", &s->server_pattern, err);
    return rc;
}

void cove__hdfs_security_done(struct cove__hdfs_security *s)
{
    cove__free(s->server_principal);
    cove__free(s->server_pattern);
    cove__free(s->nameservice);
}

bool cove__hdfs_is_secure(const struct cove__hdfs_security *s)
{
    return s->kerberos || is_set(s->token_file);
}

/* ---- tokens ---- */

struct looking {
    const char *const *services;
    size_t n;
    struct cove__hadoop_token found;
};

static int look_at(void *user, const struct cove__hadoop_token *token)
{
    struct looking *l = user;

    if (l->found.identifier.data || !cove__slice_is(token->kind, TOKEN_KIND))
        return 0;
    for (size_t i = 0; i < l->n; i++) {
        if (l->services[i] && cove__slice_is(token->service, l->services[i]))
            l->found = *token;
    }
    return 0;
}

int cove__hdfs_find_token(const struct cove__hdfs_security *s, const char *const *services, size_t n,
                          struct cove__buf *text, struct cove__hadoop_token *ret, struct cove_error *err)
{
    struct looking l = { .services = services, .n = n };
    int rc;

    if (!is_set(s->token_file))
        return 0;
    rc = cove__credentials_file_read(s->token_file, text, err); /* jobs have it replaced: read each time */
    if (rc < 0)
        return rc;
    if (cove__hadoop_tokens_read(cove__buf_slice(text), look_at, &l) < 0)
        return cove__fail(err, COVE_EINVAL, "%s is no file of Hadoop's tokens (HADOOP_TOKEN_FILE_LOCATION)",
                          s->token_file);
    *ret = l.found;
    return l.found.identifier.data ? 1 : 0;
}
