/* Numbers as Python's repr writes them; the expected texts are Python's. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/number.h"

static void test_as_python(void **state)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        { 0.0, "0.0" },
        { -0.0, "-0.0" },
        { 1.0, "1.0" },
        { -2.5, "-2.5" },
        { 0.1, "0.1" },
        { 0.30000000000000004, "0.30000000000000004" },
        { 100.0, "100.0" },
        { 123456.789, "123456.789" },
        { 0.001, "0.001" },
        { 0.0001, "0.0001" },
        { 0.00012345, "0.00012345" },
        { 0.00001, "1e-05" },
        { -0.0000123, "-1.23e-05" },
        { 9999999999999998.0, "9999999999999998.0" },
        { 1e15, "1000000000000000.0" },
        { 1e16, "1e+16" },
        { 1.5e300, "1.5e+300" },
        { 1e-100, "1e-100" },
        { 5e-324, "5e-324" },
        { 2.2250738585072014e-308, "2.2250738585072014e-308" },
        { 1.7976931348623157e308, "1.7976931348623157e+308" },
        { 0x1p-44, "5.684341886080802e-14" },
        { 9007199254740993.0, "9007199254740992.0" },
        { (double)0.1f, "0.10000000149011612" },
        { (double)2.3025851f, "2.3025851249694824" },
        { 4.35, "4.35" },
        { 1.0 / 3, "0.3333333333333333" },
    };
    char text[COVE__DOUBLE_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int n = cove__format_double(rows[i].value, text);

        assert_string_equal(text, rows[i].text);
        assert_int_equal(n, strlen(text));
    }
}

static void test_not_finite(void **state)
{
    char text[COVE__DOUBLE_TEXT_MAX];

    (void)state;
    cove__format_double(NAN, text);
    assert_string_equal(text, "nan");
    cove__format_double(-NAN, text);
    assert_string_equal(text, "nan");
    cove__format_double(INFINITY, text);
    assert_string_equal(text, "inf");
    cove__format_double(-INFINITY, text);
    assert_string_equal(text, "-inf");
}

static void test_reads_back(void **state)
{
    unsigned long long bits = 88172645463325252ull;
    char text[COVE__DOUBLE_TEXT_MAX];

    (void)state;
    for (int i = 0; i < 20000; i++) {
        double value;

        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        memcpy(&value, &bits, sizeof value);
        if (isnan(value))
            continue;
        double read = 0;
        int n = cove__format_double(value, text);
        assert_true(strtod(text, NULL) == value);
        assert_true(cove__parse_double(text, (size_t)n, &read) && read == value);
    }
}

static void test_what_is_read(void **state)
{
    static const struct {
        const char *text;
        double value;
    } rows[] = { { "1", 1 },
                 { "-0.5e+1", -5 },
                 { "1e9", 1e9 },
                 { "12.50", 12.5 },
                 { "1e400", INFINITY },
                 { "1e-999999999", 0 },
                 { "-inf", -INFINITY },
                 { "0e0", 0 } };
    static const char *const bad[] = { "",    "-",        ".5",  "5.",  "1e", "1e+", "1e1.5",        "+1", " 1", "1 ",
                                       "0x1", "infinity", "1,5", "1_0", "e1", "--1", "1e1234567890", "1-", "in" };
    double value = 0;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (!cove__parse_double(rows[i].text, strlen(rows[i].text), &value) || value != rows[i].value)
            fail_msg("%s", rows[i].text);
    assert_true(cove__parse_double("nan", 3, &value) && isnan(value));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (cove__parse_double(bad[i], strlen(bad[i]), &value))
            fail_msg("\"%s\" is read", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_python),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_reads_back),
        cmocka_unit_test(test_what_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
