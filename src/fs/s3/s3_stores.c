/*
 * THE table of stores that speak S3's protocol. A capability is in a row only if the store's documentation or a test of
 * a server shows it; docs/s3-stores.md names both. The others are learned from responses (s3_capabilities.c).
 */
#include "fs/s3/s3_stores.h"

#include <string.h>
#include <strings.h>

#define YES COVE__CAN_YES
#define NO  COVE__CAN_NO

const struct s3_store cove__s3_any_store = { .name = "other", .hosts = "" };

const struct s3_store cove__s3_stores[] = {
    { .name = "aws",
      .hosts = "s3.*.amazonaws.com s3.*.amazonaws.com.cn s3.dualstack.*.amazonaws.com s3.*.vpce.amazonaws.com "
               "amazonaws.com amazonaws.com.cn",
      .can = { [COVE__PUT_CONDITIONS] = YES,
               [COVE__UPLOAD_CONDITIONS] = YES,
               [COVE__COPY_SOURCE_CONDITIONS] = YES,
               [COVE__COPY_TARGET_CONDITIONS] = YES,
               [COVE__DELETE_CONDITIONS] = YES,
               [COVE__BATCH_CONDITIONS] = YES,
               [COVE__CRC32C] = YES,
               [COVE__COPIED_PART_CHECKSUMS] = YES,
               [COVE__PART_COPY] = YES,
               [COVE__BATCH_DELETE] = YES,
               [COVE__UNEQUAL_PARTS] = YES,
               [COVE__UPLOADS_BY_PREFIX] = YES,
               [COVE__MULTIPART] = YES,
               [COVE__SUFFIX_RANGES] = YES } },
    { .name = "minio",
      .hosts = "play.min.io",
      .server = "MinIO",
      .can = { [COVE__PUT_CONDITIONS] = YES,
               [COVE__UPLOAD_CONDITIONS] = YES,
               [COVE__COPY_SOURCE_CONDITIONS] = YES,
               [COVE__DELETE_CONDITIONS] = NO, /* ignored */
               [COVE__BATCH_CONDITIONS] = NO,
               [COVE__CRC32C] = YES,
               [COVE__PART_COPY] = YES,
               [COVE__BATCH_DELETE] = YES,
               [COVE__UNEQUAL_PARTS] = YES,
               [COVE__UPLOADS_BY_PREFIX] = NO } },
    { .name = "ceph",
      .hosts = "*.linodeobjects.com *.your-objectstorage.com",
      .server = "Ceph Object Gateway",
      .can = { [COVE__PUT_CONDITIONS] = YES, /* at the end of an upload only since the end of 2025 */
               [COVE__PART_COPY] = YES,
               [COVE__BATCH_DELETE] = YES,
               [COVE__UNEQUAL_PARTS] = YES } },
    { .name = "r2",
      .hosts = "r2.cloudflarestorage.com",
      .region = "auto",
      .can = { [COVE__PUT_CONDITIONS] = YES, [COVE__UNEQUAL_PARTS] = NO } },
    { .name = "wasabi", .hosts = "s3.*.wasabisys.com wasabisys.com", .server = "WasabiS3" },
    { .name = "ovh",
      .hosts = "s3.*.io.cloud.ovh.net s3.*.cloud.ovh.net s3.*.io.cloud.ovh.us",
      .can = { [COVE__PUT_CONDITIONS] = YES, [COVE__UPLOAD_CONDITIONS] = YES, [COVE__DELETE_CONDITIONS] = YES } },
    { .name = "scaleway", .hosts = "s3.*.scw.cloud", .max_parts = 1000, .can = { [COVE__PUT_CONDITIONS] = YES } },
    { .name = "coreweave",
      .hosts = "cwobject.com cwlota.com",
      .bucket_in_host = true,
      .can = { [COVE__PUT_CONDITIONS] = YES, [COVE__UPLOAD_CONDITIONS] = YES } },
    { .name = "b2",
      .hosts = "s3.*.backblazeb2.com",
      .can = { [COVE__PUT_CONDITIONS] = NO, /* 501 NotImplemented */
               [COVE__UPLOAD_CONDITIONS] = NO,
               [COVE__CRC32C] = NO } }, /* 400: unsupported header */
    { .name = "digitalocean", .hosts = "*.digitaloceanspaces.com" },
    { .name = "gcs",
      .hosts = "storage.googleapis.com",
      .server = "UploadServer",
      .region = "auto",
      .can = { [COVE__CRC32C] = NO } }, /* Content-MD5 only; x-goog-hash has another format */
    { .name = "oracle", .hosts = "compat.objectstorage.*.oraclecloud.com compat.objectstorage.*.oci.customer-oci.com" },
    { .name = "ibm",
      .hosts = "s3.*.cloud-object-storage.appdomain.cloud s3.private.*.cloud-object-storage.appdomain.cloud "
               "s3.direct.*.cloud-object-storage.appdomain.cloud",
      .server = "Cleversafe" },
    { .name = "oss",
      .hosts = "*.aliyuncs.com",
      .server = "AliyunOSS",
      .bucket_in_host = true,
      .can = { [COVE__PUT_CONDITIONS] = NO, [COVE__UPLOAD_CONDITIONS] = NO } }, /* 501 NotImplemented */
    { .name = "cos", .hosts = "cos.*.myqcloud.com", .server = "tencent-cos", .bucket_in_host = true },
    { .name = "storj", .hosts = "gateway.storjshare.io" },
    { .name = "swift", .hosts = "", .max_parts = 1000 },
    { .name = "seaweedfs", .hosts = "", .server = "SeaweedFS" },
    { 0 },
};

const struct s3_store *cove__s3_store_named(const char *name)
{
    for (const struct s3_store *s = cove__s3_stores; s->name; s++) {
        if (strcmp(s->name, name) == 0)
            return s;
    }
    return strcmp(name, cove__s3_any_store.name) == 0 ? &cove__s3_any_store : NULL;
}

/* The last label of a name is cut off; false: there was none. */
static bool last_label(struct cove__slice *name, struct cove__slice *ret)
{
    size_t at = name->size;

    if (name->size == 0)
        return false;
    while (at > 0 && name->data[at - 1] != '.')
        at--;
    *ret = cove__slice_sub(*name, at, SIZE_MAX);
    *name = cove__slice_sub(*name, 0, at > 0 ? at - 1 : 0);
    return true;
}

static bool matches(struct cove__slice host, struct cove__slice pattern, struct cove__slice *ret_region)
{
    struct cove__slice want, label, region = cove__slice("", 0);

    while (last_label(&pattern, &want)) {
        if (!last_label(&host, &label) || label.size == 0)
            return false;
        if (cove__slice_is(want, "*"))
            region = label;
        else if (label.size != want.size || strncasecmp((const char *)label.data, (const char *)want.data, want.size))
            return false;
    }
    *ret_region = region;
    return true;
}

const struct s3_store *cove__s3_store_at(struct cove__slice host, struct cove__slice *ret_region)
{
    const uint8_t *port = host.size > 0 ? memchr(host.data, ':', host.size) : NULL;

    if (port)
        host.size = (size_t)(port - host.data);
    *ret_region = cove__slice("", 0);
    for (const struct s3_store *s = cove__s3_stores; s->name; s++) {
        const char *p = s->hosts;
        for (size_t n; *p != '\0'; p += n + strspn(p + n, " ")) {
            n = strcspn(p, " ");
            if (matches(host, cove__slice(p, n), ret_region))
                return s;
        }
    }
    return NULL;
}

const struct s3_store *cove__s3_store_serving(const char *server_header)
{
    for (const struct s3_store *s = cove__s3_stores; s->name; s++) {
        if (s->server && strncasecmp(server_header, s->server, strlen(s->server)) == 0)
            return s;
    }
    return NULL;
}
