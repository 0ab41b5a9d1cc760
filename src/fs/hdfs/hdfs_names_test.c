/* Names of HDFS: nameservices and their NameNodes, hosts, users, and what the site files set for a filesystem. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "fs/hdfs/hdfs_names.h"
#include "fs/hdfs/hdfs_settings.h"

/* The servers of `authority` by these settings, a JSON object: "host:port host:port", or the message. */
static const char *servers_of(const char *authority, const char *settings)
{
    static char text[1024];
    struct cove__hdfs_site site = { 0 };
    struct cove__hdfs_names names = { 0 };
    struct cove_error err = COVE_ERROR_INIT;
    struct cove__buf out = COVE__BUF_INIT(sizeof text - 1);
    int rc = cove__hdfs_site_read(&site, NULL, settings, &err);

    if (rc == 0)
        rc = cove__hdfs_names_of(&site, authority, &names, &err);
    for (size_t i = 0; i < names.n; i++)
        cove__buf_addf(&out, "%s%s:%u", i ? " " : "", names.servers[i].host, names.servers[i].port);
    if (names.resolve)
        cove__buf_add_str(&out, " resolved");
    if (names.advice)
        cove__buf_addf(&out, " or %s", names.advice);
    snprintf(text, sizeof text, "%s", rc < 0 ? err.message : cove__buf_str(&out));
    cove__buf_done(&out);
    cove__hdfs_names_done(&names);
    cove__hdfs_site_done(&site);
    return text;
}

#define HA                                                                                                             \
    "\"dfs.nameservices\": \"other, Lab\", \"dfs.ha.namenodes.Lab\": \"nn1, nn2\", "                                   \
    "\"dfs.namenode.rpc-address.Lab.nn1\": \"h1.example:9000\", \"dfs.namenode.rpc-address.Lab.nn2\": "                \
    "\"h2.example\", "                                                                                                 \
    "\"dfs.client.failover.proxy.provider.Lab\": \"org.example.Unknown\""

static void test_nameservices(void **state)
{
    (void)state;
    assert_string_equal(servers_of("lab", "{" HA "}"), "h1.example:9000 h2.example:8020");
    assert_string_equal(servers_of("lab", "{" HA ", \"dfs.client.failover.resolve-needed.Lab\": true}"),
                        "h1.example:9000 h2.example:8020 resolved");
    assert_non_null(strstr(servers_of("other", "{" HA "}"), "dfs.namenode.rpc-address.other is not set"));
    assert_string_equal(servers_of("other", "{" HA ", \"dfs.namenode.rpc-address\": \"[::1]:1\"}"), "::1:1");
    assert_string_equal(servers_of("other", "{" HA ", \"dfs.namenode.rpc-address.other\": \"hdfs://h3:7\"}"), "h3:7");
    assert_non_null(
        strstr(servers_of("x", "{\"dfs.ha.namenodes.x\": \"a,b\", \"dfs.namenode.rpc-address.x.a\": \"h\"}"),
               "dfs.ha.namenodes.x: dfs.namenode.rpc-address.x.b is not set"));
    assert_non_null(strstr(servers_of("x", "{\"dfs.nameservices\": \"x\", \"dfs.namenode.rpc-address.x\": \"h:0\"}"),
                           "dfs.namenode.rpc-address.x: \"h:0\" is no host:port"));
}

static void test_hosts(void **state)
{
    (void)state;
    assert_string_equal(servers_of("nn1:9000", "{" HA "}"), "nn1:9000");
    assert_string_equal(servers_of("labb", "{" HA "}"),
                        "labb:8020 or \"labb\" is no host that has an address, and no nameservice of no folder (set "
                        "HADOOP_CONF_DIR or hadoop_conf_dir)");
}

static char *authority_of(const char *url, const char *settings, struct cove_error *err)
{
    cove_options *options = cove_options_new();
    char *authority = NULL;
    int rc = cove_options_set(options, "extra_conf", settings ? settings : "{}", err);

    if (rc == 0)
        rc = url ? cove__hdfs_authority.of_url(url, &authority, err)
                 : cove__hdfs_authority.of_options(options, &authority, err);
    cove_options_free(options);
    return rc < 0 ? NULL : authority;
}

static void assert_authority(const char *url, const char *settings, const char *expected)
{
    struct cove_error err = COVE_ERROR_INIT;
    char *authority = authority_of(url, settings, &err);

    assert_string_equal(authority ? authority : err.message, expected);
    cove__free(authority);
}

static void test_authorities(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;

    (void)state;
    assert_authority("hdfs://NN1:8020/x", NULL, "nn1");
    assert_authority("hdfs://Alice@NN1:9000/x", NULL, "Alice@nn1:9000");
    assert_authority("hdfs:///x", NULL, "");
    assert_authority(NULL, "{\"fs.defaultFS\": \"hdfs://Lab/ignored\"}", "lab");
    assert_authority(NULL, "{\"fs.default.name\": \"hdfs://h:9000\"}", "h:9000");
    assert_authority(NULL, "{\"fs.defaultFS\": \"viewfs://cluster\"}", "");
    assert_authority(NULL, NULL, "");
    assert_null(authority_of("hdfs://alice:secret@nn1/x", NULL, &err));
    assert_null(strstr(err.message, "secret"));
    assert_null(authority_of("hdfs://@nn1/x", NULL, &err));
    assert_null(authority_of("hdfs://alice@/x", NULL, &err));
    assert_null(authority_of(NULL, "{\"fs.defaultFS\": \"hdfs://h:0\"}", &err));
    assert_non_null(strstr(err.message, "extra_conf: fs.defaultFS: \"hdfs://h:0\" names no filesystem"));
}

/* ---- a filesystem ---- */

#define TEXT_SIZE 1100

/* "user, proxy, servers, replication, block size, connect timeout" of a filesystem that was opened; or the message. */
static const char *opened(const char *authority, const char *const *pairs, char ret[TEXT_SIZE])
{
    cove_options *options = cove_options_new();
    struct cove_error err = COVE_ERROR_INIT;
    void *self = NULL;

    for (size_t i = 0; pairs[i]; i += 2)
        assert_int_equal(cove_options_set(options, pairs[i], pairs[i + 1], &err), 0);
    if (cove__hdfs_ops.open(options, authority, &self, &err) < 0) {
        snprintf(ret, TEXT_SIZE, "%s", err.message);
    } else {
        const struct cove__hdfs *fs = self;

        snprintf(ret, TEXT_SIZE, "%s %s %s %zu %s:%u %lld %lld %lld %d %o %lld", fs->name, fs->user,
                 fs->proxy_user ? fs->proxy_user : "-", fs->n_servers, fs->servers[0].host, fs->servers[0].port,
                 (long long)fs->replication, (long long)fs->block_size, (long long)fs->connect_timeout_ms,
                 fs->uses_hostnames, fs->umask, (long long)fs->failovers_max);
        cove__hdfs_ops.close(self);
    }
    cove_options_free(options);
    return ret;
}

#define SET                                                                                                            \
    "\"dfs.replication\": 2, \"dfs.blocksize\": \"1m\", \"ipc.client.connect.timeout\": \"3s\", "                      \
    "\"dfs.client.use.datanode.hostname\": true, \"fs.permissions.umask-mode\": \"u=rwx,g=rx,o=\", "                   \
    "\"dfs.client.failover.max.attempts\": 4"

static void test_settings(void **state)
{
    char text[TEXT_SIZE];

    (void)state;
    setenv("HADOOP_USER_NAME", "env", 1);
    assert_string_equal(opened("nn1", (const char *[]){ NULL }, text), "nn1 env - 1 nn1:8020 0 0 20000 0 22 15");
    assert_string_equal(opened("lab", (const char *[]){ "extra_conf", "{" HA ", " SET "}", NULL }, text),
                        "lab env - 2 h1.example:9000 2 1048576 3000 1 27 4");
    assert_string_equal(opened("bob@lab",
                               (const char *[]){ "extra_conf", "{" HA ", " SET "}", "replication", "5", "block_size",
                                                 "2MiB", "connect_timeout", "9", "use_datanode_hostname", "no", "user",
                                                 "alice", "proxy_user", "eve", NULL },
                               text),
                        "bob@lab bob eve 2 h1.example:9000 5 2097152 9000 0 27 4");
    assert_string_equal(opened("nn1", (const char *[]){ "extra_conf", "{\"dfs.blocksize\": 1000}", NULL }, text),
                        "extra_conf: dfs.blocksize: it must be a multiple of 512 bytes");
    assert_non_null(
        strstr(opened("nn1", (const char *[]){ "extra_conf", "{\"dfs.replication\": \"two\"}", NULL }, text),
               "extra_conf: dfs.replication: \"two\" is not a whole number"));
    assert_non_null(
        strstr(opened("nn1", (const char *[]){ "hadoop_conf_dir", "/nonexistent", NULL }, text), "/nonexistent"));
    assert_non_null(strstr(opened("", (const char *[]){ "extra_conf", "{\"fs.defaultFS\": \"file:///\"}", NULL }, text),
                           "is file:///, which is no hdfs://"));
    unsetenv("HADOOP_USER_NAME");
}

static void test_umask(void **state)
{
    uint32_t mask = 1;

    (void)state;
    assert_int_equal(cove__hdfs_parse_umask("077", &mask), 0);
    assert_int_equal(mask, 077);
    assert_int_equal(cove__hdfs_parse_umask("0002", &mask), 0);
    assert_int_equal(mask, 2);
    assert_int_equal(cove__hdfs_parse_umask("u=rwx,g=r-x,o=", &mask), 0);
    assert_int_equal(mask, 027);
    assert_int_equal(cove__hdfs_parse_umask("", &mask), -1);
    assert_int_equal(cove__hdfs_parse_umask("u+rwx", &mask), -1);
    assert_int_equal(cove__hdfs_parse_umask("099", &mask), -1);
    assert_int_equal(cove__hdfs_parse_umask("-22", &mask), -1);
}

/* Each allocation fails in turn. */
static void test_no_memory(void **state)
{
    struct cove__hdfs_site site = { 0 };
    struct cove_error err = COVE_ERROR_INIT;
    static const char *const authorities[] = { "lab", "nn1", "other" };

    (void)state;
    assert_int_equal(cove__hdfs_site_read(&site, NULL, "{" HA ", \"dfs.namenode.rpc-address\": \"h\"}", &err), 0);
    for (size_t i = 0; i < 3; i++) {
        for (unsigned long n = 1; n < 100; n++) {
            struct cove__hdfs_names names = { 0 };

            cove__mem_fail(n, 0);
            int rc = cove__hdfs_names_of(&site, authorities[i], &names, &err);
            bool over = cove__mem_fail(0, 0) < n;

            cove__hdfs_names_done(&names);
            if (over)
                break;
            assert_int_equal(rc, COVE_ENOMEM);
        }
    }
    cove__hdfs_site_done(&site);
}

static int setup(void **state)
{
    (void)state;
    unsetenv("HADOOP_CONF_DIR");
    unsetenv("HADOOP_HOME");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nameservices), cmocka_unit_test(test_hosts), cmocka_unit_test(test_authorities),
        cmocka_unit_test(test_settings),     cmocka_unit_test(test_umask), cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
