/* What is known of a path, pages of it, and the arithmetic of paths. */
#include <string.h>

#include "base/mem.h"
#include "fs/fs_impl.h"

#define MAX_PAGE_ITEMS ((size_t)16 << 20)

int cove__info_set(struct cove_info *info, const char *path, enum cove_info_type type, int64_t size, int64_t mtime_ns,
                   const char *etag)
{
    char *new_path = cove__strdup(path);
    char *new_etag = etag ? cove__strdup(etag) : NULL;

    if (!new_path || (etag && !new_etag)) {
        cove__free(new_path);
        cove__free(new_etag);
        return COVE_ENOMEM;
    }
    cove__info_done(info);
    *info = (struct cove_info){
        .path = new_path, .etag = new_etag, .type = type, .size = size, .mtime_ns = mtime_ns, .created_ns = -1
    };
    return 0;
}

void cove__info_done(struct cove_info *info)
{
    cove__free(info->path);
    cove__free(info->etag);
    cove__free(info->version_id);
    cove__free(info->content_type);
    cove__free(info->metadata);
    cove__free(info->headers);
    *info = (struct cove_info){ 0 };
}

void cove_info_free(cove_info *info)
{
    if (!info)
        return;
    cove__info_done(info);
    cove__free(info);
}

const char *cove_info_path(const cove_info *info)
{
    return info->path;
}

const char *cove_info_name(const cove_info *info)
{
    return cove__path_name(info->path);
}

enum cove_info_type cove_info_type(const cove_info *info)
{
    return info->type;
}

int64_t cove_info_size(const cove_info *info)
{
    return info->size;
}

int64_t cove_info_mtime_ns(const cove_info *info)
{
    return info->mtime_ns;
}

int64_t cove_info_created_ns(const cove_info *info)
{
    return info->created_ns;
}

const char *cove_info_etag(const cove_info *info)
{
    return info->etag;
}

const char *cove_info_version_id(const cove_info *info)
{
    return info->version_id;
}

const char *cove_info_storage_class(const cove_info *info)
{
    return info->storage_class[0] ? info->storage_class : NULL;
}

const char *cove_info_content_type(const cove_info *info)
{
    return info->content_type;
}

int cove_info_metadata(const cove_info *info, size_t i, const char **ret_name, const char **ret_value)
{
    if (i >= info->n_metadata)
        return COVE_ENOTFOUND;
    *ret_name = info->metadata[i].name;
    *ret_value = info->metadata[i].value;
    return 0;
}

int cove_info_header(const cove_info *info, size_t i, const char **ret_name, const char **ret_value)
{
    if (i >= info->n_headers)
        return COVE_ENOTFOUND;
    *ret_name = info->headers[i].name;
    *ret_value = info->headers[i].value;
    return 0;
}

int cove_info_is_latest(const cove_info *info)
{
    return info->latest;
}

int cove_info_is_deleted(const cove_info *info)
{
    return info->deleted;
}

int cove__page_take(struct cove__page *page, struct cove_info *info)
{
    if (cove__grow(&page->items, &page->cap, page->n + 1, sizeof *info, MAX_PAGE_ITEMS) < 0)
        return COVE_ENOMEM;
    page->items[page->n++] = *info;
    *info = (struct cove_info){ 0 };
    return 0;
}

int cove__page_add(struct cove__page *page, const char *path, enum cove_info_type type, int64_t size, int64_t mtime_ns,
                   const char *etag)
{
    struct cove_info info = { 0 };
    int rc = cove__info_set(&info, path, type, size, mtime_ns, etag);

    if (rc == 0)
        rc = cove__page_take(page, &info);
    cove__info_done(&info);
    return rc;
}

void cove__page_reverse(struct cove__page *page)
{
    for (size_t i = 0, k = page->n; i + 1 < k; i++) {
        struct cove_info other = page->items[i];
        page->items[i] = page->items[--k];
        page->items[k] = other;
    }
}

void cove__page_done(struct cove__page *page)
{
    for (size_t i = 0; i < page->n; i++)
        cove__info_done(&page->items[i]);
    cove__free(page->items);
    cove__free(page->token);
    *page = (struct cove__page){ 0 };
}

/* A path that ends in "/" is named by what stands before that. */
const char *cove__path_name(const char *path)
{
    size_t n = strlen(path);

    while (n > 0 && path[n - 1] == '/')
        n--;
    while (n > 0 && path[n - 1] != '/')
        n--;
    return path + n;
}

char *cove__path_parent(const char *path)
{
    size_t n = (size_t)(cove__path_name(path) - path);

    if (n > 1 || (n == 1 && path[0] != '/'))
        n--; /* the slash, but not the root's */
    return cove__strndup(path, n);
}

char *cove__path_join(const char *directory, const char *name)
{
    struct cove__buf b = COVE__BUF_INIT(1 << 20);
    size_t n = strlen(directory);

    cove__buf_add(&b, directory, n);
    if (n > 0 && directory[n - 1] != '/')
        cove__buf_add_char(&b, '/');
    cove__buf_add_str(&b, name);
    return cove__buf_take(&b);
}

const char *cove__path_below(const char *path, const char *directory)
{
    size_t n = strlen(directory);

    return path + n + (n > 0 && directory[n - 1] != '/' && path[n] == '/');
}
