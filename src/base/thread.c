/* The start and the end of the library's threads: see thread.h. */
#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>

#include "base/at_exit.h"
#include "base/clock.h"
#include "base/fork.h"
#include "base/mem.h"

#define SOON_NS (2 * COVE__SEC) /* the process's exit waits so long: one may hang in its work */

struct start {
    void (*body)(void *);
    void *user;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed; /* on CLOCK_MONOTONIC: `soon` is smaller */
static unsigned generation;    /* the fork generation of this state; 0: none yet */
static unsigned soon;          /* under lock: threads that end soon and have not yet */

/* Of each thread while it runs. The destructors of all keys run in rounds: in the second one those of the first, such
 * as OpenSSL's, have run. */
static pthread_key_t ending;
static bool has_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void take(void)
{
    /* The first call in a child comes from its only thread; the first of all, under the state lock. */
    cove__lock();
    if (generation != cove__fork_generation()) {
        generation = cove__fork_generation();
        lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
        cove__cond_init(&changed);
        soon = 0;
    }
    cove__unlock();
    pthread_mutex_lock(&lock);
}

static void wait_at_exit(void)
{
    int64_t until_ns = cove__now_ns() + SOON_NS;

    take();
    while (soon > 0 && cove__cond_wait_until(&changed, &lock, until_ns))
        ;
    pthread_mutex_unlock(&lock);
}

static void ended(void)
{
    take();
    if (soon > 0) /* else this is a child that the thread's body has forked */
        soon--;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void next_round(void *round)
{
    if (round == &ending)
        pthread_setspecific(ending, &once);
    else
        ended();
}

static void make_key(void)
{
    has_key = pthread_key_create(&ending, next_round) == 0;
}

static void *run(void *user)
{
    struct start start = *(struct start *)user;

    cove__free(user);
    start.body(start.user);
    if (!has_key || pthread_setspecific(ending, &ending) != 0)
        ended();
    return NULL;
}

void cove__threads_end_soon(unsigned n)
{
    take();
    soon += n;
    pthread_mutex_unlock(&lock);
}

static int create(pthread_t *ret_thread, const pthread_attr_t *attr, void *(*body)(void *), void *user)
{
    sigset_t all, old;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int errnum = pthread_create(ret_thread, attr, body, user);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return errnum;
}

int cove__thread_create(pthread_t *ret_thread, void *(*body)(void *), void *user)
{
    return create(ret_thread, NULL, body, user);
}

int cove__thread_start(void (*body)(void *), void *user)
{
    struct start *start = cove__malloc(sizeof *start);
    pthread_attr_t attr;
    pthread_t thread;

    pthread_once(&once, make_key);
    if (!start || cove__at_exit(COVE__EXIT_THREADS, wait_at_exit) < 0) {
        cove__free(start);
        return ENOMEM;
    }
    *start = (struct start){ body, user };
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    int errnum = create(&thread, &attr, run, start);
    pthread_attr_destroy(&attr);
    if (errnum)
        cove__free(start);
    return errnum;
}
