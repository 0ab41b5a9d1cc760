/*
 * safetensors: a flat dict of tensors, and of "__metadata__", a dict of strings. The header is wire/safetensors.c's
 * matter; here it becomes a tree, and a tree becomes a header and data with no hole in it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "checkpoint/format.h"
#include "wire/safetensors.h"

#define GATHER_BYTES ((size_t)1 << 20) /* a strided tensor is packed through so much memory */

static bool detect(struct cove__slice head, uint64_t size)
{
    uint64_t length = 0;
    return cove__safe_header_size(head, size, &length) == 0;
}

/* ---- loading ---- */

struct loading {
    struct cove__source *source;
    struct cove_error *err;
    uint64_t data_offset;
    cove_value *tree;
    cove_value *metadata; /* BORROWED from the tree; NULL: none yet */
};

static const struct cove__dtype_info *find_dtype(const char *name)
{
    const struct cove__dtype_info *info;
    for (size_t i = 0; (info = cove__dtype_row(i)); i++)
        if (info->safe && strcmp(info->safe, name) == 0)
            return info;
    return NULL;
}

/* The format counts numbers; an element of this dtype is a byte that holds two. */
static bool is_pair(enum cove_dtype dtype)
{
    return dtype == COVE_DTYPE_FLOAT4_E2M1FN_X2;
}

/* The shape in elements: for pairs, the last dimension is halved. COVE_ENOTSUP: it is odd. */
static int read_shape(struct loading *l, const struct cove__safe_tensor *t, enum cove_dtype dtype, int64_t *shape)
{
    for (size_t i = 0; i < t->n_dims; i++)
        shape[i] = t->shape[i];
    if (!is_pair(dtype))
        return 0;
    if (t->n_dims == 0 || shape[t->n_dims - 1] % 2 != 0)
        return cove__fail(l->err, COVE_ENOTSUP,
                          "tensor \"%.100s\" of %s has an odd last dimension, and a byte holds two numbers", t->name,
                          t->dtype);
    shape[t->n_dims - 1] /= 2;
    return 0;
}

static int load_tensor(void *user, const struct cove__safe_tensor *t)
{
    int64_t lengths[COVE__SAFE_MAX_DIMS];
    struct loading *l = user;
    const struct cove__dtype_info *info = find_dtype(t->dtype);
    struct cove__storage *storage = NULL;
    cove_value *value = NULL;
    if (cove_value_dict_get(l->tree, t->name))
        return cove__fail(l->err, COVE_ECORRUPT, "header: duplicate tensor \"%.100s\"", t->name);
    if (!info)
        return cove__fail(l->err, COVE_ENOTSUP, "tensor \"%.100s\" has the dtype %.32s, which is not supported",
                          t->name, t->dtype);
    struct cove__shape shape = { info->dtype, t->n_dims, lengths, NULL };
    int rc = read_shape(l, t, info->dtype, lengths);
    if (rc == 0)
        rc = cove__tensor_new(&shape, &value, l->err);
    if (rc < 0 && rc != COVE_EINVAL)
        return rc;
    if (rc == COVE_EINVAL || t->end - t->begin != value->u.tensor->span)
        rc = cove__fail(l->err, COVE_ECORRUPT, "header: tensor \"%.100s\": its data_offsets do not fit its shape",
                        t->name);
    if (rc == 0)
        rc = cove__storage_new(l->source, l->data_offset + t->begin, t->end - t->begin, NULL, &storage, l->err);
    if (rc == 0)
        rc = cove__storage_view(storage, value->u.tensor, 0, 0, l->err);
    cove__storage_unref(storage);
    if (rc < 0) {
        cove_value_unref(value);
        return rc;
    }
    return cove_value_dict_set(l->tree, t->name, value, l->err);
}

static int load_metadata(void *user, const char *key, struct cove__slice text)
{
    struct loading *l = user;
    if (!l->metadata) {
        cove_value *dict = cove_value_new_dict();
        int rc = cove_value_dict_set(l->tree, COVE__SAFE_METADATA, dict, l->err);
        if (rc < 0)
            return rc;
        l->metadata = dict;
    }
    if (key && cove_value_dict_get(l->metadata, key))
        return cove__fail(l->err, COVE_ECORRUPT, "header: duplicate key \"%.100s\"", key);
    return key ? cove_value_dict_set(l->metadata, key, cove__value_new_text(COVE_VALUE_STRING, text), l->err) : 0;
}

static int load(struct cove__source *source, const struct cove_call *call, cove_value **ret_tree,
                struct cove_error *err)
{
    struct loading l = { .source = source, .err = err };
    struct cove__safe_visitor visitor = { load_tensor, load_metadata, &l };
    uint64_t length = 0;
    if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
        return cove__fail(err, COVE_ENOTSUP, "safetensors files are little-endian, and this machine is not");
    if (cove__safe_header_size(cove__slice(source->head, source->head_size), source->size, &length) < 0)
        return cove__fail(err, COVE_ECORRUPT, "not a safetensors file: its header length is invalid");
    l.data_offset = 8 + length;
    l.tree = cove_value_new_dict();
    char *text = cove__malloc((size_t)length);
    int rc = l.tree && text ? 0 : cove__fail_nomem(err, "the header");
    struct cove_range range = { .offset = 8, .length = (size_t)length, .buffer = text };
    if (rc == 0)
        rc = cove__source_read(source, &range, 1, call, err);
    if (rc == 0)
        rc = cove__safe_parse(cove__slice(text, (size_t)length), source->size - l.data_offset, &visitor, err);
    cove__free(text);
    if (rc < 0)
        cove_value_unref(l.tree);
    else
        *ret_tree = l.tree;
    return rc;
}

/* ---- saving ---- */

struct item {
    const char *name; /* BORROWED from the tree */
    const struct cove__tensor *tensor;
    const struct cove__dtype_info *info;
    uint64_t count; /* elements */
    uint64_t begin; /* where its data goes, once arranged */
    size_t number;  /* in the tree's order */
};

struct cove__plan {
    struct cove__buf header; /* with the 8 bytes of its length */
    struct item *items;      /* in the order of the data */
    size_t n;
};

/* Wide elements first: so all are aligned without padding, which the format has none of. */
static int by_width(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->info->size != y->info->size)
        return x->info->size > y->info->size ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static int by_number(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

static int add_metadata(struct cove__plan *p, const cove_value *value, struct cove_error *err)
{
    cove__buf_add_str(&p->header, "\"" COVE__SAFE_METADATA "\":{");
    if (value->type != COVE_VALUE_DICT)
        return cove__fail(err, COVE_EINVAL,
                          COVE__SAFE_METADATA " is of type %s: safetensors has a dict of strings there",
                          COVE__VALUE_PHRASE(value));
    for (size_t i = 0; i < cove_value_length(value); i++) {
        const char *key = cove_value_key_name(value, i);
        const cove_value *item = cove_value_item(value, i);
        if (!key || item->type != COVE_VALUE_STRING || memchr(item->u.text.data, 0, item->u.text.size))
            return cove__fail(err, COVE_EINVAL, COVE__SAFE_METADATA " has values that are not strings");
        if (i > 0)
            cove__buf_add_char(&p->header, ',');
        int rc = cove__safe_add_string(&p->header, key, err);
        cove__buf_add_char(&p->header, ':');
        if (rc == 0)
            rc = cove__safe_add_string(&p->header, item->u.text.data, err);
        if (rc < 0)
            return rc;
    }
    cove__buf_add_char(&p->header, '}');
    return 0;
}

static int add_tensor(struct cove__plan *p, const struct item *item, struct cove_error *err)
{
    int rc = cove__safe_add_string(&p->header, item->name, err);
    if (rc < 0)
        return rc;
    cove__buf_addf(&p->header, ":{\"dtype\":\"%s\",\"shape\":[", item->info->safe);
    for (size_t i = 0; i < item->tensor->n_dims; i++) {
        bool is_last = i + 1 == item->tensor->n_dims;
        uint64_t length = (uint64_t)item->tensor->dims[i] * (is_last && is_pair(item->info->dtype) ? 2 : 1);
        cove__buf_addf(&p->header, "%s%llu", i > 0 ? "," : "", (unsigned long long)length);
    }
    cove__buf_addf(&p->header, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)item->begin,
                   (unsigned long long)(item->begin + item->count * item->info->size));
    return 0;
}

/* Takes the tree's tensors in; anything else in it has no place in this format. */
static int collect(struct cove__plan *p, const cove_value *tree, const cove_value **ret_metadata,
                   struct cove_error *err)
{
    if (tree->type != COVE_VALUE_DICT)
        return cove__fail(err, COVE_EINVAL, "safetensors holds a flat dict of tensors, got %s",
                          COVE__VALUE_PHRASE(tree));
    p->items = cove__calloc(cove_value_length(tree), sizeof(*p->items));
    if (!p->items)
        return cove__fail_nomem(err, "a list of tensors");
    for (size_t i = 0; i < cove_value_length(tree); i++) {
        const char *key = cove_value_key_name(tree, i);
        const cove_value *value = cove_value_item(tree, i);
        if (key && strcmp(key, COVE__SAFE_METADATA) == 0) {
            *ret_metadata = value;
            continue;
        }
        if (!key || value->type != COVE_VALUE_TENSOR)
            return cove__fail(err, COVE_EINVAL,
                              "safetensors holds a flat dict of tensors, and \"%.100s\" is of type %s",
                              key ? key : "(a key that is not a name)", COVE__VALUE_PHRASE(value));
        struct item *item = &p->items[p->n];
        *item = (struct item){ .name = key, .tensor = value->u.tensor, .number = p->n };
        item->info = cove__dtype_info(item->tensor->dtype);
        item->count = cove__tensor_count(item->tensor);
        p->n++;
        if (!item->info->safe)
            return cove__fail(err, COVE_ENOTSUP, "tensor \"%.100s\": safetensors has no %s", key, item->info->name);
        if (is_pair(item->info->dtype) && item->tensor->n_dims == 0)
            return cove__fail(err, COVE_ENOTSUP, "tensor \"%.100s\": safetensors has no %s without dimensions", key,
                              item->info->name);
        if (item->tensor->span > 0 && !item->tensor->data)
            return cove__fail(err, COVE_ESTATE,
                              "tensor \"%.100s\" is still remote: fetch it before it is saved elsewhere", key);
    }
    return 0;
}

static int make_header(struct cove__plan *p, const cove_value *metadata, uint64_t *ret_data, struct cove_error *err)
{
    uint64_t at = 0;
    int rc = 0;
    qsort(p->items, p->n, sizeof(*p->items), by_width);
    for (size_t i = 0; i < p->n; i++) {
        struct item *item = &p->items[i];
        item->begin = at;
        if (__builtin_add_overflow(at, item->count * item->info->size, &at) || at > INT64_MAX / 2)
            return cove__fail(err, COVE_ELIMIT, "more bytes than a file can have");
    }
    *ret_data = at;
    qsort(p->items, p->n, sizeof(*p->items), by_number); /* the header keeps the tree's order */
    cove__buf_add(&p->header, "\0\0\0\0\0\0\0\0{", 9);
    if (metadata)
        rc = add_metadata(p, metadata, err);
    for (size_t i = 0; i < p->n && rc == 0; i++) {
        if (i > 0 || metadata)
            cove__buf_add_char(&p->header, ',');
        rc = add_tensor(p, &p->items[i], err);
    }
    cove__buf_add_char(&p->header, '}');
    while (rc == 0 && p->header.size % 8 != 0 && cove__buf_rc(&p->header) == 0)
        cove__buf_add_char(&p->header, ' ');
    qsort(p->items, p->n, sizeof(*p->items), by_width);
    if (rc < 0)
        return rc;
    rc = cove__buf_rc(&p->header);
    if (rc < 0)
        return rc == COVE_ENOMEM
                   ? cove__fail_nomem(err, "the header")
                   : cove__fail(err, rc, "a header of more than %llu bytes", (unsigned long long)COVE__SAFE_HEADER_MAX);
    for (unsigned i = 0; i < 8; i++)
        p->header.data[i] = (uint8_t)((uint64_t)(p->header.size - 8) >> (8 * i));
    return 0;
}

static void plan_free(struct cove__plan *p)
{
    if (!p)
        return;
    cove__buf_done(&p->header);
    cove__free(p->items);
    cove__free(p);
}

static int plan(const cove_value *tree, struct cove__plan **ret_plan, uint64_t *ret_size, struct cove_error *err)
{
    const cove_value *metadata = NULL;
    uint64_t data = 0;
    if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
        return cove__fail(err, COVE_ENOTSUP, "safetensors files are little-endian, and this machine is not");
    struct cove__plan *p = cove__calloc(1, sizeof(*p));
    if (!p)
        return cove__fail_nomem(err, "a plan");
    cove__buf_init(&p->header, (size_t)COVE__SAFE_HEADER_MAX);
    int rc = cove__opaque_check_save(tree, err);
    if (rc == 0)
        rc = collect(p, tree, &metadata, err);
    if (rc == 0)
        rc = make_header(p, metadata, &data, err);
    if (rc < 0) {
        plan_free(p);
        return rc;
    }
    *ret_size = p->header.size + data;
    *ret_plan = p;
    return 0;
}

/* A tensor with gaps or in another order is packed piece by piece. */
static int write_strided(const struct item *item, const struct cove__sink *sink, struct cove_error *err)
{
    uint64_t step = GATHER_BYTES / item->info->size;
    void *packed = cove__malloc(GATHER_BYTES);
    int rc = packed ? 0 : cove__fail_nomem(err, "a tensor's pieces");
    for (uint64_t at = 0; at < item->count && rc == 0; at += step) {
        uint64_t n = item->count - at < step ? item->count - at : step;
        cove__tensor_gather(item->tensor, at, n, packed);
        rc = sink->write(sink->user, packed, (size_t)n * item->info->size, err);
    }
    cove__free(packed);
    return rc;
}

static int write_all(struct cove__plan *p, const struct cove__sink *sink, struct cove_error *err)
{
    int rc = sink->write(sink->user, p->header.data, p->header.size, err);
    for (size_t i = 0; i < p->n && rc == 0; i++) {
        const struct item *item = &p->items[i];
        if (item->count == 0)
            continue;
        if (cove__tensor_is_contiguous(item->tensor))
            rc = sink->write(sink->user, item->tensor->data, (size_t)(item->count * item->info->size), err);
        else
            rc = write_strided(item, sink, err);
    }
    return rc;
}

const struct cove__format cove__safetensors_format = {
    .id = COVE_CHECKPOINT_FORMAT_SAFETENSORS,
    .name = "safetensors",
    .suffix = ".safetensors",
    .detect = detect,
    .load = load,
    .plan = plan,
    .write = write_all,
    .plan_free = plan_free,
};
