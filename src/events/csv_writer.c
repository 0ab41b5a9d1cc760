/*
 * The writer of CSV metrics. A row whose metrics are known goes to the appender; one with a new metric first has the
 * file written again, with one more column, through a writer: readers see the old file or the new one. Memory stays
 * small: the old file is streamed.
 *
 * Rows are laid out for the header of one version of the file. They are appended to that version only, and a rewrite
 * replaces only the version that was read. If another writer has replaced the file, the pending rows are refused: they
 * would not match the new columns.
 */
#include <cove/events.h>
#include <cove/stream.h>

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/copy_options.h"
#include "base/error.h"
#include "base/mem.h"
#include "events/csv.h"
#include "wire/csv.h"
#include "wire/number.h"

#define TRIES 5 /* attempts to open or rewrite a file that other writers keep changing */

struct column {
    char *name;
    size_t place; /* in the file, from the left */
};

struct columns {
    struct column *items; /* by name */
    size_t n, cap;
};

struct cell {
    bool set;
    double value;
};

struct cove_csv_writer {
    cove_fs *fs;
    char *path;
    struct cove_call call;
    cove_appender *appender; /* NULL: not open; the file must be read again first */
    struct columns columns;  /* as in the file's header, or as they will be */
    bool has_header;         /* the file has one */
    bool broken_end;         /* the file's last line is unfinished */
    struct cell *cells;      /* by place; for the row being made */
    size_t cells_cap;
    struct cove__buf text;
};

/* ---- columns ---- */

static void columns_done(struct columns *c)
{
    for (size_t i = 0; i < c->n; i++)
        cove__free(c->items[i].name);
    cove__free(c->items);
    *c = (struct columns){ 0 };
}

/* Where `name` is, or (not found) where it belongs. */
static bool columns_find(const struct columns *c, const char *name, size_t *ret_at)
{
    size_t low = 0, high = c->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, c->items[middle].name);

        if (order == 0) {
            *ret_at = middle;
            return true;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    *ret_at = low;
    return false;
}

/* 1: added; 0: it was there; COVE_ENOMEM, COVE_ELIMIT. */
static int columns_add(struct columns *c, const char *name, size_t place)
{
    char *copy;
    size_t at;

    if (columns_find(c, name, &at))
        return 0;
    if (c->n == COVE__CSV_CELLS_MAX)
        return COVE_ELIMIT;
    copy = cove__strdup(name);
    if (!copy || cove__grow(&c->items, &c->cap, c->n + 1, sizeof *c->items, COVE__CSV_CELLS_MAX) < 0) {
        cove__free(copy);
        return COVE_ENOMEM;
    }
    memmove(c->items + at + 1, c->items + at, (c->n - at) * sizeof *c->items);
    c->items[at] = (struct column){ copy, place };
    c->n++;
    return 1;
}

static int fail_columns(const cove_csv_writer *w, int code, struct cove_error *err)
{
    if (code == COVE_ELIMIT)
        return cove__fail(err, code, "write %s: more than 65536 metrics", w->path);
    return cove__fail_nomem(err, "the columns of metrics");
}

/* ---- lines ---- */

/* The columns' names in the order of their places; they are in order of names wherever this is called. */
static void put_header(struct cove__buf *b, const struct columns *c)
{
    for (size_t i = 0; i < c->n; i++) {
        if (i > 0)
            cove__buf_add_char(b, ',');
        cove__csv_put(b, c->items[i].name);
    }
    cove__buf_add_str(b, "\r\n");
}

/* As Python writes the number: `step` and `epoch` are ints there, all others floats. */
static void put_value(struct cove__buf *b, double value, bool whole)
{
    char text[COVE__DOUBLE_TEXT_MAX];

    if (whole && fabs(value) < 9e15 && value == floor(value)) {
        cove__buf_addf(b, "%" PRId64, (int64_t)value);
        return;
    }
    cove__format_double(value, text);
    cove__buf_add_str(b, text);
}

static int put_row(cove_csv_writer *w, int64_t step, const struct cove_metric *metrics, size_t n_metrics,
                   struct cove_error *err)
{
    const size_t n = w->columns.n;
    size_t at, step_place = n, epoch_place = n;

    if (cove__grow(&w->cells, &w->cells_cap, n, sizeof *w->cells, COVE__CSV_CELLS_MAX) < 0)
        return cove__fail_nomem(err, "a row of metrics");
    memset(w->cells, 0, n * sizeof *w->cells);
    for (size_t i = 0; i < n_metrics; i++)
        if (columns_find(&w->columns, metrics[i].name, &at))
            w->cells[w->columns.items[at].place] = (struct cell){ true, metrics[i].value };
    if (columns_find(&w->columns, "step", &at))
        step_place = w->columns.items[at].place;
    if (columns_find(&w->columns, "epoch", &at))
        epoch_place = w->columns.items[at].place;
    for (size_t place = 0; place < n; place++) {
        if (place > 0)
            cove__buf_add_char(&w->text, ',');
        if (place == step_place)
            cove__buf_addf(&w->text, "%" PRId64, step);
        else if (w->cells[place].set)
            put_value(&w->text, w->cells[place].value, place == epoch_place);
    }
    cove__buf_add_str(&w->text, "\r\n");
    return cove__buf_rc(&w->text) < 0 ? cove__fail_nomem(err, "a row of metrics") : 0;
}

/* ---- the file ---- */

/* Reads the columns of the existing file. */
static int read_columns(cove_csv_writer *w, cove_csv_reader *reader, struct cove_error *err)
{
    const char *const *names;
    struct columns found = { 0 };
    size_t n = cove_csv_reader_columns(reader, &names);
    int rc = 0;

    if (n == 0 && cove_reader_size(cove__csv_reader_file(reader)) > 0)
        rc = cove__fail(err, COVE_EMISMATCH, "write %s: the existing file has no header line", w->path);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        int added = columns_add(&found, names[i], i);

        if (added < 0)
            rc = fail_columns(w, added, err);
        else if (added == 0)
            rc = cove__fail(err, COVE_EMISMATCH, "write %s: the existing file has the column \"%s\" twice", w->path,
                            names[i]);
    }
    columns_done(rc < 0 ? &found : &w->columns);
    if (rc == 0) {
        w->columns = found;
        w->has_header = n > 0;
    }
    return rc;
}

/* Finds out whether the file's last line is unfinished. */
static int check_last_line(cove_csv_writer *w, cove_reader *file, struct cove_error *err)
{
    int64_t size = cove_reader_size(file), got = 0;
    char last = '\n';

    if (size > 0)
        got = cove_reader_read_at(file, size - 1, &last, 1, err);
    w->broken_end = last != '\n';
    return got < 0 ? (int)got : 0;
}

/* Opens an appender for the version `etag` of the file; "": there is no file yet; NULL: its store has no ETags. */
static int open_appender(cove_csv_writer *w, const char *etag, struct cove_error *err)
{
    struct cove_appender_options options = COVE_APPENDER_OPTIONS_INIT;

    options.etag = etag;
    return cove_appender_open(w->fs, w->path, &options, &w->call, &w->appender, err);
}

/* Reads the header of the existing file, and opens an appender for exactly that version. Without a file, or without a
 * header in it, there are no columns afterwards. */
static int open_current_once(cove_csv_writer *w, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    cove_csv_reader *reader = NULL;
    int rc = cove_csv_reader_open(w->fs, w->path, &w->call, &reader, &why);

    if (rc == COVE_ENOTFOUND) {
        columns_done(&w->columns);
        w->has_header = w->broken_end = false;
        return open_appender(w, "", err);
    }
    if (rc < 0)
        return cove__error_copy(err, &why);
    rc = read_columns(w, reader, err);
    if (rc == 0)
        rc = check_last_line(w, cove__csv_reader_file(reader), err);
    if (rc == 0)
        rc = open_appender(w, cove_reader_etag(cove__csv_reader_file(reader)), err);
    cove_csv_reader_close(reader);
    return rc;
}

static int open_current(cove_csv_writer *w, struct cove_error *err)
{
    int rc = COVE_EPRECONDITION;

    for (int i = 0; rc == COVE_EPRECONDITION && i < TRIES; i++)
        rc = open_current_once(w, err);
    return rc;
}

/* Closes the appender; the next row opens the file again. */
static int close_appender(cove_csv_writer *w, struct cove_error *err)
{
    cove_appender *appender = w->appender;

    w->appender = NULL;
    return cove_appender_close(appender, err);
}

/* After these errors the appender keeps the bytes and sends them later. */
static bool is_temporary(int rc)
{
    return rc == COVE_ENETWORK || rc == COVE_ETIMEDOUT || rc == COVE_ETHROTTLED || rc == COVE_ESERVER ||
           rc == COVE_ENOSPC || rc == COVE_ENOMEM;
}

int cove_csv_writer_flush(cove_csv_writer *w, struct cove_error *err)
{
    int rc = w->appender ? cove_appender_flush(w->appender, err) : 0;

    return rc < 0 && !is_temporary(rc) ? close_appender(w, err) : rc;
}

static int copy_rows(cove_csv_writer *w, cove_csv_reader *reader, cove_writer *out, const struct columns *columns,
                     struct cove_error *err)
{
    const char *const *names, *const *cells;
    size_t n = cove_csv_reader_columns(reader, &names), at;
    size_t *from; /* by the new place: the old one; n where there was none */
    int rc = 0;

    from = cove__calloc(columns->n, sizeof *from);
    if (!from)
        return cove__fail_nomem(err, "the columns of metrics");
    for (size_t i = 0; i < columns->n; i++)
        from[i] = n;
    for (size_t i = 0; i < n; i++)
        if (columns_find(columns, names[i], &at))
            from[at] = i;
    while (rc == 0 && (rc = cove_csv_reader_next(reader, &cells, err)) == 1) {
        cove__buf_reset(&w->text);
        for (size_t i = 0; i < columns->n; i++) {
            if (i > 0)
                cove__buf_add_char(&w->text, ',');
            if (from[i] < n)
                cove__csv_put(&w->text, cells[from[i]]);
        }
        cove__buf_add_str(&w->text, "\r\n");
        rc = cove__buf_rc(&w->text) < 0 ? cove__fail_nomem(err, "a row of metrics")
                                        : cove_writer_write(out, w->text.data, w->text.size, err);
    }
    cove__free(from);
    return rc;
}

/* Rewrites the file that `reader` reads with `columns`, sorted by name, and opens an appender for the new version. */
static int rewrite_with(cove_csv_writer *w, cove_csv_reader *reader, const struct columns *columns,
                        struct cove_error *err)
{
    cove_writer *out = NULL;
    struct cove_writer_options options = COVE_WRITER_OPTIONS_INIT;
    int rc;

    options.etag = cove_reader_etag(cove__csv_reader_file(reader));
    options.condition = options.etag ? COVE_WRITE_IF_MATCH : COVE_WRITE_ALWAYS;
    rc = cove_writer_open(w->fs, w->path, &options, &w->call, &out, err);
    if (rc == 0) {
        cove__buf_reset(&w->text);
        put_header(&w->text, columns);
        rc = cove__buf_rc(&w->text) < 0 ? cove__fail_nomem(err, "the columns of metrics")
                                        : cove_writer_write(out, w->text.data, w->text.size, err);
    }
    if (rc == 0)
        rc = copy_rows(w, reader, out, columns, err);
    if (rc == 0)
        rc = cove_writer_finish(out, err);
    if (rc == 0)
        rc = open_appender(w, cove_writer_etag(out), err);
    cove_writer_free(out);
    return rc;
}

/* Adds the columns that the row needs, and sorts all by name. */
static int widen_columns(cove_csv_writer *w, const struct cove_metric *metrics, size_t n_metrics,
                         struct cove_error *err)
{
    struct columns wider = { 0 };
    int rc = columns_add(&wider, "step", 0);

    for (size_t i = 0; rc >= 0 && i < w->columns.n; i++)
        rc = columns_add(&wider, w->columns.items[i].name, 0);
    for (size_t i = 0; rc >= 0 && i < n_metrics; i++)
        rc = columns_add(&wider, metrics[i].name, 0);
    columns_done(rc < 0 ? &wider : &w->columns);
    if (rc < 0)
        return fail_columns(w, rc, err);
    for (size_t i = 0; i < wider.n; i++)
        wider.items[i].place = i;
    w->columns = wider;
    return 0;
}

/* Reads the current file, which another writer may have widened, and rewrites it with the row's columns added. */
static int rewrite_once(cove_csv_writer *w, const struct cove_metric *metrics, size_t n_metrics, struct cove_error *err)
{
    cove_csv_reader *reader = NULL;
    int rc = cove_csv_reader_open(w->fs, w->path, &w->call, &reader, err);

    if (rc == 0)
        rc = read_columns(w, reader, err);
    if (rc == 0)
        rc = widen_columns(w, metrics, n_metrics, err);
    if (rc == 0)
        rc = rewrite_with(w, reader, &w->columns, err);
    cove_csv_reader_close(reader);
    return rc;
}

/* Adds the row's missing columns. If the file already has a header, this rewrites the file. */
static int widen(cove_csv_writer *w, const struct cove_metric *metrics, size_t n_metrics, struct cove_error *err)
{
    int rc;

    if (!w->has_header)
        return widen_columns(w, metrics, n_metrics, err);
    rc = cove_csv_writer_flush(w, err); /* after a temporary failure the bytes stay in the appender */
    if (rc < 0)
        return rc;
    rc = close_appender(w, err); /* after a failure from here on, the next row reads the header again */
    if (rc < 0)
        return rc;
    rc = COVE_EPRECONDITION;
    for (int i = 0; rc == COVE_EPRECONDITION && i < TRIES; i++)
        rc = rewrite_once(w, metrics, n_metrics, err);
    if (rc == 0)
        w->broken_end = false;
    return rc;
}

/* Every row goes through columns_find anyway; this checks that all of them exist. */
static bool has_all(const cove_csv_writer *w, const struct cove_metric *metrics, size_t n_metrics)
{
    size_t at;

    if (w->broken_end || !columns_find(&w->columns, "step", &at))
        return false;
    for (size_t i = 0; i < n_metrics; i++)
        if (!columns_find(&w->columns, metrics[i].name, &at))
            return false;
    return true;
}

static int append(cove_csv_writer *w, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    int rc = cove_appender_write(w->appender, w->text.data, w->text.size, &why);
    bool no_room = rc == COVE_ENOMEM || rc == COVE_ELIMIT; /* the appender did not take the row */

    if (rc == 0 || (is_temporary(rc) && !no_room)) { /* the appender has the row; flush and close report the failure */
        w->has_header = true;
        return 0;
    }
    if (!no_room)
        return close_appender(w, err);
    if (!w->has_header)
        close_appender(w, NULL); /* it is not known now whether the header is in the file */
    return cove__error_copy(err, &why);
}

int cove_csv_writer_row(cove_csv_writer *writer, int64_t step, const struct cove_metric *metrics, size_t n_metrics,
                        struct cove_error *err)
{
    cove_csv_writer *w = writer;
    int rc = w->appender ? 0 : open_current(w, err);

    if (rc == 0 && !has_all(w, metrics, n_metrics))
        rc = widen(w, metrics, n_metrics, err);
    if (rc < 0)
        return rc;
    cove__buf_reset(&w->text);
    if (!w->has_header)
        put_header(&w->text, &w->columns);
    rc = put_row(w, step, metrics, n_metrics, err);
    return rc < 0 ? rc : append(w, err);
}

int cove_csv_writer_open(cove_fs *fs, const char *path, const struct cove_call *call, cove_csv_writer **ret_writer,
                         struct cove_error *err)
{
    cove_csv_writer *w = cove__calloc(1, sizeof *w);
    int rc;

    if (!w)
        return cove__fail_nomem(err, "a writer of metrics");
    w->fs = cove_fs_ref(fs);
    w->call = cove__call_of(call);
    w->call.cancel = cove_cancel_ref(w->call.cancel);
    cove__buf_init(&w->text, COVE__CSV_ROW_MAX);
    w->path = cove__strdup(path);
    rc = w->path ? open_current(w, err) : cove__fail_nomem(err, "the name of a file of metrics");
    if (rc < 0)
        cove_csv_writer_close(w, NULL);
    else
        *ret_writer = w;
    return rc;
}

int cove_csv_writer_close(cove_csv_writer *writer, struct cove_error *err)
{
    int rc;

    if (!writer)
        return 0;
    rc = cove_appender_close(writer->appender, err);
    columns_done(&writer->columns);
    cove__buf_done(&writer->text);
    cove__free(writer->cells);
    cove__free(writer->path);
    cove_cancel_unref(writer->call.cancel);
    cove_fs_unref(writer->fs);
    cove__free(writer);
    return rc;
}
