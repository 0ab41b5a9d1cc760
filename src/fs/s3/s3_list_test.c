/* Listings of S3, text in and text out: the queries that are sent, and their responses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fs/s3/s3_list.h"

static void request(struct cove__object_request *r, const char *body)
{
    static struct cove__s3 s3 = { .store = { .ops = &cove__s3_object_ops } };
    struct cove__ctx ctx = { .deadline_ns = INT64_MAX, .op = "list", .url = "s3://b/d" };

    cove__object_request_init(r, &s3.store, "GET", cove__object_split("b"), &ctx);
    r->http.response.max = 4096;
    cove__buf_add_str(&r->http.response, body);
}

static void test_request(void **state)
{
    static const struct {
        struct cove__object_list_query query;
        const char *text;
    } rows[] = {
        { { .limit = 1 }, "list-type=2&encoding-type=url&max-keys=1" },
        { { .prefix = { (const uint8_t *)"d e/", 4 }, .one_level = true, .limit = 1000 },
          "list-type=2&encoding-type=url&max-keys=1000&delimiter=%2F&prefix=d%20e%2F" },
        { { .prefix = { (const uint8_t *)"d/", 2 }, .limit = 1000, .token = "t+/=" },
          "list-type=2&encoding-type=url&max-keys=1000&prefix=d%2F&continuation-token=t%2B%2F%3D" },
    };
    struct cove__object_request r;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        request(&r, "");
        cove__s3_list_request(&r, &rows[i].query);
        assert_string_equal(cove__buf_str(&r.query), rows[i].text);
        cove__object_request_done(&r);
    }
}

struct listing {
    struct cove__page page;
    struct cove__object_page_reader p;
};

static int read_response(struct listing *l, const char *body)
{
    struct cove__object_request r;

    *l = (struct listing){ 0 };
    cove__object_page_init(&l->p, &l->page);
    l->p.bucket = cove__slice_str("b");
    l->p.prefix = cove__slice_str("d/");
    request(&r, body);
    int rc =
        strstr(body, "ListAllMyBuckets") ? cove__s3_buckets_response(&r, &l->p) : cove__s3_list_response(&r, &l->p);
    cove__object_request_done(&r);
    return rc;
}

static void end(struct listing *l)
{
    cove__object_page_done(&l->p);
    cove__page_done(&l->page);
}

static void test_response(void **state)
{
    struct listing l;

    /* Some stores send the encoding only after the names. */
    assert_int_equal(
        read_response(
            &l, "<ListBucketResult><IsTruncated>true</IsTruncated>"
                "<Contents><Key>d/a%20b%2B</Key><Size>12</Size><ETag>&quot;e&quot;</ETag>"
                "<LastModified>1970-01-01T00:00:01.000Z</LastModified><StorageClass>GLACIER</StorageClass></Contents>"
                "<Contents><Key>d/c</Key><Size>0</Size></Contents>"
                "<CommonPrefixes><Prefix>d/p%25/</Prefix></CommonPrefixes>"
                "<NextContinuationToken>t&amp;1</NextContinuationToken><EncodingType>url</EncodingType>"
                "</ListBucketResult>"),
        0);
    assert_int_equal(cove__object_page_end(&l.p, NULL), 0);
    assert_int_equal(l.page.n, 3);
    assert_string_equal(l.page.items[0].path, "b/d/a b+");
    assert_int_equal(l.page.items[0].size, 12);
    assert_int_equal(l.page.items[0].mtime_ns, 1000000000);
    assert_string_equal(l.page.items[0].etag, "\"e\"");
    assert_string_equal(l.page.items[0].storage_class, "GLACIER");
    assert_null(l.page.items[1].etag);
    assert_string_equal(l.page.items[1].storage_class, "");
    assert_string_equal(l.page.items[2].path, "b/d/p%");
    assert_int_equal(l.page.items[2].type, COVE_INFO_DIRECTORY);
    assert_string_equal(l.page.token, "t&1");
    end(&l);

    /* Not encoded, and the last page, whose token means nothing. */
    assert_int_equal(read_response(&l, "<ListBucketResult><Contents><Key>d/a%20</Key><Size>1</Size></Contents>"
                                       "<NextContinuationToken>t</NextContinuationToken></ListBucketResult>"),
                     0);
    assert_string_equal(l.page.items[0].path, "b/d/a%20");
    assert_false(l.p.more);
    end(&l);

    assert_int_equal(read_response(&l, "<ListAllMyBucketsResult><Buckets><Bucket><Name>x</Name></Bucket>"
                                       "<Bucket><Name>y</Name></Bucket></Buckets></ListAllMyBucketsResult>"),
                     0);
    assert_int_equal(l.page.n, 2);
    assert_string_equal(l.page.items[1].path, "y");
    end(&l);
}

static void test_unreadable(void **state)
{
    static const char *const responses[] = {
        "<html></html>",
        "<ListBucketResult><Contents>",
        "<ListBucketResult><IsTruncated>perhaps</IsTruncated></ListBucketResult>",
        "<ListBucketResult><Contents><Key>d/a</Key><Size>1x</Size></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
        "<ListAllMyBucketsResult><Buckets><Bucket></Bucket></Buckets></ListAllMyBucketsResult>",
    };
    struct listing l;

    for (size_t i = 0; i < sizeof responses / sizeof responses[0]; i++) {
        assert_int_equal(read_response(&l, responses[i]), COVE_EPROTOCOL);
        end(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_response),
        cmocka_unit_test(test_unreadable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
