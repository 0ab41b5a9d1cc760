/* Names, and values in responses. Pure. */
#include "fs/object/name.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/object/object.h"

struct cove__object_name cove__object_split(const char *path)
{
    size_t bucket = strcspn(path, "/");
    const char *key = path[bucket] == '/' ? path + bucket + 1 : path + bucket;
    return (struct cove__object_name){ .bucket = cove__slice(path, bucket), .key = cove__slice_str(key) };
}

/* Whether the name ends in the mark and the id of a version, which then are split off. */
static bool take_version(const struct cove__object_store *store, const char *mark, struct cove__object_name *name)
{
    const uint8_t *at = memrchr(name->key.data, mark[0], name->key.size);
    size_t before = at ? (size_t)(at - name->key.data) : 0, length = strlen(mark);

    if (before == 0 || name->key.size <= before + length || memcmp(at, mark, length) != 0)
        return false;
    /* The id is the end of a path, so it is a whole text. */
    if (store->ops->is_version_id && !store->ops->is_version_id((const char *)at + length))
        return false;
    name->version = cove__slice_sub(name->key, before + length, SIZE_MAX);
    name->key.size = before;
    return true;
}

struct cove__object_name cove__object_locate(const struct cove__object_store *store, const char *path)
{
    const char *const marks[] = { store->ops->version_mark, store->ops->other_version_mark };
    struct cove__object_name name = cove__object_split(path);

    for (size_t i = 0; i < 2 && store->version_aware && name.key.size > 0; i++) {
        if (marks[i] && take_version(store, marks[i], &name)) {
            name.other_mark = i > 0;
            break;
        }
    }
    return name;
}

int cove__object_name_of(const struct cove__object_store *store, const char *path, bool changed,
                         const struct cove__ctx *ctx, struct cove__object_name *ret, struct cove_error *err)
{
    struct cove__object_name name = cove__object_locate(store, path);

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

int cove__object_prefix_of(const struct cove__object_name *name, struct cove__buf *out, const struct cove__ctx *ctx,
                           struct cove_error *err)
{
    if (name->bucket.size == 0)
        return cove__fs_fail(err, ctx, COVE_EINVAL, "no bucket is named");
    int rc = cove__object_prefix(name->key, out);
    return rc < 0 ? cove__fs_fail(err, ctx, rc, "the path's prefix: %s", cove_code_phrase(rc)) : 0;
}

char *cove__object_trim_slash(const char *path)
{
    size_t n = strlen(path);
    if (n > 1 && path[n - 1] == '/' && path[n - 2] != '/')
        n--;
    return cove__strndup(path, n);
}

/* ---- values in responses ---- */

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
    bool none = cove__slice_is(text, "\"\"") || cove__slice_is(text, "W/\"\"") || (bare && text.size + 3 > size);

    cove__object_text(none ? cove__slice("", 0) : text, ret, size);
    if (!bare || none)
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
    return a[0] != '\0' && strcmp(cove__object_strong_etag(a), cove__object_strong_etag(b)) == 0;
}
