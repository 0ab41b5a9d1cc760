/*
 * The token endpoint of a tenant of Microsoft Entra ID: a token for a secret, or for an assertion (RFC 6749, section
 * 4.4; RFC 7523). See azure_chain.h.
 */
#include <string.h>

#include "auth/azure_chain.h"
#include "auth/oauth_endpoint.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"

#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

bool cove__azure_is_tenant(struct cove__slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = (char)text.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (i == 0 || (c != '.' && c != '-')))
            return false;
    }
    return text.size > 0;
}

int cove__azure_token_url(const struct cove__azure_chain *chain, struct cove__buf *out, struct cove_error *err)
{
    if (!cove__azure_is_tenant(cove__slice_str(chain->tenant_id)))
        return cove__fail(err, COVE_EINVAL, "option tenant_id: it is neither a tenant's ID nor its domain");
    cove__buf_addf(out, "%s/%s/oauth2/v2.0/token", chain->authority, chain->tenant_id);
    return 0;
}

/* In words: the endpoint's own message has the code in it. */
static void explain(const struct cove__exchange *x, struct cove_error *err)
{
    char message[COVE_ERROR_MESSAGE_MAX];
    const char *advice = cove__azure_advice(err->message);

    if (!advice)
        return;
    memcpy(message, err->message, sizeof message);
    const char *said = strstr(message, "AADSTS");
    int status = err->http_status;
    cove__fail(err, err->code, "credentials %s: %s (%s)", x->where, advice, said);
    err->http_status = status;
}

int cove__azure_ask(const struct cove__azure_chain *chain, const char *where, const char *assertion,
                    cove_cancel *cancel, struct cove__oauth_token *ret, struct cove_error *err)
{
    struct cove__exchange x;

    cove__exchange_init(&x, &chain->client, "POST", where);
    cove__exchange_form(&x);
    cove__exchange_add_field(&x, "grant_type", "client_credentials");
    cove__exchange_add_field(&x, "client_id", chain->client_id);
    if (assertion) {
        cove__secret_add(&x, cove__slice_str(assertion));
        cove__exchange_add_field(&x, "client_assertion_type", ASSERTION_TYPE);
        cove__exchange_add_field(&x, "client_assertion", assertion);
    } else {
        cove__exchange_add_field(&x, "client_secret", chain->client_secret);
    }
    cove__exchange_add_field(&x, "scope", COVE__AZURE_SCOPE);
    int rc = cove__azure_token_url(chain, &x.url, err);
    if (rc == 0)
        rc = cove__oauth_run(&x, NULL, cancel, ret, NULL, err);
    if (rc == COVE_EAUTH)
        explain(&x, err);
    cove__exchange_done(&x);
    if (rc == 0 && cove__set_string(&ret->origin, where + strlen("of ")) < 0)
        rc = cove__fail_nomem(err, "the credentials");
    return rc;
}
