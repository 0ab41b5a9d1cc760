/* What Python's repr makes of the names of metrics: the right column is CPython 3.11's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "trainer/repr.h"

static void test_repr(void **state)
{
    static const struct {
        const char *text, *repr;
    } rows[] = {
        { "", "''" },
        { "val_loss", "'val_loss'" },
        { "it's", "\"it's\"" },
        { "say \"x\"", "'say \"x\"'" },
        { "it's \"x\"", "'it\\'s \"x\"'" },
        { "a\\b", "'a\\\\b'" },
        { "tab\there", "'tab\\there'" },
        { "line\nend\r", "'line\\nend\\r'" },
        { "\x01\x1b\x7f", "'\\x01\\x1b\\x7f'" },
        { "caf\xc3\xa9", "'caf\xc3\xa9'" },
        { "\xc2\x85\xc2\xa0\xc2\xad", "'\\x85\\xa0\\xad'" },
        { "\xe2\x80\x8b\xe2\x80\xae", "'\\u200b\\u202e'" },
        { "\xe6\x8d\x9f\xe5\xa4\xb1", "'\xe6\x8d\x9f\xe5\xa4\xb1'" },
        { "\xef\xbb\xbf\xee\x80\x80", "'\\ufeff\\ue000'" },
        { "\xf0\x9f\x99\x82", "'\xf0\x9f\x99\x82'" },
        { "\xf3\xa0\x80\x81\xf4\x80\x80\x80", "'\\U000e0001\\U00100000'" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cove__buf out = COVE__BUF_INIT(1000);
        cove__add_repr(&out, rows[i].text);
        assert_string_equal(cove__buf_str(&out), rows[i].repr);
        cove__buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_repr) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
