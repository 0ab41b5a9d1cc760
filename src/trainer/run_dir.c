/* Where a logger writes, in Lightning's layout. Used by tensorboard_logger.c and csv_logger.c. */
#include "trainer/run_dir.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/options.h"
#include "trainer/names.h"
#include "base/copy_options.h"
#include "wire/number.h"

#define VERSION    "version_"
#define MAX_DIGITS 9 /* of a version: a name with more is not one of ours */
#define MAX_YAML   ((size_t)16 << 20)
#define MAX_TRIES  10000 /* versions that other runs take while this one looks for its own */
#define HPARAMS    "hparams.yaml"
#define NO_HPARAMS "{}\n"

int cove__run_dir_init(struct cove__run_dir *run, const struct cove_logger_options *options, struct cove_error *err)
{
    struct cove_logger_options o = COVE_LOGGER_OPTIONS_INIT;
    int rc = COVE__COPY_OPTIONS(&o, options, "logger: options", err);
    *run = (struct cove__run_dir){ 0 };
    if (rc < 0 || (rc = cove__check_text("logger: save_dir", o.save_dir, err)) < 0)
        return rc;
    /* As in Lightning, an empty name means no folder between save_dir and the version. */
    if ((o.name && *o.name && (rc = cove__check_name("logger: name", o.name, err)) < 0) ||
        (o.version && (rc = cove__check_name("logger: version", o.version, err)) < 0))
        return rc;
    if (cove__set_string(&run->save_dir, o.save_dir) < 0 || cove__set_string(&run->name, o.name ? o.name : "") < 0 ||
        cove__set_string(&run->version, o.version) < 0 ||
        (o.storage && !(run->storage = cove__options_copy(o.storage))))
        rc = cove__fail_nomem(err, "logger");
    if (rc < 0)
        cove__run_dir_done(run);
    return rc;
}

static void close_version(struct cove__run_dir *run)
{
    cove__free(run->dir);
    cove_free(run->path);
    cove_fs_unref(run->fs);
    run->dir = run->path = NULL;
    run->fs = NULL;
}

static void close_dir(struct cove__run_dir *run)
{
    close_version(run);
    cove__free(run->root_dir);
    run->root_dir = NULL;
}

void cove__run_dir_done(struct cove__run_dir *run)
{
    close_dir(run);
    cove__free(run->save_dir);
    cove__free(run->name);
    cove__free(run->version);
    cove_options_free(run->storage);
    *run = (struct cove__run_dir){ 0 };
}

/* N of "version_N", or -1. */
static int64_t version_number(const char *name)
{
    size_t n = strlen(VERSION);
    int64_t number = 0;
    if (strncmp(name, VERSION, n) != 0 || !name[n] || strlen(name + n) > MAX_DIGITS)
        return -1;
    for (const char *p = name + n; *p; p++) {
        if (*p < '0' || *p > '9')
            return -1;
        number = number * 10 + (*p - '0');
    }
    return number;
}

static int next_version(const char *root_dir, const cove_options *storage, int64_t *ret, struct cove_error *err)
{
    cove_listing *listing = NULL;
    const cove_info *info;
    cove_fs *fs = NULL;
    char *path = NULL;
    int64_t next = 0;
    int rc;
    if ((rc = cove_fs_from_url(root_dir, storage, &fs, &path, err)) < 0 ||
        (rc = cove_fs_list(fs, path, NULL, &listing, err)) < 0)
        goto out;
    cove_listing_use_one_timeout(listing);
    while ((rc = cove_listing_next(listing, &info, err)) > 0) {
        int64_t number = version_number(cove_info_name(info));
        if (number >= next)
            next = number + 1;
    }
out:
    cove_listing_free(listing);
    cove_free(path);
    cove_fs_unref(fs);
    if (rc < 0 && rc != COVE_ENOTFOUND)
        return rc;
    *ret = next;
    return 0;
}

/* Takes the directory for this run by an empty hparams.yaml that must be new. COVE_EEXIST: another run has taken it. In
 * a store that cannot write so, runs that start at the same time may share a version. */
static int claim(const struct cove__run_dir *run, struct cove_error *err)
{
    struct cove_writer_options options = COVE_WRITER_OPTIONS_INIT;
    char *path = cove__run_dir_path(run, HPARAMS);
    cove_writer *writer = NULL;
    int rc;
    options.condition = COVE_WRITE_IF_NEW;
    if (!path)
        return cove__fail_nomem(err, "logger");
    if ((rc = cove_writer_open(run->fs, path, &options, NULL, &writer, err)) == 0 &&
        (rc = cove_writer_write(writer, NO_HPARAMS, strlen(NO_HPARAMS), err)) == 0)
        rc = cove_writer_finish(writer, err);
    cove_writer_free(writer);
    cove__free(path);
    return rc == COVE_ENOTSUP ? 0 : rc;
}

static int open_version(struct cove__run_dir *run, const char *version, const cove_options *storage,
                        struct cove_error *err)
{
    int rc;
    if (!(run->dir = cove__path_join(run->root_dir, version)))
        return cove__fail_nomem(err, "logger");
    rc = cove_fs_from_url(run->dir, storage, &run->fs, &run->path, err);
    return rc < 0 ? rc : cove_fs_mkdir(run->fs, run->path, NULL, err);
}

/* The next free version_N; runs that start at the same time get different ones. */
static int open_next(struct cove__run_dir *run, const cove_options *storage, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    char version[64];
    int64_t number;
    int rc = next_version(run->root_dir, storage, &number, err);
    for (int i = 0; rc == 0 && i < MAX_TRIES; i++, number++) {
        snprintf(version, sizeof version, VERSION "%" PRId64, number);
        close_version(run);
        if ((rc = open_version(run, version, storage, err)) < 0 || (rc = claim(run, &why)) == 0)
            return rc;
        rc = rc == COVE_EEXIST ? 0 : cove__error_copy(err, &why);
    }
    return rc < 0 ? rc : cove__error_copy(err, &why);
}

int cove__run_dir_open(struct cove__run_dir *run, const char *root, const cove_options *storage, struct cove_error *err)
{
    int rc;
    if (run->dir)
        return 0;
    if (run->storage)
        storage = run->storage;
    run->root_dir = run->name[0] ? cove__path_join(run->save_dir ? run->save_dir : root, run->name)
                                 : cove__strdup(run->save_dir ? run->save_dir : root);
    if (!run->root_dir)
        return cove__fail_nomem(err, "logger");
    rc = run->version ? open_version(run, run->version, storage, err) : open_next(run, storage, err);
    if (rc < 0)
        close_dir(run);
    return rc;
}

char *cove__run_dir_path(const struct cove__run_dir *run, const char *name)
{
    return cove__path_join(run->path, name);
}

/* ---- hparams.yaml ---- */

/* Words that YAML reads as something other than text. */
static bool is_plain(const char *s)
{
    static const char *const words[] = { "true", "false", "yes", "no", "on", "off", "null", "y", "n" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(s, words[i]) == 0)
            return false;
    }
    if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || *s == '/'))
        return false;
    for (; *s; s++) {
        if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') || strchr("_-./", *s)))
            return false;
    }
    return true;
}

static void add_text(struct cove__buf *b, const char *s)
{
    if (is_plain(s)) {
        cove__buf_add_str(b, s);
        return;
    }
    cove__buf_add_char(b, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            cove__buf_addf(b, "\\%c", *s);
        else if ((unsigned char)*s < 0x20 || *s == 0x7f)
            cove__buf_addf(b, "\\x%02x", (unsigned char)*s);
        else
            cove__buf_add_char(b, *s);
    }
    cove__buf_add_char(b, '"');
}

static void add_number(struct cove__buf *b, double d)
{
    char text[COVE__DOUBLE_TEXT_MAX];
    if (isnan(d))
        cove__buf_add_str(b, ".nan");
    else if (isinf(d))
        cove__buf_add_str(b, d > 0 ? ".inf" : "-.inf");
    else if (d == trunc(d) && fabs(d) < 0x1p53)
        cove__buf_addf(b, "%" PRId64, (int64_t)d);
    else {
        cove__format_double(d, text);
        /* YAML 1.1 wants a dot before the exponent: "1e-05" would be read as text. */
        char *e = strchr(text, 'e');
        if (e && !memchr(text, '.', (size_t)(e - text)))
            cove__buf_addf(b, "%.*s.0%s", (int)(e - text), text, e);
        else
            cove__buf_add_str(b, text);
    }
}

int cove__run_dir_hparams(const struct cove__run_dir *run, const struct cove_hparam *hparams, size_t n,
                          struct cove_error *err)
{
    struct cove__buf b = COVE__BUF_INIT(MAX_YAML);
    char *path = cove__run_dir_path(run, HPARAMS);
    int rc = 0;
    for (size_t i = 0; i < n; i++) {
        add_text(&b, hparams[i].name);
        cove__buf_add_str(&b, ": ");
        if (hparams[i].type == COVE_HPARAM_STRING)
            add_text(&b, hparams[i].string ? hparams[i].string : "");
        else if (hparams[i].type == COVE_HPARAM_BOOL)
            cove__buf_add_str(&b, hparams[i].number != 0 ? "true" : "false");
        else
            add_number(&b, hparams[i].number);
        cove__buf_add_char(&b, '\n');
    }
    if (n == 0)
        cove__buf_add_str(&b, NO_HPARAMS);
    if (!path || cove__buf_rc(&b) < 0)
        rc = cove__fail_nomem(err, "hparams.yaml");
    else
        rc = cove_fs_write_file(run->fs, path, b.data, b.size, NULL, err);
    cove__buf_done(&b);
    cove__free(path);
    return rc;
}
