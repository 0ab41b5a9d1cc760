/* Named options: values of each type, the environment, and unknown names. */
#include <setjmp.h>
#include <stdarg.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/options.h"

struct target {
    char *text, *secret, *choice;
    int flag, maybe;
    int64_t number, size, duration;
};

static const struct cove__option_row rows[] = {
    { "endpoint_url", COVE__OPTION_STRING, offsetof(struct target, text), NULL, "COVE_TEST_A COVE_TEST_B", "", 0, 0,
      NULL },
    { "secret", COVE__OPTION_SECRET, offsetof(struct target, secret), NULL, NULL, "", 0, 0, NULL },
    { "style", COVE__OPTION_CHOICE, offsetof(struct target, choice), "auto", NULL, "", 0, 0, "auto path virtual" },
    { "flag", COVE__OPTION_BOOL, offsetof(struct target, flag), "true", NULL, "", 0, 0, NULL },
    { "maybe", COVE__OPTION_MAYBE, offsetof(struct target, maybe), "auto", NULL, "", 0, 0, NULL },
    { "number", COVE__OPTION_INTEGER, offsetof(struct target, number), "7", NULL, "", 1, 100, NULL },
    { "size", COVE__OPTION_SIZE, offsetof(struct target, size), "8MiB", NULL, "", 0, 0, NULL },
    { "duration", COVE__OPTION_DURATION, offsetof(struct target, duration), "30s", NULL, "", 0, 0, NULL },
    { 0 },
};

static int fill(const char *name, const char *value, struct target *t, struct cove_error *err)
{
    cove_options *o = cove_options_new();
    int rc;

    assert_non_null(o);
    assert_int_equal(cove_options_set(o, name, value, err), 0);
    *t = (struct target){ 0 };
    rc = cove__options_fill(rows, o, "test", t, err);
    cove_options_free(o);
    return rc;
}

static void defaults(void **state)
{
    struct target t = { 0 };

    assert_int_equal(cove__options_fill(rows, NULL, "test", &t, NULL), 0);
    assert_null(t.text);
    assert_string_equal(t.choice, "auto");
    assert_int_equal(t.flag, 1);
    assert_int_equal(t.maybe, -1);
    assert_int_equal(t.number, 7);
    assert_int_equal(t.size, 8 << 20);
    assert_int_equal(t.duration, 30000);
    cove__options_clear(rows, &t);
}

static void values(void **state)
{
    static const struct {
        const char *name, *value;
        int64_t want;
        bool bad;
    } cases[] = {
        { "size", "5", 5, false },
        { "size", "1k", 1024, false },
        { "size", "3MB", 3000000, false },
        { "size", "2GiB", 2147483648, false },
        { "size", "2 GiB", 0, true },
        { "size", "", 0, true },
        { "size", "9223372036854775807k", 0, true },
        { "duration", "250ms", 250, false },
        { "duration", "5m", 300000, false },
        { "duration", "0.5", 500, false },
        { "duration", "soon", 0, true },
        { "number", "100", 100, false },
        { "number", "101", 0, true },
        { "number", "0", 0, true },
        { "number", "7x", 0, true },
        { "flag", "Off", 0, false },
        { "flag", "YES", 1, false },
        { "flag", "maybe", 0, true },
        { "maybe", "Auto", -1, false },
        { "maybe", "True", 1, false },
        { "maybe", "off", 0, false },
        { "maybe", "perhaps", 0, true },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cove_error err = COVE_ERROR_INIT;
        struct target t;
        int rc = fill(cases[i].name, cases[i].value, &t, &err);

        assert_int_equal(rc, cases[i].bad ? COVE_EINVAL : 0);
        if (cases[i].bad) {
            assert_non_null(strstr(err.message, cases[i].name));
        } else {
            int64_t got = cases[i].name[0] == 's'   ? t.size
                          : cases[i].name[0] == 'd' ? t.duration
                          : cases[i].name[0] == 'n' ? t.number
                          : cases[i].name[0] == 'm' ? t.maybe
                                                    : t.flag;
            assert_int_equal(got, cases[i].want);
        }
        cove__options_clear(rows, &t);
    }
}

static void unknown_names(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct target t;

    assert_int_equal(fill("endpoint_ulr", "x", &t, &err), COVE_EINVAL);
    assert_non_null(strstr(err.message, "did you mean \"endpoint_url\""));
    cove__options_clear(rows, &t);
    assert_int_equal(fill("aws_endpoint", "x", &t, &err), COVE_EINVAL); /* as other libraries have it */
    assert_non_null(strstr(err.message, "did you mean \"endpoint_url\""));
    cove__options_clear(rows, &t);
    assert_int_equal(fill("skip_signature", "x", &t, &err), COVE_EINVAL); /* our name of which is not in the table */
    assert_null(strstr(err.message, "\"anon\""));
    cove__options_clear(rows, &t);
    assert_int_equal(fill("zzzzzzzzzzzzzzzzzzzz", "x", &t, &err), COVE_EINVAL);
    assert_null(strstr(err.message, "did you mean"));
    cove__options_clear(rows, &t);
    assert_int_equal(fill("style", "round", &t, &err), COVE_EINVAL);
    assert_non_null(strstr(err.message, "auto path virtual"));
    cove__options_clear(rows, &t);
}

static void environment(void **state)
{
    struct target t = { 0 };

    setenv("COVE_TEST_B", "second", 1);
    assert_int_equal(cove__options_fill(rows, NULL, "test", &t, NULL), 0);
    assert_string_equal(t.text, "second");
    cove__options_clear(rows, &t);
    setenv("COVE_TEST_A", "first", 1);
    assert_int_equal(cove__options_fill(rows, NULL, "test", &t, NULL), 0);
    assert_string_equal(t.text, "first");
    cove__options_clear(rows, &t);
    assert_int_equal(fill("endpoint_url", "given", &t, NULL), 0);
    assert_string_equal(t.text, "given");
    cove__options_clear(rows, &t);
    unsetenv("COVE_TEST_A");
    unsetenv("COVE_TEST_B");
}

static void sets(void **state)
{
    cove_options *o = cove_options_new();

    assert_int_equal(cove_options_set(o, "b", "1", NULL), 0);
    assert_int_equal(cove_options_set(o, "a", "2", NULL), 0);
    assert_int_equal(cove_options_set(o, "b", "3", NULL), 0);
    assert_int_equal(cove__options_count(o), 2);
    assert_string_equal(cove_options_get(o, "b"), "3");
    assert_null(cove_options_get(o, "c"));
    assert_int_equal(cove_options_set(o, "", "x", NULL), COVE_EINVAL);
    cove_options_free(o);
}

/* ---- nothing of a secret stays in memory ---- */

#define MARK_SIZE 64

/* The mark itself is written nowhere but where the test puts it. */
static char mark_at(size_t i)
{
    static const char hidden[] = "pXfdqlmwvkzrybhtgcneuioasjPXFDQLMWVKZRYBHTGCNEUIOASJ0918273645xy";
    return (char)(hidden[i] ^ 1);
}

/* How often the second half of the mark is in the heap (the allocator writes over the first bytes of what is free);
 * -1: no heap of that name. */
static int marks_in_heap(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    uintptr_t from = 0, to = 0;
    int n = 0;

    while (maps && to == 0 && fgets(line, sizeof line, maps)) {
        if (!strstr(line, "[heap]") || sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &from, &to) != 2)
            to = 0;
    }
    if (maps)
        fclose(maps);
    if (to == 0)
        return -1;
    int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    static char heap[1 << 16];
    size_t matched = 0;
    if (fd < 0)
        return -1;
    for (uintptr_t at = from; at < to; at += sizeof heap) { /* read, so that no sanitizer minds what is free */
        ssize_t got = pread(fd, heap, to - at < sizeof heap ? to - at : sizeof heap, (off_t)at);
        for (ssize_t i = 0; i < got; i++) {
            if (heap[i] == mark_at(MARK_SIZE / 2 + matched))
                matched++;
            else
                matched = heap[i] == mark_at(MARK_SIZE / 2);
            if (matched == MARK_SIZE / 2) {
                n++;
                matched = 0;
            }
        }
    }
    close(fd);
    return n;
}

static void set_mark(cove_options *o, const char *name)
{
    char value[MARK_SIZE + 1] = "";

    for (size_t i = 0; i < MARK_SIZE; i++)
        value[i] = mark_at(i);
    assert_int_equal(cove_options_set(o, name, value, NULL), 0);
    explicit_bzero(value, sizeof value);
}

static void secrets_are_wiped(void **state)
{
    cove_options *o = cove_options_new();
    struct target t = { 0 };

    set_mark(o, "secret");
    if (marks_in_heap() < 1) {
        cove_options_free(o);
        print_message("what malloc gives is not in a heap of that name here: not looked at\n");
        skip();
    }
    set_mark(o, "endpoint_url");
    cove_options *copy = cove__options_copy(o);
    assert_int_equal(cove__options_fill(rows, o, "test", &t, NULL), 0);
    assert_int_equal(marks_in_heap(), 7); /* with the list of secrets */
    cove_options_set(o, "secret", "another", NULL);
    assert_int_equal(marks_in_heap(), 6);
    cove_options_free(o);
    assert_int_equal(marks_in_heap(), 5);
    cove_options_free(copy);
    assert_int_equal(marks_in_heap(), 3);
    cove__options_clear(rows, &t);
    assert_int_equal(marks_in_heap(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),    cmocka_unit_test(values), cmocka_unit_test(unknown_names),
        cmocka_unit_test(environment), cmocka_unit_test(sets),   cmocka_unit_test(secrets_are_wiped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
