/* Loading tensors: the bytes that many of them view are read at once, straight into the memory where they stay. See
 * storage.h. */
#include "checkpoint/storage.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "checkpoint/resolve_view.h"
#include "wire/crc.h"

#define BLOCK_ALIGN ((size_t)64)
#define SMALL       ((uint64_t)64 << 10) /* a storage up to this size is always loaded whole */

int cove__storage_new(struct cove__source *source, uint64_t offset, uint64_t size, const struct cove__zip_entry *entry,
                      struct cove__storage **ret, struct cove_error *err)
{
    size_t name_size = entry ? entry->name.size : 0;
    struct cove__storage *storage = cove__calloc(1, sizeof(*storage) + name_size + 1);
    if (!storage)
        return cove__fail_nomem(err, "a storage");
    atomic_init(&storage->refs, 1);
    storage->source = size > 0 ? cove__source_ref(source) : NULL;
    storage->offset = offset;
    storage->size = size;
    storage->is_placed = !entry;
    if (entry) {
        storage->entry = *entry;
        memcpy(storage->name, entry->name.data, name_size);
        storage->entry.name = cove__slice(storage->name, name_size);
    }
    *ret = storage;
    return 0;
}

struct cove__storage *cove__storage_ref(struct cove__storage *storage)
{
    atomic_fetch_add_explicit(&storage->refs, 1, memory_order_relaxed);
    return storage;
}

void cove__storage_unref(struct cove__storage *storage)
{
    if (!storage || atomic_fetch_sub_explicit(&storage->refs, 1, memory_order_acq_rel) != 1)
        return;
    cove__storage_close(storage);
    cove__block_unref(storage->current);
    cove__source_unref(storage->source);
    cove__free(storage);
}

void cove__storage_close(struct cove__storage *storage)
{
    while (storage->next) {
        struct cove__storage *next = storage->next;
        storage->next = next->next;
        next->next = NULL;
        cove__storage_unref(next);
    }
}

/* Another storage over the bytes of `like`, which keeps a reference to it. */
static int add_storage(struct cove__storage *like, struct cove__storage **ret, struct cove_error *err)
{
    struct cove__storage *extra = NULL;
    int rc =
        cove__storage_new(like->source, like->offset, like->size, like->is_placed ? NULL : &like->entry, &extra, err);
    if (rc < 0)
        return rc;
    extra->has_crc = like->has_crc;
    extra->is_counted = like->is_counted;
    extra->count = like->count;
    extra->is_swapped = like->is_swapped;
    extra->is_extra = true;
    extra->next = like->next;
    like->next = extra;
    *ret = extra;
    return 0;
}

int cove__storage_view(struct cove__storage *storage, struct cove__tensor *t, uint64_t begin, unsigned math,
                       struct cove_error *err)
{
    const struct cove__dtype_info *info = cove__dtype_info(t->dtype);
    enum cove_dtype dtype = math ? t->dtype : (enum cove_dtype)0;
    size_t swap = storage->is_swapped ? info->swap : 0;
    if (!cove__can_resolve_view(t->dtype, math))
        return cove__fail(err, COVE_ENOTSUP, "a %s view of a tensor of %s, which torch does not support",
                          math & COVE__VIEW_CONJ ? "conjugated" : "negated", info->name);
    if (t->span > 0 && (begin > storage->size || t->span > storage->size - begin))
        return cove__fail(err, COVE_ECORRUPT, "a tensor of %s reaches beyond its storage of %llu bytes", info->name,
                          (unsigned long long)storage->size);
    if (t->dtype == COVE_DTYPE_BOOL)
        math = COVE__VIEW_BOOLS;
    struct cove__storage *s = storage;
    while (s && s->is_viewed && (s->math != math || s->dtype != dtype || s->swap != swap))
        s = s->next;
    int rc = s ? 0 : add_storage(storage, &s, err);
    if (rc < 0)
        return rc;
    s->is_viewed = true;
    s->math = (uint8_t)math;
    s->dtype = dtype;
    s->swap = swap;
    t->offset = t->span > 0 ? begin : 0;
    t->storage = cove__storage_ref(s);
    return 0;
}

/* ---- blocks ---- */

/* With room for `before` bytes that stand before the data in the file. */
struct cove__block *cove__block_new(uint64_t begin, uint64_t size, size_t before)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    struct cove__block *block = cove__malloc(sizeof(*block) + before + BLOCK_ALIGN + (size_t)size);
    if (!block)
        return NULL;
    atomic_init(&block->refs, 1);
    block->begin = begin;
    block->size = size;
    uint8_t *end = (uint8_t *)(block + 1) + before;
    block->data = end + (BLOCK_ALIGN - (uintptr_t)end % BLOCK_ALIGN) % BLOCK_ALIGN;
    return block;
}

static struct cove__block *block_ref(struct cove__block *block)
{
    atomic_fetch_add_explicit(&block->refs, 1, memory_order_relaxed);
    return block;
}

void cove__block_unref(struct cove__block *block)
{
    if (block && atomic_fetch_sub_explicit(&block->refs, 1, memory_order_acq_rel) == 1)
        cove__free(block);
}

/* ---- what is to be loaded ---- */

/* One storage and the bytes of it that are wanted. */
struct want {
    struct cove__storage *storage; /* BORROWED */
    struct cove__block *block;     /* one reference, from allocate() on */
    uint64_t begin, end;
    uint64_t data;   /* where the storage's first byte is */
    uint8_t *header; /* the local header's bytes: before the data, or in the job's memory; NULL: its place is known */
    size_t header_size;
    bool again; /* its data was not where it was thought to be */
};

struct job {
    struct want *wants;
    size_t n;
    struct cove_range *ranges; /* up to two for each want */
    uint8_t *headers;
    const struct cove_call *call;
    struct cove_error *err;
};

static bool covers(const struct cove__block *block, uint64_t begin, uint64_t end)
{
    return block && block->begin <= begin && end <= block->begin + block->size;
}

static int by_place(const void *a, const void *b)
{
    const struct cove__storage *x = ((const struct want *)a)->storage, *y = ((const struct want *)b)->storage;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return (uintptr_t)x < (uintptr_t)y ? -1 : (uintptr_t)x > (uintptr_t)y;
}

static uint64_t add_capped(uint64_t a, uint64_t b)
{
    uint64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

/* One want a storage, in the order of the file, of what no block has yet. */
static int gather_wants(struct job *job, cove_value *const *tensors, size_t n, uint64_t max_bytes)
{
    job->wants = cove__calloc(n, sizeof(*job->wants));
    if (!job->wants)
        return cove__fail_nomem(job->err, "a list of tensors");
    for (size_t i = 0; i < n; i++) {
        const struct cove__tensor *t = tensors[i]->u.tensor;
        job->wants[i] = (struct want){ .storage = t->storage, .begin = t->offset, .end = t->offset + t->span };
    }
    qsort(job->wants, n, sizeof(*job->wants), by_place);
    for (size_t i = 0; i < n; i++) {
        struct want *w = &job->wants[i], *last = job->n > 0 ? &job->wants[job->n - 1] : NULL;
        if (last && last->storage == w->storage) {
            last->begin = w->begin < last->begin ? w->begin : last->begin;
            last->end = w->end > last->end ? w->end : last->end;
        } else {
            job->wants[job->n++] = *w;
        }
    }
    size_t merged = job->n;
    uint64_t total = 0, limit = max_bytes;
    if (max_bytes == 0)
        limit = job->wants[0].storage->source ? job->wants[0].storage->source->size : UINT64_MAX;
    job->n = 0;
    for (size_t i = 0; i < merged; i++) {
        struct want *w = &job->wants[i];
        if (covers(w->storage->current, w->begin, w->end))
            continue;
        if (w->storage->size <= SMALL || w->end - w->begin >= w->storage->size / 2) {
            w->begin = 0; /* most of it is wanted, so all of it is read: then its CRC can be checked */
            w->end = w->storage->size;
        }
        if (max_bytes == 0 && w->storage->is_extra)
            limit = add_capped(limit, w->end - w->begin);
        total = add_capped(total, w->end - w->begin);
        job->wants[job->n++] = *w;
    }
    if (total > limit)
        return cove__fail(job->err, COVE_ELIMIT, "its tensors take %llu bytes, above the limit of %llu",
                          (unsigned long long)total, (unsigned long long)limit);
    return 0;
}

/* A record that is loaded from its first byte on comes in one range with its header, which lands before the data. */
static bool in_one(const struct want *w)
{
    return w->header_size > 0 && w->begin == 0;
}

static int allocate(struct job *job)
{
    size_t headers = 0;
    for (size_t i = 0; i < job->n; i++) {
        struct want *w = &job->wants[i];
        w->data = w->storage->offset;
        if (!w->storage->is_placed) /* a guess; what lies before it has the header */
            w->header_size = (size_t)(w->data - w->storage->entry.header_offset);
        w->block = cove__block_new(w->begin, w->end - w->begin, in_one(w) ? w->header_size : 0);
        if (!w->block)
            return cove__fail(job->err, COVE_ENOMEM, "no memory for a tensor's %llu bytes",
                              (unsigned long long)(w->end - w->begin));
        if (in_one(w))
            w->header = w->block->data - w->header_size;
        else
            headers += w->header_size;
    }
    job->headers = cove__malloc(headers);
    job->ranges = cove__calloc(2 * job->n, sizeof(*job->ranges));
    if (!job->headers || !job->ranges)
        return cove__fail_nomem(job->err, "a list of ranges");
    headers = 0;
    for (size_t i = 0; i < job->n; i++) {
        struct want *w = &job->wants[i];
        if (w->header_size > 0 && !w->header) {
            w->header = job->headers + headers;
            headers += w->header_size;
        }
    }
    return 0;
}

static struct cove_range range_of(uint64_t offset, uint64_t length, void *buffer)
{
    return (struct cove_range){ .offset = (int64_t)offset, .length = (size_t)length, .buffer = buffer };
}

/* Reads the data of all wants with their headers; or, again, the data of those that have it elsewhere. */
static int read_wants(struct job *job, bool again)
{
    size_t n = 0;
    for (size_t i = 0; i < job->n; i++) {
        struct want *w = &job->wants[i];
        uint64_t size = w->end - w->begin;
        if (again && !w->again)
            continue;
        if (!again && in_one(w)) {
            job->ranges[n++] = range_of(w->data - w->header_size, w->header_size + size, w->header);
            continue;
        }
        if (!again && w->header)
            job->ranges[n++] = range_of(w->data - w->header_size, w->header_size, w->header);
        job->ranges[n++] = range_of(w->data + w->begin, size, w->block->data);
    }
    return n > 0 ? cove__source_read(job->wants[0].storage->source, job->ranges, n, job->call, job->err) : 0;
}

static int check_count(const struct want *w, struct cove_error *err)
{
    uint64_t count = 0;
    for (size_t i = w->header_size; i-- > 0;)
        count = count << 8 | w->header[i];
    if (count == w->storage->count)
        return 0;
    return cove__fail(err, COVE_ECORRUPT, "storage %.100s has %llu elements in the file, and %llu in the pickle",
                      w->storage->name, (unsigned long long)count, (unsigned long long)w->storage->count);
}

/* Checks the local headers that came with the data. */
static int check_headers(struct job *job)
{
    for (size_t i = 0; i < job->n; i++) {
        struct want *w = &job->wants[i];
        uint64_t data = w->data;
        if (!w->header)
            continue;
        int rc =
            w->storage->is_counted
                ? check_count(w, job->err)
                : cove__zip_check_local(&w->storage->entry, cove__slice(w->header, w->header_size), &data, job->err);
        if (rc < 0)
            return rc;
        w->again = data != w->data;
        w->data = data;
    }
    return 0;
}

static void swap_bytes(struct cove__block *block, size_t width)
{
    for (uint64_t at = 0; at + width <= block->size; at += width)
        for (size_t low = 0, high = width - 1; low < high; low++, high--) {
            uint8_t byte = block->data[at + low];
            block->data[at + low] = block->data[at + high];
            block->data[at + high] = byte;
        }
}

static int check_data(struct job *job)
{
    for (size_t i = 0; i < job->n; i++) {
        struct want *w = &job->wants[i];
        struct cove__storage *s = w->storage;
        if (s->has_crc && w->block->size == s->size && cove__crc32(0, w->block->data, (size_t)s->size) != s->entry.crc)
            return cove__fail(job->err, COVE_ECORRUPT, "record \"%s\": its bytes do not match their CRC", s->name);
        if (s->swap > 1)
            swap_bytes(w->block, s->swap);
        if (s->math)
            cove__resolve_view(w->block->data, w->block->size, s->dtype ? s->dtype : COVE_DTYPE_BOOL, s->math);
    }
    return 0;
}

/* From here on nothing fails. */
static void publish(struct job *job, cove_value *const *tensors, size_t n)
{
    for (size_t i = 0; i < job->n; i++) {
        struct want *w = &job->wants[i];
        struct cove__storage *s = w->storage;
        s->offset = w->data;
        s->is_placed = true;
        cove__block_unref(s->current);
        s->current = w->block;
        w->block = NULL;
    }
    for (size_t i = 0; i < n; i++) {
        struct cove__tensor *t = tensors[i]->u.tensor;
        struct cove__block *block = t->storage->current;
        if (t->block)
            continue; /* given twice */
        t->block = block_ref(block);
        t->data = block->data + (t->offset - block->begin);
        if (block->size == t->storage->size) {
            cove__source_unref(t->storage->source);
            t->storage->source = NULL;
        }
    }
}

int cove__tensors_load(cove_value *const *tensors, size_t n, uint64_t max_bytes, const struct cove_call *call,
                       struct cove_error *err)
{
    struct job job = { .call = call, .err = err };
    int rc = gather_wants(&job, tensors, n, max_bytes);
    if (rc == 0 && job.n > 0)
        rc = allocate(&job);
    if (rc == 0)
        rc = read_wants(&job, false);
    if (rc == 0)
        rc = check_headers(&job);
    if (rc == 0)
        rc = read_wants(&job, true);
    if (rc == 0)
        rc = check_data(&job);
    if (rc == 0)
        publish(&job, tensors, n);
    for (size_t i = 0; i < job.n; i++)
        cove__block_unref(job.wants[i].block);
    cove__free(job.wants);
    cove__free(job.ranges);
    cove__free(job.headers);
    return rc;
}
