/* Patterns of paths, as fsspec has them: * and ? within one part, [a-z] and [!a-z], ** for any number of parts. A
 * character is one of UTF-8; any other byte is one character. */
#ifndef COVE_FS_GLOB_H
#define COVE_FS_GLOB_H

#include <stdbool.h>
#include <stddef.h>

bool cove__glob_has_magic(const char *pattern);
/* The directory to look in: the parts of `pattern` before the first with a wildcard, without a trailing slash; "[x]" is
 * a plain x. `ret_path` has room for as many bytes as the pattern has, and is terminated. */
void cove__glob_root(const char *pattern, char *ret_path);
bool cove__glob_match(const char *pattern, const char *path);
/* Whether something below the directory `path` may match. */
bool cove__glob_may_descend(const char *pattern, const char *path);

/* A pattern with its {a,b} written out: every pattern that it stands for. A brace without a comma or without its end is
 * itself. */
struct cove__patterns {
    char **items; /* owned */
    size_t n, cap;
};
bool cove__glob_has_braces(const char *pattern);
int cove__patterns_init(struct cove__patterns *list, const char *pattern); /* 0, COVE_ENOMEM, COVE_ELIMIT: over 1024 */
void cove__patterns_done(struct cove__patterns *list);
bool cove__patterns_match(const struct cove__patterns *list, const char *path);
bool cove__patterns_may_descend(const struct cove__patterns *list, const char *path);

#endif
