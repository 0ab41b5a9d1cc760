/* Text of messages: see text.h. */
#include "base/text.h"

#include <string.h>

#include "base/secret.h"

/* A cut in the middle of a UTF-8 character would make the whole message unreadable to strict readers. */
void cove__text_trim(char *text, size_t room)
{
    size_t n = strnlen(text, room);
    size_t i = n;

    if (n + 1 < room)
        return;
    while (i > 0 && ((unsigned char)text[i - 1] & 0xC0) == 0x80)
        i--;
    if (i > 0 && (unsigned char)text[i - 1] >= 0xC0)
        text[i - 1] = '\0';
}

/* The length of the UTF-8 character at `text`; 0: there is no valid one. Stops at the terminating NUL. */
static size_t utf8_length(const unsigned char *text)
{
    size_t more = text[0] < 0xC2 || text[0] > 0xF4 ? 0 : text[0] < 0xE0 ? 1 : text[0] < 0xF0 ? 2 : 3;
    unsigned char low = text[0] == 0xE0 ? 0xA0 : text[0] == 0xF0 ? 0x90 : 0x80; /* the shortest form only */
    unsigned char high = text[0] == 0xED   ? 0x9F
                         : text[0] == 0xF4 ? 0x8F
                                           : 0xBF; /* no surrogates, none above U+10FFFF */

    for (size_t i = 1; i <= more; i++) {
        if (text[i] < (i == 1 ? low : 0x80) || text[i] > (i == 1 ? high : 0xBF))
            return 0;
    }
    return text[0] < 0x80 || more > 0 ? more + 1 : 0;
}

size_t cove__text_character(const char *text, uint32_t *ret_character)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t n = utf8_length(p);
    uint32_t c = n == 0 ? 0xDC00u + p[0] : n == 1 ? p[0] : p[0] & (0x7Fu >> n);

    for (size_t i = 1; i < n; i++)
        c = c << 6 | (p[i] & 0x3Fu);
    *ret_character = c;
    return n > 0 ? n : 1;
}

bool cove__text_is_utf8(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t n = 1;

    for (; *p && n > 0; p += n)
        n = utf8_length(p);
    return n > 0;
}

/* Bidirectional control characters: with them one name can be displayed as another. */
static bool is_direction(const unsigned char *p)
{
    if (p[0] == 0xD8)
        return p[1] == 0x9C;
    if (p[0] != 0xE2)
        return false;
    return p[1] == 0x80 ? p[2] == 0x8E || p[2] == 0x8F || (p[2] >= 0xA8 && p[2] <= 0xAE)
                        : p[1] == 0x81 && p[2] >= 0xA6 && p[2] <= 0xA9;
}

/* Replaces control characters (a terminal may obey them), line ends and bidirectional controls with blanks, and invalid
 * UTF-8 with question marks. */
static void make_plain(char *text)
{
    unsigned char *p = (unsigned char *)text;

    while (*p) {
        size_t n = utf8_length(p);

        if (n == 0)
            *p = '?';
        else if (*p < ' ' || *p == 0x7F || (*p == 0xC2 && p[1] < 0xA0) || (n > 1 && is_direction(p)))
            memset(p, ' ', n);
        p += n > 0 ? n : 1;
    }
}

void cove__text_line(char *text, size_t room)
{
    cove__text_trim(text, room);
    cove__secrets_hide(text);
    make_plain(text);
}
