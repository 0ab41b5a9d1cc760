/* No message or log line shows a secret in use, in whatever form it comes in from outside; other text stays as it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"

#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

static const int owner;

static void expect(const char *in, const char *out)
{
    struct cove_error err = COVE_ERROR_INIT;

    cove__fail(&err, COVE_EIO, "%s", in);
    assert_string_equal(err.message, out);
}

static void all_forms(void **state)
{
    cove__secret_add(&owner, cove__slice_str(SECRET));
    expect("the key " SECRET " is wrong", "the key *** is wrong");
    expect(SECRET, "***");
    expect("a=" SECRET SECRET "b", "a=******b");
    expect("wJalrXUtnFEMI%2FK7MDENG%2BbPxRfiCYEXAMPLEKEY&x", "***&x");
    expect("wJalrXUtnFEMI%2fK7MDENG+bPxRfiCYEXAMPLEKEY&x", "***&x");
    expect("cut: wJalrXUtnFEM", "cut: ***");
    expect("cut: wJalrXUtnFEMI/K7...", "cut: ***...");
    expect("wJalr is no secret", "wJalr is no secret");
    expect("", "");
    expect("json: wJalrXUtnFEMI\\/K7MDENG\\u002bbPxRfiCYEXAMPLEKEY.", "json: ***.");
    expect("html: wJalrXUtnFEMI&#x2F;K7MDENG&#43;bPxRfiCYEXAMPLEKEY.", "html: ***.");
    expect("twice: wJalrXUtnFEMI%252FK7MDENG%25252BbPxRfiCYEXAMPLEKEY.", "twice: ***.");
    expect("%77JalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY.", "***.");
    expect("&#119;JalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY.", "***.");
    cove__secret_drop(&owner);
    expect(SECRET, SECRET);
}

/* A secret may have the signs that escapes begin with, so a place in a text can be read in more than one way. */
static void secrets_with_signs_of_escapes(void **state)
{
    static const struct {
        const char *secret, *in, *out;
    } rows[] = {
        { "abcdefghijklmn%TAIL", "s=abcdefghijklmn%25TAIL.", "s=***." },
        { "abcdefghijklmn%TAIL", "s=abcdefghijklmn%2525TAIL.", "s=***." },
        { "abcdefghijklmn%TAIL", "s=abcdefghijklmn%TAIL.", "s=***." },
        { "abcdefghijklmn%25TAIL", "s=abcdefghijklmn%25TAIL.", "s=***." },
        { "abcdefghijklmn%25TAIL", "s=abcdefghijklmn%2525TAIL.", "s=***." },
        { "ab%cdefghijklmnTAIL", "s=ab%25cdefghijklmnTAIL&x", "s=***&x" },
        { "%7B%22url%22%3ASECRET", "s=%257B%2522url%2522%253ASECRET&x", "s=***&x" },
        { "%7B%22url%22%3ASECRET", "s=%7B%22url%22%3ASECRET&x", "s=***&x" },
        { "abcdefghijklmn&TAIL", "s=abcdefghijklmn&amp;TAIL.", "s=***." },
        { "abcdefghijklmn&TAIL", "s=abcdefghijklmn&TAIL.", "s=***." },
        { "abcdefghijklmn&TAIL", "s=abcdefghijklmn\\u0026TAIL.", "s=***." },
        { "abcdefghijklmn\\TAIL", "s=abcdefghijklmn\\\\TAIL.", "s=***." },
        { "abcdefghijklmn\nTAIL", "s=abcdefghijklmn\\nTAIL.", "s=***." },
        { "abcdefghijklmn TAIL", "s=abcdefghijklmn+TAIL.", "s=***." },
        { "\\\\\\\\\\\\\\\\", "\\\\\\\\\\\\\\\\", "***" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cove__secret_add(&owner, cove__slice_str(rows[i].secret));
        expect(rows[i].in, rows[i].out);
        cove__secret_drop(&owner);
    }
}

/* What everybody can know of a secret's beginning is no secret, so other text that begins alike stays. */
static void beginnings_that_are_known(void **state)
{
    static const struct {
        const char *secret, *in, *out;
    } rows[] = {
        { "-----BEGIN PRIVATE KEY-----\nMIISECRETSECRET", "no -----BEGIN PRIVATE KEY-----",
          "no -----BEGIN PRIVATE KEY-----" },
        { "-----BEGIN PRIVATE KEY-----\nMIISECRETSECRET", "cut: -----BEGIN PRIVATE KEY-----\\nMIISECRETSE",
          "cut: ***" },
        { "{\"type\": \"authorized_user\", \"client_secret\": \"abc\"}", "{\"type\": \"service_account\"}",
          "{\"type\": \"service_account\"}" },
        { "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=abcdefghijklmnopqrstuvwxyz012345",
          "no DefaultEndpointsProtocol", "no DefaultEndpointsProtocol" },
        { "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=abcdefghijklmnopqrstuvwxyz012345",
          "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=abcdefghijklmnopqrstuvwxyz01", "***" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cove__secret_add(&owner, cove__slice_str(rows[i].secret));
        expect(rows[i].in, rows[i].out);
        cove__secret_drop(&owner);
    }
    cove__secret_add_userinfo(&owner, "http://machine-learning:password1@proxy:1");
    expect("s3://machine-learning/data", "s3://machine-learning/data");
    expect("machine-learning:password1", "***");
    cove__secret_drop(&owner);
}

/* A store's code is a server's text, too. */
static void codes_of_stores(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    char code[80] = "";

    cove__secret_add(&owner, cove__slice_str(SECRET));
    cove__error_store_code(&err, "x" SECRET);
    assert_string_equal(err.store_code, "x***");
    cove__secret_drop(&owner);
    cove__error_store_code(&err, "a\nb\x7f\xc2\x9b\xe2\x80\xae");
    assert_null(strpbrk(err.store_code, "\n\x7f\x9b\xae"));
    while (strlen(code) < 70) /* the last of them is cut */
        strcat(code, "\xc3\xa9");
    cove__error_store_code(&err, code);
    assert_int_equal(strlen(err.store_code), 62);
}

static void long_tokens(void **state)
{
    char token[301] = { 0 }, text[400];

    for (size_t i = 0; i < 300; i++)
        token[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef/+"[i * 7 % 34];
    cove__secret_add(&owner, cove__slice_str(token));
    snprintf(text, sizeof text, "<%s> and more", token);
    expect(text, "<***> and more");
    snprintf(text, sizeof text, "<%.290s> and more", token);
    expect(text, "<***> and more");
    snprintf(text, sizeof text, "<%.200sXYZ> and more", token); /* as if a server had changed it */
    expect(text, "<***> and more");
    cove__secret_drop(&owner);
}

/* Of more than letters and digits, whole. */
static void long_passwords(void **state)
{
    char password[201] = { 0 }, text[400];

    for (size_t i = 0; i < 200; i++)
        password[i] = "aB?&: !#(){}"[i * 5 % 12];
    cove__secret_add(&owner, cove__slice_str(password));
    snprintf(text, sizeof text, "<%s> and more", password);
    expect(text, "<***> and more");
    cove__secret_drop(&owner);
}

/* As a file may hold that is read as a token. */
static void a_secret_ends_at_a_nul(void **state)
{
    char *text = cove__strdup("0123456789abcdef");

    cove__secret_add(&owner, cove__slice("0123456789abcdef\0more", 21));
    cove__secrets_hide(text);
    assert_string_equal(text, "***");
    cove__secret_drop(&owner);
    cove__free(text);
}

static void short_words_are_no_secrets(void **state)
{
    cove__secret_add(&owner, cove__slice_str("test"));
    expect("s3://test-bucket/test", "s3://test-bucket/test");
    cove__secret_drop(&owner);
}

static void passwords_in_urls(void **state)
{
    expect("bad syntax in 'http://u:p@no such'", "bad syntax in 'http://***@no such'");
    expect("ht!tp://user:x@127.0.0.1:1", "ht!tp://***@127.0.0.1:1");
    expect("s3://b/a:b@c", "s3://b/a:b@c");
    expect("https://h:1/x@y", "https://h:1/x@y");
    cove__secret_add_userinfo(&owner, "http://user:pass%2Fword1@proxy:1");
    expect("refused pass/word1", "refused ***");
    expect("refused pass%2Fword1", "refused ***");
    cove__secret_drop(&owner);
    cove__secret_add_userinfo(&owner, "u:PROXYPASS@127.0.0.1:99999");
    expect("Unsupported proxy syntax in 'u:PROXYPASS@127.0.0.1:99999'",
           "Unsupported proxy syntax in '***127.0.0.1:99999'");
    cove__secret_drop(&owner);
    cove__secret_add_userinfo(&owner, "u:pw@h");
    expect("proxy 'u:pw@h:1', and u:pw", "proxy '***h:1', and u:pw");
    cove__secret_drop(&owner);
    cove__secret_add_userinfo(&owner, "http://proxy:1");
    cove__secret_add_userinfo(&owner, NULL);
    expect("http://proxy:1", "http://proxy:1");
    cove__secret_add_userinfo(&owner, "http://user:pass%25abword@proxy:1");
    expect("refused pass%abword, pass%25abword", "refused ***, ***");
    cove__secret_drop(&owner);
}

static void signed_urls(void **state)
{
    expect("GET https://h/k?X-Amz-Date=1&X-Amz-Signature=abc12&x=1",
           "GET https://h/k?X-Amz-Date=1&X-Amz-Signature=***&x=1");
    expect("X-Amz-Security-Token=abcdef", "X-Amz-Security-Token=***");
    expect("https://h/o?uploadType=resumable&upload_id=ab_c-1&x=1",
           "https://h/o?uploadType=resumable&upload_id=***&x=1");
    expect("https://h/c/b?sv=1&sig=ab%2Bc&se=2", "https://h/c/b?sv=1&sig=***&se=2");
    expect("https://h/c/b?sig=abc", "https://h/c/b?sig=***");
    expect("https://h/c/b?sv=1&amp;sig=abc\"", "https://h/c/b?sv=1&amp;sig=***\"");
    expect("https://h/c/b?sv=1\\u0026sig\\u003dabc\"", "https://h/c/b?sv=1\\u0026sig\\u003d***\"");
    expect("a%20Signature%3D4964738c&x", "a%20Signature%3D***&x");
    expect("a%2520Signature%253D4964738c&x", "a%2520Signature%253D***&x");
    expect("Signature=", "Signature=");
    expect("design=abc", "design=abc");
}

#define HOST "https://storage.googleapis.com/upload/storage/v1/b/my-bucket/o"
#define ID   "ABPtcPo-0123456789_abcdefghijklmnopqrstuvwxyz-0123456789_abcdefghijklmnopqrstuvwxyz-0123456789"

/* Of a URL that gives a right only what cannot be guessed is hidden: its beginning stands in other text, too. */
static void urls_that_give_a_right(void **state)
{
    static const struct {
        const char *url, *parameter, *in, *out;
    } rows[] = {
        { HOST "?uploadType=resumable&name=run%2Flast.ckpt&upload_id=" ID, "upload_id",
          "PUT " HOST "?uploadType=resumable&name=run%2Flast.ckpt&upload_id=" ID " failed",
          "PUT " HOST "?uploadType=resumable&name=run%2Flast.ckpt&upload_id=*** failed" },
        { HOST "?name=run%2Flast.ckpt&upload_id=" ID, "upload_id", "no upload " ID ": run/last.ckpt",
          "no upload ***: run/last.ckpt" },
        { HOST "?upload_id=" ID "&name=k#x", "upload_id", "ABPtcPo-01234 is cut", "*** is cut" },
        { HOST "?upload_id=" ID, "upload_id", "see " HOST "/other", "see " HOST "/other" },
        { HOST "?upload_id=one%2Btwo-three", "upload_id", "one+two-three or one%2Btwo-three", "*** or ***" },
        { HOST "?id=" ID, "upload_id", "no upload " ID, "no upload ***" },
        { "http://h/session/secret-0?at=" ID, NULL, "secret-0 and " ID " of http://h/session",
          "*** and *** of http://h/session" },
        { "http://h/session/secret-0", NULL, "PUT http://h/session/secret-0", "PUT http://h/session/***" },
        { "http://h/", NULL, "http://h/", "http://h/" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cove__secret_add_url(&owner, rows[i].url, rows[i].parameter);
        expect(rows[i].in, rows[i].out);
        cove__secret_drop(&owner);
    }
}

static void wiped_is_forgotten(void **state)
{
    char *a = cove__strdup(SECRET), *b = cove__strdup(SECRET);

    cove__secret_add_owned(a);
    cove__secret_add_owned(b);
    cove__wipe(a);
    expect(SECRET, "***");
    cove__wipe(b);
    expect(SECRET, SECRET);
    cove__secret_add_owned(NULL);
}

/* Any number of secrets is recognised. */
static void many(void **state)
{
    char owners[1000], text[32], in[64];

    for (size_t i = 0; i < sizeof owners; i++) {
        snprintf(text, sizeof text, "secret-number-%04zu", i);
        cove__secret_add(&owners[i], cove__slice_str(text));
    }
    for (size_t i = 0; i < sizeof owners; i++) {
        snprintf(in, sizeof in, "x secret-number-%04zu y", i);
        expect(in, "x *** y");
    }
    for (size_t i = 0; i < sizeof owners; i++)
        cove__secret_drop(&owners[i]);
    expect("x secret-number-0000 y", "x secret-number-0000 y");
    expect("x secret-number-0999 y", "x secret-number-0999 y");
}

static char line[256];

static void take_line(void *user, enum cove_log_level level, const char *subject, const char *message)
{
    snprintf(line, sizeof line, "%s", message);
}

static void every_way_into_a_message(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;

    cove__secret_add(&owner, cove__slice_str(SECRET));
    cove__fail(&err, COVE_EIO, "a");
    cove__error_prefix(&err, COVE_EIO, "%s", SECRET);
    assert_string_equal(err.message, "***: a");
    cove__error_add(&err, " %s", SECRET);
    assert_string_equal(err.message, "***: a ***");
    cove__fail_errno(&err, 2, "open %s", SECRET);
    assert_string_equal(err.message, "open ***: No such file or directory");
    cove_log_set(take_line, NULL, COVE_LOG_DEBUG);
    cove__log(COVE_LOG_INFO, "test", "the store reports %s", SECRET);
    cove_log_set(NULL, NULL, COVE_LOG_ERROR);
    assert_string_equal(line, "the store reports ***");
    cove__secret_drop(&owner);
}

/* Neither a message nor a log line speaks to a terminal, or shows another name than it has. */
static void plain_text(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        { "a\033[31mb\r\nc", "a [31mb  c" },
        { "a\xC2\x9B"
          "31mb",
          "a  31mb" },
        { "a\xE2\x80\xAEgpj.exe", "a   gpj.exe" },
        { "a\xE2\x81\xA6"
          "b\xE2\x81\xA9"
          "c\xE2\x80\x8E\xD8\x9C",
          "a   b   c     " },
        { "a\xE2\x80\xA8"
          "b",
          "a   b" },
        { "a\xFF\xC3", "a??" },
        { "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80", "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80" },
    };

    cove_log_set(take_line, NULL, COVE_LOG_DEBUG);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect(rows[i].in, rows[i].out);
        cove__log(COVE_LOG_INFO, "test", "%s", rows[i].in);
        assert_string_equal(line, rows[i].out);
    }
    cove_log_set(NULL, NULL, COVE_LOG_ERROR);
}

/* What a store quotes of the request that it refuses: no list of secrets has a request's signature. */
static void what_stores_quote(void **state)
{
    expect("The MAC signature found in the HTTP request 'yZ3/a+b=' is not the same as any computed signature.",
           "The MAC signature found in the HTTP request '***' is not the same as any computed signature.");
    expect("Authorization: SharedKey acct:yZ3/a+b=, x", "Authorization: SharedKey acct:***, x");
    expect("'SharedKeyLite my-acct:yZ3/a+b='", "'SharedKeyLite my-acct:***'");
    expect("got Bearer eyJ0eXAi.OiJKV1Qi-LCJh_bGci==, which", "got Bearer ***, which");
    expect("authorization: bearer eyJ0eXAiOiJKV1QiLCJh", "authorization: bearer ***");
    expect("sig=a%2Bb%3D&se=1", "sig=***&se=1");
    expect("the fields (sp=r, sig=abc)", "the fields (sp=r, sig=***)");
    expect("https://h/c?sp=r&amp;sig=abc", "https://h/c?sp=r&amp;sig=***");
    expect("Credential=AK/2026, Signature=0123abcd", "Credential=AK/2026, Signature=***");
}

static void words_behind_such_names(void **state)
{
    expect("Bearer authorization_uri=https://login/t", "Bearer authorization_uri=https://login/t");
    expect("Bearer realm=\"storage-of-the-team\"", "Bearer realm=\"storage-of-the-team\"");
    expect("the Bearer token is expired", "the Bearer token is expired");
    expect("SharedKey is not accepted: log in", "SharedKey is not accepted: log in");
    expect("config=1, bigsig=2", "config=1, bigsig=2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_forms),
        cmocka_unit_test(secrets_with_signs_of_escapes),
        cmocka_unit_test(beginnings_that_are_known),
        cmocka_unit_test(codes_of_stores),
        cmocka_unit_test(long_tokens),
        cmocka_unit_test(long_passwords),
        cmocka_unit_test(a_secret_ends_at_a_nul),
        cmocka_unit_test(short_words_are_no_secrets),
        cmocka_unit_test(passwords_in_urls),
        cmocka_unit_test(signed_urls),
        cmocka_unit_test(urls_that_give_a_right),
        cmocka_unit_test(wiped_is_forgotten),
        cmocka_unit_test(many),
        cmocka_unit_test(every_way_into_a_message),
        cmocka_unit_test(what_stores_quote),
        cmocka_unit_test(words_behind_such_names),
        cmocka_unit_test(plain_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
