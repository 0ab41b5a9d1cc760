/* TensorBoard's Event messages: the content of a record. Pure: bytes in, bytes out; field numbers from event.proto and
 * summary.proto. */
#ifndef COVE_EVENTS_EVENT_H
#define COVE_EVENTS_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cove/events.h>

#include "base/buf.h"
#include "base/slice.h"
#include "events/histogram.h"

/* ---- writing: one Event each, added to `b` (whose failure is sticky) ---- */

struct cove__event_at {
    double wall_time; /* seconds since 1970 */
    int64_t step;
};

void cove__event_put_version(struct cove__buf *b, double wall_time);
void cove__event_put_scalar(struct cove__buf *b, struct cove__event_at at, const char *tag, double value);
void cove__event_put_text(struct cove__buf *b, struct cove__event_at at, const char *tag, const char *text);
void cove__event_put_histogram(struct cove__buf *b, struct cove__event_at at, const char *tag,
                               const struct cove__histogram *h);

struct cove__hparams {
    const struct cove_hparam *items;
    size_t n;
    const char *const *metric_tags;
    size_t n_metric_tags;
};
enum cove__hparams_part { COVE__HPARAMS_EXPERIMENT, COVE__HPARAMS_START, COVE__HPARAMS_END };
void cove__event_put_hparams(struct cove__buf *b, struct cove__event_at at, enum cove__hparams_part part,
                             const struct cove__hparams *h);

/* ---- reading: an Event gives one cove_event for each value of its summary ---- */

struct cove__event_cursor {
    struct cove__event_at at;
    struct cove__slice version, summary; /* BORROWED from the record */
    bool has_version, has_summary, has_other;
};

/* COVE_ECORRUPT: the payload is not an Event. */
int cove__event_open(struct cove__slice payload, struct cove__event_cursor *ret);
/* 1 and the next event, whose strings lie in `strings` (emptied first), 0 after the last, COVE_ECORRUPT, or why
 * `strings` failed. */
int cove__event_next(struct cove__event_cursor *cursor, struct cove__buf *strings, struct cove_event *ret);

#endif
