/* How much a reader requests ahead of its position. Pure. */
#ifndef COVE_STREAM_WINDOW_H
#define COVE_STREAM_WINDOW_H

#include <stddef.h>

/* The widest window: as many parts at once as help, within the memory that a stream may hold. */
size_t cove__window_widest(size_t part, size_t parallel);
/* The size of the next request, `ahead` bytes after the position, in a window of `window` bytes; `most` at most. */
size_t cove__window_stretch(size_t most, size_t window, size_t ahead);

#endif
