/*
 * Writes without a condition whose attempt was not answered, on stores with `looks_before_repeat`. To repeat such a
 * write blindly could replace what another writer has made since. So the object is looked at first. If it is ours, the
 * write is done. If it is not there, or older than the first attempt, the write is repeated under the condition that
 * this is still so, and so it is if the object is an earlier one of this process. If it is newer, another writer made
 * it, and it stays. Where the condition of a repetition is refused, the object has changed once more, perhaps because
 * it was removed: it is checked again by the same rule, a few times at most. An account that may not read objects
 * repeats without a condition.
 *
 * For put.c, temporaries.c and copy.c.
 */
#ifndef COVE_FS_OBJECT_UNANSWERED_H
#define COVE_FS_OBJECT_UNANSWERED_H

#include "fs/object/operations.h"

/* Zeroed before the first request of a write. */
struct cove__unanswered {
    int64_t begun_ns;  /* when the first attempt began, by cove__now_ns; 0: not yet */
    unsigned attempts; /* so far, of all requests */
    int64_t wait_ns;   /* before the next attempt; -1: the policy has no more */
    unsigned refusals; /* of repetitions, for their condition */
    bool unseen;       /* an attempt may have been done, and no look was possible */
    bool unchanged;    /* the last look has found what the request before it required */
    /* What the next attempt requires: nothing before the first look. `etag` is `version`. */
    struct cove__put put;
    char version[COVE__HEADER_MAX];
};

/* What a look has shown. */
enum cove__unanswered_end {
    COVE__UNANSWERED_OURS,    /* the write is done */
    COVE__UNANSWERED_REPEAT,  /* u->put has the condition */
    COVE__UNANSWERED_ANOTHERS /* another writer has made the object meanwhile */
};

/* Before each request of the write, which is set up, but for its condition. */
void cove__unanswered_watch(struct cove__unanswered *u, struct cove__object_request *r);
/* After such a request has failed: true: the object is to be looked at, and may be written again. */
bool cove__unanswered_ended(struct cove__unanswered *u, const struct cove__object_request *r);
/* The look: before its HEAD is sent; whether its result decides, which it does even if nothing was found; and what it
 * decides. `is_ours`: of the object that was found, as far as that is shown by a mark or its bytes. */
void cove__unanswered_set_up_look(struct cove__unanswered *u, struct cove__object_request *head);
bool cove__unanswered_is_look(int rc);
enum cove__unanswered_end cove__unanswered_look(struct cove__unanswered *u, const struct cove__object_request *head,
                                                bool is_ours);
/* The look of a caller that waits. `is_ours` may send requests; `newer`: the object is not certainly older than the
 * first attempt. Negative: it has failed, and *err has why. */
int cove__unanswered_look_at(struct cove__unanswered *u, struct cove__object_store *store,
                             struct cove__object_name name, const struct cove__ctx *ctx,
                             bool (*is_ours)(void *user, const struct cove__object_head *head, bool newer), void *user,
                             struct cove_error *err);
/* The condition of a repetition, or a look, has shown another writer. COVE_EPRECONDITION. */
int cove__unanswered_by_another(const struct cove__ctx *ctx, struct cove_error *err);

#endif
