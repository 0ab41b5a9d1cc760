/*
 * One request to an object store. An operation fills it in, request.c runs it on net/http; the backend addresses and
 * signs each attempt, and classifies each response (struct cove__object_ops).
 */
#ifndef COVE_FS_OBJECT_REQUEST_H
#define COVE_FS_OBJECT_REQUEST_H

#include <stdalign.h>

#include "base/call.h"
#include "fs/object/capability.h"
#include "fs/object/name.h"
#include "fs/paging.h"
#include "net/http.h"

#define COVE__HEADER_MAX 512 /* bytes of a header's value that are read */
#define COVE__OBJECT_RESPONSE_MAX                                                                                      \
    ((size_t)16 << 20) /* of a page of a listing: an encoded key takes up to 3,072 bytes */
#define COVE__OBJECT_STATE_MAX 256

/* What a successful request shows of its object: the directories above it exist by it (virtual.h). */
enum cove__object_effect {
    COVE__EFFECT_NONE,
    COVE__EFFECT_SEEN, /* there is such an object */
    COVE__EFFECT_MADE  /* the request has made it */
};

/* The reason for a refusal, as far as operations react differently to it. Set by the backend's `classify`. */
enum cove__object_refusal {
    COVE__REFUSED_OTHER,
    COVE__REFUSED_ACCESS,
    COVE__REFUSED_NO_BUCKET,
    COVE__REFUSED_NO_OBJECT,
    COVE__REFUSED_NO_UPLOAD, /* it was finished, aborted or removed */
    COVE__REFUSED_NO_PART,   /* the store does not have a part of the upload */
    COVE__REFUSED_TOO_LARGE, /* for one request */
    COVE__REFUSED_BUCKET_IS_OURS,
    COVE__REFUSED_BUCKET_NOT_EMPTY,
    COVE__REFUSED_BY_ANOTHER /* it is not the store that has answered; set by response.c */
};

/* Zeroed, then cove__object_request_init. */
struct cove__object_request {
    struct cove__http_request http; /* first */
    struct cove__object_store *store;
    struct cove__object_name name; /* BORROWED */
    struct cove__buf query;        /* "a=b&c", encoded */
    struct cove__buf extra;        /* "Name: value\n" lines, sent and signed */
    bool is_head;                  /* its responses have no body, so a refusal has no reason */
    bool whole_bucket;             /* it is made or removed */
    bool conditional;              /* it has a condition, which may have been refused */
    bool attempt_conditional;      /* the same of this attempt alone */
    bool error_in_200;             /* a 200 may hold an error */
    /* An attempt that may have been done ends it: the caller looks before it sends another (unanswered.h). */
    bool looks_before_repeat;
    int good_status; /* also a success, beside 200 to 299; 0: none */
    /* BORROWED: where it is sent, without credentials, in place of the name's address: the URL is the right to write.
     * NULL: to the name. */
    const char *secret_url;
    enum cove__object_effect effect;
    /* The body: whether a signature must cover it whatever the options say (small bodies); BORROWED until the body is
     * set: its SHA-256 as 64 hex digits, and its CRC-64/NVME, where the caller has them. */
    bool sign_body;
    const char *body_sha256;
    const uint64_t *body_crc64;
    /* Checksums: sent with each attempt; where the store refuses them, the backend may send another kind. */
    enum cove__checksum_kind checksum; /* of the body: COVE__CHECKSUM_CRC32C while `crc32c` is sent */
    uint32_t crc32c;
    char md5[25];             /* base64; sent unless empty */
    bool wants_checksum;      /* the object's is asked for */
    bool announces_checksums; /* of an upload's begin: the parts will have some */
    bool checksum_refused;
    /* More to check in a 2xx response: 0, or an error (set with cove__object_fail); COVE_EPROTOCOL and COVE_ECORRUPT
     * are tried again. With `again` set, the request has a new query, and is sent at once: COVE__HTTP_AGAIN. With
     * `continues` set, the response was good, and the request's next step follows: COVE__HTTP_CONTINUE. */
    int (*accept)(struct cove__object_request *r, struct cove_error *err);
    bool again, continues;
    /* Before each attempt, where they differ: writes query, headers (`extra`) and body again. May be NULL. */
    void (*renew)(struct cove__object_request *r);
    /* A read's: headers that change from attempt to attempt, and how much of a broken response stays (http.keep). May
     * be NULL. */
    void (*add_headers)(struct cove__object_request *r, struct cove__buf *headers);
    int64_t (*keep)(struct cove__object_request *r);
    void (*done)(struct cove__object_request *r); /* asynchronous: takes the request over; NULL: run by
                                                     cove__object_run */
    void *user;
    /* what cove__object_probe_request requests, and the response's outcome */
    struct {
        struct cove__slice key;
        struct cove__paging paging;
        bool any;
        bool object; /* `key` ends in a slash, and is an object with bytes: no directory marker */
    } probe;
    /* of the last response */
    char code[64]; /* the store's own code of an error; "" for none */
    enum cove__object_refusal refusal;
    unsigned refusals; /* of all responses: those after which nothing was done */
    /* the backend's own: cove__object_state */
    alignas(max_align_t) unsigned char state[COVE__OBJECT_STATE_MAX];
};

void cove__object_request_init(struct cove__object_request *r, struct cove__object_store *store, const char *method,
                               struct cove__object_name name, const struct cove__ctx *ctx);
void cove__object_request_done(struct cove__object_request *r);
/* 0; or why its query or headers are not whole, so that a condition or a version may be missing: COVE_ENOMEM, … */
int cove__object_request_rc(const struct cove__object_request *r);
void cove__object_header(struct cove__object_request *r, const char *name, const char *format, ...) COVE_PRINTF(3, 4);
/* A body that is sent, with its checksum. */
void cove__object_body(struct cove__object_request *r, struct cove__slice body, enum cove__checksum_kind checksum);
/* The same; `crc32c` is of the body, NULL: it is not known yet. */
void cove__object_body_summed(struct cove__object_request *r, struct cove__slice body,
                              enum cove__checksum_kind checksum, const uint32_t *crc32c);
/* Of a request that has ended in an error: an attempt went out and was not refused, so what it asked for may be done.
 */
bool cove__object_may_be_done(const struct cove__object_request *r);
/* Sets r->md5; false where there is no MD5 (FIPS). */
bool cove__object_use_md5(struct cove__object_request *r);
/* Of a request that has failed: the store has no such request. */
bool cove__object_refuses_operation(const struct cove__object_request *r);
void cove__object_start(struct cove__object_request *r);                               /* ends in `done` */
void cove__object_start_in(struct cove__object_request *r, struct cove__inbox *inbox); /* ends in the inbox */
int cove__object_run(struct cove__object_request *r, struct cove_error *err);          /* waits */

/* ---- of the last response ---- */

bool cove__object_response_header(const struct cove__object_request *r, const char *name, char out[COVE__HEADER_MAX]);
/* The object's version: an ETag with its quotes, or a generation; false, and "": there is none. */
bool cove__object_response_version(const struct cove__object_request *r, char out[COVE__HEADER_MAX]);
int64_t cove__object_response_number(const struct cove__object_request *r,
                                     const char *name);                   /* -1: missing or invalid */
int64_t cove__object_response_time(const struct cove__object_request *r); /* the Date header, in ns; -1: none */
/* For `accept`, of requests whose responses have no body: a response with one comes from a proxy. COVE_EPROTOCOL. */
int cove__object_accept_empty(struct cove__object_request *r, struct cove_error *err);
/* "op URL: text" for this request's operation, with the store's code of the last response. Returns `code`. */
int cove__object_fail(const struct cove__object_request *r, struct cove_error *err, int code, const char *format, ...)
    COVE_PRINTF(4, 5);
/* The last response's error: its status, and the store's code. `err` may be NULL. */
void cove__object_error_response(const struct cove__object_request *r, struct cove_error *err);
/* Whether advice to make the missing bucket fits the operation. A caller that writes may want to make the bucket. Any
 * other expects it to exist: its name, or the endpoint, is wrong. */
bool cove__object_may_make_bucket(const struct cove__object_request *r);
/* Of a refusal that `classify` has found no code in: where a proxy, a gateway or a web server at a mistyped endpoint
 * has sent it, the error is about that, and r->refusal is COVE__REFUSED_BY_ANOTHER. */
void cove__object_look_for_another(struct cove__object_request *r, struct cove_error *err);
/* A 2xx response that is malformed: "WHAT cannot be read: why". Returns `rc`, the parser's. */
int cove__object_unreadable(const struct cove__object_request *r, struct cove_error *err, int rc, const char *what);

#endif
