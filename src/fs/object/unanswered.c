/* Decides whether an unanswered write may be repeated: see unanswered.h. */
#include "fs/object/unanswered.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "fs/fs_impl.h"

#define CLOCK_NS     COVE__SEC /* a Date has whole seconds, and the store's machines may differ a little */
#define REFUSALS_MAX 3u        /* of repetitions: each was overtaken by a change of the object since its check */

void cove__unanswered_watch(struct cove__unanswered *u, struct cove__object_request *r)
{
    if (u->begun_ns == 0)
        u->begun_ns = cove__now_ns();
    u->wait_ns = -1;
    r->looks_before_repeat = true;
    r->http.sent_once = true; /* libcurl would repeat it unasked */
    r->http.attempts_before = u->attempts;
}

bool cove__unanswered_ended(struct cove__unanswered *u, const struct cove__object_request *r)
{
    u->attempts += r->http.attempts;
    u->wait_ns = r->http.repeat_after_ns;
    if (cove__object_condition_refused(r, u->put.condition) && u->refusals < REFUSALS_MAX) {
        u->refusals++;
        u->wait_ns = 0; /* the refusal is definite */
    }
    return r->http.op.rc < 0 && u->wait_ns >= 0;
}

void cove__unanswered_set_up_look(struct cove__unanswered *u, struct cove__object_request *head)
{
    head->http.attempts_before = u->attempts;
    head->http.begin_after_ns = u->wait_ns;
}

/* Whether the object is certainly older than the write's first attempt. By the store's clock alone: ours may be wrong.
 * Where it is not known the condition has to do. */
static bool is_older(const struct cove__unanswered *u, const struct cove__object_request *head,
                     const struct cove__object_head *found)
{
    int64_t now_ns = cove__object_response_time(head), made_ns = found->created_ns;

    /* An ETag is of what was written last; an object that is replaced may keep the time of its creation. */
    if (strcmp(head->store->ops->headers.version, "etag") == 0 && found->mtime_ns > made_ns)
        made_ns = found->mtime_ns;
    if (now_ns < 0 || made_ns < 0)
        return true;
    return made_ns < now_ns - (cove__now_ns() - u->begun_ns) - CLOCK_NS;
}

static bool is_unchanged(const struct cove__unanswered *u, const struct cove__object_head *found)
{
    return u->put.condition == COVE_WRITE_IF_MATCH && strcmp(u->version, found->version) == 0;
}

/* After an earlier look no clock is needed: another version than it found was made since. */
static bool is_newer(const struct cove__unanswered *u, const struct cove__object_request *head,
                     const struct cove__object_head *found)
{
    return u->put.condition == COVE_WRITE_ALWAYS ? !is_older(u, head, found) : !is_unchanged(u, found);
}

bool cove__unanswered_is_look(int rc)
{
    return rc == 0 || rc == COVE_ENOTFOUND || rc == COVE_EACCESS;
}

enum cove__unanswered_end cove__unanswered_look(struct cove__unanswered *u, const struct cove__object_request *head,
                                                bool is_ours)
{
    struct cove__object_head found;

    u->attempts += head->http.attempts > 0 ? head->http.attempts - 1 : 0;
    u->unseen = head->http.op.rc == COVE_EACCESS;
    if (head->http.op.rc < 0) {
        u->unchanged = u->put.condition == COVE_WRITE_IF_NEW;
        u->put = (struct cove__put){ .condition = u->unseen ? COVE_WRITE_ALWAYS : COVE_WRITE_IF_NEW };
        return COVE__UNANSWERED_REPEAT;
    }
    if (is_ours)
        return COVE__UNANSWERED_OURS;
    cove__object_head_response(head, &found);
    if (!cove__object_is_same_writer(found.write_id) && is_newer(u, head, &found))
        return COVE__UNANSWERED_ANOTHERS;
    u->unchanged = is_unchanged(u, &found);
    snprintf(u->version, sizeof u->version, "%s", found.version);
    u->put = (struct cove__put){ .condition = COVE_WRITE_IF_MATCH, .etag = u->version };
    return COVE__UNANSWERED_REPEAT;
}

int cove__unanswered_look_at(struct cove__unanswered *u, struct cove__object_store *store,
                             struct cove__object_name name, const struct cove__ctx *ctx,
                             bool (*is_ours)(void *user, const struct cove__object_head *head, bool newer), void *user,
                             struct cove_error *err)
{
    struct cove__object_request r;
    struct cove__object_head head;

    cove__object_request_init(&r, store, "HEAD", name, ctx);
    cove__object_head_request(&r);
    cove__unanswered_set_up_look(u, &r);
    int rc = cove__object_run(&r, err);
    if (rc == 0)
        cove__object_head_response(&r, &head);
    if (cove__unanswered_is_look(rc))
        rc = (int)cove__unanswered_look(u, &r, rc == 0 && is_ours(user, &head, is_newer(u, &r, &head)));
    cove__object_request_done(&r);
    return rc;
}

int cove__unanswered_by_another(const struct cove__ctx *ctx, struct cove_error *err)
{
    return cove__fs_fail(err, ctx, COVE_EPRECONDITION,
                         "an attempt to write the object was not answered, and another writer has made it since; it "
                         "may have been written before that");
}
