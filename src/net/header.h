/*
 * Heads of HTTP: of a response, as net/transfer keeps it (lines "name: value\n", names as they came, blanks around the
 * values gone), and the lines of a request. Pure.
 */
#ifndef COVE_NET_HEADER_H
#define COVE_NET_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

/* One line as it came, its end with it. A status line empties the head: a new response begins (after a proxy's, or a
 * 100). Lines that are not headers (the empty line at the end, a name that is not a token, a value with a line's end or
 * a NUL in it) are ignored. 0, COVE_ELIMIT, COVE_ENOMEM. */
int cove__header_add(struct cove__buf *head, struct cove__slice line);

/* Puts the names of all lines into lower case. */
void cove__header_lower_names(struct cove__buf *head);

/* The first header of this name, given in lower case and compared without case, whatever its size: *ret is BORROWED
 * from the head. False: there is none. For a header whose absence has a meaning. */
bool cove__header_value(struct cove__slice head, const char *name, struct cove__slice *ret);

/* The same, copied into `out` as a string; false where there is none, it does not fit, or it holds a NUL. */
bool cove__header_find(struct cove__slice head, const char *name, char *out, size_t out_size);

/* The value of a response's Content-Length in bytes; -1: there is none. COVE_EPROTOCOL: it is not a number below 2^63,
 * or two values differ (RFC 9110, section 8.6). */
int cove__header_content_length(struct cove__slice head, int64_t *ret);

/* Whether a text is valid in a header value: it has no line break and no control character except tabs. */
bool cove__header_is_valid(struct cove__slice value);

/* Adds "name: value\n" to a request's lines. The buf fails with COVE_EINVAL if the value is invalid: a line break would
 * inject another header. All untrusted values must be added through this function. */
int cove__header_append(struct cove__buf *lines, const char *name, struct cove__slice value);

#endif
