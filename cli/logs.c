/* cove logs: scalars of runs, from TensorBoard's event files and CSV metrics. */
#include "cli.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TIME_MAX 9e9 /* seconds since 1970; in nanoseconds it still fits into int64_t */
#define MAX_TAGS 100000

/* The last value of a scalar of a run; the table is in order of runs, then of tags. */
struct scalar {
    char *tag;
    int64_t step, count;
    double value, wall_time; /* wall_time NAN: not known */
};

struct table {
    struct cli *c;
    struct scalar *items;
    size_t n, cap;
    char *run; /* the directory of the files, as it is shown */
    int64_t files;
};

/* ---- output ---- */

static void print_time(double wall_time)
{
    char when[40];

    if (!(fabs(wall_time) < TIME_MAX))
        cli_print("%-19s", "-");
    else
        cli_print("%-19s", cli_time((int64_t)(wall_time * 1e9), false, when));
}

static void print_value(struct cli *c, const char *run, const char *tag, int64_t step, double value, double wall_time,
                        int64_t count)
{
    if (c->json) {
        cli_json_open('{');
        cli_json_key("run");
        cli_json_string(run);
        cli_json_key("tag");
        cli_json_string(tag);
        cli_json_key("step");
        cli_json_int(step);
        cli_json_key("value");
        cli_json_double(value);
        cli_json_key("wall_time");
        if (isnan(wall_time))
            cli_json_null();
        else
            cli_json_double(wall_time);
        if (count > 0) {
            cli_json_key("count");
            cli_json_int(count);
        }
        cli_json_close('}');
        cli_json_line();
        return;
    }
    size_t width = strlen(tag);

    cli_print("  ");
    cli_print_name(tag);
    cli_print("%*s  %10" PRId64 "  %-14.8g  ", width < 32 ? (int)(32 - width) : 0, "", step,
              isnan(value) ? fabs(value) : value);
    print_time(wall_time);
    cli_print("\n");
}

static void print_heading(const struct table *t)
{
    if (t->c->json)
        return;
    cli_print_name(t->run);
    cli_print("\n  %-32s  %10s  %-14s  %s\n", "TAG", "STEP", t->c->set['a'] ? "VALUE" : "LAST VALUE", "TIME");
}

/* Prints what was gathered of a run and forgets it. */
static void end_run(struct table *t)
{
    if (t->n > 0 && !t->c->set['a'])
        print_heading(t);
    for (size_t i = 0; i < t->n; i++) {
        const struct scalar *s = &t->items[i];

        if (!t->c->set['a'])
            print_value(t->c, t->run, s->tag, s->step, s->value, s->wall_time, s->count);
        free(s->tag);
    }
    free(t->items);
    free(t->run);
    t->items = NULL;
    t->run = NULL;
    t->n = t->cap = 0;
}

/* ---- gathering ---- */

static struct scalar *find_scalar(struct table *t, const char *tag)
{
    size_t low = 0, high = t->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(tag, t->items[middle].tag);

        if (order == 0)
            return &t->items[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    if (t->n == MAX_TAGS)
        return NULL;
    if (t->n == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 64;
        struct scalar *items = cli_alloc(cap * sizeof *items);

        if (t->n > 0)
            memcpy(items, t->items, t->n * sizeof *items);
        free(t->items);
        t->items = items;
        t->cap = cap;
    }
    memmove(t->items + low + 1, t->items + low, (t->n - low) * sizeof *t->items);
    t->items[low] = (struct scalar){ .tag = cli_strdup(tag) };
    t->n++;
    return &t->items[low];
}

static void add(struct table *t, const char *tag, int64_t step, double value, double wall_time)
{
    struct scalar *s;

    if (t->c->set['t'] && fnmatch(t->c->value['t'], tag, 0) != 0)
        return;
    s = find_scalar(t, tag);
    if (!s) {
        cli_failf(t->c, CLI_FAILED, "%s has more than %d tags: choose some with --tag", t->run, MAX_TAGS);
        return;
    }
    if (t->c->set['a']) {
        if (t->n == 1 && s->count == 0)
            print_heading(t);
        print_value(t->c, t->run, tag, step, value, wall_time, 0);
    }
    s->count++;
    s->step = step;
    s->value = value;
    s->wall_time = wall_time;
}

static void read_events(struct table *t, cove_fs *fs, const char *path)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_event_reader *reader = NULL;
    struct cove_event event;
    int rc = cove_event_reader_open(fs, path, &t->c->call, &reader, &err);

    while (rc == 0 && !cli_interrupted(t->c) && (rc = cove_event_reader_next(reader, &event, &err)) == 1) {
        if (event.kind == COVE_EVENT_SCALAR)
            add(t, event.tag, event.step, event.value, event.wall_time);
        rc = 0;
    }
    cove_event_reader_close(reader);
    if (rc < 0)
        cli_fail(t->c, rc, &err);
}

/* Each cell that is a number is a value of its column, at the step of its row. */
static void read_csv(struct table *t, cove_fs *fs, const char *path)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_csv_reader *reader = NULL;
    const char *const *names = NULL, *const * cells;
    size_t n = 0, step_at = SIZE_MAX;
    int64_t row = 0;
    int rc = cove_csv_reader_open(fs, path, &t->c->call, &reader, &err);

    if (rc == 0)
        n = cove_csv_reader_columns(reader, &names);
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], "step") == 0)
            step_at = i;
    while (rc == 0 && !cli_interrupted(t->c) && (rc = cove_csv_reader_next(reader, &cells, &err)) == 1) {
        int64_t step = step_at < n ? strtoll(cells[step_at], NULL, 10) : row;

        for (size_t i = 0; i < n; i++) {
            char *end;
            double value = strtod(cells[i], &end);

            if (i != step_at && *cells[i] && !*end)
                add(t, names[i], step, value, NAN);
        }
        row++;
        rc = 0;
    }
    cove_csv_reader_close(reader);
    if (rc < 0)
        cli_fail(t->c, rc, &err);
}

/* ---- the verb ---- */

static bool is_csv(const char *name)
{
    size_t n = strlen(name);

    return n > 4 && strcmp(name + n - 4, ".csv") == 0;
}

/* A file of a run: a new directory begins a new run. */
static void read_file(struct table *t, const struct cli_target *target, const char *path)
{
    char *shown = cli_target_show(target, path);
    char *slash = strrchr(shown, '/');
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;

    if (slash)
        *slash = '\0';
    if (!slash)
        strcpy(shown, ".");
    if (!t->run || strcmp(t->run, shown) != 0) {
        end_run(t);
        t->run = cli_strdup(shown);
    }
    free(shown);
    t->files++;
    if (is_csv(name))
        read_csv(t, target->fs, path);
    else
        read_events(t, target->fs, path);
}

static void show_one(struct cli *c, const struct cli_target *target, void *user)
{
    struct table t = { .c = c };
    struct cove_error err = COVE_ERROR_INIT;
    cove_listing *listing = NULL;
    cove_info *root = NULL;
    const cove_info *info;
    struct cli_operation operation = cli_operation_begin(c);
    int rc = cove_fs_stat(target->fs, target->path, cli_operation_call(&operation), &root, &err);

    (void)user;
    if (rc == 0 && cove_info_type(root) == COVE_INFO_FILE) {
        read_file(&t, target, target->path);
    } else if (rc == 0) {
        rc = cove_fs_find(target->fs, target->path, cli_operation_call(&operation), &listing, &err);
        if (rc == 0)
            cove_listing_use_one_timeout(listing);
        while (rc == 0 && !cli_interrupted(c) && (rc = cove_listing_next(listing, &info, &err)) == 1) {
            const char *name = cove_info_name(info);

            if (strstr(name, "tfevents") || strcmp(name, "metrics.csv") == 0)
                read_file(&t, target, cove_info_path(info));
            rc = 0;
        }
    }
    end_run(&t);
    cove_listing_free(listing);
    cove_info_free(root);
    if (rc < 0)
        cli_fail(c, rc, &err);
    else if (t.files == 0 && !cli_interrupted(c))
        cli_failf(c, CLI_NOT_FOUND, "%s: no event files and no metrics.csv below it", target->arg);
}

static int run(struct cli *c)
{
    if (strcmp(c->args[0], "show") != 0)
        return cli_usage(c, "`cove logs` can show, not \"%s\"", c->args[0]);
    c->args++;
    c->n_args--;
    cli_expand_all(c, show_one, NULL);
    return c->status;
}

static const struct cli_option options[] = {
    { 'a', true, "all", NULL, "every value, not only the last one of each scalar" },
    { 't', true, "tag", "PATTERN", "only scalars of such a name: 'val/*'" },
    { 0 },
};

const struct cli_verb cli_logs = {
    .name = "logs",
    .usage = "show [-a] [-t PATTERN] PATH…",
    .summary = "Show the scalars of runs",
    .details = "PATH is an event file of TensorBoard, a CSV file of metrics, or a directory that has such files "
               "anywhere below it. Each directory with\n"
               "files is a run; of several files of one run the later continues where the earlier ended. A run that is "
               "being written may be shown.\n"
               "--json prints a line for each value: {\"run\", \"tag\", \"step\", \"value\", \"wall_time\"}, without "
               "-a also \"count\"; numbers that\n"
               "JSON lacks are \"NaN\", \"Infinity\", \"-Infinity\".\n",
    .examples = "  cove logs show s3://bucket/lightning_logs\n"
                "  cove logs show -a -t 'val*' --json s3://bucket/lightning_logs/version_3\n",
    .options = options,
    .min_args = 2,
    .max_args = -1,
    .run = run,
};
