/*
 * The toy store's backend: the smallest that the engine of object stores can run. It defines five requests and their
 * responses (tests/toy/server.py); all else is the engine's. Built for tests only.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"
#include "fs/fs_impl.h"
#include "fs/object/append.h"
#include "fs/object/client.h"
#include "fs/object/known.h"
#include "fs/object/operations.h"
#include "fs/object/upload.h"
#include "fs/schemes.h"
#include "net/header.h"
#include "net/status.h"
#include "wire/uri.h"

#include "toy_uploads.h"

#define PUT_MAX ((size_t)64 << 20) /* bytes of one object */

struct toy_options {
    char *endpoint_url;
    bool generations;
    char *uploads;
    int64_t block_size;
    struct cove__client_options client;
};

static const struct cove__option_row option_rows[] = {
    { "endpoint_url", COVE__OPTION_STRING, offsetof(struct toy_options, endpoint_url), NULL, "COVE_TOY_ENDPOINT",
      "address of the server, as http://host:port", 0, 0, NULL },
    { "generations", COVE__OPTION_BOOL, offsetof(struct toy_options, generations), "false", "COVE_TOY_GENERATIONS",
      "versions are numbers, not ETags, as in Google Cloud Storage", 0, 0, NULL },
    { "uploads", COVE__OPTION_CHOICE, offsetof(struct toy_options, uploads), "none", "COVE_TOY_UPLOADS",
      "how objects of more than one request are written", 0, 0, "none session temporaries" },
    { "block_size", COVE__OPTION_SIZE, offsetof(struct toy_options, block_size), "8MiB", "COVE_TOY_BLOCK_SIZE",
      "bytes of a part", 1, PUT_MAX, NULL },
    COVE__CLIENT_ROW_SSL(struct toy_options, client),
    COVE__CLIENT_ROWS(struct toy_options, client, NULL, ""),
    { 0 },
};

struct toy {
    struct cove__object_store store; /* first */
    struct cove__object_ops ops;     /* with the uploads that the options choose */
    struct toy_options o;
    struct cove__endpoint endpoint;
};

/* ---- the store ---- */

static enum cove__can can(const struct cove__object_store *store, enum cove__capability capability)
{
    const struct toy *toy = (const struct toy *)store;

    switch (capability) {
    case COVE__CRC32C: /* of what is composed */
        return strcmp(toy->o.uploads, "temporaries") == 0 ? COVE__CAN_YES : COVE__CAN_NO;
    case COVE__COMPOSE_CONDITIONS:
    case COVE__PUT_CONDITIONS:
    case COVE__UPLOAD_CONDITIONS:
    case COVE__DELETE_CONDITIONS:
        return COVE__CAN_YES;
    default:
        return COVE__CAN_NO;
    }
}

/* ---- each request ---- */

static int prepare(struct cove__object_request *r, struct cove_error *err)
{
    const struct toy *toy = (const struct toy *)r->store;
    struct cove__buf *url = &r->http.url;

    cove__buf_addf(url, "%s://%s%s/", toy->endpoint.tls ? "https" : "http", toy->endpoint.host, toy->endpoint.base);
    cove__uri_encode(url, r->name.bucket, false);
    if (r->name.key.size > 0)
        cove__buf_add_char(url, '/');
    cove__uri_encode(url, r->name.key, true);
    if (r->query.size > 0)
        cove__buf_addf(url, "?%s", cove__buf_str(&r->query));
    cove__object_add_headers(r, &r->http.headers);
    int rc = cove__buf_rc(url) < 0 ? cove__buf_rc(url) : cove__buf_rc(&r->http.headers);
    return rc < 0 ? cove__object_fail(r, err, rc, "the request cannot be made: %s", cove_code_phrase(rc)) : 0;
}

static const struct {
    const char *name;
    int code;
    enum cove__object_refusal refusal;
    const char *text;
} codes[] = {
    { "no-bucket", COVE_ENOTFOUND, COVE__REFUSED_NO_BUCKET, "no such bucket" },
    { "no-object", COVE_ENOTFOUND, COVE__REFUSED_NO_OBJECT, "no such object" },
    { "no-session", COVE_ENOTFOUND, COVE__REFUSED_NO_UPLOAD, "no such session" },
    { "condition", COVE_EPRECONDITION, COVE__REFUSED_OTHER, "the object changed meanwhile" },
    { "bucket-is-yours", COVE_EEXIST, COVE__REFUSED_BUCKET_IS_OURS, "the bucket exists" },
    { "bucket-not-empty", COVE_ENOTEMPTY, COVE__REFUSED_BUCKET_NOT_EMPTY, "the bucket is not empty" },
};

static bool classify(struct cove__object_request *r, struct cove_error *err)
{
    char code[COVE__HEADER_MAX] = "";

    cove__object_response_header(r, "x-toy-error", code);
    snprintf(r->code, sizeof r->code, "%.*s", (int)sizeof r->code - 1, code);
    r->refusal = COVE__REFUSED_OTHER;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (strcmp(codes[i].name, code) == 0) {
            r->refusal = codes[i].refusal;
            cove__object_fail(r, err, codes[i].code, "%s", codes[i].text);
            err->http_status = r->http.status;
            return false;
        }
    }
    cove__http_error(&r->http, r->http.status, "the store refused", err);
    return cove__status_retry(r->http.status);
}

/* ---- listings ---- */

static void list_request(struct cove__object_request *r, const struct cove__object_list_query *query)
{
    cove__buf_reset(&r->query);
    cove__uri_add_pair(&r->query, "prefix", query->prefix);
    if (query->one_level)
        cove__buf_add_str(&r->query, "&delimiter=/");
    cove__buf_addf(&r->query, "&max=%u", query->limit);
    if (query->token)
        cove__uri_add_pair(&r->query, "after", cove__slice_str(query->token));
}

/* The next line, without its end; false: there is none. */
static bool next_line(struct cove__slice *text, char *line, size_t size)
{
    const uint8_t *end = text->size > 0 ? memchr(text->data, '\n', text->size) : NULL;
    size_t n = end ? (size_t)(end - text->data) : 0;

    if (!end || n >= size)
        return false;
    memcpy(line, text->data, n);
    line[n] = '\0';
    *text = cove__slice_sub(*text, n + 1, SIZE_MAX);
    return true;
}

static int add_line(struct cove__object_page_reader *page, const char *line, struct cove__buf *key)
{
    char version[64], encoded[3 * COVE__OBJECT_KEY_MAX + 1];
    long long size, time_s;

    cove__buf_reset(key);
    if (sscanf(line, "%lld %lld %63s %3072s", &size, &time_s, version, encoded) != 4)
        return COVE_EPROTOCOL;
    int rc = cove__uri_decode(key, cove__slice_str(encoded));
    if (rc < 0)
        return rc;
    if (strcmp(version, "/") == 0)
        return cove__object_page_add_prefix(page, cove__buf_slice(key));
    struct cove__object_entry entry = {
        .key = cove__buf_slice(key), .size = size, .mtime_ns = cove__sec_ns(time_s), .version = version
    };
    return cove__object_page_add(page, &entry);
}

static int list_response(const struct cove__object_request *r, struct cove__object_page_reader *page)
{
    struct cove__slice rest = cove__buf_slice(&r->http.response);
    struct cove__buf key = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX + 1);
    char line[4096];
    int rc = 0;

    while (rc == 0 && next_line(&rest, line, sizeof line)) {
        if (strncmp(line, "more ", 5) == 0)
            rc = cove__object_page_more(page, cove__slice_str(line + 5));
        else
            rc = add_line(page, line, &key);
    }
    cove__buf_done(&key);
    return rc == 0 && rest.size > 0 ? COVE_EPROTOCOL : rc;
}

static int buckets_response(const struct cove__object_request *r, struct cove__object_page_reader *page)
{
    struct cove__slice rest = cove__buf_slice(&r->http.response);
    char line[512];
    int rc = 0;

    while (rc == 0 && next_line(&rest, line, sizeof line))
        rc = cove__object_page_add_bucket(page, cove__slice_str(line));
    return rc;
}

/* Objects are put again with the new bytes: as no part can be copied, up to the engine's limit. */
static const struct cove__object_append_ops append_ops = { .rewrite_below = PUT_MAX };

/* The same table for both kinds of versions. */
#define TABLE(version_, if_match_, if_new_)                                                                            \
    {                                                                                                                  \
        .name = "toy",                                                                                                 \
        .headers = { .version = (version_),                                                                            \
                     .if_match = (if_match_),                                                                          \
                     .if_new = (if_new_),                                                                              \
                     .size = "content-length",                                                                         \
                     .metadata = "x-toy-meta-",                                                                        \
                     .write_mark = COVE__WRITE_MARK },                                                                 \
        .can = can, .prepare = prepare, .classify = classify, .list_page_max = 1000, .list_request = list_request,     \
        .list_response = list_response, .buckets_response = buckets_response, .deleted_status = 204,                   \
        .put_max = PUT_MAX, .append = &append_ops,                                                                     \
    }

static const struct cove__object_ops by_etag = TABLE("etag", "If-Match", "If-None-Match: *");
static const struct cove__object_ops by_generation =
    TABLE("x-toy-generation", "x-toy-if-generation", "x-toy-if-generation: 0");

/* ---- open, close, names ---- */

static void toy_close(void *self)
{
    struct toy *toy = self;

    cove__object_store_done(&toy->store);
    cove__options_clear(option_rows, &toy->o);
    cove__endpoint_done(&toy->endpoint);
    cove__free(toy);
}

static int toy_open(const struct cove_options *options, const char *url, void **ret_self, struct cove_error *err)
{
    struct cove__http_config config;
    struct toy *toy = cove__calloc(1, sizeof *toy);

    if (!toy)
        return cove__fail_nomem(err, "a store");
    int rc = cove__options_fill(option_rows, options, "toy", &toy->o, err);
    toy->ops = toy->o.generations ? by_generation : by_etag;
    toy->ops.upload = rc == 0 ? toy_uploads(toy->o.uploads) : NULL;
    cove__object_store_init(&toy->store, &toy->ops);
    toy->store.max_concurrency = 2;
    toy->store.block_size = toy->o.block_size;
    if (rc == 0 && !toy->o.endpoint_url)
        rc = cove__fail(err, COVE_EINVAL, "endpoint_url: which server? COVE_TOY_ENDPOINT names it, too");
    if (rc == 0)
        rc = cove__endpoint_parse("endpoint_url", toy->o.endpoint_url, false, &toy->endpoint, err);
    if (rc == 0)
        rc = cove__object_known_get(&toy->store, toy->endpoint.host, err);
    if (rc == 0)
        rc = cove__client_config(&toy->o.client, toy->endpoint.tls, NULL, &config, err);
    if (rc == 0)
        rc = cove__http_new(&config, &toy->store.http, err);
    if (rc < 0)
        toy_close(toy);
    else
        *ret_self = toy;
    return rc;
}

static int toy_parse(const char *url_or_path, char **ret_path, struct cove_error *err)
{
    const char *path = cove__scheme_skip(url_or_path, "toy");

    if (!path)
        path = cove__scheme_skip(url_or_path, "toya");
    if (!path)
        path = url_or_path;
    if (path[0] == '/')
        return cove__fail(err, COVE_EINVAL, "no bucket is named");
    if (!cove__text_is_utf8(path) || strlen(path) > COVE__OBJECT_KEY_MAX)
        return cove__fail(err, COVE_EINVAL, "a name is of UTF-8, and at most %zu bytes long", COVE__OBJECT_KEY_MAX);
    *ret_path = cove__strdup(path);
    size_t n = *ret_path ? strlen(*ret_path) : 0;
    if (n > 0 && strchr(path, '/') == path + n - 1) /* "bucket/" is the bucket */
        (*ret_path)[n - 1] = '\0';
    return *ret_path ? 0 : cove__fail_nomem(err, "a path");
}

/* A generation is a number; 0 is that of no object. */
static bool toy_is_version(const void *self, const char *text)
{
    const struct toy *toy = self;
    size_t n = strlen(text);

    if (!toy->o.generations)
        return cove__fs_is_etag(text);
    return n > 0 && n < 20 && strspn(text, "0123456789") == n && text[0] != '0';
}

/* src/fs/schemes.c has the row. */
extern const struct cove__fs_ops cove__test_ops;
const struct cove__fs_ops cove__test_ops = {
    .name = "toy",
    .options = option_rows,
    .open = toy_open,
    .close = toy_close,
    .parse = toy_parse,
    .is_version = toy_is_version,
    .stat = cove__object_stat,
    .list = cove__object_list,
    .remove = cove__object_remove,
    .append = {
        .open = cove__object_append_open,
        .write = cove__object_append,
        .close = cove__object_append_close,
    },
    .directories = {
        .make = cove__object_mkdir,
        .remove_tree = cove__object_remove_tree,
        .remove = cove__object_rmdir,
    },
    .read = { .range = cove__object_read },
    .put = cove__object_put,
    .upload = {
        .part_rules = cove__object_part_rules,
        .begin = cove__object_upload_begin,
        .part = cove__object_upload_part,
        .finish = cove__object_upload_finish,
        .abort = cove__object_upload_abort,
        .list = cove__object_list_uploads,
        .remove = cove__object_remove_upload,
        .is_listed = cove__object_upload_is_listed,
    },
};
