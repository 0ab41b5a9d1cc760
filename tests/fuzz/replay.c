/* Runs a fuzz target over the files of its corpus, one test case each: what a fuzzer once found stays mended. TAP on
 * stdout. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static int is_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* The input is given in memory of exactly its size, so that a sanitizer sees a read past its end. */
static int replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    long size = -1;

    if (file && fseek(file, 0, SEEK_END) == 0)
        size = ftell(file);
    if (size >= 0)
        data = malloc(size > 0 ? (size_t)size : 1);
    if (data) {
        rewind(file);
        if (fread(data, 1, (size_t)size, file) == (size_t)size)
            LLVMFuzzerTestOneInput(data, (size_t)size);
        else
            size = -1;
    }
    free(data);
    if (file)
        fclose(file);
    return data && size >= 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    struct dirent **entries = NULL;
    int n = argc == 2 ? scandir(argv[1], &entries, is_file, alphasort) : -1, failed = 0;

    if (n <= 0) {
        fprintf(stderr, "usage: %s CORPUS, a folder with files in it\n", argv[0]);
        return 2;
    }
    printf("1..%d\n", n);
    for (int i = 0; i < n; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", argv[1], entries[i]->d_name);
        int bad = replay(path) < 0;
        printf("%sok %d - %s\n", bad ? "not " : "", i + 1, entries[i]->d_name);
        fflush(stdout);
        failed += bad;
        free(entries[i]);
    }
    free(entries);
    return failed > 0;
}
