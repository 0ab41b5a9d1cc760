/*
 * Protocol Buffers' wire format, by hand: enough for messages that are few and known (event files, Hadoop's RPC).
 * Writing goes into a buf, whose own failure is sticky, so that a message needs one check at its end. Reading takes a
 * slice and gives one field at a time; what a field means is the caller's business.
 */
#ifndef COVE_WIRE_PROTOBUF_H
#define COVE_WIRE_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum cove__pb_type { COVE__PB_VARINT = 0, COVE__PB_FIXED64 = 1, COVE__PB_BYTES = 2, COVE__PB_FIXED32 = 5 };

/* ---- writing: field `number` with its value ---- */

void cove__pb_put_varint(struct cove__buf *b, uint64_t value); /* bare, as before a delimited message */
void cove__pb_put_double(struct cove__buf *b, double value);   /* bare, as in a packed field */
void cove__pb_uint(struct cove__buf *b, unsigned number, uint64_t value);
void cove__pb_int(struct cove__buf *b, unsigned number,
                  int64_t value); /* int32, int64, enum: negative ones take ten bytes */
void cove__pb_double(struct cove__buf *b, unsigned number, double value);
void cove__pb_float(struct cove__buf *b, unsigned number, float value);
void cove__pb_bytes(struct cove__buf *b, unsigned number, struct cove__slice value);
void cove__pb_string(struct cove__buf *b, unsigned number, const char *value);
/* A message within the message: what is written between begin and end is its content. `end` moves the content by the
 * bytes that its length takes beyond one. */
size_t cove__pb_begin(struct cove__buf *b, unsigned number);
void cove__pb_end(struct cove__buf *b, size_t mark);

/* ---- reading ---- */

struct cove__pb_field {
    unsigned number;
    enum cove__pb_type type;
    uint64_t value;           /* varint and the fixed ones, as raw bits */
    struct cove__slice bytes; /* for COVE__PB_BYTES; BORROWED from the input */
};

/* Takes a varint from the front of *rest. 1, 0 (it continues past the end) or COVE_ECORRUPT (longer than ten bytes, or
 * than 64 bits); *rest is moved only on 1. */
int cove__pb_take_varint(struct cove__slice *rest, uint64_t *ret);
/* Takes a field from the front of *rest: 1, 0 at the end, COVE_ECORRUPT where the bytes are no message. Groups are
 * refused. */
int cove__pb_next(struct cove__slice *rest, struct cove__pb_field *ret);

double cove__pb_as_double(uint64_t raw);
float cove__pb_as_float(uint64_t raw);
static inline bool cove__pb_is(const struct cove__pb_field *f, unsigned number, enum cove__pb_type type)
{
    return f->number == number && f->type == type;
}

#endif
