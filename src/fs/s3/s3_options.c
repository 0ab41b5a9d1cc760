/* The options of s3://, under the names that s3fs gives them: the table, and the JSON ones that hold others. For s3.c's
 * open. */
#include <stddef.h>
#include <stdlib.h>

#include "auth/aws_config.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "fs/s3/s3.h"
#include "net/header.h"
#include "wire/json.h"

#define MIB       ((int64_t)1 << 20)
#define AT(field) offsetof(struct s3_options, field)

const struct cove__option_row cove__s3_option_rows[] = {
    /* who asks */
    { "key", COVE__OPTION_STRING, AT(key), NULL, "FSSPEC_S3_KEY",
      "access key id; without it keys come from AWS_ACCESS_KEY_ID, ~/.aws, a role, or the machine", 0, 0, NULL },
    { "secret", COVE__OPTION_SECRET, AT(secret), NULL, "FSSPEC_S3_SECRET", "secret access key, which goes with key", 0,
      0, NULL },
    { "token", COVE__OPTION_SECRET, AT(token), NULL, "FSSPEC_S3_TOKEN", "session token of temporary keys", 0, 0, NULL },
    { "username", COVE__OPTION_STRING, AT(username), NULL, NULL, "another name of key", 0, 0, NULL, "key" },
    { "password", COVE__OPTION_SECRET, AT(password), NULL, NULL, "another name of secret", 0, 0, NULL, "secret" },
    { "anon", COVE__OPTION_BOOL, AT(anon), "false", "FSSPEC_S3_ANON", "sign nothing, for public buckets", 0, 0, NULL },
    { "profile", COVE__OPTION_STRING, AT(profile), NULL, NULL,
      "profile of ~/.aws/config and ~/.aws/credentials, which comes before keys of the environment; else AWS_PROFILE",
      0, 0, NULL },
    /* where the store is */
    { "endpoint_url", COVE__OPTION_STRING, AT(endpoint_url), NULL,
      "AWS_ENDPOINT_URL_S3 AWS_ENDPOINT_URL FSSPEC_S3_ENDPOINT_URL",
      "address of a store other than Amazon's, as https://host:port", 0, 0, NULL },
    { "region", COVE__OPTION_STRING, AT(region), NULL, "AWS_REGION AWS_DEFAULT_REGION",
      "region for first requests and for new buckets; that of a bucket is detected; else the profile's, else "
      "us-east-1",
      0, 0, NULL },
    { "region_name", COVE__OPTION_STRING, AT(region_name), NULL, NULL, "another name of region", 0, 0, NULL, "region" },
    COVE__CLIENT_ROW_SSL(struct s3_options, client),
    { "addressing_style", COVE__OPTION_CHOICE, AT(addressing_style), NULL, NULL,
      "whether the bucket is in the host name (virtual) or in the path; auto: in the host name at Amazon, in the "
      "path with an endpoint_url; else as in the profile",
      0, 0, "auto path virtual" },
    { "use_dualstack_endpoint", COVE__OPTION_MAYBE, AT(dual_stack), "auto", "AWS_USE_DUALSTACK_ENDPOINT",
      "Amazon's endpoints that have IPv6, too; auto: as in the profile, else false", 0, 0, NULL },
    { "use_fips_endpoint", COVE__OPTION_MAYBE, AT(fips), "auto", "AWS_USE_FIPS_ENDPOINT",
      "Amazon's FIPS 140 endpoints; auto: as in the profile, else false", 0, 0, NULL },
    { "use_accelerate_endpoint", COVE__OPTION_MAYBE, AT(accelerate), "auto", NULL,
      "Amazon's transfer acceleration; auto: as in the profile, else false", 0, 0, NULL },
    { "use_arn_region", COVE__OPTION_MAYBE, AT(arn_region), "auto", "AWS_S3_USE_ARN_REGION",
      "an access point's ARN may be of another region; auto: as in the profile, else true", 0, 0, NULL },
    { "disable_s3express_session_auth", COVE__OPTION_MAYBE, AT(no_sessions), "auto",
      "AWS_S3_DISABLE_EXPRESS_SESSION_AUTH",
      "sign requests to directory buckets with the keys themselves; auto: as in the profile, else false", 0, 0, NULL },
    { "requester_pays", COVE__OPTION_BOOL, AT(requester_pays), "false", NULL,
      "accept to be charged for requests to buckets that want it", 0, 0, NULL },
    { "create_buckets", COVE__OPTION_BOOL, AT(create_buckets), "false", NULL,
      "mkdir of a directory makes a missing bucket; false: it fails, and only mkdir of the bucket itself makes one", 0,
      0, NULL },
    { "version_aware", COVE__OPTION_BOOL, AT(version_aware), "false", NULL,
      "a path may end in ?versionId=ID, which names one version of an object", 0, 0, NULL },
    /* how much at once */
    { "default_block_size", COVE__OPTION_SIZE, AT(block_size), "8MiB", NULL,
      "bytes of the first parts of an upload, and of the ranges that a large read is cut into", 5 * MIB, 5120 * MIB,
      NULL },
    { "max_concurrency", COVE__OPTION_INTEGER, AT(max_concurrency), "16", NULL,
      "parts or ranges of one file under way at once", 1, 64, NULL },
    /* what the store can */
    { "store", COVE__OPTION_CHOICE, AT(store), "auto", NULL,
      "which store it is, as its abilities differ; auto: by the endpoint's name or the first response", 0, 0,
      "auto aws minio ceph r2 wasabi ovh scaleway coreweave b2 digitalocean gcs oracle ibm oss cos storj swift "
      "seaweedfs other" },
    { "fixed_upload_size", COVE__OPTION_MAYBE, AT(fixed_upload_size), "auto", NULL,
      "all parts of an upload have one size, as Cloudflare R2 wants it; auto: as the store has it", 0, 0, NULL },
    { "max_parts", COVE__OPTION_INTEGER, AT(max_parts), "0", NULL,
      "parts of one upload at most; 0: as the store has it, 10,000 or 1,000", 0, S3_PARTS_MAX, NULL },
    { "payload_signing", COVE__OPTION_CHOICE, AT(payload_signing), "auto", NULL,
      "sign a SHA-256 of what is sent; auto: over plain http to other machines only", 0, 0, "auto always never" },
    { "checksum", COVE__OPTION_CHOICE, AT(checksum), "auto", NULL,
      "checksum sent with each object; auto: CRC32C, or MD5 where the store does not take that", 0, 0,
      "auto crc32c md5 none" },
    { "conditional_writes", COVE__OPTION_MAYBE, AT(conditional_writes), "auto", NULL,
      "the store honours If-Match and If-None-Match; false: they are not sent, and the object is looked at before the "
      "write instead; auto: as the store has it",
      0, 0, NULL },
    { "conditional_copies", COVE__OPTION_MAYBE, AT(conditional_copies), "auto", NULL,
      "the store honours x-amz-copy-source-if-match; false: it is not sent; auto: as the store has it", 0, 0, NULL },
    { "conditional_deletes", COVE__OPTION_MAYBE, AT(conditional_deletes), "auto", NULL,
      "the store honours If-Match of a deletion; false: it is not sent; auto: as the store has it", 0, 0, NULL },
    { "part_copy", COVE__OPTION_MAYBE, AT(part_copy), "auto", NULL,
      "the store has UploadPartCopy; false: bytes are sent again instead; auto: as the store has it", 0, 0, NULL },
    { "batch_delete", COVE__OPTION_MAYBE, AT(batch_delete), "auto", NULL,
      "the store has DeleteObjects; false: objects are deleted one by one; auto: as the store has it", 0, 0, NULL },
    { "copy_part_threshold", COVE__OPTION_SIZE, AT(copy_part_threshold), "5GiB", NULL,
      "objects above this size are copied in parts; below 5GiB each copy requests the size first", 5 * MIB, 5120 * MIB,
      NULL },
    /* the connection */
    COVE__CLIENT_ROWS(struct s3_options, client, "AWS_CA_BUNDLE", "; else the profile's"),
    /* other libraries' names for all this */
    { "client_kwargs", COVE__OPTION_JSON, AT(client_kwargs), NULL, NULL,
      "arguments of boto3's client, as a JSON object: endpoint_url, region_name, ...", 0, 0, NULL },
    { "config_kwargs", COVE__OPTION_JSON, AT(config_kwargs), NULL, NULL,
      "arguments of botocore's Config, as a JSON object: connect_timeout, retries, s3, ...", 0, 0, NULL },
    { "s3_additional_kwargs", COVE__OPTION_JSON, AT(additional_kwargs), NULL, NULL,
      "properties of new objects, as a JSON object: ServerSideEncryption, ACL, StorageClass, ...", 0, 0, NULL },
    { 0 },
};

/* ---- the JSON options ---- */

static int set(char **at, const char *value, struct cove_error *err)
{
    char *copy = cove__strdup(value);
    if (!copy)
        return cove__fail_nomem(err, "an option");
    cove__wipe(*at);
    *at = copy;
    return 0;
}

/* What a JSON option is read into, and where its error goes. */
struct reading {
    const char *option;
    struct s3_options *o;
    struct cove__object_extra *extra;
    struct cove_error *err;
};

static int refuse(const struct reading *in, const char *name, const char *known)
{
    return cove__fail(in->err, COVE_EINVAL, "option %s: \"%s\" is not known; known: %s", in->option, name, known);
}

/* What a known name's value has to be: the message about another names that, not the name. */
static int check_type(const struct reading *in, const char *name, enum cove__json_type type)
{
    static const struct {
        const char *name;
        enum cove__json_type type;
        const char *what;
    } rows[] = {
        { "connect_timeout", COVE__JSON_NUMBER, "a number of seconds" },
        { "read_timeout", COVE__JSON_NUMBER, "a number of seconds" },
        { "retries/max_attempts", COVE__JSON_NUMBER, "a number" },
        { "region_name", COVE__JSON_STRING, "a text" },
        { "signature_version", COVE__JSON_STRING, "a text" },
        { "s3/addressing_style", COVE__JSON_STRING, "a text" },
        { "s3/payload_signing_enabled", COVE__JSON_BOOL, "true or false" },
        { "use_ssl", COVE__JSON_BOOL, "true or false" },
        { "use_fips_endpoint", COVE__JSON_BOOL, "true or false" },
        { "use_dualstack_endpoint", COVE__JSON_BOOL, "true or false" },
        { "s3_disable_express_session_auth", COVE__JSON_BOOL, "true or false" },
        { "s3/use_dualstack_endpoint", COVE__JSON_BOOL, "true or false" },
        { "s3/use_accelerate_endpoint", COVE__JSON_BOOL, "true or false" },
        { "s3/use_arn_region", COVE__JSON_BOOL, "true or false" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(name, rows[i].name) == 0 && type != rows[i].type)
            return cove__fail(in->err, COVE_EINVAL, "option %s: the value of \"%s\" must be %s", in->option, name,
                              rows[i].what);
    }
    return 0;
}

/* True: it has one, and the error is set. */
static bool has_control(const struct reading *in, const char *name, const char *value)
{
    if (cove__header_is_valid(cove__slice_str(value)))
        return false;
    cove__fail(in->err, COVE_EINVAL, "option %s: the value of \"%s\" has a line break or another control character",
               in->option, name);
    return true;
}

static int take_client(void *user, const char *name, enum cove__json_type type, const char *value)
{
    const struct reading *in = user;
    struct s3_options *o = in->o;
    const struct {
        const char *name;
        char **at;
    } rows[] = { { "endpoint_url", &o->endpoint_url }, { "region_name", &o->region },
                 { "aws_access_key_id", &o->key },     { "aws_secret_access_key", &o->secret },
                 { "aws_session_token", &o->token },   { "verify", &o->client.verify } };

    if (type == COVE__JSON_NULL)
        return 0;
    if (has_control(in, name, value) || check_type(in, name, type) < 0)
        return COVE_EINVAL;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(name, rows[i].name) == 0)
            return set(rows[i].at, value, in->err);
    }
    if (strcmp(name, "use_ssl") == 0) {
        o->client.use_ssl = strcmp(value, "true") == 0;
        return 0;
    }
    return refuse(
        in, name,
        "endpoint_url, region_name, aws_access_key_id, aws_secret_access_key, aws_session_token, verify, use_ssl "
        "(true or false)");
}

static int take_seconds(const struct reading *in, const char *name, const char *value, int64_t *ret_ms)
{
    double seconds = strtod(value, NULL);
    if (!(seconds >= 0.001 && seconds <= 3600))
        return cove__fail(in->err, COVE_EINVAL, "option %s: %s is not within 0.001 to 3600 seconds", in->option, name);
    *ret_ms = (int64_t)(seconds * 1000);
    return 0;
}

static int take_signature(const struct reading *in, const char *value)
{
    if (strcmp(value, "unsigned") == 0)
        in->o->anon = 1;
    else if (strcmp(value, "s3v4") != 0 && strcmp(value, "v4") != 0)
        return cove__fail(in->err, COVE_EINVAL,
                          "option %s: the signature_version \"%s\" is not served (s3v4, unsigned)", in->option, value);
    return 0;
}

/* True: it was one of the switches of Amazon's endpoints. */
static bool take_switch(struct s3_options *o, const char *name, const char *value)
{
    const struct {
        const char *name;
        int *at;
    } rows[] = { { "use_fips_endpoint", &o->fips },
                 { "use_dualstack_endpoint", &o->dual_stack },
                 { "s3_disable_express_session_auth", &o->no_sessions },
                 { "s3/use_dualstack_endpoint", &o->dual_stack },
                 { "s3/use_accelerate_endpoint", &o->accelerate },
                 { "s3/use_arn_region", &o->arn_region } };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(name, rows[i].name) == 0) {
            *rows[i].at = strcmp(value, "true") == 0;
            return true;
        }
    }
    return false;
}

static int take_config(void *user, const char *name, enum cove__json_type type, const char *value)
{
    const struct reading *in = user;
    struct s3_options *o = in->o;

    if (type == COVE__JSON_NULL)
        return 0;
    if (has_control(in, name, value) || check_type(in, name, type) < 0)
        return COVE_EINVAL;
    if (strcmp(name, "connect_timeout") == 0)
        return take_seconds(in, name, value, &o->client.connect_timeout_ms);
    if (strcmp(name, "read_timeout") == 0)
        return take_seconds(in, name, value, &o->client.read_timeout_ms);
    if (strcmp(name, "retries/max_attempts") == 0) {
        long attempts = strtol(value, NULL, 10);
        o->client.retries = attempts < 0 ? 0 : attempts > 100 ? 100 : attempts;
        return 0;
    }
    if (strcmp(name, "max_pool_connections") == 0 || strcmp(name, "retries/mode") == 0 ||
        strcmp(name, "tcp_keepalive") == 0)
        return 0; /* connections are as many as requests, kept alive, and there is one way of retrying */
    if (strcmp(name, "request_checksum_calculation") == 0 || strcmp(name, "response_checksum_validation") == 0)
        return 0; /* it is for stores that take no checksums, which cove finds out itself (the option `checksum`) */
    if (strcmp(name, "region_name") == 0)
        return set(&o->region, value, in->err);
    if (strcmp(name, "signature_version") == 0)
        return take_signature(in, value);
    if (strcmp(name, "s3/addressing_style") == 0)
        return set(&o->addressing_style, value, in->err);
    if (strcmp(name, "s3/payload_signing_enabled") == 0)
        return set(&o->payload_signing, strcmp(value, "true") == 0 ? "always" : "never", in->err);
    if (take_switch(o, name, value))
        return 0;
    return refuse(in, name,
                  "connect_timeout, read_timeout, max_pool_connections, tcp_keepalive, region_name, signature_version, "
                  "use_dualstack_endpoint, use_fips_endpoint, s3_disable_express_session_auth, retries {max_attempts, "
                  "mode}, s3 {addressing_style, "
                  "payload_signing_enabled, use_accelerate_endpoint, use_arn_region, use_dualstack_endpoint}");
}

static const struct {
    const char *name, *header;
    bool each; /* also with parts and reads */
} additional[] = {
    { "ACL", "x-amz-acl", false },
    { "CacheControl", "Cache-Control", false },
    { "ContentDisposition", "Content-Disposition", false },
    { "ContentEncoding", "Content-Encoding", false },
    { "ContentLanguage", "Content-Language", false },
    { "ContentType", "Content-Type", false },
    { "ServerSideEncryption", "x-amz-server-side-encryption", false },
    { "SSEKMSKeyId", "x-amz-server-side-encryption-aws-kms-key-id", false },
    { "SSEKMSEncryptionContext", "x-amz-server-side-encryption-context", false },
    { "BucketKeyEnabled", "x-amz-server-side-encryption-bucket-key-enabled", false },
    { "SSECustomerAlgorithm", "x-amz-server-side-encryption-customer-algorithm", true },
    { "SSECustomerKey", "x-amz-server-side-encryption-customer-key", true },
    { "SSECustomerKeyMD5", "x-amz-server-side-encryption-customer-key-MD5", true },
    { "StorageClass", "x-amz-storage-class", false },
    { "Tagging", "x-amz-tagging", false },
    { "WebsiteRedirectLocation", "x-amz-website-redirect-location", false },
    { "ExpectedBucketOwner", "x-amz-expected-bucket-owner", true },
};
#define N_ADDITIONAL (sizeof additional / sizeof additional[0])

static int take_additional(void *user, const char *name, enum cove__json_type type, const char *value)
{
    const struct reading *in = user;
    struct cove__object_extra *extra = in->extra;
    struct cove__buf known = COVE__BUF_INIT(2048);

    if (type == COVE__JSON_NULL)
        return 0;
    if (has_control(in, name, value))
        return COVE_EINVAL;
    for (size_t i = 0; i < N_ADDITIONAL; i++) {
        if (strcmp(name, additional[i].name) == 0) {
            if (strcmp(name, "SSECustomerKey") == 0)
                cove__secret_add(extra, cove__slice_str(value));
            cove__header_append(&extra->create, additional[i].header, cove__slice_str(value));
            if (additional[i].each)
                cove__header_append(&extra->each, additional[i].header, cove__slice_str(value));
            return cove__buf_rc(&extra->create) < 0 || cove__buf_rc(&extra->each) < 0
                       ? cove__fail_nomem(in->err, "an option")
                       : 0;
        }
    }
    for (size_t i = 0; i < N_ADDITIONAL; i++)
        cove__buf_addf(&known, "%s%s", i > 0 ? ", " : "", additional[i].name);
    int rc = refuse(in, name, cove__buf_str(&known));
    cove__buf_done(&known);
    return rc;
}

static int read_json(const char *option, const char *text, const struct cove__json_handler *handler,
                     struct s3_options *o, struct cove__object_extra *extra, struct cove_error *err)
{
    struct cove_error mine = COVE_ERROR_INIT;
    struct reading in = { .option = option, .o = o, .extra = extra, .err = &mine };
    char why[160] = "";

    if (!text)
        return 0;
    int rc = cove__json_read(cove__slice_str(text), handler, &in, why, sizeof why);
    if (rc == 0 || mine.code != 0)
        return rc < 0 ? cove__error_copy(err, &mine) : 0;
    return cove__fail(err, rc, "option %s: not a JSON object: %s", option, why[0] != '\0' ? why : cove_code_phrase(rc));
}

static void alias(char **to, char **from)
{
    if (*to || !*from)
        return;
    *to = *from;
    *from = NULL;
}

/* The environment's endpoint, without that of Amazon's variables. */
static int ignore_endpoint(struct s3_options *o, struct cove_error *err)
{
    const char *other = getenv("FSSPEC_S3_ENDPOINT_URL");

    cove__free(o->endpoint_url);
    o->endpoint_url = NULL;
    return other ? set(&o->endpoint_url, other, err) : 0;
}

int cove__s3_options_read(const struct cove_options *options, struct s3_options *o, struct cove__object_extra *extra,
                          struct cove_error *err)
{
    static const struct cove__json_handler client = { .value = take_client }, config = { .value = take_config },
                                           properties = { .value = take_additional };
    int rc = cove__options_fill(cove__s3_option_rows, options, "s3", o, err);

    if (rc == 0 && cove__aws_ignores_endpoints() && (!options || !cove_options_get(options, "endpoint_url")))
        rc = ignore_endpoint(o, err);
    if (rc == 0)
        rc = read_json("client_kwargs", o->client_kwargs, &client, o, extra, err);
    if (rc == 0)
        rc = read_json("config_kwargs", o->config_kwargs, &config, o, extra, err);
    if (rc == 0)
        rc = read_json("s3_additional_kwargs", o->additional_kwargs, &properties, o, extra, err);
    if (rc < 0)
        return rc;
    alias(&o->key, &o->username);
    alias(&o->secret, &o->password);
    if (o->region_name) /* given by hand, while `region` may come from the environment */
        rc = set(&o->region, o->region_name, err);
    if (rc == 0 && o->addressing_style && strcmp(o->addressing_style, "auto") != 0 &&
        strcmp(o->addressing_style, "path") != 0 && strcmp(o->addressing_style, "virtual") != 0)
        rc = cove__fail(err, COVE_EINVAL, "option addressing_style: \"%s\" is not one of: auto path virtual",
                        o->addressing_style);
    return rc;
}
