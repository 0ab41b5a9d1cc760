/* Messages between a client and a DataNode: bytes computed by hand from datatransfer.proto, and responses, also cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <cove/error.h>

#include "wire/hdfs_transfer.h"

#define BYTES(literal)        cove__slice((const uint8_t *)(literal), sizeof(literal) - 1)
#define ASSERT_BYTES(b, text) assert_bytes(b, BYTES(text))
/* ClientOperationHeaderProto of `block` with the token "t" and the client "c" */
#define HEADER "\x0a\x13\x0a\x0e\x0a\x09\x0a\x01p\x10\x07\x18\x09\x20\x0b\x12\x01t\x12\x01\x63"

static const struct cove__hdfs_block block = { { (const uint8_t *)"p", 1 }, 7, 9, 11 };

static void assert_bytes(struct cove__buf *b, struct cove__slice expected)
{
    assert_int_equal(cove__buf_rc(b), 0);
    assert_int_equal(b->size, expected.size);
    assert_memory_equal(b->data, expected.data, expected.size);
    cove__buf_done(b);
}

static void test_reads(void **state)
{
    struct cove__buf b = COVE__BUF_INIT(1000);

    (void)state;
    cove__hdfs_write_read_block(&b, &block, BYTES("t"), "c", 256, 5);
    ASSERT_BYTES(&b, "\x00\x1c\x51\x1a" HEADER "\x10\x80\x02\x18\x05");
    cove__hdfs_write_read_status(&b, COVE__HDFS_CHECKSUM_OK);
    ASSERT_BYTES(&b, "\x02\x08\x06");
}

static void test_writes(void **state)
{
    const struct cove__hdfs_node nodes[2] = {
        { .message = BYTES("n1"), .storage = BYTES("s1"), .storage_type = 1 },
        { .message = BYTES("n2"), .storage = BYTES("s2"), .storage_type = 0 },
    };
    struct cove__hdfs_write_block request = {
        .block = &block,
        .token = BYTES("t"),
        .client = "c",
        .nodes = nodes,
        .n_nodes = 2,
        .stage = COVE__HDFS_CREATE,
        .max_size = 300,
        .checksum = COVE__HDFS_CHECKSUM_CRC32C,
        .chunk = 512,
    };
    struct cove__buf b = COVE__BUF_INIT(1000);

    (void)state;
    cove__hdfs_write_write_block(&b, &request);
    ASSERT_BYTES(&b, "\x00\x1c\x50\x39" HEADER "\x12\x02n2\x20\x06\x28\x02\x30\x00\x38\xac\x02\x40\x00"
                     "\x4a\x05\x08\x02\x10\x80\x04\x58\x01\x60\x00\x82\x01\x02s1\x8a\x01\x02s2");
    cove__hdfs_write_transfer_block(&b, &block, BYTES("t"), "c", &nodes[1], 1);
    ASSERT_BYTES(&b, "\x00\x1c\x56\x1f" HEADER "\x12\x02n2\x18\x00\x22\x02s2");
    b.max = 20;
    cove__hdfs_write_write_block(&b, &request);
    assert_int_equal(cove__buf_rc(&b), COVE_ELIMIT);
    cove__buf_done(&b);
}

/* ---- packets ---- */

#define PACKET_HEADER "\x09\x02\x01\0\0\0\0\0\0\x11\x03\0\0\0\0\0\0\0\x18\x01\x25\x00\x02\x00\x00\x28\x00"

static void test_packets(void **state)
{
    uint8_t header[COVE__HDFS_PACKET_HEADER_SIZE];
    struct cove__hdfs_packet packet;

    (void)state;
    cove__hdfs_write_packet_header(header, 0x102, 3, true, 512, 4, false);
    assert_memory_equal(header, "\x00\x00\x02\x08\x00\x1b" PACKET_HEADER, sizeof header);
    assert_int_equal(cove__hdfs_read_packet_lengths(header, &packet), 0);
    assert_int_equal(packet.header_size, 27);
    assert_int_equal(packet.payload, 516);
    assert_int_equal(cove__hdfs_read_packet_header(cove__slice(header + 6, 27), &packet), 0);
    assert_true(packet.offset == 0x102 && packet.number == 3 && packet.last);
    assert_true(packet.data_size == 512 && packet.sums_size == 4);
}

static int read_header(const char *header, size_t size, uint32_t payload)
{
    struct cove__hdfs_packet packet = { .payload = payload };
    uint8_t *copy = malloc(size ? size : 1);
    int rc;

    assert_non_null(copy);
    memcpy(copy, header, size);
    rc = cove__hdfs_read_packet_header(cove__slice(copy, size), &packet);
    free(copy);
    return rc;
}

static void test_malformed_packets(void **state)
{
    struct cove__hdfs_packet packet;

    (void)state;
    assert_int_equal(cove__hdfs_read_packet_lengths((const uint8_t *)"\0\0\0\x03\0\x1b", &packet), COVE_EPROTOCOL);
    assert_int_equal(cove__hdfs_read_packet_lengths((const uint8_t *)"\0\0\0\x04\0\0", &packet), COVE_EPROTOCOL);
    assert_int_equal(cove__hdfs_read_packet_lengths((const uint8_t *)"\x01\0\0\x01\0\x1b", &packet), COVE_EPROTOCOL);
    assert_int_equal(cove__hdfs_read_packet_lengths((const uint8_t *)"\xff\xff\xff\xff\xff\xff", &packet),
                     COVE_EPROTOCOL);
    assert_int_equal(cove__hdfs_read_packet_lengths((const uint8_t *)"\0\0\0\x04\xff\xff", &packet), 0);
    for (size_t cut = 0; cut <= 27; cut++) /* the last field may be missing */
        assert_int_equal(read_header(PACKET_HEADER, cut, 516), cut == 25 || cut == 27 ? 0 : COVE_EPROTOCOL);
    assert_int_equal(read_header(PACKET_HEADER, 27, 511), COVE_EPROTOCOL); /* fewer bytes than data */
    assert_int_equal(read_header("\x09\0\0\0\0\0\0\0\x80"                  /* before the block's start */
                                 "\x11\x03\0\0\0\0\0\0\0\x25\x00\x02\x00\x00",
                                 23, 516),
                     COVE_EPROTOCOL);
}

/* ---- responses ---- */

static int read_response(struct cove__slice message, struct cove__hdfs_block_response *ret)
{
    uint8_t *copy = malloc(message.size ? message.size : 1);
    int rc;

    assert_non_null(copy);
    memcpy(copy, message.data, message.size);
    rc = cove__hdfs_read_block_response(cove__slice(copy, message.size), ret);
    free(copy);
    return rc;
}

static void test_responses(void **state)
{
    const struct cove__slice read = BYTES("\x08\x00\x22\x09\x0a\x05\x08\x02\x10\x80\x04\x10\x03");
    struct cove__hdfs_block_response response;

    (void)state;
    assert_int_equal(cove__hdfs_read_block_response(read, &response), 0);
    assert_true(response.status == COVE__HDFS_SUCCESS && response.has_checksum);
    assert_true(response.checksum == COVE__HDFS_CHECKSUM_CRC32C && response.chunk == 512 && response.chunk_offset == 3);
    for (size_t cut = 0; cut < read.size; cut++) /* a response without checksums is one, too */
        assert_int_equal(read_response(cove__slice_sub(read, 0, cut), &response), cut == 2 ? 0 : COVE_EPROTOCOL);
    assert_int_equal(cove__hdfs_read_block_response(BYTES("\x08\x05\x12\x03h:1\x2a\x03why"), &response), 0);
    assert_true(response.status == COVE__HDFS_ERROR_ACCESS_TOKEN && !response.has_checksum);
    assert_true(cove__slice_is(response.bad_link, "h:1") && cove__slice_is(response.message, "why"));
    /* Chunks of no bytes, of too many, and an unknown checksum. */
    assert_int_equal(read_response(BYTES("\x08\x00\x22\x08\x0a\x04\x08\x02\x10\x00\x10\x00"), &response),
                     COVE_EPROTOCOL);
    assert_int_equal(read_response(BYTES("\x08\x00\x22\x0a\x0a\x06\x08\x02\x10\x81\x80\x40\x10\x00"), &response),
                     COVE_EPROTOCOL);
    assert_int_equal(read_response(BYTES("\x08\x00\x22\x09\x0a\x05\x08\x03\x10\x80\x04\x10\x03"), &response),
                     COVE_EPROTOCOL);
}

static void test_acknowledgements(void **state)
{
    struct cove__hdfs_ack ack;

    (void)state;
    assert_int_equal(cove__hdfs_read_ack(BYTES("\x08\x06\x12\x03\x00\x00\x00"), &ack), 0);
    assert_true(ack.number == 3 && ack.n_replies == 3 && ack.failed == 3);
    assert_int_equal(cove__hdfs_read_ack(BYTES("\x08\x01\x10\x00\x10\x01\x10\x02"), &ack), 0);
    assert_true(ack.number == COVE__HDFS_HEARTBEAT && ack.n_replies == 3 && ack.failed == 1 && ack.status == 1);
    assert_int_equal(cove__hdfs_read_ack(BYTES("\x08\x06"), &ack), 0);
    assert_true(ack.n_replies == 0 && ack.failed == 0);
    assert_int_equal(cove__hdfs_read_ack(BYTES("\x12\x01\x00"), &ack), COVE_EPROTOCOL);         /* no number */
    assert_int_equal(cove__hdfs_read_ack(BYTES("\x08\x06\x12\x02\x00"), &ack), COVE_EPROTOCOL); /* cut */
    assert_int_equal(cove__hdfs_read_ack(BYTES("\x08\x06\x12\x02\x00\x80"), &ack), COVE_EPROTOCOL);
    assert_int_equal(cove__hdfs_read_ack(cove__slice(NULL, 0), &ack), COVE_EPROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),     cmocka_unit_test(test_writes),
        cmocka_unit_test(test_packets),   cmocka_unit_test(test_malformed_packets),
        cmocka_unit_test(test_responses), cmocka_unit_test(test_acknowledgements),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
