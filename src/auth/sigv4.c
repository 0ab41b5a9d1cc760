/* Signature Version 4 for src/fs/s3: a request's method, path, query and headers in; an Authorization line, or the
 * arguments of a signed URL, out. */
#include "auth/sigv4.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fork.h"
#include "net/header.h"
#include "wire/digest.h"
#include "wire/uri.h"

#define HASH_SIZE     32
#define CANONICAL_MAX ((size_t)512 << 10)
#define SIGNED_MAX    ((size_t)16 << 10)

static int sha256(struct cove__slice data, uint8_t out[HASH_SIZE])
{
    return cove__sha256(data, out) == 0 ? 0 : COVE_ENOMEM;
}

static int hmac(const void *key, size_t key_size, struct cove__slice text, uint8_t out[HASH_SIZE])
{
    unsigned size = 0;
    const EVP_MD *md = cove__sha256_md();
    return md && HMAC(md, key, (int)key_size, text.data, text.size, out, &size) ? 0 : COVE_ENOMEM;
}

/* ---- the canonical request ---- */

struct pair {
    struct cove__slice name, value;
};

static int compare_query(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    int c = cove__slice_compare(x->name, y->name);
    return c != 0 ? c : cove__slice_compare(x->value, y->value);
}

static int canonical_query(const char *query, struct cove__buf *out)
{
    struct pair pairs[COVE__SIGV4_QUERY_MAX];
    size_t n = 0;

    for (const char *at = query; *at != '\0';) {
        size_t length = strcspn(at, "&");
        if (length > 0) {
            if (n == COVE__SIGV4_QUERY_MAX)
                return COVE_ELIMIT;
            const char *equals = memchr(at, '=', length);
            size_t name = equals ? (size_t)(equals - at) : length;
            pairs[n].name = cove__slice(at, name);
            pairs[n].value = equals ? cove__slice(equals + 1, length - name - 1) : cove__slice("", 0);
            n++;
        }
        at += length + (at[length] == '&');
    }
    qsort(pairs, n, sizeof pairs[0], compare_query);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            cove__buf_add_char(out, '&');
        cove__buf_add_slice(out, pairs[i].name);
        cove__buf_add_char(out, '=');
        cove__buf_add_slice(out, pairs[i].value);
    }
    return cove__buf_rc(out);
}

static int compare_names(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    size_t n = x->name.size < y->name.size ? x->name.size : y->name.size;
    int c = strncasecmp((const char *)x->name.data, (const char *)y->name.data, n);
    if (c == 0)
        c = (x->name.size > y->name.size) - (x->name.size < y->name.size);
    return c != 0 ? c : (x->name.data > y->name.data) - (x->name.data < y->name.data); /* one name twice: in order */
}

/* The value with outer blanks gone and inner runs of them made one. */
static void add_trimmed(struct cove__buf *out, struct cove__slice value)
{
    bool any = false, blank = false;
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] == ' ' || value.data[i] == '\t') {
            blank = any;
            continue;
        }
        if (blank)
            cove__buf_add_char(out, ' ');
        blank = false;
        any = true;
        cove__buf_add_char(out, (char)value.data[i]);
    }
}

static int read_headers(struct cove__slice headers, struct pair pairs[COVE__SIGV4_HEADERS_MAX], size_t *ret_n)
{
    size_t n = 0;
    while (headers.size > 0) {
        const uint8_t *end = memchr(headers.data, '\n', headers.size);
        size_t line = end ? (size_t)(end - headers.data) : headers.size;
        const uint8_t *colon = memchr(headers.data, ':', line);
        if (colon) {
            if (n == COVE__SIGV4_HEADERS_MAX)
                return COVE_ELIMIT;
            size_t name = (size_t)(colon - headers.data);
            pairs[n].name = cove__slice(headers.data, name);
            pairs[n].value = cove__slice(colon + 1, line - name - 1);
            n++;
        }
        headers = cove__slice_sub(headers, line + 1, SIZE_MAX);
    }
    qsort(pairs, n, sizeof pairs[0], compare_names);
    *ret_n = n;
    return 0;
}

static bool same_name(struct cove__slice a, struct cove__slice b)
{
    return a.size == b.size && strncasecmp((const char *)a.data, (const char *)b.data, a.size) == 0;
}

int cove__sigv4_canonical(const struct cove__sigv4_request *r, struct cove__slice headers, struct cove__buf *ret,
                          struct cove__buf *ret_signed)
{
    struct pair pairs[COVE__SIGV4_HEADERS_MAX];
    size_t n = 0;

    cove__buf_addf(ret, "%s\n%s\n", r->method, r->path);
    int rc = canonical_query(r->query, ret);
    if (rc == 0)
        rc = read_headers(headers, pairs, &n);
    if (rc < 0)
        return rc;
    cove__buf_add_char(ret, '\n');
    for (size_t i = 0; i < n; i++) {
        bool first = i == 0 || !same_name(pairs[i - 1].name, pairs[i].name);
        if (first && i > 0) {
            cove__buf_add_char(ret, '\n');
            cove__buf_add_char(ret_signed, ';');
        }
        for (size_t k = 0; first && k < pairs[i].name.size; k++) {
            char c = (char)tolower(pairs[i].name.data[k]);
            cove__buf_add_char(ret, c);
            cove__buf_add_char(ret_signed, c);
        }
        cove__buf_add_char(ret, first ? ':' : ',');
        add_trimmed(ret, pairs[i].value);
    }
    if (n > 0)
        cove__buf_add_char(ret, '\n');
    cove__buf_addf(ret, "\n%s\n%s", cove__buf_str(ret_signed), r->payload_hash);
    return cove__buf_rc(ret_signed) < 0 ? cove__buf_rc(ret_signed) : cove__buf_rc(ret);
}

/* ---- keys and signatures ---- */

static int derive(const struct cove__sigv4_request *r, const char date[9], uint8_t key[HASH_SIZE])
{
    struct cove__buf first = COVE__BUF_SECRET(1024);
    uint8_t next[HASH_SIZE];

    cove__buf_addf(&first, "AWS4%s", r->secret);
    int rc = cove__buf_rc(&first);
    if (rc == 0)
        rc = hmac(first.data, first.size, cove__slice_str(date), key);
    if (rc == 0)
        rc = hmac(key, HASH_SIZE, cove__slice_str(r->region), next);
    if (rc == 0)
        rc = hmac(next, HASH_SIZE, cove__slice_str(r->service), key);
    if (rc == 0)
        rc = hmac(key, HASH_SIZE, cove__slice_str("aws4_request"), next);
    memcpy(key, next, HASH_SIZE);
    OPENSSL_cleanse(next, sizeof next);
    if (first.data)
        OPENSSL_cleanse(first.data, first.size);
    cove__buf_done(&first);
    return rc;
}

static int signing_key(const struct cove__sigv4_request *r, const char date[9], struct cove__sigv4_cache *cache,
                       uint8_t key[HASH_SIZE])
{
    uint8_t secret_hash[HASH_SIZE];
    bool known;

    if (!cache)
        return derive(r, date, key);
    int rc = sha256(cove__slice_str(r->secret), secret_hash);
    if (rc < 0)
        return rc;
    cove__lock();
    known = strcmp(cache->date, date) == 0 && strcmp(cache->region, r->region) == 0 &&
            strcmp(cache->service, r->service) == 0 && strcmp(cache->key_id, r->key_id) == 0 &&
            memcmp(cache->secret_hash, secret_hash, HASH_SIZE) == 0;
    if (known)
        memcpy(key, cache->key, HASH_SIZE);
    cove__unlock();
    if (known)
        return 0;
    rc = derive(r, date, key);
    if (rc < 0 || strlen(r->region) >= sizeof cache->region || strlen(r->service) >= sizeof cache->service ||
        strlen(r->key_id) >= sizeof cache->key_id)
        return rc;
    cove__lock();
    memcpy(cache->date, date, sizeof cache->date);
    strcpy(cache->region, r->region);
    strcpy(cache->service, r->service);
    strcpy(cache->key_id, r->key_id);
    memcpy(cache->secret_hash, secret_hash, HASH_SIZE);
    memcpy(cache->key, key, HASH_SIZE);
    cove__unlock();
    return 0;
}

/* The time and day of a request, and what its signature is good for. */
struct scope {
    char time[17], date[9];
    char text[160]; /* DAY/REGION/SERVICE/aws4_request */
};

static int scope_of(const struct cove__sigv4_request *r, struct scope *ret)
{
    cove__format_iso8601_basic(r->wall_ns, ret->time);
    memcpy(ret->date, ret->time, 8);
    ret->date[8] = '\0';
    int n = snprintf(ret->text, sizeof ret->text, "%s/%s/%s/aws4_request", ret->date, r->region, r->service);
    return n >= 0 && (size_t)n < sizeof ret->text ? 0 : COVE_ELIMIT;
}

/* The signature of the request with these headers, whose names `ret_signed` gets. */
static int signature(const struct cove__sigv4_request *r, const struct scope *scope, struct cove__sigv4_cache *cache,
                     struct cove__slice headers, struct cove__buf *ret_signed, char ret_hex[2 * HASH_SIZE + 1])
{
    struct cove__buf canonical = COVE__BUF_SECRET(CANONICAL_MAX), to_sign = COVE__BUF_INIT(1024);
    uint8_t key[HASH_SIZE], mac[HASH_SIZE];
    char hash[65];

    int rc = cove__sigv4_canonical(r, headers, &canonical, ret_signed);
    if (rc == 0)
        rc = cove__sha256_hex(cove__buf_slice(&canonical), hash);
    if (rc == 0)
        rc = cove__buf_addf(&to_sign, "AWS4-HMAC-SHA256\n%s\n%s\n%s", scope->time, scope->text, hash);
    if (rc == 0)
        rc = signing_key(r, scope->date, cache, key);
    if (rc == 0)
        rc = hmac(key, sizeof key, cove__buf_slice(&to_sign), mac);
    if (rc == 0)
        cove__hex(mac, sizeof mac, ret_hex);
    OPENSSL_cleanse(key, sizeof key);
    if (canonical.data)
        OPENSSL_cleanse(canonical.data, canonical.size); /* it holds the session token */
    cove__buf_done(&canonical);
    cove__buf_done(&to_sign);
    return rc;
}

int cove__sigv4_sign(const struct cove__sigv4_request *r, struct cove__sigv4_cache *cache, struct cove__buf *headers)
{
    struct cove__buf names = COVE__BUF_INIT(SIGNED_MAX);
    struct scope scope;
    char hex[2 * HASH_SIZE + 1];

    int rc = scope_of(r, &scope);
    if (rc == 0)
        rc = signature(r, &scope, cache, cove__buf_slice(headers), &names, hex);
    if (rc == 0 && !cove__header_is_valid(cove__slice_str(r->key_id)))
        rc = COVE_EINVAL;
    if (rc == 0)
        rc = cove__buf_addf(headers,
                            "Authorization: AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s\n",
                            r->key_id, scope.text, cove__buf_str(&names), hex);
    cove__buf_done(&names);
    return rc;
}

int cove__sigv4_presign(const struct cove__sigv4_request *r, struct cove__sigv4_cache *cache, const char *host,
                        int64_t expires_s, const char *token_name, const char *token, struct cove__buf *query)
{
    struct cove__buf names = COVE__BUF_INIT(SIGNED_MAX), headers = COVE__BUF_SECRET(1024);
    struct cove__sigv4_request own = *r;
    struct scope scope;
    char hex[2 * HASH_SIZE + 1], credential[384], seconds[24];

    int rc = scope_of(r, &scope);
    if (rc < 0)
        return rc;
    if (snprintf(credential, sizeof credential, "%s/%s", r->key_id, scope.text) >= (int)sizeof credential)
        return COVE_ELIMIT; /* cut off, it would be another's */
    snprintf(seconds, sizeof seconds, "%lld", (long long)expires_s);
    cove__uri_add_pair(query, "X-Amz-Algorithm", cove__slice_str("AWS4-HMAC-SHA256"));
    cove__uri_add_pair(query, "X-Amz-Credential", cove__slice_str(credential));
    cove__uri_add_pair(query, "X-Amz-Date", cove__slice_str(scope.time));
    cove__uri_add_pair(query, "X-Amz-Expires", cove__slice_str(seconds));
    cove__uri_add_pair(query, "X-Amz-SignedHeaders", cove__slice_str("host"));
    if (token)
        cove__uri_add_pair(query, token_name, cove__slice_str(token));
    cove__buf_addf(&headers, "Host: %s\n", host);
    rc = cove__buf_rc(query) < 0 ? cove__buf_rc(query) : cove__buf_rc(&headers);
    if (rc == 0) {
        own.query = cove__buf_str(query);
        own.payload_hash = COVE__SIGV4_UNSIGNED;
        rc = signature(&own, &scope, cache, cove__buf_slice(&headers), &names, hex);
    }
    if (rc == 0) {
        cove__uri_add_pair(query, "X-Amz-Signature", cove__slice_str(hex));
        rc = cove__buf_rc(query);
    }
    cove__buf_done(&names);
    cove__buf_done(&headers);
    return rc;
}
