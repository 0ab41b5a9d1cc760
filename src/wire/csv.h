/* Rows of CSV as Python's csv module reads and writes them by default: commas, quotes where needed and doubled inside,
 * CR LF. */
#ifndef COVE_WIRE_CSV_H
#define COVE_WIRE_CSV_H

#include <stddef.h>

#include "base/buf.h"
#include "base/slice.h"

#define COVE__CSV_ROW_MAX   ((size_t)16 << 20) /* bytes of one row */
#define COVE__CSV_CELLS_MAX ((size_t)64 << 10)

/* The cells of one row, as C strings, one after the other. */
struct cove__csv_row {
    struct cove__buf text;
    size_t *starts; /* owned: where each cell begins in `text` */
    size_t n, cap;
};

#define COVE__CSV_ROW_INIT ((struct cove__csv_row){ .text = COVE__BUF_INIT(COVE__CSV_ROW_MAX + COVE__CSV_CELLS_MAX) })

void cove__csv_row_done(struct cove__csv_row *row);
static inline const char *cove__csv_cell(const struct cove__csv_row *row, size_t i)
{
    return (const char *)row->text.data + row->starts[i];
}

/* The row at the front of `in`: 1 with its cells and its size with the line's end; 0 where `in` ends before the line
 * does; COVE_ELIMIT (a row or the number of cells), COVE_ENOMEM. An empty line is a row of one empty cell. A NUL byte
 * ends a cell's string. */
int cove__csv_next(struct cove__slice in, struct cove__csv_row *row, size_t *ret_size);

void cove__csv_put(struct cove__buf *b, const char *cell); /* quoted where needed */

#endif
