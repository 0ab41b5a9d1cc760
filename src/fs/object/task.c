/* A read or a put under way. */
#include "fs/object/task.h"

#include "base/error.h"
#include "base/mem.h"

void cove__object_task_finish(struct cove__object_task *t, int rc, int64_t count, const struct cove_error *err)
{
    struct cove__io *io = t->io;
    struct cove_error copy = *err;

    cove__object_request_done(&t->r);
    cove__free(t);
    cove__op_finish(&io->op, rc, count, &copy);
}

struct cove__object_task *cove__object_task_new(struct cove__object_store *store, struct cove__io *io,
                                                const char *method)
{
    struct cove__object_task *t = cove__calloc(1, sizeof *t);
    io->ret_etag = NULL;
    io->ret_total = -1;
    io->ret_wait_ns = io->ret_took_ns = 0;
    if (t == NULL) {
        struct cove_error err = COVE_ERROR_INIT;
        int rc = cove__fail_nomem(&err, "a request");
        cove__op_finish(&io->op, rc, 0, &err);
        return NULL;
    }
    cove__object_request_init(&t->r, store, method, cove__object_locate(store, io->path), &io->op.ctx);
    t->r.user = t;
    t->io = io;
    t->why = (struct cove_error)COVE_ERROR_INIT;
    return t;
}

void cove__object_task_restart(struct cove__object_task *t, const char *method)
{
    struct cove__object_store *store = t->r.store;

    cove__object_request_done(&t->r);
    cove__object_request_init(&t->r, store, method, cove__object_locate(store, t->io->path), &t->io->op.ctx);
    t->r.user = t;
}

int cove__object_task_keep_version(struct cove__object_task *t, struct cove_error *err)
{
    const char *header = t->r.store->ops->headers.version_id;
    char etag[COVE__HEADER_MAX], id[COVE__HEADER_MAX];
    struct cove__io *io = t->io;

    /* Without memory for the ID it is not given. */
    if (io->ret_version_id != NULL && header != NULL && cove__object_response_header(&t->r, header, id) &&
        id[0] != '\0') {
        cove__free(*io->ret_version_id);
        *io->ret_version_id = cove__strdup(id);
    }
    cove__free(io->ret_etag);
    io->ret_etag = NULL;
    if (!cove__object_response_version(&t->r, etag))
        return 0;
    io->ret_etag = cove__strdup(etag);
    return io->ret_etag != NULL ? 0 : cove__fail_nomem(err, "an etag");
}
