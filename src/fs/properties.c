/* The public calls about what a store keeps beside a file's bytes. */
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "fs/pairs.h"

#define SIGNED_MAX_S ((int64_t)7 * 24 * 3600)

int cove_fs_set_metadata(cove_fs *fs, const char *path, const struct cove_pair *pairs, size_t n_pairs,
                         const struct cove_call *call, struct cove_error *err)
{
    struct cove__target target;
    int rc = cove__target_init(&target, fs, path, call, "set_metadata", err);

    if (rc == 0 && !fs->ops->attributes.set_metadata)
        rc = cove__fs_unsupported(&target, err);
    if (rc == 0)
        rc = cove__metadata_check(pairs, n_pairs, true, &target.ctx, err);
    if (rc == 0)
        rc = fs->ops->attributes.set_metadata(fs->self, target.path, pairs, n_pairs, &target.ctx, err);
    cove__target_done(&target);
    return rc;
}

int cove_fs_tags(cove_fs *fs, const char *path, const struct cove_call *call, struct cove_pair **ret_tags,
                 size_t *ret_n_tags, struct cove_error *err)
{
    struct cove__target target;
    int rc = cove__target_init(&target, fs, path, call, "tags", err);

    if (rc == 0)
        rc = fs->ops->attributes.tags
                 ? fs->ops->attributes.tags(fs->self, target.path, &target.ctx, ret_tags, ret_n_tags, err)
                 : cove__fs_unsupported(&target, err);
    cove__target_done(&target);
    return rc;
}

int cove_fs_set_tags(cove_fs *fs, const char *path, const struct cove_pair *tags, size_t n_tags,
                     const struct cove_call *call, struct cove_error *err)
{
    struct cove__target target;
    int rc = cove__target_init(&target, fs, path, call, "set_tags", err);

    if (rc == 0 && !fs->ops->attributes.set_tags)
        rc = cove__fs_unsupported(&target, err);
    for (size_t i = 0; rc == 0 && i < n_tags; i++) {
        if (!tags || !tags[i].name || !*tags[i].name || !tags[i].value)
            rc = cove__fs_fail(err, &target.ctx, COVE_EINVAL, "a tag has a name and a value");
    }
    if (rc == 0)
        rc = fs->ops->attributes.set_tags(fs->self, target.path, tags, n_tags, &target.ctx, err);
    cove__target_done(&target);
    return rc;
}

static int check_signing(const struct cove__target *target, const char *method, int64_t expires_s,
                         struct cove_error *err)
{
    static const char *const methods[] = { "GET", "HEAD", "PUT", "DELETE" };
    bool known = false;

    for (size_t i = 0; method && i < sizeof methods / sizeof methods[0]; i++)
        known |= strcmp(method, methods[i]) == 0;
    if (!known)
        return cove__fs_fail(err, &target->ctx, COVE_EINVAL,
                             "the method \"%.16s\" is not one of GET, HEAD, PUT, DELETE", method ? method : "");
    if (expires_s < 1 || expires_s > SIGNED_MAX_S)
        return cove__fs_fail(err, &target->ctx, COVE_EINVAL,
                             "%" PRId64 " seconds are not within 1 to %" PRId64 ", seven days", expires_s,
                             SIGNED_MAX_S);
    return 0;
}

int cove_fs_presign(cove_fs *fs, const char *path, const char *method, int64_t expires_s, const struct cove_call *call,
                    char **ret_url, struct cove_error *err)
{
    struct cove__target target;
    int rc = cove__target_init(&target, fs, path, call, "sign", err);

    if (rc == 0 && !fs->ops->sign)
        rc = cove__fs_unsupported(&target, err);
    if (rc == 0)
        rc = check_signing(&target, method, expires_s, err);
    if (rc == 0)
        rc = fs->ops->sign(fs->self, target.path, method, expires_s, &target.ctx, ret_url, err);
    cove__target_done(&target);
    return rc;
}
