/* hdfs://: options and the table of the backend. */
#include "fs/hdfs/hdfs.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/hdfs/hdfs_settings.h"
#include "fs/options.h"

static const struct cove__option_row options[] = {
    { "host", COVE__OPTION_STRING, offsetof(struct cove__hdfs, host), NULL, NULL,
      "the NameNode's host or the nameservice, if the URL names none; default: fs.defaultFS of the site files", 0, 0,
      NULL },
    { "port", COVE__OPTION_INTEGER, offsetof(struct cove__hdfs, port), NULL, NULL,
      "the port of the NameNode's RPC, with `host`; 0: 8020, or as the site files have it", 0, 65535, NULL },
    { "user", COVE__OPTION_STRING, offsetof(struct cove__hdfs, user), NULL, "HADOOP_USER_NAME",
      "the user, on clusters without Kerberos; one in the URL comes first; default: the one of this process", 0, 0,
      NULL },
    { "proxy_user", COVE__OPTION_STRING, offsetof(struct cove__hdfs, proxy_user), NULL, "HADOOP_PROXY_USER",
      "the user in whose name `user` acts, which the cluster must allow (hadoop.proxyuser)", 0, 0, NULL },
    { "kerb_ticket", COVE__OPTION_STRING, offsetof(struct cove__hdfs, security.ticket_cache), NULL, NULL,
      "the ticket cache of Kerberos, such as /tmp/krb5cc_1000; default: KRB5CCNAME, else krb5.conf's", 0, 0, NULL },
    { "keytab", COVE__OPTION_STRING, offsetof(struct cove__hdfs, security.keytab), NULL, NULL,
      "a keytab, with which tickets are got and renewed without `kinit`", 0, 0, NULL },
    { "principal", COVE__OPTION_STRING, offsetof(struct cove__hdfs, security.principal), NULL, NULL,
      "the user in Kerberos, name@REALM; default: the ticket cache's, or the keytab's first", 0, 0, NULL },
    { "token_file", COVE__OPTION_STRING, offsetof(struct cove__hdfs, security.token_file), NULL,
      "HADOOP_TOKEN_FILE_LOCATION", "a file with delegation tokens, which come before Kerberos", 0, 0, NULL },
    { "hadoop_conf_dir", COVE__OPTION_STRING, offsetof(struct cove__hdfs, conf_dir), NULL, "HADOOP_CONF_DIR",
      "the folder of core-site.xml and hdfs-site.xml; default: $HADOOP_HOME/etc/hadoop", 0, 0, NULL },
    { "extra_conf", COVE__OPTION_JSON, offsetof(struct cove__hdfs, extra_conf), NULL, NULL,
      "settings that replace those of the site files: {\"dfs.replication\": \"2\"}", 0, 0, NULL },
    { "replication", COVE__OPTION_INTEGER, offsetof(struct cove__hdfs, replication), NULL, NULL,
      "copies of each block of a new file; default: dfs.replication, else as the cluster prescribes", 0, 512, NULL },
    { "block_size", COVE__OPTION_SIZE, offsetof(struct cove__hdfs, block_size), NULL, NULL,
      "of new files, a multiple of 512 bytes; default: dfs.blocksize, else as the cluster prescribes", 0,
      (int64_t)1 << 40, NULL },
    { "connect_timeout", COVE__OPTION_DURATION, offsetof(struct cove__hdfs, connect_timeout_ms), "20", NULL,
      "the longest wait for a connection to a server; ipc.client.connect.timeout replaces the default", 1, INT64_MAX,
      NULL },
    { "request_timeout", COVE__OPTION_DURATION, offsetof(struct cove__hdfs, request_timeout_ms), "120", NULL,
      "the longest time without a byte from a server that owes a response", 1, INT64_MAX, NULL },
    { "datanode_timeout", COVE__OPTION_DURATION, offsetof(struct cove__hdfs, datanode_timeout_ms), "60", NULL,
      "the longest time without a byte from or to a DataNode; dfs.client.socket-timeout replaces the default", 1,
      INT64_MAX, NULL },
    { "use_datanode_hostname", COVE__OPTION_BOOL, offsetof(struct cove__hdfs, uses_hostnames), "false", NULL,
      "connect to DataNodes by their host names, not their addresses, as needed behind NAT; "
      "dfs.client.use.datanode.hostname replaces the default",
      0, 0, NULL },
    { 0 },
};

static void hdfs_close(void *self)
{
    struct cove__hdfs *fs = self;

    cove__hdfs_servers_free(fs->servers, fs->n_servers);
    cove__hdfs_names_done(&fs->names);
    cove__hdfs_datanodes_done(&fs->datanodes);
    cove__buf_done(&fs->router_state);
    cove__buf_done(&fs->transfer_key);
    cove__hdfs_security_done(&fs->security);
    cove__free(fs->name);
    cove__options_clear(options, fs);
    cove__free(fs);
}

/* The URL's user, else that of the options, else the process's. */
static int set_user(struct cove__hdfs *fs, char *of_url, struct cove_error *err)
{
    struct passwd entry, *found = NULL;
    char text[4096];

    if (of_url) {
        cove__free(fs->user);
        fs->user = of_url;
    }
    if (fs->user && *fs->user)
        return 0;
    if (getpwuid_r(geteuid(), &entry, text, sizeof text, &found) != 0 || !found)
        return cove__hdfs_is_secure(&fs->security)
                   ? 0 /* the login shows who it is */
                   : cove__fail(err, COVE_EAUTH,
                                "hdfs://: this process's user has no name: set HADOOP_USER_NAME or `user`");
    return cove__set_string(&fs->user, found->pw_name) < 0 ? cove__fail_nomem(err, "a user's name") : 0;
}

static int refuse_no_store(const struct cove__hdfs_site *site, struct cove_error *err)
{
    const struct cove__hdfs_setting *setting = cove__hdfs_site_find(site, "fs.defaultFS");

    return cove__fail(
        err, COVE_EINVAL,
        "hdfs:///: neither the URL nor the option `host` names a NameNode, and fs.defaultFS of %s is %s%s; "
        "write hdfs://host:port/path",
        cove__hdfs_site_where(site), setting ? setting->value : "not set", setting ? ", which is no hdfs://" : "");
}

static int set_servers(struct cove__hdfs *fs, const struct cove__hdfs_site *site, const char *authority,
                       struct cove_error *err)
{
    const char *host;
    char *user = NULL;
    int rc = cove__hdfs_split_user(authority, &user, &host, err);

    if (rc == 0)
        rc = set_user(fs, user, err);
    if (rc < 0)
        return rc;
    if (!*host)
        return refuse_no_store(site, err);
    if (cove__set_string(&fs->name, authority) < 0)
        return cove__fail_nomem(err, "a filesystem");
    if (!strchr(host, ':') && cove__set_string(&fs->security.nameservice, host) < 0)
        return cove__fail_nomem(err, "a filesystem");
    rc = cove__hdfs_names_of(site, host, &fs->names, err);
    if (rc < 0 || fs->names.resolve)
        return rc;
    fs->servers = fs->names.servers;
    fs->n_servers = fs->names.n;
    fs->names.servers = NULL;
    fs->names.n = 0;
    fs->active = fs->names.random ? cove__random() % fs->n_servers : 0;
    fs->resolved = true;
    return 0;
}

/* what the site files have of the store. */
static int configure(struct cove__hdfs *fs, const struct cove_options *given, const char *authority,
                     struct cove_error *err)
{
    struct cove__hdfs_site site = { 0 };
    int rc = cove__hdfs_site_read(&site, cove_options_get(given, "hadoop_conf_dir"), fs->extra_conf, err);

    if (rc == 0)
        rc = cove__hdfs_apply_site(fs, &site, given, err);
    if (rc == 0)
        rc = cove__hdfs_security_read(&fs->security, &site, err);
    if (rc == 0)
        rc = set_servers(fs, &site, authority, err);
    cove__hdfs_site_done(&site);
    return rc;
}

static int hdfs_open(const struct cove_options *given, const char *authority, void **ret_self, struct cove_error *err)
{
    struct cove__hdfs *fs = cove__calloc(1, sizeof *fs);
    int rc;

    if (!fs)
        return cove__fail_nomem(err, "a filesystem");
    fs->state_id = INT64_MIN;
    fs->umask = 022;
    fs->failovers_max = 15;
    fs->failover_wait_ms = 500;
    fs->failover_wait_max_ms = 15000;
    snprintf(fs->client_name, sizeof fs->client_name, "cove_%016llx", (unsigned long long)cove__random());
    cove__buf_init(&fs->router_state, (size_t)64 << 10);
    cove__buf_init_secret(&fs->transfer_key, (size_t)64 << 10);
    rc = cove__options_fill(options, given, "hdfs", fs, err);
    if (rc == 0 && fs->block_size % 512 != 0)
        rc = cove__fail(err, COVE_EINVAL, "hdfs://: block_size must be a multiple of 512 bytes");
    if (rc == 0)
        rc = configure(fs, given, authority, err);
    if (rc == 0)
        *ret_self = fs;
    else
        hdfs_close(fs);
    return rc;
}

static int hdfs_endpoint(const void *self, struct cove__buf *ret, struct cove_error *err)
{
    const struct cove__hdfs *fs = self;

    (void)err;
    cove__buf_addf(ret, "hdfs://%s", fs->name);
    return 0;
}

static void hdfs_describe(const void *self, struct cove__buf *ret)
{
    const struct cove__hdfs *fs = self;

    if (fs->security.kerberos)
        cove__buf_addf(ret, "; Kerberos%s%s", fs->security.principal ? " as " : "",
                       fs->security.principal ? fs->security.principal : "");
    else if (cove__hdfs_is_secure(&fs->security))
        cove__buf_add_str(ret, "; a delegation token");
    else
        cove__buf_addf(ret, "; user %s", fs->user);
    if (fs->proxy_user && *fs->proxy_user)
        cove__buf_addf(ret, " in the name of %s", fs->proxy_user);
    if (fs->conf_dir && *fs->conf_dir)
        cove__buf_addf(ret, "; site files in %s", fs->conf_dir);
}

/* The NameNode sorts by bytes, but takes those of characters beyond ASCII for negative numbers. */
static bool unordered(void *self, const char *path)
{
    (void)self;
    (void)path;
    return true;
}

static void part_rules(void *self, const struct cove__put *put, struct cove__part_rules *ret)
{
    (void)self;
    (void)put;
    *ret = (struct cove__part_rules){
        .min_part = 1,
        .default_part = (size_t)8 << 20,
        .max_part = (size_t)8 << 20,
        .multiple = 512, /* of whole checksums */
        .ordered = true,
        .parallel = 4,
    };
}

const struct cove__fs_ops cove__hdfs_ops = {
    .name = "hdfs",
    .options = options,
    .real_directories = true,
    .blocks = true,
    .open = hdfs_open,
    .close = hdfs_close,
    .endpoint = hdfs_endpoint,
    .describe = hdfs_describe,
    .parse = cove__hdfs_parse,
    .authority = &cove__hdfs_authority,
    .stat = cove__hdfs_stat,
    .list = cove__hdfs_list,
    .unordered = unordered,
    .copy = cove__hdfs_copy,
    .move = cove__hdfs_move,
    .remove = cove__hdfs_remove,
    .directories = {
        .make = cove__hdfs_make_directory,
        .remove = cove__hdfs_remove_directory,
        .remove_tree = cove__hdfs_remove_tree,
    },
    .read = { .range = cove__hdfs_read, .open = cove__hdfs_read_open, .close = cove__hdfs_read_close },
    .put = cove__hdfs_put,
    .upload = {
        .part_rules = part_rules,
        .begin = cove__hdfs_begin,
        .part = cove__hdfs_part,
        .finish = cove__hdfs_finish,
        .abort = cove__hdfs_abort,
    },
    .append = {
        .open = cove__hdfs_append_open,
        .write = cove__hdfs_append,
        .close = cove__hdfs_append_close,
    },
};
