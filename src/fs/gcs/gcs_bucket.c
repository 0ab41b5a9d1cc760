/* The request that makes a bucket (struct cove__object_ops). */
#include "fs/gcs/gcs_bucket.h"

#include "fs/gcs/gcs_resource.h"

void cove__gcs_make_bucket_request(struct cove__object_request *r, struct cove__buf *body)
{
    const struct cove__gcs *gcs = cove__gcs_of(r);
    struct cove__buf members = COVE__BUF_INIT(4096);

    cove__gcs_add_member(&members, "name", r->name.bucket);
    if (gcs->o.default_location)
        cove__gcs_add_member(&members, "location", cove__slice_str(gcs->o.default_location));
    if (gcs->o.enable_versioning)
        cove__buf_add_str(&members, ",\"versioning\":{\"enabled\":true}");
    cove__buf_addf(body, "{%s}", cove__buf_str(&members));
    if (cove__buf_rc(&members) < 0 && body->rc == 0)
        body->rc = cove__buf_rc(&members);
    cove__object_header(r, "Content-Type", "application/json");
    cove__buf_done(&members);
}
