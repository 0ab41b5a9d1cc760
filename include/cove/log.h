/* The log callback: the only way in which libcove reports anything besides errors. */
#ifndef COVE_LOG_H
#define COVE_LOG_H

#include <cove/export.h>

#ifdef __cplusplus
extern "C" {
#endif

enum cove_log_level { COVE_LOG_ERROR = 0, COVE_LOG_WARNING = 1, COVE_LOG_INFO = 2, COVE_LOG_DEBUG = 3 };

/*
 * Called from any thread, also the library's own, one call at a time. `subject` is static: "http", "s3", "trainer", …;
 * "wait" has the lines about a server that a request waits for. `text` is one line without a newline, BORROWED
 * until the callback returns, and holds no secret. The callback must return soon, because other threads that log wait
 * for it, and must not call cove.
 */
typedef void (*cove_log_fn)(void *user, enum cove_log_level level, const char *subject, const char *text);

/*
 * Sets the process's callback; NULL (the default): nothing is logged. Lines of a level above `level` (COVE_LOG_DEBUG is
 * the highest) are not made at all. `user` is BORROWED until the next call of cove_log_set, which waits until no
 * callback is under way. Any thread may call it, but not the callback.
 */
COVE_API void cove_log_set(cove_log_fn fn, void *user, enum cove_log_level level);

#ifdef __cplusplus
}
#endif
#endif
