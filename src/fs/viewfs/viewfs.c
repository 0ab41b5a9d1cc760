/* viewfs://: options, URLs, and the table of the backend. */
#include "fs/viewfs/viewfs.h"

#include <ctype.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/hdfs/hdfs.h"
#include "fs/schemes.h"

#define AT(field)   offsetof(struct viewfs_options, field)
#define CLUSTER_MAX ((size_t)255)

static const struct cove__option_row options[] = {
    { "host", COVE__OPTION_STRING, AT(host), NULL, NULL,
      "the mount table's name, if the URL has none; default: fs.defaultFS of the site files", 0, 0, NULL },
    { "hadoop_conf_dir", COVE__OPTION_STRING, AT(conf_dir), NULL, "HADOOP_CONF_DIR",
      "the folder of core-site.xml and hdfs-site.xml; default: $HADOOP_HOME/etc/hadoop", 0, 0, NULL },
    { "extra_conf", COVE__OPTION_JSON, AT(extra_conf), NULL, NULL,
      "settings that replace those of the site files: {\"fs.viewfs.mounttable.cluster.link./a\": \"hdfs://nn1/a\"}", 0,
      0, NULL },
    { "user", COVE__OPTION_STRING, AT(user), NULL, NULL, "the option of each target that has it", 0, 0, NULL },
    { "proxy_user", COVE__OPTION_STRING, AT(proxy_user), NULL, NULL, "likewise", 0, 0, NULL },
    { "replication", COVE__OPTION_INTEGER, AT(replication), NULL, NULL, "likewise", 0, 512, NULL },
    { "block_size", COVE__OPTION_SIZE, AT(block_size), NULL, NULL, "likewise", 0, (int64_t)1 << 40, NULL },
    { 0 },
};

static void viewfs_close(void *self)
{
    struct cove__viewfs *fs = self;

    cove__viewfs_table_done(&fs->table);
    cove__options_clear(options, &fs->o);
    cove__free(fs);
}

/* ---- targets ---- */

static bool has_row(const struct cove__option_row *rows, const char *name)
{
    while (rows->name && strcmp(rows->name, name) != 0)
        rows++;
    return rows->name;
}

/* The user's options, as far as the target has them; `host` is of the mount table. */
static int options_for(const struct cove__scheme *scheme, const cove_options *given, cove_options *into,
                       struct cove_error *err)
{
    const char *name, *value;
    int rc = 0;

    for (size_t i = 0; rc == 0 && given && i < cove__options_count(given); i++) {
        cove__options_pair(given, i, &name, &value);
        if (strcmp(name, "host") != 0 && (has_row(scheme->ops->options, name) || has_row(cove__common_options, name)))
            rc = cove_options_set(into, name, value, err);
    }
    return rc;
}

static int open_target(struct viewfs_mount *mount, const cove_options *given, struct cove_error *err)
{
    const struct cove__scheme *scheme = cove__scheme_of(mount->url, &(size_t){ 0 });
    cove_options *own = cove_options_new();
    int rc = own ? 0 : cove__fail_nomem(err, "a filesystem");

    if (rc == 0 && scheme && scheme->ops)
        rc = options_for(scheme, given, own, err);
    if (rc == 0)
        rc = cove_fs_from_url(mount->url, own, &mount->fs, &mount->root, err);
    if (rc < 0 && err)
        rc = cove__error_prefix(err, rc, "the mount %s", mount->path);
    cove_options_free(own);
    return rc;
}

static int viewfs_open(const struct cove_options *given, const char *authority, void **ret_self, struct cove_error *err)
{
    struct cove__viewfs *fs = cove__calloc(1, sizeof *fs);
    struct cove__hdfs_site site = { 0 };
    int rc = fs ? 0 : cove__fail_nomem(err, "a filesystem");

    if (rc == 0)
        rc = cove__options_fill(options, given, "viewfs", &fs->o, err);
    if (rc == 0)
        rc = cove__hdfs_site_read(&site, cove_options_get(given, "hadoop_conf_dir"), fs->o.extra_conf, err);
    if (rc == 0)
        rc = cove__viewfs_table_read(&site, *authority ? authority : "default", &fs->table, err);
    for (size_t i = 0; rc == 0 && i < fs->table.n; i++)
        rc = open_target(&fs->table.mounts[i], given, err);
    if (rc == 0 && fs->table.fallback.url)
        rc = open_target(&fs->table.fallback, given, err);
    cove__hdfs_site_done(&site);
    if (rc == 0)
        *ret_self = fs;
    else if (fs)
        viewfs_close(fs);
    return rc;
}

static int viewfs_endpoint(const void *self, struct cove__buf *ret, struct cove_error *err)
{
    const struct cove__viewfs *fs = self;

    (void)err;
    cove__buf_addf(ret, "viewfs://%s", fs->table.cluster);
    return 0;
}

static void viewfs_describe(const void *self, struct cove__buf *ret)
{
    const struct cove__viewfs *fs = self;

    cove__buf_addf(ret, "; mounts ");
    cove__viewfs_paths(&fs->table, ret);
}

/* Entries of the mount table come before those of the fallback. */
static bool unordered(void *self, const char *path)
{
    (void)self;
    (void)path;
    return true;
}

/* ---- URLs ---- */

static int parse(const char *url, char **ret_path, struct cove_error *err)
{
    const char *rest = cove__scheme_skip(url, "viewfs");

    return cove__hdfs_parse(rest ? rest + strcspn(rest, "/") : url, ret_path, err);
}

/* In small letters. */
static int canonical(const char *name, size_t n, char **ret, struct cove_error *err)
{
    struct cove__buf out = COVE__BUF_INIT(CLUSTER_MAX);
    bool good = true;

    for (size_t i = 0; i < n; i++) {
        good = good && (isalnum((unsigned char)name[i]) || strchr("-._", name[i]));
        cove__buf_add_char(&out, (char)tolower((unsigned char)name[i]));
    }
    if (!good || cove__buf_rc(&out) < 0) {
        cove__buf_done(&out);
        return cove__fail(err, COVE_EINVAL, "viewfs://: this is no name of a mount table; write viewfs://NAME/path");
    }
    *ret = cove__buf_take(&out);
    return *ret ? 0 : cove__fail_nomem(err, "a store's name");
}

static int of_url(const char *url, char **ret_authority, struct cove_error *err)
{
    const char *rest = cove__scheme_skip(url, "viewfs");

    return canonical(rest ? rest : "", rest ? strcspn(rest, "/") : 0, ret_authority, err);
}

static int of_options(const struct cove_options *given, char **ret_authority, struct cove_error *err)
{
    const char *host = given ? cove_options_get(given, "host") : NULL;
    struct cove__hdfs_site site = { 0 };
    char *url = NULL;
    int rc;

    if (host && *host && strcmp(host, "default") != 0)
        return canonical(host, strlen(host), ret_authority, err);
    rc = cove__hdfs_site_read(&site, given ? cove_options_get(given, "hadoop_conf_dir") : NULL,
                              given ? cove_options_get(given, "extra_conf") : NULL, err);
    if (rc == 0)
        rc = cove__hdfs_site_get(&site, "fs.defaultFS", &url, err);
    if (rc == 0)
        rc = of_url(url ? url : "", ret_authority, err);
    cove__free(url);
    cove__hdfs_site_done(&site);
    return rc;
}

static void write_url(const char *scheme, const char *authority, const char *path, struct cove__buf *ret_url)
{
    cove__buf_addf(ret_url, "%s://%s%s", scheme, authority, path);
}

static const struct cove__authority_ops authority = {
    .of_url = of_url,
    .of_options = of_options,
    .write_url = write_url,
};

const struct cove__fs_ops cove__viewfs_ops = {
    .name = "viewfs",
    .options = options,
    .real_directories = true,
    .blocks = true, /* until the target's slot has ended */
    .open = viewfs_open,
    .close = viewfs_close,
    .endpoint = viewfs_endpoint,
    .describe = viewfs_describe,
    .parse = parse,
    .authority = &authority,
    .stat = cove__viewfs_stat,
    .list = cove__viewfs_list,
    .unordered = unordered,
    .copy = cove__viewfs_copy,
    .move = cove__viewfs_move,
    .remove = cove__viewfs_remove,
    .directories = {
        .make = cove__viewfs_make,
        .remove = cove__viewfs_remove_directory,
        .remove_tree = cove__viewfs_remove_tree,
    },
    .read = { .range = cove__viewfs_read, .open = cove__viewfs_read_open, .close = cove__viewfs_read_close },
    .put = cove__viewfs_put,
    .upload = {
        .part_rules = cove__viewfs_part_rules,
        .begin = cove__viewfs_begin,
        .part = cove__viewfs_part,
        .finish = cove__viewfs_finish,
        .abort = cove__viewfs_abort,
    },
    .append = {
        .open = cove__viewfs_append_open,
        .write = cove__viewfs_append,
        .close = cove__viewfs_append_close,
    },
};
