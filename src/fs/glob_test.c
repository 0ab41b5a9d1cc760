/* Patterns of paths against paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

static void roots(void **state)
{
    assert_int_equal(cove__glob_root("a/b/*.txt"), 3);
    assert_int_equal(cove__glob_root("/x*"), 1);
    assert_int_equal(cove__glob_root("x*"), 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches),
        cmocka_unit_test(descends),
        cmocka_unit_test(roots),
        cmocka_unit_test(hostile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
