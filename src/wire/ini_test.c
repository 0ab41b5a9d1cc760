/* INI files: what Python's configparser reads of them, what it refuses, and each allocation failing. The comparison
 * with Python itself is tests/interop/test_aws_files.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <cove/error.h>

#include "base/mem.h"
#include "wire/ini.h"

static struct cove__ini parsed(const char *text)
{
    struct cove__ini ini = { 0 };
    struct cove__ini_error why = { 0 };

    assert_int_equal(cove__ini_parse(cove__slice_str(text), &ini, &why), 0);
    return ini;
}

/* "[section] name=value" of all, in the file's order of sections and by name; '\n' as '|'. */
static void expect(const char *text, const char *all)
{
    struct cove__ini ini = parsed(text);
    char got[1024] = "";
    size_t n = 0;

    for (size_t i = 0; i < ini.n_options; i++) {
        const struct cove__ini_option *o = &ini.options[i];
        const struct cove__slice *section = &ini.sections[o->section].name;
        n += (size_t)snprintf(got + n, sizeof got - n, "[%.*s] %.*s=%.*s;", (int)section->size,
                              (const char *)section->data, (int)o->name.size, (const char *)o->name.data,
                              (int)o->value.size, (const char *)o->value.data);
    }
    for (char *at = got; (at = strchr(at, '\n'));)
        *at = '|';
    assert_string_equal(got, all);
    cove__ini_done(&ini);
}

static void test_names_and_values(void **state)
{
    expect("[a]\nRegion = x\nb: y=z\nc=d:e\n", "[a] b=y=z;[a] c=d:e;[a] region=x;");
    expect("[a]\nx = 1 ; no comment\ny = 2 # none either\n;one\n # two\n",
           "[a] x=1 ; no comment;[a] y=2 # none either;");
    expect("[a]\r\nx = 1\r\ny = 2\rz = 3", "[a] x=1;[a] y=2;[a] z=3;");
    expect("\xef\xbb\xbf[a]\nx=1\n", "[a] x=1;");
    expect("[a]\n\xc2\xa0x\xc2\xa0=\xe3\x80\x80\"1\"\xe2\x80\x83\n", "[a] x=\"1\";");
    expect("[a] # mine\nx=1\n[ a ]\nx=2\n[b]c]d\nx=3\n", "[a] x=1;[ a ] x=2;[b]c] x=3;");
    expect("[a]\nx =\ny = %(x)s\n", "[a] x=;[a] y=%(x)s;");
    expect("[a]\n  x = 1\n  y = 2\n", "[a] x=1;[a] y=2;");
    expect("# nothing\n\n", "");
}

static void test_lines_that_go_on(void **state)
{
    struct cove__slice value;

    expect("[a]\nx = 1\n  2\n\n # no line\n\t3\n\ny = 4\n", "[a] x=1|2||3;[a] y=4;");
    expect("[a]\nx = 1\n [b]\n y = 2\n", "[a] x=1|[b]|y = 2;");
    expect("  [a]\n  x = 1\n y = 2\n", "[a] x=1;[a] y=2;");

    struct cove__ini ini = parsed("[a]\ns3 =\n  Style = path\n\n  style = auto\v  size=1 \n  style = virtual\nx = 1\n");
    const struct cove__ini_option *o = cove__ini_get(&ini, 1, "s3");
    assert_non_null(o);
    assert_int_equal(o->line, 2);
    assert_true(cove__ini_is_nested(o->value));
    assert_true(cove__ini_nested(o->value, "style", &value));
    assert_true(cove__slice_is(value, "virtual"));
    assert_true(cove__ini_nested(o->value, "size", &value));
    assert_true(cove__slice_is(value, "1"));
    assert_false(cove__ini_nested(o->value, "sty", &value));
    assert_false(cove__ini_is_nested(cove__ini_get(&ini, 1, "x")->value));
    cove__ini_done(&ini);
}

static void test_defaults(void **state)
{
    struct cove__ini ini = parsed("[a]\nx = 1\n[DEFAULT]\nx = 2\n[default]\n[DEFAULT]\ny = 3\n");

    assert_int_equal(ini.n_sections, 3);
    assert_true(cove__slice_is(cove__ini_get(&ini, 1, "x")->value, "1"));
    assert_true(cove__slice_is(cove__ini_get(&ini, 2, "x")->value, "2"));
    assert_true(cove__slice_is(cove__ini_get(&ini, 2, "y")->value, "3"));
    assert_null(cove__ini_get(&ini, 2, "z"));
    cove__ini_done(&ini);
}

static void refused(struct cove__slice text, unsigned line, const char *why)
{
    struct cove__ini ini = { 0 };
    struct cove__ini_error error = { 0 };

    assert_int_equal(cove__ini_parse(text, &ini, &error), COVE_EINVAL);
    assert_int_equal(error.line, line);
    assert_non_null(strstr(error.why, why));
    assert_null(ini.text);
}

static void test_refusals(void **state)
{
    refused(cove__slice_str("x = 1\n[a]\n"), 1, "before the first");
    refused(cove__slice_str("[a]\nx = 1\nnonsense\n"), 3, "neither");
    refused(cove__slice_str("[a\n"), 1, "without its ]");
    refused(cove__slice_str("[a]\nx = 1\n[b\ny = 2\n"), 3, "without its ]");
    refused(cove__slice_str("[a]\n[]\n"), 2, "neither");
    refused(cove__slice_str("[a]\r\n= 1\r\n"), 2, "without a name");
    refused(cove__slice_str("[a]\nx=1\nX: 1\n"), 3, "repeats");
    refused(cove__slice_str("[DEFAULT]\nx=1\n[DEFAULT]\nx=1\n"), 4, "repeats");
    refused(cove__slice_str("[b]\n[a]\n[b]\n[a]\n"), 3, "repeats");
    refused(cove__slice_str("[a]\ns3 =\n  x = 1\n  y\n"), 2, "indented");
    refused(cove__slice_str("[a]\nx = \xe9\n"), 2, "UTF-8");
    refused(cove__slice("[a]\nx = \0y\n", 12), 2, "NUL");
}

static void test_no_memory(void **state)
{
    for (unsigned long n = 1; n < 100; n++) {
        struct cove__ini ini = { 0 };
        struct cove__ini_error why = { 0 };
        cove__mem_fail(n, 0);
        int rc = cove__ini_parse(cove__slice_str("[a]\nx = 1\n[b]\ny = 1\n"), &ini, &why);
        bool failed = cove__mem_fail(0, 0) >= n;
        cove__ini_done(&ini);
        assert_int_equal(rc, failed ? COVE_ENOMEM : 0);
        if (!failed)
            return;
    }
    fail_msg("an allocation without end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_values), cmocka_unit_test(test_lines_that_go_on),
        cmocka_unit_test(test_defaults),         cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
