/*
 * Credentials kept fresh: see provider.h. A short-lived thread asks the source; requests that need its answer are
 * parked (net/http) and resumed together.
 */
#include "auth/provider.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"

#define EARLY_NS      (600 * COVE__SEC) /* this long before the end new credentials are fetched in the background */
#define LATE_NS       (60 * COVE__SEC)  /* this long before the end requests wait for the new ones */
#define MIN_AGE_NS    (60 * COVE__SEC)  /* a source whose credentials end soon is not asked more often than this */
#define BACKOFF_NS    (1 * COVE__SEC)   /* after a failure, doubled with each, up to ... */
#define BACKOFF_MAX   6                 /* doublings */
#define FORCED_GAP_NS (5 * COVE__SEC)   /* credentials refused so soon after a forced refresh are not just too old */
#define QUICK_GAP_NS                                                                                                   \
    (125 * COVE__MS)                 /* the same where it gave others: they can be rotated again; doubled each time    \
                                      */
#define NONE_GAP_NS (60 * COVE__SEC) /* the same where it found none: what is refused to all is not for all */

struct cove__provider {
    /* fixed */
    struct cove__credentials_source source; /* fetch NULL: the first credentials stay */
    cove_cancel *cancel;
    /* under cove__lock */
    unsigned generation; /* of fork: of the waiters and the thread */
    struct cove__http_waiters waiters;
    bool refreshing;
    bool has_thread; /* not yet joined */
    pthread_t thread;
    struct cove__credentials *current; /* one reference */
    bool refused;                      /* the store refused the current ones */
    bool doubted;                      /* it refused a request with them, and others are wanted for that one */
    uint64_t rounds;                   /* refreshes that have ended */
    uint64_t serials;
    unsigned failures;       /* in a row */
    int64_t next_try_ns;     /* monotonic */
    int64_t forced_ns;       /* when a refusal last made a refresh */
    bool forced;             /* so is the present one, or the next */
    bool quick;              /* and it may be followed by another soon */
    int64_t quick_ns;        /* how soon such a one may be followed, if it gives others */
    int64_t gap_ns;          /* how soon the last one may be */
    uint64_t stamp;          /* of the source before the last refresh that succeeded */
    bool look;               /* the next refresh ends there unless the stamp has changed */
    struct cove_error error; /* of the last refresh; code 0: it succeeded */
};

void cove__credentials_unref(struct cove__credentials *credentials)
{
    if (!credentials)
        return;
    cove__lock();
    bool last = --credentials->refs == 0;
    cove__unlock();
    if (!last)
        return;
    credentials->type->done(credentials->payload);
    cove__free(credentials);
}

/* With a zeroed payload. */
static struct cove__credentials *credentials_new(const struct cove__credentials_type *type)
{
    struct cove__credentials *credentials = cove__calloc(1, sizeof *credentials + type->size);
    if (!credentials)
        return NULL;
    credentials->type = type;
    credentials->refs = 1;
    return credentials;
}

/* Sets the first credentials; the payload at `first` is TAKEN and zeroed. */
static int set_first(struct cove__provider *p, const struct cove__credentials_type *type, void *first)
{
    struct cove__credentials *credentials = credentials_new(type);

    if (!credentials)
        return COVE_ENOMEM;
    memcpy(credentials->payload, first, type->size);
    memset(first, 0, type->size);
    credentials->serial = ++p->serials;
    type->hide(credentials->payload);
    p->current = credentials;
    return 0;
}

int cove__provider_new_fixed(const struct cove__credentials_type *type, void *fixed, struct cove__provider **ret,
                             struct cove_error *err)
{
    struct cove__provider *p = cove__calloc(1, sizeof *p);

    if (!p || set_first(p, type, fixed) < 0) {
        cove__free(p);
        type->done(fixed);
        return cove__fail_nomem(err, "the credentials");
    }
    p->generation = cove__fork_generation();
    *ret = p;
    return 0;
}

int cove__provider_new(const struct cove__credentials_source *source, struct cove__provider **ret,
                       struct cove_error *err)
{
    struct cove__provider *p = cove__calloc(1, sizeof *p);
    cove_cancel *cancel = cove_cancel_new();

    if (!p || !cancel) {
        cove__free(p);
        cove_cancel_unref(cancel);
        source->free(source->self);
        return cove__fail_nomem(err, "the credentials");
    }
    p->source = *source;
    p->source.early_ns = source->early_ns > 0 ? source->early_ns : EARLY_NS;
    p->source.late_ns = source->late_ns > 0 ? source->late_ns : LATE_NS;
    p->cancel = cancel;
    p->generation = cove__fork_generation();
    p->error = (struct cove_error)COVE_ERROR_INIT;
    *ret = p;
    return 0;
}

/* A child has neither the parent's refresh nor its requests. */
static void check_generation_locked(struct cove__provider *p)
{
    unsigned generation = cove__fork_generation();
    if (p->generation == generation)
        return;
    p->generation = generation;
    p->waiters = (struct cove__http_waiters){ 0 };
    p->refreshing = p->has_thread = false;
}

/* Joins the thread of the last refresh, which has ended or is about to. */
static void join(struct cove__provider *p)
{
    cove__lock();
    check_generation_locked(p);
    bool has_thread = p->has_thread;
    pthread_t thread = p->thread;
    p->has_thread = false;
    cove__unlock();
    if (has_thread)
        pthread_join(thread, NULL);
}

bool cove__provider_is_idle_locked(const struct cove__provider *p)
{
    cove__assert_locked();
    return !p->refreshing || p->generation != cove__fork_generation();
}

void cove__provider_free(struct cove__provider *p)
{
    if (!p)
        return;
    if (p->cancel)
        cove_cancel_fire(p->cancel);
    join(p);
    cove__credentials_unref(p->current);
    cove_cancel_unref(p->cancel);
    if (p->source.free)
        p->source.free(p->source.self);
    cove__free(p);
}

int cove__provider_new_with(const struct cove__credentials_source *source, void *first, struct cove__provider **ret,
                            struct cove_error *err)
{
    struct cove__provider *p = NULL;
    int rc = cove__provider_new(source, &p, err);

    if (rc == 0 && set_first(p, source->type, first) < 0)
        rc = cove__fail_nomem(err, "the credentials");
    if (rc < 0) {
        cove__provider_free(p);
        source->type->done(first);
        return rc;
    }
    *ret = p;
    return 0;
}

/* ---- the refresh ---- */

static bool is_none(const struct cove__credentials *c)
{
    return c && c->type->is_none && c->type->is_none(c->payload);
}

/* After a forced refresh: how long until the next one. */
static void set_gap_locked(struct cove__provider *p, bool brought)
{
    p->gap_ns = is_none(p->current) ? NONE_GAP_NS : FORCED_GAP_NS;
    if (brought && p->quick && p->quick_ns < FORCED_GAP_NS) {
        p->gap_ns = p->quick_ns;
        p->quick_ns = p->quick_ns > 0 ? 2 * p->quick_ns : QUICK_GAP_NS;
    }
    p->forced = false;
}

/* `fresh`: TAKEN; NULL: the refresh failed with `err`. `stamp`: of the source before it. */
static void end_refresh(struct cove__provider *p, struct cove__credentials *fresh, uint64_t stamp,
                        const struct cove_error *err)
{
    int64_t now_ns = cove__now_ns();
    struct cove__credentials *old = NULL;
    bool brought = false;

    cove__lock();
    p->rounds++;
    if (fresh) {
        old = p->current;
        bool same = old && fresh->type->equal(old->payload, fresh->payload);
        fresh->serial = same ? old->serial : ++p->serials;
        brought = !same;
        p->current = fresh;
        p->stamp = stamp;
        p->refused = p->doubted = false;
        p->failures = 0;
        p->next_try_ns = now_ns + MIN_AGE_NS;
        cove__error_clear(&p->error);
    } else {
        p->next_try_ns = now_ns + (BACKOFF_NS << p->failures);
        p->failures += p->failures < BACKOFF_MAX;
        p->error = *err;
        p->doubted = false;
    }
    if (p->forced)
        set_gap_locked(p, brought);
    p->look = false;
    p->refreshing = false;
    cove__unlock();
    cove__credentials_unref(old);
    cove__http_resume(&p->waiters);
}

/* A refusal came so soon that only a change of the source's files is a reason to ask it. True: there is none, and this
 * is the end of the refresh. */
static bool looked(struct cove__provider *p, uint64_t stamp)
{
    cove__lock();
    bool ends = p->look && p->current && p->error.code == 0 && stamp == p->stamp;
    p->look = false;
    if (ends) {
        p->rounds++;
        p->doubted = false;
        p->refreshing = false;
    }
    cove__unlock();
    if (ends)
        cove__http_resume(&p->waiters);
    return ends;
}

/* That a source lacks a file does not mean that the store lacks the file of the request, which would take this code for
 * its answer. */
static int code_of_source(int rc)
{
    static const int of_files[] = { COVE_ENOTFOUND, COVE_EEXIST,    COVE_EISDIR,
                                    COVE_ENOTDIR,   COVE_ENOTEMPTY, COVE_EPRECONDITION };

    for (size_t i = 0; i < sizeof of_files / sizeof of_files[0]; i++) {
        if (rc == of_files[i])
            return COVE_EAUTH;
    }
    return rc;
}

/* Where credentials come from is of interest once, and when it has changed; that they are renewed, only in detail. */
static void log_fresh(const struct cove__provider *p, const struct cove__credentials *fresh)
{
    const struct cove__credentials_type *type = fresh->type;
    const char *origin = type->origin(fresh->payload), *before = p->current ? type->origin(p->current->payload) : NULL;
    const char *project = type->project ? type->project(fresh->payload) : NULL;
    bool first = !p->current || !origin || !before || strcmp(origin, before) != 0;

    cove__log(first ? COVE_LOG_INFO : COVE_LOG_DEBUG, type->name, "%s: %s%s%s",
              first ? "credentials" : "refreshed credentials", origin ? origin : "of an unknown source",
              project ? "; project " : "", project ? project : "");
}

/* Without credentials that serve meanwhile the requests fail with the same message; and the end of the store's use is
 * no failure. */
static void log_failure(const struct cove__provider *p, const struct cove_error *err)
{
    const struct cove__credentials *old = p->current;
    bool serve = old && old->type->expires_ns(old->payload) > cove__wall_ns() && !cove_cancel_fired(p->cancel);

    cove__log(serve ? COVE_LOG_WARNING : COVE_LOG_INFO, p->source.type->name, "new credentials: %s", err->message);
}

static void *refresh(void *arg)
{
    struct cove__provider *p = arg;
    const struct cove__credentials_type *type = p->source.type;
    uint64_t stamp = p->source.stamp ? p->source.stamp(p->source.self) : 0;

    if (looked(p, stamp))
        return NULL;
    struct cove__credentials *fresh = credentials_new(type);
    struct cove_error err = COVE_ERROR_INIT;
    int rc = fresh ? p->source.fetch(p->source.self, p->cancel, fresh->payload, &err)
                   : cove__fail_nomem(&err, "the credentials");

    if (rc == 0) {
        type->hide(fresh->payload);
    } else {
        if (!p->source.is_the_store)
            err.code = code_of_source(err.code);
        cove__credentials_unref(fresh);
        fresh = NULL;
    }
    if (fresh)
        log_fresh(p, fresh);
    else
        log_failure(p, &err);
    end_refresh(p, fresh, stamp, &err);
    return NULL;
}

static void start_refresh(struct cove__provider *p)
{
    pthread_t thread;

    join(p);
    cove__lock(); /* so that the handle is set before another thread joins */
    int rc = cove__thread_create(&thread, refresh, p);
    if (rc == 0) {
        p->thread = thread;
        p->has_thread = true;
    }
    cove__unlock();
    if (rc != 0) {
        struct cove_error err = COVE_ERROR_INIT;
        cove__fail_errno(&err, rc, "start a thread that fetches credentials");
        end_refresh(p, NULL, 0, &err);
    }
}

/* ---- use ---- */

int cove__provider_get(struct cove__provider *p, struct cove__http_request *request, struct cove__credentials_use *use,
                       struct cove__credentials **ret, struct cove_error *err)
{
    int64_t now_ns = cove__now_ns(), wall_ns = cove__wall_ns();
    bool begin = false;
    int rc = 0;

    cove__lock();
    check_generation_locked(p);
    struct cove__credentials *current = p->current;
    bool tried = now_ns < p->next_try_ns, failed = p->error.code < 0;
    bool mine = current && use->refused && current->serial == use->refused_serial; /* refused for this request */
    if (p->source.fetch) {
        int64_t until_ns = current ? current->type->expires_ns(current->payload) : 0;
        bool has_waited = use->waited != 0 && use->waited <= p->rounds;
        bool unusable = !current || (mine ? !has_waited : p->refused);
        /* Credentials just fetched are used whatever their end is: this machine's clock may be wrong. */
        bool due = unusable || p->doubted || (!tried && until_ns - p->source.early_ns < wall_ns);
        bool must = unusable || (until_ns - p->source.late_ns < wall_ns && (failed || !tried));
        if (must && failed && (has_waited || tried) && !p->refreshing) {
            /* The refresh failed: the old ones serve until their end. */
            if (!current || (until_ns <= wall_ns && !mine))
                rc = cove__error_copy(err, &p->error);
        } else if (must) {
            rc = COVE__HTTP_LATER;
            use->waited = p->rounds + 1;
            if (request)
                cove__http_wait_locked(request, &p->waiters);
        }
        begin = (rc == COVE__HTTP_LATER || (rc == 0 && due && !(failed && tried))) && !p->refreshing;
        p->refreshing |= begin;
    }
    if (rc != COVE__HTTP_LATER)
        use->waited = 0; /* a later attempt waits again */
    if (rc == 0 && mine) {
        rc = COVE__CREDENTIALS_UNCHANGED;
        if (failed)
            cove__error_copy(err, &p->error);
    }
    if (rc == 0) {
        current->refs++;
        use->serial = current->serial;
        *ret = current;
    }
    cove__unlock();
    if (begin)
        start_refresh(p);
    return rc;
}

void cove__provider_origin(const struct cove__provider *p, char *ret, size_t size)
{
    cove__lock();
    const char *origin = p->current ? p->current->type->origin(p->current->payload) : NULL;
    snprintf(ret, size, "%s", origin ? origin : "");
    cove__unlock();
}

static bool is_current_locked(const struct cove__provider *p, const struct cove__credentials_use *use)
{
    return p->current && p->current->serial == use->serial;
}

/* So long after the last forced refresh that another one is due. */
static bool may_force_locked(const struct cove__provider *p, int64_t now_ns)
{
    return p->forced_ns == 0 || now_ns - p->forced_ns >= p->gap_ns;
}

static bool may_replace_locked(const struct cove__provider *p, const struct cove__credentials_use *use, int64_t now_ns)
{
    return p->source.fetch && !use->refused &&
           (!is_current_locked(p, use) || p->refused || p->doubted ||
            (!p->source.is_constant && (may_force_locked(p, now_ns) || p->source.stamp)));
}

bool cove__provider_may_replace(struct cove__provider *p, const struct cove__credentials_use *use)
{
    int64_t now_ns = cove__now_ns();

    cove__lock();
    bool may = may_replace_locked(p, use, now_ns);
    cove__unlock();
    return may;
}

/* `refused`: all requests with these credentials. */
static void force_locked(struct cove__provider *p, bool refused, int64_t now_ns)
{
    bool under_way = p->refused || (p->doubted && !p->look);

    if (!under_way && may_force_locked(p, now_ns)) {
        if (now_ns - p->forced_ns > 2 * FORCED_GAP_NS)
            p->quick_ns = 0;
        p->forced_ns = now_ns;
        p->forced = true;
        p->quick = refused;
        p->look = false;
    } else if (!under_way) {
        p->look = true;
        refused = false; /* the others need not wait for a look */
    }
    p->refused |= refused;
    p->doubted |= !refused;
}

static bool ask_for_others(struct cove__provider *p, struct cove__credentials_use *use, bool refused)
{
    int64_t now_ns = cove__now_ns();

    cove__lock();
    check_generation_locked(p);
    bool may = may_replace_locked(p, use, now_ns);
    if (may && is_current_locked(p, use))
        force_locked(p, refused && !is_none(p->current), now_ns);
    if (may) {
        use->refused = true;
        use->refused_serial = use->serial;
        use->waited = p->rounds + 1; /* whatever it waited for before */
    }
    cove__unlock();
    return may;
}

bool cove__provider_invalidate(struct cove__provider *p, struct cove__credentials_use *use)
{
    return ask_for_others(p, use, true);
}

bool cove__provider_doubt(struct cove__provider *p, struct cove__credentials_use *use)
{
    return ask_for_others(p, use, false);
}
