/*
 * Many small ranges that lie close together cost one request: they are read through a buffer and handed out from there.
 * Large ones go straight into place. Works in batches, so that the buffers stay small whatever is asked for.
 */
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"

#define SMALL_RANGE  ((size_t)512 << 10) /* above this a copy costs more than a request saves */
#define MAX_GAP      ((int64_t)64 << 10) /* bytes read for nothing between two neighbours */
#define MAX_GROUP    ((size_t)4 << 20)
#define MAX_BATCH    ((size_t)32 << 20) /* buffers at once */
#define MAX_PER_WAVE 4096               /* requests of one batch */

struct group {
    size_t first, n; /* members, in the sorted order */
    size_t room;     /* bytes of buffer; 0: read straight into place */
};

struct merge {
    struct cove_range **sorted; /* not the empty ones */
    size_t n_sorted;
    struct group *groups;
    struct cove_range *asked; /* one a group of the batch */
};

static int by_offset(const void *a, const void *b)
{
    const struct cove_range *x = *(struct cove_range *const *)a;
    const struct cove_range *y = *(struct cove_range *const *)b;

    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* The group that begins at sorted[first]: as many neighbours as are small, near and fit. */
static struct group group_at(const struct merge *m, size_t first)
{
    const struct cove_range *head = m->sorted[first];
    struct group g = { .first = first, .n = 1 };
    int64_t end = head->offset + (int64_t)head->length;

    if (head->length > SMALL_RANGE)
        return g;
    for (size_t i = first + 1; i < m->n_sorted; i++) {
        const struct cove_range *next = m->sorted[i];
        int64_t next_end = next->offset + (int64_t)next->length;

        if (next->length > SMALL_RANGE || next->offset - MAX_GAP > end ||
            (next_end > end ? next_end : end) - head->offset > (int64_t)MAX_GROUP)
            break;
        end = next_end > end ? next_end : end;
        g.n++;
    }
    g.room = g.n > 1 ? (size_t)(end - head->offset) : 0;
    return g;
}

static void hand_out(const struct merge *m, const struct group *g, const struct cove_range *asked)
{
    for (size_t i = g->first; i < g->first + g->n; i++) {
        struct cove_range *r = m->sorted[i];
        int64_t at = r->offset - asked->offset;
        int64_t have = asked->done - at;

        r->done = have < 0 ? 0 : have < (int64_t)r->length ? have : (int64_t)r->length;
        memcpy(r->buffer, (uint8_t *)asked->buffer + at, (size_t)r->done);
    }
}

/* Reads one batch of groups, from sorted[*at] on, and moves *at behind it. */
static int run_batch(cove_fs *fs, const struct cove__target *target, struct merge *m, size_t *at,
                     struct cove__fetch *whole, struct cove_error *err)
{
    struct cove__fetch fetch = { .ranges = m->asked,
                                 .if_match = whole->if_match ? whole->if_match : whole->ret_etag,
                                 .if_size = whole->if_size,
                                 .once = true,
                                 .handle = whole->handle };
    size_t n = 0;
    size_t room = 0;
    int rc = 0;

    while (*at < m->n_sorted && n < MAX_PER_WAVE) {
        struct group g = group_at(m, *at);
        const struct cove_range *head = m->sorted[*at];

        if (n > 0 && room + g.room > MAX_BATCH)
            break;
        m->asked[n] = (struct cove_range){ head->offset, g.room ? g.room : head->length, head->buffer, 0 };
        if (g.room) {
            m->asked[n].buffer = cove__budget_get(g.room, n == 0);
            if (!m->asked[n].buffer) {
                rc = n == 0 ? cove__fail_nomem(err, "a read") : 0;
                break; /* no room for more now: read the ranges that have buffers */
            }
        }
        m->groups[n++] = g;
        room += g.room;
        *at += g.n;
    }
    fetch.n_ranges = n;
    if (rc == 0)
        rc = cove__fs_fetch(fs, target, &fetch, err);
    for (size_t i = 0; i < n; i++) {
        if (rc == 0 && m->groups[i].room)
            hand_out(m, &m->groups[i], &m->asked[i]);
        else if (rc == 0)
            m->sorted[m->groups[i].first]->done = m->asked[i].done;
        if (m->groups[i].room)
            cove__budget_put(m->asked[i].buffer, m->groups[i].room);
    }
    if (rc == 0 && !whole->ret_etag) {
        whole->ret_etag = fetch.ret_etag;
        fetch.ret_etag = NULL;
    }
    if (rc == 0)
        whole->ret_total = fetch.ret_total;
    cove__free(fetch.ret_etag);
    return rc;
}

static int fetch_version(cove_fs *fs, const struct cove__target *target, struct cove__fetch *fetch,
                         struct cove_error *err)
{
    struct merge m = { 0 };
    size_t wave = fetch->n_ranges < MAX_PER_WAVE ? fetch->n_ranges : MAX_PER_WAVE;
    size_t at = 0;
    int rc;

    fetch->ret_total = -1;
    fetch->ret_etag = NULL;
    rc = cove__fs_check_ranges(fetch, &target->ctx, err);
    if (rc < 0 || fetch->n_ranges == 0)
        return rc;
    m.sorted = cove__calloc(fetch->n_ranges, sizeof *m.sorted);
    m.groups = cove__calloc(wave, sizeof *m.groups);
    m.asked = cove__calloc(wave, sizeof *m.asked);
    if (!m.sorted || !m.groups || !m.asked) {
        rc = cove__fail_nomem(err, "a read");
        goto out;
    }
    for (size_t i = 0; i < fetch->n_ranges; i++) {
        fetch->ranges[i].done = 0;
        if (fetch->ranges[i].length > 0)
            m.sorted[m.n_sorted++] = &fetch->ranges[i];
    }
    qsort(m.sorted, m.n_sorted, sizeof *m.sorted, by_offset);
    while (rc == 0 && at < m.n_sorted)
        rc = run_batch(fs, target, &m, &at, fetch, err);
out:
    if (rc < 0) {
        cove__free(fetch->ret_etag);
        fetch->ret_etag = NULL;
    }
    cove__free(m.sorted);
    cove__free(m.groups);
    cove__free(m.asked);
    return rc;
}

int cove__fs_fetch_merged(cove_fs *fs, const struct cove__target *target, struct cove__fetch *fetch,
                          struct cove_error *err)
{
    return cove__fs_fetch_restarting(fetch_version, fs, target, fetch, err);
}
