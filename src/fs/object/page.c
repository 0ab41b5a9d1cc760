/* A page of a listing as it is read: entries are checked and become paths. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fs/object/list.h"

#define PATH_MAX_SIZE (COVE__OBJECT_KEY_MAX * 3 + 320)
#define TOKEN_MAX     ((size_t)16 << 10)

void cove__object_page_init(struct cove__object_page_reader *p, struct cove__page *page)
{
    *p = (struct cove__object_page_reader){ .page = page };
    cove__buf_init(&p->token, TOKEN_MAX);
}

void cove__object_page_done(struct cove__object_page_reader *p)
{
    cove__buf_done(&p->token);
}

/* ---- entries ---- */

static bool ends_in_slash(struct cove__slice key)
{
    return key.size > 0 && key.data[key.size - 1] == '/';
}

/* A directory's path loses the slash of its key, unless what is left would be the name of another directory. */
static int entry_path(const struct cove__object_page_reader *p, struct cove__slice key, bool directory,
                      struct cove__buf *out)
{
    if (directory && key.size > 1 && ends_in_slash(key) && key.data[key.size - 2] != '/')
        key.size--;
    cove__buf_add_slice(out, p->bucket);
    cove__buf_add_char(out, '/');
    cove__buf_add_slice(out, key);
    return cove__buf_rc(out);
}

/* Removals of trees trust the listing, so an entry outside the prefix, from a store or proxy that ignores it, is
 * refused. */
static const char *problem_of(const struct cove__object_page_reader *p, struct cove__slice key)
{
    if (key.size == 0)
        return "it has an entry without a name";
    if (!cove__slice_eq(cove__slice_sub(key, 0, p->prefix.size), p->prefix))
        return "it has an entry that is not below the folder";
    return NULL;
}

static int refuse(struct cove__object_page_reader *p, const char *problem)
{
    p->wrong = problem;
    return COVE_EPROTOCOL;
}

int cove__object_page_add_prefix(struct cove__object_page_reader *p, struct cove__slice key)
{
    struct cove__buf path = COVE__BUF_INIT(PATH_MAX_SIZE);
    const char *problem = problem_of(p, key);

    if (problem)
        return refuse(p, problem);
    p->seen = true;
    if (key.size == p->prefix.size) /* a walk would enter the directory again and again */
        return 0;
    int rc = entry_path(p, key, true, &path);
    if (rc == 0)
        rc = cove__page_add(p->page, cove__buf_str(&path), COVE_INFO_DIRECTORY, 0, -1, NULL);
    cove__buf_done(&path);
    return rc;
}

int cove__object_page_add(struct cove__object_page_reader *p, const struct cove__object_entry *entry)
{
    struct cove__buf path = COVE__BUF_INIT(PATH_MAX_SIZE);
    const char *problem = problem_of(p, entry->key);
    bool slash = ends_in_slash(entry->key), version = entry->version && entry->version[0] != '\0';

    if (!problem && entry->size < 0)
        problem = "it has an object without a valid size";
    if (problem)
        return refuse(p, problem);
    p->seen = true;
    /* Other tools make a directory as an empty object whose key ends in a slash. In a listing of one level it is among
     * the prefixes, too. */
    bool marker = !p->keys && (entry->directory || (slash && entry->size == 0));
    if (marker && slash && !p->deep)
        return 0;
    int rc = entry_path(p, entry->key, marker, &path);
    if (rc == 0)
        rc = cove__page_add(p->page, cove__buf_str(&path), marker ? COVE_INFO_DIRECTORY : COVE_INFO_FILE, entry->size,
                            entry->mtime_ns, version ? entry->version : NULL);
    if (rc == 0) {
        struct cove_info *info = &p->page->items[p->page->n - 1];
        if (entry->storage_class)
            cove__object_text(cove__slice_str(entry->storage_class), info->storage_class, sizeof info->storage_class);
        info->has_crc32c = entry->has_crc32c;
        info->crc32c = entry->crc32c;
    }
    cove__buf_done(&path);
    return rc;
}

int cove__object_page_add_bucket(struct cove__object_page_reader *p, struct cove__slice name)
{
    struct cove__buf path = COVE__BUF_INIT(PATH_MAX_SIZE);

    if (name.size == 0)
        return COVE_EPROTOCOL;
    int rc = cove__buf_add_slice(&path, name);
    if (rc == 0)
        rc = cove__page_add(p->page, cove__buf_str(&path), COVE_INFO_DIRECTORY, 0, -1, NULL);
    cove__buf_done(&path);
    return rc;
}

int cove__object_page_more(struct cove__object_page_reader *p, struct cove__slice token)
{
    p->more = true;
    cove__buf_reset(&p->token);
    return cove__buf_add_slice(&p->token, token);
}

/* ---- order ---- */

/* Whether the path lacks the slash at the end of the directory's key. */
static bool lacks_slash(const struct cove_info *info, size_t end)
{
    return info->path[end] == '\0' && info->type == COVE_INFO_DIRECTORY && end > 0 && info->path[end - 1] != '/';
}

static int compare_entries(const void *a, const void *b)
{
    const struct cove_info *x = a, *y = b;
    size_t i = 0;

    while (x->path[i] != '\0' && x->path[i] == y->path[i])
        i++;
    int p = lacks_slash(x, i) ? '/' : (unsigned char)x->path[i];
    int q = lacks_slash(y, i) ? '/' : (unsigned char)y->path[i];
    if (p == q) /* a directory, and itself or an entry in it */
        return (unsigned char)x->path[i] - (unsigned char)y->path[i];
    return p - q;
}

void cove__object_page_sort(struct cove__page *page)
{
    size_t kept = 0;

    if (page->n < 2)
        return;
    qsort(page->items, page->n, sizeof *page->items, compare_entries);
    for (size_t i = 0; i < page->n; i++) {
        struct cove_info *info = &page->items[i], *before = kept > 0 ? &page->items[kept - 1] : NULL;
        bool twice = before && info->type == COVE_INFO_DIRECTORY && before->type == COVE_INFO_DIRECTORY &&
                     strcmp(info->path, before->path) == 0;
        if (twice && !before->etag) { /* the entry with an object has its version and time */
            cove__info_done(before);
            *before = *info;
        } else if (twice) {
            cove__info_done(info);
        } else {
            page->items[kept++] = *info;
        }
    }
    page->n = kept;
}

int cove__object_page_end(struct cove__object_page_reader *p, const char *token)
{
    cove__object_page_sort(p->page);
    if (!p->more)
        return 0;
    if (p->token.size == 0)
        return refuse(p, "another page follows, but the store gives no token for it");
    if (token && cove__slice_is(cove__buf_slice(&p->token), token))
        return refuse(p, "the listing does not advance: the store returned the same page token again");
    p->page->token = cove__buf_take(&p->token);
    return p->page->token ? 0 : COVE_ENOMEM;
}
