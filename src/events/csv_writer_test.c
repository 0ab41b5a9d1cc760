/* CSV metrics on memory://: Lightning's layout, new columns, what is there already, and every allocation failing in
 * turn. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <cove/cove.h>

#include "base/mem.h"

static cove_fs *fs;
static const char *metrics = "csv/metrics.csv";

static int set_up(void **state)
{
    (void)state;
    return cove_fs_from_url("memory://csv", NULL, &fs, NULL, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    cove_fs_remove_tree(fs, "csv", NULL, NULL);
    cove_fs_unref(fs);
    return 0;
}

static cove_csv_writer *open_writer(void)
{
    cove_csv_writer *w = NULL;

    assert_int_equal(cove_csv_writer_open(fs, metrics, NULL, &w, NULL), 0);
    return w;
}

static void put(const char *text)
{
    assert_int_equal(cove_fs_write_file(fs, metrics, text, strlen(text), NULL, NULL), 0);
}

static void assert_file(const char *expected)
{
    void *data;
    size_t size;
    char *text;

    assert_int_equal(cove_fs_read_file(fs, metrics, 0, &data, &size, NULL, NULL), 0);
    text = strndup(data, size);
    assert_string_equal(text, expected);
    free(text);
    cove_free(data);
}

static void test_layout(void **state)
{
    const struct cove_metric train[] = { { "train_loss", 0.1 }, { "epoch", 0 }, { "lr", 1 } };
    const struct cove_metric odd[] = { { "train_loss", NAN }, { "epoch", 1 }, { "lr", -INFINITY } };
    const struct cove_metric some[] = { { "epoch", 2 }, { "lr", 1e-5 }, { "lr", 2e-5 } };
    cove_csv_writer *w = open_writer();

    (void)state;
    assert_int_equal(cove_csv_writer_row(w, 9, train, 3, NULL), 0);
    assert_int_equal(cove_csv_writer_row(w, 19, odd, 3, NULL), 0);
    assert_int_equal(cove_csv_writer_row(w, -1, some, 3, NULL), 0);
    assert_int_equal(cove_csv_writer_flush(w, NULL), 0);
    assert_file("epoch,lr,step,train_loss\r\n0,1.0,9,0.1\r\n1,-inf,19,nan\r\n2,2e-05,-1,\r\n");
    assert_int_equal(cove_csv_writer_close(w, NULL), 0);
    assert_int_equal(cove_csv_writer_close(NULL, NULL), 0);
}

static void test_new_columns_rewrite_the_file(void **state)
{
    const struct cove_metric train[] = { { "train_loss", 0.5 }, { "epoch", 0 } };
    const struct cove_metric val[] = { { "acc, top \"1\"", 0.25 }, { "epoch", 0 } };
    cove_csv_writer *w = open_writer();

    (void)state;
    assert_int_equal(cove_csv_writer_row(w, 0, train, 2, NULL), 0);
    assert_int_equal(cove_csv_writer_row(w, 1, val, 2, NULL), 0);
    assert_int_equal(cove_csv_writer_row(w, 2, train, 2, NULL), 0);
    assert_int_equal(cove_csv_writer_close(w, NULL), 0);
    assert_file("\"acc, top \"\"1\"\"\",epoch,step,train_loss\r\n,0,0,0.5\r\n0.25,0,1,\r\n,0,2,0.5\r\n");
}

static void test_the_step_is_the_writers(void **state)
{
    const struct cove_metric row[] = { { "step", 7 }, { "x", 1 } };
    cove_csv_writer *w = open_writer();

    (void)state;
    assert_int_equal(cove_csv_writer_row(w, 3, row, 2, NULL), 0);
    assert_int_equal(cove_csv_writer_row(w, 4, NULL, 0, NULL), 0);
    assert_int_equal(cove_csv_writer_close(w, NULL), 0);
    assert_file("step,x\r\n3,1.0\r\n4,\r\n");
}

static void test_appends_to_an_existing_file(void **state)
{
    const struct cove_metric x = { "x", 1 }, y = { "y", 2 };
    cove_csv_writer *w;

    (void)state;
    put("x,step\r\n0.5,1\r\n"); /* not in the order of names */
    w = open_writer();
    assert_int_equal(cove_csv_writer_row(w, 2, &x, 1, NULL), 0);
    assert_int_equal(cove_csv_writer_flush(w, NULL), 0);
    assert_file("x,step\r\n0.5,1\r\n1.0,2\r\n");
    assert_int_equal(cove_csv_writer_row(w, 3, &y, 1, NULL), 0);
    assert_int_equal(cove_csv_writer_close(w, NULL), 0);
    assert_file("step,x,y\r\n1,0.5,\r\n2,1.0,\r\n3,,2.0\r\n");
}

static void test_an_unfinished_line_is_dropped(void **state)
{
    const struct cove_metric x = { "x", 1 };
    cove_csv_writer *w;

    (void)state;
    put("step,x\r\n1,0.5\r\n2,0.");
    w = open_writer();
    assert_int_equal(cove_csv_writer_row(w, 2, &x, 1, NULL), 0);
    assert_int_equal(cove_csv_writer_close(w, NULL), 0);
    assert_file("step,x\r\n1,0.5\r\n2,1.0\r\n");
}

static void test_refuses_other_files(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_csv_writer *w = NULL;
    const struct cove_metric x = { "x", 1 };

    (void)state;
    put("no line end");
    assert_int_equal(cove_csv_writer_open(fs, metrics, NULL, &w, &err), COVE_EMISMATCH);
    assert_file("no line end");
    put("a,b,a\r\n");
    assert_int_equal(cove_csv_writer_open(fs, metrics, NULL, &w, &err), COVE_EMISMATCH);
    assert_non_null(strstr(err.message, "\"a\" twice"));
    /* A row that can't be carried over: the rewriting fails, and the file stays. */
    put("step\r\n1,2,3\r\n");
    assert_int_equal(cove_csv_writer_open(fs, metrics, NULL, &w, &err), 0);
    assert_int_equal(cove_csv_writer_row(w, 1, &x, 1, &err), COVE_ECORRUPT);
    assert_int_equal(cove_csv_writer_row(w, 2, NULL, 0, &err), 0);
    assert_int_equal(cove_csv_writer_close(w, NULL), 0);
    assert_file("step\r\n1,2,3\r\n2\r\n");
}

static void test_an_empty_file_is_a_new_one(void **state)
{
    const struct cove_metric x = { "x", 1 };
    cove_csv_writer *w;

    (void)state;
    put("");
    w = open_writer();
    assert_int_equal(cove_csv_writer_row(w, 1, &x, 1, NULL), 0);
    assert_int_equal(cove_csv_writer_close(w, NULL), 0);
    assert_file("step,x\r\n1,1.0\r\n");
}

static void test_reader(void **state)
{
    const char *const *names, *const *cells;
    cove_csv_reader *r = NULL;
    struct cove_error err = COVE_ERROR_INIT;

    (void)state;
    put("a,\"b,c\"\r\n1,\"x\"\"y\"\r\n\r\n2\r\n3,4,5\r\n");
    assert_int_equal(cove_csv_reader_open(fs, metrics, NULL, &r, NULL), 0);
    assert_int_equal(cove_csv_reader_columns(r, &names), 2);
    assert_string_equal(names[1], "b,c");
    assert_int_equal(cove_csv_reader_next(r, &cells, NULL), 1);
    assert_string_equal(cells[0], "1");
    assert_string_equal(cells[1], "x\"y");
    assert_int_equal(cove_csv_reader_next(r, &cells, NULL), 1);
    assert_string_equal(cells[0], "2");
    assert_string_equal(cells[1], "");
    assert_int_equal(cove_csv_reader_next(r, &cells, &err), COVE_ECORRUPT);
    assert_non_null(strstr(err.message, "at byte 24"));
    cove_csv_reader_close(r);
    put("");
    assert_int_equal(cove_csv_reader_open(fs, metrics, NULL, &r, NULL), 0);
    assert_int_equal(cove_csv_reader_columns(r, &names), 0);
    assert_int_equal(cove_csv_reader_next(r, &cells, NULL), 0);
    cove_csv_reader_close(r);
    cove_csv_reader_close(NULL);
}

/* Rows longer than the reader's window, and many of them. */
static void test_long_rows(void **state)
{
    enum { COLUMNS = 3000, ROWS = 40 };
    static char names[COLUMNS][120];
    static struct cove_metric row[COLUMNS];
    cove_csv_writer *w = open_writer();
    cove_csv_reader *r;
    const char *const *cells, *const *columns;
    int n = 0;

    (void)state;
    for (int i = 0; i < COLUMNS; i++) {
        memset(names[i], 'x', 100);
        snprintf(names[i] + 100, 20, "%06d", i);
        row[i] = (struct cove_metric){ names[i], i };
    }
    for (int i = 0; i < ROWS; i++)
        assert_int_equal(cove_csv_writer_row(w, i, row, COLUMNS, NULL), 0);
    assert_int_equal(cove_csv_writer_close(w, NULL), 0);
    assert_int_equal(cove_csv_reader_open(fs, metrics, NULL, &r, NULL), 0);
    assert_int_equal(cove_csv_reader_columns(r, &columns), COLUMNS + 1);
    while (cove_csv_reader_next(r, &cells, NULL) == 1) {
        assert_int_equal(atoi(cells[0]), n++); /* "step" comes before "xxx…" */
        assert_string_equal(cells[COLUMNS], "2999.0");
    }
    assert_int_equal(n, ROWS);
    cove_csv_reader_close(r);
}

/* Two rows, the second with a new column. Whatever fails: each row is in the file or was refused, and the file can be
 * read. */
static int two_rows(int *ret_rows)
{
    struct cove_error err = COVE_ERROR_INIT;
    const struct cove_metric x = { "x", 1 }, y = { "y", 2 };
    cove_csv_writer *w = NULL;
    int rc = cove_csv_writer_open(fs, metrics, NULL, &w, &err), second, closed;

    *ret_rows = 0;
    if (rc < 0)
        return rc;
    rc = cove_csv_writer_row(w, 1, &x, 1, &err);
    *ret_rows += rc == 0;
    second = cove_csv_writer_row(w, 2, &y, 1, &err);
    *ret_rows += second == 0;
    closed = cove_csv_writer_close(w, &err);
    if (closed < 0)
        *ret_rows = -1; /* how many are there is not known, but not more */
    return rc < 0 ? rc : second < 0 ? second : closed;
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    for (int sticky = 0; sticky < 2; sticky++) {
        unsigned long nth = 0;
        int rc, rows, n;

        do {
            cove_csv_reader *r = NULL;
            const char *const *cells;
            int opened;

            cove_fs_remove(fs, metrics, NULL, NULL);
            cove__mem_fail(++nth, sticky);
            rc = two_rows(&rows);
            cove__mem_fail(0, 0);
            assert_true(rc == 0 || rc == COVE_ENOMEM);
            opened = cove_csv_reader_open(fs, metrics, NULL, &r, NULL);
            assert_true(opened == 0 || opened == COVE_ENOTFOUND);
            for (n = 0; opened == 0 && cove_csv_reader_next(r, &cells, NULL) == 1;)
                n++;
            assert_true(rows < 0 ? n <= 2 : n == rows);
            cove_csv_reader_close(r);
        } while (nth < 40 || rc < 0);
    }
}

/* ---- two writers of one file ---- */

static char folder[] = "/tmp/cove-csv-XXXXXX";

static int set_up_file(void **state)
{
    static char path[64];

    if (!mkdtemp(strcpy(folder, "/tmp/cove-csv-XXXXXX")))
        return -1;
    snprintf(path, sizeof path, "%s/metrics.csv", folder);
    metrics = path;
    (void)state;
    return cove_fs_from_url("file:///", NULL, &fs, NULL, NULL);
}

static int tear_down_file(void **state)
{
    int rc = cove_fs_remove_tree(fs, folder, NULL, NULL);

    (void)state;
    cove_fs_unref(fs);
    metrics = "csv/metrics.csv";
    return rc;
}

static const struct cove_metric acc = { "z_acc", 0.5 }, both[] = { { "loss", 9 }, { "z_acc", 0.25 } };

/* A row laid out for the old columns is not written under the new ones; the next row uses the new columns. */
static void test_another_adds_a_column(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_csv_writer *a = open_writer(), *b;

    (void)state;
    assert_int_equal(cove_csv_writer_row(a, 0, &acc, 1, NULL), 0);
    assert_int_equal(cove_csv_writer_flush(a, NULL), 0);
    b = open_writer();
    assert_int_equal(cove_csv_writer_row(b, 100, both, 2, NULL), 0);
    assert_int_equal(cove_csv_writer_flush(b, NULL), 0);
    assert_int_equal(cove_csv_writer_row(a, 1, &acc, 1, NULL), 0);
    assert_int_equal(cove_csv_writer_flush(a, &err), COVE_EPRECONDITION);
    assert_non_null(strstr(err.message, "7 bytes could not be appended"));
    assert_int_equal(cove_csv_writer_row(a, 2, &acc, 1, NULL), 0);
    assert_int_equal(cove_csv_writer_close(a, NULL), 0);
    assert_int_equal(cove_csv_writer_close(b, NULL), 0);
    assert_file("loss,step,z_acc\r\n,0,0.5\r\n9.0,100,0.25\r\n,2,0.5\r\n");
}

/* The same for rows before the first flush, when the file is not open yet. */
static void test_another_adds_a_column_before_the_first_row(void **state)
{
    cove_csv_writer *a, *b;

    (void)state;
    put("step,z_acc\r\n0,0.5\r\n");
    a = open_writer();
    b = open_writer();
    assert_int_equal(cove_csv_writer_row(b, 100, both, 2, NULL), 0);
    assert_int_equal(cove_csv_writer_close(b, NULL), 0);
    assert_int_equal(cove_csv_writer_row(a, 1, &acc, 1, NULL), 0);
    assert_int_equal(cove_csv_writer_close(a, NULL), COVE_EPRECONDITION);
    assert_file("loss,step,z_acc\r\n,0,0.5\r\n9.0,100,0.25\r\n");
}

/* Each writer adds a column: no column is lost, and no row written after the other had read the header. */
static void test_each_adds_a_column(void **state)
{
    const struct cove_metric x = { "x", 1 }, y = { "y", 2 };
    cove_csv_writer *a, *b;

    (void)state;
    put("step\r\n0\r\n");
    a = open_writer();
    b = open_writer();
    assert_int_equal(cove_csv_writer_row(b, 1, &x, 1, NULL), 0);
    assert_int_equal(cove_csv_writer_flush(b, NULL), 0);
    assert_int_equal(cove_csv_writer_row(a, 2, &y, 1, NULL), 0);
    assert_int_equal(cove_csv_writer_close(a, NULL), 0);
    assert_int_equal(cove_csv_writer_close(b, NULL), 0);
    assert_file("step,x,y\r\n0,,\r\n1,1.0,\r\n2,,2.0\r\n");
}

/* Two writers create the same file: the second header is not appended to the first writer's rows, nor replaces them. */
static void test_both_begin_the_file(void **state)
{
    cove_csv_writer *a = open_writer(), *b = open_writer();

    (void)state;
    assert_int_equal(cove_csv_writer_row(a, 0, &acc, 1, NULL), 0);
    assert_int_equal(cove_csv_writer_flush(a, NULL), 0);
    assert_int_equal(cove_csv_writer_row(b, 1, &acc, 1, NULL), 0);
    assert_int_equal(cove_csv_writer_flush(b, NULL), COVE_EPRECONDITION);
    assert_int_equal(cove_csv_writer_row(b, 2, &acc, 1, NULL), 0);
    assert_int_equal(cove_csv_writer_flush(b, NULL), 0);
    assert_int_equal(cove_csv_writer_row(a, 3, &acc, 1, NULL), 0);
    assert_int_equal(cove_csv_writer_close(b, NULL), 0);
    assert_int_equal(cove_csv_writer_close(a, NULL), 0);
    assert_file("step,z_acc\r\n0,0.5\r\n2,0.5\r\n3,0.5\r\n"); /* the same columns: both may append */
}

static void test_the_file_is_removed(void **state)
{
    cove_csv_writer *a = open_writer();

    (void)state;
    assert_int_equal(cove_csv_writer_row(a, 0, &acc, 1, NULL), 0);
    assert_int_equal(cove_csv_writer_flush(a, NULL), 0);
    assert_int_equal(cove_fs_remove(fs, metrics, NULL, NULL), 0);
    assert_int_equal(cove_csv_writer_row(a, 1, &acc, 1, NULL), 0);
    assert_int_equal(cove_csv_writer_flush(a, NULL), COVE_EPRECONDITION); /* the header was removed with it */
    assert_int_equal(cove_csv_writer_row(a, 2, &acc, 1, NULL), 0);
    assert_int_equal(cove_csv_writer_close(a, NULL), 0);
    assert_file("step,z_acc\r\n2,0.5\r\n");
}

#define IN_BOTH(test)                                                                                                  \
    cmocka_unit_test_setup_teardown(test, set_up, tear_down),                                                          \
        cmocka_unit_test_setup_teardown(test, set_up_file, tear_down_file)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_layout, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_new_columns_rewrite_the_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_step_is_the_writers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_appends_to_an_existing_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_unfinished_line_is_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refuses_other_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_empty_file_is_a_new_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reader, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_memory_runs_out, set_up, tear_down),
        IN_BOTH(test_another_adds_a_column),
        IN_BOTH(test_another_adds_a_column_before_the_first_row),
        IN_BOTH(test_each_adds_a_column),
        IN_BOTH(test_both_begin_the_file),
        IN_BOTH(test_the_file_is_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
