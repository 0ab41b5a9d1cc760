/* The timeout of an iterator: the whole for each step, however many pages it fetches, or one for all steps together, in
 * which the time that its caller spends between them does not count. */
#ifndef COVE_FS_TIME_LEFT_H
#define COVE_FS_TIME_LEFT_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/fs_impl.h"

/* Zeroed: each step has the whole timeout. */
struct cove__time_left {
    bool shared;
    int64_t left_ns; /* of all steps together; INT64_MAX: no timeout */
    int64_t began_ns;
};

/* From now on one timeout is for all steps together. */
void cove__time_left_share(struct cove__time_left *t, const cove_fs *fs, const struct cove_call *call);
/* A step begins: its deadline. */
int64_t cove__time_left_begin(struct cove__time_left *t, const cove_fs *fs, const struct cove_call *call);
void cove__time_left_end(struct cove__time_left *t);

#endif
