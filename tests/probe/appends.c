/*
 * appends: appenders of one filesystem, controlled by a Python test that also runs the mock store.
 *
 *   appends [-o NAME=VALUE]… URL
 *
 * Reads commands from standard input, one a line, and answers each with one line: the name of the code, a tab, the
 * message.
 *
 *   open PATH   opens the appender; its position is 0
 *   add N       writes the next N bytes and flushes
 *   flush       flushes
 *   close       closes it; the next command is "open"
 *
 * The value of a byte at a position is that of pattern() in tests/mock/store.py.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cove/cove.h>

#define MAX_ADDED ((size_t)64 << 20)

static cove_fs *fs;
static cove_appender *appender;
static size_t position;

static int open_appender(const char *path, struct cove_error *err)
{
    struct cove_appender_options options = COVE_APPENDER_OPTIONS_INIT;

    options.flush_interval_ms = 3600 * 1000; /* no background flushes */
    options.flush_bytes = MAX_ADDED;
    position = 0;
    return cove_appender_open(fs, path, &options, NULL, &appender, err);
}

static int add(size_t n, struct cove_error *err)
{
    unsigned char *data = malloc(n);
    int rc;

    if (!data)
        exit(3);
    for (size_t k = 0; k < n; k++) {
        size_t i = (position + k) % (4 * 251);
        data[k] = (unsigned char)(i * 31 + (i >> 3) * 7);
    }
    position += n;
    rc = cove_appender_write(appender, data, n, err);
    free(data);
    return rc < 0 ? rc : cove_appender_flush(appender, err);
}

static int obey(const char *line, struct cove_error *err)
{
    cove_appender *closing = appender;

    if (strncmp(line, "open ", 5) == 0 && !appender)
        return open_appender(line + 5, err);
    if (strncmp(line, "add ", 4) == 0 && appender)
        return add(strtoul(line + 4, NULL, 10), err);
    if (strcmp(line, "flush") == 0 && appender)
        return cove_appender_flush(appender, err);
    if (strcmp(line, "close") == 0 && appender) {
        appender = NULL;
        return cove_appender_close(closing, err);
    }
    fprintf(stderr, "appends: %s?\n", line);
    exit(2);
}

int main(int argc, char **argv)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_options *options = cove_options_new();
    char line[4096];
    int i = 1;

    for (; i + 1 < argc && strcmp(argv[i], "-o") == 0; i += 2) {
        char *value = strchr(argv[i + 1], '=');

        *value++ = '\0';
        if (cove_options_set(options, argv[i + 1], value, &err) < 0)
            break;
    }
    if (err.code < 0 || cove_fs_from_url(argv[i], options, &fs, NULL, &err) < 0) {
        fprintf(stderr, "appends: %s\n", err.message);
        return 2;
    }
    cove_options_free(options);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        err = (struct cove_error)COVE_ERROR_INIT;
        printf("%s\t%s\n", cove_code_name(obey(line, &err)), err.message);
        fflush(stdout);
    }
    cove_appender_close(appender, NULL);
    cove_fs_unref(fs);
    return 0;
}
