/* AWS's shared files, as ~/.aws/config and as ~/.aws/credentials: read once more they say the same, and what they say
 * is one trimmed line. */
#include <string.h>

#include <cove/error.h>

#include "auth/aws_config.h"
#include "base/mem.h"
#include "fuzz.h"

static void check_value(const char *text, size_t size)
{
    size_t n = text ? strlen(text) : 0;

    FUZZ_CHECK(n <= size);
    FUZZ_CHECK(n == 0 || (strcspn(text, "\n") == n && !strchr(" \t\r", text[0]) && !strchr(" \t\r", text[n - 1])));
}

static int same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void parse(struct cove__slice text, bool is_config)
{
    struct cove__aws_profile profile = { .name = cove__strdup("x") }, before = { 0 };
    unsigned line = 0, lines = 1;

    FUZZ_CHECK(profile.name);
    for (size_t i = 0; i < text.size; i++)
        lines += text.data[i] == '\n';
    int rc = cove__aws_profile_parse(text, is_config, &profile, &line);
    /* As the loader does it: a services section may stand before the profile that names it, and is judged only then. */
    if (rc == 0)
        rc = cove__aws_profile_parse(text, is_config, &profile, &line);
    FUZZ_CHECK(rc == 0 || (rc == COVE_EINVAL && line >= 1 && line <= lines));
    const char *const values[] = { profile.access_key_id, profile.region, profile.services, profile.s3_endpoint_url };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        check_value(values[i], text.size);
    if (rc == 0) {
        before.access_key_id = values[0] ? cove__strdup(values[0]) : NULL;
        before.region = values[1] ? cove__strdup(values[1]) : NULL;
        FUZZ_CHECK(cove__aws_profile_parse(text, is_config, &profile, &line) == 0);
        FUZZ_CHECK(same(before.access_key_id, profile.access_key_id) && same(before.region, profile.region));
    }
    cove__aws_profile_done(&before);
    cove__aws_profile_done(&profile);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    parse(cove__slice(data, size), true);
    parse(cove__slice(data, size), false);
    return 0;
}
