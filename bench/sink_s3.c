/* What the sink answers to S3's API, which is also the XML API of Google Cloud Storage. See sink.h. */
#include "sink.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_KEYS = 1000, PAGE_MAX = 512 << 10, UPLOADS = 1024 };

#define XML "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define NS  " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""

static atomic_uint begun;
static _Atomic int64_t uploaded[UPLOADS]; /* bytes of the parts of an upload, by its id */

/* A page of the long listing, from the key that the continuation token counts to. */
static int list_page(int fd, long from)
{
    char *body = malloc(PAGE_MAX);
    long to = from + PAGE_KEYS < sink_listed_keys ? from + PAGE_KEYS : sink_listed_keys;
    int n, rc;

    if (!body)
        return -1;
    n = snprintf(body, PAGE_MAX, XML "<ListBucketResult" NS "><Name>bench</Name><KeyCount>%ld</KeyCount>", to - from);
    for (long i = from; i < to; i++)
        n += snprintf(body + n, PAGE_MAX - (size_t)n,
                      "<Contents><Key>listed/checkpoint-%08ld.bin</Key><LastModified>2024-01-01T00:00:00.000Z"
                      "</LastModified><ETag>&quot;9b2cf535f27731c974343645a3985328&quot;</ETag><Size>16384</Size>"
                      "<StorageClass>STANDARD</StorageClass></Contents>",
                      i);
    n += snprintf(body + n, PAGE_MAX - (size_t)n, "<IsTruncated>%s</IsTruncated>",
                  to < sink_listed_keys ? "true" : "false");
    if (to < sink_listed_keys)
        n += snprintf(body + n, PAGE_MAX - (size_t)n, "<NextContinuationToken>%ld</NextContinuationToken>", to);
    n += snprintf(body + n, PAGE_MAX - (size_t)n, "</ListBucketResult>");
    rc = sink_respond_long(fd, "application/xml", body, (size_t)n);
    free(body);
    return rc;
}

static int list(int fd, const struct request *r)
{
    const char *token = strstr(r->query, "continuation-token=");
    const char *prefix = strstr(r->query, "prefix=");
    int length = prefix ? (int)strcspn(prefix + 7, "&") : 0;

    if (length >= 6 && !strncmp(prefix + 7, "listed", 6))
        return list_page(fd, token ? strtol(token + 19, NULL, 10) : 0);
    if (!length || length > 256)
        return sink_respond(fd, "200 OK",
                            XML "<ListBucketResult" NS "><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated>"
                                "</ListBucketResult>");
    return sink_respond(
        fd, "200 OK",
        XML "<ListBucketResult" NS "><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated><Contents><Key>%.*s"
            "</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified><ETag>" SINK_ETAG "</ETag><Size>%lld</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>",
        length, prefix + 7, (long long)sink_object_size);
}

static int begin_upload(int fd)
{
    unsigned id = atomic_fetch_add(&begun, 1) % UPLOADS;

    atomic_store(&uploaded[id], 0);
    return sink_respond(fd, "200 OK",
                        XML "<InitiateMultipartUploadResult" NS "><Bucket>bench</Bucket><Key>out</Key><UploadId>%u"
                            "</UploadId></InitiateMultipartUploadResult>",
                        id);
}

static _Atomic int64_t *upload_of(const struct request *r)
{
    const char *id = strstr(r->query, "uploadId=");

    return id ? &uploaded[strtoul(id + strlen("uploadId="), NULL, 10) % UPLOADS] : NULL;
}

static int put(int fd, const struct request *r)
{
    _Atomic int64_t *upload = upload_of(r);

    if (upload)
        atomic_fetch_add(upload, r->length > 0 ? r->length : 0);
    return sink_respond(fd, "200 OK", "%s", "");
}

static int end_upload(int fd, const struct request *r)
{
    char head[256] = "";

    if (sink_is_gcs)
        sink_hash(sink_crc_of(atomic_load(upload_of(r))), head, sizeof(head));
    return sink_respond_with(fd, "200 OK", head,
                             XML "<CompleteMultipartUploadResult" NS
                                 "><Bucket>bench</Bucket><Key>out</Key><ETag>" SINK_ETAG
                                 "</ETag></CompleteMultipartUploadResult>");
}

int sink_answer_s3(int fd, const struct request *r)
{
    const char *key = r->path[0] ? strchr(r->path + 1, '/') : NULL;
    int is_object = key && key[1];

    if (!strcmp(r->method, "HEAD"))
        return is_object ? sink_send_object(fd, r, "") : sink_respond(fd, "200 OK", "%s", "");
    if (!strcmp(r->method, "GET") && is_object)
        return sink_send_object(fd, r, "");
    if (!strcmp(r->method, "GET") && strstr(r->query, "location"))
        return sink_respond(fd, "200 OK", XML "<LocationConstraint" NS "/>");
    if (!strcmp(r->method, "GET"))
        return list(fd, r);
    if (!strcmp(r->method, "PUT"))
        return put(fd, r);
    if (!strcmp(r->method, "DELETE"))
        return sink_respond(fd, "204 No Content", "%s", "");
    if (!strcmp(r->method, "POST") && strstr(r->query, "uploadId="))
        return end_upload(fd, r);
    if (!strcmp(r->method, "POST") && strstr(r->query, "uploads"))
        return begin_upload(fd);
    return sink_respond(fd, "501 Not Implemented", XML "<Error><Code>NotImplemented</Code></Error>");
}
