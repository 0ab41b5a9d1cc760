/*
 * What the process knows of each store that it uses: its virtual directories, which outlive the filesystem that made
 * them, and the buckets that are there.
 *
 * At a few stores other credentials see other buckets of the same names. That is not distinguished: such a filesystem
 * at most shows a virtual directory of the other bucket.
 */
#include "fs/object/known.h"

#include <string.h>

#include "base/error.h"
#include "base/fork.h"
#include "base/mem.h"
#include "fs/object/object.h"
#include "fs/object/virtual.h"

static struct cove__object_known *stores; /* under cove__lock */

static void known_free(struct cove__object_known *k)
{
    if (k == NULL)
        return;
    for (size_t i = 0; i < k->n_directories; i++)
        cove__free(k->directories[i].path);
    cove__free(k->directories);
    for (size_t i = 0; i < k->n_buckets; i++)
        cove__free(k->buckets[i]);
    cove__free(k->identity);
    cove__free(k);
}

static struct cove__object_known *known_new(const char *identity)
{
    struct cove__object_known *k = cove__calloc(1, sizeof *k);

    if (k != NULL)
        k->identity = cove__strdup(identity);
    if (k != NULL && k->identity != NULL)
        return k;
    known_free(k);
    return NULL;
}

int cove__object_known_get(struct cove__object_store *store, const char *identity, struct cove_error *err)
{
    struct cove__object_known *fresh = known_new(identity), *k;

    if (fresh == NULL)
        return cove__fail_nomem(err, "a store");
    cove__lock();
    for (k = stores; k != NULL && strcmp(k->identity, identity) != 0;)
        k = k->next;
    if (k == NULL) {
        k = fresh;
        k->next = stores;
        stores = k;
        fresh = NULL;
    }
    k->refs++;
    store->known = k;
    cove__unlock();
    known_free(fresh);
    return 0;
}

void cove__object_known_put(struct cove__object_known *k)
{
    bool last;

    if (k == NULL)
        return;
    cove__lock();
    last = --k->refs == 0 && k->n_directories == 0;
    if (last) {
        struct cove__object_known **link = &stores;

        while (*link != k)
            link = &(*link)->next;
        *link = k->next;
    }
    cove__unlock();
    if (last)
        known_free(k);
}

/* ---- buckets ---- */

/* Its index; n_buckets: it is not known. */
static size_t bucket_locked(const struct cove__object_known *k, struct cove__slice bucket)
{
    size_t i = 0;

    cove__assert_locked();
    while (i < k->n_buckets && !cove__slice_is(bucket, k->buckets[i]))
        i++;
    return i;
}

bool cove__object_bucket_is_known(struct cove__object_store *store, struct cove__slice bucket)
{
    cove__lock();
    bool seen = bucket_locked(store->known, bucket) < store->known->n_buckets;
    cove__unlock();
    return seen;
}

void cove__object_remember_bucket(struct cove__object_store *store, struct cove__slice bucket)
{
    struct cove__object_known *k = store->known;
    char *name, *old = NULL;

    if (bucket.size == 0 || cove__object_bucket_is_known(store, bucket) ||
        (name = cove__strndup((const char *)bucket.data, bucket.size)) == NULL)
        return;
    cove__lock();
    if (bucket_locked(k, bucket) < k->n_buckets) {
        old = name; /* another thread was faster */
    } else {
        size_t i =
            k->n_buckets < COVE__OBJECT_BUCKETS_MAX ? k->n_buckets++ : 0; /* a full table forgets its first row */
        old = k->buckets[i];
        k->buckets[i] = name;
    }
    cove__unlock();
    cove__free(old);
}

void cove__object_forget_bucket(struct cove__object_store *store, struct cove__slice bucket)
{
    struct cove__object_known *k = store->known;
    char *old = NULL;

    cove__lock();
    size_t i = bucket_locked(k, bucket);
    if (i < k->n_buckets) {
        old = k->buckets[i];
        k->buckets[i] = k->buckets[--k->n_buckets];
        k->buckets[k->n_buckets] = NULL;
    }
    cove__unlock();
    cove__free(old);
}
