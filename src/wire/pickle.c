/* Pickles: tokens out of bytes, bytes out of tokens. Below: slices; above: checkpoint/unpickle.c and
 * checkpoint/torch_save.c. */
#include "wire/pickle.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"

/* What stands behind an opcode's byte. */
enum operand {
    NO_OP = 0, /* not an opcode that a checkpoint may have */
    NOTHING,   /* nothing */
    CONSTANT,  /* nothing: the row has the value */
    UINT1,
    UINT2,
    INT4,
    UINT4,
    FLOAT8,
    LONG1, /* a length of 1 byte, then a two's complement number */
    LONG4,
    TEXT1, /* a length of 1, 4 or 8 bytes, then as many */
    TEXT4,
    TEXT8,
    LINES, /* two lines */
    PROTO,
    FRAME,
    OLD /* of protocols 0 and 1: text */
};

struct row {
    uint8_t op; /* enum cove__pickle_op */
    uint8_t operand;
    int8_t constant;
};

static const struct row rows[256] = {
    [0x80] = { 0, PROTO, 0 },
    [0x95] = { 0, FRAME, 0 },
    ['.'] = { COVE__PICKLE_STOP, NOTHING, 0 },
    ['N'] = { COVE__PICKLE_NONE, NOTHING, 0 },
    [0x88] = { COVE__PICKLE_BOOL, CONSTANT, 1 },
    [0x89] = { COVE__PICKLE_BOOL, CONSTANT, 0 },
    ['K'] = { COVE__PICKLE_INT, UINT1, 0 },
    ['M'] = { COVE__PICKLE_INT, UINT2, 0 },
    ['J'] = { COVE__PICKLE_INT, INT4, 0 },
    [0x8a] = { COVE__PICKLE_INT, LONG1, 0 },
    [0x8b] = { COVE__PICKLE_INT, LONG4, 0 },
    ['G'] = { COVE__PICKLE_FLOAT, FLOAT8, 0 },
    [0x8c] = { COVE__PICKLE_STRING, TEXT1, 0 },
    ['X'] = { COVE__PICKLE_STRING, TEXT4, 0 },
    [0x8d] = { COVE__PICKLE_STRING, TEXT8, 0 },
    ['U'] = { COVE__PICKLE_STRING, TEXT1, 0 }, /* Python 2's str, which torch.load decodes as UTF-8 */
    ['T'] = { COVE__PICKLE_STRING, TEXT4, 0 },
    ['C'] = { COVE__PICKLE_BYTES, TEXT1, 0 },
    ['B'] = { COVE__PICKLE_BYTES, TEXT4, 0 },
    [0x8e] = { COVE__PICKLE_BYTES, TEXT8, 0 },
    [0x96] = { COVE__PICKLE_BYTES, TEXT8, 0 }, /* a bytearray */
    [']'] = { COVE__PICKLE_EMPTY_LIST, NOTHING, 0 },
    [')'] = { COVE__PICKLE_EMPTY_TUPLE, NOTHING, 0 },
    ['}'] = { COVE__PICKLE_EMPTY_DICT, NOTHING, 0 },
    [0x8f] = { COVE__PICKLE_EMPTY_SET, NOTHING, 0 },
    ['('] = { COVE__PICKLE_MARK, NOTHING, 0 },
    ['0'] = { COVE__PICKLE_POP, NOTHING, 0 },
    ['1'] = { COVE__PICKLE_POP_MARK, NOTHING, 0 },
    ['2'] = { COVE__PICKLE_DUP, NOTHING, 0 },
    ['t'] = { COVE__PICKLE_TUPLE, NOTHING, 0 },
    [0x85] = { COVE__PICKLE_TUPLE_OF, CONSTANT, 1 },
    [0x86] = { COVE__PICKLE_TUPLE_OF, CONSTANT, 2 },
    [0x87] = { COVE__PICKLE_TUPLE_OF, CONSTANT, 3 },
    ['l'] = { COVE__PICKLE_LIST, NOTHING, 0 },
    ['d'] = { COVE__PICKLE_DICT, NOTHING, 0 },
    [0x91] = { COVE__PICKLE_FROZENSET, NOTHING, 0 },
    ['a'] = { COVE__PICKLE_APPEND, NOTHING, 0 },
    ['e'] = { COVE__PICKLE_APPENDS, NOTHING, 0 },
    ['s'] = { COVE__PICKLE_SETITEM, NOTHING, 0 },
    ['u'] = { COVE__PICKLE_SETITEMS, NOTHING, 0 },
    [0x90] = { COVE__PICKLE_ADDITEMS, NOTHING, 0 },
    ['q'] = { COVE__PICKLE_PUT, UINT1, 0 },
    ['r'] = { COVE__PICKLE_PUT, UINT4, 0 },
    [0x94] = { COVE__PICKLE_MEMOIZE, NOTHING, 0 },
    ['h'] = { COVE__PICKLE_GET, UINT1, 0 },
    ['j'] = { COVE__PICKLE_GET, UINT4, 0 },
    ['c'] = { COVE__PICKLE_GLOBAL, LINES, 0 },
    [0x93] = { COVE__PICKLE_STACK_GLOBAL, NOTHING, 0 },
    ['R'] = { COVE__PICKLE_REDUCE, NOTHING, 0 },
    ['b'] = { COVE__PICKLE_BUILD, NOTHING, 0 },
    [0x81] = { COVE__PICKLE_NEWOBJ, NOTHING, 0 },
    [0x92] = { COVE__PICKLE_NEWOBJ_EX, NOTHING, 0 },
    ['Q'] = { COVE__PICKLE_PERSID, NOTHING, 0 },
    ['I'] = { 0, OLD, 0 },
    ['L'] = { 0, OLD, 0 },
    ['F'] = { 0, OLD, 0 },
    ['S'] = { 0, OLD, 0 },
    ['V'] = { 0, OLD, 0 },
    ['p'] = { 0, OLD, 0 },
    ['g'] = { 0, OLD, 0 },
    ['P'] = { 0, OLD, 0 },
    ['i'] = { 0, OLD, 0 },
    ['o'] = { 0, OLD, 0 },
};

static uint64_t little(const uint8_t *p, unsigned width)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i++)
        value |= (uint64_t)p[i] << (8 * i);
    return value;
}

static int cut_short(const struct cove__pickle_reader *r, struct cove_error *err)
{
    return cove__fail(err, COVE_ECORRUPT, "pickle: truncated at byte %zu", r->pos);
}

/* The next `size` bytes, NULL past the end. */
static const uint8_t *take(struct cove__pickle_reader *r, uint64_t size)
{
    if (size > r->in.size - r->pos) {
        r->wanted = size < UINT64_MAX - r->pos ? r->pos + size : UINT64_MAX;
        return NULL;
    }
    const uint8_t *p = r->in.data + r->pos;
    r->pos += (size_t)size;
    return p;
}

static int take_uint(struct cove__pickle_reader *r, unsigned width, uint64_t *ret, struct cove_error *err)
{
    const uint8_t *p = take(r, width);
    if (!p)
        return cut_short(r, err);
    *ret = little(p, width);
    return 0;
}

static int take_run(struct cove__pickle_reader *r, unsigned width, struct cove__slice *ret, struct cove_error *err)
{
    uint64_t size = 0;
    if (take_uint(r, width, &size, err) < 0)
        return COVE_ECORRUPT;
    const uint8_t *p = take(r, size);
    if (!p)
        return cove__fail(err, COVE_ECORRUPT, "pickle: the value at byte %zu claims a length of %llu", r->pos,
                          (unsigned long long)size);
    *ret = cove__slice(p, (size_t)size);
    return 0;
}

static int take_long(struct cove__pickle_reader *r, unsigned width, struct cove__pickle_token *t,
                     struct cove_error *err)
{
    struct cove__slice s = { 0 };
    if (take_run(r, width, &s, err) < 0)
        return COVE_ECORRUPT;
    uint8_t sign = s.size > 0 && s.data[s.size - 1] & 0x80 ? 0xff : 0;
    while (s.size > 8 && s.data[s.size - 1] == sign && (s.data[s.size - 2] & 0x80) == (sign & 0x80))
        s.size--;
    if (s.size > 8) {
        t->op = COVE__PICKLE_LONG;
        t->s = s;
        return 0;
    }
    uint64_t value = sign ? UINT64_MAX : 0;
    for (size_t i = 0; i < s.size; i++)
        value = (value & ~((uint64_t)0xff << (8 * i))) | (uint64_t)s.data[i] << (8 * i);
    t->i = (int64_t)value;
    return 0;
}

static int take_line(struct cove__pickle_reader *r, struct cove__slice *ret, struct cove_error *err)
{
    const uint8_t *p = r->in.data + r->pos;
    size_t left = r->in.size - r->pos;
    const uint8_t *end = left > 0 ? memchr(p, '\n', left) : NULL;
    if (!end) {
        r->wanted = (uint64_t)r->in.size + 1;
        return cut_short(r, err);
    }
    *ret = cove__slice(p, (size_t)(end - p));
    r->pos += ret->size + 1;
    return 0;
}

static int take_double(struct cove__pickle_reader *r, double *ret, struct cove_error *err)
{
    const uint8_t *p = take(r, 8);
    if (!p)
        return cut_short(r, err);
    uint64_t bits = 0;
    for (unsigned i = 0; i < 8; i++)
        bits = bits << 8 | p[i];
    memcpy(ret, &bits, sizeof(*ret));
    return 0;
}

static int take_text(struct cove__pickle_reader *r, unsigned width, struct cove__pickle_token *t,
                     struct cove_error *err)
{
    if (take_run(r, width, &t->s, err) < 0)
        return COVE_ECORRUPT;
    if (t->op == COVE__PICKLE_STRING && !cove__utf8_check(t->s))
        return cove__fail(err, COVE_ECORRUPT, "pickle: the string before byte %zu is not UTF-8", r->pos);
    return 0;
}

static int take_operand(struct cove__pickle_reader *r, const struct row *row, struct cove__pickle_token *t,
                        struct cove_error *err)
{
    uint64_t u = 0;
    int rc = 0;
    switch ((enum operand)row->operand) {
    case NOTHING:
        return 0;
    case CONSTANT:
        t->i = row->constant;
        return 0;
    case UINT1:
    case UINT2:
    case UINT4:
    case INT4:
        rc = take_uint(r, row->operand == UINT1 ? 1 : row->operand == UINT2 ? 2 : 4, &u, err);
        t->i = row->operand == INT4 ? (int64_t)(int32_t)(uint32_t)u : (int64_t)u;
        return rc;
    case FLOAT8:
        return take_double(r, &t->d, err);
    case LONG1:
    case LONG4:
        return take_long(r, row->operand == LONG1 ? 1 : 4, t, err);
    case TEXT1:
    case TEXT4:
    case TEXT8:
        return take_text(r, row->operand == TEXT1 ? 1 : row->operand == TEXT4 ? 4 : 8, t, err);
    case LINES:
        rc = take_line(r, &t->s, err);
        return rc < 0 ? rc : take_line(r, &t->t, err);
    default:
        return cove__fail(err, COVE_ECORRUPT, "pickle: no operand");
    }
}

/* PROTO and FRAME. The machine does not need them: an opcode's meaning does not depend on the protocol. */
static int take_header(struct cove__pickle_reader *r, uint8_t operand, struct cove_error *err)
{
    uint64_t value = 0;
    if (take_uint(r, operand == PROTO ? 1 : 8, &value, err) < 0)
        return COVE_ECORRUPT;
    if (operand == FRAME && value > r->in.size - r->pos) {
        r->wanted = value < UINT64_MAX - r->pos ? r->pos + value : UINT64_MAX;
        return cove__fail(err, COVE_ECORRUPT, "pickle: a frame claims %llu bytes", (unsigned long long)value);
    }
    return 0;
}

int cove__pickle_next(struct cove__pickle_reader *r, struct cove__pickle_token *ret, struct cove_error *err)
{
    for (;;) {
        const uint8_t *p = take(r, 1);
        if (!p)
            return cut_short(r, err);
        const struct row *row = &rows[*p];
        if (row->operand == PROTO || row->operand == FRAME) {
            int rc = take_header(r, row->operand, err);
            if (rc < 0)
                return rc;
            continue;
        }
        if (row->operand == OLD)
            return cove__fail(err, COVE_ENOTSUP, "pickle: opcode '%c' of the text protocols at byte %zu", *p,
                              r->pos - 1);
        if (row->operand == NO_OP)
            return cove__fail(err, COVE_ECORRUPT, "pickle: unknown opcode 0x%02x at byte %zu", *p, r->pos - 1);
        *ret = (struct cove__pickle_token){ .op = (enum cove__pickle_op)row->op };
        return take_operand(r, row, ret, err);
    }
}

/* ---- writing ---- */

static void add_little(struct cove__buf *out, uint64_t value, unsigned width)
{
    for (unsigned i = 0; i < width; i++)
        cove__buf_add_char(out, (char)(uint8_t)(value >> (8 * i)));
}

void cove__pickle_add_op(struct cove__buf *out, enum cove__pickle_op op)
{
    static const char codes[] = {
        [COVE__PICKLE_STOP] = '.',        [COVE__PICKLE_NONE] = 'N',       [COVE__PICKLE_EMPTY_LIST] = ']',
        [COVE__PICKLE_EMPTY_TUPLE] = ')', [COVE__PICKLE_EMPTY_DICT] = '}', [COVE__PICKLE_MARK] = '(',
        [COVE__PICKLE_TUPLE] = 't',       [COVE__PICKLE_APPENDS] = 'e',    [COVE__PICKLE_SETITEMS] = 'u',
        [COVE__PICKLE_REDUCE] = 'R',      [COVE__PICKLE_PERSID] = 'Q',
    };
    assert((size_t)op < sizeof(codes) && codes[op] != 0);
    cove__buf_add_char(out, codes[op]);
}

void cove__pickle_add_start(struct cove__buf *out)
{
    cove__buf_add(out, "\x80\x02", 2);
}

void cove__pickle_add_bool(struct cove__buf *out, int b)
{
    cove__buf_add_char(out, b ? '\x88' : '\x89');
}

void cove__pickle_add_int(struct cove__buf *out, int64_t i)
{
    uint64_t bits = (uint64_t)i;
    if (i >= 0 && i <= 0xff) {
        cove__buf_add_char(out, 'K');
        add_little(out, bits, 1);
    } else if (i >= 0 && i <= 0xffff) {
        cove__buf_add_char(out, 'M');
        add_little(out, bits, 2);
    } else if (i >= INT32_MIN && i <= INT32_MAX) {
        cove__buf_add_char(out, 'J');
        add_little(out, bits, 4);
    } else {
        cove__buf_add(out, "\x8a\x08", 2);
        add_little(out, bits, 8);
    }
}

void cove__pickle_add_long(struct cove__buf *out, struct cove__slice bytes)
{
    bool is_short = bytes.size <= 0xff;
    cove__buf_add_char(out, is_short ? '\x8a' : '\x8b');
    add_little(out, bytes.size, is_short ? 1 : 4);
    cove__buf_add_slice(out, bytes);
}

void cove__pickle_add_float(struct cove__buf *out, double d)
{
    uint64_t bits = 0;
    memcpy(&bits, &d, sizeof(bits));
    cove__buf_add_char(out, 'G');
    for (unsigned i = 0; i < 8; i++)
        cove__buf_add_char(out, (char)(uint8_t)(bits >> (56 - 8 * i)));
}

int cove__pickle_add_string(struct cove__buf *out, struct cove__slice utf8)
{
    if (utf8.size > UINT32_MAX)
        return COVE_ELIMIT;
    cove__buf_add_char(out, 'X');
    add_little(out, utf8.size, 4);
    return cove__buf_add_slice(out, utf8);
}

void cove__pickle_add_global(struct cove__buf *out, const char *module, const char *name)
{
    cove__buf_addf(out, "c%s\n%s\n", module, name);
}

void cove__pickle_add_put(struct cove__buf *out, uint32_t index)
{
    cove__buf_add_char(out, index <= 0xff ? 'q' : 'r');
    add_little(out, index, index <= 0xff ? 1 : 4);
}

void cove__pickle_add_get(struct cove__buf *out, uint32_t index)
{
    cove__buf_add_char(out, index <= 0xff ? 'h' : 'j');
    add_little(out, index, index <= 0xff ? 1 : 4);
}

/* ---- UTF-8 ---- */

int cove__utf8_check(struct cove__slice s)
{
    static const uint32_t least[4] = { 0, 0x80, 0x800, 0x10000 };
    size_t i = 0;
    while (i < s.size) {
        uint8_t c = s.data[i++];
        if (c < 0x80)
            continue;
        size_t more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
        if (c < 0xc2 || c > 0xf4 || more > s.size - i)
            return 0;
        uint32_t point = c & (0x3fu >> more);
        for (size_t k = 0; k < more; k++) {
            if ((s.data[i] & 0xc0) != 0x80)
                return 0;
            point = point << 6 | (s.data[i++] & 0x3f);
        }
        if (point < least[more] || point > 0x10ffff)
            return 0;
    }
    return 1;
}
