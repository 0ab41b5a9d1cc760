/*
 * Responses of those who give AWS's keys. The first byte chooses who is asked: a process, a container, the instance,
 * STS by role or by web identity, SSO (whose cached token stands before the responses). Keys that come back can be
 * signed with, and what was sent as a secret stands in no message.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/aws_chain.h"
#include "base/mem.h"
#include "responses.h"

#define SECRET "wJalrXUtnFEMI-FUZZ-SECRET"

/* A home for SSO's cache: the name is the SHA-1 of "fuzz". */
static char home[64], cached[160], token[96];

static void set_up(void)
{
    static const char *const folders[] = { "/.aws", "/.aws/sso", "/.aws/sso/cache" };
    char path[128];

    if (home[0] != '\0')
        return;
    snprintf(home, sizeof home, "%s/cove-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    FUZZ_CHECK(mkdtemp(home));
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", home, folders[i]);
        FUZZ_CHECK(mkdir(path, 0700) == 0);
    }
    snprintf(cached, sizeof cached, "%s/.aws/sso/cache/%s.json", home, "0492e0df40077c04b1943dc1aadb32c659080fac");
    snprintf(token, sizeof token, "%s/token", home);
    setenv("HOME", home, 1);
    setenv("AWS_CONFIG_FILE", "/nowhere", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere", 1);
    setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/keys", 1);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", SECRET, 1);
}

static void tear_down(void) __attribute__((destructor));

static void tear_down(void)
{
    static const char *const folders[] = { "/.aws/sso/cache", "/.aws/sso", "/.aws", "" };
    char path[128];

    if (home[0] == '\0')
        return;
    unlink(cached);
    unlink(token);
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s%s", home, folders[i]);
        rmdir(path);
    }
}

static void write_file(const char *path, struct cove__slice text)
{
    FILE *f = fopen(path, "w");

    FUZZ_CHECK(f && (text.size == 0 || fwrite(text.data, 1, text.size, f) == text.size));
    fclose(f);
}

/* A header is made of each. */
static bool plain(const char *s)
{
    for (; *s; s++) {
        if (*s <= ' ' || *s > '~')
            return false;
    }
    return true;
}

static void check_keys(const struct cove__aws_credentials *c)
{
    FUZZ_CHECK(c->key_id && c->secret && c->key_id[0] != '\0' && c->secret[0] != '\0' && plain(c->key_id));
    FUZZ_CHECK(!c->token || (c->token[0] != '\0' && plain(c->token)));
    FUZZ_CHECK(!c->anonymous && c->expires_ns >= 0);
}

static int ask_chain(struct cove__aws_chain *chain, struct cove__aws_role *role, uint8_t who, struct cove__slice in,
                     struct cove__aws_credentials *ret, struct cove_error *err)
{
    switch (who) {
    case 'p':
        return cove__aws_keys_from_json(in, "credential_process", true, ret, err);
    case 'c':
        responses_begin(in, "http://169.254.170.2/keys", NULL);
        return cove__aws_container(chain, NULL, ret, err);
    case 'i':
        responses_begin(in, "http://169.254.169.254/latest/", NULL);
        return cove__aws_instance(chain, NULL, ret, err);
    case 'w':
        write_file(token, cove__slice_str(SECRET));
        role->by = NULL;
        role->token_file = token;
        __attribute__((fallthrough));
    case 'r':
        responses_begin(in, "https://sts.us-east-1.amazonaws.com/", NULL);
        return cove__aws_sts(chain, role, NULL, ret, err);
    default:
        write_file(cached, fuzz_take(&in, "\n%%\n"));
        responses_begin(in, "https://", NULL);
        return cove__aws_sso(chain, chain->first, NULL, ret, err);
    }
}

static int ask(uint8_t who, struct cove__slice in, struct cove__aws_credentials *ret, struct cove_error *err)
{
    struct cove__aws_profile profile = { .name = (char *)"x",
                                         .sso_session = (char *)"fuzz",
                                         .sso_account_id = (char *)"123456789012",
                                         .sso_role_name = (char *)"role",
                                         .sso_start_url = (char *)"https://start",
                                         .sso_region = (char *)"eu-west-1" };
    struct cove__aws_credentials by = { .key_id = (char *)"AKIDEXAMPLE", .secret = (char *)SECRET };
    struct cove__aws_role role = { .arn = "arn:aws:iam::123456789012:role/x", .by = &by };
    struct cove__credentials_files tokens = { 0 };
    struct cove__aws_chain chain = { .region = (char *)"us-east-1", .first = &profile, .tokens = &tokens };
    int rc = ask_chain(&chain, &role, who, in, ret, err);

    cove__credentials_files_done(&tokens);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct cove__aws_credentials c = { 0 };

    if (size == 0)
        return 0;
    set_up();
    int rc = ask(data[0], cove__slice(data + 1, size - 1), &c, &err);
    fuzz_check_error(rc, &err);
    if (rc == 0)
        check_keys(&c);
    else if (!memmem(data, size, SECRET, strlen(SECRET)))
        FUZZ_CHECK(!strstr(err.message, SECRET));
    cove__aws_credentials_done(&c);
    return 0;
}
