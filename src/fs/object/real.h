/*
 * Real directories: those that the store itself has, in buckets with a hierarchical namespace (Google Cloud Storage,
 * Azure Data Lake). They may be empty, and every client sees them. In all other buckets directories are virtual
 * (virtual.h).
 */
#ifndef COVE_FS_OBJECT_REAL_H
#define COVE_FS_OBJECT_REAL_H

#include "fs/object/request.h"

/* ---- of a backend ---- */

/* Its listings of one level give empty directories as prefixes, too. The table also needs `remove_tree` and
 * `move_directory`, which are then used in buckets with real directories only: key by key the directories would stay.
 * A request's name is the directory, without a slash at its end. */
struct cove__object_directory_ops {
    /* Completes a GET that finds out whether the bucket has real directories, and reads its good response: 0;
     * COVE_EPROTOCOL: it cannot be read; COVE_ENOTSUP, with its message: the bucket cannot be used. Sent once for each
     * bucket. If the caller lacks the permission, or the store the request, directories are virtual until the next one.
     * NULL: every bucket has real ones. */
    void (*detect_request)(struct cove__object_request *r);
    int (*detect_response)(const struct cove__object_request *r, bool *ret_real, struct cove_error *err);
    /* Completes a PUT that makes the directory and its missing parents. `classify` gives COVE_EEXIST if it
     * exists. Sets r->accept, as does `stat_request`, to check that the response is the store's. */
    void (*make_request)(struct cove__object_request *r);
    /* Completes a DELETE of an empty directory. `classify` gives COVE_ENOTEMPTY, COVE_ENOTFOUND. */
    void (*remove_request)(struct cove__object_request *r);
    /* The status of the store's good response to it, which is empty. After any other 2xx, a GET checks that the
     * directory is gone. 0: any 2xx is the store's. */
    int removed_status;
    /* Completes a GET that succeeds if there is such a directory, or where the table has `is_directory`, anything of
     * that name. `classify` gives COVE_ENOTFOUND. */
    void (*stat_request)(struct cove__object_request *r);
    /* Of a good response to `stat_request`: the store is moving the directory. NULL: none of its moves takes time. */
    bool (*is_moving)(const struct cove__object_request *r);
};

/* ---- of the engine ---- */

/* Whether the bucket has real directories: 1, 0, or an error. Waits for a request if this is not known yet. */
int cove__real_in(struct cove__object_store *store, struct cove__slice bucket, const struct cove__ctx *ctx,
                  struct cove_error *err);
/* Whether the name is of something in a bucket with real directories: 1, 0, or an error. Waits for a request if
 * this is not known yet. */
int cove__real_here(struct cove__object_store *store, struct cove__object_name name, const struct cove__ctx *ctx,
                    struct cove_error *err);
/* The same without a request; COVE__CAN_MAYBE: not known yet. */
enum cove__can cove__real_known(struct cove__object_store *store, struct cove__object_name name);
/* The same for a caller that does not wait: sets up the request, which is of the bucket, and reads its end. */
void cove__real_detect(struct cove__object_request *r, struct cove__object_store *store, struct cove__slice bucket,
                       const struct cove__ctx *ctx);
int cove__real_detected(const struct cove__object_request *r, int rc);

/* Of names in such buckets. 1, 0, or an error: whether the directory exists. */
int cove__real_exists(struct cove__object_store *store, struct cove__object_name name, const struct cove__ctx *ctx,
                      struct cove_error *err);
/* The same for a caller that does not wait. */
void cove__real_stat(struct cove__object_request *r, struct cove__object_store *store, struct cove__object_name name,
                     const struct cove__ctx *ctx);
int cove__real_stat_done(const struct cove__object_request *r, int rc);
/* The same, but waits while the store moves the directory: `polls_max` times at most, else COVE_ESERVER. */
int cove__real_stays(struct cove__object_store *store, struct cove__object_name name, unsigned polls_max,
                     const struct cove__ctx *ctx, struct cove_error *err);
/* One that exists is success. COVE_EEXIST: an object has this name. */
int cove__real_make(struct cove__object_store *store, struct cove__object_name name, const struct cove__ctx *ctx,
                    struct cove_error *err);
/* COVE_ENOTEMPTY, COVE_ENOTFOUND */
int cove__real_remove(struct cove__object_store *store, struct cove__object_name name, const struct cove__ctx *ctx,
                      struct cove_error *err);

#endif
