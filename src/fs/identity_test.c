/* What the process knows of a store is not mixed with what it knows of another one behind the same host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cove/cove.h>

#include "fs/fs_impl.h"
#include "fs/object/object.h"

static cove_fs *open_at(const char *url, const char *endpoint)
{
    static const char *const options[] = { "key", "k", "secret", "s", NULL };
    static const char *const of_azure[] = { "account_name", "a", "anon", "true", NULL };
    static const char *const of_google[] = { "token", "anon", NULL };
    const char *const *pairs = url[0] == 'g' ? of_google : url[0] == 'a' ? of_azure : options;
    struct cove_error err = COVE_ERROR_INIT;
    cove_options *o = cove_options_new();
    cove_fs *fs = NULL;

    assert_int_equal(cove_options_set(o, "endpoint_url", endpoint, &err), 0);
    for (size_t i = 0; pairs[i]; i += 2)
        assert_int_equal(cove_options_set(o, pairs[i], pairs[i + 1], &err), 0);
    if (cove_fs_from_url(url, o, &fs, NULL, &err) < 0)
        fail_msg("%s", err.message);
    cove_options_free(o);
    return fs;
}

static const struct cove__object_known *known(const cove_fs *fs)
{
    return ((const struct cove__object_store *)fs->self)->known;
}

static void test_identity(void **state)
{
    static const char *const urls[] = { "s3://b/x", "gs://b/x", "az://b/x" };
    static const struct {
        const char *one, *other;
        bool same;
    } rows[] = {
        { "http://h.example/a", "http://h.example/b", false },
        { "http://h.example/a", "https://h.example/a", false },
        { "http://h.example/a", "http://h.example:81/a", false },
        { "http://h.example/a", "http://H.example/a", true },
        { "http://h.example/a", "http://h.example/a/", true },
    };

    for (size_t k = 0; k < sizeof urls / sizeof urls[0]; k++) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            cove_fs *one = open_at(urls[k], rows[i].one), *other = open_at(urls[k], rows[i].other);

            if ((known(one) == known(other)) != rows[i].same)
                fail_msg("%s at %s and %s", urls[k], rows[i].one, rows[i].other);
            cove_fs_unref(one);
            cove_fs_unref(other);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_identity) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
