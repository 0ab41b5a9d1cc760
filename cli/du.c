/* cove du: how much is below a directory. */
#include "cli.h"

#include <stdlib.h>

struct sum {
    int64_t bytes, files;
};

static void say(struct cli *c, const struct cli_target *t, const struct sum *sum)
{
    char *shown = cli_target_show(t, t->path), human[16];

    if (c->json) {
        cli_json_open('{');
        cli_json_text("path", shown);
        cli_json_key("bytes");
        cli_json_int(sum->bytes);
        cli_json_key("files");
        cli_json_int(sum->files);
        cli_json_close('}');
        cli_json_line();
    } else {
        if (c->set['H'])
            cli_print("%s", cli_human(sum->bytes, human));
        else
            cli_print("%lld", (long long)sum->bytes);
        cli_print("\t%lld\t", (long long)sum->files);
        cli_print_name(shown);
        cli_print("\n");
    }
    free(shown);
}

static void add(struct cli *c, const struct cli_target *t, const cove_info *info, void *user)
{
    struct sum *sum = user;

    (void)c;
    (void)t;
    sum->files++;
    sum->bytes = cli_sum(sum->bytes, cove_info_size(info));
}

static void du_one(struct cli *c, const struct cli_target *t, void *user)
{
    struct sum sum = { 0 };

    (void)user;
    if (cli_each_file(c, t, add, &sum))
        say(c, t, &sum);
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
