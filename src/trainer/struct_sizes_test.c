/*
 * Every public call that takes a struct which begins with its size, with that struct in other sizes: 0, because its
 * _INIT macro was forgotten; smaller, of an older program; larger, of a newer one. It is in this room because the
 * structs of all rooms are visible here. tests/static checks that no call is missing.
 */
#include <stdbool.h>

#include <cove/checkpoint.h>
#include <cove/cove.h>

#include "trainer/testing.h"

#define FILE_PATH "memory://struct-sizes/file"
#define NO_PATH   "memory://struct-sizes/none"
#define CKPT_PATH "memory://struct-sizes/model.ckpt"

static cove_fs *fs;
static cove_queue *queue;
static cove_value *tree, *tensor;
static struct line model;
static const struct cove_optimizer_options sgd = COVE_OPTIMIZER_SGD_INIT(0.1);

/* ---- the calls that take a struct cove_call ---- */

/* A job's result is taken, so that nothing of one case is left for the next. */
static int64_t taken(int64_t job)
{
    struct cove_result r = COVE_RESULT_INIT;

    if (job < 0)
        return job;
    assert_int_equal(cove_queue_next(queue, -1, &r, NULL), 1);
    cove_free(r.data);
    cove_info_free(r.info);
    cove_listing_free(r.listing);
    cove_reader_close(r.reader);
    return r.rc == COVE_EINVAL ? 0 : r.rc;
}

#define CALL(name, ...)                                                                                                \
    static int64_t of_##name(const void *call, struct cove_error *err)                                                 \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }

CALL(fs_stat, cove_info *info = NULL; int rc = cove_fs_stat(fs, FILE_PATH, call, &info, err); cove_info_free(info);
     return rc;)
CALL(fs_exists, return cove_fs_exists(fs, FILE_PATH, call, err);)
CALL(fs_is_file, return cove_fs_is_file(fs, FILE_PATH, call, err);)
CALL(fs_is_directory, return cove_fs_is_directory(fs, FILE_PATH, call, err);)
CALL(fs_has_directories, return cove_fs_has_directories(fs, FILE_PATH, call, err);)
CALL(fs_list, cove_listing *l = NULL; int rc = cove_fs_list(fs, FILE_PATH, call, &l, err); cove_listing_free(l);
     return rc;)
CALL(fs_find, cove_listing *l = NULL; int rc = cove_fs_find(fs, FILE_PATH, call, &l, err); cove_listing_free(l);
     return rc;)
CALL(fs_walk, cove_listing *l = NULL; int rc = cove_fs_walk(fs, FILE_PATH, call, &l, err); cove_listing_free(l);
     return rc;)
CALL(fs_glob, cove_listing *l = NULL; int rc = cove_fs_glob(fs, FILE_PATH "*", call, &l, err); cove_listing_free(l);
     return rc;)
CALL(fs_versions, cove_listing *l = NULL; int rc = cove_fs_versions(fs, FILE_PATH, call, &l, err); cove_listing_free(l);
     return rc;)
CALL(fs_find_versions, cove_listing *l = NULL; int rc = cove_fs_find_versions(fs, FILE_PATH, call, &l, err);
     cove_listing_free(l); return rc;)
CALL(fs_read_range, char b[2]; return cove_fs_read_range(fs, FILE_PATH, 0, b, sizeof b, call, err);)
CALL(fs_read_ranges, char b[2]; struct cove_range r = { 0, sizeof b, b, 0 };
     return cove_fs_read_ranges(fs, FILE_PATH, &r, 1, call, err);)
CALL(fs_read_file, void *data = NULL; size_t n; int rc = cove_fs_read_file(fs, FILE_PATH, 0, &data, &n, call, err);
     cove_free(data); return rc;)
CALL(fs_read_or_open, void *data = NULL; size_t n; cove_reader *r = NULL;
     int rc = cove_fs_read_or_open(fs, FILE_PATH, 9, 9, &data, &n, &r, call, err); cove_free(data);
     cove_reader_close(r); return rc;)
CALL(fs_write_file, return cove_fs_write_file(fs, FILE_PATH, "old", 3, call, err);)
CALL(fs_append, return cove_fs_append(fs, FILE_PATH "2", "x", 1, call, err);)
CALL(fs_copy, return cove_fs_copy(fs, FILE_PATH, FILE_PATH "3", call, err);)
CALL(fs_copy_if_match, return cove_fs_copy_if_match(fs, FILE_PATH, "\"x\"", FILE_PATH "3", call, err);)
CALL(fs_move, return cove_fs_move(fs, NO_PATH, NO_PATH "2", call, err);)
CALL(fs_remove, return cove_fs_remove(fs, NO_PATH, call, err);)
CALL(fs_remove_files, const char *path = NO_PATH; return cove_fs_remove_files(fs, &path, 1, call, err);)
CALL(fs_remove_files_if_match, const char *path = NO_PATH; const char *etag = "\"x\"";
     return cove_fs_remove_files_if_match(fs, &path, &etag, 1, call, err);)
CALL(fs_remove_tree, return cove_fs_remove_tree(fs, NO_PATH, call, err);)
CALL(fs_mkdir, return cove_fs_mkdir(fs, NO_PATH "3", call, err);)
CALL(fs_set_metadata, return cove_fs_set_metadata(fs, FILE_PATH, NULL, 0, call, err);)
CALL(fs_tags, struct cove_pair *tags; size_t n; return cove_fs_tags(fs, FILE_PATH, call, &tags, &n, err);)
CALL(fs_set_tags, return cove_fs_set_tags(fs, FILE_PATH, NULL, 0, call, err);)
CALL(fs_presign, char *url; return cove_fs_presign(fs, FILE_PATH, "GET", 60, call, &url, err);)
CALL(fs_abandoned_uploads, cove_uploads *u = NULL; int rc = cove_fs_abandoned_uploads(fs, FILE_PATH, 0, call, &u, err);
     cove_uploads_free(u); return rc;)
CALL(fs_abort_upload, return cove_fs_abort_upload(fs, FILE_PATH, "id", call, err);)
CALL(reader_open, cove_reader *r = NULL; int rc = cove_reader_open(fs, FILE_PATH, call, &r, err); cove_reader_close(r);
     return rc;)
CALL(writer_open, cove_writer *w = NULL; int rc = cove_writer_open(fs, FILE_PATH, NULL, call, &w, err);
     cove_writer_free(w); return rc;)
CALL(appender_open, cove_appender *a = NULL; int rc = cove_appender_open(fs, FILE_PATH, NULL, call, &a, err);
     cove_appender_close(a, NULL); return rc;)
CALL(queue_stat, return taken(cove_queue_stat(queue, fs, FILE_PATH, call, NULL, err));)
CALL(queue_read_range, char b[2];
     return taken(cove_queue_read_range(queue, fs, FILE_PATH, 0, b, sizeof b, call, NULL, err));)
CALL(queue_read_ranges, char b[2]; struct cove_range r = { 0, sizeof b, b, 0 };
     return taken(cove_queue_read_ranges(queue, fs, FILE_PATH, &r, 1, call, NULL, err));)
CALL(queue_read_file, return taken(cove_queue_read_file(queue, fs, FILE_PATH, 0, call, NULL, err));)
CALL(queue_read_or_open, return taken(cove_queue_read_or_open(queue, fs, FILE_PATH, 9, 9, call, NULL, err));)
CALL(queue_write_file, return taken(cove_queue_write_file(queue, fs, FILE_PATH, "old", 3, call, NULL, err));)
CALL(queue_remove, return taken(cove_queue_remove(queue, fs, NO_PATH, call, NULL, err));)
CALL(queue_copy, return taken(cove_queue_copy(queue, fs, FILE_PATH, FILE_PATH "3", call, NULL, err));)
CALL(queue_list, return taken(cove_queue_list(queue, fs, FILE_PATH, call, NULL, err));)
CALL(queue_find, return taken(cove_queue_find(queue, fs, FILE_PATH, call, NULL, err));)
CALL(queue_mkdir, return taken(cove_queue_mkdir(queue, fs, NO_PATH "3", call, NULL, err));)
CALL(event_writer_open, cove_event_writer *w = NULL; int rc = cove_event_writer_open(fs, NO_PATH "4", call, &w, err);
     cove_event_writer_close(w, NULL); return rc;)
CALL(event_reader_open, cove_event_reader *r = NULL; int rc = cove_event_reader_open(fs, FILE_PATH, call, &r, err);
     cove_event_reader_close(r); return rc;)
CALL(csv_writer_open, cove_csv_writer *w = NULL; int rc = cove_csv_writer_open(fs, NO_PATH "5", call, &w, err);
     cove_csv_writer_close(w, NULL); return rc;)
CALL(csv_reader_open, cove_csv_reader *r = NULL; int rc = cove_csv_reader_open(fs, FILE_PATH, call, &r, err);
     cove_csv_reader_close(r); return rc;)
CALL(checkpoint_save, return cove_checkpoint_save(fs, CKPT_PATH, tree, NULL, call, err);)
CALL(checkpoint_load, cove_value *v = NULL; int rc = cove_checkpoint_load(fs, CKPT_PATH, NULL, call, &v, err);
     cove_value_unref(v); return rc;)
CALL(value_fetch, return cove_value_fetch(tree, call, err);)
CALL(value_copy_tensor, struct cove_tensor_view view; float x = 0; cove_value_get_tensor(tensor, &view, NULL);
     view.data = &x; return cove_value_copy_tensor(tensor, &view, call, err);)

/* ---- the calls that take another struct ---- */

#define OPTIONS CALL

OPTIONS(queue_new, cove_queue *q = NULL; int rc = cove_queue_new(call, &q, err); cove_queue_free(q); return rc;)
OPTIONS(writer_open_options, cove_writer *w = NULL; int rc = cove_writer_open(fs, FILE_PATH, call, NULL, &w, err);
        cove_writer_free(w); return rc;)
OPTIONS(appender_open_options, cove_appender *a = NULL; int rc = cove_appender_open(fs, FILE_PATH, call, NULL, &a, err);
        cove_appender_close(a, NULL); return rc;)
OPTIONS(checkpoint_save_options, return cove_checkpoint_save(fs, CKPT_PATH, tree, call, NULL, err);)
OPTIONS(checkpoint_load_options, cove_value *v = NULL;
        int rc = cove_checkpoint_load(fs, CKPT_PATH, call, NULL, &v, err); cove_value_unref(v); return rc;)
OPTIONS(trainer_new, cove_trainer *t = NULL; int rc = cove_trainer_new(call, &t, err); cove_trainer_free(t); return rc;)
OPTIONS(optimizer_new, cove_optimizer *o = NULL;
        int rc = cove_optimizer_new(call, model.parameters, model.module.n_parameters, &o, err); cove_optimizer_free(o);
        return rc;)
OPTIONS(optimizer_add_param_group, cove_optimizer *o = NULL;
        assert_int_equal(cove_optimizer_new(&sgd, model.parameters, 1, &o, NULL), 0);
        int rc = cove_optimizer_add_param_group(o, call, model.parameters + 1, 1, err); cove_optimizer_free(o);
        return rc;)
OPTIONS(lr_scheduler_new, cove_optimizer *o = NULL; cove_lr_scheduler *s = NULL;
        assert_int_equal(cove_optimizer_new(&sgd, model.parameters, 1, &o, NULL), 0);
        int rc = cove_lr_scheduler_new(call, o, &s, err); cove_lr_scheduler_free(s); cove_optimizer_free(o); return rc;)
OPTIONS(model_checkpoint_new, cove_callback *c = NULL; int rc = cove_model_checkpoint_new(call, &c, err);
        cove_callback_free(c); return rc;)
OPTIONS(early_stopping_new, cove_callback *c = NULL; int rc = cove_early_stopping_new(call, &c, err);
        cove_callback_free(c); return rc;)
OPTIONS(tensorboard_logger_new, cove_logger *l = NULL; int rc = cove_tensorboard_logger_new(call, &l, err);
        cove_logger_free(l); return rc;)
OPTIONS(csv_logger_new, cove_logger *l = NULL; int rc = cove_csv_logger_new(call, &l, err); cove_logger_free(l);
        return rc;)

static int64_t with_trainer(bool fit, const struct cove_module *module, const struct cove_data *data,
                            cove_logger *logger, cove_callback *callback, struct cove_error *err)
{
    struct cove_trainer_options o = quiet(1);
    cove_trainer *t = NULL;

    o.enable_logging = !!logger;
    o.loggers = &logger;
    o.n_loggers = !!logger;
    o.callbacks = &callback;
    o.n_callbacks = !!callback;
    int rc = cove_trainer_new(&o, &t, err);
    if (rc == 0 && module)
        rc = fit ? cove_trainer_fit(t, module, data, NULL, err) : cove_trainer_validate(t, module, data, NULL, err);
    cove_trainer_free(t);
    return rc;
}

static void *unconst(const void *p)
{
    return (void *)p;
}

OPTIONS(trainer_fit_module, return with_trainer(true, call, &model.data, NULL, NULL, err);)
OPTIONS(trainer_fit_data, return with_trainer(true, &model.module, call, NULL, NULL, err);)
OPTIONS(trainer_fit_loader, struct cove_data data = model.data; data.train = call;
        return with_trainer(true, &model.module, &data, NULL, NULL, err);)
OPTIONS(trainer_validate_module, return with_trainer(false, call, &model.data, NULL, NULL, err);)
OPTIONS(trainer_validate_data, return with_trainer(false, &model.module, call, NULL, NULL, err);)
OPTIONS(trainer_new_logger, return with_trainer(true, NULL, NULL, unconst(call), NULL, err);)
OPTIONS(trainer_new_callback, return with_trainer(true, NULL, NULL, NULL, unconst(call), err);)
OPTIONS(module_load_weights, return cove_module_load_weights(call, CKPT_PATH, NULL, err);)

/* ---- the sizes ---- */

/* Runs one call with `size` bytes of the struct, alone in memory, so that AddressSanitizer sees a read past its end. */
static int64_t run_with(int64_t (*run)(const void *, struct cove_error *), const void *whole, size_t sizeof_whole,
                        size_t size, size_t memory, struct cove_error *err)
{
    char *given = malloc(memory);

    assert_non_null(given);
    memset(given, 0xA5, memory);
    memcpy(given, whole, memory < sizeof_whole ? memory : sizeof_whole);
    memcpy(given, &size, sizeof size);
    *err = (struct cove_error)COVE_ERROR_INIT;
    int64_t rc = run(given, err);
    free(given);
    return rc;
}

/* `prefix`: how the message begins. `smaller`: up to the last member that this case cannot do without. */
static void check(const char *name, int64_t (*run)(const void *, struct cove_error *), const void *whole,
                  size_t sizeof_whole, size_t smaller, const char *prefix)
{
    const struct {
        size_t size, memory;
        bool refused;
    } sizes[] = { { 0, sizeof_whole, true },
                  { sizeof(size_t), sizeof_whole, true },
                  { (size_t)1 << 40, sizeof_whole, true },
                  { smaller, smaller, false },
                  { sizeof_whole, sizeof_whole, false },
                  { sizeof_whole + 64, sizeof_whole + 64, false } };

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct cove_error err;
        int64_t rc = run_with(run, whole, sizeof_whole, sizes[i].size, sizes[i].memory, &err);
        bool refused = rc == COVE_EINVAL && strncmp(err.message, prefix, strlen(prefix)) == 0 &&
                       strstr(err.message, "initialise it with its _INIT macro");

        if (refused != sizes[i].refused || (!refused && rc == COVE_EINVAL))
            fail_msg("%s with size %zu: %d %s", name, sizes[i].size, (int)rc, err.message);
    }
}

#define CHECK_CALL(name, op)                                                                                           \
    check("cove_" #name, of_##name, &call, sizeof call, offsetof(struct cove_call, cancel),                            \
          op " memory://struct-sizes/")
#define CHECK(name, whole, smaller, prefix)                                                                            \
    check("cove_" #name, of_##name, &(whole), sizeof(whole), (smaller), (prefix))

static void calls_of_files(void **state)
{
    const struct cove_call call = COVE_CALL_INIT;

    (void)state;
    CHECK_CALL(fs_stat, "stat");
    CHECK_CALL(fs_exists, "stat");
    CHECK_CALL(fs_is_file, "stat");
    CHECK_CALL(fs_is_directory, "stat");
    CHECK_CALL(fs_has_directories, "stat");
    CHECK_CALL(fs_list, "list");
    CHECK_CALL(fs_find, "find");
    CHECK_CALL(fs_walk, "walk");
    CHECK_CALL(fs_glob, "glob");
    CHECK_CALL(fs_versions, "versions");
    CHECK_CALL(fs_find_versions, "find versions");
    CHECK_CALL(fs_read_range, "read");
    CHECK_CALL(fs_read_ranges, "read");
    CHECK_CALL(fs_read_file, "read");
    CHECK_CALL(fs_read_or_open, "read");
    CHECK_CALL(fs_write_file, "write");
    CHECK_CALL(fs_append, "append");
    CHECK_CALL(fs_copy, "copy");
    CHECK_CALL(fs_copy_if_match, "copy");
    CHECK_CALL(fs_move, "move");
    CHECK_CALL(fs_remove, "remove");
    CHECK_CALL(fs_remove_files, "remove");
    CHECK_CALL(fs_remove_files_if_match, "remove");
    CHECK_CALL(fs_remove_tree, "remove_tree");
    CHECK_CALL(fs_mkdir, "mkdir");
    CHECK_CALL(fs_set_metadata, "set_metadata");
    CHECK_CALL(fs_tags, "tags");
    CHECK_CALL(fs_set_tags, "set_tags");
    CHECK_CALL(fs_presign, "sign");
    CHECK_CALL(fs_abandoned_uploads, "uploads");
    CHECK_CALL(fs_abort_upload, "abort");
}

static void calls_that_open(void **state)
{
    const struct cove_call call = COVE_CALL_INIT;

    (void)state;
    CHECK_CALL(reader_open, "read");
    CHECK_CALL(writer_open, "write");
    CHECK_CALL(appender_open, "append");
    CHECK_CALL(event_writer_open, "append");
    CHECK_CALL(event_reader_open, "read");
    CHECK_CALL(csv_writer_open, "read");
    CHECK_CALL(csv_reader_open, "read");
    CHECK_CALL(checkpoint_save, "save");
    CHECK_CALL(checkpoint_load, "load");
    CHECK(value_fetch, call, offsetof(struct cove_call, cancel), "fetch: call:");
    CHECK(value_copy_tensor, call, offsetof(struct cove_call, cancel), "fetch: call:");
}

static void calls_of_a_queue(void **state)
{
    const struct cove_call call = COVE_CALL_INIT;

    (void)state;
    CHECK_CALL(queue_stat, "stat");
    CHECK_CALL(queue_read_range, "read");
    CHECK_CALL(queue_read_ranges, "read");
    CHECK_CALL(queue_read_file, "read");
    CHECK_CALL(queue_read_or_open, "read");
    CHECK_CALL(queue_write_file, "write");
    CHECK_CALL(queue_remove, "remove");
    CHECK_CALL(queue_copy, "copy");
    CHECK_CALL(queue_list, "list");
    CHECK_CALL(queue_find, "find");
    CHECK_CALL(queue_mkdir, "mkdir");
}

static void options_of_files(void **state)
{
    const struct cove_queue_options queue_options = COVE_QUEUE_OPTIONS_INIT;
    const struct cove_writer_options writer = COVE_WRITER_OPTIONS_INIT;
    const struct cove_appender_options appender = COVE_APPENDER_OPTIONS_INIT;
    const struct cove_checkpoint_save_options save = COVE_CHECKPOINT_SAVE_OPTIONS_INIT;
    const struct cove_checkpoint_load_options load = COVE_CHECKPOINT_LOAD_OPTIONS_INIT;

    (void)state;
    CHECK(queue_new, queue_options, offsetof(struct cove_queue_options, max_jobs), "queue: options:");
    CHECK(writer_open_options, writer, offsetof(struct cove_writer_options, etag), "write " FILE_PATH ": options:");
    CHECK(appender_open_options, appender, offsetof(struct cove_appender_options, flush_bytes),
          "append " FILE_PATH ": options:");
    CHECK(checkpoint_save_options, save, sizeof save, "save " CKPT_PATH ": options:");
    CHECK(checkpoint_load_options, load, offsetof(struct cove_checkpoint_load_options, paths),
          "load " CKPT_PATH ": options:");
}

static void options_of_training(void **state)
{
    const struct cove_trainer_options trainer = COVE_TRAINER_OPTIONS_INIT;
    struct cove_lr_scheduler_options scheduler = COVE_LR_SCHEDULER_OPTIONS_INIT(COVE_LR_SCHEDULER_STEP);
    const struct cove_model_checkpoint_options checkpoint = COVE_MODEL_CHECKPOINT_OPTIONS_INIT;
    struct cove_early_stopping_options stopping = COVE_EARLY_STOPPING_OPTIONS_INIT;
    const struct cove_logger_options options = COVE_LOGGER_OPTIONS_INIT;

    (void)state;
    stopping.monitor = "loss";
    scheduler.step_size = 1;
    CHECK(trainer_new, trainer, offsetof(struct cove_trainer_options, callbacks), "trainer: options:");
    CHECK(optimizer_new, sgd, offsetof(struct cove_optimizer_options, momentum), "optimizer: options:");
    CHECK(optimizer_add_param_group, sgd, offsetof(struct cove_optimizer_options, momentum), "optimizer: options:");
    CHECK(lr_scheduler_new, scheduler, sizeof scheduler, "lr_scheduler: options:");
    CHECK(model_checkpoint_new, checkpoint, offsetof(struct cove_model_checkpoint_options, monitor),
          "ModelCheckpoint: options:");
    CHECK(early_stopping_new, stopping, offsetof(struct cove_early_stopping_options, mode), "EarlyStopping: options:");
    CHECK(tensorboard_logger_new, options, offsetof(struct cove_logger_options, version), "logger: options:");
    CHECK(csv_logger_new, options, offsetof(struct cove_logger_options, version), "logger: options:");
}

static void structs_of_training(void **state)
{
    const struct cove_logger logger = COVE_LOGGER_INIT;
    const struct cove_callback callback = COVE_CALLBACK_INIT;

    (void)state;
    CHECK(trainer_fit_module, model.module, offsetof(struct cove_module, hooks), "trainer: module:");
    CHECK(trainer_fit_data, model.data, offsetof(struct cove_data, val), "trainer: data:");
    CHECK(trainer_fit_loader, model.train, offsetof(struct cove_dataloader, shuffle), "train data: loader:");
    CHECK(trainer_validate_module, model.module, offsetof(struct cove_module, hooks), "trainer: module:");
    CHECK(trainer_validate_data, model.data, sizeof model.data, "trainer: data:");
    CHECK(trainer_new_logger, logger, sizeof logger, "trainer: loggers[0]: logger:");
    CHECK(trainer_new_callback, callback, offsetof(struct cove_callback, hooks), "trainer: callbacks[0]: callback:");
    CHECK(module_load_weights, model.module, offsetof(struct cove_module, hooks), "load weights: module:");
}

/* What the sizes are for: a condition that was asked for and is lost would replace the file. */
static void a_forgotten_macro_replaces_no_file(void **state)
{
    struct cove_writer_options o = { .condition = COVE_WRITE_IF_NEW };
    cove_writer *w = NULL;
    void *data = NULL;
    size_t size;

    (void)state;
    assert_int_equal(cove_fs_write_file(fs, FILE_PATH, "old", 3, NULL, NULL), 0);
    assert_int_equal(cove_writer_open(fs, FILE_PATH, &o, NULL, &w, NULL), COVE_EINVAL);
    assert_null(w);
    assert_int_equal(cove_fs_read_file(fs, FILE_PATH, 0, &data, &size, NULL, NULL), 0);
    assert_memory_equal(data, "old", 3);
    cove_free(data);
}

static int begin(void **state)
{
    static float value;
    static const int64_t shape[1] = { 1 };
    struct cove_tensor_view view = { .dtype = COVE_DTYPE_FLOAT32, .n_dims = 1, .shape = shape, .data = &value };

    (void)state;
    line_init(&model);
    assert_int_equal(cove_fs_from_url("memory://struct-sizes", NULL, &fs, NULL, NULL), 0);
    assert_int_equal(cove_queue_new(NULL, &queue, NULL), 0);
    assert_int_equal(cove_fs_write_file(fs, FILE_PATH, "old", 3, NULL, NULL), 0);
    assert_int_equal(cove_value_new_tensor(&view, &tensor, NULL), 0);
    tree = cove_value_new_dict();
    return cove_value_dict_set(tree, "x", cove_value_ref(tensor), NULL);
}

static int end(void **state)
{
    (void)state;
    cove_value_unref(tensor);
    cove_value_unref(tree);
    cove_queue_free(queue);
    cove_fs_unref(fs);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_of_files),
        cmocka_unit_test(calls_that_open),
        cmocka_unit_test(calls_of_a_queue),
        cmocka_unit_test(options_of_files),
        cmocka_unit_test(options_of_training),
        cmocka_unit_test(structs_of_training),
        cmocka_unit_test(a_forgotten_macro_replaces_no_file),
    };

    return cmocka_run_group_tests_name("struct sizes", tests, begin, end);
}
