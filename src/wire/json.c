/* Paths for the tokens of a JSON document: between the bytes of a response and the backends (src/fs), credentials
 * (src/auth) and options. */
#include "wire/json.h"

#include <cove/error.h>

#include <string.h>

static void cut_path(struct cove__json_reader *r, size_t size)
{
    r->path.size = size;
    if (r->path.data)
        r->path.data[size] = '\0';
}

static int refuse(struct cove__json_reader *r, const char *problem)
{
    r->tokens.problem = problem;
    return COVE_EINVAL;
}

/* The path of a value begins with that of what it is in. */
static int add_name(struct cove__json_reader *r, struct cove__slice name)
{
    size_t before = r->paths[r->depth - 1];

    if (memchr(name.data, '\0', name.size))
        return refuse(r, "a NUL in a name");
    cut_path(r, before);
    if (r->depth > 1 || name.size == 0)
        cove__buf_add_char(&r->path, '/');
    return cove__buf_add_slice(&r->path, name);
}

static int begin(struct cove__json_reader *r, bool array)
{
    r->paths[r->depth++] = r->path.size;
    return array ? cove__buf_add_str(&r->path, "[]") : 0;
}

static int end(struct cove__json_reader *r)
{
    cut_path(r, r->paths[--r->depth]);
    return r->handler->end ? r->handler->end(r->user, cove__buf_str(&r->path)) : 0;
}

static int on_token(void *user, enum cove__json_type type, struct cove__slice text)
{
    struct cove__json_reader *r = user;

    if (r->depth == 0 && type != COVE__JSON_OBJECT)
        return refuse(r, "it is not an object");
    switch (type) {
    case COVE__JSON_OBJECT:
    case COVE__JSON_ARRAY:
        return begin(r, type == COVE__JSON_ARRAY);
    case COVE__JSON_END:
        return end(r);
    case COVE__JSON_NAME:
        return add_name(r, text);
    default:
        break;
    }
    if (memchr(text.data, '\0', text.size))
        return refuse(r, "a NUL in a string");
    return r->handler->value(r->user, cove__buf_str(&r->path), type, (const char *)text.data);
}

void cove__json_reader_init(struct cove__json_reader *r, const struct cove__json_handler *handler, void *user)
{
    *r = (struct cove__json_reader){ .handler = handler, .user = user };
    cove__json_tokens_init(&r->tokens, on_token, r);
    cove__buf_init(&r->path, COVE__JSON_PATH_MAX);
}

void cove__json_reader_done(struct cove__json_reader *r)
{
    cove__json_tokens_done(&r->tokens);
    cove__buf_done(&r->path);
}

int cove__json_reader_feed(struct cove__json_reader *r, struct cove__slice piece)
{
    return cove__json_tokens_feed(&r->tokens, piece);
}

int cove__json_reader_end(struct cove__json_reader *r)
{
    return cove__json_tokens_end(&r->tokens);
}

int cove__json_read(struct cove__slice text, const struct cove__json_handler *handler, void *user, char *ret_why,
                    size_t why_size)
{
    struct cove__json_reader r;

    cove__json_reader_init(&r, handler, user);
    int rc = cove__json_reader_feed(&r, text);
    if (rc == 0)
        rc = cove__json_reader_end(&r);
    if (rc == COVE_EINVAL && r.tokens.problem) /* else the handler's own */
        cove__json_tokens_problem(&r.tokens, ret_why, why_size);
    cove__json_reader_done(&r);
    return rc;
}

int cove__json_add_string(struct cove__buf *out, struct cove__slice text)
{
    cove__buf_add_char(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c == '"' || c == '\\')
            cove__buf_add_char(out, '\\');
        if (c < ' ')
            cove__buf_addf(out, "\\u%04x", c);
        else
            cove__buf_add_char(out, (char)c);
    }
    return cove__buf_add_char(out, '"');
}
