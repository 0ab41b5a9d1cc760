/*
 * Subject tokens that a program of the user's prints (https://google.aip.dev/auth/4117, "executable-sourced"). It runs
 * only where the environment allows it, as a file of credentials may come from elsewhere. See google_external.h.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/credentials_file.h"
#include "auth/google_external.h"
#include "auth/process.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "wire/json.h"

#define NAME           "an external account's executable"
#define ALLOW          "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES"
#define TIMEOUT_MS     30000
#define TIMEOUT_MS_MIN 5000
#define TIMEOUT_MS_MAX 120000
#define WORDS_MAX      64u
#define VARIABLES_MAX  5u
#define COMMAND_MAX    ((size_t)16 << 10)
#define VARIABLE_MAX   ((size_t)8192)
#define TYPE_SAML      "urn:ietf:params:oauth:token-type:saml2"
#define TYPE_ID_TOKEN  "urn:ietf:params:oauth:token-type:id_token"
#define TYPE_JWT       "urn:ietf:params:oauth:token-type:jwt"

extern char **environ;

/* ---- what it is started with ---- */

/* Words as a shell cuts them: by blanks, with quotes and backslashes; nothing is expanded. */
static int split(const char *command, struct cove__buf *words, const char **ret_argv, struct cove_error *err)
{
    size_t begins[WORDS_MAX], n = 0;
    const char *at = command;
    char quote = '\0';

    for (;;) {
        at += strspn(at, " \t\n");
        if (*at == '\0')
            break;
        if (n == WORDS_MAX - 1)
            return cove__fail(err, COVE_ELIMIT, "credentials of " NAME ": its command has more than %u words",
                              WORDS_MAX - 1);
        begins[n++] = words->size;
        for (; *at != '\0' && (quote != '\0' || !strchr(" \t\n", *at)); at++) {
            bool escape = *at == '\\' && at[1] != '\0' && (quote == '\0' || (quote == '"' && strchr("\\\"", at[1])));
            if (escape)
                cove__buf_add_char(words, *++at);
            else if (quote == '\0' ? *at == '\'' || *at == '"' : *at == quote)
                quote = quote == '\0' ? *at : '\0';
            else
                cove__buf_add_char(words, *at);
        }
        cove__buf_add_char(words, '\0');
    }
    if (cove__buf_rc(words) < 0 || n == 0 || quote != '\0')
        return cove__fail(err, COVE_EAUTH, "credentials of " NAME ": its command %s",
                          n == 0          ? "is empty"
                          : quote != '\0' ? "has a quote without an end"
                                          : "is too long");
    for (size_t i = 0; i < n; i++)
        ret_argv[i] = (const char *)words->data + begins[i];
    ret_argv[n] = NULL;
    return 0;
}

static bool is_ours(const char *variable)
{
    static const char *const names[] = { "AUDIENCE=", "TOKEN_TYPE=", "INTERACTIVE=", "IMPERSONATED_EMAIL=",
                                         "OUTPUT_FILE=" };
    static const char begin[] = "GOOGLE_EXTERNAL_ACCOUNT_";

    for (size_t i = 0; strncmp(variable, begin, strlen(begin)) == 0 && i < sizeof names / sizeof names[0]; i++) {
        if (strncmp(variable + strlen(begin), names[i], strlen(names[i])) == 0)
            return true;
    }
    return false;
}

/* This process's variables, and those that tell the program what is wanted: in `text`, whose lines `ret` points to,
 * owned. */
static char **make_environment(const struct cove__google_external *e, const char *email, struct cove__buf *text)
{
    size_t ends[VARIABLES_MAX], n = 0, all = 0, kept = 0;
    const struct {
        const char *name, *value;
    } rows[VARIABLES_MAX] = { { "AUDIENCE", e->audience },
                              { "TOKEN_TYPE", e->subject_token_type },
                              { "INTERACTIVE", "0" },
                              { "IMPERSONATED_EMAIL", email },
                              { "OUTPUT_FILE", e->output_file } };

    for (size_t i = 0; i < VARIABLES_MAX; i++) {
        if (!rows[i].value)
            continue;
        ends[n++] = text->size;
        cove__buf_addf(text, "GOOGLE_EXTERNAL_ACCOUNT_%s=%s", rows[i].name, rows[i].value);
        cove__buf_add_char(text, '\0');
    }
    while (environ && environ[all])
        all++;
    char **ret = cove__buf_rc(text) == 0 ? cove__calloc(all + n + 1, sizeof *ret) : NULL;
    for (size_t i = 0; ret && i < all; i++) {
        if (!is_ours(environ[i]))
            ret[kept++] = environ[i];
    }
    for (size_t i = 0; ret && i < n; i++)
        ret[kept++] = (char *)text->data + ends[i];
    return ret;
}

/* ---- what it prints ---- */

struct response {
    char *type, *token, *saml, *code, *message;
    int64_t version, ends_s;
    bool success, said;
};

static int take(void *user, const char *path, enum cove__json_type type, const char *text)
{
    struct response *r = user;
    const struct {
        const char *name;
        char **at;
        bool secret;
    } rows[] = {
        { "token_type", &r->type, false }, { "id_token", &r->token, true },   { "saml_response", &r->saml, true },
        { "code", &r->code, false },       { "message", &r->message, false },
    };

    if (strcmp(path, "version") == 0)
        r->version = strtoll(text, NULL, 10);
    else if (strcmp(path, "expiration_time") == 0)
        r->ends_s = strtoll(text, NULL, 10);
    else if (strcmp(path, "success") == 0)
        r->said = true, r->success = strcmp(text, "true") == 0;
    for (size_t i = 0; type != COVE__JSON_NULL && i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(path, rows[i].name) != 0)
            continue;
        cove__wipe(*rows[i].at);
        *rows[i].at = cove__strdup(text);
        if (rows[i].secret)
            cove__secret_add_owned(*rows[i].at);
        return *rows[i].at ? 0 : COVE_ENOMEM;
    }
    return 0;
}

static void response_done(struct response *r)
{
    cove__free(r->type);
    cove__wipe(r->token);
    cove__wipe(r->saml);
    cove__free(r->code);
    cove__free(r->message);
}

static int accept(const struct cove__google_external *e, const struct response *r, struct cove__buf *out,
                  struct cove_error *err)
{
    bool saml = r->type && strcmp(r->type, TYPE_SAML) == 0;
    bool known = saml || (r->type && (strcmp(r->type, TYPE_JWT) == 0 || strcmp(r->type, TYPE_ID_TOKEN) == 0));
    const char *token = saml ? r->saml : r->token;

    if (r->version != 1 || !r->said)
        return cove__fail(err, COVE_EAUTH, "credentials of " NAME ": its response is not of version 1");
    if (!r->success)
        return cove__fail(err, COVE_EAUTH, "credentials of " NAME ": %.64s: %.300s", r->code ? r->code : "failed",
                          r->message ? r->message : "it gives no reason");
    if (!known || strcmp(r->type, e->subject_token_type) != 0)
        return cove__fail(err, COVE_EAUTH, "credentials of " NAME ": the token_type of its response is not %.100s",
                          e->subject_token_type);
    if (!token || (e->output_file && r->ends_s == 0))
        return cove__fail(err, COVE_EAUTH, "credentials of " NAME ": its response has no %s",
                          token  ? "expiration_time"
                          : saml ? "saml_response"
                                 : "id_token");
    if (r->ends_s != 0 && r->ends_s <= cove__wall_ns() / COVE__SEC)
        return cove__fail(err, COVE_EAUTH, "credentials of " NAME ": the token that it gives has expired");
    return cove__buf_add_str(out, token) < 0 ? cove__fail(err, cove__buf_rc(out), "credentials of " NAME ": too long")
                                             : 0;
}

static int read_response(const struct cove__google_external *e, const struct cove__buf *text, struct cove__buf *out,
                         struct cove_error *err)
{
    static const struct cove__json_handler handler = { .value = take };
    struct response r = { 0 };
    char why[160] = "";

    int rc = cove__json_read(cove__buf_slice(text), &handler, &r, why, sizeof why);
    if (rc == COVE_ENOMEM)
        cove__fail_nomem(err, "the credentials");
    else if (rc < 0)
        rc = cove__fail(err, COVE_EAUTH, "credentials of " NAME ": its response is not JSON: %s",
                        why[0] != '\0' ? why : cove_code_phrase(rc));
    else
        rc = accept(e, &r, out, err);
    response_done(&r);
    return rc;
}

/* What the program kept from an earlier run. False: nothing that serves. */
static bool kept(const struct cove__google_external *e, struct cove__buf *out)
{
    struct cove__buf text = COVE__BUF_SECRET(COVE__GOOGLE_SUBJECT_MAX);
    struct cove_error why = COVE_ERROR_INIT;
    bool serves = e->output_file && cove__credentials_file_read(e->output_file, &text, &why) == 0 &&
                  read_response(e, &text, out, &why) == 0;

    cove__buf_wipe(&text);
    return serves;
}

static int run(const struct cove__google_external *e, const char *email, cove_cancel *cancel, struct cove__buf *out,
               struct cove_error *err)
{
    struct cove__buf words = COVE__BUF_INIT(COMMAND_MAX), variables = COVE__BUF_INIT(VARIABLES_MAX * VARIABLE_MAX),
                     text = COVE__BUF_SECRET(COVE__GOOGLE_SUBJECT_MAX);
    struct cove__process process = { .name = NAME,
                                     .timeout_ns = cove__ms_ns(e->timeout_ms > 0 ? e->timeout_ms : TIMEOUT_MS) };
    char **variable = NULL;
    const char *argv[WORDS_MAX];
    int status = 0;

    int rc = split(e->command, &words, argv, err);
    if (rc == 0 && !(variable = make_environment(e, email, &variables)))
        rc = cove__fail_nomem(err, "the credentials");
    process.argv = argv;
    process.environ = variable;
    if (rc == 0)
        rc = cove__process_run(&process, cancel, &text, &status, err);
    if (rc == 0)
        rc = cove__process_check(&process, status, err);
    if (rc == 0)
        rc = read_response(e, &text, out, err);
    cove__free(variable);
    cove__buf_done(&words);
    cove__buf_done(&variables);
    cove__buf_wipe(&text);
    return rc;
}

int cove__google_external_of_program(const struct cove__google_external *e, const char *email, cove_cancel *cancel,
                                     struct cove__buf *out, struct cove_error *err)
{
    const char *allowed = getenv(ALLOW);

    if (!allowed || strcmp(allowed, "1") != 0)
        return cove__fail(err, COVE_EAUTH,
                          "credentials of " NAME
                          ": the file of credentials names a program, which runs only where " ALLOW " is set to 1");
    if (e->timeout_ms != 0 && (e->timeout_ms < TIMEOUT_MS_MIN || e->timeout_ms > TIMEOUT_MS_MAX))
        return cove__fail(err, COVE_EAUTH, "credentials of " NAME ": its timeout_millis is not between %d and %d",
                          TIMEOUT_MS_MIN, TIMEOUT_MS_MAX);
    if (kept(e, out))
        return 0;
    cove__buf_reset(out);
    return run(e, email, cancel, out, err);
}
