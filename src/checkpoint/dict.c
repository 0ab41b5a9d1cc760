/* Dicts in insertion order: an array of entries, and a hash table over it once there are more than a few. Part of
 * value.h; keys are key.c's. */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "checkpoint/key.h"

#define FEW ((size_t)8) /* up to this many are found faster by comparing each */

/* The slot of the key in the index: its own, or the free one where it belongs. */
static size_t find_slot(const struct cove__dict *dict, const cove_value *key)
{
    size_t slot = (size_t)cove__key_hash(dict->seed, key, dict->is_strict) & (dict->index_size - 1);
    while (dict->index[slot] != 0 && !cove__key_equal(dict->entries[dict->index[slot] - 1].key, key, dict->is_strict))
        slot = (slot + 1) & (dict->index_size - 1);
    return slot;
}

/* The number of the key's entry, or dict->n. */
static size_t find(const struct cove__dict *dict, const cove_value *key)
{
    if (dict->index) {
        uint32_t entry = dict->index[find_slot(dict, key)];
        return entry != 0 ? entry - 1 : dict->n;
    }
    size_t i = 0;
    while (i < dict->n && !cove__key_equal(dict->entries[i].key, key, dict->is_strict))
        i++;
    return i;
}

/* An empty index with room for `n` entries: at most half of its slots will be taken. */
static int new_index(struct cove__dict *dict, size_t n)
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
    return 0;
}

static int reindex(struct cove__dict *dict, size_t n)
{
    if (new_index(dict, n) < 0)
        return COVE_ENOMEM;
    for (size_t i = 0; i < dict->n; i++)
        dict->index[find_slot(dict, dict->entries[i].key)] = (uint32_t)i + 1;
    return 0;
}

struct cove__dict *cove__dict_new(void)
{
    return cove__calloc(1, sizeof(struct cove__dict));
}

int cove__dict_set(struct cove__dict *dict, cove_value *key, cove_value *item)
{
    size_t at = find(dict, key);
    if (at < dict->n) { /* as in Python, the older key stays */
        cove_value *old = dict->entries[at].value;
        dict->entries[at].value = item;
        cove_value_unref(old);
        cove_value_unref(key);
        return 0;
    }
    if (dict->n >= COVE__VALUE_MAX_COUNT)
        return COVE_ELIMIT;
    if (cove__grow(&dict->entries, &dict->cap, dict->n + 1, sizeof(*dict->entries), COVE__VALUE_MAX_COUNT) < 0)
        return COVE_ENOMEM;
    if (dict->n >= FEW && 2 * (dict->n + 1) > dict->index_size && reindex(dict, dict->n + 1) < 0)
        return COVE_ENOMEM;
    cove__key_freeze(key);
    dict->entries[dict->n] = (struct cove__dict_entry){ .key = key, .value = item };
    if (dict->index)
        dict->index[find_slot(dict, key)] = (uint32_t)dict->n + 1;
    dict->n++;
    return 0;
}

cove_value *cove__dict_get(const struct cove__dict *dict, const cove_value *key)
{
    size_t at = find(dict, key);
    return at < dict->n ? dict->entries[at].value : NULL;
}

/* Enters the key of entry `i`, or its replacement. */
static int rehash_key(struct cove__dict *dict, size_t i, enum cove__origin origin)
{
    cove_value *key = dict->entries[i].key;
    size_t slot = find_slot(dict, key);
    if (dict->index[slot] != 0) {
        cove_value *opaque = cove__key_opaque(key, origin);
        if (!opaque)
            return COVE_ENOMEM;
        dict->entries[i].key = opaque;
        cove_value_unref(key);
        slot = find_slot(dict, opaque);
    }
    dict->index[slot] = (uint32_t)i + 1;
    return 0;
}

int cove__dict_rehash(struct cove__dict *dict)
{
    if (!dict->is_strict)
        return 0;
    dict->is_strict = false;
    if (new_index(dict, dict->n) < 0)
        return COVE_ENOMEM;
    for (int with_origin = 0; with_origin < 2; with_origin++) /* what is itself keeps its place */
        for (size_t i = 0; i < dict->n; i++) {
            struct cove__key_facts facts = { 0 };
            cove__key_check(dict->entries[i].key, &facts, 1);
            if ((facts.an_origin != COVE__ORIGIN_ITSELF) == with_origin && rehash_key(dict, i, facts.an_origin) < 0)
                return COVE_ENOMEM;
        }
    return 0;
}

/* ---- the calls of programs ---- */

cove_value *cove_value_new_dict(void)
{
    return cove__value_new_dict(COVE_VALUE_DICT);
}

cove_value *cove__value_new_dict(int type)
{
    cove_value *value = cove__value_new(type);
    if (!value)
        return NULL;
    value->u.dict = cove__dict_new();
    if (value->u.dict)
        return value;
    cove__free(value);
    return NULL;
}

int cove_value_dict_set_by_value(cove_value *dict, cove_value *key, cove_value *item, struct cove_error *err)
{
    struct cove__key_facts facts = { 0 };
    int rc = 0;
    if (!item || !key) {
        rc = cove__fail_nomem(err, "an item of a dict");
        goto out;
    }
    if (!dict || dict->type != COVE_VALUE_DICT) {
        rc = cove__fail(err, COVE_EINVAL, "set: expected dict, got %s", COVE__VALUE_PHRASE(dict));
        goto out;
    }
    rc = cove__key_check(key, &facts, 1);
    if (rc == COVE_ENOTSUP)
        rc = cove__fail(err, COVE_EINVAL, "set: a %s can't be a key: it is a list or dict, or has one in it",
                        cove__value_name(key));
    else if (rc < 0)
        rc = cove__fail(err, rc, "set: a key is too large, or nested too deep");
    if (rc < 0)
        goto out;
    rc = cove__dict_set(dict->u.dict, key, item);
    if (rc == 0)
        return 0;
    rc = rc == COVE_ENOMEM ? cove__fail_nomem(err, "an item of a dict")
                           : cove__fail(err, rc, "set: a dict holds at most %zu items", COVE__VALUE_MAX_COUNT);
out:
    cove_value_unref(key);
    cove_value_unref(item);
    return rc;
}

int cove_value_dict_set(cove_value *dict, const char *key, cove_value *item, struct cove_error *err)
{
    if (!key) {
        cove_value_unref(item);
        return cove__fail(err, COVE_EINVAL, "set: a key is needed");
    }
    return cove_value_dict_set_by_value(dict, cove_value_new_string(key), item, err);
}

int cove_value_dict_set_by_int(cove_value *dict, int64_t key, cove_value *item, struct cove_error *err)
{
    return cove_value_dict_set_by_value(dict, cove_value_new_int(key), item, err);
}

cove_value *cove_value_dict_get_by_value(const cove_value *dict, const cove_value *key)
{
    struct cove__key_facts facts = { 0 };
    if (!dict || dict->type != COVE_VALUE_DICT || !key)
        return NULL;
    return cove__key_check(key, &facts, 1) == 0 ? cove__dict_get(dict->u.dict, key) : NULL;
}

cove_value *cove_value_dict_get(const cove_value *dict, const char *key)
{
    const cove_value probe = COVE__VALUE_BORROW(key, key ? strlen(key) : 0);
    return dict && dict->type == COVE_VALUE_DICT && key ? cove__dict_get(dict->u.dict, &probe) : NULL;
}

cove_value *cove_value_dict_get_by_int(const cove_value *dict, int64_t key)
{
    const cove_value probe = { .type = COVE_VALUE_INT, .u.i = key };
    return dict && dict->type == COVE_VALUE_DICT ? cove__dict_get(dict->u.dict, &probe) : NULL;
}
