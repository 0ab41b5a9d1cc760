/*
 * Names that meet: two sources of cp or mv whose targets are one file, or a file and the directory above it. An object
 * store holds "d//x", "d/./x" and "d/x", or "a" and "a/b", beside each other; a disk does not. It is looked for before
 * anything is done, by names as the target's store writes them. What no name tells (a disk that takes "A" and "a" for
 * one) made.c sees.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* ---- a set of names: of each a hash, so that a million need 16 MiB ---- */

struct cli_names {
    uint64_t *slots; /* 0: free; the lowest bit: a directory */
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

/* FNV-1a, its bits mixed once more. Two names of one hash would be taken for one, and refused: of ten million names,
 * one command in 300,000. */
static uint64_t hash(const char *name, size_t n)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)name[i]) * UINT64_C(0x100000001b3);
    h = (h ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return (h ^ h >> 32) | 2;
}

/* Its slot, or the free one where it belongs. */
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

struct meeting {
    const struct cli_plan *plan;
    struct cli_names *names;
    size_t base;          /* bytes of the target's own URL: directories above it are not looked at */
    bool failed;          /* a listing did, and has said why */
    char *where;          /* the URL at which two meet; NULL: none so far */
    char *first, *second; /* URLs of the two */
};

static char *url_of(const cove_fs *fs, const char *path)
{
    char *url = NULL, *copy;

    if (cove_fs_url(fs, path, &url, NULL) < 0)
        return cli_strdup(path); /* whatever is wrong with it, who uses it will say */
    copy = cli_strdup(url);
    cove_free(url);
    return copy;
}

/* Adds a target, and on a disk the directories that it needs. False: it meets another. */
static bool add_target(struct meeting *m, const char *target, bool directory, bool disk)
{
    for (const char *slash = target + m->base; disk && (slash = strchr(slash, '/')) != NULL; slash++) {
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

/* Is `target` what the other one met, or in the directory that it met? */
static bool is_at(const struct meeting *m, const char *target)
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

/* The first time round each target is added; once two have met, the first of them is looked for. False: enough. */
static bool visit(struct meeting *m, const cove_fs *from_fs, const char *from, const cove_fs *to_fs, const char *to,
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
    struct meeting *m = user;
    bool directory = cove_info_type(info) == COVE_TYPE_DIRECTORY;

    (void)c;
    /* Between object stores a directory is no more than a part of names. */
    if (!to || (directory && !cli_real_directories(s->to.fs)))
        return true;
    return visit(m, s->from.fs, cove_info_path(info), s->to.fs, to, directory);
}

/* Every target, or only those of the sources themselves. */
static void visit_all(struct cli *c, struct meeting *m, bool trees)
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
        if (where ? m->first != NULL : m->where != NULL)
            return;
    }
}

static int check(struct cli *c, const struct cli_plan *plan, bool trees)
{
    struct meeting m = { .plan = plan, .names = cli_names_new() };
    char *base = url_of(plan->to.fs, plan->to.path);
    bool met;

    m.base = strlen(base);
    visit_all(c, &m, trees);
    met = m.where != NULL;
    if (met) {
        visit_all(c, &m, trees);
        cli_failf(c, CLI_USAGE, "%s and %s would meet at %s: nothing was done", m.first ? m.first : "another source",
                  m.second, m.where);
    }
    cli_names_free(m.names);
    free(m.where);
    free(m.first);
    free(m.second);
    free(base);
    return met ? CLI_USAGE : m.failed ? CLI_FAILED : CLI_OK;
}

int cli_check_names(struct cli *c, const struct cli_plan *plan)
{
    bool trees = false;
    int rc = plan->n_sources > 1 ? check(c, plan, false) : CLI_OK;

    /* What is below two sources of different names cannot meet, nor what is below one, unless a disk has fewer names
     * than the store that it comes from. */
    for (size_t i = 0; i < plan->n_sources; i++) {
        const struct cli_source *s = &plan->sources[i];

        trees |= s->tree && !s->named && plan->n_sources > 1;
        trees |= s->tree && cli_real_directories(s->to.fs) && !cli_real_directories(s->from.fs);
    }
    return rc == CLI_OK && trees ? check(c, plan, true) : rc;
}
