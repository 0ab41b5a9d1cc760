/* libcove: filesystems, streams, the completion queue, checkpoints and logs of a run. The trainer has its own header,
 * <cove/trainer.h>.
 *
 * A struct that begins with `size` is initialised with its macro, whose name ends in _INIT, before members are set.
 * Each call that takes one fails with COVE_EINVAL if its size is not set, also where NULL stands for the defaults. A
 * program that was compiled against an older header has smaller structs: what these lack has its default. Only struct
 * cove_error is never refused: without its size it has no message. */
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
