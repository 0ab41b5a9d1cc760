/* Names: URL to "bucket/key", and the pieces of requests made from them. Pure; used by every file of this folder. */
#include "fs/s3/s3.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"
#include "fs/fs_impl.h"
#include "fs/schemes.h"
#include "wire/uri.h"

#define BUCKET_MAX ((size_t)255)

static const char *after_scheme(const char *text, bool *ret_url)
{
    const char *rest = cove__scheme_skip(text, "s3");
    if (!rest)
        rest = cove__scheme_skip(text, "s3a");
    *ret_url = rest;
    return *ret_url ? rest : text;
}

/* A copy of `path`, whose first `bucket` bytes are the bucket. */
static int take_path(const char *path, size_t bucket, char **ret_path, struct cove_error *err)
{
    const char *key = path[bucket] == '/' ? path + bucket + 1 : "";
    if (strlen(key) > COVE__OBJECT_KEY_MAX)
        return cove__fail(err, COVE_EINVAL, "the key is longer than %zu bytes", COVE__OBJECT_KEY_MAX);
    if (!cove__text_is_utf8(key))
        return cove__fail(err, COVE_EINVAL, "the key is not UTF-8, as S3's keys are");
    /* "bucket/" is the bucket. */
    char *copy = key[0] == '\0' ? cove__strndup(path, bucket) : cove__strdup(path);
    if (!copy)
        return cove__fail_nomem(err, "a path");
    *ret_path = copy;
    return 0;
}

/* An ARN stands for a bucket. Its own slashes become colons, which mean the same there, so that the first slash of
 * every path ends the bucket. */
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
    if (bucket > 0 && bucket <= 2 && strspn(path, ".") >= bucket) /* a server on the way may take it for a step */
        return cove__fail(err, COVE_EINVAL, "a bucket cannot be named '%.*s'", (int)bucket, path);
    return take_path(path, bucket, ret_path, err);
}
