/* Making and removing: buckets, promised directories, objects by the thousand, trees. */
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/paging.h"
#include "fs/s3/s3.h"
#include "wire/digest.h"
#include "wire/xml.h"

#define DELETE_BODY_MAX ((size_t)8 << 20)
#define DELETE_PARALLEL 16

/* ---- buckets and directories ---- */

/* A zone of a region is "usw2-az1", one outside of it "usw2-lax1-az1". */
static void add_location(const struct cove__s3 *s3, struct cove__slice bucket, struct cove__buf *body)
{
    static const char begin[] = "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
    static const char end[] = "</CreateBucketConfiguration>";

    if (cove__s3_is_directory(s3, bucket)) {
        struct cove__slice zone = cove__s3_zone(bucket);
        const uint8_t *first = memchr(zone.data, '-', zone.size);
        const char *kind = first != NULL && memchr(first + 1, '-', (size_t)(zone.data + zone.size - first - 1)) != NULL
                               ? "LocalZone"
                               : "AvailabilityZone";
        cove__buf_addf(body,
                       "%s<Location><Name>%.*s</Name><Type>%s</Type></Location><Bucket><DataRedundancy>Single%s"
                       "</DataRedundancy><Type>Directory</Type></Bucket>%s",
                       begin, (int)zone.size, (const char *)zone.data, kind, kind, end);
    } else if (strcmp(s3->region, "us-east-1") != 0) { /* the default of AWS, which refuses it by name */
        cove__buf_addf(body, "%s<LocationConstraint>%s</LocationConstraint>%s", begin, s3->region, end);
    }
}

static int make_bucket(struct cove__s3 *s3, struct s3_name name, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__buf body = COVE__BUF_INIT(1024);
    struct s3_request r;
    struct cove_error why = COVE_ERROR_INIT;

    add_location(s3, name.bucket, &body);
    cove__s3_request_init(&r, s3, "PUT", name, ctx);
    r.whole_bucket = true;
    int rc = cove__buf_rc(&body);
    if (rc < 0)
        cove__fail_nomem(&why, "a request");
    else {
        cove__s3_body(&r, cove__buf_slice(&body), S3_SUM_NONE);
        rc = cove__s3_run(&r, &why);
    }
    bool strange = rc == 0 && r.http.reply.size > 0; /* some stores answer in words of their own, and so do proxies */
    if (rc < 0 && strcmp(r.code, "BucketAlreadyOwnedByYou") == 0)
        rc = 0;
    cove__s3_request_done(&r);
    cove__buf_done(&body);
    if (strange && (rc = cove__s3_any_below(s3, name, ctx, &why)) > 0)
        rc = 0;
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}

int cove__s3_mkdir(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__s3 *s3 = self;
    struct s3_name name = cove__s3_split(path);
    struct s3_head head;
    struct cove_error why = COVE_ERROR_INIT;
    int rc = 0;

    if (name.bucket.size == 0)
        return 0; /* the root is there */
    if (name.key.size == 0)
        return make_bucket(s3, name, ctx, err);
    char *plain = cove__s3_plain(path);
    if (plain == NULL)
        return cove__fail_nomem(err, "a path");
    if (cove__s3_promised(s3, plain))
        goto out;
    name = cove__s3_split(plain);
    rc = cove__s3_head(s3, name, ctx, &head, &why);
    if (rc == 0) {
        rc = cove__fs_fail(err, ctx, COVE_EEXIST, "an object of this name exists");
        goto out;
    }
    if (rc != COVE_ENOTFOUND && rc != COVE_EACCESS) {
        rc = cove__error_copy(err, &why);
        goto out;
    }
    /* Refused or not there: a promise needs neither. Writing below it will say what is wrong, if anything is. */
    rc = cove__s3_promise(s3, plain);
    if (rc < 0)
        cove__fs_fail(err, ctx, rc, "the directory cannot be remembered: %s", cove_code_phrase(rc));
out:
    cove__free(plain);
    return rc;
}

/* ---- objects ---- */

/* A store answers a deletion with 204. Where it was something else, perhaps a proxy's page, the object itself tells. */
static int look_whether_gone(struct cove__s3 *s3, struct s3_name name, const struct cove__ctx *ctx,
                             struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    struct s3_head head;
    int rc = cove__s3_head(s3, name, ctx, &head, &why);

    if (rc == COVE_ENOTFOUND)
        return 0;
    return rc < 0 ? cove__error_copy(err, &why)
                  : cove__fs_fail(err, ctx, COVE_EPROTOCOL,
                                  "the reply to the deletion is not the store's: the object is still there");
}

int cove__s3_delete(struct cove__s3 *s3, struct s3_name name, const char *etag, const struct cove__ctx *ctx,
                    struct cove_error *err)
{
    struct s3_request r;
    struct cove_error why = COVE_ERROR_INIT;

    cove__s3_request_init(&r, s3, "DELETE", name, ctx);
    r.accept = cove__s3_accept_bare;
    if (etag != NULL)
        cove__s3_header(&r, "If-Match", "%s", etag);
    int rc = cove__s3_run(&r, &why);
    bool gone = rc == COVE_ENOTFOUND && strcmp(r.code, "NoSuchBucket") != 0;
    if (etag != NULL && cove__s3_refuses_condition(&r)) {
        cove__s3_lacks(&r, S3_DELETE_CONDITIONS);
        rc = cove__s3_fail(&r, &why, COVE_ENOTSUP, "the store has no conditional deletions");
    }
    if (rc == COVE_EPROTOCOL || (rc == 0 && r.http.status != 204))
        rc = look_whether_gone(s3, name, ctx, &why);
    cove__s3_request_done(&r);
    return rc == 0 || gone ? 0 : cove__error_copy(err, &why);
}

/* What a DeleteResult says of the first key that could not be deleted. */
struct delete_result {
    char code[64], first_code[64], key[256], first_key[256];
    size_t failed;
};

static void keep_text(char *out, size_t size, struct cove__slice text)
{
    size_t n = text.size < size ? text.size : size - 1;
    if (n > 0)
        memcpy(out, text.data, n);
    out[n] = '\0';
}

static int on_deletion(void *user, const char *path)
{
    struct delete_result *d = user;

    if (strcmp(path, "DeleteResult/Error") == 0)
        d->code[0] = d->key[0] = '\0';
    return 0;
}

static int on_deleted(void *user, const char *path, struct cove__slice text)
{
    struct delete_result *d = user;

    if (strcmp(path, "DeleteResult/Error/Code") == 0)
        keep_text(d->code, sizeof d->code, text);
    else if (strcmp(path, "DeleteResult/Error/Key") == 0)
        keep_text(d->key, sizeof d->key, text);
    else if (strcmp(path, "DeleteResult/Error") == 0 && strcmp(d->code, "NoSuchKey") != 0) {
        if (d->failed++ == 0) {
            memcpy(d->first_code, d->code, sizeof d->code);
            memcpy(d->first_key, d->key, sizeof d->key);
        }
    }
    return 0;
}

static int accept_deletion(struct s3_request *r, struct cove_error *err)
{
    static const struct cove__xml_handler handler = { on_deletion, on_deleted, "DeleteResult" };
    struct delete_result d = { 0 };

    int rc = cove__xml_read(cove__buf_slice(&r->http.reply), &handler, &d);
    if (rc < 0)
        return cove__s3_fail(r, err, rc, "the store's reply to a deletion cannot be read");
    if (d.failed == 0)
        return 0;
    /* A failure inside the store is worth the same request once more: what is gone stays gone. */
    bool passing = strcmp(d.first_code, "InternalError") == 0 || strcmp(d.first_code, "SlowDown") == 0;
    rc = passing ? COVE_EPROTOCOL : strcmp(d.first_code, "AccessDenied") == 0 ? COVE_EACCESS : COVE_ESERVER;
    return cove__s3_fail(r, err, rc, "%zu could not be deleted, the first: %s (%s)", d.failed, d.first_key,
                         d.first_code);
}

/* One DeleteObjects. `body` is whole. *ret_unknown: the store has no such request. */
static int delete_batch(struct cove__s3 *s3, struct cove__slice bucket, struct cove__slice body,
                        const struct cove__ctx *ctx, bool *ret_unknown, struct cove_error *err)
{
    struct s3_request r;

    cove__s3_request_init(&r, s3, "POST", (struct s3_name){ .bucket = bucket }, ctx);
    r.http.reply_max = S3_REPLY_MAX;
    r.error_in_200 = true;
    r.accept = accept_deletion;
    r.hash_payload = true;
    cove__buf_add_str(&r.query, "delete=");
    cove__s3_header(&r, "Content-Type", "application/xml");
    bool directory = cove__s3_is_directory(s3, bucket);
    cove__s3_body(&r, body, directory ? S3_SUM_CRC32C : cove__s3_sum(s3)); /* without any it is refused there */
    if (!directory)
        cove__s3_sum_md5(&r); /* which many stores want here; without MD5 (FIPS) the other is enough for most */
    int rc = cove__s3_run(&r, err);
    *ret_unknown = cove__s3_refuses_operation(&r);
    if (*ret_unknown)
        cove__s3_lacks(&r, S3_BATCH_DELETE);
    cove__s3_request_done(&r);
    return rc;
}

static void start_deletion(struct s3_request *r, struct cove__s3 *s3, const char *path, const struct cove__ctx *ctx,
                           struct cove__inbox *inbox)
{
    cove__s3_request_init(r, s3, "DELETE", cove__s3_locate(s3, path), ctx);
    r->accept = cove__s3_accept_bare;
    cove__s3_start_in(r, inbox);
}

/* One by one, some under way at once, for stores that cannot do it in one request. */
static int delete_each(struct cove__s3 *s3, const char *const *paths, size_t n, const struct cove__ctx *ctx,
                       struct cove_error *err)
{
    struct s3_request *requests = cove__calloc(DELETE_PARALLEL, sizeof *requests);
    struct cove__inbox inbox;
    struct cove__op *op;
    size_t next = 0;
    int rc = 0;

    if (requests == NULL)
        return cove__fail_nomem(err, "deletions");
    cove__inbox_init(&inbox);
    for (; next < n && next < DELETE_PARALLEL; next++) {
        start_deletion(&requests[next], s3, paths[next], ctx, &inbox);
    }
    while ((op = cove__inbox_wait(&inbox)) != NULL) {
        struct s3_request *r = (struct s3_request *)(void *)op;
        bool gone = op->rc == COVE_ENOTFOUND && strcmp(r->code, "NoSuchBucket") != 0;
        bool strange = op->rc == COVE_EPROTOCOL || (op->rc == 0 && r->http.status != 204);
        if (strange && rc == 0)
            rc = look_whether_gone(s3, r->name, ctx, err);
        else if (op->rc < 0 && !gone && rc == 0)
            rc = cove__error_copy(err, &op->err);
        cove__s3_request_done(r);
        if (rc == 0 && next < n) {
            start_deletion(r, s3, paths[next++], ctx, &inbox);
        }
    }
    cove__inbox_done(&inbox);
    cove__free(requests);
    return rc;
}

/* Objects of one bucket, which `body` names. */
static int delete_some(struct cove__s3 *s3, const char *const *paths, size_t n, struct cove__slice body,
                       const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    bool unknown = cove__s3_can(s3, S3_BATCH_DELETE) == S3_CAN_NO;
    int rc = 0;

    if (!unknown)
        rc = delete_batch(s3, cove__s3_split(paths[0]).bucket, body, ctx, &unknown, &why);
    if (unknown)
        return delete_each(s3, paths, n, ctx, err);
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}

static bool same_bucket(const char *a, const char *b)
{
    return cove__slice_eq(cove__s3_split(a).bucket, cove__s3_split(b).bucket);
}

/* Puts as many keys of one bucket into a body as one request may have; those that XML cannot hold are deleted by
 * themselves. */
static int next_batch(struct cove__s3 *s3, const char *const *paths, size_t n, size_t *at, struct cove__buf *body,
                      size_t *ret_keys, const struct cove__ctx *ctx, struct cove_error *err)
{
    const char *first = paths[*at];
    size_t keys = 0;
    int rc = 0;

    cove__buf_reset(body);
    cove__buf_add_str(body, "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>");
    for (; rc == 0 && *at < n && keys < S3_DELETE_MAX && same_bucket(first, paths[*at]); ++*at) {
        struct s3_name name = cove__s3_locate(s3, paths[*at]);
        size_t before = body->size;
        if (name.key.size == 0) {
            rc = cove__fs_fail(err, ctx, COVE_EISDIR, "%s is a bucket, not an object", paths[*at]);
            break;
        }
        cove__buf_add_str(body, "<Object><Key>");
        bool fits = cove__xml_add_text(body, name.key) != COVE_EINVAL;
        cove__buf_add_str(body, "</Key>");
        if (name.version.size > 0) {
            cove__buf_add_str(body, "<VersionId>");
            fits &= cove__xml_add_text(body, name.version) != COVE_EINVAL;
            cove__buf_add_str(body, "</VersionId>");
        }
        cove__buf_add_str(body, "</Object>");
        if (!fits) {
            body->size = before;
            rc = cove__s3_delete(s3, name, NULL, ctx, err);
            continue;
        }
        keys++;
    }
    cove__buf_add_str(body, "</Delete>");
    if (rc == 0 && cove__buf_rc(body) < 0)
        rc = cove__fs_fail(err, ctx, cove__buf_rc(body), "a request for %zu deletions cannot be held", keys);
    *ret_keys = keys;
    return rc;
}

int cove__s3_remove(void *self, const char *const *paths, size_t n, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__s3 *s3 = self;
    struct cove__buf body = COVE__BUF_INIT(DELETE_BODY_MAX);
    int rc = 0;

    for (size_t at = 0; rc == 0 && at < n;) {
        if (n - at == 1 || !same_bucket(paths[at], paths[at + 1])) {
            struct s3_name name;
            rc = cove__s3_object(s3, paths[at], false, ctx, &name, err);
            if (rc == 0)
                rc = cove__s3_delete(s3, name, NULL, ctx, err);
            at++;
            continue;
        }
        size_t first = at, keys = 0;
        rc = next_batch(s3, paths, n, &at, &body, &keys, ctx, err);
        if (rc == 0 && keys > 0)
            rc = delete_some(s3, paths + first, at - first, cove__buf_slice(&body), ctx, err);
    }
    cove__buf_done(&body);
    return rc;
}

/* ---- trees ---- */

static int remove_keys(struct cove__s3 *s3, const struct cove__page *page, const struct cove__ctx *ctx,
                       struct cove_error *err)
{
    const char **paths = cove__calloc(page->n, sizeof *paths);

    if (paths == NULL)
        return cove__fail_nomem(err, "a list of paths");
    for (size_t i = 0; i < page->n; i++)
        paths[i] = page->items[i].path;
    int rc = cove__s3_remove(s3, paths, page->n, ctx, err);
    cove__free(paths);
    return rc;
}

static int delete_bucket(struct cove__s3 *s3, struct s3_name name, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct s3_request r;

    cove__s3_request_init(&r, s3, "DELETE", name, ctx);
    r.whole_bucket = true;
    r.accept = cove__s3_accept_bare;
    int rc = cove__s3_run(&r, err);
    cove__s3_request_done(&r);
    return rc;
}

/* Everything below, markers too: one page is listed while nothing else changes it, so a page's token stays good as its
 * keys go. Of a listing without order that is not known: there the next page is the first of what is left. */
int cove__s3_remove_tree(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__s3 *s3 = self;
    struct s3_name name = cove__s3_split(path);
    char *token = NULL, *plain = cove__s3_plain(path);
    struct cove__paging paging = { 0 };
    bool any = false, more = false;
    int rc = 0;

    if (plain == NULL)
        return cove__fail_nomem(err, "a path");
    if (name.bucket.size == 0) {
        rc = cove__fs_fail(err, ctx, COVE_EINVAL, "all buckets at once are not removed; name one");
        goto out;
    }
    do {
        struct cove__page page = { 0 };
        rc = cove__s3_list_keys(s3, name, token, ctx, &page, err);
        if (rc == 0 && page.n > 0) {
            any = true;
            rc = remove_keys(s3, &page, ctx, err);
        }
        if (rc == 0 && page.token != NULL)
            rc = cove__paging_next(&paging, page.token, page.n > 0 ? page.items[0].path : NULL, page.n, ctx, err);
        more = page.token != NULL;
        cove__free(token);
        token = NULL;
        if (page.n == 0 || !cove__s3_is_directory(s3, name.bucket)) {
            token = page.token;
            page.token = NULL;
        }
        cove__page_done(&page);
    } while (rc == 0 && more);
    cove__free(token);
    if (rc < 0)
        goto out;
    any |= cove__s3_promised(s3, plain);
    cove__s3_forget(s3, plain, true);
    if (name.key.size == 0)
        rc = delete_bucket(s3, name, ctx, err);
    else if (!any)
        rc = cove__fs_fail(err, ctx, COVE_ENOTFOUND, "no such object, and nothing below it");
out:
    cove__free(plain);
    return rc;
}

int cove__s3_rmdir(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__s3 *s3 = self;
    struct s3_name name = cove__s3_split(path);
    struct cove__page page = { 0 };
    char *plain = cove__s3_plain(path);
    int rc;

    if (plain == NULL)
        return cove__fail_nomem(err, "a path");
    if (name.key.size == 0) {
        rc = name.bucket.size > 0 ? delete_bucket(s3, name, ctx, err)
                                  : cove__fs_fail(err, ctx, COVE_EINVAL, "the root cannot be removed");
        if (rc == 0)
            cove__s3_forget(s3, plain, true);
        goto out;
    }
    bool promised = cove__s3_promised(s3, plain);
    rc = cove__s3_list_keys(s3, name, NULL, ctx, &page, err);
    if (rc < 0)
        goto out;
    /* The marker of the directory itself is all that an empty one may have: nothing has a shorter name. */
    size_t marker = strlen(plain) + (plain[strlen(plain) - 1] != '/');
    bool only_marker =
        page.n == 1 && page.token == NULL && page.items[0].size == 0 && strlen(page.items[0].path) == marker;
    if (page.n > 0 && !only_marker)
        rc = cove__fs_fail(err, ctx, COVE_ENOTEMPTY, "the directory is not empty");
    else if (page.n > 0)
        rc = remove_keys(s3, &page, ctx, err);
    else if (!promised)
        rc = cove__fs_fail(err, ctx, COVE_ENOTFOUND, "no such directory");
    if (rc == 0)
        cove__s3_forget(s3, plain, false);
out:
    cove__page_done(&page);
    cove__free(plain);
    return rc;
}
