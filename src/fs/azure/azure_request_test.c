/* Requests to the blob service as text: what is sent for each of the engine's, and what a response means. No network.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fs/azure/azure_batch.h"
#include "fs/azure/azure_blocks.h"
#include "fs/azure/azure_checksum.h"
#include "fs/azure/azure_container.h"
#include "fs/azure/azure_copy.h"
#include "fs/azure/azure_list.h"
#include "fs/azure/azure_request.h"

#define HOST "https://acct.blob.core.windows.net"

static struct cove__azure azure = { .store = { .ops = &cove__azure_object_ops } };
static const struct cove__ctx ctx = { .op = "test", .url = "az://c/k" };
static struct cove_error err = COVE_ERROR_INIT;
static struct cove__object_request r;

static int begin(void **state)
{
    cove__buf_init(&azure.store.extra.create, 4096);
    cove__buf_init(&azure.store.extra.each, 4096);
    azure.account = (struct azure_account){
        .name = (char *)"acct",
        .endpoint = { .tls = true, .host = (char *)"acct.blob.core.windows.net", .base = (char *)"" }
    };
    return 0;
}

static int end(void **state)
{
    cove__buf_done(&azure.store.extra.create);
    cove__buf_done(&azure.store.extra.each);
    return 0;
}

static void new_request(const char *method, const char *path)
{
    cove__object_request_init(&r, &azure.store, method, cove__object_split(path), &ctx);
}

/* Removes what differs from run to run: the date, signatures. */
static void strip(char *text, const char *from, const char *until)
{
    for (char *at = text; (at = strstr(at, from));) {
        char *begin = at + strlen(from), *end = begin + strcspn(begin, until);
        memmove(begin, end, strlen(end) + 1);
        at = begin;
    }
}

/* What would be sent: "METHOD URL\nheaders\nbody". Ends the request. Lives until the next. */
static const char *sent(void)
{
    static char text[16384];
    struct cove__http_request *http = &r.http;

    if (cove__azure_prepare(&r, &err) != 0)
        fail_msg("%s", err.message);
    snprintf(text, sizeof text, "%s %s\n%s\n%.*s", http->method, cove__buf_str(&http->url),
             cove__buf_str(&http->headers), (int)http->body.size, (const char *)http->body.data);
    cove__object_request_done(&r);
    strip(text, "x-ms-date: ", "\r\n");
    strip(text, "&se=", "&\n");
    strip(text, "&sig=", "&\n");
    strip(text, "SharedKey acct:", "\r\n");
    return text;
}

#define COMMON "x-ms-date: \nx-ms-version: 2023-11-03\n"

static void test_of_blobs(void **state)
{
    new_request("HEAD", "c/a b/k");
    assert_string_equal(sent(), "HEAD " HOST "/c/a%20b/k\n" COMMON "\n");
    new_request("GET", "c/k");
    cove__object_header(&r, "Range", "bytes=%d-%d", 0, 9);
    cove__object_add_match(&r, &r.extra, "\"0x1\"");
    assert_string_equal(sent(), "GET " HOST "/c/k\n" COMMON "Range: bytes=0-9\nIf-Match: \"0x1\"\n\n");
    new_request("DELETE", "c/k");
    cove__azure_delete_request(&r, true);
    assert_string_equal(sent(), "DELETE " HOST "/c/k\n" COMMON "x-ms-delete-snapshots: include\n\n");
    new_request("DELETE", "c/k");
    cove__azure_delete_request(&r, false);
    assert_string_equal(sent(), "DELETE " HOST "/c/k\n" COMMON "\n");
}

static void test_of_a_version(void **state)
{
    static const char path[] = "c/k?versionid=2026-01-01T00:00:00.0000000Z";
    azure.store.version_aware = true;
    cove__object_request_init(&r, &azure.store, "DELETE", cove__object_locate(&azure.store, path), &ctx);
    azure.store.version_aware = false;
    cove__azure_delete_request(&r, true);
    assert_string_equal(sent(), "DELETE " HOST "/c/k?versionid=2026-01-01T00%3A00%3A00.0000000Z\n" COMMON "\n");
}

static void test_of_a_whole_blob(void **state)
{
    const struct cove_pair pairs[] = { { "epoch", "7" } };
    const struct cove__put put = {
        .condition = COVE_WRITE_IF_NEW, .content_type = "text/plain", .metadata = pairs, .n_metadata = 1
    };

    cove__buf_add_str(&azure.store.extra.create, "Cache-Control: no-cache\nx-ms-access-tier: Cool\n");
    new_request("PUT", "c/k");
    cove__object_describe(&r, &put);
    cove__object_condition_headers(&r, COVE__CONDITION_SENT, &put);
    cove__object_body(&r, cove__slice_str("123456789"), COVE__CHECKSUM_MD5);
    /* The checksum's bytes stand in little-endian order: 88 98 79 0A 86 14 8B AE. */
    assert_string_equal(sent(), "PUT " HOST "/c/k\n" COMMON
                                "x-ms-blob-type: BlockBlob\nx-ms-blob-cache-control: no-cache\nx-ms-access-tier: Cool\n"
                                "x-ms-blob-content-type: text/plain\nx-ms-meta-epoch: 7\nIf-None-Match: *\n"
                                "x-ms-content-crc64: iJh5CoYUi64=\n\n123456789");
    cove__buf_reset(&azure.store.extra.create);
}

static void test_of_a_checksum_that_is_known(void **state)
{
    const uint64_t crc64 = 0x0807060504030201;

    new_request("PUT", "c/k");
    r.body_crc64 = &crc64;
    cove__object_body(&r, cove__slice_str("123456789"), COVE__CHECKSUM_MD5);
    assert_string_equal(sent(), "PUT " HOST "/c/k\n" COMMON
                                "x-ms-blob-type: BlockBlob\nx-ms-content-crc64: AQIDBAUGBwg=\n\n123456789");
}

static void test_of_containers(void **state)
{
    struct cove__buf body = COVE__BUF_INIT(64);

    new_request("PUT", "c");
    cove__azure_make_container_request(&r, &body);
    assert_string_equal(sent(), "PUT " HOST "/c?restype=container\n" COMMON "\n");
    new_request("DELETE", "c");
    cove__azure_remove_container_request(&r);
    assert_string_equal(sent(), "DELETE " HOST "/c?restype=container\n" COMMON "\n");
    new_request("GET", "c");
    cove__azure_list_request(&r,
                             &(struct cove__object_list_query){
                                 .prefix = cove__slice_str("d/"), .one_level = true, .limit = 5000, .token = "a/=" });
    assert_string_equal(
        sent(), "GET " HOST "/c?restype=container&comp=list&include=metadata&maxresults=5000&delimiter=%2F&prefix=d%2F&"
                "marker=a%2F%3D\n" COMMON "\n");
    new_request("GET", "");
    cove__azure_containers_request(&r, NULL);
    assert_string_equal(sent(), "GET " HOST "/?comp=list&maxresults=5000\n" COMMON "\n");
}

/* ---- blocks ---- */

static struct cove__object_part parts[] = { { .name = (char *)"QQ==" }, { .name = (char *)"Qg==" } };
static struct cove__upload upload = { .id = (char *)"0123456789abcdef0123456789abcdef", .parts = parts, .n = 2 };

static void test_of_blocks(void **state)
{
    const struct cove__object_place place = { .number = 3 };
    struct cove__object_made made = { 0 };
    struct cove__buf body = COVE__BUF_INIT(4096);
    /* base64 of the id and 0000000000000003 */
    static const char name[] = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMDAwMDAwMDAwMDAwMDAz";

    new_request("PUT", "c/k");
    cove__azure_upload_ops.part_request(&r, &upload, &place);
    r.http.status = 201;
    r.http.response_headers.max = 4096;
    assert_int_equal(cove__azure_upload_ops.part_response(&r, &made, &err), COVE_EPROTOCOL); /* it has no request id */
    cove__buf_add_str(&r.http.response_headers, "x-ms-request-id: 1\n");
    assert_int_equal(cove__azure_upload_ops.part_response(&r, &made, &err), 0);
    assert_string_equal(made.version, name);
    const char *text = sent();
    assert_non_null(strstr(text, "PUT " HOST "/c/k?comp=block&blockid=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYw"));
    assert_null(strstr(text, "x-ms-blob-type"));
    new_request("POST", "c/k");
    cove__buf_add_str(&r.extra, "Content-Type: text/plain\nx-ms-meta-a: 1\n");
    assert_int_equal(cove__azure_upload_ops.finish_request(&r, &upload, 0, &body), 0);
    cove__object_body(&r, cove__buf_slice(&body), COVE__CHECKSUM_NONE);
    assert_string_equal(sent(), "PUT " HOST "/c/k?comp=blocklist\n" COMMON
                                "x-ms-blob-content-type: text/plain\nx-ms-meta-a: 1\n\n"
                                "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList><Latest>QQ==</Latest>"
                                "<Latest>Qg==</Latest></BlockList>");
    cove__buf_done(&body);
}

/* ---- copies ---- */

static void test_of_copies(void **state)
{
    struct cove__object_source from = { .name = cove__object_split("c/a b"), .version = "\"0x1\"" };

    new_request("PUT", "c/k");
    cove__azure_copy_ops.request(&r, &from, NULL, false);
    assert_string_equal(sent(), "PUT " HOST "/c/k\n" COMMON "x-ms-source-if-match: \"0x1\"\n"
                                "x-ms-copy-source: " HOST "/c/a%20b\n\n");
    from.token = "id";
    new_request("PUT", "c/k");
    cove__azure_copy_ops.request(&r, &from, NULL, false);
    assert_string_equal(sent(), "HEAD " HOST "/c/k\n" COMMON "\n");
    /* Onto itself, with other metadata: the type and the like stay as they are. */
    from = (struct cove__object_source){ .name = cove__object_split("c/k"), .version = "\"0x1\"" };
    new_request("PUT", "c/k");
    cove__azure_copy_ops.request(&r, &from, "\"0x1\"", true);
    cove__buf_add_str(&r.extra, "Content-Type: text/plain\nx-ms-meta-a: 1\n");
    assert_string_equal(sent(), "PUT " HOST "/c/k?comp=metadata\n" COMMON "If-Match: \"0x1\"\nx-ms-meta-a: 1\n\n");
}

static void test_responses_to_copies(void **state)
{
    struct cove__object_made made = { 0 };
    struct cove__buf token = COVE__BUF_INIT(64);
    int64_t done;
    const struct cove__object_source from = { .name = cove__object_split("c/a") };

    new_request("PUT", "c/k");
    cove__azure_copy_ops.request(&r, &from, NULL, false);
    r.http.response_headers.max = 4096;
    cove__buf_add_str(&r.http.response_headers, "etag: \"0x2\"\nx-ms-copy-id: 7\nx-ms-copy-status: pending\n");
    assert_int_equal(cove__azure_copy_ops.token(&r, &token, &done), 0);
    assert_string_equal(cove__buf_str(&token), "7");
    cove__buf_reset(&token);
    cove__buf_reset(&r.http.response_headers);
    cove__buf_add_str(&r.http.response_headers, "etag: \"0x2\"\nx-ms-copy-status: success\n");
    assert_int_equal(cove__azure_copy_ops.token(&r, &token, &done), 0);
    assert_int_equal(token.size, 0);
    assert_int_equal(cove__azure_copy_ops.response(&r, &made, &err), 0);
    assert_string_equal(made.version, "\"0x2\"");
    cove__buf_reset(&r.http.response_headers);
    cove__buf_add_str(&r.http.response_headers,
                      "etag: \"0x2\"\nx-ms-copy-status: failed\nx-ms-copy-status-description: 500 broken\n");
    assert_int_equal(cove__azure_copy_ops.response(&r, &made, &err), COVE_ESERVER);
    assert_non_null(strstr(err.message, "failed: 500 broken"));
    cove__buf_reset(&r.http.response_headers); /* another server's 200 */
    assert_int_equal(cove__azure_copy_ops.response(&r, &made, &err), COVE_ESERVER);
    cove__object_request_done(&r);
    cove__buf_done(&token);
}

/* A source's right to be read: the caller's SAS, or one that the key signs. */
static void test_of_copied_blocks(void **state)
{
    const struct cove__object_place place = { .number = 1 };
    const struct cove__object_source from = {
        .name = cove__object_split("c/a"), .version = "\"0x1\"", .offset = 10, .size = 5
    };

    azure.account.sas = (char *)"sv=1&sig=secret";
    new_request("PUT", "c/k");
    cove__azure_copy_ops.part_request(&r, &upload, &place, &from);
    const char *text = sent();
    assert_non_null(strstr(text, "&sv=1&sig=\n"));
    assert_non_null(strstr(text, "x-ms-source-range: bytes=10-14\nx-ms-copy-source: " HOST "/c/a?sv=1&sig=\n"));
    azure.account.sas = NULL;
    azure.account.key_size = 4;
    new_request("PUT", "c/k");
    cove__azure_copy_ops.part_request(&r, &upload, &place, &from);
    assert_non_null(strstr(sent(), "x-ms-copy-source: " HOST "/c/a?sv=2023-11-03&se=&sr=b&sp=r&sig=\n"
                                   "Authorization: SharedKey acct:\n"));
    azure.account.key_size = 0;
}

/* A block whose bytes are at hand: the service compares their checksum with the source's. */
static void test_of_checked_copies(void **state)
{
    const struct cove__object_place place = { .number = 1 };
    struct cove__object_source from = { .name = cove__object_split("c/a"), .version = "\"0x1\"", .size = 9 };

    new_request("PUT", "c/k");
    cove__azure_copy_ops.part_request(&r, &upload, &place, &from);
    assert_null(strstr(sent(), "crc64"));
    from.bytes = cove__slice_str("123456789");
    new_request("PUT", "c/k");
    cove__azure_copy_ops.part_request(&r, &upload, &place, &from);
    assert_non_null(strstr(sent(), "\nx-ms-source-content-crc64: iJh5CoYUi64=\n"));
}

/* ---- checksums of reads ---- */

static bool asks(int64_t length)
{
    struct cove__buf headers = COVE__BUF_INIT(256);

    cove__azure_read_headers(&r, length, &headers);
    bool result = headers.size > 0;
    cove__buf_done(&headers);
    return result;
}

static bool matches(const char *header, const char *body)
{
    cove__buf_reset(&r.http.response_headers);
    cove__buf_add_str(&r.http.response_headers, header);
    return cove__azure_read_matches(&r, cove__slice_str(body));
}

static void test_of_read_checksums(void **state)
{
    new_request("GET", "c/k");
    r.http.response_headers.max = 4096;
    assert_true(matches("", "123456789"));
    assert_true(matches("x-ms-content-crc64: iJh5CoYUi64=\n", "123456789"));
    assert_false(matches("x-ms-content-crc64: iJh5CoYUi64=\n", "123456788"));
    assert_false(matches("x-ms-content-crc64: none\n", "123456789"));
    assert_false(asks(((int64_t)4 << 20) + 1)); /* the service refuses it */
    cove__buf_add_str(&r.http.response_headers, "x-ms-error-code: FeatureNotSupported\n");
    assert_false(cove__azure_gives_up_checksums(&r)); /* as none was asked for */
    assert_true(asks((int64_t)4 << 20));
    assert_true(cove__azure_gives_up_checksums(&r));
    assert_false(asks(1));
    cove__object_request_done(&r);
    azure.store.capabilities = (struct cove__capabilities){ 0 };
}

/* ---- batches ---- */

static void test_of_batches(void **state)
{
    struct cove__object_deletion one = { .name = cove__object_split("c/a b"), .with_snapshots = true },
                                 two = { .name = cove__object_split("c/k"), .version = "\"0x1\"" };
    struct cove__buf body = COVE__BUF_INIT(8192);
    char text[4096];

    azure.account.key_size = 4;
    new_request("POST", "c");
    cove__azure_batch_ops.request(&r);
    strcpy(cove__azure_state(&r)->boundary, "cut");
    cove__azure_state(&r)->signs = true;
    assert_true(cove__azure_batch_ops.add(&r, 0, &one, &body));
    assert_true(cove__azure_batch_ops.add(&r, 17, &two, &body));
    cove__azure_batch_ops.end(&r, &body);
    snprintf(text, sizeof text, "%s", cove__buf_str(&body));
    strip(text, "x-ms-date: ", "\r\n");
    strip(text, "SharedKey acct:", "\r\n");
    assert_string_equal(text, "--cut\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
                              "Content-ID: 0\r\n\r\nDELETE /c/a%20b HTTP/1.1\r\nx-ms-delete-snapshots: include\r\n"
                              "x-ms-date: \r\nAuthorization: SharedKey acct:\r\nContent-Length: 0\r\n\r\n"
                              "--cut\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
                              "Content-ID: 17\r\n\r\nDELETE /c/k HTTP/1.1\r\n"
                              "If-Match: \"0x1\"\r\nx-ms-date: \r\nAuthorization: SharedKey acct:\r\n"
                              "Content-Length: 0\r\n\r\n--cut--\r\n");
    cove__buf_done(&body);
    cove__object_request_done(&r);
    azure.account.key_size = 0;
}

static char results[512];

static void take_result(void *user, const struct cove__object_deletion_result *result)
{
    size_t n = strlen(results);

    snprintf(results + n, sizeof results - n, "%zd:%d:%s ", (ssize_t)result->index, result->rc,
             result->code ? result->code : "");
}

static int read_batch(const char *body)
{
    results[0] = '\0';
    new_request("POST", "c");
    cove__azure_batch_ops.request(&r);
    r.http.response_headers.max = r.http.response.max = 8192;
    cove__buf_add_str(&r.http.response_headers, "content-type: multipart/mixed; boundary=x\n");
    cove__buf_add_str(&r.http.response, body);
    int rc = cove__azure_batch_ops.response(&r, take_result, NULL);
    cove__object_request_done(&r);
    return rc;
}

#define PART(id, status, more) "--x\r\nContent-Type: application/http\r\n" id "\r\nHTTP/1.1 " status "\r\n" more "\r\n"

static void test_responses_to_batches(void **state)
{
    /* The last line's end may be missing. */
    assert_int_equal(read_batch(PART("Content-ID: 0\r\n", "202 Accepted", "x-ms-request-id: 1\r\n")
                                    PART("Content-ID: 1\r\n", "404 The specified blob does not exist.",
                                         "x-ms-error-code: BlobNotFound\r\n") "--x--"),
                     0);
    assert_string_equal(results, "0:0: 1:-3:BlobNotFound ");
    /* Another server's 404 and redirect show nothing of the blob. */
    assert_int_equal(
        read_batch(PART("Content-ID: 0\r\n", "404 Not Found", "") PART("Content-ID: 1\r\n", "301 Moved", "") "--x--"),
        0);
    assert_string_equal(results, "0:-19: 1:-19: ");
    /* A failure of the whole is one part without an ID; a success without one is nothing's. */
    assert_int_equal(read_batch(PART("", "403 Forbidden", "x-ms-error-code: AuthorizationFailure\r\n") "--x--\r\n"), 0);
    assert_string_equal(results, "-1:-5:AuthorizationFailure ");
    assert_int_equal(read_batch(PART("", "202 Accepted", "") "--x--\r\n"), COVE_EPROTOCOL);
    assert_int_equal(read_batch(PART("Content-ID: 0\r\n", "202 Accepted", "")), COVE_EPROTOCOL);
    assert_int_equal(read_batch("<html></html>"), COVE_EPROTOCOL);
}

/* ---- refusals ---- */

static struct cove__object_name source; /* of a copy that is refused */

static int classify(int status, const char *headers, const char *body, bool *ret_retry)
{
    err = (struct cove_error)COVE_ERROR_INIT;
    new_request("GET", "c/k");
    cove__azure_state(&r)->source = source;
    r.http.status = status;
    r.http.attempts = 1;
    r.http.response_headers.max = r.http.response.max = 8192;
    cove__buf_add_str(&r.http.response_headers, headers);
    cove__buf_add_str(&r.http.response, body);
    *ret_retry = cove__azure_classify(&r, &err);
    cove__object_request_done(&r);
    return err.code;
}

static void test_refusals(void **state)
{
    bool retry;

    assert_int_equal(classify(404, "x-ms-error-code: BlobNotFound\n", "", &retry), COVE_ENOTFOUND);
    assert_non_null(strstr(err.message, "test az://c/k: no such blob (BlobNotFound)"));
    assert_int_equal(classify(404, "x-ms-error-code: ContainerNotFound\n", "", &retry), COVE_ENOTFOUND);
    assert_non_null(strstr(err.message, "no such container: c; a container's name has 3 to 63 characters"));
    assert_int_equal(classify(403, "", "<Error><Code>AuthenticationFailed</Code><Message>m</Message></Error>", &retry),
                     COVE_EAUTH);
    assert_non_null(strstr(err.message, "the request has no credentials"));
    /* The message has the tenant that a token has to be of. */
    assert_int_equal(classify(401,
                              "x-ms-error-code: NoAuthenticationInformation\nwww-authenticate: Bearer "
                              "authorization_uri=https://login.microsoftonline.com/a-tenant/oauth2/authorize "
                              "resource_id=https://storage.azure.com\n",
                              "", &retry),
                     COVE_EAUTH);
    assert_non_null(strstr(err.message,
                           "; the account is of the tenant a-tenant: log in there, for example by \"az login --tenant "
                           "a-tenant\""));
    assert_true(classify(503, "x-ms-error-code: ServerBusy\n", "", &retry) == COVE_ETHROTTLED && retry);
    /* The error of a copy's source may pass though that of the copy would not. */
    assert_int_equal(
        classify(409, "x-ms-error-code: CannotVerifyCopySource\nx-ms-copy-source-error-code: ServerBusy\n", "", &retry),
        COVE_EACCESS);
    assert_true(retry);
    /* What was sent may be sent again; what was copied would be the same again. */
    assert_true(classify(400, "x-ms-error-code: Crc64Mismatch\n", "", &retry) == COVE_ECORRUPT && retry);
    source = cove__object_split("c/a");
    assert_true(classify(400, "x-ms-error-code: Crc64Mismatch\n", "", &retry) == COVE_EMISMATCH && !retry);
    assert_non_null(strstr(err.message, "the copied part has another checksum than its bytes (Crc64Mismatch)"));
    source = (struct cove__object_name){ 0 };
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_blobs),
        cmocka_unit_test(test_of_a_version),
        cmocka_unit_test(test_of_a_whole_blob),
        cmocka_unit_test(test_of_a_checksum_that_is_known),
        cmocka_unit_test(test_of_containers),
        cmocka_unit_test(test_of_blocks),
        cmocka_unit_test(test_of_copies),
        cmocka_unit_test(test_responses_to_copies),
        cmocka_unit_test(test_of_copied_blocks),
        cmocka_unit_test(test_of_checked_copies),
        cmocka_unit_test(test_of_read_checksums),
        cmocka_unit_test(test_of_batches),
        cmocka_unit_test(test_responses_to_batches),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
