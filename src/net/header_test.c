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
        { "Content-Length: 3\n", 3 },
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

/* Names are found in any case, and keep that in which they came. */
static void names(void **state)
{
    struct cove__buf head = COVE__BUF_INIT(100);
    char value[8];

    assert_int_equal(cove__header_add(&head, cove__slice_str("X-Meta-Epoch: Seven\r\n")), 0);
    assert_int_equal(cove__header_add(&head, cove__slice_str("ETag: A: B\r\n")), 0);
    assert_string_equal(cove__buf_str(&head), "X-Meta-Epoch: Seven\nETag: A: B\n");
    assert_true(cove__header_find(cove__buf_slice(&head), "etag", value, sizeof value));
    assert_string_equal(value, "A: B");
    assert_true(cove__header_find(cove__buf_slice(&head), "x-meta-epoch", value, sizeof value));
    assert_false(cove__header_find(cove__buf_slice(&head), "meta-epoch", value, sizeof value));
    cove__header_lower_names(&head);
    assert_string_equal(cove__buf_str(&head), "x-meta-epoch: Seven\netag: A: B\n");
    cove__buf_done(&head);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(lengths), cmocka_unit_test(what_is_no_length),
                                        cmocka_unit_test(names) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
