/* What the C clients of the benchmark share: their arguments, the memory that they transfer from and to, and how they
 * say what a transfer took. */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <stddef.h>

enum bench_mode {
    BENCH_GET, /* into memory of the object's size */
    BENCH_PUT,
    BENCH_GET_FILE,
    BENCH_PUT_FILE,
    BENCH_READ, /* a stream, by blocks of BENCH_BLOCK bytes that are not kept */
    BENCH_WRITE
};

enum { BENCH_BLOCK = 1 << 20 };

struct bench {
    enum bench_mode mode;
    const char *url;
    const char *file;   /* of get-file and put-file */
    char *memory;       /* of `size` bytes for get and put, else one block */
    size_t size;        /* of the object */
    int signed_payload; /* sign what is sent, for cove's row */
};

/* Reads MODE URL MIB [fresh|signed|FILE] and gets the memory. Its pages are touched beforehand, as those of a program
 * that loads into what it has; with "fresh", the transfer is the first to touch them. Ends the process where that can't
 * be done.
 */
void bench_start(struct bench *b, int argc, char **argv);

/* The seconds and the CPU seconds of this process (all threads, user and system) up to now, and the resident memory;
 * its peak is reset here. */
struct bench_mark {
    double wall, cpu;
    long resident_kib;
};
struct bench_mark bench_now(void);
/* Prints "WALL CPU PEAK" since `begin`: seconds, CPU seconds, and by how many bytes the resident memory grew at its
 * peak. The line by which bench/run learns what the transfer alone took. */
void bench_report(struct bench_mark begin);

#endif
