/*
 * The exchange of an external account's subject token at the Security Token Service
 * (https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token), and the refresh of a login that began so.
 * For google_chain.c.
 */
#include <string.h>

#include "auth/google_chain.h"
#include "auth/oauth_endpoint.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "wire/digest.h"
#include "wire/json.h"
#include "wire/uri.h"

#define PASSWORD_MAX ((size_t)4096)
#define OPTIONS_MAX  ((size_t)4096)

static int subject_token(const struct cove__google_chain *chain, const struct cove__google_key_file *file,
                         cove_cancel *cancel, struct cove__buf *out, struct cove_error *err)
{
    const struct cove__google_external *e = &file->external;
    char email[COVE__GOOGLE_EMAIL_MAX];

    if (e->environment_id)
        return cove__google_external_of_aws(chain, e, cancel, out, err);
    if (e->file) {
        cove__credentials_files_add(&chain->kept->tokens, e->file);
        return cove__google_external_of_file(e, out, err);
    }
    if (e->url)
        return cove__google_external_of_url(chain, e, cancel, out, err);
    cove__credentials_files_add(&chain->kept->tokens, e->output_file);
    return cove__google_external_of_program(e, cove__google_impersonated_email(file, email) ? email : NULL, cancel, out,
                                            err);
}

/* "Basic", by which the client proves itself (RFC 6749, section 2.3.1). */
static void add_client(struct cove__exchange *x, const struct cove__google_key_file *file)
{
    struct cove__buf pair = COVE__BUF_SECRET(PASSWORD_MAX);
    char text[COVE__BASE64_SIZE(PASSWORD_MAX)] = "";

    if (!file->client_id)
        return;
    cove__buf_addf(&pair, "%s:%s", file->client_id, file->client_secret ? file->client_secret : "");
    if (cove__buf_rc(&pair) == 0)
        cove__base64(pair.data, pair.size, text);
    else
        x->headers.rc = cove__buf_rc(&pair);
    cove__secret_add(x, cove__slice_str(text));
    cove__buf_addf(&x->headers, "Authorization: Basic %s\n", text);
    explicit_bzero(text, sizeof text);
    cove__buf_wipe(&pair);
}

/* The project that a workforce pool's requests are counted against, without a client: JSON, percent-encoded. */
static void add_options(struct cove__exchange *x, const struct cove__google_key_file *file)
{
    struct cove__buf json = COVE__BUF_INIT(OPTIONS_MAX), text = COVE__BUF_INIT(3 * OPTIONS_MAX);

    if (file->client_id || !file->external.workforce_user_project)
        return;
    cove__buf_add_str(&json, "{\"userProject\":");
    cove__json_add_string(&json, cove__slice_str(file->external.workforce_user_project));
    cove__buf_add_char(&json, '}');
    cove__uri_encode(&text, cove__buf_slice(&json), false);
    cove__exchange_add_field(x, "options", cove__buf_str(&text));
    if (cove__buf_rc(&json) < 0 || cove__buf_rc(&text) < 0)
        x->body.rc = COVE_ELIMIT;
    cove__buf_done(&json);
    cove__buf_done(&text);
}

int cove__google_external_account(const struct cove__google_chain *chain, const struct cove__google_key_file *file,
                                  cove_cancel *cancel, struct cove__oauth_token *ret, struct cove_error *err)
{
    struct cove__buf subject = COVE__BUF_SECRET(COVE__GOOGLE_SUBJECT_MAX);
    struct cove__exchange x;

    cove__exchange_init(&x, &chain->client, "POST", "of an external account");
    int rc = subject_token(chain, file, cancel, &subject, err);
    if (rc == 0) {
        cove__secret_add(&x, cove__buf_slice(&subject));
        cove__buf_add_str(&x.url, file->token_uri);
        cove__exchange_form(&x);
        add_client(&x, file);
        cove__exchange_add_field(&x, "grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
        cove__exchange_add_field(&x, "audience", file->external.audience);
        cove__exchange_add_field(&x, "scope", chain->scope);
        cove__exchange_add_field(&x, "requested_token_type", "urn:ietf:params:oauth:token-type:access_token");
        cove__exchange_add_field(&x, "subject_token", cove__buf_str(&subject));
        cove__exchange_add_field(&x, "subject_token_type", file->external.subject_token_type);
        add_options(&x, file);
        rc = cove__oauth_run(&x, "the subject token was refused: check its audience and its end", cancel, ret, NULL,
                             err);
    }
    cove__exchange_done(&x);
    cove__secret_drop(&subject);
    cove__buf_wipe(&subject);
    return rc;
}

/* The service may replace the refresh token; the new one serves as long as the file has the one that it replaced. */
int cove__google_external_user(const struct cove__google_chain *chain, const struct cove__google_key_file *file,
                               cove_cancel *cancel, struct cove__oauth_token *ret, struct cove_error *err)
{
    struct cove__google_kept *kept = chain->kept;
    bool known = kept->replaced && kept->refresh_token && strcmp(kept->replaced, file->refresh_token) == 0;
    char advice[COVE_ERROR_MESSAGE_MAX];
    struct cove__exchange x;
    char *next = NULL;

    cove__exchange_init(&x, &chain->client, "POST", "of a login of gcloud");
    cove__buf_add_str(&x.url, file->token_uri);
    cove__exchange_form(&x);
    add_client(&x, file);
    cove__exchange_add_field(&x, "grant_type", "refresh_token");
    cove__exchange_add_field(&x, "refresh_token", known ? kept->refresh_token : file->refresh_token);
    int rc = cove__oauth_run(&x, cove__google_login_advice(file, advice, sizeof advice), cancel, ret, &next, err);
    cove__exchange_done(&x);
    if (rc == 0 && next) {
        cove__wipe(kept->replaced);
        cove__wipe(kept->refresh_token);
        kept->replaced = cove__strdup(file->refresh_token);
        kept->refresh_token = next;
        cove__secret_add_owned(kept->replaced);
    }
    return rc;
}
