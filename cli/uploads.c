/* cove uploads: what killed processes left unfinished in a store. */
#include "cli.h"

#define DEFAULT_AGE_MS ((int64_t)24 * 3600 * 1000)

static void print_upload(const struct cli *c, const struct cove_upload *u)
{
    char when[40];

    if (c->json) {
        cli_json_open('{');
        cli_json_key("path");
        cli_json_string(u->path);
        cli_json_key("upload");
        cli_json_string(u->upload_id);
        cli_json_key("started");
        cli_json_string(cli_time(u->started_ns, true, when));
        cli_json_key("removed");
        cli_json_bool(c->set['R']);
        cli_json_close('}');
        cli_json_line();
        return;
    }
    cli_print("%-19s  ", cli_time(u->started_ns, false, when));
    cli_print_name(u->path);
    cli_print("  ");
    cli_print_name(u->upload_id);
    cli_print("\n");
}

/* Prints, and with --remove aborts, what is found; gives its number. One that cannot be aborted is an error message,
 * and those behind it are still aborted: the next run would come to the same one first. */
static int64_t each_upload(struct cli *c, const struct cli_target *t, int64_t min_age_s)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_uploads *uploads = NULL;
    struct cove_upload u;
    int64_t n = 0;
    int rc = cove_fs_abandoned_uploads(t->fs, t->path, min_age_s, &c->call, &uploads, &err);

    if (rc == 0)
        cove_uploads_use_one_timeout(uploads);
    while (rc >= 0 && (rc = cove_uploads_next(uploads, &u, &err)) == 1) {
        int kept = c->set['R'] ? cove_uploads_abort(uploads, &err) : 0;

        if (kept == COVE_ECANCELED) {
            rc = kept;
        } else if (kept < 0) {
            cli_fail(c, kept, &err);
        } else {
            print_upload(c, &u);
            n++;
        }
    }
    if (rc < 0)
        cli_fail(c, rc, &err);
    cove_uploads_free(uploads);
    return n;
}

static int run(struct cli *c)
{
    int64_t age_ms = DEFAULT_AGE_MS, n;
    struct cli_target t;

    if (c->set['A'] && !cli_parse_duration(c->value['A'], &age_ms))
        return cli_usage(c, "--older-than takes a time (90m, 1h, 7d), not \"%s\"", c->value['A']);
    if (cli_target_open(c, c->args[0], &t) != CLI_OK)
        return c->status;
    if (!cli_real_directories(t.fs) && cli_target_is_root(&t) && !cli_target_is_bucket(&t)) {
        cli_failf(c, CLI_USAGE, "uploads %s: name a bucket: each keeps its own list", t.arg);
        cli_target_done(&t);
        return c->status;
    }
    n = each_upload(c, &t, age_ms / 1000);
    if (n > 0 || c->status == CLI_OK)
        cli_note(c, "%lld unfinished upload%s%s%s", (long long)n, n == 1 ? "" : "s", c->set['R'] ? " removed" : "",
                 c->set['A'] ? "" : " older than 1d (--older-than 0: of any age)");
    cli_target_done(&t);
    return c->status;
}

static const struct cli_option options[] = {
    { 'R', false, "remove", NULL, "abort them: their parts are freed, and no longer paid for" },
    { 'A', false, "older-than", "TIME", "only those that began so long ago: 90m, 1h, 7d; by default 1d" },
    { 0 },
};

const struct cli_verb cli_uploads = {
    .name = "uploads",
    .usage = "[--remove] [--older-than TIME] PATH",
    .summary = "List or remove uploads that were never finished",
    .details = "An upload in parts that a killed process left behind is in no listing, but takes its room. Mind that "
               "an upload under way looks\n"
               "the same: leave --older-than above the time of your longest one.\n"
               "--json prints a line for each: {\"path\", \"upload\", \"started\", \"removed\"}.\n",
    .examples = "  cove uploads s3://bucket\n"
                "  cove uploads --remove --older-than 7d s3://bucket/ckpts\n",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
