/* Google's files of credentials: JSON of one of several types. For google_chain.c. */
#include <string.h>
#include <strings.h>

#include "auth/google_chain.h"
#include "auth/oauth_endpoint.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "wire/json.h"

#define TOKEN_URI "https://oauth2.googleapis.com/token"

/* ---- types ---- */

#define IMPERSONATED  "impersonated_service_account"
#define DELEGATES_MAX ((size_t)8 << 10)

struct parse {
    struct cove__google_key_file file, source; /* of the document, and of its source_credentials */
    char *type, *source_type;
    char *universe; /* the source's, where both name one */
    struct cove__buf delegates;
};

static const struct {
    const char *name;
    enum cove__google_key_type type;
} types[] = {
    { "service_account", COVE__GOOGLE_SERVICE_ACCOUNT },
    { "authorized_user", COVE__GOOGLE_AUTHORIZED_USER },
    { "external_account", COVE__GOOGLE_EXTERNAL_ACCOUNT },
    { "external_account_authorized_user", COVE__GOOGLE_EXTERNAL_USER },
};

/* Impersonation: the source's members replace the document's, except the account to impersonate. */
static int use_source(struct parse *p, const char *origin, struct cove_error *err)
{
    struct cove__google_key_file *from = &p->file, *to = &p->source;

    if (!from->impersonation_url)
        return cove__fail(err, COVE_EAUTH, "credentials of %s: \"service_account_impersonation_url\" is missing",
                          origin);
    if (cove__buf_rc(&p->delegates) < 0 || !(to->delegates = cove__buf_take(&p->delegates)))
        return cove__fail(err, COVE_ELIMIT, "credentials of %s: its delegates cannot be kept in memory", origin);
    cove__free(to->impersonation_url); /* no member of a source */
    to->impersonation_url = from->impersonation_url;
    from->impersonation_url = NULL;
    if (from->quota_project) {
        cove__free(to->quota_project);
        to->quota_project = from->quota_project;
        from->quota_project = NULL;
    }
    cove__google_key_file_done(from);
    *from = *to;
    *to = (struct cove__google_key_file){ 0 };
    return 0;
}

static int find_type(struct parse *p, const char *origin, struct cove_error *err)
{
    bool impersonated = p->type && strcmp(p->type, IMPERSONATED) == 0;
    const char *type = impersonated ? p->source_type : p->type;

    if (!type)
        return cove__fail(err, COVE_EAUTH, "credentials of %s: %s has no \"type\", so it is not a credentials file",
                          origin, impersonated ? "its source_credentials" : "it");
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        bool external = types[i].type == COVE__GOOGLE_EXTERNAL_ACCOUNT;
        if (strcmp(type, types[i].name) != 0 || (impersonated && external)) /* it impersonates without another file */
            continue;
        p->file.type = p->source.type = types[i].type;
        if (impersonated)
            return use_source(p, origin, err);
        if (!external) { /* of another type's file */
            cove__free(p->file.impersonation_url);
            p->file.impersonation_url = NULL;
        }
        return 0;
    }
    return cove__fail(
        err, COVE_ENOTSUP,
        "credentials of %s: %s type \"%.64s\" is not supported: use the key file of a service account, or "
        "run \"gcloud auth application-default login\"; supported: service_account, authorized_user, "
        "%sexternal_account_authorized_user%s",
        origin, impersonated ? "its source_credentials'" : "its", type, impersonated ? "" : "external_account, ",
        impersonated ? "" : ", " IMPERSONATED);
}

/* ---- members ---- */

static int take(void *user, const char *path, enum cove__json_type type, const char *text)
{
    static const char inner[] = "source_credentials/";
    struct parse *p = user;
    bool source = strncmp(path, inner, sizeof inner - 1) == 0;
    struct cove__google_key_file *file = source ? &p->source : &p->file;
    const struct {
        const char *name;
        char **at;
        bool secret;
    } rows[] = {
        { "type", source ? &p->source_type : &p->type, false },
        { "client_email", &file->client_email, false },
        { "private_key", &file->private_key, true },
        { "private_key_id", &file->private_key_id, false },
        { "client_id", &file->client_id, false },
        { "client_secret", &file->client_secret, true },
        { "refresh_token", &file->refresh_token, true },
        { "token_uri", &file->token_uri, false },
        { "token_url", &file->token_uri, false }, /* of external accounts */
        { "project_id", &file->project, false },
        { "universe_domain", &p->universe, false },
        { "quota_project_id", &file->quota_project, false },
        { "service_account_impersonation_url", &file->impersonation_url, false },
    };

    if (strcmp(path, "delegates[]") == 0 && type == COVE__JSON_STRING) {
        if (p->delegates.size > 0)
            cove__buf_add_char(&p->delegates, ',');
        cove__json_add_string(&p->delegates, cove__slice_str(text));
    }
    if (source)
        path += sizeof inner - 1;
    else if (cove__google_external_take(&file->external, path, type, text) < 0)
        return COVE_ENOMEM;

    for (size_t i = 0; type == COVE__JSON_STRING && i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(path, rows[i].name) != 0 || text[0] == '\0')
            continue;
        cove__wipe(*rows[i].at); /* a repeated name is refused later */
        *rows[i].at = cove__strdup(text);
        if (rows[i].secret)
            cove__secret_add_owned(*rows[i].at);
        return *rows[i].at ? 0 : COVE_ENOMEM;
    }
    return 0;
}

/* A key that was escaped twice, as in a variable of a deployment's settings: its line ends are two characters. */
static void mend_line_ends(char *pem)
{
    char *to = pem;

    if (!pem || strchr(pem, '\n'))
        return;
    for (const char *from = pem; *from != '\0'; from++) {
        bool escaped = from[0] == '\\' && (from[1] == 'n' || from[1] == 'r');
        from += escaped;
        if (!escaped || *from == 'n')
            *to++ = escaped ? '\n' : *from;
    }
    explicit_bzero(to, strlen(to));
}

static int check_members(const struct cove__google_key_file *file, const char *origin, struct cove_error *err)
{
    const struct {
        enum cove__google_key_type type;
        const char *name, *value;
    } needed[] = {
        { COVE__GOOGLE_SERVICE_ACCOUNT, "client_email", file->client_email },
        { COVE__GOOGLE_SERVICE_ACCOUNT, "private_key", file->private_key },
        { COVE__GOOGLE_AUTHORIZED_USER, "client_id", file->client_id },
        { COVE__GOOGLE_AUTHORIZED_USER, "client_secret", file->client_secret },
        { COVE__GOOGLE_AUTHORIZED_USER, "refresh_token", file->refresh_token },
        { COVE__GOOGLE_EXTERNAL_USER, "client_id", file->client_id },
        { COVE__GOOGLE_EXTERNAL_USER, "client_secret", file->client_secret },
        { COVE__GOOGLE_EXTERNAL_USER, "refresh_token", file->refresh_token },
    };

    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (needed[i].type == file->type && !needed[i].value)
            return cove__fail(err, COVE_EAUTH, "credentials of %s: \"%s\" is missing", origin, needed[i].name);
    }
    return file->type == COVE__GOOGLE_EXTERNAL_ACCOUNT ? cove__google_external_check(&file->external, origin, err) : 0;
}

/* A key of one universe is unknown in every other, and its token would be sent to a foreign place. */
static int check_universe(const char *file, const char *wanted, const char *origin, struct cove_error *err)
{
    const char *is = file ? file : COVE__GOOGLE_UNIVERSE;

    if (strcasecmp(is, wanted) == 0)
        return 0;
    return cove__fail(
        err, COVE_EAUTH,
        "credentials of %s: they are of the universe_domain \"%.200s\", but the option universe_domain is "
        "\"%.200s\"",
        origin, is, wanted);
}

/* Where the file names no token endpoint. Only that of the Security Token Service is in every universe. */
static int default_uri(struct cove__google_key_file *file, const char *universe)
{
    struct cove__buf uri = COVE__BUF_INIT(1024);
    bool external = file->type == COVE__GOOGLE_EXTERNAL_ACCOUNT;

    if (external || file->type == COVE__GOOGLE_EXTERNAL_USER)
        cove__buf_addf(&uri, "https://sts.%s/v1/%s", universe, external ? "token" : "oauthtoken");
    else
        cove__buf_add_str(&uri, TOKEN_URI);
    file->token_uri = cove__buf_take(&uri);
    return file->token_uri ? 0 : COVE_ENOMEM;
}

void cove__google_key_file_done(struct cove__google_key_file *file)
{
    cove__free(file->client_email);
    cove__wipe(file->private_key);
    cove__free(file->private_key_id);
    cove__free(file->client_id);
    cove__wipe(file->client_secret);
    cove__wipe(file->refresh_token);
    cove__free(file->token_uri);
    cove__free(file->quota_project);
    cove__free(file->project);
    cove__google_external_done(&file->external);
    cove__free(file->impersonation_url);
    cove__free(file->delegates);
    *file = (struct cove__google_key_file){ 0 };
}

/* "token_uri" or "token_url": what the file's type calls it. */
static int check_urls(const struct cove__google_key_file *file, const char *origin, struct cove_error *err)
{
    bool external = file->type == COVE__GOOGLE_EXTERNAL_ACCOUNT || file->type == COVE__GOOGLE_EXTERNAL_USER;
    const char *wrong = !cove__oauth_is_safe_url(file->token_uri) ? external ? "token_url" : "token_uri"
                        : file->impersonation_url && !cove__oauth_is_safe_url(file->impersonation_url)
                            ? "service_account_impersonation_url"
                            : NULL;

    return !wrong ? 0
                  : cove__fail(err, COVE_EAUTH, "credentials of %s: its %s is not of the form https://host/path",
                               origin, wrong);
}

int cove__google_key_file_read(struct cove__slice text, const char *origin, const char *universe,
                               struct cove__google_key_file *ret, struct cove_error *err)
{
    static const struct cove__json_handler handler = { .value = take };
    struct parse p = { .delegates = COVE__BUF_INIT(DELEGATES_MAX) };
    char why[160] = "";

    cove__google_external_init(&p.file.external);
    cove__google_external_init(&p.source.external);
    int rc = cove__json_read(text, &handler, &p, why, sizeof why);
    if (rc == COVE_ENOMEM)
        cove__fail_nomem(err, "the credentials");
    else if (rc < 0)
        rc = cove__fail(err, COVE_EAUTH, "credentials of %s: it is not JSON: %s", origin,
                        why[0] != '\0' ? why : cove_code_phrase(rc));
    if (rc == 0)
        rc = find_type(&p, origin, err);
    if (rc == 0)
        rc = check_members(&p.file, origin, err);
    if (rc == 0)
        mend_line_ends(p.file.private_key);
    if (rc == 0)
        rc = check_universe(p.universe, universe, origin, err);
    if (rc == 0 && !p.file.token_uri && default_uri(&p.file, universe) < 0)
        rc = cove__fail_nomem(err, "the credentials");
    if (rc == 0)
        rc = check_urls(&p.file, origin, err);
    cove__free(p.type);
    cove__free(p.source_type);
    cove__free(p.universe);
    cove__buf_done(&p.delegates);
    cove__google_key_file_done(&p.source);
    if (rc < 0) {
        cove__google_key_file_done(&p.file);
        return rc;
    }
    *ret = p.file;
    ret->origin = origin;
    return 0;
}
