/* The header of a safetensors file, read and written as JSON. Above: checkpoint/safetensors.c. */
#include "wire/safetensors.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"
#include "wire/json_tokens.h"

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

/* Members of a tensor's entry. */
enum field { OTHER, DTYPE, SHAPE, OFFSETS, N_FIELDS };

struct parse {
    const struct cove__safe_visitor *visitor;
    struct cove_error *err;
    uint64_t data_size;
    struct piece *pieces; /* owned */
    size_t n, cap;
    bool has_metadata;

    size_t depth;          /* of open objects and arrays */
    struct cove__buf name; /* of the header's current member */
    struct cove__buf key;  /* of the metadata's */
    bool in_metadata;
    enum field field;
    bool has[N_FIELDS], valid[N_FIELDS]; /* present, with the right type; with valid numbers */
    struct cove__buf dtype;
    int64_t dims[COVE__SAFE_MAX_DIMS];
    uint64_t offsets[2];
    size_t n_dims, n_offsets;
};

static int malformed(struct parse *p, const char *what)
{
    return cove__fail(p->err, COVE_ECORRUPT, "header: tensor \"%.100s\": %s", cove__buf_str(&p->name), what);
}

/* Only digits: neither a fraction nor an exponent, and no sign. */
static bool read_uint(struct cove__slice text, uint64_t *ret)
{
    uint64_t value = 0;

    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        unsigned digit = text.data[i] - '0';
        if (value > ((uint64_t)INT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *ret = value;
    return true;
}

static int set(struct parse *p, struct cove__buf *to, struct cove__slice text)
{
    cove__buf_reset(to);
    return cove__buf_add_slice(to, text) < 0 ? cove__fail_nomem(p->err, "the header") : 0;
}

static int set_name(struct parse *p, struct cove__buf *to, struct cove__slice text)
{
    if (memchr(text.data, '\0', text.size))
        return cove__fail(p->err, COVE_ENOTSUP, "header: the name \"%.100s...\" has a NUL in it",
                          (const char *)text.data);
    return set(p, to, text);
}

/* ---- tensors ---- */

static void begin_tensor(struct parse *p)
{
    memset(p->has, 0, sizeof p->has);
    p->valid[SHAPE] = p->valid[OFFSETS] = true;
    p->n_dims = p->n_offsets = 0;
}

static int end_tensor(struct parse *p)
{
    struct cove__safe_tensor t = { .name = cove__buf_str(&p->name),
                                   .dtype = cove__buf_str(&p->dtype),
                                   .shape = p->dims,
                                   .n_dims = p->n_dims,
                                   .begin = p->offsets[0],
                                   .end = p->offsets[1] };

    if (!p->has[DTYPE] || !p->has[SHAPE] || !p->has[OFFSETS] || p->n_offsets != 2 || !p->valid[OFFSETS])
        return malformed(p, "dtype, shape or data_offsets are missing or of the wrong type");
    if (strlen(t.dtype) != p->dtype.size)
        return malformed(p, "its dtype has a NUL in it");
    if (t.end < t.begin || t.end > p->data_size)
        return malformed(p, "its data_offsets reach beyond the file");
    if (t.n_dims > COVE__SAFE_MAX_DIMS)
        return cove__fail(p->err, COVE_ENOTSUP, "header: tensor \"%.100s\": %zu dimensions, at most %d are supported",
                          t.name, t.n_dims, COVE__SAFE_MAX_DIMS);
    if (!p->valid[SHAPE])
        return malformed(p, "its shape is invalid");
    if (cove__grow(&p->pieces, &p->cap, p->n + 1, sizeof(*p->pieces), COVE__SAFE_HEADER_MAX) < 0)
        return cove__fail_nomem(p->err, "the header");
    p->pieces[p->n++] = (struct piece){ t.begin, t.end };
    return p->visitor->tensor(p->visitor->user, &t);
}

/* An item of an array of the entry. */
static void take_item(struct parse *p, enum cove__json_type type, struct cove__slice text)
{
    uint64_t value = 0;
    bool valid = type == COVE__JSON_NUMBER && read_uint(text, &value);

    if (p->field == SHAPE && p->n_dims < COVE__SAFE_MAX_DIMS)
        p->dims[p->n_dims] = (int64_t)value;
    if (p->field == OFFSETS && p->n_offsets < 2)
        p->offsets[p->n_offsets] = value;
    p->n_dims += p->field == SHAPE;
    p->n_offsets += p->field == OFFSETS;
    p->valid[p->field] &= valid;
}

static int take_tensor_token(struct parse *p, enum cove__json_type type, struct cove__slice text)
{
    static const char *const names[] = { [DTYPE] = "dtype", [SHAPE] = "shape", [OFFSETS] = "data_offsets" };

    if (type == COVE__JSON_END)
        return p->depth == 1 ? end_tensor(p) : 0;
    if (p->depth == 2 && type == COVE__JSON_NAME) {
        p->field = OTHER;
        for (enum field f = DTYPE; f < N_FIELDS; f++)
            p->field = cove__slice_is(text, names[f]) ? f : p->field;
    } else if (p->depth == 2) {
        p->has[p->field] = type == (p->field == DTYPE ? COVE__JSON_STRING : COVE__JSON_ARRAY);
        return p->field == DTYPE ? set(p, &p->dtype, text) : 0;
    } else if (p->depth == 3) {
        take_item(p, type, text);
    }
    return 0;
}

/* ---- metadata ---- */

static int begin_metadata(struct parse *p, enum cove__json_type type)
{
    if (p->has_metadata)
        return cove__fail(p->err, COVE_ECORRUPT, "header: duplicate " COVE__SAFE_METADATA);
    p->has_metadata = true;
    if (type == COVE__JSON_NULL) /* the same as no metadata */
        return 0;
    if (type != COVE__JSON_OBJECT)
        return cove__fail(p->err, COVE_ECORRUPT, "header: " COVE__SAFE_METADATA " is not an object");
    return p->visitor->metadata(p->visitor->user, NULL, cove__slice(NULL, 0));
}

static int take_metadata_token(struct parse *p, enum cove__json_type type, struct cove__slice text)
{
    if (type == COVE__JSON_END)
        return 0;
    if (type == COVE__JSON_NAME)
        return set_name(p, &p->key, text);
    if (type != COVE__JSON_STRING)
        return cove__fail(p->err, COVE_ECORRUPT, "header: " COVE__SAFE_METADATA " has values that are not strings");
    return p->visitor->metadata(p->visitor->user, cove__buf_str(&p->key), text);
}

/* ---- the header ---- */

/* A name, or the value that follows it. */
static int take_member(struct parse *p, enum cove__json_type type, struct cove__slice text)
{
    if (type == COVE__JSON_NAME)
        return set_name(p, &p->name, text);
    p->in_metadata = cove__slice_is(cove__buf_slice(&p->name), COVE__SAFE_METADATA);
    if (p->in_metadata)
        return begin_metadata(p, type);
    if (type != COVE__JSON_OBJECT)
        return malformed(p, "dtype, shape or data_offsets are missing or of the wrong type");
    begin_tensor(p);
    return 0;
}

static int on_token(void *user, enum cove__json_type type, struct cove__slice text)
{
    struct parse *p = user;
    int rc = 0;

    p->depth -= type == COVE__JSON_END;
    if (p->depth == 0 && type != COVE__JSON_OBJECT && type != COVE__JSON_END)
        rc = cove__fail(p->err, COVE_ECORRUPT, "header: not a JSON object");
    else if (p->depth == 1 && type != COVE__JSON_END)
        rc = take_member(p, type, text);
    else if (p->depth > 0)
        rc = p->in_metadata ? take_metadata_token(p, type, text) : take_tensor_token(p, type, text);
    p->depth += type == COVE__JSON_OBJECT || type == COVE__JSON_ARRAY;
    return rc;
}

static int read_tokens(struct parse *p, struct cove__slice text)
{
    struct cove__json_tokens tokens;
    char why[160];

    cove__json_tokens_init(&tokens, on_token, p);
    tokens.size_max = tokens.text.max = p->name.max = p->key.max = p->dtype.max = text.size;
    int rc = cove__json_tokens_feed(&tokens, text);
    if (rc == 0)
        rc = cove__json_tokens_end(&tokens);
    if (tokens.problem) {
        cove__json_tokens_problem(&tokens, why, sizeof why);
        rc = cove__fail(p->err, COVE_ECORRUPT, "header: %s", why);
    } else if (rc == COVE_ELIMIT && p->depth == COVE__JSON_DEPTH_MAX) {
        rc = cove__fail(p->err, COVE_ECORRUPT, "header: objects or arrays deeper than %d", COVE__JSON_DEPTH_MAX);
    } else if (rc == COVE_ENOMEM) {
        cove__fail_nomem(p->err, "the header");
    }
    cove__json_tokens_done(&tokens);
    cove__buf_done(&p->name);
    cove__buf_done(&p->key);
    cove__buf_done(&p->dtype);
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
    int rc = read_tokens(&p, text);
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
