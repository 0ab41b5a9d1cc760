/* Clean-ups: how long a call waits for one, and what becomes of it after that. No store is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <string.h>

#include <cove/log.h>

#include "base/clock.h"
#include "base/error.h"
#include "fs/object/cleanup.h"
#include "fs/object/object.h"

#define LONG_NS (25 * COVE__SEC) /* more than any call here has, and less than a clean-up may take */

static const struct cove__object_ops ops = { .name = "tested" };
static struct cove__object_store store = { .ops = &ops };
static cove_cancel *token;

/* What the store does at one run. */
enum answer { SUCCEEDS, REFUSES, HANGS, FIRES };

static struct {
    struct cove__cleanup cleanup; /* first */
    enum answer answers[2];
    atomic_int runs, freed;
    atomic_bool held; /* the second run does not begin yet */
    int64_t time_ns[2];
    bool had_token[2];
} one;

static int run(struct cove__cleanup *c, const struct cove__ctx *ctx, struct cove_error *err)
{
    int n = atomic_fetch_add(&one.runs, 1);

    assert_true(n < 2);
    one.time_ns[n] = ctx->deadline_ns - cove__now_ns();
    one.had_token[n] = ctx->cancel;
    if (one.answers[n] == FIRES)
        cove_cancel_fire(token);
    while (n == 1 && atomic_load(&one.held))
        cove__sleep_ns(COVE__MS);
    if (one.answers[n] == SUCCEEDS)
        return 0;
    if (one.answers[n] == REFUSES)
        return cove__fail(err, COVE_EACCESS, "refused");
    while (cove__ctx_check(ctx, err) == 0)
        cove__sleep_ns(COVE__MS);
    return err->code;
}

static void freed(struct cove__cleanup *c)
{
    atomic_fetch_add(&one.freed, 1);
}

static char said[1024];

static void keep_line(void *user, enum cove_log_level level, const char *subject, const char *message)
{
    if (level == COVE_LOG_WARNING)
        strncat(said, message, sizeof said - strlen(said) - 1);
}

static void clean_up(enum answer first, enum answer second, bool held, const struct cove__ctx *call)
{
    memset(&one, 0, sizeof one);
    said[0] = '\0';
    one.answers[0] = first;
    one.answers[1] = second;
    atomic_store(&one.held, held);
    one.cleanup = (struct cove__cleanup){
        .store = &store, .run = run, .free = freed, .url = "s3://b/k", .failure = "parts stay"
    };
    cove__cleanup(&one.cleanup, call);
}

static struct cove__ctx call_with(int64_t left_ns)
{
    return (struct cove__ctx){ .deadline_ns = cove__now_ns() + left_ns, .cancel = token, .op = "write", .url = "x" };
}

/* The call comes back while the clean-up in the background has not ended: else this test would never do so. */
static void continues_in_the_background(void)
{
    assert_int_equal(atomic_load(&one.freed), 0);
    assert_true(one.time_ns[0] < COVE__SEC);
    atomic_store(&one.held, false);
    cove__cleanups_end(&store);
    assert_int_equal(atomic_load(&one.runs), 2);
    assert_int_equal(atomic_load(&one.freed), 1);
    assert_true(one.time_ns[1] > LONG_NS);
    assert_string_equal(said, "");
}

static void after_the_deadline(void **state)
{
    struct cove__ctx call = call_with(-COVE__SEC);

    clean_up(HANGS, SUCCEEDS, true, &call);
    continues_in_the_background();
}

static void at_the_deadline(void **state)
{
    struct cove__ctx call = call_with(200 * COVE__MS);

    clean_up(HANGS, SUCCEEDS, true, &call);
    continues_in_the_background();
}

static void after_a_fired_token(void **state)
{
    struct cove__ctx call = call_with(LONG_NS);

    call.deadline_ns = INT64_MAX;
    call.cancel = cove_cancel_new();
    cove_cancel_fire(call.cancel);
    clean_up(HANGS, SUCCEEDS, true, &call);
    continues_in_the_background();
    assert_false(one.had_token[0]); /* which would end it before it began */
    cove_cancel_unref(call.cancel);
}

static void a_token_that_is_fired_meanwhile(void **state)
{
    token = cove_cancel_new();
    struct cove__ctx call = call_with(0);

    call.deadline_ns = INT64_MAX;
    clean_up(FIRES, SUCCEEDS, true, &call);
    assert_int_equal(atomic_load(&one.freed), 0);
    atomic_store(&one.held, false);
    cove__cleanups_end(&store);
    assert_int_equal(atomic_load(&one.freed), 1);
    cove_cancel_unref(token);
    token = NULL;
}

static void within_the_call(void **state)
{
    struct cove__ctx call = call_with(LONG_NS);

    clean_up(SUCCEEDS, REFUSES, false, &call);
    assert_int_equal(atomic_load(&one.runs), 1);
    assert_int_equal(atomic_load(&one.freed), 1);
    call.deadline_ns = INT64_MAX;
    clean_up(SUCCEEDS, REFUSES, false, &call);
    assert_true(one.time_ns[0] > LONG_NS && one.time_ns[0] <= 30 * COVE__SEC);
    assert_string_equal(said, "");
}

/* More time would not help. */
static void a_refusal_is_final(void **state)
{
    struct cove__ctx call = call_with(-COVE__SEC);

    clean_up(REFUSES, SUCCEEDS, false, &call);
    assert_int_equal(atomic_load(&one.runs), 1);
    assert_int_equal(atomic_load(&one.freed), 1);
    assert_string_equal(said, "refused; parts stay");
}

static void a_close_ends_it(void **state)
{
    struct cove__ctx call = call_with(-COVE__SEC);

    clean_up(HANGS, HANGS, false, &call);
    cove__cleanups_end(&store);
    assert_int_equal(atomic_load(&one.freed), 1);
    assert_non_null(strstr(said, "; parts stay"));
}

static int log_on(void **state)
{
    cove_log_set(keep_line, NULL, COVE_LOG_WARNING);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_the_deadline),  cmocka_unit_test(at_the_deadline),
        cmocka_unit_test(after_a_fired_token), cmocka_unit_test(a_token_that_is_fired_meanwhile),
        cmocka_unit_test(within_the_call),     cmocka_unit_test(a_refusal_is_final),
        cmocka_unit_test(a_close_ends_it),
    };
    return cmocka_run_group_tests(tests, log_on, NULL);
}
