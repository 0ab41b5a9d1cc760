/* Lightning's TensorBoardLogger over cove_event_writer: between the trainer's rows and an event file in the run's
 * directory. */
#include "base/error.h"
#include "base/mem.h"
#include "trainer/run_dir.h"

struct tensorboard {
    cove_logger logger;
    struct cove__run_dir run;
    cove_event_writer *writer; /* from the first run on; NULL again after a failed write */
};

static int open_logger(void *self, const char *root, const cove_options *storage, struct cove_error *err)
{
    struct tensorboard *tb = self;
    int rc = cove__run_dir_open(&tb->run, root, storage, err);
    if (rc == 0 && !tb->writer)
        rc = cove_event_writer_open(tb->run.fs, tb->run.path, NULL, &tb->writer, err);
    return rc;
}

static int log_hyperparams(void *self, const struct cove_hparam *hparams, size_t n, struct cove_error *err)
{
    static const char *const metric[] = { "hp_metric" };
    struct tensorboard *tb = self;
    int rc = cove__run_dir_hparams(&tb->run, hparams, n, err);
    if (rc < 0 || n == 0)
        return rc;
    /* As Lightning: a metric of this name, so that TensorBoard's table of hyperparameters has one. */
    rc = cove_event_writer_hparams(tb->writer, hparams, n, metric, 1, err);
    return rc < 0 ? rc : cove_event_writer_scalar(tb->writer, metric[0], -1, 0, 0, err);
}

static int log_metrics(void *self, const struct cove_metric *metrics, size_t n, int64_t step, struct cove_error *err)
{
    struct tensorboard *tb = self;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = cove_event_writer_scalar(tb->writer, metrics[i].name, metrics[i].value, step, 0, err);
    return rc;
}

/* The file stays open for the next run of the trainer, such as a validate: one logger writes one file. */
static int close_logger(void *self, struct cove_error *err)
{
    struct tensorboard *tb = self;
    int rc = tb->writer ? cove_event_writer_flush(tb->writer, err) : 0;
    if (rc < 0) {
        cove_event_writer_close(tb->writer, NULL);
        tb->writer = NULL;
    }
    return rc;
}

static const char *log_dir(void *self)
{
    return ((struct tensorboard *)self)->run.dir;
}

static const char *root_dir(void *self)
{
    return ((struct tensorboard *)self)->run.root_dir;
}

static void free_self(void *self)
{
    struct tensorboard *tb = self;
    cove_event_writer_close(tb->writer, NULL);
    cove__run_dir_done(&tb->run);
    cove__free(tb);
}

int cove_tensorboard_logger_new(const struct cove_logger_options *options, cove_logger **ret_logger,
                                struct cove_error *err)
{
    struct tensorboard *tb = cove__calloc(1, sizeof *tb);
    int rc = tb ? cove__run_dir_init(&tb->run, options, err) : cove__fail_nomem(err, "TensorBoardLogger");
    if (rc < 0) {
        cove__free(tb);
        return rc;
    }
    tb->logger = (cove_logger){ .size = sizeof tb->logger,
                                .self = tb,
                                .open = open_logger,
                                .log_hyperparams = log_hyperparams,
                                .log_metrics = log_metrics,
                                .close = close_logger,
                                .log_dir = log_dir,
                                .root_dir = root_dir,
                                .free = free_self };
    *ret_logger = &tb->logger;
    return 0;
}
