/* One object: what it is, a range of it, a new one in one request. Slots of the table; net/http does the waiting. */
#include "fs/s3/s3.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/store_sum.h"
#include "net/head.h"
#include "wire/crc.h"
#include "wire/digest.h"

#define WRITE_ID "x-amz-meta-" COVE__WRITE_MARK

/* ---- HEAD ---- */

/* Every store sends these headers. A login page has no ETag; a compressing proxy removes the size. */
static int accept_head(struct cove__object_request *r, struct cove_error *err)
{
    char text[COVE__HEADER_MAX];

    if (!cove__object_reply_header(r, "etag", text) && !cove__object_reply_header(r, "last-modified", text))
        return cove__object_fail(r, err, COVE_EPROTOCOL,
                                 "the reply has neither ETag nor Last-Modified, so it is not from the store: check the "
                                 "endpoint and any proxy");
    if (cove__object_reply_number(r, "content-length") < 0)
        return cove__object_fail(
            r, err, COVE_EPROTOCOL,
            "the object's size is unknown: the reply has no valid Content-Length; a proxy may have "
            "removed it");
    return 0;
}

void cove__object_head_request(struct cove__object_request *r)
{
    r->accept = accept_head;
    cove__buf_add_slice(&r->extra, cove__buf_slice(&r->s3->extra.each));
    cove__object_want_checksum(r);
}

void cove__object_head_response(const struct cove__object_request *r, struct cove__object_head *ret)
{
    char text[COVE__HEADER_MAX];

    *ret = (struct cove__object_head){ .size = cove__object_reply_number(r, "content-length"), .mtime_ns = -1 };
    if (cove__object_reply_header(r, "last-modified", text))
        ret->mtime_ns = cove__parse_http_date(text);
    cove__object_reply_version(r, ret->etag);
    cove__object_reply_header(r, "x-amz-version-id", ret->version_id);
    cove__http_header(&r->http, WRITE_ID, ret->write_id, sizeof ret->write_id);
    ret->has_crc32c = cove__object_reply_crc32c(r, &ret->crc32c);
}

int cove__object_head(struct cove__s3 *s3, struct cove__object_name name, const struct cove__ctx *ctx,
                      struct cove__object_head *ret, struct cove_error *err)
{
    return cove__object_head_metadata(s3, name, ctx, ret, NULL, err);
}

int cove__object_head_metadata(struct cove__s3 *s3, struct cove__object_name name, const struct cove__ctx *ctx,
                               struct cove__object_head *ret, struct cove__buf *kept, struct cove_error *err)
{
    struct cove__object_request r;

    cove__object_request_init(&r, s3, "HEAD", name, ctx);
    cove__object_head_request(&r);
    int rc = cove__object_run(&r, err);
    if (rc == 0) {
        cove__object_head_response(&r, ret);
        rc = kept != NULL ? cove__object_keep_metadata(&r, kept) : 0;
        if (rc < 0)
            cove__object_fail(&r, err, rc, "the object's metadata cannot be held");
    }
    cove__object_request_done(&r);
    return rc;
}

/* ---- read and put: requests that end on a loop ---- */

/* An io under way. Its request is its first member, so that a request's end finds it. */
struct task {
    struct cove__object_request r;
    struct cove__io *io;
    enum cove_write_if condition; /* of a put */
    enum cove__condition_mode way;
    struct cove__write_mark mark;
    char etag[COVE__HEADER_MAX]; /* of a read: of the bytes that are there already */
    int failed;                  /* what the put or read came to, while a follow-up asks more */
    struct cove_error why;
};

static void finish(struct task *t, int rc, int64_t count, const struct cove_error *err)
{
    struct cove__io *io = t->io;
    struct cove_error copy = *err;

    cove__object_request_done(&t->r);
    cove__free(t);
    cove__op_finish(&io->op, rc, count, &copy);
}

static struct task *task_new(struct cove__s3 *s3, struct cove__io *io, const char *method)
{
    struct task *t = cove__calloc(1, sizeof *t);
    io->ret_etag = NULL;
    io->ret_total = -1;
    io->ret_wait_ns = io->ret_took_ns = 0;
    if (t == NULL) {
        struct cove_error err = COVE_ERROR_INIT;
        int rc = cove__fail_nomem(&err, "a request");
        cove__op_finish(&io->op, rc, 0, &err);
        return NULL;
    }
    cove__object_request_init(&t->r, s3, method, cove__object_locate(s3, io->path), &io->op.ctx);
    t->r.user = t;
    t->io = io;
    t->why = (struct cove_error)COVE_ERROR_INIT;
    return t;
}

/* A follow-up of the same io, about the same object. */
static void start_over(struct task *t, const char *method)
{
    struct cove__s3 *s3 = t->r.s3;

    cove__object_request_done(&t->r);
    cove__object_request_init(&t->r, s3, method, cove__object_locate(s3, t->io->path), &t->io->op.ctx);
    t->r.user = t;
}

static int keep_etag(struct task *t, struct cove_error *err)
{
    char etag[COVE__HEADER_MAX];

    cove__free(t->io->ret_etag);
    t->io->ret_etag = NULL;
    if (!cove__object_reply_version(&t->r, etag))
        return 0;
    t->io->ret_etag = cove__strdup(etag);
    return t->io->ret_etag != NULL ? 0 : cove__fail_nomem(err, "an etag");
}

/* What the store calls the object that a put has made. Without memory for the version's ID it is not told. */
static int keep_made(struct task *t, struct cove_error *err)
{
    char version[COVE__HEADER_MAX];

    if (t->io->ret_version_id != NULL && cove__object_reply_header(&t->r, "x-amz-version-id", version) &&
        version[0] != '\0')
        *t->io->ret_version_id = cove__strdup(version);
    return keep_etag(t, err);
}

/* Reads digits and advances *p past them; -1: there are none, or too many. */
static int64_t take_number(const char **p)
{
    size_t n = strspn(*p, "0123456789");
    int64_t v = cove__object_number(cove__slice(*p, n));

    *p += n;
    return v;
}

static bool take_word(const char **p, const char *word)
{
    size_t n = strlen(word);
    bool is = strncmp(*p, word, n) == 0;

    *p += is ? n : 0;
    return is;
}

/* "bytes 0-9/100": first, last and total; false where it is anything else. A total of "*" is -1. */
static bool content_range(const struct cove__object_request *r, int64_t *ret_first, int64_t *ret_last,
                          int64_t *ret_total)
{
    char text[COVE__HEADER_MAX];
    const char *p = text;

    if (!cove__object_reply_header(r, "content-range", text) || !take_word(&p, "bytes "))
        return false;
    *ret_first = take_number(&p);
    bool dash = take_word(&p, "-");
    *ret_last = take_number(&p);
    if (!dash || *ret_first < 0 || *ret_last < *ret_first || !take_word(&p, "/"))
        return false;
    bool untold = take_word(&p, "*");
    *ret_total = untold ? -1 : take_number(&p);
    return *p == '\0' && (untold || *ret_total > *ret_last);
}

/* The lines of an attempt: a reply that broke off is resumed, if the object is still the same. */
static void read_lines(struct cove__object_request *r, struct cove__buf *headers)
{
    struct task *t = r->user;
    const struct cove__io *io = t->io;
    const char *match = r->http.kept > 0 ? t->etag : io->if_match;

    if (match != NULL)
        cove__head_line(headers, "If-Match", cove__slice_str(cove__object_strong_etag(match)));
    if (io->offset >= 0)
        cove__buf_addf(headers, "Range: bytes=%lld-%lld\n", (long long)(io->offset + r->http.kept),
                       (long long)(io->offset + (int64_t)io->length - 1));
    else
        cove__buf_addf(headers, "Range: bytes=%lld\n", (long long)io->offset);
}

/* Whether a reply is of the object that the kept bytes are of. A weak etag says nothing about bytes. */
static bool same_object(const struct cove__object_request *r)
{
    const struct task *t = r->user;
    char etag[COVE__HEADER_MAX];

    return cove__object_reply_version(r, etag) && strcmp(etag, t->etag) == 0;
}

/* True: the reply is of another object than was asked for, by a store that does not look at If-Match. */
static bool other_object(const struct cove__object_request *r)
{
    const struct task *t = r->user;
    char etag[COVE__HEADER_MAX];

    return t->io->if_match != NULL && cove__object_reply_version(r, etag) &&
           !cove__object_same_version(etag, t->io->if_match);
}

static int64_t keep_read(struct cove__object_request *r)
{
    struct task *t = r->user;
    const struct cove__io *io = t->io;
    int64_t first, last, total;

    if (r->http.status != 206 || io->offset < 0 || !content_range(r, &first, &last, &total) ||
        first != io->offset + r->http.kept || last - first + 1 <= r->http.received ||
        last - first + 1 != cove__object_reply_number(r, "content-length"))
        return 0;
    if (r->http.kept == 0 && (!cove__object_reply_version(r, t->etag) || t->etag[0] != '"'))
        return 0;
    return same_object(r) ? r->http.kept + r->http.received : 0;
}

static int accept_read(struct cove__object_request *r, struct cove_error *err)
{
    struct task *t = r->user;
    struct cove__io *io = t->io;
    int64_t first, last, total, here = r->http.kept + r->http.received;
    uint32_t kept;

    if (r->http.kept > 0 && !same_object(r))
        return cove__object_fail(r, err, COVE_EPROTOCOL, "the store ignores the If-Match header");
    if (other_object(r))
        return cove__object_fail(r, err, COVE_EPRECONDITION, "another object has taken its place");
    if (r->http.status == 206 && io->offset < 0 && r->http.received == 0) {
        io->ret_total = 0; /* the tail of an empty object, for which no Content-Range is well-formed */
    } else if (r->http.status == 206) {
        if (!content_range(r, &first, &last, &total))
            return cove__object_fail(r, err, COVE_EPROTOCOL, "the reply has no Content-Range that makes sense");
        if (last - first + 1 != r->http.received || (io->offset >= 0 && first != io->offset + r->http.kept) ||
            (io->offset < 0 && total >= 0 && last + 1 != total) ||
            (io->offset >= 0 && here < (int64_t)io->length && last + 1 != total))
            return cove__object_fail(
                r, err, COVE_EPROTOCOL,
                "the reply is of other bytes than were asked for: %lld to %lld, %lld of them arrived", (long long)first,
                (long long)last, (long long)r->http.received);
        io->ret_total = total;
    } else {
        char etag[COVE__HEADER_MAX], text[COVE__HEADER_MAX];
        if (io->offset + r->http.kept > 0)
            return cove__object_fail(r, err, COVE_EPROTOCOL, "the store ignores the Range header");
        /* Where only the end of the connection ends the body, one that was cut looks whole (RFC 9112, section 6.3). */
        if (!cove__object_reply_header(r, "content-length", text) &&
            !cove__object_reply_header(r, "transfer-encoding", text))
            return cove__object_fail(r, err, COVE_EPROTOCOL, "the reply does not tell where its body ends");
        if (!cove__object_reply_version(r, etag))
            return cove__object_fail(r, err, COVE_EPROTOCOL,
                                     "the reply has neither Content-Range nor ETag, so it is not from the store: check "
                                     "the endpoint and any proxy");
        io->ret_total = r->http.received;
    }
    /* A reply that is the whole object can be held against the store's own checksum. */
    if (io->ret_total == here && cove__object_reply_crc32c(r, &kept) &&
        !cove__store_sum_matches_bytes(kept, cove__crc32c(0, io->dst, (size_t)here), io->dst, (size_t)here))
        return cove__object_fail(r, err, COVE_ECORRUPT,
                                 "the bytes do not match the CRC32C checksum that the store keeps");
    return keep_etag(t, err);
}

/* A directory is told from nothing only once the read has failed: the common case costs no request more. */
static void directory_looked_for(struct cove__object_request *r)
{
    struct task *t = r->user;
    struct cove_error err = t->why;
    int rc = t->failed;

    if (r->http.op.rc == 0 && r->below.any) {
        rc = COVE_EISDIR;
        cove__object_fail(r, &err, rc, "a directory");
    }
    finish(t, rc, 0, &err);
}

static void look_for_directory(struct task *t)
{
    struct cove__slice key = t->r.name.key;

    start_over(t, "GET");
    t->r.name.key = cove__slice("", 0);
    t->r.done = directory_looked_for;
    cove__object_probe_request(&t->r, key);
    cove__object_start(&t->r);
}

static void read_done(struct cove__object_request *r)
{
    struct task *t = r->user;
    struct cove__io *io = t->io;
    int rc = r->http.op.rc;
    char text[COVE__HEADER_MAX];
    const char *p = text;

    t->failed = rc;
    t->why = r->http.op.err;
    io->ret_wait_ns = r->http.wait_ns;
    io->ret_took_ns = r->http.took_ns;
    if (rc < 0 && r->http.status == 416) { /* past the end */
        if (cove__object_reply_header(r, "content-range", text) && take_word(&p, "bytes */"))
            io->ret_total = take_number(&p);
        finish(t, 0, 0, &t->why);
    } else if (rc == COVE_ENOTFOUND && strcmp(r->code, "NoSuchBucket") != 0 && r->name.version.size == 0) {
        look_for_directory(t);
    } else {
        finish(t, rc, rc == 0 && io->length > 0 ? r->http.op.count : 0, &t->why);
    }
}

/* A read of nothing still tells whether the object is there, and how large it is. */
static int accept_empty_read(struct cove__object_request *r, struct cove_error *err)
{
    struct task *t = r->user;
    int rc = accept_head(r, err);

    if (rc < 0)
        return rc;
    t->io->ret_total = cove__object_reply_number(r, "content-length");
    return keep_etag(t, err);
}

void cove__s3_read(void *self, struct cove__io *io)
{
    struct cove__s3 *s3 = self;
    struct task *t = task_new(s3, io, io->length > 0 ? "GET" : "HEAD");

    if (t == NULL)
        return;
    struct cove__object_request *r = &t->r;
    struct cove_error err = COVE_ERROR_INIT;
    int rc = cove__object_name_of(s3, io->path, false, &io->op.ctx, &r->name, &err);
    if (rc < 0) {
        finish(t, rc, 0, &err);
        return;
    }
    r->done = read_done;
    r->accept = io->length > 0 ? accept_read : accept_empty_read;
    cove__buf_add_slice(&r->extra, cove__buf_slice(&s3->extra.each));
    if (io->length > 0) {
        cove__object_want_checksum(r);
        r->lines = read_lines;
        r->keep = keep_read;
        r->http.dst = io->dst;
        r->http.dst_size = io->length;
    } else if (io->if_match != NULL) {
        cove__object_header(r, "If-Match", "%s", cove__object_strong_etag(io->if_match));
    }
    cove__object_start(r);
}

/* ---- put ---- */

void cove__object_mark(struct cove__object_request *r, const struct cove__put *put, struct cove__write_mark *ret)
{
    if (put != NULL && put->write_id != NULL)
        snprintf(ret->write_id, sizeof ret->write_id, "%s", put->write_id);
    else
        snprintf(ret->write_id, sizeof ret->write_id, "%016llx%016llx", (unsigned long long)cove__random(),
                 (unsigned long long)cove__random());
    cove__object_header(r, WRITE_ID, "%s", ret->write_id);
}

void cove__object_condition_headers(struct cove__object_request *r, enum cove__condition_mode way,
                                    const struct cove__put *put)
{
    if (put == NULL || (way != COVE__CONDITION_SENT && way != COVE__CONDITION_SENT_AND_CHECKED))
        return;
    if (put->condition == COVE_WRITE_IF_NEW)
        cove__object_header(r, "If-None-Match", "*");
    else if (put->condition == COVE_WRITE_IF_MATCH)
        cove__object_header(r, "If-Match", "%s", cove__object_strong_etag(put->etag));
}

bool cove__object_condition_refused(const struct cove__object_request *r, enum cove_write_if condition)
{
    int status = r->http.status;
    int rc = r->http.op.rc;
    /* A 409 that names a file or a directory in the way says nothing about the condition. */
    if (condition == COVE_WRITE_ALWAYS || rc >= 0 || rc == COVE_EISDIR || rc == COVE_ENOTDIR)
        return false;
    /* 404 for If-Match: there is no object that could match. A missing bucket is another matter. */
    return status == 412 || status == 409 ||
           (condition == COVE_WRITE_IF_MATCH && status == 404 && strcmp(r->code, "NoSuchKey") == 0);
}

static int condition_broken(const struct cove__ctx *ctx, enum cove_write_if condition, struct cove_error *err)
{
    return condition == COVE_WRITE_IF_NEW
               ? cove__fs_fail(err, ctx, COVE_EEXIST, "the object exists already")
               : cove__fs_fail(err, ctx, COVE_EPRECONDITION, "the object is not the one that was to be replaced");
}

int cove__object_condition_error(const struct cove__object_request *r, enum cove_write_if condition,
                                 struct cove_error *err)
{
    int rc = condition_broken(&r->http.op.ctx, condition, err);
    if (err != NULL)
        err->http_status = r->http.status;
    return rc;
}

int cove__object_check_condition(struct cove__s3 *s3, struct cove__object_name name, const struct cove__put *put,
                                 const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_head head;

    if (put->condition == COVE_WRITE_ALWAYS)
        return 0;
    int rc = cove__object_head(s3, name, ctx, &head, &why);
    if (rc < 0 && rc != COVE_ENOTFOUND)
        return cove__error_copy(err, &why);
    bool holds = put->condition == COVE_WRITE_IF_NEW ? rc == COVE_ENOTFOUND
                                                     : rc == 0 && cove__object_same_version(head.etag, put->etag);
    return holds ? 0 : condition_broken(ctx, put->condition, err);
}

/* Whether the object is what was sent: by the mark, or without a mark by size and checksum. */
/* Many stores give an object that was sent in one request the MD5 of its bytes as ETag. */
static bool is_md5_of(const char *etag, struct cove__slice data)
{
    char want[COVE__BASE64_SIZE(16)], have[COVE__BASE64_SIZE(16)];
    uint8_t hash[16];

    if (strlen(etag) != 2 + 2 * sizeof hash || !cove__unhex(etag + 1, hash, sizeof hash))
        return false;
    cove__base64(hash, sizeof hash, have);
    return cove__md5_base64(data, want) == 0 && strcmp(want, have) == 0;
}

static bool is_own_write(const struct task *t)
{
    struct cove__slice src = t->io->src;
    struct cove__object_head head;

    cove__object_head_response(&t->r, &head);
    if (t->mark.write_id[0] != '\0')
        return strcmp(head.write_id, t->mark.write_id) == 0;
    if (head.size != (int64_t)src.size)
        return false;
    if (!head.has_crc32c)
        return is_md5_of(head.etag, src);
    return cove__store_sum_matches_bytes(head.crc32c, cove__crc32c(0, src.data, src.size), src.data, src.size);
}

/* Whether the object was written despite the failure: the reply of an earlier attempt may have been lost, or changed by
 * a proxy. */
static void own_write_looked_for(struct cove__object_request *r)
{
    struct task *t = r->user;
    struct cove_error err = t->why;
    int rc = t->failed;

    if (r->http.op.rc == 0 && is_own_write(t)) {
        cove__error_clear(&err);
        rc = keep_made(t, &err);
    }
    finish(t, rc, rc == 0 ? (int64_t)t->io->src.size : 0, &err);
}

static void look_for_own_write(struct task *t)
{
    start_over(t, "HEAD");
    t->r.done = own_write_looked_for;
    cove__object_head_request(&t->r);
    cove__object_start(&t->r);
}

static int accept_put(struct cove__object_request *r, struct cove_error *err)
{
    char etag[COVE__HEADER_MAX];

    if (!cove__object_reply_version(r, etag))
        return cove__object_fail(
            r, err, COVE_EPROTOCOL,
            "the reply has no ETag, so it is not from the store: check the endpoint and any proxy");
    return cove__object_accept_empty(r, err);
}

static void put_done(struct cove__object_request *r)
{
    struct task *t = r->user;
    struct cove_error err = r->http.op.err;
    int rc = r->http.op.rc;

    if (rc == 0)
        rc = keep_made(t, &err);
    if (t->condition != COVE_WRITE_ALWAYS && cove__s3_refuses_condition(r)) {
        cove__object_learn_missing(r, COVE__PUT_CONDITIONS);
        rc = cove__object_no_conditions(r->s3, &t->io->op.ctx, &err);
        err.http_status = r->http.status;
    } else if (cove__object_condition_refused(r, t->condition)) {
        t->failed = cove__object_condition_error(r, t->condition, &t->why);
        look_for_own_write(t);
        return;
    } else if (rc == COVE_EPROTOCOL) {
        t->failed = rc;
        t->why = err;
        look_for_own_write(t);
        return;
    }
    finish(t, rc, rc == 0 ? (int64_t)t->io->src.size : 0, &err);
}

static void send_put(struct task *t)
{
    struct cove__object_request *r = &t->r;
    const struct cove__io *io = t->io;

    r->done = put_done;
    r->accept = accept_put;
    cove__object_describe(r, io->put);
    if (t->condition != COVE_WRITE_ALWAYS || (io->put != NULL && io->put->write_id != NULL))
        cove__object_mark(r, io->put, &t->mark);
    cove__object_condition_headers(r, t->way, io->put);
    cove__object_body(r, io->src, cove__object_checksum(r->s3));
    cove__object_start(r);
}

static void refuse_condition(struct task *t)
{
    struct cove_error err = COVE_ERROR_INIT;
    int rc = cove__object_no_conditions(t->r.s3, &t->io->op.ctx, &err);
    finish(t, rc, 0, &err);
}

/* For stores that may know no conditions: what is there now decides. Another writer may come between, which the
 * documentation says. The reply may also have told which store it is. */
static void condition_looked_at(struct cove__object_request *r)
{
    struct task *t = r->user;
    struct cove_error err = r->http.op.err;
    char etag[COVE__HEADER_MAX] = "";
    int rc = r->http.op.rc;

    cove__object_reply_version(r, etag);
    if (rc < 0 && rc != COVE_ENOTFOUND) {
        finish(t, rc, 0, &err);
        return;
    }
    bool holds = t->condition == COVE_WRITE_IF_NEW ? rc == COVE_ENOTFOUND
                                                   : rc == 0 && cove__object_same_version(etag, t->io->put->etag);
    if (!holds) {
        rc = condition_broken(&t->io->op.ctx, t->condition, &err);
        finish(t, rc, 0, &err);
        return;
    }
    t->way = cove__object_condition_mode(r->s3, COVE__PUT_CONDITIONS);
    if (t->way == COVE__CONDITION_UNSUPPORTED) {
        refuse_condition(t);
        return;
    }
    start_over(t, "PUT");
    send_put(t);
}

void cove__s3_put(void *self, struct cove__io *io)
{
    struct cove__s3 *s3 = self;
    struct task *t = task_new(s3, io, "PUT");

    if (t == NULL)
        return;
    struct cove_error err = COVE_ERROR_INIT;
    int rc = cove__object_name_of(s3, io->path, true, &io->op.ctx, &t->r.name, &err);
    if (rc < 0) {
        finish(t, rc, 0, &err);
        return;
    }
    t->condition = io->put != NULL ? io->put->condition : COVE_WRITE_ALWAYS;
    t->way = t->condition == COVE_WRITE_ALWAYS ? COVE__CONDITION_SENT
                                               : cove__object_condition_mode(s3, COVE__PUT_CONDITIONS);
    if (t->way == COVE__CONDITION_SENT) {
        send_put(t);
        return;
    }
    if (t->way == COVE__CONDITION_UNSUPPORTED) {
        refuse_condition(t);
        return;
    }
    start_over(t, "HEAD");
    t->r.done = condition_looked_at;
    cove__buf_add_slice(&t->r.extra, cove__buf_slice(&s3->extra.each));
    cove__object_start(&t->r);
}
