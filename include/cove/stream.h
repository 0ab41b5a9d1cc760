/*
 * Streams: readers with prefetch, writers that publish at finish, appenders that gather.
 * One thread at a time may use a stream; different streams of one filesystem may run in parallel. A stream holds a
 * reference to its filesystem. `call` applies for the stream's whole life: its timeout starts again at each call on the
 * stream, and its cancel token, to which the stream holds a reference, also ends the stream's background work.
 *
 * Calls that open, read, write, flush, finish, abort, close or free a stream may wait for the store; the others never
 * wait. Errors of every call that waits are those that fs.h states for all of its calls; the comments list the others.
 *
 * A timeout bounds what a call itself waits for. Background work (reads ahead, parts, an appender's flushes) is not
 * bound by it: it continues after the call that started it, until the store's retries are exhausted. What no call can
 * use any more is cancelled: reads that a reader has jumped away from, parts of a writer that has failed. Once the
 * latest call's timeout has passed, reads ahead and parts give their places among the filesystem's requests to calls
 * that wait for one. After COVE_ETIMEDOUT, whose message also has the last failure of the work,
 * - a reader is unchanged, and the call can be repeated. cove_reader_next, and reads of less than 1 MiB, then use what
 *   has arrived meanwhile. Larger reads, read_at and read_ranges do so only where reads ahead cover them; the rest of
 *   them is requested again, so their timeout has to be long enough for the whole of it;
 * - a writer can only be aborted: some of the bytes may have been taken;
 * - an appender keeps the bytes and sends them later, except those that a close could not send.
 */
#ifndef COVE_STREAM_H
#define COVE_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include <cove/fs.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cove_reader cove_reader;
typedef struct cove_writer cove_writer;
typedef struct cove_appender cove_appender;
typedef struct cove_parts cove_parts; /* the digests of one object's parts */

/* ---- reading ---- */

/* Opens `path`; the caller ends the reader with cove_reader_close. Reads of one reader are of one version of the
 * object: if it is replaced meanwhile, those of bytes that have not arrived yet fail with COVE_EPRECONDITION; see
 * cove_reader_reopen. COVE_ENOTFOUND, COVE_EISDIR; COVE_ENOTSUP: a pipe, which cannot be read at an offset. */
COVE_API int cove_reader_open(cove_fs *fs, const char *path, const struct cove_call *call, cove_reader **ret_reader,
                              struct cove_error *err);
/* Reads a file of at most `at_once` bytes (0: of any size) whole, into *ret_data (freed with cove_free), as
 * cove_fs_read_file does. For a larger file gives a reader at the first byte, in *ret_reader (ended with
 * cove_reader_close), as cove_reader_open does, so that the caller can allocate by the size. The other output is NULL.
 * No byte is requested twice. A file that reports too small a size, as those of /proc do, is read whole, whatever
 * `at_once` is. COVE_ELIMIT: it has more than `max_bytes` (0: no limit). Other errors as of these two calls. */
COVE_API int cove_fs_read_or_open(cove_fs *fs, const char *path, size_t at_once, size_t max_bytes, void **ret_data,
                                  size_t *ret_size, cove_reader **ret_reader, const struct cove_call *call,
                                  struct cove_error *err);
/* After a call failed with COVE_EPRECONDITION: closes *reader and puts in its place a reader of the current version, at
 * the first byte. For a caller that has passed on none of the old bytes. On failure *reader is unchanged.
 * COVE_EPRECONDITION: the reader was reopened 10 times already; or no read of this reader has failed with it, and then
 * *err is unchanged. Other errors as of cove_reader_open. */
COVE_API int cove_reader_reopen(cove_reader **reader, struct cove_error *err);
/* Reads `length` bytes from the position on and returns their number: fewer only at the end of the object, 0 there.
 * `buffer` is BORROWED until the call returns. After a failure the position is unchanged. COVE_EPRECONDITION: the
 * object was replaced or has become shorter. COVE_ECORRUPT: a checksum of the store does not match. COVE_EINVAL: no
 * buffer. */
COVE_API int64_t cove_reader_read(cove_reader *reader, void *buffer, size_t length, struct cove_error *err);
/* The same without a copy: *ret_data is the reader's own memory, BORROWED until the next call on the reader. It has as
 * many of the next bytes as have arrived together, up to `at_most`; 0: the end (or an `at_most` of 0). Errors as of
 * cove_reader_read. */
COVE_API int64_t cove_reader_next(cove_reader *reader, const void **ret_data, size_t at_most, struct cove_error *err);
/* As cove_reader_read, with its errors, but from `offset` on; the position and what is read ahead stay as they are.
 * COVE_EINVAL: also a negative offset. */
COVE_API int64_t cove_reader_read_at(cove_reader *reader, int64_t offset, void *buffer, size_t length,
                                     struct cove_error *err);
/* Many ranges at once, merged and in parallel, as cove_fs_read_ranges; errors as of cove_reader_read_at. Bytes that the
 * reader has already, such as those of its open, are not requested again; nor are those behind the end. */
COVE_API int cove_reader_read_ranges(cove_reader *reader, struct cove_range *ranges, size_t n_ranges,
                                     struct cove_error *err);
/* Moves the position to `offset`, which may be beyond the end. COVE_EINVAL: it is negative. */
COVE_API int cove_reader_seek(cove_reader *reader, int64_t offset, struct cove_error *err);
COVE_API int64_t cove_reader_tell(const cove_reader *reader); /* the position, in bytes from the start */
COVE_API int64_t cove_reader_size(const cove_reader *reader); /* bytes of the object as opened */
/* The ETag of the version that is read, for COVE_WRITE_IF_MATCH; BORROWED until the close. NULL: the store gives none.
 */
COVE_API const char *cove_reader_etag(const cove_reader *reader);
/* Its ID, as in cove_info_version_id; BORROWED until the close. NULL: the store keeps no versions of the object, or the
 * reader is of cove_fs_read_or_open. */
COVE_API const char *cove_reader_version_id(const cove_reader *reader);
/* Cancels reads ahead, waits until they have ended, and frees the reader. NULL accepted. */
COVE_API void cove_reader_close(cove_reader *reader);

/* ---- writing ---- */

enum cove_write_if {
    COVE_WRITE_ALWAYS = 0,
    COVE_WRITE_IF_NEW = 1,  /* COVE_EEXIST at finish if the path exists then (If-None-Match: *) */
    COVE_WRITE_IF_MATCH = 2 /* COVE_EPRECONDITION at finish unless the object has `etag` then (If-Match) */
};

struct cove_writer_options {
    size_t size; /* sizeof, set by the macro */
    enum cove_write_if condition;
    const char *etag;         /* for COVE_WRITE_IF_MATCH, with its quotes; copied by the open */
    int64_t expected_size;    /* bytes, where known: parts are planned for it; -1: not known */
    const char *content_type; /* MIME type; copied by the open; NULL: the store's default */
    int keep_parts;           /* 1: the parts' digests are kept for cove_writer_take_parts */
    /* Of an older object: what it has is not sent again. BORROWED until the writer is freed; NULL: none. */
    const cove_parts *base;
    /* The user's metadata, as cove_fs_set_metadata takes it; copied by the open. Stores without any leave it out. */
    const struct cove_pair *metadata;
    size_t n_metadata;
    /* Bytes of the first part, 256 MiB at most: what fits in it is one request, for which it is held whole. What is
     * larger continues in parts as usual. 0: the first part is like the others. Without effect where parts do not help
     * (file, memory), and where all of them must have one size. */
    size_t first_part;
};
#define COVE_WRITER_OPTIONS_INIT                                                                                       \
    {                                                                                                                  \
        sizeof(struct cove_writer_options), COVE_WRITE_ALWAYS, 0, -1, 0, 0, 0, 0, 0, 0                                 \
    }

/*
 * Opens `path` for writing; the caller ends the writer with cove_writer_free. Nothing is visible at `path` until
 * cove_writer_finish succeeds, and a path that exists keeps its old content until then. What fits in one part is sent
 * as one request; what is larger is sent in parts, in parallel, while the caller continues to write. Sends no request
 * itself, so most errors come later. `options` NULL: the defaults. COVE_EINVAL: no ETag for COVE_WRITE_IF_MATCH, or a
 * malformed one, content type or metadata. COVE_ELIMIT: more than 64 pairs of metadata. COVE_ENOTSUP.
 *
 * In a forked child every call but the free fails with COVE_ESTATE, and so does every write after a finish or abort. A
 * writer that has failed returns the same error again.
 */
COVE_API int cove_writer_open(cove_fs *fs, const char *path, const struct cove_writer_options *options,
                              const struct cove_call *call, cove_writer **ret_writer, struct cove_error *err);
/* Takes all of `length` bytes (BORROWED until the call returns) or fails; after a failure only abort is useful.
 * COVE_EISDIR, COVE_ENOTDIR, COVE_ENOSPC; COVE_ENOTFOUND: there is no such bucket; COVE_ELIMIT: more than the store
 * takes; COVE_ESTATE. */
COVE_API int cove_writer_write(cove_writer *writer, const void *data, size_t length, struct cove_error *err);
/* Reads the next bytes of `from` and writes them to `writer`, at most `at_most`. Returns their number, 0 at the end. It
 * copies the bytes once less than a read and a write. Errors as of cove_reader_next: then the same call can be made
 * again. Errors as of cove_writer_write: then only abort is useful. */
COVE_API int64_t cove_writer_copy_from(cove_writer *writer, cove_reader *from, size_t at_most, struct cove_error *err);
COVE_API int64_t cove_writer_tell(const cove_writer *writer); /* bytes taken so far */
/* Publishes the whole object in one step; when it returns 0, the object is durable. On failure nothing was published,
 * or (COVE_ENETWORK, COVE_ETIMEDOUT after the last request was sent) the whole object was; the older one is never
 * damaged. COVE_EEXIST, COVE_EPRECONDITION: the condition of the options does not hold. Other errors as of
 * cove_writer_write. The writer is still to be freed. */
COVE_API int cove_writer_finish(cove_writer *writer, struct cove_error *err);
/* After a successful finish, the new object's ETag; BORROWED until the free. NULL: it is not known. */
COVE_API const char *cove_writer_etag(const cove_writer *writer);
/* After a successful finish, the ID of the version that it made, as in cove_info_version_id; BORROWED until the free.
 * NULL: the store keeps no versions of the object, or does not name it. */
COVE_API const char *cove_writer_version_id(const cove_writer *writer);
/* Ends the writer without publishing: what was sent is removed from the store, in the background where that takes
 * longer than a call of the writer may. What cannot be removed is logged, and stays as an unfinished upload
 * (cove_fs_abandoned_uploads). The writer is still to be freed. */
COVE_API void cove_writer_abort(cove_writer *writer);
COVE_API void cove_writer_free(cove_writer *writer); /* NULL accepted; aborts if finish was not called */

/*
 * Incremental writing: a writer with `base` sends only the parts that the older object lacks; the store itself copies
 * the others out of it (any equal part, at any place in it). The result is one ordinary object. The base may be the
 * object that is being replaced. If it has changed meanwhile, is gone, or the store refuses to copy, the bytes are
 * sent: a base never makes a write fail, and never changes its result. Stores that cannot copy a part (file, memory)
 * take all bytes.
 *
 * Parts are cut at fixed places, one size for all of them: the base's, else by `expected_size`, else the store's
 * default (which then bounds the object: docs/s3.md). Their SHA-256 is computed by the thread that writes.
 */

/* The digests of the object's parts, once, after a finish that succeeded, of a writer with keep_parts or base. The
 * caller frees them with cove_parts_free. COVE_ESTATE: not finished, no such writer, or taken before. COVE_ELIMIT: it
 * has more than 10,000 parts. */
COVE_API int cove_writer_take_parts(cove_writer *writer, cove_parts **ret_parts, struct cove_error *err);
/* Bytes that were sent to the store so far, and bytes that it has copied instead; at the end their sum is the object's
 * size. */
COVE_API int64_t cove_writer_sent(const cove_writer *writer);
COVE_API int64_t cove_writer_copied(const cove_writer *writer);

/* Parts as bytes (JSON), to be kept beside the object; freed with cove_free. They have the object's path, ETag and
 * digests. COVE_ENOMEM. */
COVE_API int cove_parts_save(const cove_parts *parts, void **ret_bytes, size_t *ret_size, struct cove_error *err);
/* Parts from such bytes (BORROWED until the call returns); the caller frees them with cove_parts_free. COVE_ECORRUPT:
 * not such bytes; COVE_ENOTSUP: of a later version; COVE_ELIMIT: more than 1 MiB; COVE_ENOMEM. */
COVE_API int cove_parts_load(const void *bytes, size_t size, cove_parts **ret_parts, struct cove_error *err);
COVE_API int64_t cove_parts_object_size(const cove_parts *parts); /* of the whole object, in bytes */
COVE_API size_t cove_parts_count(const cove_parts *parts);
COVE_API void cove_parts_free(cove_parts *parts); /* NULL accepted */

/* ---- appending ---- */

struct cove_appender_options {
    size_t size;               /* sizeof, set by the macro */
    int64_t flush_interval_ms; /* written bytes are in the store after this long: they leave earlier by what the last
                                  flush took, or by half the interval, and arrive later where a flush takes longer than
                                  that; default 1000; 0: at each write */
    size_t flush_bytes;        /* and as soon as there are so many; default 8 MiB */
    int truncate;              /* 1: start an empty file; 0: append to what is there */
    /* Append only to this version of the file, as given by cove_reader_etag; "": only if there is no file yet. With
     * another version the open fails with COVE_EPRECONDITION, and so does a flush after the file was replaced, moved
     * away or removed. On file and memory, appends by others do not count as a replacement. Copied by the open. NULL:
     * append to whatever file has the name. */
    const char *etag;
};
#define COVE_APPENDER_OPTIONS_INIT                                                                                     \
    {                                                                                                                  \
        sizeof(struct cove_appender_options), 1000, 8u << 20, 0, 0                                                     \
    }

/* Opens `path`, which is made at the first flush where it is missing; the caller ends the appender with
 * cove_appender_close. Writes are gathered and sent by a thread of the library in the background; also at flush, close
 * and, within a minute for all, at the process's ordinary exit. Two appenders to one object of a store: the second
 * one's flush fails with COVE_EPRECONDITION, so no bytes are lost without an error. On file and memory both may append:
 * the bytes of each flush stay together, in the order of the flushes. If the file is moved away or removed meanwhile,
 * the next flush creates it again; if it is replaced, the flush appends to the new file. On a store, or with an etag in
 * the options, the flush fails with COVE_EPRECONDITION instead.
 *
 * COVE_EISDIR; COVE_ENOTDIR; COVE_ENOTFOUND: there is no such bucket; COVE_EPRECONDITION: see `etag`; COVE_ENOTSUP. In
 * a forked child every call but the close fails with COVE_ESTATE; the close then only frees memory. */
COVE_API int cove_appender_open(cove_fs *fs, const char *path, const struct cove_appender_options *options,
                                const struct cove_call *call, cove_appender **ret_appender, struct cove_error *err);
/* Takes all bytes (copied). A failure of a flush in the background that a retry cannot help is returned by each later
 * call on the appender. If it was a flush that failed (COVE_ENETWORK, COVE_ETIMEDOUT, …), the bytes of this call are
 * kept and sent by the next flush: do not write them again. They are not kept only if there was no memory for them
 * ("no memory for N more bytes": COVE_ENOMEM, or COVE_ELIMIT for 1 GiB that is not sent yet). */
COVE_API int cove_appender_write(cove_appender *appender, const void *data, size_t length, struct cove_error *err);
/* Returns 0 when all bytes are in the store. COVE_EPRECONDITION: another writer changed the object; COVE_ENOSPC;
 * COVE_ELIMIT: more than the store takes. */
COVE_API int cove_appender_flush(cove_appender *appender, struct cove_error *err);
/* Flushes and frees, also when it fails; bytes that could not be sent are lost, and the message has their number.
 * Errors as of cove_appender_flush. If the response to the last flush was lost, its bytes count as lost although they
 * may be in the store. A background flush that outlasts the timeout is cancelled. If a store has sent nothing for 25 s
 * while requests failed, all closes of the process have 10 s together: to wait longer, call cove_appender_flush first.
 * NULL accepted. */
COVE_API int cove_appender_close(cove_appender *appender, struct cove_error *err);

#ifdef __cplusplus
}
#endif
#endif
