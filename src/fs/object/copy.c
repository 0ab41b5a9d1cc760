/* Copies on the store's side: in one request, or in parts where the object is too large for that. */
#include "fs/object/copy.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/object/known.h"
#include "fs/object/steps.h"
#include "fs/object/unanswered.h"

#define TOKEN_MAX ((size_t)16 << 10)
#define LOOKS_MAX 4u /* at a source that other writers replace */

int64_t cove__object_copy_at_once(const struct cove__object_store *store)
{
    const struct cove__object_copy_ops *copy = store->ops->copy;
    int64_t threshold = store->copy_part_threshold;

    if (!copy)
        return INT64_MAX;
    return threshold > 0 && threshold < copy->max_size && cove__object_can_copy_parts(store) ? threshold
                                                                                             : copy->max_size;
}

static int no_copies(const struct cove__ctx *ctx, struct cove_error *err)
{
    return cove__fs_fail(err, ctx, COVE_ENOTSUP, "this store cannot copy objects");
}

/* ---- whole objects in parts ---- */

/* `replaces`: the version that `to` must have at the end; NULL: no condition. */
static int copy_large(struct cove__object_store *store, struct cove__object_name from, const char *to,
                      const char *replaces, const struct cove__ctx *ctx, int64_t size, const char *version,
                      const char *headers, struct cove_error *err)
{
    struct cove__put put = { .condition = replaces ? COVE_WRITE_IF_MATCH : COVE_WRITE_ALWAYS,
                             .etag = replaces,
                             .or_look = true,
                             .expected_size = size,
                             .copies = true,
                             .headers = headers };
    struct cove__upload *u = NULL;
    unsigned n = 0;
    char *made = NULL;

    if (!cove__object_has_part_copies(store))
        return cove__fs_fail(err, ctx, COVE_ELIMIT, "the store copies no object of more than %lld bytes",
                             (long long)store->ops->copy->max_size);
    if (version[0] == '\0') /* the parts could be of two objects */
        return cove__object_no_version(ctx, err);
    int rc = cove__upload_open(store, to, &put, false, ctx, &u, err);
    if (rc < 0)
        return rc;
    rc = cove__upload_copy_parts(u, from, size, version, 1, ctx, &n, err);
    if (rc < 0) {
        cove__object_upload_abort(store, u, ctx);
        return rc;
    }
    rc = cove__object_upload_finish(store, u, ctx, &made, NULL, err);
    cove__free(made);
    return rc;
}

/* ---- in one request ---- */

bool cove__object_copy_sets_properties(const struct cove__object_store *store)
{
    const struct cove__object_copy_ops *copy = store->ops->copy;

    return copy && (copy->keep || cove__object_has_option(store, copy->options));
}

int cove__object_head_to_copy(struct cove__object_store *store, struct cove__object_name name,
                              const struct cove__ctx *ctx, struct cove__object_head *ret, struct cove__buf *kept,
                              struct cove_error *err)
{
    const struct cove__object_copy_ops *copy = store->ops->copy;

    if (copy && copy->keep)
        return cove__object_head_lines(store, name, NULL, copy->keep, ctx, ret, kept, err);
    bool sets = cove__object_copy_sets_properties(store);
    return cove__object_head_lines(store, name, sets ? cove__object_copied_properties : cove__object_keep_metadata,
                                   NULL, ctx, ret, kept, err);
}

static bool is_made_by(struct cove__object_store *store, struct cove__object_name name,
                       const struct cove__write_mark *mark, const struct cove__ctx *ctx)
{
    struct cove_error unseen = COVE_ERROR_INIT;
    struct cove__object_head head;

    return cove__object_head(store, name, ctx, &head, &unseen) == 0 && strcmp(head.write_id, mark->write_id) == 0;
}

/* Whether the object has this ETag now. A copy of an object that was sent in one request has the ETag of its source. */
static bool is_copied(struct cove__object_store *store, struct cove__object_name name, const char *version,
                      const struct cove__ctx *ctx)
{
    struct cove_error unseen = COVE_ERROR_INIT;
    struct cove__object_head head;

    return cove__object_head(store, name, ctx, &head, &unseen) == 0 && cove__object_same_version(head.version, version);
}

/* What the result of a copy does not tell. */
enum copy_end {
    COPY_ENDED,
    COPY_TOO_LARGE,  /* for one request */
    COPY_OF_CHANGED, /* COVE_EPRECONDITION is about the source, and nothing was made */
    COPY_OF_ANOTHER  /* COVE_EPRECONDITION is about the target: another writer made it */
};

/* A copy of one object, which may take several requests. */
struct copy {
    struct cove__object_source from;
    const char *path; /* of `to` */
    struct cove__object_name to;
    const char *replaced; /* the version that `to` must have; NULL: any */
    const char
        *headers; /* for a copy onto itself, the lines that replace the object's properties; NULL: they are kept */
    const char *properties;        /* lines that replace those of a copy to another name; NULL: it has its source's */
    struct cove__object_sent sent; /* what the source is, as far as it is known */
    struct cove__object_made made;
    struct cove__write_mark mark;
    struct cove__buf token;   /* that the last step has given */
    int64_t done;             /* bytes, as its response reports; 0: it does not */
    bool too_large, repeated; /* of the last request; it was sent more than once */
    bool found_own;           /* a request has asked for a copy that may be another writer's */
    bool finds_own;           /* the last request was refused: the copy of an earlier attempt may be under way */
    bool target_refused;      /* the last request was, for the condition of a repetition, or for its source */
    bool unanswered_ended;    /* the last request may be sent again after a check of the target */
    bool may_be_done;         /* the last request has failed, and may have made the copy */
    struct cove__unanswered unanswered; /* of a first request without a condition of the target */
};

static int accept_copy(struct cove__object_request *r, struct cove_error *err)
{
    const struct cove__object_copy_ops *ops = r->store->ops->copy;
    struct copy *c = r->user;
    int rc = 0;

    c->made = (struct cove__object_made){ 0 };
    cove__buf_reset(&c->token);
    c->done = 0;
    if (ops->token && (rc = ops->token(r, &c->token, &c->done)) < 0)
        return cove__object_unreadable(r, err, rc, "the response to a copy");
    if (c->token.size > 0)
        return 0;
    cove__object_made_headers(r, &c->made);
    return ops->response(r, &c->made, err);
}

/* After the last step. Not where the source is not sure to have been the one that is known. */
static int check_copy(const struct cove__object_request *r, const struct copy *c, struct cove_error *err)
{
    const struct cove__object_made *made = &c->made;
    struct cove__object_sent sent = c->sent;

    if (!c->from.version)
        sent = (struct cove__object_sent){ .size = -1 };
    if (sent.size < 0 && made->has_source_size)
        sent.size = made->source_size;
    sent.has_crc32c = sent.has_crc32c && cove__object_has_crc32c(r->store);
    int rc = cove__object_check_made(&r->http.op.ctx, made, &sent, err);
    if (rc < 0 && (c->headers || c->found_own)) /* it is the source, too; or it may be another writer's */
        cove__object_wrong_stays(err);
    else if (rc < 0)
        cove__object_remove_wrong(r->store, c->path, made->version, &r->http.op.ctx, err);
    return rc;
}

static int source_changed(const struct cove__ctx *ctx, struct cove_error *err)
{
    return cove__fs_fail(err, ctx, COVE_EPRECONDITION, "the source has changed");
}

/* Of a step that has failed, and whose token was to continue the copy. A token is valid for days, but only for the
 * object that the copy began with. */
static bool token_refused(const struct cove__object_request *r, const char *token)
{
    return token && r->store->ops->copy->polls_max == 0 && r->http.status == 400;
}

/* Sends one request; c->token is then what continues it. */
static int copy_step(struct cove__object_store *store, struct copy *c, const char *token, const struct cove__ctx *ctx,
                     struct cove_error *err)
{
    const struct cove__object_copy_ops *ops = store->ops->copy;
    struct cove__object_request r;

    c->from.token = token;
    cove__object_request_init(&r, store, "PUT", c->to, ctx);
    r.error_in_200 = true;
    r.effect = COVE__EFFECT_MADE;
    r.accept = accept_copy;
    r.user = c;
    ops->request(&r, &c->from, c->replaced, c->headers || c->properties);
    cove__object_condition_headers(&r, COVE__CONDITION_SENT, &c->unanswered.put);
    /* Later steps are of the copy that the token names. A look knows a copy by its checksum alone. */
    bool looks = !token && !c->replaced && store->ops->looks_before_repeat && store->ops->response_crc32c;
    if (looks)
        cove__unanswered_watch(&c->unanswered, &r);
    cove__object_describe(&r, &(struct cove__put){ .headers = c->headers ? c->headers : c->properties });
    if (c->headers)
        cove__object_mark(&r, &(struct cove__put){ .write_id = c->mark.write_id }, &c->mark);
    int rc = cove__object_run(&r, err);
    c->too_large = rc < 0 && ops->too_large && ops->too_large(&r);
    c->repeated |= r.http.sends > 1;
    c->may_be_done = rc < 0 && (cove__object_may_be_done(&r) || c->unanswered.unseen);
    looks &= rc != COVE_ENOTFOUND; /* which is about the source */
    c->target_refused = looks && cove__object_condition_refused(&r, c->unanswered.put.condition);
    c->unanswered_ended = looks && cove__unanswered_ended(&c->unanswered, &r);
    c->finds_own = rc < 0 && !token && r.http.sends > 1 && ops->finds_own && ops->finds_own(&r);
    if (rc < 0 && token_refused(&r, token)) {
        cove__error_clear(err);
        rc = source_changed(ctx, err);
    }
    if (rc == 0 && c->token.size == 0)
        rc = check_copy(&r, c, err);
    cove__object_request_done(&r);
    return rc;
}

static int copy_steps(struct cove__object_store *store, struct copy *c, const struct cove__ctx *ctx,
                      struct cove_error *err)
{
    struct cove__object_progress progress = { 0 };
    const struct cove__object_copy_ops *ops = store->ops->copy;
    struct cove__buf token = COVE__BUF_INIT(TOKEN_MAX), last = COVE__BUF_INIT(TOKEN_MAX);
    unsigned n = 0;
    int rc;

    do {
        rc = copy_step(store, c, token.size > 0 ? cove__buf_str(&token) : NULL, ctx, err);
        if (c->finds_own) {
            cove__error_clear(err);
            c->found_own = true;
            rc = copy_step(store, c, "", ctx, err);
        }
        if (c->token.size > 0) {
            cove__buf_reset(&last);
            cove__buf_add_slice(&last, cove__buf_slice(&c->token));
        }
        cove__buf_reset(&token);
        if (rc == 0)
            rc = cove__buf_add_slice(&token, cove__buf_slice(&c->token));
        if (rc == 0 && token.size > 0 && ops->polls_max > 0)
            rc = cove__object_wait_to_poll(ops->polls_max, ++n, ctx, err);
        else if (rc == 0 && token.size > 0 && !cove__object_step_advances(&progress, cove__buf_str(&token), c->done))
            rc = cove__fs_fail(err, ctx, COVE_EPROTOCOL,
                               "the copy does not move on: the store reports again and again that there is more to do");
    } while (rc == 0 && token.size > 0);
    if (rc < 0 && ops->give_up && last.size > 0)
        ops->give_up(store, c->path, cove__buf_str(&last), ctx);
    cove__buf_done(&token);
    cove__buf_done(&last);
    return rc;
}

struct look {
    struct cove__object_store *store;
    const struct copy *copy;
    const struct cove__ctx *ctx;
};

/* A copy has no mark that this process made: it has its source's bytes, and is new. */
static bool is_our_copy(void *user, const struct cove__object_head *head, bool newer)
{
    const struct look *look = user;
    struct cove__object_sent sent = look->copy->sent;
    struct cove_error unseen = COVE_ERROR_INIT;
    struct cove__object_head source;

    if (newer && !sent.has_crc32c &&
        cove__object_head(look->store, look->copy->from.name, look->ctx, &source, &unseen) == 0)
        sent =
            (struct cove__object_sent){ .size = source.size, .has_crc32c = source.has_crc32c, .crc32c = source.crc32c };
    return newer && sent.has_crc32c && head->has_crc32c && head->size == sent.size && head->crc32c == sent.crc32c;
}

/* All of it; *ret_end as copy_once has it. */
static int copy_and_look(struct cove__object_store *store, struct copy *c, const struct cove__ctx *ctx,
                         enum copy_end *ret_end, struct cove_error *err)
{
    struct look look = { store, c, ctx };
    struct cove_error unseen = COVE_ERROR_INIT;

    *ret_end = COPY_ENDED;
    for (bool first = true;; first = false) {
        int rc = copy_steps(store, c, ctx, err);
        bool refused = c->target_refused;
        if (c->too_large)
            *ret_end = COPY_TOO_LARGE;
        if (rc == COVE_EPRECONDITION && c->from.version && first && !c->repeated && !refused)
            *ret_end = COPY_OF_CHANGED;
        if (rc == 0 || (!c->unanswered_ended && !refused))
            return rc;
        int seen = cove__unanswered_look_at(&c->unanswered, store, c->to, ctx, is_our_copy, &look, &unseen);
        if (seen == COVE__UNANSWERED_REPEAT && refused && c->from.version && c->unanswered.unchanged) {
            *ret_end = COPY_OF_CHANGED; /* the other condition of the request is the source's */
            return rc;
        }
        if (seen == COVE__UNANSWERED_REPEAT && c->unanswered_ended) {
            cove__error_clear(err);
            continue;
        }
        if (seen == COVE__UNANSWERED_OURS) {
            cove__error_clear(err);
            return 0;
        }
        if (seen < 0)
            return rc;
        *ret_end = COPY_OF_ANOTHER;
        c->may_be_done = false; /* it is said */
        return cove__unanswered_by_another(ctx, err);
    }
}

/* `version`: what the source must have; NULL or "": no condition. `head`: of that version; NULL: not known. `headers`
 * and `properties`: as in struct copy. */
static int copy_once(struct cove__object_store *store, struct cove__object_name from, const char *version,
                     const struct cove__object_head *head, const char *to, const char *headers, const char *properties,
                     const struct cove__ctx *ctx, enum copy_end *ret_end, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    struct copy c = { .from = { .name = from, .version = version },
                      .path = to,
                      .to = cove__object_split(to),
                      .headers = headers,
                      .properties = properties,
                      .sent = { .size = -1 },
                      .token = COVE__BUF_INIT(TOKEN_MAX) };

    if (head)
        c.sent =
            (struct cove__object_sent){ .size = head->size, .has_crc32c = head->has_crc32c, .crc32c = head->crc32c };

    /* A store that gives none: an empty condition would be ignored or refused. */
    if (version && version[0] == '\0')
        c.from.version = version = NULL;
    /* The source's condition is checked only when the copy begins; this also detects a write during the copy. */
    if (headers && cove__object_can(store, COVE__COPY_TARGET_CONDITIONS) == COVE__CAN_YES)
        c.replaced = version;
    if (cove__object_can(store, COVE__COPY_SOURCE_CONDITIONS) == COVE__CAN_NO)
        c.from.version = NULL;
    cove__object_new_mark(&c.mark);
    int rc = copy_and_look(store, &c, ctx, ret_end, &why);
    if (rc == COVE_EPRECONDITION && headers && c.repeated && is_made_by(store, c.to, &c.mark, ctx))
        rc = 0; /* an earlier attempt made it, and its response was lost */
    if ((rc == COVE_EPRECONDITION || rc == COVE_ENOTFOUND) && !headers && version && c.repeated &&
        is_copied(store, c.to, version, ctx))
        rc = 0; /* likewise; the source has changed since */
    if (rc < 0 && c.may_be_done)
        cove__error_add(&why, "; the copy may have been made");
    cove__buf_done(&c.token);
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}

static int check_source(struct cove__object_store *store, struct cove__object_name from, const char *version,
                        const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_head head;
    int rc = cove__object_head(store, from, ctx, &head, err);

    return rc == 0 && !cove__object_same_version(head.version, version) ? source_changed(ctx, err) : rc;
}

/* Sends a HEAD for the source first: its size decides. The copy is of what was seen there, and compared with it. Where
 * the caller accepts any version and another writer replaces the source between the two, the new one is copied; but
 * where properties are set, *ret_end is COPY_OF_CHANGED, and the new one's have to be read first. `last`: those that
 * are only kept may be the old one's. */
static int copy_seen(struct cove__object_store *store, struct cove__object_name from, const char *version,
                     const char *to, bool last, const struct cove__ctx *ctx, enum copy_end *ret_end,
                     struct cove_error *err)
{
    bool sets = cove__object_copy_sets_properties(store);
    struct cove__buf headers = COVE__BUF_INIT(COVE__OBJECT_METADATA_MAX);
    struct cove__object_head head;

    *ret_end = COPY_ENDED;
    int rc = cove__object_head_to_copy(store, from, ctx, &head, &headers, err);
    if (rc == 0 && version && !cove__object_same_version(head.version, version))
        rc = source_changed(ctx, err);
    if (rc == 0 && head.size > cove__object_copy_at_once(store))
        rc = copy_large(store, from, to, NULL, ctx, head.size, head.version, cove__buf_str(&headers), err);
    else if (rc == 0) {
        rc = copy_once(store, from, head.version, &head, to, NULL, sets ? cove__buf_str(&headers) : NULL, ctx, ret_end,
                       err);
        if (*ret_end == COPY_OF_CHANGED && !version && (!sets || (last && store->ops->copy->keep))) {
            cove__error_clear(err);
            rc = copy_once(store, from, NULL, NULL, to, NULL, sets ? cove__buf_str(&headers) : NULL, ctx, ret_end, err);
        }
    }
    cove__buf_done(&headers);
    return rc;
}

static int copy_by_size(struct cove__object_store *store, struct cove__object_name from, const char *version,
                        const char *to, const struct cove__ctx *ctx, enum copy_end *ret_end, struct cove_error *err)
{
    int rc = copy_seen(store, from, version, to, false, ctx, ret_end, err);

    for (unsigned n = 1; n < LOOKS_MAX && rc < 0 && *ret_end == COPY_OF_CHANGED && !version; n++) {
        cove__error_clear(err);
        rc = copy_seen(store, from, version, to, n + 1 == LOOKS_MAX, ctx, ret_end, err);
    }
    return rc;
}

int cove__object_copy_known(struct cove__object_store *store, struct cove__object_name from,
                            const struct cove__object_head *head, const char *kept, const char *to,
                            const struct cove__ctx *ctx, struct cove_error *err)
{
    enum copy_end end;

    if (!store->ops->copy)
        return no_copies(ctx, err);
    if (head->size > cove__object_copy_at_once(store))
        return copy_large(store, from, to, NULL, ctx, head->size, head->version, kept, err);
    return copy_once(store, from, head->version, head, to, NULL, cove__object_copy_sets_properties(store) ? kept : NULL,
                     ctx, &end, err);
}

int cove__object_copy(void *self, const char *from, const char *version, const char *to, const struct cove__ctx *ctx,
                      struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct cove__object_name source, target;
    struct cove_error why = COVE_ERROR_INIT;
    enum copy_end end = COPY_ENDED;
    bool looks, unseen;

    if (!store->ops->copy)
        return no_copies(ctx, err);
    int rc = cove__object_name_of(store, from, false, ctx, &source, err);
    if (rc == 0)
        rc = cove__object_name_of(store, to, true, ctx, &target, err);
    if (rc < 0)
        return rc;
    unseen = !cove__slice_eq(source.bucket, target.bucket) && !cove__object_bucket_is_known(store, source.bucket);
    looks = version && cove__object_can(store, COVE__COPY_SOURCE_CONDITIONS) != COVE__CAN_YES;
    if (looks)
        rc = check_source(store, source, version, ctx, &why);
    bool by_size =
        cove__object_copy_at_once(store) < store->ops->copy->max_size || cove__object_copy_sets_properties(store);
    if (rc == 0 && by_size) {
        rc = copy_by_size(store, source, version, to, ctx, &end, &why);
    } else if (rc == 0) {
        /* Most objects need one request, and the store's response shows when one is not enough. */
        rc = copy_once(store, source, version, NULL, to, NULL, NULL, ctx, &end, &why);
        if (rc < 0 && end == COPY_TOO_LARGE) {
            cove__error_clear(&why);
            rc = copy_by_size(store, source, version, to, ctx, &end, &why);
        }
    }
    if (rc == 0 && looks) { /* if the ETag has changed, another version may have been copied */
        rc = check_source(store, source, version, ctx, &why);
        if ((rc == COVE_EPRECONDITION || rc == COVE_ENOTFOUND) && is_copied(store, target, version, ctx))
            rc = 0; /* changed only after the copy */
    }
    if (rc == COVE_EPRECONDITION && end != COPY_OF_ANOTHER)
        return source_changed(ctx, err);
    rc = cove__object_refine_not_found(store, source, rc, &why, ctx, err);
    /* That has shown the source's bucket, so the same refusal is now known to be about the target's. */
    if (rc == COVE_ENOTFOUND && unseen && cove__object_bucket_is_known(store, source.bucket)) {
        cove__error_clear(err);
        rc = by_size ? copy_by_size(store, source, version, to, ctx, &end, err)
                     : copy_once(store, source, version, NULL, to, NULL, NULL, ctx, &end, err);
    }
    return rc;
}

/* ---- metadata ---- */

static int accept_change(struct cove__object_request *r, struct cove_error *err)
{
    char version[COVE__HEADER_MAX];

    if (cove__object_response_version(r, version))
        return 0;
    return cove__object_fail(r, err, COVE_EPROTOCOL,
                             "the response does not describe the object: check the endpoint and any proxy");
}

static int change_in_place(struct cove__object_store *store, struct cove__object_name name,
                           const struct cove_pair *pairs, size_t n, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__buf body = COVE__BUF_INIT(2 * COVE__OBJECT_METADATA_MAX);
    struct cove__object_request r;

    cove__object_request_init(&r, store, "PATCH", name, ctx);
    r.effect = COVE__EFFECT_SEEN;
    r.accept = accept_change;
    store->ops->metadata_request(&r, pairs, n, &body);
    int rc = cove__buf_rc(&body);
    if (rc < 0) {
        cove__object_fail(&r, err, rc, "the object's metadata cannot be kept in memory");
    } else {
        cove__object_body(&r, cove__buf_slice(&body), COVE__CHECKSUM_NONE);
        rc = cove__object_run(&r, err);
        if (rc < 0 && cove__object_may_be_done(&r))
            cove__error_add(err, "; the metadata may have been changed");
    }
    cove__object_request_done(&r);
    cove__buf_done(&body);
    return rc;
}

/* The object is copied onto itself, if it has not changed. */
static int change_by_copy(struct cove__object_store *store, const char *path, struct cove__object_name name,
                          const struct cove_pair *pairs, size_t n, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__buf headers = COVE__BUF_INIT(2 * COVE__OBJECT_METADATA_MAX);
    struct cove__object_request r;
    struct cove__object_head head;
    enum copy_end end;

    cove__object_request_init(&r, store, "HEAD", name, ctx);
    cove__object_head_request(&r);
    int rc = cove__object_run(&r, err);
    if (rc == 0 && cove__object_is_directory(&r)) {
        rc = cove__object_fail(&r, err, COVE_EISDIR, "a directory");
    } else if (rc == 0) {
        cove__object_head_response(&r, &head);
        rc = cove__object_change_metadata(&r, pairs, n, &headers);
        if (rc < 0)
            cove__object_fail(&r, err, rc, "the object's metadata cannot be kept in memory");
    }
    cove__object_request_done(&r);
    if (rc == 0 && head.size > cove__object_copy_at_once(store))
        rc = copy_large(store, name, path, head.version, ctx, head.size, head.version, cove__buf_str(&headers), err);
    else if (rc == 0)
        rc = copy_once(store, name, head.version, &head, path, cove__buf_str(&headers), NULL, ctx, &end, err);
    cove__buf_done(&headers);
    return rc;
}

int cove__object_set_metadata(void *self, const char *path, const struct cove_pair *pairs, size_t n,
                              const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_name name;

    if (!store->ops->metadata_request && !store->ops->copy)
        return no_copies(ctx, err);
    int rc = cove__object_name_of(store, path, true, ctx, &name, err);
    if (rc < 0)
        return rc;
    rc = store->ops->metadata_request ? change_in_place(store, name, pairs, n, ctx, &why)
                                      : change_by_copy(store, path, name, pairs, n, ctx, &why);
    return cove__object_refine_not_found(store, name, rc, &why, ctx, err);
}
