/* What is at a path, and what is in a directory. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/hdfs/hdfs.h"
#include "fs/hdfs/hdfs_error.h"
#include "fs/pairs.h"
#include "fs/temporary.h"
#include "wire/protobuf.h"

#define REQUEST_MAX ((size_t)256 << 10)

void cove__hdfs_etag(const struct cove__hdfs_status *status, char ret[COVE__HDFS_ETAG_SIZE])
{
    snprintf(ret, COVE__HDFS_ETAG_SIZE, "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 "\"", status->file_id,
             (uint64_t)status->mtime_ms, status->length);
}

int cove__hdfs_look(struct cove__hdfs *fs, const char *path, const struct cove__ctx *ctx,
                    struct cove__hdfs_reply *reply, struct cove__hdfs_status *ret, struct cove_error *err)
{
    struct cove__buf request = COVE__BUF_INIT(REQUEST_MAX);
    struct cove__slice message;
    int rc;

    cove__pb_string(&request, 1, path);
    rc = cove__hdfs_call(fs, "getFileInfo", &request, NULL, ctx, reply, err);
    cove__buf_done(&request);
    if (rc < 0)
        return rc;
    if (!cove__hdfs_field(reply->response.message, 1, &message))
        rc = COVE_ENOTFOUND;
    else if (cove__hdfs_read_status(message, ret) < 0)
        rc = cove__hdfs_unreadable(ctx, "getFileInfo", COVE_EPROTOCOL, err);
    if (rc < 0)
        cove__hdfs_reply_done(reply);
    return rc;
}

static int set_info(struct cove_info *info, const char *path, const struct cove__hdfs_status *status)
{
    bool directory = status->type == COVE__HDFS_DIRECTORY;
    char etag[COVE__HDFS_ETAG_SIZE];

    cove__hdfs_etag(status, etag);
    return cove__info_set(info, path, directory ? COVE_INFO_DIRECTORY : COVE_INFO_FILE,
                          directory ? 0 : (int64_t)status->length, cove__ms_ns(status->mtime_ms),
                          directory ? NULL : etag);
}

static void add_number(struct cove__pairs *pairs, const char *name, bool octal, uint64_t value)
{
    char text[32];

    snprintf(text, sizeof text, octal ? "%03" PRIo64 : "%" PRIu64, value);
    cove__pairs_add(pairs, cove__slice_str(name), cove__slice_str(text));
}

/* What cove_info_header shows. */
static int set_shown(struct cove_info *info, const struct cove__hdfs_status *status)
{
    struct cove__pairs pairs = COVE__PAIRS_INIT;

    cove__pairs_add(&pairs, cove__slice_str("owner"), status->owner);
    cove__pairs_add(&pairs, cove__slice_str("group"), status->group);
    add_number(&pairs, "permission", true, status->permission);
    add_number(&pairs, "replication", false, status->replication);
    add_number(&pairs, "block-size", false, status->block_size);
    add_number(&pairs, "access-time", false, status->atime_ms > 0 ? (uint64_t)status->atime_ms : 0);
    int rc = cove__pairs_take(&pairs, &info->headers, &info->n_headers);
    cove__pairs_done(&pairs);
    return rc;
}

static int stat_path(struct cove__hdfs *fs, const struct cove__stat_io *io, struct cove_error *err)
{
    struct cove__hdfs_reply reply;
    struct cove__hdfs_status status;
    int rc = cove__hdfs_look(fs, io->path, &io->op.ctx, &reply, &status, err);

    if (rc == COVE_ENOTFOUND)
        return cove__fs_fail(err, &io->op.ctx, rc, "no such file or directory");
    if (rc < 0)
        return rc;
    if (set_info(io->ret_info, io->path, &status) < 0 || set_shown(io->ret_info, &status) < 0)
        rc = cove__fail_nomem(err, "an info");
    cove__hdfs_reply_done(&reply);
    return rc;
}

void cove__hdfs_stat(void *self, struct cove__stat_io *io)
{
    struct cove_error err = COVE_ERROR_INIT;

    cove__op_finish(&io->op, stat_path(self, io, &err), 0, &err);
}

/* ---- listings ---- */

static int add_entry(struct cove__page *page, const char *directory, struct cove__slice message,
                     const struct cove__ctx *ctx, char **ret_name, struct cove_error *err)
{
    struct cove__hdfs_status status;
    struct cove_info info = { 0 };
    int rc = 0;

    if (cove__hdfs_read_status(message, &status) < 0)
        return cove__hdfs_unreadable(ctx, "getListing", COVE_EPROTOCOL, err);
    if (status.path.size == 0) /* the path itself: it is a file */
        return cove__fs_fail(err, ctx, COVE_ENOTDIR, "is a file");
    if (memchr(status.path.data, '/', status.path.size) || memchr(status.path.data, 0, status.path.size))
        return cove__hdfs_unreadable(ctx, "getListing", COVE_EPROTOCOL, err);
    char *name = cove__strndup((const char *)status.path.data, status.path.size);
    char *path = name ? cove__path_join(directory, name) : NULL;
    bool shown = name && !cove__is_temporary(name);

    if (!path || (shown && (set_info(&info, path, &status) < 0 || cove__page_take(page, &info) < 0)))
        rc = cove__fail_nomem(err, "a listing");
    cove__info_done(&info);
    cove__free(path);
    cove__free(*ret_name);
    *ret_name = name;
    return rc;
}

static int read_listing(struct cove__page *page, const char *directory, struct cove__slice listing,
                        const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__pb_field field;
    uint64_t remaining = 0;
    char *last = NULL;
    int rc = 0, more = 0;

    while (rc == 0 && (more = cove__pb_next(&listing, &field)) == 1) {
        if (cove__pb_is(&field, 1, COVE__PB_BYTES))
            rc = add_entry(page, directory, field.bytes, ctx, &last, err);
        else if (cove__pb_is(&field, 2, COVE__PB_VARINT))
            remaining = field.value;
    }
    if (rc == 0 && (more < 0 || (remaining > 0 && !last)))
        rc = cove__hdfs_unreadable(ctx, "getListing", COVE_EPROTOCOL, err);
    if (rc == 0 && remaining > 0) {
        page->token = last;
        last = NULL;
    }
    cove__free(last);
    return rc;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct cove_info *)a)->path, ((const struct cove_info *)b)->path);
}

int cove__hdfs_list(void *self, const char *path, bool deep, const char *token, const struct cove__ctx *ctx,
                    struct cove__page *ret_page, struct cove_error *err)
{
    struct cove__buf request = COVE__BUF_INIT(REQUEST_MAX);
    struct cove__hdfs_reply reply;
    struct cove__slice listing;
    int rc;

    (void)deep; /* of stores without real directories only */
    cove__pb_string(&request, 1, path);
    cove__pb_string(&request, 2, token ? token : "");
    cove__pb_uint(&request, 3, 0);
    rc = cove__hdfs_call(self, "getListing", &request, NULL, ctx, &reply, err);
    cove__buf_done(&request);
    if (rc < 0)
        return rc;
    if (!cove__hdfs_field(reply.response.message, 1, &listing))
        rc = cove__fs_fail(err, ctx, COVE_ENOTFOUND, "no such directory");
    else
        rc = read_listing(ret_page, path, listing, ctx, err);
    cove__hdfs_reply_done(&reply);
    if (rc == 0 && ret_page->n > 1)
        qsort(ret_page->items, ret_page->n, sizeof *ret_page->items, by_path);
    if (rc < 0)
        cove__page_done(ret_page);
    return rc;
}
