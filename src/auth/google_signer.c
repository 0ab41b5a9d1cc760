/* Signatures of a service account, by its key or by IAM's signBlob: see google_signer.h. */
#include "auth/google_signer.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "wire/digest.h"

#define WHERE    "of IAM's signBlob"
#define TEXT_MAX ((size_t)4096) /* of what it signs */

/* ---- as credentials ---- */

static void done(void *payload)
{
    struct cove__google_signer *signer = payload;

    cove__free(signer->email);
    cove__wipe(signer->private_key);
    cove__free(signer->url);
    cove__wipe(signer->token);
    cove__free(signer->delegates);
    cove__free(signer->origin);
    *signer = (struct cove__google_signer){ 0 };
}

static int64_t expires_ns(const void *payload)
{
    return ((const struct cove__google_signer *)payload)->expires_ns;
}

static const char *origin(const void *payload)
{
    return ((const struct cove__google_signer *)payload)->origin;
}

static bool same(const char *a, const char *b)
{
    return !a || !b ? a == b : strcmp(a, b) == 0;
}

static bool equal(const void *a, const void *b)
{
    const struct cove__google_signer *x = a, *y = b;
    return same(x->email, y->email) && same(x->private_key, y->private_key) && same(x->url, y->url) &&
           same(x->token, y->token) && same(x->delegates, y->delegates);
}

static void hide(const void *payload)
{
    const struct cove__google_signer *signer = payload;

    cove__secret_add_owned(signer->private_key);
    cove__secret_add_owned(signer->token);
}

const struct cove__credentials_type cove__google_signer_type = { .name = "google",
                                                                 .size = sizeof(struct cove__google_signer),
                                                                 .done = done,
                                                                 .expires_ns = expires_ns,
                                                                 .origin = origin,
                                                                 .equal = equal,
                                                                 .hide = hide };

const struct cove__google_signer *cove__google_signer_of(const struct cove__credentials *credentials)
{
    assert(credentials->type == &cove__google_signer_type);
    return (const void *)credentials->payload;
}

static int fetch(void *self, cove_cancel *cancel, void *ret_payload, struct cove_error *err)
{
    struct cove__google_chain *chain = self;
    struct cove__google_signer *signer = ret_payload;
    struct cove__oauth_token none = { 0 };

    signer->client = &chain->client;
    chain->signer = signer;
    int rc = cove__google_chain_find(chain, cancel, &none, err);
    chain->signer = NULL;
    cove__oauth_token_done(&none);
    return rc;
}

int cove__google_signer_source(const struct cove__google_chain_options *options, struct cove__credentials_source *ret,
                               struct cove_error *err)
{
    int rc = cove__google_chain_new(options, ret, err);

    if (rc == 0) {
        ret->type = &cove__google_signer_type;
        ret->fetch = fetch;
    }
    return rc;
}

/* ---- signatures ---- */

static int accept(const char *text, struct cove__buf *ret, struct cove_error *err)
{
    uint8_t signature[COVE__RSA_SIGNATURE_MAX];
    size_t n = strlen(text), padding = strcspn(text, "=");
    size_t size = n / 4 * 3 - (n - padding);

    if (n == 0 || n % 4 != 0 || n - padding > 2 || size > sizeof signature || !cove__unbase64(text, signature, size))
        return cove__fail(err, COVE_EPROTOCOL, "credentials " WHERE ": the response has no usable signature");
    return cove__buf_add(ret, signature, size) < 0 ? cove__fail_nomem(err, "the credentials") : 0;
}

static int sign_remotely(const struct cove__google_signer *signer, struct cove__slice text, int64_t deadline_ns,
                         cove_cancel *cancel, struct cove__buf *ret, struct cove_error *err)
{
    struct cove__exchange_client client = *signer->client; /* what it holds is BORROWED */
    char payload[COVE__BASE64_SIZE(TEXT_MAX)], *blob = NULL;
    struct cove__exchange x;
    int64_t ends_ns;

    if (text.size > TEXT_MAX)
        return cove__fail(err, COVE_ELIMIT, "credentials " WHERE ": the text is too long");
    cove__base64(text.data, text.size, payload);
    client.deadline_ns = deadline_ns;
    cove__exchange_init(&x, &client, "POST", WHERE);
    cove__buf_add_str(&x.url, signer->url);
    cove__buf_addf(&x.headers, "Authorization: Bearer %s\nContent-Type: application/json\n", signer->token);
    cove__buf_addf(&x.body, "{\"payload\":\"%s\",\"delegates\":[%s]}", payload,
                   signer->delegates ? signer->delegates : "");
    x.has_body = true;
    int rc = cove__google_iam_run(&x, "signedBlob", cancel, &blob, &ends_ns, err);
    if (rc == 0)
        rc = accept(blob, ret, err);
    cove__wipe(blob);
    cove__exchange_done(&x);
    return rc;
}

int cove__google_signer_sign(const struct cove__google_signer *signer, struct cove__slice text, int64_t deadline_ns,
                             cove_cancel *cancel, struct cove__buf *ret, struct cove_error *err)
{
    uint8_t signature[COVE__RSA_SIGNATURE_MAX];
    size_t size = sizeof signature;

    if (!signer->private_key)
        return sign_remotely(signer, text, deadline_ns, cancel, ret, err);
    int rc = cove__google_rs256(signer->private_key, text, signature, &size, err);
    if (rc == 0 && cove__buf_add(ret, signature, size) < 0)
        rc = cove__fail_nomem(err, "the credentials");
    return rc;
}
