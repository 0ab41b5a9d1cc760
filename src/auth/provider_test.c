/*
 * Credentials kept fresh: one refresh for all requests that wait, in the background while the old ones serve, not too
 * often; the error of a failed source; fork and close during a refresh. AWS's keys, and OAuth's tokens as a second
 * payload. No server: prepare ends each request.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/aws_credentials.h"
#include "auth/oauth_token.h"
#include "auth/provider.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"

#define MANY 64

/* A source under the test's hand. Under cove__lock. */
static struct {
    unsigned fetches, asked; /* calls of fetch, and of get */
    unsigned hold_until;     /* fetch waits until so many have asked */
    cove_cancel *ends_asker; /* fetch fires it; NULL: none */
    int64_t lasts_ns;
    int rc;
    bool freed;
    bool same; /* it gives the same each time */
} source;

static unsigned value_of(const unsigned *at)
{
    cove__lock();
    unsigned v = *at;
    cove__unlock();
    return v;
}

/* *ret_n: which fetch it is. */
static int wait_for_requests(cove_cancel *cancel, unsigned *ret_n, int64_t *ret_expires_ns, struct cove_error *err)
{
    cove__lock();
    unsigned n = ++source.fetches, until = source.hold_until;
    int rc = source.rc;
    *ret_n = n;
    *ret_expires_ns = cove__wall_ns() + source.lasts_ns;
    cove__unlock();
    cove_cancel_fire(source.ends_asker);
    while (value_of(&source.asked) < until) {
        if (cove_cancel_fired(cancel))
            return cove__fail(err, COVE_ECANCELED, "cancelled");
        cove__sleep_ns(COVE__MS);
    }
    return rc < 0 ? cove__fail(err, rc, "the source is dry, time %u", n) : 0;
}

static int fetch(void *self, cove_cancel *cancel, void *ret_payload, struct cove_error *err)
{
    struct cove__aws_credentials *ret = ret_payload, c = { 0 };
    char id[32];
    unsigned n;
    int rc = wait_for_requests(cancel, &n, &c.expires_ns, err);

    if (rc < 0)
        return rc;
    snprintf(id, sizeof id, "ID%u", source.same ? 1 : n);
    c.key_id = cove__strdup(id);
    c.secret = cove__strdup("secret");
    if (!c.key_id || !c.secret) {
        cove__aws_credentials_done(&c);
        return cove__fail_nomem(err, "the credentials");
    }
    *ret = c;
    return 0;
}

/* A bearer token in the place of keys. */
static int fetch_token(void *self, cove_cancel *cancel, void *ret_payload, struct cove_error *err)
{
    struct cove__oauth_token *ret = ret_payload, token = { 0 };
    struct cove__buf text = COVE__BUF_INIT(64);
    unsigned n;
    int rc = wait_for_requests(cancel, &n, &token.expires_ns, err);

    if (rc < 0)
        return rc;
    cove__buf_addf(&text, "ya29.token-of-test-%u", n);
    token.token = cove__buf_take(&text);
    token.origin = cove__strdup("the test's metadata server");
    if (!token.token || !token.origin) {
        cove__oauth_token_done(&token);
        return cove__fail_nomem(err, "the credentials");
    }
    *ret = token;
    return 0;
}

static void free_source(void *self)
{
    source.freed = true;
}

static const struct cove__credentials_source keys = { &cove__aws_credentials_type, fetch, free_source, NULL };
static const struct cove__credentials_source tokens = {
    .type = &cove__oauth_token_type, .fetch = fetch_token, .free = free_source, .early_ns = 225 * COVE__SEC
};

static struct cove__provider *provider_of(const struct cove__credentials_source *s, int64_t lasts_s,
                                          unsigned hold_until)
{
    struct cove__provider *p = NULL;
    struct cove_error err = COVE_ERROR_INIT;

    source.fetches = source.asked = source.rc = 0;
    source.freed = source.same = false;
    source.hold_until = hold_until;
    source.lasts_ns = lasts_s * COVE__SEC;
    assert_int_equal(cove__provider_new(s, &p, &err), 0);
    return p;
}

static struct cove__provider *provider(int64_t lasts_s, unsigned hold_until)
{
    return provider_of(&keys, lasts_s, hold_until);
}

struct asker {
    struct cove__http_request r; /* first */
    struct cove__provider *p;
    struct cove__credentials_use use;
    bool refuse;   /* the store refuses what it is first signed with, */
    uint64_t good; /* but for the credentials of this serial */
    char id[32];
};

/* Where a real request would be sent, this one ends. */
static int prepare(void *self, struct cove__http_request *r, struct cove_error *err)
{
    struct asker *a = self;
    struct cove__credentials *c = NULL;

    cove__lock();
    source.asked++;
    cove__unlock();
    int rc = cove__provider_get(a->p, r, &a->use, &c, err);
    if (rc == 0 && a->refuse && c->serial != a->good && cove__provider_invalidate(a->p, &a->use)) {
        cove__credentials_unref(c);
        rc = cove__provider_get(a->p, r, &a->use, &c, err);
    }
    if (rc == COVE__CREDENTIALS_UNCHANGED) {
        struct cove_error why = *err;
        return cove__fail(err, COVE_EACCESS, "refused; %s", why.message);
    }
    if (rc != 0)
        return rc;
    snprintf(a->id, sizeof a->id, "%s",
             c->type == &cove__aws_credentials_type ? cove__aws_credentials_get(c)->key_id
                                                    : cove__oauth_token_of(c)->token);
    cove__credentials_unref(c);
    return cove__fail(err, COVE_ESTATE, "signed");
}

static struct cove__http *client(void)
{
    struct cove__http_config config = { .proxy = "", .max_concurrency = MANY };
    struct cove__http *http = NULL;
    struct cove_error err = COVE_ERROR_INIT;
    assert_int_equal(cove__http_new(&config, &http, &err), 0);
    return http;
}

static void asker_init(struct asker *a, struct cove__http *http, struct cove__provider *p)
{
    static const struct cove__http_hooks hooks = { prepare, NULL, NULL };
    *a = (struct asker){ .p = p };
    cove__http_request_init(&a->r);
    a->r.http = http;
    a->r.hooks = &hooks;
    a->r.self = a;
    a->r.op.ctx.op = "read";
    a->r.op.ctx.url = "test://x";
}

/* One request: what it was signed with, or "" and the error. */
static const char *ask(struct cove__http *http, struct cove__provider *p, bool refuse, struct cove_error *err)
{
    static char id[32];
    struct asker a;

    asker_init(&a, http, p);
    a.refuse = refuse;
    cove__http_run(&a.r, err);
    snprintf(id, sizeof id, "%s", a.id);
    cove__http_request_done(&a.r);
    return id;
}

static void test_one_refresh_for_many(void **state)
{
    struct cove__http *http = client();
    struct cove__provider *p = provider(3600, MANY);
    struct asker a[MANY];
    struct cove__inbox inbox;

    for (int round = 0; round < 2; round++) { /* then all are refused at once */
        cove__inbox_init(&inbox);
        for (int i = 0; i < MANY; i++) {
            asker_init(&a[i], http, p);
            a[i].r.op.inbox = &inbox;
            a[i].refuse = round == 1;
            a[i].good = 2;
            cove__http_start(&a[i].r);
        }
        while (cove__inbox_wait(&inbox)) {
        }
        cove__inbox_done(&inbox);
        for (int i = 0; i < MANY; i++) {
            assert_int_equal(a[i].r.op.rc, COVE_ESTATE);
            assert_string_equal(a[i].id, round == 0 ? "ID1" : "ID2");
            cove__http_request_done(&a[i].r);
        }
        assert_int_equal(source.fetches, round + 1);
    }
    cove__provider_free(p);
    assert_true(source.freed);
    cove__http_free(http);
}

/* Many requests were signed with keys that are refused, and the source still gives them: one fetch serves all, and no
 * request tries them again. */
static void test_refused_keys_that_stay(void **state)
{
    struct cove__http *http = client();
    struct cove__provider *p = provider(3600, 0);
    struct cove_error err = COVE_ERROR_INIT;
    struct cove__credentials_use use[MANY] = { 0 };
    struct cove__credentials *c;

    int64_t began_ns = cove__now_ns();
    source.same = true;
    assert_string_equal(ask(http, p, false, &err), "ID1");
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(cove__provider_get(p, NULL, &use[i], &c, &err), 0);
        cove__credentials_unref(c);
    }
    for (int i = 0; i < MANY; i++) {
        assert_true(cove__provider_may_replace(p, &use[i]));
        assert_true(cove__provider_invalidate(p, &use[i]));
    }
    for (int i = 0; i < MANY; i++) {
        int rc;
        while ((rc = cove__provider_get(p, NULL, &use[i], &c, &err)) == COVE__HTTP_LATER)
            cove__sleep_ns(COVE__MS);
        assert_int_equal(rc, COVE__CREDENTIALS_UNCHANGED);
    }
    assert_int_equal(value_of(&source.fetches), 2);
    /* Others may use them, and a refusal so soon after is not worth another look. */
    assert_string_equal(ask(http, p, true, &err), "ID1");
    assert_true(value_of(&source.fetches) == 2 || cove__now_ns() - began_ns > 5 * COVE__SEC);
    cove__provider_free(p);
    cove__http_free(http);
}

/* The first credentials are here; the source is asked only when the store refuses them. */
static void test_first_credentials(void **state)
{
    struct cove__http *http = client();
    struct cove__provider *p = provider(3600, 0);
    struct cove__aws_credentials first = { .key_id = cove__strdup("FIRST"),
                                           .secret = cove__strdup("secret-of-first"),
                                           .expires_ns = INT64_MAX };
    struct cove_error err = COVE_ERROR_INIT;

    cove__provider_free(p);
    assert_int_equal(cove__provider_new_with(&keys, &first, &p, &err), 0);
    assert_null(first.key_id);
    assert_string_equal(ask(http, p, false, &err), "FIRST");
    assert_int_equal(source.fetches, 0);
    assert_string_equal(ask(http, p, true, &err), "ID1");
    assert_string_equal(ask(http, p, false, &err), "ID1");
    assert_int_equal(source.fetches, 1);
    cove__provider_free(p);
    cove__http_free(http);
}

/* Keys that end in five minutes serve, while others are fetched; keys that end in seconds serve where they are new. */
static void test_near_the_end(void **state)
{
    struct cove__http *http = client();
    struct cove_error err = COVE_ERROR_INIT;

    for (int64_t lasts_s = 300; lasts_s > 0; lasts_s -= 290) {
        struct cove__provider *p = provider(lasts_s, 0);
        for (int i = 0; i < 5; i++)
            assert_string_equal(ask(http, p, false, &err), "ID1"); /* just asked: not again so soon */
        assert_int_equal(source.fetches, 1);
        cove__provider_free(p);
    }
    cove__http_free(http);
}

static void test_a_source_that_fails(void **state)
{
    struct cove__http *http = client();
    struct cove__provider *p = provider(3600, 0);
    struct cove_error err = COVE_ERROR_INIT;

    source.rc = COVE_EAUTH;
    assert_string_equal(ask(http, p, false, &err), "");
    assert_int_equal(err.code, COVE_EAUTH);
    assert_string_equal(err.message, "the source is dry, time 1");
    cove__provider_free(p);

    /* A source that lacks a file: the request's own file is not the one that is missing. */
    p = provider(3600, 0);
    source.rc = COVE_ENOTFOUND;
    assert_string_equal(ask(http, p, false, &err), "");
    assert_int_equal(err.code, COVE_EAUTH);
    cove__provider_free(p);

    /* Keys that the store has refused stay refused for that request; others continue with them. */
    p = provider(3600, 0);
    assert_string_equal(ask(http, p, false, &err), "ID1");
    source.rc = COVE_ENETWORK;
    assert_string_equal(ask(http, p, true, &err), "");
    assert_int_equal(err.code, COVE_EACCESS);
    assert_string_equal(err.message, "refused; the source is dry, time 2");
    assert_string_equal(ask(http, p, false, &err), "ID1");
    cove__provider_free(p);
    cove__http_free(http);
}

static void test_closed_in_mid_refresh(void **state)
{
    struct cove__http *http = client();
    struct cove__provider *p = provider(3600, 1000000); /* never */
    struct cove_error err = COVE_ERROR_INIT;
    struct asker a;

    asker_init(&a, http, p);
    a.r.op.ctx.cancel = source.ends_asker = cove_cancel_new();
    assert_int_equal(cove__http_run(&a.r, &err), COVE_ECANCELED); /* the request was cancelled, not the refresh */
    assert_int_equal(source.fetches, 1);
    cove__http_request_done(&a.r);
    cove_cancel_unref(source.ends_asker);
    source.ends_asker = NULL;
    cove__provider_free(p); /* cancels it */
    assert_true(source.freed);
    cove__http_free(http);
}

static void test_fork_in_mid_refresh(void **state)
{
    struct cove__http *http = client();
    struct cove__provider *p = provider(3600, 2);
    struct cove__inbox inbox;
    struct cove_error err = COVE_ERROR_INIT;
    struct asker a;
    int status;

#ifdef __SANITIZE_THREAD__
    cove__provider_free(p);
    cove__http_free(http);
    print_message("ThreadSanitizer takes the child's threads for those of its parent\n");
    skip();
#endif
    cove__inbox_init(&inbox);
    asker_init(&a, http, p);
    a.r.op.inbox = &inbox;
    cove__http_start(&a.r);
    while (value_of(&source.fetches) == 0)
        cove__sleep_ns(COVE__MS);
    pid_t child = fork();
    if (child == 0) { /* fetches for itself: its parent's thread is not here */
        bool right = strcmp(ask(http, p, false, &err), "ID2") == 0;
        cove__provider_free(p);
        _exit(right ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_string_equal(ask(http, p, false, &err), "ID1"); /* the second request: now both end */
    assert_ptr_equal(cove__inbox_wait(&inbox), &a.r.op);
    assert_string_equal(a.id, "ID1");
    cove__inbox_done(&inbox);
    cove__http_request_done(&a.r);
    cove__provider_free(p);
    cove__http_free(http);
}

/* A second kind of credentials: one refresh for many, refreshed early, refused once, wiped at the end. */
static void test_tokens(void **state)
{
    struct cove__http *http = client();
    struct cove__provider *p = provider_of(&tokens, 3600, 0);
    struct cove__oauth_token fixed = { .expires_ns = INT64_MAX };
    struct cove_error err = COVE_ERROR_INIT;
    char text[128];

    assert_string_equal(ask(http, p, false, &err), "ya29.token-of-test-1");
    assert_string_equal(ask(http, p, false, &err), "ya29.token-of-test-1");
    assert_string_equal(ask(http, p, true, &err), "ya29.token-of-test-2");
    assert_int_equal(source.fetches, 2);
    cove__provider_origin(p, text, sizeof text);
    assert_string_equal(text, "the test's metadata server");
    snprintf(text, sizeof text, "the token ya29.token-of-test-2");
    cove__text_line(text, sizeof text);
    assert_string_equal(text, "the token ***");
    cove__provider_free(p);
    snprintf(text, sizeof text, "the token ya29.token-of-test-2");
    cove__text_line(text, sizeof text);
    assert_string_equal(text, "the token ya29.token-of-test-2"); /* no secret any more: it was wiped */

    fixed.token = cove__strdup("ya29.given");
    assert_int_equal(cove__provider_new_fixed(&cove__oauth_token_type, &fixed, &p, &err), 0);
    assert_null(fixed.token);
    assert_string_equal(ask(http, p, false, &err), "ya29.given");
    assert_string_equal(ask(http, p, true, &err), "ya29.given"); /* there are no others */
    snprintf(text, sizeof text, "the token ya29.given");
    cove__text_line(text, sizeof text);
    assert_string_equal(text, "the token ***");
    cove__provider_free(p);
    cove__http_free(http);
}

static void test_no_memory(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;

    for (unsigned long n = 1; n < 20; n++) {
        struct cove__aws_credentials fixed = { .key_id = cove__strdup("a"), .secret = cove__strdup("b") };
        struct cove__aws_credentials first = { .key_id = cove__strdup("c"), .secret = cove__strdup("d") };
        struct cove__provider *p = NULL, *q = NULL, *with = NULL;
        source.freed = false;
        cove__mem_fail(n, 1);
        int rc = cove__provider_new(&keys, &p, &err),
            rc_fixed = cove__provider_new_fixed(&cove__aws_credentials_type, &fixed, &q, &err),
            rc_with = cove__provider_new_with(&keys, &first, &with, &err);
        cove__mem_fail(0, 0);
        assert_int_equal(source.freed, rc < 0 || rc_with < 0);
        assert_true(!fixed.key_id && !first.key_id); /* taken, or freed */
        cove__provider_free(p);
        cove__provider_free(q);
        cove__provider_free(with);
        if (rc == 0 && rc_fixed == 0 && rc_with == 0)
            return;
        assert_true(rc == COVE_ENOMEM || rc_fixed == COVE_ENOMEM || rc_with == COVE_ENOMEM);
    }
    fail_msg("an allocation without end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_refresh_for_many),
        cmocka_unit_test(test_refused_keys_that_stay),
        cmocka_unit_test(test_first_credentials),
        cmocka_unit_test(test_near_the_end),
        cmocka_unit_test(test_a_source_that_fails),
        cmocka_unit_test(test_closed_in_mid_refresh),
        cmocka_unit_test(test_fork_in_mid_refresh),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
