/* See folder.h. */
#include "trainer/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/schemes.h"

#define MAX_PATH_BYTES ((size_t)128 << 10)

static bool is_local(const cove_fs *fs)
{
    return strcmp(cove_fs_scheme(fs), "file") == 0;
}

/* Appends one part to `path` and follows links. A part that does not exist is appended unchanged. */
static void add_part(struct cove__buf *path, const char *part, size_t n)
{
    char real[PATH_MAX];
    if (n == 0 || (n == 1 && part[0] == '.'))
        return;
    if (n == 2 && part[0] == '.' && part[1] == '.') {
        const char *text = cove__buf_str(path), *slash = strrchr(text, '/');
        path->size = slash ? (size_t)(slash - text) : 0;
        if (path->data)
            path->data[path->size] = '\0';
        return;
    }
    cove__buf_add_char(path, '/');
    cove__buf_add(path, part, n);
    if (cove__buf_rc(path) == 0 && realpath(cove__buf_str(path), real)) {
        cove__buf_reset(path);
        cove__buf_add_str(path, strcmp(real, "/") == 0 ? "" : real);
    }
}

/* The absolute `path` as by os.path.realpath. */
static char *real_path(const char *path)
{
    struct cove__buf out = COVE__BUF_INIT(MAX_PATH_BYTES);
    char *taken;
    for (const char *s = path; *s;) {
        size_t n = strcspn(s, "/");
        add_part(&out, s, n);
        s += n + (s[n] == '/');
    }
    if (out.size == 0)
        cove__buf_add_char(&out, '/');
    taken = cove__buf_take(&out);
    cove__buf_done(&out);
    return taken;
}

/* The same, but the last part is not followed. */
static char *real_place(const char *path)
{
    char *parent = cove__path_parent(path), *real = parent ? real_path(parent) : NULL;
    char *joined = real ? cove__path_join(real, cove__path_name(path)) : NULL;
    cove__free(parent);
    cove__free(real);
    return joined;
}

static int resolve(const cove_trainer *trainer, const char *url, bool folder, char **ret_url, struct cove_error *err)
{
    cove_fs *fs = NULL;
    char *path = NULL, *whole = NULL;
    size_t n;
    int rc = cove_trainer_open_fs(trainer, url, &fs, &path, err);
    if (rc < 0)
        return rc;
    n = strlen(path);
    if (folder && n > 1 && path[n - 1] == '/')
        path[n - 1] = '\0';
    whole = !is_local(fs) ? cove__fs_show(fs, path) : folder ? real_path(path) : real_place(path);
    cove_free(path);
    cove_fs_unref(fs);
    if (!whole)
        return cove__fail_nomem(err, "a URL");
    *ret_url = whole;
    return 0;
}

int cove__folder_resolve(const cove_trainer *trainer, const char *url, char **ret_url, struct cove_error *err)
{
    return resolve(trainer, url, true, ret_url, err);
}

int cove__file_resolve(const cove_trainer *trainer, const char *url, char **ret_url, struct cove_error *err)
{
    return resolve(trainer, url, false, ret_url, err);
}

bool cove__folder_same(const cove_trainer *trainer, const char *a, const char *b)
{
    cove_fs *fs_a = NULL, *fs_b = NULL;
    char *path_a = NULL, *path_b = NULL;
    bool result = cove_trainer_open_fs(trainer, a, &fs_a, &path_a, NULL) == 0 &&
                  cove_trainer_open_fs(trainer, b, &fs_b, &path_b, NULL) == 0 && cove_fs_same_store(fs_a, fs_b) &&
                  strcmp(path_a, path_b) == 0;
    cove_free(path_a);
    cove_free(path_b);
    cove_fs_unref(fs_a);
    cove_fs_unref(fs_b);
    return result;
}

static bool climbs(const char *path)
{
    for (const char *s = path; *s;) {
        size_t n = strcspn(s, "/");
        if (n == 2 && s[0] == '.' && s[1] == '.')
            return true;
        s += n + (s[n] == '/');
    }
    return false;
}

const char *cove__folder_below(const char *folder, const char *url)
{
    size_t n = strlen(folder);
    if (n > 0 && folder[n - 1] == '/')
        n--;
    if (strncmp(url, folder, n) != 0 || url[n] != '/' || !url[n + 1] || climbs(url + n))
        return NULL;
    return url + n + 1;
}

/* The path in its store, with links followed; the last part only if `whole`. */
static char *path_of(const cove_trainer *trainer, const char *url, bool whole)
{
    cove_fs *fs = NULL;
    char *path = NULL, *real;
    if (cove_trainer_open_fs(trainer, url, &fs, &path, NULL) < 0)
        return NULL;
    real = !is_local(fs) ? cove__strdup(path) : whole ? real_path(path) : real_place(path);
    cove_free(path);
    cove_fs_unref(fs);
    return real;
}

bool cove__file_may_be(const cove_trainer *trainer, const char *a, const char *b)
{
    bool result = false;
    for (int whole = 0; !result && whole < 2; whole++) {
        char *path_a = path_of(trainer, a, whole), *path_b = path_of(trainer, b, whole);
        result = !path_a || !path_b || strcmp(path_a, path_b) == 0;
        cove__free(path_a);
        cove__free(path_b);
    }
    return result;
}

/* ---- a look before the run ---- */

/* Whether files can be made in the local folder `path`, or the folder itself in the nearest one above it that exists.
 */
static int check_local(const char *path, struct cove_error *err)
{
    char *at = cove__strdup(path);
    int rc = 0;
    while (at && faccessat(AT_FDCWD, at, W_OK | X_OK, AT_EACCESS) < 0) {
        char *above = errno == ENOENT && strcmp(at, "/") != 0 ? cove__path_parent(at) : NULL;
        if (!above) {
            rc = cove__fail(err, errno == ENOTDIR ? COVE_ENOTDIR : COVE_EACCESS, "%s: %s", at, strerror(errno));
            break;
        }
        cove__free(at);
        at = above;
    }
    if (!at)
        rc = cove__fail_nomem(err, "a path");
    cove__free(at);
    return rc;
}

/* 1: there is something in it, 0: nothing. COVE_ENOTFOUND: there is no folder either. */
static int has_entries(cove_fs *fs, const char *path, struct cove_error *err)
{
    cove_listing *listing = NULL;
    const cove_info *info;
    int rc = cove_fs_list(fs, path, NULL, &listing, err);
    if (rc == 0)
        rc = cove_listing_next(listing, &info, err);
    if (rc > 0 && strcmp(cove_info_path(info), path) == 0 && cove_info_type(info) == COVE_INFO_FILE)
        rc = cove__fail(err, COVE_ENOTDIR, "%s is a file", path);
    cove_listing_free(listing);
    return rc;
}

/* In a store without directories a folder that does not exist counts as empty if its bucket exists. */
static int check_bucket(cove_fs *fs, const char *path, struct cove_error *err)
{
    size_t n = strcspn(path, "/");
    char *bucket = cove__strndup(path, n);
    int rc = !bucket ? cove__fail_nomem(err, "a path") : path[n] ? has_entries(fs, bucket, err) : COVE_ENOTFOUND;
    cove__free(bucket);
    return rc < 0 ? rc : 0;
}

int cove__folder_look(const cove_trainer *trainer, const char *url, bool *ret_empty, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    cove_fs *fs = NULL;
    char *path = NULL;
    int rc = cove_trainer_open_fs(trainer, url, &fs, &path, err);
    if (rc < 0)
        return rc;
    rc = has_entries(fs, path, &why);
    *ret_empty = rc <= 0;
    if (rc == COVE_ENOTFOUND)
        rc = fs->ops->real_directories ? 0 : check_bucket(fs, path, &why);
    if (rc >= 0 && is_local(fs))
        rc = check_local(path, &why);
    if (rc < 0)
        cove__error_copy(err, &why);
    cove_free(path);
    cove_fs_unref(fs);
    return rc < 0 ? rc : 0;
}

int cove__file_follow(const cove_trainer *trainer, const char *url, char **ret_url, struct cove_error *err)
{
    return resolve(trainer, url, true, ret_url, err);
}

int cove__entry_at(const cove_trainer *trainer, const char *url, enum cove__entry *ret, struct cove_error *err)
{
    cove_fs *fs = NULL;
    char *path = NULL;
    struct stat st;
    int rc = cove_trainer_open_fs(trainer, url, &fs, &path, err);
    if (rc < 0)
        return rc;
    if (!is_local(fs)) {
        if ((rc = cove_fs_exists(fs, path, NULL, err)) >= 0)
            *ret = rc > 0 ? COVE__ENTRY_FILE : COVE__ENTRY_NONE;
    } else if (lstat(path, &st) == 0)
        *ret = S_ISLNK(st.st_mode) ? COVE__ENTRY_LINK : S_ISREG(st.st_mode) ? COVE__ENTRY_FILE : COVE__ENTRY_OTHER;
    else if (errno == ENOENT || errno == ENOTDIR)
        *ret = COVE__ENTRY_NONE;
    else
        rc = cove__fail(err, errno == EACCES ? COVE_EACCESS : COVE_EIO, "%s: %s", url, strerror(errno));
    cove_free(path);
    cove_fs_unref(fs);
    return rc < 0 ? rc : 0;
}

int cove__link_take(const cove_trainer *trainer, const char *url, char **ret_target, struct cove_error *err)
{
    char target[PATH_MAX];
    cove_fs *fs = NULL;
    char *path = NULL, *copy = NULL;
    ssize_t n;
    int rc = cove_trainer_open_fs(trainer, url, &fs, &path, err);
    if (rc == 0 && is_local(fs) && (n = readlink(path, target, sizeof target - 1)) >= 0) {
        target[n] = '\0';
        if (!(copy = cove__strdup(target)))
            rc = cove__fail_nomem(err, "a link");
        else
            rc = cove_fs_remove_files(fs, (const char *const[]){ path }, 1, NULL, err);
    }
    cove_free(path);
    cove_fs_unref(fs);
    if (rc < 0)
        cove__free(copy);
    else
        *ret_target = copy;
    return rc;
}

void cove__link_put_back(const cove_trainer *trainer, const char *url, const char *target)
{
    cove_fs *fs = NULL;
    char *path = NULL;
    if (cove_trainer_open_fs(trainer, url, &fs, &path, NULL) == 0 && symlink(target, path) < 0)
        cove__log(COVE_LOG_WARNING, "trainer", "the link %s to %s could not be made again: %s", url, target,
                  strerror(errno));
    cove_free(path);
    cove_fs_unref(fs);
}

bool cove__is_relative(const cove_trainer *trainer, const char *url)
{
    cove_fs *fs = NULL;
    bool local;
    if (cove_trainer_open_fs(trainer, url, &fs, NULL, NULL) < 0)
        return false;
    local = is_local(fs);
    cove_fs_unref(fs);
    return local && url[0] != '/' && url[0] != '~' && !cove__scheme_skip(url, "file");
}
