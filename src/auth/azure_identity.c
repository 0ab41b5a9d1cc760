/* Which of a machine's managed identities is meant. See azure_chain.h. */
#include "auth/azure_chain.h"
#include "wire/uri.h"

void cove__azure_add_identity(const struct cove__azure_chain *chain, const char *client_id, const char *object_id,
                              const char *resource_id, struct cove__buf *url)
{
    const char *name = chain->msi_resource_id ? resource_id : chain->object_id ? object_id : client_id;
    const char *value = chain->msi_resource_id ? chain->msi_resource_id
                        : chain->object_id     ? chain->object_id
                                               : chain->client_id;

    if (value)
        cove__uri_add_pair(url, name, cove__slice_str(value));
}
