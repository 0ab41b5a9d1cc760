/*
 * Percent-encoding (RFC 3986, section 2.1), one set of rules for all requests and responses:
 *
 *   kept        the unreserved characters of section 2.3: A-Z a-z 0-9 - . _ ~
 *   encoded     everything else, each byte of UTF-8 on its own (section 2.5), with the uppercase digits of section 2.1,
 *               as signatures need one spelling; so no reserved character (section 2.2) in a name acts as a delimiter
 *   '/'         is kept where the text is a path of segments (section 3.3), and encoded where it is one segment or a
 *               value in a query
 *   space       is %20, also in forms: every server decodes it, and "+" not everywhere
 *   decoded     digits of either case; an incomplete or malformed triplet is an error, and so is %00, which would
 *               truncate the text as a C string; "+" is a space in forms only (application/x-www-form-urlencoded, as
 *               S3 lists names with encoding-type=url), and itself elsewhere
 *
 * Nothing here normalizes: dot segments and empty segments (section 5.2.4) are parts of an object's name.
 */
#ifndef COVE_WIRE_URI_H
#define COVE_WIRE_URI_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

/* Adds `text`, encoded. 0, or as cove__buf_add fails. */
int cove__uri_encode(struct cove__buf *out, struct cove__slice text, bool keep_slash);
/* Adds "name=value" of a query or a form, after a "&" unless `query` is empty. `name` is added as it is. */
int cove__uri_add_pair(struct cove__buf *query, const char *name, struct cove__slice value);

/* Adds `text`, decoded. COVE_EPROTOCOL: it is malformed; what came before is in `out`. */
int cove__uri_decode(struct cove__buf *out, struct cove__slice text);
int cove__form_decode(struct cove__buf *out, struct cove__slice text);

#endif
