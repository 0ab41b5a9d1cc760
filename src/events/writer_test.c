/* Event files on memory://: written and read back, names, unfinished ends, broken records, and every allocation failing
 * in turn. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <cove/cove.h>

#include "base/mem.h"
#include "events/record.h"

static cove_fs *fs;

static int set_up(void **state)
{
    (void)state;
    return cove_fs_from_url("memory://logs", NULL, &fs, NULL, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    cove_fs_remove_tree(fs, "logs", NULL, NULL);
    cove_fs_unref(fs);
    return 0;
}

static cove_event_writer *open_writer(void)
{
    cove_event_writer *w = NULL;

    assert_int_equal(cove_event_writer_open(fs, "logs/run", NULL, &w, NULL), 0);
    return w;
}

static cove_event_reader *open_reader(const char *path)
{
    cove_event_reader *r = NULL;

    assert_int_equal(cove_event_reader_open(fs, path, NULL, &r, NULL), 0);
    return r;
}

static void test_names(void **state)
{
    cove_event_writer *a = open_writer(), *b = open_writer();
    const char *name = cove_event_writer_path(a);
    long long seconds;
    char tail[64];

    (void)state;
    assert_int_equal(sscanf(name, "logs/run/events.out.tfevents.%10lld.", &seconds), 1);
    assert_true(seconds > 1700000000);
    snprintf(tail, sizeof tail, ".%ld.0", (long)getpid());
    assert_string_equal(name + strlen(name) - strlen(tail), tail);
    assert_string_not_equal(name, cove_event_writer_path(b));
    assert_int_equal(cove_event_writer_close(a, NULL), 0);
    assert_int_equal(cove_event_writer_close(b, NULL), 0);
    assert_int_equal(cove_event_writer_close(NULL, NULL), 0);
}

static void write_all_kinds(cove_event_writer *w)
{
    const float values[] = { 1, 2, 3 };
    const struct cove_hparam hparams[] = { { "lr", COVE_HPARAM_NUMBER, NULL, 0.1 } };
    const char *const tags[] = { "loss" };

    assert_int_equal(cove_event_writer_scalar(w, "loss", 0.5, 1, 12.5, NULL), 0);
    assert_int_equal(cove_event_writer_text(w, "note", "hello", 2, 0, NULL), 0);
    assert_int_equal(cove_event_writer_histogram(w, "weights", values, 3, 3, 0, NULL), 0);
    assert_int_equal(cove_event_writer_hparams(w, hparams, 1, tags, 1, NULL), 0);
}

static void test_reads_what_it_wrote(void **state)
{
    static const struct {
        enum cove_event_kind kind;
        const char *tag;
        int64_t step;
    } expected[] = {
        { COVE_EVENT_VERSION, "", 0 },
        { COVE_EVENT_SCALAR, "loss", 1 },
        { COVE_EVENT_TEXT, "note/text_summary", 2 },
        { COVE_EVENT_HISTOGRAM, "weights", 3 },
        { COVE_EVENT_OTHER, "_hparams_/experiment", 0 },
        { COVE_EVENT_OTHER, "_hparams_/session_start_info", 0 },
        { COVE_EVENT_OTHER, "_hparams_/session_end_info", 0 },
    };
    cove_event_writer *w = open_writer();
    char *path = strdup(cove_event_writer_path(w));
    cove_event_reader *r;
    struct cove_event e;

    (void)state;
    write_all_kinds(w);
    assert_int_equal(cove_event_writer_flush(w, NULL), 0);
    r = open_reader(path);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_int_equal(cove_event_reader_next(r, &e, NULL), 1);
        assert_int_equal(e.kind, expected[i].kind);
        assert_string_equal(e.tag, expected[i].tag);
        assert_int_equal(e.step, expected[i].step);
        if (e.kind == COVE_EVENT_SCALAR)
            assert_true(e.value == 0.5 && e.wall_time == 12.5);
        else
            assert_true(e.wall_time > 1.7e9);
        if (e.kind == COVE_EVENT_TEXT)
            assert_string_equal(e.text, "hello");
    }
    assert_int_equal(cove_event_reader_next(r, &e, NULL), 0);
    assert_int_equal(cove_event_reader_next(r, &e, NULL), 0);
    cove_event_reader_close(r);
    assert_int_equal(cove_event_writer_close(w, NULL), 0);
    free(path);
}

/* More than the reader's window holds, so that records lie across its borders. */
static void test_a_long_file(void **state)
{
    cove_event_writer *w = open_writer();
    char *path = strdup(cove_event_writer_path(w));
    char *text = malloc(300001);
    cove_event_reader *r;
    struct cove_event e;

    (void)state;
    memset(text, 'x', 300000);
    text[300000] = '\0';
    for (int i = 0; i < 20000; i++)
        assert_int_equal(cove_event_writer_scalar(w, "loss", i, i, 0, NULL), 0);
    assert_int_equal(cove_event_writer_text(w, "long", text, 0, 0, NULL), 0);
    assert_int_equal(cove_event_writer_close(w, NULL), 0);
    r = open_reader(path);
    assert_int_equal(cove_event_reader_next(r, &e, NULL), 1);
    for (int i = 0; i < 20000; i++) {
        assert_int_equal(cove_event_reader_next(r, &e, NULL), 1);
        assert_true(e.step == i && e.value == i);
    }
    assert_int_equal(cove_event_reader_next(r, &e, NULL), 1);
    assert_string_equal(e.text, text);
    assert_int_equal(cove_event_reader_next(r, &e, NULL), 0);
    cove_event_reader_close(r);
    free(text);
    free(path);
}

/* The file cut at every byte gives the events before the cut and no error; a byte changed gives the events before it,
 * then COVE_ECORRUPT. */
static void test_cut_and_broken_files(void **state)
{
    cove_event_writer *w = open_writer();
    struct cove_event e;
    void *data;
    uint8_t *copy;
    size_t size;

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(cove_event_writer_scalar(w, "loss", i, i, 0, NULL), 0);
    assert_int_equal(cove_event_writer_flush(w, NULL), 0);
    assert_int_equal(cove_fs_read_file(fs, cove_event_writer_path(w), 0, &data, &size, NULL, NULL), 0);
    assert_int_equal(cove_event_writer_close(w, NULL), 0);
    copy = malloc(size);
    for (size_t cut = 0; cut <= size; cut++) {
        cove_event_reader *r;
        int n = 0, rc;

        assert_int_equal(cove_fs_write_file(fs, "logs/cut", data, cut, NULL, NULL), 0);
        r = open_reader("logs/cut");
        while ((rc = cove_event_reader_next(r, &e, NULL)) == 1)
            n++;
        assert_int_equal(rc, 0);
        assert_int_equal(n == 4, cut == size);
        cove_event_reader_close(r);
    }
    for (size_t at = 0; at < size; at++) {
        struct cove_error err = COVE_ERROR_INIT;
        cove_event_reader *r;
        int rc;

        memcpy(copy, data, size);
        copy[at] ^= 0x10;
        assert_int_equal(cove_fs_write_file(fs, "logs/broken", copy, size, NULL, NULL), 0);
        r = open_reader("logs/broken");
        while ((rc = cove_event_reader_next(r, &e, &err)) == 1)
            ;
        assert_int_equal(rc, COVE_ECORRUPT);
        assert_non_null(strstr(err.message, "memory://logs/broken"));
        cove_event_reader_close(r);
    }
    free(copy);
    cove_free(data);
}

/* A record whose checksums are right, but which is no message. */
static void test_no_event(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct cove__buf b = COVE__BUF_INIT(1000);
    size_t mark = cove__record_begin(&b);
    cove_event_reader *r;
    struct cove_event e;

    (void)state;
    cove__buf_add_str(&b, "\x0fnonsense");
    cove__record_end(&b, mark);
    assert_int_equal(cove_fs_write_file(fs, "logs/x", b.data, b.size, NULL, NULL), 0);
    r = open_reader("logs/x");
    assert_int_equal(cove_event_reader_next(r, &e, &err), COVE_ECORRUPT);
    cove_event_reader_close(r);
    cove__buf_done(&b);
    assert_int_equal(cove_event_reader_open(fs, "logs/none", NULL, &r, &err), COVE_ENOTFOUND);
}

/* A file that grows while it is read is read on, in its newer version. */
static void test_a_growing_file(void **state)
{
    cove_event_writer *w = open_writer();
    cove_event_reader *r;
    struct cove_event e;
    int n = 0;

    (void)state;
    for (int i = 0; i < 40000; i++)
        assert_int_equal(cove_event_writer_scalar(w, "a rather long tag, so that the file is", i, i, 0, NULL), 0);
    assert_int_equal(cove_event_writer_flush(w, NULL), 0);
    r = open_reader(cove_event_writer_path(w));
    while (cove_event_reader_next(r, &e, NULL) == 1)
        if (n++ % 10000 == 0) {
            assert_int_equal(cove_event_writer_scalar(w, "loss", 1, n, 0, NULL), 0);
            assert_int_equal(cove_event_writer_flush(w, NULL), 0);
        }
    assert_true(n > 40001);
    cove_event_reader_close(r);
    assert_int_equal(cove_event_writer_close(w, NULL), 0);
}

static void test_histogram_of_nothing(void **state)
{
    cove_event_writer *w = open_writer();
    struct cove_error err = COVE_ERROR_INIT;
    const float nan = NAN;

    (void)state;
    assert_int_equal(cove_event_writer_histogram(w, "grad", &nan, 1, 0, 0, &err), COVE_EINVAL);
    assert_non_null(strstr(err.message, "\"grad\""));
    assert_int_equal(cove_event_writer_scalar(w, "loss", 1, 0, 0, NULL), 0);
    assert_int_equal(cove_event_writer_close(w, NULL), 0);
}

/* Each allocation fails in turn, alone and with all that follow; a call that succeeds then has done its work. */
static int write_and_read(void)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_event_writer *w = NULL;
    cove_event_reader *r = NULL;
    struct cove_event e;
    const float values[] = { 1, 2, 3 };
    char path[500];
    int rc = cove_event_writer_open(fs, "logs/torture", NULL, &w, &err);

    if (rc < 0)
        return rc;
    snprintf(path, sizeof path, "%s", cove_event_writer_path(w));
    rc = cove_event_writer_scalar(w, "loss", 1, 1, 0, &err);
    if (rc == 0)
        rc = cove_event_writer_histogram(w, "weights", values, 3, 3, 0, &err);
    if (rc == 0)
        rc = cove_event_writer_flush(w, &err);
    if (rc == 0)
        rc = cove_event_writer_close(w, &err);
    else
        cove_event_writer_close(w, NULL);
    if (rc == 0)
        rc = cove_event_reader_open(fs, path, NULL, &r, &err);
    for (int i = 0; rc == 0 && i < 3; i++) {
        rc = cove_event_reader_next(r, &e, &err);
        assert_true(rc == 1 || rc < 0);
        rc = rc == 1 ? 0 : rc;
    }
    if (rc == 0)
        rc = cove_event_reader_next(r, &e, &err);
    cove_event_reader_close(r);
    if (rc < 0)
        assert_true(err.message[0] != '\0');
    return rc;
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    for (int sticky = 0; sticky < 2; sticky++) {
        unsigned long nth = 0;
        int rc;

        do {
            cove__mem_fail(++nth, sticky);
            rc = write_and_read();
            cove__mem_fail(0, 0);
            assert_true(rc == 0 || rc == COVE_ENOMEM);
        } while (nth < 30 || rc < 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reads_what_it_wrote, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_long_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cut_and_broken_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_growing_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_histogram_of_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_memory_runs_out, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
