/* JSON by tokens: what they are, what is refused and where, limits; the same in pieces of any size, and where memory
 * ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <cove/error.h>

#include "base/mem.h"
#include "wire/json_tokens.h"

static int note(void *user, enum cove__json_type type, struct cove__slice text)
{
    static const char marks[] = "nb#$:{[.";

    assert_int_equal(text.data[text.size], '\0');
    if (cove__slice_is(text, "stop"))
        return COVE_ESTATE;
    cove__buf_addf(user, "%c", marks[type]);
    cove__buf_add_slice(user, text);
    return cove__buf_add_char(user, ' ');
}

/* Reads `text` in pieces of `piece` bytes: the tokens; or what is wrong. */
static int read_pieces(struct cove__slice text, size_t piece, struct cove__buf *out, char why[160])
{
    struct cove__json_tokens t;
    int rc = 0;

    why[0] = '\0';
    cove__json_tokens_init(&t, note, out);
    for (size_t at = 0; rc == 0 && at < text.size; at += piece)
        rc = cove__json_tokens_feed(&t, cove__slice_sub(text, at, piece));
    if (rc == 0)
        rc = cove__json_tokens_end(&t);
    assert_int_equal(cove__json_tokens_end(&t), rc);
    assert_int_equal(cove__json_tokens_feed(&t, cove__slice_str("{}")), rc == 0 ? COVE_EINVAL : rc);
    if (rc < 0 && t.problem)
        cove__json_tokens_problem(&t, why, 160);
    cove__json_tokens_done(&t);
    return rc;
}

static void test_tokens(void **state)
{
    static const struct {
        const char *text, *tokens;
    } rows[] = {
        { "{}", "{ . " },
        { " { } ", "{ . " },
        { "[]", "[ . " },
        { "{\"a\":1}", "{ :a #1 . " },
        { "{ \"a\" : 1 , \"b\" : \"x\" }\n", "{ :a #1 :b $x . " },
        { "{\"a\":{\"b\":[1,{}]},\"c\":[]}", "{ :a { :b [ #1 { . . . :c [ . . " },
        { "{\"a\":\"}\\\"{\",\"\\\\\":null}", "{ :a $}\"{ :\\ nnull . " },
        { "{\"a\":-1.5e3,\"b\":true}", "{ :a #-1.5e3 :b btrue . " },
        { "[0,-0,10,0.5,1e9,1E+09,1e-9,false]", "[ #0 #-0 #10 #0.5 #1e9 #1E+09 #1e-9 bfalse . " },
        { "123456789012345678901234567890.5", "#123456789012345678901234567890.5 " },
        { "\"\"", "$ " },
        { " null\r\n\t", "nnull " },
        { "\"\\/\\b\\f\\n\\r\\t\\u00e4\\u20AC\"", "$/\b\f\n\r\t\xc3\xa4\xe2\x82\xac " },
        { "\"\\ud83d\\uDE00 \xf0\x9f\x98\x80 \xc3\xa4\"", "$\xf0\x9f\x98\x80 \xf0\x9f\x98\x80 \xc3\xa4 " },
        { "\"\x7f \xed\x9f\xbf \xee\x80\x80 \xf4\x8f\xbf\xbf\"", "$\x7f \xed\x9f\xbf \xee\x80\x80 \xf4\x8f\xbf\xbf " },
        { "[[{\"a\":1},{\"a\":2}],{\"a\":{\"a\":3}}]", "[ [ { :a #1 . { :a #2 . . { :a { :a #3 . . . " },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cove__slice text = cove__slice_str(rows[i].text);
        for (size_t piece = 1; piece <= text.size; piece++) {
            struct cove__buf out = COVE__BUF_INIT(4096);
            char why[160];
            int rc = read_pieces(text, piece, &out, why);
            if (rc != 0 || strcmp(cove__buf_str(&out), rows[i].tokens) != 0)
                fail_msg("%s in pieces of %zu: %d %s: %s", rows[i].text, piece, rc, why, cove__buf_str(&out));
            cove__buf_done(&out);
        }
    }
    struct cove__buf out = COVE__BUF_INIT(64);
    char why[160];
    assert_int_equal(read_pieces(cove__slice_str("\"\\u0000x\""), 1, &out, why), 0);
    assert_memory_equal(out.data, "$\0x ", 5);
    cove__buf_done(&out);
}

/* Each piece ends where the text does, so that nothing beyond it is read (under AddressSanitizer). */
static void refused(const char *text, size_t size, const char *problem)
{
    for (size_t piece = 1; piece <= size + 1; piece++) {
        struct cove__buf out = COVE__BUF_INIT(4096);
        char why[160];
        uint8_t *exact = malloc(size + 1);
        memcpy(exact, text, size + 1);
        int rc = read_pieces(cove__slice(exact, size), piece, &out, why);
        if (rc != COVE_EINVAL || strcmp(why, problem) != 0)
            fail_msg("%s in pieces of %zu: %d %s", text, piece, rc, why);
        free(exact);
        cove__buf_done(&out);
    }
}

static void test_refusals(void **state)
{
    static const struct {
        const char *text, *problem;
    } rows[] = {
        { "", "the text ends too early (line 1, column 1)" },
        { "{", "the text ends too early (line 1, column 2)" },
        { "{}{}", "text after the end (line 1, column 3)" },
        { "{\"a\"", "the text ends too early (line 1, column 5)" },
        { "{\"a\":", "the text ends too early (line 1, column 6)" },
        { "{\"a\":}", "a value is missing (line 1, column 6)" },
        { "{\"a\":1", "the text ends too early (line 1, column 7)" },
        { "{\"a\":[1}", "the wrong bracket (line 1, column 8)" },
        { "{\"a\":[[[", "the text ends too early (line 1, column 9)" },
        { "{\"a\":\"x", "the text ends too early (line 1, column 8)" },
        { "{\"a\":\"x\\", "the text ends too early (line 1, column 9)" },
        { "{a:1}", "a name in quotes is missing (line 1, column 2)" },
        { "{'a':1}", "a name in quotes is missing (line 1, column 2)" },
        { "{\"a\" 1}", "a colon is missing (line 1, column 6)" },
        { "{,\"a\":1}", "a name in quotes is missing (line 1, column 2)" },
        { "{\"a\":1,}", "a name in quotes is missing (line 1, column 8)" },
        { "[1,]", "a value is missing (line 1, column 4)" },
        { "[,1]", "a value is missing (line 1, column 2)" },
        { "{\"a\":1 \"b\":2}", "a comma or bracket is missing (line 1, column 8)" },
        { "{\"a\":1]", "the wrong bracket (line 1, column 7)" },
        { "{\"a\":]}", "a value is missing (line 1, column 6)" },
        { "{\"a\": 1,\n \"b\": 2,\n \"\\u0061\": 3}",
          "duplicate name in the object that ends here (line 3, column 13)" },
        { "[1,\n 12,NaN]", "neither a number nor true, false or null (line 2, column 5)" },
        { "{\"a\": -Infinity}", "neither a number nor true, false or null (line 1, column 7)" },
        { "[truee]", "neither a number nor true, false or null (line 1, column 2)" },
        { " nul", "neither a number nor true, false or null (line 1, column 2)" },
        { "1 2", "text after the end (line 1, column 3)" },
        { "}", "a value is missing (line 1, column 1)" },
        { "/* */ 1", "a value is missing (line 1, column 1)" },
        { "\xef\xbb\xbf{}", "a value is missing (line 1, column 1)" },
        { "[\"a\nb\"]", "a control character in a string (line 1, column 4)" },
        { "[\"\\x\"]", "an escape that JSON does not have (line 1, column 4)" },
        { "[\"\\u12g4\"]", "an escape that JSON does not have (line 1, column 7)" },
        { "[\"\\ud83d\"]", "half of a pair of surrogates (line 1, column 9)" },
        { "[\"\\ud83dx\"]", "half of a pair of surrogates (line 1, column 9)" },
        { "[\"\\ud83d\\n\"]", "half of a pair of surrogates (line 1, column 10)" },
        { "[\"\\ud83d\\ud83d\"]", "half of a pair of surrogates (line 1, column 14)" },
        { "[\"\\ude00\"]", "half of a pair of surrogates (line 1, column 8)" },
        { "[\"a\xff\"]", "a string that is not UTF-8 (line 1, column 4)" },
        { "[\"\xc3\"]", "a string that is not UTF-8 (line 1, column 4)" },
        { "[\"\xc0\x80\"]", "a string that is not UTF-8 (line 1, column 3)" },
        { "[\"\xe0\x9f\xbf\"]", "a string that is not UTF-8 (line 1, column 4)" },
        { "[\"\xed\xa0\x80\"]", "a string that is not UTF-8 (line 1, column 4)" },
        { "[\"\xf0\x8f\xbf\xbf\"]", "a string that is not UTF-8 (line 1, column 4)" },
        { "[\"\xf4\x90\x80\x80\"]", "a string that is not UTF-8 (line 1, column 4)" },
        { "[\"\xc3\\n\"]", "a string that is not UTF-8 (line 1, column 4)" },
    };
    static const char *const words[] = { "01",  "-",    "-01", "+1",  "1.",       ".5",   "1.e1", "1e",
                                         "1e+", "1e5.", "0x1", "NaN", "Infinity", "True", "nul",  "truee" };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        refused(rows[i].text, strlen(rows[i].text), rows[i].problem);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct cove__buf out = COVE__BUF_INIT(64);
        char why[160];
        assert_int_equal(read_pieces(cove__slice_str(words[i]), 1, &out, why), COVE_EINVAL);
        assert_non_null(strstr(why, "neither a number nor true, false or null"));
        assert_int_equal(out.size, 0);
        cove__buf_done(&out);
    }
    refused("{\"a\0\":1}", 8, "a control character in a string (line 1, column 4)");
}

static void test_stops(void **state)
{
    struct cove__buf out = COVE__BUF_INIT(64);
    char why[160];

    assert_int_equal(read_pieces(cove__slice_str("[1, \"stop\", 2]"), 1, &out, why), COVE_ESTATE);
    assert_string_equal(cove__buf_str(&out), "[ #1 ");
    assert_string_equal(why, "");
    cove__buf_done(&out);
}

static int count(void *user, enum cove__json_type type, struct cove__slice text)
{
    ++*(size_t *)user;
    return 0;
}

/* `text` n times, in one document between `head` and `tail`. */
static int repeat(const char *head, const char *text, size_t n, const char *tail, size_t *ret_tokens)
{
    struct cove__json_tokens t;

    *ret_tokens = 0;
    cove__json_tokens_init(&t, count, ret_tokens);
    int rc = cove__json_tokens_feed(&t, cove__slice_str(head));
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = cove__json_tokens_feed(&t, cove__slice_str(text));
    if (rc == 0)
        rc = cove__json_tokens_feed(&t, cove__slice_str(tail));
    if (rc == 0)
        rc = cove__json_tokens_end(&t);
    cove__json_tokens_done(&t);
    return rc;
}

static void test_limits(void **state)
{
    size_t n;

    assert_int_equal(repeat("", "[", COVE__JSON_DEPTH_MAX, "", &n), COVE_EINVAL);
    assert_int_equal(repeat("", "[", COVE__JSON_DEPTH_MAX + 1, "", &n), COVE_ELIMIT);
    assert_int_equal(n, COVE__JSON_DEPTH_MAX);
    assert_int_equal(repeat("\"", "x", COVE__JSON_TEXT_MAX, "\"", &n), 0);
    assert_int_equal(repeat("\"", "x", COVE__JSON_TEXT_MAX + 1, "\"", &n), COVE_ELIMIT);
    assert_int_equal(repeat("{\"", "x", COVE__JSON_TEXT_MAX + 1, "\":1}", &n), COVE_ELIMIT);
    assert_int_equal(repeat("", "1", COVE__JSON_TEXT_MAX + 1, "", &n), COVE_ELIMIT);
    assert_int_equal(repeat("1", " ", COVE__JSON_SIZE_MAX - 1, "", &n), 0);
    assert_int_equal(repeat("1", " ", COVE__JSON_SIZE_MAX, "", &n), COVE_ELIMIT);
}

/* What a text makes the reader hold does not grow with its values. */
static void test_memory(void **state)
{
    size_t n;

    cove__mem_fail(0, 0);
    assert_int_equal(repeat("[", "{\"name\": \"a\", \"size\": [1, 2, {}]},", 100000, "1]", &n), 0);
    assert_int_equal(n, 3 + 100000 * 11);
    assert_true(cove__mem_fail(0, 0) < 8);
}

/* More names than are compared with each other. */
static void test_many_names(void **state)
{
    for (size_t same = 0; same <= 200; same += 100) { /* 0: none */
        struct cove__buf text = COVE__BUF_INIT(1 << 16), out = COVE__BUF_INIT(1 << 16);
        char why[160];

        for (size_t i = 0; i < 300; i++)
            cove__buf_addf(&text, "%c\"n%zu\":{\"n1\":0}", i == 0 ? '{' : ',', same != 0 && i == 299 ? same : i);
        cove__buf_add_char(&text, '}');
        assert_int_equal(read_pieces(cove__buf_slice(&text), 1000, &out, why), same == 0 ? 0 : COVE_EINVAL);
        assert_true((same != 0) != !strstr(why, "duplicate"));
        cove__buf_done(&text);
        cove__buf_done(&out);
    }
}

static void test_without_memory(void **state)
{
    static const char text[] = "{\"a\": [\"a long enough text\", {\"b\": 1, \"c\": null}], \"d\": \"\"}";
    unsigned long n = 1;
    size_t tokens;
    int rc;

    do {
        cove__mem_fail(n, 0);
        rc = repeat("", text, 1, "", &tokens);
        cove__mem_fail(0, 0);
        assert_true(rc == 0 || rc == COVE_ENOMEM);
    } while (rc != 0 && ++n < 100);
    assert_int_equal(tokens, 14);
    assert_true(n > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens),         cmocka_unit_test(test_refusals), cmocka_unit_test(test_stops),
        cmocka_unit_test(test_limits),         cmocka_unit_test(test_memory),   cmocka_unit_test(test_many_names),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
