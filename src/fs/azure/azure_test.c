/* Azure's names, accounts, error codes and listings: text in, text out. No network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/secret.h"
#include "fs/azure/azure_list.h"

#define KEY "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

static struct cove_error err;

/* ---- URLs ---- */

static void test_urls(void **state)
{
    static const struct {
        const char *url, *path, *authority;
    } rows[] = {
        { "az://c/a/b", "c/a/b", "" },
        { "az://c", "c", "" },
        { "az://c/", "c", "" },
        { "az://", "", "" },
        { "c/b", "c/b", "" },
        { "/c/b", "c/b", "" },
        { "abfs://c/b", "c/b", "" },
        { "ABFS://c@Acct.dfs.core.windows.net/b", "c/b", "acct" },
        { "abfss://c@acct.blob.core.windows.net/b//c", "c/b//c", "acct" },
        { "az://c@acct.blob.core.chinacloudapi.cn/b", "c/b", "acct.core.chinacloudapi.cn" },
        { "abfs://c@acct.dfs.core.usgovcloudapi.net", "c", "acct.core.usgovcloudapi.net" },
        { "abfs://c@Acct/b", "c/b", "acct" },
        { "abfs://c@ACCT.DFS.CORE.WINDOWS.NET/b", "c/b", "acct" },
        { "adl://c@acct.dfs.core.windows.net/b", "c/b", "acct" },
        { "adl://c/b", "c/b", "" },
        { "az://$web/index.html", "$web/index.html", "" },
        { "az://c/a@b?c#d", "c/a@b?c#d", "" },
        { "abfs://@acct.dfs.core.windows.net", "", "acct" },
        { "abfs://@acct.dfs.core.windows.net/", "", "acct" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *path = NULL, *authority = NULL;
        assert_int_equal(cove__azure_parse(rows[i].url, &path, &err), 0);
        assert_string_equal(path, rows[i].path);
        assert_int_equal(cove__azure_authority.of_url(rows[i].url, &authority, &err), 0);
        assert_string_equal(authority, rows[i].authority);
        cove__free(path);
        cove__free(authority);
    }
}

static void test_urls_that_are_refused(void **state)
{
    static const struct {
        const char *url, *text;
    } rows[] = {
        { "az:///b", "no container is named" },
        { "abfs://@acct.dfs.core.windows.net/b", "no container is named" },
        { "az://a_b/c", "is not a container's name" },
        { "az://user:secret@acct/c", "credentials are options" },
        { "adl://acct.azuredatalakestore.net/a", "abfs://CONTAINER@acct.dfs.core.windows.net" },
        { "az://c/a\\b", "backslash" },
        { "az://c/..", "a part \".\"" },
        { "az://c/d/../x", "a part \".\"" },
        { "az://c/./x", "a part \".\"" },
        { "az://c/a\001b", "control character" },
        { "az://c/\xff", "not UTF-8" },
    };
    char *path = NULL;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        err = (struct cove_error)COVE_ERROR_INIT;
        assert_int_equal(cove__azure_parse(rows[i].url, &path, &err), COVE_EINVAL);
        if (!strstr(err.message, rows[i].text) || strstr(err.message, "secret"))
            fail_msg("%s: %s", rows[i].url, err.message);
    }
    assert_null(path);
    static const char *const hosts[] = { "example.com", "acct.dfs.", "acct.dfs..core", "acct.dfs.core.",
                                         "acct.dfs.a_b" };
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        char url[64];
        snprintf(url, sizeof url, "az://c@%s/b", hosts[i]);
        assert_int_equal(cove__azure_authority.of_url(url, &path, &err), COVE_EINVAL);
        assert_null(path);
    }
}

static void test_names_have_1024_characters(void **state)
{
    char url[8192] = "az://c/", *path = NULL;

    for (int i = 0; i < 1024; i++)
        strcat(url, "\xe6\x97\xa5");
    assert_int_equal(cove__azure_parse(url, &path, &err), 0);
    cove__free(path);
    strcat(url, "x");
    assert_int_equal(cove__azure_parse(url, &path, &err), COVE_EINVAL);
}

static void test_urls_are_written(void **state)
{
    static const struct {
        const char *scheme, *authority, *path, *url;
    } rows[] = {
        { "az", "", "c/b", "az://c/b" },
        { "az", "acct", "c/b", "az://c@acct.blob.core.windows.net/b" },
        { "abfs", "acct", "c", "abfs://c@acct.dfs.core.windows.net" },
        { "abfss", "acct.core.chinacloudapi.cn", "c/b", "abfss://c@acct.dfs.core.chinacloudapi.cn/b" },
        { "abfs", "acct", "", "abfs://@acct.dfs.core.windows.net" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cove__buf url = COVE__BUF_INIT(4096);
        cove__azure_authority.write_url(rows[i].scheme, rows[i].authority, rows[i].path, &url);
        assert_string_equal(cove__buf_str(&url), rows[i].url);
        cove__buf_done(&url);
    }
}

static void test_rules_for_containers(void **state)
{
    static const char *const good[] = { "abc", "a-b-c", "$root", "123" }, *const bad[] = { "ab",  "Abc", "a--b",
                                                                                           "-ab", "ab-", "a_b" };

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_null(cove__azure_broken_rule(cove__slice_str(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_non_null(cove__azure_broken_rule(cove__slice_str(bad[i])));
}

/* ---- accounts ---- */

static const char *const environment[] = { "AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT",
                                           "AZURE_STORAGE_ACCOUNT_KEY",  "AZURE_STORAGE_KEY",
                                           "AZURE_STORAGE_SAS_TOKEN",    "AZURE_STORAGE_CONNECTION_STRING",
                                           "AZURE_STORAGE_ANON",         "AZURE_STORAGE_ENDPOINT" };

/* The variable that has the account's name beside a signature; NULL: the environment has neither. */
static const char *named_by;

/* "name=value name=value"; the value of the last may have blanks. */
static int account_of(const char *text, const char *authority, struct azure_account *ret, struct azure_options *o)
{
    cove_options *options = cove_options_new();
    char copy[1024], *at = copy;

    err = (struct cove_error)COVE_ERROR_INIT;
    for (size_t i = 0; i < sizeof environment / sizeof environment[0]; i++)
        unsetenv(environment[i]);
    if (named_by) {
        setenv(named_by, "acct", 1);
        setenv("AZURE_STORAGE_SAS_TOKEN", "sv=1&sig=environment", 1);
    }
    snprintf(copy, sizeof copy, "%s", text);
    while (*at != '\0') {
        char *equals = strchr(at, '='), *next = equals + strcspn(equals, " ");
        *equals = '\0';
        bool more = *next != '\0';
        *next = '\0';
        assert_int_equal(cove_options_set(options, at, equals + 1, &err), 0);
        at = next + more;
    }
    *o = (struct azure_options){ 0 };
    int rc = cove__options_fill(cove__azure_option_rows, options, "az", o, &err);
    if (rc == 0)
        rc = cove__azure_account_init(ret, o, options, authority, &err);
    cove_options_free(options);
    return rc;
}

static void test_accounts(void **state)
{
    static const struct {
        const char *options, *authority, *name, *endpoint;
        size_t key;
        const char *sas;
    } rows[] = {
        { "account_name=acct account_key=" KEY, "", "acct", "https://acct.blob.core.windows.net", 64, NULL },
        { "account_key=" KEY, "acct.core.chinacloudapi.cn", "acct", "https://acct.blob.core.chinacloudapi.cn", 64,
          NULL },
        { "account_name=acct sas_token=?sv=1&sig=abc", "acct", "acct", "https://acct.blob.core.windows.net", 0,
          "sv=1&sig=abc" },
        { "account_name=acct location_mode=secondary anon=true", "", "acct",
          "https://acct-secondary.blob.core.windows.net", 0, NULL },
        { "account_host=Acct.blob.core.usgovcloudapi.net anon=true", "", "acct",
          "https://Acct.blob.core.usgovcloudapi.net", 0, NULL },
        { "account_name=ACCT account_host=acct.blob.core.usgovcloudapi.net account_key=" KEY,
          "acct.core.usgovcloudapi.net", "acct", "https://acct.blob.core.usgovcloudapi.net", 64, NULL },
        { "account_name=acct account_host=storage.example account_key=" KEY, "acct", "acct", "https://storage.example",
          64, NULL },
        { "connection_string= account_name=acct account_key=" KEY, "", "acct", "https://acct.blob.core.windows.net", 64,
          NULL },
        { "endpoint_url=http://127.0.0.1:10000/devstoreaccount1 account_key=" KEY, "", "devstoreaccount1",
          "http://127.0.0.1:10000/devstoreaccount1", 64, NULL },
        { "endpoint_url=http://127.0.0.1:10000 account_name=a account_key=" KEY, "", "a", "http://127.0.0.1:10000/a",
          64, NULL },
        { "connection_string=UseDevelopmentStorage=true", "", "devstoreaccount1",
          "http://127.0.0.1:10000/devstoreaccount1", 64, NULL },
        { "connection_string=DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=" KEY
          ";EndpointSuffix=core.windows.net",
          "", "acct", "https://acct.blob.core.windows.net", 64, NULL },
        { "connection_string=AccountName=acct;AccountKey=" KEY ";EndpointSuffix=core.chinacloudapi.cn", "", "acct",
          "https://acct.blob.core.chinacloudapi.cn", 64, NULL },
        { "connection_string=BlobEndpoint=https://acct.blob.core.windows.net/;SharedAccessSignature=sv=1&sig=x%3D", "",
          "acct", "https://acct.blob.core.windows.net", 0, "sv=1&sig=x%3D" },
        { "connection_string=accountname=acct;accountkey=" KEY ";DefaultEndpointsProtocol=http", "", "acct",
          "http://acct.blob.core.windows.net", 64, NULL },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct azure_account a;
        struct azure_options o;
        char endpoint[256];
        if (account_of(rows[i].options, rows[i].authority, &a, &o) < 0)
            fail_msg("%s: %s", rows[i].options, err.message);
        snprintf(endpoint, sizeof endpoint, "%s://%s%s", a.endpoint.tls ? "https" : "http", a.endpoint.host,
                 a.endpoint.base);
        assert_string_equal(endpoint, rows[i].endpoint);
        assert_string_equal(a.name, rows[i].name);
        assert_int_equal(a.key_size, rows[i].key);
        assert_string_equal(a.sas ? a.sas : "", rows[i].sas ? rows[i].sas : "");
        cove__azure_account_done(&a);
        cove__options_clear(cove__azure_option_rows, &o);
    }
}

static void test_accounts_that_are_refused(void **state)
{
    static const struct {
        const char *options, *authority, *text;
    } rows[] = {
        { "anon=true", "", "no storage account is named" },
        { "account_name=acct account_key=c2VjcmV0LXNlY3JldA", "", "not base64" },
        { "account_name=acct sas_token=sv=1", "", "sv=...&sig=" },
        { "account_name=acct sas_token=https://acct.blob.core.windows.net/?sv=1&sig=secret-secret", "", "it is a URL" },
        { "account_name=one account_key=" KEY, "two", "of the storage account two" },
        { "connection_string=AccountKey=" KEY, "", "names neither AccountName nor BlobEndpoint" },
        { "connection_string=secret-secret", "", "not Name=Value" },
        { "connection_string=DefaultEndpointsProtocol=ftp;AccountName=acct", "", "is https or http" },
        { "connection_string=AccountName=a/../b", "", "\"a/../b\" is not the name of a storage account" },
        { "account_name=acct.blob.evil.example", "", "is not the name of a storage account" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct azure_account a;
        struct azure_options o;
        assert_int_equal(account_of(rows[i].options, rows[i].authority, &a, &o), COVE_EINVAL);
        if (!strstr(err.message, rows[i].text) || strstr(err.message, "secret-secret") || strstr(err.message, "c2Vj"))
            fail_msg("%s: %s", rows[i].options, err.message);
        cove__options_clear(cove__azure_option_rows, &o);
    }
}

/* The store's messages quote it in either form. */
static void test_a_signature_is_not_shown(void **state)
{
    char text[] = "sig abSIGNATURE+ghi/jkl== of abSIGNATURE%2Bghi%2Fjkl%3D%3D";
    struct azure_account a;
    struct azure_options o;

    assert_int_equal(account_of("account_name=acct sas_token=sv=1&sig=abSIGNATURE%2Bghi%2Fjkl%3D%3D", "", &a, &o), 0);
    cove__secrets_hide(text);
    assert_string_equal(text, "sig *** of ***");
    cove__azure_account_done(&a);
    cove__options_clear(cove__azure_option_rows, &o);
}

/* A token, a key or a signature goes to Azure's own hosts, or to one that the options name: a URL does not choose it.
 */
static void test_a_url_does_not_choose_the_host(void **state)
{
    static const char *const credentials[] = { "credential=eyJ0", "sas_token=sv=1&sig=abc", "account_key=" KEY,
                                               "anon=true" };
    static const struct {
        const char *options, *authority, *host; /* NULL: it is refused */
    } rows[] = {
        { "", "acct.evil.example", NULL },
        { "account_name=acct ", "acct.evil.example", NULL },
        { "", "acct.core.windows.net.evil.example", NULL },
        { "", "acct", "acct.blob.core.windows.net" },
        { "", "acct.core.chinacloudapi.cn", "acct.blob.core.chinacloudapi.cn" },
        { "", "acct.core.cloudapi.de", "acct.blob.core.cloudapi.de" },
        { "account_host=acct.blob.corp.example ", "acct.corp.example", "acct.blob.corp.example" },
        { "endpoint_url=https://acct.blob.corp.example account_name=acct ", "acct.corp.example",
          "acct.blob.corp.example" },
        { "endpoint_url=https://acct.blob.corp.example ", "acct.evil.example", NULL },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t k = 0; k < sizeof credentials / sizeof credentials[0]; k++) {
            struct azure_account a;
            struct azure_options o;
            char text[256];
            snprintf(text, sizeof text, "%s%s", rows[i].options, credentials[k]);
            int rc = account_of(text, rows[i].authority, &a, &o);
            if (rc != (rows[i].host ? 0 : COVE_EINVAL))
                fail_msg("%s, %s: %d %s", text, rows[i].authority, rc, err.message);
            if (rc == 0)
                assert_string_equal(a.endpoint.host, rows[i].host);
            cove__azure_account_done(&a);
            cove__options_clear(cove__azure_option_rows, &o);
        }
    }
}

/* The address that the options name is of one account, whatever the credentials. */
static void test_a_url_of_another_account(void **state)
{
    static const char *const credentials[] = { "credential=eyJ0", "sas_token=sv=1&sig=abc", "account_key=" KEY,
                                               "anon=true" };
    static const char *const addresses[] = {
        "endpoint_url=https://acct.blob.core.windows.net",
        "endpoint_url=https://acct.blob.core.windows.net account_name=other",
        "account_host=acct.blob.core.windows.net",
        "endpoint_url=http://127.0.0.1:10000/acct",
        "endpoint_url=http://127.0.0.1:10000 account_name=acct",
        "endpoint_url=https://storage.example account_name=acct",
        "endpoint_url=https://storage.example",
        "account_name=acct dfs_endpoint=https://acct.dfs.core.windows.net",
        "connection_string=BlobEndpoint=http://127.0.0.1:10000/acct",
        "connection_string=AccountName=acct",
    };

    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        for (size_t k = 0; k < sizeof credentials / sizeof credentials[0]; k++) {
            struct azure_account a;
            struct azure_options o;
            char text[256];
            snprintf(text, sizeof text, "%s %s", credentials[k], addresses[i]);
            if (account_of(text, "other", &a, &o) != COVE_EINVAL)
                fail_msg("%s: served", text);
            assert_non_null(strstr(err.message, "the URL is of the storage account other, and the"));
            cove__options_clear(cove__azure_option_rows, &o);
        }
    }
}

/* In Python the option account_name may come from a URL. */
static void test_credentials_of_the_environment(void **state)
{
    static const char *const names[] = { "AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT" };
    static const struct {
        const char *options, *authority;
        int rc;
    } rows[] = {
        { "account_name=other", "", COVE_EINVAL },        { "account_name=acct", "", 0 },
        { "location_mode=primary", "acct", 0 },           { "account_name=other anon=true", "", 0 },
        { "account_name=other credential=ey", "", 0 },    { "account_name=other sas_token=sig=ab", "", 0 },
        { "account_name=other account_key=" KEY, "", 0 },
    };

    for (size_t i = 0; i < 2 * (sizeof rows / sizeof rows[0]); i++) {
        struct azure_account a;
        struct azure_options o;
        named_by = names[i % 2];
        int rc = account_of(rows[i / 2].options, rows[i / 2].authority, &a, &o);
        named_by = NULL;
        if (rc != rows[i / 2].rc)
            fail_msg("%s: %d %s", rows[i / 2].options, rc, err.message);
        cove__azure_account_done(&a);
        cove__options_clear(cove__azure_option_rows, &o);
    }
}

/* ---- errors ---- */

static void test_error_bodies(void **state)
{
    struct azure_error_body e;

    cove__azure_read_error(
        cove__slice_str("\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>AuthenticationFailed</Code>"
                        "<Message>Server failed to authenticate the request.\nRequestId:1\nTime:2</Message>"
                        "<AuthenticationErrorDetail>The MAC signature is wrong</AuthenticationErrorDetail></Error>"),
        &e);
    assert_string_equal(e.code, "AuthenticationFailed");
    assert_string_equal(e.message, "Server failed to authenticate the request.");
    assert_string_equal(e.detail, "The MAC signature is wrong");
    cove__azure_read_error(cove__slice_str("<html>"), &e);
    assert_string_equal(e.code, "");
}

static void test_codes(void **state)
{
    static const struct {
        const char *name;
        int status, code;
        bool retry;
        enum cove__object_refusal refusal;
    } rows[] = {
        { "BlobNotFound", 404, COVE_ENOTFOUND, false, COVE__REFUSED_NO_OBJECT },
        { "ContainerNotFound", 404, COVE_ENOTFOUND, false, COVE__REFUSED_NO_BUCKET },
        { "ServerBusy", 503, COVE_ETHROTTLED, true, COVE__REFUSED_OTHER },
        { "OperationTimedOut", 500, COVE_ESERVER, true, COVE__REFUSED_OTHER },
        { "BlobAlreadyExists", 409, COVE_EEXIST, false, COVE__REFUSED_OTHER },
        { "LeaseIdMissing", 412, COVE_EACCESS, false, COVE__REFUSED_OTHER },
        { "SomethingNew", 403, COVE_EACCESS, false, COVE__REFUSED_OTHER },
        { "", 502, COVE_ESERVER, true, COVE__REFUSED_OTHER },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum cove__object_refusal refusal;
        bool retry;
        assert_int_equal(cove__azure_code(rows[i].name, rows[i].status, &retry, &refusal), rows[i].code);
        assert_int_equal(retry, rows[i].retry);
        assert_int_equal(refusal, rows[i].refusal);
    }
}

/* ---- listings ---- */

static struct cove__page page;
static struct cove__object_page_reader reader;

static int read_list(const char *body)
{
    static struct cove__azure azure = { .store = { .ops = &cove__azure_object_ops } };
    static const struct cove__ctx ctx = { .deadline_ns = INT64_MAX, .op = "list", .url = "az://c/d" };
    struct cove__object_request r;

    page = (struct cove__page){ 0 };
    cove__object_page_init(&reader, &page);
    reader.bucket = cove__slice_str("c");
    reader.prefix = cove__slice_str("d/");
    cove__object_request_init(&r, &azure.store, "GET", cove__object_split("c"), &ctx);
    r.http.response.max = 8192;
    cove__buf_add_str(&r.http.response, body);
    int rc = cove__azure_list_response(&r, &reader);
    cove__object_request_done(&r);
    return rc;
}

static void test_listing(void **state)
{
    assert_int_equal(
        read_list(
            "\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ContainerName=\"c\"><Blobs>"
            "<Blob><Name>d/a &amp; b</Name><Properties><Last-Modified>Thu, 01 Jan 1970 00:00:01 GMT</Last-Modified>"
            "<Etag>0x8D1</Etag><Content-Length>12</Content-Length><AccessTier>Cool</AccessTier></Properties></Blob>"
            "<Blob><Name Encoded=\"true\">d/x%EF%BF%BEy</Name><Properties><Etag>0x2</Etag>"
            "<Content-Length>1</Content-Length></Properties></Blob>"
            "<Blob><Name>d/x%20y</Name><Properties><Etag>0x3</Etag><Content-Length>2</Content-Length></Properties>"
            "</Blob><BlobPrefix><Name>d/e/</Name></BlobPrefix></Blobs><NextMarker>m==</NextMarker>"
            "</EnumerationResults>"),
        0);
    assert_int_equal(page.n, 4);
    assert_string_equal(page.items[0].path, "c/d/a & b");
    assert_string_equal(page.items[0].etag, "\"0x8D1\"");
    assert_string_equal(page.items[0].storage_class, "Cool");
    assert_true(page.items[0].size == 12 && page.items[0].mtime_ns == 1000000000);
    assert_string_equal(page.items[1].path, "c/d/x\xEF\xBF\xBEy");
    assert_string_equal(page.items[2].path, "c/d/x%20y");
    assert_int_equal(page.items[3].type, COVE_INFO_DIRECTORY);
    assert_true(reader.more);
    assert_string_equal(cove__buf_str(&reader.token), "m==");
    cove__object_page_done(&reader);
    cove__page_done(&page);
}

/* A blob without bytes is a directory by its metadata, in the spellings that programs write. */
static void test_markers(void **state)
{
    static const struct {
        const char *size, *metadata;
        int type;
    } rows[] = {
        { "0", "<hdi_isfolder>true</hdi_isfolder>", COVE_INFO_DIRECTORY },
        { "0", "<a>b</a><Hdi_isfolder>true</Hdi_isfolder>", COVE_INFO_DIRECTORY },
        { "0", "<is_directory>true</is_directory>", COVE_INFO_DIRECTORY },
        { "1", "<hdi_isfolder>true</hdi_isfolder>", COVE_INFO_FILE },
        { "0", "<hdi_isfolder>false</hdi_isfolder>", COVE_INFO_FILE },
        { "0", "<is_directory>false</is_directory>", COVE_INFO_FILE },
        { "0", "<other>true</other>", COVE_INFO_FILE },
    };
    char body[1024];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(body, sizeof body,
                 "<EnumerationResults><Blobs><Blob><Name>d/a</Name><Properties><Content-Length>%s</Content-Length>"
                 "</Properties><Metadata>%s</Metadata></Blob><Blob><Name>d/b</Name><Properties><Content-Length>0"
                 "</Content-Length></Properties></Blob></Blobs></EnumerationResults>",
                 rows[i].size, rows[i].metadata);
        assert_int_equal(read_list(body), 0);
        assert_int_equal(page.n, 2);
        assert_int_equal(page.items[0].type, rows[i].type);
        assert_int_equal(page.items[1].type, COVE_INFO_FILE);
        cove__object_page_done(&reader);
        cove__page_done(&page);
    }
}

/* An empty page may have a marker; an empty marker is none. */
static void test_empty_pages(void **state)
{
    assert_int_equal(read_list("<EnumerationResults><Blobs/><NextMarker>m</NextMarker></EnumerationResults>"), 0);
    assert_true(reader.more && page.n == 0);
    cove__object_page_done(&reader);
    cove__page_done(&page);
    assert_int_equal(read_list("<EnumerationResults><Blobs/><NextMarker/></EnumerationResults>"), 0);
    assert_true(!reader.more && page.n == 0);
    cove__object_page_done(&reader);
    cove__page_done(&page);
}

static void test_malformed_pages(void **state)
{
    static const char *const bodies[] = {
        "<html></html>",
        "",
        "<EnumerationResults><Blobs><Blob><Name>d/a</Name></Blob></Blobs></EnumerationResults>",
        "<EnumerationResults><Blobs><Blob><Name>elsewhere</Name><Properties><Content-Length>1</Content-Length>"
        "</Properties></Blob></Blobs></EnumerationResults>",
        "<EnumerationResults><Blobs><Blob><Name Encoded=\"true\">d/%zz</Name><Properties><Content-Length>1"
        "</Content-Length></Properties></Blob></Blobs></EnumerationResults>",
    };

    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        assert_int_equal(read_list(bodies[i]), COVE_EPROTOCOL);
        cove__object_page_done(&reader);
        cove__page_done(&page);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_urls_that_are_refused),
        cmocka_unit_test(test_names_have_1024_characters),
        cmocka_unit_test(test_urls_are_written),
        cmocka_unit_test(test_rules_for_containers),
        cmocka_unit_test(test_accounts),
        cmocka_unit_test(test_accounts_that_are_refused),
        cmocka_unit_test(test_a_signature_is_not_shown),
        cmocka_unit_test(test_a_url_does_not_choose_the_host),
        cmocka_unit_test(test_a_url_of_another_account),
        cmocka_unit_test(test_credentials_of_the_environment),
        cmocka_unit_test(test_error_bodies),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_listing),
        cmocka_unit_test(test_markers),
        cmocka_unit_test(test_empty_pages),
        cmocka_unit_test(test_malformed_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
