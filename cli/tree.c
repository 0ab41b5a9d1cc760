/* The entries below a source of cp or mv, and their targets. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

bool cli_real_directories(const cove_fs *fs)
{
    const char *scheme = cove_fs_scheme(fs);

    return strcmp(scheme, "file") == 0 || strcmp(scheme, "memory") == 0;
}

int cli_has_below(struct cli *c, const struct cli_target *t, const cove_info *info, struct cove_error *err)
{
    if (cove_info_type(info) == COVE_TYPE_DIRECTORY)
        return 1;
    return cli_real_directories(t->fs) ? 0 : cove_fs_is_directory(t->fs, t->path, &c->call, err);
}

const char *cli_rest(const char *directory, const char *path)
{
    size_t n = strlen(directory);

    if (strnlen(path, n) < n)
        return ""; /* the directory itself, given with a slash */
    return path + n + (n > 0 && directory[n - 1] != '/' && path[n] == '/');
}

/* On a disk ".." leads out of the target. In an object store it is an ordinary, untrusted part of a key. */
static bool leads_out(const char *path)
{
    for (const char *part = path; *part;) {
        size_t n = strcspn(part, "/");

        if (n == 2 && strncmp(part, "..", 2) == 0)
            return true;
        part += n + strspn(part + n, "/");
    }
    return false;
}

bool cli_each_below(struct cli *c, const struct cli_source *s, cli_each_entry each, void *user)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_listing *listing = NULL;
    bool disk = strcmp(cove_fs_scheme(s->to.fs), "file") == 0;
    const cove_info *info;
    int rc = cove_fs_walk(s->from.fs, s->from.path, &c->call, &listing, &err);

    while (rc == 0 && !cli_interrupted(c) && (rc = cove_listing_next(listing, &info, &err)) == 1) {
        const char *rest = cli_rest(s->from.path, cove_info_path(info));
        char *to = disk && leads_out(rest) ? NULL : cli_join(s->to.path, rest);

        rc = each(c, s, info, to, user) ? 0 : -1;
        free(to);
        if (rc < 0)
            break;
    }
    cove_listing_free(listing);
    if (err.code < 0)
        cli_fail(c, err.code, &err);
    return err.code == 0;
}
