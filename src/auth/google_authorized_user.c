/* A user's login by gcloud: its refresh token gives access tokens (RFC 6749, section 6). For google_chain.c. */
#include <stdio.h>
#include <string.h>

#include "auth/google_chain.h"
#include "auth/oauth_endpoint.h"

const char *cove__google_login_advice(const struct cove__google_key_file *file, char *ret, size_t size)
{
    const char *origin = file->origin ? file->origin : "", *how = strrchr(origin, '(');
    size_t n = how ? strcspn(how + 1, ")") : 0;
    bool own = strcmp(origin, COVE__GOOGLE_OF_OPTION) != 0 &&
               (!how || how == origin || strcmp(how - 1, COVE__GOOGLE_OF_GCLOUD) == 0);

    if (own)
        snprintf(ret, size, "run \"gcloud auth application-default login\"");
    else
        snprintf(ret, size, "run \"gcloud auth application-default login\" and leave out %.*s",
                 how ? (int)n : (int)strlen(origin), how ? how + 1 : origin);
    return ret;
}

int cove__google_authorized_user(const struct cove__google_chain *chain, const struct cove__google_key_file *file,
                                 cove_cancel *cancel, struct cove__oauth_token *ret, struct cove_error *err)
{
    char advice[COVE_ERROR_MESSAGE_MAX];
    struct cove__exchange x;

    cove__exchange_init(&x, &chain->client, "POST", "of a login of gcloud");
    cove__buf_add_str(&x.url, file->token_uri);
    cove__exchange_form(&x);
    cove__exchange_add_field(&x, "grant_type", "refresh_token");
    cove__exchange_add_field(&x, "client_id", file->client_id);
    cove__exchange_add_field(&x, "client_secret", file->client_secret);
    cove__exchange_add_field(&x, "refresh_token", file->refresh_token);
    int rc = cove__oauth_run(&x, cove__google_login_advice(file, advice, sizeof advice), cancel, ret, NULL, err);
    cove__exchange_done(&x);
    return rc;
}
