/* Inside of the file backend. */
#ifndef COVE_FS_FILE_H
#define COVE_FS_FILE_H

#include <sys/stat.h>

#include "fs/fs_impl.h"

#define COVE__FILE_TEMPORARY ".cove-tmp" /* the end of a temporary file's name; listings leave them out */

struct cove__file {
    int auto_mkdir;
    int fsync;
};

/* "op URL: strerror" and the nearest code. */
int cove__file_fail(struct cove_error *err, const struct cove__ctx *ctx, int errnum);
bool cove__file_is_temporary(const char *name);
/* New directories reach the disk (option fsync) before what is put in them is promised to. */
int cove__file_mkdirs(const struct cove__file *f, const char *path, const struct cove__ctx *ctx,
                      struct cove_error *err);
/* Two looks at the same file or directory. */
bool cove__file_same(const struct stat *a, const struct stat *b);
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
/* Until `fd` is ready for poll(2)'s `events`. */
int cove__file_wait(int fd, short events, const struct cove__ctx *ctx, struct cove_error *err);
/* Among processes that ask for it, this one alone has the file until it unlocks or closes it. Where files have no
 * locks, or another program holds one for long, the call succeeds all the same. */
int cove__file_lock(int fd, const struct cove__ctx *ctx, struct cove_error *err);
void cove__file_unlock(int fd);

/* file_place.c: a name in a folder. */
struct cove__place {
    char *path;     /* the links at its end followed */
    int folder;     /* a descriptor; -1: the folder cannot be opened */
    bool magic;     /* a link of /proc was followed: the path may lead where this place is not */
    bool there;     /* when it was looked at last */
    struct stat st; /* what is there, if anything; no link is followed */
};

/* Where `path` leads, links followed by hand, so that the file that a link names is replaced and not the link. Leaves
 * `p` to cove__file_leave also when it fails. COVE_EACCESS: another user has put it into a folder that everybody may
 * write to. */
int cove__file_find(struct cove__place *p, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
/* Looks again at what has the name. COVE_EACCESS as above. */
int cove__file_look(struct cove__place *p, const struct cove__ctx *ctx, struct cove_error *err);
/* COVE_EPRECONDITION: the path does not lead to the folder any more. */
int cove__file_check_folder(const struct cove__place *p, const struct cove__ctx *ctx, struct cove_error *err);
/* Makes the folder, where the option auto_mkdir lets it, and opens it. */
int cove__file_make_folder(const struct cove__file *f, struct cove__place *p, const struct cove__ctx *ctx,
                           struct cove_error *err);
void cove__file_leave(struct cove__place *p);
/* The folder of `path`: a descriptor for the calls that end in "at". -1: errno says why. */
int cove__file_open_folder(const char *path);
/* Makes new names in a folder durable. 0, or an errno. */
int cove__file_sync_folder(int folder);
int cove__file_sync_parent(const char *path);

/* file_mode.c. 0, or an errno. Takes all rights but the owner's to read and write, and says what they were. */
int cove__file_make_private(int fd, mode_t *ret_mode);
/* Owner, group, mode and ACL of `old`, as far as the kernel lets it: without set-id bits, and without what would give
 * to anybody more than before. `old_fd` -1: its ACL is not known. 0, or an errno. */
int cove__file_keep_rights(int fd, int old_fd, const struct stat *old);
/* The same of the file at `p`, which is looked at; where there is none, `mode`. */
int cove__file_open_up(int fd, struct cove__place *p, mode_t mode, const struct cove__ctx *ctx, struct cove_error *err);

/* file_move.c */
int cove__file_move(void *self, const char *from, const char *to, const struct cove__ctx *ctx, struct cove_error *err);

/* file_write.c: a new version of a file, beside the old one until it is published. */
int cove__file_begin(void *self, const char *path, const struct cove__put *put, const struct cove__ctx *ctx,
                     struct cove__upload **ret, struct cove_error *err);
void cove__file_part(void *self, struct cove__io *io);
int cove__file_finish(void *self, struct cove__upload *upload, const struct cove__ctx *ctx, char **ret_etag,
                      struct cove_error *err);
void cove__file_abort(void *self, struct cove__upload *upload);
void cove__file_put(void *self, struct cove__io *io);
int cove__file_copy(void *self, const char *from, const char *to, const struct cove__ctx *ctx, struct cove_error *err);
/* For a move: with the owner, group, mode and ACL of `from`, as which *ret_st says what was copied. COVE_EPRECONDITION:
 * it changed meanwhile. */
int cove__file_copy_as(struct cove__file *f, const char *from, const char *to, struct stat *ret_st,
                       const struct cove__ctx *ctx, struct cove_error *err);
/* Whether a file is still what it was, and nobody has written to it since. */
bool cove__file_unchanged(const struct stat *was, const struct stat *now);

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
int64_t cove__file_abandoned(void *self, const char *path, int64_t min_age_s, bool remove, cove_upload_fn each,
                             void *user, const struct cove__ctx *ctx, struct cove_error *err);

#endif
