/*
 * A store whose slots block, and which looks something up for each file: which thread waits in its slots, and how often
 * it looks up. The bytes are in memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cove/queue.h>
#include <cove/stream.h>

#include "base/budget.h"
#include "base/clock.h"
#include "base/error.h"
#include "fs/fs_impl.h"

#define ROOT      "blocking-test/" /* without a scheme, by which the store would be looked up */
#define PART      ((size_t)256 << 10)
#define SIZE      (8 * PART)
#define SHORT_MS  1
#define MISSED_NS (20 * COVE__SEC) /* after so long who should have come will not */
#define JOBS      40
#define THREADS   16 /* of a filesystem */
#define READS     6  /* of four slots each: enough for all threads */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;        /* on CLOCK_MONOTONIC */
    unsigned inside, most, wanted; /* slots that wait: now, at most so far; all continue once so many have been there */
    unsigned on_workers;           /* of those inside */
    bool missed;
    pthread_t thread; /* of the latest slot */
    unsigned opened, closed, without;
    int fails;      /* of read.open: with this code; 0: not */
    unsigned times; /* … as often, 0: once */
    unsigned looks; /* calls of read.open */
} seen = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct cove__fs_ops ops;
static cove_fs *fs;
static uint8_t data[SIZE], back[SIZE];
static char handle; /* its address is the store's handle */

static _Thread_local bool reads; /* a thread of a test, which helps with its own slots */

/* Waits inside of a slot until as many are there as the test wants. */
static void meet(void)
{
    int64_t until_ns = cove__now_ns() + MISSED_NS;

    pthread_mutex_lock(&seen.lock);
    seen.thread = pthread_self();
    seen.on_workers += !reads;
    if (++seen.inside > seen.most)
        seen.most = seen.inside;
    pthread_cond_broadcast(&seen.changed);
    while (seen.most < seen.wanted && !seen.missed)
        seen.missed = !cove__cond_wait_until(&seen.changed, &seen.lock, until_ns);
    seen.inside--;
    seen.on_workers -= !reads;
    pthread_mutex_unlock(&seen.lock);
}

static void want(unsigned n)
{
    pthread_mutex_lock(&seen.lock);
    seen.wanted = n;
    pthread_cond_broadcast(&seen.changed);
    pthread_mutex_unlock(&seen.lock);
}

static void blocking_read(void *self, struct cove__read_io *io)
{
    pthread_mutex_lock(&seen.lock);
    seen.without += io->handle != &handle;
    pthread_mutex_unlock(&seen.lock);
    meet();
    cove__memory_ops.read.range(self, io);
}

static void blocking_part(void *self, struct cove__part_io *io)
{
    meet();
    cove__memory_ops.upload.part(self, io);
}

static int look_up(void *self, const char *path, const struct cove__ctx *ctx, void **ret_handle, struct cove_error *err)
{
    int fails = seen.fails;

    (void)self, (void)path;
    seen.looks++;
    if (fails && (seen.times == 0 || --seen.times == 0))
        seen.fails = 0;
    if (fails)
        return cove__fs_fail(err, ctx, fails, "its place is not known");
    seen.opened++;
    *ret_handle = &handle;
    return 0;
}

static void forget(void *self, void *what)
{
    (void)self;
    assert_ptr_equal(what, &handle);
    seen.closed++;
}

static void rules(void *self, const struct cove__put *put, struct cove__part_rules *ret)
{
    (void)self, (void)put;
    *ret = (struct cove__part_rules){ .min_part = 1, .default_part = PART, .max_part = PART, .parallel = 4 };
}

static int setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (uint8_t)((i * 2654435761u) >> 11);
    cove__cond_init(&seen.changed);
    if (cove_fs_from_url("memory://" ROOT, NULL, &fs, NULL, NULL) < 0 ||
        cove_fs_write_file(fs, ROOT "file", data, SIZE, NULL, NULL) < 0)
        return -1;
    ops = cove__memory_ops;
    ops.real_directories = false;
    ops.blocks = true;
    ops.upload.part_rules = rules;
    ops.read.range = blocking_read;
    ops.upload.part = blocking_part;
    fs->ops = &ops;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fs->ops = &cove__memory_ops;
    cove_fs_remove_tree(fs, ROOT, NULL, NULL);
    cove_fs_unref(fs);
    return cove__budget_used() == 0 ? 0 : -1;
}

static int begin(void **state)
{
    (void)state;
    seen.most = seen.wanted = seen.opened = seen.closed = seen.without = seen.times = seen.looks = 0;
    seen.missed = false;
    fs->timeout_ms = 0;
    memset(back, 0, sizeof back);
    ops.read.open = NULL;
    ops.read.close = NULL;
    return 0;
}

static int begin_with_handles(void **state)
{
    begin(state);
    ops.read.open = look_up;
    ops.read.close = forget;
    return 0;
}

static cove_reader *open_reader(void)
{
    cove_reader *r = NULL;

    assert_int_equal(cove_reader_open(fs, ROOT "file", NULL, &r, NULL), 0);
    return r;
}

/* ---- threads ---- */

static void parts_of_a_read_in_parallel(void **state)
{
    (void)state;
    want(4);
    assert_int_equal(cove_fs_read_range(fs, ROOT "file", 0, back, SIZE, NULL, NULL), SIZE);
    assert_false(seen.missed);
    assert_int_equal(seen.most, 4); /* and no more than the store wants at once */
    assert_memory_equal(back, data, SIZE);
}

static void ranges_in_parallel(void **state)
{
    struct cove_range ranges[3];

    (void)state;
    for (size_t i = 0; i < 3; i++)
        ranges[i] = (struct cove_range){ .offset = (int64_t)(2 * i * PART), .length = 100, .buffer = back + i * 100 };
    want(3);
    assert_int_equal(cove_fs_read_ranges(fs, ROOT "file", ranges, 3, NULL, NULL), 0);
    assert_false(seen.missed);
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(back + i * 100, data + 2 * i * PART, 100);
}

static void one_part_on_its_callers_thread(void **state)
{
    (void)state;
    assert_int_equal(cove_fs_read_range(fs, ROOT "file", 7, back, PART, NULL, NULL), PART);
    assert_true(pthread_equal(seen.thread, pthread_self()));
    assert_memory_equal(back, data + 7, PART);
}

/* The thread of the call is not in the slot: the call ends in time, and a later one gets the bytes. */
static void a_reader_keeps_its_deadline(void **state)
{
    cove_reader *r = open_reader();

    (void)state;
    want(100);
    fs->timeout_ms = SHORT_MS;
    assert_int_equal(cove_reader_read(r, back, 3 * PART, NULL), COVE_ETIMEDOUT);
    fs->timeout_ms = 0;
    want(0);
    for (size_t n = 0; n < SIZE; n += PART / 2)
        assert_int_equal(cove_reader_read(r, back + n, PART / 2, NULL), PART / 2);
    assert_false(seen.missed);
    assert_memory_equal(back, data, SIZE);
    cove_reader_close(r);
}

static void parts_of_a_writer_in_parallel(void **state)
{
    cove_writer *w = NULL;
    void *read = NULL;
    size_t size = 0;

    (void)state;
    assert_int_equal(cove_writer_open(fs, ROOT "new", NULL, NULL, &w, NULL), 0);
    want(3);
    for (size_t n = 0; n < SIZE; n += PART / 4)
        assert_int_equal(cove_writer_write(w, data + n, PART / 4, NULL), 0);
    assert_int_equal(cove_writer_finish(w, NULL), 0);
    cove_writer_free(w);
    assert_false(seen.missed);
    assert_int_equal(cove_fs_read_file(fs, ROOT "new", 0, &read, &size, NULL, NULL), 0);
    assert_int_equal(size, SIZE);
    assert_memory_equal(read, data, SIZE);
    cove_free(read);
}

/* More whole calls than there are threads for them, and each waits for parts. */
static void jobs_that_wait_for_parts(void **state)
{
    struct cove_result r = COVE_RESULT_INIT;
    cove_queue *q = NULL;
    unsigned taken = 0;

    (void)state;
    want(4);
    assert_int_equal(cove_queue_new(NULL, &q, NULL), 0);
    for (unsigned i = 0; i < JOBS; i++)
        assert_true(cove_queue_read_file(q, fs, ROOT "file", 0, NULL, NULL, NULL) > 0);
    while (cove_queue_next(q, -1, &r, NULL) == 1) {
        assert_int_equal(r.count, SIZE);
        assert_memory_equal(r.data, data, SIZE);
        cove_free(r.data);
        taken++;
    }
    assert_int_equal(taken, JOBS);
    assert_false(seen.missed);
    cove_queue_free(q);
}

/* Without a deadline, whatever the filesystem's timeout is by then. */
static void *read_all(void *buffer)
{
    struct cove_call call = COVE_CALL_INIT;

    reads = true;
    call.timeout_ms = -1;
    return cove_fs_read_range(fs, ROOT "file", 0, buffer, SIZE, &call, NULL) == (int64_t)SIZE ? buffer : NULL;
}

/* The reads' slots fill the filesystem's threads, whichever they run themselves. An open that waits for a thread
 * ends at its deadline, with all that it had asked for. */
static void an_open_while_all_threads_hang(void **state)
{
    static uint8_t buffers[READS][SIZE];
    pthread_t threads[READS];
    cove_reader *r = NULL;
    void *read = NULL;

    (void)state;
    want(100);
    for (size_t i = 0; i < READS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_all, buffers[i]), 0);
    pthread_mutex_lock(&seen.lock);
    while (seen.on_workers < THREADS && !seen.missed)
        pthread_cond_wait(&seen.changed, &seen.lock);
    pthread_mutex_unlock(&seen.lock);
    fs->timeout_ms = SHORT_MS;
    assert_int_equal(cove_reader_open(fs, ROOT "file", NULL, &r, NULL), COVE_ETIMEDOUT);
    fs->timeout_ms = 0;
    pthread_mutex_lock(&seen.lock);
    assert_false(seen.missed);
    assert_int_equal(seen.on_workers, THREADS);
    pthread_mutex_unlock(&seen.lock);
    want(0);
    for (size_t i = 0; i < READS; i++) {
        pthread_join(threads[i], &read);
        assert_ptr_equal(read, buffers[i]);
    }
}

/* ---- handles ---- */

static void a_reader_looks_up_once(void **state)
{
    struct cove_range range = { .offset = 5, .length = 10, .buffer = back };
    cove_reader *r = open_reader();

    (void)state;
    for (size_t n = 0; n < SIZE; n += PART / 2)
        assert_int_equal(cove_reader_read(r, back + n, PART / 2, NULL), PART / 2);
    assert_memory_equal(back, data, SIZE);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(cove_reader_read_at(r, (int64_t)((i * 7919) % (SIZE - 9)), back, 9, NULL), 9);
    assert_int_equal(cove_reader_read_ranges(r, &range, 1, NULL), 0);
    assert_int_equal(seen.opened, 1);
    assert_int_equal(seen.without, 0);
    assert_int_equal(seen.closed, 0);
    cove_reader_close(r);
    assert_int_equal(seen.closed, 1);
}

static void a_large_read_looks_up_once(void **state)
{
    (void)state;
    assert_int_equal(cove_fs_read_range(fs, ROOT "file", 0, back, SIZE, NULL, NULL), SIZE);
    assert_int_equal(seen.opened, 1);
    assert_int_equal(seen.closed, 1);
    assert_int_equal(seen.without, 0);
    assert_int_equal(cove_fs_read_range(fs, ROOT "file", 0, back, 10, NULL, NULL), 10);
    assert_int_equal(seen.opened, 1); /* one read looks up what it needs itself */
    assert_int_equal(seen.without, 1);
}

/* What cannot be looked up fails the read, and the next one tries again. */
static void a_look_up_that_fails(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_reader *r = NULL;

    (void)state;
    seen.fails = COVE_ENETWORK;
    assert_int_equal(cove_reader_open(fs, ROOT "file", NULL, &r, &err), COVE_ENETWORK);
    assert_non_null(strstr(err.message, "its place is not known"));
    seen.fails = COVE_ENETWORK;
    assert_int_equal(cove_fs_read_range(fs, ROOT "file", 0, back, SIZE, NULL, &err), COVE_ENETWORK);
    assert_int_equal(seen.opened + seen.closed, 0);

    void *whole = NULL;
    size_t size = 0;
    assert_int_equal(cove_fs_read_or_open(fs, ROOT "file", 1, 0, &whole, &size, &r, NULL, &err), 0);
    assert_non_null(r); /* from a first read without a handle */
    seen.fails = COVE_ENETWORK;
    assert_int_equal(cove_reader_read_at(r, SIZE - 9, back, 9, &err), COVE_ENETWORK);
    assert_int_equal(cove_reader_read_at(r, SIZE - 9, back, 9, &err), 9);
    assert_memory_equal(back, data + SIZE - 9, 9);
    cove_reader_close(r);
    assert_int_equal(seen.opened, 1);
    assert_int_equal(seen.closed, 1);
}

/* The failure is that of the call in which it happens: nothing of it is left for a later call, which reads the
 * stretches that would have come ahead. */
static void a_look_up_that_fails_for_reads_ahead(void **state)
{
    cove_reader *r = NULL;
    void *whole = NULL;
    size_t size = 0;

    (void)state;
    assert_int_equal(cove_fs_read_or_open(fs, ROOT "file", 1, 0, &whole, &size, &r, NULL, NULL), 0);
    seen.fails = COVE_ETIMEDOUT;
    seen.times = 1000;
    assert_int_equal(cove_reader_read(r, back, PART / 4 * 3, NULL), COVE_ETIMEDOUT);
    assert_true(seen.looks <= 2); /* ahead, and for these bytes; not again for each stretch of the window */
    seen.fails = 0;
    seen.times = 0;
    for (size_t n = 0; n < SIZE; n += PART / 2)
        assert_int_equal(cove_reader_read(r, back + n, PART / 2, NULL), PART / 2);
    assert_memory_equal(back, data, SIZE);
    cove_reader_close(r);
}

/* A child closes its parent's handle and opens its own. */
static void a_child_looks_up_itself(void **state)
{
    cove_reader *r = open_reader();
    int status;

    (void)state;
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        bool ok = cove_reader_read_at(r, SIZE - 9, back, 9, NULL) == 9 && memcmp(back, data + SIZE - 9, 9) == 0;

        ok = ok && cove_fs_read_range(fs, ROOT "file", 0, back, SIZE, NULL, NULL) == (int64_t)SIZE;
        cove_reader_close(r);
        _exit(ok && seen.opened == 3 && seen.closed == 3 ? 0 : 1);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    cove_reader_close(r);
    assert_int_equal(seen.opened, 1);
    assert_int_equal(seen.closed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(parts_of_a_read_in_parallel, begin),
        cmocka_unit_test_setup(ranges_in_parallel, begin),
        cmocka_unit_test_setup(one_part_on_its_callers_thread, begin),
        cmocka_unit_test_setup(a_reader_keeps_its_deadline, begin),
        cmocka_unit_test_setup(parts_of_a_writer_in_parallel, begin),
        cmocka_unit_test_setup(jobs_that_wait_for_parts, begin),
        cmocka_unit_test_setup(an_open_while_all_threads_hang, begin),
        cmocka_unit_test_setup(a_reader_looks_up_once, begin_with_handles),
        cmocka_unit_test_setup(a_large_read_looks_up_once, begin_with_handles),
        cmocka_unit_test_setup(a_look_up_that_fails, begin_with_handles),
        cmocka_unit_test_setup(a_look_up_that_fails_for_reads_ahead, begin_with_handles),
        cmocka_unit_test_setup(a_child_looks_up_itself, begin_with_handles),
    };

    return cmocka_run_group_tests_name("blocking", tests, setup, teardown);
}
