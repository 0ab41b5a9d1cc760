/* cove mkdir: directories, and buckets. */
#include "cli.h"

/* Where directories are names only, none was made. */
static void note_nothing_made(struct cli *c, const struct cli_target *t)
{
    if (!cli_target_is_root(t) && cove_fs_has_directories(t->fs, t->path, &c->call, NULL) == 0)
        cli_note(c, "note: %s://… has no directories: %s exists as soon as a file is below it", cove_fs_scheme(t->fs),
                 t->arg);
}

static int run(struct cli *c)
{
    for (int i = 0; i < c->n_args && !cli_interrupted(c); i++) {
        struct cove_error err = COVE_ERROR_INIT;
        struct cli_target t;
        int rc;

        if (cli_target_open(c, c->args[i], &t) != CLI_OK)
            continue;
        rc = cove_fs_mkdir(t.fs, t.path, &c->call, &err);
        if (rc < 0) {
            cli_fail(c, rc, &err);
        } else if (c->json) {
            cli_json_open('{');
            cli_json_key("made");
            cli_json_string(t.url);
            cli_json_close('}');
            cli_json_line();
        }
        if (rc == 0)
            note_nothing_made(c, &t);
        cli_target_done(&t);
    }
    return c->status;
}

static const struct cli_option options[] = {
    { 'p', true, "parents", NULL, "with parents, as without this option" },
    { 0 },
};

const struct cli_verb cli_mkdir = {
    .name = "mkdir",
    .usage = "[-p] PATH…",
    .summary = "Make directories and buckets",
    .details = "With their parents; one that exists is no error. On an object store a bucket alone (s3://bucket) makes "
               "the bucket; below it\n"
               "directories come and go with the files in them, so nothing is made, and a note is printed, unless the "
               "bucket has a\n"
               "hierarchical namespace; a missing bucket is an error.\n"
               "--json prints a line for each: {\"made\"}.\n",
    .examples = "  cove mkdir /data/runs/7\n"
                "  cove mkdir s3://new-bucket\n",
    .options = options,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
