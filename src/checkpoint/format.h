/*
 * The contract of a checkpoint format: one file, one of these tables, one row in checkpoint.c. A format turns a source
 * into a tree with all tensors still remote, and a tree into bytes for a sink. checkpoint.c decides what is loaded and
 * where the bytes go.
 */
#ifndef COVE_CHECKPOINT_FORMAT_H
#define COVE_CHECKPOINT_FORMAT_H

#include "checkpoint/storage.h"
#include "checkpoint/value.h"

/* Where a saved checkpoint goes; `data` is BORROWED for the call. */
struct cove__sink {
    int (*write)(void *user, const void *data, size_t size, struct cove_error *err);
    void *user;
};

struct cove__plan; /* each format's own: everything that is known before the first byte */

struct cove__format {
    enum cove_checkpoint_format id;
    const char *name;
    const char *suffix; /* names that end so are saved in it; NULL: all others */

    /* By the file's first bytes and its size. */
    bool (*detect)(struct cove__slice head, uint64_t size);
    /* The source has its head. COVE_ECORRUPT, COVE_EUNSAFE, COVE_ENOTSUP, COVE_ELIMIT. */
    int (*load)(struct cove__source *source, const struct cove_call *call, cove_value **ret_tree,
                struct cove_error *err);

    /* Saving; NULL: the format is only read. */
    /* Checks the whole tree and computes how many bytes it will be. The tree is BORROWED until the plan is freed.
     * COVE_EINVAL, COVE_ELIMIT, COVE_ESTATE: a tensor is still remote. */
    int (*plan)(const cove_value *tree, struct cove__plan **ret_plan, uint64_t *ret_size, struct cove_error *err);
    int (*write)(struct cove__plan *plan, const struct cove__sink *sink, struct cove_error *err);
    void (*plan_free)(struct cove__plan *plan); /* NULL accepted */
};

extern const struct cove__format cove__torch_format;
extern const struct cove__format cove__torch_legacy_format; /* has the same id; distinguished by its first bytes */
extern const struct cove__format cove__safetensors_format;

/* torch_save.c's part of the torch format. */
int cove__torch_plan(const cove_value *tree, struct cove__plan **ret_plan, uint64_t *ret_size, struct cove_error *err);
int cove__torch_write(struct cove__plan *plan, const struct cove__sink *sink, struct cove_error *err);
void cove__torch_plan_free(struct cove__plan *plan);

/* file_kind.c: what a file with these first bytes is, in words; `size` is at least COVE__FILE_KIND_MAX. */
#define COVE__FILE_KIND_MAX 96
void cove__file_kind(struct cove__slice head, char *text, size_t size);

/* walk.c: every tensor below `tree` in its order, BORROWED; the array is the caller's (cove__free). COVE_ELIMIT: too
 * deep, too many. */
int cove__tree_tensors(cove_value *tree, cove_value ***ret_tensors, size_t *ret_n, struct cove_error *err);
/* The first opaque value below `tree`, BORROWED, or NULL. COVE_ELIMIT as above. */
int cove__tree_find_opaque(cove_value *tree, cove_value **ret, struct cove_error *err);
/* The dotted path of `target` below `tree`, cut to fit; for messages. */
void cove__tree_path(const cove_value *tree, const cove_value *target, char *path, size_t size);
/* 0 if every one of `tensors` has its memory; else COVE_ESTATE, naming the first that has not. */
int cove__tree_check_fetched(const cove_value *tree, cove_value *const *tensors, size_t n, struct cove_error *err);

#endif
