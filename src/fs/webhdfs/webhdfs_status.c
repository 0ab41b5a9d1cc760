/* What responses show of files and directories, and the versions of files. Pure. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fs/webhdfs/webhdfs.h"
#include "wire/json.h"

#define NUMBER_MAX  (INT64_MAX / 2000000) /* of milliseconds, so that nanoseconds fit */
#define ENTRIES_MAX ((size_t)1 << 24)
#define LISTING     "DirectoryListing/partialListing/FileStatuses/FileStatus[]"

static int read_number(const char *text, int64_t max, int64_t *ret)
{
    char *end;
    long long v = strtoll(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || v < 0 || v > max)
        return COVE_EPROTOCOL;
    *ret = v;
    return 0;
}

/* A field of a FileStatus; others are passed over. `seen` has a bit for each that has to be there. */
enum { SEEN_TYPE = 1, SEEN_LENGTH = 2, SEEN_TIME = 4, SEEN_ALL = 7 };

static int take_field(struct webhdfs_status *s, unsigned *seen, const char *field, const char *text)
{
    if (strcmp(field, "type") == 0) {
        s->directory = strcmp(text, "DIRECTORY") == 0;
        *seen |= SEEN_TYPE;
        return 0;
    }
    if (strcmp(field, "length") == 0) {
        *seen |= SEEN_LENGTH;
        return read_number(text, INT64_MAX - 1, &s->length);
    }
    if (strcmp(field, "modificationTime") == 0) {
        *seen |= SEEN_TIME;
        return read_number(text, NUMBER_MAX, &s->mtime_ms);
    }
    return strcmp(field, "fileId") == 0 ? read_number(text, INT64_MAX - 1, &s->id) : 0;
}

/* ---- one ---- */

struct one {
    struct webhdfs_status status;
    unsigned seen;
};

static int one_value(void *user, const char *path, enum cove__json_type type, const char *text)
{
    struct one *one = user;

    return strncmp(path, "FileStatus/", 11) == 0 ? take_field(&one->status, &one->seen, path + 11, text) : 0;
}

int cove__webhdfs_read_status(struct cove__slice body, struct webhdfs_status *ret)
{
    static const struct cove__json_handler handler = { .value = one_value };
    struct one one = { 0 };
    char why[128];
    int rc = cove__json_read(body, &handler, &one, why, sizeof why);

    if (rc == COVE_EINVAL || (rc == 0 && one.seen != SEEN_ALL))
        rc = COVE_EPROTOCOL;
    if (rc == 0)
        *ret = one.status;
    return rc;
}

static int shown_value(void *user, const char *path, enum cove__json_type type, const char *text)
{
    static const char *const shown[][2] = {
        { "owner", "owner" },           { "group", "group" },
        { "permission", "permission" }, { "replication", "replication" },
        { "blockSize", "block-size" },  { "accessTime", "access-time" },
    };

    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        if (strncmp(path, "FileStatus/", 11) == 0 && strcmp(path + 11, shown[i][0]) == 0)
            cove__pairs_add(user, cove__slice_str(shown[i][1]), cove__slice_str(text));
    }
    return 0;
}

int cove__webhdfs_read_shown(struct cove__slice body, struct cove__pairs *pairs)
{
    static const struct cove__json_handler handler = { .value = shown_value };
    char why[128];
    int rc = cove__json_read(body, &handler, pairs, why, sizeof why);

    return rc == COVE_EINVAL ? COVE_EPROTOCOL : rc;
}

/* ---- a directory's ---- */

struct listing {
    struct one one;
    char *name, *last; /* owned; of the entry that is read, and of the last one; NULL: none */
    const char *directory;
    struct cove__page *page;
    int64_t remaining; /* -1: not known */
};

static int listing_value(void *user, const char *path, enum cove__json_type type, const char *text)
{
    struct listing *l = user;
    size_t n = strlen(LISTING "/");

    if (strcmp(path, "DirectoryListing/remainingEntries") == 0)
        return read_number(text, INT64_MAX - 1, &l->remaining);
    if (strncmp(path, LISTING "/", n) != 0)
        return 0;
    if (strcmp(path + n, "pathSuffix") == 0)
        return cove__set_string(&l->name, text);
    return take_field(&l->one.status, &l->one.seen, path + n, text);
}

static int add_entry(struct listing *l)
{
    const struct webhdfs_status *s = &l->one.status;
    char etag[WEBHDFS_ETAG_MAX];
    char *path;
    int rc;

    if (!s->directory && cove__webhdfs_is_temporary(l->name))
        return 0;
    if (l->page->n >= ENTRIES_MAX)
        return COVE_ELIMIT;
    path = cove__path_join(l->directory, l->name);
    if (!path)
        return COVE_ENOMEM;
    cove__webhdfs_make_etag(s, etag);
    rc = cove__page_add(l->page, path, s->directory ? COVE_INFO_DIRECTORY : COVE_INFO_FILE,
                        s->directory ? 0 : s->length, s->mtime_ms * 1000000, s->directory ? NULL : etag);
    cove__free(path);
    return rc;
}

static int listing_end(void *user, const char *path)
{
    struct listing *l = user;
    int rc;

    if (strcmp(path, LISTING) != 0)
        return 0;
    if (l->one.seen != SEEN_ALL || !l->name)
        return COVE_EPROTOCOL;
    if (l->name[0] == '\0') /* the listing of a file is the file */
        return COVE_ENOTDIR;
    if (strchr(l->name, '/'))
        return COVE_EPROTOCOL;
    rc = add_entry(l);
    cove__free(l->last);
    l->last = l->name;
    l->name = NULL;
    l->one = (struct one){ 0 };
    return rc;
}

int cove__webhdfs_read_listing(struct cove__slice body, const char *directory, struct cove__page *page, char **ret_last)
{
    static const struct cove__json_handler handler = { .value = listing_value, .end = listing_end };
    struct listing l = { .directory = directory, .page = page, .remaining = -1 };
    char why[128];
    int rc = cove__json_read(body, &handler, &l, why, sizeof why);

    if (rc == COVE_EINVAL || (rc == 0 && (l.remaining < 0 || (l.remaining > 0 && !l.last))))
        rc = COVE_EPROTOCOL;
    if (rc == 0 && l.remaining > 0) {
        *ret_last = l.last;
        l.last = NULL;
    } else if (rc == 0) {
        *ret_last = NULL;
    }
    cove__free(l.name);
    cove__free(l.last);
    return rc;
}

/* ---- an answer ---- */

static int boolean_value(void *user, const char *path, enum cove__json_type type, const char *text)
{
    int *answer = user;

    if (strcmp(path, "boolean") == 0)
        *answer = strcmp(text, "true") == 0 ? 1 : strcmp(text, "false") == 0 ? 0 : COVE_EPROTOCOL;
    return 0;
}

int cove__webhdfs_read_boolean(struct cove__slice body)
{
    static const struct cove__json_handler handler = { .value = boolean_value };
    int answer = COVE_EPROTOCOL;
    char why[128];
    int rc = cove__json_read(body, &handler, &answer, why, sizeof why);

    return rc == COVE_EINVAL ? COVE_EPROTOCOL : rc < 0 ? rc : answer;
}

/* ---- versions ---- */

void cove__webhdfs_make_etag(const struct webhdfs_status *s, char out[WEBHDFS_ETAG_MAX])
{
    snprintf(out, WEBHDFS_ETAG_MAX, "\"%" PRId64 "-%" PRId64 "-%" PRId64 "\"", s->id, s->mtime_ms, s->length);
}

int64_t cove__webhdfs_etag_length(const char *etag)
{
    struct webhdfs_status s = { 0 };
    char again[WEBHDFS_ETAG_MAX];

    if (sscanf(etag, "\"%" SCNd64 "-%" SCNd64 "-%" SCNd64 "\"", &s.id, &s.mtime_ms, &s.length) != 3)
        return -1;
    cove__webhdfs_make_etag(&s, again);
    return strcmp(again, etag) == 0 && s.length >= 0 ? s.length : -1;
}
