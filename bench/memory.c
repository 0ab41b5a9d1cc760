/* The arguments, the memory and the measuring of the C clients (see memory.h). */
#include "memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int parse_mode(const char *text, enum bench_mode *ret_mode)
{
    static const char *const names[] = {
        [BENCH_GET] = "get",           [BENCH_PUT] = "put",   [BENCH_GET_FILE] = "get-file",
        [BENCH_PUT_FILE] = "put-file", [BENCH_READ] = "read", [BENCH_WRITE] = "write",
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
    const char *more = argc == 5 ? argv[4] : "";
    char *end = NULL;
    long mib = 0;
    size_t held;

    *b = (struct bench){ .file = more, .signed_payload = !strcmp(more, "signed") };
    if (argc == 4 || argc == 5) {
        errno = 0;
        mib = strtol(argv[3], &end, 10);
    }
    if (mib <= 0 || mib > 1 << 20 || errno || *end || parse_mode(argv[1], &b->mode) < 0) {
        fprintf(stderr, "usage: %s get|put|get-file|put-file|read|write URL MIB [fresh|signed|FILE]\n", argv[0]);
        exit(2);
    }
    b->url = argv[2];
    b->size = (size_t)mib << 20;
    held = b->mode == BENCH_GET || b->mode == BENCH_PUT ? b->size : BENCH_BLOCK;
    b->memory = malloc(held);
    if (!b->memory) {
        fprintf(stderr, "%s: no memory for %zu bytes\n", argv[0], held);
        exit(1);
    }
    if (strcmp(more, "fresh"))
        memset(b->memory, 0x5a, held);
}

static double read_clock(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A line of /proc/self/status, in KiB; 0 where there is none. */
static long status_kib(const char *name)
{
    char line[256];
    long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");

    if (!f)
        return 0;
    while (!kib && fgets(line, sizeof(line), f))
        if (!strncmp(line, name, strlen(name)))
            kib = strtol(line + strlen(name), NULL, 10);
    fclose(f);
    return kib;
}

struct bench_mark bench_now(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w"); /* 5: resets VmHWM */

    if (f) {
        fputs("5", f);
        fclose(f);
    }
    return (struct bench_mark){ .resident_kib = status_kib("VmRSS:"),
                                .wall = read_clock(CLOCK_MONOTONIC),
                                .cpu = read_clock(CLOCK_PROCESS_CPUTIME_ID) };
}

void bench_report(struct bench_mark begin)
{
    double wall = read_clock(CLOCK_MONOTONIC), cpu = read_clock(CLOCK_PROCESS_CPUTIME_ID);
    long grown = status_kib("VmHWM:") - begin.resident_kib;

    printf("%f %f %lld\n", wall - begin.wall, cpu - begin.cpu, (grown > 0 ? (long long)grown : 0) << 10);
}
