/* The deadline of a listing's steps: one for all pages that a step fetches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fs/fs_impl.h"

#define PAGES      6 /* the third and the last have an entry */
#define TIMEOUT_MS 1000

static struct {
    unsigned pages;
    int64_t deadlines_ns[PAGES];
} store;

static struct cove__fs_ops ops;
static cove_fs *fs;

static int list(void *self, const char *path, bool flat, const char *token, const struct cove__ctx *ctx,
                struct cove__page *ret, struct cove_error *err)
{
    char next[8];

    (void)self, (void)path, (void)flat, (void)token, (void)err;
    assert_true(store.pages < PAGES);
    store.deadlines_ns[store.pages++] = ctx->deadline_ns;
    nanosleep(&(struct timespec){ .tv_nsec = COVE__MS }, NULL); /* another deadline would be a later one */
    snprintf(next, sizeof next, "t%u", store.pages);
    if (store.pages < PAGES)
        ret->token = cove__strdup(next);
    return store.pages % 3 == 0 ? cove__page_add(ret, next, COVE_INFO_FILE, 1, -1, NULL) : 0;
}

static int begin(void **state)
{
    (void)state;
    store.pages = 0;
    if (cove_fs_from_url("memory://listing-test", NULL, &fs, NULL, NULL) < 0)
        return -1;
    ops = cove__memory_ops;
    ops.list = list;
    fs->ops = &ops;
    return 0;
}

static int end(void **state)
{
    (void)state;
    fs->ops = &cove__memory_ops;
    cove_fs_unref(fs);
    return 0;
}

static void one_timeout_for_the_pages_of_a_step(void **state)
{
    struct cove_call call = COVE_CALL_INIT;
    cove_listing *listing = NULL;
    const cove_info *info;

    (void)state;
    call.timeout_ms = TIMEOUT_MS;
    assert_int_equal(cove_fs_find(fs, "listing-test", &call, &listing, NULL), 0);
    assert_int_equal(cove_listing_next(listing, &info, NULL), 1);
    assert_int_equal(store.pages, 3);
    assert_int_equal(cove_listing_next(listing, &info, NULL), 1);
    assert_int_equal(store.pages, PAGES);
    assert_int_equal(cove_listing_next(listing, &info, NULL), 0);
    for (unsigned i = 0; i < PAGES; i++)
        assert_int_equal(store.deadlines_ns[i], store.deadlines_ns[i / 3 * 3]);
    assert_true(store.deadlines_ns[0] < store.deadlines_ns[3]);
    cove_listing_free(listing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_timeout_for_the_pages_of_a_step, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
