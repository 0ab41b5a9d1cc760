/*
 * Azure's Shared Key: the signature of a request, and the shared access signature (SAS) of one blob. Pure.
 * https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
 * https://learn.microsoft.com/rest/api/storageservices/create-service-sas
 * https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas
 */
#ifndef COVE_AUTH_AZURE_SHARED_KEY_H
#define COVE_AUTH_AZURE_SHARED_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cove/error.h>

#include "auth/azure_delegation_key.h"
#include "base/buf.h"
#include "base/slice.h"

#define COVE__AZURE_VERSION "2023-11-03" /* x-ms-version, and of signatures */

/* BORROWED. */
struct cove__shared_key {
    const char *account;
    struct cove__slice key; /* decoded */
};

struct cove__shared_key_request {
    const char *method;
    const char *path;           /* percent-encoded, as sent, from the first slash on */
    const char *query;          /* percent-encoded "a=1&b=2", as sent, in any order; "" for none */
    struct cove__slice headers; /* "Name: value\n" lines, x-ms-date and x-ms-version among them */
    uint64_t body_size;
};

/* Adds the text that is signed. COVE_ELIMIT, COVE_ENOMEM, COVE_EPROTOCOL: the query is malformed. */
int cove__shared_key_text(const struct cove__shared_key *key, const struct cove__shared_key_request *request,
                          struct cove__buf *ret_text);
/* Adds the Authorization line to `headers`. As cove__shared_key_text; COVE_ENOTSUP: OpenSSL has no SHA-256. */
int cove__shared_key_sign(const struct cove__shared_key *key, const struct cove__shared_key_request *request,
                          struct cove__buf *headers);

/* What a SAS allows. Strings are BORROWED. */
struct cove__blob_sas {
    const char *permissions; /* "r", "cw", ... in the service's order */
    struct cove__slice container, blob;
    struct cove__slice version;    /* the ID of the blob's version; empty: the blob itself */
    bool of_snapshot;              /* it is the time of a snapshot */
    const char *protocol;          /* "https", "https,http"; "": any */
    int64_t starts_ns, expires_ns; /* since 1970; starts_ns 0: now */
};
/* Adds the query of a SAS to `query`: by the account's key, or by a user delegation key. */
int cove__blob_sas_sign(const struct cove__shared_key *key, const struct cove__blob_sas *sas, struct cove__buf *query);
int cove__blob_sas_delegate(const char *account, const struct cove__delegation_key *key,
                            const struct cove__blob_sas *sas, struct cove__buf *query);

#endif
