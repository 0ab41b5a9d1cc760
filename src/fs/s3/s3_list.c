/* ListObjectsV2 and ListBuckets: their requests and their responses (struct cove__object_ops). */
#include "fs/s3/s3_list.h"

#include <string.h>

#include "wire/uri.h"
#include "wire/xml.h"

#define KEY_MAX   (COVE__OBJECT_KEY_MAX * 3 + 1) /* encoded */
#define TOKEN_MAX ((size_t)8192)

void cove__s3_list_request(struct cove__object_request *r, const struct cove__object_list_query *query)
{
    cove__buf_addf(&r->query, "list-type=2&encoding-type=url&max-keys=%u", query->limit);
    if (query->one_level)
        cove__uri_add_pair(&r->query, "delimiter", cove__slice_str("/"));
    if (query->prefix.size > 0)
        cove__uri_add_pair(&r->query, "prefix", query->prefix);
    if (query->token)
        cove__uri_add_pair(&r->query, "continuation-token", cove__slice_str(query->token));
}

/* What is known of the current entry. */
struct reader {
    struct cove__object_page_reader *page;
    bool encoded;         /* the names are percent-encoded */
    struct cove__buf key; /* as it came */
    char etag[COVE__HEADER_MAX];
    char storage_class[COVE__STORAGE_CLASS_SIZE];
    int64_t size, mtime_ns;
    bool truncated;
    struct cove__buf token;
};

static int add_entry(struct reader *l, bool prefix)
{
    struct cove__buf name = COVE__BUF_INIT(KEY_MAX);
    struct cove__slice raw = cove__buf_slice(&l->key);

    int rc = l->encoded ? cove__form_decode(&name, raw) : cove__buf_add_slice(&name, raw);
    struct cove__object_entry entry = { .key = cove__buf_slice(&name),
                                        .size = l->size,
                                        .mtime_ns = l->mtime_ns,
                                        .version = l->etag,
                                        .storage_class = l->storage_class };
    if (rc == 0)
        rc = prefix ? cove__object_page_add_prefix(l->page, entry.key) : cove__object_page_add(l->page, &entry);
    cove__buf_done(&name);
    return rc;
}

static int on_start(void *user, const char *path)
{
    struct reader *l = user;

    if (strcmp(path, "ListBucketResult/Contents") == 0 || strcmp(path, "ListBucketResult/CommonPrefixes") == 0 ||
        strcmp(path, "ListAllMyBucketsResult/Buckets/Bucket") == 0) {
        cove__buf_reset(&l->key);
        l->etag[0] = l->storage_class[0] = '\0';
        l->size = l->mtime_ns = -1;
    }
    return 0;
}

static int on_end(void *user, const char *path, struct cove__slice text)
{
    struct reader *l = user;

    if (strcmp(path, "ListBucketResult/Contents/Key") == 0 ||
        strcmp(path, "ListBucketResult/CommonPrefixes/Prefix") == 0) {
        cove__buf_reset(&l->key);
        return cove__buf_add_slice(&l->key, text);
    }
    if (strcmp(path, "ListBucketResult/Contents/Size") == 0)
        l->size = cove__object_number(text);
    else if (strcmp(path, "ListBucketResult/Contents/LastModified") == 0)
        l->mtime_ns = cove__object_date(text);
    else if (strcmp(path, "ListBucketResult/Contents/ETag") == 0)
        cove__object_etag(text, l->etag, sizeof l->etag);
    else if (strcmp(path, "ListBucketResult/Contents/StorageClass") == 0)
        cove__object_text(text, l->storage_class, sizeof l->storage_class);
    else if (strcmp(path, "ListBucketResult/Contents") == 0)
        return add_entry(l, false);
    else if (strcmp(path, "ListBucketResult/CommonPrefixes") == 0)
        return add_entry(l, true);
    else if (strcmp(path, "ListBucketResult/IsTruncated") == 0)
        return cove__object_flag(text, &l->truncated);
    else if (strcmp(path, "ListBucketResult/NextContinuationToken") == 0)
        return cove__buf_add_slice(&l->token, text);
    return 0;
}

/* In some stores' responses the encoding follows the names, so it is read first. */
static int on_encoding(void *user, const char *path, struct cove__slice text)
{
    struct reader *l = user;

    if (strcmp(path, "ListBucketResult/EncodingType") == 0)
        l->encoded = cove__slice_is(text, "url");
    return 0;
}

static void reader_init(struct reader *l, struct cove__object_page_reader *page)
{
    *l = (struct reader){ .page = page };
    cove__buf_init(&l->key, KEY_MAX);
    cove__buf_init(&l->token, TOKEN_MAX);
}

static void reader_done(struct reader *l)
{
    cove__buf_done(&l->key);
    cove__buf_done(&l->token);
}

int cove__s3_list_response(const struct cove__object_request *r, struct cove__object_page_reader *page)
{
    static const struct cove__xml_handler encoding = { NULL, on_encoding, "ListBucketResult" },
                                          entries = { on_start, on_end, "ListBucketResult" };
    struct cove__slice body = cove__buf_slice(&r->http.response);
    struct reader l;

    reader_init(&l, page);
    int rc = cove__xml_read(body, &encoding, &l);
    if (rc == 0)
        rc = cove__xml_read(body, &entries, &l);
    if (rc == 0 && l.truncated)
        rc = cove__object_page_more(page, cove__buf_slice(&l.token));
    reader_done(&l);
    return rc;
}

static int on_bucket(void *user, const char *path, struct cove__slice text)
{
    struct reader *l = user;

    if (strcmp(path, "ListAllMyBucketsResult/Buckets/Bucket/Name") == 0) {
        cove__buf_reset(&l->key);
        return cove__buf_add_slice(&l->key, text);
    }
    if (strcmp(path, "ListAllMyBucketsResult/Buckets/Bucket") == 0)
        return cove__object_page_add_bucket(l->page, cove__buf_slice(&l->key));
    return 0;
}

int cove__s3_buckets_response(const struct cove__object_request *r, struct cove__object_page_reader *page)
{
    static const struct cove__xml_handler buckets = { on_start, on_bucket, "ListAllMyBucketsResult" };
    struct reader l;

    reader_init(&l, page);
    int rc = cove__xml_read(cove__buf_slice(&r->http.response), &buckets, &l);
    reader_done(&l);
    return rc;
}
