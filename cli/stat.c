/* cove stat: what is known of a path. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* What others have written comes without control characters, also to a pipe: --json has each byte. */
static void print_told(const char *what, const char *text)
{
    if (!text)
        return;
    cli_print("%-6s ", what);
    cli_print_plain(text, strlen(text));
    cli_print("\n");
}

static void stat_one(struct cli *c, const struct cli_target *t, void *user)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_info *info = NULL;
    char human[16], when[40], *shown = NULL;
    const char *name, *value;
    int rc = cove_fs_stat(t->fs, t->path, &c->call, &info, &err);

    (void)user;
    if (rc < 0) {
        cli_fail(c, rc, &err);
        return;
    }
    if (c->json) {
        cli_json_info(t, info, true);
        goto out;
    }
    shown = cli_target_show(t, t->path);
    cli_print("path   ");
    cli_print_name(shown);
    cli_print("\ntype   %s\n", cove_info_type(info) == COVE_INFO_DIRECTORY ? "directory" : "file");
    if (cove_info_type(info) == COVE_INFO_FILE)
        cli_print("size   %lld (%s)\n", (long long)cove_info_size(info), cli_human(cove_info_size(info), human));
    if (cove_info_mtime_ns(info) >= 0)
        cli_print("mtime  %s\n", cli_time(cove_info_mtime_ns(info), true, when));
    print_told("etag", cove_info_etag(info));
    print_told("mime", cove_info_content_type(info));
    print_told("class", cove_info_storage_class(info));
    print_told("version", cove_info_version_id(info));
    for (size_t i = 0; cove_info_metadata(info, i, &name, &value) == 0; i++) {
        cli_print("meta   ");
        cli_print_plain(name, strlen(name));
        cli_print("=");
        cli_print_plain(value, strlen(value));
        cli_print("\n");
    }
out:
    cove_info_free(info);
    free(shown);
}

static int run(struct cli *c)
{
    cli_expand_all(c, stat_one, NULL);
    return c->status;
}

const struct cli_verb cli_stat = {
    .name = "stat",
    .usage = "PATH…",
    .summary = "Show what a store has about files and directories",
    .details = "--json prints a line for each: {\"path\", \"url\", \"type\", \"size\", \"mtime\", \"etag\", "
               "\"version_id\", \"storage_class\",\n"
               "\"content_type\", \"metadata\"}; what a store does not give is null.\n",
    .examples = "  cove stat s3://bucket/run/last.ckpt\n"
                "  cove stat --json s3://bucket/run/last.ckpt | jq .size\n",
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
