/*
 * Whether a good response is the service's. A proxy or a login page answers 200, too, and nothing has been done; so
 * what changes something is done only if the response has the service's own status and request ID, and no page.
 */
#include <string.h>

#include "fs/azure/azure.h"
#include "net/header.h"

static bool is_good(const struct cove__object_request *r)
{
    return r->http.status >= 200 && r->http.status < 300;
}

bool cove__azure_is_answer(const struct cove__object_request *r, int status)
{
    return cove__azure_is_from_store(r) && (status == 0 || (r->http.status == status && r->http.response.size == 0));
}

int cove__azure_no_answer(struct cove__object_request *r, struct cove_error *err)
{
    return cove__object_fail(r, err, COVE_EPROTOCOL,
                             "the response is not from the store: check the endpoint and any proxy (HTTP %d)",
                             r->http.status);
}

/* 0: another function checks it. */
static int status_of(const struct cove__object_request *r)
{
    switch (cove__azure_state(r)->kind) {
    case AZURE_PUT:
    case AZURE_COMMIT:
    case AZURE_APPEND:
        return 201;
    case AZURE_METADATA:
        return 200;
    case AZURE_ANY: /* a container */
        return strcmp(r->http.method, "PUT") == 0 ? 201 : 0;
    default:
        return 0;
    }
}

/* A removal that another status answers is looked after by the engine. */
static bool changes_something(const struct cove__object_request *r)
{
    if (strcmp(r->http.method, "DELETE") == 0)
        return r->http.status == r->store->ops->deleted_status;
    return strcmp(r->http.method, "GET") != 0 && strcmp(r->http.method, "HEAD") != 0;
}

bool cove__azure_response(struct cove__object_request *r, enum cove__http_verdict *ret_verdict, struct cove_error *err)
{
    if (!is_good(r) || !changes_something(r) || cove__azure_is_answer(r, status_of(r)))
        return false;
    cove__azure_no_answer(r, err);
    *ret_verdict = COVE__HTTP_RETRY;
    return true;
}

int cove__azure_continuation(const struct cove__object_request *r, struct cove__buf *ret)
{
    struct cove__slice token;

    if (!cove__header_value(cove__buf_slice(&r->http.response_headers), "x-ms-continuation", &token))
        return 0;
    return cove__buf_add_slice(ret, token);
}
