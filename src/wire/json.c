/* JSON for the backends (src/fs) and credentials (src/auth): jansson's tree, walked. */
#include "wire/json.h"

#include <cove/error.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

#define PATH_MAX_BYTES ((size_t)4096)

struct walk {
    cove__json_fn each;
    void *user;
    struct cove__buf path;
};

static int walk_value(struct walk *w, const json_t *value, unsigned depth);

/* One name deeper, and back. */
static int walk_named(struct walk *w, const char *name, const json_t *value, unsigned depth)
{
    size_t before = w->path.size;

    if (before > 0)
        cove__buf_add_char(&w->path, '/');
    cove__buf_add_str(&w->path, name);
    int rc = cove__buf_rc(&w->path);
    if (rc == 0)
        rc = walk_value(w, value, depth);
    if (rc == 0) {
        w->path.size = before;
        w->path.data[before] = '\0';
    }
    return rc;
}

static int walk_value(struct walk *w, const json_t *value, unsigned depth)
{
    char text[64];
    const char *path = cove__buf_str(&w->path), *name;
    json_t *item;
    size_t i;
    int rc = 0;

    if (depth > COVE__JSON_DEPTH_MAX)
        return COVE_ELIMIT;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        json_object_foreach((json_t *)value, name, item)
        {
            if (rc == 0)
                rc = walk_named(w, name, item, depth + 1);
        }
        return rc;
    case JSON_ARRAY:
        for (i = 0; rc == 0 && i < json_array_size(value); i++) {
            snprintf(text, sizeof text, "%zu", i);
            rc = walk_named(w, text, json_array_get(value, i), depth + 1);
        }
        return rc;
    case JSON_STRING:
        return w->each(w->user, path, COVE__JSON_STRING, json_string_value(value));
    case JSON_INTEGER:
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
        return w->each(w->user, path, COVE__JSON_NUMBER, text);
    case JSON_REAL:
        snprintf(text, sizeof text, "%.17g", json_real_value(value));
        return w->each(w->user, path, COVE__JSON_NUMBER, text);
    case JSON_TRUE:
    case JSON_FALSE:
        return w->each(w->user, path, COVE__JSON_BOOL, json_is_true(value) ? "true" : "false");
    default:
        return w->each(w->user, path, COVE__JSON_NULL, "null");
    }
}

/* An upper bound of the number of values: each follows one of these bytes. A tree takes about 100 bytes for each. */
static size_t count_values(struct cove__slice text)
{
    size_t n = 1;

    for (size_t i = 0; i < text.size; i++)
        n += text.data[i] == ',' || text.data[i] == ':' || text.data[i] == '[' || text.data[i] == '{';
    return n;
}

int cove__json_read(struct cove__slice text, cove__json_fn each, void *user, char *ret_why, size_t why_size)
{
    struct walk w = { .each = each, .user = user };
    json_error_t why;

    if (text.size > COVE__JSON_SIZE_MAX || count_values(text) > COVE__JSON_VALUES_MAX)
        return COVE_ELIMIT;
    json_t *root = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &why);
    if (root == NULL) {
        if (json_error_code(&why) == json_error_out_of_memory)
            return COVE_ENOMEM;
        char *quoted = strstr(why.text, " near '"); /* what stands there may be a secret: its place is enough */
        if (quoted != NULL)
            *quoted = '\0';
        snprintf(ret_why, why_size, "%s (line %d, column %d)", why.text, why.line, why.column);
        return COVE_EINVAL;
    }
    cove__buf_init(&w.path, PATH_MAX_BYTES);
    int rc;
    if (json_is_object(root)) {
        rc = walk_value(&w, root, 0);
    } else {
        snprintf(ret_why, why_size, "it is not an object");
        rc = COVE_EINVAL;
    }
    cove__buf_done(&w.path);
    json_decref(root);
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
