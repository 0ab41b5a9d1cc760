/* DIGEST-MD5: RFC 2831's own example, a server of our own beyond it, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <cove/error.h>

#include "wire/sasl_digest.h"

#define CHALLENGE                                                                                                      \
    "realm=\"elwood.innosoft.com\",nonce=\"OA6MG9tEQGm2hh\",qop=\"auth,auth-int,auth-conf\","                          \
    "algorithm=md5-sess,charset=utf-8,cipher=\"3des,rc4\""

static struct cove__sasl_digest *login(const char *challenge, unsigned quality, struct cove__buf *out, int *ret_rc)
{
    const struct cove__sasl_digest_login who = { .user = "chris",
                                                 .password = "secret",
                                                 .service = "imap/elwood.innosoft.com",
                                                 .cnonce = "OA6MHXh6VqTrRk",
                                                 .qualities = { { quality }, 1 } };
    struct cove__sasl_digest *d = NULL;
    const char *why;

    *ret_rc = cove__sasl_digest_answer(cove__slice_str(challenge), &who, out, &d, &why);
    return d;
}

static void test_computes_the_rfcs_example(void **state)
{
    struct cove__buf out = COVE__BUF_INIT(10000);
    int rc;
    struct cove__sasl_digest *d = login(CHALLENGE, COVE__SASL_AUTH, &out, &rc);

    (void)state;
    assert_int_equal(rc, 0);
    assert_non_null(strstr(cove__buf_str(&out), "response=d388dad90d4bbd760a152321f2143af7,"));
    assert_non_null(strstr(cove__buf_str(&out), "username=\"chris\",realm=\"elwood.innosoft.com\""));
    assert_int_equal(cove__sasl_digest_check(d, cove__slice_str("rspauth=ea40f60335c427b5527b84dbabcdfffd")), 0);
    assert_int_equal(cove__sasl_digest_check(d, cove__slice_str("rspauth=ea40f60335c427b5527b84dbabcdffff")),
                     COVE_EAUTH);
    assert_int_equal(cove__sasl_digest_check(d, cove__slice_str("")), COVE_EAUTH);
    cove__sasl_digest_free(d);
    cove__buf_done(&out);
}

static void test_refuses_what_is_not_offered(void **state)
{
    struct cove__buf out = COVE__BUF_INIT(10000);
    int rc;

    (void)state;
    assert_null(login("realm=\"r\",nonce=\"n\",qop=\"auth\"", COVE__SASL_PRIVACY, &out, &rc));
    assert_int_equal(rc, COVE_EAUTH);
    assert_null(login("realm=\"r\",nonce=\"n\",qop=\"auth-conf\",cipher=\"des\"", COVE__SASL_PRIVACY, &out, &rc));
    assert_int_equal(rc, COVE_EAUTH);
    assert_null(login("realm=\"r\",nonce=\"n", COVE__SASL_AUTH, &out, &rc));
    assert_int_equal(rc, COVE_EPROTOCOL);
    assert_null(login("realm=\"r\"", COVE__SASL_AUTH, &out, &rc));
    assert_int_equal(rc, COVE_EPROTOCOL);
    cove__buf_done(&out);
}

static void test_seals_in_order(void **state)
{
    const char *const challenges[] = { CHALLENGE, "realm=\"r\",nonce=\"n\",qop=\"auth-conf\",cipher=\"rc4\"" };
    struct cove__buf out = COVE__BUF_INIT(10000), one = COVE__BUF_INIT(10000), two = COVE__BUF_INIT(10000);
    int rc;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        unsigned quality = i < 2 ? COVE__SASL_INTEGRITY : COVE__SASL_PRIVACY;
        struct cove__sasl_digest *d = login(i == 3 ? challenges[1] : challenges[0], quality, &out, &rc);

        assert_int_equal(rc, 0);
        assert_int_equal(cove__sasl_digest_seal(d, cove__slice_str("the same bytes"), &one), 0);
        assert_int_equal(cove__sasl_digest_seal(d, cove__slice_str("the same bytes"), &two), 0);
        assert_int_equal(one.size, two.size);
        assert_memory_not_equal(one.data, two.data, one.size);
        assert_int_equal(one.data[one.size - 1], 0);
        assert_int_equal(two.data[two.size - 1], 1);
        /* What this side has sealed is not what the server would. */
        assert_int_equal(cove__sasl_digest_open(d, cove__buf_slice(&one), &out), COVE_ECORRUPT);
        cove__sasl_digest_free(d);
        cove__buf_reset(&one);
        cove__buf_reset(&two);
        cove__buf_reset(&out);
    }
    cove__buf_done(&one);
    cove__buf_done(&two);
    cove__buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_computes_the_rfcs_example),
        cmocka_unit_test(test_refuses_what_is_not_offered),
        cmocka_unit_test(test_seals_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
