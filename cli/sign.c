/* cove sign: URLs with which anyone can do one thing with a file, for a while. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_MS ((int64_t)3600 * 1000)

struct signing {
    const char *method;
    int64_t expires_s;
};

static void sign_one(struct cli *c, const struct cli_target *t, const struct signing *s)
{
    struct cove_error err = COVE_ERROR_INIT;
    char *url = NULL, *shown;
    int rc = cove_fs_presign(t->fs, t->path, s->method, s->expires_s, &c->call, &url, &err);

    if (rc < 0) {
        cli_fail(c, rc, &err);
        return;
    }
    if (c->json) {
        shown = cli_target_show(t, t->path);
        cli_json_open('{');
        cli_json_text("path", shown);
        cli_json_text("method", s->method);
        cli_json_key("expires");
        cli_json_int(s->expires_s);
        cli_json_text("signed", url);
        cli_json_close('}');
        cli_json_line();
        free(shown);
    } else {
        cli_print("%s\n", url);
    }
    cove_free(url);
}

static int run(struct cli *c)
{
    int64_t ms = DEFAULT_MS;
    struct signing s = { .method = c->set['M'] ? c->value['M'] : "GET" };

    if (c->set['E'] && !cli_parse_duration(c->value['E'], &ms))
        return cli_usage(c, "--expires takes a time (90, 5m, 12h, 7d), not \"%s\"", c->value['E']);
    s.expires_s = ms / 1000;
    for (int i = 0; i < c->n_args && !cli_interrupted(c); i++) {
        struct cli_target t;

        if (cli_target_open(c, c->args[i], &t) == CLI_OK) {
            sign_one(c, &t, &s);
            cli_target_done(&t);
        }
    }
    return c->status;
}

static const struct cli_option options[] = {
    { 'M', false, "method", "NAME", "what it is good for: GET (by default), HEAD, PUT or DELETE" },
    { 'E', false, "expires", "TIME", "for how long: 90, 5m, 12h, at most 7d; by default 1h" },
    { 0 },
};

const struct cli_verb cli_sign = {
    .name = "sign",
    .usage = "[--method NAME] [--expires TIME] PATH…",
    .summary = "Make URLs by which others may read or write a file",
    .details = "A signed URL is a password for one file and one method: its holder needs no keys. Nothing is sent to "
               "the store, so the file\n"
               "need not be there. Where the keys are temporary, it ends with them.\n"
               "--json prints a line for each: {\"path\", \"method\", \"expires\", \"signed\"}.\n",
    .examples = "  curl -O \"$(cove sign s3://bucket/run/last.ckpt)\"\n"
                "  curl -T data.bin \"$(cove sign --method PUT --expires 10m s3://bucket/in/data.bin)\"\n",
    .options = options,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
