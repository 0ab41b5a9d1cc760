/* Files of delegation tokens, as Hadoop's jobs are given them (HADOOP_TOKEN_FILE_LOCATION). */
#ifndef COVE_WIRE_HADOOP_TOKENS_H
#define COVE_WIRE_HADOOP_TOKENS_H

#include <stddef.h>

#include "base/slice.h"

/* BORROWED from the file's text. */
struct cove__hadoop_token {
    struct cove__slice identifier, password, kind, service; /* kind "HDFS_DELEGATION_TOKEN", service "ha-hdfs:ns" */
};
/* `found` is called for each; below 0, it ends the reading. 0, what `found` returned, or COVE_EPROTOCOL. */
int cove__hadoop_tokens_read(struct cove__slice file, int (*found)(void *user, const struct cove__hadoop_token *token),
                             void *user);
/* TokenProto. COVE_EPROTOCOL. */
int cove__hadoop_token_read(struct cove__slice message, struct cove__hadoop_token *ret);

#endif
