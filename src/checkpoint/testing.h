/* What the tests and fuzzers of this room share: a file that is memory, a value as text, an archive built record by
 * record. */
#ifndef COVE_CHECKPOINT_TESTING_H
#define COVE_CHECKPOINT_TESTING_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "checkpoint/format.h"
#include "wire/crc.h"
#include "wire/zip.h"

#define TESTING_MAX ((size_t)64 << 20)
#define TEXT(s)     cove__slice(s, sizeof(s) - 1)

/* ---- a file in memory ---- */

struct testing_file {
    struct cove__slice bytes;
    size_t calls, ranges; /* of reads */
    uint64_t bytes_read;
    int is_closed;
};

static inline int testing_read(void *user, struct cove_range *ranges, size_t n, const struct cove_call *call,
                               struct cove_error *err)
{
    struct testing_file *file = user;
    (void)call;
    file->calls++;
    for (size_t i = 0; i < n; i++) {
        uint64_t offset = (uint64_t)ranges[i].offset, size = file->bytes.size;
        uint64_t done = offset >= size ? 0 : size - offset < ranges[i].length ? size - offset : ranges[i].length;
        if (ranges[i].offset < 0)
            return cove__fail(err, COVE_EINVAL, "a negative offset");
        if (done > 0)
            memcpy(ranges[i].buffer, file->bytes.data + offset, (size_t)done);
        ranges[i].done = (int64_t)done;
        file->ranges++;
        file->bytes_read += done;
    }
    return 0;
}

static inline void testing_close(void *user)
{
    ((struct testing_file *)user)->is_closed = 1;
}

/* A source over the file that holds its first `head` bytes. NULL: no memory. */
static inline struct cove__source *testing_source(struct testing_file *file, size_t head)
{
    static const struct cove__source_ops ops = { testing_read, testing_close };
    struct cove__source *source = NULL;
    if (head > file->bytes.size)
        head = file->bytes.size;
    if (cove__source_new(&ops, file, "test://file", file->bytes.size, &source, NULL) < 0)
        return NULL;
    source->head = cove__malloc(head);
    if (!source->head) {
        cove__source_unref(source);
        return NULL;
    }
    if (head > 0)
        memcpy(source->head, file->bytes.data, head);
    source->head_size = head;
    return source;
}

/* Loads the file's tree, and its tensors unless `lazy`. */
static inline int testing_load(const struct cove__format *format, struct testing_file *file, size_t head, int lazy,
                               cove_value **ret, struct cove_error *err)
{
    struct cove__source *source = testing_source(file, head);
    cove_value *tree = NULL, **tensors = NULL;
    size_t n = 0, wanted = 0;
    if (!source)
        return cove__fail_nomem(err, "a source");
    int rc = format->load(source, NULL, &tree, err);
    if (rc == 0 && !lazy)
        rc = cove__tree_tensors(tree, &tensors, &n, err);
    for (size_t i = 0; i < n; i++)
        if (tensors[i]->u.tensor->span > 0)
            tensors[wanted++] = tensors[i];
    if (rc == 0 && wanted > 0)
        rc = cove__tensors_load(tensors, wanted, file->bytes.size, NULL, err);
    cove__free(tensors);
    cove__source_forget(source);
    cove__source_unref(source);
    if (rc < 0)
        cove_value_unref(tree);
    else
        *ret = tree;
    return rc;
}

static inline int testing_sink(void *user, const void *data, size_t size, struct cove_error *err)
{
    return cove__buf_add(user, data, size) < 0 ? cove__fail_nomem(err, "the file") : 0;
}

static inline int testing_save(const struct cove__format *format, const cove_value *tree, struct cove__buf *out,
                               uint64_t *ret_size, struct cove_error *err)
{
    struct cove__sink sink = { testing_sink, out };
    struct cove__plan *plan = NULL;
    int rc = format->plan(tree, &plan, ret_size, err);
    if (rc < 0)
        return rc;
    rc = format->write(plan, &sink, err);
    format->plan_free(plan);
    return rc;
}

/* ---- a value as text, much as Python shows it ---- */

static inline void testing_describe(const cove_value *value, struct cove__buf *out)
{
    switch (value->type) {
    case COVE_VALUE_NONE:
        cove__buf_add_str(out, "None");
        return;
    case COVE_VALUE_BOOL:
        cove__buf_add_str(out, value->u.i ? "True" : "False");
        return;
    case COVE_VALUE_INT:
        cove__buf_addf(out, "%" PRId64, value->u.i);
        return;
    case COVE_VALUE_FLOAT:
        cove__buf_addf(out, "%.17g", value->u.d);
        return;
    case COVE_VALUE_STRING:
        cove__buf_add_char(out, '\'');
        cove__buf_add_slice(out, cove__value_text(value));
        cove__buf_add_char(out, '\'');
        return;
    case COVE__VALUE_BIG_INT:
        cove__buf_addf(out, "%zu bits ", cove_value_int_bits(value));
        for (size_t i = 0; i < value->u.text.size; i++)
            cove__buf_addf(out, "%02x", (uint8_t)value->u.text.data[i]);
        return;
    case COVE_VALUE_BYTES:
        cove__buf_add_str(out, "b'");
        for (size_t i = 0; i < value->u.text.size; i++)
            cove__buf_addf(out, "%02x", (uint8_t)value->u.text.data[i]);
        cove__buf_add_char(out, '\'');
        return;
    case COVE_VALUE_TENSOR: {
        const struct cove__tensor *t = value->u.tensor;
        cove__buf_addf(out, "%s@%" PRIu64 "[", cove_dtype_name(t->dtype), t->offset);
        for (size_t i = 0; i < 2 * t->n_dims; i++)
            cove__buf_addf(out, "%s%" PRId64, i == 0 ? "" : i == t->n_dims ? ";" : ",", t->dims[i]);
        cove__buf_add_char(out, ']');
        return;
    }
    case COVE_VALUE_BACK_REFERENCE: {
        const cove_value *target = cove_value_back_reference_target(value);
        cove__buf_addf(out, "<%s above>", target ? cove_value_type_name(cove_value_type(target)) : "none");
        return;
    }
    case COVE_VALUE_OPAQUE:
        cove__buf_addf(out, "<%s>", value->u.opaque.name);
        return;
    default:
        break;
    }
    const char *brackets = value->type == COVE_VALUE_LIST ? "[]" : value->type == COVE_VALUE_TUPLE ? "()" : "{}";
    cove__buf_add_char(out, brackets[0]);
    for (size_t i = 0; i < cove_value_length(value); i++) {
        cove__buf_add_str(out, i > 0 ? ", " : "");
        if (value->type == COVE_VALUE_DICT) {
            testing_describe(cove_value_key(value, i), out);
            cove__buf_add_str(out, ": ");
        }
        testing_describe(cove_value_item(value, i), out);
    }
    cove__buf_add_char(out, brackets[1]);
}

/* ---- archives ---- */

struct testing_archive {
    struct cove__zip_writer zip;
    struct cove__buf bytes;
};

static inline void testing_archive_init(struct testing_archive *a)
{
    cove__zip_writer_init(&a->zip);
    cove__buf_init(&a->bytes, TESTING_MAX);
}

static inline void testing_archive_add(struct testing_archive *a, const char *name, struct cove__slice data)
{
    cove__zip_begin(&a->zip, name, data.size, &a->bytes);
    cove__buf_add_slice(&a->bytes, data);
    cove__zip_finish_record(&a->zip, cove__crc32(0, data.data, data.size), &a->bytes);
}

static inline struct cove__slice testing_archive_finish(struct testing_archive *a)
{
    cove__zip_finish(&a->zip, &a->bytes);
    cove__zip_writer_done(&a->zip);
    return cove__buf_slice(&a->bytes);
}

#endif
