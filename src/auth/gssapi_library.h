/*
 * GSSAPI (RFC 2744) of MIT's Kerberos, opened at the first use, so that a process without Kerberos needs none. The
 * types are the library's binary interface, which has not changed for decades.
 */
#ifndef COVE_AUTH_GSSAPI_LIBRARY_H
#define COVE_AUTH_GSSAPI_LIBRARY_H

#include <stddef.h>
#include <stdint.h>

#include <cove/error.h>

struct gss_buffer {
    size_t length;
    void *value;
};
struct gss_oid {
    uint32_t length;
    void *elements;
};
struct gss_oid_set {
    size_t count;
    struct gss_oid *elements;
};
struct gss_pair {
    const char *key, *value;
};
struct gss_store {
    uint32_t count;
    struct gss_pair *pairs;
};
typedef void *gss_handle; /* a name, credentials or a context */

#define GSS_ROUTINE(major)      ((major) >> 16 & 0xFF)
#define GSS_FAILED(major)       (((major)&0xFFFF0000u) != 0)
#define GSS_CONTINUE_NEEDED     1u
#define GSS_NO_CRED             7
#define GSS_CREDENTIALS_EXPIRED 11

enum { GSS_MUTUAL = 2, GSS_REPLAY = 4, GSS_SEQUENCE = 8, GSS_CONF = 16, GSS_INTEG = 32 };
enum { GSS_INITIATE = 1, GSS_CODE_MAJOR = 1, GSS_CODE_MINOR = 2 };
#define GSS_INDEFINITE 0xFFFFFFFFu

struct gss_functions {
    uint32_t (*import_name)(uint32_t *minor, struct gss_buffer *text, struct gss_oid *type, gss_handle *ret);
    uint32_t (*release_name)(uint32_t *minor, gss_handle *name);
    uint32_t (*release_buffer)(uint32_t *minor, struct gss_buffer *buffer);
    uint32_t (*acquire_cred_from)(uint32_t *minor, gss_handle name, uint32_t seconds, struct gss_oid_set *mechanisms,
                                  int usage, const struct gss_store *store, gss_handle *ret,
                                  struct gss_oid_set **ret_mechanisms, uint32_t *ret_seconds);
    uint32_t (*release_cred)(uint32_t *minor, gss_handle *cred);
    uint32_t (*init_sec_context)(uint32_t *minor, gss_handle cred, gss_handle *context, gss_handle target,
                                 struct gss_oid *mechanism, uint32_t flags, uint32_t seconds, void *bindings,
                                 struct gss_buffer *in, struct gss_oid **ret_mechanism, struct gss_buffer *out,
                                 uint32_t *ret_flags, uint32_t *ret_seconds);
    uint32_t (*delete_sec_context)(uint32_t *minor, gss_handle *context, struct gss_buffer *out);
    uint32_t (*wrap)(uint32_t *minor, gss_handle context, int conf, uint32_t qop, struct gss_buffer *in, int *ret_conf,
                     struct gss_buffer *out);
    uint32_t (*unwrap)(uint32_t *minor, gss_handle context, struct gss_buffer *in, struct gss_buffer *out,
                       int *ret_conf, uint32_t *ret_qop);
    uint32_t (*wrap_size_limit)(uint32_t *minor, gss_handle context, int conf, uint32_t qop, uint32_t out_size,
                                uint32_t *ret_in_size);
    uint32_t (*display_status)(uint32_t *minor, uint32_t code, int type, struct gss_oid *mechanism, uint32_t *more,
                               struct gss_buffer *out);
};

/* *ret is there until the process ends. COVE_ENOTSUP: the library is not installed, with the packages to install. */
int cove__gss_library(const struct gss_functions **ret, struct cove_error *err);

#endif
