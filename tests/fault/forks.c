/*
 * forks: forks in the middle of transfers, and both sides continue.
 *
 *   forks URL SIZE CHILDREN
 *
 * Two threads of the parent write and read files of SIZE bytes, again and again; a third one, the first, forks whenever
 * both have moved on. Each child reads what the parent has stored and writes and reads its own file; then the
 * parent's transfers end. Exit status 0: every byte was right on both sides.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cove/cove.h>

#include "../seeded.h"

#define PIECE      ((size_t)256 << 10)
#define CHILD_SIZE (((size_t)12 << 20) + 4321)
#define CHILD_SEC  120 /* a hang */

static struct {
    cove_fs *fs;
    char *root;
    size_t size;
    atomic_ulong written, read; /* pieces */
    atomic_bool over, failed;
} forks;

static int failed(const char *who, const char *path, const struct cove_error *err)
{
    fprintf(stderr, "%s %s: %s\n", who, path, err->code ? err->message : "other bytes");
    atomic_store(&forks.failed, true);
    return -1;
}

static int put(const char *who, const char *path, uint64_t seed, size_t size, atomic_ulong *pieces)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_writer *writer = NULL;
    unsigned char *data = malloc(PIECE);
    int rc = data ? cove_writer_open(forks.fs, path, NULL, NULL, &writer, &err) : COVE_ENOMEM;
    for (size_t at = 0; rc == 0 && at < size; at += PIECE) {
        size_t n = size - at < PIECE ? size - at : PIECE;
        seeded_bytes(data, seed, at, n, true);
        rc = cove_writer_write(writer, data, n, &err);
        atomic_fetch_add(pieces, 1);
    }
    if (rc == 0)
        rc = cove_writer_finish(writer, &err);
    cove_writer_free(writer);
    free(data);
    return rc < 0 ? failed(who, path, &err) : 0;
}

static int get(const char *who, const char *path, uint64_t seed, size_t size, atomic_ulong *pieces)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_reader *reader = NULL;
    unsigned char *data = malloc(PIECE);
    int rc = data ? cove_reader_open(forks.fs, path, NULL, &reader, &err) : COVE_ENOMEM;
    size_t at = 0;
    int64_t n = 1;
    while (rc == 0 && n > 0) {
        n = cove_reader_read(reader, data, PIECE, &err);
        rc = n < 0 ? (int)n : 0;
        if (n > 0 && !seeded_bytes(data, seed, at, (size_t)n, false))
            rc = COVE_ECORRUPT;
        at += n > 0 ? (size_t)n : 0;
        atomic_fetch_add(pieces, 1);
    }
    if (rc == 0 && at != size)
        rc = COVE_ECORRUPT;
    cove_reader_close(reader);
    free(data);
    return rc < 0 ? failed(who, path, &err) : 0;
}

static void path_of(const char *name, unsigned number, char out[4096])
{
    snprintf(out, 4096, "%s/%s%u", forks.root, name, number);
}

static void *writing(void *unused)
{
    char path[4096];
    (void)unused;
    for (unsigned i = 0; !atomic_load(&forks.over) && !atomic_load(&forks.failed); i++) {
        path_of("parent", i % 2, path);
        put("parent", path, i, forks.size, &forks.written);
    }
    return NULL;
}

static void *reading(void *unused)
{
    char path[4096];
    (void)unused;
    path_of("stored", 0, path);
    while (!atomic_load(&forks.over) && !atomic_load(&forks.failed))
        get("parent", path, 1000, forks.size, &forks.read);
    return NULL;
}

static void child(unsigned number)
{
    atomic_ulong pieces = 0;
    char own[4096], stored[4096];
    path_of("child", number, own);
    path_of("stored", 0, stored);
    alarm(CHILD_SEC);
    int rc = put("child", own, number, CHILD_SIZE, &pieces);
    if (rc == 0)
        rc = get("child", own, number, CHILD_SIZE, &pieces);
    if (rc == 0)
        rc = get("child", stored, 1000, forks.size, &pieces);
    _exit(rc < 0);
}

/* Until each of the two has moved on by some pieces: both are in the middle of something. */
static void wait_for_both(void)
{
    unsigned long written = atomic_load(&forks.written), read = atomic_load(&forks.read);
    while (!atomic_load(&forks.failed) &&
           (atomic_load(&forks.written) < written + 5 || atomic_load(&forks.read) < read + 5))
        usleep(1000);
}

static int run(unsigned children)
{
    char path[4096];
    pthread_t threads[2];
    pid_t pids[64];
    path_of("stored", 0, path);
    if (put("parent", path, 1000, forks.size, &forks.written) < 0 ||
        pthread_create(&threads[0], NULL, writing, NULL) != 0 || pthread_create(&threads[1], NULL, reading, NULL) != 0)
        return 2;
    unsigned n = 0;
    for (; n < children && !atomic_load(&forks.failed); n++) {
        wait_for_both();
        pids[n] = fork();
        if (pids[n] == 0)
            child(n);
    }
    for (unsigned i = 0; i < n; i++) {
        int status = 1;
        if (waitpid(pids[i], &status, 0) != pids[i] || status != 0) {
            fprintf(stderr, "child %u: status %x\n", i, (unsigned)status);
            atomic_store(&forks.failed, true);
        }
    }
    wait_for_both();
    atomic_store(&forks.over, true);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    return atomic_load(&forks.failed);
}

int main(int argc, char **argv)
{
    struct cove_error err = COVE_ERROR_INIT;
    if (argc != 4 || atoi(argv[3]) < 1 || atoi(argv[3]) > 64) {
        fprintf(stderr, "usage: forks URL SIZE CHILDREN\n");
        return 2;
    }
    forks.size = (size_t)strtoull(argv[2], NULL, 10);
    if (cove_fs_from_url(argv[1], NULL, &forks.fs, &forks.root, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 2;
    }
    int rc = run((unsigned)atoi(argv[3]));
    cove_free(forks.root);
    cove_fs_unref(forks.fs);
    return rc;
}
