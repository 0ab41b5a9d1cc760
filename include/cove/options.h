/*
 * Named options: what a user gives a filesystem besides its URL ("endpoint_url", "anon", "region").
 *
 * Names and values are strings; each backend has a table of the names it takes, with type, default, environment
 * variable and help. They are checked when the filesystem is made: an unknown name or a malformed value fails there, by
 * name, with the nearest known one.
 */
#ifndef COVE_OPTIONS_H
#define COVE_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include <cove/error.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cove_options cove_options;

/* An empty set; NULL only when memory is exhausted. One thread at a time may use a set. Free with cove_options_free. */
COVE_API cove_options *cove_options_new(void);
COVE_API void cove_options_free(cove_options *options); /* NULL accepted */

/* Sets `name` to `value` (both copied), replacing an older value. COVE_EINVAL: an empty name. COVE_ENOMEM. */
COVE_API int cove_options_set(cove_options *options, const char *name, const char *value, struct cove_error *err);

/* The value set for `name`, BORROWED until the set is changed or freed; NULL where none is set. */
COVE_API const char *cove_options_get(const cove_options *options, const char *name);

/* Describes the options of one scheme: row `i` of `scheme`'s table, 0 while there is one, COVE_ENOTFOUND past the end
 * or for an unknown scheme. All strings are static; `environment` may be NULL (none), `fallback` too (no default). */
struct cove_option_help {
    const char *name;
    const char
        *type; /* "string" "bool" "maybe" (a bool, or "auto") "integer" "size" "duration" "secret" "choice" "json" */
    const char *fallback;
    const char *environment; /* names separated by a space, the first that is set wins */
    const char *help;
    const char *choices;  /* of a "choice": what it may be, separated by spaces; else NULL */
    const char *alias_of; /* the option whose other name this is; NULL: it is no alias */
    int64_t min, max;     /* of a number, in bytes or milliseconds; both 0: any */
};
COVE_API int cove_options_describe(const char *scheme, size_t i, struct cove_option_help *ret_help);

#ifdef __cplusplus
}
#endif
#endif
