/* A request that is never sent waits for the credentials, as others wait for a token: see await_credentials.h. */
#include "fs/object/await_credentials.h"

#include "base/error.h"
#include "fs/fs_impl.h"

struct search {
    struct cove__http_request r; /* first */
    struct cove__provider *provider;
    struct cove__credentials_use use;
    struct cove__credentials *found;
    bool unchanged;
    struct cove_error why; /* where unchanged: of the source, if it failed */
};

static int prepare(void *self, struct cove__http_request *r, struct cove_error *err)
{
    struct search *search = self;
    struct cove_error why = COVE_ERROR_INIT;
    int rc = cove__provider_get(search->provider, r, &search->use, &search->found, &why);

    if (rc == COVE__HTTP_LATER)
        return rc;
    search->unchanged = rc == COVE__CREDENTIALS_UNCHANGED;
    if (search->unchanged && why.code < 0)
        cove__fs_fail(&search->why, &r->op.ctx, why.code, "%s", why.message);
    rc = cove__fs_fail(err, &r->op.ctx, rc < 0 ? rc : COVE_ECANCELED, "%s", why.message);
    err->http_status = why.http_status;
    cove__error_store_code(err, why.store_code);
    return rc;
}

int cove__object_await_credentials(struct cove__object_store *store, struct cove__provider *provider,
                                   struct cove__credentials_use *use, const struct cove__ctx *ctx,
                                   struct cove__credentials **ret, struct cove_error *err)
{
    static const struct cove__http_hooks hooks = { .prepare = prepare };
    struct search search = { .provider = provider, .use = *use, .why = COVE_ERROR_INIT };
    struct cove_error ended = COVE_ERROR_INIT;

    cove__http_request_init(&search.r);
    search.r.http = store->http;
    search.r.hooks = &hooks;
    search.r.self = &search;
    search.r.method = "GET";
    search.r.op.ctx = *ctx;
    int rc = cove__http_run(&search.r, &ended);
    cove__http_request_done(&search.r);
    *use = search.use;
    *ret = search.found;
    if (search.found)
        return 0;
    cove__error_copy(err, search.unchanged ? &search.why : &ended);
    return search.unchanged ? COVE__CREDENTIALS_UNCHANGED : rc;
}
