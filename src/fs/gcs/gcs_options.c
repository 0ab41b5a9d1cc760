/* The options of gs://, under the names that gcsfs gives them. For gcs.c's open. */
#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "auth/google_chain.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "fs/gcs/gcs.h"
#include "net/header.h"
#include "wire/digest.h"

#define MIB       ((int64_t)1 << 20)
#define AT(field) offsetof(struct gcs_options, field)
#define KEY_BYTES 32 /* of a customer's key: AES-256 */

const struct cove__option_row cove__gcs_option_rows[] = {
    /* credentials and project */
    { "token", COVE__OPTION_SECRET, AT(token), NULL, "FSSPEC_GCS_TOKEN",
      "credentials: anon for none, cloud for the metadata server, google_default, the path of a key file, the JSON "
      "text of one, or an access token; else as Google's tools find them",
      0, 0, NULL },
    { "project", COVE__OPTION_STRING, AT(project), NULL,
      "GOOGLE_CLOUD_PROJECT GCLOUD_PROJECT GCSFS_DEFAULT_PROJECT FSSPEC_GCS_PROJECT",
      "project whose buckets are listed, and in which new ones are made; else that of the key, of gcloud or of the "
      "machine",
      0, 0, NULL },
    { "access", COVE__OPTION_CHOICE, AT(access), "full_control", NULL, "what the access token is asked for", 0, 0,
      "read_only read_write full_control" },
    { "requester_pays", COVE__OPTION_STRING, AT(requester_pays), "false", NULL,
      "project that pays for requests to buckets that want it; true: that of the option project; false: none", 0, 0,
      NULL },
    { "quota_project", COVE__OPTION_STRING, AT(quota_project), NULL, "GOOGLE_CLOUD_QUOTA_PROJECT",
      "project that requests are counted against; else the credentials'", 0, 0, NULL },
    /* where the store is */
    { "endpoint_url", COVE__OPTION_STRING, AT(endpoint_url), NULL, "FSSPEC_GCS_ENDPOINT_URL",
      "address of a server, as https://host:port: another than Google's, or one of Google's regional or private ones",
      0, 0, NULL },
    { "emulator_host", COVE__OPTION_STRING, AT(emulator_host), NULL, "STORAGE_EMULATOR_HOST",
      "address of an emulator, as host:port (http) or with http:// or https://; used without endpoint_url", 0, 0,
      NULL },
    { "universe_domain", COVE__OPTION_STRING, AT(universe_domain), "googleapis.com", "GOOGLE_CLOUD_UNIVERSE_DOMAIN",
      "domain of Google's services, which credentials have to be of, too", 0, 0, NULL },
    { "conditions", COVE__OPTION_CHOICE, AT(conditions), "auto", NULL,
      "whether the store keeps to the conditions of copies, deletions and appends; false: the object is checked first, "
      "too; auto: true at Google's own address",
      0, 0, "auto true false" },
    { "default_location", COVE__OPTION_STRING, AT(default_location), NULL, "FSSPEC_GCS_DEFAULT_LOCATION",
      "location of new buckets; else US", 0, 0, NULL },
    COVE__CLIENT_ROW_SSL(struct gcs_options, client),
    { "create_buckets", COVE__OPTION_BOOL, AT(create_buckets), "false", NULL,
      "mkdir of a directory makes a missing bucket; false: it fails, and only mkdir of the bucket itself makes one", 0,
      0, NULL },
    { "enable_versioning", COVE__OPTION_BOOL, AT(enable_versioning), "false", NULL,
      "new buckets keep the older versions of their objects", 0, 0, NULL },
    { "version_aware", COVE__OPTION_BOOL, AT(version_aware), "false", NULL,
      "a path may end in #GENERATION or ?generation=GENERATION, which names one version of an object", 0, 0, NULL },
    /* new objects */
    { "cache_control", COVE__OPTION_STRING, AT(cache_control), NULL, NULL, "Cache-Control of new objects", 0, 0, NULL },
    { "storage_class", COVE__OPTION_STRING, AT(storage_class), NULL, NULL,
      "storage class of new objects; else the bucket's", 0, 0, NULL },
    { "kms_key_name", COVE__OPTION_STRING, AT(kms_key_name), NULL, NULL,
      "Cloud KMS key that new objects are encrypted with", 0, 0, NULL },
    { "encryption_key", COVE__OPTION_SECRET, AT(encryption_key), NULL, NULL,
      "customer-supplied AES-256 key, in base64, that objects are written and read with", 0, 0, NULL },
    /* how much at once */
    { "uploads", COVE__OPTION_CHOICE, AT(uploads), "auto", "COVE_GCS_UPLOADS",
      "how large objects are written: parts for multipart uploads, in parallel; session for resumable ones; compose "
      "for temporary objects, in parallel, that the store then composes, also under a condition; auto: parts or, with "
      "a condition, compose at Google's endpoint, session elsewhere; parts with a condition: session; metadata whose "
      "names have capital letters count as a condition",
      0, 0, "auto parts session compose" },
    { "default_block_size", COVE__OPTION_SIZE, AT(block_size), "8MiB", NULL,
      "bytes of the first parts of an upload, and of the ranges that a large read is cut into", 5 * MIB, 5120 * MIB,
      NULL },
    { "max_concurrency", COVE__OPTION_INTEGER, AT(max_concurrency), "16", NULL,
      "parts or ranges of one file under way at once", 1, 64, NULL },
    /* the connection */
    COVE__CLIENT_ROWS(struct gcs_options, client, NULL, ""),
    { 0 },
};

/* Headers that each request with this object's bytes needs: https://cloud.google.com/storage/docs/encryption/
 * customer-supplied-keys */
static int add_encryption(const struct gcs_options *o, struct cove__object_extra *extra, struct cove_error *err)
{
    uint8_t key[KEY_BYTES], hash[32];
    char text[COVE__BASE64_SIZE(sizeof hash)];

    if (!o->encryption_key)
        return 0;
    cove__secret_add(extra, cove__slice_str(o->encryption_key));
    if (!cove__unbase64(o->encryption_key, key, sizeof key))
        return cove__fail(err, COVE_EINVAL, "option encryption_key: not %d bytes in base64", KEY_BYTES);
    int rc = cove__sha256(cove__slice(key, sizeof key), hash);
    explicit_bzero(key, sizeof key);
    if (rc < 0)
        return cove__fail(err, rc, "option encryption_key: OpenSSL has no SHA-256");
    cove__base64(hash, sizeof hash, text);
    for (int i = 0; i < 2; i++) {
        struct cove__buf *lines = i == 0 ? &extra->create : &extra->each;
        cove__buf_add_str(lines, "x-goog-encryption-algorithm: AES256\n");
        cove__header_append(lines, "x-goog-encryption-key", cove__slice_str(o->encryption_key));
        cove__header_append(lines, "x-goog-encryption-key-sha256", cove__slice_str(text));
        if (cove__buf_rc(lines) < 0)
            return cove__fail_nomem(err, "an option");
    }
    return 0;
}

/* "google-default" and "ANON" are the names, too. */
static int read_token_name(struct gcs_options *o, struct cove_error *err)
{
    static const char *const names[] = { "anon", "cloud", "google_default", "browser", "cache" };

    for (size_t i = 0; o->token && i < sizeof names / sizeof names[0]; i++) {
        size_t n = 0;
        while (names[i][n] != '\0' &&
               (tolower((unsigned char)o->token[n]) == names[i][n] || (names[i][n] == '_' && o->token[n] == '-')))
            n++;
        if (names[i][n] != '\0' || o->token[n] != '\0')
            continue;
        cove__secret_drop(o->token); /* messages name it */
        return cove__set_string(&o->token, names[i]) < 0 ? cove__fail_nomem(err, "an option") : 0;
    }
    return 0;
}

int cove__gcs_options_read(const struct cove_options *options, struct gcs_options *o, struct cove__object_extra *extra,
                           struct cove_error *err)
{
    int rc = cove__options_fill(cove__gcs_option_rows, options, "gcs", o, err);

    if (rc == 0)
        rc = read_token_name(o, err);
    if (rc == 0 && o->token && cove__google_token_is_path(o->token))
        cove__secret_drop(o->token); /* messages name the file */
    const struct {
        const char *value, *name, *header;
    } rows[] = {
        { o->cache_control, "cache_control", "Cache-Control" },
        { o->storage_class, "storage_class", "x-goog-storage-class" },
        { o->kms_key_name, "kms_key_name", "x-goog-encryption-kms-key-name" },
    };

    for (size_t i = 0; rc == 0 && i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].value && cove__header_append(&extra->create, rows[i].header, cove__slice_str(rows[i].value)) < 0)
            rc = cove__fail(err, COVE_EINVAL, "option %s: it has a control character", rows[i].name);
    }
    if (rc == 0 && o->encryption_key && o->kms_key_name)
        rc = cove__fail(err, COVE_EINVAL, "options encryption_key and kms_key_name exclude each other");
    return rc == 0 ? add_encryption(o, extra, err) : rc;
}
