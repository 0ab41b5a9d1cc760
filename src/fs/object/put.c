/* A whole object in one request, under a condition; after an ambiguous end a HEAD shows whether it is ours. */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/object/task.h"
#include "fs/store_checksum.h"
#include "wire/crc.h"
#include "wire/digest.h"

/* Whether the object is what was sent: by the mark, or without a mark by size and checksum. */
/* Many stores give an object that was sent in one request the MD5 of its bytes as ETag. */
static bool is_md5_of(const char *etag, struct cove__slice data)
{
    char want[COVE__BASE64_SIZE(16)], have[COVE__BASE64_SIZE(16)];
    uint8_t hash[16];

    if (strlen(etag) != 2 + 2 * sizeof hash || !cove__unhex(etag + 1, hash, sizeof hash))
        return false;
    cove__base64(hash, sizeof hash, have);
    return cove__md5_base64(data, want) == 0 && strcmp(want, have) == 0;
}

static bool is_own_write(const struct cove__object_task *t)
{
    struct cove__slice src = t->io->src;
    struct cove__object_head head;

    cove__object_head_response(&t->r, &head);
    if (t->mark.write_id[0] != '\0')
        return strcmp(head.write_id, t->mark.write_id) == 0;
    if (head.size != (int64_t)src.size)
        return false;
    if (!head.has_crc32c)
        return is_md5_of(head.version, src);
    return cove__store_checksum_matches_bytes(head.crc32c, cove__crc32c(0, src.data, src.size), src.data, src.size);
}

/* Whether the object was written despite the failure: the response of an earlier attempt may have been lost, or changed
 * by a proxy. */
static void own_write_checked(struct cove__object_request *r)
{
    struct cove__object_task *t = r->user;
    struct cove_error err = t->why;
    int rc = t->failed;

    if (r->http.op.rc == 0 && is_own_write(t)) {
        cove__error_clear(&err);
        rc = cove__object_task_keep_version(t, &err);
    }
    cove__object_task_finish(t, rc, rc == 0 ? (int64_t)t->io->src.size : 0, &err);
}

static void check_own_write(struct cove__object_task *t)
{
    cove__object_task_restart(t, "HEAD");
    t->r.done = own_write_checked;
    cove__object_head_request(&t->r);
    cove__object_start(&t->r);
}

static int accept_put(struct cove__object_request *r, struct cove_error *err)
{
    char etag[COVE__HEADER_MAX];

    if (!cove__object_response_version(r, etag))
        return cove__object_fail(
            r, err, COVE_EPROTOCOL,
            "the response has no ETag, so it is not from the store: check the endpoint and any proxy");
    return cove__object_accept_empty(r, err);
}

static void put_done(struct cove__object_request *r)
{
    struct cove__object_task *t = r->user;
    struct cove_error err = r->http.op.err;
    int rc = r->http.op.rc;

    if (rc == 0)
        rc = cove__object_task_keep_version(t, &err);
    if (cove__object_refuses_condition(r)) {
        cove__object_learn_missing(r, COVE__PUT_CONDITIONS);
        rc = cove__object_no_conditions(r->store, &t->io->op.ctx, &err);
        cove__object_error_response(r, &err);
    } else if (cove__object_condition_refused(r, t->condition)) {
        t->failed = cove__object_condition_error(r, t->condition, &t->why);
        check_own_write(t);
        return;
    } else if (rc == COVE_EPROTOCOL) {
        t->failed = rc;
        t->why = err;
        check_own_write(t);
        return;
    }
    cove__object_task_finish(t, rc, rc == 0 ? (int64_t)t->io->src.size : 0, &err);
}

static void send_put(struct cove__object_task *t)
{
    struct cove__object_request *r = &t->r;
    const struct cove__io *io = t->io;

    r->effect = COVE__EFFECT_MADE;
    r->done = put_done;
    r->accept = accept_put;
    cove__object_describe(r, io->put);
    if (t->condition != COVE_WRITE_ALWAYS || (io->put != NULL && io->put->write_id != NULL))
        cove__object_mark(r, io->put, &t->mark);
    cove__object_condition_headers(r, t->mode, io->put);
    cove__object_body(r, io->src, cove__object_checksum(r->store));
    cove__object_start(r);
}

static void refuse_condition(struct cove__object_task *t)
{
    struct cove_error err = COVE_ERROR_INIT;
    int rc = cove__object_no_conditions(t->r.store, &t->io->op.ctx, &err);
    cove__object_task_finish(t, rc, 0, &err);
}

/* For stores that may know no conditions: what is there now decides. Another writer may come between, which the
 * documentation says. The response may also have identified the store. */
static void condition_checked(struct cove__object_request *r)
{
    struct cove__object_task *t = r->user;
    struct cove_error err = r->http.op.err;
    char etag[COVE__HEADER_MAX] = "";
    int rc = r->http.op.rc;

    cove__object_response_version(r, etag);
    if (rc < 0 && rc != COVE_ENOTFOUND) {
        cove__object_task_finish(t, rc, 0, &err);
        return;
    }
    bool holds = t->condition == COVE_WRITE_IF_NEW ? rc == COVE_ENOTFOUND
                                                   : rc == 0 && cove__object_same_version(etag, t->io->put->etag);
    if (!holds) {
        rc = cove__object_condition_broken(&t->io->op.ctx, t->condition, &err);
        cove__object_task_finish(t, rc, 0, &err);
        return;
    }
    t->mode = cove__object_condition_mode(r->store, COVE__PUT_CONDITIONS);
    if (t->mode == COVE__CONDITION_UNSUPPORTED) {
        refuse_condition(t);
        return;
    }
    cove__object_task_restart(t, "PUT");
    send_put(t);
}

void cove__object_put(void *self, struct cove__io *io)
{
    struct cove__object_store *store = self;
    struct cove__object_task *t = cove__object_task_new(store, io, "PUT");

    if (t == NULL)
        return;
    struct cove_error err = COVE_ERROR_INIT;
    int rc = cove__object_name_of(store, io->path, true, &io->op.ctx, &t->r.name, &err);
    if (rc < 0) {
        cove__object_task_finish(t, rc, 0, &err);
        return;
    }
    t->condition = io->put != NULL ? io->put->condition : COVE_WRITE_ALWAYS;
    t->mode = t->condition == COVE_WRITE_ALWAYS ? COVE__CONDITION_SENT
                                                : cove__object_condition_mode(store, COVE__PUT_CONDITIONS);
    if (t->mode == COVE__CONDITION_SENT) {
        send_put(t);
        return;
    }
    if (t->mode == COVE__CONDITION_UNSUPPORTED) {
        refuse_condition(t);
        return;
    }
    cove__object_task_restart(t, "HEAD");
    t->r.effect = COVE__EFFECT_SEEN;
    t->r.done = condition_checked;
    cove__buf_add_slice(&t->r.extra, cove__buf_slice(&store->extra.each));
    cove__object_start(&t->r);
}
