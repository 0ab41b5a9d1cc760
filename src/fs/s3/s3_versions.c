/* The versions of one object, or of all below a prefix: ListObjectVersions. Of one object, the first entries are those
 * of the key that is the prefix. */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/s3/s3.h"
#include "wire/uri.h"
#include "wire/xml.h"

#define VERSION_MAX ((size_t)1024)

/* A page as it is read: what is known of the current entry, and where finished entries go. */
struct reader {
    struct cove__page *page;
    struct cove__object_name name;
    bool below;     /* all of the prefix, not only the key's own */
    bool encoded;   /* the names are percent-encoded */
    bool truncated; /* more follows … */
    bool passed;    /* … of other keys */
    struct cove__buf key, version, next, next_key;
    struct cove_info entry; /* its size, time, class and flags */
    char etag[COVE__HEADER_MAX];
};

static void clear_entry(struct reader *v)
{
    cove__buf_reset(&v->key);
    cove__buf_reset(&v->version);
    v->etag[0] = '\0';
    v->entry = (struct cove_info){ .size = -1, .mtime_ns = -1 };
}

static int add_info(struct reader *v, const char *path, bool deleted)
{
    struct cove_info info = { 0 };

    if (v->version.size == 0 || (!deleted && v->entry.size < 0))
        return COVE_EPROTOCOL;
    int rc = cove__info_set(&info, path, COVE_INFO_FILE, deleted ? 0 : v->entry.size, v->entry.mtime_ns,
                            v->etag[0] ? v->etag : NULL);
    if (rc == 0) {
        memcpy(info.storage_class, v->entry.storage_class, sizeof info.storage_class);
        info.latest = v->entry.latest;
        info.deleted = deleted;
        info.version_id = cove__strdup(cove__buf_str(&v->version));
        rc = info.version_id ? cove__page_take(v->page, &info) : COVE_ENOMEM;
    }
    cove__info_done(&info);
    return rc;
}

static int add_entry(struct reader *v, bool deleted)
{
    struct cove__buf path = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX * 3 + 1 + v->name.bucket.size + 1);

    cove__buf_add_slice(&path, v->name.bucket);
    cove__buf_add_char(&path, '/');
    size_t before = path.size;
    int rc = v->encoded ? cove__form_decode(&path, cove__buf_slice(&v->key))
                        : cove__buf_add_slice(&path, cove__buf_slice(&v->key));
    bool ours = v->below || cove__slice_eq(cove__slice_sub(cove__buf_slice(&path), before, SIZE_MAX), v->name.key);
    v->passed |= !ours;
    if (rc == 0 && ours)
        rc = add_info(v, cove__buf_str(&path), deleted);
    cove__buf_done(&path);
    return rc;
}

/* `path` without what it begins with; NULL: it is another. */
static const char *below(const char *path, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(path, prefix, n) == 0 ? path + n : NULL;
}

static int on_start(void *user, const char *path)
{
    if (strcmp(path, "ListVersionsResult/Version") == 0 || strcmp(path, "ListVersionsResult/DeleteMarker") == 0)
        clear_entry(user);
    return 0;
}

static int on_field(struct reader *v, const char *name, struct cove__slice text)
{
    if (strcmp(name, "Key") == 0)
        return cove__buf_add_slice(&v->key, text);
    if (strcmp(name, "VersionId") == 0)
        return cove__buf_add_slice(&v->version, text);
    if (strcmp(name, "IsLatest") == 0)
        v->entry.latest = cove__slice_is(text, "true");
    else if (strcmp(name, "LastModified") == 0)
        v->entry.mtime_ns = cove__object_date(text);
    else if (strcmp(name, "Size") == 0)
        v->entry.size = cove__object_number(text);
    else if (strcmp(name, "StorageClass") == 0)
        cove__object_text(text, v->entry.storage_class, sizeof v->entry.storage_class);
    else if (strcmp(name, "ETag") == 0)
        cove__object_etag(text, v->etag, sizeof v->etag);
    return 0;
}

static int on_end(void *user, const char *path, struct cove__slice text)
{
    struct reader *v = user;
    const char *name = below(path, "ListVersionsResult/");

    if (!name)
        return 0;
    if (strcmp(name, "IsTruncated") == 0)
        return cove__object_flag(text, &v->truncated);
    else if (strcmp(name, "NextVersionIdMarker") == 0)
        return cove__buf_add_slice(&v->next, text);
    else if (strcmp(name, "NextKeyMarker") == 0)
        return cove__buf_add_slice(&v->next_key, text);
    else if (strcmp(name, "Version") == 0)
        return add_entry(v, false);
    else if (strcmp(name, "DeleteMarker") == 0)
        return add_entry(v, true);
    else if (below(name, "Version/"))
        return on_field(v, below(name, "Version/"), text);
    else if (below(name, "DeleteMarker/"))
        return on_field(v, below(name, "DeleteMarker/"), text);
    return 0;
}

/* The encoding may follow the names, so it is read first. */
static int on_encoding(void *user, const char *path, struct cove__slice text)
{
    struct reader *v = user;
    if (strcmp(path, "ListVersionsResult/EncodingType") == 0)
        v->encoded = cove__slice_is(text, "url");
    return 0;
}

/* What continues a list: the version where it stopped, a line break, and for a list below a prefix the key. */
static int continue_from(struct reader *v)
{
    struct cove__buf token = COVE__BUF_INIT(VERSION_MAX + 1 + COVE__OBJECT_KEY_MAX);

    cove__buf_add_slice(&token, cove__buf_slice(&v->next));
    if (v->below) {
        cove__buf_add_char(&token, '\n');
        if (v->encoded)
            cove__form_decode(&token, cove__buf_slice(&v->next_key));
        else
            cove__buf_add_slice(&token, cove__buf_slice(&v->next_key));
    }
    v->page->token = cove__buf_take(&token);
    return v->page->token ? 0 : COVE_ENOMEM;
}

static int read_page(const struct cove__object_request *r, struct reader *v, const char *token, struct cove_error *err)
{
    static const struct cove__xml_handler encoding = { NULL, on_encoding, "ListVersionsResult" },
                                          entries = { on_start, on_end, "ListVersionsResult" };
    struct cove__slice body = cove__buf_slice(&r->http.response);

    int rc = cove__xml_read(body, &encoding, v);
    if (rc == 0)
        rc = cove__xml_read(body, &entries, v);
    if (rc < 0)
        return cove__object_unreadable(r, err, rc, "the list of versions");
    if (!v->truncated || v->passed)
        return 0;
    /* A list whose token repeats would never end. */
    bool next = v->below ? v->next_key.size > 0 : v->next.size > 0;
    if (next && continue_from(v) < 0)
        return cove__fail_nomem(err, "a list of versions");
    if (!next || (token && strcmp(v->page->token, token) == 0))
        return cove__object_fail(r, err, COVE_EPROTOCOL, "the list of versions does not advance");
    return 0;
}

static void add_query(struct cove__object_request *r, const struct reader *v, struct cove__slice prefix,
                      const char *token)
{
    cove__buf_addf(&r->query, "versions=&encoding-type=url&max-keys=%u", S3_LIST_PAGE);
    if (prefix.size > 0)
        cove__uri_add_pair(&r->query, "prefix", prefix);
    if (!token)
        return;
    size_t version = v->below ? strcspn(token, "\n") : strlen(token);
    cove__uri_add_pair(&r->query, "key-marker", v->below ? cove__slice_str(token + version + 1) : prefix);
    if (version > 0)
        cove__uri_add_pair(&r->query, "version-id-marker", cove__slice(token, version));
}

static int list_versions(struct reader *v, struct cove__object_store *store, struct cove__slice prefix,
                         const char *token, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_request r;

    cove__buf_init(&v->key, COVE__OBJECT_KEY_MAX * 3 + 1);
    cove__buf_init(&v->version, VERSION_MAX);
    cove__buf_init(&v->next, VERSION_MAX);
    cove__buf_init(&v->next_key, COVE__OBJECT_KEY_MAX * 3 + 1);
    cove__object_request_init(&r, store, "GET", (struct cove__object_name){ .bucket = v->name.bucket }, ctx);
    r.http.response_max = COVE__OBJECT_RESPONSE_MAX;
    add_query(&r, v, prefix, token);
    int rc = cove__object_run(&r, err);
    if (rc == 0)
        rc = read_page(&r, v, token, err);
    cove__object_request_done(&r);
    cove__buf_done(&v->key);
    cove__buf_done(&v->version);
    cove__buf_done(&v->next);
    cove__buf_done(&v->next_key);
    return rc;
}

int cove__s3_versions(void *self, const char *path, const char *token, const struct cove__ctx *ctx,
                      struct cove__page *ret_page, struct cove_error *err)
{
    struct reader v = { .page = ret_page };

    int rc = cove__object_name_of(self, path, true, ctx, &v.name, err);
    if (rc == 0)
        rc = list_versions(&v, self, v.name.key, token, ctx, err);
    if (rc == 0 && !token && ret_page->n == 0 && !ret_page->token)
        rc = cove__fs_fail(err, ctx, COVE_ENOTFOUND, "no such object, nor any version of it");
    return rc;
}

int cove__s3_versions_below(void *self, const char *path, const char *token, const struct cove__ctx *ctx,
                            struct cove__page *ret_page, struct cove_error *err)
{
    struct reader v = { .page = ret_page, .name = cove__object_split(path), .below = true };
    struct cove__buf prefix = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX + 1);

    int rc = cove__object_prefix_of(&v.name, &prefix, ctx, err);
    if (rc == 0)
        rc = list_versions(&v, self, cove__buf_slice(&prefix), token, ctx, err);
    cove__buf_done(&prefix);
    return rc;
}
