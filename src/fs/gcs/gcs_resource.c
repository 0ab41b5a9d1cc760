/* Header lines to a resource and a query, and back. */
#include "fs/gcs/gcs_resource.h"

#include <string.h>
#include <strings.h>

#include <cove/error.h>

#include "fs/gcs/gcs.h"
#include "wire/digest.h"
#include "wire/json.h"
#include "wire/uri.h"

#define METADATA     "x-goog-meta-"
#define METADATA_MAX ((size_t)64 << 10)
#define KMS_KEY      "x-goog-encryption-kms-key-name"
#define KMS_VERSION  "/cryptoKeyVersions/" /* of the key; a new object gets the primary one */

/* Lines under one name in both: `header` in requests and, in lower case, in what is made of a response. */
static const struct {
    const char *header, *member;
} properties[] = {
    { "content-type", "contentType" },
    { "content-encoding", "contentEncoding" },
    { "content-disposition", "contentDisposition" },
    { "content-language", "contentLanguage" },
    { "cache-control", "cacheControl" },
    { "x-goog-storage-class", "storageClass" },
    { "x-goog-custom-time", "customTime" },
};

static const struct {
    const char *header;
    const char *parameter[3]; /* by enum cove__gcs_made_by */
} parameters[] = {
    { "x-goog-if-generation-match", { "ifGenerationMatch", "ifGenerationMatch", "ifGenerationMatch" } },
    { KMS_KEY, { "kmsKeyName", "kmsKeyName", "destinationKmsKeyName" } },
    { "x-goog-acl", { "predefinedAcl", "destinationPredefinedAcl", "destinationPredefinedAcl" } },
};

/* ---- to a request ---- */

static bool is_name(struct cove__slice name, const char *expected)
{
    return name.size == strlen(expected) && strncasecmp((const char *)name.data, expected, name.size) == 0;
}

static bool begins(struct cove__slice name, const char *prefix)
{
    size_t n = strlen(prefix);
    return name.size > n && strncasecmp((const char *)name.data, prefix, n) == 0;
}

int cove__gcs_add_member(struct cove__buf *members, const char *name, struct cove__slice text)
{
    if (members->size > 0)
        cove__buf_add_char(members, ',');
    cove__json_add_string(members, cove__slice_str(name));
    cove__buf_add_char(members, ':');
    return cove__json_add_string(members, text);
}

static void add_metadata(struct cove__buf *metadata, struct cove__slice name, struct cove__slice value)
{
    if (metadata->size > 0)
        cove__buf_add_char(metadata, ',');
    cove__json_add_string(metadata, name);
    cove__buf_add_char(metadata, ':');
    cove__json_add_string(metadata, value);
}

static void split_line(struct cove__gcs_lines *to, struct cove__slice name, struct cove__slice value,
                       struct cove__buf *metadata)
{
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++) {
        if (is_name(name, parameters[i].header)) {
            cove__uri_add_pair(to->query, parameters[i].parameter[to->made_by], value);
            return;
        }
    }
    if (begins(name, METADATA)) {
        add_metadata(metadata, cove__slice_sub(name, strlen(METADATA), SIZE_MAX), value);
        return;
    }
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
        if (is_name(name, properties[i].header)) {
            if (i == 0)
                to->content_type = value;
            if (to->resource)
                cove__gcs_add_member(to->resource, properties[i].member, value);
            return;
        }
    }
    cove__buf_add_slice(to->headers, name);
    cove__buf_add_str(to->headers, ": ");
    cove__buf_add_slice(to->headers, value);
    cove__buf_add_char(to->headers, '\n');
}

static int first_rc(const struct cove__buf *a, const struct cove__buf *b)
{
    return cove__buf_rc(a) < 0 ? cove__buf_rc(a) : cove__buf_rc(b);
}

int cove__gcs_split_lines(struct cove__slice lines, struct cove__gcs_lines *to)
{
    struct cove__buf metadata = COVE__BUF_INIT(METADATA_MAX);

    while (lines.size > 0) {
        const uint8_t *end = memchr(lines.data, '\n', lines.size);
        size_t n = end ? (size_t)(end - lines.data) : lines.size;
        const uint8_t *colon = memchr(lines.data, ':', n);

        if (colon) {
            size_t name = (size_t)(colon - lines.data), value = name + 1;
            while (value < n && lines.data[value] == ' ')
                value++;
            split_line(to, cove__slice(lines.data, name), cove__slice(lines.data + value, n - value), &metadata);
        }
        lines = cove__slice_sub(lines, n + 1, SIZE_MAX);
    }
    if (metadata.size > 0 && to->resource) {
        if (to->resource->size > 0)
            cove__buf_add_char(to->resource, ',');
        cove__buf_addf(to->resource, "\"metadata\":{%s}", cove__buf_str(&metadata));
    }
    int rc = first_rc(&metadata, to->query);
    if (rc == 0)
        rc = to->resource ? first_rc(to->headers, to->resource) : cove__buf_rc(to->headers);
    cove__buf_done(&metadata);
    return rc;
}

/* ---- from a response ---- */

struct reader {
    const char *member;
    size_t n_member;
    struct cove__buf *lines;
    struct cove__buf hash; /* "crc32c=...,md5=..." */
};

static void add_line(struct cove__buf *lines, const char *prefix, const char *name, const char *value)
{
    cove__buf_addf(lines, "%s%s: ", prefix, name);
    for (; *value != '\0'; value++)
        cove__buf_add_char(lines, (unsigned char)*value < ' ' && *value != '\t' ? ' ' : *value);
    cove__buf_add_char(lines, '\n');
}

/* The path below the resource; NULL: outside of it. */
static const char *within(const struct reader *in, const char *path)
{
    if (in->n_member == 0)
        return path;
    return strncmp(path, in->member, in->n_member) == 0 && path[in->n_member] == '/' ? path + in->n_member + 1 : NULL;
}

/* What is compared and sent back has to be what it is called: as "not told" it would go unchecked. */
static bool is_malformed(const char *member, const char *text)
{
    uint32_t sum;

    if (strcmp(member, "generation") == 0)
        return !cove__gcs_is_generation(text);
    if (strcmp(member, "size") == 0)
        return cove__object_number(cove__slice_str(text)) < 0;
    return strcmp(member, "crc32c") == 0 && text[0] != '\0' && !cove__base64_to_be32(text, &sum);
}

static int take(void *user, const char *path, enum cove__json_type type, const char *text)
{
    static const struct {
        const char *member, *header;
    } others[] = {
        { "generation", "x-goog-generation" },
        { "metageneration", "x-goog-metageneration" },
        { "size", "x-goog-stored-content-length" },
        { "timeCreated", "x-goog-time-created" }, /* a line that only this file makes */
        { "updated", "last-modified" },
        { "etag", "etag" },
    };
    struct reader *in = user;
    const char *name = within(in, path);

    if (!name || type == COVE__JSON_NULL)
        return 0;
    if (is_malformed(name, text))
        return COVE_EINVAL;
    if (strncmp(name, "metadata/", strlen("metadata/")) == 0) {
        if (!strpbrk(name, ":\r\n"))
            add_line(in->lines, METADATA, name + strlen("metadata/"), text);
        return cove__buf_rc(in->lines);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strcmp(name, others[i].member) == 0)
            add_line(in->lines, "", others[i].header, text);
    }
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
        if (strcmp(name, properties[i].member) == 0)
            add_line(in->lines, "", properties[i].header, text);
    }
    if (strcmp(name, "kmsKeyName") == 0) {
        const char *version = strstr(text, KMS_VERSION);
        size_t n = version ? (size_t)(version - text) : strlen(text);
        cove__buf_addf(in->lines, "%s: %.*s\n", KMS_KEY, (int)n, text);
    }
    if (strcmp(name, "crc32c") == 0 || strcmp(name, "md5Hash") == 0)
        cove__buf_addf(&in->hash, "%s%s=%s", in->hash.size > 0 ? "," : "", name[0] == 'c' ? "crc32c" : "md5", text);
    return first_rc(in->lines, &in->hash);
}

int cove__gcs_resource_lines(struct cove__slice json, const char *member, struct cove__buf *ret_lines)
{
    static const struct cove__json_handler handler = { .value = take };
    struct reader in = {
        .member = member, .n_member = member ? strlen(member) : 0, .lines = ret_lines, .hash = COVE__BUF_INIT(256)
    };
    char why[160];

    int rc = cove__json_read(json, &handler, &in, why, sizeof why);
    if (rc == 0 && in.hash.size > 0)
        add_line(ret_lines, "", "x-goog-hash", cove__buf_str(&in.hash));
    cove__buf_done(&in.hash);
    return rc == 0 ? cove__buf_rc(ret_lines) : rc;
}
