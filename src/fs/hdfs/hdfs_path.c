/* URLs of Hadoop's filesystems: hdfs://host:port/path. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"
#include "fs/fs_impl.h"
#include "fs/hdfs/hdfs.h"
#include "fs/hdfs/hdfs_site.h"
#include "fs/schemes.h"

#define PATH_MAX_BYTES ((size_t)16 << 10) /* the NameNode allows 8,000 characters */
#define HOST_MAX       253                /* of a name in DNS */
#define USER_MAX       255

static const char *skip_scheme(const char *url)
{
    return cove__scheme_skip(url, "hdfs");
}

/* Absolute, without doubled slashes and a slash at the end; HDFS has no "." and "..". */
int cove__hdfs_parse(const char *url, char **ret_path, struct cove_error *err)
{
    struct cove__buf out = COVE__BUF_INIT(PATH_MAX_BYTES);
    const char *rest = skip_scheme(url), *p = rest ? rest + strcspn(rest, "/") : url;

    while (*p) {
        size_t n = strcspn(p, "/");

        if ((n == 1 && *p == '.') || (n == 2 && strncmp(p, "..", 2) == 0)) {
            cove__buf_done(&out);
            return cove__fail(err, COVE_EINVAL, "%s: HDFS has no \"%.*s\" in a path: write it without", url, (int)n, p);
        }
        if (n > 0) {
            cove__buf_add_char(&out, '/');
            cove__buf_add(&out, p, n);
        }
        p += n + (p[n] == '/');
    }
    if (out.size == 0)
        cove__buf_add_char(&out, '/');
    if (cove__buf_rc(&out) == 0 && !cove__text_is_utf8(cove__buf_str(&out))) {
        cove__buf_done(&out);
        return cove__fail(err, COVE_EINVAL, "names in HDFS are of UTF-8, which this path is not");
    }
    if (strchr(cove__buf_str(&out), ':')) {
        cove__buf_done(&out);
        return cove__fail(err, COVE_EINVAL, "%s: HDFS allows no ':' in a name", url);
    }
    if (cove__buf_rc(&out) == COVE_ELIMIT) {
        cove__buf_done(&out);
        return cove__fail(err, COVE_EINVAL, "the path is longer than %zu bytes", PATH_MAX_BYTES);
    }
    *ret_path = cove__buf_take(&out);
    return *ret_path ? 0 : cove__fail_nomem(err, "a path");
}

/* ---- the store ---- */

static int bad_authority(const char *authority, const char *why, struct cove_error *err)
{
    return cove__fail(err, COVE_EINVAL, "hdfs://%s: %s; write hdfs://host:port/path or hdfs://nameservice/path",
                      authority, why);
}

/* The length of the host of "host:port"; its port, or COVE__HDFS_PORT. */
static int split(const char *authority, size_t *ret_host, unsigned *ret_port, struct cove_error *err)
{
    const char *end = *authority == '[' ? strchr(authority, ']') : NULL, *colon;
    unsigned long port = COVE__HDFS_PORT;

    if (*authority == '[' && !end)
        return bad_authority(authority, "the address lacks its ]", err);
    colon = strchr(end ? end : authority, ':');
    *ret_host = colon ? (size_t)(colon - authority) : strlen(authority);
    if (*ret_host == 0 || *ret_host > HOST_MAX)
        return bad_authority(authority, "no host", err);
    for (size_t i = 0; !end && i < *ret_host; i++) {
        if (!isalnum((unsigned char)authority[i]) && !strchr("-._", authority[i]))
            return cove__fail(err, COVE_EINVAL, "hdfs://: the host has a character that no host has"); /* a secret? */
    }
    if (colon) {
        char *rest = NULL;

        port = isdigit((unsigned char)colon[1]) ? strtoul(colon + 1, &rest, 10) : 0;
        if (port == 0 || port > 65535 || *rest)
            return bad_authority(authority, "the port is no number from 1 to 65535", err);
    }
    *ret_port = (unsigned)port;
    return 0;
}

int cove__hdfs_split_authority(const char *authority, char **ret_host, unsigned *ret_port, struct cove_error *err)
{
    size_t n = 0;
    int rc = split(authority, &n, ret_port, err);

    if (rc < 0)
        return rc;
    *ret_host = authority[0] == '[' ? cove__strndup(authority + 1, n - 2) : cove__strndup(authority, n);
    return *ret_host ? 0 : cove__fail_nomem(err, "a host");
}

int cove__hdfs_split_user(const char *authority, char **ret_user, const char **ret_rest, struct cove_error *err)
{
    const char *at = strrchr(authority, '@');

    *ret_user = NULL;
    *ret_rest = at ? at + 1 : authority;
    if (at && !(*ret_user = cove__strndup(authority, (size_t)(at - authority))))
        return cove__fail_nomem(err, "a user's name");
    return 0;
}

static bool is_user(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!isalnum((unsigned char)text[i]) && !strchr("._-$", text[i]))
            return false;
    }
    return size > 0 && size <= USER_MAX;
}

/* The host in small letters, without the default port; after the user, if there is one. */
static int canonical(const char *authority, char **ret, struct cove_error *err)
{
    struct cove__buf out = COVE__BUF_INIT(HOST_MAX + USER_MAX + 16);
    const char *at = strrchr(authority, '@'), *host = at ? at + 1 : authority;
    unsigned port = 0;
    size_t n = 0;
    int rc;

    if (at && !is_user(authority, (size_t)(at - authority))) /* a password? */
        return cove__fail(err, COVE_EINVAL,
                          "hdfs://: what stands before the @ is no user's name; Hadoop has no "
                          "passwords in URLs");
    rc = split(host, &n, &port, err);
    if (rc < 0)
        return rc;
    cove__buf_add(&out, authority, (size_t)(host - authority));
    for (size_t i = 0; i < n; i++)
        cove__buf_add_char(&out, (char)tolower((unsigned char)host[i]));
    if (port != COVE__HDFS_PORT)
        cove__buf_addf(&out, ":%u", port);
    *ret = cove__buf_take(&out);
    return *ret ? 0 : cove__fail_nomem(err, "a host");
}

static int of_url(const char *url, char **ret_authority, struct cove_error *err)
{
    const char *rest = skip_scheme(url);
    size_t n = rest ? strcspn(rest, "/") : 0;
    char *given;
    int rc;

    if (n == 0) {
        *ret_authority = cove__strdup("");
        return *ret_authority ? 0 : cove__fail_nomem(err, "a host");
    }
    given = cove__strndup(rest, n);
    rc = given ? canonical(given, ret_authority, err) : cove__fail_nomem(err, "a host");
    cove__free(given);
    return rc;
}

/* The store of fs.defaultFS; "" where it is another filesystem. */
static int of_site(const struct cove_options *options, char **ret_authority, struct cove_error *err)
{
    struct cove__hdfs_site site = { 0 };
    char *url = NULL;
    int rc = cove__hdfs_site_read(&site, cove_options_get(options, "hadoop_conf_dir"),
                                  cove_options_get(options, "extra_conf"), err);

    if (rc == 0)
        rc = cove__hdfs_site_get(&site, "fs.defaultFS", &url, err);
    if (rc == 0)
        rc = of_url(url ? url : "", ret_authority, err);
    if (rc == COVE_EINVAL && url)
        rc = cove__hdfs_site_refuse(&site, "fs.defaultFS", err, "\"%s\" names no filesystem", url);
    cove__free(url);
    cove__hdfs_site_done(&site);
    return rc;
}

/* "host" may have the port with it, as in "nn1:9000", and its scheme, as the peers allow. */
static int of_options(const struct cove_options *options, char **ret_authority, struct cove_error *err)
{
    const char *host = options ? cove_options_get(options, "host") : NULL;
    const char *port = options ? cove_options_get(options, "port") : NULL;
    const char *rest = host ? skip_scheme(host) : NULL;
    struct cove__buf text = COVE__BUF_INIT(HOST_MAX + USER_MAX + 32);
    int rc = 0;

    if (rest)
        host = rest;
    if (!host || !*host || strcmp(host, "default") == 0)
        return of_site(options, ret_authority, err);
    cove__buf_add(&text, host, strcspn(host, "/"));
    if (port && *port && strcmp(port, "0") != 0 && !strchr(cove__buf_str(&text), ':'))
        cove__buf_addf(&text, ":%s", port);
    rc = cove__buf_rc(&text) ? bad_authority("…", "the host is too long", err)
                             : canonical(cove__buf_str(&text), ret_authority, err);
    cove__buf_done(&text);
    return rc;
}

static void write_url(const char *scheme, const char *authority, const char *path, struct cove__buf *ret_url)
{
    cove__buf_addf(ret_url, "%s://%s%s", scheme, authority, path);
}

const struct cove__authority_ops cove__hdfs_authority = {
    .of_url = of_url,
    .of_options = of_options,
    .write_url = write_url,
};
