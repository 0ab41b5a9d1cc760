/*
 * URLs that name a store beyond their scheme, on a store made for it: "test://container/x" is of the account in the
 * option `account`, "testa://container@ACCOUNT.example/x" of the one it names, as az:// and abfs:// of Azure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* The table of schemes with two more; this takes the place of the library's. */
#define COVE__TEST_SCHEME "test"
#include "fs/schemes.c"

#include "base/error.h"
#include "base/mem.h"

#define DOMAIN ".example"

static const char *stat_on; /* the store that the last stat was run on */
static char stat_path[64];

struct store {
    char *account;
};

static int test_open(const struct cove_options *options, const char *authority, void **ret_self, struct cove_error *err)
{
    struct store *self;

    if (!*authority)
        return cove__fail(err, COVE_EINVAL, "no account is named: set the option account");
    self = cove__calloc(1, sizeof *self);
    self->account = cove__strdup(authority);
    *ret_self = self;
    return 0;
}

static void test_close(void *self)
{
    cove__free(((struct store *)self)->account);
    cove__free(self);
}

/* "container/x" */
static int test_parse(const char *url_or_path, char **ret_path, struct cove_error *err)
{
    const char *rest = cove__scheme_skip(url_or_path, "testa");
    char *path;

    if (!rest) {
        rest = cove__scheme_skip(url_or_path, "test");
        *ret_path = cove__strdup(rest ? rest : url_or_path);
        return 0;
    }
    path = cove__strdup(rest);
    if (strchr(path, '@'))
        memmove(strchr(path, '@'), rest + strcspn(rest, "/"), strlen(rest + strcspn(rest, "/")) + 1);
    *ret_path = path;
    return 0;
}

static int account_of_url(const char *url, char **ret_authority, struct cove_error *err)
{
    const char *rest = cove__scheme_skip(url, "testa"), *at = rest ? strchr(rest, '@') : NULL;
    size_t n = at ? strcspn(at + 1, "./") : 0;

    if (rest && n == 0)
        return cove__fail(err, COVE_EINVAL, "no account is named");
    *ret_authority = cove__strndup(at ? at + 1 : "", n);
    for (char *c = *ret_authority; *c; c++)
        *c = (char)tolower(*c);
    return 0;
}

static int account_of_options(const struct cove_options *options, char **ret_authority, struct cove_error *err)
{
    const char *account = cove_options_get(options, "account");

    *ret_authority = cove__strdup(account ? account : "");
    return 0;
}

static void write_url(const char *scheme, const char *authority, const char *path, struct cove__buf *ret_url)
{
    size_t n = strcspn(path, "/");

    if (strcmp(scheme, "testa") == 0)
        cove__buf_addf(ret_url, "testa://%.*s@%s%s%s", (int)n, path, authority, DOMAIN, path + n);
    else
        cove__buf_addf(ret_url, "test://%s", path);
}

static const struct cove__authority_ops authority_ops = { .of_url = account_of_url,
                                                          .of_options = account_of_options,
                                                          .write_url = write_url };

static void test_stat(void *self, struct cove__stat_io *io)
{
    stat_on = ((struct store *)self)->account;
    snprintf(stat_path, sizeof stat_path, "%s", io->path);
    cove__op_finish(&io->op, cove__info_set(io->ret_info, io->path, COVE_INFO_FILE, 0, 0, NULL), 0, NULL);
}

static int test_copy(void *self, const char *from, const char *etag, const char *to, const struct cove__ctx *ctx,
                     struct cove_error *err)
{
    fail_msg("a copy of another store's file was begun");
    return 0;
}

const struct cove__fs_ops cove__test_ops = {
    .name = "test",
    .options = (const struct cove__option_row[]){ { .name = "account" }, { 0 } }, /* read from the set itself */
    .open = test_open,
    .close = test_close,
    .parse = test_parse,
    .authority = &authority_ops,
    .stat = test_stat,
    .copy = test_copy,
};

static struct cove_error err;

static cove_fs *fs_of(const char *url, const char *account, const char *path)
{
    cove_options *options = cove_options_new();
    cove_fs *fs = NULL;
    char *got = NULL;

    err = (struct cove_error)COVE_ERROR_INIT;
    if (account)
        assert_int_equal(cove_options_set(options, "account", account, &err), 0);
    if (cove_fs_from_url(url, options, &fs, &got, &err) < 0)
        fail_msg("%s", err.message);
    assert_string_equal(got, path);
    cove_options_free(options);
    cove_free(got);
    return fs;
}

static void works(cove_fs *fs, const char *url, const char *account, const char *path)
{
    err = (struct cove_error)COVE_ERROR_INIT;
    stat_on = NULL;
    if (cove_fs_exists(fs, url, NULL, &err) < 0)
        fail_msg("%s", err.message);
    assert_string_equal(stat_on, account);
    assert_string_equal(stat_path, path);
}

static void refused(cove_fs *fs, const char *url, const char *one, const char *other)
{
    err = (struct cove_error)COVE_ERROR_INIT;
    stat_on = NULL;
    assert_int_equal(cove_fs_exists(fs, url, NULL, &err), COVE_EINVAL);
    assert_null(stat_on);
    assert_non_null(strstr(err.message, url));
    assert_non_null(strstr(err.message, one));
    assert_non_null(strstr(err.message, other));
}

static void test_refused(void **state)
{
    cove_fs *one = fs_of("testa://c@one.example/x", "two", "c/x"), *two = fs_of("test://c/x", "two", "c/x"),
            *none = fs_of("testa://c@one.example/x", NULL, "c/x");

    works(one, "testa://c@ONE.example/x", "one", "c/x");
    works(one, "c/x", "one", "c/x"); /* a path is the filesystem's, with any options */
    refused(one, "testa://c@two.example/x", "\"one\"", "\"two\"");
    refused(one, "test://c/x", "\"one\"", "\"two\""); /* it means the account of the options */
    works(two, "test://c/x", "two", "c/x");
    works(two, "testa://c@two.example/x", "two", "c/x"); /* two schemes, one store */
    refused(two, "testa://c@one.example/x", "\"one\"", "\"two\"");
    works(none, "test://c/x", "one", "c/x"); /* no other name is given */
    refused(none, "memory://c/x", "memory://c/x", "testa://one");
    assert_int_equal(cove_fs_copy(one, "c/x", "testa://c@two.example/x", NULL, &err), COVE_EINVAL);
    assert_int_equal(cove_fs_copy(one, "testa://c@two.example/x", "c/x", NULL, &err), COVE_EINVAL);
    cove_fs_unref(one);
    cove_fs_unref(two);
    cove_fs_unref(none);
}

static void test_unnamed(void **state)
{
    cove_fs *fs = NULL;

    err = (struct cove_error)COVE_ERROR_INIT;
    assert_int_equal(cove_fs_from_url("test://c/x", NULL, &fs, NULL, &err), COVE_EINVAL);
    assert_non_null(strstr(err.message, "open test://c/x: no account is named: set the option account"));
    assert_int_equal(cove_fs_from_url("testa://c/x", NULL, &fs, NULL, &err), COVE_EINVAL);
    assert_int_equal(cove_fs_from_url("testa://c:secret@/x", NULL, &fs, NULL, &err), COVE_EINVAL);
    assert_null(strstr(err.message, "secret"));
    assert_null(fs);
}

/* One instance for one store and one set of options. */
static void test_instances(void **state)
{
    cove_fs *one = fs_of("testa://c@one.example/x", NULL, "c/x"), *same = fs_of("testa://d@ONE/y", NULL, "d/y"),
            *two = fs_of("testa://c@two.example/x", NULL, "c/x"), *by_option = fs_of("test://c/x", "one", "c/x");

    assert_ptr_equal(one, same);
    assert_ptr_not_equal(one, two);
    assert_false(cove_fs_same_store(one, two));
    assert_true(cove_fs_same_store(one, by_option));
    assert_false(cove_fs_same_store(two, by_option));
    cove_fs_unref(one);
    cove_fs_unref(same);
    cove_fs_unref(two);
    cove_fs_unref(by_option);
}

/* A filesystem's URL of a path leads back to both; results are paths, without a store. */
static void round_trip(const char *given, const char *account, const char *written)
{
    cove_fs *fs = fs_of(given, account, "c/x"), *again;
    cove_info *info;
    char *url;

    assert_int_equal(cove_fs_url(fs, "c/x", &url, &err), 0);
    assert_string_equal(url, written);
    again = fs_of(url, account, "c/x");
    assert_ptr_equal(fs, again);
    assert_int_equal(cove_fs_stat(fs, url, NULL, &info, &err), 0);
    assert_string_equal(cove_info_path(info), "c/x");
    cove_info_free(info);
    cove_free(url);
    cove_fs_unref(fs);
    cove_fs_unref(again);
}

static void test_urls(void **state)
{
    round_trip("testa://c@One/x", NULL, "testa://c@one.example/x");
    round_trip("testa://c@one.example/x", "two", "testa://c@one.example/x");
    round_trip("test://c/x", "one", "test://c/x");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_refused), cmocka_unit_test(test_unnamed),
                                        cmocka_unit_test(test_instances), cmocka_unit_test(test_urls) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
