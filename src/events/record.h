/* Framing of event files (TFRecord): length, its checksum, payload, its checksum; all little-endian. Pure: bytes in,
 * bytes out. */
#ifndef COVE_EVENTS_RECORD_H
#define COVE_EVENTS_RECORD_H

#include <stddef.h>

#include "base/buf.h"
#include "base/slice.h"

/* The limit of one payload, both ways: scalars take 50 bytes, a large graph or embedding some megabytes. */
#define COVE__RECORD_MAX      ((size_t)256 << 20)
#define COVE__RECORD_OVERHEAD 16

/* What is added to `b` between begin and end becomes one record. */
size_t cove__record_begin(struct cove__buf *b);
void cove__record_end(struct cove__buf *b, size_t mark);

/*
 * The record at the front of `in`: 1 with its payload (BORROWED from `in`) and its size in the file; 0 where `in` ends
 * first, with the number of bytes that are needed to continue in *ret_size; COVE_ECORRUPT for a bad checksum;
 * COVE_ELIMIT for a longer payload.
 */
int cove__record_next(struct cove__slice in, struct cove__slice *ret_payload, size_t *ret_size);

#endif
