/*
 * Token endpoints (RFC 6749): a request for a token, and what they answer. For the sources of google_chain.h and
 * azure_chain.h.
 */
#ifndef COVE_AUTH_OAUTH_ENDPOINT_H
#define COVE_AUTH_OAUTH_ENDPOINT_H

#include <stdbool.h>

#include <cove/call.h>

#include "auth/exchange.h"
#include "auth/oauth_token.h"

#define COVE__OAUTH_LIFETIME_MAX_S ((int64_t)90 * 24 * 3600)

/* Runs a request for a token and reads the token endpoint's response (RFC 6749, section 5). `advice`: what to do where
 * a grant is not valid any more; NULL: nothing known. `ret` has no origin yet. *ret_refresh_token: a new one, owned and
 * secret, NULL where there is none; NULL: it is not wanted. COVE_EAUTH: refused; the response is still in `x`. */
int cove__oauth_run(struct cove__exchange *x, const char *advice, cove_cancel *cancel, struct cove__oauth_token *ret,
                    char **ret_refresh_token, struct cove_error *err);
/* Before another attempt that the service's response allows: waits for x->gap_ns. 0, COVE_ECANCELED, COVE_ETIMEDOUT. */
int cove__oauth_wait(const struct cove__exchange *x, cove_cancel *cancel, struct cove_error *err);
/* A signed token, and a subject token, is refused where the clocks differ, which nothing else shows: adds it to the
 * error of a refusal. `date_ns`: the response's Date; -1: it has none. `whose` clock that is: "the store's". */
void cove__oauth_add_clock(int64_t date_ns, const char *whose, struct cove_error *err);
/* What goes into a header's line: printable, without blanks. */
bool cove__oauth_token_is_usable(const char *token);
/* Secrets may be sent there: https, or a host of this machine, which is a test's, or a proxy of the user's. */
bool cove__oauth_is_safe_url(const char *url);

#endif
