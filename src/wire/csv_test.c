/* Rows of CSV: what Python's csv module reads and writes by default, at every place where the input may end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <cove/error.h>

#include "base/mem.h"
#include "wire/csv.h"

struct expected {
    const char *in;
    size_t size; /* of the first row with its end */
    size_t n;
    const char *cells[4];
};

static void test_rows(void **state)
{
    static const struct expected rows[] = {
        { "a,b,c\r\n", 7, 3, { "a", "b", "c" } },
        { "a,b\nmore", 4, 2, { "a", "b" } },
        { "a\rb", 2, 1, { "a" } },
        { ",,\r\n", 4, 3, { "", "", "" } },
        { "\n", 1, 1, { "" } },
        { "\"a,b\",c\n", 8, 2, { "a,b", "c" } },
        { "\"say \"\"hi\"\"\"\n", 13, 1, { "say \"hi\"" } },
        { "\"two\r\nlines\",x\n", 15, 2, { "two\r\nlines", "x" } },
        { "a\"b,c\n", 6, 2, { "a\"b", "c" } },
        { "\"a\"b,c\n", 7, 2, { "ab", "c" } },
        { "\"\",x\n", 5, 2, { "", "x" } },
    };
    struct cove__csv_row row = COVE__CSV_ROW_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct expected *e = &rows[i];
        size_t size = 0;

        assert_int_equal(cove__csv_next(cove__slice_str(e->in), &row, &size), 1);
        assert_int_equal(size, e->size);
        assert_int_equal(row.n, e->n);
        for (size_t c = 0; c < e->n; c++)
            assert_string_equal(cove__csv_cell(&row, c), e->cells[c]);
        /* The same bytes without what ends the row are no row yet. A copy of the exact size lets AddressSanitizer see a
         * read beyond it. */
        for (size_t cut = 0; cut + 1 < e->size; cut++) {
            char *part = malloc(cut ? cut : 1);

            memcpy(part, e->in, cut);
            assert_int_equal(cove__csv_next(cove__slice(part, cut), &row, &size), 0);
            free(part);
        }
    }
    cove__csv_row_done(&row);
}

static void test_written_cells_come_back(void **state)
{
    static const char *const cells[] = { "plain", "", "a,b", "\"", "x\r\ny", "trailing\"", " space " };
    struct cove__buf b = COVE__BUF_INIT(1000);
    struct cove__csv_row row = COVE__CSV_ROW_INIT;
    const size_t n = sizeof cells / sizeof cells[0];
    size_t size;

    (void)state;
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            cove__buf_add_char(&b, ',');
        cove__csv_put(&b, cells[i]);
    }
    cove__buf_add_str(&b, "\r\n");
    assert_string_equal(cove__buf_str(&b), "plain,,\"a,b\",\"\"\"\",\"x\r\ny\",\"trailing\"\"\", space \r\n");
    assert_int_equal(cove__csv_next(cove__buf_slice(&b), &row, &size), 1);
    assert_int_equal(row.n, n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(cove__csv_cell(&row, i), cells[i]);
    cove__csv_row_done(&row);
    cove__buf_done(&b);
}

static void test_ceilings(void **state)
{
    struct cove__csv_row row = COVE__CSV_ROW_INIT;
    size_t n = COVE__CSV_ROW_MAX + 10, size;
    char *big = malloc(n);

    (void)state;
    memset(big, 'x', n);
    assert_int_equal(cove__csv_next(cove__slice(big, n), &row, &size), COVE_ELIMIT);
    memset(big, ',', n);
    assert_int_equal(cove__csv_next(cove__slice(big, n), &row, &size), COVE_ELIMIT);
    memset(big, ',', COVE__CSV_CELLS_MAX - 1);
    big[COVE__CSV_CELLS_MAX - 1] = '\n';
    assert_int_equal(cove__csv_next(cove__slice(big, n), &row, &size), 1);
    assert_int_equal(row.n, COVE__CSV_CELLS_MAX);
    free(big);
    cove__csv_row_done(&row);
}

static void test_memory_runs_out(void **state)
{
    const char *line =
        "one,two,three,four,five,six,seven,eight,nine,ten,a much longer cell than all of those before it\n";
    unsigned long nth = 0;
    int rc;

    (void)state;
    do {
        struct cove__csv_row row = COVE__CSV_ROW_INIT;
        size_t size;

        cove__mem_fail(++nth, 1);
        rc = cove__csv_next(cove__slice_str(line), &row, &size);
        cove__mem_fail(0, 0);
        assert_true(rc == 1 || rc == COVE_ENOMEM);
        cove__csv_row_done(&row);
    } while (rc < 0);
    assert_true(nth > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_written_cells_come_back),
        cmocka_unit_test(test_ceilings),
        cmocka_unit_test(test_memory_runs_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
