/* Files of tokens in both versions, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <cove/error.h>

#include "base/buf.h"
#include "wire/hadoop_tokens.h"
#include "wire/protobuf.h"

#define LONG 200 /* more than one byte's number */

struct seen {
    struct cove__hadoop_token tokens[4];
    size_t n;
};

static int see(void *user, const struct cove__hadoop_token *token)
{
    struct seen *seen = user;

    seen->tokens[seen->n++] = *token;
    return 0;
}

static void put_text(struct cove__buf *b, const char *text)
{
    size_t n = strlen(text);

    if (n > 127)
        cove__buf_add_char(b, (char)-113); /* a number of one more byte */
    cove__buf_add_char(b, (char)n);
    cove__buf_add_str(b, text);
}

static void put_message(struct cove__buf *b, const char *identifier, const char *service)
{
    size_t entry = cove__pb_begin(b, 1), token;

    cove__pb_string(b, 1, "alias");
    token = cove__pb_begin(b, 2);
    cove__pb_string(b, 1, identifier);
    cove__pb_string(b, 2, "pw");
    cove__pb_string(b, 3, "HDFS_DELEGATION_TOKEN");
    cove__pb_string(b, 4, service);
    cove__pb_end(b, token);
    cove__pb_end(b, entry);
}

static void assert_two(const struct seen *seen, const char *identifier)
{
    assert_int_equal(seen->n, 2);
    assert_true(cove__slice_is(seen->tokens[0].identifier, identifier));
    assert_true(cove__slice_is(seen->tokens[0].password, "pw"));
    assert_true(cove__slice_is(seen->tokens[0].kind, "HDFS_DELEGATION_TOKEN"));
    assert_true(cove__slice_is(seen->tokens[0].service, "ha-hdfs:ns"));
    assert_true(cove__slice_is(seen->tokens[1].service, "10.0.0.1:8020"));
}

static void test_reads_both_versions(void **state)
{
    struct cove__buf file = COVE__BUF_INIT(10000), message = COVE__BUF_INIT(10000);
    struct seen seen = { 0 };
    char identifier[LONG + 1] = "";

    (void)state;
    memset(identifier, 'i', LONG);
    cove__buf_add(&file, "HDTS\0\2", 6);
    for (int i = 0; i < 2; i++) {
        put_text(&file, "alias");
        put_text(&file, identifier);
        put_text(&file, "pw");
        put_text(&file, "HDFS_DELEGATION_TOKEN");
        put_text(&file, i == 0 ? "ha-hdfs:ns" : "10.0.0.1:8020");
    }
    cove__buf_add(&file, "\0", 1); /* no secrets */
    assert_int_equal(cove__hadoop_tokens_read(cove__buf_slice(&file), see, &seen), 0);
    assert_two(&seen, identifier);
    for (size_t n = 0; n + 1 < file.size; n++)
        assert_int_equal(cove__hadoop_tokens_read(cove__slice(file.data, n), see, &(struct seen){ 0 }), COVE_EPROTOCOL);

    cove__buf_reset(&file);
    put_message(&message, identifier, "ha-hdfs:ns");
    put_message(&message, "other", "10.0.0.1:8020");
    cove__buf_add(&file, "HDTS\1", 5);
    cove__pb_put_varint(&file, message.size);
    cove__buf_add_slice(&file, cove__buf_slice(&message));
    seen = (struct seen){ 0 };
    assert_int_equal(cove__hadoop_tokens_read(cove__buf_slice(&file), see, &seen), 0);
    assert_two(&seen, identifier);
    cove__buf_done(&file);
    cove__buf_done(&message);
}

static void test_refuses_other_files(void **state)
{
    struct seen seen = { 0 };

    (void)state;
    assert_int_equal(cove__hadoop_tokens_read(cove__slice_str("<xml/>"), see, &seen), COVE_EPROTOCOL);
    assert_int_equal(cove__hadoop_tokens_read(cove__slice("HDTS\2\0", 6), see, &seen), COVE_EPROTOCOL);
    assert_int_equal(cove__hadoop_tokens_read(cove__slice("HDTS\0\x8f", 6), see, &seen), COVE_EPROTOCOL);
    assert_int_equal(seen.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_both_versions),
        cmocka_unit_test(test_refuses_other_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
