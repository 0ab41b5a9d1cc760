/* The tags of an object: GetObjectTagging, PutObjectTagging, DeleteObjectTagging. */
#include "base/error.h"
#include "fs/pairs.h"
#include "fs/s3/s3.h"
#include "wire/uri.h"
#include "wire/xml.h"

#define TAGS_MAX ((size_t)64 << 10) /* of a request: Amazon's ten take a twentieth of it */

static void ask(struct cove__object_request *r, struct cove__object_store *store, const char *method,
                struct cove__object_name name, const struct cove__ctx *ctx)
{
    cove__object_request_init(r, store, method, name, ctx);
    cove__uri_add_pair(&r->query, "tagging", cove__slice("", 0));
}

/* ---- read ---- */

struct reader {
    struct cove__pairs pairs;
    struct cove__buf name, value;
};

static int on_start(void *user, const char *path)
{
    struct reader *t = user;
    if (strcmp(path, "Tagging/TagSet/Tag") == 0) {
        cove__buf_reset(&t->name);
        cove__buf_reset(&t->value);
    }
    return 0;
}

static int on_end(void *user, const char *path, struct cove__slice text)
{
    struct reader *t = user;

    if (strcmp(path, "Tagging/TagSet/Tag/Key") == 0)
        return cove__buf_add_slice(&t->name, text);
    if (strcmp(path, "Tagging/TagSet/Tag/Value") == 0)
        return cove__buf_add_slice(&t->value, text);
    if (strcmp(path, "Tagging/TagSet/Tag") == 0 && t->name.size == 0)
        return COVE_EPROTOCOL;
    if (strcmp(path, "Tagging/TagSet/Tag") == 0) {
        cove__pairs_add(&t->pairs, cove__buf_slice(&t->name), cove__buf_slice(&t->value));
        return cove__buf_rc(&t->pairs.text);
    }
    return 0;
}

static int read_tags(const struct cove__object_request *r, struct cove_pair **ret, size_t *ret_n,
                     struct cove_error *err)
{
    static const struct cove__xml_handler handler = { on_start, on_end, "Tagging" };
    struct reader t = { .pairs = COVE__PAIRS_INIT };

    cove__buf_init(&t.name, COVE__XML_TEXT_MAX);
    cove__buf_init(&t.value, COVE__XML_TEXT_MAX);
    int rc = cove__xml_read(cove__buf_slice(&r->http.response), &handler, &t);
    if (rc == 0)
        rc = cove__pairs_take(&t.pairs, ret, ret_n);
    cove__pairs_done(&t.pairs);
    cove__buf_done(&t.name);
    cove__buf_done(&t.value);
    return rc < 0 ? cove__object_unreadable(r, err, rc, "the list of tags") : 0;
}

int cove__s3_tags(void *self, const char *path, const struct cove__ctx *ctx, struct cove_pair **ret, size_t *ret_n,
                  struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_name name;
    struct cove__object_request r;

    int rc = cove__object_name_of(store, path, false, ctx, &name, err);
    if (rc < 0)
        return rc;
    ask(&r, store, "GET", name, ctx);
    rc = cove__object_run(&r, &why);
    if (rc == 0)
        rc = read_tags(&r, ret, ret_n, &why);
    cove__object_request_done(&r);
    return cove__object_refine_not_found(store, name, rc, &why, ctx, err);
}

/* ---- written ---- */

static int add_tags(struct cove__buf *body, const struct cove_pair *tags, size_t n)
{
    int rc = 0;

    cove__buf_add_str(body, "<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><TagSet>");
    for (size_t i = 0; rc == 0 && i < n; i++) {
        cove__buf_add_str(body, "<Tag><Key>");
        rc = cove__xml_add_text(body, cove__slice_str(tags[i].name));
        cove__buf_add_str(body, "</Key><Value>");
        if (rc == 0)
            rc = cove__xml_add_text(body, cove__slice_str(tags[i].value));
        cove__buf_add_str(body, "</Value></Tag>");
    }
    cove__buf_add_str(body, "</TagSet></Tagging>");
    return rc < 0 ? rc : cove__buf_rc(body);
}

static void put_body(struct cove__object_request *r, struct cove__slice body)
{
    cove__object_header(r, "Content-Type", "application/xml");
    r->sign_body = true;
    cove__object_body(r, body, cove__object_checksum(r->store));
    if (!cove__s3_is_directory(r->store, r->name.bucket)) /* which takes none, and has no tags anyway */
        cove__object_use_md5(r);                          /* many stores want it here, as of deletions */
}

int cove__s3_set_tags(void *self, const char *path, const struct cove_pair *tags, size_t n, const struct cove__ctx *ctx,
                      struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct cove__buf body = COVE__BUF_INIT(TAGS_MAX);
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_name name;
    struct cove__object_request r;

    int rc = cove__object_name_of(store, path, false, ctx, &name, err);
    if (rc < 0)
        return rc;
    rc = add_tags(&body, tags, n);
    if (rc < 0) {
        cove__buf_done(&body);
        return cove__fs_fail(err, ctx, rc, "the tags cannot be sent: %s", cove_code_phrase(rc));
    }
    ask(&r, store, n > 0 ? "PUT" : "DELETE", name, ctx);
    if (n > 0)
        put_body(&r, cove__buf_slice(&body));
    r.accept = cove__object_accept_empty;
    rc = cove__object_run(&r, &why);
    cove__object_request_done(&r);
    cove__buf_done(&body);
    return cove__object_refine_not_found(store, name, rc, &why, ctx, err);
}
