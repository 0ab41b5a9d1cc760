/* The loop of the pickle machine: an opcode at a time. Tokens come from wire/pickle.c; machine.c and unpickle_call.c do
 * what an opcode asks for; validate_tree.c makes the final check. */
#include "checkpoint/unpickle.h"

#include "base/mem.h"
#include "checkpoint/machine.h"

static int push_constant(struct cove__machine *m, const struct cove__pickle_token *t)
{
    switch (t->op) {
    case COVE__PICKLE_NONE:
        return cove__machine_push_new(m, cove_value_new_none());
    case COVE__PICKLE_BOOL:
        return cove__machine_push_new(m, cove_value_new_bool((int)t->i));
    case COVE__PICKLE_INT:
        return cove__machine_push_new(m, cove_value_new_int(t->i));
    case COVE__PICKLE_LONG:
        return cove__machine_charge(m, t->s.size) < 0
                   ? COVE_ELIMIT
                   : cove__machine_push_new(m, cove_value_new_big_int(t->s.data, t->s.size));
    case COVE__PICKLE_FLOAT:
        return cove__machine_push_new(m, cove_value_new_float(t->d));
    case COVE__PICKLE_STRING:
        return cove__machine_push_new(m, cove__value_new_text(COVE_VALUE_STRING, t->s));
    case COVE__PICKLE_BYTES:
        return cove__machine_push_new(m, cove__value_new_text(COVE_VALUE_BYTES, t->s));
    case COVE__PICKLE_EMPTY_TUPLE:
        return cove__machine_push_new(m, cove_value_new_tuple());
    case COVE__PICKLE_EMPTY_DICT:
        return cove__machine_push_new(m, cove_value_new_dict());
    case COVE__PICKLE_EMPTY_SET:
        return cove__machine_push_new(m, cove__value_new_dict(COVE__VALUE_SET));
    default: /* EMPTY_LIST */
        return cove__machine_push_new(m, cove_value_new_list());
    }
}

static int move_stack(struct cove__machine *m, const struct cove__pickle_token *t)
{
    switch (t->op) {
    case COVE__PICKLE_MARK:
        if (cove__grow(&m->marks, &m->marks_cap, m->n_marks + 1, sizeof(*m->marks), COVE__VALUE_MAX_COUNT) < 0)
            return cove__machine_no_memory(m);
        m->marks[m->n_marks++] = m->n;
        return 0;
    case COVE__PICKLE_POP:
        if (cove__machine_above_mark(m) > 0)
            cove_value_unref(cove__machine_pop(m));
        else if (m->n_marks > 0)
            m->n_marks--; /* Python's POP removes a mark too */
        else
            return cove__machine_corrupt(m, "the stack is too low");
        return 0;
    case COVE__PICKLE_POP_MARK:
        if (m->n_marks == 0)
            return cove__machine_corrupt(m, "no mark is open");
        cove__machine_drop_mark(m);
        return 0;
    case COVE__PICKLE_DUP:
        return cove__machine_top(m) ? cove__machine_push(m, cove_value_ref(cove__machine_top(m)))
                                    : cove__machine_corrupt(m, "the stack is too low");
    case COVE__PICKLE_PUT:
        return cove__machine_memo_put(m, (uint64_t)t->i);
    case COVE__PICKLE_MEMOIZE:
        return cove__machine_memo_put(m, m->n_kept); /* Python's numbering */
    default:
        return cove__machine_memo_get(m, t->i);
    }
}

static int step(struct cove__machine *m, const struct cove__pickle_token *t)
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
        return cove__machine_collect_marked(m, COVE_VALUE_TUPLE);
    case COVE__PICKLE_TUPLE_OF:
        return cove__machine_above_mark(m) < (size_t)t->i ? cove__machine_corrupt(m, "the stack is too low")
                                                          : cove__machine_collect(m, COVE_VALUE_TUPLE, (size_t)t->i);
    case COVE__PICKLE_LIST:
        return cove__machine_collect_marked(m, COVE_VALUE_LIST);
    case COVE__PICKLE_FROZENSET:
        return cove__machine_make_dict(m, COVE__VALUE_SET);
    case COVE__PICKLE_DICT:
        return cove__machine_make_dict(m, COVE_VALUE_DICT);
    case COVE__PICKLE_APPEND:
        return cove__machine_add_some(m, COVE_VALUE_LIST, 1);
    case COVE__PICKLE_APPENDS:
        return cove__machine_add_marked(m, COVE_VALUE_LIST);
    case COVE__PICKLE_ADDITEMS:
        return cove__machine_add_marked(m, COVE__VALUE_SET);
    case COVE__PICKLE_SETITEM:
        return cove__machine_add_some(m, COVE_VALUE_DICT, 2);
    case COVE__PICKLE_SETITEMS:
        return cove__machine_add_marked(m, COVE_VALUE_DICT);
    case COVE__PICKLE_GLOBAL:
        return cove__machine_push_global(m, t->s, t->t);
    case COVE__PICKLE_STACK_GLOBAL:
        return cove__machine_stack_global(m);
    case COVE__PICKLE_REDUCE:
        return cove__machine_call(m, false);
    case COVE__PICKLE_NEWOBJ:
        return cove__machine_call(m, true);
    case COVE__PICKLE_NEWOBJ_EX:
        return cove__machine_call_with_names(m);
    case COVE__PICKLE_BUILD:
        return cove__machine_build(m);
    case COVE__PICKLE_PERSID:
        return cove__machine_persistent(m);
    default:
        return push_constant(m, t);
    }
}

static int run(struct cove__machine *m)
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
        return cove__machine_corrupt(m, "it does not end with exactly one value");
    return 0;
}

int cove__unpickle(struct cove__slice pickle, const struct cove__storage_finder *finder, cove_value **ret_tree,
                   struct cove_error *err)
{
    struct cove__machine m = { .reader = { .in = pickle }, .finder = finder, .err = err };
    int rc = run(&m);
    if (rc == 0)
        rc = cove__validate_tree(m.stack[0], err);
    if (rc == 0)
        *ret_tree = cove__machine_pop(&m);
    /* containers that cove__validate_tree has not visited were dropped; they may contain themselves */
    for (size_t i = 0; i < m.n_made; i++)
        if (rc < 0 || !m.made[i]->colour)
            cove__value_clear(m.made[i]);
    while (m.n > 0)
        cove_value_unref(cove__machine_pop(&m));
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
