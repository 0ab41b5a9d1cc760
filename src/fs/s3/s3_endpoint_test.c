/* The table of addresses: settings, a bucket and a region in, host, path and what is signed for out. The expected
 * hosts are those of Amazon's published endpoint rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "fs/s3/s3_endpoint.h"

#define AP      "arn:aws:s3:us-west-2:123456789012:accesspoint:ap"
#define AP_CN   "arn:aws-cn:s3:cn-north-1:123456789012:accesspoint:ap"
#define AP_GOV  "arn:aws-us-gov:s3:us-gov-east-1:123456789012:accesspoint:ap"
#define OL      "arn:aws:s3-object-lambda:us-west-2:123456789012:accesspoint/ol"
#define OUTPOST "arn:aws:s3-outposts:us-west-2:123456789012:outpost:op-01234567890123456:accesspoint:ap"
#define ALIAS   "test-accessp-o0b1d075431d83bebde8xz5w8ijx1qzlbp3i3kuse10--op-s3"
#define W       "us-west-2"

/* Letters of a row: d dual-stack, f FIPS, a acceleration, p path, v virtual, n an ARN's region must be the user's, e an
 * endpoint with a path, i one that is an IP address, s a store with the bucket in the host name, h plain http, w the
 * bucket itself is made or removed, u no region is named, x the endpoint is one of Amazon's. */
static struct s3_endpoint_rules rules_of(const char *flags, const char *region)
{
    struct s3_endpoint_rules r = { .region = strchr(flags, 'u') ? NULL : region,
                                   .tls = !strchr(flags, 'h'),
                                   .dual_stack = strchr(flags, 'd'),
                                   .fips = strchr(flags, 'f'),
                                   .accelerate = strchr(flags, 'a'),
                                   .ignore_arn_region = strchr(flags, 'n'),
                                   .bucket_in_host = strchr(flags, 's'),
                                   .directories = strchr(flags, 'x') };
    if (strchr(flags, 'e') || strchr(flags, 's')) {
        r.host = "store.example:9000";
        r.base = "/base";
    } else if (strchr(flags, 'i')) {
        r.host = "10.0.0.1:9000";
        r.base = "";
    }
    r.style = strchr(flags, 'p') ? S3_STYLE_PATH : strchr(flags, 'v') ? S3_STYLE_VIRTUAL : S3_STYLE_AUTO;
    return r;
}

static void test_addresses(void **state)
{
    static const struct {
        const char *flags, *bucket, *region, *url; /* url: without its scheme */
        const char *service, *signed_for;          /* NULL: s3; the region */
    } rows[] = {
        /* styles */
        { "", "bucket", "us-east-1", "bucket.s3.us-east-1.amazonaws.com/", NULL, NULL },
        { "", "bucket", W, "bucket.s3.us-west-2.amazonaws.com/", NULL, NULL },
        { "v", "bucket", W, "bucket.s3.us-west-2.amazonaws.com/", NULL, NULL },
        { "p", "bucket", W, "s3.us-west-2.amazonaws.com/bucket", NULL, NULL },
        { "", "", W, "s3.us-west-2.amazonaws.com/", NULL, NULL },
        { "", "bu.cket", W, "s3.us-west-2.amazonaws.com/bu.cket", NULL, NULL },
        { "v", "bu.cket", W, "s3.us-west-2.amazonaws.com/bu.cket", NULL, NULL },
        { "h", "bu.cket", W, "bu.cket.s3.us-west-2.amazonaws.com/", NULL, NULL },
        { "h", "bu..cket", W, "s3.us-west-2.amazonaws.com/bu..cket", NULL, NULL },
        { "h", "bu.-cket", W, "s3.us-west-2.amazonaws.com/bu.-cket", NULL, NULL },
        { "", "Bucket", W, "s3.us-west-2.amazonaws.com/Bucket", NULL, NULL },
        { "v", "b_t", W, "s3.us-west-2.amazonaws.com/b_t", NULL, NULL },
        { "", "aws-global-b", "aws-global", "aws-global-b.s3.us-east-1.amazonaws.com/", NULL, "us-east-1" },
        { "", "ap-name-abcdef-s3alias", W, "ap-name-abcdef-s3alias.s3.us-west-2.amazonaws.com/", NULL, NULL },
        { "", "n-1a4--ol-s3", W, "n-1a4--ol-s3.s3.us-west-2.amazonaws.com/", NULL, NULL },
        /* dual-stack, FIPS, acceleration */
        { "d", "bucket", W, "bucket.s3.dualstack.us-west-2.amazonaws.com/", NULL, NULL },
        { "f", "bucket", W, "bucket.s3-fips.us-west-2.amazonaws.com/", NULL, NULL },
        { "df", "bucket", W, "bucket.s3-fips.dualstack.us-west-2.amazonaws.com/", NULL, NULL },
        { "pdf", "bucket", W, "s3-fips.dualstack.us-west-2.amazonaws.com/bucket", NULL, NULL },
        { "d", "", W, "s3.dualstack.us-west-2.amazonaws.com/", NULL, NULL },
        { "d", "bu.cket", W, "s3.dualstack.us-west-2.amazonaws.com/bu.cket", NULL, NULL },
        { "a", "bucket", W, "bucket.s3-accelerate.amazonaws.com/", NULL, NULL },
        { "ad", "bucket", W, "bucket.s3-accelerate.dualstack.amazonaws.com/", NULL, NULL },
        { "a", "", W, "s3.us-west-2.amazonaws.com/", NULL, NULL },
        { "aw", "bucket", W, "bucket.s3.us-west-2.amazonaws.com/", NULL, NULL },
        /* partitions */
        { "", "bucket", "cn-north-1", "bucket.s3.cn-north-1.amazonaws.com.cn/", NULL, NULL },
        { "d", "bucket", "cn-north-1", "bucket.s3.dualstack.cn-north-1.amazonaws.com.cn/", NULL, NULL },
        { "f", "bucket", "us-gov-west-1", "bucket.s3-fips.us-gov-west-1.amazonaws.com/", NULL, NULL },
        { "", "bucket", "us-iso-east-1", "bucket.s3.us-iso-east-1.c2s.ic.gov/", NULL, NULL },
        { "f", "bucket", "us-iso-east-1", "bucket.s3-fips.us-iso-east-1.c2s.ic.gov/", NULL, NULL },
        { "d", "bucket", "us-isob-east-1", "bucket.s3.dualstack.us-isob-east-1.sc2s.sgov.gov/", NULL, NULL },
        { "", "bucket", "us-isof-south-1", "bucket.s3.us-isof-south-1.csp.hci.ic.gov/", NULL, NULL },
        { "", "bucket", "eu-isoe-west-1", "bucket.s3.eu-isoe-west-1.cloud.adc-e.uk/", NULL, NULL },
        { "", "bucket", "eusc-de-east-1", "bucket.s3.eusc-de-east-1.amazonaws.eu/", NULL, NULL },
        { "", "bucket", "xx-new-9", "bucket.s3.xx-new-9.amazonaws.com/", NULL, NULL },
        /* other endpoints */
        { "e", "bucket", W, "store.example:9000/base/bucket", NULL, NULL },
        { "ev", "bucket", W, "bucket.store.example:9000/base/", NULL, NULL },
        { "ev", "bu.cket", W, "bu.cket.store.example:9000/base/", NULL, NULL },
        { "ev", "b_t", W, "store.example:9000/base/b_t", NULL, NULL },
        { "s", "bucket", W, "bucket.store.example:9000/base/", NULL, NULL },
        { "s", "bu.cket", W, "store.example:9000/base/bu.cket", NULL, NULL },
        { "sp", "bucket", W, "store.example:9000/base/bucket", NULL, NULL },
        { "e", "", W, "store.example:9000/base/", NULL, NULL },
        { "iv", "bucket", W, "10.0.0.1:9000/bucket", NULL, NULL },
        { "e", "b--z--x-s3", W, "store.example:9000/base/b--z--x-s3", NULL, NULL },
        { "e", ALIAS, W, "store.example:9000/base/" ALIAS, NULL, NULL },
        /* access points */
        { "", AP, W, "ap-123456789012.s3-accesspoint.us-west-2.amazonaws.com/", NULL, NULL },
        { "d", AP, W, "ap-123456789012.s3-accesspoint.dualstack.us-west-2.amazonaws.com/", NULL, NULL },
        { "f", AP, W, "ap-123456789012.s3-accesspoint-fips.us-west-2.amazonaws.com/", NULL, NULL },
        { "df", AP, W, "ap-123456789012.s3-accesspoint-fips.dualstack.us-west-2.amazonaws.com/", NULL, NULL },
        { "", AP, "us-east-1", "ap-123456789012.s3-accesspoint.us-west-2.amazonaws.com/", NULL, W },
        { "n", AP, W, "ap-123456789012.s3-accesspoint.us-west-2.amazonaws.com/", NULL, W },
        { "nu", AP, "us-east-1", "ap-123456789012.s3-accesspoint.us-west-2.amazonaws.com/", NULL, W },
        { "e", AP, "us-east-1", "ap-123456789012.store.example:9000/base/", NULL, W },
        { "", AP_CN, "cn-north-1", "ap-123456789012.s3-accesspoint.cn-north-1.amazonaws.com.cn/", NULL, NULL },
        { "u", AP_CN, "us-east-1", "ap-123456789012.s3-accesspoint.cn-north-1.amazonaws.com.cn/", NULL, "cn-north-1" },
        { "f", AP_GOV, "us-gov-east-1", "ap-123456789012.s3-accesspoint-fips.us-gov-east-1.amazonaws.com/", NULL,
          NULL },
        { "", OL, "us-east-1", "ol-123456789012.s3-object-lambda.us-west-2.amazonaws.com/", "s3-object-lambda", W },
        { "f", OL, W, "ol-123456789012.s3-object-lambda-fips.us-west-2.amazonaws.com/", "s3-object-lambda", NULL },
        { "e", OL, W, "ol-123456789012.store.example:9000/base/", "s3-object-lambda", NULL },
        { "", OUTPOST, W, "ap-123456789012.op-01234567890123456.s3-outposts.us-west-2.amazonaws.com/", "s3-outposts",
          NULL },
        { "e", OUTPOST, W, "ap-123456789012.op-01234567890123456.store.example:9000/base/", "s3-outposts", NULL },
        { "", ALIAS, W, ALIAS ".op-0b1d075431d83bebd.s3-outposts.us-west-2.amazonaws.com/", "s3-outposts", NULL },
        /* directory buckets */
        { "", "b--usw2-az1--x-s3", W, "b--usw2-az1--x-s3.s3express-usw2-az1.us-west-2.amazonaws.com/", "s3express",
          NULL },
        { "p", "b--usw2-az1--xa-s3", W, "b--usw2-az1--xa-s3.s3express-usw2-az1.us-west-2.amazonaws.com/", "s3express",
          NULL },
        { "f", "b--usw2-az1--x-s3", W, "b--usw2-az1--x-s3.s3express-fips-usw2-az1.us-west-2.amazonaws.com/",
          "s3express", NULL },
        { "d", "b--usw2-az1--x-s3", W, "b--usw2-az1--x-s3.s3express-usw2-az1.dualstack.us-west-2.amazonaws.com/",
          "s3express", NULL },
        { "xe", "b--usw2-az1--x-s3", W, "b--usw2-az1--x-s3.store.example:9000/base/", "s3express", NULL },
        { "xep", "b--usw2-az1--x-s3", W, "store.example:9000/base/b--usw2-az1--x-s3", "s3express", NULL },
        { "xew", "b--usw2-az1--x-s3", W, "store.example:9000/base/b--usw2-az1--x-s3", "s3express", NULL },
        { "xi", "b--usw2-az1--x-s3", W, "10.0.0.1:9000/b--usw2-az1--x-s3", "s3express", NULL },
        { "xe", "bucket", W, "store.example:9000/base/bucket", NULL, NULL },
        { "e", "b--usw2-az1--x-s3", W, "store.example:9000/base/b--usw2-az1--x-s3", NULL, NULL },
        { "w", "b--usw2-az1--x-s3", W, "s3express-control.us-west-2.amazonaws.com/b--usw2-az1--x-s3", "s3express",
          NULL },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct s3_endpoint_rules rules = rules_of(rows[i].flags, rows[i].region);
        bool whole = strchr(rows[i].flags, 'w');
        struct cove_error err = COVE_ERROR_INIT;
        struct s3_address a;
        char url[1400];

        int rc = cove__s3_endpoint(&rules, cove__slice_str(rows[i].bucket), whole, rows[i].region, &a, &err);
        if (rc < 0)
            fail_msg("\"%s\" %s: %s", rows[i].flags, rows[i].bucket, err.message);
        snprintf(url, sizeof url, "%s%s", a.host, a.path);
        assert_string_equal(url, rows[i].url);
        assert_string_equal(a.scheme, rules.tls ? "https" : "http");
        assert_string_equal(a.service, rows[i].service ? rows[i].service : "s3");
        assert_string_equal(a.region, rows[i].signed_for ? rows[i].signed_for : rows[i].region);
        assert_int_equal(a.fixed_region, strncmp(rows[i].bucket, "arn:", 4) == 0);
        assert_int_equal(a.ends_in_bucket, a.path[strlen(a.path) - 1] != '/');
    }
}

static void test_refusals(void **state)
{
    static const struct {
        const char *flags, *bucket, *region;
        int code;
        const char *part;
    } rows[] = {
        { "f", "bucket", "cn-north-1", COVE_EINVAL, "aws-cn has no endpoints for the option use_fips_endpoint" },
        { "f", AP_CN, "cn-north-1", COVE_EINVAL, "aws-cn has no endpoints" },
        { "a", "bucket", "cn-north-1", COVE_EINVAL, "aws-cn has no use_accelerate_endpoint" },
        { "a", "bu.cket", W, COVE_EINVAL, "without dots" },
        { "a", "Bucket", W, COVE_EINVAL, "can stand in a host name" },
        { "a", AP, W, COVE_EINVAL, "an access point has no endpoint for the option use_accelerate_endpoint" },
        { "p", AP, W, COVE_EINVAL, "addressing_style=path" },
        { "i", AP, W, COVE_EINVAL, "IP address" },
        { "w", AP, W, COVE_ENOTSUP, "neither made nor removed" },
        { "n", AP, "us-east-1", COVE_EINVAL, "use_arn_region is false" },
        { "ne", AP, "us-east-1", COVE_EINVAL, "use_arn_region is false" },
        { "", AP, "cn-north-1", COVE_EINVAL, "the region cn-north-1 is not in the ARN's partition aws" },
        { "", "arn:aws-cn:s3:us-west-2:123456789012:accesspoint:ap", W, COVE_EINVAL, "not of its partition aws-cn" },
        { "", "arn:aws:s3::123456789012:accesspoint:mfzwi23gnjvgw.mrap", W, COVE_ENOTSUP, "SigV4a" },
        { "", "arn:aws:sqs:us-west-2:123456789012:accesspoint:ap", W, COVE_EINVAL, "the service sqs" },
        { "d", OL, W, COVE_EINVAL, "S3 Object Lambda has no endpoint for the option use_dualstack_endpoint" },
        { "a", OL, W, COVE_EINVAL, "S3 Object Lambda" },
        { "f", OUTPOST, W, COVE_EINVAL, "S3 on Outposts has no endpoint for the option use_fips_endpoint" },
        { "d", OUTPOST, W, COVE_EINVAL, "S3 on Outposts" },
        { "f", ALIAS, W, COVE_EINVAL, "S3 on Outposts" },
        { "", "short--op-s3", W, COVE_EINVAL, "not an alias" },
        { "a", "b--usw2-az1--x-s3", W, COVE_EINVAL, "a directory bucket" },
        { "", "b.c--usw2-az1--x-s3", W, COVE_EINVAL, "directory bucket's name" },
        { "", AP ":more", W, COVE_EINVAL, "not one of an access point" },
        { "", "arn:aws:s3:us-west-2::accesspoint:ap", W, COVE_EINVAL, "not one of an access point" },
        { "", "arn:aws:s3:us-west-2:1234:accesspoint:a_p", W, COVE_EINVAL, "not one of an access point" },
        { "", "arn:aws:s3:::bucket", W, COVE_EINVAL, "not one of an access point" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct s3_endpoint_rules rules = rules_of(rows[i].flags, rows[i].region);
        bool whole = strchr(rows[i].flags, 'w');
        struct cove_error err = COVE_ERROR_INIT;
        struct s3_address a = { .service = "untouched" };

        assert_int_equal(cove__s3_endpoint(&rules, cove__slice_str(rows[i].bucket), whole, rows[i].region, &a, &err),
                         rows[i].code);
        if (!strstr(err.message, rows[i].part))
            fail_msg("\"%s\" %s: \"%s\" does not hold \"%s\"", rows[i].flags, rows[i].bucket, err.message,
                     rows[i].part);
        assert_string_equal(a.service, "untouched");
    }
}

static void test_rules_of_names(void **state)
{
    char longest[65];
    const struct {
        const char *name, *rule;
    } cases[] = {
        { "a-bucket.of.names", NULL },
        { "123", NULL },
        { "1.2.3.a", NULL },
        { longest + 1, NULL },
        { longest, "3 to 63 characters" },
        { "ab", "3 to 63 characters" },
        { "", "3 to 63 characters" },
        { "My-bucket", "lower-case" },
        { "my_bucket", "lower-case" },
        { "-bucket", "begin and end" },
        { "bucket.", "begin and end" },
        { "a..b", "two dots" },
        { "10.0.0.1", "IP addresses" },
        { "arn:aws:s3:eu-west-1:1:accesspoint/A_B", NULL },
    };
    memset(longest, 'a', 64);
    longest[64] = '\0';
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *rule = cove__s3_broken_rule(cove__slice_str(cases[i].name));
        if (!cases[i].rule)
            assert_null(rule);
        else if (!rule || !strstr(rule, cases[i].rule))
            fail_msg("%s: %s", cases[i].name, rule ? rule : "no rule");
    }
}

static void test_too_long(void **state)
{
    char host[600], label[64];
    struct s3_endpoint_rules rules = { .host = host, .base = "" };
    struct cove_error err = COVE_ERROR_INIT;
    struct s3_address a;

    memset(host, 'h', sizeof host);
    host[sizeof host - 1] = '\0';
    assert_int_equal(cove__s3_endpoint(&rules, cove__slice_str("b"), false, W, &a, &err), COVE_EINVAL);
    host[500] = '\0';
    assert_int_equal(cove__s3_endpoint(&rules, cove__slice_str("b"), false, W, &a, &err), 0);
    memset(label, 'r', sizeof label);
    label[63] = '\0';
    assert_int_equal(cove__s3_endpoint(&rules, cove__slice_str("b"), false, label, &a, &err), 0);
}

static void test_contradictions(void **state)
{
    static const char *const bad[] = { "fa", "pa", "pdfa", "ea", "ef", "ed", "iad" }, *const good[] = {
        "", "df", "ad", "pdf", "e", "ep", "va"
    };
    struct cove_error err = COVE_ERROR_INIT;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct s3_endpoint_rules rules = rules_of(bad[i], W);
        assert_int_equal(cove__s3_endpoint_check(&rules, &err), COVE_EINVAL);
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct s3_endpoint_rules rules = rules_of(good[i], W);
        assert_int_equal(cove__s3_endpoint_check(&rules, &err), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses), cmocka_unit_test(test_refusals),       cmocka_unit_test(test_rules_of_names),
        cmocka_unit_test(test_too_long),  cmocka_unit_test(test_contradictions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
