/*
 * What this filesystem's store can: an option says so, or the store has shown it, or the table has it (s3_stores.c).
 * Asked by the operations before they rely on a trait; told by s3_request.c and by operations that were refused.
 *
 * What a store lacks is never passed over in silence where it guards data: a checksum gives way to another one, a
 * copy to the bytes themselves; a condition to an error, unless the user has asked for the weaker way.
 */
#include <stdio.h>
#include <strings.h>

#include "base/error.h"
#include "base/log.h"
#include "fs/s3/s3.h"
#include "wire/digest.h"

/* ---- from the options ---- */

static void set(struct cove__s3 *s3, enum cove__capability trait, bool can)
{
    s3->traits.set[trait] = can ? COVE__CAN_YES : COVE__CAN_NO;
}

/* Of an option that is auto (-1), true or false. */
static void set_maybe(struct cove__s3 *s3, enum cove__capability trait, int value)
{
    if (value >= 0)
        set(s3, trait, value != 0);
}

const struct s3_store *cove__s3_choose_store(struct cove__s3 *s3, char ret_region[64])
{
    struct s3_capabilities *t = &s3->traits;
    struct cove__slice region = cove__slice("", 0);
    const struct s3_store *store = s3->own_endpoint ? cove__s3_store_at(cove__slice_str(s3->host), &region) : NULL;

    if (strcmp(s3->o.store, "auto") != 0)
        store = cove__s3_store_named(s3->o.store);
    else if (!s3->own_endpoint)
        store = &cove__s3_stores[0];
    t->met = store != NULL;
    t->store = store != NULL ? store : &cove__s3_any_store;
    if (region.size > 0 && region.size < 64)
        snprintf(ret_region, 64, "%.*s", (int)region.size, (const char *)region.data);
    else
        snprintf(ret_region, 64, "%s", store != NULL && store->region != NULL ? store->region : "us-east-1");
    return t->store;
}

void cove__s3_capabilities_open(struct cove__s3 *s3)
{
    struct s3_capabilities *t = &s3->traits;
    const struct s3_options *o = &s3->o;

    if (o->conditional_writes > 0) {
        set(s3, COVE__PUT_CONDITIONS, true);
        set(s3, COVE__UPLOAD_CONDITIONS, true);
    }
    t->look_only = o->conditional_writes == 0;
    set_maybe(s3, COVE__COPY_SOURCE_CONDITIONS, t->look_only ? 0 : o->conditional_copies);
    set_maybe(s3, COVE__DELETE_CONDITIONS, t->look_only ? 0 : o->conditional_deletes);
    if (t->look_only || o->conditional_deletes == 0)
        set(s3, COVE__BATCH_CONDITIONS, false);
    if (t->look_only)
        set(s3, COVE__COPY_TARGET_CONDITIONS, false);
    set_maybe(s3, COVE__PART_COPY, o->part_copy);
    set_maybe(s3, COVE__BATCH_DELETE, o->batch_delete);
    if (o->fixed_upload_size >= 0)
        set(s3, COVE__UNEQUAL_PARTS, o->fixed_upload_size == 0);
    if (strcmp(o->checksum, "auto") != 0)
        set(s3, COVE__CRC32C, strcmp(o->checksum, "crc32c") == 0);
    t->no_sums = strcmp(o->checksum, "none") == 0;
}

/* ---- asked ---- */

bool cove__s3_is_directory(const struct cove__s3 *s3, struct cove__slice bucket)
{
    return s3->rules.directories && cove__s3_zone(bucket).size > 0;
}

enum cove__can cove__object_can(struct cove__s3 *s3, enum cove__capability trait)
{
    const struct s3_capabilities *t = &s3->traits;

    if (t->set[trait] != COVE__CAN_MAYBE)
        return (enum cove__can)t->set[trait];
    unsigned char learned = t->learned[trait];
    if (learned != COVE__CAN_MAYBE)
        return (enum cove__can)learned;
    const struct s3_store *store = t->store;
    return (enum cove__can)store->can[trait];
}

enum cove__condition_mode cove__object_condition_mode(struct cove__s3 *s3, enum cove__capability trait)
{
    if (s3->traits.look_only)
        return COVE__CONDITION_CHECKED;
    switch (cove__object_can(s3, trait)) {
    case COVE__CAN_YES:
        return COVE__CONDITION_SENT;
    case COVE__CAN_MAYBE:
        return COVE__CONDITION_SENT_AND_CHECKED;
    case COVE__CAN_NO:
        break;
    }
    return COVE__CONDITION_UNSUPPORTED;
}

int cove__object_no_conditions(struct cove__s3 *s3, const struct cove__ctx *ctx, struct cove_error *err)
{
    const struct s3_store *store = s3->traits.store;
    return cove__fail(err, COVE_ENOTSUP,
                      "%s %s: the store (%s) has no conditional writes; conditional_writes=false has the object looked "
                      "at before the write instead, which another writer can slip past",
                      ctx->op, ctx->url, store->name);
}

enum cove__checksum_kind cove__object_checksum(struct cove__s3 *s3)
{
    if (s3->traits.no_sums)
        return COVE__CHECKSUM_NONE;
    return cove__object_can(s3, COVE__CRC32C) == COVE__CAN_NO ? COVE__CHECKSUM_MD5 : COVE__CHECKSUM_CRC32C;
}

/* ---- told ---- */

static const char *const trait_names[COVE__N_CAPABILITIES] = {
    [COVE__PUT_CONDITIONS] = "conditional writes",
    [COVE__UPLOAD_CONDITIONS] = "conditional ends of uploads",
    [COVE__COPY_SOURCE_CONDITIONS] = "conditional copies",
    [COVE__COPY_TARGET_CONDITIONS] = "conditional replacements by copies",
    [COVE__DELETE_CONDITIONS] = "conditional deletions",
    [COVE__BATCH_CONDITIONS] = "conditional DeleteObjects",
    [COVE__CRC32C] = "CRC32C checksums",
    [COVE__COPIED_PART_CHECKSUMS] = "checksums of copied parts",
    [COVE__PART_COPY] = "UploadPartCopy",
    [COVE__BATCH_DELETE] = "DeleteObjects",
    [COVE__UNEQUAL_PARTS] = "parts of different sizes",
    [COVE__UPLOADS_BY_PREFIX] = "listing uploads by prefix",
};

void cove__object_learn_missing(const struct cove__object_request *r, enum cove__capability trait)
{
    struct s3_capabilities *t = &r->s3->traits;

    if (t->set[trait] == COVE__CAN_MAYBE && t->learned[trait] != COVE__CAN_NO) {
        t->learned[trait] = COVE__CAN_NO;
        cove__log(COVE_LOG_INFO, "s3", "%s: the store has no %s", r->http.op.ctx.url, trait_names[trait]);
    }
}

/* The first reply tells who serves, where the endpoint's name has not. Those of a proxy that cannot reach the store
 * (5xx) don't. */
void cove__s3_identify_store(const struct cove__object_request *r)
{
    struct s3_capabilities *t = &r->s3->traits;
    char server[COVE__HEADER_MAX];

    if (t->met || r->http.status >= 500 || r->http.status < 200)
        return;
    if (cove__object_reply_header(r, "server", server)) {
        const struct s3_store *store = cove__s3_store_serving(server);
        if (store != NULL)
            t->store = store;
    }
    t->met = true;
}

/* ---- what a refusal is of ---- */

/* A condition's own header is named by those stores that name any. */
static bool names_condition(const struct s3_error_body *e)
{
    return strncasecmp(e->header, "If-", 3) == 0 || strcasestr(e->message, "If-Match") != NULL ||
           strcasestr(e->message, "If-None-Match") != NULL;
}

static bool refuses_some_header(const struct cove__object_request *r, struct s3_error_body *e)
{
    int status = r->http.status;

    memset(e, 0, sizeof *e);
    if (status != 400 && status != 501)
        return false;
    if (r->http.reply.size == 0) /* as of HEAD */
        return status == 501 || cove__object_is_head(r);
    return cove__s3_read_error(cove__buf_slice(&r->http.reply), e) == 0 && e->code[0] != '\0';
}

bool cove__s3_refuses_checksum(const struct cove__object_request *r)
{
    struct s3_error_body e;

    if (!refuses_some_header(r, &e))
        return false;
    if (e.code[0] == '\0')
        return true;
    if (strcasestr(e.header, "checksum") != NULL)
        return true;
    if (strcmp(e.code, "NotImplemented") == 0)
        return e.header[0] == '\0' && !names_condition(&e);
    return (strcmp(e.code, "InvalidArgument") == 0 || strcmp(e.code, "InvalidRequest") == 0 ||
            strcmp(e.code, "InvalidHeader") == 0) &&
           strcasestr(e.message, "checksum") != NULL;
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

    if (r->asks_sum && !r->sum_refused)
        cove__buf_add_str(headers, "x-amz-checksum-mode: ENABLED\n");
    if (r->announces_sum && !r->sum_refused)
        cove__buf_add_str(headers, "x-amz-checksum-algorithm: CRC32C\nx-amz-checksum-type: FULL_OBJECT\n");
    if (r->sum == COVE__CHECKSUM_CRC32C) {
        cove__base64_be32(r->crc32c, text);
        cove__buf_addf(headers, "x-amz-checksum-crc32c: %s\n", text);
    }
    if (r->md5[0] != '\0')
        cove__buf_addf(headers, "Content-MD5: %s\n", r->md5);
}

bool cove__s3_use_md5(struct cove__object_request *r)
{
    if (r->md5[0] == '\0' && cove__md5_base64(r->http.body, r->md5) < 0)
        r->md5[0] = '\0';
    return r->md5[0] != '\0';
}

bool cove__s3_give_up_checksums(struct cove__object_request *r)
{
    struct cove__s3 *s3 = r->s3;

    if (r->sum_refused || cove__object_can(s3, COVE__CRC32C) == COVE__CAN_YES)
        return false;
    if (!r->asks_sum && !r->announces_sum && r->sum != COVE__CHECKSUM_CRC32C)
        return false;
    if (!cove__s3_refuses_checksum(r))
        return false;
    r->sum_refused = true;
    if (r->sum != COVE__CHECKSUM_CRC32C)
        return true;
    r->sum = COVE__CHECKSUM_NONE;
    /* Without MD5 (FIPS) the signature vouches for the bytes. */
    return cove__s3_use_md5(r) || s3->provider == NULL || cove__sha256_hex(r->http.body, r->payload_hash) == 0;
}
