/* The directory of one run of a logger: save_dir/name/version_N, found and described the same way by every logger. */
#ifndef COVE_TRAINER_RUN_DIR_H
#define COVE_TRAINER_RUN_DIR_H

#include <cove/trainer.h>

struct cove__run_dir {
    /* given; owned; NULL: not given */
    char *save_dir, *name, *version;
    cove_options *storage;
    /* once open; owned */
    char *root_dir; /* save_dir/name */
    char *dir;      /* save_dir/name/version */
    cove_fs *fs;    /* a reference */
    char *path;     /* of `dir` in it */
};

int cove__run_dir_init(struct cove__run_dir *run, const struct cove_logger_options *options, struct cove_error *err);
void cove__run_dir_done(struct cove__run_dir *run);
/* Finds the version, the next free one where none is given, and makes the directory. A second open keeps the directory.
 */
int cove__run_dir_open(struct cove__run_dir *run, const char *root, const cove_options *storage,
                       struct cove_error *err);
/* Writes hparams.yaml. */
int cove__run_dir_hparams(const struct cove__run_dir *run, const struct cove_hparam *hparams, size_t n,
                          struct cove_error *err);
/* A path in the directory; NULL: no memory. */
char *cove__run_dir_path(const struct cove__run_dir *run, const char *name);

#endif
