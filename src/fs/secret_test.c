/* A store's keys and tokens are overwritten when they are no longer needed: a core dump does not show them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cove/cove.h>

#include "base/mem.h"

#define KEY256 "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

/* Nothing listens at this port, so each request is made, but not sent. */
#define NOWHERE "endpoint_url", "http://127.0.0.1:1"

static const struct row {
    const char *url, *secret;
    const char *options[12]; /* names and values */
} rows[] = {
    { "gs://b/x", KEY256, { NOWHERE, "token", "anon", "encryption_key", KEY256 } },
    { "gs://b/x", "ya29.an-access-token", { NOWHERE, "token", "ya29.an-access-token" } },
    { "s3://b/x",
      KEY256,
      { NOWHERE, "key", "AKIDAKID", "secret", "s", "s3_additional_kwargs",
        "{\"SSECustomerAlgorithm\": \"AES256\", \"SSECustomerKey\": \"" KEY256 "\"}" } },
    { "s3://b/x", "a-secret-access-key", { NOWHERE, "key", "AKIDAKID", "secret", "a-secret-access-key" } },
    { "s3://b/x", "a-session-token", { NOWHERE, "key", "AKIDAKID", "secret", "s", "token", "a-session-token" } },
    { "az://b/x", KEY256, { NOWHERE, "account_name", "a", "account_key", KEY256 } },
    { "webhdfs://127.0.0.1:1/x", "a-delegation-token", { "token", "a-delegation-token" } },
    { "webhdfs://127.0.0.1:1/x", "a-password", { "user", "u", "password", "a-password" } },
    { "az://b/x", "sig=a-signature", { NOWHERE, "account_name", "a", "sas_token", "sv=2022&sp=r&sig=a-signature" } },
};

static void use(const struct row *row)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct cove_call call = COVE_CALL_INIT;
    cove_options *options = cove_options_new();
    cove_fs *fs = NULL, *same = NULL;
    cove_info *info = NULL;
    char *path = NULL;

    for (size_t i = 0; row->options[i]; i += 2)
        assert_int_equal(cove_options_set(options, row->options[i], row->options[i + 1], &err), 0);
    assert_int_equal(cove_options_set(options, "retries", "0", &err), 0);
    if (cove_fs_from_url(row->url, options, &fs, &path, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(cove_fs_from_url(row->url, options, &same, NULL, &err), 0);
    cove_fs_unref(same);
    cove_options_free(options);
    assert_int_equal(cove_fs_stat(fs, path, &call, &info, &err), COVE_ENETWORK);
    int rc = cove_fs_write_file(fs, path, "abc", 3, &call, &err);
    assert_int_equal(rc, COVE_ENETWORK);
    cove_free(path);
    cove_fs_unref(fs);
}

static void nothing_stays(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cove__mem_watch(rows[i].secret);
        use(&rows[i]);
        unsigned long n = cove__mem_watch(NULL);
        if (n > 0)
            fail_msg("%s: %s was freed as it was, %lu times", rows[i].url, rows[i].secret, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_stays) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
