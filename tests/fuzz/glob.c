/* Patterns: a line of pattern, then paths. What matches lies where a walk by the pattern would come by, and neither
 * braces nor stars take more than their bound of time and memory. */
#include <string.h>

#include <cove/error.h>

#include "base/mem.h"
#include "fs/glob.h"
#include "fuzz.h"

#define PATTERNS_MAX 1024

static void check_path(const struct cove__patterns *list, char *path)
{
    bool matches = cove__patterns_match(list, path);
    bool any = false;

    for (size_t i = 0; i < list->n; i++) {
        const char *pattern = list->items[i];
        char *root = cove__strdup(pattern);
        bool hit = cove__glob_match(pattern, path);
        any |= hit;
        FUZZ_CHECK(root);
        cove__glob_root(pattern, root);
        FUZZ_CHECK(strlen(root) <= strlen(pattern));
        FUZZ_CHECK(!hit || strncmp(root, path, strlen(root)) == 0);
        cove__free(root);
        /* Every folder on the way to it is one to look into. */
        for (char *slash = strchr(path, '/'); hit && slash; slash = strchr(slash + 1, '/')) {
            if (slash == path || slash[-1] == '/' || slash[1] == '/' || slash[1] == '\0')
                continue;
            *slash = '\0';
            FUZZ_CHECK(cove__glob_may_descend(pattern, path));
            *slash = '/';
        }
    }
    FUZZ_CHECK(any == matches);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cove__slice rest = cove__slice(data, size);
    char *pattern = fuzz_string(fuzz_take(&rest, "\n"));
    struct cove__patterns list;

    fuzz_peak_begin();
    int rc = cove__patterns_init(&list, pattern);
    FUZZ_CHECK(rc == 0 || rc == COVE_ELIMIT);
    FUZZ_CHECK(fuzz_peak() <= ((size_t)1 << 16) + 2 * PATTERNS_MAX * (size + 64));
    if (rc == 0) {
        FUZZ_CHECK(list.n >= 1 && list.n <= PATTERNS_MAX);
        FUZZ_CHECK(cove__glob_has_braces(pattern) == (list.n > 1 || strcmp(list.items[0], pattern) != 0));
        for (unsigned lines = 0; rest.size > 0 && lines < 16; lines++) {
            char *path = fuzz_string(fuzz_take(&rest, "\n"));
            check_path(&list, path);
            free(path);
        }
        cove__patterns_done(&list);
    }
    free(pattern);
    return 0;
}
