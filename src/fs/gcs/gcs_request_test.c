/* The requests of the JSON API as text: what is sent for each of the engine's, and for each of the backend's own. No
 * network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "auth/oauth_token.h"
#include "base/mem.h"
#include "fs/gcs/gcs_batch.h"
#include "fs/gcs/gcs_bucket.h"
#include "fs/gcs/gcs_compose.h"
#include "fs/gcs/gcs_copy.h"
#include "fs/gcs/gcs_folders.h"
#include "fs/gcs/gcs_list.h"
#include "fs/gcs/gcs_request.h"
#include "fs/gcs/gcs_resource.h"
#include "fs/gcs/gcs_upload.h"

#define HOST   "https://storage.googleapis.com"
#define FIELDS "fields=" COVE__GCS_FIELDS

static struct cove__gcs gcs = { .store = { .ops = &cove__gcs_object_ops } };
static const struct cove__ctx ctx = { .op = "test", .url = "gs://b/k" };
static struct cove_error err = COVE_ERROR_INIT;
static struct cove__object_request r;

static int begin(void **state)
{
    cove__buf_init(&gcs.store.extra.create, 4096);
    cove__buf_init(&gcs.store.extra.each, 4096);
    gcs.endpoint = (struct cove__endpoint){ .tls = true, .host = (char *)"storage.googleapis.com", .base = (char *)"" };
    gcs.o = (struct gcs_options){ .uploads = (char *)"auto" };
    gcs.project = gcs.user_project = NULL;
    return 0;
}

static int end(void **state)
{
    cove__buf_done(&gcs.store.extra.create);
    cove__buf_done(&gcs.store.extra.each);
    return 0;
}

static void new_request(const char *method, const char *path)
{
    cove__object_request_init(&r, &gcs.store, method, cove__object_split(path), &ctx);
}

/* What would be sent: "METHOD URL\nheaders\nbody". Ends the request. Lives until the next. */
static const char *sent(void)
{
    static char text[8192];
    struct cove__http_request *http = &r.http;

    assert_int_equal(cove__gcs_prepare(&r, &err), 0);
    snprintf(text, sizeof text, "%s %s\n%s\n%.*s%.*s%.*s", http->method, cove__buf_str(&http->url),
             cove__buf_str(&http->headers), (int)http->body_before.size, (const char *)http->body_before.data,
             (int)http->body.size, (const char *)http->body.data, (int)http->body_after.size,
             (const char *)http->body_after.data);
    cove__object_request_done(&r);
    return text;
}

#define GZIP "Accept-Encoding: gzip\n"
#define JSON "Content-Type: application/json; charset=UTF-8\n"

static void test_of_objects(void **state)
{
    new_request("HEAD", "b/a b/c");
    assert_string_equal(sent(), "GET " HOST "/storage/v1/b/b/o/a%20b%2Fc?" FIELDS "\n" GZIP "\n");
    new_request("GET", "b/k");
    cove__object_header(&r, "Range", "bytes=%d-%d", 0, 9);
    cove__object_add_match(&r, &r.extra, "17");
    assert_string_equal(sent(),
                        "GET " HOST "/storage/v1/b/b/o/k?alt=media&ifGenerationMatch=17\n" GZIP "Range: bytes=0-9\n\n");
    new_request("GET", "b/k");
    r.name.version = cove__slice_str("5");
    assert_string_equal(sent(), "GET " HOST "/storage/v1/b/b/o/k?alt=media&generation=5\n" GZIP "\n");
    new_request("DELETE", "b/k");
    cove__object_add_match(&r, &r.extra, "17");
    assert_string_equal(sent(), "DELETE " HOST "/storage/v1/b/b/o/k?ifGenerationMatch=17\n" GZIP "\n");
}

/* The key is known only after the beginning of some of the engine's requests. */
static void test_names_that_change(void **state)
{
    new_request("GET", "b/k");
    r.name.key = cove__slice("", 0);
    cove__gcs_list_request(&r, &(struct cove__object_list_query){
                                   .prefix = cove__slice_str("d/"), .one_level = true, .limit = 1, .token = "a/b=" });
    assert_string_equal(sent(),
                        "GET " HOST "/storage/v1/b/b/o?maxResults=1&projection=noAcl&fields=kind,items(name,size,"
                        "generation,updated,storageClass),prefixes,nextPageToken&delimiter=%2F&"
                        "includeFoldersAsPrefixes=true&prefix=d%2F&"
                        "pageToken=a%2Fb%3D\n" GZIP "\n");
}

static void test_of_a_whole_object(void **state)
{
    const struct cove_pair pairs[] = { { "Epoch", "7 \"x\"" }, { "b", "\\" } };
    const struct cove__put put = {
        .condition = COVE_WRITE_IF_NEW, .content_type = "text/plain", .metadata = pairs, .n_metadata = 2
    };

    cove__buf_add_str(&gcs.store.extra.create,
                      "x-goog-storage-class: NEARLINE\nx-goog-encryption-kms-key-name: projects/p/k\n");
    new_request("PUT", "b/a/k");
    cove__object_describe(&r, &put);
    cove__object_condition_headers(&r, COVE__CONDITION_SENT, &put);
    cove__object_body(&r, cove__slice_str("123456789"), COVE__CHECKSUM_CRC32C);
    strcpy(cove__gcs_state(&r)->boundary, "cut");
    assert_string_equal(sent(), "POST " HOST "/upload/storage/v1/b/b/o?uploadType=multipart&name=a%2Fk&" FIELDS
                                "&kmsKeyName=projects%2Fp%2Fk&ifGenerationMatch=0\n" GZIP
                                "Content-Type: multipart/related; boundary=cut\n\n"
                                "--cut\r\n"
                                "Content-Type: application/json; charset=UTF-8\r\n\r\n"
                                "{\"storageClass\":\"NEARLINE\",\"contentType\":\"text/plain\","
                                "\"metadata\":{\"Epoch\":\"7 \\\"x\\\"\",\"b\":\"\\\\\"},\"crc32c\":\"4waSgw==\"}\r\n"
                                "--cut\r\nContent-Type: text/plain\r\n\r\n123456789\r\n--cut--\r\n");

    /* Each attempt of a request writes the same, under the same boundary. */
    cove__buf_reset(&gcs.store.extra.create);
    new_request("PUT", "b/k");
    cove__object_body(&r, cove__slice_str(""), COVE__CHECKSUM_NONE);
    assert_int_equal(cove__gcs_prepare(&r, &err), 0);
    char first[512];
    snprintf(first, sizeof first, "%.*s", (int)r.http.body_before.size, (const char *)r.http.body_before.data);
    cove__buf_reset(&r.http.url);
    cove__buf_reset(&r.http.headers);
    assert_non_null(strstr(sent(), first));
    assert_non_null(strstr(first, "\r\n\r\n{}\r\n"));
    assert_non_null(strstr(first, "Content-Type: application/octet-stream\r\n\r\n"));
}

static void test_of_buckets(void **state)
{
    struct cove__buf body = COVE__BUF_INIT(4096);

    gcs.project = (char *)"p:1";
    gcs.o.default_location = (char *)"EU";
    new_request("GET", "");
    cove__gcs_buckets_request(&r, "t");
    assert_string_equal(sent(),
                        "GET " HOST
                        "/storage/v1/b?fields=kind,items(name),nextPageToken&pageToken=t&project=p%3A1\n" GZIP "\n");
    new_request("PUT", "bkt");
    r.whole_bucket = true;
    cove__gcs_make_bucket_request(&r, &body);
    cove__object_body(&r, cove__buf_slice(&body), COVE__CHECKSUM_NONE);
    assert_string_equal(sent(), "POST " HOST "/storage/v1/b?project=p%3A1\n" GZIP JSON
                                "\n{\"name\":\"bkt\",\"location\":\"EU\"}");
    new_request("DELETE", "bkt");
    assert_string_equal(sent(), "DELETE " HOST "/storage/v1/b/bkt\n" GZIP "\n");
    cove__buf_done(&body);
}

/* An option's, else that of the credentials; Google refuses a request without. */
static void test_project(void **state)
{
    struct cove__oauth_token token = { .token = cove__strdup("secret"),
                                       .project = cove__strdup("of-the-file"),
                                       .expires_ns = INT64_MAX };

    new_request("GET", "");
    cove__gcs_buckets_request(&r, NULL);
    assert_int_equal(cove__gcs_prepare(&r, &err), COVE_EINVAL);
    assert_non_null(strstr(err.message, "set the option project"));
    cove__object_request_done(&r);
    gcs.emulator = true;
    new_request("GET", "");
    cove__gcs_buckets_request(&r, NULL);
    assert_non_null(strstr(sent(), "/storage/v1/b?fields=kind,items(name),nextPageToken\n"));
    gcs.emulator = false;
    assert_int_equal(cove__provider_new_fixed(&cove__oauth_token_type, &token, &gcs.provider, &err), 0);
    new_request("GET", "");
    cove__gcs_buckets_request(&r, NULL);
    assert_non_null(strstr(sent(), "nextPageToken&project=of-the-file\n"));
    new_request("DELETE", "b/k");
    assert_null(strstr(sent(), "of-the-file"));
    gcs.project = (char *)"of-the-option";
    new_request("GET", "");
    cove__gcs_buckets_request(&r, NULL);
    assert_non_null(strstr(sent(), "&project=of-the-option\n"));
    cove__provider_free(gcs.provider);
    gcs.provider = NULL;
}

static void test_who_pays(void **state)
{
    gcs.user_project = (char *)"payer";
    gcs.o.quota_project = (char *)"quota";
    new_request("DELETE", "b/k");
    assert_string_equal(sent(),
                        "DELETE " HOST "/storage/v1/b/b/o/k?userProject=payer\nx-goog-user-project: quota\n" GZIP "\n");
}

/* The token of the credentials, and the project that they name unless an option does. */
static void test_credentials(void **state)
{
    struct cove__oauth_token token = { .token = cove__strdup("secret"),
                                       .quota_project = cove__strdup("of-the-file"),
                                       .expires_ns = INT64_MAX };

    assert_int_equal(cove__provider_new_fixed(&cove__oauth_token_type, &token, &gcs.provider, &err), 0);
    new_request("DELETE", "b/k");
    assert_string_equal(sent(), "DELETE " HOST "/storage/v1/b/b/o/k\nAuthorization: Bearer secret\n"
                                "x-goog-user-project: of-the-file\n" GZIP "\n");
    gcs.o.quota_project = (char *)"quota";
    new_request("DELETE", "b/k");
    assert_non_null(strstr(sent(), "x-goog-user-project: quota\n"));
    cove__provider_free(gcs.provider);

    token = (struct cove__oauth_token){ .expires_ns = INT64_MAX }; /* anonymous */
    assert_int_equal(cove__provider_new_fixed(&cove__oauth_token_type, &token, &gcs.provider, &err), 0);
    new_request("DELETE", "b/k");
    assert_null(strstr(sent(), "Authorization"));
    cove__provider_free(gcs.provider);
    gcs.provider = NULL;
}

static void test_of_copies(void **state)
{
    struct cove__object_source from = { .name = cove__object_split("src/a/b"), .version = "5" };
    const struct cove__object_copy_ops *ops = &cove__gcs_copy_ops;

    new_request("PUT", "b/k");
    ops->request(&r, &from, NULL, false);
    assert_string_equal(sent(),
                        "POST " HOST "/storage/v1/b/src/o/a%2Fb/rewriteTo/b/b/o/k?fields=done,rewriteToken,objectSize,"
                        "totalBytesRewritten,"
                        "resource(" COVE__GCS_FIELDS ")&ifSourceGenerationMatch=5\n" GZIP JSON "\n");
    /* The next step, of one version, with a customer's key. */
    cove__buf_add_str(&gcs.store.extra.each, "x-goog-encryption-algorithm: AES256\n");
    from = (struct cove__object_source){ .name = from.name, .token = "t+" };
    from.name.version = cove__slice_str("6");
    new_request("PUT", "b/k");
    ops->request(&r, &from, NULL, false);
    assert_string_equal(sent(),
                        "POST " HOST "/storage/v1/b/src/o/a%2Fb/rewriteTo/b/b/o/k?fields=done,rewriteToken,objectSize,"
                        "totalBytesRewritten,"
                        "resource(" COVE__GCS_FIELDS ")&sourceGeneration=6&rewriteToken=t%2B\n" GZIP
                        "x-goog-copy-source-encryption-algorithm: AES256\n" JSON "\n");
}

static void test_of_moves(void **state)
{
    const struct cove__object_move move = { .from = cove__object_split("b/a/b"), .version = "5" };

    new_request("POST", "b/c/d");
    cove__gcs_move_ops.request(&r, &move, NULL);
    assert_string_equal(sent(), "POST " HOST "/storage/v1/b/b/o/a%2Fb/moveTo/o/c%2Fd?" FIELDS
                                "&ifSourceGenerationMatch=5\n" GZIP JSON "\n");
}

static void test_of_metadata(void **state)
{
    const struct cove_pair pairs[] = { { "a", "1" }, { "b", NULL } };
    struct cove__buf body = COVE__BUF_INIT(4096);

    new_request("PATCH", "b/k");
    cove__gcs_metadata_request(&r, pairs, 2, &body);
    cove__object_body(&r, cove__buf_slice(&body), COVE__CHECKSUM_NONE);
    assert_string_equal(sent(), "PATCH " HOST "/storage/v1/b/b/o/k?fields=generation\n" GZIP JSON
                                "\n{\"metadata\":{\"a\":\"1\",\"b\":null}}");
    cove__buf_done(&body);
}

static void test_of_composed_objects(void **state)
{
    const struct cove__compose_source sources[] = { { cove__slice_str("k\""), "5" },
                                                    { cove__slice_str(".cove/x"), NULL } };
    const struct cove__put put = { .condition = COVE_WRITE_IF_MATCH, .etag = "5", .headers = "Content-Type: a/b\n" };

    cove__buf_add_str(&gcs.store.extra.create, "x-goog-acl: private\n");
    new_request("POST", "b/k");
    cove__gcs_compose_request(&r, sources, 2, false, NULL);
    cove__object_describe(&r, &put);
    cove__object_condition_headers(&r, COVE__CONDITION_SENT, &put);
    assert_string_equal(sent(),
                        "POST " HOST "/storage/v1/b/b/o/k/compose?" FIELDS
                        "&destinationPredefinedAcl=private&ifGenerationMatch=5\n" GZIP JSON
                        "\n{\"sourceObjects\":[{\"name\":\"k\\\"\",\"generation\":\"5\"},{\"name\":\".cove/x\"}],"
                        "\"destination\":{\"contentType\":\"a/b\"}}");

    new_request("POST", "b/k");
    cove__gcs_compose_request(&r, sources + 1, 1, true, NULL);
    assert_non_null(strstr(sent(), "{\"sourceObjects\":[{\"name\":\".cove/x\"}],\"destination\":{},"
                                   "\"deleteSourceObjects\":true}"));
}

static void test_of_batches(void **state)
{
    const struct cove__object_deletion first = { .name = cove__object_split("b/a/b"), .version = "5" };
    struct cove__object_deletion second = { .name = cove__object_split("b/c") };
    struct cove__buf body = COVE__BUF_INIT(4096);
    const struct cove__object_batch_ops *ops = &cove__gcs_batch_ops;

    second.name.version = cove__slice_str("9");
    new_request("POST", "b");
    ops->request(&r);
    strcpy(cove__gcs_state(&r)->boundary, "cut");
    assert_true(ops->add(&r, 0, &first, &body));
    assert_true(ops->add(&r, 7, &second, &body));
    ops->end(&r, &body);
    cove__object_body(&r, cove__buf_slice(&body), COVE__CHECKSUM_NONE);
    assert_string_equal(sent(),
                        "POST " HOST "/batch/storage/v1\n" GZIP "Content-Type: multipart/mixed; boundary=cut\n\n"
                        "--cut\r\nContent-Type: application/http\r\nContent-ID: <cove+0>\r\n\r\n"
                        "DELETE /storage/v1/b/b/o/a%2Fb?ifGenerationMatch=5 HTTP/1.1\r\n\r\n\r\n"
                        "--cut\r\nContent-Type: application/http\r\nContent-ID: <cove+7>\r\n\r\n"
                        "DELETE /storage/v1/b/b/o/c?generation=9 HTTP/1.1\r\n\r\n\r\n--cut--\r\n");
    cove__buf_done(&body);
}

static void test_of_sessions(void **state)
{
    const struct cove__object_session_ops *ops = &cove__gcs_session_ops;
    static const struct {
        struct cove__object_chunk chunk;
        const char *want;
    } rows[] = {
        { { COVE__CHUNK_DATA, 0, 262144, -1 }, "Content-Range: bytes 0-262143/*\n" },
        { { COVE__CHUNK_DATA, 262144, 1, 262145, true, 5 },
          "Content-Range: bytes 262144-262144/262145\nx-goog-hash: crc32c=AAAABQ==\n" },
        { { COVE__CHUNK_ASK, 7, 0, -1 }, "Content-Range: bytes */*\n" },
        { { COVE__CHUNK_ASK, 7, 0, 7, true, 5 }, "Content-Range: bytes */7\n" },
        { { COVE__CHUNK_END, 7, 0, 7 }, "Content-Range: bytes */7\n" },
    };

    new_request("POST", "b/a/k");
    cove__buf_add_str(&r.extra, "Content-Type: a/b\nx-goog-if-generation-match: 0\n");
    ops->begin_request(&r, NULL);
    r.http.has_body = true;
    assert_string_equal(sent(), "POST " HOST "/upload/storage/v1/b/b/o?uploadType=resumable&name=a%2Fk&" FIELDS
                                "&ifGenerationMatch=0\n" GZIP JSON "\n{\"contentType\":\"a/b\"}");
    /* To the session's URL, which the engine prepares. */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        new_request("PUT", "b/k");
        ops->chunk_request(&r, NULL, &rows[i].chunk);
        assert_string_equal(cove__buf_str(&r.extra), rows[i].want);
        cove__object_request_done(&r);
    }
}

static void test_of_multipart_uploads(void **state)
{
    const struct cove__object_upload_ops *ops = &cove__gcs_upload_ops;
    struct cove__object_part parts[] = { { (char *)"\"e1\"", 0, 1 }, { (char *)"\"<2>\"", 0, 1 } };
    const struct cove__upload u = { .id = (char *)"i/d", .parts = parts, .n = 2 };
    const struct cove__object_place place = { .number = 3 };
    struct cove__buf body = COVE__BUF_INIT(4096);

    new_request("POST", "b/a b/k");
    cove__object_header(&r, "x-goog-meta-a", "1");
    ops->begin_request(&r, &u);
    assert_string_equal(sent(), "POST " HOST "/b/a%20b/k?uploads=\n" GZIP "x-goog-meta-a: 1\n\n");
    new_request("PUT", "b/k");
    ops->part_request(&r, &u, &place);
    cove__object_body(&r, cove__slice_str("123456789"), COVE__CHECKSUM_CRC32C);
    assert_string_equal(sent(), "PUT " HOST "/b/k?partNumber=3&uploadId=i%2Fd\n" GZIP
                                "x-goog-hash: crc32c=4waSgw==\n\n123456789");
    new_request("POST", "b/k");
    assert_int_equal(ops->finish_request(&r, &u, 0, &body), 0);
    cove__object_body(&r, cove__buf_slice(&body), COVE__CHECKSUM_NONE);
    assert_string_equal(sent(),
                        "POST " HOST "/b/k?uploadId=i%2Fd\n" GZIP
                        "\n<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>&quot;e1&quot;</ETag></Part>"
                        "<Part><PartNumber>2</PartNumber><ETag>&quot;&lt;2&gt;&quot;</ETag></Part>"
                        "</CompleteMultipartUpload>");
    gcs.user_project = (char *)"payer"; /* a header there */
    new_request("DELETE", "b/k");
    ops->abort_request(&r, "i/d");
    assert_string_equal(sent(), "DELETE " HOST "/b/k?uploadId=i%2Fd\nx-goog-user-project: payer\n" GZIP "\n");
    cove__buf_done(&body);
}

/* ---- folders ---- */

static void test_of_folders(void **state)
{
    const struct cove__object_directory_ops *ops = &cove__gcs_directory_ops;
    const struct cove__object_move move = { .from = cove__object_split("b/a b"), .to = cove__object_split("b/c/d") };

    new_request("GET", "b");
    ops->detect_request(&r);
    assert_string_equal(sent(), "GET " HOST "/storage/v1/b/b/storageLayout\n" GZIP "\n");
    new_request("PUT", "b/a \"/b");
    ops->make_request(&r);
    assert_string_equal(sent(),
                        "POST " HOST "/storage/v1/b/b/folders?recursive=true\n" GZIP JSON "\n{\"name\":\"a \\\"/b/\"}");
    new_request("GET", "b/a/b");
    ops->stat_request(&r);
    assert_string_equal(sent(), "GET " HOST "/storage/v1/b/b/folders/a%2Fb%2F\n" GZIP "\n");
    new_request("DELETE", "b/a/b/");
    ops->remove_request(&r);
    assert_string_equal(sent(), "DELETE " HOST "/storage/v1/b/b/folders/a%2Fb%2F\n" GZIP "\n");
    new_request("POST", "b/c/d");
    cove__gcs_rename_ops.request(&r, &move, NULL);
    assert_string_equal(sent(),
                        "POST " HOST "/storage/v1/b/b/folders/a%20b%2F/renameTo/folders/c%2Fd%2F\n" GZIP JSON "\n");
    new_request("POST", "b/d");
    cove__gcs_remove_tree_ops.request(&r, NULL, NULL);
    assert_string_equal(sent(), "POST " HOST "/storage/v1/b/b/folders/d%2F/deleteRecursive\n" GZIP JSON "\n");
    new_request("POST", "b/d");
    cove__gcs_remove_tree_ops.request(&r, NULL, "AX/1");
    assert_string_equal(sent(), "GET " HOST "/storage/v1/b/b/operations/AX%2F1\n" GZIP "\n");
}

static void respond(const char *body)
{
    cove__buf_done(&r.http.response);
    cove__buf_init(&r.http.response, 4096);
    cove__buf_add_str(&r.http.response, body);
}

static void test_of_operations(void **state)
{
    static const struct {
        const char *body, *token;
        int accepted, rc;
    } rows[] = {
        { "{\"name\":\"projects/_/buckets/b/operations/AX1\",\"done\":false}", "AX1", 0, 0 },
        { "{\"name\":\"projects/_/buckets/b/operations/AX1\",\"metadata\":{\"done\":true}}", "AX1", 0, 0 },
        { "{\"name\":\"projects/_/buckets/b/operations/AX1\",\"done\":true,\"response\":{}}", "", 0, 0 },
        { "{\"name\":\"x/operations/A\",\"done\":true,\"error\":{\"code\":6,\"message\":\"m\"}}", "", COVE_EEXIST, 0 },
        { "{\"name\":\"x/operations/A\",\"done\":true,\"error\":{\"code\":99}}", "", COVE_ESERVER, 0 },
        { "{\"done\":true}", "", COVE_EPROTOCOL, COVE_EPROTOCOL },
        { "{}", "", COVE_EPROTOCOL, COVE_EPROTOCOL },
        { "no JSON", "", COVE_EPROTOCOL, COVE_EPROTOCOL },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cove__buf token = COVE__BUF_INIT(512);

        new_request("POST", "b/d");
        cove__gcs_remove_tree_ops.request(&r, NULL, NULL);
        respond(rows[i].body);
        assert_int_equal(r.accept(&r, &err), rows[i].accepted);
        assert_int_equal(cove__gcs_remove_tree_ops.response(&r, NULL, &token), rows[i].rc);
        assert_string_equal(cove__buf_str(&token), rows[i].token);
        cove__buf_done(&token);
        cove__object_request_done(&r);
    }
}

static void test_of_layouts(void **state)
{
    static const struct {
        const char *body;
        int rc;
        bool real;
    } rows[] = {
        { "{\"kind\":\"storage#storageLayout\"}", 0, false },
        { "{\"kind\":\"storage#storageLayout\",\"hierarchicalNamespace\":{\"enabled\":false}}", 0, false },
        { "{\"hierarchicalNamespace\":{\"enabled\":true},\"kind\":\"storage#storageLayout\"}", 0, true },
        { "{\"kind\":\"storage#storageLayout\",\"hierarchicalNamespace\":", COVE_EPROTOCOL, false },
        { "{\"hierarchicalNamespace\":{\"enabled\":true}}", COVE_EPROTOCOL, false }, /* of what? */
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool real = false;

        new_request("GET", "b");
        respond(rows[i].body);
        assert_int_equal(cove__gcs_directory_ops.detect_response(&r, &real, &err), rows[i].rc);
        assert_int_equal(real, rows[i].real);
        cove__object_request_done(&r);
    }
}

static void test_of_folders_that_are_renamed(void **state)
{
    new_request("GET", "b/d");
    respond("{\"name\":\"d/\",\"pendingRenameInfo\":{\"operationId\":\"x\"}}");
    assert_true(cove__gcs_directory_ops.is_moving(&r));
    respond("{\"name\":\"d/\"}");
    assert_false(cove__gcs_directory_ops.is_moving(&r));
    cove__object_request_done(&r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_of_objects),        TEST(test_names_that_change),
        TEST(test_of_a_whole_object), TEST(test_of_buckets),
        TEST(test_project),           TEST(test_who_pays),
        TEST(test_of_copies),         TEST(test_of_moves),
        TEST(test_of_metadata),       TEST(test_of_composed_objects),
        TEST(test_of_batches),        TEST(test_credentials),
        TEST(test_of_sessions),       TEST(test_of_multipart_uploads),
        TEST(test_of_folders),        TEST(test_of_operations),
        TEST(test_of_layouts),        TEST(test_of_folders_that_are_renamed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
