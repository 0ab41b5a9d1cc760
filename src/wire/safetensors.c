/* The header of a safetensors file, read and written as JSON. Above: checkpoint/safetensors.c. */
#include "wire/safetensors.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"
#include "wire/json_members.h"

#define ENTRY_MAX ((size_t)64 << 10) /* bytes of JSON: the longest useful entry has about 2,000 */

int cove__safe_header_size(struct cove__slice head, uint64_t file_size, uint64_t *ret_size)
{
    uint64_t length = 0;
    if (head.size < 10 || head.data[8] != '{')
        return COVE_ECORRUPT;
    for (int i = 7; i >= 0; i--)
        length = length << 8 | head.data[i];
    if (length < 2 || length > COVE__SAFE_HEADER_MAX || length > file_size - 8)
        return COVE_ECORRUPT;
    *ret_size = length;
    return 0;
}

struct piece {
    uint64_t begin, end;
};

struct parse {
    const struct cove__safe_visitor *visitor;
    struct cove_error *err;
    uint64_t data_size;
    struct piece *pieces; /* owned */
    size_t n, cap;
    bool has_metadata;
};

static int malformed(struct parse *p, const char *name, const char *what)
{
    return cove__fail(p->err, COVE_ECORRUPT, "header: tensor \"%.100s\": %s", name, what);
}

static bool read_uint(const json_t *json, uint64_t *ret)
{
    if (!json_is_integer(json) || json_integer_value(json) < 0)
        return false;
    *ret = (uint64_t)json_integer_value(json);
    return true;
}

static int parse_tensor(struct parse *p, const char *name, const json_t *json)
{
    int64_t dims[COVE__SAFE_MAX_DIMS];
    const json_t *shape = json_object_get(json, "shape"), *offsets = json_object_get(json, "data_offsets");
    struct cove__safe_tensor t = { .name = name,
                                   .dtype = json_string_value(json_object_get(json, "dtype")),
                                   .shape = dims };
    if (!t.dtype || !json_is_array(shape) || !json_is_array(offsets) || json_array_size(offsets) != 2 ||
        !read_uint(json_array_get(offsets, 0), &t.begin) || !read_uint(json_array_get(offsets, 1), &t.end))
        return malformed(p, name, "dtype, shape or data_offsets are missing or of the wrong type");
    if (strlen(t.dtype) != json_string_length(json_object_get(json, "dtype")))
        return malformed(p, name, "its dtype has a NUL in it");
    if (t.end < t.begin || t.end > p->data_size)
        return malformed(p, name, "its data_offsets reach beyond the file");
    t.n_dims = json_array_size(shape);
    if (t.n_dims > COVE__SAFE_MAX_DIMS)
        return cove__fail(p->err, COVE_ENOTSUP, "header: tensor \"%.100s\": %zu dimensions, at most %d are supported",
                          name, t.n_dims, COVE__SAFE_MAX_DIMS);
    for (size_t i = 0; i < t.n_dims; i++) {
        uint64_t length = 0;
        if (!read_uint(json_array_get(shape, i), &length))
            return malformed(p, name, "its shape is invalid");
        dims[i] = (int64_t)length;
    }
    if (cove__grow(&p->pieces, &p->cap, p->n + 1, sizeof(*p->pieces), COVE__SAFE_HEADER_MAX) < 0)
        return cove__fail_nomem(p->err, "the header");
    p->pieces[p->n++] = (struct piece){ t.begin, t.end };
    return p->visitor->tensor(p->visitor->user, &t);
}

/* Parses one value of the header; owned by the caller. NULL: the error is set. */
static json_t *parse_text(struct parse *p, struct cove__slice text)
{
    json_error_t where;
    size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_t *json = json_loadb((const char *)text.data, text.size, flags, &where);
    if (!json && json_error_code(&where) == json_error_out_of_memory)
        cove__fail_nomem(p->err, "the header");
    else if (!json)
        cove__fail(p->err, COVE_ECORRUPT, "header: %s", where.text);
    return json;
}

typedef int (*member_fn)(struct parse *p, const char *key, struct cove__slice value);

/* Parses each member separately: the tree of the whole header would take many times the text. */
static int each_member(struct parse *p, struct cove__slice text, member_fn take)
{
    struct cove__json_members members = { .text = text };
    struct cove__slice key, value;
    int rc;
    while ((rc = cove__json_member(&members, &key, &value)) == 1) {
        json_t *name = parse_text(p, key);
        if (name && strlen(json_string_value(name)) != json_string_length(name))
            rc = cove__fail(p->err, COVE_ENOTSUP, "header: the name \"%.100s...\" has a NUL in it",
                            json_string_value(name));
        else
            rc = name ? take(p, json_string_value(name), value) : p->err->code;
        json_decref(name);
        if (rc < 0)
            return rc;
    }
    return rc < 0 ? cove__fail(p->err, COVE_ECORRUPT, "header: not a JSON object") : 0;
}

static int take_text(struct parse *p, const char *key, struct cove__slice value)
{
    if (value.data[0] != '"')
        return cove__fail(p->err, COVE_ECORRUPT, "header: " COVE__SAFE_METADATA " has values that are not strings");
    json_t *text = parse_text(p, value);
    int rc = text ? p->visitor->metadata(p->visitor->user, key,
                                         cove__slice(json_string_value(text), json_string_length(text)))
                  : p->err->code;
    json_decref(text);
    return rc;
}

static int parse_metadata(struct parse *p, struct cove__slice text)
{
    if (p->has_metadata)
        return cove__fail(p->err, COVE_ECORRUPT, "header: duplicate " COVE__SAFE_METADATA);
    p->has_metadata = true;
    if (cove__slice_is(text, "null")) /* the same as no metadata */
        return 0;
    if (text.data[0] != '{')
        return cove__fail(p->err, COVE_ECORRUPT, "header: " COVE__SAFE_METADATA " is not an object");
    int rc = p->visitor->metadata(p->visitor->user, NULL, cove__slice(NULL, 0));
    return rc < 0 ? rc : each_member(p, text, take_text);
}

static int take_entry(struct parse *p, const char *key, struct cove__slice value)
{
    if (strcmp(key, COVE__SAFE_METADATA) == 0)
        return parse_metadata(p, value);
    if (value.size > ENTRY_MAX)
        return malformed(p, key, "its entry is far larger than any tensor's");
    json_t *json = parse_text(p, value);
    int rc = json ? parse_tensor(p, key, json) : p->err->code;
    json_decref(json);
    return rc;
}

static int by_begin(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

/* Every byte of the data belongs to exactly one tensor: nothing is hidden between them. */
static int check_pieces(struct parse *p)
{
    uint64_t at = 0;
    if (p->n > 0)
        qsort(p->pieces, p->n, sizeof(*p->pieces), by_begin);
    for (size_t i = 0; i < p->n; i++) {
        if (p->pieces[i].begin != at)
            return cove__fail(p->err, COVE_ECORRUPT, "header: the tensors' data %s at byte %llu",
                              p->pieces[i].begin < at ? "overlaps" : "has a hole", (unsigned long long)at);
        at = p->pieces[i].end;
    }
    if (at != p->data_size)
        return cove__fail(p->err, COVE_ECORRUPT, "header: the tensors have %llu bytes, and the file has %llu for them",
                          (unsigned long long)at, (unsigned long long)p->data_size);
    return 0;
}

int cove__safe_parse(struct cove__slice text, uint64_t data_size, const struct cove__safe_visitor *visitor,
                     struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    struct parse p = { .visitor = visitor, .err = err ? err : &why, .data_size = data_size };
    int rc = each_member(&p, text, take_entry);
    if (rc == 0)
        rc = check_pieces(&p);
    cove__free(p.pieces);
    return rc;
}

int cove__safe_add_string(struct cove__buf *out, const char *text, struct cove_error *err)
{
    if (!cove__text_is_utf8(text)) /* JSON can't hold lone surrogates, a pickle can */
        return cove__fail(err, COVE_EINVAL, "a string is not UTF-8");
    cove__buf_add_char(out, '"');
    for (const char *p = text; *p; p++) {
        if (*p == '"' || *p == '\\')
            cove__buf_add_char(out, '\\');
        if ((unsigned char)*p < 0x20)
            cove__buf_addf(out, "\\u%04x", (unsigned)*p);
        else
            cove__buf_add_char(out, *p);
    }
    cove__buf_add_char(out, '"');
    return 0;
}
