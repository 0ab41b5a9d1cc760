/* Hexadecimal digits, of either case. */
#ifndef COVE_BASE_HEX_H
#define COVE_BASE_HEX_H

/* The value of one digit; -1: not a hexadecimal digit. */
static inline int cove__hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that the two digits at `at` write; -1: they are not digits. The second is read only if the first is a digit,
 * so the text may end after either. */
static inline int cove__hex_byte(const char *at)
{
    int high = cove__hex_digit(at[0]), low = high >= 0 ? cove__hex_digit(at[1]) : -1;

    return low >= 0 ? high * 16 + low : -1;
}

#endif
