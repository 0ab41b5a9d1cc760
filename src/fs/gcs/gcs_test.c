/* Google Cloud Storage: URLs, options, and responses as text. No network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cove/fs.h>

#include "base/mem.h"
#include "base/secret.h"
#include "fs/fs_impl.h"
#include "fs/gcs/gcs_batch.h"
#include "fs/gcs/gcs_copy.h"
#include "fs/gcs/gcs_list.h"
#include "fs/gcs/gcs_request.h"
#include "fs/gcs/gcs_resource.h"
#include "fs/gcs/gcs_upload.h"
#include "fs/object/temporaries.h"

static struct cove__gcs gcs = { .store = { .ops = &cove__gcs_object_ops } };
static const struct cove__ctx ctx = { .op = "test", .url = "gs://b/k" };
static struct cove_error err = COVE_ERROR_INIT;
static struct cove__object_request r;

/* ---- names ---- */

static void test_names(void **state)
{
    static const struct {
        const char *url, *want; /* NULL: refused */
    } rows[] = {
        { "gs://bkt/a/b", "bkt/a/b" },
        { "gcs://bkt/a", "bkt/a" },
        { "GS://bkt", "bkt" },
        { "gs://bkt/", "bkt" },
        { "gs://", "" },
        { "bkt/a", "bkt/a" },
        { "//bkt/a", "bkt/a" },
        { "gs:///a", NULL },
        { "gs://b k/a", NULL },
        { "gs://user:secret@b/a", NULL },
        { "gs://bkt/a\nb", NULL },
        { "gs://bkt/a\xff", NULL },
        { "gs://bkt/..", NULL },
        { "gs://../x", NULL },
        { "gs://.", NULL },
        { "gs://...", "..." },
        { "gs://bkt/a/..", "bkt/a/.." },
        { "gs://bkt//a", "bkt//a" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *path = NULL;
        int rc = cove__gcs_parse(rows[i].url, &path, &err);
        assert_int_equal(rc, rows[i].want ? 0 : COVE_EINVAL);
        if (rc == 0)
            assert_string_equal(path, rows[i].want);
        else
            assert_null(strstr(err.message, "secret"));
        cove__free(path);
    }
    char longest[7 + 1025 + 1] = "gs://b/", *path = NULL;
    memset(longest + 7, 'x', 1025);
    assert_int_equal(cove__gcs_parse(longest, &path, &err), COVE_EINVAL);
}

static void test_rules_of_bucket_names(void **state)
{
    static const char *const good[] = { "abc", "a-b_c.d", "1a2" }, *const bad[] = {
        "ab", "Abc", "abc-", ".abc", "a23456789012345678901234567890123456789012345678901234567890123456"
    };

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_null(cove__gcs_broken_rule(cove__slice_str(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_non_null(cove__gcs_broken_rule(cove__slice_str(bad[i])));
}

static void test_generations(void **state)
{
    static const char *const good[] = { "1", "1796050534875262" }, *const bad[] = {
        "", "0", "01", "-1", "1a", "\"1\"", "12345678901234567890"
    };

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(cove__gcs_is_generation(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(cove__gcs_is_generation(bad[i]));
}

/* ---- options ---- */

static bool is_emulator; /* of the last that was opened */

/* Opens a filesystem with these options; its endpoint into `endpoint`. */
static int open_with(const char *const *pairs, char endpoint[256])
{
    cove_options *options = cove_options_new();
    cove_fs *fs = NULL;
    char *text = NULL;
    int rc = 0;

    for (; rc == 0 && pairs[0]; pairs += 2)
        rc = cove_options_set(options, pairs[0], pairs[1], &err);
    if (rc == 0)
        rc = cove_fs_from_url("gs://b/k", options, &fs, NULL, &err);
    if (rc == 0) {
        assert_int_equal(cove_fs_endpoint(fs, &text, &err), 0);
        snprintf(endpoint, 256, "%s", text);
        is_emulator = ((const struct cove__gcs *)fs->self)->emulator;
    }
    cove_free(text);
    cove_fs_unref(fs);
    cove_options_free(options);
    return rc;
}

static void test_endpoints(void **state)
{
    static const struct {
        const char *environment, *url, *universe, *want;
        bool emulator;
    } rows[] = {
        { NULL, NULL, NULL, "https://storage.googleapis.com", false },
        { NULL, NULL, "example.com", "https://storage.example.com", false },
        { "127.0.0.1:4443", NULL, NULL, "http://127.0.0.1:4443", true },
        { "http://h:1/storage/v1/", NULL, NULL, "http://h:1", true },
        { "default", NULL, NULL, "https://storage.googleapis.com", false },
        { "http://h:1", "https://other:2/base", NULL, "https://other:2/base", true },
        { "http://h:1", NULL, NULL, "http://h:1", true },
        { "h:1", "default", NULL, "https://storage.googleapis.com", false },
        { NULL, "h:1", NULL, "https://h:1", true }, /* no token goes out in clear text */
        { NULL, "localhost:1", NULL, "http://localhost:1", true },
        { NULL, "storage.googleapis.com", NULL, "https://storage.googleapis.com", false },
        /* Google's own, by other names. */
        { NULL, "https://storage.googleapis.com", NULL, "https://storage.googleapis.com", false },
        { NULL, "https://storage.me-central2.rep.googleapis.com", NULL,
          "https://storage.me-central2.rep.googleapis.com", false },
        { NULL, "https://private.GoogleAPIs.com", NULL, "https://private.GoogleAPIs.com", false },
        { NULL, "http://storage.googleapis.com", NULL, "http://storage.googleapis.com", true },
        { NULL, "https://notgoogleapis.com", NULL, "https://notgoogleapis.com", true },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *pairs[7] = { "token", "anon" };
        size_t n = 2;
        char endpoint[256];
        unsetenv("STORAGE_EMULATOR_HOST");
        if (rows[i].environment)
            setenv("STORAGE_EMULATOR_HOST", rows[i].environment, 1);
        if (rows[i].url) {
            pairs[n++] = "endpoint_url";
            pairs[n++] = rows[i].url;
        }
        if (rows[i].universe) {
            pairs[n++] = "universe_domain";
            pairs[n++] = rows[i].universe;
        }
        assert_int_equal(open_with(pairs, endpoint), 0);
        assert_string_equal(endpoint, rows[i].want);
        assert_int_equal(is_emulator, rows[i].emulator);
    }
    unsetenv("STORAGE_EMULATOR_HOST");
}

static void test_refused_options(void **state)
{
    static const struct {
        const char *pairs[5], *message;
    } rows[] = {
        { { "requester_pays", "true" }, "project" },
        { { "encryption_key", "tooshort" }, "encryption_key" },
        { { "encryption_key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "kms_key_name", "k" }, "exclude" },
        { { "cache_control", "a\nb" }, "cache_control" },
        { { "access", "everything" }, "access" },
    };
    char endpoint[256];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(open_with(rows[i].pairs, endpoint), COVE_EINVAL);
        assert_non_null(strstr(err.message, rows[i].message));
        assert_null(strstr(err.message, "tooshort"));
    }
    const char *good[] = {
        "token", "anon", "encryption_key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "requester_pays", "p", NULL
    };
    assert_int_equal(open_with(good, endpoint), 0);
}

/* ---- responses ---- */

static void answered(const char *method, const char *path, int status, const char *headers, const char *body)
{
    cove__object_request_init(&r, &gcs.store, method, cove__object_split(path), &ctx);
    r.http.response.max = 65536;
    r.http.response_headers.max = 65536;
    r.http.status = status;
    cove__buf_add_str(&r.http.response_headers, headers);
    cove__buf_add_str(&r.http.response, body);
}

#define RESOURCE                                                                                                       \
    "{\"generation\":\"17\",\"metageneration\":\"2\",\"size\":\"9\",\"updated\":\"2026-11-30T15:20:04.250Z\","         \
    "\"crc32c\":\"AAAABQ==\",\"md5Hash\":\"x==\",\"contentType\":\"text/plain\",\"storageClass\":\"STANDARD\","        \
    "\"metadata\":{\"Epoch\":\"7\",\"a/b\":\"line\\nbreak\",\"x:y\":\"no header\",\"cove-write\":\"mark\"}}"

static void test_resources(void **state)
{
    enum cove__http_verdict verdict;
    struct cove__object_head head;

    answered("HEAD", "b/k", 200, "date: now\ncontent-type: application/json\n", RESOURCE);
    cove__gcs_state(&r)->kind = GCS_RESOURCE;
    assert_false(cove__gcs_response(&r, &verdict, &err));
    assert_string_equal(cove__buf_str(&r.http.response_headers),
                        "date: now\nx-goog-generation: 17\nx-goog-metageneration: 2\n"
                        "x-goog-stored-content-length: 9\nlast-modified: 2026-11-30T15:20:04.250Z\n"
                        "content-type: text/plain\nx-goog-storage-class: STANDARD\nx-goog-meta-Epoch: 7\n"
                        "x-goog-meta-a/b: line break\nx-goog-meta-cove-write: mark\n"
                        "x-goog-hash: crc32c=AAAABQ==,md5=x==\n");
    assert_int_equal(r.http.response.size, 0);
    cove__object_head_response(&r, &head);
    assert_int_equal(head.size, 9);
    assert_string_equal(head.version, "17");
    assert_string_equal(head.write_id, "mark");
    assert_int_equal(head.mtime_ns, INT64_C(1796052004250000000));
    assert_true(head.has_crc32c && head.crc32c == 5);
    cove__object_request_done(&r);

    /* A proxy's page stays for the engine to refuse. */
    answered("HEAD", "b/k", 200, "content-type: text/html\n", "<html>");
    cove__gcs_state(&r)->kind = GCS_RESOURCE;
    assert_false(cove__gcs_response(&r, &verdict, &err));
    assert_int_equal(cove__object_accept_head(&r, &err), COVE_EPROTOCOL);
    cove__object_request_done(&r);
}

static void test_checksums(void **state)
{
    static const struct {
        const char *headers;
        bool there;
    } rows[] = {
        { "x-goog-hash: crc32c=AAAABQ==\n", true },
        { "x-goog-hash: md5=abc\nx-goog-hash: crc32c=AAAABQ==\n", true },
        { "x-goog-hash: md5=abc,crc32c=AAAABQ==\n", true },
        { "x-goog-hash: md5=abc\n", false },
        { "x-goog-hash: crc32c=AAAA\n", false },
        { "x-other: crc32c=AAAABQ==\n", false },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t sum = 0;
        answered("GET", "b/k", 200, rows[i].headers, "");
        assert_int_equal(cove__gcs_response_crc32c(&r, &sum), rows[i].there);
        assert_int_equal(sum, rows[i].there ? 5 : 0);
        cove__object_request_done(&r);
    }
}

static void test_pages(void **state)
{
    static const struct {
        const char *body;
        int rc;
        size_t n;
        const char *first, *token;
    } rows[] = {
        { "{\"kind\":\"storage#objects\",\"items\":[{\"name\":\"d/"
          "a\",\"size\":\"3\",\"generation\":\"5\",\"updated\":\"2026-11-30T15:20:04Z\"},"
          "{\"name\":\"d/b\",\"size\":\"0\",\"generation\":\"6\"}],\"prefixes\":[\"d/c/\"],\"nextPageToken\":\"t\"}",
          0, 3, "b/d/a", "t" },
        { "{\"kind\":\"storage#objects\",\"prefixes\":[\"d/c/\"]}", 0, 1, "b/d/c", NULL },
        { "{\"kind\":\"storage#objects\",\"nextPageToken\":\"t\"}", 0, 0, NULL, "t" },
        { "{\"kind\":\"storage#objects\"}", 0, 0, NULL, NULL },
        { "{}", COVE_EPROTOCOL, 0, NULL, NULL },
        { "{\"kind\":\"storage#buckets\"}", COVE_EPROTOCOL, 0, NULL, NULL },
        { "{\"error\":{\"code\":503}}", COVE_EPROTOCOL, 0, NULL, NULL },
        { "{\"items\":[{\"name\":\"d/a\",\"generation\":\"5\"}]}", COVE_EPROTOCOL, 0, NULL, NULL },
        { "{\"items\":[{\"size\":\"3\"}]}", COVE_EPROTOCOL, 0, NULL, NULL },
        { "{\"items\":[", COVE_EPROTOCOL, 0, NULL, NULL },
        { "<html>", COVE_EPROTOCOL, 0, NULL, NULL },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cove__page page = { 0 };
        struct cove__object_page_reader reader;
        cove__object_page_init(&reader, &page);
        reader.bucket = cove__slice_str("b");
        reader.prefix = cove__slice_str("d/");
        answered("GET", "b", 200, "", rows[i].body);
        int rc = cove__gcs_list_response(&r, &reader);
        if (rc == 0)
            rc = cove__object_page_end(&reader, NULL);
        assert_int_equal(rc, rows[i].rc);
        if (rc == 0) {
            assert_int_equal(page.n, rows[i].n);
            if (rows[i].n > 0)
                assert_string_equal(page.items[0].path, rows[i].first);
            if (i == 0)
                assert_string_equal(page.items[0].etag, "5");
            assert_int_equal(!page.token, !rows[i].token);
        }
        cove__object_page_done(&reader);
        cove__page_done(&page);
        cove__object_request_done(&r);
    }
}

static void test_steps_of_a_copy(void **state)
{
    static const struct {
        const char *body;
        int rc;
        const char *token;
        int64_t done;
    } rows[] = {
        { "{\"done\":false,\"rewriteToken\":\"t\"}", 0, "t" },
        { "{\"done\":false,\"rewriteToken\":\"t\",\"objectSize\":\"9\",\"totalBytesRewritten\":\"7\"}", 0, "t", 7 },
        { "{\"done\":false,\"rewriteToken\":\"t\",\"objectSize\":\"9\",\"totalBytesRewritten\":\"10\"}", 0, "t", 0 },
        { "{\"done\":false,\"rewriteToken\":\"t\",\"totalBytesRewritten\":\"7\"}", 0, "t", 0 },
        { "{\"done\":true,\"resource\":{}}", 0, "" },
        { "{\"done\":true,\"rewriteToken\":\"t\"}", 0, "" },
        { "{\"done\":false}", COVE_EPROTOCOL, NULL },
        { "{}", COVE_EPROTOCOL, NULL },
        { "<html>", COVE_EPROTOCOL, NULL },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cove__buf token = COVE__BUF_INIT(256);
        int64_t done = 0;
        answered("PUT", "b/k", 200, "", rows[i].body);
        assert_int_equal(cove__gcs_copy_ops.token(&r, &token, &done), rows[i].rc);
        assert_int_equal(done, rows[i].done);
        if (rows[i].token)
            assert_string_equal(cove__buf_str(&token), rows[i].token);
        cove__buf_done(&token);
        cove__object_request_done(&r);
    }
}

static void test_chunks(void **state)
{
    static const struct {
        int status;
        const char *headers;
        int rc;
        int64_t kept;
        bool done;
    } rows[] = {
        { 308, "range: bytes=0-262143\n", 0, 262144, false },    { 308, "", 0, 0, false },
        { 308, "range: bytes=5-9\n", COVE_EPROTOCOL, 0, false }, { 308, "range: bytes=0-\n", COVE_EPROTOCOL, 0, false },
        { 200, "x-goog-generation: 7\n", 0, 0, true },           { 200, "", COVE_EPROTOCOL, 0, false },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cove__object_kept kept = { 0 };
        struct cove__object_made made = { 0 };
        answered("PUT", "b/k", rows[i].status, rows[i].headers, "");
        assert_int_equal(cove__gcs_session_ops.chunk_response(&r, NULL, &kept, &made, &err), rows[i].rc);
        if (rows[i].rc == 0) {
            assert_int_equal(kept.kept, rows[i].kept);
            assert_int_equal(kept.done, rows[i].done);
        }
        cove__object_request_done(&r);
    }
}

struct results {
    size_t n;
    struct cove__object_deletion_result all[4];
    char codes[4][64], messages[4][64];
};

static void take_result(void *user, const struct cove__object_deletion_result *result)
{
    struct results *to = user;

    snprintf(to->codes[to->n], sizeof to->codes[0], "%s", result->code ? result->code : "");
    snprintf(to->messages[to->n], sizeof to->messages[0], "%.63s", result->message ? result->message : "");
    to->all[to->n++] = *result;
}

/* The option token is a secret, unless it names a file. */
static void test_names_of_key_files_are_shown(void **state)
{
    static const struct {
        const char *token;
        bool shown;
    } rows[] = { { "/home/me/key-file.json", true }, { "ya29.a-token-of-a-user", false } };

    for (size_t i = 0; i < 2; i++) {
        cove_options *options = cove_options_new();
        struct cove__object_extra extra = { COVE__BUF_INIT(4096), COVE__BUF_INIT(4096) };
        struct gcs_options o = { 0 };
        char text[128];

        assert_int_equal(cove_options_set(options, "token", rows[i].token, &err), 0);
        assert_int_equal(cove__gcs_options_read(options, &o, &extra, &err), 0);
        snprintf(text, sizeof text, "credentials of %s", rows[i].token);
        cove__secrets_hide(text);
        assert_int_equal(!!strstr(text, rows[i].token), rows[i].shown);
        cove__options_clear(cove__gcs_option_rows, &o);
        cove_options_free(options);
    }
}

#define PART(id, status, body)                                                                                         \
    "--x\r\nContent-Type: application/http\r\nContent-ID: <response-cove+" id ">\r\n\r\nHTTP/1.1 " status              \
    "\r\nContent-Type: application/json\r\n\r\n" body "\r\n"
#define REASON(code, reason)                                                                                           \
    "{\"error\":{\"code\":" code ",\"message\":\"m\",\"errors\":[{\"reason\":\"" reason "\"}]}}"

static void test_batches(void **state)
{
    struct results to = { 0 };

    answered("POST", "b", 200, "content-type: multipart/mixed; boundary=x\n",
             PART("2", "204 No Content", "") PART("0", "412 Precondition Failed", REASON("412", "conditionNotMet"))
                 PART("1", "404 Not Found", REASON("404", "notFound"))
                     PART("3", "429 Too Many", REASON("429", "rateLimitExceeded")) "--x--");
    assert_int_equal(cove__gcs_batch_ops.response(&r, take_result, &to), 0);
    assert_int_equal(to.n, 4);
    assert_int_equal(to.all[0].index, 2);
    assert_int_equal(to.all[0].rc, 0);
    assert_int_equal(to.all[1].rc, COVE_EPRECONDITION);
    assert_string_equal(to.codes[1], "conditionNotMet");
    assert_string_equal(to.messages[1], "m");
    assert_int_equal(to.all[2].rc, COVE_ENOTFOUND);
    assert_int_equal(to.all[2].refusal, COVE__REFUSED_NO_OBJECT);
    assert_true(to.all[3].rc == COVE_ETHROTTLED && to.all[3].retry);
    cove__object_request_done(&r);
    answered("POST", "b", 200, "content-type: multipart/mixed; boundary=x\n", PART("0", "204 No Content", ""));
    assert_int_equal(cove__gcs_batch_ops.response(&r, take_result, &(struct results){ 0 }), COVE_EPROTOCOL);
    cove__object_request_done(&r);
}

/* A 404 without the store's words, or a redirect, shows nothing of the object. */
static void test_batches_of_another_server(void **state)
{
    struct results to = { 0 };

    answered("POST", "b", 200, "content-type: multipart/mixed; boundary=x\n",
             PART("0", "404 Not Found", "<html>not here</html>") PART("1", "301 Moved", "")
                 PART("2", "404 Not Found", "{\"error\":{\"code\":404,\"message\":\"m\"}}") "--x--");
    assert_int_equal(cove__gcs_batch_ops.response(&r, take_result, &to), 0);
    assert_int_equal(to.all[0].rc, COVE_EPROTOCOL);
    assert_int_equal(to.all[1].rc, COVE_EPROTOCOL);
    assert_int_equal(to.all[1].status, 301);
    assert_int_equal(to.all[2].rc, COVE_ENOTFOUND);
    cove__object_request_done(&r);
}

/* ---- uploads ---- */

/* Names of metadata lose their capitals in a multipart upload. */
static void test_names_with_capitals(void **state)
{
    static const struct cove_pair small = { "step", "Seven" }, capital = { "runName", "x" };
    static const struct {
        const struct cove_pair *pair;
        const char *headers, *uploads;
        enum cove__upload_mode mode;
    } rows[] = {
        { &small, NULL, "auto", COVE__UPLOAD_PARTS },
        { &capital, NULL, "auto", COVE__UPLOAD_TEMPORARIES },
        { &capital, NULL, "parts", COVE__UPLOAD_SESSION },
        { NULL, "Content-Type: X\nX-Goog-Meta-a: B\n", "parts", COVE__UPLOAD_PARTS },
        { NULL, "content-type: x\nx-goog-meta-aB: c\n", "parts", COVE__UPLOAD_SESSION },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct cove__put put = { .metadata = rows[i].pair,
                                       .n_metadata = rows[i].pair ? 1 : 0,
                                       .headers = rows[i].headers,
                                       .expected_size = -1 };
        char option[16];

        snprintf(option, sizeof option, "%s", rows[i].uploads);
        gcs.o.uploads = option;
        assert_int_equal(cove__upload_mode(&gcs.store, &put), rows[i].mode);
    }
    gcs.o.uploads = NULL;
}

/* Where temporary objects stay, auto takes a session; but not for parts that were planned before that was known. */
static void test_temporaries_that_stay(void **state)
{
    struct cove__put put = { .condition = COVE_WRITE_IF_NEW, .expected_size = -1 };

    gcs.o.uploads = (char *)"auto";
    assert_int_equal(cove__upload_mode(&gcs.store, &put), COVE__UPLOAD_TEMPORARIES);
    cove__temporaries_removed(&gcs.store, COVE_ESERVER);
    assert_int_equal(cove__upload_mode(&gcs.store, &put), COVE__UPLOAD_TEMPORARIES);
    cove__temporaries_removed(&gcs.store, COVE_EACCESS);
    assert_int_equal(cove__upload_mode(&gcs.store, &put), COVE__UPLOAD_SESSION);
    put.unordered = true;
    assert_int_equal(cove__upload_mode(&gcs.store, &put), COVE__UPLOAD_TEMPORARIES);

    put.condition = COVE_WRITE_ALWAYS;
    assert_int_equal(cove__upload_mode(&gcs.store, &put), COVE__UPLOAD_PARTS);
    cove__object_learn_missing_at(&gcs.store, "gs://b/k", COVE__MULTIPART);
    assert_int_equal(cove__upload_mode(&gcs.store, &put), COVE__UPLOAD_TEMPORARIES);
    put.unordered = false;
    assert_int_equal(cove__upload_mode(&gcs.store, &put), COVE__UPLOAD_SESSION);
    gcs.o.uploads = NULL;
    gcs.store.temporaries_stay = false;
    gcs.store.capabilities = (struct cove__capabilities){ 0 };
}

/* ---- errors ---- */

static void test_errors(void **state)
{
    static const struct {
        const char *method, *path;
        int status;
        const char *body;
        int code;
        bool retry;
        const char *message;
    } rows[] = {
        { "GET", "b/k", 404, REASON("404", "notFound"), COVE_ENOTFOUND, false, "no such object (notFound)" },
        { "GET", "b/k", 404, "{\"error\":{\"message\":\"The specified bucket does not exist.\"}}", COVE_ENOTFOUND,
          false, "no such bucket: b" },
        { "GET", "bkt", 404, REASON("404", "notFound"), COVE_ENOTFOUND, false, "cove ls gs://" },
        { "PUT", "b/k", 412, REASON("412", "conditionNotMet"), COVE_EPRECONDITION, false, "changed meanwhile" },
        { "PUT", "b/k", 403, REASON("403", "retentionPolicyNotMet"), COVE_EACCESS, false, "retention policy" },
        { "PUT", "b/k", 403, REASON("403", "objectUnderActiveHold"), COVE_EACCESS, false, "hold" },
        { "GET", "b/k", 400, REASON("400", "userProjectMissing"), COVE_EINVAL, false, "requester_pays" },
        { "GET", "b/k", 400, "<?xml version='1.0'?><Error><Code>UserProjectMissing</Code></Error>", COVE_EINVAL, false,
          "requester_pays" },
        { "GET", "b/k", 401, REASON("401", "authError"), COVE_EAUTH, false, "no credentials" },
        { "GET", "b/k", 403, "<Error><Code>AccessDenied</Code><Details>x does not have y</Details></Error>",
          COVE_EACCESS, false, "x does not have y" },
        { "PUT", "b/k", 429, REASON("429", "rateLimitExceeded"), COVE_ETHROTTLED, true, "fewer requests" },
        { "GET", "b/k", 403, REASON("403", "quotaExceeded"), COVE_ETHROTTLED, false, "quota" },
        { "GET", "b/k", 503, REASON("503", "backendError"), COVE_ESERVER, true, "the store failed" },
        { "GET", "b/k", 502, "<html>bad gateway</html>", COVE_ESERVER, true, "the store failed (HTTP 502)" },
        { "GET", "b/k", 418, "", COVE_EPROTOCOL, false, "HTTP 418" },
        { "PUT", "b/k", 403, "<Error><Code>RetentionPolicyNotMet</Code></Error>", COVE_EACCESS, false,
          "retention policy" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        answered(rows[i].method, rows[i].path, rows[i].status, "", rows[i].body);
        bool retry = cove__gcs_classify(&r, &err);
        assert_non_null(strstr(err.message, rows[i].message));
        assert_int_equal(err.code, rows[i].code);
        assert_int_equal(retry, rows[i].retry);
        assert_int_equal(err.http_status, rows[i].status);
        assert_int_equal(r.http.throttles_name, i == 10);
        cove__object_request_done(&r);
    }
}

/* What is missing follows from what was asked for, also where the response does not name it. */
static void test_what_is_missing(void **state)
{
    static const struct {
        enum gcs_kind kind;
        bool conditional;
        enum cove__object_refusal refusal;
    } rows[] = {
        { GCS_INSERT, false, COVE__REFUSED_NO_BUCKET },   { GCS_SESSION, false, COVE__REFUSED_NO_BUCKET },
        { GCS_INSERT, true, COVE__REFUSED_NO_OBJECT },    { GCS_MEDIA, false, COVE__REFUSED_NO_OBJECT },
        { GCS_RESOURCE, false, COVE__REFUSED_NO_OBJECT }, { GCS_COMPOSE, false, COVE__REFUSED_NO_OBJECT },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        answered("PUT", "b/k", 404, "", REASON("404", "notFound"));
        cove__gcs_state(&r)->kind = rows[i].kind;
        r.conditional = rows[i].conditional;
        cove__gcs_classify(&r, &err);
        assert_int_equal(r.refusal, rows[i].refusal);
        cove__object_request_done(&r);
    }
    /* A bucket that is not empty: 409 of Google, 412 of fake-gcs-server. */
    for (int status = 409; status <= 412; status += 3) {
        answered("DELETE", "b", status, "", REASON("412", "conditionNotMet"));
        r.whole_bucket = true;
        cove__gcs_classify(&r, &err);
        assert_int_equal(r.refusal, COVE__REFUSED_BUCKET_NOT_EMPTY);
        assert_int_equal(err.code, COVE_ENOTEMPTY);
        cove__object_request_done(&r);
    }
}

static void test_refusals_without_a_reason(void **state)
{
#define GOOGLE "x-guploader-uploadid: AB-1\n"
    static const struct {
        bool emulator;
        const char *method, *path, *headers, *body;
        bool from_store;
    } rows[] = {
        { false, "GET", "b/k", GOOGLE, "No such object: b/k", true },
        { false, "GET", "b/k", "", "404 page not found", false },
        { false, "HEAD", "b/k", "", "{\"error\":\"Not Found\"}", false },
        { false, "HEAD", "b/k", "", "{\"error\":{\"message\":\"Not Found\"}}", false },
        { true, "HEAD", "b/k", "", "{\"error\":{\"message\":\"Not Found\"}}", true },
        { true, "HEAD", "b/k", "", "{\"error\":\"Not Found\"}", false },
        { true, "HEAD", "b/k", "", "404 page not found", false },
        { true, "GET", "b/k", "", "Not Found", true },
        { true, "GET", "b/k", "", "<html>", false },
        { true, "GET", "b", "", "404 page not found", false },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        answered(rows[i].method, rows[i].path, 404, rows[i].headers, rows[i].body);
        cove__gcs_of(&r)->emulator = rows[i].emulator;
        cove__gcs_state(&r)->kind = strcmp(rows[i].method, "GET") != 0 ? GCS_RESOURCE
                                    : strchr(rows[i].path, '/')        ? GCS_MEDIA
                                                                       : GCS_OBJECTS;
        cove__gcs_classify(&r, &err);
        assert_string_equal(r.code, "");
        assert_int_equal(cove__gcs_is_from_store(&r), rows[i].from_store);
        cove__gcs_of(&r)->emulator = false;
        cove__object_request_done(&r);
    }
}

/* ---- uploads ---- */

static void test_upload_modes(void **state)
{
    enum { PARTS = COVE__UPLOAD_PARTS, SESSION = COVE__UPLOAD_SESSION, COMPOSE = COVE__UPLOAD_TEMPORARIES };
    static const struct {
        const char *option;
        bool emulator;
        enum cove_write_if condition;
        int64_t size;
        int want;
    } rows[] = {
        { "auto", false, COVE_WRITE_ALWAYS, -1, PARTS },
        { "auto", false, COVE_WRITE_IF_NEW, -1, COMPOSE },
        { "auto", false, COVE_WRITE_IF_MATCH, 8 << 20, SESSION },
        { "auto", false, COVE_WRITE_IF_MATCH, (8 << 20) + 1, COMPOSE },
        { "auto", true, COVE_WRITE_ALWAYS, -1, SESSION },
        { "auto", true, COVE_WRITE_IF_NEW, -1, SESSION },
        { "parts", true, COVE_WRITE_ALWAYS, -1, PARTS },
        { "parts", false, COVE_WRITE_IF_NEW, -1, SESSION },
        { "session", false, COVE_WRITE_ALWAYS, -1, SESSION },
        { "session", false, COVE_WRITE_IF_NEW, -1, SESSION },
        { "compose", true, COVE_WRITE_ALWAYS, -1, COMPOSE },
        { "compose", false, COVE_WRITE_IF_NEW, 1, COMPOSE },
    };
    struct cove__gcs store = { .store = { .ops = &cove__gcs_object_ops }, .o = { .block_size = 8 << 20 } };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct cove__put put = { .condition = rows[i].condition, .expected_size = rows[i].size };
        char option[16];

        snprintf(option, sizeof option, "%s", rows[i].option);
        store.o.uploads = option;
        store.emulator = rows[i].emulator;
        assert_int_equal(cove__gcs_upload_ops.mode(&store.store, &put), rows[i].want);
    }

    /* A temporary object of such a class is charged for a month at least. */
    const struct cove__put conditional = { .condition = COVE_WRITE_IF_NEW, .expected_size = -1 };
    char option[] = "auto", archive[] = "ARCHIVE";
    store.o.uploads = option;
    store.o.storage_class = archive;
    assert_int_equal(cove__gcs_upload_ops.mode(&store.store, &conditional), SESSION);

    /* Also where multipart uploads are refused, but for a writer that has cut its parts for one. */
    struct cove__put put = { .condition = COVE_WRITE_ALWAYS, .expected_size = -1 };
    cove__capability_set(&store.store.capabilities, COVE__MULTIPART, false);
    assert_int_equal(cove__gcs_upload_ops.mode(&store.store, &put), SESSION);
    put.unordered = true;
    assert_int_equal(cove__gcs_upload_ops.mode(&store.store, &put), COMPOSE);
    put.unordered = false;
    store.o.storage_class = NULL;
    assert_int_equal(cove__gcs_upload_ops.mode(&store.store, &put), COMPOSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_upload_modes),
        cmocka_unit_test(test_rules_of_bucket_names),
        cmocka_unit_test(test_generations),
        cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_refused_options),
        cmocka_unit_test(test_resources),
        cmocka_unit_test(test_checksums),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_steps_of_a_copy),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_batches_of_another_server),
        cmocka_unit_test(test_names_of_key_files_are_shown),
        cmocka_unit_test(test_names_with_capitals),
        cmocka_unit_test(test_temporaries_that_stay),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_what_is_missing),
        cmocka_unit_test(test_refusals_without_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
