/* Lightning's CSVLogger over cove_csv_writer: between the trainer's rows and metrics.csv in the run's directory. */
#include "base/error.h"
#include "base/mem.h"
#include "trainer/run_dir.h"

struct csv {
    cove_logger logger;
    struct cove__run_dir run;
    cove_csv_writer *writer; /* while a run is under way */
};

static int open_logger(void *self, const char *root, const cove_options *storage, struct cove_error *err)
{
    struct csv *csv = self;
    char *path;
    int rc = cove__run_dir_open(&csv->run, root, storage, err);
    if (rc < 0 || csv->writer)
        return rc;
    path = cove__run_dir_path(&csv->run, "metrics.csv");
    rc = path ? cove_csv_writer_open(csv->run.fs, path, NULL, &csv->writer, err) : cove__fail_nomem(err, "CSVLogger");
    cove__free(path);
    return rc;
}

static int log_hyperparams(void *self, const struct cove_hparam *hparams, size_t n, struct cove_error *err)
{
    struct csv *csv = self;
    return cove__run_dir_hparams(&csv->run, hparams, n, err);
}

static int log_metrics(void *self, const struct cove_metric *metrics, size_t n, int64_t step, struct cove_error *err)
{
    struct csv *csv = self;
    return cove_csv_writer_row(csv->writer, step, metrics, n, err);
}

static int close_logger(void *self, struct cove_error *err)
{
    struct csv *csv = self;
    cove_csv_writer *writer = csv->writer;
    csv->writer = NULL;
    return cove_csv_writer_close(writer, err);
}

static const char *log_dir(void *self)
{
    return ((struct csv *)self)->run.dir;
}

static const char *root_dir(void *self)
{
    return ((struct csv *)self)->run.root_dir;
}

static void free_self(void *self)
{
    struct csv *csv = self;
    cove_csv_writer_close(csv->writer, NULL);
    cove__run_dir_done(&csv->run);
    cove__free(csv);
}

int cove_csv_logger_new(const struct cove_logger_options *options, cove_logger **ret_logger, struct cove_error *err)
{
    struct csv *csv = cove__calloc(1, sizeof *csv);
    int rc = csv ? cove__run_dir_init(&csv->run, options, err) : cove__fail_nomem(err, "CSVLogger");
    if (rc < 0) {
        cove__free(csv);
        return rc;
    }
    csv->logger = (cove_logger){ .size = sizeof csv->logger,
                                 .self = csv,
                                 .open = open_logger,
                                 .log_hyperparams = log_hyperparams,
                                 .log_metrics = log_metrics,
                                 .close = close_logger,
                                 .log_dir = log_dir,
                                 .root_dir = root_dir,
                                 .free = free_self };
    *ret_logger = &csv->logger;
    return 0;
}
