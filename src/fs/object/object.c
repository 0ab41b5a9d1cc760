/* What all object stores share: the members of a store, from its open to its end. */
#include "fs/object/object.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/fork.h"
#include "base/secret.h"
#include "fs/object/append.h"
#include "fs/object/copy.h"
#include "fs/object/known.h"
#include "fs/object/upload.h"

#define EXTRA_MAX ((size_t)16 << 10)

static void check_groups(const struct cove__object_ops *ops)
{
    const struct cove__object_upload_ops *upload = ops->upload;
    const struct cove__object_copy_ops *copy = ops->copy;

    assert(upload != NULL || ops->put_max > 0);
    if (upload != NULL) {
        assert(upload->part_rules != NULL && upload->part_request != NULL && upload->part_response != NULL);
        assert(upload->finish_request != NULL && upload->finish_response != NULL);
        assert(upload->begin_request == NULL || upload->begin_response != NULL);
        assert(upload->list_request == NULL || upload->list_response != NULL);
    }
    if (copy != NULL) {
        assert(copy->request != NULL && copy->response != NULL && copy->max_size > 0);
        assert(copy->part_request == NULL || (copy->part_response != NULL && copy->max_part > 0));
    }
    assert(ops->append == NULL || ops->append->extends == NULL || ops->append->extend != NULL);
    if (ops->batch != NULL) {
        assert(ops->batch->max > 0 && ops->batch->request != NULL);
        assert(ops->batch->add != NULL && ops->batch->response != NULL);
    }
}

static void check(const struct cove__object_ops *ops)
{
    assert(ops->name != NULL);
    assert(ops->headers.version != NULL);
    assert(ops->headers.size != NULL);
    assert(ops->headers.metadata != NULL);
    assert(ops->headers.write_mark != NULL);
    assert(ops->headers.if_match != NULL);
    assert(ops->headers.if_new != NULL);
    assert(ops->can != NULL);
    assert(ops->prepare != NULL);
    assert(ops->classify != NULL);
    assert(ops->list_page_max > 0);
    assert(ops->list_request != NULL);
    assert(ops->list_response != NULL);
    check_groups(ops);
}

void cove__object_store_init(struct cove__object_store *store, const struct cove__object_ops *ops)
{
    check(ops);
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
