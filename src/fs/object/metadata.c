/*
 * What an object carries beside its bytes, as headers: read from the response to a HEAD, kept for an object that takes
 * the other's place, and written into a request that makes one. For stat.c, put.c, upload.c and copy.c.
 */
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/object/copy.h"
#include "fs/object/operations.h"
#include "fs/pairs.h"
#include "net/header.h"

#define CACHING "Cache-Control"

/* ---- lines ---- */

/* The next of "Name: value\n" lines, which then are those behind it; false: there is none. */
static bool next_header(struct cove__slice *lines, struct cove__slice *ret_name, struct cove__slice *ret_value)
{
    while (lines->size > 0) {
        const uint8_t *end = memchr(lines->data, '\n', lines->size);
        size_t line = end ? (size_t)(end - lines->data) : lines->size;
        const uint8_t *colon = memchr(lines->data, ':', line);
        if (colon) {
            size_t name = (size_t)(colon - lines->data), value = name + 1;
            while (value < line && lines->data[value] == ' ')
                value++;
            *ret_name = cove__slice(lines->data, name);
            *ret_value = cove__slice(lines->data + value, line - value);
        }
        *lines = cove__slice_sub(*lines, line + 1, SIZE_MAX);
        if (colon)
            return true;
    }
    return false;
}

static bool same_name(struct cove__slice a, struct cove__slice b)
{
    return a.size == b.size && strncasecmp((const char *)a.data, (const char *)b.data, a.size) == 0;
}

static bool has_header(struct cove__slice lines, struct cove__slice name)
{
    struct cove__slice other, value;

    while (next_header(&lines, &other, &value)) {
        if (same_name(other, name))
            return true;
    }
    return false;
}

static void add_line(struct cove__buf *out, struct cove__slice name, struct cove__slice value)
{
    cove__buf_add_slice(out, name);
    cove__header_append(out, "", value);
}

static void add_metadata(const struct cove__object_request *r, struct cove__buf *out, const struct cove_pair *pair)
{
    cove__buf_add_str(out, r->store->ops->headers.metadata);
    cove__header_append(out, pair->name, cove__slice_str(pair->value));
}

/* The user's name of a header, or an empty one where it is none of the user's metadata. Writes have marks of their own.
 */
static struct cove__slice user_name(const struct cove__object_request *r, struct cove__slice header)
{
    const struct cove__object_headers *headers = &r->store->ops->headers;
    size_t n = strlen(headers->metadata);
    struct cove__slice name = cove__slice_sub(header, n, SIZE_MAX);
    bool is = header.size >= n && strncasecmp((const char *)header.data, headers->metadata, n) == 0 &&
              !same_name(name, cove__slice_str(headers->write_mark));

    return is ? name : cove__slice("", 0);
}

/* The entry that is this name; NULL: none is. */
static const char *entry_of(struct cove__slice name, const char *const *names)
{
    for (; names && *names; names++) {
        if (same_name(name, cove__slice_str(*names)))
            return *names;
    }
    return NULL;
}

/* ---- read ---- */

static int keep_text(const struct cove__object_request *r, const char *header, char **ret)
{
    char text[COVE__HEADER_MAX];

    if (!cove__object_response_header(r, header, text) || text[0] == '\0')
        return 0;
    *ret = cove__strdup(text);
    return *ret ? 0 : COVE_ENOMEM;
}

int cove__object_read_properties(const struct cove__object_request *r, struct cove_info *info)
{
    const struct cove__object_headers *headers = &r->store->ops->headers;
    struct cove__pairs pairs = COVE__PAIRS_INIT, shown = COVE__PAIRS_INIT;
    struct cove__slice rest = cove__buf_slice(&r->http.response_headers), name, value;
    char text[COVE__HEADER_MAX];

    if (headers->storage_class && cove__object_response_header(r, headers->storage_class, text))
        cove__object_text(cove__slice_str(text), info->storage_class, sizeof info->storage_class);
    int rc = headers->version_id ? keep_text(r, headers->version_id, &info->version_id) : 0;
    if (rc == 0)
        rc = keep_text(r, "content-type", &info->content_type);
    while (rc == 0 && next_header(&rest, &name, &value)) {
        const char *entry = entry_of(name, headers->shown);
        if (entry)
            cove__pairs_add(&shown, cove__slice_str(entry), value);
        name = user_name(r, name);
        if (name.size > 0)
            cove__pairs_add(&pairs, name, value);
    }
    if (rc == 0)
        rc = cove__pairs_take(&pairs, &info->metadata, &info->n_metadata);
    if (rc == 0)
        rc = cove__pairs_take(&shown, &info->headers, &info->n_headers);
    cove__pairs_done(&pairs);
    cove__pairs_done(&shown);
    return rc;
}

/* ---- kept ---- */

static bool describes(const struct cove__object_request *r, struct cove__slice name)
{
    static const char *const names[] = {
        "content-type", "cache-control", "content-encoding", "content-language", "content-disposition", "expires", NULL
    };
    return entry_of(name, names) || entry_of(name, r->store->ops->headers.described) || user_name(r, name).size > 0;
}

/* The options' lines go before what an object has, but for its class. */
static bool is_option(const struct cove__object_request *r, struct cove__slice name)
{
    const struct cove__object_headers *headers = &r->store->ops->headers;

    return has_header(cove__buf_slice(&r->store->extra.create), name) &&
           !(headers->described && headers->storage_class && same_name(name, cove__slice_str(headers->storage_class)));
}

int cove__object_keep_metadata(const struct cove__object_request *head, struct cove__buf *out)
{
    struct cove__slice rest = cove__buf_slice(&head->http.response_headers), name, value;

    while (next_header(&rest, &name, &value)) {
        if (describes(head, name) && !is_option(head, name))
            add_line(out, name, value);
    }
    return cove__buf_rc(out);
}

static bool is_changed(struct cove__slice name, const struct cove_pair *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (same_name(name, cove__slice_str(pairs[i].name)))
            return true;
    }
    return false;
}

static void add_properties(const struct cove__object_request *head, const struct cove_pair *pairs, size_t n,
                           const char *const *left_out, struct cove__buf *out)
{
    struct cove__slice rest = cove__buf_slice(&head->http.response_headers), name, value;

    while (next_header(&rest, &name, &value)) {
        if ((describes(head, name) || entry_of(name, head->store->ops->headers.kept)) &&
            !is_changed(user_name(head, name), pairs, n) &&
            !has_header(cove__buf_slice(&head->store->extra.create), name) && !entry_of(name, left_out))
            add_line(out, name, value);
    }
}

bool cove__object_has_option(const struct cove__object_store *store, const char *const *names)
{
    for (; names && *names; names++) {
        if (has_header(cove__buf_slice(&store->extra.create), cove__slice_str(*names)))
            return true;
    }
    return false;
}

int cove__object_copied_properties(const struct cove__object_request *head, struct cove__buf *out)
{
    add_properties(head, NULL, 0, head->store->ops->copy->left_out, out);
    return cove__buf_rc(out);
}

int cove__object_change_metadata(const struct cove__object_request *head, const struct cove_pair *pairs, size_t n,
                                 struct cove__buf *out)
{
    add_properties(head, pairs, n, NULL, out);
    for (size_t i = 0; i < n; i++) {
        if (pairs[i].value)
            add_metadata(head, out, &pairs[i]);
    }
    return cove__buf_rc(out);
}

int cove__object_keep_default(const struct cove__object_store *store, const char *name, const char *value,
                              struct cove__buf *lines)
{
    struct cove__slice header = cove__slice_str(name);

    if (!has_header(cove__buf_slice(lines), header) && !has_header(cove__buf_slice(&store->extra.create), header))
        cove__header_append(lines, name, cove__slice_str(value));
    return cove__buf_rc(lines);
}

int cove__object_pick_lines(struct cove__slice lines, const char *const *names, struct cove__buf *out)
{
    struct cove__slice name, value;

    while (next_header(&lines, &name, &value)) {
        if (entry_of(name, names))
            add_line(out, name, value);
    }
    return cove__buf_rc(out);
}

/* ---- written ---- */

void cove__object_describe(struct cove__object_request *r, const struct cove__put *put)
{
    struct cove__slice rest = cove__buf_slice(&r->store->extra.create), name, value;
    const char *type = put ? put->content_type : NULL;
    struct cove__slice own = cove__slice_str(put && put->headers ? put->headers : "");
    const struct cove__object_headers *headers = &r->store->ops->headers;
    const char *caching = headers->cache_control ? headers->cache_control(r->name.key) : NULL;

    while (next_header(&rest, &name, &value)) { /* the call overrides the option */
        if (!(type && same_name(name, cove__slice_str("content-type"))) && !has_header(own, name))
            add_line(&r->extra, name, value);
    }
    if (caching && !has_header(own, cove__slice_str(CACHING)) &&
        !has_header(cove__buf_slice(&r->store->extra.create), cove__slice_str(CACHING)))
        cove__object_header(r, CACHING, "%s", caching);
    if (type)
        cove__object_header(r, "Content-Type", "%s", type);
    if (put && put->headers)
        cove__buf_add_str(&r->extra, put->headers);
    for (size_t i = 0; put && i < put->n_metadata; i++)
        add_metadata(r, &r->extra, &put->metadata[i]);
}
