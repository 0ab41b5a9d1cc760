/* Rows of CSV, read and written. Called by src/events/csv_*.c. */
#include "wire/csv.h"

#include <stdbool.h>
#include <string.h>

#include <cove/error.h>

#include "base/mem.h"

void cove__csv_row_done(struct cove__csv_row *row)
{
    cove__buf_done(&row->text);
    cove__free(row->starts);
    *row = COVE__CSV_ROW_INIT;
}

static int start_cell(struct cove__csv_row *row)
{
    if (row->n == COVE__CSV_CELLS_MAX)
        return COVE_ELIMIT;
    if (cove__grow(&row->starts, &row->cap, row->n + 1, sizeof *row->starts, COVE__CSV_CELLS_MAX) < 0)
        return COVE_ENOMEM;
    row->starts[row->n++] = row->text.size;
    return 0;
}

/* Bytes from `i` on that are not special, so that they are added in one piece. */
static size_t plain_run(struct cove__slice in, size_t i, bool quoted)
{
    size_t end = i;

    while (end < in.size && in.data[end] != '"' &&
           (quoted || (in.data[end] != ',' && in.data[end] != '\n' && in.data[end] != '\r')))
        end++;
    return end - i;
}

int cove__csv_next(struct cove__slice in, struct cove__csv_row *row, size_t *ret_size)
{
    bool quoted = false, at_start = true;
    size_t i = 0;
    int rc;

    cove__buf_reset(&row->text);
    row->n = 0;
    rc = start_cell(row);
    while (rc == 0 && i < in.size) {
        size_t run = plain_run(in, i, quoted);
        uint8_t c;

        if (i + run > COVE__CSV_ROW_MAX)
            return COVE_ELIMIT;
        if (run > 0) {
            rc = cove__buf_add(&row->text, in.data + i, run);
            i += run;
            at_start = false;
            continue;
        }
        c = in.data[i];
        /* The character after a CR or a quote decides what it is: at the end of the input it is not known yet. */
        if ((c == '\r' || (c == '"' && quoted)) && i + 1 == in.size)
            return 0;
        if (c == '"' && quoted && in.data[i + 1] == '"') {
            rc = cove__buf_add_char(&row->text, '"');
            i += 2;
        } else if (c == '"' && (quoted || at_start)) {
            quoted = !quoted;
            i++;
        } else if (c == '"') {
            rc = cove__buf_add_char(&row->text, c);
            i++;
        } else if (c == ',') {
            rc = cove__buf_add_char(&row->text, '\0');
            rc = rc < 0 ? rc : start_cell(row);
            i++;
        } else {
            i += c == '\r' && in.data[i + 1] == '\n' ? 2 : 1;
            rc = cove__buf_add_char(&row->text, '\0');
            *ret_size = i;
            return rc < 0 ? rc : 1;
        }
        at_start = c == ',';
    }
    return rc;
}

void cove__csv_put(struct cove__buf *b, const char *cell)
{
    if (!strpbrk(cell, ",\"\r\n")) {
        cove__buf_add_str(b, cell);
        return;
    }
    cove__buf_add_char(b, '"');
    for (; *cell; cell++) {
        if (*cell == '"')
            cove__buf_add_char(b, '"');
        cove__buf_add_char(b, *cell);
    }
    cove__buf_add_char(b, '"');
}
