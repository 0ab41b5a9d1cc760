/*
 * Abort Copy Blob. A copy that was stopped, or has failed, leaves an empty blob, which is removed: it must not be
 * taken for the source's. If the copy has ended meanwhile, its blob stays.
 */
#include "fs/azure/azure_copy_end.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/azure/azure_container.h"
#include "fs/object/operations.h"
#include "wire/uri.h"

struct ending {
    struct cove__cleanup cleanup; /* first */
    char *path, *url;
    char id[64];
};

static int stop(const struct ending *e, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_request r;

    cove__object_request_init(&r, e->cleanup.store, "PUT", cove__object_split(e->path), ctx);
    cove__azure_state(&r)->kind = AZURE_ABORT;
    r.http.has_body = true; /* an empty one */
    cove__buf_add_str(&r.query, "comp=copy");
    cove__uri_add_pair(&r.query, "copyid", cove__slice_str(e->id));
    cove__object_header(&r, "x-ms-copy-action", "abort");
    int rc = cove__object_run(&r, err);
    if (rc < 0 && r.http.status == 409) /* it has ended */
        rc = 0;
    cove__object_request_done(&r);
    return rc;
}

/* The ETag of what the copy has left, which is empty; "": it has left nothing. */
static int look(const struct ending *e, const struct cove__ctx *ctx, char ret_version[COVE__HEADER_MAX],
                struct cove_error *err)
{
    struct cove__object_request r;
    char id[COVE__HEADER_MAX] = "", status[COVE__HEADER_MAX] = "";

    cove__object_request_init(&r, e->cleanup.store, "HEAD", cove__object_split(e->path), ctx);
    cove__object_head_request(&r);
    int rc = cove__object_run(&r, err);
    ret_version[0] = '\0';
    if (rc == 0) {
        cove__object_response_header(&r, "x-ms-copy-id", id);
        cove__object_response_header(&r, "x-ms-copy-status", status);
        if (strcmp(id, e->id) == 0 && (strcmp(status, "aborted") == 0 || strcmp(status, "failed") == 0))
            cove__object_response_version(&r, ret_version);
    }
    cove__object_request_done(&r);
    return rc;
}

static int remove_left(const struct ending *e, const char *version, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_request r;

    cove__object_request_init(&r, e->cleanup.store, "DELETE", cove__object_split(e->path), ctx);
    cove__azure_delete_request(&r, false);
    cove__object_add_match(&r, &r.extra, version);
    int rc = cove__object_run(&r, err);
    if (rc == COVE_EPRECONDITION) /* another writer's blob */
        rc = 0;
    if (rc == COVE_ENOTEMPTY)
        cove__error_add(err, ", of older content, which stay, and the blob that the copy has emptied, too");
    cove__object_request_done(&r);
    return rc;
}

static int run(struct cove__cleanup *c, const struct cove__ctx *ctx, struct cove_error *err)
{
    const struct ending *e = (const struct ending *)(const void *)c;
    struct cove_error why = COVE_ERROR_INIT;
    char version[COVE__HEADER_MAX];
    int rc = stop(e, ctx, &why);

    if (rc == 0)
        rc = look(e, ctx, version, &why);
    if (rc == 0 && version[0] != '\0')
        rc = remove_left(e, version, ctx, &why);
    if (rc == COVE_ENOTFOUND)
        rc = 0;
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}

static void free_ending(struct cove__cleanup *c)
{
    struct ending *e = (struct ending *)(void *)c;

    cove__free(e->path);
    cove__free(e->url);
    cove__free(e);
}

void cove__azure_give_up_copy(struct cove__object_store *store, const char *path, const char *id,
                              const struct cove__ctx *ctx)
{
    struct ending *e = cove__calloc(1, sizeof *e);

    if (e) {
        e->path = cove__strdup(path);
        e->url = cove__strdup(ctx->url);
        snprintf(e->id, sizeof e->id, "%s", id);
        e->cleanup = (struct cove__cleanup){ .store = store,
                                             .run = run,
                                             .free = free_ending,
                                             .url = e->url,
                                             .failure = "the copy may continue, and the blob that it makes stay" };
    }
    if (e && e->path && e->url) {
        cove__cleanup(&e->cleanup, ctx);
        return;
    }
    cove__log(COVE_LOG_WARNING, "azure", "%s: no memory to stop the copy", ctx->url);
    if (e)
        free_ending(&e->cleanup);
}
