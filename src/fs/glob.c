/* Matching of patterns, character by character of UTF-8. Pure; no allocation; time at most the product of both lengths
 * for each ** of the pattern. */
#include "fs/glob.h"

#include <string.h>

#include "base/text.h"

static size_t part_length(const char *s)
{
    return strcspn(s, "/");
}

/* [abc], [a-z], [!a-z] at p (behind the bracket): the length of the class, or 0 where it never closes and the bracket
 * is itself. */
static size_t class_length(const char *p, const char *end)
{
    const char *q = p;

    if (q < end && (*q == '!' || *q == '^'))
        q++;
    if (q < end && *q == ']')
        q++;
    while (q < end && *q != ']')
        q++;
    return q < end ? (size_t)(q - p) : 0;
}

static bool class_has(const char *p, size_t n, uint32_t c)
{
    bool negated = n > 0 && (*p == '!' || *p == '^');
    bool hit = false;

    for (size_t i = negated; i < n;) {
        uint32_t low, high;

        i += cove__text_character(p + i, &low);
        high = low;
        if (i + 1 < n && p[i] == '-')
            i += 1 + cove__text_character(p + i + 1, &high);
        hit = hit || (c >= low && c <= high);
    }
    return hit != negated;
}

/* One part of the pattern against one part of the path; the last * is tried again when what follows it fails. */
static bool part_match(const char *p, size_t np, const char *s, size_t ns)
{
    const char *p_end = p + np;
    const char *s_end = s + ns;
    const char *star = NULL;
    const char *star_s = NULL;

    while (s < s_end) {
        size_t n = p < p_end && *p == '[' ? class_length(p + 1, p_end) : 0;
        uint32_t c;
        size_t width = cove__text_character(s, &c);

        if (p < p_end && *p == '*') {
            star = ++p;
            star_s = s;
        } else if (n > 0 && class_has(p + 1, n, c)) {
            p += n + 2;
            s += width;
        } else if (n == 0 && p < p_end && *p == '?') {
            p++;
            s += width;
        } else if (n == 0 && p < p_end && strncmp(p, s, width) == 0) {
            p += width;
            s += width;
        } else if (star) {
            p = star;
            star_s += cove__text_character(star_s, &c);
            s = star_s;
        } else {
            return false;
        }
    }
    while (p < p_end && *p == '*')
        p++;
    return p == p_end;
}

static bool is_any_depth(const char *p)
{
    return part_length(p) == 2 && p[0] == '*' && p[1] == '*';
}

static const char *after(const char *s)
{
    s += part_length(s);
    return *s == '/' ? s + 1 : s;
}

/* `prefix`: the path may end before the pattern does. */
static bool match(const char *p, const char *s, bool prefix)
{
    const char *star = NULL;
    const char *star_s = NULL;

    while (*s) {
        if (*p && is_any_depth(p)) {
            star = after(p);
            star_s = s;
            p = star;
            if (!*p)
                return true;
        } else if (*p && part_match(p, part_length(p), s, part_length(s))) {
            p = after(p);
            s = after(s);
        } else if (star) {
            star_s = after(star_s);
            s = star_s;
            p = star;
        } else {
            return false;
        }
        if (prefix && star)
            return true; /* below a ** anything may follow */
    }
    if (prefix)
        return *p != '\0';
    while (*p && is_any_depth(p))
        p = after(p);
    return !*p;
}

bool cove__glob_match(const char *pattern, const char *path)
{
    return match(pattern, path, false);
}

bool cove__glob_may_descend(const char *pattern, const char *path)
{
    return match(pattern, path, true);
}

/* Bytes at p that stand for one character: "x", or "[x]" of any. 0: a wildcard or a brace. */
static size_t plain_length(const char *p)
{
    if (*p == '[' && p[1] != '\0' && !strchr("/!^", p[1]) && p[2] == ']')
        return 3;
    return strchr("*?[{", *p) ? 0 : 1;
}

void cove__glob_root(const char *pattern, char *ret_path)
{
    size_t n = 0, step;

    for (; *pattern && (step = plain_length(pattern)) > 0; pattern += step)
        ret_path[n++] = pattern[step / 2];
    while (n > 0 && ret_path[n - 1] != '/')
        n--;
    if (n > 1 && ret_path[n - 2] != '/')
        n--; /* the slash, except of the root or of a directory with an empty name */
    ret_path[n] = '\0';
}
