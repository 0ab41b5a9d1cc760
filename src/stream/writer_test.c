/* What a writer sends to the store about its parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cove/stream.h>

#include "fs/fs_impl.h"

#define ROOT "writer-test/" /* without a scheme, by which the store would be looked up */

static unsigned parts_sent, last_parts;
static int64_t told_size;

static void noted_part(void *self, struct cove__io *io)
{
    parts_sent++;
    if (io->last_part) {
        last_parts++;
        told_size = io->offset + (int64_t)io->src.size;
    }
    cove__memory_ops.upload_part(self, io);
}

static void small_rules(void *self, int64_t expected_size, struct cove__part_rules *ret)
{
    *ret = (struct cove__part_rules){ .min_part = 1, .default_part = 100, .max_part = 100, .parallel = 1 };
}

/* The part that the finish sends, and no other: then a store knows the file's size. */
static void last_part_is_known(void **state)
{
    static const size_t sizes[] = { 250, 300 };
    struct cove__fs_ops ops = cove__memory_ops;
    uint8_t data[300] = { 0 };
    cove_fs *fs = NULL;

    ops.upload_part = noted_part;
    ops.part_rules = small_rules;
    assert_int_equal(cove_fs_from_url("memory://" ROOT, NULL, &fs, NULL, NULL), 0);
    fs->ops = &ops;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        cove_writer *w = NULL;
        parts_sent = last_parts = 0;
        assert_int_equal(cove_writer_open(fs, ROOT "file", NULL, NULL, &w, NULL), 0);
        for (size_t at = 0; at < sizes[i]; at += 50)
            assert_int_equal(cove_writer_write(w, data + at, 50, NULL), 0);
        assert_int_equal(cove_writer_finish(w, NULL), 0);
        cove_writer_free(w);
        assert_int_equal(parts_sent, 3);
        assert_int_equal(last_parts, 1);
        assert_int_equal(told_size, sizes[i]);
    }
    fs->ops = &cove__memory_ops;
    cove_fs_remove_tree(fs, ROOT, NULL, NULL);
    cove_fs_unref(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(last_part_is_known) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
