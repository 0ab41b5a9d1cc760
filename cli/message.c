/* Messages on standard error: what went wrong, notes, and lines from the library's threads. Called by everything. */
#include "cli.h"

#include <pthread.h>
#include <stdarg.h>
#include <string.h>

#define WARNINGS_MAX 64 /* kept, to say none of them twice */

static int status_of(int code)
{
    switch (code) {
    case COVE_EINVAL:
        return CLI_USAGE;
    case COVE_ENOTFOUND:
        return CLI_NOT_FOUND;
    case COVE_EACCESS:
    case COVE_EAUTH:
        return CLI_DENIED;
    case COVE_ENETWORK:
    case COVE_ETIMEDOUT:
    case COVE_ETHROTTLED:
    case COVE_ESERVER:
        return CLI_NETWORK;
    default:
        return CLI_FAILED;
    }
}

static pthread_mutex_t terminal = PTHREAD_MUTEX_INITIALIZER;

void cli_terminal_lock(void)
{
    pthread_mutex_lock(&terminal);
}

void cli_terminal_unlock(void)
{
    pthread_mutex_unlock(&terminal);
}

/* One line, whatever the text holds: a name from a store may hold what a terminal obeys. */
static void say_locked(const char *text)
{
    char line[COVE_ERROR_MESSAGE_MAX + 64];

    snprintf(line, sizeof line, "%s", text);
    cli_make_plain(line);
    cli_flush();
    cli_progress_clear();
    fprintf(stderr, "cove: %s\n", line);
}

/* Prints it and keeps the exit code, which is that of the first failure. */
static int note(struct cli *c, int status, const char *text)
{
    cli_terminal_lock();
    say_locked(text);
    if (c->status == CLI_OK)
        c->status = status;
    cli_terminal_unlock();
    return status;
}

int cli_fail(struct cli *c, int code, const struct cove_error *err)
{
    /* An interrupt makes everything under way fail: that is one event, which the exit code shows. */
    if (code == COVE_ECANCELED && cli_interrupted(c))
        return CLI_INTERRUPTED;
    return note(c, status_of(code), err->message[0] ? err->message : cove_code_phrase(code));
}

int cli_failf(struct cli *c, int status, const char *format, ...)
{
    char text[COVE_ERROR_MESSAGE_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return note(c, status, text);
}

int cli_usage(struct cli *c, const char *format, ...)
{
    char text[COVE_ERROR_MESSAGE_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    note(c, CLI_USAGE, text);
    fprintf(stderr, "`cove %s --help` has more.\n", c->verb->name);
    return CLI_USAGE;
}

void cli_note(struct cli *c, const char *format, ...)
{
    char text[COVE_ERROR_MESSAGE_MAX];
    va_list args;

    if (c->quiet)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cli_terminal_lock();
    say_locked(text);
    cli_terminal_unlock();
}

/* Called on any thread of the library's, which must not wait for a thread that writes to a pipe that is not read. */
void cli_say(const char *text)
{
    bool taken = pthread_mutex_trylock(&terminal) == 0;

    if (taken)
        cli_progress_clear();
    fprintf(stderr, "cove: %s\n", text);
    if (taken)
        pthread_mutex_unlock(&terminal);
}

/* False: it was said already. Later ones than those that are kept are always said. */
static bool is_new(const char *text)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static char *said[WARNINGS_MAX];
    static size_t n;
    size_t i = 0;

    pthread_mutex_lock(&lock);
    while (i < n && strcmp(said[i], text) != 0)
        i++;
    bool new = i == n;
    if (new &&n < WARNINGS_MAX)
        said[n++] = cli_strdup(text);
    pthread_mutex_unlock(&lock);
    return new;
}

void cli_warn(const char *text)
{
    char line[1200];

    if (!is_new(text))
        return;
    snprintf(line, sizeof line, "warning: %s", text);
    cli_say(line);
}
