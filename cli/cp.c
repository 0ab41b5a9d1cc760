/* cove cp: the table; transfer.c does it. */
#include "cli.h"

static int run(struct cli *c)
{
    return cli_transfer(c, false);
}

static const struct cli_option options[] = {
    { 'r', true, "recursive", NULL, "copy directories with all that is below them" },
    { 'j', true, "jobs", "N", "files under way at once: 1 to 64, by default 4" },
    { 0 },
};

const struct cli_verb cli_cp = {
    .name = "cp",
    .usage = "[-r] [-j N] SOURCE… TARGET",
    .summary = "Copy files, from and to anywhere",
    .details =
        "Into a directory where TARGET is one, or ends with a slash; then `cp -r a/b TARGET/` makes TARGET/b. "
        "Otherwise TARGET is the\n"
        "copy's name. Missing directories are made. `-` is standard input or output. Within one store the server "
        "copies.\n"
        "Pipes, sockets and devices below a directory are skipped, with a note.\n"
        "A file appears whole at its end, or not at all: a copy that fails or is interrupted leaves what was "
        "there. With several\n"
        "files, those that were finished stay. Two sources with the same target are refused before anything is "
        "copied.\n"
        "A directory is not copied onto a file. Times and modes are not kept, links to directories are not followed. "
        "Empty directories\n"
        "are copied to a disk and to buckets with a hierarchical namespace only.\n"
        "--json prints a line for each file: {\"from\", \"to\", \"size\"}.\n",
    .examples = "  cove cp model.ckpt s3://bucket/ckpts/\n"
                "  cove cp -r s3://bucket/run ./run\n"
                "  cove cp 's3://bucket/run/*.ckpt' /data/\n"
                "  tar c data | cove cp - s3://bucket/data.tar\n",
    .options = options,
    .min_args = 2,
    .max_args = -1,
    .run = run,
};
