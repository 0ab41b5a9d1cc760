/* Names of temporary files, for the filesystems in which a new version grows beside the target. */
#include "fs/temporary.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"

#define SUFFIX    ".cove-tmp"
#define NAME_KEPT 180 /* bytes of the target's name: a name has at most 255 */

/* How many bytes of the target's name are used: whole characters, as some file systems require. */
static int kept_of(const char *name)
{
    size_t n = strnlen(name, NAME_KEPT);

    while (n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80)
        n--;
    return (int)n;
}

void cove__temporary_name(struct cove__buf *out, const char *name)
{
    cove__buf_addf(out, ".%.*s.%08" PRIx32 SUFFIX, kept_of(name), name, (uint32_t)cove__random());
}

bool cove__is_temporary(const char *name)
{
    size_t n = strlen(name), m = strlen(SUFFIX);

    return name[0] == '.' && n > m && strcmp(name + n - m, SUFFIX) == 0;
}
