/* cove du: how much is below a directory. */
#include "cli.h"

static void du_one(struct cli *c, const struct cli_target *t, void *user)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_listing *listing = NULL;
    const cove_info *info;
    int64_t files = 0, bytes = 0;
    char human[16];
    cove_info *self = NULL;
    int rc = cove_fs_stat(t->fs, t->path, &c->call, &self, &err);
    int below = rc == 0 ? cli_has_below(c, t, self, &err) : rc;

    (void)user;
    if (rc == 0 && cove_info_type(self) == COVE_TYPE_FILE) {
        files = 1;
        bytes = cove_info_size(self);
    }
    cove_info_free(self);
    rc = below == 1 ? cove_fs_find(t->fs, t->path, &c->call, &listing, &err) : below;
    if (listing)
        cove_listing_limit(listing);
    while (below == 1 && rc == 0 && (rc = cove_listing_next(listing, &info, &err)) == 1) {
        files++;
        bytes = cli_sum(bytes, cove_info_size(info));
        rc = 0;
    }
    cove_listing_free(listing);
    if (rc < 0) {
        cli_fail(c, rc, &err);
        return;
    }
    if (c->json) {
        cli_json_open('{');
        cli_json_key("path");
        cli_json_string(t->arg);
        cli_json_key("bytes");
        cli_json_int(bytes);
        cli_json_key("files");
        cli_json_int(files);
        cli_json_close('}');
        cli_json_line();
        return;
    }
    if (c->set['H'])
        cli_print("%s", cli_human(bytes, human));
    else
        cli_print("%lld", (long long)bytes);
    cli_print("\t%lld\t", (long long)files);
    cli_print_name(t->arg);
    cli_print("\n");
}

static int run(struct cli *c)
{
    cli_expand_all(c, du_one, NULL);
    return c->status;
}

static const struct cli_option options[] = {
    { 'H', false, "human", NULL, "sizes as 1.5 MiB" },
    { 0 },
};

const struct cli_verb cli_du = {
    .name = "du",
    .usage = "[--human] PATH…",
    .summary = "Add up the bytes and files below paths",
    .details = "A line for each: bytes, number of files, path, with tabs between. It is the sum of the files' sizes, "
               "not the disk's blocks.\n"
               "--json prints a line for each: {\"path\", \"bytes\", \"files\"}.\n",
    .examples = "  cove du --human s3://bucket/run\n"
                "  cove du 's3://bucket/runs/*'\n",
    .options = options,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
