/*
 * Names: URL to "container/blob" and to the account, and what may be one. Pure.
 *
 *   az://container/blob                                       the account of the options
 *   abfs://container@account.dfs.core.windows.net/blob        that account; also abfss, az, and with "blob" for "dfs"
 *   abfs://container/blob                                     as adlfs takes it: the account of the options
 *   abfs://@account.dfs.core.windows.net                      the containers of that account
 *   adl://...                                                 the same: Data Lake Storage Gen1 has ended
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"
#include "fs/azure/azure.h"
#include "fs/schemes.h"

#define CONTAINER_MAX ((size_t)63)
#define CONTAINER_MIN ((size_t)3)
#define ACCOUNT_MAX   ((size_t)24)

#define STEP                                                                                                           \
    "the blob's name has a part \".\" or \"..\", which Azure's front end and proxies may take for a step to another "  \
    "name"

static const char *const schemes[] = { "az", "abfs", "abfss", "adl", NULL };

/* What follows the scheme; NULL: it is a path. */
static const char *skip_scheme(const char *url, const char **ret_scheme)
{
    for (size_t i = 0; schemes[i]; i++) {
        const char *rest = cove__scheme_skip(url, schemes[i]);
        if (rest) {
            *ret_scheme = schemes[i];
            return rest;
        }
    }
    return NULL;
}

/* ---- accounts ---- */

static bool is_account(struct cove__slice text)
{
    if (text.size < 3 || text.size > ACCOUNT_MAX)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        char c = (char)text.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
            return false;
    }
    return true;
}

/* Hosts have no case. */
static int add_lower(struct cove__slice text, struct cove__buf *ret)
{
    size_t before = ret->size;
    int rc = cove__buf_add_slice(ret, text);

    for (size_t i = before; i < ret->size; i++) {
        if (ret->data[i] >= 'A' && ret->data[i] <= 'Z')
            ret->data[i] += 'a' - 'A';
    }
    return rc;
}

/* "core.windows.net": labels of letters, digits and hyphens. */
static bool is_domain(struct cove__slice text)
{
    bool label = false;

    for (size_t i = 0; i < text.size; i++) {
        char c = (char)text.data[i];
        if (c == '.' ? !label : !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
        label = c != '.';
    }
    return label;
}

bool cove__azure_authority_of_host(struct cove__slice host, struct cove__buf *ret)
{
    static const char *const services[] = { ".blob.", ".dfs." };
    const uint8_t *port = memchr(host.data, ':', host.size);
    struct cove__buf text = COVE__BUF_INIT(4096);
    bool found = false;

    if (add_lower(cove__slice(host.data, port ? (size_t)(port - host.data) : host.size), &text) < 0)
        return false;
    for (size_t i = 0; !found && i < sizeof services / sizeof services[0]; i++) {
        size_t n = strlen(services[i]);
        const uint8_t *at = memmem(text.data, text.size, services[i], n);
        struct cove__slice account = cove__slice(text.data, at ? (size_t)(at - text.data) : 0);
        if (!at || !is_account(account))
            continue;
        struct cove__slice suffix = cove__slice(at + n, text.size - account.size - n);
        found = is_domain(suffix);
        if (found)
            cove__buf_add_slice(ret, account);
        if (found && !cove__slice_is(suffix, "core.windows.net"))
            cove__buf_addf(ret, ".%.*s", (int)suffix.size, (const char *)suffix.data);
    }
    cove__buf_done(&text);
    return found && cove__buf_rc(ret) == 0;
}

bool cove__azure_is_own_cloud(const char *authority)
{
    static const char *const clouds[] = { "", ".core.windows.net", ".core.chinacloudapi.cn", ".core.usgovcloudapi.net",
                                          ".core.cloudapi.de" };
    const char *suffix = authority + strcspn(authority, ".");

    for (size_t i = 0; i < sizeof clouds / sizeof clouds[0]; i++) {
        if (strcmp(suffix, clouds[i]) == 0)
            return true;
    }
    return false;
}

/* "container@account.dfs.core.windows.net" */
static bool split(const char *rest, struct cove__slice *ret_container, struct cove__slice *ret_host)
{
    size_t n = strcspn(rest, "/");
    const char *at = memchr(rest, '@', n);

    *ret_container = cove__slice(rest, at ? (size_t)(at - rest) : n);
    *ret_host = at ? cove__slice(at + 1, n - (size_t)(at + 1 - rest)) : cove__slice("", 0);
    return at;
}

static int of_url(const char *url, char **ret_authority, struct cove_error *err)
{
    struct cove__slice container, host;
    struct cove__buf authority = COVE__BUF_INIT(4096);
    const char *scheme, *rest = skip_scheme(url, &scheme);
    int rc = 0;

    if (rest && split(rest, &container, &host) && !cove__azure_authority_of_host(host, &authority) &&
        !(is_account(host) && add_lower(host, &authority) == 0))
        rc = cove__fail(err, COVE_EINVAL,
                        "what follows the \"@\" is not the host of a storage account, as "
                        "ACCOUNT.dfs.core.windows.net; credentials are options");
    if (rc == 0) {
        *ret_authority = cove__strdup(cove__buf_str(&authority));
        rc = *ret_authority ? 0 : cove__fail_nomem(err, "a URL");
    }
    cove__buf_done(&authority);
    return rc;
}

static void write_url(const char *scheme, const char *authority, const char *path, struct cove__buf *ret_url)
{
    size_t n = strcspn(path, "/"), account = strcspn(authority, ".");

    if (authority[0] == '\0')
        cove__buf_addf(ret_url, "%s://%s", scheme, path);
    else
        cove__buf_addf(ret_url, "%s://%.*s@%.*s.%s.%s%s", scheme, (int)n, path, (int)account, authority,
                       strcmp(scheme, "az") == 0 ? "blob" : "dfs",
                       authority[account] == '.' ? authority + account + 1 : "core.windows.net", path + n);
}

const struct cove__authority_ops cove__azure_authority = {
    .omits = true,
    .of_url = of_url,
    .of_options = cove__azure_authority_of_options,
    .write_url = write_url,
};

/* ---- containers and blobs ---- */

/* Names are checked by the store; this only names the rule that a missing container breaks. Rules:
 * https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata */
const char *cove__azure_broken_rule(struct cove__slice container)
{
    if (container.size > 0 && container.data[0] == '$') /* $root, $web, $logs */
        return NULL;
    if (container.size < CONTAINER_MIN || container.size > CONTAINER_MAX)
        return "a container's name has 3 to 63 characters";
    for (size_t i = 0; i < container.size; i++) {
        char c = (char)container.data[i];
        bool edge = i == 0 || i + 1 == container.size || container.data[i - 1] == '-';
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c == '-' && !edge)))
            return "a container's name has small letters, digits and single hyphens, and begins and ends with a letter "
                   "or a digit";
    }
    return NULL;
}

static int check_container(struct cove__slice container, struct cove_error *err)
{
    if (container.size > CONTAINER_MAX)
        return cove__fail(err, COVE_EINVAL, "the container's name is longer than %zu bytes", CONTAINER_MAX);
    for (size_t i = 0; i < container.size; i++) {
        char c = (char)container.data[i];
        if (c == ':')
            return cove__fail(err, COVE_EINVAL, "a container's name has no ':'; credentials are options");
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '$'))
            return cove__fail(err, COVE_EINVAL, "'%.*s' is not a container's name (small letters, digits, '-')",
                              (int)container.size, (const char *)container.data);
    }
    return 0;
}

bool cove__azure_has_step(struct cove__slice key)
{
    for (size_t at = 0; at < key.size;) {
        const uint8_t *slash = memchr(key.data + at, '/', key.size - at);
        size_t end = slash ? (size_t)(slash - key.data) : key.size;
        struct cove__slice part = cove__slice_sub(key, at, end - at);

        if (cove__slice_is(part, ".") || cove__slice_is(part, ".."))
            return true;
        at = end + 1;
    }
    return false;
}

int cove__azure_check_steps(const struct cove__object_request *r, struct cove__slice source, struct cove_error *err)
{
    if (!cove__azure_has_step(r->name.key) && !cove__azure_has_step(source))
        return 0;
    return cove__object_fail(r, err, COVE_EINVAL, "%s", STEP);
}

static int check_blob(const char *name, struct cove_error *err)
{
    size_t characters = 0;

    if (!cove__text_is_utf8(name))
        return cove__fail(err, COVE_EINVAL, "the blob's name is not UTF-8");
    for (const char *c = name; *c != '\0'; c++)
        characters += ((unsigned char)*c & 0xC0) != 0x80;
    for (const char *c = name; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7F)
            return cove__fail(err, COVE_EINVAL, "the blob's name has a control character, which Azure does not take");
    }
    if (strchr(name, '\\')) /* two names would be one blob */
        return cove__fail(err, COVE_EINVAL, "the blob's name has a backslash, which Azure would store as a slash");
    if (cove__azure_has_step(cove__slice_str(name)))
        return cove__fail(err, COVE_EINVAL, "%s", STEP);
    if (characters > COVE__OBJECT_KEY_MAX)
        return cove__fail(err, COVE_EINVAL, "the blob's name is longer than %zu characters", COVE__OBJECT_KEY_MAX);
    return 0;
}

/* The Gen1 service has ended; its accounts were moved to Gen2 ones, whose names may differ. */
static int refuse_gen1(struct cove__slice host, struct cove_error *err)
{
    static const char suffix[] = ".azuredatalakestore.net";
    const uint8_t *at = memmem(host.data, host.size, suffix, strlen(suffix));

    if (!at)
        return 0;
    return cove__fail(err, COVE_EINVAL,
                      "Azure Data Lake Storage Gen1 is retired; the URL of its successor, Gen2, is "
                      "abfs://CONTAINER@%.*s.dfs.core.windows.net/..., if the account has kept its name",
                      (int)(at - host.data), (const char *)host.data);
}

int cove__azure_parse(const char *url_or_path, char **ret_path, struct cove_error *err)
{
    struct cove__slice container, host = { 0 };
    const char *scheme, *path = skip_scheme(url_or_path, &scheme);
    struct cove__buf out = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX * 4 + 256);
    bool url = path;
    int rc;

    if (!url)
        path = url_or_path;
    while (!url && *path == '/') /* "/container/blob" is what other tools write for "container/blob" */
        path++;
    size_t n = strcspn(path, "/");
    if (url)
        split(path, &container, &host);
    else
        container = cove__slice(path, n);
    if (container.size == 0 && (host.size > 0 ? path[n + strspn(path + n, "/")] != '\0' : path[0] == '/'))
        return cove__fail(err, COVE_EINVAL, "no container is named");
    rc = url && strcmp(scheme, "adl") == 0 ? refuse_gen1(cove__slice(path, n), err) : 0;
    if (rc == 0)
        rc = check_container(container, err);
    const char *name = path[n] == '/' ? path + n + 1 : "";
    if (rc == 0)
        rc = check_blob(name, err);
    if (rc < 0)
        return rc;
    cove__buf_add_slice(&out, container);
    if (name[0] != '\0') /* "container/" is the container */
        cove__buf_addf(&out, "/%s", name);
    *ret_path = cove__buf_take(&out);
    return *ret_path ? 0 : cove__fail_nomem(err, "a path");
}
