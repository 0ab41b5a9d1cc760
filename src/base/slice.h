/* A borrowed run of bytes, passed by value; what every parser takes. */
#ifndef COVE_BASE_SLICE_H
#define COVE_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cove__slice {
    const uint8_t *data; /* may be NULL where size is 0 */
    size_t size;
};

static inline struct cove__slice cove__slice(const void *data, size_t size)
{
    return (struct cove__slice){ data, size };
}

static inline struct cove__slice cove__slice_str(const char *s)
{
    return (struct cove__slice){ (const uint8_t *)s, strlen(s) };
}

static inline bool cove__slice_eq(struct cove__slice a, struct cove__slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool cove__slice_is(struct cove__slice a, const char *s)
{
    return cove__slice_eq(a, cove__slice_str(s));
}

/* By bytes, the shorter first where it begins the other; below, at or above 0. */
static inline int cove__slice_compare(struct cove__slice a, struct cove__slice b)
{
    size_t n = a.size < b.size ? a.size : b.size;
    int order = n > 0 ? memcmp(a.data, b.data, n) : 0;

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* The part from `offset` on, at most `size` bytes; empty where there is none. */
static inline struct cove__slice cove__slice_sub(struct cove__slice s, size_t offset, size_t size)
{
    if (offset > s.size)
        offset = s.size;
    if (size > s.size - offset)
        size = s.size - offset;
    return (struct cove__slice){ s.data ? s.data + offset : NULL, size };
}

#endif
