/*
 * torch's format before 1.6, loading only. Pickles in sequence (a magic number, a version, facts about the machine, the
 * tree, the storages' keys), then the storages in the order of the keys, each after its number of elements. The length
 * of a pickle is not stored, so the file is read from the start until the last pickle has ended. Below: wire, unpickle.
 */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "checkpoint/format.h"
#include "checkpoint/unpickle.h"
#include "wire/pickle.h"

#define COUNT_SIZE     8
#define VERSION_NUMBER 1001
#define MAX_KEYS       ((size_t)1 << 20)

struct loading {
    struct cove__source *source;
    const struct cove_call *call;
    struct cove_error *err;
    uint8_t *bytes; /* owned: the first bytes of the file */
    size_t size, at;
    cove_value *numbers;             /* owned: a dict from a storage's key to its number in `storages` */
    struct cove__storage **storages; /* owned */
    size_t n, cap;
};

/* The length of the magic number's pickle at the start; 0: it is not there. */
static size_t find_magic(struct cove__slice head)
{
    static const char magic[] = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    size_t at = 2, n = sizeof(magic) - 1;
    if (head.size < at || head.data[0] != 0x80)
        return 0;
    if (head.data[1] >= 4 && head.size > at && head.data[at] == 0x95) /* a frame with its length */
        at += 9;
    return head.size >= at + n && memcmp(head.data + at, magic, n) == 0 ? at + n : 0;
}

static bool detect(struct cove__slice head, uint64_t size)
{
    return find_magic(head) > 0;
}

/* Reads more of the file: at least up to byte `upto`, and twice as much as before. */
static int read_on(struct loading *l, uint64_t upto)
{
    uint64_t most = l->source->size < COVE__PICKLE_MAX_SIZE ? l->source->size : COVE__PICKLE_MAX_SIZE;
    uint64_t size = 2 * (uint64_t)l->size > upto ? 2 * (uint64_t)l->size : upto;
    if (upto > l->source->size)
        return cove__fail(l->err, COVE_ECORRUPT, "truncated: its pickles end after byte %llu, where the file ends",
                          (unsigned long long)l->source->size);
    if (upto > COVE__PICKLE_MAX_SIZE)
        return cove__fail(l->err, COVE_ELIMIT, "its pickles have more than %llu bytes",
                          (unsigned long long)COVE__PICKLE_MAX_SIZE);
    size = size < most ? size : most;
    uint8_t *bytes = cove__realloc(l->bytes, (size_t)size);
    if (!bytes)
        return cove__fail_nomem(l->err, "the checkpoint's pickle");
    l->bytes = bytes;
    struct cove_range range = { .offset = (int64_t)l->size,
                                .length = (size_t)size - l->size,
                                .buffer = bytes + l->size };
    int rc = cove__source_read(l->source, &range, 1, l->call, l->err);
    if (rc == 0)
        l->size = (size_t)size;
    return rc;
}

/* Skips the next pickle, which is bytes `*ret_begin` to `l->at`. */
static int pass_pickle(struct loading *l, size_t *ret_begin)
{
    struct cove__pickle_token token = { .op = COVE__PICKLE_NONE };
    struct cove__pickle_reader r = { .in = cove__slice(l->bytes + l->at, l->size - l->at) };
    while (token.op != COVE__PICKLE_STOP) {
        struct cove__pickle_reader before = r;
        int rc = cove__pickle_next(&r, &token, l->err);
        if (rc < 0 && r.wanted == 0)
            return rc;
        if (rc == 0)
            continue;
        uint64_t upto = r.wanted < UINT64_MAX / 2 ? l->at + r.wanted : UINT64_MAX;
        rc = read_on(l, upto);
        if (rc < 0)
            return rc;
        r = before; /* parse the token again, with more bytes */
        r.in = cove__slice(l->bytes + l->at, l->size - l->at);
        token.op = COVE__PICKLE_NONE;
    }
    *ret_begin = l->at;
    l->at += r.pos;
    return 0;
}

/* ---- storages ---- */

/* Its offset is not known before the tree is built and the sizes of the storages before it are known. */
static int find_storage(void *user, struct cove__slice key, enum cove_dtype dtype, int64_t count,
                        struct cove__storage **ret, struct cove_error *err)
{
    struct loading *l = user;
    uint64_t size = 0;
    int64_t number = (int64_t)l->n;
    if (memchr(key.data, 0, key.size) || count < 0 ||
        __builtin_mul_overflow((uint64_t)count, dtype ? cove_dtype_size(dtype) : 1, &size) || size > l->source->size)
        return cove__fail(err, COVE_ECORRUPT,
                          "the pickle has a storage of %lld elements, but the file has only %llu bytes",
                          (long long)count, (unsigned long long)l->source->size);
    cove_value *known = cove_value_dict_get(l->numbers, (const char *)key.data); /* a string's data ends with a NUL */
    if (known) {
        struct cove__storage *storage = l->storages[known->u.i];
        if (storage->size != size)
            return cove__fail(err, COVE_ECORRUPT, "the pickle has two sizes for one storage");
        *ret = cove__storage_ref(storage);
        return 0;
    }
    struct cove__zip_entry entry = { .name = key };
    if (cove__grow(&l->storages, &l->cap, l->n + 1, sizeof(*l->storages), MAX_KEYS) < 0)
        return l->n >= MAX_KEYS ? cove__fail(err, COVE_ELIMIT, "more than %zu storages", MAX_KEYS)
                                : cove__fail_nomem(err, "the checkpoint's storages");
    int rc = cove_value_dict_set(l->numbers, (const char *)key.data, cove_value_new_int(number), err);
    if (rc == 0)
        rc = cove__storage_new(l->source, 0, size, &entry, &l->storages[l->n], err);
    if (rc < 0)
        return rc;
    l->storages[l->n]->is_counted = true;
    l->storages[l->n]->count = (uint64_t)count;
    l->storages[l->n]->is_swapped = __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__;
    *ret = cove__storage_ref(l->storages[l->n++]);
    return 0;
}

/* Sets the offset of the storage of `key`, and of those over the same bytes; advances `*at` past it. */
static int place(struct loading *l, const cove_value *key, uint64_t *at)
{
    if (key->type != COVE_VALUE_STRING)
        return cove__fail(l->err, COVE_ECORRUPT, "a storage's key is a %s", cove__value_name(key));
    const cove_value *number = cove_value_dict_get(l->numbers, key->u.text.data);
    if (!number)
        return cove__fail(l->err, COVE_ENOTSUP, "storage %.100s is of a kind that is not supported", key->u.text.data);
    struct cove__storage *s = l->storages[number->u.i];
    if (s->offset != 0)
        return cove__fail(l->err, COVE_ECORRUPT, "storage %.100s is repeated", key->u.text.data);
    if (l->source->size - *at < COUNT_SIZE || l->source->size - *at - COUNT_SIZE < s->size)
        return cove__fail(l->err, COVE_ECORRUPT, "truncated: storage %.100s of %llu bytes begins at byte %llu",
                          key->u.text.data, (unsigned long long)s->size, (unsigned long long)*at);
    for (struct cove__storage *same = s; same; same = same->next) {
        same->entry.header_offset = *at;
        same->offset = *at + COUNT_SIZE;
    }
    *at += COUNT_SIZE + s->size;
    return 0;
}

static int place_all(struct loading *l, struct cove__slice pickle)
{
    struct cove__storage_finder none = { find_storage, l };
    cove_value *keys = NULL;
    uint64_t at = l->at;
    size_t known = l->n;
    int rc = cove__unpickle(pickle, &none, &keys, l->err);
    if (rc == 0 && (keys->type != COVE_VALUE_LIST || l->n != known))
        rc = cove__fail(l->err, COVE_ECORRUPT, "its list of storages is not a list");
    for (size_t i = 0; rc == 0 && i < cove_value_length(keys); i++)
        rc = place(l, cove_value_item(keys, i), &at);
    for (size_t i = 0; rc == 0 && i < l->n; i++)
        if (l->storages[i]->offset == 0)
            rc = cove__fail(l->err, COVE_ECORRUPT, "storage %.100s is not in the file", l->storages[i]->name);
    cove_value_unref(keys);
    return rc;
}

static int check_version(struct loading *l, struct cove__slice pickle)
{
    struct cove__storage_finder finder = { find_storage, l };
    cove_value *version = NULL;
    int rc = cove__unpickle(pickle, &finder, &version, l->err);
    if (rc == 0 && (version->type != COVE_VALUE_INT || version->u.i != VERSION_NUMBER))
        rc = cove__fail(l->err, COVE_ENOTSUP, "its version is not %d, the only known version", VERSION_NUMBER);
    cove_value_unref(version);
    return rc;
}

static struct cove__slice pickle_at(const struct loading *l, const size_t *begin, const size_t *end, size_t i)
{
    return cove__slice(l->bytes + begin[i], end[i] - begin[i]);
}

static int load(struct cove__source *source, const struct cove_call *call, cove_value **ret_tree,
                struct cove_error *err)
{
    enum { VERSION, MACHINE, TREE, KEYS, N_PICKLES };
    struct cove_error why = COVE_ERROR_INIT;
    struct loading l = { .source = source, .call = call, .err = err ? err : &why };
    size_t begin[N_PICKLES], end[N_PICKLES];
    cove_value *tree = NULL;
    int rc = 0;
    l.at = find_magic(cove__slice(source->head, source->head_size));
    l.bytes = cove__malloc(source->head_size);
    l.size = source->head_size;
    l.numbers = cove_value_new_dict();
    if (!l.bytes || !l.numbers) {
        rc = cove__fail_nomem(l.err, "the checkpoint's pickle");
        goto out;
    }
    memcpy(l.bytes, source->head, source->head_size);
    for (size_t i = 0; i < N_PICKLES && rc == 0; i++) {
        rc = pass_pickle(&l, &begin[i]);
        end[i] = l.at;
    }
    struct cove__storage_finder finder = { find_storage, &l };
    if (rc == 0)
        rc = check_version(&l, pickle_at(&l, begin, end, VERSION));
    if (rc == 0)
        rc = cove__unpickle(pickle_at(&l, begin, end, TREE), &finder, &tree, l.err);
    if (rc == 0)
        rc = place_all(&l, pickle_at(&l, begin, end, KEYS));
out:
    for (size_t i = 0; i < l.n; i++) {
        cove__storage_close(l.storages[i]);
        cove__storage_unref(l.storages[i]);
    }
    cove__free(l.storages);
    cove_value_unref(l.numbers);
    cove__free(l.bytes);
    if (rc < 0)
        cove_value_unref(tree);
    else
        *ret_tree = tree;
    return rc;
}

const struct cove__format cove__torch_legacy_format = {
    .id = COVE_CHECKPOINT_FORMAT_TORCH,
    .name = "torch before 1.6",
    .detect = detect,
    .load = load,
};
