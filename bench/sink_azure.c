/* What the sink answers to the Blob service of Azure, with the account in the path. See sink.h. */
#include "sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/digest.h"

#define DATE   "Mon, 01 Jan 2024 00:00:00 GMT"
#define COMMON "x-ms-request-id: 1\r\nx-ms-version: 2023-11-03\r\nDate: " DATE "\r\n"

enum { PAGE = 5000, ENTRY_MAX = 1024 };

/* A listed blob as the service lists it. */
#define ENTRY                                                                                                          \
    "<Blob><Name>listed/checkpoint-%08ld.bin</Name><Properties><Creation-Time>" DATE                                   \
    "</Creation-Time><Last-Modified>" DATE                                                                             \
    "</Last-Modified><Etag>0x8D4BCC2E4835CD0</Etag><Content-Length>16384</Content-Length><Content-Type>"               \
    "application/octet-stream</Content-Type><Content-Encoding /><Content-Language /><Content-CRC64 /><Content-MD5>"    \
    "rL0Y20zC+Fzt72VPzMSk2A==</Content-MD5><Cache-Control /><Content-Disposition /><BlobType>BlockBlob</BlobType>"     \
    "<AccessTier>Hot</AccessTier><AccessTierInferred>true</AccessTierInferred><LeaseStatus>unlocked</LeaseStatus>"     \
    "<LeaseState>available</LeaseState><ServerEncrypted>true</ServerEncrypted></Properties><OrMetadata /></Blob>"

static bool asks(const struct request *r, const char *pair)
{
    return !!strstr(r->query, pair);
}

static int list(int fd, const struct request *r)
{
    const char *marker = strstr(r->query, "marker="), *limit = strstr(r->query, "maxresults=");
    long from = marker ? strtol(marker + strlen("marker="), NULL, 10) : 0;
    long most = limit ? strtol(limit + strlen("maxresults="), NULL, 10) : PAGE;
    long to = from + (most > 0 && most < PAGE ? most : PAGE), end = asks(r, "prefix=listed") ? sink_listed_keys : 0;
    char *body;
    size_t room, n;
    int rc;

    to = to < end ? to : end;
    room = (size_t)(to > from ? to - from + 1 : 1) * ENTRY_MAX;
    body = malloc(room);
    if (!body)
        return -1;
    n = (size_t)snprintf(
        body, room,
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ServiceEndpoint=\"http://sink/\" "
        "ContainerName=\"bench\"><Prefix>listed/</Prefix><Blobs>");
    for (long i = from; i < to; i++)
        n += (size_t)snprintf(body + n, room - n, ENTRY, i);
    n += (size_t)snprintf(body + n, room - n, "</Blobs>");
    n += to < end ? (size_t)snprintf(body + n, room - n, "<NextMarker>%ld</NextMarker>", to)
                  : (size_t)snprintf(body + n, room - n, "<NextMarker />");
    n += (size_t)snprintf(body + n, room - n, "</EnumerationResults>");
    rc = sink_respond_long(fd, "application/xml", body, n);
    free(body);
    return rc;
}

/* As the service sends it: the CRC64 of a range, where it is asked for, in little-endian order. */
static int send_blob(int fd, const struct request *r)
{
    char headers[512], text[COVE__BASE64_SIZE(8)];
    int n = snprintf(headers, sizeof(headers),
                     COMMON "x-ms-blob-type: BlockBlob\r\nx-ms-creation-time: " DATE "\r\nx-ms-lease-state: available"
                            "\r\nx-ms-lease-status: unlocked\r\nx-ms-server-encrypted: true\r\n");

    if (sink_header(r, "x-ms-range-get-content-crc64")) {
        cove__base64_le64(sink_crc64_of(sink_range_length(r)), text);
        snprintf(headers + n, sizeof(headers) - (size_t)n, "x-ms-content-crc64: %s\r\n", text);
    }
    return sink_send_object(fd, r, headers);
}

static int made(int fd)
{
    return sink_respond_with(fd, "201 Created",
                             COMMON "Last-Modified: " DATE "\r\nx-ms-request-server-encrypted: true\r\n", "%s", "");
}

int sink_answer_azure(int fd, const struct request *r)
{
    bool reads = !strcmp(r->method, "GET") || !strcmp(r->method, "HEAD");
    const char *end = strrchr(r->path, '/');

    if (asks(r, "comp=list&") || (strlen(r->query) >= 9 && !strcmp(r->query + strlen(r->query) - 9, "comp=list")))
        return list(fd, r);
    if (reads && asks(r, "restype="))
        return sink_respond_with(fd, "200 OK", COMMON "Last-Modified: " DATE "\r\nx-ms-lease-state: available\r\n",
                                 "%s", "");
    if (reads && end && !strcmp(end, "/listed")) /* a directory: adlfs asks whether it is a blob */
        return sink_respond_with(fd, "404 Not Found", COMMON "x-ms-error-code: BlobNotFound\r\n", "%s", "");
    if (reads)
        return send_blob(fd, r);
    return made(fd);
}
