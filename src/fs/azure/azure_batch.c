/*
 * Blob Batch: up to 256 deletions in one request, each signed and with a separate result; the response is 202 even
 * where all of them failed. https://learn.microsoft.com/rest/api/storageservices/blob-batch
 */
#include "fs/azure/azure_batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/azure/azure_request.h"
#include "net/header.h"
#include "wire/multipart.h"
#include "wire/uri.h"

#define BATCH_MAX 256u
#define LINES_MAX ((size_t)64 << 10)

static void request(struct cove__object_request *r)
{
    struct azure_state *state = cove__azure_state(r);

    state->kind = AZURE_BATCH;
    cove__multipart_new_boundary(state->boundary);
    cove__buf_add_str(&r->query, "restype=container&comp=batch");
    cove__object_header(r, "Content-Type", "multipart/mixed; boundary=%s", state->boundary);
}

/* The case of the names of headers matters to the service. */
static bool add(struct cove__object_request *r, size_t index, const struct cove__object_deletion *deletion,
                struct cove__buf *body)
{
    struct cove__buf path = COVE__BUF_INIT(LINES_MAX), query = COVE__BUF_SECRET(LINES_MAX),
                     lines = COVE__BUF_SECRET(LINES_MAX);
    const struct cove__object_name *name = &deletion->name;

    if (name->version.size > 0)
        cove__azure_add_version(*name, &query);
    else if (deletion->with_snapshots)
        cove__buf_add_str(&lines, "x-ms-delete-snapshots: include\n");
    if (deletion->version)
        cove__header_append(&lines, "If-Match", cove__slice_str(cove__object_strong_etag(deletion->version)));
    cove__azure_add_path(cove__azure_of(r), *name, &path);
    bool fits = name->key.size > 0 && !cove__azure_has_step(name->key) &&
                cove__azure_authorize_part(r, cove__buf_str(&path), &query, &lines) == 0;
    cove__buf_addf(body,
                   "--%s\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
                   "Content-ID: %zu\r\n\r\nDELETE %s%s%s HTTP/1.1\r\n",
                   cove__azure_state(r)->boundary, index, cove__buf_str(&path), query.size > 0 ? "?" : "",
                   cove__buf_str(&query));
    for (struct cove__slice rest = cove__buf_slice(&lines); rest.size > 0;) {
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        size_t n = end ? (size_t)(end - rest.data) : rest.size;
        cove__buf_addf(body, "%.*s\r\n", (int)n, (const char *)rest.data);
        rest = cove__slice_sub(rest, n + 1, SIZE_MAX);
    }
    cove__buf_add_str(body, "Content-Length: 0\r\n\r\n");
    cove__buf_done(&path);
    cove__buf_done(&query);
    cove__buf_wipe(&lines);
    return fits;
}

static void end(struct cove__object_request *r, struct cove__buf *body)
{
    cove__buf_addf(body, "--%s--\r\n", cove__azure_state(r)->boundary);
}

/* ---- the response ---- */

/* Where the request itself is refused, there is one part without an ID: its error is that of all. */
static bool index_of(struct cove__slice id, size_t *ret)
{
    char text[24];

    *ret = COVE__DELETION_BY_NAME;
    if (id.size == 0)
        return true;
    if (id.size >= sizeof text)
        return false;
    memcpy(text, id.data, id.size);
    text[id.size] = '\0';
    if (strspn(text, "0123456789") != id.size)
        return false;
    *ret = strtoul(text, NULL, 10);
    return true;
}

static void report(size_t index, int status, struct cove__slice head, struct cove__slice body,
                   cove__object_deletion_fn *result, void *user)
{
    struct cove__object_deletion_result each = { .index = index };
    struct cove__slice code = cove__multipart_header(head, "x-ms-error-code");
    struct azure_error_body e = { 0 };

    if (status < 200 || status >= 300) {
        cove__azure_read_error(body, &e);
        if (code.size > 0)
            cove__object_text(code, e.code, sizeof e.code);
        each.rc = cove__azure_code(e.code, status, &each.retry, &each.refusal);
        each.code = e.code;
        const char *text = cove__azure_text(e.code);
        each.message = text ? text : e.message;
        each.status = status;
        if (e.code[0] == '\0' && (status < 400 || status == 404)) /* another server's shows nothing of the blob */
            each.rc = COVE_EPROTOCOL;
        if (status == 404 && each.refusal == COVE__REFUSED_OTHER)
            each.refusal = COVE__REFUSED_NO_OBJECT;
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
    if (index == COVE__DELETION_BY_NAME && answer->status >= 200 && answer->status < 300)
        return COVE_EPROTOCOL;
    report(index, answer->status, answer->message, answer->body, to->result, to->user);
    return 0;
}

static int response(const struct cove__object_request *r, cove__object_deletion_fn *result, void *user)
{
    struct results to = { result, user };
    char type[COVE__HEADER_MAX] = "";

    cove__object_response_header(r, "content-type", type);
    return cove__multipart_answers(type, cove__buf_slice(&r->http.response), take_answer, &to);
}

const struct cove__object_batch_ops cove__azure_batch_ops = {
    .max = BATCH_MAX,
    .request = request,
    .add = add,
    .end = end,
    .response = response,
    .answers_each = true,
};
