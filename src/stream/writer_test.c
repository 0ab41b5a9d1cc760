/* What a writer sends to the store about its parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cove/stream.h>

#include "fs/fs_impl.h"
#include "wire/crc.h"
#include "wire/crc64.h"

#define ROOT "writer-test/" /* without a scheme, by which the store would be looked up */

static unsigned parts_sent, last_parts;
static int64_t told_size;

static void noted_part(void *self, struct cove__part_io *io)
{
    parts_sent++;
    if (io->last) {
        last_parts++;
        told_size = io->offset + (int64_t)io->src.size;
    }
    cove__memory_ops.upload.part(self, io);
}

static void small_rules(void *self, const struct cove__put *put, struct cove__part_rules *ret)
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

    ops.upload.part = noted_part;
    ops.upload.part_rules = small_rules;
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

static const uint8_t *in_memory; /* of the caller */
static size_t lengths_sent[8];

static void direct_part(void *self, struct cove__part_io *io)
{
    assert_ptr_equal(io->src.data, in_memory + io->offset);
    assert_int_equal(io->last, io->src.size < 100 || io->offset == 200);
    lengths_sent[parts_sent++] = io->src.size;
    cove__memory_ops.upload.part(self, io);
}

static void direct_put(void *self, struct cove__put_io *io)
{
    assert_ptr_equal(io->src.data, in_memory);
    lengths_sent[parts_sent++] = io->src.size;
    cove__memory_ops.put(self, io);
}

/* A file that is in memory whole is sent from there, its last part with the others. */
static void whole_file_is_not_copied(void **state)
{
    static const struct {
        size_t size;
        unsigned requests;
        size_t last;
    } rows[] = { { 1, 1, 1 }, { 100, 1, 100 }, { 101, 2, 1 }, { 250, 3, 50 }, { 300, 3, 100 } };
    struct cove__fs_ops ops = cove__memory_ops;
    uint8_t data[300];
    cove_fs *fs = NULL;

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 3 + 1);
    in_memory = data;
    ops.upload.part = direct_part;
    ops.upload.part_rules = small_rules;
    ops.put = direct_put;
    assert_int_equal(cove_fs_from_url("memory://" ROOT, NULL, &fs, NULL, NULL), 0);
    fs->ops = &ops;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t back[sizeof data];
        parts_sent = 0;
        assert_int_equal(cove_fs_write_file(fs, ROOT "file", data, rows[i].size, NULL, NULL), 0);
        assert_int_equal(parts_sent, rows[i].requests);
        assert_int_equal(lengths_sent[parts_sent - 1], rows[i].last);
        assert_int_equal(cove_fs_read_range(fs, ROOT "file", 0, back, sizeof back, NULL, NULL), rows[i].size);
        assert_memory_equal(back, data, rows[i].size);
    }
    fs->ops = &cove__memory_ops;
    cove_fs_remove_tree(fs, ROOT, NULL, NULL);
    cove_fs_unref(fs);
}

static unsigned summed;

static void summing_rules(void *self, const struct cove__put *put, struct cove__part_rules *ret)
{
    small_rules(self, put, ret);
    ret->wants_crc32c = ret->wants_crc64 = true;
}

static void assert_sums(struct cove__slice src, const uint32_t *crc32c, const uint64_t *crc64)
{
    assert_non_null(crc32c);
    assert_non_null(crc64);
    assert_int_equal(*crc32c, cove__crc32c(0, src.data, src.size));
    assert_true(*crc64 == cove__crc64nvme(0, src.data, src.size));
    summed++;
}

static void summed_part(void *self, struct cove__part_io *io)
{
    assert_sums(io->src, io->crc32c, io->crc64);
    cove__memory_ops.upload.part(self, io);
}

static void summed_put(void *self, struct cove__put_io *io)
{
    assert_sums(io->src, io->crc32c, io->crc64);
    cove__memory_ops.put(self, io);
}

/* What the writer copies has its checksums, so that the store need not read it once more. */
static void gathered_bytes_have_checksums(void **state)
{
    static const struct {
        size_t size;
        unsigned summed;
    } rows[] = { { 70, 1 }, { 250, 3 } };
    struct cove__fs_ops ops = cove__memory_ops;
    uint8_t data[300];
    cove_fs *fs = NULL;

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 5 + 1);
    ops.upload.part = summed_part;
    ops.upload.part_rules = summing_rules;
    ops.put = summed_put;
    assert_int_equal(cove_fs_from_url("memory://" ROOT, NULL, &fs, NULL, NULL), 0);
    fs->ops = &ops;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cove_writer *w = NULL;
        summed = 0;
        assert_int_equal(cove_writer_open(fs, ROOT "file", NULL, NULL, &w, NULL), 0);
        for (size_t at = 0; at < rows[i].size; at += 10)
            assert_int_equal(cove_writer_write(w, data + at, 10, NULL), 0);
        assert_int_equal(cove_writer_finish(w, NULL), 0);
        cove_writer_free(w);
        assert_int_equal(summed, rows[i].summed);
    }
    fs->ops = &cove__memory_ops;
    cove_fs_remove_tree(fs, ROOT, NULL, NULL);
    cove_fs_unref(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(last_part_is_known),
                                        cmocka_unit_test(whole_file_is_not_copied),
                                        cmocka_unit_test(gathered_bytes_have_checksums) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
