/*
 * Named options: what a user gives a filesystem besides its URL ("endpoint_url", "anon", "region").
 *
 * Names and values are strings; each backend has a table of the names it takes, with type, default, environment
 * variable and help. They are checked when the filesystem is made (cove_fs_from_url): an unknown name or a malformed
 * value fails there with COVE_EINVAL and a message that has the name and the nearest known one.
 *
 * One thread at a time may use a set; different sets may be used at once. None of these calls waits.
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

/* An empty set, which the caller frees with cove_options_free; NULL only when memory is exhausted. */
COVE_API cove_options *cove_options_new(void);
COVE_API void cove_options_free(cove_options *options); /* NULL accepted; overwrites the values, which may be secret */

/* Sets `name` to `value` (both copied), replacing an older value. COVE_EINVAL: a name that is empty or longer than 64
 * bytes, or a NULL. COVE_ELIMIT: more than 256 options. COVE_ENOMEM. On failure the set is unchanged. */
COVE_API int cove_options_set(cove_options *options, const char *name, const char *value, struct cove_error *err);

/* The value set for `name`, BORROWED until the set is changed or freed; NULL: none is set. */
COVE_API const char *cove_options_get(const cove_options *options, const char *name);

/* One option of a scheme. All strings are static. */
struct cove_option_help {
    const char *name;
    /* "string" "bool" "maybe" (a bool, or "auto") "integer" "size" "duration" "secret" "choice" "json" */
    const char *type;
    const char *fallback;    /* the default, as text; NULL: none */
    const char *environment; /* names of variables separated by a space, the first that is set counts; NULL: none */
    const char *help;        /* one line */
    const char *choices;     /* of a "choice": what it may be, separated by spaces; else NULL */
    const char *alias_of;    /* the option whose other name this is; NULL: it is no alias */
    int64_t min, max;        /* of a number; of a size in bytes, of a duration in milliseconds; both 0: any */
};
/* Row `i` of the table of `scheme`, from 0: 0 and *ret_help, or COVE_ENOTFOUND past the last and for a scheme that is
 * unknown or not in this build. Any thread. */
COVE_API int cove_options_describe(const char *scheme, size_t i, struct cove_option_help *ret_help);

#ifdef __cplusplus
}
#endif
#endif
