/* See viewfs_mounts.h. The keys: https://hadoop.apache.org/docs/stable/hadoop-project-dist/hadoop-hdfs/ViewFs.html */
#include "fs/viewfs/viewfs_mounts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/hdfs/hdfs.h"
#include "fs/schemes.h"

#define TABLES     "fs.viewfs.mounttable."
#define MOUNTS_MAX ((size_t)10000)

static void mount_done(struct viewfs_mount *mount)
{
    cove__free(mount->path);
    cove__free(mount->url);
    cove__free(mount->root);
    cove_fs_unref(mount->fs);
}

void cove__viewfs_table_done(struct viewfs_table *table)
{
    for (size_t i = 0; i < table->n; i++)
        mount_done(&table->mounts[i]);
    mount_done(&table->fallback);
    cove__free(table->mounts);
    cove__free(table->cluster);
    *table = (struct viewfs_table){ 0 };
}

/* ---- read ---- */

/* Whether the target can be mounted; else the setting is refused. */
static int check_url(const struct cove__hdfs_site *site, const char *key, const char *url, struct cove_error *err)
{
    size_t length;
    const struct cove__scheme *scheme = cove__scheme_of(url, &length);

    if (length == 0 || !scheme)
        return cove__hdfs_site_refuse(site, key, err, "\"%s\" is no URL of a filesystem that cove knows", url);
    if (strcmp(scheme->name, "viewfs") == 0)
        return cove__hdfs_site_refuse(site, key, err, "a viewfs:// is not supported as the target of a mount");
    return 0;
}

static int add(struct viewfs_table *table, const char *path, char *url, struct cove_error *err)
{
    struct viewfs_mount mount = { .url = url };
    int rc = cove__hdfs_parse(path, &mount.path, err);

    if (rc == 0 && table->n >= MOUNTS_MAX)
        rc = cove__fail(err, COVE_EINVAL, "the mount table %s has more than %zu mounts", table->cluster, MOUNTS_MAX);
    if (rc == 0 && table->n == table->cap) {
        size_t cap = table->cap ? 2 * table->cap : 8;
        struct viewfs_mount *more = cove__realloc(table->mounts, cap * sizeof *more);

        if (more) {
            table->mounts = more;
            table->cap = cap;
        } else {
            rc = cove__fail_nomem(err, "a mount table");
        }
    }
    if (rc == 0)
        table->mounts[table->n++] = mount;
    else
        mount_done(&mount);
    return rc;
}

static int take(struct viewfs_table *table, const struct cove__hdfs_site *site, const char *key, const char *kind,
                struct cove_error *err)
{
    bool fallback = strcasecmp(kind, "linkFallback") == 0, slash = strcasecmp(kind, "linkMergeSlash") == 0;
    char *url;
    int rc;

    if (strcasecmp(kind, "homedir") == 0)
        return 0;
    if (!fallback && !slash && strncasecmp(kind, "link./", 6) != 0)
        return cove__hdfs_site_refuse(site, key, err, "%.*s is not supported", (int)strcspn(kind, "./"), kind);
    rc = cove__hdfs_site_get(site, key, &url, err);
    if (rc < 0 || !url)
        return rc;
    rc = check_url(site, key, url, err);
    if (rc == 0 && !fallback)
        return add(table, slash ? "/" : kind + 5, url, err);
    if (rc == 0) {
        table->fallback = (struct viewfs_mount){ .path = cove__strdup("/"), .url = url };
        return table->fallback.path ? 0 : cove__fail_nomem(err, "a mount table");
    }
    cove__free(url);
    return rc;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct viewfs_mount *)a)->path, ((const struct viewfs_mount *)b)->path);
}

/* The rest of `path` after `directory`, without the slash between them; NULL: it is not there. */
static const char *below(const char *path, const char *directory)
{
    size_t n = strcmp(directory, "/") == 0 ? 0 : strlen(directory);

    if (strncmp(path, directory, n) != 0 || (path[n] != '/' && path[n] != '\0'))
        return NULL;
    return path + n + (path[n] == '/');
}

/* As Hadoop: a directory is a mount, or holds some. */
static int check_nesting(const struct viewfs_table *table, struct cove_error *err)
{
    for (size_t i = 0; i < table->n; i++) {
        for (size_t k = 0; k < table->n; k++) {
            if (i != k && below(table->mounts[k].path, table->mounts[i].path))
                return cove__fail(err, COVE_EINVAL, "the mount table %s has %s below the mount %s", table->cluster,
                                  table->mounts[k].path, table->mounts[i].path);
        }
    }
    return 0;
}

int cove__viewfs_table_read(const struct cove__hdfs_site *site, const char *cluster, struct viewfs_table *ret,
                            struct cove_error *err)
{
    struct viewfs_table table = { .cluster = cove__strdup(cluster) };
    size_t prefix = strlen(TABLES), n = strlen(cluster);
    int rc = table.cluster ? 0 : cove__fail_nomem(err, "a mount table");

    for (size_t i = 0; rc == 0 && i < site->n; i++) {
        const char *key = site->settings[i].name;

        if (strncmp(key, TABLES, prefix) == 0 && strncasecmp(key + prefix, cluster, n) == 0 && key[prefix + n] == '.')
            rc = take(&table, site, key, key + prefix + n + 1, err);
    }
    if (rc == 0 && table.n == 0 && !table.fallback.url)
        rc = cove__fail(err, COVE_EINVAL, "%s has no mount table of this name: no key begins with " TABLES "%s.link",
                        cove__hdfs_site_where(site), cluster);
    if (rc == 0)
        rc = check_nesting(&table, err);
    if (rc < 0) {
        cove__viewfs_table_done(&table);
        return rc;
    }
    if (table.n > 1)
        qsort(table.mounts, table.n, sizeof *table.mounts, by_path);
    *ret = table;
    return 0;
}

/* ---- find ---- */

enum viewfs_place cove__viewfs_find(const struct viewfs_table *table, const char *path,
                                    const struct viewfs_mount **ret_mount, const char **ret_rest)
{
    bool inner = strcmp(path, "/") == 0 && !table->fallback.url;

    for (size_t i = 0; i < table->n; i++) {
        const struct viewfs_mount *mount = &table->mounts[i];
        const char *rest = below(path, mount->path);

        if (rest) {
            *ret_mount = mount;
            *ret_rest = rest;
            return VIEWFS_MOUNTED;
        }
        inner = inner || below(mount->path, path);
    }
    if (inner)
        return VIEWFS_INNER;
    if (!table->fallback.url)
        return VIEWFS_NOWHERE;
    *ret_mount = &table->fallback;
    *ret_rest = path + 1;
    return VIEWFS_MOUNTED;
}

bool cove__viewfs_has_child(const struct viewfs_table *table, const char *directory, const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < table->n; i++) {
        const char *rest = below(table->mounts[i].path, directory);

        if (rest && strncmp(rest, name, n) == 0 && (rest[n] == '/' || rest[n] == '\0'))
            return true;
    }
    return false;
}

static int by_entry(const void *a, const void *b)
{
    return strcmp(((const struct cove_info *)a)->path, ((const struct cove_info *)b)->path);
}

int cove__viewfs_children(const struct viewfs_table *table, const char *directory, struct cove__page *page)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < table->n; i++) {
        const char *rest = below(table->mounts[i].path, directory);
        size_t n = rest ? strcspn(rest, "/") : 0;
        char *name = n > 0 ? cove__strndup(rest, n) : NULL;
        char *path = name ? cove__path_join(directory, name) : NULL;

        bool seen = false;
        for (size_t k = 0; path && k < page->n; k++)
            seen = seen || strcmp(page->items[k].path, path) == 0;
        if (n > 0 && !path)
            rc = COVE_ENOMEM;
        else if (n > 0 && !seen)
            rc = cove__page_add(page, path, COVE_INFO_DIRECTORY, 0, -1, NULL);
        cove__free(name);
        cove__free(path);
    }
    if (page->n > 1) /* "a-b" comes before "a/b", and after "a" */
        qsort(page->items, page->n, sizeof *page->items, by_entry);
    return rc;
}

void cove__viewfs_paths(const struct viewfs_table *table, struct cove__buf *ret)
{
    for (size_t i = 0; i < table->n; i++)
        cove__buf_addf(ret, "%s%s", i ? ", " : "", table->mounts[i].path);
}
