/*
 * Writes and reads logs for the tests beside this file.
 *
 *   events_tool write URL      an event file of every kind below URL; its path on stdout
 *   events_tool read URL       the events of a file, a line each: kind, step, value or text, tag
 *   events_tool csv URL        rows of metrics from stdin ("STEP NAME=VALUE …", a line each) into the file URL
 *   events_tool readcsv URL    the rows of a CSV file: cells with '|' between
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cove/cove.h>

static struct cove_error err = COVE_ERROR_INIT;

static void check(int rc)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "events_tool: %s: %s\n", cove_code_name(rc), err.message);
    exit(1);
}

static void write_events(cove_fs *fs, const char *path)
{
    static const struct cove_hparam hparams[] = { { "lr", COVE_HPARAM_NUMBER, NULL, 0.02 },
                                                  { "optimizer", COVE_HPARAM_STRING, "adam", 0 },
                                                  { "amp", COVE_HPARAM_BOOL, NULL, 1 } };
    static const char *const metrics[] = { "hp_metric", "val/acc" };
    static float values[1000];
    cove_event_writer *w;

    check(cove_event_writer_open(fs, path, NULL, &w, &err));
    for (int i = 0; i < 1000; i++)
        values[i] = (float)((i - 300) * (i % 7 - 2.5) * 1e-3);
    check(cove_event_writer_hparams(w, hparams, 3, metrics, 2, &err));
    for (int step = 0; step < 500; step++) {
        check(cove_event_writer_scalar(w, "train/loss", 1.0 / (step + 1), step, 1700000000 + step, &err));
        check(cove_event_writer_scalar(w, "val/acc", step * 0.001, step, 1700000000 + step, &err));
    }
    check(cove_event_writer_text(w, "note", "# Größe\n\nzwei **Zeilen**", 7, 0, &err));
    check(cove_event_writer_histogram(w, "weights", values, 1000, 3, 1700000003, &err));
    check(cove_event_writer_histogram(w, "weights", values, 10, 4, 1700000004, &err));
    printf("%s\n", cove_event_writer_path(w));
    check(cove_event_writer_close(w, &err));
}

static void read_events(cove_fs *fs, const char *path)
{
    static const char *const kinds[] = { "other", "version", "scalar", "text", "histogram" };
    cove_event_reader *r;
    struct cove_event e;
    int rc;

    check(cove_event_reader_open(fs, path, NULL, &r, &err));
    while ((rc = cove_event_reader_next(r, &e, &err)) == 1) {
        printf("%s\t%lld\t", kinds[e.kind], (long long)e.step);
        if (e.kind == COVE_EVENT_SCALAR)
            printf("%.9g", e.value);
        else
            printf("%s", e.text ? e.text : "");
        printf("\t%s\n", e.tag);
    }
    cove_event_reader_close(r);
    check(rc);
}

static void write_csv(cove_fs *fs, const char *path)
{
    static char line[1 << 16];
    cove_csv_writer *w;

    check(cove_csv_writer_open(fs, path, NULL, &w, &err));
    while (fgets(line, sizeof line, stdin)) {
        struct cove_metric metrics[100];
        size_t n = 0;
        char *word = strtok(line, " \n");
        long long step = atoll(word);

        while ((word = strtok(NULL, " \n")) && n < 100) {
            char *equals = strrchr(word, '=');

            *equals = '\0';
            metrics[n++] = (struct cove_metric){ word, strtod(equals + 1, NULL) };
        }
        check(cove_csv_writer_row(w, step, metrics, n, &err));
    }
    check(cove_csv_writer_close(w, &err));
}

static void read_csv(cove_fs *fs, const char *path)
{
    const char *const *names, *const *cells;
    cove_csv_reader *r;
    size_t n;
    int rc;

    check(cove_csv_reader_open(fs, path, NULL, &r, &err));
    n = cove_csv_reader_columns(r, &names);
    for (size_t i = 0; i < n; i++)
        printf("%s%s", i ? "|" : "", names[i]);
    printf("\n");
    while ((rc = cove_csv_reader_next(r, &cells, &err)) == 1) {
        for (size_t i = 0; i < n; i++)
            printf("%s%s", i ? "|" : "", cells[i]);
        printf("\n");
    }
    cove_csv_reader_close(r);
    check(rc);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(cove_fs *fs, const char *path);
    } verbs[] = { { "write", write_events }, { "read", read_events }, { "csv", write_csv }, { "readcsv", read_csv } };
    cove_fs *fs;
    char *path;

    for (size_t i = 0; argc == 3 && i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(argv[1], verbs[i].name) != 0)
            continue;
        check(cove_fs_from_url(argv[2], NULL, &fs, &path, &err));
        verbs[i].run(fs, path);
        cove_free(path);
        cove_fs_unref(fs);
        return 0;
    }
    fprintf(stderr, "usage: events_tool write|read|csv|readcsv URL\n");
    return 2;
}
