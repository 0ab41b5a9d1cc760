/* The digests of one object's parts: made by the writer, which also looks for equal parts in those of an older object.
 */
#ifndef COVE_STREAM_PARTS_H
#define COVE_STREAM_PARTS_H

#include <stdbool.h>

#include <cove/stream.h>

#include "base/slice.h"

#define COVE__PARTS_MAX   ((size_t)10000)
#define COVE__DIGEST_SIZE 32 /* SHA-256 */

struct cove_parts {
    char *store; /* the backend's name, owned like the next two */
    char *path;  /* canonical */
    char *etag;  /* NULL: not known, so nothing can be copied from the object */
    int64_t size;
    size_t part_size; /* of all parts but the last */
    uint8_t (*digests)[COVE__DIGEST_SIZE];
    size_t n, cap;
};

struct cove_parts *cove__parts_new(const char *store, const char *path, size_t part_size); /* NULL: no memory */
/* 0, COVE_ENOMEM, COVE_ELIMIT. */
int cove__parts_add(struct cove_parts *parts, const uint8_t digest[COVE__DIGEST_SIZE], size_t size);
/* Where the object has a part of these bytes: at the place `likely` rather than elsewhere. */
bool cove__parts_find(const struct cove_parts *parts, size_t likely, const uint8_t digest[COVE__DIGEST_SIZE],
                      size_t size, int64_t *ret_offset);

#endif
