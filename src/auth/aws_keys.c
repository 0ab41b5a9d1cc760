/* The keys in a JSON response of processes, containers, instances and SSO's portal: for aws_metadata.c and its like. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/aws_chain.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "wire/json.h"

int cove__aws_expiry(const char *text, const char *origin, int64_t *ret_ns, struct cove_error *err)
{
    int64_t at_ns = INT64_MAX;

    if (cove__aws_given(text)) {
        size_t digits = strspn(text, "0123456789");
        /* SSO's portal counts milliseconds. */
        at_ns = text[digits] == '\0' && digits < 16 ? cove__ms_ns(strtoll(text, NULL, 10)) : cove__parse_iso8601(text);
    }
    if (at_ns < 0)
        return cove__fail(err, COVE_EPROTOCOL,
                          "credentials of %s: their expiration is not a date with a time zone: \"%.64s\"", origin,
                          text);
    *ret_ns = at_ns;
    return 0;
}

struct keys {
    char *id, *secret, *token, *expiration, *code, *message, *version;
};

static int take_key(void *user, const char *path, enum cove__json_type type, const char *text)
{
    static const char portal[] = "roleCredentials/";
    struct keys *k = user;
    const struct {
        const char *name;
        char **at;
    } rows[] = {
        { "AccessKeyId", &k->id },  { "SecretAccessKey", &k->secret }, { "SessionToken", &k->token },
        { "Token", &k->token },     { "Expiration", &k->expiration },  { "Code", &k->code },
        { "Message", &k->message }, { "Version", &k->version },
    };

    if (strncmp(path, portal, sizeof portal - 1) == 0)
        path += sizeof portal - 1;
    for (size_t i = 0; type != COVE__JSON_NULL && i < sizeof rows / sizeof rows[0]; i++) {
        if (strcasecmp(path, rows[i].name) != 0)
            continue;
        cove__wipe(*rows[i].at);
        *rows[i].at = cove__strdup(text);
        return *rows[i].at ? 0 : COVE_ENOMEM;
    }
    return 0;
}

/* A header is made of each: nothing in it may end the line. */
static bool plain(const char *s)
{
    for (; s && *s != '\0'; s++) {
        if ((unsigned char)*s <= ' ' || (unsigned char)*s > '~')
            return false;
    }
    return true;
}

int cove__aws_keys_from_json(struct cove__slice text, const char *origin, bool may_last,
                             struct cove__aws_credentials *ret, struct cove_error *err)
{
    struct cove__aws_credentials c = { .expires_ns = INT64_MAX };
    static const struct cove__json_handler handler = { .value = take_key };
    struct keys k = { 0 };
    char why[160];

    int rc = cove__json_read(text, &handler, &k, why, sizeof why);
    if (rc == COVE_ENOMEM)
        cove__fail_nomem(err, "the credentials");
    else if (rc < 0)
        rc = cove__fail(err, COVE_EPROTOCOL, "credentials of %s: the response is not a JSON object", origin);
    else if (k.code && strcmp(k.code, "Success") != 0)
        rc = cove__fail(err, COVE_EAUTH, "credentials of %s: it refused: %.64s%s%.200s", origin,
                        plain(k.code) ? k.code : "", k.message ? ": " : "", k.message ? k.message : "");
    else if (k.version && strcmp(k.version, "1") != 0)
        rc = cove__fail(err, COVE_EPROTOCOL, "credentials of %s: its response has version \"%.16s\", not 1", origin,
                        plain(k.version) ? k.version : "");
    else if (!cove__aws_given(k.id) || !cove__aws_given(k.secret) || !plain(k.id) || !plain(k.token))
        rc = cove__fail(err, COVE_EPROTOCOL, "credentials of %s: the response has no usable access key id and secret",
                        origin);
    else if (!may_last && !cove__aws_given(k.expiration))
        rc = cove__fail(err, COVE_EPROTOCOL, "credentials of %s: the response has no expiration time", origin);
    else
        rc = cove__aws_expiry(k.expiration, origin, &c.expires_ns, err);
    if (rc == 0)
        rc = cove__aws_credentials_set_origin(&c, err, "%s", origin);
    if (rc == 0) {
        c.key_id = k.id;
        c.secret = k.secret;
        c.token = cove__aws_given(k.token) ? k.token : NULL;
        k.id = k.secret = NULL;
        if (c.token)
            k.token = NULL;
        cove__aws_credentials_hide(&c);
        *ret = c;
    }
    cove__wipe(k.id);
    cove__wipe(k.secret);
    cove__wipe(k.token);
    cove__free(k.expiration);
    cove__free(k.code);
    cove__free(k.message);
    cove__free(k.version);
    return rc;
}
