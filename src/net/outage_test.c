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

#define HERE    "127.0.0.1:9000"
#define THERE   "127.0.0.1:9001"
#define BEGIN   (1000 * COVE__SEC)
#define AT(sec) (BEGIN + (int64_t)((sec) * (double)COVE__SEC))

/* Attempts at HERE fail from 0 s on, each a second long; a request is given up after 33 s. */
static void lose(struct cove__outages *all)
{
    int64_t lasted = 0, left = 0;

    for (int i = 0; i < 33; i++)
        cove__outage_failed(all, HERE, AT(i), AT(i + 1));
    assert_int_equal(cove__outage_deadline(all, HERE, AT(33)), INT64_MAX);
    assert_true(cove__outage_given_up(all, HERE, AT(33), &lasted, &left));
    assert_int_equal(lasted, 33 * COVE__SEC);
    assert_int_equal(left, COVE__OUTAGE_GRACE_NS);
}

static void test_one_deadline_for_all(void **state)
{
    struct cove__outages all = { 0 };
    int64_t lasted = -1, left = -1;

    lose(&all);
    assert_int_equal(cove__outage_deadline(&all, HERE, AT(33)), AT(43));
    /* Later failures do not move the deadline. */
    cove__outage_failed(&all, HERE, AT(40), AT(41));
    assert_false(cove__outage_given_up(&all, HERE, AT(41), &lasted, &left));
    assert_int_equal(cove__outage_deadline(&all, HERE, AT(41)), AT(43));
    cove__outage_failed(&all, HERE, AT(90), AT(91));
    assert_int_equal(cove__outage_deadline(&all, HERE, AT(91)), AT(43));
    assert_int_equal(cove__outage_deadline(&all, THERE, AT(41)), INT64_MAX);
    assert_int_equal(lasted, -1);
    assert_int_equal(left, -1);
}

static void test_an_answer_ends_it(void **state)
{
    struct cove__outages all = { 0 };
    int64_t lasted = -1, left = 0;

    lose(&all);
    assert_false(cove__outage_answered(&all, THERE, AT(40), &lasted));
    assert_int_equal(cove__outage_deadline(&all, HERE, AT(40)), AT(43));
    assert_false(cove__outage_answered(&all, HERE, AT(40), &lasted)); /* nothing was logged */
    assert_int_equal(cove__outage_deadline(&all, HERE, AT(40)), INT64_MAX);
    assert_false(cove__outage_given_up(&all, HERE, AT(40), &lasted, &left));
    assert_int_equal(lasted, -1);

    cove__outage_failed(&all, HERE, AT(50), AT(51)); /* another outage */
    assert_true(cove__outage_log_due(&all, HERE, 5 * COVE__SEC, AT(55)));
    assert_true(cove__outage_given_up(&all, HERE, AT(56), &lasted, &left));
    assert_int_equal(lasted, 6 * COVE__SEC);
    assert_int_equal(left, 6 * COVE__SEC);
    assert_true(cove__outage_answered(&all, HERE, AT(60), &lasted));
    assert_int_equal(lasted, 10 * COVE__SEC);
    assert_false(cove__outage_answered(&all, HERE, AT(61), &lasted));
}

static void test_old_failures_are_forgotten(void **state)
{
    struct cove__outages all = { 0 };

    lose(&all);
    assert_int_equal(cove__outage_deadline(&all, HERE, AT(33) + COVE__OUTAGE_FORGET_NS), AT(43));
    assert_int_equal(cove__outage_deadline(&all, HERE, AT(33) + COVE__OUTAGE_FORGET_NS + 1), INT64_MAX);
    cove__outage_failed(&all, HERE, AT(200), AT(201)); /* the program computed for minutes */
    assert_int_equal(cove__outage_deadline(&all, HERE, AT(201)), INT64_MAX);
}

/* One line an endpoint, at 5, 10, 20 and 40 s, however many requests wait. */
static void test_lines_get_rarer(void **state)
{
    struct cove__outages all = { 0 };
    unsigned said = 0;

    for (int i = 0; i <= 400; i++) {
        for (int of_64 = 0; of_64 < 64; of_64++) {
            if (!cove__outage_log_due(&all, HERE, AT(i / 10.0) - BEGIN, AT(i / 10.0)))
                continue;
            assert_int_equal(i, 50 << said);
            said++;
        }
    }
    assert_int_equal(said, 4);
    assert_true(cove__outage_log_due(&all, THERE, 6 * COVE__SEC, AT(40)));
    /* A wait that began after the last line is logged after 5 s again. */
    assert_false(cove__outage_log_due(&all, HERE, 5 * COVE__SEC, AT(60)));
    assert_true(cove__outage_log_due(&all, HERE, 5 * COVE__SEC, AT(90)));
    assert_true(cove__outage_log_due(&all, HERE, 10 * COVE__SEC, AT(95)));
}

static void test_endpoints(void **state)
{
    struct cove__outages all = { 0 };
    char endpoint[COVE__OUTAGE_ADDRESS], url[600];
    int64_t lasted, left;

    cove__outage_endpoint("http://127.0.0.1:9000/bkt/key?x=http://y", endpoint);
    assert_string_equal(endpoint, HERE);
    cove__outage_endpoint("https://[::1]:9000?list-type=2", endpoint);
    assert_string_equal(endpoint, "[::1]:9000");
    cove__outage_endpoint("", endpoint);
    assert_string_equal(endpoint, "");
    snprintf(url, sizeof url, "http://%0500d/k", 1);
    cove__outage_endpoint(url, endpoint);
    assert_int_equal(strlen(endpoint), COVE__OUTAGE_ADDRESS - 1);

    /* A full record forgets the endpoint that was unused the longest. */
    lose(&all);
    for (int i = 0; i < COVE__OUTAGES; i++) {
        snprintf(url, sizeof url, "other-%d:80", i);
        cove__outage_failed(&all, url, AT(40 + i), AT(41 + i));
    }
    assert_int_equal(cove__outage_deadline(&all, HERE, AT(60)), INT64_MAX);
    assert_true(cove__outage_given_up(&all, "other-0:80", AT(60), &lasted, &left));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_deadline_for_all),
        cmocka_unit_test(test_an_answer_ends_it),
        cmocka_unit_test(test_old_failures_are_forgotten),
        cmocka_unit_test(test_lines_get_rarer),
        cmocka_unit_test(test_endpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
