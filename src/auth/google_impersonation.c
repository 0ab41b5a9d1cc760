/* IAM's service (https://cloud.google.com/iam/docs/reference/credentials/rest): to the token of one account it gives a
 * token of another, for google_chain.c, or the other's signature, for google_signer.c. */
#include <string.h>

#include "auth/google_chain.h"
#include "auth/oauth_endpoint.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "wire/json.h"

#define LIFETIME_S ((int64_t)3600)

struct response {
    const char *name; /* of what was asked for */
    char *value, *ends, *status, *message;
};

static int take(void *user, const char *path, enum cove__json_type type, const char *text)
{
    struct response *r = user;
    char **at = strcmp(path, r->name) == 0           ? &r->value
                : strcmp(path, "expireTime") == 0    ? &r->ends
                : strcmp(path, "error/status") == 0  ? &r->status
                : strcmp(path, "error/message") == 0 ? &r->message
                                                     : NULL;

    if (!at || type != COVE__JSON_STRING)
        return 0;
    cove__wipe(*at); /* a repeated name is refused later */
    *at = cove__strdup(text);
    if (at == &r->value)
        cove__secret_add_owned(*at);
    return *at ? 0 : COVE_ENOMEM;
}

bool cove__google_impersonated_email(const struct cove__google_key_file *file, char ret[COVE__GOOGLE_EMAIL_MAX])
{
    const char *slash = file->impersonation_url ? strrchr(file->impersonation_url, '/') : NULL;
    size_t n = slash ? strcspn(slash + 1, ":") : 0;

    if (n == 0 || n >= COVE__GOOGLE_EMAIL_MAX || slash[1 + n] != ':')
        return false;
    memcpy(ret, slash + 1, n);
    ret[n] = '\0';
    return true;
}

static void add_body(struct cove__buf *out, const char *scope, int64_t lifetime_s, const char *delegates)
{
    cove__buf_add_str(out, "{\"scope\":[");
    for (const char *at = scope; *at != '\0';) {
        size_t n = strcspn(at, " ");
        if (at > scope)
            cove__buf_add_char(out, ',');
        cove__json_add_string(out, cove__slice(at, n));
        at += n + strspn(at + n, " ");
    }
    cove__buf_addf(out, "],\"lifetime\":\"%llds\",\"delegates\":[%s]}", (long long)lifetime_s,
                   delegates ? delegates : "");
}

int cove__google_iam_run(struct cove__exchange *x, const char *name, cove_cancel *cancel, char **ret_value,
                         int64_t *ret_ends_ns, struct cove_error *err)
{
    static const struct cove__json_handler handler = { .value = take };
    struct response r = { .name = name };
    char why[160];

    int rc = cove__exchange_run(x, cancel, err);
    int parsed =
        rc == 0 || rc == COVE_EAUTH ? cove__json_read(cove__buf_slice(&x->response), &handler, &r, why, sizeof why) : 0;
    bool read = parsed == 0; /* what stood before a fault in it is not used */
    if (parsed == COVE_ENOMEM) {
        rc = cove__fail_nomem(err, "the credentials");
    } else if (rc == COVE_EAUTH && read && r.status) {
        cove__fail(err, rc, "credentials %s: %.64s: %.300s", x->where, r.status, r.message ? r.message : "");
        err->http_status = x->status;
    } else if (rc == 0 && (!read || !r.value)) {
        rc = cove__fail(err, COVE_EPROTOCOL, "credentials %s: the response has no %s", x->where, name);
    } else if (rc == 0) {
        *ret_ends_ns = r.ends ? cove__parse_iso8601(r.ends) : -1;
        *ret_value = r.value;
        r.value = NULL;
    }
    cove__wipe(r.value);
    cove__free(r.ends);
    cove__free(r.status);
    cove__free(r.message);
    return rc;
}

int cove__google_impersonate(const struct cove__google_chain *chain, const struct cove__google_key_file *file,
                             const char *by, cove_cancel *cancel, struct cove__oauth_token *ret, struct cove_error *err)
{
    struct cove__exchange x;
    char *token = NULL;
    int64_t ends_ns = -1;

    cove__exchange_init(&x, &chain->client, "POST", "of an impersonated service account");
    cove__buf_add_str(&x.url, file->impersonation_url);
    cove__buf_addf(&x.headers, "Authorization: Bearer %s\nContent-Type: application/json\n", by);
    add_body(&x.body, chain->scope, file->external.lifetime_s > 0 ? file->external.lifetime_s : LIFETIME_S,
             file->delegates);
    x.has_body = true;
    int rc = cove__google_iam_run(&x, "accessToken", cancel, &token, &ends_ns, err);
    if (rc == 0 && (!cove__oauth_token_is_usable(token) || ends_ns < 0))
        rc = cove__fail(err, COVE_EPROTOCOL, "credentials %s: the response has no usable token", x.where);
    if (rc == 0) {
        ret->token = token;
        ret->expires_ns = ends_ns;
        token = NULL;
    }
    cove__wipe(token);
    cove__exchange_done(&x);
    return rc;
}
