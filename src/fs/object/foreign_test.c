/* What a response's beginning shows of where it comes from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "fs/object/foreign.h"

static void test_body_text(void **state)
{
    static const struct {
        const char *body, *text;
    } rows[] = {
        { "", "no body" },
        { " \r\n", "no body" },
        { "Not Found\n", "Not Found" },
        { "{\r\n  \"detail\": \"Not Found\"\r\n}\r\n", "{ \"detail\": \"Not Found\" }" },
        { "<!DOCTYPE html><p>404</p>", "a page of HTML" },
        { "\x1b[31mred \xc3\xa4", "?[31mred ??" },
    };
    char text[COVE__FOREIGN_TEXT_MAX], longer[500];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cove__object_body_text(cove__slice_str(rows[i].body), text);
        assert_string_equal(text, rows[i].text);
    }
    memset(longer, 'x', sizeof longer);
    cove__object_body_text(cove__slice(longer, sizeof longer), text);
    assert_int_equal(strlen(text), sizeof text - 1);
}

static void test_endpoint(void **state)
{
    static const struct {
        const char *url, *endpoint;
    } rows[] = {
        { "http://127.0.0.1:9000/b/k?versionId=1", "http://127.0.0.1:9000" },
        { "https://b.s3.amazonaws.com/", "https://b.s3.amazonaws.com" },
        { "https://host", "https://host" },
        { "", "" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_true(cove__slice_is(cove__object_endpoint_of(cove__slice_str(rows[i].url)), rows[i].endpoint));
}

static void test_foreign(void **state)
{
    assert_null(cove__object_foreign(COVE__OBJECT_XML, cove__slice_str("\xEF\xBB\xBF <Error/>")));
    assert_null(cove__object_foreign(COVE__OBJECT_JSON, cove__slice_str("\n{}")));
    assert_null(cove__object_foreign(COVE__OBJECT_ANY_FORMAT, cove__slice_str("text")));
    assert_string_equal(cove__object_foreign(COVE__OBJECT_XML, cove__slice_str("{}")), "the response is not XML");
    assert_string_equal(cove__object_foreign(COVE__OBJECT_JSON, cove__slice_str("<a>")), "the response is not JSON");
    assert_string_equal(cove__object_foreign(COVE__OBJECT_XML, cove__slice_str("<HTML>")),
                        "the response is a page of HTML");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_body_text),
        cmocka_unit_test(test_endpoint),
        cmocka_unit_test(test_foreign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
