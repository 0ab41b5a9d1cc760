/* S3's spelling of copies: requests and responses as text. No network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "fs/s3/s3_upload.h"

#define DIRECTORY "b--usw2-az1--x-s3"

static const struct cove__object_copy_ops *const ops = &cove__s3_copy_ops;
static struct cove_error err = COVE_ERROR_INIT;
static struct cove__s3 s3 = { .store = { .ops = &cove__s3_object_ops }, .rules = { .directories = true } };
static const struct cove__ctx ctx = { .op = "copy", .url = "s3://b/k" };

static void test_request(void **state)
{
    static const struct {
        const char *to, *bucket, *key, *version_id, *version, *replaced;
        bool new_properties;
        const char *want;
    } rows[] = {
        { "b/k", "src", "a b/c", "", NULL, NULL, false, "x-amz-copy-source: /src/a%20b/c\n" },
        { "b/k", "src", "c", "v+1", "W/\"e\"", NULL, false,
          "x-amz-copy-source: /src/c?versionId=v%2B1\nx-amz-copy-source-if-match: \"e\"\n" },
        { "b/k", "arn:aws:s3:us-west-2:123456789012:accesspoint:ap", "c", "", NULL, NULL, false,
          "x-amz-copy-source: arn%3Aaws%3As3%3Aus-west-2%3A123456789012%3Aaccesspoint%3Aap/object/c\n" },
        { "b/k", "b", "k", "", "\"e\"", "\"e\"", true,
          "x-amz-copy-source: /b/k\nx-amz-copy-source-if-match: \"e\"\nx-amz-metadata-directive: REPLACE\n"
          "If-Match: \"e\"\n" },
        { DIRECTORY "/k", "b", "k", "", NULL, "\"e\"", true, /* which knows no If-Match of copies */
          "x-amz-copy-source: /b/k\nx-amz-metadata-directive: REPLACE\n" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct cove__object_source from = { .name = { .bucket = cove__slice_str(rows[i].bucket),
                                                            .key = cove__slice_str(rows[i].key),
                                                            .version = cove__slice_str(rows[i].version_id) },
                                                  .version = rows[i].version };
        struct cove__object_request r;
        cove__object_request_init(&r, &s3.store, "PUT", cove__object_split(rows[i].to), &ctx);
        ops->request(&r, &from, rows[i].replaced, rows[i].new_properties);
        assert_string_equal(cove__buf_str(&r.extra), rows[i].want);
        cove__object_request_done(&r);
    }
}

static void test_part_request(void **state)
{
    const struct cove__upload u = { .id = (char *)"a/b" };
    const struct cove__object_place place = { .number = 2, .offset = 100, .size = 50 };
    const struct cove__object_source from = {
        .name = cove__object_split("src/c"), .version = "\"e\"", .offset = 1000, .size = 50
    };
    struct cove__object_request r;

    cove__object_request_init(&r, &s3.store, "PUT", cove__object_split("b/k"), &ctx);
    ops->part_request(&r, &u, &place, &from);
    assert_string_equal(cove__buf_str(&r.query), "partNumber=2&uploadId=a%2Fb");
    assert_string_equal(cove__buf_str(&r.extra), "x-amz-copy-source: /src/c\nx-amz-copy-source-if-match: \"e\"\n"
                                                 "x-amz-copy-source-range: bytes=1000-1049\n");
    cove__object_request_done(&r);
}

static void test_response(void **state)
{
    static const struct {
        const char *body;
        int rc;
        const char *version;
        bool has_crc32c;
    } rows[] = {
        { "<CopyObjectResult><ETag>\"e\"</ETag></CopyObjectResult>", 0, "\"e\"", false },
        { "<CopyPartResult><ETag>\"e\"</ETag><ChecksumCRC32C>AAAABQ==</ChecksumCRC32C></CopyPartResult>", 0, "\"e\"",
          true },
        { "<CopyPartResult><ETag>\"e\"</ETag><ChecksumCRC32C>?</ChecksumCRC32C></CopyPartResult>", 0, "\"e\"", false },
        { "<CopyObjectResult></CopyObjectResult>", COVE_EPROTOCOL, "", false },
        { "", COVE_EPROTOCOL, "", false },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cove__object_made made = { 0 };
        struct cove__object_request r;
        cove__object_request_init(&r, &s3.store, "PUT", cove__object_split("b/k"), &ctx);
        r.http.response.max = 4096;
        cove__buf_add_str(&r.http.response, rows[i].body);
        assert_int_equal(ops->response(&r, &made, &err), rows[i].rc);
        assert_string_equal(made.version, rows[i].version);
        assert_int_equal(made.has_crc32c, rows[i].has_crc32c);
        if (made.has_crc32c)
            assert_int_equal(made.crc32c, 5);
        cove__object_request_done(&r);
    }
}

static void test_too_large(void **state)
{
    struct cove__object_request r = { .refusal = COVE__REFUSED_TOO_LARGE };

    assert_true(ops->too_large(&r));
    r = (struct cove__object_request){ .code = "InvalidRequest" };
    assert_true(ops->too_large(&r));
    r = (struct cove__object_request){ .code = "AccessDenied", .refusal = COVE__REFUSED_ACCESS };
    assert_false(ops->too_large(&r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_part_request),
        cmocka_unit_test(test_response),
        cmocka_unit_test(test_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
