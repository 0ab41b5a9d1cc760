/* Operations in steps: one bounded loop for all of them. */
#include "fs/object/steps.h"

#include "base/error.h"
#include "fs/fs_impl.h"
#include "fs/object/object.h"
#include "fs/paging.h"

#define TOKEN_MAX ((size_t)16 << 10)

static int run_step(struct cove__object_store *store, const struct cove__object_steps *steps,
                    struct cove__object_name name, const void *arg, const struct cove__ctx *ctx,
                    struct cove__buf *token, struct cove__object_steps_end *ret_end, struct cove_error *err)
{
    struct cove__object_request r;

    cove__object_request_init(&r, store, "POST", name, ctx);
    r.http.response_max = COVE__OBJECT_RESPONSE_MAX;
    r.sign_body = true;
    steps->request(&r, arg, token->size > 0 ? cove__buf_str(token) : NULL);
    int rc = cove__object_run(&r, err);
    ret_end->begun = ret_end->begun || rc == 0;
    ret_end->repeated = r.http.sends > r.refusals;
    ret_end->unsupported = token->size == 0 && cove__object_refuses_operation(&r);
    cove__buf_reset(token);
    if (rc == 0) {
        rc = steps->response(&r, arg, token);
        if (rc < 0)
            cove__object_unreadable(&r, err, rc, "the response");
    }
    cove__object_request_done(&r);
    return rc;
}

int cove__object_run_steps(struct cove__object_store *store, const struct cove__object_steps *steps,
                           struct cove__object_name name, const void *arg, const struct cove__ctx *ctx,
                           struct cove__object_steps_end *ret_end, struct cove_error *err)
{
    struct cove__buf token = COVE__BUF_INIT(TOKEN_MAX);
    struct cove__paging paging = { 0 };
    struct cove_error cycle = COVE_ERROR_INIT;
    unsigned n = 0;
    int rc;

    *ret_end = (struct cove__object_steps_end){ 0 };
    do {
        rc = run_step(store, steps, name, arg, ctx, &token, ret_end, err);
        if (rc == 0 && token.size > 0 &&
            (++n > COVE__OBJECT_STEPS_MAX ||
             cove__paging_next(&paging, cove__buf_str(&token), NULL, 1, ctx, &cycle) < 0))
            rc = cove__fs_fail(err, ctx, COVE_EPROTOCOL,
                               "the operation does not move on: the store says again and again that there is more to "
                               "do");
    } while (rc == 0 && token.size > 0);
    cove__buf_done(&token);
    return rc;
}
