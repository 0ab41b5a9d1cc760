/*
 * The inside of the Azure Blob backend: what a filesystem of az:// knows. The operations are the engine's (fs/object);
 * here stands what is special to the store. azure.c opens and closes; azure_options.c has the table of options,
 * azure_account.c what they say of the account, azure_login.c tokens, azure_path.c URLs, azure_request.c requests,
 * azure_checksum.c checksums of reads, azure_error.c error codes, azure_list.c listings,
 * azure_container.c containers, azure_blocks.c uploads in blocks, azure_block_names.c names of blocks, azure_copy.c
 * copies, azure_append.c appends, azure_sign.c signed URLs, azure_delegation.c the keys of logins that sign them,
 * azure_tags.c tiers and tags that an append keeps, azure_versions.c versions.
 *
 * An account with a hierarchical namespace is another store, with another endpoint and table (dfs.h).
 * azure_namespace.c asks once which of the two an account is, and azure_front.c passes each call to it.
 */
#ifndef COVE_FS_AZURE_H
#define COVE_FS_AZURE_H

#include "auth/provider.h"
#include "fs/object/client.h"
#include "fs/object/operations.h"

#define AZURE_LIST_PAGE       5000u
#define AZURE_BLOCKS_MAX      50000u
#define AZURE_BLOCKS_KEPT     (AZURE_BLOCKS_MAX - 100) /* of more, appends make fewer, larger ones */
#define AZURE_BLOCK_MAX       ((size_t)4000 << 20)
#define AZURE_KEY_MAX         64 /* bytes of an account's key */
#define AZURE_BLOCK_ID_SIZE   65 /* of ours, in base64, with the NUL */
#define AZURE_OWN_NAME_BYTES  48 /* the same, decoded */
#define AZURE_NAME_BYTES_MIN  4  /* of shorter names too few are free: another writer could choose the same one */
#define AZURE_NAME_BYTES_MAX  64
#define AZURE_BLOCK_NAME_SIZE 92 /* base64 of 64 bytes, with the NUL */

/* As a user gives them; the table is in azure_options.c. */
struct azure_options {
    char *account_name, *account_key, *connection_string, *sas_token;
    char *credential, *client_id, *client_secret, *tenant_id, *client_certificate_path, *client_certificate_password;
    char *federated_token_file, *object_id, *msi_resource_id, *authority_host;
    char *endpoint_url, *dfs_endpoint, *account_host, *location_mode;
    char *access_tier, *cache_control, *hierarchical_namespace;
    int anon, version_aware, create_containers;
    int64_t block_size, max_concurrency;
    struct cove__client_options client;
};

/* What the options, the environment and the URL say of the account, resolved. Owned. */
struct azure_account {
    char *name;                     /* that signs, and that copies name */
    struct cove__endpoint endpoint; /* of the blob service */
    struct cove__endpoint dfs;      /* of the Data Lake service; without a host: not known */
    uint8_t key[AZURE_KEY_MAX];     /* of the account; in use if key_size > 0 */
    size_t key_size;
    char *sas; /* "sv=...&sig=...", without "?"; NULL: none */
    bool anon;
};

enum azure_namespace { AZURE_UNKNOWN, AZURE_FLAT, AZURE_HIERARCHICAL };

struct cove__azure {
    struct cove__object_store store; /* first */
    /* fixed after open */
    struct azure_options o;
    struct azure_account account;
    struct cove__provider *provider; /* of bearer tokens; NULL: the account's key, a SAS, or nothing */
    struct cove__provider *signers;  /* of user delegation keys; NULL: there is no login */
    /* The same account by its DFS endpoint, owned, whose options, name, key and provider are this one's; NULL: there is
     * no such endpoint, or this is it. */
    struct cove__azure *dfs;
    /* any thread; once it is known it stays */
    atomic_int kind_of_namespace; /* enum azure_namespace */
    atomic_bool cannot_tag;       /* the credentials may not read or write index tags */
};

/* Which of the service's requests it is: decided by method and name, or set by the backend's own request. */
enum azure_kind {
    AZURE_ANY,        /* nothing special */
    AZURE_PUT,        /* Put Blob: a whole object */
    AZURE_BLOCK,      /* Put Block */
    AZURE_COMMIT,     /* Put Block List */
    AZURE_COPY,       /* Copy Blob */
    AZURE_BATCH,      /* Blob Batch */
    AZURE_APPEND,     /* Append Block */
    AZURE_METADATA,   /* Set Blob Metadata */
    AZURE_ABORT,      /* Abort Copy Blob */
    AZURE_BLOCK_LIST, /* Get Block List, in the place of a block that was refused */
};

/* The backend's part of a request. */
struct azure_state {
    enum azure_kind kind;
    struct cove__credentials_use use;
    union {
        char block_id[AZURE_BLOCK_NAME_SIZE];
        char boundary[48]; /* of a batch */
        char copy_id[64];  /* of a copy that is asked after; "": of any from `source` */
    };
    bool signs;                            /* the batch's parts: from the first attempt on */
    struct cove__credentials *credentials; /* of this attempt, for a batch's parts; NULL: none */
    uint64_t crc64;                        /* of the body, or of the source's bytes */
    bool has_crc64;
    bool asks_checksum;              /* this attempt, of a read */
    bool sends_tags;                 /* this attempt, of a write */
    struct cove__object_name source; /* of a copy; BORROWED */
    struct dfs_work *work;           /* of a request to the DFS endpoint that takes several; NULL: none */
    /* of a block that is a part of an upload: azure_block_names.h */
    struct cove__upload *upload; /* BORROWED; NULL: it is none */
    unsigned part_number;
    struct azure_naming *naming; /* owned; NULL: the name has not been refused */
};
static inline struct azure_state *cove__azure_state(const struct cove__object_request *r)
{
    return (struct azure_state *)(void *)cove__object_state((struct cove__object_request *)r, struct azure_state);
}
static inline struct cove__azure *cove__azure_of(const struct cove__object_request *r)
{
    return (struct cove__azure *)(void *)r->store;
}

extern const struct cove__object_ops cove__azure_object_ops; /* azure.c */

/* ---- azure_options.c ---- */

extern const struct cove__option_row cove__azure_option_rows[];

/* ---- azure_account.c; pure ---- */

/* `authority`: the account that the URL names; "": that of the options. `options`: what `o` was filled from.
 * COVE_EINVAL, COVE_ENOMEM. */
int cove__azure_account_init(struct azure_account *ret, const struct azure_options *o, const cove_options *options,
                             const char *authority, struct cove_error *err);
void cove__azure_account_done(struct azure_account *account); /* wipes */
/* What the options name, as an authority; "": nothing. Owned. */
int cove__azure_authority_of_options(const struct cove_options *options, char **ret_authority, struct cove_error *err);

/* ---- azure_login.c ---- */

/* Makes the provider of tokens, where neither a key nor a SAS nor anonymous access is given. */
int cove__azure_login(struct cove__azure *azure, const struct cove__http_config *config, struct cove_error *err);

/* ---- azure_front.c ---- */

extern const struct cove__fs_ops cove__azure_ops;
/* Slots that azure.c has. */
int cove__azure_open(const struct cove_options *options, const char *authority, void **ret_self,
                     struct cove_error *err);
void cove__azure_close(void *self);
bool cove__azure_same_store(const void *self, const void *other);
int cove__azure_endpoint(const void *self, struct cove__buf *ret, struct cove_error *err);
void cove__azure_describe(const void *self, struct cove__buf *ret);

/* ---- azure_namespace.c ---- */

/* What the option hierarchical_namespace decides. */
enum azure_namespace cove__azure_namespace_of(const char *option);
/* What the store is for. Where the container is missing, that is still not known: reads then find out by the blob
 * service that it is, and what changes something fails. */
enum azure_use { AZURE_READS, AZURE_WRITES };
/* Which of the two stores the account is; asks where that is not known yet. */
int cove__azure_choose(struct cove__azure *azure, const char *path, enum azure_use use, const struct cove__ctx *ctx,
                       struct cove__object_store **ret, struct cove_error *err);
/* The same for an asynchronous slot of the engine, which then gets the store and `io`, or its op the error. */
void cove__azure_choose_and(struct cove__azure *azure, const char *path, enum azure_use use, struct cove__op *op,
                            void (*slot)(struct cove__object_store *store, void *io), void *io);

/* ---- azure_path.c; pure ---- */

extern const struct cove__authority_ops cove__azure_authority;
int cove__azure_parse(const char *url_or_path, char **ret_path, struct cove_error *err);
/* What of the rules for names the container breaks; NULL: nothing. */
const char *cove__azure_broken_rule(struct cove__slice container);
/* Whether a part between two slashes is "." or "..": on the way to the service it may be taken for a step to another
 * name, so no request has such a name. */
bool cove__azure_has_step(struct cove__slice key);
/* Fails with COVE_EINVAL where the name that the request is of, or `source`, has one. */
int cove__azure_check_steps(const struct cove__object_request *r, struct cove__slice source, struct cove_error *err);
/* Splits "account.blob.core.windows.net": the account alone in Azure's public cloud, else "account.SUFFIX". False: the
 * host is not of a storage account. */
bool cove__azure_authority_of_host(struct cove__slice host, struct cove__buf *ret);
/* Whether the authority's host is in one of Azure's clouds. */
bool cove__azure_is_own_cloud(const char *authority);

/* ---- azure_answer.c ---- */

/* Whether a good response to a request that changes something is the service's: it has this status, the service's ID of
 * the request and no body. 0: any status and body. */
bool cove__azure_is_answer(const struct cove__object_request *r, int status);
int cove__azure_no_answer(struct cove__object_request *r, struct cove_error *err); /* COVE_EPROTOCOL */
/* Slot of struct cove__object_ops, of the blob service. */
bool cove__azure_response(struct cove__object_request *r, enum cove__http_verdict *ret_verdict, struct cove_error *err);
/* Adds the token of what follows; of the last page nothing. COVE_ELIMIT: it does not fit. */
int cove__azure_continuation(const struct cove__object_request *r, struct cove__buf *ret);

/* ---- azure_error.c ---- */

bool cove__azure_classify(struct cove__object_request *r, struct cove_error *err);
bool cove__azure_is_from_store(const struct cove__object_request *r);
bool cove__azure_refuses_operation(const struct cove__object_request *r);
/* The code of a refusal; "": it has none. */
void cove__azure_error_code(const struct cove__object_request *r, char ret[COVE__HEADER_MAX]);
/* Maps a code of the store to cove's: by the status if it is unknown. *ret_retry: worth another attempt. */
int cove__azure_code(const char *name, int status, bool *ret_retry, enum cove__object_refusal *ret_refusal);
/* What a user can do about a code; NULL: it is not known. */
const char *cove__azure_text(const char *name);
/* A code of the service, and what it means. */
struct azure_code {
    const char *name;
    int code;
    bool retry;
    enum cove__object_refusal refusal;
    const char *text;
};
/* What an error's body has; "" where it lacks something. */
struct azure_error_body {
    char code[64], message[512], detail[256];
};
void cove__azure_read_error(struct cove__slice body, struct azure_error_body *ret);

#endif
