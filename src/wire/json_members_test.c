/* Members are delimited correctly, and anything that is not an object is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <cove/error.h>

#include "wire/json_members.h"

/* "key=value;" for each member, then the result. */
static void cut(const char *text, char *out, size_t size)
{
    struct cove__json_members members = { .text = cove__slice_str(text) };
    struct cove__slice key, value;
    size_t n = 0;
    int rc;

    while ((rc = cove__json_member(&members, &key, &value)) == 1)
        n += (size_t)snprintf(out + n, size - n, "%.*s=%.*s;", (int)key.size, (const char *)key.data, (int)value.size,
                              (const char *)value.data);
    snprintf(out + n, size - n, "%s", rc == 0 ? "end" : rc == COVE_EINVAL ? "no" : "?");
}

static void objects(void **state)
{
    static const struct {
        const char *text, *cut;
    } rows[] = {
        { "{}", "end" },
        { " { } ", "end" },
        { "{\"a\":1}", "\"a\"=1;end" },
        { "{ \"a\" : 1 , \"b\" : \"x\" }\n", "\"a\"=1;\"b\"=\"x\";end" },
        { "{\"a\":{\"b\":[1,{}]},\"c\":[]}", "\"a\"={\"b\":[1,{}]};\"c\"=[];end" },
        { "{\"a\":\"}\\\"{\",\"\\\\\":null}", "\"a\"=\"}\\\"{\";\"\\\\\"=null;end" },
        { "{\"a\":-1.5e3,\"b\":true}", "\"a\"=-1.5e3;\"b\"=true;end" },
        { "", "no" },
        { "[]", "no" },
        { "{", "no" },
        { "{}{}", "no" },
        { "{\"a\"", "no" },
        { "{\"a\":", "no" },
        { "{\"a\":}", "no" },
        { "{\"a\":1", "\"a\"=1;no" },
        { "{\"a\":[1}", "\"a\"=[1};no" }, /* values are not checked */
        { "{\"a\":[[[", "no" },
        { "{\"a\":\"x", "no" },
        { "{\"a\":\"x\\", "no" },
        { "{a:1}", "no" },
        { "{\"a\" 1}", "no" },
        { "{,\"a\":1}", "no" },
        { "{\"a\":1,}", "\"a\"=1;no" },
        { "{\"a\":1 \"b\":2}", "\"a\"=1;no" },
        { "{\"a\":1]", "\"a\"=1;no" },
        { "{\"a\":]}", "no" },
    };
    char out[256];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cut(rows[i].text, out, sizeof out);
        if (strcmp(out, rows[i].cut) != 0)
            fail_msg("%s: %s", rows[i].text, out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(objects) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
