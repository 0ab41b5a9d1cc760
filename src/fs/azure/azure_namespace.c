/*
 * Whether the account has a hierarchical namespace: asked once, by the rights of the data plane. The account's
 * information shows it (Get Account Information), to those who may read it. The DFS endpoint shows it to all who may
 * read the container: only accounts with a hierarchical namespace have access control lists. Where neither gives an
 * answer, as at a private endpoint of the blob service alone, the account counts as flat, and the option
 * hierarchical_namespace decides. A store that fails gives no answer yet: the call fails, and the next one asks
 * again. Nor does a container that is missing, and nothing is written before it is known by which service.
 */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/azure/dfs.h"
#include "fs/fs_impl.h"
#include "net/header.h"
#include "net/loopback.h"
#include "net/status.h"

enum question { ASK_ACCOUNT, ASK_CONTAINER };

enum azure_namespace cove__azure_namespace_of(const char *option)
{
    if (strcmp(option, "auto") == 0)
        return AZURE_UNKNOWN;
    return strcmp(option, "true") == 0 ? AZURE_HIERARCHICAL : AZURE_FLAT;
}

static bool is_known(struct cove__azure *azure, struct cove__object_store **ret)
{
    switch (atomic_load(&azure->kind_of_namespace)) {
    case AZURE_FLAT:
        *ret = &azure->store;
        return true;
    case AZURE_HIERARCHICAL:
        *ret = azure->dfs ? &azure->dfs->store : NULL;
        return true;
    default:
        *ret = &azure->store;
        /* No emulator of blobs has such accounts. */
        return !azure->dfs && cove__is_loopback(azure->account.endpoint.host);
    }
}

/* A signature of one container gives no right to ask about the account. */
static enum question first_question(const struct cove__azure *azure)
{
    bool limited =
        azure->account.sas && (strncmp(azure->account.sas, "sr=", 3) == 0 || strstr(azure->account.sas, "&sr="));

    return limited && azure->dfs ? ASK_CONTAINER : ASK_ACCOUNT;
}

/* Flat accounts have no such list; another server's page has none either. */
static int accept_access(struct cove__object_request *r, struct cove_error *err)
{
    struct cove__slice list;

    if (cove__azure_is_from_store(r) &&
        cove__header_value(cove__buf_slice(&r->http.response_headers), "x-ms-acl", &list))
        return 0;
    return cove__azure_no_answer(r, err);
}

static void ask(struct cove__object_request *r, struct cove__azure *azure, enum question question,
                struct cove__slice container, const struct cove__ctx *ctx)
{
    struct cove__object_name root = { .bucket = container, .key = cove__slice_str("/") };

    if (question == ASK_ACCOUNT) {
        cove__object_request_init(r, &azure->store, "GET", cove__object_split(""), ctx);
        cove__buf_add_str(&r->query, "restype=account&comp=properties");
        return;
    }
    cove__object_request_init(r, &azure->dfs->store, "HEAD", root, ctx);
    r->accept = accept_access;
    cove__buf_add_str(&r->query, "action=getAccessControl&upn=false");
}

static void decide(struct cove__azure *azure, enum azure_namespace is)
{
    int unknown = AZURE_UNKNOWN;

    atomic_compare_exchange_strong(&azure->kind_of_namespace, &unknown, (int)is);
}

/* Of a call that fails as it is not known. With no login, and after its end, it would not be made anyway. */
static int not_known(const struct cove__azure *azure, int rc, struct cove_error *err)
{
    if (rc != COVE_EAUTH && rc != COVE_ECANCELED)
        cove__error_add(err,
                        "; it was to show whether the account %s has a hierarchical namespace, which the option "
                        "hierarchical_namespace=true or false decides, too",
                        azure->account.name);
    return rc;
}

/* Of the request that has ended so. 1: decided; 0: the container is to be asked; or an error, of a store that could not
 * be reached. */
static int account_answers(struct cove__azure *azure, const struct cove__object_request *r, int rc,
                           struct cove_error *why)
{
    char text[COVE__HEADER_MAX];

    if (rc < 0 && (r->http.status == 0 || cove__status_retry(r->http.status)))
        return not_known(azure, rc, why);
    if (rc == 0 && cove__object_response_header(r, "x-ms-is-hns-enabled", text)) {
        decide(azure, strcmp(text, "true") == 0 ? AZURE_HIERARCHICAL : AZURE_FLAT);
        return 1;
    }
    if (azure->dfs)
        return 0;
    decide(azure, AZURE_FLAT);
    return 1;
}

/* The refusal of an account without one. */
static bool is_of_flat(const struct cove__object_request *r)
{
    return strcmp(r->code, "HierarchicalNamespaceNotEnabled") == 0;
}

/* Of a request that has failed: the next one may not, and what another server sends shows nothing. A host to which no
 * request could be sent is one that a private endpoint lacks; the DFS endpoint answers no request without credentials.
 */
static bool gives_no_answer(const struct cove__azure *azure, const struct cove__object_request *r, int rc)
{
    if (r->http.status == 0)
        return rc != COVE_ENETWORK || r->http.sends > 0;
    return !cove__azure_is_from_store(r) || r->http.status < 300 || cove__status_retry(r->http.status) ||
           (r->http.status == 401 && !azure->account.anon);
}

/* A container that does not exist, or is being removed, shows nothing: the next call asks again. 0; or an error, of a
 * store that fails, of a caller who waits no longer, or of a write to such a container. */
static int container_answers(struct cove__azure *azure, const struct cove__object_request *r, enum azure_use use,
                             int rc, struct cove_error *why)
{
    if (rc == 0)
        decide(azure, AZURE_HIERARCHICAL);
    if (rc == 0)
        return 0;
    if (gives_no_answer(azure, r, rc))
        return not_known(azure, rc, why);
    if (r->refusal == COVE__REFUSED_NO_BUCKET || (r->http.status == 409 && !is_of_flat(r)))
        return use == AZURE_WRITES ? rc : 0;
    if (!is_of_flat(r) && !azure->account.anon)
        cove__log(COVE_LOG_WARNING, "azure",
                  "whether the account %s has a hierarchical namespace could not be found out, so it is used as one "
                  "without; set the option hierarchical_namespace=true or false: %s",
                  azure->account.name, why->message);
    decide(azure, AZURE_FLAT);
    return 0;
}

static int chosen(struct cove__azure *azure, const struct cove__ctx *ctx, struct cove__object_store **ret,
                  struct cove_error *err)
{
    (void)is_known(azure, ret);
    /* Else "?versionid=" would be a part of a file's name. */
    if (*ret && *ret != &azure->store && azure->o.version_aware)
        return cove__fs_fail(err, ctx, COVE_ENOTSUP,
                             "the account %s has a hierarchical namespace and keeps no versions: leave the option "
                             "version_aware out, and the version out of the path",
                             azure->account.name);
    if (*ret)
        return 0;
    return cove__fs_fail(err, ctx, COVE_EINVAL,
                         "the account %s has a hierarchical namespace, and the address of its Data Lake service is not "
                         "known: set the option dfs_endpoint",
                         azure->account.name);
}

int cove__azure_choose(struct cove__azure *azure, const char *path, enum azure_use use, const struct cove__ctx *ctx,
                       struct cove__object_store **ret, struct cove_error *err)
{
    struct cove__slice container = cove__object_split(path).bucket;
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_request r;
    enum question question = first_question(azure);
    int rc = 0;

    if (is_known(azure, ret))
        return chosen(azure, ctx, ret, err);
    if (question == ASK_ACCOUNT) {
        ask(&r, azure, ASK_ACCOUNT, container, ctx);
        rc = cove__object_run(&r, &why);
        rc = account_answers(azure, &r, rc, &why);
        cove__object_request_done(&r);
        if (rc < 0)
            return cove__error_copy(err, &why);
    }
    if (rc == 0 && container.size > 0) {
        cove__error_clear(&why);
        ask(&r, azure, ASK_CONTAINER, container, ctx);
        rc = cove__object_run(&r, &why);
        rc = container_answers(azure, &r, use, rc, &why);
        cove__object_request_done(&r);
        if (rc < 0)
            return cove__error_copy(err, &why);
    }
    return chosen(azure, ctx, ret, err);
}

/* ---- for callers that do not wait ---- */

struct waiting {
    struct cove__object_request r; /* first */
    struct cove__azure *azure;
    const char *path;
    struct cove__op *op;
    void (*slot)(struct cove__object_store *store, void *io);
    void *io;
    enum question question;
    enum azure_use use;
};

/* Frees it. */
static void go_on(struct waiting *w, int rc, struct cove_error *err)
{
    struct waiting copy = *w;
    struct cove__object_store *store = NULL;

    cove__free(w);
    if (rc >= 0)
        rc = chosen(copy.azure, &copy.op->ctx, &store, err);
    if (rc < 0)
        cove__op_finish(copy.op, rc, 0, err);
    else
        copy.slot(store, copy.io);
}

static void answered(struct cove__object_request *r);

static void start(struct waiting *w, enum question question)
{
    w->question = question;
    ask(&w->r, w->azure, question, cove__object_split(w->path).bucket, &w->op->ctx);
    w->r.user = w;
    w->r.done = answered;
    cove__object_start(&w->r);
}

static void answered(struct cove__object_request *r)
{
    struct waiting *w = r->user;
    struct cove_error err = r->http.op.err;
    int rc = r->http.op.rc;
    bool asks = false;

    if (w->question == ASK_ACCOUNT) {
        rc = account_answers(w->azure, r, rc, &err);
        asks = rc == 0 && cove__object_split(w->path).bucket.size > 0;
    } else {
        rc = container_answers(w->azure, r, w->use, rc, &err);
    }
    cove__object_request_done(r);
    if (rc >= 0)
        cove__error_clear(&err);
    if (asks)
        start(w, ASK_CONTAINER);
    else
        go_on(w, rc, &err);
}

void cove__azure_choose_and(struct cove__azure *azure, const char *path, enum azure_use use, struct cove__op *op,
                            void (*slot)(struct cove__object_store *store, void *io), void *io)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct cove__object_store *store;
    struct waiting *w;
    int rc = 0;

    if (is_known(azure, &store)) {
        rc = chosen(azure, &op->ctx, &store, &err);
        if (rc < 0)
            cove__op_finish(op, rc, 0, &err);
        else
            slot(store, io);
        return;
    }
    w = cove__calloc(1, sizeof *w);
    if (!w) {
        cove__op_finish(op, cove__fail_nomem(&err, "a request"), 0, &err);
        return;
    }
    *w = (struct waiting){ .azure = azure, .path = path, .op = op, .slot = slot, .io = io, .use = use };
    start(w, first_question(azure));
}
