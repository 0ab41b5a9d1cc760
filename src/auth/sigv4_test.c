/* Signature Version 4 against AWS's published examples: its test suite's key and the examples of S3's documentation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "auth/sigv4.h"
#include "base/clock.h"
#include "base/mem.h"
#include "wire/digest.h"

static struct cove__sigv4_request suite_request(void)
{
    return (struct cove__sigv4_request){ .key_id = "AKIDEXAMPLE",
                                         .secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                                         .region = "us-east-1",
                                         .service = "service",
                                         .method = "GET",
                                         .path = "/",
                                         .query = "",
                                         .payload_hash = COVE__SIGV4_EMPTY,
                                         .wall_ns = cove__parse_iso8601("2015-08-30T12:36:00Z") };
}

static struct cove__sigv4_request s3_request(void)
{
    return (struct cove__sigv4_request){ .key_id = "AKIAIOSFODNN7EXAMPLE",
                                         .secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                                         .region = "us-east-1",
                                         .service = "s3",
                                         .method = "GET",
                                         .path = "/",
                                         .query = "",
                                         .payload_hash = COVE__SIGV4_EMPTY,
                                         .wall_ns = cove__parse_iso8601("2013-05-24T00:00:00Z") };
}

static void check(const struct cove__sigv4_request *r, const char *headers, const char *signed_names,
                  const char *signature)
{
    struct cove__buf b = COVE__BUF_INIT(8192);
    char want[512];

    cove__buf_add_str(&b, headers);
    assert_int_equal(cove__sigv4_sign(r, NULL, &b), 0);
    snprintf(want, sizeof want, "SignedHeaders=%s, Signature=%s\n", signed_names, signature);
    assert_non_null(strstr(cove__buf_str(&b), want));
    assert_null(strstr(cove__buf_str(&b), r->secret));
    cove__buf_done(&b);
}

#define SUITE_HEADERS "Host: example.amazonaws.com\nX-Amz-Date: 20150830T123600Z\n"

static void test_aws_suite(void **state)
{
    struct cove__sigv4_request r = suite_request();
    check(&r, SUITE_HEADERS, "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    r.query = "Param2=value2&Param1=value1";
    check(&r, SUITE_HEADERS, "host;x-amz-date", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
    r.query = "";
    check(&r, SUITE_HEADERS "My-Header1: value2\nMy-Header1: value2\nMy-Header1: value1\n",
          "host;my-header1;x-amz-date", "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea");
    check(&r, SUITE_HEADERS "My-Header1:   value1\nMy-Header2: \"a   b   c\"  \n",
          "host;my-header1;my-header2;x-amz-date", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736");
    r.method = "POST";
    check(&r, SUITE_HEADERS, "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
}

/* The four examples of the S3 documentation, and that the order of headers does not matter. */
static void test_s3_examples(void **state)
{
    struct cove__sigv4_request r = s3_request();
    char hash[65];
    r.path = "/test.txt";
    check(&r,
          "x-amz-date: 20130524T000000Z\nRange: bytes=0-9\nx-amz-content-sha256: " COVE__SIGV4_EMPTY
          "\nHost: examplebucket.s3.amazonaws.com\n",
          "host;range;x-amz-content-sha256;x-amz-date",
          "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");

    assert_int_equal(cove__sha256_hex(cove__slice_str("Welcome to Amazon S3."), hash), 0);
    assert_string_equal(hash, "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072");
    r.method = "PUT";
    r.path = "/test%24file.text";
    r.payload_hash = hash;
    check(&r,
          "Date: Fri, 24 May 2013 00:00:00 GMT\nHost: examplebucket.s3.amazonaws.com\nx-amz-content-sha256: "
          "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072\nx-amz-date: 20130524T000000Z\n"
          "x-amz-storage-class: REDUCED_REDUNDANCY\n",
          "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
          "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");

    static const char common[] = "Host: examplebucket.s3.amazonaws.com\nx-amz-content-sha256: " COVE__SIGV4_EMPTY
                                 "\nx-amz-date: 20130524T000000Z\n";
    r = s3_request();
    r.query = "lifecycle";
    check(&r, common, "host;x-amz-content-sha256;x-amz-date",
          "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    r.query = "prefix=J&max-keys=2";
    check(&r, common, "host;x-amz-content-sha256;x-amz-date",
          "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

/* The example of the S3 documentation, and what a token adds to it. */
static void test_presigned(void **state)
{
    struct cove__sigv4_request r = s3_request();
    struct cove__buf query = COVE__BUF_INIT(8192);

    r.path = "/test.txt";
    assert_int_equal(cove__sigv4_presign(&r, NULL, "examplebucket.s3.amazonaws.com", 86400, NULL, NULL, &query), 0);
    assert_string_equal(cove__buf_str(&query),
                        "X-Amz-Algorithm=AWS4-HMAC-SHA256"
                        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
                        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
                        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    cove__buf_reset(&query);
    cove__buf_add_str(&query, "versionId=a");
    assert_int_equal(cove__sigv4_presign(&r, NULL, "h", 1, "X-Amz-Security-Token", "a+/=b", &query), 0);
    assert_int_equal(strncmp(cove__buf_str(&query), "versionId=a&X-Amz-Algorithm=", 28), 0);
    assert_non_null(strstr(cove__buf_str(&query), "&X-Amz-Security-Token=a%2B%2F%3Db&X-Amz-Signature="));
    assert_null(strstr(cove__buf_str(&query), r.secret));
    char key_id[400];
    memset(key_id, 'K', sizeof key_id - 1);
    key_id[sizeof key_id - 1] = '\0';
    r.key_id = key_id;
    assert_int_equal(cove__sigv4_presign(&r, NULL, "h", 1, NULL, NULL, &query), COVE_ELIMIT);
    cove__buf_done(&query);
}

static void test_cache_gives_the_same(void **state)
{
    struct cove__sigv4_cache cache = { "" };
    struct cove__sigv4_request r = suite_request();
    for (int i = 0; i < 12; i++) {
        struct cove__buf with = COVE__BUF_INIT(8192), without = COVE__BUF_INIT(8192);
        r.secret = i < 6 ? "one" : "two"; /* a new secret under an old key id */
        r.region = i % 2 ? "us-east-1" : "eu-west-1";
        r.service = i % 3 ? "s3" : "s3express";
        cove__buf_add_str(&with, SUITE_HEADERS);
        cove__buf_add_str(&without, SUITE_HEADERS);
        assert_int_equal(cove__sigv4_sign(&r, &cache, &with), 0);
        assert_int_equal(cove__sigv4_sign(&r, NULL, &without), 0);
        assert_memory_equal(with.data, without.data, without.size);
        cove__buf_done(&with);
        cove__buf_done(&without);
    }
}

static void test_ceilings(void **state)
{
    struct cove__sigv4_request r = suite_request();
    struct cove__buf query = COVE__BUF_INIT(4096), b = COVE__BUF_INIT(65536);
    for (int i = 0; i <= COVE__SIGV4_QUERY_MAX; i++)
        cove__buf_addf(&query, "&q%d=", i);
    r.query = cove__buf_str(&query);
    cove__buf_add_str(&b, SUITE_HEADERS);
    assert_int_equal(cove__sigv4_sign(&r, NULL, &b), COVE_ELIMIT);
    r.query = "";
    for (int i = 0; i <= COVE__SIGV4_HEADERS_MAX; i++)
        cove__buf_addf(&b, "h%d: v\n", i);
    assert_int_equal(cove__sigv4_sign(&r, NULL, &b), COVE_ELIMIT);
    cove__buf_done(&query);
    cove__buf_done(&b);
}

static void test_no_memory(void **state)
{
    struct cove__sigv4_request r = suite_request();
    for (unsigned long n = 1; n < 100; n++) {
        struct cove__buf b = COVE__BUF_INIT(8192);
        cove__buf_add_str(&b, SUITE_HEADERS);
        cove__mem_fail(n, 0);
        int rc = cove__sigv4_sign(&r, NULL, &b);
        bool failed = cove__mem_fail(0, 0) >= n;
        assert_int_equal(rc, failed ? COVE_ENOMEM : 0);
        cove__buf_done(&b);
        if (!failed)
            return;
    }
    fail_msg("an allocation without end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aws_suite), cmocka_unit_test(test_s3_examples),
        cmocka_unit_test(test_presigned), cmocka_unit_test(test_cache_gives_the_same),
        cmocka_unit_test(test_ceilings),  cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
