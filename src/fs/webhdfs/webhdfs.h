/*
 * HDFS by WebHDFS, its REST interface: a tree with real directories, whose files are written once, and appended to. The
 * NameNode answers what is about names, and redirects reads and writes of bytes to a DataNode. A new file is written
 * under a temporary name beside its own, and renamed at its end.
 *
 * webhdfs.c has the tables and the options, webhdfs_path.c URLs, webhdfs_status.c what responses show of a file,
 * webhdfs_error.c the exceptions. webhdfs_request.c sends requests, one step after the other; the files after it are
 * operations: webhdfs_read.c, webhdfs_write.c, webhdfs_copy.c, webhdfs_append.c,
 * webhdfs_tree.c.
 * https://hadoop.apache.org/docs/stable/hadoop-project-dist/hadoop-hdfs/WebHDFS.html
 */
#ifndef COVE_FS_WEBHDFS_H
#define COVE_FS_WEBHDFS_H

#include <string.h>

#include "fs/fs_impl.h"
#include "fs/object/client.h"
#include "fs/pairs.h"
#include "net/http.h"

#define WEBHDFS_PATH_MAX      ((size_t)8192)  /* of HDFS: dfs.namenode.fs-limits allows 8,000 bytes */
#define WEBHDFS_TEMPORARY     ".cove-upload-" /* how the name of a temporary file begins; 32 hex digits follow */
#define WEBHDFS_EXCEPTION_MAX 64
#define WEBHDFS_ETAG_MAX      80

struct webhdfs_options {
    char *host, *user, *token, *password, *proxy_to, *base_path;
    int64_t port;
    int use_https;
    int64_t replication;
    int64_t block_size, max_concurrency;
    struct cove__client_options client;
};

/* Fixed after open. */
struct cove__webhdfs {
    struct webhdfs_options o;
    bool tls;
    char *host;                     /* "nn1:9870" */
    char *base;                     /* "/webhdfs/v1" */
    struct cove__buf login;         /* the user, or the token, as pairs of a query; secret */
    struct cove__buf authorization; /* with a password: the value of the header; else empty; secret */
    struct cove__http *http;
};

/* ---- webhdfs_path.c; pure ---- */

extern const struct cove__authority_ops cove__webhdfs_authority, cove__swebhdfs_authority;
int cove__webhdfs_parse(const char *url, char **ret_path, struct cove_error *err);
/* Whether the path's last part is the name of a temporary file. */
bool cove__webhdfs_is_temporary(const char *name);
/* A new temporary name in the folder of `path`, owned by the caller. NULL: no memory. */
char *cove__webhdfs_temporary(const char *path);

/* ---- webhdfs_status.c; pure ---- */

/* What the NameNode shows of a name. */
struct webhdfs_status {
    bool directory;
    int64_t length;   /* bytes */
    int64_t mtime_ms; /* since 1970 */
    int64_t id;       /* of the inode; 0: the server does not show it (HttpFS) */
};

/* {"FileStatus":{...}}; COVE_EPROTOCOL: it is something else. */
int cove__webhdfs_read_status(struct cove__slice body, struct webhdfs_status *ret);
/* Adds to the pairs what cove_info_header shows of the same. COVE_EPROTOCOL. */
int cove__webhdfs_read_shown(struct cove__slice body, struct cove__pairs *pairs);
/* {"DirectoryListing":{...}}: adds the entries below `directory`, but no temporary files, to the page. *ret_last is the
 * name of the last entry, owned by the caller, if there are more after it, else NULL. COVE_ENOTDIR: it is of a file. */
int cove__webhdfs_read_listing(struct cove__slice body, const char *directory, struct cove__page *page,
                               char **ret_last);
/* {"boolean":true}: 1, 0, or COVE_EPROTOCOL. */
int cove__webhdfs_read_boolean(struct cove__slice body);
/* A file's version: its inode, its time and its length. */
void cove__webhdfs_make_etag(const struct webhdfs_status *status, char out[WEBHDFS_ETAG_MAX]);
/* The length of the file whose version this is; -1: it is no version of this store. */
int64_t cove__webhdfs_etag_length(const char *etag);

/* ---- webhdfs_error.c; pure ---- */

struct webhdfs_exception {
    const char *name;
    int code;
    bool retry;       /* another attempt may help */
    const char *text; /* what it means, and what to do */
};
/* NULL: it is not known. */
const struct webhdfs_exception *cove__webhdfs_exception(const char *name);

struct webhdfs_error_body {
    char name[WEBHDFS_EXCEPTION_MAX]; /* "": the body is no exception */
    char message[256];                /* its first line */
};
void cove__webhdfs_read_error(struct cove__slice body, struct webhdfs_error_body *ret);

/* ---- webhdfs_request.c ---- */

/* One request, which may take several steps: the NameNode's redirect to a DataNode, and what an operation adds. Zeroed,
 * then cove__webhdfs_request_init. */
struct webhdfs_request {
    struct cove__http_request http; /* first */
    struct cove__webhdfs *store;
    /* of the step: set by cove__webhdfs_step, then what else it needs */
    const char *method, *path; /* static; BORROWED until the next step, or the end */
    struct cove__buf query;    /* "op=OPEN&offset=0" */
    bool sends;                /* `data` is its body, sent where the NameNode redirects it to */
    struct cove__slice data;   /* BORROWED until the end */
    /* Of a good response: 0, with another step set or without, or an error (cove__webhdfs_fail); COVE_EPROTOCOL is
     * tried again. */
    int (*accept)(struct webhdfs_request *r, struct cove_error *err);
    /* Of a refusal, whose exception is r->code: true, with another step set, which is sent in its place. NULL: none. */
    bool (*learns)(struct webhdfs_request *r);
    /* Before an attempt after a failed one, which begins at the NameNode again: may set another step. NULL: the same.
     */
    void (*repeat)(struct webhdfs_request *r);
    void (*done)(struct webhdfs_request *r); /* takes the ended request over; NULL: cove__webhdfs_run waits */
    void *user;
    struct cove__buf location; /* where the step was redirected to; empty: it goes to the NameNode */
    unsigned redirects;
    bool begun, follows;
    unsigned sends_before, answered; /* of the step: `http.sends` at its begin, and responses that show what was done */
    char code[WEBHDFS_EXCEPTION_MAX]; /* of the last response; "": none */
};

void cove__webhdfs_request_init(struct webhdfs_request *r, struct cove__webhdfs *store, const struct cove__ctx *ctx);
void cove__webhdfs_request_done(struct webhdfs_request *r);
/* The next step: a request to the NameNode. `op` begins its query, further pairs are added to r->query. The body of its
 * response is kept in r->http.response. */
void cove__webhdfs_step(struct webhdfs_request *r, const char *method, const char *op, const char *path);
void cove__webhdfs_add(struct webhdfs_request *r, const char *name, const char *value);
void cove__webhdfs_add_number(struct webhdfs_request *r, const char *name, int64_t value);
void cove__webhdfs_start(struct webhdfs_request *r); /* ends in `done` */
int cove__webhdfs_run(struct webhdfs_request *r, struct cove_error *err);
/* An attempt of this step went out, and no response shows what became of it. */
bool cove__webhdfs_may_be_done(const struct webhdfs_request *r);
/* "op URL: text", with the store's code. Returns `code`. */
int cove__webhdfs_fail(const struct webhdfs_request *r, struct cove_error *err, int code, const char *format, ...)
    COVE_PRINTF(4, 5);
/* A good response that cannot be read. COVE_EPROTOCOL. */
int cove__webhdfs_unreadable(const struct webhdfs_request *r, struct cove_error *err, int rc);

/* ---- webhdfs_call.c: requests of one step that a caller waits for ---- */

/* COVE_ENOTFOUND, also below a file. */
int cove__webhdfs_look(struct cove__webhdfs *store, const char *path, const struct cove__ctx *ctx,
                       struct webhdfs_status *ret, struct cove_error *err);
/* 1 or 0: what the NameNode answers. An exception is an error. */
int cove__webhdfs_mkdirs(struct cove__webhdfs *store, const char *path, const struct cove__ctx *ctx,
                         struct cove_error *err);
int cove__webhdfs_delete(struct cove__webhdfs *store, const char *path, bool recursive, const struct cove__ctx *ctx,
                         struct cove_error *err);
/* The same of a temporary file, for a call whose time may be over. It never fails: what stays is logged. */
void cove__webhdfs_discard(struct cove__webhdfs *store, const char *path, const struct cove__ctx *ctx);
void cove__webhdfs_stat(void *self, struct cove__stat_io *io);

/* ---- webhdfs_read.c ---- */

void cove__webhdfs_read(void *self, struct cove__read_io *io);

/* ---- webhdfs_write.c ---- */

void cove__webhdfs_put(void *self, struct cove__put_io *io);
void cove__webhdfs_part_rules(void *self, const struct cove__put *put, struct cove__part_rules *ret);
int cove__webhdfs_begin(void *self, const char *path, const struct cove__put *put, const struct cove__ctx *ctx,
                        struct cove__upload **ret, struct cove_error *err);
void cove__webhdfs_part(void *self, struct cove__part_io *io);
int cove__webhdfs_finish(void *self, struct cove__upload *upload, const struct cove__ctx *ctx, char **ret_etag,
                         char **ret_version_id, struct cove_error *err);
void cove__webhdfs_abort(void *self, struct cove__upload *upload, const struct cove__ctx *ctx);

/* ---- webhdfs_copy.c ---- */

int cove__webhdfs_copy(void *self, const char *from, const char *etag, const char *to, const struct cove__ctx *ctx,
                       struct cove_error *err);

/* ---- webhdfs_append.c ---- */

int cove__webhdfs_append_open(void *self, const char *path, bool truncate, const char *etag,
                              const struct cove__ctx *ctx, void **ret_tail, struct cove_error *err);
int cove__webhdfs_append(void *self, void *tail, struct cove__slice data, const struct cove__ctx *ctx,
                         size_t *ret_added, struct cove_error *err);
void cove__webhdfs_append_close(void *self, void *tail);

/* ---- webhdfs_tree.c ---- */

int cove__webhdfs_list(void *self, const char *path, bool deep, const char *token, const struct cove__ctx *ctx,
                       struct cove__page *page, struct cove_error *err);
int cove__webhdfs_mkdir(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
int cove__webhdfs_rmdir(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
int cove__webhdfs_remove(void *self, const char *const *paths, const char *const *etags, size_t n,
                         const struct cove__ctx *ctx, struct cove_error *err);
int cove__webhdfs_remove_tree(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
int cove__webhdfs_move(void *self, const char *from, const char *to, const struct cove__ctx *ctx,
                       struct cove_error *err);

#endif
