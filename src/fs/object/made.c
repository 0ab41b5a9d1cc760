/* Compares a new object with what was sent: see made.h. */
#include "fs/object/made.h"

#include "base/error.h"
#include "fs/fs_impl.h"
#include "fs/object/operations.h"

void cove__object_made_headers(const struct cove__object_request *r, struct cove__object_made *ret)
{
    const struct cove__object_headers *headers = &r->store->ops->headers;

    if (headers->version_id)
        cove__object_response_header(r, headers->version_id, ret->version_id);
    ret->size = headers->made_size ? cove__object_response_number(r, headers->made_size) : -1;
    ret->has_size = ret->size >= 0;
    ret->has_crc32c = cove__object_response_crc32c(r, &ret->crc32c);
}

bool cove__object_has_crc32c(const struct cove__object_store *store)
{
    return cove__object_can(store, COVE__CRC32C) == COVE__CAN_YES;
}

int cove__object_check_made(const struct cove__ctx *ctx, const struct cove__object_made *made,
                            const struct cove__object_sent *sent, struct cove_error *err)
{
    if (made->has_size && sent->size >= 0 && made->size != sent->size)
        return cove__fs_fail(err, ctx, COVE_ECORRUPT,
                             "the store made %lld bytes of the %lld that the object should have", (long long)made->size,
                             (long long)sent->size);
    if (made->has_crc32c && sent->has_crc32c && made->crc32c != sent->crc32c)
        return cove__fs_fail(err, ctx, COVE_ECORRUPT,
                             "the store made an object of other bytes: its CRC32C is %08x, not %08x", made->crc32c,
                             sent->crc32c);
    return 0;
}

void cove__object_wrong_stays(struct cove_error *err)
{
    cove__error_add(err, "; the wrong object is there now: write it again, or remove it");
}

void cove__object_remove_wrong(struct cove__object_store *store, const char *path, const char *version,
                               const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    int rc = version[0] != '\0' ? cove__object_remove_current(store, &path, &version, 1, ctx, &why) : COVE_ENOTSUP;

    if (rc == 0)
        cove__error_add(err, "; the wrong object was removed: write it again");
    else if (rc != COVE_EPRECONDITION)
        cove__object_wrong_stays(err);
}
