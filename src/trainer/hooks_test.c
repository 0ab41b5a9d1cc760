/* Return values of users' functions, for each function that the trainer calls: 0, or a negative code, with or without a
 * message. Any other value ends the run with an error that names the function. */
#include "trainer/testing.h"

#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "trainer/user_call.h"

#define SAVED "memory://hooks/saved.ckpt"

/* The function under test, and what it does. */
static struct {
    const char *name;
    int at_callback; /* 1: the callback's hook of that name, 0: the module's */
    int rc, code;
    const char *message;
    int log; /* 1: it logs "value" with these flags */
    unsigned flags;
} act;
static cove_trainer *running;
static int rows_with_value; /* received by the logger */

static int call(const char *name, int callback, struct cove_error *err)
{
    if (!act.name || strcmp(name, act.name) != 0 || act.at_callback != callback)
        return 0;
    assert_int_equal(err->code, 0); /* not the error of an earlier call */
    if (act.log) {
        cove_trainer_log(running, "value", 3, act.flags);
        return 0;
    }
    err->code = act.code;
    snprintf(err->message, sizeof err->message, "%s", act.message);
    return act.rc;
}

/* Each hook twice: the callback's has a self, the module's is the line. */
static struct line *module_self;
#define CALL(name) call(#name, self != module_self, err)
#define HOOK(name)                                                                                                     \
    static int name(void *self, cove_trainer *trainer, struct cove_error *err)                                         \
    {                                                                                                                  \
        return CALL(name);                                                                                             \
    }
#define BATCH_HOOK(name)                                                                                               \
    static int name(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)         \
    {                                                                                                                  \
        return CALL(name);                                                                                             \
    }
#define TREE_HOOK(name)                                                                                                \
    static int name(void *self, cove_trainer *trainer, cove_value *checkpoint, struct cove_error *err)                 \
    {                                                                                                                  \
        return CALL(name);                                                                                             \
    }
EACH_HOOK(HOOK, BATCH_HOOK, TREE_HOOK)

static int on_exception(void *self, cove_trainer *trainer, const struct cove_error *cause, struct cove_error *err)
{
    return CALL(on_exception);
}

static const struct cove_hooks hooks = { setup,
                                         teardown,
                                         on_fit_start,
                                         on_fit_end,
                                         on_sanity_check_start,
                                         on_sanity_check_end,
                                         on_train_start,
                                         on_train_end,
                                         on_train_epoch_start,
                                         on_train_epoch_end,
                                         on_train_batch_start,
                                         on_train_batch_end,
                                         on_after_backward,
                                         on_before_optimizer_step,
                                         on_before_zero_grad,
                                         on_validation_start,
                                         on_validation_end,
                                         on_validation_epoch_start,
                                         on_validation_epoch_end,
                                         on_validation_batch_start,
                                         on_validation_batch_end,
                                         on_save_checkpoint,
                                         on_load_checkpoint,
                                         on_exception };

static int training_step(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)
{
    int rc = CALL(training_step);
    return rc ? rc : line_training_step(self, trainer, batch, err);
}

static int validation_step(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)
{
    int rc = CALL(validation_step);
    return rc ? rc : line_validation_step(self, trainer, batch, err);
}

static int configure(void *self, cove_trainer *trainer, cove_optimizer **ret_optimizer,
                     cove_lr_scheduler **ret_scheduler, struct cove_error *err)
{
    int rc = CALL(configure_optimizers);
    return rc ? rc : line_configure(self, trainer, ret_optimizer, ret_scheduler, err);
}

/* The train data's name in `act` is "fetch", the val data's "fetch_val". */
static int fetch(void *self, const int64_t *indices, size_t n, const void **ret_data, struct cove_error *err)
{
    *ret_data = ((struct line *)self)->points;
    return CALL(fetch);
}

static int fetch_val(void *self, const int64_t *indices, size_t n, const void **ret_data, struct cove_error *err)
{
    *ret_data = ((struct line *)self)->points;
    return CALL(fetch_val);
}

static int state_dict(void *self, cove_value **ret_state, struct cove_error *err)
{
    int rc = CALL(state_dict);
    if (rc == 0)
        *ret_state = act.name && strcmp(act.name, "no state") == 0 ? NULL : cove_value_new_dict();
    return rc;
}

static int load_state_dict(void *self, const cove_value *state, struct cove_error *err)
{
    return CALL(load_state_dict);
}

static int find_checkpoint(void *self, cove_trainer *trainer, const char *which, char **ret_url, struct cove_error *err)
{
    int rc = CALL(find_checkpoint);
    return rc ? rc : COVE_ENOTFOUND;
}

static int open_logger(void *self, const char *root, const cove_options *storage, struct cove_error *err)
{
    return CALL(open);
}

static int log_hyperparams(void *self, const struct cove_hparam *hparams, size_t n, struct cove_error *err)
{
    return CALL(log_hyperparams);
}

static int log_metrics(void *self, const struct cove_metric *metrics, size_t n, int64_t step, struct cove_error *err)
{
    int rc = CALL(log_metrics);
    for (size_t i = 0; i < n; i++)
        rows_with_value += strcmp(metrics[i].name, "value") == 0 && metrics[i].value == 3;
    return rc;
}

static int close_logger(void *self, struct cove_error *err)
{
    return CALL(close);
}

/* ---- one run ---- */

static int other; /* `self` of callbacks and loggers */

/* A fit that calls each of these functions; `ckpt`: NULL, a URL or "last". Saves one checkpoint at its end. */
static int run(const char *ckpt, struct cove_error *err)
{
    static struct line model;
    struct cove_callback quiet_one = COVE_CALLBACK_INIT, c = COVE_CALLBACK_INIT;
    struct cove_logger logger = COVE_LOGGER_INIT;
    struct cove_trainer_options o = quiet(ckpt ? 2 : 1);
    cove_trainer *trainer;
    int rc;
    line_init(&model);
    module_self = &model;
    model.module.training_step = training_step;
    model.module.validation_step = validation_step;
    model.module.configure_optimizers = configure;
    model.module.hooks = hooks;
    model.train.fetch = fetch;
    model.val.fetch = fetch_val;
    c.self = logger.self = &other;
    c.state_key = "Recorder{'everything': True}";
    c.hooks = hooks;
    c.state_dict = state_dict;
    c.load_state_dict = load_state_dict;
    c.find_checkpoint = find_checkpoint;
    logger.open = open_logger;
    logger.log_hyperparams = log_hyperparams;
    logger.log_metrics = log_metrics;
    logger.close = close_logger;
    o.enable_logging = o.log_every_n_steps = 1;
    o.num_sanity_val_steps = 1;
    o.loggers = (cove_logger *[]){ &logger };
    o.callbacks = (cove_callback *[]){ &quiet_one, &c };
    o.n_loggers = 1;
    o.n_callbacks = 2;
    assert_int_equal(cove_trainer_new(&o, &trainer, NULL), 0);
    running = trainer;
    rows_with_value = 0;
    rc = cove_trainer_fit(trainer, &model.module, &model.data, ckpt, err);
    if (rc == 0)
        rc = cove_trainer_save_checkpoint(trainer, SAVED, 0, err);
    cove_trainer_free(trainer);
    return rc;
}

static void expect(int rc, int code, const char *message, int want, const char *text)
{
    const char *last[] = { "find_checkpoint", NULL }, *url[] = { "on_load_checkpoint", "load_state_dict", NULL };
    struct cove_error err = COVE_ERROR_INIT;
    const char *name = act.name, *ckpt = NULL;
    for (const char **p = last; *p; p++)
        ckpt = strcmp(name, *p) == 0 ? "last" : ckpt;
    for (const char **p = url; *p; p++)
        ckpt = strcmp(name, *p) == 0 ? SAVED : ckpt;
    act.rc = rc;
    act.code = code;
    act.message = message;
    assert_int_equal(run(ckpt, &err), want);
    assert_int_equal(err.code, want);
    if (!strstr(err.message, text))
        fail_msg("\"%s\" has not \"%s\"", err.message, text);
}

static void every_function_is_held_to_its_word(void **state)
{
    /* Functions of the callback, the module, the data and the logger; "%s" is the owner. */
    static const char *const both[] = { "setup",
                                        "teardown",
                                        "on_fit_start",
                                        "on_fit_end",
                                        "on_sanity_check_start",
                                        "on_sanity_check_end",
                                        "on_train_start",
                                        "on_train_end",
                                        "on_train_epoch_start",
                                        "on_train_epoch_end",
                                        "on_after_backward",
                                        "on_before_optimizer_step",
                                        "on_before_zero_grad",
                                        "on_validation_start",
                                        "on_validation_end",
                                        "on_validation_epoch_start",
                                        "on_validation_epoch_end",
                                        "on_train_batch_start",
                                        "on_train_batch_end",
                                        "on_validation_batch_start",
                                        "on_validation_batch_end",
                                        "on_save_checkpoint",
                                        "on_load_checkpoint" };
    static const struct {
        const char *name;
        int at_callback;
        const char *shown;
    } others[] = {
        { "training_step", 0, "training_step: " },
        { "validation_step", 0, "validation_step: " },
        { "configure_optimizers", 0, "configure_optimizers: " },
        { "fetch", 0, "fetch of the train data: " },
        { "fetch_val", 0, "fetch of the val data: " },
        { "state_dict", 1, "state_dict of callbacks[1] (Recorder): " },
        { "load_state_dict", 1, "load_state_dict of callbacks[1] (Recorder): " },
        { "find_checkpoint", 1, "find_checkpoint of callbacks[1] (Recorder): " },
        { "open", 1, "open of loggers[0]: " },
        { "log_hyperparams", 1, "log_hyperparams of loggers[0]: " },
        { "log_metrics", 1, "log_metrics of loggers[0]: " },
        { "close", 1, "close of loggers[0]: " },
    };
    const size_t n_both = sizeof both / sizeof *both, n_others = sizeof others / sizeof *others;
    act.name = NULL;
    assert_int_equal(run(NULL, NULL), 0); /* writes SAVED */
    for (size_t i = 0; i < 2 * n_both + n_others; i++) {
        char shown[160], text[256];
        size_t k = i - 2 * n_both;
        act.name = i < 2 * n_both ? both[i / 2] : others[k].name;
        act.at_callback = i < 2 * n_both ? (int)(i % 2) : others[k].at_callback;
        if (i < 2 * n_both)
            snprintf(shown, sizeof shown, "%s of %s: ", both[i / 2], i % 2 ? "callbacks[1] (Recorder)" : "the module");
        else
            snprintf(shown, sizeof shown, "%s", others[k].shown);
        snprintf(text, sizeof text, "%sreturned 1, must be 0 or a negative COVE_E", shown);
        expect(1, 0, "", COVE_EINVAL, text);
        snprintf(text, sizeof text, "%sreturned -1000, must be 0 or a negative COVE_E…: what now", shown);
        expect(-1000, 0, "what now", COVE_EINVAL, text);
        snprintf(text, sizeof text, "%sthe labels are gone", shown);
        expect(COVE_EIO, 0, "the labels are gone", COVE_EIO, text); /* the code is only in the return value */
        expect(COVE_EIO, COVE_EACCESS, "the labels are gone", COVE_EIO, text);
        snprintf(text, sizeof text, "%sinput/output failure", shown);
        expect(COVE_EIO, 0, "", COVE_EIO, text);
    }
}

/* A function that fills the struct with anything: its texts end with it. Behind it nothing can be read. */
static void an_error_that_is_overwritten(void **state)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct cove_error err = COVE_ERROR_INIT, *said;
    assert_true(pages != MAP_FAILED && mprotect(pages + page, page, PROT_NONE) == 0);
    said = (struct cove_error *)(void *)(pages + page - sizeof *said);
    cove__user_begin(said);
    memset(said, 'x', sizeof *said);
    assert_int_equal(cove__user_end(COVE_EIO, said, "setup", NULL, &err), COVE_EIO);
    assert_int_equal(strncmp(err.message, "setup: xxx", 10), 0);
    assert_int_equal(strlen(err.store_code), sizeof err.store_code - 1);
    munmap(pages, 2 * page);
}

static void a_state_is_a_value(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    act.name = "no state";
    act.at_callback = 0;
    assert_int_equal(run(NULL, &err), COVE_EINVAL);
    assert_string_equal(err.message, "state_dict of callbacks[1] (Recorder): returned no state");
}

/* ---- which functions may log: Lightning's table ---- */

static void logs_reach_the_loggers_or_are_refused(void **state)
{
    const struct {
        const char *name;
        int at_callback, allowed; /* 2: on_step and on_epoch, 1: on_epoch, 0: nothing */
    } rows[] = {
        { "setup", 0, 0 },
        { "teardown", 0, 0 },
        { "on_fit_start", 1, 0 },
        { "on_fit_end", 0, 0 },
        { "on_sanity_check_start", 0, 0 },
        { "on_sanity_check_end", 1, 0 },
        { "on_train_start", 0, 1 },
        { "on_train_end", 0, 0 },
        { "on_train_epoch_start", 1, 1 },
        { "on_train_epoch_end", 0, 1 },
        { "on_after_backward", 0, 2 },
        { "on_before_optimizer_step", 1, 2 },
        { "on_before_zero_grad", 0, 2 },
        { "on_validation_start", 1, 1 },
        { "on_validation_end", 0, 0 },
        { "on_validation_epoch_start", 0, 1 },
        { "on_validation_epoch_end", 1, 1 },
        { "on_train_batch_start", 0, 2 },
        { "on_train_batch_end", 1, 2 },
        { "on_validation_batch_start", 0, 2 },
        { "on_validation_batch_end", 0, 2 },
        { "on_save_checkpoint", 0, 0 },
        { "on_load_checkpoint", 1, 0 },
        { "training_step", 0, 2 },
        { "validation_step", 0, 2 },
        { "configure_optimizers", 0, 0 },
        { "fetch", 0, 0 },
        { "state_dict", 1, 0 },
        { "log_metrics", 1, 0 },
        { "close", 1, 0 },
    };
    const unsigned flags[] = { 0, COVE_LOG_ON_EPOCH, COVE_LOG_ON_STEP };
    act.name = NULL;
    assert_int_equal(run(NULL, NULL), 0);
    act.log = 1;
    for (size_t i = 0; i < 3 * sizeof rows / sizeof *rows; i++) {
        struct cove_error err = COVE_ERROR_INIT;
        int allowed = rows[i / 3].allowed, ok = allowed == 2 || (allowed == 1 && !(flags[i % 3] & COVE_LOG_ON_STEP));
        const char *ckpt = strcmp(rows[i / 3].name, "on_load_checkpoint") == 0 ? SAVED : NULL;
        act.name = rows[i / 3].name;
        act.at_callback = rows[i / 3].at_callback;
        act.flags = flags[i % 3];
        if (run(ckpt, &err) != (ok ? 0 : allowed == 1 ? COVE_EINVAL : COVE_ESTATE))
            fail_msg("%s, flags %u: %s", act.name, act.flags, err.message);
        if (ok && rows_with_value == 0)
            fail_msg("%s, flags %u: no logger got it", act.name, act.flags);
        if (!ok && (strncmp(err.message, act.name, strlen(act.name)) != 0 || !strstr(err.message, ": log: value: ")))
            fail_msg("%s, flags %u: \"%s\"", act.name, act.flags, err.message);
    }
    act.log = 0;
}

static int64_t row_step;
static double row_epoch, row_has_step;

static int keep_row(void *self, const struct cove_metric *metrics, size_t n, int64_t step, struct cove_error *err)
{
    int epochs = 0;
    row_step = step;
    row_epoch = -1;
    row_has_step = 0;
    for (size_t i = 0; i < n; i++) {
        row_has_step += strcmp(metrics[i].name, "step") == 0;
        if (strcmp(metrics[i].name, "epoch") == 0) {
            row_epoch = metrics[i].value;
            epochs++;
        }
    }
    assert_true(epochs <= 1);
    return 0;
}

static const char *special;
static double special_value;

static int log_special(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)
{
    cove_trainer_log(trainer, "x", 1, 0);
    if (special)
        cove_trainer_log(trainer, special, special_value, 0);
    return 0;
}

static void epoch_and_step_are_lightnings(void **state)
{
    const struct {
        const char *name;
        double value;
        int64_t step;
        double epoch; /* -1: not in the row */
    } rows[] = { { NULL, 0, 6, 0 }, { "epoch", 77, 6, 77 }, { "step", 1000.75, 1000, -1 } };
    struct line model;
    struct cove_logger logger = COVE_LOGGER_INIT;
    struct cove_trainer_options o = quiet(1);
    struct cove_error err = COVE_ERROR_INIT;
    cove_trainer *trainer;
    logger.log_metrics = keep_row;
    o.enable_logging = o.log_every_n_steps = 1;
    o.limit_val_batches = 0;
    o.loggers = (cove_logger *[]){ &logger };
    o.n_loggers = 1;
    for (size_t i = 0; i <= sizeof rows / sizeof *rows; i++) {
        line_init(&model);
        model.module.training_step = log_special;
        special = i < 3 ? rows[i].name : "step";
        special_value = i < 3 ? rows[i].value : NAN;
        assert_int_equal(cove_trainer_new(&o, &trainer, NULL), 0);
        assert_int_equal(cove_trainer_fit(trainer, &model.module, &model.data, NULL, &err), i < 3 ? 0 : COVE_EINVAL);
        cove_trainer_free(trainer);
        if (i < 3) {
            assert_int_equal(row_step, rows[i].step);
            assert_true(row_epoch == rows[i].epoch && row_has_step == 0);
        }
    }
    assert_string_equal(err.message, "log: step: nan is not a valid step");
}

/* ---- names ---- */

static int never(void *self, cove_trainer *trainer, struct cove_error *err)
{
    fail();
    return 0;
}

static int log_bad_name(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)
{
    cove_trainer_log(trainer, "loss\xff", 1, 0);
    return 0;
}

static int start(struct line *model, struct cove_error *err)
{
    struct cove_trainer_options o = quiet(1);
    cove_trainer *trainer;
    int rc;
    o.enable_logging = 1;
    o.default_root_dir = "memory://hooks/names";
    assert_int_equal(cove_trainer_new(&o, &trainer, NULL), 0);
    rc = cove_trainer_fit(trainer, &model->module, &model->data, NULL, err);
    cove_trainer_free(trainer);
    return rc;
}

static void names_are_checked_before_anything(void **state)
{
    const struct {
        struct cove_hparam hparam;
        const char *parameter, *message;
    } rows[] = {
        { { NULL, COVE_HPARAM_NUMBER, NULL, 1 }, NULL, "module: hparams[1]: the name is NULL" },
        { { "", COVE_HPARAM_NUMBER, NULL, 1 }, NULL, "module: hparams[1]: the name is empty" },
        { { "lr", COVE_HPARAM_NUMBER, NULL, 1 }, NULL, "module: two hparams are named lr" },
        { { "caf\xe9", COVE_HPARAM_NUMBER, NULL, 1 }, NULL, "module: hparams[1]: the name \"caf\\xe9\" is not UTF-8" },
        { { "\xed\xa0\x80", COVE_HPARAM_BOOL, NULL, 1 },
          NULL,
          "module: hparams[1]: the name \"\\xed\\xa0\\x80\" is not UTF-8" },
        { { "a\nb", COVE_HPARAM_NUMBER, NULL, 1 },
          NULL,
          "module: hparams[1]: the name \"a\\x0ab\" has control characters" },
        { { "note", COVE_HPARAM_STRING, "\xff", 1 }, NULL, "module: hparams[1]: the value \"\\xff\" is not UTF-8" },
        { { "note", 9, NULL, 1 }, NULL, "module: hparams[1] (note) has an unknown type 9" },
        { { "note", COVE_HPARAM_STRING, "two\nlines", 1 },
          "w\xff",
          "module: parameters[0]: the name \"w\\xff\" is not UTF-8" },
        { { "é", COVE_HPARAM_STRING, NULL, 1 },
          "w\x1b",
          "module: parameters[0]: the name \"w\\x1b\" has control characters" },
    };
    struct cove_error err = COVE_ERROR_INIT;
    struct line model;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cove_hparam hparams[2];
        line_init(&model);
        hparams[0] = model.hparam;
        hparams[1] = rows[i].hparam;
        model.module.hparams = hparams;
        model.module.n_hparams = 2;
        model.module.hooks.setup = model.module.hooks.teardown = never;
        if (rows[i].parameter)
            model.parameters[0].name = rows[i].parameter;
        assert_int_equal(start(&model, &err), COVE_EINVAL);
        assert_string_equal(err.message, rows[i].message);
        assert_int_equal(url_exists("memory://hooks/names"), 0);
    }
    line_init(&model);
    model.module.training_step = log_bad_name;
    assert_int_equal(start(&model, &err), COVE_EINVAL);
    assert_string_equal(err.message, "training_step: log: the metric's name \"loss\\xff\" is not UTF-8");
}

static void names_of_parts_are_checked(void **state)
{
    struct cove_trainer_options o = quiet(1);
    struct cove_logger_options log_to = COVE_LOGGER_OPTIONS_INIT;
    struct cove_model_checkpoint_options keep = COVE_MODEL_CHECKPOINT_OPTIONS_INIT;
    struct cove_early_stopping_options patience = COVE_EARLY_STOPPING_OPTIONS_INIT;
    struct cove_callback c = COVE_CALLBACK_INIT;
    struct cove_error err = COVE_ERROR_INIT;
    cove_trainer *trainer;
    cove_logger *logger;
    cove_callback *callback;
    c.state_key = "\xff";
    o.callbacks = (cove_callback *[]){ &c, NULL };
    o.n_callbacks = 1;
    assert_int_equal(cove_trainer_new(&o, &trainer, &err), COVE_EINVAL);
    assert_string_equal(err.message, "trainer: callbacks[0]: state_key \"\\xff\" is not UTF-8");
    o.n_callbacks = 2;
    assert_int_equal(cove_trainer_new(&o, &trainer, &err), COVE_EINVAL);
    assert_string_equal(err.message, "trainer: callbacks[1] is NULL");
    o.n_callbacks = 0;
    o.default_root_dir = "memory://\xff";
    assert_int_equal(cove_trainer_new(&o, &trainer, &err), COVE_EINVAL);
    log_to.name = "\xff";
    assert_int_equal(cove_csv_logger_new(&log_to, &logger, &err), COVE_EINVAL);
    log_to.name = "x";
    log_to.version = "";
    assert_int_equal(cove_tensorboard_logger_new(&log_to, &logger, &err), COVE_EINVAL);
    assert_string_equal(err.message, "logger: version is empty");
    keep.monitor = "a\xff";
    assert_int_equal(cove_model_checkpoint_new(&keep, &callback, &err), COVE_EINVAL);
    assert_string_equal(err.message, "ModelCheckpoint: monitor \"a\\xff\" is not UTF-8");
    patience.monitor = "a\xff";
    assert_int_equal(cove_early_stopping_new(&patience, &callback, &err), COVE_EINVAL);
}

/* ---- on_exception can't change the outcome ---- */

static char logged[4096];

static void keep_log(void *user, enum cove_log_level level, const char *subject, const char *text)
{
    snprintf(logged + strlen(logged), sizeof logged - strlen(logged), "%s\n", text);
}

static int fails(void *self, cove_trainer *trainer, struct cove_error *err)
{
    return cove_error_set(err, COVE_ENOTSUP, "the first failure");
}

static int says_one(void *self, cove_trainer *trainer, const struct cove_error *cause, struct cove_error *err)
{
    assert_string_equal(cause->message, "on_train_start of callbacks[0]: the first failure");
    return 1;
}

static void what_on_exception_returns_is_logged(void **state)
{
    struct line model;
    struct cove_callback c = COVE_CALLBACK_INIT;
    struct cove_error err = COVE_ERROR_INIT;
    struct cove_trainer_options o = quiet(1);
    cove_trainer *trainer;
    line_init(&model);
    c.hooks.on_train_start = fails;
    c.hooks.on_exception = says_one;
    o.callbacks = (cove_callback *[]){ &c };
    o.n_callbacks = 1;
    logged[0] = '\0';
    cove_log_set(keep_log, NULL, COVE_LOG_WARNING);
    assert_int_equal(cove_trainer_new(&o, &trainer, NULL), 0);
    assert_int_equal(cove_trainer_fit(trainer, &model.module, &model.data, NULL, &err), COVE_ENOTSUP);
    cove_trainer_free(trainer);
    cove_log_set(NULL, NULL, COVE_LOG_WARNING);
    assert_string_equal(err.message, "on_train_start of callbacks[0]: the first failure");
    assert_non_null(strstr(logged, "on_exception of callbacks[0]: returned 1, must be 0"));
}

/* ---- cove_error_set ---- */

static void users_set_errors(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    char text[2 * COVE_ERROR_MESSAGE_MAX];
    assert_int_equal(cove_error_set(NULL, COVE_EIO, "%d", 1), COVE_EIO);
    err.http_status = 404;
    assert_int_equal(cove_error_set(&err, COVE_ENOTFOUND, "%s: no labels for %d", "a\x1b[31m", 7), COVE_ENOTFOUND);
    assert_int_equal(err.code, COVE_ENOTFOUND);
    assert_int_equal(err.http_status, 0);
    assert_string_equal(err.message, "a [31m: no labels for 7");
    /* Truncated between characters. */
    memset(text, 0, sizeof text);
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "é", 2);
    cove_error_set(&err, COVE_EIO, "%s", text);
    assert_int_equal(strlen(err.message) % 2, 0);
    assert_true(strlen(err.message) >= COVE_ERROR_MESSAGE_MAX - 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_function_is_held_to_its_word),
        cmocka_unit_test(an_error_that_is_overwritten),
        cmocka_unit_test(a_state_is_a_value),
        cmocka_unit_test(logs_reach_the_loggers_or_are_refused),
        cmocka_unit_test(epoch_and_step_are_lightnings),
        cmocka_unit_test(names_are_checked_before_anything),
        cmocka_unit_test(names_of_parts_are_checked),
        cmocka_unit_test(what_on_exception_returns_is_logged),
        cmocka_unit_test(users_set_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
