/*
 * URLs and paths of every scheme, as a user gives them. The first byte chooses:
 *   'u'  one URL: what is taken is the same when it is written out and taken again
 *   'p'  what stands around a password in a URL that is refused: the message does not show the password
 *   'e'  a path of S3 and what its address is made of: host and path hold the bucket, and nothing else gets into them
 */
#include <string.h>

#include <cove/fs.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/s3/s3.h"
#include "fuzz.h"
#include "wire/uri.h"

#define MARKER "S3cr3tMarker"

static void set_up(void)
{
    setenv("AWS_CONFIG_FILE", "/nowhere", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere", 1);
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI", 1);
}

static void one_url(const char *url)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_fs *fs = NULL, *same = NULL;
    char *path = NULL, *again = NULL, *whole = NULL, *whole_again = NULL;

    int rc = cove_fs_from_url(url, NULL, &fs, &path, &err);
    fuzz_check_error(rc, &err);
    if (rc < 0)
        return;
    FUZZ_CHECK(cove_fs_url(fs, path, &whole, &err) == 0);
    FUZZ_CHECK(cove_fs_from_url(whole, NULL, &same, &again, &err) == 0);
    FUZZ_CHECK(same == fs && strcmp(path, again) == 0);
    FUZZ_CHECK(cove_fs_url(fs, whole, &whole_again, &err) == 0 && strcmp(whole, whole_again) == 0);
    if (strcmp(cove_fs_scheme(fs), "file") == 0)
        FUZZ_CHECK(path[0] == '/' && !strstr(path, "//") && !strstr(path, "/./"));
    cove_free(path);
    cove_free(again);
    cove_free(whole);
    cove_free(whole_again);
    cove_fs_unref(same);
    cove_fs_unref(fs);
}

static void password(struct cove__slice in)
{
    static const char *const schemes[] = { "s3", "s3a", "gs", "https", "" };
    const char *scheme = schemes[in.size % 5];
    char *before = fuzz_string(fuzz_take(&in, "\n")), *after = fuzz_string(fuzz_take(&in, "\n"));
    char *rest = fuzz_string(in);
    struct cove__buf url = COVE__BUF_INIT(1 << 20);
    struct cove_error err = COVE_ERROR_INIT;
    cove_fs *fs = NULL;
    char *path = NULL;

    cove__buf_addf(&url, "%s://AKID:%s" MARKER "%s@%s", scheme, before, after, rest);
    int rc = cove_fs_from_url(cove__buf_str(&url), NULL, &fs, &path, &err);
    FUZZ_CHECK(rc < 0);
    fuzz_check_error(rc, &err);
    FUZZ_CHECK(!strstr(err.message, MARKER) || strstr(rest, MARKER));
    free(before);
    free(after);
    free(rest);
    cove__buf_done(&url);
}

static void check_address(const struct s3_address *a, const struct s3_endpoint_rules *rules)
{
    FUZZ_CHECK(a->host[0] != '\0' && a->path[0] == '/');
    for (const char *p = a->host; *p; p++)
        FUZZ_CHECK(*p == '.' || *p == '-' || *p == ':' || *p == '_' || (*p >= '0' && *p <= '9') ||
                   (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z'));
    for (const char *p = a->path; *p; p++)
        FUZZ_CHECK(*p > ' ' && *p <= '~' && !strchr("?#\\@", *p));
    /* A bucket before the host's name, never in its place. */
    size_t n = strlen(a->host), m = rules->host ? strlen(rules->host) : 0;
    if (rules->host)
        FUZZ_CHECK(n >= m && strcmp(a->host + n - m, rules->host) == 0 && (n == m || a->host[n - m - 1] == '.'));
    else
        FUZZ_CHECK(strstr(a->host, ".amazonaws.") || strstr(a->host, ".gov") || strstr(a->host, ".uk"));
}

/* The second byte is the settings; a line of region; the rest is a path. */
static void address(struct cove__slice in)
{
    uint8_t bits = in.size > 0 ? in.data[0] : 0;
    struct cove__slice rest = cove__slice_sub(in, 1, SIZE_MAX);
    char *region = fuzz_string(fuzz_take(&rest, "\n")), *text = fuzz_string(rest), *path = NULL;
    struct s3_endpoint_rules rules = { .host = bits & 1 ? "store.example:9000" : NULL,
                                       .base = "/base",
                                       .region = bits & 2 ? "eu-west-1" : NULL,
                                       .style = (bits >> 2 & 3) % 3,
                                       .tls = bits & 16,
                                       .dual_stack = bits & 32,
                                       .fips = bits & 64,
                                       .accelerate = bits & 128,
                                       .ignore_arn_region = (bits & 48) == 48 };
    struct cove_error err = COVE_ERROR_INIT;
    struct s3_address a;

    if (region[strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0' || region[0] == '\0')
        region[0] = '\0'; /* what an open lets through */
    int rc = cove__s3_parse(text, &path, &err);
    fuzz_check_error(rc, &err);
    if (rc == 0) {
        struct cove__object_name name = cove__object_split(path);
        struct cove__buf key = COVE__BUF_INIT(1 << 16);
        FUZZ_CHECK(name.bucket.size > 0 || name.key.size == 0);
        FUZZ_CHECK(!memchr(path, '/', name.bucket.size));
        rc = cove__s3_endpoint_check(&rules, &err); /* an open goes no further */
        fuzz_check_error(rc, &err);
        if (rc == 0)
            rc = cove__s3_endpoint(&rules, name.bucket, bits & 2, region[0] != '\0' ? region : "us-east-1", &a, &err);
        fuzz_check_error(rc, &err);
        if (rc == 0)
            check_address(&a, &rules);
        FUZZ_CHECK(cove__uri_encode(&key, name.key, true) == 0);
        for (size_t i = 0; i < key.size; i++)
            FUZZ_CHECK(key.data[i] > ' ' && key.data[i] <= '~' && !strchr("?#&", key.data[i]));
        cove__buf_done(&key);
        cove__free(path);
    }
    free(region);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cove__slice in = cove__slice(data, size);

    if (size == 0)
        return 0;
    set_up();
    in = cove__slice_sub(in, 1, SIZE_MAX);
    if (data[0] == 'p') {
        password(in);
    } else if (data[0] == 'e') {
        address(in);
    } else {
        char *url = fuzz_string(in);
        one_url(url);
        free(url);
    }
    return 0;
}
