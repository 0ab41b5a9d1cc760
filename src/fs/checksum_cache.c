/*
 * The checksums that a store gave for the files of the latest stats. A reader needs its file's at the end; a caller
 * that called stat before the open, as Lightning does, causes no second request. A checksum is of one version of a
 * file, known by its ETag, so it holds as long as that is what is read.
 */
#include <string.h>

#include "base/fork.h"
#include "base/mem.h"
#include "fs/fs_impl.h"

static void cached_done(struct cove__cached_checksum *cached)
{
    cove__free(cached->path);
    cove__free(cached->etag);
}

/* That of a path; NULL: none is kept. */
static struct cove__cached_checksum *find_locked(cove_fs *fs, const char *path)
{
    cove__assert_locked();
    for (size_t i = 0; i < COVE__CHECKSUM_CACHE_SIZE; i++) {
        if (fs->checksums[i].path && strcmp(fs->checksums[i].path, path) == 0)
            return &fs->checksums[i];
    }
    return NULL;
}

static struct cove__cached_checksum *next_in_turn_locked(cove_fs *fs)
{
    cove__assert_locked();
    fs->next_checksum = (fs->next_checksum + 1) % COVE__CHECKSUM_CACHE_SIZE;
    return &fs->checksums[fs->next_checksum];
}

void cove__checksum_cache_put(cove_fs *fs, const char *path, const struct cove_info *info)
{
    struct cove__cached_checksum cached;

    if (fs->ops->real_directories || info->type != COVE_INFO_FILE || !info->etag)
        return; /* there are no checksums in files and in memory */
    cached = (struct cove__cached_checksum){ .path = cove__strdup(path),
                                             .etag = cove__strdup(info->etag),
                                             .size = info->size,
                                             .has_crc32c = info->has_crc32c,
                                             .crc32c = info->crc32c };
    if (cached.path && cached.etag) {
        struct cove__cached_checksum *place, old;

        cove__lock();
        place = find_locked(fs, path);
        if (!place)
            place = next_in_turn_locked(fs);
        old = *place;
        *place = cached;
        cove__unlock();
        cached = old;
    }
    cached_done(&cached); /* what was there before; or what there was no memory for */
}

bool cove__checksum_cache_get(cove_fs *fs, const char *path, const char *etag, int64_t size, struct cove_info *ret)
{
    const struct cove__cached_checksum *cached;
    bool found;

    if (!etag)
        return false;
    cove__lock();
    cached = find_locked(fs, path);
    found = cached && cached->size == size && strcmp(cached->etag, etag) == 0;
    if (found) {
        ret->has_crc32c = cached->has_crc32c;
        ret->crc32c = cached->crc32c;
    }
    cove__unlock();
    return found;
}

void cove__checksum_cache_remove(cove_fs *fs, const char *path)
{
    struct cove__cached_checksum *cached, old = { 0 };

    cove__lock();
    cached = find_locked(fs, path);
    if (cached) {
        old = *cached;
        *cached = (struct cove__cached_checksum){ 0 };
    }
    cove__unlock();
    cached_done(&old);
}

void cove__checksum_cache_free(cove_fs *fs)
{
    for (size_t i = 0; i < COVE__CHECKSUM_CACHE_SIZE; i++)
        cached_done(&fs->checksums[i]);
}
