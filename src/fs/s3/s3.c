/* The S3 backend's table, and a store's opening: options, shared files and environment become one fixed set of facts.
 * No network. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/aws_chain.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "fs/object/known.h"
#include "fs/s3/s3_append_at.h"
#include "fs/s3/s3_batch.h"
#include "fs/s3/s3_bucket.h"
#include "fs/s3/s3_capabilities.h"
#include "fs/s3/s3_list.h"
#include "fs/s3/s3_request.h"
#include "fs/s3/s3_upload.h"
#include "net/loopback.h"

static int set_endpoint(struct cove__s3 *s3, const char *url, struct cove_error *err)
{
    struct cove__endpoint endpoint;
    int rc = cove__endpoint_parse("endpoint_url", url, s3->o.client.use_ssl, &endpoint, err);

    if (rc < 0)
        return rc;
    s3->own_endpoint = true;
    s3->tls = endpoint.tls;
    s3->host = endpoint.host;
    s3->base = endpoint.base;
    return 0;
}

static const char *endpoint_of(const struct cove__s3 *s3, const struct cove__aws_profile *profile)
{
    if (s3->o.endpoint_url)
        return s3->o.endpoint_url[0] != '\0' ? s3->o.endpoint_url : NULL;
    if (cove__aws_ignores_endpoints())
        return NULL;
    const char *url = cove__aws_given(profile->s3_endpoint_url) ? profile->s3_endpoint_url : profile->endpoint_url;
    return cove__aws_given(url) ? url : NULL;
}

/* An option or the environment, else the first of two that the profile may have, else `otherwise`. */
static bool switched(int option, const char *said, const char *also_said, bool otherwise)
{
    const char *value = cove__aws_given(said) ? said : also_said;

    if (option >= 0)
        return option != 0;
    return cove__aws_given(value) ? strcasecmp(value, "true") == 0 : otherwise;
}

static void set_variants(struct cove__s3 *s3, const struct cove__aws_profile *profile)
{
    const struct s3_options *o = &s3->o;

    s3->rules.dual_stack = switched(o->dual_stack, profile->s3_use_dualstack, profile->use_dualstack, false);
    s3->rules.fips = switched(o->fips, profile->use_fips, NULL, false);
    s3->rules.accelerate = switched(o->accelerate, profile->s3_use_accelerate, NULL, false);
    s3->rules.ignore_arn_region = !switched(o->arn_region, profile->s3_use_arn_region, NULL, true);
    s3->no_sessions = switched(o->no_sessions, profile->s3_disable_express_session_auth, NULL, false);
}

static int set_address(struct cove__s3 *s3, const struct cove__aws_profile *profile, struct cove_error *err)
{
    const char *endpoint = endpoint_of(s3, profile);
    const char *style = s3->o.addressing_style ? s3->o.addressing_style : profile->s3_addressing_style;
    const char *region = s3->o.region ? s3->o.region : profile->region;
    char usual[64];
    int rc = 0;

    s3->tls = s3->o.client.use_ssl;
    if (!s3->o.endpoint_url && profile->services_missing && !cove__aws_ignores_endpoints())
        return cove__fail(err, COVE_EINVAL,
                          "the AWS profile '%s' names the services section '%s', which is missing or empty",
                          profile->name, profile->services);
    if (style && style[0] != '\0' && strcmp(style, "auto") != 0 && strcmp(style, "path") != 0 &&
        strcmp(style, "virtual") != 0)
        return cove__fail(err, COVE_EINVAL,
                          "the AWS profile '%s': addressing_style \"%s\" is not one of: auto path virtual",
                          profile->name, style);
    if (endpoint)
        rc = set_endpoint(s3, endpoint, err);
    if (rc < 0)
        return rc;
    const struct s3_store *store = cove__s3_choose_store(s3, usual);
    bool named = cove__aws_given(region);
    if (!named)
        region = usual;
    if (strspn(region, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != strlen(region) ||
        strlen(region) >= 64)
        return cove__fail(err, COVE_EINVAL, "region: \"%s\" is not a region's name", region);
    if (!s3->base)
        rc = cove__set_string(&s3->base, "");
    if (rc == 0)
        rc = cove__set_string(&s3->region, region);
    if (rc < 0)
        return rc;
    s3->rules = (struct s3_endpoint_rules){ .host = s3->own_endpoint ? s3->host : NULL,
                                            .base = s3->base,
                                            .region = named ? s3->region : NULL,
                                            .style = !style                          ? S3_STYLE_AUTO
                                                     : strcmp(style, "path") == 0    ? S3_STYLE_PATH
                                                     : strcmp(style, "virtual") == 0 ? S3_STYLE_VIRTUAL
                                                                                     : S3_STYLE_AUTO,
                                            .tls = s3->tls,
                                            .bucket_in_host = store->bucket_in_host,
                                            .directories = store == &cove__s3_stores[0] };
    set_variants(s3, profile);
    return cove__s3_endpoint_check(&s3->rules, err);
}

static void set_payload(struct cove__s3 *s3)
{
    const char *mode = s3->o.payload_signing;

    s3->sign_payload = strcmp(mode, "always") == 0 ||
                       (strcmp(mode, "auto") == 0 && !s3->tls && !(s3->own_endpoint && cove__is_loopback(s3->host)));
}

/* Keys that must be got from elsewhere are asked for by the first request, not by the open. Those of a profile's file
 * are read again, from this profile, when the store refuses them. */
static int find_credentials(struct cove__s3 *s3, const struct cove__aws_profile *profile,
                            const struct cove__http_config *http, struct cove_error *err)
{
    struct cove__aws_sources sources = { .anonymous = s3->o.anon,
                                         .key_id = s3->o.key,
                                         .secret = s3->o.secret,
                                         .token = s3->o.token,
                                         .profile_given = s3->o.profile,
                                         .profile = profile };
    struct cove__aws_chain_options options = { .profile = s3->o.profile, .region = s3->region, .http = http };
    struct cove__aws_credentials fixed = { 0 };
    struct cove__credentials_source source;

    int rc = cove__aws_credentials_find(&sources, &fixed, err);
    if (rc < 0 || (rc == 0 && fixed.anonymous))
        return rc;
    if (rc == 0 && !fixed.of_profile)
        return cove__provider_new_fixed(&cove__aws_credentials_type, &fixed, &s3->provider, err);
    bool chain = rc == COVE__AWS_USE_CHAIN;
    options.keys_of = chain ? NULL : profile->name;
    rc = cove__aws_chain_new(&options, &source, err);
    if (rc < 0)
        cove__aws_credentials_done(&fixed);
    else if (chain)
        rc = cove__provider_new(&source, &s3->provider, err);
    else
        rc = cove__provider_new_with(&source, &fixed, &s3->provider, err);
    return rc;
}

static int set_client(struct cove__s3 *s3, const struct cove__aws_profile *profile, struct cove_error *err)
{
    struct cove__http_config config;
    int rc = cove__client_config(&s3->o.client, s3->tls, profile->ca_bundle, &config, err);

    if (rc == 0)
        rc = find_credentials(s3, profile, &config, err);
    return rc < 0 ? rc : cove__client_new(&config, s3->tls, s3->host, &s3->store.http, err);
}

const struct cove__object_ops cove__s3_object_ops = {
    .name = "s3",
    .format = COVE__OBJECT_XML,
    .version_mark = "?versionId=",
    .signs_time = true,
    .headers = { .version = "etag",
                 .size = "content-length",
                 .made_size = "x-amz-object-size",
                 .metadata = "x-amz-meta-",
                 .write_mark = COVE__WRITE_MARK,
                 .if_match = "If-Match",
                 .if_new = "If-None-Match: *",
                 .version_id = "x-amz-version-id",
                 .storage_class = "x-amz-storage-class",
                 .kept = cove__s3_kept_headers },
    .can = cove__s3_can,
    .product = cove__s3_product,
    .prepare = cove__s3_prepare,
    .request_init = cove__s3_request_init,
    .request_done = cove__s3_request_done,
    .body = cove__s3_body,
    .response = cove__s3_response,
    .holds_error = cove__s3_holds_error,
    .learns = cove__s3_learns,
    .classify = cove__s3_classify,
    .is_from_store = cove__s3_is_delete_marker,
    .refuses_condition = cove__s3_refuses_condition,
    .refuses_operation = cove__s3_refuses_operation,
    .credentials_refused = cove__s3_credentials_refused,
    .list_page_max = S3_LIST_PAGE,
    .list_request = cove__s3_list_request,
    .list_response = cove__s3_list_response,
    .buckets_response = cove__s3_buckets_response,
    .is_unordered = cove__s3_is_directory,
    .make_bucket_request = cove__s3_make_bucket_request,
    .deleted_status = 204,
    .batch = &cove__s3_batch_ops,
    .is_delete_marker = cove__s3_is_delete_marker,
    .response_crc32c = cove__s3_response_crc32c,
    .upload = &cove__s3_upload_ops,
    .copy = &cove__s3_copy_ops,
    .append = &cove__s3_append_ops,
};

/* A store other than Amazon is known by its endpoint, Amazon's by the partition, in which bucket names are unique. */
static int get_known(struct cove__s3 *s3, struct cove_error *err)
{
    struct cove__buf identity = COVE__BUF_INIT(8192);
    int rc = s3->own_endpoint ? cove__buf_addf(&identity, "%s://%s%s", s3->tls ? "https" : "http", s3->host, s3->base)
                              : cove__buf_addf(&identity, "s3:%s", cove__s3_partition(s3->region));

    for (size_t i = 0; rc == 0 && s3->own_endpoint && i < identity.size - strlen(s3->base); i++)
        identity.data[i] = (uint8_t)tolower(identity.data[i]);
    rc = rc == 0 ? cove__object_known_get(&s3->store, cove__buf_str(&identity), err)
                 : cove__fail(err, rc, "endpoint_url: the address cannot be kept in memory: %s", cove_code_phrase(rc));
    cove__buf_done(&identity);
    return rc;
}

static void set_limits(struct cove__s3 *s3)
{
    struct cove__object_store *store = &s3->store;

    store->version_aware = s3->o.version_aware;
    store->create_buckets = s3->o.create_buckets;
    store->block_size = s3->o.block_size;
    store->max_concurrency = s3->o.max_concurrency;
    store->copy_part_threshold = s3->o.copy_part_threshold;
}

static void s3_close(void *self)
{
    struct cove__s3 *s3 = self;

    if (!s3)
        return;
    cove__cleanups_end(&s3->store);
    cove__s3_sessions_free(s3); /* they ask through the client, signed by the provider */
    cove__object_store_done(&s3->store);
    cove__provider_free(s3->provider);
    cove__options_clear(cove__s3_option_rows, &s3->o);
    for (size_t i = 0; i < s3->n_regions; i++) {
        cove__free(s3->regions[i].bucket);
        cove__free(s3->regions[i].region);
    }
    cove__free(s3->host);
    cove__free(s3->base);
    cove__free(s3->region);
    explicit_bzero(&s3->signing, sizeof s3->signing);
    cove__free(s3);
}

static int s3_open(const struct cove_options *options, const char *authority, void **ret_self, struct cove_error *err)
{
    struct cove__aws_profile profile = { 0 };
    struct cove__s3 *s3 = cove__calloc(1, sizeof *s3);

    if (!s3)
        return cove__fail_nomem(err, "a store");
    cove__object_store_init(&s3->store, &cove__s3_object_ops);
    int rc = cove__s3_options_read(options, &s3->o, &s3->store.extra, err);
    if (rc == 0)
        rc = cove__aws_profile_load(s3->o.profile, &profile, err);
    if (rc == 0)
        rc = set_address(s3, &profile, err);
    if (rc == 0)
        rc = get_known(s3, err);
    if (rc == 0) {
        set_limits(s3);
        set_payload(s3);
        cove__s3_capabilities_open(s3);
        rc = set_client(s3, &profile, err);
    }
    cove__aws_profile_done(&profile);
    if (rc < 0) {
        s3_close(s3);
        return rc;
    }
    *ret_self = s3;
    return 0;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Amazon's bucket names are unique in a partition. On other stores users may have separate buckets of one name. */
static bool s3_same_store(const void *self, const void *other)
{
    const struct cove__s3 *a = self, *b = other;

    if (!a->own_endpoint && !b->own_endpoint)
        return strcmp(cove__s3_partition(a->region), cove__s3_partition(b->region)) == 0;
    return a->own_endpoint && b->own_endpoint && a->tls == b->tls && strcasecmp(a->host, b->host) == 0 &&
           same_text(a->base, b->base) && !a->o.anon == !b->o.anon && same_text(a->o.key, b->o.key) &&
           same_text(a->o.username, b->o.username) && same_text(a->o.profile, b->o.profile);
}

static int s3_endpoint(const void *self, struct cove__buf *ret, struct cove_error *err)
{
    const struct cove__s3 *s3 = self;
    struct s3_address to;
    int rc = cove__s3_endpoint(&s3->rules, cove__slice_str(""), false, s3->region, &to, err);

    if (rc < 0)
        return rc;
    rc = cove__buf_addf(ret, "%s://%s%s", to.scheme, to.host, s3->base);
    return rc < 0 ? cove__fail(err, rc, "endpoint %s: %s", to.host, cove_code_phrase(rc)) : 0;
}

/* What a provider still has to find, it logs itself. */
static void s3_describe(const void *self, struct cove__buf *ret)
{
    const struct cove__s3 *s3 = self;
    char origin[COVE_ERROR_MESSAGE_MAX] = "";

    if (s3->provider)
        cove__provider_origin(s3->provider, origin, sizeof origin);
    cove__buf_addf(ret, "; region %s", s3->region);
    if (!s3->provider)
        cove__buf_add_str(ret, "; no credentials");
    else if (origin[0] != '\0')
        cove__buf_addf(ret, "; credentials: %s", origin);
}

const struct cove__fs_ops cove__s3_ops = {
    .name = "s3",
    .options = cove__s3_option_rows,
    .real_directories = false,
    .open = s3_open,
    .close = s3_close,
    .same_store = s3_same_store,
    .endpoint = s3_endpoint,
    .describe = s3_describe,
    .parse = cove__s3_parse,
    .stat = cove__object_stat,
    .list = cove__object_list,
    .unordered = cove__object_unordered,
    .copy = cove__object_copy,
    .move = cove__object_move,
    .remove = cove__object_remove,
    .directories = {
        .make = cove__object_mkdir,
        .remove_tree = cove__object_remove_tree,
        .remove = cove__object_rmdir,
    },
    .read = { .range = cove__object_read },
    .put = cove__object_put,
    .upload = {
        .part_rules = cove__object_part_rules,
        .begin = cove__object_upload_begin,
        .part = cove__object_upload_part,
        .copy_part = cove__object_upload_copy_part,
        .finish = cove__object_upload_finish,
        .abort = cove__object_upload_abort,
        .list = cove__object_list_uploads,
        .remove = cove__object_remove_upload,
        .is_listed = cove__object_upload_is_listed,
    },
    .append = {
        .open = cove__object_append_open,
        .write = cove__object_append,
        .close = cove__object_append_close,
    },
    .attributes = {
        .set_metadata = cove__object_set_metadata,
        .versions = cove__s3_versions,
        .versions_below = cove__s3_versions_below,
        .tags = cove__s3_tags,
        .set_tags = cove__s3_set_tags,
    },
    .sign = cove__s3_presign,
};
