/*
 * Sessions of directory buckets (S3 Express One Zone): for s3_request.c, keys that sign requests to one bucket for five
 * minutes. CreateSession, signed with the filesystem's own keys, gives them. auth/provider keeps them fresh as all
 * keys: one fetch for all requests that wait, a new one in the background before the end, or when the store refuses the
 * old ones.
 */
#include <stdio.h>
#include <string.h>

#include "auth/aws_chain.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/s3/s3_request.h"

#define EARLY_NS   (60 * COVE__SEC)
#define LATE_NS    (10 * COVE__SEC)
#define TIMEOUT_NS (60 * COVE__SEC) /* of one fetch, with its repetitions */

/* ---- CreateSession ---- */

struct source {
    struct cove__s3 *s3; /* outlives it */
    char bucket[64];
};

static int create(const struct source *s, const char *mode, cove_cancel *cancel, struct cove__aws_credentials *ret,
                  struct cove_error *err)
{
    struct cove__ctx ctx = {
        .deadline_ns = cove__now_ns() + TIMEOUT_NS, .cancel = cancel, .op = "CreateSession", .url = s->bucket
    };
    struct cove__object_request r;
    char who[96];

    snprintf(who, sizeof who, "of a session of %s", s->bucket);
    cove__object_request_init(&r, &s->s3->store, "GET",
                              (struct cove__object_name){ .bucket = cove__slice_str(s->bucket) }, &ctx);
    cove__s3_state(&r)->own_keys = true;
    r.http.response_max = COVE__EXCHANGE_RESPONSE_MAX;
    cove__buf_add_str(&r.query, "session=");
    cove__object_header(&r, "x-amz-create-session-mode", "%s", mode);
    int rc = cove__object_run(&r, err);
    if (rc == 0)
        rc = cove__aws_keys_from_xml(cove__buf_slice(&r.http.response), who, ret, err);
    if (r.http.response.data)
        explicit_bzero(r.http.response.data, r.http.response.size);
    cove__object_request_done(&r);
    return rc;
}

/* A caller without the right to write gets a session for reads. */
static int fetch(void *self, cove_cancel *cancel, void *ret_payload, struct cove_error *err)
{
    struct cove__aws_credentials *ret = ret_payload;
    const struct source *s = self;
    struct cove_error why = COVE_ERROR_INIT;
    int rc = create(s, "ReadWrite", cancel, ret, &why);

    if (rc == COVE_EACCESS) {
        struct cove_error again = COVE_ERROR_INIT;
        rc = create(s, "ReadOnly", cancel, ret, &again);
        if (rc == 0)
            cove__log(COVE_LOG_INFO, "s3", "%s; the session can only read", why.message);
    }
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}

/* ---- one for each bucket ---- */

static void session_free(struct s3_session *session)
{
    if (!session)
        return;
    cove__provider_free(session->provider);
    explicit_bzero(&session->signing, sizeof session->signing);
    cove__free(session);
}

static struct s3_session *session_new(struct cove__s3 *s3, struct cove__slice bucket, struct cove_error *err)
{
    struct s3_session *session = cove__calloc(1, sizeof *session);
    struct source *s = cove__calloc(1, sizeof *s);

    if (!session || !s) {
        cove__free(session);
        cove__free(s);
        cove__fail_nomem(err, "a session");
        return NULL;
    }
    snprintf(session->bucket, sizeof session->bucket, "%.*s", (int)bucket.size, (const char *)bucket.data);
    memcpy(s->bucket, session->bucket, sizeof s->bucket);
    s->s3 = s3;
    struct cove__credentials_source source = { .type = &cove__aws_credentials_type,
                                               .fetch = fetch,
                                               .free = cove__free,
                                               .self = s,
                                               .is_the_store = true,
                                               .early_ns = EARLY_NS,
                                               .late_ns = LATE_NS };
    if (cove__provider_new(&source, &session->provider, err) < 0) {
        cove__free(session);
        return NULL;
    }
    return session;
}

static struct s3_session *find_locked(struct cove__s3 *s3, struct cove__slice bucket)
{
    for (size_t i = 0; i < s3->n_sessions; i++) {
        struct s3_session *session = s3->sessions[i];
        if (!cove__slice_is(bucket, session->bucket))
            continue;
        session->refs++;
        session->used = ++s3->session_uses;
        return session;
    }
    return NULL;
}

/* Puts the new one in, where there is no room in the place of the one that was longest unused: *ret_old, to be freed.
 * False: all are in use. */
static bool add_locked(struct cove__s3 *s3, struct s3_session *session, struct s3_session **ret_old)
{
    size_t at = s3->n_sessions;

    if (at == S3_SESSIONS_MAX) {
        for (size_t i = 0; i < s3->n_sessions; i++) {
            const struct s3_session *old = s3->sessions[i];
            if (old->refs == 0 && cove__provider_is_idle_locked(old->provider) &&
                (at == S3_SESSIONS_MAX || old->used < s3->sessions[at]->used))
                at = i;
        }
        if (at == S3_SESSIONS_MAX)
            return false;
        *ret_old = s3->sessions[at];
    } else {
        s3->n_sessions++;
    }
    s3->sessions[at] = session;
    session->refs = 1;
    session->used = ++s3->session_uses;
    return true;
}

int cove__s3_session_get(struct cove__s3 *s3, struct cove__slice bucket, struct s3_session **ret,
                         struct cove_error *err)
{
    struct s3_session *found, *made, *spare = NULL;

    cove__lock();
    found = find_locked(s3, bucket);
    cove__unlock();
    if (found) {
        *ret = found;
        return 0;
    }
    made = session_new(s3, bucket, err);
    if (!made)
        return COVE_ENOMEM;
    cove__lock();
    found = find_locked(s3, bucket); /* another thread may have been quicker */
    if (found || !add_locked(s3, made, &spare))
        spare = made;
    else
        found = made;
    cove__unlock();
    session_free(spare);
    if (!found)
        return cove__fail(err, COVE_ELIMIT, "more than %d directory buckets are in use at once", S3_SESSIONS_MAX);
    *ret = found;
    return 0;
}

void cove__s3_session_put(struct s3_session *session)
{
    if (!session)
        return;
    cove__lock();
    session->refs--;
    cove__unlock();
}

void cove__s3_sessions_free(struct cove__s3 *s3)
{
    for (size_t i = 0; i < s3->n_sessions; i++)
        session_free(s3->sessions[i]);
    s3->n_sessions = 0;
}
