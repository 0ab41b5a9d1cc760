/*
 * URLs: webhdfs://host:port/path is the path /path at the NameNode host:port. Without a host, that of the options is
 * meant. Pure.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"
#include "fs/schemes.h"
#include "fs/webhdfs/webhdfs.h"

#define HOST_MAX ((size_t)260)

static const struct form {
    const char *scheme, *port;
} plain = { "webhdfs", "9870" }, secure = { "swebhdfs", "9871" };

/* What follows the scheme; NULL: it is a path. */
static const char *skip_scheme(const char *url)
{
    const char *rest = cove__scheme_skip(url, plain.scheme);

    return rest ? rest : cove__scheme_skip(url, secure.scheme);
}

/* ---- paths ---- */

static bool is_step(const char *part, size_t n)
{
    return (n == 1 && part[0] == '.') || (n == 2 && part[0] == '.' && part[1] == '.');
}

int cove__webhdfs_parse(const char *url, char **ret_path, struct cove_error *err)
{
    struct cove__buf out = COVE__BUF_INIT(WEBHDFS_PATH_MAX);
    const char *rest = skip_scheme(url), *p = rest ? rest + strcspn(rest, "/") : url;
    int rc = 0;

    if (!cove__text_is_utf8(p))
        return cove__fail(err, COVE_EINVAL, "the path is not UTF-8, as HDFS's names are");
    while (rc == 0 && *p) {
        size_t n = strcspn(p, "/");

        if (is_step(p, n))
            rc = cove__fail(err, COVE_EINVAL, "the path has a part \".\" or \"..\", which HDFS refuses as a name");
        if (n > 0) {
            cove__buf_add_char(&out, '/');
            cove__buf_add(&out, p, n);
        }
        p += n + (p[n] == '/');
    }
    if (out.size == 0)
        cove__buf_add_char(&out, '/');
    if (rc == 0 && cove__buf_rc(&out) == COVE_ELIMIT)
        rc = cove__fail(err, COVE_EINVAL, "the path is longer than %zu bytes", WEBHDFS_PATH_MAX);
    if (rc == 0) {
        *ret_path = cove__buf_take(&out);
        rc = *ret_path ? 0 : cove__fail_nomem(err, "a path");
    }
    cove__buf_done(&out);
    return rc;
}

bool cove__webhdfs_is_temporary(const char *name)
{
    size_t n = strlen(WEBHDFS_TEMPORARY);

    return strncmp(name, WEBHDFS_TEMPORARY, n) == 0 && strlen(name) == n + 32 &&
           strspn(name + n, "0123456789abcdef") == 32;
}

char *cove__webhdfs_temporary(const char *path)
{
    struct cove__buf out = COVE__BUF_INIT(WEBHDFS_PATH_MAX * 2);

    cove__buf_add(&out, path, (size_t)(strrchr(path, '/') - path));
    cove__buf_addf(&out, "/" WEBHDFS_TEMPORARY "%016llx%016llx", (unsigned long long)cove__random(),
                   (unsigned long long)cove__random());
    char *text = cove__buf_take(&out);
    cove__buf_done(&out);
    return text;
}

/* ---- NameNodes ---- */

static bool is_port(const char *text, size_t n)
{
    return n >= 1 && n <= 5 && strspn(text, "0123456789") >= n && atol(text) >= 1 && atol(text) <= 65535;
}

/* "Host:9870", with the port that the scheme implies where it has none. */
static int name_host(const char *text, size_t n, const char *port, char **ret, struct cove_error *err)
{
    size_t host = n > 0 && text[0] == '[' ? strcspn(text, "]") + 1 : 0;
    struct cove__buf out = COVE__BUF_INIT(HOST_MAX);

    while (host < n && text[host] != ':')
        host++;
    if (memchr(text, '@', n)) /* what stands before it may be a password, which is not shown */
        return cove__fail(err, COVE_EINVAL, "the URL has a user before its host: use the option user");
    bool good = host > 0 && host <= n && (host == n || is_port(text + host + 1, n - host - 1));
    for (size_t i = 0; i < host && good; i++) {
        good = isalnum((unsigned char)text[i]) || strchr("-._:[]", text[i]);
        cove__buf_add_char(&out, (char)tolower((unsigned char)text[i]));
    }
    if (!good) {
        cove__buf_done(&out);
        return cove__fail(err, COVE_EINVAL, "\"%.*s\" is not the address of a NameNode, as nn1 or nn1:9870", (int)n,
                          text);
    }
    cove__buf_add_char(&out, ':');
    if (host < n)
        cove__buf_add(&out, text + host + 1, n - host - 1);
    else
        cove__buf_add_str(&out, port);
    int rc =
        cove__buf_rc(&out) < 0 ? cove__fail(err, cove__buf_rc(&out), "the address of the NameNode is too long") : 0;
    if (rc == 0) {
        *ret = cove__buf_take(&out);
        rc = *ret ? 0 : cove__fail_nomem(err, "a store's name");
    }
    cove__buf_done(&out);
    return rc;
}

static int no_name(char **ret, struct cove_error *err)
{
    *ret = cove__strdup("");
    return *ret ? 0 : cove__fail_nomem(err, "a store's name");
}

static int of_url(const char *url, const char *port, char **ret, struct cove_error *err)
{
    const char *rest = skip_scheme(url);
    size_t n = rest ? strcspn(rest, "/") : 0;

    return n > 0 ? name_host(rest, n, port, ret, err) : no_name(ret, err);
}

static const char *option(const struct cove_options *options, const char *name)
{
    const char *found_name, *value, *found = NULL;

    for (size_t i = 0; options && i < cove__options_count(options); i++) {
        cove__options_pair(options, i, &found_name, &value);
        if (strcmp(found_name, name) == 0)
            found = value;
    }
    return found;
}

static int of_options(const struct cove_options *options, const char *port, char **ret, struct cove_error *err)
{
    const char *host = option(options, "host"), *given = option(options, "port");

    if (!host || !*host)
        return no_name(ret, err);
    if (given && !is_port(given, strlen(given)))
        return cove__fail(err, COVE_EINVAL, "option port: \"%s\" is not a port", given);
    return name_host(host, strlen(host), given ? given : port, ret, err);
}

static void write_url(const char *scheme, const char *authority, const char *path, struct cove__buf *ret)
{
    const struct form *form = strcmp(scheme, secure.scheme) == 0 ? &secure : &plain;
    size_t n = strlen(authority), implied = strlen(form->port);

    if (n > implied && authority[n - implied - 1] == ':' && strcmp(authority + n - implied, form->port) == 0)
        n -= implied + 1;
    cove__buf_addf(ret, "%s://%.*s%s", scheme, (int)n, authority, path);
}

static int plain_of_url(const char *url, char **ret, struct cove_error *err)
{
    return of_url(url, plain.port, ret, err);
}

static int plain_of_options(const struct cove_options *options, char **ret, struct cove_error *err)
{
    return of_options(options, plain.port, ret, err);
}

static int secure_of_url(const char *url, char **ret, struct cove_error *err)
{
    return of_url(url, secure.port, ret, err);
}

static int secure_of_options(const struct cove_options *options, char **ret, struct cove_error *err)
{
    return of_options(options, secure.port, ret, err);
}

const struct cove__authority_ops cove__webhdfs_authority = { .of_url = plain_of_url,
                                                             .of_options = plain_of_options,
                                                             .write_url = write_url };
const struct cove__authority_ops cove__swebhdfs_authority = { .of_url = secure_of_url,
                                                              .of_options = secure_of_options,
                                                              .write_url = write_url };
