/*
 * The open end of an object. Most object stores have no append: a small object is put again with the new bytes, a large
 * one is copied on the store's side with the new bytes as a last part. Both only if the object is still the one that
 * was last seen, so two writers never lose data unseen. A store's own extension (append.h) goes before both.
 *
 * A write that seems to have failed may have been applied all the same (its response was lost, or came after the
 * deadline). Each write carries a mark in the object's metadata, whose first half is the same for all writes of one
 * open end. A write after a failed one begins with the same bytes. So an object that has changed meanwhile and carries
 * our mark has the first of our bytes already; their number follows from its size. An extension may carry no mark: the
 * object's bytes show whether it succeeded.
 */
#include "fs/object/append.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/object/copy.h"
#include "fs/object/made.h"
#include "fs/object/virtual.h"
#include "wire/crc.h"

#define REWRITE     ((int64_t)64 << 20) /* up to it the whole is sent again where the store cannot copy parts */
#define COMPARE_MAX ((size_t)1 << 20)   /* read at once */
#define OTHERWISE   4 /* ways of adding that a store may refuse in a row, each by a response that decides the next */
#define TRIES       3 /* a write that was refused because our own earlier one succeeded is repeated after that */

static bool is_small(struct cove__object_store *store, const struct cove__object_tail *t)
{
    return t->size == 0 || t->size < store->ops->append->rewrite_below ||
           (t->size <= REWRITE && !cove__object_can_copy_parts(store));
}

/* Whether the store takes the next bytes alone. */
static bool is_extended(const struct cove__object_store *store, const struct cove__object_tail *t)
{
    return t->extends && !t->full && t->exists && !t->unconditional && !t->truncated &&
           (t->extends_only || (t->size > 0 && t->size >= store->ops->append->extend_from));
}

static void tail_free(struct cove__object_tail *t)
{
    cove__free(t->path);
    cove__free(t->version);
    cove__buf_done(&t->content);
    cove__buf_done(&t->headers);
    if (t->free_state)
        t->free_state(t->state);
    cove__free(t);
}

static void new_id(struct cove__object_tail *t)
{
    snprintf(t->id, sizeof t->id, "%016llx", (unsigned long long)cove__random());
}

/* There is no object of this name; there must not be a directory either. Who may not look for one may append all the
 * same. */
static int no_directory(struct cove__object_store *store, const char *path, struct cove__object_name name,
                        const struct cove__ctx *ctx, struct cove_error *err)
{
    int rc = cove__virtual_exists(store, path, COVE__VIRTUAL_NOW) ? 1 : cove__object_any_below(store, name, ctx, err);
    if (rc == COVE_EACCESS) {
        cove__error_clear(err);
        return 0;
    }
    return rc > 0 ? cove__fs_fail(err, ctx, COVE_EISDIR, "a directory") : rc;
}

int cove__object_append_open(void *self, const char *path, bool truncate, const char *etag, const struct cove__ctx *ctx,
                             void **ret_tail, struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_name name;
    struct cove__object_tail *t;
    struct cove__object_head head;
    int rc = cove__object_name_of(store, path, true, ctx, &name, err);

    if (rc == 0 && !store->ops->append)
        rc = cove__fs_fail(err, ctx, COVE_ENOTSUP, "this store has no appends");
    if (rc < 0)
        return rc;
    t = cove__calloc(1, sizeof *t);
    if (!t)
        return cove__fail_nomem(err, "an appender");
    cove__buf_init(&t->content, (size_t)REWRITE);
    cove__buf_init(&t->headers, COVE__OBJECT_METADATA_MAX);
    new_id(t);
    t->store = store;
    t->cached = true; /* what does not exist, or will be replaced, is known to be empty */
    t->extends = store->ops->append->extends && store->ops->append->extends(store, name);
    t->path = cove__strdup(path);
    rc = t->path ? 0 : COVE_ENOMEM;
    if (rc == 0)
        rc = truncate ? cove__object_head(store, name, ctx, &head, &why)
                      : cove__object_head_to_append(store, name, ctx, &head, &t->headers, &why);
    if (rc == 0 && head.version[0] == '\0')
        rc = cove__object_no_version(ctx, &why);
    if (rc == 0) {
        t->exists = true;
        t->version = cove__strdup(head.version);
        if (!t->version)
            rc = COVE_ENOMEM;
    }
    if (rc == 0 && !truncate) {
        t->cached = head.size == 0;
        t->size = head.size;
        t->has_crc32c = t->knows_sum = head.has_crc32c;
        t->sum = head.crc32c;
        t->extends_only = head.extends_only;
    }
    t->truncated = truncate;
    if (rc == COVE_EACCESS && truncate) { /* a caller with the right to write alone cannot ask what is there */
        t->unconditional = true;
        rc = 0;
    }
    if (rc == COVE_ENOTFOUND)
        rc = no_directory(store, path, name, ctx, &why);
    if (rc == 0 && etag && strcmp(etag, t->exists ? t->version : "") != 0)
        rc = cove__append_changed(ctx, &why);
    if (rc == 0 && cove__object_condition_mode(store, COVE__PUT_CONDITIONS) == COVE__CONDITION_UNSUPPORTED)
        rc = cove__object_no_conditions(store, ctx, &why);
    if (rc == 0 && store->ops->append->header)
        rc =
            cove__object_keep_default(store, store->ops->append->header, store->ops->append->header_value, &t->headers);
    if (rc == COVE_ELIMIT && why.code == 0)
        cove__fs_fail(&why, ctx, rc, "the object's metadata are too large to be kept");
    if (rc < 0) {
        tail_free(t);
        return rc == COVE_ENOMEM ? cove__fail_nomem(err, "an appender") : cove__error_copy(err, &why);
    }
    *ret_tail = t;
    return 0;
}

void cove__object_append_close(void *self, void *tail)
{
    if (tail)
        tail_free(tail);
}

int cove__append_changed(const struct cove__ctx *ctx, struct cove_error *err)
{
    return cove__fs_fail(err, ctx, COVE_EPRECONDITION,
                         "another writer changed the object; one process at a time can append to it");
}

/* What the object is to be, `size` bytes long, made by a write of ours: of one size there is one content. */
void cove__append_mark(const struct cove__object_tail *t, int64_t size, struct cove__write_mark *ret)
{
    snprintf(ret->write_id, sizeof ret->write_id, "%s%016llx", t->id, (unsigned long long)size);
}

/* Starts the op of an asynchronous slot that is called next, and then waited for by cove__op_wait. */
static void start_op(struct cove__op *op, struct cove__inbox *inbox, const struct cove__ctx *ctx)
{
    op->ctx = *ctx;
    cove__op_will_wait(op, inbox);
    cove__op_start(op);
}

/* ---- small: the whole object again ---- */

static int not_held(int rc, const struct cove__ctx *ctx, struct cove_error *err)
{
    return cove__fs_fail(err, ctx, rc, "the object cannot be kept in memory: %s", cove_code_phrase(rc));
}

/* The object as it is, where this appender has not written it itself. */
static int fetch_content(struct cove__object_store *store, struct cove__object_tail *t, const struct cove__ctx *ctx,
                         struct cove_error *err)
{
    struct cove__inbox inbox;
    struct cove__read_io io = {
        .path = t->path, .length = (size_t)t->size, .if_match = t->version, .if_size = t->size
    };

    if (t->cached)
        return 0;
    cove__buf_reset(&t->content);
    int rc = cove__buf_reserve(&t->content, (size_t)t->size);
    if (rc < 0)
        return not_held(rc, ctx, err);
    io.dst = t->content.data;
    start_op(&io.op, &inbox, ctx);
    cove__object_read(store, &io);
    rc = cove__op_wait(&io.op, err);
    cove__free(io.ret_etag);
    if (rc == COVE_EPRECONDITION || rc == COVE_ENOTFOUND)
        return cove__append_changed(ctx, err);
    if (rc < 0)
        return rc;
    if (io.op.count != t->size)
        return cove__append_changed(ctx, err);
    t->content.size = (size_t)t->size;
    t->cached = true;
    return 0;
}

int cove__append_tail_is(struct cove__object_tail *t, char *version, int64_t size, struct cove_error *err)
{
    if (!version)
        return cove__fail_nomem(err, "an appender");
    cove__free(t->version);
    t->version = version;
    t->size = size;
    t->exists = true;
    t->unconditional = t->truncated = t->full = t->unsure = t->knows_sum = false;
    return 0;
}

static int append_small(struct cove__object_store *store, struct cove__object_tail *t, struct cove__slice data,
                        const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__write_mark mark;
    struct cove__put put = { .condition = t->unconditional ? COVE_WRITE_ALWAYS
                                          : t->exists      ? COVE_WRITE_IF_MATCH
                                                           : COVE_WRITE_IF_NEW,
                             .etag = t->version,
                             .expected_size = -1,
                             .write_id = mark.write_id,
                             .headers = cove__buf_str(&t->headers) };
    struct cove__buf whole = COVE__BUF_INIT((size_t)REWRITE + data.size);
    struct cove__inbox inbox;
    struct cove__put_io io = { .path = t->path, .put = &put };

    cove__append_mark(t, t->size + (int64_t)data.size, &mark);
    int rc = t->unconditional ? 0 : fetch_content(store, t, ctx, err);
    if (rc < 0)
        return rc;
    if (!t->unconditional)
        cove__buf_add_slice(&whole, cove__buf_slice(&t->content));
    rc = cove__buf_add_slice(&whole, data);
    if (rc < 0) {
        cove__buf_done(&whole);
        return not_held(rc, ctx, err);
    }
    io.src = cove__buf_slice(&whole);
    start_op(&io.op, &inbox, ctx);
    cove__object_put(store, &io);
    rc = cove__op_wait(&io.op, err);
    if (rc == COVE_EEXIST || rc == COVE_EPRECONDITION || (rc == 0 && !io.ret_etag)) {
        rc = cove__append_changed(ctx, err); /* or so it seems: the caller asks who did */
    } else if (rc == 0) {
        int64_t size = (int64_t)whole.size;
        rc = cove__append_tail_is(t, io.ret_etag, size, err);
        io.ret_etag = NULL;
        t->knows_sum = t->extends; /* whose next append checks it */
        if (t->knows_sum)
            t->sum = cove__crc32c(0, whole.data, whole.size);
        cove__buf_done(&t->content);
        t->has_crc32c = cove__object_checksum(store) == COVE__CHECKSUM_CRC32C;
        t->cached = is_small(store, t) && !is_extended(store, t);
        if (t->cached) {
            t->content = whole; /* its memory, under the old maximum */
            t->content.max = (size_t)REWRITE;
            return rc;
        }
    }
    cove__free(io.ret_etag);
    cove__buf_done(&whole);
    return rc;
}

/* ---- large: a copy on the store's side, and one part more ---- */

static int append_large(struct cove__object_store *store, struct cove__object_tail *t, struct cove__slice data,
                        const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__write_mark mark;
    struct cove__put put = { .condition = COVE_WRITE_IF_MATCH,
                             .etag = t->version,
                             .expected_size = -1,
                             .copies = true,
                             .write_id = mark.write_id,
                             .headers = cove__buf_str(&t->headers) };
    struct cove__inbox inbox;
    struct cove__part_io io = { .src = data };
    struct cove__upload *u = NULL;
    unsigned n = 0;
    char *etag = NULL;

    cove__append_mark(t, t->size + (int64_t)data.size, &mark);
    int rc = cove__upload_open(store, t->path, &put, false, ctx, &u, err);
    if (rc < 0)
        return rc;
    rc = cove__upload_copy_parts(u, cove__object_split(t->path), t->size, t->version, 1, ctx, &n, err);
    if (rc == 0) {
        io.upload = u;
        io.number = n + 1;
        io.offset = t->size;
        start_op(&io.op, &inbox, ctx);
        cove__object_upload_part(store, &io);
        rc = cove__op_wait(&io.op, err);
    }
    if (rc < 0) {
        cove__object_upload_abort(store, u, ctx);
        return rc == COVE_EPRECONDITION || rc == COVE_ENOTFOUND ? cove__append_changed(ctx, err) : rc;
    }
    rc = cove__object_upload_finish(store, u, ctx, &etag, NULL, err);
    if (rc == 0)
        t->has_crc32c = false;
    if (rc == COVE_EPRECONDITION || (rc == 0 && !etag))
        return cove__append_changed(ctx, err);
    return rc < 0 ? rc : cove__append_tail_is(t, etag, t->size + (int64_t)data.size, err);
}

/* ---- after a refusal: was it our own earlier write that changed the object? ---- */

/* Our mark, of just this size: an object that was extended by others keeps its mark. */
static bool marked_ours(const struct cove__object_tail *t, const struct cove__object_head *head)
{
    struct cove__write_mark mark;

    cove__append_mark(t, head->size, &mark);
    return strcmp(head->write_id, mark.write_id) == 0;
}

/* Whether what is in the object (as `head` has it) behind our end is `data`, which an extension of ours may have put
 * there although it seemed to fail: 1, 0, or an error. */
static int has_bytes(struct cove__object_store *store, const struct cove__object_tail *t,
                     const struct cove__object_head *head, struct cove__slice data, const struct cove__ctx *ctx,
                     struct cove_error *err)
{
    uint8_t *buffer;
    int same = 1;

    if (!t->extends || !t->unsure || data.size == 0)
        return 0;
    buffer = cove__malloc(data.size < COMPARE_MAX ? data.size : COMPARE_MAX);
    if (!buffer)
        return cove__fail_nomem(err, "an appender");
    for (size_t at = 0; same == 1 && at < data.size; at += COMPARE_MAX) {
        struct cove__slice want = cove__slice_sub(data, at, at + COMPARE_MAX);
        struct cove__inbox inbox;
        struct cove__read_io io = { .path = t->path,
                                    .dst = buffer,
                                    .length = want.size,
                                    .offset = t->size + (int64_t)at,
                                    .if_match = head->version };
        start_op(&io.op, &inbox, ctx);
        cove__object_read(store, &io);
        int rc = cove__op_wait(&io.op, err);
        cove__free(io.ret_etag);
        if (rc == COVE_EPRECONDITION || rc == COVE_ENOTFOUND)
            same = 0;
        else if (rc < 0)
            same = rc;
        else
            same = io.op.count == (int64_t)want.size && memcmp(buffer, want.data, want.size) == 0;
    }
    cove__free(buffer);
    return same;
}

/* 0: *ret_found bytes of `data` are in the object already, and the rest can go behind them. COVE_EPRECONDITION: what is
 * there is another writer's. */
static int adopt(struct cove__object_store *store, struct cove__object_tail *t, struct cove__slice data,
                 const struct cove__ctx *ctx, size_t *ret_found, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_head head;
    int rc = cove__object_head(store, cove__object_split(t->path), ctx, &head, &why);

    if (rc == COVE_ENOTFOUND)
        return t->exists ? cove__append_changed(ctx, err) : 0; /* refused for another writer, whose write has failed */
    if (rc == 0 && head.version[0] == '\0')
        rc = cove__object_no_version(ctx, &why);
    if (rc < 0)
        return cove__error_copy(err, &why);
    if (t->exists && strcmp(head.version, t->version) == 0)
        return 0; /* likewise */
    if (head.size < t->size || (uint64_t)(head.size - t->size) > data.size)
        return cove__append_changed(ctx, err);
    size_t taken = (size_t)(head.size - t->size);
    if (!marked_ours(t, &head)) {
        rc = has_bytes(store, t, &head, cove__slice_sub(data, 0, taken), ctx, err);
        if (rc <= 0)
            return rc < 0 ? rc : cove__append_changed(ctx, err);
    }
    if (t->knows_sum && head.has_crc32c && cove__object_has_crc32c(store) &&
        head.crc32c != cove__crc32c_join(t->sum, cove__crc32c(0, data.data, taken), taken)) {
        new_id(t);
        return cove__fs_fail(err, ctx, COVE_ECORRUPT, "the object has other bytes than were written to it");
    }
    rc = cove__append_tail_is(t, cove__strdup(head.version), head.size, err);
    if (rc < 0)
        return rc;
    *ret_found = taken;
    cove__buf_reset(&t->content);
    t->cached = head.size == 0;
    t->has_crc32c = t->knows_sum = head.has_crc32c;
    t->sum = head.crc32c;
    return 0;
}

/* Where all parts must be of one size but the last, which may be smaller: no more than the object itself. */
static struct cove__slice largest_tail(struct cove__object_store *store, const struct cove__object_tail *t,
                                       struct cove__slice data)
{
    if (cove__object_can(store, COVE__UNEQUAL_PARTS) != COVE__CAN_NO)
        return data;
    return cove__slice_sub(data, 0, (size_t)t->size);
}

/* Without copies of parts the whole is sent again, in one request, and so is held in memory. */
static int check_growth(const struct cove__object_store *store, const struct cove__object_tail *t,
                        struct cove__slice data, const struct cove__part_rules *rules, const struct cove__ctx *ctx,
                        struct cove_error *err)
{
    if (cove__object_has_part_copies(store) || t->extends)
        return 0;
    if ((uint64_t)t->size + data.size > rules->max_part)
        return cove__fs_fail(err, ctx, COVE_ELIMIT, "the store takes no object of more than %zu bytes",
                             rules->max_part);
    if (t->size > REWRITE)
        return cove__fs_fail(
            err, ctx, COVE_ELIMIT,
            "to this store the object is sent again with the new bytes, which is done up to %lld bytes",
            (long long)REWRITE);
    return 0;
}

int cove__object_append(void *self, void *tail, struct cove__slice data, const struct cove__ctx *ctx, size_t *ret_added,
                        struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct cove__object_tail *t = tail;
    struct cove__part_rules rules;

    *ret_added = 0;
    cove__object_part_rules(store, NULL, &rules);
    if (data.size > rules.max_part)
        return cove__fs_fail(err, ctx, COVE_ELIMIT, "at most %zu bytes are added at once", rules.max_part);
    /* At most TRIES times per bytes that were added, and OTHERWISE times more. */
    for (int i = 1, ways = 0;; i++) {
        struct cove_error why = COVE_ERROR_INIT;
        struct cove__slice rest = cove__slice_sub(data, *ret_added, data.size);
        if (rest.size == 0 && t->exists && !t->truncated)
            return 0;
        int rc = check_growth(store, t, rest, &rules, ctx, err);
        if (rc < 0)
            return rc;
        bool small = t->unconditional || !t->exists || is_small(store, t);
        bool extends = is_extended(store, t);
        struct cove__slice now = small || extends ? rest : largest_tail(store, t, rest);
        rc = extends ? store->ops->append->extend(store, t, now, ctx, &why)
             : small ? append_small(store, t, now, ctx, &why)
                     : append_large(store, t, now, ctx, &why);
        if ((rc == COVE__APPEND_OTHERWISE || (rc == COVE_ENOTSUP && !small && is_small(store, t))) &&
            ways++ < OTHERWISE)
            continue; /* by other means: the store has just said that it cannot do it by these */
        if (rc == 0) {
            *ret_added += now.size;
            i = ways = 0;
            continue;
        }
        if (rc == COVE__APPEND_OTHERWISE)
            return cove__fs_fail(err, ctx, COVE_EPROTOCOL, "the store refuses every way to append to the object");
        if (rc == COVE_ECORRUPT)
            new_id(t); /* what was made has our mark, and must not be taken for ours */
        if (rc != COVE_EPRECONDITION || i >= TRIES)
            return cove__error_copy(err, &why);
        size_t found = 0;
        rc = adopt(store, t, rest, ctx, &found, err);
        if (rc < 0)
            return rc;
        *ret_added += found;
    }
}
