/* Loggers: where a trainer's metrics and hyperparameters go. */
#ifndef COVE_LOGGER_H
#define COVE_LOGGER_H

#include <stddef.h>
#include <stdint.h>

#include <cove/error.h>
#include <cove/events.h>
#include <cove/options.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cove_logger cove_logger;

/* A logger. The struct is copied by cove_trainer_new; what it points to is BORROWED until the trainer is freed. */
struct cove_logger {
    size_t size;
    void *self;
    /* Called at the start of each fit and validate; a later call continues in the same place. `root` is the trainer's
     * default_root_dir, `storage` its options, both BORROWED until the call returns. */
    int (*open)(void *self, const char *root, const cove_options *storage, struct cove_error *err);
    int (*log_hyperparams)(void *self, const struct cove_hparam *hparams, size_t n_hparams, struct cove_error *err);
    int (*log_metrics)(void *self, const struct cove_metric *metrics, size_t n_metrics, int64_t step,
                       struct cove_error *err);
    /* At the end of each run, also after a failure: everything logged is then where it belongs. */
    int (*close)(void *self, struct cove_error *err);
    const char *(*log_dir)(void *self);  /* URL, once open; NULL: none. Checkpoints go below it */
    const char *(*root_dir)(void *self); /* URL of the directory of all versions; NULL: no versions */
    void (*free)(void *self);            /* for cove_logger_free */
};
#define COVE_LOGGER_INIT                                                                                               \
    {                                                                                                                  \
        sizeof(struct cove_logger), 0, 0, 0, 0, 0, 0, 0, 0                                                             \
    }
COVE_API void cove_logger_free(cove_logger *logger); /* NULL accepted; after the trainer that had it */

/* Both write below save_dir/name/version: Lightning's layout. Strings are copied. */
struct cove_logger_options {
    size_t size;
    const char *save_dir;        /* URL; NULL: the trainer's default_root_dir */
    const char *name;            /* "lightning_logs" */
    const char *version;         /* "version_3", or any name; NULL: the next free version_N */
    const cove_options *storage; /* of save_dir's filesystem; copied by the call; NULL: the trainer's */
};
#define COVE_LOGGER_OPTIONS_INIT                                                                                       \
    {                                                                                                                  \
        sizeof(struct cove_logger_options), 0, "lightning_logs", 0, 0                                                  \
    }
COVE_API int cove_tensorboard_logger_new(const struct cove_logger_options *options, cove_logger **ret_logger,
                                         struct cove_error *err);
COVE_API int cove_csv_logger_new(const struct cove_logger_options *options, cove_logger **ret_logger,
                                 struct cove_error *err);

#ifdef __cplusplus
}
#endif
#endif
