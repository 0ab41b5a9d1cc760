/* The pickle machine: stack, marks and memo. Tokens come from wire/pickle.c, values of names from globals.c;
 * validate_tree.c makes the final check. */
#include "checkpoint/unpickle.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "checkpoint/key.h"
#include "wire/pickle.h"

struct machine {
    struct cove__pickle_reader reader;
    const struct cove__storage_finder *finder;
    struct cove_error *err;
    cove_value **stack; /* owned references, as in the next ones */
    size_t n, cap;
    size_t *marks; /* the stack's height at each open mark */
    size_t n_marks, marks_cap;
    cove_value **memo;               /* NULL: an unused index */
    size_t n_memo, memo_cap, n_kept; /* n_kept: used indices */
    cove_value **made;               /* every list, dict and set, so that a cycle among them can be broken */
    size_t n_made, made_cap;
    uint64_t charged; /* approximate memory of the values, in bytes: a small pickle can need much more than its size */
};

#define VALUE_COST     ((uint64_t)64)
#define DICT_COST      ((uint64_t)96)
#define FIRST_KEY_COST ((uint64_t)128) /* of a dict: its table of entries */
#define ITEM_COST      ((uint64_t)16)
#define KEY_COST       ((uint64_t)64)
#define TENSOR_COST    ((uint64_t)128)
#define FREE_MEMORY    ((uint64_t)64 << 20)
/* Bytes of values for a byte of pickle: an empty dict in a list is one byte. As many as a tree may have are allowed. */
#define MEMORY_RATIO (VALUE_COST + DICT_COST + ITEM_COST)
_Static_assert(MEMORY_RATIO *COVE__VALUE_MAX_COUNT <= COVE__PICKLE_MAX_MEMORY,
               "every tree that is saved can be loaded");

static int corrupt(struct machine *m, const char *what)
{
    return cove__fail(m->err, COVE_ECORRUPT, "pickle: before byte %zu: %s", m->reader.pos, what);
}

static int no_memory(struct machine *m)
{
    return cove__fail_nomem(m->err, "the values of a pickle");
}

static int charge(struct machine *m, uint64_t bytes)
{
    m->charged += bytes;
    if (m->charged <= FREE_MEMORY + MEMORY_RATIO * m->reader.in.size && m->charged <= COVE__PICKLE_MAX_MEMORY)
        return 0;
    return cove__fail(m->err, COVE_ELIMIT, "pickle: its values would take more than %llu MiB of memory",
                      (unsigned long long)(m->charged >> 20));
}

/* The number of values above the topmost mark: those that an opcode may use. */
static size_t above_mark(const struct machine *m)
{
    return m->n - (m->n_marks > 0 ? m->marks[m->n_marks - 1] : 0);
}

static cove_value *pop(struct machine *m)
{
    return m->stack[--m->n];
}

static cove_value *top(const struct machine *m)
{
    return above_mark(m) > 0 ? m->stack[m->n - 1] : NULL;
}

/* Takes over `value`, also on failure; NULL: its constructor had no memory. */
static int push(struct machine *m, cove_value *value)
{
    if (!value)
        return no_memory(m);
    if (cove__grow(&m->stack, &m->cap, m->n + 1, sizeof(*m->stack), COVE__VALUE_MAX_COUNT) < 0) {
        cove_value_unref(value);
        return m->n >= COVE__VALUE_MAX_COUNT ? corrupt(m, "the stack is too high") : no_memory(m);
    }
    m->stack[m->n++] = value;
    return 0;
}

/* The same for a value that was just made. */
static int push_new(struct machine *m, cove_value *value)
{
    int rc = push(m, value);
    if (rc < 0)
        return rc;
    if (value->type == COVE_VALUE_OPAQUE)
        rc = charge(m, strlen(value->u.opaque.name) + (value->u.opaque.why ? strlen(value->u.opaque.why) : 0));
    if (rc < 0)
        return rc;
    rc = charge(m, VALUE_COST + (value->type == COVE_VALUE_TENSOR                                   ? TENSOR_COST
                                 : value->type == COVE_VALUE_DICT || value->type == COVE__VALUE_SET ? DICT_COST
                                                                                                    : 0));
    if (rc < 0)
        return rc;
    if (value->type != COVE_VALUE_LIST && value->type != COVE_VALUE_DICT && value->type != COVE__VALUE_SET)
        return 0;
    if (cove__grow(&m->made, &m->made_cap, m->n_made + 1, sizeof(*m->made), COVE__VALUE_MAX_COUNT) < 0)
        return no_memory(m);
    m->made[m->n_made++] = cove_value_ref(value);
    return 0;
}

/* Drops the values above the topmost mark, and the mark. */
static void drop_mark(struct machine *m)
{
    size_t base = m->marks[--m->n_marks];
    while (m->n > base)
        cove_value_unref(pop(m));
}

/* Makes one value of type list or tuple of the `n` topmost, which leave the stack. */
static int collect(struct machine *m, int type, size_t n)
{
    cove_value **items = NULL;
    if (n > 0) {
        items = cove__calloc(n, sizeof(*items));
        if (!items)
            return no_memory(m);
        if (charge(m, n * ITEM_COST) < 0) {
            cove__free(items);
            return COVE_ELIMIT;
        }
        memcpy(items, m->stack + m->n - n, n * sizeof(*items));
    }
    cove_value *value = cove__value_new_items(type, items, n);
    if (!value) {
        cove__free(items);
        return no_memory(m);
    }
    m->n -= n;
    return push_new(m, value);
}

static int collect_marked(struct machine *m, int type)
{
    if (m->n_marks == 0)
        return corrupt(m, "no mark is open");
    size_t n = above_mark(m);
    m->n_marks--;
    return collect(m, type, n);
}

/* ---- containers ---- */

/* Adds an item to a dict, or with `value` NULL to a set. The stack or the state keeps its references; the dict gets its
 * own before it drops an older value. The cost of hashing the key is charged as memory: a small pickle can make a tuple
 * with very many items. */
static int set_item(struct machine *m, cove_value *dict, cove_value *key, cove_value *value)
{
    struct cove__key_facts facts = { 0 };
    int rc = cove__key_check(key, &facts, 1);
    if (rc == COVE_ENOTSUP)
        return cove__fail(m->err, COVE_ECORRUPT, "pickle: a %s as the key of a dict or in a set",
                          cove__value_name(key));
    if (rc < 0)
        return cove__fail(m->err, rc, "pickle: the key of a dict or an item of a set is too large, or too deep");
    rc = charge(m, KEY_COST + facts.cost * ITEM_COST + (dict->u.dict->n == 0 ? FIRST_KEY_COST : 0));
    if (rc < 0)
        return rc;
    dict->u.dict->is_strict |= facts.an_origin != COVE__ORIGIN_ITSELF;
    if (cove__dict_set(dict->u.dict, cove_value_ref(key), cove_value_ref(value)) == 0)
        return 0;
    cove_value_unref(key);
    cove_value_unref(value);
    return no_memory(m);
}

static void drop(struct machine *m, size_t n)
{
    for (size_t i = 0; i < n; i++)
        cove_value_unref(pop(m));
}

/* Adds the `n` topmost values to the list or dict below them; an opaque value drops them. */
static int add_items(struct machine *m, int type, size_t n)
{
    cove_value *target = m->stack[m->n - n - 1];
    cove_value **items = m->stack + m->n - n;
    int rc = 0;
    if (charge(m, n * ITEM_COST) < 0)
        return COVE_ELIMIT;
    if (target->type == COVE_VALUE_OPAQUE) {
        drop(m, n);
        return 0;
    }
    if (target->type != type || target->origin == COVE__ORIGIN_FROZENSET || (type == COVE_VALUE_DICT && n % 2 != 0))
        return corrupt(m, type == COVE_VALUE_DICT   ? "items for a value that is not a dict"
                          : type == COVE_VALUE_LIST ? "items for a value that is not a list"
                                                    : "items for a value that is not a set");
    for (size_t i = 0; i < n && rc == 0; i += type == COVE_VALUE_DICT ? 2 : 1) {
        if (type == COVE_VALUE_DICT)
            rc = set_item(m, target, items[i], items[i + 1]);
        else if (type == COVE__VALUE_SET)
            rc = set_item(m, target, items[i], NULL);
        else
            rc = cove_value_append(target, cove_value_ref(items[i]), m->err);
    }
    drop(m, n);
    return rc;
}

static int add_marked(struct machine *m, int type)
{
    if (m->n_marks == 0)
        return corrupt(m, "no mark is open");
    size_t n = above_mark(m);
    m->n_marks--;
    if (above_mark(m) < n + 1)
        return corrupt(m, "no container stands below the mark");
    return add_items(m, type, n);
}

static int add_some(struct machine *m, int type, size_t n)
{
    return above_mark(m) < n + 1 ? corrupt(m, "the stack is too low") : add_items(m, type, n);
}

/* A dict or frozenset of the values above the mark. */
static int make_dict(struct machine *m, int type)
{
    if (m->n_marks == 0)
        return corrupt(m, "no mark is open");
    size_t n = above_mark(m);
    m->n_marks--;
    int rc = push_new(m, cove__value_new_dict(type));
    if (rc < 0)
        return rc;
    cove_value *dict = pop(m);
    memmove(m->stack + m->n - n + 1, m->stack + m->n - n, n * sizeof(*m->stack));
    m->stack[m->n - n] = dict; /* below its items; there is room: it was pushed */
    m->n++;
    rc = add_items(m, type, n);
    if (type == COVE__VALUE_SET)
        dict->origin = COVE__ORIGIN_FROZENSET;
    return rc;
}

/* ---- memo ---- */

static int memo_put(struct machine *m, uint64_t index)
{
    cove_value *value = top(m);
    if (!value)
        return corrupt(m, "a memo entry for an empty stack");
    if (index > m->reader.pos ||
        index >= COVE__VALUE_MAX_COUNT) /* a pickler's index is never larger than the bytes it has written */
        return corrupt(m, "a memo index that is too large");
    size_t cap = m->memo_cap;
    if (cove__grow(&m->memo, &m->memo_cap, (size_t)index + 1, sizeof(*m->memo), COVE__VALUE_MAX_COUNT) < 0)
        return no_memory(m);
    if (m->memo_cap > cap)
        memset(m->memo + cap, 0, (m->memo_cap - cap) * sizeof(*m->memo));
    if (index >= m->n_memo)
        m->n_memo = (size_t)index + 1;
    m->n_kept += !m->memo[index];
    cove_value_unref(m->memo[index]);
    m->memo[index] = cove_value_ref(value);
    return 0;
}

static int memo_get(struct machine *m, int64_t index)
{
    if ((uint64_t)index >= m->n_memo || !m->memo[index])
        return corrupt(m, "an unknown memo index");
    return push(m, cove_value_ref(m->memo[index]));
}

/* ---- names and calls ---- */

static int push_global(struct machine *m, struct cove__slice module, struct cove__slice name)
{
    cove__global_rename(&module, &name);
    const struct cove__global *global = cove__global_find(module, name);
    if (!global)
        return push_new(m, cove__opaque_new(cove__opaque_name(module, name), NULL, COVE_EUNSAFE));
    cove_value *value = cove__value_new(COVE__VALUE_GLOBAL);
    if (value) {
        value->u.global = global;
        value->origin = global->kind == COVE__GLOBAL_DTYPE ? COVE__ORIGIN_DTYPE : COVE__ORIGIN_CLASS;
    }
    return push_new(m, value);
}

static int stack_global(struct machine *m)
{
    if (above_mark(m) < 2)
        return corrupt(m, "the stack is too low");
    cove_value *name = pop(m), *module = pop(m);
    int rc = module->type != COVE_VALUE_STRING || name->type != COVE_VALUE_STRING
                 ? corrupt(m, "a name that is not a string")
                 : push_global(m, cove__value_text(module), cove__value_text(name));
    cove_value_unref(name);
    cove_value_unref(module);
    return rc;
}

/* What a call may copy or look at: strings, the numbers of a shape, the items of a list of pairs. The number of
 * arguments is charged before: a small pickle can make many calls with one very large tuple. */
static uint64_t cost_of(const cove_value *args)
{
    uint64_t cost = 0;
    for (size_t i = 0; i < args->u.list.n; i++) {
        const cove_value *arg = args->u.list.items[i];
        if (arg->type == COVE_VALUE_STRING || arg->type == COVE_VALUE_BYTES)
            cost += arg->u.text.size;
        else
            cost += cove_value_length(arg) * ITEM_COST;
    }
    return cost;
}

/* The first opaque value in the arguments, down to two levels: the depth of a shape or a storage. */
static const cove_value *opaque_among(const cove_value *args, unsigned depth)
{
    const cove_value *found = NULL;
    if (args->type == COVE_VALUE_OPAQUE)
        return args;
    for (size_t i = 0; depth > 0 && !found && i < cove_value_length(args); i++)
        found = opaque_among(cove_value_item(args, i), depth - 1);
    return found;
}

/* An opaque value for a known object that is not read; it keeps the reason. */
static cove_value *known_opaque(const struct cove__global *global, const struct cove_error *inner)
{
    static const char head[] = "pickle: ";
    const char *why = inner->message;
    if (strncmp(why, head, sizeof(head) - 1) == 0)
        why += sizeof(head) - 1;
    return cove__opaque_new(cove__opaque_name(cove__slice_str(global->module), cove__slice_str(global->name)), why,
                            inner->code);
}

/* Whether a call of a container's class with `arg` makes one with the same items: a new one, for the old one may still
 * change. */
static bool is_filled_from(const struct cove__global *global, const cove_value *arg)
{
    switch ((enum cove__global_kind)global->kind) {
    case COVE__GLOBAL_DICT:
        return arg->type == COVE_VALUE_LIST || arg->type == COVE_VALUE_DICT;
    case COVE__GLOBAL_SET:
    case COVE__GLOBAL_FROZENSET:
    case COVE__GLOBAL_LIST:
        return arg->type == COVE_VALUE_LIST;
    default:
        return false;
    }
}

/* A dict of the pairs in a list, or a list or set of the items in one; a dict of the items in another. */
static int fill(struct machine *m, int type, const cove_value *list, cove_value **ret)
{
    cove_value *value = type == COVE_VALUE_LIST ? cove_value_new_list() : cove__value_new_dict(type);
    int rc = value ? 0 : no_memory(m);
    for (size_t i = 0; i < cove_value_length(list) && rc == 0; i++) {
        cove_value *item = cove_value_item(list, i);
        if (list->type == COVE_VALUE_DICT)
            rc = set_item(m, value, cove_value_key(list, i), item);
        else if (type == COVE_VALUE_LIST)
            rc = cove_value_append(value, cove_value_ref(item), m->err);
        else if (type == COVE__VALUE_SET)
            rc = set_item(m, value, item, NULL);
        else if ((item->type == COVE_VALUE_LIST || item->type == COVE_VALUE_TUPLE) && item->u.list.n == 2)
            rc = set_item(m, value, item->u.list.items[0], item->u.list.items[1]);
        else
            rc = corrupt(m, "a dict made of items that are not pairs");
    }
    if (rc == 0)
        *ret = value;
    else
        cove_value_unref(value);
    return rc;
}

/* A call of a known name. The result is opaque if it is refused or depends on an opaque argument. */
static int call_global(struct machine *m, const struct cove__global *global, const cove_value *args, bool make_new)
{
    struct cove_error inner = COVE_ERROR_INIT;
    cove_value *value = NULL;
    const cove_value *from = args->u.list.n == 1 ? args->u.list.items[0] : NULL;
    int rc = charge(m, args->u.list.n * ITEM_COST);
    if (rc == 0)
        rc = charge(m, cost_of(args));
    if (rc < 0)
        return rc;
    if (from && is_filled_from(global, from)) {
        rc = fill(m,
                  global->kind == COVE__GLOBAL_DICT   ? COVE_VALUE_DICT
                  : global->kind == COVE__GLOBAL_LIST ? COVE_VALUE_LIST
                                                      : COVE__VALUE_SET,
                  from, &value);
        if (rc == 0 && global->kind == COVE__GLOBAL_FROZENSET)
            value->origin = COVE__ORIGIN_FROZENSET;
        return rc < 0 ? rc : push_new(m, value);
    }
    rc = make_new ? cove__global_new(global, args, &value, &inner) : cove__global_call(global, args, &value, &inner);
    if (rc == COVE_EUNSAFE || rc == COVE_ENOTSUP)
        return push_new(m, known_opaque(global, &inner));
    const cove_value *opaque = rc == COVE_ECORRUPT ? opaque_among(args, 2) : NULL;
    if (opaque)
        return push_new(m, cove__opaque_again(opaque));
    return rc < 0 ? cove__error_copy(m->err, &inner) : push_new(m, value);
}

/* REDUCE and NEWOBJ: a name and a tuple become a value. */
static int call(struct machine *m, bool make_new)
{
    if (above_mark(m) < 2)
        return corrupt(m, "the stack is too low");
    cove_value *args = pop(m), *callee = pop(m);
    int rc = 0;
    if (args->type != COVE_VALUE_TUPLE)
        rc = corrupt(m, "a call without a tuple of arguments");
    else if (callee->type == COVE__VALUE_GLOBAL)
        rc = call_global(m, callee->u.global, args, make_new);
    else if (callee->type == COVE_VALUE_OPAQUE)
        rc = push_new(m, cove__opaque_again(callee));
    else
        rc = corrupt(m, "a call of a value that is not a name");
    cove_value_unref(args);
    cove_value_unref(callee);
    return rc;
}

/* NEWOBJ_EX: no known class takes named arguments, so only an opaque one may have them. */
static int call_with_names(struct machine *m)
{
    if (above_mark(m) < 3)
        return corrupt(m, "the stack is too low");
    cove_value *names = pop(m);
    int rc = 0;
    if (names->type != COVE_VALUE_DICT ||
        (cove_value_length(names) > 0 && m->stack[m->n - 2]->type != COVE_VALUE_OPAQUE))
        rc = corrupt(m, "named arguments, which no known class takes");
    cove_value_unref(names);
    return rc < 0 ? rc : call(m, true);
}

/* A dict's own attributes are dropped, in whatever form Python takes them; those of an object must be all there. */
static bool may_be_state(const cove_value *object, const cove_value *state)
{
    if (state->type == COVE_VALUE_DICT || state->type == COVE_VALUE_NONE)
        return true;
    return !object->is_object &&
           (state->type == COVE_VALUE_LIST || state->type == COVE_VALUE_TUPLE || state->type == COVE_VALUE_OPAQUE);
}

/* An object's attributes become the items of a dict; what has another state is opaque. Attributes of a dict, a list or
 * an opaque value are dropped. */
static int build(struct machine *m)
{
    if (above_mark(m) < 2)
        return corrupt(m, "the stack is too low");
    cove_value *state = pop(m), *object = top(m);
    int rc = 0;
    if (object->type == COVE_VALUE_DICT && object->is_object && state->type == COVE_VALUE_DICT) {
        const struct cove__dict *from = state->u.dict;
        for (size_t i = 0; i < from->n && rc == 0; i++)
            rc = set_item(m, object, from->entries[i].key, from->entries[i].value);
    } else if (object->type == COVE_VALUE_DICT && !may_be_state(object, state)) {
        rc = cove__opaque_become(object, "builtins.object", "an object whose state is not a dict of its attributes",
                                 COVE_ENOTSUP) < 0
                 ? no_memory(m)
                 : 0;
    } else if (object->type != COVE_VALUE_DICT && object->type != COVE_VALUE_OPAQUE) {
        rc = cove__fail(m->err, COVE_ENOTSUP, "pickle: state for a %s", cove__value_name(object));
    }
    cove_value_unref(state);
    return rc;
}

/* The value of a storage; opaque if cove supports no tensors of its type. */
static int make_storage(struct machine *m, cove_value *const *part, cove_value **ret)
{
    struct cove__storage *storage = NULL;
    if (part[1]->type == COVE_VALUE_OPAQUE) {
        *ret = cove__opaque_again(part[1]);
        return 0;
    }
    const struct cove__global *class = part[1]->u.global;
    if (class->dtype == 0 && strcmp(class->name, "UntypedStorage") != 0) {
        struct cove_error inner = COVE_ERROR_INIT;
        cove__fail(&inner, COVE_ENOTSUP, "tensors of a torch.%s are not supported", class->name);
        *ret = known_opaque(class, &inner);
        return 0;
    }
    int rc = m->finder->find(m->finder->user, cove__value_text(part[2]), (enum cove_dtype) class->dtype, part[4]->u.i,
                             &storage, m->err);
    if (rc < 0)
        return rc;
    *ret = cove__value_new(COVE__VALUE_STORAGE);
    if (*ret) {
        (*ret)->u.storage.storage = storage;
        (*ret)->u.storage.dtype = class->dtype;
    } else {
        cove__storage_unref(storage);
    }
    return 0;
}

/* The persistent id of a module's class, written by torch before 1.6: ("module", class, file, source). */
static bool is_module(const cove_value *id)
{
    return id->u.list.n == 4 && id->u.list.items[0]->type == COVE_VALUE_STRING &&
           cove__slice_is(cove__value_text(id->u.list.items[0]), "module") &&
           id->u.list.items[1]->type == COVE_VALUE_OPAQUE;
}

/* The persistent id of a storage: ("storage", class, key, location, number of elements); before 1.6 also a None. */
static int persistent(struct machine *m)
{
    const cove_value *id = top(m);
    cove_value *value = NULL;
    if (id && id->type == COVE_VALUE_TUPLE && is_module(id)) {
        value = cove__opaque_again(id->u.list.items[1]);
        cove_value_unref(pop(m));
        return push_new(m, value);
    }
    if (!id || id->type != COVE_VALUE_TUPLE || id->u.list.n < 5 || id->u.list.n > 6)
        return corrupt(m, "a persistent id that is not torch's");
    cove_value *const *part = id->u.list.items;
    if (id->u.list.n == 6 && part[5]->type != COVE_VALUE_NONE)
        return cove__fail(m->err, COVE_ENOTSUP,
                          "pickle: a storage that is a part of another, as torch wrote before 0.4");
    bool class = part[1]->type == COVE_VALUE_OPAQUE ||
                 (part[1]->type == COVE__VALUE_GLOBAL && part[1]->u.global->kind == COVE__GLOBAL_STORAGE);
    if (part[0]->type != COVE_VALUE_STRING || !cove__slice_is(cove__value_text(part[0]), "storage") || !class ||
        part[2]->type != COVE_VALUE_STRING || part[4]->type != COVE_VALUE_INT)
        return corrupt(m, "a persistent id that is not torch's");
    int rc = charge(m, part[2]->u.text.size); /* for the look-up */
    if (rc == 0)
        rc = make_storage(m, part, &value);
    if (rc < 0)
        return rc;
    cove_value_unref(pop(m));
    return push_new(m, value);
}

/* ---- the loop ---- */

static int push_constant(struct machine *m, const struct cove__pickle_token *t)
{
    switch (t->op) {
    case COVE__PICKLE_NONE:
        return push_new(m, cove_value_new_none());
    case COVE__PICKLE_BOOL:
        return push_new(m, cove_value_new_bool((int)t->i));
    case COVE__PICKLE_INT:
        return push_new(m, cove_value_new_int(t->i));
    case COVE__PICKLE_LONG:
        return charge(m, t->s.size) < 0 ? COVE_ELIMIT : push_new(m, cove_value_new_big_int(t->s.data, t->s.size));
    case COVE__PICKLE_FLOAT:
        return push_new(m, cove_value_new_float(t->d));
    case COVE__PICKLE_STRING:
        return push_new(m, cove__value_new_text(COVE_VALUE_STRING, t->s));
    case COVE__PICKLE_BYTES:
        return push_new(m, cove__value_new_text(COVE_VALUE_BYTES, t->s));
    case COVE__PICKLE_EMPTY_TUPLE:
        return push_new(m, cove_value_new_tuple());
    case COVE__PICKLE_EMPTY_DICT:
        return push_new(m, cove_value_new_dict());
    case COVE__PICKLE_EMPTY_SET:
        return push_new(m, cove__value_new_dict(COVE__VALUE_SET));
    default: /* EMPTY_LIST */
        return push_new(m, cove_value_new_list());
    }
}

static int move_stack(struct machine *m, const struct cove__pickle_token *t)
{
    switch (t->op) {
    case COVE__PICKLE_MARK:
        if (cove__grow(&m->marks, &m->marks_cap, m->n_marks + 1, sizeof(*m->marks), COVE__VALUE_MAX_COUNT) < 0)
            return no_memory(m);
        m->marks[m->n_marks++] = m->n;
        return 0;
    case COVE__PICKLE_POP:
        if (above_mark(m) > 0)
            cove_value_unref(pop(m));
        else if (m->n_marks > 0)
            m->n_marks--; /* Python's POP removes a mark too */
        else
            return corrupt(m, "the stack is too low");
        return 0;
    case COVE__PICKLE_POP_MARK:
        if (m->n_marks == 0)
            return corrupt(m, "no mark is open");
        drop_mark(m);
        return 0;
    case COVE__PICKLE_DUP:
        return top(m) ? push(m, cove_value_ref(top(m))) : corrupt(m, "the stack is too low");
    case COVE__PICKLE_PUT:
        return memo_put(m, (uint64_t)t->i);
    case COVE__PICKLE_MEMOIZE:
        return memo_put(m, m->n_kept); /* Python's numbering */
    default:
        return memo_get(m, t->i);
    }
}

static int step(struct machine *m, const struct cove__pickle_token *t)
{
    switch (t->op) {
    case COVE__PICKLE_MARK:
    case COVE__PICKLE_POP:
    case COVE__PICKLE_POP_MARK:
    case COVE__PICKLE_DUP:
    case COVE__PICKLE_PUT:
    case COVE__PICKLE_MEMOIZE:
    case COVE__PICKLE_GET:
        return move_stack(m, t);
    case COVE__PICKLE_TUPLE:
        return collect_marked(m, COVE_VALUE_TUPLE);
    case COVE__PICKLE_TUPLE_OF:
        return above_mark(m) < (size_t)t->i ? corrupt(m, "the stack is too low")
                                            : collect(m, COVE_VALUE_TUPLE, (size_t)t->i);
    case COVE__PICKLE_LIST:
        return collect_marked(m, COVE_VALUE_LIST);
    case COVE__PICKLE_FROZENSET:
        return make_dict(m, COVE__VALUE_SET);
    case COVE__PICKLE_DICT:
        return make_dict(m, COVE_VALUE_DICT);
    case COVE__PICKLE_APPEND:
        return add_some(m, COVE_VALUE_LIST, 1);
    case COVE__PICKLE_APPENDS:
        return add_marked(m, COVE_VALUE_LIST);
    case COVE__PICKLE_ADDITEMS:
        return add_marked(m, COVE__VALUE_SET);
    case COVE__PICKLE_SETITEM:
        return add_some(m, COVE_VALUE_DICT, 2);
    case COVE__PICKLE_SETITEMS:
        return add_marked(m, COVE_VALUE_DICT);
    case COVE__PICKLE_GLOBAL:
        return push_global(m, t->s, t->t);
    case COVE__PICKLE_STACK_GLOBAL:
        return stack_global(m);
    case COVE__PICKLE_REDUCE:
        return call(m, false);
    case COVE__PICKLE_NEWOBJ:
        return call(m, true);
    case COVE__PICKLE_NEWOBJ_EX:
        return call_with_names(m);
    case COVE__PICKLE_BUILD:
        return build(m);
    case COVE__PICKLE_PERSID:
        return persistent(m);
    default:
        return push_constant(m, t);
    }
}

static int run(struct machine *m)
{
    struct cove__pickle_token token = { .op = COVE__PICKLE_NONE };
    for (;;) {
        int rc = cove__pickle_next(&m->reader, &token, m->err);
        if (rc < 0)
            return rc;
        if (token.op == COVE__PICKLE_STOP)
            break;
        rc = step(m, &token);
        if (rc < 0)
            return rc;
    }
    if (m->n != 1 || m->n_marks != 0)
        return corrupt(m, "it does not end with exactly one value");
    return 0;
}

int cove__unpickle(struct cove__slice pickle, const struct cove__storage_finder *finder, cove_value **ret_tree,
                   struct cove_error *err)
{
    struct machine m = { .reader = { .in = pickle }, .finder = finder, .err = err };
    int rc = run(&m);
    if (rc == 0)
        rc = cove__validate_tree(m.stack[0], err);
    if (rc == 0)
        *ret_tree = pop(&m);
    /* containers that cove__validate_tree has not visited were dropped; they may contain themselves */
    for (size_t i = 0; i < m.n_made; i++)
        if (rc < 0 || !m.made[i]->colour)
            cove__value_clear(m.made[i]);
    while (m.n > 0)
        cove_value_unref(pop(&m));
    for (size_t i = 0; i < m.n_memo; i++)
        cove_value_unref(m.memo[i]);
    for (size_t i = 0; i < m.n_made; i++)
        cove_value_unref(m.made[i]);
    cove__free(m.stack);
    cove__free(m.marks);
    cove__free(m.memo);
    cove__free(m.made);
    return rc;
}
