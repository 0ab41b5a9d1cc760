/*
 * Uploads as ordered sessions: begin, parts one after the other, end. A part is under way until the store has confirmed
 * all of its bytes, so the writer holds what may have to be sent again: the store may keep fewer bytes than were sent,
 * and lose the whole session. After a failure it is asked first, which also settles a lost response to the last part.
 * Where it has nothing new, the same request continues with the chunk, and so do the attempts and waits of its policy:
 * a new request only follows where the store has kept more.
 */
#include "fs/object/session.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "fs/fs_impl.h"
#include "fs/object/upload.h"
#include "net/retry.h"
#include "wire/crc.h"

#define ID_MAX     ((size_t)8192)
#define BEGINS_MAX 3 /* of one upload, after the first */

static const struct cove__object_session_ops *ops_of(const struct cove__upload *u)
{
    return u->store->ops->upload->session;
}

/* ---- begin ---- */

/* An https endpoint gives no http session, and text that is not a URL would become a header. */
static bool is_safe_url(const char *url, const char *begun_at)
{
    bool tls = strncmp(url, "https://", 8) == 0;

    if (!tls && (strncmp(url, "http://", 7) != 0 || strncmp(begun_at, "http://", 7) != 0))
        return false;
    for (const char *c = url; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~')
            return false;
    }
    return true;
}

static void set_up_begin(struct cove__upload *u, struct cove__object_request *r)
{
    cove__object_condition_headers(r, cove__upload_condition_mode(u), &u->put);
    r->sign_body = true;
    r->http.has_body = true; /* an empty one, unless the backend has one */
    ops_of(u)->begin_request(r, u);
}

static int keep_id(struct cove__upload *u, struct cove__object_request *r, struct cove_error *err)
{
    struct cove__buf id = COVE__BUF_SECRET(ID_MAX);
    char *copy = NULL;

    int rc = ops_of(u)->begin_response(r, &id);
    if (rc == 0 && id.size == 0)
        rc = COVE_EPROTOCOL;
    if (rc == 0 && ops_of(u)->id_is_url && !is_safe_url(cove__buf_str(&id), cove__buf_str(&r->http.url)))
        rc = COVE_EPROTOCOL;
    if (rc == 0 && !(copy = cove__strdup(cove__buf_str(&id))))
        rc = COVE_ENOMEM;
    if (rc < 0)
        cove__object_unreadable(r, err, rc, "the response to the begin of an upload");
    if (copy) {
        cove__secret_drop(u);
        if (ops_of(u)->id_is_url)
            cove__secret_add_url(u, copy, ops_of(u)->secret_parameter);
        cove__free(u->id);
        u->id = copy;
    }
    cove__buf_done(&id);
    return rc;
}

static int accept_begin(struct cove__object_request *r, struct cove_error *err)
{
    return keep_id(r->user, r, err);
}

int cove__session_begin(struct cove__upload *u, struct cove__object_request *r, struct cove_error *err)
{
    int rc = r->extra.rc < 0 ? r->extra.rc : cove__buf_add_slice(&u->properties, cove__buf_slice(&r->extra));

    if (rc < 0)
        return cove__object_fail(r, err, rc, "the object's properties cannot be kept in memory: %s",
                                 cove_code_phrase(rc));
    u->with_checksum = r->announces_checksums;
    set_up_begin(u, r);
    r->accept = accept_begin;
    r->user = u;
    rc = cove__object_run(r, err);
    if (rc < 0 && cove__object_condition_refused(r, u->put.condition))
        return cove__object_condition_error(r, u->put.condition, err);
    return rc;
}

/* ---- one part, or the end ---- */

struct chunk_task {
    struct cove__object_request r; /* first */
    struct cove__upload *u;
    struct cove__part_io *io;        /* NULL: the end, which has no bytes and is waited for */
    int64_t at, end;                 /* of the object: what is to be sent */
    uint32_t crc32c;                 /* of the object up to `end` */
    unsigned answered;               /* of the request's sends: after the last of them the store said what it has */
    bool asks;                       /* before the first attempt sends the chunk */
    int64_t refused_at;              /* where a chunk was refused last; -1: none was */
    struct cove_error refused;       /* why */
    struct cove__object_chunk chunk; /* of the latest attempt */
    struct cove__object_kept kept;
    struct cove__object_made made;
};

static bool is_last(const struct chunk_task *t)
{
    return !t->io || t->io->last;
}

/* Of each attempt: of what was sent without an answer the store may have kept some, so it is asked. */
static void write_attempt(struct cove__object_request *r)
{
    struct chunk_task *t = r->user;
    const struct cove__object_session_ops *ops = ops_of(t->u);
    struct cove__slice body = cove__slice("", 0);
    struct cove__object_chunk *chunk = &t->chunk;

    *chunk = (struct cove__object_chunk){ .kind = COVE__CHUNK_END,
                                          .offset = t->at,
                                          .total = is_last(t) ? t->end : -1,
                                          .has_crc32c = is_last(t) && t->u->with_checksum,
                                          .crc32c = t->crc32c };
    if (t->io && ops->can_ask && (t->asks || r->http.sends > t->answered)) {
        chunk->kind = COVE__CHUNK_ASK;
    } else if (t->io) {
        chunk->kind = COVE__CHUNK_DATA;
        chunk->size = t->end - t->at;
        body = cove__slice_sub(t->io->src, (size_t)(t->at - t->io->offset), (size_t)chunk->size);
    }
    cove__buf_reset(&r->query);
    cove__buf_reset(&r->extra);
    r->secret_url = ops->id_is_url ? t->u->id : NULL;
    cove__buf_add_slice(&r->extra, cove__buf_slice(&r->store->extra.each));
    ops->chunk_request(r, t->u, chunk);
    cove__object_body(r, body, COVE__CHECKSUM_NONE);
}

static int accept_chunk(struct cove__object_request *r, struct cove_error *err)
{
    struct chunk_task *t = r->user;
    const struct cove__object_kept *kept = &t->kept;

    t->kept = (struct cove__object_kept){ 0 };
    t->made = (struct cove__object_made){ 0 };
    int rc = ops_of(t->u)->chunk_response(r, &t->chunk, &t->kept, &t->made, err);
    if (rc < 0)
        return rc;
    if (kept->done)
        cove__object_made_headers(r, &t->made);
    r->effect = kept->done ? COVE__EFFECT_MADE : COVE__EFFECT_NONE;
    if (kept->done)
        return is_last(t) ? 0
                          : cove__object_fail(r, err, COVE_EPROTOCOL, "the store ends the upload before its last part");
    if (kept->kept < t->u->session.kept || kept->kept > t->end)
        return cove__object_fail(r, err, COVE_EPROTOCOL,
                                 "the store has %lld bytes of the upload; %lld were sent, of which it had confirmed "
                                 "%lld",
                                 (long long)kept->kept, (long long)t->end, (long long)t->u->session.kept);
    t->answered = r->http.sends;
    t->asks = false;
    int64_t more = kept->kept - t->at; /* less than a store keeps at once is no progress */
    if (more >= (int64_t)ops_of(t->u)->granularity || kept->kept == t->end)
        return 0;
    r->continues = t->chunk.kind == COVE__CHUNK_ASK; /* the chunk has failed, and that attempt counts */
    if (r->continues)
        return 0;
    cove__object_fail(r, err, COVE_ESERVER, "the store keeps %s of what is sent after the upload's first %lld bytes",
                      more > 0 ? "hardly anything" : "nothing", (long long)kept->kept);
    err->retryable = true;
    return COVE_ESERVER;
}

static void set_up_chunk(struct chunk_task *t, const struct cove__ctx *ctx)
{
    cove__object_request_init(&t->r, t->u->store, ops_of(t->u)->method, cove__object_split(t->u->path), ctx);
    t->r.good_status = ops_of(t->u)->good_status;
    t->r.renew = write_attempt;
    t->r.accept = accept_chunk;
    t->r.sign_body = true;
    t->r.user = t;
    t->r.http.sent_once = t->io && ops_of(t->u)->can_ask; /* libcurl would not ask */
    t->answered = 0;
}

/* What the new object should be. */
static void set_sent(struct chunk_task *t)
{
    struct cove__upload *u = t->u;

    u->sent = (struct cove__object_sent){ .size = t->end,
                                          .has_crc32c = u->with_checksum && cove__object_has_crc32c(u->store),
                                          .crc32c = t->crc32c };
}

/* The object is made: of what was sent, or u->end has the difference. */
static void take_made(struct chunk_task *t)
{
    struct cove__upload *u = t->u;
    const struct cove_error none = COVE_ERROR_INIT;

    u->session.done = true;
    u->made = t->made;
    cove__upload_ended(u, &t->r, 0, &none);
}

static void part_ended(struct chunk_task *t, int rc, const struct cove_error *err)
{
    struct cove__part_io *io = t->io;

    if (rc == 0 && is_last(t) && t->kept.done)
        take_made(t);
    cove__object_request_done(&t->r);
    if (rc < 0 && is_last(t)) { /* u->end has why, and the finish looks whether the object is there */
        rc = 0;
        err = NULL;
    }
    cove__free(t);
    cove__op_finish(&io->op, rc, rc == 0 ? (int64_t)io->src.size : 0, err);
}

static void part_failed(struct chunk_task *t, int rc, const struct cove_error *why)
{
    struct cove_error err = *why;

    if (is_last(t))
        cove__upload_ended(t->u, &t->r, rc, &err);
    part_ended(t, rc, &err);
}

static void chunk_done(struct cove__object_request *r);
static void begun_again(struct cove__object_request *r);

static void send_chunk(struct chunk_task *t)
{
    set_up_chunk(t, &t->io->op.ctx);
    t->r.done = chunk_done;
    cove__object_start(&t->r);
}

/* By the policy of a request's attempts: the store may be short of memory. -1: not before the deadline. */
static int64_t wait_to_begin(const struct chunk_task *t, unsigned begins)
{
    return cove__retry_wait_ns(&(struct cove__retry){ .attempts = begins,
                                                      .max_retries = BEGINS_MAX,
                                                      .repeatable = true,
                                                      .retry_after_ns = -1,
                                                      .now_ns = cove__now_ns(),
                                                      .deadline_ns = t->io->op.ctx.deadline_ns,
                                                      .random = cove__random() });
}

static int accept_begin_again(struct cove__object_request *r, struct cove_error *err)
{
    const struct chunk_task *t = r->user;

    return keep_id(t->u, r, err);
}

/* The store has lost the session. True: it is begun again, as all bytes are still in memory. */
static bool begin_again(struct chunk_task *t)
{
    struct cove__upload *u = t->u;

    if (t->io->offset > 0 || u->session.begins == BEGINS_MAX)
        return false;
    int64_t wait_ns = wait_to_begin(t, ++u->session.begins);
    if (wait_ns < 0)
        return false;
    cove__log(COVE_LOG_INFO, u->store->ops->name,
              "%s: the store has lost the upload's session; it is begun again in %lld ms", u->url,
              (long long)(wait_ns / COVE__MS));
    cove__object_request_done(&t->r);
    cove__object_request_init(&t->r, u->store, "POST", cove__object_split(u->path), &t->io->op.ctx);
    cove__buf_add_slice(&t->r.extra, cove__buf_slice(&u->properties));
    set_up_begin(u, &t->r);
    t->r.accept = accept_begin_again;
    t->r.user = t;
    t->r.done = begun_again;
    t->r.http.begin_after_ns = wait_ns;
    cove__object_start(&t->r);
    return true;
}

static void begun_again(struct cove__object_request *r)
{
    struct chunk_task *t = r->user;
    struct cove_error err = r->http.op.err;
    int rc = r->http.op.rc;

    if (rc < 0) {
        part_failed(t, rc, &err);
        return;
    }
    cove__object_request_done(r);
    t->u->session.kept = t->at = 0;
    send_chunk(t);
}

/* A chunk that is sent again while its first sending is still being taken in may be refused, because its offset has
 * just become wrong. True: the store is asked what it has, and what it lacks is sent; refused twice at one offset is
 * final. */
static bool ask_after_refusal(struct chunk_task *t, const struct cove_error *why)
{
    int status = t->r.http.status;

    if ((status != 400 && status != 409) || t->chunk.kind != COVE__CHUNK_DATA || !ops_of(t->u)->can_ask ||
        t->refused_at == t->at || cove__object_condition_refused(&t->r, t->u->put.condition))
        return false;
    t->refused_at = t->at;
    t->refused = *why;
    t->asks = true;
    cove__object_request_done(&t->r);
    send_chunk(t);
    return true;
}

/* Where the store has lost the session for good. */
static int lost_error(const struct chunk_task *t, struct cove_error *err)
{
    const struct cove__session *s = &t->u->session;

    if (t->io && t->io->offset == 0) {
        cove__object_fail(&t->r, err, COVE_ESERVER, "the store has lost the upload's session %u times", s->begins + 1);
        err->retryable = true;
        return COVE_ESERVER;
    }
    cove__object_fail(&t->r, err, COVE_ESERVER,
                      "the store has lost the upload's session after %lld bytes, which are not at hand any more: "
                      "write the file again",
                      (long long)s->kept);
    err->retryable = true;
    return COVE_ESERVER;
}

static void chunk_done(struct cove__object_request *r)
{
    struct chunk_task *t = r->user;
    struct cove__session *s = &t->u->session;
    struct cove_error err = r->http.op.err;
    int rc = r->http.op.rc;
    bool lost = rc < 0 && r->refusal == COVE__REFUSED_NO_UPLOAD;

    if (rc < 0 && ask_after_refusal(t, &err))
        return;
    if (lost && t->refused_at == t->at) { /* the refusal has ended the session: it is the cause */
        err = t->refused;
        rc = err.code;
        lost = false;
    }
    if (lost && begin_again(t))
        return;
    if (lost)
        rc = lost_error(t, &err);
    if (rc == 0 && !t->kept.done && t->kept.kept < t->end) { /* more than before: accept_chunk */
        t->at = s->kept = t->kept.kept;
        cove__object_request_done(r);
        send_chunk(t);
        return;
    }
    if (rc < 0) {
        part_failed(t, rc, &err);
        return;
    }
    s->kept = t->end;
    s->crc32c = t->crc32c;
    part_ended(t, 0, NULL);
}

void cove__session_part(struct cove__upload *u, struct cove__part_io *io)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct chunk_task *t = io->offset == u->session.kept ? cove__calloc(1, sizeof *t) : NULL;

    if (!t) {
        int rc = io->offset == u->session.kept
                     ? cove__fail_nomem(&err, "a part")
                     : cove__fs_fail(&err, &io->op.ctx, COVE_ESTATE, "a part of the upload was sent out of order");
        cove__op_finish(&io->op, rc, 0, &err);
        return;
    }
    t->u = u;
    t->io = io;
    t->at = io->offset;
    t->refused_at = -1;
    t->end = io->offset + (int64_t)io->src.size;
    if (u->with_checksum)
        t->crc32c = io->crc32c ? cove__crc32c_join(u->session.crc32c, *io->crc32c, io->src.size)
                               : cove__crc32c(u->session.crc32c, io->src.data, io->src.size);
    if (io->last)
        set_sent(t);
    send_chunk(t);
}

void cove__session_finish(struct cove__upload *u, const struct cove__ctx *ctx)
{
    struct cove_error why = COVE_ERROR_INIT;
    struct chunk_task *t;

    if (u->session.done || u->end.rc < 0)
        return;
    t = cove__calloc(1, sizeof *t);
    if (!t) {
        u->end.rc = cove__fail_nomem(&u->end.why, "the end of an upload");
        return;
    }
    t->u = u;
    t->at = t->end = u->session.kept;
    t->crc32c = u->session.crc32c;
    set_sent(t);
    set_up_chunk(t, ctx);
    int rc = cove__object_run(&t->r, &why);
    if (rc == 0 && !t->kept.done)
        rc = cove__object_fail(&t->r, &why, COVE_EPROTOCOL, "the store does not end the upload");
    if (rc < 0 && t->r.refusal == COVE__REFUSED_NO_UPLOAD)
        rc = lost_error(t, &why);
    if (rc < 0)
        cove__upload_ended(u, &t->r, rc, &why);
    else
        take_made(t);
    cove__object_request_done(&t->r);
    cove__free(t);
}
