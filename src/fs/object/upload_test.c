/* The engine's side of uploads: cutting parts, and a store whose begin and abort need no request. No network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "fs/object/upload.h"

static struct cove_error err = COVE_ERROR_INIT;
static enum cove__can conditions = COVE__CAN_YES;

static enum cove__can can(const struct cove__object_store *store, enum cove__capability capability)
{
    return capability == COVE__UPLOAD_CONDITIONS ? conditions : COVE__CAN_YES;
}

static const char *product(const struct cove__object_store *store)
{
    return "toy";
}

static void part_rules(const struct cove__object_store *store, enum cove__upload_mode mode,
                       struct cove__part_rules *ret)
{
    ret->min_part = 1 << 20;
    ret->max_part = 64 << 20;
    ret->max_parts = 100;
}

static char finish_lines[128]; /* of the last finish */

/* There is no client: nothing is sent. */
static int finish_request(struct cove__object_request *r, const struct cove__upload *u, uint32_t crc32c,
                          struct cove__buf *body)
{
    snprintf(finish_lines, sizeof finish_lines, "%s", cove__buf_str(&r->extra));
    return COVE_ESTATE;
}

/* Blocks, as Azure has them: the request of a part makes the first thing that the store hears of an upload. */
static const struct cove__object_upload_ops blocks = { .part_rules = part_rules, .finish_request = finish_request };

static const struct cove__object_ops toy = {
    .name = "toy",
    .headers = { .metadata = "x-toy-meta-", .write_mark = "mark" },
    .can = can,
    .product = product,
    .upload = &blocks,
};

static struct cove__object_store store = { .ops = &toy, .block_size = 8 << 20, .max_concurrency = 5 };
static const struct cove__ctx ctx = { .op = "write", .url = "toy://b/k" };

static void test_part_rules(void **state)
{
    static const struct {
        int64_t expected;
        size_t part;
    } rows[] = {
        { -1, 8 << 20 },
        { 0, 8 << 20 },
        { (int64_t)800 << 20, 8 << 20 },
        { ((int64_t)800 << 20) + 1, 9 << 20 }, /* whole MiB */
        { (int64_t)6400 << 20, 64 << 20 },
        { ((int64_t)6400 << 20) + 1, 8 << 20 }, /* more than the store takes: the writer fails */
    };
    struct cove__part_rules rules;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cove__object_part_rules(&store, &(struct cove__put){ .expected_size = rows[i].expected }, &rules);
        assert_int_equal(rules.default_part, rows[i].part);
        assert_int_equal(rules.min_part, 1 << 20);
        assert_int_equal(rules.parallel, 5);
        assert_false(rules.equal_parts);
    }
}

static void test_no_begin(void **state)
{
    struct cove_pair pair = { "a", "b" };
    struct cove__put put = { .condition = COVE_WRITE_IF_MATCH,
                             .etag = "\"v\"",
                             .content_type = "text/plain",
                             .metadata = &pair,
                             .n_metadata = 1,
                             .expected_size = -1 };
    struct cove__upload *u = NULL;
    char want[256];

    assert_int_equal(cove__object_upload_begin(&store, "b/k", &put, &ctx, &u, &err), 0);
    assert_string_equal(u->id, u->mark.write_id);
    assert_int_equal(strlen(u->id), 32);
    snprintf(want, sizeof want, "Content-Type: text/plain\nx-toy-meta-a: b\nx-toy-meta-mark: %s\n", u->id);
    assert_string_equal(cove__buf_str(&u->properties), want);
    assert_string_equal(u->put.etag, "\"v\"");
    assert_true(u->with_checksum);
    cove__object_upload_abort(&store, u, &ctx); /* without a request, or it would crash: there is no client */
}

/* Known before any part is sent. */
static void test_no_conditions(void **state)
{
    struct cove__put put = { .condition = COVE_WRITE_IF_NEW, .expected_size = -1 };
    struct cove__upload *u = NULL;

    conditions = COVE__CAN_NO;
    assert_int_equal(cove__object_upload_begin(&store, "b/k", &put, &ctx, &u, &err), COVE_ENOTSUP);
    put.or_look = true; /* one of the engine's own, which checks by HEAD */
    assert_int_equal(cove__object_upload_begin(&store, "b/k", &put, &ctx, &u, &err), 0);
    cove__object_upload_abort(&store, u, &ctx);
    conditions = COVE__CAN_YES;
}

static void test_hole(void **state)
{
    struct cove__upload *u = NULL;
    char *etag = NULL;

    assert_int_equal(cove__object_upload_begin(&store, "b/k", NULL, &ctx, &u, &err), 0);
    assert_int_equal(cove__upload_part_sent(u, 2, "two", 2, 5), 0);
    assert_int_equal(cove__object_upload_finish(&store, u, &ctx, &etag, NULL, &err), COVE_ESTATE);
    assert_non_null(strstr(err.message, "the upload cannot be finished"));
    assert_null(etag);
}

/* The lines of options, such as a customer's key, go out once: where the finish sends the properties, they are there.
 */
static void test_lines_of_options_at_the_finish(void **state)
{
    struct cove__object_store keyed = store;
    struct cove__upload *u = NULL;
    char *etag = NULL, want[128];

    cove__buf_init(&keyed.extra.create, 256);
    cove__buf_init(&keyed.extra.each, 256);
    cove__buf_add_str(&keyed.extra.create, "x-toy-tier: cool\nx-toy-key: k\n");
    cove__buf_add_str(&keyed.extra.each, "x-toy-key: k\n");
    assert_int_equal(cove__object_upload_begin(&keyed, "b/k", NULL, &ctx, &u, &err), 0);
    assert_int_equal(cove__upload_part_sent(u, 1, "one", 1, 5), 0);
    snprintf(want, sizeof want, "x-toy-tier: cool\nx-toy-key: k\nx-toy-meta-mark: %s\n", u->id);
    assert_int_equal(cove__object_upload_finish(&keyed, u, &ctx, &etag, NULL, &err), COVE_ESTATE);
    assert_string_equal(finish_lines, want);
    cove__buf_done(&keyed.extra.create);
    cove__buf_done(&keyed.extra.each);
}

static void test_without_memory(void **state)
{
    int failures = 0;

    for (int n = 1; n < 100; n++) {
        struct cove__upload *u = NULL;
        cove__mem_fail(n, 0);
        int rc = cove__object_upload_begin(&store, "b/k", NULL, &ctx, &u, &err);
        cove__mem_fail(0, 0);
        if (rc == 0) {
            cove__object_upload_abort(&store, u, &ctx);
            break;
        }
        assert_int_equal(rc, COVE_ENOMEM);
        failures++;
    }
    assert_true(failures > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_part_rules),
        cmocka_unit_test(test_no_begin),
        cmocka_unit_test(test_no_conditions),
        cmocka_unit_test(test_hole),
        cmocka_unit_test(test_lines_of_options_at_the_finish),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
