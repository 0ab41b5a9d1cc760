/* The one door to malloc: see mem.h. Below everything else. */
#include "base/mem.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cove/error.h>
#include <cove/fs.h>

static atomic_ulong allocations;
static atomic_ulong fail_at; /* 0: never */
static atomic_int fail_sticky;
static _Atomic(const char *) watched; /* NULL: nothing */
static atomic_ulong unwiped;

static int refused(void)
{
    unsigned long n = atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed) + 1;
    unsigned long at = atomic_load_explicit(&fail_at, memory_order_relaxed);

    return at != 0 && (n == at || (n > at && atomic_load_explicit(&fail_sticky, memory_order_relaxed)));
}

unsigned long cove__mem_fail(unsigned long n, int sticky)
{
    atomic_store(&fail_at, 0);
    unsigned long seen = atomic_exchange(&allocations, 0);
    atomic_store(&fail_sticky, sticky);
    atomic_store(&fail_at, n);
    return seen;
}

unsigned long cove__mem_watch(const char *text)
{
    atomic_store(&watched, text);
    return atomic_exchange(&unwiped, 0);
}

static void look(void *p)
{
    const char *text = atomic_load_explicit(&watched, memory_order_relaxed);

    if (text && p && memmem(p, malloc_usable_size(p), text, strlen(text)))
        atomic_fetch_add(&unwiped, 1);
}

/* What a block held before is not what this one holds. */
static void *cleared(void *p)
{
    if (p && atomic_load_explicit(&watched, memory_order_relaxed))
        memset(p, 0, malloc_usable_size(p));
    return p;
}

void *cove__malloc(size_t size)
{
    return refused() ? NULL : cleared(malloc(size ? size : 1));
}

void *cove__calloc(size_t count, size_t size)
{
    return refused() ? NULL : cleared(calloc(count ? count : 1, size ? size : 1));
}

void *cove__realloc(void *p, size_t size)
{
    if (refused())
        return NULL;
    if (!atomic_load_explicit(&watched, memory_order_relaxed))
        return realloc(p, size ? size : 1);
    void *moved = cleared(malloc(size ? size : 1));
    if (moved && p) {
        size_t old = malloc_usable_size(p);
        memcpy(moved, p, old < size ? old : size);
        cove__free(p);
    }
    return moved;
}

void cove__free(void *p)
{
    look(p);
    free(p);
}

void cove_free(void *p)
{
    cove__free(p);
}

char *cove__strndup(const char *s, size_t n)
{
    char *copy = n == SIZE_MAX ? NULL : cove__malloc(n + 1);

    if (!copy)
        return NULL;
    if (n > 0)
        memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

int cove__set_string(char **field, const char *s)
{
    char *copy = s ? cove__strdup(s) : NULL;

    if (s && !copy)
        return COVE_ENOMEM;
    cove__free(*field);
    *field = copy;
    return 0;
}

char *cove__strdup(const char *s)
{
    return cove__strndup(s, strlen(s));
}

int cove__grow(void *items_ptr, size_t *cap, size_t want, size_t item_size, size_t max)
{
    void *items;
    size_t grown = *cap ? *cap : 8;

    if (want <= *cap)
        return 0;
    if (want > max || max > SIZE_MAX / item_size)
        return -1;
    while (grown < want)
        grown = grown > max / 2 ? max : grown * 2;
    memcpy(&items, items_ptr, sizeof items);
    items = cove__realloc(items, grown * item_size);
    if (!items)
        return -1;
    memcpy(items_ptr, &items, sizeof items);
    *cap = grown;
    return 0;
}

void cove__mem_populate(void *p, size_t size)
{
#ifdef MADV_POPULATE_WRITE
    size_t page = (size_t)sysconf(_SC_PAGESIZE), within = (uintptr_t)p % page;
    uint8_t *from = (uint8_t *)p - within, *middle = from + (size + within) / 2 / page * page;
    unsigned char there;

    if (mincore(middle, page, &there) == 0 && !(there & 1))
        madvise(from, size + within, MADV_POPULATE_WRITE);
#else
    (void)p;
    (void)size;
#endif
}
