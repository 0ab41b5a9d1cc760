/*
 * Filesystems: a URL names a store and a path in it; one set of calls works on all of them.
 *
 * A `cove_fs` is one store with one set of options, as an fsspec instance is. Every call takes a path in the store's
 * own form ("bucket/key" on s3, "/home/me/x" on file) or a whole URL of the same store; a URL of another store fails
 * with COVE_EINVAL. Paths are bytes: no percent-decoding is done, so `s3://b/a%20b` and `s3://b/a b` are two objects,
 * as they are for every S3 tool.
 *
 * Threads: any number of threads may use a cove_fs at once. Iterators (cove_listing, cove_uploads) are for one thread
 * at a time. After fork, the child may use a cove_fs: it opens its own connections.
 *
 * Waiting: calls with a `call` argument, and the steps of iterators, may wait for the store, for as long as `call`
 * allows; the others never wait. `call` may be NULL in every call. It is BORROWED until the call returns; iterators
 * copy it, and hold a reference to its cancel token.
 *
 * Errors: a call returns 0, or the number that its comment states, or a negative COVE_E…. Every call with an `err`
 * argument may return COVE_EINVAL and COVE_ENOMEM; those that wait also COVE_ETIMEDOUT, COVE_ECANCELED, from local
 * files COVE_EACCESS and COVE_EIO, and from remote stores COVE_ENETWORK, COVE_EAUTH, COVE_EACCESS, COVE_ETHROTTLED,
 * COVE_ESERVER and COVE_EPROTOCOL. A store that cannot do something returns COVE_ENOTSUP. The comments list the others.
 *
 * Arguments are BORROWED until the call returns.
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
 * while it has references, with one more reference, which the caller gives back with cove_fs_unref; and in *ret_path
 * (NULL: not wanted) the path in it, to be freed with cove_free. Sends no request. COVE_EINVAL: an unknown scheme (the
 * message lists the known ones), a malformed URL, an unknown or malformed option, credentials that are incomplete;
 * file:// with a host, which would be another machine. COVE_ENOTSUP: this build has no such backend.
 */
COVE_API int cove_fs_from_url(const char *url, const cove_options *options, cove_fs **ret_fs, char **ret_path,
                              struct cove_error *err);
/* As cove_fs_from_url, but the filesystem is new, and no other call gives it: it looks for its credentials again, where
 * an instance that is in use keeps those that it found. Files in memory:// are the process's even so. The caller gives
 * the reference back with cove_fs_unref, and frees *ret_path with cove_free. Errors as of cove_fs_from_url. */
COVE_API int cove_fs_new_from_url(const char *url, const cove_options *options, cove_fs **ret_fs, char **ret_path,
                                  struct cove_error *err);
/* One more reference to the same filesystem, given back with cove_fs_unref. Returns `fs`, which is not NULL. */
COVE_API cove_fs *cove_fs_ref(cove_fs *fs);
/* Frees the filesystem with its last reference, which streams, iterators and jobs hold too. Idle connections stay with
 * the I/O threads. NULL accepted. */
COVE_API void cove_fs_unref(cove_fs *fs);

/* Frees strings and buffers that libcove has given to the caller. NULL accepted. Any thread. */
COVE_API void cove_free(void *p);

/* The scheme that the URL used ("s3"), in lower case, static. */
COVE_API const char *cove_fs_scheme(const cove_fs *fs);

/* 1: the same path names the same file in both, since their options differ only in how requests are made; 0: this is
 * not known. Sends no request. Two host names of one server count as two stores, and so do two users of a store other
 * than Amazon's, which may give each user separate buckets. */
COVE_API int cove_fs_same_store(const cove_fs *a, const cove_fs *b);

/* Where the store is: "https://s3.eu-central-1.amazonaws.com", "http://127.0.0.1:9000/base"; "" for local files and
 * memory. To be freed with cove_free. It holds no credentials. A bucket may have another address: its name in the host,
 * another region, an access point. Sends no request. COVE_EINVAL, COVE_ENOMEM. */
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
    int real_directories;    /* 1: an empty directory exists, as on a disk; 0: the first part of a path is a bucket */
};
/* Row `i` of the table of schemes, from 0: 0 and *ret_row, or COVE_ENOTFOUND past the last. */
COVE_API int cove_scheme_at(size_t i, struct cove_scheme *ret_row);

/* ---- metadata ----
 *
 * A cove_info describes one path. That of cove_fs_stat or a queue's result belongs to the caller, who frees it with
 * cove_info_free; that of an iterator is BORROWED until the iterator's next step. Its strings are BORROWED from it, for
 * as long. It does not change, so any number of threads may read one.
 */

enum cove_info_type { COVE_INFO_FILE = 1, COVE_INFO_DIRECTORY = 2 };

COVE_API void cove_info_free(cove_info *info); /* NULL accepted; not for an entry of an iterator */
/* The whole path in the store. A directory's has no trailing slash, except for one with an empty name ("a//"). */
COVE_API const char *cove_info_path(const cove_info *info);
COVE_API const char *cove_info_name(const cove_info *info); /* its last part */
COVE_API enum cove_info_type cove_info_type(const cove_info *info);
COVE_API int64_t cove_info_size(const cove_info *info);     /* bytes; 0 for a directory */
COVE_API int64_t cove_info_mtime_ns(const cove_info *info); /* nanoseconds since 1970-01-01 UTC; -1: not known */
/* When the object was created, by cove_fs_stat only; -1: the store gives no such time. At Google's the modification
 * time changes with the metadata, too, and this one does not. */
COVE_API int64_t cove_info_created_ns(const cove_info *info);
/* As the store gives it, with its quotes; NULL: none. A directory has one if a listing found its marker object. */
COVE_API const char *cove_info_etag(const cove_info *info);

/* What only some stores give; NULL: not given. A listing gives less than cove_fs_stat. */
COVE_API const char *cove_info_version_id(const cove_info *info);    /* where the store keeps versions */
COVE_API const char *cove_info_storage_class(const cove_info *info); /* its own word: "STANDARD_IA" */
COVE_API const char *cove_info_content_type(const cove_info *info);  /* MIME type, by cove_fs_stat only */
/* Entry `i` of the user's metadata, from 0, by cove_fs_stat only: 0, or COVE_ENOTFOUND past the last. Names are in
 * lower case; on az:// and gs:// they are as they were set. */
COVE_API int cove_info_metadata(const cove_info *info, size_t i, const char **ret_name, const char **ret_value);
/* What else the store shows of a file, by cove_fs_stat only: entry `i`, from 0, a header's name in lower case and its
 * value. Google's: cache-control, content-encoding, content-disposition, content-language, etag, x-goog-custom-time,
 * x-goog-metageneration, x-goog-hash ("crc32c=BASE64,md5=BASE64"); Azure's: cache-control, content-encoding,
 * content-disposition, content-language, content-md5, x-ms-archive-status, x-ms-blob-type, x-ms-tag-count; HDFS's:
 * owner, group, permission ("755"), replication, block-size in bytes, access-time in milliseconds since 1970, of
 * directories, too; others: none. 0, or COVE_ENOTFOUND past the last. */
COVE_API int cove_info_header(const cove_info *info, size_t i, const char **ret_name, const char **ret_value);

/* What `path` is; *ret_info is the caller's, freed with cove_info_free. A prefix with anything below it, or made by
 * cove_fs_mkdir, is a directory. COVE_ENOTFOUND. */
COVE_API int cove_fs_stat(cove_fs *fs, const char *path, const struct cove_call *call, cove_info **ret_info,
                          struct cove_error *err);
/* 1: it exists; 0: it does not. A negative COVE_E…: the store could not be asked, or does not permit it. */
COVE_API int cove_fs_exists(cove_fs *fs, const char *path, const struct cove_call *call, struct cove_error *err);
/* The same of a file, or of a directory, alone; errors as of cove_fs_exists. On object stores each is one request, and
 * a name may be both; where a name is neither, cove_fs_stat and cove_fs_exists need two. */
COVE_API int cove_fs_is_file(cove_fs *fs, const char *path, const struct cove_call *call, struct cove_error *err);
COVE_API int cove_fs_is_directory(cove_fs *fs, const char *path, const struct cove_call *call, struct cove_error *err);
/* Whether directories at `path` are the store's own: they may be empty, every client sees them, and cove_fs_move moves
 * one within its bucket by one operation. So on file and memory, and in buckets with a hierarchical namespace. 1 or 0;
 * one request for each bucket whose namespace is not known yet. Nothing has to exist at `path`. Errors as of
 * cove_fs_exists. */
COVE_API int cove_fs_has_directories(cove_fs *fs, const char *path, const struct cove_call *call,
                                     struct cove_error *err);

/*
 * Iterators, which the caller frees with cove_listing_free. They hold a reference to the filesystem. Opening one sends
 * no request; pages are fetched as they are needed, so a listing costs one page of memory. `list` gives the entries
 * right below `path` (a file lists itself); `find` every file below it, at any depth; `walk` the directories too, each
 * before its entries. `walk` does not follow links to directories, and gives `path` itself only if a marker object
 * exists for it. `glob` gives every path that `pattern` matches, with *, ?, [a-z], [!a-z] and ** as in fsspec; a
 * character is one of UTF-8, and any other byte is one character. Order: bytes ascending on object stores (S3's
 * directory buckets: within each 1,000 entries only); file sorts each directory likewise. `cove_listing_next` gives 1
 * and an entry BORROWED until the next step, 0 at the end, or an error; COVE_ENOTFOUND comes from the first step. After
 * an error the iterator has ended, and each later step gives 0. `find`, `walk` and `glob` of nothing give no entry and
 * no error.
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
/* From now on the call's timeout bounds the listing's waits for all pages together; without this call each
 * cove_listing_next has the whole timeout. For callers that read a listing to its end at once. */
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
 * in parallel, straight into `buffer`, whose content is undefined after a failure. COVE_ENOTFOUND, COVE_EISDIR,
 * COVE_ECORRUPT (a checksum of the store does not match).
 */
COVE_API int64_t cove_fs_read_range(cove_fs *fs, const char *path, int64_t offset, void *buffer, size_t length,
                                    const struct cove_call *call, struct cove_error *err);

struct cove_range {
    int64_t offset; /* bytes from the start of the file */
    size_t length;  /* bytes wanted */
    void *buffer;   /* at least `length` bytes, caller's, BORROWED until the call returns */
    int64_t done;   /* set by the call: bytes read, less than `length` only at the end of the file */
};
/* Many ranges of one file at once, in parallel, neighbours merged into one request. Fails as a whole, and the buffers'
 * content is then undefined. Errors as of cove_fs_read_range; COVE_EINVAL: a negative offset, or no buffer. */
COVE_API int cove_fs_read_ranges(cove_fs *fs, const char *path, struct cove_range *ranges, size_t n_ranges,
                                 const struct cove_call *call, struct cove_error *err);

/* The whole file, in memory of its size to be freed with cove_free; a NUL follows the last byte. COVE_ELIMIT: it is
 * larger than `max_bytes` (0: no limit). Other errors as of cove_fs_read_range. */
COVE_API int cove_fs_read_file(cove_fs *fs, const char *path, size_t max_bytes, void **ret_data, size_t *ret_size,
                               const struct cove_call *call, struct cove_error *err);
/* Makes or replaces `path` with `size` bytes in one step: readers see the old file or the new one. Directories above it
 * are made where they are missing. Errors as of cove_writer_finish (stream.h); COVE_ENOTFOUND: there is no such bucket.
 */
COVE_API int cove_fs_write_file(cove_fs *fs, const char *path, const void *data, size_t size,
                                const struct cove_call *call, struct cove_error *err);

/* ---- changes ---- */

/* Adds bytes at the end of `path`, which is made where it is missing. For many small additions use a cove_appender
 * (stream.h). If only the first bytes could be added, the call fails and the message has their number. COVE_EISDIR;
 * COVE_EPRECONDITION: another writer changed the file during the call; COVE_ENOSPC; COVE_ELIMIT: more than the store
 * takes. */
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
 * COVE_ENOTEMPTY: both are real directories, and `to` is not empty. */
COVE_API int cove_fs_move(cove_fs *fs, const char *from, const char *to, const struct cove_call *call,
                          struct cove_error *err);
/* Removes one file, an empty directory, or an empty bucket: the only call that removes a bucket. COVE_ENOTFOUND;
 * COVE_ENOTEMPTY: the directory is not empty, or the bucket still has objects, older versions or unfinished uploads. */
COVE_API int cove_fs_remove(cove_fs *fs, const char *path, const struct cove_call *call, struct cove_error *err);
/* Removes files, a thousand in one request where the store can. A file that does not exist is no error. COVE_EISDIR:
 * one of them is a directory, on file and memory. A file that cannot be removed, as for a hold, keeps no others from
 * being removed, and the first such failure is reported. Only what would fail for every file ends the call:
 * COVE_ETIMEDOUT, COVE_ECANCELED, COVE_ENOMEM, COVE_EAUTH, COVE_ENETWORK; some may have been removed. */
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
 * removes an empty bucket). Names that are refused as in cove_fs_remove_files; after another failure a part may have
 * been removed. COVE_ENOTFOUND: `path` does not exist. */
COVE_API int cove_fs_remove_tree(cove_fs *fs, const char *path, const struct cove_call *call, struct cove_error *err);
/* Makes a directory and its parents; one that exists is success. In a bucket that has virtual directories alone it is
 * a virtual directory, which this process remembers (no object is written): all filesystems of the store show it until
 * it is removed, or until it has had files and the last one is gone. A bucket with real directories, as a hierarchical
 * namespace has them, keeps it for everyone. Only a path that is a bucket alone makes a bucket; a directory in a
 * missing bucket is COVE_ENOTFOUND, unless the option create_buckets is set. COVE_ENOTDIR, COVE_EEXIST: a file has this
 * name, or a parent's. */
COVE_API int cove_fs_mkdir(cove_fs *fs, const char *path, const struct cove_call *call, struct cove_error *err);

/* ---- what a store keeps beside the bytes ----
 *
 * Stores that keep none of it (file, memory) return COVE_ENOTSUP.
 */

/* A name and its value. As an argument BORROWED until the call returns; in a result owned by the array. */
struct cove_pair {
    const char *name;
    const char *value; /* of cove_fs_set_metadata NULL: to be removed */
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
/* Replaces the tags of one file by these; with `n_tags` 0 it has none. The store decides how many there may be (10 at
 * Amazon), how long they may be and of which characters: COVE_EINVAL. COVE_ENOTFOUND, COVE_EISDIR, COVE_ENOTSUP as of
 * cove_fs_tags. */
COVE_API int cove_fs_set_tags(cove_fs *fs, const char *path, const struct cove_pair *tags, size_t n_tags,
                              const struct cove_call *call, struct cove_error *err);

/* Every version of one file that the store keeps, newest first: an iterator as that of cove_fs_list, freed with
 * cove_listing_free, whose entries have a version id. In a bucket without versions it gives the file itself, on S3 with
 * the id "null", on Azure without one. With the option version_aware a path may end in "?versionId=ID" (on Google
 * "#GENERATION", on Azure "?versionid=ID" or "?snapshot=TIME"), to stat, read, copy from, tag, sign for, or remove that
 * version for good. COVE_ENOTFOUND, from the first step. */
COVE_API int cove_fs_versions(cove_fs *fs, const char *path, const struct cove_call *call, cove_listing **ret_listing,
                              struct cove_error *err);
/* Every version of every file below a directory of a bucket, sorted by path; the versions of one file are in the
 * store's order (S3: newest first; Google, Azure: oldest first). An iterator as that of cove_fs_versions, freed with
 * cove_listing_free. It is empty where nothing is below. COVE_ENOTFOUND, from the first step: there is no such bucket.
 * COVE_EINVAL: no bucket is named. */
COVE_API int cove_fs_find_versions(cove_fs *fs, const char *path, const struct cove_call *call,
                                   cove_listing **ret_listing, struct cove_error *err);
/* Of an entry of these two, 1: the version that the path alone means; else 0. */
COVE_API int cove_info_is_latest(const cove_info *info);
/* Of an entry of these two, 1: a delete marker, which only records that the file was removed; else 0. */
COVE_API int cove_info_is_deleted(const cove_info *info);

/* A signed URL, with which anyone can do one thing with `path`: `method` is GET, HEAD, PUT or DELETE. It is valid for
 * `expires_s` seconds from now (1 to 604,800, seven days), or until the keys that sign it expire. To be freed with
 * cove_free, and to be kept like a password. Sends no request to the store, so it does not check whether the object
 * exists and what the keys permit; it waits only if the keys of a role or a machine have to be fetched, Google's IAM
 * service has to sign, or Azure has to give a login the key that signs. COVE_EINVAL: among others, there are no keys
 * (anonymous access), or, of gs://, the credentials are not of a service account. COVE_EISDIR, COVE_ENOTSUP;
 * COVE_EAUTH: the keys cannot be had; COVE_EACCESS: of az://, the login may not have such a key. */
COVE_API int cove_fs_presign(cove_fs *fs, const char *path, const char *method, int64_t expires_s,
                             const struct cove_call *call, char **ret_url, struct cove_error *err);

/* ---- uploads that a killed process left behind ---- */

typedef struct cove_uploads cove_uploads;

/* An unfinished upload. Strings are BORROWED until the next step of the iterator, or its end. */
struct cove_upload {
    const char *path;      /* the file that it would have made; of a store of local files, its temporary file */
    const char *upload_id; /* the store's name for it */
    int64_t started_ns;    /* nanoseconds since 1970-01-01 UTC, by the store's clock; -1: not known */
};

/* An iterator over the unfinished uploads at and below `path` that are older than `min_age_s` seconds by the store's
 * clock (0: of any age), those that are under way now included. The caller frees it with cove_uploads_free; one thread
 * at a time may use it. Pages are fetched as they are needed, those of one step within the timeout. An upload without a
 * start time is skipped with a warning, unless `min_age_s` is 0. COVE_ENOTSUP where a store has no such uploads. */
COVE_API int cove_fs_abandoned_uploads(cove_fs *fs, const char *path, int64_t min_age_s, const struct cove_call *call,
                                       cove_uploads **ret_uploads, struct cove_error *err);
/* 1 and an upload, 0 at the end, or a negative COVE_E…; after an error the same step can be tried again. The step that
 * comes to the end lists once more if any were aborted, since a part that was being sent can bring an upload back, and
 * removes those that are still there again. COVE_ESERVER: the store has some of them after five removals. */
COVE_API int cove_uploads_next(cove_uploads *uploads, struct cove_upload *ret_upload, struct cove_error *err);
/* From now on the call's timeout bounds the waits for all steps and for cove_uploads_abort together; without this call
 * each of them has the whole timeout. */
COVE_API void cove_uploads_use_one_timeout(cove_uploads *uploads);
/* Aborts the upload that the last step gave, by one request. The step that comes to the end checks that it is gone.
 * COVE_ESTATE: the step gave none. Other errors as of cove_fs_abort_upload. */
COVE_API int cove_uploads_abort(cove_uploads *uploads, struct cove_error *err);
COVE_API void cove_uploads_free(cove_uploads *uploads); /* NULL accepted */
/* Ends an upload and removes its parts, which a store may charge for; its writer fails. `path` and `upload_id` are
 * those of cove_uploads_next. One that does not exist any more is success. A part that was being sent can bring an
 * upload back, so the call checks for it afterwards and removes it again. COVE_ESERVER: the store still has it after
 * five removals. COVE_EINVAL: an empty `upload_id`; on local files, `path` is not a temporary file of libcove.
 * COVE_ENOTSUP: the store has no such uploads. */
COVE_API int cove_fs_abort_upload(cove_fs *fs, const char *path, const char *upload_id, const struct cove_call *call,
                                  struct cove_error *err);

/* ---- with a URL alone ---- */

/* cove_fs_read_file (without a limit) and cove_fs_write_file, on the filesystem of `url` with default options; errors
 * as of these and of cove_fs_from_url. *ret_data is freed with cove_free. */
COVE_API int cove_read_url(const char *url, void **ret_data, size_t *ret_size, struct cove_error *err);
COVE_API int cove_write_url(const char *url, const void *data, size_t size, struct cove_error *err);

#ifdef __cplusplus
}
#endif
#endif
