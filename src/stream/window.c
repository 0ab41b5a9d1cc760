/* See window.h. */
#include "stream/window.h"

#include "base/budget.h"

#define MIN_CHUNK  ((size_t)128 << 10) /* the least that prefetch asks for */
#define NEAR_CHUNK ((size_t)1 << 20)   /* the size of the requests for the bytes that are needed first */

size_t cove__window_widest(size_t part, size_t parallel)
{
    size_t may = part > COVE__READER_BUFFERS / 4 ? part * 4 : COVE__READER_BUFFERS;

    return part * parallel < may ? part * parallel : may;
}

/* Stretches have few sizes, so that their memory is reused, and the nearest ones are small, so that the reader need not
 * wait for all bytes of the window. Stretches of a whole part would need fewer requests. But where each connection has
 * a limited rate, as with S3, fewer connections would work at once: a file of one part would take twice as long, a
 * large one half as long again. */
size_t cove__window_stretch(size_t most, size_t window, size_t ahead)
{
    size_t chunk = MIN_CHUNK;

    while (chunk * 2 <= most && chunk * 2 <= window / 4 && (chunk * 2 <= ahead / 2 || chunk * 2 <= NEAR_CHUNK))
        chunk *= 2;
    return chunk;
}
