/*
 * An object store over HTTP: what all of them share, and the table of what each spells its own way. The engine in this
 * folder decides what is asked, in which order, and what an answer means; a backend (fs/s3) addresses and signs
 * requests, and reads responses. docs/adding-a-store.md has the table for each store.
 */
#ifndef COVE_FS_OBJECT_OBJECT_H
#define COVE_FS_OBJECT_OBJECT_H

#include "fs/fs_ops.h"
#include "fs/object/capability.h"
#include "fs/object/list.h"
#include "fs/object/move.h"
#include "fs/object/name.h"
#include "fs/object/remove.h"
#include "fs/object/request.h"
#include "fs/object/steps.h"

/* What headers the store's objects have, in lower case where a response is searched for them. */
struct cove__object_headers {
    const char *version;       /* of a response: the object's version ("etag") */
    const char *size;          /* of a HEAD's response ("content-length") */
    const char *metadata;      /* how the names of the user's metadata begin ("x-amz-meta-") */
    const char *write_mark;    /* the name, in the user's metadata, of the mark of a write */
    const char *if_match;      /* of a request: only if the object has this version ("If-Match") */
    const char *if_new;        /* of a request, with its value: only if there is no object ("If-None-Match: *") */
    const char *version_id;    /* NULL: none */
    const char *storage_class; /* NULL: none */
    /* What an object keeps beside its description when its metadata change, as a copy would have the bucket's defaults
     * of these; ends with NULL. */
    const char *const *kept; /* NULL: nothing */
};

struct cove__object_upload_ops;
struct cove__object_copy_ops;
struct cove__object_append_ops;

/* A slot without a word of NULL is needed: cove__object_store_init checks it. */
struct cove__object_ops {
    const char *name;         /* of the backend, for the log */
    bool xml;                 /* responses are XML, so that one which is not is known to be somebody else's */
    const char *version_mark; /* what begins a version's id at the end of a path ("?versionId="); NULL: no versions */
    struct cove__object_headers headers;

    /* ---- the store ---- */

    /* What is known of it, apart from options and refusals. Any thread. */
    enum cove__can (*can)(const struct cove__object_store *store, enum cove__capability capability);
    const char *(*product)(const struct cove__object_store *store); /* for messages. NULL: `name` */

    /* ---- each request ---- */

    /* Before an attempt: fills http.url and http.headers, signed; `add_headers` is the engine's, to be called for its
     * lines (cove__object_add_headers). As the hook of net/http: 0, COVE__HTTP_LATER, or an error. */
    int (*prepare)(struct cove__object_request *r, struct cove_error *err);
    void (*request_init)(struct cove__object_request *r); /* fills `state` in, and the version's query. NULL: nothing */
    void (*request_done)(struct cove__object_request *r); /* frees what `state` holds. NULL: nothing */
    /* The body is set: what a signature or checksum needs of it. NULL: nothing. */
    void (*body)(struct cove__object_request *r);
    /* A response is here: what it says of the store. True: *ret_verdict and err are final. NULL: nothing. */
    bool (*response)(struct cove__object_request *r, enum cove__http_verdict *ret_verdict, struct cove_error *err);
    /* Whether a 200 holds an error (r->error_in_200). NULL: never. */
    bool (*holds_error)(const struct cove__object_request *r);
    /* Of a refusal: true: something was learned (a region, that there are no checksums), and the same request is worth
     * another attempt at once. NULL: never. */
    bool (*learns)(struct cove__object_request *r);
    /* Of a refusal: fills err, r->code and r->refusal; true: worth another attempt by the policy. */
    bool (*classify)(struct cove__object_request *r, struct cove_error *err);
    /* Of a request that has failed: the store has no such condition (asked only where one was sent), or no such request
     * at all. NULL: never. */
    bool (*refuses_condition)(const struct cove__object_request *r);
    bool (*refuses_operation)(const struct cove__object_request *r);
    /* After `classify`: the credentials are not valid any more, and there may be others. NULL: never. */
    bool (*credentials_refused)(struct cove__object_request *r);

    /* ---- listings: list.h ---- */

    unsigned list_page_max; /* entries of one page at most */
    /* Fills `query` and, where it needs them, headers of a GET of the bucket; replaces an earlier query. */
    void (*list_request)(struct cove__object_request *r, const struct cove__object_list_query *query);
    /* Reads a good response into the page. 0; COVE_EPROTOCOL: it cannot be read; COVE_ELIMIT, COVE_ENOMEM. */
    int (*list_response)(const struct cove__object_request *r, struct cove__object_page_reader *page);
    /* The same of all buckets; `token`: NULL for the first page. No request: a GET of no bucket is all. NULL response:
     * there is no such list. */
    void (*buckets_request)(struct cove__object_request *r, const char *token);
    int (*buckets_response)(const struct cove__object_request *r, struct cove__object_page_reader *page);
    /* The pages of this bucket's listings come in no order of keys, and what is removed may end a listing's token.
     * NULL: never. */
    bool (*is_unordered)(const struct cove__object_store *store, struct cove__slice bucket);

    /* ---- buckets ---- */

    /* Complete the PUT that makes the bucket, whose body is empty unless it is filled here, and the DELETE that removes
     * it. NULL: nothing to add. */
    void (*make_bucket_request)(struct cove__object_request *r, struct cove__buf *body);
    void (*remove_bucket_request)(struct cove__object_request *r);

    /* ---- removals and moves: remove.h, move.h, steps.h ---- */

    /* Of the store's good response to a DELETE of an object; after any other 2xx, as a proxy may give, a HEAD tells
     * whether the object is gone. 0: any 2xx is the store's. */
    int deleted_status;
    void (*delete_request)(struct cove__object_request *r); /* completes that DELETE. NULL: nothing to add */
    const struct cove__object_batch_ops *batch;             /* NULL: objects are deleted one by one */
    /* The request's name is the directory, `arg` is NULL. NULL, or refused as unknown: keys are listed and deleted. */
    const struct cove__object_steps *remove_tree;
    /* Moves inside of one bucket: the request's name is the target, `arg` a struct cove__object_move. NULL, or refused
     * as unknown: objects are copied and then deleted, directories moved key by key. */
    const struct cove__object_steps *move_object, *move_directory;

    /* ---- one object ---- */

    /* The version that was asked for only says that the object was deleted. NULL: never. */
    bool (*is_delete_marker)(const struct cove__object_request *r);
    /* The checksum of the whole object that the response gives; false, or NULL: none. */
    bool (*response_crc32c)(const struct cove__object_request *r, uint32_t *ret);

    /* ---- groups. NULL: COVE_ENOTSUP; a backend leaves out the slots of struct cove__fs_ops that need them ---- */

    const struct cove__object_upload_ops *upload; /* upload.h */
    size_t put_max;                               /* needed without `upload`: bytes of one object at most */
    const struct cove__object_copy_ops *copy;     /* copy.h; objects over its max_size need `upload`, too */
    const struct cove__object_append_ops *append; /* append.h; large objects need both */
};

/* Headers made from options, "Name: value\n" lines, for requests that make an object, and for those that read one or
 * send a part. */
struct cove__object_extra {
    struct cove__buf create; /* put, begin of an upload, copy */
    struct cove__buf each;   /* with a customer's key: also parts and reads */
};

/* The first member of each backend's own. */
struct cove__object_store {
    /* fixed after open */
    const struct cove__object_ops *ops;
    struct cove__http *http;
    struct cove__object_extra extra;
    bool version_aware;               /* paths may end in a version */
    bool create_buckets;              /* mkdir of a directory makes a missing bucket */
    int64_t block_size;               /* bytes of the first parts of an upload */
    int64_t max_concurrency;          /* parts or ranges of one file under way at once */
    int64_t copy_part_threshold;      /* bytes: larger objects are copied in parts; 0: those that need it */
    struct cove__object_known *known; /* held */
    struct cove__capabilities capabilities;
    /* under cove__lock */
    int64_t clock_skew_ns; /* the store's clock less ours */
};

/* Asserts that the table has what it needs: the first test of a backend fails with the slot's name. */
void cove__object_store_init(struct cove__object_store *store, const struct cove__object_ops *ops);
void cove__object_store_done(struct cove__object_store *store);
/* Now, by the store's clock as far as it is known; ns since 1970. */
int64_t cove__object_now(const struct cove__object_store *store);
/* For `prepare`: the lines of the operation, and those of this attempt. */
void cove__object_add_headers(struct cove__object_request *r, struct cove__buf *headers);

/* The backend's own part of a request, zeroed when the request begins. */
#define cove__object_state(r, type)                                                                                    \
    ((void)sizeof(char[sizeof(type) <= COVE__OBJECT_STATE_MAX ? 1 : -1]), (type *)(void *)(r)->state)

#endif
