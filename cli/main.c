/* The command `cove`: finds the verb, sets up signals and logs, and turns what happened into an exit code. */
#include "cli.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct cli_verb *const cli_verbs[] = { &cli_ls,      &cli_cat,  &cli_cp,   &cli_mv,   &cli_rm,
                                             &cli_mkdir,   &cli_stat, &cli_find, &cli_du,   &cli_fs,
                                             &cli_uploads, &cli_sign, &cli_ckpt, &cli_logs, NULL };

/* ---- descriptors ---- */

/* One of 0, 1 and 2 that is closed (>&-) would be the next file's or connection's, and what is said would go into it.
 * What stands there now cannot be used either, as a closed one can't. */
static void occupy_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
            _exit(CLI_FAILED);
}

/* ---- signals ---- */

static cove_cancel *interrupt_token;
static pthread_t main_thread;
static volatile sig_atomic_t interrupts;

/* The first signal fires the cancel token: calls end, unfinished uploads are aborted. A second signal ends the process
 * at once. After the first, an alarm each second interrupts blocking calls of the main thread, also later ones. */
static void on_interrupt(int number)
{
    if (!pthread_equal(pthread_self(), main_thread)) {
        pthread_kill(main_thread, number); /* so that a read or write that the main thread waits in ends */
        return;
    }
    if (number != SIGALRM && interrupts++ > 0)
        _exit(CLI_INTERRUPTED);
    cove_cancel_fire(interrupt_token);
    alarm(1);
}

static void set_up_signals(void)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction action = { .sa_handler = on_interrupt }, old;

    main_thread = pthread_self();
    sigemptyset(&action.sa_mask);
    /* One that is ignored, as by nohup, stays so. */
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    sigaction(SIGALRM, &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* output.c raises it itself, for stdout only */
}

/* ---- the verb ---- */

static void on_log(void *user, enum cove_log_level level, const char *subject, const char *text)
{
    static const char *const names[] = { "error", "warning", "info", "debug" };
    char line[1200];

    (void)user;
    snprintf(line, sizeof line, "%s: %s: %s", names[level], subject, text);
    cli_say(line);
}

/* Without --verbose: warnings, and lines about waits of some seconds, which are repeated. */
static void on_warning(void *user, enum cove_log_level level, const char *subject, const char *text)
{
    (void)user;
    if (strcmp(subject, "wait") == 0)
        cli_say(text);
    else if (level <= COVE_LOG_WARNING)
        cli_warn(text);
}

static int run(const struct cli_verb *verb, int argc, char **argv)
{
    struct cli c = { .verb = verb, .call = COVE_CALL_INIT };
    int rc;

    c.call.cancel = interrupt_token;
    rc = cli_parse(&c, argc, argv);
    if (rc == CLI_OK) {
        if (c.verbose)
            cove_log_set(on_log, NULL, c.verbose > 1 ? COVE_LOG_DEBUG : COVE_LOG_INFO);
        else if (!c.quiet)
            cove_log_set(on_warning, NULL, COVE_LOG_INFO);
        rc = cli_check_options(&c);
        rc = rc == CLI_OK ? verb->run(&c) : rc;
        rc = c.status != CLI_OK ? c.status : rc;
        cove_log_set(NULL, NULL, COVE_LOG_ERROR);
        if (cli_interrupted(&c))
            rc = CLI_INTERRUPTED;
    }
    for (size_t i = 0; i < c.n_pairs; i++)
        free((char *)c.pairs[i].name);
    free(c.pairs);
    cli_flush();
    return rc < 0 ? CLI_OK : rc;
}

static const struct cli_verb *find_verb(const char *name)
{
    for (size_t i = 0; cli_verbs[i]; i++)
        if (strcmp(cli_verbs[i]->name, name) == 0)
            return cli_verbs[i];
    return NULL;
}

static void refuse_verb(const char *name, int argc, char **argv)
{
    const char *nearest = cli_nearest_verb(name);
    char text[COVE_ERROR_MESSAGE_MAX];
    int at = 1;

    while (name[0] == '-' && at < argc && !find_verb(argv[at])) /* an option before the verb may have a value */
        at++;
    if (name[0] == '-' && at < argc)
        snprintf(text, sizeof text, "options come after the verb: cove %s %s …", argv[at], name);
    else if (name[0] == '-')
        snprintf(text, sizeof text, "unknown option %s; `cove --help` lists the verbs, and options come after the verb",
                 name);
    else if (nearest)
        snprintf(text, sizeof text, "there is no verb \"%s\"; did you mean `cove %s`?", name, nearest);
    else
        snprintf(text, sizeof text, "there is no verb \"%s\"; `cove --help` lists them", name);
    cli_failf(&(struct cli){ 0 }, CLI_USAGE, "%s", text);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    const struct cli_verb *verb = find_verb(name);
    int rc;

    occupy_standard_descriptors();
    if (!verb && (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)) {
        cli_print("cove %s\n", cove_version());
        cli_flush();
        return CLI_OK;
    }
    if (!verb && (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)) {
        name = argc > 2 ? argv[2] : "";
        verb = find_verb(name);
        if (verb)
            cli_print_help(verb);
        else if (!*name)
            cli_print_verbs(stdout);
        if (verb || !*name) {
            cli_flush();
            return CLI_OK;
        }
    }
    if (!verb) {
        if (*name)
            refuse_verb(name, argc, argv);
        else
            cli_print_verbs(stderr);
        return CLI_USAGE;
    }
    interrupt_token = cove_cancel_new();
    if (!interrupt_token) {
        fputs("cove: memory is exhausted\n", stderr);
        return CLI_FAILED;
    }
    set_up_signals();
    rc = run(verb, argc - 1, argv + 1);
    cove_cancel_unref(interrupt_token);
    return rc;
}
