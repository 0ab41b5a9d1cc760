/* See kept.h. */
#include "trainer/kept.h"

#include <string.h>

#include <cove/error.h>

#include "base/mem.h"

int cove__kept_copy(const struct cove__kept *from, struct cove__kept *ret_to)
{
    struct cove__kept to = *from;
    int rc;
    to.top = (struct cove__top_k){ 0 };
    to.best_path = to.last_path = to.kth_path = to.exception_path = NULL;
    if ((rc = cove__top_k_copy(&from->top, &to.top)) < 0 ||
        (rc = cove__set_string(&to.best_path, from->best_path)) < 0 ||
        (rc = cove__set_string(&to.last_path, from->last_path)) < 0 ||
        (rc = cove__set_string(&to.kth_path, from->kth_path)) < 0 ||
        (rc = cove__set_string(&to.exception_path, from->exception_path)) < 0) {
        cove__kept_done(&to);
        return rc;
    }
    *ret_to = to;
    return 0;
}

void cove__kept_done(struct cove__kept *kept)
{
    cove__top_k_done(&kept->top);
    cove__free(kept->best_path);
    cove__free(kept->last_path);
    cove__free(kept->kth_path);
    cove__free(kept->exception_path);
    *kept = (struct cove__kept){ 0 };
}

static bool same(const char *a, const char *b)
{
    return a && strcmp(a, b) == 0;
}

bool cove__kept_names(const struct cove__kept *kept, const char *path)
{
    return same(kept->best_path, path) || same(kept->last_path, path) || same(kept->exception_path, path) ||
           cove__top_k_has(&kept->top, path);
}
