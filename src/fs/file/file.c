/* Local files: paths, metadata, reading, the table of the backend. Writes and copies are in file_write.c, moves in
 * file_move.c, trees in file_tree.c. */
#include "fs/file/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "fs/schemes.h"

#define MAX_PATH_BYTES ((size_t)64 << 10)

static const struct cove__option_row options[] = {
    { "auto_mkdir", COVE__OPTION_BOOL, offsetof(struct cove__file, auto_mkdir), "true", NULL,
      "make the directories that a new file needs, as object stores do", 0, 0, NULL },
    { "fsync", COVE__OPTION_BOOL, offsetof(struct cove__file, fsync), "true", NULL,
      "wait until a finished file and its name are on the disk; false is faster and may lose it with the power", 0, 0,
      NULL },
    { 0 },
};

static int file_open(const struct cove_options *given, const char *authority, void **ret_self, struct cove_error *err)
{
    struct cove__file *self = cove__calloc(1, sizeof *self);
    int rc = self ? cove__options_fill(options, given, "file", self, err) : cove__fail_nomem(err, "a filesystem");

    if (rc == 0)
        *ret_self = self;
    else
        cove__free(self);
    return rc;
}

static void file_close(void *self)
{
    cove__free(self);
}

/* ~ and ~/x stand for the user's home, as in every shell. */
static int add_home(struct cove__buf *out, struct cove_error *err)
{
    const char *home = getenv("HOME");

    if (!home || *home != '/')
        return cove__fail(err, COVE_EINVAL, "~ cannot be resolved: HOME is not set");
    cove__buf_add_str(out, home);
    return 0;
}

static int add_cwd(struct cove__buf *out, struct cove_error *err)
{
    char cwd[4096];

    if (!getcwd(cwd, sizeof cwd))
        return cove__fail_errno(err, errno, "the working directory");
    cove__buf_add_str(out, cwd);
    return 0;
}

/* What follows "file://", without a "localhost" (RFC 8089, 2): a path from the root, or from "~", "." or "..". Any
 * other first name would be a host, so it is refused and not taken for a folder of the working directory. */
static int skip_host(const char **rest, struct cove_error *err)
{
    size_t n = strcspn(*rest, "/");

    if (n == 9 && strncasecmp(*rest, "localhost", n) == 0 && (*rest)[n] == '/')
        *rest += n;
    else if (n > 0 && (*rest)[0] != '~' && (*rest)[0] != '.')
        return cove__fail(err, COVE_EINVAL, /* it may be a password, which is not shown */
                          "a file:// URL cannot name another machine; a path from the root has three "
                          "slashes (file:///x), a path from the working directory has no file:// before it");
    return 0;
}

/* Absolute, without doubled slashes, "." parts and a slash at the end. ".." stays: links decide where it leads. */
static int file_parse(const char *url, char **ret_path, struct cove_error *err)
{
    struct cove__buf raw = COVE__BUF_INIT(MAX_PATH_BYTES * 2);
    struct cove__buf out = COVE__BUF_INIT(MAX_PATH_BYTES * 2);
    const char *rest = cove__scheme_skip(url, "file"), *p = rest ? rest : url;
    int rc = 0;

    if (rest && (rc = skip_host(&p, err)) < 0)
        return rc;
    if (p[0] == '~' && (p[1] == '/' || !p[1])) {
        rc = add_home(&raw, err);
        p++;
    } else if (p[0] != '/') {
        rc = add_cwd(&raw, err);
        cove__buf_add_char(&raw, '/');
    }
    cove__buf_add_str(&raw, p);
    for (const char *s = cove__buf_str(&raw); *s;) {
        size_t n = strcspn(s, "/");

        if (n > 0 && !(n == 1 && *s == '.')) {
            cove__buf_add_char(&out, '/');
            cove__buf_add(&out, s, n);
        }
        s += n + (s[n] == '/');
    }
    if (out.size == 0)
        cove__buf_add_char(&out, '/');
    if (rc == 0 && (cove__buf_rc(&raw) || cove__buf_rc(&out)))
        rc = cove__fail_nomem(err, "a path");
    if (rc == 0) {
        *ret_path = cove__buf_take(&out);
        rc = *ret_path ? 0 : cove__fail_nomem(err, "a path");
    }
    cove__buf_done(&raw);
    cove__buf_done(&out);
    return rc;
}

/* ---- metadata ---- */

static int look_at(const char *path, const struct cove__ctx *ctx, struct cove_info *ret, struct cove_error *err)
{
    struct stat link_st;
    struct stat st;
    char etag[80];
    bool directory;

    if (lstat(path, &link_st) < 0)
        return cove__file_fail(err, ctx, errno);
    if (stat(path, &st) < 0) {
        if (errno != ENOENT)
            return cove__file_fail(err, ctx, errno);
        st = link_st; /* a dangling link exists: it can be removed */
    }
    directory = S_ISDIR(st.st_mode);
    cove__file_etag(&st, etag);
    if (cove__info_set(ret, path, directory ? COVE_INFO_DIRECTORY : COVE_INFO_FILE, directory ? 0 : (int64_t)st.st_size,
                       cove__file_mtime(&st), directory ? NULL : etag) < 0)
        return cove__fail_nomem(err, "an info");
    ret->link = directory && S_ISLNK(link_st.st_mode);
    ret->pipe = S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode);
    return 0;
}

static void file_stat(void *self, struct cove__stat_io *io)
{
    struct cove_error err = COVE_ERROR_INIT;
    int rc = look_at(io->path, &io->op.ctx, io->ret_info, &err);

    cove__op_finish(&io->op, rc, 0, &err);
}

static int file_mkdir(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    return cove__file_mkdirs(self, path, ctx, err);
}

static int file_rmdir(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    if (rmdir(path) == 0)
        return 0;
    return cove__file_fail(err, ctx, errno == EEXIST ? ENOTEMPTY : errno);
}

/* To be called right before the removal: no system call removes a file conditionally. */
static bool has_changed(const char *path, const char *etag)
{
    struct stat st;
    char now[80];

    if (!etag || stat(path, &st) < 0)
        return false;
    cove__file_etag(&st, now);
    return strcmp(now, etag) != 0;
}

static int file_remove(void *self, const char *const *paths, const char *const *etags, size_t n,
                       const struct cove__ctx *ctx, struct cove_error *err)
{
    int rc = 0, broken = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = cove__ctx_check(ctx, err);
        if (rc == 0 && has_changed(paths[i], etags ? etags[i] : NULL)) {
            broken = cove__fs_fail(broken ? NULL : err, ctx, COVE_EPRECONDITION, "%s was changed meanwhile and is kept",
                                   paths[i]);
            continue;
        }
        if (rc == 0 && unlink(paths[i]) < 0 && errno != ENOENT && errno != ENOTDIR)
            rc = cove__file_fail(err, ctx, errno);
    }
    return rc < 0 ? rc : broken;
}

/* ---- reading ---- */

static int64_t read_fully(int fd, uint8_t *dst, size_t length, int64_t offset, const struct cove__ctx *ctx,
                          struct cove_error *err)
{
    size_t done = 0;

    while (done < length) {
        size_t step = length - done < ((size_t)8 << 20) ? length - done : (size_t)8 << 20;
        int64_t n = cove__file_read(fd, dst + done, step, offset + (int64_t)done, ctx, err);

        if (n < 0)
            return n;
        if (n == 0 || cove__ctx_check(ctx, NULL) < 0)
            break;
        done += (size_t)n;
    }
    return (int64_t)done;
}

static int read_open(struct cove__read_io *io, int fd, const struct stat *st, struct cove_error *err)
{
    const struct cove__ctx *ctx = &io->op.ctx;
    int64_t offset = io->offset;
    char etag[80];

    if (S_ISDIR(st->st_mode))
        return cove__fs_fail(err, ctx, COVE_EISDIR, "is a directory");
    if (S_ISFIFO(st->st_mode))
        return cove__fs_fail(err, ctx, COVE_ENOTSUP, "is a pipe, which cannot be read at an offset; copy it to a file");
    cove__file_etag(st, etag);
    if (io->if_match && strcmp(io->if_match, etag) != 0)
        return cove__fs_fail(err, ctx, COVE_EPRECONDITION, "the file was replaced while it was read");
    if (offset < 0)
        offset = st->st_size + offset > 0 ? st->st_size + offset : 0;
    io->ret_total = st->st_size;
    io->ret_etag = cove__strdup(etag);
    if (!io->ret_etag)
        return cove__fail_nomem(err, "a read");
    io->op.count = read_fully(fd, io->dst, io->length, offset, ctx, err);
    return io->op.count < 0 ? (int)io->op.count : cove__ctx_check(ctx, err);
}

static void file_read(void *self, struct cove__read_io *io)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct stat st;
    int fd = -1;
    int rc = cove__ctx_check(&io->op.ctx, &err);

    if (rc == 0) {
        fd = cove__file_open(AT_FDCWD, io->path, O_RDONLY, &io->op.ctx, &err);
        rc = fd < 0 ? fd : 0;
    }
    if (rc == 0)
        rc = fstat(fd, &st) < 0 ? cove__file_fail(&err, &io->op.ctx, errno) : read_open(io, fd, &st, &err);
    if (fd >= 0)
        close(fd);
    cove__op_finish(&io->op, rc, rc < 0 ? 0 : io->op.count, &err);
}

static void file_part_rules(void *self, const struct cove__put *put, struct cove__part_rules *ret)
{
    *ret = (struct cove__part_rules){
        .min_part = 1, .default_part = (size_t)8 << 20, .max_part = (size_t)8 << 20, .parallel = 1
    };
}

const struct cove__fs_ops cove__file_ops = {
    .name = "file",
    .options = options,
    .real_directories = true,
    .blocks = true,
    .open = file_open,
    .close = file_close,
    .parse = file_parse,
    .stat = file_stat,
    .list = cove__file_list,
    .copy = cove__file_copy,
    .move = cove__file_move,
    .remove = file_remove,
    .directories = {
        .make = file_mkdir,
        .remove = file_rmdir,
        .remove_tree = cove__file_remove_tree,
    },
    .read = { .range = file_read },
    .put = cove__file_put,
    .upload = {
        .part_rules = file_part_rules,
        .begin = cove__file_begin,
        .part = cove__file_part,
        .finish = cove__file_finish,
        .abort = cove__file_abort,
        .list = cove__file_list_uploads,
        .remove = cove__file_remove_upload,
    },
    .append = {
        .open = cove__file_append_open,
        .write = cove__file_append,
        .close = cove__file_append_close,
    },
};
