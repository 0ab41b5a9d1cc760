/* JSON in, value by value: for options and small responses, whose shape is known to the reader. By jansson; limits on
 * size and depth. And strings out. */
#ifndef COVE_WIRE_JSON_H
#define COVE_WIRE_JSON_H

#include "base/buf.h"
#include "base/slice.h"

#define COVE__JSON_SIZE_MAX  ((size_t)1 << 20)
#define COVE__JSON_DEPTH_MAX 16
/* Limits values and keys (commas, colons and brackets in strings also count), and so the size of the tree. */
#define COVE__JSON_VALUES_MAX ((size_t)65536)

enum cove__json_type { COVE__JSON_NULL, COVE__JSON_BOOL, COVE__JSON_NUMBER, COVE__JSON_STRING };

/* `path`: the names down to the value, joined by '/', an array's items by their number: "retries/max_attempts". `text`:
 * the value as text
 * ("true", "30", "0.5"; a string without its quotes). Both BORROWED for the call. What it returns below 0 stops the
 * reading. */
typedef int (*cove__json_fn)(void *user, const char *path, enum cove__json_type type, const char *text);

/* Calls `each` for every plain value of an object, in its order. 0; COVE_EINVAL: not a JSON object (*ret_why says what
 * is wrong, in at most `why_size` bytes); COVE_ELIMIT; COVE_ENOMEM; or what `each` returned. */
int cove__json_read(struct cove__slice text, cove__json_fn each, void *user, char *ret_why, size_t why_size);

/* Adds `text`, which is UTF-8, as a string in its quotes. */
int cove__json_add_string(struct cove__buf *out, struct cove__slice text);

#endif
