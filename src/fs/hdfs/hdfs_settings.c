/* From the site files' keys to the fields of a filesystem: see hdfs_settings.h. */
#include "fs/hdfs/hdfs_settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define UMASK_KEY "fs.permissions.umask-mode"

enum kind { DURATION, NUMBER, SIZE, FLAG };

static const struct row {
    const char *key, *option; /* option: which comes first; NULL: there is none */
    enum kind kind;
    size_t offset;
    int64_t min, max; /* of a number */
} rows[] = {
    { "ipc.client.connect.timeout", "connect_timeout", DURATION, offsetof(struct cove__hdfs, connect_timeout_ms), 0,
      0 },
    { "dfs.client.socket-timeout", "datanode_timeout", DURATION, offsetof(struct cove__hdfs, datanode_timeout_ms), 0,
      0 },
    { "dfs.client.use.datanode.hostname", "use_datanode_hostname", FLAG, offsetof(struct cove__hdfs, uses_hostnames), 0,
      0 },
    { "dfs.replication", "replication", NUMBER, offsetof(struct cove__hdfs, replication), 1, 512 },
    { "dfs.blocksize", "block_size", SIZE, offsetof(struct cove__hdfs, block_size), 0, 0 },
    { "dfs.client.failover.max.attempts", NULL, NUMBER, offsetof(struct cove__hdfs, failovers_max), 0, 10000 },
    { "dfs.client.failover.sleep.base.millis", NULL, DURATION, offsetof(struct cove__hdfs, failover_wait_ms), 0, 0 },
    { "dfs.client.failover.sleep.max.millis", NULL, DURATION, offsetof(struct cove__hdfs, failover_wait_max_ms), 0, 0 },
};

static int apply(struct cove__hdfs *fs, const struct cove__hdfs_site *site, const struct row *row,
                 struct cove_error *err)
{
    void *field = (char *)fs + row->offset;
    int64_t n = -1;
    bool flag;
    int rc;

    if (row->kind == FLAG) {
        flag = *(int *)field;
        rc = cove__hdfs_site_bool(site, row->key, &flag, err);
        *(int *)field = flag;
        return rc;
    }
    rc = row->kind == DURATION ? cove__hdfs_site_duration(site, row->key, &n, err)
         : row->kind == SIZE   ? cove__hdfs_site_size(site, row->key, &n, err)
                               : cove__hdfs_site_number(site, row->key, row->min, row->max, &n, err);
    /* A timeout or a size of 0 is no limit for Hadoop: the option's default stays. */
    if (rc == 0 && (n > 0 || (n == 0 && row->kind == NUMBER)))
        *(int64_t *)field = n;
    return rc;
}

int cove__hdfs_parse_umask(const char *text, uint32_t *ret)
{
    uint32_t allowed = 0;
    char *end;
    unsigned long mask = strtoul(text, &end, 8);

    if (end != text) {
        *ret = (uint32_t)mask & 0777u;
        return *end || text[0] == '-' || mask > 07777 ? -1 : 0;
    }
    for (const char *p = text; *p; p += *p == ',') {
        unsigned shift = *p == 'u' ? 6 : *p == 'g' ? 3 : 0;

        if (!strchr("ugo", *p) || p[1] != '=')
            return -1;
        for (p += 2; *p && *p != ','; p++) {
            if (!strchr("rwx-", *p))
                return -1;
            allowed |= (*p == 'r' ? 4u : *p == 'w' ? 2u : *p == 'x' ? 1u : 0u) << shift;
        }
    }
    *ret = ~allowed & 0777u;
    return *text ? 0 : -1;
}

static int apply_umask(struct cove__hdfs *fs, const struct cove__hdfs_site *site, struct cove_error *err)
{
    char *text;
    int rc = cove__hdfs_site_get(site, UMASK_KEY, &text, err);

    if (rc == 0 && text && cove__hdfs_parse_umask(text, &fs->umask) < 0)
        rc = cove__hdfs_site_refuse(site, UMASK_KEY, err, "\"%s\" is no mask such as 022 or u=rwx,g=rx,o=rx", text);
    cove__free(text);
    return rc;
}

int cove__hdfs_apply_site(struct cove__hdfs *fs, const struct cove__hdfs_site *site, const struct cove_options *given,
                          struct cove_error *err)
{
    int rc = apply_umask(fs, site, err);

    for (size_t i = 0; rc == 0 && i < sizeof rows / sizeof rows[0]; i++) {
        if (!rows[i].option || !cove_options_get(given, rows[i].option))
            rc = apply(fs, site, &rows[i], err);
    }
    if (rc == 0 && fs->block_size % 512 != 0 && !cove_options_get(given, "block_size"))
        rc = cove__hdfs_site_refuse(site, "dfs.blocksize", err, "it must be a multiple of 512 bytes");
    return rc;
}
