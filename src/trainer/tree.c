/* Trees of values in few words; see tree.h. Used by all that goes into a checkpoint. */
#include "trainer/tree.h"

#include "base/error.h"

void cove__tree_set(int *rc, cove_value *dict, const char *key, cove_value *item, struct cove_error *err)
{
    if (*rc < 0)
        cove_value_unref(item);
    else
        *rc = cove_value_set(dict, key, item, err);
}

void cove__tree_int(int *rc, cove_value *dict, const char *key, int64_t i, struct cove_error *err)
{
    if (*rc == 0)
        *rc = cove_value_set(dict, key, cove_value_new_int(i), err);
}

void cove__tree_float(int *rc, cove_value *dict, const char *key, double d, struct cove_error *err)
{
    if (*rc == 0)
        *rc = cove_value_set(dict, key, cove_value_new_float(d), err);
}

void cove__tree_bool(int *rc, cove_value *dict, const char *key, int b, struct cove_error *err)
{
    if (*rc == 0)
        *rc = cove_value_set(dict, key, cove_value_new_bool(b), err);
}

void cove__tree_string(int *rc, cove_value *dict, const char *key, const char *s, struct cove_error *err)
{
    if (*rc == 0)
        *rc = cove_value_set(dict, key, s ? cove_value_new_string(s) : cove_value_new_none(), err);
}

cove_value *cove__tree_dict(int *rc, cove_value *dict, const char *key, struct cove_error *err)
{
    cove_value *item;
    if (*rc < 0)
        return NULL;
    item = cove_value_new_dict();
    *rc = cove_value_set(dict, key, item, err);
    return *rc < 0 ? NULL : item;
}

int cove__tree_set_tensor(cove_value *dict, const char *key, const struct cove_tensor_view *view,
                          struct cove_error *err)
{
    cove_value *tensor;
    int rc = cove_value_new_tensor(view, &tensor, err);
    return rc < 0 ? rc : cove_value_set(dict, key, tensor, err);
}

void cove__tree_scalar(int *rc, cove_value *dict, const char *key, const float *number, struct cove_error *err)
{
    struct cove_tensor_view view = { .dtype = COVE_FLOAT32, .data = (void *)(uintptr_t)number };
    if (*rc == 0)
        *rc = cove__tree_set_tensor(dict, key, &view, err);
}

cove_value *cove__tree_at(const cove_value *dict, const char *key)
{
    return dict && cove_value_type(dict) == COVE_VALUE_DICT ? cove_value_get(dict, key) : NULL;
}

void cove__tree_get_int(int *rc, const cove_value *dict, const char *key, int64_t *ret, struct cove_error *err)
{
    const cove_value *item = cove__tree_at(dict, key);
    if (*rc < 0 || !item)
        return;
    *rc = cove_value_as_int(item, ret, err);
    if (*rc < 0)
        cove__error_prefix(err, *rc, "%s", key);
}

void cove__tree_get_float(int *rc, const cove_value *dict, const char *key, double *ret, struct cove_error *err)
{
    cove_value *item = cove__tree_at(dict, key);
    float number;
    if (*rc < 0 || !item)
        return;
    if (cove_value_type(item) == COVE_VALUE_TENSOR) {
        /* torch allows a tensor as the learning rate. */
        *rc = cove__tree_read_scalar(item, &number, err);
        if (*rc == 0)
            *ret = number;
    } else {
        *rc = cove_value_as_float(item, ret, err);
    }
    if (*rc < 0)
        cove__error_prefix(err, *rc, "%s", key);
}

void cove__tree_get_bool(int *rc, const cove_value *dict, const char *key, int *ret, struct cove_error *err)
{
    const cove_value *item = cove__tree_at(dict, key);
    if (*rc < 0 || !item)
        return;
    *rc = cove_value_as_bool(item, ret, err);
    if (*rc < 0)
        cove__error_prefix(err, *rc, "%s", key);
}

void cove__tree_get_string(int *rc, const cove_value *dict, const char *key, const char **ret, struct cove_error *err)
{
    const cove_value *item = cove__tree_at(dict, key);
    size_t length;
    if (*rc < 0 || !item)
        return;
    if (cove_value_type(item) == COVE_VALUE_NONE) {
        *ret = NULL;
        return;
    }
    *rc = cove_value_as_string(item, ret, &length, err);
    if (*rc < 0)
        cove__error_prefix(err, *rc, "%s", key);
}

int cove__tree_read_scalar(cove_value *item, float *ret, struct cove_error *err)
{
    double number;
    int rc;
    if (cove_value_type(item) == COVE_VALUE_TENSOR) {
        struct cove_tensor_view view = { .dtype = COVE_FLOAT32, .data = ret };
        return cove_value_copy_tensor(item, &view, NULL, err);
    }
    rc = cove_value_as_float(item, &number, err);
    if (rc == 0)
        *ret = (float)number;
    return rc;
}
