/* What the targets share: cutting their input, looking at errors, counting memory. */
#include "fuzz.h"

#include <stdatomic.h>
#include <string.h>

#include "wire/pickle.h"

struct cove__slice fuzz_take(struct cove__slice *rest, const char *mark)
{
    size_t n = strlen(mark);
    const uint8_t *found = rest->size > 0 ? memmem(rest->data, rest->size, mark, n) : NULL;
    size_t length = found ? (size_t)(found - rest->data) : rest->size;
    struct cove__slice taken = cove__slice_sub(*rest, 0, length);

    *rest = cove__slice_sub(*rest, found ? length + n : length, SIZE_MAX);
    return taken;
}

char *fuzz_string(struct cove__slice text)
{
    char *copy = text.size > 0 ? strndup((const char *)text.data, text.size) : strdup("");

    FUZZ_CHECK(copy);
    return copy;
}

void fuzz_check_error(int rc, const struct cove_error *err)
{
    FUZZ_CHECK(rc <= 0);
    if (rc == 0)
        return;
    FUZZ_CHECK(err->code == rc && strcmp(cove_code_name(rc), "COVE_E?") != 0 && err->message[0] != '\0');
    FUZZ_CHECK(cove__utf8_check(cove__slice_str(err->message)));
    for (const char *p = err->message; *p; p++)
        FUZZ_CHECK((unsigned char)*p >= ' ' && *p != '\x7f');
}

/* ---- memory, as the sanitizer's own allocator reports it ---- */

extern void __sanitizer_malloc_hook(const volatile void *p, size_t size);
extern void __sanitizer_free_hook(const volatile void *p);
extern size_t __sanitizer_get_allocated_size(const volatile void *p) __attribute__((weak));

static atomic_size_t held, peak;

__attribute__((visibility("default"))) void __sanitizer_malloc_hook(const volatile void *p, size_t size)
{
    size_t now = atomic_fetch_add_explicit(&held, size, memory_order_relaxed) + size;

    if (p && now > atomic_load_explicit(&peak, memory_order_relaxed))
        atomic_store_explicit(&peak, now, memory_order_relaxed);
}

__attribute__((visibility("default"))) void __sanitizer_free_hook(const volatile void *p)
{
    if (p && __sanitizer_get_allocated_size)
        atomic_fetch_sub_explicit(&held, __sanitizer_get_allocated_size(p), memory_order_relaxed);
}

static size_t before;

void fuzz_peak_begin(void)
{
    before = atomic_load(&held);
    atomic_store(&peak, before);
}

size_t fuzz_peak(void)
{
    return atomic_load(&peak) - before;
}
