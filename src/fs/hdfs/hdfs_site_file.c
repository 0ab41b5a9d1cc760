/* The files of a cluster's settings, and those that they include: of one folder, within limits on size and number. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "fs/hdfs/hdfs_site.h"
#include "wire/hadoop_conf.h"
#include "wire/json.h"

#define FILE_MAX    ((size_t)4 << 20)
#define NESTED_MAX  8 /* files that include each other */
#define FILES_MAX   64
#define PATH_LENGTH ((size_t)4096)

/* What a file and those that it includes share. */
struct shared {
    struct cove__hdfs_site *site;
    struct cove_error *err;
    unsigned nested, files;
};

struct file {
    struct shared *shared;
    const char *path;
};

static int read_text(const char *path, struct cove__buf *out, struct cove_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = 0; /* a FIFO must not hold up the open */
    struct stat stat;
    char chunk[16384];
    ssize_t n = 1;

    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? COVE_ENOTFOUND : cove__fail_errno(err, errno, "%s", path);
    if (fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode))
        rc = cove__fail(err, COVE_EINVAL, "%s: not a regular file", path);
    while (rc == 0 && n > 0) {
        n = read(fd, chunk, sizeof chunk);
        if (n < 0)
            rc = cove__fail_errno(err, errno, "%s", path);
        else if (cove__buf_add(out, chunk, (size_t)n) < 0)
            rc = cove__buf_rc(out) == COVE_ENOMEM
                     ? cove__fail_nomem(err, "a site file")
                     : cove__fail(err, COVE_EINVAL, "%s: larger than %zu bytes", path, FILE_MAX);
    }
    close(fd);
    return rc;
}

/* The path of a file that `file` names; it must be in the same folder. */
static int find_beside(const struct file *file, const char *href, char **ret)
{
    const char *slash = strrchr(file->path, '/'), *name = href;
    size_t folder = slash ? (size_t)(slash - file->path) + 1 : 0;
    struct cove__buf out = COVE__BUF_INIT(PATH_LENGTH);

    if (strncmp(name, "file://", 7) == 0)
        name += 7;
    if (folder > 0 && strncmp(name, file->path, folder) == 0)
        name += folder;
    while (strncmp(name, "./", 2) == 0)
        name += 2;
    if (!*name || strchr(name, '/') || strcmp(name, "..") == 0)
        return cove__fail(file->shared->err, COVE_EINVAL,
                          "%s: it includes \"%s\", and only a file of the same folder can be included", file->path,
                          href);
    if (++file->shared->files > FILES_MAX || file->shared->nested >= NESTED_MAX)
        return cove__fail(file->shared->err, COVE_EINVAL, "%s: too many files include each other", file->path);
    cove__buf_add(&out, file->path, folder);
    cove__buf_add_str(&out, name);
    *ret = cove__buf_take(&out);
    return *ret ? 0 : cove__fail_nomem(file->shared->err, "a file's name");
}

static int on_setting(void *user, const char *name, const char *value, bool final, unsigned long line)
{
    const struct file *file = user;
    const struct cove__hdfs_setting setting = {
        .name = (char *)name, .value = (char *)value, .file = (char *)file->path, .line = line, .final = final
    };
    int rc = cove__hdfs_site_set(file->shared->site, &setting);

    return rc == COVE_ELIMIT ? cove__fail(file->shared->err, COVE_EINVAL, "%s:%lu: too many settings", file->path, line)
           : rc < 0          ? cove__fail_nomem(file->shared->err, "a setting")
                             : 0;
}

static int on_entity(void *user, const char *href, struct cove__buf *out)
{
    const struct file *file = user;
    char *path;
    int rc = find_beside(file, href, &path);

    if (rc < 0)
        return rc;
    rc = read_text(path, out, file->shared->err);
    cove__free(path);
    return rc;
}

static int on_include(void *user, const char *href);

static int read_file(struct shared *shared, const char *path)
{
    static const struct cove__hadoop_conf_handler handler = { on_setting, on_include, on_entity };
    struct file file = { shared, path };
    struct cove__buf text = COVE__BUF_INIT(FILE_MAX);
    char why[COVE__HADOOP_CONF_WHY_MAX];
    unsigned long line = 0;
    int rc = read_text(path, &text, shared->err);

    if (rc == 0) {
        shared->nested++;
        rc = cove__hadoop_conf_read(cove__buf_slice(&text), &handler, &file, &line, why);
        shared->nested--;
        if (rc == COVE_EPROTOCOL)
            rc = cove__fail(shared->err, COVE_EINVAL, "%s:%lu: %s", path, line, why);
        else if (rc == COVE_ENOMEM)
            rc = cove__fail_nomem(shared->err, "a site file");
    }
    cove__buf_done(&text);
    return rc;
}

static int on_include(void *user, const char *href)
{
    const struct file *file = user;
    char *path;
    int rc = find_beside(file, href, &path);

    if (rc < 0)
        return rc;
    rc = read_file(file->shared, path);
    cove__free(path);
    return rc;
}

/* ---- the set ---- */

static int on_extra(void *user, const char *path, enum cove__json_type type, const char *text)
{
    (void)type;
    return cove__hdfs_site_set(user, &(struct cove__hdfs_setting){ .name = (char *)path, .value = (char *)text });
}

static int set_folder(struct cove__hdfs_site *site, const char *folder)
{
    const char *conf = getenv("HADOOP_CONF_DIR"), *home = getenv("HADOOP_HOME");
    struct cove__buf path = COVE__BUF_INIT(PATH_LENGTH);

    if (folder && *folder)
        cove__buf_add_str(&path, folder);
    else if (conf && *conf)
        cove__buf_add_str(&path, conf);
    else if (home && *home)
        cove__buf_addf(&path, "%s/etc/hadoop", home);
    else
        return 0;
    site->folder = cove__buf_take(&path);
    return site->folder ? 0 : COVE_ENOMEM;
}

int cove__hdfs_site_read(struct cove__hdfs_site *site, const char *folder, const char *extra, struct cove_error *err)
{
    static const char *const files[] = { "core-site.xml", "hdfs-site.xml" };
    const struct cove__json_handler handler = { .value = on_extra };
    char path[PATH_LENGTH + 32], why[200];
    struct shared shared = { .site = site, .err = err };
    int rc = set_folder(site, folder);

    if (rc < 0)
        return cove__fail_nomem(err, "the folder of the site files");
    for (size_t i = 0; rc == 0 && site->folder && i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", site->folder, files[i]);
        rc = read_file(&shared, path);
        site->found |= rc == 0;
        rc = rc == COVE_ENOTFOUND ? 0 : rc;
    }
    if (rc == 0 && folder && *folder && !site->found)
        return cove__fail(err, COVE_ENOTFOUND, "hadoop_conf_dir: %s has no core-site.xml and no hdfs-site.xml", folder);
    if (rc < 0 || !extra || !*extra)
        return rc;
    rc = cove__json_read(cove__slice_str(extra), &handler, site, why, sizeof why);
    if (rc == COVE_EINVAL)
        return cove__fail(err, COVE_EINVAL, "extra_conf is no JSON object of settings: %s", why);
    return rc < 0 ? cove__fail(err, rc, "extra_conf has too many settings, or memory is exhausted") : 0;
}
