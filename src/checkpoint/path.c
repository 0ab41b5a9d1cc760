/*
 * Dotted paths: "optimizer_states.0.state.3.exp_avg", "state.[0.5]". Numbers are as Python writes them, whatever the
 * process's locale. Part of value.h; keys are key.c's.
 */
#include <string.h>

#include "checkpoint/key.h"
#include "wire/number.h"

#define MAX_DIGITS    ((size_t)4300) /* as many as are shown */
#define MAX_INT_BYTES ((size_t)1792) /* of MAX_DIGITS digits, and a sign */

/* A key on the stack; `bytes` has the number of a large int. */
struct probe {
    cove_value key;
    uint8_t bytes[MAX_INT_BYTES];
};

static void set_int(struct probe *probe, size_t size)
{
    uint64_t low = probe->bytes[size - 1] & 0x80 ? UINT64_MAX : 0;
    size = cove__int_size(probe->bytes, size);
    probe->key.type = size > 8 ? COVE__VALUE_BIG_INT : COVE_VALUE_INT;
    probe->key.u.text.data = (char *)probe->bytes;
    probe->key.u.text.size = size;
    if (size > 8)
        return;
    for (size_t i = 0; i < size; i++)
        low = (low & ~((uint64_t)0xff << (8 * i))) | (uint64_t)probe->bytes[i] << (8 * i);
    probe->key.u.i = (int64_t)low;
}

/* A whole number of any size in decimal: an optional minus, no leading zeros. */
static bool parse_int(const char *text, size_t size, struct probe *ret)
{
    bool negative = size > 1 && text[0] == '-';
    size_t i = negative ? 1 : 0, n = 1;
    if (size == 0 || size - i > MAX_DIGITS || (text[i] == '0' && size > 1))
        return false;
    ret->bytes[0] = 0;
    for (; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        unsigned carry = (unsigned)(text[i] - '0');
        for (size_t k = 0; k < n; k++) {
            carry += ret->bytes[k] * 10u;
            ret->bytes[k] = (uint8_t)carry;
            carry >>= 8;
        }
        if (carry > 0)
            ret->bytes[n++] = (uint8_t)carry;
    }
    ret->bytes[n++] = 0; /* the sign's */
    for (size_t k = 0, carry = 1; negative && k < n; k++) {
        carry += (uint8_t)~ret->bytes[k];
        ret->bytes[k] = (uint8_t)carry;
        carry >>= 8;
    }
    set_int(ret, n);
    return true;
}

/* The key in "[None]", "[True]", "[1]" or "[0.5]". */
static bool parse_literal(const char *text, size_t size, struct probe *ret)
{
    static const struct {
        const char *name;
        int type, i;
    } words[] = { { "None", COVE_VALUE_NONE, 0 }, { "True", COVE_VALUE_BOOL, 1 }, { "False", COVE_VALUE_BOOL, 0 } };
    if (size < 3 || text[0] != '[' || text[size - 1] != ']')
        return false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (cove__slice_is(cove__slice(text + 1, size - 2), words[i].name)) {
            ret->key.type = (uint8_t)words[i].type;
            ret->key.u.i = words[i].i;
            return true;
        }
    if (parse_int(text + 1, size - 2, ret))
        return true;
    ret->key.type = COVE_VALUE_FLOAT;
    bool is_float =
        memchr(text, '.', size) || memchr(text, 'e', size) || memchr(text, 'n', size); /* "01" is not a float */
    return is_float && cove__parse_double(text + 1, size - 2, &ret->key.u.d);
}

static cove_value *find_literal(const cove_value *tree, const char *path, size_t size)
{
    struct probe probe = { .key = { .type = COVE_VALUE_NONE } };
    bool is_int = parse_int(path, size, &probe);
    if (tree->type != COVE_VALUE_DICT)
        return is_int && probe.key.type == COVE_VALUE_INT && probe.key.u.i >= 0
                   ? cove_value_item(tree, (size_t)probe.key.u.i)
                   : NULL;
    return is_int || parse_literal(path, size, &probe) ? cove__dict_get(tree->u.dict, &probe.key) : NULL;
}

/* The item that the first `size` bytes of a path name. Not inlined: its key must not be on the stack of every level of
 * cove_value_find. */
__attribute__((noinline)) static cove_value *step(const cove_value *tree, const char *path, size_t size)
{
    const cove_value string = COVE__VALUE_BORROW(path, size);
    cove_value *item = tree->type == COVE_VALUE_DICT ? cove__dict_get(tree->u.dict, &string) : NULL;
    return item ? item : find_literal(tree, path, size);
}

cove_value *cove_value_find(const cove_value *tree, const char *path)
{
    if (!tree || !path)
        return NULL;
    /* keys may contain dots, so every split is tried, the longest key first */
    for (size_t size = strlen(path);; size--) {
        if (path[size] == '\0' || path[size] == '.') {
            cove_value *item = step(tree, path, size);
            if (item && path[size] == '.')
                item = cove_value_find(item, path + size + 1);
            if (item)
                return item;
        }
        if (size == 0)
            return NULL;
    }
}
