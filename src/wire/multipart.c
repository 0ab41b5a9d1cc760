/* Bodies in parts, read part by part. */
#include "wire/multipart.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cove/error.h>

#include "base/clock.h"

void cove__multipart_new_boundary(char ret[48])
{
    snprintf(ret, 48, "cove-%016llx%016llx", (unsigned long long)cove__random(), (unsigned long long)cove__random());
}

static struct cove__slice trim(struct cove__slice s)
{
    while (s.size > 0 && (s.data[0] == ' ' || s.data[0] == '\t'))
        s = cove__slice_sub(s, 1, SIZE_MAX);
    while (s.size > 0 && isspace(s.data[s.size - 1]))
        s.size--;
    return s;
}

/* Up to the next line's end, which is removed, as the line is from `rest`. */
static struct cove__slice take_line(struct cove__slice *rest)
{
    const uint8_t *end = rest->size > 0 ? memchr(rest->data, '\n', rest->size) : NULL;
    size_t n = end ? (size_t)(end - rest->data) : rest->size;
    struct cove__slice line = cove__slice_sub(*rest, 0, n);

    *rest = cove__slice_sub(*rest, n + (end ? 1 : 0), SIZE_MAX);
    if (line.size > 0 && line.data[line.size - 1] == '\r')
        line.size--;
    return line;
}

int cove__multipart_open(struct cove__multipart *m, const char *content_type, struct cove__slice body)
{
    const char *at = strcasestr(content_type, "boundary=");

    *m = (struct cove__multipart){ .rest = body };
    if (!at)
        return COVE_EPROTOCOL;
    at += strlen("boundary=");
    bool quoted = *at == '"';
    size_t n = quoted ? strcspn(++at, "\"") : strcspn(at, "; \t");
    if (n == 0 || n > COVE__BOUNDARY_MAX || (quoted && at[n] != '"'))
        return COVE_EPROTOCOL;
    snprintf(m->boundary, sizeof m->boundary, "--%.*s", (int)n, at);
    return 0;
}

/* Whether the line is the boundary; *ret_last: the last one. */
static bool is_boundary(const struct cove__multipart *m, struct cove__slice line, bool *ret_last)
{
    size_t n = strlen(m->boundary);

    if (line.size < n || memcmp(line.data, m->boundary, n) != 0)
        return false;
    struct cove__slice after = trim(cove__slice_sub(line, n, SIZE_MAX));
    *ret_last = cove__slice_is(after, "--");
    return *ret_last || after.size == 0;
}

int cove__multipart_next(struct cove__multipart *m, struct cove__multipart_part *ret)
{
    bool last = false, begun = false;
    const uint8_t *start = m->rest.data;

    while (!m->ended && m->rest.size > 0) {
        const uint8_t *line_at = m->rest.data;
        struct cove__slice rest = m->rest, line = take_line(&rest);

        if (!is_boundary(m, line, &last)) {
            m->rest = rest;
            continue;
        }
        if (begun) { /* the line's end before a boundary belongs to it; the boundary stays for the next call */
            size_t n = (size_t)(line_at - start);
            n -= n > 0 && start[n - 1] == '\n';
            n -= n > 0 && start[n - 1] == '\r';
            ret->body = cove__slice(start, n);
            return 1;
        }
        m->rest = rest;
        m->ended = last;
        if (last)
            return 0;
        const uint8_t *headers = rest.data;
        while (rest.size > 0 && take_line(&rest).size > 0)
            ;
        ret->headers = cove__slice(headers, (size_t)(rest.data - headers));
        m->rest = rest;
        start = rest.data;
        begun = true;
    }
    return m->ended ? 0 : COVE_EPROTOCOL;
}

struct cove__slice cove__multipart_header(struct cove__slice headers, const char *name)
{
    size_t n = strlen(name);

    while (headers.size > 0) {
        struct cove__slice line = take_line(&headers);
        if (line.size > n && line.data[n] == ':' && strncasecmp((const char *)line.data, name, n) == 0)
            return trim(cove__slice_sub(line, n + 1, SIZE_MAX));
    }
    return cove__slice("", 0);
}

int cove__multipart_response(struct cove__slice part, struct cove__slice *ret_body)
{
    struct cove__slice line = take_line(&part);
    int status = 0;

    if (line.size < 12 || memcmp(line.data, "HTTP/1.", 7) != 0 || line.data[8] != ' ')
        return -1;
    for (size_t i = 9; i < 12; i++) {
        if (!isdigit(line.data[i]))
            return -1;
        status = 10 * status + (line.data[i] - '0');
    }
    while (part.size > 0 && take_line(&part).size > 0)
        ;
    *ret_body = part;
    return status;
}

int cove__multipart_answers(const char *content_type, struct cove__slice body,
                            int (*take)(void *user, const struct cove__multipart_answer *answer), void *user)
{
    struct cove__multipart m;
    struct cove__multipart_part part;
    int rc = cove__multipart_open(&m, content_type, body);

    while (rc == 0 && (rc = cove__multipart_next(&m, &part)) > 0) {
        struct cove__multipart_answer answer = { .id = cove__multipart_header(part.headers, "content-id"),
                                                 .message = part.body };

        answer.status = cove__multipart_response(part.body, &answer.body);
        rc = answer.status < 0 ? COVE_EPROTOCOL : take(user, &answer);
    }
    return rc;
}
