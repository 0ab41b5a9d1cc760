/* Arguments: what store an argument is in, which path it names there, how it is shown, and what a pattern matches. */
#include "cli.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_below(const char *directory, const char *path)
{
    size_t n = strlen(directory);

    return strncmp(path, directory, n) == 0 && (n == 0 || directory[n - 1] == '/' || path[n] == '/' || path[n] == '\0');
}

static bool has_scheme(const char *arg)
{
    size_t n = strspn(arg, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

    return n > 0 && strncmp(arg + n, "://", 3) == 0;
}

/* "s3:/bucket/key", which the library refuses; made a whole path of the working directory's it would be one. */
static bool lacks_slash(const char *arg)
{
    struct cove_scheme row;

    for (size_t i = 0; cove_scheme_at(i, &row) == 0; i++) {
        size_t n = strlen(row.scheme);

        if (strncasecmp(arg, row.scheme, n) == 0 && strncmp(arg + n, ":/", 2) == 0)
            return true;
    }
    return false;
}

/* "s3//bucket/key", which lacks the colon, where no directory has that name. */
static const char *lacks_colon(const char *arg)
{
    struct cove_scheme row;
    struct stat st;

    for (size_t i = 0; cove_scheme_at(i, &row) == 0; i++) {
        size_t n = strlen(row.scheme);

        if (strncasecmp(arg, row.scheme, n) == 0 && strncmp(arg + n, "//", 2) == 0 && lstat(row.scheme, &st) < 0)
            return row.scheme;
    }
    return NULL;
}

static bool takes_option(const char *scheme, const char *name)
{
    struct cove_option_help help;

    for (size_t i = 0; cove_options_describe(scheme, i, &help) == 0; i++)
        if (strcmp(help.name, name) == 0)
            return true;
    return false;
}

/* "s3" of s3://…, "file" of a plain path. */
static void scheme_of(const char *arg, char out[64])
{
    snprintf(out, 64, "%.*s", has_scheme(arg) ? (int)(strstr(arg, "://") - arg) : 4, has_scheme(arg) ? arg : "file");
}

/* The options of -o that this scheme has: with a local and a remote argument, each takes its own. */
static cove_options *options_for(struct cli *c, const char *arg)
{
    cove_options *options = cove_options_new();
    char scheme[64];

    if (!options)
        cli_alloc(SIZE_MAX);
    scheme_of(arg, scheme);
    for (size_t i = 0; i < c->n_pairs; i++)
        if (takes_option(scheme, c->pairs[i].name) &&
            cove_options_set(options, c->pairs[i].name, c->pairs[i].value, NULL) < 0)
            cli_alloc(SIZE_MAX);
    return options;
}

/* The library knows the nearest name: let it refuse. */
static int refuse_option(struct cli *c, const struct cli_pair *pair)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_options *options = cove_options_new();
    const char *url = "file:///";
    cove_fs *fs = NULL;
    int rc;

    for (int i = 0; i < c->n_args; i++)
        url = has_scheme(c->args[i]) ? c->args[i] : url;
    rc = options ? cove_options_set(options, pair->name, pair->value, &err) : COVE_ENOMEM;
    if (rc == 0)
        rc = cove_fs_from_url(url, options, &fs, NULL, &err);
    cove_fs_unref(fs);
    cove_options_free(options);
    return rc < 0 ? cli_fail(c, rc, &err) : CLI_OK;
}

int cli_check_options(struct cli *c)
{
    for (size_t i = 0; i < c->n_pairs; i++) {
        bool used = false;
        int rc;

        for (int a = 0; a < c->n_args && !used; a++) {
            char scheme[64];

            scheme_of(c->args[a], scheme);
            used = takes_option(scheme, c->pairs[i].name);
        }
        rc = used ? CLI_OK : refuse_option(c, &c->pairs[i]);
        if (rc != CLI_OK)
            return rc;
    }
    return CLI_OK;
}

/* In a pattern, what matches just this text. */
static char *escaped(const char *text)
{
    char *copy = cli_alloc(3 * strlen(text) + 1), *to = copy;

    for (; *text; text++)
        to += strchr("*?[]{}", *text) ? sprintf(to, "[%c]", *text) : sprintf(to, "%c", *text);
    return copy;
}

/* NULL: said why. `pattern`: only the argument is one, not the working directory before it. */
static char *local_url(struct cli *c, const char *arg, bool pattern)
{
    char cwd[4096] = "", *before, *url;
    size_t size;

    if (arg[0] != '/' && !getcwd(cwd, sizeof cwd)) {
        cli_failf(c, CLI_FAILED, "the working directory cannot be determined");
        return NULL;
    }
    before = pattern ? escaped(cwd) : cli_strdup(cwd);
    size = strlen(before) + strlen(arg) + sizeof "file:///";
    url = cli_alloc(size);
    snprintf(url, size, "file://%s%s%s", before, cwd[0] ? "/" : "", arg);
    free(before);
    return url;
}

int cli_target_open(struct cli *c, const char *arg, struct cli_target *ret)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct cli_target t = { .local = !has_scheme(arg) && !lacks_slash(arg) };
    size_t n = strlen(arg);
    cove_options *options;
    char *path;
    int rc;

    if (n == 0)
        return cli_failf(c, CLI_USAGE, "an empty path");
    if (t.local && lacks_colon(arg))
        return cli_failf(c, CLI_USAGE, "%s: the colon is missing: %s://%s", arg, lacks_colon(arg),
                         arg + strlen(lacks_colon(arg)) + 2);
    t.slash = arg[n - 1] == '/';
    t.url = t.local ? local_url(c, arg, false) : cli_strdup(arg);
    if (!t.url)
        return CLI_FAILED;
    options = options_for(c, arg);
    rc = cove_fs_from_url(t.url, options, &t.fs, &path, &err);
    cove_options_free(options);
    if (rc < 0) {
        free(t.url);
        return cli_fail(c, rc, &err);
    }
    t.path = cli_strdup(path);
    cove_free(path);
    t.arg = cli_strdup(arg);
    while (n > 1 && t.arg[n - 1] == '/' && t.arg[n - 2] != ':' && t.arg[n - 2] != '/')
        t.arg[--n] = '\0';
    *ret = t;
    return CLI_OK;
}

void cli_target_done(struct cli_target *t)
{
    free(t->arg);
    free(t->url);
    free(t->path);
    cove_fs_unref(t->fs);
    *t = (struct cli_target){ 0 };
}

/* The argument, with the slashes at its end that an object store has in the name. */
static char *name_of(const struct cli_target *t)
{
    size_t n = strlen(t->arg), path = strlen(t->path), slashes = 0;
    char *name;

    if (cli_real_directories(t->fs) || cli_target_is_root(t))
        return cli_strdup(t->arg);
    while (t->path[path - slashes - 1] == '/')
        slashes++;
    while (t->arg[n - 1] == '/')
        n--;
    name = cli_alloc(n + slashes + 1);
    memcpy(name, t->arg, n);
    memset(name + n, '/', slashes);
    return name;
}

char *cli_target_show(const struct cli_target *t, const char *path)
{
    char *url = NULL, *shown, *name;

    if (is_below(t->path, path)) {
        name = name_of(t);
        shown = strcmp(path, t->path) == 0 ? cli_strdup(name) : cli_join(name, cli_rest(t->path, path));
        free(name);
        return shown;
    }
    if (t->local)
        return cli_strdup(path);
    if (cove_fs_url(t->fs, path, &url, NULL) < 0)
        return cli_strdup(path);
    shown = cli_strdup(url);
    cove_free(url);
    return shown;
}

bool cli_target_is_bucket(const struct cli_target *t)
{
    const char *path = t->path + strspn(t->path, "/");
    const char *slash = strchr(path, '/');

    return !cli_real_directories(t->fs) && *path && (!slash || slash[strspn(slash, "/")] == '\0');
}

bool cli_in_one_bucket(const struct cli_target *a, const struct cli_target *b)
{
    const char *x = a->path + strspn(a->path, "/"), *y = b->path + strspn(b->path, "/");
    size_t n = strcspn(x, "/");

    return n == strcspn(y, "/") && strncmp(x, y, n) == 0;
}

const char *cli_target_whole(const struct cli_target *t)
{
    if (cli_target_is_bucket(t))
        return "a whole bucket";
    if (t->path[strspn(t->path, "/")] != '\0')
        return NULL;
    return strcmp(cove_fs_scheme(t->fs), "file") == 0 ? "the root of a disk" : "a whole store";
}

bool cli_target_is_root(const struct cli_target *t)
{
    return cli_target_whole(t);
}

void cli_note_bucket_stays(struct cli *c, const struct cli_target *t)
{
    if (cli_target_is_bucket(t))
        cli_note(c, "note: the bucket %s stays, empty: rm -d removes it", t->arg);
}

/* What serves a scheme: s3 and s3a are one. */
static const char *backend_of(const cove_fs *fs)
{
    struct cove_scheme row;

    for (size_t i = 0; cove_scheme_at(i, &row) == 0; i++)
        if (strcmp(row.scheme, cove_fs_scheme(fs)) == 0)
            return row.backend;
    return cove_fs_scheme(fs);
}

static bool same_place(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Opens `path`, or the nearest existing directory above it; -1: there is none. */
static int open_nearest(const char *path)
{
    char *part = cli_strdup(path), *slash;
    int fd;

    while ((fd = open(part, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0 && (slash = strrchr(part + 1, '/')))
        *slash = '\0';
    free(part);
    return fd;
}

/* Compares directories by device and inode, since links and mounts give a directory several names. */
static bool is_inside(const struct stat *directory, const char *path)
{
    struct stat st = { 0 };
    bool inside = false;
    int fd = open_nearest(path);

    while (fd >= 0) {
        struct stat below = st;
        int up = -1;

        if (fstat(fd, &st) == 0 && !same_place(&st, &below)) { /* the root is its own parent */
            inside = same_place(&st, directory);
            up = inside ? -1 : openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        }
        close(fd);
        fd = up;
    }
    return inside;
}

/* "hdfs://user@host": what follows the user. */
static const char *without_user(const char *endpoint)
{
    const char *at = strrchr(endpoint, '@');

    return at ? at + 1 : strstr(endpoint, "://") ? strstr(endpoint, "://") + 3 : endpoint;
}

/* Two stores of one backend, by their hosts. */
static bool are_apart(const cove_fs *a, const cove_fs *b)
{
    char *of_a = NULL, *of_b = NULL;
    bool apart = !cove_fs_same_store(a, b) && cove_fs_endpoint(a, &of_a, NULL) == 0 &&
                 cove_fs_endpoint(b, &of_b, NULL) == 0 && strcmp(without_user(of_a), without_user(of_b)) != 0;

    cove_free(of_a);
    cove_free(of_b);
    return apart;
}

bool cli_same(const struct cli_target *a, const struct cli_target *b, bool inside)
{
    const char *backend = backend_of(a->fs);
    struct stat sa, sb;

    if (strcmp(backend, backend_of(b->fs)) != 0 || are_apart(a->fs, b->fs))
        return false;
    if (strcmp(a->path, b->path) == 0 || (inside && is_below(a->path, b->path)))
        return true;
    if (strcmp(backend, "file") != 0 || stat(a->path, &sa) < 0)
        return false;
    return (stat(b->path, &sb) == 0 && same_place(&sa, &sb)) || (inside && is_inside(&sa, b->path));
}

/* ---- patterns ---- */

#define SPECIAL "*?[{"

/* What a match is called: a URL for a URL, a relative path for a relative one. */
static char *match_name(const struct cli_target *pattern, const char *path, const char *url)
{
    char cwd[4096];
    size_t n;

    if (!pattern->local)
        return cli_strdup(url);
    if (pattern->arg[0] != '/' && getcwd(cwd, sizeof cwd) && (n = strlen(cwd)) > 1 && is_below(cwd, path) && path[n])
        return cli_strdup(path + n + 1);
    return cli_strdup(path);
}

static struct cli_target match_target(const struct cli_target *pattern, const char *path)
{
    struct cli_target t = {
        .local = pattern->local, .match = true, .fs = cove_fs_ref(pattern->fs), .path = cli_strdup(path)
    };
    char *url = NULL;

    t.url = cli_strdup(cove_fs_url(t.fs, path, &url, NULL) == 0 ? url : path);
    cove_free(url);
    t.arg = match_name(pattern, path, t.url);
    return t;
}

/* The argument's path as a pattern. */
static int glob(struct cli *c, const struct cli_target *t, struct cli_operation *o, cove_listing **ret_listing,
                struct cove_error *err)
{
    char *url = t->local ? local_url(c, t->arg, true) : NULL, *path = NULL;
    cove_fs *fs = NULL;
    int rc = url ? cove_fs_from_url(url, NULL, &fs, &path, err) : 0;

    if (rc == 0)
        rc = cove_fs_glob(t->fs, path ? path : t->path, cli_operation_call(o), ret_listing, err);
    cove_fs_unref(fs);
    cove_free(path);
    free(url);
    return rc;
}

/* Where nothing matches: a mistyped bucket is another error. A bucket that cannot be checked counts as existing. */
static int check_bucket(struct cli *c, const struct cli_target *pattern, struct cli_operation *o,
                        struct cove_error *err)
{
    const char *path = pattern->path + strspn(pattern->path, "/");
    size_t n = strcspn(path, "/");
    char *bucket = cli_strdup(path);
    cove_listing *listing = NULL;
    const cove_info *info;
    int rc = 0;

    bucket[n] = '\0';
    if (!cli_real_directories(pattern->fs) && n > 0 && !strpbrk(bucket, SPECIAL)) {
        rc = cove_fs_list(pattern->fs, bucket, cli_operation_call(o), &listing, err);
        rc = rc == 0 ? cove_listing_next(listing, &info, err) : rc;
        cove_listing_free(listing);
    }
    free(bucket);
    return rc == COVE_ENOTFOUND ? rc : 0;
}

static void expand_pattern(struct cli *c, const struct cli_target *pattern, struct cli_operation *o, cli_each each,
                           void *user)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_listing *listing = NULL;
    const cove_info *info;
    bool any = false;
    int rc = glob(c, pattern, o, &listing, &err);

    if (rc == 0)
        cove_listing_use_one_timeout(listing);
    while (rc == 0 && (rc = cove_listing_next(listing, &info, &err)) == 1) {
        struct cli_target t = match_target(pattern, cove_info_path(info));

        any = true;
        each(c, &t, user);
        cli_target_done(&t);
        rc = 0;
        if (cli_interrupted(c))
            break;
    }
    cove_listing_free(listing);
    if (rc == 0 && !any)
        rc = check_bucket(c, pattern, o, &err);
    if (rc < 0)
        cli_fail(c, rc, &err);
    else if (!any)
        cli_failf(c, CLI_NOT_FOUND, "%s: nothing matches", pattern->arg);
}

/* A name may hold a pattern's characters: what is there counts as itself. 1, 0 or an error. */
static int is_pattern(struct cli *c, const struct cli_target *t, struct cli_operation *o, struct cove_error *err)
{
    int there = strpbrk(t->arg, SPECIAL) ? cove_fs_exists(t->fs, t->path, cli_operation_call(o), err) : 1;

    if (there != 0)
        return there < 0 ? there : 0;
    if (!c->verb->removes || strpbrk(t->arg, "*?{"))
        return 1;
    snprintf(err->message, sizeof err->message,
             "%s %.400s: nothing has this name, and a pattern of [ ] alone removes nothing; write it with * or {a,b}",
             c->verb->name, t->arg);
    return COVE_ENOTFOUND;
}

bool cli_is_pattern(struct cli *c, const char *arg)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct cli_target t;
    struct cli_operation operation;
    bool pattern;

    if (!strpbrk(arg, SPECIAL) || cli_target_open(c, arg, &t) != CLI_OK)
        return false;
    operation = cli_operation_begin(c);
    pattern = is_pattern(c, &t, &operation, &err) == 1;
    cli_target_done(&t);
    return pattern;
}

void cli_expand(struct cli *c, const char *arg, cli_each each, void *user)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct cli_operation operation;
    struct cli_target t;
    int pattern;

    if (cli_target_open(c, arg, &t) != CLI_OK)
        return;
    operation = cli_operation_begin(c);
    pattern = is_pattern(c, &t, &operation, &err);
    if (pattern < 0)
        cli_fail(c, pattern, &err);
    else if (pattern)
        expand_pattern(c, &t, &operation, each, user);
    else
        each(c, &t, user);
    cli_target_done(&t);
}

void cli_expand_all(struct cli *c, cli_each each, void *user)
{
    for (int i = 0; i < c->n_args && !cli_interrupted(c); i++)
        cli_expand(c, c->args[i], each, user);
}
