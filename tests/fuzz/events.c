/* Fuzzes what src/events parses. The first byte chooses: records of a file, the message of one record (its checksum
 * would stop a fuzzer), or rows of CSV. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "events/event.h"
#include "events/record.h"
#include "wire/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void message(struct cove__slice payload)
{
    struct cove__buf strings = COVE__BUF_INIT(1 << 20);
    struct cove__event_cursor cursor;
    struct cove_event event;

    if (cove__event_open(payload, &cursor) == 0) {
        while (cove__event_next(&cursor, &strings, &event) == 1) {
            require(strlen(event.tag) <= payload.size);
            require(!event.text || strlen(event.text) <= payload.size);
        }
    }
    cove__buf_done(&strings);
}

static void records(struct cove__slice in)
{
    struct cove__slice payload;
    size_t taken;

    while (cove__record_next(in, &payload, &taken) == 1) {
        require(taken == payload.size + COVE__RECORD_OVERHEAD && taken <= in.size);
        message(payload);
        in = cove__slice_sub(in, taken, in.size);
    }
}

/* What is read of a row and written again is read as the same cells. */
static void csv(struct cove__slice in)
{
    struct cove__csv_row row = COVE__CSV_ROW_INIT, again = COVE__CSV_ROW_INIT;
    struct cove__buf text = COVE__BUF_INIT((size_t)64 << 20);
    size_t taken, length;

    while (cove__csv_next(in, &row, &taken) == 1) {
        require(taken > 0 && taken <= in.size && row.n > 0);
        cove__buf_reset(&text);
        for (size_t i = 0; i < row.n; i++) {
            if (i > 0)
                cove__buf_add_char(&text, ',');
            cove__csv_put(&text, cove__csv_cell(&row, i));
        }
        cove__buf_add_str(&text, "\r\n");
        require(cove__csv_next(cove__buf_slice(&text), &again, &length) == 1 && length == text.size &&
                again.n == row.n);
        for (size_t i = 0; i < row.n; i++)
            require(strcmp(cove__csv_cell(&row, i), cove__csv_cell(&again, i)) == 0);
        in = cove__slice_sub(in, taken, in.size);
    }
    cove__csv_row_done(&row);
    cove__csv_row_done(&again);
    cove__buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cove__slice in = cove__slice(data + (size > 0), size > 0 ? size - 1 : 0);

    if (size == 0)
        return 0;
    if (data[0] == 'r')
        records(in);
    else if (data[0] == 'c')
        csv(in);
    else
        message(in);
    return 0;
}
