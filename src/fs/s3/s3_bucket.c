/* CreateBucket: where a new bucket is to be (struct cove__object_ops). */
#include "fs/s3/s3_bucket.h"

#include <string.h>

/* A zone of a region is "usw2-az1", one outside of it "usw2-lax1-az1". */
void cove__s3_make_bucket_request(struct cove__object_request *r, struct cove__buf *body)
{
    static const char begin[] = "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
    static const char end[] = "</CreateBucketConfiguration>";

    const char *region = ((const struct cove__s3 *)r->store)->region;

    if (cove__s3_is_directory(r->store, r->name.bucket)) {
        struct cove__slice zone = cove__s3_zone(r->name.bucket);
        const uint8_t *first = memchr(zone.data, '-', zone.size);
        const char *kind = first && memchr(first + 1, '-', (size_t)(zone.data + zone.size - first - 1))
                               ? "LocalZone"
                               : "AvailabilityZone";
        cove__buf_addf(body,
                       "%s<Location><Name>%.*s</Name><Type>%s</Type></Location><Bucket><DataRedundancy>Single%s"
                       "</DataRedundancy><Type>Directory</Type></Bucket>%s",
                       begin, (int)zone.size, (const char *)zone.data, kind, kind, end);
    } else if (strcmp(region, "us-east-1") != 0) { /* the default of AWS, which refuses it by name */
        cove__buf_addf(body, "%s<LocationConstraint>%s</LocationConstraint>%s", begin, region, end);
    }
}
