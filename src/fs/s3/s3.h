/*
 * The inside of the S3 backend. s3.c opens and closes; s3_options.c the table of options; s3_path.c names;
 * s3_endpoint.c addresses; s3_session.c the sessions of directory buckets; s3_request.c builds, signs and judges
 * requests; s3_error.c the store's error codes; s3_stores.c and s3_traits.c what the store at hand can; s3_headers.c
 * what an object carries beside its bytes; s3_known.c and s3_directories.c what the process remembers of a store;
 * s3_stat.c, s3_object.c, s3_list.c, s3_versions.c, s3_copy.c, s3_move.c, s3_remove.c, s3_delete.c, s3_upload.c,
 * s3_append.c, s3_tags.c, s3_sign.c the operations.
 */
#ifndef COVE_FS_S3_H
#define COVE_FS_S3_H

#include <stdatomic.h>

#include "auth/aws_credentials.h"
#include "auth/provider.h"
#include "auth/sigv4.h"
#include "fs/fs_ops.h"
#include "fs/s3/s3_endpoint.h"
#include "fs/s3/s3_stores.h"
#include "net/http.h"

#define COVE__OBJECT_KEY_MAX ((size_t)1024)
#define S3_PART_MIN          ((size_t)5 << 20)
#define S3_PART_MAX          ((size_t)5 << 30)
#define S3_PARTS_MAX         10000u
#define S3_DELETE_MAX        1000u
#define S3_LIST_PAGE         1000u
#define COVE__OBJECT_REPLY_MAX                                                                                         \
    ((size_t)16 << 20) /* of a page of a listing; a key of 1,024 bytes may take thrice that, encoded                   \
                        */
#define S3_REGIONS_MAX                256
#define S3_SESSIONS_MAX               100                /* directory buckets with a session at once */
#define COVE__VIRTUAL_DIRECTORIES_MAX ((size_t)1 << 16)  /* promised by mkdir, of one store */
#define COVE__VIRTUAL_PATHS_MAX       ((size_t)8 << 20)  /* bytes of their paths */
#define COVE__OBJECT_BUCKETS_MAX      256                /* known to be there, of one store */
#define COVE__OBJECT_METADATA_MAX     ((size_t)16 << 10) /* of an object's metadata that a successor keeps */
#define COVE__HEADER_MAX              512                /* of a header's value that we look at */
#define COVE__OBJECT_SIZE_MAX         (INT64_C(1) << 60) /* no object is larger, and some such numbers can be added */

/* As a user gives them; the table is in s3_options.c. */
struct s3_options {
    char *key, *secret, *token, *username, *password;
    int anon;
    char *profile;
    char *endpoint_url, *region, *region_name;
    int use_ssl;
    char *addressing_style;
    int dual_stack, fips, accelerate, arn_region, no_sessions; /* 1, 0, or -1: not said */
    int requester_pays, version_aware;
    int64_t block_size, max_concurrency, max_parts;
    char *store;
    char *payload_signing, *checksum;
    /* 1, 0, or -1: by what the store can */
    int fixed_upload_size, conditional_writes, conditional_copies, conditional_deletes, part_copy, batch_delete;
    int64_t copy_part_threshold;
    char *verify, *ca_bundle, *proxy;
    int64_t retries, connect_timeout_ms, read_timeout_ms;
    char *client_kwargs, *config_kwargs, *additional_kwargs;
    int create_buckets;
};

/* Headers made from s3_additional_kwargs, "Name: value\n" lines: for requests that make an object, and for those that
 * read one. */
struct s3_extra {
    struct cove__buf create; /* PutObject, CreateMultipartUpload, CopyObject */
    struct cove__buf each;   /* those with a customer's key: also parts and reads */
};

struct s3_region {
    char *bucket, *region;
};

/* A directory that mkdir promised. Times are values of s3_known.now. */
struct cove__virtual_directory {
    char *path;
    uint64_t made, filled; /* when it was promised, and when something was found below it; 0: not yet */
    uint64_t again;        /* when it was promised again after that; 0: it was not */
    uint64_t used;         /* when it or one below it was last promised */
};

/* What the process knows of a store, shared by its filesystems: s3_known.c. */
struct cove__object_known {
    /* fixed */
    bool own_endpoint, tls;
    char *host, *base, *region;
    /* under cove__lock */
    struct cove__object_known *next;
    unsigned refs;                               /* filesystems */
    struct cove__virtual_directory *directories; /* sorted by path */
    size_t n_directories, cap_directories;
    size_t directories_size; /* bytes of their paths */
    uint64_t now;            /* a logical clock: grows with each promise, and with each end of one */
    char *buckets[COVE__OBJECT_BUCKETS_MAX];
    size_t n_buckets;
};

/* What the store can: cove__object_can. */
struct s3_capabilities {
    /* fixed after open */
    unsigned char set[COVE__N_CAPABILITIES]; /* enum cove__can, by options */
    bool look_only;                          /* conditions are looked at before the write, and never sent */
    bool no_sums;
    /* told by any thread, once */
    _Atomic(const struct s3_store *) store;
    atomic_bool met; /* the store is known, or will not be */
    atomic_uchar learned[COVE__N_CAPABILITIES];
};

struct cove__s3 {
    /* fixed after open */
    struct s3_options o;
    struct s3_extra extra;
    struct cove__http *http;
    struct cove__provider *provider; /* of the keys that sign; NULL where nothing is signed */
    bool own_endpoint; /* not AWS's own: then `host` is its authority and `base` what stands before the bucket */
    bool tls, sign_payload;
    struct s3_endpoint_rules rules; /* of addresses; its strings are those below */
    char *host, *base;
    char *region;
    bool no_sessions; /* directory buckets' requests are signed with the filesystem's own keys */
    struct s3_capabilities traits;
    struct cove__object_known *known; /* held */
    /* under cove__lock */
    struct cove__sigv4_cache signing;
    int64_t clock_skew_ns; /* the store's clock less ours */
    struct s3_region regions[S3_REGIONS_MAX];
    size_t n_regions;
    struct s3_session *sessions[S3_SESSIONS_MAX];
    size_t n_sessions;
    uint64_t session_uses; /* a clock that tells which session was used last */
};

/* ---- s3_path.c: pure ---- */

struct cove__object_name {
    struct cove__slice bucket, key; /* key: empty for the bucket itself */
    struct cove__slice version;     /* of the object; empty: the latest */
};

int cove__s3_parse(const char *url_or_path, char **ret_path, struct cove_error *err);
struct cove__object_name cove__object_split(const char *path);
/* The same of a path that may end in "?versionId=ID", where the option version_aware has it so. */
struct cove__object_name cove__object_locate(const struct cove__s3 *s3, const char *path);
/* The same of a path that must name an object. COVE_EISDIR: a bucket; COVE_EINVAL, of one that is to be `changed`: a
 * version, which stays as it is. */
int cove__object_name_of(const struct cove__s3 *s3, const char *path, bool changed, const struct cove__ctx *ctx,
                         struct cove__object_name *ret, struct cove_error *err);
/* The prefix below which the entries of a directory are: "" for the bucket, else the key with one slash at its end. */
int cove__object_prefix(struct cove__slice key, struct cove__buf *out);
/* A directory's path without the slash that a user may write at its end; owned. */
char *cove__object_trim_slash(const char *path);
int cove__s3_query(struct cove__buf *query, const char *name,
                   struct cove__slice value);              /* adds "&name=value", encoded */
int64_t cove__object_date(struct cove__slice text);        /* of XML: -1 where it is none */
int64_t cove__object_number(struct cove__slice text);      /* of XML: a size; -1 if it is not a number */
int cove__object_flag(struct cove__slice text, bool *ret); /* of XML: "true" or "false"; else COVE_EPROTOCOL */
void cove__object_text(struct cove__slice text, char *ret, size_t size); /* of XML; "" where it does not fit */
/* An ETag with its quotes (RFC 9110, section 8.8.3), which some stores leave out in listings. */
void cove__object_etag(struct cove__slice text, char *ret, size_t size);
/* What to send as a condition: a weak ETag never holds there (section 13.1.1). BORROWED from `etag`. */
const char *cove__object_strong_etag(const char *etag);
/* Whether both are of one object; a compressing proxy makes ETags weak (RFC 9110, section 8.8.3.2). */
bool cove__object_same_version(const char *a, const char *b);

/* ---- s3_request.c ---- */

/* A HEAD that is refused by 400 alone says nothing: it may be an expired token, another region, a header. Once, a GET
 * of the first byte takes its place, whose reply has a body. */
enum s3_head_reason { S3_REASON_UNKNOWN, S3_REASON_ASKING, S3_REASON_ASKED };

enum cove__checksum_kind { COVE__CHECKSUM_NONE, COVE__CHECKSUM_CRC32C, COVE__CHECKSUM_MD5 };

/* One request to the store. Zeroed, then cove__object_request_init. */
struct cove__object_request {
    struct cove__http_request http; /* first */
    struct cove__s3 *s3;
    struct cove__object_name name; /* BORROWED */
    struct cove__buf query;        /* "a=b&c", encoded */
    struct cove__buf extra;        /* "Name: value\n" lines, sent and signed */
    bool hash_payload;             /* the body's SHA-256 is sent whatever the mode: DeleteObjects and small bodies */
    const char *known_hash;        /* BORROWED until the body is set: its SHA-256, where the caller has it */
    /* Checksums: added to each attempt, and given up where the store refuses them, for MD5 in their place. */
    enum cove__checksum_kind sum; /* of the body: COVE__CHECKSUM_CRC32C while `crc32c` is sent */
    uint32_t crc32c;
    char md5[25];       /* sent unless empty */
    bool asks_sum;      /* the object's is wanted */
    bool announces_sum; /* of an upload's begin: the parts will have some */
    bool sum_refused;
    bool error_in_200;       /* a 200 may hold an <Error> */
    bool whole_bucket;       /* it is made or removed */
    bool own_keys;           /* Amazon takes no session for it, even at a directory bucket */
    enum s3_head_reason why; /* of a HEAD */
    char payload_hash[65];
    /* More to look at in a 2xx reply: 0, or an error (set with cove__object_fail); COVE_EPROTOCOL and COVE_ECORRUPT are
     * tried again. */
    int (*accept)(struct cove__object_request *r, struct cove_error *err);
    /* A read's: the lines of its own that an attempt needs, and what of a broken reply stays (http.keep). May be NULL.
     */
    void (*lines)(struct cove__object_request *r, struct cove__buf *headers);
    int64_t (*keep)(struct cove__object_request *r);
    void (*done)(
        struct cove__object_request *r); /* asynchronous: takes the request over; NULL: run by cove__object_run */
    void *user;
    /* what cove__object_probe_request asked, and what the reply says */
    struct {
        struct cove__slice key;
        bool any;
        bool object; /* `key` ends in a slash, and is an object with bytes: no directory marker */
    } below;
    /* of the last reply */
    char code[64];              /* the store's word for an error; "" for none */
    unsigned refusals;          /* of all replies: those that say that nothing was done */
    char region[64];            /* that the attempt was signed for */
    bool fixed_region;          /* the bucket's text tells it */
    struct s3_session *session; /* that signs; NULL: the filesystem's own keys. Held until the request is done */
    struct cove__credentials_use keys;
};

void cove__object_request_init(struct cove__object_request *r, struct cove__s3 *s3, const char *method,
                               struct cove__object_name name, const struct cove__ctx *ctx);
void cove__object_request_done(struct cove__object_request *r);
bool cove__object_is_head(const struct cove__object_request *r); /* also while it asks by GET why it is refused */
/* A body that is sent, with its CRC32C where the options have it so. */
/* Asks for the store's checksum; what it said of the whole object: false where it said nothing of the kind. */
void cove__object_want_checksum(struct cove__object_request *r);
bool cove__object_reply_crc32c(const struct cove__object_request *r, uint32_t *ret);
void cove__object_body(struct cove__object_request *r, struct cove__slice body, enum cove__checksum_kind sum);
void cove__object_header(struct cove__object_request *r, const char *name, const char *format, ...) COVE_PRINTF(3, 4);
void cove__object_start(struct cove__object_request *r);                               /* ends in `done` */
void cove__object_start_in(struct cove__object_request *r, struct cove__inbox *inbox); /* ends in the inbox */
int cove__object_run(struct cove__object_request *r, struct cove_error *err);          /* waits */
bool cove__object_reply_header(const struct cove__object_request *r, const char *name, char out[COVE__HEADER_MAX]);
/* The ETag of the reply, with its quotes; false, and "": there is none. */
bool cove__object_reply_version(const struct cove__object_request *r, char out[COVE__HEADER_MAX]);
int64_t cove__object_reply_number(const struct cove__object_request *r, const char *name); /* -1: missing or invalid */
int64_t
cove__object_reply_time(const struct cove__object_request *r); /* the store's time: the Date header, else an estimate */
/* For `accept`, of requests whose replies have no body: a reply with one comes from a proxy. COVE_EPROTOCOL. */
int cove__object_accept_empty(struct cove__object_request *r, struct cove_error *err);

/* Where a request goes now, and who signs it. */
struct s3_target {
    struct s3_address to;
    struct cove__buf path;                 /* the URL's, as it is signed */
    struct cove__credentials *credentials; /* NULL: nothing is signed */
};
/* 0; COVE__HTTP_LATER, after the request has been put among those that wait for keys, or with `wait` false in place of
 * that; or an error. Done in each case. */
int cove__s3_target_of(struct cove__object_request *r, bool wait, struct s3_target *ret, struct cove_error *err);
void cove__s3_target_done(struct s3_target *aim);
/* For the signature; BORROWED from both. */
struct cove__sigv4_request cove__s3_to_sign(const struct cove__object_request *r, const struct s3_target *aim);
struct cove__sigv4_cache *cove__s3_signing(struct cove__object_request *r);

/* ---- s3_session.c: the keys of directory buckets ---- */

struct s3_session {
    struct cove__provider *provider;
    /* under cove__lock */
    struct cove__sigv4_cache signing;
    unsigned refs; /* requests that hold it */
    uint64_t used;
    char bucket[64];
};
/* The bucket's session, held; its keys are fetched by the first who asks the provider. COVE_ENOMEM, COVE_ELIMIT. */
int cove__s3_session_get(struct cove__s3 *s3, struct cove__slice bucket, struct s3_session **ret,
                         struct cove_error *err);
void cove__s3_session_put(struct s3_session *session); /* NULL accepted */
void cove__s3_sessions_free(struct cove__s3 *s3);      /* no request may be under way */

/* ---- s3_headers.c: what an object carries beside its bytes ---- */

/* The next of "Name: value\n" lines, which then are those behind it; false: there is none. */
bool cove__object_next_header(struct cove__slice *lines, struct cove__slice *ret_name, struct cove__slice *ret_value);
/* What the reply to a HEAD tells, into an info that is otherwise filled in: version, class, type and metadata. 0,
 * COVE_ENOMEM, COVE_ELIMIT. */
int cove__object_read_properties(const struct cove__object_request *r, struct cove_info *info);
/* The lines that an object made in this one's place must carry over: its content type and the like, and the user's
 * metadata. Not those that the options set anyway. */
int cove__object_keep_metadata(const struct cove__object_request *head, struct cove__buf *out);
/* The same for the object itself under other metadata: `pairs`, of which those without a value go. */
int cove__object_change_metadata(const struct cove__object_request *head, const struct cove_pair *pairs, size_t n,
                                 struct cove__buf *out);
/* Properties of a new object: those of the options, and what `put` (NULL: nothing) says. */
void cove__object_describe(struct cove__object_request *r, const struct cove__put *put);

/* ---- s3_error.c ---- */

/* "op URL: text" for this request's operation. Returns `code`. */
int cove__object_fail(const struct cove__object_request *r, struct cove_error *err, int code, const char *format, ...)
    COVE_PRINTF(4, 5);
/* From a reply that is an error (its body, or a 200 with one): fills err and r->code; true: worth another attempt. The
 * message of a refused key says where it was found. */
bool cove__s3_classify(struct cove__object_request *r, struct cove_error *err);
/* A 2xx reply that ought to be XML: "WHAT cannot be read: why". Returns `rc`, the parser's. */
int cove__object_unreadable(const struct cove__object_request *r, struct cove_error *err, int rc, const char *what);
/* The version that was asked for is the mark of a deletion. */
bool cove__s3_is_delete_marker(const struct cove__object_request *r);
/* What an <Error> says. Fields that are missing are "". */
struct s3_error_body {
    char code[64], message[256], region[64], endpoint[256];
    char header[64]; /* that the store does not know */
};
int cove__s3_read_error(struct cove__slice body, struct s3_error_body *ret);
/* Maps a store's error code to cove's: COVE_ESERVER if it is unknown. *ret_retry: worth another attempt. */
int cove__s3_code(const char *name, bool *ret_retry);

/* ---- s3_traits.c ---- */

/* A directory bucket of Amazon's (S3 Express One Zone), which differs as docs/s3-stores.md says. False at any other
 * store, whatever the bucket's name. */
bool cove__s3_is_directory(const struct cove__s3 *s3, struct cove__slice bucket);

/* Once the endpoint is set: the store as far as that or an option tells, and the region to sign for where nobody has
 * named one. */
const struct s3_store *cove__s3_choose_store(struct cove__s3 *s3, char ret_region[64]);
void cove__s3_capabilities_open(struct cove__s3 *s3); /* what the options say of it */
enum cove__can cove__object_can(struct cove__s3 *s3, enum cove__capability trait);
enum cove__checksum_kind cove__object_checksum(struct cove__s3 *s3); /* that bodies are to have */

/* What becomes of a condition of COVE__PUT_CONDITIONS, COVE__UPLOAD_CONDITIONS. */
enum cove__condition_mode {
    COVE__CONDITION_SENT,             /* the store honours it */
    COVE__CONDITION_SENT_AND_CHECKED, /* it may: sent, and looked at by HEAD right before */
    COVE__CONDITION_CHECKED,          /* by HEAD only, which the user asked for */
    COVE__CONDITION_UNSUPPORTED       /* the store has none, and nobody asked for less: cove__object_no_conditions */
};
enum cove__condition_mode cove__object_condition_mode(struct cove__s3 *s3, enum cove__capability trait);
int cove__object_no_conditions(struct cove__s3 *s3, const struct cove__ctx *ctx, struct cove_error *err);

/* After a reply: */
void cove__s3_identify_store(const struct cove__object_request *r);
void cove__object_learn_missing(const struct cove__object_request *r,
                                enum cove__capability trait); /* remembered, unless an option says otherwise */
bool cove__s3_refuses_checksum(const struct cove__object_request *r);
bool cove__s3_refuses_condition(const struct cove__object_request *r);
bool cove__s3_refuses_operation(const struct cove__object_request *r); /* the store has no such request at all */
/* The request's checksums, as headers; by MD5, false where there is none (FIPS); and given up: true, the request is
 * worth another attempt. */
void cove__s3_add_checksums(struct cove__object_request *r, struct cove__buf *headers);
bool cove__s3_use_md5(struct cove__object_request *r);
bool cove__s3_give_up_checksums(struct cove__object_request *r);

/* ---- s3_options.c ---- */

extern const struct cove__option_row cove__s3_option_rows[];
/* Fills both from the user's options, the environment and the JSON options. */
int cove__s3_options_read(const struct cove_options *options, struct s3_options *o, struct s3_extra *extra,
                          struct cove_error *err);

/* ---- s3_known.c: what the process knows of a store ---- */

int cove__object_known_get(struct cove__s3 *s3, struct cove_error *err); /* sets s3->known. COVE_ENOMEM */
void cove__object_known_put(struct cove__object_known *known);           /* NULL accepted */
/* Whether a reply has shown that the bucket is there. */
bool cove__object_bucket_is_known(struct cove__s3 *s3, struct cove__slice bucket);
void cove__object_remember_bucket(struct cove__s3 *s3, struct cove__slice bucket);
void cove__object_forget_bucket(struct cove__s3 *s3, struct cove__slice bucket);

/* ---- s3_directories.c: what mkdir promised ---- */

#define COVE__VIRTUAL_NOW UINT64_MAX

int cove__virtual_make(struct cove__s3 *s3, const char *path); /* `path` and its parents below the bucket */
/* The time, to be taken before a request is sent. */
uint64_t cove__virtual_time(struct cove__s3 *s3);
/* Whether a promise of `path`, or of a directory below it, held at the time `at`. */
bool cove__virtual_exists(struct cove__s3 *s3, const char *path, uint64_t at);
bool cove__virtual_has_children(struct cove__s3 *s3, const char *path); /* now, a directory below it */
bool cove__virtual_existed(struct cove__s3 *s3, const char *path);      /* now or earlier */
/* Ends the promises of the directories above `path`, where something was found. `path` has `length` bytes, bucket and
 * key; with a slash at its end it is a directory, whose promise ends, too. */
void cove__virtual_end(struct cove__s3 *s3, const char *path, size_t length);
void cove__virtual_end_page(struct cove__s3 *s3, const struct cove__page *page);
/* A file of this name was written: forgets the promise of `path`, but not of directories below it. */
void cove__virtual_forget(struct cove__s3 *s3, const char *path, size_t length);
void cove__virtual_forget_tree(struct cove__s3 *s3, const char *path); /* of `path` and below it */
/* Moves the promised directories at and below `from` to `to`. COVE_ENOMEM. */
int cove__virtual_move(struct cove__s3 *s3, const char *from, const char *to);
/* Adds to the page the directories directly below `path`, or with `deep` at any depth, that were promised at the time
 * `at`: those after the key `after` (NULL: from the first) up to `until` (NULL: to the last), in no order, maybe twice.
 * COVE_ENOMEM. */
int cove__virtual_list(struct cove__s3 *s3, const char *path, bool deep, uint64_t at, const char *after,
                       const char *until, struct cove__page *page);

/* ---- the operations: slots of the table, see fs_ops.h ---- */

void cove__s3_stat(void *self, struct cove__io *io);
int cove__s3_list(void *self, const char *path, bool deep, const char *token, const struct cove__ctx *ctx,
                  struct cove__page *ret_page, struct cove_error *err);
bool cove__s3_unordered(void *self, const char *path);
int cove__s3_mkdir(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
/* Checks that the bucket is there, or makes it with the option create_buckets. One request for a bucket that is not
 * known yet. One that may not be listed counts as there. COVE_ENOTFOUND. */
int cove__object_require_bucket(struct cove__s3 *s3, struct cove__object_name name, const struct cove__ctx *ctx,
                                struct cove_error *err);
int cove__s3_remove_tree(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
int cove__s3_rmdir(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
int cove__s3_remove(void *self, const char *const *paths, const char *const *etags, size_t n,
                    const struct cove__ctx *ctx, struct cove_error *err);
int cove__s3_copy(void *self, const char *from, const char *etag, const char *to, const struct cove__ctx *ctx,
                  struct cove_error *err);
int cove__s3_move(void *self, const char *from, const char *to, const struct cove__ctx *ctx, struct cove_error *err);
void cove__s3_read(void *self, struct cove__io *io);
void cove__s3_put(void *self, struct cove__io *io);
void cove__s3_part_rules(void *self, int64_t expected_size, struct cove__part_rules *ret);
int cove__s3_upload_begin(void *self, const char *path, const struct cove__put *put, const struct cove__ctx *ctx,
                          struct cove__upload **ret, struct cove_error *err);
void cove__s3_upload_part(void *self, struct cove__io *io);
void cove__s3_upload_copy_part(void *self, struct cove__io *io);
int cove__s3_upload_finish(void *self, struct cove__upload *upload, const struct cove__ctx *ctx, char **ret_etag,
                           char **ret_version_id, struct cove_error *err);
void cove__s3_upload_abort(void *self, struct cove__upload *upload);
int cove__s3_append_open(void *self, const char *path, bool truncate, const char *etag, const struct cove__ctx *ctx,
                         void **ret_tail, struct cove_error *err);
int cove__s3_append(void *self, void *tail, struct cove__slice data, const struct cove__ctx *ctx, size_t *ret_added,
                    struct cove_error *err);
void cove__s3_append_close(void *self, void *tail);
int cove__s3_versions(void *self, const char *path, const char *token, const struct cove__ctx *ctx,
                      struct cove__page *ret_page, struct cove_error *err);
int cove__s3_tags(void *self, const char *path, const struct cove__ctx *ctx, struct cove_pair **ret, size_t *ret_n,
                  struct cove_error *err);
int cove__s3_set_tags(void *self, const char *path, const struct cove_pair *tags, size_t n, const struct cove__ctx *ctx,
                      struct cove_error *err);
int cove__s3_sign(void *self, const char *path, const char *method, int64_t expires_s, const struct cove__ctx *ctx,
                  char **ret_url, struct cove_error *err);
int cove__s3_set_metadata(void *self, const char *path, const struct cove_pair *pairs, size_t n,
                          const struct cove__ctx *ctx, struct cove_error *err);
int64_t cove__s3_abandoned_uploads(void *self, const char *path, int64_t min_age_s, bool remove, cove_upload_fn each,
                                   void *user, const struct cove__ctx *ctx, struct cove_error *err);

/* ---- shared by operations ---- */

/* HEAD of an object. COVE_ENOTFOUND, … */
struct cove__object_head {
    int64_t size, mtime_ns;
    char etag[COVE__HEADER_MAX], version_id[COVE__HEADER_MAX], write_id[64]; /* "": none */
    bool has_crc32c;                                                         /* of the whole object */
    uint32_t crc32c;
};
int cove__object_head(struct cove__s3 *s3, struct cove__object_name name, const struct cove__ctx *ctx,
                      struct cove__object_head *ret, struct cove_error *err);
/* The same; `kept` gets the lines that cove__object_keep_metadata gives. */
int cove__object_head_metadata(struct cove__s3 *s3, struct cove__object_name name, const struct cove__ctx *ctx,
                               struct cove__object_head *ret, struct cove__buf *kept, struct cove_error *err);
/* The same for a caller's own request: sets it up (including `accept`), and reads its reply. */
void cove__object_head_request(struct cove__object_request *r);
void cove__object_head_response(const struct cove__object_request *r, struct cove__object_head *ret);
/* Asks whether anything is below the prefix `key`, which is BORROWED: sets up a request to the bucket, `accept` too.
 * The answer is in r->below. */
void cove__object_probe_request(struct cove__object_request *r, struct cove__slice key);
/* The same, waited for: 1, 0 or an error. */
int cove__object_any_below(struct cove__s3 *s3, struct cove__object_name name, const struct cove__ctx *ctx,
                           struct cove_error *err);
/* How an operation on one object ended, into `err`: where there is none, a directory may stand there (COVE_EISDIR). */
int cove__object_refine_not_found(struct cove__s3 *s3, struct cove__object_name name, int rc,
                                  const struct cove_error *why, const struct cove__ctx *ctx, struct cove_error *err);
/* Copies the object described by `head` and `kept` (cove__object_head_metadata; NULL if one request can copy its size),
 * unless it has changed: COVE_EPRECONDITION. */
int cove__object_copy_known(struct cove__s3 *s3, struct cove__object_name from, const struct cove__object_head *head,
                            const char *kept, const char *to, const struct cove__ctx *ctx, struct cove_error *err);
/* One page of every key below the prefix of `name`, markers of directories among them. */
int cove__object_list_keys(struct cove__s3 *s3, struct cove__object_name name, const char *token,
                           const struct cove__ctx *ctx, struct cove__page *ret_page, struct cove_error *err);
/* The mark of a write: metadata of the object, by which its writer knows it again after an ambiguous end (a repeated
 * request that is refused because its first attempt had succeeded). */
struct cove__write_mark {
    char write_id[33];
};
void cove__object_mark(struct cove__object_request *r, const struct cove__put *put, struct cove__write_mark *ret);
/* If-Match or If-None-Match, where they are to be sent. `put` may be NULL. */
void cove__object_condition_headers(struct cove__object_request *r, enum cove__condition_mode way,
                                    const struct cove__put *put);
bool cove__object_condition_refused(const struct cove__object_request *r, enum cove_write_if condition);
int cove__object_condition_error(const struct cove__object_request *r, enum cove_write_if condition,
                                 struct cove_error *err);
/* Asks by HEAD whether the condition holds now: COVE_EEXIST, COVE_EPRECONDITION. */
int cove__object_check_condition(struct cove__s3 *s3, struct cove__object_name name, const struct cove__put *put,
                                 const struct cove__ctx *ctx, struct cove_error *err);

#endif
