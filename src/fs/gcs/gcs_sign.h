/* Signed URLs, V4: https://cloud.google.com/storage/docs/authentication/signatures. */
#ifndef COVE_FS_GCS_SIGN_H
#define COVE_FS_GCS_SIGN_H

#include "fs/gcs/gcs.h"

/* The slot of struct cove__fs_ops. It may ask for a token and a signature of a service account, and so wait. */
int cove__gcs_sign(void *self, const char *path, const char *method, int64_t expires_s, const struct cove__ctx *ctx,
                   char **ret_url, struct cove_error *err);

/* What a URL is for. BORROWED. */
struct gcs_signed {
    const char *email; /* of the service account that signs */
    const char *method, *host;
    const char *path; /* encoded, from the first slash on */
    int64_t expires_s, wall_ns;
};
/* Adds to `query` ("a=1", encoded, or empty) all that the URL has but the signature, and to `text` what is signed.
 * Pure. 0, COVE_ENOMEM, COVE_ELIMIT. */
int cove__gcs_text_to_sign(const struct gcs_signed *s, struct cove__buf *query, struct cove__buf *text);

#endif
