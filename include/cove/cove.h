/* libcove: filesystems, streams, the completion queue, checkpoints and logs of a run. The trainer has its own header,
 * <cove/trainer.h>. */
#ifndef COVE_COVE_H
#define COVE_COVE_H

#include <cove/call.h>
#include <cove/checkpoint.h>
#include <cove/error.h>
#include <cove/events.h>
#include <cove/export.h>
#include <cove/fs.h>
#include <cove/log.h>
#include <cove/options.h>
#include <cove/queue.h>
#include <cove/stream.h>
#include <cove/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COVE_VERSION_MAJOR 0
#define COVE_VERSION_MINOR 1
#define COVE_VERSION_PATCH 0

/* The version of the library at run time, "0.1.0"; static. */
COVE_API const char *cove_version(void);

#ifdef __cplusplus
}
#endif
#endif
