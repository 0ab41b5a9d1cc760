/*
 * Bodies in parts (RFC 2046, section 5.1; HTTP/1.1 messages as parts, application/http, RFC 9112, section 10.2), for
 * batches of requests. Pure, but for new boundaries.
 */
#ifndef COVE_WIRE_MULTIPART_H
#define COVE_WIRE_MULTIPART_H

#include <stdbool.h>

#include "base/slice.h"

#define COVE__BOUNDARY_MAX 70 /* characters */

struct cove__multipart {
    struct cove__slice rest; /* BORROWED */
    char boundary[2 + COVE__BOUNDARY_MAX + 1];
    bool ended; /* the last boundary has been read */
};
/* One part. BORROWED from the body. */
struct cove__multipart_part {
    struct cove__slice headers; /* "Name: value" lines as they came */
    struct cove__slice body;
};

/* A boundary for a new body, which no part has in it but by chance. */
void cove__multipart_new_boundary(char ret[48]);
/* `content_type`: the header's value, with the boundary. COVE_EPROTOCOL: it has none. */
int cove__multipart_open(struct cove__multipart *m, const char *content_type, struct cove__slice body);
/* 1: the next part; 0: the last boundary has come; COVE_EPROTOCOL: the body ends before it. */
int cove__multipart_next(struct cove__multipart *m, struct cove__multipart_part *ret);
/* The value of a header among such lines; an empty slice: there is none. */
struct cove__slice cove__multipart_header(struct cove__slice headers, const char *name);
/* The status and the body of an HTTP response that is a part. -1: it is none. */
int cove__multipart_response(struct cove__slice part, struct cove__slice *ret_body);

/* A part that is an HTTP response. BORROWED from the body. */
struct cove__multipart_answer {
    struct cove__slice id; /* its Content-ID; empty: none */
    int status;
    struct cove__slice message, body; /* from the status line on; what follows its headers */
};
/* Reads a body whose parts are all HTTP responses, and gives each. 0; COVE_EPROTOCOL: it is no such body, or ends
 * early; or what `take` returns below 0, which ends it. */
int cove__multipart_answers(const char *content_type, struct cove__slice body,
                            int (*take)(void *user, const struct cove__multipart_answer *answer), void *user);

#endif
