/* See window.h. */
#include "stream/window.h"

#include "base/budget.h"

#define MIN_CHUNK  ((size_t)128 << 10) /* the least that prefetch asks for */
#define NEAR_CHUNK ((size_t)1 << 20)   /* what is needed soonest is asked for by so much */

size_t cove__window_widest(size_t part, size_t parallel)
{
    size_t may = part > COVE__READER_BUFFERS / 4 ? part * 4 : COVE__READER_BUFFERS;

    return part * parallel < may ? part * parallel : may;
}

/* Stretches of few sizes, so that their memory goes from one to the next, and the nearest ones small, so that the
 * reader need not wait for all of them. Stretches of a whole part would be fewer requests, but where each connection
 * has a limit, as those of S3 do, a file of one part would take twice as long, and a large one half as long again: so
 * many fit into a window at once. */
size_t cove__window_stretch(size_t most, size_t window, size_t ahead)
{
    size_t chunk = MIN_CHUNK;

    while (chunk * 2 <= most && chunk * 2 <= window / 4 && (chunk * 2 <= ahead / 2 || chunk * 2 <= NEAR_CHUNK))
        chunk *= 2;
    return chunk;
}
