/* See names.h. Called at the start of each run, by cove_trainer_log, and by the constructors of callbacks and loggers.
 */
#include "trainer/names.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

#define SHOWN 80 /* bytes of a bad name in a message */

static bool has_control(const char *s)
{
    for (; *s; s++) {
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return true;
    }
    return false;
}

/* Shows bytes that are not printable ASCII as \xNN; a long name is truncated. */
static void escape(const char *s, char out[4 * SHOWN + 4])
{
    size_t n = 0, i = 0;
    for (; s[i] && i < SHOWN; i++) {
        unsigned char c = (unsigned char)s[i];
        n += (size_t)snprintf(out + n, 5, c < 0x20 || c >= 0x7f ? "\\x%02x" : "%c", c);
    }
    snprintf(out + n, 4, "%s", s[i] ? "..." : "");
}

static int refuse(const char *what, const char *s, const char *why, struct cove_error *err)
{
    char shown[4 * SHOWN + 4];
    escape(s, shown);
    return cove__fail(err, COVE_EINVAL, "%s \"%s\" %s", what, shown, why);
}

int cove__check_text(const char *what, const char *text, struct cove_error *err)
{
    return !text || cove__text_is_utf8(text) ? 0 : refuse(what, text, "is not UTF-8", err);
}

int cove__check_name(const char *what, const char *name, struct cove_error *err)
{
    if (!name || !*name)
        return cove__fail(err, COVE_EINVAL, "%s is %s", what, name ? "empty" : "NULL");
    if (has_control(name))
        return refuse(what, name, "has control characters", err);
    return cove__check_text(what, name, err);
}

int cove__check_hparams(const struct cove_hparam *hparams, size_t n, struct cove_error *err)
{
    char what[64];
    int rc;
    if (n > 0 && !hparams)
        return cove__fail(err, COVE_EINVAL, "module: n_hparams is %zu, but hparams is NULL", n);
    for (size_t i = 0; i < n; i++) {
        const struct cove_hparam *h = &hparams[i];
        snprintf(what, sizeof what, "module: hparams[%zu]: the name", i);
        if ((rc = cove__check_name(what, h->name, err)) < 0)
            return rc;
        for (size_t j = 0; j < i; j++) {
            if (strcmp(hparams[j].name, h->name) == 0)
                return cove__fail(err, COVE_EINVAL, "module: two hparams are named %s", h->name);
        }
        if (h->type != COVE_HPARAM_STRING && h->type != COVE_HPARAM_NUMBER && h->type != COVE_HPARAM_BOOL)
            return cove__fail(err, COVE_EINVAL, "module: hparams[%zu] (%s) has an unknown type %d", i, h->name,
                              (int)h->type);
        snprintf(what, sizeof what, "module: hparams[%zu]: the value", i);
        if (h->type == COVE_HPARAM_STRING && (rc = cove__check_text(what, h->string, err)) < 0)
            return rc;
    }
    return 0;
}
