/*
 * Whether two local paths may name one file: a disk may take no notice of case ("A" and "a"), or of how letters with
 * marks are written (U+00E9, or "e" and U+0301). Paths that differ in more than that are distinguished by their text;
 * for the others the directory in which they differ is asked, once, by a file of one name that is looked for by others.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENDING ".cove-tmp" /* as the library's own temporary files: no listing shows it, `cove uploads` finds it */

struct cli_alike {
    struct cli_names *exact, *loose; /* directories that were asked */
};

struct cli_alike *cli_alike_new(void)
{
    struct cli_alike *alike = cli_alloc(sizeof *alike);

    alike->exact = cli_names_new();
    alike->loose = cli_names_new();
    return alike;
}

void cli_alike_free(struct cli_alike *alike)
{
    if (!alike)
        return;
    cli_names_free(alike->exact);
    cli_names_free(alike->loose);
    free(alike);
}

static const char *next_ascii(const char *s)
{
    while ((unsigned char)*s >= 0x80)
        s++;
    return s;
}

/* But for the case of letters, and for letters that are not ASCII, of which nothing is known here. */
static bool similar(const char *a, const char *b)
{
    for (;; a++, b++) {
        a = next_ascii(a);
        b = next_ascii(b);
        int x = *a >= 'A' && *a <= 'Z' ? *a + 32 : *a;
        int y = *b >= 'A' && *b <= 'Z' ? *b + 32 : *b;

        if (x != y)
            return false;
        if (x == '\0')
            return true;
    }
}

static bool exists(const char *directory, const char *format, const char *random)
{
    char name[64], *path;
    struct stat st;
    bool there;

    snprintf(name, sizeof name, format, random);
    path = cli_join(directory, name);
    there = lstat(path, &st) == 0;
    free(path);
    return there;
}

/* Where no file can be made, it is taken for one that is loose: that costs a wait, no more. */
static bool is_loose(const char *directory)
{
    char *path = cli_join(directory, ".names-\xc3\xa9.XXXXXX" ENDING), random[7] = "";
    int fd = mkostemps(path, sizeof ENDING - 1, 0);
    bool loose = true;

    if (fd >= 0) {
        memcpy(random, path + strlen(path) - (sizeof ENDING - 1) - 6, 6);
        loose = exists(directory, ".NAMES-\xc3\xa9.%s" ENDING, random) ||
                exists(directory, ".names-e\xcc\x81.%s" ENDING, random);
        close(fd);
        unlink(path);
    }
    free(path);
    return loose;
}

/* The directory in which the paths differ, or the nearest above it that is there: one that is made in it later is as it
 * is. */
static char *directory_of(const char *a, const char *b)
{
    size_t n = 0, end = 0;
    char *directory;
    struct stat st;

    for (; a[n] != '\0' && a[n] == b[n]; n++)
        if (a[n] == '/')
            end = n + 1;
    directory = cli_strdup(a);
    directory[end] = '\0';
    while (end > 1 && stat(directory, &st) < 0) {
        directory[--end] = '\0';
        while (end > 0 && directory[end - 1] != '/')
            directory[--end] = '\0';
    }
    return directory;
}

bool cli_alike(struct cli_alike *alike, const char *a, const char *b)
{
    char *directory;
    bool loose;

    if (strcmp(a, b) == 0)
        return true;
    if (!similar(a, b))
        return false;
    directory = directory_of(a, b);
    loose = cli_names_has(alike->loose, directory, strlen(directory));
    if (!loose && !cli_names_has(alike->exact, directory, strlen(directory))) {
        loose = is_loose(directory);
        cli_names_add(loose ? alike->loose : alike->exact, directory, strlen(directory), true);
    }
    free(directory);
    return loose;
}
