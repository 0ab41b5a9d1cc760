/* Loads the tensors of a tree that are still remote. Below: storage.c, which reads those of one file. */
#include <string.h>

#include "base/copy_options.h"
#include "base/error.h"
#include "base/mem.h"
#include "checkpoint/format.h"

static int fetch(cove_value *const *tensors, size_t n, const struct cove_call *call, struct cove_error *err)
{
    const struct cove__source *source = tensors[0]->u.tensor->storage->source;
    struct cove_error inner = COVE_ERROR_INIT;
    int rc = cove__tensors_load(tensors, n, UINT64_MAX, call, &inner);
    if (rc < 0 && source && !strstr(inner.message, source->name))
        return cove__fail(err, rc, "load %s: %s", source->name, inner.message);
    return rc < 0 ? cove__error_copy(err, &inner) : 0;
}

int cove_value_fetch(cove_value *value, const struct cove_call *call, struct cove_error *err)
{
    cove_value **tensors = NULL;
    size_t n = 0, n_remote = 0;
    struct cove_call copy = COVE_CALL_INIT; /* checked here too: nothing may be remote */
    if (call && COVE__COPY_OPTIONS(&copy, call, "fetch: call", err) < 0)
        return COVE_EINVAL;
    if (!value || (value->type != COVE_VALUE_TENSOR && value->type != COVE_VALUE_LIST &&
                   value->type != COVE_VALUE_TUPLE && value->type != COVE_VALUE_DICT))
        return cove__fail(err, COVE_EMISMATCH, "expected tensor, got %s", COVE__VALUE_PHRASE(value));
    int rc = cove__tree_tensors(value, &tensors, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (tensors[i]->u.tensor->span > 0 && !tensors[i]->u.tensor->data)
            tensors[n_remote++] = tensors[i];
    while (rc == 0 && n_remote > 0) { /* a tree may be put together from several files */
        const struct cove__source *source = tensors[0]->u.tensor->storage->source;
        size_t same = 0;
        for (size_t i = 0; i < n_remote; i++)
            if (tensors[i]->u.tensor->storage->source == source) {
                cove_value *tensor = tensors[i];
                tensors[i] = tensors[same];
                tensors[same++] = tensor;
            }
        rc = fetch(tensors, same, call, err);
        n_remote -= same;
        memmove(tensors, tensors + same, n_remote * sizeof(*tensors));
    }
    cove__free(tensors);
    return rc;
}
