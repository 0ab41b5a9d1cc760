/*
 * Logs of a run: TensorBoard event files and CSV metrics, at any URL, written through an appender
 * (gathered, sent at least each second, at close and at the process's ordinary exit).
 *
 * One thread at a time may use a writer or a reader; each holds a reference to its filesystem. `call` applies for its
 * whole life, as for the streams of stream.h. Every call of a writer or reader may wait for the store, but
 * cove_event_writer_path and cove_csv_reader_columns. Arguments are BORROWED until the call returns; strings that are
 * kept are copied. Errors of every call that waits are those that fs.h states for all of its calls; the comments list
 * the others.
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
    const char *name; /* UTF-8 */
    enum cove_hparam_type type;
    const char *string; /* for COVE_HPARAM_STRING; UTF-8 */
    double number;      /* for the others; a bool is 0 or 1 */
};

/* Opens `directory`/events.out.tfevents.TIME.HOST.PID.N, as TensorBoard names them, and writes the version record. The
 * caller ends the writer with cove_event_writer_close. Errors as of cove_appender_open. */
COVE_API int cove_event_writer_open(cove_fs *fs, const char *directory, const struct cove_call *call,
                                    cove_event_writer **ret_writer, struct cove_error *err);
/* The file's path in the filesystem; BORROWED until the close. */
COVE_API const char *cove_event_writer_path(const cove_event_writer *writer);

/* `step` is any number, `wall_time` in seconds since 1970-01-01 UTC; 0: now. Tags and texts are UTF-8. A scalar is kept
 * as a 32-bit float, the one form that every reader of TensorBoard's files can read. Errors as of cove_appender_write,
 * also those of an earlier flush in the background; COVE_ELIMIT: a record of more than 256 MiB. */
COVE_API int cove_event_writer_scalar(cove_event_writer *writer, const char *tag, double value, int64_t step,
                                      double wall_time, struct cove_error *err);
/* Markdown, which TensorBoard shows under TEXT as TAG/text_summary, the name that torch's writer uses. Arguments and
 * errors as of cove_event_writer_scalar. */
COVE_API int cove_event_writer_text(cove_event_writer *writer, const char *tag, const char *text, int64_t step,
                                    double wall_time, struct cove_error *err);
/* A histogram of those of `n` values that are finite, with TensorFlow's default exponential buckets. COVE_EINVAL: none
 * is finite. Other errors as of cove_event_writer_scalar. */
COVE_API int cove_event_writer_histogram(cove_event_writer *writer, const char *tag, const float *values, size_t n,
                                         int64_t step, double wall_time, struct cove_error *err);
/* The three summaries (experiment, start, end) of TensorBoard's hparams plugin, so that it shows the run under HPARAMS.
 * `metric_tags`: the scalars of the run for its table. Errors as of cove_event_writer_scalar. */
COVE_API int cove_event_writer_hparams(cove_event_writer *writer, const struct cove_hparam *hparams, size_t n_hparams,
                                       const char *const *metric_tags, size_t n_metric_tags, struct cove_error *err);
/* Returns 0 when everything is in the store. Errors as of cove_appender_flush. */
COVE_API int cove_event_writer_flush(cove_event_writer *writer, struct cove_error *err);
/* Flushes and frees, also when it fails. Errors as of cove_appender_close. NULL accepted. */
COVE_API int cove_event_writer_close(cove_event_writer *writer, struct cove_error *err);

/* What an event holds. */
enum cove_event_kind {
    COVE_EVENT_OTHER = 0,
    COVE_EVENT_VERSION,
    COVE_EVENT_SCALAR,
    COVE_EVENT_TEXT,
    COVE_EVENT_HISTOGRAM
};
/* One event of a file. Strings are BORROWED until the reader's next step or its close. */
struct cove_event {
    enum cove_event_kind kind;
    const char *tag;
    int64_t step;
    double wall_time; /* seconds since 1970-01-01 UTC */
    double value;     /* scalar */
    const char *text; /* text, version */
};
/* Opens an event file of any writer; the caller ends the reader with cove_event_reader_close. Errors as of
 * cove_reader_open. */
COVE_API int cove_event_reader_open(cove_fs *fs, const char *path, const struct cove_call *call,
                                    cove_event_reader **ret_reader, struct cove_error *err);
/* 1 and an event, or 0 at the end (also in the middle of a record that is still being written). COVE_ECORRUPT: a record
 * that does not match its checksum, or is not an event; COVE_ELIMIT: a record above 256 MiB. A record of several values
 * gives several events. */
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
/* The caller ends the writer with cove_csv_writer_close. COVE_EMISMATCH: there is a file, but its first line is no
 * header, or has a column twice. Other errors as of cove_reader_open and cove_appender_open. */
COVE_API int cove_csv_writer_open(cove_fs *fs, const char *path, const struct cove_call *call,
                                  cove_csv_writer **ret_writer, struct cove_error *err);
/* Adds a row; of a metric given twice the last one counts. After a failure that row is not in the file, and the next
 * one may be tried. COVE_EPRECONDITION: another writer has replaced the file, for example to add a column. The rows
 * since the last successful flush are lost (the message has the number of bytes), and the next row is written under the
 * new columns. On a store any row of another writer has the same effect; in local files and in memory several writers
 * may append rows. COVE_ELIMIT: more than 65,536 metrics. A failure of the store that may pass (COVE_ENETWORK,
 * COVE_ETIMEDOUT, COVE_ENOSPC, …) is returned by the flush and the close instead, and the row is kept until then. */
COVE_API int cove_csv_writer_row(cove_csv_writer *writer, int64_t step, const struct cove_metric *metrics,
                                 size_t n_metrics, struct cove_error *err);
/* Returns 0 when all rows are in the store. Errors as of cove_appender_flush. */
COVE_API int cove_csv_writer_flush(cove_csv_writer *writer, struct cove_error *err);
/* Flushes and frees, also when it fails. Errors as of cove_appender_close. NULL accepted. */
COVE_API int cove_csv_writer_close(cove_csv_writer *writer, struct cove_error *err);

/* Reads such a file, or any CSV file with a header; the caller ends the reader with cove_csv_reader_close. Errors as of
 * cove_reader_open and cove_csv_reader_next. */
COVE_API int cove_csv_reader_open(cove_fs *fs, const char *path, const struct cove_call *call,
                                  cove_csv_reader **ret_reader, struct cove_error *err);
/* The number of columns and in *ret_names their names, BORROWED until the close; 0 for an empty file. */
COVE_API size_t cove_csv_reader_columns(const cove_csv_reader *reader, const char *const **ret_names);
/* 1 and the cells of a row, one a column ("": an empty cell), BORROWED until the next step; or 0 at the end (also in
 * the middle of a line that is still being written). COVE_ECORRUPT: more cells than columns; COVE_ELIMIT: a row of more
 * than 16 MiB or 65,536 cells. */
COVE_API int cove_csv_reader_next(cove_csv_reader *reader, const char *const **ret_cells, struct cove_error *err);
COVE_API void cove_csv_reader_close(cove_csv_reader *reader); /* NULL accepted */

#ifdef __cplusplus
}
#endif
#endif
