/* DeleteObjects of S3, text in and text out: the body that is sent, and the response for each key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fs/s3/s3_batch.h"

static const struct cove__object_batch_ops *const batch = &cove__s3_batch_ops;

static void request(struct cove__object_request *r)
{
    static struct cove__s3 s3 = { .store = { .ops = &cove__s3_object_ops } };
    struct cove__ctx ctx = { .deadline_ns = INT64_MAX, .op = "remove", .url = "s3://b/k" };

    cove__object_request_init(r, &s3.store, "POST", cove__object_split("b"), &ctx);
    r->http.response.max = 4096;
}

static void test_body(void **state)
{
    const struct cove__object_deletion rows[] = {
        { .name = cove__object_split("b/a&b") },
        { .name = cove__object_split("b/c"), .version = "W/\"e\"" },
        { .name = { .key = cove__slice_str("d"), .version = cove__slice_str("v1") } },
    };
    const struct cove__object_deletion no_key = { .name = cove__object_split("b/") },
                                       no_xml = { .name = cove__object_split("b/\x01") };
    struct cove__buf body = COVE__BUF_INIT(4096);
    struct cove__object_request r;

    request(&r);
    batch->request(&r);
    assert_string_equal(cove__buf_str(&r.query), "delete=");
    assert_string_equal(cove__buf_str(&r.extra), "Content-Type: application/xml\n");
    batch->begin(&r, &body);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_true(batch->add(&r, i, &rows[i], &body));
    batch->end(&r, &body);
    assert_string_equal(cove__buf_str(&body),
                        "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>"
                        "<Object><Key>a&amp;b</Key></Object>"
                        "<Object><Key>c</Key><ETag>&quot;e&quot;</ETag></Object>"
                        "<Object><Key>d</Key><VersionId>v1</VersionId></Object></Delete>");
    assert_false(batch->add(&r, 3, &no_key, &body));
    cove__buf_reset(&body);
    assert_false(batch->add(&r, 4, &no_xml, &body));
    cove__object_request_done(&r);
    cove__buf_done(&body);
}

/* Adds the result as a line. */
static void note(void *user, const struct cove__object_deletion_result *result)
{
    assert_true(result->index == COVE__DELETION_BY_NAME);
    cove__buf_addf(user, "%.*s %.*s %s %d %d %d %s\n", (int)result->key.size, (const char *)result->key.data,
                   (int)result->version_id.size, (const char *)result->version_id.data, result->code, result->rc,
                   (int)result->retry, (int)result->refusal, result->message);
}

static int read_response(const char *text, struct cove__buf *ret)
{
    struct cove__object_request r;

    cove__buf_reset(ret);
    request(&r);
    cove__buf_add_str(&r.http.response, text);
    int rc = batch->response(&r, note, ret);
    cove__object_request_done(&r);
    return rc;
}

static void test_response(void **state)
{
    struct cove__buf results = COVE__BUF_INIT(4096);
    char expected[256];

    assert_int_equal(read_response("<DeleteResult/>", &results), 0);
    assert_string_equal(cove__buf_str(&results), "");
    assert_int_equal(
        read_response("<DeleteResult><Deleted><Key>a</Key></Deleted>"
                      "<Error><Key>b</Key><VersionId>v</VersionId><Code>SlowDown</Code></Error>"
                      "<Error><Code>AccessDenied</Code><Key>c&amp;</Key><Message>No &lt;you&gt;</Message></Error>"
                      "<Error><Key>d</Key><Code>NoSuchBucket</Code></Error></DeleteResult>",
                      &results),
        0);
    snprintf(expected, sizeof expected,
             "b v SlowDown %d 1 %d \nc&  AccessDenied %d 0 %d No <you>\nd  NoSuchBucket %d 0 %d \n", COVE_ETHROTTLED,
             COVE__REFUSED_OTHER, COVE_EACCESS, COVE__REFUSED_ACCESS, COVE_ENOTFOUND, COVE__REFUSED_NO_BUCKET);
    assert_string_equal(cove__buf_str(&results), expected);
    assert_int_equal(read_response("<html></html>", &results), COVE_EPROTOCOL);
    assert_int_equal(read_response("<DeleteResult><Error>", &results), COVE_EPROTOCOL);
    cove__buf_done(&results);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_body), cmocka_unit_test(test_response) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
