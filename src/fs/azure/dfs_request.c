/* A request to the DFS endpoint: its address, lines and signature before each attempt (struct cove__object_ops). */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "fs/azure/azure_request.h"
#include "fs/azure/dfs.h"
#include "net/header.h"
#include "wire/digest.h"
#include "wire/uri.h"

#define LINES_MAX      ((size_t)128 << 10)
#define PROPERTIES_MAX ((size_t)32 << 10)
#define URL_MAX        ((size_t)32 << 10)

void cove__dfs_request_done(struct cove__object_request *r)
{
    cove__azure_request_done(r);
    cove__dfs_work_free(cove__dfs_work(r));
    cove__azure_state(r)->work = NULL;
}

/* ---- names ---- */

static size_t last_segment(struct cove__slice key)
{
    size_t n = key.size;

    while (n > 0 && key.data[n - 1] != '/')
        n--;
    return n;
}

/* The path that this step is about. */
static int add_path(const struct cove__object_request *r, struct cove__buf *path)
{
    const struct dfs_work *work = cove__dfs_work(r);
    struct cove__object_name name = r->name;
    struct cove__buf key = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX * 4 + 64);
    enum dfs_step step = work ? work->step : DFS_PLAIN;
    bool temporary = step == DFS_CREATE || step == DFS_APPEND || step == DFS_APPEND_ALL || step == DFS_FLUSH ||
                     step == DFS_DISCARD || step == DFS_DELETE; /* the last of an upload that is aborted */

    if (temporary && work->temporary[0] != '\0') {
        cove__buf_add_slice(&key, cove__slice_sub(name.key, 0, last_segment(name.key)));
        cove__buf_addf(&key, DFS_TEMPORARY "%s", work->temporary);
        name.key = cove__buf_slice(&key);
    } else if (step == DFS_PARENT) {
        size_t n = last_segment(name.key);
        name.key.size = n > 0 ? n - 1 : 0;
    }
    cove__azure_add_path(cove__azure_of(r), name, path);
    int rc = cove__buf_rc(&key) < 0 ? cove__buf_rc(&key) : cove__buf_rc(path);
    cove__buf_done(&key);
    return rc;
}

/* A directory has a name in each segment. */
static bool is_possible(struct cove__slice key)
{
    for (size_t at = 0; at <= key.size;) {
        const uint8_t *slash = at < key.size ? memchr(key.data + at, '/', key.size - at) : NULL;
        struct cove__slice segment = cove__slice_sub(key, at, slash ? (size_t)(slash - key.data) - at : key.size - at);

        if (segment.size == 0)
            return false;
        at += segment.size + 1;
    }
    return true;
}

/* ---- what each step asks ---- */

static const char *method_of(const struct cove__object_request *r, bool *ret_has_body)
{
    const struct dfs_work *work = cove__dfs_work(r);

    *ret_has_body = true;
    switch (work->step) {
    case DFS_CREATE:
    case DFS_PUBLISH:
    case DFS_RENAME:
    case DFS_PARENT:
    case DFS_MAKE:
        return "PUT";
    case DFS_APPEND:
    case DFS_APPEND_ALL:
    case DFS_FLUSH:
    case DFS_PROPERTIES:
        return "PATCH";
    case DFS_CONFIRM:
    case DFS_LOOK:
        *ret_has_body = false;
        return "HEAD";
    case DFS_DISCARD:
    case DFS_DELETE:
        *ret_has_body = false;
        return "DELETE";
    default:
        *ret_has_body = r->http.has_body;
        return r->http.method;
    }
}

static void add_query(const struct dfs_work *work, struct cove__buf *query)
{
    long long position = (long long)work->position;

    cove__buf_reset(query);
    switch (work->step) {
    case DFS_CREATE:
        cove__buf_add_str(query, "resource=file");
        break;
    case DFS_PARENT:
    case DFS_MAKE:
        cove__buf_add_str(query, "resource=directory");
        break;
    case DFS_APPEND:
        cove__buf_addf(query, "action=append&position=%lld", position);
        break;
    case DFS_APPEND_ALL:
        cove__buf_add_str(query, "action=append&position=0&flush=true");
        break;
    case DFS_FLUSH:
        cove__buf_addf(query, "action=flush&position=%lld%s", position, work->closes ? "&close=true" : "");
        break;
    case DFS_PUBLISH:
    case DFS_RENAME:
        cove__buf_add_str(query, "mode=legacy");
        break;
    case DFS_DELETE:
        cove__buf_addf(query, "recursive=%s", work->recursive ? "true&paginated=true" : "false");
        break;
    case DFS_PROPERTIES:
        cove__buf_add_str(query, "action=setProperties");
        break;
    default:
        break;
    }
    if (work->token && (work->step == DFS_RENAME || work->step == DFS_DELETE))
        cove__uri_add_pair(query, "continuation", cove__slice_str(work->token));
}

/* Of the source of a rename: its path, with the signature that may be needed to move it away, and its version. A
 * temporary file must be what the flush has made it: an earlier attempt to create it may come late. */
static int add_source(const struct cove__object_request *r, struct cove__buf *headers)
{
    const struct dfs_work *work = cove__dfs_work(r);
    const struct cove__azure *azure = cove__azure_of(r);
    struct cove__buf value = COVE__BUF_SECRET(URL_MAX), key = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX * 4 + 64);
    struct cove__object_name from = work->source;
    const char *version = work->step == DFS_PUBLISH ? work->etag : work->source_version;

    if (work->step == DFS_PUBLISH) {
        cove__buf_add_slice(&key, cove__slice_sub(r->name.key, 0, last_segment(r->name.key)));
        cove__buf_addf(&key, DFS_TEMPORARY "%s", work->temporary);
        from = (struct cove__object_name){ .bucket = r->name.bucket, .key = cove__buf_slice(&key) };
    }
    cove__buf_add_char(&value, '/');
    cove__uri_encode(&value, from.bucket, false);
    cove__buf_add_char(&value, '/');
    cove__uri_encode(&value, from.key, true);
    if (azure->account.sas)
        cove__buf_addf(&value, "?%s", azure->account.sas);
    int rc = cove__buf_rc(&key) < 0 ? cove__buf_rc(&key) : cove__buf_rc(&value);
    if (rc == 0)
        rc = cove__header_append(headers, "x-ms-rename-source", cove__buf_slice(&value));
    if (rc == 0 && version && version[0] != '\0')
        rc = cove__header_append(headers, "x-ms-source-if-match", cove__slice_str(version));
    cove__buf_done(&value);
    cove__buf_done(&key);
    return rc;
}

/* ---- lines ---- */

static bool begins(struct cove__slice name, const char *with)
{
    size_t n = strlen(with);

    return name.size >= n && strncasecmp((const char *)name.data, with, n) == 0;
}

static bool is_condition(struct cove__slice name)
{
    return begins(name, "if-");
}

/* "NAME=BASE64," */
static int add_metadata(struct cove__slice name, struct cove__slice value, struct cove__buf *properties)
{
    size_t prefix = strlen("x-ms-meta-"), size = COVE__BASE64_SIZE(value.size);
    char *text = cove__malloc(size);

    if (!text)
        return COVE_ENOMEM;
    cove__base64(value.data, value.size, text);
    if (properties->size > 0)
        cove__buf_add_char(properties, ',');
    cove__buf_add_slice(properties, cove__slice_sub(name, prefix, SIZE_MAX));
    cove__buf_addf(properties, "=%s", text);
    cove__free(text);
    return cove__buf_rc(properties);
}

static bool is_property(struct cove__slice name)
{
    static const char *const names[] = { "Content-Type", "Cache-Control", "Content-Encoding", "Content-Language",
                                         "Content-Disposition" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (name.size == strlen(names[i]) && begins(name, names[i]))
            return true;
    }
    return false;
}

struct lines {
    struct cove__buf all, properties;
    bool describes, under_condition, plain;
};

static int add_line(struct cove__object_request *r, struct lines *l, struct cove__slice name, struct cove__slice value,
                    struct cove_error *err)
{
    struct cove__buf *headers = &r->http.headers;

    if (l->describes && begins(name, "x-ms-access-tier"))
        return cove__object_fail(r, err, COVE_ENOTSUP,
                                 "option access_tier: files of an account with a hierarchical namespace are written "
                                 "in the account's own tier: leave it out, and use a lifecycle rule of the account");
    if (l->describes && begins(name, "x-ms-meta-"))
        return add_metadata(name, value, &l->properties);
    if (l->describes && is_property(name))
        cove__buf_add_str(headers, "x-ms-");
    else if (!(l->plain || (l->under_condition && is_condition(name))))
        return 0;
    cove__buf_add_slice(headers, name);
    return cove__header_append(headers, "", value);
}

/* The engine's lines, each in the step that it is for: what describes a file where that is made, a condition where the
 * request does what it is about. */
static int add_lines(struct cove__object_request *r, struct cove_error *err)
{
    const struct dfs_work *work = cove__dfs_work(r);
    enum dfs_step step = work ? work->step : DFS_PLAIN;
    struct lines l = { .all = COVE__BUF_SECRET(LINES_MAX),
                       .properties = COVE__BUF_INIT(PROPERTIES_MAX),
                       .describes = step == DFS_CREATE || step == DFS_PROPERTIES,
                       .under_condition = step == DFS_PUBLISH || step == DFS_PROPERTIES || step == DFS_RENAME ||
                                          step == DFS_MAKE || (step == DFS_FLUSH && work->temporary[0] == '\0') ||
                                          step == DFS_DELETE,
                       .plain = step == DFS_PLAIN };

    cove__object_add_headers(r, &l.all);
    struct cove__slice rest = cove__buf_slice(&l.all);
    int rc = cove__buf_rc(&l.all);
    while (rc == 0 && rest.size > 0) {
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        size_t size = end ? (size_t)(end - rest.data) : rest.size;
        const uint8_t *colon = memchr(rest.data, ':', size);
        size_t name = colon ? (size_t)(colon - rest.data) : size, value = name + 1;
        while (value < size && rest.data[value] == ' ')
            value++;
        rc = add_line(r, &l, cove__slice(rest.data, name),
                      cove__slice(rest.data + value, value < size ? size - value : 0), err);
        rest = cove__slice_sub(rest, size + 1, SIZE_MAX);
    }
    if (rc == 0 && l.properties.size > 0)
        rc = cove__header_append(&r->http.headers, "x-ms-properties", cove__buf_slice(&l.properties));
    if (rc == 0 && step == DFS_DELETE && work->etag[0] != '\0' && !r->conditional && !work->token)
        rc = cove__header_append(&r->http.headers, "If-Match", cove__slice_str(work->etag));
    cove__buf_done(&l.all);
    cove__buf_done(&l.properties);
    return rc;
}

/* ---- an attempt ---- */

static void set_step(struct cove__object_request *r)
{
    const struct dfs_work *work = cove__dfs_work(r);
    bool has_body;

    if (!work || work->step == DFS_PLAIN)
        return;
    r->http.method = method_of(r, &has_body);
    r->http.has_body = has_body;
    if (work->writes_all)
        r->http.body = work->step == DFS_APPEND_ALL ? work->body : cove__slice("", 0);
    add_query(work, &r->query);
}

static bool makes_name(const struct dfs_work *work)
{
    return work && (work->step == DFS_CREATE || work->step == DFS_MAKE || work->step == DFS_RENAME);
}

int cove__dfs_prepare(struct cove__object_request *r, struct cove_error *err)
{
    const struct cove__azure *azure = cove__azure_of(r);
    const struct azure_account *account = &azure->account;
    const struct dfs_work *work = cove__dfs_work(r);
    struct cove__buf path = COVE__BUF_INIT(URL_MAX), *url = &r->http.url, *headers = &r->http.headers;
    char date[COVE__HTTP_DATE_SIZE];

    int rc = cove__azure_check_steps(r, work ? work->source.key : cove__slice("", 0), err);
    if (rc == 0 && azure->provider)
        rc = cove__azure_get_token(r, err);
    if (rc != 0)
        return rc;
    if (makes_name(work) && !is_possible(r->name.key))
        return cove__object_fail(r, err, COVE_EINVAL,
                                 "an account with a hierarchical namespace has no such name: each part between two "
                                 "slashes is the name of a directory, and not empty");
    set_step(r);
    rc = add_path(r, &path);
    cove__buf_addf(url, "%s://%s%s", account->endpoint.tls ? "https" : "http", account->endpoint.host,
                   cove__buf_str(&path));
    if (r->query.size > 0)
        cove__buf_addf(url, "?%s", cove__buf_str(&r->query));
    if (account->sas)
        cove__buf_addf(url, "%s%s", r->query.size > 0 ? "&" : "?", account->sas);
    cove__format_http_date(cove__object_now(r->store), date);
    cove__buf_addf(headers, "x-ms-date: %s\nx-ms-version: " COVE__AZURE_VERSION "\n", date);
    if (rc == 0)
        rc = add_lines(r, err);
    if (work && (work->step == DFS_APPEND || work->step == DFS_APPEND_ALL))
        cove__azure_add_checksum(r, headers);
    if (rc == 0 && work && (work->step == DFS_PUBLISH || work->step == DFS_RENAME))
        rc = add_source(r, headers);
    if (rc == 0)
        rc = cove__buf_rc(url) < 0 ? cove__buf_rc(url) : cove__buf_rc(&r->query);
    if (rc == 0) {
        const struct cove__shared_key_request to_sign = { r->http.method,
                                                          cove__buf_str(&path),
                                                          cove__buf_str(&r->query),
                                                          { 0 },
                                                          r->http.has_body ? r->http.body.size : 0 };
        rc = cove__azure_authorize(r, to_sign, headers);
    }
    if (rc == 0)
        rc = cove__buf_rc(headers);
    cove__buf_done(&path);
    if (rc < 0 && err->code == 0)
        cove__object_fail(r, err, rc, "the request cannot be made: %s", cove_code_phrase(rc));
    return rc;
}
