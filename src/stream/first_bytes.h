/*
 * The first bytes of a file of unknown size, from the first request of a read, with the size and the version that its
 * response has. A reader, a read of the whole file or a queue's worker continues from them, so that no byte is
 * requested twice.
 */
#ifndef COVE_STREAM_FIRST_BYTES_H
#define COVE_STREAM_FIRST_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include <cove/stream.h>

/* The size of the first request: small files need no second one. */
#define COVE__FIRST_BYTES_SIZE ((size_t)64 << 10)

struct cove__first_bytes {
    uint8_t *data; /* owned; NULL: there is no head */
    size_t n;
    int64_t total; /* the file's size; -1: not in the response */
    char *etag;    /* owned; NULL: not in the response */
};
void cove__first_bytes_done(struct cove__first_bytes *head);

/* reader.c: cove_reader_open from a head whose `total` is known, without a request. Takes the head's etag. */
int cove__reader_from_first_bytes(cove_fs *fs, const char *path, const struct cove_call *call,
                                  struct cove__first_bytes *head, cove_reader **ret_reader, struct cove_error *err);
/* whole.c: cove_fs_read_or_open from this head on; `ret_reader` NULL: cove_fs_read_file. `of_reader`: for
 * the reader's calls. May take the head's content;
 * the caller calls cove__first_bytes_done. Restarts where the file was replaced since. */
int cove__fs_read_from_first_bytes(cove_fs *fs, const char *path, size_t at_once, size_t max_bytes,
                                   struct cove__first_bytes *head, void **ret_data, size_t *ret_size,
                                   cove_reader **ret_reader, const struct cove_call *of_reader,
                                   const struct cove_call *call, struct cove_error *err);

#endif
