/* What the sink answers to Google Cloud Storage's JSON API; what is not below its paths is the XML API. See sink.h. */
#include "sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/digest.h"

enum { PAGE_DEFAULT = 1000, PAGE_LIMIT = 5000, ITEM_MAX = 1024 };

static bool begins(const char *text, const char *prefix)
{
    return !strncmp(text, prefix, strlen(prefix));
}

static long parameter(const struct request *r, const char *name, long otherwise)
{
    const char *at = strstr(r->query, name);

    return at ? strtol(at + strlen(name), NULL, 10) : otherwise;
}

/* ---- resources ---- */

/* Of what a request wrote; its size and checksum where they are known. */
static int resource(int fd, int64_t size)
{
    char known[128] = "", sum[COVE__BASE64_SIZE(4)];

    if (size >= 0) {
        cove__base64_be32(sink_crc_of(size), sum);
        snprintf(known, sizeof(known), ",\"size\":\"%lld\",\"crc32c\":\"%s\"", (long long)size, sum);
    }
    return sink_respond(fd, "200 OK",
                        "{\"kind\":\"storage#object\",\"name\":\"out\",\"bucket\":\"bench\",\"generation\":\"1\","
                        "\"metageneration\":\"1\",\"contentType\":\"application/octet-stream\",\"storageClass\":"
                        "\"STANDARD\",\"timeCreated\":\"2024-01-01T00:00:00.000Z\",\"updated\":"
                        "\"2024-01-01T00:00:00.000Z\",\"etag\":\"CAE=\"%s}",
                        known);
}

/* The members of a listed item, in the order of the real store, which sends those that `fields` names. */
static const struct {
    const char *name, *format; /* of the number, which may stand there once or not at all */
} members[] = {
    { "kind", "\"storage#object\"" },
    { "id", "\"bench/listed/checkpoint-%08ld.bin/1700000000000000\"" },
    { "selfLink", "\"https://www.googleapis.com/storage/v1/b/bench/o/listed%%2Fcheckpoint-%08ld.bin\"" },
    { "mediaLink", "\"https://storage.googleapis.com/download/storage/v1/b/bench/o/"
                   "listed%%2Fcheckpoint-%08ld.bin?generation=1700000000000000&alt=media\"" },
    { "name", "\"listed/checkpoint-%08ld.bin\"" },
    { "bucket", "\"bench\"" },
    { "generation", "\"1700000000000000\"" },
    { "metageneration", "\"1\"" },
    { "contentType", "\"application/octet-stream\"" },
    { "storageClass", "\"STANDARD\"" },
    { "size", "\"16384\"" },
    { "md5Hash", "\"rL0Y20zC+Fzt72VPzMSk2A==\"" },
    { "crc32c", "\"z8SuHQ==\"" },
    { "etag", "\"CICAgICAgIADEAE=\"" },
    { "timeCreated", "\"2024-01-01T00:00:00.000Z\"" },
    { "updated", "\"2024-01-01T00:00:00.000Z\"" },
    { "timeStorageClassUpdated", "\"2024-01-01T00:00:00.000Z\"" },
    { "timeFinalized", "\"2024-01-01T00:00:00.000Z\"" },
};
enum { MEMBERS = sizeof(members) / sizeof(members[0]) };

static bool is_wanted(const char *fields, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = fields; at && (at = strstr(at, name)); at += length)
        if (strchr("(,/", at[-1]) && strchr(",)&", at[length]))
            return true;
    return !fields;
}

enum { DIGITS = 8, HOLES = 4 };

/* A listed item, made once for a page: what differs between items is the digits of their number. */
struct item {
    char text[ITEM_MAX];
    size_t size, holes[HOLES], n_holes; /* where the digits are */
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* of the table above */
static void make_item(const bool wanted[MEMBERS], struct item *ret)
{
    char *out = ret->text;
    size_t n = 0;

    ret->n_holes = 0;
    for (size_t i = 0; i < MEMBERS; i++) {
        if (!wanted[i])
            continue;
        n += (size_t)snprintf(out + n, ITEM_MAX - n, "%s\"%s\": ", n ? ",\n   " : "{\n   ", members[i].name);
        const char *hole = strstr(members[i].format, "%08ld");
        size_t before = n;
        n += (size_t)snprintf(out + n, ITEM_MAX - n, members[i].format, 0L);
        if (hole)
            ret->holes[ret->n_holes++] = (size_t)(strstr(out + before, "00000000") - out);
    }
    ret->size = n + (size_t)snprintf(out + n, ITEM_MAX - n, "\n  }");
}
#pragma GCC diagnostic pop

static void number_item(const struct item *item, char *out, long number)
{
    memcpy(out, item->text, item->size);
    for (size_t i = 0; i < item->n_holes; i++) {
        char *digit = out + item->holes[i] + DIGITS;
        for (long rest = number; rest > 0; rest /= 10)
            *--digit = (char)('0' + rest % 10);
    }
}

static int list(int fd, const struct request *r)
{
    const char *fields = strstr(r->query, "fields=");
    long limit = parameter(r, "maxResults=", PAGE_DEFAULT), from = parameter(r, "pageToken=", 0);
    long to = from + (limit > 0 && limit < PAGE_LIMIT ? limit : PAGE_LIMIT);
    bool wanted[MEMBERS], listed = strstr(r->query, "prefix=listed");
    struct item item;
    char *body = NULL;
    size_t room, n;
    int rc;

    if (!listed)
        return sink_respond(fd, "200 OK", "{\"kind\":\"storage#objects\"}");
    for (size_t i = 0; i < MEMBERS; i++)
        wanted[i] = is_wanted(fields, members[i].name);
    make_item(wanted, &item);
    to = to < sink_listed_keys ? to : sink_listed_keys;
    room = (size_t)(to - from + 1) * ITEM_MAX;
    body = malloc(room);
    if (!body)
        return -1;
    n = (size_t)snprintf(body, room, "{\n \"kind\": \"storage#objects\",\n");
    if (to < sink_listed_keys)
        n += (size_t)snprintf(body + n, room - n, " \"nextPageToken\": \"%ld\",\n", to);
    n += (size_t)snprintf(body + n, room - n, " \"items\": [");
    for (long i = from; i < to; i++) {
        n += (size_t)snprintf(body + n, room - n, "%s\n  ", i > from ? "," : "");
        number_item(&item, body + n, i);
        n += item.size;
    }
    n += (size_t)snprintf(body + n, room - n, "\n ]\n}\n");
    rc = sink_respond_long(fd, "application/json; charset=UTF-8", body, n);
    free(body);
    return rc;
}

/* ---- uploads ---- */

static int begin_session(int fd, const struct request *r)
{
    const char *host = sink_header(r, "Host");
    int length = host ? (int)strcspn(host, "\r") : 0;
    char location[256];

    snprintf(location, sizeof(location),
             "Location: http://%.*s/upload/storage/v1/b/bench/o?uploadType=resumable&upload_id=one\r\n",
             length < 64 ? length : 0, host ? host : "");
    return sink_respond_with(fd, "200 OK", location, "%s", "");
}

/* "bytes 0-99/100" ends an upload, as does "bytes *" "/100"; with "*" for the total, or a larger one, more follows. */
static int chunk(int fd, const struct request *r)
{
    const char *range = sink_header(r, "Content-Range"), *slash = range ? strchr(range, '/') : NULL;
    const char *dash = range ? strchr(range, '-') : NULL;
    long long last = dash && dash < slash ? strtoll(dash + 1, NULL, 10) : -1;
    long long total = slash && slash[1] != '*' ? strtoll(slash + 1, NULL, 10) : -1;
    char kept[64];

    if (!slash)
        return resource(fd, r->length);
    if (total >= 0 && (last < 0 || last + 1 == total))
        return resource(fd, total);
    snprintf(kept, sizeof(kept), "Range: bytes=0-%lld\r\n", last);
    return sink_respond_with(fd, "308 Resume Incomplete", last < 0 ? "" : kept, "%s", "");
}

/* ---- all of it ---- */

static int answer_json(int fd, const struct request *r)
{
    const char *object = strstr(r->path, "/o/");
    bool get = !strcmp(r->method, "GET");

    if (!strcmp(r->method, "DELETE"))
        return sink_respond(fd, "204 No Content", "%s", "");
    if (object && get && strstr(r->query, "alt=media"))
        return sink_send_object(fd, r, "");
    if (object)
        return resource(fd, sink_object_size);
    if (get && !strcmp(r->path + strlen(r->path) - 2, "/o"))
        return list(fd, r);
    if (get && strstr(r->path, "/storageLayout"))
        return sink_respond(fd, "200 OK",
                            "{\"kind\":\"storage#storageLayout\",\"bucket\":\"bench\",\"location\":\"US\","
                            "\"locationType\":\"multi-region\",\"hierarchicalNamespace\":{\"enabled\":false}}");
    return sink_respond(fd, "200 OK", "{\"kind\":\"storage#bucket\",\"name\":\"bench\"}");
}

int sink_answer_gcs(int fd, const struct request *r)
{
    if (begins(r->path, "/upload/storage/v1/")) {
        if (strstr(r->query, "upload_id="))
            return chunk(fd, r);
        return strstr(r->query, "uploadType=resumable") ? begin_session(fd, r) : resource(fd, -1);
    }
    if (begins(r->path, "/storage/v1/") || begins(r->path, "/download/storage/v1/"))
        return answer_json(fd, r);
    return sink_answer_s3(fd, r);
}
