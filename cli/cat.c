/* cove cat: files to standard output. */
#include "cli.h"

static void cat_one(struct cli *c, const struct cli_target *t, void *user)
{
    (void)user;
    cli_download(c, t);
}

static int run(struct cli *c)
{
    cli_expand_all(c, cat_one, NULL);
    return c->status;
}

const struct cli_verb cli_cat = {
    .name = "cat",
    .usage = "PATH…",
    .summary = "Print files",
    .details = "The bytes go to standard output as they come, with bounded memory; a quoted pattern stands for all "
               "that it matches.\n",
    .examples = "  cove cat s3://bucket/run/config.yaml\n"
                "  cove cat 's3://bucket/shards/*.jsonl' | wc -l\n",
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
