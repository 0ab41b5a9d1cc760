/*
 * Deletions of objects: what a backend needs to know for deletions of many objects by one request (a batch), and what
 * remove.c, batch.c and delete.c share.
 */
#ifndef COVE_FS_OBJECT_REMOVE_H
#define COVE_FS_OBJECT_REMOVE_H

#include "fs/object/name.h"
#include "fs/object/request.h"

/* One object to be deleted. BORROWED. */
struct cove__object_deletion {
    struct cove__object_name name;
    const char *version; /* only if the object has this one; NULL: any */
    bool with_snapshots; /* else an object that has snapshots is refused */
};

/* How one deletion of a batch ended. Without an index and a key: the whole batch. */
struct cove__object_deletion_result {
    /* Which one: the index that `add` got, or where that is COVE__DELETION_BY_NAME its key and version id. */
    size_t index;
    struct cove__slice key, version_id;
    int rc;     /* 0: deleted; or an error */
    bool retry; /* the error may pass */
    enum cove__object_refusal refusal;
    const char *code, *message; /* the store's own of the error; NULL: none. BORROWED for the call */
    int status;                 /* HTTP, for a message where there is neither; 0: none */
};
#define COVE__DELETION_BY_NAME SIZE_MAX

typedef void cove__object_deletion_fn(void *user, const struct cove__object_deletion_result *result);

/* A batch is a POST to the bucket. Deletions without a result are done. */
struct cove__object_batch_ops {
    size_t max;                                      /* deletions in one batch */
    void (*request)(struct cove__object_request *r); /* completes method, query and headers */
    /*
     * Write the body: what stands before the first deletion (NULL: nothing), one deletion, what stands after the last
     * (NULL: nothing). `add` returns false where the deletion cannot be in a batch, as a key that the body cannot hold;
     * the engine then drops what it added. Where each part is signed, `prepare` fetches the keys into the request's
     * state and calls cove__object_batch_write, so that `add` has them; before the first attempt the engine calls all
     * three without.
     */
    void (*begin)(struct cove__object_request *r, struct cove__buf *body);
    bool (*add)(struct cove__object_request *r, size_t index, const struct cove__object_deletion *deletion,
                struct cove__buf *body);
    void (*end)(struct cove__object_request *r, struct cove__buf *body);
    /* cove__object_body with the checksums that the store wants here. NULL: none. */
    void (*set_body)(struct cove__object_request *r, struct cove__slice body);
    /* Reads a good response; `result` gets at least each failure. 0; COVE_EPROTOCOL: it cannot be read, or it lacks
     * results; COVE_ELIMIT, COVE_ENOMEM. */
    int (*response)(const struct cove__object_request *r, cove__object_deletion_fn *result, void *user);
    /* Each deletion has a result, the good ones too: one without may have failed. Else only failures are listed. */
    bool answers_each;
};

/* Of a request that is a batch: writes and sets its body again, of the deletions that are still to be done. 0,
 * COVE_ENOMEM, COVE_ELIMIT. */
int cove__object_batch_write(struct cove__object_request *r);

/* Deletions that failed: their number, and the first one with the store's code and sentence. */
struct cove__object_failed {
    size_t n;
    int rc;
    char key[256], code[64], message[256];
};

/* The error of them: "3 could not be deleted, the first: …". Returns its code. */
int cove__object_failed_error(const struct cove__object_failed *f, const struct cove__ctx *ctx, struct cove_error *err);

/* Removes objects by their names, as listings give them. As the slot cove__object_remove, without versions. Names that
 * the store refuses keep no others from being removed, and are added to `failed`: that is success here. */
int cove__object_remove_exact(struct cove__object_store *store, const char *const *paths, size_t n,
                              struct cove__object_failed *failed, const struct cove__ctx *ctx, struct cove_error *err);

/* As the slot cove__object_remove, for objects that a call of ours has replaced or made, or that a move has copied:
 * their snapshots were not to be removed, so an object that has some is kept (COVE_ENOTEMPTY). */
int cove__object_remove_current(struct cove__object_store *store, const char *const *paths, const char *const *versions,
                                size_t n, const struct cove__ctx *ctx, struct cove_error *err);

/* ---- delete.c, batch.c ---- */

/* Objects of one bucket. BORROWED. */
struct cove__object_deletions {
    const char *const *paths;
    const char *const *versions; /* NULL, or NULL entries: any version */
    size_t n;
    bool exact;          /* the paths are names, as listings give them: none of them ends in a version */
    bool with_snapshots; /* those of the objects go, too; else an object that has some is refused */
};

struct cove__object_deletion cove__object_deletion_at(const struct cove__object_store *store,
                                                      const struct cove__object_deletions *all, size_t i);
/* Several at once, a request each. COVE_EPRECONDITION: some have changed, and the others are deleted. */
int cove__object_delete_each(struct cove__object_store *store, const struct cove__object_deletions *all,
                             const struct cove__ctx *ctx, struct cove_error *err);
/* The first of them by one batch. *ret_n: how many; *ret_alone: they were not deleted, and a batch cannot do it. Names
 * that the store refuses, each for itself, are added to `failed`: that is success here. */
int cove__object_delete_batch(struct cove__object_store *store, struct cove__object_deletions all,
                              struct cove__object_failed *failed, const struct cove__ctx *ctx, size_t *ret_n,
                              bool *ret_alone, struct cove_error *err);

#endif
