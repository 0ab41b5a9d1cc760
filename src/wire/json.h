/* JSON in, value by value, for options and the responses of stores, whose shape is known to the reader; and strings
 * out. The text may come in pieces. Its tokens are those of json_tokens.h, with its limits. */
#ifndef COVE_WIRE_JSON_H
#define COVE_WIRE_JSON_H

#include "base/buf.h"
#include "base/slice.h"
#include "wire/json_tokens.h"

#define COVE__JSON_PATH_MAX ((size_t)4096)

/*
 * `path`: the names down to the value, joined by '/', with "[]" for an item of an array: "retries/max_attempts",
 * "items[]/name", "prefixes[]". The name "" of the document's own members is "/", so that it is neither the document
 * nor passed over. A name that has '/' or "[]" in it looks like a longer path. BORROWED for the call, as `text` is.
 * What they return below 0 ends the reading.
 */
struct cove__json_handler {
    /* A plain value, as text: "true", "30", "0.5"; a string without its quotes. */
    int (*value)(void *user, const char *path, enum cove__json_type type, const char *text);
    /* The object or array at `path` ends ("items[]": one of the items; "": the document). May be NULL. */
    int (*end)(void *user, const char *path);
};

struct cove__json_reader {
    struct cove__json_tokens tokens;
    const struct cove__json_handler *handler;
    void *user;
    struct cove__buf path;
    size_t paths[COVE__JSON_DEPTH_MAX]; /* bytes of the paths of the open objects and arrays */
    size_t depth;
};

/* `handler`: BORROWED until done. */
void cove__json_reader_init(struct cove__json_reader *r, const struct cove__json_handler *handler, void *user);
void cove__json_reader_done(struct cove__json_reader *r);
/* As cove__json_tokens_feed: what stands before a fault has been given by then. COVE_EINVAL also for a document that is
 * not an object, and a NUL in a name or string. */
int cove__json_reader_feed(struct cove__json_reader *r, struct cove__slice piece);
int cove__json_reader_end(struct cove__json_reader *r);

/* Reads a whole text at once. After COVE_EINVAL ret_why holds what is wrong and where, in at most `why_size` bytes,
 * without any of the text. */
int cove__json_read(struct cove__slice text, const struct cove__json_handler *handler, void *user, char *ret_why,
                    size_t why_size);

/* Adds `text`, which is UTF-8, as a string in its quotes. */
int cove__json_add_string(struct cove__buf *out, struct cove__slice text);

#endif
