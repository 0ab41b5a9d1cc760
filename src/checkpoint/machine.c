/* The pickle machine's stack, marks, memo, and the items of containers: see machine.h. */
#include "checkpoint/machine.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "checkpoint/key.h"

#define VALUE_COST     ((uint64_t)64)
#define DICT_COST      ((uint64_t)96)
#define FIRST_KEY_COST ((uint64_t)128) /* of a dict: its table of entries */
#define KEY_COST       ((uint64_t)64)
#define TENSOR_COST    ((uint64_t)128)
#define FREE_MEMORY    ((uint64_t)64 << 20)
/* Bytes of values for a byte of pickle: an empty dict in a list is one byte. As many as a tree may have are allowed. */
#define MEMORY_RATIO (VALUE_COST + DICT_COST + COVE__MACHINE_ITEM_COST)
_Static_assert(MEMORY_RATIO *COVE__VALUE_MAX_COUNT <= COVE__PICKLE_MAX_MEMORY,
               "every tree that is saved can be loaded");

int cove__machine_corrupt(struct cove__machine *m, const char *what)
{
    return cove__fail(m->err, COVE_ECORRUPT, "pickle: before byte %zu: %s", m->reader.pos, what);
}

int cove__machine_no_memory(struct cove__machine *m)
{
    return cove__fail_nomem(m->err, "the values of a pickle");
}

int cove__machine_charge(struct cove__machine *m, uint64_t bytes)
{
    m->charged += bytes;
    if (m->charged <= FREE_MEMORY + MEMORY_RATIO * m->reader.in.size && m->charged <= COVE__PICKLE_MAX_MEMORY)
        return 0;
    return cove__fail(m->err, COVE_ELIMIT, "pickle: its values would take more than %llu MiB of memory",
                      (unsigned long long)(m->charged >> 20));
}

/* Takes over `value`, also on failure; NULL: its constructor had no memory. */
int cove__machine_push(struct cove__machine *m, cove_value *value)
{
    if (!value)
        return cove__machine_no_memory(m);
    if (cove__grow(&m->stack, &m->cap, m->n + 1, sizeof(*m->stack), COVE__VALUE_MAX_COUNT) < 0) {
        cove_value_unref(value);
        return m->n >= COVE__VALUE_MAX_COUNT ? cove__machine_corrupt(m, "the stack is too high")
                                             : cove__machine_no_memory(m);
    }
    m->stack[m->n++] = value;
    return 0;
}

/* The same for a value that was just made. */
int cove__machine_push_new(struct cove__machine *m, cove_value *value)
{
    int rc = cove__machine_push(m, value);
    if (rc < 0)
        return rc;
    if (value->type == COVE_VALUE_OPAQUE)
        rc = cove__machine_charge(m, strlen(value->u.opaque.name) +
                                         (value->u.opaque.why ? strlen(value->u.opaque.why) : 0));
    if (rc < 0)
        return rc;
    rc = cove__machine_charge(m, VALUE_COST + (value->type == COVE_VALUE_TENSOR ? TENSOR_COST
                                               : value->type == COVE_VALUE_DICT || value->type == COVE__VALUE_SET
                                                   ? DICT_COST
                                                   : 0));
    if (rc < 0)
        return rc;
    if (value->type != COVE_VALUE_LIST && value->type != COVE_VALUE_DICT && value->type != COVE__VALUE_SET)
        return 0;
    if (cove__grow(&m->made, &m->made_cap, m->n_made + 1, sizeof(*m->made), COVE__VALUE_MAX_COUNT) < 0)
        return cove__machine_no_memory(m);
    m->made[m->n_made++] = cove_value_ref(value);
    return 0;
}

/* Drops the values above the topmost mark, and the mark. */
void cove__machine_drop_mark(struct cove__machine *m)
{
    size_t base = m->marks[--m->n_marks];
    while (m->n > base)
        cove_value_unref(cove__machine_pop(m));
}

/* Makes one value of type list or tuple of the `n` topmost, which leave the stack. */
int cove__machine_collect(struct cove__machine *m, int type, size_t n)
{
    cove_value **items = NULL;
    if (n > 0) {
        items = cove__calloc(n, sizeof(*items));
        if (!items)
            return cove__machine_no_memory(m);
        if (cove__machine_charge(m, n * COVE__MACHINE_ITEM_COST) < 0) {
            cove__free(items);
            return COVE_ELIMIT;
        }
        memcpy(items, m->stack + m->n - n, n * sizeof(*items));
    }
    cove_value *value = cove__value_new_items(type, items, n);
    if (!value) {
        cove__free(items);
        return cove__machine_no_memory(m);
    }
    m->n -= n;
    return cove__machine_push_new(m, value);
}

int cove__machine_collect_marked(struct cove__machine *m, int type)
{
    if (m->n_marks == 0)
        return cove__machine_corrupt(m, "no mark is open");
    size_t n = cove__machine_above_mark(m);
    m->n_marks--;
    return cove__machine_collect(m, type, n);
}

/* ---- containers ---- */

/* Adds an item to a dict, or with `value` NULL to a set. The stack or the state keeps its references; the dict gets its
 * own before it drops an older value. The cost of hashing the key is charged as memory: a small pickle can make a tuple
 * with very many items. */
int cove__machine_set_item(struct cove__machine *m, cove_value *dict, cove_value *key, cove_value *value)
{
    struct cove__key_facts facts = { 0 };
    int rc = cove__key_check(key, &facts, 1);
    if (rc == COVE_ENOTSUP)
        return cove__fail(m->err, COVE_ECORRUPT, "pickle: a %s as the key of a dict or in a set",
                          cove__value_name(key));
    if (rc < 0)
        return cove__fail(m->err, rc, "pickle: the key of a dict or an item of a set is too large, or too deep");
    rc = cove__machine_charge(m, KEY_COST + facts.cost * COVE__MACHINE_ITEM_COST +
                                     (dict->u.dict->n == 0 ? FIRST_KEY_COST : 0));
    if (rc < 0)
        return rc;
    dict->u.dict->is_strict |= facts.an_origin != COVE__ORIGIN_ITSELF;
    if (cove__dict_set(dict->u.dict, cove_value_ref(key), cove_value_ref(value)) == 0)
        return 0;
    cove_value_unref(key);
    cove_value_unref(value);
    return cove__machine_no_memory(m);
}

static void drop(struct cove__machine *m, size_t n)
{
    for (size_t i = 0; i < n; i++)
        cove_value_unref(cove__machine_pop(m));
}

/* Adds the `n` topmost values to the list or dict below them; an opaque value drops them. */
static int add_items(struct cove__machine *m, int type, size_t n)
{
    cove_value *target = m->stack[m->n - n - 1];
    cove_value **items = m->stack + m->n - n;
    int rc = 0;
    if (cove__machine_charge(m, n * COVE__MACHINE_ITEM_COST) < 0)
        return COVE_ELIMIT;
    if (target->type == COVE_VALUE_OPAQUE) {
        drop(m, n);
        return 0;
    }
    if (target->type != type || target->origin == COVE__ORIGIN_FROZENSET || (type == COVE_VALUE_DICT && n % 2 != 0))
        return cove__machine_corrupt(m, type == COVE_VALUE_DICT   ? "items for a value that is not a dict"
                                        : type == COVE_VALUE_LIST ? "items for a value that is not a list"
                                                                  : "items for a value that is not a set");
    for (size_t i = 0; i < n && rc == 0; i += type == COVE_VALUE_DICT ? 2 : 1) {
        if (type == COVE_VALUE_DICT)
            rc = cove__machine_set_item(m, target, items[i], items[i + 1]);
        else if (type == COVE__VALUE_SET)
            rc = cove__machine_set_item(m, target, items[i], NULL);
        else
            rc = cove_value_append(target, cove_value_ref(items[i]), m->err);
    }
    drop(m, n);
    return rc;
}

int cove__machine_add_marked(struct cove__machine *m, int type)
{
    if (m->n_marks == 0)
        return cove__machine_corrupt(m, "no mark is open");
    size_t n = cove__machine_above_mark(m);
    m->n_marks--;
    if (cove__machine_above_mark(m) < n + 1)
        return cove__machine_corrupt(m, "no container stands below the mark");
    return add_items(m, type, n);
}

int cove__machine_add_some(struct cove__machine *m, int type, size_t n)
{
    return cove__machine_above_mark(m) < n + 1 ? cove__machine_corrupt(m, "the stack is too low")
                                               : add_items(m, type, n);
}

/* A dict or frozenset of the values above the mark. */
int cove__machine_make_dict(struct cove__machine *m, int type)
{
    if (m->n_marks == 0)
        return cove__machine_corrupt(m, "no mark is open");
    size_t n = cove__machine_above_mark(m);
    m->n_marks--;
    int rc = cove__machine_push_new(m, cove__value_new_dict(type));
    if (rc < 0)
        return rc;
    cove_value *dict = cove__machine_pop(m);
    memmove(m->stack + m->n - n + 1, m->stack + m->n - n, n * sizeof(*m->stack));
    m->stack[m->n - n] = dict; /* below its items; there is room: it was pushed */
    m->n++;
    rc = add_items(m, type, n);
    if (type == COVE__VALUE_SET)
        dict->origin = COVE__ORIGIN_FROZENSET;
    return rc;
}

/* ---- memo ---- */

int cove__machine_memo_put(struct cove__machine *m, uint64_t index)
{
    cove_value *value = cove__machine_top(m);
    if (!value)
        return cove__machine_corrupt(m, "a memo entry for an empty stack");
    if (index > m->reader.pos ||
        index >= COVE__VALUE_MAX_COUNT) /* a pickler's index is never larger than the bytes it has written */
        return cove__machine_corrupt(m, "a memo index that is too large");
    size_t cap = m->memo_cap;
    if (cove__grow(&m->memo, &m->memo_cap, (size_t)index + 1, sizeof(*m->memo), COVE__VALUE_MAX_COUNT) < 0)
        return cove__machine_no_memory(m);
    if (m->memo_cap > cap)
        memset(m->memo + cap, 0, (m->memo_cap - cap) * sizeof(*m->memo));
    if (index >= m->n_memo)
        m->n_memo = (size_t)index + 1;
    m->n_kept += !m->memo[index];
    cove_value_unref(m->memo[index]);
    m->memo[index] = cove_value_ref(value);
    return 0;
}

int cove__machine_memo_get(struct cove__machine *m, int64_t index)
{
    if ((uint64_t)index >= m->n_memo || !m->memo[index])
        return cove__machine_corrupt(m, "an unknown memo index");
    return cove__machine_push(m, cove_value_ref(m->memo[index]));
}
