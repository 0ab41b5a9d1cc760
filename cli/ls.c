/* cove ls: what is in a directory. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

struct state {
    bool several; /* arguments: paths are shown in the words of each */
};

static void print_entry(struct cli *c, const struct cli_target *t, const cove_info *info, const char *name)
{
    bool directory = cove_info_type(info) == COVE_INFO_DIRECTORY;
    char size[16], when[40];

    if (c->json) {
        cli_json_info(t, info, false);
        return;
    }
    if (c->set['l']) {
        if (directory)
            cli_print("%14s", "-");
        else if (c->set['H'])
            cli_print("%14s", cli_human(cove_info_size(info), size));
        else
            cli_print("%14lld", (long long)cove_info_size(info));
        cli_print("  %-19s  ", cli_time(cove_info_mtime_ns(info), false, when));
    }
    cli_print_name(name);
    cli_print("%s\n", directory && (*name == '\0' || name[strlen(name) - 1] != '/') ? "/" : "");
}

/* Whether a directory below which there is no file is there at all: 0, or the error. */
static int look(const struct cli_target *t, struct cli_operation *o, struct cove_error *err)
{
    cove_listing *listing = NULL;
    const cove_info *info;
    int rc = cove_fs_list(t->fs, t->path, cli_operation_call(o), &listing, err);

    if (rc == 0)
        rc = cove_listing_next(listing, &info, err);
    cove_listing_free(listing);
    return rc < 0 ? rc : 0;
}

static void list_below(struct cli *c, const struct cli_target *t, const struct state *s, struct cli_operation *o)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_listing *listing = NULL;
    const cove_info *info;
    bool any = false;
    int rc = c->set['R'] ? cove_fs_find(t->fs, t->path, cli_operation_call(o), &listing, &err)
                         : cove_fs_list(t->fs, t->path, cli_operation_call(o), &listing, &err);

    if (rc == 0)
        cove_listing_use_one_timeout(listing);
    while (rc == 0 && (rc = cove_listing_next(listing, &info, &err)) == 1) {
        const char *path = cove_info_path(info);
        const char *rest = strcmp(path, t->path) == 0 ? "" : cli_rest(t->path, path);
        char *shown =
            s->several || t->match ? cli_target_show(t, path) : cli_strdup(*rest ? rest : cove_info_name(info));

        print_entry(c, t, info, shown);
        free(shown);
        any = true;
        rc = 0;
    }
    cove_listing_free(listing);
    if (rc == 0 && c->set['R'] && !any)
        rc = look(t, o, &err);
    if (rc < 0)
        cli_fail(c, rc, &err);
}

static void ls_one(struct cli *c, const struct cli_target *t, void *user)
{
    struct cli_operation operation = cli_operation_begin(c);
    struct cove_error err = COVE_ERROR_INIT;
    cove_info *info = NULL;
    int rc, below = 0;

    /* Listing a bucket does not need the permission to stat it. Nor does it matter whether an object has the
     * directory's name with its slash. */
    if ((cli_target_is_root(t) || t->path[strlen(t->path) - 1] == '/') && !c->set['d']) {
        list_below(c, t, user, &operation);
        return;
    }
    rc = cove_fs_stat(t->fs, t->path, cli_operation_call(&operation), &info, &err);
    if (rc == 0) {
        bool file = cove_info_type(info) == COVE_INFO_FILE;

        if (file || c->set['d']) {
            char *shown = cli_target_show(t, t->path);

            print_entry(c, t, info, shown);
            free(shown);
        }
        if (c->set['d'])
            below = 0;
        else if (file && c->set['R'])
            rc = below = cli_has_below(t, info, &operation, &err);
        else
            below = !file;
        if (below == 1)
            list_below(c, t, user, &operation);
    }
    if (rc < 0)
        cli_fail(c, rc, &err);
    cove_info_free(info);
}

static int run(struct cli *c)
{
    static char here[] = ".";
    static char *no_args[] = { here };
    struct state s = { 0 };

    if (c->n_args == 0) {
        c->args = no_args;
        c->n_args = 1;
    }
    s.several = c->n_args > 1;
    cli_expand_all(c, ls_one, &s);
    return c->status;
}

static const struct cli_option options[] = {
    { 'l', true, "long", NULL, "sizes in bytes and times too" },
    { 'H', false, "human", NULL, "with -l, sizes as 1.5 MiB" },
    { 'R', true, "recursive", NULL, "every file below, at any depth" },
    { 'd', true, "directory", NULL, "the directory itself, not what is in it" },
    { 0 },
};

const struct cli_verb cli_ls = {
    .name = "ls",
    .usage = "[-l] [--human] [-R] [-d] [PATH…]",
    .summary = "List directories",
    .details = "Names below one PATH, directories with a slash; whole paths for several, or for a quoted pattern (*, "
               "?, [a-z], {a,b}, **).\n"
               "--json prints a line for each: {\"path\", \"url\", \"type\", \"size\", \"mtime\", \"etag\"}.\n",
    .examples = "  cove ls -l s3://bucket/run/\n"
                "  cove ls -d 's3://bucket/**/*.ckpt'\n",
    .options = options,
    .max_args = -1,
    .run = run,
};
