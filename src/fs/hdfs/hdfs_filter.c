/* The filters of protected connections: see hdfs_filter.h. */
#include "fs/hdfs/hdfs_filter.h"

#include "base/mem.h"
#include "wire/hadoop_rpc.h"

#define SEALED_MAX COVE__HADOOP_FRAME_MAX

struct layered {
    struct cove__hdfs_filter filter;
    struct cove__hdfs_layer layer;
};

void cove__hdfs_layer_done(struct cove__hdfs_layer *layer)
{
    cove__sasl_digest_free(layer->digest);
    cove__gss_free(layer->gss);
    *layer = (struct cove__hdfs_layer){ 0 };
}

static int seal(struct cove__hdfs_layer *l, struct cove__slice data, struct cove__buf *out)
{
    return l->digest ? cove__sasl_digest_seal(l->digest, data, out) : cove__gss_wrap(l->gss, data, l->private, out);
}

static int open(struct cove__hdfs_layer *l, struct cove__slice sealed, struct cove__buf *out)
{
    return l->digest ? cove__sasl_digest_open(l->digest, sealed, out)
                     : cove__gss_unwrap(l->gss, sealed, l->private, out);
}

static void free_layered(void *self)
{
    struct layered *l = self;

    cove__hdfs_layer_done(&l->layer);
    cove__free(l);
}

static int protect(struct cove__hdfs_socket *s, struct cove__hdfs_layer *layer, struct cove__hdfs_filter filter)
{
    struct layered *l = cove__calloc(1, sizeof *l);

    if (!l) {
        cove__hdfs_layer_done(layer);
        return COVE_ENOMEM;
    }
    filter.free = free_layered;
    filter.max =
        layer->digest ? cove__sasl_digest_max(layer->digest) : cove__gss_max(layer->gss, layer->max, layer->private);
    *l = (struct layered){ filter, *layer };
    *layer = (struct cove__hdfs_layer){ 0 };
    cove__hdfs_socket_protect(s, &l->filter, l);
    return 0;
}

/* ---- Hadoop's RPC: a message of SASL ---- */

static int seal_rpc(void *self, struct cove__slice data, struct cove__buf *out)
{
    struct layered *l = self;
    struct cove__buf sealed = COVE__BUF_INIT(SEALED_MAX);
    int rc = seal(&l->layer, data, &sealed);

    if (rc == 0)
        cove__hadoop_write_sasl(out, COVE__HADOOP_SASL_WRAP, cove__buf_slice(&sealed), NULL);
    cove__buf_done(&sealed);
    return rc < 0 ? rc : cove__buf_rc(out);
}

static int open_rpc(void *self, struct cove__slice frame, struct cove__buf *out)
{
    struct layered *l = self;
    struct cove__hadoop_response response;
    struct cove__hadoop_sasl sasl;

    if (cove__hadoop_read_response(frame, &response) < 0 || response.id != COVE__HADOOP_SASL ||
        cove__hadoop_read_sasl(response.message, &sasl) < 0 || sasl.state != COVE__HADOOP_SASL_WRAP)
        return COVE_ECORRUPT;
    return open(&l->layer, sasl.token, out);
}

int cove__hdfs_protect_rpc(struct cove__hdfs_socket *s, struct cove__hdfs_layer *layer)
{
    return protect(s, layer, (struct cove__hdfs_filter){ .seal = seal_rpc, .open = open_rpc });
}

/* ---- the data transfer: a length ---- */

static int seal_transfer(void *self, struct cove__slice data, struct cove__buf *out)
{
    struct layered *l = self;
    size_t start = out->size, size;
    int rc = cove__buf_add(out, "\0\0\0\0", 4);

    if (rc == 0)
        rc = seal(&l->layer, data, out);
    if (rc < 0)
        return rc;
    size = out->size - start - 4;
    for (size_t i = 0; i < 4; i++)
        out->data[start + i] = (uint8_t)(size >> (24 - 8 * i));
    return 0;
}

static int open_transfer(void *self, struct cove__slice frame, struct cove__buf *out)
{
    struct layered *l = self;

    return open(&l->layer, frame, out);
}

int cove__hdfs_protect_transfer(struct cove__hdfs_socket *s, struct cove__hdfs_layer *layer)
{
    return protect(s, layer, (struct cove__hdfs_filter){ .seal = seal_transfer, .open = open_transfer });
}

/* ---- AES ---- */

struct encrypted {
    struct cove__hdfs_filter filter;
    struct cove__sasl_cipher *to, *from; /* owned */
};

static int change(void *self, bool sends, uint8_t *bytes, size_t size)
{
    struct encrypted *e = self;

    return cove__sasl_cipher_apply(sends ? e->to : e->from, bytes, size);
}

static void free_encrypted(void *self)
{
    struct encrypted *e = self;

    cove__sasl_cipher_free(e->to);
    cove__sasl_cipher_free(e->from);
    cove__free(e);
}

int cove__hdfs_protect_aes(struct cove__hdfs_socket *s, struct cove__sasl_cipher *to, struct cove__sasl_cipher *from)
{
    struct encrypted *e = cove__calloc(1, sizeof *e);

    if (!e) {
        cove__sasl_cipher_free(to);
        cove__sasl_cipher_free(from);
        return COVE_ENOMEM;
    }
    *e = (struct encrypted){ { .change = change, .free = free_encrypted }, to, from };
    cove__hdfs_socket_protect(s, &e->filter, e);
    return 0;
}
