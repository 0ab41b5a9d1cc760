/*
 * Whose time it is: a call's deadline bounds what that call waits for, and not the reads ahead, parts and flushes that
 * it began or found under way. The store is memory behind a gate: while it is shut, requests stand before it, as on a
 * network, until their own deadline or token ends them or the gate opens.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include <cove/stream.h>

#include "base/budget.h"
#include "base/clock.h"
#include "base/error.h"
#include "fs/fs_impl.h"
#include "stream/appender.h"

#define ROOT   "deadline-test/" /* without a scheme, by which the store would be looked up */
#define PART   ((size_t)256 << 10)
#define SIZE   (8 * PART)
#define MANY   64
#define JUMP   (5 * PART)
#define SHORT  1          /* ms: less than any wait before a gate that stays shut */
#define CAUSE  "SlowDown" /* of every attempt that fails before the gate */
#define ROUNDS 3          /* of the keeper: after so many it has ended whatever had to end */

static struct {
    pthread_mutex_t lock;
    pthread_t thread;
    bool shut, stop, opens_at_last;    /* the last: to the flush of an appender, as its last wait begins */
    unsigned rounds, arrived, at_jump; /* by the keeper; requests that came; reads of what stands at JUMP */
    struct arrived {
        struct cove__op *op;
        struct cove__read_io *read; /* one of these two */
        struct cove__part_io *part;
    } before[MANY];
    size_t n;
} gate = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct cove__fs_ops ops;
static cove_fs *fs;

static void go_on(struct arrived request)
{
    if (request.read)
        cove__memory_ops.read.range(fs->self, request.read);
    else
        cove__memory_ops.upload.part(fs->self, request.part);
}

static void arrive(struct arrived request)
{
    pthread_mutex_lock(&gate.lock);
    bool waits = gate.shut;
    gate.arrived++;
    if (waits) {
        cove__background_failed(&request.op->ctx, CAUSE);
        assert_true(gate.n < MANY);
        gate.before[gate.n++] = request;
    }
    pthread_mutex_unlock(&gate.lock);
    if (!waits)
        go_on(request);
}

static void gated_read(void *self, struct cove__read_io *io)
{
    (void)self;
    pthread_mutex_lock(&gate.lock);
    gate.at_jump += io->offset == (int64_t)JUMP;
    pthread_mutex_unlock(&gate.lock);
    arrive((struct arrived){ .op = &io->op, .read = io });
}

static void gated_part(void *self, struct cove__part_io *io)
{
    (void)self;
    arrive((struct arrived){ .op = &io->op, .part = io });
}

static bool is_shut(void)
{
    pthread_mutex_lock(&gate.lock);
    bool shut = gate.shut;
    pthread_mutex_unlock(&gate.lock);
    return shut;
}

static int gated_append(void *self, void *tail, struct cove__slice data, const struct cove__ctx *ctx, size_t *ret_added,
                        struct cove_error *err)
{
    pthread_mutex_lock(&gate.lock);
    gate.arrived++;
    pthread_mutex_unlock(&gate.lock);
    if (is_shut())
        cove__background_failed(ctx, CAUSE);
    while (is_shut()) {
        int rc = cove__ctx_check(ctx, err);
        if (rc < 0)
            return rc;
        pthread_mutex_lock(&gate.lock);
        gate.shut &= !gate.opens_at_last || atomic_load(ctx->last_waits) == 0;
        pthread_mutex_unlock(&gate.lock);
        cove__sleep_ns(COVE__MS);
    }
    return cove__memory_ops.append.write(self, tail, data, ctx, ret_added, err);
}

static void gated_rules(void *self, const struct cove__put *put, struct cove__part_rules *ret)
{
    (void)self, (void)put;
    *ret = (struct cove__part_rules){ .min_part = 1, .default_part = PART, .max_part = PART, .parallel = 4 };
}

/* Releases the operations that may continue, and ends those whose deadline passed or whose token was fired. */
static void *keep(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&gate.lock);
    while (!gate.stop) {
        for (size_t i = 0; i < gate.n;) {
            struct arrived request = gate.before[i];
            struct cove_error err = COVE_ERROR_INIT;
            int rc = cove__ctx_check(&request.op->ctx, &err);

            if (rc == 0 && gate.shut) {
                i++;
                continue;
            }
            gate.before[i] = gate.before[--gate.n];
            if (rc < 0)
                cove__op_finish(request.op, rc, 0, &err);
            else
                go_on(request);
        }
        gate.rounds++;
        pthread_mutex_unlock(&gate.lock);
        cove__sleep_ns(COVE__MS / 10);
        pthread_mutex_lock(&gate.lock);
    }
    pthread_mutex_unlock(&gate.lock);
    return NULL;
}

static void set_shut(bool shut)
{
    pthread_mutex_lock(&gate.lock);
    gate.shut = shut;
    pthread_mutex_unlock(&gate.lock);
}

static unsigned value_of(const unsigned *at)
{
    pthread_mutex_lock(&gate.lock);
    unsigned v = *at;
    pthread_mutex_unlock(&gate.lock);
    return v;
}

/* Every deadline of SHORT that was set before has passed, and the keeper has seen it. */
static void let_time_pass(void)
{
    cove__sleep_ns(2 * SHORT * COVE__MS);
    for (unsigned until = value_of(&gate.rounds) + ROUNDS; value_of(&gate.rounds) < until;)
        cove__sleep_ns(COVE__MS / 10);
}

static size_t standing(void)
{
    pthread_mutex_lock(&gate.lock);
    size_t n = gate.n;
    pthread_mutex_unlock(&gate.lock);
    return n;
}

static uint8_t data[SIZE], back[SIZE];

static int setup(void **state)
{
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (uint8_t)((i * 2654435761u) >> 11);
    if (cove_fs_from_url("memory://" ROOT, NULL, &fs, NULL, NULL) < 0)
        return -1;
    ops = cove__memory_ops;
    ops.real_directories = false;
    ops.read.range = gated_read;
    ops.upload.part = gated_part;
    ops.append.write = gated_append;
    ops.upload.part_rules = gated_rules;
    if (cove_fs_write_file(fs, ROOT "file", data, SIZE, NULL, NULL) < 0)
        return -1;
    fs->ops = &ops;
    return pthread_create(&gate.thread, NULL, keep, NULL);
}

static int teardown(void **state)
{
    pthread_mutex_lock(&gate.lock);
    gate.stop = true;
    pthread_mutex_unlock(&gate.lock);
    pthread_join(gate.thread, NULL);
    fs->ops = &cove__memory_ops;
    cove_fs_remove_tree(fs, ROOT, NULL, NULL);
    cove_fs_unref(fs);
    return cove__budget_used() == 0 ? 0 : -1;
}

static int begin(void **state)
{
    fs->timeout_ms = 0;
    set_shut(false);
    return 0;
}

static void read_all(cove_reader *r, size_t from)
{
    for (size_t at = from; at < SIZE;) {
        int64_t n = cove_reader_read(r, back + at, PART / 4, NULL);

        assert_true(n > 0);
        at += (size_t)n;
    }
    assert_memory_equal(back, data, SIZE);
}

static void reads_ahead_outlive_the_call_that_began_them(void **state)
{
    cove_reader *r = NULL;

    assert_int_equal(cove_reader_open(fs, ROOT "file", NULL, &r, NULL), 0);
    set_shut(true);
    fs->timeout_ms = SHORT;
    assert_int_equal(cove_reader_read(r, back, PART / 4, NULL), PART / 4); /* the open has read them */
    assert_true(standing() > 0);
    let_time_pass();
    fs->timeout_ms = 0;
    set_shut(false);
    read_all(r, PART / 4);
    cove_reader_close(r);
}

static void a_read_that_timed_out_is_repeated(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_reader *r = NULL;
    const void *next = NULL;

    for (int by_next = 0; by_next < 2; by_next++) {
        assert_int_equal(cove_reader_open(fs, ROOT "file", NULL, &r, NULL), 0);
        assert_int_equal(cove_reader_read(r, back, PART / 4, NULL), PART / 4);
        assert_int_equal(cove_reader_seek(r, (int64_t)JUMP, NULL), 0);
        set_shut(true);
        fs->timeout_ms = SHORT;
        unsigned before = value_of(&gate.at_jump);
        int64_t n = by_next ? cove_reader_next(r, &next, PART / 4, &err) : cove_reader_read(r, back, PART / 4, &err);
        assert_int_equal(n, COVE_ETIMEDOUT);
        assert_non_null(strstr(err.message, ROOT "file"));
        assert_non_null(strstr(err.message, CAUSE));
        assert_int_equal(cove_reader_tell(r), JUMP);
        let_time_pass();
        fs->timeout_ms = 0;
        set_shut(false);
        n = by_next ? cove_reader_next(r, &next, PART / 4, &err) : cove_reader_read(r, back, PART / 4, &err);
        assert_int_equal(n, PART / 4);
        assert_memory_equal(by_next ? next : back, data + JUMP, PART / 4);
        assert_int_equal(value_of(&gate.at_jump), before + 1); /* what the first call asked for has served the second */
        cove_reader_close(r);
    }
}

static void a_jump_cancels_what_it_leaves(void **state)
{
    cove_reader *r = NULL;

    assert_int_equal(cove_reader_open(fs, ROOT "file", NULL, &r, NULL), 0);
    set_shut(true);
    assert_int_equal(cove_reader_read(r, back, PART / 4, NULL), PART / 4);
    assert_true(standing() > 0);
    fs->timeout_ms = SHORT;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(cove_reader_seek(r, i % 2 ? 0 : (int64_t)JUMP, NULL), 0);
        assert_int_equal(cove_reader_read(r, back, 1, NULL), COVE_ETIMEDOUT);
        let_time_pass();
        assert_int_equal(standing(), 1); /* what the next call may want */
    }
    cove_reader_close(r);
    assert_int_equal(standing(), 0);
}

static void an_open_ends_in_time(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_reader *r = NULL;

    set_shut(true);
    fs->timeout_ms = SHORT;
    assert_int_equal(cove_reader_open(fs, ROOT "file", NULL, &r, &err), COVE_ETIMEDOUT);
    assert_non_null(strstr(err.message, CAUSE));
    assert_int_equal(standing(), 0);
}

static cove_writer *open_writer(const char *path)
{
    cove_writer *w = NULL;

    assert_int_equal(cove_writer_open(fs, path, NULL, NULL, &w, NULL), 0);
    return w;
}

/* In pieces that gather in the writer's own buffers. */
static int write_pieces(cove_writer *w, size_t from, size_t to, struct cove_error *err)
{
    int rc = 0;

    for (size_t at = from; rc == 0 && at < to; at += PART / 4)
        rc = cove_writer_write(w, data + at, PART / 4, err);
    return rc;
}

static void parts_outlive_the_call_that_began_them(void **state)
{
    cove_writer *w = open_writer(ROOT "parts");

    set_shut(true);
    fs->timeout_ms = SHORT;
    assert_int_equal(write_pieces(w, 0, 3 * PART, NULL), 0);
    assert_int_equal(standing(), 2);
    let_time_pass();
    fs->timeout_ms = 0;
    set_shut(false);
    assert_int_equal(write_pieces(w, 3 * PART, SIZE, NULL), 0);
    assert_int_equal(cove_writer_finish(w, NULL), 0);
    cove_writer_free(w);
    assert_int_equal(cove_fs_read_range(fs, ROOT "parts", 0, back, SIZE, NULL, NULL), SIZE);
    assert_memory_equal(back, data, SIZE);
}

static void a_write_waits_no_longer_than_it_may(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_writer *w = open_writer(ROOT "waits");

    set_shut(true);
    fs->timeout_ms = SHORT;
    assert_int_equal(write_pieces(w, 0, SIZE, &err), COVE_ETIMEDOUT); /* for a fifth part beside four */
    assert_non_null(strstr(err.message, ROOT "waits"));
    assert_non_null(strstr(err.message, CAUSE));
    let_time_pass();
    assert_int_equal(standing(), 0); /* nothing can come of the other parts */
    assert_int_equal(cove_writer_finish(w, NULL), COVE_ETIMEDOUT);
    cove_writer_free(w);

    w = open_writer(ROOT "waits");
    assert_int_equal(cove_writer_write(w, data, SIZE, &err), COVE_ETIMEDOUT);
    assert_non_null(strstr(err.message, CAUSE));
    assert_int_equal(standing(), 0); /* the memory is the caller's again */
    cove_writer_free(w);
    assert_int_equal(cove_fs_exists(fs, ROOT "waits", NULL, NULL), 0);
}

static void a_finish_waits_no_longer_than_it_may(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_writer *w = open_writer(ROOT "finish");

    set_shut(true);
    assert_int_equal(write_pieces(w, 0, 3 * PART, NULL), 0);
    fs->timeout_ms = SHORT;
    assert_int_equal(cove_writer_finish(w, &err), COVE_ETIMEDOUT);
    assert_non_null(strstr(err.message, CAUSE));
    assert_int_equal(standing(), 0);
    cove_writer_free(w);
    fs->timeout_ms = 0;
    assert_int_equal(cove_fs_exists(fs, ROOT "finish", NULL, NULL), 0);
}

static cove_appender *open_appender(const char *path)
{
    struct cove_appender_options o = COVE_APPENDER_OPTIONS_INIT;
    cove_appender *a = NULL;

    o.flush_interval_ms = 1;
    o.flush_bytes = 8;
    assert_int_equal(cove_appender_open(fs, path, &o, NULL, &a, NULL), 0);
    return a;
}

/* Until the library's thread is at a flush of those four bytes. */
static void begin_flush(cove_appender *a)
{
    unsigned before = value_of(&gate.arrived);

    assert_int_equal(cove_appender_write(a, "1234", 4, NULL), 0);
    while (value_of(&gate.arrived) == before)
        cove__sleep_ns(COVE__MS / 10);
}

static void a_flush_outlives_the_calls_beside_it(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_appender *a = open_appender(ROOT "log");

    fs->timeout_ms = SHORT;
    set_shut(true);
    begin_flush(a);
    let_time_pass();
    unsigned before = value_of(&gate.arrived);
    assert_int_equal(cove_appender_flush(a, &err), COVE_ETIMEDOUT);
    assert_non_null(strstr(err.message, CAUSE));
    assert_int_equal(cove_appender_write(a, "abcdefgh", 8, NULL), 0);
    assert_int_equal(cove_appender_write(a, "ABCDEFGH", 8, NULL), 0);
    assert_int_equal(cove_appender_write(a, "x", 1, NULL),
                     COVE_ETIMEDOUT); /* enough has gathered; taken all the same */
    let_time_pass();
    assert_int_equal(value_of(&gate.arrived), before);
    fs->timeout_ms = 0;
    set_shut(false);
    assert_int_equal(cove_appender_flush(a, NULL), 0);
    assert_int_equal(cove_appender_close(a, NULL), 0);
    assert_int_equal(cove_fs_read_range(fs, ROOT "log", 0, back, SIZE, NULL, NULL), 21);
    assert_memory_equal(back, "1234abcdefghABCDEFGHx", 21);
}

static void a_close_ends_in_time(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_appender *a = open_appender(ROOT "closed");

    set_shut(true);
    begin_flush(a);
    fs->timeout_ms = SHORT;
    assert_int_equal(cove_appender_close(a, &err), COVE_ETIMEDOUT);
    assert_non_null(strstr(err.message, "4 bytes"));
    assert_non_null(strstr(err.message, CAUSE));
}

/* The store learns, also of a flush under way, when an appender ends with it: at its close, or with the process. */
static void a_last_wait_is_one(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_appender *a = open_appender(ROOT "ended");

    gate.opens_at_last = true;
    set_shut(true);
    begin_flush(a);
    fs->timeout_ms = SHORT;
    assert_int_equal(cove_appender_flush(a, &err), COVE_ETIMEDOUT);
    let_time_pass();
    assert_true(is_shut());
    fs->timeout_ms = 60000;
    cove__appender_flush_last(a, cove__now_ns() + 60 * COVE__SEC);
    assert_false(is_shut());

    set_shut(true);
    begin_flush(a);
    assert_int_equal(cove_appender_close(a, NULL), 0);
    assert_int_equal(cove_fs_read_range(fs, ROOT "ended", 0, back, SIZE, NULL, NULL), 8);
    gate.opens_at_last = false;
    fs->timeout_ms = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(reads_ahead_outlive_the_call_that_began_them, begin),
        cmocka_unit_test_setup(a_read_that_timed_out_is_repeated, begin),
        cmocka_unit_test_setup(a_jump_cancels_what_it_leaves, begin),
        cmocka_unit_test_setup(an_open_ends_in_time, begin),
        cmocka_unit_test_setup(parts_outlive_the_call_that_began_them, begin),
        cmocka_unit_test_setup(a_write_waits_no_longer_than_it_may, begin),
        cmocka_unit_test_setup(a_finish_waits_no_longer_than_it_may, begin),
        cmocka_unit_test_setup(a_flush_outlives_the_calls_beside_it, begin),
        cmocka_unit_test_setup(a_close_ends_in_time, begin),
        cmocka_unit_test_setup(a_last_wait_is_one, begin),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
