/* Operations in steps: one bounded loop for all of them. */
#include "fs/object/steps.h"

#include "base/clock.h"
#include "base/error.h"
#include "fs/fs_impl.h"
#include "fs/object/object.h"

#define TOKEN_MAX   ((size_t)16 << 10)
#define POLL_MIN_NS (50 * COVE__MS)
#define POLL_MAX_NS (5 * COVE__SEC)
#define CHECK_NS    (50 * COVE__MS) /* how soon a wait sees the caller's token */

/* A step under way. */
struct step {
    const struct cove__object_steps *steps;
    const void *arg;
    struct cove__buf *token;
    int (*accept)(struct cove__object_request *r, struct cove_error *err); /* the backend's; NULL: none */
};

/* Read here, a response that is not the store's is tried again, as it is for any request. */
static int accept_step(struct cove__object_request *r, struct cove_error *err)
{
    const struct step *s = r->user;
    int rc = s->accept ? s->accept(r, err) : 0;

    if (rc < 0)
        return rc;
    cove__buf_reset(s->token);
    rc = s->steps->response(r, s->arg, s->token);
    return rc < 0 ? cove__object_unreadable(r, err, rc, "the response") : 0;
}

static int run_step(struct cove__object_store *store, const struct cove__object_steps *steps,
                    struct cove__object_name name, const void *arg, const struct cove__ctx *ctx,
                    struct cove__buf *token, struct cove__object_steps_end *ret_end, struct cove_error *err)
{
    struct cove__buf next = COVE__BUF_INIT(TOKEN_MAX);
    struct step step = { .steps = steps, .arg = arg, .token = &next };
    struct cove__object_request r;

    cove__object_request_init(&r, store, "POST", name, ctx);
    r.http.response_max = COVE__OBJECT_RESPONSE_MAX;
    r.sign_body = true;
    steps->request(&r, arg, token->size > 0 ? cove__buf_str(token) : NULL);
    step.accept = r.accept;
    r.accept = accept_step;
    r.user = &step;
    int rc = cove__object_run(&r, err);
    ret_end->begun = ret_end->begun || rc == 0;
    ret_end->repeated = cove__object_may_be_done(&r);
    ret_end->silent = r.http.status == 0;
    ret_end->unsupported = token->size == 0 && cove__object_refuses_operation(&r);
    cove__object_request_done(&r);
    cove__buf_done(token); /* the request's, until now */
    *token = next;
    return rc;
}

int cove__object_wait_to_poll(unsigned polls_max, unsigned n, const struct cove__ctx *ctx, struct cove_error *err)
{
    int64_t wait_ns = n > 7 ? POLL_MAX_NS : POLL_MIN_NS << (n - 1);
    int64_t until_ns = cove__now_ns() + (wait_ns < POLL_MAX_NS ? wait_ns : POLL_MAX_NS);

    if (n > polls_max)
        return cove__fs_fail(err, ctx, COVE_ESERVER, "the store has not completed the operation, after %u requests", n);
    for (;;) {
        int64_t now_ns = cove__now_ns(), end_ns = until_ns < ctx->deadline_ns ? until_ns : ctx->deadline_ns;
        int rc = cove__ctx_check(ctx, err);
        if (rc < 0 || now_ns >= until_ns)
            return rc;
        cove__sleep_ns(end_ns - now_ns < CHECK_NS ? end_ns - now_ns : CHECK_NS);
    }
}

bool cove__object_step_advances(struct cove__object_progress *p, const char *token, int64_t done)
{
    static const struct cove__ctx unseen = { .op = "", .url = "" };

    if (done > p->done)
        *p = (struct cove__object_progress){ .done = done };
    if (cove__paging_next(&p->tokens, token, NULL, 1, &unseen, NULL) < 0)
        p->repeats++;
    return ++p->steps <= COVE__OBJECT_STEPS_MAX && p->repeats <= COVE__OBJECT_REPEATS_MAX;
}

int cove__object_run_steps(struct cove__object_store *store, const struct cove__object_steps *steps,
                           struct cove__object_name name, const void *arg, const struct cove__ctx *ctx,
                           struct cove__object_steps_end *ret_end, struct cove_error *err)
{
    struct cove__buf token = COVE__BUF_INIT(TOKEN_MAX);
    struct cove__object_progress progress = { 0 };
    unsigned n = 0;
    int rc;

    *ret_end = (struct cove__object_steps_end){ 0 };
    do {
        rc = run_step(store, steps, name, arg, ctx, &token, ret_end, err);
        if (rc == 0 && token.size > 0 && steps->polls_max > 0)
            rc = cove__object_wait_to_poll(steps->polls_max, ++n, ctx, err);
        else if (rc == 0 && token.size > 0 && !cove__object_step_advances(&progress, cove__buf_str(&token), 0))
            rc = cove__fs_fail(
                err, ctx, COVE_EPROTOCOL,
                "the operation does not advance: each response of the store announces that there is more to "
                "do");
    } while (rc == 0 && token.size > 0);
    cove__buf_done(&token);
    return rc;
}
