/*
 * Logs of a run: TensorBoard event files and CSV metrics, at any URL, written through an appender
 * (gathered, sent at least each second, at close and at the process's ordinary exit).
 * One thread at a time may use a writer or a reader.
 */
#ifndef COVE_EVENTS_H
#define COVE_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include <cove/fs.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cove_event_writer cove_event_writer;
typedef struct cove_event_reader cove_event_reader;
typedef struct cove_csv_writer cove_csv_writer;
typedef struct cove_csv_reader cove_csv_reader;

/* A hyperparameter of a run. */
enum cove_hparam_type { COVE_HPARAM_STRING = 1, COVE_HPARAM_NUMBER = 2, COVE_HPARAM_BOOL = 3 };
struct cove_hparam {
    const char *name;
    enum cove_hparam_type type;
    const char *string; /* for COVE_HPARAM_STRING */
    double number;      /* for the others; a bool is 0 or 1 */
};

/* Makes `directory`/events.out.tfevents.TIME.HOST.PID.N, as TensorBoard names them, and writes the version record. */
COVE_API int cove_event_writer_open(cove_fs *fs, const char *directory, const struct cove_call *call,
                                    cove_event_writer **ret_writer, struct cove_error *err);
COVE_API const char *cove_event_writer_path(const cove_event_writer *writer); /* BORROWED */
/* `wall_time` in seconds since 1970; 0: now. Tags and texts are UTF-8 and copied. A scalar is kept as a 32-bit float,
 * the one form that every reader of TensorBoard's files knows. A call may also return the failure of an earlier flush
 * in the background. */
COVE_API int cove_event_writer_scalar(cove_event_writer *writer, const char *tag, double value, int64_t step,
                                      double wall_time, struct cove_error *err);
/* Markdown, shown under TEXT as TAG/text_summary, the name that torch's writer gives it. */
COVE_API int cove_event_writer_text(cove_event_writer *writer, const char *tag, const char *text, int64_t step,
                                    double wall_time, struct cove_error *err);
/* A histogram of the finite ones of `n` values, with TensorFlow's default exponential buckets. COVE_EINVAL: none is
 * finite. */
COVE_API int cove_event_writer_histogram(cove_event_writer *writer, const char *tag, const float *values, size_t n,
                                         int64_t step, double wall_time, struct cove_error *err);
/* The hparams plugin's three summaries (experiment, start, end), so that the run shows up under HPARAMS. `metric_tags`:
 * scalars of the run that the table shows. */
COVE_API int cove_event_writer_hparams(cove_event_writer *writer, const struct cove_hparam *hparams, size_t n_hparams,
                                       const char *const *metric_tags, size_t n_metric_tags, struct cove_error *err);
COVE_API int cove_event_writer_flush(cove_event_writer *writer, struct cove_error *err);
COVE_API int cove_event_writer_close(cove_event_writer *writer, struct cove_error *err); /* frees; NULL accepted */

/* One event of a file; strings BORROWED until the next step. */
enum cove_event_kind {
    COVE_EVENT_OTHER = 0,
    COVE_EVENT_VERSION,
    COVE_EVENT_SCALAR,
    COVE_EVENT_TEXT,
    COVE_EVENT_HISTOGRAM
};
struct cove_event {
    enum cove_event_kind kind;
    const char *tag;
    int64_t step;
    double wall_time;
    double value;     /* scalar */
    const char *text; /* text, version */
};
COVE_API int cove_event_reader_open(cove_fs *fs, const char *path, const struct cove_call *call,
                                    cove_event_reader **ret_reader, struct cove_error *err);
/* 1 and an event, 0 at the end (also in the middle of a record that is still being written), COVE_ECORRUPT for a bad
 * checksum or what is no event, COVE_ELIMIT for a record above 256 MiB. A record of several values gives several
 * events. */
COVE_API int cove_event_reader_next(cove_event_reader *reader, struct cove_event *ret_event, struct cove_error *err);
COVE_API void cove_event_reader_close(cove_event_reader *reader); /* NULL accepted */

/* CSV metrics as Lightning's CSVLogger lays them out: a column a metric, in order of names, `step` among them; numbers
 * as Python writes them (`step` and `epoch` as ints, others as floats). A row is appended; one with a new metric has
 * the file rewritten, in one step, with one more column. A file that is there already is continued, never emptied.
 * `path` is of the file ("…/metrics.csv"). */
struct cove_metric {
    const char *name;
    double value;
};
/* COVE_EMISMATCH: the file there is not such a file (its first line is no header, or has a column twice). */
COVE_API int cove_csv_writer_open(cove_fs *fs, const char *path, const struct cove_call *call,
                                  cove_csv_writer **ret_writer, struct cove_error *err);
/* Adds a row; of a metric given twice the last one counts. After a failure that row is not in the file, and the next
 * one may be tried. COVE_EPRECONDITION: another writer has replaced the file, for example to add a column. The rows
 * since the last successful flush are lost (the error says how many bytes), and the next row is written under the new
 * columns. On a store any row of another writer has the same effect; in local files and in memory several writers may
 * append rows. */
COVE_API int cove_csv_writer_row(cove_csv_writer *writer, int64_t step, const struct cove_metric *metrics,
                                 size_t n_metrics, struct cove_error *err);
COVE_API int cove_csv_writer_flush(cove_csv_writer *writer, struct cove_error *err); /* fails as a row does */
COVE_API int cove_csv_writer_close(cove_csv_writer *writer, struct cove_error *err); /* frees; NULL accepted */

/* Reads such a file, or any CSV file with a header. */
COVE_API int cove_csv_reader_open(cove_fs *fs, const char *path, const struct cove_call *call,
                                  cove_csv_reader **ret_reader, struct cove_error *err);
/* The number of columns and their names, BORROWED until the close; 0 for an empty file. */
COVE_API size_t cove_csv_reader_columns(const cove_csv_reader *reader, const char *const **ret_names);
/* 1 and the cells of a row, one a column, "" where there is nothing, BORROWED until the next step; 0 at the end (also
 * in the middle of a line that is still being written); COVE_ECORRUPT for more cells than columns, COVE_ELIMIT for a
 * row above 16 MiB. */
COVE_API int cove_csv_reader_next(cove_csv_reader *reader, const char *const **ret_cells, struct cove_error *err);
COVE_API void cove_csv_reader_close(cove_csv_reader *reader); /* NULL accepted */

#ifdef __cplusplus
}
#endif
#endif
