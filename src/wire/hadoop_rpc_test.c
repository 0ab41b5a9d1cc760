/* Frames of Hadoop's RPC: bytes that are sent, computed by hand from RpcHeader.proto, and responses, also cut ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <cove/error.h>

#include "wire/hadoop_rpc.h"

#define ID                    "0123456789abcdef"
#define BYTES(literal)        cove__slice((const uint8_t *)(literal), sizeof(literal) - 1)
#define ASSERT_BYTES(b, text) assert_bytes(b, BYTES(text))

static void assert_bytes(struct cove__buf *b, struct cove__slice expected)
{
    assert_int_equal(cove__buf_rc(b), 0);
    assert_int_equal(b->size, expected.size);
    assert_memory_equal(b->data, expected.data, expected.size);
    cove__buf_done(b);
}

static void test_a_connection_begins(void **state)
{
    struct cove__buf b = COVE__BUF_INIT(1000);

    (void)state;
    cove__hadoop_write_preamble(&b, false);
    ASSERT_BYTES(&b, "hrpc\x09\0\0");
    cove__hadoop_write_preamble(&b, true);
    ASSERT_BYTES(&b, "hrpc\x09\0\xdf");
    cove__hadoop_write_context(&b, (const uint8_t *)ID, "P", "u", "r");
    ASSERT_BYTES(&b, "\0\0\0\x27"
                     "\x1a\x08\x02\x10\x00\x18\x05\x22\x10" ID "\x28\x01" /* call -3, retry -1 */
                     "\x0b\x12\x06\x0a\x01u\x12\x01r\x1a\x01P");
    cove__hadoop_write_context(&b, (const uint8_t *)ID, "P", "u", NULL);
    ASSERT_BYTES(&b, "\0\0\0\x24\x1a\x08\x02\x10\x00\x18\x05\x22\x10" ID "\x28\x01\x08\x12\x03\x0a\x01u\x1a\x01P");
}

static void test_a_call(void **state)
{
    struct cove__hadoop_call call = { .protocol = "P",
                                      .method = "m",
                                      .id = 300,
                                      .retry = 2,
                                      .client_id = (const uint8_t *)ID,
                                      .state_id = 5,
                                      .router_state = BYTES("rs") };
    struct cove__buf b = COVE__BUF_INIT(1000);

    (void)state;
    cove__hadoop_write_call(&b, &call, BYTES("\x0a\x01x"));
    ASSERT_BYTES(&b, "\0\0\0\x2f"
                     "\x21\x08\x02\x10\x00\x18\xd8\x04\x22\x10" ID "\x28\x04\x40\x05\x4a\x02rs"
                     "\x08\x0a\x01m\x12\x01P\x18\x01"
                     "\x03\x0a\x01x");
    call.state_id = INT64_MIN; /* no state, no field */
    call.router_state = cove__slice(NULL, 0);
    call.id = call.retry = 0;
    cove__hadoop_write_call(&b, &call, cove__slice(NULL, 0));
    ASSERT_BYTES(&b, "\0\0\0\x25\x1a\x08\x02\x10\x00\x18\x00\x22\x10" ID "\x28\x00\x08\x0a\x01m\x12\x01P\x18\x01\x00");
}

/* A request that is larger than the buf may be fails as a whole. */
static void test_a_call_that_is_too_large(void **state)
{
    struct cove__hadoop_call call = { .protocol = "P", .method = "m", .client_id = (const uint8_t *)ID };

    (void)state;
    for (size_t max = 0; max < 40; max++) {
        struct cove__buf b = COVE__BUF_INIT(max);

        cove__hadoop_write_call(&b, &call, BYTES("\x0a\x04text"));
        assert_int_equal(cove__buf_rc(&b), COVE_ELIMIT);
        cove__buf_done(&b);
    }
}

/* Reads a copy, so that a sanitizer sees a read beyond its end. */
static int read_copy(struct cove__slice frame, struct cove__hadoop_response *ret)
{
    uint8_t *copy = malloc(frame.size ? frame.size : 1);
    int rc;

    assert_non_null(copy);
    if (frame.size > 0)
        memcpy(copy, frame.data, frame.size);
    rc = cove__hadoop_read_response(cove__slice(copy, frame.size), ret);
    free(copy);
    return rc;
}

static void test_a_response(void **state)
{
    const struct cove__slice frame = BYTES("\x0c\x08\xac\x02\x10\x00\x18\x09\x48\x07\x52\x01R\x03\x0a\x01x");
    struct cove__hadoop_response response;

    (void)state;
    assert_int_equal(cove__hadoop_read_response(frame, &response), 0);
    assert_int_equal(response.id, 300);
    assert_false(response.failed);
    assert_int_equal(response.state_id, 7);
    assert_true(cove__slice_is(response.router_state, "R"));
    assert_true(cove__slice_is(response.message, "\x0a\x01x"));
    for (size_t cut = 0; cut < frame.size; cut++)
        assert_int_equal(read_copy(cove__slice_sub(frame, 0, cut), &response), COVE_EPROTOCOL);
}

static void test_an_exception(void **state)
{
    struct cove__hadoop_response response;

    (void)state;
    assert_int_equal(
        cove__hadoop_read_response(BYTES("\x14\x08\x05\x10\x01\x22\x05java.\x2a\x03why\x30\x0f\x18\x09"), &response),
        0);
    assert_true(response.failed);
    assert_false(response.fatal);
    assert_true(cove__slice_is(response.exception, "java."));
    assert_true(cove__slice_is(response.error, "why"));
    assert_int_equal(response.detail, 15);
    assert_int_equal(response.state_id, INT64_MIN);
    assert_int_equal(cove__hadoop_read_response(BYTES("\x04\x08\x05\x10\x02"), &response), 0);
    assert_true(response.failed && response.fatal);
}

/* A response of SASL has the number -33; what follows is the caller's. */
static void test_a_response_of_sasl(void **state)
{
    struct cove__hadoop_response response;

    (void)state;
    assert_int_equal(cove__hadoop_read_response(BYTES("\x08\x08\xdf\xff\xff\xff\x0f\x10\x00\x02\x08\x01"), &response),
                     0);
    assert_int_equal(response.id, COVE__HADOOP_SASL);
    assert_true(cove__slice_is(response.message, "\x02\x08\x01"));
}

static void test_malformed_responses(void **state)
{
    static const struct cove__slice frames[] = {
        { (const uint8_t *)"\x02\x08\x05\x00", 4 },                                         /* no status */
        { (const uint8_t *)"\x02\x10\x00\x00", 4 },                                         /* no number */
        { (const uint8_t *)"\x05\x08\x05\x10\x00\x22\x00", 7 },                             /* a cut field */
        { (const uint8_t *)"\x05\x08\x05\x10\x00\x07\x00", 7 },                             /* no wire type */
        { (const uint8_t *)"\x04\x08\x05\x10\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff", 14 } /* a long length */
    };
    struct cove__hadoop_response response;

    (void)state;
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++)
        assert_int_equal(read_copy(frames[i], &response), COVE_EPROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_connection_begins),
        cmocka_unit_test(test_a_call),
        cmocka_unit_test(test_a_call_that_is_too_large),
        cmocka_unit_test(test_a_response),
        cmocka_unit_test(test_an_exception),
        cmocka_unit_test(test_a_response_of_sasl),
        cmocka_unit_test(test_malformed_responses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
