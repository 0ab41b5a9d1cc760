/* Dicts in insertion order: an array of entries, and a hash table over it once there are more than a few. Part of
 * value.h. */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "checkpoint/value.h"

#define FEW ((size_t)8) /* so many are found faster by looking at each */

/* ---- SipHash-1-3 (Aumasson and Bernstein), keyed, so that nobody who writes a file can choose keys that collide ----
 */

static uint64_t rotate(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static uint64_t hash_bytes(const uint64_t seed[2], const void *data, size_t size)
{
    uint64_t v[4] = { seed[0] ^ 0x736f6d6570736575u, seed[1] ^ 0x646f72616e646f6du, seed[0] ^ 0x6c7967656e657261u,
                      seed[1] ^ 0x7465646279746573u };
    const uint8_t *p = data;
    for (size_t done = 0;; done += 8) {
        size_t n = size - done < 8 ? size - done : 8;
        uint64_t word = n < 8 ? (uint64_t)size << 56 : 0;
        for (size_t i = 0; i < n; i++)
            word |= (uint64_t)p[done + i] << (8 * i);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
        if (n < 8)
            break;
    }
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint64_t hash_key(const struct cove__dict *dict, const char *key, size_t key_size, int64_t number)
{
    return key ? hash_bytes(dict->seed, key, key_size) : ~hash_bytes(dict->seed, &number, sizeof(number));
}

static bool same_key(const struct cove__dict_entry *e, const char *key, size_t key_size, int64_t number)
{
    if (!key || !e->key)
        return !key && !e->key && e->number == number;
    return strncmp(e->key, key, key_size) == 0 && e->key[key_size] == '\0';
}

/* The slot of the key in the index: its own, or the free one where it belongs. */
static size_t find_slot(const struct cove__dict *dict, const char *key, size_t key_size, int64_t number)
{
    size_t slot = (size_t)hash_key(dict, key, key_size, number) & (dict->index_size - 1);
    while (dict->index[slot] != 0 && !same_key(&dict->entries[dict->index[slot] - 1], key, key_size, number))
        slot = (slot + 1) & (dict->index_size - 1);
    return slot;
}

/* The number of the key's entry, or dict->n. */
static size_t find(const struct cove__dict *dict, const char *key, size_t key_size, int64_t number)
{
    if (dict->index) {
        uint32_t entry = dict->index[find_slot(dict, key, key_size, number)];
        return entry != 0 ? entry - 1 : dict->n;
    }
    size_t i = 0;
    while (i < dict->n && !same_key(&dict->entries[i], key, key_size, number))
        i++;
    return i;
}

/* Makes the index anew, with room for `n` entries: at most half of its slots are taken. */
static int reindex(struct cove__dict *dict, size_t n)
{
    size_t size = 4 * FEW;
    while (size < 4 * n)
        size *= 2;
    uint32_t *index = cove__calloc(size, sizeof(*index));
    if (!index)
        return COVE_ENOMEM;
    if (!dict->index) {
        dict->seed[0] = cove__random();
        dict->seed[1] = cove__random();
    }
    cove__free(dict->index);
    dict->index = index;
    dict->index_size = size;
    for (size_t i = 0; i < dict->n; i++) {
        const struct cove__dict_entry *e = &dict->entries[i];
        index[find_slot(dict, e->key, e->key ? strlen(e->key) : 0, e->number)] = (uint32_t)i + 1;
    }
    return 0;
}

struct cove__dict *cove__dict_new(void)
{
    return cove__calloc(1, sizeof(struct cove__dict));
}

int cove__dict_set(struct cove__dict *dict, const char *key, size_t key_size, int64_t number, cove_value *item)
{
    size_t at = find(dict, key, key_size, number);
    if (at < dict->n) {
        cove_value *old = dict->entries[at].value;
        dict->entries[at].value = item;
        cove_value_unref(old);
        return 0;
    }
    if (dict->n >= COVE__VALUE_MAX_COUNT)
        return COVE_ELIMIT;
    if (cove__grow(&dict->entries, &dict->cap, dict->n + 1, sizeof(*dict->entries), COVE__VALUE_MAX_COUNT) < 0)
        return COVE_ENOMEM;
    if (dict->n >= FEW && 2 * (dict->n + 1) > dict->index_size && reindex(dict, dict->n + 1) < 0)
        return COVE_ENOMEM;
    struct cove__dict_entry *e = &dict->entries[dict->n];
    *e = (struct cove__dict_entry){ .number = key ? 0 : number, .value = item };
    if (key) {
        e->key = cove__strndup(key, key_size);
        if (!e->key)
            return COVE_ENOMEM;
    }
    if (dict->index)
        dict->index[find_slot(dict, key, key_size, number)] = (uint32_t)dict->n + 1;
    dict->n++;
    return 0;
}

cove_value *cove__dict_get(const struct cove__dict *dict, const char *key, size_t key_size, int64_t number)
{
    size_t at = find(dict, key, key_size, number);
    return at < dict->n ? dict->entries[at].value : NULL;
}
