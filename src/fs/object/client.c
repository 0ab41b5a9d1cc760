/* See client.h. */
#include "fs/object/client.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/mem.h"
#include "config.h"
#include "net/loopback.h"

#define CONCURRENCY 64u /* requests of one filesystem under way at once */

int cove__endpoint_parse(const char *option, const char *text, bool tls, struct cove__endpoint *ret,
                         struct cove_error *err)
{
    const char *host = text;

    if (strncasecmp(text, "https://", 8) == 0) {
        tls = true;
        host += 8;
    } else if (strncasecmp(text, "http://", 7) == 0) {
        tls = false;
        host += 7;
    } else if (strstr(text, "://")) {
        return cove__fail(err, COVE_EINVAL, "%s: it begins with neither http:// nor https://", option);
    }
    size_t n = strcspn(host, "/");
    size_t base = strlen(host);
    while (base > n && host[base - 1] == '/')
        base--;
    if (strchr(host, '@')) /* the text before it may be a password: it is not shown */
        return cove__fail(err, COVE_EINVAL, "%s: with credentials in it, it is not of the form https://host:port",
                          option);
    if (n == 0 || strcspn(host, "?#@ \t\r\n%") < strlen(host))
        return cove__fail(err, COVE_EINVAL, "%s: \"%s\" is not of the form https://host:port", option, text);
    const char *implied = tls ? ":443" : ":80";
    size_t shown = n;
    if (n > strlen(implied) && strncmp(host + n - strlen(implied), implied, strlen(implied)) == 0)
        shown -= strlen(implied);
    *ret = (struct cove__endpoint){ tls, cove__strndup(host, shown), cove__strndup(host + n, base - n) };
    if (ret->host && ret->base)
        return 0;
    cove__endpoint_done(ret);
    return cove__fail_nomem(err, "a store");
}

void cove__endpoint_done(struct cove__endpoint *endpoint)
{
    cove__free(endpoint->host);
    cove__free(endpoint->base);
    *endpoint = (struct cove__endpoint){ 0 };
}

int cove__client_config(const struct cove__client_options *o, bool tls, const char *ca, struct cove__http_config *ret,
                        struct cove_error *err)
{
    struct stat st;

    *ret = (struct cove__http_config){ .verify_tls = strcasecmp(o->verify, "false") != 0,
                                       .proxy = o->proxy,
                                       .user_agent = "cove/" COVE__VERSION,
                                       .connect_timeout_ms = o->connect_timeout_ms,
                                       .stall_timeout_ms = o->read_timeout_ms,
                                       .max_retries = (unsigned)o->retries,
                                       .max_concurrency = CONCURRENCY };
    if (o->ca_bundle)
        ca = o->ca_bundle;
    if (ret->verify_tls && strcasecmp(o->verify, "true") != 0)
        ca = o->verify;
    if (!ca || !tls || !ret->verify_tls)
        return 0;
    if (stat(ca, &st) < 0)
        return cove__fail(err, COVE_EINVAL, "the CA bundle %s cannot be found", ca);
    if (S_ISDIR(st.st_mode))
        ret->ca_path = ca;
    else
        ret->ca_file = ca;
    return 0;
}

int cove__client_new(const struct cove__http_config *config, bool tls, const char *host, struct cove__http **ret,
                     struct cove_error *err)
{
    struct cove__http_config direct = *config;

    if (!config->proxy && !tls && host && cove__is_loopback(host))
        direct.proxy = "";
    return cove__http_new(&direct, ret, err);
}
