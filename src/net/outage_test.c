/* The record of servers that do not answer, with time as an argument. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "net/outage.h"

#define HERE    "http://127.0.0.1:9000"
#define THERE   "http://127.0.0.1:9001"
#define BEGIN   (1000 * COVE__SEC)
#define AT(sec) (BEGIN + (int64_t)((sec) * (double)COVE__SEC))

#define KNOWN (COVE__OUTAGE_KNOWN_NS / COVE__SEC)
#define LAST  (COVE__OUTAGE_LAST_NS / COVE__SEC)

/* Attempts fail from `first` to `end`, each a second long. */
static void lose(struct cove__outages *all, const char *endpoint, int first, int end)
{
    for (int i = first; i < end; i++)
        cove__outage_failed(all, endpoint, AT(i), AT(i + 1));
}

static int64_t last_wait(struct cove__outages *all, const char *endpoint, double at)
{
    int64_t lasted = -1;
    bool first = false;

    return cove__outage_last_wait(all, endpoint, 0, AT(at), &lasted, &first);
}

static void test_known_after_a_while(void **state)
{
    struct cove__outages all = { 0 };
    int64_t lasted = -1;
    bool first = false;

    assert_int_equal(last_wait(&all, HERE, 0), INT64_MAX);
    lose(&all, HERE, 0, KNOWN - 1);
    assert_int_equal(last_wait(&all, HERE, KNOWN - 0.1), INT64_MAX);
    lose(&all, HERE, KNOWN - 1, KNOWN);
    assert_int_equal(cove__outage_last_wait(&all, HERE, 0, AT(KNOWN), &lasted, &first), AT(KNOWN + LAST));
    assert_int_equal(lasted, KNOWN * COVE__SEC);
    assert_true(first);
}

/* The exit's flush of one appender after another: the first one's time is all that they have. */
static void test_last_waits_share_a_deadline(void **state)
{
    struct cove__outages all = { 0 };
    int64_t lasted = -1;
    bool first = true;

    lose(&all, HERE, 0, 40);
    for (int i = 40; i < 100; i++) {
        assert_int_equal(cove__outage_last_wait(&all, HERE, 0, AT(i), &lasted, &first), AT(40 + LAST));
        assert_int_equal(lasted, i * COVE__SEC);
        assert_int_equal(first, i == 40);
        lose(&all, HERE, i, i + 1);
    }
    assert_int_equal(last_wait(&all, THERE, 100), INT64_MAX);
}

/* One that is there when the server becomes known to be down has the whole time from then on. */
static void test_a_last_wait_that_began_before(void **state)
{
    struct cove__outages all = { 0 };

    for (int i = 0; i < KNOWN - 1; i++) {
        lose(&all, HERE, i, i + 1);
        assert_int_equal(last_wait(&all, HERE, i + 1), INT64_MAX);
    }
    lose(&all, HERE, KNOWN - 1, KNOWN);
    assert_int_equal(last_wait(&all, HERE, KNOWN + 2), AT(KNOWN + 2 + LAST));
}

static void test_an_answer_ends_it(void **state)
{
    struct cove__outages all = { 0 };
    int64_t lasted = -1;

    lose(&all, HERE, 0, 30);
    assert_int_equal(last_wait(&all, HERE, 30), AT(30 + LAST));
    assert_false(cove__outage_answered(&all, THERE, AT(31), &lasted));
    assert_int_equal(last_wait(&all, HERE, 31), AT(30 + LAST));
    assert_false(cove__outage_answered(&all, HERE, AT(32), &lasted)); /* nothing had been logged */
    assert_int_equal(last_wait(&all, HERE, 32), INT64_MAX);
    assert_int_equal(lasted, -1);

    lose(&all, HERE, 50, 80); /* another one */
    assert_int_equal(last_wait(&all, HERE, 80), AT(80 + LAST));
    assert_true(cove__outage_log_due(&all, HERE, 5 * COVE__SEC, AT(80)));
    assert_true(cove__outage_answered(&all, HERE, AT(85), &lasted));
    assert_int_equal(lasted, 35 * COVE__SEC);
    assert_false(cove__outage_answered(&all, HERE, AT(86), &lasted));
}

/* One key that fails all the time, and others that are answered: the server is there. */
static void test_others_are_answered(void **state)
{
    struct cove__outages all = { 0 };
    int64_t lasted = -1;

    for (int i = 0; i < 300; i += 3) {
        cove__outage_answered(&all, HERE, AT(i + 2), &lasted);
        cove__outage_failed(&all, HERE, AT(i), AT(i + 3));
        assert_int_equal(last_wait(&all, HERE, i + 3), INT64_MAX);
    }
    /* The last answer came while the last failed attempt was under way. */
    lose(&all, HERE, 300, 299 + KNOWN - 1);
    assert_int_equal(last_wait(&all, HERE, 299 + KNOWN), INT64_MAX);
    lose(&all, HERE, 299 + KNOWN - 1, 299 + KNOWN);
    assert_int_equal(last_wait(&all, HERE, 299 + KNOWN), AT(299 + KNOWN + LAST));
}

/* Time without a request does not count as time without a response. */
static void test_idle_time_is_no_silence(void **state)
{
    struct cove__outages all = { 0 };

    cove__outage_failed(&all, HERE, AT(0), AT(0.4));
    assert_int_equal(last_wait(&all, HERE, KNOWN + 3), INT64_MAX);
}

/* An upload's abort may be made up for, the flush at exit may not: neither takes the other's time. */
static void test_each_kind_has_its_time(void **state)
{
    struct cove__outages all = { 0 };
    int64_t lasted;
    bool first;

    lose(&all, HERE, 0, 30);
    for (unsigned kind = 0; kind < COVE__OUTAGE_KINDS; kind++) {
        int at = 30 + 20 * (int)kind;
        lose(&all, HERE, at - 1, at);
        assert_int_equal(cove__outage_last_wait(&all, HERE, kind, AT(at), &lasted, &first), AT(at + LAST));
        assert_true(first);
        assert_int_equal(cove__outage_last_wait(&all, HERE, 0, AT(at), &lasted, &first), AT(30 + LAST));
    }
}

static void test_old_failures_are_forgotten(void **state)
{
    const int forget = COVE__OUTAGE_FORGET_NS / COVE__SEC;
    struct cove__outages all = { 0 };

    lose(&all, HERE, 0, 30);
    assert_int_equal(last_wait(&all, HERE, 30 + forget + 0.1), INT64_MAX);
    lose(&all, HERE, 200, 201); /* the program computed for minutes */
    assert_int_equal(last_wait(&all, HERE, 201), INT64_MAX);

    /* An appender that is closed long after another was has its own time, the same outage or not. */
    lose(&all, HERE, 201, 230);
    assert_int_equal(last_wait(&all, HERE, 230), AT(230 + LAST));
    lose(&all, HERE, 230, 400);
    assert_int_equal(last_wait(&all, HERE, 400), AT(400 + LAST));
    assert_int_equal(last_wait(&all, HERE, 401), AT(400 + LAST));
}

/* One line an endpoint, at 5 s, 10 s and every 10 s from then on, however many requests wait. */
static void test_one_log_line_for_all_requests(void **state)
{
    struct cove__outages all = { 0 };
    unsigned said = 0;

    for (int i = 0; i <= 400; i++) {
        for (int of_64 = 0; of_64 < 64; of_64++) {
            if (!cove__outage_log_due(&all, HERE, AT(i / 10.0) - BEGIN, AT(i / 10.0)))
                continue;
            assert_int_equal(i, said == 0 ? 50 : 100 * said);
            said++;
        }
    }
    assert_int_equal(said, 5);
    assert_true(cove__outage_log_due(&all, THERE, 6 * COVE__SEC, AT(40)));
}

/* However long the one before it was. */
static void test_the_next_outage_is_logged(void **state)
{
    struct cove__outages all = { 0 };
    int64_t lasted = 0;

    for (int i = 0; i <= 400; i++)
        cove__outage_log_due(&all, HERE, i * COVE__SEC, AT(i));
    lose(&all, HERE, 399, 400);
    assert_true(cove__outage_answered(&all, HERE, AT(400), &lasted));
    assert_false(cove__outage_log_due(&all, HERE, 4.9 * COVE__SEC, AT(405.9)));
    assert_true(cove__outage_log_due(&all, HERE, 5 * COVE__SEC, AT(406)));
    assert_false(cove__outage_log_due(&all, HERE, 9 * COVE__SEC, AT(410)));
    assert_true(cove__outage_log_due(&all, HERE, 10 * COVE__SEC, AT(411)));
}

static void check_endpoint(const char *url, const char *proxy, const char *expected)
{
    char way[COVE__OUTAGE_WAY], endpoint[COVE__OUTAGE_ENDPOINT];

    cove__outage_way(proxy, way);
    cove__outage_endpoint(url, way, endpoint);
    assert_string_equal(endpoint, expected);
}

static void test_endpoints(void **state)
{
    struct cove__outages all = { 0 };
    char way[COVE__OUTAGE_WAY], endpoint[COVE__OUTAGE_ENDPOINT], url[2000];

    check_endpoint("http://127.0.0.1:9000/bkt/key?x=http://y", NULL, HERE);
    check_endpoint("https://[::1]:9000?list-type=2", "", "https://[::1]:9000");
    check_endpoint("", NULL, "");
    check_endpoint("http://u:secret@h:1/a@b", NULL, "http://h:1");
    check_endpoint("http://h/k", "socks5://u:p@ss@proxy:3128/", "http://h through socks5://proxy:3128");
    check_endpoint("http://h/k", "u:p@proxy:3128", "http://h through proxy:3128");
    snprintf(url, sizeof url, "http://%01500d/k", 1);
    cove__outage_way(url, way);
    cove__outage_endpoint(url, way, endpoint);
    assert_int_equal(strlen(way), COVE__OUTAGE_WAY - 1);
    assert_int_equal(strlen(endpoint), COVE__OUTAGE_ENDPOINT - 1);

    /* More than are remembered: the one longest unused goes. */
    lose(&all, HERE, 0, 30);
    for (int i = 0; i < COVE__OUTAGES; i++) {
        snprintf(url, sizeof url, "http://other-%d:80", i);
        lose(&all, url, 30, 60);
    }
    assert_int_equal(last_wait(&all, HERE, 60), INT64_MAX);
    assert_int_equal(last_wait(&all, "http://other-0:80", 60), AT(60 + LAST));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_after_a_while),
        cmocka_unit_test(test_last_waits_share_a_deadline),
        cmocka_unit_test(test_a_last_wait_that_began_before),
        cmocka_unit_test(test_an_answer_ends_it),
        cmocka_unit_test(test_others_are_answered),
        cmocka_unit_test(test_idle_time_is_no_silence),
        cmocka_unit_test(test_each_kind_has_its_time),
        cmocka_unit_test(test_old_failures_are_forgotten),
        cmocka_unit_test(test_one_log_line_for_all_requests),
        cmocka_unit_test(test_the_next_outage_is_logged),
        cmocka_unit_test(test_endpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
