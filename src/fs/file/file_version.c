/* Which file, and which version of it, the result of a stat is. Part of file.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fs/file/file.h"

bool cove__file_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool cove__file_unchanged(const struct stat *was, const struct stat *now)
{
    return cove__file_same(was, now) && was->st_size == now->st_size &&
           memcmp(&was->st_mtim, &now->st_mtim, sizeof was->st_mtim) == 0 &&
           memcmp(&was->st_ctim, &now->st_ctim, sizeof was->st_ctim) == 0;
}

/* Two empty files are equal, whenever they were made, so the time of an empty file is left out. A file of /proc has
 * size 0 although it has bytes, and its time is that of the stat. */
void cove__file_etag(const struct stat *st, char out[80])
{
    snprintf(out, 80, "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 "\"", (uint64_t)st->st_ino, (uint64_t)st->st_size,
             st->st_size > 0 ? (uint64_t)cove__file_mtime(st) : 0);
}

int64_t cove__file_mtime(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * COVE__SEC + st->st_mtim.tv_nsec;
}
