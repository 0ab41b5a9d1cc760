/* Percent-encoding and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <cove/error.h>

#include "wire/uri.h"

static void test_encode(void **state)
{
    struct cove__buf b = COVE__BUF_INIT(1024);
    static const char text[] = "a/b c%~-_.+\xc3\xa9?#\0z";
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

    assert_int_equal(cove__uri_encode(&b, cove__slice(text, sizeof text - 1), true), 0);
    assert_string_equal(cove__buf_str(&b), "a/b%20c%25~-_.%2B%C3%A9%3F%23%00z");
    cove__buf_reset(&b);
    assert_int_equal(cove__uri_encode(&b, cove__slice_str("a/b"), false), 0);
    assert_string_equal(cove__buf_str(&b), "a%2Fb");
    cove__buf_reset(&b);
    assert_int_equal(cove__uri_encode(&b, cove__slice_str(unreserved), false), 0);
    assert_string_equal(cove__buf_str(&b), unreserved);
    cove__buf_reset(&b);
    assert_int_equal(cove__uri_encode(&b, cove__slice_str(":/?#[]@!$&'()*+,;="), false), 0); /* section 2.2 */
    assert_string_equal(cove__buf_str(&b), "%3A%2F%3F%23%5B%5D%40%21%24%26%27%28%29%2A%2B%2C%3B%3D");
    cove__buf_reset(&b);
    assert_int_equal(cove__uri_encode(&b, (struct cove__slice){ NULL, 0 }, false), 0);
    assert_string_equal(cove__buf_str(&b), "");
    cove__buf_done(&b);
}

static void test_pairs(void **state)
{
    struct cove__buf b = COVE__BUF_INIT(64);

    cove__uri_add_pair(&b, "prefix", cove__slice_str("a b/+"));
    assert_int_equal(cove__uri_add_pair(&b, "n", cove__slice_str("")), 0);
    assert_string_equal(cove__buf_str(&b), "prefix=a%20b%2F%2B&n=");
    cove__buf_done(&b);
}

static void test_decode(void **state)
{
    struct cove__buf b = COVE__BUF_INIT(64);
    static const char *const bad[] = { "%", "%2", "a%zz", "%00", "%g0", "%2g", "%%41" };

    assert_int_equal(cove__form_decode(&b, cove__slice_str("a+b%2Bc%2f%C3%A9")), 0);
    assert_string_equal(cove__buf_str(&b), "a b+c/\xc3\xa9");
    cove__buf_reset(&b);
    assert_int_equal(cove__uri_decode(&b, cove__slice_str("a+b%2Bc%2f%C3%A9")), 0);
    assert_string_equal(cove__buf_str(&b), "a+b+c/\xc3\xa9");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cove__buf_reset(&b);
        assert_int_equal(cove__form_decode(&b, cove__slice_str(bad[i])), COVE_EPROTOCOL);
        cove__buf_reset(&b);
        assert_int_equal(cove__uri_decode(&b, cove__slice_str(bad[i])), COVE_EPROTOCOL);
    }
    cove__buf_reset(&b);
    assert_int_equal(cove__uri_decode(&b, cove__slice("%41%42", 5)), COVE_EPROTOCOL); /* the slice ends before the 2 */
    cove__buf_done(&b);
}

static void test_round_trip(void **state)
{
    struct cove__buf encoded = COVE__BUF_INIT(1024), decoded = COVE__BUF_INIT(1024);
    char all[255];

    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (char)(i + 1);
    for (int i = 0; i < 4; i++) {
        cove__buf_reset(&encoded);
        cove__buf_reset(&decoded);
        assert_int_equal(cove__uri_encode(&encoded, cove__slice(all, sizeof all), i & 1), 0);
        struct cove__slice text = cove__buf_slice(&encoded);
        assert_int_equal(i & 2 ? cove__uri_decode(&decoded, text) : cove__form_decode(&decoded, text), 0);
        assert_int_equal(decoded.size, sizeof all);
        assert_memory_equal(decoded.data, all, sizeof all);
    }
    cove__buf_done(&encoded);
    cove__buf_done(&decoded);
}

static void test_ceiling(void **state)
{
    struct cove__buf b = COVE__BUF_INIT(5);

    assert_int_equal(cove__uri_encode(&b, cove__slice_str("//"), false), COVE_ELIMIT);
    cove__buf_reset(&b);
    assert_int_equal(cove__uri_decode(&b, cove__slice_str("abcdef")), COVE_ELIMIT);
    cove__buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encode),     cmocka_unit_test(test_pairs),   cmocka_unit_test(test_decode),
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
