/* The arguments and the memory of the C clients (see memory.h). */
#include "memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse_mode(const char *text, enum bench_mode *ret_mode)
{
    static const char *const names[] = {
        [BENCH_START_GET] = "start-get", [BENCH_START_PUT] = "start-put", [BENCH_GET] = "get", [BENCH_PUT] = "put"
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!strcmp(text, names[i])) {
            *ret_mode = (enum bench_mode)i;
            return 0;
        }
    }
    return -1;
}

void bench_start(struct bench *b, int argc, char **argv)
{
    char *end = NULL;
    long mib = 0;
    int fresh = argc == 5 && !strcmp(argv[4], "fresh");

    if (argc == 4 || fresh) {
        errno = 0;
        mib = strtol(argv[3], &end, 10);
    }
    if (mib <= 0 || mib > 1 << 20 || errno || *end || parse_mode(argv[1], &b->mode) < 0) {
        fprintf(stderr, "usage: %s start-get|start-put|get|put URL MIB [fresh]\n", argv[0]);
        exit(2);
    }
    b->url = argv[2];
    b->size = (size_t)mib << 20;
    b->memory = malloc(b->size);
    if (!b->memory) {
        fprintf(stderr, "%s: no memory for %ld MiB\n", argv[0], mib);
        exit(1);
    }
    if (!fresh)
        memset(b->memory, 0x5a, b->size);
}
