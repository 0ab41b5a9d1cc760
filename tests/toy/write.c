/*
 * Writes an object of the toy store and reads it back, for test_toy.py:
 *
 *     toy_write URL SIZE FIRST_PART RETRIES [new | abort | VERSION]
 *     toy_write URL uploads
 *
 * Its first part has FIRST_PART bytes, all others COVE_TOY_BLOCK_SIZE. Prints "made VERSION", or the
 * error. The second form removes the unfinished uploads at and below the URL: "PATH ID", a line each.
 * RETRIES is the option `retries`.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cove/cove.h>

static void on_log(void *user, enum cove_log_level level, const char *subject, const char *text)
{
    fprintf(stderr, "%s: %s\n", subject, text);
}

static int write_whole(cove_writer *writer, const void *data, size_t size, bool finish, struct cove_error *err)
{
    int rc = cove_writer_write(writer, data, size, err);

    return rc < 0 || !finish ? rc : cove_writer_finish(writer, err);
}

static int remove_uploads(const char *url, struct cove_error *err)
{
    struct cove_upload upload;
    cove_uploads *uploads = NULL;
    cove_fs *fs = NULL;
    char *path = NULL;

    int rc = cove_fs_from_url(url, NULL, &fs, &path, err);
    if (rc == 0)
        rc = cove_fs_abandoned_uploads(fs, path, 0, NULL, &uploads, err);
    while (rc == 0 && (rc = cove_uploads_next(uploads, &upload, err)) > 0) {
        printf("%s %s\n", upload.path, upload.upload_id);
        rc = cove_uploads_abort(uploads, err);
    }
    if (rc < 0)
        printf("%s %s\n", cove_code_name(rc), err->message);
    cove_uploads_free(uploads);
    cove_fs_unref(fs);
    cove_free(path);
    return 0;
}

static int open_fs(const char *url, const char *retries, cove_fs **ret_fs, char **ret_path, struct cove_error *err)
{
    cove_options *options = cove_options_new();

    int rc = options ? cove_options_set(options, "retries", retries, err) : 0;
    if (rc == 0)
        rc = cove_fs_from_url(url, options, ret_fs, ret_path, err);
    cove_options_free(options);
    return rc;
}

int main(int argc, char **argv)
{
    struct cove_writer_options options = COVE_WRITER_OPTIONS_INIT;
    struct cove_error err = COVE_ERROR_INIT;
    cove_writer *writer = NULL;
    cove_fs *fs = NULL;
    char *path = NULL;
    void *back = NULL;
    size_t n = 0;

    if (argc < 3)
        return 2;
    cove_log_set(on_log, NULL, COVE_LOG_DEBUG);
    if (strcmp(argv[2], "uploads") == 0)
        return remove_uploads(argv[1], &err);
    size_t size = strtoul(argv[2], NULL, 10);
    uint8_t *data = malloc(size);
    if (!data)
        return 2;
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(i * 2654435761u >> 24);
    if (argc < 5)
        return 2;
    options.first_part = strtoul(argv[3], NULL, 10);
    bool abort_it = argc > 5 && strcmp(argv[5], "abort") == 0;
    if (argc > 5 && !abort_it) {
        options.condition = strcmp(argv[5], "new") == 0 ? COVE_WRITE_IF_NEW : COVE_WRITE_IF_MATCH;
        options.etag = strcmp(argv[5], "new") == 0 ? NULL : argv[5];
    }
    options.content_type = "text/toy";
    int rc = open_fs(argv[1], argv[4], &fs, &path, &err);
    if (rc == 0)
        rc = cove_writer_open(fs, path, &options, NULL, &writer, &err);
    if (rc == 0)
        rc = write_whole(writer, data, size, !abort_it, &err);
    if (rc == 0 && !abort_it)
        rc = cove_fs_read_file(fs, path, 0, &back, &n, NULL, &err);
    if (rc < 0)
        printf("%s %s\n", cove_code_name(rc), err.message);
    else if (abort_it)
        printf("aborted\n");
    else
        printf("%s %s\n", n == size && memcmp(back, data, size) == 0 ? "made" : "OTHER BYTES",
               cove_writer_etag(writer));
    cove_writer_free(writer);
    cove_fs_unref(fs);
    cove_free(path);
    cove_free(back);
    free(data);
    return 0;
}
