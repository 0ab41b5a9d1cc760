/* Checksums of what is read: the service computes the CRC64 of a range of at most 4 MiB when it is asked to. Pure. */
#include "fs/azure/azure_checksum.h"

#include <string.h>

#include "wire/crc64.h"
#include "wire/digest.h"

#define RANGE_MAX ((int64_t)4 << 20)

void cove__azure_read_headers(const struct cove__object_request *r, int64_t length, struct cove__buf *headers)
{
    bool asks = length <= RANGE_MAX && cove__object_can(r->store, COVE__RANGE_CHECKSUMS) != COVE__CAN_NO;

    cove__azure_state(r)->asks_checksum = asks;
    if (asks)
        cove__buf_add_str(headers, "x-ms-range-get-content-crc64: true\n");
}

bool cove__azure_read_matches(const struct cove__object_request *r, struct cove__slice body)
{
    char text[COVE__HEADER_MAX], crc64[COVE__BASE64_SIZE(8)];

    if (!cove__object_response_header(r, "x-ms-content-crc64", text))
        return true;
    cove__base64_le64(cove__crc64nvme(0, body.data, body.size), crc64);
    return strcmp(text, crc64) == 0;
}

bool cove__azure_gives_up_checksums(struct cove__object_request *r)
{
    static const char *const codes[] = { "FeatureNotSupported", "FeatureVersionMismatch", "UnsupportedHeader",
                                         "InvalidHeaderValue" };
    char code[COVE__HEADER_MAX] = "";

    if (!cove__azure_state(r)->asks_checksum)
        return false;
    cove__azure_error_code(r, code);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (strcmp(code, codes[i]) == 0) {
            cove__object_learn_missing(r, COVE__RANGE_CHECKSUMS);
            return true;
        }
    }
    return false;
}
