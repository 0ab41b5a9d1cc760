/* Detached threads: no signals, and the process's exit waits for those that are about to end. */
#include "base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/workers.h"

#define THREADS 4

static pthread_key_t key;
static sem_t done, may_end;
static int kept; /* under __atomic: what threads keep for themselves and have not freed */

/* As OpenSSL's: what it keeps for a thread goes when the thread ends. */
static void drop(void *value)
{
    (void)value;
    cove__sleep_ns(50 * COVE__MS);
    __atomic_sub_fetch(&kept, 1, __ATOMIC_SEQ_CST);
}

static void keep(void)
{
    __atomic_add_fetch(&kept, 1, __ATOMIC_SEQ_CST);
    pthread_setspecific(key, &kept);
}

/* A library's end: it was started before the threads. */
static void library_ends(void)
{
    if (__atomic_load_n(&kept, __ATOMIC_SEQ_CST) != 0)
        _exit(1);
}

/* The status of a child that runs `body` and exits. */
static int exit_status(void (*body)(void))
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        kept = 0;
        pthread_key_create(&key, drop);
        sem_init(&done, 0, 0);
        sem_init(&may_end, 0, 0);
        atexit(library_ends);
        body();
        exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void work(void *user)
{
    (void)user;
    keep();
    sem_post(&done);
    sem_wait(&may_end);
}

static void release_a_pool(void)
{
    static struct cove__work pieces[THREADS];
    static struct cove__work_group group;
    struct cove__workers *pool = cove__workers_new(THREADS);

    for (unsigned i = 0; i < THREADS; i++) {
        pieces[i].run = work;
        if (!cove__workers_add(pool, &group, &pieces[i]))
            _exit(2);
    }
    for (unsigned i = 0; i < THREADS; i++)
        sem_wait(&done);
    for (unsigned i = 0; i < THREADS; i++)
        sem_post(&may_end);
    cove__workers_free(pool);
}

static void released_pools(void **state)
{
    (void)state;
    assert_int_equal(exit_status(release_a_pool), 0);
}

static void one_thread(void *user)
{
    (void)user;
    keep();
    cove__threads_end_soon(1);
    sem_post(&done);
}

static void start_some(void)
{
    for (unsigned i = 0; i < THREADS; i++)
        if (cove__thread_start(one_thread, NULL) != 0)
            _exit(2);
    for (unsigned i = 0; i < THREADS; i++)
        sem_wait(&done);
}

static void threads_by_themselves(void **state)
{
    (void)state;
    assert_int_equal(exit_status(start_some), 0);
}

static void look_at_signals(void *user)
{
    sigset_t blocked;

    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    *(bool *)user = sigismember(&blocked, SIGINT) == 1 && sigismember(&blocked, SIGTERM) == 1;
    cove__threads_end_soon(1);
    sem_post(&done);
}

static void no_signals(void **state)
{
    bool blocked = false;
    sigset_t own;

    (void)state;
    sem_init(&done, 0, 0);
    assert_int_equal(cove__thread_start(look_at_signals, &blocked), 0);
    sem_wait(&done);
    assert_true(blocked);
    pthread_sigmask(SIG_SETMASK, NULL, &own);
    assert_int_equal(sigismember(&own, SIGINT), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(released_pools),
        cmocka_unit_test(threads_by_themselves),
        cmocka_unit_test(no_signals),
    };
    return cmocka_run_group_tests_name("thread", tests, NULL, NULL);
}
