/*
 * soak: threads that write, read, append, list, save and remove for a while, and forks in between; each byte that comes
 * back is looked at. Run by tests/soak/soak.py, which breaks the network meanwhile.
 *
 *   soak [-o NAME=VALUE]... URL SECONDS SEED THREADS
 *
 * When the time is over it prints "calm?" and waits for a line: then it checks every object once more, without
 * faults. The last line is a JSON object of figures. Exit status 0: nothing wrong was seen.
 *
 * What an object holds follows from its number and version, both in its first 16 bytes. A write that failed may have
 * happened, and a late copy of a request that was given up may come after a newer one: so an older version is counted
 * (`older`), other bytes than those of the version are wrong.
 */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cove/cove.h>

#define CALL_MS     30000 /* the deadline of each call */
#define GRACE_MS    5000  /* and how late it may be noticed on a busy machine */
#define CHILD_SEC   60
#define KEYS        6
#define THREADS_MAX 64
#define SMALL_MAX   (256u << 10)
#define LARGE_MAX   (14u << 20)
#define RANGES      8
#define RECORD      1000

enum kind { WRITE, PUT, READ, RANGES_OF, APPEND, APPENDER, LIST, STAT, REMOVE, SAVE, LOAD, FORK, KINDS };
static const char *const kind_names[KINDS] = { "write", "put",  "read",   "read_ranges", "append", "appender",
                                               "list",  "stat", "remove", "save",        "load",   "fork" };

struct key {
    uint64_t id, acked, tried; /* versions; 0: none */
    bool may_be_absent;
};

struct worker {
    pthread_t thread;
    unsigned number;
    uint64_t chance;
    struct key keys[KEYS];
    uint64_t log_size, log_tried; /* bytes of the log: surely, and at most */
    uint64_t step_acked, step_tried;
    unsigned char *memory;
};

static struct {
    cove_fs *fs;
    char *path;
    atomic_bool over;
    atomic_ulong done[KINDS], failed[KINDS], codes[32], retries, older, wrong, late, bytes_in, bytes_out, worst_ms;
} soak;

/* ---- figures ---- */

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void wrong(const char *what, const char *path, const char *why)
{
    atomic_fetch_add(&soak.wrong, 1);
    fprintf(stderr, "WRONG %s %s: %s\n", what, path, why);
}

/* One public call ended: how long it took, against its deadline. */
static void took(enum kind kind, int64_t begin_ms)
{
    unsigned long ms = (unsigned long)(now_ms() - begin_ms), worst = atomic_load(&soak.worst_ms);
    while (ms > worst && !atomic_compare_exchange_weak(&soak.worst_ms, &worst, ms))
        ;
    if (ms > CALL_MS + GRACE_MS) {
        atomic_fetch_add(&soak.late, 1);
        fprintf(stderr, "LATE %s: %lu ms\n", kind_names[kind], ms);
    }
}

/* Counts the end of an operation; errors other than those that a broken network brings are wrong. */
static void ended(enum kind kind, int rc, const struct cove_error *err, const char *path)
{
    atomic_fetch_add(rc < 0 ? &soak.failed[kind] : &soak.done[kind], 1);
    if (rc >= 0)
        return;
    atomic_fetch_add(&soak.codes[-rc & 31], 1);
    bool expected = rc == COVE_ENETWORK || rc == COVE_ETIMEDOUT || rc == COVE_ESERVER || rc == COVE_ETHROTTLED;
    if (!expected || err->message[0] == '\0')
        wrong(kind_names[kind], path, err->message[0] != '\0' ? err->message : cove_code_name(rc));
}

static void on_log(void *user, enum cove_log_level level, const char *subject, const char *text)
{
    (void)user;
    (void)level;
    if (strcmp(subject, "http") == 0 && strstr(text, "; attempt "))
        atomic_fetch_add(&soak.retries, 1);
}

static unsigned entries_of(const char *folder)
{
    DIR *dir = opendir(folder);
    unsigned n = 0;
    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n > 2 ? n - 2 : 0;
}

static long status_kib(const char *name)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    long value = -1;
    while (f && fgets(line, sizeof(line), f))
        if (strncmp(line, name, strlen(name)) == 0)
            value = atol(line + strlen(name) + 1);
    if (f)
        fclose(f);
    return value;
}

/* ---- content ---- */

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

static uint64_t draw(struct worker *w, uint64_t below)
{
    w->chance += 0x9E3779B97F4A7C15u;
    return mix(w->chance) % below;
}

static size_t size_of(uint64_t id, uint64_t version)
{
    uint64_t x = mix(id * 131 + version);
    return 16 + (x % 4 == 0 ? (x >> 8) % LARGE_MAX : (x >> 8) % SMALL_MAX);
}

static unsigned char byte_at(uint64_t id, uint64_t version, uint64_t i)
{
    if (i < 16)
        return (unsigned char)((i < 8 ? id : version) >> (i % 8 * 8));
    return (unsigned char)(mix((id << 40) ^ (version << 24) ^ (i >> 3)) >> (i % 8 * 8));
}

static void fill(unsigned char *to, uint64_t id, uint64_t version, uint64_t from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = byte_at(id, version, from + i);
}

static bool same(const unsigned char *data, uint64_t id, uint64_t version, uint64_t from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (data[i] != byte_at(id, version, from + i))
            return false;
    return true;
}

static uint64_t number_in(const unsigned char *data)
{
    uint64_t x = 0;
    for (int i = 7; i >= 0; i--)
        x = x << 8 | data[i];
    return x;
}

/* The version in the head of an object, if it may be there; else 0. */
static uint64_t version_there(const struct key *k, const unsigned char *head, const char *path)
{
    uint64_t version = number_in(head + 8);
    if (number_in(head) != k->id || version == 0 || version > k->tried) {
        wrong("head", path, "the object is another one");
        return 0;
    }
    if (version < k->acked)
        atomic_fetch_add(&soak.older, 1);
    return version;
}

static void path_of(const struct worker *w, const char *name, char out[4096])
{
    snprintf(out, 4096, "%s/w%u/%s", soak.path, w->number, name);
}

static void key_path(const struct worker *w, const struct key *k, char out[4096])
{
    char name[32];
    snprintf(name, sizeof(name), "k%u", (unsigned)(k - w->keys));
    path_of(w, name, out);
}

static struct cove_call call_of(void)
{
    struct cove_call call = COVE_CALL_INIT;
    call.timeout_ms = CALL_MS;
    return call;
}

/* ---- operations ---- */

static int stream_out(struct worker *w, const char *path, size_t size, struct cove_error *err)
{
    struct cove_call call = call_of();
    cove_writer *writer;
    int64_t begin = now_ms();
    int rc = cove_writer_open(soak.fs, path, NULL, &call, &writer, err);
    if (rc < 0)
        return rc;
    for (size_t at = 0; rc == 0 && at < size;) {
        size_t n = 1 + draw(w, 1u << 20);
        n = n < size - at ? n : size - at;
        begin = now_ms();
        rc = cove_writer_write(writer, w->memory + at, n, err);
        took(WRITE, begin);
        at += n;
    }
    begin = now_ms();
    if (rc == 0)
        rc = cove_writer_finish(writer, err);
    took(WRITE, begin);
    cove_writer_free(writer);
    return rc;
}

static void do_write(struct worker *w, struct key *k, enum kind kind)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct cove_call call = call_of();
    char path[4096];
    key_path(w, k, path);
    uint64_t version = ++k->tried;
    size_t size = size_of(k->id, version);
    fill(w->memory, k->id, version, 0, size);
    int64_t begin = now_ms();
    int rc = kind == WRITE ? stream_out(w, path, size, &err)
                           : cove_fs_write_file(soak.fs, path, w->memory, size, &call, &err);
    if (kind == PUT)
        took(PUT, begin);
    if (rc == 0) {
        k->acked = version;
        k->may_be_absent = false;
        atomic_fetch_add(&soak.bytes_out, size);
    }
    ended(kind, rc, &err, path);
}

/* Absent is right where it may be; then it counts as done. */
static int absent_is_fine(const struct key *k, int rc, const char *path)
{
    if (rc != COVE_ENOTFOUND)
        return rc;
    if (!k->may_be_absent)
        wrong("read", path, "an object that was written is not there");
    return 0;
}

static void do_read(struct worker *w, struct key *k)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct cove_call call = call_of();
    cove_reader *reader = NULL;
    char path[4096];
    size_t at = 0;
    int64_t n = 1, begin = now_ms();
    key_path(w, k, path);
    int rc = cove_reader_open(soak.fs, path, &call, &reader, &err);
    took(READ, begin);
    while (rc == 0 && n > 0) {
        begin = now_ms();
        n = cove_reader_read(reader, w->memory + at, 1 + draw(w, 1u << 20), &err);
        took(READ, begin);
        at += n > 0 ? (size_t)n : 0;
        rc = n < 0 ? (int)n : 0;
        if (at > LARGE_MAX + 16) {
            wrong("read", path, "it does not end");
            break;
        }
    }
    if (reader && rc == 0) {
        uint64_t version = at >= 16 ? version_there(k, w->memory, path) : 0;
        if (version == 0 || at != size_of(k->id, version) || !same(w->memory, k->id, version, 0, at))
            wrong("read", path, "other bytes");
        atomic_fetch_add(&soak.bytes_in, at);
    }
    cove_reader_close(reader);
    rc = absent_is_fine(k, rc, path);
    ended(READ, rc, &err, path);
}

static void do_ranges(struct worker *w, struct key *k)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct cove_call call = call_of();
    struct cove_range ranges[RANGES];
    cove_reader *reader = NULL;
    char path[4096];
    key_path(w, k, path);
    int64_t begin = now_ms();
    int rc = cove_reader_open(soak.fs, path, &call, &reader, &err);
    uint64_t size = rc == 0 ? (uint64_t)cove_reader_size(reader) : 0;
    if (rc == 0) {
        ranges[0] = (struct cove_range){ .offset = 0, .length = 16, .buffer = w->memory };
        size_t at = 16;
        for (int i = 1; i < RANGES; i++) {
            uint64_t offset = draw(w, size);
            ranges[i] = (struct cove_range){ .offset = (int64_t)offset,
                                             .length = 1 + draw(w, 200000),
                                             .buffer = w->memory + at };
            at += ranges[i].length;
        }
        rc = cove_reader_read_ranges(reader, ranges, RANGES, &err);
        took(RANGES_OF, begin);
    }
    uint64_t version = rc == 0 ? version_there(k, w->memory, path) : 0;
    for (int i = 0; version != 0 && i < RANGES; i++) {
        uint64_t left = size - (uint64_t)ranges[i].offset, want = left < ranges[i].length ? left : ranges[i].length;
        if ((uint64_t)ranges[i].done != want ||
            !same(ranges[i].buffer, k->id, version, (uint64_t)ranges[i].offset, (size_t)want))
            wrong("read_ranges", path, "other bytes");
        atomic_fetch_add(&soak.bytes_in, want);
    }
    cove_reader_close(reader);
    rc = absent_is_fine(k, rc, path);
    ended(RANGES_OF, rc, &err, path);
}

static void do_stat(struct worker *w, struct key *k)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct cove_call call = call_of();
    cove_info *info = NULL;
    char path[4096];
    bool found = false;
    key_path(w, k, path);
    int64_t begin = now_ms();
    int rc = cove_fs_stat(soak.fs, path, &call, &info, &err);
    took(STAT, begin);
    for (uint64_t v = k->tried; rc == 0 && v > 0 && !found; v--)
        found = cove_info_size(info) == (int64_t)size_of(k->id, v);
    if (rc == 0 && !found)
        wrong("stat", path, "a size that no version has");
    cove_info_free(info);
    rc = absent_is_fine(k, rc, path);
    ended(STAT, rc, &err, path);
}

static void do_remove(struct worker *w, struct key *k)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct cove_call call = call_of();
    char path[4096];
    key_path(w, k, path);
    bool may_be_absent = k->may_be_absent;
    k->may_be_absent = true;
    int64_t begin = now_ms();
    int rc = cove_fs_remove(soak.fs, path, &call, &err);
    took(REMOVE, begin);
    /* One that was removed by an attempt whose response was lost is not there for the next one. */
    if (rc == COVE_ENOTFOUND && may_be_absent)
        rc = 0;
    ended(REMOVE, rc == COVE_ENOTFOUND ? 0 : rc, &err, path);
}

static void do_list(struct worker *w)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct cove_call call = call_of();
    cove_listing *listing = NULL;
    const cove_info *info;
    bool seen[KEYS] = { false };
    char path[4096], key[4096];
    unsigned n;
    path_of(w, "", path);
    path[strlen(path) - 1] = '\0';
    int64_t begin = now_ms();
    int rc = cove_fs_list(soak.fs, path, &call, &listing, &err);
    while (rc >= 0 && (rc = cove_listing_next(listing, &info, &err)) == 1)
        if (sscanf(cove_info_name(info), "k%u", &n) == 1 && n < KEYS)
            seen[n] = true;
    took(LIST, begin);
    cove_listing_free(listing);
    bool any = false;
    for (n = 0; n < KEYS; n++) {
        any |= !w->keys[n].may_be_absent;
        key_path(w, &w->keys[n], key);
        if (rc == 0 && !seen[n] && !w->keys[n].may_be_absent)
            wrong("list", key, "an object that was written is not listed");
    }
    if (rc == COVE_ENOTFOUND && !any)
        rc = 0;
    ended(LIST, rc, &err, path);
}

/* Reads the log and learns how much of what was tried is there. */
static int look_at_log(struct worker *w, const char *path, struct cove_error *err)
{
    struct cove_call call = call_of();
    void *data;
    size_t size;
    int rc = cove_fs_read_file(soak.fs, path, 0, &data, &size, &call, err);
    if (rc == COVE_ENOTFOUND && w->log_size == 0)
        return 0;
    if (rc < 0)
        return rc;
    if (size < w->log_size || size > w->log_tried || !same(data, w->number, 1, 0, size)) {
        char why[128];
        snprintf(why, sizeof(why), "%zu bytes, where %llu to %llu were appended", size, (unsigned long long)w->log_size,
                 (unsigned long long)w->log_tried);
        wrong("log", path, why);
    }
    w->log_size = size;
    w->log_tried = size;
    cove_free(data);
    return 0;
}

/* After a failed append the log is looked at first, and left alone until that succeeds: what comes next depends on it.
 */
static void do_append(struct worker *w, enum kind kind)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct cove_call call = call_of();
    char path[4096];
    path_of(w, "log", path);
    int rc = w->log_tried != w->log_size ? look_at_log(w, path, &err) : 0;
    if (rc < 0) {
        ended(READ, rc, &err, path);
        return;
    }
    fill(w->memory, w->number, 1, w->log_size, (size_t)RECORD * 10);
    size_t size = kind == APPEND ? RECORD : (size_t)RECORD * 10;
    w->log_tried = w->log_size + size;
    int64_t begin = now_ms();
    if (kind == APPEND) {
        rc = cove_fs_append(soak.fs, path, w->memory, size, &call, &err);
        took(APPEND, begin);
    } else {
        cove_appender *appender;
        rc = cove_appender_open(soak.fs, path, NULL, &call, &appender, &err);
        if (rc == 0) {
            for (size_t i = 0; rc == 0 && i < 10; i++)
                rc = cove_appender_write(appender, w->memory + i * RECORD, RECORD, &err);
            int closed = cove_appender_close(appender, rc < 0 ? NULL : &err);
            rc = rc < 0 ? rc : closed;
        }
    }
    if (rc == 0) {
        w->log_size = w->log_tried;
        atomic_fetch_add(&soak.bytes_out, size);
    }
    ended(kind, rc, &err, path);
}

#define ELEMENTS 200000

static void do_save(struct worker *w)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct cove_call call = call_of();
    char path[4096];
    int64_t shape = ELEMENTS, step = (int64_t)++w->step_tried;
    float *data = (float *)(void *)w->memory;
    struct cove_tensor_view view = { COVE_DTYPE_FLOAT32, 1, &shape, NULL, data };
    cove_value *tree = cove_value_new_dict(), *tensor = NULL;
    for (size_t i = 0; i < ELEMENTS; i++)
        data[i] = (float)step;
    path_of(w, "last.ckpt", path);
    int rc = cove_value_dict_set(tree, "step", cove_value_new_int(step), &err);
    if (rc == 0)
        rc = cove_value_new_tensor(&view, &tensor, &err);
    if (rc == 0)
        rc = cove_value_dict_set(tree, "weight", tensor, &err);
    if (rc == 0)
        rc = cove_checkpoint_save(soak.fs, path, tree, NULL, &call, &err);
    cove_value_unref(tree);
    if (rc == 0) {
        w->step_acked = (uint64_t)step;
        atomic_fetch_add(&soak.bytes_out, sizeof(float) * ELEMENTS);
    }
    ended(SAVE, rc, &err, path);
}

static void do_load(struct worker *w)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct cove_call call = call_of();
    struct cove_tensor_view view;
    cove_value *tree;
    char path[4096];
    int64_t step = 0;
    path_of(w, "last.ckpt", path);
    int rc = cove_checkpoint_load(soak.fs, path, NULL, &call, &tree, &err);
    if (rc == COVE_ENOTFOUND && w->step_acked == 0)
        rc = 0;
    else if (rc == 0) {
        rc = cove_value_get_int(cove_value_dict_get(tree, "step"), &step, &err);
        if (rc == 0)
            rc = cove_value_get_tensor(cove_value_dict_get(tree, "weight"), &view, &err);
        for (int64_t i = 0; rc == 0 && i < ELEMENTS; i++)
            if (((const float *)view.data)[i] != (float)step) {
                wrong("load", path, "other numbers");
                break;
            }
        if (step > (int64_t)w->step_tried)
            wrong("load", path, "a step that was never saved");
        if (step < (int64_t)w->step_acked)
            atomic_fetch_add(&soak.older, 1);
        atomic_fetch_add(&soak.bytes_in, sizeof(float) * ELEMENTS);
        cove_value_unref(tree);
    }
    ended(LOAD, rc, &err, path);
}

/* In a child: its own place to write to and read from, and what the parent's thread wrote. */
static void child(struct worker *w, unsigned serial)
{
    struct worker own = { .number = 1000 + serial, .chance = w->chance, .memory = w->memory };
    struct key *k = own.keys;
    *k = (struct key){ .id = (uint64_t)own.number * 100, .may_be_absent = true };
    atomic_store(&soak.wrong, 0);
    atomic_store(&soak.late, 0);
    do_read(w, &w->keys[draw(w, KEYS)]);
    do_write(&own, k, WRITE);
    do_read(&own, k);
    do_remove(&own, k);
    _exit(atomic_load(&soak.wrong) > 0 || atomic_load(&soak.late) > 0);
}

static void do_fork(struct worker *w)
{
    static atomic_uint serial;
    unsigned mine = atomic_fetch_add(&serial, 1);
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        child(w, mine);
    if (pid < 0)
        return;
    int64_t give_up = now_ms() + CHILD_SEC * 1000;
    pid_t got;
    while ((got = waitpid(pid, &status, WNOHANG)) == 0 && now_ms() < give_up)
        usleep(20000);
    if (got == 0) {
        wrong("fork", "", "a child hangs");
        kill(pid, SIGABRT);
        waitpid(pid, &status, 0);
    } else if (status != 0) {
        wrong("fork", "", "a child saw something wrong, or died");
    }
    ended(FORK, 0, NULL, "");
}

/* A sanitizer's own allocator does not mind fork: a lock of it that another thread holds then is held in the child for
 * ever. Of 770 children of these threads under gcc 12's AddressSanitizer 9 hung in it, of 1,796 in the plain build
 * none.
 */
#ifndef __has_feature /* clang's way to tell */
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) ||               \
    __has_feature(thread_sanitizer)
#define FORKS 0
#else
#define FORKS 1
#endif

static void one(struct worker *w)
{
    static const unsigned char weights[KINDS] = {
        [WRITE] = 5, [PUT] = 12,          [READ] = 20,  [RANGES_OF] = 12, [APPEND] = 8, [APPENDER] = 4,
        [LIST] = 10, [STAT] = 15 - FORKS, [REMOVE] = 4, [SAVE] = 4,       [LOAD] = 6,   [FORK] = FORKS
    };
    struct key *k = &w->keys[draw(w, KEYS)];
    int64_t pick = (int64_t)draw(w, 100);
    enum kind kind = WRITE;
    while (kind < FORK && (pick -= weights[kind]) >= 0)
        kind++;
    switch (kind) {
    case WRITE:
    case PUT:
        do_write(w, k, kind);
        break;
    case READ:
        do_read(w, k);
        break;
    case RANGES_OF:
        do_ranges(w, k);
        break;
    case APPEND:
    case APPENDER:
        do_append(w, kind);
        break;
    case LIST:
        do_list(w);
        break;
    case STAT:
        do_stat(w, k);
        break;
    case REMOVE:
        do_remove(w, k);
        break;
    case SAVE:
        do_save(w);
        break;
    case LOAD:
        do_load(w);
        break;
    default:
        do_fork(w);
        break;
    }
}

static void *work(void *arg)
{
    struct worker *w = arg;
    while (!atomic_load(&soak.over))
        one(w);
    return NULL;
}

/* ---- the program ---- */

static void look_at_all(struct worker *workers, unsigned n)
{
    struct cove_error err = COVE_ERROR_INIT;
    char path[4096];
    for (unsigned i = 0; i < n; i++) {
        for (unsigned k = 0; k < KEYS; k++)
            do_read(&workers[i], &workers[i].keys[k]);
        do_list(&workers[i]);
        do_load(&workers[i]);
        path_of(&workers[i], "log", path);
        if (look_at_log(&workers[i], path, &err) < 0)
            wrong("log", path, err.message);
    }
}

static void print_figures(unsigned fds_begin, unsigned threads_begin, int64_t left, int64_t left_after)
{
    unsigned long done = 0, failed = 0;
    printf("{\"operations\":{");
    for (int i = 0; i < KINDS; i++) {
        done += soak.done[i];
        failed += soak.failed[i];
        printf("%s\"%s\":[%lu,%lu]", i ? "," : "", kind_names[i], (unsigned long)soak.done[i],
               (unsigned long)soak.failed[i]);
    }
    printf("},\"errors\":{");
    for (int i = 1, any = 0; i < 32; i++)
        if (soak.codes[i] > 0)
            printf("%s\"%s\":%lu", any++ ? "," : "", cove_code_name(-i), (unsigned long)soak.codes[i]);
    printf(
        "},\"done\":%lu,\"failed\":%lu,\"retries\":%lu,\"mib_in\":%lu,\"mib_out\":%lu,\"worst_ms\":%lu,\"older\":%lu,"
        "\"late\":%lu,\"wrong\":%lu,",
        done, failed, (unsigned long)soak.retries, (unsigned long)(soak.bytes_in >> 20),
        (unsigned long)(soak.bytes_out >> 20), (unsigned long)soak.worst_ms, (unsigned long)soak.older,
        (unsigned long)soak.late, (unsigned long)soak.wrong);
    printf(
        "\"peak_mib\":%ld,\"fds\":[%u,%u],\"threads\":[%u,%u],\"uploads_left\":%lld,\"uploads_after_cleaning\":%lld}\n",
        status_kib("VmHWM:") / 1024, fds_begin, entries_of("/proc/self/fd"), threads_begin,
        entries_of("/proc/self/task"), (long long)left, (long long)left_after);
}

/* The number of unfinished uploads; `remove` aborts them. */
static int64_t unfinished_uploads(bool remove, struct cove_error *err)
{
    cove_uploads *uploads = NULL;
    struct cove_upload u;
    int64_t n = 0;
    int rc = cove_fs_abandoned_uploads(soak.fs, soak.path, 0, NULL, &uploads, err);

    while (rc >= 0 && (rc = cove_uploads_next(uploads, &u, err)) == 1) {
        if (remove && (rc = cove_uploads_abort(uploads, err)) < 0)
            break;
        n++;
    }
    cove_uploads_free(uploads);
    return rc < 0 ? rc : n;
}

static int run(long seconds, uint64_t seed, unsigned n)
{
    static struct worker workers[THREADS_MAX];
    struct cove_error err = COVE_ERROR_INIT;
    unsigned fds = entries_of("/proc/self/fd"), threads = entries_of("/proc/self/task");
    for (unsigned i = 0; i < n; i++) {
        workers[i] = (struct worker){ .number = i, .chance = mix(seed + i), .memory = malloc(LARGE_MAX + (4u << 20)) };
        for (unsigned k = 0; k < KEYS; k++)
            workers[i].keys[k] = (struct key){ .id = i * 100 + k, .may_be_absent = true };
        if (!workers[i].memory || pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            return 2;
    }
    for (int64_t end = now_ms() + seconds * 1000; now_ms() < end;)
        usleep(100000);
    atomic_store(&soak.over, true);
    for (unsigned i = 0; i < n; i++)
        pthread_join(workers[i].thread, NULL);
    printf("calm?\n");
    fflush(stdout);
    if (getchar() == EOF)
        return 2;
    look_at_all(workers, n);
    int64_t left = unfinished_uploads(true, &err), left_after = unfinished_uploads(false, &err);
    if (left < 0 || left_after != 0)
        wrong("uploads", soak.path, left < 0 ? err.message : "some cannot be removed");
    if (cove_fs_remove_tree(soak.fs, soak.path, NULL, &err) < 0)
        wrong("remove_tree", soak.path, err.message);
    for (unsigned i = 0; i < n; i++)
        free(workers[i].memory);
    print_figures(fds, threads, left, left_after);
    return soak.wrong > 0 || soak.late > 0;
}

int main(int argc, char **argv)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_options *options = cove_options_new();
    int option;
    while ((option = getopt(argc, argv, "+o:")) != -1) {
        char *value = optarg ? strchr(optarg, '=') : NULL;
        if (option != 'o' || !value)
            return 2;
        *value = '\0';
        if (cove_options_set(options, optarg, value + 1, &err) < 0)
            return 2;
    }
    if (argc - optind != 4 || atoi(argv[optind + 3]) < 1 || atoi(argv[optind + 3]) > THREADS_MAX) {
        fprintf(stderr, "usage: soak [-o NAME=VALUE]... URL SECONDS SEED THREADS\n");
        return 2;
    }
    cove_log_set(on_log, NULL, COVE_LOG_WARNING);
    if (cove_fs_from_url(argv[optind], options, &soak.fs, &soak.path, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 2;
    }
    cove_options_free(options);
    int rc = run(atol(argv[optind + 1]), strtoull(argv[optind + 2], NULL, 10), (unsigned)atoi(argv[optind + 3]));
    cove_free(soak.path);
    cove_fs_unref(soak.fs);
    return rc;
}
