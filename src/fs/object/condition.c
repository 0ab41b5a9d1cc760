/* Conditions of writes: sent, checked, refused; and the marks by which a writer knows its own object. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "fs/fs_impl.h"
#include "fs/object/operations.h"
#include "net/header.h"

void cove__object_add_match(struct cove__object_request *r, struct cove__buf *headers, const char *version)
{
    if (headers == &r->extra)
        r->conditional = true;
    else
        r->attempt_conditional = true;
    cove__header_append(headers, r->store->ops->headers.if_match, cove__slice_str(cove__object_strong_etag(version)));
}

bool cove__object_refuses_condition(const struct cove__object_request *r)
{
    const struct cove__object_ops *ops = r->store->ops;

    return r->conditional && !cove__object_may_be_done(r) && ops->refuses_condition && ops->refuses_condition(r);
}

int cove__object_no_version(const struct cove__ctx *ctx, struct cove_error *err)
{
    return cove__fs_fail(err, ctx, COVE_ENOTSUP,
                         "the store gives no version of the object, without which a change by another writer cannot be "
                         "detected");
}

/* Of this process: how its marks begin. */
static uint64_t writer(void)
{
    static uint64_t id;
    static unsigned generation; /* of fork: a child is another writer */

    cove__lock();
    if (generation != cove__fork_generation()) {
        generation = cove__fork_generation();
        id = cove__random();
    }
    uint64_t ret = id;
    cove__unlock();
    return ret;
}

void cove__object_new_mark(struct cove__write_mark *ret)
{
    snprintf(ret->write_id, sizeof ret->write_id, "%016llx%016llx", (unsigned long long)writer(),
             (unsigned long long)cove__random());
}

bool cove__object_is_same_writer(const char *write_id)
{
    char ours[17];

    snprintf(ours, sizeof ours, "%016llx", (unsigned long long)writer());
    return strncmp(write_id, ours, strlen(ours)) == 0;
}

void cove__object_mark(struct cove__object_request *r, const struct cove__put *put, struct cove__write_mark *ret)
{
    const struct cove__object_headers *headers = &r->store->ops->headers;
    char name[64];

    if (!put || !put->write_id)
        cove__object_new_mark(ret);
    else if (put->write_id != ret->write_id)
        snprintf(ret->write_id, sizeof ret->write_id, "%s", put->write_id);
    snprintf(name, sizeof name, "%s%s", headers->metadata, headers->write_mark);
    cove__object_header(r, name, "%s", ret->write_id);
}

void cove__object_condition_headers(struct cove__object_request *r, enum cove__condition_mode mode,
                                    const struct cove__put *put)
{
    if (!put || (mode != COVE__CONDITION_SENT && mode != COVE__CONDITION_SENT_AND_CHECKED))
        return;
    if (put->condition == COVE_WRITE_IF_NEW) {
        r->conditional = true;
        cove__buf_addf(&r->extra, "%s\n", r->store->ops->headers.if_new);
    } else if (put->condition == COVE_WRITE_IF_MATCH) {
        cove__object_add_match(r, &r->extra, put->etag);
    }
}

bool cove__object_condition_refused(const struct cove__object_request *r, enum cove_write_if condition)
{
    int status = r->http.status;
    int rc = r->http.op.rc;
    if (condition == COVE_WRITE_ALWAYS || rc >= 0)
        return false;
    /* Not each 409 or 412 is about the condition: a directory may be in the way, or a lease. 404 for If-Match: there is
     * no object that could match. A missing bucket is another matter. */
    return ((status == 412 || status == 409) && (rc == COVE_EPRECONDITION || rc == COVE_EEXIST)) ||
           (condition == COVE_WRITE_IF_MATCH && status == 404 && r->refusal == COVE__REFUSED_NO_OBJECT);
}

int cove__object_condition_broken(const struct cove__ctx *ctx, enum cove_write_if condition, struct cove_error *err)
{
    return condition == COVE_WRITE_IF_NEW
               ? cove__fs_fail(err, ctx, COVE_EEXIST, "the object exists already")
               : cove__fs_fail(err, ctx, COVE_EPRECONDITION, "the object is not the one that was to be replaced");
}

int cove__object_condition_error(const struct cove__object_request *r, enum cove_write_if condition,
                                 struct cove_error *err)
{
    int rc = cove__object_condition_broken(&r->http.op.ctx, condition, err);
    cove__object_error_response(r, err);
    return rc;
}

int cove__object_check_condition(struct cove__object_store *store, struct cove__object_name name,
                                 const struct cove__put *put, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_head head;

    if (put->condition == COVE_WRITE_ALWAYS)
        return 0;
    int rc = cove__object_head(store, name, ctx, &head, &why);
    if (rc < 0 && rc != COVE_ENOTFOUND)
        return cove__error_copy(err, &why);
    bool holds = put->condition == COVE_WRITE_IF_NEW ? rc == COVE_ENOTFOUND
                                                     : rc == 0 && cove__object_same_version(head.version, put->etag);
    return holds ? 0 : cove__object_condition_broken(ctx, put->condition, err);
}
