/* The yardstick of the benchmark: one request by plain libcurl, with large buffers and a memcpy. The URL is one that
 * needs no further authentication (a presigned one). */
#include "memory.h"

#include <curl/curl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECEIVE_BUFFER = 512 << 10, UPLOAD_BUFFER = 2 << 20 };

struct place {
    const struct bench *b;
    size_t at;
};

static size_t received(char *data, size_t one, size_t length, void *user)
{
    struct place *place = user;

    if (length > place->b->size - place->at)
        return 0;
    memcpy(place->b->memory + place->at, data, length);
    place->at += length;
    return length;
}

static size_t wanted(char *data, size_t one, size_t length, void *user)
{
    struct place *place = user;

    if (length > place->b->size - place->at)
        length = place->b->size - place->at;
    memcpy(data, place->b->memory + place->at, length);
    place->at += length;
    return length;
}

static CURLcode transfer(CURL *curl, struct place *place)
{
    struct curl_slist *headers = NULL;
    CURLcode rc = CURLE_OUT_OF_MEMORY;

    curl_easy_setopt(curl, CURLOPT_URL, place->b->url);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (getenv("AWS_CA_BUNDLE"))
        curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("AWS_CA_BUNDLE"));
    if (place->b->mode == BENCH_GET) {
        curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, received);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, place);
    } else {
        headers = curl_slist_append(NULL, "Expect:");
        if (!headers)
            goto out;
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BUFFER);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)place->b->size);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, wanted);
        curl_easy_setopt(curl, CURLOPT_READDATA, place);
    }
    rc = curl_easy_perform(curl);
out:
    curl_slist_free_all(headers);
    return rc;
}

int main(int argc, char **argv)
{
    struct bench b;
    struct place place = { .b = &b };
    CURLcode rc = CURLE_FAILED_INIT;
    struct bench_clock begin;
    CURL *curl;

    bench_start(&b, argc, argv);
    begin = bench_now();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    curl = curl_easy_init();
    if (curl)
        rc = b.mode == BENCH_GET || b.mode == BENCH_PUT ? transfer(curl, &place) : CURLE_OK;
    if (rc == CURLE_OK && (b.mode == BENCH_GET || b.mode == BENCH_PUT) && place.at != b.size)
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
