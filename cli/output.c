/* Standard output: text and bytes; and the two ways in which it may end early. Called by all verbs. */
#include "cli.h"

#include <errno.h>
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
