/* A read or a put under way: requests that end on a loop, and finish the caller's io. For read.c and put.c. */
#ifndef COVE_FS_OBJECT_TASK_H
#define COVE_FS_OBJECT_TASK_H

#include "fs/object/operations.h"

struct cove__object_task {
    struct cove__object_request r; /* first, so that a request's end finds the task */
    struct cove__io *io;
    enum cove_write_if condition; /* of a put */
    enum cove__condition_mode mode;
    struct cove__write_mark mark;
    /* of a read */
    int64_t offset;                     /* where it begins; negative: from the end */
    const char *match;                  /* the version that is asked for; NULL: any */
    char version[COVE__HEADER_MAX];     /* of the bytes that have arrived */
    char end_version[COVE__HEADER_MAX]; /* of the object whose size gives the offset of its last bytes */
    unsigned tries;                     /* to find that out */
    int failed;                         /* the result of the put or read, while a follow-up asks for more */
    struct cove_error why;
};

/* With its request initialized; NULL: there was no memory, and the io is finished. */
struct cove__object_task *cove__object_task_new(struct cove__object_store *store, struct cove__io *io,
                                                const char *method);
/* A follow-up of the same io, about the same object. */
void cove__object_task_restart(struct cove__object_task *t, const char *method);
/* The version in the response becomes io->ret_etag, and its ID *io->ret_version_id where that is wanted. 0,
 * COVE_ENOMEM.
 */
int cove__object_task_keep_version(struct cove__object_task *t, struct cove_error *err);
/* Frees the task and finishes the io. */
void cove__object_task_finish(struct cove__object_task *t, int rc, int64_t count, const struct cove_error *err);

#endif
