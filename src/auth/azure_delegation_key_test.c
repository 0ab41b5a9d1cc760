/* User delegation keys: text in and text out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auth/azure_delegation_key.h"
#include "base/clock.h"

#define FIELDS                                                                                                         \
    "<SignedOid>o</SignedOid><SignedTid>t</SignedTid><SignedStart>2026-11-20T00:00:00Z</SignedStart>"                  \
    "<SignedService>b</SignedService><SignedVersion>2023-11-03</SignedVersion>"
#define EXPIRY "<SignedExpiry>2026-11-27T00:00:00Z</SignedExpiry>"
#define VALUE  "<Value>a2V5LWtleS1rZXk=</Value>"

static void test_request(void **state)
{
    struct cove__buf body = COVE__BUF_INIT(4096);
    int64_t starts_ns = cove__parse_iso8601("2026-11-20T00:00:00Z");

    assert_int_equal(cove__delegation_key_request(starts_ns, starts_ns + 3600 * COVE__SEC, &body), 0);
    assert_string_equal(cove__buf_str(&body),
                        "<?xml version=\"1.0\" encoding=\"utf-8\"?><KeyInfo><Start>2026-11-20T00:00:00Z</Start>"
                        "<Expiry>2026-11-20T01:00:00Z</Expiry></KeyInfo>");
    cove__buf_done(&body);
}

static void test_response(void **state)
{
    static const char text[] = "<UserDelegationKey>" FIELDS EXPIRY VALUE "<New>x</New></UserDelegationKey>";
    struct cove__delegation_key key = { 0 };

    assert_int_equal(cove__delegation_key_read(cove__slice_str(text), &key), 0);
    assert_string_equal(key.object_id, "o");
    assert_string_equal(key.tenant_id, "t");
    assert_string_equal(key.start, "2026-11-20T00:00:00Z");
    assert_string_equal(key.expiry, "2026-11-27T00:00:00Z");
    assert_string_equal(key.service, "b");
    assert_string_equal(key.version, "2023-11-03");
    assert_int_equal(key.key_size, 11);
    assert_memory_equal(key.key, "key-key-key", 11);
    assert_true(key.expires_ns == cove__parse_iso8601("2026-11-27T00:00:00Z"));
    cove__delegation_key_type.done(&key);
    assert_null(key.value);
}

static void test_unusable_responses(void **state)
{
    static const char *const rows[] = {
        "",
        "<html/>",
        "<Other>" FIELDS EXPIRY VALUE "</Other>",
        "<UserDelegationKey>" FIELDS EXPIRY "</UserDelegationKey>",
        "<UserDelegationKey>" FIELDS EXPIRY "<Value></Value></UserDelegationKey>",
        "<UserDelegationKey>" FIELDS EXPIRY "<Value>no base64</Value></UserDelegationKey>",
        "<UserDelegationKey>" FIELDS VALUE "<SignedExpiry>tomorrow</SignedExpiry></UserDelegationKey>",
        "<UserDelegationKey>" FIELDS EXPIRY VALUE "<SignedOid>o&#10;o</SignedOid></UserDelegationKey>",
    };
    struct cove__delegation_key key = { .key_size = 7 };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(cove__delegation_key_read(cove__slice_str(rows[i]), &key), COVE_EPROTOCOL);
    assert_int_equal(key.key_size, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_response),
        cmocka_unit_test(test_unusable_responses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
