/*
 * Keys of dicts and items of sets, equal by Python's rules: True, 1 and 1.0 are one key, and so are 0.0 and -0.0;
 * tuples are compared by their items, tensors by identity. Above: dict.c.
 *
 * Equal keys have equal hashes: a number with an integer value is hashed as that integer, any other by its bits.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "checkpoint/globals.h"
#include "checkpoint/key.h"
#include "wire/number.h"

#define DOUBLE_INT_SIZE ((size_t)129) /* bytes of the largest double as an integer, with its sign */

/* ---- SipHash-1-3 (Aumasson and Bernstein), keyed, so that a file can't be made with keys that collide ---- */

static uint64_t rotate(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static uint64_t hash_bytes(const uint64_t seed[2], const void *data, size_t size)
{
    uint64_t v[4] = { seed[0] ^ 0x736f6d6570736575u, seed[1] ^ 0x646f72616e646f6du, seed[0] ^ 0x6c7967656e657261u,
                      seed[1] ^ 0x7465646279746573u };
    const uint8_t *p = data;
    for (size_t done = 0;; done += 8) {
        size_t n = size - done < 8 ? size - done : 8;
        uint64_t word = n < 8 ? (uint64_t)size << 56 : 0;
        for (size_t i = 0; i < n; i++)
            word |= (uint64_t)p[done + i] << (8 * i);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
        if (n < 8)
            break;
    }
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* ---- numbers ---- */

/* The integer value of `d` in as few bytes of two's complement as possible. 0: `d` is not an integer. */
static size_t double_to_int(double d, uint8_t to[DOUBLE_INT_SIZE])
{
    int exponent = 0;
    if (!isfinite(d) || d != trunc(d))
        return 0;
    uint64_t mantissa = (uint64_t)ldexp(frexp(fabs(d), &exponent), 53);
    memset(to, 0, DOUBLE_INT_SIZE);
    exponent -= 53;
    if (exponent < 0) {
        mantissa >>= -exponent;
        exponent = 0;
    }
    for (unsigned i = 0; i < 64; i++)
        if (mantissa >> i & 1)
            to[((unsigned)exponent + i) / 8] |= (uint8_t)(1u << ((unsigned)exponent + i) % 8);
    for (size_t i = 0, carry = 1; d < 0 && i < DOUBLE_INT_SIZE; i++) {
        carry += (uint8_t)~to[i];
        to[i] = (uint8_t)carry;
        carry >>= 8;
    }
    return cove__int_size(to, DOUBLE_INT_SIZE);
}

/* The integer value of a number in as few bytes as possible; 0: not a number, or it has a fraction. The bytes may be in
 * `buffer`. */
static size_t as_integer(const cove_value *value, uint8_t buffer[DOUBLE_INT_SIZE], const uint8_t **ret)
{
    *ret = buffer;
    switch (value->type) {
    case COVE_VALUE_BOOL:
    case COVE_VALUE_INT:
        for (unsigned i = 0; i < 8; i++)
            buffer[i] = (uint8_t)((uint64_t)value->u.i >> (8 * i));
        return cove__int_size(buffer, 8);
    case COVE_VALUE_FLOAT:
        return double_to_int(value->u.d, buffer);
    case COVE__VALUE_BIG_INT:
        *ret = (const uint8_t *)value->u.text.data;
        return value->u.text.size;
    default:
        return 0;
    }
}

/* ---- keys ---- */

/* Keys that are compared by their bytes. A class or dtype is compared as the string that it becomes later. */
static bool as_text(const cove_value *value, char buffer[COVE__GLOBAL_TEXT_MAX], struct cove__slice *ret)
{
    if (value->type == COVE__VALUE_GLOBAL)
        *ret = cove__global_text(value->u.global, buffer);
    else if (value->type == COVE_VALUE_STRING || value->type == COVE_VALUE_BYTES)
        *ret = cove__value_text(value);
    else
        return false;
    return true;
}

int cove__key_check(const cove_value *key, struct cove__key_facts *facts, unsigned depth)
{
    if (depth > COVE__VALUE_MAX_DEPTH || ++facts->cost > COVE__KEY_MAX_COST)
        return COVE_ELIMIT;
    if (facts->an_origin == COVE__ORIGIN_ITSELF)
        facts->an_origin = (enum cove__origin)key->origin;
    bool is_set = key->type == COVE__VALUE_SET;
    if (key->type == COVE_VALUE_LIST || key->type == COVE_VALUE_DICT ||
        (is_set && key->origin != COVE__ORIGIN_FROZENSET))
        return COVE_ENOTSUP;
    if (key->type == COVE_VALUE_STRING || key->type == COVE_VALUE_BYTES || key->type == COVE__VALUE_BIG_INT)
        facts->cost += key->u.text.size / 16;
    int rc = 0;
    for (size_t i = 0; is_set && i < key->u.dict->n && rc == 0; i++)
        rc = cove__key_check(key->u.dict->entries[i].key, facts, depth + 1);
    for (size_t i = 0; key->type == COVE_VALUE_TUPLE && i < key->u.list.n && rc == 0; i++)
        rc = cove__key_check(key->u.list.items[i], facts, depth + 1);
    return rc;
}

/* Everything inside a frozen value is frozen too. */
void cove__key_freeze(cove_value *key)
{
    if ((key->type != COVE_VALUE_TUPLE && key->type != COVE__VALUE_SET) || key->is_frozen)
        return;
    key->is_frozen = 1;
    for (size_t i = 0; key->type == COVE_VALUE_TUPLE && i < key->u.list.n; i++)
        cove__key_freeze(key->u.list.items[i]);
    for (size_t i = 0; key->type == COVE__VALUE_SET && i < key->u.dict->n; i++)
        cove__key_freeze(key->u.dict->entries[i].key);
}

/* Not part of the recursion over tuples, because its stack frames must stay small: tuples may be nested deeply. */
__attribute__((noinline)) static uint64_t hash_leaf(const uint64_t seed[2], const cove_value *key)
{
    uint8_t buffer[DOUBLE_INT_SIZE];
    char name[COVE__GLOBAL_TEXT_MAX];
    const uint8_t *integer = NULL;
    struct cove__slice text = { 0 };
    size_t size = as_integer(key, buffer, &integer);
    if (size > 0)
        return hash_bytes(seed, integer, size);
    if (as_text(key, name, &text))
        return ~hash_bytes(seed, text.data, text.size);
    if (key->type == COVE_VALUE_NONE)
        return hash_bytes(seed, "None", 4);
    if (key->type == COVE_VALUE_FLOAT && !isnan(key->u.d))
        return hash_bytes(seed, &key->u.d, sizeof(key->u.d));
    return hash_bytes(seed, &key, sizeof(key)); /* a NaN is equal to itself only */
}

uint64_t cove__key_hash(const uint64_t seed[2], const cove_value *key, bool strict)
{
    uint64_t origin = strict ? key->origin : 0;
    if (key->type != COVE_VALUE_TUPLE)
        return hash_leaf(seed, key) + origin;
    uint64_t state[2] = { COVE_VALUE_TUPLE, 0 };
    for (size_t i = 0; i < key->u.list.n; i++) {
        state[1] = cove__key_hash(seed, key->u.list.items[i], strict);
        state[0] = hash_bytes(seed, state, sizeof(state));
    }
    return state[0] + origin;
}

__attribute__((noinline)) static bool equal_leaves(const cove_value *a, const cove_value *b)
{
    uint8_t buffer_a[DOUBLE_INT_SIZE], buffer_b[DOUBLE_INT_SIZE];
    char name_a[COVE__GLOBAL_TEXT_MAX], name_b[COVE__GLOBAL_TEXT_MAX];
    const uint8_t *integer_a = NULL, *integer_b = NULL;
    struct cove__slice text_a = { 0 }, text_b = { 0 };
    if (as_text(a, name_a, &text_a))
        return (a->type == COVE_VALUE_BYTES) == (b->type == COVE_VALUE_BYTES) && as_text(b, name_b, &text_b) &&
               cove__slice_eq(text_a, text_b);
    size_t size = as_integer(a, buffer_a, &integer_a);
    if (size > 0)
        return as_integer(b, buffer_b, &integer_b) == size && memcmp(integer_a, integer_b, size) == 0;
    if (a->type != b->type)
        return false;
    return a->type == COVE_VALUE_FLOAT ? a->u.d == b->u.d : a->type == COVE_VALUE_NONE;
}

bool cove__key_equal(const cove_value *a, const cove_value *b, bool strict)
{
    if (a == b)
        return true;
    if (strict && a->origin != b->origin)
        return false;
    if (a->type != COVE_VALUE_TUPLE || b->type != COVE_VALUE_TUPLE)
        return equal_leaves(a, b);
    if (a->u.list.n != b->u.list.n)
        return false;
    for (size_t i = 0; i < a->u.list.n; i++)
        if (!cove__key_equal(a->u.list.items[i], b->u.list.items[i], strict))
            return false;
    return true;
}

cove_value *cove__key_opaque(const cove_value *key, enum cove__origin origin)
{
    static const char *const names[] = { "object",       "builtins.type", "torch.dtype",      "torch.device",
                                         "torch.layout", "pathlib.Path",  "builtins.complex", "builtins.frozenset" };
    char why[256], label[32];
    snprintf(why, sizeof(why),
             "the key %.100s is or has a %s, of which cove keeps no more than makes it equal to another key of this "
             "dict",
             cove__key_label(key, label, sizeof(label)), names[origin]);
    return cove__opaque_new(cove__strdup(names[origin]), why, COVE_ENOTSUP);
}

const char *cove__key_label(const cove_value *key, char *buffer, size_t size)
{
    char number[COVE__DOUBLE_TEXT_MAX];

    if (key->type == COVE_VALUE_STRING)
        return key->u.text.data;
    if (key->type == COVE_VALUE_INT)
        snprintf(buffer, size, "%lld", (long long)key->u.i);
    else if (key->type == COVE_VALUE_BOOL)
        snprintf(buffer, size, key->u.i ? "True" : "False");
    else if (key->type == COVE_VALUE_FLOAT)
        snprintf(buffer, size, "%.*s", cove__format_double(key->u.d, number), number);
    else if (key->type == COVE_VALUE_NONE)
        snprintf(buffer, size, "None");
    else
        snprintf(buffer, size, "(%s %s)", key->type == COVE_VALUE_OPAQUE ? "an" : "a", COVE__VALUE_PHRASE(key));
    return buffer;
}
