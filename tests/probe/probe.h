/* What the probe's files share. */
#ifndef COVE_PROBE_H
#define COVE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cove/cove.h>

struct probe {
    cove_fs *fs;
    char *path;
    struct cove_call call;
    struct cove_error err;
    const char *out; /* where what was read goes */
    int n_args;
    char **args;
    int64_t value; /* a count, where the verb has one */
    bool printed_names;
    int64_t worst_ms;            /* the longest call of `up`, `down` and `fetch` */
    unsigned fds[2], threads[2]; /* of the process, before and after */
};

struct verb {
    const char *name;
    int min_args;
    int (*run)(struct probe *p);
};

extern const struct verb probe_looks[]; /* looks.c; ends with a row whose name is NULL */

/* One of the names in the outcome. */
void print_name(struct probe *p, const char *name);

#define MAX_PAIRS 16
/* Arguments "NAME=VALUE" from the `first` on, or "NAME" without one. */
size_t pair_args(struct probe *p, int first, struct cove_pair pairs[MAX_PAIRS]);

#endif
