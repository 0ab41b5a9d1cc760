/* The contract suite's ground: the table of differences, the helpers, and main. */
#include "contract.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

static const struct ability abilities[] = {
    { .scheme = "file",
      .real_directories = true,
      .any_bytes = true,
      .copies = true,
      .uploads = true,
      .appends = true,
      .part_max = 200 },
    { .scheme = "memory",
      .real_directories = true,
      .any_bytes = true,
      .copies = true,
      .uploads = true,
      .appends = true,
      .part_max = 900 },
    { .scheme = "hdfs",
      .real_directories = true,
      .no_colon = true,
      .keeps_replaced = true,
      .copies = true,
      .uploads = true,
      .unlisted_uploads = true,
      .appends = true,
      .slow = true,
      .part_max = 160 },
    { .scheme = "s3",
      .slashes_are_kept = true,
      .slash_twins = true,
      .metadata = true,
      .metadata_changes = true,
      .storage_classes = true,
      .tags = true,
      .versions = true,
      .signed_urls = true,
      .copies = true,
      .uploads = true,
      .appends = true,
      .copies_parts = true,
      .slow = true,
      .part_max = 200 },
    { .scheme = "gs",
      .server = "fake-gcs-server",
      .keeps_removed_pairs = true,
      .hidden_uploads = true,
      .parts_come_back = true,
      .backend = "gcs",
      .signed_urls = true,
      .slashes_are_kept = true,
      .slash_twins = true,
      .metadata = true,
      .metadata_case = true,
      .generations = true,
      .metadata_changes = true,
      .storage_classes = true,
      .versions = true,
      .copies = true,
      .uploads = true,
      .appends = true,
      .slow = true,
      .part_max = 200 },
    { .scheme = "gs",
      .server = "mock", /* written to by resumable uploads */
      .unlisted_uploads = true,
      .backend = "gcs",
      .signed_urls = true,
      .slashes_are_kept = true,
      .slash_twins = true,
      .metadata = true,
      .metadata_case = true,
      .generations = true,
      .metadata_changes = true,
      .storage_classes = true,
      .versions = true,
      .copies = true,
      .uploads = true,
      .appends = true,
      .slow = true,
      .part_max = 200 },
    { .scheme = "gs",
      .server = "mock-hns", /* the same with a hierarchical namespace */
      .folders = true,
      .unlisted_uploads = true,
      .backend = "gcs",
      .signed_urls = true,
      .slashes_are_kept = true,
      .slash_twins = true,
      .metadata = true,
      .metadata_case = true,
      .generations = true,
      .metadata_changes = true,
      .storage_classes = true,
      .versions = true,
      .copies = true,
      .uploads = true,
      .appends = true,
      .slow = true,
      .part_max = 200 },
    { .scheme = "gs",
      .backend = "gcs",
      .signed_urls = true,
      .slashes_are_kept = true,
      .slash_twins = true,
      .metadata = true,
      .metadata_case = true,
      .generations = true,
      .metadata_changes = true,
      .storage_classes = true,
      .versions = true,
      .copies = true,
      .uploads = true,
      .appends = true,
      .slow = true,
      .part_max = 200 },
    { .scheme = "az",
      .server = "mock-dfs", /* the mock's account with a hierarchical namespace */
      .folders = true,
      .removes_no_directory = true,
      .backend = "azure",
      .metadata_identifiers = true,
      .no_backslash = true,
      .unlisted_uploads = true,
      .signed_urls = true,
      .slashes_are_kept = true,
      .metadata = true,
      .metadata_case = true,
      .metadata_changes = true,
      .copies = true,
      .uploads = true,
      .appends = true,
      .slow = true,
      .part_max = 200 },
    { .scheme = "az",
      .backend = "azure",
      .metadata_identifiers = true,
      .no_backslash = true,
      .storage_class = "Hot",
      .begins_by_parts = true,
      .parts_come_back = true, /* aborted ones stay for a week, or until they are removed */
      .signed_urls = true,
      .slashes_are_kept = true,
      .slash_twins = true,
      .metadata = true,
      .metadata_case = true,
      .metadata_changes = true,
      .storage_classes = true,
      .versions = true,
      .copies = true,
      .uploads = true,
      .appends = true,
      .copies_parts = true,
      .slow = true,
      .part_max = 200 },
    { .scheme = "webhdfs",
      .real_directories = true,
      .no_colon = true,
      .unlisted_uploads = true,
      .copies = true,
      .uploads = true,
      .appends = true,
      .slow = true,
      .part_max = 200 },
    { .scheme = "toy", /* tests/toy: what an object store has without uploads and copies */
      .slashes_are_kept = true,
      .slash_twins = true,
      .metadata = true,
      .appends = true,
      .slow = true,
      .part_max = 200 },
    { .scheme = "toya", /* the same with uploads, in the mode of COVE_TOY_UPLOADS */
      .slashes_are_kept = true,
      .slash_twins = true,
      .metadata = true,
      .uploads = true,
      .parts_come_back = true,
      .appends = true,
      .slow = true,
      .part_max = 200 },
    { 0 },
};

struct world w;
struct cove_error err = COVE_ERROR_INIT;

/* ---- memory that lives until the test ends ---- */

static void **kept;
static size_t n_kept;

static char *keep(char *p)
{
    assert_non_null(p);
    kept = realloc(kept, (n_kept + 1) * sizeof(*kept));
    assert_non_null(kept);
    return kept[n_kept++] = p;
}

static void free_kept(void)
{
    while (n_kept > 0)
        free(kept[--n_kept]);
    free(kept);
    kept = NULL;
}

const char *at(const char *format, ...)
{
    char name[4096];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(name, sizeof(name), format, args);
    va_end(args);
    assert_true(n >= 0 && (size_t)n < sizeof(name));
    size_t size = strlen(w.run) + strlen(w.dir) + (size_t)n + 3;
    char *path = keep(malloc(size));
    snprintf(path, size, *name ? "%s/%s/%s" : "%s/%s", w.run, w.dir, name);
    return path;
}

const char *url_of(const char *path)
{
    char *url;
    OK(cove_fs_url(w.fs, path, &url, &err));
    char *copy = keep(strdup(url));
    cove_free(url);
    return copy;
}

/* ---- checks ---- */

void err_reset(void)
{
    memset(&err, 0, sizeof(err));
    err.size = sizeof(err);
}

int64_t check_ok(int64_t rc, const char *what, const char *file, int line)
{
    if (rc < 0) {
        print_error("%s: %s (%s)\n", what, err.message, cove_code_name((int)rc));
        _fail(file, line);
    }
    return rc;
}

void check_fails(int code, int64_t rc, const char *what, const char *file, int line)
{
    if (rc != code) {
        print_error("%s: gave %lld (%s: %s), not %s\n", what, (long long)rc,
                    rc < 0 ? cove_code_name((int)rc) : "no error", err.message, cove_code_name(code));
        _fail(file, line);
    }
    if (err.code != code || err.message[0] == '\0' || !memchr(err.message, '\0', sizeof(err.message))) {
        print_error("%s: returned %s, but err has %s: %s\n", what, cove_code_name(code), cove_code_name(err.code),
                    err.message);
        _fail(file, line);
    }
}

void needs(bool has, const char *name)
{
    if (!has) {
        print_message("the store has no %s\n", name);
        skip();
    }
}

/* ---- contents ---- */

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static uint8_t byte_at(uint64_t word, size_t place)
{
    return (uint8_t)(word >> (8 * (place % 8)));
}

void fill(void *data, size_t size, uint64_t seed, size_t offset)
{
    uint8_t *p = data;
    for (size_t i = 0; i < size;) {
        size_t place = offset + i;
        uint64_t word = mix(seed * 0x9e3779b97f4a7c15u + place / 8);
        if (place % 8 == 0 && size - i >= 8) {
            for (size_t k = 0; k < 8; k++)
                p[i + k] = byte_at(word, k);
            i += 8;
        } else {
            p[i++] = byte_at(word, place);
        }
    }
}

bool filled(const void *data, size_t size, uint64_t seed, size_t offset)
{
    uint8_t want[4096];
    for (size_t done = 0; done < size;) {
        size_t n = size - done < sizeof(want) ? size - done : sizeof(want);
        fill(want, n, seed, offset + done);
        if (memcmp((const uint8_t *)data + done, want, n) != 0)
            return false;
        done += n;
    }
    return true;
}

void *filled_new(size_t size, uint64_t seed)
{
    void *data = malloc(size + 1);
    assert_non_null(data);
    fill(data, size, seed, 0);
    return data;
}

void put(const char *path, const char *text)
{
    OK(cove_fs_write_file(w.fs, path, text, strlen(text), NULL, &err));
}

void put_filled(const char *path, size_t size, uint64_t seed)
{
    void *data = filled_new(size, seed);
    OK(cove_fs_write_file(w.fs, path, data, size, NULL, &err));
    free(data);
}

void has(const char *path, const char *text)
{
    void *data;
    size_t size;
    OK(cove_fs_read_file(w.fs, path, 0, &data, &size, NULL, &err));
    if (size != strlen(text) || memcmp(data, text, size) != 0) {
        print_error("%s has %zu bytes \"%.*s\", not \"%s\"\n", path, size, (int)(size < 200 ? size : 200), (char *)data,
                    text);
        fail();
    }
    cove_free(data);
}

void has_filled(const char *path, size_t size, uint64_t seed)
{
    void *data;
    size_t got;
    OK(cove_fs_read_file(w.fs, path, 0, &data, &got, NULL, &err));
    assert_int_equal(got, size);
    assert_true(filled(data, size, seed, 0));
    cove_free(data);
}

void gone(const char *path)
{
    assert_int_equal(OK(cove_fs_exists(w.fs, path, NULL, &err)), 0);
}

char *etag_of(const char *path)
{
    cove_info *info;
    OK(cove_fs_stat(w.fs, path, NULL, &info, &err));
    assert_non_null(cove_info_etag(info));
    char *etag = strdup(cove_info_etag(info));
    cove_info_free(info);
    return etag;
}

/* ---- listings ---- */

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

const char *names(cove_listing *listing)
{
    size_t size = 1, base = strlen(at("%s", "")) + 1, n = 0;
    char **all = NULL;
    const cove_info *info;
    while (OK(cove_listing_next(listing, &info, &err)) == 1) {
        const char *path = cove_info_path(info);
        const char *name = strlen(path) >= base ? path + base : ".";
        all = realloc(all, (n + 1) * sizeof(*all));
        assert_non_null(all);
        all[n] = keep(malloc(strlen(name) + 2));
        sprintf(all[n], "%s%s", name, cove_info_type(info) == COVE_INFO_DIRECTORY ? "/" : "");
        size += strlen(all[n++]) + 1;
    }
    cove_listing_free(listing);
    if (w.unordered && n > 1)
        qsort(all, n, sizeof(*all), by_bytes);
    char *text = keep(calloc(size, 1));
    for (size_t i = 0; i < n; i++) {
        strcat(text, i > 0 ? " " : "");
        strcat(text, all[i]);
    }
    free(all);
    return text;
}

const char *listed(const char *path)
{
    cove_listing *listing;
    OK(cove_fs_list(w.fs, path, NULL, &listing, &err));
    return names(listing);
}

size_t count(cove_listing *listing)
{
    size_t n = 0;
    const cove_info *info;
    while (OK(cove_listing_next(listing, &info, &err)) == 1)
        n++;
    cove_listing_free(listing);
    return n;
}

/* ---- threads ---- */

struct strand {
    pthread_t thread;
    size_t number;
    const char *(*fn)(size_t);
    const char *trouble;
};

static void *strand_run(void *arg)
{
    struct strand *s = arg;
    s->trouble = s->fn(s->number);
    return NULL;
}

void in_threads(size_t n, const char *(*fn)(size_t number))
{
    struct strand strands[64];
    assert_true(n > 0 && n <= 64);
    for (size_t i = 0; i < n; i++) {
        strands[i] = (struct strand){ .number = i, .fn = fn };
        assert_int_equal(pthread_create(&strands[i].thread, NULL, strand_run, &strands[i]), 0);
    }
    for (size_t i = 0; i < n; i++)
        pthread_join(strands[i].thread, NULL);
    for (size_t i = 0; i < n; i++)
        if (strands[i].trouble)
            fail_msg("thread %zu: %s", i, strands[i].trouble);
}

/* ---- the run ---- */

static unsigned test_number;

static int test_begin(void **state)
{
    (void)state;
    snprintf(w.dir, sizeof(w.dir), "t%u", test_number++);
    err_reset();
    return cove_fs_mkdir(w.fs, at("%s", ""), NULL, &err);
}

static int test_end(void **state)
{
    (void)state;
    int rc = cove_fs_remove_tree(w.fs, at("%s", ""), NULL, &err);
    free_kept();
    return rc == COVE_ENOTFOUND ? 0 : rc;
}

static int run_begin(const char *root)
{
    char *path;
    int rc = cove_fs_from_url(root, NULL, &w.fs, &path, &err);
    if (rc < 0)
        return rc;
    const char *server = getenv("COVE_CONTRACT_SERVER");
    w.unordered = strstr(root, "--x-s3/") || (server && strcmp(server, "mock-dfs") == 0);
    for (w.can = abilities; w.can->scheme && (strcmp(w.can->scheme, cove_fs_scheme(w.fs)) != 0 ||
                                              (w.can->server && strcmp(w.can->server, server ? server : "") != 0));)
        w.can++;
    if (!w.can->scheme) {
        fprintf(stderr, "no row for the scheme %s in tests/contract/contract.c\n", cove_fs_scheme(w.fs));
        return -1;
    }
    size_t size = strlen(path) + 64;
    w.run = malloc(size);
    size_t n = strlen(path);
    while (n > 0 && path[n - 1] == '/')
        n--;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(w.run, size, "%.*s/run-%ld-%09ld", (int)n, path, (long)getpid(), now.tv_nsec);
    cove_free(path);
    return 0;
}

static void add(struct CMUnitTest *all, size_t *n, const struct CMUnitTest *suite)
{
    for (; suite->name; suite++) {
        all[*n] = *suite;
        all[*n].setup_func = test_begin;
        all[*n].teardown_func = test_end;
        (*n)++;
    }
}

int main(int argc, char **argv)
{
    static struct CMUnitTest all[256];
    size_t n = 0;
    w.root = getenv("COVE_CONTRACT_ROOT");
    if (!w.root) {
        fprintf(stderr, "COVE_CONTRACT_ROOT is not set: the URL of a directory, file:///tmp/x or s3://bucket/x\n");
        return 2;
    }
    if (run_begin(w.root) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 2;
    }
    add(all, &n, names_tests);
    add(all, &n, metadata_tests);
    add(all, &n, listing_tests);
    add(all, &n, reading_tests);
    add(all, &n, reader_tests);
    add(all, &n, writing_tests);
    add(all, &n, parts_tests);
    add(all, &n, appending_tests);
    add(all, &n, changes_tests);
    add(all, &n, errors_tests);
    add(all, &n, concurrency_tests);
    add(all, &n, queueing_tests);
    add(all, &n, properties_tests);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    int failed = _cmocka_run_group_tests("contract", all, n, NULL, NULL);
    cove_fs_remove_tree(w.fs, w.run, NULL, NULL);
    free(w.run);
    cove_fs_unref(w.fs);
    return failed;
}
