/* Making and removing: buckets, promised directories, trees. Objects are deleted by s3_delete.c. */
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/paging.h"
#include "fs/object/virtual.h"
#include "fs/object/known.h"
#include "fs/s3/s3.h"

/* ---- buckets and directories ---- */

/* A zone of a region is "usw2-az1", one outside of it "usw2-lax1-az1". */
static void add_location(const struct cove__object_store *store, struct cove__slice bucket, struct cove__buf *body)
{
    static const char begin[] = "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
    static const char end[] = "</CreateBucketConfiguration>";

    if (cove__s3_is_directory(store, bucket)) {
        struct cove__slice zone = cove__s3_zone(bucket);
        const uint8_t *first = memchr(zone.data, '-', zone.size);
        const char *kind = first != NULL && memchr(first + 1, '-', (size_t)(zone.data + zone.size - first - 1)) != NULL
                               ? "LocalZone"
                               : "AvailabilityZone";
        cove__buf_addf(body,
                       "%s<Location><Name>%.*s</Name><Type>%s</Type></Location><Bucket><DataRedundancy>Single%s"
                       "</DataRedundancy><Type>Directory</Type></Bucket>%s",
                       begin, (int)zone.size, (const char *)zone.data, kind, kind, end);
    } else if (strcmp(((const struct cove__s3 *)store)->region, "us-east-1") !=
               0) { /* the default of AWS, which refuses it by name */
        cove__buf_addf(body, "%s<LocationConstraint>%s</LocationConstraint>%s", begin,
                       ((const struct cove__s3 *)store)->region, end);
    }
}

static int make_bucket(struct cove__object_store *store, struct cove__object_name name, const struct cove__ctx *ctx,
                       struct cove_error *err)
{
    struct cove__buf body = COVE__BUF_INIT(1024);
    struct cove__object_request r;
    struct cove_error why = COVE_ERROR_INIT;

    add_location(store, name.bucket, &body);
    cove__object_request_init(&r, store, "PUT", name, ctx);
    r.whole_bucket = true;
    int rc = cove__buf_rc(&body);
    if (rc < 0)
        cove__fail_nomem(&why, "a request");
    else {
        cove__object_body(&r, cove__buf_slice(&body), COVE__CHECKSUM_NONE);
        rc = cove__object_run(&r, &why);
    }
    bool strange = rc == 0 && r.http.reply.size > 0; /* some stores send another body, and so do proxies */
    if (rc < 0 && r.refusal == COVE__REFUSED_BUCKET_IS_OURS)
        rc = 0;
    cove__object_request_done(&r);
    cove__buf_done(&body);
    if (strange && (rc = cove__object_any_below(store, name, ctx, &why)) > 0)
        rc = 0;
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}

int cove__object_require_bucket(struct cove__object_store *store, struct cove__object_name name,
                                const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_name bucket = { .bucket = name.bucket };
    struct cove_error why = COVE_ERROR_INIT;

    if (cove__object_bucket_is_known(store, name.bucket))
        return 0;
    int rc = cove__object_any_below(store, bucket, ctx, &why);
    if (rc == COVE_ENOTFOUND && store->create_buckets)
        return make_bucket(store, bucket, ctx, err);
    if (rc == COVE_EACCESS) { /* a user who may not list the bucket may still write to it */
        cove__object_remember_bucket(store, name.bucket);
        return 0;
    }
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}

int cove__object_mkdir(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct cove__object_name name = cove__object_split(path);
    struct cove__object_head head;
    struct cove_error why = COVE_ERROR_INIT;
    int rc = 0;

    if (name.bucket.size == 0)
        return 0; /* the root is there */
    if (name.key.size == 0)
        return make_bucket(store, name, ctx, err);
    char *plain = cove__object_trim_slash(path);
    if (plain == NULL)
        return cove__fail_nomem(err, "a path");
    if (cove__virtual_exists(store, plain, COVE__VIRTUAL_NOW))
        goto out;
    name = cove__object_split(plain);
    if (!cove__virtual_existed(store, plain)) {
        rc = cove__object_require_bucket(store, name, ctx, err);
        if (rc < 0)
            goto out;
        rc = cove__object_head(store, name, ctx, &head, &why);
        if (rc == 0) {
            rc = cove__fs_fail(err, ctx, COVE_EEXIST, "an object of this name exists");
            goto out;
        }
        if (rc != COVE_ENOTFOUND && rc != COVE_EACCESS) {
            rc = cove__error_copy(err, &why);
            goto out;
        }
    }
    /* Refused or not there: a promise needs neither. Writing below it will say what is wrong, if anything is. */
    rc = cove__virtual_make(store, plain);
    if (rc < 0)
        cove__fs_fail(err, ctx, rc, "the directory cannot be remembered: %s", cove_code_phrase(rc));
out:
    cove__free(plain);
    return rc;
}

/* ---- trees ---- */

static int remove_keys(struct cove__object_store *store, const struct cove__page *page, const struct cove__ctx *ctx,
                       struct cove_error *err)
{
    const char **paths = cove__calloc(page->n, sizeof *paths);

    if (paths == NULL)
        return cove__fail_nomem(err, "a list of paths");
    for (size_t i = 0; i < page->n; i++)
        paths[i] = page->items[i].path;
    int rc = cove__object_remove(store, paths, NULL, page->n, ctx, err);
    cove__free(paths);
    return rc;
}

/* A bucket that lists nothing may still have versions or uploads. */
static int explain_not_empty(struct cove__object_store *store, struct cove__object_name name,
                             const struct cove__ctx *ctx, struct cove_error *err)
{
    int any = cove__object_any_below(store, name, ctx, NULL);

    return cove__fs_fail(err, ctx, COVE_ENOTEMPTY,
                         any == 0 ? "the bucket has no objects, but older versions or unfinished uploads; "
                                    "remove these first"
                                  : "the bucket is not empty");
}

static int delete_bucket(struct cove__object_store *store, struct cove__object_name name, const struct cove__ctx *ctx,
                         struct cove_error *err)
{
    struct cove__object_request r;

    cove__object_request_init(&r, store, "DELETE", name, ctx);
    r.whole_bucket = true;
    r.accept = cove__object_accept_empty;
    int rc = cove__object_run(&r, err);
    bool not_empty = r.refusal == COVE__REFUSED_BUCKET_NOT_EMPTY;
    if (rc == 0)
        cove__object_forget_bucket(store, name.bucket);
    cove__object_request_done(&r);
    return not_empty ? explain_not_empty(store, name, ctx, err) : rc;
}

/* Removes everything below, markers included; a bucket is emptied but not removed. In an ordered listing a page's token
 * stays valid when the page's keys are removed. In an unordered one it may not: there the listing starts again. */
int cove__object_remove_tree(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct cove__object_name name = cove__object_split(path);
    char *token = NULL, *plain = cove__object_trim_slash(path);
    struct cove__paging paging = { 0 };
    bool any = false, more = false;
    int rc = 0;

    if (plain == NULL)
        return cove__fail_nomem(err, "a path");
    if (name.bucket.size == 0) {
        rc = cove__fs_fail(err, ctx, COVE_EINVAL, "all buckets at once are not removed; name one");
        goto out;
    }
    bool promised = cove__virtual_exists(store, plain, COVE__VIRTUAL_NOW);
    do {
        struct cove__page page = { 0 };
        rc = cove__object_list_keys(store, name, token, ctx, &page, err);
        if (rc == 0 && page.n > 0) {
            any = true;
            rc = remove_keys(store, &page, ctx, err);
        }
        if (rc == 0 && page.token != NULL)
            rc = cove__paging_next(&paging, page.token, page.n > 0 ? page.items[0].path : NULL, page.n, ctx, err);
        more = page.token != NULL;
        cove__free(token);
        token = NULL;
        if (page.n == 0 || !cove__s3_is_directory(store, name.bucket)) {
            token = page.token;
            page.token = NULL;
        }
        cove__page_done(&page);
    } while (rc == 0 && more);
    cove__free(token);
    if (rc < 0)
        goto out;
    cove__virtual_forget_tree(store, plain);
    if (name.key.size > 0 && !any && !promised)
        rc = cove__fs_fail(err, ctx, COVE_ENOTFOUND, "no such object, and nothing below it");
out:
    cove__free(plain);
    return rc;
}

int cove__object_rmdir(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct cove__object_name name = cove__object_split(path);
    struct cove__page page = { 0 };
    char *plain = cove__object_trim_slash(path);
    int rc;

    if (plain == NULL)
        return cove__fail_nomem(err, "a path");
    if (name.key.size == 0) {
        rc = name.bucket.size > 0 ? delete_bucket(store, name, ctx, err)
                                  : cove__fs_fail(err, ctx, COVE_EINVAL, "the root cannot be removed");
        if (rc == 0)
            cove__virtual_forget_tree(store, plain);
        goto out;
    }
    bool promised = cove__virtual_exists(store, plain, COVE__VIRTUAL_NOW);
    rc = cove__object_list_keys(store, name, NULL, ctx, &page, err);
    if (rc < 0)
        goto out;
    /* An empty directory may have its own marker, which would be listed first: it has the shortest name. */
    size_t marker = strlen(plain) + (plain[strlen(plain) - 1] != '/');
    bool only_marker =
        page.n == 1 && page.token == NULL && page.items[0].size == 0 && strlen(page.items[0].path) == marker;
    if ((page.n > 0 && !only_marker) || cove__virtual_has_children(store, plain))
        rc = cove__fs_fail(err, ctx, COVE_ENOTEMPTY, "the directory is not empty");
    else if (page.n > 0)
        rc = remove_keys(store, &page, ctx, err);
    else if (!promised)
        rc = cove__fs_fail(err, ctx, COVE_ENOTFOUND, "no such directory");
    if (rc == 0)
        cove__virtual_forget_tree(store, plain);
out:
    cove__page_done(&page);
    cove__free(plain);
    return rc;
}
