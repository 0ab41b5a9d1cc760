/* Logins by Kerberos: see gssapi.h. */
#include "auth/gssapi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/gssapi_library.h"
#include "base/error.h"
#include "base/mem.h"

struct cove__gss {
    const struct gss_functions *f;
    struct cove__gss_login login; /* BORROWED until the context stands */
    char *service;                /* owned */
    gss_handle target, cred, context;
};

static uint8_t kerberos_oid[] = { 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02 };
static uint8_t principal_oid[] = { 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02, 0x01 };
static struct gss_oid kerberos = { sizeof kerberos_oid, kerberos_oid };
static struct gss_oid principal_name = { sizeof principal_oid, principal_oid };

/* ---- errors ---- */

/* Codes of libkrb5 (krb5_err.et) whose own text does not say what to do. */
static const struct advice {
    int32_t minor;
    int code;
    const char *text;
} advices[] = {
    { -1765328352, COVE_EAUTH, "renew the ticket with `kinit -R`, or get a new one with `kinit`" },
    { -1765328347, COVE_EAUTH,
      "the clocks of this machine and the server or the KDC differ by more than five minutes: set them" },
    { -1765328377, COVE_EAUTH,
      "the KDC does not know the server by that name: compare dfs.namenode.kerberos.principal and the realm" },
    { -1765328378, COVE_EAUTH, "the KDC does not know this user: see the realm, and get a ticket with `kinit`" },
    { -1765328228, COVE_ENETWORK, "no KDC of the realm answers: see krb5.conf (KRB5_CONFIG)" },
    { -1765328230, COVE_EAUTH, "see the realms of krb5.conf (KRB5_CONFIG)" },
    { -1765328189, COVE_EAUTH, "get a ticket with `kinit`" },
};

static void add_status(const struct gss_functions *f, uint32_t code, int type, char *text, size_t size)
{
    uint32_t more = 0, minor;

    do {
        struct gss_buffer part = { 0 };
        size_t n = strlen(text);

        if (GSS_FAILED(f->display_status(&minor, code, type, &kerberos, &more, &part)))
            return;
        snprintf(text + n, size - n, "%s%.*s", n > 0 ? ": " : "", (int)part.length, (const char *)part.value);
        f->release_buffer(&minor, &part);
    } while (more);
}

/* Which tickets were used, for messages. */
static void describe(const struct cove__gss_login *login, char *text, size_t size)
{
    const char *of_environment = getenv("KRB5CCNAME");

    if (login->keytab)
        snprintf(text, size, "the keytab %s%s%s", login->keytab, login->principal ? " of " : "",
                 login->principal ? login->principal : "");
    else if (login->cache)
        snprintf(text, size, "the ticket cache %s", login->cache);
    else if (of_environment && *of_environment)
        snprintf(text, size, "the ticket cache %s (KRB5CCNAME)", of_environment);
    else
        snprintf(text, size, "the default ticket cache");
}

static int fail(const struct cove__gss *g, uint32_t major, uint32_t minor, const char *what, struct cove_error *err)
{
    const char *text = NULL;
    char status[512] = "", tickets[300];
    int code = COVE_EAUTH;

    for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++) {
        if ((uint32_t)advices[i].minor == minor) {
            text = advices[i].text;
            code = advices[i].code;
        }
    }
    if (!text && GSS_ROUTINE(major) == GSS_CREDENTIALS_EXPIRED)
        text = advices[0].text;
    else if (!text && GSS_ROUTINE(major) == GSS_NO_CRED)
        text = "get a ticket with `kinit`, or set `kerb_ticket` or `keytab`";
    if (minor != 0)
        add_status(g->f, minor, GSS_CODE_MINOR, status, sizeof status);
    if (!status[0])
        add_status(g->f, major, GSS_CODE_MAJOR, status, sizeof status);
    describe(&g->login, tickets, sizeof tickets);
    return cove__fail(err, code, "Kerberos: %s for %s by %s: %s%s%s", what, g->service, tickets, status,
                      text ? "; " : "", text ? text : "");
}

/* ---- the login ---- */

static int import(struct cove__gss *g, const char *text, gss_handle *ret, struct cove_error *err)
{
    struct gss_buffer name = { strlen(text), (void *)text };
    uint32_t minor, major = g->f->import_name(&minor, &name, &principal_name, ret);

    return GSS_FAILED(major) ? fail(g, major, minor, "a principal's name is not well-formed", err) : 0;
}

/* Tickets are looked for at each connection, because they are renewed by others meanwhile. */
static int acquire(struct cove__gss *g, struct cove_error *err)
{
    struct gss_pair pairs[2];
    struct gss_store store = { 0, pairs };
    struct gss_oid_set mechanisms = { 1, &kerberos };
    char keytab_cache[512];
    gss_handle name = NULL;
    uint32_t major, minor, seconds = 0;
    int rc = g->login.principal ? import(g, g->login.principal, &name, err) : 0;

    if (rc < 0)
        return rc;
    if (g->login.cache)
        pairs[store.count++] = (struct gss_pair){ "ccache", g->login.cache };
    else if (g->login.keytab) {
        /* Its tickets stay in this process: the user's own cache is none of its business. */
        snprintf(keytab_cache, sizeof keytab_cache, "MEMORY:cove:%s:%s", g->login.principal ? g->login.principal : "",
                 g->login.keytab);
        pairs[store.count++] = (struct gss_pair){ "ccache", keytab_cache };
    }
    if (g->login.keytab)
        pairs[store.count++] = (struct gss_pair){ "client_keytab", g->login.keytab };
    major = g->f->acquire_cred_from(&minor, name, GSS_INDEFINITE, &mechanisms, GSS_INITIATE,
                                    store.count > 0 ? &store : NULL, &g->cred, NULL, &seconds);
    if (GSS_FAILED(major))
        rc = fail(g, major, minor, "no ticket", err);
    if (name)
        g->f->release_name(&minor, &name);
    return rc;
}

int cove__gss_new(const struct cove__gss_login *login, const char *service, struct cove__gss **ret,
                  struct cove_error *err)
{
    const struct gss_functions *f = NULL;
    struct cove__gss *g;
    int rc = cove__gss_library(&f, err);

    if (rc < 0)
        return rc;
    g = cove__calloc(1, sizeof *g);
    if (!g || !(g->service = cove__strdup(service))) {
        cove__free(g);
        return cove__fail_nomem(err, "a login by Kerberos");
    }
    g->f = f;
    g->login = *login;
    rc = import(g, service, &g->target, err);
    if (rc == 0)
        rc = acquire(g, err);
    if (rc == 0)
        *ret = g;
    else
        cove__gss_free(g);
    return rc;
}

int cove__gss_step(struct cove__gss *g, struct cove__slice token, struct cove__buf *out, struct cove_error *err)
{
    struct gss_buffer in = { token.size, (void *)token.data }, answer = { 0 };
    uint32_t minor, ignored, flags = 0;
    uint32_t wanted = GSS_MUTUAL | GSS_REPLAY | GSS_SEQUENCE | GSS_CONF | GSS_INTEG;
    uint32_t major = g->f->init_sec_context(&minor, g->cred, &g->context, g->target, &kerberos, wanted, 0, NULL,
                                            token.size > 0 ? &in : NULL, NULL, &answer, &flags, NULL);

    cove__buf_add(out, answer.value, answer.length);
    g->f->release_buffer(&ignored, &answer);
    if (GSS_FAILED(major))
        return fail(g, major, minor, "the login failed", err);
    if (cove__buf_rc(out) < 0)
        return cove__fail_nomem(err, "a login by Kerberos");
    if (major & GSS_CONTINUE_NEEDED)
        return 0;
    if ((flags & wanted) != wanted)
        return cove__fail(err, COVE_EAUTH, "Kerberos: %s offers no mutual login with integrity and privacy",
                          g->service);
    return 1;
}

/* ---- protection ---- */

int cove__gss_wrap(struct cove__gss *g, struct cove__slice data, bool private, struct cove__buf *out)
{
    struct gss_buffer in = { data.size, (void *)data.data }, sealed = { 0 };
    int is_private = 0;
    uint32_t minor, major = g->f->wrap(&minor, g->context, private, 0, &in, &is_private, &sealed);
    int rc =
        GSS_FAILED(major) || (private && !is_private) ? COVE_EAUTH : cove__buf_add(out, sealed.value, sealed.length);

    g->f->release_buffer(&minor, &sealed);
    return rc;
}

int cove__gss_unwrap(struct cove__gss *g, struct cove__slice sealed, bool private, struct cove__buf *out)
{
    struct gss_buffer in = { sealed.size, (void *)sealed.data }, plain = { 0 };
    int is_private = 0;
    uint32_t minor, major = g->f->unwrap(&minor, g->context, &in, &plain, &is_private, NULL);
    /* Of the lower bits, those of a message that came twice or out of order are failures, too. */
    int rc = major != 0 || (private && !is_private) ? COVE_ECORRUPT : cove__buf_add(out, plain.value, plain.length);

    g->f->release_buffer(&minor, &plain);
    return rc;
}

size_t cove__gss_max(struct cove__gss *g, size_t size, bool private)
{
    uint32_t minor, ret = 0;
    uint32_t major = g->f->wrap_size_limit(&minor, g->context, private, 0, (uint32_t)size, &ret);

    return GSS_FAILED(major) || ret == 0 ? 1024 : ret;
}

void cove__gss_free(struct cove__gss *g)
{
    uint32_t minor;

    if (!g)
        return;
    if (g->context)
        g->f->delete_sec_context(&minor, &g->context, NULL);
    if (g->cred)
        g->f->release_cred(&minor, &g->cred);
    if (g->target)
        g->f->release_name(&minor, &g->target);
    cove__free(g->service);
    cove__free(g);
}
