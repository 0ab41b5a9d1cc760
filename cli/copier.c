/* The engine of cp and mv: a queue of files and a few threads that take from it. The main thread fills it and shows
 * progress. */
#include "cli.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define STEP       ((size_t)8 << 20) /* between two checks of the clock */
#define MAX_QUEUED 1000
#define DRAW_MS    200
#define RESTARTS   10 /* of a copy within the store: as often as a reader can be reopened */

struct job {
    struct job *next;
    cove_fs *from_fs, *to_fs;
    char *from, *to;
    int64_t size;
    char *etag; /* of `from`, with its size, from before it is read; NULL: it has none */
};

struct cli_copier {
    struct cli *c;
    bool remove;
    struct cli_made *made; /* BORROWED */
    pthread_t *threads;
    int n_threads;
    pthread_mutex_t lock;
    pthread_cond_t work, done; /* `done` on CLOCK_MONOTONIC */
    /* synced */
    struct job *first, **last;
    size_t queued, running;
    bool closed; /* no more will come */
    /* counted by all, read for progress */
    atomic_llong files, all_files, bytes, all_bytes;
};

/* ---- one file ---- */

/* Both are one file on the local disk: writing the copy would, through a link, replace what a move then removes. */
static bool same_local_file(const struct job *job)
{
    struct stat a, b;

    return strcmp(cove_fs_scheme(job->from_fs), "file") == 0 && strcmp(cove_fs_scheme(job->to_fs), "file") == 0 &&
           stat(job->from, &a) == 0 && stat(job->to, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Copies all of the reader to a writer, which publishes at the end or not at all. Adds the bytes to *done. */
static int copy_all(struct cli_copier *k, const struct job *job, cove_reader *reader, int64_t *done,
                    struct cove_error *err)
{
    struct cove_writer_options options = COVE_WRITER_OPTIONS_INIT;
    cove_writer *writer = NULL;
    int64_t n = 0;
    int rc;

    options.expected_size = cove_reader_size(reader);
    rc = cove_writer_open(job->to_fs, job->to, &options, &k->c->call, &writer, err);
    while (rc == 0 && (n = cove_writer_copy_from(writer, reader, STEP, err)) > 0) {
        k->bytes += n;
        *done += n;
    }
    if (rc == 0 && n < 0)
        rc = (int)n;
    if (rc == 0 && cove_writer_tell(writer) != options.expected_size) {
        snprintf(err->message, sizeof err->message, "copy %.400s: %lld bytes came where %lld were announced", job->from,
                 (long long)cove_writer_tell(writer), (long long)options.expected_size);
        rc = COVE_EPRECONDITION;
    }
    if (rc == 0)
        rc = cove_writer_finish(writer, err);
    cove_writer_free(writer);
    return rc;
}

/* Through this process. Where the source is replaced meanwhile, a copy restarts, unless a pipe or a device has received
 * bytes already. A move fails then: it is of the file that was found. */
static int stream(struct cli_copier *k, const struct job *job, struct cove_error *err)
{
    cove_reader *reader = NULL;
    int64_t done = 0;
    int rc = cove_reader_open(job->from_fs, job->from, &k->c->call, &reader, err);

    if (rc == 0)
        rc = copy_all(k, job, reader, &done, err);
    while (rc == COVE_EPRECONDITION && reader && !k->remove && !(done > 0 && cli_is_special(job->to_fs, job->to))) {
        k->bytes -= done;
        done = 0;
        rc = cove_reader_reopen(&reader, err);
        if (rc == COVE_EPRECONDITION)
            break;
        if (rc == 0)
            rc = copy_all(k, job, reader, &done, err);
    }
    cove_reader_close(reader);
    return rc;
}

void cli_say_copied(struct cli *c, cove_fs *from_fs, const char *from, cove_fs *to_fs, const char *to, int64_t size)
{
    char *from_url = NULL, *to_url = NULL;

    if (!c->json || cove_fs_url(from_fs, from, &from_url, NULL) < 0 || cove_fs_url(to_fs, to, &to_url, NULL) < 0)
        goto out;
    cli_terminal_lock();
    cli_json_open('{');
    cli_json_key("from");
    cli_json_string(from_url);
    cli_json_key("to");
    cli_json_string(to_url);
    cli_json_key("size");
    cli_json_int(size);
    cli_json_close('}');
    cli_json_line();
    cli_terminal_unlock();
out:
    cove_free(from_url);
    cove_free(to_url);
}

/* Whether the source has another version than the job's, which is then the job's. */
static bool find_newer(struct cli_copier *k, struct job *job)
{
    struct cove_error unseen = COVE_ERROR_INIT;
    cove_info *info = NULL;
    int rc = cove_fs_stat(job->from_fs, job->from, &k->c->call, &info, &unseen);
    const char *etag = rc == 0 && cove_info_type(info) == COVE_INFO_FILE ? cove_info_etag(info) : NULL;
    bool newer = etag && strcmp(etag, job->etag) != 0;

    if (newer) {
        free(job->etag);
        job->etag = cli_strdup(etag);
        job->size = cove_info_size(info);
    }
    cove_info_free(info);
    return newer;
}

/* Within the store: of the version that was found, or of a newer one that has replaced it. The error may also be about
 * the target, and then it stays. */
static int copy_within(struct cli_copier *k, struct job *job, struct cove_error *err)
{
    int rc;

    for (int restarts = 0;; restarts++) {
        rc = cove_fs_copy_if_match(job->from_fs, job->from, job->etag, job->to, &k->c->call, err);
        if (rc != COVE_EPRECONDITION || !job->etag || restarts == RESTARTS || !find_newer(k, job))
            return rc;
        *err = (struct cove_error)COVE_ERROR_INIT;
    }
}

/* Copies or moves one file, within the store or through this process. */
static int transfer(struct cli_copier *k, struct job *job, struct cove_error *err)
{
    int rc;

    if (job->from_fs != job->to_fs) {
        rc = stream(k, job, err);
        if (rc == 0 && k->remove)
            rc = cove_fs_remove_files_if_match(job->from_fs, (const char *const[]){ job->from },
                                               (const char *const[]){ job->etag }, 1, &k->c->call, err);
        return rc;
    }
    rc = k->remove ? cove_fs_move(job->from_fs, job->from, job->to, &k->c->call, err) : copy_within(k, job, err);
    k->bytes = cli_sum(k->bytes, rc == 0 ? job->size : 0);
    return rc;
}

static void do_job(struct cli_copier *k, struct job *job)
{
    struct cove_error err = COVE_ERROR_INIT;
    bool local = strcmp(cove_fs_scheme(job->to_fs), "file") == 0;
    size_t row = 0;
    int rc;

    if (same_local_file(job)) {
        cli_failf(k->c, CLI_USAGE, "%s and %s are the same file", job->from, job->to);
        return;
    }
    if (local && !cli_made_begin(k->made, job->to, &row)) {
        cli_say_made(k->c, job->from, job->to);
        return;
    }
    rc = transfer(k, job, &err);
    if (local)
        cli_made_end(k->made, job->to, row, rc == 0);
    if (rc < 0)
        cli_fail(k->c, rc, &err);
    else
        cli_say_copied(k->c, job->from_fs, job->from, job->to_fs, job->to, job->size);
    k->files++;
}

/* ---- the queue ---- */

static void free_job(struct job *job)
{
    cove_fs_unref(job->from_fs);
    cove_fs_unref(job->to_fs);
    free(job->from);
    free(job->to);
    free(job->etag);
    free(job);
}

static void *worker(void *arg)
{
    struct cli_copier *k = arg;

    pthread_mutex_lock(&k->lock);
    for (;;) {
        struct job *job;

        while (!k->first && !k->closed)
            pthread_cond_wait(&k->work, &k->lock);
        job = k->first;
        if (!job)
            break;
        k->first = job->next;
        if (!k->first)
            k->last = &k->first;
        k->queued--;
        k->running++;
        pthread_mutex_unlock(&k->lock);
        if (!cli_interrupted(k->c))
            do_job(k, job);
        free_job(job);
        pthread_mutex_lock(&k->lock);
        k->running--;
        pthread_cond_signal(&k->done);
    }
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

struct cli_copier *cli_copier_new(struct cli *c, int threads, bool remove, struct cli_made *made)
{
    struct cli_copier *k = cli_alloc(sizeof *k);
    pthread_condattr_t attr;

    k->c = c;
    k->remove = remove;
    k->made = made;
    k->last = &k->first;
    k->threads = cli_alloc((size_t)threads * sizeof *k->threads);
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->work, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&k->done, &attr);
    pthread_condattr_destroy(&attr);
    cli_progress_start(c, c->verb->name);
    while (k->n_threads < threads && pthread_create(&k->threads[k->n_threads], NULL, worker, k) == 0)
        k->n_threads++;
    if (k->n_threads == 0) {
        fputs("cove: no thread can be started\n", stderr);
        exit(CLI_FAILED);
    }
    return k;
}

/* Waits a little, for a worker to finish something, and redraws. */
static void wait_locked(struct cli_copier *k, bool all_known)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += DRAW_MS * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&k->done, &k->lock, &until);
    cli_terminal_lock();
    cli_progress_draw(k->files, all_known ? k->all_files : -1, k->bytes, all_known ? k->all_bytes : -1);
    cli_terminal_unlock();
}

void cli_copier_add(struct cli_copier *k, cove_fs *from_fs, const char *from, cove_fs *to_fs, const char *to,
                    int64_t size, const char *etag)
{
    struct job *job = cli_alloc(sizeof *job);

    *job = (struct job){ .from_fs = cove_fs_ref(from_fs), .to_fs = cove_fs_ref(to_fs), .size = size };
    job->from = cli_strdup(from);
    job->to = cli_strdup(to);
    job->etag = etag ? cli_strdup(etag) : NULL;
    k->all_files++;
    k->all_bytes = cli_sum(k->all_bytes, size);
    pthread_mutex_lock(&k->lock);
    while (k->queued >= MAX_QUEUED)
        wait_locked(k, false);
    *k->last = job;
    k->last = &job->next;
    k->queued++;
    pthread_cond_signal(&k->work);
    pthread_mutex_unlock(&k->lock);
}

void cli_copier_finish(struct cli_copier *k)
{
    pthread_mutex_lock(&k->lock);
    k->closed = true;
    pthread_cond_broadcast(&k->work);
    while (k->queued + k->running > 0)
        wait_locked(k, true);
    pthread_mutex_unlock(&k->lock);
    for (int i = 0; i < k->n_threads; i++)
        pthread_join(k->threads[i], NULL);
    cli_terminal_lock();
    cli_progress_clear();
    cli_terminal_unlock();
    pthread_cond_destroy(&k->work);
    pthread_cond_destroy(&k->done);
    pthread_mutex_destroy(&k->lock);
    free(k->threads);
    free(k);
}
