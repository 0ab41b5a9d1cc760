/* The order of batches: a permutation that seed and epoch fix; and the random numbers that it is made of. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "trainer/loader.h"
#include "trainer/rng.h"

#define N 20

static int fetch(void *self, const int64_t *indices, size_t n, const void **ret_data, struct cove_error *err)
{
    *ret_data = self;
    return 0;
}

static struct cove_dataloader data(int64_t length, int64_t batch_size, int shuffle, int drop_last)
{
    struct cove_dataloader d = COVE_DATALOADER_INIT;
    d.length = length;
    d.fetch = fetch;
    d.batch_size = batch_size;
    d.shuffle = shuffle;
    d.drop_last = drop_last;
    return d;
}

/* One epoch's samples in order; the number of batches. */
static int64_t epoch_of(struct cove__loader *loader, uint64_t seed, int64_t epoch, int64_t *order)
{
    int64_t n = 0;
    for (int64_t b = 0; b < loader->n_batches; b++) {
        struct cove_batch batch;
        assert_int_equal(cove__loader_fetch(loader, seed, epoch, b, &batch, NULL), 0);
        assert_int_equal(batch.idx, b);
        for (size_t i = 0; i < batch.n; i++)
            order[n++] = batch.indices[i];
    }
    return n;
}

static void every_sample_once_in_a_new_order(void **state)
{
    struct cove_dataloader d = data(N, 3, 1, 0);
    struct cove__loader loader;
    int64_t a[N], b[N], other_seed[N], val[N];
    int seen[N] = { 0 };
    assert_int_equal(cove__loader_init(&loader, &d, "train", 0, NULL), 0);
    assert_int_equal(loader.n_batches, 7);
    assert_int_equal(epoch_of(&loader, 1, 0, a), N);
    for (int i = 0; i < N; i++)
        seen[a[i]]++;
    for (int i = 0; i < N; i++)
        assert_int_equal(seen[i], 1);
    epoch_of(&loader, 1, 1, b);
    epoch_of(&loader, 2, 0, other_seed);
    assert_memory_not_equal(a, b, sizeof a);
    assert_memory_not_equal(a, other_seed, sizeof a);
    cove__loader_done(&loader);
    assert_int_equal(cove__loader_init(&loader, &d, "val", 1, NULL), 0);
    epoch_of(&loader, 1, 0, val);
    assert_memory_not_equal(a, val, sizeof a);
    cove__loader_done(&loader);
}

/* What a resume in mid-epoch asks: any batch of any epoch alone, from a new loader. */
static void any_batch_can_be_made_alone(void **state)
{
    struct cove_dataloader d = data(N, 3, 1, 0);
    struct cove__loader loader;
    struct cove_batch batch;
    int64_t order[N];
    assert_int_equal(cove__loader_init(&loader, &d, "train", 0, NULL), 0);
    epoch_of(&loader, 7, 5, order);
    cove__loader_done(&loader);
    assert_int_equal(cove__loader_init(&loader, &d, "train", 0, NULL), 0);
    assert_int_equal(cove__loader_fetch(&loader, 7, 5, 4, &batch, NULL), 0);
    assert_memory_equal(batch.indices, order + 12, 3 * sizeof *order);
    cove__loader_done(&loader);
}

static void last_batch_is_kept_or_dropped(void **state)
{
    struct cove_dataloader kept = data(N, 6, 0, 0), dropped = data(N, 6, 0, 1), whole = data(N, 5, 0, 1);
    struct cove_dataloader one = data(2, 8, 0, 0), none = data(0, 8, 1, 0);
    struct cove__loader loader;
    int64_t order[N];
    assert_int_equal(cove__loader_init(&loader, &kept, "val", 1, NULL), 0);
    assert_int_equal(epoch_of(&loader, 1, 0, order), N);
    for (int i = 0; i < N; i++)
        assert_int_equal(order[i], i);
    cove__loader_done(&loader);
    assert_int_equal(cove__loader_init(&loader, &dropped, "val", 1, NULL), 0);
    assert_int_equal(epoch_of(&loader, 1, 0, order), 18);
    cove__loader_done(&loader);
    assert_int_equal(cove__loader_init(&loader, &whole, "val", 1, NULL), 0);
    assert_int_equal(loader.n_batches, 4);
    cove__loader_done(&loader);
    assert_int_equal(cove__loader_init(&loader, &one, "val", 1, NULL), 0);
    assert_int_equal(epoch_of(&loader, 1, 0, order), 2);
    cove__loader_done(&loader);
    assert_int_equal(cove__loader_init(&loader, &none, "train", 0, NULL), 0);
    assert_int_equal(loader.n_batches, 0);
    cove__loader_done(&loader);
}

static void bad_data_is_named(void **state)
{
    struct cove_dataloader d = data(N, 0, 0, 0);
    struct cove_error err = COVE_ERROR_INIT;
    struct cove__loader loader;
    assert_int_equal(cove__loader_init(&loader, &d, "train", 0, &err), COVE_EINVAL);
    assert_non_null(strstr(err.message, "train data: batch_size is 0"));
    d = data(-1, 1, 0, 0);
    assert_int_equal(cove__loader_init(&loader, &d, "train", 0, &err), COVE_EINVAL);
    d = data(N, 1, 0, 0);
    d.fetch = NULL;
    assert_int_equal(cove__loader_init(&loader, &d, "train", 0, &err), COVE_EINVAL);
}

static void random_numbers_are_plausible(void **state)
{
    cove_rng *rng = cove_rng_new(3), *same = cove_rng_new(3), *other = cove_rng_new(4);
    double sum = 0, squares = 0;
    int64_t counts[10] = { 0 };
    const int n = 100000;
    assert_true(cove_rng_next(rng) == cove_rng_next(same));
    assert_true(cove_rng_next(rng) != cove_rng_next(other));
    for (int i = 0; i < n; i++) {
        double u = cove_rng_uniform(rng), z = cove_rng_normal(rng);
        assert_true(u >= 0 && u < 1);
        sum += z;
        squares += z * z;
        counts[cove_rng_below(rng, 10)]++;
    }
    assert_true(fabs(sum / n) < 0.02 && fabs(squares / n - 1) < 0.02);
    for (int i = 0; i < 10; i++)
        assert_in_range(counts[i], n / 10 - 500, n / 10 + 500);
    cove_rng_free(rng);
    cove_rng_free(same);
    cove_rng_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_once_in_a_new_order), cmocka_unit_test(any_batch_can_be_made_alone),
        cmocka_unit_test(last_batch_is_kept_or_dropped),    cmocka_unit_test(bad_data_is_named),
        cmocka_unit_test(random_numbers_are_plausible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
