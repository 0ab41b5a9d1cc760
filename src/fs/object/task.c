/* A read or a put under way. */
#include "fs/object/task.h"

#include "base/error.h"
#include "base/mem.h"

void cove__object_task_finish(struct cove__object_task *t, int rc, int64_t count, const struct cove_error *err)
{
    struct cove__op *op = t->op;
    struct cove_error copy = *err;

    cove__object_request_done(&t->r);
    cove__free(t);
    cove__op_finish(op, rc, count, &copy);
}

void cove__object_task_init(struct cove__object_task *t, struct cove__object_store *store, const char *method)
{
    cove__object_request_init(&t->r, store, method, cove__object_locate(store, t->path), &t->op->ctx);
    t->r.user = t;
    t->why = (struct cove_error)COVE_ERROR_INIT;
}

void cove__object_task_restart(struct cove__object_task *t, const char *method)
{
    struct cove__object_store *store = t->r.store;

    cove__object_request_done(&t->r);
    cove__object_request_init(&t->r, store, method, cove__object_locate(store, t->path), &t->op->ctx);
    t->r.user = t;
}

int cove__object_task_keep_version(struct cove__object_task *t, struct cove_error *err)
{
    const char *header = t->r.store->ops->headers.version_id;
    char etag[COVE__HEADER_MAX], id[COVE__HEADER_MAX];

    /* Without memory for the ID it is not given. */
    if (t->ret_version_id && header && cove__object_response_header(&t->r, header, id) && id[0] != '\0') {
        cove__free(*t->ret_version_id);
        *t->ret_version_id = cove__strdup(id);
    }
    cove__free(*t->ret_etag);
    *t->ret_etag = NULL;
    if (!cove__object_response_version(&t->r, etag))
        return 0;
    *t->ret_etag = cove__strdup(etag);
    return *t->ret_etag ? 0 : cove__fail_nomem(err, "an etag");
}
