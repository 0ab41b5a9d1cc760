/* What the C clients of the benchmark share: their arguments and the memory that they transfer from and to. */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <stddef.h>

enum bench_mode {
    BENCH_START_GET, /* all that comes before a get, and no transfer */
    BENCH_START_PUT,
    BENCH_GET,
    BENCH_PUT
};

struct bench {
    enum bench_mode mode;
    const char *url;
    char *memory;
    size_t size;
    int signed_payload; /* sign what is sent, for cove's row */
};

/* Reads MODE URL MIB [fresh|signed] and gets the memory. Its pages are touched beforehand, as those of a program that
 * loads into what it has; with "fresh", the transfer is the first to touch them. Ends the process where that can't be
 * done.
 */
void bench_start(struct bench *b, int argc, char **argv);

/* The seconds and the CPU seconds of this process (all threads, user and system) up to now. */
struct bench_clock {
    double wall, cpu;
};
struct bench_clock bench_now(void);
/* Prints what passed since `begin`, the line by which bench/s3 learns what the transfer alone took. */
void bench_report(struct bench_clock begin);

#endif
