/*
 * The contract of a backend: one folder, one of these tables, one row in schemes.c.
 *
 * Paths that a slot gets are canonical: what the backend's own `parse` made. Slots take a ctx with an absolute deadline
 * and honour it and its cancel token. Every slot may be called by many threads at once, and in a forked child. Messages
 * are filled in by the backend and begin with ctx->op and the URL: use cove__fs_fail() (fs_impl.h). A slot that is NULL
 * means "not supported": decided in front. Every slot may return COVE_ENOMEM, COVE_ETIMEDOUT, COVE_ECANCELED and, where
 * there is a network, COVE_ENETWORK, COVE_EAUTH, COVE_EACCESS, COVE_ETHROTTLED, COVE_ESERVER, COVE_EPROTOCOL; the
 * others are listed at each.
 */
#ifndef COVE_FS_OPS_H
#define COVE_FS_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cove/fs.h>
#include <cove/stream.h>

#include "base/buf.h"
#include "base/call.h"
#include "base/op.h"
#include "base/slice.h"
#include "base/workers.h"
#include "fs/options.h"
#include "fs/uploads.h"

/* The name, in the user's metadata, of the mark by which a writer knows its own object again. No user may set it. */
#define COVE__WRITE_MARK "cove-write"

#define COVE__STORAGE_CLASS_SIZE 24

/* What is known of one path. Strings are owned (cove__free). cove__info_set fills it; the backend then adds those that
 * only some stores have. */
struct cove_info {
    char *path;
    char *etag;                                   /* NULL: none */
    char *version_id, *content_type;              /* NULL: not known */
    char storage_class[COVE__STORAGE_CLASS_SIZE]; /* "": not known. Here, so that a listing needs no memory for it */
    struct cove_pair *metadata;                   /* owned, one piece of memory (fs/pairs.h); NULL: none */
    size_t n_metadata;
    struct cove_pair *headers; /* owned likewise: what else the store shows of the file */
    size_t n_headers;
    enum cove_info_type type;
    int64_t size;
    int64_t mtime_ns, created_ns; /* -1: not known */
    bool has_crc32c;              /* the store keeps this checksum of the whole file */
    uint32_t crc32c;
    bool latest, deleted; /* of a version: that which the path alone gives; the mark of a deletion */
    bool link;            /* a symbolic link to a directory: listed as one, never walked into */
    bool pipe;            /* a FIFO or socket: of type file, but cannot be read at an offset */
};
int cove__info_set(struct cove_info *info, const char *path, enum cove_info_type type, int64_t size, int64_t mtime_ns,
                   const char *etag); /* 0 or COVE_ENOMEM; frees what was there */
void cove__info_done(struct cove_info *info);

/* A page of a listing, in order. */
struct cove__page {
    struct cove_info *items; /* owned */
    size_t n, cap;
    char *token; /* owned: what continues after this page; NULL: that was the last */
};
int cove__page_add(struct cove__page *page, const char *path, enum cove_info_type type, int64_t size, int64_t mtime_ns,
                   const char *etag);
int cove__page_take(struct cove__page *page, struct cove_info *info); /* takes what `info` has, and leaves it empty */
void cove__page_reverse(struct cove__page *page);
void cove__page_done(struct cove__page *page); /* frees items and token, leaves an empty page */

/* What start.c keeps of an operation of a backend whose slots block. */
struct cove__start {
    struct cove__work work;
    struct cove_fs *fs; /* BORROWED until the op has been taken */
};

/*
 * Asynchronous operations. `op` comes first: the inbox gives it back. All that they point to is BORROWED until the op
 * has been taken. What a slot gives is in the fields whose names begin with `ret_`, and in the op.
 */

/* What a path is. */
struct cove__stat_io {
    struct cove__op op;
    const char *path;
    enum cove_info_type only;   /* what the caller asks about, where the other costs another request; 0: both */
    struct cove_info *ret_info; /* zeroed; the caller's */
    struct cove__start start;
};

/* A read of one range. The op counts its bytes. */
struct cove__read_io {
    struct cove__op op;
    const char *path;
    void *handle;                     /* see read.open; NULL: none */
    int64_t offset;                   /* in bytes, from the start; negative: from the end */
    size_t length;                    /* in bytes */
    uint8_t *dst;                     /* up to `length` bytes land here */
    bool wants_crc32c;                /* of these bytes: a backend that copies them can compute it on the way */
    const char *if_match;             /* fail with COVE_EPRECONDITION unless the object has this etag; NULL: any */
    int64_t if_size;                  /* of that version, as an earlier response gave it; 0: not known */
    int64_t ret_total;                /* the object's size; -1: not known */
    int64_t ret_wait_ns, ret_took_ns; /* until the response began, and ended; 0: not known */
    bool has_crc32c;                  /* ret_crc32c is set */
    uint32_t ret_crc32c;              /* of the bytes that landed */
    char *ret_etag;                   /* owned by the caller (cove__free); NULL: none */
    char **ret_version_id;            /* where its version's ID goes (NULL until then; cove__free); NULL: not wanted */
    struct cove__start start;
};

/* Conditions and properties of a new object; BORROWED. */
struct cove__put {
    enum cove_write_if condition;
    const char *etag;
    const char *content_type;
    const struct cove_pair *metadata; /* the user's, checked */
    size_t n_metadata;
    int64_t expected_size; /* -1: not known */
    bool copies;           /* of an upload: some of its parts may come by upload.copy_part */
    bool unordered;        /* of a begin: its parts have been planned by rules that were not `ordered` */
    /* For a backend's own writes: the mark that identifies the object's writer (NULL: a new one each time), and more
     * lines "name: value\n" for the new object (NULL: none). */
    const char *write_id;
    const char *headers;
    bool or_look; /* if the store has no conditions at the end of an upload, check by a HEAD right before instead */
};

/* A whole file in one step. The op counts its bytes. */
struct cove__put_io {
    struct cove__op op;
    const char *path;
    struct cove__slice src;      /* re-read at each attempt */
    const uint32_t *crc32c;      /* of `src`, where it is known already; NULL: it is not */
    const uint64_t *crc64;       /* CRC-64/NVME, likewise */
    const struct cove__put *put; /* NULL: no conditions and properties */
    char *ret_etag;              /* as of a read */
    char **ret_version_id;       /* as of a read */
};

struct cove__upload; /* each backend's own */

/* One part of a file. The op counts its bytes. */
struct cove__part_io {
    struct cove__op op;
    struct cove__upload *upload;
    unsigned number;        /* from 1 */
    bool last;              /* known to be: an upload may also end without */
    int64_t offset;         /* the part's place in the file, in bytes */
    struct cove__slice src; /* re-read at each attempt */
    const char *sha256;     /* of `src`, as 64 hex digits, where it is known already; NULL: it is not */
    const uint32_t *crc32c; /* of `src`, likewise */
    const uint64_t *crc64;  /* CRC-64/NVME, likewise */
    /* The object whose bytes from `offset` on are those of `src`: a copy_part takes them from there. */
    struct {
        const char *path; /* NULL: the part is sent */
        const char *etag;
        int64_t offset; /* in bytes */
    } from;
    struct cove__start start;
};

/* How a store wants its uploads cut. */
struct cove__part_rules {
    size_t min_part;     /* bytes of every part but the last */
    size_t default_part; /* the first part's size, if the caller gives none */
    size_t max_part;
    unsigned max_parts; /* 0: no limit */
    bool wants_sha256;  /* of each part, which the writer then computes and gives it */
    bool wants_crc32c;  /* of parts and puts, which a writer that copies their bytes computes on the way */
    bool wants_crc64;   /* CRC-64/NVME, likewise */
    bool equal_parts;   /* every part but the last has one size */
    size_t multiple;    /* of which every part but the last is one, as are min_part and default_part; 0: any size */
    bool ordered;       /* parts are sent one after the other, each when the one before has ended */
    bool crc32c_may_be_crc32; /* what the store reports as CRC32C: see store_checksum.c */
    unsigned parallel;        /* parts and ranges under way at once that help */
};

/*
 * For backends whose URLs name a store beyond the scheme: an HDFS nameservice, an Azure account. Its name is the
 * authority. It is in canonical form (small letters, no default port, an account without its domain), so that two
 * spellings of one store give the same text, and holds no secret, as messages show it. Pure, and all are set.
 */
struct cove__authority_ops {
    bool omits; /* URLs that the library writes omit the store's name if it is that of the options */
    /* The store that a URL of one of the backend's schemes names, owned by the caller; "": it names none, and the one
     * of the options is meant ("az://container/blob"). COVE_EINVAL. */
    int (*of_url)(const char *url, char **ret_authority, struct cove_error *err);
    /* The store that the options (NULL: none) or the environment name, owned by the caller; "": none. COVE_EINVAL. */
    int (*of_options)(const struct cove_options *options, char **ret_authority, struct cove_error *err);
    /* Appends the URL of a canonical path: what `parse` makes that path of and `of_url` that authority, or "" where
     * the scheme's URLs have no place for it. */
    void (*write_url)(const char *scheme, const char *authority, const char *path, struct cove__buf *ret_url);
};

struct cove__fs_ops {
    const char *name;                       /* the folder's: "s3" */
    const struct cove__option_row *options; /* ends with a row whose name is NULL */
    bool real_directories;                  /* file, memory: directories exist by themselves */
    bool blocks;                            /* file: its asynchronous slots end inside the call, and may wait there:
                                               see cove__fs_start */

    /* Makes the backend's own object from checked options, for the store `authority` (BORROWED; "": the URL and the
     * options name none). No network. COVE_EINVAL, COVE_EAUTH. */
    int (*open)(const struct cove_options *options, const char *authority, void **ret_self, struct cove_error *err);
    void (*close)(void *self);
    /* See cove_fs_same_store, of filesystems with the same authority. NULL slot: always true. Pure. */
    bool (*same_store)(const void *self, const void *other);
    /* See cove_fs_endpoint: appends to `ret`. NULL slot: there is none. Pure. COVE_EINVAL. */
    int (*endpoint)(const void *self, struct cove__buf *ret, struct cove_error *err);
    /* Appends other settings of the options and the environment, for the log's line about the open filesystem: ";
     * region us-east-1; credentials of AWS_ACCESS_KEY_ID". Never a secret. NULL slot: nothing. Pure. */
    void (*describe)(const void *self, struct cove__buf *ret);

    /* URL or path -> canonical path, without the authority, owned by the caller. COVE_EINVAL. Pure. */
    int (*parse)(const char *url_or_path, char **ret_path, struct cove_error *err);
    const struct cove__authority_ops *authority; /* NULL: only the options distinguish stores */

    /* Whether the text is one version of a file, as cove_info has it in `etag`: what a user gives back as a condition.
     * Refuses what the store would take for no condition, or for any file. NULL slot: an ETag with its quotes
     * (cove__fs_is_etag). Pure. */
    bool (*is_version)(const void *self, const char *text);

    /* One page below the directory `path`: its entries, or (`deep`, asked only of stores without real directories)
     * every file at any depth; `token` NULL: the first. For `deep`, entries are files only. COVE_ENOTFOUND (nothing
     * there), COVE_ENOTDIR (a file; the front then lists it itself). */
    int (*list)(void *self, const char *path, bool deep, const char *token, const struct cove__ctx *ctx,
                struct cove__page *ret_page, struct cove_error *err);
    /* Whether the pages below `path` come in no order (each page is sorted), so that neighbours may stand on different
     * ones, and a page's token is not known to outlive what was on it. NULL slot: they never do. Pure. */
    bool (*unordered)(void *self, const char *path);
    /* Whether `deep` pages below `path` may lack directories, so that a walk has to list one directory after the other:
     * 1, 0, or an error. May wait for a request. NULL slot: they never do. */
    int (*hides_directories)(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
    /* One file. COVE_ENOTFOUND, COVE_EISDIR; COVE_EPRECONDITION: it has another ETag than `etag` (NULL: any). */
    int (*copy)(void *self, const char *from, const char *etag, const char *to, const struct cove__ctx *ctx,
                struct cove_error *err);
    /* A file or directory. A move by copying removes the original only if it still is what was copied
     * (COVE_EPRECONDITION). NULL slot, or COVE_ENOTSUP without a message: the front copies a file and removes it.
     * COVE_ENOTFOUND. */
    int (*move)(void *self, const char *from, const char *to, const struct cove__ctx *ctx, struct cove_error *err);
    /* Files; a missing one is no error here (the front checks first where it matters). `etags` (NULL, or NULL entries:
     * unconditionally): COVE_EPRECONDITION if a file has another ETag; it is kept, the others are removed.
     * COVE_EISDIR. */
    int (*remove)(void *self, const char *const *paths, const char *const *etags, size_t n, const struct cove__ctx *ctx,
                  struct cove_error *err);
    /* A signed URL, owned by the caller; the arguments are checked. COVE_EINVAL, COVE_EISDIR. */
    int (*sign)(void *self, const char *path, const char *method, int64_t expires_s, const struct cove__ctx *ctx,
                char **ret_url, struct cove_error *err);

    /* After a call failed with `err`: adds to the message what one or two more requests show. The code stays. NULL
     * slot: nothing. */
    void (*explain)(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);

    /* Asynchronous, as `read.range`, `upload.part` and `upload.copy_part` below: finish io->op, now or later.
     * `stat`, into io->ret_info: COVE_ENOTFOUND, also where the path may be what it was not asked about. `put` makes
     * the whole file in one step: COVE_EEXIST, COVE_EPRECONDITION, COVE_ENOTFOUND (bucket), COVE_ENOSPC. */
    void (*stat)(void *self, struct cove__stat_io *io);
    void (*put)(void *self, struct cove__put_io *io);

    struct {
        /* With parents; success where it exists. COVE_EEXIST: a file stands there. COVE_ENOTDIR. */
        int (*make)(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
        /* An empty directory or bucket. COVE_ENOTFOUND, COVE_ENOTEMPTY. */
        int (*remove)(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
        /* A directory and everything below it, links not followed. A bucket or a whole store is emptied but not
         * removed. NULL slot: the front lists and removes. COVE_ENOTFOUND, COVE_ENOTDIR. */
        int (*remove_tree)(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
    } directories;

    struct {
        /* Asynchronous. Past the end it gives 0 bytes. COVE_ENOTFOUND, COVE_EISDIR, COVE_EPRECONDITION,
         * COVE_ECORRUPT. */
        void (*range)(void *self, struct cove__read_io *io);
        /* What reads of one file share (io->handle): what has to be looked up for the file, connections. Opened before
         * the first of them, waited for; several may use it at once; closed when none is under way. A read checks
         * `if_match` with a handle too. A forked child only closes those of its parent. NULL slots: reads share
         * nothing. `open`: COVE_ENOTFOUND, COVE_EISDIR. `close` does not fail, and does not wait. */
        int (*open)(void *self, const char *path, const struct cove__ctx *ctx, void **ret_handle,
                    struct cove_error *err);
        void (*close)(void *self, void *handle);
    } read;

    /* A file in parts. They may be sent at once and in any order, unless part_rules sets `ordered`. Both `finish` and
     * `abort` free the upload. All from `begin` on are NULL where the store has no such files. */
    struct {
        /* Set by every backend: reads and whole puts go by these, too. `put`: what the upload will be begun with, as
         * its conditions and size may decide how it is sent; NULL: of reads. Pure. */
        void (*part_rules)(void *self, const struct cove__put *put, struct cove__part_rules *ret);
        int (*begin)(void *self, const char *path, const struct cove__put *put, const struct cove__ctx *ctx,
                     struct cove__upload **ret, struct cove_error *err);
        void (*part)(void *self, struct cove__part_io *io); /* asynchronous */
        /* Asynchronous. A part whose bytes the store itself takes out of the object `from`, if that still has
         * from.etag; any failure leaves the part to be sent by `part`. NULL: parts are always sent. COVE_EPRECONDITION,
         * COVE_ENOTFOUND, COVE_ENOTSUP. */
        void (*copy_part)(void *self, struct cove__part_io *io);
        /* Publishes the file; having failed, it has tried to abort. `ret_version_id` (NULL: not wanted) as in a put; a
         * store without versions leaves it alone. */
        int (*finish)(void *self, struct cove__upload *upload, const struct cove__ctx *ctx, char **ret_etag,
                      char **ret_version_id, struct cove_error *err);
        /* Removes what was sent. The call's time may be over, or its token fired: what does not fit into its time is
         * done in the background. It never fails: what cannot be removed is logged. */
        void (*abort)(void *self, struct cove__upload *upload, const struct cove__ctx *ctx);
        /* The page of unfinished uploads at and below `path` after `last` (NULL: the first), into an empty one. This
         * and `remove` are NULL where a store has none. */
        int (*list)(void *self, const char *path, const struct cove__upload_page *last, const struct cove__ctx *ctx,
                    struct cove__upload_page *ret, struct cove_error *err);
        /* Removes one that was listed: 0, or 1 where the store reports that there was none. COVE_EINVAL. */
        int (*remove)(void *self, const char *path, const char *id, const struct cove__ctx *ctx,
                      struct cove_error *err);
        /* Whether the store lists the upload, also after it was removed: 1 or 0. NULL: what was removed is gone.
         * COVE_EACCESS, COVE_ENOTSUP: it cannot be known. */
        int (*is_listed)(void *self, const char *path, const char *id, const struct cove__ctx *ctx,
                         struct cove_error *err);
    } upload;

    /* An open end of a file. */
    struct {
        /* Makes nothing yet where the file is missing; with `truncate` the next write replaces it. `etag`: as in
         * cove_appender_options (COVE_EPRECONDITION); BORROWED during the call. */
        int (*open)(void *self, const char *path, bool truncate, const char *etag, const struct cove__ctx *ctx,
                    void **ret_tail, struct cove_error *err);
        /* Adds the bytes in order: COVE_EPRECONDITION if another writer has changed the file. *ret_added, also set on
         * failure: how many of the first bytes are known to be in the file. The next write must begin with the byte
         * after them, and may have more. If a failed write did add bytes (its response was lost), the next one
         * recognizes them and counts them as added. So each byte is in the file exactly once when all have been
         * counted. */
        int (*write)(void *self, void *tail, struct cove__slice data, const struct cove__ctx *ctx, size_t *ret_added,
                     struct cove_error *err);
        void (*close)(void *self, void *tail);
    } append;

    /* What a store keeps beside a file's bytes. */
    struct {
        /* Of one file: sets those with a value, removes the others; the rest stays. COVE_ENOTFOUND, COVE_EISDIR,
         * COVE_EPRECONDITION. */
        int (*set_metadata)(void *self, const char *path, const struct cove_pair *pairs, size_t n,
                            const struct cove__ctx *ctx, struct cove_error *err);
        /* One page of the versions of one file, newest first. COVE_ENOTFOUND: there is none. */
        int (*versions)(void *self, const char *path, const char *token, const struct cove__ctx *ctx,
                        struct cove__page *ret_page, struct cove_error *err);
        /* One page of the versions of all files below a directory, sorted by path, in the store's order of versions.
         * NULL: not supported. */
        int (*versions_below)(void *self, const char *path, const char *token, const struct cove__ctx *ctx,
                              struct cove__page *ret_page, struct cove_error *err);
        /* The tags of one file, in one piece of memory (fs/pairs.h); and others in their place, none for `n` 0.
         * COVE_ENOTFOUND, COVE_EISDIR. */
        int (*tags)(void *self, const char *path, const struct cove__ctx *ctx, struct cove_pair **ret, size_t *ret_n,
                    struct cove_error *err);
        int (*set_tags)(void *self, const char *path, const struct cove_pair *tags, size_t n,
                        const struct cove__ctx *ctx, struct cove_error *err);
    } attributes;
};

extern const struct cove__fs_ops cove__file_ops;
extern const struct cove__fs_ops cove__memory_ops;
extern const struct cove__fs_ops cove__s3_ops;
extern const struct cove__fs_ops cove__gcs_ops;
extern const struct cove__fs_ops cove__azure_ops;
extern const struct cove__fs_ops cove__hdfs_ops;
extern const struct cove__fs_ops cove__viewfs_ops;
extern const struct cove__fs_ops cove__webhdfs_ops;
extern const struct cove__fs_ops cove__swebhdfs_ops;

#endif
