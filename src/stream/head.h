/*
 * A file's first bytes, as the one request brought them that a read of a file of unknown size begins with, and the
 * size and version in its reply. Whoever goes on from there (a reader, a read of the whole file, a queue's worker) asks
 * for no byte a second time.
 */
#ifndef COVE_STREAM_HEAD_H
#define COVE_STREAM_HEAD_H

#include <stddef.h>
#include <stdint.h>

#include <cove/stream.h>

/* How many bytes are asked for first: small files need no second request. */
#define COVE__HEAD_SIZE ((size_t)64 << 10)

struct cove__head {
    uint8_t *data; /* owned; NULL: there is no head */
    size_t n;
    int64_t total; /* the file's size; -1: not in the reply */
    char *etag;    /* owned; NULL: not in the reply */
};
void cove__head_done(struct cove__head *head);

/* reader.c: cove_reader_open without a request, of a head whose `total` is known. The head's etag is taken. */
int cove__reader_from_head(cove_fs *fs, const char *path, const struct cove_call *call, struct cove__head *head,
                           cove_reader **ret_reader, struct cove_error *err);
/* whole.c: cove_fs_read_or_open from this head on; `ret_reader` NULL: cove_fs_read_file. What is in the head may be
 * taken, cove__head_done is the caller's. Where the file has been replaced since, it begins anew. */
int cove__fs_read_from_head(cove_fs *fs, const char *path, size_t max_bytes, struct cove__head *head, void **ret_data,
                            size_t *ret_size, cove_reader **ret_reader, const struct cove_call *call,
                            struct cove_error *err);

#endif
