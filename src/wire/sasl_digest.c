/* DIGEST-MD5's computations: see sasl_digest.h. */
#include "wire/sasl_digest.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cove/error.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/mem.h"
#include "wire/digest.h"
#include "wire/sasl_cipher.h"

#define MAC_SIZE     10
#define TRAILER_SIZE 6 /* the version and the number of a message */
#define HASH_SIZE    16
#define BUFFER_SIZE  65536 /* what a server receives at once where it does not say, and what we do */
#define TEXT_MAX     ((size_t)64 << 10)

struct side {
    uint8_t sign[HASH_SIZE];
    struct cove__sasl_cipher *cipher; /* NULL: without privacy */
    uint32_t number;                  /* of the next message */
};

struct cove__sasl_digest {
    unsigned quality;
    size_t max;
    char expected[2 * HASH_SIZE + 1]; /* the server's proof */
    struct side out, in;
};

/* What a challenge has; BORROWED from it. */
struct challenge {
    struct cove__slice realm, nonce, rspauth;
    unsigned qualities, ciphers;
    size_t max;
};

static int hash(struct cove__slice data, uint8_t ret[HASH_SIZE])
{
    const EVP_MD *md = cove__md5_md();

    return md && EVP_Digest(data.data, data.size, ret, NULL, md, NULL) == 1 ? 0 : COVE_ENOTSUP;
}

/* ---- the challenge ---- */

/* "name=value" or "name=\"value\"", and a comma. 1, 0 at the end, or COVE_EPROTOCOL. */
static int next_pair(struct cove__slice *rest, struct cove__slice *name, struct cove__slice *value)
{
    const char *p = (const char *)rest->data, *end = p + rest->size;
    const char *start;

    while (p < end && (*p == ',' || *p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
        p++;
    if (p == end)
        return 0;
    for (start = p; p < end && *p != '='; p++)
        ;
    if (p == end)
        return COVE_EPROTOCOL;
    *name = cove__slice(start, (size_t)(p++ - start));
    if (p < end && *p == '"') {
        for (start = ++p; p < end && *p != '"'; p++) {
            if (*p == '\\') /* no server of Hadoop's has a reason to */
                return COVE_EPROTOCOL;
        }
        if (p == end)
            return COVE_EPROTOCOL;
        *value = cove__slice(start, (size_t)(p++ - start));
    } else {
        for (start = p; p < end && *p != ',' && *p != ' '; p++)
            ;
        *value = cove__slice(start, (size_t)(p - start));
    }
    *rest = cove__slice(p, (size_t)(end - p));
    return 1;
}

static bool is_word(struct cove__slice text, const char *word)
{
    return text.size == strlen(word) && strncasecmp((const char *)text.data, word, text.size) == 0;
}

static bool has_word(struct cove__slice list, const char *word)
{
    for (size_t i = 0, n; i < list.size; i += n + 1) {
        while (i < list.size && (list.data[i] == ' ' || list.data[i] == '\t'))
            i++;
        for (n = 0; i + n < list.size && list.data[i + n] != ',' && list.data[i + n] != ' '; n++)
            ;
        if (is_word(cove__slice_sub(list, i, n), word))
            return true;
    }
    return false;
}

static size_t read_max(struct cove__slice text)
{
    size_t max = 0;

    for (size_t i = 0; i < text.size && text.data[i] >= '0' && text.data[i] <= '9' && max < 1u << 24; i++)
        max = max * 10 + (size_t)(text.data[i] - '0');
    return max;
}

static int read_challenge(struct cove__slice text, struct challenge *ret)
{
    struct cove__slice name, value;
    int more;

    *ret = (struct challenge){ .qualities = COVE__SASL_AUTH, .max = BUFFER_SIZE };
    while ((more = next_pair(&text, &name, &value)) == 1) {
        if (is_word(name, "realm") && !ret->realm.data)
            ret->realm = value;
        else if (is_word(name, "nonce"))
            ret->nonce = value;
        else if (is_word(name, "rspauth"))
            ret->rspauth = value;
        else if (is_word(name, "maxbuf"))
            ret->max = read_max(value);
        else if (is_word(name, "cipher"))
            ret->ciphers =
                (has_word(value, "3des") ? COVE__SASL_3DES : 0) | (has_word(value, "rc4") ? COVE__SASL_RC4 : 0);
        else if (is_word(name, "qop"))
            ret->qualities = (has_word(value, "auth") ? COVE__SASL_AUTH : 0) |
                             (has_word(value, "auth-int") ? COVE__SASL_INTEGRITY : 0) |
                             (has_word(value, "auth-conf") ? COVE__SASL_PRIVACY : 0);
    }
    return more;
}

/* ---- the response ---- */

/* What is computed on the way. Wiped. */
struct proof {
    const struct cove__sasl_digest_login *login;
    struct challenge challenge;
    const char *quality, *cnonce;
    char chance[2 * HASH_SIZE + 1]; /* of which cnonce may be made */
    uint8_t key[HASH_SIZE];         /* H(A1) */
};

static void put(struct cove__buf *b, struct cove__slice part)
{
    cove__buf_add_slice(b, part);
}

static void put_hex(struct cove__buf *b, const uint8_t bytes[HASH_SIZE])
{
    char hex[2 * HASH_SIZE + 1];

    cove__hex(bytes, HASH_SIZE, hex);
    cove__buf_add_str(b, hex);
    OPENSSL_cleanse(hex, sizeof hex);
}

static int hash_buf(struct cove__buf *b, uint8_t ret[HASH_SIZE])
{
    int rc = cove__buf_rc(b);

    if (rc == 0)
        rc = hash(cove__buf_slice(b), ret);
    cove__buf_wipe(b);
    return rc;
}

static int derive_key(struct proof *p)
{
    struct cove__buf text = COVE__BUF_INIT(TEXT_MAX);
    uint8_t secret[HASH_SIZE];
    int rc;

    cove__buf_init_secret(&text, TEXT_MAX);
    cove__buf_add_str(&text, p->login->user);
    cove__buf_add_char(&text, ':');
    put(&text, p->challenge.realm);
    cove__buf_add_char(&text, ':');
    cove__buf_add_str(&text, p->login->password);
    rc = hash_buf(&text, secret);
    if (rc < 0)
        return rc;
    cove__buf_add(&text, secret, sizeof secret);
    cove__buf_add_char(&text, ':');
    put(&text, p->challenge.nonce);
    cove__buf_add_char(&text, ':');
    cove__buf_add_str(&text, p->cnonce);
    OPENSSL_cleanse(secret, sizeof secret);
    return hash_buf(&text, p->key);
}

/* The proof of the client ("AUTHENTICATE") or the server (""). */
static int prove(const struct proof *p, const char *whose, char ret[2 * HASH_SIZE + 1])
{
    struct cove__buf text = COVE__BUF_INIT(TEXT_MAX);
    uint8_t purpose[HASH_SIZE], value[HASH_SIZE];
    int rc;

    cove__buf_addf(&text, "%s:%s%s", whose, p->login->service,
                   strcmp(p->quality, "auth") == 0 ? "" : ":00000000000000000000000000000000");
    rc = hash_buf(&text, purpose);
    if (rc < 0)
        return rc;
    put_hex(&text, p->key);
    cove__buf_add_char(&text, ':');
    put(&text, p->challenge.nonce);
    cove__buf_addf(&text, ":00000001:%s:%s:", p->cnonce, p->quality);
    put_hex(&text, purpose);
    rc = hash_buf(&text, value);
    if (rc == 0)
        cove__hex(value, sizeof value, ret);
    return rc;
}

static int derive(const uint8_t *key, size_t size, const char *purpose, uint8_t ret[HASH_SIZE])
{
    struct cove__buf text;

    cove__buf_init_secret(&text, 256);
    cove__buf_add(&text, key, size);
    cove__buf_add_str(&text, purpose);
    return hash_buf(&text, ret);
}

static int make_side(struct side *s, const struct proof *p, unsigned cipher, bool to_server)
{
    uint8_t key[HASH_SIZE];
    int rc = derive(p->key, sizeof p->key,
                    to_server ? "Digest session key to client-to-server signing key magic constant"
                              : "Digest session key to server-to-client signing key magic constant",
                    s->sign);

    if (rc < 0 || cipher == 0)
        return rc;
    rc = derive(p->key, sizeof p->key,
                to_server ? "Digest H(A1) to client-to-server sealing key magic constant"
                          : "Digest H(A1) to server-to-client sealing key magic constant",
                key);
    if (rc == 0)
        rc = cove__sasl_cipher_new(cipher, key, to_server, &s->cipher);
    OPENSSL_cleanse(key, sizeof key);
    return rc;
}

static void write_response(struct cove__buf *out, const struct proof *p, unsigned cipher, const char *response)
{
    cove__buf_addf(out, "charset=utf-8,username=\"%s\",realm=\"", p->login->user);
    put(out, p->challenge.realm);
    cove__buf_add_str(out, "\",nonce=\"");
    put(out, p->challenge.nonce);
    cove__buf_addf(out, "\",nc=00000001,cnonce=\"%s\",digest-uri=\"%s\",maxbuf=%d,response=%s,qop=%s", p->cnonce,
                   p->login->service, BUFFER_SIZE, response, p->quality);
    if (cipher)
        cove__buf_addf(out, ",cipher=%s", cipher == COVE__SASL_3DES ? "3des" : "rc4");
}

static int answer(struct proof *p, struct cove__sasl_digest *d, struct cove__buf *out)
{
    unsigned ciphers = p->challenge.ciphers, cipher = 0;
    char response[2 * HASH_SIZE + 1];
    size_t overhead = MAC_SIZE + TRAILER_SIZE + 8;
    int rc;

    if (d->quality == COVE__SASL_PRIVACY)
        cipher = ciphers & COVE__SASL_3DES ? COVE__SASL_3DES : COVE__SASL_RC4;
    if (!p->cnonce) {
        if (RAND_bytes(p->key, sizeof p->key) != 1)
            return COVE_ENOTSUP;
        cove__hex(p->key, sizeof p->key, p->chance);
        p->cnonce = p->chance;
    }
    d->max = p->challenge.max < BUFFER_SIZE ? p->challenge.max - overhead : BUFFER_SIZE - overhead;
    rc = derive_key(p);
    if (rc == 0)
        rc = prove(p, "AUTHENTICATE", response);
    if (rc == 0)
        rc = prove(p, "", d->expected);
    if (rc == 0 && d->quality != COVE__SASL_AUTH)
        rc = make_side(&d->out, p, cipher, true);
    if (rc == 0 && d->quality != COVE__SASL_AUTH)
        rc = make_side(&d->in, p, cipher, false);
    if (rc < 0)
        return rc;
    write_response(out, p, cipher, response);
    return cove__buf_rc(out);
}

int cove__sasl_digest_answer(struct cove__slice challenge, const struct cove__sasl_digest_login *login,
                             struct cove__buf *out, struct cove__sasl_digest **ret, const char **ret_why)
{
    static const char *const names[] = {
        [COVE__SASL_AUTH] = "auth", [COVE__SASL_INTEGRITY] = "auth-int", [COVE__SASL_PRIVACY] = "auth-conf"
    };
    struct proof p = { .login = login, .cnonce = login->cnonce };
    struct cove__sasl_digest *d;
    unsigned quality;
    int rc;

    *ret_why = "the challenge of DIGEST-MD5 is malformed";
    if (read_challenge(challenge, &p.challenge) < 0 || !p.challenge.nonce.data || p.challenge.max < 64)
        return COVE_EPROTOCOL;
    *ret_why = "the server offers no quality of protection that the settings accept";
    quality = cove__sasl_choose(&login->qualities, p.challenge.qualities);
    if (quality == 0)
        return COVE_EAUTH;
    *ret_why = "the server offers neither 3des nor rc4 for privacy";
    if (quality == COVE__SASL_PRIVACY && p.challenge.ciphers == 0)
        return COVE_EAUTH;
    d = cove__calloc(1, sizeof *d);
    if (!d)
        return COVE_ENOMEM;
    d->quality = quality;
    p.quality = names[quality];
    rc = answer(&p, d, out);
    OPENSSL_cleanse(&p, sizeof p);
    *ret_why = rc == COVE_ENOTSUP ? "OpenSSL refuses MD5 or 3DES, which DIGEST-MD5 needs (FIPS mode?)" : "no memory";
    if (rc == 0)
        *ret = d;
    else
        cove__sasl_digest_free(d);
    return rc;
}

int cove__sasl_digest_check(const struct cove__sasl_digest *d, struct cove__slice last)
{
    struct challenge c;

    if (read_challenge(last, &c) < 0 || c.rspauth.size != 2 * HASH_SIZE ||
        CRYPTO_memcmp(c.rspauth.data, d->expected, 2 * HASH_SIZE) != 0)
        return COVE_EAUTH;
    return 0;
}

unsigned cove__sasl_digest_quality(const struct cove__sasl_digest *d)
{
    return d->quality;
}

void cove__sasl_digest_free(struct cove__sasl_digest *d)
{
    if (!d)
        return;
    cove__sasl_cipher_free(d->out.cipher);
    cove__sasl_cipher_free(d->in.cipher);
    OPENSSL_cleanse(d, sizeof *d);
    cove__free(d);
}

/* ---- the security layer ---- */

/* HMAC-MD5 of the number and the bytes, of which MAC_SIZE bytes are sent. */
static int sign(const struct side *s, uint32_t number, struct cove__slice data, uint8_t ret[HASH_SIZE])
{
    const uint8_t be[4] = { (uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number };
    uint8_t inner[64], outer[64];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const EVP_MD *md = cove__md5_md();
    bool done;

    for (size_t i = 0; i < sizeof inner; i++) {
        inner[i] = (i < HASH_SIZE ? s->sign[i] : 0) ^ 0x36;
        outer[i] = (i < HASH_SIZE ? s->sign[i] : 0) ^ 0x5C;
    }
    done = ctx && md && EVP_DigestInit_ex(ctx, md, NULL) && EVP_DigestUpdate(ctx, inner, sizeof inner) &&
           EVP_DigestUpdate(ctx, be, sizeof be) && EVP_DigestUpdate(ctx, data.data, data.size) &&
           EVP_DigestFinal_ex(ctx, ret, NULL) && EVP_DigestInit_ex(ctx, md, NULL) &&
           EVP_DigestUpdate(ctx, outer, sizeof outer) && EVP_DigestUpdate(ctx, ret, HASH_SIZE) &&
           EVP_DigestFinal_ex(ctx, ret, NULL);
    EVP_MD_CTX_free(ctx);
    OPENSSL_cleanse(inner, sizeof inner);
    OPENSSL_cleanse(outer, sizeof outer);
    return done ? 0 : COVE_ENOTSUP;
}

size_t cove__sasl_digest_max(const struct cove__sasl_digest *d)
{
    return d->max;
}

static void put_trailer(uint8_t out[TRAILER_SIZE], uint32_t number)
{
    const uint8_t bytes[TRAILER_SIZE] = {
        0, 1, (uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number
    };

    memcpy(out, bytes, sizeof bytes);
}

int cove__sasl_digest_seal(struct cove__sasl_digest *d, struct cove__slice data, struct cove__buf *out)
{
    struct side *s = &d->out;
    size_t start = out->size, block = s->cipher ? cove__sasl_cipher_block(s->cipher) : 1;
    size_t pad = block > 1 ? block - (data.size + MAC_SIZE) % block : 0;
    uint8_t mac[HASH_SIZE], trailer[TRAILER_SIZE];
    int rc = sign(s, s->number, data, mac);

    if (rc < 0)
        return rc;
    cove__buf_add_slice(out, data);
    for (size_t i = 0; i < pad; i++)
        cove__buf_add_char(out, (char)pad);
    cove__buf_add(out, mac, MAC_SIZE);
    rc = cove__buf_rc(out);
    if (rc == 0 && s->cipher)
        rc = cove__sasl_cipher_apply(s->cipher, out->data + start, out->size - start);
    put_trailer(trailer, s->number++);
    cove__buf_add(out, trailer, sizeof trailer);
    return rc < 0 ? rc : cove__buf_rc(out);
}

int cove__sasl_digest_open(struct cove__sasl_digest *d, struct cove__slice sealed, struct cove__buf *out)
{
    struct side *s = &d->in;
    size_t start = out->size, block = s->cipher ? cove__sasl_cipher_block(s->cipher) : 1, size, pad = 0;
    uint8_t mac[HASH_SIZE], trailer[TRAILER_SIZE];
    int rc;

    put_trailer(trailer, s->number);
    if (sealed.size < MAC_SIZE + TRAILER_SIZE ||
        memcmp(sealed.data + sealed.size - TRAILER_SIZE, trailer, sizeof trailer) != 0)
        return COVE_ECORRUPT;
    size = sealed.size - TRAILER_SIZE;
    if (size % block != 0)
        return COVE_ECORRUPT;
    rc = cove__buf_add(out, sealed.data, size);
    if (rc == 0 && s->cipher)
        rc = cove__sasl_cipher_apply(s->cipher, out->data + start, size);
    if (rc < 0)
        return rc;
    size -= MAC_SIZE;
    if (block > 1)
        pad = size > 0 ? out->data[start + size - 1] : 0;
    if (pad > size || (block > 1 && (pad == 0 || pad > block)))
        return COVE_ECORRUPT;
    rc = sign(s, s->number, cove__slice(out->data + start, size - pad), mac);
    if (rc < 0)
        return rc;
    if (CRYPTO_memcmp(mac, out->data + start + size, MAC_SIZE) != 0)
        return COVE_ECORRUPT;
    s->number++;
    out->size = start + size - pad;
    return 0;
}
