/* How a reader begins: by its first bytes, by a stat, or by bytes that have come already. See reader.h. */
#include "stream/reader.h"

#include <string.h>

#include "base/budget.h"
#include "base/copy_options.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/mem.h"

static int open_by_stat(struct cove_reader *r, struct cove_error *err)
{
    int rc = cove__fs_stat(r->fs, r->target.path, &r->target.ctx, &r->probe_info, err);

    if (rc == 0 && r->probe_info.type == COVE_INFO_DIRECTORY)
        rc = cove__fs_fail(err, &r->target.ctx, COVE_EISDIR, "is a directory");
    else if (rc == 0 && r->probe_info.pipe)
        rc = cove__fs_fail(err, &r->target.ctx, COVE_ENOTSUP,
                           "is a pipe, which cannot be read at an offset; copy it to a file");
    if (rc < 0)
        return rc;
    r->size = r->probe_info.size;
    r->etag = r->probe_info.etag;
    r->probe_info.etag = NULL;
    cove__free(r->version_id);
    r->version_id = r->probe_info.version_id;
    r->probe_info.version_id = NULL;
    r->probe_sent = true;
    r->checksum_end = r->probe_info.has_crc32c ? 0 : -1;
    return 0;
}

/* The response to a read of the first bytes has size and version. If it has not, *ret_told is false. */
static int open_by_read(struct cove_reader *r, bool *ret_told, struct cove_error *err)
{
    struct cove__slot *first = &r->slots[0];
    int rc;

    r->size = INT64_MAX; /* not known yet */
    rc = cove__reader_ask(r, 0, r->first_read, true, err);
    if (rc <= 0)
        return rc < 0 ? rc : cove__fail_nomem(err, "a reader");
    rc = cove__reader_reap_one(r, &first->background, err);
    if (rc == 0 && first->io.op.rc < 0)
        rc = cove__error_copy(err, &first->io.op.err);
    *ret_told = rc == 0 && first->io.ret_total >= 0 && (first->io.op.count > 0 || first->io.ret_total == 0);
    if (*ret_told) {
        r->size = first->io.ret_total;
        r->etag = first->io.ret_etag;
        first->io.ret_etag = NULL;
        if (first->io.op.count == r->size)
            r->checksum_end = -1; /* the one response has been compared with the store's checksum */
    }
    if (!*ret_told || first->io.op.count == 0)
        cove__slot_drop(first);
    return rc;
}

static int find_out(struct cove_reader *r, struct cove_error *err)
{
    const char *path = r->target.path;
    size_t n = strlen(path);
    bool told = false;
    int rc = 0;

    r->fs->ops->upload.part_rules(r->fs->self, NULL, &r->rules);
    if (r->rules.parallel > 1 && n > 0 && path[n - 1] != '/') /* such a name may be a directory marker */
        rc = open_by_read(r, &told, err);
    return rc == 0 && !told ? open_by_stat(r, err) : rc;
}

/* The first bytes have come already. */
static int open_by_head(struct cove_reader *r, struct cove__first_bytes *head, struct cove_error *err)
{
    struct cove__slot *first = &r->slots[0];

    r->fs->ops->upload.part_rules(r->fs->self, NULL, &r->rules);
    r->size = head->total;
    r->etag = head->etag;
    head->etag = NULL;
    if (r->fs->ops->real_directories || head->n == (size_t)r->size)
        r->checksum_end =
            -1; /* local files have no checksum; a single response has been compared with the store's already */
    if (head->n == 0)
        return 0;
    first->buffer = cove__budget_get(head->n, true);
    if (!first->buffer)
        return cove__fail_nomem(err, "a reader");
    memcpy(first->buffer, head->data, head->n);
    first->used = true;
    first->io.length = head->n;
    first->io.op.count = (int64_t)head->n;
    return 0;
}

/* `head` NULL: its first request brings `first_read` bytes. */
static int open_reader(cove_fs *fs, const char *path, const struct cove_call *call, size_t first_read,
                       struct cove__first_bytes *head, cove_reader **ret_reader, struct cove_error *err)
{
    cove_reader *r = cove__calloc(1, sizeof *r);
    int rc;

    if (!r)
        return cove__fail_nomem(err, "a reader");
    r->fs = cove_fs_ref(fs);
    r->first_read = first_read;
    r->generation = cove__fork_generation();
    r->call = cove__call_of(call);
    r->user = cove_cancel_ref(r->call.cancel);
    r->stop = cove__cancel_child(r->user);
    cove__inbox_init(&r->inbox);
    rc = r->stop ? cove__target_init(&r->target, fs, path, call, "read", err) : cove__fail_nomem(err, "a reader");
    if (rc == 0) {
        cove__reader_begin_call(r);
        rc = cove__fs_explain(fs, &r->target, head ? open_by_head(r, head, err) : find_out(r, err), err);
    }
    if (rc < 0) {
        cove_reader_close(r);
        return rc;
    }
    *ret_reader = r;
    return 0;
}

int cove_reader_open(cove_fs *fs, const char *path, const struct cove_call *call, cove_reader **ret_reader,
                     struct cove_error *err)
{
    return open_reader(fs, path, call, COVE__FIRST_READ, NULL, ret_reader, err);
}

int cove__reader_from_first_bytes(cove_fs *fs, const char *path, const struct cove_call *call,
                                  struct cove__first_bytes *head, cove_reader **ret_reader, struct cove_error *err)
{
    return open_reader(fs, path, call, COVE__FIRST_READ, head, ret_reader, err);
}

/* A file of at most one part comes in the first request, so another replacement can't fail it. */
int cove_reader_reopen(cove_reader **reader, struct cove_error *err)
{
    cove_reader *old = *reader, *r = NULL;
    size_t part = old->rules.default_part, first_read = COVE__FIRST_READ;
    unsigned times = old->reopened;
    int rc;

    /* Otherwise the error is of something else, such as a copy's target, and reading again doesn't help. */
    if (!old->replaced || !cove__fs_read_again(&old->target.ctx, COVE_EPRECONDITION, &times, err))
        return COVE_EPRECONDITION;
    if (old->size > (int64_t)COVE__FIRST_READ && part > COVE__FIRST_READ)
        first_read = old->size < (int64_t)part ? (size_t)old->size : part;
    rc = open_reader(old->fs, old->target.path, &old->call, first_read, NULL, &r, err);
    if (rc < 0)
        return rc;
    r->reopened = times;
    cove_reader_close(old);
    *reader = r;
    return 0;
}
