/*
 * Markers: empty objects that stand for a directory by their metadata, with the directory's own name (Azure's
 * hdi_isfolder). Other programs write them; cove shows them as directories, and removes them with these. An object
 * whose key ends in a slash is a marker in every store, and is below its directory, so it needs nothing of this.
 */
#ifndef COVE_FS_OBJECT_MARKER_H
#define COVE_FS_OBJECT_MARKER_H

#include "fs/object/request.h"

/* Whether an object of this store may be a marker. Not where the store has real directories (real.h). */
bool cove__marker_may_be(const struct cove__object_store *store);
/* The name of a directory's marker: without a slash at its end. */
struct cove__object_name cove__marker_name(struct cove__object_name directory);
/* Whether the directory has a marker: 1, 0, or an error. No request where the store has none. */
int cove__marker_exists(struct cove__object_store *store, struct cove__object_name directory,
                        const struct cove__ctx *ctx, struct cove_error *err);
/* Removes it, if it is still the same: 1, 0 (there was none), or an error. `path`: without a slash at its end. */
int cove__marker_remove(struct cove__object_store *store, const char *path, bool with_snapshots,
                        const struct cove__ctx *ctx, struct cove_error *err);

#endif
