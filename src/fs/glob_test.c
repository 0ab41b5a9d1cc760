/* Patterns of paths against paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cove/error.h>

#include "fs/glob.h"

static void matches(void **state)
{
    static const struct {
        const char *pattern, *path;
        bool want;
    } cases[] = {
        { "a/*.txt", "a/b.txt", true },
        { "a/*.txt", "a/b/c.txt", false },
        { "a/?.txt", "a/b.txt", true },
        { "a/?.txt", "a/.txt", false },
        { "a/[bc].txt", "a/c.txt", true },
        { "a/[!bc].txt", "a/c.txt", false },
        { "a/[a-z]x", "a/qx", true },
        { "a/[a-z]x", "a/Qx", false },
        { "a/[x", "a/[x", true },
        { "a/**", "a/b", true },
        { "a/**", "a/b/c/d", true },
        { "a/**/d", "a/d", true },
        { "a/**/d", "a/b/c/d", true },
        { "a/**/d", "a/b/c/e", false },
        { "**/x/**/y", "p/x/q/r/y", true },
        { "**/x/**/y", "p/q/r/y", false },
        { "*", "a", true },
        { "*", "a/b", false },
        { "a*b*c", "aXbYbZc", true },
        { "a*b*c", "aXbYbZ", false },
        { "a/b", "a/b", true },
        { "a/b", "a/bc", false },
        { "a/b", "a", false },
        { "[]]", "]", true },
        { "/a/*/c", "/a/b/c", true },
        { "/a/*/c", "/a//c", true },
        { "a/**/b/*.x", "a/q/b/b/1.x", true },
        { "?", "\xc3\xa9", true }, /* e with an acute accent: one character */
        { "??", "\xc3\xa9", false },
        { "?", "\xf0\x9f\x98\x80", true },
        { "x?y", "x\xe2\x82\xacy", true },
        { "[\xc3\xa9\xc3\xbc]", "\xc3\xbc", true },
        { "[\xc3\xa9\xc3\xbc]", "\xc3\xa8", false },
        { "[!a]", "\xc3\xa9", true },
        { "[!\xc3\xa9]", "\xc3\xa9", false },
        { "[!\xc3\xa9]", "\xc3\xa8", true },
        { "[\xc3\xa0-\xc3\xbf]", "\xc3\xa9", true },
        { "[\xc3\xa0-\xc3\xbf]", "\xc4\x80", false },
        { "[a-\xc3\xbf]", "z", true },
        { "*?", "\xc3\xa9", true },
        { "*[\xc3\xa9]", "a\xc3\xa9", true },
        { "?", "\xff", true }, /* not UTF-8: each byte is a character */
        { "??", "\xc3\x28", true },
        { "\xff*", "\xff\xfe", true },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (cove__glob_match(cases[i].pattern, cases[i].path) != cases[i].want)
            fail_msg("%s against %s: not %d", cases[i].pattern, cases[i].path, cases[i].want);
    }
}

static void descends(void **state)
{
    assert_true(cove__glob_may_descend("a/*/c", "a"));
    assert_true(cove__glob_may_descend("a/*/c", "a/b"));
    assert_false(cove__glob_may_descend("a/*/c", "a/b/c"));
    assert_false(cove__glob_may_descend("a/*/c", "b"));
    assert_true(cove__glob_may_descend("a/**/c", "a/x/y/z"));
}

static void root_is(const char *pattern, const char *root)
{
    char path[64];

    cove__glob_root(pattern, path);
    assert_string_equal(path, root);
}

static void roots(void **state)
{
    root_is("a/b/*.txt", "a/b");
    root_is("/x*", "/");
    root_is("x*", "");
    root_is("a/run[[]1]/[{]b[}]/[]]/../*", "a/run[1]/{b}/]/..");
    root_is("a/x[!]/y", "a");
    root_is("a/x[/]y/z", "a");
    root_is("a/x[bc]/y", "a");
    root_is("a/x[", "a");
    assert_false(cove__glob_has_magic("a/b"));
}

/* A pattern made to try every way of matching must still end soon. */
static void hostile(void **state)
{
    char path[4096];

    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_false(cove__glob_match("*a*a*a*a*a*a*a*a*a*a*a*b", path));
}

static void braces(void **state)
{
    static const struct {
        const char *pattern, *want;
    } cases[] = {
        { "a", "a" },
        { "{a,b}.txt", "a.txt b.txt" },
        { "x{1,2,3}", "x1 x2 x3" },
        { "{a,b}{c,d}", "ac ad bc bd" },
        { "{a,{b,c}d}e", "ae bde cde" },
        { "{a,}b", "ab b" },
        { "{a}", "{a}" },
        { "{a,b", "{a,b" },
        { "a,b}", "a,b}" },
        { "[{]a,b}", "[{]a,b}" },
        { "{[,],b}", "[,] b" },
        { "{}{,x}", "{} {}x" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cove__patterns list;
        size_t found = 0;
        size_t wanted = 1;
        char want[100];

        strcpy(want, cases[i].want);
        assert_int_equal(cove__patterns_init(&list, cases[i].pattern), 0);
        for (const char *p = want; *p; p++)
            wanted += *p == ' ';
        for (char *word = strtok(want, " "); word; word = strtok(NULL, " "))
            for (size_t k = 0; k < list.n; k++)
                found += strcmp(list.items[k], word) == 0;
        if (found != wanted || list.n != wanted)
            fail_msg("%s stands for %zu patterns, %zu of \"%s\"", cases[i].pattern, list.n, found, cases[i].want);
        cove__patterns_done(&list);
    }
}

/* Whatever stays open, one walk finds what is closed. */
static void open_braces(void **state)
{
    enum { N = 50000 };
    static const char choice[] = "{a,b}";
    static char pattern[2 * N + sizeof choice];
    struct cove__patterns list;

    for (size_t i = 0; i < N; i++)
        memcpy(pattern + 2 * i, "{[", 2);
    assert_false(cove__glob_has_braces(pattern));
    assert_int_equal(cove__patterns_init(&list, "{{{[{a,b}x"), 0);
    assert_int_equal(list.n, 2);
    assert_string_equal(list.items[1], "{{{[bx");
    cove__patterns_done(&list);
    assert_int_equal(cove__patterns_init(&list, "{{a,b},c}{[}],d}"), 0);
    assert_int_equal(list.n, 6);
    cove__patterns_done(&list);
    memcpy(pattern + 2 * N, choice, sizeof choice); /* nested too deep for what never ends */
    assert_false(cove__glob_has_braces(pattern));
    memset(pattern, 'x', 2 * N);
    assert_int_equal(cove__patterns_init(&list, pattern), COVE_ELIMIT);
}

static void too_many_braces(void **state)
{
    struct cove__patterns list;

    assert_int_equal(cove__patterns_init(&list, "{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}"), 0);
    assert_int_equal(list.n, 1024);
    cove__patterns_done(&list);
    assert_int_equal(cove__patterns_init(&list, "{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}"),
                     COVE_ELIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches),         cmocka_unit_test(descends), cmocka_unit_test(roots),
        cmocka_unit_test(hostile),         cmocka_unit_test(braces),   cmocka_unit_test(open_braces),
        cmocka_unit_test(too_many_braces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
