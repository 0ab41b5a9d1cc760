/* {a,b} in patterns: written out before matching, so that fs/glob.c never sees a brace that stands for a choice. */
#include <string.h>

#include <cove/error.h>

#include "base/buf.h"
#include "base/mem.h"
#include "fs/glob.h"

#define MAX_PATTERNS      1024 /* {a,b} ten times over */
#define MAX_PATTERN_BYTES ((size_t)64 << 10)

/* Behind the class or the single character at p. */
static const char *skip_one(const char *p)
{
    const char *end = *p == '[' ? strchr(p[1] && p[2] ? p + 2 : p, ']') : NULL;

    return end ? end + 1 : p + 1;
}

/* The brace that closes the one at `open`, or NULL; *ret_choices: there is a comma between them, at their own depth. */
static const char *closing(const char *open, bool *ret_choices)
{
    unsigned depth = 1;

    *ret_choices = false;
    for (const char *p = open + 1; *p; p = skip_one(p)) {
        depth += *p == '{';
        depth -= *p == '}';
        if (depth == 0)
            return p;
        *ret_choices = *ret_choices || (*p == ',' && depth == 1);
    }
    return NULL;
}

/* The first brace that stands for a choice, with its end; NULL: none. */
static const char *first_choice(const char *pattern, const char **ret_end)
{
    for (const char *p = pattern; *p; p = skip_one(p)) {
        bool choices = false;

        if (*p == '{' && (*ret_end = closing(p, &choices)) != NULL && choices)
            return p;
    }
    return NULL;
}

/* The end of the alternative that begins at p, at the latest `end`. */
static const char *alternative_end(const char *p, const char *end)
{
    unsigned depth = 0;

    for (; p < end; p = skip_one(p)) {
        depth += *p == '{';
        depth -= *p == '}';
        if (*p == ',' && depth == 0)
            break;
    }
    return p < end ? p : end;
}

/* Adds `pattern` to the list, taking it over also on failure. */
static int add(struct cove__patterns *list, char *pattern)
{
    if (pattern && cove__grow(&list->items, &list->cap, list->n + 1, sizeof *list->items, MAX_PATTERNS) == 0) {
        list->items[list->n++] = pattern;
        return 0;
    }
    cove__free(pattern);
    return pattern && list->n >= MAX_PATTERNS ? COVE_ELIMIT : COVE_ENOMEM;
}

bool cove__glob_has_braces(const char *pattern)
{
    const char *end;

    return first_choice(pattern, &end) != NULL;
}

int cove__patterns_init(struct cove__patterns *list, const char *pattern)
{
    const char *end = NULL;
    size_t i = 0;
    int rc;

    *list = (struct cove__patterns){ 0 };
    rc = add(list, cove__strdup(pattern));
    /* Each pattern with a choice gives its place to its first alternative, and the others come at the end. */
    while (rc == 0 && i < list->n) {
        char *whole = list->items[i];
        const char *open = first_choice(whole, &end);

        if (!open) {
            i++;
            continue;
        }
        for (const char *p = open + 1; rc == 0 && p <= end;) {
            const char *stop = alternative_end(p, end);
            struct cove__buf one = COVE__BUF_INIT(MAX_PATTERN_BYTES);

            cove__buf_add(&one, whole, (size_t)(open - whole));
            cove__buf_add(&one, p, (size_t)(stop - p));
            cove__buf_add_str(&one, end + 1);
            if (p == open + 1) {
                list->items[i] = cove__buf_take(&one);
                rc = list->items[i] ? 0 : COVE_ENOMEM;
            } else {
                rc = add(list, cove__buf_take(&one));
            }
            p = stop + 1;
        }
        cove__free(whole);
    }
    if (rc < 0)
        cove__patterns_done(list);
    return rc;
}

void cove__patterns_done(struct cove__patterns *list)
{
    for (size_t i = 0; i < list->n; i++)
        cove__free(list->items[i]);
    cove__free(list->items);
    *list = (struct cove__patterns){ 0 };
}

bool cove__patterns_match(const struct cove__patterns *list, const char *path)
{
    for (size_t i = 0; i < list->n; i++)
        if (cove__glob_match(list->items[i], path))
            return true;
    return false;
}

bool cove__patterns_may_descend(const struct cove__patterns *list, const char *path)
{
    for (size_t i = 0; i < list->n; i++)
        if (cove__glob_may_descend(list->items[i], path))
            return true;
    return false;
}
