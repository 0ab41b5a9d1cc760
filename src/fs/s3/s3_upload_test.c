/* S3's spelling of uploads: requests and responses as text. No network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "fs/s3/s3_upload.h"

static const struct cove__object_upload_ops *const ops = &cove__s3_upload_ops;
static struct cove_error err = COVE_ERROR_INIT;
static struct cove__s3 s3 = { .store = { .ops = &cove__s3_object_ops } };
static const struct cove__ctx ctx = { .op = "write", .url = "s3://b/k" };

static struct cove__upload upload = { .store = &s3.store, .id = (char *)"a/b+c" };

static void begin(struct cove__object_request *r, const char *method, const char *path)
{
    cove__object_request_init(r, &s3.store, method, cove__object_split(path), &ctx);
}

static void response(struct cove__object_request *r, const char *headers, const char *body)
{
    cove__buf_done(&r->http.response_headers);
    cove__buf_done(&r->http.response);
    cove__buf_init(&r->http.response_headers, 4096);
    cove__buf_init(&r->http.response, 4096);
    cove__buf_add_str(&r->http.response_headers, headers);
    cove__buf_add_str(&r->http.response, body);
}

static void test_begin(void **state)
{
    struct cove__buf id = COVE__BUF_INIT(64);
    struct cove__object_request r;

    begin(&r, "POST", "b/k");
    ops->begin_request(&r, &upload);
    assert_string_equal(cove__buf_str(&r.query), "uploads=");
    response(
        &r, "",
        "<InitiateMultipartUploadResult><Bucket>b</Bucket><UploadId>a/b+c</UploadId></InitiateMultipartUploadResult>");
    assert_int_equal(ops->begin_response(&r, &id), 0);
    assert_string_equal(cove__buf_str(&id), "a/b+c");
    response(&r, "", "<html></html>");
    assert_int_equal(ops->begin_response(&r, &id), COVE_EPROTOCOL);
    cove__buf_done(&id);
    cove__object_request_done(&r);
}

static void test_part(void **state)
{
    const struct cove__object_place place = { .number = 3, .offset = 16, .size = 8 };
    struct cove__object_made made = { 0 };
    struct cove__object_request r;

    begin(&r, "PUT", "b/k");
    ops->part_request(&r, &upload, &place);
    assert_string_equal(cove__buf_str(&r.query), "partNumber=3&uploadId=a%2Fb%2Bc");
    response(&r, "etag: \"e3\"\n", "");
    assert_int_equal(ops->part_response(&r, &made, &err), 0);
    assert_string_equal(made.version, "\"e3\"");
    response(&r, "server: x\n", "");
    assert_int_equal(ops->part_response(&r, &made, &err), COVE_EPROTOCOL);
    cove__object_request_done(&r);
}

static void check_finish(bool with_checksum, const char *want_body, const char *want_headers)
{
    struct cove__object_part parts[] = { { (char *)"\"e1\"", 0x01020304, 8 }, { (char *)"\"<2>\"", 5, 1 } };
    struct cove__upload u = { .store = &s3.store, .id = (char *)"id", .parts = parts, .n = 2 };
    struct cove__buf body = COVE__BUF_INIT(4096);
    struct cove__object_request r;

    u.with_checksum = with_checksum;
    begin(&r, "POST", "b/k");
    assert_int_equal(ops->finish_request(&r, &u, 0x0a0b0c0d, &body), 0);
    assert_string_equal(cove__buf_str(&r.query), "uploadId=id");
    assert_string_equal(cove__buf_str(&body), want_body);
    assert_string_equal(cove__buf_str(&r.extra), want_headers);
    parts[1].name = (char *)"\x01"; /* which XML cannot hold */
    cove__buf_reset(&body);
    assert_int_equal(ops->finish_request(&r, &u, 0, &body), COVE_EPROTOCOL);
    cove__buf_done(&body);
    cove__object_request_done(&r);
}

#define BODY(sum1, sum2)                                                                                               \
    "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"                                      \
    "<Part><PartNumber>1</PartNumber><ETag>&quot;e1&quot;</ETag>" sum1 "</Part>"                                       \
    "<Part><PartNumber>2</PartNumber><ETag>&quot;&lt;2&gt;&quot;</ETag>" sum2 "</Part></CompleteMultipartUpload>"

static void test_finish(void **state)
{
    struct cove__object_made made = { 0 };
    struct cove__object_request r;

    check_finish(false, BODY("", ""), "Content-Type: application/xml\n");
    check_finish(true, BODY("<ChecksumCRC32C>AQIDBA==</ChecksumCRC32C>", "<ChecksumCRC32C>AAAABQ==</ChecksumCRC32C>"),
                 "Content-Type: application/xml\nx-amz-checksum-crc32c: CgsMDQ==\nx-amz-checksum-type: FULL_OBJECT\n");
    begin(&r, "POST", "b/k");
    response(&r, "", "<CompleteMultipartUploadResult><ETag>abc-2</ETag></CompleteMultipartUploadResult>");
    assert_int_equal(ops->finish_response(&r, &made, &err), 0);
    assert_string_equal(made.version, "\"abc-2\"");
    made.version[0] = '\0';
    response(&r, "", "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>");
    assert_int_equal(ops->finish_response(&r, &made, &err), COVE_EPROTOCOL);
    assert_non_null(strstr(err.message, "has no ETag"));
    response(&r, "", "<Other><ETag>abc</ETag></Other>");
    assert_int_equal(ops->finish_response(&r, &made, &err), COVE_EPROTOCOL);
    cove__object_request_done(&r);
}

static void test_abort(void **state)
{
    struct cove__object_request r;

    begin(&r, "DELETE", "b/k");
    ops->abort_request(&r, "a/b");
    assert_string_equal(cove__buf_str(&r.query), "uploadId=a%2Fb");
    cove__object_request_done(&r);
}

static void check_list_request(const char *bucket, const char *below, const struct cove__upload_page *last,
                               const char *want)
{
    struct cove__object_request r;

    begin(&r, "GET", bucket);
    ops->list_request(&r, cove__slice_str(below), last);
    assert_string_equal(cove__buf_str(&r.query), want);
    cove__object_request_done(&r);
}

static void test_list(void **state)
{
    struct cove__upload_page page = COVE__UPLOAD_PAGE_INIT;
    struct cove__object_request r;

    check_list_request("b", "", NULL, "uploads=&encoding-type=url");
    check_list_request("b", "run/x", NULL, "uploads=&encoding-type=url&prefix=run%2Fx");
    begin(&r, "GET", "b");
    response(&r, "",
             "<ListMultipartUploadsResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
             "<NextKeyMarker>k%2B2</NextKeyMarker><NextUploadIdMarker>i2</NextUploadIdMarker>"
             "<Upload><Key>k%2B1</Key><UploadId>i1</UploadId><Initiated>2026-01-01T00:00:00Z</Initiated></Upload>"
             "<Upload><UploadId>i2</UploadId><Key>k%2B2</Key></Upload></ListMultipartUploadsResult>");
    assert_int_equal(ops->list_response(&r, &page), 0);
    assert_int_equal(page.n, 2);
    assert_string_equal(page.items[0].path, "k+1");
    assert_string_equal(page.items[0].id, "i1");
    assert_int_equal(page.items[0].started_ns, INT64_C(1767225600000000000));
    assert_string_equal(page.items[1].path, "k+2");
    assert_int_equal(page.items[1].started_ns, -1);
    assert_true(page.more);
    check_list_request("b", "", &page, "uploads=&encoding-type=url&key-marker=k%2B2&upload-id-marker=i2");
    s3.rules.directories = true;
    check_list_request("b--usw2-az1--x-s3", "run/x", &page,
                       "uploads=&encoding-type=url&prefix=run%2F&key-marker=k%2B2");
    s3.rules.directories = false;
    cove__upload_page_done(&page);
    page = (struct cove__upload_page)COVE__UPLOAD_PAGE_INIT;
    /* Amazon's own reference has the encoding after the uploads. */
    response(&r, "",
             "<ListMultipartUploadsResult><NextKeyMarker>k%2B1</NextKeyMarker><Upload><Key>k%2B1</Key>"
             "<UploadId>i1</UploadId></Upload><EncodingType>url</EncodingType></ListMultipartUploadsResult>");
    assert_int_equal(ops->list_response(&r, &page), 0);
    assert_string_equal(page.items[0].path, "k+1");
    assert_string_equal(cove__buf_str(&page.next_key), "k+1");
    cove__upload_page_done(&page);
    page = (struct cove__upload_page)COVE__UPLOAD_PAGE_INIT;
    response(&r, "", "<ListMultipartUploadsResult><Upload><Key>k</Key></Upload></ListMultipartUploadsResult>");
    assert_int_equal(ops->list_response(&r, &page), COVE_EPROTOCOL);
    cove__upload_page_done(&page);
    cove__object_request_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_begin), cmocka_unit_test(test_part), cmocka_unit_test(test_finish),
        cmocka_unit_test(test_abort), cmocka_unit_test(test_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
