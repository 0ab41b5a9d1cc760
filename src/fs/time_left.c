/* What is left of an iterator's timeout. See time_left.h. */
#include "fs/time_left.h"

#include "base/clock.h"

void cove__time_left_share(struct cove__time_left *t, const cove_fs *fs, const struct cove_call *call)
{
    int64_t deadline_ns = cove__call_deadline(fs, call);

    t->shared = true;
    t->left_ns = deadline_ns == INT64_MAX ? INT64_MAX : deadline_ns - cove__now_ns();
}

int64_t cove__time_left_begin(struct cove__time_left *t, const cove_fs *fs, const struct cove_call *call)
{
    t->began_ns = cove__now_ns();
    if (!t->shared)
        return cove__call_deadline(fs, call);
    return t->left_ns == INT64_MAX ? INT64_MAX : t->began_ns + t->left_ns;
}

void cove__time_left_end(struct cove__time_left *t)
{
    if (t->shared && t->left_ns != INT64_MAX)
        t->left_ns -= cove__now_ns() - t->began_ns;
}
