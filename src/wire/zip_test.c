/* Unit tests of zip archives: the layout that is written, and every way in which one that is read may lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/mem.h"
#include "wire/crc.h"
#include "wire/zip.h"

#define MAX ((size_t)1 << 20)

static void add(struct cove__zip_writer *w, struct cove__buf *out, const char *name, const char *data)
{
    size_t size = strlen(data);
    assert_int_equal(cove__zip_begin(w, name, size, out), 0);
    cove__buf_add(out, data, size);
    assert_int_equal(cove__zip_finish_record(w, cove__crc32(0, data, size), out), 0);
}

/* "a" 5 bytes, "dir/empty" none, "dir/b" 3 bytes. */
static void make(struct cove__buf *out)
{
    struct cove__zip_writer w;
    cove__buf_init(out, MAX);
    cove__zip_writer_init(&w);
    add(&w, out, "a", "hello");
    add(&w, out, "dir/empty", "");
    add(&w, out, "dir/b", "abc");
    assert_int_equal(cove__zip_finish(&w, out), 0);
    assert_int_equal(w.offset, out->size);
    cove__zip_writer_done(&w);
}

struct parsed {
    struct cove__zip_end end;
    struct cove__zip_dir dir;
};

static int parse(struct cove__slice file, size_t tail, struct parsed *ret, struct cove_error *err)
{
    memset(ret, 0, sizeof(*ret));
    if (tail > file.size)
        tail = file.size;
    int rc = cove__zip_parse_end(cove__slice_sub(file, file.size - tail, tail), file.size, &ret->end, err);
    if (rc < 0)
        return rc;
    return cove__zip_dir_parse(cove__slice_sub(file, (size_t)ret->end.offset, (size_t)ret->end.size), &ret->end,
                               &ret->dir, err);
}

/* Everything that a loader does with every record. */
static int read_all(struct cove__slice file, struct cove_error *err)
{
    struct parsed p;
    int rc = parse(file, COVE__ZIP_MAX_TAIL, &p, err);
    for (size_t i = 0; i < p.dir.n && rc == 0; i++) {
        const struct cove__zip_entry *e = &p.dir.entries[i];
        uint64_t data = 0;
        rc = cove__zip_check_stored(e, err);
        if (rc == 0)
            rc = cove__zip_check_local(e, cove__slice_sub(file, (size_t)e->header_offset, (size_t)e->room), &data, err);
        if (rc == 0 && (data > file.size || e->size > file.size - data))
            fail_msg("a record beyond the file was let pass");
    }
    cove__zip_dir_done(&p.dir);
    return rc;
}

static void test_write_and_read(void **state)
{
    struct cove__buf file;
    struct parsed p;
    struct cove_error err = COVE_ERROR_INIT;
    (void)state;
    make(&file);
    assert_int_equal(parse(cove__buf_slice(&file), 4096, &p, &err), 0);
    assert_int_equal(p.dir.n, 3);
    const char *names[] = { "a", "dir/empty", "dir/b" }, *datas[] = { "hello", "", "abc" };
    for (size_t i = 0; i < 3; i++) {
        const struct cove__zip_entry *e = cove__zip_dir_find(&p.dir, cove__slice_str(names[i]));
        uint64_t data = 0;
        assert_ptr_equal(e, &p.dir.entries[i]);
        struct cove__slice head = cove__slice_sub(cove__buf_slice(&file), (size_t)e->header_offset, (size_t)e->room);
        assert_int_equal(cove__zip_check_local(e, head, &data, &err), 0);
        assert_int_equal(data % COVE__ZIP_ALIGN, 0);
        assert_int_equal(data, cove__zip_guess_data(e, COVE__ZIP_ALIGN));
        assert_int_equal(e->size, strlen(datas[i]));
        assert_memory_equal(file.data + data, datas[i], strlen(datas[i]));
        assert_int_equal(e->crc, cove__crc32(0, datas[i], strlen(datas[i])));
    }
    assert_null(cove__zip_dir_find(&p.dir, cove__slice_str("dir")));
    assert_null(cove__zip_dir_find(&p.dir, cove__slice_str("dir/bb")));
    assert_int_equal(cove__crc32(0, "123456789", 9), 0xcbf43926u);
    assert_int_equal(cove__crc32(cove__crc32(0, "1234", 4), "56789", 5), 0xcbf43926u);
    cove__zip_dir_done(&p.dir);
    cove__buf_done(&file);
}

/* Records of more than 4 GiB, and beyond 4 GiB, without their data: sizes and offsets go to the zip64 fields. */
static void test_zip64(void **state)
{
    struct cove__zip_writer w;
    struct cove__buf glue = COVE__BUF_INIT(MAX), tail = COVE__BUF_INIT(MAX);
    struct parsed p = { 0 };
    struct cove_error err = COVE_ERROR_INIT;
    uint64_t sizes[] = { 10, 0xfffffffeu, 5000000000u, 0xffffffffu, 7, 0 }, offsets[6], headers[6];
    size_t header_sizes[6];
    (void)state;
    cove__zip_writer_init(&w);
    for (size_t i = 0; i < 6; i++) {
        char name[8] = { 'r', (char)('0' + i), 0 };
        size_t before = glue.size;
        headers[i] = w.offset;
        assert_int_equal(cove__zip_begin(&w, name, sizes[i], &glue), 0);
        header_sizes[i] = glue.size - before;
        offsets[i] = w.offset - sizes[i];
        assert_int_equal(offsets[i], headers[i] + header_sizes[i]);
        assert_int_equal(offsets[i] % COVE__ZIP_ALIGN, 0);
        before = glue.size;
        assert_int_equal(cove__zip_finish_record(&w, sizes[i] > 0 ? 99 : 0, &glue), 0);
        bool far = sizes[i] >= 0xffffffffu || headers[i] >= 0xffffffffu;
        assert_int_equal(glue.size - before, sizes[i] == 0 ? 0 : far ? 24 : 16);
        assert_int_equal(w.offset, offsets[i] + sizes[i] + (glue.size - before));
    }
    assert_int_equal(cove__zip_finish(&w, &tail), 0);
    assert_int_equal(cove__zip_parse_end(cove__buf_slice(&tail), w.offset, &p.end, &err), 0);
    assert_int_equal(
        cove__zip_dir_parse(cove__slice_sub(cove__buf_slice(&tail), 0, (size_t)p.end.size), &p.end, &p.dir, &err), 0);
    size_t at = 0;
    for (size_t i = 0; i < 6; i++) {
        const struct cove__zip_entry *e = &p.dir.entries[i];
        uint64_t data = 0;
        assert_int_equal(e->size, sizes[i]);
        assert_int_equal(e->packed_size, sizes[i]);
        assert_int_equal(e->header_offset, headers[i]);
        assert_int_equal(cove__zip_guess_data(e, COVE__ZIP_ALIGN), offsets[i]);
        assert_int_equal(cove__zip_check_local(e, cove__slice(glue.data + at, header_sizes[i]), &data, &err), 0);
        assert_int_equal(data, offsets[i]);
        at += header_sizes[i] + (sizes[i] == 0 ? 0 : sizes[i] >= 0xffffffffu || headers[i] >= 0xffffffffu ? 24 : 16);
    }
    cove__zip_dir_done(&p.dir);
    cove__zip_writer_done(&w);
    cove__buf_done(&glue);
    cove__buf_done(&tail);
}

/* ---- wrong_fields ---- */

static void set(struct cove__buf *file, size_t at, uint64_t value, unsigned width)
{
    assert_true(at + width <= file->size);
    for (unsigned i = 0; i < width; i++)
        file->data[at + i] = (uint8_t)(value >> (8 * i));
}

/* The end records are the last 98 bytes: zip64 end (56), locator (20), end (22). */
enum { END64, LOCATOR, END, CENTRAL, LOCAL };

static const struct {
    int where;
    size_t at;
    unsigned width;
    uint64_t value;
    int code;
    const char *message;
} wrong_fields[] = {
    { END64, 0, 4, 0, COVE_ECORRUPT, "zip64 end record is damaged" },
    { END64, 4, 8, 45, COVE_ECORRUPT, "zip64 end record is damaged" },
    { END64, 16, 4, 1, COVE_ENOTSUP, "several parts" },
    { END64, 24, 8, 2, COVE_ENOTSUP, "several parts" },
    { END64, 40, 8, 1, COVE_ECORRUPT, "contradict" },
    { END64, 48, 8, 1, COVE_ECORRUPT, "contradict" },
    { LOCATOR, 4, 4, 1, COVE_ENOTSUP, "several parts" },
    { LOCATOR, 8, 8, 0, COVE_ECORRUPT, "zip64 end record is damaged" },
    { LOCATOR, 8, 8, UINT64_MAX, COVE_ECORRUPT, "not at the offset in its locator" },
    { END, 0, 4, 0, COVE_ECORRUPT, "no end record" },
    { END, 4, 2, 1, COVE_ENOTSUP, "several parts" },
    { END, 8, 2, 2, COVE_ENOTSUP, "several parts" },
    { END, 12, 4, 0, COVE_ECORRUPT, "contradict" },
    { END, 20, 2, 1, COVE_ECORRUPT, "no end record" },
    { CENTRAL, 0, 4, 0, COVE_ECORRUPT, "directory is damaged" },
    { CENTRAL, 28, 2, 0, COVE_ECORRUPT, "directory is damaged" },
    { CENTRAL, 28, 2, 0xffff, COVE_ECORRUPT, "directory is damaged" },
    { CENTRAL, 30, 2, 1, COVE_ECORRUPT, "directory" },
    { CENTRAL, 32, 2, 0xffff, COVE_ECORRUPT, "directory is damaged" },
    { CENTRAL, 20, 4, 0xffffffffu, COVE_ECORRUPT, "zip64 sizes are missing" },
    { CENTRAL, 42, 4, 0xffffffffu, COVE_ECORRUPT, "zip64 sizes are missing" },
    { CENTRAL, 20, 4, 0xfffffffeu, COVE_ECORRUPT, "does not fit in the archive" },
    { CENTRAL, 20, 4, 100, COVE_ECORRUPT, "overlap" },
    { CENTRAL, 42, 4, 0x7fffffffu, COVE_ECORRUPT, "does not fit in the archive" },
    { CENTRAL, 42, 4, 70, COVE_ECORRUPT, "overlap" },
    { CENTRAL, 46, 1, 0, COVE_ECORRUPT, "NUL" },
    { CENTRAL, 8, 2, 0x809, COVE_ENOTSUP, "encrypted" },
    { CENTRAL, 10, 2, 8, COVE_ENOTSUP, "compressed (method 8)" },
    { CENTRAL, 24, 4, 6, COVE_ECORRUPT, "two sizes" },
    { LOCAL, 0, 4, 0, COVE_ECORRUPT, "not at its offset in the directory" },
    { LOCAL, 8, 2, 8, COVE_ECORRUPT, "contradicts" },
    { LOCAL, 6, 2, 0x809, COVE_ECORRUPT, "contradicts" },
    { LOCAL, 6, 2, 0x800, COVE_ECORRUPT, "contradicts" }, /* sizes and CRC then stand here, and are 0 */
    { LOCAL, 26, 2, 2, COVE_ECORRUPT, "contradicts" },
    { LOCAL, 30, 1, 'b', COVE_ECORRUPT, "contradicts" },
    { LOCAL, 28, 2, 0xffff, COVE_ECORRUPT, "runs into the next one" },
};

static void test_wrong_fields_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrong_fields) / sizeof(wrong_fields[0]); i++) {
        struct cove__buf file;
        struct cove_error err = COVE_ERROR_INIT;
        make(&file);
        size_t end = file.size, central = end - 98 - (3 * 46 + 1 + 9 + 5);
        size_t base[] = { end - 98, end - 42, end - 22, central, 0 };
        set(&file, base[wrong_fields[i].where] + wrong_fields[i].at, wrong_fields[i].value, wrong_fields[i].width);
        int rc = read_all(cove__buf_slice(&file), &err);
        if (rc != wrong_fields[i].code || !strstr(err.message, wrong_fields[i].message))
            fail_msg("lie %zu (%s): %s, %s", i, wrong_fields[i].message, cove_code_name(rc), err.message);
        cove__buf_done(&file);
    }
}

static void test_duplicate_names(void **state)
{
    struct cove__zip_writer w;
    struct cove__buf file = COVE__BUF_INIT(MAX);
    struct cove_error err = COVE_ERROR_INIT;
    (void)state;
    cove__zip_writer_init(&w);
    add(&w, &file, "x", "1");
    add(&w, &file, "x", "2");
    cove__zip_finish(&w, &file);
    assert_int_equal(read_all(cove__buf_slice(&file), &err), COVE_ECORRUPT);
    assert_non_null(strstr(err.message, "two records are called \"x\""));
    cove__zip_writer_done(&w);
    cove__buf_done(&file);
}

/* More records, or more bytes, than anything but an attack has: refused before memory is taken. */
static void test_ceilings(void **state)
{
    struct cove__buf file;
    struct cove__zip_end end;
    struct cove_error err = COVE_ERROR_INIT;
    (void)state;
    make(&file);
    size_t at = file.size - 98;
    uint64_t huge = (uint64_t)1 << 40;
    set(&file, at + 24, COVE__ZIP_MAX_ENTRIES + 1, 8);
    set(&file, at + 32, COVE__ZIP_MAX_ENTRIES + 1, 8);
    set(&file, file.size - 14, 0xffff, 2);
    set(&file, file.size - 12, 0xffff, 2);
    assert_int_equal(cove__zip_parse_end(cove__buf_slice(&file), file.size, &end, &err), COVE_ELIMIT);
    set(&file, at + 24, 4, 8);
    set(&file, at + 32, 4, 8);
    assert_int_equal(cove__zip_parse_end(cove__buf_slice(&file), file.size, &end, &err), COVE_ECORRUPT);
    /* the same tail of a file of 1 TiB, nearly all of which is said to be directory */
    set(&file, file.size - 10, 0xffffffffu, 4);
    set(&file, file.size - 6, 0xffffffffu, 4);
    set(&file, file.size - 42 + 8, huge - 98, 8);
    set(&file, at + 40, huge - 98 - 64, 8);
    set(&file, at + 48, 64, 8);
    assert_int_equal(cove__zip_parse_end(cove__buf_slice(&file), huge, &end, &err), COVE_ELIMIT);
    cove__buf_done(&file);
}

/* A comment behind the end record, also one that looks like an end record itself. */
static void test_comment(void **state)
{
    struct cove__buf file;
    struct cove_error err = COVE_ERROR_INIT;
    static const char comment[] = "PK\5\6 is how an end begins, and this is none";
    (void)state;
    make(&file);
    set(&file, file.size - 2, sizeof(comment), 2);
    cove__buf_add(&file, comment, sizeof(comment));
    assert_int_equal(read_all(cove__buf_slice(&file), &err), 0);
    cove__buf_done(&file);
}

static void test_cut_and_flipped(void **state)
{
    struct cove__buf file, copy;
    (void)state;
    make(&file);
    for (size_t size = 0; size < file.size; size++) {
        uint8_t *exact = malloc(size + 1); /* so that a read past its end is seen */
        memcpy(exact, file.data, size);
        assert_true(read_all(cove__slice(exact, size), NULL) < 0);
        free(exact);
    }
    make(&copy);
    for (size_t at = 0; at < file.size; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            copy.data[at] ^= (uint8_t)(1u << bit);
            read_all(cove__buf_slice(&copy), NULL);
            copy.data[at] = file.data[at];
        }
    cove__buf_done(&file);
    cove__buf_done(&copy);
}

static void test_no_memory(void **state)
{
    struct cove__buf file;
    (void)state;
    make(&file);
    for (unsigned long nth = 1;; nth++) {
        struct cove_error err = COVE_ERROR_INIT;
        cove__mem_fail(nth, 0);
        int rc = read_all(cove__buf_slice(&file), &err);
        bool failed = cove__mem_fail(0, 0) >= nth;
        assert_int_equal(rc, failed ? COVE_ENOMEM : 0);
        if (!failed)
            break;
    }
    cove__buf_done(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_and_read),
        cmocka_unit_test(test_zip64),
        cmocka_unit_test(test_wrong_fields_are_refused),
        cmocka_unit_test(test_duplicate_names),
        cmocka_unit_test(test_ceilings),
        cmocka_unit_test(test_comment),
        cmocka_unit_test(test_cut_and_flipped),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
