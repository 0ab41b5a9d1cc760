/* Requests that are answered from the fuzzer's input: see responses.h. What is sent is looked at, too. */
#include "responses.h"

#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "net/header.h"
#include "net/http.h"

#define ATTEMPTS_MAX 6

/* The names that the linker's --wrap gives to what stands in for cove__http_start and cove__http_run. */
void wrapped_start(struct cove__http_request *r) __asm__("__wrap_cove__http_start");
int wrapped_run(struct cove__http_request *r, struct cove_error *err) __asm__("__wrap_cove__http_run");

static struct {
    struct cove__slice rest;
    const char *base, *below;
} given;

void responses_begin(struct cove__slice responses, const char *base, const char *below)
{
    given.rest = responses;
    given.base = base;
    given.below = below;
}

/* ---- what is sent ---- */

/* Nothing that a store or a user sends becomes another header, or cuts the URL. */
static void check_request(const struct cove__http_request *r)
{
    const char *url = cove__buf_str(&r->url);
    struct cove__slice lines = cove__buf_slice(&r->headers);

    FUZZ_CHECK(strlen(url) == r->url.size && strncmp(url, given.base, strlen(given.base)) == 0);
    for (const char *p = url; *p; p++)
        FUZZ_CHECK(*p > ' ' && *p <= '~');
    while (lines.size > 0) {
        struct cove__slice line = fuzz_take(&lines, "\n");
        const uint8_t *colon = memchr(line.data, ':', line.size);
        FUZZ_CHECK(colon && colon > line.data && colon[1] == ' ');
        for (const uint8_t *p = line.data; p < colon; p++)
            FUZZ_CHECK(*p > ' ' && *p <= '~' && !strchr("\"(),/:;<=>?@[\\]{}", *p)); /* a token */
        FUZZ_CHECK(!memchr(line.data, '\r', line.size) && !memchr(line.data, '\0', line.size));
    }
}

/* `path` is the folder or below it. */
static bool is_below(const char *path, size_t size, const char *folder)
{
    size_t n = strlen(folder);

    return size >= n && memcmp(path, folder, n) == 0 && (size == n || path[n] == '/');
}

static void check_deletion(const struct cove__http_request *r)
{
    const char *path = cove__buf_str(&r->url) + strlen(given.base);
    size_t size = strcspn(path, "?"), bucket = strcspn(path, "/?");

    if (!given.below)
        return;
    if (strcmp(r->method, "DELETE") == 0)
        FUZZ_CHECK(is_below(path, size, given.below));
    if (strcmp(r->method, "POST") == 0 && strncmp(path + size, "?delete=", 8) == 0) {
        const char *folder = given.below + bucket + 1;
        struct cove__slice rest = r->body;
        FUZZ_CHECK(strncmp(path, given.below, bucket) == 0);
        for (fuzz_take(&rest, "<Key>"); rest.size > 0; fuzz_take(&rest, "<Key>")) {
            struct cove__slice after = rest, key = fuzz_take(&after, "</Key>");
            FUZZ_CHECK(is_below((const char *)key.data, key.size, folder));
        }
    }
}

/* ---- what comes back ---- */

static int unanswered(struct cove__http_request *r)
{
    r->status = 0;
    return cove__fail(&r->op.err, COVE_ENETWORK, "%s %s: the connection broke", r->op.ctx.op, r->op.ctx.url);
}

enum response { RESPONSE_NONE, RESPONSE_CUT, RESPONSE_WHOLE };

/* The body that is to come into the caller's memory, behind what stands there of an attempt before. */
static enum response take_body(struct cove__http_request *r, struct cove__slice body)
{
    char announced[32];

    FUZZ_CHECK(r->kept >= 0 && (size_t)r->kept <= r->dst_size);
    if (body.size > r->dst_size - (size_t)r->kept) {
        r->kept = 0;
        return RESPONSE_NONE;
    }
    if (body.size > 0)
        memcpy(r->dst + r->kept, body.data, body.size);
    r->received = (int64_t)body.size;
    return cove__http_header(r, "content-length", announced, sizeof announced) &&
                   strtoull(announced, NULL, 10) > body.size
               ? RESPONSE_CUT
               : RESPONSE_WHOLE;
}

/* What a cut response has brought stays, if the request has `kept`. */
static void keep_body(struct cove__http_request *r)
{
    int64_t had = r->kept + r->received;

    r->kept = r->hooks->keep && r->received > 0 ? r->hooks->keep(r->self, r) : r->kept;
    FUZZ_CHECK(r->kept >= 0 && r->kept <= had);
    r->received = 0;
}

/* The next response into the request, as net/transfer.c takes it; none also where it does not fit. */
static enum response take_response(struct cove__http_request *r)
{
    struct cove__slice response = fuzz_take(&given.rest, "\n%%\n");
    struct cove__slice head = fuzz_take(&response, "\n\n"), first = fuzz_take(&head, "\n");
    size_t max = r->response_max ? r->response_max : (size_t)64 << 10;

    r->received = 0;
    cove__buf_reset(&r->response);
    cove__buf_reset(&r->response_headers);
    r->response.max = max;
    r->status = first.size == 3 && first.data[0] >= '2' && first.data[0] <= '5'
                    ? (first.data[0] - '0') * 100 + (first.data[1] & 15) % 10 * 10 + (first.data[2] & 15) % 10
                    : 0;
    if (r->status == 0)
        return RESPONSE_NONE;
    while (head.size > 0) {
        struct cove__slice line = head;
        size_t n = fuzz_take(&head, "\n").size;
        if (cove__header_add(&r->response_headers, cove__slice_sub(line, 0, n + 1)) < 0)
            return RESPONSE_NONE;
    }
    if (strcmp(r->method, "HEAD") == 0)
        return RESPONSE_WHOLE;
    if (r->dst && r->status < 300)
        return take_body(r, response);
    if (response.size > max)
        return RESPONSE_NONE;
    cove__buf_add_slice(&r->response, response);
    r->received = (int64_t)response.size;
    return RESPONSE_WHOLE;
}

static enum cove__http_verdict inspect(struct cove__http_request *r, struct cove_error *err)
{
    if (r->hooks->inspect)
        return r->hooks->inspect(r->self, r, err);
    if (r->status >= 200 && r->status < 300)
        return COVE__HTTP_ACCEPT;
    cove__http_error(r, r->status, "the server refused", err);
    return COVE__HTTP_FAIL;
}

static int exchange(struct cove__http_request *r)
{
    for (r->attempts = 1;; r->attempts++) {
        struct cove_error err = COVE_ERROR_INIT;

        cove__buf_reset(&r->url);
        cove__buf_reset(&r->headers);
        int rc = r->hooks->prepare(r->self, r, &err);
        FUZZ_CHECK(rc <= 0); /* no request waits for keys here */
        if (rc < 0) {
            fuzz_check_error(rc, &err);
            r->op.err = err;
            return rc;
        }
        check_request(r);
        check_deletion(r);
        enum response response = given.rest.size > 0 ? take_response(r) : RESPONSE_NONE;
        if (response == RESPONSE_NONE || (response == RESPONSE_CUT && r->attempts == ATTEMPTS_MAX))
            return unanswered(r);
        if (response == RESPONSE_CUT) {
            keep_body(r);
            continue;
        }
        enum cove__http_verdict verdict = inspect(r, &err);
        if (verdict == COVE__HTTP_ACCEPT)
            return 0;
        if (r->status < 300)
            r->kept = 0;
        if (err.code == 0)
            cove__http_error(r, r->status, "the response cannot be used", &err);
        fuzz_check_error(err.code, &err);
        r->op.err = err;
        if (verdict == COVE__HTTP_FAIL || r->attempts == ATTEMPTS_MAX)
            return err.code;
    }
}

void wrapped_start(struct cove__http_request *r)
{
    bool own = r->hooks->done;

    if (!own)
        cove__op_start(&r->op);
    r->status = 0;
    r->received = r->kept = 0;
    cove__error_clear(&r->op.err);
    int rc = exchange(r);
    if (rc == 0)
        cove__error_clear(&r->op.err);
    if (!own) {
        cove__op_finish(&r->op, rc, r->kept + r->received, &r->op.err);
        return;
    }
    r->op.rc = rc;
    r->op.count = r->kept + r->received;
    r->hooks->done(r->self, r);
}

int wrapped_run(struct cove__http_request *r, struct cove_error *err)
{
    struct cove__inbox inbox;

    cove__inbox_init(&inbox);
    r->op.inbox = &inbox;
    wrapped_start(r);
    cove__inbox_wait(&inbox);
    cove__inbox_done(&inbox);
    r->op.inbox = NULL;
    return r->op.rc < 0 ? cove__error_copy(err, &r->op.err) : 0;
}
