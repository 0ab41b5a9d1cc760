/* See pairs.h. For the public calls (properties.c), the writer, and backends that read metadata and tags. */
#include "fs/pairs.h"

#include <strings.h>

#include "base/error.h"
#include "base/mem.h"

/* A NUL would end the text early for its reader. */
static void add_text(struct cove__buf *out, struct cove__slice text)
{
    const void *nul = text.size > 0 ? memchr(text.data, '\0', text.size) : NULL;

    cove__buf_add(out, text.data, nul ? (size_t)((const uint8_t *)nul - text.data) : text.size);
    cove__buf_add_char(out, '\0');
}

void cove__pairs_add(struct cove__pairs *pairs, struct cove__slice name, struct cove__slice value)
{
    add_text(&pairs->text, name);
    add_text(&pairs->text, value);
    pairs->n++;
}

void cove__pairs_done(struct cove__pairs *pairs)
{
    cove__buf_done(&pairs->text);
    pairs->n = 0;
}

int cove__pairs_take(struct cove__pairs *pairs, struct cove_pair **ret, size_t *ret_n)
{
    int rc = cove__buf_rc(&pairs->text);
    size_t n = pairs->n;
    struct cove_pair *made = NULL;

    if (rc == 0 && n > 0) {
        made = cove__malloc(n * sizeof *made + pairs->text.size);
        rc = made ? 0 : COVE_ENOMEM;
    }
    if (made) {
        char *at = (char *)(made + n);

        memcpy(at, pairs->text.data, pairs->text.size);
        for (size_t i = 0; i < n; i++) {
            made[i].name = at;
            at += strlen(at) + 1;
            made[i].value = at;
            at += strlen(at) + 1;
        }
    }
    cove__pairs_done(pairs);
    if (rc < 0)
        return rc;
    *ret = made;
    *ret_n = n;
    return 0;
}

int cove__pairs_copy(const struct cove_pair *pairs, size_t n, struct cove_pair **ret, size_t *ret_n)
{
    struct cove__pairs copy = COVE__PAIRS_INIT;

    for (size_t i = 0; i < n; i++) {
        if (pairs[i].value)
            cove__pairs_add(&copy, cove__slice_str(pairs[i].name), cove__slice_str(pairs[i].value));
    }
    return cove__pairs_take(&copy, ret, ret_n);
}

/* A token of RFC 9110. */
static bool is_name(const char *name)
{
    return *name && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~") ==
                        strlen(name);
}

/* What comes back as it was sent: HTTP takes blanks at the ends away, and stores change what is not ASCII. */
static bool is_value(const char *value)
{
    size_t n = strlen(value);

    for (size_t i = 0; i < n; i++) {
        if (value[i] < ' ' || value[i] > '~')
            return false;
    }
    return n == 0 || (value[0] != ' ' && value[n - 1] != ' ');
}

int cove__metadata_check(const struct cove_pair *pairs, size_t n, bool removals, const struct cove__ctx *ctx,
                         struct cove_error *err)
{
    if (n > COVE__PAIRS_MAX)
        return cove__fs_fail(err, ctx, COVE_ELIMIT, "%zu pairs of metadata are more than %zu", n, COVE__PAIRS_MAX);
    if (n > 0 && !pairs)
        return cove__fs_fail(err, ctx, COVE_EINVAL, "no metadata was given");
    for (size_t i = 0; i < n; i++) {
        const char *name = pairs[i].name;

        if (!name || !is_name(name) || strcasecmp(name, COVE__WRITE_MARK) == 0)
            return cove__fs_fail(err, ctx, COVE_EINVAL, "\"%.64s\" cannot be a name of metadata", name ? name : "");
        if (pairs[i].value ? !is_value(pairs[i].value) : !removals)
            return cove__fs_fail(err, ctx, COVE_EINVAL, "the metadata %.64s has a value that is not of printable ASCII",
                                 name);
        for (size_t k = 0; k < i; k++) {
            if (strcasecmp(name, pairs[k].name) == 0)
                return cove__fs_fail(err, ctx, COVE_EINVAL, "the metadata %.64s is named twice", name);
        }
    }
    return 0;
}
