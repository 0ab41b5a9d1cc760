/*
 * The subject token of AWS's identities: a request of GetCallerIdentity to AWS's STS, signed but not sent. Google sends
 * it, and so learns who has the keys (https://google.aip.dev/auth/4117). The keys are those of the environment, else
 * of the instance's metadata service. See google_external.h.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/google_chain.h"
#include "auth/sigv4.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "net/header.h"
#include "wire/json.h"
#include "wire/uri.h"

#define WHERE       "of AWS's metadata service"
#define HEADERS_MAX ((size_t)32 << 10)
#define JSON_MAX    ((size_t)48 << 10)
#define HOST_MAX    ((size_t)512)

/* Owned. */
struct keys {
    char *id, *secret, *token; /* token: NULL where there is none */
    char *region;
};

static void keys_done(struct keys *k)
{
    cove__free(k->id);
    cove__wipe(k->secret);
    cove__wipe(k->token);
    cove__free(k->region);
    *k = (struct keys){ 0 };
}

static const char *given(const char *name)
{
    const char *value = getenv(name);

    return value && value[0] != '\0' ? value : NULL;
}

static bool is_printable(struct cove__slice s)
{
    for (size_t i = 0; i < s.size; i++) {
        if (s.data[i] <= ' ' || s.data[i] > '~')
            return false;
    }
    return s.size > 0;
}

/* ---- the metadata service ---- */

/* Its response, which has to be printable unless it is `json`, without the line's end. `session`: "": none. */
static int ask(const struct cove__google_chain *chain, const char *method, const char *url, const char *session,
               bool json, cove_cancel *cancel, struct cove__buf *out, struct cove_error *err)
{
    struct cove__exchange x;

    cove__exchange_init(&x, &chain->client, method, WHERE);
    cove__buf_add_str(&x.url, url);
    x.no_proxy = true;
    if (strcmp(method, "PUT") == 0) {
        cove__buf_add_str(&x.headers, "X-aws-ec2-metadata-token-ttl-seconds: 300\n");
        x.has_body = true;
    } else if (session[0] != '\0') {
        cove__secret_add(&x, cove__slice_str(session));
        cove__buf_addf(&x.headers, "X-aws-ec2-metadata-token: %s\n", session);
    }
    int rc = cove__exchange_run(&x, cancel, err);
    struct cove__slice text = cove__buf_slice(&x.response);
    while (text.size > 0 && text.data[text.size - 1] <= ' ')
        text.size--;
    if (rc == 0 && !json && !is_printable(text))
        rc = cove__fail(err, COVE_EPROTOCOL, "credentials " WHERE ": its response is malformed");
    if (rc == 0 && cove__buf_add_slice(out, text) < 0)
        rc = cove__fail(err, cove__buf_rc(out), "credentials " WHERE ": its response is too long");
    cove__exchange_done(&x);
    return rc;
}

static int take(void *user, const char *path, enum cove__json_type type, const char *text)
{
    struct keys *k = user;
    char **at = strcmp(path, "AccessKeyId") == 0       ? &k->id
                : strcmp(path, "SecretAccessKey") == 0 ? &k->secret
                : strcmp(path, "Token") == 0           ? &k->token
                                                       : NULL;

    if (!at || type != COVE__JSON_STRING)
        return 0;
    cove__wipe(*at); /* a name that stands twice is refused later */
    *at = cove__strdup(text);
    if (at != &k->id)
        cove__secret_add_owned(*at);
    return *at ? 0 : COVE_ENOMEM;
}

static int keys_of_instance(const struct cove__google_chain *chain, const char *url, const char *session,
                            cove_cancel *cancel, struct keys *ret, struct cove_error *err)
{
    static const struct cove__json_handler handler = { .value = take };
    struct cove__buf role = COVE__BUF_INIT(HOST_MAX), text = COVE__BUF_SECRET(COVE__GOOGLE_SUBJECT_MAX),
                     at = COVE__BUF_INIT(4096);
    char why[160];

    int rc = ask(chain, "GET", url, session, false, cancel, &role, err);
    if (rc == 0 && cove__buf_addf(&at, "%s/%s", url, cove__buf_str(&role)) < 0)
        rc = cove__fail(err, cove__buf_rc(&at), "credentials " WHERE ": the URL of its keys is too long");
    if (rc == 0)
        rc = ask(chain, "GET", cove__buf_str(&at), session, true, cancel, &text, err);
    if (rc == 0) {
        rc = cove__json_read(cove__buf_slice(&text), &handler, ret, why, sizeof why);
        if (rc == COVE_ENOMEM)
            cove__fail_nomem(err, "the credentials");
        else if (rc < 0 || !ret->id || !ret->secret)
            rc = cove__fail(err, COVE_EPROTOCOL, "credentials " WHERE ": the response has no keys");
    }
    cove__buf_done(&role);
    cove__buf_wipe(&text);
    cove__buf_done(&at);
    return rc;
}

static int keys_of_environment(struct keys *ret, struct cove_error *err)
{
    const char *token = given("AWS_SESSION_TOKEN");

    if (cove__set_string(&ret->id, given("AWS_ACCESS_KEY_ID")) < 0 ||
        cove__set_string(&ret->secret, given("AWS_SECRET_ACCESS_KEY")) < 0 ||
        (token && cove__set_string(&ret->token, token) < 0))
        return cove__fail_nomem(err, "the credentials");
    cove__secret_add_owned(ret->secret);
    cove__secret_add_owned(ret->token);
    return 0;
}

/* The service names the zone, "us-east-2b": the region and a letter. */
static int region_of_instance(const struct cove__google_chain *chain, const char *url, const char *session,
                              cove_cancel *cancel, struct keys *ret, struct cove_error *err)
{
    struct cove__buf zone = COVE__BUF_INIT(HOST_MAX);

    int rc = ask(chain, "GET", url, session, false, cancel, &zone, err);
    if (rc == 0 && !(ret->region = cove__strndup(cove__buf_str(&zone), zone.size - 1)))
        rc = cove__fail_nomem(err, "the credentials");
    cove__buf_done(&zone);
    return rc;
}

static int find_keys(const struct cove__google_chain *chain, const struct cove__google_external *e, cove_cancel *cancel,
                     struct keys *ret, struct cove_error *err)
{
    const char *region = given("AWS_REGION") ? given("AWS_REGION") : given("AWS_DEFAULT_REGION");
    bool here = given("AWS_ACCESS_KEY_ID") && given("AWS_SECRET_ACCESS_KEY");
    struct cove__buf session = COVE__BUF_SECRET(4096);
    int rc = 0;

    if (!here && !e->url)
        return cove__fail(err, COVE_EAUTH,
                          "credentials of an external account: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are "
                          "set, nor has its credential_source a url of AWS's metadata service");
    if (!region && !e->region_url)
        return cove__fail(err, COVE_EAUTH,
                          "credentials of an external account: neither AWS_REGION is set, nor has its "
                          "credential_source a region_url");
    if ((!here || !region) && e->session_token_url)
        rc = ask(chain, "PUT", e->session_token_url, "", false, cancel, &session, err);
    if (rc == 0 && region)
        rc = cove__set_string(&ret->region, region) < 0 ? cove__fail_nomem(err, "the credentials") : 0;
    else if (rc == 0)
        rc = region_of_instance(chain, e->region_url, cove__buf_str(&session), cancel, ret, err);
    if (rc == 0 && here)
        rc = keys_of_environment(ret, err);
    else if (rc == 0)
        rc = keys_of_instance(chain, e->url, cove__buf_str(&session), cancel, ret, err);
    cove__buf_wipe(&session);
    return rc;
}

/* ---- the request ---- */

static int add_url(struct cove__buf *out, const char *pattern, const char *region)
{
    static const char name[] = "{region}";

    for (const char *at = pattern; *at != '\0';) {
        if (strncmp(at, name, strlen(name)) == 0) {
            cove__buf_add_str(out, region);
            at += strlen(name);
        } else {
            cove__buf_add_char(out, *at++);
        }
    }
    return cove__buf_rc(out);
}

/* "https://host/path?query", cut in place. False: it is no such URL. */
static bool split(char *url, char **ret_host, char **ret_path, char **ret_query)
{
    static const char https[] = "https://";
    char *host = url + strlen(https);
    static char root[] = "/", none[] = "";

    if (strncmp(url, https, strlen(https)) != 0 || strpbrk(url, "@# \r\n\t"))
        return false;
    char *query = strchr(host, '?'), *path = strchr(host, '/');
    *ret_query = query ? query + 1 : none;
    if (query)
        *query = '\0';
    if (path && (!query || path < query)) {
        /* The slash moves into the place of the host's end. */
        memmove(url, host, (size_t)(path - host));
        url[path - host] = '\0';
        host = url;
        *ret_path = path;
    } else {
        *ret_path = root;
    }
    *ret_host = host;
    return host[0] != '\0';
}

static int sign(const struct keys *k, const struct cove__google_external *e, const char *url, struct cove__buf *headers,
                struct cove_error *err)
{
    int64_t now_ns = cove__wall_ns();
    char *text = cove__strdup(url), *host = NULL, *path = NULL, *query = NULL, date[17];
    int rc;

    if (!text)
        return cove__fail_nomem(err, "the credentials");
    if (!split(text, &host, &path, &query)) {
        cove__free(text);
        return cove__fail(err, COVE_EAUTH,
                          "credentials of an external account: its regional_cred_verification_url is not of the form "
                          "https://host/path");
    }
    cove__format_iso8601_basic(now_ns, date);
    cove__header_append(headers, "host", cove__slice_str(host));
    cove__header_append(headers, "x-amz-date", cove__slice_str(date));
    if (k->token)
        cove__header_append(headers, "x-amz-security-token", cove__slice_str(k->token));
    cove__header_append(headers, "x-goog-cloud-target-resource", cove__slice_str(e->audience));
    rc = cove__buf_rc(headers);
    const struct cove__sigv4_request r = { .key_id = k->id,
                                           .secret = k->secret,
                                           .region = k->region,
                                           .service = "sts",
                                           .method = "POST",
                                           .path = path,
                                           .query = query,
                                           .payload_hash = COVE__SIGV4_EMPTY,
                                           .wall_ns = now_ns };
    if (rc == 0)
        rc = cove__sigv4_sign(&r, NULL, headers);
    if (rc < 0)
        cove__fail(err, rc, "credentials of an external account: the request to AWS's STS cannot be signed: %s",
                   cove_code_phrase(rc));
    cove__free(text);
    return rc;
}

static void add_json(struct cove__buf *out, const char *url, struct cove__slice headers)
{
    bool first = true;

    cove__buf_add_str(out, "{\"url\":");
    cove__json_add_string(out, cove__slice_str(url));
    cove__buf_add_str(out, ",\"method\":\"POST\",\"headers\":[");
    while (headers.size > 0) {
        const uint8_t *end = memchr(headers.data, '\n', headers.size), *colon = memchr(headers.data, ':', headers.size);
        size_t line = end ? (size_t)(end - headers.data) : headers.size;
        size_t name = colon ? (size_t)(colon - headers.data) : line;

        cove__buf_add_str(out, first ? "{\"key\":" : ",{\"key\":");
        cove__json_add_string(out, cove__slice(headers.data, name));
        cove__buf_add_str(out, ",\"value\":");
        cove__json_add_string(out, cove__slice(headers.data + name + 2, line - name - 2));
        cove__buf_add_char(out, '}');
        headers = cove__slice_sub(headers, line + 1, SIZE_MAX);
        first = false;
    }
    cove__buf_add_str(out, "]}");
}

/* Google's service may quote what is in the subject token, also decoded. */
static void keep_secret(struct cove__buf *out, const struct keys *k, const char *headers)
{
    static const char name[] = "Signature=";
    const char *signature = strstr(headers, name);

    if (k->token)
        cove__secret_add(out, cove__slice_str(k->token));
    if (signature) {
        signature += strlen(name);
        cove__secret_add(out, cove__slice(signature, strcspn(signature, "\n")));
    }
}

int cove__google_external_of_aws(const struct cove__google_chain *chain, const struct cove__google_external *e,
                                 cove_cancel *cancel, struct cove__buf *out, struct cove_error *err)
{
    struct cove__buf url = COVE__BUF_INIT(4096), headers = COVE__BUF_SECRET(HEADERS_MAX),
                     json = COVE__BUF_SECRET(JSON_MAX);
    struct keys keys = { 0 };

    int rc = find_keys(chain, e, cancel, &keys, err);
    if (rc == 0 && add_url(&url, e->verification_url, keys.region) < 0)
        rc = cove__fail(err, cove__buf_rc(&url),
                        "credentials of an external account: its regional_cred_verification_url is too long");
    if (rc == 0)
        rc = sign(&keys, e, cove__buf_str(&url), &headers, err);
    if (rc == 0) {
        add_json(&json, cove__buf_str(&url), cove__buf_slice(&headers));
        rc = cove__buf_rc(&json);
        if (rc == 0)
            rc = cove__uri_encode(out, cove__buf_slice(&json), false);
        if (rc < 0)
            cove__fail(err, rc, "credentials of an external account: the subject token is too long");
    }
    if (rc == 0)
        keep_secret(out, &keys, cove__buf_str(&headers));
    keys_done(&keys);
    cove__buf_done(&url);
    cove__buf_wipe(&headers);
    cove__buf_wipe(&json);
    return rc;
}
