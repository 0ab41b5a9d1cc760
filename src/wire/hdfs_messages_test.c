/* A NameNode's messages of files and blocks: every field that is used, and the same messages cut at each length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <cove/error.h>

#include "base/mem.h"
#include "wire/hdfs_messages.h"
#include "wire/protobuf.h"

#define BYTES(literal) cove__slice((const uint8_t *)(literal), sizeof(literal) - 1)

/* DatanodeInfoProto: its DatanodeIDProto is 127.0.0.1, host h, UUID u, ports 1000, 1001 and 1002. */
#define NODE                                                                                                           \
    "\x0a\x1a\x0a\x09"                                                                                                 \
    "127.0.0.1\x12\x01h\x1a\x01u\x20\xe8\x07\x28\xe9\x07\x30\xea\x07"
#define BLOCK "\x0a\x09\x0a\x01p\x10\x07\x18\x09\x20\x0b"

static void test_blocks(void **state)
{
    struct cove__hdfs_block block = { BYTES("p"), 7, 9, 11 };
    struct cove__buf b = COVE__BUF_INIT(100);

    (void)state;
    cove__hdfs_write_block(&b, 1, &block);
    assert_int_equal(b.size, sizeof(BLOCK) - 1);
    assert_memory_equal(b.data, BLOCK, b.size);
    assert_int_equal(cove__hdfs_read_block(cove__slice(b.data + 2, b.size - 2), &block), 0);
    assert_true(cove__slice_is(block.pool, "p") && block.id == 7 && block.stamp == 9 && block.size == 11);
    for (size_t cut = 0; cut < 9; cut++) /* the size may be missing */
        assert_int_equal(cove__hdfs_read_block(cove__slice(b.data + 2, cut), &block), cut == 7 ? 0 : COVE_EPROTOCOL);
    cove__buf_done(&b);
}

static void test_nodes(void **state)
{
    struct cove__slice node = BYTES(NODE);
    struct cove__hdfs_node read;

    (void)state;
    assert_int_equal(cove__hdfs_read_node(node, &read), 0);
    assert_true(cove__slice_is(read.address, "127.0.0.1") && cove__slice_is(read.host, "h"));
    assert_true(cove__slice_is(read.uuid, "u") && read.port == 1000 && read.ipc_port == 1002);
    assert_true(cove__slice_eq(read.message, node));
    for (size_t cut = 0; cut < node.size; cut++)
        assert_int_equal(cove__hdfs_read_node(cove__slice_sub(node, 0, cut), &read), COVE_EPROTOCOL);
    assert_int_equal(
        cove__hdfs_read_node(BYTES("\x0a\x11\x0a\x00\x12\x00\x1a\x00\x20\x80\x80\x04\x28\x00\x30\x00"), &read),
        COVE_EPROTOCOL); /* a port of 65,536 */
}

/* LocatedBlockProto of that block at `offset`, on two nodes. `packed`: the types of storages in one field. */
static void put_located(struct cove__buf *b, uint64_t offset, bool packed)
{
    cove__buf_add(b, BLOCK, sizeof(BLOCK) - 1);
    cove__pb_uint(b, 2, offset);
    cove__pb_bytes(b, 3, BYTES(NODE));
    cove__pb_bytes(b, 3, BYTES(NODE));
    cove__pb_uint(b, 4, 0);
    cove__pb_string(b, 5, "token");
    if (packed)
        cove__pb_bytes(b, 7, BYTES("\x02\x03\x04")); /* more than nodes */
    else {
        cove__pb_uint(b, 7, 2);
        cove__pb_uint(b, 7, 3);
    }
    cove__pb_string(b, 8, "s1");
    cove__pb_string(b, 8, "s2");
}

static void test_located(void **state)
{
    struct cove__hdfs_located located;

    (void)state;
    for (int packed = 0; packed < 2; packed++) {
        struct cove__buf b = COVE__BUF_INIT(1000);

        put_located(&b, 300, packed);
        assert_int_equal(cove__hdfs_read_located(cove__buf_slice(&b), &located), 0);
        assert_true(located.offset == 300 && located.block.id == 7 && located.n_nodes == 2 && !located.corrupt);
        assert_true(located.nodes[0].storage_type == 2 && located.nodes[1].storage_type == 3);
        assert_true(cove__slice_is(located.nodes[1].storage, "s2") && cove__slice_is(located.token, "token"));
        cove__hdfs_located_done(&located);
        cove__buf_done(&b);
    }
}

static void test_striped(void **state)
{
    struct cove__hdfs_located located;
    struct cove__buf b = COVE__BUF_INIT(1000);

    (void)state;
    put_located(&b, 0, false);
    cove__pb_bytes(&b, 9, BYTES("\x00\x03"));
    cove__pb_string(&b, 10, "t1");
    cove__pb_string(&b, 10, "t2");
    assert_int_equal(cove__hdfs_read_located(cove__buf_slice(&b), &located), 0);
    assert_true(located.striped && located.n_tokens == 2 && cove__slice_is(located.tokens[1], "t2"));
    cove__hdfs_located_done(&located);
    cove__pb_bytes(&b, 9, BYTES("\x00")); /* of two nodes one unit */
    assert_int_equal(cove__hdfs_read_located(cove__buf_slice(&b), &located), COVE_EPROTOCOL);
    cove__buf_done(&b);
}

static void put_locations(struct cove__buf *b)
{
    size_t mark;

    cove__pb_uint(b, 1, 1000);
    for (unsigned i = 0; i < 2; i++) {
        mark = cove__pb_begin(b, 2);
        put_located(b, (uint64_t)i * 500, i > 0);
        cove__pb_end(b, mark);
    }
    cove__pb_uint(b, 3, 1);
    mark = cove__pb_begin(b, 4);
    put_located(b, 1000, false);
    cove__pb_end(b, mark);
    cove__pb_uint(b, 5, 0);
    cove__pb_string(b, 6, "zone");
    cove__pb_string(b, 7, "policy");
}

static void test_locations(void **state)
{
    struct cove__hdfs_locations l;
    struct cove__buf b = COVE__BUF_INIT(10000);

    (void)state;
    put_locations(&b);
    assert_int_equal(cove__hdfs_read_locations(cove__buf_slice(&b), &l), 0);
    assert_true(l.length == 1000 && l.n_blocks == 2 && l.blocks[1].offset == 500 && l.under_construction);
    assert_true(l.has_last && !l.last_complete && l.last.offset == 1000);
    assert_true(cove__slice_is(l.encryption, "zone") && cove__slice_is(l.ec_policy, "policy"));
    cove__hdfs_locations_done(&l);
    cove__pb_uint(&b, 2, 1); /* of another type: no block */
    assert_int_equal(cove__hdfs_read_locations(cove__buf_slice(&b), &l), 0);
    assert_int_equal(l.n_blocks, 2);
    cove__hdfs_locations_done(&l);
    cove__buf_done(&b);
}

/* Every cut and every flipped byte is read to an end, or refused. */
static void test_damaged_locations(void **state)
{
    struct cove__buf b = COVE__BUF_INIT(10000);

    (void)state;
    put_locations(&b);
    for (size_t i = 0; i < 2 * b.size; i++) {
        size_t size = i < b.size ? i : b.size;
        uint8_t *copy = malloc(size + 1);
        struct cove__hdfs_locations l;
        int rc;

        assert_non_null(copy);
        memcpy(copy, b.data, size);
        if (i >= b.size)
            copy[i - b.size] ^= 0xff;
        rc = cove__hdfs_read_locations(cove__slice(copy, size), &l);
        assert_true(rc == 0 || rc == COVE_EPROTOCOL);
        if (rc == 0)
            cove__hdfs_locations_done(&l);
        free(copy);
    }
    cove__buf_done(&b);
}

/* Each allocation fails in turn. */
static void test_no_memory(void **state)
{
    struct cove__buf b = COVE__BUF_INIT(10000);
    struct cove__hdfs_locations l;
    unsigned long n = 1;

    (void)state;
    put_locations(&b);
    for (; n < 100; n++) {
        cove__mem_fail(n, 0);
        int rc = cove__hdfs_read_locations(cove__buf_slice(&b), &l);
        if (cove__mem_fail(0, 0) < n) {
            assert_int_equal(rc, 0);
            cove__hdfs_locations_done(&l);
            break;
        }
        assert_int_equal(rc, COVE_ENOMEM);
    }
    assert_true(n > 3 && n < 100);
    cove__buf_done(&b);
}

static void test_status(void **state)
{
    const struct cove__slice file = BYTES("\x08\x02\x12\x01\x66\x18\x90\x03\x22\x03\x08\xa4\x03\x2a\x01o\x32\x01g"
                                          "\x38\xe8\x07\x40\xe9\x07\x50\x03\x58\x80\x08\x68\x05");
    struct cove__hdfs_status status;

    (void)state;
    assert_int_equal(cove__hdfs_read_status(file, &status), 0);
    assert_true(status.type == COVE__HDFS_FILE && status.length == 400 && status.permission == 0644);
    assert_true(cove__slice_is(status.path, "f") && cove__slice_is(status.owner, "o") &&
                cove__slice_is(status.group, "g"));
    assert_true(status.mtime_ms == 1000 && status.atime_ms == 1001 && status.replication == 3);
    assert_true(status.block_size == 1024 && status.file_id == 5);
    for (size_t cut = 0; cut < file.size; cut++) {
        int rc = cove__hdfs_read_status(cove__slice_sub(file, 0, cut), &status);
        assert_true(rc == COVE_EPROTOCOL || (rc == 0 && cut >= 2));
    }
    assert_int_equal(cove__hdfs_read_status(BYTES("\x08\x00"), &status), COVE_EPROTOCOL);
    assert_int_equal(cove__hdfs_read_status(BYTES("\x08\x04"), &status), COVE_EPROTOCOL);
    assert_int_equal(cove__hdfs_read_status(BYTES("\x08\x02\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), &status),
                     COVE_EPROTOCOL); /* a length of 2^64 - 1 */
}

static void test_defaults(void **state)
{
    const struct cove__slice given = BYTES("\x08\x80\x80\x40\x10\x80\x04\x18\x80\x80\x04\x20\x03\x28\x01\x40\x02");
    struct cove__hdfs_defaults d;

    (void)state;
    assert_int_equal(cove__hdfs_read_defaults(given, &d), 0);
    assert_true(d.block_size == 1 << 20 && d.bytes_per_checksum == 512 && d.packet_size == 65536);
    assert_true(d.replication == 3 && d.checksum_type == 2 && !d.encrypts);
    for (size_t cut = 0; cut < given.size; cut++) /* after the replication all fields have defaults */
        assert_int_equal(cove__hdfs_read_defaults(cove__slice_sub(given, 0, cut), &d),
                         cut == 13 || cut == 15 ? 0 : COVE_EPROTOCOL);
    assert_int_equal(cove__hdfs_read_defaults(BYTES("\x08\x00\x10\x80\x04\x18\x01\x20\x03"), &d), COVE_EPROTOCOL);
    assert_int_equal(cove__hdfs_read_defaults(BYTES("\x08\x01\x10\x00\x18\x01\x20\x03"), &d), COVE_EPROTOCOL);
    assert_int_equal(cove__hdfs_read_defaults(BYTES("\x08\x01\x10\x01\x18\x01\x20\x03\x40\x03"), &d), COVE_EPROTOCOL);
}

/* Of several fields the last one; none in a message that is cut after it. */
static void test_fields(void **state)
{
    const struct cove__slice message = BYTES("\x0a\x01x\x10\x05\x0a\x01y\x10\x06");
    struct cove__slice bytes;
    uint64_t number;

    (void)state;
    assert_true(cove__hdfs_field(message, 1, &bytes) && cove__slice_is(bytes, "y"));
    assert_true(cove__hdfs_number(message, 2, &number) && number == 6);
    assert_false(cove__hdfs_field(message, 2, &bytes));
    assert_false(cove__hdfs_number(message, 3, &number));
    assert_false(cove__hdfs_field(cove__slice_sub(message, 0, 9), 1, &bytes));
    assert_false(cove__hdfs_number(cove__slice_sub(message, 0, 6), 2, &number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),    cmocka_unit_test(test_nodes),     cmocka_unit_test(test_located),
        cmocka_unit_test(test_striped),   cmocka_unit_test(test_locations), cmocka_unit_test(test_damaged_locations),
        cmocka_unit_test(test_no_memory), cmocka_unit_test(test_status),    cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
