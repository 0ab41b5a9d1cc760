/*
 * A stand-in for the HTTP client (the linker puts it in its place): each attempt is answered by the next of the
 * fuzzer's responses, inside of its start, and by a broken connection once there is none. A response is "STATUS\n",
 * header lines, an empty line and a body, which was cut if Content-Length is larger; "\n%%\n" stands between two.
 */
#ifndef COVE_TESTS_FUZZ_RESPONSES_H
#define COVE_TESTS_FUZZ_RESPONSES_H

#include "fuzz.h"

/* Every request must go to a URL that begins with `base`. `below` ("b/dir"; NULL: anything): whatever a request
 * deletes must be that or below it. All BORROWED. */
void responses_begin(struct cove__slice responses, const char *base, const char *below);

#endif
