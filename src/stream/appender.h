/*
 * The inside of appenders. appender.c has the calls; flusher.c is the thread that flushes all appenders;
 * appender_flush.c is the flush, for both.
 */
#ifndef COVE_STREAM_APPENDER_H
#define COVE_STREAM_APPENDER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <cove/stream.h>

#include "base/buf.h"
#include "fs/fs_impl.h"

struct cove_appender {
    cove_fs *fs;
    struct cove__target target;
    struct cove_call call;
    cove_cancel *cancel; /* a child of the caller's token, which lives as long as the appender */
    unsigned generation; /* of fork */
    int64_t interval_ns; /* 0: each write is a flush */
    size_t flush_bytes;
    void *tail;                         /* the backend's open end; used by one flush at a time */
    struct cove__background background; /* of the flush under way, or of the last one if it failed */
    atomic_int last_waits;              /* callers that wait for a flush and end with it */
    pthread_mutex_t lock;
    pthread_cond_t idle; /* a flush has ended */
    struct {             /* under lock */
        struct cove__buf gathered;
        struct cove__buf sending; /* by the flush under way, or what the last one could not send */
        bool flushing;
        int64_t took_ns;           /* by the last flush */
        int64_t due_ns;            /* when gathered bytes are to be flushed; INT64_MAX: nothing has gathered */
        struct cove_error failure; /* a lasting one */
    };
    struct cove_appender *next; /* the flusher's */
};

/* ---- appender_flush.c ---- */

/* Sends everything. A flush that is under way in another thread is waited for first. */
int cove__appender_flush_locked(struct cove_appender *a, int64_t deadline_ns, struct cove_error *err);
/* The same when the appender is closed. A flush that is under way becomes a last wait, too. */
int cove__appender_flush_at_last_locked(struct cove_appender *a, int64_t deadline_ns, struct cove_error *err);
/* Waits for another thread's flush until this call's deadline; the flush has its own deadline. */
int cove__appender_wait_locked(struct cove_appender *a, int64_t deadline_ns, struct cove_error *err);
/* Fails a call that ends before the flush that it waits for; the message also has why the flush's last attempt failed.
 */
int cove__appender_timed_out(const struct cove_appender *a, struct cove_error *err);
/* Flushes from the background; trouble is logged or kept for the next call. Returns at once if another thread is
 * flushing. */
void cove__appender_flush_due(struct cove_appender *a);
/* The last flush of all, at the process's end: one that is under way is waited for, and what gathered meanwhile is
 * flushed. */
void cove__appender_flush_last(struct cove_appender *a, int64_t deadline_ns);
int64_t cove__appender_due(struct cove_appender *a);

/* ---- flusher.c ---- */

int cove__flusher_add(struct cove_appender *a, struct cove_error *err); /* starts the thread where there is none */
/* Returns when neither the thread nor the process's end flushes it any more. False: a flush was still running at the
 * deadline and was cancelled. The process's end waits for the caller's own flush until cove__flusher_closed. */
bool cove__flusher_remove(struct cove_appender *a, int64_t deadline_ns);
void cove__flusher_closed(void);
void cove__flusher_wake(void); /* an appender has become due earlier */

#endif
