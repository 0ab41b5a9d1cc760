/*
 * The front of checkpoints: picks the format, reads and writes the file, decides which tensors are loaded. The formats
 * are behind format.h; below: fs and stream.
 */
#include <stdlib.h>
#include <string.h>

#include <cove/checkpoint.h>
#include <cove/stream.h>

#include "base/error.h"
#include "base/mem.h"
#include "checkpoint/format.h"
#include "fs/fs_impl.h"

static const struct cove__format *const formats[] = { &cove__torch_format, &cove__safetensors_format,
                                                      &cove__torch_legacy_format };
#define N_FORMATS (sizeof(formats) / sizeof(formats[0]))

static const struct cove__format *format_by_id(enum cove_checkpoint_format id)
{
    for (size_t i = 0; i < N_FORMATS; i++)
        if (formats[i]->id == id)
            return formats[i];
    return NULL;
}

static const struct cove__format *format_by_name(const char *path)
{
    size_t length = strlen(path);
    for (size_t i = 0; i < N_FORMATS; i++) {
        size_t n = formats[i]->suffix ? strlen(formats[i]->suffix) : 0;
        if (n > 0 && length > n && strcmp(path + length - n, formats[i]->suffix) == 0)
            return formats[i];
    }
    return &cove__torch_format;
}

/* `id`: the required format, or COVE_CHECKPOINT_FORMAT_AUTO. */
static const struct cove__format *format_by_bytes(enum cove_checkpoint_format id, struct cove__slice head,
                                                  uint64_t size)
{
    for (size_t i = 0; i < N_FORMATS; i++)
        if ((id == COVE_CHECKPOINT_FORMAT_AUTO || formats[i]->id == id) && formats[i]->detect(head, size))
            return formats[i];
    return NULL;
}

/* ---- saving ---- */

static int sink_write(void *user, const void *data, size_t size, struct cove_error *err)
{
    return cove_writer_write(user, data, size, err);
}

static int write_planned(cove_fs *fs, const char *path, const struct cove__format *format, struct cove__plan *plan,
                         uint64_t size, const struct cove_call *call, struct cove_error *err)
{
    struct cove_writer_options options = COVE_WRITER_OPTIONS_INIT;
    struct cove__sink sink = { .write = sink_write };
    cove_writer *writer = NULL;
    options.expected_size = (int64_t)size;
    int rc = cove_writer_open(fs, path, &options, call, &writer, err);
    if (rc < 0)
        return rc;
    sink.user = writer;
    rc = format->write(plan, &sink, err);
    if (rc == 0)
        rc = cove_writer_finish(writer, err);
    cove_writer_free(writer);
    return rc;
}

int cove_checkpoint_save(cove_fs *fs, const char *path, const cove_value *tree,
                         const struct cove_checkpoint_save_options *options, const struct cove_call *call,
                         struct cove_error *err)
{
    struct cove_checkpoint_save_options o = COVE_CHECKPOINT_SAVE_OPTIONS_INIT;
    struct cove__target target = { 0 };
    struct cove__plan *plan = NULL;
    struct cove_error inner = COVE_ERROR_INIT;
    uint64_t size = 0;
    int rc = cove__target_init(&target, fs, path, call, "save", err);
    if (rc == 0)
        rc = COVE__TARGET_OPTIONS(&target, &o, options, err);
    if (rc < 0)
        goto out;
    const struct cove__format *format = o.format ? format_by_id(o.format) : format_by_name(target.path);
    if (!format || !tree) {
        rc = cove__fs_fail(err, &target.ctx, COVE_EINVAL, "%s", format ? "no tree was given" : "no such format");
        goto out;
    }
    rc = format->plan(tree, &plan, &size, &inner);
    if (rc < 0) {
        cove__fs_fail(err, &target.ctx, rc, "%s", inner.message);
        goto out;
    }
    rc = write_planned(fs, target.path, format, plan, size, call, err);
    format->plan_free(plan);
out:
    cove__target_done(&target);
    return rc;
}

/* ---- the file behind a source ---- */

struct file {
    cove_fs *fs;
    char *path, *etag; /* etag NULL: the store has none */
};

static int file_read(void *user, struct cove_range *ranges, size_t n, const struct cove_call *call,
                     struct cove_error *err)
{
    struct file *file = user;
    struct cove__target target = { 0 };
    struct cove__fetch fetch = { .ranges = ranges, .n_ranges = n, .if_match = file->etag };
    int rc = cove__target_init(&target, file->fs, file->path, call, "load", err);
    if (rc == 0)
        rc = cove__fs_fetch_merged(file->fs, &target, &fetch, err);
    cove__free(fetch.ret_etag);
    cove__target_done(&target);
    return rc;
}

static void file_close(void *user)
{
    struct file *file = user;
    cove_fs_unref(file->fs);
    cove__free(file->path);
    cove__free(file->etag);
    cove__free(file);
}

static const struct cove__source_ops file_ops = { file_read, file_close };

/* Reads the file's first bytes; their response has its size and version, and later reads are of that version. */
static int file_open(cove_fs *fs, const struct cove__target *target, struct cove__source **ret, struct cove_error *err)
{
    struct file *file = cove__calloc(1, sizeof(*file));
    uint8_t *head = cove__malloc(COVE__SOURCE_HEAD);
    struct cove_range range = { .offset = 0, .length = COVE__SOURCE_HEAD, .buffer = head };
    struct cove__fetch fetch = { .ranges = &range, .n_ranges = 1 };
    struct cove__source *source = NULL;
    int rc = 0;
    if (!file || !head) {
        cove__free(file);
        rc = cove__fail_nomem(err, "a checkpoint's file");
        goto out;
    }
    file->fs = cove_fs_ref(fs);
    file->path = cove__strdup(target->path);
    rc = file->path ? cove__fs_fetch(fs, target, &fetch, err) : cove__fail_nomem(err, "a checkpoint's file");
    if (rc == 0 && fetch.ret_total < range.done)
        rc = cove__fs_fail(err, &target->ctx, COVE_EPROTOCOL, "the response has no size of the file");
    if (rc < 0) {
        file_close(file);
        goto out;
    }
    file->etag = fetch.ret_etag;
    fetch.ret_etag = NULL;
    rc = cove__source_new(&file_ops, file, target->url, (uint64_t)fetch.ret_total, &source, err);
    if (rc < 0)
        goto out;
    source->head = head;
    source->head_size = (size_t)range.done;
    head = NULL;
    *ret = source;
out:
    cove__free(head);
    cove__free(fetch.ret_etag);
    return rc;
}

/* ---- loading ---- */

static int refuse_format(const struct cove__source *source, enum cove_checkpoint_format wanted,
                         const struct cove__target *target, struct cove_error *err)
{
    struct cove__slice head = cove__slice(source->head, source->head_size);
    const struct cove__format *other = wanted ? format_by_bytes(COVE_CHECKPOINT_FORMAT_AUTO, head, source->size) : NULL;
    char kind[COVE__FILE_KIND_MAX];
    if (other)
        return cove__fs_fail(err, &target->ctx, COVE_ECORRUPT, "not in the format that was asked for, %s, but %s",
                             format_by_id(wanted)->name, other->name);
    if (source->head_size >= 262 && memcmp(source->head + 257, "ustar", 5) == 0)
        return cove__fs_fail(err, &target->ctx, COVE_ENOTSUP,
                             "a tar archive, as torch wrote before 0.1.10; save it again with Python: "
                             "torch.save(torch.load(path, weights_only=False), path)");
    cove__file_kind(head, kind, sizeof(kind));
    return cove__fs_fail(err, &target->ctx, COVE_ECORRUPT,
                         "neither a file of torch.save nor a safetensors file, but %s (%llu bytes)", kind,
                         (unsigned long long)source->size);
}

/* The tensors to load: all remote ones below `tree`, or below each path of `paths`. Opaque values there are an error
 * unless they are allowed. */
static int choose(cove_value *tree, const struct cove_checkpoint_load_options *o, cove_value ***ret, size_t *ret_n,
                  struct cove_error *err)
{
    cove_value **chosen = NULL;
    size_t n = 0, cap = 0;
    int rc = 0;
    for (size_t i = 0; i < (o->paths ? o->n_paths : 1) && rc == 0; i++) {
        cove_value **tensors = NULL;
        size_t n_tensors = 0;
        cove_value *root = o->paths ? cove_value_find(tree, o->paths[i]) : tree;
        if (!root) {
            rc = cove__fail(err, COVE_ENOTFOUND, "there is no \"%.200s\" in it", o->paths[i] ? o->paths[i] : "");
            break;
        }
        rc = o->allow_opaque ? 0 : cove__opaque_check(root, o->paths ? o->paths[i] : "", err);
        if (rc == 0)
            rc = cove__tree_tensors(root, &tensors, &n_tensors, err);
        if (rc == 0 && cove__grow(&chosen, &cap, n + n_tensors, sizeof(*chosen), SIZE_MAX / sizeof(*chosen)) < 0)
            rc = cove__fail_nomem(err, "a list of tensors");
        for (size_t k = 0; k < n_tensors && rc == 0; k++)
            if (tensors[k]->u.tensor->span > 0 && !tensors[k]->u.tensor->data)
                chosen[n++] = tensors[k];
        cove__free(tensors);
    }
    if (rc < 0) {
        cove__free(chosen);
        return rc;
    }
    *ret = chosen;
    *ret_n = n;
    return 0;
}

static int load_tensors(cove_value *tree, const struct cove_checkpoint_load_options *o, const struct cove_call *call,
                        struct cove_error *err)
{
    cove_value **tensors = NULL;
    size_t n = 0;
    if (o->lazy)
        return 0;
    int rc = choose(tree, o, &tensors, &n, err);
    if (rc == 0 && n > 0)
        rc = cove__tensors_load(tensors, n, o->max_bytes, call, err);
    cove__free(tensors);
    return rc;
}

/* The filesystem's messages name the URL; those of the formats do not, so it is added. */
static int explain(struct cove_error *err, const struct cove__target *target, const struct cove_error *inner, int rc)
{
    if (strstr(inner->message, target->url))
        return cove__error_copy(err, inner);
    return cove__fs_fail(err, &target->ctx, rc, "%s", inner->message);
}

int cove_checkpoint_load(cove_fs *fs, const char *path, const struct cove_checkpoint_load_options *options,
                         const struct cove_call *call, cove_value **ret_tree, struct cove_error *err)
{
    struct cove_checkpoint_load_options o = COVE_CHECKPOINT_LOAD_OPTIONS_INIT;
    struct cove__target target = { 0 };
    struct cove__source *source = NULL;
    struct cove_error inner = COVE_ERROR_INIT;
    cove_value *tree = NULL;
    int rc = cove__target_init(&target, fs, path, call, "load", err);
    if (rc == 0)
        rc = COVE__TARGET_OPTIONS(&target, &o, options, err);
    if (rc == 0)
        rc = file_open(fs, &target, &source, err);
    if (rc < 0)
        goto out;
    struct cove__slice head = cove__slice(source->head, source->head_size);
    if (o.format && !format_by_id(o.format)) {
        rc = cove__fs_fail(err, &target.ctx, COVE_EINVAL, "no such format");
        goto out;
    }
    const struct cove__format *format = format_by_bytes(o.format, head, source->size);
    if (!format) {
        rc = refuse_format(source, o.format, &target, err);
        goto out;
    }
    rc = format->load(source, call, &tree, &inner);
    if (rc == 0)
        rc = load_tensors(tree, &o, call, &inner);
    if (rc < 0) {
        explain(err, &target, &inner, rc);
        cove_value_unref(tree);
        goto out;
    }
    *ret_tree = tree;
out:
    if (source)
        cove__source_forget(source);
    cove__source_unref(source);
    cove__target_done(&target);
    return rc;
}

/* ---- with a URL alone ---- */

int cove_checkpoint_save_url(const char *url, const cove_value *tree, struct cove_error *err)
{
    cove_fs *fs = NULL;
    char *path = NULL;
    int rc = cove_fs_from_url(url, NULL, &fs, &path, err);
    if (rc == 0)
        rc = cove_checkpoint_save(fs, path, tree, NULL, NULL, err);
    cove_fs_unref(fs);
    cove_free(path);
    return rc;
}

int cove_checkpoint_load_url(const char *url, cove_value **ret_tree, struct cove_error *err)
{
    cove_fs *fs = NULL;
    char *path = NULL;
    int rc = cove_fs_from_url(url, NULL, &fs, &path, err);
    if (rc == 0)
        rc = cove_checkpoint_load(fs, path, NULL, NULL, ret_tree, err);
    cove_fs_unref(fs);
    cove_free(path);
    return rc;
}
