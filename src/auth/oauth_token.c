/* OAuth's bearer tokens as a provider's payload: see oauth_token.h. */
#include "auth/oauth_token.h"

#include <assert.h>

#include "base/mem.h"

void cove__oauth_token_done(struct cove__oauth_token *token)
{
    cove__wipe(token->token);
    cove__free(token->origin);
    *token = (struct cove__oauth_token){ 0 };
}

static void done(void *payload)
{
    cove__oauth_token_done(payload);
}

static int64_t expires_ns(const void *payload)
{
    return ((const struct cove__oauth_token *)payload)->expires_ns;
}

static const char *origin(const void *payload)
{
    return ((const struct cove__oauth_token *)payload)->origin;
}

const struct cove__credentials_type cove__oauth_token_type = {
    .name = "oauth", .size = sizeof(struct cove__oauth_token), .done = done, .expires_ns = expires_ns, .origin = origin
};

const struct cove__oauth_token *cove__oauth_token_of(const struct cove__credentials *credentials)
{
    assert(credentials->type == &cove__oauth_token_type);
    return (const void *)credentials->payload;
}
