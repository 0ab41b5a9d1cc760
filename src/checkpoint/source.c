/* The file behind a checkpoint, read by ranges. Below: whatever reads (a cove_reader); above: the formats and
 * storage.c. */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "checkpoint/storage.h"

int cove__source_new(const struct cove__source_ops *ops, void *user, const char *name, uint64_t size,
                     struct cove__source **ret, struct cove_error *err)
{
    struct cove__source *source = cove__calloc(1, sizeof(*source));
    char *copy = cove__strdup(name);
    if (!source || !copy) {
        cove__free(source);
        cove__free(copy);
        ops->close(user);
        return cove__fail_nomem(err, "a checkpoint's file");
    }
    atomic_init(&source->refs, 1);
    source->ops = ops;
    source->user = user;
    source->name = copy;
    source->size = size;
    *ret = source;
    return 0;
}

struct cove__source *cove__source_ref(struct cove__source *source)
{
    atomic_fetch_add_explicit(&source->refs, 1, memory_order_relaxed);
    return source;
}

void cove__source_unref(struct cove__source *source)
{
    if (!source || atomic_fetch_sub_explicit(&source->refs, 1, memory_order_acq_rel) != 1)
        return;
    source->ops->close(source->user);
    cove__source_forget(source);
    cove__free(source->name);
    cove__free(source);
}

void cove__source_forget(struct cove__source *source)
{
    cove__free(source->head);
    cove__free(source->tail);
    source->head = source->tail = NULL;
    source->head_size = source->tail_size = 0;
}

int cove__source_peek_tail(struct cove__source *source, const struct cove_call *call, struct cove_error *err)
{
    size_t size = COVE__SOURCE_TAIL;
    if (source->head_size == source->size)
        return 0;
    if (size > source->size)
        size = (size_t)source->size;
    uint8_t *tail = cove__malloc(size);
    if (!tail)
        return cove__fail_nomem(err, "the end of a checkpoint");
    struct cove_range range = { .offset = (int64_t)(source->size - size), .length = size, .buffer = tail };
    int rc = cove__source_read(source, &range, 1, call, err);
    if (rc < 0) {
        cove__free(tail);
        return rc;
    }
    source->tail = tail;
    source->tail_size = size;
    return 0;
}

/* Fills the range from head or tail, if it lies in one of them. */
static bool serve(const struct cove__source *source, struct cove_range *range)
{
    uint64_t offset = (uint64_t)range->offset, tail = source->size - source->tail_size;
    const uint8_t *from = NULL;
    if (source->head && offset <= source->head_size && range->length <= source->head_size - offset)
        from = source->head + offset;
    else if (source->tail && offset >= tail && range->length <= source->size - offset)
        from = source->tail + (offset - tail);
    if (!from)
        return false;
    memcpy(range->buffer, from, range->length);
    range->done = (int64_t)range->length;
    return true;
}

int cove__source_read(struct cove__source *source, struct cove_range *ranges, size_t n, const struct cove_call *call,
                      struct cove_error *err)
{
    struct cove_range *rest = cove__calloc(n, sizeof(*rest));
    size_t n_rest = 0;
    int rc = 0;
    if (!rest)
        return cove__fail_nomem(err, "a list of ranges");
    for (size_t i = 0; i < n; i++)
        if (ranges[i].length > 0 && !serve(source, &ranges[i]))
            rest[n_rest++] = ranges[i];
    if (n_rest > 0)
        rc = source->ops->read_ranges(source->user, rest, n_rest, call, err);
    for (size_t i = 0; i < n_rest && rc == 0; i++)
        if (rest[i].done != (int64_t)rest[i].length)
            rc = cove__fail(err, COVE_ECORRUPT, "the file ends before byte %llu, where it should not",
                            (unsigned long long)rest[i].offset + rest[i].length);
    cove__free(rest);
    return rc;
}
