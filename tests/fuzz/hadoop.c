/* Hadoop's responses: each reader takes the same bytes. What they return lies within them. */
#include <cove/error.h>

#include "fuzz.h"
#include "wire/hadoop_rpc.h"
#include "wire/hdfs_transfer.h"

static struct cove__slice all;

static void within(struct cove__slice part)
{
    FUZZ_CHECK(part.size == 0 || (part.data >= all.data && part.data + part.size <= all.data + all.size));
}

static void check_located(const struct cove__hdfs_located *l)
{
    within(l->block.pool);
    within(l->token);
    within(l->indices);
    for (size_t i = 0; i < l->n_nodes; i++) {
        within(l->nodes[i].message);
        within(l->nodes[i].address);
        within(l->nodes[i].storage);
        FUZZ_CHECK(l->nodes[i].port <= 65535 && l->nodes[i].ipc_port <= 65535);
    }
    for (size_t i = 0; i < l->n_tokens; i++)
        within(l->tokens[i]);
}

static void read_response(void)
{
    struct cove__hadoop_response response;

    if (cove__hadoop_read_response(all, &response) < 0)
        return;
    within(response.exception);
    within(response.error);
    within(response.router_state);
    within(response.message);
}

static void read_file(void)
{
    struct cove__hdfs_locations locations;
    struct cove__hdfs_defaults defaults;
    struct cove__hdfs_status status;

    if (cove__hdfs_read_locations(all, &locations) == 0) {
        for (size_t i = 0; i < locations.n_blocks; i++)
            check_located(&locations.blocks[i]);
        if (locations.has_last)
            check_located(&locations.last);
        cove__hdfs_locations_done(&locations);
    }
    if (cove__hdfs_read_status(all, &status) == 0) {
        within(status.path);
        within(status.owner);
        FUZZ_CHECK(status.length <= INT64_MAX);
    }
    if (cove__hdfs_read_defaults(all, &defaults) == 0)
        FUZZ_CHECK(defaults.bytes_per_checksum > 0 && defaults.block_size > 0);
}

static void read_transfer(void)
{
    struct cove__hdfs_packet packet = { .payload = 65536 };
    struct cove__hdfs_block_response response;
    struct cove__hdfs_ack ack;

    if (cove__hdfs_read_block_response(all, &response) == 0) {
        within(response.bad_link);
        within(response.message);
        FUZZ_CHECK(!response.has_checksum || (response.chunk > 0 && response.chunk <= COVE__HDFS_CHUNK_MAX));
    }
    if (cove__hdfs_read_packet_header(all, &packet) == 0)
        FUZZ_CHECK(packet.offset >= 0 && packet.sums_size + packet.data_size == packet.payload);
    if (cove__hdfs_read_ack(all, &ack) == 0)
        FUZZ_CHECK(ack.failed <= ack.n_replies && ack.n_replies <= all.size);
    if (all.size >= COVE__HDFS_PACKET_LENGTHS && cove__hdfs_read_packet_lengths(all.data, &packet) == 0)
        FUZZ_CHECK(packet.header_size > 0 && packet.payload <= COVE__HDFS_PACKET_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    all = cove__slice(data, size);
    read_response();
    read_file();
    read_transfer();
    return 0;
}
