/*
 * The open end of an object. S3 has no append: a small object is put again with the new bytes, a large one is copied on
 * the store's side with the new bytes as a last part. Both only if the object is still the one that was last seen, so
 * two writers never lose data unseen.
 */
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/s3/s3_upload.h"

#define SMALL    ((int64_t)S3_PART_MIN) /* below it the object cannot be a part of its successor */
#define DATA_MAX ((size_t)5 << 30)

struct tail {
    char *path;
    bool exists;
    bool replace; /* the next append starts the object anew */
    int64_t size;
    char *etag;  /* of the object as we know it; NULL where it does not exist */
    bool cached; /* `content` is the object, which is small */
    struct cove__buf content;
};

static void tail_free(struct tail *t)
{
    cove__free(t->path);
    cove__free(t->etag);
    cove__buf_done(&t->content);
    cove__free(t);
}

/* There is no object of this name; there must not be a directory either. */
static int no_directory(struct cove__s3 *s3, const char *path, struct s3_name name, const struct cove__ctx *ctx,
                        struct cove_error *err)
{
    int rc = cove__s3_promised(s3, path) ? 1 : cove__s3_any_below(s3, name, ctx, err);
    return rc > 0 ? cove__fs_fail(err, ctx, COVE_EISDIR, "a directory") : rc;
}

int cove__s3_append_open(void *self, const char *path, bool truncate, const struct cove__ctx *ctx, void **ret_tail,
                         struct cove_error *err)
{
    struct s3_name name = cove__s3_split(path);
    struct cove_error why = COVE_ERROR_INIT;
    struct tail *t;
    struct s3_head head;

    if (name.key.size == 0)
        return cove__fs_fail(err, ctx, COVE_EISDIR, "a bucket, not an object");
    t = cove__calloc(1, sizeof *t);
    if (t == NULL)
        return cove__fail_nomem(err, "an appender");
    cove__buf_init(&t->content, (size_t)SMALL);
    t->replace = truncate;
    t->cached = true; /* what does not exist is known to be empty */
    t->path = cove__strdup(path);
    int rc = t->path != NULL ? 0 : COVE_ENOMEM;
    if (rc == 0 && !truncate)
        rc = cove__s3_head(self, name, ctx, &head, &why);
    if (rc == 0 && !truncate) {
        t->exists = true;
        t->cached = head.size == 0;
        t->size = head.size;
        t->etag = cove__strdup(head.etag);
        if (t->etag == NULL)
            rc = COVE_ENOMEM;
    }
    if (rc == COVE_ENOTFOUND)
        rc = no_directory(self, path, name, ctx, &why);
    if (rc < 0) {
        tail_free(t);
        return rc == COVE_ENOMEM ? cove__fail_nomem(err, "an appender") : cove__error_copy(err, &why);
    }
    *ret_tail = t;
    return 0;
}

void cove__s3_append_close(void *self, void *tail)
{
    if (tail != NULL)
        tail_free(tail);
}

static int changed(const struct cove__ctx *ctx, struct cove_error *err)
{
    return cove__fs_fail(err, ctx, COVE_EPRECONDITION, "another writer changed the object; nothing was added");
}

/* Runs one asynchronous slot and waits for it. */
static int run_io(struct cove__s3 *s3, void (*slot)(void *, struct cove__io *), struct cove__io *io,
                  const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__inbox inbox;

    cove__inbox_init(&inbox);
    io->op.inbox = &inbox;
    io->op.ctx = *ctx;
    cove__op_start(&io->op);
    slot(s3, io);
    cove__inbox_wait(&inbox);
    cove__inbox_done(&inbox);
    return io->op.rc < 0 ? cove__error_copy(err, &io->op.err) : 0;
}

/* ---- small: the whole object again ---- */

/* The object as it is, where this appender has not written it itself. */
static int fetch_content(struct cove__s3 *s3, struct tail *t, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__io io = { .path = t->path, .length = (size_t)t->size, .if_match = t->etag };

    if (t->cached)
        return 0;
    cove__buf_reset(&t->content);
    if (cove__buf_reserve(&t->content, (size_t)t->size) < 0)
        return cove__fail_nomem(err, "an appender");
    io.dst = t->content.data;
    int rc = run_io(s3, cove__s3_read, &io, ctx, err);
    cove__free(io.ret_etag);
    if (rc == COVE_EPRECONDITION || rc == COVE_ENOTFOUND)
        return changed(ctx, err);
    if (rc < 0)
        return rc;
    if (io.op.count != t->size)
        return changed(ctx, err);
    t->content.size = (size_t)t->size;
    t->cached = true;
    return 0;
}

/* Remembers what the object is now. */
static int now_is(struct tail *t, char *etag, int64_t size, struct cove_error *err)
{
    cove__free(t->etag);
    t->etag = etag;
    t->size = size;
    t->exists = true;
    t->replace = false;
    return etag != NULL ? 0 : cove__fail_nomem(err, "an appender");
}

static int append_small(struct cove__s3 *s3, struct tail *t, struct cove__slice data, const struct cove__ctx *ctx,
                        struct cove_error *err)
{
    struct cove__put put = { .condition = t->replace  ? COVE_WRITE_ALWAYS
                                          : t->exists ? COVE_WRITE_IF_MATCH
                                                      : COVE_WRITE_IF_NEW,
                             .etag = t->etag,
                             .expected_size = -1 };
    struct cove__buf whole = COVE__BUF_INIT((size_t)SMALL + data.size);
    struct cove__io io = { .path = t->path, .put = &put };

    int rc = t->replace ? 0 : fetch_content(s3, t, ctx, err);
    if (rc < 0)
        return rc;
    if (!t->replace)
        cove__buf_add_slice(&whole, cove__buf_slice(&t->content));
    if (cove__buf_add_slice(&whole, data) < 0) {
        cove__buf_done(&whole);
        return cove__fail_nomem(err, "an appender");
    }
    io.src = cove__buf_slice(&whole);
    rc = run_io(s3, cove__s3_put, &io, ctx, err);
    if (rc == COVE_EEXIST || rc == COVE_EPRECONDITION) {
        rc = changed(ctx, err);
    } else if (rc == 0) {
        int64_t size = (int64_t)whole.size;
        rc = now_is(t, io.ret_etag, size, err);
        io.ret_etag = NULL;
        cove__buf_done(&t->content);
        t->cached = size < SMALL;
        if (t->cached) {
            t->content = whole; /* its memory, under the old maximum */
            t->content.max = (size_t)SMALL;
            return rc;
        }
    }
    cove__free(io.ret_etag);
    cove__buf_done(&whole);
    return rc;
}

/* ---- large: a copy on the store's side, and one part more ---- */

static int append_large(struct cove__s3 *s3, struct tail *t, struct cove__slice data, const struct cove__ctx *ctx,
                        struct cove_error *err)
{
    struct cove__put put = { .condition = COVE_WRITE_IF_MATCH, .etag = t->etag, .expected_size = -1 };
    struct cove__io io = { .path = t->path, .src = data };
    struct cove__upload *u = NULL;
    unsigned n = 0;
    char *etag = NULL;

    int rc = cove__s3_upload_open(s3, t->path, &put, false, NULL, ctx, &u, err);
    if (rc < 0)
        return rc;
    rc = cove__s3_copy_parts(u, cove__s3_split(t->path), t->size, t->etag, 1, ctx, &n, err);
    if (rc == 0) {
        io.upload = u;
        io.part_number = n + 1;
        io.offset = t->size;
        rc = run_io(s3, cove__s3_upload_part, &io, ctx, err);
    }
    if (rc < 0) {
        cove__s3_upload_abort(s3, u);
        return rc == COVE_EPRECONDITION || rc == COVE_ENOTFOUND ? changed(ctx, err) : rc;
    }
    rc = cove__s3_upload_finish(s3, u, ctx, &etag, err);
    if (rc == COVE_EPRECONDITION)
        return changed(ctx, err);
    return rc < 0 ? rc : now_is(t, etag, t->size + (int64_t)data.size, err);
}

int cove__s3_append(void *self, void *tail, struct cove__slice data, const struct cove__ctx *ctx,
                    struct cove_error *err)
{
    struct tail *t = tail;

    if (data.size > DATA_MAX)
        return cove__fs_fail(err, ctx, COVE_ELIMIT, "at most %zu bytes are added at once", DATA_MAX);
    if (data.size == 0 && t->exists && !t->replace)
        return 0;
    return t->replace || !t->exists || t->size < SMALL ? append_small(self, t, data, ctx, err)
                                                       : append_large(self, t, data, ctx, err);
}
