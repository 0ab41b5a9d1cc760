/*
 * Jobs that are cancelled while a store holds the ones before them: how many end at once, how many when the store lets
 * go, and that a filesystem that hangs holds up no other. The store's reads block until the test opens its gate.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include <cove/queue.h>

#include "base/clock.h"
#include "base/error.h"
#include "fs/fs_impl.h"

#define ROOT    "queue-cancel-test/" /* without a scheme, by which the store would be looked up */
#define JOBS    40
#define HELD    4
#define WORKERS 16 /* of one filesystem */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    unsigned inside;
} gate = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static struct cove__fs_ops ops;
static cove_fs *fs, *other;

static void gated_read(void *self, struct cove__read_io *io)
{
    struct cove_error err = COVE_ERROR_INIT;

    pthread_mutex_lock(&gate.lock);
    gate.inside++;
    pthread_cond_broadcast(&gate.changed);
    while (!gate.open)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    int rc = cove__ctx_check(&io->op.ctx, &err);
    if (rc < 0)
        cove__op_finish(&io->op, rc, 0, &err);
    else
        cove__memory_ops.read.range(self, io);
}

static void wait_inside(unsigned n)
{
    pthread_mutex_lock(&gate.lock);
    while (gate.inside < n)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}

static void open_gate(void)
{
    pthread_mutex_lock(&gate.lock);
    gate.open = true;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
}

static int begin(void **state)
{
    cove_options *options = cove_options_new();
    int rc;

    (void)state;
    gate.open = false;
    gate.inside = 0;
    ops = cove__memory_ops;
    ops.real_directories = false;
    ops.blocks = true;
    ops.read.range = gated_read;
    rc = cove_fs_from_url("memory://" ROOT, NULL, &fs, NULL, NULL);
    if (rc == 0)
        rc = cove_options_set(options, "timeout", "3600", NULL);
    if (rc == 0)
        rc = cove_fs_from_url("memory://" ROOT, options, &other, NULL, NULL);
    if (rc == 0)
        rc = cove_fs_write_file(fs, ROOT "file", "text", 4, NULL, NULL);
    cove_options_free(options);
    fs->ops = &ops;
    return rc;
}

static int end(void **state)
{
    (void)state;
    fs->ops = &cove__memory_ops;
    cove_fs_remove_tree(fs, ROOT, NULL, NULL);
    cove_fs_unref(fs);
    cove_fs_unref(other);
    return 0;
}

static cove_queue *queue_of(size_t parallel)
{
    struct cove_queue_options o = COVE_QUEUE_OPTIONS_INIT;
    cove_queue *q = NULL;

    o.parallel = parallel;
    assert_int_equal(cove_queue_new(&o, &q, NULL), 0);
    return q;
}

static int64_t read_job(cove_queue *q, cove_fs *of, const struct cove_call *call)
{
    int64_t job = cove_queue_read_file(q, of, ROOT "file", 0, call, NULL, NULL);

    assert_true(job > 0);
    return job;
}

/* Takes `n` results, which must have this code; they need not have come yet. */
static void take(cove_queue *q, unsigned n, int code)
{
    for (unsigned i = 0; i < n; i++) {
        struct cove_result r = COVE_RESULT_INIT;

        assert_int_equal(cove_queue_next(q, -1, &r, NULL), 1);
        assert_int_equal(r.rc, code);
        cove_free(r.data);
    }
}

static void none_left(cove_queue *q)
{
    struct cove_result r = COVE_RESULT_INIT;

    assert_int_equal(cove_queue_next(q, -1, &r, NULL), 0);
    cove_queue_free(q);
}

/* The queue has room for HELD jobs at once: the others wait in it. */
static void all_are_cancelled(void **state)
{
    cove_queue *q = queue_of(HELD);

    (void)state;
    for (unsigned i = 0; i < JOBS; i++)
        read_job(q, fs, NULL);
    wait_inside(HELD);
    cove_queue_cancel_all(q);
    take(q, JOBS - HELD, COVE_ECANCELED);
    assert_int_equal(cove_queue_pending(q), HELD);
    open_gate();
    take(q, HELD, COVE_ECANCELED);
    assert_int_equal(gate.inside, HELD);
    none_left(q);
}

static void one_that_waits_is_cancelled(void **state)
{
    cove_queue *q = queue_of(HELD);
    int64_t jobs[JOBS];

    (void)state;
    for (unsigned i = 0; i < JOBS; i++)
        jobs[i] = read_job(q, fs, NULL);
    wait_inside(HELD);
    assert_int_equal(cove_queue_cancel(q, jobs[JOBS - 1], NULL), 0);
    assert_int_equal(cove_queue_cancel(q, jobs[JOBS - 1], NULL), COVE_ENOTFOUND); /* it has ended */
    take(q, 1, COVE_ECANCELED);
    assert_int_equal(cove_queue_pending(q), JOBS - 1);
    open_gate();
    take(q, JOBS - 1, 0);
    assert_int_equal(gate.inside, JOBS - 1);
    none_left(q);
}

static void one_under_way_is_cancelled(void **state)
{
    cove_queue *q = queue_of(HELD);
    int64_t first = 0;
    unsigned cancelled = 0;

    (void)state;
    for (unsigned i = 0; i < JOBS; i++) {
        int64_t job = read_job(q, fs, NULL);
        first = first ? first : job;
    }
    wait_inside(HELD);
    assert_int_equal(cove_queue_cancel(q, first, NULL), 0);
    assert_int_equal(cove_queue_pending(q), JOBS); /* the store has it still */
    open_gate();
    for (unsigned i = 0; i < JOBS; i++) {
        struct cove_result r = COVE_RESULT_INIT;

        assert_int_equal(cove_queue_next(q, -1, &r, NULL), 1);
        assert_int_equal(r.rc, r.job == first ? COVE_ECANCELED : 0);
        cancelled += r.rc == COVE_ECANCELED;
        cove_free(r.data);
    }
    assert_int_equal(cancelled, 1);
    none_left(q);
}

/* The queue has room for all, and the filesystem's threads all hang: jobs that wait for a thread end without one. */
static void cancelled_before_a_thread_is_free(void **state)
{
    cove_queue *q = queue_of(JOBS);

    (void)state;
    for (unsigned i = 0; i < JOBS; i++)
        read_job(q, fs, NULL);
    wait_inside(WORKERS);
    cove_queue_cancel_all(q);
    take(q, JOBS - WORKERS, COVE_ECANCELED);
    assert_int_equal(cove_queue_pending(q), WORKERS);
    open_gate();
    take(q, WORKERS, COVE_ECANCELED);
    assert_int_equal(gate.inside, WORKERS);
    none_left(q);
}

static void deadline_before_a_thread_is_free(void **state)
{
    cove_queue *q = queue_of(JOBS);
    struct cove_call call = COVE_CALL_INIT;

    (void)state;
    for (unsigned i = 0; i < WORKERS; i++)
        read_job(q, fs, NULL);
    wait_inside(WORKERS);
    call.timeout_ms = 1;
    read_job(q, fs, &call);
    take(q, 1, COVE_ETIMEDOUT);
    open_gate();
    take(q, WORKERS, 0);
    none_left(q);
}

/* Whole calls of another filesystem have threads of their own, in the same queue. */
static void another_filesystem_is_not_held_up(void **state)
{
    static struct cove__fs_ops free_ops;
    cove_queue *q = queue_of(JOBS);

    (void)state;
    free_ops = cove__memory_ops;
    free_ops.blocks = true;
    other->ops = &free_ops;
    for (unsigned i = 0; i < WORKERS; i++)
        read_job(q, fs, NULL);
    wait_inside(WORKERS);
    read_job(q, other, NULL);
    take(q, 1, 0);
    assert_int_equal(cove_queue_pending(q), WORKERS);
    open_gate();
    take(q, WORKERS, 0);
    none_left(q);
    other->ops = &cove__memory_ops;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_are_cancelled, begin, end),
        cmocka_unit_test_setup_teardown(one_that_waits_is_cancelled, begin, end),
        cmocka_unit_test_setup_teardown(one_under_way_is_cancelled, begin, end),
        cmocka_unit_test_setup_teardown(cancelled_before_a_thread_is_free, begin, end),
        cmocka_unit_test_setup_teardown(deadline_before_a_thread_is_free, begin, end),
        cmocka_unit_test_setup_teardown(another_filesystem_is_not_held_up, begin, end),
    };

    return cmocka_run_group_tests_name("queue cancel", tests, NULL, NULL);
}
