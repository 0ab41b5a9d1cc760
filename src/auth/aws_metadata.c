/* Credentials of the place where the program runs: a container (ECS, EKS Pod Identity), an instance (IMDSv2). For
 * aws_chain.c. None of these requests may go through a proxy: the response would be the proxy machine's credentials. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/aws_chain.h"
#include "auth/credentials_file.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "net/loopback.h"

#define CONTAINER_HOST    "http://169.254.170.2"
#define INSTANCE_ENDPOINT "http://169.254.169.254"
#define INSTANCE_PATH     "/latest/meta-data/iam/security-credentials/"
#define HOST_MAX          256

/* It becomes part of a header line or a URL. */
static bool printable(struct cove__slice s)
{
    for (size_t i = 0; i < s.size; i++) {
        if (s.data[i] <= ' ' || s.data[i] > '~')
            return false;
    }
    return s.size > 0;
}

static struct cove__slice trimmed(const struct cove__buf *b)
{
    struct cove__slice s = cove__buf_slice(b);
    while (s.size > 0 && s.data[s.size - 1] <= ' ')
        s.size--;
    return s;
}

/* ---- containers ---- */

bool cove__aws_has_container(void)
{
    return cove__aws_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") ||
           cove__aws_env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
}

/* Over plain HTTP the token goes only to services of this machine. */
static bool allowed(const char *url, char host[HOST_MAX])
{
    static const char *const hosts[] = { "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]" };
    bool tls = strncasecmp(url, "https://", 8) == 0;

    if (!tls && strncasecmp(url, "http://", 7) != 0)
        return false;
    const char *at = url + (tls ? 8 : 7);
    size_t whole = strcspn(at, "/?#");
    size_t n = at[0] == '[' ? strcspn(at, "]") + 1 : strcspn(at, ":/?#");
    if (n == 0 || n > whole || n >= HOST_MAX || memchr(at, '@', whole) || (at[n] != ':' && n != whole))
        return false;
    snprintf(host, HOST_MAX, "%.*s", (int)n, at);
    if (tls || cove__is_loopback(host))
        return true;
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        if (strcasecmp(host, hosts[i]) == 0)
            return true;
    }
    return false;
}

/* The file is read each time: the container's platform replaces the token. */
static int add_token(struct cove__exchange *x, struct cove_error *err)
{
    const char *path = cove__aws_env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *given = cove__aws_env("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    struct cove__buf text = COVE__BUF_SECRET(COVE__AWS_TOKEN_MAX);
    int rc = 0;

    if (path)
        rc = cove__credentials_file_read(path, &text, err);
    else if (given)
        rc = cove__buf_add_str(&text, given);
    struct cove__slice token = trimmed(&text);
    for (size_t i = 0; rc == 0 && i < token.size; i++) {
        if (token.data[i] < ' ' || token.data[i] > '~')
            rc = cove__fail(err, COVE_EINVAL,
                            "credentials of the container: %s has a line's end or other control "
                            "characters in it",
                            path ? path : "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    }
    if (rc == 0 && token.size > 0) {
        cove__secret_add(x, token);
        cove__buf_add_str(&x->headers, "Authorization: ");
        cove__buf_add_slice(&x->headers, token);
        cove__buf_add_char(&x->headers, '\n');
    }
    cove__buf_wipe(&text);
    return rc;
}

int cove__aws_container(const struct cove__aws_chain *chain, cove_cancel *cancel, struct cove__aws_credentials *ret,
                        struct cove_error *err)
{
    const char *relative = cove__aws_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = cove__aws_env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    struct cove__exchange x;
    char host[HOST_MAX];

    cove__exchange_init(&x, &chain->client, "GET", "of the container");
    if (relative)
        cove__buf_addf(&x.url, "%s%s%s", CONTAINER_HOST, relative[0] == '/' ? "" : "/", relative);
    else
        cove__buf_add_str(&x.url, full ? full : "");
    x.no_proxy = true;
    x.timeout_ms = 10000;
    x.connect_timeout_ms = 2000;
    cove__buf_add_str(&x.headers, "Accept: application/json\n");
    int rc = 0;
    if (!printable(cove__buf_slice(&x.url)) || !allowed(cove__buf_str(&x.url), host))
        rc = cove__fail(err, COVE_EINVAL,
                        "credentials of the container: AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor of this "
                        "machine (127.0.0.0/8, ::1, 169.254.170.2, 169.254.170.23, fd00:ec2::23)");
    if (rc == 0)
        rc = add_token(&x, err);
    if (rc == 0)
        rc = cove__exchange_run(&x, cancel, err);
    if (rc == 0)
        rc = cove__aws_keys_from_json(cove__buf_slice(&x.response), "the container", false, ret, err);
    cove__exchange_done(&x);
    return rc;
}

/* ---- instances ---- */

bool cove__aws_has_instance(void)
{
    const char *disabled = cove__aws_env("AWS_EC2_METADATA_DISABLED");
    return !disabled || strcasecmp(disabled, "true") != 0;
}

static int64_t env_number(const char *name, int64_t otherwise, int64_t max)
{
    const char *text = cove__aws_env(name);
    char *end;

    if (!text)
        return otherwise;
    long v = strtol(text, &end, 10);
    return *end == '\0' && v >= 1 && v <= max ? v : otherwise;
}

static void instance_request(struct cove__exchange *x, const struct cove__aws_chain *chain, const char *method,
                             const char *path, struct cove__slice name, struct cove__slice token)
{
    const char *endpoint = cove__aws_env("AWS_EC2_METADATA_SERVICE_ENDPOINT");

    cove__exchange_init(x, &chain->client, method, "of the instance's metadata service");
    if (!endpoint)
        endpoint = INSTANCE_ENDPOINT;
    size_t n = strlen(endpoint);
    while (n > 0 && endpoint[n - 1] == '/')
        n--;
    cove__buf_addf(&x->url, "%.*s%s", (int)n, endpoint, path);
    cove__buf_add_slice(&x->url, name);
    if (token.size > 0) {
        cove__secret_add(x, token);
        cove__buf_add_str(&x->headers, "X-aws-ec2-metadata-token: ");
        cove__buf_add_slice(&x->headers, token);
        cove__buf_add_char(&x->headers, '\n');
    }
    x->no_proxy = true;
    x->retries = (unsigned)env_number("AWS_METADATA_SERVICE_NUM_ATTEMPTS", 1, 10) - 1;
    x->connect_timeout_ms = 1000 * env_number("AWS_METADATA_SERVICE_TIMEOUT", 1, 60);
    x->timeout_ms = x->connect_timeout_ms * (x->retries + 1);
}

/* Only version 2, which requires a token first: a misconfigured proxy cannot give the keys away. */
int cove__aws_instance(const struct cove__aws_chain *chain, cove_cancel *cancel, struct cove__aws_credentials *ret,
                       struct cove_error *err)
{
    static const struct cove__slice none = { NULL, 0 };
    struct cove__exchange token, role, keys;

    instance_request(&token, chain, "PUT", "/latest/api/token", none, none);
    cove__buf_add_str(&token.headers, "X-aws-ec2-metadata-token-ttl-seconds: 21600\n");
    token.has_body = true;
    int rc = cove__exchange_run(&token, cancel, err);
    if (rc == 0 && !printable(trimmed(&token.response)))
        rc = cove__fail(err, COVE_EPROTOCOL, "credentials of the instance's metadata service: its token is malformed");
    instance_request(&role, chain, "GET", INSTANCE_PATH, none, trimmed(&token.response));
    if (rc == 0)
        rc = cove__exchange_run(&role, cancel, err);
    if (rc < 0 && role.status == 404)
        cove__fail(err, rc, "credentials of the instance's metadata service: the instance has no role");
    struct cove__slice name = trimmed(&role.response);
    if (rc == 0 && !printable(name))
        rc = cove__fail(err, COVE_EPROTOCOL,
                        "credentials of the instance's metadata service: the name of the role is malformed");
    instance_request(&keys, chain, "GET", INSTANCE_PATH, name, trimmed(&token.response));
    if (rc == 0)
        rc = cove__exchange_run(&keys, cancel, err);
    if (rc == 0)
        rc = cove__aws_keys_from_json(cove__buf_slice(&keys.response), "the instance's metadata service", false, ret,
                                      err);
    cove__exchange_done(&token);
    cove__exchange_done(&role);
    cove__exchange_done(&keys);
    return rc;
}
