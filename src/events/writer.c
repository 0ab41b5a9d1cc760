/* The writer of event files: an event into a record, the record into an appender, which gathers and sends. */
#include <cove/events.h>
#include <cove/stream.h>

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "events/event.h"
#include "events/record.h"

struct cove_event_writer {
    cove_appender *appender;
    char *path;
    struct cove__buf record; /* the event being made; its memory is used again for the next */
    size_t mark;
};

static double now(void)
{
    return (double)cove__wall_ns() / 1e9;
}

/* events.out.tfevents.TIME.HOST.PID.N: TensorBoard looks for "tfevents" and reads a run's files in the order of their
 * names. */
static char *new_path(const char *directory)
{
    static atomic_uint count;
    struct cove__buf b = COVE__BUF_INIT(64 << 10);
    size_t length = strlen(directory);
    char host[256] = "";

    if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0')
        strcpy(host, "localhost");
    cove__buf_add(&b, directory, length);
    if (length > 0 && directory[length - 1] != '/')
        cove__buf_add_char(&b, '/');
    cove__buf_addf(&b, "events.out.tfevents.%010lld.%s.%ld.%u", (long long)(cove__wall_ns() / COVE__SEC), host,
                   (long)getpid(), atomic_fetch_add(&count, 1));
    return cove__buf_take(&b);
}

static void begin(cove_event_writer *w)
{
    cove__buf_reset(&w->record);
    w->mark = cove__record_begin(&w->record);
}

/* Closes the record and hands it to the appender; `tag` names it in messages. */
static int commit(cove_event_writer *w, const char *tag, struct cove_error *err)
{
    cove__record_end(&w->record, w->mark);
    if (cove__buf_rc(&w->record) == COVE_ELIMIT)
        return cove__fail(err, COVE_ELIMIT, "write %s: the event \"%s\" is larger than 256 MiB", w->path, tag);
    if (cove__buf_rc(&w->record) < 0)
        return cove__fail_nomem(err, "an event");
    return cove_appender_write(w->appender, w->record.data, w->record.size, err);
}

static void free_writer(cove_event_writer *w)
{
    cove__buf_done(&w->record);
    cove__free(w->path);
    cove__free(w);
}

int cove_event_writer_open(cove_fs *fs, const char *directory, const struct cove_call *call,
                           cove_event_writer **ret_writer, struct cove_error *err)
{
    struct cove_appender_options options = COVE_APPENDER_OPTIONS_INIT;
    cove_event_writer *w = cove__calloc(1, sizeof *w);
    int rc;

    if (!w)
        return cove__fail_nomem(err, "a writer of events");
    cove__buf_init(&w->record, COVE__RECORD_MAX + COVE__RECORD_OVERHEAD);
    w->path = new_path(directory);
    rc = w->path ? cove_appender_open(fs, w->path, &options, call, &w->appender, err)
                 : cove__fail_nomem(err, "the name of an event file");
    if (rc < 0)
        goto out;
    begin(w);
    cove__event_put_version(&w->record, now());
    rc = commit(w, "version", err);
    if (rc < 0)
        cove_appender_close(w->appender, NULL);
out:
    if (rc < 0)
        free_writer(w);
    else
        *ret_writer = w;
    return rc;
}

const char *cove_event_writer_path(const cove_event_writer *writer)
{
    return writer->path;
}

static struct cove__event_at at(int64_t step, double wall_time)
{
    return (struct cove__event_at){ wall_time == 0 ? now() : wall_time, step };
}

int cove_event_writer_scalar(cove_event_writer *writer, const char *tag, double value, int64_t step, double wall_time,
                             struct cove_error *err)
{
    begin(writer);
    cove__event_put_scalar(&writer->record, at(step, wall_time), tag, value);
    return commit(writer, tag, err);
}

int cove_event_writer_text(cove_event_writer *writer, const char *tag, const char *text, int64_t step, double wall_time,
                           struct cove_error *err)
{
    begin(writer);
    cove__event_put_text(&writer->record, at(step, wall_time), tag, text);
    return commit(writer, tag, err);
}

int cove_event_writer_histogram(cove_event_writer *writer, const char *tag, const float *values, size_t n, int64_t step,
                                double wall_time, struct cove_error *err)
{
    struct cove__histogram h;
    int rc = cove__histogram_make(values, n, &h);

    if (rc == COVE_EINVAL)
        return cove__fail(err, rc, "write %s: the histogram \"%s\" has no finite value", writer->path, tag);
    if (rc < 0)
        return cove__fail_nomem(err, "a histogram");
    begin(writer);
    cove__event_put_histogram(&writer->record, at(step, wall_time), tag, &h);
    cove__histogram_done(&h);
    return commit(writer, tag, err);
}

int cove_event_writer_hparams(cove_event_writer *writer, const struct cove_hparam *hparams, size_t n_hparams,
                              const char *const *metric_tags, size_t n_metric_tags, struct cove_error *err)
{
    const struct cove__hparams h = { hparams, n_hparams, metric_tags, n_metric_tags };
    const struct cove__event_at when = at(0, 0);

    /* One write for the three records: a reader never sees an experiment without its session. */
    cove__buf_reset(&writer->record);
    for (int part = COVE__HPARAMS_EXPERIMENT; part <= COVE__HPARAMS_END; part++) {
        if (part > COVE__HPARAMS_EXPERIMENT)
            cove__record_end(&writer->record, writer->mark);
        writer->mark = cove__record_begin(&writer->record);
        cove__event_put_hparams(&writer->record, when, (enum cove__hparams_part)part, &h);
    }
    return commit(writer, "hparams", err);
}

int cove_event_writer_flush(cove_event_writer *writer, struct cove_error *err)
{
    return cove_appender_flush(writer->appender, err);
}

int cove_event_writer_close(cove_event_writer *writer, struct cove_error *err)
{
    int rc;

    if (!writer)
        return 0;
    rc = cove_appender_close(writer->appender, err);
    free_writer(writer);
    return rc;
}
