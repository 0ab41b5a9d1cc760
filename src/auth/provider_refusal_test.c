/*
 * What a refusal of the store does to other requests, and a failure of the source to those that have waited for it:
 * good credentials stay in use, and the source is asked again. No server: the test calls what a request's hooks call.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "auth/oauth_token.h"
#include "auth/provider.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/mem.h"

#define PAST_BACKOFF_NS (1100 * COVE__MS) /* of the first failure; later is as good */

/* Under cove__lock. */
static struct {
    unsigned fetches;
    int rc;
    bool held;      /* fetch waits, and so does stamp */
    bool stays;     /* it gives the same each time, */
    bool none;      /* or anonymous access */
    uint64_t stamp; /* of its file */
} source;

static struct cove__provider *p;
static struct cove_error err;

static void wait_locked(const cove_cancel *cancel)
{
    while (source.held && !cove_cancel_fired(cancel)) {
        cove__unlock();
        cove__sleep_ns(COVE__MS);
        cove__lock();
    }
}

static uint64_t stamp(void *self)
{
    cove__lock();
    wait_locked(NULL);
    uint64_t ret = source.stamp;
    cove__unlock();
    return ret;
}

static int fetch(void *self, cove_cancel *cancel, void *ret_payload, struct cove_error *ret_err)
{
    struct cove__oauth_token *ret = ret_payload;
    char text[32];

    cove__lock();
    unsigned n = ++source.fetches;
    int rc = source.rc;
    wait_locked(cancel);
    bool stays = source.stays, none = source.none;
    cove__unlock();
    if (rc < 0)
        return cove__fail(ret_err, rc, "fetch %u failed", n);
    ret->expires_ns = cove__wall_ns() + 3600 * COVE__SEC;
    if (none)
        return 0;
    snprintf(text, sizeof text, "token-%u", stays ? 1 : n);
    ret->token = cove__strdup(text);
    return ret->token ? 0 : cove__fail_nomem(ret_err, "the token");
}

static void free_source(void *self)
{
}

static const struct cove__credentials_source tokens = { .type = &cove__oauth_token_type,
                                                        .fetch = fetch,
                                                        .free = free_source };

static int open_provider(void **state)
{
    memset(&source, 0, sizeof source);
    err = (struct cove_error)COVE_ERROR_INIT;
    return cove__provider_new(&tokens, &p, &err);
}

static int open_with_file(void **state)
{
    struct cove__credentials_source with_file = tokens;

    with_file.stamp = stamp;
    memset(&source, 0, sizeof source);
    err = (struct cove_error)COVE_ERROR_INIT;
    return cove__provider_new(&with_file, &p, &err);
}

static int open_constant(void **state)
{
    struct cove__credentials_source constant = tokens;

    constant.is_constant = true;
    memset(&source, 0, sizeof source);
    err = (struct cove_error)COVE_ERROR_INIT;
    return cove__provider_new(&constant, &p, &err);
}

static int close_provider(void **state)
{
    cove__provider_free(p);
    return 0;
}

static void set_source(int rc, bool held)
{
    cove__lock();
    source.rc = rc;
    source.held = held;
    cove__unlock();
}

static unsigned fetches(void)
{
    cove__lock();
    unsigned n = source.fetches;
    cove__unlock();
    return n;
}

/* One call: 0 and *ret_token, which is at most 31 bytes; or what cove__provider_get returns. */
static int get_now(struct cove__credentials_use *use, char *ret_token)
{
    struct cove__credentials *c = NULL;

    cove__error_clear(&err);
    int rc = cove__provider_get(p, NULL, use, &c, &err);
    if (rc == 0) {
        const char *token = cove__oauth_token_of(c)->token;
        snprintf(ret_token, 32, "%s", token ? token : "none");
        cove__credentials_unref(c);
    }
    return rc;
}

/* The same, after it has waited. */
static int get(struct cove__credentials_use *use, char *ret_token)
{
    int rc;

    while ((rc = get_now(use, ret_token)) == COVE__HTTP_LATER)
        cove__sleep_ns(COVE__MS);
    return rc;
}

/* The store refuses one request, and the source fails: that request's error is the store's, and the others continue. */
static void refuse_one(bool (*refuse)(struct cove__provider *, struct cove__credentials_use *))
{
    struct cove__credentials_use a = { 0 }, b = { 0 }, c = { 0 };
    char token[32];

    assert_int_equal(get(&a, token), 0);
    assert_int_equal(get(&b, token), 0);
    set_source(COVE_ENETWORK, false);
    assert_true(refuse(p, &a));
    assert_int_equal(get(&a, token), COVE__CREDENTIALS_UNCHANGED);
    assert_int_equal(err.code, COVE_ENETWORK);
    assert_string_equal(err.message, "fetch 2 failed");
    assert_int_equal(get(&b, token), 0);
    assert_string_equal(token, "token-1");
    assert_int_equal(get(&c, token), 0);
    assert_string_equal(token, "token-1");
}

static void test_a_refused_request(void **state)
{
    refuse_one(cove__provider_doubt);
}

static void test_refused_credentials(void **state)
{
    refuse_one(cove__provider_invalidate);
}

/* While the source is asked, others wait only where the credentials themselves were refused. */
static void test_who_waits(void **state)
{
    struct cove__credentials_use a = { 0 }, b = { 0 };
    char token[32];

    assert_int_equal(get(&a, token), 0);
    set_source(0, true);
    assert_true(cove__provider_doubt(p, &a));
    assert_int_equal(get_now(&a, token), COVE__HTTP_LATER);
    assert_int_equal(get_now(&b, token), 0);
    assert_string_equal(token, "token-1");
    assert_true(cove__provider_invalidate(p, &b)); /* it asks for no second refresh */
    struct cove__credentials_use c = { 0 };
    assert_int_equal(get_now(&c, token), COVE__HTTP_LATER);
    set_source(0, false);
    assert_int_equal(get(&a, token), 0);
    assert_string_equal(token, "token-2");
    assert_int_equal(get(&b, token), 0);
    assert_string_equal(token, "token-2");
    assert_int_equal(get(&c, token), 0);
    assert_string_equal(token, "token-2");
    assert_int_equal(fetches(), 2);
}

/* A request that once waited for a refresh is not bound to how a later one ended. */
static void test_a_refresh_between(void **state)
{
    struct cove__credentials_use a = { 0 }, b = { 0 };
    char token[32];

    assert_int_equal(get(&a, token), 0);
    assert_int_equal(get(&b, token), 0);
    set_source(COVE_ENETWORK, false);
    assert_true(cove__provider_invalidate(p, &b));
    assert_int_equal(get(&b, token), COVE__CREDENTIALS_UNCHANGED);
    set_source(0, false);
    cove__sleep_ns(PAST_BACKOFF_NS);
    assert_true(cove__provider_invalidate(p, &a));
    assert_int_equal(get(&a, token), 0);
    assert_string_equal(token, "token-3");
    assert_int_equal(fetches(), 3);
}

/* The next attempts of a request whose wait ended in a failure: as soon as the source may be asked again, it is. */
static void test_waits_again(void **state)
{
    struct cove__credentials_use a = { 0 };
    char token[32] = "";

    set_source(COVE_ENETWORK, false);
    assert_int_equal(get(&a, token), COVE_ENETWORK);
    set_source(0, false);
    for (int i = 0; i < 200 && get(&a, token) < 0; i++)
        cove__sleep_ns(50 * COVE__MS);
    assert_string_equal(token, "token-2");
}

/* A new request is refused with what the source gives. */
static int is_refused(char *ret_token)
{
    struct cove__credentials_use use = { 0 };

    assert_int_equal(get(&use, ret_token), 0);
    return cove__provider_invalidate(p, &use) ? get(&use, ret_token) : COVE__CREDENTIALS_UNCHANGED;
}

/* What the source gave after a refusal is refused at once; a store that refuses all of it makes no storm. */
static void test_rotated_again(void **state)
{
    char token[32];

    assert_int_equal(is_refused(token), 0);
    assert_string_equal(token, "token-2");
    assert_int_equal(is_refused(token), 0);
    assert_string_equal(token, "token-3");
    for (int i = 0; i < 1000; i++)
        is_refused(token);
    assert_true(fetches() < 50);
}

/* The source gives the same: it is asked again at once only where its file has changed. */
static void test_a_file_that_changes(void **state)
{
    struct cove__credentials_use a = { 0 }, b = { 0 };
    char token[32];

    source.stays = true;
    assert_int_equal(is_refused(token), COVE__CREDENTIALS_UNCHANGED);
    assert_int_equal(fetches(), 2);
    for (int i = 0; i < 100; i++)
        assert_int_equal(is_refused(token), COVE__CREDENTIALS_UNCHANGED);
    assert_int_equal(fetches(), 2);
    assert_int_equal(get(&a, token), 0);
    set_source(0, true);
    assert_true(cove__provider_may_replace(p, &a));
    assert_true(cove__provider_invalidate(p, &a));
    assert_int_equal(get_now(&a, token), COVE__HTTP_LATER);
    assert_int_equal(get_now(&b, token), 0); /* does not wait while the file is looked at */
    cove__lock();
    source.stays = source.held = false;
    source.stamp++;
    cove__unlock();
    assert_int_equal(get(&a, token), 0);
    assert_string_equal(token, "token-3");
    assert_int_equal(fetches(), 3);
}

/* Other requests don't wait for a search that most likely finds nothing again, and not each refusal makes one. */
static void test_anonymous_access(void **state)
{
    struct cove__credentials_use a = { 0 }, b = { 0 };
    char token[32];

    source.none = true;
    assert_int_equal(get(&a, token), 0);
    assert_string_equal(token, "none");
    set_source(0, true);
    assert_true(cove__provider_invalidate(p, &a));
    assert_int_equal(get_now(&a, token), COVE__HTTP_LATER);
    assert_int_equal(get_now(&b, token), 0);
    set_source(0, false);
    assert_int_equal(get(&a, token), COVE__CREDENTIALS_UNCHANGED);
    for (int i = 0; i < 100; i++)
        assert_int_equal(is_refused(token), COVE__CREDENTIALS_UNCHANGED);
    assert_int_equal(fetches(), 2);
}

static void test_an_option(void **state)
{
    char token[32];

    assert_int_equal(is_refused(token), COVE__CREDENTIALS_UNCHANGED);
    assert_int_equal(fetches(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_refused_request, open_provider, close_provider),
        cmocka_unit_test_setup_teardown(test_refused_credentials, open_provider, close_provider),
        cmocka_unit_test_setup_teardown(test_who_waits, open_provider, close_provider),
        cmocka_unit_test_setup_teardown(test_a_refresh_between, open_provider, close_provider),
        cmocka_unit_test_setup_teardown(test_waits_again, open_provider, close_provider),
        cmocka_unit_test_setup_teardown(test_rotated_again, open_provider, close_provider),
        cmocka_unit_test_setup_teardown(test_a_file_that_changes, open_with_file, close_provider),
        cmocka_unit_test_setup_teardown(test_anonymous_access, open_provider, close_provider),
        cmocka_unit_test_setup_teardown(test_an_option, open_constant, close_provider),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
