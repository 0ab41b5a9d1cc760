/* What a read and a put under way share: requests that end on a loop, and finish the caller's op. */
#ifndef COVE_FS_OBJECT_TASK_H
#define COVE_FS_OBJECT_TASK_H

#include "fs/object/operations.h"

/* The first member of a read or put under way, whose memory is from cove__calloc. */
struct cove__object_task {
    struct cove__object_request r; /* its `user` is the task */
    /* the caller's, BORROWED until the task is finished: */
    struct cove__op *op;
    const char *path;
    char **ret_etag;
    char **ret_version_id; /* NULL: not wanted */
    int failed;            /* the result of the put or read, while a follow-up asks for more */
    struct cove_error why;
};

/* Initializes its request too. */
void cove__object_task_init(struct cove__object_task *t, struct cove__object_store *store, const char *method);
/* A follow-up about the same object. */
void cove__object_task_restart(struct cove__object_task *t, const char *method);
/* The version in the response becomes *ret_etag, and its ID *ret_version_id where that is wanted. 0, COVE_ENOMEM. */
int cove__object_task_keep_version(struct cove__object_task *t, struct cove_error *err);
/* Frees the task and finishes the op. */
void cove__object_task_finish(struct cove__object_task *t, int rc, int64_t count, const struct cove_error *err);

#endif
