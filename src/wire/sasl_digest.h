/*
 * The client of DIGEST-MD5 (RFC 2831), with which Hadoop checks its tokens, and its security layer. No I/O. MD5, 3DES
 * and RC4 are weak by today's measure: they are what the servers have.
 */
#ifndef COVE_WIRE_SASL_DIGEST_H
#define COVE_WIRE_SASL_DIGEST_H

#include "base/buf.h"
#include "base/slice.h"
#include "wire/sasl.h"

struct cove__sasl_digest; /* one login, and then its connection's layer */

struct cove__sasl_digest_login {
    const char *user, *password;
    const char *service; /* "imap/host" */
    const char *cnonce;  /* NULL: chosen by chance */
    struct cove__sasl_qualities qualities;
};

/*
 * The response to a server's challenge, appended to `out`. *ret is the caller's. *ret_why: a reason, a constant.
 * COVE_EPROTOCOL: the challenge is malformed; COVE_EAUTH: it offers nothing that is accepted; COVE_ENOTSUP: OpenSSL
 * refuses (FIPS); COVE_ENOMEM.
 */
int cove__sasl_digest_answer(struct cove__slice challenge, const struct cove__sasl_digest_login *login,
                             struct cove__buf *out, struct cove__sasl_digest **ret, const char **ret_why);
/* The server's last message: whether it knows the password, too. COVE_EAUTH. */
int cove__sasl_digest_check(const struct cove__sasl_digest *d, struct cove__slice last);
unsigned cove__sasl_digest_quality(const struct cove__sasl_digest *d);

/* How many bytes may be sealed at once. */
size_t cove__sasl_digest_max(const struct cove__sasl_digest *d);
/* Appends the protected form of `data` to `out`, in the order in which they are sent. COVE_ENOMEM, COVE_ENOTSUP. */
int cove__sasl_digest_seal(struct cove__sasl_digest *d, struct cove__slice data, struct cove__buf *out);
/* The reverse. COVE_ECORRUPT: it was changed on its way, or is not the next. */
int cove__sasl_digest_open(struct cove__sasl_digest *d, struct cove__slice sealed, struct cove__buf *out);
void cove__sasl_digest_free(struct cove__sasl_digest *d);

#endif
