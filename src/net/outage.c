/* See outage.h. */
#include "net/outage.h"

#include <string.h>

void cove__outage_endpoint(const char *url, char out[COVE__OUTAGE_ADDRESS])
{
    const char *at = strstr(url, "://");

    at = at != NULL ? at + 3 : url;
    size_t n = strcspn(at, "/?#");
    if (n >= COVE__OUTAGE_ADDRESS)
        n = COVE__OUTAGE_ADDRESS - 1;
    memcpy(out, at, n);
    out[n] = '\0';
}

static struct cove__outage *find(struct cove__outages *all, const char *endpoint)
{
    for (size_t i = 0; i < COVE__OUTAGES && all->of[i].endpoint[0] != '\0'; i++) {
        if (strcmp(all->of[i].endpoint, endpoint) == 0)
            return &all->of[i];
    }
    return NULL;
}

static struct cove__outage *find_or_add(struct cove__outages *all, const char *endpoint, int64_t now_ns)
{
    struct cove__outage *found = find(all, endpoint);

    if (found == NULL) {
        found = &all->of[0];
        for (size_t i = 1; i < COVE__OUTAGES && found->endpoint[0] != '\0'; i++) {
            if (all->of[i].endpoint[0] == '\0' || all->of[i].used_ns < found->used_ns)
                found = &all->of[i];
        }
        *found = (struct cove__outage){ .until_ns = INT64_MAX };
        strncpy(found->endpoint, endpoint, sizeof(found->endpoint) - 1);
    }
    found->used_ns = now_ns;
    return found;
}

static bool is_known(const struct cove__outage *o, int64_t now_ns)
{
    return o != NULL && o->until_ns != INT64_MAX && now_ns - o->last_ns <= COVE__OUTAGE_FORGET_NS;
}

void cove__outage_failed(struct cove__outages *all, const char *endpoint, int64_t started_ns, int64_t now_ns)
{
    struct cove__outage *o = find_or_add(all, endpoint, now_ns);

    if (!o->failing || started_ns - o->last_ns > COVE__OUTAGE_FORGET_NS) {
        o->failing = true;
        o->since_ns = started_ns;
        o->until_ns = INT64_MAX;
    }
    o->last_ns = now_ns;
}

bool cove__outage_given_up(struct cove__outages *all, const char *endpoint, int64_t now_ns, int64_t *ret_lasted_ns,
                           int64_t *ret_left_ns)
{
    struct cove__outage *o = find(all, endpoint);

    if (o == NULL || !o->failing || is_known(o, now_ns))
        return false;
    *ret_lasted_ns = now_ns - o->since_ns;
    /* A caller with a short deadline gives the others no longer one. */
    *ret_left_ns = *ret_lasted_ns < COVE__OUTAGE_GRACE_NS ? *ret_lasted_ns : COVE__OUTAGE_GRACE_NS;
    o->until_ns = now_ns + *ret_left_ns;
    return true;
}

bool cove__outage_answered(struct cove__outages *all, const char *endpoint, int64_t now_ns, int64_t *ret_lasted_ns)
{
    struct cove__outage *o = find(all, endpoint);

    if (o == NULL)
        return false;
    bool was_logged = o->failing && o->logged;
    if (was_logged)
        *ret_lasted_ns = now_ns - o->since_ns;
    o->failing = o->logged = false;
    o->until_ns = INT64_MAX;
    return was_logged;
}

int64_t cove__outage_deadline(const struct cove__outages *all, const char *endpoint, int64_t now_ns)
{
    const struct cove__outage *o = find((struct cove__outages *)all, endpoint);

    return is_known(o, now_ns) ? o->until_ns : INT64_MAX;
}

bool cove__outage_log_due(struct cove__outages *all, const char *endpoint, int64_t waited_ns, int64_t now_ns)
{
    if (waited_ns < COVE__OUTAGE_LOG_NS)
        return false;
    struct cove__outage *o = find_or_add(all, endpoint, now_ns);
    bool first = o->gap_ns == 0;
    if (!first && now_ns - o->logged_ns < o->gap_ns)
        return false;
    bool anew = first || waited_ns < now_ns - o->logged_ns; /* the wait began after the last line */
    o->gap_ns = anew ? COVE__OUTAGE_LOG_NS : 2 * o->gap_ns;
    o->logged_ns = now_ns;
    o->logged = true;
    return true;
}
