/*
 * One attempt of one request on one curl handle: settings, callbacks, the place where bytes land. Started and stopped
 * by http.c, driven by the loop's multi handle.
 */
#include "net/loop.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "net/header.h"
#include "net/watch.h"
#include "wire/crc.h"

#define RESPONSE_MAX_DEFAULT ((size_t)64 << 10)
#define HEADERS_MAX          ((int64_t)256 << 10)
#define RECEIVE_BUFFER_MAX   ((long)512 << 10)
#define RECEIVE_BUFFER_MIN   ((long)32 << 10) /* a small object and its head in one go */
#define JOINED_MAX           ((size_t)64 << 10)
#define SEND_BUFFER          ((long)512 << 10)
#define POPULATE_MIN         ((size_t)128 << 10) /* below, faults cost as little */
#define POPULATE_STEP        ((size_t)512 << 10) /* what is near enough to be in the cache when the bytes come */
#define KEEPALIVE_SEC        30L

static size_t stop(struct cove__http_state *st, int rc)
{
    st->local_rc = rc;
    return 0; /* another count than curl gave ends the transfer */
}

static size_t refuse(struct cove__http_state *st, const char *why)
{
    st->malformed = why;
    return stop(st, COVE_EPROTOCOL);
}

/* Keeps the lines of the last response. */
static size_t on_header(char *data, size_t size, size_t count, void *user)
{
    struct cove__http_state *st = user;
    size_t n = size * count;
    int64_t length;

    st->header_bytes += (int64_t)n;
    if (st->header_bytes > HEADERS_MAX)
        return stop(st, COVE_ELIMIT);
    if (n >= 5 && memcmp(data, "HTTP/", 5) == 0)
        st->head_ended = false;
    else if (n > 0 && (data[0] == '\r' || data[0] == '\n'))
        st->head_ended = true;
    int rc = cove__header_add(&st->r->response_headers, cove__slice(data, n));
    if (rc < 0)
        return stop(st, rc);
    if (st->head_ended && cove__header_content_length(cove__buf_slice(&st->r->response_headers), &length) < 0)
        return refuse(st, "its Content-Length is invalid or ambiguous");
    return n;
}

static size_t into_response(struct cove__http_state *st, const char *data, size_t n, bool wanted)
{
    struct cove__buf *out = &st->r->response;
    size_t keep = n;

    if (wanted && st->r->head_suffices && n > out->max - out->size)
        return 0; /* ends the transfer, without a failure of ours: it may be of any length */
    if (!wanted && keep > out->max - out->size)
        keep = out->max - out->size; /* the first part of an error's body is enough */
    if (cove__buf_add(out, data, keep) < 0)
        return stop(st, cove__buf_rc(out));
    st->r->received += (int64_t)n;
    return n;
}

/* Before `n` bytes go to `dst`, which is often memory that was not touched yet: its pages, a stretch at a time. */
static void populate(struct cove__http_state *st, uint8_t *dst, size_t n)
{
    uint8_t *end = st->r->dst + st->r->dst_size;

    if (st->r->dst_size < POPULATE_MIN)
        return;
    if (!st->populated)
        st->populated = dst;
    while (st->populated < dst + n) {
        size_t left = (size_t)(end - st->populated), step = left < POPULATE_STEP ? left : POPULATE_STEP;
        cove__mem_populate(st->populated, step);
        st->populated += step;
    }
}

/* Of `n` bytes that have just been copied, behind `before` others at dst. Those may be fewer than were there at the
 * last attempt. */
static void add_checksum(struct cove__http_request *r, int64_t before, size_t n)
{
    if (r->crc32c_size != before)
        r->crc32c = cove__crc32c(0, r->dst, (size_t)before);
    r->crc32c = cove__crc32c(r->crc32c, r->dst + before, n);
    r->crc32c_size = before + (int64_t)n;
}

uint32_t cove__http_crc32c(const struct cove__http_request *r)
{
    int64_t size = r->kept + r->received;
    return r->crc32c_size == size ? r->crc32c : cove__crc32c(0, r->dst, (size_t)size);
}

/* "Warning: 214 …": the body is not as it is stored (RFC 7234, section 5.5.6). */
static bool is_transformed(const struct cove__http_request *r)
{
    char warning[256];

    return cove__header_find(cove__buf_slice(&r->response_headers), "warning", warning, sizeof warning) &&
           strncmp(warning, "214", 3) == 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    struct cove__http_state *st = user;
    struct cove__http_request *r = st->r;
    size_t n = size * count;
    long status = 0;

    if (n == 0)
        return 0;
    curl_easy_getinfo(st->easy, CURLINFO_RESPONSE_CODE, &status);
    bool wanted = status >= 200 && status < 300;
    if (!wanted || !r->dst)
        return into_response(st, data, n, wanted);
    uint8_t *dst = r->dst + r->kept + r->received;
    if (n > (size_t)(r->dst + r->dst_size - dst)) {
        st->decompressed = is_transformed(r);
        return refuse(st, st->decompressed ? "it was decompressed on the way: a server or proxy ignores Accept-Encoding"
                                           : "it is longer than the requested range");
    }
    populate(st, dst, n);
    memcpy(dst, data, n);
    if (r->wants_crc32c)
        add_checksum(r, r->kept + r->received, n);
    r->received += (int64_t)n;
    return n;
}

#if LIBCURL_VERSION_NUM >= 0x075000
#define SEES_SENDS true

static int on_send(void *user, char *to, char *from, int to_port, int from_port)
{
    struct cove__http_state *st = user;

    if (st->r->sent_once && st->r->sends != st->sends_before)
        return CURL_PREREQFUNC_ABORT;
    st->r->sends++;
    return CURL_PREREQFUNC_OK;
}
#else
#define SEES_SENDS false
#endif

/* The system's file of authorities: where this libcurl looks, or, where it came along from a system that has
 * them elsewhere (in a Python wheel), where others keep them. NULL: in none of these places. With a file alone, curl
 * keeps the parsed certificates between connections; with a folder beside it (Debian's default) it parses them for each
 * one. */
static const char *system_ca_file(void)
{
    static const char *const places[] = { "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                          "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem" };
    const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);

    if (v->age >= CURLVERSION_SEVENTH && v->cainfo && access(v->cainfo, R_OK) == 0)
        return v->cainfo;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (access(places[i], R_OK) == 0)
            return places[i];
    }
    return NULL;
}

/* What all requests of one client share. */
static void set_client(CURL *easy, const struct cove__http *http, struct cove__loop *loop)
{
    const struct cove__http_config *c = &http->config;

    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L); /* "a/../b" is a key */
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* do not wait for a name's resolution when a request is given up */
#endif
    curl_easy_setopt(easy, CURLOPT_SHARE, cove__loop_share(loop));
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, cove__watch_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, cove__loop_watch(loop));
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, cove__watch_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, cove__loop_watch(loop));
    curl_easy_setopt(easy, CURLOPT_RESOLVER_START_FUNCTION, cove__loop_resolves);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_SEC);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_SEC);
    curl_easy_setopt(easy, CURLOPT_DNS_SHUFFLE_ADDRESSES, 1L);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, SEND_BUFFER);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)c->connect_timeout_ms);
    if (c->user_agent)
        curl_easy_setopt(easy, CURLOPT_USERAGENT, c->user_agent);
    if (c->proxy)
        curl_easy_setopt(easy, CURLOPT_PROXY, c->proxy);

    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, c->verify_tls ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, c->verify_tls ? 2L : 0L);
    const char *ca_file = c->ca_file, *ca_path = c->ca_path;
    if (!ca_file && !ca_path)
        ca_file = system_ca_file();
    if (ca_file || ca_path) { /* else libcurl's own places */
        curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, ca_path);
    }

    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
#if LIBCURL_VERSION_NUM >= 0x075000
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_send);
#endif
}

/* ---- a body in pieces ---- */

static size_t body_size(const struct cove__http_request *r)
{
    return r->body_before.size + r->body.size + r->body_after.size;
}

/* Copies what follows the first `at` bytes of the body, at most `n` bytes. */
static size_t copy_body(const struct cove__http_request *r, size_t at, char *to, size_t n)
{
    const struct cove__slice pieces[] = { r->body_before, r->body, r->body_after };
    size_t copied = 0;

    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        if (at >= pieces[i].size) {
            at -= pieces[i].size;
            continue;
        }
        struct cove__slice rest = cove__slice_sub(pieces[i], at, n - copied);
        if (rest.size > 0)
            memcpy(to + copied, rest.data, rest.size);
        copied += rest.size;
        at = 0;
    }
    return copied;
}

static size_t on_send_body(char *to, size_t size, size_t count, void *user)
{
    struct cove__http_state *st = user;
    size_t n = copy_body(st->r, st->sent, to, size * count);

    st->sent += n;
    return n;
}

/* Before curl sends the body again. */
static int on_rewind(void *user, curl_off_t offset, int origin)
{
    struct cove__http_state *st = user;

    if (origin != SEEK_SET || offset < 0)
        return CURL_SEEKFUNC_CANTSEEK;
    st->sent = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

/* With the body as POST's fields curl reads that memory itself, rewinds, and sends a small body with the headers. */
static void set_whole(CURL *easy, struct cove__slice body)
{
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.size > 0 ? (const char *)body.data : "");
}

/* What a callback gives goes out after the headers, apart. So small pieces are joined. */
static int set_joined(CURL *easy, struct cove__http_state *st)
{
    size_t n = body_size(st->r);

    st->joined = cove__malloc(n);
    if (!st->joined)
        return COVE_ENOMEM;
    copy_body(st->r, 0, st->joined, n);
    set_whole(easy, cove__slice(st->joined, n));
    return 0;
}

static void set_pieces(CURL *easy, struct cove__http_state *st)
{
    st->sent = 0;
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_send_body);
    curl_easy_setopt(easy, CURLOPT_READDATA, st);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_rewind);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, st);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body_size(st->r));
}

static int set_method(CURL *easy, struct cove__http_state *st)
{
    const struct cove__http_request *r = st->r;

    /* Each of these undoes the ones before, as a pooled handle needs. */
    if (strcmp(r->method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
        return 0;
    }
    if (!r->has_body) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 0L);
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
        return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, strcmp(r->method, "GET") == 0 ? NULL : r->method);
    }
    curl_easy_setopt(easy, CURLOPT_NOBODY, 0L);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    if (r->body_before.size == 0 && r->body_after.size == 0)
        set_whole(easy, r->body);
    else if (body_size(r) > JOINED_MAX)
        set_pieces(easy, st);
    else if (set_joined(easy, st) < 0)
        return COVE_ENOMEM;
    return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, strcmp(r->method, "POST") == 0 ? NULL : r->method);
}

static int add_line(struct cove__http_state *st, const char *line)
{
    struct curl_slist *more = curl_slist_append(st->lines, line);
    if (!more)
        return COVE_ENOMEM;
    st->lines = more;
    return 0;
}

/* One line, ended by a NUL. For a header without a value curl expects "Name;"; "Name:" would remove the header. */
static int add_header(struct cove__http_state *st, char *line)
{
    char *colon = strchr(line, ':');
    bool empty = colon && colon[1 + strspn(colon + 1, " ")] == '\0';

    if (!empty)
        return add_line(st, line);
    char next = colon[1];
    memcpy(colon, ";", 2);
    int rc = add_line(st, line);
    colon[0] = ':';
    colon[1] = next;
    return rc;
}

static int set_lines(struct cove__http_state *st)
{
    struct cove__buf *headers = &st->r->headers;
    bool content_type = false;

    for (size_t at = 0; at < headers->size;) {
        char *line = (char *)headers->data + at;
        char *end = memchr(line, '\n', headers->size - at);
        if (!end)
            break;
        *end = '\0';
        content_type |= strncasecmp(line, "content-type:", 13) == 0;
        int rc = add_header(st, line);
        *end = '\n';
        if (rc < 0)
            return rc;
        at = (size_t)(end - (char *)headers->data) + 1;
    }
    /* What curl would add. */
    if (add_line(st, "Accept:") < 0 || (st->r->has_body && add_line(st, "Expect:") < 0) ||
        (st->r->has_body && !content_type && add_line(st, "Content-Type:") < 0))
        return COVE_ENOMEM;
    return 0;
}

static long receive_buffer(const struct cove__http_request *r)
{
    if (!r->dst || r->dst_size < (size_t)RECEIVE_BUFFER_MIN)
        return RECEIVE_BUFFER_MIN;
    return r->dst_size < (size_t)RECEIVE_BUFFER_MAX ? (long)r->dst_size : RECEIVE_BUFFER_MAX;
}

int cove__transfer_start(struct cove__http_state *st, struct cove_error *err)
{
    struct cove__http_request *r = st->r;
    bool prepared;

    st->local_rc = 0;
    st->lacking = 0;
    st->populated = NULL;
    st->malformed = NULL;
    st->decompressed = false;
    st->head_ended = false;
    st->header_bytes = 0;
    st->curl_error[0] = '\0';
    st->sends_before = r->sends;
    r->status = 0;
    r->received = 0;
    cove__buf_reset(&r->response);
    cove__buf_reset(&r->response_headers);
    r->response.max = r->response_max ? r->response_max : RESPONSE_MAX_DEFAULT;
    st->started_ns = st->progress_ns = cove__now_ns();
    st->progress_mark = st->answer_mark = 0;

    st->easy = cove__loop_easy_get(st->loop, r->http->serial, &prepared);
    if (!st->easy)
        return cove__fail_nomem(err, "a request");
    if (!prepared)
        set_client(st->easy, r->http, st->loop);
    if (set_lines(st) < 0)
        return cove__fail_nomem(err, "a request");
    curl_easy_setopt(st->easy, CURLOPT_HEADERDATA, st);
    curl_easy_setopt(st->easy, CURLOPT_WRITEDATA, st);
#if LIBCURL_VERSION_NUM >= 0x075000
    curl_easy_setopt(st->easy, CURLOPT_PREREQDATA, st);
#else
    r->sends++;
#endif
    curl_easy_setopt(st->easy, CURLOPT_PRIVATE, st);
    curl_easy_setopt(st->easy, CURLOPT_ERRORBUFFER, st->curl_error);
    curl_easy_setopt(st->easy, CURLOPT_BUFFERSIZE, receive_buffer(r));
    /* On a pooled connection that the server had closed meanwhile, libcurl sends a request again. */
    bool alone = !r->repeatable || (r->sent_once && !SEES_SENDS);
    curl_easy_setopt(st->easy, CURLOPT_FRESH_CONNECT, st->fresh || alone ? 1L : 0L);
    if (curl_easy_setopt(st->easy, CURLOPT_URL, cove__buf_str(&r->url)) != CURLE_OK ||
        curl_easy_setopt(st->easy, CURLOPT_HTTPHEADER, st->lines) != CURLE_OK || set_method(st->easy, st) != 0 ||
        curl_multi_add_handle(cove__loop_multi(st->loop), st->easy) != CURLM_OK)
        return cove__fail_nomem(err, "a request");
    return 0;
}

void cove__transfer_stop(struct cove__http_state *st)
{
    if (st->easy) {
        curl_multi_remove_handle(cove__loop_multi(st->loop), st->easy);
        curl_easy_setopt(st->easy, CURLOPT_HTTPHEADER, NULL);
        curl_easy_setopt(st->easy, CURLOPT_ERRORBUFFER, NULL);
        cove__loop_easy_put(st->loop, st->easy, st->r->http->serial);
        st->easy = NULL;
    }
    for (struct curl_slist *line = st->lines; line; line = line->next)
        explicit_bzero(line->data, strlen(line->data));
    curl_slist_free_all(st->lines);
    st->lines = NULL;
    cove__free(st->joined);
    st->joined = NULL;
}

int64_t cove__transfer_progress(struct cove__http_state *st)
{
    curl_off_t sent = 0;
    curl_easy_getinfo(st->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    return st->r->received + st->header_bytes + (int64_t)sent;
}

void cove__transfer_times(struct cove__http_state *st, int64_t *ret_wait_ns, int64_t *ret_took_ns)
{
    curl_off_t sent_us = 0, began_us = 0, ended_us = 0;
    curl_easy_getinfo(st->easy, CURLINFO_PRETRANSFER_TIME_T, &sent_us);
    curl_easy_getinfo(st->easy, CURLINFO_STARTTRANSFER_TIME_T, &began_us);
    curl_easy_getinfo(st->easy, CURLINFO_TOTAL_TIME_T, &ended_us);
    *ret_wait_ns = (began_us - sent_us) * 1000;
    *ret_took_ns = (ended_us - sent_us) * 1000;
}

bool cove__transfer_connected(struct cove__http_state *st)
{
    curl_off_t us = 0;
    curl_easy_getinfo(st->easy, CURLINFO_PRETRANSFER_TIME_T, &us);
    return us > 0;
}
