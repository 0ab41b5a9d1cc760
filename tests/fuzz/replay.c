/* Runs a fuzz target over the files of its corpus, without a fuzzer: what once broke stays mended. Arguments: files and
 * folders. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes in memory of their exact size, so that AddressSanitizer sees a read beyond them. -1: it cannot be read. */
static int replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    long size = -1;
    int rc = -1;

    if (file && fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0 && fseek(file, 0, SEEK_SET) == 0)
        data = malloc(size ? (size_t)size : 1);
    if (data && fread(data, 1, (size_t)size, file) == (size_t)size)
        rc = LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
    if (file)
        fclose(file);
    if (rc < 0)
        fprintf(stderr, "%s: cannot be replayed\n", path);
    return rc;
}

static int replay_folder(const char *folder, unsigned *count)
{
    struct dirent *entry;
    DIR *dir = opendir(folder);
    int rc = dir ? 0 : -1;

    while (rc == 0 && (entry = readdir(dir)) != NULL) {
        char path[4096];

        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        rc = replay(path);
        ++*count;
    }
    if (dir)
        closedir(dir);
    return rc;
}

int main(int argc, char **argv)
{
    unsigned count = 0;

    for (int i = 1; i < argc; i++) {
        if (replay_folder(argv[i], &count) < 0) {
            fprintf(stderr, "%s: failed\n", argv[i]);
            return 1;
        }
    }
    printf("%u inputs\n", count);
    return count > 0 ? 0 : 1;
}
