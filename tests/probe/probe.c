/*
 * probe: one call of libcove from a test in Python, its outcome as JSON on standard output.
 *
 *   probe [-o NAME=VALUE]… [-t TIMEOUT_MS] [-c CANCEL_AFTER_MS] [-O FILE] VERB URL [ARGUMENT…]
 *
 * Exit status 0 whatever the call returned: the outcome is the output. What libcove logs goes to standard error.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cove/cove.h>

#include "../seeded.h"
#include "probe.h"

#define PIECE ((size_t)1 << 20)

/* ---- JSON out ---- */

static void print_string(const char *s)
{
    putchar('"');
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            printf("\\u%04x", c); /* bytes as Latin-1: the test encodes them back */
        else
            putchar(c);
    }
    putchar('"');
}

void print_name(struct probe *p, const char *name)
{
    fputs(p->printed_names ? "," : "{\"names\":[", stdout);
    p->printed_names = true;
    print_string(name);
}

static void print_outcome(const struct probe *p, int rc)
{
    printf(p->printed_names ? "]," : "{");
    printf("\"code\":");
    print_string(cove_code_name(rc));
    printf(",\"value\":%lld,\"http_status\":%d,\"os_errno\":%d,\"retryable\":%d,\"worst_ms\":%lld,\"fds\":[%u,%u],"
           "\"threads\":[%u,%u],\"store_code\":",
           (long long)p->value, p->err.http_status, p->err.os_errno, p->err.retryable, (long long)p->worst_ms,
           p->fds[0], p->fds[1], p->threads[0], p->threads[1]);
    print_string(p->err.store_code);
    printf(",\"message\":");
    print_string(p->err.message);
    printf("}\n");
}

/* ---- help for verbs ---- */

/* The bytes that tests/mock/server.py calls pattern(). */
static void pattern(unsigned char *data, size_t size, size_t offset)
{
    for (size_t k = 0; k < size; k++) {
        size_t i = (offset + k) % (4 * 251);
        data[k] = (unsigned char)(i * 31 + (i >> 3) * 7);
    }
}

static int keep(const struct probe *p, const void *data, size_t size)
{
    if (!p->out)
        return 0;
    FILE *f = fopen(p->out, "wb");
    if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0) {
        fprintf(stderr, "probe: %s: %s\n", p->out, strerror(errno));
        exit(3);
    }
    return 0;
}

static size_t size_arg(const struct probe *p, int i)
{
    return (size_t)strtoull(p->args[i], NULL, 10);
}

static unsigned entries_of(const char *folder)
{
    DIR *dir = opendir(folder);
    unsigned n = 0;
    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void took(struct probe *p, int64_t begin_ms)
{
    int64_t ms = now_ms() - begin_ms;
    if (ms > p->worst_ms)
        p->worst_ms = ms;
}

/* ---- verbs ---- */

static int run_get(struct probe *p)
{
    void *data;
    size_t size;
    int rc = cove_fs_read_file(p->fs, p->path, 0, &data, &size, &p->call, &p->err);
    if (rc < 0)
        return rc;
    p->value = (int64_t)size;
    rc = keep(p, data, size);
    cove_free(data);
    return rc;
}

static int run_range(struct probe *p)
{
    size_t length = size_arg(p, 1);
    void *data = malloc(length + 1);
    if (!data)
        return COVE_ENOMEM;
    int64_t n = cove_fs_read_range(p->fs, p->path, strtoll(p->args[0], NULL, 10), data, length, &p->call, &p->err);
    if (n >= 0) {
        p->value = n;
        keep(p, data, (size_t)n);
    }
    free(data);
    return n < 0 ? (int)n : 0;
}

/* read URL [SIZE]: the whole file through a reader, in pieces of 64 KiB or so. */
static int run_read(struct probe *p)
{
    cove_reader *reader;
    int rc = cove_reader_open(p->fs, p->path, &p->call, &reader, &p->err);
    if (rc < 0)
        return rc;
    size_t size = (size_t)cove_reader_size(reader), block = p->n_args > 0 ? size_arg(p, 0) : 65536;
    char *data = malloc(size + 1);
    int64_t n = data ? 1 : COVE_ENOMEM;
    for (size_t done = 0; n > 0; done += (size_t)n) {
        n = cove_reader_read(reader, data + done, size - done < block ? size - done : block, &p->err);
        if (n >= 0)
            p->value += n;
    }
    if (n == 0)
        keep(p, data, (size_t)p->value);
    free(data);
    cove_reader_close(reader);
    return (int)n;
}

/* put URL SIZE: in one step. */
static int run_put(struct probe *p)
{
    size_t size = size_arg(p, 0);
    unsigned char *data = malloc(size + 1);
    if (!data)
        return COVE_ENOMEM;
    pattern(data, size, 0);
    int rc = cove_fs_write_file(p->fs, p->path, data, size, &p->call, &p->err);
    free(data);
    return rc;
}

/* look URL [SIZE]: checks that the object exists, replaces it by one of that size, and reads the object. */
static int run_look(struct probe *p)
{
    int rc = cove_fs_exists(p->fs, p->path, &p->call, &p->err);
    if (rc == 1 && p->n_args > 0)
        rc = run_put(p);
    p->n_args = 0;
    return rc < 0 ? rc : run_read(p);
}

/* write URL SIZE [new|ETAG]: as a stream, in pieces of 64 KiB, under a condition. The new version is a name, where
 * there is one. */
static int run_write(struct probe *p)
{
    struct cove_writer_options options = COVE_WRITER_OPTIONS_INIT;
    if (p->n_args > 1) {
        options.condition = strcmp(p->args[1], "new") == 0 ? COVE_WRITE_IF_NEW : COVE_WRITE_IF_MATCH;
        options.etag = p->args[1];
    }
    cove_writer *writer;
    int rc = cove_writer_open(p->fs, p->path, &options, &p->call, &writer, &p->err);
    unsigned char data[65536];
    size_t size = size_arg(p, 0);
    if (rc < 0)
        return rc;
    for (size_t done = 0; rc == 0 && done < size;) {
        size_t n = size - done < sizeof(data) ? size - done : sizeof(data);
        pattern(data, n, done);
        rc = cove_writer_write(writer, data, n, &p->err);
        done += n;
    }
    if (rc == 0)
        rc = cove_writer_finish(writer, &p->err);
    if (cove_writer_version_id(writer))
        print_name(p, cove_writer_version_id(writer));
    cove_writer_free(writer);
    return rc;
}

/* new URL SIZE TYPE NAME=VALUE…: as a stream, with a content type and metadata. */
static int run_new(struct probe *p)
{
    struct cove_writer_options options = COVE_WRITER_OPTIONS_INIT;
    struct cove_pair pairs[MAX_PAIRS];
    cove_writer *writer;
    size_t size = size_arg(p, 0);
    unsigned char *data = malloc(size + 1);
    if (!data)
        return COVE_ENOMEM;
    pattern(data, size, 0);
    options.content_type = p->args[1];
    options.n_metadata = pair_args(p, 2, pairs);
    options.metadata = pairs;
    int rc = cove_writer_open(p->fs, p->path, &options, &p->call, &writer, &p->err);
    if (rc == 0) {
        rc = cove_writer_write(writer, data, size, &p->err);
        if (rc == 0)
            rc = cove_writer_finish(writer, &p->err);
        cove_writer_free(writer);
    }
    free(data);
    return rc;
}

/* up URL SIZE SEED: writes seeded bytes as a stream. What was written is the value. */
static int run_up(struct probe *p)
{
    size_t size = size_arg(p, 0), seed = size_arg(p, 1);
    unsigned char *data = malloc(PIECE);
    cove_writer *writer = NULL;
    int64_t begin = now_ms();
    if (!data)
        return COVE_ENOMEM;
    int rc = cove_writer_open(p->fs, p->path, NULL, &p->call, &writer, &p->err);
    took(p, begin);
    for (size_t at = 0; rc == 0 && at < size; at += PIECE) {
        size_t n = size - at < PIECE ? size - at : PIECE;
        seeded_bytes(data, seed, at, n, true);
        begin = now_ms();
        rc = cove_writer_write(writer, data, n, &p->err);
        took(p, begin);
        p->value += rc == 0 ? (int64_t)n : 0;
    }
    begin = now_ms();
    if (rc == 0)
        rc = cove_writer_finish(writer, &p->err);
    took(p, begin);
    fprintf(stderr, "ended %s\n", cove_code_name(rc)); /* what follows, an abort, has its own limit */
    cove_writer_free(writer);
    free(data);
    return rc;
}

/* down URL SIZE SEED: reads the same through a reader; COVE_ECORRUPT unless each byte is as it was written. */
static int run_down(struct probe *p)
{
    size_t size = size_arg(p, 0), seed = size_arg(p, 1);
    unsigned char *data = malloc(PIECE);
    cove_reader *reader = NULL;
    int64_t n = 1, begin = now_ms();
    if (!data)
        return COVE_ENOMEM;
    int rc = cove_reader_open(p->fs, p->path, &p->call, &reader, &p->err);
    took(p, begin);
    while (rc == 0 && n > 0) {
        begin = now_ms();
        n = cove_reader_read(reader, data, PIECE, &p->err);
        took(p, begin);
        rc = n < 0 ? (int)n : 0;
        if (n > 0 && !seeded_bytes(data, seed, (uint64_t)p->value, (size_t)n, false))
            rc = COVE_ECORRUPT;
        p->value += n > 0 ? n : 0;
    }
    if (rc == 0 && p->value != (int64_t)size)
        rc = COVE_ECORRUPT;
    fprintf(stderr, "ended %s\n", cove_code_name(rc));
    cove_reader_close(reader);
    free(data);
    return rc;
}

/* fetch URL SIZE SEED: the same by one call, to its place in memory. */
static int run_fetch(struct probe *p)
{
    size_t size = size_arg(p, 0), seed = size_arg(p, 1);
    unsigned char *data = malloc(size);
    int64_t begin = now_ms();
    if (!data)
        return COVE_ENOMEM;
    p->value = cove_fs_read_range(p->fs, p->path, 0, data, size, &p->call, &p->err);
    took(p, begin);
    int rc = p->value < 0 ? (int)p->value : 0;
    if (rc == 0 && (p->value != (int64_t)size || !seeded_bytes(data, seed, 0, size, false)))
        rc = COVE_ECORRUPT;
    fprintf(stderr, "ended %s\n", cove_code_name(rc));
    free(data);
    return rc;
}

/* many URL COUNT: COUNT requests for the path's details, by a queue; the value: how many of them succeeded. */
static int run_many(struct probe *p)
{
    cove_queue *queue;
    int rc = cove_queue_new(NULL, &queue, &p->err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < size_arg(p, 0); i++)
        rc = cove_queue_stat(queue, p->fs, p->path, &p->call, NULL, &p->err) < 0 ? p->err.code : 0;
    struct cove_result result = COVE_RESULT_INIT;
    while (cove_queue_next(queue, -1, &result, NULL) == 1) {
        p->value += result.rc == 0;
        if (result.rc < 0 && rc == 0) {
            rc = result.rc;
            p->err = result.err;
        }
        cove_info_free(result.info);
    }
    cove_queue_free(queue);
    return rc;
}

/* One object of a resave: `data`, with its parts kept, and with those of an older one. */
static int write_parts(struct probe *p, const char *path, const void *data, size_t size, const cove_parts *base,
                       cove_parts **ret_parts)
{
    struct cove_writer_options options = COVE_WRITER_OPTIONS_INIT;
    cove_writer *writer;
    options.keep_parts = 1;
    options.base = base;
    int rc = cove_writer_open(p->fs, path, &options, &p->call, &writer, &p->err);
    if (rc < 0)
        return rc;
    rc = cove_writer_write(writer, data, size, &p->err);
    if (rc == 0)
        rc = cove_writer_finish(writer, &p->err);
    if (rc == 0)
        rc = cove_writer_take_parts(writer, ret_parts, &p->err);
    p->value = cove_writer_sent(writer);
    if (rc == 0 && cove_writer_sent(writer) + cove_writer_copied(writer) != (int64_t)size)
        rc = COVE_ECORRUPT;
    cove_writer_free(writer);
    return rc;
}

/* resave URL SIZE TO AT…: writes SIZE bytes, then the same to the path TO with the bytes at AT changed, of which the
 * first is the base. The value: bytes that the second write sent. COVE_ECORRUPT unless they come back. */
static int run_resave(struct probe *p)
{
    size_t size = size_arg(p, 0), got = 0;
    unsigned char *data = malloc(size + 1);
    cove_parts *first = NULL, *second = NULL;
    void *back = NULL;
    if (!data)
        return COVE_ENOMEM;
    for (size_t i = 0; i < size; i++)
        data[i] = (unsigned char)(i * 2654435761u >> 13); /* no two parts are alike */
    int rc = write_parts(p, p->path, data, size, NULL, &first);
    for (int i = 2; rc == 0 && i < p->n_args; i++)
        data[size_arg(p, i)] ^= 1;
    if (rc == 0)
        rc = write_parts(p, p->args[1], data, size, first, &second);
    if (rc == 0)
        rc = cove_fs_read_file(p->fs, p->args[1], 0, &back, &got, &p->call, &p->err);
    if (rc == 0 && (got != size || memcmp(back, data, size) != 0))
        rc = COVE_ECORRUPT;
    cove_free(back);
    cove_parts_free(first);
    cove_parts_free(second);
    free(data);
    return rc;
}

/* grow URL SIZE: adds so many bytes at once. */
static int run_grow(struct probe *p)
{
    size_t size = size_arg(p, 0);
    unsigned char *data = malloc(size + 1);
    if (!data)
        return COVE_ENOMEM;
    pattern(data, size, 0);
    int rc = cove_fs_append(p->fs, p->path, data, size, &p->call, &p->err);
    free(data);
    return rc;
}

static int run_append(struct probe *p)
{
    return cove_fs_append(p->fs, p->path, p->args[0], strlen(p->args[0]), &p->call, &p->err);
}

static int append_each(struct probe *p, const char *etag)
{
    struct cove_appender_options options = COVE_APPENDER_OPTIONS_INIT;
    cove_appender *appender;
    options.etag = etag;
    options.flush_interval_ms = 3600 * 1000; /* nothing in the background */
    int rc = cove_appender_open(p->fs, p->path, &options, &p->call, &appender, &p->err);
    if (rc < 0)
        return rc;
    for (int i = 0; i < p->n_args; i++) {
        p->err = (struct cove_error)COVE_ERROR_INIT;
        rc = cove_appender_write(appender, p->args[i], strlen(p->args[i]), &p->err);
        if (rc == 0)
            rc = cove_appender_flush(appender, &p->err);
        p->value += rc < 0;
    }
    cove_appender_close(appender, NULL);
    return rc;
}

/* flush URL TEXT…: adds each by one appender, with a flush after each; the value is the number of those that failed. */
static int run_flush(struct probe *p)
{
    return append_each(p, NULL);
}

/* begin URL TEXT…: the same to a file that is not there yet. */
static int run_begin(struct probe *p)
{
    return append_each(p, "");
}

static int run_copy(struct probe *p)
{
    return cove_fs_copy(p->fs, p->path, p->args[0], &p->call, &p->err);
}

static int run_move(struct probe *p)
{
    return cove_fs_move(p->fs, p->path, p->args[0], &p->call, &p->err);
}

static int run_rm(struct probe *p)
{
    return cove_fs_remove(p->fs, p->path, &p->call, &p->err);
}

/* rmfiles URL PATH…: all of them by one call. */
static int run_rmfiles(struct probe *p)
{
    const char *paths[MAX_PAIRS] = { p->path };
    size_t n = 1;
    for (int i = 0; i < p->n_args && n < MAX_PAIRS; i++)
        paths[n++] = p->args[i];
    return cove_fs_remove_files(p->fs, paths, n, &p->call, &p->err);
}

static int run_rmtree(struct probe *p)
{
    return cove_fs_remove_tree(p->fs, p->path, &p->call, &p->err);
}

static int run_mkdir(struct probe *p)
{
    return cove_fs_mkdir(p->fs, p->path, &p->call, &p->err);
}

/* uploads URL [remove|keep [SECONDS]]: abandoned uploads of any age, or at least SECONDS old. */
static int run_uploads(struct probe *p)
{
    int64_t min_age_s = p->n_args > 1 ? strtoll(p->args[1], NULL, 10) : 0;
    int remove = p->n_args > 0 && strcmp(p->args[0], "remove") == 0;
    cove_uploads *uploads = NULL;
    struct cove_upload u;
    int rc = cove_fs_abandoned_uploads(p->fs, p->path, min_age_s, &p->call, &uploads, &p->err);
    while (rc >= 0 && (rc = cove_uploads_next(uploads, &u, &p->err)) == 1) {
        if (remove && (rc = cove_uploads_abort(uploads, &p->err)) < 0)
            break;
        p->value++;
    }
    cove_uploads_free(uploads);
    return rc;
}

/* ---- checkpoints ---- */

#define TENSORS 8

/* save URL BYTES SEED: a checkpoint of eight tensors that hold SEED + their number, and a step. */
static int run_save(struct probe *p)
{
    size_t count = size_arg(p, 0) / TENSORS / sizeof(float);
    float seed = strtof(p->args[1], NULL), *memory = malloc((count * TENSORS + 1) * sizeof(float));
    cove_value *tree = cove_value_new_dict(), *state = cove_value_new_dict();
    int rc = memory && tree && state ? 0 : COVE_ENOMEM;
    for (size_t t = 0; rc == 0 && t < TENSORS; t++) {
        int64_t shape = (int64_t)count;
        struct cove_tensor_view view = { COVE_DTYPE_FLOAT32, 1, &shape, NULL, memory + t * count };
        cove_value *tensor;
        char name[32];
        for (size_t i = 0; i < count; i++)
            memory[t * count + i] = seed + (float)t;
        snprintf(name, sizeof(name), "layer%zu.weight", t);
        rc = cove_value_new_tensor(&view, &tensor, &p->err);
        if (rc == 0)
            rc = cove_value_dict_set(state, name, tensor, &p->err);
    }
    if (rc == 0)
        rc = cove_value_dict_set(tree, "global_step", cove_value_new_int((int64_t)seed), &p->err);
    if (rc == 0) {
        rc = cove_value_dict_set(tree, "state_dict", state, &p->err); /* takes the reference, also on failure */
        state = NULL;
    }
    if (rc == 0)
        rc = cove_checkpoint_save(p->fs, p->path, tree, NULL, &p->call, &p->err);
    cove_value_unref(state);
    cove_value_unref(tree);
    free(memory);
    return rc;
}

/* load URL: its step is the value; COVE_ECORRUPT unless the whole tree is that of one save. */
static int run_load(struct probe *p)
{
    cove_value *tree;
    int rc = cove_checkpoint_load(p->fs, p->path, NULL, &p->call, &tree, &p->err);
    if (rc < 0)
        return rc;
    rc = cove_value_get_int(cove_value_dict_get(tree, "global_step"), &p->value, &p->err);
    const cove_value *state = cove_value_dict_get(tree, "state_dict");
    for (size_t t = 0; rc == 0 && t < TENSORS; t++) {
        char name[32];
        struct cove_tensor_view view;
        snprintf(name, sizeof(name), "layer%zu.weight", t);
        rc = cove_value_get_tensor(cove_value_dict_get(state, name), &view, &p->err);
        for (int64_t i = 0; rc == 0 && i < view.shape[0]; i++)
            if (((const float *)view.data)[i] != (float)p->value + (float)t)
                rc = COVE_ECORRUPT;
    }
    cove_value_unref(tree);
    return rc;
}

static const struct verb verbs[] = {
    { "look", 0, run_look },     { "get", 0, run_get },       { "range", 2, run_range },
    { "read", 0, run_read },     { "put", 1, run_put },       { "write", 1, run_write },
    { "append", 1, run_append }, { "grow", 1, run_grow },     { "copy", 1, run_copy },
    { "move", 1, run_move },     { "rm", 0, run_rm },         { "rmfiles", 0, run_rmfiles },
    { "rmtree", 0, run_rmtree }, { "mkdir", 0, run_mkdir },   { "uploads", 0, run_uploads },
    { "save", 2, run_save },     { "load", 0, run_load },     { "flush", 1, run_flush },
    { "begin", 1, run_begin },   { "resave", 2, run_resave }, { "up", 2, run_up },
    { "down", 2, run_down },     { "fetch", 2, run_fetch },   { "many", 1, run_many },
    { "new", 2, run_new },       { NULL, 0, NULL },
};

/* ---- the program ---- */

static void log_line(void *user, enum cove_log_level level, const char *subject, const char *text)
{
    (void)user;
    fprintf(stderr, "log %d %s: %s\n", (int)level, subject, text);
}

/* With -i: the first byte of the standard input fires the token, and its end lets the call's filesystem go. So who
 * started the probe decides when, and not a clock. */
struct guide {
    cove_cancel *cancel; /* NULL: there is none */
    pthread_t thread;
};

static void *follow(void *arg)
{
    const struct guide *guide = arg;
    char byte;

    while (read(STDIN_FILENO, &byte, 1) == 1)
        cove_cancel_fire(guide->cancel);
    return NULL;
}

static int usage(void)
{
    fprintf(stderr, "usage: probe [-o NAME=VALUE]... [-t TIMEOUT_MS] [-i] [-O FILE] VERB URL [ARGUMENT...]\n");
    return 2;
}

static int run_verb(struct probe *p, const struct verb *verb, const char *url, const cove_options *options,
                    const struct guide *guide)
{
    int rc = cove_fs_from_url(url, options, &p->fs, &p->path, &p->err);
    if (rc == 0)
        rc = verb->run(p);
    if (guide->cancel)
        pthread_join(guide->thread, NULL);
    cove_free(p->path);
    cove_fs_unref(p->fs);
    return rc;
}

/* The row of that name, or the last. */
static const struct verb *find_verb(const struct verb *rows, const char *name)
{
    while (rows->name && strcmp(rows->name, name) != 0)
        rows++;
    return rows;
}

int main(int argc, char **argv)
{
    struct probe p = { .call = COVE_CALL_INIT, .err = COVE_ERROR_INIT };
    struct guide guide = { 0 };
    cove_options *options = cove_options_new();
    int option;
    while ((option = getopt(argc, argv, "+o:t:iO:")) != -1) {
        char *value = optarg ? strchr(optarg, '=') : NULL;
        if (option == 'o' && value) {
            *value = '\0';
            if (cove_options_set(options, optarg, value + 1, &p.err) < 0)
                return usage();
        } else if (option == 't') {
            p.call.timeout_ms = strtoll(optarg, NULL, 10);
        } else if (option == 'i' && !guide.cancel) {
            guide.cancel = cove_cancel_new();
        } else if (option == 'O') {
            p.out = optarg;
        } else {
            return usage();
        }
    }
    p.fds[0] = entries_of("/proc/self/fd");
    p.threads[0] = entries_of("/proc/self/task");
    const struct verb *verb = find_verb(verbs, optind < argc ? argv[optind] : "");
    if (!verb->name)
        verb = find_verb(probe_looks, optind < argc ? argv[optind] : "");
    p.n_args = argc - optind - 2;
    p.args = argv + optind + 2;
    if (!verb->name || p.n_args < verb->min_args)
        return usage();
    cove_log_set(log_line, NULL, COVE_LOG_DEBUG);
    p.call.cancel = guide.cancel;
    if (guide.cancel && pthread_create(&guide.thread, NULL, follow, &guide) != 0)
        return 3;
    int rc = run_verb(&p, verb, argv[optind + 1], options, &guide);
    cove_cancel_unref(guide.cancel);
    cove_options_free(options);
    p.fds[1] = entries_of("/proc/self/fd");
    p.threads[1] = entries_of("/proc/self/task");
    print_outcome(&p, rc);
    return 0;
}
