/*
 * Accounts with a hierarchical namespace (Data Lake Storage Gen2) by their DFS endpoint: a store with real directories,
 * files that are appended to, and renames in one step. A new file is written under a temporary name beside its own, and
 * renamed, under the condition of the write. Such a write takes several requests, as do removals, which look first at
 * what is to be removed: the engine sees one request, whose work (dfs_work.c) goes from one to the next.
 *
 * dfs.c has the table, dfs_request.c the requests, dfs_list.c listings, dfs_directories.c directories, removals and
 * renames, dfs_upload.c writes in parts, dfs_uploads.c what killed ones leave, dfs_append.c appends, dfs_copy.c copies,
 * dfs_error.c error codes.
 * https://learn.microsoft.com/rest/api/storageservices/data-lake-storage-gen2
 */
#ifndef COVE_FS_AZURE_DFS_H
#define COVE_FS_AZURE_DFS_H

#include <string.h>

#include "fs/azure/azure.h"
#include "fs/object/append.h"
#include "fs/object/copy.h"
#include "fs/object/upload.h"

#define DFS_ID_SIZE   33              /* of a temporary name, with the NUL */
#define DFS_TEMPORARY ".cove-upload-" /* how the last segment of such a name begins; the ID follows */

/* What a request is at the moment. */
enum dfs_step {
    DFS_PLAIN,      /* as the engine has made it: a read, a HEAD, a listing */
    DFS_CREATE,     /* the file under its temporary name, empty */
    DFS_APPEND,     /* bytes at a place of the file */
    DFS_APPEND_ALL, /* all of the temporary file, and its flush */
    DFS_FLUSH,      /* makes the file as long as `position` */
    DFS_PUBLISH,    /* renames the temporary file */
    DFS_CONFIRM,    /* looks whether a rename whose response was lost has been done */
    DFS_DISCARD,    /* removes the temporary file of a write that has failed */
    DFS_LOOK,       /* what is there: a removal must not take a file for a directory, or the other way round */
    DFS_DELETE,     /* that, if it is still the same */
    DFS_RENAME,
    DFS_PARENT,     /* makes the directory above the target of a rename */
    DFS_MAKE,       /* makes a directory */
    DFS_PROPERTIES, /* sets properties and metadata */
};

/* A request that takes several. Owned by the request's state. */
struct dfs_work {
    enum dfs_step step, after_parent;
    int (*then)(struct cove__object_request *r, struct cove_error *err); /* the engine's `accept`, of the last one */
    char temporary[DFS_ID_SIZE];                                         /* "": none */
    char mark[sizeof(struct cove__write_mark)];                          /* of the write; "": none */
    struct cove__slice body;                                             /* of DFS_APPEND_ALL; BORROWED */
    int64_t position;
    char
        etag[COVE__HEADER_MAX]; /* of the temporary file as it is renamed, or of what is to be removed; "": not known */
    bool writes_all;            /* the request is a whole write: the work removes its temporary file after a failure */
    bool directory;             /* to be removed, or renamed */
    bool recursive;             /* a removal */
    bool closes;                /* a flush ends the file */
    bool made_parent, began_again;
    unsigned sends; /* of the request before this step */
    unsigned looks; /* again, before a removal */
    struct cove__object_name source;
    const char *source_version, *token; /* BORROWED; NULL: none */
    struct cove_error *failure;         /* owned: why the write has failed, while DFS_DISCARD runs */
    int failed_status;
    enum cove__object_refusal failed_refusal;
};

static inline struct dfs_work *cove__dfs_work(const struct cove__object_request *r)
{
    return cove__azure_state(r)->work;
}

/* Of a good response about a path. */
static inline bool cove__dfs_is_directory(const struct cove__object_request *r)
{
    char type[COVE__HEADER_MAX];

    return cove__object_response_header(r, "x-ms-resource-type", type) && strcmp(type, "directory") == 0;
}

/* ---- dfs.c ---- */

extern const struct cove__object_ops cove__dfs_object_ops;
/* The same account by account.dfs, for as long as `azure` is open. */
int cove__dfs_open(struct cove__azure *azure, const struct cove__http_config *config, struct cove__azure **ret,
                   struct cove_error *err);
void cove__dfs_close(struct cove__azure *dfs); /* NULL accepted */

/* ---- dfs_request.c ---- */

int cove__dfs_prepare(struct cove__object_request *r, struct cove_error *err);
void cove__dfs_request_done(struct cove__object_request *r);

/* ---- dfs_work.c ---- */

/* Gives the request a work that begins with this step; an `accept` that is set then is called for the last one. NULL:
 * no memory, and the request will fail with that. */
struct dfs_work *cove__dfs_begin(struct cove__object_request *r, enum dfs_step step);
void cove__dfs_work_free(struct dfs_work *work);
/* Slots of struct cove__object_ops. */
void cove__dfs_body(struct cove__object_request *r); /* a whole write begins */
bool cove__dfs_response(struct cove__object_request *r, enum cove__http_verdict *ret_verdict, struct cove_error *err);
bool cove__dfs_learns(struct cove__object_request *r);
bool cove__dfs_classify(struct cove__object_request *r, struct cove_error *err);

/* ---- dfs_list.c ---- */

void cove__dfs_list_request(struct cove__object_request *r, const struct cove__object_list_query *query);
int cove__dfs_list_response(const struct cove__object_request *r, struct cove__object_page_reader *page);
void cove__dfs_filesystems_request(struct cove__object_request *r, const char *token);
int cove__dfs_filesystems_response(const struct cove__object_request *r, struct cove__object_page_reader *page);

/* ---- dfs_directories.c ---- */

extern const struct cove__object_directory_ops cove__dfs_directory_ops;
extern const struct cove__object_steps cove__dfs_remove_tree_ops, cove__dfs_move_ops, cove__dfs_move_directory_ops;
void cove__dfs_delete_request(struct cove__object_request *r, bool with_snapshots);
void cove__dfs_filesystem_request(struct cove__object_request *r);
void cove__dfs_make_filesystem_request(struct cove__object_request *r, struct cove__buf *body);

/* ---- dfs_upload.c, dfs_append.c ---- */

extern const struct cove__object_upload_ops cove__dfs_upload_ops;
extern const struct cove__object_copy_ops cove__dfs_metadata_ops;
extern const struct cove__object_append_ops cove__dfs_append_ops;

/* ---- dfs_uploads.c ---- */

/* Whether the file's name is one under which writes begin. Pure. */
bool cove__dfs_is_temporary(struct cove__slice name);
void cove__dfs_uploads_request(struct cove__object_request *r, struct cove__slice below,
                               const struct cove__upload_page *last);
int cove__dfs_uploads_response(const struct cove__object_request *r, struct cove__upload_page *ret);
/* As the slot upload.remove of struct cove__fs_ops. */
int cove__dfs_remove_upload(struct cove__object_store *store, const char *path, const char *id,
                            const struct cove__ctx *ctx, struct cove_error *err);
/* Whether there are any at or below the path: 1, 0, or an error. `removes`: they are removed. */
int cove__dfs_uploads_below(struct cove__object_store *store, const char *path, bool removes,
                            const struct cove__ctx *ctx, struct cove_error *err);

/* ---- dfs_copy.c ---- */

/* As the slot `copy` of struct cove__fs_ops; the file goes through this process. */
int cove__dfs_copy(struct cove__object_store *store, const char *from, const char *etag, const char *to,
                   const struct cove__ctx *ctx, struct cove_error *err);

/* ---- dfs_error.c; pure ---- */

/* What a code of the DFS endpoint means; NULL: it has no such code. */
const struct azure_code *cove__dfs_code(const char *name);
/* {"error":{"code":"...","message":"..."}}; false: it is not JSON. */
bool cove__dfs_read_error(struct cove__slice body, struct azure_error_body *ret);

#endif
