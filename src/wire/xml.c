/* Responses of stores in XML, by expat: between the backends (src/fs) and the bytes of a response. */
#include "wire/xml.h"

#include <cove/error.h>
#include <expat.h>
#include <limits.h>

#include "base/mem.h"

struct reader {
    XML_Parser parser;
    const struct cove__xml_handler *handler;
    void *user;
    struct cove__buf path, text;
    size_t depth;
    int rc; /* why the reading was stopped */
};

static void stop(struct reader *r, int rc)
{
    if (r->rc == 0)
        r->rc = rc;
    XML_StopParser(r->parser, XML_FALSE);
}

static const char *local_name(const char *name)
{
    const char *colon = strrchr(name, ':');
    return colon ? colon + 1 : name;
}

static void on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
    struct reader *r = user;
    if (r->depth == COVE__XML_DEPTH_MAX) {
        stop(r, COVE_ELIMIT);
        return;
    }
    if (r->depth == 0 && r->handler->root && strcmp(local_name(name), r->handler->root) != 0) {
        stop(r, COVE_EPROTOCOL);
        return;
    }
    if (r->depth++ > 0)
        cove__buf_add_char(&r->path, '/');
    cove__buf_add_str(&r->path, local_name(name));
    cove__buf_reset(&r->text);
    int rc = cove__buf_rc(&r->path);
    if (rc == 0 && r->handler->start)
        rc = r->handler->start(r->user, cove__buf_str(&r->path));
    for (size_t i = 0; rc == 0 && r->handler->attribute && attributes[i]; i += 2)
        rc = r->handler->attribute(r->user, cove__buf_str(&r->path), local_name(attributes[i]), attributes[i + 1]);
    if (rc < 0)
        stop(r, rc);
}

static void on_end(void *user, const XML_Char *name)
{
    struct reader *r = user;
    if (r->rc < 0)
        return; /* an empty element still gets its end after a stop in its start */
    int rc = r->handler->end(r->user, cove__buf_str(&r->path), cove__buf_slice(&r->text));
    if (rc < 0) {
        stop(r, rc);
        return;
    }
    size_t size = r->path.size;
    while (size > 0 && r->path.data[size - 1] != '/')
        size--;
    if (size > 0)
        size--;
    r->path.size = size;
    r->path.data[size] = '\0';
    r->depth--;
    cove__buf_reset(&r->text);
}

static void on_text(void *user, const XML_Char *text, int length)
{
    struct reader *r = user;
    int rc = cove__buf_add(&r->text, text, (size_t)length);
    if (rc < 0)
        stop(r, rc);
}

static void on_doctype(void *user, const XML_Char *name, const XML_Char *system_id, const XML_Char *public_id,
                       int has_internal_subset)
{
    stop(user, COVE_EPROTOCOL);
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int cove__xml_read(struct cove__slice document, const struct cove__xml_handler *handler, void *user)
{
    static const XML_Memory_Handling_Suite memory = { cove__malloc, cove__realloc, cove__free };
    struct reader r = { .handler = handler, .user = user };

    /* Stores keep a slow response alive with blanks, which may not stand before the declaration. */
    while (document.size > 0 && is_blank(document.data[0]))
        document = cove__slice_sub(document, 1, SIZE_MAX);
    if (document.size > INT_MAX)
        return COVE_ELIMIT;
    cove__buf_init(&r.path, COVE__XML_PATH_MAX);
    cove__buf_init(&r.text, COVE__XML_TEXT_MAX);
    r.parser = XML_ParserCreate_MM(NULL, &memory, NULL);
    if (!r.parser)
        return COVE_ENOMEM;
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, on_start, on_end);
    XML_SetCharacterDataHandler(r.parser, on_text);
    XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
    enum XML_Status status = XML_Parse(r.parser, (const char *)document.data, (int)document.size, XML_TRUE);
    if (status != XML_STATUS_OK && r.rc == 0)
        r.rc = XML_GetErrorCode(r.parser) == XML_ERROR_NO_MEMORY ? COVE_ENOMEM : COVE_EPROTOCOL;
    XML_ParserFree(r.parser);
    cove__buf_done(&r.path);
    cove__buf_done(&r.text);
    return r.rc;
}

/* Bytes of the UTF-8 character at `p` that XML 1.0 can hold, or 0. */
static size_t character(const uint8_t *p, size_t left)
{
    uint8_t c = p[0];
    size_t n = c < 0x80 ? 1 : c >= 0xC2 && c < 0xE0 ? 2 : (c & 0xF0) == 0xE0 ? 3 : c >= 0xF0 && c < 0xF5 ? 4 : 0;
    if (n == 0 || n > left)
        return 0;
    if (n == 1)
        return c >= 0x20 || c == '\t' || c == '\n' || c == '\r' ? 1 : 0;
    uint32_t v = c & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        v = v << 6 | (p[i] & 0x3F);
    }
    if ((n == 3 && v < 0x800) || (n == 4 && v < 0x10000) || v > 0x10FFFF)
        return 0;
    return (v >= 0xD800 && v < 0xE000) || v == 0xFFFE || v == 0xFFFF ? 0 : n;
}

int cove__xml_add_text(struct cove__buf *out, struct cove__slice text)
{
    for (size_t i = 0; i < text.size;) {
        size_t n = character(text.data + i, text.size - i);
        if (n == 0)
            return COVE_EINVAL;
        switch (text.data[i]) {
        case '&':
            cove__buf_add_str(out, "&amp;");
            break;
        case '<':
            cove__buf_add_str(out, "&lt;");
            break;
        case '>':
            cove__buf_add_str(out, "&gt;");
            break;
        case '"':
            cove__buf_add_str(out, "&quot;");
            break;
        case '\t':
        case '\n':
        case '\r':
            cove__buf_addf(out, "&#%d;", text.data[i]); /* a plain one may be changed on the way */
            break;
        default:
            cove__buf_add(out, text.data + i, n);
            break;
        }
        i += n;
    }
    return cove__buf_rc(out);
}
