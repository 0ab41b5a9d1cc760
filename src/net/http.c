/*
 * The HTTP client: requests as state machines (slot, attempt, backoff) on the I/O loops. Backends start requests here;
 * loop.c calls back when something happened; transfer.c does one attempt; retry.c decides about the next.
 */
#include "net/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "net/header.h"
#include "net/loop.h"
#include "net/retry.h"
#include "net/status.h"

#define URL_MAX            ((size_t)64 << 10)
#define HEADERS_MAX        ((size_t)256 << 10)
#define NONSENSE_RETRIES   2  /* a response that makes no sense seldom makes more the next time */
#define FRUITFUL           16 /* an attempt that brought this fraction of the body was none in vain */
#define CONNECT_TIMEOUT_MS 10000
#define STALL_TIMEOUT_MS   60000
#define CONCURRENCY        64

/* ---- the client ---- */

/* False: no memory; what has been copied is there, the rest is NULL. */
static bool copy_config(struct cove__http_config *to, const struct cove__http_config *from)
{
    const char **const strings[] = { &to->ca_file, &to->ca_path, &to->proxy, &to->user_agent };
    bool complete = true;

    *to = *from;
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        char *copy = NULL;
        complete &= cove__set_string(&copy, *strings[i]) == 0;
        *strings[i] = copy;
    }
    return complete;
}

/* The one that libcurl takes for such a URL. */
static const char *environments_proxy(bool tls)
{
    static const char *const names[] = { "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" };
    const char *proxy = NULL;

    for (size_t i = tls ? 1 : 0; proxy == NULL && i < sizeof names / sizeof names[0]; i += i == 0 ? 3 : 1)
        proxy = getenv(names[i]);
    return proxy;
}

/* Notes the way to the servers, and registers the proxies' passwords as secrets: libcurl quotes the URLs in its errors.
 */
static void note_proxies(struct cove__http *http)
{
    static const char *const names[] = { "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" };
    bool some = false;

    cove__secret_add_userinfo(http, http->config.proxy);
    for (size_t i = 0; http->config.proxy == NULL && i < sizeof names / sizeof names[0]; i++) {
        cove__secret_add_userinfo(http, getenv(names[i]));
        some |= getenv(names[i]) != NULL;
    }
    cove__outage_way(http->config.proxy, http->way);
    if (some) /* not which: no_proxy may lead past it */
        snprintf(http->way, sizeof http->way, " (by the proxy settings of the environment)");
    for (size_t i = 0; i < 2; i++) {
        const char *proxy = http->config.proxy;
        if (proxy == NULL)
            proxy = environments_proxy(i == 1);
        cove__outage_proxy(proxy, http->proxies[i]);
    }
}

void cove__http_free(struct cove__http *http)
{
    if (http == NULL)
        return;
    cove__secret_drop(http);
    cove__free((char *)http->config.ca_file);
    cove__free((char *)http->config.ca_path);
    cove__free((char *)http->config.proxy);
    cove__free((char *)http->config.user_agent);
    cove__free(http);
}

int cove__http_new(const struct cove__http_config *config, struct cove__http **ret, struct cove_error *err)
{
    static uint64_t serials; /* under cove__lock */

    int rc = cove__loops_global_init(err);
    if (rc < 0)
        return rc;
    struct cove__http *http = cove__calloc(1, sizeof(*http));
    if (http == NULL)
        return cove__fail_nomem(err, "an HTTP client");
    if (!copy_config(&http->config, config)) {
        cove__http_free(http);
        return cove__fail_nomem(err, "an HTTP client");
    }
    note_proxies(http);
    if (http->config.connect_timeout_ms <= 0)
        http->config.connect_timeout_ms = CONNECT_TIMEOUT_MS;
    if (http->config.stall_timeout_ms <= 0)
        http->config.stall_timeout_ms = STALL_TIMEOUT_MS;
    cove__limit_init(&http->limit, config->max_concurrency ? config->max_concurrency : CONCURRENCY);
    http->generation = cove__fork_generation();
    cove__lock();
    http->serial = ++serials;
    cove__unlock();
    *ret = http;
    return 0;
}

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
    if (http->last_waiting != NULL)
        http->last_waiting->queue_next = st;
    else
        http->first_waiting = st;
    http->last_waiting = st;
}

static void dequeue_locked(struct cove__http *http, struct cove__http_state *st)
{
    struct cove__http_state **at = &http->first_waiting, *before = NULL;

    while (*at != NULL && *at != st) {
        before = *at;
        at = &(*at)->queue_next;
    }
    if (*at == NULL)
        return;
    *at = st->queue_next;
    if (http->last_waiting == st)
        http->last_waiting = before;
}

/* The first in the queue that a caller waits for; NULL: there is none. */
static struct cove__http_state *first_wanted_locked(const struct cove__http *http, int64_t now_ns)
{
    struct cove__http_state *st = http->first_waiting;

    while (st != NULL && cove__background_yields(&st->r->op.ctx, now_ns))
        st = st->queue_next;
    return st;
}

/* True: a slot is the request's. False: it stands in the client's queue, and its loop gets it back with the slot. */
static bool take_slot(struct cove__http_state *st)
{
    struct cove__http *http = st->r->http;

    cove__lock();
    check_generation_locked(http);
    if (http->first_waiting == NULL && http->active < http->limit.now) {
        cove__limit_started(&http->limit, ++http->active);
        st->granted = true;
    } else {
        enqueue_locked(http, st);
    }
    bool granted = st->granted;
    cove__unlock();
    return granted;
}

static void give_slot(struct cove__http_state *st)
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
    while (http->first_waiting != NULL && http->active < http->limit.now && n < sizeof(wake) / sizeof(wake[0])) {
        struct cove__http_state *next = first_wanted_locked(http, now_ns);
        if (next == NULL)
            next = http->first_waiting;
        dequeue_locked(http, next);
        cove__limit_started(&http->limit, ++http->active);
        wake[n++] = cove__loop_grant_locked(next);
    }
    cove__unlock();
    for (size_t i = 0; i < n; i++)
        cove__loop_wake(wake[i]);
}

/* Takes a request out of its client's queue. False: it has got its slot meanwhile and is in its loop's inbox. */
static bool leave_queue(struct cove__http_state *st)
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

/* Background work that nobody waits for gives its slot to a request that is waited for, and goes to the queue's end.
 * False: there is no such request, or it may not be sent again. */
static bool pass_slot_on(struct cove__http_state *st, int64_t now_ns)
{
    struct cove__http *http = st->r->http;
    struct cove__loop *wake = NULL;

    if (!st->r->repeatable || !cove__background_yields(&st->r->op.ctx, now_ns))
        return false;
    cove__lock();
    struct cove__http_state *next = first_wanted_locked(http, now_ns);
    if (next != NULL) {
        dequeue_locked(http, next);
        wake = cove__loop_grant_locked(next);
        st->granted = false;
        enqueue_locked(http, st);
    }
    cove__unlock();
    cove__loop_wake(wake);
    return next != NULL;
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
    for (; st != NULL; st = next) {
        next = st->queue_next;
        st->waits_in = NULL;
        struct cove__loop *loop = cove__loop_resume_locked(st);
        if (loop != NULL) /* at most once each: then it is awake */
            wake[n++] = loop;
    }
    cove__unlock();
    for (size_t i = 0; i < n; i++)
        cove__loop_wake(wake[i]);
}

/* Takes a request from those that wait. False: it was resumed meanwhile and is in its loop's inbox. */
static bool leave_waiters(struct cove__http_state *st)
{
    cove__lock();
    bool waiting = st->waits_in != NULL;
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

static enum cove__http_verdict inspect_by_status(struct cove__http_request *r, struct cove_error *err)
{
    if (r->status >= 200 && r->status < 300)
        return COVE__HTTP_ACCEPT;
    cove__http_error(r, r->status, "the server refused", err);
    return cove__status_retry(r->status) ? COVE__HTTP_RETRY : COVE__HTTP_FAIL;
}

/* ---- the request ---- */

void cove__http_request_init(struct cove__http_request *r)
{
    *r = (struct cove__http_request){ .method = "GET", .repeatable = true };
    r->op.err = (struct cove_error)COVE_ERROR_INIT;
    r->op.ctx.deadline_ns = INT64_MAX;
    cove__buf_init(&r->url, URL_MAX);
    cove__buf_init(&r->headers, HEADERS_MAX);
    cove__buf_init(&r->response, 0);
    cove__buf_init(&r->response_headers, HEADERS_MAX);
}

void cove__http_request_done(struct cove__http_request *r)
{
    if (r->headers.data != NULL)
        explicit_bzero(r->headers.data, r->headers.size); /* tokens and signatures */
    cove__buf_done(&r->url);
    cove__buf_done(&r->headers);
    cove__buf_done(&r->response);
    cove__buf_done(&r->response_headers);
}

/* Hands the request back; it must not be touched after this. */
static void hand_back(struct cove__http_request *r, int rc)
{
    r->state = NULL;
    if (r->hooks == NULL || r->hooks->done == NULL) {
        cove__op_finish(&r->op, rc, r->kept + r->received, &r->op.err);
        return;
    }
    r->op.rc = rc;
    r->op.count = r->kept + r->received;
    r->hooks->done(r->self, r);
}

static void finish(struct cove__http_state *st, int rc)
{
    struct cove__http_request *r = st->r;

    cove__transfer_stop(st);
    if (st->granted)
        give_slot(st);
    cove__loop_leave(st);
    cove__free(st);
    if (rc == 0)
        cove__error_clear(&r->op.err);
    hand_back(r, rc);
}

/* Ends with why the last attempt failed, and how often it was tried. */
static void finish_failed(struct cove__http_state *st)
{
    struct cove_error *err = &st->r->op.err;
    if (st->r->attempts > 1)
        cove__error_add(err, ", after %u attempts", st->r->attempts);
    finish(st, err->code);
}

/* How long no byte has moved; before there is a connection, how long it has been tried. Checks the transfer's progress
 * only as often as the time-outs need. */
static int64_t silent_ns(struct cove__http_state *st, int64_t now_ns)
{
    int64_t every_ns = st->r->http->config.stall_timeout_ms * COVE__MS / 4;
    bool connected = cove__transfer_connected(st);

    if (now_ns - st->progress_ns >= (every_ns < COVE__SEC ? every_ns : COVE__SEC)) {
        int64_t mark = cove__transfer_progress(st);
        if (st->r->received + st->header_bytes != st->answer_mark)
            cove__wait_answered(st);
        if (mark != st->progress_mark || !connected) { /* connecting has its own timeout */
            st->progress_mark = mark;
            st->progress_ns = now_ns;
        }
    }
    return now_ns - (connected ? st->progress_ns : st->started_ns);
}

static bool has_response(const struct cove__http_state *st)
{
    return st->header_bytes > 0 || st->r->received > 0;
}

/* Ends because of the deadline or the token; what failed before it stays in the message. */
static void finish_stopped(struct cove__http_state *st, const struct cove_error *why)
{
    struct cove_error *err = &st->r->op.err;
    if (err->code == 0) {
        *err = *why;
    } else {
        struct cove_error before = *err;
        *err = *why;
        cove__error_add(err, "; before that: %s", before.message);
    }
    finish(st, err->code);
}

static void attempt(struct cove__http_state *st)
{
    struct cove__http_request *r = st->r;
    struct cove_error err = COVE_ERROR_INIT;

    if (cove__ctx_check(&r->op.ctx, &err) < 0) {
        finish_stopped(st, &err);
        return;
    }
    st->phase = COVE__PHASE_ATTEMPT;
    if (r->attempts++ == 0)
        st->waiting_since_ns = cove__now_ns();
    cove__buf_reset(&r->url);
    cove__buf_reset(&r->headers);
    int rc = r->hooks != NULL && r->hooks->prepare != NULL ? r->hooks->prepare(r->self, r, &err) : 0;
    if (rc == COVE__HTTP_LATER) { /* it may be in the inbox again already, which this thread alone takes from */
        r->attempts--;
        st->phase = COVE__PHASE_PARKED;
        give_slot(st);
        return;
    }
    if (rc == 0)
        rc = cove__buf_rc(&r->url) < 0 ? cove__buf_rc(&r->url) : cove__buf_rc(&r->headers);
    if (rc < 0 && err.code == 0)
        cove__fail(&err, rc, "%s %s: the request's URL or headers %s", r->op.ctx.op, r->op.ctx.url,
                   rc == COVE_ENOMEM ? "do not fit in memory" : "are too long");
    if (rc == 0)
        rc = cove__transfer_start(st, &err);
    if (rc < 0) {
        r->op.err = err;
        finish(st, rc);
    }
}

static void http_begin(struct cove__http_state *st)
{
    st->phase = COVE__PHASE_SLOT;
    if (st->granted || take_slot(st))
        attempt(st);
}

/* `throttled`: according to the status or the response's body. */
static void note_outcome(struct cove__http_state *st, bool responded, bool throttled)
{
    bool alone = throttled && st->r->throttles_name;
    struct cove__http *http = st->r->http;

    if (responded && !cove__http_wants_tls(st->r, st->r->status))
        http->reached = true;
    cove__lock();
    if (throttled && !alone)
        cove__limit_throttled(&http->limit, st->started_ns, cove__now_ns());
    else if (responded && !throttled && st->r->status < 500)
        cove__limit_succeeded(&http->limit, st->started_ns);
    cove__unlock();
}

static void back_off(struct cove__http_state *st, bool responded, bool connected)
{
    struct cove__http_request *r = st->r;
    char after[64];

    struct cove__retry policy = {
        .attempts = r->attempts - st->fruitful,
        .max_retries = r->http->config.max_retries,
        .repeatable = r->repeatable,
        .not_done = (!responded && !connected) || (responded && cove__status_throttled(r->status)),
        .connecting = !responded && !connected,
        .retry_after_ns = -1,
        .now_ns = cove__now_ns(),
        .deadline_ns = r->op.ctx.deadline_ns,
        .reached = r->http->reached,
        .random = cove__random(),
    };
    if (responded && cove__http_header(r, "retry-after", after, sizeof(after)))
        policy.retry_after_ns = cove__retry_after_ns(after, cove__wall_ns());

    int64_t wait_ns = cove__retry_wait_ns(&policy);
    if (wait_ns >= 0)
        wait_ns = cove__wait_limit(st, wait_ns, policy.now_ns);
    if (wait_ns < 0) {
        finish_failed(st);
        return;
    }
    if (policy.retry_after_ns > 0)
        cove__wait_log_retry_after(st, policy.retry_after_ns, wait_ns, policy.now_ns);
    cove__log(COVE_LOG_INFO, "http", "%s; attempt %u in %lld ms", r->op.err.message, r->attempts + 1,
              (long long)(wait_ns / COVE__MS));
    cove__background_failed(&r->op.ctx, r->op.err.message);
    st->phase = COVE__PHASE_BACKOFF;
    st->wake_ns = policy.now_ns + wait_ns;
    give_slot(st);
}

/* What a broken response brought stays where it can be relied on. Enough of it, and the retries are counted from zero:
 * a large object comes in the end over any network on which something moves. */
static void keep_body(struct cove__http_state *st)
{
    struct cove__http_request *r = st->r;

    if (r->dst == NULL || r->received == 0)
        return;
    bool usable = st->malformed == NULL && r->hooks != NULL && r->hooks->keep != NULL;
    r->kept = usable ? r->hooks->keep(r->self, r) : 0;
    r->received = 0;
    /* Farther than ever, so that a server that starts over each time ends the retries. */
    if (r->kept > st->high_water && r->kept - st->high_water >= (int64_t)(r->dst_size / FRUITFUL)) {
        st->high_water = r->kept;
        st->fruitful = r->attempts - 1;
    }
}

static void http_ended(struct cove__http_state *st, CURLcode result)
{
    struct cove__http_request *r = st->r;
    struct cove_error err = COVE_ERROR_INIT;
    enum cove__http_verdict verdict;
    long status = 0;

    curl_easy_getinfo(st->easy, CURLINFO_RESPONSE_CODE, &status);
    r->status = (int)status;
    cove__transfer_times(st, &r->wait_ns, &r->took_ns);
    /* libcurl takes a connection that ends within the head for a response without a body. */
    bool whole_head = st->head_ended && r->status >= 200;
    if (result == CURLE_OK && !whole_head) {
        result = CURLE_RECV_ERROR;
        snprintf(st->curl_error, sizeof(st->curl_error), "the response ended within its head");
    }
    /* A refusal whose body was cut is still a refusal. */
    bool cut_suffices = r->status >= 400 || r->head_suffices;
    bool responded = whole_head && (result == CURLE_OK || (cut_suffices && st->local_rc == 0));
    bool connected = responded || cove__transfer_connected(st);
    r->throttles_name = false;
    if (responded)
        verdict = r->hooks != NULL && r->hooks->inspect != NULL ? r->hooks->inspect(r->self, r, &err)
                                                                : inspect_by_status(r, &err);
    else
        verdict = cove__http_transport_error(st, result, &err);
    st->fresh = result != CURLE_OK;
    /* Bytes moved, so the wait begins there. */
    if (!responded && st->progress_mark > 0 && st->progress_ns - st->started_ns >= COVE__OUTAGE_LOG_NS)
        st->waiting_since_ns = st->progress_ns;
    bool said_so = verdict == COVE__HTTP_RETRY && err.code == COVE_ETHROTTLED;
    bool throttled = responded && (cove__status_throttled(r->status) || said_so);
    note_outcome(st, responded, throttled);
    if (has_response(st))
        cove__wait_answered(st);
    else if (err.code == COVE_ENETWORK && verdict == COVE__HTTP_RETRY && st->lacking == 0)
        cove__wait_failed(st);
    cove__log(COVE_LOG_DEBUG, "http", "%s %s: %s -> %d, %lld bytes in %lld us", r->op.ctx.op, r->op.ctx.url, r->method,
              r->status, (long long)r->received, (long long)((cove__now_ns() - st->started_ns) / 1000));
    if (!responded)
        keep_body(st);
    else if (verdict != COVE__HTTP_ACCEPT && r->status < 300)
        r->kept = 0; /* which of the two is wrong is not known */
    cove__transfer_stop(st);

    if (verdict == COVE__HTTP_ACCEPT) {
        finish(st, 0);
        return;
    }
    if (err.code == 0)
        cove__http_error(r, r->status, "the response cannot be used", &err);
    r->op.err = err;
    if (err.code == COVE_EPROTOCOL && r->attempts > NONSENSE_RETRIES)
        verdict = COVE__HTTP_FAIL;
    if (verdict == COVE__HTTP_AGAIN && st->again++ < COVE__RETRY_AGAIN_MAX)
        attempt(st);
    else if (verdict == COVE__HTTP_RETRY)
        back_off(st, responded, connected);
    else
        finish_failed(st);
}

/* In favour of a request that is waited for; it is not counted as a retry. */
static void give_up_attempt(struct cove__http_state *st)
{
    long status = 0;

    curl_easy_getinfo(st->easy, CURLINFO_RESPONSE_CODE, &status);
    st->r->status = (int)status;
    keep_body(st);
    cove__transfer_stop(st);
    st->fruitful++;
    st->phase = COVE__PHASE_SLOT;
}

/* Ends an attempt in which no byte has moved for too long: for the client's time-out, or less for a last wait whose
 * shared deadline has passed. False: it continues. */
static bool end_silent(struct cove__http_state *st, int64_t now_ns)
{
    int64_t silent = silent_ns(st, now_ns), timeout_ms = st->r->http->config.stall_timeout_ms;
    bool connected = cove__transfer_connected(st);

    if (now_ns >= cove__wait_deadline(st, now_ns) && silent >= COVE__OUTAGE_PROBE_NS)
        timeout_ms = COVE__OUTAGE_PROBE_NS / COVE__MS;
    else if (!connected || silent < timeout_ms * COVE__MS) {
        if (silent >= COVE__SEC)
            cove__wait_log(st, st->r->attempts > 1 && st->progress_mark == 0 ? now_ns - st->waiting_since_ns : silent,
                           now_ns);
        return false;
    }
    snprintf(st->curl_error, sizeof(st->curl_error), "no byte for %lld ms", (long long)timeout_ms);
    http_ended(st, CURLE_OPERATION_TIMEDOUT);
    return true;
}

/* The wait before another attempt, which the shared deadline of last waits may cut. */
static void tick_backoff(struct cove__http_state *st, int64_t now_ns)
{
    int64_t until_ns = cove__wait_deadline(st, now_ns);

    if (until_ns < st->wake_ns)
        st->wake_ns = until_ns;
    if (now_ns >= st->wake_ns)
        http_begin(st);
    else
        cove__wait_log(st, now_ns - st->waiting_since_ns, now_ns);
}

static void http_tick(struct cove__http_state *st, int64_t now_ns)
{
    struct cove_error err = COVE_ERROR_INIT;

    if (cove__ctx_check(&st->r->op.ctx, &err) < 0) {
        bool ours = st->phase == COVE__PHASE_SLOT     ? leave_queue(st)
                    : st->phase == COVE__PHASE_PARKED ? leave_waiters(st)
                                                      : true;
        if (ours)
            finish_stopped(st, &err);
        return; /* else it is already in the loop's inbox, and the attempt finds the same */
    }
    if (st->phase == COVE__PHASE_BACKOFF)
        tick_backoff(st, now_ns);
    else if (st->phase == COVE__PHASE_ATTEMPT && !end_silent(st, now_ns) && pass_slot_on(st, now_ns))
        give_up_attempt(st);
}

static int64_t http_next_ns(const struct cove__http_state *st)
{
    int64_t at = st->r->op.ctx.deadline_ns;
    if (st->phase == COVE__PHASE_BACKOFF && st->wake_ns < at)
        at = st->wake_ns;
    return at;
}

static const struct cove__loop_events events = { http_begin, http_ended, http_tick, http_next_ns };

/* Starts a request that is already counted in its inbox, or needs none. */
static void launch(struct cove__http_request *r)
{
    r->status = 0;
    r->attempts = r->sends = 0;
    r->received = 0;
    r->kept = 0;
    cove__error_clear(&r->op.err);
    struct cove__http_state *st = cove__calloc(1, sizeof(*st));
    if (st == NULL) {
        hand_back(r, cove__fail_nomem(&r->op.err, "a request"));
        return;
    }
    st->r = r;
    st->events = &events;
    r->state = st;
    int rc = cove__loop_submit(st, &r->op.err);
    if (rc < 0) {
        cove__free(st);
        hand_back(r, rc);
    }
}

void cove__http_start(struct cove__http_request *r)
{
    if (r->hooks == NULL || r->hooks->done == NULL)
        cove__op_start(&r->op);
    launch(r);
}

int cove__http_run(struct cove__http_request *r, struct cove_error *err)
{
    struct cove__inbox inbox;

    cove__op_will_wait(&r->op, &inbox);
    cove__http_start(r);
    return cove__op_wait(&r->op, err);
}

bool cove__http_header(const struct cove__http_request *r, const char *name, char *out, size_t out_size)
{
    return cove__header_find(cove__buf_slice(&r->response_headers), name, out, out_size);
}
