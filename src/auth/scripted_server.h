/*
 * A server for tests of credentials: it compares each request with a script, and gives the script's response. For
 * *_test.c only.
 */
#ifndef COVE_AUTH_SCRIPTED_SERVER_H
#define COVE_AUTH_SCRIPTED_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include <cove/call.h>

struct exchange {
    const char *request; /* "METHOD /path?query BODY"; one that ends in '*' begins so */
    const char *status;
    const char *headers; /* of the response */
    const char *body;
    const char *sent; /* a line of the request's head; NULL: any */
};

struct scripted_server {
    int fd;
    unsigned port;
    const struct exchange *script;
    size_t n, at;
    char wrong[1024];                                   /* the first request that is not the script's */
    char last[8192];                                    /* body, */
    char last_authorization[4096];                      /* and its header */
    cove_cancel *cancel;                                /* fired by each request; NULL: none */
    bool (*fits)(const char *head, const char *target); /* more that a request has to have; NULL: nothing */
};
extern struct scripted_server server;

int server_start(void); /* on a free port */
void server_stop(void);
void expect(const struct exchange *script, size_t n);
void all_was_sent(void);

#endif
