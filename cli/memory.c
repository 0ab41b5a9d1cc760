/* Memory: a command that has none left can only print that and end. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

void *cli_alloc(size_t size)
{
    void *p = calloc(1, size ? size : 1);

    if (!p) {
        fputs("cove: memory is exhausted\n", stderr);
        exit(CLI_FAILED);
    }
    return p;
}

char *cli_strdup(const char *s)
{
    size_t size = strlen(s) + 1;

    return memcpy(cli_alloc(size), s, size);
}

char *cli_join(const char *directory, const char *name)
{
    size_t n = strlen(directory);
    size_t size = n + strlen(name) + 2;
    char *joined = cli_alloc(size);

    snprintf(joined, size, "%s%s%s", directory, n == 0 || directory[n - 1] == '/' ? "" : "/", name);
    return joined;
}
