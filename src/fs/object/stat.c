/* What a path is: HEAD for an object, a listing of one key where there is none, or that alone where the caller does not
 * ask about an object. In a bucket with real directories these are asked for in place of the listing. Ends in the io's
 * inbox. */
#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/object/marker.h"
#include "fs/object/operations.h"
#include "fs/object/real.h"
#include "fs/object/virtual.h"

/* A stat under way. Its request is its first member, so that a request's end finds it. */
struct stat_task {
    struct cove__object_request r;
    struct cove__stat_io *io;
    uint64_t began;            /* the time before the first request, for virtual directories */
    struct cove_error refused; /* why HEAD found no object; code 0: it was not asked */
};

static void finish(struct stat_task *l, int rc, const struct cove_error *err)
{
    struct cove__stat_io *io = l->io;
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
    int rc = plain ? 0 : cove__fail_nomem(err, "a path");

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

/* HEAD's refusals have no body, so that of the listing may have the reason, such as a wrong key. That the listing
 * itself is not allowed means nothing for the object. A response that is not the store's shows that HEAD's was not
 * either. */
static bool gives_reason(const struct cove__object_request *r)
{
    if (r->http.op.rc == COVE_EPROTOCOL)
        return true;
    return (r->http.status == 400 || r->http.status == 403) && r->code[0] != '\0' && r->refusal != COVE__REFUSED_ACCESS;
}

/* ---- markers ---- */

/* Who may not ask for the object sees what is below alone. */
static void marker_done(struct cove__object_request *r)
{
    struct stat_task *l = r->user;
    struct cove_error err = r->http.op.err;
    int rc = r->http.op.rc;

    if (rc == 0 || rc == COVE_ENOTFOUND || rc == COVE_EACCESS) {
        cove__error_clear(&err);
        rc = directory(l, rc == 0 && cove__object_is_directory(r), &err);
    }
    finish(l, rc, &err);
}

static void ask_marker(struct stat_task *l, struct cove__object_store *store)
{
    struct cove__object_name name = cove__marker_name(cove__object_split(l->io->path));

    cove__object_request_init(&l->r, store, "HEAD", name, &l->io->op.ctx);
    l->r.user = l;
    l->r.done = marker_done;
    cove__object_head_request(&l->r);
    cove__object_start(&l->r);
}

/* Nothing is below the directory, and no request has been sent yet for an object of its name. */
static bool wants_marker(const struct stat_task *l)
{
    return cove__marker_may_be(l->r.store) && !l->r.probe.any && l->refused.code == 0 &&
           cove__marker_name(cove__object_split(l->io->path)).key.size > 0;
}

/* ---- what is below ---- */

static void probe_done(struct cove__object_request *r)
{
    struct stat_task *l = r->user;
    struct cove_error err = r->http.op.err;
    int rc = r->http.op.rc, refused = l->refused.code;

    /* Who may use no more than what is below the directory may not ask for an object of its name, and sees the entries.
     */
    if ((rc < 0 && refused < 0 && refused != COVE_ENOTFOUND && err.code != COVE_EAUTH && !gives_reason(r)) ||
        (rc == 0 && refused == COVE_EACCESS && !r->probe.any)) {
        err = l->refused;
        rc = refused;
    } else if (rc == 0 && is_object(l)) {
        struct cove__object_store *store = r->store;

        cove__object_request_done(r);
        ask_object(l, store, cove__object_locate(store, l->io->path));
        return;
    } else if (rc == 0 && wants_marker(l)) {
        struct cove__object_store *store = r->store;

        cove__object_request_done(r);
        ask_marker(l, store);
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

/* ---- real directories ---- */

static void real_done(struct cove__object_request *r)
{
    struct stat_task *l = r->user;
    struct cove_error err = r->http.op.err;
    int rc = cove__real_stat_done(r, r->http.op.rc);

    if (rc >= 0) {
        cove__error_clear(&err);
        rc = directory(l, rc > 0, &err);
    }
    finish(l, rc, &err);
}

static void stat_real(struct stat_task *l)
{
    cove__real_stat(&l->r, l->r.store, cove__object_split(l->io->path), &l->io->op.ctx);
    l->r.user = l;
    l->r.done = real_done;
    cove__object_start(&l->r);
}

static void detected(struct cove__object_request *r)
{
    struct stat_task *l = r->user;
    struct cove_error err = r->http.op.err;
    int rc = cove__real_detected(r, r->http.op.rc);

    if (rc < 0) {
        finish(l, rc, &err);
        return;
    }
    cove__object_request_done(r);
    if (rc > 0)
        stat_real(l);
    else
        probe(l);
}

static void detect(struct stat_task *l)
{
    cove__real_detect(&l->r, l->r.store, cove__object_split(l->io->path).bucket, &l->io->op.ctx);
    l->r.user = l;
    l->r.done = detected;
    cove__object_start(&l->r);
}

/* Where HEAD was refused, a listing shows whether something is below the name, or has the reason. */
static void ask_directory(struct stat_task *l)
{
    enum cove__can real = cove__real_known(l->r.store, cove__object_split(l->io->path));

    if (real == COVE__CAN_NO || l->refused.code == COVE_EACCESS)
        probe(l);
    else if (real == COVE__CAN_YES)
        stat_real(l);
    else
        detect(l);
}

/* ---- objects ---- */

/* A delete marker. It exists, and can be removed; there is nothing to read. */
static int delete_marker(struct stat_task *l, struct cove_error *err)
{
    struct cove_info *info = l->io->ret_info;
    struct cove__object_head head;

    cove__object_head_response(&l->r, &head);
    int rc = cove__info_set(info, l->io->path, COVE_INFO_FILE, 0, head.mtime_ns, NULL);
    if (rc == 0) {
        info->deleted = true;
        info->version_id = cove__strndup((const char *)l->r.name.version.data, l->r.name.version.size);
        rc = info->version_id ? 0 : COVE_ENOMEM;
    }
    return rc < 0 ? cove__fail_nomem(err, "a file's properties") : 0;
}

static bool is_delete_marker(const struct cove__object_request *r)
{
    return r->store->ops->is_delete_marker && r->store->ops->is_delete_marker(r);
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
        ask_directory(l);
        return;
    } else if (rc == 0 && cove__object_is_directory(r)) {
        rc = directory(l, true, &err);
    } else if (rc == 0) {
        cove__object_head_response(r, &head);
        rc = cove__info_set(l->io->ret_info, l->io->path, COVE_INFO_FILE, head.size, head.mtime_ns,
                            head.version[0] ? head.version : NULL);
        l->io->ret_info->created_ns = head.created_ns;
        l->io->ret_info->has_crc32c = head.has_crc32c;
        l->io->ret_info->crc32c = head.crc32c;
        if (rc == 0)
            rc = cove__object_read_properties(r, l->io->ret_info);
        if (rc < 0)
            cove__object_fail(r, &err, rc, "the file's properties cannot be kept in memory: %s", cove_code_phrase(rc));
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

void cove__object_stat(void *self, struct cove__stat_io *io)
{
    struct cove__object_store *store = self;
    struct cove__object_name name = cove__object_locate(store, io->path);
    struct stat_task *l = cove__calloc(1, sizeof *l);
    struct cove_error err = COVE_ERROR_INIT;

    if (!l) {
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
        ask_directory(l); /* of a bucket too, rather than HEAD: a listing's refusals have a reason */
    } else {
        ask_object(l, store, name);
    }
}
