/*
 * The parts of an upload as objects of their own, and what the finish makes of them. A request composes at most
 * compose_max objects, so more are composed into nodes first, those of a level in parallel. Each source is named with
 * the version that its own request gave, and only the last request has the properties, the mark and the condition.
 *
 * For upload.c and upload_end.c.
 */
#include "fs/object/temporaries.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/object/operations.h"
#include "fs/object/unanswered.h"
#include "fs/object/upload.h"
#include "wire/crc.h"

#define PATH_BYTES      (COVE__OBJECT_KEY_MAX + 320)
#define BODY_MAX        ((size_t)1 << 20)
#define REMOVED_AT_ONCE 1000u /* a batch: its paths are in memory together */

int cove__temporaries_version(struct cove__object_request *r, char ret[COVE__HEADER_MAX], struct cove_error *err)
{
    if (cove__object_response_version(r, ret))
        return 0;
    return cove__object_fail(r, err, COVE_EPROTOCOL,
                             "the response does not describe the object: check the endpoint and any proxy");
}

/* ---- parts ---- */

void cove__temporaries_part_request(struct cove__object_request *r, struct cove__upload *u, unsigned number,
                                    struct cove__buf *path, const struct cove__ctx *ctx)
{
    cove__buf_init(path, PATH_BYTES);
    pthread_mutex_lock(&u->lock);
    int rc = cove__temporaries_path(path, cove__object_split(u->path), u->beside, u->id, "part", number);
    if (number > u->last_part)
        u->last_part = number;
    pthread_mutex_unlock(&u->lock);
    cove__object_request_init(r, u->store, "PUT", cove__object_split(cove__buf_str(path)), ctx);
    cove__object_describe(r, NULL);
    if (rc < 0) /* the name is not whole */
        r->extra.rc = rc;
}

bool cove__temporaries_go_beside(const struct cove__object_request *r, struct cove__upload *u, const char *path)
{
    if (r->refusal != COVE__REFUSED_ACCESS || !cove__temporaries_is_apart(cove__object_split(path).key))
        return false;
    pthread_mutex_lock(&u->lock);
    u->beside |= u->n == 0;
    bool beside = u->beside;
    pthread_mutex_unlock(&u->lock);
    if (beside)
        u->store->temporaries_beside = true;
    return beside;
}

/* ---- one compose ---- */

/* What is composed: a part, or a node of them. */
struct piece {
    const char *version; /* BORROWED from the part, or `own` */
    char *own;
    unsigned number;
    bool is_node;
    uint32_t crc32c;
    int64_t size;
};

/* A request under way. */
struct compose {
    struct cove__object_request r; /* first: the inbox gives it back */
    struct cove__buf path, body;
    struct cove__object_made made;
    struct piece *into; /* a node */
    unsigned number;    /* its */
    uint32_t crc32c;    /* of all its sources */
    int64_t size;
};

static int accept_compose(struct cove__object_request *r, struct cove_error *err)
{
    struct compose *c = r->user;

    c->made = (struct cove__object_made){ 0 };
    cove__object_made_headers(r, &c->made);
    return r->store->ops->upload->compose_response(r, &c->made, err);
}

/* The keys are in `keys` until the request has been written. */
static int add_sources(struct compose *c, const struct cove__upload *u, const struct piece *pieces, size_t n,
                       bool removes)
{
    struct cove__object_name target = cove__object_split(u->path);
    struct cove__compose_source *sources = cove__calloc(n, sizeof *sources);
    struct cove__buf keys = COVE__BUF_INIT(n * PATH_BYTES);
    int rc = !sources ? COVE_ENOMEM : cove__buf_reserve(&keys, n * PATH_BYTES); /* which then stay in place */

    for (size_t i = 0; rc == 0 && i < n; i++) {
        size_t begin = keys.size;
        rc = cove__temporaries_path(&keys, target, u->beside, u->id, pieces[i].is_node ? "node" : "part",
                                    pieces[i].number);
        begin += target.bucket.size + 1;
        sources[i].key = cove__slice(keys.data + begin, keys.size - begin);
        sources[i].version = pieces[i].version;
        c->size += pieces[i].size;
        c->crc32c = cove__crc32c_join(c->crc32c, pieces[i].crc32c, (uint64_t)pieces[i].size);
    }
    if (rc == 0) {
        u->store->ops->upload->compose_request(&c->r, sources, n, removes, &c->body);
        rc = cove__buf_rc(&c->body);
    }
    cove__buf_done(&keys);
    cove__free(sources);
    return rc;
}

/* To be freed whatever its result is. */
static int compose_init(struct compose *c, struct cove__upload *u, struct cove__object_name name,
                        const struct piece *pieces, size_t n, bool removes, const struct cove__ctx *ctx)
{
    cove__buf_init(&c->body, BODY_MAX);
    c->size = 0;
    c->crc32c = 0;
    cove__object_request_init(&c->r, u->store, "POST", name, ctx);
    c->r.accept = accept_compose;
    c->r.user = c;
    int rc = add_sources(c, u, pieces, n, removes);
    if (rc == 0 && c->body.size > 0) {
        c->r.sign_body = true;
        cove__object_body(&c->r, cove__buf_slice(&c->body), COVE__CHECKSUM_NONE);
    }
    return rc;
}

static void compose_done(struct compose *c)
{
    cove__object_request_done(&c->r);
    cove__buf_done(&c->path);
    cove__buf_done(&c->body);
}

static int cannot_finish(const struct cove__upload *u, int rc, const struct cove__ctx *ctx, struct cove_error *err)
{
    return rc < 0 ? cove__fs_fail(err, ctx, rc, "the upload cannot be finished: %s", cove_code_phrase(rc)) : 0;
}

/* Of a source that is not there any more; the target's condition is refused otherwise. */
static int find_missing_source(struct compose *c, int rc, struct cove_error *err)
{
    if (rc < 0 && c->r.refusal == COVE__REFUSED_NO_OBJECT) {
        cove__object_fail(&c->r, err, COVE_ESERVER,
                          "a temporary object of the upload is gone: something else has removed it");
        cove__object_error_response(&c->r, err);
        err->retryable = true; /* of the whole write */
        c->r.refusal = COVE__REFUSED_NO_PART;
        return COVE_ESERVER;
    }
    return rc;
}

/* ---- nodes ---- */

static int start_node(struct compose *c, struct cove__upload *u, struct piece *pieces, size_t n, struct piece *into,
                      const struct cove__ctx *ctx, struct cove__inbox *inbox)
{
    c->into = into;
    pthread_mutex_lock(&u->lock);
    c->number = ++u->last_node;
    pthread_mutex_unlock(&u->lock);
    cove__buf_init(&c->path, PATH_BYTES);
    int rc = cove__temporaries_path(&c->path, cove__object_split(u->path), u->beside, u->id, "node", c->number);
    /* A repeated request would miss sources that go. */
    int composed = compose_init(c, u, cove__object_split(cove__buf_str(&c->path)), pieces, n, false, ctx);
    if (rc < 0 || composed < 0) {
        compose_done(c);
        return rc < 0 ? rc : composed;
    }
    cove__object_describe(&c->r, NULL);
    cove__object_start_in(&c->r, inbox);
    return 0;
}

static int end_node(struct compose *c, const struct cove__upload *u, struct cove_error *err)
{
    struct cove_error why = c->r.http.op.err;
    int rc = c->r.http.op.rc;

    rc = find_missing_source(c, rc, &why);
    if (rc == 0) {
        struct cove__object_sent sent = { .size = c->size,
                                          .has_crc32c = u->with_checksum && cove__object_has_crc32c(u->store),
                                          .crc32c = c->crc32c };
        rc = cove__object_check_made(&c->r.http.op.ctx, &c->made, &sent, &why);
    }
    if (rc == 0) {
        struct piece *into = c->into;
        cove__free(into->own);
        *into = (struct piece){ .own = cove__strdup(c->made.version),
                                .number = c->number,
                                .is_node = true,
                                .crc32c = c->crc32c,
                                .size = c->size };
        into->version = into->own;
        if (!into->own)
            rc = cove__fail_nomem(&why, "an upload");
    }
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}

/* A level under way: of each `max` pieces one, in place. */
struct level {
    struct cove__upload *u;
    struct piece *pieces;
    size_t n, max;
    const struct cove__ctx *ctx;
    struct cove__inbox inbox;
};

/* The request holds all of its sources when it is started. So the result of a group may stand where it does: in a group
 * that was started before it. */
static int start_group(struct level *l, struct compose *c, size_t group, struct cove_error *err)
{
    size_t at = group * l->max, size = l->n - at < l->max ? l->n - at : l->max;
    int rc = start_node(c, l->u, l->pieces + at, size, l->pieces + group, l->ctx, &l->inbox);

    return cannot_finish(l->u, rc, l->ctx, err);
}

static int compose_level(struct cove__upload *u, struct piece *pieces, size_t n, const struct cove__ctx *ctx,
                         struct cove_error *err)
{
    size_t max = u->store->ops->upload->compose_max, groups = (n + max - 1) / max, next = 0;
    size_t parallel = (size_t)u->store->max_concurrency < groups ? (size_t)u->store->max_concurrency : groups;
    struct level l = { .u = u, .pieces = pieces, .n = n, .max = max, .ctx = ctx };
    struct compose *tasks = cove__calloc(parallel, sizeof *tasks);
    struct cove__op *op;
    int rc = 0;

    if (!tasks)
        return cove__fail_nomem(err, "an upload");
    cove__inbox_init(&l.inbox);
    for (; rc == 0 && next < parallel; next++)
        rc = start_group(&l, tasks + next, next, err);
    while ((op = cove__inbox_wait(&l.inbox))) {
        struct compose *c = (struct compose *)(void *)op;
        int ended = end_node(c, u, rc == 0 ? err : NULL);
        rc = rc < 0 ? rc : ended;
        compose_done(c);
        if (rc == 0 && next < groups)
            rc = start_group(&l, c, next++, err);
    }
    cove__inbox_done(&l.inbox);
    cove__free(tasks);
    return rc;
}

/* ---- the object ---- */

static bool is_ours(void *user, const struct cove__object_head *head, bool newer)
{
    const struct cove__upload *u = user;

    return strcmp(head->write_id, u->mark.write_id) == 0;
}

/* After the request has failed, and u->end has why. True: it is to be sent again. Otherwise the finish looks for the
 * mark once more, where an attempt of any request may have been done. */
static bool repeats(struct cove__upload *u, struct cove__unanswered *unanswered, const struct cove__object_request *r,
                    const struct cove__ctx *ctx)
{
    struct cove__upload_end *end = &u->end;
    struct cove_error unseen = COVE_ERROR_INIT;
    bool theirs = cove__object_condition_refused(r, unanswered->put.condition);

    if (cove__unanswered_ended(unanswered, r)) {
        int look =
            cove__unanswered_look_at(unanswered, u->store, cove__object_split(u->path), ctx, is_ours, u, &unseen);
        if (look == COVE__UNANSWERED_REPEAT)
            return true;
        theirs = look == COVE__UNANSWERED_ANOTHERS || (look < 0 && theirs);
    }
    if (theirs)
        end->rc = cove__unanswered_by_another(ctx, &end->why);
    if (unanswered->put.condition != COVE_WRITE_ALWAYS || unanswered->unseen)
        end->doubtful = end->may_be_done = true;
    return false;
}

/* The sources cannot go with the compose: the store does not know how (400), or the account may not delete, or a
 * retention policy or a hold keeps them (403). */
static bool keeps_sources(const struct cove__object_request *r, int rc)
{
    return rc < 0 && (r->http.status == 400 || r->http.status == 403);
}

/* The sources go with the last request: what it removes, no soft delete policy keeps. Its mark settles a repetition
 * that misses them. */
static int compose_target(struct cove__upload *u, enum cove__condition_mode mode, const struct piece *pieces, size_t n,
                          const struct cove__ctx *ctx, struct cove_error *err)
{
    bool looks = u->put.condition == COVE_WRITE_ALWAYS && u->store->ops->looks_before_repeat;
    bool removes = !u->store->composes_keep_sources;
    struct cove__unanswered unanswered = { 0 };

    for (;;) {
        struct cove_error why = COVE_ERROR_INIT;
        struct compose c = { .path = COVE__BUF_INIT(0) };
        int rc = compose_init(&c, u, cove__object_split(u->path), pieces, n, removes, ctx);

        if (rc == 0)
            rc = cove__buf_add_slice(&c.r.extra, cove__buf_slice(&u->properties));
        if (rc < 0) {
            compose_done(&c);
            return cannot_finish(u, rc, ctx, err);
        }
        c.r.effect = COVE__EFFECT_MADE;
        if (looks)
            cove__unanswered_watch(&unanswered, &c.r);
        cove__object_condition_headers(&c.r, looks ? COVE__CONDITION_SENT : mode, looks ? &unanswered.put : &u->put);
        rc = cove__object_run(&c.r, &why);
        rc = find_missing_source(&c, rc, &why);
        if (rc == 0)
            u->made = c.made;
        cove__upload_ended(u, &c.r, rc, &why);
        bool kept = removes && keeps_sources(&c.r, rc);
        bool again = kept || (looks && rc < 0 && repeats(u, &unanswered, &c.r, ctx));
        if (rc == 0 && !removes)
            u->store->composes_keep_sources = true;
        removes = removes && !kept;
        compose_done(&c);
        if (!again)
            return 0;
    }
}

int cove__temporaries_join(struct cove__upload *u, enum cove__condition_mode mode, const struct cove__ctx *ctx,
                           struct cove_error *err)
{
    size_t n = u->n, max = u->store->ops->upload->compose_max;
    struct piece *pieces = cove__calloc(n > 0 ? n : 1, sizeof *pieces);
    int rc = !pieces ? cove__fail_nomem(err, "an upload") : 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        const struct cove__object_part *part = &u->parts[i];
        pieces[i] = (struct piece){
            .version = part->name, .number = (unsigned)(i + 1), .crc32c = part->crc32c, .size = part->size
        };
    }
    for (; rc == 0 && n > max; n = (n + max - 1) / max)
        rc = compose_level(u, pieces, n, ctx, err);
    if (rc == 0)
        rc = compose_target(u, mode, pieces, n, ctx, err);
    for (size_t i = 0; pieces && i < u->n; i++)
        cove__free(pieces[i].own);
    cove__free(pieces);
    return rc;
}

/* ---- the end ---- */

/* The path of the temporary object with this index, of parts and then nodes; owned. */
static char *path_at(const struct cove__upload *u, size_t i)
{
    struct cove__buf path = COVE__BUF_INIT(PATH_BYTES);
    bool is_node = i >= u->last_part;

    cove__temporaries_path(&path, cove__object_split(u->path), u->beside, u->id, is_node ? "node" : "part",
                           is_node ? i - u->last_part + 1 : i + 1);
    return cove__buf_take(&path);
}

/* From the index `from` on, to `end`. */
static int remove_some(struct cove__upload *u, size_t from, size_t end, const struct cove__ctx *ctx,
                       struct cove_error *err)
{
    char *paths[REMOVED_AT_ONCE];
    size_t n = 0;
    int rc = 0;

    for (; rc == 0 && from < end; from++) {
        paths[n] = path_at(u, from);
        if (!paths[n])
            rc = cove__fail_nomem(err, "deletions");
        else
            n++;
    }
    if (rc == 0)
        rc = cove__object_remove(u->store, (const char *const *)paths, NULL, n, ctx, err);
    while (n > 0)
        cove__free(paths[--n]);
    return rc;
}

static size_t how_many(const struct cove__upload *u)
{
    return (size_t)u->last_part + u->last_node;
}

unsigned cove__temporaries_batches(const struct cove__upload *u)
{
    return (unsigned)((how_many(u) + REMOVED_AT_ONCE - 1) / REMOVED_AT_ONCE);
}

void cove__temporaries_removed(struct cove__object_store *store, int rc)
{
    if (rc == COVE_EACCESS)
        store->temporaries_stay = true;
}

int cove__temporaries_remove(struct cove__upload *u, const struct cove__ctx *ctx, struct cove_error *err)
{
    size_t n = how_many(u);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i += REMOVED_AT_ONCE)
        rc = remove_some(u, i, n - i < REMOVED_AT_ONCE ? n : i + REMOVED_AT_ONCE, ctx, err);
    return rc;
}
