/* AWS's shared files: names and values lie within the text, each option is found, and a profile has the settings of
 * both files. */
#include <string.h>

#include <cove/error.h>

#include "auth/aws_config.h"
#include "base/mem.h"
#include "fuzz.h"

static void check_slice(const struct cove__ini *ini, struct cove__slice s)
{
    const uint8_t *text = (const uint8_t *)ini->text;

    FUZZ_CHECK(s.data >= text && s.data + s.size <= text + ini->size);
    FUZZ_CHECK(s.size == 0 || !memchr(s.data, '\0', s.size));
}

static void check(const struct cove__ini *ini, struct cove__slice text)
{
    char name[256];

    FUZZ_CHECK(ini->size <= text.size + strlen("DEFAULT"));
    for (size_t i = 0; i < ini->n_sections; i++)
        check_slice(ini, ini->sections[i].name);
    for (size_t i = 0; i < ini->n_options; i++) {
        const struct cove__ini_option *o = &ini->options[i];
        check_slice(ini, o->name);
        check_slice(ini, o->value);
        FUZZ_CHECK(o->section < ini->n_sections);
        if (o->name.size >= sizeof name)
            continue;
        memcpy(name, o->name.data, o->name.size);
        name[o->name.size] = '\0';
        FUZZ_CHECK(cove__ini_get(ini, o->section, name) == o);
    }
}

static void read_profile(const struct cove__aws_shared files[2], const char *name)
{
    struct cove__aws_profile profile = { .name = cove__strdup(name) };

    FUZZ_CHECK(profile.name);
    int rc = cove__aws_profile_read(files, &profile, NULL);
    FUZZ_CHECK(rc == 0 || rc == COVE_EINVAL);
    FUZZ_CHECK(profile.found || (!profile.region && !profile.access_key_id && !profile.s3_endpoint_url));
    FUZZ_CHECK(profile.access_key_id || (!profile.secret_access_key && !profile.session_token));
    cove__aws_profile_done(&profile);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cove__slice text = cove__slice(data, size);
    char path[] = "config";
    struct cove__aws_shared files[2] = { { .path = path }, { .path = path } };
    struct cove__ini_error why = { 0 };
    unsigned lines = 1;

    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n' || data[i] == '\r';
    int rc = cove__ini_parse(text, &files[0].ini, &why);
    FUZZ_CHECK(rc == 0 || (rc == COVE_EINVAL && why.line >= 1 && why.line <= lines && why.why));
    if (rc == 0) {
        FUZZ_CHECK(cove__ini_parse(text, &files[1].ini, &why) == 0);
        check(&files[0].ini, text);
        read_profile(files, "x");
        read_profile(files, "default");
    }
    cove__ini_done(&files[0].ini);
    cove__ini_done(&files[1].ini);
    return 0;
}
