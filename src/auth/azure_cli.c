/*
 * The login of the Azure CLI: "az account get-access-token" prints a token. It is started by a shell in the root
 * folder, as "az" is a Python program that would take modules from the current one. For azure_chain.c.
 */
#include <string.h>
#include <sys/wait.h>

#include "auth/azure_chain.h"
#include "auth/oauth_endpoint.h"
#include "auth/process.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "wire/json.h"

#define NAME       "the Azure CLI"
#define TIMEOUT_NS (30 * COVE__SEC) /* it begins slowly */
#define NOT_FOUND  127              /* a shell's status where there is no such program */
#define COMMAND    "cd / && exec az account get-access-token --output json --scope \"$0\" ${1:+--tenant \"$1\"} 2>&1"
#define SAID_MAX   300

struct response {
    char *token;
    int64_t ends_ns, local_ns; /* -1: not given */
};

static int take(void *user, const char *path, enum cove__json_type type, const char *text)
{
    struct response *r = user;

    if (strcmp(path, "expires_on") == 0 && type != COVE__JSON_NULL)
        r->ends_ns = cove__azure_ends_ns(text);
    else if (strcmp(path, "expiresOn") == 0 && type != COVE__JSON_NULL)
        r->local_ns = cove__azure_local_ns(text);
    if (strcmp(path, "accessToken") != 0 || type != COVE__JSON_STRING)
        return 0;
    cove__wipe(r->token);
    r->token = cove__strdup(text);
    cove__secret_add_owned(r->token);
    return r->token ? 0 : COVE_ENOMEM;
}

/* The object in what it prints, which may have warnings before and after it. */
static struct cove__slice object_of(const struct cove__buf *text)
{
    const char *all = cove__buf_str(text), *begin = strchr(all, '{'), *end = strrchr(all, '}');

    while (begin && begin > all && begin[-1] != '\n')
        begin = strchr(begin + 1, '{');
    return begin && end > begin ? cove__slice(begin, (size_t)(end - begin) + 1) : cove__slice_str("");
}

static int accept(const struct cove__buf *text, struct cove__oauth_token *ret, struct cove_error *err)
{
    static const struct cove__json_handler handler = { .value = take };
    struct response r = { .ends_ns = -1, .local_ns = -1 };
    char why[160];
    int rc = cove__json_read(object_of(text), &handler, &r, why, sizeof why);
    int64_t ends_ns = r.ends_ns >= 0 ? r.ends_ns : r.local_ns;

    if (rc == COVE_ENOMEM) {
        cove__fail_nomem(err, "the credentials");
    } else if (rc < 0 || !r.token || !cove__oauth_token_is_usable(r.token) || ends_ns < 0) {
        rc = cove__fail(err, COVE_EPROTOCOL, "credentials of " NAME ": what it prints has no usable token");
    } else {
        ret->token = r.token;
        ret->expires_ns = ends_ns;
        r.token = NULL;
        if (cove__set_string(&ret->origin, NAME) < 0)
            rc = cove__fail_nomem(err, "the credentials");
    }
    cove__wipe(r.token);
    return rc;
}

/* With the line that has the reason. */
static int refused(const struct cove__azure_chain *chain, const struct cove__buf *text, struct cove_error *err)
{
    const char *all = cove__buf_str(text), *said = strstr(all, "ERROR: ");
    bool no_login = strstr(all, "az login") || strstr(all, "az account set");
    const char *advice = cove__azure_advice(all);

    said = said ? said + strlen("ERROR: ") : all;
    int n = (int)strcspn(said, "\r\n");
    if (n > SAID_MAX)
        n = SAID_MAX;
    if (no_login && !advice)
        return cove__fail(err, chain->only ? COVE_EAUTH : COVE_ENOTFOUND, "%s%.*s",
                          chain->only ? "credentials of " NAME ": " : "", n, said);
    return cove__fail(err, COVE_EAUTH, "credentials of " NAME ": %s%s%.*s%s", advice ? advice : "", advice ? " (" : "",
                      n, n > 0 ? said : "it failed", advice ? ")" : "");
}

int cove__azure_cli(const struct cove__azure_chain *chain, cove_cancel *cancel, struct cove__oauth_token *ret,
                    struct cove_error *err)
{
    const char *const argv[] = { "/bin/sh", "-c", COMMAND, COVE__AZURE_SCOPE, chain->tenant_id, NULL };
    const struct cove__process process = { .argv = argv, .name = NAME, .timeout_ns = TIMEOUT_NS };
    struct cove__buf text = COVE__BUF_INIT(COVE__AZURE_FILE_MAX);
    int status = 0;

    int rc = cove__process_run(&process, cancel, &text, &status, err);
    if (rc == 0 && status > 0 && WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND)
        rc = cove__fail(err, chain->only ? COVE_EAUTH : COVE_ENOTFOUND, "there is no program \"az\" in PATH");
    else if (rc == 0 && status > 0)
        rc = refused(chain, &text, err);
    else if (rc == 0)
        rc = accept(&text, ret, err);
    cove__buf_wipe(&text);
    return rc;
}
