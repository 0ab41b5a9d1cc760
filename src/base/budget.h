/* The process's memory for transfer buffers: 256 MiB by default, shared by all streams.
 * It never waits, so that streams cannot deadlock each other: a stream may always hold one buffer (`entitled`), and
 * gets more only while there is room. */
#ifndef COVE_BASE_BUDGET_H
#define COVE_BASE_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

#define COVE__BUDGET_DEFAULT ((size_t)256 << 20)
/* One stream's share of it, unless four parts need more: a far store sends or takes about this much in a round trip.
 * With the memory of its connections a stream stays within 96 MiB. */
#define COVE__READER_BUFFERS ((size_t)76 << 20)
#define COVE__WRITER_BUFFERS ((size_t)80 << 20)

/* Memory of `size` bytes, or NULL: no room now (not `entitled`), or none at all. Freed pages are reused. */
void *cove__budget_get(size_t size, bool entitled);
void cove__budget_put(void *p, size_t size); /* NULL accepted */
size_t cove__budget_used(void);
void cove__budget_set(size_t limit); /* tests */

#endif
