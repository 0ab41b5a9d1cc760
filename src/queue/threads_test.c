/*
 * Jobs of a queue where the system allows no more threads (pids.max, RLIMIT_NPROC): those that no thread can take end
 * at their deadline or when they are cancelled, the others have their turn. The store's reads block until the test
 * opens its gate.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include <cove/queue.h>

#include "base/error.h"
#include "fs/fs_impl.h"

#define ROOT       "queue-threads-test/" /* without a scheme, by which the store would be looked up */
#define AT_MOST_MS 60000                 /* so that a job that never ends fails the test */

static atomic_bool refuses;

/* In place of pthread_create in this program (--wrap). */
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*body)(void *), void *user);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*body)(void *), void *user);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*body)(void *), void *user)
{
    return atomic_load(&refuses) ? EAGAIN : __real_pthread_create(thread, attr, body, user);
}

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    unsigned inside;
} gate = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static struct cove__fs_ops ops;
static cove_fs *fs;

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
    (void)state;
    gate.open = false;
    gate.inside = 0;
    ops = cove__memory_ops;
    ops.real_directories = false;
    ops.blocks = true;
    ops.read.range = gated_read;
    int rc = cove_fs_from_url("memory://" ROOT, NULL, &fs, NULL, NULL);
    if (rc == 0)
        rc = cove_fs_write_file(fs, ROOT "file", "text", 4, NULL, NULL);
    fs->ops = &ops;
    return rc;
}

static int end(void **state)
{
    (void)state;
    fs->ops = &cove__memory_ops;
    cove_fs_remove_tree(fs, ROOT, NULL, NULL);
    cove_fs_unref(fs);
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

static int64_t read_job(cove_queue *q, const struct cove_call *call)
{
    int64_t job = cove_queue_read_file(q, fs, ROOT "file", 0, call, NULL, NULL);

    assert_true(job > 0);
    return job;
}

static void take(cove_queue *q, int64_t job, int code)
{
    struct cove_result r = COVE_RESULT_INIT;

    assert_int_equal(cove_queue_next(q, AT_MOST_MS, &r, NULL), 1);
    assert_int_equal(r.rc, code);
    assert_int_equal(r.job, job);
    cove_free(r.data);
}

/* The one thread there is hangs in the store. */
static int64_t begin_with_one_thread(cove_queue *q)
{
    int64_t first = read_job(q, NULL);

    wait_inside(1);
    atomic_store(&refuses, true);
    return first;
}

static void a_deadline_holds(void **state)
{
    cove_queue *q = queue_of(8);
    struct cove_call call = COVE_CALL_INIT;

    (void)state;
    int64_t first = begin_with_one_thread(q);
    call.timeout_ms = 1;
    int64_t late = read_job(q, &call), last = read_job(q, NULL);
    take(q, late, COVE_ETIMEDOUT);
    open_gate();
    take(q, first, 0);
    take(q, last, 0);
    cove_queue_free(q);
    atomic_store(&refuses, false);
}

static void a_cancelled_job_ends(void **state)
{
    cove_queue *q = queue_of(8);

    (void)state;
    int64_t first = begin_with_one_thread(q), second = read_job(q, NULL), third = read_job(q, NULL);
    assert_int_equal(cove_queue_cancel(q, second, NULL), 0);
    take(q, second, COVE_ECANCELED);
    open_gate();
    take(q, first, 0);
    take(q, third, 0);
    cove_queue_free(q);
    atomic_store(&refuses, false);
}

/* The thread belongs to another queue's job, so that nothing ends in this one; its caller waits by the descriptor. */
static void another_queue_has_the_thread(void **state)
{
    cove_queue *busy = queue_of(8), *q = queue_of(8);
    struct pollfd ready = { .fd = cove_queue_fd(q), .events = POLLIN };
    struct cove_result r = COVE_RESULT_INIT;

    (void)state;
    int64_t first = begin_with_one_thread(busy), job = read_job(q, NULL);
    assert_int_equal(cove_queue_next(q, 0, &r, NULL), 0);
    open_gate();
    take(busy, first, 0);
    do
        assert_int_equal(poll(&ready, 1, AT_MOST_MS), 1);
    while (cove_queue_next(q, 0, &r, NULL) == 0);
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.job, job);
    cove_free(r.data);
    cove_queue_free(q);
    cove_queue_free(busy);
    atomic_store(&refuses, false);
}

static void a_queue_is_freed(void **state)
{
    cove_queue *q = queue_of(8);

    (void)state;
    begin_with_one_thread(q);
    read_job(q, NULL);
    open_gate();
    cove_queue_free(q);
    atomic_store(&refuses, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_deadline_holds, begin, end),
        cmocka_unit_test_setup_teardown(a_cancelled_job_ends, begin, end),
        cmocka_unit_test_setup_teardown(another_queue_has_the_thread, begin, end),
        cmocka_unit_test_setup_teardown(a_queue_is_freed, begin, end),
    };

    return cmocka_run_group_tests_name("queue threads", tests, NULL, NULL);
}
