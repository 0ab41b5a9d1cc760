/*
 * A copy of a tree that shares no memory with the original: its tensors keep their values while those that they were
 * made over change. Used by the trainer to remember callbacks' states.
 */
#include "checkpoint/copy.h"

#include "base/error.h"
#include "checkpoint/storage.h"
#include "checkpoint/value.h"

static int copy_tensor(const cove_value *value, cove_value **ret, struct cove_error *err)
{
    const struct cove__tensor *from = value->u.tensor;
    const struct cove__shape shape = { from->dtype, from->n_dims, from->dims, NULL };
    cove_value *copy = NULL;
    int rc;
    if (from->span > 0 && !from->data)
        return cove__fail(err, COVE_ESTATE, "a copy of a tensor that is still remote: fetch it before");
    if ((rc = cove__tensor_new(&shape, &copy, err)) < 0)
        return rc;
    struct cove__tensor *to = copy->u.tensor;
    if (to->span > 0) {
        to->block = cove__block_new(0, to->span, 0);
        if (!to->block) {
            cove_value_unref(copy);
            return cove__fail_nomem(err, "a copy of a tensor");
        }
        to->data = to->block->data;
        cove__tensor_gather(from, 0, cove__tensor_count(from), to->data);
    }
    *ret = copy;
    return 0;
}

static int copy_container(const cove_value *value, unsigned depth, cove_value **ret, struct cove_error *err);

static int copy_value(const cove_value *value, unsigned depth, cove_value **ret, struct cove_error *err)
{
    switch (value->type) {
    case COVE_VALUE_LIST:
    case COVE_VALUE_TUPLE:
    case COVE_VALUE_DICT:
        return copy_container(value, depth, ret, err);
    case COVE_VALUE_TENSOR:
        return copy_tensor(value, ret, err);
    case COVE_VALUE_BACK_REFERENCE:
        return cove__fail(err, COVE_ENOTSUP, "a copy of a container that holds itself");
    default:
        /* Nothing changes these. */
        *ret = cove_value_ref((cove_value *)(uintptr_t)value);
        return 0;
    }
}

static int copy_container(const cove_value *value, unsigned depth, cove_value **ret, struct cove_error *err)
{
    bool is_dict = value->type == COVE_VALUE_DICT;
    cove_value *copy = is_dict                           ? cove_value_new_dict()
                       : value->type == COVE_VALUE_TUPLE ? cove_value_new_tuple()
                                                         : cove_value_new_list();
    int rc = copy ? 0 : cove__fail_nomem(err, "a copy of a value");
    if (rc == 0 && depth >= COVE__VALUE_MAX_DEPTH)
        rc = cove__fail(err, COVE_ELIMIT, "the values are nested deeper than %d", COVE__VALUE_MAX_DEPTH);
    for (size_t i = 0; rc == 0 && i < cove_value_length(value); i++) {
        cove_value *item = NULL;
        rc = copy_value(cove_value_item(value, i), depth + 1, &item, err);
        if (rc == 0)
            rc = is_dict ? cove_value_dict_set_by_value(copy, cove_value_ref(cove_value_key(value, i)), item, err)
                         : cove_value_append(copy, item, err);
    }
    if (rc < 0) {
        cove_value_unref(copy);
        return rc;
    }
    *ret = copy;
    return 0;
}

int cove__value_copy(const cove_value *value, cove_value **ret, struct cove_error *err)
{
    return copy_value(value, 0, ret, err);
}
