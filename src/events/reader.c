/* The reader of event files: records out of a window, events out of records. */
#include <cove/events.h>

#include "base/error.h"
#include "base/mem.h"
#include "events/event.h"
#include "events/record.h"
#include "events/window.h"

struct cove_event_reader {
    struct cove__window window;
    char *url;
    struct cove__event_cursor cursor; /* into the window's rest, until `record_size` is taken */
    size_t record_size;               /* of the record that the cursor is in; 0: it is in no record */
    struct cove__buf strings;         /* of the last event */
};

int cove_event_reader_open(cove_fs *fs, const char *path, const struct cove_call *call, cove_event_reader **ret_reader,
                           struct cove_error *err)
{
    cove_event_reader *r = cove__calloc(1, sizeof *r);
    int rc;

    if (!r)
        return cove__fail_nomem(err, "a reader of events");
    cove__buf_init(&r->strings, COVE__RECORD_MAX);
    rc = cove_fs_url(fs, path, &r->url, err);
    if (rc == 0)
        rc = cove__window_open(&r->window, fs, path, COVE__RECORD_MAX + COVE__RECORD_OVERHEAD, true, call, err);
    if (rc < 0)
        cove_event_reader_close(r);
    else
        *ret_reader = r;
    return rc;
}

void cove_event_reader_close(cove_event_reader *reader)
{
    if (!reader)
        return;
    cove__window_close(&reader->window);
    cove__buf_done(&reader->strings);
    cove__free(reader->url);
    cove__free(reader);
}

static int fail_at(const cove_event_reader *r, int code, const char *why, struct cove_error *err)
{
    return cove__fail(err, code, "read %s: the record at byte %lld %s", r->url,
                      (long long)cove__window_offset(&r->window), why);
}

/* Goes to the next record: 1, 0 at the end, or an error. */
static int next_record(cove_event_reader *r, struct cove_error *err)
{
    struct cove__slice payload;
    size_t size = 0;
    int rc;

    cove__window_take(&r->window, r->record_size);
    r->record_size = 0;
    while ((rc = cove__record_next(cove__window_rest(&r->window), &payload, &size)) == 0) {
        rc = cove__window_more(&r->window, size, err);
        if (rc <= 0)
            return rc;
    }
    if (rc == COVE_ELIMIT)
        return fail_at(r, rc, "is longer than 256 MiB", err);
    if (rc < 0)
        return fail_at(r, rc, "does not match its checksum", err);
    if (cove__event_open(payload, &r->cursor) < 0)
        return fail_at(r, COVE_ECORRUPT, "is not a TensorBoard event", err);
    r->record_size = size;
    return 1;
}

int cove_event_reader_next(cove_event_reader *reader, struct cove_event *ret_event, struct cove_error *err)
{
    int rc;

    for (;;) {
        if (reader->record_size > 0) {
            rc = cove__event_next(&reader->cursor, &reader->strings, ret_event);
            if (rc == COVE_ENOMEM)
                return cove__fail_nomem(err, "an event");
            if (rc < 0)
                return fail_at(reader, rc, "is not a TensorBoard event", err);
            if (rc == 1)
                return 1;
        }
        rc = next_record(reader, err);
        if (rc <= 0)
            return rc;
    }
}
