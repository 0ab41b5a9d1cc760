/* URLs of Hadoop's filesystems: hdfs://host:port/path. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"
#include "fs/fs_impl.h"
#include "fs/hdfs/hdfs.h"
#include "fs/schemes.h"

#define PATH_MAX_BYTES ((size_t)16 << 10) /* the NameNode allows 8,000 characters */
#define HOST_MAX       253                /* of a name in DNS */

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

/* In small letters, without the default port. */
static int canonical(const char *authority, char **ret, struct cove_error *err)
{
    struct cove__buf out = COVE__BUF_INIT(HOST_MAX + 16);
    unsigned port = 0;
    size_t n = 0;
    int rc = split(authority, &n, &port, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        cove__buf_add_char(&out, (char)tolower((unsigned char)authority[i]));
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

/* "host" may have the port with it, as in "nn1:9000", and its scheme, as the peers allow. */
static int of_options(const struct cove_options *options, char **ret_authority, struct cove_error *err)
{
    const char *host = options ? cove_options_get(options, "host") : NULL;
    const char *port = options ? cove_options_get(options, "port") : NULL;
    const char *rest = host ? skip_scheme(host) : NULL;
    struct cove__buf text = COVE__BUF_INIT(HOST_MAX + 32);
    int rc = 0;

    if (rest)
        host = rest;
    if (!host || !*host || strcmp(host, "default") == 0) {
        *ret_authority = cove__strdup("");
        return *ret_authority ? 0 : cove__fail_nomem(err, "a host");
    }
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
