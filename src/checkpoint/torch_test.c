/* Unit tests of torch's format: what is written is read again, in few reads and checked; what is wrong is refused by
 * name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "checkpoint/testing.h"

static float weights[1000];
static int64_t steps[3] = { 1, 2, 3 };
static uint8_t wide[300000];

static cove_value *tensor(enum cove_dtype dtype, size_t n_dims, const int64_t *shape, const int64_t *strides,
                          void *data)
{
    struct cove_tensor_view view = { dtype, n_dims, shape, strides, data };
    cove_value *value = NULL;
    return cove_value_new_tensor(&view, &value, NULL) < 0 ? NULL : value;
}

static int add(cove_value *dict, const char *key, cove_value *value)
{
    struct cove_error err = COVE_ERROR_INIT;
    return cove_value_dict_set(dict, key, value, &err);
}

/* Tensors that overlap, are strided, stand alone, are empty; and values. NULL: no memory. */
static cove_value *make_tree(void)
{
    const int64_t all = 1000, matrix[2] = { 10, 5 }, by_column[2] = { 1, 10 }, three = 3, none[2] = { 0, 4 };
    for (int i = 0; i < 1000; i++)
        weights[i] = (float)i;
    cove_value *tree = cove_value_new_dict(), *inner = cove_value_new_dict(), *list = cove_value_new_list();
    int rc = 0;
    if (!tree || !inner || !list)
        rc = COVE_ENOMEM;
    if (rc == 0)
        rc = add(tree, "all", tensor(COVE_DTYPE_FLOAT32, 1, &all, NULL, weights));
    if (rc == 0)
        rc = add(tree, "matrix", tensor(COVE_DTYPE_FLOAT32, 2, matrix, by_column, weights + 900));
    if (rc == 0)
        rc = add(tree, "steps", tensor(COVE_DTYPE_INT64, 1, &three, NULL, steps));
    if (rc == 0)
        rc = add(tree, "empty", tensor(COVE_DTYPE_FLOAT32, 2, none, NULL, NULL));
    if (rc == 0)
        rc = add(tree, "name", cove_value_new_string("run"));
    if (rc == 0)
        rc = add(tree, "raw", cove_value_new_bytes("\x80\xff", 2));
    if (rc == 0)
        rc = cove_value_append(list, cove_value_new_float(0.5), NULL);
    if (rc == 0)
        rc = cove_value_dict_set_by_int(inner, 3, cove_value_ref(list), NULL);
    if (rc == 0)
        rc = add(tree, "inner", cove_value_ref(inner));
    cove_value_unref(list);
    cove_value_unref(inner);
    if (rc == 0)
        return tree;
    cove_value_unref(tree);
    return NULL;
}

static void save(struct cove__buf *file)
{
    struct cove_error err = COVE_ERROR_INIT;
    uint64_t size = 0;
    cove_value *tree = make_tree();
    cove__buf_init(file, TESTING_MAX);
    if (testing_save(&cove__torch_format, tree, file, &size, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(size, file->size); /* as it was planned */
    cove_value_unref(tree);
}

static const char shown[] = "{'all': float32@0[1000;1], 'matrix': float32@3600[10,5;1,10], 'steps': int64@0[3;1], "
                            "'empty': float32@0[0,4;4,1], 'name': 'run', 'raw': b'80ff', 'inner': {3: [0.5]}}";

static void check_tree(cove_value *tree)
{
    struct cove__buf text = COVE__BUF_INIT(TESTING_MAX);
    struct cove_tensor_view view, other;
    testing_describe(tree, &text);
    assert_string_equal(cove__buf_str(&text), shown);
    cove__buf_done(&text);
    cove_value_get_tensor(cove_value_dict_get(tree, "all"), &view, NULL);
    assert_memory_equal(view.data, weights, sizeof(weights));
    assert_int_equal((uintptr_t)view.data % 64, 0);
    cove_value_get_tensor(cove_value_dict_get(tree, "matrix"), &other, NULL);
    assert_ptr_equal(other.data, (float *)view.data + 900); /* shared, as it was saved */
    cove_value_get_tensor(cove_value_dict_get(tree, "steps"), &view, NULL);
    assert_memory_equal(view.data, steps, sizeof(steps));
}

static void test_round_trip(void **state)
{
    struct cove__buf file;
    (void)state;
    save(&file);
    for (size_t head = 0; head <= file.size; head += 97) { /* whatever was read of it before */
        static struct testing_file t;
        struct cove_error err = COVE_ERROR_INIT;
        cove_value *tree = NULL;
        t = (struct testing_file){ .bytes = cove__buf_slice(&file) };
        if (testing_load(&cove__torch_format, &t, head, 0, &tree, &err) < 0)
            fail_msg("%s", err.message);
        assert_true(t.is_closed); /* all is loaded, so the file is let go */
        assert_true(t.calls <= 4);
        check_tree(tree);
        cove_value_unref(tree);
    }
    cove__buf_done(&file);
}

/* A record's header comes with its data: one range a storage, none read twice. */
static void test_reads(void **state)
{
    struct cove__buf file = COVE__BUF_INIT(TESTING_MAX);
    struct testing_file t;
    struct cove_error err = COVE_ERROR_INIT;
    const int64_t size = sizeof(wide);
    cove_value *tree = cove_value_new_dict(), *loaded = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof(wide); i++)
        wide[i] = (uint8_t)(i * 7);
    add(tree, "w", tensor(COVE_DTYPE_UINT8, 1, &size, NULL, wide));
    assert_int_equal(testing_save(&cove__torch_format, tree, &file, &(uint64_t){ 0 }, &err), 0);
    cove_value_unref(tree);
    t = (struct testing_file){ .bytes = cove__buf_slice(&file) };
    assert_int_equal(testing_load(&cove__torch_format, &t, COVE__SOURCE_HEAD, 0, &loaded, &err), 0);
    assert_int_equal(t.calls, 2); /* the tail, the data */
    assert_int_equal(t.ranges, 2);
    assert_true(t.bytes_read < sizeof(wide) + COVE__SOURCE_TAIL + 200);
    struct cove_tensor_view view;
    cove_value_get_tensor(cove_value_dict_get(loaded, "w"), &view, NULL);
    assert_memory_equal(view.data, wide, sizeof(wide));
    cove_value_unref(loaded);
    cove__buf_done(&file);
}

/* A tensor that is a small part of a storage: its own bytes only; another part later; then all of it, checked. */
static void test_parts(void **state)
{
    struct cove__buf file = COVE__BUF_INIT(TESTING_MAX);
    static struct testing_file t;
    struct cove_error err = COVE_ERROR_INIT;
    const int64_t size = sizeof(wide), few = 100;
    cove_value *tree = cove_value_new_dict(), *loaded = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof(wide); i++)
        wide[i] = (uint8_t)(i * 7);
    add(tree, "w", tensor(COVE_DTYPE_UINT8, 1, &size, NULL, wide));
    add(tree, "low", tensor(COVE_DTYPE_UINT8, 1, &few, NULL, wide + 1000));
    add(tree, "high", tensor(COVE_DTYPE_UINT8, 1, &few, NULL, wide + 200000));
    assert_int_equal(testing_save(&cove__torch_format, tree, &file, &(uint64_t){ 0 }, &err), 0);
    cove_value_unref(tree);
    t = (struct testing_file){ .bytes = cove__buf_slice(&file) };
    assert_int_equal(testing_load(&cove__torch_format, &t, COVE__SOURCE_HEAD, 1, &loaded, &err), 0);
    cove_value *low = cove_value_dict_get(loaded, "low"), *high = cove_value_dict_get(loaded, "high");
    struct cove_tensor_view low_view, high_view, all;
    cove_value_get_tensor(low, &low_view, NULL);
    assert_null(low_view.data);
    uint64_t before = t.bytes_read;
    assert_int_equal(cove_value_fetch(low, NULL, &err), 0);
    assert_true(t.bytes_read - before < 300); /* with the record's header */
    before = t.bytes_read;
    assert_int_equal(cove_value_fetch(low, NULL, &err), 0);
    assert_int_equal(t.bytes_read, before);
    assert_int_equal(cove_value_fetch(high, NULL, &err), 0);
    assert_int_equal(t.bytes_read - before, 100); /* where the data is, is known by now */
    cove_value_get_tensor(low, &low_view, NULL);
    cove_value_get_tensor(high, &high_view, NULL);
    assert_memory_equal(low_view.data, wide + 1000, 100);
    assert_memory_equal(high_view.data, wide + 200000, 100);
    assert_false(t.is_closed);
    assert_int_equal(cove_value_fetch(cove_value_dict_get(loaded, "w"), NULL, &err), 0);
    assert_true(t.is_closed);
    cove_value_get_tensor(cove_value_dict_get(loaded, "w"), &all, NULL);
    assert_memory_equal(all.data, wide, sizeof(wide));
    assert_memory_equal(low_view.data, wide + 1000, 100); /* what was lent stays */
    cove_value_unref(loaded);
    cove__buf_done(&file);
}

static int load_file(struct cove__slice bytes, struct cove_error *err)
{
    struct testing_file t = { .bytes = bytes };
    cove_value *tree = NULL;
    int rc = testing_load(&cove__torch_format, &t, COVE__SOURCE_HEAD, 0, &tree, err);
    cove_value_unref(tree);
    assert_true(t.is_closed);
    return rc;
}

/* ---- archives of other hands ---- */

#define FLOATS(key, count, shape)                                                                                      \
    "\x80\x02"                                                                                                         \
    "ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0" key                     \
    "X\x03\0\0\0cpuK" count "tQK\0K" shape "\x85K\x01\x85\x89"                                                         \
    "ccollections\nOrderedDict\n)RtR."

static const char two_floats[] = FLOATS("0", "\x02", "\x02");

struct entry {
    const char *name;
    struct cove__slice data;
};

static int load_entries(const struct entry *entries, size_t n, struct cove_error *err)
{
    struct testing_archive a;
    bool versioned = n == 0;
    testing_archive_init(&a);
    for (size_t i = 0; i < n; i++) {
        testing_archive_add(&a, entries[i].name, entries[i].data);
        versioned = versioned || strstr(entries[i].name, "version");
    }
    if (!versioned) /* unless the case is about it */
        testing_archive_add(
            &a, strchr(entries[0].name, '/') && strncmp(entries[0].name, "x/", 2) == 0 ? "x/version" : "version",
            TEXT("3\n"));
    int rc = load_file(testing_archive_finish(&a), err);
    cove__buf_done(&a.bytes);
    return rc;
}

static void test_archives(void **state)
{
    const struct cove__slice pickle = TEXT(two_floats), data = TEXT("\0\0\x80\x3f\0\0\0\x40");
    const struct {
        int code;
        const char *message;
        struct entry entries[4];
    } cases[] = {
        { 0, "", { { "x/data.pkl", pickle }, { "x/data/0", data } } },
        { 0, "", { { "data.pkl", pickle }, { "data/0", data } } },
        { 0, "", { { "x/version", TEXT("3\n") }, { "x/data/0", data }, { "x/data.pkl", pickle } } },
        { 0, "", { { "x/data.pkl", pickle }, { "x/data/0", data }, { "x/byteorder", TEXT("big") } } },
        { COVE_ECORRUPT,
          "byteorder",
          { { "x/data.pkl", pickle }, { "x/data/0", data }, { "x/byteorder", TEXT("middle") } } },
        { COVE_ELIMIT,
          "byteorder",
          { { "x/data.pkl", pickle },
            { "x/data/0", data },
            { "x/byteorder",
              TEXT("................................................................................") } } },
        { COVE_ECORRUPT, "without data.pkl", { { "x/data/0", data } } },
        { COVE_ECORRUPT, "without data.pkl", { { "x/a", data }, { "y/data.pkl", pickle } } },
        { COVE_ENOTSUP, "TorchScript", { { "x/constants.pkl", pickle } } },
        { COVE_ENOTSUP,
          "TorchScript",
          { { "x/data.pkl", pickle }, { "x/constants.pkl", pickle }, { "x/data/0", data } } },
        { COVE_ECORRUPT,
          "without version",
          { { "x/data.pkl", pickle }, { "x/data/0", data }, { "x/no_version", TEXT("3\n") } } },
        { COVE_ENOTSUP,
          "an archive of version 11; versions 1 to 10 are supported",
          { { "x/data.pkl", pickle },
            { "x/data/0", data },
            { "x/.data/version", TEXT("11") },
            { "x/version", TEXT("3") } } },
        { 0,
          "",
          { { "x/data.pkl", pickle },
            { "x/data/0", data },
            { "x/.data/version", TEXT("3") },
            { "x/version", TEXT("11") } } },
        { 0, "", { { "x/data.pkl", pickle }, { "x/data/0", data }, { "x/.data/version", TEXT("3") } } },
        { COVE_ECORRUPT, "no record data/0", { { "x/data.pkl", pickle } } },
        { COVE_ECORRUPT,
          "8 bytes, and the pickle has 3 elements",
          { { "x/data.pkl", TEXT(FLOATS("0", "\x03", "\x02")) }, { "x/data/0", data } } },
        { COVE_ECORRUPT,
          "reaches beyond",
          { { "x/data.pkl", TEXT(FLOATS("0", "\x02", "\x03")) }, { "x/data/0", data } } },
        { COVE_ECORRUPT, "empty archive", { { NULL, { NULL, 0 } } } },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cove_error err = COVE_ERROR_INIT;
        size_t n = 0;
        while (n < 4 && cases[i].entries[n].name)
            n++;
        int rc = load_entries(cases[i].entries, n, &err);
        if (rc != cases[i].code || !strstr(err.message, cases[i].message))
            fail_msg("archive %zu (%s): %s, %s", i, cases[i].message, cove_code_name(rc), err.message);
    }
}

/* Accepted and refused as by torch.load. */
static void test_versions(void **state)
{
    const struct {
        struct cove__slice text;
        int code;
    } cases[] = {
        { TEXT("1"), 0 },
        { TEXT("10"), 0 },
        { TEXT(" 3"), 0 },
        { TEXT("+3"), 0 },
        { TEXT("3x"), 0 },
        { TEXT("003\n"), 0 },
        { TEXT("0"), COVE_ENOTSUP },
        { TEXT("0x3"), COVE_ENOTSUP },
        { TEXT("11"), COVE_ENOTSUP },
        { TEXT("-3"), COVE_ENOTSUP },
        { TEXT("99999999999999999999"), COVE_ENOTSUP },
        { TEXT(""), COVE_ECORRUPT },
        { TEXT("x"), COVE_ECORRUPT },
        { TEXT("\0003"), COVE_ECORRUPT },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct entry entries[] = { { "x/data.pkl", TEXT(two_floats) },
                                         { "x/data/0", TEXT("\0\0\x80\x3f\0\0\0\x40") },
                                         { "x/version", cases[i].text } };
        struct cove_error err = COVE_ERROR_INIT;
        int rc = load_entries(entries, 3, &err);
        if (rc != cases[i].code)
            fail_msg("version %zu: %s, %s", i, cove_code_name(rc), err.message);
    }
}

/* Numbers of the other byte order are turned round, each by its own width. */
static void test_big_endian(void **state)
{
    struct testing_archive a;
    struct cove_error err = COVE_ERROR_INIT;
    cove_value *tree = NULL;
    struct cove_tensor_view view;
    (void)state;
    testing_archive_init(&a);
    testing_archive_add(&a, "x/data.pkl", TEXT(two_floats));
    testing_archive_add(&a, "x/byteorder", TEXT("big"));
    testing_archive_add(&a, "x/data/0", TEXT("\x3f\x80\0\0\x40\0\0\0"));
    testing_archive_add(&a, "x/version", TEXT("3\n"));
    struct testing_file t = { .bytes = testing_archive_finish(&a) };
    assert_int_equal(testing_load(&cove__torch_format, &t, COVE__SOURCE_HEAD, 0, &tree, &err), 0);
    cove_value_get_tensor(tree, &view, NULL);
    assert_true(((float *)view.data)[0] == 1.0f && ((float *)view.data)[1] == 2.0f);
    cove_value_unref(tree);
    cove__buf_done(&a.bytes);
}

static size_t find(const struct cove__buf *file, const void *what, size_t size)
{
    return (size_t)((const uint8_t *)memmem(file->data, file->size, what, size) - file->data);
}

/* A record whose alignment differs from the writer's rule is still found, by its header. */
static void test_other_alignment(void **state)
{
    struct testing_archive a;
    struct cove_error err = COVE_ERROR_INIT;
    (void)state;
    testing_archive_init(&a);
    testing_archive_add(&a, "x/data.pkl", TEXT(two_floats));
    testing_archive_add(&a, "x/.storage_alignment", TEXT("16")); /* a lie: it is 64 */
    testing_archive_add(&a, "x/version", TEXT("3\n"));
    testing_archive_add(&a, "x/data/0", TEXT("\0\0\x80\x3f\0\0\0\x40"));
    struct testing_file t = { .bytes = testing_archive_finish(&a) };
    cove_value *tree = NULL;
    struct cove_tensor_view view;
    assert_int_equal(testing_load(&cove__torch_format, &t, COVE__SOURCE_HEAD, 0, &tree, &err), 0);
    cove_value_get_tensor(tree, &view, NULL);
    assert_true(((float *)view.data)[1] == 2.0f);
    cove_value_unref(tree);
    cove__buf_done(&a.bytes);
}

static void test_checksums(void **state)
{
    struct cove__buf file;
    struct cove_error err = COVE_ERROR_INIT;
    (void)state;
    save(&file);
    file.data[find(&file, steps, sizeof(steps))] ^= 1;
    assert_int_equal(load_file(cove__buf_slice(&file), &err), COVE_ECORRUPT);
    assert_string_equal(err.message, "record \"archive/data/1\": its bytes do not match their CRC");
    file.data[find(&file, steps + 1, sizeof(steps) - 8) - 8] ^= 1;
    file.data[find(&file, "run", 3)] = 'g';
    assert_int_equal(load_file(cove__buf_slice(&file), &err), COVE_ECORRUPT);
    assert_string_equal(err.message, "its data.pkl does not match its CRC");
    cove__buf_done(&file);
}

/* torch has an option to write no CRCs: all are 0 then. */
static void test_without_checksums(void **state)
{
    struct testing_archive a;
    struct cove_error err = COVE_ERROR_INIT;
    const struct entry entries[] = { { "x/data.pkl", TEXT(two_floats) },
                                     { "x/data/0", TEXT("12345678") },
                                     { "x/version", TEXT("3\n") } };
    (void)state;
    testing_archive_init(&a);
    for (size_t i = 0; i < 3; i++) {
        cove__zip_begin(&a.zip, entries[i].name, entries[i].data.size, &a.bytes);
        cove__buf_add_slice(&a.bytes, entries[i].data);
        cove__zip_finish_record(&a.zip, 0, &a.bytes);
    }
    assert_int_equal(load_file(testing_archive_finish(&a), &err), 0);
    cove__buf_done(&a.bytes);
}

/* ---- whatever is wrong ---- */

static void test_cut_and_flipped(void **state)
{
    struct testing_archive a;
    (void)state;
    testing_archive_init(&a);
    testing_archive_add(&a, "x/data.pkl", TEXT(two_floats));
    testing_archive_add(&a, "x/byteorder", TEXT("little"));
    testing_archive_add(&a, "x/data/0", TEXT("\0\0\x80\x3f\0\0\0\x40"));
    struct cove__slice file = testing_archive_finish(&a);
    for (size_t size = 0; size < file.size; size++)
        assert_true(load_file(cove__slice_sub(file, 0, size), NULL) < 0);
    for (size_t at = 0; at < file.size; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            struct cove_error err = COVE_ERROR_INIT;
            a.bytes.data[at] ^= (uint8_t)(1u << bit);
            int rc = load_file(file, &err);
            assert_true(rc == 0 || rc == COVE_ECORRUPT || rc == COVE_ENOTSUP || rc == COVE_ELIMIT ||
                        rc == COVE_EUNSAFE);
            assert_true(rc == 0 || err.message[0] != '\0');
            a.bytes.data[at] ^= (uint8_t)(1u << bit);
        }
    cove__buf_done(&a.bytes);
}

static void test_refused_trees(void **state)
{
    static int32_t memory[8];
    const int64_t two = 2;
    struct cove__buf file = COVE__BUF_INIT(TESTING_MAX);
    struct cove_error err = COVE_ERROR_INIT;
    uint64_t size = 0;
    (void)state;
    cove_value *tree = cove_value_new_dict();
    add(tree, "bad", cove_value_new_string("\xff"));
    assert_int_equal(testing_save(&cove__torch_format, tree, &file, &size, &err), COVE_EINVAL);
    cove_value_unref(tree);

    tree = cove_value_new_dict(); /* overlapping by half an element */
    add(tree, "a", tensor(COVE_DTYPE_INT32, 1, &two, NULL, memory));
    add(tree, "b", tensor(COVE_DTYPE_INT32, 1, &two, NULL, (uint8_t *)memory + 2));
    assert_int_equal(testing_save(&cove__torch_format, tree, &file, &size, &err), COVE_EINVAL);
    assert_string_equal(err.message, "tensor \"a\" overlaps another one at a fraction of an element");
    cove_value_unref(tree);

    tree = cove_value_new_list(); /* too deep */
    for (int i = 0; i < COVE__VALUE_MAX_DEPTH; i++) {
        cove_value *outer = cove_value_new_list();
        cove_value_append(outer, tree, NULL);
        tree = outer;
    }
    assert_int_equal(testing_save(&cove__torch_format, tree, &file, &size, &err), COVE_ELIMIT);
    cove_value_unref(tree);

    static struct testing_file t; /* still remote */
    save(&file);
    t = (struct testing_file){ .bytes = cove__buf_slice(&file) };
    assert_int_equal(testing_load(&cove__torch_format, &t, COVE__SOURCE_HEAD, 1, &tree, &err), 0);
    struct cove__buf other = COVE__BUF_INIT(TESTING_MAX);
    assert_int_equal(testing_save(&cove__torch_format, tree, &other, &size, &err), COVE_ESTATE);
    assert_string_equal(err.message, "tensor \"all\" is still remote: fetch it before it is saved elsewhere");
    cove_value_unref(tree);
    assert_int_equal(other.size, 0);
    cove__buf_done(&other);
    cove__buf_done(&file);
}

/* ---- more than 4 GiB, with no memory behind it ---- */

struct counting {
    uint64_t size;
    struct cove__buf tail; /* the last bytes */
};

static int count(void *user, const void *data, size_t size, struct cove_error *err)
{
    struct counting *c = user;
    c->size += size;
    if (size >= (size_t)1 << 20) {
        cove__buf_reset(&c->tail);
        return 0;
    }
    return cove__buf_add(&c->tail, data, size);
}

/* A tensor of 5 GiB over memory that is only promised: its last page is looked at, the rest is the zero page. */
static void test_zip64(void **state)
{
    const size_t size = (size_t)5 << 30;
    const int64_t length = (int64_t)size;
    void *memory = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    struct cove_error err = COVE_ERROR_INIT;
    struct counting counting = { .tail = COVE__BUF_INIT(TESTING_MAX) };
    struct cove__sink sink = { count, &counting };
    struct cove__plan *plan = NULL;
    struct cove__zip_end end;
    struct cove__zip_dir dir;
    uint64_t planned = 0;
    (void)state;
    if (memory == MAP_FAILED) {
        print_message("no such address space here\n");
        skip();
    }
    cove_value *tree = cove_value_new_dict();
    add(tree, "large", tensor(COVE_DTYPE_UINT8, 1, &length, NULL, memory));
    add(tree, "after", tensor(COVE_DTYPE_INT64, 1, &(int64_t){ 3 }, NULL, steps));
    assert_int_equal(cove__torch_format.plan(tree, &plan, &planned, &err), 0);
    assert_int_equal(cove__torch_format.write(plan, &sink, &err), 0);
    assert_int_equal(counting.size, planned);
    assert_int_equal(cove__zip_parse_end(cove__buf_slice(&counting.tail), planned, &end, &err), 0);
    struct cove__slice central = cove__slice_sub(cove__buf_slice(&counting.tail),
                                                 counting.tail.size - (size_t)(planned - end.offset), (size_t)end.size);
    assert_int_equal(cove__zip_dir_parse(central, &end, &dir, &err), 0);
    const struct cove__zip_entry *large = cove__zip_dir_find(&dir, cove__slice_str("archive/data/0"));
    const struct cove__zip_entry *after = cove__zip_dir_find(&dir, cove__slice_str("archive/data/1"));
    assert_int_equal(large->size, size);
    assert_true(after->header_offset > size);
    size_t from_end = (size_t)(planned - cove__zip_guess_data(after, COVE__ZIP_ALIGN));
    assert_memory_equal(counting.tail.data + counting.tail.size - from_end, steps, sizeof(steps));
    cove__zip_dir_done(&dir);
    cove__torch_format.plan_free(plan);
    cove_value_unref(tree);
    cove__buf_done(&counting.tail);
    munmap(memory, size);
}

/* ---- whenever memory ends: through the public calls ---- */

static int save_and_load(bool lazy, struct cove_error *err)
{
    struct cove_checkpoint_load_options options = COVE_CHECKPOINT_LOAD_OPTIONS_INIT;
    cove_fs *fs = NULL;
    char *path = NULL;
    cove_value *tree = make_tree(), *loaded = NULL;
    int rc = tree ? cove_fs_from_url("memory://torch_test/x.ckpt", NULL, &fs, &path, err) : COVE_ENOMEM;
    if (rc == 0)
        rc = cove_checkpoint_save(fs, path, tree, NULL, NULL, err);
    options.lazy = lazy;
    if (rc == 0)
        rc = cove_checkpoint_load(fs, path, &options, NULL, &loaded, err);
    if (rc == 0 && lazy)
        rc = cove_value_fetch(cove_value_dict_get(loaded, "steps"), NULL, err);
    if (rc == 0)
        rc = cove_value_fetch(cove_value_dict_get(loaded, "all"), NULL, err);
    cove_value_unref(tree);
    cove_value_unref(loaded);
    cove_fs_unref(fs);
    cove_free(path);
    return rc;
}

static void test_no_memory(void **state)
{
    (void)state;
    for (int lazy = 0; lazy < 2; lazy++)
        for (unsigned long nth = 1;; nth++) {
            struct cove_error err = COVE_ERROR_INIT;
            cove__mem_fail(nth, 0);
            int rc = save_and_load(lazy, &err);
            bool failed = cove__mem_fail(0, 0) >= nth;
            if (rc != 0 && rc != COVE_ENOMEM)
                fail_msg("allocation %lu: %s, %s", nth, cove_code_name(rc), err.message);
            if (!failed) {
                assert_int_equal(rc, 0);
                break;
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_archives),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_big_endian),
        cmocka_unit_test(test_other_alignment),
        cmocka_unit_test(test_checksums),
        cmocka_unit_test(test_without_checksums),
        cmocka_unit_test(test_cut_and_flipped),
        cmocka_unit_test(test_refused_trees),
        cmocka_unit_test(test_zip64),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
