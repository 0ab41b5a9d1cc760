/* The project of gcloud's active configuration, read as gcloud writes it. For google_chain.c. */
#include <stdlib.h>
#include <string.h>

#include "auth/credentials_file.h"
#include "auth/google_chain.h"
#include "base/mem.h"
#include "wire/ini.h"

#define PATH_MAX_BYTES ((size_t)4096)
#define CONFIG_MAX     ((size_t)64 << 10)
#define NAME_MAX_BYTES ((size_t)256)

static const char *given(const char *name)
{
    const char *value = getenv(name);

    return value && value[0] != '\0' ? value : NULL;
}

bool cove__google_gcloud_folder(struct cove__buf *out)
{
    const char *config = given("CLOUDSDK_CONFIG"), *home = given("HOME");

    if (!config && !home)
        return false;
    cove__buf_addf(out, "%s%s", config ? config : home, config ? "" : "/.config/gcloud");
    return cove__buf_rc(out) == 0;
}

/* The active configuration's name: of the environment, else of the file that `gcloud config configurations activate`
 * writes. */
static void add_name(struct cove__buf *path, const char *folder)
{
    const char *name = given("CLOUDSDK_ACTIVE_CONFIG_NAME");
    struct cove__buf file = COVE__BUF_INIT(PATH_MAX_BYTES), text = COVE__BUF_INIT(NAME_MAX_BYTES);
    struct cove_error why = COVE_ERROR_INIT;

    cove__buf_addf(&file, "%s/active_config", folder);
    if (!name && cove__buf_rc(&file) == 0 && cove__credentials_file_read(cove__buf_str(&file), &text, &why) == 0)
        name = cove__buf_str(&text);
    if (!name || name[0] == '\0')
        name = "default";
    cove__buf_addf(path, "%.*s", (int)strcspn(name, "\r\n"), name);
    cove__buf_done(&file);
    cove__buf_done(&text);
}

static char *project_of(const struct cove__ini *ini)
{
    for (size_t i = 0; i < ini->n_sections; i++) {
        const struct cove__ini_option *option =
            cove__slice_is(ini->sections[i].name, "core") ? cove__ini_get(ini, i, "project") : NULL;
        if (option && option->value.size > 0)
            return cove__strndup((const char *)option->value.data, option->value.size);
    }
    return NULL;
}

char *cove__google_gcloud_project(void)
{
    struct cove__buf folder = COVE__BUF_INIT(PATH_MAX_BYTES), path = COVE__BUF_INIT(PATH_MAX_BYTES),
                     text = COVE__BUF_INIT(CONFIG_MAX);
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__ini_error where;
    struct cove__ini ini;
    char *project = given("CLOUDSDK_CORE_PROJECT") ? cove__strdup(given("CLOUDSDK_CORE_PROJECT")) : NULL;

    if (!project && cove__google_gcloud_folder(&folder)) {
        cove__buf_addf(&path, "%s/configurations/config_", cove__buf_str(&folder));
        add_name(&path, cove__buf_str(&folder));
        if (cove__buf_rc(&path) == 0 && cove__credentials_file_read(cove__buf_str(&path), &text, &why) == 0 &&
            cove__ini_parse(cove__buf_slice(&text), &ini, &where) == 0) {
            project = project_of(&ini);
            cove__ini_done(&ini);
        }
    }
    cove__buf_done(&folder);
    cove__buf_done(&path);
    cove__buf_done(&text);
    return project;
}
