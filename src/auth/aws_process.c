/* credential_process: a program of the user's that prints keys. For aws_chain.c. */
#include "auth/aws_chain.h"
#include "auth/process.h"
#include "base/clock.h"

#define TIMEOUT_NS (120 * COVE__SEC) /* the user may have to log in with a browser */

int cove__aws_process(const char *command, cove_cancel *cancel, struct cove__aws_credentials *ret,
                      struct cove_error *err)
{
    const char *const argv[] = { "/bin/sh", "-c", command, NULL };
    const struct cove__process process = { .argv = argv, .name = "credential_process", .timeout_ns = TIMEOUT_NS };
    struct cove__buf out = COVE__BUF_SECRET(COVE__AWS_TOKEN_MAX);
    int status;

    int rc = cove__process_run(&process, cancel, &out, &status, err);
    if (rc == 0)
        rc = cove__process_check(&process, status, err);
    if (rc == 0)
        rc = cove__aws_keys_from_json(cove__buf_slice(&out), process.name, true, ret, err);
    cove__buf_wipe(&out);
    return rc;
}
