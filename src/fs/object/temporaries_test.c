/* Names of temporary objects. No network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fs/object/temporaries.h"

#define ID "cove-0123456789abcdef0123456789abcdef"

static void test_paths(void **state)
{
    struct cove__buf out = COVE__BUF_INIT(4096);

    assert_int_equal(cove__temporaries_path(&out, cove__object_split("b/a//k~"), false, ID, "part", 7), 0);
    assert_string_equal(cove__buf_str(&out), "b/.cove/uploads/a~1~1k~0." ID ".part-00007");
    cove__buf_reset(&out);
    assert_int_equal(cove__temporaries_path(&out, cove__object_split("b/k"), false, ID, "node", 123456), 0);
    assert_string_equal(cove__buf_str(&out), "b/.cove/uploads/k." ID ".node-123456");
    cove__buf_reset(&out);
    assert_int_equal(cove__temporaries_path(&out, cove__object_split("b/k"), false, ID, NULL, 0), 0);
    assert_string_equal(cove__buf_str(&out), "b/.cove/uploads/k." ID ".");
    cove__buf_reset(&out);
    assert_int_equal(cove__temporaries_prefix(&out, cove__object_split("b/a/b")), 0);
    assert_string_equal(cove__buf_str(&out), "b/.cove/uploads/a~1b");
    cove__buf_reset(&out);
    assert_int_equal(cove__temporaries_prefix(&out, cove__object_split("b")), 0);
    assert_string_equal(cove__buf_str(&out), "b/.cove/uploads/");
    cove__buf_done(&out);
}

/* Beside the object: in its folder, without its name in clear. */
static void test_paths_beside(void **state)
{
    static const struct {
        const char *path, *begins;
    } rows[] = {
        { "b/run/events.out", "b/run/.cove-6576656e74732e6f7574." ID ".part-00007" },
        { "b/k~", "b/.cove-6b7e." ID ".part-00007" },
        { "b/a/", "b/a/.cove-." ID ".part-00007" },
    };
    char path[2 + COVE__OBJECT_KEY_MAX + 1] = "b/";

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cove__buf out = COVE__BUF_INIT(4096), key = COVE__BUF_INIT(4096);
        struct cove__slice id;
        assert_int_equal(cove__temporaries_path(&out, cove__object_split(rows[i].path), true, ID, "part", 7), 0);
        assert_string_equal(cove__buf_str(&out), rows[i].begins);
        assert_int_equal(cove__temporaries_owner(cove__object_split(cove__buf_str(&out)).key, &key, &id), 1);
        assert_string_equal(cove__buf_str(&key), rows[i].path + 2);
        cove__buf_done(&out);
        cove__buf_done(&key);
    }
    for (int deep = 0; deep < 2; deep++) { /* a long name is cut; a long folder leaves no room */
        struct cove__buf out = COVE__BUF_INIT(4096);
        memset(path + 2, 'x', COVE__OBJECT_KEY_MAX);
        path[deep ? COVE__OBJECT_KEY_MAX : 3] = '/';
        int rc = cove__temporaries_path(&out, cove__object_split(path), true, ID, "part", 4294967295u);
        assert_int_equal(rc, deep ? COVE_ELIMIT : 0);
        assert_true(out.size <= 2 + COVE__OBJECT_KEY_MAX);
        cove__buf_done(&out);
    }
}

static void test_owners(void **state)
{
    static const struct {
        const char *key, *owner; /* NULL: none */
    } rows[] = {
        { ".cove/uploads/k." ID ".part-00001", "k" },
        { ".cove/uploads/a~1b." ID ".node-00001", "a/b" },
        { ".cove/uploads/~1a~1." ID ".part-00001", "/a/" },
        { ".cove/uploads/~0~01~1~." ID ".part-00001", "~~1/~" },
        { ".cove/uploads/" ID "." ID ".part-00001", ID },
        { ".cove/uploads/" ID ".part-00001", NULL },
        { ".cove/uploads/k." ID, NULL },
        { ".cove/uploads/k" ID ".part-00001", NULL },
        { ".cove/uploads/a/k." ID ".part-00001", NULL },
        { ".cove/uploads/k.cove-0123456789abcdef0123456789abcdeg.part-00001", NULL },
        { "a/.cove-6b." ID ".part-00001", "a/k" },
        { "a/.cove-6." ID ".part-00001", NULL },
        { "a/.cove-kk." ID ".part-00001", NULL },
        { "a/.cove-6b.part-00001", NULL },
        { "x.cove/uploads/k." ID ".part-00001", NULL },
        { ".cove/uploads/", NULL },
        { "", NULL },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cove__buf key = COVE__BUF_INIT(64);
        struct cove__slice id = { 0 };
        int found = cove__temporaries_owner(cove__slice_str(rows[i].key), &key, &id);
        assert_int_equal(found, !!rows[i].owner);
        if (found) {
            assert_string_equal(cove__buf_str(&key), rows[i].owner);
            assert_true(cove__slice_is(id, ID));
        }
        cove__buf_done(&key);
    }
}

/* A key may be as long as a temporary object's whole name: the names stay within the limit, and are cut between two
 * characters. The name of what was cut is the same again. */
static void test_long_keys(void **state)
{
    static const char *const pairs[] = { "\xC3\xA9", "a/", "/~" };
    char path[2 + COVE__OBJECT_KEY_MAX + 1] = "b/";

    for (size_t row = 0; row < 2 * sizeof pairs / sizeof pairs[0]; row++) {
        struct cove__buf out = COVE__BUF_INIT(4096), again = COVE__BUF_INIT(4096), key = COVE__BUF_INIT(4096);
        struct cove__slice id;

        path[2] = 'x';
        for (size_t i = 2 + row % 2; i + 1 < sizeof path - 1; i += 2)
            memcpy(path + i, pairs[row / 2], 3);
        assert_int_equal(cove__temporaries_path(&out, cove__object_split(path), false, ID, "part", 4294967295u), 0);
        struct cove__slice made = cove__object_split(cove__buf_str(&out)).key;
        assert_true(made.size <= COVE__OBJECT_KEY_MAX);
        assert_true(made.size > COVE__OBJECT_KEY_MAX - 2);
        assert_int_equal(cove__temporaries_owner(made, &key, &id), 1);
        assert_memory_equal(key.data, path + 2, key.size);
        if (row < 2)
            assert_int_equal(key.data[key.size - 1], 0xA9);
        struct cove__object_name cut = { .bucket = cove__slice_str("b"), .key = cove__buf_slice(&key) };
        assert_int_equal(cove__temporaries_path(&again, cut, false, ID, "part", 4294967295u), 0);
        assert_string_equal(cove__buf_str(&again), cove__buf_str(&out));
        cove__buf_done(&out);
        cove__buf_done(&again);
        cove__buf_done(&key);
    }
}

static void test_ids(void **state)
{
    char a[COVE__TEMPORARIES_ID_SIZE], b[COVE__TEMPORARIES_ID_SIZE];

    cove__temporaries_new_id(a);
    cove__temporaries_new_id(b);
    assert_string_not_equal(a, b);
    assert_true(cove__temporaries_is_id(cove__slice_str(a)));
    assert_false(cove__temporaries_is_id(cove__slice_str("cove-1")));
    assert_false(cove__temporaries_is_id(cove__slice_str("ABPnzm6qgCTx-an-upload-of-the-store's-own-1")));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),     cmocka_unit_test(test_paths_beside), cmocka_unit_test(test_owners),
        cmocka_unit_test(test_long_keys), cmocka_unit_test(test_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
