/*
 * The service wants the names of a blob's blocks to be equally long, also those of blocks that no commit has named. So
 * blocks of an upload are refused where another program has left some, for a week. A part that is refused so asks once
 * which blocks are there, and is sent again under a name of their length, which the upload keeps for its other parts.
 * Its commit drops the other program's.
 */
#include "fs/azure/azure_block_names.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/azure/azure_block_list.h"
#include "fs/azure/azure_blocks.h"

#define REFUSAL        "InvalidBlobOrBlock"
#define LIST_BYTES_MAX ((size_t)32 << 20)
#define ASKS_MAX       2 /* of one part: what is there may change */

/* Freed with the request. */
struct azure_naming {
    bool asks; /* the request is that for the list, at the moment */
    unsigned asked;
    /* of the part */
    const char *method;
    struct cove__slice body;
    size_t response_max;
    int (*accept)(struct cove__object_request *r, struct cove_error *err);
};

/* ---- the list ---- */

/* The request is the part's again, under a name of the length that is known now. */
static void send_part(struct cove__object_request *r)
{
    struct azure_state *state = cove__azure_state(r);
    const struct azure_naming *naming = state->naming;
    char name[AZURE_BLOCK_NAME_SIZE];

    r->http.method = naming->method;
    r->http.has_body = true;
    r->http.body = naming->body;
    r->http.response_max = naming->response_max;
    r->accept = naming->accept;
    state->naming->asks = false;
    cove__azure_part_name(state->upload, state->part_number, name);
    cove__buf_reset(&r->query);
    cove__azure_block_request(r, name);
}

static int accept_list(struct cove__object_request *r, struct cove_error *err)
{
    struct azure_block_list list;

    cove__azure_block_list_init(&list);
    int rc = cove__azure_block_list_read(&list, cove__buf_slice(&r->http.response));
    size_t bytes = list.name_bytes;
    cove__azure_block_list_done(&list);
    if (rc < 0)
        return cove__object_unreadable(r, err, rc, "the list of the blob's blocks");
    if (bytes > 0 && (bytes < AZURE_NAME_BYTES_MIN || bytes > AZURE_NAME_BYTES_MAX)) {
        snprintf(r->code, sizeof r->code, "%s", REFUSAL); /* of the block */
        return cove__object_fail(r, err, COVE_EINVAL, "%s", cove__azure_text(REFUSAL));
    }
    atomic_store(&cove__azure_state(r)->upload->part_name_bytes, (unsigned)bytes);
    send_part(r);
    r->continues = true;
    return 0;
}

static void ask(struct cove__object_request *r)
{
    struct azure_naming *naming = cove__azure_state(r)->naming;

    naming->asks = true;
    naming->asked++;
    cove__azure_state(r)->kind = AZURE_BLOCK_LIST;
    r->http.method = "GET";
    r->http.has_body = false;
    r->http.body = cove__slice("", 0);
    r->http.response_max = LIST_BYTES_MAX;
    r->accept = accept_list;
    cove__buf_reset(&r->query);
    cove__buf_add_str(&r->query, "comp=blocklist&blocklisttype=all");
}

/* ---- refusals ---- */

static bool begin(struct cove__object_request *r)
{
    struct azure_state *state = cove__azure_state(r);

    if (!state->naming)
        state->naming = cove__calloc(1, sizeof *state->naming);
    if (!state->naming)
        return false;
    state->naming->method = r->http.method;
    state->naming->body = r->http.body;
    state->naming->response_max = r->http.response_max;
    state->naming->accept = r->accept;
    return true;
}

/* Whether another part has learned meanwhile which length it must be. */
static bool is_known(const struct azure_state *state)
{
    char name[AZURE_BLOCK_NAME_SIZE];

    cove__azure_part_name(state->upload, state->part_number, name);
    return strcmp(name, state->block_id) != 0;
}

bool cove__azure_names_part_again(struct cove__object_request *r)
{
    struct azure_state *state = cove__azure_state(r);
    char code[COVE__HEADER_MAX];

    if (!state->upload)
        return false;
    if (state->naming && state->naming->asks) {
        if (r->http.status != 404) /* there are no blocks, and no blob, any more */
            return false;
        atomic_store(&state->upload->part_name_bytes, 0);
        send_part(r);
        return true;
    }
    cove__azure_error_code(r, code);
    if (r->http.status != 400 || strcmp(code, REFUSAL) != 0 || (state->naming && state->naming->asked == ASKS_MAX) ||
        !begin(r))
        return false;
    if (is_known(state))
        send_part(r);
    else
        ask(r);
    return true;
}
