/*
 * The checksums that a store has told of the files last looked at. A reader needs its file's at the end; who looked
 * before opening it, as Lightning does, need not ask again. A checksum is of one version of a file, known by its ETag,
 * so it holds as long as that is what is read.
 */
#include <string.h>

#include "base/fork.h"
#include "base/mem.h"
#include "fs/fs_impl.h"

static void sum_done(struct cove__sum *sum)
{
    cove__free(sum->path);
    cove__free(sum->etag);
}

/* That of a path; NULL: none is kept. */
static struct cove__sum *find_locked(cove_fs *fs, const char *path)
{
    cove__assert_locked();
    for (size_t i = 0; i < COVE__SUMS_KEPT; i++) {
        if (fs->sums[i].path && strcmp(fs->sums[i].path, path) == 0)
            return &fs->sums[i];
    }
    return NULL;
}

static struct cove__sum *next_in_turn_locked(cove_fs *fs)
{
    cove__assert_locked();
    fs->next_sum = (fs->next_sum + 1) % COVE__SUMS_KEPT;
    return &fs->sums[fs->next_sum];
}

void cove__sums_keep(cove_fs *fs, const char *path, const struct cove_info *info)
{
    struct cove__sum sum;

    if (fs->ops->real_directories || info->type != COVE_INFO_FILE || !info->etag)
        return; /* there are no checksums in files and in memory */
    sum = (struct cove__sum){ .path = cove__strdup(path),
                              .etag = cove__strdup(info->etag),
                              .size = info->size,
                              .has_crc32c = info->has_crc32c,
                              .crc32c = info->crc32c };
    if (sum.path && sum.etag) {
        struct cove__sum *place, old;

        cove__lock();
        place = find_locked(fs, path);
        if (!place)
            place = next_in_turn_locked(fs);
        old = *place;
        *place = sum;
        cove__unlock();
        sum = old;
    }
    sum_done(&sum); /* what was there before; or what there was no memory for */
}

bool cove__sums_find(cove_fs *fs, const char *path, const char *etag, int64_t size, struct cove_info *ret)
{
    const struct cove__sum *sum;
    bool found;

    if (!etag)
        return false;
    cove__lock();
    sum = find_locked(fs, path);
    found = sum && sum->size == size && strcmp(sum->etag, etag) == 0;
    if (found) {
        ret->has_crc32c = sum->has_crc32c;
        ret->crc32c = sum->crc32c;
    }
    cove__unlock();
    return found;
}

void cove__sums_drop(cove_fs *fs, const char *path)
{
    struct cove__sum *sum, old = { 0 };

    cove__lock();
    sum = find_locked(fs, path);
    if (sum) {
        old = *sum;
        *sum = (struct cove__sum){ 0 };
    }
    cove__unlock();
    sum_done(&old);
}

void cove__sums_done(cove_fs *fs)
{
    for (size_t i = 0; i < COVE__SUMS_KEPT; i++)
        sum_done(&fs->sums[i]);
}
