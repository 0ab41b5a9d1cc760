/* One HTTP exchange with a service that gives credentials: see exchange.h. */
#include "auth/exchange.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "net/loopback.h"
#include "wire/uri.h"

#define URL_MAX     ((size_t)8 << 10)
#define HEADERS_MAX ((size_t)32 << 10)
#define BODY_MAX    ((size_t)128 << 10)

int cove__exchange_client_copy(const struct cove__http_config *config, struct cove__exchange_client *ret,
                               struct cove_error *err)
{
    struct cove__exchange_client client = { 0 };

    if (cove__set_string(&client.ca_file, config->ca_file) < 0 ||
        cove__set_string(&client.ca_path, config->ca_path) < 0 || cove__set_string(&client.proxy, config->proxy) < 0 ||
        cove__set_string(&client.user_agent, config->user_agent) < 0) {
        cove__exchange_client_done(&client);
        return cove__fail_nomem(err, "the credentials");
    }
    *ret = client;
    return 0;
}

void cove__exchange_client_done(struct cove__exchange_client *client)
{
    cove__free(client->ca_file);
    cove__free(client->ca_path);
    cove__wipe(client->proxy);
    cove__free(client->user_agent);
    *client = (struct cove__exchange_client){ 0 };
}

void cove__exchange_init(struct cove__exchange *x, const struct cove__exchange_client *client, const char *method,
                         const char *where)
{
    *x = (struct cove__exchange){ .client = client, .method = method, .where = where };
    x->timeout_ms = 60000;
    x->connect_timeout_ms = 10000;
    x->gap_ns = 250 * COVE__MS;
    x->retries = 3;
    cove__buf_init_secret(&x->url, URL_MAX);
    cove__buf_init_secret(&x->headers, HEADERS_MAX);
    cove__buf_init_secret(&x->body, BODY_MAX);
    cove__buf_init_secret(&x->response, COVE__EXCHANGE_RESPONSE_MAX);
}

void cove__exchange_done(struct cove__exchange *x)
{
    cove__secret_drop(x);
    cove__buf_wipe(&x->url);
    cove__buf_wipe(&x->headers);
    cove__buf_wipe(&x->body);
    cove__buf_wipe(&x->response);
}

void cove__exchange_form(struct cove__exchange *x)
{
    cove__buf_add_str(&x->headers, "Content-Type: application/x-www-form-urlencoded\n");
    x->has_body = true;
}

void cove__exchange_add_field(struct cove__exchange *x, const char *name, const char *value)
{
    if (value && value[0] != '\0')
        cove__uri_add_pair(&x->body, name, cove__slice_str(value));
}

static int prepare(void *self, struct cove__http_request *r, struct cove_error *err)
{
    const struct cove__exchange *x = self;
    cove__buf_add_slice(&r->url, cove__buf_slice(&x->url));
    cove__buf_add_slice(&r->headers, cove__buf_slice(&x->headers));
    return 0;
}

static int check_request(const struct cove__exchange *x, struct cove_error *err)
{
    const struct cove__buf *const parts[] = { &x->url, &x->headers, &x->body };

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        int rc = cove__buf_rc(parts[i]);
        if (rc < 0)
            return cove__fail(err, rc, "credentials %s: the request cannot be made: %s", x->where,
                              cove_code_phrase(rc));
    }
    return 0;
}

int cove__exchange_run(struct cove__exchange *x, cove_cancel *cancel, struct cove_error *err)
{
    static const struct cove__http_hooks hooks = { prepare, NULL, NULL };
    bool direct = x->no_proxy || cove__is_plain_and_here(cove__buf_str(&x->url));
    struct cove__http_config config = { .ca_file = x->client->ca_file,
                                        .ca_path = x->client->ca_path,
                                        .verify_tls = 1,
                                        .proxy = direct ? "" : x->client->proxy,
                                        .user_agent = x->client->user_agent,
                                        .connect_timeout_ms = x->connect_timeout_ms,
                                        .stall_timeout_ms =
                                            x->stall_timeout_ms > 0 ? x->stall_timeout_ms : x->timeout_ms,
                                        .max_retries = x->retries,
                                        .first_wait_ms = x->first_wait_ms,
                                        .max_concurrency = 1 };
    struct cove__http_request r;
    struct cove__http *http = NULL;
    char date[64], value[64];

    int rc = check_request(x, err);
    if (rc == 0)
        rc = cove__http_new(&config, &http, err);
    if (rc < 0)
        return rc;
    int64_t until_ns = cove__now_ns() + cove__ms_ns(x->timeout_ms);
    if (x->client->deadline_ns > 0 && x->client->deadline_ns < until_ns)
        until_ns = x->client->deadline_ns;
    cove__http_request_init(&r);
    r.http = http;
    r.hooks = &hooks;
    r.self = x;
    r.method = x->method;
    r.body = cove__buf_slice(&x->body);
    r.has_body = x->has_body;
    r.response_max = COVE__EXCHANGE_RESPONSE_MAX;
    r.response.secret = true;
    r.op.ctx = (struct cove__ctx){ .deadline_ns = until_ns, .cancel = cancel, .op = "credentials", .url = x->where };
    rc = cove__http_run(&r, err);
    x->status = r.status;
    x->date_ns = cove__http_header(&r, "date", date, sizeof date) ? cove__parse_http_date(date) : -1;
    if (!cove__http_header(&r, "www-authenticate", x->challenge, sizeof x->challenge))
        x->challenge[0] = '\0';
    x->of_another = x->header && r.status > 0 &&
                    (!cove__http_header(&r, x->header, value, sizeof value) || strcmp(value, x->header_value) != 0);
    if (rc == 0 && x->of_another)
        rc =
            cove__fail(err, COVE_EPROTOCOL, "credentials %s: the response has no \"%s: %s\", so another server sent it",
                       x->where, x->header, x->header_value);
    cove__buf_add_slice(&x->response, cove__buf_slice(&r.response));
    if (rc == 0 && cove__buf_rc(&x->response) < 0)
        rc = cove__fail_nomem(err, "the credentials");
    /* Whatever the status means elsewhere: the caller gets no credentials. */
    if (rc < 0 && r.status >= 400 && r.status < 500 && r.status != 429) {
        rc = COVE_EAUTH;
        err->code = rc;
    }
    cove__buf_wipe(&r.response);
    cove__http_request_done(&r);
    cove__http_free(http);
    return rc;
}
