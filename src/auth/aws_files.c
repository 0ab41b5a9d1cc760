/* Paths and contents of AWS's shared files, and variables of the environment: for aws_config.c and the sources. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/aws_config.h"
#include "base/error.h"
#include "base/mem.h"

#define PATH_LENGTH_MAX ((size_t)4096)

static bool is_word(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Replaces $NAME and ${NAME} by variables of the environment; one that is not set stays as it is. */
static void expand_variables(struct cove__buf *out, const char *path)
{
    char name[256];

    while (path[0] != '\0') {
        size_t n = strcspn(path, "$");
        cove__buf_add(out, path, n);
        path += n;
        if (path[0] == '\0')
            break;
        bool braced = path[1] == '{';
        const char *start = path + 1 + braced;
        for (n = 0; braced ? start[n] != '\0' && start[n] != '}' : is_word(start[n]); n++)
            ;
        size_t whole = 1 + n + 2 * (size_t)braced;
        const char *value = NULL;
        if (n > 0 && n < sizeof name && (!braced || start[n] == '}')) {
            memcpy(name, start, n);
            name[n] = '\0';
            value = getenv(name);
        }
        if (!value)
            whole = 1;
        cove__buf_add_str(out, value ? value : "$");
        path += whole;
    }
}

/* The home folder of the user `name`; of length 0: the process's own. */
static void add_home(struct cove__buf *out, const char *name, size_t n)
{
    char user[256], text[4096];
    struct passwd entry, *found = NULL;
    const char *home = n == 0 ? getenv("HOME") : NULL;

    if (!home && n < sizeof user) {
        memcpy(user, name, n);
        user[n] = '\0';
        int rc = n == 0 ? getpwuid_r(getuid(), &entry, text, sizeof text, &found)
                        : getpwnam_r(user, &entry, text, sizeof text, &found);
        home = rc == 0 && found ? entry.pw_dir : NULL;
    }
    if (home) { /* an empty one is the root, as in Python's expanduser */
        n = strlen(home);
        while (n > 0 && home[n - 1] == '/')
            n--;
        cove__buf_add(out, home, n);
    } else {
        /* No such user: below the root, where there is no such file. A relative path could name another user's file. */
        cove__buf_add_str(out, "/~");
        cove__buf_add(out, name, n);
    }
}

char *cove__aws_file(const char *variable, const char *name)
{
    struct cove__buf given = COVE__BUF_INIT(PATH_LENGTH_MAX), b = COVE__BUF_INIT(PATH_LENGTH_MAX);
    const char *named = cove__aws_env(variable);

    if (named)
        expand_variables(&given, named);
    else
        cove__buf_addf(&given, "~/.aws/%s", name);
    const char *path = cove__buf_str(&given);
    if (path[0] == '~') {
        size_t n = strcspn(path + 1, "/");
        add_home(&b, path + 1, n);
        path += 1 + n;
    }
    cove__buf_add_str(&b, path);
    char *ret = cove__buf_rc(&given) == 0 ? cove__buf_take(&b) : NULL;
    cove__buf_done(&given);
    cove__buf_done(&b);
    return ret;
}

bool cove__aws_given(const char *s)
{
    return s && s[0] != '\0';
}

const char *cove__aws_env(const char *name)
{
    const char *value = getenv(name);
    return cove__aws_given(value) ? value : NULL;
}

bool cove__aws_ignores_endpoints(void)
{
    const char *ignore = cove__aws_env("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    return ignore && strcasecmp(ignore, "true") == 0;
}

const char *cove__aws_endpoint(const char *variable, const char *of_services, const struct cove__aws_profile *general)
{
    const char *url = cove__aws_env(variable);

    if (cove__aws_ignores_endpoints())
        return NULL;
    if (!url && general)
        url = cove__aws_env("AWS_ENDPOINT_URL");
    if (!url && cove__aws_given(of_services))
        url = of_services;
    if (!url && general && cove__aws_given(general->endpoint_url))
        url = general->endpoint_url;
    return url;
}
