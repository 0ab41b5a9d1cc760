/* A range of an object, resumed where the connection breaks. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/object/task.h"
#include "fs/store_checksum.h"

/* A read under way. */
struct read_task {
    struct cove__object_task task;
    struct cove__read_io *io;
    int64_t offset;                     /* where it begins; negative: from the end */
    const char *match;                  /* the version that is asked for; NULL: any */
    char version[COVE__HEADER_MAX];     /* of the bytes that have arrived */
    char end_version[COVE__HEADER_MAX]; /* of the object whose size gives the offset of its last bytes */
    unsigned tries;                     /* to find that out */
    int64_t size;                       /* of the version `match`; 0: not known */
};

#define END_TRIES 10 /* of the last bytes of an object that others replace */

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

    if (!cove__object_response_header(r, "content-range", text) || !take_word(&p, "bytes "))
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

/* "bytes 100-99/100": what Azurite gives of a range that begins at the end, where others refuse it (416). */
static bool is_end(const struct cove__object_request *r, int64_t offset)
{
    char text[COVE__HEADER_MAX], want[96];

    snprintf(want, sizeof want, "bytes %lld-%lld/%lld", (long long)offset, (long long)offset - 1, (long long)offset);
    return r->http.received == 0 && offset > 0 && cove__object_response_header(r, "content-range", text) &&
           strcmp(text, want) == 0;
}

/* The headers of an attempt: a response that broke off is resumed, if the object is still the same. */
static void add_read_headers(struct cove__object_request *r, struct cove__buf *headers)
{
    struct read_task *t = r->user;
    const struct cove__read_io *io = t->io;
    const char *match = r->http.kept > 0 ? t->version : t->match;

    if (match)
        cove__object_add_match(r, headers, match);
    if (r->store->ops->read_headers)
        r->store->ops->read_headers(r, (int64_t)io->length - r->http.kept, headers);
    if (t->offset >= 0)
        cove__buf_addf(headers, "Range: bytes=%lld-%lld\n", (long long)(t->offset + r->http.kept),
                       (long long)(t->offset + (int64_t)io->length - 1));
    else
        cove__buf_addf(headers, "Range: bytes=%lld\n", (long long)t->offset);
}

/* Whether a response is of the object that the kept bytes are of. Equal weak etags don't mean equal bytes. */
static bool same_object(const struct cove__object_request *r)
{
    const struct read_task *t = r->user;
    char etag[COVE__HEADER_MAX];

    return cove__object_response_version(r, etag) && strcmp(etag, t->version) == 0;
}

/* True: the response is of another object than was asked for, by a store that ignores If-Match. */
static bool other_object(const struct cove__object_request *r)
{
    const struct read_task *t = r->user;
    char etag[COVE__HEADER_MAX];

    return t->match && cove__object_response_version(r, etag) && !cove__object_same_version(etag, t->match);
}

static int64_t keep_read(struct cove__object_request *r)
{
    struct read_task *t = r->user;
    int64_t first, last, total;

    if (r->http.status != 206 || t->offset < 0 || !content_range(r, &first, &last, &total) ||
        first != t->offset + r->http.kept || last - first + 1 <= r->http.received ||
        last - first + 1 != cove__object_response_number(r, "content-length"))
        return 0;
    if (r->http.kept == 0 && (!cove__object_response_version(r, t->version) || strncmp(t->version, "W/", 2) == 0))
        return 0;
    return same_object(r) ? r->http.kept + r->http.received : 0;
}

static int accept_read(struct cove__object_request *r, struct cove_error *err)
{
    struct read_task *t = r->user;
    struct cove__read_io *io = t->io;
    int64_t first, last, total, here = r->http.kept + r->http.received;
    int64_t stored = r->store->ops->stored_size ? r->store->ops->stored_size(r) : -1;
    uint32_t kept;

    if (r->http.kept > 0 && !same_object(r))
        return cove__object_fail(r, err, COVE_EPROTOCOL, "the store ignores the If-Match header");
    if (other_object(r))
        return cove__object_fail(r, err, COVE_EPRECONDITION, "another object has taken its place");
    if (r->http.status == 206 && t->offset < 0 && r->http.received == 0) {
        io->ret_total = 0; /* the tail of an empty object, for which no Content-Range is well-formed */
    } else if (r->http.status == 206 && is_end(r, t->offset + r->http.kept)) {
        io->ret_total = t->offset + r->http.kept;
    } else if (r->http.status == 206) {
        if (!content_range(r, &first, &last, &total))
            return cove__object_fail(r, err, COVE_EPROTOCOL, "the response has no Content-Range that makes sense");
        if (last - first + 1 != r->http.received || (t->offset >= 0 && first != t->offset + r->http.kept) ||
            (t->offset < 0 && total >= 0 && last + 1 != total) ||
            (t->offset >= 0 && here < (int64_t)io->length && last + 1 != total))
            return cove__object_fail(
                r, err, COVE_EPROTOCOL,
                "the response is of other bytes than were asked for: %lld to %lld, %lld of them arrived",
                (long long)first, (long long)last, (long long)r->http.received);
        io->ret_total = total;
    } else {
        char etag[COVE__HEADER_MAX], text[COVE__HEADER_MAX];
        if (t->offset + r->http.kept > 0)
            return cove__object_fail(r, err, COVE_EPROTOCOL, "the store ignores the Range header");
        /* Where only the end of the connection ends the body, one that was cut looks whole (RFC 9112, section 6.3). */
        if (!cove__object_response_header(r, "content-length", text) &&
            !cove__object_response_header(r, "transfer-encoding", text))
            return cove__object_fail(r, err, COVE_EPROTOCOL, "the response has no length of its body");
        if (!cove__object_response_version(r, etag))
            return cove__object_fail(
                r, err, COVE_EPROTOCOL,
                "the response has neither Content-Range nor ETag, so it is not from the store: check "
                "the endpoint and any proxy");
        io->ret_total = r->http.received;
    }
    /* A response that was cut on the way, with a length to suit, looks whole. */
    if (t->match && t->size > 0 && io->ret_total >= 0 && io->ret_total != t->size)
        return cove__object_fail(
            r, err, COVE_ECORRUPT,
            "the response is of an object of %lld bytes, but this version has %lld: check any proxy",
            (long long)io->ret_total, (long long)t->size);
    if (stored >= 0 && io->ret_total >= 0 && io->ret_total != stored)
        return cove__object_fail(
            r, err, COVE_EPROTOCOL,
            "the response is of an object of %lld bytes, but reports that %lld are stored: check any "
            "proxy",
            (long long)io->ret_total, (long long)stored);
    /* A response that is the whole object can be held against the store's own checksum. */
    if (io->ret_total == here && cove__object_response_crc32c(r, &kept) &&
        !cove__store_checksum_matches_bytes(kept, cove__http_crc32c(&r->http), io->dst, (size_t)here))
        return cove__object_fail(r, err, COVE_ECORRUPT,
                                 "the bytes do not match the CRC32C checksum that the store keeps");
    if (r->store->ops->read_matches &&
        !r->store->ops->read_matches(r, cove__slice(io->dst + r->http.kept, (size_t)r->http.received)))
        return cove__object_fail(r, err, COVE_ECORRUPT, "the bytes do not match the checksum that the store gives");
    return cove__object_task_keep_version(&t->task, err);
}

/* Whether it is a directory is asked only after the read has failed: the common case costs no extra request. */
static void directory_probed(struct cove__object_request *r)
{
    struct read_task *t = r->user;
    struct cove_error err = t->task.why;
    int rc = t->task.failed;

    if (r->http.op.rc == 0 && r->probe.any) {
        rc = COVE_EISDIR;
        cove__object_fail(r, &err, rc, "a directory");
    } else if (r->refusal == COVE__REFUSED_BY_ANOTHER) { /* so the first refusal was not the store's either */
        rc = r->http.op.rc;
        err = r->http.op.err;
    }
    cove__object_task_finish(&t->task, rc, 0, &err);
}

static void probe_directory(struct read_task *t)
{
    struct cove__slice key = t->task.r.name.key;

    cove__object_task_restart(&t->task, "GET");
    t->task.r.name.key = cove__slice("", 0);
    t->task.r.done = directory_probed;
    cove__object_probe_request(&t->task.r, key);
    cove__object_start(&t->task.r);
}

/* The last bytes, in a store without suffix ranges: its size first. */
static void ask_size(struct read_task *t);

static void read_done(struct cove__object_request *r)
{
    struct read_task *t = r->user;
    struct cove__read_io *io = t->io;
    int rc = r->http.op.rc;
    char text[COVE__HEADER_MAX];
    const char *p = text;

    t->task.failed = rc;
    t->task.why = r->http.op.err;
    io->ret_wait_ns = r->http.wait_ns;
    io->ret_took_ns = r->http.took_ns;
    if (rc < 0 && r->http.status == 416) { /* past the end */
        if (cove__object_response_header(r, "content-range", text) && take_word(&p, "bytes */"))
            io->ret_total = take_number(&p);
        cove__object_task_finish(&t->task, 0, 0, &t->task.why);
    } else if (rc == COVE_EPRECONDITION && !io->if_match && t->tries > 0 && t->tries < END_TRIES) {
        ask_size(t); /* another object has come, of another size */
    } else if (rc == COVE_ENOTFOUND && r->refusal != COVE__REFUSED_NO_BUCKET && r->name.version.size == 0) {
        probe_directory(t);
    } else {
        io->has_crc32c = rc == 0 && io->wants_crc32c; /* not where only accept_read needs it */
        if (io->has_crc32c)
            io->ret_crc32c = cove__http_crc32c(&r->http);
        cove__object_task_finish(&t->task, rc, rc == 0 && io->length > 0 ? r->http.op.count : 0, &t->task.why);
    }
}

/* A read of 0 bytes still gives whether the object is there, and its size. */
static int accept_empty_read(struct cove__object_request *r, struct cove_error *err)
{
    struct read_task *t = r->user;
    int rc = cove__object_accept_head(r, err);

    if (rc < 0)
        return rc;
    t->io->ret_total = cove__object_response_number(r, r->store->ops->headers.size);
    return cove__object_task_keep_version(&t->task, err);
}

/* ---- the request ---- */

/* Sets up the GET, in a request that is initialized. */
static void start_range(struct read_task *t)
{
    struct cove__object_request *r = &t->task.r;
    struct cove__object_store *store = r->store;

    r->effect = r->name.version.size == 0 ? COVE__EFFECT_SEEN : COVE__EFFECT_NONE;
    r->done = read_done;
    r->accept = accept_read;
    cove__buf_add_slice(&r->extra, cove__buf_slice(&store->extra.each));
    r->wants_checksum = cove__object_checksum(store) == COVE__CHECKSUM_CRC32C;
    r->add_headers = add_read_headers;
    r->keep = keep_read;
    r->http.dst = t->io->dst;
    r->http.dst_size = t->io->length;
    /* The response to a read from the start on may be the whole object, whose checksum it then has. */
    r->http.wants_crc32c = t->io->wants_crc32c || (r->wants_checksum && t->offset <= 0);
    cove__object_start(r);
}

static void start_empty(struct read_task *t)
{
    struct cove__object_request *r = &t->task.r;

    cove__object_head_request(r);
    r->wants_checksum = false;
    r->done = read_done;
    r->accept = accept_empty_read;
    if (t->io->if_match)
        cove__object_add_match(r, &r->extra, t->io->if_match);
    cove__object_start(r);
}

static void size_known(struct cove__object_request *r)
{
    struct read_task *t = r->user;
    struct cove__read_io *io = t->io;
    struct cove_error err = COVE_ERROR_INIT;
    struct cove__object_head head;

    if (r->http.op.rc < 0) {
        read_done(r);
        return;
    }
    cove__object_head_response(r, &head);
    if (head.size == 0) { /* it has no last bytes, and no range can be asked for */
        io->ret_total = 0;
        int rc = cove__object_task_keep_version(&t->task, &err);
        cove__object_task_finish(&t->task, rc, 0, &err);
        return;
    }
    memcpy(t->end_version, head.version, sizeof t->end_version);
    t->match = t->end_version[0] != '\0' ? t->end_version : t->io->if_match;
    t->size = head.size;
    t->offset = head.size > -io->offset ? head.size + io->offset : 0;
    cove__object_task_restart(&t->task, "GET");
    start_range(t);
}

static void ask_size(struct read_task *t)
{
    t->tries++;
    cove__object_task_restart(&t->task, "HEAD");
    cove__object_head_request(&t->task.r);
    t->task.r.done = size_known;
    if (t->io->if_match)
        cove__object_add_match(&t->task.r, &t->task.r.extra, t->io->if_match);
    cove__object_start(&t->task.r);
}

void cove__object_read(void *self, struct cove__read_io *io)
{
    struct cove__object_store *store = self;
    struct read_task *t = cove__calloc(1, sizeof *t);
    struct cove_error err = COVE_ERROR_INIT;

    io->ret_etag = NULL;
    io->ret_total = -1;
    io->ret_wait_ns = io->ret_took_ns = 0;
    io->has_crc32c = false;
    if (!t) {
        cove__op_finish(&io->op, cove__fail_nomem(&err, "a request"), 0, &err);
        return;
    }
    t->io = io;
    t->task.op = &io->op;
    t->task.path = io->path;
    t->task.ret_etag = &io->ret_etag;
    t->task.ret_version_id = io->ret_version_id;
    cove__object_task_init(&t->task, store, io->length > 0 ? "GET" : "HEAD");
    t->offset = io->offset;
    t->match = io->if_match;
    t->size = io->if_size;
    int rc = cove__object_name_of(store, io->path, false, &io->op.ctx, &t->task.r.name, &err);
    if (rc < 0)
        cove__object_task_finish(&t->task, rc, 0, &err);
    else if (io->length == 0)
        start_empty(t);
    else if (io->offset < 0 && cove__object_can(store, COVE__SUFFIX_RANGES) == COVE__CAN_NO)
        ask_size(t);
    else
        start_range(t);
}
