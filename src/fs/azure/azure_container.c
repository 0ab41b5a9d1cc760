/* Create Container, Delete Container, Delete Blob: see azure_container.h. */
#include "fs/azure/azure_container.h"

void cove__azure_make_container_request(struct cove__object_request *r, struct cove__buf *body)
{
    cove__buf_add_str(&r->query, "restype=container");
}

void cove__azure_remove_container_request(struct cove__object_request *r)
{
    cove__buf_add_str(&r->query, "restype=container");
}

/* A blob with snapshots is refused without it. A version is deleted alone. */
void cove__azure_delete_request(struct cove__object_request *r, bool with_snapshots)
{
    if (with_snapshots && r->name.version.size == 0)
        cove__object_header(r, "x-ms-delete-snapshots", "include");
}
