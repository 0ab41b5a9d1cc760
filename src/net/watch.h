/*
 * What an I/O thread waits for: the sockets of its curl multi handle, libcurl's timer, and the calls of other threads.
 * For loop.c; transfer.c names the two socket callbacks to libcurl.
 *
 * One epoll set a loop. A socket of ours enters it when it is opened and leaves it when it is closed: no system call is
 * needed between two requests on one connection.
 */
#ifndef COVE_NET_WATCH_H
#define COVE_NET_WATCH_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

struct cove__watch;

/* Takes over the socket and timer callbacks of `multi`, which lives at least as long as any use of the watch but is
 * cleaned up before it (closing its connections calls back here). NULL: no memory or descriptors. */
struct cove__watch *cove__watch_new(CURLM *multi);
void cove__watch_free(struct cove__watch *w); /* NULL accepted */

/* From any thread: the wait under way, or else the next one, ends at once. */
void cove__watch_wake(struct cove__watch *w);

/* On the loop's thread: */
int64_t cove__watch_next_ns(const struct cove__watch *w);     /* when libcurl wants to run again; INT64_MAX: never */
bool cove__watch_wait(struct cove__watch *w, int timeout_ms); /* false: without having waited */
bool cove__watch_run_event(
    struct cove__watch *w); /* lets libcurl act on one thing that it found; false: none is left */
void cove__watch_run_timer(struct cove__watch *w, int64_t now_ns); /* lets it act on time */

/* CURLOPT_OPENSOCKETFUNCTION and CURLOPT_CLOSESOCKETFUNCTION; `user` is the watch. */
curl_socket_t cove__watch_open(void *user, curlsocktype purpose, struct curl_sockaddr *address);
int cove__watch_close(void *user, curl_socket_t fd);

#endif
