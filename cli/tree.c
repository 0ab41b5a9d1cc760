/* The entries below a target: of a source of cp or mv, with their targets, or files to print or count. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

bool cli_real_directories(const cove_fs *fs)
{
    struct cove_scheme row;

    for (size_t i = 0; cove_scheme_at(i, &row) == 0; i++)
        if (strcmp(row.scheme, cove_fs_scheme(fs)) == 0)
            return row.real_directories;
    return false;
}

int cli_has_below(const struct cli_target *t, const cove_info *info, struct cli_operation *o, struct cove_error *err)
{
    if (cove_info_type(info) == COVE_INFO_DIRECTORY)
        return 1;
    if (cli_real_directories(t->fs))
        return 0;
    int rc = cove_fs_is_directory(t->fs, t->path, cli_operation_call(o), err);
    return rc == COVE_EACCESS ? 0 : rc; /* without the right to list, the object is all that can be asked for */
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

bool cli_fits(const struct cli_source *s, const char *path, bool directory)
{
    size_t n = strlen(path);

    return directory || !cli_real_directories(s->to.fs) || n == 0 || path[n - 1] != '/';
}

bool cli_each_below(struct cli *c, const struct cli_source *s, bool one, cli_each_entry each, void *user)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_listing *listing = NULL;
    bool disk = strcmp(cove_fs_scheme(s->to.fs), "file") == 0;
    const cove_info *info;
    int rc = cove_fs_walk(s->from.fs, s->from.path, &c->call, &listing, &err);

    if (rc == 0 && one)
        cove_listing_use_one_timeout(listing);
    while (rc == 0 && !cli_interrupted(c) && (rc = cove_listing_next(listing, &info, &err)) == 1) {
        const char *rest = cli_rest(s->from.path, cove_info_path(info));
        bool directory = cove_info_type(info) == COVE_INFO_DIRECTORY;
        bool fits = cli_fits(s, cove_info_path(info), directory) && !(disk && leads_out(rest));
        char *to = fits ? cli_join(s->to.path, rest) : NULL;

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

bool cli_each_file(struct cli *c, const struct cli_target *t, cli_each_info each, void *user)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_listing *listing = NULL;
    const cove_info *info;
    cove_info *self = NULL;
    struct cli_operation operation = cli_operation_begin(c);
    int rc = cove_fs_stat(t->fs, t->path, cli_operation_call(&operation), &self, &err);
    int below = rc == 0 ? cli_has_below(t, self, &operation, &err) : rc;
    bool file = rc == 0 && cove_info_type(self) == COVE_INFO_FILE;

    rc = below == 1 ? cove_fs_find(t->fs, t->path, cli_operation_call(&operation), &listing, &err) : below;
    if (listing)
        cove_listing_use_one_timeout(listing);
    if (file) /* after the listing's time is known: this may wait for a reader */
        each(c, t, self, user);
    while (listing && (rc = cove_listing_next(listing, &info, &err)) == 1)
        if (!file || strcmp(cove_info_path(info), cove_info_path(self)) != 0) /* "a/" is listed below "a/" */
            each(c, t, info, user);
    cove_listing_free(listing);
    cove_info_free(self);
    if (rc < 0)
        cli_fail(c, rc, &err);
    return rc == 0;
}
