/*
 * Hadoop's RPC, version 9: what a client sends on a connection to a NameNode, and how a response begins
 * (RpcHeader.proto, IpcConnectionContext.proto, ProtobufRpcEngine2.proto).
 *
 * A frame is its length in four bytes, big endian, and so many bytes: messages, each after its own length as a varint.
 * Functions that write append whole frames to a buf, whose failure is sticky.
 */
#ifndef COVE_WIRE_HADOOP_RPC_H
#define COVE_WIRE_HADOOP_RPC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

#define COVE__HADOOP_CLIENT_ID_SIZE 16
#define COVE__HADOOP_FRAME_MAX      ((size_t)128 << 20) /* ipc.maximum.data.length's default, of requests and responses */

/* Numbers of frames that are no calls. */
enum { COVE__HADOOP_CONTEXT = -3, COVE__HADOOP_PING = -4, COVE__HADOOP_SASL = -33 };

struct cove__hadoop_call {
    const char *protocol, *method;   /* "org.apache.hadoop.hdfs.protocol.ClientProtocol", "getFileInfo" */
    int32_t id;                      /* at least 0; of the client. The same when the call is sent again */
    int32_t retry;                   /* how often it was sent before */
    const uint8_t *client_id;        /* COVE__HADOOP_CLIENT_ID_SIZE bytes; NULL: of no client, for SASL */
    int64_t state_id;                /* the last one that a NameNode has sent; INT64_MIN: none */
    struct cove__slice router_state; /* likewise of a router; empty: none */
};

/* The first bytes of a connection. */
void cove__hadoop_write_preamble(struct cove__buf *out, bool sasl);
/* The frame after it, or after SASL: who the user is, and (NULL: the same) as whom it authenticated. */
void cove__hadoop_write_context(struct cove__buf *out, const uint8_t *client_id, const char *protocol, const char *user,
                                const char *real_user);
/* A call; `message` is the request as its protocol has it. */
void cove__hadoop_write_call(struct cove__buf *out, const struct cove__hadoop_call *call, struct cove__slice message);

struct cove__hadoop_response {
    int32_t id;
    bool failed, fatal;                  /* fatal: the server closes the connection */
    struct cove__slice exception, error; /* the class's name, and its message with a stack trace; BORROWED */
    uint32_t detail;                     /* RpcErrorCodeProto; 0: none */
    int64_t state_id;                    /* INT64_MIN: none */
    struct cove__slice router_state;     /* BORROWED */
    struct cove__slice message;          /* BORROWED; of a call that succeeded */
};
/* The frame's bytes after its length. 0 or COVE_EPROTOCOL. */
int cove__hadoop_read_response(struct cove__slice frame, struct cove__hadoop_response *ret);

/* ---- SASL: RpcSaslProto, before the context; and around each frame, where frames are protected ---- */

enum cove__hadoop_sasl_state {
    COVE__HADOOP_SASL_SUCCESS = 0,
    COVE__HADOOP_SASL_NEGOTIATE = 1,
    COVE__HADOOP_SASL_INITIATE = 2,
    COVE__HADOOP_SASL_CHALLENGE = 3,
    COVE__HADOOP_SASL_RESPONSE = 4,
    COVE__HADOOP_SASL_WRAP = 5
};
#define COVE__HADOOP_AUTHS_MAX 8
/* A way to log in that the server offers. BORROWED. */
struct cove__hadoop_auth {
    struct cove__slice method, mechanism, protocol, server; /* "KERBEROS", "GSSAPI", "nn", "host" */
    struct cove__slice challenge;                           /* the first one; data NULL: none */
};
struct cove__hadoop_sasl {
    enum cove__hadoop_sasl_state state;
    struct cove__slice token; /* data NULL: none */
    struct cove__hadoop_auth auths[COVE__HADOOP_AUTHS_MAX];
    size_t n_auths; /* more are left out */
};
/* A frame. `token` without data: none; `auth`: what is chosen (NULL: nothing). */
void cove__hadoop_write_sasl(struct cove__buf *out, enum cove__hadoop_sasl_state state, struct cove__slice token,
                             const struct cove__hadoop_auth *auth);
/* The message of a response whose number is COVE__HADOOP_SASL. 0 or COVE_EPROTOCOL. */
int cove__hadoop_read_sasl(struct cove__slice message, struct cove__hadoop_sasl *ret);

#endif
