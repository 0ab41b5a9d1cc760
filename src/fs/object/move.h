/* Moves that a store does in one operation: what a backend needs for them, and those of directories. */
#ifndef COVE_FS_OBJECT_MOVE_H
#define COVE_FS_OBJECT_MOVE_H

#include "fs/object/made.h"
#include "fs/object/name.h"
#include "fs/object/steps.h"

/* Of one bucket. BORROWED. */
struct cove__object_move {
    struct cove__object_name from, to;
    const char *version; /* only if `from` has this one; NULL: any, or `from` is a directory */
    struct cove__object_made
        *ret_made; /* the object at its new name, as the response describes it; NULL: a directory */
};

/* Moves a whole directory (move_directory.c). *ret_moved: false if the store has no such operation for this bucket, and
 * nothing was done; *ret_any: there was a directory. `is_directory`: the store has reported one. COVE_ENOTEMPTY,
 * of real directories: the target. */
int cove__object_move_directory(struct cove__object_store *store, struct cove__object_name from,
                                struct cove__object_name to, bool is_directory, const struct cove__ctx *ctx,
                                bool *ret_moved, bool *ret_any, struct cove_error *err);

/* Removes the real directory `path` and those in it, as far as they are empty. `to`: the directory that its objects
 * have gone to, where those that had none are made, too; NULL: none is made. */
int cove__object_remove_empty_directories(struct cove__object_store *store, const char *path, const char *to,
                                          const struct cove__ctx *ctx, struct cove_error *err);

#endif
