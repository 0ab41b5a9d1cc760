/* Subject tokens in a file, or in a service's response: plain, or a member of a JSON object. See google_external.h. */
#include <string.h>

#include "auth/credentials_file.h"
#include "auth/google_chain.h"
#include "base/error.h"
#include "wire/json.h"

struct search {
    const char *name;
    struct cove__buf *out;
};

static int take(void *user, const char *path, enum cove__json_type type, const char *text)
{
    struct search *s = user;

    return type == COVE__JSON_STRING && strcmp(path, s->name) == 0 ? cove__buf_add_str(s->out, text) : 0;
}

/* The token in `text`; `where`: "of FILE". */
static int read_text(const struct cove__google_external *e, struct cove__slice text, const char *where,
                     struct cove__buf *out, struct cove_error *err)
{
    static const struct cove__json_handler handler = { .value = take };
    bool json = e->format && strcmp(e->format, "json") == 0;
    struct search search = { e->field, out };
    char why[160] = "";

    while (text.size > 0 && text.data[text.size - 1] <= ' ')
        text.size--;
    int rc = json ? cove__json_read(text, &handler, &search, why, sizeof why) : cove__buf_add_slice(out, text);
    if (rc == COVE_ENOMEM)
        return cove__fail_nomem(err, "the credentials");
    if (rc < 0)
        return cove__fail(err, COVE_EAUTH,
                          "credentials of an external account: the subject token %s cannot be read: %s", where,
                          why[0] != '\0' ? why : cove_code_phrase(rc));
    if (out->size == 0)
        return cove__fail(err, COVE_EAUTH, "credentials of an external account: there is no subject token %s%s%s",
                          where, json ? " under the name " : "", json ? e->field : "");
    return 0;
}

int cove__google_external_of_file(const struct cove__google_external *e, struct cove__buf *out, struct cove_error *err)
{
    struct cove__buf text = COVE__BUF_SECRET(COVE__GOOGLE_SUBJECT_MAX), where = COVE__BUF_INIT(8192);
    struct cove_error why = COVE_ERROR_INIT;

    cove__buf_addf(&where, "in %s", e->file);
    int rc = cove__credentials_file_read(e->file, &text, &why);
    if (rc < 0)
        rc =
            cove__fail(err, rc == COVE_ENOMEM ? rc : COVE_EAUTH, "credentials of an external account: %s", why.message);
    else
        rc = read_text(e, cove__buf_slice(&text), cove__buf_str(&where), out, err);
    cove__buf_wipe(&text);
    cove__buf_done(&where);
    return rc;
}

/* Over plain HTTP it is a service of this machine, which no proxy stands in for. */
int cove__google_external_of_url(const struct cove__google_chain *chain, const struct cove__google_external *e,
                                 cove_cancel *cancel, struct cove__buf *out, struct cove_error *err)
{
    struct cove__exchange x;

    cove__exchange_init(&x, &chain->client, "GET", "of an external account's subject token");
    cove__buf_add_str(&x.url, e->url);
    cove__buf_add_slice(&x.headers, cove__buf_slice(&e->headers));
    x.no_proxy = strncmp(e->url, "http://", 7) == 0;
    int rc = cove__exchange_run(&x, cancel, err);
    if (rc == 0)
        rc = read_text(e, cove__buf_slice(&x.response), "in the response of credential_source.url", out, err);
    cove__exchange_done(&x);
    return rc;
}
