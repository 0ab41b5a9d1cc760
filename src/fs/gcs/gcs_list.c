/* Pages of objects and of buckets: what they ask, and what their responses say (struct cove__object_ops). */
#include "fs/gcs/gcs_list.h"

#include <stdio.h>
#include <string.h>

#include "wire/digest.h"
#include "wire/json.h"
#include "wire/uri.h"

#define TOKEN_MAX ((size_t)8192)

/* `fields` keeps a page small; `kind` shows that it is one. A page may have prefixes and no items, or neither and a
 * token. */
void cove__gcs_list_request(struct cove__object_request *r, const struct cove__object_list_query *query)
{
    cove__buf_reset(&r->query);
    cove__buf_addf(
        &r->query,
        "maxResults=%u&projection=noAcl&fields=kind,items(name,size,generation,updated,storageClass%s),prefixes,"
        "nextPageToken",
        query->limit, query->checksums ? ",crc32c" : "");
    if (query->one_level) /* in a bucket with a hierarchical namespace folders may be empty */
        cove__buf_add_str(&r->query, "&delimiter=%2F&includeFoldersAsPrefixes=true");
    if (query->prefix.size > 0)
        cove__uri_add_pair(&r->query, "prefix", query->prefix);
    if (query->token)
        cove__uri_add_pair(&r->query, "pageToken", cove__slice_str(query->token));
}

/* What is known of the item at hand. */
struct reader {
    struct cove__object_page_reader *page;
    struct cove__buf key;
    char version[32], storage_class[COVE__STORAGE_CLASS_SIZE];
    int64_t size, mtime_ns;
    bool has_crc32c;
    uint32_t crc32c;
    struct cove__buf token;
    const char *kind; /* of such a page */
    bool is_page;
};

static void next_item(struct reader *in)
{
    cove__buf_reset(&in->key);
    in->version[0] = in->storage_class[0] = '\0';
    in->size = in->mtime_ns = -1;
    in->has_crc32c = false;
}

static int take_object(void *user, const char *path, enum cove__json_type type, const char *text)
{
    struct reader *in = user;
    struct cove__slice value = cove__slice_str(text);

    if (type == COVE__JSON_NULL)
        return 0;
    if (strcmp(path, "kind") == 0)
        in->is_page = strcmp(text, in->kind) == 0;
    if (strcmp(path, "prefixes[]") == 0)
        return cove__object_page_add_prefix(in->page, value);
    if (strcmp(path, "nextPageToken") == 0)
        return cove__buf_add_slice(&in->token, value);
    if (strcmp(path, "items[]/name") == 0)
        return cove__buf_add_slice(&in->key, value);
    if (strcmp(path, "items[]/size") == 0)
        in->size = cove__object_number(value);
    else if (strcmp(path, "items[]/generation") == 0 && cove__gcs_is_generation(text))
        snprintf(in->version, sizeof in->version, "%s", text);
    else if (strcmp(path, "items[]/updated") == 0)
        in->mtime_ns = cove__object_date(value);
    else if (strcmp(path, "items[]/crc32c") == 0)
        in->has_crc32c = cove__base64_to_be32(text, &in->crc32c);
    else if (strcmp(path, "items[]/storageClass") == 0)
        cove__object_text(value, in->storage_class, sizeof in->storage_class);
    return 0;
}

static int end_object(void *user, const char *path)
{
    struct reader *in = user;

    if (strcmp(path, "items[]") != 0)
        return 0;
    struct cove__object_entry entry = { .key = cove__buf_slice(&in->key),
                                        .size = in->size,
                                        .mtime_ns = in->mtime_ns,
                                        .version = in->version,
                                        .storage_class = in->storage_class,
                                        .has_crc32c = in->has_crc32c,
                                        .crc32c = in->crc32c };
    int rc = cove__object_page_add(in->page, &entry);
    next_item(in);
    return rc;
}

/* Of an empty list only the kind is there; without it, any JSON would be one. */
static int read_page(const struct cove__object_request *r, struct cove__object_page_reader *page, const char *kind,
                     const struct cove__json_handler *handler)
{
    struct reader in = {
        .page = page, .kind = kind, .key = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX + 1), .token = COVE__BUF_INIT(TOKEN_MAX)
    };
    char why[160];

    next_item(&in);
    int rc = cove__json_read(cove__buf_slice(&r->http.response), handler, &in, why, sizeof why);
    if (rc == 0 && in.token.size > 0)
        rc = cove__object_page_more(page, cove__buf_slice(&in.token));
    cove__buf_done(&in.key);
    cove__buf_done(&in.token);
    return rc == COVE_EINVAL || (rc == 0 && !in.is_page) ? COVE_EPROTOCOL : rc;
}

int cove__gcs_list_response(const struct cove__object_request *r, struct cove__object_page_reader *page)
{
    static const struct cove__json_handler handler = { .value = take_object, .end = end_object };
    return read_page(r, page, "storage#objects", &handler);
}

void cove__gcs_buckets_request(struct cove__object_request *r, const char *token)
{
    cove__buf_reset(&r->query);
    cove__buf_add_str(&r->query, "fields=kind,items(name),nextPageToken");
    if (token)
        cove__uri_add_pair(&r->query, "pageToken", cove__slice_str(token));
}

static int take_bucket(void *user, const char *path, enum cove__json_type type, const char *text)
{
    struct reader *in = user;

    if (strcmp(path, "kind") == 0)
        in->is_page = strcmp(text, in->kind) == 0;
    if (strcmp(path, "nextPageToken") == 0 && type != COVE__JSON_NULL)
        return cove__buf_add_slice(&in->token, cove__slice_str(text));
    return strcmp(path, "items[]/name") == 0 ? cove__object_page_add_bucket(in->page, cove__slice_str(text)) : 0;
}

int cove__gcs_buckets_response(const struct cove__object_request *r, struct cove__object_page_reader *page)
{
    static const struct cove__json_handler handler = { .value = take_bucket };
    return read_page(r, page, "storage#buckets", &handler);
}
