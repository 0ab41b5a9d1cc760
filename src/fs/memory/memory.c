/* Files in memory: the backend's table, its options and its URLs. The tree of files: memory_tree.c. */
#include <string.h>

#include "base/error.h"
#include "fs/fs_impl.h"
#include "fs/memory/memory.h"
#include "fs/schemes.h"

static const struct cove__option_row options[] = { { 0 } };
static int self_of_all; /* nothing is in it: all filesystems have the process's one tree */

static int memory_open(const struct cove_options *given, const char *authority, void **ret_self, struct cove_error *err)
{
    int nothing = 0;
    int rc = cove__options_fill(options, given, "memory", &nothing, err);

    if (rc == 0)
        *ret_self = &self_of_all;
    return rc;
}

static void memory_close(void *self)
{
}

/* No slash at either end, none doubled: memory:///a//b/ is a/b. */
static int memory_parse(const char *url, char **ret_path, struct cove_error *err)
{
    const char *rest = cove__scheme_skip(url, "memory"), *p = rest ? rest : url;
    struct cove__buf out = COVE__BUF_INIT((size_t)128 << 10);

    while (*p) {
        size_t n = strcspn(p, "/");

        if (n > 0)
            cove__buf_addf(&out, "%s%.*s", out.size ? "/" : "", (int)n, p);
        p += n + (p[n] == '/');
    }
    *ret_path = cove__buf_take(&out);
    return *ret_path ? 0 : cove__fail_nomem(err, "a path");
}

const struct cove__fs_ops cove__memory_ops = {
    .name = "memory",
    .options = options,
    .real_directories = true,
    .open = memory_open,
    .close = memory_close,
    .parse = memory_parse,
    .stat = cove__memory_stat,
    .list = cove__memory_list,
    .copy = cove__memory_copy,
    .move = cove__memory_move,
    .remove = cove__memory_remove,
    .directories = {
        .make = cove__memory_mkdir,
        .remove = cove__memory_rmdir,
        .remove_tree = cove__memory_remove_tree,
    },
    .read = { .range = cove__memory_read },
    .put = cove__memory_put,
    .upload = {
        .part_rules = cove__memory_part_rules,
        .begin = cove__memory_begin,
        .part = cove__memory_part,
        .finish = cove__memory_finish,
        .abort = cove__memory_abort,
    },
    .append = {
        .open = cove__memory_append_open,
        .write = cove__memory_append,
        .close = cove__memory_append_close,
    },
};
