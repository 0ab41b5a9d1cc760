/* The pure parts of the S3 backend, and what its open makes of options: names, errors, addresses. No
 * network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "fs/s3/s3_bucket.h"
#include "fs/s3/s3_request.h"
#include "wire/uri.h"

static struct cove_error err = COVE_ERROR_INIT;

/* ---- names ---- */

static void test_parse(void **state)
{
    static const struct {
        const char *given, *path;
    } rows[] = {
        { "s3://b/k", "b/k" },
        { "S3://b/k", "b/k" },
        { "s3a://b/k", "b/k" },
        { "b/k", "b/k" },
        { "/b/k", "b/k" },
        { "s3://b", "b" },
        { "s3://b/", "b" },
        { "s3://", "" },
        { "", "" },
        { "s3://b//k", "b//k" },
        { "s3://b/k/", "b/k/" },
        { "s3://b/a b%20#?&", "b/a b%20#?&" },
        { "s3://b/s3://c", "b/s3://c" },
        { "s3://b/\xc3\xa9", "b/\xc3\xa9" },
        { "s3://arn:aws:s3:us-west-2:123456789012:accesspoint/ap/a/b",
          "arn:aws:s3:us-west-2:123456789012:accesspoint:ap/a/b" },
        { "arn:aws:s3:us-west-2:123456789012:accesspoint:ap/", "arn:aws:s3:us-west-2:123456789012:accesspoint:ap" },
    };
    static const char *const bad[] = { "s3://../k",        "s3://.",      "s3:///k",
                                       "s3://b c/k",       "s3://b:80/k", "gs://b/k",
                                       "s3://b\xc3\xa9/k", "s3://b/\xff", "s3://arn:aws:s3:::b/k" };
    char *path;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(cove__s3_parse(rows[i].given, &path, &err), 0);
        assert_string_equal(path, rows[i].path);
        cove__free(path);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(cove__s3_parse(bad[i], &path, &err), COVE_EINVAL);

    char longest[COVE__OBJECT_KEY_MAX + 8];
    memset(longest, 'k', sizeof longest);
    memcpy(longest, "b/", 2);
    longest[COVE__OBJECT_KEY_MAX + 2] = '\0';
    assert_int_equal(cove__s3_parse(longest, &path, &err), 0);
    cove__free(path);
    longest[COVE__OBJECT_KEY_MAX + 2] = 'k';
    longest[COVE__OBJECT_KEY_MAX + 3] = '\0';
    assert_int_equal(cove__s3_parse(longest, &path, &err), COVE_EINVAL);
}

static void test_names(void **state)
{
    struct cove__buf b = COVE__BUF_INIT(4096);
    struct cove__object_name name = cove__object_split("bucket/a/b/");

    assert_true(cove__slice_is(name.bucket, "bucket") && cove__slice_is(name.key, "a/b/"));
    assert_int_equal(cove__object_prefix(name.key, &b), 0);
    assert_string_equal(cove__buf_str(&b), "a/b/");
    cove__buf_reset(&b);
    assert_int_equal(cove__object_prefix(cove__slice_str("a"), &b), 0);
    assert_string_equal(cove__buf_str(&b), "a/");
    cove__buf_reset(&b);
    assert_int_equal(cove__object_prefix(cove__object_split("bucket").key, &b), 0);
    assert_string_equal(cove__buf_str(&b), "");

    static const struct {
        const char *given, *plain;
    } rows[] = { { "b/d/", "b/d" }, { "b/d", "b/d" }, { "b/d//", "b/d//" }, { "b", "b" } };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *plain = cove__object_trim_slash(rows[i].given);
        assert_string_equal(plain, rows[i].plain);
        cove__free(plain);
    }

    cove__uri_add_pair(&b, "prefix", cove__slice_str("a b/+"));
    cove__uri_add_pair(&b, "n", cove__slice_str(""));
    assert_string_equal(cove__buf_str(&b), "prefix=a%20b%2F%2B&n=");

    static const char *const hosts[] = { "abc", "a-b-c", "123" }, *const not_hosts[] = { "ab",  "a.b", "Abc",
                                                                                         "a_b", "-ab", "ab-" };
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
        assert_true(cove__s3_host_bucket(cove__slice_str(hosts[i]), false));
    for (size_t i = 0; i < sizeof not_hosts / sizeof not_hosts[0]; i++)
        assert_false(cove__s3_host_bucket(cove__slice_str(not_hosts[i]), false));
    cove__buf_done(&b);
}

/* ---- a new bucket ---- */

static void test_new_bucket(void **state)
{
#define CONFIGURATION "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
    static char east[] = "us-east-1", west[] = "us-west-2";
    const struct {
        char *region;
        const char *bucket, *body;
    } rows[] = {
        { east, "b", "" },
        { west, "b", CONFIGURATION "<LocationConstraint>us-west-2</LocationConstraint></CreateBucketConfiguration>" },
        { west, "b--usw2-az1--x-s3",
          CONFIGURATION
          "<Location><Name>usw2-az1</Name><Type>AvailabilityZone</Type></Location><Bucket><DataRedundancy>"
          "SingleAvailabilityZone</DataRedundancy><Type>Directory</Type></Bucket>"
          "</CreateBucketConfiguration>" },
        { west, "b--usw2-lax1-az1--x-s3",
          CONFIGURATION "<Location><Name>usw2-lax1-az1</Name><Type>LocalZone</Type></Location><Bucket><DataRedundancy>"
                        "SingleLocalZone</DataRedundancy><Type>Directory</Type></Bucket>"
                        "</CreateBucketConfiguration>" },
    };
    const struct cove__ctx ctx = { .deadline_ns = INT64_MAX, .op = "mkdir", .url = "s3://b" };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cove__s3 s3 = { .store.ops = &cove__s3_object_ops, .region = rows[i].region, .rules.directories = true };
        struct cove__buf body = COVE__BUF_INIT(1024);
        struct cove__object_request r;

        cove__object_request_init(&r, &s3.store, "PUT", cove__object_split(rows[i].bucket), &ctx);
        cove__s3_make_bucket_request(&r, &body);
        assert_string_equal(cove__buf_str(&body), rows[i].body);
        cove__object_request_done(&r);
        cove__buf_done(&body);
    }
}

/* ---- errors ---- */

static void judge(int status, const char *body, struct cove__object_request *r)
{
    static struct cove__s3 s3 = { .store = { .ops = &cove__s3_object_ops } };
    struct cove__ctx ctx = { .deadline_ns = INT64_MAX, .op = "read", .url = "s3://b/k" };

    cove__object_request_init(r, &s3.store, "GET", cove__object_split("b/k"), &ctx);
    r->http.status = status;
    r->http.response.max = 4096;
    cove__buf_add_str(&r->http.response, body);
}

static void test_errors(void **state)
{
    static const struct {
        int status;
        const char *body;
        int code, retry;
        const char *message;
    } rows[] = {
        { 404, "<Error><Code>NoSuchKey</Code><Message>Gone.</Message></Error>", COVE_ENOTFOUND, 0,
          "read s3://b/k: no such object (NoSuchKey: Gone.)" },
        { 404, "<Error><Code>NoSuchBucket</Code></Error>", COVE_ENOTFOUND, 0,
          "read s3://b/k: no such bucket: b (NoSuchBucket); check its name (cove ls s3:// lists the buckets)" },
        { 403, "<Error><Code>SignatureDoesNotMatch</Code></Error>", COVE_EAUTH, 0,
          "read s3://b/k: the secret key does not belong to the access key id (SignatureDoesNotMatch)" },
        { 403, "<Error><Code>AccessDenied</Code></Error>", COVE_EACCESS, 0,
          "read s3://b/k: access denied (AccessDenied); the request is not signed: anon=true" },
        { 200, "<Error><Code>InternalError</Code></Error>", COVE_ESERVER, 1,
          "read s3://b/k: the store failed (InternalError)" },
        { 503, "<Error><Code>SlowDown</Code></Error>", COVE_ETHROTTLED, 1,
          "read s3://b/k: the store asks for fewer requests (SlowDown)" },
        { 400, "<Error><Code>NewOne</Code><Message>two\nlines</Message></Error>", COVE_EINVAL, 0,
          "read s3://b/k: the store refused (NewOne: two lines)" },
        { 409, "<Error><Code>ExistingObjectIsFile</Code><Message>A file.</Message></Error>", COVE_ENOTDIR, 0,
          "read s3://b/k: a file is in the place of a directory (ExistingObjectIsFile: A file.)" },
        { 400, "<Error><Code>XMinioParentIsObject</Code></Error>", COVE_ENOTDIR, 0,
          "read s3://b/k: a file is in the place of a directory (XMinioParentIsObject)" },
        { 409, "<Error><Code>XMinioObjectExistsAsDirectory</Code></Error>", COVE_EISDIR, 0,
          "read s3://b/k: it is a directory (XMinioObjectExistsAsDirectory)" },
        { 409, "<Error><Code>ErrDirectoryNotEmpty</Code></Error>", COVE_ENOTEMPTY, 0,
          "read s3://b/k: the directory is not empty (ErrDirectoryNotEmpty)" },
        { 301, "<Error><Code>PermanentRedirect</Code><Endpoint>b.s3.x</Endpoint></Error>", COVE_EINVAL, 0,
          "read s3://b/k: the bucket is served by another endpoint: b.s3.x (PermanentRedirect)" },
        { 403, "", COVE_EACCESS, 0,
          "read s3://b/k: access denied; S3's bucket names have 3 to 63 characters (HTTP 403); the request is not "
          "signed: anon=true" },
        { 502, "<html>bad gateway", COVE_ESERVER, 1, "read s3://b/k: the store failed (HTTP 502)" },
        { 407, "", COVE_ENETWORK, 0, "read s3://b/k: the proxy requires a user and a password in its URL (HTTP 407)" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cove__object_request r;
        judge(rows[i].status, rows[i].body, &r);
        assert_int_equal(cove__s3_classify(&r, &err), rows[i].retry);
        assert_int_equal(err.code, rows[i].code);
        assert_int_equal(err.http_status, rows[i].status);
        assert_string_equal(err.message, rows[i].message);
        cove__object_request_done(&r);
    }
}

/* A request about no bucket has no bucket's name to blame. */
static void test_errors_without_a_bucket(void **state)
{
    static const struct {
        int status;
        const char *body, *message;
    } rows[] = {
        { 403, "", "list s3://: access denied (HTTP 403); the request is not signed: anon=true" },
        { 404, "", "list s3://: no such object (HTTP 404)" },
        { 400, "<Error><Code>InvalidBucketName</Code></Error>",
          "list s3://: not a valid bucket name (InvalidBucketName)" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cove__object_request r;

        judge(rows[i].status, rows[i].body, &r);
        r.name = cove__object_split("");
        r.http.op.ctx.op = "list";
        r.http.op.ctx.url = "s3://";
        cove__s3_classify(&r, &err);
        assert_string_equal(err.message, rows[i].message);
        cove__object_request_done(&r);
    }
}

/* ---- open ---- */

static struct cove__s3 *open_with(const char *const *pairs, int *ret_rc)
{
    cove_options *options = cove_options_new();
    void *self = NULL;

    for (; *pairs; pairs += 2)
        assert_int_equal(cove_options_set(options, pairs[0], pairs[1], &err), 0);
    *ret_rc = cove__s3_ops.open(options, "s3://b", &self, &err);
    cove_options_free(options);
    return self;
}
#define OPEN(...) open_with((const char *const[]){ __VA_ARGS__, NULL }, &rc)

static int set_up(void **state)
{
    static const char *const names[] = { "AWS_PROFILE",
                                         "AWS_DEFAULT_PROFILE",
                                         "AWS_ACCESS_KEY_ID",
                                         "AWS_SECRET_ACCESS_KEY",
                                         "AWS_SESSION_TOKEN",
                                         "AWS_REGION",
                                         "AWS_DEFAULT_REGION",
                                         "AWS_ENDPOINT_URL",
                                         "AWS_ENDPOINT_URL_S3",
                                         "AWS_CA_BUNDLE",
                                         "AWS_USE_DUALSTACK_ENDPOINT",
                                         "AWS_USE_FIPS_ENDPOINT",
                                         "AWS_S3_USE_ARN_REGION",
                                         "FSSPEC_S3_ENDPOINT_URL",
                                         "FSSPEC_S3_KEY",
                                         "FSSPEC_S3_SECRET",
                                         "FSSPEC_S3_TOKEN",
                                         "FSSPEC_S3_ANON" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unsetenv(names[i]);
    setenv("AWS_CONFIG_FILE", "/nonexistent/config", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials", 1);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    return 0;
}

static void test_addresses(void **state)
{
    int rc;
    struct cove__s3 *s3 = OPEN("anon", "true");

    assert_int_equal(rc, 0);
    assert_true(s3->tls && !s3->own_endpoint && !s3->rules.host && !s3->sign_payload);
    assert_string_equal(s3->region, "us-east-1");
    cove__s3_ops.close(s3);

    s3 = OPEN("anon", "true", "endpoint_url", "http://127.0.0.1:9000/base/", "region_name", "eu-west-1");
    assert_int_equal(rc, 0);
    assert_true(!s3->tls && s3->own_endpoint && s3->rules.style == S3_STYLE_AUTO && !s3->sign_payload);
    assert_string_equal(s3->host, "127.0.0.1:9000");
    assert_string_equal(s3->base, "/base");
    assert_string_equal(s3->region, "eu-west-1");
    cove__s3_ops.close(s3);

    s3 = OPEN("anon", "true", "endpoint_url", "http://store.example:80", "addressing_style", "virtual");
    assert_int_equal(rc, 0);
    assert_true(s3->rules.style == S3_STYLE_VIRTUAL && s3->sign_payload); /* plain http to another machine */
    assert_string_equal(s3->host, "store.example");
    cove__s3_ops.close(s3);

    s3 =
        OPEN("anon", "true", "client_kwargs",
             "{\"endpoint_url\": \"https://h\", \"verify\": false, \"region_name\": null}", "config_kwargs",
             "{\"s3\": {\"addressing_style\": \"virtual\"}, \"read_timeout\": 1.5, \"retries\": {\"max_attempts\": 3}}",
             "s3_additional_kwargs", "{\"ServerSideEncryption\": \"aws:kms\", \"SSECustomerKey\": \"k\"}");
    assert_int_equal(rc, 0);
    assert_true(s3->own_endpoint && s3->rules.style == S3_STYLE_VIRTUAL);
    assert_int_equal(s3->o.client.read_timeout_ms, 1500);
    assert_int_equal(s3->o.client.retries, 3);
    assert_string_equal(s3->o.client.verify, "false");
    assert_non_null(strstr(cove__buf_str(&s3->store.extra.create), "x-amz-server-side-encryption: aws:kms\n"));
    assert_string_equal(cove__buf_str(&s3->store.extra.each), "x-amz-server-side-encryption-customer-key: k\n");
    cove__s3_ops.close(s3);
}

/* Option, environment, the profile's s3 settings, the profile; ignored endpoints. */
static void test_switches(void **state)
{
    static const char config[] = "[default]\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true\n"
                                 "endpoint_url = http://profile:1\nregion = eu-west-1\n"
                                 "s3 =\n  use_dualstack_endpoint = false\n  use_arn_region = false\n"
                                 "  addressing_style = virtual\n";
    char path[] = "/tmp/cove-test-XXXXXX";
    int rc, fd = mkstemp(path);

    assert_true(fd >= 0 && write(fd, config, sizeof config - 1) == (ssize_t)(sizeof config - 1) && close(fd) == 0);
    setenv("AWS_CONFIG_FILE", path, 1);
    assert_null(OPEN("anon", "true")); /* FIPS and an endpoint */
    assert_int_equal(rc, COVE_EINVAL);

    setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", 1);
    setenv("AWS_ENDPOINT_URL_S3", "http://environment:1", 1);
    struct cove__s3 *s3 = OPEN("anon", "true");
    assert_int_equal(rc, 0);
    assert_true(!s3->rules.host && s3->rules.style == S3_STYLE_VIRTUAL);
    assert_true(s3->rules.fips && !s3->rules.dual_stack && s3->rules.ignore_arn_region);
    assert_string_equal(s3->rules.region, "eu-west-1");
    cove__s3_ops.close(s3);

    setenv("AWS_USE_FIPS_ENDPOINT", "false", 1);
    setenv("AWS_USE_DUALSTACK_ENDPOINT", "true", 1);
    setenv("AWS_S3_USE_ARN_REGION", "true", 1);
    s3 = OPEN("anon", "true");
    assert_int_equal(rc, 0);
    assert_true(!s3->rules.fips && s3->rules.dual_stack && !s3->rules.ignore_arn_region);
    cove__s3_ops.close(s3);

    s3 = OPEN("anon", "true", "use_fips_endpoint", "true", "config_kwargs",
              "{\"use_dualstack_endpoint\": false, \"s3\": {\"use_arn_region\": false}}");
    assert_int_equal(rc, 0);
    assert_true(s3->rules.fips && !s3->rules.dual_stack && s3->rules.ignore_arn_region);
    cove__s3_ops.close(s3);

    s3 = OPEN("anon", "true", "endpoint_url", "http://option:1", "use_dualstack_endpoint", "false");
    assert_int_equal(rc, 0);
    assert_string_equal(s3->rules.host, "option:1");
    cove__s3_ops.close(s3);
    unsetenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    unlink(path);
    set_up(NULL);
}

static void test_open_refuses(void **state)
{
    static const struct {
        const char *pairs[5];
        const char *message;
    } rows[] = {
        { { "endpoint_url", "ftp://h" }, "neither http:// nor https://" },
        { { "endpoint_url", "http://" }, "not of the form" },
        { { "endpoint_url", "http://u:p@h" }, "not of the form" },
        { { "region", "not a region" }, "not a region's name" },
        { { "key", "k" }, "the option key needs secret" },
        { { "profile", "nobody" }, "'nobody'" },
        { { "use_fips_endpoint", "true", "use_accelerate_endpoint", "true" }, "exclude each other" },
        { { "addressing_style", "path", "use_accelerate_endpoint", "true" }, "exclude each other" },
        { { "endpoint_url", "http://h", "use_dualstack_endpoint", "true" },
          "cannot be combined with an endpoint_url (h)" },
        { { "client_kwargs", "{\"endpoint\": \"x\"}" }, "\"endpoint\" is not known; known: endpoint_url" },
        { { "client_kwargs", "[1]" }, "not a JSON object" },
        { { "config_kwargs", "{\"signature_version\": \"s3\"}" }, "signature_version \"s3\"" },
        { { "config_kwargs", "{\"retries\": {\"max_attempts\": \"x\"}}" },
          "the value of \"retries/max_attempts\" must be a number" },
        { { "client_kwargs", "{\"use_ssl\": 1}" }, "the value of \"use_ssl\" must be true or false" },
        { { "s3_additional_kwargs", "{\"Acl\": \"private\"}" }, "\"Acl\" is not known; known: ACL" },
        { { "s3_additional_kwargs", "{\"ACL\": \"a\\nHost: b\"}" }, "line break" },
        { { "default_block_size", "1MiB" }, "default_block_size" },
        { { "ca_bundle", "/nonexistent/ca.pem", "anon", "true" }, "/nonexistent/ca.pem" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int rc;
        struct cove__s3 *s3 = open_with(rows[i].pairs, &rc);
        assert_null(s3);
        assert_int_equal(rc, COVE_EINVAL);
        if (!strstr(err.message, rows[i].message))
            fail_msg("\"%s\" does not hold \"%s\"", err.message, rows[i].message);
    }
}

/* Credentials are asked for by the first request, not by the open, and no secret is ever in a message. */
static void test_no_credentials(void **state)
{
    int rc;
    struct cove__s3 *s3 = OPEN("endpoint_url", "http://127.0.0.1:9");
    struct cove__inbox inbox;
    struct cove_info info = { 0 };
    struct cove__stat_io io = { .path = "b/k", .ret_info = &info };

    assert_int_equal(rc, 0);
    io.op.inbox = &inbox;
    io.op.ctx = (struct cove__ctx){ .deadline_ns = INT64_MAX, .op = "stat", .url = "s3://b/k" };
    cove__inbox_init(&inbox);
    cove__op_start(&io.op);
    cove__s3_ops.stat(s3, &io);
    assert_ptr_equal(cove__inbox_wait(&inbox), &io.op);
    cove__inbox_done(&inbox);
    assert_int_equal(io.op.rc, COVE_EAUTH);
    assert_int_equal(strncmp(io.op.err.message, "stat s3://b/k: no credentials found in ", 39), 0);
    cove__s3_ops.close(s3);
}

/* A key in the URL, with any characters: the message does not show it. */
static void test_password_in_url(void **state)
{
    static const char *const urls[] = { "s3://AKID:hidden@b/k", "s3://AKID:hi@hidden@b/k", "s3://AKID:a/hidden@b/k",
                                        "s3://AKID:hidden/b@b", "s3://hidden@b/k",         "gs://AKID:?/hidden@b/k" };
    static const char *const odd[] = { "s3:///AKID:hidden@b/k", "s3:////AKID:a/hidden@b/k", "s3:///hidden@b/k",
                                       "s3:/AKID:hidden@b/k",   "//AKID:hidden@b/k",        "/AKID:a/hidden@b/k",
                                       "://AKID:hidden@b/k",    "AKID:hidden@b/k",          "file://AKID:hidden@b/k" };
    cove_fs *fs = NULL;

    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        char *path = NULL;
        assert_int_equal(cove_fs_from_url(urls[i], NULL, &fs, &path, &err), COVE_EINVAL);
        assert_null(strstr(err.message, "hidden"));
        assert_non_null(strstr(err.message, "://***@b"));
    }
    /* The same, given to a call of a filesystem. */
    assert_int_equal(cove_fs_from_url("s3://b", NULL, &fs, NULL, &err), 0);
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        cove_info *info = NULL;
        assert_int_equal(cove_fs_stat(fs, odd[i], NULL, &info, &err), COVE_EINVAL);
        assert_null(strstr(err.message, "hidden"));
        assert_non_null(strstr(err.message, "***@b"));
    }
    cove_fs_unref(fs);
    assert_int_equal(cove_fs_from_url("file://AKID:hidden@b/k", NULL, &fs, NULL, &err), COVE_EINVAL);
    assert_null(strstr(err.message, "hidden"));
    assert_int_equal(cove_fs_from_url("s3:/AKID:hidden@b/k", NULL, &fs, NULL, &err), COVE_EINVAL);
    assert_null(strstr(err.message, "hidden"));
}

static void test_open_without_memory(void **state)
{
    for (unsigned long n = 1; n < 300; n++) {
        cove_options *options = cove_options_new();
        void *self = NULL;
        cove_options_set(options, "key", "k", &err);
        cove_options_set(options, "secret", "s", &err);
        cove_options_set(options, "endpoint_url", "http://h:1", &err);
        cove_options_set(options, "s3_additional_kwargs", "{\"ACL\": \"private\"}", &err);
        cove__mem_fail(n, 0);
        int rc = cove__s3_ops.open(options, "s3://b", &self, &err);
        bool failed = cove__mem_fail(0, 0) >= n;
        cove_options_free(options);
        if (rc == 0)
            cove__s3_ops.close(self);
        assert_true(rc == 0 || rc == COVE_ENOMEM);
        if (!failed) {
            assert_int_equal(rc, 0);
            return;
        }
    }
    fail_msg("an allocation without end");
}

/* ---- versions and signed URLs ---- */

static void test_versions(void **state)
{
    static const struct {
        const char *path, *key, *version;
    } rows[] = {
        { "b/k?versionId=v1", "k", "v1" },
        { "b/k?x=1?versionId=v?", "k?x=1?versionId=v?", "" },
        { "b/k?versionId=a?versionId=b", "k?versionId=a", "b" },
        { "b/k?versionId=", "k?versionId=", "" },
        { "b/?versionId=v1", "?versionId=v1", "" },
        { "b/k?versionid=v1", "k?versionid=v1", "" },
        { "b/k", "k", "" },
        { "b", "", "" },
    };
    struct cove__ctx ctx = { .op = "write", .url = "s3://b/k" };
    struct cove__object_name name;
    int rc;
    struct cove__s3 *s3 = OPEN("anon", "true", "version_aware", "true"), *plain = OPEN("anon", "true");

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        name = cove__object_locate(&s3->store, rows[i].path);
        assert_true(cove__slice_is(name.bucket, "b") && cove__slice_is(name.key, rows[i].key) &&
                    cove__slice_is(name.version, rows[i].version));
        name = cove__object_locate(&plain->store, rows[i].path);
        assert_true(name.version.size == 0);
    }
    assert_int_equal(cove__object_name_of(&s3->store, "b/k?versionId=v1", false, &ctx, &name, &err), 0);
    assert_int_equal(cove__object_name_of(&s3->store, "b/k?versionId=v1", true, &ctx, &name, &err), COVE_EINVAL);
    assert_int_equal(cove__object_name_of(&plain->store, "b/k?versionId=v1", true, &ctx, &name, &err), 0);
    assert_int_equal(cove__object_name_of(&s3->store, "b", false, &ctx, &name, &err), COVE_EISDIR);
    cove__s3_ops.close(s3);
    cove__s3_ops.close(plain);
}

static int sign(struct cove__s3 *s3, const char *path, const char *method, char **ret)
{
    struct cove__ctx ctx = { .deadline_ns = INT64_MAX, .op = "sign", .url = "s3://b/k" };

    return cove__s3_presign(s3, path, method, 60, &ctx, ret, &err);
}

static void test_signed_urls(void **state)
{
    static const struct {
        const char *pairs[9], *path, *begin, *middle;
    } rows[] = {
        { { "region", "eu-west-1" },
          "bbb/a b/c",
          "https://bbb.s3.eu-west-1.amazonaws.com/a%20b/c?X-Amz-Algorithm=",
          "%2Feu-west-1%2Fs3%2Faws4_request&" },
        { { "region", "eu-west-1" }, "b.c/k", "https://s3.eu-west-1.amazonaws.com/b.c/k?X-Amz-Algorithm=", "&" },
        { { "endpoint_url", "http://127.0.0.1:9000/base" },
          "b/k",
          "http://127.0.0.1:9000/base/b/k?X-Amz-Algorithm=",
          "&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=" },
        { { "endpoint_url", "http://store.example", "addressing_style", "virtual", "token", "t/k+=" },
          "bbb/k",
          "http://bbb.store.example/k?X-Amz-Algorithm=",
          "&X-Amz-Security-Token=t%2Fk%2B%3D&X-Amz-Signature=" },
        { { "version_aware", "true", "requester_pays", "true" },
          "bbb/k?versionId=v 1",
          "https://bbb.s3.us-east-1.amazonaws.com/k?versionId=v%201&x-amz-request-payer=requester&X-Amz-Algorithm=",
          "&" },
        { { "disable_s3express_session_auth", "true" },
          "b--usw2-az1--x-s3/k",
          "https://b--usw2-az1--x-s3.s3express-",
          "%2Fs3express%2Faws4_request&" },
    };
    int rc;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *pairs[13] = { "key", "AKID", "secret", "hidden" };
        char *url = NULL;
        memcpy(pairs + 4, rows[i].pairs, sizeof rows[i].pairs);
        struct cove__s3 *s3 = open_with(pairs, &rc);
        assert_int_equal(rc, 0);
        assert_int_equal(sign(s3, rows[i].path, "GET", &url), 0);
        if (strncmp(url, rows[i].begin, strlen(rows[i].begin)) != 0 || !strstr(url, rows[i].middle))
            fail_msg("%s is not %s...%s", url, rows[i].begin, rows[i].middle);
        assert_null(strstr(url, "hidden"));
        cove__free(url);
        cove__s3_ops.close(s3);
    }

    char *url = NULL, *again = NULL;
    struct cove__s3 *s3 = OPEN("key", "AKID", "secret", "hidden", "version_aware", "true");
    assert_int_equal(sign(s3, "b", "GET", &url), COVE_EISDIR);
    assert_int_equal(sign(s3, "b/k?versionId=1", "PUT", &url), COVE_EINVAL);
    for (unsigned long n = 1; n < 60; n++) { /* without memory never for another version */
        char *versioned = NULL;
        cove__mem_fail(n, 0);
        rc = sign(s3, "b/k?versionId=1", "GET", &versioned);
        cove__mem_fail(0, 0);
        assert_true(rc == 0 || rc == COVE_ENOMEM);
        assert_true(rc < 0 || strstr(versioned, "versionId=1"));
        cove__free(versioned);
    }
    for (unsigned long n = 1; n < 60; n++) {
        cove__mem_fail(n, 1);
        rc = sign(s3, "b/k", "GET", &again);
        cove__mem_fail(0, 0);
        if (rc == 0)
            break;
        assert_true(rc == COVE_ENOMEM && !again);
    }
    assert_non_null(again);
    cove__free(again);
    cove__s3_ops.close(s3);
    s3 = OPEN("anon", "true");
    assert_int_equal(sign(s3, "b/k", "GET", &url), COVE_EINVAL);
    assert_null(url);
    cove__s3_ops.close(s3);
}

static void test_part_rules(void **state)
{
    int rc;
    struct cove__s3 *s3 = OPEN("anon", "true", "fixed_upload_size", "true");
    struct cove__part_rules rules;

    cove__s3_ops.upload.part_rules(s3, NULL, &rules);
    assert_true(rules.equal_parts);
    assert_int_equal(rules.default_part, 8 << 20);
    static const int64_t sizes[] = { 1, (int64_t)8 << 20, (int64_t)80000 << 20, (int64_t)80001 << 20,
                                     (int64_t)5 << 40 };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        cove__s3_ops.upload.part_rules(s3, &(struct cove__put){ .expected_size = sizes[i] }, &rules);
        assert_true(rules.default_part >= S3_PART_MIN && rules.default_part <= S3_PART_MAX);
        assert_true((sizes[i] + (int64_t)rules.default_part - 1) / (int64_t)rules.default_part <= S3_PARTS_MAX);
    }
    cove__s3_ops.close(s3);
}

/* One for each bucket; the one that was longest unused makes room, but none that is in use. */
static void test_sessions(void **state)
{
    struct s3_session *held[S3_SESSIONS_MAX], *again, *more;
    char name[64];
    int rc;
    struct cove__s3 *s3 = OPEN("key", "a", "secret", "b");

    assert_int_equal(rc, 0);
    for (int i = 0; i < S3_SESSIONS_MAX; i++) {
        snprintf(name, sizeof name, "b%d--usw2-az1--x-s3", i);
        assert_true(cove__s3_is_directory(&s3->store, cove__slice_str(name)));
        assert_int_equal(cove__s3_session_get(s3, cove__slice_str(name), &held[i], &err), 0);
    }
    assert_int_equal(cove__s3_session_get(s3, cove__slice_str("b7--usw2-az1--x-s3"), &again, &err), 0);
    assert_ptr_equal(again, held[7]);
    cove__s3_session_put(again);
    assert_int_equal(cove__s3_session_get(s3, cove__slice_str("new--usw2-az1--x-s3"), &more, &err), COVE_ELIMIT);
    for (int i = 5; i < 9; i++)
        cove__s3_session_put(held[i]);
    assert_int_equal(cove__s3_session_get(s3, cove__slice_str("new--usw2-az1--x-s3"), &more, &err), 0);
    assert_int_equal(cove__s3_session_get(s3, cove__slice_str("b7--usw2-az1--x-s3"), &again, &err), 0);
    assert_ptr_equal(again, held[7]); /* was used after b5 */
    assert_int_equal(s3->n_sessions, S3_SESSIONS_MAX);
    cove__s3_ops.close(s3);

    for (unsigned long n = 1; n < 10; n++) {
        s3 = OPEN("key", "a", "secret", "b");
        cove__mem_fail(n, 1);
        int got = cove__s3_session_get(s3, cove__slice_str("b--usw2-az1--x-s3"), &more, &err);
        cove__mem_fail(0, 0);
        cove__s3_ops.close(s3);
        if (got == 0)
            return;
        assert_int_equal(got, COVE_ENOMEM);
    }
    fail_msg("an allocation without end");
}

static void test_directory_buckets_are_amazons(void **state)
{
    struct cove__slice bucket = cove__slice_str("b--usw2-az1--x-s3");
    static const struct {
        const char *endpoint, *store;
        bool is;
    } rows[] = { { "", "auto", true },
                 { "https://s3.us-west-2.amazonaws.com", "auto", true },
                 { "http://127.0.0.1:9000", "auto", false },
                 { "http://127.0.0.1:9000", "minio", false },
                 { "http://127.0.0.1:9000", "aws", true } };
    int rc;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cove__s3 *s3 = OPEN("anon", "true", "endpoint_url", rows[i].endpoint, "store", rows[i].store);
        assert_int_equal(rc, 0);
        assert_int_equal(cove__s3_is_directory(&s3->store, bucket), rows[i].is);
        assert_false(cove__s3_is_directory(&s3->store, cove__slice_str("b-x-s3")));
        assert_false(cove__s3_is_directory(&s3->store, cove__slice_str("--x-s3")));
        cove__s3_ops.close(s3);
    }
}

static cove_fs *open_as(const char *const pairs[], size_t n)
{
    cove_options *options = cove_options_new();
    cove_fs *fs = NULL;

    for (size_t i = 0; i < n && pairs[i]; i += 2)
        assert_int_equal(cove_options_set(options, pairs[i], pairs[i + 1], NULL), 0);
    assert_int_equal(cove_fs_from_url("s3://b", options, &fs, NULL, NULL), 0);
    cove_options_free(options);
    return fs;
}

static void test_same_store(void **state)
{
#define AT  "endpoint_url", "http://127.0.0.1:9"
#define KEY "key", "k", "secret", "s"
    static const struct {
        const char *a[8], *b[8];
        int same;
    } cases[] = {
        { { KEY }, { KEY, "timeout", "30" }, 1 },
        { { KEY, "region", "us-east-1" }, { "key", "l", "secret", "s", "region", "eu-west-1" }, 1 },
        { { KEY, "region", "us-east-1" }, { KEY, "region", "cn-north-1" }, 0 },
        { { KEY, AT }, { KEY, AT, "retries", "0" }, 1 },
        { { KEY, AT }, { KEY, "endpoint_url", "http://127.0.0.1:10" }, 0 },
        { { KEY, AT }, { KEY, "endpoint_url", "https://127.0.0.1:9" }, 0 },
        { { KEY, AT }, { KEY, "endpoint_url", "http://127.0.0.1:9/base" }, 0 },
        { { KEY, AT }, { "key", "l", "secret", "s", AT }, 0 },
        { { KEY, AT }, { "anon", "true", AT }, 0 },
        { { KEY, AT }, { KEY }, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cove_fs *a = open_as(cases[i].a, 8), *b = open_as(cases[i].b, 8);

        assert_int_equal(cove_fs_same_store(a, b), cases[i].same);
        assert_int_equal(cove_fs_same_store(b, a), cases[i].same);
        cove_fs_unref(a);
        cove_fs_unref(b);
    }
}

static void test_endpoint(void **state)
{
    static const struct {
        const char *options[8], *endpoint;
    } cases[] = {
        { { KEY, "region", "eu-west-1" }, "https://s3.eu-west-1.amazonaws.com" },
        { { KEY, "region", "cn-north-1" }, "https://s3.cn-north-1.amazonaws.com.cn" },
        { { KEY, "region", "eu-west-1", "use_dualstack_endpoint", "true" },
          "https://s3.dualstack.eu-west-1.amazonaws.com" },
        { { KEY, AT }, "http://127.0.0.1:9" },
        { { KEY, "endpoint_url", "HTTPS://store.example:443/base/" }, "https://store.example/base" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cove_fs *fs = open_as(cases[i].options, 8);
        char *endpoint = NULL;

        assert_int_equal(cove_fs_endpoint(fs, &endpoint, NULL), 0);
        assert_string_equal(endpoint, cases[i].endpoint);
        cove_free(endpoint);
        cove_fs_unref(fs);
    }
}

/* Nothing is left, nothing is given, whichever allocation fails. */
static void test_endpoint_without_memory(void **state)
{
    static const char *const options[] = { KEY, AT };
    cove_fs *fs = open_as(options, 6);
    bool failed = true;

    (void)state;
    for (unsigned long n = 1; failed; n++) {
        char *endpoint = NULL;

        cove__mem_fail(n, 0);
        int rc = cove_fs_endpoint(fs, &endpoint, NULL);
        failed = cove__mem_fail(0, 0) >= n;
        assert_int_equal(rc, failed ? COVE_ENOMEM : 0);
        assert_true(!endpoint == failed);
        cove_free(endpoint);
    }
    cove_fs_unref(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_new_bucket),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_errors_without_a_bucket),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_switches),
        cmocka_unit_test(test_open_refuses),
        cmocka_unit_test(test_password_in_url),
        cmocka_unit_test(test_no_credentials),
        cmocka_unit_test(test_open_without_memory),
        cmocka_unit_test(test_same_store),
        cmocka_unit_test(test_endpoint),
        cmocka_unit_test(test_endpoint_without_memory),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_signed_urls),
        cmocka_unit_test(test_part_rules),
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_directory_buckets_are_amazons),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
