/* JSON, value by value: paths and values within the limits; an object made of what was read is read again. */
#include <string.h>

#include <cove/error.h>

#include "base/buf.h"
#include "fuzz.h"
#include "wire/json.h"

#define PATH_MAX_BYTES 4096

static int on_value(void *user, const char *path, enum cove__json_type type, const char *text)
{
    size_t *values = user;

    ++*values;
    FUZZ_CHECK(strlen(path) <= PATH_MAX_BYTES);
    switch (type) {
    case COVE__JSON_NULL:
        FUZZ_CHECK(strcmp(text, "null") == 0);
        break;
    case COVE__JSON_BOOL:
        FUZZ_CHECK(strcmp(text, "true") == 0 || strcmp(text, "false") == 0);
        break;
    case COVE__JSON_NUMBER:
        FUZZ_CHECK(text[0] != '\0' && text[strspn(text, "+-.0123456789e")] == '\0');
        break;
    case COVE__JSON_STRING:
        break;
    }
    return *values < 100000 ? 0 : COVE_ESTATE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[64] = "";
    size_t values = 0, again = 0;
    struct cove__buf nested = COVE__BUF_INIT(COVE__JSON_SIZE_MAX + 64);

    fuzz_peak_begin();
    int rc = cove__json_read(cove__slice(data, size), on_value, &values, why, sizeof why);
    FUZZ_CHECK(rc == 0 || rc == COVE_EINVAL || rc == COVE_ELIMIT || rc == COVE_ESTATE);
    FUZZ_CHECK(rc != COVE_EINVAL || (why[0] != '\0' && strnlen(why, sizeof why) < sizeof why));
    FUZZ_CHECK(fuzz_peak() <= ((size_t)1 << 18) + 256 * size);

    /* One level deeper the same values stand, unless that is too deep or too long. */
    if (rc == 0 && size < COVE__JSON_SIZE_MAX - 16) {
        cove__buf_add_str(&nested, "{\"a\":");
        cove__buf_add(&nested, data, size);
        cove__buf_add_char(&nested, '}');
        rc = cove__json_read(cove__buf_slice(&nested), on_value, &again, why, sizeof why);
        FUZZ_CHECK(rc == COVE_ELIMIT || (rc == 0 && again == values));
    }
    cove__buf_done(&nested);
    return 0;
}
