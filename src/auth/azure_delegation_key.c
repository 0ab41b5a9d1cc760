/* The user delegation key's request, response and payload: see azure_delegation_key.h. */
#include "auth/azure_delegation_key.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"
#include "net/header.h"
#include "wire/digest.h"
#include "wire/xml.h"

static const struct {
    const char *path;
    size_t at;
} fields[] = {
    { "UserDelegationKey/SignedOid", offsetof(struct cove__delegation_key, object_id) },
    { "UserDelegationKey/SignedTid", offsetof(struct cove__delegation_key, tenant_id) },
    { "UserDelegationKey/SignedStart", offsetof(struct cove__delegation_key, start) },
    { "UserDelegationKey/SignedExpiry", offsetof(struct cove__delegation_key, expiry) },
    { "UserDelegationKey/SignedService", offsetof(struct cove__delegation_key, service) },
    { "UserDelegationKey/SignedVersion", offsetof(struct cove__delegation_key, version) },
    { "UserDelegationKey/Value", offsetof(struct cove__delegation_key, value) },
};
#define N_FIELDS (sizeof fields / sizeof fields[0])

static char **field_of(struct cove__delegation_key *key, size_t i)
{
    return (char **)(void *)((char *)key + fields[i].at);
}

static void done(void *payload)
{
    struct cove__delegation_key *key = payload;

    for (size_t i = 0; i < N_FIELDS; i++)
        cove__wipe(*field_of(key, i));
    explicit_bzero(key, sizeof *key);
}

static int64_t expires_ns(const void *payload)
{
    return ((const struct cove__delegation_key *)payload)->expires_ns;
}

static const char *origin(const void *payload)
{
    return NULL;
}

/* A key of the same time is the same key. */
static bool equal(const void *a, const void *b)
{
    const struct cove__delegation_key *x = a, *y = b;

    return strcmp(x->value, y->value) == 0 && strcmp(x->start, y->start) == 0 && strcmp(x->expiry, y->expiry) == 0;
}

static void hide(const void *payload)
{
    cove__secret_add_owned(((const struct cove__delegation_key *)payload)->value);
}

const struct cove__credentials_type cove__delegation_key_type = { .name = "delegation key",
                                                                  .size = sizeof(struct cove__delegation_key),
                                                                  .done = done,
                                                                  .expires_ns = expires_ns,
                                                                  .origin = origin,
                                                                  .equal = equal,
                                                                  .hide = hide };

const struct cove__delegation_key *cove__delegation_key_of(const struct cove__credentials *credentials)
{
    assert(credentials->type == &cove__delegation_key_type);
    return (const void *)credentials->payload;
}

int cove__delegation_key_request(int64_t starts_ns, int64_t ends_ns, struct cove__buf *ret_body)
{
    char starts[21], ends[21];

    cove__format_iso8601(starts_ns, starts);
    cove__format_iso8601(ends_ns, ends);
    return cove__buf_addf(ret_body,
                          "<?xml version=\"1.0\" encoding=\"utf-8\"?><KeyInfo><Start>%s</Start><Expiry>%s</Expiry>"
                          "</KeyInfo>",
                          starts, ends);
}

static int take(void *user, const char *path, struct cove__slice text)
{
    for (size_t i = 0; i < N_FIELDS; i++) {
        if (strcmp(path, fields[i].path) != 0)
            continue;
        char **at = field_of(user, i);
        if (!cove__header_is_valid(text)) /* a line break would shift the fields of what is signed */
            return COVE_EPROTOCOL;
        cove__wipe(*at);
        *at = cove__strndup((const char *)text.data, text.size);
        return *at ? 0 : COVE_ENOMEM;
    }
    return 0;
}

static bool is_complete(struct cove__delegation_key *key)
{
    for (size_t i = 0; i < N_FIELDS; i++) {
        const char *text = *field_of(key, i);
        if (!text || text[0] == '\0')
            return false;
    }
    key->expires_ns = cove__parse_iso8601(key->expiry);
    key->key_size = cove__unbase64_some(key->value, key->key, sizeof key->key);
    return key->expires_ns > 0 && key->key_size > 0;
}

int cove__delegation_key_read(struct cove__slice response, struct cove__delegation_key *ret)
{
    static const struct cove__xml_handler handler = { NULL, take, "UserDelegationKey" };
    struct cove__delegation_key key = { 0 };
    int rc = cove__xml_read(response, &handler, &key);

    if (rc == 0 && !is_complete(&key))
        rc = COVE_EPROTOCOL;
    if (rc < 0) {
        done(&key);
        return rc;
    }
    *ret = key;
    explicit_bzero(&key, sizeof key);
    return 0;
}
