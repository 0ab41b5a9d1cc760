/* See outage.h. */
#include "net/outage.h"

#include <stdio.h>
#include <string.h>

/* The authority of a URL, or of a proxy given without a scheme, behind its user and password. */
static const char *address(const char *url, int *ret_size)
{
    const char *at = strstr(url, "://");

    at = at ? at + 3 : url;
    size_t size = strcspn(at, "/?#");
    for (size_t i = size; i > 0; i--) {
        if (at[i - 1] == '@') {
            at += i;
            size -= i;
            break;
        }
    }
    *ret_size = size < COVE__OUTAGE_WAY ? (int)size : COVE__OUTAGE_WAY;
    return at;
}

static int scheme_size(const char *url)
{
    const char *end = strstr(url, "://");

    return end && end - url < 16 ? (int)(end + 3 - url) : 0;
}

void cove__outage_proxy(const char *proxy, char ret_proxy[COVE__OUTAGE_WAY])
{
    int size;

    ret_proxy[0] = '\0';
    if (!proxy || proxy[0] == '\0')
        return;
    const char *at = address(proxy, &size);
    snprintf(ret_proxy, COVE__OUTAGE_WAY, "%.*s%.*s", scheme_size(proxy), proxy, size, at);
}

void cove__outage_way(const char *proxy, char ret_way[COVE__OUTAGE_WAY])
{
    char shown[COVE__OUTAGE_WAY];

    cove__outage_proxy(proxy, shown);
    snprintf(ret_way, COVE__OUTAGE_WAY, "%s%.*s", shown[0] != '\0' ? " through " : "",
             COVE__OUTAGE_WAY - (int)sizeof " through ", shown);
}

void cove__outage_endpoint(const char *url, const char *way, char ret_endpoint[COVE__OUTAGE_ENDPOINT])
{
    int size;
    const char *at = address(url, &size);

    snprintf(ret_endpoint, COVE__OUTAGE_ENDPOINT, "%.*s%.*s%s", scheme_size(url), url, size, at, way);
}

static struct cove__outage *find(struct cove__outages *all, const char *endpoint)
{
    for (size_t i = 0; i < COVE__OUTAGES && all->of[i].endpoint[0] != '\0'; i++) {
        if (strcmp(all->of[i].endpoint, endpoint) == 0)
            return &all->of[i];
    }
    return NULL;
}

static void end_last_waits(struct cove__outage *o)
{
    for (size_t i = 0; i < COVE__OUTAGE_KINDS; i++)
        o->last[i].until_ns = INT64_MAX;
}

static struct cove__outage *find_or_add(struct cove__outages *all, const char *endpoint, int64_t now_ns)
{
    struct cove__outage *found = find(all, endpoint);

    if (!found) {
        found = &all->of[0];
        for (size_t i = 1; i < COVE__OUTAGES && found->endpoint[0] != '\0'; i++) {
            if (all->of[i].endpoint[0] == '\0' || all->of[i].used_ns < found->used_ns)
                found = &all->of[i];
        }
        *found = (struct cove__outage){ 0 };
        end_last_waits(found);
        snprintf(found->endpoint, sizeof(found->endpoint), "%s", endpoint);
    }
    found->used_ns = now_ns;
    return found;
}

void cove__outage_failed(struct cove__outages *all, const char *endpoint, int64_t started_ns, int64_t now_ns)
{
    struct cove__outage *o = find_or_add(all, endpoint, now_ns);

    if (!o->failing || started_ns - o->last_ns > COVE__OUTAGE_FORGET_NS) {
        o->failing = true;
        /* Others may have been answered while this attempt was under way. */
        o->since_ns = started_ns > o->answered_ns ? started_ns : o->answered_ns;
        end_last_waits(o);
    }
    o->last_ns = now_ns;
}

bool cove__outage_answered(struct cove__outages *all, const char *endpoint, int64_t now_ns, int64_t *ret_lasted_ns)
{
    struct cove__outage *o = find_or_add(all, endpoint, now_ns);
    bool was_logged = o->failing && o->logged;

    if (was_logged)
        *ret_lasted_ns = now_ns - o->since_ns;
    o->failing = o->logged = false;
    o->answered_ns = now_ns;
    end_last_waits(o);
    return was_logged;
}

int64_t cove__outage_last_wait(struct cove__outages *all, const char *endpoint, unsigned kind, int64_t now_ns,
                               int64_t *ret_lasted_ns, bool *ret_first)
{
    struct cove__outage *o = find(all, endpoint);

    /* The failures themselves span the time: one of them, and no request since, prove nothing. */
    if (!o || !o->failing || o->last_ns - o->since_ns < COVE__OUTAGE_KNOWN_NS ||
        now_ns - o->last_ns > COVE__OUTAGE_FORGET_NS)
        return INT64_MAX;
    *ret_first = o->last[kind].until_ns == INT64_MAX || now_ns - o->last[kind].waited_ns > COVE__OUTAGE_FORGET_NS;
    if (*ret_first)
        o->last[kind].until_ns = now_ns + COVE__OUTAGE_LAST_NS;
    o->last[kind].waited_ns = now_ns;
    *ret_lasted_ns = now_ns - o->since_ns;
    return o->last[kind].until_ns;
}

bool cove__outage_log_due(struct cove__outages *all, const char *endpoint, int64_t waited_ns, int64_t now_ns)
{
    if (waited_ns < COVE__OUTAGE_LOG_NS)
        return false;
    struct cove__outage *o = find_or_add(all, endpoint, now_ns);
    /* The first line about this endpoint, or about a wait that began after the last one. */
    bool first = o->gap_ns == 0 || waited_ns < now_ns - o->logged_ns;
    if (!first && now_ns - o->logged_ns < o->gap_ns)
        return false;
    o->gap_ns = first ? COVE__OUTAGE_LOG_NS : COVE__OUTAGE_AGAIN_NS;
    o->logged_ns = now_ns;
    o->logged = true;
    return true;
}
