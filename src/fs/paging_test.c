/* Endless listings are detected; finite ones are not mistaken for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "fs/paging.h"

static const struct cove__ctx ctx = { .op = "list", .url = "s3://b/d" };

static int next_page(struct cove__paging *p, unsigned token, size_t entries, struct cove_error *err)
{
    char text[32];

    snprintf(text, sizeof text, "token%u", token);
    return cove__paging_next(p, text, NULL, entries, &ctx, err);
}

/* A few pages, then a cycle of pages. */
static void test_cycles(void **state)
{
    for (unsigned before = 0; before < 20; before++) {
        for (unsigned length = 1; length < 20; length++) {
            struct cove__paging p = { 0 };
            struct cove_error err = COVE_ERROR_INIT;
            unsigned pages = 0;

            while (next_page(&p, pages < before ? pages : before + (pages - before) % length, 1, &err) == 0)
                assert_true(++pages <= 3 * (before + length));
            assert_true(pages >= before + length); /* no token was repeated before that */
            assert_int_equal(err.code, COVE_EPROTOCOL);
            assert_non_null(strstr(err.message, "list s3://b/d: the listing does not advance"));
        }
    }
}

static void test_same_token_twice(void **state)
{
    struct cove__paging p = { 0 };

    assert_int_equal(next_page(&p, 1, 1, NULL), 0);
    assert_int_equal(next_page(&p, 1, 1, NULL), COVE_EPROTOCOL);
}

/* Each page has a new token. */
static void test_same_entries(void **state)
{
    struct cove_info items[] = { { .path = (char *)"d/a" }, { .path = (char *)"d/b" }, { .path = (char *)"d/c" } };
    const struct cove__page page = { .items = items, .n = 3 }, shorter = { .items = items, .n = 2 };
    struct cove__paging p = { 0 };
    struct cove_error err = COVE_ERROR_INIT;
    char token[32];
    unsigned pages = 0, i = 0;

    for (; i < 100; i++) { /* pages that take turns, and versions of one name */
        snprintf(token, sizeof token, "token%u", i);
        assert_int_equal(cove__paging_next_page(&p, i % 2 == 0 ? &page : &shorter, token, NULL, &ctx, NULL), 0);
        items[2].version_id = i % 3 == 0 ? (char *)"v" : NULL;
    }
    do {
        snprintf(token, sizeof token, "token%u", i++);
    } while (cove__paging_next_page(&p, &page, token, NULL, &ctx, &err) == 0 && ++pages < 100);
    assert_int_equal(pages, COVE__SAME_PAGES_MAX);
    assert_int_equal(err.code, COVE_EPROTOCOL);
    assert_non_null(strstr(err.message, "list s3://b/d: the listing does not advance: 9 consecutive pages have the "
                                        "same entries"));
}

static void test_long(void **state)
{
    struct cove__paging p = { 0 };

    for (unsigned i = 0; i < 100000; i++)
        assert_int_equal(next_page(&p, i, 1, NULL), 0);
}

static void test_empty_pages(void **state)
{
    struct cove__paging p = { 0 };
    unsigned token = 0;

    for (int round = 0; round < 2; round++) { /* an entry resets the count */
        for (unsigned i = 1; i < COVE__EMPTY_PAGES_MAX; i++)
            assert_int_equal(next_page(&p, token++, 0, NULL), 0);
        assert_int_equal(next_page(&p, token++, 1, NULL), 0);
    }
    for (unsigned i = 1; i < COVE__EMPTY_PAGES_MAX; i++)
        assert_int_equal(next_page(&p, token++, 0, NULL), 0);
    assert_int_equal(next_page(&p, token++, 0, NULL), COVE_EPROTOCOL);
}

/* Different pairs of texts with the same concatenation differ. */
static void test_two_texts(void **state)
{
    struct cove__paging p = { 0 };

    assert_int_equal(cove__paging_next(&p, "ab", "c", 1, &ctx, NULL), 0);
    assert_int_equal(cove__paging_next(&p, "a", "bc", 1, &ctx, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cycles), cmocka_unit_test(test_same_token_twice), cmocka_unit_test(test_same_entries),
        cmocka_unit_test(test_long),   cmocka_unit_test(test_empty_pages),      cmocka_unit_test(test_two_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
