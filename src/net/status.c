/* Status to code, for net/http and every backend behind it. */
#include "net/status.h"

#include <cove/error.h>

int cove__status_code(int status)
{
    if (status >= 200 && status < 300)
        return COVE_OK;
    switch (status) {
    case 400:
        return COVE_EINVAL;
    case 401:
        return COVE_EAUTH;
    case 402:
    case 403:
    case 451:
        return COVE_EACCESS;
    case 404:
    case 410:
        return COVE_ENOTFOUND;
    case 405:
    case 501:
        return COVE_ENOTSUP;
    case 407:
        return COVE_ENETWORK; /* the proxy's credentials, not the store's */
    case 408:
        return COVE_ETIMEDOUT;
    case 409:
    case 412:
    case 416: /* the object is shorter than when the range was chosen */
        return COVE_EPRECONDITION;
    case 413:
        return COVE_ELIMIT;
    case 429:
    case 503:
        return COVE_ETHROTTLED;
    case 507:
        return COVE_ENOSPC;
    default:
        return status >= 500 && status < 600 ? COVE_ESERVER : COVE_EPROTOCOL;
    }
}

bool cove__status_retry(int status)
{
    return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

bool cove__status_throttled(int status)
{
    return status == 429 || status == 503;
}
