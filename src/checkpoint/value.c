/* The tree of a checkpoint: makers, counts, lists, types. Below it: storage.c, which a tensor unrefs; above it: all
 * other files of the tree. */
#include "checkpoint/value.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "checkpoint/storage.h"

cove_value *cove__value_new(int type)
{
    cove_value *value = cove__calloc(1, sizeof(*value));
    if (!value)
        return NULL;
    atomic_init(&value->refs, 1);
    value->type = (uint8_t)type;
    return value;
}

cove_value *cove__value_new_text(int type, struct cove__slice text)
{
    cove_value *value = cove__value_new(type);
    if (!value)
        return NULL;
    value->u.text.data = cove__strndup((const char *)text.data, text.size);
    value->u.text.size = text.size;
    if (value->u.text.data)
        return value;
    cove__free(value);
    return NULL;
}

cove_value *cove__value_new_items(int type, cove_value **items, size_t n)
{
    cove_value *value = cove__value_new(type);
    if (!value)
        return NULL;
    value->u.list.items = items;
    value->u.list.n = value->u.list.cap = n;
    return value;
}

cove_value *cove_value_new_none(void)
{
    return cove__value_new(COVE_VALUE_NONE);
}

cove_value *cove_value_new_bool(int b)
{
    cove_value *value = cove__value_new(COVE_VALUE_BOOL);
    if (value)
        value->u.i = b != 0;
    return value;
}

cove_value *cove_value_new_int(int64_t i)
{
    cove_value *value = cove__value_new(COVE_VALUE_INT);
    if (value)
        value->u.i = i;
    return value;
}

cove_value *cove_value_new_float(double d)
{
    cove_value *value = cove__value_new(COVE_VALUE_FLOAT);
    if (value)
        value->u.d = d;
    return value;
}

cove_value *cove_value_new_string(const char *s)
{
    return cove__value_new_text(COVE_VALUE_STRING, cove__slice_str(s));
}

cove_value *cove_value_new_string_with_length(const char *s, size_t length)
{
    return cove__value_new_text(COVE_VALUE_STRING, cove__slice(s, length));
}

cove_value *cove_value_new_bytes(const void *data, size_t size)
{
    return cove__value_new_text(COVE_VALUE_BYTES, cove__slice(data, size));
}

cove_value *cove_value_new_list(void)
{
    return cove__value_new(COVE_VALUE_LIST);
}

cove_value *cove_value_new_tuple(void)
{
    return cove__value_new(COVE_VALUE_TUPLE);
}

/* ---- counts ---- */

cove_value *cove_value_ref(cove_value *value)
{
    if (value)
        atomic_fetch_add_explicit(&value->refs, 1, memory_order_relaxed);
    return value;
}

/* Drops one reference; the last one puts the value on the list of those to be freed. */
static void drop_reference(cove_value *value, cove_value **doomed)
{
    if (!value || atomic_fetch_sub_explicit(&value->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (value->has_weak_ref)
        cove__weak_ref_clear(value);
    value->w.next = *doomed;
    *doomed = value;
}

static void clear_container(cove_value *value, cove_value **doomed)
{
    if ((value->type == COVE_VALUE_DICT || value->type == COVE__VALUE_SET) && value->u.dict) {
        struct cove__dict *dict = value->u.dict;
        for (size_t i = 0; i < dict->n; i++) {
            drop_reference(dict->entries[i].value, doomed);
            drop_reference(dict->entries[i].key, doomed);
        }
        cove__free(dict->entries);
        cove__free(dict->index);
        *dict = (struct cove__dict){ 0 };
    } else if (value->type == COVE_VALUE_LIST || value->type == COVE_VALUE_TUPLE) {
        for (size_t i = 0; i < value->u.list.n; i++)
            drop_reference(value->u.list.items[i], doomed);
        cove__free(value->u.list.items);
        value->u.list.items = NULL;
        value->u.list.n = value->u.list.cap = 0;
    }
}

static void free_tensor(struct cove__tensor *t)
{
    cove__block_unref(t->block);
    cove__storage_unref(t->storage);
    cove__free(t);
}

/* Frees without recursion: a tree may be deeper than a stack. */
static void free_doomed(cove_value *doomed)
{
    while (doomed) {
        cove_value *value = doomed;
        doomed = value->w.next;
        clear_container(value, &doomed);
        switch (value->type) {
        case COVE_VALUE_STRING:
        case COVE_VALUE_BYTES:
        case COVE__VALUE_BIG_INT:
            cove__free(value->u.text.data);
            break;
        case COVE_VALUE_OPAQUE:
            cove__free(value->u.opaque.name);
            cove__free(value->u.opaque.why);
            break;
        case COVE_VALUE_BACK_REFERENCE:
            cove__weak_ref_unref(value->u.weak_ref);
            break;
        case COVE_VALUE_DICT:
        case COVE__VALUE_SET:
            cove__free(value->u.dict);
            break;
        case COVE_VALUE_TENSOR:
            free_tensor(value->u.tensor);
            break;
        case COVE__VALUE_STORAGE:
            cove__storage_unref(value->u.storage.storage);
            break;
        default:
            break;
        }
        cove__free(value);
    }
}

void cove_value_unref(cove_value *value)
{
    cove_value *doomed = NULL;
    drop_reference(value, &doomed);
    free_doomed(doomed);
}

void cove__value_clear(cove_value *container)
{
    cove_value *doomed = NULL;
    clear_container(container, &doomed);
    free_doomed(doomed);
}

/* ---- containers ---- */

int cove_value_append(cove_value *list, cove_value *item, struct cove_error *err)
{
    int rc = 0;
    if (!item) {
        rc = cove__fail_nomem(err, "an item of a list");
    } else if (!list || (list->type != COVE_VALUE_LIST && list->type != COVE_VALUE_TUPLE)) {
        rc = cove__fail(err, COVE_EINVAL, "append: expected list or tuple, got %s", COVE__VALUE_PHRASE(list));
    } else if (list->is_frozen) {
        rc = cove__fail(err, COVE_EINVAL, "append: a tuple that is the key of a dict can't grow");
    } else if (list->u.list.n >= COVE__VALUE_MAX_COUNT) {
        rc = cove__fail(err, COVE_ELIMIT, "append: a list holds at most %zu items", COVE__VALUE_MAX_COUNT);
    } else if (cove__grow(&list->u.list.items, &list->u.list.cap, list->u.list.n + 1, sizeof(cove_value *),
                          COVE__VALUE_MAX_COUNT) < 0) {
        rc = cove__fail_nomem(err, "an item of a list");
    } else {
        list->u.list.items[list->u.list.n++] = item;
        return 0;
    }
    cove_value_unref(item);
    return rc;
}

size_t cove_value_length(const cove_value *value)
{
    if (!value)
        return 0;
    if (value->type == COVE_VALUE_DICT)
        return value->u.dict->n;
    return value->type == COVE_VALUE_LIST || value->type == COVE_VALUE_TUPLE ? value->u.list.n : 0;
}

cove_value *cove_value_item(const cove_value *value, size_t i)
{
    if (i >= cove_value_length(value))
        return NULL;
    return value->type == COVE_VALUE_DICT ? value->u.dict->entries[i].value : value->u.list.items[i];
}

size_t cove__value_n_children(const cove_value *value)
{
    return cove_value_length(value) * (value->type == COVE_VALUE_DICT ? 2 : 1);
}

cove_value *cove__value_child(const cove_value *value, size_t i)
{
    if (value->type == COVE_VALUE_DICT)
        return i % 2 == 0 ? cove_value_key(value, i / 2) : cove_value_item(value, i / 2);
    return cove_value_item(value, i);
}

cove_value *cove_value_key(const cove_value *dict, size_t i)
{
    if (!dict || dict->type != COVE_VALUE_DICT || i >= dict->u.dict->n)
        return NULL;
    return dict->u.dict->entries[i].key;
}

const char *cove_value_key_name(const cove_value *dict, size_t i)
{
    const cove_value *key = cove_value_key(dict, i);
    bool is_name = key && key->type == COVE_VALUE_STRING && !memchr(key->u.text.data, 0, key->u.text.size);
    return is_name ? key->u.text.data : NULL;
}

/* ---- types ---- */

enum cove_value_type cove_value_type(const cove_value *value)
{
    if (!value)
        return COVE_VALUE_NONE;
    return value->type == COVE__VALUE_BIG_INT ? COVE_VALUE_INT : (enum cove_value_type)value->type;
}

const char *cove_value_type_name(enum cove_value_type type)
{
    static const char *const names[] = { "None", "bool",  "int",  "float",  "string", "bytes",
                                         "list", "tuple", "dict", "tensor", "opaque", "back reference" };
    return (size_t)type < sizeof(names) / sizeof(names[0]) ? names[type] : "unknown";
}

const char *cove__value_name(const cove_value *value)
{
    if (!value)
        return "null pointer";
    if (value->type == COVE__VALUE_GLOBAL)
        return "class";
    if (value->type == COVE__VALUE_SET)
        return "set";
    return value->type == COVE__VALUE_STORAGE ? "storage" : cove_value_type_name(cove_value_type(value));
}

const char *cove__value_phrase(const cove_value *value, char buffer[COVE__VALUE_PHRASE_MAX])
{
    if (!value || value->type != COVE_VALUE_OPAQUE)
        return cove__value_name(value);
    snprintf(buffer, COVE__VALUE_PHRASE_MAX, "opaque %s", value->u.opaque.name);
    return buffer;
}
