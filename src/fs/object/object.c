/* What all object stores share: the members of a store, from its open to its end. */
#include "fs/object/object.h"

#include <string.h>

#include "base/clock.h"
#include "base/fork.h"
#include "base/secret.h"
#include "fs/object/known.h"

#define EXTRA_MAX ((size_t)16 << 10)

void cove__object_store_init(struct cove__object_store *store, const struct cove__object_ops *ops)
{
    store->ops = ops;
    cove__buf_init(&store->extra.create, EXTRA_MAX);
    cove__buf_init(&store->extra.each, EXTRA_MAX);
}

/* A customer's key does not stay in memory. */
static void wipe(struct cove__buf *buf)
{
    if (buf->data != NULL)
        explicit_bzero(buf->data, buf->size);
    cove__buf_done(buf);
}

void cove__object_store_done(struct cove__object_store *store)
{
    cove__http_free(store->http);
    cove__secret_drop(&store->extra);
    wipe(&store->extra.create);
    wipe(&store->extra.each);
    cove__object_known_put(store->known);
}

int64_t cove__object_now(const struct cove__object_store *store)
{
    cove__lock();
    int64_t now_ns = cove__wall_ns() + store->clock_skew_ns;
    cove__unlock();
    return now_ns;
}
