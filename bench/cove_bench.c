/* cove's row of the benchmark: a get into memory and a put from memory, by public calls and with default options. */
#include "memory.h"

#include <cove/cove.h>

#include <stdio.h>
#include <stdlib.h>

static int get(cove_fs *fs, const char *path, const struct bench *b, struct cove_error *err)
{
    int64_t n = cove_fs_read_range(fs, path, 0, b->memory, b->size, NULL, err);

    if (n >= 0 && (size_t)n != b->size) {
        snprintf(err->message, sizeof(err->message), "%lld bytes came instead of %zu", (long long)n, b->size);
        return COVE_EMISMATCH;
    }
    return n < 0 ? (int)n : 0;
}

static int put(cove_fs *fs, const char *path, const struct bench *b, struct cove_error *err)
{
    struct cove_writer_options options = COVE_WRITER_OPTIONS_INIT;
    cove_writer *writer = NULL;
    int rc;

    options.expected_size = (int64_t)b->size;
    rc = cove_writer_open(fs, path, &options, NULL, &writer, err);
    if (rc < 0)
        goto out;
    rc = cove_writer_write(writer, b->memory, b->size, err);
    if (rc < 0)
        goto out;
    rc = cove_writer_finish(writer, err);
out:
    cove_writer_free(writer);
    return rc;
}

static int sign_payload(cove_options **ret_options, struct cove_error *err)
{
    *ret_options = cove_options_new();
    if (!*ret_options)
        return COVE_ENOMEM;
    return cove_options_set(*ret_options, "payload_signing", "always", err);
}

int main(int argc, char **argv)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct bench b;
    cove_options *options = NULL;
    cove_fs *fs = NULL;
    char *path = NULL;
    struct bench_clock begin;
    int rc;

    bench_start(&b, argc, argv);
    begin = bench_now();
    rc = b.signed_payload ? sign_payload(&options, &err) : 0;
    if (rc == 0)
        rc = cove_fs_from_url(b.url, options, &fs, &path, &err);
    if (rc == 0 && b.mode == BENCH_GET)
        rc = get(fs, path, &b, &err);
    else if (rc == 0 && b.mode == BENCH_PUT)
        rc = put(fs, path, &b, &err);
    if (rc < 0)
        fprintf(stderr, "cove_bench: %s\n", err.message);
    else
        bench_report(begin);
    cove_free(path);
    cove_fs_unref(fs);
    cove_options_free(options);
    free(b.memory);
    return rc < 0;
}
