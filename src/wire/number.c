/* Floating point numbers as text. The digits come from printf's %e, which rounds correctly; the layout is made here. */
#include "wire/number.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct decimal {
    uint64_t digits; /* d1d2…dn */
    int n;           /* how many */
    int exponent;    /* the value is d1.d2…dn times ten to this */
};

/* `value`, positive and finite, rounded to `n` digits. The decimal point, which the locale chooses, is passed over. */
static struct decimal round_to(double value, int n)
{
    struct decimal d = { .n = n };
    char text[48];
    char *p = text;

    snprintf(text, sizeof text, "%.*e", n - 1, value);
    for (; *p != 'e'; p++)
        if (*p >= '0' && *p <= '9')
            d.digits = d.digits * 10 + (uint64_t)(*p - '0');
    d.exponent = atoi(p + 1);
    return d;
}

static bool reads_back(const struct decimal *d, double value)
{
    char text[48];

    snprintf(text, sizeof text, "%" PRIu64 "e%d", d->digits, d->exponent - (d->n - 1));
    return strtod(text, NULL) == value;
}

static struct decimal shortest(double value)
{
    /* A number of up to DBL_DIG digits comes back from a double as it was, so shorter ones show as zeros at the end.
     * Subnormals are less precise: they are tried from one digit on. */
    int first = value < DBL_MIN ? 1 : DBL_DIG;
    struct decimal d = { 0 };

    for (int n = first; n <= DBL_DECIMAL_DIG; n++) {
        d = round_to(value, n);
        if (n == DBL_DECIMAL_DIG || reads_back(&d, value))
            break;
        /* Below a power of two doubles are closer together than above it: the next decimal above may do where the
         * nearest doesn't. */
        d.digits++;
        if (reads_back(&d, value))
            break;
    }
    while (d.n > 1 && d.digits % 10 == 0) {
        d.digits /= 10;
        d.n--;
    }
    return d;
}

double cove__plain_nan(double value)
{
    return isnan(value) ? fabs(value) : value;
}

int cove__format_double(double value, char out[COVE__DOUBLE_TEXT_MAX])
{
    const char *sign = signbit(value) ? "-" : "";
    char digits[24];
    struct decimal d;

    if (isnan(value))
        return snprintf(out, COVE__DOUBLE_TEXT_MAX, "nan");
    if (isinf(value))
        return snprintf(out, COVE__DOUBLE_TEXT_MAX, "%sinf", sign);
    if (value == 0)
        return snprintf(out, COVE__DOUBLE_TEXT_MAX, "%s0.0", sign);
    d = shortest(fabs(value));
    snprintf(digits, sizeof digits, "%" PRIu64, d.digits);
    if (d.exponent < -4 || d.exponent >= 16)
        return snprintf(out, COVE__DOUBLE_TEXT_MAX, "%s%c%s%se%c%02d", sign, digits[0], d.n > 1 ? "." : "", digits + 1,
                        d.exponent < 0 ? '-' : '+', abs(d.exponent));
    if (d.exponent < 0)
        return snprintf(out, COVE__DOUBLE_TEXT_MAX, "%s0.%.*s%s", sign, -d.exponent - 1, "000", digits);
    if (d.n <= d.exponent + 1)
        return snprintf(out, COVE__DOUBLE_TEXT_MAX, "%s%s%.*s.0", sign, digits, d.exponent + 1 - d.n,
                        "000000000000000");
    return snprintf(out, COVE__DOUBLE_TEXT_MAX, "%s%.*s.%s", sign, d.exponent + 1, digits, digits + d.exponent + 1);
}

static size_t skip_digits(const char *text, size_t size, size_t at)
{
    while (at < size && text[at] >= '0' && text[at] <= '9')
        at++;
    return at;
}

/* The digits go to strtod without the point, which is the locale's: it moves the exponent instead. */
bool cove__parse_double(const char *text, size_t size, double *ret)
{
    char digits[96];
    size_t at = size > 0 && text[0] == '-', whole, end, used = 0;
    long exponent = 0;

    if (size - at == 3 && (memcmp(text + at, "inf", 3) == 0 || memcmp(text + at, "nan", 3) == 0)) {
        double value = text[at] == 'i' ? INFINITY : NAN;
        *ret = at ? -value : value;
        return true;
    }
    whole = skip_digits(text, size, at);
    end = whole < size && text[whole] == '.' ? skip_digits(text, size, whole + 1) : whole;
    if (size > 64 || whole == at || end == whole + 1)
        return false;
    if (end < size) {
        size_t first = end + 1 + (end + 1 < size && (text[end + 1] == '-' || text[end + 1] == '+'));
        if (text[end] != 'e' || first >= size || size - first > 9 || skip_digits(text, size, first) != size)
            return false;
        for (size_t i = first; i < size; i++)
            exponent = exponent * 10 + (text[i] - '0');
        exponent = text[end + 1] == '-' ? -exponent : exponent;
    }
    for (size_t i = 0; i < end; i++)
        if (i != whole)
            digits[used++] = text[i];
    if (end > whole)
        exponent -= (long)(end - whole - 1);
    snprintf(digits + used, sizeof digits - used, "e%ld", exponent);
    *ret = strtod(digits, NULL);
    return true;
}
