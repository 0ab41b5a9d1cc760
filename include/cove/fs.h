/*
 * Filesystems: a URL names a store and a path in it; one set of calls works on all of them.
 *
 * A `cove_fs` is one store with one set of options, as an fsspec instance is. Every call takes a path in the store's
 * own form ("bucket/key" on s3, "/home/me/x" on file) or a whole URL of the same store; a URL of another store fails
 * with COVE_EINVAL. Paths are bytes: no percent-decoding is done, so `s3://b/a%20b` and `s3://b/a b` are two objects,
 * as they are for every S3 tool.
 *
 * Threads: a cove_fs may be used by any number of threads at once. After fork, the child may use it: it opens
 * its own connections. Errors that every call may return: COVE_EINVAL, COVE_ENOMEM, COVE_ETIMEDOUT, COVE_ECANCELED, and
 * from remote stores COVE_ENETWORK, COVE_EAUTH, COVE_EACCESS, COVE_ETHROTTLED, COVE_ESERVER, COVE_EPROTOCOL; the
 * comments list the others. `call` may be NULL in every call.
 */
#ifndef COVE_FS_H
#define COVE_FS_H

#include <stddef.h>
#include <stdint.h>

#include <cove/call.h>
#include <cove/error.h>
#include <cove/options.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cove_fs cove_fs;
typedef struct cove_info cove_info;
typedef struct cove_listing cove_listing;

/* ---- stores ---- */

/*
 * Gives the process's filesystem for `url` and `options` (NULL: none), the same instance for the same store and options
 * while anyone holds it, with one more reference; and in *ret_path (NULL: not wanted) the path in it, to be freed with
 * cove_free. Touches no network. COVE_EINVAL: an unknown scheme (the message lists the known ones), a malformed URL, an
 * unknown or malformed option; file:// with a host, which would be another machine.
 */
COVE_API int cove_fs_from_url(const char *url, const cove_options *options, cove_fs **ret_fs, char **ret_path,
                              struct cove_error *err);
COVE_API cove_fs *cove_fs_ref(cove_fs *fs);
COVE_API void cove_fs_unref(cove_fs *fs); /* NULL accepted; idle connections stay with the I/O threads */

/* Frees strings and buffers that cove handed over. NULL accepted. */
COVE_API void cove_free(void *p);

/* The scheme that the URL used ("s3"), in lower case, static. */
COVE_API const char *cove_fs_scheme(const cove_fs *fs);

/* 1: the same path names the same file in both, since their options differ only in how requests are made; 0: this is
 * not known. Sends no request. Two host names of one server count as two stores, and so do two users of a store other
 * than Amazon's, which may give each user separate buckets. */
COVE_API int cove_fs_same_store(const cove_fs *a, const cove_fs *b);

/* Where the store is: "https://s3.eu-central-1.amazonaws.com", "http://127.0.0.1:9000/base"; "" for local files and
 * memory. To be freed with cove_free. It holds no credentials. A bucket may have another address: its name in the host,
 * another region, an access point. Sends no request. */
COVE_API int cove_fs_endpoint(const cove_fs *fs, char **ret_endpoint, struct cove_error *err);

/* The whole URL of `path` ("s3://bucket/key", "file:///x"), to be freed with cove_free: cove_fs_from_url makes the same
 * filesystem and path of it. COVE_EINVAL: a URL of another store. */
COVE_API int cove_fs_url(const cove_fs *fs, const char *path, char **ret_url, struct cove_error *err);

/* One scheme that this library knows, and what serves it. Strings are static. */
struct cove_scheme {
    const char *scheme;
    const char *backend;     /* "s3", "file": the folder of src/fs that serves it */
    const char *description; /* one line */
    int available;           /* 0: known, but left out of this build */
};
/* Row `i`: 0 and *ret_row, or COVE_ENOTFOUND past the last. */
COVE_API int cove_scheme_at(size_t i, struct cove_scheme *ret_row);

/* ---- metadata ---- */

enum cove_info_type { COVE_INFO_FILE = 1, COVE_INFO_DIRECTORY = 2 };

/* What is known of a path. Strings are BORROWED until the info is freed (or, from a listing, until its next step). */
COVE_API void cove_info_free(cove_info *info); /* NULL accepted; not for one that a listing lent */
/* The whole path in the store. A directory's has no trailing slash, except for one with an empty name ("a//"). */
COVE_API const char *cove_info_path(const cove_info *info);
COVE_API const char *cove_info_name(const cove_info *info); /* its last part */
COVE_API enum cove_info_type cove_info_type(const cove_info *info);
COVE_API int64_t cove_info_size(const cove_info *info);     /* bytes; 0 for a directory */
COVE_API int64_t cove_info_mtime_ns(const cove_info *info); /* since 1970-01-01 UTC; -1 unknown */
/* As the store gives it, with its quotes; NULL: none. A directory has one if a listing found its marker object. */
COVE_API const char *cove_info_etag(const cove_info *info);

/* What some stores give besides; NULL: not given. A listing gives less than cove_fs_stat. */
COVE_API const char *cove_info_version_id(const cove_info *info);    /* where the store keeps versions */
COVE_API const char *cove_info_storage_class(const cove_info *info); /* its own word: "STANDARD_IA" */
COVE_API const char *cove_info_content_type(const cove_info *info);  /* MIME type, by cove_fs_stat only */
/* Entry `i` of the user's metadata, by cove_fs_stat only, names in lower case: 0, or COVE_ENOTFOUND past the last. */
COVE_API int cove_info_metadata(const cove_info *info, size_t i, const char **ret_name, const char **ret_value);

/* What `path` is. A prefix with anything below it, or made by cove_fs_mkdir, is a directory. COVE_ENOTFOUND. */
COVE_API int cove_fs_stat(cove_fs *fs, const char *path, const struct cove_call *call, cove_info **ret_info,
                          struct cove_error *err);
/* 1: it is there; 0: it is not; negative: not known. */
COVE_API int cove_fs_exists(cove_fs *fs, const char *path, const struct cove_call *call, struct cove_error *err);
/* The same of a file, or of a directory, alone. On object stores either is one request, and a name may be both; to hear
 * that there is neither, cove_fs_stat and cove_fs_exists need two. */
COVE_API int cove_fs_is_file(cove_fs *fs, const char *path, const struct cove_call *call, struct cove_error *err);
COVE_API int cove_fs_is_directory(cove_fs *fs, const char *path, const struct cove_call *call, struct cove_error *err);

/*
 * Iterators; pages are fetched as they are needed, so a listing costs one page of memory. `list` gives the entries
 * right below `path` (a file lists itself); `find` every file below it, at any depth; `walk` the directories too, each
 * before its entries. `walk` does not follow links to directories, and gives `path` itself only if a marker object
 * exists for it. `glob` gives every path that `pattern` matches, with *, ?, [a-z], [!a-z] and ** as in fsspec; a
 * character is one of UTF-8, and any other byte is one character. Order: bytes ascending on object stores (S3's
 * directory buckets: within each 1,000 entries only); file sorts each directory likewise. `cove_listing_next` gives 1
 * and an entry BORROWED until the next step, 0 at the end, or an error; COVE_ENOTFOUND comes from the first step.
 * `find`, `walk` and `glob` of nothing give no entry and no error.
 *
 * An object store takes any key. A name may be both a file and a directory ("a" beside "a/b"): a listing of its parent
 * has both; `find` of that name gives what is below it, and cove_fs_is_file checks whether the file exists. An empty
 * object whose name ends in a slash is the marker of a directory, not a file; a non-empty one is a file, named with the
 * slash. "a//b" is in a directory with an empty name, whose path is "a//", in "a".
 */
COVE_API int cove_fs_list(cove_fs *fs, const char *path, const struct cove_call *call, cove_listing **ret_listing,
                          struct cove_error *err);
COVE_API int cove_fs_find(cove_fs *fs, const char *path, const struct cove_call *call, cove_listing **ret_listing,
                          struct cove_error *err);
COVE_API int cove_fs_walk(cove_fs *fs, const char *path, const struct cove_call *call, cove_listing **ret_listing,
                          struct cove_error *err);
COVE_API int cove_fs_glob(cove_fs *fs, const char *pattern, const struct cove_call *call, cove_listing **ret_listing,
                          struct cove_error *err);
COVE_API int cove_listing_next(cove_listing *listing, const cove_info **ret_info, struct cove_error *err);
/* From now on the call's timeout bounds the listing's waits for all pages together; without this call each page has the
 * whole timeout. For callers that read a listing to its end at once. */
COVE_API void cove_listing_use_one_timeout(cove_listing *listing);
COVE_API void cove_listing_free(cove_listing *listing); /* NULL accepted */

/* ---- whole files and ranges ---- */

/*
 * Each of these calls returns bytes of one version of the file. If the file is replaced meanwhile, the call restarts on
 * the new version, at most ten times; then it fails with COVE_EPRECONDITION.
 */

/*
 * Reads up to `length` bytes at `offset` into `buffer` (caller's, BORROWED until the call returns) and gives the number
 * read, less than `length` only at the end of the file. A negative offset counts from the end. Large ranges are fetched
 * in parallel, into place. COVE_ENOTFOUND, COVE_EISDIR, COVE_ECORRUPT (a checksum of the store does not match).
 */
COVE_API int64_t cove_fs_read_range(cove_fs *fs, const char *path, int64_t offset, void *buffer, size_t length,
                                    const struct cove_call *call, struct cove_error *err);

struct cove_range {
    int64_t offset; /* bytes from the start of the file */
    size_t length;  /* bytes wanted */
    void *buffer;   /* at least `length` bytes, caller's, BORROWED until the call returns */
    int64_t done;   /* set by the call: bytes read, less than `length` only at the end of the file */
};
/* Many ranges of one file at once, in parallel, neighbours merged into one request. Fails as a whole. */
COVE_API int cove_fs_read_ranges(cove_fs *fs, const char *path, struct cove_range *ranges, size_t n_ranges,
                                 const struct cove_call *call, struct cove_error *err);

/* The whole file, in memory of its size to be freed with cove_free. COVE_ELIMIT: it is larger than `max_bytes` (0: no
 * limit). */
COVE_API int cove_fs_read_file(cove_fs *fs, const char *path, size_t max_bytes, void **ret_data, size_t *ret_size,
                               const struct cove_call *call, struct cove_error *err);
/* Makes or replaces `path` with `size` bytes in one step: readers see the old file or the new one. */
COVE_API int cove_fs_write_file(cove_fs *fs, const char *path, const void *data, size_t size,
                                const struct cove_call *call, struct cove_error *err);

/* ---- changes ---- */

/* Adds bytes at the end of `path`, which is made where it is missing. For many small additions use a cove_appender
 * (stream.h). If only the first bytes could be added, the call fails and the error says how many. */
COVE_API int cove_fs_append(cove_fs *fs, const char *path, const void *data, size_t size, const struct cove_call *call,
                            struct cove_error *err);
/* Copies one file within a store, on the server's side where it can. Replaces `to`. COVE_ENOTFOUND, COVE_EISDIR;
 * COVE_EINVAL: both are the same file, whatever their names. */
COVE_API int cove_fs_copy(cove_fs *fs, const char *from, const char *to, const struct cove_call *call,
                          struct cove_error *err);
/* The same, but only if `from` still has this ETag (from cove_info_etag or cove_writer_etag; NULL: any).
 * COVE_EINVAL: not one ETag with its quotes; COVE_ENOTFOUND; COVE_EPRECONDITION: `from` has changed, and `to` is
 * unchanged. Stores with conditional copies check the ETag themselves. On other stores it is checked before and after
 * the copy, with two more requests; a write between the checks leaves a copy of the other version at `to`, with the
 * same error. If `from` has changed during the call, `to` is checked: success if it has the ETag.
 * The copy of a file that was sent in parts has another ETag, so there `to` may be the copy, with an error. */
COVE_API int cove_fs_copy_if_match(cove_fs *fs, const char *from, const char *etag, const char *to,
                                   const struct cove_call *call, struct cove_error *err);
/* Moves a file, or a directory with everything below it, markers included. Replaces a file `to`. If `from` is both a
 * file and a directory, only the file is moved; a second call moves the directory. Stores that cannot move copy each
 * file and then remove it, but only if it still is what was copied. COVE_EPRECONDITION: another writer has replaced it
 * meanwhile; the new file stays at `from`, the copy at `to`. A bucket whose content is moved stays, empty. If both are
 * hard links to one file, removes `from`. COVE_EINVAL: both are the same path, or `to` is inside the directory `from`.
 */
COVE_API int cove_fs_move(cove_fs *fs, const char *from, const char *to, const struct cove_call *call,
                          struct cove_error *err);
/* Removes one file, an empty directory, or an empty bucket: the only call that removes a bucket. COVE_ENOTFOUND;
 * COVE_ENOTEMPTY: the directory is not empty, or the bucket still has objects, older versions or unfinished uploads. */
COVE_API int cove_fs_remove(cove_fs *fs, const char *path, const struct cove_call *call, struct cove_error *err);
/* Removes files, a thousand in one request where the store can. Nothing looks first: one that isn't there is no error.
 * COVE_EISDIR: a directory stands there, on file and memory. After a failure others of them may be gone, or not. */
COVE_API int cove_fs_remove_files(cove_fs *fs, const char *const *paths, size_t n_paths, const struct cove_call *call,
                                  struct cove_error *err);
/* The same, but each file is removed only if it still has its ETag from `etags` (as from cove_info_etag; a NULL entry
 * or NULL `etags`: in any case). COVE_EINVAL: not one ETag with its quotes; nothing is removed. COVE_EPRECONDITION: at
 * least one file has changed and was kept; the others are removed. Stores with conditional deletions check the ETag
 * themselves, Amazon for a thousand files in one request. On other stores each file is checked right before its
 * removal: one more request each, and a write between the two goes unnoticed. */
COVE_API int cove_fs_remove_files_if_match(cove_fs *fs, const char *const *paths, const char *const *etags,
                                           size_t n_paths, const struct cove_call *call, struct cove_error *err);
/* Removes `path` and everything below it. A bucket, or a whole store, is emptied but not removed (cove_fs_remove
 * removes an empty bucket). COVE_ENOTFOUND where there was nothing. */
COVE_API int cove_fs_remove_tree(cove_fs *fs, const char *path, const struct cove_call *call, struct cove_error *err);
/* Makes a directory and its parents; one that exists is success. On object stores it is a virtual directory, which
 * this process remembers (no object is written): all filesystems of the store show it until it is removed, or until it
 * has had files and the last one is gone. Only a path that is a bucket alone makes a bucket; a directory in a missing
 * bucket is COVE_ENOTFOUND, unless the option create_buckets is set. COVE_ENOTDIR, COVE_EEXIST: a file has this name,
 * or a parent's. */
COVE_API int cove_fs_mkdir(cove_fs *fs, const char *path, const struct cove_call *call, struct cove_error *err);

/* ---- what a store keeps beside the bytes ----
 *
 * Stores that keep none of it (file, memory) answer COVE_ENOTSUP.
 */

struct cove_pair {
    const char *name;
    const char *value;
};

/* Changes the user's metadata of one file: sets what `pairs` name, removes those whose value is NULL, and keeps the
 * others. Names are those of HTTP headers, in any case, values printable ASCII (COVE_EINVAL); 64 at most (COVE_ELIMIT).
 * S3 copies the object onto itself for that, on its own side, and only while its bytes are the same:
 * COVE_EPRECONDITION. COVE_ENOTFOUND, COVE_EISDIR. */
COVE_API int cove_fs_set_metadata(cove_fs *fs, const char *path, const struct cove_pair *pairs, size_t n_pairs,
                                  const struct cove_call *call, struct cove_error *err);

/* The tags of one file: an array with its strings in one piece of memory, to be freed with cove_free; NULL and 0 where
 * there are none. COVE_ENOTFOUND, COVE_EISDIR; COVE_ENOTSUP also of S3's directory buckets. */
COVE_API int cove_fs_tags(cove_fs *fs, const char *path, const struct cove_call *call, struct cove_pair **ret_tags,
                          size_t *ret_n_tags, struct cove_error *err);
/* Puts these in their place; none takes all away. How many there may be (10 at Amazon), how long, and of what
 * characters is up to the store: COVE_EINVAL. */
COVE_API int cove_fs_set_tags(cove_fs *fs, const char *path, const struct cove_pair *tags, size_t n_tags,
                              const struct cove_call *call, struct cove_error *err);

/* Every version of one file that the store keeps, newest first: an iterator as that of cove_fs_list, whose entries have
 * a version id. Where nothing is versioned that is the file itself, with the id "null". With the option version_aware a
 * path may end in "?versionId=ID", to stat, read, copy from, tag, sign for, or remove that version for good.
 * COVE_ENOTFOUND, from the first step. */
COVE_API int cove_fs_versions(cove_fs *fs, const char *path, const struct cove_call *call, cove_listing **ret_listing,
                              struct cove_error *err);
COVE_API int cove_info_is_latest(const cove_info *info);  /* by cove_fs_versions: 1 of what the path alone gives */
COVE_API int cove_info_is_deleted(const cove_info *info); /* 1: this version only says that the file was removed */

/* A URL by which anybody may do one thing with `path`, until `expires_s` seconds from now (1 to 604,800, seven days),
 * or until the keys that sign it end: `method` is GET, HEAD, PUT or DELETE. To be freed with cove_free, and to be kept
 * like a password. Nothing is sent: whether the object is there, and whether the keys may do it, shows when the URL is
 * used. Only keys of a role or a machine that have to be fetched make the call wait. COVE_EINVAL, also without keys
 * (anon=true). */
COVE_API int cove_fs_presign(cove_fs *fs, const char *path, const char *method, int64_t expires_s,
                             const struct cove_call *call, char **ret_url, struct cove_error *err);

/* ---- uploads that a killed process left behind ---- */

typedef struct cove_uploads cove_uploads;

/* An unfinished upload. Strings are BORROWED until the next step of the iterator. */
struct cove_upload {
    const char *path;      /* the file that it would have made; of a store of local files, its temporary file */
    const char *upload_id; /* the store's name for it */
    int64_t started_ns;    /* since 1970-01-01 UTC, by the store's clock; -1: not known */
};

/* An iterator over the unfinished uploads at and below `path` that are older than `min_age_s` seconds by the store's
 * clock (0: of any age), those that are under way now included. The caller frees it with cove_uploads_free; one thread
 * at a time may use it. Pages are fetched as they are needed, each within the whole timeout. An upload without a start
 * time is skipped with a warning, unless `min_age_s` is 0. COVE_ENOTSUP where a store has no such uploads. */
COVE_API int cove_fs_abandoned_uploads(cove_fs *fs, const char *path, int64_t min_age_s, const struct cove_call *call,
                                       cove_uploads **ret_uploads, struct cove_error *err);
/* 1 and an upload, 0 at the end, or an error; after an error the same step can be tried again. */
COVE_API int cove_uploads_next(cove_uploads *uploads, struct cove_upload *ret_upload, struct cove_error *err);
/* From now on the call's timeout bounds the waits for all pages and for cove_uploads_abort together; without this call
 * each of them has the whole timeout. */
COVE_API void cove_uploads_use_one_timeout(cove_uploads *uploads);
/* cove_fs_abort_upload of the upload that the last step gave. COVE_ESTATE: it gave none. */
COVE_API int cove_uploads_abort(cove_uploads *uploads, struct cove_error *err);
COVE_API void cove_uploads_free(cove_uploads *uploads); /* NULL accepted */
/* Ends an upload and removes its parts, for which a store may ask money; its writer fails. `path` and `upload_id` are
 * those of cove_uploads_next. One that does not exist any more is success. A part that was being sent can bring an
 * upload back, so the store is asked for it afterwards, and it is removed again. COVE_ESERVER: the store keeps it after
 * five removals. COVE_EINVAL: on local files, `path` is no temporary file of cove's. COVE_ENOTSUP as above. */
COVE_API int cove_fs_abort_upload(cove_fs *fs, const char *path, const char *upload_id, const struct cove_call *call,
                                  struct cove_error *err);

/* ---- with a URL alone ---- */

/* cove_fs_read_file (without a limit) and cove_fs_write_file, on the filesystem of `url` with default options. */
COVE_API int cove_read_url(const char *url, void **ret_data, size_t *ret_size, struct cove_error *err);
COVE_API int cove_write_url(const char *url, const void *data, size_t size, struct cove_error *err);

#ifdef __cplusplus
}
#endif
#endif
