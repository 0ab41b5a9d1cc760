/* A client's logins by Kerberos, and what protects their connections. */
#ifndef COVE_AUTH_GSSAPI_H
#define COVE_AUTH_GSSAPI_H

#include <stdbool.h>
#include <stddef.h>

#include <cove/error.h>

#include "base/buf.h"
#include "base/slice.h"

/* With which tickets. Each may be NULL. BORROWED. */
struct cove__gss_login {
    const char *cache;     /* the ticket cache, "FILE:/tmp/krb5cc_1000"; NULL: KRB5CCNAME, else the default */
    const char *keytab;    /* gets tickets automatically, when there are none or they have expired */
    const char *principal; /* NULL: the cache's, or the keytab's first */
};

struct cove__gss; /* one connection's context, for one thread at a time */

/* `service`: the server's principal, "nn/host@REALM". COVE_ENOTSUP: no library; COVE_EAUTH: no valid ticket. */
int cove__gss_new(const struct cove__gss_login *login, const char *service, struct cove__gss **ret,
                  struct cove_error *err);
/* The answer to the server's token (empty: there is none yet), appended to `out`. 1: the context stands; 0: the server
 * owes another; COVE_EAUTH, COVE_ENETWORK: no KDC answers. */
int cove__gss_step(struct cove__gss *g, struct cove__slice token, struct cove__buf *out, struct cove_error *err);

/* Appended to `out`. `private`: encrypted. COVE_ENOMEM, COVE_EAUTH: the context has ended. */
int cove__gss_wrap(struct cove__gss *g, struct cove__slice data, bool private, struct cove__buf *out);
/* COVE_ECORRUPT: it was changed on its way; or it is not encrypted, but must be. */
int cove__gss_unwrap(struct cove__gss *g, struct cove__slice sealed, bool private, struct cove__buf *out);
/* How many bytes may be wrapped, for at most `size` afterwards. */
size_t cove__gss_max(struct cove__gss *g, size_t size, bool private);
void cove__gss_free(struct cove__gss *g);

#endif
