/*
 * cove's rows of the benchmark of many small things: objects by a completion queue, objects one after another, a long
 * listing. Prints what it took, as the other clients do.
 *
 *   many_bench get|put|serial-get|serial-put|serial-stat|serial-exists|list BUCKET-URL COUNT BYTES [AT-ONCE]
 */
#include "memory.h"

#include <cove/cove.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct many {
    cove_fs *fs;
    const char *root;
    size_t count, bytes, parallel;
    char *memory; /* count * bytes */
};

static void key_of(const struct many *m, size_t i, char out[256])
{
    snprintf(out, 256, "%s/small/%06zu", m->root, i);
}

static int take_all(cove_queue *queue, const struct many *m, struct cove_error *err)
{
    struct cove_result r = COVE_RESULT_INIT;

    for (size_t i = 0; i < m->count; i++) {
        int rc = cove_queue_next(queue, -1, &r, err);

        if (rc == 1)
            cove_info_free(r.info);

        if (rc == 1 && r.rc == 0 && r.count == (int64_t)m->bytes)
            continue;
        if (rc == 1)
            *err = r.err;
        return rc < 0 ? rc : r.rc < 0 ? r.rc : COVE_EMISMATCH;
    }
    return 0;
}

static int at_once(const struct many *m, int put, struct cove_error *err)
{
    struct cove_queue_options options = COVE_QUEUE_OPTIONS_INIT;
    cove_queue *queue = NULL;
    char key[256];
    int rc;

    if (m->parallel)
        options.parallel = m->parallel;
    rc = cove_queue_new(&options, &queue, err);

    for (size_t i = 0; rc == 0 && i < m->count; i++) {
        char *place = m->memory + i * m->bytes;
        int64_t job;

        key_of(m, i, key);
        job = put ? cove_queue_write_file(queue, m->fs, key, place, m->bytes, NULL, NULL, err)
                  : cove_queue_read_range(queue, m->fs, key, 0, place, m->bytes, NULL, NULL, err);
        rc = job < 0 ? (int)job : 0;
    }
    if (rc == 0)
        rc = take_all(queue, m, err);
    cove_queue_free(queue);
    return rc;
}

static int64_t one(const struct many *m, const char *verb, const char *key, struct cove_error *err)
{
    cove_info *info = NULL;
    int rc;

    if (!strcmp(verb, "put"))
        return cove_fs_write_file(m->fs, key, m->memory, m->bytes, NULL, err);
    if (!strcmp(verb, "get"))
        return cove_fs_read_range(m->fs, key, 0, m->memory, m->bytes, NULL, err);
    if (!strcmp(verb, "exists"))
        return cove_fs_exists(m->fs, key, NULL, err);
    rc = cove_fs_stat(m->fs, key, NULL, &info, err);
    cove_info_free(info);
    return rc;
}

static int one_by_one(const struct many *m, const char *verb, struct cove_error *err)
{
    char key[256];
    int64_t rc = 0;

    for (size_t i = 0; rc >= 0 && i < m->count; i++) {
        key_of(m, i, key);
        rc = one(m, verb, key, err);
    }
    return rc < 0 ? (int)rc : 0;
}

static int list(const struct many *m, struct cove_error *err)
{
    const struct cove_info *info;
    cove_listing *listing = NULL;
    char path[256];
    size_t seen = 0;
    int rc;

    snprintf(path, sizeof(path), "%s/listed", m->root);
    rc = cove_fs_find(m->fs, path, NULL, &listing, err);
    while (rc >= 0 && (rc = cove_listing_next(listing, &info, err)) == 1)
        seen++;
    cove_listing_free(listing);
    if (rc == 0 && seen != m->count) {
        snprintf(err->message, sizeof(err->message), "%zu keys were listed instead of %zu", seen, m->count);
        return COVE_EMISMATCH;
    }
    return rc;
}

static int run(const struct many *m, const char *verb, struct cove_error *err)
{
    if (!strcmp(verb, "get") || !strcmp(verb, "put"))
        return at_once(m, verb[0] == 'p', err);
    if (!strncmp(verb, "serial-", 7))
        return one_by_one(m, verb + 7, err);
    return list(m, err);
}

int main(int argc, char **argv)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct bench_mark begin;
    struct many m = { 0 };
    int rc;

    if (argc != 5 && argc != 6) {
        fprintf(
            stderr,
            "usage: %s get|put|serial-get|serial-put|serial-stat|serial-exists|list BUCKET-URL COUNT BYTES [AT-ONCE]\n",
            argv[0]);
        return 2;
    }
    m.root = argv[2];
    m.count = strtoul(argv[3], NULL, 10);
    m.bytes = strtoul(argv[4], NULL, 10);
    m.parallel = argc == 6 ? strtoul(argv[5], NULL, 10) : 0;
    m.memory = malloc(m.count * m.bytes + 1);
    if (!m.memory)
        return 1;
    memset(m.memory, 0x5a, m.count * m.bytes);
    begin = bench_now();
    rc = cove_fs_from_url(m.root, NULL, &m.fs, NULL, &err);
    if (rc == 0)
        rc = run(&m, argv[1], &err);
    if (rc < 0)
        fprintf(stderr, "many_bench: %s\n", err.message);
    else
        bench_report(begin);
    cove_fs_unref(m.fs);
    free(m.memory);
    return rc < 0;
}
