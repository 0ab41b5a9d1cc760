/* The user's log callback. Its lock is its own: a callback may be slow, and the state lock must not wait for it. */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/fork.h"
#include "base/text.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static cove_log_fn sink; /* under lock */
static void *sink_user;  /* under lock */
static atomic_int sink_level = -1;

/* A thread of the parent may have been within the callback. */
static void after_fork_child(void)
{
    lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

void cove_log_set(cove_log_fn fn, void *user, enum cove_log_level level)
{
    cove__fork_call_in_child(after_fork_child); /* before there is anything to hold at a fork */
    pthread_mutex_lock(&lock);
    sink = fn;
    sink_user = user;
    atomic_store(&sink_level, fn ? (int)level : -1);
    pthread_mutex_unlock(&lock);
}

void cove__log(enum cove_log_level level, const char *subject, const char *format, ...)
{
    char text[1024];
    va_list args;

    if ((int)level > atomic_load_explicit(&sink_level, memory_order_relaxed))
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cove__text_line(text, sizeof text);
    pthread_mutex_lock(&lock);
    if (sink)
        sink(sink_user, level, subject, text);
    pthread_mutex_unlock(&lock);
}
