/* Patterns of paths, as fsspec has them: * and ? within one part, [a-z] and [!a-z], ** for any number of parts. */
#ifndef COVE_FS_GLOB_H
#define COVE_FS_GLOB_H

#include <stdbool.h>
#include <stddef.h>

bool cove__glob_has_magic(const char *pattern);
/* Bytes of `pattern` before its first part with a wildcard: the directory to look in (without a trailing slash). */
size_t cove__glob_root(const char *pattern);
bool cove__glob_match(const char *pattern, const char *path);
/* Whether something below the directory `path` may match. */
bool cove__glob_may_descend(const char *pattern, const char *path);

#endif
