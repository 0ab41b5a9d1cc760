/* The base: buffers with limits, errors, dates, tokens, inboxes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/call.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/mem.h"
#include "base/op.h"

static void buffers(void **state)
{
    struct cove__buf b = COVE__BUF_INIT(10);
    char *text;

    assert_string_equal(cove__buf_str(&b), "");
    assert_int_equal(cove__buf_addf(&b, "%d-%s", 12, "abc"), 0);
    assert_string_equal(cove__buf_str(&b), "12-abc");
    assert_int_equal(cove__buf_add_str(&b, "12345"), COVE_ELIMIT);
    assert_int_equal(cove__buf_add_char(&b, 'x'), COVE_ELIMIT); /* a failed buf stays failed */
    assert_null(cove__buf_take(&b));
    assert_int_equal(cove__buf_add_str(&b, "1234567890"), 0);
    text = cove__buf_take(&b);
    assert_string_equal(text, "1234567890");
    cove__free(text);
    text = cove__buf_take(&b); /* an empty one is "" */
    assert_string_equal(text, "");
    cove__free(text);
}

/* A secret is overwritten wherever it has been, also where the buffer lay before it grew. */
static void secret_buffers(void **state)
{
    static const char secret[] = "a-secret-of-the-test";
    struct cove__buf plain = COVE__BUF_INIT(10000), b = COVE__BUF_SECRET(10000), other;

    cove__mem_watch(secret);
    cove__buf_add_str(&plain, secret);
    cove__buf_done(&plain);
    assert_int_equal(cove__mem_watch(secret), 1);
    cove__buf_init_secret(&other, 10000);
    struct cove__buf *const bufs[] = { &b, &other };
    for (size_t i = 0; i < 2; i++) {
        for (int k = 0; k < 200; k++)
            assert_int_equal(cove__buf_add_str(bufs[i], secret), 0);
        assert_int_equal(bufs[i]->size, 200 * strlen(secret));
        assert_true(strncmp(cove__buf_str(bufs[i]), secret, strlen(secret)) == 0);
        cove__buf_done(bufs[i]);
        assert_true(bufs[i]->secret);
    }
    assert_int_equal(cove__mem_watch(NULL), 0);
}

static void buffers_dropped_from(void **state)
{
    struct cove__buf b = COVE__BUF_INIT(10);

    cove__buf_drop(&b, 0);
    assert_int_equal(cove__buf_add_str(&b, "12345"), 0);
    cove__buf_drop(&b, 2);
    assert_int_equal(b.size, 3);
    assert_string_equal(cove__buf_str(&b), "345");
    cove__buf_drop(&b, 3);
    assert_string_equal(cove__buf_str(&b), "");
    cove__buf_done(&b);
}

static void buffers_out_of_memory(void **state)
{
    struct cove__buf b = COVE__BUF_INIT(1000);

    cove__mem_fail(1, 0);
    assert_int_equal(cove__buf_add_str(&b, "x"), COVE_ENOMEM);
    cove__mem_fail(0, 0);
    cove__buf_reset(&b);
    assert_int_equal(cove__buf_add_str(&b, "x"), 0);
    cove__buf_done(&b);
}

static void populated(void **state)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = 8;
    uint8_t *memory = mmap(NULL, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char there[8];

    assert_true(memory != MAP_FAILED);
    cove__mem_populate(memory + page + 1, 4 * page); /* touches the pages 1 to 5 */
    assert_int_equal(mincore(memory, pages * page, there), 0);
#ifdef MADV_POPULATE_WRITE
    for (size_t i = 1; madvise(memory, page, MADV_POPULATE_WRITE) == 0 && i <= 5; i++) /* Linux 5.14 and later can */
        assert_true(there[i] & 1);
#endif
    memset(memory, 7, pages * page);
    cove__mem_populate(memory, pages * page);
    for (size_t i = 0; i < pages * page; i++)
        assert_int_equal(memory[i], 7);
    munmap(memory, pages * page);
    cove__mem_populate(memory, page); /* not mapped: nothing happens */
}

/* The store's code came after the message: a caller without it has the whole message, and what follows is its own. */
static void store_codes(void **state)
{
    const size_t before = offsetof(struct cove_error, store_code);
    struct cove_error err = COVE_ERROR_INIT, copy = COVE_ERROR_INIT, old = COVE_ERROR_INIT;

    assert_string_equal(err.store_code, "");
    cove__fail(&err, COVE_ENOTFOUND, "no");
    cove__error_store_code(&err, "NoSuchKey");
    cove__error_prefix(&err, err.code, "read");
    cove__error_add(&err, ", after 2 attempts");
    assert_string_equal(err.store_code, "NoSuchKey");
    old.size = before;
    strcpy(old.store_code, "beyond");
    cove__error_copy(&old, &err);
    assert_string_equal(old.message, err.message);
    cove__error_store_code(&old, "NoSuchKey");
    cove__fail(&old, COVE_EIO, "%0*d", 2000, 0);
    assert_int_equal(strlen(old.message), sizeof old.message - 1);
    assert_string_equal(old.store_code, "beyond");
    cove__error_copy(&copy, &err);
    assert_string_equal(copy.store_code, "NoSuchKey");
    cove__error_copy(&copy, &old); /* it has none */
    assert_string_equal(copy.store_code, "");
    cove__fail(&err, COVE_EIO, "another failure");
    assert_string_equal(err.store_code, "");
}

static void errors(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct {
        size_t size;
        int code, http_status, os_errno, retryable;
        char message[8];
        char guard[4];
    } small = { .size = 8 + sizeof(size_t) + 16, .guard = "abc" };

    assert_int_equal(cove__fail(NULL, COVE_EIO, "x"), COVE_EIO);
    cove__fail_errno(&err, 2, "open %s", "file:///x");
    assert_int_equal(err.code, COVE_ENOTFOUND);
    assert_int_equal(err.os_errno, 2);
    assert_string_equal(err.message, "open file:///x: No such file or directory");
    cove__error_prefix(&err, err.code, "load");
    assert_string_equal(err.message, "load: open file:///x: No such file or directory");
    /* One line of UTF-8, whatever a store or a file's name puts into it. */
    cove__fail(&err, COVE_EIO,
               "a\r\nb\x1b[31m\x7f \xc2\x9b"
               "1m \xff\xc3 \xed\xa0\x80 \xc0\xaf \xc3\xa9\xf0\x9f\x98\x80");
    assert_string_equal(err.message, "a  b [31m    1m ?? ??? ?? \xc3\xa9\xf0\x9f\x98\x80");
    cove__error_prefix(&err, err.code, "load %s", "\n");
    assert_int_equal(strncmp(err.message, "load  : a", 9), 0);
    cove__fail(&err, COVE_EIO, "%0*d", (int)sizeof err.message - 4, 0);
    cove__error_add(&err, "; \xc3\xa9");
    assert_int_equal(strlen(err.message), sizeof err.message - 2);
    assert_string_equal(err.message + sizeof err.message - 5, "0; ");
    /* A caller's older, smaller struct is never written past its end, nor cut inside a character. */
    cove__fail((struct cove_error *)(void *)&small, COVE_EIO, "123456\xc3\xa9");
    assert_string_equal(small.message, "123456");
    assert_string_equal(small.guard, "abc");
    cove__error_store_code((struct cove_error *)(void *)&small, "NoSuchKey");
    assert_string_equal(small.guard, "abc");
    for (int code = 0; code >= COVE_ESTATE; code--) {
        assert_string_not_equal(cove_code_name(code), "COVE_E?");
        assert_true(code == 0 || cove_code_errno(code) > 0);
    }
}

static void dates_with_zones(void **state)
{
    static const char *const same[] = { "2026-11-23T21:13:00z",      "2026-11-23t21:13:00Z",
                                        "2026-11-23 21:13:00Z",      "2026-11-23T21:13:00+00:00",
                                        "2026-11-23T21:13:00-00:00", "2026-11-23T21:13:00.000000000000Z",
                                        "2026-11-23T14:13:00-07:00", "2026-11-24T02:43:00+05:30",
                                        "2026-11-24T02:43:00+0530" };
    static const char *const wrong[] = { "2026-11-23T21:13:00",
                                         "2026-11-23T21:13:00.5",
                                         "2026-11-23T21:13:00.Z",
                                         "2026-11-23T21:13:00+5:30",
                                         "2026-11-23T21:13:00+05",
                                         "2026-11-23T21:13Z",
                                         "2026-11-23T21:13:00+24:00",
                                         "2026-11-23T21:13:00ZZ",
                                         "2026-11-23T+1:13:00Z",
                                         "2026-11-23T 1:13:00Z",
                                         "1970-01-01T00:00:00+01:00",
                                         "2026-11-23T21:13:00+05:60",
                                         "2026-11-23",
                                         "" };

    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        assert_int_equal(cove__parse_iso8601(same[i]), 1795468380 * COVE__SEC);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(cove__parse_iso8601(wrong[i]), -1);
    assert_int_equal(cove__parse_iso8601("2026-11-23T14:13:00.250-07:00"), 1795468380 * COVE__SEC + 250 * COVE__MS);
}

static void dates(void **state)
{
    char text[17];

    assert_int_equal(cove__parse_iso8601("1970-01-02T00:00:01.250Z"), 86401250 * COVE__MS);
    assert_int_equal(cove__parse_iso8601("2026-11-23T21:13:00Z"), 1795468380 * COVE__SEC);
    assert_int_equal(cove__parse_http_date("Mon, 23 Nov 2026 21:13:00 GMT"), 1795468380 * COVE__SEC);
    assert_int_equal(cove__parse_iso8601("2026-13-23T21:13:00Z"), -1);
    assert_int_equal(cove__parse_iso8601("yesterday"), -1);
    assert_int_equal(cove__parse_http_date("Mon, 23 Foo 2026 21:13:00 GMT"), -1);
    cove__format_iso8601_basic(1795468380 * COVE__SEC, text);
    assert_string_equal(text, "20261123T211300Z");
    char extended[21];
    cove__format_iso8601(1795468380 * COVE__SEC + 999, extended);
    assert_string_equal(extended, "2026-11-23T21:13:00Z");
}

static void tokens(void **state)
{
    cove_cancel *parent = cove_cancel_new();
    cove_cancel *child = cove__cancel_child(parent);
    struct cove__ctx ctx = { .deadline_ns = INT64_MAX, .cancel = child, .op = "read", .url = "s3://b/k" };
    struct cove_error err = COVE_ERROR_INIT;

    assert_int_equal(cove__ctx_check(&ctx, &err), 0);
    cove_cancel_fire(parent);
    assert_int_equal(cove__ctx_check(&ctx, &err), COVE_ECANCELED);
    assert_non_null(strstr(err.message, "read s3://b/k"));
    cove_cancel_unref(parent); /* the child holds it */
    assert_true(cove_cancel_fired(child));
    cove_cancel_unref(child);
    ctx.cancel = NULL;
    ctx.deadline_ns = cove__now_ns() - 1;
    assert_int_equal(cove__ctx_check(&ctx, &err), COVE_ETIMEDOUT);
}

static void *finish_later(void *op)
{
    cove__op_finish(op, 0, 42, NULL);
    return NULL;
}

static void inboxes(void **state)
{
    struct cove__inbox inbox;
    struct cove__op now = { .inbox = &inbox };
    struct cove__op later = { .inbox = &inbox };
    pthread_t thread;

    cove__inbox_init(&inbox);
    assert_null(cove__inbox_wait(&inbox)); /* nothing pending: never waits */
    cove__op_start(&now);
    cove__op_start(&later);
    assert_null(cove__inbox_poll(&inbox));
    cove__op_finish(&now, COVE_EIO, 0, NULL);
    assert_ptr_equal(cove__inbox_wait(&inbox), &now);
    assert_int_equal(now.rc, COVE_EIO);
    assert_int_equal(cove__inbox_pending(&inbox), 1);
    pthread_create(&thread, NULL, finish_later, &later);
    assert_ptr_equal(cove__inbox_wait(&inbox), &later);
    assert_int_equal(later.count, 42);
    pthread_join(thread, NULL);
    cove__inbox_done(&inbox);
}

/* One op and a call that waits for it: ended inside its start, or by another thread. */
static void waits_for_one(void **state)
{
    struct cove__inbox inbox;
    struct cove__op op = { 0 };
    struct cove_error err = COVE_ERROR_INIT, why = COVE_ERROR_INIT;
    pthread_t thread;

    cove__op_will_wait(&op, &inbox);
    assert_ptr_equal(op.ctx.waits, &inbox);
    cove__op_start(&op);
    cove__fail(&why, COVE_EIO, "the disk is gone");
    cove__op_finish(&op, COVE_EIO, 0, &why);
    assert_int_equal(cove__op_wait(&op, &err), COVE_EIO);
    assert_string_equal(err.message, "the disk is gone");
    assert_null(op.inbox);
    assert_null(op.ctx.waits);

    cove__op_will_wait(&op, &inbox);
    cove__op_start(&op);
    pthread_create(&thread, NULL, finish_later, &op);
    assert_int_equal(cove__op_wait(&op, NULL), 0);
    assert_int_equal(op.count, 42);
    pthread_join(thread, NULL);
}

/* A string that is replaced: a copy of the other, none, or what it was where there is no memory. */
static void strings_set(void **state)
{
    char *field = NULL, text[] = "first";

    assert_int_equal(cove__set_string(&field, text), 0);
    text[0] = 'F';
    assert_string_equal(field, "first");
    cove__mem_fail(1, 1);
    assert_int_equal(cove__set_string(&field, "second"), COVE_ENOMEM);
    cove__mem_fail(0, 0);
    assert_string_equal(field, "first");
    assert_int_equal(cove__set_string(&field, NULL), 0);
    assert_null(field);
}

static void inboxes_after_fork(void **state)
{
    struct cove__inbox inbox;
    struct cove__op op = { .inbox = &inbox };
    int status = -1;
    pid_t child;

    cove__inbox_init(&inbox);
    cove__op_start(&op);
    child = fork();
    if (child == 0) /* what the parent's threads work on never ends here: it is not waited for */
        _exit(!cove__inbox_wait(&inbox) && cove__inbox_pending(&inbox) == 0 ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    cove__op_finish(&op, 0, 0, NULL);
    assert_ptr_equal(cove__inbox_wait(&inbox), &op);
    cove__inbox_done(&inbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers),
        cmocka_unit_test(secret_buffers),
        cmocka_unit_test(buffers_dropped_from),
        cmocka_unit_test(populated),
        cmocka_unit_test(buffers_out_of_memory),
        cmocka_unit_test(errors),
        cmocka_unit_test(store_codes),
        cmocka_unit_test(dates),
        cmocka_unit_test(dates_with_zones),
        cmocka_unit_test(tokens),
        cmocka_unit_test(inboxes),
        cmocka_unit_test(waits_for_one),
        cmocka_unit_test(strings_set),
        cmocka_unit_test(inboxes_after_fork),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
