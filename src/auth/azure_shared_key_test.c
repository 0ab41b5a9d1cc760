/* Shared Key and SAS against the example of Azure's documentation, and signatures that Python's hmac has made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auth/azure_shared_key.h"
#include "base/clock.h"
#include "wire/digest.h"

/* Azurite's, which is no secret. */
#define KEY "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

static uint8_t bytes[64];

static struct cove__shared_key key_of(const char *account)
{
    assert_true(cove__unbase64(KEY, bytes, sizeof bytes));
    return (struct cove__shared_key){ account, cove__slice(bytes, sizeof bytes) };
}

/* https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key, "Shared Key format for 2009-09-19" */
static void test_the_documented_example(void **state)
{
    const struct cove__shared_key key = key_of("myaccount");
    struct cove__buf text = COVE__BUF_INIT(4096), headers = COVE__BUF_INIT(4096);
    struct cove__shared_key_request request = { .method = "GET",
                                                .path = "/mycontainer",
                                                .query = "timeout=20&restype=container&comp=metadata" };

    cove__buf_add_str(&headers, "x-ms-version: 2015-02-21\nx-ms-date: Fri, 26 Jun 2015 23:39:12 GMT\n");
    request.headers = cove__buf_slice(&headers);
    assert_int_equal(cove__shared_key_text(&key, &request, &text), 0);
    assert_string_equal(cove__buf_str(&text), "GET\n\n\n\n\n\n\n\n\n\n\n\n"
                                              "x-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n"
                                              "/myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20");
    cove__buf_reset(&headers);
    cove__buf_add_str(&headers, "x-ms-version: 2015-02-21\nx-ms-date: Fri, 26 Jun 2015 23:39:12 GMT\n");
    assert_int_equal(cove__shared_key_sign(&key, &request, &headers), 0);
    assert_non_null(strstr(cove__buf_str(&headers),
                           "\nAuthorization: SharedKey myaccount:1u9lui2jDxj0+fpbHjQ5m5NnastJRSYM+PSmfi8TXx4=\n"));
    cove__buf_done(&text);
    cove__buf_done(&headers);
}

/* Every header that has a line, in its place, whatever the case of its name; values of a query decoded, several of one
 * name joined. */
static void test_all_lines(void **state)
{
    const struct cove__shared_key key = key_of("a");
    struct cove__buf text = COVE__BUF_INIT(4096);
    static const char lines[] = "Range: bytes=0-9\nIf-None-Match: *\nif-match: \"e\"\ncontent-type:  text/plain \n"
                                "X-MS-Meta-B: 2\nx-ms-meta-a: 1\nContent-MD5: m\nContent-Encoding: gzip\n"
                                "Content-Language: de\nIf-Modified-Since: s\nIf-Unmodified-Since: u\nAccept: x\n";
    const struct cove__shared_key_request request = { .method = "PUT",
                                                      .path = "/a/c/b%20c",
                                                      .query = "Prefix=a%2Fb&comp=x&comp=y&flag",
                                                      .headers = cove__slice_str(lines),
                                                      .body_size = 17 };

    assert_int_equal(cove__shared_key_text(&key, &request, &text), 0);
    assert_string_equal(cove__buf_str(&text),
                        "PUT\ngzip\nde\n17\nm\ntext/plain\n\ns\n\"e\"\n*\nu\nbytes=0-9\nx-ms-meta-a:1\nx-ms-meta-b:2\n"
                        "/a/a/c/b%20c\ncomp:x,y\nflag:\nprefix:a/b");
    cove__buf_done(&text);
}

static void test_malformed(void **state)
{
    const struct cove__shared_key key = key_of("a");
    struct cove__buf text = COVE__BUF_INIT(4096);
    const struct cove__shared_key_request request = { .method = "GET", .path = "/c", .query = "a=%zz" };

    assert_int_equal(cove__shared_key_text(&key, &request, &text), COVE_EPROTOCOL);
    cove__buf_done(&text);
}

static void test_sas(void **state)
{
    const struct cove__shared_key key = key_of("acct");
    struct cove__buf query = COVE__BUF_INIT(4096);
    struct cove__blob_sas sas = { .permissions = "r",
                                  .container = cove__slice_str("c"),
                                  .blob = cove__slice_str("a b.txt"),
                                  .protocol = "https",
                                  .expires_ns = cove__parse_iso8601("2026-11-23T21:13:00Z") };

    assert_int_equal(cove__blob_sas_sign(&key, &sas, &query), 0);
    assert_string_equal(cove__buf_str(&query), "sv=2023-11-03&se=2026-11-23T21%3A13%3A00Z&sr=b&sp=r&spr=https&sig="
                                               "qlUVd7AKeyAddhANR3j%2Bx0HrL7YP0JvqKzfkuevS1OA%3D");
    cove__buf_reset(&query);
    sas.version = cove__slice_str("2026-01-01T00:00:00.0000000Z");
    assert_int_equal(cove__blob_sas_sign(&key, &sas, &query), 0);
    assert_non_null(strstr(cove__buf_str(&query), "&sr=bv&"));
    cove__buf_done(&query);
}

static void test_a_delegated_sas(void **state)
{
    struct cove__delegation_key key = { .object_id = (char *)"o",
                                        .tenant_id = (char *)"t",
                                        .start = (char *)"2026-11-20T00:00:00Z",
                                        .expiry = (char *)"2026-11-27T00:00:00Z",
                                        .service = (char *)"b",
                                        .version = (char *)"2023-11-03",
                                        .key_size = 32 };
    struct cove__buf query = COVE__BUF_INIT(4096);
    const struct cove__blob_sas sas = { .permissions = "r",
                                        .container = cove__slice_str("c"),
                                        .blob = cove__slice_str("a b.txt"),
                                        .protocol = "https",
                                        .expires_ns = cove__parse_iso8601("2026-11-23T21:13:00Z") };

    memset(key.key, 'k', key.key_size);
    assert_int_equal(cove__blob_sas_delegate("acct", &key, &sas, &query), 0);
    assert_string_equal(cove__buf_str(&query),
                        "sv=2023-11-03&se=2026-11-23T21%3A13%3A00Z&sr=b&sp=r&spr=https&skoid=o&sktid=t&"
                        "skt=2026-11-20T00%3A00%3A00Z&ske=2026-11-27T00%3A00%3A00Z&sks=b&skv=2023-11-03&sig="
                        "S1tGcOaO1g%2B8WwnVi3Pzn9FvygCM8S1FownENH%2FN%2B0s%3D");
    cove__buf_done(&query);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_documented_example),
        cmocka_unit_test(test_all_lines),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_sas),
        cmocka_unit_test(test_a_delegated_sas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
