/* What a path is: HEAD for an object, a listing of one key where there is none, or that alone where the caller does not
 * ask about an object. Ends in the io's inbox. */
#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/object/operations.h"
#include "fs/object/virtual.h"

/* A stat under way. Its request is its first member, so that a request's end finds it. */
struct stat_task {
    struct cove__object_request r;
    struct cove__io *io;
    uint64_t began;            /* the time before the first request, for virtual directories */
    struct cove_error refused; /* why HEAD found no object; code 0: it was not asked */
};

static void finish(struct stat_task *l, int rc, const struct cove_error *err)
{
    struct cove__io *io = l->io;
    struct cove_error copy = *err;

    cove__object_request_done(&l->r);
    cove__free(l);
    cove__op_finish(&io->op, rc, 0, &copy);
}

/* Nothing has this name as a prefix: only a virtual directory. */
static int nothing_below(struct stat_task *l, const char *plain, struct cove_error *err)
{
    if (cove__virtual_exists(l->r.store, plain, l->began))
        return 0;
    return cove__fs_fail(err, &l->io->op.ctx, COVE_ENOTFOUND, "no such object, and nothing below it");
}

static int directory(struct stat_task *l, bool below, struct cove_error *err)
{
    bool bucket = cove__object_split(l->io->path).key.size == 0;
    char *plain = cove__object_trim_slash(l->io->path);
    int rc = plain != NULL ? 0 : cove__fail_nomem(err, "a path");

    if (rc == 0 && !below && !bucket)
        rc = nothing_below(l, plain, err);
    if (rc == 0 && cove__info_set(l->io->ret_info, plain, COVE_INFO_DIRECTORY, 0, -1, NULL) < 0)
        rc = cove__fail_nomem(err, "a file's properties");
    cove__free(plain);
    return rc;
}

static void ask_object(struct stat_task *l, struct cove__object_store *store, struct cove__object_name name);

/* A non-empty object whose name ends in a slash is a file of exactly that name. It is the first entry of a listing with
 * its name as prefix. */
static bool is_object(const struct stat_task *l)
{
    return l->refused.code == 0 && l->io->only != COVE_INFO_DIRECTORY && l->r.probe.object;
}

/* HEAD's refusals have no body, so that of the listing may say more, as of a wrong key. That the listing itself is not
 * allowed says nothing about the object. */
static bool gives_reason(const struct cove__object_request *r)
{
    return (r->http.status == 400 || r->http.status == 403) && r->code[0] != '\0' && r->refusal != COVE__REFUSED_ACCESS;
}

static void probe_done(struct cove__object_request *r)
{
    struct stat_task *l = r->user;
    struct cove_error err = r->http.op.err;
    int rc = r->http.op.rc, refused = l->refused.code;

    if ((rc < 0 && refused < 0 && refused != COVE_ENOTFOUND && err.code != COVE_EAUTH && !gives_reason(r)) ||
        (rc == 0 && refused == COVE_EACCESS)) {
        err = l->refused;
        rc = refused;
    } else if (rc == 0 && is_object(l)) {
        struct cove__object_store *store = r->store;

        cove__object_request_done(r);
        ask_object(l, store, cove__object_locate(store, l->io->path));
        return;
    } else if (rc == 0) {
        rc = directory(l, r->probe.any, &err);
    }
    finish(l, rc, &err);
}

static void probe(struct stat_task *l)
{
    struct cove__object_store *store = l->r.store;
    struct cove__object_name name = cove__object_split(l->io->path);

    cove__object_request_init(&l->r, store, "GET", (struct cove__object_name){ .bucket = name.bucket }, &l->io->op.ctx);
    l->r.user = l;
    l->r.done = probe_done;
    cove__object_probe_request(&l->r, name.key);
    cove__object_start(&l->r);
}

/* A version that only says that the object is gone. It is there, and can be removed; there is nothing to read. */
static int delete_marker(struct stat_task *l, struct cove_error *err)
{
    struct cove_info *info = l->io->ret_info;
    struct cove__object_head head;

    cove__object_head_response(&l->r, &head);
    int rc = cove__info_set(info, l->io->path, COVE_INFO_FILE, 0, head.mtime_ns, NULL);
    if (rc == 0) {
        info->deleted = true;
        info->version_id = cove__strndup((const char *)l->r.name.version.data, l->r.name.version.size);
        rc = info->version_id != NULL ? 0 : COVE_ENOMEM;
    }
    return rc < 0 ? cove__fail_nomem(err, "a file's properties") : 0;
}

static bool is_delete_marker(const struct cove__object_request *r)
{
    return r->store->ops->is_delete_marker != NULL && r->store->ops->is_delete_marker(r);
}

static void head_done(struct cove__object_request *r)
{
    struct stat_task *l = r->user;
    struct cove_error err = r->http.op.err;
    struct cove__object_head head;
    int rc = r->http.op.rc;

    if (r->name.version.size > 0 && is_delete_marker(r)) {
        cove__error_clear(&err);
        rc = delete_marker(l, &err);
    } else if (r->name.version.size == 0 &&
               (rc == COVE_EACCESS || (rc == COVE_ENOTFOUND && l->io->only != COVE_INFO_FILE))) {
        l->refused = err;
        cove__object_request_done(r);
        probe(l);
        return;
    } else if (rc == 0) {
        cove__object_head_response(r, &head);
        rc = cove__info_set(l->io->ret_info, l->io->path, COVE_INFO_FILE, head.size, head.mtime_ns,
                            head.version[0] ? head.version : NULL);
        l->io->ret_info->has_crc32c = head.has_crc32c;
        l->io->ret_info->crc32c = head.crc32c;
        if (rc == 0)
            rc = cove__object_read_properties(r, l->io->ret_info);
        if (rc < 0)
            cove__object_fail(r, &err, rc, "the file's properties cannot be held: %s", cove_code_phrase(rc));
    }
    finish(l, rc, &err);
}

static void ask_object(struct stat_task *l, struct cove__object_store *store, struct cove__object_name name)
{
    cove__object_request_init(&l->r, store, "HEAD", name, &l->io->op.ctx);
    l->r.user = l;
    l->r.done = head_done;
    cove__object_head_request(&l->r);
    cove__object_start(&l->r);
}

void cove__object_stat(void *self, struct cove__io *io)
{
    struct cove__object_store *store = self;
    struct cove__object_name name = cove__object_locate(store, io->path);
    struct stat_task *l = cove__calloc(1, sizeof *l);
    struct cove_error err = COVE_ERROR_INIT;

    if (l == NULL) {
        int rc = cove__fail_nomem(&err, "a request");
        cove__op_finish(&io->op, rc, 0, &err);
        return;
    }
    l->io = io;
    l->r.store = store;
    l->began = cove__virtual_time(store);
    l->refused = (struct cove_error)COVE_ERROR_INIT;
    if (name.bucket.size == 0) {
        cove__object_request_init(&l->r, store, "GET", name, &io->op.ctx);
        finish(l, directory(l, false, &err), &err);
    } else if (io->only == COVE_INFO_DIRECTORY || name.key.size == 0 || name.key.data[name.key.size - 1] == '/') {
        probe(l); /* of a bucket too, rather than HEAD: a listing's refusals say why */
    } else {
        ask_object(l, store, name);
    }
}
