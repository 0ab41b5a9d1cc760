/* Errors: by code, in words that name the operation and the URL; options, tokens, deadlines. */
#include "contract.h"

static void expect_in_message(const char *word)
{
    if (!strstr(err.message, word))
        fail_msg("\"%s\" does not have \"%s\"", err.message, word);
}

static void messages_name_operation_and_url(void **state)
{
    (void)state;
    const char *path = at("no such thing"), *url = url_of(path);
    char buffer[8];
    void *data;
    size_t size;
    cove_info *info;
    cove_reader *reader;
    struct cove_range range = { 0, 8, buffer, 0 };
    FAILS(COVE_ENOTFOUND, cove_fs_stat(w.fs, path, NULL, &info, &err));
    expect_in_message("stat"), expect_in_message(url);
    FAILS(COVE_ENOTFOUND, cove_fs_read_range(w.fs, path, 0, buffer, 8, NULL, &err));
    expect_in_message("read"), expect_in_message(url);
    FAILS(COVE_ENOTFOUND, cove_fs_read_ranges(w.fs, path, &range, 1, NULL, &err));
    expect_in_message("read"), expect_in_message(url);
    FAILS(COVE_ENOTFOUND, cove_fs_read_file(w.fs, path, 0, &data, &size, NULL, &err));
    expect_in_message("read"), expect_in_message(url);
    FAILS(COVE_ENOTFOUND, cove_reader_open(w.fs, path, NULL, &reader, &err));
    expect_in_message("read"), expect_in_message(url); /* it is opened to be read */
    const int copied = w.can->copies ? COVE_ENOTFOUND : COVE_ENOTSUP;
    FAILS(copied, cove_fs_copy(w.fs, path, at("x"), NULL, &err));
    expect_in_message("copy"), expect_in_message(url);
    FAILS(copied, cove_fs_move(w.fs, path, at("x"), NULL, &err));
    expect_in_message("move"), expect_in_message(url);
    FAILS(COVE_ENOTFOUND, cove_fs_remove(w.fs, path, NULL, &err));
    expect_in_message("remove"), expect_in_message(url);
    FAILS(COVE_ENOTFOUND, cove_fs_remove_tree(w.fs, path, NULL, &err));
    expect_in_message("remove"), expect_in_message(url);
    FAILS(COVE_ENOTFOUND, cove_read_url(url, &data, &size, &err));
    expect_in_message("read"), expect_in_message(url);
}

/* A caller compiled against an older, shorter struct: nothing is written beyond its size. */
static void errors_of_another_size(void **state)
{
    (void)state;
    struct {
        struct cove_error e;
        char beyond[16];
    } box;
    memset(&box, 0x5A, sizeof(box));
    box.e = (struct cove_error)COVE_ERROR_INIT;
    box.e.size = offsetof(struct cove_error, message) + 16;
    memset(box.e.message + 16, 0x5A, sizeof(box.e.message) - 16);
    cove_info *info;
    assert_int_equal(cove_fs_stat(w.fs, at("no"), NULL, &info, &box.e), COVE_ENOTFOUND);
    assert_int_equal(box.e.code, COVE_ENOTFOUND);
    assert_non_null(memchr(box.e.message, '\0', 16));
    for (size_t i = 16; i < sizeof(box.e.message); i++)
        assert_int_equal(box.e.message[i], 0x5A);
    assert_int_equal(cove_fs_stat(w.fs, at("no"), NULL, &info, NULL), COVE_ENOTFOUND);
}

static void success_leaves_the_error_alone(void **state)
{
    (void)state;
    put(at("f"), "x");
    err_reset();
    strcpy(err.message, "untouched");
    assert_int_equal(cove_fs_exists(w.fs, at("f"), NULL, &err), 1);
    assert_int_equal(cove_fs_exists(w.fs, at("no"), NULL, &err), 0);
    assert_string_equal(err.message, "untouched");
    assert_int_equal(err.code, 0);
}

static void unknown_schemes(void **state)
{
    (void)state;
    cove_fs *fs = NULL;
    static const char *const urls[] = { "s33://b/k", "gopher://x/y", "://x" };
    FAILS(COVE_EINVAL, cove_fs_from_url(urls[0], NULL, &fs, NULL, &err));
    expect_in_message("s33"), expect_in_message("s3"), expect_in_message("file"),
        expect_in_message("memory"); /* lists the known ones */
    FAILS(COVE_EINVAL, cove_fs_from_url(urls[1], NULL, &fs, NULL, &err));
    FAILS(COVE_EINVAL, cove_fs_from_url(urls[2], NULL, &fs, NULL, &err));
    FAILS(COVE_EINVAL, cove_fs_from_url("", NULL, &fs, NULL, &err));
    FAILS(COVE_EINVAL, cove_fs_from_url("s3:/b/k", NULL, &fs, NULL, &err)); /* not a file k in a folder s3:/b */
    expect_in_message("s3:/b/k"), expect_in_message("slash");
    assert_null(fs);
    OK(cove_fs_from_url("./s3:/b/k", NULL, &fs, NULL, &err));
    cove_fs_unref(fs);
}

static void unknown_options(void **state)
{
    (void)state;
    cove_fs *fs = NULL;
    cove_options *options = cove_options_new();
    OK(cove_options_set(options, "timeuot", "5", &err));
    FAILS(COVE_EINVAL, cove_fs_from_url(w.root, options, &fs, NULL, &err));
    expect_in_message("timeuot"), expect_in_message("timeout"); /* the nearest name */
    cove_options_free(options);
    options = cove_options_new();
    OK(cove_options_set(options, "timeout", "soon", &err));
    FAILS(COVE_EINVAL, cove_fs_from_url(w.root, options, &fs, NULL, &err));
    expect_in_message("timeout"), expect_in_message("soon");
    FAILS(COVE_EINVAL, cove_options_set(options, "", "x", &err));
    cove_options_free(options);
    assert_null(fs);
    /* Each scheme can be asked for what it takes. */
    struct cove_option_help row;
    bool found = false;
    for (size_t i = 0; cove_options_describe(w.can->scheme, i, &row) == 0; i++) {
        assert_true(row.name && row.type && row.help);
        found = found || strcmp(row.name, "timeout") == 0;
    }
    assert_true(found);
    assert_int_equal(cove_options_describe("gopher", 0, &row), COVE_ENOTFOUND);
}

static void is_refused(const char *foreign)
{
    char own[32];
    cove_info *info;
    cove_listing *listing;
    cove_appender *appender;
    void *data;
    size_t size;
    char *url;
    snprintf(own, sizeof own, " %s://", cove_fs_scheme(w.fs));
    FAILS(COVE_EINVAL, cove_fs_stat(w.fs, foreign, NULL, &info, &err));
    expect_in_message("stat"), expect_in_message(foreign), expect_in_message(own);
    FAILS(COVE_EINVAL, cove_fs_read_file(w.fs, foreign, 0, &data, &size, NULL, &err));
    expect_in_message("read"), expect_in_message(foreign), expect_in_message(own);
    FAILS(COVE_EINVAL, cove_fs_write_file(w.fs, foreign, "x", 1, NULL, &err));
    expect_in_message("write"), expect_in_message(foreign), expect_in_message(own);
    FAILS(COVE_EINVAL, cove_appender_open(w.fs, foreign, NULL, NULL, &appender, &err));
    expect_in_message("append"), expect_in_message(foreign), expect_in_message(own);
    FAILS(COVE_EINVAL, cove_fs_list(w.fs, foreign, NULL, &listing, &err));
    expect_in_message("list"), expect_in_message(foreign), expect_in_message(own);
    FAILS(COVE_EINVAL, cove_fs_copy(w.fs, at("f"), foreign, NULL, &err));
    expect_in_message("copy"), expect_in_message(foreign), expect_in_message(own);
    FAILS(COVE_EINVAL, cove_fs_copy(w.fs, foreign, at("f"), NULL, &err));
    expect_in_message("copy"), expect_in_message(foreign), expect_in_message(own);
    FAILS(COVE_EINVAL, cove_fs_move(w.fs, at("f"), foreign, NULL, &err));
    expect_in_message("move"), expect_in_message(foreign), expect_in_message(own);
    FAILS(COVE_EINVAL, cove_fs_remove(w.fs, foreign, NULL, &err));
    expect_in_message("remove"), expect_in_message(foreign), expect_in_message(own);
    FAILS(COVE_EINVAL, cove_fs_url(w.fs, foreign, &url, &err));
    expect_in_message(foreign), expect_in_message(own);
}

/* Of another backend, of a scheme that cove does not know, and with none at all. */
static void urls_of_another_store(void **state)
{
    (void)state;
    struct cove_scheme row;
    char foreign[64];
    put(at("f"), "x");
    for (size_t i = 0; cove_scheme_at(i, &row) == 0; i++) {
        const char *own = w.can->backend ? w.can->backend : w.can->scheme;
        if (strncmp(row.backend, own, strlen(row.backend)) == 0) /* "toya" is of the backend "toy" */
            continue;
        snprintf(foreign, sizeof foreign, "%s://%sx/y", row.scheme, strcmp(row.backend, "file") == 0 ? "/" : "");
        is_refused(foreign);
    }
    is_refused("nostore://x/y");
    is_refused("://x/y");
    if (strcmp(w.can->scheme, "file") == 0)
        is_refused("file://elsewhere/x");
    has(at("f"), "x");
}

/* The URL of a path leads to the same filesystem and path. */
static void urls_lead_back(void **state)
{
    (void)state;
    static const char *const names[] = { "f", "d/f", "a b%20c", "x:", "y:/z" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *url, *again, *path;
        cove_fs *fs;
        if (w.can->no_colon && strchr(names[i], ':'))
            continue;
        OK(cove_fs_url(w.fs, at("%s", names[i]), &url, &err));
        OK(cove_fs_url(w.fs, url, &again, &err)); /* a URL is its own */
        assert_string_equal(url, again);
        OK(cove_fs_from_url(url, NULL, &fs, &path, &err));
        assert_ptr_equal(fs, w.fs);
        assert_string_equal(path, at("%s", names[i]));
        put(url, names[i]);
        has(path, names[i]);
        cove_free(url);
        cove_free(again);
        cove_free(path);
        cove_fs_unref(fs);
    }
}

static void missing_arguments(void **state)
{
    (void)state;
    cove_info *info;
    FAILS(COVE_EINVAL, cove_fs_stat(w.fs, NULL, NULL, &info, &err));
    FAILS(COVE_EINVAL, cove_fs_write_file(w.fs, at("f"), NULL, 5, NULL, &err));
    gone(at("f"));
    FAILS(COVE_EINVAL, cove_fs_from_url(NULL, NULL, NULL, NULL, &err));
}

static void a_path_that_cannot_be_is_named_by_its_url(void **state)
{
    (void)state;
    cove_info *info;
    if (strcmp(w.can->scheme, "s3") != 0)
        return;
    FAILS(COVE_EINVAL, cove_fs_stat(w.fs, "bucket/\xff", NULL, &info, &err));
    expect_in_message("stat s3://bucket/");
}

/* A fired token ends every call, before anything has been done. */
static void cancelled(void **state)
{
    (void)state;
    put(at("f"), "x");
    cove_cancel *token = cove_cancel_new();
    struct cove_call call = COVE_CALL_INIT;
    call.cancel = token;
    assert_int_equal(cove_cancel_fired(token), 0);
    assert_int_equal(OK(cove_fs_exists(w.fs, at("f"), &call, &err)), 1);
    cove_cancel_fire(token);
    assert_int_equal(cove_cancel_fired(token), 1);
    char buffer[8];
    void *data;
    size_t size;
    cove_info *info;
    const char *url = url_of(at("f"));
    FAILS(COVE_ECANCELED, cove_fs_stat(w.fs, at("f"), &call, &info, &err));
    expect_in_message("stat"), expect_in_message(url);
    FAILS(COVE_ECANCELED, cove_fs_exists(w.fs, at("f"), &call, &err));
    FAILS(COVE_ECANCELED, cove_fs_read_range(w.fs, at("f"), 0, buffer, 8, &call, &err));
    FAILS(COVE_ECANCELED, cove_fs_read_file(w.fs, at("f"), 0, &data, &size, &call, &err));
    FAILS(COVE_ECANCELED, cove_fs_write_file(w.fs, at("f"), "y", 1, &call, &err));
    FAILS(COVE_ECANCELED, cove_fs_append(w.fs, at("f"), "y", 1, &call, &err));
    FAILS(COVE_ECANCELED, cove_fs_copy(w.fs, at("f"), at("g"), &call, &err));
    FAILS(COVE_ECANCELED, cove_fs_move(w.fs, at("f"), at("g"), &call, &err));
    FAILS(COVE_ECANCELED, cove_fs_remove(w.fs, at("f"), &call, &err));
    FAILS(COVE_ECANCELED, cove_fs_remove_tree(w.fs, at("f"), &call, &err));
    has(at("f"), "x");
    gone(at("g"));
    cove_cancel_unref(token);
    cove_cancel_unref(NULL);
}

/* A writer whose token fires publishes nothing. */
static void cancelled_writer(void **state)
{
    (void)state;
    cove_cancel *token = cove_cancel_new();
    struct cove_call call = COVE_CALL_INIT;
    call.cancel = token;
    cove_writer *writer;
    OK(cove_writer_open(w.fs, at("f"), NULL, &call, &writer, &err));
    cove_cancel_unref(token); /* the stream has its own reference */
    OK(cove_writer_write(writer, "x", 1, &err));
    cove_cancel_fire(token);
    FAILS(COVE_ECANCELED, cove_writer_finish(writer, &err));
    cove_writer_free(writer);
    gone(at("f"));
}

static void codes_have_names(void **state)
{
    (void)state;
    assert_string_equal(cove_code_name(COVE_ENOTFOUND), "COVE_ENOTFOUND");
    for (int code = COVE_ESTATE; code <= 0; code++) {
        assert_non_null(cove_code_name(code));
        assert_true(strlen(cove_code_phrase(code)) > 0);
    }
    assert_non_null(cove_code_name(-1000));
    assert_non_null(cove_code_phrase(12345));
}

const struct CMUnitTest errors_tests[] = {
    cmocka_unit_test(messages_name_operation_and_url),
    cmocka_unit_test(errors_of_another_size),
    cmocka_unit_test(success_leaves_the_error_alone),
    cmocka_unit_test(unknown_schemes),
    cmocka_unit_test(unknown_options),
    cmocka_unit_test(urls_of_another_store),
    cmocka_unit_test(urls_lead_back),
    cmocka_unit_test(missing_arguments),
    cmocka_unit_test(a_path_that_cannot_be_is_named_by_its_url),
    cmocka_unit_test(cancelled),
    cmocka_unit_test(cancelled_writer),
    cmocka_unit_test(codes_have_names),
    { 0 },
};
