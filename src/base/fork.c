/* The state lock and the fork generation: see fork.h. */
#include "base/fork.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/secret.h"

static pthread_mutex_t state = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_uint generation = 1;
static void (*_Atomic call_in_child)(void); /* NULL: none */
#ifndef NDEBUG
static _Thread_local int held;
#endif

static void before_fork(void)
{
    pthread_mutex_lock(&state);
    cove__secrets_before_fork();
}

static void after_fork_parent(void)
{
    cove__secrets_after_fork();
    pthread_mutex_unlock(&state);
}

static void after_fork_child(void)
{
    atomic_fetch_add(&generation, 1);
    void (*in_child)(void) = atomic_load(&call_in_child);
    if (in_child)
        in_child();
    cove__secrets_after_fork();
    pthread_mutex_unlock(&state);
}

static void install(void)
{
    pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

void cove__lock(void)
{
    pthread_once(&once, install);
    pthread_mutex_lock(&state);
#ifndef NDEBUG
    held = 1;
#endif
}

void cove__unlock(void)
{
#ifndef NDEBUG
    held = 0;
#endif
    pthread_mutex_unlock(&state);
}

void cove__assert_locked(void)
{
#ifndef NDEBUG
    assert(held);
#endif
}

void cove__fork_call_in_child(void (*fn)(void))
{
    pthread_once(&once, install);
    atomic_store(&call_in_child, fn);
}

unsigned cove__fork_generation(void)
{
    pthread_once(&once, install);
    return atomic_load_explicit(&generation, memory_order_acquire);
}
