/*
 * AWS Signature Version 4, by headers or in a URL, with S3's rules (the path is encoded once). Pure but for the cache
 * of derived keys, which is the caller's and guarded by cove__lock.
 */
#ifndef COVE_AUTH_SIGV4_H
#define COVE_AUTH_SIGV4_H

#include <stddef.h>
#include <stdint.h>

#include <cove/error.h>

#include "base/buf.h"
#include "base/slice.h"

#define COVE__SIGV4_UNSIGNED    "UNSIGNED-PAYLOAD"
#define COVE__SIGV4_EMPTY       "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" /* SHA-256 of nothing */
#define COVE__SIGV4_QUERY_MAX   64
#define COVE__SIGV4_HEADERS_MAX 160 /* with 64 pairs of a user's metadata, and as many others */

/* The key that a day's signatures are made with; four HMACs are saved by keeping it. */
struct cove__sigv4_cache {
    char date[9];
    char region[64], service[32];
    char key_id[192];
    uint8_t secret_hash[32]; /* of the secret that it was derived from */
    uint8_t key[32];
};

struct cove__sigv4_request {
    const char *key_id, *secret;
    const char *region, *service;
    const char *method;
    const char *path;         /* percent-encoded, as sent, from the first slash on */
    const char *query;        /* percent-encoded "a=1&b=2", as sent, in any order; "" for none; "a" means "a=" */
    const char *payload_hash; /* hex of SHA-256, or COVE__SIGV4_UNSIGNED */
    int64_t wall_ns;
};

/* Signs all of `headers` ("Name: value\n" lines, with Host and X-Amz-Date among them) and adds the Authorization line
 * to them. `cache` may be NULL. 0, COVE_ENOMEM, COVE_ELIMIT: more query arguments or headers than COVE__SIGV4_…_MAX. */
int cove__sigv4_sign(const struct cove__sigv4_request *r, struct cove__sigv4_cache *cache, struct cove__buf *headers);

/* The same in a URL, for requests that others make until `expires_s` seconds from now: adds to `query` ("a=1" or empty,
 * to be sent behind the path; r->query is ignored) who signs, and the signature. `host` is all that it covers of
 * the headers. `token` (NULL: none) goes along under `token_name`. */
int cove__sigv4_presign(const struct cove__sigv4_request *r, struct cove__sigv4_cache *cache, const char *host,
                        int64_t expires_s, const char *token_name, const char *token, struct cove__buf *query);

/* The canonical request itself, for the tests. `ret_signed` gets the list of signed names. */
int cove__sigv4_canonical(const struct cove__sigv4_request *r, struct cove__slice headers, struct cove__buf *ret,
                          struct cove__buf *ret_signed);

#endif
