/* What token endpoints answer: a token, or why there is none. See oauth_endpoint.h. */
#include "auth/oauth_endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/call.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "wire/json.h"

#define ATTEMPTS        3u /* where the endpoint's error shows that another one may help */
#define DESCRIPTION_MAX 200
#define HOST_MAX        256
#define LOOK_NS         (10 * COVE__MS) /* how often the token is checked */
#define NO_END          INT64_MAX       /* expires_in is optional: the token serves until it is refused */
#define CLOCK_MAX_S     ((int64_t)300)  /* what the services tolerate */

struct response {
    char *token, *refresh_token;
    char *error, *description;
    int64_t lasts_s; /* NO_END: not in the response */
};

static int take(void *user, const char *path, enum cove__json_type type, const char *text)
{
    struct response *r = user;
    char **at = strcmp(path, "access_token") == 0        ? &r->token
                : strcmp(path, "refresh_token") == 0     ? &r->refresh_token
                : strcmp(path, "error") == 0             ? &r->error
                : strcmp(path, "error_description") == 0 ? &r->description
                                                         : NULL;

    if (strcmp(path, "expires_in") == 0 && type != COVE__JSON_NULL) /* a number, or a string */
        r->lasts_s = strtoll(text, NULL, 10);
    if (!at || type != COVE__JSON_STRING)
        return 0;
    cove__wipe(*at); /* a repeated name is refused later */
    *at = cove__strdup(text);
    if (at == &r->token || at == &r->refresh_token)
        cove__secret_add_owned(*at);
    return *at ? 0 : COVE_ENOMEM;
}

static void response_done(struct response *r)
{
    cove__wipe(r->token);
    cove__wipe(r->refresh_token);
    cove__free(r->error);
    cove__free(r->description);
    *r = (struct response){ 0 };
}

static int read_response(const struct cove__exchange *x, struct response *ret)
{
    static const struct cove__json_handler handler = { .value = take };
    char why[160];

    return cove__json_read(cove__buf_slice(&x->response), &handler, ret, why, sizeof why);
}

bool cove__oauth_token_is_usable(const char *token)
{
    const char *at = token;

    while (*at > ' ' && *at <= '~')
        at++;
    return *at == '\0' && at > token;
}

bool cove__oauth_is_safe_url(const char *url)
{
    static const char *const begins[] = { "https://", "http://127.0.0.1:", "http://localhost:", "http://[::1]:" };

    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
        const char *host = strstr(url, "://");
        if (strncmp(url, begins[i], strlen(begins[i])) == 0) /* an account's name in the path has an @ */
            return !memchr(host + 3, '@', strcspn(host + 3, "/?#")) && !strpbrk(url, " \r\n\t");
    }
    return false;
}

/* Of the rest of a URL nothing is shown: it may be a secret. */
static const char *host_of(const struct cove__exchange *x, char ret[HOST_MAX])
{
    const char *url = cove__buf_str(&x->url), *begin = strstr(url, "://");

    begin = begin ? begin + strlen("://") : url;
    snprintf(ret, HOST_MAX, "%.*s", (int)strcspn(begin, "/?#"), begin);
    return strchr(ret, '@') ? "the service" : ret;
}

static int accept(const struct cove__exchange *x, struct cove__oauth_token *ret, char **ret_refresh_token,
                  struct cove_error *err)
{
    struct response r = { .lasts_s = NO_END };
    char host[HOST_MAX];
    int rc = read_response(x, &r);

    if (rc == COVE_ENOMEM)
        cove__fail_nomem(err, "the credentials");
    else if (rc < 0 || !r.token || !cove__oauth_token_is_usable(r.token) || r.lasts_s <= 0 ||
             (r.lasts_s > COVE__OAUTH_LIFETIME_MAX_S && r.lasts_s != NO_END))
        rc = cove__fail(err, COVE_EPROTOCOL, "credentials %s: the response of %s has no usable token", x->where,
                        host_of(x, host));
    if (rc == 0) {
        ret->token = r.token;
        ret->expires_ns = r.lasts_s == NO_END ? INT64_MAX : cove__wall_ns() + cove__sec_ns(r.lasts_s);
        r.token = NULL;
        if (ret_refresh_token) {
            *ret_refresh_token = r.refresh_token;
            r.refresh_token = NULL;
        }
    }
    response_done(&r);
    return rc;
}

static bool may_pass(const char *error)
{
    static const char *const errors[] = { "internal_failure", "server_error", "temporarily_unavailable" };

    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (strcmp(error, errors[i]) == 0)
            return true;
    }
    return false;
}

void cove__oauth_add_clock(int64_t date_ns, const char *whose, struct cove_error *err)
{
    int64_t ahead_s = date_ns >= 0 ? (cove__wall_ns() - date_ns) / COVE__SEC : 0;

    if (ahead_s > CLOCK_MAX_S || ahead_s < -CLOCK_MAX_S)
        cove__error_add(err, "; this machine's clock is %lld seconds %s %s: set it",
                        (long long)(ahead_s > 0 ? ahead_s : -ahead_s), ahead_s > 0 ? "ahead of" : "behind", whose);
}

/* Of a signed token: "Check your iat and exp values in the JWT claim." */
static bool is_about_time(const char *description)
{
    return description && (strstr(description, "iat") || strstr(description, "reasonable timeframe"));
}

/* Puts the endpoint's own words into the message of a refusal. True: another attempt may help. */
static bool refused(const struct cove__exchange *x, const char *advice, struct cove_error *err)
{
    struct response r = { 0 };
    bool again = false;
    int status = x->status;

    if (read_response(x, &r) == 0 && r.error) {
        bool ended = strncmp(r.error, "invalid_grant", 13) == 0 || strncmp(r.error, "invalid_rapt", 12) == 0;
        if (ended && is_about_time(r.description))
            advice = "this machine's clock is wrong: set it";
        bool advises = ended && advice;
        int n = r.description ? (int)strnlen(r.description, DESCRIPTION_MAX) : 0;
        n -= advises && n > 0 && r.description[n - 1] == '.'; /* a semicolon follows */
        cove__fail(err, COVE_EAUTH, "credentials %s: %.64s%s%.*s%s%s", x->where, r.error, r.description ? ": " : "", n,
                   r.description ? r.description : "", advises ? "; " : "", advises ? advice : "");
        err->http_status = status;
        again = may_pass(r.error);
    }
    cove__oauth_add_clock(x->date_ns, "the service's", err);
    response_done(&r);
    return again;
}

int cove__oauth_wait(const struct cove__exchange *x, cove_cancel *cancel, struct cove_error *err)
{
    int64_t until_ns = cove__now_ns() + x->gap_ns;
    const struct cove__ctx ctx = { .deadline_ns = x->client->deadline_ns > 0 ? x->client->deadline_ns : INT64_MAX,
                                   .cancel = cancel,
                                   .op = "credentials",
                                   .url = x->where };
    int rc;

    while ((rc = cove__ctx_check(&ctx, err)) == 0 && cove__now_ns() < until_ns)
        cove__sleep_ns(LOOK_NS);
    return rc;
}

int cove__oauth_run(struct cove__exchange *x, const char *advice, cove_cancel *cancel, struct cove__oauth_token *ret,
                    char **ret_refresh_token, struct cove_error *err)
{
    int rc;

    for (unsigned n = 1;; n++) {
        rc = cove__exchange_run(x, cancel, err);
        if (rc != COVE_EAUTH || !refused(x, advice, err) || n == ATTEMPTS)
            break;
        rc = cove__oauth_wait(x, cancel, err);
        if (rc < 0)
            break;
        cove__buf_reset(&x->response);
    }
    return rc == 0 ? accept(x, ret, ret_refresh_token, err) : rc;
}
