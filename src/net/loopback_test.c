/* Which hosts are this machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/loopback.h"

static void test_hosts(void **state)
{
    static const struct {
        const char *host;
        bool here;
    } rows[] = {
        { "127.0.0.1", true },
        { "127.0.0.1:10000", true },
        { "127.1.2.3/acct", true },
        { "localhost", true },
        { "LocalHost:4443/storage/v1", true },
        { "[::1]", true },
        { "[::1]:9000", true },
        { "[::1]?a", true },
        { "", false },
        { "127.0.0.1.example.com", false },
        { "127.0.0.1.example.com:80", false },
        { "127.example.com", false },
        { "127.0.0", false },
        { "127.0.0.1.", false },
        { "127.0.0.300", false },
        { "128.0.0.1", false },
        { "localhost.example.com", false },
        { "localhosts", false },
        { "[::1].example.com", false },
        { "[::1", false },
        { "[::2]", false },
        { "1127.0.0.1", false },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (cove__is_loopback(rows[i].host) != rows[i].here)
            fail_msg("%s", rows[i].host);
    }
}

static void test_urls(void **state)
{
    assert_true(cove__is_plain_and_here("HTTP://127.0.0.1:1/a"));
    assert_false(cove__is_plain_and_here("https://127.0.0.1:1/a"));
    assert_false(cove__is_plain_and_here("http://127.0.0.1.example.com/a"));
    assert_false(cove__is_plain_and_here("127.0.0.1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_hosts), cmocka_unit_test(test_urls) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
