/* List Blobs and List Containers: see azure_list.h. */
#include "fs/azure/azure_list.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "wire/uri.h"
#include "wire/xml.h"

#define KEY_MAX   (COVE__OBJECT_KEY_MAX * 12 + 1) /* 1,024 characters, encoded */
#define TOKEN_MAX ((size_t)8192)

void cove__azure_list_request(struct cove__object_request *r, const struct cove__object_list_query *query)
{
    cove__buf_addf(&r->query, "restype=container&comp=list&include=metadata&maxresults=%u", query->limit);
    if (query->one_level)
        cove__uri_add_pair(&r->query, "delimiter", cove__slice_str("/"));
    if (query->prefix.size > 0)
        cove__uri_add_pair(&r->query, "prefix", query->prefix);
    if (query->token)
        cove__uri_add_pair(&r->query, "marker", cove__slice_str(query->token));
}

bool cove__azure_marks_directory(const char *name, struct cove__slice value)
{
    return (strcasecmp(name, "hdi_isfolder") == 0 || strcasecmp(name, "is_directory") == 0) &&
           cove__slice_is(value, "true");
}

bool cove__azure_is_marker(const struct cove__object_request *r)
{
    char folder[COVE__HEADER_MAX], size[COVE__HEADER_MAX];

    return (cove__object_response_header(r, "x-ms-meta-hdi_isfolder", folder) ||
            cove__object_response_header(r, "x-ms-meta-is_directory", folder)) &&
           cove__object_response_header(r, "content-length", size) && strcmp(folder, "true") == 0 &&
           strcmp(size, "0") == 0;
}

/* What is known of the current entry. */
struct reader {
    struct cove__object_page_reader *page; /* NULL: of blobs alone */
    azure_entry_fn *blob;
    void *user;
    struct cove__buf name, token;
    char etag[COVE__HEADER_MAX];
    char tier[COVE__STORAGE_CLASS_SIZE];
    char version_id[COVE__HEADER_MAX];
    int64_t size, mtime_ns;
    bool marker;  /* of a directory */
    bool current; /* its version */
    bool encoded; /* the name is percent-encoded, as XML cannot hold it */
};

static void reader_init(struct reader *l)
{
    *l = (struct reader){ 0 };
    cove__buf_init(&l->name, KEY_MAX);
    cove__buf_init(&l->token, TOKEN_MAX);
}

static void reader_done(struct reader *l)
{
    cove__buf_done(&l->name);
    cove__buf_done(&l->token);
}

static int on_start(void *user, const char *path)
{
    struct reader *l = user;

    if (strcmp(path, "EnumerationResults/Blobs/Blob") == 0 ||
        strcmp(path, "EnumerationResults/Blobs/BlobPrefix") == 0 ||
        strcmp(path, "EnumerationResults/Containers/Container") == 0) {
        cove__buf_reset(&l->name);
        l->etag[0] = l->tier[0] = l->version_id[0] = '\0';
        l->size = l->mtime_ns = -1;
        l->encoded = l->current = l->marker = false;
    }
    return 0;
}

static int on_attribute(void *user, const char *path, const char *name, const char *value)
{
    struct reader *l = user;
    static const char end[] = "/Name";
    size_t n = strlen(path);

    if (n > strlen(end) && strcmp(path + n - strlen(end), end) == 0 && strcmp(name, "Encoded") == 0)
        l->encoded = strcmp(value, "true") == 0;
    return 0;
}

static int take_name(struct reader *l, struct cove__slice text)
{
    cove__buf_reset(&l->name);
    return l->encoded ? cove__uri_decode(&l->name, text) : cove__buf_add_slice(&l->name, text);
}

static int add_blob(struct reader *l)
{
    const struct azure_entry blob = { .entry = { .key = cove__buf_slice(&l->name),
                                                 .size = l->size,
                                                 .mtime_ns = l->mtime_ns,
                                                 .version = l->etag,
                                                 .storage_class = l->tier,
                                                 .directory = l->marker && l->size == 0 },
                                      .version_id = l->version_id,
                                      .current = l->current };

    return l->blob(l->user, &blob);
}

static int add_to_page(void *user, const struct azure_entry *blob)
{
    return cove__object_page_add(user, &blob->entry);
}

static int on_end(void *user, const char *path, struct cove__slice text)
{
    static const char properties[] = "EnumerationResults/Blobs/Blob/Properties/";
    static const char metadata[] = "EnumerationResults/Blobs/Blob/Metadata/";
    struct reader *l = user;

    if (strncmp(path, properties, strlen(properties)) == 0) {
        const char *name = path + strlen(properties);
        if (strcmp(name, "Content-Length") == 0)
            l->size = cove__object_number(text);
        else if (strcmp(name, "Last-Modified") == 0) {
            char date[COVE__HEADER_MAX];
            cove__object_text(text, date, sizeof date);
            l->mtime_ns = cove__parse_http_date(date);
        } else if (strcmp(name, "Etag") == 0)
            cove__object_etag(text, l->etag, sizeof l->etag);
        else if (strcmp(name, "AccessTier") == 0)
            cove__object_text(text, l->tier, sizeof l->tier);
        return 0;
    }
    if (strncmp(path, metadata, strlen(metadata)) == 0) {
        l->marker |= cove__azure_marks_directory(path + strlen(metadata), text);
        return 0;
    }
    if (strcmp(path, "EnumerationResults/Blobs/Blob/Name") == 0 ||
        strcmp(path, "EnumerationResults/Blobs/BlobPrefix/Name") == 0 ||
        strcmp(path, "EnumerationResults/Containers/Container/Name") == 0)
        return take_name(l, text);
    if (strcmp(path, "EnumerationResults/Blobs/Blob/VersionId") == 0)
        cove__object_text(text, l->version_id, sizeof l->version_id);
    else if (strcmp(path, "EnumerationResults/Blobs/Blob/IsCurrentVersion") == 0)
        l->current = cove__slice_is(text, "true");
    if (strcmp(path, "EnumerationResults/Blobs/Blob") == 0)
        return add_blob(l);
    if (l->page && strcmp(path, "EnumerationResults/Blobs/BlobPrefix") == 0)
        return cove__object_page_add_prefix(l->page, cove__buf_slice(&l->name));
    if (l->page && strcmp(path, "EnumerationResults/Containers/Container") == 0)
        return cove__object_page_add_bucket(l->page, cove__buf_slice(&l->name));
    if (strcmp(path, "EnumerationResults/NextMarker") == 0)
        return cove__buf_add_slice(&l->token, text);
    return 0;
}

static const struct cove__xml_handler handler = { on_start, on_end, "EnumerationResults", on_attribute };

int cove__azure_list_blobs(struct cove__slice body, azure_entry_fn *blob, void *user, struct cove__buf *ret_token)
{
    struct reader l;

    reader_init(&l);
    l.blob = blob;
    l.user = user;
    int rc = cove__xml_read(body, &handler, &l);
    if (rc == 0)
        rc = cove__buf_add_slice(ret_token, cove__buf_slice(&l.token));
    reader_done(&l);
    return rc;
}

int cove__azure_list_response(const struct cove__object_request *r, struct cove__object_page_reader *page)
{
    struct reader l;

    reader_init(&l);
    l.page = page;
    l.blob = add_to_page;
    l.user = page;
    int rc = cove__xml_read(cove__buf_slice(&r->http.response), &handler, &l);
    if (rc == 0 && l.token.size > 0)
        rc = cove__object_page_more(page, cove__buf_slice(&l.token));
    reader_done(&l);
    return rc;
}

void cove__azure_containers_request(struct cove__object_request *r, const char *token)
{
    cove__buf_addf(&r->query, "comp=list&maxresults=%u", AZURE_LIST_PAGE);
    if (token)
        cove__uri_add_pair(&r->query, "marker", cove__slice_str(token));
}
