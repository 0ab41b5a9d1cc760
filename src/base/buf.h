/*
 * A growing run of bytes, always with a maximum. Always NUL-terminated, so that text in it can be used as a C string.
 * Adding returns 0, COVE_ENOMEM, or COVE_ELIMIT past the maximum; a failed buf stays failed (later adds return the same
 * code), so a chain of adds needs one check at its end: cove__buf_rc().
 */
#ifndef COVE_BASE_BUF_H
#define COVE_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cove/export.h>

#include "base/slice.h"

struct cove__buf {
    uint8_t *data; /* owned; NULL until the first add */
    size_t size;
    size_t cap;
    size_t max;  /* the limit of size */
    int rc;      /* 0, or why an add failed */
    bool secret; /* what it held is overwritten before memory is freed, also when it grows */
};

#define COVE__BUF_INIT(max_)   ((struct cove__buf){ .max = (max_) })
#define COVE__BUF_SECRET(max_) ((struct cove__buf){ .max = (max_), .secret = true })

void cove__buf_init(struct cove__buf *b, size_t max);
void cove__buf_init_secret(struct cove__buf *b, size_t max);
void cove__buf_done(struct cove__buf *b);           /* frees; leaves an empty buf of the same kind and maximum */
void cove__buf_wipe(struct cove__buf *b);           /* the same, and overwrites what it held */
void cove__buf_reset(struct cove__buf *b);          /* empties, keeps the memory, forgets a failure */
void cove__buf_drop(struct cove__buf *b, size_t n); /* removes the first n bytes; keeps the memory */
int cove__buf_reserve(struct cove__buf *b, size_t extra);
int cove__buf_add(struct cove__buf *b, const void *data, size_t size);
int cove__buf_add_slice(struct cove__buf *b, struct cove__slice s);
int cove__buf_add_str(struct cove__buf *b, const char *s);
int cove__buf_add_char(struct cove__buf *b, char c);
int cove__buf_addf(struct cove__buf *b, const char *format, ...) COVE_PRINTF(2, 3);
int cove__buf_vaddf(struct cove__buf *b, const char *format, va_list args);
int cove__buf_rc(const struct cove__buf *b);
const char *cove__buf_str(const struct cove__buf *b); /* "" while empty */
/* Hands the memory over (cove__free) and leaves the buf empty; NULL where the buf failed; never NULL otherwise. */
char *cove__buf_take(struct cove__buf *b);

static inline struct cove__slice cove__buf_slice(const struct cove__buf *b)
{
    return (struct cove__slice){ b->data, b->size };
}

#endif
