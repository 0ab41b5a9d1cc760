/*
 * The inside of the S3 backend: what a filesystem of s3:// knows. The operations are the engine's (fs/object); here is
 * what is special to S3. s3.c opens and closes; s3_options.c has the table of options, s3_path.c URLs, s3_endpoint.c
 * addresses, s3_request.c signed requests, s3_session.c sessions of directory buckets, s3_error.c error codes,
 * s3_stores.c and s3_capabilities.c what a store of S3's protocol can do.
 */
#ifndef COVE_FS_S3_H
#define COVE_FS_S3_H

#include <stdatomic.h>

#include "auth/provider.h"
#include "auth/sigv4.h"
#include "fs/object/client.h"
#include "fs/object/operations.h"
#include "fs/s3/s3_endpoint.h"

#define S3_PART_MIN     ((size_t)5 << 20)
#define S3_PART_MAX     ((size_t)5 << 30)
#define S3_PARTS_MAX    10000u
#define S3_DELETE_MAX   1000u
#define S3_LIST_PAGE    1000u
#define S3_REGIONS_MAX  256
#define S3_SESSIONS_MAX 100 /* directory buckets with a session at once */

/* As a user gives them; the table is in s3_options.c. */
struct s3_options {
    char *key, *secret, *token, *username, *password;
    int anon;
    char *profile;
    char *endpoint_url, *region, *region_name;
    char *addressing_style;
    int dual_stack, fips, accelerate, arn_region, no_sessions; /* 1, 0, or -1: not said */
    int requester_pays, version_aware;
    int64_t block_size, max_concurrency, max_parts;
    char *store;
    char *payload_signing, *checksum;
    /* 1, 0, or -1: by what the store can */
    int fixed_upload_size, conditional_writes, conditional_copies, conditional_deletes, part_copy, batch_delete;
    int64_t copy_part_threshold;
    struct cove__client_options client;
    char *client_kwargs, *config_kwargs, *additional_kwargs;
    int create_buckets;
};

struct s3_region {
    char *bucket, *region;
};

struct s3_session;
struct s3_store;

struct cove__s3 {
    struct cove__object_store store; /* first */
    /* fixed after open */
    struct s3_options o;
    struct cove__provider *provider; /* of the keys that sign; NULL where nothing is signed */
    bool own_endpoint; /* not AWS's own: then `host` is its authority and `base` what stands before the bucket */
    bool tls, sign_payload;
    struct s3_endpoint_rules rules; /* of addresses; its strings are those below */
    char *host, *base;
    char *region;
    bool no_sessions; /* directory buckets' requests are signed with the filesystem's own keys */
    /* set by any thread, once */
    _Atomic(const struct s3_store *) product; /* which store it is, as far as that is known: s3_stores.h */
    atomic_bool identified;                   /* the product is known, or will not be */
    /* under cove__lock */
    struct cove__sigv4_cache signing;
    struct s3_region regions[S3_REGIONS_MAX];
    size_t n_regions;
    struct s3_session *sessions[S3_SESSIONS_MAX];
    size_t n_sessions;
    uint64_t session_uses; /* a clock: the largest was used last */
};

extern const struct cove__object_ops cove__s3_object_ops; /* s3.c */

int cove__s3_parse(const char *url_or_path, char **ret_path, struct cove_error *err); /* s3_path.c; pure */

/* A directory bucket of Amazon's (S3 Express One Zone), which differs as described in docs/s3-stores.md. False at any
 * other store, whatever the bucket's name. */
bool cove__s3_is_directory(const struct cove__object_store *store, struct cove__slice bucket);

/* ---- s3_session.c: the keys of directory buckets ---- */

struct s3_session {
    struct cove__provider *provider;
    /* under cove__lock */
    struct cove__sigv4_cache signing;
    unsigned refs; /* requests that hold it */
    uint64_t used;
    char bucket[64];
};
/* The bucket's session, held; the first request that asks the provider fetches its keys. COVE_ENOMEM, COVE_ELIMIT. */
int cove__s3_session_get(struct cove__s3 *s3, struct cove__slice bucket, struct s3_session **ret,
                         struct cove_error *err);
void cove__s3_session_put(struct s3_session *session); /* NULL accepted */
void cove__s3_sessions_free(struct cove__s3 *s3);      /* no request may be under way */

/* ---- s3_error.c ---- */

/* The version that was asked for is the mark of a deletion. */
bool cove__s3_is_delete_marker(const struct cove__object_request *r);
/* The fields of an <Error>. Fields that are missing are "". */
struct s3_error_body {
    char code[64], message[256], region[64], endpoint[256];
    char header[64]; /* that the store does not know */
    char bucket[64];
};
int cove__s3_read_error(struct cove__slice body, struct s3_error_body *ret);
/* Maps a store's error code to cove's: COVE_ESERVER if it is unknown. *ret_retry: worth another attempt. */
int cove__s3_code(const char *name, bool *ret_retry);
enum cove__object_refusal cove__s3_refusal(const char *code);

/* ---- s3_options.c ---- */

extern const struct cove__option_row cove__s3_option_rows[];
/* Fills both from the user's options, the environment and the JSON options. */
int cove__s3_options_read(const struct cove_options *options, struct s3_options *o, struct cove__object_extra *extra,
                          struct cove_error *err);

/* ---- slots of struct cove__fs_ops ---- */

int cove__s3_versions(void *self, const char *path, const char *token, const struct cove__ctx *ctx,
                      struct cove__page *ret_page, struct cove_error *err);
int cove__s3_versions_below(void *self, const char *path, const char *token, const struct cove__ctx *ctx,
                            struct cove__page *ret_page, struct cove_error *err);
int cove__s3_tags(void *self, const char *path, const struct cove__ctx *ctx, struct cove_pair **ret, size_t *ret_n,
                  struct cove_error *err);
int cove__s3_set_tags(void *self, const char *path, const struct cove_pair *tags, size_t n, const struct cove__ctx *ctx,
                      struct cove_error *err);
int cove__s3_presign(void *self, const char *path, const char *method, int64_t expires_s, const struct cove__ctx *ctx,
                     char **ret_url, struct cove_error *err);

#endif
