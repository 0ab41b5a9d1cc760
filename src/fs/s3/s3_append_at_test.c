/* S3's spelling of appends at an offset. No network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "fs/s3/s3_append_at.h"

static struct cove__s3 s3 = { .store = { .ops = &cove__s3_object_ops }, .rules = { .directories = true } };
static const struct cove__ctx ctx = { .op = "append", .url = "s3://b/k" };

/* Of the options' lines only those about encryption: such an append takes no others. */
static void test_request(void **state)
{
    struct cove__object_request r;

    cove__buf_init(&s3.store.extra.create, 4096);
    cove__buf_add_str(&s3.store.extra.create, "x-amz-acl: private\nx-amz-server-side-encryption: aws:kms\n"
                                              "x-amz-meta-a: b\nx-amz-server-side-encryption-aws-kms-key-id: K\n");
    cove__object_request_init(&r, &s3.store, "PUT", cove__object_split("b/k"), &ctx);
    cove__s3_append_at_request(&r, 12345678901);
    assert_string_equal(cove__buf_str(&r.extra), "x-amz-write-offset-bytes: 12345678901\n"
                                                 "x-amz-server-side-encryption: aws:kms\n"
                                                 "x-amz-server-side-encryption-aws-kms-key-id: K\n");
    cove__object_request_done(&r);
    cove__buf_done(&s3.store.extra.create);
}

static void test_response(void **state)
{
    static const struct {
        const char *headers;
        int rc;
    } rows[] = {
        { "x-amz-object-size: 10\n", 0 },
        { "etag: \"e\"\n", 0 },
        { "x-amz-object-size: 4\n", COVE_ESERVER },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cove_error err = COVE_ERROR_INIT;
        struct cove__object_request r;
        cove__object_request_init(&r, &s3.store, "PUT", cove__object_split("b/k"), &ctx);
        cove__buf_init(&r.http.response_headers, 4096);
        cove__buf_add_str(&r.http.response_headers, rows[i].headers);
        assert_int_equal(cove__s3_append_at_response(&r, 10, &err), rows[i].rc);
        if (rows[i].rc < 0)
            assert_string_equal(err.message, "append s3://b/k: after the append the object has 4 bytes, not 10");
        cove__object_request_done(&r);
    }
}

static void test_extends(void **state)
{
    assert_true(cove__s3_append_ops.extends(&s3.store, cove__object_split("b--usw2-az1--x-s3/k")));
    assert_false(cove__s3_append_ops.extends(&s3.store, cove__object_split("b/k")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_response),
        cmocka_unit_test(test_extends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
