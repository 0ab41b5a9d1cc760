/*
 * Pickles of the binary protocols (1 to 5), as a stream of tokens; and the writing of protocol 2. What the tokens build
 * is up to checkpoint/unpickle.c: nothing here makes an object, calls anything, or allocates memory.
 */
#ifndef COVE_WIRE_PICKLE_H
#define COVE_WIRE_PICKLE_H

#include <stddef.h>
#include <stdint.h>

#include <cove/error.h>

#include "base/buf.h"
#include "base/slice.h"

enum cove__pickle_op {
    COVE__PICKLE_STOP = 1,
    COVE__PICKLE_NONE,
    COVE__PICKLE_BOOL,   /* i */
    COVE__PICKLE_INT,    /* i */
    COVE__PICKLE_LONG,   /* s: an int of more than 64 bits: two's complement, little-endian, as few bytes as possible */
    COVE__PICKLE_FLOAT,  /* d */
    COVE__PICKLE_STRING, /* s: UTF-8, where a lone surrogate may stand as Python writes it */
    COVE__PICKLE_BYTES,  /* s */
    COVE__PICKLE_EMPTY_LIST,
    COVE__PICKLE_EMPTY_TUPLE,
    COVE__PICKLE_EMPTY_DICT,
    COVE__PICKLE_EMPTY_SET,
    COVE__PICKLE_MARK,
    COVE__PICKLE_POP,
    COVE__PICKLE_POP_MARK,
    COVE__PICKLE_DUP,
    COVE__PICKLE_TUPLE,    /* of what stands above the mark */
    COVE__PICKLE_TUPLE_OF, /* of the i topmost */
    COVE__PICKLE_LIST,     /* of what stands above the mark; likewise: */
    COVE__PICKLE_DICT,
    COVE__PICKLE_FROZENSET,
    COVE__PICKLE_APPEND,
    COVE__PICKLE_APPENDS,
    COVE__PICKLE_SETITEM,
    COVE__PICKLE_SETITEMS,
    COVE__PICKLE_ADDITEMS,
    COVE__PICKLE_PUT, /* i: the memo's index */
    COVE__PICKLE_MEMOIZE,
    COVE__PICKLE_GET,    /* i */
    COVE__PICKLE_GLOBAL, /* s: module, t: name */
    COVE__PICKLE_STACK_GLOBAL,
    COVE__PICKLE_REDUCE,
    COVE__PICKLE_BUILD,
    COVE__PICKLE_NEWOBJ,
    COVE__PICKLE_NEWOBJ_EX, /* with named arguments, a dict */
    COVE__PICKLE_PERSID
};

struct cove__pickle_token {
    enum cove__pickle_op op;
    int64_t i;
    double d;
    struct cove__slice s, t; /* BORROWED from the input */
};

struct cove__pickle_reader {
    struct cove__slice in; /* BORROWED */
    size_t pos;
    uint64_t wanted; /* after a failure: the input size that would be needed; 0: another error */
};

/* The next token; PROTO and FRAME are checked and skipped. COVE_ECORRUPT: truncated, or not a pickle; COVE_ENOTSUP:
 * an opcode of protocols 0 and 1, or one that no checkpoint has. */
int cove__pickle_next(struct cove__pickle_reader *reader, struct cove__pickle_token *ret, struct cove_error *err);

/* Writing: each adds to `out`, whose rc has a failure. COVE_ELIMIT: a length that protocol 2 cannot express.
 */
/* One that carries nothing, of those that a writer needs: STOP NONE EMPTY_LIST EMPTY_TUPLE EMPTY_DICT MARK TUPLE
 * APPENDS SETITEMS REDUCE PERSID. */
void cove__pickle_add_op(struct cove__buf *out, enum cove__pickle_op op);
void cove__pickle_add_start(struct cove__buf *out);
void cove__pickle_add_bool(struct cove__buf *out, int b);
void cove__pickle_add_int(struct cove__buf *out, int64_t i);
void cove__pickle_add_long(struct cove__buf *out, struct cove__slice bytes); /* in the format of COVE__PICKLE_LONG */
void cove__pickle_add_float(struct cove__buf *out, double d);
int cove__pickle_add_string(struct cove__buf *out, struct cove__slice utf8);
void cove__pickle_add_global(struct cove__buf *out, const char *module, const char *name);
void cove__pickle_add_put(struct cove__buf *out, uint32_t index);
void cove__pickle_add_get(struct cove__buf *out, uint32_t index);

/* 1 if `s` is UTF-8, lone surrogates let pass. */
int cove__utf8_check(struct cove__slice s);

#endif
