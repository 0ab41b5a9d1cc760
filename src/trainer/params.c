/* Between a module's memory and a checkpoint's state_dict. Used by the trainer at its start, at each save and at a
 * resume. */
#include "trainer/params.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "trainer/names.h"

int cove__view_elements(const struct cove_tensor_view *view, size_t *ret_n, struct cove_error *err)
{
    size_t n = 1;
    if (view->n_dims > COVE_TENSOR_MAX_DIMS)
        return cove__fail(err, COVE_EINVAL, "a tensor of %zu dimensions: at most %d", view->n_dims,
                          COVE_TENSOR_MAX_DIMS);
    for (size_t i = 0; i < view->n_dims; i++) {
        if (view->shape[i] < 0 || __builtin_mul_overflow(n, (size_t)view->shape[i], &n) || n > PTRDIFF_MAX / 16)
            return cove__fail(err, COVE_EINVAL, "a tensor with length %" PRId64 " in dimension %zu", view->shape[i], i);
    }
    *ret_n = n;
    return 0;
}

void cove__view_shape(const struct cove_tensor_view *view, char *out, size_t size)
{
    struct cove__buf b = COVE__BUF_INIT(size - 1);
    cove__buf_add_char(&b, '[');
    for (size_t i = 0; i < view->n_dims; i++)
        cove__buf_addf(&b, "%s%" PRId64, i ? ", " : "", view->shape[i]);
    cove__buf_add_char(&b, ']');
    strcpy(out, cove__buf_rc(&b) < 0 ? "[...]" : cove__buf_str(&b));
    cove__buf_done(&b);
}

static bool is_contiguous(const struct cove_tensor_view *view)
{
    int64_t expect = 1;
    for (size_t i = view->n_dims; view->strides && i-- > 0;) {
        if (view->shape[i] != 1 && view->strides[i] != expect)
            return false;
        expect *= view->shape[i];
    }
    return true;
}

int cove__params_check(const struct cove_parameter *parameters, size_t n, struct cove_error *err)
{
    if (n > 0 && !parameters)
        return cove__fail(err, COVE_EINVAL, "module: n_parameters is %zu, but parameters is NULL", n);
    for (size_t i = 0; i < n; i++) {
        const struct cove_parameter *p = &parameters[i];
        size_t elements = 0;
        char what[64];
        snprintf(what, sizeof what, "module: parameters[%zu]: the name", i);
        int rc = cove__check_name(what, p->name, err);
        if (rc < 0)
            return rc;
        for (size_t j = 0; j < i; j++) {
            if (strcmp(parameters[j].name, p->name) == 0)
                return cove__fail(err, COVE_EINVAL, "module: two parameters are named %s", p->name);
        }
        rc = cove__view_elements(&p->value, &elements, err);
        if (rc < 0)
            return cove__error_prefix(err, rc, "module: parameter %s", p->name);
        if (cove_dtype_size(p->value.dtype) == 0)
            return cove__fail(err, COVE_EINVAL, "module: parameter %s has an unknown dtype %d", p->name,
                              (int)p->value.dtype);
        if (p->grad && p->value.dtype != COVE_DTYPE_FLOAT32)
            return cove__fail(err, COVE_ENOTSUP, "module: parameter %s is %s: only float32 can be trained", p->name,
                              cove_dtype_name(p->value.dtype));
        if (!is_contiguous(&p->value))
            return cove__fail(err, COVE_ENOTSUP, "module: parameter %s is not contiguous", p->name);
        if (elements > 0 && !p->value.data)
            return cove__fail(err, COVE_EINVAL, "module: parameter %s has no memory", p->name);
    }
    return 0;
}

/* One difference: into the message while there is room, and always to the log. */
static void note(struct cove__buf *list, size_t *n_notes, const char *format, ...) COVE_PRINTF(3, 4);
static void note(struct cove__buf *list, size_t *n_notes, const char *format, ...)
{
    struct cove__buf line = COVE__BUF_INIT(512);
    va_list args;
    va_start(args, format);
    cove__buf_vaddf(&line, format, args);
    va_end(args);
    cove__log(COVE_LOG_WARNING, "trainer", "state_dict: %s", cove__buf_str(&line));
    /* What does not fit is counted: room for "; and 12345 more" stays. */
    if (list->size + line.size + 2 <= list->max - 64) {
        cove__buf_addf(list, "%s%s", *n_notes ? "; " : "", cove__buf_str(&line));
        *n_notes += cove__buf_rc(list) == 0;
    }
    cove__buf_done(&line);
}

static void compare(const struct cove_parameter *p, const cove_value *dict, struct cove__buf *list, size_t *n_listed,
                    size_t *n_differ)
{
    struct cove_tensor_view view;
    char here[160], there[160];
    const cove_value *item = cove_value_dict_get(dict, p->name);
    cove__view_shape(&p->value, here, sizeof here);
    if (!item) {
        (*n_differ)++;
        note(list, n_listed, "missing %s %s", p->name, here);
        return;
    }
    if (cove_value_get_tensor(item, &view, NULL) < 0) {
        const char *name = cove_value_opaque_name(item);
        (*n_differ)++;
        if (name)
            note(list, n_listed, "%s is an opaque %s, not a tensor", p->name, name);
        else
            note(list, n_listed, "%s is of type %s, not a tensor", p->name,
                 cove_value_type_name(cove_value_type(item)));
        return;
    }
    bool same = view.n_dims == p->value.n_dims && view.dtype == p->value.dtype;
    for (size_t d = 0; same && d < view.n_dims; d++)
        same = view.shape[d] == p->value.shape[d];
    if (!same) {
        (*n_differ)++;
        cove__view_shape(&view, there, sizeof there);
        note(list, n_listed, "%s is %s %s in the checkpoint, %s %s in the module", p->name, cove_dtype_name(view.dtype),
             there, cove_dtype_name(p->value.dtype), here);
    }
}

static void find_unexpected(const struct cove_parameter *parameters, size_t n, const cove_value *dict,
                            struct cove__buf *list, size_t *n_listed, size_t *n_differ)
{
    for (size_t k = 0; k < cove_value_length(dict); k++) {
        struct cove_tensor_view view;
        char shape[160] = "";
        const char *key = cove_value_key_name(dict, k);
        bool known = false;
        for (size_t i = 0; key && i < n && !known; i++)
            known = strcmp(parameters[i].name, key) == 0;
        if (known)
            continue;
        if (cove_value_get_tensor(cove_value_item(dict, k), &view, NULL) == 0)
            cove__view_shape(&view, shape, sizeof shape);
        (*n_differ)++;
        note(list, n_listed, "unexpected %s %s", key ? key : "(a key that is not a name)", shape);
    }
}

int cove__fail_pickled(const cove_value *opaque, struct cove_error *err)
{
    return cove__fail(err, COVE_EMISMATCH,
                      "a pickled %s, as torch.save(model) writes: save a dict of tensors with "
                      "torch.save(model.state_dict(), path) instead",
                      cove_value_opaque_name(opaque));
}

int cove__params_match(const struct cove_parameter *parameters, size_t n, const cove_value *dict,
                       struct cove_error *err)
{
    struct cove__buf list = COVE__BUF_INIT(COVE_ERROR_MESSAGE_MAX - 256);
    size_t n_listed = 0, n_differ = 0;
    int rc = 0;
    if (cove_value_type(dict) != COVE_VALUE_DICT)
        return cove_value_opaque_name(dict) ? cove__fail_pickled(dict, err)
                                            : cove__fail(err, COVE_EMISMATCH, "expected a state_dict, got %s",
                                                         cove_value_type_name(cove_value_type(dict)));
    for (size_t i = 0; i < n; i++)
        compare(&parameters[i], dict, &list, &n_listed, &n_differ);
    find_unexpected(parameters, n, dict, &list, &n_listed, &n_differ);
    if (n_differ > n_listed)
        rc = cove__fail(err, COVE_EMISMATCH, "state_dict of another model: %s; and %zu more (the log lists all)",
                        cove__buf_str(&list), n_differ - n_listed);
    else if (n_differ > 0)
        rc = cove__fail(err, COVE_EMISMATCH, "state_dict of another model: %s", cove__buf_str(&list));
    cove__buf_done(&list);
    return rc;
}

int cove__params_load(const struct cove_parameter *parameters, size_t n, const cove_value *dict, struct cove_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = cove_value_copy_tensor(cove_value_dict_get(dict, parameters[i].name), &parameters[i].value, NULL, err);
    return rc;
}
