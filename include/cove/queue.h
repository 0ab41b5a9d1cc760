/*
 * A completion queue: thousands of reads, writes and stats under way at once, from one thread, with one
 * descriptor to wait on.
 *
 * Submit, and take results as they come; their order is that of their ends. A queue works on so many jobs at once as
 * its options say and keeps the rest as short records, so its memory is bounded and queues share a store fairly: each
 * has no more requests waiting than its own. What fits in one request runs on the I/O threads; larger files, many
 * ranges of one, local files, listings, removals and copies run on a few threads of the library, which no job of
 * another queue can occupy for itself.
 *
 * Threads: every call may be made by any thread, at the same time as others; only cove_queue_free must be the last.
 * After fork a queue stays the parent's: in a child every call fails with COVE_ESTATE, and free only lets go of memory.
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
    size_t max_jobs; /* submitted and not taken yet: beyond it a submission ends in COVE_ELIMIT */
};
#define COVE_QUEUE_OPTIONS_INIT                                                                                        \
    {                                                                                                                  \
        sizeof(struct cove_queue_options), 128, 65536                                                                  \
    }

/* `options` NULL: the defaults. COVE_EINVAL, COVE_ENOMEM, COVE_EIO (no descriptor could be had). */
COVE_API int cove_queue_new(const struct cove_queue_options *options, cove_queue **ret_queue, struct cove_error *err);
/* Cancels what is under way, waits for its end (so that no buffer is touched later) and drops results that were not
 * taken. NULL accepted. */
COVE_API void cove_queue_free(cove_queue *queue);

/* ---- submitting ----
 *
 * Each call is the one of fs.h with the same name, with its arguments and errors; it returns at once, and how it went
 * comes as a result. Strings and options are copied; a buffer or data is BORROWED until the result has been taken. The
 * time of `call` runs from the submission, so it covers waiting for a turn. `user` comes back with the result. Returns
 * the job's number, 1 or more, or an error, and then there is no job: COVE_EINVAL, COVE_ENOMEM, COVE_ESTATE,
 * COVE_ECANCELED (the token was fired before), COVE_ELIMIT (take results first).
 */
COVE_API int64_t cove_queue_stat(cove_queue *queue, cove_fs *fs, const char *path, const struct cove_call *call,
                                 void *user, struct cove_error *err);
COVE_API int64_t cove_queue_read_range(cove_queue *queue, cove_fs *fs, const char *path, int64_t offset, void *buffer,
                                       size_t length, const struct cove_call *call, void *user, struct cove_error *err);
/* The ranges and their buffers are BORROWED until the result has been taken. It sets `done` of each, and `count` is
 * their sum; after a failure there may be anything in them. */
COVE_API int64_t cove_queue_read_ranges(cove_queue *queue, cove_fs *fs, const char *path, struct cove_range *ranges,
                                        size_t n_ranges, const struct cove_call *call, void *user,
                                        struct cove_error *err);
COVE_API int64_t cove_queue_read_file(cove_queue *queue, cove_fs *fs, const char *path, size_t max_bytes,
                                      const struct cove_call *call, void *user, struct cove_error *err);
/* Of stream.h. A reader has `call` for its own, with the whole timeout from its first call on. */
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
    int rc;                /* 0 or a negative COVE_E… */
    int64_t count;         /* bytes read (of all ranges together) or written; entries of a listing */
    void *data;            /* read_file, read_or_open: `count` bytes and a NUL; the caller's, cove_free; else NULL */
    cove_info *info;       /* stat: the caller's, cove_info_free; else NULL */
    cove_listing *listing; /* list, find: the caller's, cove_listing_free; else NULL */
    cove_reader *reader;   /* read_or_open: the caller's, cove_reader_close; else NULL */
    struct cove_error err; /* why, where rc < 0; last, because it may grow */
};
#define COVE_RESULT_INIT                                                                                               \
    {                                                                                                                  \
        sizeof(struct cove_result), 0, 0, 0, 0, 0, 0, 0, 0, COVE_ERROR_INIT                                            \
    }

/* Takes one result. Waits up to `timeout_ms` (0: not at all; -1: until there is one). 1: *ret_result is filled in; 0:
 * there is none yet, or (see cove_queue_pending) none will come; COVE_ESTATE in a forked child. */
COVE_API int cove_queue_next(cove_queue *queue, int64_t timeout_ms, struct cove_result *ret_result,
                             struct cove_error *err);
/* Jobs submitted whose results have not been taken yet. */
COVE_API size_t cove_queue_pending(cove_queue *queue);
/*
 * A descriptor that poll, epoll and event loops find readable while a result waits; it is the queue's: do not read or
 * close it. It may also become readable when there is nothing to take: call cove_queue_next with timeout 0 then, which
 * is how jobs whose deadline passed before their turn are found. -1 in a forked child.
 */
COVE_API int cove_queue_fd(cove_queue *queue);

/* Ends a job with COVE_ECANCELED: at once where it has not begun, within 100 ms where it is under way; its result comes
 * like any other. COVE_ENOTFOUND: no such job is pending, or it has ended already. */
COVE_API int cove_queue_cancel(cove_queue *queue, int64_t job, struct cove_error *err);
COVE_API void cove_queue_cancel_all(cove_queue *queue);

#ifdef __cplusplus
}
#endif
#endif
