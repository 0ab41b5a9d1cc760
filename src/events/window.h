/* A window over a file being read from its start: what readers of records and of rows parse from. Bytes are there until
 * taken. */
#ifndef COVE_EVENTS_WINDOW_H
#define COVE_EVENTS_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cove/stream.h>

#include "base/buf.h"
#include "base/slice.h"

struct cove__window {
    cove_reader *reader; /* owned */
    cove_fs *fs;         /* held, with what follows: to open the file again when it has grown meanwhile */
    char *path;
    struct cove_call call;
    bool grows;
    struct cove__buf buf;
    size_t at;      /* of buf: the bytes before it have been taken */
    int64_t offset; /* of the file: where buf begins */
};

/* `max`: the largest piece that one parse may ask for. `grows`: the file may grow meanwhile but not change otherwise,
 * so reading continues in the new version. Close it on failure too. */
int cove__window_open(struct cove__window *w, cove_fs *fs, const char *path, size_t max, bool grows,
                      const struct cove_call *call, struct cove_error *err);
void cove__window_close(struct cove__window *w);

struct cove__slice cove__window_rest(const struct cove__window *w); /* BORROWED until the next call of `more` */
void cove__window_take(struct cove__window *w, size_t n);
int64_t cove__window_offset(const struct cove__window *w); /* of the rest, in the file */
/* Reads on until the rest holds `want` bytes. 1; 0 where the file ends before that, which is known without reading; or
 * an error. */
int cove__window_more(struct cove__window *w, size_t want, struct cove_error *err);

#endif
