/* A request's own of S3, and who signs it: for the files that address and sign requests. */
#ifndef COVE_FS_S3_REQUEST_H
#define COVE_FS_S3_REQUEST_H

#include "auth/aws_credentials.h"
#include "auth/sigv4.h"
#include "fs/s3/s3.h"
#include "fs/s3/s3_endpoint.h"

/* A HEAD that is refused by 400 or 403 alone gives no reason: it may be an expired token, another region, a header.
 * Once, a GET of the first byte takes its place, whose response has a body. */
enum s3_head_reason { S3_REASON_UNKNOWN, S3_REASON_ASKING, S3_REASON_ASKED };

struct s3_state {
    struct s3_session *session; /* that signs; NULL: the filesystem's own keys. Held until the request is done */
    struct cove__credentials_use keys;
    char region[64];            /* that the attempt was signed for */
    bool fixed_region;          /* the bucket's text has it */
    bool own_keys;              /* Amazon takes no session for it, even at a directory bucket */
    enum s3_head_reason reason; /* of a HEAD */
    struct cove__slice source;  /* of a copy: its bucket, BORROWED for the request's time */
    char payload_hash[65];
};

static inline struct s3_state *cove__s3_state(const struct cove__object_request *r)
{
    return cove__object_state(r, struct s3_state);
}

static inline struct cove__s3 *cove__s3_of(const struct cove__object_request *r)
{
    return (struct cove__s3 *)r->store;
}

/* Where a request goes now, and who signs it. */
struct s3_target {
    struct s3_address to;
    struct cove__buf path;                 /* the URL's, as it is signed */
    struct cove__credentials *credentials; /* NULL: nothing is signed */
};
/* 0; COVE__HTTP_LATER, after the request has been put among those that wait for keys, or with `wait` false in place of
 * that; COVE__CREDENTIALS_UNCHANGED; or an error. Done in each case. */
int cove__s3_target_of(struct cove__object_request *r, bool wait, struct s3_target *ret, struct cove_error *err);
void cove__s3_target_done(struct s3_target *target);
/* For the signature; BORROWED from both. */
struct cove__sigv4_request cove__s3_to_sign(const struct cove__object_request *r, const struct s3_target *target);
struct cove__sigv4_cache *cove__s3_signing(struct cove__object_request *r);

/* ---- struct cove__object_ops ---- */

int cove__s3_prepare(struct cove__object_request *r, struct cove_error *err);
void cove__s3_request_init(struct cove__object_request *r);
void cove__s3_request_done(struct cove__object_request *r);
void cove__s3_body(struct cove__object_request *r);
bool cove__s3_response(struct cove__object_request *r, enum cove__http_verdict *ret_verdict, struct cove_error *err);
bool cove__s3_holds_error(const struct cove__object_request *r);
bool cove__s3_learns(struct cove__object_request *r);
bool cove__s3_classify(struct cove__object_request *r, struct cove_error *err); /* s3_error.c */
bool cove__s3_credentials_refused(struct cove__object_request *r);

#endif
