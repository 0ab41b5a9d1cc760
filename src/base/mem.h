/* Memory: the one door to malloc, so that a test can make the Nth allocation fail. */
#ifndef COVE_BASE_MEM_H
#define COVE_BASE_MEM_H

#include <stddef.h>

void *cove__malloc(size_t size);
void *cove__calloc(size_t count, size_t size); /* zeroed; NULL on overflow of the product */
void *cove__realloc(void *p, size_t size);     /* on failure `p` stays as it was */
void cove__free(void *p);
char *cove__strdup(const char *s);
char *cove__strndup(const char *s, size_t n); /* n bytes and a NUL, whatever the bytes are */
/* Puts a copy of `s` (NULL: NULL) into *field, which is owned and freed first. COVE_ENOMEM: *field stays as it was. */
int cove__set_string(char **field, const char *s);

/*
 * Grows an array to hold `want` items: *items and *cap are changed together, at least doubled. -1 and untouched when
 * memory is exhausted or `want` is above `max`.
 */
int cove__grow(void *items_ptr, size_t *cap, size_t want, size_t item_size, size_t max);

/* Asks the kernel for the pages of `size` bytes that are about to be written: in one go they cost less than a fault for
 * each page. To ask for those that are there costs as well, so the one in the middle is looked at first. What the
 * memory holds stays; where the kernel can't, nothing happens. */
void cove__mem_populate(void *p, size_t size);

/* Tests only: allocation number `n` from now (1 is the next) and, with `sticky`, all after it fail; 0 stops that.
 * Returns the number of allocations since the last call. */
unsigned long cove__mem_fail(unsigned long n, int sticky);

/* Tests only: counts the blocks that are freed while `text` (BORROWED, until the next call) stands in them: a secret
 * that was not overwritten. NULL stops that. Returns the count since the last call. To be called before the first
 * allocation, as memory is cleared only while it counts. */
unsigned long cove__mem_watch(const char *text);

#endif
