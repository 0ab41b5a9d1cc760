/*
 * Hadoop's files of settings: <configuration> with its properties. Sites write them with all that XML offers, so
 * internal entities are replaced here, within limits, and what stands in another file is fetched by the caller.
 */
#ifndef COVE_WIRE_HADOOP_CONF_H
#define COVE_WIRE_HADOOP_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/slice.h"

#define COVE__HADOOP_CONF_TEXT_MAX  ((size_t)64 << 10) /* of a name or a value */
#define COVE__HADOOP_CONF_TOTAL_MAX ((size_t)8 << 20)  /* of all, entities replaced */
#define COVE__HADOOP_CONF_DEPTH_MAX 32                 /* of elements */
#define COVE__HADOOP_CONF_WHY_MAX   256

/* All stop the reading with what they return below 0, which the reading then returns. */
struct cove__hadoop_conf_handler {
    /* A property; without spaces around name and value. BORROWED for the call. */
    int (*setting)(void *user, const char *name, const char *value, bool final, unsigned long line);
    /* Reads the file that stands here. COVE_ENOTFOUND: there is none, and the <fallback> stands for it. */
    int (*include)(void *user, const char *href);
    /* The text of an entity that is a file, into the empty `out`. */
    int (*entity)(void *user, const char *href, struct cove__buf *out);
};
/* 0; COVE_EPROTOCOL, with *ret_line and why; COVE_ENOMEM; or the handler's. */
int cove__hadoop_conf_read(struct cove__slice document, const struct cove__hadoop_conf_handler *handler, void *user,
                           unsigned long *ret_line, char ret_why[COVE__HADOOP_CONF_WHY_MAX]);

#endif
