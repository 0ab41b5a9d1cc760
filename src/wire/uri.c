/* Percent-encoding: see uri.h. */
#include "wire/uri.h"

#include <cove/error.h>

#include "base/hex.h"

static bool is_unreserved(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

int cove__uri_encode(struct cove__buf *out, struct cove__slice text, bool keep_slash)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t plain = 0;

    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (is_unreserved(c) || (c == '/' && keep_slash))
            continue;
        char code[3] = { '%', digits[c >> 4], digits[c & 15] };
        cove__buf_add(out, text.data + plain, i - plain);
        cove__buf_add(out, code, 3);
        plain = i + 1;
    }
    if (plain < text.size) /* an empty slice may have no memory at all */
        cove__buf_add(out, text.data + plain, text.size - plain);
    return cove__buf_rc(out);
}

int cove__uri_add_pair(struct cove__buf *query, const char *name, struct cove__slice value)
{
    if (query->size > 0)
        cove__buf_add_char(query, '&');
    cove__buf_add_str(query, name);
    cove__buf_add_char(query, '=');
    return cove__uri_encode(query, value, false);
}

static int decode(struct cove__buf *out, struct cove__slice text, bool is_form)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = (char)text.data[i];
        if (c == '+' && is_form) {
            c = ' ';
        } else if (c == '%') {
            int byte = i + 2 < text.size ? cove__hex_byte((const char *)text.data + i + 1) : -1;
            if (byte <= 0)
                return COVE_EPROTOCOL;
            c = (char)byte;
            i += 2;
        }
        cove__buf_add_char(out, c);
    }
    return cove__buf_rc(out);
}

int cove__uri_decode(struct cove__buf *out, struct cove__slice text)
{
    return decode(out, text, false);
}

int cove__form_decode(struct cove__buf *out, struct cove__slice text)
{
    return decode(out, text, true);
}
