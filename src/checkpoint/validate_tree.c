/*
 * The final check of an unpickled tree. A pickle can build a graph that no walk could handle: a list that contains
 * itself, unlimited depth, or lists that contain the same list twice (thirty such levels are a billion values). Each
 * value is visited once and gets its height and weight. A container inside itself is replaced by a back reference
 * (back_reference.c), so the result is a tree.
 */
#include "base/error.h"
#include "base/mem.h"
#include "checkpoint/unpickle.h"
#include "checkpoint/walk.h"

enum { WHITE = 0, GREY, BLACK };

/* A class or dtype as a value becomes its name. */
static int name_to_string(cove_value *value, struct cove_error *err)
{
    char buffer[COVE__GLOBAL_TEXT_MAX];
    struct cove__slice text = cove__global_text(value->u.global, buffer);
    char *copy = cove__strndup((const char *)text.data, text.size);
    if (!copy)
        return cove__fail_nomem(err, "the values of a pickle");
    value->type = COVE_VALUE_STRING;
    value->u.text.data = copy;
    value->u.text.size = text.size;
    return 0;
}

/* A storage as a value becomes a tensor over all of it. */
static int storage_to_tensor(cove_value *value, struct cove_error *err)
{
    struct cove__storage *storage = value->u.storage.storage;
    enum cove_dtype dtype = value->u.storage.dtype ? (enum cove_dtype)value->u.storage.dtype : COVE_DTYPE_UINT8;
    int64_t length = (int64_t)(storage->size / cove_dtype_size(dtype));
    struct cove__shape shape = { dtype, 1, &length, NULL };
    cove_value *tensor = NULL;
    int rc = cove__tensor_new(&shape, &tensor, err);
    if (rc == 0)
        rc = cove__storage_view(storage, tensor->u.tensor, 0, 0, err);
    if (rc == 0) {
        value->type = COVE_VALUE_TENSOR;
        value->u.tensor = tensor->u.tensor;
        tensor->type = COVE_VALUE_NONE;
        cove__storage_unref(storage);
    }
    cove_value_unref(tensor);
    return rc;
}

/* A set becomes the list of its items, in insertion order; a frozenset that is in a key, a tuple. */
static int set_to_list(cove_value *value, struct cove_error *err)
{
    struct cove__dict *dict = value->u.dict;
    cove_value **items = dict->n > 0 ? cove__calloc(dict->n, sizeof(*items)) : NULL;
    if (dict->n > 0 && !items)
        return cove__fail_nomem(err, "the values of a pickle");
    for (size_t i = 0; i < dict->n; i++)
        items[i] = dict->entries[i].key;
    value->type = value->is_frozen ? COVE_VALUE_TUPLE : COVE_VALUE_LIST;
    value->u.list.items = items;
    value->u.list.n = value->u.list.cap = dict->n;
    cove__free(dict->entries);
    cove__free(dict->index);
    cove__free(dict);
    return 0;
}

struct validation {
    struct cove__walk walk;
    struct {
        cove_value *reference, *target; /* BORROWED from the tree */
    } * cycles;
    size_t n, cap;
    struct cove_error *err;
};

/* Replaces the walk's current child, a container that contains itself, by a back reference. It is an item: no key
 * contains a list or dict. */
static int cut_cycle(struct validation *v)
{
    cove_value *holder = cove__walk_top(&v->walk)->value;
    size_t i = cove__walk_top(&v->walk)->next - 1;
    cove_value **slot =
        holder->type == COVE_VALUE_DICT ? &holder->u.dict->entries[i / 2].value : &holder->u.list.items[i];
    cove_value *target = *slot;
    if (cove__value_child(holder, i) != target)
        return cove__fail(v->err, COVE_ECORRUPT, "pickle: a key that contains itself");
    if (cove__grow(&v->cycles, &v->cap, v->n + 1, sizeof(*v->cycles), COVE__VALUE_MAX_COUNT) < 0)
        return cove__fail_nomem(v->err, "the values of a pickle");
    cove_value *reference = cove__value_new(COVE_VALUE_BACK_REFERENCE);
    if (!reference)
        return cove__fail_nomem(v->err, "the values of a pickle");
    reference->colour = BLACK;
    reference->height = 1;
    reference->w.weight = 1;
    v->cycles[v->n].reference = reference;
    v->cycles[v->n++].target = target;
    *slot = reference;
    cove_value_unref(target); /* not the last reference: the walk reached it */
    return 0;
}

static int enter(struct cove__walk *walk, cove_value *value, struct cove_error *err)
{
    int rc = 0;
    if (value->type == COVE__VALUE_GLOBAL)
        rc = name_to_string(value, err);
    else if (value->type == COVE__VALUE_STORAGE)
        rc = storage_to_tensor(value, err);
    else if (value->type == COVE__VALUE_SET)
        rc = set_to_list(value, err);
    if (rc < 0)
        return rc;
    value->colour = GREY;
    value->w.weight = 1;
    value->height = 1;
    return cove__walk_enter(walk, value, err);
}

/* Adds a visited child's height and weight to its parent. */
static int add_child(cove_value *value, const cove_value *item, struct cove_error *err)
{
    value->w.weight += item->w.weight; /* each is at most the limit: no overflow before the check */
    if (value->w.weight > COVE__VALUE_MAX_COUNT)
        return cove__fail(err, COVE_ELIMIT, "pickle: a tree of more than %zu values", COVE__VALUE_MAX_COUNT);
    if (item->height >= COVE__VALUE_MAX_DEPTH)
        return cove__fail(err, COVE_ELIMIT, "pickle: its values are nested deeper than %d", COVE__VALUE_MAX_DEPTH);
    if (item->height >= value->height)
        value->height = (uint16_t)(item->height + 1);
    return 0;
}

static int validate(struct validation *v, cove_value *tree)
{
    struct cove__walk *walk = &v->walk;
    int rc = enter(walk, tree, v->err);
    while (rc == 0 && walk->n > 0) {
        cove_value *value = cove__walk_top(walk)->value, *item = cove__walk_next(walk);
        if (item && item->colour == GREY) {
            rc = cut_cycle(v);
            if (rc == 0)
                rc = add_child(value, v->cycles[v->n - 1].reference, v->err);
        } else if (item && item->colour != BLACK) {
            rc = enter(walk, item, v->err);
        } else if (item) {
            rc = add_child(value, item, v->err);
        } else {
            value->colour = BLACK;
            cove__walk_leave(walk);
            if (value->type == COVE_VALUE_DICT && cove__dict_rehash(value->u.dict) < 0)
                rc = cove__fail_nomem(v->err, "the values of a pickle");
            if (rc == 0 && walk->n > 0)
                rc = add_child(cove__walk_top(walk)->value, value, v->err);
        }
    }
    return rc;
}

int cove__validate_tree(cove_value *tree, struct cove_error *err)
{
    struct validation v = { .err = err };
    int rc = validate(&v, tree);
    /* only now: during the walk the weight is in the place of the weak reference */
    for (size_t i = 0; i < v.n && rc == 0; i++)
        if (cove__back_reference_bind(v.cycles[i].reference, v.cycles[i].target) < 0)
            rc = cove__fail_nomem(err, "the values of a pickle");
    cove__free(v.cycles);
    cove__walk_done(&v.walk);
    return rc;
}
