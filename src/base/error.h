/* Filling a caller's cove_error. Messages name the operation and the URL: "s3://b/k: read: no such key". */
#ifndef COVE_BASE_ERROR_H
#define COVE_BASE_ERROR_H

#include <stdarg.h>

#include <cove/error.h>

/* Sets code and message (whatever stood there is replaced) and returns `code`. `err` may be NULL. */
int cove__fail(struct cove_error *err, int code, const char *format, ...) COVE_PRINTF(3, 4);
/* The same from an errno: the code is its nearest, ": strerror" is added to the message. */
int cove__fail_errno(struct cove_error *err, int errnum, const char *format, ...) COVE_PRINTF(3, 4);
/* COVE_ENOMEM, with `what` was to be held; never allocates. */
int cove__fail_nomem(struct cove_error *err, const char *what);
/* Puts "text: " before the message that `err` has; returns err's code (or `code` if err is NULL). */
int cove__error_prefix(struct cove_error *err, int code, const char *format, ...) COVE_PRINTF(3, 4);
/* Puts more text behind it, as much as fits. */
void cove__error_add(struct cove_error *err, const char *format, ...) COVE_PRINTF(2, 3);
/* Sets the store's own code ("": none); after the call that sets the message, which clears it. `err` may be NULL. */
void cove__error_store_code(struct cove_error *err, const char *store_code);
void cove__error_clear(struct cove_error *err);
/* Copies what fits into a caller's struct (NULL accepted), honouring its size; returns from->code. */
int cove__error_copy(struct cove_error *to, const struct cove_error *from);
/* The cove code nearest to an errno. */
int cove__code_from_errno(int errnum);

#endif
