/*
 * Settings of a Hadoop cluster, as its clients get them: core-site.xml and hdfs-site.xml of one folder. A later file's
 * value replaces an earlier one's, unless that was final; what the user sets replaces both.
 */
#ifndef COVE_FS_HDFS_SITE_H
#define COVE_FS_HDFS_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cove/error.h>

struct cove__hdfs_setting {
    char *name, *value; /* owned; as written, without spaces around it */
    char *file;         /* owned: where it stands; NULL: in the option extra_conf */
    unsigned long line;
    bool final;
};

/* Zeroed at first. */
struct cove__hdfs_site {
    struct cove__hdfs_setting *settings; /* owned, in the order of names */
    size_t n, cap;
    char *folder; /* owned: where the files are; NULL: no folder is known */
    bool found;   /* one of them is there */
};
void cove__hdfs_site_done(struct cove__hdfs_site *site);

/* Reads both files of `folder`, or (NULL) of HADOOP_CONF_DIR, else of $HADOOP_HOME/etc/hadoop, and then `extra`, a JSON
 * object (NULL: none). COVE_EINVAL, with file and line; COVE_ENOTFOUND: `folder` has neither file. */
int cove__hdfs_site_read(struct cove__hdfs_site *site, const char *folder, const char *extra, struct cove_error *err);
/* For messages: the folder, or where one would be looked for. */
const char *cove__hdfs_site_where(const struct cove__hdfs_site *site);

/* Sets one, unless an earlier one is final. `file` NULL: of extra_conf, which replaces all. COVE_ENOMEM, COVE_ELIMIT.
 */
int cove__hdfs_site_set(struct cove__hdfs_site *site, const struct cove__hdfs_setting *setting);
const struct cove__hdfs_setting *cove__hdfs_site_find(const struct cove__hdfs_site *site, const char *name);

/*
 * A value with its variables replaced, owned by the caller; NULL: it is not set, or empty. "${name}" is another
 * setting, "${user.name}" the user, "${env.NAME}", "${env.NAME-default}" and "${env.NAME:-default}" are variables of
 * the environment. One that is not known stays as it is. COVE_EINVAL: settings refer to each other in a circle.
 */
int cove__hdfs_site_get(const struct cove__hdfs_site *site, const char *name, char **ret, struct cove_error *err);
/* The same, of the key "prefix.suffix". */
int cove__hdfs_site_get_of(const struct cove__hdfs_site *site, const char *prefix, const char *suffix, char **ret,
                           struct cove_error *err);
/* Typed values; *ret stays as it is where the setting is not there. COVE_EINVAL. */
int cove__hdfs_site_bool(const struct cove__hdfs_site *site, const char *name, bool *ret, struct cove_error *err);
int cove__hdfs_site_number(const struct cove__hdfs_site *site, const char *name, int64_t min, int64_t max, int64_t *ret,
                           struct cove_error *err);
/* "134217728", "128m" */
int cove__hdfs_site_size(const struct cove__hdfs_site *site, const char *name, int64_t *ret, struct cove_error *err);
/* Milliseconds where it has no unit; "20s" */
int cove__hdfs_site_duration(const struct cove__hdfs_site *site, const char *name, int64_t *ret,
                             struct cove_error *err);
/* The next word of a list with commas, from *pos on, which moves on; *ret_size 0: that was the last. */
const char *cove__hdfs_site_word(const char **pos, size_t *ret_size);
/* "FILE:LINE: NAME: text", for a value that is refused. Returns COVE_EINVAL. */
int cove__hdfs_site_refuse(const struct cove__hdfs_site *site, const char *name, struct cove_error *err,
                           const char *format, ...) COVE_PRINTF(4, 5);

#endif
