/*
 * Credentials kept fresh: see provider.h. A short-lived thread asks the source; requests that need its answer are
 * parked (net/http) and resumed together.
 */
#include "auth/provider.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/log.h"
#include "base/mem.h"

#define EARLY_NS      (600 * COVE__SEC) /* this long before the end new credentials are fetched in the background */
#define LATE_NS       (60 * COVE__SEC)  /* this long before the end requests wait for the new ones */
#define MIN_AGE_NS    (60 * COVE__SEC)  /* a source whose credentials end soon is not asked more often than this */
#define BACKOFF_NS    (1 * COVE__SEC)   /* after a failure, doubled with each, up to ... */
#define BACKOFF_MAX   6                 /* doublings */
#define FORCED_GAP_NS (5 * COVE__SEC)   /* credentials refused so soon after a forced refresh are not just too old */

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
    uint64_t rounds;                   /* refreshes that have ended */
    uint64_t serials;
    unsigned failures;       /* in a row */
    int64_t next_try_ns;     /* monotonic */
    int64_t forced_ns;       /* when a refusal last made a refresh */
    struct cove_error error; /* of the last refresh; code 0: it succeeded */
};

void cove__credentials_unref(struct cove__credentials *credentials)
{
    if (credentials == NULL)
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
    if (credentials == NULL)
        return NULL;
    credentials->type = type;
    credentials->refs = 1;
    return credentials;
}

int cove__provider_new_fixed(const struct cove__credentials_type *type, void *fixed, struct cove__provider **ret,
                             struct cove_error *err)
{
    struct cove__provider *p = cove__calloc(1, sizeof *p);
    struct cove__credentials *credentials = credentials_new(type);

    if (p == NULL || credentials == NULL) {
        cove__free(p);
        cove__credentials_unref(credentials);
        type->done(fixed);
        return cove__fail_nomem(err, "the credentials");
    }
    memcpy(credentials->payload, fixed, type->size);
    memset(fixed, 0, type->size);
    p->current = credentials;
    p->generation = cove__fork_generation();
    *ret = p;
    return 0;
}

int cove__provider_new(const struct cove__credentials_source *source, struct cove__provider **ret,
                       struct cove_error *err)
{
    struct cove__provider *p = cove__calloc(1, sizeof *p);
    cove_cancel *cancel = cove_cancel_new();

    if (p == NULL || cancel == NULL) {
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
    if (p == NULL)
        return;
    if (p->cancel != NULL)
        cove_cancel_fire(p->cancel);
    join(p);
    cove__credentials_unref(p->current);
    cove_cancel_unref(p->cancel);
    if (p->source.free != NULL)
        p->source.free(p->source.self);
    cove__free(p);
}

/* ---- the refresh ---- */

/* `fresh`: TAKEN; NULL: the refresh failed with `err`. */
static void end_refresh(struct cove__provider *p, struct cove__credentials *fresh, const struct cove_error *err)
{
    int64_t now_ns = cove__now_ns();
    struct cove__credentials *old = NULL;

    cove__lock();
    p->rounds++;
    if (fresh != NULL) {
        old = p->current;
        fresh->serial = ++p->serials;
        p->current = fresh;
        p->refused = false;
        p->failures = 0;
        p->next_try_ns = now_ns + MIN_AGE_NS;
        cove__error_clear(&p->error);
    } else {
        p->next_try_ns = now_ns + (BACKOFF_NS << p->failures);
        p->failures += p->failures < BACKOFF_MAX;
        p->error = *err;
    }
    p->refreshing = false;
    cove__unlock();
    cove__credentials_unref(old);
    cove__http_resume(&p->waiters);
}

static void *refresh(void *arg)
{
    struct cove__provider *p = arg;
    const struct cove__credentials_type *type = p->source.type;
    struct cove__credentials *fresh = credentials_new(type);
    struct cove_error err = COVE_ERROR_INIT;
    int rc = fresh != NULL ? p->source.fetch(p->source.self, p->cancel, fresh->payload, &err)
                           : cove__fail_nomem(&err, "the credentials");

    if (rc < 0) {
        cove__credentials_unref(fresh);
        fresh = NULL;
    }
    cove__log(rc < 0 ? COVE_LOG_WARNING : COVE_LOG_DEBUG, type->name, "new credentials: %s",
              rc < 0 ? err.message : "got");
    end_refresh(p, fresh, &err);
    return NULL;
}

/* Signals are the program's: none is delivered to a thread of the library. */
static void start_refresh(struct cove__provider *p)
{
    sigset_t all, old;
    pthread_t thread;

    join(p);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    cove__lock(); /* so that the handle is there before anybody joins */
    int rc = pthread_create(&thread, NULL, refresh, p);
    if (rc == 0) {
        p->thread = thread;
        p->has_thread = true;
    }
    cove__unlock();
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0) {
        struct cove_error err = COVE_ERROR_INIT;
        cove__fail_errno(&err, rc, "a thread that gets credentials");
        end_refresh(p, NULL, &err);
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
    if (p->source.fetch != NULL) {
        int64_t until_ns = current != NULL ? current->type->expires_ns(current->payload) : 0;
        bool valid = current != NULL && !p->refused;
        /* Credentials just fetched are used whatever their end is: this machine's clock may be wrong. */
        bool due = !valid || (!tried && until_ns - p->source.early_ns < wall_ns);
        bool must = !valid || (until_ns - p->source.late_ns < wall_ns && (failed || !tried));
        bool has_waited = use->waited != 0 && use->waited <= p->rounds;
        if (must && failed && (has_waited || tried) && !p->refreshing) {
            /* The refresh failed: the old ones serve until their end. */
            if (!valid || until_ns <= wall_ns)
                rc = cove__error_copy(err, &p->error);
        } else if (must) {
            rc = COVE__HTTP_LATER;
            use->waited = p->rounds + 1;
            if (request != NULL)
                cove__http_wait_locked(request, &p->waiters);
        }
        begin = (rc == COVE__HTTP_LATER || (rc == 0 && due && !(failed && tried))) && !p->refreshing;
        p->refreshing |= begin;
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
    const char *origin = p->current != NULL ? p->current->type->origin(p->current->payload) : NULL;
    snprintf(ret, size, "%s", origin != NULL ? origin : "");
    cove__unlock();
}

bool cove__provider_invalidate(struct cove__provider *p, struct cove__credentials_use *use)
{
    int64_t now_ns = cove__now_ns();

    if (p->source.fetch == NULL || use->refused)
        return false;
    use->refused = true;
    cove__lock();
    check_generation_locked(p);
    bool is_current = p->current != NULL && p->current->serial == use->serial;
    bool worth = !is_current || p->refused || p->forced_ns == 0 || now_ns - p->forced_ns > FORCED_GAP_NS;
    if (is_current && worth && !p->refused) {
        p->refused = true;
        p->forced_ns = now_ns;
    }
    cove__unlock();
    return worth;
}
