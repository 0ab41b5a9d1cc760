/* The versions of one object: ListObjectVersions, of which the first entries are those of the key that is the prefix.
 */
#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/s3/s3.h"
#include "wire/uri.h"
#include "wire/xml.h"

#define VERSION_MAX ((size_t)1024)

/* A page as it is read: what is known of the entry at hand, and where finished ones go. */
struct reader {
    struct cove__page *page;
    const char *path;
    struct cove__slice key;
    bool encoded;   /* the names are percent-encoded */
    bool truncated; /* more follows … */
    bool passed;    /* … of other keys */
    struct cove__buf name, version, next;
    struct cove_info entry; /* its size, time, class and flags */
    char etag[COVE__HEADER_MAX];
};

static void clear_entry(struct reader *v)
{
    cove__buf_reset(&v->name);
    cove__buf_reset(&v->version);
    v->etag[0] = '\0';
    v->entry = (struct cove_info){ .size = -1, .mtime_ns = -1 };
}

static int add_entry(struct reader *v, bool deleted)
{
    struct cove__buf name = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX * 3 + 1);
    struct cove_info info = { 0 };

    int rc = v->encoded ? cove__form_decode(&name, cove__buf_slice(&v->name))
                        : cove__buf_add_slice(&name, cove__buf_slice(&v->name));
    bool ours = cove__slice_eq(cove__buf_slice(&name), v->key);
    cove__buf_done(&name);
    v->passed |= !ours;
    if (rc < 0 || !ours)
        return rc;
    if (v->version.size == 0 || (!deleted && v->entry.size < 0))
        return COVE_EPROTOCOL;
    rc = cove__info_set(&info, v->path, COVE_INFO_FILE, deleted ? 0 : v->entry.size, v->entry.mtime_ns,
                        v->etag[0] ? v->etag : NULL);
    if (rc == 0) {
        memcpy(info.storage_class, v->entry.storage_class, sizeof info.storage_class);
        info.latest = v->entry.latest;
        info.deleted = deleted;
        info.version_id = cove__strdup(cove__buf_str(&v->version));
        rc = info.version_id != NULL ? cove__page_take(v->page, &info) : COVE_ENOMEM;
    }
    cove__info_done(&info);
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
        return cove__buf_add_slice(&v->name, text);
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

    if (name == NULL)
        return 0;
    if (strcmp(name, "IsTruncated") == 0)
        return cove__object_flag(text, &v->truncated);
    else if (strcmp(name, "NextVersionIdMarker") == 0)
        return cove__buf_add_slice(&v->next, text);
    else if (strcmp(name, "Version") == 0)
        return add_entry(v, false);
    else if (strcmp(name, "DeleteMarker") == 0)
        return add_entry(v, true);
    else if (below(name, "Version/") != NULL)
        return on_field(v, below(name, "Version/"), text);
    else if (below(name, "DeleteMarker/") != NULL)
        return on_field(v, below(name, "DeleteMarker/"), text);
    return 0;
}

/* The encoding may stand behind the names, so it is looked for first. */
static int on_encoding(void *user, const char *path, struct cove__slice text)
{
    struct reader *v = user;
    if (strcmp(path, "ListVersionsResult/EncodingType") == 0)
        v->encoded = cove__slice_is(text, "url");
    return 0;
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
    if (v->next.size == 0 || (token != NULL && cove__slice_is(cove__buf_slice(&v->next), token)))
        return cove__object_fail(r, err, COVE_EPROTOCOL, "the list of versions does not move on");
    v->page->token = cove__buf_take(&v->next);
    return v->page->token != NULL ? 0 : cove__fail_nomem(err, "a list of versions");
}

int cove__s3_versions(void *self, const char *path, const char *token, const struct cove__ctx *ctx,
                      struct cove__page *ret_page, struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct reader v = { .page = ret_page, .path = path };
    struct cove__object_name name;
    struct cove__object_request r;

    int rc = cove__object_name_of(store, path, true, ctx, &name, err);
    if (rc < 0)
        return rc;
    v.key = name.key;
    cove__buf_init(&v.name, COVE__OBJECT_KEY_MAX * 3 + 1);
    cove__buf_init(&v.version, VERSION_MAX);
    cove__buf_init(&v.next, VERSION_MAX);
    cove__object_request_init(&r, store, "GET", (struct cove__object_name){ .bucket = name.bucket }, ctx);
    r.http.response_max = COVE__OBJECT_RESPONSE_MAX;
    cove__buf_addf(&r.query, "versions=&encoding-type=url&max-keys=%u", S3_LIST_PAGE);
    cove__uri_add_pair(&r.query, "prefix", name.key);
    if (token != NULL) {
        cove__uri_add_pair(&r.query, "key-marker", name.key);
        cove__uri_add_pair(&r.query, "version-id-marker", cove__slice_str(token));
    }
    rc = cove__object_run(&r, err);
    if (rc == 0)
        rc = read_page(&r, &v, token, err);
    if (rc == 0 && token == NULL && ret_page->n == 0 && ret_page->token == NULL)
        rc = cove__fs_fail(err, ctx, COVE_ENOTFOUND, "no such object, nor any version of it");
    cove__object_request_done(&r);
    cove__buf_done(&v.name);
    cove__buf_done(&v.version);
    cove__buf_done(&v.next);
    return rc;
}
