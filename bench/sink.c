/*
 * An S3 server that costs almost nothing, so that what is measured beside it is the client: every object exists, has
 * the size given and is sent from the page cache; every body is thrown away in the kernel. It believes every signature.
 * For benchmarks on loopback only.
 *
 *   sink BYTES [KEYS [DELAY_MS]]    prints its port, then serves until it is killed
 *
 * A listing below "listed/" has KEYS keys, in pages of 1,000; each request is answered DELAY_MS after it arrived. A GET
 * of /sink-requests gives how many others have been answered so far.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_MAX = 64 << 10, RESPONSE_MAX = 2048, PATTERN = 16 << 20, PAGE_KEYS = 1000, PAGE_MAX = 512 << 10 };

#define ETAG "\"9b2cf535f27731c974343645a3985328\""
#define XML  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define NS   " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""
#define DATE "Mon, 01 Jan 2024 00:00:00 GMT"

static int64_t object_size; /* of every object; set once */
static long listed_keys;    /* of the long listing; set once */
static useconds_t delay_us; /* before each answer; set once */
static int pattern_fd;      /* PATTERN bytes, which every object repeats; set once */
static atomic_long answered;

struct connection {
    int fd;
    size_t used; /* bytes of `data` */
    char data[HEAD_MAX + 1];
};

struct request {
    char *method, *path, *query; /* in the connection's data; query "" where there is none */
    char *headers;
    int64_t length; /* of the body, -1: chunked */
};

static int send_all(int fd, const char *data, size_t length, int flags)
{
    while (length) {
        ssize_t n = send(fd, data, length, MSG_NOSIGNAL | flags);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        data += n;
        length -= (size_t)n;
    }
    return 0;
}

__attribute__((format(printf, 3, 4))) static int response(int fd, const char *status, const char *format, ...)
{
    char body[RESPONSE_MAX], head[RESPONSE_MAX];
    va_list args;
    int n, m;

    va_start(args, format);
    n = vsnprintf(body, sizeof(body), format, args);
    va_end(args);
    if (n < 0 || n >= RESPONSE_MAX)
        return -1;
    m = snprintf(head, sizeof(head),
                 "HTTP/1.1 %s\r\nETag: " ETAG "\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n", status,
                 n);
    return send_all(fd, head, (size_t)m, n ? MSG_MORE : 0) < 0 ? -1 : send_all(fd, body, (size_t)n, 0);
}

/* The value of a header, up to its CRLF; NULL where it isn't sent. */
static const char *header(const struct request *r, const char *name)
{
    size_t length = strlen(name);

    for (const char *line = r->headers; line && *line; line = strstr(line, "\r\n")) {
        line += line[0] == '\r' ? 2 : 0;
        if (!strncasecmp(line, name, length) && line[length] == ':')
            return line + length + 1 + strspn(line + length + 1, " ");
    }
    return NULL;
}

/* More bytes behind those that are there: 0, or -1 at the end of the connection or of the room. */
static int receive(struct connection *c)
{
    ssize_t n = 0;

    if (c->used < HEAD_MAX)
        do
            n = recv(c->fd, c->data + c->used, HEAD_MAX - c->used, 0);
        while (n < 0 && errno == EINTR);
    if (n <= 0)
        return -1;
    c->used += (size_t)n;
    c->data[c->used] = 0;
    return 0;
}

static void consume(struct connection *c, size_t n)
{
    c->used -= n;
    memmove(c->data, c->data + n, c->used);
    c->data[c->used] = 0;
}

static int discard(struct connection *c, int64_t length)
{
    size_t here = (int64_t)c->used < length ? c->used : (size_t)length;

    consume(c, here);
    length -= (int64_t)here;
    while (length > 0) {
        /* On TCP, MSG_TRUNC drops the bytes where they are: nothing is copied. */
        ssize_t n = recv(c->fd, NULL, length < PATTERN ? (size_t)length : PATTERN, MSG_TRUNC);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        length -= n;
    }
    return 0;
}

/* A line of the chunked coding, its length with the CRLF; -1 at the end of the connection. */
static int line_length(struct connection *c)
{
    char *end;

    while (!(end = strstr(c->data, "\r\n")))
        if (receive(c) < 0)
            return -1;
    return (int)(end - c->data) + 2;
}

static int discard_chunks(struct connection *c)
{
    int64_t chunk;
    int n;

    do {
        n = line_length(c);
        chunk = n < 0 ? -1 : strtoll(c->data, NULL, 16);
        if (chunk < 0 || chunk > INT64_MAX / 2)
            return -1;
        consume(c, (size_t)n);
    } while (chunk && discard(c, chunk + 2) == 0);
    if (chunk)
        return -1;
    do { /* trailers, to the empty line */
        n = line_length(c);
        if (n < 0)
            return -1;
        consume(c, (size_t)n);
    } while (n > 2);
    return 0;
}

/* The first and last byte asked for: 1 for a range, 0 for the whole, -1 for what cannot be had. */
static int parse_range(const char *text, int64_t *first, int64_t *last)
{
    char *end;

    *first = 0;
    *last = object_size - 1;
    if (!text)
        return 0;
    if (strncmp(text, "bytes=", 6))
        return -1;
    text += 6;
    if (*text == '-') {
        int64_t n = strtoll(text + 1, &end, 10);

        *first = n < object_size ? object_size - n : 0;
        return n > 0 ? 1 : -1;
    }
    *first = strtoll(text, &end, 10);
    if (*end != '-' || *first < 0 || *first >= object_size)
        return -1;
    if (end[1] >= '0' && end[1] <= '9')
        *last = strtoll(end + 1, NULL, 10);
    if (*last >= object_size)
        *last = object_size - 1;
    return *last >= *first ? 1 : -1;
}

static int send_object(int fd, const struct request *r)
{
    int64_t first, last, length;
    char head[RESPONSE_MAX], content_range[128] = "";
    int ranged = parse_range(header(r, "Range"), &first, &last), n;

    if (ranged < 0)
        return response(fd, "416 Range Not Satisfiable", XML "<Error><Code>InvalidRange</Code></Error>");
    length = last - first + 1;
    if (ranged)
        snprintf(content_range, sizeof(content_range), "Content-Range: bytes %lld-%lld/%lld\r\n", (long long)first,
                 (long long)last, (long long)object_size);
    n = snprintf(head, sizeof(head),
                 "HTTP/1.1 %s\r\nETag: " ETAG "\r\nLast-Modified: " DATE "\r\nAccept-Ranges: bytes\r\n"
                 "Content-Type: application/octet-stream\r\n%sContent-Length: %lld\r\n\r\n",
                 ranged ? "206 Partial Content" : "200 OK", content_range, (long long)length);
    if (!strcmp(r->method, "HEAD"))
        return send_all(fd, head, (size_t)n, 0);
    if (send_all(fd, head, (size_t)n, MSG_MORE) < 0)
        return -1;
    while (length > 0) {
        off_t at = first % PATTERN;
        size_t room = (size_t)(PATTERN - at);
        ssize_t sent = sendfile(fd, pattern_fd, &at, (int64_t)room < length ? room : (size_t)length);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return -1;
        first += sent;
        length -= sent;
    }
    return 0;
}

/* A page of the long listing, from the key that the continuation token counts to. */
static int list_page(int fd, long from)
{
    char *body = malloc(PAGE_MAX), head[256];
    long to = from + PAGE_KEYS < listed_keys ? from + PAGE_KEYS : listed_keys;
    int n, m, rc;

    if (!body)
        return -1;
    n = snprintf(body, PAGE_MAX, XML "<ListBucketResult" NS "><Name>bench</Name><KeyCount>%ld</KeyCount>", to - from);
    for (long i = from; i < to; i++)
        n += snprintf(body + n, PAGE_MAX - (size_t)n,
                      "<Contents><Key>listed/checkpoint-%08ld.bin</Key><LastModified>2024-01-01T00:00:00.000Z"
                      "</LastModified><ETag>&quot;9b2cf535f27731c974343645a3985328&quot;</ETag><Size>16384</Size>"
                      "<StorageClass>STANDARD</StorageClass></Contents>",
                      i);
    n += snprintf(body + n, PAGE_MAX - (size_t)n, "<IsTruncated>%s</IsTruncated>", to < listed_keys ? "true" : "false");
    if (to < listed_keys)
        n += snprintf(body + n, PAGE_MAX - (size_t)n, "<NextContinuationToken>%ld</NextContinuationToken>", to);
    n += snprintf(body + n, PAGE_MAX - (size_t)n, "</ListBucketResult>");
    m = snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n",
                 n);
    rc = send_all(fd, head, (size_t)m, MSG_MORE) < 0 ? -1 : send_all(fd, body, (size_t)n, 0);
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
        return response(fd, "200 OK",
                        XML "<ListBucketResult" NS "><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated>"
                            "</ListBucketResult>");
    return response(fd, "200 OK",
                    XML
                    "<ListBucketResult" NS "><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated><Contents><Key>%.*s"
                    "</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified><ETag>" ETAG "</ETag><Size>%lld</Size>"
                    "<StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>",
                    length, prefix + 7, (long long)object_size);
}

static int answer(int fd, const struct request *r)
{
    const char *key = r->path[0] ? strchr(r->path + 1, '/') : NULL;
    int is_object = key && key[1];

    if (!strcmp(r->path, "/sink-requests"))
        return response(fd, "200 OK", "%ld", atomic_load(&answered));
    atomic_fetch_add(&answered, 1);
    if (!strcmp(r->method, "HEAD"))
        return is_object ? send_object(fd, r) : response(fd, "200 OK", "%s", "");
    if (!strcmp(r->method, "GET") && is_object)
        return send_object(fd, r);
    if (!strcmp(r->method, "GET") && strstr(r->query, "location"))
        return response(fd, "200 OK", XML "<LocationConstraint" NS "/>");
    if (!strcmp(r->method, "GET"))
        return list(fd, r);
    if (!strcmp(r->method, "PUT"))
        return response(fd, "200 OK", "%s", "");
    if (!strcmp(r->method, "DELETE"))
        return response(fd, "204 No Content", "%s", "");
    if (!strcmp(r->method, "POST") && strstr(r->query, "uploadId="))
        return response(fd, "200 OK",
                        XML "<CompleteMultipartUploadResult" NS "><Bucket>bench</Bucket><Key>out</Key><ETag>" ETAG
                            "</ETag></CompleteMultipartUploadResult>");
    if (!strcmp(r->method, "POST") && strstr(r->query, "uploads"))
        return response(fd, "200 OK",
                        XML "<InitiateMultipartUploadResult" NS
                            "><Bucket>bench</Bucket><Key>out</Key><UploadId>one</UploadId>"
                            "</InitiateMultipartUploadResult>");
    return response(fd, "501 Not Implemented", XML "<Error><Code>NotImplemented</Code></Error>");
}

/* Cuts the head, of `length` bytes with its empty line, into `r`; the strings stay in `head`. */
static int parse_head(char *head, size_t length, struct request *r)
{
    const char *value;
    char *target, *end = strstr(head, "\r\n");

    head[length - 2] = 0;
    *end = 0;
    r->headers = end + 2;
    r->method = head;
    target = strchr(head, ' ');
    if (!target)
        return -1;
    *target++ = 0;
    end = strchr(target, ' ');
    if (!end)
        return -1;
    *end = 0;
    r->path = target;
    r->query = strchr(target, '?');
    if (r->query)
        *r->query++ = 0;
    else
        r->query = end;
    value = header(r, "Content-Length");
    r->length = value ? strtoll(value, NULL, 10) : 0;
    value = header(r, "Transfer-Encoding");
    if (value && !strncasecmp(value, "chunked", 7))
        r->length = -1;
    return 0;
}

static int serve_one(struct connection *c)
{
    struct request r;
    size_t length;
    char *end, *head;
    int rc = -1;

    while (!(end = strstr(c->data, "\r\n\r\n")))
        if (receive(c) < 0)
            return -1;
    length = (size_t)(end - c->data) + 4;
    head = strndup(c->data, length);
    if (!head)
        return -1;
    consume(c, length);
    if (parse_head(head, length, &r) < 0)
        goto out;
    if (header(&r, "Expect") && send_all(c->fd, "HTTP/1.1 100 Continue\r\n\r\n", 25, 0) < 0)
        goto out;
    if ((r.length < 0 ? discard_chunks(c) : discard(c, r.length)) < 0)
        goto out;
    if (delay_us && strcmp(r.path, "/sink-requests"))
        usleep(delay_us);
    rc = answer(c->fd, &r);
out:
    free(head);
    return rc;
}

static void *serve(void *user)
{
    struct connection *c = user;

    while (serve_one(c) == 0)
        continue;
    close(c->fd);
    free(c);
    return NULL;
}

static int accept_one(int listener)
{
    struct connection *c = NULL;
    pthread_t thread;
    int on = 1, fd = accept(listener, NULL, NULL);

    if (fd < 0)
        return errno == EINTR || errno == ECONNABORTED ? 0 : -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    c = calloc(1, sizeof(*c));
    if (!c)
        goto fail;
    c->fd = fd;
    if (pthread_create(&thread, NULL, serve, c))
        goto fail;
    pthread_detach(thread);
    return 0;
fail:
    free(c);
    close(fd);
    return -1;
}

static int make_pattern(void)
{
    char *data = malloc(PATTERN);
    ssize_t n = -1;

    pattern_fd = memfd_create("sink", MFD_CLOEXEC);
    if (data && pattern_fd >= 0) {
        for (size_t i = 0; i < PATTERN; i++)
            data[i] = (char)(i * 2654435761u >> 24);
        n = write(pattern_fd, data, PATTERN);
    }
    free(data);
    return n == PATTERN ? 0 : -1;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    object_size = argc >= 2 && argc <= 4 ? strtoll(argv[1], NULL, 10) : 0;
    listed_keys = argc >= 3 ? strtol(argv[2], NULL, 10) : 0;
    delay_us = argc == 4 ? (useconds_t)strtol(argv[3], NULL, 10) * 1000 : 0;
    if (object_size <= 0) {
        fprintf(stderr, "usage: sink BYTES [KEYS [DELAY_MS]]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN); /* sendfile has no MSG_NOSIGNAL */
    if (listener < 0 || make_pattern() < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(listener, 128) < 0 || getsockname(listener, (struct sockaddr *)&address, &length) < 0) {
        perror("sink");
        return 1;
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    while (accept_one(listener) == 0)
        continue;
    perror("sink");
    return 1;
}
