/*
 * The digests of one object's parts, as a C object and as bytes. For the writer (writer_parts.c); a program that saves
 * often keeps the bytes next to the object and gives them to the next writer.
 *
 * As bytes they are JSON: {"version":1,"store":"s3","path":"b/k","etag":…,"size":…,"part_size":…,"sha256":[…]}, path
 * and etag percent-encoded (wire/uri.h), so that JSON needs no escapes.
 */
#include "stream/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "wire/digest.h"
#include "wire/json.h"
#include "wire/uri.h"

#define VERSION "1"

void cove_parts_free(cove_parts *parts)
{
    if (!parts)
        return;
    cove__free(parts->store);
    cove__free(parts->path);
    cove__free(parts->etag);
    cove__free(parts->digests);
    cove__free(parts);
}

struct cove_parts *cove__parts_new(const char *store, const char *path, size_t part_size)
{
    struct cove_parts *parts = cove__calloc(1, sizeof *parts);

    if (!parts)
        return NULL;
    parts->part_size = part_size;
    parts->store = cove__strdup(store);
    parts->path = cove__strdup(path);
    if (!parts->store || !parts->path) {
        cove_parts_free(parts);
        return NULL;
    }
    return parts;
}

int cove__parts_add(struct cove_parts *parts, const uint8_t digest[COVE__DIGEST_SIZE], size_t size)
{
    if (parts->n == COVE__PARTS_MAX)
        return COVE_ELIMIT;
    if (cove__grow(&parts->digests, &parts->cap, parts->n + 1, sizeof *parts->digests, COVE__PARTS_MAX) < 0)
        return COVE_ENOMEM;
    memcpy(parts->digests[parts->n++], digest, COVE__DIGEST_SIZE);
    parts->size += (int64_t)size;
    return 0;
}

bool cove__parts_find(const struct cove_parts *parts, size_t likely, const uint8_t digest[COVE__DIGEST_SIZE],
                      size_t size, int64_t *ret_offset)
{
    for (size_t k = 0; k < parts->n; k++) {
        size_t i = (likely + k) % parts->n;
        int64_t offset = (int64_t)i * (int64_t)parts->part_size, rest = parts->size - offset;
        int64_t length = rest < (int64_t)parts->part_size ? rest : (int64_t)parts->part_size;

        if (length == (int64_t)size && memcmp(parts->digests[i], digest, COVE__DIGEST_SIZE) == 0) {
            *ret_offset = offset;
            return true;
        }
    }
    return false;
}

int64_t cove_parts_object_size(const cove_parts *parts)
{
    return parts->size;
}

size_t cove_parts_count(const cove_parts *parts)
{
    return parts->n;
}

/* ---- as bytes ---- */

static void add_text(struct cove__buf *b, const char *text)
{
    cove__uri_encode(b, cove__slice_str(text), true);
}

/* The text back, owned; NULL: no memory (*ret_rc), or it is malformed. */
static char *decode_text(const char *text, int *ret_rc)
{
    struct cove__buf out = COVE__BUF_INIT(strlen(text));
    char *decoded = NULL;

    *ret_rc = cove__uri_decode(&out, cove__slice_str(text));
    if (*ret_rc == 0 && !(decoded = cove__buf_take(&out)))
        *ret_rc = COVE_ENOMEM;
    if (*ret_rc == COVE_EPROTOCOL)
        *ret_rc = COVE_ECORRUPT;
    cove__buf_done(&out);
    return decoded;
}

int cove_parts_save(const cove_parts *parts, void **ret_bytes, size_t *ret_size, struct cove_error *err)
{
    struct cove__buf b = COVE__BUF_INIT(COVE__JSON_SIZE_MAX);
    char hex[2 * COVE__DIGEST_SIZE + 1];
    char *bytes;
    size_t size;

    cove__buf_addf(&b, "{\"version\":" VERSION ",\"store\":\"%s\",\"path\":\"", parts->store);
    add_text(&b, parts->path);
    cove__buf_add_str(&b, "\",");
    if (parts->etag) {
        cove__buf_add_str(&b, "\"etag\":\"");
        add_text(&b, parts->etag);
        cove__buf_add_str(&b, "\",");
    }
    cove__buf_addf(&b, "\"size\":%lld,\"part_size\":%zu,\"sha256\":[", (long long)parts->size, parts->part_size);
    for (size_t i = 0; i < parts->n; i++) {
        cove__hex(parts->digests[i], COVE__DIGEST_SIZE, hex);
        cove__buf_addf(&b, "%s\"%s\"", i ? "," : "", hex);
    }
    cove__buf_add_str(&b, "]}");
    size = b.size;
    bytes = cove__buf_take(&b);
    if (!bytes)
        return cove__fail_nomem(err, "a list of parts");
    *ret_bytes = bytes;
    *ret_size = size;
    return 0;
}

struct loading {
    struct cove_parts *parts;
    bool version, sizes[2];
};

static int take_number(const char *text, int64_t *ret, bool *ret_seen)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0)
        return COVE_ECORRUPT;
    *ret = v;
    *ret_seen = true;
    return 0;
}

static int take_digest(struct cove_parts *parts, const char *text)
{
    uint8_t digest[COVE__DIGEST_SIZE];

    if (strlen(text) != (size_t)2 * COVE__DIGEST_SIZE || !cove__unhex(text, digest, sizeof digest))
        return COVE_ECORRUPT;
    return cove__parts_add(parts, digest, 0);
}

static int on_value(void *user, const char *path, enum cove__json_type type, const char *text)
{
    struct loading *l = user;
    struct cove_parts *parts = l->parts;
    char **const texts[] = { &parts->store, &parts->path, &parts->etag };
    static const char *const names[] = { "store", "path", "etag" };
    int64_t number;
    int rc;

    if (strcmp(path, "version") == 0) {
        l->version = type == COVE__JSON_NUMBER && strcmp(text, VERSION) == 0;
        return l->version ? 0 : COVE_ENOTSUP;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(path, names[i]) != 0)
            continue;
        if (type != COVE__JSON_STRING)
            return COVE_ECORRUPT;
        cove__free(*texts[i]); /* a repeated name is refused later */
        *texts[i] = decode_text(text, &rc);
        return rc;
    }
    if (strcmp(path, "size") == 0)
        return take_number(text, &parts->size, &l->sizes[0]);
    if (strcmp(path, "part_size") == 0) {
        rc = take_number(text, &number, &l->sizes[1]);
        parts->part_size = rc == 0 ? (size_t)number : 0;
        return rc;
    }
    if (strcmp(path, "sha256[]") == 0)
        return type == COVE__JSON_STRING ? take_digest(parts, text) : COVE_ECORRUPT;
    return 0; /* of a later release; not needed here */
}

static bool is_sound(const struct loading *l)
{
    const struct cove_parts *p = l->parts;

    if (!l->version || !l->sizes[0] || !l->sizes[1] || !p->store || !p->path)
        return false;
    if (p->part_size == 0 || p->part_size > (size_t)1 << 40)
        return false;
    uint64_t size = (uint64_t)p->size, part = p->part_size;
    return p->n == size / part + (size % part != 0);
}

int cove_parts_load(const void *bytes, size_t size, cove_parts **ret_parts, struct cove_error *err)
{
    static const struct cove__json_handler handler = { .value = on_value };
    struct loading l = { .parts = cove__calloc(1, sizeof *l.parts) };
    char why[256] = "";
    int rc;

    if (!l.parts)
        return cove__fail_nomem(err, "a list of parts");
    rc = cove__json_read(cove__slice(bytes, size), &handler, &l, why, sizeof why);
    if (rc == COVE_EINVAL || (rc == 0 && !is_sound(&l)))
        rc = COVE_ECORRUPT;
    if (rc == COVE_ENOMEM)
        cove__fail_nomem(err, "a list of parts");
    else if (rc < 0)
        cove__fail(err, rc, "these bytes are not a list of parts: %s", why[0] ? why : cove_code_phrase(rc));
    if (rc < 0) {
        cove_parts_free(l.parts);
        return rc;
    }
    *ret_parts = l.parts;
    return 0;
}
