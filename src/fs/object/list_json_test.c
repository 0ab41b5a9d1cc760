/* Pages of listings in JSON, text in and text out, by a reader for the shape of Google Cloud Storage's: they become the
 * same pages as S3's XML. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/object/object.h"
#include "wire/json.h"

static const struct cove__object_ops ops = { .name = "json", .format = COVE__OBJECT_JSON };

/* ---- the reader, as a backend has one ---- */

struct reader {
    struct cove__object_page_reader *page;
    struct cove__buf key;
    char version[32];
    int64_t size, mtime_ns;
};

static void begin_item(struct reader *l)
{
    cove__buf_reset(&l->key);
    l->version[0] = '\0';
    l->size = l->mtime_ns = -1;
}

static int on_value(void *user, const char *path, enum cove__json_type type, const char *text)
{
    struct reader *l = user;
    struct cove__slice value = cove__slice_str(text);

    if (type != COVE__JSON_STRING)
        return 0;
    if (strcmp(path, "items[]/name") == 0)
        return cove__buf_add_slice(&l->key, value);
    if (strcmp(path, "items[]/size") == 0)
        l->size = cove__object_number(value);
    else if (strcmp(path, "items[]/generation") == 0)
        cove__object_text(value, l->version, sizeof l->version);
    else if (strcmp(path, "items[]/updated") == 0)
        l->mtime_ns = cove__object_date(value);
    else if (strcmp(path, "prefixes[]") == 0)
        return cove__object_page_add_prefix(l->page, value);
    else if (strcmp(path, "nextPageToken") == 0)
        return cove__object_page_more(l->page, value);
    return 0;
}

static int on_end(void *user, const char *path)
{
    struct reader *l = user;

    if (strcmp(path, "items[]") != 0)
        return 0;
    struct cove__object_entry entry = {
        .key = cove__buf_slice(&l->key), .size = l->size, .mtime_ns = l->mtime_ns, .version = l->version
    };
    int rc = cove__object_page_add(l->page, &entry);
    begin_item(l);
    return rc;
}

static int list_response(const struct cove__object_request *r, struct cove__object_page_reader *page)
{
    static const struct cove__json_handler handler = { on_value, on_end };
    struct reader l = { .page = page, .key = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX) };
    char why[160];

    begin_item(&l);
    int rc = cove__json_read(cove__buf_slice(&r->http.response), &handler, &l, why, sizeof why);
    cove__buf_done(&l.key);
    return rc == COVE_EINVAL ? COVE_EPROTOCOL : rc;
}

/* ---- tests ---- */

struct listing {
    struct cove__object_store store;
    struct cove__object_request r;
    struct cove__page page;
    struct cove__object_page_reader p;
};

static int read_response(struct listing *l, const char *body)
{
    struct cove__ctx ctx = { .deadline_ns = INT64_MAX, .op = "list", .url = "gs://b/d" };

    memset(l, 0, sizeof *l);
    l->store.ops = &ops;
    cove__object_request_init(&l->r, &l->store, "GET", cove__object_split("b"), &ctx);
    l->r.http.response.max = (size_t)4 << 20;
    assert_int_equal(cove__buf_add_str(&l->r.http.response, body), 0);
    cove__object_page_init(&l->p, &l->page);
    l->p.bucket = cove__slice_str("b");
    l->p.prefix = cove__slice_str("d/");
    return list_response(&l->r, &l->p);
}

static void end(struct listing *l)
{
    cove__object_page_done(&l->p);
    cove__page_done(&l->page);
    cove__object_request_done(&l->r);
}

static void test_response(void **state)
{
    struct listing l;

    assert_int_equal(
        read_response(&l, "{\n \"kind\": \"storage#objects\",\n \"nextPageToken\": \"CgNk\\u002fYg==\",\n"
                          " \"prefixes\": [\"d/p%/\"],\n"
                          " \"items\": [{\"kind\": \"storage#object\", \"name\": \"d/a b+\\u00e4\", \"size\": \"12\","
                          " \"generation\": \"1700000000000001\", \"updated\": \"1970-01-01T00:00:01.000Z\","
                          " \"metadata\": {\"name\": \"another\", \"items\": \"x\"}}, {\"name\": \"d/c\", \"size\": "
                          "\"0\", \"generation\": \"2\"}]\n}\n"),
        0);
    assert_int_equal(cove__object_page_end(&l.p, NULL), 0);
    assert_int_equal(l.page.n, 3);
    assert_string_equal(l.page.items[0].path, "b/d/a b+\xc3\xa4");
    assert_int_equal(l.page.items[0].size, 12);
    assert_int_equal(l.page.items[0].mtime_ns, 1000000000);
    assert_string_equal(l.page.items[0].etag, "1700000000000001");
    assert_string_equal(l.page.items[1].path, "b/d/c");
    assert_int_equal(l.page.items[1].mtime_ns, -1);
    assert_string_equal(l.page.items[2].path, "b/d/p%");
    assert_int_equal(l.page.items[2].type, COVE_INFO_DIRECTORY);
    assert_string_equal(l.page.token, "CgNk/Yg==");
    end(&l);
}

/* Prefixes without items, pages without either, and the last one. */
static void test_empty_pages(void **state)
{
    static const struct {
        const char *body;
        size_t n;
        const char *token;
    } rows[] = {
        { "{\"prefixes\": [\"d/e/\", \"d/f/\"]}", 2, NULL },
        { "{\"nextPageToken\": \"t\"}", 0, "t" },
        { "{\"items\": [], \"prefixes\": [], \"nextPageToken\": \"t\"}", 0, "t" },
        { "{\"kind\": \"storage#objects\"}", 0, NULL },
        { "{}", 0, NULL },
    };
    struct listing l;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(read_response(&l, rows[i].body), 0);
        assert_int_equal(cove__object_page_end(&l.p, NULL), 0);
        assert_int_equal(l.page.n, rows[i].n);
        assert_true(l.p.seen == (rows[i].n > 0));
        if (rows[i].token)
            assert_string_equal(l.page.token, rows[i].token);
        else
            assert_null(l.page.token);
        end(&l);
    }
}

static void test_unreadable(void **state)
{
    static const struct {
        const char *body, *message;
    } rows[] = {
        { "<html></html>", "list gs://b/d: the listing cannot be read: the response is a page of HTML, so it is not "
                           "from the store: check the endpoint and any proxy" },
        { "<ListBucketResult/>", "list gs://b/d: the listing cannot be read: the response is not JSON, so it is not "
                                 "from the store: check the endpoint and any proxy" },
        { "", "list gs://b/d: the listing cannot be read: the response is not JSON, so it is not from the store: check "
              "the endpoint and any proxy" },
        { "{\"items\": [", NULL },
        { "{\"items\": [{\"name\": \"d/a\", \"size\": \"1x\"}]}", NULL },
        { "{\"items\": [{\"size\": \"1\"}]}", NULL },
        { "{\"items\": [{\"name\": \"x/y\", \"size\": \"1\"}]}", NULL },
        { "{\"prefixes\": [\"x/\"]}", NULL },
        { "{\"items\": [], \"items\": []}", NULL },
    };
    struct listing l;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cove_error err = COVE_ERROR_INIT;
        int rc = read_response(&l, rows[i].body);
        assert_int_equal(rc, COVE_EPROTOCOL);
        assert_int_equal(cove__object_unreadable(&l.r, &err, rc, "the listing"), COVE_EPROTOCOL);
        if (rows[i].message)
            assert_string_equal(err.message, rows[i].message);
        end(&l);
    }
}

/* The largest page that Google Cloud Storage gives: its entries are all that takes memory. */
static void test_a_large_page(void **state)
{
    struct cove__buf body = COVE__BUF_INIT((size_t)4 << 20);
    struct listing l;

    cove__buf_add_str(&body, "{\"items\": [");
    for (int i = 0; i < 5000; i++)
        cove__buf_addf(&body,
                       "%s{\"name\": \"d/%05d\", \"size\": \"%d\", \"generation\": \"%d\", \"crc32c\": \"AAAAAA==\", "
                       "\"updated\": \"2026-01-02T03:04:05.678Z\", \"contentType\": \"application/octet-stream\"}",
                       i > 0 ? ", " : "", i, i, i + 1);
    cove__buf_add_str(&body, "], \"nextPageToken\": \"t\"}");
    assert_int_equal(read_response(&l, cove__buf_str(&body)), 0);
    assert_int_equal(cove__object_page_end(&l.p, NULL), 0);
    assert_int_equal(l.page.n, 5000);
    assert_string_equal(l.page.items[4999].path, "b/d/04999");
    assert_int_equal(l.page.items[4999].size, 4999);
    end(&l);
    cove__buf_done(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_response),
        cmocka_unit_test(test_empty_pages),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_a_large_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
