/*
 * What keeps files open while nothing is written to them: a NameNode gives a file to others a minute after its writer's
 * lease was last renewed, and DataNodes close a pipeline on which nothing comes for a minute. One thread of the process
 * does this for all writers. It ends when there is none.
 */
#include "base/clock.h"
#include "base/fork.h"
#include "base/thread.h"
#include "fs/hdfs/hdfs_writer.h"
#include "wire/protobuf.h"

#define LOOK_NS  COVE__SEC
#define RENEW_NS (20 * COVE__SEC) /* the NameNode's soft limit is 60 s */
#define BEAT_NS  (20 * COVE__SEC)
#define CALL_NS  (15 * COVE__SEC) /* the longest wait for one renewal */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;            /* on CLOCK_MONOTONIC: a writer was added, or is no longer in use */
static unsigned generation;               /* the fork generation of this state; 0: none yet */
static struct cove__hdfs_writer *writers; /* under lock */
static bool runs;                         /* under lock: there is a thread */

static void take(void)
{
    cove__lock();
    if (generation != cove__fork_generation()) {
        generation = cove__fork_generation();
        lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
        cove__cond_init(&changed);
        writers = NULL; /* a parent's files are not the child's */
        runs = false;
    }
    cove__unlock();
    pthread_mutex_lock(&lock);
}

static void renew(struct cove__hdfs_writer *w, const struct cove__ctx *ctx)
{
    struct cove__buf request = COVE__BUF_INIT(4096);
    struct cove__hdfs_reply reply;

    cove__pb_string(&request, 1, w->client);
    if (cove__hdfs_call(w->file.fs, "renewLease", &request, NULL, ctx, &reply, NULL) == 0)
        cove__hdfs_reply_done(&reply);
    cove__buf_done(&request);
}

/* A call that is under way keeps the pipeline busy. */
static void beat(struct cove__hdfs_writer *w, int64_t now_ns, const struct cove__ctx *ctx)
{
    if (pthread_mutex_trylock(&w->lock) != 0)
        return;
    if (now_ns - w->used_ns >= BEAT_NS) {
        cove__hdfs_pipeline_heartbeat(&w->pipeline, ctx);
        w->used_ns = now_ns;
    }
    pthread_mutex_unlock(&w->lock);
}

static void keep_one(struct cove__hdfs_writer *w)
{
    int64_t now_ns = cove__now_ns();
    const struct cove__ctx ctx = {
        .deadline_ns = now_ns + CALL_NS, .cancel = w->stop, .op = "renew the lease of", .url = w->path
    };

    beat(w, now_ns, &ctx);
    if (now_ns - w->renewed_ns >= RENEW_NS) {
        w->renewed_ns = now_ns;
        renew(w, &ctx);
    }
}

/* One that needs something now. */
static struct cove__hdfs_writer *next_due_locked(int64_t now_ns)
{
    for (struct cove__hdfs_writer *w = writers; w; w = w->next) {
        if (now_ns - w->renewed_ns >= RENEW_NS || now_ns - w->looked_ns >= BEAT_NS / 2)
            return w;
    }
    return NULL;
}

static void keep_all(void *user)
{
    (void)user;
    take();
    while (writers) {
        struct cove__hdfs_writer *w = next_due_locked(cove__now_ns());

        if (!w) {
            cove__cond_wait_until(&changed, &lock, cove__now_ns() + LOOK_NS);
            continue;
        }
        w->in_use = true;
        w->looked_ns = cove__now_ns();
        pthread_mutex_unlock(&lock);
        keep_one(w);
        pthread_mutex_lock(&lock);
        w->in_use = false;
        pthread_cond_broadcast(&changed);
    }
    runs = false;
    cove__threads_end_soon(1);
    pthread_mutex_unlock(&lock);
}

int cove__hdfs_keep(struct cove__hdfs_writer *w)
{
    int rc = 0;

    take();
    if (!runs) {
        rc = cove__thread_start(keep_all, NULL) == 0 ? 0 : -1;
        runs = rc == 0;
    }
    if (rc == 0) {
        w->renewed_ns = w->looked_ns = w->used_ns = cove__now_ns();
        w->next = writers;
        writers = w;
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

void cove__hdfs_unkeep(struct cove__hdfs_writer *w)
{
    struct cove__hdfs_writer **at;

    take();
    for (at = &writers; *at && *at != w; at = &(*at)->next)
        ;
    if (*at) {
        *at = w->next;
        cove_cancel_fire(w->stop);
        while (w->in_use)
            cove__cond_wait_until(&changed, &lock, INT64_MAX);
    }
    pthread_mutex_unlock(&lock);
}
