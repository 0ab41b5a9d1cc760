/* Shared Key and service SAS for src/fs/azure: see azure_shared_key.h. */
#include "auth/azure_shared_key.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"
#include "net/header.h"
#include "wire/digest.h"
#include "wire/uri.h"

#define HEADERS_MAX 160 /* lines that begin with x-ms- */
#define QUERY_MAX   64
#define TEXT_MAX    ((size_t)256 << 10)
#define SIGNATURE   COVE__BASE64_SIZE(32)

static int hmac(struct cove__slice key, struct cove__slice text, char out[SIGNATURE])
{
    uint8_t hash[32];
    unsigned size = 0;
    const EVP_MD *md = cove__sha256_md();

    if (!md || !HMAC(md, key.data, (int)key.size, text.data, text.size, hash, &size))
        return COVE_ENOTSUP;
    cove__base64(hash, sizeof hash, out);
    return 0;
}

struct pair {
    struct cove__slice name, value;
};

/* In lower case, by bytes. */
static int compare(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    size_t n = x->name.size < y->name.size ? x->name.size : y->name.size;
    int order = strncasecmp((const char *)x->name.data, (const char *)y->name.data, n);

    if (order == 0)
        order = (x->name.size > y->name.size) - (x->name.size < y->name.size);
    return order != 0 ? order : cove__slice_compare(x->value, y->value);
}

static void add_lower(struct cove__buf *out, struct cove__slice text)
{
    for (size_t i = 0; i < text.size; i++)
        cove__buf_add_char(out, (char)tolower(text.data[i]));
}

/* ---- headers ---- */

/* The next "Name: value\n" line; the rest of the lines stays. */
static bool next_line(struct cove__slice *lines, struct pair *ret)
{
    while (lines->size > 0) {
        const uint8_t *end = memchr(lines->data, '\n', lines->size);
        size_t n = end ? (size_t)(end - lines->data) : lines->size;
        const uint8_t *colon = memchr(lines->data, ':', n);
        struct cove__slice line = cove__slice(lines->data, n);
        *lines = cove__slice_sub(*lines, n + 1, SIZE_MAX);
        if (!colon)
            continue;
        size_t name = (size_t)(colon - line.data), value = name + 1;
        while (value < n && (line.data[value] == ' ' || line.data[value] == '\t'))
            value++;
        while (n > value && (line.data[n - 1] == ' ' || line.data[n - 1] == '\t'))
            n--;
        *ret = (struct pair){ cove__slice(line.data, name), cove__slice(line.data + value, n - value) };
        return true;
    }
    return false;
}

static struct cove__slice find(struct cove__slice lines, const char *name)
{
    struct pair line;

    while (next_line(&lines, &line)) {
        if (line.name.size == strlen(name) && strncasecmp((const char *)line.name.data, name, line.name.size) == 0)
            return line.value;
    }
    return cove__slice("", 0);
}

static int add_headers(struct cove__slice lines, struct cove__buf *text)
{
    struct pair pairs[HEADERS_MAX], line;
    size_t n = 0;

    while (next_line(&lines, &line)) {
        if (line.name.size < 5 || strncasecmp((const char *)line.name.data, "x-ms-", 5) != 0)
            continue;
        if (n == HEADERS_MAX)
            return COVE_ELIMIT;
        pairs[n++] = line;
    }
    qsort(pairs, n, sizeof pairs[0], compare);
    for (size_t i = 0; i < n; i++) {
        add_lower(text, pairs[i].name);
        cove__buf_add_char(text, ':');
        cove__buf_add_slice(text, pairs[i].value);
        cove__buf_add_char(text, '\n');
    }
    return 0;
}

/* ---- the resource ---- */

static int add_query(const char *query, struct cove__buf *text)
{
    struct pair pairs[QUERY_MAX];
    size_t n = 0;
    int rc = 0;

    for (const char *at = query; *at != '\0';) {
        size_t length = strcspn(at, "&");
        const char *equals = memchr(at, '=', length);
        size_t name = equals ? (size_t)(equals - at) : length;
        if (length > 0 && n == QUERY_MAX)
            return COVE_ELIMIT;
        if (length > 0)
            pairs[n++] = (struct pair){ cove__slice(at, name),
                                        equals ? cove__slice(equals + 1, length - name - 1) : cove__slice("", 0) };
        at += length + (at[length] == '&');
    }
    qsort(pairs, n, sizeof pairs[0], compare);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        bool again = i > 0 && pairs[i].name.size == pairs[i - 1].name.size &&
                     strncasecmp((const char *)pairs[i].name.data, (const char *)pairs[i - 1].name.data,
                                 pairs[i].name.size) == 0;
        cove__buf_add_char(text, again ? ',' : '\n');
        if (!again) {
            add_lower(text, pairs[i].name);
            cove__buf_add_char(text, ':');
        }
        rc = cove__uri_decode(text, pairs[i].value);
    }
    return rc;
}

int cove__shared_key_text(const struct cove__shared_key *key, const struct cove__shared_key_request *request,
                          struct cove__buf *text)
{
    static const char *const before[] = { "content-encoding", "content-language" };
    /* Date stays empty, as x-ms-date is sent. */
    static const char *const after[] = { "content-md5",         "content-type", NULL,
                                         "if-modified-since",   "if-match",     "if-none-match",
                                         "if-unmodified-since", "range" };

    cove__buf_addf(text, "%s\n", request->method);
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        cove__buf_add_slice(text, find(request->headers, before[i]));
        cove__buf_add_char(text, '\n');
    }
    if (request->body_size > 0)
        cove__buf_addf(text, "%llu", (unsigned long long)request->body_size);
    cove__buf_add_char(text, '\n');
    for (size_t i = 0; i < sizeof after / sizeof after[0]; i++) {
        if (after[i])
            cove__buf_add_slice(text, find(request->headers, after[i]));
        cove__buf_add_char(text, '\n');
    }
    int rc = add_headers(request->headers, text);
    cove__buf_addf(text, "/%s%s", key->account, request->path);
    if (rc == 0)
        rc = add_query(request->query, text);
    return rc < 0 ? rc : cove__buf_rc(text);
}

int cove__shared_key_sign(const struct cove__shared_key *key, const struct cove__shared_key_request *request,
                          struct cove__buf *headers)
{
    struct cove__buf text = COVE__BUF_INIT(TEXT_MAX);
    char signature[SIGNATURE];
    int rc = cove__shared_key_text(key, request, &text);

    if (rc == 0)
        rc = hmac(key->key, cove__buf_slice(&text), signature);
    cove__buf_done(&text);
    return rc < 0 ? rc : cove__buf_addf(headers, "Authorization: SharedKey %s:%s\n", key->account, signature);
}

/* ---- SAS ---- */

/* What a SAS of either key has between the resource and the addresses: a stored policy, which is none; or the key's
 * own fields, and the three optional ones of users and a correlation ID. */
static void add_signer(const struct cove__delegation_key *key, struct cove__buf *text)
{
    if (key)
        cove__buf_addf(text, "%s\n%s\n%s\n%s\n%s\n%s\n\n\n\n", key->object_id, key->tenant_id, key->start, key->expiry,
                       key->service, key->version);
    else
        cove__buf_add_str(text, "\n");
}

static void add_signer_pairs(const struct cove__delegation_key *key, struct cove__buf *query)
{
    const struct {
        const char *name, *value;
    } pairs[] = {
        { "skoid", key->object_id }, { "sktid", key->tenant_id }, { "skt", key->start },
        { "ske", key->expiry },      { "sks", key->service },     { "skv", key->version },
    };

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        cove__uri_add_pair(query, pairs[i].name, cove__slice_str(pairs[i].value));
}

static int sas_sign(const struct cove__shared_key *key, const struct cove__delegation_key *delegation,
                    const struct cove__blob_sas *sas, struct cove__buf *query)
{
    struct cove__buf text = COVE__BUF_INIT(TEXT_MAX);
    char starts[21] = "", expires[21], signature[SIGNATURE];
    const char *resource = sas->version.size == 0 ? "b" : sas->of_snapshot ? "bs" : "bv";

    if (sas->starts_ns > 0)
        cove__format_iso8601(sas->starts_ns, starts);
    cove__format_iso8601(sas->expires_ns, expires);
    cove__buf_addf(&text, "%s\n%s\n%s\n/blob/%s/", sas->permissions, starts, expires, key->account);
    cove__buf_add_slice(&text, sas->container);
    cove__buf_add_char(&text, '/');
    cove__buf_add_slice(&text, sas->blob);
    cove__buf_add_char(&text, '\n');
    add_signer(delegation, &text);
    /* No range of addresses. */
    cove__buf_addf(&text, "\n%s\n" COVE__AZURE_VERSION "\n%s\n", sas->protocol, resource);
    cove__buf_add_slice(&text, sas->version);
    cove__buf_add_str(&text, "\n\n\n\n\n\n"); /* no encryption scope, none of the response's headers set */
    int rc = cove__buf_rc(&text);
    if (rc == 0)
        rc = hmac(key->key, cove__buf_slice(&text), signature);
    cove__buf_done(&text);
    if (rc < 0)
        return rc;
    cove__uri_add_pair(query, "sv", cove__slice_str(COVE__AZURE_VERSION));
    if (starts[0] != '\0')
        cove__uri_add_pair(query, "st", cove__slice_str(starts));
    cove__uri_add_pair(query, "se", cove__slice_str(expires));
    cove__uri_add_pair(query, "sr", cove__slice_str(resource));
    cove__uri_add_pair(query, "sp", cove__slice_str(sas->permissions));
    if (sas->protocol[0] != '\0')
        cove__uri_add_pair(query, "spr", cove__slice_str(sas->protocol));
    if (delegation)
        add_signer_pairs(delegation, query);
    return cove__uri_add_pair(query, "sig", cove__slice_str(signature));
}

int cove__blob_sas_sign(const struct cove__shared_key *key, const struct cove__blob_sas *sas, struct cove__buf *query)
{
    return sas_sign(key, NULL, sas, query);
}

int cove__blob_sas_delegate(const char *account, const struct cove__delegation_key *key,
                            const struct cove__blob_sas *sas, struct cove__buf *query)
{
    const struct cove__shared_key signer = { account, cove__slice(key->key, key->key_size) };

    return sas_sign(&signer, key, sas, query);
}
