/*
 * The operations of an object store: slots of struct cove__fs_ops (fs/fs_ops.h), written once for all backends, and
 * what they share.
 */
#ifndef COVE_FS_OBJECT_OPERATIONS_H
#define COVE_FS_OBJECT_OPERATIONS_H

#include "fs/object/object.h"

#define COVE__OBJECT_METADATA_MAX ((size_t)16 << 10) /* of an object's metadata that a successor keeps */

/* ---- slots: `self` is the store ---- */

void cove__object_stat(void *self, struct cove__stat_io *io);
int cove__object_list(void *self, const char *path, bool deep, const char *token, const struct cove__ctx *ctx,
                      struct cove__page *ret_page, struct cove_error *err);
bool cove__object_unordered(void *self, const char *path);
int cove__object_hides_directories(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
int cove__object_mkdir(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
int cove__object_remove_tree(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
int cove__object_rmdir(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
int cove__object_remove(void *self, const char *const *paths, const char *const *versions, size_t n,
                        const struct cove__ctx *ctx, struct cove_error *err);
int cove__object_move(void *self, const char *from, const char *to, const struct cove__ctx *ctx,
                      struct cove_error *err);
void cove__object_read(void *self, struct cove__read_io *io);
void cove__object_put(void *self, struct cove__put_io *io);

/* ---- head.c: what an object is ---- */

struct cove__object_head {
    int64_t size, mtime_ns, created_ns;                                         /* times: -1: not known */
    char version[COVE__HEADER_MAX], version_id[COVE__HEADER_MAX], write_id[64]; /* "": none */
    bool extends_only;                                                          /* see object.h */
    bool has_crc32c;                                                            /* of the whole object */
    uint32_t crc32c;
};
/* COVE_ENOTFOUND, COVE_EISDIR, … */
int cove__object_head(struct cove__object_store *store, struct cove__object_name name, const struct cove__ctx *ctx,
                      struct cove__object_head *ret, struct cove_error *err);
/* The same after a request that has failed, to find out whether it did something. `once`: by one attempt. */
int cove__object_look(struct cove__object_store *store, struct cove__object_name name, bool once,
                      const struct cove__ctx *ctx, struct cove__object_head *ret, struct cove_error *err);
/* The same; `kept` gets the lines that cove__object_keep_metadata gives. */
int cove__object_head_metadata(struct cove__object_store *store, struct cove__object_name name,
                               const struct cove__ctx *ctx, struct cove__object_head *ret, struct cove__buf *kept,
                               struct cove_error *err);
/* The same with the lines that `lines` gives, and those that a backend's `keep` adds. NULL: none. */
int cove__object_head_lines(struct cove__object_store *store, struct cove__object_name name,
                            int (*lines)(const struct cove__object_request *head, struct cove__buf *out),
                            int (*keep)(const struct cove__object_request *head, const struct cove__ctx *ctx,
                                        struct cove__buf *lines, struct cove_error *err),
                            const struct cove__ctx *ctx, struct cove__object_head *ret, struct cove__buf *kept,
                            struct cove_error *err);
/* The same; `kept` gets those of cove__object_keep_metadata, and those that the backend's appends keep. */
int cove__object_head_to_append(struct cove__object_store *store, struct cove__object_name name,
                                const struct cove__ctx *ctx, struct cove__object_head *ret, struct cove__buf *kept,
                                struct cove_error *err);
/* The same for a caller's own request, of the method HEAD: sets it up (including `accept`), and reads its response. */
void cove__object_head_request(struct cove__object_request *r);
int cove__object_accept_head(struct cove__object_request *r, struct cove_error *err);
void cove__object_head_response(const struct cove__object_request *r, struct cove__object_head *ret);
/* Of a good response to it: a directory, as `is_directory` of the table finds. */
bool cove__object_is_directory(const struct cove__object_request *r);
/* The response's checksum of the whole object; false where there is none. */
bool cove__object_response_crc32c(const struct cove__object_request *r, uint32_t *ret);

/* ---- metadata.c: what an object carries beside its bytes ---- */

/* What the response to a HEAD has, into an info that is otherwise filled in: version, class, type and metadata. 0,
 * COVE_ENOMEM, COVE_ELIMIT. */
int cove__object_read_properties(const struct cove__object_request *r, struct cove_info *info);
/* The lines that an object made in this one's place must carry over: its content type and the like, and the user's
 * metadata. Not those that the options set anyway. */
int cove__object_keep_metadata(const struct cove__object_request *head, struct cove__buf *out);
/* The same for the object itself under other metadata: `pairs`, of which those without a value go. */
int cove__object_change_metadata(const struct cove__object_request *head, const struct cove_pair *pairs, size_t n,
                                 struct cove__buf *out);
/* Whether an option gives new objects one of these headers. `names` may be NULL, and ends with NULL. */
bool cove__object_has_option(const struct cove__object_store *store, const char *const *names);
/* The lines of a copy that has the options' properties beside its source's (struct cove__object_copy_ops). */
int cove__object_copied_properties(const struct cove__object_request *head, struct cove__buf *out);
/* Adds a line unless these or the options have one of that name. */
int cove__object_keep_default(const struct cove__object_store *store, const char *name, const char *value,
                              struct cove__buf *lines);
/* Properties of a new object: those of the options, and of `put` (NULL: none). */
void cove__object_describe(struct cove__object_request *r, const struct cove__put *put);
/* Adds those of the lines that have one of these names, which end with NULL. COVE_ENOMEM, COVE_ELIMIT. */
int cove__object_pick_lines(struct cove__slice lines, const char *const *names, struct cove__buf *out);

/* ---- condition.c ---- */

/* Adds the header: only if the object has this version. */
void cove__object_add_match(struct cove__object_request *r, struct cove__buf *headers, const char *version);
/* Of a request that has failed: it had a condition, and the store has no such condition. Not after an attempt without
 * an answer: then the refusal may be a broken response, too. */
bool cove__object_refuses_condition(const struct cove__object_request *r);
/* COVE_ENOTSUP: of what is safe only under a condition, for an object without a version. */
int cove__object_no_version(const struct cove__ctx *ctx, struct cove_error *err);

/* The mark of a write: metadata of the object, by which its writer knows it again after an ambiguous end (a repeated
 * request that is refused because its first attempt had succeeded). */
struct cove__write_mark {
    char write_id[33];
};
void cove__object_new_mark(struct cove__write_mark *ret);
/* Whether this process has made the mark. */
bool cove__object_is_same_writer(const char *write_id);
void cove__object_mark(struct cove__object_request *r, const struct cove__put *put, struct cove__write_mark *ret);
/* The condition's headers, where they are to be sent. `put` may be NULL. */
void cove__object_condition_headers(struct cove__object_request *r, enum cove__condition_mode mode,
                                    const struct cove__put *put);
bool cove__object_condition_refused(const struct cove__object_request *r, enum cove_write_if condition);
/* COVE_EEXIST, COVE_EPRECONDITION */
int cove__object_condition_broken(const struct cove__ctx *ctx, enum cove_write_if condition, struct cove_error *err);
int cove__object_condition_error(const struct cove__object_request *r, enum cove_write_if condition,
                                 struct cove_error *err);
/* Asks by HEAD whether the condition holds now: COVE_EEXIST, COVE_EPRECONDITION. */
int cove__object_check_condition(struct cove__object_store *store, struct cove__object_name name,
                                 const struct cove__put *put, const struct cove__ctx *ctx, struct cove_error *err);

/* ---- list.c ---- */

/* Asks whether anything is below the prefix `key`, which is BORROWED: sets up a request to the bucket, `accept` too.
 * The answer is in r->probe. */
void cove__object_probe_request(struct cove__object_request *r, struct cove__slice key);
/* The same, waited for: 1, 0 or an error. */
int cove__object_any_below(struct cove__object_store *store, struct cove__object_name name, const struct cove__ctx *ctx,
                           struct cove_error *err);
/* How an operation on one object ended, into `err`: if there is no object, it may be a directory (COVE_EISDIR). */
int cove__object_refine_not_found(struct cove__object_store *store, struct cove__object_name name, int rc,
                                  const struct cove_error *why, const struct cove__ctx *ctx, struct cove_error *err);
/* One page of every key below the prefix of `name`, markers of directories among them. */
int cove__object_list_keys(struct cove__object_store *store, struct cove__object_name name, const char *token,
                           const struct cove__ctx *ctx, struct cove__page *ret_page, struct cove_error *err);
/* The same, of every key that begins with that of `prefix`. *ret_now_ns (may be NULL): when the page was made, by the
 * store's clock; -1: not known. */
int cove__object_list_prefix(struct cove__object_store *store, struct cove__object_name prefix, const char *token,
                             const struct cove__ctx *ctx, struct cove__page *ret_page, int64_t *ret_now_ns,
                             struct cove_error *err);

bool cove__object_is_unordered(const struct cove__object_store *store, struct cove__slice bucket);

/* ---- directories.c ---- */

/* Checks that the bucket is there, or makes it with the option create_buckets. One request for a bucket that is not
 * known yet. One that may not be listed counts as there. COVE_ENOTFOUND. */
int cove__object_require_bucket(struct cove__object_store *store, struct cove__object_name name,
                                const struct cove__ctx *ctx, struct cove_error *err);

#endif
