/* A fuzz target: one function over bytes that come from anywhere. It ends the process (abort) where a guarantee is
 * broken. */
#ifndef COVE_TESTS_FUZZ_H
#define COVE_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cove/error.h>

#include "base/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)                                                                                          \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)

/* Takes what stands before the next `mark` off the front of *rest, or all of it. */
struct cove__slice fuzz_take(struct cove__slice *rest, const char *mark);
/* The bytes before the first NUL, as a string; to be freed with free. */
char *fuzz_string(struct cove__slice text);

/* `rc` is the result of a call. If it failed, `err` has the same code, and one line of UTF-8. */
void fuzz_check_error(int rc, const struct cove_error *err);

/* The most memory that was held at once since the begin. Counted in a sanitizer's build; 0 in others. */
void fuzz_peak_begin(void);
size_t fuzz_peak(void);

#endif
