/* HDFS by WebHDFS: the backend's tables and its options, under the names that fsspec's WebHDFS gives them. */
#include "fs/webhdfs/webhdfs.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "net/header.h"
#include "wire/digest.h"
#include "wire/uri.h"

#define MIB       ((int64_t)1 << 20)
#define AT(field) offsetof(struct webhdfs_options, field)
#define LOGIN_MAX ((size_t)32 << 10)

static const struct cove__option_row options[] = {
    { "host", COVE__OPTION_STRING, AT(host), NULL, NULL, "NameNode, HttpFS or gateway, if the URL does not name it", 0,
      0, NULL },
    { "port", COVE__OPTION_INTEGER, AT(port), NULL, NULL,
      "its port for HTTP, beside host; else 9870, and for swebhdfs:// 9871", 1, 65535, NULL },
    { "user", COVE__OPTION_STRING, AT(user), NULL, "HADOOP_USER_NAME",
      "user in a cluster without Kerberos, or at a gateway; else the one that runs the process", 0, 0, NULL },
    { "token", COVE__OPTION_SECRET, AT(token), NULL, NULL,
      "delegation token, as hdfs fetchdt prints it, in place of user", 0, 0, NULL },
    { "password", COVE__OPTION_SECRET, AT(password), NULL, NULL, "password of user, for a gateway as Knox (HTTP Basic)",
      0, 0, NULL },
    { "proxy_to", COVE__OPTION_STRING, AT(proxy_to), NULL, "HADOOP_PROXY_USER",
      "user to act for, if the cluster allows it", 0, 0, NULL },
    { "use_https", COVE__OPTION_BOOL, AT(use_https), "false", NULL, "https, also for webhdfs://", 0, 0, NULL },
    { "base_path", COVE__OPTION_STRING, AT(base_path), "/webhdfs/v1", NULL,
      "what precedes each path in the server's URLs; of a gateway: /gateway/NAME/webhdfs/v1", 0, 0, NULL },
    { "replication", COVE__OPTION_INTEGER, AT(replication), "0", NULL,
      "copies of each block of a new file; 0: the cluster's setting", 0, 512, NULL },
    { "block_size", COVE__OPTION_SIZE, AT(block_size), "8MiB", NULL,
      "bytes of the first parts of a large file, each of which is an append, and of the ranges that a large read is "
      "cut "
      "into",
      MIB, 1024 * MIB, NULL },
    { "max_concurrency", COVE__OPTION_INTEGER, AT(max_concurrency), "8", NULL, "ranges of one file under way at once",
      1, 64, NULL },
    COVE__CLIENT_ROWS(struct webhdfs_options, client, NULL, ""),
    { 0 },
};

static void webhdfs_close(void *self)
{
    struct cove__webhdfs *store = self;

    if (!store)
        return;
    cove__http_free(store->http);
    cove__buf_done(&store->login);
    cove__buf_done(&store->authorization);
    cove__options_clear(options, &store->o);
    cove__free(store->host);
    cove__free(store->base);
    cove__free(store);
}

/* ---- the login ---- */

static int add_pair(struct cove__buf *login, const char *name, const char *value)
{
    return cove__uri_add_pair(login, name, cove__slice_str(value));
}

/* As Hadoop's own clients: a token comes before a user, and without both the system's user is meant. */
static int make_login(struct cove__webhdfs *store, struct cove_error *err)
{
    const struct webhdfs_options *o = &store->o;
    struct passwd entry, *system = NULL;
    char text[4096];

    if (!o->user && !o->token && getpwuid_r(geteuid(), &entry, text, sizeof text, &system) != 0)
        system = NULL;
    const char *user = o->user ? o->user : system ? system->pw_name : NULL;

    if (o->password && !o->user)
        return cove__fail(err, COVE_EINVAL, "option password needs the option user");
    if (o->token)
        add_pair(&store->login, "delegation", o->token);
    else if (user && !o->password)
        add_pair(&store->login, "user.name", user);
    if (o->proxy_to && !o->token)
        add_pair(&store->login, "doas", o->proxy_to);
    return cove__buf_rc(&store->login) < 0 ? cove__fail_nomem(err, "a store") : 0;
}

static int make_authorization(struct cove__webhdfs *store, struct cove_error *err)
{
    struct cove__buf both = COVE__BUF_SECRET(LOGIN_MAX);
    char *encoded;

    if (!store->o.password)
        return 0;
    cove__buf_addf(&both, "%s:%s", store->o.user, store->o.password);
    size_t size = COVE__BASE64_SIZE(both.size);
    encoded = cove__buf_rc(&both) == 0 ? cove__malloc(size) : NULL;
    if (encoded) {
        cove__base64(both.data, both.size, encoded);
        cove__buf_addf(&store->authorization, "Basic %s", encoded);
    }
    cove__wipe(encoded);
    cove__buf_done(&both);
    return cove__buf_rc(&store->authorization) < 0 || store->authorization.size == 0 ? cove__fail_nomem(err, "a store")
                                                                                     : 0;
}

/* ---- open ---- */

static int make_base(struct cove__webhdfs *store, struct cove_error *err)
{
    const char *base = store->o.base_path;
    size_t n = strlen(base);

    while (n > 0 && base[n - 1] == '/')
        n--;
    if ((n > 0 && base[0] != '/') || strcspn(base, "?#% \t\r\n") < strlen(base))
        return cove__fail(err, COVE_EINVAL, "option base_path: \"%s\" is not of the form /webhdfs/v1", base);
    store->base = cove__strndup(base, n);
    return store->base ? 0 : cove__fail_nomem(err, "a store");
}

static int open_store(const struct cove_options *given, const char *authority, bool tls, const char *scheme,
                      void **ret_self, struct cove_error *err)
{
    struct cove__http_config config;
    struct cove__webhdfs *store = cove__calloc(1, sizeof *store);

    if (!store)
        return cove__fail_nomem(err, "a store");
    cove__buf_init_secret(&store->login, LOGIN_MAX);
    cove__buf_init_secret(&store->authorization, LOGIN_MAX);
    int rc = cove__options_fill(options, given, scheme, &store->o, err);
    if (rc == 0 && authority[0] == '\0')
        rc = cove__fail(err, COVE_EINVAL, "no NameNode is named: write %s://HOST:PORT/PATH, or set the option host",
                        scheme);
    if (rc == 0) {
        store->tls = tls || store->o.use_https;
        store->host = cove__strdup(authority);
        rc = store->host ? 0 : cove__fail_nomem(err, "a store");
    }
    if (rc == 0)
        rc = make_base(store, err);
    if (rc == 0)
        rc = make_login(store, err);
    if (rc == 0)
        rc = make_authorization(store, err);
    if (rc == 0)
        rc = cove__client_config(&store->o.client, store->tls, NULL, &config, err);
    if (rc == 0)
        rc = cove__client_new(&config, store->tls, store->host, &store->http, err);
    if (rc < 0) {
        webhdfs_close(store);
        return rc;
    }
    *ret_self = store;
    return 0;
}

static int open_plain(const struct cove_options *given, const char *authority, void **ret_self, struct cove_error *err)
{
    return open_store(given, authority, false, "webhdfs", ret_self, err);
}

static int open_secure(const struct cove_options *given, const char *authority, void **ret_self, struct cove_error *err)
{
    return open_store(given, authority, true, "swebhdfs", ret_self, err);
}

static bool same_store(const void *self, const void *other)
{
    const struct cove__webhdfs *a = self, *b = other;

    return a->tls == b->tls && strcmp(a->host, b->host) == 0 && strcmp(a->base, b->base) == 0;
}

static int endpoint(const void *self, struct cove__buf *ret, struct cove_error *err)
{
    const struct cove__webhdfs *store = self;
    int rc = cove__buf_addf(ret, "%s://%s%s", store->tls ? "https" : "http", store->host, store->base);

    return rc < 0 ? cove__fail(err, rc, "endpoint %s: %s", store->host, cove_code_phrase(rc)) : 0;
}

static void describe(const void *self, struct cove__buf *ret)
{
    const struct cove__webhdfs *store = self;

    cove__buf_addf(ret, "; login: %s",
                   store->o.token      ? "delegation token"
                   : store->o.password ? "user and password"
                                       : "user name");
}

#define SLOTS                                                                                                          \
    .name = "webhdfs", .options = options, .real_directories = true, .close = webhdfs_close, .same_store = same_store, \
    .endpoint = endpoint, .describe = describe, .parse = cove__webhdfs_parse, .stat = cove__webhdfs_stat,              \
    .list = cove__webhdfs_list, .copy = cove__webhdfs_copy, .move = cove__webhdfs_move,                                \
    .remove = cove__webhdfs_remove,                                                                                    \
    .directories = { .make = cove__webhdfs_mkdir,                                                                      \
                     .remove = cove__webhdfs_rmdir,                                                                    \
                     .remove_tree = cove__webhdfs_remove_tree },                                                       \
    .read = { .range = cove__webhdfs_read }, .put = cove__webhdfs_put,                                                 \
    .upload = { .part_rules = cove__webhdfs_part_rules,                                                                \
                .begin = cove__webhdfs_begin,                                                                          \
                .part = cove__webhdfs_part,                                                                            \
                .finish = cove__webhdfs_finish,                                                                        \
                .abort = cove__webhdfs_abort },                                                                        \
    .append = { .open = cove__webhdfs_append_open,                                                                     \
                .write = cove__webhdfs_append,                                                                         \
                .close = cove__webhdfs_append_close }

const struct cove__fs_ops cove__webhdfs_ops = { .open = open_plain, .authority = &cove__webhdfs_authority, SLOTS };
const struct cove__fs_ops cove__swebhdfs_ops = { .open = open_secure, .authority = &cove__swebhdfs_authority, SLOTS };
