/*
 * What ckpt_path "last" and "best" mean: searches the directory where ModelCheckpoint saves, or, as each run has a new
 * version_N, all versions of the logger. Called by fit.c before a resume.
 */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "trainer/filename.h"
#include "trainer/model_checkpoint.h"
#include "trainer/tree.h"

/* The newest candidate so far. A last.ckpt goes before any other name, then the later time, then the greater number in
 * the name. */
struct newest {
    char *path; /* owned */
    bool is_last;
    int64_t mtime_ns;
};

static bool goes_before(const struct newest *best, bool is_last, int64_t mtime_ns, const char *path)
{
    if (!best->path || is_last != best->is_last)
        return !best->path || is_last;
    if (mtime_ns != best->mtime_ns)
        return mtime_ns > best->mtime_ns;
    return strverscmp(path, best->path) > 0;
}

static int consider(struct newest *best, const cove_info *info, struct cove_error *err)
{
    const char *path = cove_info_path(info), *name = cove_info_name(info);
    size_t n = strlen(name), suffix = strlen(COVE__CHECKPOINT_SUFFIX);
    bool is_last = strncmp(name, "last", 4) == 0 && (name[4] == '.' || name[4] == '-');
    char *copy;
    if (n <= suffix || strcmp(name + n - suffix, COVE__CHECKPOINT_SUFFIX) != 0 ||
        !goes_before(best, is_last, cove_info_mtime_ns(info), path))
        return 0;
    copy = cove__strdup(path);
    if (!copy)
        return cove__fail_nomem(err, "ModelCheckpoint");
    cove__free(best->path);
    *best = (struct newest){ copy, is_last, cove_info_mtime_ns(info) };
    return 0;
}

static int find_newest(cove_trainer *trainer, const char *dir, char **ret_url, struct cove_error *err)
{
    struct newest best = { 0 };
    const cove_info *info;
    cove_listing *listing = NULL;
    cove_fs *fs = NULL;
    char *path = NULL;
    int rc;
    if ((rc = cove_trainer_open_fs(trainer, dir, &fs, &path, err)) < 0 ||
        (rc = cove_fs_find(fs, path, NULL, &listing, err)) < 0)
        goto out;
    cove_listing_use_one_timeout(listing);
    while ((rc = cove_listing_next(listing, &info, err)) > 0) {
        if ((rc = consider(&best, info, err)) < 0)
            goto out;
    }
    if (rc == 0 && best.path)
        rc = cove_fs_url(fs, best.path, ret_url, err);
    else if (rc == 0)
        rc = cove__fail(err, COVE_ENOTFOUND, "no checkpoint below %s", dir);
out:
    cove__free(best.path);
    cove_listing_free(listing);
    cove_free(path);
    cove_fs_unref(fs);
    return rc;
}

/* The best as the newest checkpoint knew it. */
static int best_of(struct cove__model_checkpoint *mc, cove_trainer *trainer, const char *url, char **ret_url,
                   struct cove_error *err)
{
    struct cove_checkpoint_load_options options = COVE_CHECKPOINT_LOAD_OPTIONS_INIT;
    const char *best = NULL;
    cove_value *tree = NULL;
    cove_fs *fs = NULL;
    char *path = NULL, *copy = NULL;
    int rc;
    options.lazy = 1;
    if ((rc = cove_trainer_open_fs(trainer, url, &fs, &path, err)) < 0 ||
        (rc = cove_checkpoint_load(fs, path, &options, NULL, &tree, err)) < 0)
        goto out;
    rc = cove__model_checkpoint_path_in(cove__tree_at(cove__tree_at(tree, "callbacks"), mc->key), "best_model_path",
                                        &best, err);
    if (rc == 0 && (!best || !*best))
        rc = cove__fail(err, COVE_ENOTFOUND, "%s names no best checkpoint for %s", url, mc->key);
    if (rc == 0 && !(copy = cove__strdup(best)))
        rc = cove__fail_nomem(err, "ModelCheckpoint");
    if (rc == 0)
        *ret_url = copy;
out:
    cove_value_unref(tree);
    cove_free(path);
    cove_fs_unref(fs);
    return rc;
}

int cove__model_checkpoint_find(void *self, cove_trainer *trainer, const char *which, char **ret_url,
                                struct cove_error *err)
{
    struct cove__model_checkpoint *mc = self;
    const char *versions = cove_trainer_log_root_dir(trainer);
    bool best = strcmp(which, "best") == 0;
    char *url = NULL;
    int rc;
    /* After an earlier fit of this process it needs no search. */
    if (best && mc->kept.best_path) {
        *ret_url = cove__strdup(mc->kept.best_path);
        return *ret_url ? 0 : cove__fail_nomem(err, "ModelCheckpoint");
    }
    rc = find_newest(trainer, mc->given_dirpath || !versions ? mc->dirpath : versions, &url, err);
    if (rc == 0 && best)
        rc = best_of(mc, trainer, url, ret_url, err);
    else if (rc == 0) {
        *ret_url = url;
        url = NULL;
    }
    cove_free(url);
    return rc;
}
