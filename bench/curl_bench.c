/* The yardstick of the benchmark: one request by plain libcurl, with large buffers and one copy. The URL is one that
 * needs no further authentication (a presigned one). */
#include "memory.h"

#include <curl/curl.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RECEIVE_BUFFER = 512 << 10, UPLOAD_BUFFER = 2 << 20 };

struct place {
    const struct bench *b;
    size_t at;
    int fd; /* of the file, -1: none */
};

/* As a caller that reads by blocks: each byte to its place in the one block. */
static void into_block(char *block, size_t at, const char *data, size_t length)
{
    while (length) {
        size_t n = BENCH_BLOCK - at % BENCH_BLOCK < length ? BENCH_BLOCK - at % BENCH_BLOCK : length;

        memcpy(block + at % BENCH_BLOCK, data, n);
        at += n;
        data += n;
        length -= n;
    }
}

static size_t received(char *data, size_t one, size_t length, void *user)
{
    struct place *place = user;

    if (length > place->b->size - place->at)
        return 0;
    if (place->b->mode == BENCH_GET)
        memcpy(place->b->memory + place->at, data, length);
    else if (place->b->mode == BENCH_READ)
        into_block(place->b->memory, place->at, data, length);
    else if (write(place->fd, data, length) != (ssize_t)length)
        return 0;
    place->at += length;
    return length;
}

static size_t wanted(char *data, size_t one, size_t length, void *user)
{
    struct place *place = user;
    ssize_t n;

    if (length > place->b->size - place->at)
        length = place->b->size - place->at;
    if (place->b->mode == BENCH_WRITE && length > BENCH_BLOCK)
        length = BENCH_BLOCK;
    if (place->fd >= 0) {
        n = read(place->fd, data, length);
        if (n < 0)
            return CURL_READFUNC_ABORT;
        length = (size_t)n;
    } else {
        memcpy(data, place->b->memory + (place->b->mode == BENCH_PUT ? place->at : 0), length);
    }
    place->at += length;
    return length;
}

static void set_download(CURL *curl, struct place *place)
{
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, received);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, place);
}

static void set_upload(CURL *curl, struct place *place, struct curl_slist *headers)
{
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BUFFER);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)place->b->size);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, wanted);
    curl_easy_setopt(curl, CURLOPT_READDATA, place);
}

static CURLcode transfer(CURL *curl, struct place *place)
{
    enum bench_mode mode = place->b->mode;
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    CURLcode rc = CURLE_OUT_OF_MEMORY;

    if (!headers)
        goto out;
    if (mode == BENCH_GET_FILE || mode == BENCH_PUT_FILE) {
        place->fd = mode == BENCH_PUT_FILE ? open(place->b->file, O_RDONLY | O_CLOEXEC)
                                           : open(place->b->file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        rc = CURLE_READ_ERROR;
        if (place->fd < 0)
            goto out;
    }
    curl_easy_setopt(curl, CURLOPT_URL, place->b->url);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (getenv("AWS_CA_BUNDLE"))
        curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("AWS_CA_BUNDLE"));
    if (mode == BENCH_GET || mode == BENCH_GET_FILE || mode == BENCH_READ)
        set_download(curl, place);
    else
        set_upload(curl, place, headers);
    rc = curl_easy_perform(curl);
out:
    if (place->fd >= 0)
        close(place->fd);
    curl_slist_free_all(headers);
    return rc;
}

int main(int argc, char **argv)
{
    struct bench b;
    struct place place = { .b = &b, .fd = -1 };
    CURLcode rc = CURLE_FAILED_INIT;
    struct bench_mark begin;
    CURL *curl;

    bench_start(&b, argc, argv);
    begin = bench_now();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    curl = curl_easy_init();
    if (curl)
        rc = transfer(curl, &place);
    if (rc == CURLE_OK && place.at != b.size)
        rc = CURLE_PARTIAL_FILE;
    if (rc != CURLE_OK)
        fprintf(stderr, "curl_bench: %s\n", curl_easy_strerror(rc));
    else
        bench_report(begin);
    curl_easy_cleanup(curl);
    curl_global_cleanup();
    free(b.memory);
    return rc != CURLE_OK;
}
