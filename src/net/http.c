/*
 * Requests as state machines (slot, attempt, backoff) on the I/O loops, for a client (client.c). Backends start
 * requests here; loop.c calls back when something happened; slots.c decides when a request may be sent; transfer.c does
 * one attempt; retry.c decides about the next.
 */
#include "net/http.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/header.h"
#include "net/loop.h"
#include "net/retry.h"
#include "net/status.h"

#define URL_MAX           ((size_t)64 << 10)
#define HEADERS_MAX       ((size_t)256 << 10)
#define MALFORMED_RETRIES 2  /* a malformed response is seldom better the next time */
#define FRUITFUL          16 /* an attempt that brought this fraction of the body made progress */

void cove__http_request_init(struct cove__http_request *r)
{
    *r = (struct cove__http_request){ .method = "GET", .repeatable = true };
    r->op.err = (struct cove_error)COVE_ERROR_INIT;
    r->op.ctx.deadline_ns = INT64_MAX;
    /* keys, tokens and signatures; a session's URL comes in a response's header */
    cove__buf_init_secret(&r->url, URL_MAX);
    cove__buf_init_secret(&r->headers, HEADERS_MAX);
    cove__buf_init(&r->response, 0);
    cove__buf_init_secret(&r->response_headers, HEADERS_MAX);
}

void cove__http_request_done(struct cove__http_request *r)
{
    cove__buf_done(&r->url);
    cove__buf_done(&r->headers);
    cove__buf_done(&r->response);
    cove__buf_done(&r->response_headers);
}

/* Hands the request back; it must not be touched after this. */
static void hand_back(struct cove__http_request *r, int rc)
{
    r->state = NULL;
    if (!r->hooks || !r->hooks->done) {
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
        cove__http_slot_give(st);
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
    unsigned attempts = st->r->attempts_before + st->r->attempts;

    if (attempts > 1)
        cove__error_add(err, ", after %u attempts", attempts);
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
    int rc = r->hooks && r->hooks->prepare ? r->hooks->prepare(r->self, r, &err) : 0;
    if (rc == COVE__HTTP_LATER) { /* it may be in the inbox again already, which this thread alone takes from */
        r->attempts--;
        st->phase = COVE__PHASE_PARKED;
        cove__http_slot_give(st);
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
    if (st->r->begin_after_ns > 0) {
        st->waiting_since_ns = cove__now_ns();
        st->phase = COVE__PHASE_BACKOFF;
        st->wake_ns = st->waiting_since_ns + st->r->begin_after_ns;
        st->r->begin_after_ns = 0;
        return;
    }
    st->phase = COVE__PHASE_SLOT;
    if (st->granted || cove__http_slot_take(st))
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
        .attempts = r->attempts_before + r->attempts - st->fruitful,
        .max_retries = r->http->config.max_retries,
        .first_wait_ns = cove__ms_ns(r->http->config.first_wait_ms),
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
    else if (responded && cove__http_header(r, "x-ms-retry-after-ms", after, sizeof(after)))
        policy.retry_after_ns = cove__retry_after_ms_ns(after);

    int64_t wait_ns = r->asked_once ? -1 : cove__retry_wait_ns(&policy);
    if (wait_ns >= 0)
        wait_ns = cove__wait_limit(st, wait_ns, policy.now_ns);
    bool repeats = !r->hooks || !r->hooks->repeats || r->hooks->repeats(r->self, r);
    if (!repeats)
        r->repeat_after_ns = wait_ns;
    if (wait_ns < 0 || !repeats) {
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
    cove__http_slot_give(st);
}

/* Keeps the bytes of a broken response if they can be relied on. If they are enough, the retries are counted from zero:
 * a large object arrives over any network that makes progress. */
static void keep_body(struct cove__http_state *st)
{
    struct cove__http_request *r = st->r;

    if (!r->dst || r->received == 0)
        return;
    bool usable = !st->malformed && r->hooks && r->hooks->keep;
    r->kept = usable ? r->hooks->keep(r->self, r) : 0;
    r->received = 0;
    /* Only new bytes count, so a server that starts over each time uses up the retries. */
    if (r->kept > st->high_water && r->kept - st->high_water >= (int64_t)(r->dst_size / FRUITFUL)) {
        st->high_water = r->kept;
        st->fruitful = r->attempts - 1;
    }
}

static enum cove__http_verdict inspect_by_status(struct cove__http_request *r, struct cove_error *err)
{
    if (r->status >= 200 && r->status < 300)
        return COVE__HTTP_ACCEPT;
    cove__http_error(r, r->status, "the server refused", err);
    return cove__status_retry(r->status) ? COVE__HTTP_RETRY : COVE__HTTP_FAIL;
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
    bool cut_suffices = r->status >= 400 || r->head_suffices;
    bool responded = whole_head && (result == CURLE_OK || (cut_suffices && st->local_rc == 0));
    /* A refusal whose body was cut may lack its reason: the next attempt may have it. If none has, it is a refusal. */
    bool refusal_cut = responded && result != CURLE_OK && r->status >= 400;
    bool connected = responded || cove__transfer_connected(st);
    r->throttles_name = false;
    if (responded)
        verdict = r->hooks && r->hooks->inspect ? r->hooks->inspect(r->self, r, &err) : inspect_by_status(r, &err);
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
        r->kept = 0; /* it is not known which of the two is wrong */
    cove__transfer_stop(st);

    if (verdict == COVE__HTTP_ACCEPT) {
        finish(st, 0);
        return;
    }
    if (verdict == COVE__HTTP_CONTINUE) { /* op.err stays: why the attempt before it failed */
        r->attempts--;
        attempt(st);
        return;
    }
    if (err.code == 0)
        cove__http_error(r, r->status, "the response cannot be used", &err);
    r->op.err = err;
    if (err.code == COVE_EPROTOCOL && r->attempts_before + r->attempts > MALFORMED_RETRIES)
        verdict = COVE__HTTP_FAIL;
    if (verdict == COVE__HTTP_FAIL && refusal_cut && r->attempts_before + r->attempts <= MALFORMED_RETRIES)
        verdict = COVE__HTTP_RETRY;
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
        bool ours = st->phase == COVE__PHASE_SLOT     ? cove__http_slot_leave_queue(st)
                    : st->phase == COVE__PHASE_PARKED ? cove__http_waiters_leave(st)
                                                      : true;
        if (ours)
            finish_stopped(st, &err);
        return; /* else it is already in the loop's inbox, and the attempt finds the same */
    }
    if (st->phase == COVE__PHASE_BACKOFF)
        tick_backoff(st, now_ns);
    else if (st->phase == COVE__PHASE_ATTEMPT && !end_silent(st, now_ns) && cove__http_slot_pass_on(st, now_ns))
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
    r->repeat_after_ns = -1;
    r->received = 0;
    r->kept = 0;
    r->crc32c = 0;
    r->crc32c_size = 0;
    cove__error_clear(&r->op.err);
    struct cove__http_state *st = cove__calloc(1, sizeof(*st));
    if (!st) {
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
    if (!r->hooks || !r->hooks->done)
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
