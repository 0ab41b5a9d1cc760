/* Templates of checkpoint names; a pure function. ModelCheckpoint checks its template with it once, and then makes each
 * name. */
#include "trainer/filename.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "wire/number.h"

#define MAX_FIELD  ((size_t)1024) /* bytes of a name in braces, and of a formatted number */
#define MAX_DIGITS 100            /* of a width or a precision */

struct spec {
    bool zero;
    int width, precision; /* -1: none */
    char type;            /* 0: none */
};

/* A number of at most two digits' worth; -1 where there is none, -2 beyond the limit. */
static int small_number(const char **p)
{
    int n = -1;
    for (; **p >= '0' && **p <= '9'; (*p)++) {
        n = (n < 0 ? 0 : n) * 10 + (**p - '0');
        if (n > MAX_DIGITS)
            return -2;
    }
    return n;
}

static bool parse_spec(const char *text, struct spec *ret)
{
    struct spec s = { .width = -1, .precision = -1 };
    const char *p = text;
    if (*p == '0') {
        s.zero = true;
        p++;
    }
    s.width = small_number(&p);
    if (*p == '.') {
        p++;
        s.precision = small_number(&p);
        if (s.precision < 0)
            return false;
    }
    if (*p && strchr("dfFeEgG", *p))
        s.type = *p++;
    *ret = s;
    return *p == '\0' && s.width != -2 && (s.type != 'd' || s.precision < 0);
}

static int add_number(const struct spec *s, const struct cove__field *value, struct cove__buf *out)
{
    char text[MAX_FIELD], number[COVE__DOUBLE_TEXT_MAX];
    double d = cove__plain_nan(value->is_int ? (double)value->i : value->d);
    int width = s->width < 0 ? 0 : s->width, n;
    if (s->type == 'd' || (!s->type && value->is_int && s->precision < 0)) {
        n = snprintf(text, sizeof text, s->zero ? "%0*lld" : "%*lld", width, (long long)value->i);
    } else if (!s->type && s->precision < 0) {
        cove__format_double(d, number);
        n = snprintf(text, sizeof text, "%*s", width, number);
    } else {
        char format[16] = { '%', 0 };
        snprintf(format + 1, sizeof format - 1, "%s*.*%c", s->zero ? "0" : "", s->type ? s->type : 'g');
        /* -Wformat-nonliteral has nothing to check here: type and arguments are fixed by the table of types above. */
        n = snprintf(text, sizeof text, format, width, s->precision < 0 ? 6 : s->precision, d);
    }
    if (n < 0 || (size_t)n >= sizeof text)
        return COVE_ELIMIT;
    /* A process may have set a locale with a decimal comma. */
    for (char *comma = text; (comma = strchr(comma, ','));)
        *comma = '.';
    return cove__buf_add_str(out, text);
}

static int add_field(const char *name, const char *spec_text, bool insert, cove__field_fn field, void *user,
                     struct cove__buf *out, struct cove_error *err)
{
    struct cove__field value = { .is_int = true };
    struct spec spec;
    if (!*name)
        return cove__fail(err, COVE_EINVAL, "filename: an empty name in braces");
    if (!parse_spec(spec_text, &spec))
        return cove__fail(err, COVE_EINVAL,
                          "filename: {%s:%s}: the format must be [0][width][.precision] and one of d f F e E g G", name,
                          spec_text);
    field(user, name, &value);
    if (spec.type == 'd' && !value.is_int)
        return cove__fail(err, COVE_EINVAL, "filename: {%s:%s}: %s is not a whole number", name, spec_text, name);
    if (insert)
        cove__buf_addf(out, "%s=", name);
    add_number(&spec, &value, out);
    return 0;
}

int cove__format_filename(const char *text, bool insert, cove__field_fn field, void *user, struct cove__buf *out,
                          struct cove_error *err)
{
    char name[MAX_FIELD], *spec;
    for (const char *p = text; *p;) {
        const char *end;
        int rc;
        if (*p != '{') {
            cove__buf_add_char(out, *p++);
            continue;
        }
        end = strchr(p, '}');
        if (!end || (size_t)(end - p) > sizeof name || memchr(p + 1, '{', (size_t)(end - p) - 1))
            return cove__fail(err, COVE_EINVAL, "filename: %s: a brace is not closed", text);
        memcpy(name, p + 1, (size_t)(end - p) - 1);
        name[end - p - 1] = '\0';
        spec = strchr(name, ':');
        if (spec)
            *spec++ = '\0';
        if ((rc = add_field(name, spec ? spec : "", insert, field, user, out, err)) < 0)
            return rc;
        p = end + 1;
    }
    if (cove__buf_rc(out) == COVE_ENOMEM)
        return cove__fail_nomem(err, "filename");
    return cove__buf_rc(out) < 0 ? cove__fail(err, COVE_EINVAL, "filename: %s: the name becomes too long", text) : 0;
}

/* ---- which names a template makes ---- */

#define NUMBER '\1' /* stands for a number; templates have no control characters */

/* Bytes of what add_number writes: digits, and the letters of "inf", "nan" and exponents. */
static bool is_of_number(char c)
{
    return c && strchr("0123456789+-. aefinAEFIN", c);
}

/* Whether `name` is `pattern` with a number, or nothing, at each NUMBER. What is literal is matched as early as it can
 * be, which leaves the most to the numbers behind it. */
static bool matches(const char *pattern, size_t n_pattern, const char *name, size_t n_name)
{
    size_t p = 0, i = 0, retry_p = 0, retry_i = 0;
    bool has_number = false;
    while (i < n_name || p < n_pattern) {
        if (p < n_pattern && pattern[p] == NUMBER) {
            has_number = true;
            retry_p = ++p;
            retry_i = i;
        } else if (p < n_pattern && i < n_name && pattern[p] == name[i]) {
            p++;
            i++;
        } else if (has_number && retry_i < n_name && is_of_number(name[retry_i])) {
            i = ++retry_i;
            p = retry_p;
        } else {
            return false;
        }
    }
    return true;
}

/* The length of `name` without "-v1", "-v2" ... at its end; 0: it has none. */
static size_t without_version(const char *name, size_t n)
{
    size_t i = n;
    while (i > 0 && name[i - 1] >= '0' && name[i - 1] <= '9')
        i--;
    return i < n && i >= 2 && name[i - 1] == 'v' && name[i - 2] == '-' ? i - 2 : 0;
}

bool cove__filename_fits(const char *text, bool insert, const char *name)
{
    size_t n = strlen(name), suffix = strlen(COVE__CHECKPOINT_SUFFIX), plain;
    struct cove__buf pattern = COVE__BUF_INIT((size_t)1 << 20);
    bool fits;
    if (n <= suffix || strcmp(name + n - suffix, COVE__CHECKPOINT_SUFFIX) != 0)
        return false;
    n -= suffix;
    for (const char *p = text; *p;) {
        const char *end = *p == '{' ? strchr(p, '}') : NULL;
        if (!end) {
            cove__buf_add_char(&pattern, *p++);
            continue;
        }
        if (insert) {
            cove__buf_add(&pattern, p + 1, strcspn(p + 1, ":}"));
            cove__buf_add_char(&pattern, '=');
        }
        cove__buf_add_char(&pattern, NUMBER);
        p = end + 1;
    }
    plain = without_version(name, n);
    fits = cove__buf_rc(&pattern) == 0 && (matches(cove__buf_str(&pattern), pattern.size, name, n) ||
                                           (plain > 0 && matches(cove__buf_str(&pattern), pattern.size, name, plain)));
    cove__buf_done(&pattern);
    return fits;
}
