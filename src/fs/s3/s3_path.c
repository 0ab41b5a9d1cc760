/* Names: URL to "bucket/key", and the pieces of requests made from them. Pure; used by every file of this folder. */
#include "fs/s3/s3.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/schemes.h"
#include "wire/pickle.h"
#include "wire/uri.h"

#define BUCKET_MAX ((size_t)255)

static const char *after_scheme(const char *text, bool *ret_url)
{
    const char *rest = cove__scheme_skip(text, "s3");
    if (rest == NULL)
        rest = cove__scheme_skip(text, "s3a");
    *ret_url = rest != NULL;
    return *ret_url ? rest : text;
}

/* A copy of `path`, whose first `bucket` bytes are the bucket. */
static int take_path(const char *path, size_t bucket, char **ret_path, struct cove_error *err)
{
    const char *key = path[bucket] == '/' ? path + bucket + 1 : "";
    if (strlen(key) > COVE__OBJECT_KEY_MAX)
        return cove__fail(err, COVE_EINVAL, "the key is longer than %zu bytes", COVE__OBJECT_KEY_MAX);
    if (!cove__utf8_check(cove__slice_str(key)))
        return cove__fail(err, COVE_EINVAL, "the key is not UTF-8, as S3's keys are");
    /* "bucket/" is the bucket. */
    char *copy = key[0] == '\0' ? cove__strndup(path, bucket) : cove__strdup(path);
    if (copy == NULL)
        return cove__fail_nomem(err, "a path");
    *ret_path = copy;
    return 0;
}

/* An ARN stands for a bucket. Its own slashes become colons, which mean the same there, so that the first slash of a
 * path ends the bucket whatever it is. */
static int parse_arn(const char *path, char **ret_path, struct cove_error *err)
{
    size_t bucket = cove__s3_arn_length(path);
    if (bucket == 0)
        return cove__fail(err, COVE_EINVAL,
                          "not the ARN of an access point (arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME, or of an Object "
                          "Lambda or Outposts access point)");
    int rc = take_path(path, bucket, ret_path, err);
    for (size_t i = 0; rc == 0 && i < bucket; i++) {
        if ((*ret_path)[i] == '/')
            (*ret_path)[i] = ':';
    }
    return rc;
}

int cove__s3_parse(const char *url_or_path, char **ret_path, struct cove_error *err)
{
    bool url;
    const char *path = after_scheme(url_or_path, &url);

    while (!url && *path == '/') /* "/bucket/key" is what other tools write for "bucket/key" */
        path++;
    if (strncmp(path, "arn:", 4) == 0)
        return parse_arn(path, ret_path, err);
    size_t bucket = strcspn(path, "/");
    if (bucket == 0 && path[0] == '/')
        return cove__fail(err, COVE_EINVAL, "no bucket is named");
    if (bucket > BUCKET_MAX)
        return cove__fail(err, COVE_EINVAL, "the bucket's name is longer than %zu bytes", BUCKET_MAX);
    for (size_t i = 0; i < bucket; i++) {
        char c = path[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
              c == '_'))
            return strcspn(path, ":@") < bucket /* it may be a password, which is not shown */
                       ? cove__fail(err, COVE_EINVAL, "a bucket's name has no ':' and no '@'; keys are options")
                       : cove__fail(err, COVE_EINVAL,
                                    "'%.*s' is not a bucket's name (letters, digits, '.', '-' and '_')", (int)bucket,
                                    path);
    }
    return take_path(path, bucket, ret_path, err);
}

struct cove__object_name cove__object_split(const char *path)
{
    size_t bucket = strcspn(path, "/");
    const char *key = path[bucket] == '/' ? path + bucket + 1 : path + bucket;
    return (struct cove__object_name){ .bucket = cove__slice(path, bucket), .key = cove__slice_str(key) };
}

struct cove__object_name cove__object_locate(const struct cove__s3 *s3, const char *path)
{
    static const char mark[] = "?versionId=";
    struct cove__object_name name = cove__object_split(path);
    const uint8_t *at = s3->o.version_aware ? memrchr(name.key.data, '?', name.key.size) : NULL;
    size_t before = at != NULL ? (size_t)(at - name.key.data) : 0, id = before + sizeof mark - 1;

    if (before == 0 || name.key.size <= id || memcmp(at, mark, sizeof mark - 1) != 0)
        return name;
    name.version = cove__slice_sub(name.key, id, SIZE_MAX);
    name.key.size = before;
    return name;
}

int cove__object_name_of(const struct cove__s3 *s3, const char *path, bool changed, const struct cove__ctx *ctx,
                         struct cove__object_name *ret, struct cove_error *err)
{
    struct cove__object_name name = cove__object_locate(s3, path);

    if (name.key.size == 0)
        return cove__fs_fail(err, ctx, COVE_EISDIR,
                             name.bucket.size > 0 ? "a bucket, not an object" : "no bucket is named");
    if (changed && name.version.size > 0)
        return cove__fs_fail(err, ctx, COVE_EINVAL, "a version cannot be changed; name the object alone");
    *ret = name;
    return 0;
}

int cove__object_prefix(struct cove__slice key, struct cove__buf *out)
{
    cove__buf_add_slice(out, key);
    if (key.size > 0 && key.data[key.size - 1] != '/')
        cove__buf_add_char(out, '/');
    return cove__buf_rc(out);
}

char *cove__object_trim_slash(const char *path)
{
    size_t n = strlen(path);
    if (n > 1 && path[n - 1] == '/' && path[n - 2] != '/')
        n--;
    return cove__strndup(path, n);
}

int cove__s3_query(struct cove__buf *query, const char *name, struct cove__slice value)
{
    return cove__uri_add_pair(query, name, value);
}

/* ---- values in replies ---- */

int64_t cove__object_date(struct cove__slice text)
{
    char copy[64];
    if (text.size == 0 || text.size >= sizeof copy)
        return -1;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return cove__parse_iso8601(copy);
}

int64_t cove__object_number(struct cove__slice text)
{
    int64_t v = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || v > COVE__OBJECT_SIZE_MAX / 10)
            return -1;
        v = v * 10 + (text.data[i] - '0');
    }
    return text.size > 0 && v <= COVE__OBJECT_SIZE_MAX ? v : -1;
}

int cove__object_flag(struct cove__slice text, bool *ret)
{
    *ret = cove__slice_is(text, "true");
    return *ret || cove__slice_is(text, "false") ? 0 : COVE_EPROTOCOL;
}

void cove__object_text(struct cove__slice text, char *ret, size_t size)
{
    size_t n = text.size < size ? text.size : 0;

    if (n > 0)
        memcpy(ret, text.data, n);
    ret[n] = '\0';
}

void cove__object_etag(struct cove__slice text, char *ret, size_t size)
{
    bool weak = text.size > 2 && memcmp(text.data, "W/\"", 3) == 0;
    bool bare = text.size > 0 && text.data[0] != '"' && !weak;

    cove__object_text(cove__slice_is(text, "\"\"") ? cove__slice("", 0) : text, ret, size);
    if (!bare || text.size + 3 > size)
        return;
    memmove(ret + 1, ret, text.size);
    ret[0] = ret[text.size + 1] = '"';
    ret[text.size + 2] = '\0';
}

const char *cove__object_strong_etag(const char *etag)
{
    return strncmp(etag, "W/", 2) == 0 ? etag + 2 : etag;
}

bool cove__object_same_version(const char *a, const char *b)
{
    return strcmp(cove__object_strong_etag(a), cove__object_strong_etag(b)) == 0;
}
