/* Cuts an epoch's order into batches. Called by the loop for each batch; keeps one epoch's permutation. */
#include "trainer/loader.h"

#include <inttypes.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/copy_options.h"
#include "trainer/rng.h"

int cove__loader_init(struct cove__loader *loader, const struct cove_dataloader *d, const char *what, uint64_t stream,
                      struct cove_error *err)
{
    struct cove_dataloader copy = COVE_DATALOADER_INIT;
    int rc = COVE__COPY_OPTIONS(&copy, d, "loader", err);
    if (rc < 0)
        return cove__error_prefix(err, rc, "%s data", what);
    if (!copy.fetch)
        return cove__fail(err, COVE_EINVAL, "%s data: fetch is NULL", what);
    if (copy.batch_size < 1 || copy.batch_size > INT32_MAX)
        return cove__fail(err, COVE_EINVAL, "%s data: batch_size is %" PRId64 ", must be 1 to %d", what,
                          copy.batch_size, INT32_MAX);
    if (copy.length < 0 || copy.length > (int64_t)(PTRDIFF_MAX / sizeof(int64_t)))
        return cove__fail(err, COVE_EINVAL, "%s data: length is %" PRId64, what, copy.length);
    *loader = (struct cove__loader){ .d = copy, .stream = stream, .epoch = -1 };
    loader->n_batches = copy.length / copy.batch_size;
    if (!copy.drop_last && copy.length % copy.batch_size != 0)
        loader->n_batches++;
    int64_t n = copy.shuffle || copy.length < copy.batch_size ? copy.length : copy.batch_size;
    loader->order = cove__calloc((size_t)(n ? n : 1), sizeof *loader->order);
    return loader->order ? 0 : cove__fail_nomem(err, "the order of the samples");
}

void cove__loader_done(struct cove__loader *loader)
{
    cove__free(loader->order);
    *loader = (struct cove__loader){ 0 };
}

static void shuffle(struct cove__loader *loader, uint64_t seed, int64_t epoch)
{
    cove_rng rng;
    cove__rng_seed(&rng, seed, loader->stream + 2 * (uint64_t)epoch);
    for (int64_t i = 0; i < loader->d.length; i++)
        loader->order[i] = i;
    for (int64_t i = loader->d.length - 1; i > 0; i--) {
        int64_t j = (int64_t)cove_rng_below(&rng, (uint64_t)i + 1), t = loader->order[i];
        loader->order[i] = loader->order[j];
        loader->order[j] = t;
    }
    loader->epoch = epoch;
}

int cove__loader_fetch(struct cove__loader *loader, uint64_t seed, int64_t epoch, int64_t idx,
                       struct cove_batch *ret_batch, struct cove_error *err)
{
    if (idx < 0 || idx >= loader->n_batches)
        return cove__fail(err, COVE_EINVAL, "batch %" PRId64 " of %" PRId64, idx, loader->n_batches);
    int64_t first = idx * loader->d.batch_size, n = loader->d.batch_size;
    const int64_t *indices = loader->order;
    struct cove_batch batch = { .idx = idx };
    if (n > loader->d.length - first)
        n = loader->d.length - first;
    if (loader->d.shuffle) {
        if (loader->epoch != epoch)
            shuffle(loader, seed, epoch);
        indices += first;
    } else {
        for (int64_t i = 0; i < n; i++)
            loader->order[i] = first + i;
    }
    batch.indices = indices;
    batch.n = (size_t)n;
    int rc = loader->d.fetch(loader->d.self, indices, (size_t)n, &batch.data, err);
    if (rc == 0)
        *ret_batch = batch;
    return rc;
}
