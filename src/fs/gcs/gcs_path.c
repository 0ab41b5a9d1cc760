/* Names: URL to "bucket/object", and what may be one. Pure. */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"
#include "fs/gcs/gcs.h"
#include "fs/schemes.h"

#define BUCKET_MAX     ((size_t)222) /* with dots */
#define BUCKET_MIN     ((size_t)3)
#define COMPONENT_MAX  ((size_t)63)
#define GENERATION_MAX ((size_t)19) /* digits */

bool cove__gcs_is_generation(const char *text)
{
    size_t n = strspn(text, "0123456789");

    return n > 0 && n <= GENERATION_MAX && text[n] == '\0' && text[0] != '0';
}

static bool is_bucket_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_';
}

/* Names are checked by the store; this only names the rule that a missing bucket breaks. Rules:
 * https://cloud.google.com/storage/docs/buckets#naming */
const char *cove__gcs_broken_rule(struct cove__slice bucket)
{
    size_t component = 0;
    bool dots = memchr(bucket.data, '.', bucket.size);

    if (bucket.size < BUCKET_MIN || bucket.size > (dots ? BUCKET_MAX : COMPONENT_MAX))
        return "a bucket's name has 3 to 63 characters, or with dots up to 222";
    for (size_t i = 0; i < bucket.size; i++) {
        char c = (char)bucket.data[i];
        if (c >= 'A' && c <= 'Z')
            return "a bucket's name has no capital letters";
        component = c == '.' ? 0 : component + 1;
        if (component > COMPONENT_MAX)
            return "between dots, a bucket's name has at most 63 characters";
    }
    const char *ends = ".-_";
    if (strchr(ends, bucket.data[0]) || strchr(ends, bucket.data[bucket.size - 1]))
        return "a bucket's name begins and ends with a letter or digit";
    if (memmem(bucket.data, bucket.size, "google", 6) || (bucket.size >= 4 && memcmp(bucket.data, "goog", 4) == 0))
        return "a bucket's name does not begin with \"goog\", and has no \"google\" in it";
    return NULL;
}

/* Names of objects: https://cloud.google.com/storage/docs/objects#naming */
static int check_object(const char *name, struct cove_error *err)
{
    if (strlen(name) > COVE__OBJECT_KEY_MAX)
        return cove__fail(err, COVE_EINVAL, "the object's name is longer than %zu bytes", COVE__OBJECT_KEY_MAX);
    if (!cove__text_is_utf8(name))
        return cove__fail(err, COVE_EINVAL, "the object's name is not UTF-8");
    if (strpbrk(name, "\r\n"))
        return cove__fail(err, COVE_EINVAL, "the object's name has a line break, which Google Cloud Storage refuses");
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return cove__fail(err, COVE_EINVAL, "an object cannot be named '%s'", name);
    return 0;
}

int cove__gcs_parse(const char *url_or_path, char **ret_path, struct cove_error *err)
{
    const char *path = cove__scheme_skip(url_or_path, "gs");
    if (!path)
        path = cove__scheme_skip(url_or_path, "gcs");
    bool url = path;

    if (!url)
        path = url_or_path;
    while (!url && *path == '/') /* "/bucket/object" is what other tools write for "bucket/object" */
        path++;
    size_t bucket = strcspn(path, "/");
    if (bucket == 0 && path[0] == '/')
        return cove__fail(err, COVE_EINVAL, "no bucket is named");
    if (bucket > BUCKET_MAX)
        return cove__fail(err, COVE_EINVAL, "the bucket's name is longer than %zu bytes", BUCKET_MAX);
    for (size_t i = 0; i < bucket; i++) {
        if (!is_bucket_character(path[i]))
            return strcspn(path, ":@") < bucket /* it may be a password, which is not shown */
                       ? cove__fail(err, COVE_EINVAL, "a bucket's name has no ':' and no '@'; credentials are options")
                       : cove__fail(err, COVE_EINVAL,
                                    "'%.*s' is not a bucket's name (letters, digits, '.', '-' and '_')", (int)bucket,
                                    path);
    }
    if (bucket > 0 && bucket <= 2 && strspn(path, ".") >= bucket) /* a server on the way may take it for a step */
        return cove__fail(err, COVE_EINVAL, "a bucket cannot be named '%.*s'", (int)bucket, path);
    const char *name = path[bucket] == '/' ? path + bucket + 1 : "";
    int rc = check_object(name, err);
    if (rc < 0)
        return rc;
    char *copy = name[0] == '\0' ? cove__strndup(path, bucket) : cove__strdup(path); /* "bucket/" is the bucket */
    if (!copy)
        return cove__fail_nomem(err, "a path");
    *ret_path = copy;
    return 0;
}
