/* Listings: of buckets, of one level of a bucket, of all keys below a prefix; and what follows from them: directories.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/object/virtual.h"
#include "fs/s3/s3.h"
#include "wire/uri.h"
#include "wire/xml.h"

/* A page as it is read: what is known of the entry at hand, and where finished ones go. */
struct page_reader {
    struct cove__page *page;
    struct cove__slice bucket, prefix;
    bool buckets;
    bool keys;            /* entries are objects, with their whole keys; else files and directories */
    bool deep;            /* at any depth; of directories only markers are listed */
    bool encoded;         /* the names are percent-encoded */
    const char *wrong;    /* what is wrong with an entry; NULL: nothing */
    bool seen;            /* anything at all is below the prefix, be it a marker */
    struct cove__buf key; /* as it came */
    char etag[COVE__HEADER_MAX];
    char storage_class[COVE__STORAGE_CLASS_SIZE];
    int64_t size, mtime_ns;
    bool truncated;
    struct cove__buf token;
};

/* The path of an entry. A directory's loses its slash, unless what is left would be the name of another directory. */
static int entry_path(const struct page_reader *p, struct cove__slice name, bool directory, struct cove__buf *out)
{
    if (directory && name.size > 1 && name.data[name.size - 2] != '/')
        name.size--;
    cove__buf_add_slice(out, p->bucket);
    cove__buf_add_char(out, '/');
    cove__buf_add_slice(out, name);
    return cove__buf_rc(out);
}

/* COVE_EPROTOCOL. Tree removals trust the listing, so an entry outside `prefix`, from a store or proxy that ignores it,
 * must be refused. */
static int check_entry(struct page_reader *p, struct cove__slice key, bool directory)
{
    if (key.size == 0)
        p->wrong = "it has an entry without a name";
    else if (!cove__slice_eq(cove__slice_sub(key, 0, p->prefix.size), p->prefix))
        p->wrong = "it has an entry that is not below the folder";
    else if (!directory && p->size < 0)
        p->wrong = "it has an object without a valid size";
    return p->wrong != NULL ? COVE_EPROTOCOL : 0;
}

static int add_entry(struct page_reader *p, bool directory)
{
    struct cove__buf name = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX * 3 + 1),
                     path = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX * 3 + 320);
    struct cove__slice raw = cove__buf_slice(&p->key);

    int rc = p->encoded ? cove__form_decode(&name, raw) : cove__buf_add_slice(&name, raw);
    struct cove__slice key = cove__buf_slice(&name);
    if (rc == 0)
        rc = check_entry(p, key, directory);
    p->seen = true;
    /* Other tools make a directory as an empty object whose name ends in a slash. A listing of one level has it among
     * the prefixes, too. */
    bool marker = !p->keys && !directory && key.size > 0 && key.data[key.size - 1] == '/' && p->size == 0;
    if (rc == 0 && (p->deep || !marker)) {
        enum cove_info_type type = directory || marker ? COVE_INFO_DIRECTORY : COVE_INFO_FILE;

        rc = entry_path(p, key, type == COVE_INFO_DIRECTORY, &path);
        if (rc == 0)
            rc = cove__page_add(p->page, cove__buf_str(&path), type, directory ? 0 : p->size,
                                directory ? -1 : p->mtime_ns, p->etag[0] ? p->etag : NULL);
        if (rc == 0)
            memcpy(p->page->items[p->page->n - 1].storage_class, p->storage_class, sizeof p->storage_class);
    }
    cove__buf_done(&name);
    cove__buf_done(&path);
    return rc;
}

static int on_start(void *user, const char *path)
{
    struct page_reader *p = user;
    if (strcmp(path, "ListBucketResult/Contents") == 0 || strcmp(path, "ListBucketResult/CommonPrefixes") == 0 ||
        strcmp(path, "ListAllMyBucketsResult/Buckets/Bucket") == 0) {
        cove__buf_reset(&p->key);
        p->etag[0] = p->storage_class[0] = '\0';
        p->size = p->mtime_ns = -1;
    }
    return 0;
}

static int on_end(void *user, const char *path, struct cove__slice text)
{
    struct page_reader *p = user;
    static const char contents[] = "ListBucketResult/Contents";
    static const char prefixes[] = "ListBucketResult/CommonPrefixes";

    if (strcmp(path, "ListBucketResult/Contents/Key") == 0 ||
        strcmp(path, "ListBucketResult/CommonPrefixes/Prefix") == 0) {
        cove__buf_reset(&p->key);
        return cove__buf_add_slice(&p->key, text);
    }
    if (strcmp(path, "ListBucketResult/Contents/Size") == 0)
        p->size = cove__object_number(text);
    else if (strcmp(path, "ListBucketResult/Contents/LastModified") == 0)
        p->mtime_ns = cove__object_date(text);
    else if (strcmp(path, "ListBucketResult/Contents/ETag") == 0)
        cove__object_etag(text, p->etag, sizeof p->etag);
    else if (strcmp(path, "ListBucketResult/Contents/StorageClass") == 0)
        cove__object_text(text, p->storage_class, sizeof p->storage_class);
    else if (strcmp(path, contents) == 0 || strcmp(path, prefixes) == 0)
        return add_entry(p, strcmp(path, prefixes) == 0);
    else if (strcmp(path, "ListBucketResult/IsTruncated") == 0)
        return cove__object_flag(text, &p->truncated);
    else if (strcmp(path, "ListBucketResult/NextContinuationToken") == 0)
        return cove__buf_add_slice(&p->token, text);
    return 0;
}

/* The encoding stands behind the names in some stores' replies, so it is looked for first. */
static int on_encoding(void *user, const char *path, struct cove__slice text)
{
    struct page_reader *p = user;
    if (strcmp(path, "ListBucketResult/EncodingType") == 0)
        p->encoded = cove__slice_is(text, "url");
    return 0;
}

static int on_bucket(void *user, const char *path, struct cove__slice text)
{
    struct page_reader *p = user;

    if (strcmp(path, "ListAllMyBucketsResult/Buckets/Bucket/Name") == 0) {
        cove__buf_reset(&p->key);
        return cove__buf_add_slice(&p->key, text);
    }
    if (strcmp(path, "ListAllMyBucketsResult/Buckets/Bucket") == 0 && p->key.size == 0)
        return COVE_EPROTOCOL;
    if (strcmp(path, "ListAllMyBucketsResult/Buckets/Bucket") == 0)
        return cove__page_add(p->page, cove__buf_str(&p->key), COVE_INFO_DIRECTORY, 0, -1, NULL);
    return 0;
}

/* Whether the path lacks the slash at the end of the directory's key. */
static bool lacks_slash(const struct cove_info *info, size_t end)
{
    return info->path[end] == '\0' && info->type == COVE_INFO_DIRECTORY && end > 0 && info->path[end - 1] != '/';
}

/* Entries and prefixes come in two lists; the page has them in the order of their keys, in which a directory's ends in
 * a slash. */
static int compare_entries(const void *a, const void *b)
{
    const struct cove_info *x = a, *y = b;
    size_t i = 0;

    while (x->path[i] != '\0' && x->path[i] == y->path[i])
        i++;
    int p = lacks_slash(x, i) ? '/' : (unsigned char)x->path[i];
    int q = lacks_slash(y, i) ? '/' : (unsigned char)y->path[i];
    if (p == q) /* a directory, and itself or an entry in it */
        return (unsigned char)x->path[i] - (unsigned char)y->path[i];
    return p - q;
}

static void reader_init(struct page_reader *p, struct cove__page *page)
{
    *p = (struct page_reader){ .page = page };
    cove__buf_init(&p->key, COVE__OBJECT_KEY_MAX * 3 + 1);
    cove__buf_init(&p->token, 8192);
}

static void reader_done(struct page_reader *p)
{
    cove__buf_done(&p->key);
    cove__buf_done(&p->token);
}

/* `token`: where this page began. Longer cycles are detected by fs/paging.h. */
static int read_page(const struct cove__object_request *r, struct page_reader *p, const char *token,
                     struct cove_error *err)
{
    static const struct cove__xml_handler encoding = { NULL, on_encoding, "ListBucketResult" },
                                          entries = { on_start, on_end, "ListBucketResult" },
                                          buckets = { on_start, on_bucket, "ListAllMyBucketsResult" };
    struct cove__slice body = cove__buf_slice(&r->http.reply);

    int rc = cove__xml_read(body, p->buckets ? &buckets : &encoding, p);
    if (rc == 0 && !p->buckets)
        rc = cove__xml_read(body, &entries, p);
    if (rc < 0)
        return p->wrong != NULL ? cove__object_fail(r, err, rc, "the listing cannot be read: %s", p->wrong)
                                : cove__object_unreadable(r, err, rc, "the listing");
    if (p->page->n > 1)
        qsort(p->page->items, p->page->n, sizeof *p->page->items, compare_entries);
    if (!p->buckets)
        cove__virtual_end_page(r->store, p->page);
    if (p->truncated && p->token.size == 0)
        return cove__object_fail(r, err, COVE_EPROTOCOL, "the listing goes on, but the store does not say where");
    if (p->truncated && token != NULL && cove__slice_is(cove__buf_slice(&p->token), token))
        return cove__object_fail(r, err, COVE_EPROTOCOL,
                                 "the listing does not move on: the store returned the same page token again");
    if (p->truncated) {
        p->page->token = cove__buf_take(&p->token);
        if (p->page->token == NULL)
            return cove__fail_nomem(err, "a page of a listing");
    }
    return 0;
}

/* One ListObjectsV2. `delimiter`: one level only. */
static int fetch_page(struct cove__object_store *store, struct cove__slice bucket, struct cove__slice prefix,
                      bool delimiter, unsigned max_keys, const char *token, const struct cove__ctx *ctx,
                      struct page_reader *p, struct cove_error *err)
{
    struct cove__object_request r;

    cove__object_request_init(&r, store, "GET", (struct cove__object_name){ .bucket = bucket }, ctx);
    r.http.reply_max = COVE__OBJECT_REPLY_MAX;
    cove__buf_addf(&r.query, "list-type=2&encoding-type=url&max-keys=%u", max_keys);
    if (delimiter)
        cove__uri_add_pair(&r.query, "delimiter", cove__slice_str("/"));
    if (prefix.size > 0)
        cove__uri_add_pair(&r.query, "prefix", prefix);
    if (token != NULL)
        cove__uri_add_pair(&r.query, "continuation-token", cove__slice_str(token));
    p->bucket = bucket;
    p->prefix = prefix;
    int rc = cove__object_run(&r, err);
    if (rc == 0)
        rc = read_page(&r, p, token, err);
    cove__object_request_done(&r);
    return rc;
}

/* ---- whether there is anything below a key ---- */

static int accept_below(struct cove__object_request *r, struct cove_error *err)
{
    struct cove__page page = { 0 };
    struct page_reader p;

    reader_init(&p, &page);
    p.keys = p.deep = true;
    p.bucket = r->name.bucket;
    int rc = read_page(r, &p, NULL, err);
    if (rc == 0) {
        r->probe.any = page.n > 0 || page.token != NULL;
        r->probe.object = page.n > 0 && page.items[0].size > 0 &&
                          cove__slice_eq(cove__object_split(page.items[0].path).key, r->probe.key);
    }
    reader_done(&p);
    cove__page_done(&page);
    return rc;
}

void cove__object_probe_request(struct cove__object_request *r, struct cove__slice key)
{
    struct cove__buf prefix = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX + 2);

    r->accept = accept_below;
    r->probe.key = key;
    cove__buf_add_str(&r->query, "list-type=2&encoding-type=url&max-keys=1");
    if (cove__object_prefix(key, &prefix) < 0)
        r->query.rc = COVE_ENOMEM;
    else
        cove__uri_add_pair(&r->query, "prefix", cove__buf_slice(&prefix));
    cove__buf_done(&prefix);
}

int cove__object_any_below(struct cove__object_store *store, struct cove__object_name name, const struct cove__ctx *ctx,
                           struct cove_error *err)
{
    struct cove__object_request r;

    cove__object_request_init(&r, store, "GET", (struct cove__object_name){ .bucket = name.bucket }, ctx);
    cove__object_probe_request(&r, name.key);
    int rc = cove__object_run(&r, err);
    if (rc == 0)
        rc = r.probe.any;
    cove__object_request_done(&r);
    return rc;
}

int cove__object_list_keys(struct cove__object_store *store, struct cove__object_name name, const char *token,
                           const struct cove__ctx *ctx, struct cove__page *ret_page, struct cove_error *err)
{
    struct cove__buf prefix = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX + 2);
    struct page_reader p;

    reader_init(&p, ret_page);
    p.keys = p.deep = true;
    int rc = cove__object_prefix(name.key, &prefix);
    if (rc < 0)
        cove__fail_nomem(err, "a path");
    else
        rc = fetch_page(store, name.bucket, cove__buf_slice(&prefix), false, S3_LIST_PAGE, token, ctx, &p, err);
    reader_done(&p);
    cove__buf_done(&prefix);
    return rc;
}

static int list_buckets(struct cove__object_store *store, const struct cove__ctx *ctx, struct cove__page *page,
                        struct cove_error *err)
{
    struct cove__object_request r;
    struct page_reader p;

    reader_init(&p, page);
    p.buckets = true;
    cove__object_request_init(&r, store, "GET", cove__object_split(""), ctx);
    r.http.reply_max = COVE__OBJECT_REPLY_MAX;
    int rc = cove__object_run(&r, err);
    if (rc == 0)
        rc = read_page(&r, &p, NULL, err);
    cove__object_request_done(&r);
    reader_done(&p);
    return rc;
}

/* Nothing is below the prefix: a file, a promised directory, or nothing at all. */
static int explain_empty(struct cove__object_store *store, const char *path, struct cove__object_name name,
                         uint64_t began, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_head head;
    struct cove_error why = COVE_ERROR_INIT;

    if (name.key.size == 0)
        return 0;
    char *plain = cove__object_trim_slash(path);
    bool promised = plain != NULL && cove__virtual_exists(store, plain, began);
    cove__free(plain);
    if (promised)
        return 0;
    int rc =
        name.key.data[name.key.size - 1] != '/' ? cove__object_head(store, name, ctx, &head, &why) : COVE_ENOTFOUND;
    if (rc == 0)
        return cove__fs_fail(err, ctx, COVE_ENOTDIR, "an object, not a directory");
    if (rc == COVE_ENOTFOUND)
        return cove__fs_fail(err, ctx, COVE_ENOTFOUND, "no such object, and nothing below it");
    return cove__error_copy(err, &why);
}

bool cove__object_unordered(void *self, const char *path)
{
    return cove__s3_is_directory(self, cove__object_split(path).bucket);
}

/*
 * Promised directories join the page on which they would stand. For that the token of the next page tells, before the
 * store's own ("7:b/k9999..."), the last key of those before.
 */
static const char *read_token(const char *token, struct cove__buf *ret_last)
{
    char *rest;
    size_t n;

    if (token == NULL)
        return NULL;
    n = strtoull(token, &rest, 10);
    cove__buf_add(ret_last, rest + 1, n);
    return rest + 1 + n;
}

/* Puts what the next page has to know before the store's own token. */
static int mark_token(struct cove__page *page, struct cove__slice mark)
{
    struct cove__buf token = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX * 3 + 16384);

    if (page->token == NULL)
        return 0;
    cove__buf_addf(&token, "%zu:%.*s%s", mark.size, (int)mark.size, (const char *)mark.data, page->token);
    cove__free(page->token);
    page->token = cove__buf_take(&token);
    return page->token != NULL ? 0 : COVE_ENOMEM;
}

/* Sorts the promised directories in, each once; of a directory that the store lists, too, the store's entry is kept. */
static void sort_page(struct cove__page *page, size_t listed)
{
    size_t kept = 0;

    if (page->n == listed || page->n < 2)
        return;
    qsort(page->items, page->n, sizeof *page->items, compare_entries);
    for (size_t i = 0; i < page->n; i++) {
        struct cove_info *info = &page->items[i], *before = kept > 0 ? &page->items[kept - 1] : NULL;
        bool twice = before != NULL && info->type == COVE_INFO_DIRECTORY && before->type == COVE_INFO_DIRECTORY &&
                     strcmp(info->path, before->path) == 0;
        if (twice && before->etag == NULL) {
            cove__info_done(before);
            *before = *info;
        } else if (twice) {
            cove__info_done(info);
        } else {
            page->items[kept++] = *info;
        }
    }
    page->n = kept;
}

/*
 * The pages of a directory bucket come in no order, so all promised directories go into the first page and are left out
 * of later ones. The page token begins with the time of the first page's request; the store's own token follows.
 */
static int join_unordered(struct cove__object_store *store, const char *path, const char *before, uint64_t began,
                          struct cove__page *page)
{
    uint64_t at = before != NULL ? strtoull(before, NULL, 10) : began;
    char *plain = cove__object_trim_slash(path), mark[24];
    size_t kept = 0, listed = page->n;
    int rc = plain != NULL ? 0 : COVE_ENOMEM;

    if (rc == 0 && before == NULL) {
        rc = cove__virtual_list(store, plain, false, at, NULL, NULL, page);
    } else if (rc == 0) {
        for (size_t i = 0; i < page->n; i++) {
            struct cove_info *info = &page->items[i];
            if (info->type == COVE_INFO_DIRECTORY && cove__virtual_exists(store, info->path, at))
                cove__info_done(info);
            else
                page->items[kept++] = *info;
        }
        page->n = kept;
    }
    sort_page(page, listed);
    snprintf(mark, sizeof mark, "%llu", (unsigned long long)at);
    if (rc == 0)
        rc = mark_token(page, cove__slice_str(mark));
    cove__free(plain);
    return rc;
}

static int join_promised(struct cove__object_store *store, const char *path, bool deep, const char *after,
                         uint64_t began, struct cove__page *page)
{
    struct cove__buf last = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX * 3 + 320);
    const struct cove_info *end = page->n > 0 ? &page->items[page->n - 1] : NULL;
    char *plain = cove__object_trim_slash(path);
    size_t listed = page->n;
    int rc = plain != NULL ? 0 : COVE_ENOMEM;

    if (end != NULL)
        cove__buf_addf(&last, "%s%s", end->path, end->type == COVE_INFO_DIRECTORY ? "/" : "");
    else if (after != NULL)
        cove__buf_add_str(&last, after);
    if (rc == 0 && page->token != NULL)
        rc = cove__buf_rc(&last) < 0 ? cove__buf_rc(&last) : mark_token(page, cove__buf_slice(&last));
    if (rc == 0)
        rc = cove__virtual_list(store, plain, deep, began, after, page->token != NULL ? cove__buf_str(&last) : NULL,
                                page);
    sort_page(page, listed);
    cove__buf_done(&last);
    cove__free(plain);
    return rc;
}

static int join(struct cove__object_store *store, const char *path, bool deep, const char *after, uint64_t began,
                struct cove__page *page, struct cove_error *err)
{
    int rc = 0;

    if (!cove__object_unordered(store, path))
        rc = join_promised(store, path, deep, after, began, page);
    else if (!deep) /* a deep listing of one is of files only */
        rc = join_unordered(store, path, after, began, page);
    return rc < 0 ? cove__fail_nomem(err, "a page of a listing") : 0;
}

int cove__object_list(void *self, const char *path, bool deep, const char *token, const struct cove__ctx *ctx,
                      struct cove__page *ret_page, struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct cove__object_name name = cove__object_split(path);
    struct cove__buf prefix = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX + 2);
    struct cove__buf last = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX * 3 + 320);
    struct page_reader p;

    if (name.bucket.size == 0 && !deep)
        return list_buckets(store, ctx, ret_page, err);
    if (name.bucket.size == 0)
        return cove__fs_fail(err, ctx, COVE_EINVAL,
                             "a listing of everything in every bucket is not made; name a bucket");
    reader_init(&p, ret_page);
    p.deep = deep;
    uint64_t began = cove__virtual_time(store);
    bool marked = !deep || !cove__object_unordered(store, path); /* the token has what `join` puts before it */
    int rc = cove__object_prefix(name.key, &prefix);
    const char *own = marked ? read_token(token, &last) : token;
    if (rc == 0)
        rc = cove__buf_rc(&last);
    if (rc < 0)
        cove__fail_nomem(err, "a path");
    else
        rc = fetch_page(store, name.bucket, cove__buf_slice(&prefix), !deep, S3_LIST_PAGE, own, ctx, &p, err);
    if (rc == 0 && p.seen && ret_page->n == 0) { /* a marker of the directory itself */
        char *itself = cove__path_join(path, "");
        if (itself != NULL)
            cove__virtual_end(store, itself, strlen(itself));
        cove__free(itself);
    }
    if (rc == 0 && token == NULL && !p.seen && ret_page->token == NULL)
        rc = explain_empty(store, path, name, began, ctx, err);
    if (rc == 0)
        rc = join(store, path, deep, token != NULL ? cove__buf_str(&last) : NULL, began, ret_page, err);
    cove__buf_done(&last);
    reader_done(&p);
    cove__buf_done(&prefix);
    return rc;
}
