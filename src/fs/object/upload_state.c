/* What is known of an upload while it is under way, for the files that begin it, send its bytes and end it. */
#include "fs/object/upload.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"

#define PROPERTIES_MAX ((size_t)64 << 10)

enum cove__upload_mode cove__upload_mode(const struct cove__object_store *store, const struct cove__put *put)
{
    static const struct cove__put any = { .expected_size = -1 };
    const struct cove__object_upload_ops *ops = store->ops->upload;

    if (!ops->mode || (put && put->copies && ops->part_request))
        return COVE__UPLOAD_PARTS;
    return ops->mode(store, put ? put : &any);
}

void cove__upload_free(struct cove__upload *u)
{
    if (!u)
        return;
    for (size_t i = 0; i < u->n; i++)
        cove__free(u->parts[i].name);
    cove__free(u->parts);
    cove__free(u->path);
    cove__free(u->url);
    cove__secret_drop(u);
    cove__free(u->id);
    cove__free(u->if_match);
    cove__free(u->source);
    cove__free(u->source_version);
    cove__buf_done(&u->properties);
    pthread_mutex_destroy(&u->lock);
    cove__free(u);
}

struct cove__upload *cove__upload_new(struct cove__object_store *store, const char *path, const struct cove__put *put,
                                      const struct cove__ctx *ctx)
{
    struct cove__upload *u = cove__calloc(1, sizeof *u);

    if (!u)
        return NULL;
    pthread_mutex_init(&u->lock, NULL);
    cove__buf_init(&u->properties, PROPERTIES_MAX);
    u->store = store;
    u->mode = cove__upload_mode(store, put);
    u->path = cove__strdup(path);
    u->url = cove__strdup(ctx->url);
    u->put = put ? *put : (struct cove__put){ .expected_size = -1 };
    if (u->put.etag)
        u->put.etag = u->if_match = cove__strdup(u->put.etag);
    u->put.content_type = u->put.write_id = u->put.headers = NULL; /* sent at the begin, not kept */
    u->put.metadata = NULL;
    u->put.n_metadata = 0;
    if (!u->path || !u->url || (put && put->etag && !u->if_match)) {
        cove__upload_free(u);
        return NULL;
    }
    return u;
}

/* Of the request that makes the object. */
static enum cove__capability conditions_of(const struct cove__upload *u)
{
    return u->mode == COVE__UPLOAD_TEMPORARIES ? COVE__COMPOSE_CONDITIONS : COVE__UPLOAD_CONDITIONS;
}

enum cove__condition_mode cove__upload_condition_mode(const struct cove__upload *u)
{
    enum cove__condition_mode mode = cove__object_condition_mode(u->store, conditions_of(u));
    return mode == COVE__CONDITION_UNSUPPORTED && u->put.or_look ? COVE__CONDITION_CHECKED : mode;
}

int cove__upload_part_sent(struct cove__upload *u, unsigned number, const char *name, uint32_t crc32c, int64_t size)
{
    char *copy = cove__strdup(name);
    int rc = number > COVE__OBJECT_PARTS_MAX ? COVE_ELIMIT : copy ? 0 : COVE_ENOMEM;

    pthread_mutex_lock(&u->lock);
    if (rc == 0 && number > u->n) {
        size_t old = u->n;
        if (cove__grow(&u->parts, &u->cap, number, sizeof *u->parts, COVE__OBJECT_PARTS_MAX) < 0) {
            rc = COVE_ENOMEM;
        } else {
            memset(u->parts + old, 0, (number - old) * sizeof *u->parts);
            u->n = number;
        }
    }
    if (rc == 0) {
        struct cove__object_part *part = &u->parts[number - 1];
        cove__free(part->name);
        *part = (struct cove__object_part){ copy, crc32c, size };
        copy = NULL;
    }
    pthread_mutex_unlock(&u->lock);
    cove__free(copy);
    return rc;
}

int cove__upload_lost(const struct cove__object_request *r, int rc, struct cove_error *err)
{
    bool lost = r->refusal == COVE__REFUSED_NO_UPLOAD;

    if (!lost && (rc != COVE_ENOTFOUND || r->refusal == COVE__REFUSED_NO_BUCKET))
        return rc;
    cove__error_add(err, "; the store has lost the upload: write the file again");
    err->code = COVE_ESERVER;
    err->retryable = true;
    return COVE_ESERVER;
}

void cove__upload_ended(struct cove__upload *u, struct cove__object_request *r, int rc, const struct cove_error *why)
{
    struct cove__upload_end *end = &u->end;
    bool refused = rc < 0 && cove__object_condition_refused(r, u->put.condition);

    *end = (struct cove__upload_end){ .rc = rc, .why = *why };
    if (rc == 0) {
        end->rc = cove__object_check_made(&r->http.op.ctx, &u->made, &u->sent, &end->why);
        end->wrong = end->rc < 0;
        return;
    }
    if (cove__object_refuses_condition(r)) {
        cove__object_learn_missing(r, conditions_of(u));
        end->rc = cove__object_no_conditions(u->store, &r->http.op.ctx, &end->why);
        cove__object_error_response(r, &end->why);
    }
    if (end->rc == rc && u->mode != COVE__UPLOAD_SESSION) /* which has more to say of it */
        end->rc = cove__upload_lost(r, rc, &end->why);
    bool gone = (r->refusal == COVE__REFUSED_NO_UPLOAD || r->refusal == COVE__REFUSED_NO_PART);
    end->may_be_done = cove__object_may_be_done(r);
    end->doubtful = refused || gone || end->may_be_done;
    end->silent = r->http.status == 0;
    if (refused)
        end->rc = cove__object_condition_error(r, u->put.condition, &end->why);
}
