/* See repr.h. Used for the state keys of ModelCheckpoint and EarlyStopping. */
#include "trainer/repr.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

/* What Python does not print as it is: controls, format characters, separators but the blank, private use. */
static bool is_printable(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } hidden[] = {
        { 0x00, 0x1f },       { 0x7f, 0xa0 },       { 0xad, 0xad },         { 0x600, 0x605 },     { 0x61c, 0x61c },
        { 0x6dd, 0x6dd },     { 0x70f, 0x70f },     { 0x890, 0x891 },       { 0x8e2, 0x8e2 },     { 0x1680, 0x1680 },
        { 0x180e, 0x180e },   { 0x2000, 0x200f },   { 0x2028, 0x202f },     { 0x205f, 0x2064 },   { 0x2066, 0x206f },
        { 0x3000, 0x3000 },   { 0xe000, 0xf8ff },   { 0xfeff, 0xfeff },     { 0xfff9, 0xfffb },   { 0x110bd, 0x110bd },
        { 0x110cd, 0x110cd }, { 0x13430, 0x1343f }, { 0x1bca0, 0x1bca3 },   { 0x1d173, 0x1d17a }, { 0xe0001, 0xe0001 },
        { 0xe0020, 0xe007f }, { 0xf0000, 0xffffd }, { 0x100000, 0x10fffd },
    };
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
        if (c >= hidden[i].first && c <= hidden[i].last)
            return false;
    }
    return true;
}

static void add_hidden(struct cove__buf *out, uint32_t c)
{
    if (c < 0x100)
        cove__buf_addf(out, "\\x%02x", (unsigned)c);
    else
        cove__buf_addf(out, c < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)c);
}

void cove__add_repr(struct cove__buf *out, const char *text)
{
    char quote = strchr(text, '\'') && !strchr(text, '"') ? '"' : '\'';
    uint32_t c;
    size_t n;
    cove__buf_addf(out, "%c", quote);
    for (const char *p = text; *p; p += n) {
        n = cove__text_character(p, &c);
        if (c == '\n' || c == '\r' || c == '\t')
            cove__buf_addf(out, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
        else if (c == (unsigned char)quote || c == '\\')
            cove__buf_addf(out, "\\%c", (int)c);
        else if (!is_printable(c))
            add_hidden(out, c);
        else
            cove__buf_addf(out, "%.*s", (int)n, p);
    }
    cove__buf_addf(out, "%c", quote);
}
