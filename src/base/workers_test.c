/* Pools of threads: turns among groups, work taken back, limits, fork, signals. */
#include "base/workers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/call.h"
#include "base/clock.h"
#include "base/error.h"

#define MANY 200

/* What has run, in order; and a door that work waits at. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    unsigned inside, most_inside, ended;
    char order[MANY + 1];
} seen = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

struct piece {
    struct cove__work work;
    char name;
};

static int reset(void **state)
{
    (void)state;
    seen.open = false;
    seen.inside = seen.most_inside = seen.ended = 0;
    return 0;
}

/* Waits until the door is open. */
static void pass(void *user)
{
    struct piece *piece = user;

    pthread_mutex_lock(&seen.lock);
    seen.inside++;
    if (seen.most_inside < seen.inside)
        seen.most_inside = seen.inside;
    pthread_cond_broadcast(&seen.changed);
    while (!seen.open)
        pthread_cond_wait(&seen.changed, &seen.lock);
    seen.inside--;
    seen.order[seen.ended++] = piece->name;
    pthread_cond_broadcast(&seen.changed);
    pthread_mutex_unlock(&seen.lock);
}

static void wait_inside(unsigned n)
{
    pthread_mutex_lock(&seen.lock);
    while (seen.inside < n)
        pthread_cond_wait(&seen.changed, &seen.lock);
    pthread_mutex_unlock(&seen.lock);
}

static void open_and_wait(unsigned n)
{
    pthread_mutex_lock(&seen.lock);
    seen.open = true;
    pthread_cond_broadcast(&seen.changed);
    while (seen.ended < n)
        pthread_cond_wait(&seen.changed, &seen.lock);
    pthread_mutex_unlock(&seen.lock);
}

static struct piece piece(char name)
{
    return (struct piece){ .work = { .run = pass }, .name = name };
}

static void add(struct cove__workers *pool, struct cove__work_group *group, struct piece *p)
{
    p->work.user = p;
    assert_true(cove__workers_add(pool, group, &p->work));
}

/* One group has a lot of work first, and the others are not behind all of it. */
static void groups_take_turns(void **state)
{
    static struct cove__workers pool = COVE__WORKERS_INIT(1);
    struct cove__work_group a = { 0 }, b = { 0 }, c = { 0 };
    struct piece pieces[] = { piece('1'), piece('a'), piece('a'), piece('a'), piece('b'), piece('b'), piece('c') };
    struct cove__work_group *groups[] = { &a, &a, &a, &a, &b, &b, &c };

    (void)state;
    add(&pool, groups[0], &pieces[0]);
    wait_inside(1);
    for (size_t i = 1; i < 7; i++)
        add(&pool, groups[i], &pieces[i]);
    open_and_wait(7);
    assert_memory_equal(seen.order, "1abcaba", 7);
}

/* So many threads as there is work for, and no more than the pool may have. */
static void threads_as_needed(void **state)
{
    static struct cove__workers pool = COVE__WORKERS_INIT(4);
    struct cove__work_group group = { 0 };
    struct piece pieces[MANY];

    (void)state;
    for (unsigned i = 0; i < MANY; i++) {
        pieces[i] = piece('x');
        add(&pool, &group, &pieces[i]);
        if (i < 4)
            wait_inside(i + 1);
    }
    open_and_wait(MANY);
    assert_int_equal(seen.most_inside, 4);
    /* A second round finds the same threads idle. */
    reset(NULL);
    for (unsigned i = 0; i < 4; i++)
        add(&pool, &group, &pieces[i]);
    wait_inside(4);
    assert_int_equal(pool.threads, 4); /* all four wait at the door */
    open_and_wait(4);
}

/* What no thread has begun can be taken back: from the middle of the ring, and from a group that has no more. */
static void work_taken_back(void **state)
{
    static struct cove__workers pool = COVE__WORKERS_INIT(1);
    struct cove__work_group groups[4] = { 0 };
    struct piece first = piece('1'), pieces[] = { piece('a'), piece('b'), piece('c'), piece('b') };

    (void)state;
    add(&pool, &groups[0], &first);
    wait_inside(1);
    assert_null(cove__workers_take(&pool, &groups[0])); /* it has begun */
    for (size_t i = 0; i < 3; i++)
        add(&pool, &groups[1 + i], &pieces[i]);
    assert_ptr_equal(cove__workers_take(&pool, &groups[2]), &pieces[1].work);
    assert_null(cove__workers_take(&pool, &groups[2]));
    add(&pool, &groups[2], &pieces[3]);
    open_and_wait(4);
    assert_memory_equal(seen.order, "1acb", 4);
}

/* The parent's threads are busy, and hold the lock now and then; the child has its own. */
static void forked_child(void **state)
{
    static struct cove__workers pool = COVE__WORKERS_INIT(2);
    struct cove__work_group group = { 0 };
    struct piece pieces[MANY];
    int status;

    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        pieces[i] = piece('p');
        add(&pool, &group, &pieces[i]);
    }
    wait_inside(2);
    pid_t child = fork();
    if (child == 0) {
        struct cove__work_group own = { 0 };
        struct piece p = piece('c');

        alarm(60);
        reset(NULL);
        seen.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
        seen.changed = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
        p.work.user = &p;
        if (!cove__workers_add(&pool, &own, &p.work))
            _exit(1);
        open_and_wait(1);
        _exit(seen.order[0] == 'c' && pool.threads == 1 ? 0 : 2);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    open_and_wait(MANY);
}

/* The caller must do the work itself then. */
static void no_thread_at_all(void **state)
{
    static struct cove__workers pool = COVE__WORKERS_INIT(0);
    struct cove__work_group group = { 0 };
    struct piece p = piece('x');

    (void)state;
    assert_false(cove__workers_add(&pool, &group, &p.work));
    assert_null(cove__workers_take(&pool, &group));
}

/* ---- threads that the system does not allow (pids.max, RLIMIT_NPROC) ---- */

static atomic_uint refused; /* of the next threads, one a bit: the first is the lowest */

/* In place of pthread_create in this program (--wrap). */
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*body)(void *), void *user);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*body)(void *), void *user);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*body)(void *), void *user)
{
    unsigned next = atomic_load(&refused);

    atomic_store(&refused, next >> 1);
    return next & 1 ? EAGAIN : __real_pthread_create(thread, attr, body, user);
}

static void end_late(void *user, int rc, const struct cove_error *err)
{
    assert_int_equal(rc, COVE_ETIMEDOUT);
    pass(user);
}

static struct piece limited(char name, const struct cove__ctx *ctx)
{
    struct piece p = piece(name);

    p.work.late = end_late;
    p.work.ctx = ctx;
    p.work.or_refuse = true;
    return p;
}

/* The pool may have more threads, but one could not be started. */
static void work_is_watched_where_no_thread_can_be_started(void **state)
{
    static struct cove__workers pool = COVE__WORKERS_INIT(4);
    struct cove__work_group group = { 0 };
    struct cove__ctx ctx = { .deadline_ns = INT64_MAX, .op = "read", .url = "file:///x" };
    struct cove__ctx past = { .deadline_ns = 1, .op = "read", .url = "file:///x" };
    struct piece first = limited('1', &ctx), second = limited('2', &past);

    (void)state;
    atomic_store(&refused, 2); /* the second: the third watches */
    add(&pool, &group, &first);
    wait_inside(1);
    add(&pool, &group, &second);
    wait_inside(2); /* its end, while the first one hangs */
    assert_int_equal(pool.threads, 1);
    atomic_store(&refused, 0);
    open_and_wait(2);
}

/* Not even that one: work that its caller can do is refused, other work waits for its turn. */
static void work_that_nobody_can_watch(void **state)
{
    static struct cove__workers pool = COVE__WORKERS_INIT(4);
    struct cove__work_group group = { 0 };
    struct cove__ctx ctx = { .deadline_ns = INT64_MAX, .op = "read", .url = "file:///x" };
    struct piece first = limited('1', &ctx), second = limited('2', &ctx), third = limited('3', &ctx);

    (void)state;
    atomic_store(&refused, ~1u);
    add(&pool, &group, &first);
    wait_inside(1);
    second.work.user = &second;
    assert_false(cove__workers_add(&pool, &group, &second.work));
    assert_null(cove__workers_take(&pool, &group));
    third.work.or_refuse = false;
    add(&pool, &group, &third);
    atomic_store(&refused, 0);
    open_and_wait(2);
    assert_memory_equal(seen.order, "13", 2);
}

static atomic_int blocked;

static void read_mask(void *user)
{
    sigset_t mask;

    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    atomic_store(&blocked, sigismember(&mask, SIGINT) && sigismember(&mask, SIGUSR1));
    pass(user);
}

static void signals_are_the_programs(void **state)
{
    static struct cove__workers pool = COVE__WORKERS_INIT(1);
    struct cove__work_group group = { 0 };
    struct piece p = { .work = { .run = read_mask }, .name = 's' };
    sigset_t mask;

    (void)state;
    add(&pool, &group, &p);
    open_and_wait(1);
    assert_true(atomic_load(&blocked));
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    assert_false(sigismember(&mask, SIGINT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(groups_take_turns, reset),
        cmocka_unit_test_setup(threads_as_needed, reset),
        cmocka_unit_test_setup(work_taken_back, reset),
        cmocka_unit_test_setup(forked_child, reset),
        cmocka_unit_test_setup(work_is_watched_where_no_thread_can_be_started, reset),
        cmocka_unit_test_setup(work_that_nobody_can_watch, reset),
        cmocka_unit_test_setup(no_thread_at_all, reset),
        cmocka_unit_test_setup(signals_are_the_programs, reset),
    };

    return cmocka_run_group_tests_name("workers", tests, NULL, NULL);
}
