/*
 * What a store keeps open for reads of one file, so that what it has to look up for the file (where its blocks are) is
 * looked up once. Most stores keep nothing.
 */
#include "base/fork.h"
#include "fs/fs_impl.h"

int cove__read_handle_open(struct cove__read_handle *h, cove_fs *fs, const struct cove__target *target,
                           struct cove_error *err)
{
    int rc;

    if (!fs->ops->read.open)
        return 0;
    if (h->self && h->generation != cove__fork_generation())
        cove__read_handle_close(h, fs);
    if (h->self)
        return 0;
    rc = fs->ops->read.open(fs->self, target->path, &target->ctx, &h->self, err);
    h->generation = cove__fork_generation();
    return rc;
}

void cove__read_handle_close(struct cove__read_handle *h, cove_fs *fs)
{
    if (h->self)
        fs->ops->read.close(fs->self, h->self);
    h->self = NULL;
}
