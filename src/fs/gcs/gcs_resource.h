/*
 * Objects as the JSON API has them (https://cloud.google.com/storage/docs/json_api/v1/objects#resource). The engine
 * speaks of an object in header lines, under the names of the XML API; here they become a resource and the query's
 * parameters, and a resource in a response becomes lines again. Pure.
 */
#ifndef COVE_FS_GCS_RESOURCE_H
#define COVE_FS_GCS_RESOURCE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

/* What makes the object that is described. */
enum cove__gcs_made_by { COVE__GCS_BY_BYTES, COVE__GCS_BY_COMPOSE, COVE__GCS_BY_REWRITE };

/* Where a line of a request goes. */
struct cove__gcs_lines {
    struct cove__buf *query;   /* conditions, and what else the API has as parameters */
    struct cove__buf *headers; /* what stays a header: ranges, a customer's key */
    struct cove__buf
        *resource; /* members of a JSON object, without its braces; NULL: lines that describe are left out */
    enum cove__gcs_made_by made_by;  /* beside a source, parameters of the new object may have longer names */
    struct cove__slice content_type; /* set: the line's value; empty: there is none. BORROWED from the lines */
};
/* Splits "Name: value\n" lines. What is added to a buf that already holds something is separated from it. 0,
 * COVE_ENOMEM, COVE_ELIMIT. */
int cove__gcs_split_lines(struct cove__slice lines, struct cove__gcs_lines *to);
/* Adds "name":"text" to the members of a JSON object. */
int cove__gcs_add_member(struct cove__buf *members, const char *name, struct cove__slice text);

/* Adds the lines that describe the object of the resource: "x-goog-generation: 5\n", "x-goog-meta-name: value\n". A
 * control character in a value, which no line can hold, becomes a space. `member`: where in the document the resource
 * is ("resource"); NULL: it is the document. 0, COVE_EINVAL (no JSON, or a generation, size or CRC32C that is none),
 * COVE_ENOMEM, COVE_ELIMIT. */
int cove__gcs_resource_lines(struct cove__slice json, const char *member, struct cove__buf *ret_lines);

/* What is asked of a resource: the members that become lines. */
#define COVE__GCS_FIELDS                                                                                               \
    "generation,metageneration,size,timeCreated,updated,crc32c,md5Hash,contentType,contentEncoding,"                   \
    "contentDisposition,"                                                                                              \
    "contentLanguage,cacheControl,customTime,etag,storageClass,kmsKeyName,metadata"

#endif
