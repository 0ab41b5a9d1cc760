/* credential_process: a program of the user's that prints keys. For aws_chain.c. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/aws_chain.h"
#include "base/call.h"
#include "base/clock.h"
#include "base/error.h"

#define TIMEOUT_NS (120 * COVE__SEC) /* the user may have to log in with a browser */
#define LOOK_MS    50                /* how often the token is checked */

extern char **environ;

/* Runs in a new session. So its children can be ended with it, and it has no controlling terminal: a background process
 * that reads from one is stopped and would never end. Signals have their default actions. It inherits standard error,
 * where it can tell the user what it needs. */
static int spawn(const char *command, int out_fd, pid_t *ret_pid)
{
    const char *const argv[] = { "/bin/sh", "-c", command, NULL };
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
        rc = posix_spawn(ret_pid, argv[0], &actions, &attr, (char *const *)argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

static int read_all(int fd, const struct cove__ctx *ctx, struct cove__buf *out, struct cove_error *err)
{
    char chunk[4096];
    int rc = 0;

    while (rc == 0 && (rc = cove__ctx_check(ctx, err)) == 0) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        if (poll(&p, 1, LOOK_MS) <= 0)
            continue;
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            rc = cove__fail_errno(err, errno, "credentials of credential_process");
        else if (n > 0 && cove__buf_add(out, chunk, (size_t)n) < 0)
            rc = cove__fail(err, COVE_EPROTOCOL, "credentials of credential_process: it prints more than %zu bytes",
                            COVE__AWS_TOKEN_MAX);
    }
    explicit_bzero(chunk, sizeof chunk);
    return rc;
}

/* Its exit status; -1: unknown, because the program around us leaves no children to wait for. */
static int wait_for(pid_t pid, const struct cove__ctx *ctx, struct cove_error *err, int *ret_status)
{
    for (;;) {
        pid_t got = waitpid(pid, ret_status, WNOHANG);
        if (got == pid)
            return 0;
        if (got < 0 && errno != EINTR) {
            *ret_status = -1;
            return 0;
        }
        int rc = cove__ctx_check(ctx, err);
        if (rc < 0)
            return rc;
        cove__sleep_ns(COVE__MS);
    }
}

int cove__aws_process(const char *command, cove_cancel *cancel, struct cove__aws_credentials *ret,
                      struct cove_error *err)
{
    struct cove__ctx ctx = { .deadline_ns = cove__now_ns() + TIMEOUT_NS,
                             .cancel = cancel,
                             .op = "credentials of",
                             .url = "credential_process" };
    struct cove__buf out = COVE__BUF_INIT(COVE__AWS_TOKEN_MAX);
    int fds[2], status = 0;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return cove__fail_errno(err, errno, "credentials of credential_process");
    int rc = spawn(command, fds[1], &pid);
    close(fds[1]);
    if (rc != 0) {
        close(fds[0]);
        return cove__fail_errno(err, rc, "credentials of credential_process: it cannot be started");
    }
    rc = read_all(fds[0], &ctx, &out, err);
    close(fds[0]);
    if (rc == 0)
        rc = wait_for(pid, &ctx, err, &status);
    if (rc < 0) {
        kill(-pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
    } else if (status > 0) {
        rc = cove__fail(err, COVE_EAUTH, "credentials of credential_process: it ended with %s %d",
                        WIFSIGNALED(status) ? "signal" : "status",
                        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    } else {
        rc = cove__aws_keys_from_json(cove__buf_slice(&out), "credential_process", true, ret, err);
    }
    cove__buf_wipe(&out);
    return rc;
}
