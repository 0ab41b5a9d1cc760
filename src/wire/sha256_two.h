/* SHA-256 of two messages at once, for callers that have several parts to hash: see sha256_two.c. */
#ifndef COVE_WIRE_SHA256_TWO_H
#define COVE_WIRE_SHA256_TWO_H

#include <stddef.h>
#include <stdint.h>

/* The digests of the `size` bytes at `a` and of those at `b`: 0, COVE_ENOTSUP (OpenSSL refuses). */
int cove__sha256_two(const void *a, const void *b, size_t size, uint8_t ret_a[32], uint8_t ret_b[32]);

#endif
