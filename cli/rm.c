/* cove rm: removes files and trees, with care for what cannot be meant. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The working directory, or one above it. */
static bool is_around_here(const struct cli_target *t)
{
    char *real, *cwd;
    bool above;
    size_t n;

    if (strcmp(cove_fs_scheme(t->fs), "file") != 0)
        return false;
    real = realpath(t->path, NULL);
    cwd = realpath(".", NULL);
    n = real ? strlen(real) : 0;
    above = n == 1 || (real && cwd && strncmp(cwd, real, n) == 0 && (cwd[n] == '/' || cwd[n] == '\0'));
    free(real);
    free(cwd);
    return above;
}

/* What cannot be meant is refused, said why. What is empty is never too much, nor is a link. */
static bool is_refused(struct cli *c, const struct cli_target *t, bool link)
{
    const char *whole = cli_target_whole(t);

    if (link || c->set['d'] || (c->set['r'] && c->set['F']))
        return false;
    if (whole)
        cli_failf(c, CLI_USAGE, "%s is %s: emptying it needs -r --force%s", t->arg, whole,
                  cli_target_is_bucket(t) ? " (rm -d removes an empty bucket)" : "");
    else if (is_around_here(t))
        cli_failf(c, CLI_USAGE, "%s is the working directory, or above it: removing it needs -r --force", t->arg);
    else
        return false;
    return true;
}

/* Of a directory that -d cannot remove: whether a listing shows something in it; then the message has what to do about
 * it. */
static bool is_shown_not_empty(struct cli *c, const struct cli_target *t)
{
    cove_listing *listing = NULL;
    const cove_info *info;
    int rc = cove_fs_list(t->fs, t->path, &c->call, &listing, NULL);

    if (rc == 0)
        rc = cove_listing_next(listing, &info, NULL);
    cove_listing_free(listing);
    if (rc == 1)
        cli_failf(c, CLI_FAILED, "%s is not empty: %s what is in it", t->arg,
                  cli_target_is_bucket(t) ? "rm -r --force removes" : "rm -r removes it with");
    return rc == 1;
}

/* A root whose content goes is there afterwards: "emptied", and with -n the pattern of what is in it. */
static void say_removed(struct cli *c, const struct cli_target *t)
{
    bool emptied = c->set['r'] && cli_target_is_root(t);

    if (c->json) {
        cli_json_open('{');
        cli_json_key(c->set['n'] ? (emptied ? "would_empty" : "would_remove") : (emptied ? "emptied" : "removed"));
        cli_json_string(t->url);
        cli_json_close('}');
        cli_json_line();
    } else if (c->set['n']) {
        char *shown = emptied ? cli_join(t->arg, "*") : cli_target_show(t, t->path);

        cli_print_name(shown);
        cli_print("\n");
        free(shown);
    }
    if (emptied && !c->set['n'])
        cli_note_bucket_stays(c, t);
}

/* In an object store the name of a file may be that of a directory, too: -r means both. */
static int remove_target(struct cli *c, const struct cli_target *t, bool directory, bool link, struct cove_error *err)
{
    if (c->set['r'] && !link)
        return cove_fs_remove_tree(t->fs, t->path, &c->call, err);
    if (directory)
        return cove_fs_remove(t->fs, t->path, &c->call, err);
    return cove_fs_remove_files(t->fs, (const char *const[]){ t->path }, 1, &c->call, err);
}

static void rm_one(struct cli *c, const struct cli_target *t, void *user)
{
    struct cove_error err = COVE_ERROR_INIT;
    bool link = cli_is_link(t->fs, t->path), directory;
    cove_info *info = NULL;
    int rc;

    (void)user;
    if (is_refused(c, t, link))
        return;
    rc = cove_fs_stat(t->fs, t->path, &c->call, &info, &err);
    if (rc < 0) {
        cli_fail(c, rc, &err);
        return;
    }
    directory = cove_info_type(info) == COVE_INFO_DIRECTORY && !link;
    cove_info_free(info);
    if (directory && !c->set['r'] && !c->set['d']) {
        cli_failf(c, CLI_FAILED, "%s is a directory: removing it needs -r, or -d if it is empty", t->arg);
        return;
    }
    if (!c->set['n'])
        rc = remove_target(c, t, directory, link, &err);
    if (directory && c->set['d'] && (c->set['n'] || rc == COVE_ENOTEMPTY) && is_shown_not_empty(c, t))
        return;
    if (rc < 0)
        cli_fail(c, rc, &err);
    else
        say_removed(c, t);
}

static int run(struct cli *c)
{
    if (c->set['d'] && c->set['r'])
        return cli_usage(c,
                         "-d and -r cannot be combined: -d removes only empty directories, -r everything below them");
    cli_expand_all(c, rm_one, NULL);
    return c->status;
}

static const struct cli_option options[] = {
    { 'r', true, "recursive", NULL, "remove directories with all that is below them" },
    { 'd', true, "dir", NULL, "remove empty directories and empty buckets" },
    { 'n', true, "dry-run", NULL, "print what would be removed, remove nothing" },
    { 'F', false, "force", NULL, "also the content of a whole bucket, /, or the working directory" },
    { 0 },
};

const struct cli_verb cli_rm = {
    .name = "rm",
    .usage = "[-r|-d] [-n] [--force] PATH…",
    .summary = "Remove files and directories",
    .details =
        "A quoted pattern stands for all that it matches, unless a file has just that name; one of [ ] alone is a name "
        "only.\n"
        "A link is removed, not its target.\n"
        "A whole bucket, the root of a disk and the working directory are refused without --force. rm -r --force "
        "empties a bucket,\n"
        "which stays; rm -d removes one that is empty.\n"
        "--json prints a line for each argument or match: {\"removed\"}, with -n {\"would_remove\"}; of a bucket or a "
        "root that stays,\n"
        "{\"emptied\"} and {\"would_empty\"}. -n prints s3://bucket/* for it.\n",
    .examples = "  cove rm s3://bucket/run/epoch=1-step=100.ckpt\n"
                "  cove rm -n 's3://bucket/run/*.ckpt'\n"
                "  cove rm -r s3://bucket/run\n"
                "  cove rm -d s3://empty-bucket\n",
    .options = options,
    .min_args = 1,
    .max_args = -1,
    .removes = true,
    .run = run,
};
