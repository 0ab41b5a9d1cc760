/* Markers of directories: finds and removes them. See marker.h. */
#include "fs/object/marker.h"

#include "base/error.h"
#include "fs/object/operations.h"

bool cove__marker_may_be(const struct cove__object_store *store)
{
    return store->ops->is_directory && !store->ops->directories;
}

struct cove__object_name cove__marker_name(struct cove__object_name directory)
{
    if (directory.key.size > 0 && directory.key.data[directory.key.size - 1] == '/')
        directory.key.size--;
    return directory;
}

/* A caller who may not look sees none, as in a store without markers. */
static int find(struct cove__object_store *store, struct cove__object_name directory, const struct cove__ctx *ctx,
                struct cove__object_head *ret, struct cove_error *err)
{
    struct cove__object_name name = cove__marker_name(directory);
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_request r;

    if (!cove__marker_may_be(store) || name.key.size == 0)
        return 0;
    cove__object_request_init(&r, store, "HEAD", name, ctx);
    cove__object_head_request(&r);
    int rc = cove__object_run(&r, &why);
    bool marker = rc == 0 && cove__object_is_directory(&r);
    if (marker)
        cove__object_head_response(&r, ret);
    cove__object_request_done(&r);
    if (rc < 0 && rc != COVE_ENOTFOUND && rc != COVE_EACCESS)
        return cove__error_copy(err, &why);
    return marker;
}

int cove__marker_exists(struct cove__object_store *store, struct cove__object_name directory,
                        const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_head head;

    return find(store, directory, ctx, &head, err);
}

int cove__marker_remove(struct cove__object_store *store, const char *path, bool with_snapshots,
                        const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_head head;
    int there = find(store, cove__object_split(path), ctx, &head, err);

    if (there <= 0)
        return there;
    const char *version = head.version;
    int rc = with_snapshots ? cove__object_remove(store, &path, &version, 1, ctx, err)
                            : cove__object_remove_current(store, &path, &version, 1, ctx, err);
    return rc < 0 ? rc : 1;
}
