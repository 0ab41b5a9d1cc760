/* cove's rows of the benchmark of one object: memory, files and streams, by public calls and with default options. */
#include "memory.h"

#include <cove/cove.h>

#include <stdio.h>
#include <stdlib.h>

static int came_short(int64_t n, size_t size, struct cove_error *err)
{
    snprintf(err->message, sizeof(err->message), "%lld bytes came instead of %zu", (long long)n, size);
    return COVE_EMISMATCH;
}

static int get(cove_fs *fs, const char *path, const struct bench *b, struct cove_error *err)
{
    int64_t n = cove_fs_read_range(fs, path, 0, b->memory, b->size, NULL, err);

    if (n >= 0 && (size_t)n != b->size)
        return came_short(n, b->size, err);
    return n < 0 ? (int)n : 0;
}

/* In blocks, of a size that the writer does not know. */
static int write_blocks(cove_fs *fs, const char *path, const struct bench *b, struct cove_error *err)
{
    cove_writer *writer = NULL;
    int rc = cove_writer_open(fs, path, NULL, NULL, &writer, err);

    for (size_t at = 0; rc == 0 && at < b->size; at += BENCH_BLOCK)
        rc = cove_writer_write(writer, b->memory, BENCH_BLOCK, err);
    if (rc == 0)
        rc = cove_writer_finish(writer, err);
    cove_writer_free(writer);
    return rc;
}

static int read_blocks(cove_fs *fs, const char *path, const struct bench *b, struct cove_error *err)
{
    cove_reader *reader = NULL;
    const void *data;
    int64_t n, all = 0;
    int rc = cove_reader_open(fs, path, NULL, &reader, err);

    if (rc < 0)
        return rc;
    while ((n = cove_reader_next(reader, &data, BENCH_BLOCK, err)) > 0)
        all += n;
    cove_reader_close(reader);
    if (n == 0 && (size_t)all != b->size)
        return came_short(all, b->size, err);
    return (int)n;
}

/* One file to another, as `cove cp` does it. */
static int copy(cove_fs *from_fs, const char *from, cove_fs *to_fs, const char *to, const struct bench *b,
                struct cove_error *err)
{
    struct cove_writer_options options = COVE_WRITER_OPTIONS_INIT;
    cove_reader *reader = NULL;
    cove_writer *writer = NULL;
    int64_t n = 0;
    int rc = cove_reader_open(from_fs, from, NULL, &reader, err);

    if (rc == 0) {
        options.expected_size = cove_reader_size(reader);
        rc = cove_writer_open(to_fs, to, &options, NULL, &writer, err);
    }
    while (rc == 0 && (n = cove_writer_copy_from(writer, reader, SIZE_MAX, err)) > 0)
        ;
    if (rc == 0 && n < 0)
        rc = (int)n;
    if (rc == 0 && (size_t)cove_writer_tell(writer) != b->size)
        rc = came_short(cove_writer_tell(writer), b->size, err);
    if (rc == 0)
        rc = cove_writer_finish(writer, err);
    cove_writer_free(writer);
    cove_reader_close(reader);
    return rc;
}

static int copy_file(cove_fs *fs, const char *path, const struct bench *b, struct cove_error *err)
{
    cove_fs *local = NULL;
    int rc = cove_fs_from_url("file:///", NULL, &local, NULL, err);

    if (rc == 0)
        rc =
            b->mode == BENCH_GET_FILE ? copy(fs, path, local, b->file, b, err) : copy(local, b->file, fs, path, b, err);
    cove_fs_unref(local);
    return rc;
}

static int run(cove_fs *fs, const char *path, const struct bench *b, struct cove_error *err)
{
    switch (b->mode) {
    case BENCH_GET:
        return get(fs, path, b, err);
    case BENCH_PUT:
        return cove_fs_write_file(fs, path, b->memory, b->size, NULL, err);
    case BENCH_WRITE:
        return write_blocks(fs, path, b, err);
    case BENCH_READ:
        return read_blocks(fs, path, b, err);
    default:
        return copy_file(fs, path, b, err);
    }
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
    struct bench_mark begin;
    int rc;

    bench_start(&b, argc, argv);
    begin = bench_now();
    rc = b.signed_payload ? sign_payload(&options, &err) : 0;
    if (rc == 0)
        rc = cove_fs_from_url(b.url, options, &fs, &path, &err);
    if (rc == 0)
        rc = run(fs, path, &b, &err);
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
