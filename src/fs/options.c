/* Named options: sets of them, and filling a backend's struct from a table. Below fs.c, above the backends' tables. */
#include "fs/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "net/header.h"

#define MAX_OPTIONS 256
#define MAX_NAME    64

struct pair {
    char *name, *value;
};

struct cove_options {
    struct pair *pairs; /* in the order of names */
    size_t n, cap;
};

cove_options *cove_options_new(void)
{
    return cove__calloc(1, sizeof(cove_options));
}

void cove_options_free(cove_options *options)
{
    if (!options)
        return;
    for (size_t i = 0; i < options->n; i++) {
        cove__free(options->pairs[i].name);
        cove__wipe(options->pairs[i].value); /* any may be a secret */
    }
    cove__free(options->pairs);
    cove__free(options);
}

/* The place of `name`, or where it would stand. */
static size_t place_of(const cove_options *options, const char *name, int *found)
{
    size_t i = 0;

    while (i < options->n && strcmp(options->pairs[i].name, name) < 0)
        i++;
    *found = i < options->n && strcmp(options->pairs[i].name, name) == 0;
    return i;
}

int cove_options_set(cove_options *options, const char *name, const char *value, struct cove_error *err)
{
    struct pair fresh = { 0 };
    int found;
    size_t i;

    if (!options || !name || !value || !*name || strlen(name) > MAX_NAME)
        return cove__fail(err, COVE_EINVAL, "option: a name of 1 to %d bytes and a value are needed", MAX_NAME);
    i = place_of(options, name, &found);
    fresh.value = cove__strdup(value);
    if (!fresh.value)
        return cove__fail_nomem(err, "an option");
    if (found) {
        cove__wipe(options->pairs[i].value);
        options->pairs[i].value = fresh.value;
        return 0;
    }
    fresh.name = cove__strdup(name);
    if (!fresh.name || cove__grow(&options->pairs, &options->cap, options->n + 1, sizeof fresh, MAX_OPTIONS) < 0) {
        cove__free(fresh.name);
        cove__wipe(fresh.value);
        return options->n >= MAX_OPTIONS ? cove__fail(err, COVE_ELIMIT, "more than %d options", MAX_OPTIONS)
                                         : cove__fail_nomem(err, "an option");
    }
    memmove(options->pairs + i + 1, options->pairs + i, (options->n - i) * sizeof fresh);
    options->pairs[i] = fresh;
    options->n++;
    return 0;
}

const char *cove_options_get(const cove_options *options, const char *name)
{
    int found = 0;
    size_t i = options && name ? place_of(options, name, &found) : 0;

    return found ? options->pairs[i].value : NULL;
}

size_t cove__options_count(const cove_options *options)
{
    return options ? options->n : 0;
}

void cove__options_pair(const cove_options *options, size_t i, const char **ret_name, const char **ret_value)
{
    *ret_name = options->pairs[i].name;
    *ret_value = options->pairs[i].value;
}

cove_options *cove__options_copy(const cove_options *options)
{
    cove_options *copy = cove_options_new();

    for (size_t i = 0; copy && options && i < options->n; i++) {
        if (cove_options_set(copy, options->pairs[i].name, options->pairs[i].value, NULL) < 0) {
            cove_options_free(copy);
            copy = NULL;
        }
    }
    return copy;
}

/* ---- values ---- */

static int parse_bool(const char *text, int *ret)
{
    static const char *const yes[] = { "true", "1", "yes", "on" };
    static const char *const no[] = { "false", "0", "no", "off" };

    for (size_t i = 0; i < 4; i++) {
        if (strcasecmp(text, yes[i]) == 0) {
            *ret = 1;
            return 0;
        }
        if (strcasecmp(text, no[i]) == 0) {
            *ret = 0;
            return 0;
        }
    }
    return -1;
}

/* A number with one of the units; `scale` 1 stands for a bare number's unit. */
static int parse_number(const char *text, const char *const *units, const int64_t *scales, int64_t bare, int64_t *ret)
{
    char *end;
    long long n;
    int64_t scale = bare;

    errno = 0;
    n = strtoll(text, &end, 10);
    if (end == text || errno || isspace((unsigned char)text[0]))
        return -1;
    if (*end) {
        size_t i = 0;

        while (units && units[i] && strcasecmp(units[i], end) != 0)
            i++;
        if (!units || !units[i])
            return -1;
        scale = scales[i];
    }
    return __builtin_mul_overflow((int64_t)n, scale, ret) ? -1 : 0;
}

static int parse_size(const char *text, int64_t *ret)
{
    static const char *const units[] = { "b", "k", "kib", "kb", "m", "mib", "mb", "g", "gib", "gb", NULL };
    static const int64_t scales[] = {
        1, 1 << 10, 1 << 10, 1000, 1 << 20, 1 << 20, 1000000, 1 << 30, 1 << 30, 1000000000
    };

    return parse_number(text, units, scales, 1, ret);
}

static int parse_duration(const char *text, int64_t *ret)
{
    static const char *const units[] = { "ms", "s", "m", "h", NULL };
    static const int64_t scales[] = { 1, 1000, 60000, 3600000 };
    const char *dot = strchr(text, '.');

    if (dot) { /* "0.5": seconds, as Python programs write them */
        char *end;
        double seconds = strtod(text, &end);

        if (*end || !(seconds >= 0 && seconds < 1e9))
            return -1;
        *ret = (int64_t)(seconds * 1000);
        return 0;
    }
    return parse_number(text, units, scales, 1000, ret);
}

static int is_choice(const char *choices, const char *text)
{
    size_t n = strlen(text);

    for (const char *p = choices; *p;) {
        size_t word = strcspn(p, " ");

        if (word == n && strncmp(p, text, n) == 0)
            return 1;
        p += word + strspn(p + word, " ");
    }
    return 0;
}

static int parse_into(const struct cove__option_row *row, const char *text, void *field, struct cove_error *err)
{
    int64_t number = 0;
    int rc = 0;
    char *copy;

    switch (row->type) {
    case COVE__OPTION_BOOL:
        if (parse_bool(text, field) == 0)
            return 0;
        return cove__fail(err, COVE_EINVAL, "option %s: \"%s\" is not true or false", row->name, text);
    case COVE__OPTION_MAYBE:
        if (strcasecmp(text, "auto") == 0) {
            *(int *)field = -1;
            return 0;
        }
        if (parse_bool(text, field) == 0)
            return 0;
        return cove__fail(err, COVE_EINVAL, "option %s: \"%s\" is not auto, true or false", row->name, text);
    case COVE__OPTION_INTEGER:
        rc = parse_number(text, NULL, NULL, 1, &number);
        break;
    case COVE__OPTION_SIZE:
        rc = parse_size(text, &number);
        break;
    case COVE__OPTION_DURATION:
        rc = parse_duration(text, &number);
        break;
    case COVE__OPTION_CHOICE:
        if (!is_choice(row->choices, text))
            return cove__fail(err, COVE_EINVAL, "option %s: \"%s\" is not one of: %s", row->name, text, row->choices);
        __attribute__((fallthrough));
    case COVE__OPTION_STRING:
    case COVE__OPTION_SECRET:
        if (!cove__header_is_valid(cove__slice_str(text))) /* the value may become a header, a URL or a path */
            return cove__fail(err, COVE_EINVAL, "option %s: the value has a line break or another control character",
                              row->name);
        __attribute__((fallthrough));
    case COVE__OPTION_JSON:
        copy = cove__strdup(text);
        if (!copy)
            return cove__fail_nomem(err, "an option");
        if (row->type == COVE__OPTION_SECRET)
            cove__secret_add_owned(copy);
        memcpy(field, &copy, sizeof copy);
        return 0;
    }
    if (rc < 0)
        return cove__fail(err, COVE_EINVAL, "option %s: \"%s\" is not a %s", row->name, text,
                          row->type == COVE__OPTION_SIZE       ? "size such as 8MiB"
                          : row->type == COVE__OPTION_DURATION ? "duration such as 30s"
                                                               : "whole number");
    if ((row->min || row->max) && (number < row->min || number > row->max))
        return cove__fail(err, COVE_EINVAL, "option %s: \"%s\" is not within %lld to %lld", row->name, text,
                          (long long)row->min, (long long)row->max);
    memcpy(field, &number, sizeof number);
    return 0;
}

/* ---- tables ---- */

static const struct cove__option_row *row_of(const struct cove__option_row *rows, const char *name)
{
    for (; rows->name; rows++) {
        if (strcmp(rows->name, name) == 0)
            return rows;
    }
    return NULL;
}

/* Levenshtein distance of two short names. */
static size_t distance(const char *a, const char *b)
{
    size_t row[MAX_NAME + 1];
    size_t n = strlen(b);

    if (n > MAX_NAME)
        return MAX_NAME;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t corner = row[0];

        row[0] = i + 1;
        for (size_t j = 0; j < n; j++) {
            size_t change = corner + (a[i] != b[j]);

            corner = row[j + 1];
            row[j + 1] = corner + 1 < row[j] + 1 ? corner + 1 : row[j] + 1;
            if (change < row[j + 1])
                row[j + 1] = change;
        }
    }
    return row[n];
}

static void nearest(const struct cove__option_row *rows, const char *name, const char **best, size_t *least)
{
    for (; rows->name; rows++) {
        size_t d = distance(name, rows->name);

        if (d < *least) {
            *least = d;
            *best = rows->name;
        }
    }
}

int cove__options_check_names(const struct cove__option_row *rows, const cove_options *options, const char *scheme,
                              struct cove_error *err)
{
    for (size_t i = 0; i < cove__options_count(options); i++) {
        const char *name = options->pairs[i].name;
        const char *best = NULL;
        size_t least = strlen(name) / 3 + 1; /* more is another word */

        if (row_of(rows, name) || row_of(cove__common_options, name))
            continue;
        const char *ours = cove__options_other_name(rows, name);
        nearest(rows, name, &best, &least);
        nearest(cove__common_options, name, &best, &least);
        if (ours)
            best = ours;
        return best ? cove__fail(err, COVE_EINVAL, "%s:// takes no option \"%s\"; did you mean \"%s\"?", scheme, name,
                                 best)
                    : cove__fail(err, COVE_EINVAL, "%s:// takes no option \"%s\"; `cove fs %s` lists what it takes",
                                 scheme, name, scheme);
    }
    return 0;
}

static const char *from_environment(const char *names)
{
    char name[MAX_NAME + 1];

    for (const char *p = names; p && *p;) {
        size_t n = strcspn(p, " ");
        const char *value;

        if (n <= MAX_NAME) {
            memcpy(name, p, n);
            name[n] = '\0';
            value = getenv(name);
            if (value && *value)
                return value;
        }
        p += n + strspn(p + n, " ");
    }
    return NULL;
}

int cove__options_fill(const struct cove__option_row *rows, const cove_options *options, const char *scheme,
                       void *target, struct cove_error *err)
{
    int rc = cove__options_check_names(rows, options, scheme, err);

    for (const struct cove__option_row *row = rows; rc == 0 && row->name; row++) {
        const char *text = cove_options_get(options, row->name);
        bool from_env = false;

        if (!text) {
            text = from_environment(row->environment);
            from_env = text;
        }
        if (!text)
            text = row->fallback;
        if (text)
            rc = parse_into(row, text, (char *)target + row->offset, err);
        if (rc < 0 && from_env)
            rc = cove__error_prefix(err, rc, "environment (%s)", row->environment);
    }
    return rc;
}

static int is_string(enum cove__option_type type)
{
    return type == COVE__OPTION_STRING || type == COVE__OPTION_SECRET || type == COVE__OPTION_JSON ||
           type == COVE__OPTION_CHOICE;
}

void cove__options_clear(const struct cove__option_row *rows, void *target)
{
    for (; rows->name; rows++) {
        char *text;

        if (!is_string(rows->type))
            continue;
        memcpy(&text, (char *)target + rows->offset, sizeof text);
        cove__wipe(text); /* a JSON object or a proxy's URL may hold a secret, too */
        text = NULL;
        memcpy((char *)target + rows->offset, &text, sizeof text);
    }
}
