/* Streams on memory://: what goes out comes back, in any sizes; appenders lose nothing; a fork leaves each side its
 * own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cove/stream.h>

#include "base/budget.h"
#include "base/clock.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "stream/appender.h"
#include "stream/parts.h"
#include "wire/digest.h"

#define ROOT "memory://stream-test/"

static cove_fs *fs;
static uint32_t seed = 1;

static size_t chance(size_t below)
{
    seed = seed * 1103515245u + 12345u;
    return (seed >> 8) % below;
}

static int setup(void **state)
{
    return cove_fs_from_url(ROOT, NULL, &fs, NULL, NULL);
}

static int teardown(void **state)
{
    cove_fs_remove_tree(fs, ROOT, NULL, NULL);
    cove_fs_unref(fs);
    return cove__budget_used() == 0 ? 0 : -1;
}

static uint8_t *pattern(size_t n)
{
    uint8_t *data = malloc(n + 1);

    for (size_t i = 0; i < n; i++)
        data[i] = (uint8_t)((i * 2654435761u) >> 11);
    return data;
}

static void write_in_pieces(const char *path, const uint8_t *data, size_t n, size_t most)
{
    cove_writer *w = NULL;

    assert_int_equal(cove_writer_open(fs, path, NULL, NULL, &w, NULL), 0);
    for (size_t at = 0; at < n;) {
        size_t k = chance(most) + 1;

        k = k < n - at ? k : n - at;
        assert_int_equal(cove_writer_write(w, data + at, k, NULL), 0);
        at += k;
        assert_int_equal(cove_writer_tell(w), at);
    }
    assert_int_equal(cove_fs_exists(fs, path, NULL, NULL), 0);
    assert_int_equal(cove_writer_finish(w, NULL), 0);
    assert_int_equal(cove_writer_finish(w, NULL), COVE_ESTATE);
    cove_writer_free(w);
}

static void sizes_around_parts(void **state)
{
    static const size_t part = (size_t)8 << 20;
    const size_t sizes[] = { 0, 1, part - 1, part, part + 1, 2 * part, 2 * part + 1, 5 * part / 2 };
    uint8_t *data = pattern(3 * part);

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t most = 1000000; most <= 3 * part; most *= 20) {
            void *back;
            size_t n;

            write_in_pieces(ROOT "sizes", data, sizes[i], most);
            assert_int_equal(cove_fs_read_file(fs, ROOT "sizes", 0, &back, &n, NULL, NULL), 0);
            assert_int_equal(n, sizes[i]);
            assert_memory_equal(back, data, n);
            cove_free(back);
            assert_int_equal(cove_fs_remove(fs, ROOT "sizes", NULL, NULL), 0);
        }
    }
    free(data);
}

static void abort_publishes_nothing(void **state)
{
    cove_writer *w = NULL;
    uint8_t *data = pattern((size_t)20 << 20);

    for (int parts = 0; parts < 2; parts++) {
        assert_int_equal(cove_writer_open(fs, ROOT "aborted", NULL, NULL, &w, NULL), 0);
        assert_int_equal(cove_writer_write(w, data, parts ? (size_t)20 << 20 : 5, NULL), 0);
        if (parts)
            cove_writer_abort(w);
        cove_writer_free(w); /* an unfinished one aborts */
        assert_int_equal(cove_fs_exists(fs, ROOT "aborted", NULL, NULL), 0);
    }
    free(data);
}

static void reads_in_any_order(void **state)
{
    size_t n = (size_t)9 << 20;
    uint8_t *data = pattern(n);
    uint8_t *out = malloc(n);
    cove_reader *r = NULL;

    write_in_pieces(ROOT "read", data, n, n);
    assert_int_equal(cove_reader_open(fs, ROOT "read", NULL, &r, NULL), 0);
    for (int i = 0; i < 2000; i++) {
        size_t at = i % 7 ? (size_t)cove_reader_tell(r) : chance(n + 100);
        size_t want = chance(i % 50 ? 20000 : 3000000);
        size_t have = at < n ? n - at : 0;
        int64_t got;

        have = have < want ? have : want;
        assert_int_equal(cove_reader_seek(r, (int64_t)at, NULL), 0);
        got = cove_reader_read(r, out, want, NULL);
        assert_int_equal(got, have);
        if (have > 0)
            assert_memory_equal(out, data + at, have);
    }
    cove_reader_close(r);
    free(data);
    free(out);
}

/* No sum overflows int64_t; the sanitizers check it. */
static void ranges_near_the_largest_offset(void **state)
{
    uint8_t a[8], b[8], c[8];
    struct cove_range ranges[] = {
        { .offset = INT64_MAX - 100, .length = 8, .buffer = a },
        { .offset = INT64_MAX - 50, .length = 8, .buffer = b },
        { .offset = 0, .length = 8, .buffer = c },
    };
    struct cove_range beyond = { .offset = INT64_MAX - 7, .length = 8, .buffer = a };

    assert_int_equal(cove_fs_write_file(fs, ROOT "short", "12345", 5, NULL, NULL), 0);
    assert_int_equal(cove_fs_read_ranges(fs, ROOT "short", ranges, 3, NULL, NULL), 0);
    assert_int_equal(ranges[0].done, 0);
    assert_int_equal(ranges[1].done, 0);
    assert_int_equal(ranges[2].done, 5);
    assert_int_equal(cove_fs_read_ranges(fs, ROOT "short", &beyond, 1, NULL, NULL), COVE_EINVAL);
}

static void reads_of_a_replaced_file_fail(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_reader *r = NULL;
    char buffer[10];

    assert_int_equal(cove_fs_write_file(fs, ROOT "changing", "0123456789", 10, NULL, NULL), 0);
    assert_int_equal(cove_reader_open(fs, ROOT "changing", NULL, &r, NULL), 0);
    assert_int_equal(cove_fs_write_file(fs, ROOT "changing", "abcdefghij", 10, NULL, NULL), 0);
    assert_int_equal(cove_reader_read(r, buffer, 10, &err), COVE_EPRECONDITION);
    assert_non_null(strstr(err.message, "read memory://stream-test/changing"));
    cove_reader_close(r);
}

static void appends_gather(void **state)
{
    struct cove_appender_options o = COVE_APPENDER_OPTIONS_INIT;
    cove_appender *a = NULL;
    void *back;
    size_t n;

    o.flush_interval_ms = 3600000;
    o.flush_bytes = 100;
    assert_int_equal(cove_appender_open(fs, ROOT "log", &o, NULL, &a, NULL), 0);
    assert_int_equal(cove_appender_write(a, "0123456789", 10, NULL), 0);
    assert_int_equal(cove_fs_exists(fs, ROOT "log", NULL, NULL), 0); /* gathered, not sent */
    assert_int_equal(cove_appender_flush(a, NULL), 0);
    assert_int_equal(cove_fs_exists(fs, ROOT "log", NULL, NULL), 1);
    for (int i = 0; i < 100; i++)
        assert_int_equal(cove_appender_write(a, "0123456789", 10, NULL), 0);
    assert_int_equal(cove_appender_close(a, NULL), 0);
    assert_int_equal(cove_fs_read_file(fs, ROOT "log", 0, &back, &n, NULL, NULL), 0);
    assert_int_equal(n, 1010);
    cove_free(back);
    o.truncate = 1;
    assert_int_equal(cove_appender_open(fs, ROOT "log", &o, NULL, &a, NULL), 0);
    assert_int_equal(cove_appender_write(a, "x", 1, NULL), 0);
    assert_int_equal(cove_appender_close(a, NULL), 0);
    assert_int_equal(cove_fs_read_file(fs, ROOT "log", 0, &back, &n, NULL, NULL), 0);
    assert_int_equal(n, 1);
    cove_free(back);
}

/* The background thread sends what no call flushes; a minute is only the bound of a broken run. */
static void appends_flush_themselves(void **state)
{
    struct cove_appender_options o = COVE_APPENDER_OPTIONS_INIT;
    cove_appender *a = NULL;
    int64_t until = cove__now_ns() + 60 * COVE__SEC;

    o.flush_interval_ms = 10;
    assert_int_equal(cove_appender_open(fs, ROOT "self", &o, NULL, &a, NULL), 0);
    assert_int_equal(cove_appender_write(a, "x", 1, NULL), 0);
    while (cove_fs_exists(fs, ROOT "self", NULL, NULL) == 0 && cove__now_ns() < until)
        cove__sleep_ns(COVE__MS);
    assert_int_equal(cove_fs_exists(fs, ROOT "self", NULL, NULL), 1);
    assert_int_equal(cove_appender_close(a, NULL), 0);
}

/* What the last flush took is taken off the interval, so that the bytes arrive within it; half of it at most. */
static void appends_leave_early(void **state)
{
    static const struct {
        int took_ms, wait_ms;
    } rows[] = { { 0, 3600000 }, { 600000, 3000000 }, { 7200000, 1800000 } };
    struct cove_appender_options o = COVE_APPENDER_OPTIONS_INIT;

    o.flush_interval_ms = 3600000;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cove_appender *a = NULL;
        int64_t before;

        assert_int_equal(cove_appender_open(fs, ROOT "early", &o, NULL, &a, NULL), 0);
        a->took_ns = rows[i].took_ms * COVE__MS;
        before = cove__now_ns();
        assert_int_equal(cove_appender_write(a, "x", 1, NULL), 0);
        assert_true(a->due_ns >= before + rows[i].wait_ms * COVE__MS);
        assert_true(a->due_ns <= cove__now_ns() + rows[i].wait_ms * COVE__MS);
        assert_int_equal(cove_appender_close(a, NULL), 0);
    }
}

/* In a child: the parent's streams refuse to work and leave what is the parent's alone. 0: right. */
static int child_side(cove_writer *w, cove_appender *a, cove_reader *r)
{
    char buffer[3];
    int wrong = 0;

    wrong |= cove_writer_write(w, "x", 1, NULL) != COVE_ESTATE;
    wrong |= cove_writer_finish(w, NULL) != COVE_ESTATE;
    wrong |= cove_appender_write(a, "x", 1, NULL) != COVE_ESTATE;
    wrong |= cove_reader_read(r, buffer, 3, NULL) != 3;
    cove_writer_free(w);
    wrong |= cove_appender_close(a, NULL) != 0;
    cove_reader_close(r);
    return wrong;
}

static void fork_leaves_each_side_its_own(void **state)
{
    cove_writer *w = NULL;
    cove_appender *a = NULL;
    cove_reader *r = NULL;
    int status = -1;
    pid_t child;
    void *back;
    size_t n;

    assert_int_equal(cove_fs_write_file(fs, ROOT "r", "abc", 3, NULL, NULL), 0);
    assert_int_equal(cove_writer_open(fs, ROOT "w", NULL, NULL, &w, NULL), 0);
    assert_int_equal(cove_writer_write(w, "parent", 6, NULL), 0);
    assert_int_equal(cove_appender_open(fs, ROOT "a", NULL, NULL, &a, NULL), 0);
    assert_int_equal(cove_appender_write(a, "parent", 6, NULL), 0);
    assert_int_equal(cove_reader_open(fs, ROOT "r", NULL, &r, NULL), 0);
    child = fork();
    if (child == 0)
        _exit(child_side(w, a, r));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(cove_writer_finish(w, NULL), 0);
    cove_writer_free(w);
    assert_int_equal(cove_appender_close(a, NULL), 0);
    cove_reader_close(r);
    assert_int_equal(cove_fs_read_file(fs, ROOT "a", 0, &back, &n, NULL, NULL), 0);
    assert_int_equal(n, 6);
    cove_free(back);
}

/* Every allocation fails in turn: an error, no leak, and the old content or the new one. */
static void torture(void **state)
{
    int rc = -1;

    for (unsigned long at = 1; rc < 0; at++) {
        struct cove_error err = COVE_ERROR_INIT;
        void *back = NULL;
        size_t n = 0;

        assert_int_equal(cove_fs_write_file(fs, ROOT "torture", "old", 3, NULL, NULL), 0);
        cove__mem_fail(at, 0);
        rc = cove_fs_write_file(fs, ROOT "torture", "newer", 5, NULL, &err);
        if (rc == 0)
            rc = cove_fs_read_file(fs, ROOT "torture", 0, &back, &n, NULL, &err);
        if (rc == 0)
            rc = cove_fs_append(fs, ROOT "torture", "+", 1, NULL, &err);
        cove__mem_fail(0, 0);
        cove_free(back);
        if (rc < 0)
            assert_int_equal(err.code, rc);
        assert_int_equal(cove_fs_read_file(fs, ROOT "torture", 0, &back, &n, NULL, NULL), 0);
        assert_true(n == 3 || n == 5 || n == 6);
        cove_free(back);
        assert_true(at < 10000);
    }
}

/* A base that has nothing but small parts, so that a few bytes are an upload of many. */
static cove_parts *small_parts(size_t part)
{
    struct cove_parts *parts = cove__parts_new("memory", "stream-test/none", part);

    assert_non_null(parts);
    return parts;
}

static void wide_rules(void *self, const struct cove__put *put, struct cove__part_rules *ret)
{
    *ret = (struct cove__part_rules){
        .min_part = 5 << 20, .default_part = 8 << 20, .max_part = 1 << 30, .max_parts = 10000, .parallel = 16
    };
}

/* Sixteen parts of 8 MiB would help such a store; what one stream holds stays below. */
static void one_stream_holds_its_share(void **state)
{
    enum { STEP = 1 << 20, STEPS = 100, STRETCH = 4 << 20 };
    const struct cove__fs_ops *own = fs->ops;
    struct cove__fs_ops wide = *own;
    uint8_t *data = pattern(STEP), *back = malloc(STEP);
    cove_writer *w = NULL;
    cove_reader *r = NULL;
    size_t most = 0;

    wide.upload.part_rules = wide_rules;
    fs->ops = &wide;
    assert_int_equal(cove_writer_open(fs, "stream-test/wide", NULL, NULL, &w, NULL), 0);
    for (size_t i = 0; i < STEPS; i++) {
        assert_int_equal(cove_writer_write(w, data, STEP, NULL), 0);
        most = cove__budget_used() > most ? cove__budget_used() : most;
    }
    assert_int_equal(cove_writer_finish(w, NULL), 0);
    cove_writer_free(w);
    assert_int_equal(most, COVE__WRITER_BUFFERS);

    most = 0;
    assert_int_equal(cove_reader_open(fs, "stream-test/wide", NULL, &r, NULL), 0);
    for (size_t i = 0; i < STEPS; i++) {
        assert_int_equal(cove_reader_read(r, back, STEP, NULL), STEP);
        assert_memory_equal(back, data, STEP);
        most = cove__budget_used() > most ? cove__budget_used() : most;
    }
    cove_reader_close(r);
    assert_in_range(most, COVE__READER_BUFFERS - STRETCH, COVE__READER_BUFFERS + STRETCH);
    fs->ops = own;
    free(data);
    free(back);
}

#define CROWD 200

/* No number of writers waits for one another, be the memory for all of them less than one part. */
static void many_writers_in_no_memory(void **state)
{
    enum { PART = 4096, SIZE = 5 * PART + 7, STEP = 1500 };
    struct cove_writer_options o = COVE_WRITER_OPTIONS_INIT;
    static cove_writer *writers[CROWD];
    uint8_t *data = pattern(SIZE + CROWD);
    cove_parts *base = small_parts(PART);
    char path[64];

    o.base = base;
    cove__budget_set(1);
    for (size_t i = 0; i < CROWD; i++) {
        snprintf(path, sizeof path, ROOT "crowd/%zu", i);
        assert_int_equal(cove_writer_open(fs, path, &o, NULL, &writers[i], NULL), 0);
    }
    for (size_t at = 0; at < SIZE; at += STEP) {
        for (size_t i = 0; i < CROWD; i++)
            assert_int_equal(cove_writer_write(writers[i], data + i + at, SIZE - at < STEP ? SIZE - at : STEP, NULL),
                             0);
    }
    for (size_t i = 0; i < CROWD; i++) {
        void *back;
        size_t n;

        assert_int_equal(cove_writer_finish(writers[i], NULL), 0);
        assert_int_equal(cove_writer_sent(writers[i]), SIZE);
        cove_writer_free(writers[i]);
        snprintf(path, sizeof path, ROOT "crowd/%zu", i);
        assert_int_equal(cove_fs_read_file(fs, path, 0, &back, &n, NULL, NULL), 0);
        assert_int_equal(n, SIZE);
        assert_memory_equal(back, data + i, n);
        cove_free(back);
    }
    cove__budget_set(COVE__BUDGET_DEFAULT);
    assert_int_equal(cove__budget_used(), 0);
    cove_parts_free(base);
    free(data);
}

static int write_with_base(const uint8_t *data, size_t size, const cove_parts *base, cove_parts **ret_parts,
                           struct cove_error *err)
{
    struct cove_writer_options o = COVE_WRITER_OPTIONS_INIT;
    cove_writer *w = NULL;
    int rc;

    o.base = base;
    rc = cove_writer_open(fs, ROOT "kept", &o, NULL, &w, err);
    if (rc < 0)
        return rc;
    rc = cove_writer_write(w, data, size / 2, err);
    if (rc == 0)
        rc = cove_writer_write(w, data + size / 2, size - size / 2, err);
    if (rc == 0)
        rc = cove_writer_finish(w, err);
    if (rc == 0)
        rc = cove_writer_take_parts(w, ret_parts, err);
    cove_writer_free(w);
    return rc;
}

/* Every allocation of a write that keeps its parts fails in turn. */
static void kept_parts_without_memory(void **state)
{
    enum { PART = 1000, SIZE = 20 * PART + 1 };
    uint8_t *data = pattern(SIZE);
    cove_parts *base = small_parts(PART), *parts = NULL;
    int rc = -1;

    for (unsigned long at = 1; rc < 0; at++) {
        struct cove_error err = COVE_ERROR_INIT;

        cove__mem_fail(at, 0);
        rc = write_with_base(data, SIZE, base, &parts, &err);
        cove__mem_fail(0, 0);
        if (rc < 0) {
            assert_int_equal(rc, COVE_ENOMEM);
            assert_int_equal(err.code, COVE_ENOMEM);
            assert_null(parts);
        }
        assert_true(at < 10000);
    }
    assert_int_equal(cove_parts_count(parts), 21);
    cove_parts_free(parts);
    cove_parts_free(base);
    free(data);
}

/* A URL that is refused may hold a password or a signature: the message names it without them. */
static void refused_urls_show_no_secret(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_fs *other = NULL;

    assert_int_equal(cove_fs_from_url("ftp://me:hunter2@host/x?sig=abc", NULL, &other, NULL, &err), COVE_EINVAL);
    assert_non_null(strstr(err.message, "ftp://***@host/x"));
    assert_null(strstr(err.message, "hunter2"));
    assert_null(strstr(err.message, "abc"));
}

static int no_upload(void *self, const char *path, const struct cove__put *put, const struct cove__ctx *ctx,
                     struct cove__upload **ret, struct cove_error *err)
{
    return cove__fs_fail(err, ctx, COVE_EACCESS, "no upload may begin");
}

/* A writer that could not take all that it was given publishes nothing, not even if finish is called. */
static void finish_after_a_failed_take(void **state)
{
    enum { PART = 8 << 20, SIZE = PART + 1 };
    const struct cove__fs_ops *own = fs->ops;
    struct cove__fs_ops other = *own;
    struct cove_error err = COVE_ERROR_INIT;
    uint8_t *data = pattern(SIZE);
    cove_writer *w = NULL;
    cove_reader *r = NULL;
    int64_t n;

    write_in_pieces(ROOT "failed", data, SIZE, SIZE);
    other.upload.begin = no_upload;
    fs->ops = &other;
    assert_int_equal(cove_reader_open(fs, "stream-test/failed", NULL, &r, NULL), 0);
    assert_int_equal(cove_writer_open(fs, "stream-test/failed-to", NULL, NULL, &w, NULL), 0);
    while ((n = cove_writer_copy_from(w, r, SIZE, NULL)) > 0)
        ;
    assert_int_equal(n, COVE_EACCESS);
    assert_int_equal(cove_writer_copy_from(w, r, SIZE, &err), COVE_EACCESS);
    assert_int_equal(cove_writer_finish(w, &err), COVE_EACCESS);
    assert_int_equal(cove_fs_exists(fs, "stream-test/failed-to", NULL, NULL), 0);
    cove_writer_free(w);
    cove_reader_close(r);
    fs->ops = own;
    free(data);
}

/* What fits in one part is taken without an upload, be it just as long as one. */
static void takes_one_part_in_one_request(void **state)
{
    enum { PART = 1 << 20 };
    const struct cove__fs_ops *own = fs->ops;
    struct cove__fs_ops other = *own;
    uint8_t *data = pattern(PART);
    cove_writer *w = NULL;
    cove_reader *r = NULL;
    int64_t n;

    write_in_pieces(ROOT "one", data, PART, PART);
    other.upload.begin = no_upload;
    fs->ops = &other;
    assert_int_equal(cove_reader_open(fs, "stream-test/one", NULL, &r, NULL), 0);
    assert_int_equal(cove_writer_open(fs, "stream-test/one-to", NULL, NULL, &w, NULL), 0);
    while ((n = cove_writer_copy_from(w, r, PART, NULL)) > 0)
        ;
    assert_int_equal(n, 0);
    assert_int_equal(cove_writer_finish(w, NULL), 0);
    cove_writer_free(w);
    cove_reader_close(r);
    fs->ops = own;
    free(data);
}

/* Memory in which whatever is allocated next of `size` bytes lies as the last thing, once it has been unmapped: nothing
 * else has room for that. Where the C library or the kernel do otherwise, it is just memory. */
static uint8_t *map_what_comes_next(size_t size, size_t more, void *full[64])
{
    size_t n = 0;

    mallopt(M_MMAP_THRESHOLD, (int)size / 2);
    do /* what is free in the heap */
        full[n] = malloc(size / 2);
    while ((uint8_t *)full[n] < (uint8_t *)sbrk(0) && ++n < 63);
    free(full[n]);
    full[n] = NULL;
    uint8_t *map = mmap(NULL, size + more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *above = map;
    assert_true(map != MAP_FAILED);
    for (n = 0; n < 64 && above >= map && above != MAP_FAILED; n++) /* the holes above stay taken */
        above = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return map;
}

/* A digest that was made ahead is of the bytes of that write, not of others that lie in the same memory later. */
static void digests_of_memory_that_is_used_again(void **state)
{
    enum { PART = 8 << 20, PAGE = 4096, HEAD = 16 };
    struct cove_writer_options o = COVE_WRITER_OPTIONS_INIT;
    uint8_t *other = pattern(PART), want[COVE__DIGEST_SIZE], *map;
    cove_parts *parts = NULL;
    cove_writer *w = NULL;
    cove_reader *r = NULL;
    void *full[64];
    int64_t n;

    write_in_pieces(ROOT "again", other, PART, PART);
    assert_int_equal(cove_reader_open(fs, ROOT "again", NULL, &r, NULL), 0);
    o.keep_parts = 1;
    assert_int_equal(cove_writer_open(fs, ROOT "again-to", &o, NULL, &w, NULL), 0);
    cove__budget_set(0); /* keeps no pages */
    map = map_what_comes_next(PART + PAGE, PART, full);
    memset(map, 1, 2 * PART + PAGE);
    assert_int_equal(cove_writer_write(w, map + HEAD, 2 * PART, NULL), 0);
    munmap(map, 2 * PART + PAGE);
    while ((n = cove_writer_copy_from(w, r, PART, NULL)) > 0)
        ;
    assert_int_equal(n, 0);
    assert_int_equal(cove_writer_finish(w, NULL), 0);
    assert_int_equal(cove_writer_take_parts(w, &parts, NULL), 0);
    assert_int_equal(parts->n, 3);
    assert_int_equal(cove__sha256(cove__slice(other, PART), want), 0);
    assert_memory_equal(parts->digests[2], want, sizeof want);
    cove_parts_free(parts);
    cove_writer_free(w);
    cove_reader_close(r);
    cove__budget_set(COVE__BUDGET_DEFAULT);
    for (size_t i = 0; full[i]; i++)
        free(full[i]);
    free(other);
}

/* A far store of one large file: what lies ahead of `near` comes only once the test has waited. */
static struct {
    int64_t near;
    pthread_mutex_t lock;
    struct cove__read_io *held[64]; /* under lock */
    size_t n;
    atomic_bool stop;
} far = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void far_read(void *self, struct cove__read_io *io)
{
    io->ret_total = INT64_C(1) << 40;
    if (io->offset < far.near + (2 << 20)) {
        cove__op_finish(&io->op, 0, (int64_t)io->length, NULL);
        return;
    }
    pthread_mutex_lock(&far.lock);
    far.held[far.n++] = io;
    pthread_mutex_unlock(&far.lock);
}

static void *far_responses(void *arg)
{
    while (!atomic_load(&far.stop)) {
        cove__sleep_ns(200 * COVE__MS);
        pthread_mutex_lock(&far.lock);
        while (far.n > 0) {
            struct cove__read_io *io = far.held[--far.n];
            cove__op_finish(&io->op, 0, (int64_t)io->length, NULL);
        }
        pthread_mutex_unlock(&far.lock);
    }
    return NULL;
}

/* A reader that jumps from one open window to the next waits for the rest of the older ones. */
static void jumps_out_of_many_windows(void **state)
{
    enum { STEP = 1 << 20 };
    const struct cove__fs_ops *own = fs->ops;
    struct cove__fs_ops ops = *own;
    struct cove_error err = COVE_ERROR_INIT;
    cove_reader *r = NULL;
    pthread_t thread;
    uint8_t *back = malloc(STEP);
    const void *data;

    ops.upload.part_rules = wide_rules;
    ops.read.range = far_read;
    fs->ops = &ops;
    cove__budget_set((size_t)1 << 30);
    assert_int_equal(pthread_create(&thread, NULL, far_responses, NULL), 0);
    assert_int_equal(cove_reader_open(fs, "stream-test/far", NULL, &r, NULL), 0);
    for (int64_t i = 1; i <= 8; i++) {
        far.near = i << 30;
        assert_int_equal(cove_reader_seek(r, far.near, NULL), 0);
        assert_int_equal(cove_reader_next(r, &data, STEP, &err), STEP);
        assert_int_equal(cove_reader_read(r, back, STEP, &err), STEP);
    }
    cove_reader_close(r);
    atomic_store(&far.stop, true);
    pthread_join(thread, NULL);
    cove__budget_set(COVE__BUDGET_DEFAULT);
    fs->ops = own;
    free(back);
}

static const struct cove__fs_ops *own_ops;

static void stat_with_wrong_checksum(void *self, struct cove__stat_io *io)
{
    own_ops->stat(self, io);
    io->ret_info->has_crc32c = true;
    io->ret_info->crc32c = 1;
}

/* A caller that reads on after bytes were refused gets the error again, not the bytes. */
static void wrong_bytes_stay_wrong(void **state)
{
    enum { SIZE = 300000 };
    struct cove__fs_ops ops = *fs->ops;
    uint8_t *data = pattern(SIZE), *back = malloc(SIZE);
    const void *at;
    cove_reader *r = NULL;

    write_in_pieces(ROOT "wrong", data, SIZE, SIZE);
    own_ops = fs->ops;
    ops.stat = stat_with_wrong_checksum;
    fs->ops = &ops;
    assert_int_equal(cove_reader_open(fs, "stream-test/wrong", NULL, &r, NULL), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(cove_reader_read(r, back, SIZE, NULL), COVE_ECORRUPT);
    assert_int_equal(cove_reader_read(r, back, SIZE / 2, NULL), SIZE / 2);
    for (int i = 0; i < 2; i++)
        assert_int_equal(cove_reader_read(r, back, SIZE, NULL), COVE_ECORRUPT);
    for (int i = 0; i < 2; i++)
        assert_int_equal(cove_reader_next(r, &at, SIZE, NULL), COVE_ECORRUPT);
    cove_reader_close(r);
    fs->ops = own_ops;
    free(data);
    free(back);
}

/* An interrupted flush to a local file leaves no partial record, and the bytes are written exactly once. */
static void appends_that_are_cut_off(void **state)
{
    struct cove_appender_options options = COVE_APPENDER_OPTIONS_INIT;
    struct rlimit before, small;
    char folder[] = "/tmp/cove-stream-XXXXXX", path[64];
    cove_appender *appender;
    cove_fs *local;
    void *data;
    size_t size;

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/log", folder);
    options.flush_interval_ms = 0;
    assert_int_equal(cove_fs_from_url("file:///", NULL, &local, NULL, NULL), 0);
    assert_int_equal(cove_appender_open(local, path, &options, NULL, &appender, NULL), 0);
    assert_int_equal(cove_appender_write(appender, "abc", 3, NULL), 0);

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 5;
    setrlimit(RLIMIT_FSIZE, &small);
    assert_true(cove_appender_write(appender, "defgh", 5, NULL) < 0);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(cove_fs_read_file(local, path, 0, &data, &size, NULL, NULL), 0);
    assert_int_equal(size, 3);
    cove_free(data);

    assert_int_equal(cove_appender_write(appender, "ij", 2, NULL), 0);
    assert_int_equal(cove_appender_close(appender, NULL), 0);
    assert_int_equal(cove_fs_read_file(local, path, 0, &data, &size, NULL, NULL), 0);
    assert_int_equal(size, 10);
    assert_memory_equal(data, "abcdefghij", 10);
    cove_free(data);
    assert_int_equal(cove_fs_remove_tree(local, folder, NULL, NULL), 0);
    cove_fs_unref(local);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_around_parts),
        cmocka_unit_test(abort_publishes_nothing),
        cmocka_unit_test(reads_in_any_order),
        cmocka_unit_test(ranges_near_the_largest_offset),
        cmocka_unit_test(reads_of_a_replaced_file_fail),
        cmocka_unit_test(appends_gather),
        cmocka_unit_test(appends_flush_themselves),
        cmocka_unit_test(appends_leave_early),
        cmocka_unit_test(appends_that_are_cut_off),
        cmocka_unit_test(fork_leaves_each_side_its_own),
        cmocka_unit_test(torture),
        cmocka_unit_test(many_writers_in_no_memory),
        cmocka_unit_test(one_stream_holds_its_share),
        cmocka_unit_test(kept_parts_without_memory),
        cmocka_unit_test(refused_urls_show_no_secret),
        cmocka_unit_test(wrong_bytes_stay_wrong),
        cmocka_unit_test(jumps_out_of_many_windows),
        cmocka_unit_test(finish_after_a_failed_take),
        cmocka_unit_test(takes_one_part_in_one_request),
        cmocka_unit_test(digests_of_memory_that_is_used_again),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
