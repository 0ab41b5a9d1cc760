/* The XML reader: paths and texts, what it refuses, its limits, and each allocation failing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cove/error.h>

#include "base/mem.h"
#include "wire/xml.h"

static int note_start(void *user, const char *path)
{
    cove__buf_addf(user, "<%s ", path);
    return 0;
}

static int note_end(void *user, const char *path, struct cove__slice text)
{
    if (cove__slice_is(text, "stop"))
        return COVE_ESTATE;
    return cove__buf_addf(user, "%s=%.*s ", path, (int)text.size, text.size ? (const char *)text.data : "");
}

static const struct cove__xml_handler note = { note_start, note_end };

static int read_text(const char *document, struct cove__buf *out)
{
    return cove__xml_read(cove__slice_str(document), &note, out);
}

static void test_paths_and_text(void **state)
{
    struct cove__buf b = COVE__BUF_INIT(4096);
    assert_int_equal(
        read_text(
            " \r\n<?xml version=\"1.0\"?>\n<L xmlns=\"http://x/\"><n:C a=\"1\"><Key>a&amp;b &#x41;</Key><Z/></n:C>"
            "<C>x<!-- c -->y</C></L>",
            &b),
        0);
    assert_string_equal(cove__buf_str(&b), "<L <L/C <L/C/Key L/C/Key=a&b A <L/C/Z L/C/Z= L/C= <L/C L/C=xy L= ");
    cove__buf_done(&b);
}

static void test_root(void **state)
{
    static const struct cove__xml_handler rooted = { note_start, note_end, "L" };
    struct cove__buf b = COVE__BUF_INIT(4096);

    assert_int_equal(cove__xml_read(cove__slice_str("<n:L xmlns:n='x'><L/></n:L>"), &rooted, &b), 0);
    assert_string_equal(cove__buf_str(&b), "<L <L/L L/L= L= ");
    cove__buf_reset(&b);
    assert_int_equal(cove__xml_read(cove__slice_str("<html><L/></html>"), &rooted, &b), COVE_EPROTOCOL);
    assert_int_equal(b.size, 0);
    cove__buf_done(&b);
}

static void test_refusals(void **state)
{
    static const char *const bad[] = {
        "",
        "<",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "plain",
        "<a>&undefined;</a>",
        "<a>\x01</a>",
        "<a>\xff</a>",
        "<!DOCTYPE a [<!ENTITY x \"ha\"><!ENTITY y \"&x;&x;\">]><a>&y;</a>",
        "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
    };
    struct cove__buf b = COVE__BUF_INIT(4096);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(read_text(bad[i], &b), COVE_EPROTOCOL);
    assert_int_equal(read_text("<a><b>stop</b><c>never</c></a>", &b), COVE_ESTATE);
    assert_null(strstr(cove__buf_str(&b), "never"));
    cove__buf_done(&b);
}

static void test_ceilings(void **state)
{
    struct cove__buf b = COVE__BUF_INIT(1 << 20), document = COVE__BUF_INIT(1 << 20);
    for (size_t i = 0; i <= COVE__XML_DEPTH_MAX; i++)
        cove__buf_add_str(&document, "<a>");
    assert_int_equal(read_text(cove__buf_str(&document), &b), COVE_ELIMIT);
    cove__buf_reset(&document);
    cove__buf_add_str(&document, "<a>");
    for (size_t i = 0; i <= COVE__XML_TEXT_MAX; i++)
        cove__buf_add_char(&document, 'x');
    cove__buf_add_str(&document, "</a>");
    assert_int_equal(read_text(cove__buf_str(&document), &b), COVE_ELIMIT);
    cove__buf_reset(&document);
    cove__buf_add_char(&document, '<');
    for (size_t i = 0; i <= COVE__XML_PATH_MAX; i++)
        cove__buf_add_char(&document, 'n');
    cove__buf_add_str(&document, "/>");
    assert_int_equal(read_text(cove__buf_str(&document), &b), COVE_ELIMIT);
    cove__buf_done(&document);
    cove__buf_done(&b);
}

static void test_no_memory(void **state)
{
    for (unsigned long n = 1; n < 1000; n++) {
        struct cove__buf b = COVE__BUF_INIT(4096);
        cove__mem_fail(n, 0);
        int rc = read_text("<L><C><Key>a&amp;b</Key></C></L>", &b);
        bool failed = cove__mem_fail(0, 0) >= n;
        cove__buf_done(&b);
        if (!failed) {
            assert_int_equal(rc, 0);
            return;
        }
        assert_int_equal(rc, COVE_ENOMEM);
    }
    fail_msg("an allocation without end");
}

static void test_writing(void **state)
{
    struct cove__buf b = COVE__BUF_INIT(4096);
    assert_int_equal(cove__xml_add_text(&b, cove__slice_str("a<b>&\"c\"\n\xc3\xa9\xf0\x9f\x8c\x8a")), 0);
    assert_string_equal(cove__buf_str(&b), "a&lt;b&gt;&amp;&quot;c&quot;&#10;\xc3\xa9\xf0\x9f\x8c\x8a");
    static const char *const bad[] = {
        "\x01", "\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xef\xbf\xbf", "\xf5\x80\x80\x80"
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(cove__xml_add_text(&b, cove__slice_str(bad[i])), COVE_EINVAL);
    assert_int_equal(cove__xml_add_text(&b, cove__slice("\0", 1)), COVE_EINVAL);
    cove__buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_and_text), cmocka_unit_test(test_root),      cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_ceilings),       cmocka_unit_test(test_no_memory), cmocka_unit_test(test_writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
