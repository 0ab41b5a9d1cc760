/*
 * Appends: the new bytes are put as an object of their own, and the object is composed of what it was and those, under
 * the condition that it still is that. The cost of an append does not depend on the object's size. For the engine
 * (fs/object/append.h).
 *
 * A composed object has the properties that the request gives it, so it carries a mark like any other write: equal
 * bytes without the mark are another writer's, so t->unsure is never set.
 */
#include "fs/gcs/gcs_append.h"

#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/gcs/gcs_compose.h"
#include "fs/gcs/gcs_explain.h"
#include "fs/object/made.h"
#include "fs/object/temporaries.h"
#include "wire/crc.h"

/* Smaller objects are put again with the new bytes: one request in place of three. */
#define REWRITE_BELOW ((int64_t)256 << 10)

/* ---- the new bytes ---- */

static int accept_version(struct cove__object_request *r, struct cove_error *err)
{
    return cove__temporaries_version(r, r->user, err);
}

/* What is composed has to be of the object's storage class, whatever the option has, and its bytes belong under its
 * key.
 */
static int put_bytes(struct cove__object_store *store, const struct cove__object_tail *t, const char *path,
                     struct cove__slice data, const struct cove__ctx *ctx, char version[COVE__HEADER_MAX],
                     bool *ret_denied, bool *ret_there, struct cove_error *err)
{
    static const char *const shared[] = { "x-goog-storage-class", "x-goog-encryption-kms-key-name", NULL };
    struct cove__buf lines = COVE__BUF_INIT(COVE__OBJECT_METADATA_MAX);
    struct cove__object_request r;

    cove__object_request_init(&r, store, "PUT", cove__object_split(path), ctx);
    r.accept = accept_version;
    r.user = version;
    int rc = cove__object_pick_lines(cove__buf_slice(&t->headers), shared, &lines);
    cove__object_describe(&r, &(struct cove__put){ .headers = cove__buf_str(&lines) });
    if (rc < 0) /* they are not whole */
        r.extra.rc = rc;
    cove__object_body(&r, data, cove__object_checksum(store));
    rc = cove__object_run(&r, err);
    *ret_denied = rc < 0 && r.refusal == COVE__REFUSED_ACCESS;
    *ret_there = rc == 0 || r.http.sends > 1 || r.http.status < 400 || r.http.status >= 500;
    cove__object_request_done(&r);
    cove__buf_done(&lines);
    return rc;
}

struct removal {
    struct cove__cleanup cleanup;
    char *path, *url;
};

static int run_removal(struct cove__cleanup *c, const struct cove__ctx *ctx, struct cove_error *err)
{
    const struct removal *removal = (struct removal *)(void *)c;
    const char *path = removal->path;

    int rc = cove__object_remove(c->store, &path, NULL, 1, ctx, err);
    cove__temporaries_removed(c->store, rc);
    return rc;
}

static void free_removal(struct cove__cleanup *c)
{
    struct removal *removal = (struct removal *)(void *)c;

    cove__free(removal->path);
    cove__free(removal->url);
    cove__free(removal);
}

/* A failure is logged only: it costs money, but no data. */
static void remove_bytes(struct cove__object_store *store, const char *path, const struct cove__ctx *ctx)
{
    struct removal *removal = cove__calloc(1, sizeof *removal);

    if (!removal || !(removal->path = cove__strdup(path)) || !(removal->url = cove__strdup(ctx->url))) {
        cove__log(COVE_LOG_WARNING, "gcs", "%s: a temporary object stays: there is no memory to remove it", path);
        if (removal)
            free_removal(&removal->cleanup);
        return;
    }
    removal->cleanup = (struct cove__cleanup){ .store = store,
                                               .op = "append",
                                               .run = run_removal,
                                               .free = free_removal,
                                               .url = removal->url,
                                               .failure = "the append's temporary object stays until it is removed "
                                                          "as an abandoned upload",
                                               .batches = 1 };
    cove__cleanup(&removal->cleanup, ctx);
}

/* ---- the object ---- */

static int accept_compose(struct cove__object_request *r, struct cove_error *err)
{
    struct cove__object_made *made = r->user;

    *made = (struct cove__object_made){ 0 };
    cove__object_made_headers(r, made);
    return cove__gcs_compose_response(r, made, err);
}

static int compose(struct cove__object_store *store, struct cove__object_tail *t, const char *bytes,
                   const char *bytes_version, struct cove__slice added, const struct cove__ctx *ctx,
                   struct cove_error *err)
{
    struct cove__object_name name = cove__object_split(t->path);
    uint64_t n = added.size;
    struct cove__object_sent sent = { .size = t->size + (int64_t)n };
    struct cove__object_made made;
    const struct cove__compose_source sources[] = { { name.key, t->version },
                                                    { cove__object_split(bytes).key, bytes_version } };
    struct cove__write_mark mark;
    struct cove__put put = { .condition = COVE_WRITE_IF_MATCH,
                             .etag = t->version,
                             .write_id = mark.write_id,
                             .headers = cove__buf_str(&t->headers) };
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_request r;

    sent.has_crc32c = t->knows_sum;
    if (t->knows_sum)
        sent.crc32c = cove__crc32c_join(t->sum, cove__crc32c(0, added.data, added.size), n);
    cove__append_mark(t, sent.size, &mark);
    cove__object_request_init(&r, store, "POST", name, ctx);
    r.effect = COVE__EFFECT_MADE;
    r.accept = accept_compose;
    r.user = &made;
    cove__gcs_compose_request(&r, sources, 2, false, NULL);
    cove__object_describe(&r, &put);
    cove__object_mark(&r, &put, &mark);
    cove__object_condition_headers(&r, COVE__CONDITION_SENT, &put);
    int rc = cove__object_run(&r, &why);
    bool wrong = rc == 0 && cove__object_check_made(&r.http.op.ctx, &made, &sent, &why) < 0;
    cove__object_request_done(&r);
    if (wrong) { /* it is not removed: most of its bytes may be right */
        cove__object_wrong_stays(&why);
        return cove__error_copy(err, &why);
    }
    if (rc == COVE_EPRECONDITION || rc == COVE_ENOTFOUND)
        return cove__append_changed(ctx, err);
    if (rc < 0)
        return cove__error_copy(err, &why);
    rc = cove__append_tail_is(t, cove__strdup(made.version), sent.size, err);
    t->knows_sum = made.has_crc32c;
    t->sum = made.crc32c;
    return rc;
}

/* Puts the bytes where the account may write: temporaries.h. *ret_there: the object may exist. */
static int put_somewhere(struct cove__object_store *store, const struct cove__object_tail *t, struct cove__slice data,
                         const struct cove__ctx *ctx, struct cove__buf *path, char version[COVE__HEADER_MAX],
                         bool *ret_there, struct cove_error *err)
{
    char id[COVE__TEMPORARIES_ID_SIZE];
    struct cove_error why = COVE_ERROR_INIT;
    bool beside = store->temporaries_beside, denied = false;

    *ret_there = false;
    cove__temporaries_new_id(id);
    for (;;) {
        cove__buf_reset(path);
        int rc = cove__temporaries_path(path, cove__object_split(t->path), beside, id, "part", 1);
        if (rc < 0 && denied)
            return cove__error_copy(err, &why); /* there is no room for such a name beside the object */
        if (rc < 0)
            return cove__fail_nomem(err, "an append");
        cove__error_clear(&why);
        rc = put_bytes(store, t, cove__buf_str(path), data, ctx, version, &denied, ret_there, &why);
        if (rc == 0 || !denied || beside)
            return rc < 0 ? cove__error_copy(err, &why) : 0;
        store->temporaries_beside = beside = true;
    }
}

static int extend(struct cove__object_store *store, struct cove__object_tail *t, struct cove__slice data,
                  const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_name name = cove__object_split(t->path);
    struct cove__put put = { .condition = COVE_WRITE_IF_MATCH, .etag = t->version };
    struct cove__buf path = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX + 320);
    char version[COVE__HEADER_MAX];
    bool there;
    int rc = 0;

    if (cove__object_can(store, COVE__COMPOSE_CONDITIONS) != COVE__CAN_YES) { /* an emulator */
        rc = cove__object_check_condition(store, name, &put, ctx, err);
        if (rc < 0)
            return rc == COVE_EPRECONDITION ? cove__append_changed(ctx, err) : rc;
    }
    rc = put_somewhere(store, t, data, ctx, &path, version, &there, err);
    if (rc == 0)
        rc = compose(store, t, cove__buf_str(&path), version, data, ctx, err);
    if (there)
        remove_bytes(store, cove__buf_str(&path), ctx);
    cove__buf_done(&path);
    if (rc == 0) {
        cove__buf_done(&t->content);
        t->cached = false;
        cove__gcs_warn_of_appends(store, name, t->size, ctx);
    }
    return rc;
}

static bool extends(const struct cove__object_store *store, struct cove__object_name name)
{
    return true;
}

const struct cove__object_append_ops cove__gcs_append_ops = {
    /* Google's caches keep public objects for an hour, and readers would see an old log. */
    .header = "cache-control",
    .header_value = COVE__GCS_FRESH,
    .rewrite_below = REWRITE_BELOW,
    .extend_from = REWRITE_BELOW,
    .extends = extends,
    .extend = extend,
};
