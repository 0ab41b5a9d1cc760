/*
 * XML as stores speak it: small responses, read element by element. No DTD and no entities beyond the five of XML
 * itself, so no response can grow inside the parser; limits on depth, names and text.
 */
#ifndef COVE_WIRE_XML_H
#define COVE_WIRE_XML_H

#include "base/buf.h"
#include "base/slice.h"

#define COVE__XML_DEPTH_MAX ((size_t)32)
#define COVE__XML_PATH_MAX  ((size_t)1024)     /* names of the open elements, joined by '/' */
#define COVE__XML_TEXT_MAX  ((size_t)64 << 10) /* of one element */

/* `path` is the names of the open elements without namespaces: "ListBucketResult/Contents/Key". Both stop the reading
 * with what they return below 0. */
struct cove__xml_handler {
    int (*start)(void *user, const char *path); /* may be NULL */
    /* `text`: what stood in the element since its last child (all of it, in an element without children). BORROWED for
     * the call. */
    int (*end)(void *user, const char *path, struct cove__slice text);
    /* The name of the document's own element: another one is COVE_EPROTOCOL, so that a proxy's page is not taken for an
     * empty listing. NULL: any. */
    const char *root;
    /* Each attribute of an element, before its text. NULL: of no interest. */
    int (*attribute)(void *user, const char *path, const char *name, const char *value);
};

/* 0; COVE_EPROTOCOL: not well-formed, or with a DTD; COVE_ELIMIT; COVE_ENOMEM; or the handler's. */
int cove__xml_read(struct cove__slice document, const struct cove__xml_handler *handler, void *user);

/* Adds `text` for use between tags. COVE_EINVAL: it has what XML cannot hold (control characters, bytes that are not
 * UTF-8). */
int cove__xml_add_text(struct cove__buf *out, struct cove__slice text);

#endif
