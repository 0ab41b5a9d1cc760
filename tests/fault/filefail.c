/*
 * A shim for LD_PRELOAD that simulates a file system without some features.
 *
 *   FILEFAIL="link rename mkdir"  the missing ones: hard links; rename without replacing; EEXIST from mkdir (network
 * file systems and sandboxes may fail with EPERM instead)
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool lacks(const char *what)
{
    const char *names = getenv("FILEFAIL");

    return names && strstr(names, what);
}

int link(const char *from, const char *to)
{
    int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "link");

    if (!lacks("link"))
        return real(from, to);
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
