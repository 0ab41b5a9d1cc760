/* {a,b} in patterns: written out before matching, so that fs/glob.c never sees a brace that stands for a choice. */
#include <string.h>

#include <cove/error.h>

#include "base/buf.h"
#include "base/mem.h"
#include "fs/glob.h"

#define MAX_PATTERNS      1024 /* {a,b} ten times over */
#define MAX_PATTERN_BYTES ((size_t)64 << 10)
#define MAX_DEPTH         64

/* Behind the class or the single character at p. `last`: the pattern's last ']' (NULL: none), so that brackets that
 * never close cost no search each. */
static const char *skip_one(const char *p, const char *last)
{
    const char *from = *p == '[' ? (p[1] && p[2] ? p + 2 : p) : NULL;

    return from && last && from <= last ? strchr(from, ']') + 1 : p + 1;
}

/* The first brace that stands for a choice, with its end; NULL: none. One walk, whatever stays open; a brace nested
 * deeper than MAX_DEPTH waits until those around it are gone. */
static const char *first_choice(const char *pattern, const char **ret_end)
{
    struct {
        const char *open;
        bool choices; /* there is a comma, at this brace's own depth */
    } levels[MAX_DEPTH];
    const char *last = strrchr(pattern, ']'), *best = NULL;
    size_t depth = 0; /* may be above MAX_DEPTH */

    for (const char *p = pattern; *p; p = skip_one(p, last)) {
        if (*p == '{') {
            if (depth < MAX_DEPTH) {
                levels[depth].open = p;
                levels[depth].choices = false;
            }
            depth++;
        } else if (*p == ',' && depth > 0 && depth <= MAX_DEPTH) {
            levels[depth - 1].choices = true;
        } else if (*p == '}' && depth > 0 && depth-- <= MAX_DEPTH && levels[depth].choices &&
                   (!best || levels[depth].open < best)) {
            best = levels[depth].open;
            *ret_end = p;
            if (depth == 0)
                break; /* all that follow begin later */
        }
    }
    return best;
}

/* The end of the alternative that begins at p, at the latest `end`. */
static const char *alternative_end(const char *p, const char *end)
{
    const char *last = strrchr(p, ']');
    unsigned depth = 0;

    for (; p < end; p = skip_one(p, last)) {
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
    const char *end = NULL;

    return first_choice(pattern, &end);
}

bool cove__glob_has_magic(const char *pattern)
{
    return strpbrk(pattern, "*?[") || cove__glob_has_braces(pattern);
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
            rc = cove__buf_rc(&one);
            char *written = cove__buf_take(&one);
            if (rc == 0 && !written)
                rc = COVE_ENOMEM;
            if (p == open + 1)
                list->items[i] = written;
            else if (rc == 0)
                rc = add(list, written);
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
