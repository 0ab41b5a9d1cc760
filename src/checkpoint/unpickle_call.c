/* What a pickle's names become: calls of known ones, states of objects, storages by their persistent ids; opaque values
 * for all others. Values of known names come from globals.c and global_call.c. */
#include <string.h>

#include "base/error.h"
#include "checkpoint/machine.h"

int cove__machine_push_global(struct cove__machine *m, struct cove__slice module, struct cove__slice name)
{
    cove__global_rename(&module, &name);
    const struct cove__global *global = cove__global_find(module, name);
    if (!global)
        return cove__machine_push_new(m, cove__opaque_new(cove__opaque_name(module, name), NULL, COVE_EUNSAFE));
    cove_value *value = cove__value_new(COVE__VALUE_GLOBAL);
    if (value) {
        value->u.global = global;
        value->origin = global->kind == COVE__GLOBAL_DTYPE ? COVE__ORIGIN_DTYPE : COVE__ORIGIN_CLASS;
    }
    return cove__machine_push_new(m, value);
}

int cove__machine_stack_global(struct cove__machine *m)
{
    if (cove__machine_above_mark(m) < 2)
        return cove__machine_corrupt(m, "the stack is too low");
    cove_value *name = cove__machine_pop(m), *module = cove__machine_pop(m);
    int rc = module->type != COVE_VALUE_STRING || name->type != COVE_VALUE_STRING
                 ? cove__machine_corrupt(m, "a name that is not a string")
                 : cove__machine_push_global(m, cove__value_text(module), cove__value_text(name));
    cove_value_unref(name);
    cove_value_unref(module);
    return rc;
}

/* What a call may copy or read: strings, the numbers of a shape, the items of a list of pairs. The number of
 * arguments is charged before: a small pickle can make many calls with one very large tuple. */
static uint64_t cost_of(const cove_value *args)
{
    uint64_t cost = 0;
    for (size_t i = 0; i < args->u.list.n; i++) {
        const cove_value *arg = args->u.list.items[i];
        if (arg->type == COVE_VALUE_STRING || arg->type == COVE_VALUE_BYTES)
            cost += arg->u.text.size;
        else
            cost += cove_value_length(arg) * COVE__MACHINE_ITEM_COST;
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

/* Whether a call of a container's class with `arg` makes one with the same items: a new one, because the old one may
 * still change. */
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
static int fill(struct cove__machine *m, int type, const cove_value *list, cove_value **ret)
{
    cove_value *value = type == COVE_VALUE_LIST ? cove_value_new_list() : cove__value_new_dict(type);
    int rc = value ? 0 : cove__machine_no_memory(m);
    for (size_t i = 0; i < cove_value_length(list) && rc == 0; i++) {
        cove_value *item = cove_value_item(list, i);
        if (list->type == COVE_VALUE_DICT)
            rc = cove__machine_set_item(m, value, cove_value_key(list, i), item);
        else if (type == COVE_VALUE_LIST)
            rc = cove_value_append(value, cove_value_ref(item), m->err);
        else if (type == COVE__VALUE_SET)
            rc = cove__machine_set_item(m, value, item, NULL);
        else if ((item->type == COVE_VALUE_LIST || item->type == COVE_VALUE_TUPLE) && item->u.list.n == 2)
            rc = cove__machine_set_item(m, value, item->u.list.items[0], item->u.list.items[1]);
        else
            rc = cove__machine_corrupt(m, "a dict made of items that are not pairs");
    }
    if (rc == 0)
        *ret = value;
    else
        cove_value_unref(value);
    return rc;
}

/* A call of a known name. The result is opaque if it is refused or depends on an opaque argument. */
static int call_global(struct cove__machine *m, const struct cove__global *global, const cove_value *args,
                       bool make_new)
{
    struct cove_error inner = COVE_ERROR_INIT;
    cove_value *value = NULL;
    const cove_value *from = args->u.list.n == 1 ? args->u.list.items[0] : NULL;
    int rc = cove__machine_charge(m, args->u.list.n * COVE__MACHINE_ITEM_COST);
    if (rc == 0)
        rc = cove__machine_charge(m, cost_of(args));
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
        return rc < 0 ? rc : cove__machine_push_new(m, value);
    }
    rc = make_new ? cove__global_new(global, args, &value, &inner) : cove__global_call(global, args, &value, &inner);
    if (rc == COVE_EUNSAFE || rc == COVE_ENOTSUP)
        return cove__machine_push_new(m, known_opaque(global, &inner));
    const cove_value *opaque = rc == COVE_ECORRUPT ? opaque_among(args, 2) : NULL;
    if (opaque)
        return cove__machine_push_new(m, cove__opaque_again(opaque));
    return rc < 0 ? cove__error_copy(m->err, &inner) : cove__machine_push_new(m, value);
}

/* REDUCE and NEWOBJ: a name and a tuple become a value. */
int cove__machine_call(struct cove__machine *m, bool make_new)
{
    if (cove__machine_above_mark(m) < 2)
        return cove__machine_corrupt(m, "the stack is too low");
    cove_value *args = cove__machine_pop(m), *callee = cove__machine_pop(m);
    int rc = 0;
    if (args->type != COVE_VALUE_TUPLE)
        rc = cove__machine_corrupt(m, "a call without a tuple of arguments");
    else if (callee->type == COVE__VALUE_GLOBAL)
        rc = call_global(m, callee->u.global, args, make_new);
    else if (callee->type == COVE_VALUE_OPAQUE)
        rc = cove__machine_push_new(m, cove__opaque_again(callee));
    else
        rc = cove__machine_corrupt(m, "a call of a value that is not a name");
    cove_value_unref(args);
    cove_value_unref(callee);
    return rc;
}

/* NEWOBJ_EX: no known class takes named arguments, so only an opaque one may have them. */
int cove__machine_call_with_names(struct cove__machine *m)
{
    if (cove__machine_above_mark(m) < 3)
        return cove__machine_corrupt(m, "the stack is too low");
    cove_value *names = cove__machine_pop(m);
    int rc = 0;
    if (names->type != COVE_VALUE_DICT ||
        (cove_value_length(names) > 0 && m->stack[m->n - 2]->type != COVE_VALUE_OPAQUE))
        rc = cove__machine_corrupt(m, "named arguments, which no known class takes");
    cove_value_unref(names);
    return rc < 0 ? rc : cove__machine_call(m, true);
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
int cove__machine_build(struct cove__machine *m)
{
    if (cove__machine_above_mark(m) < 2)
        return cove__machine_corrupt(m, "the stack is too low");
    cove_value *state = cove__machine_pop(m), *object = cove__machine_top(m);
    int rc = 0;
    if (object->type == COVE_VALUE_DICT && object->is_object && state->type == COVE_VALUE_DICT) {
        const struct cove__dict *from = state->u.dict;
        for (size_t i = 0; i < from->n && rc == 0; i++)
            rc = cove__machine_set_item(m, object, from->entries[i].key, from->entries[i].value);
    } else if (object->type == COVE_VALUE_DICT && !may_be_state(object, state)) {
        rc = cove__opaque_become(object, "builtins.object", "an object whose state is not a dict of its attributes",
                                 COVE_ENOTSUP) < 0
                 ? cove__machine_no_memory(m)
                 : 0;
    } else if (object->type != COVE_VALUE_DICT && object->type != COVE_VALUE_OPAQUE) {
        rc = cove__fail(m->err, COVE_ENOTSUP, "pickle: state for a %s", cove__value_name(object));
    }
    cove_value_unref(state);
    return rc;
}

/* The value of a storage; opaque if cove supports no tensors of its type. */
static int make_storage(struct cove__machine *m, cove_value *const *part, cove_value **ret)
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
int cove__machine_persistent(struct cove__machine *m)
{
    const cove_value *id = cove__machine_top(m);
    cove_value *value = NULL;
    if (id && id->type == COVE_VALUE_TUPLE && is_module(id)) {
        value = cove__opaque_again(id->u.list.items[1]);
        cove_value_unref(cove__machine_pop(m));
        return cove__machine_push_new(m, value);
    }
    if (!id || id->type != COVE_VALUE_TUPLE || id->u.list.n < 5 || id->u.list.n > 6)
        return cove__machine_corrupt(m, "a persistent id that is not torch's");
    cove_value *const *part = id->u.list.items;
    if (id->u.list.n == 6 && part[5]->type != COVE_VALUE_NONE)
        return cove__fail(m->err, COVE_ENOTSUP,
                          "pickle: a storage that is a part of another, as torch wrote before 0.4");
    bool class = part[1]->type == COVE_VALUE_OPAQUE ||
                 (part[1]->type == COVE__VALUE_GLOBAL && part[1]->u.global->kind == COVE__GLOBAL_STORAGE);
    if (part[0]->type != COVE_VALUE_STRING || !cove__slice_is(cove__value_text(part[0]), "storage") || !class ||
        part[2]->type != COVE_VALUE_STRING || part[4]->type != COVE_VALUE_INT)
        return cove__machine_corrupt(m, "a persistent id that is not torch's");
    int rc = cove__machine_charge(m, part[2]->u.text.size); /* for the look-up */
    if (rc == 0)
        rc = make_storage(m, part, &value);
    if (rc < 0)
        return rc;
    cove_value_unref(cove__machine_pop(m));
    return cove__machine_push_new(m, value);
}
