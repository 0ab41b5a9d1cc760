/* The public calls that remove: one path, files by the thousand, a tree. */
#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/paging.h"

#define REMOVE_BATCH 1000 /* the most that S3's DeleteObjects takes */

int cove_fs_remove(cove_fs *fs, const char *path, const struct cove_call *call, struct cove_error *err)
{
    struct cove__target target;
    struct cove_info info = { 0 };
    int rc = cove__target_init(&target, fs, path, call, "remove", err);

    if (rc < 0)
        return rc;
    if (!fs->ops->remove) {
        rc = cove__fs_unsupported(&target, err);
        goto out;
    }
    rc = cove__fs_stat(fs, target.path, &target.ctx, &info, err);
    if (rc < 0)
        goto out;
    if (info.type == COVE_INFO_DIRECTORY && !info.link) {
        rc = fs->ops->directories.remove ? fs->ops->directories.remove(fs->self, target.path, &target.ctx, err)
                                         : cove__fs_unsupported(&target, err);
    } else {
        const char *one = target.path;

        rc = fs->ops->remove(fs->self, &one, NULL, 1, &target.ctx, err);
    }
out:
    cove__info_done(&info);
    cove__target_done(&target);
    return rc;
}

/* All of them before the first removal. */
static int check_etags(cove_fs *fs, const char *const *paths, const char *const *etags, size_t n,
                       const struct cove_call *call, struct cove_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct cove__target target;

        if (!etags[i])
            continue;
        rc = cove__target_init(&target, fs, paths[i], call, "remove", err);
        if (rc < 0)
            break;
        rc = cove__fs_check_etag(fs, etags[i], &target.ctx, err);
        cove__target_done(&target);
    }
    return rc;
}

/* The paths of one request. An error is reported for all of them; the store's message names the path. */
static int remove_batch(cove_fs *fs, struct cove__target *targets, const char *const *etags, size_t n,
                        struct cove_error *err)
{
    const char *paths[REMOVE_BATCH];
    struct cove__buf urls = COVE__BUF_INIT(SIZE_MAX);
    struct cove__ctx ctx = targets[0].ctx;
    int rc = 0;

    if (!fs->ops->remove)
        return cove__fs_unsupported(&targets[0], err);
    for (size_t i = 0; i < n; i++)
        paths[i] = targets[i].path;
    if (n > 1) {
        rc = cove__buf_addf(&urls, "%s and %zu more", targets[0].url, n - 1);
        ctx.url = cove__buf_str(&urls);
    }
    rc = rc < 0 ? cove__fail_nomem(err, "a URL") : fs->ops->remove(fs->self, paths, etags, n, &ctx, err);
    cove__buf_done(&urls);
    return rc;
}

int cove_fs_remove_files(cove_fs *fs, const char *const *paths, size_t n_paths, const struct cove_call *call,
                         struct cove_error *err)
{
    return cove_fs_remove_files_if_match(fs, paths, NULL, n_paths, call, err);
}

int cove_fs_remove_files_if_match(cove_fs *fs, const char *const *paths, const char *const *etags, size_t n_paths,
                                  const struct cove_call *call, struct cove_error *err)
{
    struct cove_error first = COVE_ERROR_INIT; /* of a refusal, else of a file that had changed */
    struct cove_error why = COVE_ERROR_INIT;
    /* Where a file is one system call, one at a time: messages then name the one that failed. */
    size_t most = fs->ops->real_directories ? 1 : REMOVE_BATCH, n;
    struct cove__target *targets = cove__calloc(n_paths < most ? n_paths : most, sizeof *targets);
    int64_t deadline_ns = cove__call_deadline(fs, call);
    int rc = targets ? 0 : cove__fail_nomem(&why, "a list of paths");

    if (rc == 0 && n_paths > 0 && !paths)
        rc = cove__fail(&why, COVE_EINVAL, "remove %s://: no paths were given", fs->scheme);
    if (rc == 0 && etags)
        rc = check_etags(fs, paths, etags, n_paths, call, &why);
    for (size_t at = 0; rc == 0 && at < n_paths; at += n) {
        for (n = 0; rc == 0 && n < most && at + n < n_paths; n++) {
            rc = cove__target_init(&targets[n], fs, paths[at + n], call, "remove", &why);
            targets[n].ctx.deadline_ns = deadline_ns;
        }
        bool ends = rc < 0;
        if (rc == 0)
            rc = remove_batch(fs, targets, etags ? etags + at : NULL, n, &why);
        ends |= cove__fs_fails_for_all(rc);
        if (ends && at + n < n_paths)
            cove__error_add(&why, "; the %zu files after it were not tried", n_paths - at - n);
        for (size_t i = 0; i < n; i++)
            cove__target_done(&targets[i]);
        if (ends)
            break;
        if (rc < 0 && (first.code == 0 || (first.code == COVE_EPRECONDITION && rc != COVE_EPRECONDITION)))
            first = why;
        cove__error_clear(&why); /* the other files are still to be removed */
        rc = 0;
    }
    cove__free(targets);
    if (rc == 0 || (first.code != 0 && first.code != COVE_EPRECONDITION))
        why = first;
    return why.code != 0 ? cove__error_copy(err, &why) : 0;
}

static int remove_page(cove_fs *fs, const struct cove__page *page, const struct cove__ctx *ctx, struct cove_error *err)
{
    const char *paths[REMOVE_BATCH];
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < page->n;) {
        size_t n = 0;

        while (n < REMOVE_BATCH && i < page->n)
            paths[n++] = page->items[i++].path;
        rc = fs->ops->remove(fs->self, paths, NULL, n, ctx, err);
    }
    return rc;
}

/* Pages are listed from the start each time: what they held is gone by then. */
static int remove_listed(cove_fs *fs, const struct cove__target *target, struct cove_error *err)
{
    struct cove__paging paging = { 0 };
    bool more = true;
    int rc = 0;

    while (rc == 0 && more) {
        struct cove__page page = { 0 };

        rc = fs->ops->list(fs->self, target->path, true, NULL, &target->ctx, &page, err);
        if (rc == 0 && page.n > 0)
            rc = remove_page(fs, &page, &target->ctx, err);
        if (rc == 0 && page.token)
            rc = cove__paging_next_page(&paging, &page, page.token, page.n > 0 ? page.items[0].path : NULL,
                                        &target->ctx, err);
        more = page.token;
        cove__page_done(&page);
    }
    return rc;
}

int cove_fs_remove_tree(cove_fs *fs, const char *path, const struct cove_call *call, struct cove_error *err)
{
    struct cove__target target;
    struct cove_info info = { 0 };
    const char *one;
    int rc = cove__target_init(&target, fs, path, call, "remove_tree", err);

    if (rc < 0)
        return rc;
    one = target.path;
    rc = cove__fs_stat(fs, target.path, &target.ctx, &info, err);
    if (rc < 0)
        goto out;
    if (info.type != COVE_INFO_DIRECTORY || info.link) {
        rc = fs->ops->remove(fs->self, &one, NULL, 1, &target.ctx, err);
        /* On an object store a directory may stand beside a file of the same name. */
        if (rc < 0 || fs->ops->real_directories)
            goto out;
    }
    if (fs->ops->directories.remove_tree) {
        rc = fs->ops->directories.remove_tree(fs->self, target.path, &target.ctx, err);
        if (rc == COVE_ENOTFOUND) { /* the file was all there was */
            cove__error_clear(err);
            rc = 0;
        }
    } else {
        rc = remove_listed(fs, &target, err);
        if (rc == COVE_ENOTFOUND || rc == COVE_ENOTDIR) {
            cove__error_clear(err);
            rc = 0;
        }
        if (rc == 0 && fs->ops->directories.remove && info.type == COVE_INFO_DIRECTORY) {
            rc = fs->ops->directories.remove(fs->self, target.path, &target.ctx, err); /* forgets a virtual directory */
            if (rc == COVE_ENOTFOUND)
                rc = 0;
        }
    }
out:
    cove__info_done(&info);
    cove__target_done(&target);
    return rc;
}
