/* Standard output: text, bytes and JSON; and the two ways in which it may end early. Called by all verbs. */
#include "cli.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- the descriptor ---- */

/* stdout cannot take more. A reader that left (head, less) ends the command as any other: by SIGPIPE, quietly. */
static void give_up(int error)
{
    if (error == EPIPE) {
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
    fprintf(stderr, "cove: write standard output: %s\n", strerror(error));
    _exit(CLI_FAILED);
}

static bool interrupted; /* while stdout was blocked: further output is dropped, or each line would block again */

static void text_failed(int error)
{
    if (error != EINTR)
        give_up(error);
    interrupted = true;
    __fpurge(stdout);
}

void cli_flush(void)
{
    if (!interrupted && fflush(stdout) != 0)
        text_failed(errno);
}

void cli_print(const char *format, ...)
{
    va_list args;
    int n;

    if (interrupted)
        return;
    va_start(args, format);
    n = vprintf(format, args);
    va_end(args);
    if (n < 0)
        text_failed(errno);
}

void cli_print_name(const char *name)
{
    if (isatty(STDOUT_FILENO))
        cli_print_plain(name, strlen(name));
    else
        cli_print("%s", name);
}

void cli_print_plain(const char *text, size_t size)
{
    while (size > 0) {
        uint32_t point;
        size_t n = cli_character(text, size, &point);

        if (cli_is_plain(point))
            cli_print("%.*s", (int)n, text);
        else
            cli_print("?");
        text += n;
        size -= n;
    }
}

void cli_write(struct cli *c, const void *data, size_t size)
{
    const char *p = data;

    while (size > 0 && !cli_interrupted(c)) {
        ssize_t n = write(STDOUT_FILENO, p, size);

        if (n < 0 && errno != EINTR && errno != EAGAIN)
            give_up(errno);
        if (n > 0) {
            p += n;
            size -= (size_t)n;
        }
    }
}

/* ---- numbers and times ---- */

const char *cli_human(int64_t bytes, char out[16])
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 1023.95 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024;
        unit++;
    }
    snprintf(out, 16, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return out;
}

const char *cli_time(int64_t ns, bool json, char out[40])
{
    time_t seconds = (time_t)(ns / 1000000000);
    struct tm tm;

    if (ns < 0) {
        snprintf(out, 40, "-");
    } else if (json) {
        size_t n = strftime(out, 40, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));

        snprintf(out + n, 40 - n, ".%03dZ", (int)(ns / 1000000 % 1000));
    } else {
        strftime(out, 40, "%Y-%m-%d %H:%M:%S", localtime_r(&seconds, &tm));
    }
    return out;
}

/* ---- JSON ---- */

static bool comma; /* what comes next stands behind something */

static void separate(void)
{
    if (comma)
        cli_print(",");
    comma = true;
}

void cli_json_open(char bracket)
{
    separate();
    cli_print("%c", bracket);
    comma = false;
}

void cli_json_close(char bracket)
{
    cli_print("%c", bracket);
    comma = true;
}

static void put_string(const char *s, size_t size)
{
    cli_print("\"");
    while (size > 0) {
        uint32_t point;
        size_t n = cli_character(s, size, &point);

        unsigned surrogate = cli_surrogate(s, size);

        if (surrogate) {
            cli_print("\\u%04x", surrogate);
            n = 3;
        } else if (point == CLI_NO_CHARACTER)
            cli_print("\xef\xbf\xbd");
        else if (point == '"' || point == '\\')
            cli_print("\\%c", *s);
        else if (!cli_is_plain(point))
            cli_print("\\u%04x", (unsigned)point);
        else
            cli_print("%.*s", (int)n, s);
        s += n;
        size -= n;
    }
    cli_print("\"");
}

void cli_json_key(const char *key)
{
    separate();
    put_string(key, strlen(key));
    cli_print(":");
    comma = false;
}

void cli_json_string_n(const char *s, size_t n)
{
    separate();
    put_string(s, n);
}

void cli_json_string(const char *s)
{
    cli_json_string_n(s, strlen(s));
}

void cli_json_int(int64_t i)
{
    separate();
    cli_print("%lld", (long long)i);
}

void cli_json_number(const char *decimal)
{
    separate();
    cli_print("%s", decimal);
}

const char *cli_number(double d, char text[CLI_NUMBER_MAX])
{
    if (isnan(d)) /* printf would write its sign, too */
        return strcpy(text, "nan");
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, CLI_NUMBER_MAX, "%.*g", digits, d);
        if (strtod(text, NULL) == d)
            break;
    }
    return text;
}

void cli_json_double(double d)
{
    if (isnan(d)) {
        cli_json_string("NaN");
    } else if (isinf(d)) {
        cli_json_string(d > 0 ? "Infinity" : "-Infinity");
    } else {
        char text[CLI_NUMBER_MAX];

        separate();
        cli_print("%s", cli_number(d, text));
    }
}

void cli_json_bool(bool b)
{
    separate();
    cli_print(b ? "true" : "false");
}

void cli_json_null(void)
{
    separate();
    cli_print("null");
}

void cli_json_text(const char *key, const char *value)
{
    cli_json_key(key);
    if (value)
        cli_json_string(value);
    else
        cli_json_null();
}

void cli_json_line(void)
{
    cli_print("\n");
    comma = false;
}

static void json_properties(const cove_info *info)
{
    const char *name, *value;

    cli_json_text("version_id", cove_info_version_id(info));
    cli_json_text("storage_class", cove_info_storage_class(info));
    cli_json_text("content_type", cove_info_content_type(info));
    cli_json_key("metadata");
    cli_json_open('{');
    for (size_t i = 0; cove_info_metadata(info, i, &name, &value) == 0; i++) {
        cli_json_key(name);
        cli_json_string(value);
    }
    cli_json_close('}');
}

void cli_json_info(const struct cli_target *t, const cove_info *info, bool all)
{
    char *url = NULL, *shown = cli_target_show(t, cove_info_path(info)), when[40];

    cli_json_open('{');
    cli_json_key("path");
    cli_json_string(shown);
    cove_fs_url(t->fs, cove_info_path(info), &url, NULL);
    cli_json_text("url", url);
    cli_json_key("type");
    cli_json_string(cove_info_type(info) == COVE_INFO_DIRECTORY ? "directory" : "file");
    cli_json_key("size");
    cli_json_int(cove_info_size(info));
    cli_json_text("mtime", cove_info_mtime_ns(info) < 0 ? NULL : cli_time(cove_info_mtime_ns(info), true, when));
    cli_json_text("etag", cove_info_etag(info));
    if (all)
        json_properties(info);
    cli_json_close('}');
    cli_json_line();
    cove_free(url);
    free(shown);
}
