/* The window over a file: above stream's reader, below reader.c and csv_reader.c. */
#include "events/window.h"

#include <string.h>

#include <cove/error.h>

#include "base/copy_options.h"
#include "base/error.h"
#include "base/mem.h"

#define CHUNK      ((size_t)256 << 10)
#define REOPENINGS 20

int cove__window_open(struct cove__window *w, cove_fs *fs, const char *path, size_t max, bool grows,
                      const struct cove_call *call, struct cove_error *err)
{
    *w = (struct cove__window){ .buf = COVE__BUF_INIT(max + CHUNK), .grows = grows };
    w->call = cove__call_of(call);
    w->call.cancel = cove_cancel_ref(w->call.cancel);
    w->fs = cove_fs_ref(fs);
    w->path = cove__strdup(path);
    if (!w->path)
        return cove__fail_nomem(err, "a path");
    return cove_reader_open(fs, path, &w->call, &w->reader, err);
}

void cove__window_close(struct cove__window *w)
{
    cove_reader_close(w->reader);
    cove__buf_done(&w->buf);
    cove__free(w->path);
    cove_cancel_unref(w->call.cancel);
    cove_fs_unref(w->fs);
}

struct cove__slice cove__window_rest(const struct cove__window *w)
{
    return cove__slice_sub(cove__buf_slice(&w->buf), w->at, w->buf.size);
}

void cove__window_take(struct cove__window *w, size_t n)
{
    w->at += n;
}

int64_t cove__window_offset(const struct cove__window *w)
{
    return w->offset + (int64_t)w->at;
}

/* Reads up to `length` bytes at the end of the buf. A reader reads one version of its file. If the file has grown
 * meanwhile, opens the new version, as often as a busy writer makes that necessary. */
static int64_t read_on(struct cove__window *w, size_t length, struct cove_error *err)
{
    struct cove__buf *b = &w->buf;
    int64_t n = cove_reader_read(w->reader, b->data + b->size, length, err);

    for (int tries = 0; n == COVE_EPRECONDITION && w->grows && tries < REOPENINGS; tries++) {
        cove_reader *newer;
        int rc = cove_reader_open(w->fs, w->path, &w->call, &newer, err);

        if (rc < 0)
            return rc;
        if (cove_reader_size(newer) < cove_reader_size(w->reader)) {
            cove_reader_close(newer);
            return n;
        }
        cove_reader_close(w->reader);
        w->reader = newer;
        rc = cove_reader_seek(newer, w->offset + (int64_t)b->size, err);
        n = rc < 0 ? rc : cove_reader_read(newer, b->data + b->size, length, err);
    }
    return n;
}

int cove__window_more(struct cove__window *w, size_t want, struct cove_error *err)
{
    struct cove__buf *b = &w->buf;
    int64_t left = cove_reader_size(w->reader) - cove__window_offset(w);
    size_t goal;

    if (left < 0 || (uint64_t)left < want)
        return 0;
    /* At most the rest of the file: a small file needs a small buffer. */
    goal = want < CHUNK ? CHUNK : want;
    if ((uint64_t)left < goal)
        goal = (size_t)left;
    if (w->at > 0) {
        b->size -= w->at;
        memmove(b->data, b->data + w->at, b->size);
        w->offset += (int64_t)w->at;
        w->at = 0;
    }
    while (b->size < goal) {
        int64_t n;

        if (cove__buf_reserve(b, goal - b->size) < 0)
            return cove__fail_nomem(err, "a part of the file");
        n = read_on(w, goal - b->size, err);
        if (n < 0)
            return (int)n;
        if (n == 0)
            break;
        b->size += (size_t)n;
    }
    return b->size >= want;
}
