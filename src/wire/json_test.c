/* The JSON reader: paths and values, what it refuses, its limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cove/error.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/json.h"

static char why[160];

static int note(void *user, const char *path, enum cove__json_type type, const char *text)
{
    if (strcmp(text, "stop") == 0)
        return COVE_ESTATE;
    return cove__buf_addf(user, "%s:%d=%s ", path, (int)type, text);
}

static int note_end(void *user, const char *path)
{
    return cove__buf_addf(user, "%s. ", path);
}

static const struct cove__json_handler values = { .value = note }, values_and_ends = { note, note_end };

static int read_text(const char *text, struct cove__buf *out)
{
    return cove__json_read(cove__slice_str(text), &values, out, why, sizeof why);
}

static void test_values(void **state)
{
    struct cove__buf b = COVE__BUF_INIT(4096);
    assert_int_equal(read_text("{\"a\": \"x y\", \"b\": {\"c\": [1, true, null], \"d\": -2.5}, \"e\": {}}", &b), 0);
    assert_string_equal(cove__buf_str(&b), "a:3=x y b/c[]:2=1 b/c[]:1=true b/c[]:0=null b/d:2=-2.5 ");
    cove__buf_done(&b);
}

/* What stands below the name "" is not taken for what stands above it. */
static void test_empty_names(void **state)
{
    struct cove__buf b = COVE__BUF_INIT(4096);
    assert_int_equal(
        cove__json_read(cove__slice_str("{\"\": {\"a\": 1, \"\": {\"b\": 2}}, \"c\": {\"\": 3}, \"d\": 4}"),
                        &values_and_ends, &b, why, sizeof why),
        0);
    assert_string_equal(cove__buf_str(&b), "//a:2=1 ///b:2=2 //. /. c/:2=3 c. d:2=4 . ");
    cove__buf_done(&b);
}

/* The shape of a page of a listing, in pieces. */
static void test_ends(void **state)
{
    static const char page[] = "{\"items\": [{\"name\": \"a\", \"size\": \"3\", \"x\": {\"y\": [[1]]}}, {}], "
                               "\"prefixes\": [\"p/\"], \"nextPageToken\": \"t\"}";

    for (size_t piece = 1; piece <= sizeof page; piece++) {
        struct cove__buf b = COVE__BUF_INIT(4096);
        struct cove__json_reader r;
        int rc = 0;

        cove__json_reader_init(&r, &values_and_ends, &b);
        for (size_t at = 0; rc == 0 && at < strlen(page); at += piece)
            rc = cove__json_reader_feed(&r, cove__slice_sub(cove__slice_str(page), at, piece));
        assert_int_equal(rc, 0);
        assert_int_equal(cove__json_reader_end(&r), 0);
        assert_string_equal(cove__buf_str(&b),
                            "items[]/name:3=a items[]/size:3=3 items[]/x/y[][]:2=1 items[]/x/y[]. items[]/x/y. "
                            "items[]/x. items[]. items[]. items. prefixes[]:3=p/ prefixes. nextPageToken:3=t . ");
        cove__json_reader_done(&r);
        cove__buf_done(&b);
    }
}

static void test_refusals(void **state)
{
    static const char *const bad[] = { "",
                                       "{",
                                       "[]",
                                       "1",
                                       "\"s\"",
                                       "{\"a\":1,\"a\":2}",
                                       "{'a':1}",
                                       "{\"a\":1} x",
                                       "{\"a\":\xff}",
                                       "{\"a\\u0000\":1}",
                                       "{\"a\":\"\\u0000\"}" };
    struct cove__buf b = COVE__BUF_INIT(4096), deep = COVE__BUF_INIT(4096);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        why[0] = '\0';
        assert_int_equal(read_text(bad[i], &b), COVE_EINVAL);
        assert_true(why[0] != '\0');
        cove__buf_reset(&b); /* values before the fault have been given */
    }
    /* The message does not quote the text, which may be a secret. */
    assert_int_equal(read_text("{\"a\": hidden}", &b), COVE_EINVAL);
    assert_null(strstr(why, "hidden"));
    assert_non_null(strstr(why, "line 1"));
    assert_int_equal(read_text("{\"a\": \"stop\", \"b\": 1}", &b), COVE_ESTATE);
    assert_int_equal(b.size, 0);
    cove__buf_add_str(&deep, "{\"a\":");
    for (int i = 0; i < COVE__JSON_DEPTH_MAX + 1; i++)
        cove__buf_add_char(&deep, '[');
    cove__buf_add_char(&deep, '1');
    for (int i = 0; i < COVE__JSON_DEPTH_MAX + 1; i++)
        cove__buf_add_char(&deep, ']');
    cove__buf_add_char(&deep, '}');
    assert_int_equal(read_text(cove__buf_str(&deep), &b), COVE_ELIMIT);
    cove__buf_done(&deep);

    cove__buf_init(&deep, COVE__JSON_SIZE_MAX);
    cove__buf_add_str(&deep, "{\"");
    for (size_t i = 0; i <= COVE__JSON_PATH_MAX; i++)
        cove__buf_add_char(&deep, 'x');
    cove__buf_add_str(&deep, "\":1}");
    assert_int_equal(read_text(cove__buf_str(&deep), &b), COVE_ELIMIT);

    /* A tree of such a text would take a hundred times its size. */
    cove__buf_reset(&deep);
    cove__buf_add_str(&deep, "{\"a\":[");
    for (size_t i = 0; i < 65536; i++)
        cove__buf_add_str(&deep, "{},");
    cove__buf_add_str(&deep, "1]}");
    cove__mem_fail(0, 0);
    assert_int_equal(read_text(cove__buf_str(&deep), &b), 0);
    assert_true(cove__mem_fail(0, 0) < 8);
    assert_string_equal(cove__buf_str(&b), "a[]:2=1 ");
    cove__buf_done(&b);
    cove__buf_done(&deep);
}

static void test_without_memory(void **state)
{
    struct cove__buf b = COVE__BUF_INIT(4096);
    unsigned long n = 0;
    int rc;

    do {
        cove__buf_done(&b);
        cove__mem_fail(++n, 0);
        rc = read_text("{\"a\": [{\"b\": \"c\"}], \"d\": 1}", &b);
        cove__mem_fail(0, 0);
        assert_true(rc == 0 || rc == COVE_ENOMEM);
    } while (rc != 0 && n < 100);
    assert_string_equal(cove__buf_str(&b), "a[]/b:3=c d:2=1 ");
    assert_true(n > 3);
    cove__buf_done(&b);
}

static void test_strings_out(void **state)
{
    static const char text[] = "a\"b\\c\n\x01\xc3\xa9/";
    struct cove__buf out = COVE__BUF_INIT(256), back = COVE__BUF_INIT(256);

    assert_int_equal(cove__json_add_string(&out, cove__slice_str(text)), 0);
    assert_string_equal(cove__buf_str(&out), "\"a\\\"b\\\\c\\u000a\\u0001\xc3\xa9/\"");
    cove__buf_reset(&out);
    cove__buf_add_str(&out, "{\"k\": ");
    cove__json_add_string(&out, cove__slice_str(text));
    cove__buf_add_char(&out, '}');
    assert_int_equal(read_text(cove__buf_str(&out), &back), 0);
    assert_non_null(strstr(cove__buf_str(&back), text)); /* and it is read back the same */
    cove__buf_done(&out);
    cove__buf_done(&back);

    struct cove__buf small = COVE__BUF_INIT(4);
    assert_true(cove__json_add_string(&small, cove__slice_str("much too long")) < 0);
    cove__buf_done(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),   cmocka_unit_test(test_empty_names),    cmocka_unit_test(test_ends),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_without_memory), cmocka_unit_test(test_strings_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
