/*
 * The library's threads. Signals are the program's: none is delivered to them.
 *
 * The process's exit waits for detached threads that are about to end: what OpenSSL keeps for a thread is freed when
 * the thread ends, but not after OpenSSL's own end.
 */
#ifndef COVE_BASE_THREAD_H
#define COVE_BASE_THREAD_H

#include <pthread.h>

/* Starts a thread that the caller joins. Returns 0, or an errno number. */
int cove__thread_create(pthread_t *ret_thread, void *(*body)(void *), void *user);

/*
 * Starts a detached thread. Before `body` returns, or before it is asked to return, cove__threads_end_soon is called
 * for it. Returns 0, or an errno number.
 */
int cove__thread_start(void (*body)(void *), void *user);

/* `n` threads of cove__thread_start return from their bodies soon: the process's exit waits for them. Once for each. */
void cove__threads_end_soon(unsigned n);

#endif
