/*
 * The Instance Metadata Service of Azure's virtual machines: tokens of the identity that the machine has
 * (https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token). For
 * azure_managed.c.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/azure_chain.h"
#include "auth/oauth_endpoint.h"
#include "base/clock.h"
#include "base/error.h"
#include "wire/uri.h"

#define HOST            "http://169.254.169.254"
#define PATH            "/metadata/identity/oauth2/token?api-version=2018-02-01"
#define FIRST_MS        1000 /* elsewhere nothing answers */
#define RETRIES         5u
#define GAP_NS          (500 * COVE__MS)
#define UPDATING_GAP_NS (14 * COVE__SEC) /* 410: the service is updated, for at most 70 seconds */

static bool is_for_later(int status)
{
    return status == 404 || status == 410;
}

static int run(struct cove__exchange *x, bool expected, cove_cancel *cancel, struct cove_error *err)
{
    int rc = cove__exchange_run(x, cancel, err);

    for (unsigned n = 0; rc == COVE_EAUTH && is_for_later(x->status) && expected && n < RETRIES; n++) {
        x->gap_ns = x->status == 410 ? UPDATING_GAP_NS : GAP_NS << n;
        rc = cove__oauth_wait(x, cancel, err);
        if (rc < 0)
            return rc;
        cove__buf_reset(&x->response);
        rc = cove__exchange_run(x, cancel, err);
    }
    return rc;
}

/* Docker Desktop answers for the address, too. */
static bool is_unreachable(const struct cove__exchange *x)
{
    return x->status == 403 && memmem(x->response.data, x->response.size, "unreachable", 11);
}

static int refused(const struct cove__exchange *x, bool expected, int rc, struct cove_error *err)
{
    if (rc == COVE_EAUTH && x->status == 400)
        rc = cove__fail(err, expected ? rc : COVE_ENOTFOUND,
                        "credentials %s: the machine has no such identity: assign one to it, or set client_id "
                        "(AZURE_CLIENT_ID) to that of one which it has",
                        x->where);
    else if (!expected && (rc == COVE_ENETWORK || rc == COVE_ETIMEDOUT || is_unreachable(x)))
        rc = cove__fail(err, COVE_ENOTFOUND, "no metadata service answers");
    if (rc == COVE_EAUTH || x->status == 400)
        cove__azure_managed_refused(x, err);
    return rc;
}

int cove__azure_imds(const struct cove__azure_chain *chain, cove_cancel *cancel, struct cove__oauth_token *ret,
                     struct cove_error *err)
{
    const char *host = getenv("AZURE_POD_IDENTITY_AUTHORITY_HOST");
    bool expected = chain->only || chain->place == COVE__AZURE_MANAGED;
    struct cove__exchange x;

    cove__exchange_init(&x, &chain->client, "GET", "of the managed identity of this machine");
    cove__buf_addf(&x.url, "%s" PATH, host && host[0] != '\0' ? host : HOST);
    cove__uri_add_pair(&x.url, "resource", cove__slice_str(COVE__AZURE_RESOURCE));
    cove__azure_add_identity(chain, "client_id", "object_id", "msi_res_id", &x.url);
    cove__buf_add_str(&x.headers, "Metadata: true\n");
    x.no_proxy = true;
    x.retries = expected ? RETRIES : 0;
    if (!expected)
        x.connect_timeout_ms = FIRST_MS;
    int rc = run(&x, expected, cancel, err);
    rc = rc == 0 ? cove__azure_managed_read(&x, ret, err) : refused(&x, expected, rc, err);
    cove__exchange_done(&x);
    return rc;
}
