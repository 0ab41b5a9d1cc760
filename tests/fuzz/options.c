/*
 * Named options, as lines "name=value", and S3's own that hold JSON. The first byte chooses: 'l' lines; 'c', 'k', 'a'
 * the JSON of client_kwargs, config_kwargs, s3_additional_kwargs, in which a secret may stand. What is taken is within
 * its bounds and makes no further header, and what is no JSON is not quoted.
 */
#include <string.h>

#include "base/error.h"
#include "fs/s3/s3.h"
#include "fuzz.h"

#define MARKER "S3cr3tMarker"

static bool is_one_of(const char *text, const char *choices)
{
    size_t n = strlen(text);

    for (const char *at = choices; (at = strstr(at, text)); at++) {
        if ((at == choices || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
            return n > 0;
    }
    return false;
}

/* Also of what came by JSON: it is held to the same bounds as the row itself. */
static void check_row(const struct cove__option_row *row, const void *target)
{
    const char *at = (const char *)target + row->offset, *text;
    int64_t number;
    int flag;

    switch (row->type) {
    case COVE__OPTION_BOOL:
    case COVE__OPTION_MAYBE:
        memcpy(&flag, at, sizeof flag);
        FUZZ_CHECK(flag == 0 || flag == 1 || (flag == -1 && row->type == COVE__OPTION_MAYBE));
        break;
    case COVE__OPTION_INTEGER:
    case COVE__OPTION_SIZE:
    case COVE__OPTION_DURATION:
        memcpy(&number, at, sizeof number);
        FUZZ_CHECK(number >= row->min && number <= row->max);
        break;
    case COVE__OPTION_CHOICE:
        memcpy(&text, at, sizeof text);
        FUZZ_CHECK(!text || is_one_of(text, row->choices));
        break;
    default:
        break;
    }
}

static void check_lines(struct cove__slice lines)
{
    while (lines.size > 0) {
        struct cove__slice line = fuzz_take(&lines, "\n");
        const uint8_t *colon = memchr(line.data, ':', line.size);
        FUZZ_CHECK(colon && colon[1] == ' ' && !memchr(line.data, '\r', line.size));
        FUZZ_CHECK(*line.data != ' ' && !memchr(line.data, ' ', (size_t)(colon - line.data)));
    }
}

static void take_lines(cove_options *options, struct cove__slice in)
{
    while (in.size > 0) {
        struct cove__slice value = fuzz_take(&in, "\n"), name = fuzz_take(&value, "=");
        char *n = fuzz_string(name), *v = fuzz_string(value);
        struct cove_error err = COVE_ERROR_INIT;

        int rc = cove_options_set(options, n, v, &err);
        fuzz_check_error(rc, &err);
        FUZZ_CHECK(rc < 0 || strcmp(cove_options_get(options, n), v) == 0);
        free(n);
        free(v);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cove__slice in = cove__slice(data, size);
    cove_options *options = cove_options_new();
    struct s3_options o = { 0 };
    struct cove__object_extra extra;
    struct cove_error err = COVE_ERROR_INIT;

    FUZZ_CHECK(options);
    cove__buf_init(&extra.create, (size_t)16 << 10);
    cove__buf_init(&extra.each, (size_t)16 << 10);
    uint8_t what = size > 0 ? data[0] : 'l';
    in = cove__slice_sub(in, 1, SIZE_MAX);
    if (what == 'c' || what == 'k' || what == 'a') {
        char *json = fuzz_string(in);
        cove_options_set(options,
                         what == 'c'   ? "client_kwargs"
                         : what == 'k' ? "config_kwargs"
                                       : "s3_additional_kwargs",
                         json, NULL);
        free(json);
    } else {
        take_lines(options, in);
    }
    int rc = cove__s3_options_read(options, &o, &extra, &err);
    fuzz_check_error(rc, &err);
    bool lines = what != 'c' && what != 'k' && what != 'a';
    FUZZ_CHECK(lines || !strstr(err.message, "not a JSON object") || !strstr(err.message, MARKER));
    for (const struct cove__option_row *row = cove__s3_option_rows; rc == 0 && row->name; row++)
        check_row(row, &o);
    check_lines(cove__buf_slice(&extra.create));
    check_lines(cove__buf_slice(&extra.each));
    cove__options_clear(cove__s3_option_rows, &o);
    cove__buf_done(&extra.create);
    cove__buf_done(&extra.each);
    cove_options_free(options);
    return 0;
}
