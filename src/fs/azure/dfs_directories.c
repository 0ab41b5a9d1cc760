/* Directories, removals and renames: for the engine (fs/object/real.h, steps.h, move.h). */
#include "fs/azure/dfs.h"

/* ---- one directory ---- */

static void make_request(struct cove__object_request *r)
{
    r->accept = cove__object_accept_empty;
    cove__buf_add_str(&r->extra, "If-None-Match: *\n"); /* else it would take the place of what is there */
    cove__dfs_begin(r, DFS_MAKE);
}

/* Looks first: the same request would delete a file. */
static void remove_request(struct cove__object_request *r)
{
    struct dfs_work *work = cove__dfs_begin(r, DFS_LOOK);

    if (work)
        work->directory = true;
}

static int accept_any(struct cove__object_request *r, struct cove_error *err)
{
    char type[COVE__HEADER_MAX];

    if (cove__object_response_header(r, "x-ms-resource-type", type))
        return 0;
    return cove__object_fail(r, err, COVE_EPROTOCOL,
                             "the response does not tell a file from a directory, so it is not from the store: check "
                             "the endpoint and any proxy");
}

static void stat_request(struct cove__object_request *r)
{
    r->http.method = "HEAD";
    r->is_head = true;
    r->accept = accept_any;
}

const struct cove__object_directory_ops cove__dfs_directory_ops = {
    .make_request = make_request,
    .remove_request = remove_request,
    .removed_status = 200,
    .stat_request = stat_request,
};

/* ---- removals ---- */

void cove__dfs_delete_request(struct cove__object_request *r, bool with_snapshots)
{
    cove__dfs_begin(r, DFS_LOOK);
}

static int continuation(const struct cove__object_request *r, const void *arg, struct cove__buf *ret_token)
{
    return cove__azure_continuation(r, ret_token);
}

static void remove_tree_request(struct cove__object_request *r, const void *arg, const char *token)
{
    struct dfs_work *work = cove__dfs_begin(r, token ? DFS_DELETE : DFS_LOOK);

    if (!work)
        return;
    r->http.method = "DELETE";
    work->directory = work->recursive = true;
    work->token = token;
}

const struct cove__object_steps cove__dfs_remove_tree_ops = { .request = remove_tree_request,
                                                              .response = continuation };

/* ---- renames ---- */

static struct dfs_work *rename_request(struct cove__object_request *r, const struct cove__object_move *move,
                                       const char *token)
{
    struct dfs_work *work = cove__dfs_begin(r, DFS_RENAME);

    if (!work)
        return NULL;
    r->http.method = "PUT";
    work->source = move->from;
    work->token = token;
    work->source_version = token ? NULL : move->version;
    return work;
}

static void move_request(struct cove__object_request *r, const void *arg, const char *token)
{
    rename_request(r, arg, token);
}

/* Its target was empty, or not there: what has come since is not replaced. */
static void move_directory_request(struct cove__object_request *r, const void *arg, const char *token)
{
    struct dfs_work *work = rename_request(r, arg, token);

    if (!work)
        return;
    work->directory = true;
    if (!token)
        cove__buf_add_str(&r->extra, "If-None-Match: *\n");
}

const struct cove__object_steps cove__dfs_move_ops = { .request = move_request, .response = continuation };
const struct cove__object_steps cove__dfs_move_directory_ops = { .request = move_directory_request,
                                                                 .response = continuation };

/* ---- file systems ---- */

void cove__dfs_filesystem_request(struct cove__object_request *r)
{
    cove__buf_add_str(&r->query, "resource=filesystem");
}

void cove__dfs_make_filesystem_request(struct cove__object_request *r, struct cove__buf *body)
{
    cove__dfs_filesystem_request(r);
}
