/*
 * The head of a response and the values in it. The first byte chooses: lines of a head ('h'), or one value that is read
 * as each thing that a header may hold: a wait, a date, a checksum.
 */
#include <string.h>
#include <time.h>

#include <cove/error.h>

#include "base/clock.h"
#include "fuzz.h"
#include "net/header.h"
#include "net/retry.h"
#include "wire/digest.h"

#define HEAD_MAX ((size_t)256 << 10)

/* Every line is one header, and the first of its name is what is found under that name. */
static void check_head(struct cove__slice head)
{
    for (struct cove__slice rest = head; rest.size > 0;) {
        struct cove__slice line = fuzz_take(&rest, "\n");
        const uint8_t *colon = line.size > 0 ? memchr(line.data, ':', line.size) : NULL;

        FUZZ_CHECK(colon && colon > line.data && colon + 1 < line.data + line.size && colon[1] == ' ');
        char *name = fuzz_string(cove__slice(line.data, (size_t)(colon - line.data)));
        char *out = malloc(line.size + 1), tiny[4];
        FUZZ_CHECK(out);
        for (const char *p = name; *p; p++)
            FUZZ_CHECK(*p > ' ' && *p <= '~');
        FUZZ_CHECK(!memchr(line.data, '\r', line.size) && !memchr(line.data, '\0', line.size));
        if (name[0] != '\0' && cove__header_find(head, name, out, line.size + 1))
            FUZZ_CHECK(strlen(out) <= line.size && memmem(head.data, head.size, out, strlen(out)));
        if (cove__header_find(head, name, tiny, sizeof tiny))
            FUZZ_CHECK(strlen(tiny) < sizeof tiny);
        free(name);
        free(out);
    }
}

static void head(struct cove__slice in)
{
    struct cove__buf kept = COVE__BUF_INIT(HEAD_MAX);
    int64_t length;
    int rc = 0;

    while (rc == 0 && in.size > 0) {
        size_t before = kept.size;
        struct cove__slice line = in;
        size_t taken = fuzz_take(&in, "\n").size + 1;

        line = cove__slice_sub(line, 0, taken);
        rc = cove__header_add(&kept, line);
        FUZZ_CHECK(rc < 0 || kept.size <= before + line.size + 3);
    }
    FUZZ_CHECK(rc == 0 || rc == COVE_ELIMIT);
    if (rc == 0)
        check_head(cove__buf_slice(&kept));
    if (rc == 0 && cove__header_content_length(cove__buf_slice(&kept), &length) == 0)
        FUZZ_CHECK(length >= -1);
    cove__buf_done(&kept);
}

static void value(const char *text)
{
    static const int64_t wall_ns = INT64_C(1800000000) * COVE__SEC;
    static const int64_t last_ns = INT64_C(7289654400) * COVE__SEC; /* of the year 2200 */
    char basic[17], again[64];
    uint32_t crc;

    int64_t wait_ns = cove__retry_after_ns(text, wall_ns);
    FUZZ_CHECK(wait_ns >= -1 && wait_ns <= COVE__RETRY_AFTER_MAX_MS * COVE__MS);

    int64_t at_ns = cove__parse_http_date(text);
    FUZZ_CHECK(at_ns >= -1 && at_ns <= last_ns);
    if (at_ns >= 0) {
        time_t seconds = (time_t)(at_ns / COVE__SEC);
        struct tm tm;
        FUZZ_CHECK(gmtime_r(&seconds, &tm) && strftime(again, sizeof again, "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0);
        FUZZ_CHECK(cove__parse_http_date(again) == at_ns);
    }
    at_ns = cove__parse_iso8601(text);
    FUZZ_CHECK(at_ns >= -1 && at_ns <= last_ns + INT64_C(86400) * COVE__SEC); /* of a zone west of Greenwich */
    if (at_ns >= 0) {
        cove__format_iso8601_basic(at_ns, basic);
        FUZZ_CHECK(strlen(basic) == 16 && basic[8] == 'T' && basic[15] == 'Z');
    }
    if (cove__base64_to_be32(text, &crc)) {
        char base64[COVE__BASE64_SIZE(4)];
        cove__base64_be32(crc, base64);
        FUZZ_CHECK(strcmp(base64, text) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cove__slice in = cove__slice(data, size);

    if (size == 0)
        return 0;
    if (data[0] == 'h') {
        head(cove__slice_sub(in, 1, SIZE_MAX));
    } else {
        char *text = fuzz_string(cove__slice_sub(in, 1, SIZE_MAX));
        value(text);
        free(text);
    }
    return 0;
}
