/* The members of an external account's file: see google_external.h. For google_key_file.c. */
#include <stdlib.h>
#include <string.h>

#include "auth/google_external.h"
#include "base/error.h"
#include "base/mem.h"
#include "net/header.h"

#define HEADERS_MAX ((size_t)16 << 10)

void cove__google_external_init(struct cove__google_external *e)
{
    *e = (struct cove__google_external){ .headers = COVE__BUF_SECRET(HEADERS_MAX) };
}

void cove__google_external_done(struct cove__google_external *e)
{
    char *const strings[] = { e->audience,
                              e->subject_token_type,
                              e->workforce_user_project,
                              e->file,
                              e->url,
                              e->format,
                              e->field,
                              e->environment_id,
                              e->region_url,
                              e->command,
                              e->verification_url,
                              e->session_token_url,
                              e->output_file };

    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++)
        cove__free(strings[i]);
    cove__buf_wipe(&e->headers);
    *e = (struct cove__google_external){ 0 };
}

static int take_number(struct cove__google_external *e, const char *path, const char *text)
{
    if (strcmp(path, "credential_source/executable/timeout_millis") == 0)
        e->timeout_ms = strtoll(text, NULL, 10);
    else if (strcmp(path, "service_account_impersonation/token_lifetime_seconds") == 0)
        e->lifetime_s = strtoll(text, NULL, 10);
    return 0;
}

/* What cannot be sent is remembered by the buf. */
static int take_header(struct cove__google_external *e, const char *name, const char *value)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < n; i++) {
        if (name[i] <= ' ' || name[i] > '~' || name[i] == ':')
            e->headers.rc = COVE_EINVAL;
    }
    return cove__header_append(&e->headers, name, cove__slice_str(value)) == COVE_ENOMEM ? COVE_ENOMEM : 0;
}

int cove__google_external_take(struct cove__google_external *e, const char *path, enum cove__json_type type,
                               const char *text)
{
    static const char header[] = "credential_source/headers/";
    const struct {
        const char *name;
        char **at;
    } rows[] = {
        { "audience", &e->audience },
        { "subject_token_type", &e->subject_token_type },
        { "workforce_pool_user_project", &e->workforce_user_project },
        { "credential_source/file", &e->file },
        { "credential_source/url", &e->url },
        { "credential_source/format/type", &e->format },
        { "credential_source/format/subject_token_field_name", &e->field },
        { "credential_source/environment_id", &e->environment_id },
        { "credential_source/region_url", &e->region_url },
        { "credential_source/regional_cred_verification_url", &e->verification_url },
        { "credential_source/imdsv2_session_token_url", &e->session_token_url },
        { "credential_source/executable/command", &e->command },
        { "credential_source/executable/output_file", &e->output_file },
    };

    if (strncmp(path, "credential_source/certificate/", strlen("credential_source/certificate/")) == 0)
        e->is_certificate = true;
    if (type == COVE__JSON_NUMBER)
        return take_number(e, path, text);
    if (type != COVE__JSON_STRING || text[0] == '\0')
        return 0;
    if (strncmp(path, header, strlen(header)) == 0)
        return take_header(e, path + strlen(header), text);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(path, rows[i].name) == 0)
            return cove__set_string(rows[i].at, text) < 0 ? COVE_ENOMEM : 0;
    }
    return 0;
}

/* The name of the first of these members that is missing; NULL: none is. */
static const char *missing(const struct cove__google_external *e)
{
    const struct {
        const char *name, *value;
        bool needed;
    } rows[] = {
        { "audience", e->audience, true },
        { "subject_token_type", e->subject_token_type, true },
        { "credential_source/format/subject_token_field_name", e->field, e->format && strcmp(e->format, "json") == 0 },
        { "credential_source/regional_cred_verification_url", e->verification_url, e->environment_id },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].needed && !rows[i].value)
            return rows[i].name;
    }
    return NULL;
}

int cove__google_external_check(const struct cove__google_external *e, const char *origin, struct cove_error *err)
{
    const char *name = missing(e);

    if (e->is_certificate)
        return cove__fail(err, COVE_ENOTSUP,
                          "credentials of %s: X.509 certificates (credential_source.certificate) are not supported; "
                          "supported: file, url, environment_id (aws1), executable",
                          origin);
    if (name)
        return cove__fail(err, COVE_EAUTH, "credentials of %s: \"%s\" is missing", origin, name);
    if (cove__buf_rc(&e->headers) < 0)
        return cove__fail(err, COVE_EAUTH, "credentials of %s: its credential_source.headers cannot be sent", origin);
    if (e->environment_id && strcmp(e->environment_id, "aws1") != 0)
        return cove__fail(err, COVE_ENOTSUP,
                          "credentials of %s: its environment_id \"%.64s\" is not supported; supported: aws1", origin,
                          e->environment_id);
    if (e->format && strcmp(e->format, "text") != 0 && strcmp(e->format, "json") != 0)
        return cove__fail(err, COVE_ENOTSUP,
                          "credentials of %s: the format \"%.64s\" is not supported; supported: text, json", origin,
                          e->format);
    if (!e->environment_id && !e->file + !e->url + !e->command != 2)
        return cove__fail(err, COVE_EAUTH,
                          "credentials of %s: its credential_source has not exactly one of file, url, environment_id "
                          "and executable",
                          origin);
    return 0;
}
