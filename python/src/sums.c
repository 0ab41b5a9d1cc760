/* Sums of blocks of memory, to tell whether large contents are equal: NH (Black and others, UMAC, 1999) on 64-bit
 * words, as in VMAC. With a random key that the contents do not depend on, two different blocks have the same sum with
 * a probability of 2^-64. */
#include "covepy.h"

#include <string.h>

#define BLOCK 1024 /* bytes */
#define WORDS (BLOCK / sizeof(uint64_t))
#define SUM   (2 * sizeof(uint64_t))
#define LARGE ((Py_ssize_t)64 << 10) /* from this size on other threads may run meanwhile */

struct wide {
    uint64_t low, high;
};

static void add_product(struct wide *sum, uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
    __extension__ typedef unsigned __int128 uint128;
    uint128 product = (uint128)a * b;
    uint64_t low = (uint64_t)product, high = (uint64_t)(product >> 64);
#else
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t middle = a1 * b0 + (a0 * b0 >> 32), other = a0 * b1 + (uint32_t)middle;
    uint64_t low = a * b, high = a1 * b1 + (middle >> 32) + (other >> 32);
#endif
    sum->low += low;
    sum->high += high + (sum->low < low);
}

static struct wide block_sum(const uint64_t *key, const char *data)
{
    struct wide sum = { 0 };
    uint64_t words[2];

    for (size_t i = 0; i < WORDS; i += 2) {
        memcpy(words, data + i * sizeof *words, sizeof words);
        add_product(&sum, words[0] + key[i], words[1] + key[i + 1]);
    }
    return sum;
}

static void make_sums(const uint64_t *key, const char *data, size_t size, char *sums)
{
    for (; size > 0; sums += SUM) {
        size_t n = size < BLOCK ? size : BLOCK;
        char last[BLOCK] = { 0 };
        struct wide sum;

        if (n < BLOCK)
            memcpy(last, data, n);
        sum = block_sum(key, n < BLOCK ? last : data);
        memcpy(sums, &sum, SUM);
        data += n;
        size -= n;
    }
}

PyObject *covepy_block_sums(PyObject *module, PyObject *args)
{
    Py_buffer key = { 0 }, data = { 0 };
    uint64_t words[WORDS];
    PyObject *result = NULL;
    char *sums = NULL;

    if (!PyArg_ParseTuple(args, "y*y*", &key, &data))
        return NULL;
    if (key.len != BLOCK) {
        PyErr_Format(PyExc_ValueError, "the key must have %d bytes", BLOCK);
        goto out;
    }
    memcpy(words, key.buf, sizeof words);
    result = covepy_bytes_new(((uint64_t)data.len + BLOCK - 1) / BLOCK * SUM, &sums);
    if (result && data.len >= LARGE) {
        Py_BEGIN_ALLOW_THREADS;
        make_sums(words, data.buf, (size_t)data.len, sums);
        Py_END_ALLOW_THREADS;
    } else if (result) {
        make_sums(words, data.buf, (size_t)data.len, sums);
    }
out:
    PyBuffer_Release(&key);
    PyBuffer_Release(&data);
    return result;
}
