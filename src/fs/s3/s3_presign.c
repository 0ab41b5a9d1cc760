/*
 * Signed URLs. Signing needs no request. If keys must be fetched first, a request is started that waits for them, and
 * ends before anything is sent.
 */
#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/s3/s3_request.h"
#include "wire/uri.h"

#define URL_MAX ((size_t)32 << 10)

struct signing {
    struct cove__object_request r; /* first: what the client calls back with */
    int64_t expires_s;
    char *url; /* owned; NULL: not signed yet */
};

static int sign_url(struct signing *s, const struct s3_target *target, struct cove_error *err)
{
    struct cove__object_request *r = &s->r;
    struct cove__sigv4_request v4 = cove__s3_to_sign(r, target);
    struct cove__buf query = COVE__BUF_SECRET(URL_MAX), url = COVE__BUF_SECRET(2 * URL_MAX);
    const char *token = cove__aws_credentials_get(target->credentials)->token;

    cove__buf_add_slice(&query, cove__buf_slice(&r->query));
    if (cove__s3_of(r)->o.requester_pays)
        cove__uri_add_pair(&query, "x-amz-request-payer", cove__slice_str("requester"));
    int rc = cove__object_request_rc(r); /* without its version the URL would be of another object */
    if (rc == 0)
        rc = cove__sigv4_presign(&v4, cove__s3_signing(r), target->to.host, s->expires_s,
                                 cove__s3_state(r)->session ? "X-Amz-S3session-Token" : "X-Amz-Security-Token", token,
                                 &query);
    if (rc == 0)
        rc = cove__buf_addf(&url, "%s://%s%s?%s", target->to.scheme, target->to.host, cove__buf_str(&target->path),
                            cove__buf_str(&query));
    if (rc == 0) {
        s->url = cove__buf_take(&url);
        rc = s->url ? 0 : COVE_ENOMEM;
    }
    if (rc < 0)
        cove__object_fail(r, err, rc, "the URL cannot be made: %s", cove_code_phrase(rc));
    cove__buf_done(&query);
    cove__buf_done(&url);
    return rc;
}

/* 0; COVE__HTTP_LATER; an error. */
static int try_to_sign(struct signing *s, bool wait, struct cove_error *err)
{
    struct s3_target target;

    int rc = cove__s3_target_of(&s->r, wait, &target, err);
    if (rc == 0)
        rc = sign_url(s, &target, err);
    cove__s3_target_done(&target);
    return rc;
}

/* The keys are there: what is wanted is done, so the request ends here. */
static int prepare(void *self, struct cove__http_request *http, struct cove_error *err)
{
    int rc = try_to_sign(self, true, err);

    return rc != 0 ? rc : cove__fail(err, COVE_ECANCELED, "%s %s: signed", http->op.ctx.op, http->op.ctx.url);
}

int cove__s3_presign(void *self, const char *path, const char *method, int64_t expires_s, const struct cove__ctx *ctx,
                     char **ret_url, struct cove_error *err)
{
    static const struct cove__http_hooks hooks = { .prepare = prepare };
    struct cove__s3 *s3 = self;
    struct cove_error why = COVE_ERROR_INIT;
    struct signing s = { .expires_s = expires_s };
    struct cove__object_name name;

    int rc = cove__object_name_of(&s3->store, path, strcmp(method, "PUT") == 0, ctx, &name, err);
    if (rc < 0)
        return rc;
    if (!s3->provider)
        return cove__fs_fail(err, ctx, COVE_EINVAL, "with anon=true there are no keys to sign with");
    cove__object_request_init(&s.r, &s3->store, method, name, ctx);
    rc = try_to_sign(&s, false, &why);
    if (rc == COVE__HTTP_LATER) {
        s.r.http.hooks = &hooks;
        rc = cove__http_run(&s.r.http, &why);
    }
    cove__object_request_done(&s.r);
    if (!s.url)
        return cove__error_copy(err, &why);
    *ret_url = s.url;
    return 0;
}
