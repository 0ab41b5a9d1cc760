/* A request to the blob service: its URL, headers and signature before each attempt (struct cove__object_ops). */
#include "fs/azure/azure_request.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "auth/azure_shared_key.h"
#include "auth/oauth_token.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "net/header.h"
#include "wire/crc64.h"
#include "wire/digest.h"
#include "wire/uri.h"

#define LINES_MAX ((size_t)128 << 10)
#define TOKEN_MAX ((size_t)32 << 10)
#define URL_MAX   ((size_t)32 << 10)
#define SAS_S     3600 /* that a copy's source may be read */

void cove__azure_request_init(struct cove__object_request *r)
{
    cove__azure_add_version(r->name, &r->query);
}

static void drop_credentials(struct cove__object_request *r)
{
    cove__credentials_unref(cove__azure_state(r)->credentials);
    cove__azure_state(r)->credentials = NULL;
}

void cove__azure_request_done(struct cove__object_request *r)
{
    drop_credentials(r);
    cove__free(cove__azure_state(r)->naming);
    cove__azure_state(r)->naming = NULL;
}

void cove__azure_set_checksum(struct cove__object_request *r, struct cove__slice bytes)
{
    struct azure_state *state = cove__azure_state(r);

    state->crc64 = cove__crc64nvme(0, bytes.data, bytes.size);
    state->has_crc64 = true;
}

void cove__azure_body(struct cove__object_request *r)
{
    struct azure_state *state = cove__azure_state(r);

    if (r->checksum == COVE__CHECKSUM_NONE)
        return;
    state->crc64 = r->body_crc64 ? *r->body_crc64 : cove__crc64nvme(0, r->http.body.data, r->http.body.size);
    state->has_crc64 = true;
}

/* ---- the address ---- */

void cove__azure_add_path(const struct cove__azure *azure, struct cove__object_name name, struct cove__buf *path)
{
    cove__buf_add_str(path, azure->account.endpoint.base);
    cove__buf_add_char(path, '/');
    cove__uri_encode(path, name.bucket, false);
    if (name.key.size > 0) {
        cove__buf_add_char(path, '/');
        cove__uri_encode(path, name.key, true);
    }
}

void cove__azure_add_version(struct cove__object_name name, struct cove__buf *query)
{
    if (name.version.size > 0)
        cove__uri_add_pair(query, name.other_mark ? "snapshot" : "versionid", name.version);
}

static const char *protocol(const struct cove__azure *azure)
{
    return azure->account.endpoint.tls ? "https" : "http";
}

static struct cove__shared_key key_of(const struct azure_account *account)
{
    return (struct cove__shared_key){ account->name, cove__slice(account->key, account->key_size) };
}

/* ---- lines ---- */

/* Properties of a blob have names of the service where it is made; the others stay as they are. */
static const char *property(struct cove__slice name)
{
    static const char *const rows[][2] = {
        { "Content-Type", "x-ms-blob-content-type" },
        { "Cache-Control", "x-ms-blob-cache-control" },
        { "Content-Encoding", "x-ms-blob-content-encoding" },
        { "Content-Language", "x-ms-blob-content-language" },
        { "Content-Disposition", "x-ms-blob-content-disposition" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (name.size == strlen(rows[i][0]) && strncasecmp((const char *)name.data, rows[i][0], name.size) == 0)
            return rows[i][1];
    }
    return NULL;
}

/* The engine's lines. A copy takes over the properties of its source, and a change of metadata keeps them: neither has
 * headers for them. */
static int add_lines(struct cove__object_request *r)
{
    enum azure_kind kind = cove__azure_state(r)->kind;
    struct cove__buf lines = COVE__BUF_SECRET(LINES_MAX), *headers = &r->http.headers;
    bool makes = kind == AZURE_PUT || kind == AZURE_COMMIT;

    cove__object_add_headers(r, &lines);
    cove__azure_state(r)->sends_tags = false;
    struct cove__slice rest = cove__buf_slice(&lines);
    int rc = cove__buf_rc(&lines);
    while (rc == 0 && rest.size > 0) {
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        struct cove__slice line = cove__slice(rest.data, end ? (size_t)(end - rest.data) : rest.size);
        const uint8_t *colon = memchr(line.data, ':', line.size);
        struct cove__slice name = cove__slice(line.data, colon ? (size_t)(colon - line.data) : line.size);
        const char *own = property(name);
        rest = cove__slice_sub(rest, line.size + 1, SIZE_MAX);
        if (own && (kind == AZURE_COPY || kind == AZURE_METADATA))
            continue;
        if (cove__slice_eq(name, cove__slice_str("x-ms-tags"))) {
            if (atomic_load(&cove__azure_of(r)->cannot_tag))
                continue;
            cove__azure_state(r)->sends_tags = true;
        }
        if (own && makes)
            cove__buf_add_str(headers, own);
        else
            cove__buf_add_slice(headers, name);
        cove__buf_add_slice(headers, cove__slice_sub(line, name.size, SIZE_MAX));
        rc = cove__buf_add_char(headers, '\n');
    }
    cove__buf_done(&lines);
    return rc;
}

void cove__azure_add_checksum(const struct cove__object_request *r, struct cove__buf *headers)
{
    const struct azure_state *state = cove__azure_state(r);
    char text[COVE__BASE64_SIZE(8)];

    if (!state->has_crc64)
        return;
    cove__base64_le64(state->crc64, text);
    cove__buf_addf(headers, "x-ms-%scontent-crc64: %s\n", state->source.bucket.size > 0 ? "source-" : "", text);
}

/* ---- credentials ---- */

int cove__azure_get_token(struct cove__object_request *r, struct cove_error *err)
{
    struct cove__azure *azure = cove__azure_of(r);
    struct azure_state *state = cove__azure_state(r);
    struct cove_error why = COVE_ERROR_INIT;

    drop_credentials(r); /* the last attempt's */
    int rc = cove__provider_get(azure->provider, &r->http, &state->use, &state->credentials, &why);
    if (rc < 0) {
        cove__object_fail(r, err, rc, "%s", why.message);
        err->http_status = why.http_status;
        cove__error_store_code(err, why.store_code);
    } else if (rc == COVE__CREDENTIALS_UNCHANGED) {
        cove__error_copy(err, &why);
    }
    return rc;
}

/* "Authorization", or the like for the source of a copy. */
static int add_token(const struct cove__object_request *r, const char *header, struct cove__buf *lines)
{
    const struct azure_state *state = cove__azure_state(r);
    const char *token = state->credentials ? cove__oauth_token_of(state->credentials)->token : NULL;
    struct cove__buf value = COVE__BUF_SECRET(TOKEN_MAX);

    if (!token)
        return 0;
    cove__buf_addf(&value, "Bearer %s", token);
    int rc = cove__buf_rc(&value);
    if (rc == 0)
        rc = cove__header_append(lines, header, cove__buf_slice(&value));
    cove__buf_wipe(&value);
    return rc;
}

/* The URL of a copy's source. Its right to be read is a SAS: the caller's, or one that is signed for it; a token goes
 * into a header; within one account, Copy Blob needs none. */
static int add_source(struct cove__object_request *r)
{
    const struct azure_state *state = cove__azure_state(r);
    const struct cove__azure *azure = cove__azure_of(r);
    struct cove__buf url = COVE__BUF_SECRET(URL_MAX), query = COVE__BUF_SECRET(URL_MAX);
    int rc = 0;

    if (state->source.bucket.size == 0 || (state->kind != AZURE_COPY && state->kind != AZURE_BLOCK))
        return 0;
    cove__azure_add_version(state->source, &query);
    if (azure->account.sas) {
        cove__buf_addf(&query, "%s%s", query.size > 0 ? "&" : "", azure->account.sas);
    } else if (azure->account.key_size > 0 && state->kind == AZURE_BLOCK) {
        const struct cove__shared_key key = key_of(&azure->account);
        const struct cove__blob_sas sas = { .permissions = "r",
                                            .container = state->source.bucket,
                                            .blob = state->source.key,
                                            .version = state->source.version,
                                            .of_snapshot = state->source.other_mark,
                                            .protocol = "",
                                            .expires_ns = cove__object_now(r->store) + SAS_S * COVE__SEC };
        rc = cove__blob_sas_sign(&key, &sas, &query);
    } else if (azure->provider) {
        rc = add_token(r, "x-ms-copy-source-authorization", &r->http.headers);
    }
    cove__buf_addf(&url, "%s://%s", protocol(azure), azure->account.endpoint.host);
    cove__azure_add_path(azure, state->source, &url);
    if (query.size > 0)
        cove__buf_addf(&url, "?%s", cove__buf_str(&query));
    if (rc == 0)
        rc = cove__buf_rc(&query);
    if (rc == 0)
        rc = cove__buf_rc(&url);
    if (rc == 0)
        rc = cove__header_append(&r->http.headers, "x-ms-copy-source", cove__buf_slice(&url));
    cove__buf_done(&query);
    cove__buf_done(&url);
    return rc;
}

int cove__azure_authorize(const struct cove__object_request *r, struct cove__shared_key_request to_sign,
                          struct cove__buf *lines)
{
    const struct azure_account *account = &cove__azure_of(r)->account;

    if (account->key_size == 0)
        return add_token(r, "Authorization", lines);
    const struct cove__shared_key key = key_of(account);
    to_sign.headers = cove__buf_slice(lines);
    return cove__shared_key_sign(&key, &to_sign, lines);
}

int cove__azure_authorize_part(const struct cove__object_request *r, const char *path, struct cove__buf *query,
                               struct cove__buf *lines)
{
    const struct azure_account *account = &cove__azure_of(r)->account;
    char date[COVE__HTTP_DATE_SIZE];
    int rc = 0;

    if (!cove__azure_state(r)->signs)
        return 0;
    cove__format_http_date(cove__object_now(r->store), date);
    cove__buf_addf(lines, "x-ms-date: %s\n", date);
    if (cove__buf_rc(lines) == 0 && cove__buf_rc(query) == 0)
        rc = cove__azure_authorize(
            r, (struct cove__shared_key_request){ "DELETE", path, cove__buf_str(query), { 0 }, 0 }, lines);
    if (account->sas)
        cove__buf_addf(query, "%s%s", query->size > 0 ? "&" : "", account->sas);
    return rc < 0 ? rc : cove__buf_rc(query) < 0 ? cove__buf_rc(query) : cove__buf_rc(lines);
}

/* The parts of a batch have the date and the credentials of each attempt. */
static int sign_parts(struct cove__object_request *r)
{
    if (cove__azure_state(r)->kind != AZURE_BATCH)
        return 0;
    cove__azure_state(r)->signs = true;
    return cove__object_batch_write(r);
}

/* ---- an attempt ---- */

static void set_kind(struct cove__object_request *r)
{
    struct azure_state *state = cove__azure_state(r);

    if (state->kind == AZURE_ANY && strcmp(r->http.method, "PUT") == 0 && r->name.key.size > 0)
        state->kind = AZURE_PUT;
}

int cove__azure_prepare(struct cove__object_request *r, struct cove_error *err)
{
    const struct cove__azure *azure = cove__azure_of(r);
    const struct azure_account *account = &azure->account;
    struct cove__buf path = COVE__BUF_INIT(URL_MAX), *url = &r->http.url, *headers = &r->http.headers;
    char date[COVE__HTTP_DATE_SIZE];

    set_kind(r);
    int rc = cove__azure_check_steps(r, cove__azure_state(r)->source.key, err);
    if (rc == 0 && azure->provider)
        rc = cove__azure_get_token(r, err);
    if (rc != 0)
        return rc;
    rc = sign_parts(r);
    cove__azure_add_path(azure, r->name, &path);
    cove__buf_addf(url, "%s://%s%s", protocol(azure), account->endpoint.host, cove__buf_str(&path));
    if (r->query.size > 0)
        cove__buf_addf(url, "?%s", cove__buf_str(&r->query));
    if (account->sas)
        cove__buf_addf(url, "%s%s", r->query.size > 0 ? "&" : "?", account->sas);
    cove__format_http_date(cove__object_now(r->store), date);
    cove__buf_addf(headers, "x-ms-date: %s\nx-ms-version: " COVE__AZURE_VERSION "\n", date);
    if (cove__azure_state(r)->kind == AZURE_PUT)
        cove__buf_add_str(headers, "x-ms-blob-type: BlockBlob\n");
    bool is_list = cove__azure_state(r)->kind == AZURE_BLOCK_LIST; /* the lines and the checksum are the block's */
    if (rc == 0 && !is_list)
        rc = add_lines(r);
    if (!is_list)
        cove__azure_add_checksum(r, headers);
    if (rc == 0)
        rc = cove__buf_rc(&path) < 0 ? cove__buf_rc(&path) : cove__buf_rc(url);
    if (rc == 0)
        rc = add_source(r);
    if (rc == 0) {
        const struct cove__shared_key_request to_sign = {
            r->http.method, cove__buf_str(&path), cove__buf_str(&r->query), { 0 }, r->http.body.size
        };
        rc = cove__azure_authorize(r, to_sign, headers);
    }
    if (rc == 0)
        rc = cove__buf_rc(headers);
    cove__buf_done(&path);
    if (rc < 0)
        cove__object_fail(r, err, rc, "the request cannot be made: %s", cove_code_phrase(rc));
    return rc;
}

/* A token that has ended, or was revoked. */
bool cove__azure_credentials_refused(struct cove__object_request *r)
{
    struct cove__azure *azure = cove__azure_of(r);

    return r->http.status == 401 && azure->provider &&
           cove__provider_invalidate(azure->provider, &cove__azure_state(r)->use);
}
