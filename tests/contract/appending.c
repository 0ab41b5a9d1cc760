/* Appending: one addition at a time, and appenders that gather. */
#include "contract.h"

static void append(const char *path, const char *text)
{
    OK(cove_fs_append(w.fs, path, text, strlen(text), NULL, &err));
}

static cove_appender *open_appender(const char *path, int truncate)
{
    struct cove_appender_options options = COVE_APPENDER_OPTIONS_INIT;
    options.truncate = truncate;
    cove_appender *appender;
    OK(cove_appender_open(w.fs, path, &options, NULL, &appender, &err));
    return appender;
}

static void additions(void **state)
{
    (void)state;
    NEEDS(appends);
    append(at("f"), "one"); /* makes it */
    has(at("f"), "one");
    append(at("f"), "two");
    append(at("f"), "");
    append(at("f"), "three");
    has(at("f"), "onetwothree");
    put(at("g"), "start ");
    append(at("g"), "end");
    has(at("g"), "start end");
    append(at("new/deep/f"), "x");
    has(at("new/deep/f"), "x");
    put(at("d/f"), "x");
    FAILS(COVE_EISDIR, cove_fs_append(w.fs, at("d"), "x", 1, NULL, &err));
}

/* On S3 the way of appending changes where the file reaches the smallest part; this must not be visible. */
static void additions_to_a_large_file(void **state)
{
    (void)state;
    NEEDS(appends);
    const size_t sizes[] = { 5 * MIB - 10, 5, 10, 3 * MIB, 1, 6 * MIB };
    uint8_t *all = filled_new(15 * MIB, 100);
    size_t done = 0;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        OK(cove_fs_append(w.fs, at("f"), all + done, sizes[i], NULL, &err));
        done += sizes[i];
        has_filled(at("f"), done, 100);
    }
    free(all);
}

static void gathered(void **state)
{
    (void)state;
    NEEDS(appends);
    cove_appender *appender = open_appender(at("f"), 0);
    for (int i = 0; i < 1000; i++)
        OK(cove_appender_write(appender, "line\n", 5, &err));
    OK(cove_appender_flush(appender, &err));
    cove_info *info;
    OK(cove_fs_stat(w.fs, at("f"), NULL, &info, &err));
    assert_int_equal(cove_info_size(info), 5000);
    cove_info_free(info);
    OK(cove_appender_flush(appender, &err)); /* nothing to send */
    OK(cove_appender_write(appender, "last\n", 5, &err));
    OK(cove_appender_close(appender, &err));
    OK(cove_fs_stat(w.fs, at("f"), NULL, &info, &err));
    assert_int_equal(cove_info_size(info), 5005);
    cove_info_free(info);
    OK(cove_appender_close(NULL, &err));
}

static void append_and_truncate(void **state)
{
    (void)state;
    NEEDS(appends);
    put(at("f"), "old ");
    cove_appender *appender = open_appender(at("f"), 0);
    OK(cove_appender_write(appender, "more", 4, &err));
    OK(cove_appender_close(appender, &err));
    has(at("f"), "old more");
    appender = open_appender(at("f"), 1);
    OK(cove_appender_write(appender, "new", 3, &err));
    OK(cove_appender_close(appender, &err));
    has(at("f"), "new");
}

static void at_each_write(void **state)
{
    (void)state;
    NEEDS(appends);
    struct cove_appender_options options = COVE_APPENDER_OPTIONS_INIT;
    options.flush_interval_ms = 0;
    cove_appender *appender;
    OK(cove_appender_open(w.fs, at("f"), &options, NULL, &appender, &err));
    OK(cove_appender_write(appender, "a", 1, &err));
    has(at("f"), "a");
    OK(cove_appender_write(appender, "b", 1, &err));
    has(at("f"), "ab");
    OK(cove_appender_close(appender, &err));
}

static void in_the_background(void **state)
{
    (void)state;
    NEEDS(appends);
    struct cove_appender_options options = COVE_APPENDER_OPTIONS_INIT;
    options.flush_interval_ms = 20;
    cove_appender *appender;
    const char *path = at("f");
    OK(cove_appender_open(w.fs, path, &options, NULL, &appender, &err));
    OK(cove_appender_write(appender, "sent unflushed", 14, &err));
    /* Waits for it to be there, for as long as that takes: a test that never ends is what a lost write would be. */
    char buffer[14];
    int64_t n;
    do {
        n = cove_fs_read_range(w.fs, path, 0, buffer, sizeof(buffer), NULL, NULL);
    } while (n == COVE_ENOTFOUND || (n >= 0 && n < 14));
    has(path, "sent unflushed");
    OK(cove_appender_close(appender, &err));
}

static void nothing_written(void **state)
{
    (void)state;
    NEEDS(appends);
    cove_appender *appender = open_appender(at("f"), 0);
    OK(cove_appender_close(appender, &err));
    gone(at("f")); /* made at the first flush with something in it */
}

/* Two appenders of one file: each write that was reported as sent is there; what could not be added was reported. */
static void two_at_once(void **state)
{
    (void)state;
    NEEDS(appends);
    put(at("f"), "0");
    cove_appender *a = open_appender(at("f"), 0), *b = open_appender(at("f"), 0);
    OK(cove_appender_write(a, "A", 1, &err));
    OK(cove_appender_flush(a, &err));
    err_reset();
    int rc = cove_appender_write(b, "B", 1, &err);
    if (rc == 0)
        rc = cove_appender_flush(b, &err);
    cove_appender_close(a, NULL);
    cove_appender_close(b, NULL);
    if (rc == 0) {
        has(at("f"), "0AB");
    } else {
        assert_int_equal(rc, COVE_EPRECONDITION);
        assert_int_equal(err.code, COVE_EPRECONDITION);
        has(at("f"), "0A");
    }
}

static void larger_than_its_buffer(void **state)
{
    (void)state;
    NEEDS(appends);
    struct cove_appender_options options = COVE_APPENDER_OPTIONS_INIT;
    options.flush_bytes = 100000;
    options.flush_interval_ms = 3600 * 1000;
    cove_appender *appender;
    OK(cove_appender_open(w.fs, at("f"), &options, NULL, &appender, &err));
    uint8_t *all = filled_new(3 * MIB, 101);
    size_t done = 0;
    for (size_t i = 0; done < 3 * MIB; i++) {
        size_t n = (i * 7919) % 300000;
        n = n < 3 * MIB - done ? n : 3 * MIB - done;
        OK(cove_appender_write(appender, all + done, n, &err));
        done += n;
    }
    OK(cove_appender_close(appender, &err));
    has_filled(at("f"), 3 * MIB, 101);
    free(all);
}

/* A log that is moved away under its appender: the next bytes begin a new one; a store reports that it is gone. */
static void rotated(void **state)
{
    (void)state;
    NEEDS(appends);
    NEEDS(copies);
    for (int removed = 0; removed < 2; removed++) {
        const char *log = at("log%d", removed), *old = at("old%d", removed);
        cove_appender *appender = open_appender(log, 0);
        OK(cove_appender_write(appender, "first", 5, &err));
        OK(cove_appender_flush(appender, &err));
        if (removed)
            OK(cove_fs_remove(w.fs, log, NULL, &err));
        else
            OK(cove_fs_move(w.fs, log, old, NULL, &err));
        if (!w.can->real_directories) {
            int rc = cove_appender_write(appender, "second", 6, &err);
            if (rc == 0) /* unless the flush in the background came first */
                rc = cove_appender_flush(appender, &err);
            assert_int_equal(rc, COVE_EPRECONDITION);
            assert_int_equal(cove_appender_close(appender, NULL), COVE_EPRECONDITION);
            gone(log);
        } else {
            OK(cove_appender_write(appender, "second", 6, &err));
            OK(cove_appender_close(appender, &err));
            has(log, "second");
        }
        if (!removed)
            has(old, "first");
    }
}

const struct CMUnitTest appending_tests[] = {
    cmocka_unit_test(additions),
    cmocka_unit_test(additions_to_a_large_file),
    cmocka_unit_test(gathered),
    cmocka_unit_test(append_and_truncate),
    cmocka_unit_test(at_each_write),
    cmocka_unit_test(in_the_background),
    cmocka_unit_test(nothing_written),
    cmocka_unit_test(two_at_once),
    cmocka_unit_test(larger_than_its_buffer),
    cmocka_unit_test(rotated),
    { 0 },
};
