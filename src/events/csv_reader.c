/* The reader of CSV metrics: a header, then rows, out of a window. Called by users, and by csv_writer.c when the
 * columns change. */
#include <cove/events.h>

#include "base/error.h"
#include "base/mem.h"
#include "events/csv.h"
#include "events/window.h"
#include "wire/csv.h"

struct cove_csv_reader {
    struct cove__window window;
    char *url;
    struct cove__csv_row header, row;
    const char **columns, **cells; /* owned arrays of pointers into header and row; both of header.n items */
};

/* The next line into `row`: 1, 0 at the end, or an error. */
static int next_line(cove_csv_reader *r, struct cove__csv_row *row, struct cove_error *err)
{
    size_t size = 0;
    int rc;

    while ((rc = cove__csv_next(cove__window_rest(&r->window), row, &size)) == 0) {
        /* At least twice as much each time, so that a long row is not parsed too often, or the rest of the file. */
        size_t have = cove__window_rest(&r->window).size;
        int64_t left = cove_reader_size(r->window.reader) - cove__window_offset(&r->window);
        size_t want = (uint64_t)left < have * 2 + 1 ? (size_t)left : have * 2 + 1;

        if (left <= 0 || want == have)
            return 0;
        rc = cove__window_more(&r->window, want, err);
        if (rc <= 0)
            return rc;
    }
    if (rc == COVE_ENOMEM)
        return cove__fail_nomem(err, "a row");
    if (rc < 0)
        return cove__fail(err, rc, "read %s: the row at byte %lld has more than 16 MiB or 65536 cells", r->url,
                          (long long)cove__window_offset(&r->window));
    cove__window_take(&r->window, size);
    return 1;
}

static int read_header(cove_csv_reader *r, struct cove_error *err)
{
    int rc = next_line(r, &r->header, err);

    if (rc < 0)
        return rc;
    if (rc == 0)
        r->header.n = 0;
    r->columns = cove__calloc(r->header.n, sizeof *r->columns);
    r->cells = cove__calloc(r->header.n, sizeof *r->cells);
    if (!r->columns || !r->cells)
        return cove__fail_nomem(err, "a row");
    for (size_t i = 0; i < r->header.n; i++)
        r->columns[i] = cove__csv_cell(&r->header, i);
    return 0;
}

int cove_csv_reader_open(cove_fs *fs, const char *path, const struct cove_call *call, cove_csv_reader **ret_reader,
                         struct cove_error *err)
{
    cove_csv_reader *r = cove__calloc(1, sizeof *r);
    int rc;

    if (!r)
        return cove__fail_nomem(err, "a reader of metrics");
    r->header = r->row = COVE__CSV_ROW_INIT;
    rc = cove_fs_url(fs, path, &r->url, err);
    if (rc == 0)
        rc = cove__window_open(&r->window, fs, path, 2 * COVE__CSV_ROW_MAX, false, call, err);
    if (rc == 0)
        rc = read_header(r, err);
    if (rc < 0)
        cove_csv_reader_close(r);
    else
        *ret_reader = r;
    return rc;
}

cove_reader *cove__csv_reader_file(const cove_csv_reader *reader)
{
    return reader->window.reader;
}

size_t cove_csv_reader_columns(const cove_csv_reader *reader, const char *const **ret_names)
{
    *ret_names = reader->columns;
    return reader->header.n;
}

int cove_csv_reader_next(cove_csv_reader *reader, const char *const **ret_cells, struct cove_error *err)
{
    struct cove__csv_row *row = &reader->row;
    int64_t offset;
    int rc;

    do {
        offset = cove__window_offset(&reader->window);
        rc = next_line(reader, row, err);
        if (rc <= 0)
            return rc;
    } while (row->n == 1 && cove__csv_cell(row, 0)[0] == '\0');
    if (row->n > reader->header.n)
        return cove__fail(err, COVE_ECORRUPT, "read %s: the row at byte %lld has %zu cells, the header %zu",
                          reader->url, (long long)offset, row->n, reader->header.n);
    for (size_t i = 0; i < reader->header.n; i++)
        reader->cells[i] = i < row->n ? cove__csv_cell(row, i) : "";
    *ret_cells = reader->cells;
    return 1;
}

void cove_csv_reader_close(cove_csv_reader *reader)
{
    if (!reader)
        return;
    cove__window_close(&reader->window);
    cove__csv_row_done(&reader->header);
    cove__csv_row_done(&reader->row);
    cove__free(reader->columns);
    cove__free(reader->cells);
    cove__free(reader->url);
    cove__free(reader);
}
