/*
 * The inside of the Google Cloud Storage backend: what a filesystem of gs:// knows. The operations are the engine's
 * (fs/object); here stands what is special to the store. gcs.c opens and closes; gcs_options.c has the table of
 * options, gcs_path.c URLs, gcs_request.c the requests of the JSON API, gcs_resource.c objects as JSON, gcs_error.c
 * error codes, gcs_list.c listings, gcs_bucket.c buckets, gcs_batch.c batches, gcs_copy.c copies, moves and metadata,
 * gcs_compose.c composes, gcs_folders.c folders, gcs_explain.c explanations of errors, gcs_sign.c signed URLs.
 */
#ifndef COVE_FS_GCS_H
#define COVE_FS_GCS_H

#include "auth/provider.h"
#include "fs/object/client.h"
#include "fs/object/operations.h"

#define GCS_PART_MULTIPLE ((size_t)256 << 10) /* of each piece of a resumable upload but the last */
#define GCS_LIST_PAGE     5000u
#define GCS_BATCH_MAX     100u
#define GCS_COMPOSE_MAX   32u

/* The Cache-Control of what is read soon after it was written again: no cache keeps the old bytes. */
#define COVE__GCS_FRESH "no-cache"

/* Notes of a bucket (cove__object_note_bucket). */
#define GCS_NOTE_RAPID       1u /* it is a Rapid one */
#define GCS_NOTE_LAYOUT_READ 2u /* after an error that it may explain */
#define GCS_NOTE_POLICY_READ 4u /* its soft delete policy */

/* As a user gives them; the table is in gcs_options.c. */
struct gcs_options {
    char *project, *access, *token, *requester_pays, *quota_project;
    char *endpoint_url, *emulator_host, *universe_domain, *default_location, *conditions;
    char *cache_control, *storage_class;
    char *encryption_key, *kms_key_name, *uploads;
    int version_aware, create_buckets, enable_versioning;
    int64_t block_size, max_concurrency;
    struct cove__client_options client;
};

struct cove__gcs {
    struct cove__object_store store; /* first */
    /* fixed after open */
    struct gcs_options o;
    struct cove__endpoint endpoint;
    struct cove__provider *provider; /* of bearer tokens; NULL: requests go without */
    struct cove__provider *signers;  /* of the accounts that sign URLs; NULL if `provider` is */
    char *project;                   /* for lists of buckets and new ones; NULL: the credentials' */
    char *user_project;              /* that pays (requester_pays); NULL: the bucket's */
    bool emulator;                   /* not Google's own endpoint */
};

/* Which of the API's requests it is: decided by the engine's method, or set by the backend's own request. */
enum gcs_kind {
    GCS_BY_METHOD, /* one of the next seven: not known yet */
    GCS_MEDIA,     /* GET of an object's bytes */
    GCS_RESOURCE,  /* GET of what an object is, for the engine's HEAD */
    GCS_INSERT,    /* POST of a whole object, for the engine's PUT */
    GCS_OBJECT,    /* DELETE or PATCH of an object */
    GCS_OBJECTS,   /* GET of a bucket's objects */
    GCS_BUCKETS,   /* GET and POST of buckets */
    GCS_BUCKET,    /* DELETE of one */
    GCS_REWRITE,   /* POST: the object of `source` copied to the name */
    GCS_MOVE,      /* POST: the object of `source` renamed, in its bucket */
    GCS_COMPOSE,   /* POST: the name is made of other objects of its bucket */
    GCS_BATCH,     /* POST of up to 100 others */
    GCS_SESSION,   /* POST: the begin of a resumable upload */
    GCS_CHUNK,     /* PUT and DELETE of a session's secret URL */
    GCS_XML,       /* a request of the XML API: a multipart upload's */
    /* of buckets with a hierarchical namespace (gcs_folders.c) */
    GCS_LAYOUT,        /* GET of a bucket's layout */
    GCS_FOLDERS,       /* POST of a folder */
    GCS_FOLDER,        /* GET and DELETE of one */
    GCS_FOLDER_RENAME, /* POST: that of `source` gets the name */
    GCS_FOLDER_DELETE, /* POST: with its contents */
    GCS_OPERATION      /* GET of a long-running one; its id is the key of `source` */
};

/* The backend's part of a request. */
struct gcs_state {
    enum gcs_kind kind;
    struct cove__credentials_use use;
    bool describes;                  /* a rewrite: the lines take the place of the source's properties */
    struct cove__object_name source; /* of a rewrite, move or rename; BORROWED */
    struct cove__buf sources;        /* of a compose: its objects, as JSON */
    bool removes_sources;            /* of a compose: they go with it */
    struct cove__buf head;           /* what stands before and after the body, or all of it */
    char boundary[48];               /* of a body in parts */
};
static inline struct gcs_state *cove__gcs_state(const struct cove__object_request *r)
{
    return (struct gcs_state *)(void *)cove__object_state((struct cove__object_request *)r, struct gcs_state);
}
static inline struct cove__gcs *cove__gcs_of(const struct cove__object_request *r)
{
    return (struct cove__gcs *)(void *)r->store;
}

extern const struct cove__object_ops cove__gcs_object_ops; /* gcs.c */

int cove__gcs_parse(const char *url_or_path, char **ret_path, struct cove_error *err); /* gcs_path.c; pure */
/* Whether the text is a generation: a number above 0. Pure. */
bool cove__gcs_is_generation(const char *text);
/* What of the rules for names the bucket breaks; NULL: nothing. Pure. */
const char *cove__gcs_broken_rule(struct cove__slice bucket);

/* ---- gcs_options.c ---- */

extern const struct cove__option_row cove__gcs_option_rows[];
/* Fills both from the user's options and the environment. COVE_EINVAL, COVE_ENOMEM. */
int cove__gcs_options_read(const struct cove_options *options, struct gcs_options *o, struct cove__object_extra *extra,
                           struct cove_error *err);

/* ---- gcs_folders.c ---- */

/* Returns `code`. */
int cove__gcs_refuse_rapid(const struct cove__ctx *ctx, int code, struct cove__slice bucket, struct cove_error *err);

/* ---- gcs_error.c ---- */

/* The server has no such request: an emulator's answer. */
bool cove__gcs_refuses_operation(const struct cove__object_request *r);
bool cove__gcs_classify(struct cove__object_request *r, struct cove_error *err);
bool cove__gcs_is_from_store(const struct cove__object_request *r);
/* Maps a reason or code of the store to cove's: COVE_ESERVER if it is unknown. *ret_retry: worth another attempt. */
int cove__gcs_code(const char *reason, int status, bool *ret_retry, enum cove__object_refusal *ret_refusal);
/* What an error's body has; "" where it lacks something. */
struct gcs_error_body {
    char reason[64], message[512];
};
/* False: the body is neither the JSON nor the XML of an error. */
bool cove__gcs_read_error(struct cove__slice body, struct gcs_error_body *ret);

#endif
