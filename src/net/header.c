/* Header lines of HTTP. Those of a response are added by transfer.c and looked up through cove__http_header. */
#include "net/header.h"

#include <string.h>

#include <cove/error.h>

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20 : c; /* not tolower, which the process's locale changes */
}

/* RFC 9110, section 5.6.2. */
static bool is_token(struct cove__slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = lower(name.data[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c))))
            return false;
    }
    return name.size > 0;
}

/* What would be another header, or the end of the head, when the head is parsed again or a part of it is sent. */
static bool has_break(struct cove__slice line)
{
    return memchr(line.data, '\n', line.size) || memchr(line.data, '\r', line.size) ||
           memchr(line.data, '\0', line.size);
}

int cove__header_add(struct cove__buf *head, struct cove__slice line)
{
    while (line.size > 0 && is_blank(line.data[line.size - 1]))
        line.size--;
    if (line.size >= 5 && memcmp(line.data, "HTTP/", 5) == 0) {
        cove__buf_reset(head);
        return 0;
    }
    const uint8_t *colon = line.size > 0 ? memchr(line.data, ':', line.size) : NULL;
    size_t name = colon ? (size_t)(colon - line.data) : 0, value = name + 1;
    if (!is_token(cove__slice_sub(line, 0, name)) || has_break(line))
        return 0;
    while (value < line.size && is_blank(line.data[value]))
        value++;
    cove__buf_add(head, line.data, name);
    cove__buf_add_str(head, ": ");
    cove__buf_add_slice(head, cove__slice_sub(line, value, SIZE_MAX));
    return cove__buf_add_char(head, '\n');
}

void cove__header_lower_names(struct cove__buf *head)
{
    bool in_name = true;

    for (size_t i = 0; i < head->size; i++) {
        if (in_name)
            head->data[i] = lower(head->data[i]);
        in_name = head->data[i] == '\n' || (in_name && head->data[i] != ':');
    }
}

/* Whether the line begins with this name. */
static bool is_named(const uint8_t *line, const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (lower(line[i]) != (uint8_t)name[i])
            return false;
    }
    return true;
}

bool cove__header_value(struct cove__slice head, const char *name, struct cove__slice *ret)
{
    size_t length = strlen(name);

    while (head.size > 0) {
        const uint8_t *end = memchr(head.data, '\n', head.size);
        size_t line = end ? (size_t)(end - head.data) : head.size;
        if (line >= length + 2 && is_named(head.data, name, length) && head.data[length] == ':') {
            *ret = cove__slice_sub(head, length + 2, line - length - 2);
            return true;
        }
        head = cove__slice_sub(head, line + 1, SIZE_MAX);
    }
    return false;
}

bool cove__header_find(struct cove__slice head, const char *name, char *out, size_t out_size)
{
    struct cove__slice value;

    if (!cove__header_value(head, name, &value) || value.size >= out_size || memchr(value.data, '\0', value.size))
        return false;
    memcpy(out, value.data, value.size);
    out[value.size] = '\0';
    return true;
}

/* -1: not a number below 2^63. */
static int64_t read_length(struct cove__slice text)
{
    int64_t n = 0;

    for (size_t i = 0; i < text.size; i++) {
        int digit = text.data[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, digit, &n))
            return -1;
    }
    return text.size > 0 ? n : -1;
}

int cove__header_content_length(struct cove__slice head, int64_t *ret)
{
    static const char name[] = "content-length: ";
    int64_t length = -1;

    while (head.size > 0) {
        const uint8_t *end = memchr(head.data, '\n', head.size);
        size_t line = end ? (size_t)(end - head.data) : head.size;
        if (line >= sizeof name - 1 && is_named(head.data, name, sizeof name - 1)) {
            int64_t n = read_length(cove__slice_sub(head, sizeof name - 1, line - (sizeof name - 1)));
            if (n < 0 || (length >= 0 && n != length))
                return COVE_EPROTOCOL;
            length = n;
        }
        head = cove__slice_sub(head, line + 1, SIZE_MAX);
    }
    *ret = length;
    return 0;
}

bool cove__header_is_valid(struct cove__slice value)
{
    for (size_t i = 0; i < value.size; i++) {
        if ((value.data[i] < ' ' && value.data[i] != '\t') || value.data[i] == 0x7f)
            return false;
    }
    return true;
}

int cove__header_append(struct cove__buf *lines, const char *name, struct cove__slice value)
{
    if (!cove__header_is_valid(value) && lines->rc == 0)
        lines->rc = COVE_EINVAL;
    cove__buf_add_str(lines, name);
    cove__buf_add_str(lines, ": ");
    cove__buf_add_slice(lines, value);
    return cove__buf_add_char(lines, '\n');
}
