/*
 * The inside of cove_queue. queue.c keeps the jobs (waiting, running, ended) and hands out results; job.c makes a job
 * and runs it, as one request of the backend or, on a worker (base/workers.h), as a whole call.
 */
#ifndef COVE_QUEUE_QUEUE_H
#define COVE_QUEUE_QUEUE_H

#include <pthread.h>
#include <stdbool.h>

#include <cove/queue.h>

#include "base/bell.h"
#include "base/workers.h"
#include "fs/fs_impl.h"
#include "stream/first_bytes.h"

enum cove__job_kind {
    JOB_STAT,
    JOB_READ_RANGE,
    JOB_READ_RANGES,
    JOB_READ_FILE,
    JOB_READ_OR_OPEN,
    JOB_WRITE_FILE,
    JOB_REMOVE,
    JOB_COPY,
    JOB_LIST,
    JOB_FIND,
    JOB_MKDIR
};
enum cove__job_state { JOB_WAITING, JOB_RUNNING, JOB_ENDED };

/* What a job needs only while it runs. The operation is the first member: the inbox returns it. */
struct cove__run {
    union {
        struct cove__op op; /* of any of them */
        struct cove__stat_io stat;
        struct cove__read_io read; /* read_range, read_file, read_or_open */
        struct cove__put_io put;   /* write_file */
    } io;
    struct cove__job *job;
    struct cove__put put; /* write_file */
    uint8_t *probe;       /* read_file, read_or_open: where its first bytes land */
};

struct cove__job {
    struct cove_queue *queue;
    struct cove__job *next, *prev; /* under the queue's lock: the list of its state */
    enum cove__job_state state;    /* likewise */
    struct cove__work work;        /* while it waits for a worker */
    /* fixed */
    int64_t number;
    void *user;
    enum cove__job_kind kind;
    cove_fs *fs;                /* a reference */
    struct cove__target target; /* its ctx carries `stop` */
    char *to;                   /* copy: owned */
    cove_cancel *stop;          /* fired by cove_queue_cancel, or by the caller's token */
    bool bounded;               /* it may have to end before its turn: a deadline or a token of the caller */
    int64_t offset;             /* read_range */
    void *buffer;               /* read_range: the caller's */
    struct cove_range *ranges;  /* read_ranges: the caller's */
    size_t length;         /* read_range, write_file; read_ranges: how many; whole files: the most that is allowed */
    size_t at_once;        /* read_or_open: what is larger becomes a reader */
    struct cove_call call; /* read_or_open: the reader's, with a reference to its token */
    const void *data;      /* write_file: the caller's */
    /* the worker's, until it has ended */
    struct cove__run *run;
    int rc;
    int64_t count;
    struct cove__first_bytes head; /* read_file, read_or_open: the first bytes, of a file that has more */
    void *bytes;                   /* read_file, read_or_open: owned */
    cove_reader *reader;           /* read_or_open: owned */
    struct cove_info *info;        /* stat, write_file: owned */
    cove_listing *listing;         /* list, find: owned */
    struct cove_error *err;        /* owned; NULL: none, or no memory for it */
};

struct cove__jobs {
    struct cove__job *first, *last;
    size_t n;
};

/* A queue's whole calls on one filesystem, before its workers. */
struct cove__fs_work {
    const cove_fs
        *fs; /* may have been freed: then there is no work, and a new filesystem at its address uses the group */
    struct cove__work_group group;
    struct cove__fs_work *next;
};

struct cove_queue {
    /* fixed */
    unsigned generation;
    size_t parallel, max_jobs;
    struct cove__inbox inbox;                   /* ended requests come to cove__job_answered */
    void (*job_ended)(struct cove__job *job);   /* called by job.c: its result is set; not to be touched after this */
    void (*job_refused)(struct cove__job *job); /* likewise: the system allows no thread for it now; it waits again */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* on CLOCK_MONOTONIC */
    /* under lock */
    struct cove__jobs waiting, running, ended;
    struct cove__bell bell;
    int64_t numbers;
    size_t bounded; /* of `waiting` */
    bool starting;  /* a thread is starting jobs: it also starts those that come meanwhile */
    bool polled;    /* the caller has the descriptor: the bell is rung */
    bool freeing;
    bool refused;     /* the first waiting job was, and is begun again at the next sweep, or when another has ended */
    int64_t swept_ns; /* when the waiting jobs were last checked */
    struct cove__fs_work *work; /* owned list; jobs that wait for a worker */
};

/* ---- job.c ---- */

int cove__job_new(struct cove_queue *queue, enum cove__job_kind kind, cove_fs *fs, const char *path,
                  const struct cove_call *call, const char *op, struct cove__job **ret, struct cove_error *err);
void cove__job_free(struct cove__job *job); /* NULL accepted */
/* Begins it; it ends in the queue's `job_ended`, now or later, on any thread. */
void cove__job_start(struct cove__job *job);
/* Sets how it ended. */
void cove__job_result(struct cove__job *job, int rc, int64_t count, const struct cove_error *err);
void cove__job_answered(struct cove__inbox *inbox, struct cove__op *op); /* the inbox's */

#endif
