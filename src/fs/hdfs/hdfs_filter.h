/* What protects a connection after its login: by the login's own security layer, or by AES. */
#ifndef COVE_FS_HDFS_FILTER_H
#define COVE_FS_HDFS_FILTER_H

#include "auth/gssapi.h"
#include "fs/hdfs/hdfs_socket.h"
#include "wire/sasl_cipher.h"
#include "wire/sasl_digest.h"

/* The layer of a login: one of both. */
struct cove__hdfs_layer {
    struct cove__sasl_digest *digest; /* owned */
    struct cove__gss *gss;            /* owned */
    bool private;                     /* of gss: encrypted, not only signed */
    size_t max;                       /* of gss: what the server takes at once, sealed */
};
void cove__hdfs_layer_done(struct cove__hdfs_layer *layer);

/* Each takes what it is given, also where it fails. COVE_ENOMEM. Frames of Hadoop's RPC, of the data transfer; AES. */
int cove__hdfs_protect_rpc(struct cove__hdfs_socket *s, struct cove__hdfs_layer *layer);
int cove__hdfs_protect_transfer(struct cove__hdfs_socket *s, struct cove__hdfs_layer *layer);
int cove__hdfs_protect_aes(struct cove__hdfs_socket *s, struct cove__sasl_cipher *to, struct cove__sasl_cipher *from);

#endif
