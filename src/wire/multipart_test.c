/* Bodies in parts: what is read of well-formed ones, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <cove/error.h>

#include "wire/multipart.h"

#define TYPE "multipart/mixed; boundary=b1"

static void assert_text(struct cove__slice s, const char *expected)
{
    assert_int_equal(s.size, strlen(expected));
    assert_memory_equal(s.data, expected, s.size);
}

static void test_parts(void **state)
{
    static const char body[] =
        "a preamble\r\n--b1\r\nContent-Type: application/http\r\nContent-ID: <response-1>\r\n\r\n"
        "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n\r\n"
        "--b1\r\n\r\ntwo\r\nlines\r\n--b1--\r\nan epilogue";
    struct cove__multipart m;
    struct cove__multipart_part part;
    struct cove__slice inner;

    assert_int_equal(cove__multipart_open(&m, TYPE, cove__slice_str(body)), 0);
    assert_int_equal(cove__multipart_next(&m, &part), 1);
    assert_text(cove__multipart_header(part.headers, "content-id"), "<response-1>");
    assert_int_equal(cove__multipart_header(part.headers, "content").size, 0);
    assert_int_equal(cove__multipart_response(part.body, &inner), 204);
    assert_text(inner, "");
    assert_int_equal(cove__multipart_next(&m, &part), 1);
    assert_int_equal(part.headers.size, 2);
    assert_text(part.body, "two\r\nlines");
    assert_int_equal(cove__multipart_response(part.body, &inner), -1);
    assert_int_equal(cove__multipart_next(&m, &part), 0);
    assert_int_equal(cove__multipart_next(&m, &part), 0);
}

static void test_spellings(void **state)
{
    struct cove__multipart m;
    struct cove__multipart_part part;

    /* Quotes, blanks behind a boundary, lines that end in a newline alone, a line that only begins like a boundary. */
    assert_int_equal(cove__multipart_open(&m, "Multipart/Mixed; BOUNDARY=\"b 1\"; x=y",
                                          cove__slice_str("--b 1 \nA:1\n\n--b 12\n--b 1--")),
                     0);
    assert_int_equal(cove__multipart_next(&m, &part), 1);
    assert_text(cove__multipart_header(part.headers, "a"), "1");
    assert_text(part.body, "--b 12");
    assert_int_equal(cove__multipart_next(&m, &part), 0);

    assert_int_equal(cove__multipart_open(&m, TYPE, cove__slice_str("--b1--")), 0);
    assert_int_equal(cove__multipart_next(&m, &part), 0);
}

static void test_cut(void **state)
{
    static const char *const bodies[] = { "", "no boundary", "--b1\r\nA: 1\r\n\r\nbody", "--b1\r\nA: 1", "--b1" };
    struct cove__multipart m;
    struct cove__multipart_part part;

    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        assert_int_equal(cove__multipart_open(&m, TYPE, cove__slice_str(bodies[i])), 0);
        assert_int_equal(cove__multipart_next(&m, &part), COVE_EPROTOCOL);
    }
    assert_int_equal(cove__multipart_open(&m, "multipart/mixed", cove__slice_str("")), COVE_EPROTOCOL);
    assert_int_equal(cove__multipart_open(&m, "multipart/mixed; boundary=", cove__slice_str("")), COVE_EPROTOCOL);
    assert_int_equal(cove__multipart_open(&m, "multipart/mixed; boundary=\"a", cove__slice_str("")), COVE_EPROTOCOL);
}

static void test_responses(void **state)
{
    static const char *const wrong[] = { "", "HTTP/1.1", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 20x OK\r\n\r\n" };
    struct cove__slice body;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(cove__multipart_response(cove__slice_str(wrong[i]), &body), -1);
    assert_int_equal(cove__multipart_response(cove__slice_str("HTTP/1.0 404 Not Found\nA: b\n\n{}"), &body), 404);
    assert_text(body, "{}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_spellings),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_responses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
