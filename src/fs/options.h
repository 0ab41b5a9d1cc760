/*
 * The tables of named options. A row has the place of a value in the backend's own struct, so that parsing, checking,
 * defaults, the environment and the documentation all come from one place.
 */
#ifndef COVE_FS_OPTIONS_H
#define COVE_FS_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include <cove/options.h>

enum cove__option_type {
    COVE__OPTION_STRING,   /* char *, owned by the target (cove__free); NULL: not given */
    COVE__OPTION_SECRET,   /* char *, never shown */
    COVE__OPTION_JSON,     /* char *, the text of a JSON object */
    COVE__OPTION_BOOL,     /* int: 0 or 1; "true" "false" "1" "0" "yes" "no" "on" "off", any case */
    COVE__OPTION_MAYBE,    /* int: the same, or -1 for "auto" */
    COVE__OPTION_INTEGER,  /* int64_t */
    COVE__OPTION_SIZE,     /* int64_t bytes: "8388608", "8MiB", "8M" (binary), "8MB" (decimal) */
    COVE__OPTION_DURATION, /* int64_t milliseconds: "30" and "30s" (seconds), "250ms", "5m" */
    COVE__OPTION_CHOICE    /* char *: one of `choices`, separated by spaces */
};

struct cove__option_row {
    const char *name;
    enum cove__option_type type;
    size_t offset;           /* of the field in the target struct */
    const char *fallback;    /* as a user would write it; NULL: NULL or 0 */
    const char *environment; /* names, separated by a space; NULL: none */
    const char *help;
    int64_t min, max; /* for the number types; both 0: any */
    const char *choices;
    const char *alias_of; /* the row whose other name this is; NULL: it is no alias */
};

/* Fails at the first option that is in no row of a store and of none that all have, with the nearest name. `scheme`: as
 * messages have it. COVE_EINVAL. */
int cove__options_check_names(const struct cove__option_row *rows, const cove_options *options, const char *scheme,
                              struct cove_error *err);
/* Fills `target` from `options` (may be NULL), then the environment, then the defaults. An option that is in no row
 * fails with the nearest name. COVE_EINVAL names option and value (not a secret's). On failure and at the end:
 * cove__options_clear. */
int cove__options_fill(const struct cove__option_row *rows, const cove_options *options, const char *scheme,
                       void *target, struct cove_error *err);
void cove__options_clear(const struct cove__option_row *rows, void *target); /* frees the strings */

/* Our name of an option that other libraries call `name`; NULL: none is known. It may be of another filesystem. */
const char *cove__options_other_name(const struct cove__option_row *rows, const char *name);

/* Options that every filesystem takes (the front's own). */
extern const struct cove__option_row cove__common_options[];

/* The set as pairs in the order of names, for the cache's key. */
size_t cove__options_count(const cove_options *options);
void cove__options_pair(const cove_options *options, size_t i, const char **ret_name, const char **ret_value);
cove_options *cove__options_copy(const cove_options *options);

#endif
