/* How a writer begins: its options, and the sizes of its parts. See writer.h. */
#include "stream/writer.h"

#include <string.h>

#include "base/budget.h"
#include "base/copy_options.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/mem.h"
#include "fs/pairs.h"

#define FIRST_MAX  ((size_t)256 << 20)
#define ALONE_PART ((size_t)1 << 20) /* for a store that takes one part at a time, as a local file */

static int copy_text(const char *text, char **ret)
{
    *ret = text ? cove__strdup(text) : NULL;
    return text && !*ret ? COVE_ENOMEM : 0;
}

void cove__writer_destroy(struct cove_writer *w)
{
    cove__budget_put(w->filling.buffer, w->filling.cap);
    cove__inbox_done(&w->inbox);
    cove__target_done(&w->target);
    cove_cancel_unref(w->stop);
    cove__free(w->etag);
    cove__free(w->new_etag);
    cove__free(w->version_id);
    cove__free(w->content_type);
    cove__free(w->metadata);
    cove_parts_free(w->made);
    cove_fs_unref(w->fs);
    cove__free(w);
}

/* The one size of all parts, where their digests are kept: the base's, if the new object can be cut so. */
static size_t fixed_part(const struct cove__part_rules *rules, const struct cove_writer_options *o)
{
    size_t part = o->base ? o->base->part_size : 0;

    if (part < rules->min_part || part > rules->max_part || (rules->multiple && part % rules->multiple))
        return rules->default_part;
    if (rules->max_parts && o->expected_size > 0 && (o->expected_size - 1) / (int64_t)part >= rules->max_parts)
        return rules->default_part;
    return part;
}

/* Whether the store takes one part at a time, of any size: larger parts gain nothing. */
static bool is_alone(const struct cove__part_rules *rules)
{
    return rules->parallel <= 1 && rules->min_part <= ALONE_PART && !rules->ordered;
}

/* What the caller wants, within the store's bounds. */
static size_t first_part(const struct cove__part_rules *rules, const struct cove_writer_options *o)
{
    size_t part = o->first_part < FIRST_MAX ? o->first_part : FIRST_MAX;

    if (part == 0 || rules->equal_parts || is_alone(rules))
        return rules->default_part;
    part = part > rules->min_part ? part : rules->min_part;
    part -= rules->multiple ? part % rules->multiple : 0;
    return part < rules->max_part ? part : rules->max_part;
}

static int plan_parts(struct cove_writer *w, const struct cove_writer_options *o, struct cove_error *err)
{
    const struct cove__fs_ops *ops = w->fs->ops;
    const struct cove_parts *base = o->base;

    /* Stores copy ranges only of objects that are larger than a part. */
    if (base && ops->upload.copy_part && base->etag && base->n > 1 && strcmp(base->store, ops->name) == 0)
        w->base = base;
    w->put.copies = w->base;
    ops->upload.part_rules(w->fs->self, &w->put, &w->rules);
    w->put.unordered = !w->rules.ordered;
    if (!o->keep_parts && !base) {
        if (is_alone(&w->rules) && w->rules.default_part > ALONE_PART)
            w->rules.default_part = ALONE_PART; /* larger writes are sent from the caller's memory */
        w->first_part = first_part(&w->rules, o);
        return 0;
    }
    w->rules.default_part = fixed_part(&w->rules, o);
    w->rules.equal_parts = true;
    w->first_part = w->rules.default_part;
    w->made = cove__parts_new(ops->name, w->target.path, w->rules.default_part);
    if (!w->made)
        return cove__fail_nomem(err, "a writer");
    return 0;
}

static int take_properties(struct cove_writer *w, const struct cove_writer_options *o, struct cove_error *err)
{
    size_t n = 0;

    if (o->condition == COVE_WRITE_IF_MATCH && !o->etag)
        return cove__fs_fail(err, &w->target.ctx, COVE_EINVAL, "a conditional replace needs an etag");
    if (o->condition == COVE_WRITE_IF_MATCH && cove__fs_check_etag(w->fs, o->etag, &w->target.ctx, err) < 0)
        return COVE_EINVAL;
    if (o->content_type && strpbrk(o->content_type, "\r\n"))
        return cove__fs_fail(err, &w->target.ctx, COVE_EINVAL, "the content type has a line break");
    int rc = cove__metadata_check(o->metadata, o->n_metadata, false, &w->target.ctx, err);
    if (rc < 0)
        return rc;
    if (copy_text(o->etag, &w->etag) < 0 || copy_text(o->content_type, &w->content_type) < 0 ||
        cove__pairs_copy(o->metadata, o->n_metadata, &w->metadata, &n) < 0)
        return cove__fail_nomem(err, "a writer");
    w->put = (struct cove__put){ .condition = o->condition,
                                 .etag = w->etag,
                                 .content_type = w->content_type,
                                 .metadata = w->metadata,
                                 .n_metadata = n,
                                 .expected_size = o->expected_size };
    return 0;
}

int cove_writer_open(cove_fs *fs, const char *path, const struct cove_writer_options *options,
                     const struct cove_call *call, cove_writer **ret_writer, struct cove_error *err)
{
    struct cove_writer_options o = COVE_WRITER_OPTIONS_INIT;
    cove_writer *w = cove__calloc(1, sizeof *w);
    int rc;

    if (!w)
        return cove__fail_nomem(err, "a writer");
    w->fs = cove_fs_ref(fs);
    w->generation = cove__fork_generation();
    w->err = (struct cove_error)COVE_ERROR_INIT;
    w->call = cove__call_of(call);
    cove__inbox_init(&w->inbox);
    w->stop = cove__cancel_child(w->call.cancel);
    rc = w->stop ? cove__target_init(&w->target, fs, path, call, "write", err) : cove__fail_nomem(err, "a writer");
    if (rc == 0 && !fs->ops->put)
        rc = cove__fs_fail(err, &w->target.ctx, COVE_ENOTSUP, "this store cannot be written to");
    if (rc == 0)
        rc = COVE__TARGET_OPTIONS(&w->target, &o, options, err);
    if (rc == 0)
        rc = take_properties(w, &o, err);
    if (rc == 0)
        rc = plan_parts(w, &o, err);
    if (rc < 0) {
        cove__writer_destroy(w);
        return rc;
    }
    w->target.ctx.cancel = w->stop;
    *ret_writer = w;
    return 0;
}
