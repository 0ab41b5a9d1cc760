/*
 * torch's format, saving. First everything is planned: which tensors share a storage, the pickle, the size of the
 * archive; then it is written in one run, each storage straight from the caller's memory. Below: wire/pickle, wire/zip;
 * the tables are in torch_load.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "checkpoint/format.h"
#include "checkpoint/shared.h"
#include "checkpoint/unpickle.h"
#include "checkpoint/walk.h"
#include "wire/pickle.h"
#include "wire/crc.h"
#include "wire/zip.h"

#define GLUE_MAX    ((size_t)1 << 20) /* headers between records */
#define PADDING_MAX 16                /* bytes of the widest element */

/* A run of memory that becomes one record; tensors whose memory overlaps have one together. */
struct region {
    const uint8_t *begin;
    uint64_t size;
    size_t first;          /* number of the first tensor over it, in the tree's order */
    size_t key;            /* number of the record */
    enum cove_dtype dtype; /* 0: tensors of several are over it */
    size_t widest;         /* bytes of the widest element of its tensors */
    size_t padding;        /* zeros before `begin` in the record, so that the widest elements have whole offsets */
};

static uint64_t record_size(const struct region *r)
{
    return r->padding + r->size;
}

enum memo { REBUILD_V2, REBUILD_V3, ORDERED_DICT, STORAGE_WORD, CPU_WORD, ENCODE, LATIN1, UNTYPED, FIRST_DTYPE };
#define MEMO_SIZE (FIRST_DTYPE + 64)

struct cove__plan {
    const cove_value *tree;
    cove_value **tensors; /* in the tree's order; BORROWED, the array is owned */
    size_t n_tensors, next_tensor;
    struct region *regions; /* by record, once they are numbered */
    size_t n_regions;
    size_t *region_of; /* by tensor */
    struct cove__buf pickle;
    uint32_t words[MEMO_SIZE]; /* the memo index of each; 0: none yet */
    uint32_t n_memo;           /* numbers given */
    struct cove__shared shared;
    struct cove__walk walk;
    struct cove_error *err;
};

/* ---- which tensors share memory ---- */

struct extent {
    const uint8_t *begin;
    uint64_t size;
    size_t tensor;
};

static int by_address(const void *a, const void *b)
{
    const struct extent *x = a, *y = b;
    if (x->begin != y->begin)
        return (uintptr_t)x->begin < (uintptr_t)y->begin ? -1 : 1;
    return x->tensor < y->tensor ? -1 : x->tensor > y->tensor;
}

static int by_first(const void *a, const void *b)
{
    const struct region *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

static struct region *add_region(struct cove__plan *p, const struct extent *e)
{
    struct region *r = &p->regions[p->n_regions];
    *r = (struct region){ .begin = e->begin, .size = e->size, .first = e->tensor, .key = p->n_regions++ };
    r->dtype = p->tensors[e->tensor]->u.tensor->dtype;
    r->widest = cove_dtype_size(r->dtype);
    return r;
}

static void join(struct cove__plan *p, struct region *r, const struct extent *e)
{
    enum cove_dtype dtype = p->tensors[e->tensor]->u.tensor->dtype;
    size_t width = cove_dtype_size(dtype);
    uint64_t end = (uint64_t)(e->begin - r->begin) + e->size;
    r->size = end > r->size ? end : r->size;
    r->first = e->tensor < r->first ? e->tensor : r->first;
    if (r->dtype != dtype)
        r->dtype = 0;
    /* Sizes are powers of two: where the widest has a whole offset, so have the others, or none ever could. */
    if (width > r->widest) {
        r->widest = width;
        r->padding = (width - (size_t)(e->begin - r->begin) % width) % width;
    }
}

/* Extents in the order of addresses become regions: those that overlap, one. Tensors without elements have one each. */
static int make_regions(struct cove__plan *p)
{
    size_t n = p->n_tensors;
    struct extent *extents = cove__calloc(n, sizeof(*extents));
    size_t *final = cove__calloc(n, sizeof(*final));
    p->regions = cove__calloc(n, sizeof(*p->regions));
    p->region_of = cove__calloc(n, sizeof(*p->region_of));
    int rc = 0;
    if (!extents || !final || !p->regions || !p->region_of) {
        rc = cove__fail_nomem(p->err, "a list of tensors");
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        const struct cove__tensor *t = p->tensors[i]->u.tensor;
        extents[i] = (struct extent){ t->span > 0 ? t->data : NULL, t->span, i };
    }
    qsort(extents, n, sizeof(*extents), by_address);
    struct region *last = NULL;
    for (size_t i = 0; i < n; i++) {
        const struct extent *e = &extents[i];
        if (last && last->size > 0 && e->size > 0 && e->begin < last->begin + last->size)
            join(p, last, e);
        else
            last = add_region(p, e);
        p->region_of[e->tensor] = last->key;
    }
    /* torch numbers records as the pickle names them, and a reader that computes offsets relies on it */
    qsort(p->regions, p->n_regions, sizeof(*p->regions), by_first);
    for (size_t i = 0; i < p->n_regions; i++)
        final[p->regions[i].key] = i;
    for (size_t i = 0; i < n; i++)
        p->region_of[i] = final[p->region_of[i]];
out:
    cove__free(extents);
    cove__free(final);
    return rc;
}

/* ---- the pickle ---- */

/* True if the memo's item has been written before, and was written again by its number. */
static bool recall(struct cove__plan *p, size_t item)
{
    if (p->words[item] != 0)
        cove__pickle_add_get(&p->pickle, p->words[item] - 1);
    return p->words[item] != 0;
}

static void remember(struct cove__plan *p, size_t item)
{
    cove__pickle_add_put(&p->pickle, p->n_memo);
    p->words[item] = ++p->n_memo;
}

static void add_global(struct cove__plan *p, size_t item, const char *module, const char *name)
{
    if (recall(p, item))
        return;
    cove__pickle_add_global(&p->pickle, module, name);
    remember(p, item);
}

static void add_word(struct cove__plan *p, size_t item, const char *word)
{
    if (recall(p, item))
        return;
    cove__pickle_add_string(&p->pickle, cove__slice_str(word));
    remember(p, item);
}

static void add_dims(struct cove__plan *p, const int64_t *dims, size_t n)
{
    cove__pickle_add_op(&p->pickle, COVE__PICKLE_MARK);
    for (size_t i = 0; i < n; i++)
        cove__pickle_add_int(&p->pickle, dims[i]);
    cove__pickle_add_op(&p->pickle, COVE__PICKLE_TUPLE);
}

/* The persistent id of a region; `info` NULL: untyped. */
static void add_storage(struct cove__plan *p, const struct region *r, size_t key, const struct cove__dtype_info *info)
{
    char number[24];
    snprintf(number, sizeof(number), "%zu", key);
    cove__pickle_add_op(&p->pickle, COVE__PICKLE_MARK);
    add_word(p, STORAGE_WORD, "storage");
    if (info)
        add_global(p, FIRST_DTYPE + 2 * (size_t)info->dtype, "torch", info->storage);
    else
        add_global(p, UNTYPED, "torch.storage", "UntypedStorage");
    cove__pickle_add_string(&p->pickle, cove__slice_str(number));
    add_word(p, CPU_WORD, "cpu");
    cove__pickle_add_int(&p->pickle, (int64_t)(record_size(r) / (info ? info->size : 1)));
    cove__pickle_add_op(&p->pickle, COVE__PICKLE_TUPLE);
    cove__pickle_add_op(&p->pickle, COVE__PICKLE_PERSID);
}

static int add_tensor(struct cove__plan *p, const cove_value *value)
{
    const struct cove__tensor *t = value->u.tensor;
    const struct cove__dtype_info *info = cove__dtype_info(t->dtype);
    size_t key = p->region_of[p->next_tensor++];
    const struct region *r = &p->regions[key];
    uint64_t offset = t->span > 0 ? r->padding + (uint64_t)((const uint8_t *)t->data - r->begin) : 0;
    bool typed = info->storage && r->dtype == t->dtype;
    if (offset % info->size != 0 || (typed && r->size % info->size != 0)) {
        char path[256];
        cove__tree_path(p->tree, value, path, sizeof(path));
        return cove__fail(p->err, COVE_EINVAL, "tensor \"%s\" overlaps another one at a fraction of an element", path);
    }
    if (typed)
        add_global(p, REBUILD_V2, "torch._utils", "_rebuild_tensor_v2");
    else
        add_global(p, REBUILD_V3, "torch._utils", "_rebuild_tensor_v3");
    cove__pickle_add_op(&p->pickle, COVE__PICKLE_MARK);
    add_storage(p, r, key, typed ? info : NULL);
    cove__pickle_add_int(&p->pickle, (int64_t)(offset / info->size));
    add_dims(p, t->dims, t->n_dims);
    add_dims(p, t->dims + t->n_dims, t->n_dims);
    cove__pickle_add_bool(&p->pickle, 0);
    add_global(p, ORDERED_DICT, "collections", "OrderedDict");
    cove__pickle_add_op(&p->pickle, COVE__PICKLE_EMPTY_TUPLE);
    cove__pickle_add_op(&p->pickle, COVE__PICKLE_REDUCE);
    if (!typed)
        add_global(p, FIRST_DTYPE + 2 * (size_t)info->dtype + 1, "torch", info->name);
    cove__pickle_add_op(&p->pickle, COVE__PICKLE_TUPLE);
    cove__pickle_add_op(&p->pickle, COVE__PICKLE_REDUCE);
    return 0;
}

static int add_text(struct cove__plan *p, struct cove__slice text)
{
    if (!cove__utf8_check(text))
        return cove__fail(p->err, COVE_EINVAL, "a string is not UTF-8");
    if (cove__pickle_add_string(&p->pickle, text) == COVE_ELIMIT)
        return cove__fail(p->err, COVE_ELIMIT, "the pickle is larger than %llu bytes",
                          (unsigned long long)COVE__PICKLE_MAX_SIZE);
    return 0;
}

/* Bytes, as protocol 2 has them: text whose characters are the bytes. */
static int add_bytes(struct cove__plan *p, struct cove__slice bytes)
{
    struct cove__buf text = COVE__BUF_INIT((size_t)COVE__PICKLE_MAX_SIZE);
    for (size_t i = 0; i < bytes.size; i++) {
        uint8_t c = bytes.data[i];
        if (c >= 0x80)
            cove__buf_add_char(&text, (char)(0xc0 | c >> 6));
        cove__buf_add_char(&text, c >= 0x80 ? (char)(0x80 | (c & 0x3f)) : (char)c);
    }
    add_global(p, ENCODE, "_codecs", "encode");
    cove__pickle_add_op(&p->pickle, COVE__PICKLE_MARK);
    int rc = cove__buf_rc(&text);
    if (rc == COVE_ENOMEM)
        cove__fail_nomem(p->err, "the checkpoint's pickle");
    else if (rc < 0)
        cove__fail(p->err, rc, "bytes that are too long for a pickle");
    else
        rc = add_text(p, cove__buf_slice(&text));
    add_word(p, LATIN1, "latin1");
    cove__pickle_add_op(&p->pickle, COVE__PICKLE_TUPLE);
    cove__pickle_add_op(&p->pickle, COVE__PICKLE_REDUCE);
    cove__buf_done(&text);
    return rc;
}

/* Memoizes a value that may occur several times, so that it is written once; `first_tensor` is the number of the first
 * tensor in it. */
static int remember_shared(struct cove__plan *p, const cove_value *value, size_t first_tensor)
{
    if (!cove__shared_possible(value))
        return 0;
    const struct cove__shared_entry *known = cove__shared_find(&p->shared, value); /* added when it was opened */
    if (!known)
        cove__pickle_add_put(&p->pickle, p->n_memo);
    struct cove__shared_entry entry = { value, known ? known->number : p->n_memo++, p->next_tensor - first_tensor };
    return cove__shared_add(&p->shared, &entry) < 0 ? cove__fail_nomem(p->err, "the checkpoint's pickle") : 0;
}

/* Whether the value had been written before; then its memo index is written. */
static bool recall_shared(struct cove__plan *p, const cove_value *value)
{
    const struct cove__shared_entry *entry = cove__shared_find(&p->shared, value);
    if (!entry)
        return false;
    cove__pickle_add_get(&p->pickle, entry->number);
    p->next_tensor += entry->n_tensors;
    return true;
}

static int add_back_reference(struct cove__plan *p, const cove_value *value)
{
    char path[256];
    const cove_value *target = cove_value_back_reference_target(value);
    const struct cove__shared_entry *entry = target ? cove__shared_find(&p->shared, target) : NULL;
    if (entry) {
        cove__pickle_add_get(&p->pickle, entry->number);
        return 0;
    }
    cove__tree_path(p->tree, value, path, sizeof(path));
    return cove__fail(p->err, COVE_ENOTSUP, "\"%s\" refers to %s", path,
                      target && target->type == COVE_VALUE_TUPLE
                          ? "a tuple that contains itself, which torch does not read"
                          : "a container that is not saved");
}

static int open_container(struct cove__plan *p, cove_value *value)
{
    bool tuple = value->type == COVE_VALUE_TUPLE;
    int rc = cove__walk_enter(&p->walk, value, p->err);
    if (rc < 0)
        return rc;
    cove__walk_top(&p->walk)->mark = p->next_tensor;
    if (!tuple)
        cove__pickle_add_op(&p->pickle,
                            value->type == COVE_VALUE_DICT ? COVE__PICKLE_EMPTY_DICT : COVE__PICKLE_EMPTY_LIST);
    if (value->has_weak_ref && !tuple) /* a value inside refers to it */
        rc = remember_shared(p, value, p->next_tensor);
    if (rc == 0 && (tuple || cove_value_length(value) > 0))
        cove__pickle_add_op(&p->pickle, COVE__PICKLE_MARK);
    return rc;
}

static int close_container(struct cove__plan *p)
{
    const struct cove__walk_frame *top = cove__walk_top(&p->walk);
    const cove_value *value = top->value;
    bool tuple = value->type == COVE_VALUE_TUPLE;
    if (tuple || cove_value_length(value) > 0)
        cove__pickle_add_op(&p->pickle, tuple                            ? COVE__PICKLE_TUPLE
                                        : value->type == COVE_VALUE_DICT ? COVE__PICKLE_SETITEMS
                                                                         : COVE__PICKLE_APPENDS);
    int rc = remember_shared(p, value, top->mark);
    cove__walk_leave(&p->walk);
    return rc;
}

/* A value without items. */
static int add_leaf(struct cove__plan *p, const cove_value *value)
{
    switch (value->type) {
    case COVE_VALUE_NONE:
        cove__pickle_add_op(&p->pickle, COVE__PICKLE_NONE);
        return 0;
    case COVE_VALUE_BOOL:
        cove__pickle_add_bool(&p->pickle, (int)value->u.i);
        return 0;
    case COVE_VALUE_INT:
        cove__pickle_add_int(&p->pickle, value->u.i);
        return 0;
    case COVE__VALUE_BIG_INT:
        cove__pickle_add_long(&p->pickle, cove__value_text(value));
        return 0;
    case COVE_VALUE_FLOAT:
        cove__pickle_add_float(&p->pickle, value->u.d);
        return 0;
    case COVE_VALUE_STRING:
        return add_text(p, cove__value_text(value));
    case COVE_VALUE_BYTES:
        return add_bytes(p, cove__value_text(value));
    case COVE_VALUE_BACK_REFERENCE:
        return add_back_reference(p, value);
    default:
        return add_tensor(p, value);
    }
}

static int add_value(struct cove__plan *p, cove_value *value)
{
    size_t first_tensor = p->next_tensor;
    if (recall_shared(p, value))
        return 0;
    if (value->type == COVE_VALUE_LIST || value->type == COVE_VALUE_TUPLE || value->type == COVE_VALUE_DICT)
        return open_container(p, value);
    int rc = add_leaf(p, value);
    return rc < 0 ? rc : remember_shared(p, value, first_tensor);
}

static int add_tree(struct cove__plan *p)
{
    int rc = add_value(p, (cove_value *)p->tree); /* changes nothing */
    while (rc == 0 && p->walk.n > 0) {
        cove_value *item = cove__walk_next(&p->walk);
        rc = item ? add_value(p, item) : close_container(p);
    }
    return rc;
}

static int make_pickle(struct cove__plan *p)
{
    cove__buf_init(&p->pickle, (size_t)COVE__PICKLE_MAX_SIZE);
    cove__pickle_add_start(&p->pickle);
    int rc = add_tree(p);
    if (rc < 0)
        return rc;
    cove__pickle_add_op(&p->pickle, COVE__PICKLE_STOP);
    rc = cove__buf_rc(&p->pickle);
    if (rc == COVE_ENOMEM)
        return cove__fail_nomem(p->err, "the checkpoint's pickle");
    if (rc < 0)
        return cove__fail(p->err, rc, "the pickle is larger than %llu bytes",
                          (unsigned long long)COVE__PICKLE_MAX_SIZE);
    return 0;
}

/* ---- the archive ---- */

struct output {
    struct cove__zip_writer zip;
    struct cove__buf glue;         /* what stands between the data of records, not yet sent */
    const struct cove__sink *sink; /* NULL: only the size is wanted */
    struct cove_error *err;
};

static int flush(struct output *o)
{
    int rc = cove__buf_rc(&o->glue);
    if (rc == COVE_ENOMEM)
        return cove__fail_nomem(o->err, "a record's header");
    if (rc < 0)
        return cove__fail(o->err, rc, "the archive's directory is too large");
    if (o->sink && o->glue.size > 0)
        rc = o->sink->write(o->sink->user, o->glue.data, o->glue.size, o->err);
    cove__buf_reset(&o->glue);
    return rc;
}

/* A record of `padding` zeros (fewer than PADDING_MAX), then `data`. */
static int put_padded(struct output *o, const char *name, size_t padding, const void *data, uint64_t size)
{
    static const uint8_t zeros[PADDING_MAX];
    uint32_t crc = cove__crc32(0, zeros, padding);
    int rc = cove__zip_begin(&o->zip, name, padding + size, &o->glue);
    if (rc == COVE_ELIMIT)
        return cove__fail(o->err, rc, "more than %zu records", COVE__ZIP_MAX_ENTRIES);
    rc = flush(o);
    if (rc == 0 && o->sink && padding > 0)
        rc = o->sink->write(o->sink->user, zeros, padding, o->err);
    if (rc == 0 && o->sink && size > 0) {
        crc = cove__crc32(crc, data, (size_t)size);
        rc = o->sink->write(o->sink->user, data, (size_t)size, o->err);
    }
    if (rc < 0)
        return rc;
    rc = cove__zip_finish_record(&o->zip, crc, &o->glue);
    if (rc == COVE_ENOMEM)
        return cove__fail_nomem(o->err, "the archive's directory");
    return rc < 0 ? cove__fail(o->err, rc, "the archive's directory is too large") : 0;
}

static int put_record(struct output *o, const char *name, const void *data, uint64_t size)
{
    return put_padded(o, name, 0, data, size);
}

static int put_word(struct output *o, const char *name, const char *word)
{
    return put_record(o, name, word, strlen(word));
}

/* The whole archive; without a sink it only counts. */
static int put_all(const struct cove__plan *p, const struct cove__sink *sink, uint64_t *ret_size,
                   struct cove_error *err)
{
    const char *order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? "little" : "big";
    struct output o = { .sink = sink, .err = err, .glue = COVE__BUF_INIT(GLUE_MAX + (size_t)COVE__ZIP_MAX_DIR) };
    cove__zip_writer_init(&o.zip);
    int rc = put_record(&o, "archive/data.pkl", p->pickle.data, p->pickle.size);
    if (rc == 0)
        rc = put_word(&o, "archive/.format_version", "1");
    if (rc == 0)
        rc = put_word(&o, "archive/.storage_alignment", "64");
    if (rc == 0)
        rc = put_word(&o, "archive/byteorder", order);
    for (size_t i = 0; i < p->n_regions && rc == 0; i++) {
        char name[48];
        snprintf(name, sizeof(name), "archive/data/%zu", i);
        rc = put_padded(&o, name, p->regions[i].padding, p->regions[i].begin, p->regions[i].size);
    }
    if (rc == 0)
        rc = put_word(&o, "archive/version", "3\n");
    if (rc == 0) {
        cove__zip_finish(&o.zip, &o.glue);
        rc = flush(&o);
    }
    if (rc == 0 && ret_size)
        *ret_size = o.zip.offset;
    cove__zip_writer_done(&o.zip);
    cove__buf_done(&o.glue);
    return rc;
}

int cove__torch_plan(const cove_value *tree, struct cove__plan **ret_plan, uint64_t *ret_size, struct cove_error *err)
{
    struct cove__plan *p = cove__calloc(1, sizeof(*p));
    if (!p)
        return cove__fail_nomem(err, "a plan");
    p->tree = tree;
    p->err = err;
    /* the walk changes nothing, but gives the tensors as it found them */
    int rc = cove__tree_tensors((cove_value *)tree, &p->tensors, &p->n_tensors, err);
    if (rc == 0)
        rc = cove__opaque_check_save(tree, err);
    if (rc == 0)
        rc = cove__tree_check_fetched(tree, p->tensors, p->n_tensors, err);
    if (rc == 0)
        rc = make_regions(p);
    if (rc == 0)
        rc = make_pickle(p);
    if (rc == 0)
        rc = put_all(p, NULL, ret_size, err);
    if (rc < 0) {
        cove__torch_plan_free(p);
        return rc;
    }
    *ret_plan = p;
    return 0;
}

int cove__torch_write(struct cove__plan *p, const struct cove__sink *sink, struct cove_error *err)
{
    return put_all(p, sink, NULL, err);
}

void cove__torch_plan_free(struct cove__plan *p)
{
    if (!p)
        return;
    cove__free(p->tensors);
    cove__free(p->regions);
    cove__free(p->region_of);
    cove__buf_done(&p->pickle);
    cove__shared_done(&p->shared);
    cove__walk_done(&p->walk);
    cove__free(p);
}
