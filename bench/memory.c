/* The arguments and the memory of the C clients (see memory.h). */
#include "memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

    b->signed_payload = argc == 5 && !strcmp(argv[4], "signed");
    if (argc == 4 || fresh || b->signed_payload) {
        errno = 0;
        mib = strtol(argv[3], &end, 10);
    }
    if (mib <= 0 || mib > 1 << 20 || errno || *end || parse_mode(argv[1], &b->mode) < 0) {
        fprintf(stderr, "usage: %s start-get|start-put|get|put URL MIB [fresh|signed]\n", argv[0]);
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

static double read_clock(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct bench_clock bench_now(void)
{
    return (struct bench_clock){ .wall = read_clock(CLOCK_MONOTONIC), .cpu = read_clock(CLOCK_PROCESS_CPUTIME_ID) };
}

void bench_report(struct bench_clock begin)
{
    struct bench_clock end = bench_now();

    printf("%f %f\n", end.wall - begin.wall, end.cpu - begin.cpu);
}
