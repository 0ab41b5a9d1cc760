/*
 * Runs schedules in the trainer and prints what happened. test_schedules.py compares that with the same schedules in
 * Lightning (lightning_schedule.py). Each line of stdin is a schedule, "key=value …"; its record on stdout ends with a
 * line "done". Logged values and gradients depend only on the position in the run, so an interrupted and resumed run
 * logs the same values as an uninterrupted one.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>

#include <cove/cove.h>
#include <cove/trainer.h>

#define CHECKPOINTS 2 /* the most ModelCheckpoints: their keys begin with "mc0." and "mc1." */
#define MAX_NAMES   512

/* One schedule, and its module with two weights. */
static char *line;
static float weights[2], grads[2];
static int64_t shape[1] = { 2 };
static char dirs[CHECKPOINTS][4096];
static long cuts_seen;

/* ---- the schedule ---- */

static const char *text_of(const char *key, const char *otherwise)
{
    static char values[16][1024];
    static int turn;
    size_t n = strlen(key), length;
    for (const char *p = line; p && *p; p = strchr(p, ' ') ? strchr(p, ' ') + 1 : NULL) {
        if (strncmp(p, key, n) != 0 || p[n] != '=')
            continue;
        turn = (turn + 1) % 16;
        length = strcspn(p + n + 1, " \n");
        snprintf(values[turn], sizeof values[turn], "%.*s", (int)length, p + n + 1);
        return values[turn];
    }
    return otherwise;
}

static long number_of(const char *key, long otherwise)
{
    const char *s = text_of(key, NULL);
    return s ? atol(s) : otherwise;
}

static double real_of(const char *key, double otherwise)
{
    const char *s = text_of(key, NULL);
    return s ? atof(s) : otherwise;
}

/* Whether `word` is in the value of `key`, a list of words separated by '+'. */
static int has_word(const char *key, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = text_of(key, ""); *p; p += strcspn(p, "+"), p += *p == '+') {
        if (strncmp(p, word, n) == 0 && (p[n] == '+' || p[n] == '\0'))
            return 1;
    }
    return 0;
}

/* ---- values: lightning_schedule.py has the same function ---- */

static double value_at(unsigned long stream, long epoch, long step, long batch)
{
    unsigned long x = (unsigned long)number_of("seed", 0) * 1000003UL + stream * 7919UL;
    x +=
        (unsigned long)epoch * 104729UL + (unsigned long)step * 1299709UL + (unsigned long)batch * 15485863UL + 12345UL;
    x ^= x >> 13;
    x *= 0x9E3779B97F4A7C15UL;
    x ^= x >> 29;
    x *= 0xBF58476D1CE4E5B9UL;
    x ^= x >> 32;
    if (number_of("nan", 0) > 0 && x % 97 < (unsigned long)number_of("nan", 0))
        return NAN;
    return (double)(x / 97 % (unsigned long)number_of("values", 9)) / 16;
}

enum { STREAM_TRAIN = 1, STREAM_VAL = 2, STREAM_EPOCH = 3, STREAM_HOOKS = 4 };

/* ---- the record ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_sorted(char **words, int n, const char *between)
{
    qsort(words, (size_t)n, sizeof *words, by_name);
    for (int i = 0; i < n; i++) {
        printf("%s%s", between, words[i]);
        free(words[i]);
    }
}

static void print_files(void)
{
    for (int i = 0; i < CHECKPOINTS; i++) {
        char *names[MAX_NAMES];
        DIR *dir = opendir(dirs[i]);
        int n = 0;
        for (struct dirent *e; dir && (e = readdir(dir));) {
            if (e->d_name[0] != '.' && n < MAX_NAMES)
                names[n++] = strdup(e->d_name);
        }
        if (dir)
            closedir(dir);
        printf(" files%d=", i);
        print_sorted(names, n, "/");
    }
}

static void number_to(char *out, size_t size, double value)
{
    if (isnan(value))
        snprintf(out, size, "nan");
    else
        snprintf(out, size, "%.6g", value);
}

static int log_row(void *self, const struct cove_metric *metrics, size_t n, int64_t step, struct cove_error *err)
{
    char *words[MAX_NAMES], word[1200], number[64];
    int count = 0;
    for (size_t i = 0; i < n && i < MAX_NAMES; i++) {
        number_to(number, sizeof number, metrics[i].value);
        snprintf(word, sizeof word, "%s=%s", metrics[i].name, number);
        words[count++] = strdup(word);
    }
    printf("row step=%ld", (long)step);
    print_sorted(words, count, " ");
    printf("\n");
    return 0;
}

/* Ends the run here if the schedule has cut=PLACE, at call number cut_n of PLACE. */
static int cut_here(cove_trainer *t, const char *who, const char *hook, struct cove_error *err)
{
    char place[128];
    snprintf(place, sizeof place, "%s.%s", who, hook);
    if (cove_trainer_stage(t) == COVE_STAGE_SANITY_CHECK || strcmp(text_of("cut", ""), place) != 0 ||
        ++cuts_seen != number_of("cut_n", 1))
        return 0;
    if (strcmp(text_of("cut_kind", ""), "interrupt") == 0) {
        cove_trainer_interrupt(t);
        return 0;
    }
    err->code = COVE_EIO;
    snprintf(err->message, sizeof err->message, "cut");
    return COVE_EIO;
}

static void say(cove_trainer *t, const char *who, const char *hook, const struct cove_batch *batch)
{
    printf("hook %s.%s e=%ld s=%ld", who, hook, (long)cove_trainer_current_epoch(t), (long)cove_trainer_global_step(t));
    if (batch)
        printf(" b=%ld n=%ld", (long)batch->idx, (long)batch->n);
    if (strcmp(who, "cb") == 0 &&
        (strcmp(hook, "on_train_batch_start") == 0 || strcmp(hook, "on_train_epoch_start") == 0 ||
         strcmp(hook, "on_validation_start") == 0 || strcmp(hook, "on_train_end") == 0)) {
        printf(" lr=%.6g", cove_optimizer_lr(cove_trainer_optimizer(t), 0));
        print_files();
    }
    printf("\n");
}

static int hook_called(cove_trainer *t, const char *who, const char *hook, const struct cove_batch *batch,
                       struct cove_error *err)
{
    unsigned long stream = STREAM_HOOKS;
    char name[128];
    for (const char *p = hook; *p; p++)
        stream += (unsigned char)*p;
    say(t, who, hook, batch);
    if (strcmp(who, "mod") == 0 && has_word("logs", hook)) {
        snprintf(name, sizeof name, "h_%s", hook);
        cove_trainer_log(
            t, name,
            value_at(stream, cove_trainer_current_epoch(t), cove_trainer_global_step(t), batch ? batch->idx : -1), 0);
    }
    return cut_here(t, who, hook, err);
}

#define HOOKS(X, B)                                                                                                    \
    X(setup)                                                                                                           \
    X(teardown)                                                                                                        \
    X(on_fit_start)                                                                                                    \
    X(on_fit_end)                                                                                                      \
    X(on_sanity_check_start)                                                                                           \
    X(on_sanity_check_end)                                                                                             \
    X(on_train_start)                                                                                                  \
    X(on_train_end)                                                                                                    \
    X(on_train_epoch_start)                                                                                            \
    X(on_train_epoch_end)                                                                                              \
    X(on_after_backward)                                                                                               \
    X(on_before_optimizer_step)                                                                                        \
    X(on_before_zero_grad)                                                                                             \
    X(on_validation_start)                                                                                             \
    X(on_validation_end)                                                                                               \
    X(on_validation_epoch_start)                                                                                       \
    X(on_validation_epoch_end)                                                                                         \
    B(on_train_batch_start)                                                                                            \
    B(on_train_batch_end)                                                                                              \
    B(on_validation_batch_start)                                                                                       \
    B(on_validation_batch_end)

#define ONE_HOOK(who, name)                                                                                            \
    static int who##_##name(void *self, cove_trainer *t, struct cove_error *err)                                       \
    {                                                                                                                  \
        return hook_called(t, #who, #name, NULL, err);                                                                 \
    }
#define ONE_BATCH_HOOK(who, name)                                                                                      \
    static int who##_##name(void *self, cove_trainer *t, const struct cove_batch *batch, struct cove_error *err)       \
    {                                                                                                                  \
        return hook_called(t, #who, #name, batch, err);                                                                \
    }
#define BOTH(name)       ONE_HOOK(cb, name) ONE_HOOK(mod, name)
#define BOTH_BATCH(name) ONE_BATCH_HOOK(cb, name) ONE_BATCH_HOOK(mod, name)
HOOKS(BOTH, BOTH_BATCH)

/* ---- the module ---- */

static int training_step(void *self, cove_trainer *t, const struct cove_batch *batch, struct cove_error *err)
{
    long epoch = (long)cove_trainer_current_epoch(t), idx = (long)batch->idx;
    double value = value_at(STREAM_TRAIN, epoch, 0, idx);
    char here[64];
    int rc = cut_here(t, "mod", "training_step", err);
    if (rc < 0)
        return rc;
    grads[0] += isnan(value) ? 1 : (float)value;
    grads[1] += (float)(idx % 3) - 1;
    cove_trainer_log(t, "train_loss", value, COVE_LOG_ON_STEP | COVE_LOG_ON_EPOCH);
    if (idx % 3)
        cove_trainer_log(t, "sometimes", value, 0);
    cove_trainer_log(t, "mean", value, COVE_LOG_ON_EPOCH);
    if (has_word("named", "epoch"))
        cove_trainer_log(t, "epoch", (double)(epoch * 10 + idx), 0);
    if (has_word("named", "step"))
        cove_trainer_log(t, "step", (double)(epoch * 100 + idx), 0);
    snprintf(here, sizeof here, "%ld.%ld", epoch, idx);
    if (strcmp(text_of("stop", ""), here) == 0)
        cove_trainer_stop(t, "stop");
    return 0;
}

static int validation_step(void *self, cove_trainer *t, const struct cove_batch *batch, struct cove_error *err)
{
    double value =
        value_at(STREAM_VAL, (long)cove_trainer_current_epoch(t), (long)cove_trainer_global_step(t), (long)batch->idx);
    int rc = cut_here(t, "mod", "validation_step", err);
    if (rc < 0)
        return rc;
    cove_trainer_log(t, "val_loss", value, 0);
    if (number_of("val_both", 0))
        cove_trainer_log(t, "val_both", value, COVE_LOG_ON_STEP | COVE_LOG_ON_EPOCH);
    return 0;
}

static int log_at_epoch_end(void *self, cove_trainer *t, struct cove_error *err)
{
    if (number_of("ep", 0))
        cove_trainer_log(t, "ep", value_at(STREAM_EPOCH, (long)cove_trainer_current_epoch(t), 0, 0), 0);
    return mod_on_train_epoch_end(self, t, err);
}

static int configure_optimizers(void *self, cove_trainer *t, cove_optimizer **ret_optimizer,
                                cove_lr_scheduler **ret_scheduler, struct cove_error *err)
{
    struct cove_optimizer_options o = COVE_OPTIMIZER_SGD_INIT(0.5);
    struct cove_lr_scheduler_options s = COVE_LR_SCHEDULER_OPTIONS_INIT(COVE_LR_SCHEDULER_STEP);
    struct cove_parameter p = { "w", { COVE_DTYPE_FLOAT32, 1, shape, NULL, weights }, grads };
    const char *interval = text_of("sched", "");
    int rc;
    o.momentum = real_of("momentum", 0);
    rc = cove_optimizer_new(&o, &p, 1, ret_optimizer, err);
    if (rc < 0 || !*interval)
        return rc;
    s.step_size = number_of("sched_size", 1);
    s.gamma = 0.5;
    s.interval = strcmp(interval, "step") == 0 ? COVE_LR_SCHEDULER_INTERVAL_STEP : COVE_LR_SCHEDULER_INTERVAL_EPOCH;
    s.frequency = number_of("sched_freq", 1);
    return cove_lr_scheduler_new(&s, *ret_optimizer, ret_scheduler, err);
}

static int fetch(void *self, const int64_t *indices, size_t n, const void **ret_data, struct cove_error *err)
{
    *ret_data = indices;
    return 0;
}

/* ---- the callbacks ---- */

static int new_early_stopping(cove_callback **ret, struct cove_error *err)
{
    struct cove_early_stopping_options o = COVE_EARLY_STOPPING_OPTIONS_INIT;
    o.monitor = text_of("es.monitor", NULL);
    o.mode = text_of("es.mode", "min");
    o.patience = number_of("es.patience", 3);
    o.min_delta = real_of("es.min_delta", 0);
    o.strict = (int)number_of("es.strict", 1);
    o.check_finite = (int)number_of("es.check_finite", 1);
    return cove_early_stopping_new(&o, ret, err);
}

static int new_checkpoint(int i, cove_callback **ret, struct cove_error *err)
{
    static const char *const keys[] = { "mode",           "filename",         "monitor",
                                        "save_top_k",     "save_last",        "every_n_train_steps",
                                        "every_n_epochs", "save_on_exception" };
    struct cove_model_checkpoint_options o = COVE_MODEL_CHECKPOINT_OPTIONS_INIT;
    char key[sizeof keys / sizeof *keys][64];
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        snprintf(key[k], sizeof key[k], "mc%d.%s", i, keys[k]);
    o.dirpath = dirs[i];
    o.mode = text_of(key[0], "min");
    o.filename = text_of(key[1], NULL);
    o.monitor = text_of(key[2], NULL);
    o.save_top_k = number_of(key[3], 1);
    o.save_last = (int)number_of(key[4], 0);
    o.every_n_train_steps = number_of(key[5], 0);
    o.every_n_epochs = number_of(key[6], -1);
    o.save_on_exception = (int)number_of(key[7], 0);
    return cove_model_checkpoint_new(&o, ret, err);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void print_value(const cove_value *v)
{
    struct cove_tensor_view view;
    const char *s = "";
    char number[64];
    int64_t i;
    double d;
    if (v && cove_value_get_tensor(v, &view, NULL) == 0) {
        number_to(number, sizeof number, *(const float *)view.data);
        printf("%s", number);
    } else if (v && cove_value_get_string(v, &s, NULL, NULL) == 0) {
        printf("%s", base_name(s));
    } else if (v && cove_value_get_int(v, &i, NULL) == 0) {
        printf("%ld", (long)i);
    } else if (v && cove_value_get_float(v, &d, NULL) == 0) {
        number_to(number, sizeof number, d);
        printf("%s", number);
    } else {
        printf("None");
    }
}

static void print_state(const char *name, const cove_callback *c, const char *const *keys, struct cove_error *err)
{
    const cove_value *kept;
    cove_value *state;
    if (!c || c->state_dict(c->self, &state, err) < 0)
        return;
    printf("%s", name);
    for (; *keys; keys++) {
        printf(" %s=", *keys);
        print_value(cove_value_dict_get(state, *keys));
    }
    kept = cove_value_dict_get(state, "best_k_models");
    for (size_t i = 0; kept && i < cove_value_length(kept); i++) {
        printf(" %s:", base_name(cove_value_key_name(kept, i)));
        print_value(cove_value_item(kept, i));
    }
    printf("\n");
    cove_value_unref(state);
}

static void print_end(const cove_trainer *t, int ok, cove_callback *stopping, cove_callback *const *checkpoints,
                      struct cove_error *err)
{
    static const char *const of_checkpoint[] = { "best_model_path",
                                                 "best_model_score",
                                                 "current_score",
                                                 "kth_value",
                                                 "kth_best_model_path",
                                                 "last_model_path",
                                                 NULL };
    static const char *const of_stopping[] = { "wait_count", "stopped_epoch", "best_score", "stopping_reason", NULL };
    const char *reason = cove_trainer_stop_reason(t);
    for (int i = 0; i < CHECKPOINTS; i++)
        print_state(i ? "mc1" : "mc0", checkpoints[i], of_checkpoint, err);
    print_state("es", stopping, of_stopping, err);
    printf("end e=%ld s=%ld reason=%s w0=%.6g w1=%.6g", (long)cove_trainer_current_epoch(t),
           (long)cove_trainer_global_step(t),
           !ok                                          ? "failed"
           : strncmp(reason, "max_steps", 9) == 0       ? "max_steps"
           : strncmp(reason, "max_epochs", 10) == 0     ? "max_epochs"
           : strcmp(reason, "no training batches") == 0 ? "no_batches"
                                                        : "stopped",
           (double)weights[0], (double)weights[1]);
    print_files();
    printf("\n");
}

/* ---- a run ---- */

static void take_options(struct cove_trainer_options *o)
{
    o->default_root_dir = text_of("root", ".");
    o->max_epochs = number_of("max_epochs", 2);
    o->max_steps = number_of("max_steps", -1);
    o->val_check_batches = number_of("val_check_batches", 0);
    o->val_check_fraction = real_of("val_check_fraction", 1.0);
    o->check_val_every_n_epoch = number_of("check_val_every_n_epoch", 1);
    o->limit_train_batches = number_of("limit_train_batches", -1);
    o->limit_val_batches = number_of("limit_val_batches", -1);
    o->num_sanity_val_steps = number_of("num_sanity_val_steps", 2);
    o->accumulate_grad_batches = number_of("accumulate_grad_batches", 1);
    o->log_every_n_steps = number_of("log_every_n_steps", 1);
    o->gradient_clip_val = real_of("gradient_clip_val", 0);
    o->gradient_clip_algorithm = text_of("gradient_clip_algorithm", "norm");
    o->enable_progress_bar = 0;
    o->enable_checkpointing = 0;
}

static int fit(cove_trainer *t, struct cove_error *err)
{
    struct cove_parameter p = { "w", { COVE_DTYPE_FLOAT32, 1, shape, NULL, weights }, grads };
    struct cove_module m = COVE_MODULE_INIT;
    struct cove_dataloader train = COVE_DATALOADER_INIT, val = COVE_DATALOADER_INIT;
    struct cove_data data = COVE_DATA_INIT;
    m.parameters = &p;
    m.n_parameters = 1;
    m.training_step = training_step;
    m.validation_step = validation_step;
    m.configure_optimizers = configure_optimizers;
#define OF_MODULE(name) m.hooks.name = mod_##name;
    HOOKS(OF_MODULE, OF_MODULE)
    m.hooks.on_train_epoch_end = log_at_epoch_end;
    /* docs/trainer.md, "What differs": in Lightning only callbacks have these two. */
    m.hooks.on_sanity_check_start = m.hooks.on_sanity_check_end = NULL;
    train.length = number_of("n_train", 8);
    train.batch_size = number_of("batch_size", 2);
    val.length = number_of("n_val", 4);
    val.batch_size = number_of("val_batch_size", 2);
    train.fetch = val.fetch = fetch;
    data.train = &train;
    data.val = val.length > 0 ? &val : NULL;
    return cove_trainer_fit(t, &m, &data, text_of("ckpt", NULL), err);
}

static void run(void)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct cove_trainer_options o = COVE_TRAINER_OPTIONS_INIT;
    struct cove_logger logger = COVE_LOGGER_INIT;
    cove_logger *loggers[] = { &logger };
    cove_callback teller = COVE_CALLBACK_INIT, *stopping = NULL, *checkpoints[CHECKPOINTS] = { NULL };
    cove_callback *callbacks[2 + CHECKPOINTS];
    cove_trainer *t = NULL;
    int rc = 0;
    weights[0] = weights[1] = 1;
    cuts_seen = 0;
#define OF_CALLBACK(name) teller.hooks.name = cb_##name;
    HOOKS(OF_CALLBACK, OF_CALLBACK)
    callbacks[o.n_callbacks++] = &teller;
    if (text_of("es.monitor", NULL) && (rc = new_early_stopping(&stopping, &err)) == 0)
        callbacks[o.n_callbacks++] = stopping;
    for (int i = 0; rc == 0 && i < CHECKPOINTS; i++) {
        snprintf(dirs[i], sizeof dirs[i], "%s/ck%d", text_of("root", "."), i);
        if (i >= number_of("checkpoints", 1) || (rc = new_checkpoint(i, &checkpoints[i], &err)) < 0)
            continue;
        callbacks[o.n_callbacks++] = checkpoints[i];
    }
    logger.log_metrics = log_row;
    take_options(&o);
    o.callbacks = callbacks;
    o.loggers = loggers;
    o.n_loggers = 1;
    if (rc == 0)
        rc = cove_trainer_new(&o, &t, &err);
    if (rc < 0) {
        printf("refused\n");
    } else {
        rc = fit(t, &err);
        printf("result %s\n", rc == 0 ? "ok" : rc == COVE_ECANCELED ? "interrupted" : "error");
        print_end(t, rc == 0, stopping, checkpoints, &err);
    }
    if (rc < 0)
        printf("message %s\n", err.message);
    cove_trainer_free(t);
    cove_callback_free(stopping);
    for (int i = 0; i < CHECKPOINTS; i++)
        cove_callback_free(checkpoints[i]);
}

int main(void)
{
    size_t capacity = 0;
    while (getline(&line, &capacity, stdin) > 0) {
        line[strcspn(line, "\n")] = '\0';
        run();
        printf("done\n");
        fflush(stdout);
    }
    free(line);
    return 0;
}
