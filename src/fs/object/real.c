/* Real directories: asks buckets whether they have them, and makes, removes and finds them by the backend's requests.
 */
#include "fs/object/real.h"

#include "base/error.h"
#include "fs/fs_impl.h"
#include "fs/object/known.h"
#include "fs/object/object.h"
#include "fs/object/steps.h"

/* ---- whether a bucket has them ---- */

static enum cove__can known(struct cove__object_store *store, struct cove__slice bucket)
{
    const struct cove__object_directory_ops *ops = store->ops->directories;

    if (!ops)
        return COVE__CAN_NO;
    return ops->detect_request ? cove__object_bucket_directories(store, bucket) : COVE__CAN_YES;
}

enum cove__can cove__real_known(struct cove__object_store *store, struct cove__object_name name)
{
    return name.key.size > 0 ? known(store, name.bucket) : COVE__CAN_NO;
}

static int accept_detection(struct cove__object_request *r, struct cove_error *err)
{
    int rc = r->store->ops->directories->detect_response(r, &r->probe.any, err);

    return rc < 0 && rc != COVE_ENOTSUP ? cove__object_unreadable(r, err, rc, "the bucket's layout") : rc;
}

void cove__real_detect(struct cove__object_request *r, struct cove__object_store *store, struct cove__slice bucket,
                       const struct cove__ctx *ctx)
{
    cove__object_request_init(r, store, "GET", (struct cove__object_name){ .bucket = bucket }, ctx);
    r->accept = accept_detection;
    store->ops->directories->detect_request(r);
}

/* A caller without the right to ask may still read and write, as in a bucket without real directories. Rights can
 * change, so it is not remembered. Where the store could not be reached, no answer would be right. */
int cove__real_detected(const struct cove__object_request *r, int rc)
{
    bool answered = r->http.status >= 200 && r->http.status < 300;

    if (rc == COVE_EACCESS || rc == COVE_ENOTFOUND || (rc < 0 && !answered && cove__object_refuses_operation(r)))
        return 0;
    if (rc < 0)
        return rc;
    cove__object_remember_directories(r->store, r->name.bucket, r->probe.any ? COVE__CAN_YES : COVE__CAN_NO);
    return r->probe.any;
}

int cove__real_here(struct cove__object_store *store, struct cove__object_name name, const struct cove__ctx *ctx,
                    struct cove_error *err)
{
    return name.key.size > 0 ? cove__real_in(store, name.bucket, ctx, err) : 0;
}

int cove__real_in(struct cove__object_store *store, struct cove__slice bucket, const struct cove__ctx *ctx,
                  struct cove_error *err)
{
    enum cove__can can = known(store, bucket);
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_request r;

    if (can != COVE__CAN_MAYBE)
        return can == COVE__CAN_YES;
    cove__real_detect(&r, store, bucket, ctx);
    int rc = cove__real_detected(&r, cove__object_run(&r, &why));
    cove__object_request_done(&r);
    return rc < 0 ? cove__error_copy(err, &why) : rc;
}

/* ---- one directory ---- */

/* A user may write a slash at its end. */
static struct cove__object_name plain(struct cove__object_name name)
{
    if (name.key.size > 0 && name.key.data[name.key.size - 1] == '/')
        name.key.size--;
    return name;
}

void cove__real_stat(struct cove__object_request *r, struct cove__object_store *store, struct cove__object_name name,
                     const struct cove__ctx *ctx)
{
    cove__object_request_init(r, store, "GET", plain(name), ctx);
    store->ops->directories->stat_request(r);
}

int cove__real_stat_done(const struct cove__object_request *r, int rc)
{
    if (rc == COVE_ENOTFOUND)
        return 0;
    return rc < 0 ? rc : !r->store->ops->is_directory || r->store->ops->is_directory(r);
}

/* *ret_moving may be NULL. */
static int find(struct cove__object_store *store, struct cove__object_name name, const struct cove__ctx *ctx,
                bool *ret_moving, struct cove_error *err)
{
    bool (*is_moving)(const struct cove__object_request *r) = store->ops->directories->is_moving;
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_request r;

    cove__real_stat(&r, store, name, ctx);
    int rc = cove__real_stat_done(&r, cove__object_run(&r, &why));
    if (ret_moving)
        *ret_moving = rc > 0 && is_moving && is_moving(&r);
    cove__object_request_done(&r);
    return rc < 0 ? cove__error_copy(err, &why) : rc;
}

int cove__real_exists(struct cove__object_store *store, struct cove__object_name name, const struct cove__ctx *ctx,
                      struct cove_error *err)
{
    return find(store, name, ctx, NULL, err);
}

int cove__real_stays(struct cove__object_store *store, struct cove__object_name name, unsigned polls_max,
                     const struct cove__ctx *ctx, struct cove_error *err)
{
    bool moving = false;
    unsigned n = 0;
    int rc, there;

    do {
        there = find(store, name, ctx, &moving, err);
        rc = moving ? cove__object_wait_to_poll(polls_max, ++n, ctx, err) : 0;
    } while (moving && rc == 0);
    return rc < 0 ? rc : there;
}

int cove__real_make(struct cove__object_store *store, struct cove__object_name name, const struct cove__ctx *ctx,
                    struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_request r;

    cove__object_request_init(&r, store, "PUT", plain(name), ctx);
    store->ops->directories->make_request(&r);
    int rc = cove__object_run(&r, &why);
    cove__object_request_done(&r);
    if (rc == COVE_EEXIST) {
        rc = cove__real_exists(store, name, ctx, &why);
        if (rc == 0)
            return cove__fs_fail(err, ctx, COVE_EEXIST, "an object of this name exists");
    }
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}

int cove__real_remove(struct cove__object_store *store, struct cove__object_name name, const struct cove__ctx *ctx,
                      struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_request r;

    cove__object_request_init(&r, store, "DELETE", plain(name), ctx);
    r.accept = cove__object_accept_empty;
    store->ops->directories->remove_request(&r);
    int rc = cove__object_run(&r, &why);
    bool repeated = cove__object_may_be_done(&r); /* an attempt whose response was lost may have removed it */
    bool doubted = rc == 0 && store->ops->directories->removed_status != 0 &&
                   r.http.status != store->ops->directories->removed_status;
    cove__object_request_done(&r);
    if (doubted && (rc = cove__real_exists(store, name, ctx, &why)) > 0)
        return cove__fs_fail(err, ctx, COVE_EPROTOCOL,
                             "the response to the deletion is not the store's, and the directory still exists");
    if (rc == COVE_ENOTFOUND)
        return repeated ? 0 : cove__fs_fail(err, ctx, rc, "no such directory");
    if (rc == COVE_ENOTEMPTY)
        return cove__fs_fail(err, ctx, rc, "the directory is not empty");
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}
