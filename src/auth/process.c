/* Programs that print credentials: see process.h. */
#include "auth/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/call.h"
#include "base/clock.h"
#include "base/error.h"

#define CHECK_MS 50 /* how often the token, and whether the program has ended, are checked */

extern char **environ;

/* Runs in a new session. So its children can be ended with it, and it has no controlling terminal: a background process
 * that reads from one is stopped and would never end. Signals have their default actions. It inherits standard error,
 * where it can show the user what it needs. */
static int spawn(const struct cove__process *process, int out_fd, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, pipe_signal;

    int rc = posix_spawn_file_actions_init(&actions);
    if (rc != 0)
        return rc;
    rc = posix_spawnattr_init(&attr);
    if (rc != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return rc;
    }
    sigemptyset(&none);
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &pipe_signal);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    rc = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
    if (rc == 0)
        rc = posix_spawnp(ret_pid, process->argv[0], &actions, &attr, (char *const *)process->argv,
                          process->environ ? process->environ : environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

/* Reads what is there. False: the end, or `rc` is an error. */
static bool read_some(int fd, const struct cove__process *process, struct cove__buf *out, int *rc,
                      struct cove_error *err)
{
    char chunk[4096];
    bool more = true;

    while (more && *rc == 0) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EAGAIN)
            break;
        more = n != 0;
        if (n < 0 && errno != EINTR)
            *rc = cove__fail_errno(err, errno, "credentials of %s", process->name);
        else if (n > 0 && cove__buf_add(out, chunk, (size_t)n) < 0)
            *rc = cove__fail(err, COVE_EPROTOCOL, "credentials of %s: it prints more than %zu bytes", process->name,
                             out->max);
    }
    explicit_bzero(chunk, sizeof chunk);
    return more && *rc == 0;
}

/* Whether the program has ended. It stays a zombie, so that no other process gets its id. *ret_gone: it does
 * not, because this process ignores SIGCHLD. */
static bool has_ended(pid_t pid, bool *ret_gone)
{
    siginfo_t info = { 0 };
    int rc;

    while ((rc = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT)) < 0 && errno == EINTR)
        ;
    *ret_gone = rc < 0;
    return rc < 0 || info.si_pid == pid;
}

/* Reads until the program has ended, not until the end of the pipe: a child that it leaves may keep the pipe open. */
static int read_all(int fd, pid_t pid, const struct cove__process *process, const struct cove__ctx *ctx,
                    struct cove__buf *out, bool *ret_gone, struct cove_error *err)
{
    bool open = true;
    int rc = 0;

    while (rc == 0 && !has_ended(pid, ret_gone) && (rc = cove__ctx_check(ctx, err)) == 0) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        if (!open)
            cove__sleep_ns(COVE__MS);
        else if (poll(&p, 1, CHECK_MS) > 0)
            open = read_some(fd, process, out, &rc, err);
    }
    return rc;
}

int cove__process_run(const struct cove__process *process, cove_cancel *cancel, struct cove__buf *out, int *ret_status,
                      struct cove_error *err)
{
    struct cove__ctx ctx = { .deadline_ns = cove__now_ns() + process->timeout_ns,
                             .cancel = cancel,
                             .op = "credentials of",
                             .url = process->name };
    int fds[2], status = -1;
    bool gone = false;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return cove__fail_errno(err, errno, "credentials of %s", process->name);
    int rc = spawn(process, fds[1], &pid);
    close(fds[1]);
    if (rc != 0) {
        close(fds[0]);
        return cove__fail_errno(err, rc, "credentials of %s: it cannot be started", process->name);
    }
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    rc = read_all(fds[0], pid, process, &ctx, out, &gone, err);
    if (!gone) {
        kill(-pid, SIGKILL); /* and what it has left behind */
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    }
    if (rc == 0)
        read_some(fds[0], process, out, &rc, err);
    close(fds[0]);
    if (rc == 0)
        *ret_status = gone ? -1 : status;
    return rc;
}

int cove__process_check(const struct cove__process *process, int status, struct cove_error *err)
{
    if (status <= 0)
        return 0;
    return cove__fail(err, COVE_EAUTH, "credentials of %s: it ended with %s %d", process->name,
                      WIFSIGNALED(status) ? "signal" : "status",
                      WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}
