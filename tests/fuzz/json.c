/* JSON: tokens in an order that makes sense, within the limits, the same however the text is cut into pieces; the same
 * text by paths, alone and one level deeper. */
#include <string.h>

#include <cove/error.h>

#include "base/buf.h"
#include "fuzz.h"
#include "wire/json.h"

struct seen {
    size_t depth, tokens;
    bool after_name;
    uint64_t hash; /* of all tokens and their texts */
};

static int on_token(void *user, enum cove__json_type type, struct cove__slice text)
{
    struct seen *seen = user;

    FUZZ_CHECK(text.size <= COVE__JSON_TEXT_MAX && text.data[text.size] == '\0');
    FUZZ_CHECK(!seen->after_name || (type != COVE__JSON_NAME && type != COVE__JSON_END));
    FUZZ_CHECK(seen->depth > 0 || seen->tokens == 0);
    seen->after_name = type == COVE__JSON_NAME;
    seen->depth += type == COVE__JSON_OBJECT || type == COVE__JSON_ARRAY;
    seen->depth -= type == COVE__JSON_END;
    FUZZ_CHECK(seen->depth <= COVE__JSON_DEPTH_MAX);
    FUZZ_CHECK(type != COVE__JSON_NUMBER || strspn((const char *)text.data, "+-.0123456789eE") == text.size);
    seen->tokens++;
    seen->hash = seen->hash * 31 + (uint64_t)type;
    for (size_t i = 0; i < text.size; i++)
        seen->hash = seen->hash * 31 + text.data[i];
    return 0;
}

static int read_tokens(struct cove__slice text, size_t piece, struct seen *ret)
{
    struct cove__json_tokens t;
    char why[64];
    int rc = 0;

    *ret = (struct seen){ 0 };
    cove__json_tokens_init(&t, on_token, ret);
    for (size_t at = 0; rc == 0 && at < text.size; at += piece)
        rc = cove__json_tokens_feed(&t, cove__slice_sub(text, at, piece));
    if (rc == 0)
        rc = cove__json_tokens_end(&t);
    FUZZ_CHECK(rc == 0 || rc == COVE_EINVAL || rc == COVE_ELIMIT);
    FUZZ_CHECK((rc == COVE_EINVAL) != !t.problem);
    FUZZ_CHECK(rc < 0 || ret->depth == 0);
    if (t.problem)
        cove__json_tokens_problem(&t, why, sizeof why);
    cove__json_tokens_done(&t);
    return rc;
}

static int on_value(void *user, const char *path, enum cove__json_type type, const char *text)
{
    size_t *values = user;

    ++*values;
    FUZZ_CHECK(strlen(path) <= COVE__JSON_PATH_MAX && type <= COVE__JSON_STRING);
    FUZZ_CHECK(type != COVE__JSON_NULL || strcmp(text, "null") == 0);
    FUZZ_CHECK(type != COVE__JSON_BOOL || strcmp(text, "true") == 0 || strcmp(text, "false") == 0);
    return 0;
}

static int on_end(void *user, const char *path)
{
    FUZZ_CHECK(strlen(path) <= COVE__JSON_PATH_MAX);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct cove__json_handler handler = { on_value, on_end };
    struct cove__slice in = cove__slice(data, size);
    char why[64] = "";
    size_t values = 0, again = 0;
    struct seen whole, cut;
    struct cove__buf nested = COVE__BUF_INIT(COVE__JSON_SIZE_MAX + 64);

    fuzz_peak_begin();
    int by_tokens = read_tokens(in, size + 1, &whole);
    FUZZ_CHECK(fuzz_peak() <= ((size_t)1 << 10) + 16 * size);
    for (size_t piece = 1; piece <= 16; piece *= 4) {
        FUZZ_CHECK(read_tokens(in, piece, &cut) == by_tokens);
        FUZZ_CHECK(cut.tokens == whole.tokens && cut.hash == whole.hash);
    }

    fuzz_peak_begin();
    int rc = cove__json_read(in, &handler, &values, why, sizeof why);
    FUZZ_CHECK(rc == 0 || rc == COVE_EINVAL || rc == COVE_ELIMIT);
    FUZZ_CHECK(rc != 0 || by_tokens == 0);
    FUZZ_CHECK(rc != COVE_EINVAL || (why[0] != '\0' && strnlen(why, sizeof why) < sizeof why));
    FUZZ_CHECK(fuzz_peak() <= ((size_t)1 << 16) + 16 * size);

    /* One level deeper the same values stand, unless that is too deep or too long. */
    if (rc == 0 && size < COVE__JSON_SIZE_MAX - 16) {
        cove__buf_add_str(&nested, "{\"a\":");
        cove__buf_add(&nested, data, size);
        cove__buf_add_char(&nested, '}');
        rc = cove__json_read(cove__buf_slice(&nested), &handler, &again, why, sizeof why);
        FUZZ_CHECK(rc == COVE_ELIMIT || (rc == 0 && again == values));
    }
    cove__buf_done(&nested);
    return 0;
}
