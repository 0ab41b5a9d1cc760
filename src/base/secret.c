/* What no message shows: see secret.h. */
#include "base/secret.h"

#include <ctype.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define SECRETS_MAX 256
#define KEPT        64 /* bytes of each: the rest of a longer one is known by what tokens are made of */
#define LEAST       8
#define BEGINNING   12 /* so much of a longer secret's beginning is taken for it */
#define MASK        "***"

struct secret {
    const void *owner; /* never looked into; NULL: a free place */
    bool longer;       /* than what is kept */
    size_t size;
    char text[KEPT];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct secret secrets[SECRETS_MAX]; /* under lock */
static size_t top;                         /* under lock: no place from here on was ever used */
static size_t next;                        /* under lock: where the next one goes if none is free */
static atomic_size_t in_use;               /* written under lock */

/* ---- the list ---- */

static void forget_locked(struct secret *s)
{
    explicit_bzero(s, sizeof *s);
    atomic_fetch_sub(&in_use, 1);
}

static struct secret *place_locked(void)
{
    struct secret *s;

    for (size_t i = 0; i < SECRETS_MAX; i++) {
        if (secrets[i].owner)
            continue;
        top = i < top ? top : i + 1;
        return &secrets[i];
    }
    s = &secrets[next];
    next = (next + 1) % SECRETS_MAX;
    forget_locked(s);
    return s;
}

void cove__secret_add(const void *owner, struct cove__slice text)
{
    struct secret *s;

    if (text.size < LEAST)
        return;
    pthread_mutex_lock(&lock);
    s = place_locked();
    s->owner = owner;
    s->longer = text.size > KEPT;
    s->size = s->longer ? KEPT : text.size;
    memcpy(s->text, text.data, s->size);
    atomic_fetch_add(&in_use, 1);
    pthread_mutex_unlock(&lock);
}

void cove__secret_add_owned(const char *text)
{
    if (text)
        cove__secret_add(text, cove__slice_str(text));
}

void cove__secret_drop(const void *owner)
{
    if (!owner || atomic_load_explicit(&in_use, memory_order_acquire) == 0)
        return;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < top; i++) {
        if (secrets[i].owner == owner)
            forget_locked(&secrets[i]);
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

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The byte that "%41" stands for; -1: `at` is no such thing. */
static int percent(const char *at)
{
    int high = at[0] == '%' ? hex_value(at[1]) : -1, low = high >= 0 ? hex_value(at[2]) : -1;

    return low >= 0 ? high * 16 + low : -1;
}

void cove__secret_add_userinfo(const void *owner, const char *url)
{
    const char *from = url ? strstr(url, "://") : NULL, *end = from ? strrchr(from, '@') : NULL;
    char plain[512];
    size_t n = 0;

    if (!end)
        return;
    for (const char *p = from + 3; p < end && n < sizeof plain - 1; p++) {
        int byte = percent(p);

        plain[n++] = (char)(byte > 0 ? byte : *p);
        p += byte > 0 ? 2 : 0;
    }
    plain[n] = '\0';
    const char *password = strchr(plain, ':');
    cove__secret_add(owner, cove__slice(plain, n));
    if (password)
        cove__secret_add(owner, cove__slice_str(password + 1));
    explicit_bzero(plain, sizeof plain);
}

static bool of_token(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("+/=_-.%~", c));
}

/* How many bytes at `at` are this secret, or enough of its beginning. */
static size_t match(const char *at, const struct secret *s)
{
    size_t used = 0, n = 0;

    for (; n < s->size; n++) {
        if (at[used] == s->text[n])
            used++;
        else if (percent(at + used) == (unsigned char)s->text[n])
            used += 3;
        else
            break;
    }
    if (n < s->size)
        return n >= BEGINNING ? used : 0;
    while (s->longer && of_token(at[used]))
        used++;
    return used;
}

static size_t match_any_locked(const char *at)
{
    size_t most = 0;

    for (size_t i = 0; i < top; i++) {
        size_t n = secrets[i].owner ? match(at, &secrets[i]) : 0;

        most = n > most ? n : most;
    }
    return most;
}

/* "://user:password@": how many bytes at `at`, just behind the slashes. */
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

/* Masks `n` bytes at `at`; where the text goes on. */
static char *mask(char *at, size_t n)
{
    size_t stars = n < sizeof MASK - 1 ? n : sizeof MASK - 1;

    memset(at, '*', stars);
    memmove(at + stars, at + n, strlen(at + n) + 1);
    return at + stars;
}

/* What stands behind these words up to the next field is a secret of whoever signed. */
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
