/* The process's transfer buffers, for src/stream. Pages that come back are kept for the next stream while they fit
 * under the limit. */
#include "base/budget.h"

#include <stdint.h>

#include "base/fork.h"
#include "base/mem.h"

#define KEPT_MAX     64
#define KEPT_LARGEST ((size_t)64 << 20) /* what is larger is rare, and too much to keep unused */

struct kept {
    void *p;
    size_t size;
};

/* under cove__lock */
static struct {
    size_t limit;
    size_t used;       /* handed out */
    size_t kept_bytes; /* waiting in `kept` */
    struct kept kept[KEPT_MAX];
    size_t n_kept;
} budget = { .limit = COVE__BUDGET_DEFAULT };

static void *take_kept_locked(size_t size)
{
    for (size_t i = budget.n_kept; i-- > 0;) {
        if (budget.kept[i].size != size)
            continue;
        void *p = budget.kept[i].p;
        budget.kept[i] = budget.kept[--budget.n_kept];
        budget.kept_bytes -= size;
        return p;
    }
    return NULL;
}

/* Moves kept pages to `drop`: as many as the `size` bytes that come, so that sizes which are not needed any more do
 * not add to those in use, and until these fit under the limit. They are freed outside the lock. */
static size_t make_room_locked(size_t size, struct kept drop[KEPT_MAX])
{
    size_t n = 0, dropped = 0;
    while (budget.n_kept > 0 &&
           (dropped < size || size > budget.limit || budget.used + budget.kept_bytes > budget.limit - size)) {
        drop[n] = budget.kept[--budget.n_kept];
        budget.kept_bytes -= drop[n].size;
        dropped += drop[n].size;
        n++;
    }
    return n;
}

static void free_all(struct kept *drop, size_t n)
{
    for (size_t i = 0; i < n; i++)
        cove__free(drop[i].p);
}

void *cove__budget_get(size_t size, bool entitled)
{
    struct kept drop[KEPT_MAX];
    size_t n_drop = 0;
    void *p = NULL;

    cove__lock();
    bool room = size <= budget.limit && budget.used <= budget.limit - size;
    if ((!room && !entitled) || size > SIZE_MAX - budget.used) {
        cove__unlock();
        return NULL;
    }
    budget.used += size;
    p = take_kept_locked(size);
    if (!p) {
        budget.used -= size;
        n_drop = make_room_locked(size, drop);
        budget.used += size;
    }
    cove__unlock();

    free_all(drop, n_drop);
    if (!p)
        p = cove__malloc(size);
    if (!p) {
        cove__lock();
        budget.used -= size;
        cove__unlock();
    }
    return p;
}

void cove__budget_put(void *p, size_t size)
{
    if (!p)
        return;
    cove__lock();
    budget.used -= size;
    bool keep = budget.n_kept < KEPT_MAX && size <= KEPT_LARGEST && size <= budget.limit &&
                budget.used + budget.kept_bytes <= budget.limit - size;
    if (keep) {
        budget.kept[budget.n_kept++] = (struct kept){ p, size };
        budget.kept_bytes += size;
    }
    cove__unlock();
    if (!keep)
        cove__free(p);
}

size_t cove__budget_used(void)
{
    cove__lock();
    size_t used = budget.used;
    cove__unlock();
    return used;
}

void cove__budget_set(size_t limit)
{
    struct kept drop[KEPT_MAX];

    cove__lock();
    budget.limit = limit;
    size_t n_drop = make_room_locked(0, drop);
    cove__unlock();
    free_all(drop, n_drop);
}
