/* A whole object in one request, under a condition; after an ambiguous end a HEAD shows whether it is ours, and whether
 * it may be sent again. */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/object/made.h"
#include "fs/object/task.h"
#include "fs/object/unanswered.h"
#include "fs/store_checksum.h"
#include "wire/crc.h"
#include "wire/digest.h"

/* A put under way. */
struct put_task {
    struct cove__object_task task;
    struct cove__put_io *io;
    enum cove_write_if condition;
    enum cove__condition_mode mode;
    struct cove__write_mark mark;
    bool looks; /* without a condition: before it is sent again */
    struct cove__unanswered unanswered;
    bool may_be_done; /* it has failed, and an attempt was not refused */
    bool has_crc32c;  /* it was sent with the bytes */
    uint32_t crc32c;  /* of them */
};

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

/* Whether what was made is what was sent. Unlike an upload's, its bytes are here, so a CRC32 that the store reports as
 * CRC32C proves them right, too. */
static int check_made(const struct put_task *t, const struct cove__object_made *made, struct cove_error *err)
{
    struct cove__slice src = t->io->src;
    struct cove__object_sent sent = { .size = (int64_t)src.size, .crc32c = t->crc32c };

    sent.has_crc32c = t->has_crc32c && made->has_crc32c &&
                      !cove__store_checksum_matches_bytes(made->crc32c, t->crc32c, src.data, src.size);
    int rc = cove__object_check_made(&t->task.r.http.op.ctx, made, &sent, err);
    if (rc < 0)
        cove__object_wrong_stays(err);
    return rc;
}

/* Whether the object is what was sent: by the mark, or without a mark by size and checksum. */
static bool is_own_write(const struct put_task *t)
{
    struct cove__slice src = t->io->src;
    struct cove__object_head head;

    cove__object_head_response(&t->task.r, &head);
    if (t->mark.write_id[0] != '\0')
        return strcmp(head.write_id, t->mark.write_id) == 0;
    if (head.size != (int64_t)src.size)
        return false;
    if (!head.has_crc32c)
        return is_md5_of(head.version, src);
    return cove__store_checksum_matches_bytes(head.crc32c, cove__crc32c(0, src.data, src.size), src.data, src.size);
}

static void send_put(struct put_task *t);

/* After the look: true: the put is sent again. *rc and *err: else, how it has ended. */
static bool repeats(struct put_task *t, bool is_ours, int *rc, struct cove_error *err)
{
    struct cove__object_request *head = &t->task.r;

    if (!t->looks || t->unanswered.wait_ns < 0 || !cove__unanswered_is_look(head->http.op.rc))
        return false;
    switch (cove__unanswered_look(&t->unanswered, head, is_ours)) {
    case COVE__UNANSWERED_OURS:
        return false;
    case COVE__UNANSWERED_ANOTHERS:
        *rc = cove__unanswered_by_another(&head->http.op.ctx, err);
        return false;
    case COVE__UNANSWERED_REPEAT:
        break;
    }
    t->may_be_done = t->unanswered.unseen;
    cove__object_task_restart(&t->task, "PUT");
    send_put(t);
    return true;
}

/* Whether the object was written despite the failure: the response of an earlier attempt may have been lost, or changed
 * by a proxy. */
static void own_write_checked(struct cove__object_request *r)
{
    struct put_task *t = r->user;
    struct cove_error err = t->task.why;
    int rc = t->task.failed;
    bool is_ours = r->http.op.rc == 0 && is_own_write(t);

    if (repeats(t, is_ours, &rc, &err))
        return;
    if (is_ours) {
        struct cove__object_made made = { .size = cove__object_response_number(r, r->store->ops->headers.size) };
        made.has_size = made.size >= 0;
        made.has_crc32c = cove__object_response_crc32c(r, &made.crc32c);
        cove__error_clear(&err);
        rc = check_made(t, &made, &err);
        if (rc == 0)
            rc = cove__object_task_keep_version(&t->task, &err);
    } else if (r->http.op.rc < 0 && r->http.op.rc != COVE_ENOTFOUND && t->may_be_done) {
        cove__error_add(&err, "; it may have been written");
    }
    cove__object_task_finish(&t->task, rc, rc == 0 ? (int64_t)t->io->src.size : 0, &err);
}

static void check_own_write(struct put_task *t)
{
    bool silent = t->task.r.http.status == 0; /* whose store may be out of reach: it is not waited for again */

    t->may_be_done |= cove__object_may_be_done(&t->task.r);
    cove__object_task_restart(&t->task, "HEAD");
    if (t->looks && t->unanswered.wait_ns >= 0)
        cove__unanswered_set_up_look(&t->unanswered, &t->task.r);
    else
        t->task.r.http.asked_once = silent;
    t->task.r.done = own_write_checked;
    cove__object_head_request(&t->task.r);
    cove__object_start(&t->task.r);
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
    struct put_task *t = r->user;
    struct cove_error err = r->http.op.err;
    int rc = r->http.op.rc;
    enum cove_write_if sent = t->looks ? t->unanswered.put.condition : t->condition;

    if (t->looks)
        cove__unanswered_ended(&t->unanswered, r);
    if (rc == 0) {
        struct cove__object_made made = { .has_size = false };
        cove__object_made_headers(r, &made);
        rc = check_made(t, &made, &err);
    }
    if (rc == 0)
        rc = cove__object_task_keep_version(&t->task, &err);
    if (cove__object_refuses_condition(r)) {
        cove__object_learn_missing(r, COVE__PUT_CONDITIONS);
        rc = cove__object_no_conditions(r->store, &t->io->op.ctx, &err);
        cove__object_error_response(r, &err);
    } else if (cove__object_condition_refused(r, sent)) {
        t->task.failed = t->looks ? cove__unanswered_by_another(&t->io->op.ctx, &t->task.why)
                                  : cove__object_condition_error(r, t->condition, &t->task.why);
        check_own_write(t);
        return;
    } else if (rc == COVE_EPROTOCOL || (r->http.op.rc < 0 && cove__object_may_be_done(r))) {
        t->task.failed = rc;
        t->task.why = err;
        check_own_write(t);
        return;
    } else if (rc < 0 && t->may_be_done) {
        cove__error_add(&err, "; it may have been written");
    }
    cove__object_task_finish(&t->task, rc, rc == 0 ? (int64_t)t->io->src.size : 0, &err);
}

static void send_put(struct put_task *t)
{
    struct cove__object_request *r = &t->task.r;
    const struct cove__put_io *io = t->io;

    r->effect = COVE__EFFECT_MADE;
    r->done = put_done;
    r->accept = accept_put;
    cove__object_describe(r, io->put);
    if (t->mark.write_id[0] != '\0') /* sent before */
        cove__object_mark(r, &(struct cove__put){ .write_id = t->mark.write_id }, &t->mark);
    else if (t->looks || t->condition != COVE_WRITE_ALWAYS || (io->put && io->put->write_id) ||
             !r->store->ops->response_crc32c) /* else the checksum shows whose it is */
        cove__object_mark(r, io->put, &t->mark);
    if (t->looks)
        cove__unanswered_watch(&t->unanswered, r);
    cove__object_condition_headers(r, t->mode, t->looks ? &t->unanswered.put : io->put);
    r->body_crc64 = io->crc64;
    cove__object_body_summed(r, io->src, cove__object_checksum(r->store), io->crc32c);
    t->has_crc32c = r->checksum == COVE__CHECKSUM_CRC32C;
    t->crc32c = r->crc32c;
    cove__object_start(r);
}

static void refuse_condition(struct put_task *t)
{
    struct cove_error err = COVE_ERROR_INIT;
    int rc = cove__object_no_conditions(t->task.r.store, &t->io->op.ctx, &err);
    cove__object_task_finish(&t->task, rc, 0, &err);
}

/* For stores that may lack conditional writes: the object's present state decides. Another writer may come between, as
 * the documentation warns. The response may also have identified the store. */
static void condition_checked(struct cove__object_request *r)
{
    struct put_task *t = r->user;
    struct cove_error err = r->http.op.err;
    char etag[COVE__HEADER_MAX] = "";
    int rc = r->http.op.rc;

    cove__object_response_version(r, etag);
    if (rc < 0 && rc != COVE_ENOTFOUND) {
        cove__object_task_finish(&t->task, rc, 0, &err);
        return;
    }
    bool holds = t->condition == COVE_WRITE_IF_NEW ? rc == COVE_ENOTFOUND
                                                   : rc == 0 && cove__object_same_version(etag, t->io->put->etag);
    if (!holds) {
        rc = cove__object_condition_broken(&t->io->op.ctx, t->condition, &err);
        cove__object_task_finish(&t->task, rc, 0, &err);
        return;
    }
    t->mode = cove__object_condition_mode(r->store, COVE__PUT_CONDITIONS);
    if (t->mode == COVE__CONDITION_UNSUPPORTED) {
        refuse_condition(t);
        return;
    }
    cove__object_task_restart(&t->task, "PUT");
    send_put(t);
}

void cove__object_put(void *self, struct cove__put_io *io)
{
    struct cove__object_store *store = self;
    struct put_task *t = cove__calloc(1, sizeof *t);
    struct cove_error err = COVE_ERROR_INIT;

    io->ret_etag = NULL;
    if (!t) {
        cove__op_finish(&io->op, cove__fail_nomem(&err, "a request"), 0, &err);
        return;
    }
    t->io = io;
    t->task.op = &io->op;
    t->task.path = io->path;
    t->task.ret_etag = &io->ret_etag;
    t->task.ret_version_id = io->ret_version_id;
    cove__object_task_init(&t->task, store, "PUT");
    int rc = cove__object_name_of(store, io->path, true, &io->op.ctx, &t->task.r.name, &err);
    if (rc < 0) {
        cove__object_task_finish(&t->task, rc, 0, &err);
        return;
    }
    t->condition = io->put ? io->put->condition : COVE_WRITE_ALWAYS;
    t->looks = t->condition == COVE_WRITE_ALWAYS && store->ops->looks_before_repeat;
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
    cove__object_task_restart(&t->task, "HEAD");
    t->task.r.effect = COVE__EFFECT_SEEN;
    t->task.r.done = condition_checked;
    cove__buf_add_slice(&t->task.r.extra, cove__buf_slice(&store->extra.each));
    cove__object_start(&t->task.r);
}
