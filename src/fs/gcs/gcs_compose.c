/* A compose and its response, for gcs_append.c and gcs_upload.c. */
#include "fs/gcs/gcs_compose.h"

#include "base/error.h"
#include "fs/gcs/gcs_request.h"
#include "wire/json.h"

void cove__gcs_compose_request(struct cove__object_request *r, const struct cove__compose_source *sources, size_t n,
                               bool removes, struct cove__buf *body)
{
    struct gcs_state *state = cove__gcs_state(r);
    struct cove__buf *list = &state->sources;

    r->http.method = "POST";
    r->http.has_body = true;
    state->kind = GCS_COMPOSE;
    state->removes_sources = removes;
    for (size_t i = 0; i < n; i++) {
        cove__buf_add_str(list, i > 0 ? ",{\"name\":" : "{\"name\":");
        cove__json_add_string(list, sources[i].key);
        if (sources[i].version)
            cove__buf_addf(list, ",\"generation\":\"%s\"", sources[i].version);
        cove__buf_add_char(list, '}');
    }
}

int cove__gcs_compose_response(const struct cove__object_request *r, struct cove__object_made *ret,
                               struct cove_error *err)
{
    if (cove__object_response_version(r, ret->version))
        return 0;
    return cove__object_fail(r, err, COVE_EPROTOCOL,
                             "the response does not describe the object: check the endpoint and any proxy");
}
