/* What the tests of Google's credentials share: files, and one fetch by the chain. For *_test.c only. */
#ifndef COVE_AUTH_GOOGLE_TESTING_H
#define COVE_AUTH_GOOGLE_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "auth/google_chain.h"
#include "auth/jwt_testing.h"
#include "auth/scripted_server.h"

#define SCOPE   "https://www.googleapis.com/auth/devstorage.read_write"
#define REFRESH "grant_type=refresh_token&client_id=id&client_secret=client-secret&refresh_token=refresh%2Fsecret"
#define METADATA                                                                                                       \
    "GET "                                                                                                             \
    "/computeMetadata/v1/instance/service-accounts/default/token?scopes=https%3A//www.googleapis.com/auth/"            \
    "devstorage.read_write"
#define TOKEN(token, seconds)                                                                                          \
    "{\"access_token\": \"" token "\", \"expires_in\": " seconds ", \"token_type\": \"Bearer\"}"

extern char folder[64], path[128], gcloud_folder[96], gcloud_path[160];
extern struct cove__oauth_token got;
extern struct cove_error err;
extern const char *universe; /* of the option; NULL: its default */
extern bool wants_project;

int start(void **state); /* of the group: the server, key and folders */
int stop(void **state);
int clean(void **state); /* of a test: no source but a metadata server that is switched off */
void use_metadata(void);

void write_file(const char *at, const char *text);
const char *user_file(void);
const char *service_file(void);

int fetch(const char *token, bool grant);
void gives(const char *token, const char *bearer, const char *origin); /* bearer NULL: anonymous */
void fails(const char *token, int code, const char *part);

#endif
