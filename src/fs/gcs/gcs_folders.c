/*
 * Folders of buckets with a hierarchical namespace, which are separate resources
 * (https://cloud.google.com/storage/docs/folders-overview), and a bucket's layout, which shows whether it has one. For
 * the engine (fs/object/real.h, steps.h). The store makes the folders above a new object, so writes need nothing from
 * here.
 */
#include "fs/gcs/gcs_folders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/fs_impl.h"
#include "fs/gcs/gcs_resource.h"
#include "fs/object/known.h"
#include "wire/json.h"

#define POLLS_MAX 2000u /* of one operation: with 5 seconds between them, almost 3 hours */

/* ---- what a bucket is ---- */

static void layout_request(struct cove__object_request *r)
{
    cove__gcs_state(r)->kind = GCS_LAYOUT;
}

struct layout {
    bool is_layout, hierarchical, zonal;
};

static int take_layout(void *user, const char *path, enum cove__json_type type, const char *text)
{
    struct layout *l = user;

    if (strcmp(path, "kind") == 0)
        l->is_layout = strcmp(text, "storage#storageLayout") == 0;
    else if (strcmp(path, "hierarchicalNamespace/enabled") == 0)
        l->hierarchical = type == COVE__JSON_BOOL && strcmp(text, "true") == 0;
    else if (strcmp(path, "locationType") == 0)
        l->zonal = strcmp(text, "zone") == 0;
    return 0;
}

int cove__gcs_refuse_rapid(const struct cove__ctx *ctx, int code, struct cove__slice bucket, struct cove_error *err)
{
    return cove__fs_fail(
        err, ctx, code,
        "gs://%.*s is a Rapid (zonal) bucket; its data is sent by gRPC only, which cove does not support: use "
        "another bucket, or gcsfs",
        (int)bucket.size, (const char *)bucket.data);
}

static int layout_response(const struct cove__object_request *r, bool *ret_real, struct cove_error *err)
{
    static const struct cove__json_handler handler = { .value = take_layout };
    struct layout l = { 0 };
    char why[160];
    int rc = cove__json_read(cove__buf_slice(&r->http.response), &handler, &l, why, sizeof why);

    if (rc == COVE_EINVAL || (rc == 0 && !l.is_layout))
        return COVE_EPROTOCOL;
    if (rc == 0 && l.zonal) {
        cove__object_note_bucket(r->store, r->name.bucket, GCS_NOTE_RAPID);
        return cove__gcs_refuse_rapid(&r->http.op.ctx, COVE_ENOTSUP, r->name.bucket, err);
    }
    *ret_real = l.hierarchical;
    return rc;
}

/* ---- one folder ---- */

/* A folder's resource has its name. */
static int take_name(void *user, const char *path, enum cove__json_type type, const char *text)
{
    bool *is_folder = user;
    size_t n = strlen(text);

    *is_folder |= strcmp(path, "name") == 0 && type == COVE__JSON_STRING && n > 0 && text[n - 1] == '/';
    return 0;
}

static int accept_folder(struct cove__object_request *r, struct cove_error *err)
{
    static const struct cove__json_handler handler = { .value = take_name };
    bool is_folder = false;
    char why[160];
    int rc = cove__json_read(cove__buf_slice(&r->http.response), &handler, &is_folder, why, sizeof why);

    if (rc == COVE_EINVAL || (rc == 0 && !is_folder))
        rc = COVE_EPROTOCOL;
    return rc < 0 ? cove__object_unreadable(r, err, rc, "the folder's description") : 0;
}

static void make_request(struct cove__object_request *r)
{
    struct gcs_state *state = cove__gcs_state(r);
    struct cove__buf name = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX + 2);
    struct cove__buf members = COVE__BUF_INIT(6 * COVE__OBJECT_KEY_MAX + 64);

    r->http.method = "POST";
    r->accept = accept_folder;
    state->kind = GCS_FOLDERS;
    cove__buf_add_str(&r->query, "recursive=true");
    cove__object_prefix(r->name.key, &name);
    cove__gcs_add_member(&members, "name", cove__buf_slice(&name));
    cove__buf_addf(&state->head, "{%s}", cove__buf_str(&members));
    if (r->query.rc == 0 && cove__buf_rc(&name) < 0)
        r->query.rc = cove__buf_rc(&name);
    if (r->query.rc == 0)
        r->query.rc = cove__buf_rc(&members) < 0 ? cove__buf_rc(&members) : cove__buf_rc(&state->head);
    cove__object_body(r, cove__buf_slice(&state->head), COVE__CHECKSUM_NONE);
    cove__buf_done(&name);
    cove__buf_done(&members);
}

static void remove_request(struct cove__object_request *r)
{
    cove__gcs_state(r)->kind = GCS_FOLDER;
}

static void stat_request(struct cove__object_request *r)
{
    cove__gcs_state(r)->kind = GCS_FOLDER;
    r->accept = accept_folder;
}

/* {"pendingRenameInfo": {"operationId": "..."}} */
static int take_moving(void *user, const char *path, enum cove__json_type type, const char *text)
{
    bool *moving = user;

    *moving |= strcmp(path, "pendingRenameInfo/operationId") == 0 && type == COVE__JSON_STRING;
    return 0;
}

static bool is_moving(const struct cove__object_request *r)
{
    static const struct cove__json_handler handler = { .value = take_moving };
    bool moving = false;
    char why[160];

    return cove__json_read(cove__buf_slice(&r->http.response), &handler, &moving, why, sizeof why) == 0 && moving;
}

const struct cove__object_directory_ops cove__gcs_directory_ops = {
    .detect_request = layout_request,
    .detect_response = layout_response,
    .make_request = make_request,
    .remove_request = remove_request,
    .removed_status = 204,
    .stat_request = stat_request,
    .is_moving = is_moving,
};

/* ---- operations that end later (https://cloud.google.com/storage/docs/long-running-operations) ---- */

struct operation {
    struct cove__buf id;
    bool done, failed;
    int code; /* of google.rpc.Code */
    char message[256];
};

static int take_operation(void *user, const char *path, enum cove__json_type type, const char *text)
{
    static const char within[] = "/operations/";
    struct operation *o = user;

    if (strcmp(path, "name") == 0) {
        const char *id = strstr(text, within);
        cove__buf_reset(&o->id);
        return cove__buf_add_str(&o->id, id ? id + strlen(within) : "");
    }
    if (strcmp(path, "done") == 0)
        o->done = type == COVE__JSON_BOOL && strcmp(text, "true") == 0;
    else if (strcmp(path, "error/code") == 0)
        o->code = (int)strtol(text, NULL, 10);
    else if (strcmp(path, "error/message") == 0)
        cove__object_text(cove__slice_str(text), o->message, sizeof o->message);
    o->failed |= strncmp(path, "error/", strlen("error/")) == 0;
    o->failed |= strcmp(path, "error") == 0 && type != COVE__JSON_NULL; /* which is no error */
    return 0;
}

/* Also an empty object is an error. */
static int end_of_operation(void *user, const char *path)
{
    struct operation *o = user;

    o->failed |= strcmp(path, "error") == 0;
    return 0;
}

/* COVE_EPROTOCOL: it is no operation. */
static int read_operation(const struct cove__object_request *r, struct operation *o)
{
    static const struct cove__json_handler handler = { .value = take_operation, .end = end_of_operation };
    char why[160];
    int rc = cove__json_read(cove__buf_slice(&r->http.response), &handler, o, why, sizeof why);

    return rc == COVE_EINVAL || (rc == 0 && o->id.size == 0) ? COVE_EPROTOCOL : rc;
}

/* https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto */
static int code_of(int rpc)
{
    switch (rpc) {
    case 3:
        return COVE_EINVAL;
    case 5:
        return COVE_ENOTFOUND;
    case 6:
        return COVE_EEXIST;
    case 7:
        return COVE_EACCESS;
    case 8:
        return COVE_ETHROTTLED;
    case 9:
    case 10:
        return COVE_EPRECONDITION;
    case 12:
        return COVE_ENOTSUP;
    case 16:
        return COVE_EAUTH;
    default:
        return COVE_ESERVER;
    }
}

/* A failed operation has ended, so another request would not help. */
static int accept_operation(struct cove__object_request *r, struct cove_error *err)
{
    struct operation o = { .id = COVE__BUF_INIT(COVE__HEADER_MAX) };
    int rc = read_operation(r, &o);

    if (rc < 0)
        cove__object_unreadable(r, err, rc, "the operation");
    else if (o.failed)
        rc = cove__object_fail(r, err, code_of(o.code), "the operation failed in the store: %s (code %d)",
                               o.message[0] != '\0' ? o.message : "no reason is given", o.code);
    cove__buf_done(&o.id);
    return rc;
}

/* `token`: the operation's id. */
static void operation_request(struct cove__object_request *r, enum gcs_kind kind, const char *token)
{
    struct gcs_state *state = cove__gcs_state(r);

    r->accept = accept_operation;
    r->http.has_body = !token; /* an empty one */
    if (token) {
        r->http.method = "GET";
        state->source.key = cove__slice_str(token);
    }
    state->kind = token ? GCS_OPERATION : kind;
}

static int operation_response(const struct cove__object_request *r, const void *arg, struct cove__buf *ret_token)
{
    struct operation o = { .id = COVE__BUF_INIT(COVE__HEADER_MAX) };
    int rc = read_operation(r, &o);

    if (rc == 0 && !o.done)
        rc = cove__buf_add_slice(ret_token, cove__buf_slice(&o.id));
    cove__buf_done(&o.id);
    return rc;
}

static void rename_request(struct cove__object_request *r, const void *arg, const char *token)
{
    const struct cove__object_move *move = arg;

    cove__gcs_state(r)->source = move->from;
    operation_request(r, GCS_FOLDER_RENAME, token);
}

static void remove_tree_request(struct cove__object_request *r, const void *arg, const char *token)
{
    operation_request(r, GCS_FOLDER_DELETE, token);
}

const struct cove__object_steps cove__gcs_rename_ops = {
    .request = rename_request,
    .response = operation_response,
    .polls_max = POLLS_MAX,
};

const struct cove__object_steps cove__gcs_remove_tree_ops = {
    .request = remove_tree_request,
    .response = operation_response,
    .polls_max = POLLS_MAX,
};
