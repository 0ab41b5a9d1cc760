/* Incremental writing: the result is what a plain write makes, whatever the base was. */
#include "contract.h"

#define PART (8 * MIB)

struct made {
    int64_t sent, copied;
    cove_parts *parts;
};

/* Writes `data` with its parts kept, in pieces of `chunk`; the object must then be just that. */
static struct made write_parts(const char *path, const uint8_t *data, size_t size, size_t chunk, const cove_parts *base)
{
    struct cove_writer_options options = COVE_WRITER_OPTIONS_INIT;
    struct made made = { 0 };
    cove_writer *writer;
    void *back;
    size_t n;
    options.keep_parts = !base;
    options.base = base;
    OK(cove_writer_open(w.fs, path, &options, NULL, &writer, &err));
    for (size_t at = 0; at < size; at += chunk)
        OK(cove_writer_write(writer, data + at, size - at < chunk ? size - at : chunk, &err));
    FAILS(COVE_ESTATE, cove_writer_take_parts(writer, &made.parts, &err));
    OK(cove_writer_finish(writer, &err));
    OK(cove_writer_take_parts(writer, &made.parts, &err));
    assert_int_equal(cove_parts_object_size(made.parts), size);
    made.sent = cove_writer_sent(writer);
    made.copied = cove_writer_copied(writer);
    assert_int_equal(made.sent + made.copied, size);
    if (!w.can->copies_parts)
        assert_int_equal(made.copied, 0);
    cove_writer_free(writer);
    OK(cove_fs_read_file(w.fs, path, 0, &back, &n, NULL, &err));
    assert_int_equal(n, size);
    assert_int_equal(memcmp(back, data, size), 0); /* assert_memory_equal would print megabytes */
    cove_free(back);
    return made;
}

/* The same parts, by way of bytes. */
static cove_parts *again(cove_parts *parts)
{
    cove_parts *back;
    void *bytes;
    size_t size;
    OK(cove_parts_save(parts, &bytes, &size, &err));
    OK(cove_parts_load(bytes, size, &back, &err));
    assert_int_equal(cove_parts_count(back), cove_parts_count(parts));
    cove_free(bytes);
    cove_parts_free(parts);
    return back;
}

static void only_what_changed_is_sent(void **state)
{
    (void)state;
    NEEDS(uploads);
    static const size_t chunks[] = { 40 * MIB, MIB + 1 };
    const size_t size = 3 * PART + 1234;
    uint8_t *data = filled_new(size, 7);
    for (size_t i = 0; i < 2; i++) {
        cove_parts *base = again(write_parts(at("f%zu", i), data, size, chunks[i], NULL).parts);
        assert_int_equal(cove_parts_count(base), 4);
        data[PART + 5] ^= 1;
        struct made made = write_parts(at("f%zu", i), data, size, chunks[i], base); /* replaces its own base */
        if (w.can->copies_parts)
            assert_int_equal(made.sent, PART);
        cove_parts_free(base);
        base = again(made.parts);
        made = write_parts(at("g%zu", i), data, size, chunks[i], base); /* what was copied can be copied again */
        if (w.can->copies_parts)
            assert_int_equal(made.sent, 0);
        cove_parts_free(base);
        cove_parts_free(made.parts);
    }
    free(data);
}

static void equal_parts_at_other_offsets(void **state)
{
    (void)state;
    const size_t size = 3 * PART;
    uint8_t *data = filled_new(size + PART, 8);
    cove_parts *base = write_parts(at("%s", "f"), data, size, MIB, NULL).parts;
    uint8_t *moved = malloc(size + PART);
    assert_non_null(moved);
    memcpy(moved, data + 2 * PART, PART);
    memcpy(moved + PART, data, 2 * PART);
    memcpy(moved + 3 * PART, data + 2 * PART, PART);
    struct made made = write_parts(at("%s", "f"), moved, size + PART, MIB, base);
    if (w.can->copies_parts)
        assert_int_equal(made.sent, 0);
    cove_parts_free(made.parts);
    cove_parts_free(base);
    free(moved);
    free(data);
}

/* Other sizes than the base's: shorter, longer, one part, nothing. */
static void sizes_may_differ(void **state)
{
    (void)state;
    NEEDS(uploads);
    static const size_t sizes[] = { 0, 1, PART - 1, PART, PART + 1, 2 * PART, 2 * PART + 99, 3 * PART };
    uint8_t *data = filled_new(3 * PART, 9);
    cove_parts *base = write_parts(at("%s", "base"), data, 2 * PART + 99, 3 * PART, NULL).parts;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct made made = write_parts(at("f%zu", i), data, sizes[i], MIB, base);
        cove_parts *small = again(made.parts);
        assert_int_equal(cove_parts_count(small), (sizes[i] + PART - 1) / PART);
        /* and any of them is a base */
        made = write_parts(at("g%zu", i), data, 2 * PART + 99, MIB, small);
        cove_parts_free(made.parts);
        cove_parts_free(small);
    }
    cove_parts_free(base);
    free(data);
}

static void a_base_that_changed_or_went_is_no_harm(void **state)
{
    (void)state;
    const size_t size = 2 * PART + 10;
    uint8_t *data = filled_new(size, 10);
    cove_parts *base = write_parts(at("%s", "f"), data, size, size, NULL).parts;
    put_filled(at("%s", "f"), size, 11); /* of the same size */
    for (int i = 0; i < 2; i++) {
        struct made made = write_parts(at("g%d", i), data, size, i ? size : MIB, base);
        assert_int_equal(made.copied, 0);
        cove_parts_free(made.parts);
        if (i == 0)
            OK(cove_fs_remove(w.fs, at("%s", "f"), NULL, &err));
    }
    cove_parts_free(base);
    free(data);
}

static void parts_are_asked_for_and_taken_once(void **state)
{
    (void)state;
    struct cove_writer_options options = COVE_WRITER_OPTIONS_INIT;
    for (int keep = 0; keep < 2; keep++) {
        cove_writer *writer;
        cove_parts *parts = NULL;
        options.keep_parts = keep;
        OK(cove_writer_open(w.fs, at("%s", "f"), &options, NULL, &writer, &err));
        OK(cove_writer_write(writer, "x", 1, &err));
        OK(cove_writer_finish(writer, &err));
        if (keep)
            OK(cove_writer_take_parts(writer, &parts, &err));
        cove_parts_free(parts);
        FAILS(COVE_ESTATE, cove_writer_take_parts(writer, &parts, &err));
        cove_writer_free(writer);
    }
    cove_parts_free(NULL);
}

static void giving_up_with_a_base_leaves_nothing(void **state)
{
    (void)state;
    const size_t size = 2 * PART + 10;
    uint8_t *data = filled_new(size, 12);
    cove_parts *base = write_parts(at("%s", "f"), data, size, size, NULL).parts;
    struct cove_writer_options options = COVE_WRITER_OPTIONS_INIT;
    cove_writer *writer;
    options.base = base;
    OK(cove_writer_open(w.fs, at("%s", "g"), &options, NULL, &writer, &err));
    OK(cove_writer_write(writer, data, size, &err));
    cove_writer_free(writer);
    gone(at("%s", "g"));
    cove_uploads *left = NULL;
    struct cove_upload upload;
    int rc = cove_fs_abandoned_uploads(w.fs, at("%s", ""), 0, NULL, &left, NULL);
    if (rc == 0)
        rc = cove_uploads_next(left, &upload, NULL);
    assert_true(rc == 0 || rc == COVE_ENOTSUP || w.can->parts_come_back);
    cove_uploads_free(left);
    cove_parts_free(base);
    free(data);
}

const struct CMUnitTest parts_tests[] = {
    cmocka_unit_test(only_what_changed_is_sent),
    cmocka_unit_test(equal_parts_at_other_offsets),
    cmocka_unit_test(sizes_may_differ),
    cmocka_unit_test(a_base_that_changed_or_went_is_no_harm),
    cmocka_unit_test(parts_are_asked_for_and_taken_once),
    cmocka_unit_test(giving_up_with_a_base_leaves_nothing),
    { 0 },
};
