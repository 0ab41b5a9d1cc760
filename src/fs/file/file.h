/* Inside of the file backend. */
#ifndef COVE_FS_FILE_H
#define COVE_FS_FILE_H

#include <sys/stat.h>

#include "base/error.h"
#include "fs/fs_impl.h"

struct cove__file {
    int auto_mkdir;
    int fsync;
};

/* "op URL: strerror" and the nearest code. */
static inline int cove__file_fail(struct cove_error *err, const struct cove__ctx *ctx, int errnum)
{
    return cove__fail_errno(err, errnum, "%s %s", ctx->op, ctx->url);
}

/* file_directory.c */
/* The same for a `path` that cannot be made: if its directory is missing, the message has that, and how to make it. */
int cove__file_fail_below(struct cove_error *err, const struct cove__ctx *ctx, int errnum, const char *path);
/* New directories reach the disk (option fsync) before a write into them is reported as done. */
int cove__file_mkdirs(const struct cove__file *f, const char *path, const struct cove__ctx *ctx,
                      struct cove_error *err);
/* Opens the folder of `path` (O_PATH). -1: errno is set. */
int cove__file_open_folder(const char *path);
/* Make new names in a folder durable. 0, or an errno. */
int cove__file_sync_folder(int folder);
int cove__file_sync_parent(const char *path);

/* file_version.c. Both are the same file or directory (device and inode). */
bool cove__file_same(const struct stat *a, const struct stat *b);
/* The same file, and nothing was written to it in between. */
bool cove__file_unchanged(const struct stat *was, const struct stat *now);
/* The version of a file: changes whenever its content may have. */
void cove__file_etag(const struct stat *st, char out[80]);
int64_t cove__file_mtime(const struct stat *st);

/* file_open.c: the waits of open, read and write end with the deadline and by the cancel token. A descriptor (not
 * inherited), the bytes done, or an error. `offset` -1: where the descriptor stands. */
int cove__file_open(int folder, const char *path, int flags, const struct cove__ctx *ctx, struct cove_error *err);
int64_t cove__file_read(int fd, void *buffer, size_t size, int64_t offset, const struct cove__ctx *ctx,
                        struct cove_error *err);
int64_t cove__file_write(int fd, const void *data, size_t size, int64_t offset, const struct cove__ctx *ctx,
                         struct cove_error *err);
/* Waits until `fd` is ready for poll(2)'s `events`. */
int cove__file_wait(int fd, short events, const struct cove__ctx *ctx, struct cove_error *err);
/* flock(2), exclusive. Succeeds without the lock if the file system has none, or another process holds it for too
 * long. */
int cove__file_lock(int fd, const struct cove__ctx *ctx, struct cove_error *err);
void cove__file_unlock(int fd);

/* file_place.c: a name in a folder. */
struct cove__place {
    char *path;     /* links at its end resolved */
    int folder;     /* a descriptor (O_PATH); -1: the folder cannot be opened */
    bool magic;     /* a link in /proc was resolved: opening the path may give another file */
    bool there;     /* whether the name existed at the last look */
    struct stat st; /* what it was then, links not followed */
};

/* Resolves symbolic links, so that a write replaces the target of a link and not the link. The caller calls
 * cove__file_leave, also after an error. COVE_EACCESS: the file or link belongs to another user, in a sticky folder
 * that everybody may write to. */
int cove__file_find(struct cove__place *p, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
/* Updates `there` and `st`. COVE_EACCESS as above. */
int cove__file_look(struct cove__place *p, const struct cove__ctx *ctx, struct cove_error *err);
/* COVE_EPRECONDITION: the path no longer leads to the open folder. */
int cove__file_check_folder(const struct cove__place *p, const struct cove__ctx *ctx, struct cove_error *err);
/* Makes the folder, with the option auto_mkdir, and opens it. */
int cove__file_make_folder(const struct cove__file *f, struct cove__place *p, const struct cove__ctx *ctx,
                           struct cove_error *err);
void cove__file_leave(struct cove__place *p);
/* file_mode.c: sets mode 0600 and gives the permissions it had. 0, or an errno. */
int cove__file_make_private(int fd, mode_t *ret_mode);
/* Gives `fd` the owner, group, mode and POSIX ACL of `old`, as far as the kernel allows, without set-id bits and
 * without permissions that would extend access. `old_fd` -1: its ACL is unknown. 0, or an errno. */
int cove__file_keep_rights(int fd, int old_fd, const struct stat *old);
/* The same from the file at `p`, after a new look; if there is none, sets `mode`. */
int cove__file_open_up(int fd, struct cove__place *p, mode_t mode, const struct cove__ctx *ctx, struct cove_error *err);

/* file_move.c */
int cove__file_move(void *self, const char *from, const char *to, const struct cove__ctx *ctx, struct cove_error *err);

/* file_write.c: a new version of a file, beside the old one until it is published. */
int cove__file_begin(void *self, const char *path, const struct cove__put *put, const struct cove__ctx *ctx,
                     struct cove__upload **ret, struct cove_error *err);
void cove__file_part(void *self, struct cove__part_io *io);
int cove__file_finish(void *self, struct cove__upload *upload, const struct cove__ctx *ctx, char **ret_etag,
                      char **ret_version_id, struct cove_error *err);
void cove__file_abort(void *self, struct cove__upload *upload, const struct cove__ctx *ctx);
void cove__file_put(void *self, struct cove__put_io *io);
int cove__file_copy(void *self, const char *from, const char *etag, const char *to, const struct cove__ctx *ctx,
                    struct cove_error *err);
/* `ret_st` not NULL: for a move. The copy gets the owner, group, mode and ACL of `from`, and *ret_st is the version
 * that was copied. `etag`: of the version to be copied; NULL: any. COVE_EPRECONDITION: it is another one, or was
 * changed meanwhile. */
int cove__file_copy_as(struct cove__file *f, const char *from, const char *etag, const char *to, struct stat *ret_st,
                       const struct cove__ctx *ctx, struct cove_error *err);
/* file_append.c */
int cove__file_append_open(void *self, const char *path, bool truncate, const char *etag, const struct cove__ctx *ctx,
                           void **ret_tail, struct cove_error *err);
int cove__file_append(void *self, void *tail, struct cove__slice data, const struct cove__ctx *ctx, size_t *ret_added,
                      struct cove_error *err);
void cove__file_append_close(void *self, void *tail);

/* file_tree.c: directories. */
int cove__file_list(void *self, const char *path, bool deep, const char *token, const struct cove__ctx *ctx,
                    struct cove__page *ret_page, struct cove_error *err);
int cove__file_remove_tree(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
int cove__file_list_uploads(void *self, const char *path, const struct cove__upload_page *last,
                            const struct cove__ctx *ctx, struct cove__upload_page *ret, struct cove_error *err);
int cove__file_remove_upload(void *self, const char *path, const char *id, const struct cove__ctx *ctx,
                             struct cove_error *err);

#endif
