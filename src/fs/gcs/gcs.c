/* The Google Cloud Storage backend's table, and a store's opening: options and environment become one fixed set of
 * facts. No network. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/google_signer.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "fs/gcs/gcs_append.h"
#include "fs/gcs/gcs_batch.h"
#include "fs/gcs/gcs_bucket.h"
#include "fs/gcs/gcs_copy.h"
#include "fs/gcs/gcs_explain.h"
#include "fs/gcs/gcs_folders.h"
#include "fs/gcs/gcs_list.h"
#include "fs/gcs/gcs_request.h"
#include "fs/gcs/gcs_sign.h"
#include "fs/gcs/gcs_upload.h"
#include "fs/gcs/gcs_versions.h"
#include "fs/object/known.h"
#include "net/loopback.h"

/* Emulators may ignore the conditions of these, without a word: the engine then checks the object first, too. */
static enum cove__can can_condition(const struct cove__object_store *store)
{
    const struct cove__gcs *gcs = (const struct cove__gcs *)(const void *)store;
    bool trusted = strcmp(gcs->o.conditions, "auto") == 0 ? !gcs->emulator : strcmp(gcs->o.conditions, "true") == 0;

    return trusted ? COVE__CAN_YES : COVE__CAN_MAYBE;
}

static enum cove__can can(const struct cove__object_store *store, enum cove__capability capability)
{
    switch (capability) {
    case COVE__BATCH_CONDITIONS:
    case COVE__COMPOSE_CONDITIONS:
    case COVE__COPY_SOURCE_CONDITIONS:
    case COVE__COPY_TARGET_CONDITIONS:
    case COVE__DELETE_CONDITIONS:
        return can_condition(store);
    case COVE__BATCH_DELETE:
    case COVE__CRC32C:
    case COVE__PUT_CONDITIONS:
    case COVE__SUFFIX_RANGES:
    case COVE__UNEQUAL_PARTS:
    case COVE__MULTIPART:
    case COVE__UPLOADS_BY_PREFIX:
    case COVE__UPLOAD_CONDITIONS:
        return COVE__CAN_YES;
    default:
        return COVE__CAN_NO;
    }
}

static const char *product(const struct cove__object_store *store)
{
    return "Google Cloud Storage";
}

/* A checkpoint's name is written again by each save, or by the next run, and Google's caches keep for an hour what
 * anybody may read. All checkpoints, as last.ckpt may be a copy of another, which has the properties of its source;
 * and what lies in one that is a directory. */
static const char *cache_control(struct cove__slice key)
{
    static const char ending[] = ".ckpt";
    const size_t n = sizeof ending - 1;

    for (size_t end = n + 1; end <= key.size; end++) {
        if ((end == key.size || key.data[end] == '/') && memcmp(key.data + end - n, ending, n) == 0)
            return COVE__GCS_FRESH;
    }
    return NULL;
}

static const char *const described[] = { "x-goog-storage-class", "x-goog-custom-time", "x-goog-encryption-kms-key-name",
                                         NULL };
static const char *const shown_headers[] = { "cache-control",
                                             "content-encoding",
                                             "content-disposition",
                                             "content-language",
                                             "etag",
                                             "x-goog-custom-time",
                                             "x-goog-hash",
                                             "x-goog-metageneration",
                                             NULL };

const struct cove__object_ops cove__gcs_object_ops = {
    .name = "gcs",
    .version_mark = "#",
    .other_version_mark = "?generation=",
    .is_version_id = cove__gcs_is_generation,
    .headers = { .version = "x-goog-generation",
                 .size = "x-goog-stored-content-length",
                 .made_size = "x-goog-stored-content-length",
                 .metadata = "x-goog-meta-",
                 .created = "x-goog-time-created",
                 .write_mark = COVE__WRITE_MARK,
                 .if_match = "x-goog-if-generation-match",
                 .if_new = "x-goog-if-generation-match: 0",
                 .storage_class = "x-goog-storage-class",
                 .described = described,
                 .cache_control = cache_control,
                 .shown = shown_headers },
    .can = can,
    .product = product,
    .looks_before_repeat = true,
    .prepare = cove__gcs_prepare,
    .request_init = cove__gcs_request_init,
    .request_done = cove__gcs_request_done,
    .response = cove__gcs_response,
    .classify = cove__gcs_classify,
    .is_from_store = cove__gcs_is_from_store,
    .credentials_refused = cove__gcs_credentials_refused,
    .list_page_max = GCS_LIST_PAGE,
    .list_request = cove__gcs_list_request,
    .list_response = cove__gcs_list_response,
    .buckets_request = cove__gcs_buckets_request,
    .buckets_response = cove__gcs_buckets_response,
    .make_bucket_request = cove__gcs_make_bucket_request,
    .deleted_status = 204,
    .batch = &cove__gcs_batch_ops,
    .remove_tree = &cove__gcs_remove_tree_ops,
    .move_object = &cove__gcs_move_ops,
    .move_directory = &cove__gcs_rename_ops,
    .directories = &cove__gcs_directory_ops,
    .refuses_operation = cove__gcs_refuses_operation,
    .stored_size = cove__gcs_stored_size,
    .response_crc32c = cove__gcs_response_crc32c,
    .metadata_request = cove__gcs_metadata_request,
    .upload = &cove__gcs_upload_ops,
    .copy = &cove__gcs_copy_ops,
    .append = &cove__gcs_append_ops,
};

/* ---- open ---- */

/* Whether the endpoint is Google's own: that of the universe, a regional or a private one. */
static bool is_google(const struct cove__endpoint *endpoint, const char *universe)
{
    size_t n = strlen(endpoint->host), end = strlen(universe);

    return endpoint->tls && n >= end && strcasecmp(endpoint->host + n - end, universe) == 0 &&
           (n == end || endpoint->host[n - end - 1] == '.');
}

/* Of an emulator, "host:port" means http, as Google's libraries read STORAGE_EMULATOR_HOST; so it does for this
 * machine; "default" is Google's own. Else use_ssl decides: a token is not sent in clear text unless http:// is
 * written. */
static int set_endpoint(struct cove__gcs *gcs, struct cove_error *err)
{
    bool emulates = !gcs->o.endpoint_url || gcs->o.endpoint_url[0] == '\0';
    const char *url = emulates ? gcs->o.emulator_host : gcs->o.endpoint_url;
    struct cove__buf text = COVE__BUF_INIT(4096);
    bool given = url && url[0] != '\0' && strcmp(url, "default") != 0;
    int rc;

    if (given)
        cove__buf_addf(&text, "%s%s", !strstr(url, "://") && (emulates || cove__is_loopback(url)) ? "http://" : "",
                       url);
    else
        cove__buf_addf(&text, "https://storage.%s", gcs->o.universe_domain);
    static const char path[] = "/storage/v1";
    size_t n = text.size;
    while (n > 0 && text.data[n - 1] == '/')
        n--;
    if (n > strlen(path) && memcmp(text.data + n - strlen(path), path, strlen(path)) == 0)
        n -= strlen(path);
    char *plain = cove__strndup(cove__buf_str(&text), n);
    rc = !plain ? cove__fail_nomem(err, "an option")
                : cove__endpoint_parse(given ? "endpoint_url" : "universe_domain", plain, gcs->o.client.use_ssl,
                                       &gcs->endpoint, err);
    gcs->emulator = rc == 0 && given && !is_google(&gcs->endpoint, gcs->o.universe_domain);
    cove__free(plain);
    cove__buf_done(&text);
    return rc;
}

/* "true", "false", or the project. */
static int set_projects(struct cove__gcs *gcs, struct cove_error *err)
{
    const char *pays = gcs->o.requester_pays;
    bool yes = pays && (strcasecmp(pays, "true") == 0 || strcmp(pays, "1") == 0);
    bool no = !pays || pays[0] == '\0' || strcasecmp(pays, "false") == 0 || strcmp(pays, "0") == 0;

    if (gcs->o.project && cove__set_string(&gcs->project, gcs->o.project) < 0)
        return cove__fail_nomem(err, "an option");
    if (yes && !gcs->project)
        return cove__fail(err, COVE_EINVAL,
                          "option requester_pays: true stands for the option project, which is not set; or name the "
                          "project that pays");
    if (!no && cove__set_string(&gcs->user_project, yes ? gcs->project : pays) < 0)
        return cove__fail_nomem(err, "an option");
    return 0;
}

/* Tokens that must be got from elsewhere are asked for by the first request, not by the open. Emulators are sent none
 * unless one is given, as Google's libraries do. */
static int find_credentials(struct cove__gcs *gcs, const struct cove__http_config *http, struct cove_error *err)
{
    struct cove__credentials_source source;
    char scope[128];

    if (gcs->o.token ? strcmp(gcs->o.token, "anon") == 0 : gcs->emulator)
        return 0;
    snprintf(scope, sizeof scope, "https://www.googleapis.com/auth/devstorage.%s", gcs->o.access);
    struct cove__google_chain_options options = { .token = gcs->o.token,
                                                  .scope = scope,
                                                  .universe = gcs->o.universe_domain,
                                                  .wants_project = !gcs->project,
                                                  .http = http };
    int rc = cove__google_chain_new(&options, &source, err);
    if (rc == 0)
        rc = cove__provider_new(&source, &gcs->provider, err);
    if (rc < 0)
        return rc;
    options.scope = COVE__GOOGLE_CLOUD_SCOPE;
    options.wants_project = false;
    rc = cove__google_signer_source(&options, &source, err);
    return rc < 0 ? rc : cove__provider_new(&source, &gcs->signers, err);
}

static void gcs_close(void *self)
{
    struct cove__gcs *gcs = self;

    if (!gcs)
        return;
    cove__object_store_done(&gcs->store);
    cove__provider_free(gcs->provider);
    cove__provider_free(gcs->signers);
    cove__options_clear(cove__gcs_option_rows, &gcs->o);
    cove__endpoint_done(&gcs->endpoint);
    cove__free(gcs->project);
    cove__free(gcs->user_project);
    cove__free(gcs);
}

static int gcs_open(const struct cove_options *options, const char *authority, void **ret_self, struct cove_error *err)
{
    struct cove__http_config config;
    struct cove__gcs *gcs = cove__calloc(1, sizeof *gcs);

    if (!gcs)
        return cove__fail_nomem(err, "a store");
    cove__object_store_init(&gcs->store, &cove__gcs_object_ops);
    int rc = cove__gcs_options_read(options, &gcs->o, &gcs->store.extra, err);
    if (rc == 0)
        rc = set_endpoint(gcs, err);
    if (rc == 0)
        rc = set_projects(gcs, err);
    if (rc == 0) {
        gcs->store.version_aware = gcs->o.version_aware;
        gcs->store.create_buckets = gcs->o.create_buckets;
        gcs->store.block_size = gcs->o.block_size;
        gcs->store.max_concurrency = gcs->o.max_concurrency;
        rc = cove__object_known_at(&gcs->store, &gcs->endpoint, err);
    }
    if (rc == 0)
        rc = cove__client_config(&gcs->o.client, gcs->endpoint.tls, NULL, &config, err);
    if (rc == 0)
        rc = find_credentials(gcs, &config, err);
    if (rc == 0)
        rc = cove__client_new(&config, gcs->endpoint.tls, gcs->endpoint.host, &gcs->store.http, err);
    if (rc < 0) {
        gcs_close(gcs);
        return rc;
    }
    *ret_self = gcs;
    return 0;
}

static bool gcs_same_store(const void *self, const void *other)
{
    const struct cove__gcs *a = self, *b = other;

    return a->endpoint.tls == b->endpoint.tls && strcasecmp(a->endpoint.host, b->endpoint.host) == 0 &&
           strcmp(a->endpoint.base, b->endpoint.base) == 0;
}

static int gcs_endpoint(const void *self, struct cove__buf *ret, struct cove_error *err)
{
    const struct cove__gcs *gcs = self;
    int rc =
        cove__buf_addf(ret, "%s://%s%s", gcs->endpoint.tls ? "https" : "http", gcs->endpoint.host, gcs->endpoint.base);

    return rc < 0 ? cove__fail(err, rc, "endpoint %s: %s", gcs->endpoint.host, cove_code_phrase(rc)) : 0;
}

/* What a provider finds, it logs itself. */
static void gcs_describe(const void *self, struct cove__buf *ret)
{
    const struct cove__gcs *gcs = self;

    if (gcs->project)
        cove__buf_addf(ret, "; project %s", gcs->project);
    if (gcs->user_project)
        cove__buf_addf(ret, "; project %s pays", gcs->user_project);
    if (!gcs->provider)
        cove__buf_add_str(ret, "; no credentials");
}

static bool gcs_is_version(const void *self, const char *text)
{
    return cove__gcs_is_generation(text);
}

const struct cove__fs_ops cove__gcs_ops = {
    .name = "gcs",
    .options = cove__gcs_option_rows,
    .open = gcs_open,
    .close = gcs_close,
    .same_store = gcs_same_store,
    .endpoint = gcs_endpoint,
    .describe = gcs_describe,
    .parse = cove__gcs_parse,
    .is_version = gcs_is_version,
    .explain = cove__gcs_explain,
    .stat = cove__object_stat,
    .list = cove__object_list,
    .hides_directories = cove__object_hides_directories,
    .copy = cove__object_copy,
    .move = cove__object_move,
    .remove = cove__object_remove,
    .sign = cove__gcs_sign,
    .read = { .range = cove__object_read },
    .put = cove__object_put,
    .directories = {
        .make = cove__object_mkdir,
        .remove_tree = cove__object_remove_tree,
        .remove = cove__object_rmdir,
    },
    .upload = {
        .part_rules = cove__object_part_rules,
        .begin = cove__object_upload_begin,
        .part = cove__object_upload_part,
        .finish = cove__object_upload_finish,
        .abort = cove__object_upload_abort,
        .list = cove__object_list_uploads,
        .remove = cove__object_remove_upload,
    },
    .append = {
        .open = cove__object_append_open,
        .write = cove__object_append,
        .close = cove__object_append_close,
    },
    .attributes = {
        .set_metadata = cove__object_set_metadata,
        .versions = cove__gcs_versions,
        .versions_below = cove__gcs_versions_below,
    },
};
