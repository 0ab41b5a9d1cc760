/*
 * How uploads end. The finish makes the object: of parts by a last request, of a session by its last part, of temporary
 * objects by composing them. The parts' own checksums become the whole object's, which the store checks. A finish that
 * seems to have failed may have succeeded: the object's mark shows it.
 */
#include "fs/object/upload.h"

#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/object/temporaries.h"
#include "wire/crc.h"

#define BODY_MAX ((size_t)8 << 20)

/* ---- finish ---- */

/* What the parts make, into u->sent. COVE_ESTATE: a part was never sent, so the object would have a hole. */
static int join_checksums(struct cove__upload *u)
{
    struct cove__object_sent *sent = &u->sent;

    *sent = (struct cove__object_sent){ .has_crc32c = u->with_checksum && cove__object_has_crc32c(u->store) };
    for (size_t i = 0; i < u->n; i++) {
        const struct cove__object_part *part = &u->parts[i];
        if (!part->name)
            return COVE_ESTATE;
        sent->size += part->size;
        if (u->with_checksum)
            sent->crc32c = cove__crc32c_join(sent->crc32c, part->crc32c, (uint64_t)part->size);
    }
    return 0;
}

static int accept_finish(struct cove__object_request *r, struct cove_error *err)
{
    struct cove__object_made *made = r->user;

    *made = (struct cove__object_made){ 0 };
    cove__object_made_headers(r, made);
    return r->store->ops->upload->finish_response(r, made, err);
}

/* A store that may be out of reach is not waited for again. 1: the object there is what this upload makes; 0: it is
 * not, or there is none; negative: not known. */
static int is_own(const struct cove__upload *u, const struct cove__ctx *ctx, struct cove__object_head *head)
{
    struct cove_error err = COVE_ERROR_INIT;
    int rc = cove__object_look(u->store, cove__object_split(u->path), u->end.silent, ctx, head, &err);

    if (rc == COVE_ENOTFOUND)
        return 0;
    return rc < 0 ? rc : strcmp(head->write_id, u->mark.write_id) == 0;
}

/* What the HEAD has found is what was made. */
static void take_head(struct cove__upload *u, const struct cove__object_head *head)
{
    struct cove__object_made *made = &u->made;

    *made = (struct cove__object_made){
        .has_size = true, .size = head->size, .has_crc32c = head->has_crc32c, .crc32c = head->crc32c
    };
    memcpy(made->version, head->version, sizeof made->version);
    memcpy(made->version_id, head->version_id, sizeof made->version_id);
}

/* The result of the finish. */
static int settle(struct cove__upload *u, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_request r;
    struct cove__object_head head;
    int own = u->end.doubtful ? is_own(u, ctx, &head) : 0;

    if (own < 0 && u->end.may_be_done)
        cove__error_add(&u->end.why, "; it may have been written");
    if (own == 1) {
        take_head(u, &head);
        cove__object_request_init(&r, u->store, "HEAD", cove__object_split(u->path), ctx);
        cove__error_clear(&u->end.why);
        cove__upload_ended(u, &r, 0, &u->end.why);
        cove__object_request_done(&r);
    }
    if (u->end.rc == 0)
        return 0;
    if (u->end.wrong && u->put.copies) /* it takes the place of what it was made of: most of it may be well */
        cove__object_wrong_stays(&u->end.why);
    else if (u->end.wrong)
        cove__object_remove_wrong(u->store, u->path, u->made.version, ctx, &u->end.why);
    return cove__error_copy(err, &u->end.why);
}

/* The finish request's result is u->end. Returns what failed before it. */
static int join_parts(struct cove__upload *u, enum cove__condition_mode mode, const struct cove__ctx *ctx,
                      struct cove_error *err)
{
    struct cove__object_request r;
    struct cove__buf body = COVE__BUF_INIT(BODY_MAX);
    struct cove_error why = COVE_ERROR_INIT;

    cove__object_request_init(&r, u->store, "POST", cove__object_split(u->path), ctx);
    r.http.response_max = COVE__OBJECT_RESPONSE_MAX;
    r.error_in_200 = true;
    r.effect = COVE__EFFECT_MADE;
    r.accept = accept_finish;
    r.user = &u->made;
    /* Properties, where the begin had no request, hold the options' lines already. */
    cove__buf_add_slice(&r.extra, cove__buf_slice(u->properties.size > 0 ? &u->properties : &u->store->extra.each));
    int rc = join_checksums(u);
    if (rc == 0)
        rc = u->store->ops->upload->finish_request(&r, u, u->sent.crc32c, &body);
    if (rc == 0)
        rc = cove__buf_rc(&body);
    if (rc < 0) {
        cove__object_fail(&r, err, rc, "the upload cannot be finished: %s", cove_code_phrase(rc));
        goto out;
    }
    r.sign_body = true;
    cove__object_body(&r, cove__buf_slice(&body), COVE__CHECKSUM_NONE);
    cove__object_condition_headers(&r, mode, &u->put);
    rc = cove__object_run(&r, &why);
    cove__upload_ended(u, &r, rc, &why);
    rc = 0;
out:
    cove__buf_done(&body);
    cove__object_request_done(&r);
    return rc;
}

static int join_temporaries(struct cove__upload *u, enum cove__condition_mode mode, const struct cove__ctx *ctx,
                            struct cove_error *err)
{
    int rc = u->n > 0 ? join_checksums(u) : COVE_ESTATE;

    return rc < 0 ? cove__fs_fail(err, ctx, rc, "the upload cannot be finished: %s", cove_code_phrase(rc))
                  : cove__temporaries_join(u, mode, ctx, err);
}

/* Copied parts are of the version that was meant only if the store checked the condition of each copy, or if that
 * version is still there now. */
static int check_source(const struct cove__upload *u, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__put same = { .condition = COVE_WRITE_IF_MATCH, .etag = u->source_version };

    if (!u->source || (u->put.condition == COVE_WRITE_IF_MATCH && strcmp(u->source, u->path) == 0))
        return 0; /* for the object that is to be replaced the condition of the finish is enough */
    int rc = cove__object_check_condition(u->store, cove__object_split(u->source), &same, ctx, err);
    return rc == COVE_EPRECONDITION
               ? cove__fs_fail(err, ctx, rc, "the object that parts were copied from changed meanwhile")
               : rc;
}

int cove__upload_copied_from(struct cove__upload *u, struct cove__object_name source, const char *version)
{
    struct cove__buf path = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX + 320);
    char *copy = NULL, *copy_version = NULL;
    int rc = 0;

    if (source.version.size > 0 || cove__object_can(u->store, COVE__COPY_SOURCE_CONDITIONS) == COVE__CAN_YES)
        return 0;
    cove__buf_add_slice(&path, source.bucket);
    cove__buf_add_char(&path, '/');
    cove__buf_add_slice(&path, source.key);
    copy = cove__buf_take(&path);
    copy_version = cove__strdup(version);
    if (!copy || !copy_version) {
        rc = COVE_ENOMEM;
        goto out;
    }
    pthread_mutex_lock(&u->lock);
    if (!u->source) {
        u->source = copy;
        u->source_version = copy_version;
        copy = copy_version = NULL;
    } else if (strcmp(u->source, copy) != 0 || !cove__object_same_version(u->source_version, copy_version)) {
        rc = COVE_ENOTSUP; /* only one is asked about */
    }
    pthread_mutex_unlock(&u->lock);
out:
    cove__free(copy);
    cove__free(copy_version);
    cove__buf_done(&path);
    return rc;
}

/* Checks the condition by HEAD first if the store may ignore it in this request. */
static int finish_by(struct cove__upload *u, enum cove__condition_mode mode, const struct cove__ctx *ctx,
                     struct cove_error *err)
{
    int rc = 0;

    u->end = (struct cove__upload_end){ 0 };
    if (mode == COVE__CONDITION_SENT_AND_CHECKED || mode == COVE__CONDITION_CHECKED)
        rc = cove__object_check_condition(u->store, cove__object_split(u->path), &u->put, ctx, err);
    if (rc == 0)
        rc = u->mode == COVE__UPLOAD_TEMPORARIES ? join_temporaries(u, mode, ctx, err) : join_parts(u, mode, ctx, err);
    return rc == 0 ? settle(u, ctx, err) : rc;
}

static int finish(struct cove__upload *u, const struct cove__ctx *ctx, struct cove_error *err)
{
    if (u->mode == COVE__UPLOAD_SESSION) {
        cove__session_finish(u, ctx);
        return settle(u, ctx, err);
    }
    int rc = check_source(u, ctx, err);
    if (rc == 0)
        rc = finish_by(u, cove__upload_condition_mode(u), ctx, err);
    /* The refusal has shown that the store has no such conditions. */
    if (rc == COVE_ENOTSUP && cove__upload_condition_mode(u) == COVE__CONDITION_CHECKED) {
        cove__error_clear(err);
        rc = finish_by(u, COVE__CONDITION_CHECKED, ctx, err);
    }
    return rc;
}

int cove__object_upload_finish(void *self, struct cove__upload *u, const struct cove__ctx *ctx, char **ret_etag,
                               char **ret_version_id, struct cove_error *err)
{
    struct cove__object_store *store = self;
    const struct cove__object_made *made = &u->made;
    int rc = finish(u, ctx, err);

    if (rc < 0) {
        cove__object_upload_abort(store, u, ctx);
        return rc;
    }
    u->done = true;
    if (u->instead_of_parts) /* a refused begin alone may be about the name, or about every write */
        cove__object_learn_missing_at(store, u->url, COVE__MULTIPART);
    /* The object exists even if there is no memory for them. */
    *ret_etag = made->version[0] != '\0' ? cove__strdup(made->version) : NULL;
    if (ret_version_id)
        *ret_version_id = made->version_id[0] != '\0' ? cove__strdup(made->version_id) : NULL;
    if (u->mode == COVE__UPLOAD_TEMPORARIES)
        cove__object_upload_abort(store, u, ctx); /* only the temporary objects go */
    else
        cove__upload_free(u);
    return 0;
}

/* ---- abort ---- */

int cove__upload_discard(struct cove__object_store *store, struct cove__object_name name, enum cove__upload_mode mode,
                         const char *id, const struct cove__ctx *ctx, bool *ret_none, struct cove_error *err)
{
    const struct cove__object_session_ops *session = mode == COVE__UPLOAD_SESSION ? store->ops->upload->session : NULL;
    void (*request)(struct cove__object_request *, const char *) =
        session ? session->abort_request : store->ops->upload->abort_request;
    struct cove__object_request r;
    struct cove_error why = COVE_ERROR_INIT;

    if (!request) {
        if (ret_none)
            *ret_none = true;
        return 0;
    }
    cove__object_request_init(&r, store, "DELETE", name, ctx);
    if (session) {
        r.good_status = session->aborted_status;
        r.secret_url = session->id_is_url ? id : NULL;
    } else {
        r.accept = cove__object_accept_empty;
    }
    request(&r, id);
    int rc = cove__object_run(&r, &why);
    bool none = r.refusal == COVE__REFUSED_NO_UPLOAD;
    if (ret_none)
        *ret_none = none;
    cove__object_request_done(&r);
    return rc == 0 || none ? 0 : cove__error_copy(err, &why);
}

static struct cove__upload *upload_of(struct cove__cleanup *c)
{
    return (struct cove__upload *)(void *)((char *)c - offsetof(struct cove__upload, cleanup));
}

static int remove_parts(struct cove__cleanup *c, const struct cove__ctx *ctx, struct cove_error *err)
{
    const struct cove__upload *u = upload_of(c);

    return cove__upload_discard(c->store, cove__object_split(u->path), u->mode, u->id, ctx, NULL, err);
}

static int remove_temporaries(struct cove__cleanup *c, const struct cove__ctx *ctx, struct cove_error *err)
{
    int rc = cove__temporaries_remove(upload_of(c), ctx, err);

    cove__temporaries_removed(c->store, rc);
    return rc;
}

static void free_upload(struct cove__cleanup *c)
{
    cove__upload_free(upload_of(c));
}

void cove__object_upload_abort(void *self, struct cove__upload *u, const struct cove__ctx *ctx)
{
    bool temporaries = u && u->mode == COVE__UPLOAD_TEMPORARIES;

    if (!u)
        return;
    const char *failure = temporaries ? "temporary objects stay until they are removed as an abandoned upload"
                                      : "the parts stay until they are removed as abandoned";
    if (u->done)
        failure = "the object is written, but temporary objects stay until they are removed as an abandoned upload";
    u->cleanup = (struct cove__cleanup){
        .store = self,
        .op = u->done ? "write" : "abort",
        .run = temporaries ? remove_temporaries : remove_parts,
        .free = free_upload,
        .url = u->url,
        .failure = failure,
        .batches = temporaries ? cove__temporaries_batches(u) : 1,
    };
    cove__cleanup(&u->cleanup, ctx);
}
