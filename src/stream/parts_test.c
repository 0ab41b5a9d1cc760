/* Lists of parts: what is found in them, and the way through bytes and back, with bytes that are none and no memory. */
#include "stream/parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

#define PART 100

static struct cove_parts *three(void)
{
    struct cove_parts *parts = cove__parts_new("s3", "b/a \"b\\%\xff\n.ckpt", PART);
    uint8_t digest[COVE__DIGEST_SIZE];

    assert_non_null(parts);
    for (uint8_t i = 0; i < 3; i++) {
        memset(digest, i * 80, sizeof digest);
        assert_int_equal(cove__parts_add(parts, digest, i < 2 ? PART : 7), 0);
    }
    parts->etag = cove__strdup("\"0123-3\"");
    return parts;
}

static void finds_equal_parts(void **state)
{
    struct cove_parts *parts = three();
    uint8_t digest[COVE__DIGEST_SIZE];
    int64_t at = -1;

    for (uint8_t i = 0; i < 3; i++) {
        memset(digest, i * 80, sizeof digest);
        for (size_t likely = 0; likely < 5; likely++) {
            assert_true(cove__parts_find(parts, likely, digest, i < 2 ? PART : 7, &at));
            assert_int_equal(at, i * PART);
        }
        assert_false(cove__parts_find(parts, i, digest, i < 2 ? 7 : PART, &at)); /* another length */
        digest[31] ^= 1;
        assert_false(cove__parts_find(parts, i, digest, i < 2 ? PART : 7, &at));
    }
    /* Of two that are equal, the one at the same place. */
    memcpy(parts->digests[1], parts->digests[0], COVE__DIGEST_SIZE);
    assert_true(cove__parts_find(parts, 1, parts->digests[0], PART, &at));
    assert_int_equal(at, PART);
    cove_parts_free(parts);
}

static void comes_back_from_bytes(void **state)
{
    for (int with_etag = 0; with_etag < 2; with_etag++) {
        struct cove_parts *parts = three(), *back = NULL;
        void *bytes = NULL;
        size_t size = 0;

        if (!with_etag) {
            cove__free(parts->etag);
            parts->etag = NULL;
        }
        assert_int_equal(cove_parts_save(parts, &bytes, &size, NULL), 0);
        assert_int_equal(cove_parts_load(bytes, size, &back, NULL), 0);
        assert_string_equal(back->store, parts->store);
        assert_string_equal(back->path, parts->path);
        if (with_etag)
            assert_string_equal(back->etag, parts->etag);
        else
            assert_null(back->etag);
        assert_int_equal(back->size, 2 * PART + 7);
        assert_int_equal(back->part_size, PART);
        assert_int_equal(back->n, 3);
        assert_memory_equal(back->digests, parts->digests, sizeof parts->digests[0] * 3);
        for (size_t cut = 0; cut < size; cut++) { /* no beginning of it is a list */
            struct cove_parts *none = NULL;
            struct cove_error err = COVE_ERROR_INIT;
            assert_int_equal(cove_parts_load(bytes, cut, &none, &err), COVE_ECORRUPT);
            assert_int_equal(err.code, COVE_ECORRUPT);
            assert_null(none);
        }
        cove_free(bytes);
        cove_parts_free(back);
        cove_parts_free(parts);
    }
}

static void the_most_parts_fit(void **state)
{
    struct cove_parts *parts = cove__parts_new("s3", "b/k", PART), *back = NULL;
    uint8_t digest[COVE__DIGEST_SIZE] = { 1 };
    void *bytes = NULL;
    size_t size = 0;

    for (size_t i = 0; i < COVE__PARTS_MAX; i++)
        assert_int_equal(cove__parts_add(parts, digest, PART), 0);
    assert_int_equal(cove__parts_add(parts, digest, PART), COVE_ELIMIT);
    assert_int_equal(cove_parts_save(parts, &bytes, &size, NULL), 0);
    assert_int_equal(cove_parts_load(bytes, size, &back, NULL), 0);
    assert_int_equal(cove_parts_count(back), COVE__PARTS_MAX);
    assert_int_equal(cove_parts_object_size(back), (int64_t)COVE__PARTS_MAX * PART);
    cove_free(bytes);
    cove_parts_free(back);
    cove_parts_free(parts);
}

#define HEX "00112233445566778899aabbccddeeffFF112233445566778899aabbccddeeff"
#define ALL "\"version\":1,\"store\":\"s3\",\"path\":\"b/k\",\"size\":5,\"part_size\":9,\"sha256\":[\"" HEX "\"]"

static void refuses_what_is_no_list(void **state)
{
    static const struct {
        const char *text;
        int code;
    } rows[] = {
        { "{" ALL "}", 0 },
        { "{" ALL ",\"later\":{\"x\":[1]}}", 0 },
        { "{" ALL ",\"etag\":\"%2\"}", COVE_ECORRUPT },
        { "{" ALL ",\"etag\":\"a\",\"etag\":\"b\"}", COVE_ECORRUPT }, /* and both are freed */
        { "{\"version\":1,\"size\":99999999999999999999}", COVE_ECORRUPT },
        { "{" ALL ",\"etag\":\"%00\"}", COVE_ECORRUPT },
        { "{" ALL ",\"etag\":\"%g0\"}", COVE_ECORRUPT },
        { "{" ALL ",\"etag\":7}", COVE_ECORRUPT },
        { "{" ALL ",\"size\":5}", COVE_ECORRUPT }, /* twice */
        { "[]", COVE_ECORRUPT },
        { "{\"version\":2}", COVE_ENOTSUP },
        { "{\"version\":1}", COVE_ECORRUPT },
        { "{\"version\":1,\"store\":\"s3\",\"path\":\"k\",\"size\":5,\"part_size\":9,\"sha256\":[]}", COVE_ECORRUPT },
        { "{\"version\":1,\"store\":\"s3\",\"path\":\"k\",\"size\":5,\"part_size\":9,\"sha256\":[\"00\"]}",
          COVE_ECORRUPT },
        { "{\"version\":1,\"store\":\"s3\",\"path\":\"k\",\"size\":5,\"part_size\":9,\"sha256\":[7]}", COVE_ECORRUPT },
        { "{\"version\":1,\"store\":\"s3\",\"path\":\"k\",\"size\":0,\"part_size\":0,\"sha256\":[]}", COVE_ECORRUPT },
        { "{\"version\":1,\"store\":\"s3\",\"path\":\"k\",\"size\":-1,\"part_size\":9,\"sha256\":[]}", COVE_ECORRUPT },
        { "{\"version\":1,\"store\":\"s3\",\"path\":\"k\",\"size\":0,\"part_size\":9,\"sha256\":[]}", 0 },
        { "{\"version\":1,\"store\":\"s3\",\"path\":\"k\",\"size\":9223372036854775807,\"part_size\":1,\"sha256\":["
          "\"" HEX "\"]}",
          COVE_ECORRUPT },
        { "{\"version\":1,\"store\":\"s3\",\"path\":\"k\",\"size\":1e3,\"part_size\":9,\"sha256\":[]}", COVE_ECORRUPT },
        { "{\"version\":1,\"path\":\"k\",\"size\":0,\"part_size\":9,\"sha256\":[]}", COVE_ECORRUPT },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cove_parts *parts = NULL;
        int rc = cove_parts_load(rows[i].text, strlen(rows[i].text), &parts, NULL);
        if (rc != rows[i].code)
            fail_msg("%s: %d", rows[i].text, rc);
        assert_true((rc == 0) != !parts);
        cove_parts_free(parts);
    }
}

static void survives_without_memory(void **state)
{
    struct cove_parts *parts = three();
    bool saved = false, loaded = false;
    void *bytes = NULL;
    size_t size = 0;

    for (unsigned long n = 1; !saved; n++) {
        cove__mem_fail(n, 0);
        int rc = cove_parts_save(parts, &bytes, &size, NULL);
        cove__mem_fail(0, 0);
        assert_true(rc == 0 || rc == COVE_ENOMEM);
        saved = rc == 0;
    }
    for (unsigned long n = 1; !loaded; n++) {
        struct cove_parts *back = NULL;
        cove__mem_fail(n, 0);
        int rc = cove_parts_load(bytes, size, &back, NULL);
        cove__mem_fail(0, 0);
        assert_true(rc == 0 || rc == COVE_ENOMEM);
        loaded = rc == 0;
        cove_parts_free(back);
    }
    cove_free(bytes);
    cove_parts_free(parts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_equal_parts),       cmocka_unit_test(comes_back_from_bytes),
        cmocka_unit_test(the_most_parts_fit),      cmocka_unit_test(refuses_what_is_no_list),
        cmocka_unit_test(survives_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
