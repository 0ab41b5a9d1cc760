/*
 * What the process knows of each store that it uses: its virtual directories, which outlive the filesystem that made
 * them, and the buckets that are there.
 *
 * At a few stores other credentials see other buckets of the same names. That is not distinguished: such a filesystem
 * at most shows a virtual directory of the other bucket.
 */
#include "fs/object/known.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/mem.h"
#include "fs/object/client.h"
#include "fs/object/object.h"
#include "fs/object/virtual.h"

#define IDENTITY_MAX ((size_t)8192)

static struct cove__object_known *stores; /* under cove__lock */

static void known_free(struct cove__object_known *k)
{
    if (!k)
        return;
    for (size_t i = 0; i < k->n_directories; i++)
        cove__free(k->directories[i].path);
    cove__free(k->directories);
    for (size_t i = 0; i < k->n_buckets; i++)
        cove__free(k->buckets[i].name);
    cove__free(k->identity);
    cove__free(k);
}

static struct cove__object_known *known_new(const char *identity)
{
    struct cove__object_known *k = cove__calloc(1, sizeof *k);

    if (k)
        k->identity = cove__strdup(identity);
    if (k && k->identity)
        return k;
    known_free(k);
    return NULL;
}

int cove__object_known_get(struct cove__object_store *store, const char *identity, struct cove_error *err)
{
    struct cove__object_known *fresh = known_new(identity), *k;

    if (!fresh)
        return cove__fail_nomem(err, "a store");
    cove__lock();
    for (k = stores; k && strcmp(k->identity, identity) != 0;)
        k = k->next;
    if (!k) {
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

int cove__object_known_at(struct cove__object_store *store, const struct cove__endpoint *endpoint,
                          struct cove_error *err)
{
    struct cove__buf identity = COVE__BUF_INIT(IDENTITY_MAX);

    cove__buf_addf(&identity, "%s://", endpoint->tls ? "https" : "http");
    for (const char *c = endpoint->host; *c != '\0'; c++)
        cove__buf_add_char(&identity, (char)tolower((unsigned char)*c));
    cove__buf_add_str(&identity, endpoint->base);
    int rc = cove__buf_rc(&identity);
    if (rc < 0)
        cove__fail(err, rc, "endpoint_url: the address cannot be kept in memory: %s", cove_code_phrase(rc));
    else
        rc = cove__object_known_get(store, cove__buf_str(&identity), err);
    cove__buf_done(&identity);
    return rc;
}

void cove__object_known_put(struct cove__object_known *k)
{
    bool last;

    if (!k)
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
    while (i < k->n_buckets && !cove__slice_is(bucket, k->buckets[i].name))
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
        !(name = cove__strndup((const char *)bucket.data, bucket.size)))
        return;
    cove__lock();
    if (bucket_locked(k, bucket) < k->n_buckets) {
        old = name; /* another thread was faster */
    } else {
        size_t i =
            k->n_buckets < COVE__OBJECT_BUCKETS_MAX ? k->n_buckets++ : 0; /* a full table forgets its first row */
        old = k->buckets[i].name;
        k->buckets[i] = (struct cove__object_bucket){ .name = name };
    }
    cove__unlock();
    cove__free(old);
}

enum cove__can cove__object_bucket_directories(struct cove__object_store *store, struct cove__slice bucket)
{
    const struct cove__object_known *k = store->known;

    cove__lock();
    size_t i = bucket_locked(k, bucket);
    enum cove__can real = i < k->n_buckets ? k->buckets[i].directories : COVE__CAN_MAYBE;
    cove__unlock();
    return real;
}

void cove__object_remember_directories(struct cove__object_store *store, struct cove__slice bucket, enum cove__can real)
{
    struct cove__object_known *k = store->known;

    cove__object_remember_bucket(store, bucket);
    cove__lock();
    size_t i = bucket_locked(k, bucket);
    if (i < k->n_buckets) /* else there was no memory */
        k->buckets[i].directories = real;
    cove__unlock();
}

unsigned cove__object_note_bucket(struct cove__object_store *store, struct cove__slice bucket, unsigned notes)
{
    struct cove__object_known *k = store->known;
    unsigned before = 0;

    if (notes != 0)
        cove__object_remember_bucket(store, bucket);
    cove__lock();
    size_t i = bucket_locked(k, bucket);
    if (i < k->n_buckets) { /* else there was no memory */
        before = k->buckets[i].notes;
        k->buckets[i].notes |= notes;
    }
    cove__unlock();
    return before;
}

void cove__object_forget_bucket(struct cove__object_store *store, struct cove__slice bucket)
{
    struct cove__object_known *k = store->known;
    char *old = NULL;

    cove__lock();
    size_t i = bucket_locked(k, bucket);
    if (i < k->n_buckets) {
        old = k->buckets[i].name;
        k->buckets[i] = k->buckets[--k->n_buckets];
        k->buckets[k->n_buckets] = (struct cove__object_bucket){ 0 };
    }
    cove__unlock();
    cove__free(old);
}
