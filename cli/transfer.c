/* What cp and mv do with their arguments: which file goes where, and what must not be done. The bytes are copier.c's.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_THREADS 4
#define MAX_THREADS     64

/* The last part of a path; NULL where it has none ("", ".", "..", a root): then its content is meant. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    return *name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ? NULL : name;
}

/* Whether the target is a directory. Without the right to look it is taken for a file: writing may be allowed all the
 * same. */
static int check_target(struct cli *c, struct cli_plan *p)
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
        p->into = cove_info_type(info) == COVE_INFO_DIRECTORY;
    cove_info_free(info);
    if (rc < 0 && rc != COVE_ENOTFOUND && rc != COVE_ENOTDIR && rc != COVE_EACCESS)
        return cli_fail(c, rc, &err);
    return CLI_OK;
}

/* A directory does not go where a file is: on a disk it cannot, and in an object store the two would have one name. A
 * target that may not be looked at is not known to be a file. */
static bool is_onto_file(struct cli *c, const struct cli_source *s)
{
    struct cove_error err = COVE_ERROR_INIT;
    int rc = s->tree && !s->file ? cove_fs_is_file(s->to.fs, s->to.path, &c->call, &err) : 0;

    if (rc > 0)
        cli_failf(c, CLI_FAILED, "%s is a directory, and %s is a file", s->from.arg, s->to.arg);
    else if (rc < 0 && rc != COVE_EACCESS && rc != COVE_ENOTDIR && rc != COVE_ENOTFOUND)
        cli_fail(c, rc, &err);
    else
        return false;
    return true;
}

/* Where the source goes: its own target, or false, said why. */
static bool place_of(struct cli *c, const struct cli_plan *p, struct cli_source *s)
{
    struct cli_target *from = &s->from, *to = &s->to;
    const char *name = base_name(from->arg);

    if (s->tree && !s->file && name)
        name = base_name(from->path); /* cp -r x/. TARGET copies the content of x, as cp(1) */
    s->named = p->into && name;
    to->fs = cove_fs_ref(p->to.fs);
    to->path = s->named ? cli_join(p->to.path, name) : cli_strdup(p->to.path);
    to->arg = s->named ? cli_join(p->to.arg, name) : cli_strdup(p->to.arg);
    /* A file moved onto another hard link to it is left to the library: it removes the first link, unless both are the
     * same name. */
    if ((s->tree || !s->file || !p->move || from->fs != to->fs) && cli_same(from, to, false)) {
        cli_failf(c, CLI_USAGE, "%s and %s are the same %s", from->arg, to->arg, s->file ? "file" : "directory");
        return false;
    }
    if (s->tree && cli_same(from, to, true)) {
        cli_failf(c, CLI_USAGE, "%s cannot be copied or moved into itself, to %s", from->arg, to->arg);
        return false;
    }
    return true;
}

/* Removes the directories below `path`, and with `top` also `path` itself. Fails if one of them is not empty. */
static int remove_empty(struct cli *c, cove_fs *fs, const char *path, bool top, struct cove_error *err)
{
    cove_listing *listing = NULL;
    const cove_info *info;
    char *directory = cli_join(path, ""); /* in an object store the name without the slash may be a file */
    int rc = cove_fs_list(fs, directory, &c->call, &listing, err);

    while (rc == 0 && (rc = cove_listing_next(listing, &info, err)) == 1)
        rc = cove_info_type(info) == COVE_INFO_DIRECTORY ? remove_empty(c, fs, cove_info_path(info), true, err) : 0;
    cove_listing_free(listing);
    if (rc == 0 && top)
        rc = cove_fs_remove(fs, directory, &c->call, err);
    free(directory);
    return rc == COVE_ENOTFOUND ? 0 : rc;
}

/* In a bucket with real directories writing a file makes those above it, so only an empty one has to be made: where
 * `next`, which comes after it, is not in it. NULL: nothing comes. */
static void settle_empty(struct cli *c, struct cli_plan *p, const struct cli_source *s, const char *next)
{
    struct cove_error err = COVE_ERROR_INIT;
    size_t n = p->maybe_empty ? strlen(p->maybe_empty) : 0;
    int rc = 0;

    if (p->maybe_empty && !(next && strncmp(next, p->maybe_empty, n) == 0 && next[n] == '/'))
        rc = cove_fs_mkdir(s->to.fs, p->maybe_empty, &c->call, &err);
    free(p->maybe_empty);
    p->maybe_empty = NULL;
    if (rc < 0)
        cli_fail(c, rc, &err);
}

/* Makes a directory of the source on a disk, and in a bucket with real directories. In another bucket, copies its
 * marker if it has one. */
static int copy_directory(struct cli *c, struct cli_plan *p, const struct cli_source *s, const cove_info *info,
                          const char *to, struct cove_error *err)
{
    char *marker;
    int rc = 0;

    if (cli_real_directories(s->to.fs))
        return cove_fs_mkdir(s->to.fs, to, &c->call, err);
    if (p->directories)
        p->maybe_empty = cli_strdup(to);
    if (p->directories || !cove_info_etag(info))
        return 0;
    marker = cli_join(to, "");
    rc = cove_fs_write_file(s->to.fs, marker, "", 0, &c->call, err);
    free(marker);
    return rc;
}

/* Skipping a pipe, socket or device loses no data in a copy; in a move its directory cannot be removed. */
static void leave_out(struct cli *c, const struct cli_plan *p, const char *path)
{
    if (p->move)
        cli_failf(c, CLI_FAILED, "%s is neither a file nor a directory: it is not moved", path);
    else
        cli_note(c, "note: %s is neither a file nor a directory: it is not copied", path);
}

/* A link is moved as the file that it leads to, and before all files: one of these may be that file. */
static bool goes_first(const struct cli_plan *p, const struct cli_source *s, const char *path)
{
    return p->move && s->from.fs != s->to.fs && cli_is_link(s->from.fs, path) && !cli_is_special(s->from.fs, path);
}

static bool copy_link(struct cli *c, const struct cli_source *s, const cove_info *info, const char *to, void *user)
{
    struct cli_plan *p = user;
    const char *path = cove_info_path(info);

    (void)c;
    if (to && cove_info_type(info) == COVE_INFO_FILE && goes_first(p, s, path))
        cli_copier_add(p->copier, s->from.fs, path, s->to.fs, to, cove_info_size(info), cove_info_etag(info));
    return true;
}

static bool copy_entry(struct cli *c, const struct cli_source *s, const cove_info *info, const char *to, void *user)
{
    struct cli_plan *p = user;
    struct cove_error err = COVE_ERROR_INIT;
    bool directory = cove_info_type(info) == COVE_INFO_DIRECTORY;
    int rc;

    if (to)
        settle_empty(c, p, s, to);
    if (!to) {
        if (!cli_fits(s, cove_info_path(info), directory))
            cli_failf(c, CLI_FAILED,
                      "%s is not copied: it has bytes, and on a disk a name that ends in a slash has none",
                      cove_info_path(info));
        else if (!directory ||
                 cove_info_etag(info)) /* else it is only a part of names, which are reported themselves */
            cli_failf(c, CLI_FAILED, "%s is not copied: the \"..\" in its name would lead out of %s",
                      cove_info_path(info), s->to.arg);
    } else if (cli_is_special(s->from.fs, cove_info_path(info))) {
        leave_out(c, p, cove_info_path(info));
    } else if (directory) {
        rc = copy_directory(c, p, s, info, to, &err);
        if (rc < 0)
            cli_fail(c, rc, &err);
    } else if (!goes_first(p, s, cove_info_path(info))) {
        cli_copier_add(p->copier, s->from.fs, cove_info_path(info), s->to.fs, to, cove_info_size(info),
                       cove_info_etag(info));
    }
    return true;
}

/* Copies everything below the source. Where directories are real, makes its directory even if it is empty. */
static void copy_tree(struct cli *c, struct cli_plan *p, const struct cli_source *s)
{
    struct cove_error err = COVE_ERROR_INIT;
    int rc = cove_fs_has_directories(s->to.fs, s->to.path, &c->call, &err);

    p->directories = rc > 0;
    if (rc > 0 && cli_real_directories(s->to.fs))
        rc = cove_fs_mkdir(s->to.fs, s->to.path, &c->call, &err);
    else if (rc > 0 && !cli_target_is_root(&s->to))
        p->maybe_empty = cli_strdup(s->to.path);
    if (rc < 0) {
        cli_fail(c, rc, &err);
        return;
    }
    cli_each_below(c, s, false, copy_entry, p);
    settle_empty(c, p, s, NULL);
}

/* Whether the store moves this directory by one operation: 1, 0, or an error. Elsewhere it is moved file by file, and
 * then better by several threads. */
static int moves_at_once(struct cli *c, const struct cli_source *s, struct cove_error *err)
{
    if (cli_real_directories(s->from.fs))
        return 1;
    if (cli_target_is_root(&s->from) || cli_target_is_root(&s->to) || !cli_in_one_bucket(&s->from, &s->to))
        return 0;
    return cove_fs_has_directories(s->from.fs, s->from.path, &c->call, err);
}

/* In one step, where the store has such a step. COVE_ENOTSUP: it has to be copied. */
static int rename_within(struct cli *c, const struct cli_plan *p, const struct cli_source *s, struct cove_error *err)
{
    bool local = strcmp(cove_fs_scheme(s->to.fs), "file") == 0;
    size_t row = 0;
    int rc;

    if (s->from.fs != s->to.fs)
        return COVE_ENOTSUP;
    rc = s->file ? 1 : moves_at_once(c, s, err);
    if (rc <= 0)
        return rc < 0 ? rc : COVE_ENOTSUP;
    if (local && !cli_made_begin(p->made, s->to.path, &row)) {
        cli_say_made(c, s->from.arg, s->to.arg);
        return 0;
    }
    rc = cove_fs_move(s->from.fs, s->from.path, s->to.path, &c->call, err);
    if (local)
        cli_made_end(p->made, s->to.path, row, rc == 0);
    if (rc == 0)
        cli_say_copied(c, s->from.fs, s->from.path, s->to.fs, s->to.path, s->size);
    return rc;
}

/* Waits until all files of this source are moved, then removes the empty directories. */
static void move_tree(struct cli *c, struct cli_plan *p, const struct cli_source *s)
{
    struct cove_error err = COVE_ERROR_INIT;
    int rc;

    copy_tree(c, p, s);
    cli_copier_finish(p->copier);
    p->copier = cli_copier_new(c, p->threads, true, p->made);
    if (c->status != CLI_OK || cli_interrupted(c))
        return;
    rc = remove_empty(c, s->from.fs, s->from.path, !cli_target_is_root(&s->from), &err);
    if (rc < 0)
        cli_fail(c, rc, &err);
    else
        cli_note_bucket_stays(c, &s->from);
}

static void transfer_source(struct cli *c, struct cli_plan *p, const struct cli_source *s)
{
    struct cove_error err = COVE_ERROR_INIT;
    int rc = p->move ? rename_within(c, p, s, &err) : COVE_ENOTSUP;

    if (rc < 0 && rc != COVE_ENOTSUP) {
        cli_fail(c, rc, &err);
        return;
    }
    if (rc == COVE_ENOTSUP && s->special && p->move)
        cli_failf(c, CLI_USAGE, "%s is neither a file nor a directory: it cannot be moved to another store",
                  s->from.arg);
    else if (rc == COVE_ENOTSUP && s->special)
        cli_upload(c, &s->from, s->to.fs, s->to.path);
    else if (rc == COVE_ENOTSUP && s->file && !s->link)
        cli_copier_add(p->copier, s->from.fs, s->from.path, s->to.fs, s->to.path, s->size, s->etag);
    if (!s->tree || (rc == 0 && !s->file))
        return; /* there is no tree, or it was moved in one step */
    if (p->move)
        move_tree(c, p, s);
    else
        copy_tree(c, p, s);
}

/* The links of all sources. */
static void move_links(struct cli *c, struct cli_plan *p)
{
    for (size_t i = 0; i < p->n_sources && !cli_interrupted(c); i++) {
        const struct cli_source *s = &p->sources[i];

        if (s->from.fs == s->to.fs || strcmp(cove_fs_scheme(s->from.fs), "file") != 0)
            continue;
        if (s->file && s->link)
            cli_copier_add(p->copier, s->from.fs, s->from.path, s->to.fs, s->to.path, s->size, s->etag);
        if (s->tree)
            cli_each_below(c, s, false, copy_link, p);
    }
    cli_copier_finish(p->copier);
    p->copier = cli_copier_new(c, p->threads, true, p->made);
}

/* "x/." is what is in x, in a store too, whose paths may have a "." in them. */
static void drop_dot(const struct cli_target *from)
{
    size_t n = strlen(from->path);

    if (n > 2 && strcmp(from->path + n - 2, "/.") == 0)
        from->path[n - 2] = '\0';
}

static void source_done(struct cli_source *s)
{
    cli_target_done(&s->from);
    cli_target_done(&s->to);
    free(s->etag);
}

static struct cli_target copy_target(const struct cli_target *t)
{
    struct cli_target copy = *t;

    copy.arg = cli_strdup(t->arg);
    copy.url = cli_strdup(t->url);
    copy.path = cli_strdup(t->path);
    cove_fs_ref(copy.fs);
    return copy;
}

/* Finds out what the source is, and whether it may be transferred. False: it may not, and the error was printed. */
static bool stat_source(struct cli *c, const struct cli_plan *p, struct cli_source *s)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_info *info = NULL;
    struct cli_operation operation = cli_operation_begin(c);
    int rc = cove_fs_stat(s->from.fs, s->from.path, cli_operation_call(&operation), &info, &err);
    int below = rc == 0 && p->recursive ? cli_has_below(&s->from, info, &operation, &err) : rc;

    if (below < 0) {
        cove_info_free(info);
        cli_fail(c, below, &err);
        return false;
    }
    s->tree = below == 1;
    s->file = cove_info_type(info) == COVE_INFO_FILE && !(s->tree && s->from.path[strlen(s->from.path) - 1] == '/');
    s->special = s->file && cli_is_special(s->from.fs, s->from.path);
    s->size = cove_info_size(info);
    s->etag = cove_info_etag(info) ? cli_strdup(cove_info_etag(info)) : NULL;
    cove_info_free(info);
    if (!s->file && !p->recursive)
        cli_failf(c, CLI_FAILED, "%s is a directory: copying it needs -r", s->from.arg);
    else if (p->move && cli_target_is_root(&s->from) && !c->set['F'])
        cli_failf(c, CLI_USAGE, "%s is %s: moving what is in it needs --force%s", s->from.arg,
                  cli_target_whole(&s->from), cli_target_is_bucket(&s->from) ? " (the bucket itself stays)" : "");
    else
        return true;
    return false;
}

/* Two patterns may match one file, and an argument may be given twice: it is carried once. */
static bool is_planned(struct cli_plan *p, const struct cli_source *s)
{
    bool known = !cli_names_add(p->seen, s->from.path, strlen(s->from.path), false);

    for (size_t i = 0; known && i < p->n_sources; i++) {
        const struct cli_source *other = &p->sources[i];

        if (other->from.fs == s->from.fs && strcmp(other->from.path, s->from.path) == 0 &&
            strcmp(other->to.path, s->to.path) == 0)
            return true;
    }
    return false;
}

/* Adds a source to the plan. Nothing is copied before all sources are known. */
static void plan_source(struct cli *c, const struct cli_target *from, void *user)
{
    struct cli_plan *p = user;
    struct cli_source s = { .from = copy_target(from) };

    if (p->recursive)
        drop_dot(&s.from);
    if (!stat_source(c, p, &s) || !place_of(c, p, &s) || is_onto_file(c, &s) || is_planned(p, &s)) {
        source_done(&s);
        return;
    }
    if (p->n_sources == p->cap_sources) {
        struct cli_source *grown = cli_alloc((p->cap_sources = p->cap_sources * 2 + 8) * sizeof *grown);

        if (p->n_sources > 0)
            memcpy(grown, p->sources, p->n_sources * sizeof *grown);
        free(p->sources);
        p->sources = grown;
    }
    s.link = s.file && goes_first(p, &s, s.from.path);
    p->sources[p->n_sources++] = s;
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

/* Copies standard input, or all sources of the plan. */
static void transfer_all(struct cli *c, struct cli_plan *p, bool input)
{
    if (input)
        cli_upload(c, NULL, p->to.fs, p->to.path);
    p->made = cli_made_new();
    p->copier = cli_copier_new(c, p->threads, p->move, p->made);
    if (p->move)
        move_links(c, p);
    for (size_t i = 0; i < p->n_sources && !cli_interrupted(c); i++)
        transfer_source(c, p, &p->sources[i]);
    cli_copier_finish(p->copier);
    cli_made_free(p->made);
}

static void plan_done(struct cli_plan *p)
{
    for (size_t i = 0; i < p->n_sources; i++)
        source_done(&p->sources[i]);
    free(p->sources);
    cli_names_free(p->seen);
    cli_target_done(&p->to);
}

int cli_transfer(struct cli *c, bool move)
{
    struct cli_plan p = { .move = move, .recursive = move || c->set['r'] };
    const char *to = c->args[c->n_args - 1];
    int n = c->n_args - 1, rc;
    bool input = false;

    p.threads = threads_of(c);
    if (p.threads == 0)
        return CLI_USAGE;
    p.seen = cli_names_new();
    if (!move && strcmp(to, "-") == 0) {
        c->n_args = n;
        cli_expand_all(c, download_each, NULL);
        return c->status;
    }
    rc = cli_target_open(c, to, &p.to);
    if (rc == CLI_OK)
        rc = check_target(c, &p);
    if (rc == CLI_OK && !p.into && (n > 1 || cli_is_pattern(c, c->args[0])))
        rc = cli_usage(c, "%s is not a directory; for several sources, end it with a slash to have one made", to);
    if (rc == CLI_OK)
        rc = c->status; /* the one source cannot be opened, which was said */
    for (int i = 0; rc == CLI_OK && i < n && !cli_interrupted(c); i++) {
        if (strcmp(c->args[i], "-") != 0 || move)
            cli_expand(c, c->args[i], plan_source, &p);
        else if (p.into)
            cli_usage(c, "what standard input gives needs a name: %s is a directory", to);
        else
            input = true;
    }
    if (rc == CLI_OK)
        rc = cli_check_names(c, &p);
    if (rc == CLI_OK) {
        transfer_all(c, &p, input);
        rc = c->status;
    }
    plan_done(&p);
    return rc;
}
