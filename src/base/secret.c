/* The list of secrets in use, and how messages are masked: see secret.h. */
#include "base/secret.h"

#include <ctype.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/hex.h"
#include "base/mem.h"

#define KEPT      64 /* bytes stored of each; the rest of a longer secret is recognised by its characters */
#define LEAST     8
#define BEGINNING 12 /* a text with this many first bytes of a longer secret counts as that secret */
#define MASK      "***"

/* One text, with any number of owners. */
struct secret {
    struct secret *next; /* with the same first byte */
    size_t owners;
    bool longer; /* than the stored bytes */
    size_t size;
    char text[KEPT];
};

struct owner {
    struct owner *next;
    const void *address; /* compared only, never dereferenced */
    struct secret *secret;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* under lock */
static struct secret *secrets[256]; /* by their first byte */
static struct owner *owners;
static atomic_size_t in_use; /* of the owners; written under lock */

/* ---- the list ---- */

static struct secret *find_locked(const struct secret *wanted)
{
    struct secret *s = secrets[(unsigned char)wanted->text[0]];

    while (s && (s->size != wanted->size || s->longer != wanted->longer || memcmp(s->text, wanted->text, s->size) != 0))
        s = s->next;
    return s;
}

static struct secret *keep_locked(const struct secret *wanted)
{
    struct secret **chain = &secrets[(unsigned char)wanted->text[0]];
    struct secret *s = find_locked(wanted);

    if (s)
        return s;
    s = cove__malloc(sizeof *s);
    if (s) {
        *s = *wanted;
        s->next = *chain;
        *chain = s;
    }
    return s;
}

static void let_go_locked(struct secret *s)
{
    struct secret **link = &secrets[(unsigned char)s->text[0]];

    if (--s->owners > 0)
        return;
    while (*link != s)
        link = &(*link)->next;
    *link = s->next;
    explicit_bzero(s, sizeof *s);
    cove__free(s);
}

/* Ignores texts shorter than `least`. */
static void add(const void *address, struct cove__slice text, size_t least)
{
    size_t size = text.size > 0 ? strnlen((const char *)text.data, text.size) : 0;
    struct secret wanted = { .longer = size > KEPT, .size = size > KEPT ? KEPT : size };
    struct owner *owner;

    if (size < least)
        return;
    memcpy(wanted.text, text.data, wanted.size);
    pthread_mutex_lock(&lock);
    owner = cove__malloc(sizeof *owner);
    struct secret *s = owner ? keep_locked(&wanted) : NULL;
    if (s) {
        s->owners++;
        *owner = (struct owner){ .next = owners, .address = address, .secret = s };
        owners = owner;
        atomic_fetch_add(&in_use, 1);
    } else {
        cove__free(owner);
    }
    pthread_mutex_unlock(&lock);
    explicit_bzero(&wanted, sizeof wanted);
}

void cove__secret_add(const void *owner, struct cove__slice text)
{
    add(owner, text, LEAST);
}

void cove__secret_add_owned(const char *text)
{
    if (text)
        cove__secret_add(text, cove__slice_str(text));
}

void cove__secret_drop(const void *address)
{
    if (!address || atomic_load_explicit(&in_use, memory_order_acquire) == 0)
        return;
    pthread_mutex_lock(&lock);
    for (struct owner **link = &owners; *link;) {
        struct owner *owner = *link;

        if (owner->address != address) {
            link = &owner->next;
            continue;
        }
        *link = owner->next;
        let_go_locked(owner->secret);
        cove__free(owner);
        atomic_fetch_sub(&in_use, 1);
    }
    pthread_mutex_unlock(&lock);
}

void cove__secrets_before_fork(void)
{
    pthread_mutex_lock(&lock);
}

void cove__secrets_after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

/* ---- matching ---- */

/* Of "%41", and of "%2541", in which the percent sign is encoded itself. */
static int percent(const char *at, size_t *ret_size)
{
    size_t n = 1;

    if (at[0] != '%')
        return -1;
    while (at[n] == '2' && at[n + 1] == '5' && cove__hex_byte(at + n + 2) >= 0)
        n += 2;
    *ret_size = n + 2;
    return cove__hex_byte(at + n);
}

/* Of JSON's "\/" and "\u0041". */
static int backslash(const char *at, size_t *ret_size)
{
    if (at[0] != '\\')
        return -1;
    if (strncmp(at + 1, "u00", 3) == 0) {
        *ret_size = 6;
        return cove__hex_byte(at + 4);
    }
    *ret_size = 2;
    return at[1] ? (unsigned char)at[1] : -1;
}

/* Of "&#65;" and "&#x41;", and of XML's five names. */
static int entity(const char *at, size_t *ret_size)
{
    static const char *const names[] = { "&amp;&", "&lt;<", "&gt;>", "&quot;\"", "&apos;'" };
    char *end;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t n = strlen(names[i]) - 1;

        if (strncmp(at, names[i], n) == 0) {
            *ret_size = n;
            return names[i][n];
        }
    }
    if (at[0] != '&' || at[1] != '#')
        return -1;
    bool hex = at[2] == 'x';
    long code = strtol(at + 2 + hex, &end, hex ? 16 : 10);
    *ret_size = (size_t)(end + 1 - at);
    return *end == ';' && code > 0 && code < 128 ? (int)code : -1;
}

/* The byte that the text at `at` stands for where it is escaped, and the bytes that this takes; -1: it is not. */
static int unescape(const char *at, size_t *ret_size)
{
    int byte = percent(at, ret_size);

    if (byte < 0)
        byte = backslash(at, ret_size);
    return byte < 0 ? entity(at, ret_size) : byte;
}

void cove__secret_add_userinfo(const void *owner, const char *url)
{
    const char *scheme = url ? strstr(url, "://") : NULL, *from = scheme ? scheme + 3 : url;
    const char *end = from ? strrchr(from, '@') : NULL;
    char plain[512];
    size_t n = 0, size;

    if (!end)
        return;
    for (const char *p = from; p < end && n < sizeof plain - 2; p += size) {
        int byte = percent(p, &size);

        if (byte <= 0)
            size = 1;
        plain[n++] = (char)(byte > 0 ? byte : *p);
    }
    plain[n] = '\0';
    const char *password = strchr(plain, ':');
    if (password)
        cove__secret_add(owner, cove__slice_str(password + 1));
    cove__secret_add(owner, cove__slice(plain, n));
    plain[n++] = '@'; /* with which even a short one is no other word */
    plain[n] = '\0';
    if (password)
        add(owner, cove__slice(plain, n), 1);
    explicit_bzero(plain, sizeof plain);
}

static bool of_token(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("+/=_-.%~", c));
}

/* How many bytes at `at` match this secret, or enough of its beginning; 0: no match. */
static size_t match(const char *at, const struct secret *s)
{
    size_t used = 0, n = 0, size;

    for (; n < s->size && at[used]; n++) {
        if (at[used] == s->text[n])
            used++;
        else if (unescape(at + used, &size) == (unsigned char)s->text[n])
            used += size;
        else
            break;
    }
    if (n < s->size)
        return n >= BEGINNING ? used : 0;
    while (s->longer && of_token(at[used]))
        used++;
    return used;
}

static size_t match_chain(const char *at, const struct secret *s, size_t most)
{
    for (; s; s = s->next) {
        size_t n = match(at, s);

        most = n > most ? n : most;
    }
    return most;
}

static size_t match_any_locked(const char *at)
{
    size_t size;
    int byte = unescape(at, &size);
    size_t most = match_chain(at, secrets[(unsigned char)*at], 0);

    return byte > 0 && byte != (unsigned char)*at ? match_chain(at, secrets[byte], most) : most;
}

/* The length of "user:password" at `at`, just after "://"; 0: there is none. */
static size_t userinfo(const char *at)
{
    size_t n = 0, colon = 0, end = 0;

    for (; at[n] && !strchr(" \t\r\n\"'<>/", at[n]); n++) {
        if (at[n] == ':' && colon == 0)
            colon = n + 1;
        if (at[n] == '@' && colon > 0)
            end = n;
    }
    return end;
}

/* ---- hiding ---- */

/* Replaces `n` bytes at `at` with ***. Returns where the rest of the text begins. */
static char *mask(char *at, size_t n)
{
    size_t stars = n < sizeof MASK - 1 ? n : sizeof MASK - 1;

    memset(at, '*', stars);
    memmove(at + stars, at + n, strlen(at + n) + 1);
    return at + stars;
}

/* The values of these query parameters, up to the next field, are secret. */
static size_t signature(const char *text, const char *at)
{
    static const char *const names[] = { "Signature=", "Security-Token=" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t n = strlen(names[i]);

        if ((size_t)(at - text) >= n && strncasecmp(at - n, names[i], n) == 0)
            return strcspn(at, "& \t\r\n\"'<>,;)");
    }
    return 0;
}

void cove__secrets_hide(char *text)
{
    bool any = atomic_load_explicit(&in_use, memory_order_acquire) > 0;

    if (any)
        pthread_mutex_lock(&lock);
    for (char *at = text; *at;) {
        size_t n = any ? match_any_locked(at) : 0;

        if (n == 0 && at - text >= 3 && memcmp(at - 3, "://", 3) == 0)
            n = userinfo(at);
        if (n == 0)
            n = signature(text, at);
        at = n > 0 ? mask(at, n) : at + 1;
    }
    if (any)
        pthread_mutex_unlock(&lock);
}
