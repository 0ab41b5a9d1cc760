/* Path - List and Filesystem - List: what they ask, and what their responses say (struct cove__object_ops). */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fs/azure/dfs.h"
#include "wire/json.h"
#include "wire/uri.h"

/* A prefix that ends within a name is of the directory above, whose other entries the reader passes over. */
void cove__dfs_list_request(struct cove__object_request *r, const struct cove__object_list_query *query)
{
    struct cove__slice directory = query->prefix;

    while (directory.size > 0 && directory.data[directory.size - 1] != '/')
        directory.size--;
    bool whole = directory.size == query->prefix.size;
    if (directory.size > 0)
        directory.size--;
    cove__buf_reset(&r->query);
    cove__buf_addf(&r->query, "resource=filesystem&recursive=%s&maxResults=%u", query->one_level ? "false" : "true",
                   whole ? query->limit : AZURE_LIST_PAGE);
    if (directory.size > 0)
        cove__uri_add_pair(&r->query, "directory", directory);
    if (query->token)
        cove__uri_add_pair(&r->query, "continuation", cove__slice_str(query->token));
}

/* What is known of the path at hand. */
struct reader {
    struct cove__object_page_reader *page;
    struct cove__buf name;
    char etag[128];
    int64_t size, mtime_ns;
    bool directory;
    const char *array; /* that such a page has */
    bool is_page;
};

static void next_path(struct reader *in)
{
    cove__buf_reset(&in->name);
    in->etag[0] = '\0';
    in->size = in->mtime_ns = -1;
    in->directory = false;
}

static int take_path(void *user, const char *path, enum cove__json_type type, const char *text)
{
    struct reader *in = user;
    struct cove__slice value = cove__slice_str(text);

    if (type == COVE__JSON_NULL)
        return 0;
    if (strcmp(path, "paths[]/name") == 0)
        return cove__buf_add_slice(&in->name, value);
    if (strcmp(path, "paths[]/contentLength") == 0) {
        in->size = cove__object_number(value);
    } else if (strcmp(path, "paths[]/isDirectory") == 0) {
        in->directory = strcmp(text, "true") == 0;
    } else if (strcmp(path, "paths[]/lastModified") == 0) {
        in->mtime_ns = cove__parse_http_date(text);
    } else if (strcmp(path, "paths[]/etag") == 0 && text[0] != '\0') { /* without the quotes of the header */
        char etag[sizeof in->etag];
        if (text[0] == '"' || value.size > sizeof etag - 3)
            snprintf(etag, sizeof etag, "%s", text);
        else
            snprintf(etag, sizeof etag, "\"%s\"", text);
        snprintf(in->etag, sizeof in->etag, "%s", etag);
    }
    return 0;
}

/* A directory at any depth is listed as one; a listing of keys has only files. */
static int add_directory(struct reader *in)
{
    struct cove__object_page_reader *page = in->page;

    page->seen = true;
    if (page->keys)
        return 0;
    cove__buf_add_char(&in->name, '/');
    if (cove__slice_eq(cove__buf_slice(&in->name), page->prefix)) /* it is not below itself */
        return 0;
    if (!page->deep)
        return cove__object_page_add_prefix(page, cove__buf_slice(&in->name));
    const struct cove__object_entry entry = { .key = cove__buf_slice(&in->name),
                                              .mtime_ns = in->mtime_ns,
                                              .directory = true };
    return cove__object_page_add(page, &entry);
}

static int add_path(struct reader *in)
{
    const struct cove__object_entry entry = {
        .key = cove__buf_slice(&in->name), .size = in->size, .mtime_ns = in->mtime_ns, .version = in->etag
    };
    struct cove__slice prefix = in->page->prefix;

    if (!cove__slice_eq(cove__slice_sub(entry.key, 0, prefix.size), prefix) && prefix.size > 0 &&
        prefix.data[prefix.size - 1] != '/')
        return 0;
    if (in->directory)
        return add_directory(in);
    if (cove__dfs_is_temporary(entry.key)) { /* not visible before it has its own name */
        in->page->seen = true;
        return 0;
    }
    /* The listing of a file has the file itself: it is not below its own name. */
    if (prefix.size == entry.key.size + 1 && memcmp(prefix.data, entry.key.data, entry.key.size) == 0)
        return 0;
    return cove__object_page_add(in->page, &entry);
}

static int end_path(void *user, const char *path)
{
    struct reader *in = user;

    in->is_page |= strcmp(path, in->array) == 0;
    if (strcmp(path, "paths[]") != 0)
        return 0;
    int rc = cove__buf_rc(&in->name);
    if (rc == 0)
        rc = add_path(in);
    next_path(in);
    return rc;
}

static int read_page(const struct cove__object_request *r, struct cove__object_page_reader *page, const char *array,
                     const struct cove__json_handler *handler)
{
    struct reader in = { .page = page, .array = array, .name = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX * 4 + 2) };
    struct cove__buf token = COVE__BUF_INIT(SIZE_MAX / 2);
    char why[160];

    next_path(&in);
    int rc = cove__json_read(cove__buf_slice(&r->http.response), handler, &in, why, sizeof why);
    if (rc == COVE_EINVAL || (rc == 0 && !in.is_page))
        rc = COVE_EPROTOCOL;
    if (rc == 0)
        rc = cove__azure_continuation(r, &token);
    if (rc == 0 && token.size > 0)
        rc = cove__object_page_more(page, cove__buf_slice(&token));
    cove__buf_done(&token);
    cove__buf_done(&in.name);
    return rc;
}

int cove__dfs_list_response(const struct cove__object_request *r, struct cove__object_page_reader *page)
{
    static const struct cove__json_handler handler = { .value = take_path, .end = end_path };
    return read_page(r, page, "paths", &handler);
}

void cove__dfs_filesystems_request(struct cove__object_request *r, const char *token)
{
    cove__buf_reset(&r->query);
    cove__buf_addf(&r->query, "resource=account&maxResults=%u", AZURE_LIST_PAGE);
    if (token)
        cove__uri_add_pair(&r->query, "continuation", cove__slice_str(token));
}

static int take_filesystem(void *user, const char *path, enum cove__json_type type, const char *text)
{
    struct reader *in = user;

    return strcmp(path, "filesystems[]/name") == 0 ? cove__object_page_add_bucket(in->page, cove__slice_str(text)) : 0;
}

int cove__dfs_filesystems_response(const struct cove__object_request *r, struct cove__object_page_reader *page)
{
    static const struct cove__json_handler handler = { .value = take_filesystem, .end = end_path };
    return read_page(r, page, "filesystems", &handler);
}
