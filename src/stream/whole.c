/* Whole files in one call, by the streams. */
#include <string.h>

#include <cove/stream.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/store_checksum.h"
#include "stream/first_bytes.h"
#include "stream/whole.h"
#include "stream/writer.h"
#include "wire/crc.h"

/* Out of memory, it is not known; the file exists. */
static char *copy_known(const char *text)
{
    return text ? cove__strdup(text) : NULL;
}

int cove__fs_write_file(cove_fs *fs, const char *path, const void *data, size_t size, const struct cove_call *call,
                        struct cove_info *ret, struct cove_error *err)
{
    struct cove_writer_options o = COVE_WRITER_OPTIONS_INIT;
    cove_writer *w = NULL;
    int rc;

    o.expected_size = (int64_t)size;
    rc = cove_writer_open(fs, path, &o, call, &w, err);
    if (rc == 0)
        rc = cove__writer_write_end(w, data, size, err);
    if (rc == 0)
        rc = cove_writer_finish(w, err);
    if (rc == 0 && ret) {
        ret->etag = copy_known(cove_writer_etag(w));
        ret->version_id = copy_known(cove_writer_version_id(w));
    }
    cove_writer_free(w);
    return rc;
}

int cove_fs_write_file(cove_fs *fs, const char *path, const void *data, size_t size, const struct cove_call *call,
                       struct cove_error *err)
{
    return cove__fs_write_file(fs, path, data, size, call, NULL, err);
}

static int has_more(const struct cove__target *target, size_t max_bytes, struct cove_error *err)
{
    return cove__fs_fail(err, &target->ctx, COVE_ELIMIT, "has more than the %zu bytes that were allowed", max_bytes);
}

/*
 * A file whose size is not that of its content (one of /proc, or a local one that is growing): reads on until there are
 * no more bytes. `data` holds the first `*size` bytes.
 */
static int read_to_end(cove_fs *fs, const struct cove__target *target, const char *etag, size_t max_bytes,
                       uint8_t **data, size_t *size, struct cove_error *err)
{
    size_t cap = *size;

    for (;;) {
        struct cove_range range = { .offset = (int64_t)*size, .length = cap - *size };
        struct cove__fetch fetch = { .ranges = &range, .n_ranges = 1, .if_match = etag, .once = true };
        uint8_t *more;
        int rc;

        if (max_bytes && *size > max_bytes)
            return has_more(target, max_bytes, err);
        if (range.length == 0) {
            cap = cap < COVE__FIRST_BYTES_SIZE ? COVE__FIRST_BYTES_SIZE : cap * 2;
            more = cap < SIZE_MAX / 4 ? cove__realloc(*data, cap + 1) : NULL;
            if (!more)
                return cove__fail(err, COVE_ENOMEM, "read %s: out of memory for %zu bytes", target->url, cap);
            *data = more;
            range.length = cap - *size;
        }
        range.buffer = *data + *size;
        rc = cove__fs_fetch(fs, target, &fetch, err);
        cove__free(fetch.ret_etag);
        if (rc < 0)
            return rc;
        *size += (size_t)range.done;
        if (range.done == 0)
            return 0;
    }
}

/* The store's checksum of a file, requested while its bytes arrive. */
struct checksum_probe {
    struct cove__inbox inbox;
    struct cove__stat_io io;
    struct cove_info info;
    cove_cancel *stop;
};

static void checksum_probe_begin(struct checksum_probe *probe, cove_fs *fs, const struct cove__target *target)
{
    *probe = (struct checksum_probe){ .io = { .path = target->path, .ret_info = &probe->info } };
    cove__inbox_init(&probe->inbox);
    probe->io.op.inbox = &probe->inbox;
    probe->io.op.ctx = target->ctx;
    probe->stop = cove__cancel_child(target->ctx.cancel);
    if (probe->stop) /* else nothing ends it early */
        probe->io.op.ctx.cancel = probe->stop;
    cove__fs_start_stat(fs, &probe->io);
}

/* True: *ret_crc32c is that of the version with this etag. False: it is not available, or not `wanted` any more. */
static bool checksum_probe_end(struct checksum_probe *probe, bool wanted, const char *etag, uint32_t *ret_crc32c)
{
    if (!wanted && probe->stop)
        cove_cancel_fire(probe->stop);
    cove__inbox_wait(&probe->inbox);
    cove__inbox_done(&probe->inbox);
    cove_cancel_unref(probe->stop);
    bool known = probe->io.op.rc == 0 && probe->info.has_crc32c && etag && probe->info.etag &&
                 strcmp(etag, probe->info.etag) == 0;

    if (wanted && probe->io.op.rc < 0)
        cove__log(COVE_LOG_WARNING, "read", "%s; the bytes are not compared with the checksum of the whole file",
                  probe->io.op.err.message);
    *ret_crc32c = probe->info.crc32c;
    cove__info_done(&probe->info);
    return known;
}

/* Whether a local file seems to end after `have` bytes, although its size is given as `size`: one of /sys, whose sizes
 * are all 4096. A second read of the same version shows it. */
static bool has_ended(const cove_fs *fs, size_t have, size_t size)
{
    return fs->ops->real_directories && have < COVE__FIRST_BYTES_SIZE && have < size;
}

/* Reads the bytes from `have` to `*size` into `data`, and checks the whole against the store's checksum. */
static int read_rest(cove_fs *fs, const struct cove__target *target, const char *etag, uint8_t *data, size_t have,
                     size_t *size, struct cove_error *err)
{
    struct cove_range range = { .offset = (int64_t)have, .length = *size - have, .buffer = data + have };
    struct cove__fetch rest = {
        .ranges = &range, .n_ranges = 1, .if_match = etag, .if_size = (int64_t)*size, .once = true
    };
    uint32_t crc32c = cove__crc32c(0, data, have);
    struct checksum_probe probe;
    uint32_t kept;
    int rc;

    rest.wants_crc32c = !fs->ops->real_directories; /* what is on this machine has no checksum */
    if (rest.wants_crc32c)
        checksum_probe_begin(&probe, fs, target);
    rc = cove__fs_fetch(fs, target, &rest, err);
    bool known = rest.wants_crc32c && checksum_probe_end(&probe, rc == 0, etag, &kept);
    cove__free(rest.ret_etag);
    if (rc == 0 && range.done == 0 && has_ended(fs, have, *size)) {
        *size = have;
        return 0;
    }
    if (rc == 0 && range.done != (int64_t)range.length)
        return cove__fs_fail(err, &target->ctx, COVE_EPRECONDITION, "the file has become shorter while it was read");
    if (rc == 0 && known &&
        !cove__store_checksum_matches_bytes(kept, cove__crc32c_join(crc32c, rest.ret_crc32c, range.length), data,
                                            *size))
        return cove__fs_fail(err, &target->ctx, COVE_ECORRUPT,
                             "the bytes do not match the CRC32C checksum that the store keeps");
    return rc;
}

/* The whole file, `size` bytes, of whose version `head` has the first bytes. */
static int read_on(cove_fs *fs, const struct cove__target *target, size_t max_bytes,
                   const struct cove__first_bytes *head, size_t size, uint8_t **ret, size_t *ret_size,
                   struct cove_error *err)
{
    uint8_t *data = cove__malloc(size + 1);
    int rc = 0;

    if (!data)
        return cove__fail(err, COVE_ENOMEM, "read %s: out of memory for %zu bytes", target->url, size);
    memcpy(data, head->data, head->n);
    if (size > head->n)
        rc = read_rest(fs, target, head->etag, data, head->n, &size, err);
    else if (head->n > 0 && head->total < (int64_t)head->n)
        rc = read_to_end(fs, target, head->etag, max_bytes, &data, &size, err);
    if (rc < 0) {
        cove__free(data);
        return rc;
    }
    data[size] = '\0'; /* text can be used as it is */
    *ret = data;
    *ret_size = size;
    return 0;
}

/* ---- the first bytes ---- */

void cove__first_bytes_done(struct cove__first_bytes *head)
{
    cove__free(head->data);
    cove__free(head->etag);
    *head = (struct cove__first_bytes){ 0 };
}

static int read_head(cove_fs *fs, const struct cove__target *target, size_t length, struct cove__first_bytes *ret,
                     struct cove_error *err)
{
    struct cove_range range = { .length = length, .buffer = cove__malloc(length) };
    struct cove__fetch fetch = { .ranges = &range, .n_ranges = 1, .once = true };
    int rc;

    if (!range.buffer)
        return cove__fail_nomem(err, "a read");
    rc = cove__fs_fetch(fs, target, &fetch, err);
    if (rc < 0) {
        cove__free(range.buffer);
        return rc;
    }
    *ret = (struct cove__first_bytes){
        .data = range.buffer, .n = (size_t)range.done, .total = fetch.ret_total, .etag = fetch.ret_etag
    };
    return 0;
}

/* One file, whole or as a reader. */
struct whole {
    cove_fs *fs;
    const struct cove__target *target;
    const struct cove_call *of_reader;
    size_t at_once;   /* what is larger becomes a reader; 0: nothing */
    size_t max_bytes; /* 0: no limit */
    size_t size;      /* of the version before; 0: none */
    void **ret_data;
    size_t *ret_size;
    cove_reader **ret_reader; /* NULL: there is none */
};

/* The response to the first bytes has the size and the version; the rest follows in parallel, straight into the result.
 */
static int give(struct whole *w, struct cove__first_bytes *head, struct cove_error *err)
{
    bool known = head->total >= (int64_t)head->n;
    bool ended = known && has_ended(w->fs, head->n, (size_t)head->total);
    uint8_t *data = NULL;
    size_t size = 0;
    int rc;

    /* More bytes may have come than the size in the response's head. */
    w->size = known ? (size_t)head->total : head->n;
    if (ended && w->max_bytes && head->n <= w->max_bytes && w->size > w->max_bytes)
        w->size = w->max_bytes + 1; /* one byte more would be too many */
    else if (w->max_bytes && w->size > w->max_bytes)
        return known ? cove__fs_fail(err, &w->target->ctx, COVE_ELIMIT,
                                     "has %zu bytes, more than the %zu that were allowed", w->size, w->max_bytes)
                     : has_more(w->target, w->max_bytes, err);
    if (w->ret_reader && known && !ended && w->at_once && w->size > w->at_once)
        return cove__reader_from_first_bytes(w->fs, w->target->path, w->of_reader, head, w->ret_reader, err);
    rc = read_on(w->fs, w->target, w->max_bytes, head, w->size, &data, &size, err);
    if (rc == 0 && w->max_bytes && size > w->max_bytes)
        rc = has_more(w->target, w->max_bytes, err);
    if (rc < 0) {
        cove__free(data);
        return rc;
    }
    *w->ret_data = data;
    *w->ret_size = size;
    return 0;
}

/* A restart asks for the size of the version before first, a part at most, so that a small file comes in one request,
 * which another replacement can't fail. */
static int read_version(struct whole *w, struct cove_error *err)
{
    struct cove__part_rules rules = { 0 };
    struct cove__first_bytes head = { 0 };
    size_t length = COVE__FIRST_BYTES_SIZE;
    int rc;

    w->fs->ops->upload.part_rules(w->fs->self, NULL, &rules);
    if (w->size > length)
        length = w->size < rules.default_part ? w->size : rules.default_part;
    rc = read_head(w->fs, w->target, length, &head, err);
    if (rc == 0)
        rc = give(w, &head, err);
    cove__first_bytes_done(&head);
    return rc;
}

int cove__fs_read_from_first_bytes(cove_fs *fs, const char *path, size_t at_once, size_t max_bytes,
                                   struct cove__first_bytes *head, void **ret_data, size_t *ret_size,
                                   cove_reader **ret_reader, const struct cove_call *of_reader,
                                   const struct cove_call *call, struct cove_error *err)
{
    struct cove__target target;
    struct whole w = { fs, &target, of_reader, at_once, max_bytes, 0, ret_data, ret_size, ret_reader };
    unsigned times = 0;
    int rc = cove__target_init(&target, fs, path, call, "read", err);

    if (rc == 0) {
        rc = head->data ? give(&w, head, err) : read_version(&w, err);
        while (cove__fs_read_again(&target.ctx, rc, &times, err))
            rc = read_version(&w, err);
    }
    cove__target_done(&target);
    return rc;
}

int cove_fs_read_file(cove_fs *fs, const char *path, size_t max_bytes, void **ret_data, size_t *ret_size,
                      const struct cove_call *call, struct cove_error *err)
{
    struct cove__first_bytes none = { 0 };

    return cove__fs_read_from_first_bytes(fs, path, 0, max_bytes, &none, ret_data, ret_size, NULL, NULL, call, err);
}

int cove_fs_read_or_open(cove_fs *fs, const char *path, size_t at_once, size_t max_bytes, void **ret_data,
                         size_t *ret_size, cove_reader **ret_reader, const struct cove_call *call,
                         struct cove_error *err)
{
    struct cove__first_bytes none = { 0 };
    cove_reader *reader = NULL;
    void *data = NULL;
    size_t size = 0;
    int rc =
        cove__fs_read_from_first_bytes(fs, path, at_once, max_bytes, &none, &data, &size, &reader, call, call, err);

    if (rc < 0)
        return rc;
    *ret_data = data;
    *ret_size = size;
    *ret_reader = reader;
    return 0;
}

int cove_fs_append(cove_fs *fs, const char *path, const void *data, size_t size, const struct cove_call *call,
                   struct cove_error *err)
{
    struct cove__target target;
    void *tail = NULL;
    size_t added = 0;
    int rc = cove__target_init(&target, fs, path, call, "append", err);

    if (rc == 0 && !fs->ops->append.write)
        rc = cove__fs_fail(err, &target.ctx, COVE_ENOTSUP, "this store cannot append");
    if (rc == 0)
        rc = fs->ops->append.open(fs->self, target.path, false, NULL, &target.ctx, &tail, err);
    if (rc == 0) {
        rc = fs->ops->append.write(fs->self, tail, cove__slice(data, size), &target.ctx, &added, err);
        if (rc < 0 && added > 0)
            cove__error_prefix(err, rc, "only the first %zu of %zu bytes were added", added, size);
        fs->ops->append.close(fs->self, tail);
    }
    cove__target_done(&target);
    return rc;
}

int cove_read_url(const char *url, void **ret_data, size_t *ret_size, struct cove_error *err)
{
    cove_fs *fs = NULL;
    int rc = cove_fs_from_url(url, NULL, &fs, NULL, err);

    if (rc == 0)
        rc = cove_fs_read_file(fs, url, 0, ret_data, ret_size, NULL, err);
    cove_fs_unref(fs);
    return rc;
}

int cove_write_url(const char *url, const void *data, size_t size, struct cove_error *err)
{
    cove_fs *fs = NULL;
    int rc = cove_fs_from_url(url, NULL, &fs, NULL, err);

    if (rc == 0)
        rc = cove_fs_write_file(fs, url, data, size, NULL, err);
    cove_fs_unref(fs);
    return rc;
}
