/* Up to 100 deletions in one request, each with a separate result: the response is 200 even where all of them failed
 * (struct cove__object_batch_ops). */
#include "fs/gcs/gcs_batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/gcs/gcs_request.h"
#include "fs/object/foreign.h"
#include "wire/multipart.h"
#include "wire/uri.h"

static void request(struct cove__object_request *r)
{
    struct gcs_state *state = cove__gcs_state(r);

    state->kind = GCS_BATCH;
    cove__multipart_new_boundary(state->boundary);
}

static bool add(struct cove__object_request *r, size_t index, const struct cove__object_deletion *deletion,
                struct cove__buf *body)
{
    const struct cove__gcs *gcs = cove__gcs_of(r);
    const struct cove__object_name *name = &deletion->name;
    struct cove__buf query = COVE__BUF_INIT(1024);

    if (name->version.size > 0)
        cove__uri_add_pair(&query, "generation", name->version);
    if (deletion->version)
        cove__uri_add_pair(&query, "ifGenerationMatch", cove__slice_str(deletion->version));
    if (gcs->user_project)
        cove__uri_add_pair(&query, "userProject", cove__slice_str(gcs->user_project));
    cove__buf_addf(body, "--%s\r\nContent-Type: application/http\r\nContent-ID: <cove+%zu>\r\n\r\nDELETE ",
                   cove__gcs_state(r)->boundary, index);
    cove__gcs_add_path(body, name->bucket, name->key);
    cove__buf_addf(body, "%s%s HTTP/1.1\r\n\r\n\r\n", query.size > 0 ? "?" : "", cove__buf_str(&query));
    bool fits = name->key.size > 0 && cove__buf_rc(&query) == 0;
    cove__buf_done(&query);
    return fits;
}

static void end(struct cove__object_request *r, struct cove__buf *body)
{
    cove__buf_addf(body, "--%s--\r\n", cove__gcs_state(r)->boundary);
}

/* "<response-cove+7>" */
static bool index_of(struct cove__slice id, size_t *ret)
{
    static const char begins[] = "<response-cove+";
    char text[32];

    if (id.size < sizeof begins || id.size >= sizeof begins + sizeof text ||
        memcmp(id.data, begins, strlen(begins)) != 0 || id.data[id.size - 1] != '>')
        return false;
    size_t n = id.size - strlen(begins) - 1;
    snprintf(text, sizeof text, "%.*s", (int)n, (const char *)id.data + strlen(begins));
    if (n == 0 || strspn(text, "0123456789") != n)
        return false;
    *ret = strtoul(text, NULL, 10);
    return true;
}

static void report(size_t index, int status, struct cove__slice body, cove__object_deletion_fn *result, void *user)
{
    struct cove__object_deletion_result each = { .index = index };
    struct gcs_error_body e = { 0 };

    if (status < 200 || status >= 300) {
        cove__gcs_read_error(body, &e);
        each.rc = cove__gcs_code(e.reason, status, &each.retry, &each.refusal);
        each.code = e.reason;
        each.message = e.message;
        each.status = status;
        /* The store's has a reason: another server's shows nothing of the object. */
        if (e.reason[0] == '\0' && (status < 400 || (status == 404 && cove__object_foreign(COVE__OBJECT_JSON, body))))
            each.rc = COVE_EPROTOCOL;
        if (status == 404 && each.refusal == COVE__REFUSED_OTHER)
            each.refusal =
                strstr(e.message, "bucket does not exist") ? COVE__REFUSED_NO_BUCKET : COVE__REFUSED_NO_OBJECT;
    }
    result(user, &each);
}

struct results {
    cove__object_deletion_fn *result;
    void *user;
};

static int take_answer(void *user, const struct cove__multipart_answer *answer)
{
    const struct results *to = user;
    size_t index;

    if (!index_of(answer->id, &index))
        return COVE_EPROTOCOL;
    report(index, answer->status, answer->body, to->result, to->user);
    return 0;
}

static int response(const struct cove__object_request *r, cove__object_deletion_fn *result, void *user)
{
    struct results to = { result, user };
    char type[COVE__HEADER_MAX] = "";

    cove__object_response_header(r, "content-type", type);
    return cove__multipart_answers(type, cove__buf_slice(&r->http.response), take_answer, &to);
}

const struct cove__object_batch_ops cove__gcs_batch_ops = {
    .max = GCS_BATCH_MAX,
    .request = request,
    .add = add,
    .end = end,
    .response = response,
    .answers_each = true,
};
