/* Which checkpoints stay: decisions for ModelCheckpoint, in Lightning's order where scores are equal. */
#include "trainer/top_k.h"

#include <math.h>
#include <string.h>

#include <cove/error.h>

#include "base/mem.h"

#define MAX_KEPT ((size_t)1 << 20)

void cove__top_k_done(struct cove__top_k *top)
{
    for (size_t i = 0; i < top->n; i++)
        cove__free(top->items[i].path);
    cove__free(top->items);
    top->items = NULL;
    top->n = top->cap = 0;
}

static bool better(const struct cove__top_k *top, float a, float b)
{
    return top->max ? a > b : a < b;
}

/* The first of the extreme ones, as Python's min and max give it. */
static const struct cove__scored *extreme(const struct cove__top_k *top, bool best)
{
    const struct cove__scored *found = top->n > 0 ? &top->items[0] : NULL;
    for (size_t i = 1; i < top->n; i++) {
        float a = top->items[i].score, b = found->score;
        if (best ? better(top, a, b) : better(top, b, a))
            found = &top->items[i];
    }
    return found;
}

const struct cove__scored *cove__top_k_best(const struct cove__top_k *top)
{
    return extreme(top, true);
}

const struct cove__scored *cove__top_k_worst(const struct cove__top_k *top)
{
    return extreme(top, false);
}

static bool is_full(const struct cove__top_k *top)
{
    return top->k >= 0 && top->n >= (size_t)top->k;
}

bool cove__top_k_wants(const struct cove__top_k *top, float score)
{
    if (top->k == 0)
        return false;
    return !is_full(top) || better(top, score, cove__top_k_worst(top)->score);
}

const struct cove__scored *cove__top_k_evicts(const struct cove__top_k *top)
{
    return top->k > 0 && is_full(top) ? cove__top_k_worst(top) : NULL;
}

float cove__top_k_number(const struct cove__top_k *top, float score)
{
    if (!isnan(score))
        return score;
    return top->max ? -INFINITY : INFINITY;
}

static struct cove__scored *find(const struct cove__top_k *top, const char *path)
{
    for (size_t i = 0; i < top->n; i++) {
        if (strcmp(top->items[i].path, path) == 0)
            return &top->items[i];
    }
    return NULL;
}

bool cove__top_k_has(const struct cove__top_k *top, const char *path)
{
    return find(top, path);
}

bool cove__top_k_is_full(const struct cove__top_k *top)
{
    return top->k < 0 || top->n >= (size_t)top->k;
}

static void remove_at(struct cove__top_k *top, size_t i)
{
    cove__free(top->items[i].path);
    for (; i + 1 < top->n; i++)
        top->items[i] = top->items[i + 1];
    top->n--;
}

int cove__top_k_add(struct cove__top_k *top, const char *path, float score)
{
    const struct cove__scored *out;
    struct cove__scored *old;
    char *copy = cove__strdup(path);
    if (!copy || cove__grow(&top->items, &top->cap, top->n + 1, sizeof *top->items, MAX_KEPT) < 0) {
        cove__free(copy);
        return COVE_ENOMEM;
    }
    out = cove__top_k_evicts(top);
    if (out)
        remove_at(top, (size_t)(out - top->items));
    /* As in a Python dict, an existing key keeps its place. */
    old = find(top, path);
    if (old)
        cove__free(copy);
    else
        *(old = &top->items[top->n++]) = (struct cove__scored){ .path = copy };
    old->score = cove__top_k_number(top, score);
    return 0;
}

int cove__top_k_copy(const struct cove__top_k *from, struct cove__top_k *ret_to)
{
    struct cove__top_k to = { .max = from->max, .k = from->k };
    int rc = cove__grow(&to.items, &to.cap, from->n + 1, sizeof *to.items, MAX_KEPT + 1);
    for (size_t i = 0; rc == 0 && i < from->n; i++) {
        to.items[i] = (struct cove__scored){ cove__strdup(from->items[i].path), from->items[i].score };
        if (!to.items[i].path)
            rc = COVE_ENOMEM;
        else
            to.n++;
    }
    if (rc < 0)
        cove__top_k_done(&to);
    else
        *ret_to = to;
    return rc;
}
