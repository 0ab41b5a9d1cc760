/* What cp and mv do with their arguments: which file goes where, and what must not be done. The bytes are copier.c's.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_THREADS 4
#define MAX_THREADS     64

struct plan {
    struct cli_target to;
    bool into; /* `to` is a directory that sources go into */
    bool move, recursive;
    int threads;
    struct cli_copier *copier;
    char **names; /* what has been put into `to` already */
    size_t n_names;
};

/* The last part of a path; NULL where it has none of its own ("", ".", "..", a root): then its content is meant. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    return *name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ? NULL : name;
}

/* Whether the target is a directory. Without the right to look it is taken for a file: writing may be allowed all the
 * same. */
static int look_at_target(struct cli *c, struct plan *p)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_info *info = NULL;
    int rc;

    if (p->to.slash || cli_target_is_root(&p->to)) {
        p->into = true;
        return CLI_OK;
    }
    rc = cove_fs_stat(p->to.fs, p->to.path, &c->call, &info, &err);
    if (rc == 0)
        p->into = cove_info_type(info) == COVE_TYPE_DIRECTORY;
    cove_info_free(info);
    if (rc < 0 && rc != COVE_ENOTFOUND && rc != COVE_ENOTDIR && rc != COVE_EACCESS)
        return cli_fail(c, rc, &err);
    return CLI_OK;
}

/* Two sources of one name in one directory: the second would replace the first. */
static bool is_new_name(struct cli *c, struct plan *p, const char *name)
{
    char **names;

    for (size_t i = 0; i < p->n_names; i++) {
        if (strcmp(p->names[i], name) == 0) {
            cli_failf(c, CLI_USAGE, "two sources are called \"%s\": the second would replace the first in %s", name,
                      p->to.arg);
            return false;
        }
    }
    names = cli_alloc((p->n_names + 1) * sizeof *names);
    if (p->n_names > 0)
        memcpy(names, p->names, p->n_names * sizeof *names);
    free(p->names);
    p->names = names;
    p->names[p->n_names++] = cli_strdup(name);
    return true;
}

/* Where the source goes: a target of its own, or false, said why. */
static bool place_of(struct cli *c, struct plan *p, const struct cli_target *from, bool directory,
                     struct cli_target *ret)
{
    const char *name =
        base_name(from->arg) ? base_name(from->path) : NULL; /* cp -r x/. TARGET is what is in x, as for cp(1) */

    *ret = p->to;
    ret->arg = ret->path = NULL;
    if (p->into && name) {
        if (!is_new_name(c, p, name))
            return false;
        ret->path = cli_join(p->to.path, name);
        ret->arg = cli_join(p->to.arg, name);
    } else {
        ret->path = cli_strdup(p->to.path);
        ret->arg = cli_strdup(p->to.arg);
    }
    if (cli_same(from, ret, false)) {
        cli_failf(c, CLI_USAGE, "%s and %s are the same %s", from->arg, ret->arg, directory ? "directory" : "file");
        return false;
    }
    if (directory && cli_same(from, ret, true)) {
        cli_failf(c, CLI_USAGE, "%s cannot be put into itself, at %s", from->arg, ret->arg);
        return false;
    }
    return true;
}

/* Removes directories that have become empty; those that have not are said by the store. */
static int remove_empty(struct cli *c, cove_fs *fs, const char *path, struct cove_error *err)
{
    cove_listing *listing = NULL;
    const cove_info *info;
    int rc = cove_fs_list(fs, path, &c->call, &listing, err);

    while (rc == 0 && (rc = cove_listing_next(listing, &info, err)) == 1)
        rc = cove_info_type(info) == COVE_TYPE_DIRECTORY ? remove_empty(c, fs, cove_info_path(info), err) : 0;
    cove_listing_free(listing);
    if (rc == 0)
        rc = cove_fs_remove(fs, path, &c->call, err);
    return rc == COVE_ENOTFOUND ? 0 : rc;
}

/* On a disk ".." leads out of the target; in an object store it is part of a name, which anybody may have made. */
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

static void transfer_tree(struct cli *c, struct plan *p, const struct cli_target *from, const struct cli_target *to)
{
    struct cove_error err = COVE_ERROR_INIT;
    size_t skip = strlen(from->path);
    cove_listing *listing = NULL;
    const cove_info *info;
    int rc = cove_fs_find(from->fs, from->path, &c->call, &listing, &err);

    while (rc == 0 && !cli_interrupted(c) && (rc = cove_listing_next(listing, &info, &err)) == 1) {
        const char *rest = cove_info_path(info) + skip;

        rc = 0;
        if (strcmp(cove_fs_scheme(to->fs), "file") == 0 && leads_out(rest)) {
            cli_failf(c, CLI_FAILED, "%s is not copied: the \"..\" in its name would lead out of %s",
                      cove_info_path(info), to->arg);
            continue;
        }
        char *path = cli_join(to->path, rest + strspn(rest, "/"));

        cli_copier_add(p->copier, from->fs, cove_info_path(info), to->fs, path, cove_info_size(info));
        free(path);
    }
    cove_listing_free(listing);
    if (rc < 0)
        cli_fail(c, rc, &err);
}

/* In one step, where the store has such a step. COVE_ENOTSUP: it has to be copied. */
static int rename_within(struct cli *c, const struct cli_target *from, const struct cli_target *to, bool directory,
                         struct cove_error *err)
{
    const char *scheme = cove_fs_scheme(from->fs);

    /* Elsewhere a directory is moved file by file, and then better by several threads. */
    if (from->fs != to->fs || (directory && strcmp(scheme, "file") != 0 && strcmp(scheme, "memory") != 0))
        return COVE_ENOTSUP;
    return cove_fs_move(from->fs, from->path, to->path, &c->call, err);
}

static void move_source(struct cli *c, struct plan *p, const struct cli_target *from, const struct cli_target *to,
                        bool directory, int64_t size)
{
    struct cove_error err = COVE_ERROR_INIT;
    int rc;

    if (cli_target_is_root(from) && !c->set['F']) {
        cli_failf(c, CLI_USAGE, "%s is a whole store: moving it needs --force", from->arg);
        return;
    }
    rc = rename_within(c, from, to, directory, &err);
    if (rc != COVE_ENOTSUP) {
        if (rc < 0)
            cli_fail(c, rc, &err);
        else
            cli_say_copied(c, from->fs, from->path, to->fs, to->path, size);
        return;
    }
    if (!directory) {
        cli_copier_add(p->copier, from->fs, from->path, to->fs, to->path, size);
        return;
    }
    /* The directories that the files leave behind go only when the files have gone: wait for this source. */
    transfer_tree(c, p, from, to);
    cli_copier_finish(p->copier);
    p->copier = cli_copier_new(c, p->threads, true);
    if (c->status == CLI_OK && !cli_interrupted(c)) {
        rc = remove_empty(c, from->fs, from->path, &err);
        if (rc < 0)
            cli_fail(c, rc, &err);
    }
}

/* "x/." is what is in x, in a store too, whose paths may have a "." in them. */
static void drop_dot(const struct cli_target *from)
{
    size_t n = strlen(from->path);

    if (n > 2 && strcmp(from->path + n - 2, "/.") == 0)
        from->path[n - 2] = '\0';
}

static void transfer_source(struct cli *c, const struct cli_target *from, void *user)
{
    struct plan *p = user;
    struct cove_error err = COVE_ERROR_INIT;
    struct cli_target to;
    cove_info *info = NULL;
    bool directory;
    int rc, special = cli_open_special(c, from);

    if (special == -2)
        return;
    if (p->recursive)
        drop_dot(from);
    rc = cove_fs_stat(from->fs, from->path, &c->call, &info, &err);
    if (rc < 0) {
        cli_fail(c, rc, &err);
        goto out;
    }
    directory = cove_info_type(info) == COVE_TYPE_DIRECTORY;
    if (directory && !p->recursive) {
        cli_failf(c, CLI_FAILED, "%s is a directory: copying it needs -r", from->arg);
        goto out;
    }
    if (special >= 0 && p->move) {
        cli_failf(c, CLI_USAGE, "%s is neither a file nor a directory", from->arg);
        goto out;
    }
    if (place_of(c, p, from, directory, &to)) {
        if (special >= 0)
            cli_upload(c, special, to.fs, to.path);
        else if (p->move)
            move_source(c, p, from, &to, directory, cove_info_size(info));
        else if (directory)
            transfer_tree(c, p, from, &to);
        else
            cli_copier_add(p->copier, from->fs, from->path, to.fs, to.path, cove_info_size(info));
    }
    free(to.arg);
    free(to.path);
out:
    cove_info_free(info);
    if (special >= 0)
        close(special);
}

static int threads_of(struct cli *c)
{
    static char nothing[] = "";
    char *end = nothing;
    long n = c->set['j'] ? strtol(c->value['j'], &end, 10) : DEFAULT_THREADS;

    if (*end || n < 1 || n > MAX_THREADS) {
        cli_usage(c, "--jobs takes a number from 1 to %d, not \"%s\"", MAX_THREADS, c->value['j']);
        return 0;
    }
    return (int)n;
}

static void download_each(struct cli *c, const struct cli_target *from, void *user)
{
    (void)user;
    cli_download(c, from);
}

int cli_transfer(struct cli *c, bool move)
{
    struct plan p = { .move = move, .recursive = move || c->set['r'] };
    const char *to = c->args[c->n_args - 1];
    int n = c->n_args - 1, rc;

    p.threads = threads_of(c);
    if (p.threads == 0)
        return CLI_USAGE;
    if (!move && strcmp(to, "-") == 0) {
        c->n_args = n;
        cli_expand_all(c, download_each, NULL);
        return c->status;
    }
    rc = cli_target_open(c, to, &p.to);
    if (rc == CLI_OK)
        rc = look_at_target(c, &p);
    if (rc != CLI_OK)
        goto out;
    if (!p.into && (n > 1 || cli_is_pattern(c, c->args[0]))) {
        rc = cli_usage(c, "%s is no directory; for several sources, end it with a slash to have one made", to);
        goto out;
    }
    p.copier = cli_copier_new(c, p.threads, move);
    for (int i = 0; i < n && !cli_interrupted(c); i++) {
        if (strcmp(c->args[i], "-") != 0 || move)
            cli_expand(c, c->args[i], transfer_source, &p);
        else if (p.into)
            cli_usage(c, "what standard input gives needs a name: %s is a directory", to);
        else
            cli_upload(c, STDIN_FILENO, p.to.fs, p.to.path);
    }
    cli_copier_finish(p.copier);
    rc = c->status;
out:
    for (size_t i = 0; i < p.n_names; i++)
        free(p.names[i]);
    free(p.names);
    cli_target_done(&p.to);
    return rc;
}
