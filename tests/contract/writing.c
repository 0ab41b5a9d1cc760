/* Writing: whole files and streams, published in one step or not at all. */
#include "contract.h"

#include <pthread.h>
#include <stdatomic.h>

static cove_writer *open_writer(const char *path, const struct cove_writer_options *options)
{
    cove_writer *writer;
    OK(cove_writer_open(w.fs, path, options, NULL, &writer, &err));
    return writer;
}

/* Writes `size` bytes of `seed` in chunks. */
static void write_filled(cove_writer *writer, size_t size, uint64_t seed, size_t chunk)
{
    uint8_t *data = filled_new(size, seed);
    for (size_t done = 0; done < size;) {
        size_t n = size - done < chunk ? size - done : chunk;
        OK(cove_writer_write(writer, data + done, n, &err));
        done += n;
        assert_int_equal(cove_writer_tell(writer), done);
    }
    free(data);
}

/* The first unfinished upload: 1, 0, or COVE_ENOTSUP, of a store that states that it has no list of them. */
static int first_upload(cove_uploads **ret_uploads, struct cove_upload *ret)
{
    err_reset();
    int rc = cove_fs_abandoned_uploads(w.fs, at("%s", ""), 0, NULL, ret_uploads, &err);
    if (rc == 0)
        rc = cove_uploads_next(*ret_uploads, ret, &err);
    if (rc != COVE_ENOTSUP)
        check_ok(rc < 0 ? rc : 0, "cove_fs_abandoned_uploads", __FILE__, __LINE__);
    return rc;
}

static size_t unfinished_uploads(void)
{
    cove_uploads *uploads = NULL;
    struct cove_upload upload;
    size_t n = 0;

    for (int rc = first_upload(&uploads, &upload); rc == 1; rc = OK(cove_uploads_next(uploads, &upload, &err)))
        n++;
    cove_uploads_free(uploads);
    return n;
}

/* After an abort. Where a part that was under way may come back, what is left can be removed. */
static void no_unfinished_uploads(void)
{
    cove_uploads *uploads = NULL;
    struct cove_upload upload;
    size_t n = 1;

    while (w.can->parts_come_back && n > 0) {
        n = 0;
        for (int rc = first_upload(&uploads, &upload); rc == 1; rc = OK(cove_uploads_next(uploads, &upload, &err)), n++)
            OK(cove_uploads_abort(uploads, &err));
        cove_uploads_free(uploads);
        uploads = NULL;
    }
    if (!w.can->parts_come_back)
        assert_int_equal(unfinished_uploads(), 0);
}

static void whole_files(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 1000, 65536, 5 * MIB, 17 * MIB + 3 };
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        put_filled(at("f"), sizes[i], 30 + i); /* each replaces the one before */
        has_filled(at("f"), sizes[i], 30 + i);
    }
}

static atomic_bool stop_reading;
static const char *contested;

/* Two contents of different sizes take turns; a reader sees one of them, whole. */
static const char *read_or_replace(size_t number)
{
    enum { SMALL = 100000, LARGE = 300000 };
    if (number == 0) {
        uint8_t *data = malloc(LARGE);
        if (!data)
            return "no memory";
        const char *trouble = NULL;
        for (int i = 0; i < 30 && !trouble; i++) {
            fill(data, i % 2 ? SMALL : LARGE, i % 2 ? 41 : 42, 0);
            if (cove_fs_write_file(w.fs, contested, data, i % 2 ? SMALL : LARGE, NULL, NULL) < 0)
                trouble = "a replacement failed";
        }
        free(data);
        atomic_store(&stop_reading, true);
        return trouble;
    }
    while (!atomic_load(&stop_reading)) {
        void *data;
        size_t size;
        int rc = cove_fs_read_file(w.fs, contested, 0, &data, &size, NULL, NULL);
        if (rc == COVE_EPRECONDITION) /* reported, not hidden */
            continue;
        if (rc < 0)
            return "a file that is being replaced could not be read";
        bool whole = (size == SMALL && filled(data, size, 41, 0)) || (size == LARGE && filled(data, size, 42, 0));
        cove_free(data);
        if (!whole)
            return "a reader saw a mixture";
    }
    return NULL;
}

static void replacing_is_atomic(void **state)
{
    (void)state;
    contested = at("f");
    put_filled(contested, 300000, 42);
    atomic_store(&stop_reading, false);
    in_threads(3, read_or_replace);
}

static void streams_of_many_sizes(void **state)
{
    (void)state;
    static const struct {
        size_t size, chunk;
    } rows[] = {
        { 0, 1 },
        { 1, 1 },
        { 1000, 7 },
        { 5 * MIB - 1, MIB },
        { 5 * MIB, MIB },
        { 5 * MIB + 1, MIB },
        { 8 * MIB - 1, 8 * MIB },
        { 8 * MIB, 8 * MIB },
        { 8 * MIB + 1, 8 * MIB },
        { 16 * MIB, 100001 },
        { 16 * MIB + 1, 16 * MIB + 1 },
        { 33 * MIB + 7, 5 * MIB + 3 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cove_writer *writer = open_writer(at("f%zu", i), NULL);
        write_filled(writer, rows[i].size, 50 + i, rows[i].chunk);
        OK(cove_writer_finish(writer, &err));
        cove_writer_free(writer);
        has_filled(at("f%zu", i), rows[i].size, 50 + i);
    }
    assert_int_equal(unfinished_uploads(), 0);
}

static void expected_sizes_are_hints(void **state)
{
    (void)state;
    static const struct {
        int64_t expected;
        size_t size;
    } rows[] = { { 0, 100 },         { 100, 100 },          { 100, 0 }, { 30 * MIB, 12 * MIB },
                 { 1000, 12 * MIB }, { 12 * MIB, 12 * MIB } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cove_writer_options options = COVE_WRITER_OPTIONS_INIT;
        options.expected_size = rows[i].expected;
        cove_writer *writer = open_writer(at("f"), &options);
        write_filled(writer, rows[i].size, 70 + i, MIB);
        OK(cove_writer_finish(writer, &err));
        cove_writer_free(writer);
        has_filled(at("f"), rows[i].size, 70 + i);
    }
}

static void nothing_is_visible_before_finish(void **state)
{
    (void)state;
    static const size_t sizes[] = { 10, 20 * MIB };
    for (size_t i = 0; i < 2; i++) {
        const char *new = at("new%zu", i), *old = at("old%zu", i);
        put(old, "old");
        cove_writer *a = open_writer(new, NULL), *b = open_writer(old, NULL);
        write_filled(a, sizes[i], 80, MIB);
        write_filled(b, sizes[i], 81, MIB);
        gone(new);
        has(old, "old");
        char want[16];
        snprintf(want, sizeof(want), "old%zu", i);
        cove_listing *listing;
        OK(cove_fs_glob(w.fs, at("*%zu", i), NULL, &listing, &err));
        assert_string_equal(names(listing), want);
        OK(cove_writer_finish(a, &err));
        OK(cove_writer_finish(b, &err));
        cove_writer_free(a);
        cove_writer_free(b);
        has_filled(new, sizes[i], 80);
        has_filled(old, sizes[i], 81);
    }
    assert_string_equal(listed(at("%s", "")), "new0 new1 old0 old1");
}

static void giving_up_leaves_nothing(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 10, 20 * MIB };
    put(at("old"), "old");
    for (size_t i = 0; i < 3; i++)
        for (int by_free = 0; by_free < 2; by_free++) {
            cove_writer *a = open_writer(at("new"), NULL), *b = open_writer(at("old"), NULL);
            write_filled(a, sizes[i], 82, MIB);
            write_filled(b, sizes[i], 83, MIB);
            if (!by_free) {
                cove_writer_abort(a);
                cove_writer_abort(b);
            }
            cove_writer_free(a);
            cove_writer_free(b);
            gone(at("new"));
            has(at("old"), "old");
            no_unfinished_uploads();
            assert_string_equal(listed(at("%s", "")), "old");
        }
    cove_writer_free(NULL);
}

static void out_of_order(void **state)
{
    (void)state;
    cove_writer *writer = open_writer(at("f"), NULL);
    OK(cove_writer_write(writer, "x", 1, &err));
    OK(cove_writer_finish(writer, &err));
    FAILS(COVE_ESTATE, cove_writer_write(writer, "y", 1, &err));
    FAILS(COVE_ESTATE, cove_writer_finish(writer, &err));
    cove_writer_abort(writer); /* too late to undo anything */
    cove_writer_free(writer);
    has(at("f"), "x");
    writer = open_writer(at("g"), NULL);
    cove_writer_abort(writer);
    FAILS(COVE_ESTATE, cove_writer_write(writer, "y", 1, &err));
    FAILS(COVE_ESTATE, cove_writer_finish(writer, &err));
    cove_writer_free(writer);
    gone(at("g"));
}

/* Writes `size` bytes under a condition and returns what finish returns. */
static int write_if(const char *path, enum cove_write_if condition, const char *etag, size_t size, uint64_t seed)
{
    struct cove_writer_options options = COVE_WRITER_OPTIONS_INIT;
    options.condition = condition;
    options.etag = etag;
    cove_writer *writer = open_writer(path, &options);
    write_filled(writer, size, seed, MIB);
    err_reset();
    int rc = cove_writer_finish(writer, &err);
    cove_writer_free(writer);
    return rc;
}

static void only_if_new(void **state)
{
    (void)state;
    static const size_t sizes[] = { 10, 12 * MIB };
    for (size_t i = 0; i < 2; i++) {
        const char *path = at("f%zu", i);
        assert_int_equal(write_if(path, COVE_WRITE_IF_NEW, NULL, sizes[i], 90), 0);
        has_filled(path, sizes[i], 90);
        assert_int_equal(write_if(path, COVE_WRITE_IF_NEW, NULL, sizes[i], 91), COVE_EEXIST);
        assert_int_equal(err.code, COVE_EEXIST);
        has_filled(path, sizes[i], 90);
    }
    assert_int_equal(unfinished_uploads(), 0);
    assert_string_equal(listed(at("%s", "")), "f0 f1");
}

static void only_if_it_is_the_same(void **state)
{
    (void)state;
    static const size_t sizes[] = { 10, 12 * MIB };
    for (size_t i = 0; i < 2; i++) {
        const char *path = at("f%zu", i);
        put(path, "first");
        char *first = etag_of(path);
        assert_int_equal(write_if(path, COVE_WRITE_IF_MATCH, first, sizes[i], 92), 0);
        has_filled(path, sizes[i], 92);
        assert_int_equal(write_if(path, COVE_WRITE_IF_MATCH, first, sizes[i], 93), COVE_EPRECONDITION);
        has_filled(path, sizes[i], 92);
        int rc = write_if(at("missing"), COVE_WRITE_IF_MATCH, first, sizes[i], 94);
        assert_true(rc == COVE_EPRECONDITION || rc == COVE_ENOTFOUND);
        gone(at("missing"));
        free(first);
    }
    no_unfinished_uploads();
}

static atomic_int winners;

static const char *race(size_t number)
{
    struct cove_writer_options options = COVE_WRITER_OPTIONS_INIT;
    options.condition = COVE_WRITE_IF_NEW;
    cove_writer *writer;
    if (cove_writer_open(w.fs, contested, &options, NULL, &writer, NULL) < 0)
        return "a writer could not be opened";
    char text = (char)('a' + number);
    int rc = cove_writer_write(writer, &text, 1, NULL);
    if (rc == 0)
        rc = cove_writer_finish(writer, NULL);
    cove_writer_free(writer);
    if (rc == 0)
        atomic_fetch_add(&winners, 1);
    return rc == 0 || rc == COVE_EEXIST ? NULL : "neither won nor COVE_EEXIST";
}

static void one_of_many_is_the_first(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        contested = at("f%d", i);
        atomic_store(&winners, 0);
        in_threads(8, race);
        assert_int_equal(atomic_load(&winners), 1);
    }
}

static void conditions_need_their_etag(void **state)
{
    (void)state;
    struct cove_writer_options options = COVE_WRITER_OPTIONS_INIT;
    options.condition = COVE_WRITE_IF_MATCH;
    cove_writer *writer = NULL;
    FAILS(COVE_EINVAL, cove_writer_open(w.fs, at("f"), &options, NULL, &writer, &err));
    assert_null(writer);
}

static void an_upload_is_found_and_aborted(void **state)
{
    (void)state;
    needs(!w.can->unlisted_uploads, "list of uploads under way");
    cove_writer *writer = open_writer(at("f"), NULL);
    cove_uploads *uploads = NULL;
    struct cove_upload upload;

    write_filled(writer, 33 * MIB, 95, MIB);
    put(at("other"), "kept");
    int rc = first_upload(&uploads, &upload);
    for (int i = 0; rc == 0 && w.can->begins_by_parts && i < 1000; i++) { /* its parts are still under way */
        cove_uploads_free(uploads);
        nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
        rc = first_upload(&uploads, &upload);
    }
    if (rc == COVE_ENOTSUP) {
        FAILS(COVE_ENOTSUP, cove_fs_abort_upload(w.fs, at("f"), "id", NULL, &err));
    } else {
        assert_true(rc == 1 || w.can->hidden_uploads);
        if (rc == 0) {
            cove_uploads_free(uploads);
            cove_writer_free(writer);
            return;
        }
        assert_true(upload.started_ns > 0);
        FAILS(COVE_EINVAL, cove_fs_abort_upload(w.fs, upload.path, "", NULL, &err));
        FAILS(COVE_EINVAL, cove_fs_abort_upload(w.fs, upload.path, NULL, NULL, &err));
        OK(cove_fs_abort_upload(w.fs, upload.path, upload.upload_id, NULL, &err));
        OK(cove_fs_abort_upload(w.fs, upload.path, upload.upload_id, NULL, &err)); /* it is gone */
        assert_int_equal(OK(cove_uploads_next(uploads, &upload, &err)), 0);
        assert_int_equal(OK(cove_uploads_next(uploads, &upload, &err)), 0);
        no_unfinished_uploads();
        err_reset();
        rc = cove_fs_abort_upload(w.fs, at("other"), "other", NULL, &err); /* no upload, whatever its name is */
        assert_true(rc == 0 || rc == COVE_EINVAL || w.can->hidden_uploads);
    }
    cove_uploads_free(uploads);
    cove_writer_free(writer);
    gone(at("f"));
    has(at("other"), "kept");
}

const struct CMUnitTest writing_tests[] = {
    cmocka_unit_test(whole_files),
    cmocka_unit_test(replacing_is_atomic),
    cmocka_unit_test(streams_of_many_sizes),
    cmocka_unit_test(expected_sizes_are_hints),
    cmocka_unit_test(nothing_is_visible_before_finish),
    cmocka_unit_test(giving_up_leaves_nothing),
    cmocka_unit_test(out_of_order),
    cmocka_unit_test(only_if_new),
    cmocka_unit_test(only_if_it_is_the_same),
    cmocka_unit_test(one_of_many_is_the_first),
    cmocka_unit_test(conditions_need_their_etag),
    cmocka_unit_test(an_upload_is_found_and_aborted),
    { 0 },
};
