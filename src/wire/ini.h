/*
 * INI files by the rules of Python's configparser (RawConfigParser by default), which AWS's own tools use:
 * `name = value` or `name: value`, names in any case, comments only on separate lines, values continued on lines that
 * are indented more. A repeated section or name is an error, and so is a line of another form.
 */
#ifndef COVE_WIRE_INI_H
#define COVE_WIRE_INI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct cove__ini_section {
    struct cove__slice name; /* the text between the brackets */
    unsigned line;
};

struct cove__ini_option {
    size_t section;
    struct cove__slice name;  /* in lower case */
    struct cove__slice value; /* its lines trimmed, with '\n' between them */
    unsigned line;
};

/* A file. Slices stay valid until cove__ini_done. Section 0 is [DEFAULT], whose options apply to every section. */
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
void cove__ini_done(struct cove__ini *ini); /* overwrites what it frees: it may hold secrets */

/* A section's option, else that of [DEFAULT]; NULL: in neither. `name` is in lower case. */
const struct cove__ini_option *cove__ini_get(const struct cove__ini *ini, size_t section, const char *name);

/* Whether a value consists of lines below its name (`s3 =`). */
bool cove__ini_is_nested(struct cove__slice value);
/* The value of `name`, case-sensitive, in such a value; of several the last. False: there is none. */
bool cove__ini_nested(struct cove__slice value, const char *name, struct cove__slice *ret);

#endif
