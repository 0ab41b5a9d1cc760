/*
 * What the verbs of the command share. main.c finds the verb in its table and calls it; args.c has parsed the options
 * by then; target.c turns arguments into stores and paths; output.c is the only way to stdout; copier.c and special.c
 * move bytes.
 */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cove/cove.h>

/* Exit codes: part of the command's contract (docs/cli.md). */
enum {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_NOT_FOUND = 3,
    CLI_DENIED = 4,
    CLI_NETWORK = 5,
    CLI_INTERRUPTED = 130
};

/* ---- verbs and options ---- */

struct cli_option {
    char key; /* how the verb asks for it, and the short option where `is_short` */
    bool is_short;
    const char *name; /* the long option */
    const char *arg;  /* what it takes, for help; NULL: nothing */
    const char *help;
};

struct cli;

struct cli_verb {
    const char *name;
    const char *usage;   /* what follows the name: "[-r] SOURCE… TARGET" */
    const char *summary; /* one line */
    const char *details; /* paragraphs for --help; lines end with a newline */
    const char *examples;
    const struct cli_option *options; /* ends with a row without a name; NULL: only the common ones */
    int min_args, max_args;           /* max -1: any number */
    bool removes;                     /* its sources go: it takes no pattern of [ ] alone */
    int (*run)(struct cli *c);        /* gives the exit code */
};

#define CLI_KEYS 128

struct cli_pair {
    const char *name; /* owned: NAME of -o NAME=VALUE */
    const char *value;
};

struct cli {
    const struct cli_verb *verb;
    char **args; /* what is left of argv */
    int n_args;
    bool set[CLI_KEYS]; /* the verb's own options, by key */
    const char *value[CLI_KEYS];
    bool json, quiet;
    int verbose;
    struct cove_call call; /* with the token that Ctrl-C fires */
    struct cli_pair *pairs;
    size_t n_pairs;
    int status; /* the exit code of the first thing that failed; 0 so far */
};

extern const struct cli_verb cli_cat, cli_ckpt, cli_cp, cli_du, cli_find, cli_fs, cli_logs, cli_ls, cli_mkdir, cli_mv,
    cli_rm, cli_sign, cli_stat, cli_uploads;
extern const struct cli_verb *const cli_verbs[]; /* ends with NULL */

/* Parses argv[1…] of a verb. CLI_OK, CLI_USAGE (said why), or -1: help was asked for and printed. */
int cli_parse(struct cli *c, int argc, char **argv);
void cli_print_help(const struct cli_verb *verb);
void cli_print_verbs(FILE *out);
/* The verb that was probably meant: one of similar spelling, or of this name in other commands. NULL: none. */
const char *cli_nearest_verb(const char *word);
/* A hint for the unknown option `letter` of `verb`, which the same command has elsewhere; NULL: nothing. */
const char *cli_letter_elsewhere(const char *verb, char letter);
/* The option with the long name most similar to `word`; NULL: none is similar. */
const struct cli_option *cli_nearest_option(const struct cli_option *options, const char *word);
/* "90", "90s", "5m", "2h", "7d", "250ms" in milliseconds; false where it is none. */
bool cli_parse_duration(const char *text, int64_t *ret_ms);

/* ---- time ---- */

int64_t cli_now_ms(void);                    /* of a clock that only goes forward */
int64_t cli_timeout_ms(const struct cli *c); /* of one operation, in milliseconds; 0: none */

/* An operation of several calls, which have one timeout together. */
struct cli_operation {
    struct cove_call call;
    int64_t until_ms; /* 0: no timeout */
};
struct cli_operation cli_operation_begin(const struct cli *c);
/* For the next call: with the time that is left. BORROWED, until the next one is asked for. */
const struct cove_call *cli_operation_call(struct cli_operation *o);

/* ---- saying what went wrong ---- */

/* "cove: MESSAGE" on stderr; notes the exit code of `code` and returns it. */
int cli_fail(struct cli *c, int code, const struct cove_error *err);
int cli_failf(struct cli *c, int status, const char *format, ...) COVE_PRINTF(3, 4);
int cli_usage(struct cli *c, const char *format, ...) COVE_PRINTF(2, 3); /* with a hint at --help; CLI_USAGE */
void cli_note(struct cli *c, const char *format, ...) COVE_PRINTF(2, 3); /* on stderr, unless -q */
void cli_say(const char *text);  /* a line from any thread; never waits for a thread that writes */
void cli_warn(const char *text); /* the same, "cove: warning: TEXT", once for each text */
static inline bool cli_interrupted(const struct cli *c)
{
    return cove_cancel_fired(c->call.cancel) != 0;
}
void *cli_alloc(size_t size); /* zeroed; ends the command when memory is exhausted */
char *cli_strdup(const char *s);
char *cli_join(const char *directory, const char *name); /* with one slash between */

/* ---- targets: an argument, its store, its path ---- */

struct cli_target {
    char *arg; /* as it was given, without slashes at its end */
    char *url; /* the whole URL; file:///… for a plain path */
    cove_fs *fs;
    char *path; /* canonical, in the store */
    bool local; /* given as a plain path */
    bool slash; /* it ended with a slash: a directory is meant */
    bool match; /* it is one of what a pattern matches */
};

/* Opens the store of `arg`. 0 or an exit code, said why. */
int cli_target_open(struct cli *c, const char *arg, struct cli_target *ret);
void cli_target_done(struct cli_target *t);
/* Before anything is done: an option of -o that no argument's store takes is an error. 0 or CLI_USAGE. */
int cli_check_options(struct cli *c);
/* How a path below (or at) the target is shown: in the words of the argument. Freed by the caller. */
char *cli_target_show(const struct cli_target *t, const char *path);
/* The target is all of a store: a bucket, "/", "s3://". */
bool cli_target_is_root(const struct cli_target *t);
/* "a whole bucket", "the root of a disk" or "a whole store"; NULL: it is no root. */
const char *cli_target_whole(const struct cli_target *t);
bool cli_target_is_bucket(const struct cli_target *t);
bool cli_in_one_bucket(const struct cli_target *a, const struct cli_target *b); /* of one store */
/* Prints a note if the target is a bucket that has been emptied: it still exists. */
void cli_note_bucket_stays(struct cli *c, const struct cli_target *t);
/* The store has real directories: they exist without files, and a name is either a file or a directory. */
bool cli_real_directories(const cove_fs *fs);
/* Whether there is anything below `t`, whose entry is `info`; in an object store a file may have it, too. 1, 0 or an
 * error. */
int cli_has_below(const struct cli_target *t, const cove_info *info, struct cli_operation *o, struct cove_error *err);
/* Calls `each` for the file of this name, if there is one, and for every file below it: one operation of the timeout.
 * False: not all could be had, said why. */
typedef void (*cli_each_info)(struct cli *c, const struct cli_target *t, const cove_info *info, void *user);
bool cli_each_file(struct cli *c, const struct cli_target *t, cli_each_info each, void *user);
/* The rest of `path` after `directory` and one slash. */
const char *cli_rest(const char *directory, const char *path);
/* Both are one and the same path, also by links on the local disk. `inside`: or `b` lies below `a`. */
bool cli_same(const struct cli_target *a, const struct cli_target *b, bool inside);

/* Calls `each` with every path that the argument stands for: itself, or, if it has *, ?, [ or { and no such path
 * exists, each path that the pattern matches (none: CLI_NOT_FOUND). For a verb that removes, a name that has only [ ]
 * is never a pattern: once run[1] is removed, the same command would remove run1. Continues after a failure, not after
 * an interrupt. */
bool cli_is_pattern(struct cli *c, const char *arg); /* it is one, and no such path exists */
typedef void (*cli_each)(struct cli *c, const struct cli_target *t, void *user);
void cli_expand(struct cli *c, const char *arg, cli_each each, void *user);
void cli_expand_all(struct cli *c, cli_each each, void *user); /* every argument */

/* ---- output ---- */

/* All of stdout goes through these; a reader that went away ends the command quietly, a full disk is said and ends it.
 */
void cli_print(const char *format, ...) COVE_PRINTF(1, 2);
/* An untrusted name, tag or key: as cli_print_plain on a terminal, unchanged to a pipe or a file. */
void cli_print_name(const char *name);
/* The lone surrogate (in three bytes) that `text`, of `left` bytes, begins with; 0: none. */
unsigned cli_surrogate(const char *text, size_t left);
/* `size` bytes of text, with ? for each character that is not plain and each byte that is not valid UTF-8. */
void cli_print_plain(const char *text, size_t size);
void cli_write(struct cli *c, const void *data, size_t size);
void cli_flush(void);
/* Decodes one UTF-8 character at `s`, which has `left` bytes: its code point, and its length in bytes.
 * CLI_NO_CHARACTER: a byte that is not valid UTF-8 (overlong forms and surrogates are not). */
#define CLI_NO_CHARACTER UINT32_MAX
size_t cli_character(const char *s, size_t left, uint32_t *ret_point);
/* Safe for a terminal: no control character (C0, DEL, C1), bidirectional control or line end. */
bool cli_is_plain(uint32_t point);
void cli_make_plain(char *text); /* in place, as cli_print_plain shows it */
/* Sums and products of untrusted sizes, none negative; they saturate at INT64_MAX. */
int64_t cli_sum(int64_t a, int64_t b);
int64_t cli_product(int64_t a, int64_t b);
const char *cli_human(int64_t bytes, char out[16]);        /* "1.5 MiB" */
const char *cli_time(int64_t ns, bool json, char out[40]); /* local time for people, RFC 3339 in UTC for JSON */

/* JSON, one value after the other: cli_json_begin("{"), cli_json_key("a"), cli_json_int(1), cli_json_end("}"),
 * cli_json_line(). Commas are its business. Text that is not UTF-8 gets U+FFFD, a lone surrogate its escape. */
void cli_json_open(char bracket);
void cli_json_close(char bracket);
void cli_json_key(const char *key);
void cli_json_string(const char *s);
void cli_json_string_n(const char *s, size_t n);
void cli_json_int(int64_t i);
void cli_json_number(const char *decimal); /* of any length */
#define CLI_NUMBER_MAX 40
const char *cli_number(double d, char text[CLI_NUMBER_MAX]); /* the fewest digits that read back; "nan", "-inf" */
void cli_json_double(double d);                              /* "NaN", "Infinity", "-Infinity" as strings */
void cli_json_bool(bool b);
void cli_json_null(void);
void cli_json_text(const char *key, const char *value); /* a key and its string; NULL: null */
void cli_json_line(void);                               /* ends a document */

/* {"path":…,"url":…,"type":…,"size":…,"mtime":…,"etag":…}; with `all` also what a listing doesn't have */
void cli_json_info(const struct cli_target *t, const cove_info *info, bool all);

/* ---- progress: one line on stderr, only where that is a terminal; one at a time ---- */

void cli_progress_start(const struct cli *c, const char *verb);
void cli_progress_draw(int64_t files, int64_t all_files, int64_t bytes, int64_t all_bytes); /* all -1: not known */
void cli_progress_clear(void);                                                              /* before any other line */

/* stdout, stderr and the exit code, for the threads that copy: everything in cli_fail, cli_failf, cli_note takes it by
 * itself. */
void cli_terminal_lock(void);
void cli_terminal_unlock(void);

/* ---- copying ---- */

/* One source of cp or mv, and its place in the target. In an object store it may be both a file and a tree. */
struct cli_source {
    struct cli_target from, to;
    bool file, tree;
    bool named; /* it is copied into the target under its own name; else the source, or its content, becomes the target
                 */
    bool special; /* neither file nor directory: a pipe, a socket, a device */
    bool link;    /* the file is named by a link that goes first */
    int64_t size;
    char *etag; /* of the file; NULL: it has none */
};

struct cli_names;

struct cli_plan {
    struct cli_target to;
    bool into; /* `to` is a directory that sources go into */
    bool move, recursive;
    int threads;
    struct cli_source *sources;
    size_t n_sources, cap_sources;
    struct cli_names *seen; /* paths of the sources */
    struct cli_copier *copier;
    struct cli_made *made;
    bool directories;  /* of the source under way: the target has real ones */
    char *maybe_empty; /* its directory at the target, until what comes next is in it, or it was made; NULL: none */
};

/* Whether the target's store can hold the entry: on a disk a name that ends in a slash is that of a directory. */
bool cli_fits(const struct cli_source *s, const char *path, bool directory);
/* Calls `each` for each entry below the source, directories too, with its target; NULL: that would be outside the
 * target, or does not fit there. Stops when `each` returns false. `one`: the timeout is for the whole listing, as
 * `each` does not wait. False: the listing failed, and the error was printed. */
typedef bool (*cli_each_entry)(struct cli *c, const struct cli_source *s, const cove_info *info, const char *to,
                               void *user);
bool cli_each_below(struct cli *c, const struct cli_source *s, bool one, cli_each_entry each, void *user);

/* A set of names of files and directories. A directory may be added again. cli_names_add gives false if the name was
 * already added and one of the two is a file. */
struct cli_names *cli_names_new(void);
void cli_names_free(struct cli_names *names);
bool cli_names_add(struct cli_names *names, const char *name, size_t n, bool directory);
bool cli_names_has(const struct cli_names *names, const char *name, size_t n);

/* Checks that no two sources have the same target: 0, or an exit code after printing the error. */
int cli_check_names(struct cli *c, const struct cli_plan *plan);

/* Whether two local paths, links resolved, may name one file. What was asked of a disk is remembered. */
struct cli_alike;
struct cli_alike *cli_alike_new(void);
void cli_alike_free(struct cli_alike *alike);
bool cli_alike(struct cli_alike *alike, const char *a, const char *b);

/* The local files that this command has written. */
struct cli_made;
struct cli_made *cli_made_new(void);
void cli_made_free(struct cli_made *made);
/* To be called before a local file is written. Waits while a file that may be the same is being written. False: this
 * command has already written the file. Else *ret_row is for cli_made_end. */
bool cli_made_begin(struct cli_made *made, const char *path, size_t *ret_row);
void cli_made_end(struct cli_made *made, const char *path, size_t row, bool done);
void cli_say_made(struct cli *c, const char *from, const char *to); /* after cli_made_begin gave false */

struct cli_copier;

/* `remove`: each source is removed after it was copied, if it still has its ETag. `made` is BORROWED until the copier
 * is finished. */
struct cli_copier *cli_copier_new(struct cli *c, int threads, bool remove, struct cli_made *made);
/* One more file; strings are copied, stores are referenced. `etag`: of the source, from before it is read; NULL: it
 * has none. Waits while too many are queued. */
void cli_copier_add(struct cli_copier *k, cove_fs *from_fs, const char *from, cove_fs *to_fs, const char *to,
                    int64_t size, const char *etag);
void cli_copier_finish(struct cli_copier *k); /* waits for all and frees */

/* Whether this is a local path that is neither a file nor a directory: a pipe, a socket, a device. */
bool cli_is_special(cove_fs *fs, const char *path);
bool cli_is_link(cove_fs *fs, const char *path); /* a symbolic link on the local disk */
/* Writes everything read from `from`, a special file (NULL: standard input), to one file. */
void cli_upload(struct cli *c, const struct cli_target *from, cove_fs *fs, const char *path);
/* A file's bytes to stdout. */
void cli_download(struct cli *c, const struct cli_target *t);
/* With --json, the line of a file that has its copy. */
void cli_say_copied(struct cli *c, cove_fs *from_fs, const char *from, cove_fs *to_fs, const char *to, int64_t size);
/* The whole of cp and mv: the arguments are sources and a target. */
int cli_transfer(struct cli *c, bool move);

#endif
