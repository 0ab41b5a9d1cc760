/*
 * An object store over HTTP: what all of them share, and the table of requests and responses that each store defines.
 * The engine in this folder decides which requests are sent, in which order, and what a response means; a backend
 * (fs/s3) addresses and signs requests, and reads responses. docs/adding-a-store.md has the table for each store.
 */
#ifndef COVE_FS_OBJECT_OBJECT_H
#define COVE_FS_OBJECT_OBJECT_H

#include <stdatomic.h>

#include "fs/fs_ops.h"
#include "fs/object/capability.h"
#include "fs/object/cleanup.h"
#include "fs/object/foreign.h"
#include "fs/object/list.h"
#include "fs/object/move.h"
#include "fs/object/name.h"
#include "fs/object/real.h"
#include "fs/object/remove.h"
#include "fs/object/request.h"
#include "fs/object/steps.h"

/* What headers the store's objects have, in lower case where a response is searched for them. */
struct cove__object_headers {
    const char *version;       /* of a response: the object's version ("etag") */
    const char *size;          /* of a HEAD's response ("content-length") */
    const char *made_size;     /* of the response to a write: the new object's size. NULL: none */
    const char *metadata;      /* how the names of the user's metadata begin ("x-amz-meta-") */
    bool keeps_case;           /* names of the user's metadata come back as they were set; else in lower case */
    const char *write_mark;    /* the name, in the user's metadata, of the mark of a write */
    const char *if_match;      /* of a request: only if the object has this version ("If-Match") */
    const char *if_new;        /* of a request, with its value: only if there is no object ("If-None-Match: *") */
    const char *version_id;    /* NULL: none */
    const char *created;       /* NULL: none */
    const char *storage_class; /* NULL: none */
    /* What else belongs to an object's description, which its successor gets; ends with NULL. Its storage class, where
     * it is among these, goes before the option's, as what is composed has to be of one class. */
    const char *const *described; /* NULL: nothing */
    /* What an object keeps beside its description when its metadata change, as a copy would have the bucket's defaults
     * of these; ends with NULL. */
    const char *const *kept; /* NULL: nothing */
    /* The Cache-Control of a new object of this name, where neither an option nor its writer gives one. Static. NULL,
     * and returned NULL: none. */
    const char *(*cache_control)(struct cove__slice key);
    /* What a stat shows beside its own fields (cove_info_header), in lower case; ends with NULL. */
    const char *const *shown; /* NULL: nothing */
};

struct cove__object_upload_ops;
struct cove__object_copy_ops;
struct cove__object_append_ops;

/* A slot may be NULL only if its comment mentions NULL: cove__object_store_init checks it. */
struct cove__object_ops {
    const char *name; /* of the backend, for the log */
    enum cove__object_format format;
    const char *version_mark; /* what begins a version's id at the end of a path ("?versionId="); NULL: no versions */
    const char *other_version_mark;          /* the same, as other programs write it, or for another kind of versions
                                              * (`other_mark`          of a name). NULL: none */
    bool (*is_version_id)(const char *text); /* what follows may be an id; else it is part of the name. NULL: always */
    bool
        signs_time; /* signatures have the time: a refusal is repeated once by the store's clock, where ours is wrong */
    struct cove__object_headers headers;

    /* ---- the store ---- */

    /* What is known of it, apart from options and refusals. Any thread. */
    enum cove__can (*can)(const struct cove__object_store *store, enum cove__capability capability);
    const char *(*product)(const struct cove__object_store *store); /* for messages. NULL: `name` */

    /* A write without a condition has a mark, too, and is repeated only after a check of the object: unanswered.h. For
     * stores that honour conditions of every write. */
    bool looks_before_repeat;

    /* ---- each request ---- */

    /* Before an attempt: fills http.url and http.headers, signed; `add_headers` is the engine's, to be called for its
     * lines (cove__object_add_headers). As the hook of net/http: 0, COVE__HTTP_LATER, or an error;
     * COVE__CREDENTIALS_UNCHANGED, after `credentials_refused` was true: there are no others, and
     * `err` has a code only where looking for them failed. */
    int (*prepare)(struct cove__object_request *r, struct cove_error *err);
    void (*request_init)(struct cove__object_request *r); /* fills `state` in, and the version's query. NULL: nothing */
    void (*request_done)(struct cove__object_request *r); /* frees what `state` holds. NULL: nothing */
    bool sends_crc64; /* `body` takes the CRC-64/NVME of parts and puts, so a writer may compute it */
    /* The body is set: what a signature or checksum needs of it. NULL: nothing. */
    void (*body)(struct cove__object_request *r);
    /* A response is here: what it shows of the store. It may be changed into what the engine knows (the lines of its
     * headers, the status of an empty listing). True: *ret_verdict and err are final. NULL: nothing. */
    bool (*response)(struct cove__object_request *r, enum cove__http_verdict *ret_verdict, struct cove_error *err);
    /* Whether a 200 holds an error (r->error_in_200). NULL: never. */
    bool (*holds_error)(const struct cove__object_request *r);
    /* After a refusal. True: something was learned (a region, that there are no checksums), so the same request is sent
     * again at once. NULL: never. */
    bool (*learns)(struct cove__object_request *r);
    /* Of a refusal: fills err, r->code and r->refusal; true: worth another attempt by the policy. */
    bool (*classify)(struct cove__object_request *r, struct cove_error *err);
    /* Of a refusal that `classify` has found no code in, though it has a body or is a listing's 404: it is the store's
     * all the same. Any other is another server's: COVE__REFUSED_BY_ANOTHER. NULL: never. */
    bool (*is_from_store)(const struct cove__object_request *r);
    /* Each response of the store has what `is_from_store` looks for. So one without it is another server's: also the
     * success of a request that changes something, and a refusal without a body. */
    bool marks_responses;
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
    /* The store removes a bucket with all that is in it: the engine looks first whether it is empty. */
    bool removes_full_buckets;

    /* ---- removals and moves: remove.h, move.h, steps.h ---- */

    /* The status of the store's good response to a DELETE of an object. After any other 2xx, as a proxy may give, a
     * HEAD checks that the object is gone. 0: any 2xx is the store's. */
    int deleted_status;
    /* Completes that DELETE. Without `with_snapshots` an object that has snapshots is refused. NULL: nothing to add. */
    void (*delete_request)(struct cove__object_request *r, bool with_snapshots);
    const struct cove__object_batch_ops *batch; /* NULL: objects are deleted one by one */
    /* The request's name is the directory, `arg` is NULL. NULL, or refused as unknown: keys are listed and deleted. */
    const struct cove__object_steps *remove_tree;
    /* Moves inside of one bucket: the request's name is the target, `arg` a struct cove__object_move. NULL, or refused
     * as unknown: objects are copied and then deleted, directories moved key by key. */
    const struct cove__object_steps *move_object, *move_directory;

    /* ---- one object ---- */

    /* Completes the PATCH of an object that changes the user's metadata in place: those with a value are set, the
     * others removed. Its good response has the object's version. NULL: the object is copied onto itself. */
    void (*metadata_request)(struct cove__object_request *r, const struct cove_pair *pairs, size_t n,
                             struct cove__buf *body);
    /* The version that was requested is a delete marker. NULL: never. */
    bool (*is_delete_marker)(const struct cove__object_request *r);
    /* Of a good response to a HEAD: a directory, one of the store's own or the marker of one (marker.h). NULL: such a
     * HEAD finds objects alone. */
    bool (*is_directory)(const struct cove__object_request *r);
    /* Of a good response to a HEAD: the object can be extended, but not be put again with more (an append blob). NULL:
     * never. */
    bool (*extends_only)(const struct cove__object_request *r);
    /* Of a good response to a read: the object's size, as it reports it beside the body and its range; -1: unknown.
     * What contradicts it is no response to rely on. NULL: never. */
    int64_t (*stored_size)(const struct cove__object_request *r);
    /* The checksum of the whole object that the response gives; false, or NULL: none. */
    bool (*response_crc32c)(const struct cove__object_request *r, uint32_t *ret);

    /* Of a read of `length` bytes at most: adds lines that ask for the checksum of what the response brings. NULL:
     * nothing. */
    void (*read_headers)(const struct cove__object_request *r, int64_t length, struct cove__buf *headers);
    /* Of a good response to a read. False: its body is not the bytes that the response's checksum is of. NULL: never
     * compared. */
    bool (*read_matches)(const struct cove__object_request *r, struct cove__slice body);

    const struct cove__object_directory_ops *directories; /* real.h. NULL: all directories are virtual */

    /* ---- groups. NULL: COVE_ENOTSUP; a backend leaves out the slots of struct cove__fs_ops that need them ---- */

    const struct cove__object_upload_ops *upload; /* upload.h */
    size_t put_max;                               /* needed without `upload`: bytes of one object at most */
    const struct cove__object_copy_ops *copy;     /* copy.h; objects over its max_size need `upload`, too */
    const struct cove__object_append_ops *append; /* append.h; large objects need both */
};

/* Headers made from options, "Name: value\n" lines, for requests that make an object, and for those that read one or
 * send a part. */
struct cove__object_extra {
    struct cove__buf create; /* put, begin of an upload, copy: all lines, those of `each` too */
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
    struct cove__cleanups cleanups;
    atomic_bool temporaries_beside;    /* those elsewhere in the bucket have been refused: temporaries.h */
    atomic_bool temporaries_stay;      /* they could not be removed, as the account may not, or the bucket keeps them */
    atomic_bool composes_keep_sources; /* they have been refused to remove them */
    /* under cove__lock */
    int64_t clock_skew_ns; /* the store's clock less ours */
};

/* Asserts that the table has what it needs: the first test of a backend fails with the slot's name. */
void cove__object_store_init(struct cove__object_store *store, const struct cove__object_ops *ops);
/* After cove__cleanups_end, where clean-ups use what the backend frees before this. */
void cove__object_store_done(struct cove__object_store *store);
/* Now, by the store's clock as far as it is known; ns since 1970. */
int64_t cove__object_now(const struct cove__object_store *store);
/* For `prepare`: the lines of the operation, and those of this attempt. */
void cove__object_add_headers(struct cove__object_request *r, struct cove__buf *headers);

/* The backend's own part of a request, zeroed when the request begins. */
#define cove__object_state(r, type)                                                                                    \
    ((void)sizeof(char[sizeof(type) <= COVE__OBJECT_STATE_MAX ? 1 : -1]), (type *)(void *)(r)->state)

#endif
