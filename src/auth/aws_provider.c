/*
 * Keys kept fresh, for src/fs/s3's requests: see aws_provider.h. A short-lived thread asks the source; requests that
 * cannot go on without its answer are parked (net/http) and resumed together.
 */
#include "auth/aws_provider.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/log.h"
#include "base/mem.h"

#define EARLY_NS      (600 * COVE__SEC) /* so long before the end new keys are fetched while the old ones serve */
#define LATE_NS       (60 * COVE__SEC)  /* so long before the end nothing is signed with the old ones any more */
#define NOT_AGAIN_NS  (60 * COVE__SEC)  /* a source that gives keys near their end is not asked more often than this */
#define BACKOFF_NS    (1 * COVE__SEC)   /* after a failure, doubled with each, up to ... */
#define BACKOFF_MAX   6                 /* doublings */
#define FORCED_GAP_NS (5 * COVE__SEC)   /* keys refused so soon after a forced refresh are no matter of their age */

struct cove__aws_provider {
    /* fixed */
    struct cove__aws_source source; /* fetch NULL: the first set stays */
    cove_cancel *cancel;
    /* under cove__lock */
    unsigned generation; /* of fork: of the waiters and the thread */
    struct cove__http_waiters waiters;
    bool refreshing;
    bool has_thread; /* not yet joined */
    pthread_t thread;
    struct cove__aws_set *set; /* one reference */
    bool refused;              /* the store did not take the set */
    uint64_t rounds;           /* refreshes that have ended */
    uint64_t serials;
    unsigned failures;       /* in a row */
    int64_t next_try_ns;     /* monotonic */
    int64_t forced_ns;       /* when a refusal last made a refresh */
    struct cove_error error; /* of the last refresh; code 0: it succeeded */
};

void cove__aws_set_unref(struct cove__aws_set *set)
{
    if (set == NULL)
        return;
    cove__lock();
    bool last = --set->refs == 0;
    cove__unlock();
    if (!last)
        return;
    cove__aws_credentials_done(&set->keys);
    cove__free(set);
}

/* Takes the keys where it succeeds. */
static struct cove__aws_set *set_new(struct cove__aws_credentials *keys)
{
    struct cove__aws_set *set = cove__calloc(1, sizeof *set);
    if (set == NULL)
        return NULL;
    set->keys = *keys;
    set->refs = 1;
    *keys = (struct cove__aws_credentials){ 0 };
    return set;
}

int cove__aws_provider_new_fixed(struct cove__aws_credentials *fixed, struct cove__aws_provider **ret,
                                 struct cove_error *err)
{
    struct cove__aws_provider *p = cove__calloc(1, sizeof *p);
    struct cove__aws_set *set = set_new(fixed);

    if (p == NULL || set == NULL) {
        cove__free(p);
        cove__aws_set_unref(set);
        cove__aws_credentials_done(fixed);
        return cove__fail_nomem(err, "the credentials");
    }
    p->set = set;
    p->generation = cove__fork_generation();
    *ret = p;
    return 0;
}

int cove__aws_provider_new(const struct cove__aws_source *source, struct cove__aws_provider **ret,
                           struct cove_error *err)
{
    struct cove__aws_provider *p = cove__calloc(1, sizeof *p);
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
static void check_generation_locked(struct cove__aws_provider *p)
{
    unsigned generation = cove__fork_generation();
    if (p->generation == generation)
        return;
    p->generation = generation;
    p->waiters = (struct cove__http_waiters){ 0 };
    p->refreshing = p->has_thread = false;
}

/* Joins the thread of the last refresh, which has ended or is about to. */
static void join(struct cove__aws_provider *p)
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

bool cove__aws_provider_idle_locked(const struct cove__aws_provider *p)
{
    cove__assert_locked();
    return !p->refreshing || p->generation != cove__fork_generation();
}

void cove__aws_provider_free(struct cove__aws_provider *p)
{
    if (p == NULL)
        return;
    if (p->cancel != NULL)
        cove_cancel_fire(p->cancel);
    join(p);
    cove__aws_set_unref(p->set);
    cove_cancel_unref(p->cancel);
    if (p->source.free != NULL)
        p->source.free(p->source.self);
    cove__free(p);
}

/* ---- the refresh ---- */

static void end_refresh(struct cove__aws_provider *p, int rc, struct cove__aws_set *set, const struct cove_error *err)
{
    int64_t now_ns = cove__now_ns();

    cove__lock();
    struct cove__aws_set *old = NULL;
    p->rounds++;
    if (rc == 0) {
        old = p->set;
        set->serial = ++p->serials;
        p->set = set;
        p->refused = false;
        p->failures = 0;
        p->next_try_ns = now_ns + NOT_AGAIN_NS;
        cove__error_clear(&p->error);
    } else {
        p->next_try_ns = now_ns + (BACKOFF_NS << p->failures);
        p->failures += p->failures < BACKOFF_MAX;
        p->error = *err;
    }
    p->refreshing = false;
    cove__unlock();
    cove__aws_set_unref(old);
    cove__http_resume(&p->waiters);
}

static void *refresh(void *arg)
{
    struct cove__aws_provider *p = arg;
    struct cove__aws_credentials keys = { 0 };
    struct cove__aws_set *set = NULL;
    struct cove_error err = COVE_ERROR_INIT;

    int rc = p->source.fetch(p->source.self, p->cancel, &keys, &err);
    if (rc == 0 && (set = set_new(&keys)) == NULL) {
        cove__aws_credentials_done(&keys);
        rc = cove__fail_nomem(&err, "the credentials");
    }
    cove__log(rc < 0 ? COVE_LOG_WARNING : COVE_LOG_DEBUG, "aws", "new credentials: %s", rc < 0 ? err.message : "got");
    end_refresh(p, rc, set, &err);
    return NULL;
}

/* Signals are the program's: none is delivered to a thread of the library. */
static void start_refresh(struct cove__aws_provider *p)
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
        rc = cove__fail_errno(&err, rc, "a thread that gets credentials");
        end_refresh(p, rc, NULL, &err);
    }
}

/* ---- use ---- */

int cove__aws_provider_get(struct cove__aws_provider *p, struct cove__http_request *request, struct cove__aws_use *use,
                           struct cove__aws_set **ret, struct cove_error *err)
{
    int64_t now_ns = cove__now_ns(), wall_ns = cove__wall_ns();
    bool begin = false;
    int rc = 0;

    cove__lock();
    check_generation_locked(p);
    struct cove__aws_set *set = p->set;
    bool tried = now_ns < p->next_try_ns, failed = p->error.code < 0;
    if (p->source.fetch != NULL) {
        int64_t until_ns = set != NULL ? set->keys.expires_ns : 0;
        bool valid = set != NULL && !p->refused;
        /* Keys just fetched are used whatever their date is: this machine's clock may be wrong. */
        bool due = !valid || (!tried && until_ns - p->source.early_ns < wall_ns);
        bool must = !valid || (until_ns - p->source.late_ns < wall_ns && (failed || !tried));
        bool has_waited = use->waited != 0 && use->waited <= p->rounds;
        if (must && failed && (has_waited || tried) && !p->refreshing) {
            /* Asked in vain: the old ones serve to their very end. */
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
        set->refs++;
        use->serial = set->serial;
        *ret = set;
    }
    cove__unlock();
    if (begin)
        start_refresh(p);
    return rc;
}

void cove__aws_provider_source(const struct cove__aws_provider *p, char *ret, size_t size)
{
    cove__lock();
    const char *source = p->set != NULL ? p->set->keys.source : NULL;
    snprintf(ret, size, "%s", source != NULL ? source : "");
    cove__unlock();
}

bool cove__aws_provider_refused(struct cove__aws_provider *p, struct cove__aws_use *use)
{
    int64_t now_ns = cove__now_ns();

    if (p->source.fetch == NULL || use->refused)
        return false;
    use->refused = true;
    cove__lock();
    check_generation_locked(p);
    bool current = p->set != NULL && p->set->serial == use->serial;
    bool worth = !current || p->refused || p->forced_ns == 0 || now_ns - p->forced_ns > FORCED_GAP_NS;
    if (current && worth && !p->refused) {
        p->refused = true;
        p->forced_ns = now_ns;
    }
    cove__unlock();
    return worth;
}
