/* cove rm: removes files and trees, with care for what cannot be meant. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The whole of a store, or the directory in which the user stands. NULL: neither. */
static const char *too_much(const struct cli_target *t)
{
    char *real, *cwd;
    size_t n;
    bool above;

    if (cli_target_is_root(t))
        return "a whole store";
    if (strcmp(cove_fs_scheme(t->fs), "file") != 0)
        return NULL;
    real = realpath(t->path, NULL);
    cwd = realpath(".", NULL);
    n = real ? strlen(real) : 0;
    above = real && cwd && strncmp(cwd, real, n) == 0 && (cwd[n] == '/' || cwd[n] == '\0' || n == 1);
    if (real && strcmp(real, "/") == 0)
        above = true;
    free(real);
    free(cwd);
    return above ? "the working directory, or above it" : NULL;
}

static bool is_link(const struct cli_target *t)
{
    struct stat st;

    return strcmp(cove_fs_scheme(t->fs), "file") == 0 && lstat(t->path, &st) == 0 && S_ISLNK(st.st_mode);
}

static void say_removed(struct cli *c, const struct cli_target *t)
{
    if (c->json) {
        cli_json_open('{');
        cli_json_key(c->set['n'] ? "would_remove" : "removed");
        cli_json_string(t->url);
        cli_json_close('}');
        cli_json_line();
    } else if (c->set['n']) {
        cli_print_name(t->arg);
        cli_print("\n");
    }
}

static void rm_one(struct cli *c, const struct cli_target *t, void *user)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_info *info = NULL;
    bool link = is_link(t), directory;
    const char *why = link ? NULL : too_much(t);
    int rc;

    (void)user;
    if (why && !c->set['F'] && !c->set['d']) { /* -d removes only what is empty */
        cli_failf(c, CLI_USAGE, "%s is %s: removing it needs --force", t->arg, why);
        return;
    }
    rc = cove_fs_stat(t->fs, t->path, &c->call, &info, &err);
    if (rc < 0) {
        cli_fail(c, rc, &err);
        return;
    }
    directory = cove_info_type(info) == COVE_TYPE_DIRECTORY && !link;
    cove_info_free(info);
    if (directory && !c->set['r'] && !c->set['d']) {
        cli_failf(c, CLI_FAILED, "%s is a directory: removing it needs -r, or -d if it is empty", t->arg);
        return;
    }
    /* In an object store a file and a directory may have the same name; -r removes both. */
    if (!c->set['n'])
        rc = c->set['r'] && !link ? cove_fs_remove_tree(t->fs, t->path, &c->call, &err)
             : directory          ? cove_fs_remove(t->fs, t->path, &c->call, &err)
                                  : cove_fs_remove_files(t->fs, (const char *const[]){ t->path }, 1, &c->call, &err);
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
    .details = "A quoted pattern stands for all that it matches, unless a file has just that name. A whole bucket, the "
               "root of a disk and the\n"
               "working directory are refused without --force. -r empties a bucket but does not remove it; -d removes "
               "an empty "
               "bucket.\n"
               "A link is removed, not its target.\n"
               "--json prints a line for each argument or match: {\"removed\"}, with -n {\"would_remove\"}.\n",
    .examples = "  cove rm s3://bucket/run/epoch=1-step=100.ckpt\n"
                "  cove rm -n 's3://bucket/run/*.ckpt'\n"
                "  cove rm -r s3://bucket/run\n"
                "  cove rm -d s3://empty-bucket\n",
    .options = options,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
