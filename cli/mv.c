/* cove mv: the table; transfer.c does it. */
#include "cli.h"

static int run(struct cli *c)
{
    return cli_transfer(c, true);
}

static const struct cli_option options[] = {
    { 'j', true, "jobs", "N", "files under way at once: 1 to 64, by default 4" },
    { 'F', false, "force", NULL, "also move the content of a whole bucket or store" },
    { 0 },
};

const struct cli_verb cli_mv = {
    .name = "mv",
    .usage = "[-j N] [--force] SOURCE… TARGET",
    .summary = "Move files and directories, from and to anywhere",
    .details =
        "Into a directory where TARGET is one, or ends with a slash; otherwise TARGET is the new name, and a file "
        "there is replaced\n"
        "by a file. Where it cannot be done in one step (another store, a directory of a bucket without a hierarchical "
        "namespace)\n"
        "each file is copied, and removed when its copy is complete, unless it was changed meanwhile. When "
        "interrupted, "
        "some files are\n"
        "at the source and the others at the target, each of them whole. A bucket whose content is moved stays, empty. "
        "A pattern of\n"
        "[ ] alone is a name only.\n"
        "--json prints a line for each file: {\"from\", \"to\", \"size\"}.\n",
    .examples = "  cove mv s3://bucket/run/last.ckpt s3://bucket/run/best.ckpt\n"
                "  cove mv ./run s3://bucket/archive/\n",
    .options = options,
    .min_args = 2,
    .max_args = -1,
    .removes = true,
    .run = run,
};
