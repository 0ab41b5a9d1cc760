/*
 * Whole files whose size is not that of their content: of /proc, /sys and /dev. They are read to their end, in one
 * version and within the limit. Each read of this machine's files is counted, and comes later than the one before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cove/queue.h>
#include <cove/stream.h>

#include "base/clock.h"
#include "base/error.h"
#include "fs/fs_impl.h"

#define MANY  16              /* reads: more than any file of these needs */
#define LATER (20 * COVE__MS) /* by this much the clock of a file system has moved on */
#define LARGE ((size_t)8 << 20)

static struct cove__fs_ops ops;
static cove_fs *fs;
static unsigned reads;

/* What has no end is given one, so that a broken limit costs the machine nothing. */
static void late_read(void *self, struct cove__read_io *io)
{
    struct cove_error err = COVE_ERROR_INIT;

    if (++reads <= MANY) {
        cove__sleep_ns(reads > 1 ? LATER : 0);
        cove__file_ops.read.range(self, io);
        return;
    }
    cove__op_finish(&io->op, cove__fail(&err, COVE_EIO, "too many reads"), 0, &err);
}

static void test_more_than_its_size(void **state)
{
    static const char *const paths[] = { "/proc/self/status", "/proc/net/dev", "/proc/kallsyms" };

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        void *back = NULL;
        size_t n = 0;

        reads = 0;
        if (access(paths[i], R_OK) != 0)
            continue;
        assert_int_equal(cove_fs_read_file(fs, paths[i], 0, &back, &n, NULL, NULL), 0);
        assert_true(n > 100);
        assert_int_equal(strlen(back), n);
        cove_free(back);
        back = NULL;
        assert_int_equal(cove_fs_read_file(fs, paths[i], 100, &back, &n, NULL, NULL), COVE_ELIMIT);
    }
}

static void test_less_than_its_size(void **state)
{
    const char *path = "/sys/devices/system/cpu/online";
    void *back = NULL;
    struct stat st;
    size_t n = 0;

    if (access(path, R_OK) != 0 || stat(path, &st) < 0 || st.st_size == 0)
        skip();
    reads = 0;
    assert_int_equal(cove_fs_read_file(fs, path, 0, &back, &n, NULL, NULL), 0);
    assert_int_equal(strlen(back), n);
    assert_int_equal(((char *)back)[n - 1], '\n');
    cove_free(back);

    /* The limit is of what it holds, and so is what makes it a reader. */
    cove_reader *reader = NULL;
    size_t again = 0;
    assert_int_equal(cove_fs_read_file(fs, path, n, &back, &again, NULL, NULL), 0);
    assert_int_equal(again, n);
    cove_free(back);
    assert_int_equal(cove_fs_read_or_open(fs, path, n, 0, &back, &again, &reader, NULL, NULL), 0);
    assert_null(reader);
    assert_int_equal(again, n);
    cove_free(back);
    assert_int_equal(cove_fs_read_file(fs, path, n - 1, &back, &again, NULL, NULL), COVE_ELIMIT);
}

static void get_etag(const char *path, char ret[80])
{
    cove_info *info = NULL;

    assert_int_equal(cove_fs_stat(fs, path, NULL, &info, NULL), 0);
    snprintf(ret, 80, "%s", cove_info_etag(info));
    cove_info_free(info);
}

/* As two empty objects of a store have one ETag. */
static void test_a_new_time_of_an_empty_file_is_no_new_version(void **state)
{
    const struct timespec times[2] = { { 1, 0 }, { 1, 0 } };
    char path[] = "/tmp/cove-whole-XXXXXX", before[80], after[80];
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    get_etag(path, before);
    assert_int_equal(futimens(fd, times), 0);
    get_etag(path, after);
    close(fd);
    unlink(path);
    assert_string_equal(before, after);
}

static void test_ceiling(void **state)
{
    static const size_t limits[] = { 100, 100000 };

    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct cove_error err = COVE_ERROR_INIT;
        cove_reader *reader = NULL;
        void *back = NULL;
        size_t n = 0;

        reads = 0;
        assert_int_equal(cove_fs_read_or_open(fs, "/dev/zero", LARGE, limits[i], &back, &n, &reader, NULL, &err),
                         COVE_ELIMIT);
        assert_non_null(strstr(err.message, "has more than the 100"));
        assert_null(back);
        assert_null(reader);
    }
}

static void test_ceiling_in_a_queue(void **state)
{
    struct cove_queue_options o = COVE_QUEUE_OPTIONS_INIT;
    struct cove_result result = COVE_RESULT_INIT;
    cove_queue *queue = NULL;

    reads = 0;
    assert_int_equal(cove_queue_new(&o, &queue, NULL), 0);
    assert_true(cove_queue_read_or_open(queue, fs, "/dev/zero", LARGE, 100, NULL, NULL, NULL) >= 0);
    assert_int_equal(cove_queue_next(queue, -1, &result, NULL), 1);
    assert_int_equal(result.rc, COVE_ELIMIT);
    cove_queue_free(queue);
}

static int setup(void **state)
{
    if (cove_fs_from_url("file:///", NULL, &fs, NULL, NULL) < 0)
        return -1;
    ops = cove__file_ops;
    ops.read.range = late_read;
    fs->ops = &ops;
    return 0;
}

static int teardown(void **state)
{
    fs->ops = &cove__file_ops;
    cove_fs_unref(fs);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_more_than_its_size),
        cmocka_unit_test(test_less_than_its_size),
        cmocka_unit_test(test_a_new_time_of_an_empty_file_is_no_new_version),
        cmocka_unit_test(test_ceiling),
        cmocka_unit_test(test_ceiling_in_a_queue),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
