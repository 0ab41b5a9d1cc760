/* Qualities of protection, by SASL's numbers (RFC 4752), and Hadoop's names for them. */
#ifndef COVE_WIRE_SASL_H
#define COVE_WIRE_SASL_H

#include <stddef.h>

enum { COVE__SASL_AUTH = 1, COVE__SASL_INTEGRITY = 2, COVE__SASL_PRIVACY = 4 };

/* Those that are accepted, the preferred one first. */
struct cove__sasl_qualities {
    unsigned order[3];
    size_t n;
};
/* "authentication,privacy": -1: another word, or none. */
int cove__sasl_read_qualities(const char *text, struct cove__sasl_qualities *ret);
/* The first that is among `offered`, bits; 0: there is none. */
unsigned cove__sasl_choose(const struct cove__sasl_qualities *accepted, unsigned offered);

#endif
