/* Roles, by AWS's Security Token Service: with keys (AssumeRole), or with a token of an identity provider that AWS
 * trusts (AssumeRoleWithWebIdentity). For aws_chain.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/aws_chain.h"
#include "auth/sigv4.h"
#include "auth/credentials_file.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "net/header.h"
#include "wire/digest.h"
#include "wire/xml.h"

#define HOST_MAX 512
#define SKEW_NS  (120 * COVE__SEC) /* a larger clock error may be the reason for a refused signature */

struct sts_response {
    char *id, *secret, *token, *expiration;
    char code[64], message[256];
};

static void take_text(char *at, size_t size, struct cove__slice text)
{
    size_t n = text.size < size ? text.size : size - 1;
    for (size_t i = 0; i < n; i++)
        at[i] = text.data[i] >= ' ' ? (char)text.data[i] : ' ';
    at[n] = '\0';
}

static int take(void *user, const char *path, struct cove__slice text)
{
    struct sts_response *response = user;
    const struct {
        const char *name;
        char **at;
    } rows[] = {
        { "Credentials/AccessKeyId", &response->id },
        { "Credentials/SecretAccessKey", &response->secret },
        { "Credentials/SessionToken", &response->token },
        { "Credentials/Expiration", &response->expiration },
    };

    if (strcmp(path, "ErrorResponse/Error/Code") == 0)
        take_text(response->code, sizeof response->code, text);
    if (strcmp(path, "ErrorResponse/Error/Message") == 0)
        take_text(response->message, sizeof response->message, text);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t n = strlen(path), m = strlen(rows[i].name);
        if (n <= m || path[n - m - 1] != '/' || strcmp(path + n - m, rows[i].name) != 0)
            continue;
        cove__wipe(*rows[i].at);
        *rows[i].at = cove__strndup((const char *)text.data, text.size);
        return *rows[i].at ? 0 : COVE_ENOMEM;
    }
    return 0;
}

static bool plain(const char *s)
{
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s <= ' ' || (unsigned char)*s > '~')
            return false;
    }
    return true;
}

int cove__aws_keys_from_xml(struct cove__slice text, const char *origin, struct cove__aws_credentials *ret,
                            struct cove_error *err)
{
    static const struct cove__xml_handler handler = { NULL, take };
    struct sts_response response = { 0 };
    struct cove__aws_credentials c = { 0 };

    int rc = cove__xml_read(text, &handler, &response);
    if (rc == COVE_ENOMEM)
        cove__fail_nomem(err, "the credentials");
    else if (rc < 0 || !cove__aws_given(response.id) || !cove__aws_given(response.secret) ||
             !cove__aws_given(response.token) || !cove__aws_given(response.expiration) || !plain(response.id) ||
             !plain(response.token))
        rc = cove__fail(err, COVE_EPROTOCOL, "credentials %s: the response has no usable keys", origin);
    else
        rc = cove__aws_expiry(response.expiration, origin, &c.expires_ns, err);
    if (rc == 0) {
        c.key_id = response.id;
        c.secret = response.secret;
        c.token = response.token;
        response.id = response.secret = response.token = NULL;
        cove__aws_credentials_hide(&c);
        *ret = c;
    }
    cove__wipe(response.id);
    cove__wipe(response.secret);
    cove__wipe(response.token);
    cove__free(response.expiration);
    return rc;
}

/* Puts STS's own words into the message of a refusal. */
static int refused(const struct cove__exchange *x, const struct cove__aws_role *role, struct cove_error *err)
{
    static const struct cove__xml_handler handler = { NULL, take };
    struct sts_response response = { 0 };
    int status = x->status;

    if (cove__xml_read(cove__buf_slice(&x->response), &handler, &response) == 0 && response.code[0] != '\0') {
        const char *by = role->by ? role->by->origin : NULL;
        cove__fail(err, COVE_EAUTH, "credentials %s: the role %s: %s: %s%s%s%s", x->where, role->arn, response.code,
                   response.message, by ? " (keys of " : "", by ? by : "", by ? ")" : "");
        err->http_status = status;
    }
    cove__wipe(response.id);
    cove__wipe(response.secret);
    cove__wipe(response.token);
    cove__free(response.expiration);
    return COVE_EAUTH;
}

/* ---- the request ---- */

static int add_form(struct cove__exchange *x, const struct cove__aws_role *role, struct cove_error *err)
{
    struct cove__buf token = COVE__BUF_SECRET(COVE__AWS_TOKEN_MAX);
    char name[48];
    int rc = 0;

    snprintf(name, sizeof name, "cove-%lld", (long long)(cove__wall_ns() / COVE__SEC));
    cove__buf_addf(&x->body, "Action=%s&Version=2011-06-15",
                   role->token_file ? "AssumeRoleWithWebIdentity" : "AssumeRole");
    cove__exchange_add_field(x, "RoleArn", role->arn);
    cove__exchange_add_field(x, "RoleSessionName", cove__aws_given(role->session_name) ? role->session_name : name);
    cove__exchange_add_field(x, "DurationSeconds", role->duration_seconds);
    if (role->token_file) { /* read each time: Kubernetes replaces it */
        rc = cove__credentials_file_read(role->token_file, &token, err);
        if (rc < 0)
            cove__error_prefix(err, rc, "credentials of a web identity");
        while (token.size > 0 && token.data[token.size - 1] <= ' ')
            token.data[--token.size] = '\0';
        if (rc == 0) {
            cove__secret_add(x, cove__buf_slice(&token));
            cove__exchange_add_field(x, "WebIdentityToken", cove__buf_str(&token));
        }
    } else {
        cove__exchange_add_field(x, "ExternalId", role->external_id);
    }
    cove__buf_wipe(&token);
    return rc;
}

/* A region goes into a host's name. */
static bool is_region(const char *region)
{
    return region[0] != '\0' && strlen(region) < 64 &&
           strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(region);
}

static int sign(struct cove__exchange *x, const struct cove__aws_role *role, const char *region, const char *path,
                int64_t now_ns)
{
    const struct cove__aws_credentials *by = role->by;
    char time[17], hash[65];

    int rc = cove__sha256_hex(cove__buf_slice(&x->body), hash);
    if (rc < 0)
        return rc;
    cove__format_iso8601_basic(now_ns, time);
    cove__buf_addf(&x->headers, "X-Amz-Date: %s\n", time);
    if (by->token)
        cove__header_append(&x->headers, "X-Amz-Security-Token", cove__slice_str(by->token));
    struct cove__sigv4_request v4 = { .key_id = by->key_id,
                                      .secret = by->secret,
                                      .region = region,
                                      .service = "sts",
                                      .method = "POST",
                                      .path = path,
                                      .query = "",
                                      .payload_hash = hash,
                                      .wall_ns = now_ns };
    return cove__sigv4_sign(&v4, NULL, &x->headers);
}

/* Sends a second request, signed with STS's time, if this machine's clock is wrong. */
static int run_signed(struct cove__exchange *x, const struct cove__aws_role *role, const char *region, const char *path,
                      cove_cancel *cancel, struct cove_error *err)
{
    size_t unsigned_size = x->headers.size;

    for (int64_t skew_ns = 0;;) {
        int rc = sign(x, role, region, path, cove__wall_ns() + skew_ns);
        if (rc < 0)
            return cove__fail(err, rc, "credentials %s: the request cannot be signed: %s", x->where,
                              cove_code_phrase(rc));
        rc = cove__exchange_run(x, cancel, err);
        int64_t off_ns = x->date_ns >= 0 ? x->date_ns - cove__wall_ns() : 0;
        if (rc != COVE_EAUTH || skew_ns != 0 || (off_ns < SKEW_NS && off_ns > -SKEW_NS))
            return rc;
        skew_ns = off_ns;
        x->headers.size = unsigned_size;
        cove__buf_reset(&x->response);
    }
}

int cove__aws_sts(const struct cove__aws_chain *chain, const struct cove__aws_role *role, cove_cancel *cancel,
                  struct cove__aws_credentials *ret, struct cove_error *err)
{
    struct cove__exchange x;
    const char *given = cove__aws_endpoint("AWS_ENDPOINT_URL_STS", chain->first->sts_endpoint_url, chain->first);
    const char *region = cove__aws_given(role->region) ? role->region : chain->region;
    char url[HOST_MAX], where[HOST_MAX + 8];

    if (!is_region(region))
        return cove__fail(err, COVE_EINVAL, "region: \"%s\" is not a region's name", region);
    if (!given)
        snprintf(url, sizeof url, "https://sts.%s.amazonaws.com%s/", region,
                 strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
    else if (strncasecmp(given, "http", 4) == 0 && strstr(given, "://") && strlen(given) < sizeof url - 1 &&
             plain(given) && !strpbrk(given, "@?#"))
        snprintf(url, sizeof url, "%s%s", given, given[strlen(given) - 1] == '/' ? "" : "/");
    else
        return cove__fail(err, COVE_EINVAL, "the endpoint of STS is not of the form https://host:port");
    snprintf(where, sizeof where, "of %s", url);
    const char *host = strstr(url, "://") + 3;
    size_t host_size = strcspn(host, "/");

    cove__exchange_init(&x, &chain->client, "POST", where);
    cove__buf_add_str(&x.url, url);
    cove__credentials_files_add(chain->tokens, role->token_file);
    int rc = add_form(&x, role, err);
    cove__buf_addf(&x.headers, "Host: %.*s\n", (int)host_size, host);
    cove__exchange_form(&x);
    if (rc == 0 && role->by)
        rc = run_signed(&x, role, region, host + host_size, cancel, err);
    else if (rc == 0)
        rc = cove__exchange_run(&x, cancel, err);
    if (rc == COVE_EAUTH)
        rc = refused(&x, role, err);
    if (rc == 0)
        rc = cove__aws_keys_from_xml(cove__buf_slice(&x.response), where, ret, err);
    if (rc == 0 && (rc = cove__aws_credentials_set_origin(ret, err, "the role %s", role->arn)) < 0)
        cove__aws_credentials_done(ret);
    cove__exchange_done(&x);
    return rc;
}
