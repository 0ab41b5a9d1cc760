/* cove fs: the schemes that this build knows, and the options of one. */
#include "cli.h"

#include <string.h>
#include <strings.h>

static void json_number_or_null(const char *key, int64_t number, bool is_given)
{
    cli_json_key(key);
    if (is_given)
        cli_json_int(number);
    else
        cli_json_null();
}

static void list_schemes(struct cli *c)
{
    struct cove_scheme row;

    if (c->json)
        cli_json_open('[');
    else
        cli_print("%-10s  %-8s  %-5s  %s\n", "SCHEME", "BACKEND", "BUILT", "WHAT IT IS");
    for (size_t i = 0; cove_scheme_at(i, &row) == 0; i++) {
        if (!c->json) {
            cli_print("%-10s  %-8s  %-5s  %s\n", row.scheme, row.backend, row.available ? "yes" : "no",
                      row.description);
            continue;
        }
        cli_json_open('{');
        cli_json_text("scheme", row.scheme);
        cli_json_text("backend", row.backend);
        cli_json_key("available");
        cli_json_bool(row.available != 0);
        cli_json_text("description", row.description);
        cli_json_close('}');
    }
    if (c->json) {
        cli_json_close(']');
        cli_json_line();
    }
}

/* What its values may be: ", 1 to 64", ", 5 MiB to 5 GiB", ": auto, path, virtual"; "" where it may be any. */
static void print_bounds(const struct cove_option_help *o)
{
    bool bytes = strcmp(o->type, "size") == 0, time = strcmp(o->type, "duration") == 0;
    char low[16], high[16];

    for (const char *word = o->choices; word && *word;) {
        size_t n = strcspn(word, " ");
        cli_print("%s%.*s", word == o->choices ? ": " : ", ", (int)n, word);
        word += n + strspn(word + n, " ");
    }
    if (o->min == 0 && o->max == 0)
        return;
    if (bytes)
        cli_print(", %s to %s", cli_human(o->min, low), cli_human(o->max, high));
    else
        cli_print(", %lld to %lld%s", (long long)o->min, (long long)o->max, time ? " ms" : "");
}

static void print_option(const struct cove_option_help *o)
{
    cli_print("  %s (%s", o->name, o->type);
    print_bounds(o);
    if (o->fallback)
        cli_print("%s default %s", o->choices ? ";" : ",", *o->fallback ? o->fallback : "\"\"");
    cli_print(")\n      %s\n", o->help);
    if (o->environment)
        cli_print("      environment: %s\n", o->environment);
}

static bool is_known(const char *scheme, struct cove_scheme *ret)
{
    for (size_t i = 0; cove_scheme_at(i, ret) == 0; i++)
        if (strcasecmp(ret->scheme, scheme) == 0)
            return true;
    return false;
}

static void list_options(struct cli *c, const char *scheme)
{
    struct cove_scheme row;
    struct cove_option_help o;

    if (!is_known(scheme, &row)) {
        cli_failf(c, CLI_NOT_FOUND, "there is no scheme \"%s\"; `cove fs` lists them", scheme);
        return;
    }
    if (!row.available) {
        cli_failf(c, CLI_FAILED, "%s is left out of this build", scheme);
        return;
    }
    if (c->json)
        cli_json_open('[');
    else
        cli_print("%s://  %s\n\n-o NAME=VALUE takes:\n", row.scheme, row.description);
    for (size_t i = 0; cove_options_describe(scheme, i, &o) == 0; i++) {
        if (!c->json) {
            print_option(&o);
            continue;
        }
        cli_json_open('{');
        cli_json_text("name", o.name);
        cli_json_text("type", o.type);
        cli_json_text("default", o.fallback);
        cli_json_text("environment", o.environment);
        cli_json_text("help", o.help);
        cli_json_text("choices", o.choices);
        cli_json_text("alias_of", o.alias_of);
        json_number_or_null("min", o.min, o.min != 0 || o.max != 0);
        json_number_or_null("max", o.max, o.min != 0 || o.max != 0);
        cli_json_close('}');
    }
    if (c->json) {
        cli_json_close(']');
        cli_json_line();
    }
}

static int run(struct cli *c)
{
    char scheme[64];

    if (c->n_args == 0) {
        list_schemes(c);
    } else {
        snprintf(scheme, sizeof scheme, "%.*s", (int)strcspn(c->args[0], ":"), c->args[0]); /* s3:// is s3 too */
        list_options(c, scheme);
    }
    return c->status;
}

const struct cli_verb cli_fs = {
    .name = "fs",
    .usage = "[SCHEME]",
    .summary = "List the schemes, or the options of one",
    .details = "--json prints one document: a list of {\"scheme\", \"backend\", \"available\", \"description\"}, or of "
               "{\"name\", \"type\", \"default\",\n"
               "\"environment\", \"help\", \"choices\", \"alias_of\", \"min\", \"max\"}; bounds are in bytes or "
               "milliseconds.\n",
    .examples = "  cove fs\n"
                "  cove fs s3\n",
    .max_args = 1,
    .run = run,
};
