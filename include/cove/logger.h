/*
 * Loggers: where a trainer's metrics and hyperparameters go.
 *
 * A logger belongs to the caller, who frees it with cove_logger_free after the trainers that have it. One thread at a
 * time may use it; its functions run on the thread that called fit or validate, and may wait for a store. Their
 * arguments are BORROWED until they return; their return values are those of hooks.h.
 */
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
    size_t size; /* sizeof, set by the macro */
    void *self;  /* the program's, the first argument of each function */
    /* Called at the start of each fit and validate; a later call continues in the same place. `root` is the trainer's
     * default_root_dir, a URL; `storage` the options of its filesystem. */
    int (*open)(void *self, const char *root, const cove_options *storage, struct cove_error *err);
    int (*log_hyperparams)(void *self, const struct cove_hparam *hparams, size_t n_hparams, struct cove_error *err);
    int (*log_metrics)(void *self, const struct cove_metric *metrics, size_t n_metrics, int64_t step,
                       struct cove_error *err);
    /* At the end of each run, also after a failure. When it returns 0, everything that was logged is stored. */
    int (*close)(void *self, struct cove_error *err);
    /* The URL of the run's directory, after `open`; checkpoints go below it. And that of the directory of all versions.
     * BORROWED until the next `open` or the free; NULL: there is none. */
    const char *(*log_dir)(void *self);
    const char *(*root_dir)(void *self);
    void (*free)(void *self); /* called by cove_logger_free; NULL: nothing to free */
};
#define COVE_LOGGER_INIT                                                                                               \
    {                                                                                                                  \
        sizeof(struct cove_logger), 0, 0, 0, 0, 0, 0, 0, 0                                                             \
    }
/* Calls the logger's `free`. Of a built-in logger it frees the struct too. Not before the trainers that have it are
 * freed. NULL accepted. */
COVE_API void cove_logger_free(cove_logger *logger);

/* Both built-in loggers write below save_dir/name/version: Lightning's layout. Strings are copied by the call. */
struct cove_logger_options {
    size_t size;                 /* sizeof, set by the macro */
    const char *save_dir;        /* URL; NULL: the trainer's default_root_dir */
    const char *name;            /* default "lightning_logs"; NULL or "": no directory of this name */
    const char *version;         /* "version_3", or any name; NULL: the next free version_N */
    const cove_options *storage; /* of save_dir's filesystem; copied by the call; NULL: the trainer's */
};
#define COVE_LOGGER_OPTIONS_INIT                                                                                       \
    {                                                                                                                  \
        sizeof(struct cove_logger_options), 0, "lightning_logs", 0, 0                                                  \
    }
/* A logger, which the caller frees with cove_logger_free. Sends no request. COVE_EINVAL:
 * a name, version or save_dir that is not UTF-8 or has control characters; COVE_ENOMEM. */
COVE_API int cove_tensorboard_logger_new(const struct cove_logger_options *options, cove_logger **ret_logger,
                                         struct cove_error *err);
COVE_API int cove_csv_logger_new(const struct cove_logger_options *options, cove_logger **ret_logger,
                                 struct cove_error *err);

#ifdef __cplusplus
}
#endif
#endif
