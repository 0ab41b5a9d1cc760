/* hdfs://: a filesystem of a Hadoop cluster, for the files in this folder. */
#ifndef COVE_FS_HDFS_H
#define COVE_FS_HDFS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/fs_ops.h"
#include "fs/hdfs/hdfs_datanode.h"
#include "fs/hdfs/hdfs_names.h"
#include "fs/hdfs/hdfs_rpc.h"
#include "fs/hdfs/hdfs_security.h"
#include "wire/hdfs_messages.h"

#define COVE__HDFS_PORT 8020

struct cove__hdfs {
    /* options */
    char *host, *user, *proxy_user, *conf_dir, *extra_conf;
    int64_t port, replication, block_size; /* 0: the server's default */
    int64_t connect_timeout_ms, request_timeout_ms, datanode_timeout_ms;
    int uses_hostnames; /* of DataNodes, instead of their addresses */

    struct cove__hdfs_security security;

    /* of the site files; with the options they are what does not change */
    int64_t failovers_max, failover_wait_ms, failover_wait_max_ms;
    uint32_t umask;

    char *name;                        /* owned: the store, "nn1", "nn1:9000" or "user@nameservice" */
    struct cove__hdfs_names names;     /* what it stands for */
    atomic_bool resolved;              /* `servers` are there */
    struct cove__hdfs_server *servers; /* owned: its NameNodes, or routers; set once, under cove__lock */
    size_t n_servers;
    atomic_size_t active;     /* the index of the one that answered last */
    atomic_int next_call;     /* the number of the next call */
    _Atomic int64_t state_id; /* the highest that a NameNode has sent; INT64_MIN: none */
    /* Under cove__lock, made in each process: */
    unsigned generation;
    uint8_t client_id[COVE__HADOOP_CLIENT_ID_SIZE];
    /* Under cove__lock: the last state that a router has sent; owned. */
    struct cove__buf router_state;
    char client_name[48]; /* which files are opened for writing by */
    struct cove__hdfs_datanodes datanodes;
    struct cove__buf transfer_key;       /* under cove__lock: DataEncryptionKeyProto; empty: not asked yet */
    struct cove__hdfs_defaults defaults; /* under cove__lock; block_size 0: not asked yet */
};

/* ---- hdfs_path.c ---- */

extern const struct cove__authority_ops cove__hdfs_authority;
int cove__hdfs_parse(const char *url, char **ret_path, struct cove_error *err);
/* "user@host": the user, owned by the caller, or NULL; and the rest, BORROWED from it. COVE_ENOMEM. */
int cove__hdfs_split_user(const char *authority, char **ret_user, const char **ret_rest, struct cove_error *err);
/* "host", "host:port" or "[address]:port": the two parts. COVE_EINVAL. */
int cove__hdfs_split_authority(const char *authority, char **ret_host, unsigned *ret_port, struct cove_error *err);

/* ---- hdfs_namenode.c ---- */

/* Who calls a server that speaks `protocol`, and the number of a call. */
void cove__hdfs_describe_caller(struct cove__hdfs *fs, const char *protocol, struct cove__hdfs_caller *ret);
int32_t cove__hdfs_next_call(struct cove__hdfs *fs);

/*
 * A call of the client protocol, by the server that is active: "getFileInfo" with its request. The same call again
 * after an ambiguous end, so that a NameNode's retry cache answers what was done already. The exception `may_be`
 * (NULL: none) is a response for the caller. COVE_ENETWORK, COVE_EPROTOCOL, and as hdfs_error.c has it.
 */
int cove__hdfs_call(struct cove__hdfs *fs, const char *method, struct cove__buf *request, const char *may_be,
                    const struct cove__ctx *ctx, struct cove__hdfs_reply *ret, struct cove_error *err);
/* For a response that cannot be read. Returns `rc`. */
int cove__hdfs_unreadable(const struct cove__ctx *ctx, const char *method, int rc, struct cove_error *err);
/* What the cluster prescribes for new files; asked once. */
int cove__hdfs_defaults(struct cove__hdfs *fs, const struct cove__ctx *ctx, struct cove__hdfs_defaults *ret,
                        struct cove_error *err);

/* ---- hdfs_status.c ---- */

/* The version of a file, which changes with its bytes: its ID, time and length. */
#define COVE__HDFS_ETAG_SIZE 64
void cove__hdfs_etag(const struct cove__hdfs_status *status, char ret[COVE__HDFS_ETAG_SIZE]);
/* What is at `path`; `ret` is BORROWED from `reply`. COVE_ENOTFOUND without a message. */
int cove__hdfs_look(struct cove__hdfs *fs, const char *path, const struct cove__ctx *ctx,
                    struct cove__hdfs_reply *reply, struct cove__hdfs_status *ret, struct cove_error *err);
void cove__hdfs_stat(void *self, struct cove__stat_io *io);
int cove__hdfs_list(void *self, const char *path, bool deep, const char *token, const struct cove__ctx *ctx,
                    struct cove__page *ret_page, struct cove_error *err);

/* ---- hdfs_read.c ---- */

int cove__hdfs_read_open(void *self, const char *path, const struct cove__ctx *ctx, void **ret_handle,
                         struct cove_error *err);
void cove__hdfs_read_close(void *self, void *handle);
void cove__hdfs_read(void *self, struct cove__read_io *io);
/* `length` bytes from `offset` on. COVE_EPRECONDITION: there are fewer. */
int cove__hdfs_read_bytes(struct cove__hdfs *fs, const char *path, uint64_t offset, uint8_t *dst, size_t length,
                          const struct cove__ctx *ctx, struct cove_error *err);

/* ---- hdfs_visible.c ---- */

/* How many bytes a file's last block has for readers while it is being written. COVE_ENETWORK, COVE_ESERVER. */
int cove__hdfs_visible_length(struct cove__hdfs *fs, const struct cove__hdfs_located *last, const struct cove__ctx *ctx,
                              uint64_t *ret, struct cove_error *err);

/* ---- hdfs_upload.c ---- */

int cove__hdfs_begin(void *self, const char *path, const struct cove__put *put, const struct cove__ctx *ctx,
                     struct cove__upload **ret, struct cove_error *err);
void cove__hdfs_part(void *self, struct cove__part_io *io);
int cove__hdfs_finish(void *self, struct cove__upload *u, const struct cove__ctx *ctx, char **ret_etag,
                      char **ret_version_id, struct cove_error *err);
void cove__hdfs_abort(void *self, struct cove__upload *u, const struct cove__ctx *ctx);
void cove__hdfs_put(void *self, struct cove__put_io *io);

/* ---- hdfs_copy.c ---- */

int cove__hdfs_copy(void *self, const char *from, const char *etag, const char *to, const struct cove__ctx *ctx,
                    struct cove_error *err);

/* ---- hdfs_append.c ---- */

int cove__hdfs_append_open(void *self, const char *path, bool truncate, const char *etag, const struct cove__ctx *ctx,
                           void **ret_tail, struct cove_error *err);
int cove__hdfs_append(void *self, void *tail, struct cove__slice data, const struct cove__ctx *ctx, size_t *ret_added,
                      struct cove_error *err);
void cove__hdfs_append_close(void *self, void *tail);

/* ---- hdfs_tree.c ---- */

/* A directory with its parents. */
int cove__hdfs_make_directory(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
int cove__hdfs_remove_directory(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
int cove__hdfs_remove_tree(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
int cove__hdfs_remove(void *self, const char *const *paths, const char *const *etags, size_t n,
                      const struct cove__ctx *ctx, struct cove_error *err);
int cove__hdfs_move(void *self, const char *from, const char *to, const struct cove__ctx *ctx, struct cove_error *err);
/* `replaces`: a file at `to` is replaced in the same step. With the target's parents. */
int cove__hdfs_rename(struct cove__hdfs *fs, const char *from, const char *to, bool replaces,
                      const struct cove__ctx *ctx, struct cove_error *err);
/* 1: it was removed; 0: there was nothing. */
int cove__hdfs_delete(struct cove__hdfs *fs, const char *path, bool recursive, const struct cove__ctx *ctx,
                      struct cove_error *err);

#endif
