/* Walks over a tree that the program or a file built, with a limit of depth and of steps. Used by savers and for the
 * loader's choice. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "checkpoint/format.h"
#include "checkpoint/key.h"
#include "checkpoint/walk.h"

/* A program can append a list to itself; a loaded tree has no cycles. */
static int too_deep(const struct cove__walk *walk, struct cove_error *err)
{
    const cove_value *innermost = walk->frames[walk->n - 1].value;
    for (size_t i = 0; i + 1 < walk->n; i++)
        if (walk->frames[i].value == innermost)
            return cove__fail(err, COVE_EINVAL, "a %s contains itself", cove__value_name(innermost));
    return cove__fail(err, COVE_ELIMIT, "the values are nested deeper than %d", COVE__VALUE_MAX_DEPTH);
}

int cove__walk_enter(struct cove__walk *walk, cove_value *value, struct cove_error *err)
{
    if (walk->n >= COVE__VALUE_MAX_DEPTH)
        return too_deep(walk, err);
    if (cove__grow(&walk->frames, &walk->cap, walk->n + 1, sizeof(*walk->frames), COVE__VALUE_MAX_DEPTH) < 0)
        return cove__fail_nomem(err, "a walk through a tree");
    walk->frames[walk->n++] = (struct cove__walk_frame){ .value = value };
    return 0;
}

struct cove__walk_frame *cove__walk_top(const struct cove__walk *walk)
{
    return walk->n > 0 ? &walk->frames[walk->n - 1] : NULL;
}

cove_value *cove__walk_next(struct cove__walk *walk)
{
    struct cove__walk_frame *top = cove__walk_top(walk);
    return top->next < cove__value_n_children(top->value) ? cove__value_child(top->value, top->next++) : NULL;
}

void cove__walk_leave(struct cove__walk *walk)
{
    walk->n--;
}

void cove__walk_done(struct cove__walk *walk)
{
    cove__free(walk->frames);
}

/* ---- what is in a tree ---- */

struct found {
    cove_value **tensors;
    size_t n, cap;
    cove_value *opaque; /* the first */
    size_t steps;
    struct cove_error *err;
};

static int visit(struct found *f, cove_value *value)
{
    if (++f->steps > COVE__VALUE_MAX_COUNT)
        return cove__fail(f->err, COVE_ELIMIT, "the tree has more than %zu values", COVE__VALUE_MAX_COUNT);
    if (value->type == COVE_VALUE_TENSOR) {
        if (cove__grow(&f->tensors, &f->cap, f->n + 1, sizeof(*f->tensors), COVE__VALUE_MAX_COUNT) < 0)
            return cove__fail_nomem(f->err, "a list of tensors");
        f->tensors[f->n++] = value;
    }
    if (value->type == COVE_VALUE_OPAQUE && !f->opaque)
        f->opaque = value;
    return 0;
}

static int look_through(struct found *f, cove_value *tree)
{
    struct cove__walk walk = { 0 };
    int rc = 0;
    for (cove_value *value = tree; rc == 0; value = cove__walk_next(&walk)) {
        if (value) {
            rc = visit(f, value);
            if (rc == 0)
                rc = cove__walk_enter(&walk, value, f->err);
        } else {
            cove__walk_leave(&walk);
        }
        if (walk.n == 0)
            break;
    }
    cove__walk_done(&walk);
    return rc;
}

int cove__tree_tensors(cove_value *tree, cove_value ***ret_tensors, size_t *ret_n, struct cove_error *err)
{
    struct found f = { .err = err };
    int rc = look_through(&f, tree);
    if (rc < 0) {
        cove__free(f.tensors);
        return rc;
    }
    *ret_tensors = f.tensors;
    *ret_n = f.n;
    return 0;
}

int cove__tree_find_opaque(cove_value *tree, cove_value **ret, struct cove_error *err)
{
    struct found f = { .err = err };
    int rc = look_through(&f, tree);
    cove__free(f.tensors);
    if (rc == 0)
        *ret = f.opaque;
    return rc;
}

/* The path of the walk's innermost value, truncated to `size`. */
static void write_path(const struct cove__walk *walk, char *path, size_t size)
{
    for (size_t i = 0, length = 0; i + 1 < walk->n && length + 1 < size; i++) {
        const cove_value *parent = walk->frames[i].value;
        size_t child = walk->frames[i].next - 1;
        char number[96]; /* or a key that is no string */
        const char *label = number;
        if (parent->type != COVE_VALUE_DICT)
            snprintf(number, sizeof(number), "%zu", child);
        else
            label = cove__key_label(cove_value_key(parent, child / 2), number, sizeof(number));
        int n = snprintf(path + length, size - length, "%s%s", i > 0 ? "." : "", label);
        length += n > 0 ? (size_t)n : 0;
    }
}

void cove__tree_path(const cove_value *tree, const cove_value *target, char *path, size_t size)
{
    struct cove__walk walk = { 0 };
    path[0] = '\0';
    for (const cove_value *value = tree; value || walk.n > 0; value = cove__walk_next(&walk)) {
        if (!value)
            cove__walk_leave(&walk);
        else if (cove__walk_enter(&walk, (cove_value *)value, NULL) < 0) /* changes nothing */
            break;
        if (value == target)
            write_path(&walk, path, size);
        if (value == target || walk.n == 0)
            break;
    }
    cove__walk_done(&walk);
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
