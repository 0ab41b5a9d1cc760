/* cove find: files below a directory, by name. */
#include "cli.h"

#include <fnmatch.h>
#include <stdlib.h>

static void print_file(struct cli *c, const struct cli_target *t, const cove_info *info)
{
    char *shown;

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
    struct cove_error err = COVE_ERROR_INIT;
    cove_listing *listing = NULL;
    const cove_info *info;
    cove_info *self = NULL;
    int rc = cove_fs_stat(t->fs, t->path, &c->call, &self, &err);
    int below = rc == 0 ? cli_has_below(c, t, self, &err) : rc;

    (void)user;
    if (rc == 0 && cove_info_type(self) == COVE_TYPE_FILE)
        print_file(c, t, self);
    cove_info_free(self);
    rc = below == 1 ? cove_fs_find(t->fs, t->path, &c->call, &listing, &err) : below;
    if (listing)
        cove_listing_limit(listing);
    while (below == 1 && rc == 0 && (rc = cove_listing_next(listing, &info, &err)) == 1) {
        print_file(c, t, info);
        rc = 0;
    }
    cove_listing_free(listing);
    if (rc < 0)
        cli_fail(c, rc, &err);
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
