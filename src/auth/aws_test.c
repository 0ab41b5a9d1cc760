/* AWS's shared files and the chain of credentials: what is read, in which order, and what is said where there is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/aws_credentials.h"
#include "base/mem.h"

static char folder[64], config_file[96], credentials_file[96];

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    fclose(f);
}

static int set_up(void **state)
{
    static const char *const names[] = {
        "AWS_PROFILE",           "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",   "AWS_WEB_IDENTITY_TOKEN_FILE"
    };
    strcpy(folder, "/tmp/cove-aws-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(config_file, sizeof config_file, "%s/config", folder);
    snprintf(credentials_file, sizeof credentials_file, "%s/credentials", folder);
    setenv("AWS_CONFIG_FILE", config_file, 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", credentials_file, 1);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unsetenv(names[i]);
    return 0;
}

static int tear_down(void **state)
{
    unlink(config_file);
    unlink(credentials_file);
    return rmdir(folder);
}

static void test_both_files(void **state)
{
    struct cove__aws_profile p;
    struct cove_error err = COVE_ERROR_INIT;

    write_file(config_file, "# a comment\r\n"
                            "[default]\r\n"
                            "region = eu-west-1\r\n"
                            "[profile  team]\n"
                            "REGION: us-west-2\n"
                            "aws_access_key_id = FROM_CONFIG\n"
                            "aws_secret_access_key = s#t;u\n" /* a comment is its own line */
                            "services = lab\n"
                            "s3 =\n"
                            "   addressing_style = path\n"
                            "   max_concurrent_requests = 20\n"
                            "ca_bundle = /etc/ca.pem\n"
                            "[services lab]\n"
                            "s3 =\n"
                            "  endpoint_url = http://lab:9000\n"
                            "dynamodb =\n"
                            "  endpoint_url = http://other:1\n"
                            "[plugins]\nwhat = is not for us\n");
    write_file(credentials_file, "[team]\naws_access_key_id = AKID\naws_secret_access_key = S # K\n"
                                 "aws_session_token = tok\n[default]\n");
    assert_int_equal(cove__aws_profile_load("team", &p, &err), 0);
    assert_string_equal(p.region, "us-west-2");
    assert_string_equal(p.access_key_id, "AKID");
    assert_string_equal(p.secret_access_key, "S # K");
    assert_string_equal(p.session_token, "tok");
    assert_string_equal(p.s3_addressing_style, "path");
    assert_string_equal(p.s3_endpoint_url, "http://lab:9000");
    assert_null(p.sts_endpoint_url); /* that of another services section */
    assert_string_equal(p.ca_bundle, "/etc/ca.pem");
    assert_null(p.endpoint_url);
    cove__aws_profile_done(&p);

    setenv("AWS_PROFILE", "team", 1);
    assert_int_equal(cove__aws_profile_load(NULL, &p, &err), 0);
    assert_string_equal(p.name, "team");
    cove__aws_profile_done(&p);
    unsetenv("AWS_PROFILE");
    assert_int_equal(cove__aws_profile_load(NULL, &p, &err), 0);
    assert_string_equal(p.region, "eu-west-1");
    assert_null(p.access_key_id);
    cove__aws_profile_done(&p);
}

static void test_refusals(void **state)
{
    struct cove__aws_profile p;
    struct cove_error err = COVE_ERROR_INIT;

    write_file(config_file, "[default]\nregion = x\n");
    write_file(credentials_file, "");
    assert_int_equal(cove__aws_profile_load("nobody", &p, &err), COVE_EINVAL);
    assert_non_null(strstr(err.message, "'nobody'"));
    assert_non_null(strstr(err.message, config_file));
    assert_non_null(strstr(err.message, credentials_file));

    write_file(config_file, "[default]\nregion = x\nthis is no line\n");
    assert_int_equal(cove__aws_profile_load(NULL, &p, &err), COVE_EINVAL);
    assert_non_null(strstr(err.message, "line 3"));
    write_file(config_file, "[default\n");
    assert_int_equal(cove__aws_profile_load(NULL, &p, &err), COVE_EINVAL);

    write_file(config_file, "[default]\nregion =\n  a = b\n");
    assert_int_equal(cove__aws_profile_load(NULL, &p, &err), COVE_EINVAL);
    assert_non_null(strstr(err.message, "line 2: region"));
    assert_non_null(strstr(err.message, config_file));

    unlink(config_file);
    unlink(credentials_file);
    assert_int_equal(cove__aws_profile_load(NULL, &p, &err), 0); /* nothing is there, nothing was asked for */
    assert_false(p.found);
    cove__aws_profile_done(&p);
    assert_int_equal(cove__aws_profile_load("x", &p, &err), COVE_EINVAL);
}

static void test_no_memory(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;

    write_file(config_file, "[default]\nregion = x\nservices = lab\n[services lab]\ns3 =\n endpoint_url = u\n");
    write_file(credentials_file, "[default]\naws_access_key_id = a\naws_secret_access_key = b\n");
    for (unsigned long n = 1; n < 200; n++) {
        struct cove__aws_profile p;
        cove__mem_fail(n, 0);
        int rc = cove__aws_profile_load("default", &p, &err);
        bool failed = cove__mem_fail(0, 0) >= n;
        if (rc == 0)
            cove__aws_profile_done(&p);
        if (!failed) {
            assert_int_equal(rc, 0);
            return;
        }
        assert_true(rc == COVE_ENOMEM || rc == 0); /* a file whose path could not be made is as if it were not there */
    }
    fail_msg("an allocation without end");
}

static void expect(const struct cove__aws_sources *s, const char *key_id, const char *token)
{
    struct cove__aws_credentials c;
    struct cove_error err = COVE_ERROR_INIT;

    assert_int_equal(cove__aws_credentials_find(s, &c, &err), 0);
    assert_string_equal(c.key_id, key_id);
    if (token)
        assert_string_equal(c.token, token);
    else
        assert_null(c.token);
    cove__aws_credentials_done(&c);
}

static void test_chain(void **state)
{
    char name[] = "p", id[] = "FILE", secret[] = "file-secret";
    struct cove__aws_profile profile = { .name = name, .access_key_id = id, .secret_access_key = secret };
    struct cove__aws_sources s = { .profile = &profile };
    struct cove__aws_credentials c;
    struct cove_error err = COVE_ERROR_INIT;

    expect(&s, "FILE", NULL);
    setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "env-secret", 1);
    setenv("AWS_SESSION_TOKEN", "env-token", 1);
    expect(&s, "ENV", "env-token");
    s.profile_given = true;
    expect(&s, "FILE", NULL); /* not a pair of one place and a token of another */
    s.key_id = "OPTION";
    s.secret = "option-secret";
    expect(&s, "OPTION", NULL);
    s.token = "option-token";
    expect(&s, "OPTION", "option-token");
    s.secret = NULL;
    assert_int_equal(cove__aws_credentials_find(&s, &c, &err), COVE_EINVAL);
    s.anonymous = true;
    assert_int_equal(cove__aws_credentials_find(&s, &c, &err), 0);
    assert_true(c.anonymous);
    cove__aws_credentials_done(&c);

    unsetenv("AWS_SECRET_ACCESS_KEY");
    s = (struct cove__aws_sources){ .profile = &profile };
    assert_int_equal(cove__aws_credentials_find(&s, &c, &err), COVE_EINVAL);
    assert_non_null(strstr(err.message, "AWS_SECRET_ACCESS_KEY"));
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SESSION_TOKEN");

    profile.secret_access_key = NULL;
    assert_int_equal(cove__aws_credentials_find(&s, &c, &err), COVE_EINVAL);
    assert_non_null(strstr(err.message, "aws_secret_access_key"));
    profile.access_key_id = NULL;
    assert_int_equal(cove__aws_credentials_find(&s, &c, &err), COVE__AWS_USE_CHAIN);
}

/* Where a profile has keys and a role, AWS's tools use the role, so its keys alone are never used. Beside a process,
 * keys of the credentials file come before it, and those of the config file after it. */
static void test_not_as_somebody_else(void **state)
{
    static const char *const keys = "aws_access_key_id = A\naws_secret_access_key = b\n";
    static const char *const sources[] = { "role_arn", "sso_role_name", "sso_account_id", "web_identity_token_file" };
    struct cove__aws_profile p;
    struct cove__aws_sources s = { .profile = &p };
    struct cove__aws_credentials c;
    struct cove_error err = COVE_ERROR_INIT;
    char text[256];

    write_file(credentials_file, "");
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        snprintf(text, sizeof text, "[default]\ncredential_process = x\n%s = y\n%s", sources[i], keys);
        write_file(config_file, text);
        assert_int_equal(cove__aws_profile_load(NULL, &p, &err), 0);
        assert_int_equal(cove__aws_credentials_find(&s, &c, &err), COVE__AWS_USE_CHAIN);
        cove__aws_profile_done(&p);
    }
    snprintf(text, sizeof text, "[default]\ncredential_process = x\n%s", keys);
    write_file(config_file, text);
    assert_int_equal(cove__aws_profile_load(NULL, &p, &err), 0);
    assert_int_equal(cove__aws_credentials_find(&s, &c, &err), COVE__AWS_USE_CHAIN);
    cove__aws_profile_done(&p);
    write_file(credentials_file, text);
    write_file(config_file, "");
    assert_int_equal(cove__aws_profile_load(NULL, &p, &err), 0);
    expect(&s, "A", NULL);
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere", 1);
    assert_int_equal(cove__aws_credentials_find(&s, &c, &err), COVE__AWS_USE_CHAIN);
    s.profile_given = true;
    expect(&s, "A", NULL);
    unsetenv("AWS_WEB_IDENTITY_TOKEN_FILE");
    cove__aws_profile_done(&p);
}

/* Two halves from two files are no pair. */
static void test_keys_of_one_file(void **state)
{
    struct cove__aws_profile p;
    struct cove__aws_sources s = { .profile = &p };
    struct cove__aws_credentials c;
    struct cove_error err = COVE_ERROR_INIT;

    write_file(config_file, "[default]\naws_access_key_id = A\naws_secret_access_key = b\naws_session_token = t\n");
    write_file(credentials_file, "[default]\naws_secret_access_key = c\n");
    assert_int_equal(cove__aws_profile_load(NULL, &p, &err), 0);
    assert_string_equal(p.secret_access_key, "b");
    expect(&s, "A", "t");
    cove__aws_profile_done(&p);
    write_file(credentials_file, "[default]\naws_access_key_id = C\n");
    assert_int_equal(cove__aws_profile_load(NULL, &p, &err), 0);
    assert_int_equal(cove__aws_credentials_find(&s, &c, &err), COVE_EINVAL);
    cove__aws_profile_done(&p);
    write_file(credentials_file, "[default]\naws_access_key_id = C\naws_secret_access_key = d\n");
    assert_int_equal(cove__aws_profile_load(NULL, &p, &err), 0);
    expect(&s, "C", NULL);
    cove__aws_profile_done(&p);
}

static void expect_path(const char *given, const char *path)
{
    setenv("AWS_CONFIG_FILE", given, 1);
    char *got = cove__aws_file("AWS_CONFIG_FILE", "config");
    assert_non_null(got);
    assert_string_equal(got, path);
    cove__free(got);
}

/* As Python's expandvars and expanduser. */
static void test_paths(void **state)
{
    char home[512];

    assert_non_null(getenv("HOME"));
    snprintf(home, sizeof home, "%s", getenv("HOME"));
    setenv("HOME", "/h/", 1);
    setenv("COVE_TEST_NAME", "x y", 1);
    expect_path("", "/h/.aws/config");
    expect_path("~/a", "/h/a");
    expect_path("~", "/h");
    expect_path("~nobody-of-this-name/a", "/~nobody-of-this-name/a"); /* never below the current folder */
    setenv("HOME", "", 1);
    expect_path("", "/.aws/config");
    setenv("HOME", "/h/", 1);
    expect_path("~root/a", "/root/a");
    expect_path("/a/~/b", "/a/~/b");
    expect_path("$HOME/$COVE_TEST_NAME", "/h//x y");
    expect_path("/${COVE_TEST_NAME}b/${COVE_TEST_NONE}", "/x yb/${COVE_TEST_NONE}");
    expect_path("/$COVE_TEST_NAMEb$/${COVE_TEST_NAME", "/$COVE_TEST_NAMEb$/${COVE_TEST_NAME");
    setenv("HOME", home, 1);
    unsetenv("COVE_TEST_NAME");
    setenv("AWS_CONFIG_FILE", config_file, 1);
}

/* What is not a regular file, or may not be read, counts as missing. */
static void test_no_files(void **state)
{
    struct cove__aws_profile p;
    struct cove_error err = COVE_ERROR_INIT;

    setenv("AWS_CONFIG_FILE", folder, 1);
    write_file(credentials_file, "[default]\nregion = x\n");
    assert_int_equal(cove__aws_profile_load(NULL, &p, &err), 0);
    assert_string_equal(p.region, "x");
    cove__aws_profile_done(&p);
    setenv("AWS_CONFIG_FILE", config_file, 1);
    if (geteuid() == 0)
        return; /* root may read a file of any mode */
    write_file(config_file, "[default]\nca_bundle = y\n");
    chmod(config_file, 0);
    assert_int_equal(cove__aws_profile_load(NULL, &p, &err), 0);
    assert_null(p.ca_bundle);
    cove__aws_profile_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_files),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_not_as_somebody_else),
        cmocka_unit_test(test_keys_of_one_file),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_no_files),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
