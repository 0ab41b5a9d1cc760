/* Responses of another server than the store: a proxy, a gateway, a web server at a mistyped endpoint. Pure. */
#ifndef COVE_FS_OBJECT_FOREIGN_H
#define COVE_FS_OBJECT_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

#define COVE__FOREIGN_TEXT_MAX 128

/* The format of responses to listings and operations: one in another format is not from the store. The backend reads
 * them, by wire/xml or wire/json. */
enum cove__object_format { COVE__OBJECT_ANY_FORMAT, COVE__OBJECT_XML, COVE__OBJECT_JSON };

bool cove__object_is_html(struct cove__slice body);
/* Why a body is not the store's, as far as its beginning shows; NULL: it may be. */
const char *cove__object_foreign(enum cove__object_format format, struct cove__slice body);
/* A body in a few words, for a message: "a page of HTML", "no body", or how it begins, in one line. */
void cove__object_body_text(struct cove__slice body, char out[COVE__FOREIGN_TEXT_MAX]);
/* "scheme://host:port" of a URL, for a message. */
struct cove__slice cove__object_endpoint_of(struct cove__slice url);

#endif
