/*
 * What this store of S3's protocol can do: by options, by the table (s3_stores.c), and by its responses. What it
 * refuses a request for, and the checksums that it takes.
 */
#include "fs/s3/s3_capabilities.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "fs/s3/s3_request.h"
#include "wire/digest.h"

/* ---- by options ---- */

/* Of an option that is auto (-1), true or false. */
static void set_maybe(struct cove__s3 *s3, enum cove__capability capability, int value)
{
    if (value >= 0)
        cove__capability_set(&s3->store.capabilities, capability, value != 0);
}

const struct s3_store *cove__s3_choose_store(struct cove__s3 *s3, char ret_region[64])
{
    struct cove__slice region = cove__slice("", 0);
    const struct s3_store *store = s3->own_endpoint ? cove__s3_store_at(cove__slice_str(s3->host), &region) : NULL;

    if (strcmp(s3->o.store, "auto") != 0)
        store = cove__s3_store_named(s3->o.store);
    else if (!s3->own_endpoint)
        store = &cove__s3_stores[0];
    s3->identified = store;
    s3->product = store ? store : &cove__s3_any_store;
    if (region.size > 0 && region.size < 64)
        snprintf(ret_region, 64, "%.*s", (int)region.size, (const char *)region.data);
    else
        snprintf(ret_region, 64, "%s", store && store->region ? store->region : "us-east-1");
    return s3->product;
}

void cove__s3_capabilities_open(struct cove__s3 *s3)
{
    struct cove__capabilities *c = &s3->store.capabilities;
    const struct s3_options *o = &s3->o;

    if (o->conditional_writes > 0) {
        cove__capability_set(c, COVE__PUT_CONDITIONS, true);
        cove__capability_set(c, COVE__UPLOAD_CONDITIONS, true);
    }
    c->check_only = o->conditional_writes == 0;
    set_maybe(s3, COVE__COPY_SOURCE_CONDITIONS, c->check_only ? 0 : o->conditional_copies);
    set_maybe(s3, COVE__DELETE_CONDITIONS, c->check_only ? 0 : o->conditional_deletes);
    if (c->check_only || o->conditional_deletes == 0)
        cove__capability_set(c, COVE__BATCH_CONDITIONS, false);
    if (c->check_only)
        cove__capability_set(c, COVE__COPY_TARGET_CONDITIONS, false);
    set_maybe(s3, COVE__PART_COPY, o->part_copy);
    set_maybe(s3, COVE__BATCH_DELETE, o->batch_delete);
    if (o->fixed_upload_size >= 0)
        cove__capability_set(c, COVE__UNEQUAL_PARTS, o->fixed_upload_size == 0);
    if (strcmp(o->checksum, "auto") != 0)
        cove__capability_set(c, COVE__CRC32C, strcmp(o->checksum, "crc32c") == 0);
    c->no_checksums = strcmp(o->checksum, "none") == 0;
}

/* ---- by the table ---- */

bool cove__s3_is_directory(const struct cove__object_store *store, struct cove__slice bucket)
{
    return ((const struct cove__s3 *)store)->rules.directories && cove__s3_zone(bucket).size > 0;
}

enum cove__can cove__s3_can(const struct cove__object_store *store, enum cove__capability capability)
{
    const struct s3_store *product = ((const struct cove__s3 *)store)->product;

    return capability == COVE__SUFFIX_RANGES ? COVE__CAN_YES : (enum cove__can)product->can[capability];
}

const char *cove__s3_product(const struct cove__object_store *store)
{
    const struct s3_store *product = ((const struct cove__s3 *)store)->product;
    return product->name;
}

/* ---- by responses ---- */

/* The first response identifies the store, where the endpoint's name has not. Those of a proxy that cannot reach the
 * store (5xx) don't. */
void cove__s3_identify_store(const struct cove__object_request *r)
{
    struct cove__s3 *s3 = cove__s3_of(r);
    char server[COVE__HEADER_MAX];

    if (s3->identified || r->http.status >= 500 || r->http.status < 200)
        return;
    if (cove__object_response_header(r, "server", server)) {
        const struct s3_store *store = cove__s3_store_serving(server);
        if (store)
            s3->product = store;
    }
    s3->identified = true;
}

/* ---- reasons for a refusal ---- */

/* A condition's own header is named by those stores that name any. */
static bool names_condition(const struct s3_error_body *e)
{
    return strncasecmp(e->header, "If-", 3) == 0 || strcasestr(e->message, "If-Match") ||
           strcasestr(e->message, "If-None-Match");
}

static bool refuses_some_header(const struct cove__object_request *r, struct s3_error_body *e)
{
    int status = r->http.status;

    memset(e, 0, sizeof *e);
    if (status != 400 && status != 501)
        return false;
    if (r->http.response.size == 0) /* as of HEAD */
        return status == 501 || r->is_head;
    return cove__s3_read_error(cove__buf_slice(&r->http.response), e) == 0 && e->code[0] != '\0';
}

bool cove__s3_refuses_checksum(const struct cove__object_request *r)
{
    struct s3_error_body e;

    if (!refuses_some_header(r, &e))
        return false;
    if (e.code[0] == '\0')
        return true;
    if (strcasestr(e.header, "checksum"))
        return true;
    if (strcmp(e.code, "NotImplemented") == 0)
        return e.header[0] == '\0' && !names_condition(&e);
    return (strcmp(e.code, "InvalidArgument") == 0 || strcmp(e.code, "InvalidRequest") == 0 ||
            strcmp(e.code, "InvalidHeader") == 0) &&
           strcasestr(e.message, "checksum");
}

bool cove__s3_refuses_condition(const struct cove__object_request *r)
{
    struct s3_error_body e;

    if (r->http.op.rc >= 0 || !refuses_some_header(r, &e))
        return false;
    if (strcmp(e.code, "NotImplemented") == 0 || (e.code[0] == '\0' && r->http.status == 501))
        return e.header[0] == '\0' || names_condition(&e);
    return names_condition(&e);
}

bool cove__s3_refuses_operation(const struct cove__object_request *r)
{
    return r->http.op.rc < 0 && (strcmp(r->code, "NotImplemented") == 0 || strcmp(r->code, "MethodNotAllowed") == 0 ||
                                 r->http.status == 501 || r->http.status == 405);
}

/* ---- checksums of a request ---- */

void cove__s3_add_checksums(struct cove__object_request *r, struct cove__buf *headers)
{
    char text[COVE__BASE64_SIZE(4)];

    if (r->wants_checksum && !r->checksum_refused)
        cove__buf_add_str(headers, "x-amz-checksum-mode: ENABLED\n");
    if (r->announces_checksums && !r->checksum_refused)
        cove__buf_add_str(headers, "x-amz-checksum-algorithm: CRC32C\nx-amz-checksum-type: FULL_OBJECT\n");
    if (r->checksum == COVE__CHECKSUM_CRC32C) {
        cove__base64_be32(r->crc32c, text);
        cove__buf_addf(headers, "x-amz-checksum-crc32c: %s\n", text);
    }
    if (r->md5[0] != '\0')
        cove__buf_addf(headers, "Content-MD5: %s\n", r->md5);
}

bool cove__s3_give_up_checksums(struct cove__object_request *r)
{
    struct cove__s3 *s3 = cove__s3_of(r);

    if (r->checksum_refused || cove__object_can(r->store, COVE__CRC32C) == COVE__CAN_YES)
        return false;
    if (!r->wants_checksum && !r->announces_checksums && r->checksum != COVE__CHECKSUM_CRC32C)
        return false;
    if (!cove__s3_refuses_checksum(r))
        return false;
    r->checksum_refused = true;
    if (r->checksum != COVE__CHECKSUM_CRC32C)
        return true;
    r->checksum = COVE__CHECKSUM_NONE;
    /* Without MD5 (FIPS) the signature vouches for the bytes. */
    return cove__object_use_md5(r) || !s3->provider ||
           cove__sha256_hex(r->http.body, cove__s3_state(r)->payload_hash) == 0;
}

/* A checksum of parts' checksums ("...-3", type COMPOSITE) is not a checksum of the bytes. */
bool cove__s3_response_crc32c(const struct cove__object_request *r, uint32_t *ret)
{
    char text[COVE__HEADER_MAX];

    if (cove__object_response_header(r, "x-amz-checksum-type", text) && strcmp(text, "FULL_OBJECT") != 0)
        return false;
    return cove__object_response_header(r, "x-amz-checksum-crc32c", text) && cove__base64_to_be32(text, ret);
}
