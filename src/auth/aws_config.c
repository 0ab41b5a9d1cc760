/* The shared configuration files of AWS's tools, for src/fs/s3's open: text in, one profile's settings out. */
#include "auth/aws_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"

#define PATH_LENGTH_MAX ((size_t)4096)

enum section { SECTION_OTHER, SECTION_PROFILE, SECTION_SERVICES, SECTION_SSO };

struct parser {
    struct cove__aws_profile *profile;
    bool is_config;
    enum section section;
    char parent[32]; /* the key whose indented lines follow; "" for none */
};

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct cove__slice trim(struct cove__slice s)
{
    while (s.size > 0 && is_blank(s.data[0]))
        s = cove__slice_sub(s, 1, SIZE_MAX);
    while (s.size > 0 && is_blank(s.data[s.size - 1]))
        s.size--;
    return s;
}

static int set(char **at, struct cove__slice value)
{
    char *copy = cove__strndup((const char *)value.data, value.size);
    if (copy == NULL)
        return COVE_ENOMEM;
    cove__free(*at);
    *at = copy;
    return 0;
}

/* "[default]", "[profile x]", "[services y]", "[sso-session z]" of the config file; "[x]" of the credentials file. */
static enum section section_of(const struct parser *p, struct cove__slice head)
{
    static const char *const words[] = { "profile", "services", "sso-session" };
    const struct cove__aws_profile *profile = p->profile;

    head = trim(head);
    if (!p->is_config || cove__slice_is(head, "default"))
        return cove__slice_is(head, profile->name) ? SECTION_PROFILE : SECTION_OTHER;
    for (int i = 0; i < 3; i++) {
        size_t n = strlen(words[i]);
        if (head.size <= n || memcmp(head.data, words[i], n) != 0 || !is_blank(head.data[n]))
            continue;
        struct cove__slice name = trim(cove__slice_sub(head, n, SIZE_MAX));
        if (name.size >= 2 && name.data[0] == '"' && name.data[name.size - 1] == '"')
            name = cove__slice_sub(name, 1, name.size - 2);
        if (i == 0)
            return cove__slice_is(name, profile->name) ? SECTION_PROFILE : SECTION_OTHER;
        const char *named = i == 1 ? profile->services : profile->sso_session;
        if (named == NULL || !cove__slice_is(name, named))
            return SECTION_OTHER;
        return i == 1 ? SECTION_SERVICES : SECTION_SSO;
    }
    return SECTION_OTHER;
}

static int take_nested(struct parser *p, struct cove__slice key, struct cove__slice value)
{
    struct cove__aws_profile *profile = p->profile;
    const struct {
        const char *service;
        char **at;
    } rows[] = {
        { "s3", &profile->s3_endpoint_url },
        { "sts", &profile->sts_endpoint_url },
        { "sso", &profile->sso_endpoint_url },
        { "sso_oidc", &profile->sso_oidc_endpoint_url },
    };

    const struct {
        const char *key;
        char **at;
    } of_s3[] = {
        { "addressing_style", &profile->s3_addressing_style },
        { "use_dualstack_endpoint", &profile->s3_use_dualstack },
        { "use_accelerate_endpoint", &profile->s3_use_accelerate },
        { "use_arn_region", &profile->s3_use_arn_region },
    };

    for (size_t i = 0; i < sizeof of_s3 / sizeof of_s3[0]; i++) {
        if (p->section == SECTION_PROFILE && strcmp(p->parent, "s3") == 0 && cove__slice_is(key, of_s3[i].key))
            return set(of_s3[i].at, value);
    }
    if (p->section != SECTION_SERVICES || !cove__slice_is(key, "endpoint_url"))
        return 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(p->parent, rows[i].service) == 0)
            return set(rows[i].at, value);
    }
    return 0;
}

/* Where a key's value goes; NULL: not one that we look at. */
static char **place_of(struct parser *p, struct cove__slice key)
{
    struct cove__aws_profile *profile = p->profile;
    const struct {
        const char *key;
        char **at;
    } rows[] = {
        { "sso_start_url", &profile->sso_start_url }, /* these two also stand in [sso-session x] */
        { "sso_region", &profile->sso_region },
        { "aws_access_key_id", &profile->access_key_id },
        { "aws_secret_access_key", &profile->secret_access_key },
        { "aws_session_token", &profile->session_token },
        { "region", &profile->region },
        { "endpoint_url", &profile->endpoint_url },
        { "ca_bundle", &profile->ca_bundle },
        { "services", &profile->services },
        { "credential_process", &profile->credential_process },
        { "role_arn", &profile->role_arn },
        { "source_profile", &profile->source_profile },
        { "credential_source", &profile->credential_source },
        { "external_id", &profile->external_id },
        { "role_session_name", &profile->role_session_name },
        { "duration_seconds", &profile->duration_seconds },
        { "mfa_serial", &profile->mfa_serial },
        { "web_identity_token_file", &profile->web_identity_token_file },
        { "sso_session", &profile->sso_session },
        { "sso_account_id", &profile->sso_account_id },
        { "sso_role_name", &profile->sso_role_name },
        { "use_dualstack_endpoint", &profile->use_dualstack },
        { "use_fips_endpoint", &profile->use_fips },
        { "s3_use_arn_region", &profile->s3_use_arn_region },
        { "s3_disable_express_session_auth", &profile->s3_disable_express_session_auth },
    };
    size_t n = p->section == SECTION_PROFILE ? sizeof rows / sizeof rows[0] : p->section == SECTION_SSO ? 2 : 0;

    for (size_t i = 0; i < n; i++) {
        if (cove__slice_is(key, rows[i].key))
            return rows[i].at;
    }
    return NULL;
}

static int take(struct parser *p, struct cove__slice key, struct cove__slice value)
{
    char **at = place_of(p, key);
    return at != NULL ? set(at, value) : 0;
}

static int take_line(struct parser *p, struct cove__slice line)
{
    bool indented = line.size > 0 && is_blank(line.data[0]);

    line = trim(line);
    if (line.size > 0 && memchr(line.data, '\0', line.size) != NULL)
        return COVE_EINVAL; /* it would cut a value short */
    if (line.size == 0 || line.data[0] == '#' || line.data[0] == ';')
        return 0;
    if (line.data[0] == '[') {
        const uint8_t *end = memchr(line.data, ']', line.size);
        if (end == NULL)
            return COVE_EINVAL;
        p->section = section_of(p, cove__slice(line.data + 1, (size_t)(end - line.data) - 1));
        p->profile->found |= p->section == SECTION_PROFILE;
        p->parent[0] = '\0';
        return 0;
    }
    const uint8_t *equals = memchr(line.data, '=', line.size);
    if (equals == NULL)
        return p->section == SECTION_OTHER ? 0 : COVE_EINVAL;
    struct cove__slice key = trim(cove__slice(line.data, (size_t)(equals - line.data)));
    struct cove__slice value = trim(cove__slice(equals + 1, line.size - (size_t)(equals - line.data) - 1));
    for (size_t i = 1; i < value.size; i++) { /* " #" and " ;" begin a comment */
        if ((value.data[i] == '#' || value.data[i] == ';') && is_blank(value.data[i - 1]))
            value = trim(cove__slice(value.data, i));
    }
    if (indented && p->parent[0] != '\0')
        return take_nested(p, key, value);
    p->parent[0] = '\0';
    if (value.size == 0 && key.size < sizeof p->parent) {
        memcpy(p->parent, key.data, key.size);
        p->parent[key.size] = '\0';
        return 0;
    }
    return take(p, key, value);
}

int cove__aws_profile_parse(struct cove__slice text, bool is_config, struct cove__aws_profile *profile,
                            unsigned *ret_line)
{
    struct parser p = { .profile = profile, .is_config = is_config };

    for (unsigned line = 1; text.size > 0; line++) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        size_t length = end != NULL ? (size_t)(end - text.data) : text.size;
        int rc = take_line(&p, cove__slice(text.data, length));
        if (rc < 0) {
            *ret_line = line;
            return rc;
        }
        text = cove__slice_sub(text, length + 1, SIZE_MAX);
    }
    return 0;
}

char *cove__aws_file(const char *variable, const char *name)
{
    struct cove__buf b = COVE__BUF_INIT(PATH_LENGTH_MAX);
    const char *given = getenv(variable), *home = getenv("HOME");

    if (given != NULL && given[0] != '\0' && given[0] != '~')
        return cove__strdup(given);
    if (home == NULL || home[0] == '\0')
        return NULL;
    if (given != NULL && given[0] == '~')
        cove__buf_addf(&b, "%s%s", home, given + 1);
    else
        cove__buf_addf(&b, "%s/.aws/%s", home, name);
    char *path = cove__buf_take(&b);
    cove__buf_done(&b);
    return path;
}

bool cove__aws_given(const char *s)
{
    return s != NULL && s[0] != '\0';
}

const char *cove__aws_env(const char *name)
{
    const char *value = getenv(name);
    return cove__aws_given(value) ? value : NULL;
}

bool cove__aws_ignores_endpoints(void)
{
    const char *ignore = cove__aws_env("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    return ignore != NULL && strcasecmp(ignore, "true") == 0;
}

const char *cove__aws_endpoint(const char *variable, const char *of_services, const struct cove__aws_profile *general)
{
    const char *url = cove__aws_env(variable);

    if (cove__aws_ignores_endpoints())
        return NULL;
    if (url == NULL && general != NULL)
        url = cove__aws_env("AWS_ENDPOINT_URL");
    if (url == NULL && cove__aws_given(of_services))
        url = of_services;
    if (url == NULL && general != NULL && cove__aws_given(general->endpoint_url))
        url = general->endpoint_url;
    return url;
}

int cove__aws_read_file(const char *path, struct cove__buf *out, struct cove_error *err)
{
    char chunk[4096];
    ssize_t n;
    int rc = 0;

    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return cove__fail_errno(err, errno == ENOTDIR ? ENOENT : errno, "%s", path);
    while (rc == 0 && (n = read(fd, chunk, sizeof chunk)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = cove__fail_errno(err, errno, "%s", path);
        else if (cove__buf_add(out, chunk, (size_t)n) < 0)
            rc = cove__fail(err, cove__buf_rc(out), "%s: cannot be held (at most %zu bytes)", path, out->max);
    }
    explicit_bzero(chunk, sizeof chunk);
    close(fd);
    return rc;
}

static int load_file(const char *path, bool is_config, struct cove__aws_profile *profile, struct cove_error *err)
{
    struct cove__buf text = COVE__BUF_INIT(COVE__AWS_FILE_MAX);
    unsigned line = 0;

    int rc = cove__aws_read_file(path, &text, err);
    if (rc == COVE_ENOTFOUND) {
        cove__error_clear(err);
        rc = 0; /* as if it were empty */
    }
    /* Twice where the profile names a section that may stand before it. */
    for (int pass = 0; rc == 0 && pass < (is_config ? 2 : 1); pass++) {
        rc = cove__aws_profile_parse(cove__buf_slice(&text), is_config, profile, &line);
        if (rc == COVE_ENOMEM)
            cove__fail_nomem(err, "the AWS configuration");
        else if (rc < 0)
            cove__fail(err, rc, "%s: line %u is neither a [section] nor \"name = value\"", path, line);
        if (profile->services == NULL && profile->sso_session == NULL)
            break;
    }
    if (text.data != NULL)
        explicit_bzero(text.data, text.size);
    cove__buf_done(&text);
    return rc;
}

static const char *first_set(const char *a, const char *b)
{
    const char *v = getenv(a);
    if (v == NULL || v[0] == '\0')
        v = getenv(b);
    return v != NULL && v[0] != '\0' ? v : NULL;
}

int cove__aws_profile_load(const char *name, struct cove__aws_profile *ret, struct cove_error *err)
{
    struct cove__aws_profile profile = { 0 };
    char *config = cove__aws_file("AWS_CONFIG_FILE", "config");
    char *credentials = cove__aws_file("AWS_SHARED_CREDENTIALS_FILE", "credentials");
    int rc = 0;

    if (name == NULL)
        name = first_set("AWS_PROFILE", "AWS_DEFAULT_PROFILE");
    bool named = name != NULL;
    profile.name = cove__strdup(named ? name : "default");
    if (profile.name == NULL)
        rc = cove__fail_nomem(err, "the AWS configuration");
    if (rc == 0 && config != NULL)
        rc = load_file(config, true, &profile, err);
    if (rc == 0 && credentials != NULL) /* last, because its keys come before those of the other file */
        rc = load_file(credentials, false, &profile, err);
    if (rc == 0 && named && !profile.found)
        rc = cove__fail(err, COVE_EINVAL, "the AWS profile '%s' is neither in %s nor in %s", name,
                        config != NULL ? config : "~/.aws/config",
                        credentials != NULL ? credentials : "~/.aws/credentials");
    cove__free(config);
    cove__free(credentials);
    if (rc < 0)
        cove__aws_profile_done(&profile);
    else
        *ret = profile;
    return rc;
}

void cove__aws_profile_done(struct cove__aws_profile *p)
{
    cove__free(p->name);
    cove__free(p->access_key_id);
    cove__wipe(p->secret_access_key);
    cove__wipe(p->session_token);
    cove__free(p->region);
    cove__free(p->endpoint_url);
    cove__free(p->ca_bundle);
    cove__free(p->s3_endpoint_url);
    cove__free(p->sts_endpoint_url);
    cove__free(p->sso_endpoint_url);
    cove__free(p->sso_oidc_endpoint_url);
    cove__free(p->s3_addressing_style);
    cove__free(p->use_dualstack);
    cove__free(p->use_fips);
    cove__free(p->s3_use_dualstack);
    cove__free(p->s3_use_accelerate);
    cove__free(p->s3_use_arn_region);
    cove__free(p->s3_disable_express_session_auth);
    cove__free(p->services);
    cove__free(p->credential_process);
    cove__free(p->role_arn);
    cove__free(p->source_profile);
    cove__free(p->credential_source);
    cove__free(p->external_id);
    cove__free(p->role_session_name);
    cove__free(p->duration_seconds);
    cove__free(p->mfa_serial);
    cove__free(p->web_identity_token_file);
    cove__free(p->sso_session);
    cove__free(p->sso_account_id);
    cove__free(p->sso_role_name);
    cove__free(p->sso_start_url);
    cove__free(p->sso_region);
    *p = (struct cove__aws_profile){ 0 };
}
