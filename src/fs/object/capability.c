/*
 * What this filesystem's store can do: from an option, from the store's responses, or from the backend's table.
 *
 * What a store lacks is never ignored where it guards data: a missing checksum is replaced by another kind, a missing
 * copy by sending the bytes; a missing condition is an error, unless the user has asked for the weaker check.
 */
#include "fs/object/capability.h"

#include "base/error.h"
#include "base/log.h"
#include "fs/object/object.h"

void cove__capability_set(struct cove__capabilities *c, enum cove__capability capability, bool can)
{
    c->set[capability] = can ? COVE__CAN_YES : COVE__CAN_NO;
}

enum cove__can cove__object_can(const struct cove__object_store *store, enum cove__capability capability)
{
    const struct cove__capabilities *c = &store->capabilities;

    if (c->set[capability] != COVE__CAN_MAYBE)
        return (enum cove__can)c->set[capability];
    unsigned char learned = c->learned[capability];
    return learned != COVE__CAN_MAYBE ? (enum cove__can)learned : store->ops->can(store, capability);
}

static const char *const names[COVE__N_CAPABILITIES] = {
    [COVE__PUT_CONDITIONS] = "conditional writes",
    [COVE__UPLOAD_CONDITIONS] = "conditional ends of uploads",
    [COVE__COPY_SOURCE_CONDITIONS] = "conditional copies",
    [COVE__COPY_TARGET_CONDITIONS] = "conditional replacements by copies",
    [COVE__COMPOSE_CONDITIONS] = "conditional composes",
    [COVE__DELETE_CONDITIONS] = "conditional deletions",
    [COVE__BATCH_CONDITIONS] = "conditional deletions in batches",
    [COVE__CRC32C] = "CRC32C checksums",
    [COVE__COPIED_PART_CHECKSUMS] = "checksums of copied parts",
    [COVE__PART_COPY] = "copies of parts",
    [COVE__BATCH_DELETE] = "deletions in batches",
    [COVE__UNEQUAL_PARTS] = "parts of different sizes",
    [COVE__UPLOADS_BY_PREFIX] = "lists of uploads by prefix",
    [COVE__MULTIPART] = "uploads in parts",
    [COVE__SUFFIX_RANGES] = "reads of the last bytes",
    [COVE__RANGE_CHECKSUMS] = "checksums of ranges",
};

void cove__object_learn_missing(const struct cove__object_request *r, enum cove__capability capability)
{
    cove__object_learn_missing_at(r->store, r->http.op.ctx.url, capability);
}

void cove__object_learn_missing_at(struct cove__object_store *store, const char *url, enum cove__capability capability)
{
    struct cove__capabilities *c = &store->capabilities;

    if (c->set[capability] == COVE__CAN_MAYBE && c->learned[capability] != COVE__CAN_NO) {
        c->learned[capability] = COVE__CAN_NO;
        cove__log(COVE_LOG_INFO, store->ops->name, "%s: the store has no %s", url, names[capability]);
    }
}

enum cove__checksum_kind cove__object_checksum(const struct cove__object_store *store)
{
    if (store->capabilities.no_checksums)
        return COVE__CHECKSUM_NONE;
    return cove__object_can(store, COVE__CRC32C) == COVE__CAN_NO ? COVE__CHECKSUM_MD5 : COVE__CHECKSUM_CRC32C;
}

enum cove__condition_mode cove__object_condition_mode(const struct cove__object_store *store,
                                                      enum cove__capability capability)
{
    if (store->capabilities.check_only)
        return COVE__CONDITION_CHECKED;
    switch (cove__object_can(store, capability)) {
    case COVE__CAN_YES:
        return COVE__CONDITION_SENT;
    case COVE__CAN_MAYBE:
        return COVE__CONDITION_SENT_AND_CHECKED;
    case COVE__CAN_NO:
        break;
    }
    return COVE__CONDITION_UNSUPPORTED;
}

int cove__object_no_conditions(const struct cove__object_store *store, const struct cove__ctx *ctx,
                               struct cove_error *err)
{
    const struct cove__object_ops *ops = store->ops;

    return cove__fail(err, COVE_ENOTSUP,
                      "%s %s: the store (%s) has no conditional writes; conditional_writes=false checks the object "
                      "before the write instead, and can miss another writer in between",
                      ctx->op, ctx->url, ops->product ? ops->product(store) : ops->name);
}
