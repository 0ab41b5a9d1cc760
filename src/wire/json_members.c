/* Iterates over the members of a JSON object without building a tree: see json_members.h. */
#include "wire/json_members.h"

#include <cove/error.h>

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_blanks(struct cove__json_members *m)
{
    while (m->at < m->text.size && is_blank(m->text.data[m->at]))
        m->at++;
}

/* Skips blanks and, if `c` follows, takes it. */
static bool take(struct cove__json_members *m, char c)
{
    skip_blanks(m);
    if (m->at == m->text.size || m->text.data[m->at] != (uint8_t)c)
        return false;
    m->at++;
    return true;
}

/* Skips a string; `at` is at its opening quote. False: it is not terminated. */
static bool skip_string(struct cove__json_members *m)
{
    for (m->at++; m->at < m->text.size; m->at++) {
        uint8_t c = m->text.data[m->at];

        if (c == '"') {
            m->at++;
            return true;
        }
        m->at += c == '\\';
    }
    return false;
}

/* Skips a value of any kind, or nothing if there is none. False: it is not terminated. */
static bool skip_value(struct cove__json_members *m)
{
    size_t depth = 0;

    do {
        uint8_t c = m->at < m->text.size ? m->text.data[m->at] : 0;

        if (c == 0)
            return false;
        if (c == '"') {
            if (!skip_string(m))
                return false;
        } else if (c == '{' || c == '[') {
            depth++;
            m->at++;
        } else if (depth > 0) {
            depth -= c == '}' || c == ']';
            m->at++;
        } else { /* a number or a literal */
            while (m->at < m->text.size && !is_blank(m->text.data[m->at]) && !strchr(",]}", m->text.data[m->at]))
                m->at++;
        }
    } while (depth > 0);
    return true;
}

int cove__json_member(struct cove__json_members *m, struct cove__slice *ret_key, struct cove__slice *ret_value)
{
    bool first = m->at == 0;
    size_t key, colon, value;

    if (first && !take(m, '{'))
        return COVE_EINVAL;
    if (take(m, '}')) {
        skip_blanks(m);
        return m->at == m->text.size ? 0 : COVE_EINVAL;
    }
    if (!first && !take(m, ','))
        return COVE_EINVAL;
    skip_blanks(m);
    key = m->at;
    if (m->at == m->text.size || m->text.data[m->at] != '"' || !skip_string(m))
        return COVE_EINVAL;
    colon = m->at;
    if (!take(m, ':'))
        return COVE_EINVAL;
    skip_blanks(m);
    value = m->at;
    if (!skip_value(m) || m->at == value)
        return COVE_EINVAL;
    *ret_key = cove__slice_sub(m->text, key, colon - key);
    *ret_value = cove__slice_sub(m->text, value, m->at - value);
    return 1;
}
