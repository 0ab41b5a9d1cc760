/* Whether a load or a save may have the opaque values of its tree, and the message that names the first. Part of
 * value.h. */
#include "base/error.h"
#include "checkpoint/format.h"

int cove__opaque_check(cove_value *tree, const char *prefix, struct cove_error *err)
{
    char path[256];
    cove_value *opaque = NULL;
    int rc = cove__tree_find_opaque(tree, &opaque, err);
    if (rc < 0 || !opaque)
        return rc;
    cove__tree_path(tree, opaque, path, sizeof(path));
    const char *dot = *prefix && *path ? "." : "";
    const char *why = opaque->u.opaque.why;
    if (opaque == tree && !*prefix) /* there is no path to name */
        return cove__fail(err, opaque->u.opaque.code, "the file is a pickled %s%s%s", opaque->u.opaque.name,
                          why ? ": " : ", not a dict: if it is a model, save its state_dict()", why ? why : "");
    if (why)
        return cove__fail(err, opaque->u.opaque.code, "\"%.100s%s%s\": %s", prefix, dot, path, why);
    return cove__fail(err, opaque->u.opaque.code,
                      "\"%.100s%s%s\" needs %s, which cove does not read: load with `paths`, `lazy` or `allow_opaque`",
                      prefix, dot, path, opaque->u.opaque.name);
}

int cove__opaque_check_save(const cove_value *tree, struct cove_error *err)
{
    char path[256];
    cove_value *opaque = NULL;
    int rc = cove__tree_find_opaque((cove_value *)tree, &opaque, err); /* changes nothing */
    if (rc < 0 || !opaque)
        return rc;
    cove__tree_path(tree, opaque, path, sizeof(path));
    return cove__fail(err, COVE_ENOTSUP, "\"%s\" is an opaque %s, which can't be saved: only its name is known", path,
                      opaque->u.opaque.name);
}
