/* What the services of managed identities answer: JSON, of whatever content type. See azure_chain.h. */
#include <stdlib.h>
#include <string.h>

#include "auth/azure_chain.h"
#include "auth/oauth_endpoint.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "wire/json.h"

struct response {
    char *token, *ends, *error, *description;
    int64_t lasts_s;
};

static int take(void *user, const char *path, enum cove__json_type type, const char *text)
{
    struct response *r = user;
    const struct {
        const char *name;
        char **at;
    } rows[] = {
        { "access_token", &r->token },
        { "expires_on", &r->ends },
        { "error", &r->error },
        { "error/code", &r->error },
        { "error_description", &r->description },
        { "error/message", &r->description },
        { "message", &r->description },
        { "Message", &r->description },
    };

    if (strcmp(path, "expires_in") == 0) /* a number, or a string */
        r->lasts_s = strtoll(text, NULL, 10);
    for (size_t i = 0; type != COVE__JSON_NULL && i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(path, rows[i].name) != 0)
            continue;
        cove__wipe(*rows[i].at);
        *rows[i].at = cove__strdup(text);
        if (rows[i].at == &r->token)
            cove__secret_add_owned(r->token);
        return *rows[i].at ? 0 : COVE_ENOMEM;
    }
    return 0;
}

static int read_response(const struct cove__exchange *x, struct response *ret)
{
    static const struct cove__json_handler handler = { .value = take };
    char why[160];

    return cove__json_read(cove__buf_slice(&x->response), &handler, ret, why, sizeof why);
}

static void response_done(struct response *r)
{
    cove__wipe(r->token);
    cove__free(r->ends);
    cove__free(r->error);
    cove__free(r->description);
}

int cove__azure_managed_read(const struct cove__exchange *x, struct cove__oauth_token *ret, struct cove_error *err)
{
    struct response r = { 0 };
    int64_t now_ns = cove__wall_ns();
    int rc = read_response(x, &r);
    bool lasts = r.lasts_s > 0 && r.lasts_s <= COVE__OAUTH_LIFETIME_MAX_S;
    int64_t ends_ns = lasts ? now_ns + r.lasts_s * COVE__SEC : r.ends ? cove__azure_ends_ns(r.ends) : -1;

    if (rc == COVE_ENOMEM) {
        cove__fail_nomem(err, "the credentials");
    } else if (rc < 0 || !r.token || !cove__oauth_token_is_usable(r.token) || ends_ns < 0) {
        rc = cove__fail(err, COVE_EPROTOCOL, "credentials %s: the response has no usable token", x->where);
    } else if (ends_ns <= now_ns) {
        rc = cove__fail(err, COVE_EAUTH,
                        "credentials %s: the token has ended by this machine's clock: is the clock right?", x->where);
    } else {
        ret->token = r.token;
        ret->expires_ns = ends_ns;
        r.token = NULL;
    }
    response_done(&r);
    return rc;
}

void cove__azure_managed_refused(const struct cove__exchange *x, struct cove_error *err)
{
    struct response r = { 0 };

    if (read_response(x, &r) == 0 && (r.error || r.description))
        cove__error_add(err, " (%.64s%s%.200s)", r.error ? r.error : "", r.error && r.description ? ": " : "",
                        r.description ? r.description : "");
    response_done(&r);
}
