/* Options of the command line: the common ones, then the verb's own from its table; and the help that is made of the
 * same tables. */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_option common[] = {
    { 'o', true, "option", "NAME=VALUE", "an option of the store, as `cove fs SCHEME` lists them; may be repeated" },
    { 'J', false, "json", NULL, "print JSON" },
    { 'T', false, "timeout", "TIME",
      "give up an operation (a whole listing is one) after this long, retries and all: 90, 90s, 5m, 250ms" },
    { 'q', true, "quiet", NULL, "no progress, no notes, no warnings" },
    { 'v', true, "verbose", NULL, "log what happens, on stderr; twice: in detail" },
    { 'h', true, "help", NULL, "print this" },
    { 0 },
};

bool cli_parse_duration(const char *text, int64_t *ret_ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = { { "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 } };
    char *end;
    long long n;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    n = strtoll(text, &end, 10);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].unit) != 0)
            continue;
        if (errno != 0 || n > INT64_MAX / units[i].ms)
            return false;
        *ret_ms = n * units[i].ms;
        return true;
    }
    return false;
}

static void print_options(const struct cli_option *options)
{
    for (; options && options->name; options++) {
        char left[64];

        snprintf(left, sizeof left, "%c%c%s --%s%s%s", options->is_short ? '-' : ' ',
                 options->is_short ? options->key : ' ', options->is_short ? "," : " ", options->name,
                 options->arg ? " " : "", options->arg ? options->arg : "");
        cli_print(strlen(left) > 26 ? "  %s\n%30s%s\n" : "  %-26s  %s%s\n", left, "", options->help);
    }
}

void cli_print_help(const struct cli_verb *verb)
{
    cli_print("Usage: cove %s %s\n\n%s.\n", verb->name, verb->usage, verb->summary);
    if (verb->details)
        cli_print("\n%s", verb->details);
    cli_print("\nOptions:\n");
    print_options(verb->options);
    print_options(common);
    cli_print("\nExamples:\n%s", verb->examples);
    cli_print(
        "\nExit codes: 0 done, 1 failed, 2 bad usage, 3 not found, 4 permission or credentials, 5 network or timeout,\n"
        "130 interrupted.\n");
}

void cli_print_verbs(FILE *out)
{
    fprintf(out, "Usage: cove VERB [OPTION…] [ARGUMENT…]\n\n"
                 "Remote filesystems at the shell. A path is a URL (s3://bucket/key; `cove fs` lists the schemes) or a "
                 "local file.\n\n");
    for (size_t i = 0; cli_verbs[i]; i++)
        fprintf(out, "  %-8s  %s\n", cli_verbs[i]->name, cli_verbs[i]->summary);
    fprintf(out, "\n`cove VERB --help` has more; `cove --version` prints the version.\n");
}

static const struct cli_option *find_option(const struct cli_option *options, int key)
{
    for (; options && options->name; options++)
        if (options->key == key)
            return options;
    return NULL;
}

static int add_pair(struct cli *c, const char *text)
{
    const char *equals = strchr(text, '=');
    struct cli_pair *pairs;
    char *name;

    if (!equals || equals == text)
        return cli_usage(c, "-o takes NAME=VALUE, not \"%s\"", text);
    pairs = cli_alloc((c->n_pairs + 1) * sizeof *pairs);
    if (c->n_pairs > 0)
        memcpy(pairs, c->pairs, c->n_pairs * sizeof *pairs);
    free(c->pairs);
    c->pairs = pairs;
    name = cli_strdup(text);
    name[equals - text] = '\0';
    c->pairs[c->n_pairs++] = (struct cli_pair){ name, name + (equals - text) + 1 };
    return CLI_OK;
}

/* One option. CLI_OK, CLI_USAGE, -1 for help. */
static int take(struct cli *c, int key, const char *value)
{
    if (find_option(c->verb->options, key)) {
        c->set[key] = true;
        c->value[key] = value;
        return CLI_OK;
    }
    switch (key) {
    case 'o':
        return add_pair(c, value);
    case 'J':
        c->json = true;
        return CLI_OK;
    case 'T':
        if (!cli_parse_duration(value, &c->call.timeout_ms) || c->call.timeout_ms == 0)
            return cli_usage(c, "--timeout takes a time (90, 90s, 5m, 250ms), not \"%s\"", value);
        return CLI_OK;
    case 'q':
        c->quiet = true;
        return CLI_OK;
    case 'v':
        c->verbose++;
        return CLI_OK;
    default:
        cli_print_help(c->verb);
        return -1;
    }
}

/* getopt's two forms of a table. */
static void add_table(const struct cli_option *options, struct option *longs, size_t *n, char *shorts)
{
    for (; options && options->name; options++) {
        longs[(*n)++] =
            (struct option){ options->name, options->arg ? required_argument : no_argument, NULL, options->key };
        if (options->is_short) {
            size_t end = strlen(shorts);

            shorts[end] = options->key;
            shorts[end + 1] = options->arg ? ':' : '\0';
            shorts[end + 2] = '\0';
        }
    }
}

/* Refuses "-name", which getopt would read as -n with the value "ame", and which means --name. */
static int check_dashes(struct cli *c, int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        size_t n = argv[i][0] == '-' && argv[i][1] != '-' ? strcspn(argv[i] + 1, "=") : 0;

        for (int both = 0; n > 2 && both < 2; both++)
            for (const struct cli_option *o = both ? common : c->verb->options; o && o->name; o++)
                if (strlen(o->name) == n && strncmp(o->name, argv[i] + 1, n) == 0)
                    return cli_usage(c, "%s: long options have two dashes: -%s", argv[i], argv[i]);
    }
    return CLI_OK;
}

/* Whether a store has an option of this name, which the command then gets in its form. "--endpoint-url", as other
 * commands have it, is endpoint_url. */
static bool is_of_a_store(char *word)
{
    struct cove_option_help help;
    struct cove_scheme row;

    for (char *at = word; *at; at++)
        *at = *at == '-' ? '_' : *at;
    for (size_t s = 0; cove_scheme_at(s, &row) == 0; s++)
        for (size_t i = 0; row.available && cove_options_describe(row.scheme, i, &help) == 0; i++)
            if (strcmp(help.name, word) == 0)
                return true;
    return false;
}

/* Reports an option that getopt did not understand. */
static int refuse_option(struct cli *c, char **argv)
{
    const char *arg = argv[optind - 1];
    const struct cli_option *known = NULL;
    size_t n = strcspn(arg, "=");
    char word[32];

    if (strncmp(arg, "--", 2) != 0 && optopt && cli_letter_elsewhere(c->verb->name, (char)optopt))
        return cli_usage(c, "%s", cli_letter_elsewhere(c->verb->name, (char)optopt));
    if (strncmp(arg, "--", 2) != 0)
        return optopt ? cli_usage(c, "unknown option -%c", optopt) : cli_usage(c, "unknown option %s", arg);
    if (optopt)
        return cli_usage(c, "%.*s takes no value", (int)n, arg);
    snprintf(word, sizeof word, "%.*s", (int)n - 2, arg + 2);
    known = cli_nearest_option(c->verb->options, word);
    known = known ? known : cli_nearest_option(common, word);
    if (known)
        return cli_usage(c, "unknown option %.*s; did you mean --%s?", (int)n, arg, known->name);
    if (is_of_a_store(word))
        return cli_usage(c, "unknown option %.*s; options of a store are given as -o %s=%s", (int)n, arg, word,
                         arg[n] == '=' ? arg + n + 1 : "VALUE");
    return cli_usage(c, "unknown option %.*s", (int)n, arg);
}

int cli_parse(struct cli *c, int argc, char **argv)
{
    struct option longs[64] = { { 0 } };
    char shorts[128] = ":"; /* so that a missing argument differs from an unknown option */
    size_t n = 0;
    int key, named = -1, rc = check_dashes(c, argc, argv); /* `named`: which long option it is */

    add_table(common, longs, &n, shorts);
    add_table(c->verb->options, longs, &n, shorts);
    opterr = 0;
    optind = 1;
    for (; rc == CLI_OK && (key = getopt_long(argc, argv, shorts, longs, &named)) != -1; named = -1) {
        if (key == ':')
            rc = cli_usage(c, "%s takes a value", argv[optind - 1]);
        else if (key == '?')
            rc = refuse_option(c, argv);
        else if (key == 'h' && named < 0 && c->set['l'] && find_option(c->verb->options, 'H')) /* ls -lh */
            rc = cli_usage(c, "-h is --help; for sizes such as 1.5 MiB write --human");
        else
            rc = take(c, key, optarg);
    }
    if (rc != CLI_OK)
        return rc;
    c->args = argv + optind;
    c->n_args = argc - optind;
    if (c->n_args < c->verb->min_args || (c->verb->max_args >= 0 && c->n_args > c->verb->max_args))
        return cli_usage(c, "usage: cove %s %s", c->verb->name, c->verb->usage);
    return CLI_OK;
}
