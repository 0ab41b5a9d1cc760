/* Inside of cove_fs, for src/fs and src/stream. Backends use cove__fs_fail only. */
#ifndef COVE_FS_IMPL_H
#define COVE_FS_IMPL_H

#include "fs/fs_ops.h"

/* See checksum_cache.c. */
#define COVE__CHECKSUM_CACHE_SIZE 8
struct cove__cached_checksum {
    char *path, *etag; /* owned; NULL: none is kept here yet */
    int64_t size;
    bool has_crc32c;
    uint32_t crc32c;
};

struct cove_fs {
    const struct cove__fs_ops *ops;
    void *self; /* the backend's */
    const char *scheme;
    char *authority;                     /* the store: see authority.h */
    char *authority_of_options;          /* the store that a URL means which names none; "": this one */
    char *key;                           /* scheme, authority and options: the key of the process's cache */
    unsigned refs;                       /* under cove__lock */
    int64_t timeout_ms;                  /* the option `timeout` */
    struct cove__workers *slots, *calls; /* owned: threads for slots that block, and for the queue's whole calls. Each
                                            filesystem has its own: one whose store hangs holds up no other */
    struct cove_fs *next;                /* the cache's list, under cove__lock */
    struct cove__cached_checksum checksums[COVE__CHECKSUM_CACHE_SIZE]; /* under cove__lock */
    size_t next_checksum; /* likewise: where the last one was put that was of no path among them */
};

/* What a public call works on: the canonical path, the URL for messages and the bounds of the call. */
struct cove__target {
    char *path; /* owned */
    char *url;  /* owned; what ctx.url points to */
    struct cove__ctx ctx;
};
/* Zeroes `target`, then fills it; `op` is static. COVE_EINVAL: malformed, a URL of another store, or a `call` without
 * its size. */
int cove__target_init(struct cove__target *target, const cove_fs *fs, const char *path, const struct cove_call *call,
                      const char *op, struct cove_error *err);
void cove__target_done(struct cove__target *target);
/* COVE__COPY_OPTIONS of a call's optional struct: `from` NULL leaves the defaults in `to`. */
int cove__target_options(const struct cove__target *target, void *to, size_t to_size, const void *from,
                         const char *name, struct cove_error *err);
#define COVE__TARGET_OPTIONS(target, to, from, err)                                                                    \
    cove__target_options((target), (to), sizeof *(to), (from), #from, (err))
/* The absolute deadline that `call` sets from now on. */
int64_t cove__call_deadline(const cove_fs *fs, const struct cove_call *call);
/* The URL of a canonical path. */
char *cove__fs_show(const cove_fs *fs, const char *path);

/* What `path` (canonical) is, waited for. */
bool cove__fs_unordered(const cove_fs *fs, const char *path); /* see the slot */
int cove__fs_stat(cove_fs *fs, const char *path, const struct cove__ctx *ctx, struct cove_info *ret,
                  struct cove_error *err);

/* Keeps the checksum that a stat of `path` (canonical) gave; out of memory, nothing is kept. */
void cove__checksum_cache_put(cove_fs *fs, const char *path, const struct cove_info *info);
/* Whether a stat gave the checksum of this version, or that there is none: has_crc32c and crc32c of `ret`. */
bool cove__checksum_cache_get(cove_fs *fs, const char *path, const char *etag, int64_t size, struct cove_info *ret);
/* Forgets that of a path. For bytes that did not match it: whichever is wrong, the store is asked again. */
void cove__checksum_cache_remove(cove_fs *fs, const char *path);
void cove__checksum_cache_free(cove_fs *fs);

/* "op URL: text" and the code; the one form of messages. Returns `code`. */
int cove__fs_fail(struct cove_error *err, const struct cove__ctx *ctx, int code, const char *format, ...)
    COVE_PRINTF(4, 5);
/* Whether what failed with `code` would fail for every other file, too: it was not about the one. */
bool cove__fs_fails_for_all(int code);

/* Whether `etag` (NULL: no condition) is one version as the store has them. COVE_EINVAL: a store would take "" for no
 * condition, and "*" for any object. */
int cove__fs_check_etag(const cove_fs *fs, const char *etag, const struct cove__ctx *ctx, struct cove_error *err);
/* One ETag with its quotes (RFC 9110, section 8.8.3), strong or weak. */
bool cove__fs_is_etag(const char *text);

/* For a public call on one file that ends with `rc`: lets the store explain an error. Not for calls that only check
 * whether the file exists. Returns `rc`. */
int cove__fs_explain(cove_fs *fs, const struct cove__target *target, int rc, struct cove_error *err);

/* For a slot that is NULL. */
int cove__fs_unsupported(const struct cove__target *target, struct cove_error *err);

/* Fetches the rest of a listing of `list` or `find`, within the time of the call that opened it: from then on
 * cove_listing_next gives its entries, whose number this returns, from memory. */
int64_t cove__listing_gather(cove_listing *listing, struct cove_error *err);

/* start.c: starts `io` (its op too). `beside`: others are or will be under way beside it. If the backend blocks, the
 * slot then runs on another thread, or on this one if it waits for it (ctx.waits). A stat is always beside reads. A
 * part is copied if it has a `from`, else sent. */
void cove__fs_start_stat(cove_fs *fs, struct cove__stat_io *io);
void cove__fs_start_read(cove_fs *fs, struct cove__read_io *io, bool beside);
/* The CRC32C of what a finished read has brought. */
uint32_t cove__read_crc32c(const struct cove__read_io *io);
void cove__fs_start_part(cove_fs *fs, struct cove__part_io *io, bool beside);

/* read_handle.c: what a store keeps open for reads of one file. Zeroed at first. */
struct cove__read_handle {
    void *self;          /* the store's; NULL: it is not open */
    unsigned generation; /* of fork */
};
/* Opens it where the store has such handles, unless this process has already. */
int cove__read_handle_open(struct cove__read_handle *h, cove_fs *fs, const struct cove__target *target,
                           struct cove_error *err);
void cove__read_handle_close(struct cove__read_handle *h, cove_fs *fs);

/* Ranges of one version of one file, in parallel, each into its place: what every synchronous read is made of. */
struct cove__fetch {
    struct cove_range *ranges;
    size_t n_ranges;
    const char *if_match;             /* NULL: any version, but one for all ranges */
    int64_t if_size;                  /* of that version; 0: not known */
    struct cove__read_handle *handle; /* BORROWED: a reader's; NULL: several parts share one of their own */
    bool once;                        /* without if_match: where the file is replaced meanwhile, fail, do not restart */
    int64_t ret_total;                /* the file's size, or -1 */
    char *ret_etag;                   /* owned by the caller (cove__free) */
    bool wants_crc32c;                /* the CRC32C of what came is wanted; of one range */
    uint32_t ret_crc32c;
};
int cove__fs_check_ranges(const struct cove__fetch *fetch, const struct cove__ctx *ctx, struct cove_error *err);
int cove__fs_fetch(cove_fs *fs, const struct cove__target *target, struct cove__fetch *fetch, struct cove_error *err);
/* The same; small ranges that lie close together come in one request, through memory of the budget. */
int cove__fs_fetch_merged(cove_fs *fs, const struct cove__target *target, struct cove__fetch *fetch,
                          struct cove_error *err);

/* Whether a read that ended with `rc`, before its caller got a byte, is to restart on the current version, because the
 * file was replaced meanwhile. Clears `err` then. *times counts the restarts, from 0; after COVE__READ_AGAIN of them
 * the message has how often the file was replaced. */
#define COVE__READ_AGAIN 10
bool cove__fs_read_again(const struct cove__ctx *ctx, int rc, unsigned *times, struct cove_error *err);
/* Calls `version`, which fetches from one version, until it succeeds or may not restart. Never for `once` or
 * `if_match`. */
typedef int (*cove__fetch_version)(cove_fs *fs, const struct cove__target *target, struct cove__fetch *fetch,
                                   struct cove_error *err);
int cove__fs_fetch_restarting(cove__fetch_version version, cove_fs *fs, const struct cove__target *target,
                              struct cove__fetch *fetch, struct cove_error *err);

/* The path's last part; the path's parent (owned; "" for the top). */
const char *cove__path_name(const char *path);
char *cove__path_parent(const char *path);
char *cove__path_join(const char *directory, const char *name);
/* The rest of `path` after `directory` and one slash. `path` must be below `directory`. Further slashes are kept: in a
 * store "a//b" is not "a/b". */
const char *cove__path_below(const char *path, const char *directory);

#endif
