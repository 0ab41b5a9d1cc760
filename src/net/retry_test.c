/* The retry policy, the concurrency limit and the map of statuses: pure functions, chance and time given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cove/error.h>

#include "base/clock.h"
#include "net/limit.h"
#include "net/retry.h"
#include "net/status.h"

static struct cove__retry first_failure(void)
{
    return (struct cove__retry){ .attempts = 1,
                                 .max_retries = 10,
                                 .repeatable = true,
                                 .reached = true,
                                 .retry_after_ns = -1,
                                 .now_ns = 1000 * COVE__SEC,
                                 .deadline_ns = INT64_MAX };
}

static void test_full_jitter(void **state)
{
    struct cove__retry r = first_failure();
    int64_t limit = COVE__RETRY_BASE_MS * COVE__MS;
    for (r.attempts = 1; r.attempts <= 10; r.attempts++) {
        r.random = 0;
        assert_int_equal(cove__retry_wait_ns(&r), 0);
        r.random = (uint64_t)limit;
        assert_int_equal(cove__retry_wait_ns(&r), limit);
        r.random = (uint64_t)limit + 1; /* one above the limit wraps to nothing: the range is exact */
        assert_int_equal(cove__retry_wait_ns(&r), 0);
        limit = limit * 2 < COVE__RETRY_CAP_MS * COVE__MS ? limit * 2 : COVE__RETRY_CAP_MS * COVE__MS;
    }
    assert_int_equal(cove__retry_wait_ns(&r), -1); /* the eleventh attempt was the last */
}

/* Of a server that is known to start soon. */
static void test_waits_of_the_callers_own(void **state)
{
    struct cove__retry r = first_failure();
    int64_t expected = COVE__SEC;

    r.first_wait_ns = COVE__SEC;
    r.connecting = r.not_done = true;
    r.reached = false;
    r.max_retries = 4;
    for (r.attempts = 1; r.attempts <= 4; r.attempts++, expected *= 2) {
        r.random = r.attempts;
        assert_int_equal(cove__retry_wait_ns(&r), expected);
    }
    assert_int_equal(cove__retry_wait_ns(&r), -1);
    r.attempts = 4;
    r.deadline_ns = r.now_ns + 8 * COVE__SEC;
    assert_int_equal(cove__retry_wait_ns(&r), -1);
    r.deadline_ns = INT64_MAX;
    r.retry_after_ns = 9 * COVE__SEC; /* the server's word goes before */
    r.random = 0;
    assert_int_equal(cove__retry_wait_ns(&r), 9 * COVE__SEC);
}

static void test_what_is_repeated(void **state)
{
    struct cove__retry r = first_failure();
    r.repeatable = false;
    assert_int_equal(cove__retry_wait_ns(&r), -1);
    r.not_done = true;
    assert_true(cove__retry_wait_ns(&r) >= 0);

    r = first_failure();
    r.connecting = true;
    r.attempts = COVE__RETRY_UNREACHED + 1;
    assert_true(cove__retry_wait_ns(&r) >= 0);
    r.reached = false; /* no server has ever answered: a wrong address is reported soon */
    assert_int_equal(cove__retry_wait_ns(&r), -1);
    r.attempts = COVE__RETRY_UNREACHED;
    assert_true(cove__retry_wait_ns(&r) >= 0);

    r = first_failure();
    r.max_retries = 0;
    assert_int_equal(cove__retry_wait_ns(&r), -1);
}

static void test_server_and_deadline(void **state)
{
    struct cove__retry r = first_failure();
    r.retry_after_ns = 7 * COVE__SEC;
    assert_int_equal(cove__retry_wait_ns(&r), 7 * COVE__SEC);
    r.deadline_ns = r.now_ns + 7 * COVE__SEC;
    assert_int_equal(cove__retry_wait_ns(&r), -1);
    r.deadline_ns++;
    for (r.random = 0; r.random < 3; r.random++) /* no time is left for a random part */
        assert_int_equal(cove__retry_wait_ns(&r), 7 * COVE__SEC);
}

/* Waits are from retry_after_ns to retry_after_ns + spread, both included. */
static void assert_spread(struct cove__retry r, int64_t spread)
{
    r.random = 0;
    assert_int_equal(cove__retry_wait_ns(&r), r.retry_after_ns);
    r.random = (uint64_t)spread;
    assert_int_equal(cove__retry_wait_ns(&r), r.retry_after_ns + spread);
    r.random = (uint64_t)spread + 1;
    assert_int_equal(cove__retry_wait_ns(&r), r.retry_after_ns);
}

static void test_retry_after_is_spread(void **state)
{
    struct cove__retry r = first_failure();
    r.retry_after_ns = 60 * COVE__SEC;
    assert_spread(r, 15 * COVE__SEC);
    r.retry_after_ns = 600 * COVE__SEC;
    assert_spread(r, COVE__RETRY_CAP_MS * COVE__MS);
    r.retry_after_ns = 4 * COVE__MS; /* a short one: the random part is the backoff's */
    assert_spread(r, COVE__RETRY_BASE_MS * COVE__MS);
    r.attempts = 3;
    assert_spread(r, 4 * COVE__RETRY_BASE_MS * COVE__MS);
    r.retry_after_ns = 60 * COVE__SEC;
    r.deadline_ns = r.now_ns + 64 * COVE__SEC; /* half of the 4 s that are left after the Retry-After */
    assert_spread(r, 2 * COVE__SEC);
}

static void test_retry_after(void **state)
{
    int64_t now = cove__parse_http_date("Mon, 23 Nov 2026 21:13:00 GMT");
    assert_true(now > 0);
    assert_int_equal(cove__retry_after_ns("0", now), 0);
    assert_int_equal(cove__retry_after_ns(" 120 ", now), 120 * COVE__SEC);
    assert_int_equal(cove__retry_after_ns("99999999999999999999999", now), COVE__RETRY_AFTER_MAX_MS * COVE__MS);
    assert_int_equal(cove__retry_after_ns("Mon, 23 Nov 2026 21:13:30 GMT", now), 30 * COVE__SEC);
    assert_int_equal(cove__retry_after_ns("Mon, 23 Nov 2026 21:12:30 GMT", now), 0);
    assert_int_equal(cove__retry_after_ns("soon", now), -1);
    assert_int_equal(cove__retry_after_ns("12x", now), -1);
    assert_int_equal(cove__retry_after_ns("", now), -1);
}

static void test_limit(void **state)
{
    struct cove__limit limit;
    cove__limit_init(&limit, 8);
    cove__limit_throttled(&limit, 10, 20);
    assert_int_equal(limit.now, 4);
    cove__limit_throttled(&limit, 19, 30); /* of the same flight */
    assert_int_equal(limit.now, 4);
    cove__limit_throttled(&limit, 20, 40);
    cove__limit_throttled(&limit, 40, 50);
    cove__limit_throttled(&limit, 50, 60);
    assert_int_equal(limit.now, 1); /* never none */
    /* Nothing had succeeded in between: back up to the 4 of the first cut by one a success, then by one a round. */
    static const unsigned after[] = { 2, 3, 4, 4, 5, 5, 5, 5, 5, 6 };
    for (size_t i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
        cove__limit_succeeded(&limit, 60);
        assert_int_equal(limit.now, after[i]);
    }
    for (int i = 0; i < 100; i++)
        cove__limit_succeeded(&limit, 60);
    assert_int_equal(limit.now, 8);
    cove__limit_init(&limit, 0);
    assert_int_equal(limit.now, 1);
}

/* The half is that of what was under way, and a store that lets some through keeps what it said last. */
static void test_limit_of_what_is_under_way(void **state)
{
    struct cove__limit limit;
    cove__limit_init(&limit, 64);
    for (unsigned i = 1; i <= 16; i++)
        cove__limit_started(&limit, i);
    cove__limit_started(&limit, 3);
    cove__limit_throttled(&limit, 0, 0);
    assert_int_equal(limit.now, 8);
    cove__limit_started(&limit, 6);
    cove__limit_succeeded(&limit, -1); /* of the flight before */
    assert_true(limit.refused);
    cove__limit_succeeded(&limit, 1);
    cove__limit_throttled(&limit, 1, COVE__LIMIT_CUT_EVERY_NS - 1); /* some succeed: not so soon */
    assert_int_equal(limit.now, 8);
    cove__limit_throttled(&limit, 1, COVE__LIMIT_CUT_EVERY_NS);
    assert_int_equal(limit.now, 3);
    cove__limit_succeeded(&limit, COVE__LIMIT_CUT_EVERY_NS);
    assert_int_equal(limit.now, 3); /* not steep any more */
    cove__limit_started(&limit, 1);
    cove__limit_throttled(&limit, COVE__LIMIT_CUT_EVERY_NS, 2 * COVE__LIMIT_CUT_EVERY_NS);
    assert_int_equal(limit.now, 1);
}

static void test_status(void **state)
{
    static const struct {
        int status, code, retry;
    } rows[] = {
        { 200, COVE_OK, 0 },
        { 206, COVE_OK, 0 },
        { 301, COVE_EPROTOCOL, 0 },
        { 400, COVE_EINVAL, 0 },
        { 401, COVE_EAUTH, 0 },
        { 403, COVE_EACCESS, 0 },
        { 404, COVE_ENOTFOUND, 0 },
        { 408, COVE_ETIMEDOUT, 1 },
        { 409, COVE_EPRECONDITION, 0 },
        { 412, COVE_EPRECONDITION, 0 },
        { 416, COVE_EPRECONDITION, 0 },
        { 429, COVE_ETHROTTLED, 1 },
        { 500, COVE_ESERVER, 1 },
        { 501, COVE_ENOTSUP, 0 },
        { 502, COVE_ESERVER, 1 },
        { 503, COVE_ETHROTTLED, 1 },
        { 504, COVE_ESERVER, 1 },
        { 507, COVE_ENOSPC, 0 },
        { 0, COVE_EPROTOCOL, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(cove__status_code(rows[i].status), rows[i].code);
        assert_int_equal(cove__status_retry(rows[i].status), rows[i].retry);
    }
    assert_true(cove__status_throttled(503) && cove__status_throttled(429) && !cove__status_throttled(500));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_jitter),
        cmocka_unit_test(test_waits_of_the_callers_own),
        cmocka_unit_test(test_what_is_repeated),
        cmocka_unit_test(test_server_and_deadline),
        cmocka_unit_test(test_retry_after_is_spread),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_limit_of_what_is_under_way),
        cmocka_unit_test(test_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
