/* The header of a safetensors file, read and written as JSON. Above: checkpoint/safetensors.c. */
#include "wire/safetensors.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "wire/pickle.h"

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
    size_t n;
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
    if (t.end < t.begin || t.end > p->data_size)
        return malformed(p, name, "its data_offsets reach beyond the file");
    t.n_dims = json_array_size(shape);
    if (t.n_dims > COVE__SAFE_MAX_DIMS)
        return malformed(p, name, "it has too many dimensions");
    for (size_t i = 0; i < t.n_dims; i++) {
        uint64_t length = 0;
        if (!read_uint(json_array_get(shape, i), &length))
            return malformed(p, name, "its shape makes no sense");
        dims[i] = (int64_t)length;
    }
    p->pieces[p->n++] = (struct piece){ t.begin, t.end };
    return p->visitor->tensor(p->visitor->user, &t);
}

static int parse_metadata(struct parse *p, json_t *json)
{
    const char *key = NULL;
    json_t *text = NULL;
    if (!json_is_object(json))
        return cove__fail(p->err, COVE_ECORRUPT, "header: " COVE__SAFE_METADATA " is no object");
    int rc = p->visitor->metadata(p->visitor->user, NULL, cove__slice(NULL, 0));
    json_object_foreach(json, key, text)
    {
        if (rc == 0 && !json_is_string(text))
            rc = cove__fail(p->err, COVE_ECORRUPT,
                            "header: " COVE__SAFE_METADATA " has something else than strings in it");
        if (rc == 0)
            rc = p->visitor->metadata(p->visitor->user, key,
                                      cove__slice(json_string_value(text), json_string_length(text)));
        if (rc < 0)
            break;
    }
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

static int parse_header(struct parse *p, json_t *header)
{
    const char *key = NULL;
    json_t *json = NULL;
    int rc = 0;
    p->pieces = cove__calloc(json_object_size(header), sizeof(*p->pieces));
    if (!p->pieces)
        return cove__fail_nomem(p->err, "the header");
    json_object_foreach(header, key, json)
    {
        rc = strcmp(key, COVE__SAFE_METADATA) == 0 ? parse_metadata(p, json) : parse_tensor(p, key, json);
        if (rc < 0)
            break;
    }
    if (rc == 0)
        rc = check_pieces(p);
    cove__free(p->pieces);
    return rc;
}

int cove__safe_parse(struct cove__slice text, uint64_t data_size, const struct cove__safe_visitor *visitor,
                     struct cove_error *err)
{
    struct parse p = { .visitor = visitor, .err = err, .data_size = data_size };
    json_error_t where;
    json_t *header = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &where);
    int rc = 0;
    if (json_is_object(header))
        rc = parse_header(&p, header);
    else if (!header && json_error_code(&where) == json_error_out_of_memory)
        rc = cove__fail_nomem(err, "the header");
    else
        rc = cove__fail(err, COVE_ECORRUPT, "header: %s", header ? "no JSON object" : where.text);
    json_decref(header);
    return rc;
}

int cove__safe_add_string(struct cove__buf *out, const char *text, struct cove_error *err)
{
    if (!cove__utf8_check(cove__slice_str(text)))
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
