/* Finished operations find their way back by an inbox: see op.h. */
#include "base/op.h"

#include <assert.h>
#include <stdbool.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"

void cove__inbox_init(struct cove__inbox *inbox)
{
    pthread_mutexattr_t lock_attr;

    *inbox = (struct cove__inbox){ .generation = cove__fork_generation() };
    /* A thread that was woken finds the lock held for a moment yet (see cove__op_finish): to spin is cheaper than to
     * sleep. */
    pthread_mutexattr_init(&lock_attr);
#ifdef __GLIBC__
    pthread_mutexattr_settype(&lock_attr, PTHREAD_MUTEX_ADAPTIVE_NP);
#endif
    pthread_mutex_init(&inbox->lock, &lock_attr);
    pthread_mutexattr_destroy(&lock_attr);
    cove__cond_init(&inbox->some);
}

void cove__inbox_done(struct cove__inbox *inbox)
{
    if (inbox->generation != cove__fork_generation())
        return; /* its lock may be held forever by a thread of the parent */
    assert(inbox->pending == 0);
    pthread_cond_destroy(&inbox->some);
    pthread_mutex_destroy(&inbox->lock);
}

/* pthread_cancel would take the ops on the waiting thread's stack away from those who work on them, and leave an I/O
 * loop that it drives without anybody: it has to come later. */
static void hold_thread(struct cove__inbox *inbox)
{
    if (inbox->holds)
        return;
    inbox->holds = true;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &inbox->cancelable);
}

static void let_thread_go(struct cove__inbox *inbox)
{
    if (!inbox->holds)
        return;
    inbox->holds = false;
    pthread_setcancelstate(inbox->cancelable, NULL);
}

void cove__op_start(struct cove__op *op)
{
    op->rc = 0;
    op->count = 0;
    op->err = (struct cove_error)COVE_ERROR_INIT;
    op->next = NULL;
    if (op->inbox->arrived)
        return;
    if (op->inbox->generation != cove__fork_generation())
        cove__inbox_init(op->inbox);
    if (op->ctx.waits == op->inbox)
        hold_thread(op->inbox);
    pthread_mutex_lock(&op->inbox->lock);
    op->inbox->pending++;
    pthread_mutex_unlock(&op->inbox->lock);
}

void cove__op_finish(struct cove__op *op, int rc, int64_t count, const struct cove_error *err)
{
    struct cove__inbox *inbox = op->inbox;

    op->rc = rc;
    op->count = count;
    if (err && err != &op->err)
        op->err = *err;
    if (inbox->arrived) {
        inbox->arrived(inbox, op);
        return;
    }
    pthread_mutex_lock(&inbox->lock);
    op->next = NULL;
    if (inbox->last)
        inbox->last->next = op;
    else
        inbox->first = op;
    inbox->last = op;
    /* Signalled under the lock: the waiter may free the inbox as soon as it has the op. */
    pthread_cond_signal(&inbox->some);
    if (inbox->driver)
        inbox->driver->wake(inbox->driven);
    pthread_mutex_unlock(&inbox->lock);
}

static struct cove__op *take_locked(struct cove__inbox *inbox)
{
    struct cove__op *op = inbox->first;

    if (!op)
        return NULL;
    inbox->first = op->next;
    if (!inbox->first)
        inbox->last = NULL;
    op->next = NULL;
    inbox->pending--;
    return op;
}

/* Sleeps or drives I/O until an op may have finished. False: the deadline passed. The deadline does not apply to ops
 * that this thread drives itself: they have the deadline of the waiting call. */
static bool wait_locked(struct cove__inbox *inbox, int64_t deadline_ns)
{
    const struct cove__driver *driver = inbox->driver;
    bool goes_on;

    if (!driver)
        return cove__cond_wait_until(&inbox->some, &inbox->lock, deadline_ns);
    pthread_mutex_unlock(&inbox->lock);
    goes_on = driver->run(inbox->driven, inbox);
    pthread_mutex_lock(&inbox->lock);
    if (!goes_on)
        inbox->driver = NULL;
    return true;
}

/* `deadline_ns` 0: does not wait. */
static struct cove__op *next(struct cove__inbox *inbox, int64_t deadline_ns)
{
    const struct cove__driver *leave = NULL;
    struct cove__op *op;
    bool drained;
    int cancelable;

    if (inbox->generation != cove__fork_generation())
        return NULL;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
    pthread_mutex_lock(&inbox->lock);
    op = take_locked(inbox);
    for (bool wait = deadline_ns > 0; !op && wait && inbox->pending > 0;) {
        wait = wait_locked(inbox, deadline_ns);
        op = take_locked(inbox);
    }
    drained = inbox->pending == 0;
    if (drained) {
        leave = inbox->driver;
        inbox->driver = NULL;
    }
    pthread_mutex_unlock(&inbox->lock);
    if (leave)
        leave->leave(inbox->driven);
    pthread_setcancelstate(cancelable, NULL);
    if (drained)
        let_thread_go(inbox);
    return op;
}

void cove__inbox_drive(struct cove__inbox *inbox, const struct cove__driver *driver, void *self)
{
    pthread_mutex_lock(&inbox->lock);
    inbox->driver = driver;
    inbox->driven = self;
    pthread_mutex_unlock(&inbox->lock);
}

bool cove__inbox_ready(struct cove__inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    bool ready = inbox->first;
    pthread_mutex_unlock(&inbox->lock);
    return ready;
}

struct cove__op *cove__inbox_wait(struct cove__inbox *inbox)
{
    return next(inbox, INT64_MAX);
}

struct cove__op *cove__inbox_wait_until(struct cove__inbox *inbox, int64_t deadline_ns)
{
    return next(inbox, deadline_ns > 0 ? deadline_ns : 1);
}

struct cove__op *cove__inbox_poll(struct cove__inbox *inbox)
{
    return next(inbox, 0);
}

void cove__op_will_wait(struct cove__op *op, struct cove__inbox *inbox)
{
    cove__inbox_init(inbox);
    op->inbox = inbox;
    op->ctx.waits = inbox;
}

int cove__op_wait(struct cove__op *op, struct cove_error *err)
{
    cove__inbox_wait(op->inbox);
    cove__inbox_done(op->inbox);
    op->inbox = NULL;
    op->ctx.waits = NULL;
    return op->rc < 0 ? cove__error_copy(err, &op->err) : 0;
}

size_t cove__inbox_pending(struct cove__inbox *inbox)
{
    size_t pending = 0;

    if (inbox->generation != cove__fork_generation())
        return 0;
    pthread_mutex_lock(&inbox->lock);
    pending = inbox->pending;
    pthread_mutex_unlock(&inbox->lock);
    return pending;
}
