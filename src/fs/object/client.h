/*
 * The HTTP client of a store: its address, TLS, proxy, retries and time-outs, from the options that all stores share.
 * It knows nothing of objects, so any backend over HTTP can use it.
 */
#ifndef COVE_FS_OBJECT_CLIENT_H
#define COVE_FS_OBJECT_CLIENT_H

#include <stdbool.h>

#include "base/buf.h"
#include "fs/options.h"
#include "net/http.h"

/* As a user gives them: a member of the backend's options. */
struct cove__client_options {
    int use_ssl;
    char *verify, *ca_bundle, *proxy;
    int64_t retries, connect_timeout_ms, read_timeout_ms;
};

/* Their rows in the backend's table. `type` is the struct of its options, `member` their member in it, `ca_env` the
 * variable of the environment with a file of trusted CAs (NULL: none), `ca_else` the help's text about other places
 * that may name it. */
#define COVE__CLIENT_ROW_SSL(type, member)                                                                             \
    {                                                                                                                  \
        "use_ssl", COVE__OPTION_BOOL, offsetof(type, member.use_ssl), "true", NULL,                                    \
            "https, if endpoint_url has neither http:// nor https://", 0, 0, NULL                                      \
    }
#define COVE__CLIENT_ROWS(type, member, ca_env, ca_else)                                                               \
    { "verify",                                                                                                        \
      COVE__OPTION_STRING,                                                                                             \
      offsetof(type, member.verify),                                                                                   \
      "true",                                                                                                          \
      NULL,                                                                                                            \
      "check the server's certificate: true, false, or a file or folder of trusted CAs",                               \
      0,                                                                                                               \
      0,                                                                                                               \
      NULL },                                                                                                          \
        { "ca_bundle",                                                                                                 \
          COVE__OPTION_STRING,                                                                                         \
          offsetof(type, member.ca_bundle),                                                                            \
          NULL,                                                                                                        \
          ca_env,                                                                                                      \
          "file or folder of trusted CAs in place of the system's" ca_else,                                            \
          0,                                                                                                           \
          0,                                                                                                           \
          NULL },                                                                                                      \
        { "proxy",                                                                                                     \
          COVE__OPTION_STRING,                                                                                         \
          offsetof(type, member.proxy),                                                                                \
          NULL,                                                                                                        \
          NULL,                                                                                                        \
          "URL of a proxy; else http_proxy, https_proxy, all_proxy and no_proxy of the environment",                   \
          0,                                                                                                           \
          0,                                                                                                           \
          NULL },                                                                                                      \
        { "retries",                                                                                                   \
          COVE__OPTION_INTEGER,                                                                                        \
          offsetof(type, member.retries),                                                                              \
          "10",                                                                                                        \
          NULL,                                                                                                        \
          "attempts of one request after the first",                                                                   \
          0,                                                                                                           \
          100,                                                                                                         \
          NULL },                                                                                                      \
        { "connect_timeout",                                                                                           \
          COVE__OPTION_DURATION,                                                                                       \
          offsetof(type, member.connect_timeout_ms),                                                                   \
          "10s",                                                                                                       \
          NULL,                                                                                                        \
          "time that a connection may take to be made",                                                                \
          1,                                                                                                           \
          3600000,                                                                                                     \
          NULL },                                                                                                      \
    {                                                                                                                  \
        "read_timeout", COVE__OPTION_DURATION, offsetof(type, member.read_timeout_ms), "60s", NULL,                    \
            "time without any byte until an attempt is given up", 1, 3600000, NULL                                     \
    }

/* "https://host:port/base" in its pieces; owned. */
struct cove__endpoint {
    bool tls;
    char *host; /* with its port, unless the scheme implies it: as the Host header has it */
    char *base; /* "" or "/..." without a slash at its end */
};
/* `tls`: where the text has no scheme. `option` names it in messages. Pure. COVE_EINVAL, COVE_ENOMEM. */
int cove__endpoint_parse(const char *option, const char *text, bool tls, struct cove__endpoint *ret,
                         struct cove_error *err);
void cove__endpoint_done(struct cove__endpoint *endpoint);

/* The client's settings. `ca`: a file or folder of trusted CAs, where no option names one (NULL: the system's). Strings
 * are BORROWED from `o` and `ca`. COVE_EINVAL: there is no such file. */
int cove__client_config(const struct cove__client_options *o, bool tls, const char *ca, struct cove__http_config *ret,
                        struct cove_error *err);

/* The store's client at `host` (NULL: not known yet). The environment's proxy is not used for http:// to this machine:
 * it would be another machine, and read in clear text what is only sent so because it stays here. */
int cove__client_new(const struct cove__http_config *config, bool tls, const char *host, struct cove__http **ret,
                     struct cove_error *err);

#endif
