/* Filesystems: from a URL to the process's one instance for it, or to a new one. The front of every backend. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/copy_options.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "fs/authority.h"
#include "fs/fs_impl.h"
#include "fs/schemes.h"

#define THREADS_MAX   16 /* of each of its pools */
#define MAX_KEY_BYTES ((size_t)1 << 20)
#define MAX_URL_BYTES ((size_t)64 << 10)

struct common {
    int64_t timeout_ms;
};

const struct cove__option_row cove__common_options[] = {
    { "timeout", COVE__OPTION_DURATION, offsetof(struct common, timeout_ms), "0", "COVE_TIMEOUT",
      "total time for one call, retries and all; 0: none, only the retries' own bounds", 0, INT64_C(604800000), NULL },
    { 0 },
};

static cove_fs *cache; /* the shared ones; under cove__lock */

/* The name that a filesystem has in the cache: scheme, authority, and each option with its length, so that two
 * different sets have different names. */
static char *make_key(const struct cove__scheme *scheme, const char *authority, const cove_options *options)
{
    struct cove__buf key = COVE__BUF_SECRET(MAX_KEY_BYTES);

    cove__buf_addf(&key, "%s://%s", scheme->name, authority);
    for (size_t i = 0; i < cove__options_count(options); i++) {
        const char *name;
        const char *value;

        cove__options_pair(options, i, &name, &value);
        cove__buf_addf(&key, "\n%s=%zu:%s", name, strlen(value), value);
    }
    return cove__buf_take(&key);
}

static cove_fs *find_locked(const char *key)
{
    cove__assert_locked();
    for (cove_fs *fs = cache; fs; fs = fs->next) {
        if (strcmp(fs->key, key) == 0) {
            fs->refs++;
            return fs;
        }
    }
    return NULL;
}

static void destroy(cove_fs *fs)
{
    if (!fs)
        return;
    if (fs->self)
        fs->ops->close(fs->self);
    cove__workers_free(fs->slots);
    cove__workers_free(fs->calls);
    cove__checksum_cache_free(fs);
    cove__free(fs->authority);
    cove__free(fs->authority_of_options);
    cove__wipe(fs->key); /* options may be secrets */
    cove__free(fs);
}

/* A backend without one of these is not finished: its first test fails with the slot's name. */
static void check(const struct cove__fs_ops *ops)
{
    assert(ops->name && ops->options && ops->open && ops->close && ops->parse);
    assert(!ops->put || ops->upload.part_rules);
}

/* Once for each filesystem: which store it is, before the first request shows it. */
static void log_open(const cove_fs *fs)
{
    struct cove__buf line = COVE__BUF_INIT(MAX_URL_BYTES * 2);
    struct cove_error unseen = COVE_ERROR_INIT;

    if (!fs->ops->endpoint || fs->ops->endpoint(fs->self, &line, &unseen) < 0)
        return;
    if (fs->ops->describe)
        fs->ops->describe(fs->self, &line);
    cove__log(COVE_LOG_INFO, fs->ops->name, "%s:// at %s", fs->scheme, cove__buf_str(&line));
    cove__buf_done(&line);
}

static int make(const struct cove__scheme *scheme, const char *authority, const cove_options *options, cove_fs **ret,
                struct cove_error *err)
{
    struct common common = { 0 };
    cove_fs *fs = cove__calloc(1, sizeof *fs);
    cove_options *own = cove_options_new();
    int rc = 0;

    if (!fs || !own) {
        rc = cove__fail_nomem(err, "a filesystem");
        goto out;
    }
    /* Slots never wait for other slots. The queue's whole calls do, and so they have threads of their own. */
    fs->slots = cove__workers_new(THREADS_MAX);
    fs->calls = cove__workers_new(THREADS_MAX);
    if (!fs->slots || !fs->calls) {
        rc = cove__fail_nomem(err, "a filesystem");
        goto out;
    }
    check(scheme->ops);
    fs->ops = scheme->ops;
    fs->scheme = scheme->name;
    fs->refs = 1;
    /* The front takes its options out; the backend's table knows only its own. */
    for (const struct cove__option_row *row = cove__common_options; rc == 0 && row->name; row++) {
        const char *value = cove_options_get(options, row->name);

        if (value)
            rc = cove_options_set(own, row->name, value, err);
    }
    if (rc == 0)
        rc = cove__options_fill(cove__common_options, own, scheme->name, &common, err);
    if (rc == 0) {
        fs->timeout_ms = common.timeout_ms;
        rc = scheme->ops->open(options, authority, &fs->self, err);
    }
    if (rc == 0) {
        log_open(fs);
        *ret = fs;
        fs = NULL;
    }
out:
    destroy(fs);
    cove_options_free(own);
    return rc;
}

/* A URL that was refused, as a message may show it: without what may be a secret in it (user:password@, a signed
 * query). A password may hold '/', '?' or '@' itself, as many a secret key does: all up to the last '@' goes. Without a
 * ':' it may be a token; only in the URLs of backends with authorities may it be a name ("container@account"). Slashes
 * too many or too few, which may be why it was refused, hide nothing: "s3:///u:p@b", "s3:/u:p@b", "//u:p@b". */
static const char *shown(const char *url, char out[256])
{
    const char *rest = strstr(url, "://");
    const char *at = NULL;
    const struct cove__scheme *scheme;
    bool password;
    size_t n;

    rest = rest ? rest + 3 : cove__scheme_lacks_slash(url) ? strchr(url, '/') : url;
    rest += strspn(rest, "/");
    n = strcspn(rest, "/?");
    password = rest > url && memchr(rest, ':', n);
    scheme = cove__scheme_of(url, &(size_t){ 0 });
    if (password || !scheme || !scheme->ops || !scheme->ops->authority)
        at = memrchr(rest, '@', password ? strlen(rest) : n);
    snprintf(out, 256, "%.*s%s%.*s", (int)(rest - url < 40 ? rest - url : 40), url, at ? "***" : "",
             (int)(at ? strcspn(at, "?") : strcspn(rest, "?")), at ? at : rest);
    return out;
}

static int refuse_scheme(const char *url, size_t length, const struct cove__scheme *scheme, struct cove_error *err)
{
    struct cove__buf known = COVE__BUF_INIT(4096);
    char text[256];
    int rc;

    if (scheme)
        return cove__fail(err, COVE_ENOTSUP, "open %s: this build of cove has no %s backend", shown(url, text),
                          scheme->backend);
    cove__scheme_list(&known);
    rc = cove__fail(err, COVE_EINVAL, "open %s: unknown scheme \"%.*s\"; known: %s", shown(url, text),
                    (int)(length > 40 ? 40 : length), url, cove__buf_str(&known));
    cove__buf_done(&known);
    return rc;
}

/* Puts `fs` in the cache. If another thread was faster, frees it and gives that one's. */
static cove_fs *share(cove_fs *fs)
{
    cove__lock();
    cove_fs *found = find_locked(fs->key);
    if (!found) {
        fs->next = cache;
        cache = fs;
    }
    cove__unlock();
    if (!found)
        return fs;
    destroy(fs);
    return found;
}

/* `shared`: the process's one instance, else one that no other call gives. */
static int open_url(const char *url, const cove_options *options, bool shared, cove_fs **ret_fs, char **ret_path,
                    struct cove_error *err)
{
    const struct cove__scheme *scheme;
    size_t length;
    char *path = NULL;
    char *authority = NULL;
    char *of_options = NULL;
    char *key = NULL;
    cove_fs *fs = NULL;
    char text[256];
    int rc = 0;

    if (!url || !*url || !ret_fs)
        return cove__fail(err, COVE_EINVAL, "open: an empty URL");
    if (strlen(url) > MAX_URL_BYTES)
        return cove__fail(err, COVE_EINVAL, "open %.64s...: the URL is longer than %zu bytes", url, MAX_URL_BYTES);
    if (cove__scheme_lacks_slash(url))
        return cove__fail(err, COVE_EINVAL, "open %s: a scheme is followed by two slashes (a local file is ./%s)",
                          shown(url, text), text);
    scheme = cove__scheme_of(url, &length);
    if (!scheme || !scheme->ops)
        return refuse_scheme(url, length, scheme, err);
    rc = scheme->ops->parse(url, &path, err);
    if (rc == 0) /* before a backend reads them: only here the scheme is known as the user wrote it */
        rc = cove__options_check_names(scheme->ops->options, options, scheme->name, err);
    if (rc == 0)
        rc = cove__authority_resolve(scheme->ops, url, options, &authority, &of_options, err);
    if (rc < 0)
        goto out;
    key = make_key(scheme, authority, options);
    if (!key) {
        rc = cove__fail_nomem(err, "a filesystem");
        goto out;
    }
    if (shared) {
        cove__lock();
        fs = find_locked(key);
        cove__unlock();
    }
    if (!fs) {
        rc = make(scheme, authority, options, &fs, err);
        if (rc < 0)
            goto out;
        fs->key = key;
        fs->authority = authority;
        fs->authority_of_options = of_options;
        key = authority = of_options = NULL;
        if (shared)
            fs = share(fs);
    }
    *ret_fs = fs;
    if (ret_path) {
        *ret_path = path;
        path = NULL;
    }
out:
    if (rc < 0)
        rc = cove__error_prefix(err, rc, "open %s", shown(url, text));
    cove__free(path);
    cove__free(authority);
    cove__free(of_options);
    cove__wipe(key); /* options may be secrets */
    return rc;
}

int cove_fs_from_url(const char *url, const cove_options *options, cove_fs **ret_fs, char **ret_path,
                     struct cove_error *err)
{
    return open_url(url, options, true, ret_fs, ret_path, err);
}

int cove_fs_new_from_url(const char *url, const cove_options *options, cove_fs **ret_fs, char **ret_path,
                         struct cove_error *err)
{
    return open_url(url, options, false, ret_fs, ret_path, err);
}

cove_fs *cove_fs_ref(cove_fs *fs)
{
    cove__lock();
    fs->refs++;
    cove__unlock();
    return fs;
}

void cove_fs_unref(cove_fs *fs)
{
    bool last;

    if (!fs)
        return;
    cove__lock();
    last = --fs->refs == 0;
    if (last) {
        cove_fs **link = &cache;

        while (*link && *link != fs)
            link = &(*link)->next;
        if (*link) /* else it is not shared */
            *link = fs->next;
    }
    cove__unlock();
    if (last)
        destroy(fs);
}

const char *cove_fs_scheme(const cove_fs *fs)
{
    return fs->scheme;
}

int cove_fs_same_store(const cove_fs *a, const cove_fs *b)
{
    return a->ops == b->ops && strcmp(a->authority, b->authority) == 0 &&
           (!a->ops->same_store || a->ops->same_store(a->self, b->self));
}

int cove_fs_endpoint(const cove_fs *fs, char **ret_endpoint, struct cove_error *err)
{
    struct cove__buf endpoint = COVE__BUF_INIT(MAX_URL_BYTES * 2);
    int rc = fs->ops->endpoint ? fs->ops->endpoint(fs->self, &endpoint, err) : 0;
    char *text = rc == 0 ? cove__buf_take(&endpoint) : NULL;

    cove__buf_done(&endpoint);
    if (rc < 0)
        return rc;
    if (!text)
        return cove__fail_nomem(err, "an endpoint");
    *ret_endpoint = text;
    return 0;
}

/* ---- what every public call begins with ---- */

char *cove__fs_show(const cove_fs *fs, const char *path)
{
    struct cove__buf url = COVE__BUF_INIT(MAX_URL_BYTES * 2);

    const struct cove__authority_ops *ops = fs->ops->authority;

    if (ops)
        ops->write_url(fs->scheme,
                       ops->omits && strcmp(fs->authority, fs->authority_of_options) == 0 ? "" : fs->authority, path,
                       &url);
    else
        cove__buf_addf(&url, "%s://%s", fs->scheme, path);
    return cove__buf_take(&url);
}

int64_t cove__call_deadline(const cove_fs *fs, const struct cove_call *call)
{
    int64_t own_ms = cove__call_of(call).timeout_ms, ms = own_ms ? own_ms : fs->timeout_ms;

    if (ms <= 0 || ms > INT64_C(31536000000)) /* none, or a year: none */
        return INT64_MAX;
    return cove__now_ns() + ms * COVE__MS;
}

int cove__target_init(struct cove__target *target, const cove_fs *fs, const char *path, const struct cove_call *call,
                      const char *op, struct cove_error *err)
{
    struct cove_call own = COVE_CALL_INIT;
    size_t length;
    char text[256];
    int rc;

    *target = (struct cove__target){ 0 };
    if (!path)
        return cove__fail(err, COVE_EINVAL, "%s %s://: no path was given", op, fs->scheme);
    if (strlen(path) > MAX_URL_BYTES)
        return cove__fail(err, COVE_EINVAL, "%s %.64s...: the path is longer than %zu bytes", op, path, MAX_URL_BYTES);
    rc = cove__authority_check(fs, path, err);
    if (rc == 0)
        rc = fs->ops->parse(path, &target->path, err);
    if (rc < 0) {
        bool bare = cove__scheme_of(path, &length) && length == 0 &&
                    strcmp(fs->scheme, "file") != 0; /* "bucket/key": a message names the URL */
        return cove__error_prefix(err, rc, "%s %s%s%s", op, bare ? fs->scheme : "", bare ? "://" : "",
                                  shown(path, text));
    }
    target->url = cove__fs_show(fs, target->path);
    if (!target->url) {
        cove__target_done(target);
        return cove__fail_nomem(err, "a URL");
    }
    target->ctx = (struct cove__ctx){ .op = op, .url = target->url };
    rc = COVE__TARGET_OPTIONS(target, &own, call, err);
    target->ctx.deadline_ns = cove__call_deadline(fs, &own);
    target->ctx.cancel = own.cancel;
    /* A fired token ends every call, also those that a backend could answer without checking it. */
    if (rc == 0)
        rc = cove__ctx_check(&target->ctx, err);
    if (rc < 0)
        cove__target_done(target);
    return rc;
}

int cove__target_options(const struct cove__target *target, void *to, size_t to_size, const void *from,
                         const char *name, struct cove_error *err)
{
    int rc = from ? cove__copy_options(to, to_size, from, name, err) : 0;

    return rc < 0 ? cove__error_prefix(err, rc, "%s %s", target->ctx.op, target->url) : 0;
}

void cove__target_done(struct cove__target *target)
{
    cove__free(target->path);
    cove__free(target->url);
    *target = (struct cove__target){ 0 };
}

int cove__fs_fail(struct cove_error *err, const struct cove__ctx *ctx, int code, const char *format, ...)
{
    char text[COVE_ERROR_MESSAGE_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return cove__fail(err, code, "%s %s: %s", ctx->op, ctx->url, text);
}

bool cove__fs_fails_for_all(int code)
{
    return code == COVE_ETIMEDOUT || code == COVE_ECANCELED || code == COVE_ENOMEM || code == COVE_EAUTH ||
           code == COVE_ENETWORK;
}

int cove_fs_url(const cove_fs *fs, const char *path, char **ret_url, struct cove_error *err)
{
    struct cove__target target;
    int rc = cove__target_init(&target, fs, path, NULL, "url", err);

    if (rc == 0) {
        *ret_url = target.url;
        target.url = NULL;
    }
    cove__target_done(&target);
    return rc;
}
