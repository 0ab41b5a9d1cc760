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

#define LEAST     8
#define BEGINNING 12 /* a text with this many first bytes of a longer secret counts as that secret */
#define LONG      64 /* after so many, what else looks like a token is a part of it, too */
#define READINGS  8  /* of one place in a text */
#define STATES    8  /* places in a text where a secret's next byte may stand */
#define MASK      "***"

/* One text, with any number of owners. */
struct secret {
    struct secret *next; /* with the same first byte */
    size_t owners;
    size_t size;
    size_t known; /* so many first bytes are no secret, so they alone are no match */
    char text[];
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

static struct secret *keep_locked(struct cove__slice text, size_t known)
{
    struct secret **chain = &secrets[text.data[0]], *s = *chain;

    while (s && !cove__slice_eq(cove__slice(s->text, s->size), text))
        s = s->next;
    if (s)
        return s;
    s = cove__malloc(sizeof *s + text.size);
    if (s) {
        *s = (struct secret){ .next = *chain, .size = text.size, .known = known };
        memcpy(s->text, text.data, text.size);
        *chain = s;
    }
    return s;
}

static void drop_locked(struct secret *s)
{
    struct secret **link = &secrets[(unsigned char)s->text[0]];

    if (--s->owners > 0)
        return;
    while (*link != s)
        link = &(*link)->next;
    *link = s->next;
    explicit_bzero(s, sizeof *s + s->size);
    cove__free(s);
}

/* The bytes at the beginning of a secret that others have, too: a key's first line, and the first names and values of a
 * JSON object or of a list such as "AccountName=a;AccountKey=k". Its secret members are added on their own. */
static size_t known_beginning(struct cove__slice text)
{
    static const char pem[] = "-----BEGIN ";
    const char *at = (const char *)text.data;
    size_t name = 0;

    if (text.size > strlen(pem) && memcmp(at, pem, strlen(pem)) == 0) {
        const char *end = memchr(at, '\n', text.size);
        return end ? (size_t)(end - at) : text.size;
    }
    while (name < text.size && isalnum((unsigned char)at[name]))
        name++;
    bool is_list =
        name > 0 && name < text.size && at[name] == '=' && (memchr(at, ';', text.size) || memchr(at, '&', text.size));
    return !is_list && at[0] != '{' ? 0 : text.size < LONG ? text.size : LONG;
}

/* Ignores texts shorter than `least`. */
static void add(const void *address, struct cove__slice text, size_t known, size_t least)
{
    struct owner *owner;

    text.size = text.size > 0 ? strnlen((const char *)text.data, text.size) : 0;
    if (text.size < least)
        return;
    pthread_mutex_lock(&lock);
    owner = cove__malloc(sizeof *owner);
    struct secret *s = owner ? keep_locked(text, known) : NULL;
    if (s) {
        s->owners++;
        *owner = (struct owner){ .next = owners, .address = address, .secret = s };
        owners = owner;
        atomic_fetch_add(&in_use, 1);
    } else {
        cove__free(owner);
    }
    pthread_mutex_unlock(&lock);
}

void cove__secret_add(const void *owner, struct cove__slice text)
{
    add(owner, text, known_beginning(text), LEAST);
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
        drop_locked(owner->secret);
        cove__free(owner);
        atomic_fetch_sub(&in_use, 1);
    }
    pthread_mutex_unlock(&lock);
}

void cove__wipe(char *secret)
{
    cove__secret_drop(secret);
    if (secret)
        explicit_bzero(secret, strlen(secret));
    cove__free(secret);
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

/* One way to read the bytes at a place of a text: as the byte itself, or as an escape that stands for a byte. A text
 * can be read in several ways, as it may be escaped more than once, or not at all: "%25" is three bytes or a '%'. */
struct reading {
    int byte; /* -1: none */
    size_t size;
};

/* The byte that "%41" at `at` stands for; -1: it is no such escape. */
static int percent(const char *at)
{
    return at[0] == '%' ? cove__hex_byte(at + 1) : -1;
}

/* Of JSON's "\/", "\n" and "\u0041". */
static struct reading backslash(const char *at)
{
    static const char letters[] = "nrtbf", bytes[] = "\n\r\t\b\f";

    if (strncmp(at + 1, "u00", 3) == 0)
        return (struct reading){ cove__hex_byte(at + 4), 6 };
    const char *letter = at[1] ? strchr(letters, at[1]) : NULL;
    return (struct reading){ letter ? bytes[letter - letters] : at[1] ? (unsigned char)at[1] : -1, 2 };
}

/* Of "&#65;" and "&#x41;", and of XML's five names. */
static struct reading entity(const char *at)
{
    static const char *const names[] = { "&amp;&", "&lt;<", "&gt;>", "&quot;\"", "&apos;'" };
    char *end;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t n = strlen(names[i]) - 1;

        if (strncmp(at, names[i], n) == 0)
            return (struct reading){ names[i][n], n };
    }
    if (at[1] != '#')
        return (struct reading){ -1, 0 };
    bool hex = at[2] == 'x';
    long code = strtol(at + 2 + hex, &end, hex ? 16 : 10);
    return (struct reading){ *end == ';' && code > 0 && code < 128 ? (int)code : -1, (size_t)(end + 1 - at) };
}

/* The readings of the bytes at `at`, without those of a NUL. */
static size_t read_at(const char *at, struct reading ret[READINGS])
{
    struct reading other = { -1, 0 };
    size_t n = 0;

    if (*at == '\0')
        return 0;
    ret[n++] = (struct reading){ (unsigned char)*at, 1 };
    if (*at == '%') {
        /* In "%2541" the percent sign may be encoded itself, and so on. */
        for (size_t i = 1; n < READINGS && cove__hex_byte(at + i) > 0; i += 2) {
            ret[n++] = (struct reading){ cove__hex_byte(at + i), i + 2 };
            if (at[i] != '2' || at[i + 1] != '5')
                break;
        }
    } else if (*at == '+') {
        other = (struct reading){ ' ', 1 }; /* in a form */
    } else if (*at == '\\') {
        other = backslash(at);
    } else if (*at == '&') {
        other = entity(at);
    }
    if (other.byte > 0)
        ret[n++] = other;
    return n;
}

void cove__secret_add_userinfo(const void *owner, const char *url)
{
    const char *scheme = url ? strstr(url, "://") : NULL, *from = scheme ? scheme + 3 : url;
    const char *end = from ? strrchr(from, '@') : NULL;
    char plain[512];
    size_t n = 0;

    if (!end)
        return;
    for (const char *p = from; p < end && n < sizeof plain - 2; p += p[0] == '%' && percent(p) > 0 ? 3 : 1) {
        int byte = percent(p);

        plain[n++] = (char)(byte > 0 ? byte : *p);
    }
    plain[n] = '\0';
    const char *password = strchr(plain, ':');
    if (password)
        cove__secret_add(owner, cove__slice_str(password + 1));
    size_t known = password ? (size_t)(password + 1 - plain) : 0;
    add(owner, cove__slice(plain, n), known, LEAST);
    plain[n++] = '@'; /* with the '@' even a short password is not an ordinary word */
    plain[n] = '\0';
    if (password)
        add(owner, cove__slice(plain, n), known, 1);
    explicit_bzero(plain, sizeof plain);
}

/* Adds a part of a URL, which may be quoted with its percent signs or without. */
static void add_encoded(const void *owner, const char *text, size_t size)
{
    char *plain = cove__malloc(size + 1);
    size_t n = 0;

    if (!plain)
        return;
    for (size_t i = 0, step; i < size; i += step) {
        int byte = i + 3 <= size ? percent(text + i) : -1;

        step = byte > 0 ? 3 : 1;
        plain[n++] = byte > 0 ? (char)byte : text[i];
    }
    cove__secret_add(owner, cove__slice(plain, n));
    explicit_bzero(plain, size);
    cove__free(plain);
}

/* Adds the values of the query's `parameter`, or all where that is NULL; false: there was none. */
static bool add_values(const void *owner, const char *query, const char *parameter)
{
    size_t wanted = parameter ? strlen(parameter) : 0, n;
    bool any = false;

    for (; *query != '\0' && *query != '#'; query += n + (query[n] == '&')) {
        n = strcspn(query, "&#");
        const char *value = memchr(query, '=', n);
        size_t name = value ? (size_t)(value - query) : 0;

        if (!value || (parameter && (name != wanted || memcmp(query, parameter, wanted) != 0)))
            continue;
        add_encoded(owner, value + 1, n - name - 1);
        any = true;
    }
    return any;
}

void cove__secret_add_url(const void *owner, const char *url, const char *parameter)
{
    size_t path = strcspn(url, "?#");
    const char *query = url[path] == '?' ? url + path + 1 : "";
    size_t segment = path;

    if (parameter && add_values(owner, query, parameter))
        return;
    add_values(owner, query, NULL);
    while (segment > 0 && url[segment - 1] != '/')
        segment--;
    add_encoded(owner, url + segment, path - segment);
}

static bool of_token(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("+/=_-.%~", c));
}

static void add_state(size_t states[STATES], size_t *n, size_t state)
{
    for (size_t i = 0; i < *n; i++) {
        if (states[i] == state)
            return;
    }
    if (*n < STATES)
        states[(*n)++] = state;
}

/* How many bytes of `text` stand at `at`, in any reading. *ret_used: the bytes that they take there. */
static size_t matching(const char *at, const char *text, size_t size, bool any_case, size_t *ret_used)
{
    size_t states[STATES] = { 0 }, next[STATES], n_states = 1, n = 0;
    struct reading readings[READINGS];

    for (; n < size; n++) {
        int wanted = (unsigned char)text[n];
        size_t n_next = 0;

        for (size_t i = 0; i < n_states; i++) {
            size_t n_readings = read_at(at + states[i], readings);

            for (size_t k = 0; k < n_readings; k++) {
                int byte = readings[k].byte;
                if (byte == wanted || (any_case && tolower(byte) == tolower(wanted)))
                    add_state(next, &n_next, states[i] + readings[k].size);
            }
        }
        if (n_next == 0)
            break;
        memcpy(states, next, n_next * sizeof next[0]);
        n_states = n_next;
    }
    *ret_used = 0;
    for (size_t i = 0; i < n_states; i++)
        *ret_used = states[i] > *ret_used ? states[i] : *ret_used;
    return n;
}

/* How many bytes at `at` match this secret, or enough of its beginning; 0: no match. */
static size_t match(const char *at, const struct secret *s)
{
    size_t used, n = matching(at, s->text, s->size, false, &used);

    if (n < s->size && n < s->known + BEGINNING)
        return 0;
    while (n < s->size && n >= LONG && of_token(at[used]))
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
    struct reading readings[READINGS];
    size_t n = read_at(at, readings), most = 0;

    for (size_t i = 0; i < n; i++)
        most = match_chain(at, secrets[readings[i].byte], most);
    return most;
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

/* Where a signature or a token begins after a name that shows it, and where it ends. */
struct shown {
    size_t name, value; /* in bytes; `name` 0: there is none */
};

static bool is_name(const char *text, const char *at)
{
    return at == text || !isalnum((unsigned char)at[-1]);
}

/* The values of these query parameters, up to the next field, are secret: of URLs that AWS and Google have signed, of a
 * session's, and of Azure's; and what Azure quotes of a header that it refuses. */
static struct shown signature(const char *text, const char *at)
{
    static const struct {
        const char *name;
        bool is_word; /* a name that others may end in */
    } names[] = { { "Signature=", false },
                  { "Security-Token=", false },
                  { "upload_id=", false },
                  { "?sig=", false },
                  { "&sig=", false },
                  { "sig=", true },
                  { "signature found in the HTTP request '", false } };
    size_t used;

    if (!strchr("SsUu?&%\\", *at))
        return (struct shown){ 0 };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *name = names[i].name;
        if ((!names[i].is_word || is_name(text, at)) && matching(at, name, strlen(name), true, &used) == strlen(name))
            return (struct shown){ used, strcspn(at + used, "& \t\r\n\"'<>,;)") };
    }
    return (struct shown){ 0 };
}

#define BEARER_LEAST 16 /* characters: what is shorter may be a word behind "Bearer" */

/* The value of an Authorization header: "SharedKey ACCOUNT:SIGNATURE", whose account is none, or "Bearer TOKEN". A
 * challenge, "Bearer name=value", is no token: that has '=' at its end alone. */
static struct shown authorization(const char *text, const char *at)
{
    static const char *const keys[] = { "SharedKey ", "SharedKeyLite " };
    static const char bearer[] = "Bearer ";

    if (!strchr("SsBb", *at) || !is_name(text, at))
        return (struct shown){ 0 };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        size_t name = strlen(keys[i]);
        if (strncasecmp(at, keys[i], name) != 0)
            continue;
        size_t account = strspn(at + name, "abcdefghijklmnopqrstuvwxyz0123456789-");
        if (account > 0 && at[name + account] == ':')
            return (struct shown){ name + account + 1, strcspn(at + name + account + 1, " \t\r\n\"'<>,;)") };
    }
    if (strncasecmp(at, bearer, strlen(bearer)) != 0)
        return (struct shown){ 0 };
    size_t n = 0;
    for (const char *token = at + strlen(bearer); of_token(token[n]) && token[n] != '='; n++)
        ;
    size_t end = n + strspn(at + strlen(bearer) + n, "=");
    char next = at[strlen(bearer) + end];
    if (n < BEARER_LEAST || (end > n && (isalnum((unsigned char)next) || next == '"')))
        return (struct shown){ 0 };
    return (struct shown){ strlen(bearer), end };
}

void cove__secrets_hide(char *text)
{
    bool any = atomic_load_explicit(&in_use, memory_order_acquire) > 0;

    if (any)
        pthread_mutex_lock(&lock);
    for (char *at = text; *at;) {
        size_t n = any ? match_any_locked(at) : 0;
        struct shown shown = n == 0 ? signature(text, at) : (struct shown){ 0 };

        if (n == 0 && at - text >= 3 && memcmp(at - 3, "://", 3) == 0)
            n = userinfo(at);
        if (n == 0 && shown.name == 0)
            shown = authorization(text, at);
        if (n == 0 && shown.name > 0) {
            at += shown.name;
            n = any ? match_any_locked(at) : 0;
            n = shown.value > n ? shown.value : n;
        }
        at = n > 0 ? mask(at, n) : *at ? at + 1 : at;
    }
    if (any)
        pthread_mutex_unlock(&lock);
}
