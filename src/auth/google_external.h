/*
 * External accounts: a token of another identity provider (its subject token) is exchanged for one of Google's by the
 * Security Token Service (RFC 8693; https://google.aip.dev/auth/4117). google_external_account.c does it; each kind of
 * place that a subject token comes from has a file.
 */
#ifndef COVE_AUTH_GOOGLE_EXTERNAL_H
#define COVE_AUTH_GOOGLE_EXTERNAL_H

#include <cove/call.h>
#include <cove/error.h>

#include "base/buf.h"
#include "wire/json_tokens.h"

#define COVE__GOOGLE_SUBJECT_MAX ((size_t)64 << 10)

struct cove__google_chain;
struct cove__google_key_file;

/* The members of such a file. Owned strings; NULL: not in the file. */
struct cove__google_external {
    char *audience, *subject_token_type, *workforce_user_project;
    /* of credential_source; one of file, url, environment_id and command */
    char *file;
    char *url; /* of the token; with environment_id of the name of the instance's role */
    struct cove__buf headers;
    char *format, *field; /* of the text that file and url give: "text" (or NULL), or "json" and the token's member */
    char *environment_id, *region_url, *verification_url, *session_token_url;
    char *command, *output_file;
    int64_t timeout_ms;  /* of the command; 0: not in the file */
    int64_t lifetime_s;  /* of the token of the impersonated service account; 0: not in the file */
    bool is_certificate; /* X.509 by mutual TLS */
};
void cove__google_external_init(struct cove__google_external *e);
void cove__google_external_done(struct cove__google_external *e);
/* For the reader of the file: a member of it. 0, COVE_ENOMEM. google_external_members.c. */
int cove__google_external_take(struct cove__google_external *e, const char *path, enum cove__json_type type,
                               const char *text);
/* Whether what its source needs is there. COVE_EAUTH, COVE_ENOTSUP; `origin` names the file. */
int cove__google_external_check(const struct cove__google_external *e, const char *origin, struct cove_error *err);

/* ---- the sources; each adds the subject token, or fails with a message that names the source ---- */

/* google_external_text.c: of a file, or of a service's response. Read again at each refresh. */
int cove__google_external_of_file(const struct cove__google_external *e, struct cove__buf *out, struct cove_error *err);
int cove__google_external_of_url(const struct cove__google_chain *chain, const struct cove__google_external *e,
                                 cove_cancel *cancel, struct cove__buf *out, struct cove_error *err);
/* google_external_aws.c: a signed request that proves who has AWS's keys. The session token and the signature in it are
 * secrets with `out` as their owner, until cove__secret_drop(out). */
int cove__google_external_of_aws(const struct cove__google_chain *chain, const struct cove__google_external *e,
                                 cove_cancel *cancel, struct cove__buf *out, struct cove_error *err);
/* google_external_program.c: what a program prints. `email`: of the account that is impersonated; NULL: none. */
int cove__google_external_of_program(const struct cove__google_external *e, const char *email, cove_cancel *cancel,
                                     struct cove__buf *out, struct cove_error *err);

#endif
