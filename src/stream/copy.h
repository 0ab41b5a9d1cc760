/* What copy.c needs of readers and writers beyond their public calls. */
#ifndef COVE_STREAM_COPY_H
#define COVE_STREAM_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include <cove/stream.h>

/* True: its reads go straight into the memory that they are given (a local file's). */
bool cove__reader_is_direct(const cove_reader *reader);
/* The writer's own memory for what comes next: how many bytes have room there. Good until the next call on it. */
int64_t cove__writer_room(cove_writer *writer, uint8_t **ret_room, struct cove_error *err);
/* The first `n` bytes of that room have been filled. */
void cove__writer_filled(cove_writer *writer, size_t n);

#endif
