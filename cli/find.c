/* cove find: files below a directory, by name. */
#include "cli.h"

#include <fnmatch.h>
#include <stdlib.h>

static void print_file(struct cli *c, const struct cli_target *t, const cove_info *info, void *user)
{
    char *shown;

    (void)user;
    if (c->set['n'] && fnmatch(c->value['n'], cove_info_name(info), 0) != 0)
        return;
    if (c->json) {
        cli_json_info(t, info, false);
        return;
    }
    shown = cli_target_show(t, cove_info_path(info));
    if (c->set['0']) {
        cli_print("%s%c", shown, '\0');
    } else {
        cli_print_name(shown);
        cli_print("\n");
    }
    free(shown);
}

static void find_one(struct cli *c, const struct cli_target *t, void *user)
{
    cli_each_file(c, t, print_file, user);
}

static int run(struct cli *c)
{
    cli_expand_all(c, find_one, NULL);
    return c->status;
}

static const struct cli_option options[] = {
    { 'n', true, "name", "PATTERN", "only files of such a name: *, ?, [a-z]" },
    { '0', true, "null", NULL, "end each path with a NUL instead of a newline, for xargs -0" },
    { 0 },
};

const struct cli_verb cli_find = {
    .name = "find",
    .usage = "[-n PATTERN] [-0] PATH…",
    .summary = "Print the files below directories, at any depth",
    .details = "--json prints a line for each: {\"path\", \"url\", \"type\", \"size\", \"mtime\", \"etag\"}.\n",
    .examples = "  cove find s3://bucket/runs -n '*.ckpt'\n"
                "  cove find -0 ./runs -n 'events.*' | xargs -0 ls -l\n",
    .options = options,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
