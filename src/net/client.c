/* The HTTP client: its settings, and which proxy leads to its servers. Its requests: see http.c. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/fork.h"
#include "base/mem.h"
#include "base/secret.h"
#include "net/http.h"
#include "net/loop.h"

#define CONNECT_TIMEOUT_MS 10000
#define STALL_TIMEOUT_MS   60000
#define CONCURRENCY        64

/* False: no memory; what has been copied is there, the rest is NULL. */
static bool copy_config(struct cove__http_config *to, const struct cove__http_config *from)
{
    const char **const strings[] = { &to->ca_file, &to->ca_path, &to->proxy, &to->user_agent };
    bool complete = true;

    *to = *from;
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        char *copy = NULL;
        complete &= cove__set_string(&copy, *strings[i]) == 0;
        *strings[i] = copy;
    }
    return complete;
}

/* The one that libcurl takes for such a URL. */
static const char *environments_proxy(bool tls)
{
    static const char *const names[] = { "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" };
    const char *proxy = NULL;

    for (size_t i = tls ? 1 : 0; !proxy && i < sizeof names / sizeof names[0]; i += i == 0 ? 3 : 1)
        proxy = getenv(names[i]);
    return proxy;
}

/* Notes the way to the servers, and registers the proxies' passwords as secrets: libcurl quotes the URLs in its errors.
 */
static void note_proxies(struct cove__http *http)
{
    static const char *const names[] = { "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" };
    bool some = false;

    cove__secret_add_userinfo(http, http->config.proxy);
    for (size_t i = 0; !http->config.proxy && i < sizeof names / sizeof names[0]; i++) {
        cove__secret_add_userinfo(http, getenv(names[i]));
        some = some || getenv(names[i]);
    }
    cove__outage_way(http->config.proxy, http->way);
    if (some) /* not which: no_proxy may lead past it */
        snprintf(http->way, sizeof http->way, " (by the proxy settings of the environment)");
    for (size_t i = 0; i < 2; i++) {
        const char *proxy = http->config.proxy;
        if (!proxy)
            proxy = environments_proxy(i == 1);
        cove__outage_proxy(proxy, http->proxies[i]);
    }
}

void cove__http_free(struct cove__http *http)
{
    if (!http)
        return;
    cove__secret_drop(http);
    cove__free((char *)http->config.ca_file);
    cove__free((char *)http->config.ca_path);
    cove__free((char *)http->config.proxy);
    cove__free((char *)http->config.user_agent);
    cove__free(http);
}

int cove__http_new(const struct cove__http_config *config, struct cove__http **ret, struct cove_error *err)
{
    static uint64_t serials; /* under cove__lock */

    int rc = cove__loops_global_init(err);
    if (rc < 0)
        return rc;
    struct cove__http *http = cove__calloc(1, sizeof(*http));
    if (!http)
        return cove__fail_nomem(err, "an HTTP client");
    if (!copy_config(&http->config, config)) {
        cove__http_free(http);
        return cove__fail_nomem(err, "an HTTP client");
    }
    note_proxies(http);
    if (http->config.connect_timeout_ms <= 0)
        http->config.connect_timeout_ms = CONNECT_TIMEOUT_MS;
    if (http->config.stall_timeout_ms <= 0)
        http->config.stall_timeout_ms = STALL_TIMEOUT_MS;
    cove__limit_init(&http->limit, config->max_concurrency ? config->max_concurrency : CONCURRENCY);
    http->generation = cove__fork_generation();
    cove__lock();
    http->serial = ++serials;
    cove__unlock();
    *ret = http;
    return 0;
}
