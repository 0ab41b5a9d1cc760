/*
 * The contract suite: every guarantee of <cove/fs.h> and <cove/stream.h>, as tests that a backend passes.
 *
 * It knows the public headers only and runs on whatever store COVE_CONTRACT_ROOT names. Each test has a directory of
 * its own below a directory of the run, which is removed at the end. What stores may do differently is a row of the
 * table in contract.c: a test then asserts what the row states; it is not skipped.
 */
#ifndef CONTRACT_H
#define CONTRACT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cove/cove.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

/* What stores may do differently. */
struct ability {
    const char *scheme, *backend; /* backend NULL: named as the scheme is */
    const char *server;           /* the row is that of one server, which COVE_CONTRACT_SERVER names; NULL: of any */
    bool real_directories;        /* an empty directory can exist, and nothing can be below a file */
    bool folders;                 /* an empty directory can exist, though names are keys of any shape */
    bool removes_no_directory;    /* a directory among files that are to be removed is an error, not passed over */
    bool slashes_are_kept;        /* a//b is another name than a/b, or refused; else both are one */
    bool any_bytes;               /* names may be of any bytes but NUL; else of UTF-8 without control characters */
    bool slash_twins;             /* a file `a` and a file `a/b` can both be there */
    bool metadata;                /* a content type and the user's pairs are kept beside the bytes */
    bool metadata_case;           /* names of the user's pairs keep their capitals */
    bool metadata_identifiers;    /* and are letters, digits and _ */
    bool no_backslash;            /* names have none */
    bool no_colon;                /* likewise */
    const char *storage_class;    /* of a new file; NULL: "STANDARD" */
    bool metadata_changes;        /* the user's pairs of a file can be changed */
    bool keeps_removed_pairs;     /* fake-gcs-server: a change cannot remove one */
    bool unlisted_uploads;        /* what is under way is in no list */
    bool generations;             /* each write has a number, which is its version's ID, too */
    bool storage_classes;         /* listings have them */
    bool tags, versions;          /* of one file */
    bool signed_urls;
    bool copies;          /* the store copies and moves files itself */
    bool uploads;         /* a file may be larger than one request takes */
    bool begins_by_parts; /* an upload is listed once the store has one of its parts */
    bool hidden_uploads;  /* those under way may not be listed: ordered sessions */
    bool parts_come_back; /* parts of an aborted upload may stay, and can be removed */
    bool appends;         /* what is there can be added to */
    bool copies_parts;    /* a part can be taken out of another object without the caller's bytes */
    bool slow;            /* each call crosses a network: counts are smaller */
    size_t part_max;      /* bytes that one part of a name may have */
};

struct world {
    cove_fs *fs;
    const struct ability *can;
    bool unordered;   /* pages of listings come in no order: a directory bucket of S3, the DFS endpoint */
    const char *root; /* the URL given */
    char *run;        /* the run's directory, a path */
    char dir[96];     /* the name of the running test's directory below it */
};
extern struct world w;

/* The last error of OK and FAILS. */
extern struct cove_error err;

/* The path of `name` in the test's directory; lives until the test ends. */
const char *at(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *url_of(const char *path); /* likewise */

/* Runs a call with a fresh `err`: OK fails the test with its message unless it returns >= 0, and gives what it
 * returned. */
#define OK(call_) (err_reset(), check_ok((int64_t)(call_), #call_, __FILE__, __LINE__))
/* Fails the test unless the call returns `code` and fills `err` to match. */
#define FAILS(code, call_) (err_reset(), check_fails((code), (int64_t)(call_), #call_, __FILE__, __LINE__))
/* Skips the test, with the ability's name, where the store does not have it. */
#define NEEDS(ability_) needs(w.can->ability_, #ability_)
void needs(bool has, const char *name);

void err_reset(void);
int64_t check_ok(int64_t rc, const char *what, const char *file, int line);
void check_fails(int code, int64_t rc, const char *what, const char *file, int line);

/* Bytes that depend on `seed` and on their place, so that a piece of a wrong file or a wrong place is seen. */
void fill(void *data, size_t size, uint64_t seed, size_t offset);
bool filled(const void *data, size_t size, uint64_t seed, size_t offset);
void *filled_new(size_t size, uint64_t seed); /* free() */

void put(const char *path, const char *text);
void put_filled(const char *path, size_t size, uint64_t seed);
void has(const char *path, const char *text); /* fails the test unless the file has just that */
void has_filled(const char *path, size_t size, uint64_t seed);
void gone(const char *path);
char *etag_of(const char *path); /* free() */

/* The names that a listing gives, relative to the test's directory, sorted as given, joined by a space; frees the
 * listing. A directory's name ends in a slash. Lives until the test ends. */
const char *names(cove_listing *listing);
const char *listed(const char *path);
size_t count(cove_listing *listing); /* frees the listing */

/* Runs `fn` in `n` threads (1 to 64), each with its number, and fails the test unless every one returns NULL, else with
 * what it returned (static text). Inside a thread, no assertion of cmocka may be used. */
void in_threads(size_t n, const char *(*fn)(size_t number));

/* The suites, ended by an entry without a name. */
extern const struct CMUnitTest names_tests[], metadata_tests[], listing_tests[], reading_tests[], reader_tests[],
    writing_tests[], parts_tests[], appending_tests[], changes_tests[], errors_tests[], concurrency_tests[],
    queueing_tests[], properties_tests[];

#endif
