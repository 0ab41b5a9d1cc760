/* The frames of Hadoop's RPC: see hadoop_rpc.h. */
#include "wire/hadoop_rpc.h"

#include <cove/error.h>

#include "wire/protobuf.h"

#define VERSION         9
#define PROTOCOL_BUFFER 2 /* RpcKindProto */
#define FINAL_PACKET    0 /* OperationProto */
#define LENGTH_SIZE     4

void cove__hadoop_write_preamble(struct cove__buf *out, bool sasl)
{
    const uint8_t bytes[] = { 'h', 'r', 'p', 'c', VERSION, 0, sasl ? 0xDF : 0 };

    cove__buf_add(out, bytes, sizeof bytes);
}

static size_t begin_frame(struct cove__buf *out)
{
    size_t start = out->size;

    cove__buf_add(out, "\0\0\0\0", LENGTH_SIZE);
    return start;
}

static void end_frame(struct cove__buf *out, size_t start)
{
    if (out->rc)
        return;
    uint32_t size = (uint32_t)(out->size - start - LENGTH_SIZE);

    for (int i = 0; i < LENGTH_SIZE; i++)
        out->data[start + (size_t)i] = (uint8_t)(size >> (24 - 8 * i));
}

static uint64_t zigzag(int32_t value)
{
    return ((uint32_t)value << 1) ^ (value < 0 ? UINT32_MAX : 0);
}

/* A message after its length. */
static void add_delimited(struct cove__buf *out, const struct cove__buf *message)
{
    if (message->rc)
        out->rc = message->rc;
    cove__pb_put_varint(out, message->size);
    cove__buf_add_slice(out, cove__buf_slice(message));
}

static void add_header(struct cove__buf *out, const struct cove__hadoop_call *call)
{
    struct cove__buf header = COVE__BUF_INIT(4096);

    cove__pb_uint(&header, 1, PROTOCOL_BUFFER);
    cove__pb_uint(&header, 2, FINAL_PACKET);
    cove__pb_uint(&header, 3, zigzag(call->id));
    cove__pb_bytes(&header, 4, cove__slice(call->client_id, call->client_id ? COVE__HADOOP_CLIENT_ID_SIZE : 0));
    cove__pb_uint(&header, 5, zigzag(call->retry));
    if (call->state_id != INT64_MIN)
        cove__pb_int(&header, 8, call->state_id);
    if (call->router_state.size > 0)
        cove__pb_bytes(&header, 9, call->router_state);
    add_delimited(out, &header);
    cove__buf_done(&header);
}

void cove__hadoop_write_context(struct cove__buf *out, const uint8_t *client_id, const char *protocol, const char *user,
                                const char *real_user)
{
    const struct cove__hadoop_call call = {
        .id = COVE__HADOOP_CONTEXT, .retry = -1, .client_id = client_id, .state_id = INT64_MIN
    };
    struct cove__buf context = COVE__BUF_INIT(4096);
    size_t frame = begin_frame(out), names;

    add_header(out, &call);
    if (user || real_user) {
        names = cove__pb_begin(&context, 2);
        if (user)
            cove__pb_string(&context, 1, user);
        if (real_user)
            cove__pb_string(&context, 2, real_user);
        cove__pb_end(&context, names);
    }
    cove__pb_string(&context, 3, protocol);
    add_delimited(out, &context);
    end_frame(out, frame);
    cove__buf_done(&context);
}

void cove__hadoop_write_call(struct cove__buf *out, const struct cove__hadoop_call *call, struct cove__slice message)
{
    struct cove__buf request = COVE__BUF_INIT(1024);
    size_t frame = begin_frame(out);

    add_header(out, call);
    cove__pb_string(&request, 1, call->method);
    cove__pb_string(&request, 2, call->protocol);
    cove__pb_uint(&request, 3, 1); /* the version of the protocol */
    add_delimited(out, &request);
    cove__pb_put_varint(out, message.size);
    cove__buf_add_slice(out, message);
    end_frame(out, frame);
    cove__buf_done(&request);
}

/* Takes a message after its length from the front of *rest. */
static int take_delimited(struct cove__slice *rest, struct cove__slice *ret)
{
    uint64_t size = 0;

    if (cove__pb_take_varint(rest, &size) != 1 || size > rest->size)
        return COVE_EPROTOCOL;
    *ret = cove__slice_sub(*rest, 0, (size_t)size);
    *rest = cove__slice_sub(*rest, (size_t)size, rest->size);
    return 0;
}

static void read_field(const struct cove__pb_field *field, struct cove__hadoop_response *ret)
{
    if (cove__pb_is(field, 1, COVE__PB_VARINT))
        ret->id = (int32_t)(uint32_t)field->value;
    else if (cove__pb_is(field, 2, COVE__PB_VARINT)) {
        ret->failed = field->value != 0;
        ret->fatal = field->value == 2;
    } else if (cove__pb_is(field, 4, COVE__PB_BYTES))
        ret->exception = field->bytes;
    else if (cove__pb_is(field, 5, COVE__PB_BYTES))
        ret->error = field->bytes;
    else if (cove__pb_is(field, 6, COVE__PB_VARINT))
        ret->detail = (uint32_t)field->value;
    else if (cove__pb_is(field, 9, COVE__PB_VARINT))
        ret->state_id = (int64_t)field->value;
    else if (cove__pb_is(field, 10, COVE__PB_BYTES))
        ret->router_state = field->bytes;
}

int cove__hadoop_read_response(struct cove__slice frame, struct cove__hadoop_response *ret)
{
    struct cove__slice header = { 0 };
    struct cove__pb_field field;
    bool has_id = false, has_status = false;
    int rc = take_delimited(&frame, &header), more;

    *ret = (struct cove__hadoop_response){ .state_id = INT64_MIN };
    if (rc < 0)
        return rc;
    while ((more = cove__pb_next(&header, &field)) == 1) {
        read_field(&field, ret);
        has_id = has_id || cove__pb_is(&field, 1, COVE__PB_VARINT);
        has_status = has_status || cove__pb_is(&field, 2, COVE__PB_VARINT);
    }
    if (more < 0 || !has_id || !has_status)
        return COVE_EPROTOCOL;
    if (!ret->failed && ret->id >= 0)
        return take_delimited(&frame, &ret->message);
    ret->message = frame; /* of SASL: the caller reads it */
    return 0;
}

/* ---- SASL ---- */

void cove__hadoop_write_sasl(struct cove__buf *out, enum cove__hadoop_sasl_state state, struct cove__slice token,
                             const struct cove__hadoop_auth *auth)
{
    const struct cove__hadoop_call call = { .id = COVE__HADOOP_SASL, .retry = -1, .state_id = INT64_MIN };
    struct cove__buf message = COVE__BUF_INIT(out->max);
    size_t frame = begin_frame(out), mark;

    add_header(out, &call);
    cove__pb_uint(&message, 2, state);
    if (token.data)
        cove__pb_bytes(&message, 3, token);
    if (auth) {
        mark = cove__pb_begin(&message, 4);
        cove__pb_bytes(&message, 1, auth->method);
        cove__pb_bytes(&message, 2, auth->mechanism);
        cove__pb_bytes(&message, 3, auth->protocol);
        cove__pb_bytes(&message, 4, auth->server);
        cove__pb_end(&message, mark);
    }
    add_delimited(out, &message);
    end_frame(out, frame);
    cove__buf_done(&message);
}

static int read_auth(struct cove__slice message, struct cove__hadoop_auth *ret)
{
    struct cove__pb_field field;
    int more;

    *ret = (struct cove__hadoop_auth){ 0 };
    while ((more = cove__pb_next(&message, &field)) == 1) {
        struct cove__slice *const parts[] = { NULL,           &ret->method, &ret->mechanism,
                                              &ret->protocol, &ret->server, &ret->challenge };

        if (field.type == COVE__PB_BYTES && field.number >= 1 && field.number <= 5)
            *parts[field.number] = field.bytes;
    }
    return more < 0 ? COVE_EPROTOCOL : 0;
}

int cove__hadoop_read_sasl(struct cove__slice message, struct cove__hadoop_sasl *ret)
{
    struct cove__pb_field field;
    bool has_state = false;
    struct cove__slice rest = { 0 };
    int rc = take_delimited(&message, &rest), more = 0;

    *ret = (struct cove__hadoop_sasl){ 0 };
    while (rc == 0 && (more = cove__pb_next(&rest, &field)) == 1) {
        if (cove__pb_is(&field, 2, COVE__PB_VARINT) && field.value <= COVE__HADOOP_SASL_WRAP) {
            ret->state = (enum cove__hadoop_sasl_state)field.value;
            has_state = true;
        } else if (cove__pb_is(&field, 3, COVE__PB_BYTES))
            ret->token = field.bytes;
        else if (cove__pb_is(&field, 4, COVE__PB_BYTES) && ret->n_auths < COVE__HADOOP_AUTHS_MAX)
            rc = read_auth(field.bytes, &ret->auths[ret->n_auths++]);
    }
    return rc == 0 && (more < 0 || !has_state) ? COVE_EPROTOCOL : rc;
}
