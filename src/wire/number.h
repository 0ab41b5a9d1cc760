/* Floating point numbers as text, whatever the process's locale. */
#ifndef COVE_WIRE_NUMBER_H
#define COVE_WIRE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

#define COVE__DOUBLE_TEXT_MAX 32

/* For printf's %f, %e and %g: a nan without its sign, which printf would write ("-nan") and Python doesn't. */
double cove__plain_nan(double value);
/* As Python's repr writes a float: the fewest digits that read back as the same number ("0.1", "1.0", "1e-05", "1e+16",
 * "nan", "-inf"). Gives the length. */
int cove__format_double(double value, char out[COVE__DOUBLE_TEXT_MAX]);
/* Reads a decimal number as Python does, without spaces, underscores or a leading plus: "0.1", "1e-05", "-inf", "nan".
 * Text of more than 64 bytes is refused. */
bool cove__parse_double(const char *text, size_t size, double *ret);

#endif
