/* A fuzz target: one function over bytes that come from anywhere. It ends the process (abort) where a promise is
 * broken. */
#ifndef COVE_TESTS_FUZZ_H
#define COVE_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(promise)                                                                                            \
    do {                                                                                                               \
        if (!(promise))                                                                                                \
            abort();                                                                                                   \
    } while (0)

#endif
