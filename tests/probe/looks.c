/* Verbs that look: what is there, and what a store keeps beside a file's bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe.h"

static int run_stat(struct probe *p)
{
    cove_info *info;
    int rc = cove_fs_stat(p->fs, p->path, &p->call, &info, &p->err);
    if (rc < 0)
        return rc;
    p->value = cove_info_size(info);
    cove_info_free(info);
    return 0;
}

/* describe URL: what is known of it, as names. */
static int run_describe(struct probe *p)
{
    const char *name, *value;
    char line[1024];
    cove_info *info;
    int rc = cove_fs_stat(p->fs, p->path, &p->call, &info, &p->err);
    if (rc < 0)
        return rc;
    const char *const rows[][2] = { { "version", cove_info_version_id(info) },
                                    { "class", cove_info_storage_class(info) },
                                    { "type", cove_info_content_type(info) } };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(line, sizeof line, "%s: %s", rows[i][0], rows[i][1] ? rows[i][1] : "");
        print_name(p, line);
    }
    for (size_t i = 0; cove_info_metadata(info, i, &name, &value) == 0; i++) {
        snprintf(line, sizeof line, "%s=%s", name, value);
        print_name(p, line);
    }
    cove_info_free(info);
    return 0;
}

size_t pair_args(struct probe *p, int first, struct cove_pair pairs[MAX_PAIRS])
{
    size_t n = 0;
    for (int i = first; i < p->n_args && n < MAX_PAIRS; i++) {
        char *value = strchr(p->args[i], '=');
        if (value)
            *value++ = '\0';
        pairs[n++] = (struct cove_pair){ p->args[i], value };
    }
    return n;
}

static int run_set_metadata(struct probe *p)
{
    struct cove_pair pairs[MAX_PAIRS];
    size_t n = pair_args(p, 0, pairs);
    return cove_fs_set_metadata(p->fs, p->path, pairs, n, &p->call, &p->err);
}

static int run_tags(struct probe *p)
{
    struct cove_pair *tags;
    size_t n;
    int rc = cove_fs_tags(p->fs, p->path, &p->call, &tags, &n, &p->err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        char line[1024];
        snprintf(line, sizeof line, "%s=%s", tags[i].name, tags[i].value);
        print_name(p, line);
    }
    if (rc == 0)
        cove_free(tags);
    return rc;
}

static int run_set_tags(struct probe *p)
{
    struct cove_pair pairs[MAX_PAIRS];
    size_t n = pair_args(p, 0, pairs);
    return cove_fs_set_tags(p->fs, p->path, pairs, n, &p->call, &p->err);
}

/* Each entry as "[PATH ]ID SIZE [latest] [deleted]". */
static int print_versions(struct probe *p, int rc, cove_listing *listing, bool paths)
{
    const cove_info *info;

    while (rc == 0 && (rc = cove_listing_next(listing, &info, &p->err)) == 1) {
        char line[1200];
        snprintf(line, sizeof line, "%s%s%s %lld%s%s", paths ? cove_info_path(info) : "", paths ? " " : "",
                 cove_info_version_id(info), (long long)cove_info_size(info),
                 cove_info_is_latest(info) ? " latest" : "", cove_info_is_deleted(info) ? " deleted" : "");
        print_name(p, line);
        p->value++;
        rc = 0;
    }
    cove_listing_free(listing);
    return rc;
}

/* versions URL */
static int run_versions(struct probe *p)
{
    cove_listing *listing = NULL;
    int rc = cove_fs_versions(p->fs, p->path, &p->call, &listing, &p->err);

    return print_versions(p, rc, listing, false);
}

/* findversions URL */
static int run_find_versions(struct probe *p)
{
    cove_listing *listing = NULL;
    int rc = cove_fs_find_versions(p->fs, p->path, &p->call, &listing, &p->err);

    return print_versions(p, rc, listing, true);
}

/* sign URL METHOD SECONDS: the URL is the name. */
static int run_sign(struct probe *p)
{
    char *url;
    int rc = cove_fs_presign(p->fs, p->path, p->args[0], strtoll(p->args[1], NULL, 10), &p->call, &url, &p->err);
    if (rc == 0)
        print_name(p, url);
    if (rc == 0)
        cove_free(url);
    return rc;
}

static int run_exists(struct probe *p)
{
    int rc = cove_fs_exists(p->fs, p->path, &p->call, &p->err);
    p->value = rc;
    return rc < 0 ? rc : 0;
}

/* is URL file|directory: the value is 1 or 0. */
static int run_is(struct probe *p)
{
    int rc = strcmp(p->args[0], "file") == 0 ? cove_fs_is_file(p->fs, p->path, &p->call, &p->err)
                                             : cove_fs_is_directory(p->fs, p->path, &p->call, &p->err);
    p->value = rc;
    return rc < 0 ? rc : 0;
}

static int each_name(struct probe *p, int rc, cove_listing *listing)
{
    const cove_info *info;
    if (rc < 0)
        return rc;
    while ((rc = cove_listing_next(listing, &info, &p->err)) == 1) {
        print_name(p, cove_info_name(info));
        p->value++;
    }
    cove_listing_free(listing);
    return rc;
}

static int run_list(struct probe *p)
{
    cove_listing *listing = NULL;
    int rc = cove_fs_list(p->fs, p->path, &p->call, &listing, &p->err);
    return each_name(p, rc, listing);
}

static int run_find(struct probe *p)
{
    cove_listing *listing = NULL;
    int rc = cove_fs_find(p->fs, p->path, &p->call, &listing, &p->err);
    return each_name(p, rc, listing);
}

/* paths URL list|find|walk|glob: prints whole paths, with one more slash after a directory's. */
static int run_paths(struct probe *p)
{
    char what = p->args[0][0], shown[4096];
    cove_listing *listing = NULL;
    const cove_info *info;
    int rc = (what == 'l'   ? cove_fs_list
              : what == 'f' ? cove_fs_find
              : what == 'w' ? cove_fs_walk
                            : cove_fs_glob)(p->fs, p->path, &p->call, &listing, &p->err);
    if (rc < 0)
        return rc;
    while ((rc = cove_listing_next(listing, &info, &p->err)) == 1) {
        bool directory = cove_info_type(info) == COVE_INFO_DIRECTORY;
        snprintf(shown, sizeof shown, "%s%s", cove_info_path(info), directory ? "/" : "");
        print_name(p, shown);
        p->value += cove_info_size(info);
    }
    cove_listing_free(listing);
    return rc;
}

const struct verb probe_looks[] = {
    { "stat", 0, run_stat },
    { "exists", 0, run_exists },
    { "is", 1, run_is },
    { "list", 0, run_list },
    { "find", 0, run_find },
    { "paths", 1, run_paths },
    { "describe", 0, run_describe },
    { "set_metadata", 1, run_set_metadata },
    { "sign", 2, run_sign },
    { "tags", 0, run_tags },
    { "set_tags", 0, run_set_tags },
    { "versions", 0, run_versions },
    { "findversions", 0, run_find_versions },
    { NULL, 0, NULL },
};
