/* OAuth's bearer tokens as a provider's payload: see oauth_token.h. */
#include "auth/oauth_token.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"

void cove__oauth_token_done(struct cove__oauth_token *token)
{
    cove__wipe(token->token);
    cove__free(token->origin);
    cove__free(token->quota_project);
    cove__free(token->project);
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

static const char *project(const void *payload)
{
    return ((const struct cove__oauth_token *)payload)->project;
}

static bool same(const char *a, const char *b)
{
    return !a || !b ? a == b : strcmp(a, b) == 0;
}

static bool equal(const void *a, const void *b)
{
    const struct cove__oauth_token *x = a, *y = b;
    return same(x->token, y->token) && same(x->quota_project, y->quota_project);
}

static void hide(const void *payload)
{
    cove__secret_add_owned(((const struct cove__oauth_token *)payload)->token);
}

static bool is_none(const void *payload)
{
    return !((const struct cove__oauth_token *)payload)->token;
}

const struct cove__credentials_type cove__oauth_token_type = { .name = "oauth",
                                                               .size = sizeof(struct cove__oauth_token),
                                                               .done = done,
                                                               .expires_ns = expires_ns,
                                                               .origin = origin,
                                                               .project = project,
                                                               .equal = equal,
                                                               .hide = hide,
                                                               .is_none = is_none };

const struct cove__oauth_token *cove__oauth_token_of(const struct cove__credentials *credentials)
{
    assert(credentials->type == &cove__oauth_token_type);
    return (const void *)credentials->payload;
}
