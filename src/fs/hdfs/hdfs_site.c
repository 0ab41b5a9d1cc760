/* Settings of a Hadoop cluster: the set of them, and what a value means. See hdfs_site.h. */
#include "fs/hdfs/hdfs_site.h"

#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"

#define SETTINGS_MAX 65536
#define VALUE_MAX    ((size_t)64 << 10)
#define DEPTH_MAX    20   /* of variables in variables, as Hadoop's own */
#define VARIABLES    1000 /* in one value, at all depths */

/* Names that Hadoop has replaced, and that sites still write. */
static const char *const old_names[][2] = {
    { "fs.default.name", "fs.defaultFS" },
    { "dfs.block.size", "dfs.blocksize" },
    { "dfs.federation.nameservices", "dfs.nameservices" },
    { "dfs.socket.timeout", "dfs.client.socket-timeout" },
    { "dfs.umaskmode", "fs.permissions.umask-mode" },
};

static const char *current_name(const char *name)
{
    for (size_t i = 0; i < sizeof old_names / sizeof old_names[0]; i++) {
        if (strcmp(name, old_names[i][0]) == 0)
            return old_names[i][1];
    }
    return name;
}

/* ---- the set ---- */

static void clear(struct cove__hdfs_setting *setting)
{
    cove__free(setting->name);
    cove__free(setting->value);
    cove__free(setting->file);
}

void cove__hdfs_site_done(struct cove__hdfs_site *site)
{
    for (size_t i = 0; i < site->n; i++)
        clear(&site->settings[i]);
    cove__free(site->settings);
    cove__free(site->folder);
    *site = (struct cove__hdfs_site){ 0 };
}

static size_t place_of(const struct cove__hdfs_site *site, const char *name, bool *ret_found)
{
    size_t low = 0, high = site->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(site->settings[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_found = low < site->n && strcmp(site->settings[low].name, name) == 0;
    return low;
}

const struct cove__hdfs_setting *cove__hdfs_site_find(const struct cove__hdfs_site *site, const char *name)
{
    bool found;
    size_t i = place_of(site, name, &found);

    return found ? &site->settings[i] : NULL;
}

int cove__hdfs_site_set(struct cove__hdfs_site *site, const struct cove__hdfs_setting *setting)
{
    const char *name = current_name(setting->name);
    bool found;
    size_t i = place_of(site, name, &found);
    struct cove__hdfs_setting own = { .line = setting->line, .final = setting->final };

    if (found && site->settings[i].final && setting->file)
        return 0;
    if (!found && site->n >= SETTINGS_MAX)
        return COVE_ELIMIT;
    own.name = cove__strdup(name);
    own.value = cove__strdup(setting->value);
    own.file = setting->file ? cove__strdup(setting->file) : NULL;
    if (!own.name || !own.value || (setting->file && !own.file) ||
        cove__grow(&site->settings, &site->cap, site->n + 1, sizeof own, SETTINGS_MAX + 1) < 0) {
        clear(&own);
        return COVE_ENOMEM;
    }
    if (found) {
        clear(&site->settings[i]);
    } else {
        memmove(site->settings + i + 1, site->settings + i, (site->n - i) * sizeof own);
        site->n++;
    }
    site->settings[i] = own;
    return 0;
}

const char *cove__hdfs_site_where(const struct cove__hdfs_site *site)
{
    return site->folder ? site->folder : "no folder (set HADOOP_CONF_DIR or hadoop_conf_dir)";
}

int cove__hdfs_site_refuse(const struct cove__hdfs_site *site, const char *name, struct cove_error *err,
                           const char *format, ...)
{
    const struct cove__hdfs_setting *setting = cove__hdfs_site_find(site, name);
    struct cove__buf text = COVE__BUF_INIT((size_t)1 << 20);
    va_list args;
    int rc;

    va_start(args, format);
    cove__buf_vaddf(&text, format, args);
    va_end(args);
    if (!setting || !setting->file)
        rc = cove__fail(err, COVE_EINVAL, "%s: %s: %s", setting ? "extra_conf" : cove__hdfs_site_where(site), name,
                        cove__buf_str(&text));
    else
        rc = cove__fail(err, COVE_EINVAL, "%s:%lu: %s: %s", setting->file, setting->line, name, cove__buf_str(&text));
    cove__buf_done(&text);
    return rc;
}

/* ---- variables ---- */

struct expansion {
    const struct cove__hdfs_site *site;
    struct cove__buf out;
    unsigned depth, variables;
};

/* "NAME", "NAME-default", "NAME:-default": the default where it is not set; with ':' also where it is empty. */
static bool add_environment(struct expansion *x, const char *text, size_t size)
{
    char name[256];
    size_t n = 0;
    const char *value;

    while (n < size && text[n] != '-' && !(text[n] == ':' && n + 1 < size && text[n + 1] == '-'))
        n++;
    if (n == 0 || n >= sizeof name)
        return false;
    memcpy(name, text, n);
    name[n] = '\0';
    value = getenv(name);
    if (value && (*value || n == size || text[n] == '-')) {
        cove__buf_add_str(&x->out, value);
        return true;
    }
    if (n == size)
        return false;
    n += text[n] == ':' ? 2 : 1;
    cove__buf_add(&x->out, text + n, size - n);
    return true;
}

static bool add_user(struct expansion *x, const char *name)
{
    struct passwd entry, *found = NULL;
    char text[4096];

    if ((strcmp(name, "user.name") != 0 && strcmp(name, "user.home") != 0) ||
        getpwuid_r(geteuid(), &entry, text, sizeof text, &found) != 0 || !found)
        return false;
    cove__buf_add_str(&x->out, name[5] == 'n' ? found->pw_name : found->pw_dir);
    return true;
}

static int expand(struct expansion *x, const char *text);

/* The variable whose name is `text`; *ret_known: it has a value, which was added. */
static int add_variable(struct expansion *x, const char *text, size_t size, bool *ret_known)
{
    const struct cove__hdfs_setting *setting;
    char name[256];
    int rc = 0;

    if (size > 4 && strncmp(text, "env.", 4) == 0) {
        *ret_known = add_environment(x, text + 4, size - 4);
        return 0;
    }
    if (size == 0 || size >= sizeof name)
        return 0;
    memcpy(name, text, size);
    name[size] = '\0';
    setting = cove__hdfs_site_find(x->site, current_name(name));
    *ret_known = setting || add_user(x, name);
    if (!setting)
        return 0;
    if (++x->depth > DEPTH_MAX || ++x->variables > VARIABLES)
        return COVE_ELIMIT;
    rc = expand(x, setting->value);
    x->depth--;
    return rc;
}

static int expand(struct expansion *x, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "$");
        const char *end;
        bool known = false;
        int rc;

        cove__buf_add(&x->out, text, n);
        text += n;
        end = text[0] && text[1] == '{' ? strchr(text, '}') : NULL;
        rc = end ? add_variable(x, text + 2, (size_t)(end - text) - 2, &known) : 0;
        if (rc < 0)
            return rc;
        if (known) {
            text = end + 1;
        } else if (*text) {
            cove__buf_add_char(&x->out, *text);
            text++;
        }
    }
    return cove__buf_rc(&x->out);
}

/* ---- values ---- */

int cove__hdfs_site_get(const struct cove__hdfs_site *site, const char *name, char **ret, struct cove_error *err)
{
    const struct cove__hdfs_setting *setting = cove__hdfs_site_find(site, name);
    struct expansion x = { .site = site, .out = COVE__BUF_INIT(VALUE_MAX) };
    int rc;

    *ret = NULL;
    if (!setting)
        return 0;
    rc = expand(&x, setting->value);
    if (rc == 0 && x.out.size > 0 && !(*ret = cove__buf_take(&x.out)))
        rc = COVE_ENOMEM;
    cove__buf_done(&x.out);
    if (rc == COVE_ENOMEM)
        return cove__fail_nomem(err, "a setting");
    return rc < 0 ? cove__hdfs_site_refuse(site, name, err,
                                           "its variables refer to each other in a circle, or more than %d deep",
                                           DEPTH_MAX)
                  : 0;
}

int cove__hdfs_site_get_of(const struct cove__hdfs_site *site, const char *prefix, const char *suffix, char **ret,
                           struct cove_error *err)
{
    char name[512];

    *ret = NULL;
    if ((size_t)snprintf(name, sizeof name, "%s.%s", prefix, suffix) >= sizeof name)
        return 0; /* no setting has such a name */
    return cove__hdfs_site_get(site, name, ret, err);
}

int cove__hdfs_site_bool(const struct cove__hdfs_site *site, const char *name, bool *ret, struct cove_error *err)
{
    char *text;
    int rc = cove__hdfs_site_get(site, name, &text, err);

    if (rc < 0 || !text)
        return rc;
    if (strcasecmp(text, "true") == 0)
        *ret = true;
    else if (strcasecmp(text, "false") == 0)
        *ret = false;
    else
        rc = cove__hdfs_site_refuse(site, name, err, "\"%s\" is not true or false", text);
    cove__free(text);
    return rc;
}

struct unit {
    const char *name; /* in small letters; NULL: the end */
    int64_t scale;
};

/* A number with a unit; the first row's is that of a number without. */
static int get_scaled(const struct cove__hdfs_site *site, const char *name, const struct unit *units, const char *kind,
                      int64_t *ret, struct cove_error *err)
{
    char *text, *end;
    int64_t scaled = 0;
    long long n;
    int rc = cove__hdfs_site_get(site, name, &text, err);

    if (rc < 0 || !text)
        return rc;
    errno = 0;
    n = strtoll(text, &end, 10);
    while (units->name && strcasecmp(units->name, end) != 0)
        units++;
    if (end == text || errno || n < 0 || !units->name || __builtin_mul_overflow((int64_t)n, units->scale, &scaled))
        rc = cove__hdfs_site_refuse(site, name, err, "\"%s\" is not %s", text, kind);
    else
        *ret = scaled;
    cove__free(text);
    return rc;
}

int cove__hdfs_site_number(const struct cove__hdfs_site *site, const char *name, int64_t min, int64_t max, int64_t *ret,
                           struct cove_error *err)
{
    static const struct unit units[] = { { "", 1 }, { 0 } };
    int64_t n = -1; /* stays so where it is not set */
    int rc = get_scaled(site, name, units, "a whole number", &n, err);

    if (rc < 0 || n < 0)
        return rc;
    if (n < min || n > max)
        return cove__hdfs_site_refuse(site, name, err, "%lld is not within %lld to %lld", (long long)n, (long long)min,
                                      (long long)max);
    *ret = n;
    return 0;
}

int cove__hdfs_site_size(const struct cove__hdfs_site *site, const char *name, int64_t *ret, struct cove_error *err)
{
    static const struct unit units[] = {
        { "", 1 },
        { "k", INT64_C(1) << 10 },
        { "m", INT64_C(1) << 20 },
        { "g", INT64_C(1) << 30 },
        { "t", INT64_C(1) << 40 },
        { 0 },
    };

    return get_scaled(site, name, units, "a size such as 128m", ret, err);
}

int cove__hdfs_site_duration(const struct cove__hdfs_site *site, const char *name, int64_t *ret, struct cove_error *err)
{
    static const struct unit units[] = {
        { "", 1 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { 0 }
    };

    return get_scaled(site, name, units, "a duration such as 20s, or of milliseconds", ret, err);
}

const char *cove__hdfs_site_word(const char **pos, size_t *ret_size)
{
    const char *start = *pos + strspn(*pos, ", \t\r\n");
    size_t n = strcspn(start, ",");

    *pos = start + n;
    while (n > 0 && isspace((unsigned char)start[n - 1]))
        n--;
    *ret_size = n;
    return start;
}
