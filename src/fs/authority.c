/* Which store a URL is of, so that no call runs on another one. */
#include "fs/authority.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/schemes.h"

int cove__authority_resolve(const struct cove__fs_ops *ops, const char *url, const cove_options *options,
                            char **ret_authority, char **ret_of_options, struct cove_error *err)
{
    const struct cove__authority_ops *way = ops->authority;
    char *of_url = NULL, *of_options = NULL;
    int rc = way ? way->of_url(url, &of_url, err) : 0;

    if (rc == 0 && way)
        rc = way->of_options(options, &of_options, err);
    if (rc == 0 && !of_options && !(of_options = cove__strdup("")))
        rc = cove__fail_nomem(err, "a store's name");
    if (rc == 0 && (!of_url || !*of_url)) {
        cove__free(of_url);
        of_url = cove__strdup(of_options);
        if (!of_url)
            rc = cove__fail_nomem(err, "a store's name");
    }
    if (rc == 0) {
        *ret_authority = of_url;
        *ret_of_options = of_options;
        return 0;
    }
    cove__free(of_url);
    cove__free(of_options);
    return rc;
}

int cove__authority_check(const cove_fs *fs, const char *path, struct cove_error *err)
{
    size_t length;
    const struct cove__scheme *scheme = cove__scheme_of(path, &length);
    char *authority = NULL;
    const char *named;
    int rc;

    if (length == 0 && scheme)
        return 0; /* a path */
    if (!scheme || scheme->ops != fs->ops)
        return cove__fail(err, COVE_EINVAL, "a URL of another store; this filesystem is of %s://%s", fs->scheme,
                          fs->authority);
    if (!fs->ops->authority)
        return 0;
    rc = fs->ops->authority->of_url(path, &authority, err);
    if (rc < 0)
        return rc;
    /* Without the name of a store, the filesystem's is meant. */
    named = *authority ? authority : fs->authority_of_options;
    if (*named && strcmp(named, fs->authority) != 0)
        rc = cove__fail(err, COVE_EINVAL, "a URL of the store \"%s\"; this filesystem is of the store \"%s\"", named,
                        fs->authority);
    cove__free(authority);
    return rc;
}
