/* See columns.h. Used by the progress bar. */
#include "trainer/columns.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"

#define ELLIPSIS "…"

/* Unicode's East Asian Width W and F, and emoji, in blocks; narrow characters inside a block count as wide. */
static const struct {
    uint32_t first, last;
} wide[] = { { 0x1100, 0x115F },   { 0x231A, 0x231B },   { 0x23E9, 0x23F3 },   { 0x2614, 0x2615 },
             { 0x2648, 0x2653 },   { 0x26A1, 0x26A1 },   { 0x2705, 0x2705 },   { 0x2753, 0x2757 },
             { 0x2B50, 0x2B50 },   { 0x2E80, 0x303E },   { 0x3041, 0xA4CF },   { 0xA960, 0xA97C },
             { 0xAC00, 0xD7A3 },   { 0xF900, 0xFAFF },   { 0xFE30, 0xFE6F },   { 0xFF01, 0xFF60 },
             { 0xFFE0, 0xFFE6 },   { 0x16FE0, 0x18CFF }, { 0x1AFF0, 0x1B2FB }, { 0x1F004, 0x1F004 },
             { 0x1F18E, 0x1F19A }, { 0x1F200, 0x1F64F }, { 0x1F680, 0x1F6FF }, { 0x1F7E0, 0x1F7F0 },
             { 0x1F900, 0x1FAFF }, { 0x20000, 0x3FFFD } };

/* Combining marks. Those that are not listed count as one column, so the line is shorter than it could be. */
static const struct {
    uint32_t first, last;
} narrow[] = { { 0x300, 0x36F },   { 0x483, 0x489 },   { 0x591, 0x5BD },   { 0x610, 0x61A },   { 0x64B, 0x65F },
               { 0x1AB0, 0x1AFF }, { 0x1DC0, 0x1DFF }, { 0x200B, 0x200D }, { 0x20D0, 0x20FF }, { 0xFE00, 0xFE0F } };

static int columns_of(uint32_t c)
{
    for (size_t i = 0; i < sizeof narrow / sizeof *narrow; i++) {
        if (c >= narrow[i].first && c <= narrow[i].last)
            return 0;
    }
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        if (c >= wide[i].first && c <= wide[i].last)
            return 2;
    }
    return 1;
}

int cove__columns(const char *text)
{
    int columns = 0;
    uint32_t c;
    for (; *text; columns += columns_of(c))
        text += cove__text_character(text, &c);
    return columns;
}

int cove__columns_cut(char *text, size_t room, int most)
{
    char *p = text;
    int columns = 0, next;
    uint32_t c;
    if (cove__columns(text) <= most)
        return cove__columns(text);
    size_t n = cove__text_character(p, &c);
    while ((next = columns_of(c)) + columns < most) {
        columns += next;
        p += n;
        n = cove__text_character(p, &c);
    }
    if ((size_t)(p - text) + sizeof ELLIPSIS > room)
        *p = '\0';
    else
        memcpy(p, ELLIPSIS, sizeof ELLIPSIS);
    return columns + 1;
}
