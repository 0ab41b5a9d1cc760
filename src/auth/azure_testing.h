/* What the tests of Azure's credentials share: options, and one fetch by the chain. For *_test.c only. */
#ifndef COVE_AUTH_AZURE_TESTING_H
#define COVE_AUTH_AZURE_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "auth/azure_chain.h"
#include "auth/scripted_server.h"

#define ENTRA        "POST /tenant/oauth2/v2.0/token grant_type=client_credentials&client_id=app"
#define SCOPED       "&scope=https%3A%2F%2Fstorage.azure.com%2F.default"
#define RESOURCE     "resource=https%3A%2F%2Fstorage.azure.com"
#define TOKEN(token) "{\"token_type\": \"Bearer\", \"expires_in\": 3599, \"access_token\": \"" token "\"}"

extern char folder[64], path[128];
extern struct cove__azure_chain_options options; /* of the next fetch */
extern struct cove__oauth_token got;
extern struct cove_error err;

int azure_start(void **state); /* of the group: the server and the folder */
int azure_stop(void **state);
int azure_clean(void **state); /* of a test: no credentials, no machine's service, no Azure CLI */
void write_bytes(const char *at, const void *data, size_t size);
void set_url(const char *name, const char *url_path); /* a variable, to a URL of the server */

int fetch(void);
void gives(const char *token, const char *origin);
void fails(int code, const char *part);

#endif
