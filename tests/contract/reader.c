/* Readers: streams with a position over one version of a file. */
#include "contract.h"

static cove_reader *open_reader(const char *path)
{
    cove_reader *reader;
    OK(cove_reader_open(w.fs, path, NULL, &reader, &err));
    return reader;
}

static void read_to_the_end(void **state)
{
    (void)state;
    const size_t size = 20 * MIB + 77;
    put_filled(at("f"), size, 20);
    static const size_t chunks[] = { 1, 4095, 70000, 3 * MIB + 1, 64 * MIB };
    for (size_t c = 0; c < sizeof chunks / sizeof chunks[0]; c++) {
        cove_reader *reader = open_reader(at("f"));
        assert_int_equal(cove_reader_size(reader), size);
        uint8_t *buffer = malloc(chunks[c]);
        assert_non_null(buffer);
        size_t done = 0;
        for (size_t step = 0;; step++) {
            int64_t n = OK(cove_reader_read(reader, buffer, chunks[c], &err));
            if (n == 0)
                break;
            assert_true(n == (int64_t)chunks[c] || done + (size_t)n == size); /* fewer only at the end */
            assert_true(filled(buffer, (size_t)n, 20, done));
            done += (size_t)n;
            assert_int_equal(cove_reader_tell(reader), done);
            if (chunks[c] == 1 && step == 3000) { /* a few of the smallest are enough */
                OK(cove_reader_seek(reader, (int64_t)size - 10, &err));
                done = size - 10;
            }
        }
        assert_int_equal(done, size);
        assert_int_equal(OK(cove_reader_read(reader, buffer, chunks[c], &err)), 0); /* the end stays */
        free(buffer);
        cove_reader_close(reader);
    }
    cove_reader_close(NULL);
}

static void whole_or_opened(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 64 * KIB, 64 * KIB + 1, 3 * MIB, 20 * MIB + 77 };
    static const size_t most[] = { 0, 1, 64 * KIB, 3 * MIB };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        put_filled(at("f"), sizes[i], i);
        for (size_t m = 0; m < sizeof most / sizeof most[0]; m++) {
            void *data = &data;
            cove_reader *reader = NULL;
            size_t size = 77;
            OK(cove_fs_read_or_open(w.fs, at("f"), most[m], 0, &data, &size, &reader, NULL, &err));
            if (most[m] && sizes[i] > most[m]) {
                assert_null(data);
                assert_int_equal(cove_reader_size(reader), sizes[i]);
                assert_int_equal(cove_reader_tell(reader), 0);
                data = malloc(sizes[i]);
                assert_non_null(data);
                assert_int_equal(OK(cove_reader_read(reader, data, sizes[i], &err)), sizes[i]);
                assert_true(filled(data, sizes[i], i, 0));
                free(data);
                cove_reader_close(reader);
                continue;
            }
            assert_null(reader);
            assert_int_equal(size, sizes[i]);
            assert_true(filled(data, size, i, 0));
            assert_int_equal(((char *)data)[size], '\0');
            cove_free(data);
        }
    }
    void *data = &data;
    cove_reader *reader = NULL;
    size_t size = 77;
    FAILS(COVE_ENOTFOUND, cove_fs_read_or_open(w.fs, at("no"), 1, 0, &data, &size, &reader, NULL, &err));
    assert_ptr_equal(data, &data);
    assert_int_equal(size, 77);
}

static void read_without_a_copy(void **state)
{
    (void)state;
    const size_t size = 20 * MIB + 77;
    put_filled(at("f"), size, 27);
    static const size_t most[] = { SIZE_MAX, 5 * MIB, 70000 };
    for (size_t c = 0; c < 3; c++) {
        cove_reader *reader = open_reader(at("f"));
        const void *data = NULL;
        size_t done = 0;
        int64_t n;
        while ((n = OK(cove_reader_next(reader, &data, most[c], &err))) > 0) {
            assert_true((size_t)n <= most[c] && filled(data, (size_t)n, 27, done));
            done += (size_t)n;
            assert_int_equal(cove_reader_tell(reader), done);
        }
        assert_int_equal(done, size);
        OK(cove_reader_seek(reader, 12345678, &err));
        char some[100]; /* both ways of reading share one position */
        assert_int_equal(OK(cove_reader_read(reader, some, sizeof some, &err)), sizeof some);
        n = OK(cove_reader_next(reader, &data, 10, &err));
        assert_true(n > 0 && n <= 10 && filled(data, (size_t)n, 27, 12345678 + sizeof some));
        assert_int_equal(OK(cove_reader_next(reader, &data, 0, &err)), 0);
        cove_reader_close(reader);
    }
}

/* What is read at one place is written at another, by the steps that it comes in or smaller ones, beside plain writes.
 */
static void taken_by_a_writer(void **state)
{
    (void)state;
    const size_t size = 20 * MIB + 77;
    put_filled(at("f"), size, 28);
    static const size_t most[] = { SIZE_MAX, 700000 };
    for (size_t c = 0; c < 2; c++) {
        cove_reader *reader = open_reader(at("f"));
        cove_writer *writer;
        char first[77];
        size_t done = sizeof first;
        int64_t n;
        OK(cove_writer_open(w.fs, at("copy"), NULL, NULL, &writer, &err));
        assert_int_equal(OK(cove_reader_read(reader, first, sizeof first, &err)), sizeof first);
        OK(cove_writer_write(writer, first, sizeof first, &err));
        while ((n = OK(cove_writer_copy_from(writer, reader, most[c], &err))) > 0) {
            done += (size_t)n;
            assert_true((size_t)n <= most[c]);
            assert_int_equal(cove_writer_tell(writer), done);
        }
        OK(cove_writer_finish(writer, &err));
        FAILS(COVE_ESTATE, cove_writer_write(writer, "x", 1, &err));
        cove_writer_free(writer);
        cove_reader_close(reader);
        has_filled(at("copy"), size, 28);
    }
}

static void seek_about(void **state)
{
    (void)state;
    const size_t size = 9 * MIB + 5;
    put_filled(at("f"), size, 21);
    cove_reader *reader = open_reader(at("f"));
    uint8_t *buffer = malloc(MIB);
    assert_non_null(buffer);
    uint64_t x = 12345;
    for (int i = 0; i < 60; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        size_t offset = (size_t)(x >> 33) % (size + 100), length = (size_t)(x >> 13) % (i % 5 == 0 ? MIB : 5000);
        OK(cove_reader_seek(reader, (int64_t)offset, &err));
        int64_t n = OK(cove_reader_read(reader, buffer, length, &err));
        size_t left = offset >= size ? 0 : size - offset;
        assert_int_equal(n, left < length ? left : length);
        assert_true(filled(buffer, (size_t)n, 21, offset));
        assert_int_equal(cove_reader_tell(reader), offset + (size_t)n);
    }
    FAILS(COVE_EINVAL, cove_reader_seek(reader, -1, &err));
    OK(cove_reader_seek(reader, INT64_C(1) << 50, &err));
    assert_int_equal(OK(cove_reader_read(reader, buffer, 10, &err)), 0);
    OK(cove_reader_seek(reader, 0, &err));
    assert_int_equal(OK(cove_reader_read(reader, buffer, 10, &err)), 10);
    assert_true(filled(buffer, 10, 21, 0));
    free(buffer);
    cove_reader_close(reader);
}

/* The end is reached in order, though not by way of a long stream. */
static void read_on_after_a_look_back(void **state)
{
    (void)state;
    const size_t size = 100000, half = 60000;
    char *buffer = malloc(size);
    assert_non_null(buffer);
    put_filled(at("f"), size, 29);
    cove_reader *reader = open_reader(at("f"));
    assert_int_equal(OK(cove_reader_read(reader, buffer, half, &err)), half);
    OK(cove_reader_seek(reader, 0, &err));
    assert_int_equal(OK(cove_reader_read(reader, buffer, 10, &err)), 10);
    OK(cove_reader_seek(reader, (int64_t)half, &err));
    assert_int_equal(OK(cove_reader_read(reader, buffer + half, size, &err)), size - half);
    assert_true(filled((uint8_t *)buffer, size, 29, 0));
    free(buffer);
    cove_reader_close(reader);
}

static void read_at_leaves_the_position(void **state)
{
    (void)state;
    const size_t size = 2 * MIB;
    put_filled(at("f"), size, 22);
    cove_reader *reader = open_reader(at("f"));
    uint8_t a[100], b[300];
    assert_int_equal(OK(cove_reader_read(reader, a, 100, &err)), 100);
    assert_int_equal(OK(cove_reader_read_at(reader, 1000000, b, 300, &err)), 300);
    assert_true(filled(b, 300, 22, 1000000));
    assert_int_equal(cove_reader_tell(reader), 100);
    struct cove_range ranges[] = { { 5, 100, a, 0 }, { 1999000, 300, b, 0 } };
    OK(cove_reader_read_ranges(reader, ranges, 2, &err));
    assert_true(filled(a, 100, 22, 5) && filled(b, 300, 22, 1999000));
    assert_int_equal(cove_reader_tell(reader), 100);
    assert_int_equal(OK(cove_reader_read(reader, a, 100, &err)), 100);
    assert_true(filled(a, 100, 22, 100));
    assert_int_equal(OK(cove_reader_read_at(reader, (int64_t)size, a, 100, &err)), 0);
    cove_reader_close(reader);
}

static void an_empty_file(void **state)
{
    (void)state;
    put(at("f"), "");
    cove_reader *reader = open_reader(at("f"));
    char c;
    assert_int_equal(cove_reader_size(reader), 0);
    assert_int_equal(OK(cove_reader_read(reader, &c, 1, &err)), 0);
    cove_reader_close(reader);
}

static void nothing_to_open(void **state)
{
    (void)state;
    cove_reader *reader = NULL;
    FAILS(COVE_ENOTFOUND, cove_reader_open(w.fs, at("no"), NULL, &reader, &err));
    put(at("d/f"), "x");
    FAILS(COVE_EISDIR, cove_reader_open(w.fs, at("d"), NULL, &reader, &err));
    assert_null(reader);
}

/* A reader gives one version of the file: the one that it opened, or COVE_EPRECONDITION; never a mixture. */
static void the_file_changes(void **state)
{
    (void)state;
    const size_t size = 48 * MIB;
    put_filled(at("f"), size, 23);
    cove_reader *reader = open_reader(at("f"));
    uint8_t *buffer = malloc(size);
    assert_non_null(buffer);
    assert_int_equal(OK(cove_reader_read(reader, buffer, 1000, &err)), 1000);
    put_filled(at("f"), size, 24);
    size_t done = 1000;
    while (done < size) {
        err_reset();
        int64_t n = cove_reader_read(reader, buffer, 4 * MIB, &err);
        if (n < 0) {
            assert_int_equal(n, COVE_EPRECONDITION);
            assert_int_equal(err.code, COVE_EPRECONDITION);
            break;
        }
        assert_true(n > 0);
        assert_true(filled(buffer, (size_t)n, 23, done));
        done += (size_t)n;
    }
    if (w.can->slow &&
        !w.can
             ->keeps_replaced) /* where the old version is not held open, what lies beyond any prefetch cannot be had */
        FAILS(COVE_EPRECONDITION, cove_reader_read_at(reader, (int64_t)(size - 100), buffer, 100, &err));
    cove_reader_close(reader);
    has_filled(at("f"), size, 24);
    free(buffer);
}

static void a_file_removed_while_it_is_read(void **state)
{
    (void)state;
    const size_t size = 48 * MIB;
    put_filled(at("f"), size, 25);
    cove_reader *reader = open_reader(at("f"));
    uint8_t buffer[100];
    assert_int_equal(OK(cove_reader_read(reader, buffer, 100, &err)), 100);
    OK(cove_fs_remove(w.fs, at("f"), NULL, &err));
    err_reset();
    int64_t n = cove_reader_read_at(reader, (int64_t)(size - 100), buffer, 100, &err);
    if (n >= 0) /* held open */
        assert_true(n == 100 && filled(buffer, 100, 25, size - 100));
    else
        assert_true(n == COVE_ENOTFOUND || n == COVE_EPRECONDITION);
    cove_reader_close(reader);
}

static void many_readers(void **state)
{
    (void)state;
    const size_t size = 4 * MIB;
    put_filled(at("f"), size, 26);
    cove_reader *readers[20];
    uint8_t buffer[1000];
    for (size_t i = 0; i < 20; i++)
        readers[i] = open_reader(at("f"));
    for (size_t step = 0; step < 3; step++)
        for (size_t i = 0; i < 20; i++) {
            assert_int_equal(OK(cove_reader_read(readers[i], buffer, 1000, &err)), 1000);
            assert_true(filled(buffer, 1000, 26, step * 1000));
        }
    for (size_t i = 0; i < 20; i++)
        cove_reader_close(readers[i]);
}

const struct CMUnitTest reader_tests[] = {
    cmocka_unit_test(read_to_the_end),
    cmocka_unit_test(whole_or_opened),
    cmocka_unit_test(read_without_a_copy),
    cmocka_unit_test(taken_by_a_writer),
    cmocka_unit_test(seek_about),
    cmocka_unit_test(read_on_after_a_look_back),
    cmocka_unit_test(read_at_leaves_the_position),
    cmocka_unit_test(an_empty_file),
    cmocka_unit_test(nothing_to_open),
    cmocka_unit_test(the_file_changes),
    cmocka_unit_test(a_file_removed_while_it_is_read),
    cmocka_unit_test(many_readers),
    { 0 },
};
