/* Walks over a tree that somebody else built: bounded in depth and in steps, whatever it is like. Used by savers and by
 * the loader's choice. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "checkpoint/format.h"

struct walk {
    cove_value **tensors;
    size_t n, cap;
    cove_value *opaque; /* the first */
    size_t steps;
    struct cove_error *err;
};

static int visit(struct walk *w, cove_value *value, unsigned depth)
{
    if (depth > COVE__VALUE_MAX_DEPTH)
        return cove__fail(w->err, COVE_ELIMIT, "the values are nested deeper than %d", COVE__VALUE_MAX_DEPTH);
    if (++w->steps > COVE__VALUE_MAX_COUNT)
        return cove__fail(w->err, COVE_ELIMIT, "the tree has more than %zu values", COVE__VALUE_MAX_COUNT);
    if (value->type == COVE_VALUE_TENSOR) {
        if (cove__grow(&w->tensors, &w->cap, w->n + 1, sizeof(*w->tensors), COVE__VALUE_MAX_COUNT) < 0)
            return cove__fail_nomem(w->err, "a list of tensors");
        w->tensors[w->n++] = value;
    }
    if (value->type == COVE_VALUE_OPAQUE && !w->opaque)
        w->opaque = value;
    for (size_t i = 0; i < cove__value_n_children(value); i++) {
        int rc = visit(w, cove__value_child(value, i), depth + 1);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int cove__tree_tensors(cove_value *tree, cove_value ***ret_tensors, size_t *ret_n, struct cove_error *err)
{
    struct walk w = { .err = err };
    int rc = visit(&w, tree, 1);
    if (rc < 0) {
        cove__free(w.tensors);
        return rc;
    }
    *ret_tensors = w.tensors;
    *ret_n = w.n;
    return 0;
}

int cove__tree_find_opaque(cove_value *tree, cove_value **ret, struct cove_error *err)
{
    struct walk w = { .err = err };
    int rc = visit(&w, tree, 1);
    cove__free(w.tensors);
    if (rc == 0)
        *ret = w.opaque;
    return rc;
}

/* Appends to `path` what leads to `target`; false: it is not below `tree`. */
static bool find_path(const cove_value *tree, const cove_value *target, char *path, size_t size)
{
    size_t length = strlen(path);
    if (tree == target)
        return true;
    for (size_t i = 0; i < cove_value_length(tree); i++) {
        int64_t number = (int64_t)i;
        const char *key = cove_value_key_name(tree, i);
        if (tree->type == COVE_VALUE_DICT && !key)
            cove_value_as_int(cove_value_key(tree, i), &number, NULL);
        const char *dot = length > 0 ? "." : "";
        if (key)
            snprintf(path + length, size - length, "%s%s", dot, key);
        else
            snprintf(path + length, size - length, "%s%lld", dot, (long long)number);
        if (find_path(cove_value_item(tree, i), target, path, size))
            return true;
    }
    path[length] = '\0';
    return false;
}

void cove__tree_path(const cove_value *tree, const cove_value *target, char *path, size_t size)
{
    path[0] = '\0';
    find_path(tree, target, path, size);
}

int cove__tree_check_fetched(const cove_value *tree, cove_value *const *tensors, size_t n, struct cove_error *err)
{
    char path[256];
    for (size_t i = 0; i < n; i++) {
        const struct cove__tensor *t = tensors[i]->u.tensor;
        if (t->span == 0 || t->data)
            continue;
        cove__tree_path(tree, tensors[i], path, sizeof(path));
        return cove__fail(err, COVE_ESTATE, "tensor \"%s\" is still remote: fetch it before it is saved elsewhere",
                          path);
    }
    return 0;
}
