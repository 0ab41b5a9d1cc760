/* What a store keeps beside the bytes: content type, metadata, tags, versions, signed URLs. Those that keep none say
 * so. */
#include "contract.h"

/* "type|a=1,b=2" of a file, as its store returns it. Lives until the test ends. */
static const char *described(const char *path)
{
    static char text[1024];
    const char *name, *value;
    cove_info *info;

    OK(cove_fs_stat(w.fs, path, NULL, &info, &err));
    const char *type = cove_info_content_type(info);
    size_t n = (size_t)snprintf(text, sizeof text, "%s|", type ? type : "");
    for (size_t i = 0; cove_info_metadata(info, i, &name, &value) == 0; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s=%s", i > 0 ? "," : "", name, value);
    cove_info_free(info);
    return text;
}

static void write_described(const char *path, size_t size, const char *type, const struct cove_pair *pairs, size_t n)
{
    struct cove_writer_options o = COVE_WRITER_OPTIONS_INIT;
    void *data = filled_new(size, 3);
    cove_writer *writer;

    o.content_type = type;
    o.metadata = pairs;
    o.n_metadata = n;
    OK(cove_writer_open(w.fs, path, &o, NULL, &writer, &err));
    OK(cove_writer_write(writer, data, size, &err));
    OK(cove_writer_finish(writer, &err));
    cove_writer_free(writer);
    free(data);
}

/* A name of the user's pairs, as the store takes it. */
static const char *run_name(void)
{
    return w.can->metadata_identifiers ? "run_name" : "run-name";
}

/* In one request, and in parts. */
static void written_with_metadata(void **state)
{
    const size_t sizes[] = { 10, 20 * MIB };
    const struct cove_pair two[] = { { "Epoch", "7" }, { run_name(), "first try" } };
    char want[64] = "|";
    (void)state;
    if (w.can->metadata)
        snprintf(want, sizeof want, "text/x-test|%s=7,%s=first try", w.can->metadata_case ? "Epoch" : "epoch",
                 run_name());
    for (size_t i = 0; i < 2; i++) {
        write_described(at("f%zu", i), sizes[i], "text/x-test", two, 2);
        has_filled(at("f%zu", i), sizes[i], 3);
        assert_string_equal(described(at("f%zu", i)), want);
    }
}

/* A name is set, another goes, the third stays, and so does all else. */
static void changed_metadata(void **state)
{
    const struct cove_pair change[] = { { "epoch", "8" }, { run_name(), NULL }, { "new", "" } };
    (void)state;
    const struct cove_pair three[] = { { "epoch", "7" }, { run_name(), "x" }, { "third", "3" } };
    write_described(at("f"), 10, "text/x-test", three, 3);
    if (!w.can->metadata_changes) {
        FAILS(COVE_ENOTSUP, cove_fs_set_metadata(w.fs, at("f"), change, 3, NULL, &err));
        return;
    }
    OK(cove_fs_set_metadata(w.fs, at("f"), change, 3, NULL, &err));
    const char *now = described(at("f"));
    assert_non_null(strstr(now, "text/x-test|"));
    assert_non_null(strstr(now, "epoch=8"));
    assert_non_null(strstr(now, "third=3"));
    assert_non_null(strstr(now, "new="));
    if (!w.can->keeps_removed_pairs)
        assert_null(strstr(now, run_name()));
    has_filled(at("f"), 10, 3);

    put(at("d/f"), "x");
    FAILS(COVE_ENOTFOUND, cove_fs_set_metadata(w.fs, at("nothing"), change, 3, NULL, &err));
    FAILS(COVE_EISDIR, cove_fs_set_metadata(w.fs, at("d"), change, 3, NULL, &err));
}

static void no_metadata_at_all(void **state)
{
    const char *name = NULL, *value = NULL;
    cove_info *info;
    (void)state;
    put(at("d/f"), "x");
    OK(cove_fs_stat(w.fs, at("d"), NULL, &info, &err));
    assert_int_equal(cove_info_metadata(info, 0, &name, &value), COVE_ENOTFOUND);
    assert_true(!name && !value);
    assert_null(cove_info_content_type(info));
    assert_null(cove_info_version_id(info));
    assert_null(cove_info_storage_class(info));
    cove_info_free(info);
}

/* A listing has what costs it nothing. */
static void attributes_in_listings(void **state)
{
    const cove_info *info = NULL;
    cove_listing *listing;
    (void)state;
    put(at("d/f"), "x");
    OK(cove_fs_list(w.fs, at("d"), NULL, &listing, &err));
    assert_int_equal(OK(cove_listing_next(listing, &info, &err)), 1);
    if (w.can->storage_classes && !w.unordered) /* the mock's directory bucket returns none */
        assert_string_equal(cove_info_storage_class(info), w.can->storage_class ? w.can->storage_class : "STANDARD");
    assert_null(cove_info_content_type(info));
    cove_listing_free(listing);
}

/* On every store, so that a program learns it where it is written. */
static void refused_metadata(void **state)
{
    static const struct cove_pair bad[] = { { "a b", "1" }, { "a", "line\nbreak" }, { "a", NULL }, { NULL, "1" } };
    struct cove_writer_options o = COVE_WRITER_OPTIONS_INIT;
    cove_writer *writer = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        o.metadata = &bad[i];
        o.n_metadata = 1;
        FAILS(COVE_EINVAL, cove_writer_open(w.fs, at("f"), &o, NULL, &writer, &err));
        assert_null(writer);
    }
    o.n_metadata = 0;
    o.content_type = "text/plain\r\nx-evil: 1";
    FAILS(COVE_EINVAL, cove_writer_open(w.fs, at("f"), &o, NULL, &writer, &err));
    gone(at("f"));
}

static void tags(void **state)
{
    const struct cove_pair given = { "stage", "train" };
    struct cove_pair *back = NULL;
    size_t n = 7;
    (void)state;
    put(at("f"), "x");
    if (!w.can->tags || w.unordered) { /* directory buckets have none */
        FAILS(COVE_ENOTSUP, cove_fs_tags(w.fs, at("f"), NULL, &back, &n, &err));
        FAILS(COVE_ENOTSUP, cove_fs_set_tags(w.fs, at("f"), &given, 1, NULL, &err));
        assert_true(!back && n == 7);
        return;
    }
    OK(cove_fs_tags(w.fs, at("f"), NULL, &back, &n, &err));
    assert_true(!back && n == 0);
    const struct cove_pair plain[] = { { "stage", "train" }, { "a.b-c:d/e", "x y+z=1" } };
    OK(cove_fs_set_tags(w.fs, at("f"), plain, 2, NULL, &err));
    OK(cove_fs_tags(w.fs, at("f"), NULL, &back, &n, &err));
    assert_int_equal(n, 2);
    for (size_t i = 0; i < n; i++) { /* in which order is the store's */
        size_t of = strcmp(back[i].name, "stage") == 0 ? 0 : 1;
        assert_string_equal(back[i].name, plain[of].name);
        assert_string_equal(back[i].value, plain[of].value);
    }
    cove_free(back);
    OK(cove_fs_set_tags(w.fs, at("f"), NULL, 0, NULL, &err));
    OK(cove_fs_tags(w.fs, at("f"), NULL, &back, &n, &err));
    assert_true(!back && n == 0);

    const struct cove_pair nameless = { "", "x" }, control = { "a\001", "x" };
    FAILS(COVE_EINVAL, cove_fs_set_tags(w.fs, at("f"), &nameless, 1, NULL, &err));
    FAILS(COVE_EINVAL, cove_fs_set_tags(w.fs, at("f"), &control, 1, NULL, &err));
    put(at("d/f"), "x");
    FAILS(COVE_ENOTFOUND, cove_fs_tags(w.fs, at("nothing"), NULL, &back, &n, &err));
    FAILS(COVE_EISDIR, cove_fs_tags(w.fs, at("d"), NULL, &back, &n, &err));
}

/* If a bucket keeps no versions, a writer reports none: in one request, and in parts. */
static void writes_of_no_version(void **state)
{
    const size_t sizes[] = { 10, 20 * MIB };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        void *data = filled_new(sizes[i], 3);
        cove_writer *writer;
        OK(cove_writer_open(w.fs, at("f"), NULL, NULL, &writer, &err));
        OK(cove_writer_write(writer, data, sizes[i], &err));
        OK(cove_writer_finish(writer, &err));
        assert_null(cove_writer_version_id(writer));
        cove_writer_free(writer);
        free(data);
    }
}

/* Where a bucket keeps no versions, there is one. */
static void one_version(void **state)
{
    const cove_info *info = NULL;
    cove_listing *listing = NULL;
    (void)state;
    put(at("f"), "1");
    put(at("f.more"), "2");
    if (!w.can->versions) {
        err_reset();
        int rc = cove_fs_versions(w.fs, at("f"), NULL, &listing, &err);
        if (rc == 0) /* a store that asks its server first what it is */
            rc = cove_listing_next(listing, &info, &err);
        assert_int_equal(rc, COVE_ENOTSUP);
        cove_listing_free(listing);
        return;
    }
    OK(cove_fs_versions(w.fs, at("f"), NULL, &listing, &err));
    if (w.unordered) { /* directory buckets don't even list it */
        FAILS(COVE_ENOTSUP, cove_listing_next(listing, &info, &err));
        cove_listing_free(listing);
        return;
    }
    assert_int_equal(OK(cove_listing_next(listing, &info, &err)), 1);
    assert_string_equal(cove_info_path(info), at("f"));
    if (w.can->generations)
        assert_string_equal(cove_info_version_id(info), cove_info_etag(info));
    else if (w.can->backend && strcmp(w.can->backend, "azure") == 0)
        assert_null(cove_info_version_id(info));
    else
        assert_string_equal(cove_info_version_id(info), "null");
    assert_int_equal(cove_info_size(info), 1);
    assert_true(cove_info_is_latest(info) && !cove_info_is_deleted(info));
    assert_int_equal(OK(cove_listing_next(listing, &info, &err)), 0);
    cove_listing_free(listing);
    OK(cove_fs_versions(w.fs, at("nothing"), NULL, &listing, &err));
    FAILS(COVE_ENOTFOUND, cove_listing_next(listing, &info, &err));
    cove_listing_free(listing);
}

static void signed_urls(void **state)
{
    char *url = NULL;
    (void)state;
    if (!w.can->signed_urls) {
        FAILS(COVE_ENOTSUP, cove_fs_presign(w.fs, at("f"), "GET", 60, NULL, &url, &err));
        return;
    }
    OK(cove_fs_presign(w.fs, at("a b"), "GET", 60, NULL, &url, &err)); /* it need not be there */
    assert_int_equal(strncmp(url, "http", 4), 0);
    assert_non_null(strstr(url, "/a%20b?"));
    assert_non_null(strstr(url, w.can->backend && strcmp(w.can->backend, "azure") == 0 ? "&sig=" : "-Signature="));
    cove_free(url);
    url = NULL;
    FAILS(COVE_EINVAL, cove_fs_presign(w.fs, at("f"), "POST", 60, NULL, &url, &err));
    FAILS(COVE_EINVAL, cove_fs_presign(w.fs, at("f"), NULL, 60, NULL, &url, &err));
    FAILS(COVE_EINVAL, cove_fs_presign(w.fs, at("f"), "GET", 0, NULL, &url, &err));
    FAILS(COVE_EINVAL, cove_fs_presign(w.fs, at("f"), "GET", 604801, NULL, &url, &err));
    assert_null(url);
}

const struct CMUnitTest properties_tests[] = {
    cmocka_unit_test(written_with_metadata), cmocka_unit_test(changed_metadata),
    cmocka_unit_test(no_metadata_at_all),    cmocka_unit_test(attributes_in_listings),
    cmocka_unit_test(refused_metadata),      cmocka_unit_test(tags),
    cmocka_unit_test(one_version),           cmocka_unit_test(writes_of_no_version),
    cmocka_unit_test(signed_urls),           { 0 },
};
