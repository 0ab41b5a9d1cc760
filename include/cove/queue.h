/*
 * A completion queue: thousands of reads, writes and stats under way at once, from one thread, with one
 * descriptor to wait on.
 *
 * Submit jobs, and take results in the order in which the jobs end. A queue works on `parallel` jobs at once and keeps
 * the others as short records, so its memory is bounded. What fits in one request runs on the I/O threads; larger
 * files, many ranges of one, local files, listings, removals and copies run on a few threads of the library, which all
 * queues use in turn.
 *
 * Threads: any thread may make every call, at the same time as others; only cove_queue_free must be the last. Only
 * cove_queue_next and cove_queue_free wait. After fork a queue stays the parent's: in a child every call with an `err`
 * argument fails with COVE_ESTATE, and cove_queue_free only frees memory.
 */
#ifndef COVE_QUEUE_H
#define COVE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include <cove/call.h>
#include <cove/error.h>
#include <cove/fs.h>
#include <cove/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cove_queue cove_queue;

struct cove_queue_options {
    size_t size;     /* sizeof, set by the macro */
    size_t parallel; /* jobs worked on at once, 1 to 1024 */
    size_t max_jobs; /* jobs submitted and not taken yet, at least 1: beyond it a submission fails with COVE_ELIMIT */
};
#define COVE_QUEUE_OPTIONS_INIT                                                                                        \
    {                                                                                                                  \
        sizeof(struct cove_queue_options), 128, 65536                                                                  \
    }

/* A queue, which the caller frees with cove_queue_free. `options` NULL: the defaults. COVE_EINVAL: an option out of
 * range. COVE_EIO: the process has no descriptor left. COVE_ENOMEM. */
COVE_API int cove_queue_new(const struct cove_queue_options *options, cove_queue **ret_queue, struct cove_error *err);
/* Cancels what is under way, waits for its end (so that no buffer is written to later) and frees results that were not
 * taken. NULL accepted. */
COVE_API void cove_queue_free(cove_queue *queue);

/* ---- submitting ----
 *
 * Each call is the one of fs.h with the same name, with its arguments and errors; it returns at once, and its outcome
 * comes as a result. Strings and `call` are copied, and a job holds references to `fs` and to the cancel token; a
 * buffer or data is BORROWED until the result has been taken. The timeout of `call` runs from the submission, so it
 * includes the wait for a turn. `user` comes back with the result. Returns the job's number, 1 or more, or an error,
 * and then there is no job: COVE_EINVAL, COVE_ENOMEM, COVE_ESTATE, COVE_ECANCELED (the token was fired before),
 * COVE_ELIMIT (take results first).
 */
COVE_API int64_t cove_queue_stat(cove_queue *queue, cove_fs *fs, const char *path, const struct cove_call *call,
                                 void *user, struct cove_error *err);
COVE_API int64_t cove_queue_read_range(cove_queue *queue, cove_fs *fs, const char *path, int64_t offset, void *buffer,
                                       size_t length, const struct cove_call *call, void *user, struct cove_error *err);
/* The ranges and their buffers are BORROWED until the result has been taken. The job sets `done` of each, and the
 * result's `count` is their sum; after a failure their content is undefined. */
COVE_API int64_t cove_queue_read_ranges(cove_queue *queue, cove_fs *fs, const char *path, struct cove_range *ranges,
                                        size_t n_ranges, const struct cove_call *call, void *user,
                                        struct cove_error *err);
COVE_API int64_t cove_queue_read_file(cove_queue *queue, cove_fs *fs, const char *path, size_t max_bytes,
                                      const struct cove_call *call, void *user, struct cove_error *err);
/* cove_fs_read_or_open of stream.h. A reader has `call` too, with the whole timeout from its first call on. */
COVE_API int64_t cove_queue_read_or_open(cove_queue *queue, cove_fs *fs, const char *path, size_t at_once,
                                         size_t max_bytes, const struct cove_call *call, void *user,
                                         struct cove_error *err);
COVE_API int64_t cove_queue_write_file(cove_queue *queue, cove_fs *fs, const char *path, const void *data, size_t size,
                                       const struct cove_call *call, void *user, struct cove_error *err);
COVE_API int64_t cove_queue_remove(cove_queue *queue, cove_fs *fs, const char *path, const struct cove_call *call,
                                   void *user, struct cove_error *err);
COVE_API int64_t cove_queue_copy(cove_queue *queue, cove_fs *fs, const char *from, const char *to,
                                 const struct cove_call *call, void *user, struct cove_error *err);

/* All that cove_fs_list and cove_fs_find would give, in the result's `listing`: cove_listing_next on it waits for
 * nothing. Unlike an iterator it holds every entry in memory. */
COVE_API int64_t cove_queue_list(cove_queue *queue, cove_fs *fs, const char *path, const struct cove_call *call,
                                 void *user, struct cove_error *err);
COVE_API int64_t cove_queue_find(cove_queue *queue, cove_fs *fs, const char *path, const struct cove_call *call,
                                 void *user, struct cove_error *err);
COVE_API int64_t cove_queue_mkdir(cove_queue *queue, cove_fs *fs, const char *path, const struct cove_call *call,
                                  void *user, struct cove_error *err);

/* ---- taking ---- */

struct cove_result {
    size_t size;           /* sizeof, set by the macro */
    int64_t job;           /* the number that its submission returned */
    void *user;            /* as submitted */
    int rc;                /* 0 or a negative COVE_E…, of the call of fs.h with the job's name */
    int64_t count;         /* bytes read (of all ranges together) or written; entries of a listing */
    void *data;            /* read_file, read_or_open: `count` bytes and a NUL; the caller's, cove_free; else NULL.
                              So are the next three: the caller frees what is not NULL */
    cove_info *info;       /* stat; write_file: of the new file the path, the size and, where they are known, ETag and
                              version ID. The caller's, cove_info_free; else NULL */
    cove_listing *listing; /* list, find: the caller's, cove_listing_free; else NULL */
    cove_reader *reader;   /* read_or_open: the caller's, cove_reader_close; else NULL */
    struct cove_error err; /* why, where rc < 0; last, because it may grow */
};
#define COVE_RESULT_INIT                                                                                               \
    {                                                                                                                  \
        sizeof(struct cove_result), 0, 0, 0, 0, 0, 0, 0, 0, COVE_ERROR_INIT                                            \
    }

/* Takes one result; what it has belongs to the caller. Waits up to `timeout_ms` milliseconds (0: not at all; -1: until
 * there is one). Returns 1: *ret_result, whose size was set by COVE_RESULT_INIT, is filled in; 0: there is none yet, or
 * (see cove_queue_pending) none will come. COVE_EINVAL: the result's size is not set; COVE_ESTATE: in a forked child.
 */
COVE_API int cove_queue_next(cove_queue *queue, int64_t timeout_ms, struct cove_result *ret_result,
                             struct cove_error *err);
/* Jobs submitted whose results have not been taken yet. */
COVE_API size_t cove_queue_pending(cove_queue *queue);
/*
 * A descriptor that is readable, for poll, epoll and event loops, while there is a result to take. It belongs to the
 * queue: do not read or close it. It may also become readable when there is nothing to take: then call cove_queue_next
 * with timeout 0, which also ends jobs whose deadline passed before their turn. -1 in a forked child.
 */
COVE_API int cove_queue_fd(cove_queue *queue);

/* Ends a job with COVE_ECANCELED: at once if it has not begun, within 100 ms if it is under way; its result comes like
 * any other. COVE_ENOTFOUND: no such job is pending, or it has ended already. COVE_ESTATE: in a forked child. */
COVE_API int cove_queue_cancel(cove_queue *queue, int64_t job, struct cove_error *err);
COVE_API void cove_queue_cancel_all(cove_queue *queue); /* the same for all jobs that are pending */

#ifdef __cplusplus
}
#endif
#endif
