/* The shared configuration files of AWS's tools, read as botocore reads them (docs/s3-credentials.md): text in, the
 * settings of one profile out. Used when src/fs/s3 opens a filesystem. */
#include "auth/aws_config.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cove/log.h>

#include "auth/credentials_file.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"

#define NONE       SIZE_MAX
#define AT(field_) offsetof(struct cove__aws_profile, field_)

/* The section of one profile in each file; NONE: it has none there. */
struct view {
    const struct cove__aws_shared *files; /* COVE__AWS_CONFIG, COVE__AWS_CREDENTIALS */
    size_t sections[2];
};

/* Settings with a plain value. */
static const struct {
    const char *name;
    size_t at;
} rows[] = {
    { "region", AT(region) },
    { "endpoint_url", AT(endpoint_url) },
    { "ca_bundle", AT(ca_bundle) },
    { "services", AT(services) },
    { "credential_process", AT(credential_process) },
    { "role_arn", AT(role_arn) },
    { "source_profile", AT(source_profile) },
    { "credential_source", AT(credential_source) },
    { "external_id", AT(external_id) },
    { "role_session_name", AT(role_session_name) },
    { "duration_seconds", AT(duration_seconds) },
    { "mfa_serial", AT(mfa_serial) },
    { "web_identity_token_file", AT(web_identity_token_file) },
    { "sso_session", AT(sso_session) },
    { "sso_account_id", AT(sso_account_id) },
    { "sso_role_name", AT(sso_role_name) },
    { "sso_start_url", AT(sso_start_url) },
    { "sso_region", AT(sso_region) },
    { "use_dualstack_endpoint", AT(use_dualstack) },
    { "use_fips_endpoint", AT(use_fips) },
    { "s3_use_arn_region", AT(s3_use_arn_region) },
    { "s3_disable_express_session_auth", AT(s3_disable_express_session_auth) },
};

/* Settings on an indented line below `parent`. */
static const struct {
    const char *parent, *name;
    size_t at;
} nested_rows[] = {
    { "s3", "addressing_style", AT(s3_addressing_style) },
    { "s3", "use_dualstack_endpoint", AT(s3_use_dualstack) },
    { "s3", "use_accelerate_endpoint", AT(s3_use_accelerate) },
    { "s3", "use_arn_region", AT(s3_use_arn_region) },
};

/* Services whose endpoint_url is in a services section. */
static const struct {
    const char *service;
    size_t at;
} service_rows[] = {
    { "s3", AT(s3_endpoint_url) },
    { "sts", AT(sts_endpoint_url) },
    { "sso", AT(sso_endpoint_url) },
    { "sso_oidc", AT(sso_oidc_endpoint_url) },
};

#define COUNT(array_) (sizeof(array_) / sizeof(array_)[0])

static char **field(struct cove__aws_profile *profile, size_t offset)
{
    return (char **)((char *)profile + offset);
}

static int set(char **at, struct cove__slice value)
{
    char *copy = cove__strndup((const char *)value.data, value.size);
    if (!copy)
        return COVE_ENOMEM;
    cove__free(*at);
    *at = copy;
    return 0;
}

/* The words of a section's name, of which the second is compared while it is read. */
struct word {
    unsigned n; /* of the words so far */
    bool open;
    const char *rest; /* of the wanted name, for the second word; NULL: they differ */
};

static void add_char(struct word *w, uint8_t c)
{
    w->n += !w->open;
    w->open = true;
    if (w->n == 2 && c != 0 && w->rest)
        w->rest = (uint8_t)w->rest[0] == c ? w->rest + 1 : NULL;
}

/* Whether a section's name is two words, split and quoted as in a shell, of which the second is `name`. */
static bool has_second_word(struct cove__slice head, const char *name)
{
    struct word w = { .rest = name };

    for (size_t i = 0; i < head.size; i++) {
        uint8_t c = head.data[i];
        if (c == ' ' || c == '\t') {
            w.open = false;
        } else if (c == '\\') {
            if (++i == head.size)
                return false;
            add_char(&w, head.data[i]);
        } else if (c == '\'' || c == '"') {
            add_char(&w, 0); /* a word, though there may be nothing in it */
            for (i++; i < head.size && head.data[i] != c; i++) {
                bool escaped = c == '"' && head.data[i] == '\\' && i + 1 < head.size &&
                               (head.data[i + 1] == '"' || head.data[i + 1] == '\\');
                i += escaped;
                add_char(&w, head.data[i]);
            }
            if (i >= head.size)
                return false;
        } else {
            add_char(&w, c);
        }
    }
    return w.n == 2 && w.rest && w.rest[0] == '\0';
}

/* The section "[kind name]" of the config file; of several spellings the last one. */
static size_t find_section(const struct cove__ini *config, const char *kind, const char *name)
{
    size_t found = NONE, n = strlen(kind);
    bool is_default = strcmp(kind, "profile") == 0 && strcmp(name, "default") == 0;

    for (size_t i = 1; i < config->n_sections; i++) {
        struct cove__slice head = config->sections[i].name;
        if (is_default && cove__slice_is(head, name))
            found = i;
        else if (head.size >= n && memcmp(head.data, kind, n) == 0 && has_second_word(head, name))
            found = i;
    }
    return found;
}

static size_t find_credentials(const struct cove__ini *credentials, const char *name)
{
    for (size_t i = 1; i < credentials->n_sections; i++) {
        if (cove__slice_is(credentials->sections[i].name, name))
            return i;
    }
    return NONE;
}

static const struct cove__ini_option *get_of(const struct view *v, unsigned file, const char *name)
{
    return v->sections[file] != NONE ? cove__ini_get(&v->files[file].ini, v->sections[file], name) : NULL;
}

/* A setting of the credentials file, else of the config file. */
static int take(const struct view *v, const char *name, char **ret, struct cove_error *err)
{
    const struct cove__ini_option *o = NULL;
    unsigned file = COVE__AWS_CREDENTIALS + 1;

    while (!o && file > 0)
        o = get_of(v, --file, name);
    if (!o)
        return 0;
    if (cove__ini_is_nested(o->value))
        return cove__fail(err, COVE_EINVAL, "%s: line %u: %s takes one value, not indented lines below it",
                          v->files[file].path, o->line, name);
    return set(ret, o->value);
}

static int take_nested(const struct cove__ini_option *parent, const char *name, char **ret)
{
    struct cove__slice value;

    if (!parent || !cove__ini_is_nested(parent->value) || !cove__ini_nested(parent->value, name, &value))
        return 0;
    return set(ret, value);
}

/* All keys come from one file: an id and a secret of two files do not belong together. */
static int take_keys(const struct view *v, struct cove__aws_profile *profile)
{
    unsigned file = COVE__AWS_CREDENTIALS;

    if (!get_of(v, file, "aws_access_key_id"))
        file = COVE__AWS_CONFIG;
    profile->keys_of_config = file == COVE__AWS_CONFIG;
    const struct cove__ini_option *id = get_of(v, file, "aws_access_key_id");
    const struct cove__ini_option *secret = get_of(v, file, "aws_secret_access_key");
    const struct cove__ini_option *token = get_of(v, file, "aws_security_token"); /* its old name */
    if (!token)
        token = get_of(v, file, "aws_session_token");
    int rc = id ? set(&profile->access_key_id, id->value) : 0;
    if (rc == 0 && id && v->files[file].path)
        rc = set(&profile->keys_file, cove__slice_str(v->files[file].path));
    profile->keys_line = id ? id->line : 0;
    if (rc == 0 && id && secret)
        rc = set(&profile->secret_access_key, secret->value);
    if (rc == 0 && id && token)
        rc = set(&profile->session_token, token->value);
    return rc;
}

static bool is_empty(const struct cove__ini *ini, size_t section)
{
    for (size_t i = 0; i < ini->n_options; i++) {
        if (ini->options[i].section == section || ini->options[i].section == 0)
            return false;
    }
    return true;
}

static int take_services(const struct cove__ini *config, struct cove__aws_profile *profile)
{
    size_t section = profile->services ? find_section(config, "services", profile->services) : NONE;
    int rc = 0;

    profile->services_missing = profile->services && (section == NONE || is_empty(config, section));
    for (size_t i = 0; section != NONE && rc == 0 && i < COUNT(service_rows); i++)
        rc = take_nested(cove__ini_get(config, section, service_rows[i].service), "endpoint_url",
                         field(profile, service_rows[i].at));
    return rc;
}

static int take_session(const struct cove__ini *config, struct cove__aws_profile *profile)
{
    static const struct {
        const char *name, *differs;
        size_t at;
    } of_session[] = {
        { "sso_start_url", "its sso_start_url differs from that of its sso-session", AT(sso_start_url) },
        { "sso_region", "its sso_region differs from that of its sso-session", AT(sso_region) },
    };
    size_t section = profile->sso_session ? find_section(config, "sso-session", profile->sso_session) : NONE;
    int rc = 0;

    if (profile->sso_session && section == NONE)
        profile->sso_problem = "its sso-session is not in the file";
    for (size_t i = 0; section != NONE && rc == 0 && i < COUNT(of_session); i++) {
        const struct cove__ini_option *o = cove__ini_get(config, section, of_session[i].name);
        char **own = field(profile, of_session[i].at);
        if (!o)
            continue;
        if (*own && !cove__slice_is(o->value, *own))
            profile->sso_problem = of_session[i].differs;
        rc = set(own, o->value);
    }
    return rc;
}

int cove__aws_profile_read(const struct cove__aws_shared files[2], struct cove__aws_profile *profile,
                           struct cove_error *err)
{
    const struct cove__ini *config = &files[COVE__AWS_CONFIG].ini;
    struct view v = { .files = files };
    int rc;

    v.sections[COVE__AWS_CONFIG] = find_section(config, "profile", profile->name);
    v.sections[COVE__AWS_CREDENTIALS] = find_credentials(&files[COVE__AWS_CREDENTIALS].ini, profile->name);
    profile->found = v.sections[0] != NONE || v.sections[1] != NONE;
    rc = take_keys(&v, profile);
    for (size_t i = 0; rc == 0 && i < COUNT(nested_rows); i++) {
        const struct cove__ini_option *parent = get_of(&v, COVE__AWS_CREDENTIALS, nested_rows[i].parent);
        if (!parent)
            parent = get_of(&v, COVE__AWS_CONFIG, nested_rows[i].parent);
        rc = take_nested(parent, nested_rows[i].name, field(profile, nested_rows[i].at));
    }
    for (size_t i = 0; rc == 0 && i < COUNT(rows); i++)
        rc = take(&v, rows[i].name, field(profile, rows[i].at), err);
    if (rc == 0)
        rc = take_services(config, profile);
    if (rc == 0)
        rc = take_session(config, profile);
    return rc == COVE_ENOMEM ? cove__fail_nomem(err, "the AWS configuration") : rc;
}

/* A missing file counts as empty, and so does what is not a regular file or may not be read: a program that has its
 * keys in the environment must run where HOME is another user's. */
static int load_file(struct cove__aws_shared *file, struct cove_error *err)
{
    struct cove__buf text = COVE__BUF_SECRET(COVE__AWS_FILE_MAX);
    struct cove__ini_error why = { 0 };
    struct stat st;

    if (!file->path || (stat(file->path, &st) == 0 && !S_ISREG(st.st_mode)))
        return 0;
    int rc = cove__credentials_file_read(file->path, &text, err);
    if (rc == COVE_EACCESS)
        cove__log(COVE_LOG_INFO, "auth", "%s cannot be read (permission denied) and is ignored", file->path);
    if (rc == COVE_ENOTFOUND || rc == COVE_EACCESS) {
        cove__error_clear(err);
        rc = 0;
    } else if (rc == 0) {
        rc = cove__ini_parse(cove__buf_slice(&text), &file->ini, &why);
        if (rc == COVE_ENOMEM)
            cove__fail_nomem(err, "the AWS configuration");
        else if (rc < 0)
            cove__fail(err, rc, "%s: line %u %s", file->path, why.line, why.why);
    }
    if (text.data)
        explicit_bzero(text.data, text.size);
    cove__buf_done(&text);
    return rc;
}

int cove__aws_profile_load(const char *name, struct cove__aws_profile *ret, struct cove_error *err)
{
    struct cove__aws_profile profile = { 0 };
    struct cove__aws_shared files[2] = {
        [COVE__AWS_CONFIG] = { .path = cove__aws_file("AWS_CONFIG_FILE", "config") },
        [COVE__AWS_CREDENTIALS] = { .path = cove__aws_file("AWS_SHARED_CREDENTIALS_FILE", "credentials") },
    };
    int rc = 0;

    if (!name)
        name = cove__aws_env("AWS_PROFILE");
    if (!name)
        name = cove__aws_env("AWS_DEFAULT_PROFILE");
    profile.name = cove__strdup(name ? name : "default");
    if (!profile.name)
        rc = cove__fail_nomem(err, "the AWS configuration");
    for (unsigned i = 0; rc == 0 && i < 2; i++)
        rc = load_file(&files[i], err);
    if (rc == 0)
        rc = cove__aws_profile_read(files, &profile, err);
    if (rc == 0 && name && !profile.found)
        rc = cove__fail(err, COVE_EINVAL, "the AWS profile '%s' is neither in %s nor in %s", name,
                        files[0].path ? files[0].path : "~/.aws/config",
                        files[1].path ? files[1].path : "~/.aws/credentials");
    for (unsigned i = 0; i < 2; i++) {
        cove__ini_done(&files[i].ini);
        cove__free(files[i].path);
    }
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
    cove__free(p->keys_file);
    for (size_t i = 0; i < COUNT(rows); i++)
        cove__free(*field(p, rows[i].at));
    for (size_t i = 0; i < COUNT(service_rows); i++)
        cove__free(*field(p, service_rows[i].at));
    cove__free(p->s3_addressing_style);
    cove__free(p->s3_use_dualstack);
    cove__free(p->s3_use_accelerate);
    *p = (struct cove__aws_profile){ 0 };
}
