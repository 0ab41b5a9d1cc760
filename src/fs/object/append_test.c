/* The engine's side of a store that extends objects. No network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/object/append.h"
#include "fs/object/upload.h"

static struct cove_error err = COVE_ERROR_INIT;
static int calls, result, otherwise = 3;

static enum cove__can can(const struct cove__object_store *store, enum cove__capability capability)
{
    return COVE__CAN_YES;
}

static void part_rules(const struct cove__object_store *store, enum cove__upload_mode mode,
                       struct cove__part_rules *ret)
{
    ret->max_part = 100;
    ret->max_parts = 10;
}

static int extend(struct cove__object_store *store, struct cove__object_tail *t, struct cove__slice data,
                  const struct cove__ctx *ctx, struct cove_error *error)
{
    calls++;
    if (result == COVE__APPEND_OTHERWISE &&
        calls < otherwise) /* the backend has changed the tail, and is asked again */
        return result;
    if (result < 0)
        return cove__fail(error, result, "append toy://b/k: refused");
    return cove__append_tail_is(t, cove__strdup("v2"), t->size + (int64_t)data.size, error);
}

static const struct cove__object_upload_ops uploads = { .part_rules = part_rules };
static const struct cove__object_append_ops appends = { .extend = extend };
static const struct cove__object_ops toy = { .name = "toy", .can = can, .upload = &uploads, .append = &appends };
static struct cove__object_store store = { .ops = &toy, .block_size = 10, .max_concurrency = 1 };
static const struct cove__ctx ctx = { .op = "append", .url = "toy://b/k" };

static struct cove__object_tail tail_of(int64_t size)
{
    return (struct cove__object_tail){
        .path = (char *)"b/k", .exists = true, .extends = true, .size = size, .version = cove__strdup("v1")
    };
}

static void test_extend(void **state)
{
    static const struct {
        int result, rc, calls;
        size_t added;
        const char *version;
    } rows[] = {
        { 0, 0, 1, 3, "v2" },
        { COVE__APPEND_OTHERWISE, 0, 3, 3, "v2" },
        { COVE_ENETWORK, COVE_ENETWORK, 1, 0, "v1" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cove__object_tail t = tail_of(7);
        size_t added = 99;
        calls = 0;
        result = rows[i].result;
        t.unsure = true;
        assert_int_equal(cove__object_append(&store, &t, cove__slice("abc", 3), &ctx, &added, &err), rows[i].rc);
        assert_int_equal(calls, rows[i].calls);
        assert_int_equal(added, rows[i].added);
        assert_string_equal(t.version, rows[i].version);
        assert_int_equal(t.size, 7 + (int64_t)added);
        assert_int_equal(t.unsure, added == 0); /* what is known now is known */
        cove__free(t.version);
    }
}

static void test_limit(void **state)
{
    struct cove__object_tail t = tail_of(7);
    uint8_t data[101] = { 0 };
    size_t added = 99;

    calls = 0;
    assert_int_equal(cove__object_append(&store, &t, cove__slice(data, sizeof data), &ctx, &added, &err), COVE_ELIMIT);
    assert_non_null(strstr(err.message, "at most 100 bytes are added at once"));
    assert_int_equal(added, 0);
    assert_int_equal(calls, 0);
    cove__free(t.version);
}

/* Without parts the whole is sent again, from memory: not any size of it. */
static void test_whole_limit(void **state)
{
    static const struct cove__object_ops whole = {
        .name = "whole", .can = can, .put_max = (size_t)1 << 30, .append = &appends
    };
    struct cove__object_store puts = { .ops = &whole };
    struct cove__object_tail t = tail_of(((int64_t)64 << 20) + 1);
    size_t added = 99;

    t.extends = false;
    assert_int_equal(cove__object_append(&puts, &t, cove__slice("abc", 3), &ctx, &added, &err), COVE_ELIMIT);
    assert_non_null(strstr(err.message, "up to 67108864 bytes"));
    t.size = (int64_t)1 << 30;
    assert_int_equal(cove__object_append(&puts, &t, cove__slice("abc", 3), &ctx, &added, &err), COVE_ELIMIT);
    assert_non_null(strstr(err.message, "no object of more than 1073741824 bytes"));
    cove__free(t.version);
}

static void test_without_memory(void **state)
{
    struct cove__object_tail t = tail_of(7);

    assert_int_equal(cove__append_tail_is(&t, NULL, 10, &err), COVE_ENOMEM);
    assert_string_equal(t.version, "v1");
    assert_int_equal(t.size, 7);
    cove__free(t.version);
}

/* A store that refuses whatever it is asked, which no response ends. */
static void test_refused_in_each_way(void **state)
{
    struct cove__object_tail t = tail_of(5);
    size_t added = 1;

    result = COVE__APPEND_OTHERWISE;
    otherwise = 1000;
    calls = 0;
    assert_int_equal(cove__object_append(&store, &t, cove__slice_str("abc"), &ctx, &added, &err), COVE_EPROTOCOL);
    assert_int_equal(calls, 5);
    assert_int_equal(added, 0);
    otherwise = 3;
    cove__free(t.version);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_extend),      cmocka_unit_test(test_refused_in_each_way), cmocka_unit_test(test_limit),
        cmocka_unit_test(test_whole_limit), cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
