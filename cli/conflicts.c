/*
 * Target conflicts: two sources of cp or mv with the same target, or a target that is a directory above another. An
 * object store can hold "d//x", "d/./x" and "d/x", or "a" and "a/b", side by side; a disk cannot. This is checked
 * before anything is copied, by the target store's canonical names. Conflicts that names do not show (a disk that
 * ignores case) are found by made.c.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* ---- a set of names: stores only their hashes, so that a million take 16 MiB ---- */

struct cli_names {
    uint64_t *slots; /* hashes; 0: free; the lowest bit: a directory */
    size_t n, cap;   /* a power of two */
};

struct cli_names *cli_names_new(void)
{
    struct cli_names *names = cli_alloc(sizeof *names);

    names->cap = 256;
    names->slots = cli_alloc(names->cap * sizeof *names->slots);
    return names;
}

void cli_names_free(struct cli_names *names)
{
    if (!names)
        return;
    free(names->slots);
    free(names);
}

/* FNV-1a with a final mix. Two names with the same hash would be refused as equal: with ten million names, in one of
 * 300,000 commands. */
static uint64_t hash(const char *name, size_t n)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)name[i]) * UINT64_C(0x100000001b3);
    h = (h ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return (h ^ h >> 32) | 2;
}

/* The slot of a hash, or the free one where it belongs. */
static uint64_t *slot_of(uint64_t *slots, size_t cap, uint64_t h)
{
    size_t i = (size_t)(h >> 2) & (cap - 1);

    while (slots[i] != 0 && (slots[i] | 1) != (h | 1))
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

static void grow(struct cli_names *names)
{
    size_t cap = names->cap * 2;
    uint64_t *slots = cli_alloc(cap * sizeof *slots);

    for (size_t i = 0; i < names->cap; i++)
        if (names->slots[i] != 0)
            *slot_of(slots, cap, names->slots[i]) = names->slots[i];
    free(names->slots);
    names->slots = slots;
    names->cap = cap;
}

bool cli_names_add(struct cli_names *names, const char *name, size_t n, bool directory)
{
    uint64_t h = (hash(name, n) & ~UINT64_C(1)) | directory;
    uint64_t *slot = slot_of(names->slots, names->cap, h);

    if (*slot != 0)
        return directory && (*slot & 1) != 0;
    *slot = h;
    if (++names->n > names->cap / 2)
        grow(names);
    return true;
}

bool cli_names_has(const struct cli_names *names, const char *name, size_t n)
{
    return *slot_of(names->slots, names->cap, hash(name, n)) != 0;
}

/* ---- the sources of one command ---- */

struct conflict {
    const struct cli_plan *plan;
    struct cli_names *names;
    size_t base;          /* length of the target's URL: directories above it are not checked */
    bool failed;          /* a listing failed, and the error was printed */
    char *where;          /* the URL of the conflict; NULL: none so far */
    char *first, *second; /* URLs of the two sources */
};

static char *url_of(const cove_fs *fs, const char *path)
{
    char *url = NULL, *copy;

    if (cove_fs_url(fs, path, &url, NULL) < 0)
        return cli_strdup(path); /* its user reports what is wrong with it */
    copy = cli_strdup(url);
    cove_free(url);
    return copy;
}

/* Adds a target, and on a disk the directories above it. False: it conflicts with another target. */
static bool add_target(struct conflict *m, const char *target, bool directory, bool disk)
{
    for (const char *slash = target + m->base; disk && (slash = strchr(slash, '/')); slash++) {
        size_t n = (size_t)(slash - target);

        if (!cli_names_add(m->names, target, n, true)) {
            m->where = cli_strdup(target);
            m->where[n] = '\0';
            return false;
        }
    }
    if (!cli_names_add(m->names, target, strlen(target), directory)) {
        m->where = cli_strdup(target);
        return false;
    }
    return true;
}

/* Whether `target` is at, or below, the place of the conflict. */
static bool is_at(const struct conflict *m, const char *target)
{
    size_t n = strlen(m->where);

    return strncmp(target, m->where, n) == 0 && (target[n] == '\0' || target[n] == '/');
}

static char *shown(const cove_fs *fs, const char *path, bool directory)
{
    char *url = url_of(fs, path), *slashed = directory ? cli_join(url, "") : cli_strdup(url);

    free(url);
    return slashed;
}

/* In the first pass, adds the target. In the second, after a conflict, looks for its first source. False: stop. */
static bool visit(struct conflict *m, const cove_fs *from_fs, const char *from, const cove_fs *to_fs, const char *to,
                  bool directory)
{
    bool disk = cli_real_directories(to_fs), more = true;
    char *target = url_of(to_fs, to);

    if (!m->where) {
        more = add_target(m, target, directory, disk);
        if (!more)
            m->second = shown(from_fs, from, directory);
    } else if (is_at(m, target)) {
        m->first = shown(from_fs, from, directory);
        more = false;
    }
    free(target);
    return more;
}

static bool visit_entry(struct cli *c, const struct cli_source *s, const cove_info *info, const char *to, void *user)
{
    struct conflict *m = user;
    bool directory = cove_info_type(info) == COVE_INFO_DIRECTORY;

    (void)c;
    /* Between object stores directories are only parts of names. */
    if (!to || (directory && !cli_real_directories(s->to.fs)))
        return true;
    return visit(m, s->from.fs, cove_info_path(info), s->to.fs, to, directory);
}

/* Visits every target, or (without `trees`) only those of the sources themselves. */
static void visit_all(struct cli *c, struct conflict *m, bool trees)
{
    char *where = m->where;

    for (size_t i = 0; i < m->plan->n_sources && !cli_interrupted(c); i++) {
        const struct cli_source *s = &m->plan->sources[i];

        if (trees ? s->file : s->named)
            if (!visit(m, s->from.fs, s->from.path, s->to.fs, s->to.path, false))
                return;
        if (trees && s->tree)
            m->failed |= !cli_each_below(c, s, true, visit_entry, m);
        if (m->failed)
            return;
        if ((where && m->first) || (!where && m->where))
            return;
    }
}

static int check(struct cli *c, const struct cli_plan *plan, bool trees)
{
    struct conflict m = { .plan = plan, .names = cli_names_new() };
    char *base = url_of(plan->to.fs, plan->to.path);
    bool found;

    m.base = strlen(base);
    visit_all(c, &m, trees);
    found = m.where;
    if (found) {
        visit_all(c, &m, trees);
        cli_failf(c, CLI_USAGE, "%s and %s conflict at %s: nothing was done", m.first ? m.first : "another source",
                  m.second, m.where);
    }
    cli_names_free(m.names);
    free(m.where);
    free(m.first);
    free(m.second);
    free(base);
    return found ? CLI_USAGE : m.failed ? CLI_FAILED : CLI_OK;
}

int cli_check_names(struct cli *c, const struct cli_plan *plan)
{
    bool trees = false;
    int rc = plan->n_sources > 1 ? check(c, plan, false) : CLI_OK;

    /* Entries below sources with different names cannot conflict, nor entries below one source, except on the way from
     * an object store to a disk. */
    for (size_t i = 0; i < plan->n_sources; i++) {
        const struct cli_source *s = &plan->sources[i];

        trees |= s->tree && !s->named && plan->n_sources > 1;
        trees |= s->tree && cli_real_directories(s->to.fs) && !cli_real_directories(s->from.fs);
    }
    return rc == CLI_OK && trees ? check(c, plan, true) : rc;
}
