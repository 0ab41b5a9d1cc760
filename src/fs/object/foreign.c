/* What the beginning of a response shows of where it comes from. */
#include "fs/object/foreign.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define BEGIN 512 /* bytes of a response, in which a page of HTML shows that it is one */

bool cove__object_is_html(struct cove__slice body)
{
    char text[BEGIN + 1];
    size_t n = 0;

    for (; n < BEGIN && n < body.size && body.data[n] != '\0'; n++)
        text[n] = (char)tolower(body.data[n]);
    text[n] = '\0';
    return strstr(text, "<html") || strstr(text, "<!doctype html");
}

static bool begins_with(struct cove__slice body, uint8_t c)
{
    size_t i = body.size >= 3 && memcmp(body.data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;

    while (i < body.size && isspace(body.data[i]))
        i++;
    return i < body.size && body.data[i] == c;
}

const char *cove__object_foreign(enum cove__object_format format, struct cove__slice body)
{
    if (cove__object_is_html(body))
        return "the response is a page of HTML";
    if (format == COVE__OBJECT_XML && !begins_with(body, '<'))
        return "the response is not XML";
    if (format == COVE__OBJECT_JSON && !begins_with(body, '{'))
        return "the response is not JSON";
    return NULL;
}

void cove__object_body_text(struct cove__slice body, char out[COVE__FOREIGN_TEXT_MAX])
{
    size_t n = 0;

    if (cove__object_is_html(body)) {
        snprintf(out, COVE__FOREIGN_TEXT_MAX, "a page of HTML");
        return;
    }
    for (size_t i = 0; i < body.size && n < COVE__FOREIGN_TEXT_MAX - 1; i++) {
        uint8_t c = body.data[i];

        if (!isspace(c))
            out[n++] = c > ' ' && c < 0x7f ? (char)c : '?';
        else if (n > 0 && out[n - 1] != ' ')
            out[n++] = ' ';
    }
    while (n > 0 && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
    if (n == 0)
        snprintf(out, COVE__FOREIGN_TEXT_MAX, "no body");
}

struct cove__slice cove__object_endpoint_of(struct cove__slice url)
{
    size_t i = 0;

    for (unsigned slashes = 0; i < url.size && slashes < 3; i++)
        slashes += url.data[i] == '/';
    return cove__slice_sub(url, 0, i > 0 && url.data[i - 1] == '/' ? i - 1 : i);
}
