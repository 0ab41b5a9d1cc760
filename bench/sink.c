/*
 * A server that costs almost nothing, so that what is measured beside it is the client: every object exists, has the
 * size given and is sent from the page cache; every body is thrown away in the kernel. It believes every signature and
 * token. For benchmarks on loopback only.
 *
 *   sink s3|gcs|azure BYTES [KEYS [DELAY_MS]]    prints its port, then serves until it is killed
 *
 * A listing below "listed/" has KEYS keys; each request is answered DELAY_MS after it arrived. A GET of /sink-requests
 * gives how many others have been answered so far.
 */
#include "sink.h"

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

#include "wire/crc.h"
#include "wire/crc64.h"
#include "wire/digest.h"

enum { HEAD_MAX = 64 << 10, RESPONSE_MAX = 2048, PATTERN = 16 << 20 };

#define DATE "Mon, 01 Jan 2024 00:00:00 GMT"

int64_t sink_object_size;
long sink_listed_keys;
bool sink_is_gcs;
static int (*answer)(int fd, const struct request *r); /* of the store's API; set once */
static useconds_t delay_us;                            /* before each answer; set once */
static int pattern_fd;                                 /* PATTERN bytes, which every object repeats; set once */
static char *pattern;                                  /* the same */
static uint32_t pattern_crc;
static char object_headers[256]; /* of Google's store, beside those of S3 */
static atomic_long answered;

struct connection {
    int fd;
    size_t used; /* bytes of `data` */
    char data[HEAD_MAX + 1];
};

int sink_send(int fd, const char *data, size_t length, int flags)
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

static int respond(int fd, const char *status, const char *headers, const char *format, va_list args)
{
    char body[RESPONSE_MAX], head[RESPONSE_MAX];
    int n, m;

    n = vsnprintf(body, sizeof(body), format, args);
    if (n < 0 || n >= RESPONSE_MAX)
        return -1;
    m = snprintf(head, sizeof(head), "HTTP/1.1 %s\r\nETag: " SINK_ETAG "\r\n%s%sContent-Length: %d\r\n\r\n", status,
                 body[0] == '{' ? "Content-Type: application/json\r\n" : "Content-Type: application/xml\r\n", headers,
                 n);
    return sink_send(fd, head, (size_t)m, n ? MSG_MORE : 0) < 0 ? -1 : sink_send(fd, body, (size_t)n, 0);
}

int sink_respond(int fd, const char *status, const char *format, ...)
{
    va_list args;
    int rc;

    va_start(args, format);
    rc = respond(fd, status, sink_is_gcs ? "x-goog-generation: 1\r\n" : "", format, args);
    va_end(args);
    return rc;
}

int sink_respond_with(int fd, const char *status, const char *headers, const char *format, ...)
{
    char all[RESPONSE_MAX / 2];
    va_list args;
    int rc;

    snprintf(all, sizeof(all), "%s%s", sink_is_gcs ? "x-goog-generation: 1\r\n" : "", headers);
    va_start(args, format);
    rc = respond(fd, status, all, format, args);
    va_end(args);
    return rc;
}

int sink_respond_long(int fd, const char *type, const char *body, size_t length)
{
    char head[256];
    int n = snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", type,
                     length);

    return sink_send(fd, head, (size_t)n, MSG_MORE) < 0 ? -1 : sink_send(fd, body, length, 0);
}

uint32_t sink_crc_of(int64_t length)
{
    uint32_t crc = 0;

    for (; length >= PATTERN; length -= PATTERN)
        crc = cove__crc32c_join(crc, pattern_crc, PATTERN);
    return cove__crc32c(crc, pattern, length > 0 ? (size_t)length : 0);
}

uint64_t sink_crc64_of(int64_t length)
{
    return cove__crc64nvme(0, pattern, (size_t)length);
}

void sink_hash(uint32_t crc, char *line, size_t size)
{
    char text[COVE__BASE64_SIZE(4)];

    cove__base64_be32(crc, text);
    snprintf(line, size, "x-goog-hash: crc32c=%s\r\n", text);
}

const char *sink_header(const struct request *r, const char *name)
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
    *last = sink_object_size - 1;
    if (!text)
        return 0;
    if (strncmp(text, "bytes=", 6))
        return -1;
    text += 6;
    if (*text == '-') {
        int64_t n = strtoll(text + 1, &end, 10);

        *first = n < sink_object_size ? sink_object_size - n : 0;
        return n > 0 ? 1 : -1;
    }
    *first = strtoll(text, &end, 10);
    if (*end != '-' || *first < 0 || *first >= sink_object_size)
        return -1;
    if (end[1] >= '0' && end[1] <= '9')
        *last = strtoll(end + 1, NULL, 10);
    if (*last >= sink_object_size)
        *last = sink_object_size - 1;
    return *last >= *first ? 1 : -1;
}

/* For the service of Azure its own header comes first. */
static const char *range_of(const struct request *r)
{
    const char *own = sink_header(r, "x-ms-range");

    return own ? own : sink_header(r, "Range");
}

int64_t sink_range_length(const struct request *r)
{
    int64_t first, last;

    return parse_range(range_of(r), &first, &last) < 0 ? 0 : last - first + 1;
}

int sink_send_object(int fd, const struct request *r, const char *headers)
{
    int64_t first, last, length;
    char head[RESPONSE_MAX], content_range[128] = "";
    int ranged = parse_range(range_of(r), &first, &last), n;

    if (ranged < 0)
        return sink_respond(fd, "416 Range Not Satisfiable", "<Error><Code>InvalidRange</Code></Error>");
    length = last - first + 1;
    if (ranged)
        snprintf(content_range, sizeof(content_range), "Content-Range: bytes %lld-%lld/%lld\r\n", (long long)first,
                 (long long)last, (long long)sink_object_size);
    n = snprintf(head, sizeof(head),
                 "HTTP/1.1 %s\r\nETag: " SINK_ETAG "\r\nLast-Modified: " DATE "\r\nAccept-Ranges: bytes\r\n"
                 "Content-Type: application/octet-stream\r\n%s%s%sContent-Length: %lld\r\n\r\n",
                 ranged ? "206 Partial Content" : "200 OK", object_headers, headers, content_range, (long long)length);
    if (!strcmp(r->method, "HEAD"))
        return sink_send(fd, head, (size_t)n, 0);
    if (sink_send(fd, head, (size_t)n, MSG_MORE) < 0)
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
    value = sink_header(r, "Content-Length");
    r->length = value ? strtoll(value, NULL, 10) : 0;
    value = sink_header(r, "Transfer-Encoding");
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
    if (sink_header(&r, "Expect") && sink_send(c->fd, "HTTP/1.1 100 Continue\r\n\r\n", 25, 0) < 0)
        goto out;
    if ((r.length < 0 ? discard_chunks(c) : discard(c, r.length)) < 0)
        goto out;
    if (delay_us && strcmp(r.path, "/sink-requests"))
        usleep(delay_us);
    if (!strcmp(r.path, "/sink-requests")) {
        rc = sink_respond(c->fd, "200 OK", "%ld", atomic_load(&answered));
    } else {
        atomic_fetch_add(&answered, 1);
        rc = answer(c->fd, &r);
    }
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
    ssize_t n = -1;

    pattern = malloc(PATTERN);
    pattern_fd = memfd_create("sink", MFD_CLOEXEC);
    if (pattern && pattern_fd >= 0) {
        memset(pattern, SINK_BYTE, PATTERN);
        pattern_crc = cove__crc32c(0, pattern, PATTERN);
        n = write(pattern_fd, pattern, PATTERN);
    }
    return n == PATTERN ? 0 : -1;
}

static void make_headers(void)
{
    char hash[64];

    if (!sink_is_gcs)
        return;
    sink_hash(sink_crc_of(sink_object_size), hash, sizeof(hash));
    snprintf(object_headers, sizeof(object_headers),
             "x-goog-generation: 1\r\nx-goog-metageneration: 1\r\nx-goog-stored-content-length: %lld\r\n"
             "x-goog-stored-content-encoding: identity\r\nx-goog-storage-class: STANDARD\r\n%s",
             (long long)sink_object_size, hash);
}

static const struct {
    const char *name;
    int (*answer)(int fd, const struct request *r);
} stores[] = { { "s3", sink_answer_s3 }, { "gcs", sink_answer_gcs }, { "azure", sink_answer_azure } };

int main(int argc, char **argv)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    for (size_t i = 0; argc >= 3 && argc <= 5 && i < sizeof(stores) / sizeof(stores[0]); i++)
        answer = strcmp(argv[1], stores[i].name) ? answer : stores[i].answer;
    sink_is_gcs = answer == sink_answer_gcs;
    if (answer)
        sink_object_size = strtoll(argv[2], NULL, 10);
    sink_listed_keys = argc >= 4 ? strtol(argv[3], NULL, 10) : 0;
    delay_us = argc == 5 ? (useconds_t)strtol(argv[4], NULL, 10) * 1000 : 0;
    if (sink_object_size <= 0) {
        fprintf(stderr, "usage: sink s3|gcs|azure|azure BYTES [KEYS [DELAY_MS]]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN); /* sendfile has no MSG_NOSIGNAL */
    if (listener < 0 || make_pattern() < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(listener, 128) < 0 || getsockname(listener, (struct sockaddr *)&address, &length) < 0) {
        perror("sink");
        return 1;
    }
    make_headers();
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    while (accept_one(listener) == 0)
        continue;
    perror("sink");
    return 1;
}
