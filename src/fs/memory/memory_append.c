/* Appends to a file in memory: in place, or on a copy of the contents while they are being read. */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/memory/memory.h"

struct tail {
    char *path;
    bool truncate;
    bool bound;    /* append only to one file: */
    uint64_t made; /* its `made`; 0: the file must not exist yet */
};

int cove__memory_append_open(void *self, const char *path, bool truncate, const char *etag, const struct cove__ctx *ctx,
                             void **ret_tail, struct cove_error *err)
{
    struct tail *tail;
    struct entry *e;
    uint64_t made = 0;
    char now[32] = "";
    bool directory;

    cove__lock();
    e = cove__memory_find_locked(path);
    directory = !path[0] || (e && !e->blob);
    if (e && !directory) {
        made = e->made;
        cove__memory_make_etag(e, now);
    }
    cove__unlock();
    if (directory)
        return cove__memory_explain(ctx, COVE_EISDIR, err);
    if (etag && strcmp(etag, now) != 0)
        return cove__memory_explain(ctx, COVE_EPRECONDITION, err);
    tail = cove__calloc(1, sizeof *tail);
    if (tail)
        tail->path = cove__strdup(path);
    if (!tail || !tail->path) {
        cove__free(tail);
        return cove__fail_nomem(err, "an appender");
    }
    tail->truncate = truncate;
    tail->bound = etag;
    tail->made = made;
    *ret_tail = tail;
    return 0;
}

/* In place where nothing else holds the contents, else on a copy of them. */
static int append_locked(struct tail *tail, struct cove__slice data)
{
    struct entry *e = cove__memory_find_locked(tail->path);
    struct blob *old = e && !tail->truncate ? e->blob : NULL;
    struct blob *blob;
    uint64_t made = e ? e->made : 0;
    int rc = 0;

    if (e && !e->blob)
        return COVE_EISDIR;
    if (tail->bound && made != tail->made)
        return COVE_EPRECONDITION;
    if (old && old->refs == 1) {
        rc = cove__memory_blob_write(old, (int64_t)old->size, data);
        if (rc == 0) {
            e->version = cove__memory_next_version_locked();
            e->mtime_ns = cove__wall_ns();
        }
        return rc;
    }
    blob = cove__memory_new_blob();
    if (!blob)
        return COVE_ENOMEM;
    if (old)
        rc = cove__memory_blob_write(blob, 0, cove__slice(old->data, old->size));
    if (rc == 0)
        rc = cove__memory_blob_write(blob, (int64_t)blob->size, data);
    if (rc == 0)
        rc = cove__memory_publish_locked(tail->path, blob, COVE_WRITE_ALWAYS, NULL, NULL);
    if (rc < 0) {
        cove__memory_unref_blob_locked(blob);
        return rc;
    }
    e = cove__memory_find_locked(tail->path);
    if (old)
        e->made = made;
    tail->made = e->made;
    return 0;
}

int cove__memory_append(void *self, void *tail_, struct cove__slice data, const struct cove__ctx *ctx,
                        size_t *ret_added, struct cove_error *err)
{
    struct tail *tail = tail_;
    int rc;

    cove__lock();
    rc = append_locked(tail, data);
    cove__unlock();
    if (rc == 0)
        tail->truncate = false;
    *ret_added = rc == 0 ? data.size : 0;
    return cove__memory_explain(ctx, rc, err);
}

void cove__memory_append_close(void *self, void *tail_)
{
    struct tail *tail = tail_;

    if (!tail)
        return;
    cove__free(tail->path);
    cove__free(tail);
}
