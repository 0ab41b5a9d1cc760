/* Histograms: the buckets' edges, the counting, and the cut to what is not empty. Called by writer.c. */
#include "events/histogram.h"

#include <float.h>
#include <math.h>

#include <cove/error.h>

#include "base/mem.h"

#define SMALLEST 1e-12
#define LARGEST  1e20
#define GROWTH   1.1

/* Edges on one side of zero: about 774. Values beyond the last one fall into a bucket that ends at the largest double.
 */
static size_t edges_of_a_side(void)
{
    size_t n = 0;

    for (double v = SMALLEST; v < LARGEST; v *= GROWTH)
        n++;
    return n + 1;
}

/* Fills 2 * side + 1 edges in ascending order: multiplied one by one, as TensorBoard's writers do, so that they are the
 * same bits. */
static void fill_edges(double *edges, size_t side)
{
    double v = SMALLEST;

    edges[side] = 0;
    for (size_t i = 1; i <= side; i++, v *= GROWTH) {
        double edge = i == side ? DBL_MAX : v;

        edges[side + i] = edge;
        edges[side - i] = -edge;
    }
}

/* Bucket i holds edges[i] <= value < edges[i + 1]. */
static size_t bucket_of(const double *edges, size_t n_edges, double value)
{
    size_t low = 0, high = n_edges - 1;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (value >= edges[middle])
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void count(struct cove__histogram *h, const double *edges, size_t n_edges, uint64_t *counts, const float *values,
                  size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double v = values[i];

        if (!isfinite(v))
            continue;
        h->min = h->count == 0 || v < h->min ? v : h->min;
        h->max = h->count == 0 || v > h->max ? v : h->max;
        h->sum += v;
        h->sum_squares += v * v;
        h->count++;
        counts[bucket_of(edges, n_edges, v)]++;
    }
}

int cove__histogram_make(const float *values, size_t n, struct cove__histogram *ret)
{
    size_t side = edges_of_a_side();
    size_t n_edges = 2 * side + 1, n_buckets = n_edges - 1, first = 0, last = n_buckets - 1;
    struct cove__histogram h = { 0 };
    double *edges;
    uint64_t *counts;

    /* One block: the edges, then an empty bucket in front (a reader sees upper edges only, so an empty
     * bucket before the first one gives its lower edge), then the buckets. */
    h.memory = cove__calloc(n_edges + 1 + n_buckets, sizeof(double));
    if (!h.memory)
        return COVE_ENOMEM;
    edges = h.memory;
    counts = (uint64_t *)(edges + n_edges) + 1;
    fill_edges(edges, side);
    count(&h, edges, n_edges, counts, values, n);
    if (h.count == 0) {
        cove__histogram_done(&h);
        return COVE_EINVAL;
    }
    while (counts[first] == 0)
        first++;
    while (counts[last] == 0)
        last--;
    h.limits = edges + first;
    h.counts = counts + first - 1;
    h.n = last - first + 2;
    *ret = h;
    return 0;
}

void cove__histogram_done(struct cove__histogram *h)
{
    cove__free(h->memory);
    *h = (struct cove__histogram){ 0 };
}
