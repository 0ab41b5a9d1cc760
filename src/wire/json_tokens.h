/*
 * JSON token by token (RFC 8259, strictly), from a text that may come in pieces: the only reader of JSON here. It makes
 * no tree and allocates nothing for a value; its memory is that of the longest string and of the names of the open
 * objects. json.h reads whole documents by paths on top of it.
 */
#ifndef COVE_WIRE_JSON_TOKENS_H
#define COVE_WIRE_JSON_TOKENS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

#define COVE__JSON_SIZE_MAX  ((size_t)16 << 20) /* of a document */
#define COVE__JSON_TEXT_MAX  ((size_t)64 << 10) /* of one string, name or number */
#define COVE__JSON_DEPTH_MAX 32                 /* of open objects and arrays */

/* The first four are the types of plain values. */
enum cove__json_type {
    COVE__JSON_NULL,
    COVE__JSON_BOOL,
    COVE__JSON_NUMBER,
    COVE__JSON_STRING,
    COVE__JSON_NAME, /* of a member of the open object; its value follows */
    COVE__JSON_OBJECT,
    COVE__JSON_ARRAY,
    COVE__JSON_END, /* of the innermost open object or array */
};

/* `text`: a name, a string without its quotes and escapes, a number as it stands ("1e3"), "true", "false", "null", or
 * "" of what begins and ends. BORROWED for the call; a NUL follows it. What it returns below 0 ends the reading. */
typedef int (*cove__json_token_fn)(void *user, enum cove__json_type type, struct cove__slice text);

struct cove__json_level {
    bool object;
    size_t first_name; /* of this object in `names` */
};

struct cove__json_tokens {
    cove__json_token_fn token;
    void *user;
    size_t size_max;

    struct cove__buf text; /* of the current token */
    uint64_t *names;       /* owned: hashes of the names of the open objects */
    size_t n_names, cap_names;
    struct cove__json_level levels[COVE__JSON_DEPTH_MAX];
    size_t depth;
    int state; /* what may come next */
    bool is_name;
    uint32_t escape, high; /* \uXXXX so far; the first of two surrogates */
    unsigned digits;       /* of that \uXXXX */
    unsigned utf8_left;    /* bytes that the current character still needs, */
    uint8_t low, top;      /* and the bounds of the next */
    size_t at, line, line_at;
    int rc;
    const char *problem; /* after COVE_EINVAL, unless it was the callback's */
};

void cove__json_tokens_init(struct cove__json_tokens *t, cove__json_token_fn token, void *user);
/* Wipes what it held: texts may be secrets. */
void cove__json_tokens_done(struct cove__json_tokens *t);

/*
 * The next piece of the text, of any size. 0; COVE_EINVAL: it is not JSON, or an object has a name twice (readers
 * differ in which of them they take; reported where that object ends); COVE_ELIMIT; COVE_ENOMEM; or what `token`
 * returned. All later calls return the same.
 */
int cove__json_tokens_feed(struct cove__json_tokens *t, struct cove__slice piece);
/* No more pieces. COVE_EINVAL: the text is not whole. */
int cove__json_tokens_end(struct cove__json_tokens *t);
/* Where `problem` is set: what is wrong, and where, without any of the text, which may be a secret. */
void cove__json_tokens_problem(const struct cove__json_tokens *t, char *ret, size_t size);

#endif
