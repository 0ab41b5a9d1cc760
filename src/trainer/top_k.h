/* The k best checkpoints so far: Lightning's best_k_models, decided without touching a store. */
#ifndef COVE_TRAINER_TOP_K_H
#define COVE_TRAINER_TOP_K_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cove__scored {
    char *path; /* owned */
    float score;
};

struct cove__top_k {
    bool max;                   /* the greatest is the best */
    int64_t k;                  /* -1: all are kept */
    struct cove__scored *items; /* owned, in order of saving */
    size_t n, cap;
};

void cove__top_k_done(struct cove__top_k *top);
/* Whether a checkpoint with `score` belongs among the k. */
bool cove__top_k_wants(const struct cove__top_k *top, float score);
/* The one that a new one replaces; NULL: there is room. */
const struct cove__scored *cove__top_k_evicts(const struct cove__top_k *top);
/* Adds `path` (copied) in place of the one from cove__top_k_evicts. A path that is already there gets the new score. A
 * score of nan counts as the worst. COVE_ENOMEM: nothing was changed. */
int cove__top_k_add(struct cove__top_k *top, const char *path, float score);
/* The number that cove__top_k_add stores for `score`. */
float cove__top_k_number(const struct cove__top_k *top, float score);
int cove__top_k_copy(const struct cove__top_k *from, struct cove__top_k *ret_to); /* COVE_ENOMEM */
bool cove__top_k_has(const struct cove__top_k *top, const char *path);
bool cove__top_k_is_full(const struct cove__top_k *top); /* there are k, or k is -1 */
const struct cove__scored *cove__top_k_best(const struct cove__top_k *top);
const struct cove__scored *cove__top_k_worst(const struct cove__top_k *top); /* NULL: none */

#endif
