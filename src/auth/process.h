/*
 * The user's programs that print credentials. Each runs in a new session, without a terminal. When it ends, when its
 * time is up or the refresh is cancelled, its child processes are ended, too, except a daemon in another session
 * (setsid).
 */
#ifndef COVE_AUTH_PROCESS_H
#define COVE_AUTH_PROCESS_H

#include <cove/call.h>
#include <cove/error.h>

#include "base/buf.h"

struct cove__process {
    const char *const *argv; /* ends with NULL; a name without a slash is looked for in PATH */
    char *const *environ;    /* ends with NULL; NULL: this process's */
    const char *name;        /* for messages: "credential_process" */
    int64_t timeout_ns;
};

/* Runs it and reads what it prints until it ends, up to the maximum of `out`. *ret_status: as waitpid gives it; -1:
 * unknown, because this process ignores SIGCHLD and has no children to wait for. 0: it has ended, with any status;
 * COVE_EPROTOCOL: it printed too much; COVE_ETIMEDOUT, COVE_ECANCELED; else the reason why it did not start. */
int cove__process_run(const struct cove__process *process, cove_cancel *cancel, struct cove__buf *out, int *ret_status,
                      struct cove_error *err);
/* COVE_EAUTH: it ended with a signal, or with a status other than 0. */
int cove__process_check(const struct cove__process *process, int status, struct cove_error *err);

#endif
