/* THE table of schemes. A new backend is one more row here. */
#include "fs/schemes.h"

#include <ctype.h>
#include <string.h>

#include <cove/fs.h>

#include "config.h"

#if COVE__HAVE_S3
#define S3_OPS &cove__s3_ops
#else
#define S3_OPS NULL
#endif

#if COVE__HAVE_GCS
#define GCS_OPS &cove__gcs_ops
#else
#define GCS_OPS NULL
#endif

#if COVE__HAVE_AZURE
#define AZURE_OPS &cove__azure_ops
#else
#define AZURE_OPS NULL
#endif

#if COVE__HAVE_HDFS
#define HDFS_OPS   &cove__hdfs_ops
#define VIEWFS_OPS &cove__viewfs_ops
#else
#define HDFS_OPS   NULL
#define VIEWFS_OPS NULL
#endif

#if COVE__HAVE_WEBHDFS
#define WEBHDFS_OPS  &cove__webhdfs_ops
#define SWEBHDFS_OPS &cove__swebhdfs_ops
#else
#define WEBHDFS_OPS  NULL
#define SWEBHDFS_OPS NULL
#endif

#ifdef COVE__TEST_SCHEME /* a test's store: the test compiles this file once more, with the name of its scheme */
extern const struct cove__fs_ops cove__test_ops;
#endif

static const struct cove__scheme schemes[] = {
    { "file", "file", "local files; also every path without a scheme", &cove__file_ops },
    { "memory", "memory", "files in this process's memory, for tests", &cove__memory_ops },
    { "s3", "s3", "Amazon S3 and stores that speak its protocol", S3_OPS },
    { "s3a", "s3", "the same, under Hadoop's name", S3_OPS },
    { "gs", "gcs", "Google Cloud Storage", GCS_OPS },
    { "gcs", "gcs", "the same, under gcsfs's other name", GCS_OPS },
    { "az", "azure", "Azure Blob Storage", AZURE_OPS },
    { "abfs", "azure", "the same, under Hadoop's name", AZURE_OPS },
    { "abfss", "azure", "the same, under Hadoop's other name", AZURE_OPS },
    { "adl", "azure", "the same, under the name of Data Lake Storage Gen1, which is retired", AZURE_OPS },
    { "hdfs", "hdfs", "Hadoop's distributed filesystem", HDFS_OPS },
    { "viewfs", "viewfs", "several filesystems at the paths of a Hadoop cluster's mount table", VIEWFS_OPS },
    { "webhdfs", "webhdfs", "HDFS by WebHDFS, its REST interface", WEBHDFS_OPS },
    { "swebhdfs", "webhdfs", "the same by https", SWEBHDFS_OPS },
#ifdef COVE__TEST_SCHEME
    { COVE__TEST_SCHEME, COVE__TEST_SCHEME, "a test's store", &cove__test_ops },
    { COVE__TEST_SCHEME "a", COVE__TEST_SCHEME, "the same, under another name", &cove__test_ops },
#endif
};
#define N_SCHEMES (sizeof schemes / sizeof schemes[0])

/* Whether `text` begins with `name`, which is in lower case. */
static bool begins(const char *text, const char *name)
{
    for (; *name; text++, name++) {
        if ((*text >= 'A' && *text <= 'Z' ? *text - 'A' + 'a' : *text) != *name)
            return false;
    }
    return true;
}

const char *cove__scheme_skip(const char *url, const char *name)
{
    size_t n = strlen(name);

    return begins(url, name) && strncmp(url + n, "://", 3) == 0 ? url + n + 3 : NULL;
}

const struct cove__scheme *cove__scheme_named(const char *name)
{
    for (size_t i = 0; i < N_SCHEMES; i++) {
        if (begins(name, schemes[i].name) && strlen(name) == strlen(schemes[i].name))
            return &schemes[i];
    }
    return NULL;
}

const struct cove__scheme *cove__scheme_of(const char *url, size_t *ret_length)
{
    size_t n = 0;

    while (isalnum((unsigned char)url[n]) || url[n] == '+' || url[n] == '-' || url[n] == '.')
        n++;
    if (strncmp(url, "://", 3) == 0) {
        *ret_length = 0;
        return NULL; /* a scheme was meant and left out */
    }
    if (n == 0 || strncmp(url + n, "://", 3) != 0) {
        *ret_length = 0;
        return &schemes[0];
    }
    *ret_length = n;
    for (size_t i = 0; i < N_SCHEMES; i++) {
        if (strlen(schemes[i].name) == n && begins(url, schemes[i].name))
            return &schemes[i];
    }
    return NULL;
}

bool cove__scheme_lacks_slash(const char *url)
{
    for (size_t i = 0; i < N_SCHEMES; i++) {
        size_t n = strlen(schemes[i].name);

        if (begins(url, schemes[i].name) && strncmp(url + n, ":/", 2) == 0 && url[n + 2] != '/')
            return true;
    }
    return false;
}

void cove__scheme_list(struct cove__buf *out)
{
    for (size_t i = 0; i < N_SCHEMES; i++)
        cove__buf_addf(out, "%s%s", i ? ", " : "", schemes[i].name);
}

int cove_scheme_at(size_t i, struct cove_scheme *ret_row)
{
    if (i >= N_SCHEMES)
        return COVE_ENOTFOUND;
    *ret_row = (struct cove_scheme){
        .scheme = schemes[i].name,
        .backend = schemes[i].backend,
        .description = schemes[i].description,
        .available = schemes[i].ops ? 1 : 0,
        .real_directories = schemes[i].ops && schemes[i].ops->real_directories,
    };
    return 0;
}

int cove_options_describe(const char *scheme, size_t i, struct cove_option_help *ret_help)
{
    static const char *const types[] = {
        [COVE__OPTION_STRING] = "string", [COVE__OPTION_SECRET] = "secret",     [COVE__OPTION_JSON] = "json",
        [COVE__OPTION_BOOL] = "bool",     [COVE__OPTION_MAYBE] = "maybe",       [COVE__OPTION_INTEGER] = "integer",
        [COVE__OPTION_SIZE] = "size",     [COVE__OPTION_DURATION] = "duration", [COVE__OPTION_CHOICE] = "choice",
    };
    const struct cove__scheme *row = scheme ? cove__scheme_named(scheme) : NULL;
    const struct cove__option_row *tables[2] = { cove__common_options, row && row->ops ? row->ops->options : NULL };

    if (!row || !row->ops)
        return COVE_ENOTFOUND;
    for (size_t t = 0; t < 2; t++) {
        for (const struct cove__option_row *o = tables[t]; o && o->name; o++) {
            if (i-- > 0)
                continue;
            *ret_help = (struct cove_option_help){ .name = o->name,
                                                   .type = types[o->type],
                                                   .fallback = o->fallback,
                                                   .environment = o->environment,
                                                   .help = o->help,
                                                   .choices = o->choices,
                                                   .alias_of = o->alias_of,
                                                   .min = o->min,
                                                   .max = o->max };
            return 0;
        }
    }
    return COVE_ENOTFOUND;
}
