/*
 * The metadata server of Google's machines (Compute Engine, GKE, Cloud Run): tokens of the service account that the
 * machine runs as. For google_chain.c.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "auth/google_chain.h"
#include "auth/oauth_endpoint.h"
#include "base/error.h"
#include "wire/uri.h"

#define HOST            "metadata.google.internal"
#define PATH            "/computeMetadata/v1/"
#define TOKEN           "instance/service-accounts/default/token"
#define CONNECT_MS      3000
#define RETRIES         4u /* after 1, 2, 4 and 8 s: GKE's server refuses connections when a pod has just started */
#define RETRIES_IN_POD  2u /* of another provider it may be, where no such server ever starts */
#define TIMEOUT_S_MAX   ((long)600)
#define PRODUCT_FILE    "/sys/class/dmi/id/product_name"
#define PRODUCT_VARIANT "Google"

static const char *given(const char *name)
{
    const char *value = getenv(name);

    return value && value[0] != '\0' ? value : NULL;
}

/* By its firmware; asks no network. */
static bool is_googles_machine(void)
{
    char name[64] = "";
    int fd = open(PRODUCT_FILE, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, name, sizeof name - 1) : 0;

    if (fd >= 0)
        close(fd);
    return n > 0 && strncmp(name, PRODUCT_VARIANT, strlen(PRODUCT_VARIANT)) == 0;
}

static void add_scopes(struct cove__buf *url, const char *scope)
{
    struct cove__buf list = COVE__BUF_INIT(4096);

    for (; *scope != '\0'; scope++)
        cove__buf_add_char(&list, *scope == ' ' ? ',' : *scope);
    cove__buf_add_str(url, "?scopes=");
    cove__uri_encode(url, cove__buf_slice(&list), true);
    if (cove__buf_rc(&list) < 0)
        url->rc = cove__buf_rc(&list);
    cove__buf_done(&list);
}

/* The variables of Google's libraries. NULL: none is set. */
static const char *given_host(void)
{
    static const char *const names[] = { "GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP" };
    const char *host = NULL;

    for (size_t i = 0; !host && i < sizeof names / sizeof names[0]; i++)
        host = given(names[i]);
    return host;
}

/* One of its requests; *ret_expected: there should be such a server. COVE_ENOTFOUND: it is switched off. */
static int begin(struct cove__exchange *x, const struct cove__google_chain *chain, const char *path, bool *ret_expected,
                 struct cove_error *err)
{
    const char *host = given_host(), *off = given("NO_GCE_CHECK"), *timeout = given("GCE_METADATA_TIMEOUT");
    long seconds = timeout ? strtol(timeout, NULL, 10) : 0;
    bool has_time = seconds > 0 && seconds <= TIMEOUT_S_MAX;

    if (off && strcasecmp(off, "true") == 0)
        return cove__fail(err, COVE_ENOTFOUND, "the metadata server is switched off by NO_GCE_CHECK");
    *ret_expected = host || chain->place == COVE__GOOGLE_METADATA || is_googles_machine();
    cove__exchange_init(x, &chain->client, "GET", "of the metadata server");
    cove__buf_addf(&x->url, "http://%s" PATH "%s", host ? host : HOST, path);
    cove__buf_add_str(&x->headers, "Metadata-Flavor: Google\n");
    x->header = "metadata-flavor";
    x->header_value = "Google";
    x->no_proxy = true;
    x->connect_timeout_ms = has_time ? seconds * 1000 : CONNECT_MS;
    x->stall_timeout_ms = has_time ? seconds * 1000 : 0;
    x->first_wait_ms = chain->metadata_wait_ms;
    x->retries = *ret_expected ? RETRIES : given("KUBERNETES_SERVICE_HOST") ? RETRIES_IN_POD : 0;
    return 0;
}

/* Elsewhere no server has that name, or one that answers by every name: of a hotel's network, or a provider's. */
static int not_here(const struct cove__exchange *x, bool expected, int rc, struct cove_error *err)
{
    bool of_another = x->of_another && rc < 0 && rc != COVE_ENOMEM && rc != COVE_ECANCELED;

    if (!expected && (rc == COVE_ENETWORK || rc == COVE_ETIMEDOUT || of_another))
        err->code = rc = COVE_ENOTFOUND;
    return rc;
}

int cove__google_metadata(const struct cove__google_chain *chain, cove_cancel *cancel, struct cove__oauth_token *ret,
                          struct cove_error *err)
{
    struct cove__exchange x;
    bool expected;

    int rc = begin(&x, chain, TOKEN, &expected, err);
    if (rc < 0)
        return rc;
    add_scopes(&x.url, chain->scope);
    rc = not_here(&x, expected, cove__oauth_run(&x, NULL, cancel, ret, NULL, err), err);
    if (rc == COVE_EAUTH && x.status == 404 && !x.of_another)
        cove__error_add(err, "; this machine has no service account: attach one, or set "
                             "GOOGLE_APPLICATION_CREDENTIALS");
    cove__exchange_done(&x);
    return rc;
}

int cove__google_metadata_text(const struct cove__google_chain *chain, const char *path, cove_cancel *cancel,
                               struct cove__buf *out, struct cove_error *err)
{
    struct cove__exchange x;
    bool expected;

    int rc = begin(&x, chain, path, &expected, err);
    if (rc < 0)
        return rc;
    rc = not_here(&x, expected, cove__exchange_run(&x, cancel, err), err);
    if (rc == 0)
        rc = cove__buf_add_slice(out, cove__buf_slice(&x.response));
    if (rc == 0 && !cove__oauth_token_is_usable(cove__buf_str(out)))
        rc = cove__fail(err, COVE_EPROTOCOL, "credentials of the metadata server: its %s is malformed", path);
    cove__exchange_done(&x);
    return rc;
}
