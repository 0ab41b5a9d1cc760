/* torch's format, loading: the archive's directory, data.pkl, and storages for its records. Saving is in torch_save.c;
 * below: wire, unpickle. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "checkpoint/format.h"
#include "checkpoint/unpickle.h"
#include "wire/crc.h"
#include "wire/zip.h"

#define SMALL_RECORD ((size_t)64) /* of records with one word, such as byteorder */
/* Archive versions that torch's PyTorchFileReader accepts. */
#define MIN_VERSION 1
#define MAX_VERSION 10
#define LOCAL_EXTRA ((uint64_t)65535)

struct loading {
    struct cove__source *source;
    const struct cove_call *call;
    struct cove_error *err;
    uint8_t *central; /* owned: the directory's bytes, which `dir` points into */
    struct cove__zip_dir dir;
    struct cove__slice prefix;       /* "archive/" */
    struct cove__storage **storages; /* owned: one for each entry of dir, made when first asked for */
    bool is_swapped, has_crc;
    unsigned align;
};

static bool detect(struct cove__slice head, uint64_t size)
{
    return head.size >= 4 && memcmp(head.data, "PK\x03\x04", 4) == 0;
}

/* ---- the directory ---- */

static int load_directory(struct loading *l)
{
    const struct cove__source *s = l->source;
    int rc = cove__source_peek_tail(l->source, l->call, l->err);
    if (rc < 0)
        return rc;
    struct cove__slice tail =
        s->tail_size > 0 ? cove__slice(s->tail, s->tail_size) : cove__slice(s->head, s->head_size);
    struct cove__zip_end end = { 0 };
    rc = cove__zip_parse_end(tail, s->size, &end, l->err);
    if (rc < 0)
        return rc;
    l->central = cove__malloc((size_t)end.size);
    if (!l->central)
        return cove__fail_nomem(l->err, "the archive's directory");
    struct cove_range range = { .offset = (int64_t)end.offset, .length = (size_t)end.size, .buffer = l->central };
    rc = cove__source_read(l->source, &range, 1, l->call, l->err);
    if (rc == 0)
        rc = cove__zip_dir_parse(cove__slice(l->central, (size_t)end.size), &end, &l->dir, l->err);
    if (rc < 0)
        return rc;
    if (l->dir.n == 0)
        return cove__fail(l->err, COVE_ECORRUPT, "an empty archive");
    /* every name begins with the archive's own, which the first record's name has */
    struct cove__slice first = l->dir.entries[0].name;
    const uint8_t *slash = memchr(first.data, '/', first.size);
    l->prefix = cove__slice(first.data, slash ? (size_t)(slash - first.data) + 1 : 0);
    return 0;
}

static const struct cove__zip_entry *find_record(const struct loading *l, const char *directory,
                                                 struct cove__slice name)
{
    char full[512];
    size_t n = strlen(directory);
    if (l->prefix.size + n + name.size > sizeof(full))
        return NULL;
    if (l->prefix.size > 0)
        memcpy(full, l->prefix.data, l->prefix.size);
    memcpy(full + l->prefix.size, directory, n);
    if (name.size > 0)
        memcpy(full + l->prefix.size + n, name.data, name.size);
    return cove__zip_dir_find(&l->dir, cove__slice(full, l->prefix.size + n + name.size));
}

/* ---- small records, read whole ---- */

struct record {
    const char *name;
    uint64_t max;
    bool needed;
    const struct cove__zip_entry *entry; /* NULL: there is none */
    uint8_t *bytes;                      /* owned: header, data and what follows */
    struct cove__slice data;
};

enum { PICKLE, FORMAT_VERSION, ORDER, ALIGNMENT, N_RECORDS };

static int find_small(struct loading *l, struct record *r, struct cove_range *range)
{
    r->entry = find_record(l, r->name, cove__slice(NULL, 0));
    if (!r->entry && !r->needed)
        return 0;
    if (!r->entry)
        return cove__fail(l->err, COVE_ECORRUPT, "a zip archive without %s: not written by torch.save", r->name);
    int rc = cove__zip_check_stored(r->entry, l->err);
    if (rc < 0)
        return rc;
    if (r->entry->size > r->max)
        return cove__fail(l->err, COVE_ELIMIT, "its %s has %llu bytes, above the limit of %llu", r->name,
                          (unsigned long long)r->entry->size, (unsigned long long)r->max);
    uint64_t length = COVE__ZIP_LOCAL_SIZE + r->entry->name.size + LOCAL_EXTRA + r->entry->size;
    if (length > r->entry->room)
        length = r->entry->room;
    r->bytes = cove__malloc((size_t)length);
    if (!r->bytes)
        return cove__fail_nomem(l->err, "the checkpoint's pickle");
    *range =
        (struct cove_range){ .offset = (int64_t)r->entry->header_offset, .length = (size_t)length, .buffer = r->bytes };
    return 1;
}

static int check_small(struct loading *l, struct record *r, size_t length)
{
    uint64_t data = 0;
    int rc = cove__zip_check_local(r->entry, cove__slice(r->bytes, length), &data, l->err);
    if (rc < 0)
        return rc;
    r->data = cove__slice(r->bytes + (data - r->entry->header_offset), (size_t)r->entry->size);
    if (l->has_crc && cove__crc32(0, r->data.data, r->data.size) != r->entry->crc)
        return cove__fail(l->err, COVE_ECORRUPT, "its %s does not match its CRC", r->name);
    return 0;
}

static int load_records(struct loading *l, struct record *records)
{
    struct cove_range ranges[N_RECORDS];
    struct record *found[N_RECORDS];
    size_t n = 0;
    /* it has a data.pkl too; torch recognises it by this record */
    if (find_record(l, "constants.pkl", cove__slice(NULL, 0)))
        return cove__fail(l->err, COVE_ENOTSUP, "a TorchScript archive, which is a program, not a checkpoint");
    if (find_record(l, ".data/version", cove__slice(NULL, 0)))
        records[FORMAT_VERSION].name = ".data/version";
    for (size_t i = 0; i < N_RECORDS; i++) {
        int rc = find_small(l, &records[i], &ranges[n]);
        if (rc < 0)
            return rc;
        if (rc > 0)
            found[n++] = &records[i];
    }
    /* torch has an option to write no CRCs: then every one is 0 */
    l->has_crc = records[PICKLE].entry->crc != 0;
    int rc = cove__source_read(l->source, ranges, n, l->call, l->err);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = check_small(l, found[i], ranges[i].length);
    return rc;
}

/* Like std::stoull, which torch uses: spaces and a sign before the digits, anything after them. */
static int check_version(struct loading *l, const struct record *record)
{
    char text[SMALL_RECORD + 1];
    char *end = NULL;
    memcpy(text, record->data.data, record->data.size);
    text[record->data.size] = '\0';
    errno = 0;
    unsigned long long version = strtoull(text, &end, 10);
    if (end == text)
        return cove__fail(l->err, COVE_ECORRUPT, "its %s is not a number", record->name);
    if (errno == 0 && version >= MIN_VERSION && version <= MAX_VERSION)
        return 0;
    return cove__fail(l->err, COVE_ENOTSUP, "an archive of version %llu; versions %d to %d are supported", version,
                      MIN_VERSION, MAX_VERSION);
}

static int read_words(struct loading *l, const struct record *records)
{
    const struct record *order = &records[ORDER], *align = &records[ALIGNMENT];
    bool little_host = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, little = true;
    if (order->entry && !cove__slice_is(order->data, "little")) {
        if (!cove__slice_is(order->data, "big"))
            return cove__fail(l->err, COVE_ECORRUPT, "its byteorder is neither little nor big");
        little = false;
    }
    int rc = check_version(l, &records[FORMAT_VERSION]);
    if (rc < 0)
        return rc;
    l->is_swapped = little != little_host;
    l->align = 0;
    for (size_t i = 0; align->entry && i < align->data.size && l->align < (1u << 20); i++)
        if (align->data.data[i] >= '0' && align->data.data[i] <= '9')
            l->align = l->align * 10 + (align->data.data[i] - '0');
    if (l->align == 0)
        l->align = COVE__ZIP_ALIGN; /* it only helps to guess where data is */
    return 0;
}

/* ---- storages ---- */

static int make_storage(struct loading *l, const struct cove__zip_entry *e, struct cove__storage **ret)
{
    uint64_t guess = cove__zip_guess_data(e, l->align);
    if (guess > e->header_offset + e->room - e->size)
        guess = e->header_offset + COVE__ZIP_LOCAL_SIZE + e->name.size;
    int rc = cove__storage_new(l->source, guess, e->size, e, ret, l->err);
    if (rc < 0)
        return rc;
    (*ret)->has_crc = l->has_crc;
    (*ret)->is_swapped = l->is_swapped;
    return 0;
}

static int find_storage(void *user, struct cove__slice key, enum cove_dtype dtype, int64_t count,
                        struct cove__storage **ret, struct cove_error *err)
{
    struct loading *l = user;
    size_t element = dtype ? cove_dtype_size(dtype) : 1;
    int shown = key.size < 100 ? (int)key.size : 100;
    const struct cove__zip_entry *e = find_record(l, "data/", key);
    if (!e)
        return cove__fail(err, COVE_ECORRUPT, "the archive has no record data/%.*s", shown, (const char *)key.data);
    int rc = cove__zip_check_stored(e, err);
    if (rc < 0)
        return rc;
    if (count < 0 || (uint64_t)count > UINT64_MAX / element || (uint64_t)count * element != e->size)
        return cove__fail(err, COVE_ECORRUPT,
                          "record data/%.*s has %llu bytes, and the pickle has %lld elements of %zu", shown,
                          (const char *)key.data, (unsigned long long)e->size, (long long)count, element);
    struct cove__storage **slot = &l->storages[e - l->dir.entries];
    if (!*slot)
        rc = make_storage(l, e, slot);
    if (rc < 0)
        return rc;
    *ret = cove__storage_ref(*slot);
    return 0;
}

static int load(struct cove__source *source, const struct cove_call *call, cove_value **ret_tree,
                struct cove_error *err)
{
    struct loading l = { .source = source, .call = call, .err = err };
    struct record records[N_RECORDS] = {
        [PICKLE] = { .name = "data.pkl", .max = COVE__PICKLE_MAX_SIZE, .needed = true },
        [FORMAT_VERSION] = { .name = "version", .max = SMALL_RECORD, .needed = true },
        [ORDER] = { .name = "byteorder", .max = SMALL_RECORD },
        [ALIGNMENT] = { .name = ".storage_alignment", .max = SMALL_RECORD },
    };
    int rc = load_directory(&l);
    if (rc == 0)
        rc = load_records(&l, records);
    if (rc == 0)
        rc = read_words(&l, records);
    if (rc < 0)
        goto out;
    l.storages = cove__calloc(l.dir.n, sizeof(*l.storages));
    if (!l.storages) {
        rc = cove__fail_nomem(err, "the archive's storages");
        goto out;
    }
    struct cove__storage_finder finder = { find_storage, &l };
    rc = cove__unpickle(records[PICKLE].data, &finder, ret_tree, err);
out:
    for (size_t i = 0; i < N_RECORDS; i++)
        cove__free(records[i].bytes);
    for (size_t i = 0; l.storages && i < l.dir.n; i++) {
        if (l.storages[i]) {
            cove__storage_close(l.storages[i]);
            cove__storage_unref(l.storages[i]);
        }
    }
    cove__free(l.storages);
    cove__zip_dir_done(&l.dir);
    cove__free(l.central);
    return rc;
}

const struct cove__format cove__torch_format = {
    .id = COVE_CHECKPOINT_FORMAT_TORCH,
    .name = "torch",
    .suffix = NULL,
    .detect = detect,
    .load = load,
    .plan = cove__torch_plan,
    .write = cove__torch_write,
    .plan_free = cove__torch_plan_free,
};
