/* Exceptions of NameNodes and DataNodes. */
#ifndef COVE_FS_HDFS_ERROR_H
#define COVE_FS_HDFS_ERROR_H

#include <stdbool.h>

#include "base/call.h"
#include "base/slice.h"
#include "wire/hadoop_rpc.h"

enum cove__hdfs_retry {
    COVE__HDFS_NO_RETRY,
    COVE__HDFS_NEXT_SERVER, /* this one is a standby, or about to stop */
    COVE__HDFS_LATER        /* the same server can do it soon */
};
/* What to do after that exception: its class's name with its package, and its text. */
enum cove__hdfs_retry cove__hdfs_may_retry(struct cove__slice exception, struct cove__slice text);
/* Whether the class is `name`, which has no package. */
bool cove__hdfs_is_exception(const struct cove__hadoop_response *response, const char *name);
/* The error that the response stands for, with its first line. Returns the code. `server`: "host:port". */
int cove__hdfs_fail(struct cove_error *err, const struct cove__ctx *ctx, const char *server,
                    const struct cove__hadoop_response *response);

#endif
