/* Signed URLs of the XML API, for requests that others make until a time: see gcs_sign.h. */
#include "fs/gcs/gcs_sign.h"

#include <stdio.h>
#include <string.h>

#include "auth/google_signer.h"
#include "auth/sigv4.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/object/await_credentials.h"
#include "wire/digest.h"
#include "wire/uri.h"

#define ALGORITHM "GOOG4-RSA-SHA256"
#define URL_MAX   ((size_t)32 << 10)
#define TEXT_MAX  ((size_t)1024)

/* The form of the request is that of AWS's Signature Version 4; only the names and the key are Google's. */
int cove__gcs_text_to_sign(const struct gcs_signed *s, struct cove__buf *query, struct cove__buf *text)
{
    struct cove__buf canonical = COVE__BUF_SECRET(2 * URL_MAX), names = COVE__BUF_INIT(TEXT_MAX),
                     headers = COVE__BUF_INIT(TEXT_MAX), credential = COVE__BUF_INIT(TEXT_MAX);
    char time[17], hash[65], seconds[24];

    cove__format_iso8601_basic(s->wall_ns, time);
    snprintf(seconds, sizeof seconds, "%lld", (long long)s->expires_s);
    cove__buf_addf(&credential, "%.8s/auto/storage/goog4_request", time);
    int rc = cove__buf_addf(text, ALGORITHM "\n%s\n%s\n", time, cove__buf_str(&credential));
    cove__buf_reset(&credential);
    cove__buf_addf(&credential, "%s/%.8s/auto/storage/goog4_request", s->email, time);
    cove__uri_add_pair(query, "X-Goog-Algorithm", cove__slice_str(ALGORITHM));
    cove__uri_add_pair(query, "X-Goog-Credential", cove__buf_slice(&credential));
    cove__uri_add_pair(query, "X-Goog-Date", cove__slice_str(time));
    cove__uri_add_pair(query, "X-Goog-Expires", cove__slice_str(seconds));
    cove__uri_add_pair(query, "X-Goog-SignedHeaders", cove__slice_str("host"));
    cove__buf_addf(&headers, "host: %s\n", s->host);
    const struct cove__buf *const made[] = { &credential, query, &headers };
    for (size_t i = 0; rc == 0 && i < sizeof made / sizeof made[0]; i++)
        rc = cove__buf_rc(made[i]);
    if (rc == 0) {
        const struct cove__sigv4_request request = {
            .method = s->method, .path = s->path, .query = cove__buf_str(query), .payload_hash = COVE__SIGV4_UNSIGNED
        };
        rc = cove__sigv4_canonical(&request, cove__buf_slice(&headers), &canonical, &names);
    }
    if (rc == 0)
        rc = cove__sha256_hex(cove__buf_slice(&canonical), hash);
    if (rc == 0)
        rc = cove__buf_add_str(text, hash);
    cove__buf_done(&canonical);
    cove__buf_done(&names);
    cove__buf_done(&headers);
    cove__buf_done(&credential);
    return rc;
}

/* "/BUCKET/OBJECT", and the other parameters of the URL. */
static int begin(const struct cove__gcs *gcs, const struct cove__object_name *name, struct cove__buf *path,
                 struct cove__buf *query)
{
    cove__buf_addf(path, "%s/", gcs->endpoint.base);
    cove__uri_encode(path, name->bucket, false);
    cove__buf_add_char(path, '/');
    cove__uri_encode(path, name->key, true);
    if (name->version.size > 0)
        cove__uri_add_pair(query, "generation", name->version);
    if (gcs->user_project)
        cove__uri_add_pair(query, "userProject", cove__slice_str(gcs->user_project));
    return cove__buf_rc(path) < 0 ? cove__buf_rc(path) : cove__buf_rc(query);
}

static int add_signature(const struct cove__google_signer *signer, const struct cove__buf *text,
                         const struct cove__ctx *ctx, struct cove__buf *query, struct cove_error *err)
{
    struct cove__buf signature = COVE__BUF_INIT(COVE__RSA_SIGNATURE_MAX);
    char hex[2 * COVE__RSA_SIGNATURE_MAX + 1];

    int64_t deadline_ns = ctx->deadline_ns < INT64_MAX ? ctx->deadline_ns : 0;
    int rc = cove__google_signer_sign(signer, cove__buf_slice(text), deadline_ns, ctx->cancel, &signature, err);
    if (rc == 0) {
        cove__hex(signature.data, signature.size, hex);
        cove__uri_add_pair(query, "X-Goog-Signature", cove__slice_str(hex));
    }
    cove__buf_done(&signature);
    return rc;
}

static int sign(const struct cove__gcs *gcs, const struct cove__object_name *name,
                const struct cove__google_signer *signer, struct gcs_signed *s, const struct cove__ctx *ctx,
                char **ret_url, struct cove_error *err)
{
    struct cove__buf path = COVE__BUF_INIT(URL_MAX), query = COVE__BUF_SECRET(URL_MAX), text = COVE__BUF_INIT(TEXT_MAX),
                     url = COVE__BUF_SECRET(2 * URL_MAX);

    int rc = begin(gcs, name, &path, &query);
    s->email = signer->email;
    s->host = gcs->endpoint.host;
    s->path = cove__buf_str(&path);
    s->wall_ns = cove__wall_ns();
    if (rc == 0)
        rc = cove__gcs_text_to_sign(s, &query, &text);
    if (rc < 0)
        cove__fail(err, rc, "the URL cannot be made: %s", cove_code_phrase(rc));
    else
        rc = add_signature(signer, &text, ctx, &query, err);
    if (rc == 0) {
        cove__buf_addf(&url, "%s://%s%s?%s", gcs->endpoint.tls ? "https" : "http", gcs->endpoint.host,
                       cove__buf_str(&path), cove__buf_str(&query));
        char *made = cove__buf_rc(&query) == 0 ? cove__buf_take(&url) : NULL;
        if (made)
            *ret_url = made;
        else
            rc = cove__fail_nomem(err, "the URL");
    }
    cove__buf_done(&path);
    cove__buf_done(&query);
    cove__buf_done(&text);
    cove__buf_done(&url);
    return rc;
}

/* ---- the signer ---- */

int cove__gcs_sign(void *self, const char *path, const char *method, int64_t expires_s, const struct cove__ctx *ctx,
                   char **ret_url, struct cove_error *err)
{
    struct cove__gcs *gcs = self;
    struct gcs_signed s = { .method = method, .expires_s = expires_s };
    struct cove__credentials_use use = { 0 };
    struct cove__credentials *signer = NULL;
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_name name;
    bool again;

    int rc = cove__object_name_of(&gcs->store, path, strcmp(method, "PUT") == 0, ctx, &name, err);
    if (rc < 0)
        return rc;
    if (!gcs->signers)
        return cove__fs_fail(err, ctx, COVE_EINVAL, "access is anonymous, so there is no service account that signs");
    do {
        rc = cove__object_await_credentials(&gcs->store, gcs->signers, &use, ctx, &signer, err);
        if (rc == COVE__CREDENTIALS_UNCHANGED)
            return cove__fs_fail(err, ctx, why.code, "%s", why.message); /* the refusal */
        if (rc < 0)
            return rc;
        cove__error_clear(&why);
        rc = sign(gcs, &name, cove__google_signer_of(signer), &s, ctx, ret_url, &why);
        again = rc == COVE_EAUTH && why.http_status == 401 && cove__provider_invalidate(gcs->signers, &use);
        cove__credentials_unref(signer);
        signer = NULL;
    } while (again);
    return rc < 0 ? cove__fs_fail(err, ctx, rc, "%s", why.message) : 0;
}
