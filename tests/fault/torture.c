/*
 * torture: one call with its Nth allocation failing, for every N there is, in one process.
 *
 *   torture save|load|list|describe|append|remove|create|resave URL [OPTION=VALUE…]
 *
 * After each try the call has succeeded or returned COVE_ENOMEM, and the file is one of the two that it may be: the one
 * before, or the new one, whole. What the options don't say of the store the environment does. Exit status 0, and how
 * many allocations there were on standard output.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cove/cove.h>

#include "base/mem.h"

#define ELEMENTS   3000
#define BEYOND     50    /* tries after the last allocation that was seen: threads do not always make as many */
#define ENDLESS    20000 /* a call with so many allocations is not one of these */
#define CLEAN_STEP 1000

struct torture {
    cove_fs *fs;
    char *path;
    const char *url;
    cove_parts *base;
    float memory[ELEMENTS];
};

static cove_value *tree_of(struct torture *t, int64_t step, struct cove_error *err)
{
    int64_t shape[2] = { ELEMENTS / 10, 10 };
    struct cove_tensor_view view = { COVE_DTYPE_FLOAT32, 2, shape, NULL, t->memory };
    cove_value *tree = cove_value_new_dict(), *state = cove_value_new_dict(), *tensor = NULL;
    int rc = tree && state ? 0 : COVE_ENOMEM;
    for (size_t i = 0; i < ELEMENTS; i++)
        t->memory[i] = (float)step;
    if (rc == 0)
        rc = cove_value_dict_set(tree, "global_step", cove_value_new_int(step), err);
    if (rc == 0)
        rc = cove_value_new_tensor(&view, &tensor, err);
    if (rc == 0)
        rc = cove_value_dict_set(state, "weight", tensor, err);
    if (rc == 0) {
        rc = cove_value_dict_set(tree, "state_dict", state, err);
        state = NULL;
    }
    cove_value_unref(state);
    if (rc < 0) {
        cove_value_unref(tree);
        return NULL;
    }
    return tree;
}

static int save(struct torture *t, int64_t step, struct cove_error *err)
{
    cove_value *tree = tree_of(t, step, err);
    if (!tree)
        return COVE_ENOMEM;
    int rc = cove_checkpoint_save(t->fs, t->path, tree, NULL, NULL, err);
    cove_value_unref(tree);
    return rc;
}

/* The step of the checkpoint that is there, all of it checked; or an error. */
static int64_t load(struct torture *t, struct cove_error *err)
{
    cove_value *tree;
    int64_t step = 0;
    struct cove_tensor_view view;
    int rc = cove_checkpoint_load(t->fs, t->path, NULL, NULL, &tree, err);
    if (rc < 0)
        return rc;
    rc = cove_value_get_int(cove_value_dict_get(tree, "global_step"), &step, err);
    if (rc == 0)
        rc = cove_value_get_tensor(cove_value_find(tree, "state_dict.weight"), &view, err);
    for (size_t i = 0; rc == 0 && i < ELEMENTS; i++)
        if (((const float *)view.data)[i] != (float)step)
            rc = COVE_ECORRUPT;
    cove_value_unref(tree);
    return rc < 0 ? rc : step;
}

static int list(struct torture *t, struct cove_error *err)
{
    char pattern[4096];
    snprintf(pattern, sizeof(pattern), "%.*s/{*.ckpt,x*}", (int)(strrchr(t->path, '/') - t->path), t->path);
    cove_listing *listing;
    const cove_info *info;
    int n = 0, rc = cove_fs_glob(t->fs, pattern, NULL, &listing, err);
    if (rc < 0)
        return rc;
    while ((rc = cove_listing_next(listing, &info, err)) == 1)
        n++;
    cove_listing_free(listing);
    return rc < 0 ? rc : n == 1 ? 0 : COVE_ECORRUPT;
}

/* What stands beside the bytes is set, looked at and signed for. */
static int describe(struct torture *t, struct cove_error *err)
{
    const struct cove_pair pairs[] = { { "epoch", "7" }, { "run", "first" } };
    struct cove_pair *tags = NULL;
    size_t n = 0;
    char *url = NULL;
    cove_info *info = NULL;
    cove_listing *listing = NULL;
    const cove_info *version;
    int rc = cove_fs_set_metadata(t->fs, t->path, pairs, 2, NULL, err);
    if (rc == 0)
        rc = cove_fs_stat(t->fs, t->path, NULL, &info, err);
    cove_info_free(info);
    if (rc == 0)
        rc = cove_fs_set_tags(t->fs, t->path, pairs, 2, NULL, err);
    if (rc == 0)
        rc = cove_fs_tags(t->fs, t->path, NULL, &tags, &n, err);
    cove_free(tags);
    if (rc == 0)
        rc = cove_fs_versions(t->fs, t->path, NULL, &listing, err);
    while (rc == 0 && (rc = cove_listing_next(listing, &version, err)) == 1)
        rc = 0;
    cove_listing_free(listing);
    if (rc == 0)
        rc = cove_fs_presign(t->fs, t->path, "GET", 60, NULL, &url, err);
    cove_free(url);
    return rc < 0 ? rc : n == 2 ? 0 : COVE_ECORRUPT;
}

static int append(struct torture *t, struct cove_error *err)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s.log", t->path);
    cove_appender *appender;
    int rc = cove_appender_open(t->fs, path, NULL, NULL, &appender, err);
    if (rc < 0)
        return rc;
    rc = cove_appender_write(appender, "line\n", 5, err);
    int closed = cove_appender_close(appender, rc < 0 ? NULL : err);
    return rc < 0 ? rc : closed;
}

/* Six files below a folder of their own, before each try. */
#define FILES 6
static int remove_tree(struct torture *t, unsigned long fault, struct cove_error *err)
{
    char path[4096], folder[4096];
    int rc = 0;
    snprintf(folder, sizeof(folder), "%s.d", t->path);
    for (int i = 0; rc == 0 && i < FILES; i++) {
        snprintf(path, sizeof(path), "%.4000s/%d", folder, i);
        rc = cove_fs_write_file(t->fs, path, "x", 1, NULL, err);
    }
    if (rc < 0)
        return rc;
    cove__mem_fail(fault, 0);
    return cove_fs_remove_tree(t->fs, folder, NULL, err);
}

/* A stream under the condition that there is no such file yet. */
static int create(struct torture *t, unsigned long fault, struct cove_error *err)
{
    char path[4096];
    struct cove_writer_options options = COVE_WRITER_OPTIONS_INIT;
    cove_writer *writer;
    options.condition = COVE_WRITE_IF_NEW;
    snprintf(path, sizeof(path), "%s.new", t->path);
    int rc = cove_fs_remove(t->fs, path, NULL, err);
    if (rc < 0 && rc != COVE_ENOTFOUND)
        return rc;
    cove__mem_fail(fault, 0);
    rc = cove_writer_open(t->fs, path, &options, NULL, &writer, err);
    if (rc < 0)
        return rc;
    rc = cove_writer_write(writer, "new", 3, err);
    if (rc == 0)
        rc = cove_writer_finish(writer, err);
    cove_writer_free(writer);
    return rc;
}

/* An object of three parts, with those of `base`. */
#define PART  ((size_t)5 << 20)
#define LARGE (2 * PART + 100)
static int write_parts(struct torture *t, const char *path, const cove_parts *base, const char *data,
                       struct cove_error *err)
{
    struct cove_writer_options options = COVE_WRITER_OPTIONS_INIT;
    cove_writer *writer;
    options.keep_parts = 1;
    options.base = base;
    int rc = cove_writer_open(t->fs, path, &options, NULL, &writer, err);
    if (rc < 0)
        return rc;
    rc = cove_writer_write(writer, data, LARGE, err);
    if (rc == 0)
        rc = cove_writer_finish(writer, err);
    if (rc == 0 && !base)
        rc = cove_writer_take_parts(writer, &t->base, err);
    cove_writer_free(writer);
    return rc;
}

static int resave(struct torture *t, unsigned long fault, struct cove_error *err)
{
    static char data[LARGE];
    char base[4096], path[4096];
    snprintf(base, sizeof(base), "%s.base", t->path);
    snprintf(path, sizeof(path), "%s.again", t->path);
    for (size_t i = 0; i < LARGE; i++)
        data[i] = (char)(i >> 12);
    int rc = t->base ? 0 : write_parts(t, base, NULL, data, err);
    if (rc < 0)
        return rc;
    data[LARGE - 1] ^= 1; /* the last part is new */
    cove__mem_fail(fault, 0);
    return write_parts(t, path, t->base, data, err);
}

/* What the three above may leave. */
static bool leaves_whole(struct torture *t, const char *verb, int rc)
{
    struct cove_error err = COVE_ERROR_INIT;
    char path[4096];
    bool found = false;
    cove_info *info = NULL;
    snprintf(path, sizeof(path), "%s.%s", t->path,
             strcmp(verb, "remove") == 0   ? "d"
             : strcmp(verb, "create") == 0 ? "new"
                                           : "again");
    int stat = cove_fs_stat(t->fs, path, NULL, &info, &err);
    if (stat == 0) {
        found = true;
        int64_t want = strcmp(verb, "create") == 0 ? 3 : strcmp(verb, "resave") == 0 ? (int64_t)LARGE : 0;
        if (cove_info_size(info) != want)
            return false;
        cove_info_free(info);
    } else if (stat != COVE_ENOTFOUND) {
        return false;
    }
    return rc < 0 || found == (strcmp(verb, "remove") != 0);
}

/* What `verb` may leave behind it after a try with number `n` that ended with `rc`; true where it did. */
static bool is_sound(struct torture *t, const char *verb, int64_t n, int rc)
{
    struct cove_error err = COVE_ERROR_INIT;
    if (strcmp(verb, "remove") == 0 || strcmp(verb, "create") == 0 || strcmp(verb, "resave") == 0)
        return leaves_whole(t, verb, rc);
    if (strcmp(verb, "append") == 0) {
        char path[4096];
        void *data;
        size_t size;
        snprintf(path, sizeof(path), "%s.log", t->path);
        int read = cove_fs_read_file(t->fs, path, 0, &data, &size, NULL, &err);
        if (read == COVE_ENOTFOUND)
            return rc < 0;
        bool whole = read == 0 && size % 5 == 0 && size <= (size_t)n * 5;
        if (read == 0)
            cove_free(data);
        return whole;
    }
    int64_t step = load(t, &err);
    bool sound = step == CLEAN_STEP || (strcmp(verb, "save") == 0 && step == CLEAN_STEP + n);
    if (strcmp(verb, "save") == 0 && rc == 0)
        sound = step == CLEAN_STEP + n;
    if (!sound)
        fprintf(stderr, "after try %lld: %lld %s\n", (long long)n, (long long)step, err.message);
    /* The next try begins with the same. */
    if (sound && step != CLEAN_STEP && save(t, CLEAN_STEP, &err) < 0) {
        fprintf(stderr, "after try %lld: cannot save any more: %s\n", (long long)n, err.message);
        return false;
    }
    return sound;
}

/* The fault is set once the try's own preparations are made. */
static int one_try(struct torture *t, const char *verb, int64_t n, struct cove_error *err)
{
    if (strcmp(verb, "remove") == 0)
        return remove_tree(t, (unsigned long)n, err);
    if (strcmp(verb, "create") == 0)
        return create(t, (unsigned long)n, err);
    if (strcmp(verb, "resave") == 0)
        return resave(t, (unsigned long)n, err);
    cove__mem_fail((unsigned long)n, 0);
    if (strcmp(verb, "save") == 0)
        return save(t, CLEAN_STEP + n, err);
    if (strcmp(verb, "load") == 0) {
        int64_t step = load(t, err);
        return step < 0 ? (int)step : 0;
    }
    if (strcmp(verb, "describe") == 0)
        return describe(t, err);
    return strcmp(verb, "list") == 0 ? list(t, err) : append(t, err);
}

static int run(struct torture *t, const char *verb)
{
    unsigned long most = 0, failed = 0;
    struct cove_error err = COVE_ERROR_INIT;
    if (save(t, CLEAN_STEP, &err) < 0) {
        fprintf(stderr, "without a fault: %s\n", err.message);
        return 1;
    }
    for (unsigned long n = 1; n <= most + BEYOND; n++) {
        err = (struct cove_error)COVE_ERROR_INIT;
        int rc = one_try(t, verb, (int64_t)n, &err);
        unsigned long seen = cove__mem_fail(0, 0);
        most = seen > most ? seen : most;
        failed += rc < 0;
        if (rc != 0 && rc != COVE_ENOMEM) {
            fprintf(stderr, "allocation %lu failing: %s: %s\n", n, cove_code_name(rc), err.message);
            return 1;
        }
        if (!is_sound(t, verb, (int64_t)n, rc) || most > ENDLESS)
            return 1;
    }
    printf("%lu allocations, %lu tries failed\n", most, failed);
    return 0;
}

int main(int argc, char **argv)
{
    static struct torture t;
    struct cove_error err = COVE_ERROR_INIT;
    cove_options *options = cove_options_new();
    if (argc < 3 || !options) {
        fprintf(stderr, "usage: torture save|load|list|describe|append|remove|create|resave URL [OPTION=VALUE...]\n");
        return 2;
    }
    int rc = 0;
    for (int i = 3; rc == 0 && i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (equals)
            *equals = '\0';
        rc = cove_options_set(options, argv[i], equals ? equals + 1 : "true", &err);
    }
    t.url = argv[2];
    if (rc == 0)
        rc = cove_fs_from_url(t.url, options, &t.fs, &t.path, &err);
    cove_options_free(options);
    if (rc < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 2;
    }
    rc = run(&t, argv[1]);
    cove_parts_free(t.base);
    cove_free(t.path);
    cove_fs_unref(t.fs);
    return rc;
}
