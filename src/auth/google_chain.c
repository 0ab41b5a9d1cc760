/* Where Google's credentials are looked for, and in which order: see google_chain.h. Files and environment are read at
 * each refresh, so a change in them takes effect. */
#include "auth/google_chain.h"
#include "auth/oauth_endpoint.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "auth/credentials_file.h"
#include "auth/google_signer.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "net/header.h"

#define PATH_LENGTH_MAX  ((size_t)4096)
#define PROJECT_MAX      ((size_t)256)
#define ORIGIN_MAX       (PATH_LENGTH_MAX + 64)
#define EARLY_NS         (225 * COVE__SEC) /* earlier the metadata server gives the same token again */
#define LATE_NS          (60 * COVE__SEC)
#define METADATA_WAIT_MS 1000

static const char *given(const char *name)
{
    const char *value = getenv(name);

    return value && value[0] != '\0' ? value : NULL;
}

void cove__google_chain_free(void *self)
{
    struct cove__google_chain *chain = self;

    if (!chain)
        return;
    cove__wipe(chain->token);
    cove__free(chain->scope);
    cove__free(chain->universe);
    cove__free(chain->iam_url);
    if (chain->kept) {
        cove__wipe(chain->kept->replaced);
        cove__wipe(chain->kept->refresh_token);
        cove__credentials_files_done(&chain->kept->tokens);
    }
    cove__free(chain->kept);
    cove__exchange_client_done(&chain->client);
    cove__free(chain);
}

/* ---- files ---- */

static int describe(struct cove__google_key_file *file, const char *origin, struct cove__oauth_token *ret,
                    struct cove_error *err)
{
    ret->quota_project = file->quota_project;
    ret->project = file->project;
    file->quota_project = file->project = NULL;
    return cove__set_string(&ret->origin, origin) < 0 ? cove__fail_nomem(err, "the credentials") : 0;
}

/* Which file it is about, and where that was named, which what is asked on the way ("a login of gcloud") does not
 * show. */
static int name_origin(const char *origin, int rc, struct cove_error *err)
{
    static const char begin[] = "credentials of ";
    struct cove_error why = *err;
    const char *rest = why.message;

    if (strncmp(rest, begin, strlen(begin)) == 0)
        rest += strlen(begin);
    if (strncmp(rest, origin, strlen(origin)) == 0 || rc == COVE_ENOMEM)
        return rc;
    cove__fail(err, rc, "%s%s: %s", begin, origin, rest);
    err->http_status = why.http_status;
    err->retryable = why.retryable;
    return rc;
}

static int of_text(const struct cove__google_chain *chain, struct cove__slice text, const char *origin,
                   cove_cancel *cancel, struct cove__oauth_token *ret, struct cove_error *err)
{
    struct cove__google_key_file file = { 0 };

    int rc = cove__google_key_file_read(text, origin, chain->universe, &file, err);
    if (rc == 0 && chain->signer) {
        rc = cove__google_signer_of_file(chain, &file, origin, cancel, chain->signer, err);
    } else if (rc == 0) {
        rc = cove__google_file_token(chain, &file, cancel, ret, err);
        if (rc == 0)
            rc = describe(&file, origin, ret, err);
    }
    cove__google_key_file_done(&file);
    return rc < 0 ? name_origin(origin, rc, err) : 0;
}

/* `how` the path was given: " (GOOGLE_APPLICATION_CREDENTIALS)". COVE_ENOTFOUND: there is no such file. */
static int of_file(const struct cove__google_chain *chain, const char *path, const char *how, cove_cancel *cancel,
                   struct cove__oauth_token *ret, struct cove_error *err)
{
    struct cove__buf text = COVE__BUF_SECRET(COVE__GOOGLE_KEY_FILE_MAX), origin = COVE__BUF_INIT(ORIGIN_MAX);
    struct cove_error why = COVE_ERROR_INIT;

    cove__buf_addf(&origin, "%s%s", path, how);
    int rc = cove__buf_rc(&origin);
    if (rc < 0)
        cove__fail(err, rc, "the path of the credentials cannot be kept in memory: %s", cove_code_phrase(rc));
    else if ((rc = cove__credentials_file_read(path, &text, &why)) < 0) {
        size_t n = strncmp(why.message, path, strlen(path)) == 0 ? strlen(path) + strlen(": ") : 0;
        cove__fail(err, rc, "credentials of %s: %s", cove__buf_str(&origin), why.message + n);
    }
    if (rc == 0) {
        cove__credentials_file_warn(path);
        rc = of_text(chain, cove__buf_slice(&text), cove__buf_str(&origin), cancel, ret, err);
    }
    cove__buf_wipe(&text);
    cove__buf_done(&origin);
    return rc;
}

/* One that was named has to be there. */
static int of_named_file(const struct cove__google_chain *chain, const char *path, const char *how, cove_cancel *cancel,
                         struct cove__oauth_token *ret, struct cove_error *err)
{
    int rc = of_file(chain, path, how, cancel, ret, err);

    return rc == COVE_ENOTFOUND ? cove__fail(err, COVE_EAUTH, "credentials of %s%s: there is no such file%s", path, how,
                                             path[0] == '~' ? "; ~ is not expanded here: write the whole path" : "")
                                : rc;
}

/* Where gcloud keeps a login. False: there is no home directory. */
static bool gcloud_path(struct cove__buf *out)
{
    return cove__google_gcloud_folder(out) && cove__buf_add_str(out, "/application_default_credentials.json") == 0;
}

/* ---- the order ---- */

static int of_metadata(const struct cove__google_chain *chain, cove_cancel *cancel, struct cove__oauth_token *ret,
                       struct cove_error *err)
{
    struct cove__buf project = COVE__BUF_INIT(PROJECT_MAX);
    struct cove_error why = COVE_ERROR_INIT;

    if (chain->signer)
        return cove__google_signer_of_metadata(chain, cancel, chain->signer, err);
    int rc = cove__google_metadata(chain, cancel, ret, err);
    if (rc == 0 && cove__set_string(&ret->origin, COVE__GOOGLE_OF_METADATA) < 0)
        rc = cove__fail_nomem(err, "the credentials");
    if (rc == 0 && chain->wants_project && !(ret->project = cove__google_gcloud_project()) &&
        cove__google_metadata_text(chain, "project/project-id", cancel, &project, &why) == 0)
        ret->project = cove__buf_take(&project); /* else what needs it fails */
    cove__buf_done(&project);
    return rc;
}

static int set_anonymous(const struct cove__google_chain *chain, struct cove__oauth_token *ret, const char *origin,
                         struct cove_error *err)
{
    if (chain->signer)
        return cove__google_signer_none(origin, err);
    ret->expires_ns = INT64_MAX;
    return cove__set_string(&ret->origin, origin) < 0 ? cove__fail_nomem(err, "the credentials") : 0;
}

/* `path`: of gcloud's file. */
static int none_found(const struct cove__google_chain *chain, const char *path, struct cove__oauth_token *ret,
                      struct cove_error *err)
{
    struct cove_error why = *err;

    cove__error_clear(err);
    if (!chain->token)
        return set_anonymous(chain, ret, COVE__GOOGLE_NONE_FOUND, err);
    return cove__fail(err, COVE_EAUTH,
                      "no credentials found in GOOGLE_APPLICATION_CREDENTIALS or in %s, nor of a metadata server (%s): "
                      "run \"gcloud auth application-default login\"",
                      path, why.message);
}

/* `path`: of gcloud's file; "": there is no home directory. COVE_ENOTFOUND: nothing is there. */
static int of_place(const struct cove__google_chain *chain, enum cove__google_place place, const char *path,
                    cove_cancel *cancel, struct cove__oauth_token *ret, struct cove_error *err)
{
    const char *named = given("GOOGLE_APPLICATION_CREDENTIALS");

    switch (place) {
    case COVE__GOOGLE_VARIABLE:
        if (named && cove__credentials_is_content(named))
            return cove__fail(err, COVE_EINVAL,
                              "GOOGLE_APPLICATION_CREDENTIALS has the content of a key file: it takes the file's path "
                              "(the option token takes the content)");
        return named ? of_named_file(chain, named, " (GOOGLE_APPLICATION_CREDENTIALS)", cancel, ret, err)
                     : cove__fail(err, COVE_ENOTFOUND, "GOOGLE_APPLICATION_CREDENTIALS is not set");
    case COVE__GOOGLE_GCLOUD:
        return path[0] != '\0' ? of_file(chain, path, COVE__GOOGLE_OF_GCLOUD, cancel, ret, err)
                               : cove__fail(err, COVE_ENOTFOUND, "there is no home directory");
    default:
        return of_metadata(chain, cancel, ret, err);
    }
}

static int by_default(struct cove__google_chain *chain, cove_cancel *cancel, struct cove__oauth_token *ret,
                      struct cove_error *err)
{
    struct cove__buf path = COVE__BUF_INIT(PATH_LENGTH_MAX);
    int rc = COVE_ENOTFOUND;

    if (!gcloud_path(&path))
        cove__buf_reset(&path);
    if (chain->place != COVE__GOOGLE_NOWHERE) {
        rc = of_place(chain, chain->place, cove__buf_str(&path), cancel, ret, err);
        struct cove_error why = *err;
        if (rc == COVE_ENOTFOUND)
            rc = cove__fail(err, COVE_EAUTH, "the credentials are gone from where they were found at first: %s",
                            why.message);
    } else {
        for (unsigned place = 0; rc == COVE_ENOTFOUND && place < COVE__GOOGLE_NOWHERE; place++) {
            rc = of_place(chain, place, cove__buf_str(&path), cancel, ret, err);
            if (rc == 0)
                chain->place = place;
        }
        if (rc == COVE_ENOTFOUND)
            rc = none_found(chain, cove__buf_str(&path), ret, err);
    }
    cove__buf_done(&path);
    return rc;
}

/* A token of the caller's, whose end is not known. */
static int of_given(const struct cove__google_chain *chain, const char *token, struct cove__oauth_token *ret,
                    struct cove_error *err)
{
    if (chain->signer)
        return cove__google_signer_none("the option token: an access token", err);
    if (!cove__oauth_token_is_usable(token))
        return cove__fail(err, COVE_EINVAL, "option token: neither a file that exists, nor an access token");
    ret->expires_ns = INT64_MAX;
    if (cove__set_string(&ret->token, token) < 0 || cove__set_string(&ret->origin, COVE__GOOGLE_OF_OPTION) < 0)
        return cove__fail_nomem(err, "the credentials");
    cove__secret_add_owned(ret->token);
    return 0;
}

/* Access tokens have no slash at their begin, and no file's ending. */
bool cove__google_token_is_path(const char *token)
{
    size_t n = strlen(token);
    struct stat status;

    return token[0] == '/' || token[0] == '.' || strncmp(token, "~/", 2) == 0 ||
           (n > 5 && strcmp(token + n - 5, ".json") == 0) || stat(token, &status) == 0;
}

int cove__google_chain_find(struct cove__google_chain *chain, cove_cancel *cancel, struct cove__oauth_token *ret,
                            struct cove_error *err)
{
    const char *token = chain->token;

    if (!token || strcmp(token, "google_default") == 0)
        return by_default(chain, cancel, ret, err);
    if (strcmp(token, "anon") == 0)
        return set_anonymous(chain, ret, "anonymous access: token=anon", err);
    if (strcmp(token, "cloud") == 0) {
        int rc = of_metadata(chain, cancel, ret, err);
        struct cove_error why = *err;
        return rc == COVE_ENOTFOUND ? cove__fail(err, COVE_EAUTH, "token=cloud: %s", why.message) : rc;
    }
    if (token[0] == '{')
        return of_text(chain, cove__slice_str(token), COVE__GOOGLE_OF_OPTION, cancel, ret, err);
    if (chain->token_is_path)
        return of_named_file(chain, token, " (the option token)", cancel, ret, err);
    return of_given(chain, token, ret, err);
}

static int fetch(void *self, cove_cancel *cancel, void *ret_payload, struct cove_error *err)
{
    struct cove__google_chain *chain = self;
    struct cove__oauth_token *ret = ret_payload;
    const char *project = given("GOOGLE_CLOUD_QUOTA_PROJECT");

    cove__credentials_files_done(&chain->kept->tokens);
    int rc = cove__google_chain_find(chain, cancel, ret, err);
    if (rc == 0 && chain->wants_project && !ret->project)
        ret->project = cove__google_gcloud_project();
    if (rc == 0 && project && cove__set_string(&ret->quota_project, project) < 0)
        rc = cove__fail_nomem(err, "the credentials");
    if (rc == 0 && ret->quota_project && !cove__header_is_valid(cove__slice_str(ret->quota_project)))
        rc = cove__fail(err, COVE_EINVAL,
                        "the quota project (GOOGLE_CLOUD_QUOTA_PROJECT, or quota_project_id of %s) has a line break or "
                        "another control character in it",
                        ret->origin);
    return rc;
}

/* Of the file that the option names, or those of the default order; and of the tokens that such a file names. */
static uint64_t stamp(void *self)
{
    const struct cove__google_chain *chain = self;
    struct cove__buf path = COVE__BUF_INIT(PATH_LENGTH_MAX);
    uint64_t ret = cove__credentials_files_stamp(&chain->kept->tokens, 0);

    if (chain->token_is_path)
        return cove__credentials_file_stamp(ret, chain->token);
    ret = cove__credentials_file_stamp(ret, given("GOOGLE_APPLICATION_CREDENTIALS"));
    if (gcloud_path(&path))
        ret = cove__credentials_file_stamp(ret, cove__buf_str(&path));
    cove__buf_done(&path);
    return ret;
}

/* Of which the next token is the same as the last. */
static bool is_constant(const struct cove__google_chain *chain)
{
    const char *token = chain->token;

    return token && !chain->token_is_path && token[0] != '{' && strcmp(token, "google_default") != 0 &&
           strcmp(token, "cloud") != 0;
}

int cove__google_chain_make(const struct cove__google_chain_options *o, struct cove__google_chain **ret,
                            struct cove_error *err)
{
    static const char *const interactive[] = { "browser", "cache" };

    for (size_t i = 0; o->token && i < sizeof interactive / sizeof interactive[0]; i++) {
        if (strcmp(o->token, interactive[i]) == 0)
            return cove__fail(
                err, COVE_ENOTSUP,
                "option token: \"%s\" is not supported: run \"gcloud auth application-default login\" and "
                "leave the option out",
                o->token);
    }
    struct cove__google_chain *chain = cove__calloc(1, sizeof *chain);
    if (!chain || !(chain->kept = cove__calloc(1, sizeof *chain->kept)) ||
        cove__set_string(&chain->token, o->token) < 0 || cove__set_string(&chain->scope, o->scope) < 0 ||
        cove__set_string(&chain->universe, o->universe ? o->universe : COVE__GOOGLE_UNIVERSE) < 0 ||
        cove__set_string(&chain->iam_url, o->iam_url) < 0) {
        cove__google_chain_free(chain);
        return cove__fail_nomem(err, "the credentials");
    }
    chain->token_is_path = o->token && cove__google_token_is_path(o->token);
    chain->grant = o->grant;
    chain->metadata_wait_ms = o->metadata_wait_ms > 0 ? o->metadata_wait_ms : METADATA_WAIT_MS;
    chain->place = COVE__GOOGLE_NOWHERE;
    chain->wants_project = o->wants_project;
    int rc = cove__exchange_client_copy(o->http, &chain->client, err);
    if (rc < 0) {
        cove__google_chain_free(chain);
        return rc;
    }
    *ret = chain;
    return 0;
}

int cove__google_chain_new(const struct cove__google_chain_options *options, struct cove__credentials_source *ret,
                           struct cove_error *err)
{
    struct cove__google_chain *chain = NULL;
    int rc = cove__google_chain_make(options, &chain, err);

    if (rc == 0)
        *ret = (struct cove__credentials_source){ .type = &cove__oauth_token_type,
                                                  .fetch = fetch,
                                                  .free = cove__google_chain_free,
                                                  .self = chain,
                                                  .stamp = stamp,
                                                  .is_constant = is_constant(chain),
                                                  .early_ns = EARLY_NS,
                                                  .late_ns = LATE_NS };
    return rc;
}
