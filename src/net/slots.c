/*
 * The slots of a client, which bound its requests under way, and the queues of those that wait: for a slot, or for what
 * their prepare needs. For http.c; a request that may continue goes back to its loop.
 */
#include "base/clock.h"
#include "base/fork.h"
#include "net/limit.h"
#include "net/loop.h"

/* A child starts with empty slots: the parent's requests are not its own. */
static void check_generation_locked(struct cove__http *http)
{
    unsigned generation = cove__fork_generation();
    if (http->generation == generation)
        return;
    http->generation = generation;
    http->active = 0;
    http->first_waiting = http->last_waiting = NULL;
}

static void enqueue_locked(struct cove__http *http, struct cove__http_state *st)
{
    st->queue_next = NULL;
    if (http->last_waiting)
        http->last_waiting->queue_next = st;
    else
        http->first_waiting = st;
    http->last_waiting = st;
}

static void dequeue_locked(struct cove__http *http, struct cove__http_state *st)
{
    struct cove__http_state **at = &http->first_waiting, *before = NULL;

    while (*at && *at != st) {
        before = *at;
        at = &(*at)->queue_next;
    }
    if (!*at)
        return;
    *at = st->queue_next;
    if (http->last_waiting == st)
        http->last_waiting = before;
}

/* The first in the queue that a caller waits for; NULL: there is none. */
static struct cove__http_state *first_wanted_locked(const struct cove__http *http, int64_t now_ns)
{
    struct cove__http_state *st = http->first_waiting;

    while (st && cove__background_yields(&st->r->op.ctx, now_ns))
        st = st->queue_next;
    return st;
}

bool cove__http_slot_take(struct cove__http_state *st)
{
    struct cove__http *http = st->r->http;

    cove__lock();
    check_generation_locked(http);
    if (!http->first_waiting && http->active < http->limit.now) {
        cove__limit_started(&http->limit, ++http->active);
        st->granted = true;
    } else {
        enqueue_locked(http, st);
    }
    bool granted = st->granted;
    cove__unlock();
    return granted;
}

void cove__http_slot_give(struct cove__http_state *st)
{
    struct cove__http *http = st->r->http;
    struct cove__loop *wake[8];
    size_t n = 0;
    int64_t now_ns = cove__now_ns();

    cove__lock();
    check_generation_locked(http);
    st->granted = false;
    if (http->active > 0)
        http->active--;
    /* More than one where the limit has just grown; the rest follow with the next slot. */
    while (http->first_waiting && http->active < http->limit.now && n < sizeof(wake) / sizeof(wake[0])) {
        struct cove__http_state *next = first_wanted_locked(http, now_ns);
        if (!next)
            next = http->first_waiting;
        dequeue_locked(http, next);
        cove__limit_started(&http->limit, ++http->active);
        wake[n++] = cove__loop_grant_locked(next);
    }
    cove__unlock();
    for (size_t i = 0; i < n; i++)
        cove__loop_wake(wake[i]);
}

bool cove__http_slot_leave_queue(struct cove__http_state *st)
{
    struct cove__http *http = st->r->http;
    bool waiting;

    cove__lock();
    waiting = !st->granted;
    if (waiting)
        dequeue_locked(http, st);
    cove__unlock();
    return waiting;
}

bool cove__http_slot_pass_on(struct cove__http_state *st, int64_t now_ns)
{
    struct cove__http *http = st->r->http;
    struct cove__loop *wake = NULL;

    if (!st->r->repeatable || !cove__background_yields(&st->r->op.ctx, now_ns))
        return false;
    cove__lock();
    struct cove__http_state *next = first_wanted_locked(http, now_ns);
    if (next) {
        dequeue_locked(http, next);
        wake = cove__loop_grant_locked(next);
        st->granted = false;
        enqueue_locked(http, st);
    }
    cove__unlock();
    cove__loop_wake(wake);
    return next;
}

/* ---- waiting for what prepare needs ---- */

void cove__http_wait_locked(struct cove__http_request *r, struct cove__http_waiters *waiters)
{
    struct cove__http_state *st = r->state;

    cove__assert_locked();
    st->waits_in = waiters;
    st->queue_next = waiters->first;
    waiters->first = st;
}

void cove__http_resume(struct cove__http_waiters *waiters)
{
    struct cove__loop *wake[COVE__LOOPS_MAX];
    size_t n = 0;

    cove__lock();
    struct cove__http_state *st = waiters->first, *next;
    waiters->first = NULL;
    for (; st; st = next) {
        next = st->queue_next;
        st->waits_in = NULL;
        struct cove__loop *loop = cove__loop_resume_locked(st);
        if (loop) /* at most once each: then it is awake */
            wake[n++] = loop;
    }
    cove__unlock();
    for (size_t i = 0; i < n; i++)
        cove__loop_wake(wake[i]);
}

bool cove__http_waiters_leave(struct cove__http_state *st)
{
    cove__lock();
    bool waiting = st->waits_in;
    if (waiting) {
        struct cove__http_state **at = &st->waits_in->first;
        while (*at != st)
            at = &(*at)->queue_next;
        *at = st->queue_next;
        st->waits_in = NULL;
    }
    cove__unlock();
    return waiting;
}
