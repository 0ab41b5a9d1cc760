/*
 * INI files by the rules of Python's configparser (RawConfigParser as it comes), which are those of AWS's own tools:
 * `name = value` or `name: value`, names in any case, comments on lines of their own only, values that go on in lines
 * that are indented more. Twice the same section or name is an error, and so is any other line.
 */
#ifndef COVE_WIRE_INI_H
#define COVE_WIRE_INI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct cove__ini_section {
    struct cove__slice name; /* as it stands between the brackets */
    unsigned line;
};

struct cove__ini_option {
    size_t section;
    struct cove__slice name;  /* in lower case */
    struct cove__slice value; /* its lines trimmed, with '\n' between them */
    unsigned line;
};

/* A file. Slices stay valid until cove__ini_done. Section 0 is [DEFAULT], whose options every other section has too. */
struct cove__ini {
    char *text; /* owned; all names and values */
    size_t size, room;
    struct cove__ini_section *sections; /* in the file's order */
    size_t n_sections, sections_cap;
    struct cove__ini_option *options; /* by section and name */
    size_t n_options, options_cap;
};

struct cove__ini_error {
    unsigned line;   /* from 1 */
    const char *why; /* "... line 3 <why>"; static */
};

/* 0, COVE_ENOMEM, or COVE_EINVAL with *ret_error filled in. A byte order mark at the start is skipped. */
int cove__ini_parse(struct cove__slice text, struct cove__ini *ret, struct cove__ini_error *ret_error);
void cove__ini_done(struct cove__ini *ini); /* overwrites what it frees: there may be secrets in it */

/* A section's option, else that of [DEFAULT]; NULL: in neither. `name` is in lower case. */
const struct cove__ini_option *cove__ini_get(const struct cove__ini *ini, size_t section, const char *name);

/* Whether a value is lines of its own below its name (`s3 =`), and the last of these lines for `name`, which is in its
 * very case. */
bool cove__ini_is_nested(struct cove__slice value);
bool cove__ini_nested(struct cove__slice value, const char *name, struct cove__slice *ret);

#endif
