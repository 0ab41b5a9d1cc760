/* What a backend needs for moves that its store does in one operation. */
#ifndef COVE_FS_OBJECT_MOVE_H
#define COVE_FS_OBJECT_MOVE_H

#include "fs/object/name.h"
#include "fs/object/steps.h"

/* Of one bucket. BORROWED. */
struct cove__object_move {
    struct cove__object_name from, to;
    const char *version; /* only if `from` has this one; NULL: whatever it has, or it is a directory */
};

#endif
