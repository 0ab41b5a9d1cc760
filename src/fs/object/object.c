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

static void check_session(const struct cove__object_session_ops *session)
{
    assert(session->granularity > 0 && session->method);
    assert(session->begin_request && session->begin_response);
    assert(session->chunk_request && session->chunk_response);
}

static void check_groups(const struct cove__object_ops *ops)
{
    const struct cove__object_upload_ops *upload = ops->upload;
    const struct cove__object_copy_ops *copy = ops->copy;

    assert(upload || ops->put_max > 0);
    if (upload) {
        assert(upload->part_rules);
        if (!upload->mode || upload->part_request) {
            assert(upload->part_request && upload->part_response);
            assert(upload->finish_request && upload->finish_response);
        }
        if (upload->session)
            check_session(upload->session);
        assert(!upload->begin_request || upload->begin_response);
        assert(!upload->list_request || upload->list_response);
    }
    if (copy) {
        assert(copy->request && copy->response && copy->max_size > 0);
        assert(!copy->part_request || (copy->part_response && copy->max_part > 0));
    }
    assert(!ops->append || !ops->append->extends || ops->append->extend);
    if (ops->directories) {
        assert(!ops->directories->detect_request || ops->directories->detect_response);
        assert(ops->directories->make_request && ops->directories->remove_request && ops->directories->stat_request);
        assert(ops->remove_tree && ops->move_directory);
    }
    if (ops->batch) {
        assert(ops->batch->max > 0 && ops->batch->request);
        assert(ops->batch->add && ops->batch->response);
    }
}

static void check(const struct cove__object_ops *ops)
{
    assert(ops->name);
    assert(ops->headers.version);
    assert(ops->headers.size);
    assert(ops->headers.metadata);
    assert(ops->headers.write_mark);
    assert(ops->headers.if_match);
    assert(ops->headers.if_new);
    assert(ops->can);
    assert(ops->prepare);
    assert(ops->classify);
    assert(ops->list_page_max > 0);
    assert(ops->list_request);
    assert(ops->list_response);
    check_groups(ops);
}

void cove__object_store_init(struct cove__object_store *store, const struct cove__object_ops *ops)
{
    check(ops);
    store->ops = ops;
    cove__buf_init_secret(&store->extra.create, EXTRA_MAX); /* a customer's key */
    cove__buf_init_secret(&store->extra.each, EXTRA_MAX);
}

void cove__object_store_done(struct cove__object_store *store)
{
    cove__cleanups_end(store);
    cove__http_free(store->http);
    cove__secret_drop(&store->extra);
    cove__buf_done(&store->extra.create);
    cove__buf_done(&store->extra.each);
    cove__object_known_put(store->known);
}

int64_t cove__object_now(const struct cove__object_store *store)
{
    cove__lock();
    int64_t now_ns = cove__wall_ns() + store->clock_skew_ns;
    cove__unlock();
    return now_ns;
}
