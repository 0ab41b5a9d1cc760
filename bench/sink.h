/*
 * A server that costs almost nothing, for benchmarks on loopback: sink.c has the connections and the bytes, sink_s3.c,
 * sink_gcs.c and sink_azure.c what each API answers.
 */
#ifndef BENCH_SINK_H
#define BENCH_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SINK_ETAG "\"9b2cf535f27731c974343645a3985328\""
#define SINK_BYTE 0x5a /* all bytes of every object are this one, and those of what is written are taken for it */

extern int64_t sink_object_size; /* of every object; set once */
extern long sink_listed_keys;    /* of the long listing; set once */
extern bool sink_is_gcs;         /* set once; of another store than Google's: false */

struct request {
    char *method, *path, *query; /* in the connection's data; query "" where there is none */
    char *headers;
    int64_t length; /* of the body, -1: chunked */
};

/* The value of a header, up to its CRLF; NULL where it isn't sent. */
const char *sink_header(const struct request *r, const char *name);

/* Each 0, or -1 at the end of the connection. `flags` are send's. */
int sink_send(int fd, const char *data, size_t length, int flags);
__attribute__((format(printf, 3, 4))) int sink_respond(int fd, const char *status, const char *format, ...);
/* `headers`: lines, each with its CRLF. */
__attribute__((format(printf, 4, 5))) int sink_respond_with(int fd, const char *status, const char *headers,
                                                            const char *format, ...);
/* What has no limit of length. */
int sink_respond_long(int fd, const char *type, const char *body, size_t length);
/* `headers`: more of them, each with its CRLF; "" for none. */
int sink_send_object(int fd, const struct request *r, const char *headers);
/* How many bytes of the object the request's range has; 0: none. */
int64_t sink_range_length(const struct request *r);

/* The CRC-64/NVME of so many bytes SINK_BYTE, 4 MiB at most. */
uint64_t sink_crc64_of(int64_t length);
/* The CRC32C of so many bytes SINK_BYTE, and the header line that states it. */
uint32_t sink_crc_of(int64_t length);
void sink_hash(uint32_t crc, char *line, size_t size);

int sink_answer_s3(int fd, const struct request *r);
int sink_answer_gcs(int fd, const struct request *r);
int sink_answer_azure(int fd, const struct request *r);

#endif
