/*
 * Signature Version 4: a query and header lines. The canonical request does not depend on the order of either, the
 * signed names are sorted, each stands once, and what is percent-encoded is decoded again.
 */
#include <string.h>

#include <cove/error.h>

#include "auth/sigv4.h"
#include "base/buf.h"
#include "fuzz.h"
#include "wire/uri.h"

#define MAX ((size_t)1 << 20)

struct canonical {
    struct cove__buf text, names;
    int rc;
};

static struct canonical make(const char *query, struct cove__slice headers)
{
    struct canonical c = { .text = COVE__BUF_INIT(MAX), .names = COVE__BUF_INIT(MAX) };
    struct cove__sigv4_request r = { .key_id = "AKIDEXAMPLE",
                                     .secret = "wJalrXUtnFEMI",
                                     .region = "us-east-1",
                                     .service = "s3",
                                     .method = "GET",
                                     .path = "/a%20b",
                                     .query = query,
                                     .payload_hash = COVE__SIGV4_UNSIGNED,
                                     .wall_ns = INT64_C(1440938160000000000) };

    c.rc = cove__sigv4_canonical(&r, headers, &c.text, &c.names);
    FUZZ_CHECK(c.rc == 0 || c.rc == COVE_ELIMIT);
    if (c.rc == 0) {
        struct cove__buf lines = COVE__BUF_INIT(MAX);
        cove__buf_add_slice(&lines, headers);
        int rc = cove__sigv4_sign(&r, NULL, &lines);
        FUZZ_CHECK(rc == 0 || rc == COVE_ELIMIT);
        FUZZ_CHECK(rc < 0 || !memmem(lines.data, lines.size, r.secret, strlen(r.secret)) ||
                   (headers.size > 0 && memmem(headers.data, headers.size, r.secret, strlen(r.secret))));
        cove__buf_done(&lines);
    }
    return c;
}

static void done(struct canonical *c)
{
    cove__buf_done(&c->text);
    cove__buf_done(&c->names);
}

/* The same pieces, the last one first. */
static void reverse(struct cove__slice in, const char *mark, struct cove__buf *out)
{
    if (in.size == 0)
        return;
    struct cove__slice first = fuzz_take(&in, mark);
    reverse(in, mark, out);
    cove__buf_add_slice(out, first);
    cove__buf_add_str(out, mark);
}

static void check_names(const char *names)
{
    for (const char *at = names; *at;) {
        size_t n = strcspn(at, ";");
        const char *next = at[n] ? at + n + 1 : at + n;
        size_t m = strcspn(next, ";");
        if (*next) {
            int c = memcmp(at, next, n < m ? n : m);
            FUZZ_CHECK(c < 0 || (c == 0 && n < m));
        }
        at = next;
    }
}

static void check_encoding(struct cove__slice text)
{
    struct cove__buf out = COVE__BUF_INIT(MAX), back = COVE__BUF_INIT(MAX);
    size_t at = 0;

    FUZZ_CHECK(cove__uri_encode(&out, text, true) == 0 && out.size <= 3 * text.size);
    for (size_t i = 0; i < out.size; at++) {
        const char *p = (const char *)out.data + i;
        char code[3] = { p[0], 0, 0 };
        if (p[0] == '%')
            memcpy(code, p + 1, 2);
        FUZZ_CHECK(at < text.size && text.data[at] == (p[0] == '%' ? strtoul(code, NULL, 16) : (uint8_t)p[0]));
        i += p[0] == '%' ? 3 : 1;
    }
    FUZZ_CHECK(at == text.size);
    if (text.size > 0 && !memchr(text.data, '\0', text.size)) {
        FUZZ_CHECK(cove__form_decode(&back, cove__buf_slice(&out)) == 0);
        FUZZ_CHECK(cove__slice_eq(cove__buf_slice(&back), text));
    }
    cove__buf_reset(&back);
    int rc = cove__uri_decode(&back, text);
    FUZZ_CHECK((rc == 0 || rc == COVE_EPROTOCOL) && back.size <= text.size);
    cove__buf_done(&back);
    cove__buf_done(&out);
}

/* Two headers of one name keep their order, which is part of what is signed: such an input is not turned round. */
static bool names_differ(const struct canonical *c, struct cove__slice headers)
{
    size_t lines = 0, names = c->names.size > 0;

    while (headers.size > 0) {
        struct cove__slice line = fuzz_take(&headers, "\n");
        lines += line.size > 0 && memchr(line.data, ':', line.size);
    }
    for (size_t i = 0; i < c->names.size; i++)
        names += c->names.data[i] == ';';
    return lines == names;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cove__slice rest = cove__slice(data, size < 16384 ? size : 16384);
    struct cove__buf query_back = COVE__BUF_INIT(MAX), headers_back = COVE__BUF_INIT(MAX);

    check_encoding(rest);
    char *query = fuzz_string(fuzz_take(&rest, "\n"));
    struct canonical c = make(query, rest);
    if (c.rc == 0) {
        reverse(cove__slice_str(query), "&", &query_back);
        reverse(rest, "\n", &headers_back);
        bool plain = !memchr(rest.data ? (const char *)rest.data : "", ';', rest.size) &&
                     !memchr(rest.data ? (const char *)rest.data : "", '\0', rest.size);
        if (plain)
            check_names(cove__buf_str(&c.names));
        if (plain && names_differ(&c, rest)) {
            struct canonical back = make(cove__buf_str(&query_back), cove__buf_slice(&headers_back));
            FUZZ_CHECK(back.rc == 0 && cove__slice_eq(cove__buf_slice(&c.text), cove__buf_slice(&back.text)));
            done(&back);
        }
    }
    done(&c);
    free(query);
    cove__buf_done(&query_back);
    cove__buf_done(&headers_back);
    return 0;
}
