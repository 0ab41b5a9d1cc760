/* The one map from HTTP status to error code, and whether a retry may help after it. Pure. */
#ifndef COVE_NET_STATUS_H
#define COVE_NET_STATUS_H

#include <stdbool.h>

int cove__status_code(int status);       /* COVE_OK for 2xx, else COVE_E… */
bool cove__status_retry(int status);     /* another attempt may do better */
bool cove__status_throttled(int status); /* the server asks for fewer requests, and did not start this one */

#endif
