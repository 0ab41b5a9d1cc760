/* Copies from a reader to a writer, moving the bytes once: into the writer's parts, or out of the reader's window. */
#include "stream/copy.h"

#define STEP                                                                                                           \
    ((int64_t)1 << 20) /* read from a file into a part at once: still in the cache if it is sent right away            \
                        */

int64_t cove_writer_copy_from(cove_writer *writer, cove_reader *from, size_t at_most, struct cove_error *err)
{
    int64_t most = at_most < (size_t)INT64_MAX ? (int64_t)at_most : INT64_MAX;
    const void *data = NULL;
    uint8_t *room = NULL;
    int64_t n;
    int rc;

    if (cove__reader_is_direct(from)) {
        if (cove_reader_tell(from) >= cove_reader_size(from))
            return 0; /* do not send a part to make room yet: a file that fits in one part needs no upload */
        n = cove__writer_room(writer, &room, err);
        if (n <= 0)
            return n;
        n = n < most ? n : most;
        n = cove_reader_read(from, room, (size_t)(n < STEP ? n : STEP), err);
        if (n > 0)
            cove__writer_filled(writer, (size_t)n);
        return n;
    }
    n = cove_reader_next(from, &data, at_most, err);
    if (n <= 0)
        return n;
    rc = cove_writer_write(writer, data, (size_t)n, err);
    return rc < 0 ? rc : n;
}
