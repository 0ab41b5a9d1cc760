/*
 * A shim for LD_PRELOAD that simulates a file system without some features, or with another writer.
 *
 *   FILEFAIL="link rename mkdir case"  the missing ones: hard links; rename without replacing; EEXIST from mkdir
 * (network file systems and sandboxes may fail with EPERM instead); a difference between upper and lower case, for
 * lstat only
 *   FILEFAIL="copying"  runs the command MEANWHILE once, before a copy; "published": after a rename
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static bool lacks(const char *what)
{
    const char *names = getenv("FILEFAIL");

    return names && strstr(names, what);
}

static void meanwhile(const char *when)
{
    static bool done;

    if (done || !lacks(when))
        return;
    done = true;
    unsetenv("LD_PRELOAD"); /* the command is not to run with this shim, or a sanitizer */
    if (system(getenv("MEANWHILE")) != 0)
        abort();
}

ssize_t copy_file_range(int from, off_t *from_offset, int to, off_t *to_offset, size_t length, unsigned int flags)
{
    ssize_t (*real)(int, off_t *, int, off_t *, size_t, unsigned int) = dlsym(RTLD_NEXT, "copy_file_range");

    meanwhile("copying");
    return real(from, from_offset, to, to_offset, length, flags);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    int (*real)(int, const char *, int, const char *) = dlsym(RTLD_NEXT, "renameat");
    int rc = real(from_dir, from, to_dir, to);

    if (rc == 0)
        meanwhile("published");
    return rc;
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    int (*real)(int, const char *, int, const char *, int) = dlsym(RTLD_NEXT, "linkat");

    if (!lacks("link"))
        return real(from_dir, from, to_dir, to, flags);
    errno = EPERM;
    return -1;
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
    int (*real)(int, const char *, int, const char *, unsigned int) = dlsym(RTLD_NEXT, "renameat2");

    if (!lacks("rename"))
        return real(from_dir, from, to_dir, to, flags);
    errno = EINVAL;
    return -1;
}

int mkdir(const char *path, mode_t mode)
{
    int (*real)(const char *, mode_t) = dlsym(RTLD_NEXT, "mkdir");

    if (!lacks("mkdir") || access(path, F_OK) < 0)
        return real(path, mode);
    errno = EPERM;
    return -1;
}

/* As another case of a name that is there. */
int lstat(const char *path, struct stat *st)
{
    int (*real)(const char *, struct stat *) = dlsym(RTLD_NEXT, "lstat");
    const char *slash = strrchr(path, '/');
    char directory[4096], other[4096 + 256];
    struct dirent *entry;
    int rc = real(path, st);
    DIR *dir;

    if (rc == 0 || !slash || !lacks("case"))
        return rc;
    snprintf(directory, sizeof directory, "%.*s", (int)(slash - path) + 1, path);
    dir = opendir(directory);
    while (dir && (entry = readdir(dir))) {
        snprintf(other, sizeof other, "%s%s", directory, entry->d_name);
        if (strcasecmp(entry->d_name, slash + 1) == 0)
            rc = real(other, st);
    }
    if (dir)
        closedir(dir);
    return rc;
}
