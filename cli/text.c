/* Makes untrusted text (names, tags, keys, messages) safe for a terminal. For output.c and main.c. */
#include <string.h>

#include "cli.h"

size_t cli_character(const char *s, size_t left, uint32_t *ret_point)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned char *p = (const unsigned char *)s;
    size_t n = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
    uint32_t point = n == 1 ? p[0] : p[0] & (0x7fu >> n);

    *ret_point = CLI_NO_CHARACTER;
    if (n == 0 || n > left)
        return 1;
    for (size_t i = 1; i < n; i++) {
        if (p[i] >> 6 != 2)
            return 1;
        point = point << 6 | (p[i] & 0x3f);
    }
    if (point < least[n] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
        return 1;
    *ret_point = point;
    return n;
}

unsigned cli_surrogate(const char *text, size_t left)
{
    const unsigned char *p = (const unsigned char *)text;

    if (left < 3 || p[0] != 0xed || p[1] < 0xa0 || p[1] > 0xbf || p[2] >> 6 != 2)
        return 0;
    return 0xd000u | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
}

/* Control characters may change the terminal; bidirectional controls and line ends can disguise a name. */
bool cli_is_plain(uint32_t point)
{
    return point != CLI_NO_CHARACTER && point >= 0x20 && (point < 0x7f || point > 0x9f) && point != 0x61c &&
           point != 0x200e && point != 0x200f && (point < 0x2028 || point > 0x202e) &&
           (point < 0x2066 || point > 0x2069);
}

void cli_make_plain(char *text)
{
    size_t left = strlen(text);
    char *to = text;

    for (const char *from = text; left > 0;) {
        uint32_t point;
        size_t n = cli_character(from, left, &point);

        if (cli_is_plain(point)) {
            memmove(to, from, n);
            to += n;
        } else {
            *to++ = '?';
        }
        from += n;
        left -= n;
    }
    *to = '\0';
}
