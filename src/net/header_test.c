/* The length of a body, as the Content-Length headers of a response give it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cove/error.h>

#include "net/header.h"

static int length_of(const char *head, int64_t *ret)
{
    return cove__header_content_length(cove__slice_str(head), ret);
}

static void lengths(void **state)
{
    static const struct {
        const char *head;
        int64_t length;
    } rows[] = {
        { "", -1 },
        { "etag: x\n", -1 },
        { "content-length: 0\n", 0 },
        { "etag: x\ncontent-length: 5\nx-content-length: 7\n", 5 },
        { "content-length: 5\ncontent-length: 05\n", 5 },
        { "content-length: 9223372036854775807\n", INT64_MAX },
    };
    int64_t length;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(length_of(rows[i].head, &length), 0);
        assert_int_equal(length, rows[i].length);
    }
}

static void what_is_no_length(void **state)
{
    static const char *const heads[] = {
        "content-length: 5\ncontent-length: 4\n",
        "content-length: 4\netag: x\ncontent-length: 5\n",
        "content-length: 9223372036854775808\n",
        "content-length: 18446744073709551621\n",
        "content-length: -5\n",
        "content-length: 5x\n",
        "content-length: 5, 5\n",
        "content-length: \n",
    };
    int64_t length;

    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        assert_int_equal(length_of(heads[i], &length), COVE_EPROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(lengths), cmocka_unit_test(what_is_no_length) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
