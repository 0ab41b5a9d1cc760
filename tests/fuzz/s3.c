/*
 * The S3 backend between a user's call and a store that answers anything. The first byte chooses the operation, the
 * second the options; the rest are the responses (responses.h). Whatever comes back, a call ends with a result or an
 * error in words, names only what it was asked for, and removes nothing else.
 */
#include <string.h>

#include "base/mem.h"
#include "fs/fs_impl.h"
#include "responses.h"

#define BASE "http://127.0.0.1:9/"
#define ROOM 4096

static cove_fs *open_store(uint8_t bits)
{
    static const struct {
        const char *name, *value;
    } more[] = {
        { "store", "aws" },           { "conditional_writes", "false" }, { "copy_part_threshold", "5MiB" },
        { "requester_pays", "true" }, { "addressing_style", "path" },
    };
    cove_options *options = cove_options_new();
    cove_fs *fs = NULL;

    FUZZ_CHECK(options);
    setenv("AWS_CONFIG_FILE", "/nowhere", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere", 1);
    cove_options_set(options, "endpoint_url", BASE, NULL);
    cove_options_set(options, "key", "AKIDEXAMPLE", NULL);
    cove_options_set(options, "secret", "wJalrXUtnFEMI", NULL);
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        if (bits >> i & 1)
            cove_options_set(options, more[i].name, more[i].value, NULL);
    }
    FUZZ_CHECK(cove_fs_from_url("s3://b", options, &fs, NULL, NULL) == 0);
    cove_options_free(options);
    return fs;
}

/* ---- what is made of responses ---- */

static void check_info(const cove_info *info, const char *below)
{
    const char *path = cove_info_path(info), *etag = cove_info_etag(info);

    FUZZ_CHECK(strncmp(path, below, strlen(below)) == 0 && cove_info_size(info) >= 0);
    FUZZ_CHECK(cove_info_mtime_ns(info) >= -1 && (!etag || etag[0] != '\0'));
    FUZZ_CHECK(cove_info_type(info) == COVE_INFO_FILE || cove_info_type(info) == COVE_INFO_DIRECTORY);
}

static int walk(cove_fs *fs, const char *path, bool deep, struct cove_error *err)
{
    cove_listing *listing = NULL;
    const cove_info *info;
    int rc = deep ? cove_fs_find(fs, path, NULL, &listing, err) : cove_fs_list(fs, path, NULL, &listing, err);

    while (rc == 0 && (rc = cove_listing_next(listing, &info, err)) == 1) {
        check_info(info, path);
        rc = 0;
    }
    cove_listing_free(listing);
    return rc;
}

static int stat_path(cove_fs *fs, struct cove_error *err)
{
    cove_info *info = NULL;
    int rc = cove_fs_stat(fs, "b/dir/x", NULL, &info, err);

    if (rc == 0)
        check_info(info, "b/dir/x");
    cove_info_free(info);
    return rc;
}

static int read_some(cove_fs *fs, struct cove_error *err)
{
    uint8_t room[ROOM];
    int64_t n = cove_fs_read_range(fs, "b/dir/x", 100, room, sizeof room, NULL, err);

    FUZZ_CHECK(n <= ROOM);
    return n < 0 ? (int)n : 0;
}

static int read_whole(cove_fs *fs, struct cove_error *err)
{
    void *data = NULL;
    size_t size = 0;
    int rc = cove_fs_read_file(fs, "b/dir/x", ROOM, &data, &size, NULL, err);

    FUZZ_CHECK(rc < 0 || size <= ROOM);
    cove_free(data);
    return rc;
}

static int read_stream(cove_fs *fs, struct cove_error *err)
{
    uint8_t room[ROOM];
    cove_reader *reader = NULL;
    int64_t n = 1, sum = 0;
    int rc = cove_reader_open(fs, "b/dir/x", NULL, &reader, err);

    if (rc < 0)
        return rc;
    while ((n = cove_reader_read(reader, room, sizeof room, err)) > 0)
        sum += n;
    FUZZ_CHECK(n < 0 || sum == cove_reader_size(reader));
    cove_reader_close(reader);
    return n < 0 ? (int)n : 0;
}

static int write_if_new(cove_fs *fs, struct cove_error *err)
{
    struct cove_writer_options options = COVE_WRITER_OPTIONS_INIT;
    cove_writer *writer = NULL;

    options.condition = COVE_WRITE_IF_NEW;
    int rc = cove_writer_open(fs, "b/dir/x", &options, NULL, &writer, err);
    if (rc == 0)
        rc = cove_writer_write(writer, "0123456789", 10, err);
    if (rc == 0)
        rc = cove_writer_finish(writer, err);
    cove_writer_free(writer);
    return rc;
}

/* ---- uploads: parts that are sent, and parts that the store copies ---- */

static int part(cove_fs *fs, struct cove__upload *upload, unsigned number, const struct cove__ctx *ctx, bool copied,
                struct cove_error *err)
{
    struct cove__inbox inbox;
    struct cove__part_io io = { .src = cove__slice("0123456789", 10),
                                .upload = upload,
                                .number = number,
                                .from = { .path = "b/base", .etag = "\"e\"" } };

    cove__inbox_init(&inbox);
    io.op.inbox = &inbox;
    io.op.ctx = *ctx;
    cove__op_start(&io.op);
    if (copied)
        fs->ops->upload.copy_part(fs->self, &io);
    else
        fs->ops->upload.part(fs->self, &io);
    cove__inbox_wait(&inbox);
    cove__inbox_done(&inbox);
    if (io.op.rc < 0)
        *err = io.op.err;
    return io.op.rc;
}

static int upload(cove_fs *fs, bool copies, struct cove_error *err)
{
    struct cove__ctx ctx = { .deadline_ns = INT64_MAX, .op = "write", .url = "s3://b/dir/x" };
    struct cove__put put = { .expected_size = -1, .copies = copies };
    struct cove__upload *u = NULL;
    char *etag = NULL, *version = NULL;

    int rc = fs->ops->upload.begin(fs->self, "b/dir/x", &put, &ctx, &u, err);
    if (rc < 0)
        return rc;
    for (unsigned number = 1; rc == 0 && number <= 2; number++)
        rc = part(fs, u, number, &ctx, copies && number == 1, err);
    if (rc < 0)
        fs->ops->upload.abort(fs->self, u, &ctx);
    else
        rc = fs->ops->upload.finish(fs->self, u, &ctx, &etag, &version, err);
    cove__free(etag);
    cove__free(version);
    return rc;
}

static int remove_abandoned(cove_fs *fs, struct cove_error *err)
{
    cove_uploads *uploads = NULL;
    struct cove_upload u;
    int rc = cove_fs_abandoned_uploads(fs, "b/dir", 0, NULL, &uploads, err);

    while (rc >= 0 && (rc = cove_uploads_next(uploads, &u, err)) == 1) {
        FUZZ_CHECK(strncmp(u.path, "b/dir", 5) == 0 && u.upload_id[0] && u.started_ns >= -1);
        if ((rc = cove_uploads_abort(uploads, err)) < 0)
            break;
    }
    cove_uploads_free(uploads);
    return rc;
}

/* ---- what stands beside the bytes ---- */

static int properties(cove_fs *fs, struct cove_error *err)
{
    const struct cove_pair change[] = { { "a", "1" }, { "b", NULL } };
    const char *name, *value;
    cove_info *info = NULL;
    int rc = cove_fs_stat(fs, "b/dir/x", NULL, &info, err);

    for (size_t i = 0; rc == 0 && cove_info_metadata(info, i, &name, &value) == 0; i++)
        FUZZ_CHECK(name[0] != '\0' && strcmp(name, "cove-write") != 0 && value);
    cove_info_free(info);
    return rc < 0 ? rc : cove_fs_set_metadata(fs, "b/dir/x", change, 2, NULL, err);
}

static int tags(cove_fs *fs, struct cove_error *err)
{
    struct cove_pair *got = NULL;
    size_t n = 0;
    int rc = cove_fs_tags(fs, "b/dir/x", NULL, &got, &n, err);

    FUZZ_CHECK(!got != (n > 0));
    for (size_t i = 0; i < n; i++)
        FUZZ_CHECK(got[i].name && got[i].value);
    cove_free(got);
    return rc;
}

static int versions(cove_fs *fs, struct cove_error *err)
{
    cove_listing *listing = NULL;
    const cove_info *info;
    int rc = cove_fs_versions(fs, "b/dir/x", NULL, &listing, err);

    while (rc == 0 && (rc = cove_listing_next(listing, &info, err)) == 1) {
        FUZZ_CHECK(strcmp(cove_info_path(info), "b/dir/x") == 0 && cove_info_version_id(info));
        rc = 0;
    }
    cove_listing_free(listing);
    return rc;
}

static int operate(cove_fs *fs, uint8_t what, struct cove_error *err)
{
    switch (what) {
    case 's':
        return stat_path(fs, err);
    case 'l':
        return walk(fs, "b/dir", false, err);
    case 'f':
        return walk(fs, "b/dir", true, err);
    case 'b':
        return walk(fs, "", false, err);
    case 'r':
        return read_some(fs, err);
    case 'R':
        return read_whole(fs, err);
    case 'S':
        return read_stream(fs, err);
    case 'w':
        return cove_fs_write_file(fs, "b/dir/x", "0123456789", 10, NULL, err);
    case 'n':
        return write_if_new(fs, err);
    case 'a':
        return cove_fs_append(fs, "b/dir/x", "0123456789", 10, NULL, err);
    case 'c':
        return cove_fs_copy(fs, "b/dir/x", "b/dir/y", NULL, err);
    case 'm':
        return cove_fs_move(fs, "b/dir/x", "b/dir/y", NULL, err);
    case 'd':
        return cove_fs_remove(fs, "b/dir/x", NULL, err);
    case 't':
        return cove_fs_remove_tree(fs, "b/dir", NULL, err);
    case 'k':
        return cove_fs_mkdir(fs, "b/dir/x", NULL, err);
    case 'e':
        return properties(fs, err);
    case 'g':
        return tags(fs, err);
    case 'v':
        return versions(fs, err);
    case 'p':
    case 'P':
        return upload(fs, what == 'P', err);
    default:
        return remove_abandoned(fs, err);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cove_error err = COVE_ERROR_INIT;

    if (size < 2)
        return 0;
    responses_begin(cove__slice(data + 2, size - 2), BASE, "b/dir");
    cove_fs *fs = open_store(data[1] & 31);
    int rc = operate(fs, data[0], &err);
    fuzz_check_error(rc, &err);
    cove_fs_unref(fs);
    return 0;
}
