/* Between csv_reader.c and csv_writer.c. */
#ifndef COVE_EVENTS_CSV_H
#define COVE_EVENTS_CSV_H

#include <cove/events.h>
#include <cove/stream.h>

/* The file that the rows are read from; BORROWED until the close. */
cove_reader *cove__csv_reader_file(const cove_csv_reader *reader);

#endif
