/* A state machine over the bytes of a JSON text: see json_tokens.h. */
#include "wire/json_tokens.h"

#include <stdio.h>
#include <stdlib.h>

#include <cove/error.h>

#include "base/mem.h"

enum state {
    VALUE,
    VALUE_OR_END, /* after a '[' */
    NAME,
    NAME_OR_END, /* after a '{' */
    COLON,
    COMMA_OR_END,
    NOTHING, /* the document is whole */
    STRING,
    ESCAPE,  /* after a backslash */
    UNICODE, /* in \uXXXX */
    WORD,    /* a number or a literal */
};

#define FEW_NAMES ((size_t)32) /* compared with each other; more are sorted */

void cove__json_tokens_init(struct cove__json_tokens *t, cove__json_token_fn token, void *user)
{
    *t = (struct cove__json_tokens){
        .token = token, .user = user, .size_max = COVE__JSON_SIZE_MAX, .state = VALUE, .line = 1
    };
    cove__buf_init_secret(&t->text, COVE__JSON_TEXT_MAX);
}

void cove__json_tokens_done(struct cove__json_tokens *t)
{
    cove__buf_wipe(&t->text);
    cove__free(t->names);
    t->names = NULL;
}

static int fail(struct cove__json_tokens *t, int rc)
{
    if (t->rc == 0)
        t->rc = rc;
    return t->rc;
}

static int refuse(struct cove__json_tokens *t, const char *problem)
{
    if (t->rc == 0)
        t->problem = problem;
    return fail(t, COVE_EINVAL);
}

void cove__json_tokens_problem(const struct cove__json_tokens *t, char *ret, size_t size)
{
    snprintf(ret, size, "%s (line %zu, column %zu)", t->problem, t->line, t->at - t->line_at + 1);
}

static void emit(struct cove__json_tokens *t, enum cove__json_type type)
{
    if (!t->text.data)
        cove__buf_reserve(&t->text, 1); /* the NUL that follows an empty text */
    int rc = cove__buf_rc(&t->text);
    if (rc == 0)
        rc = t->token(t->user, type, cove__slice(cove__buf_str(&t->text), t->text.size));
    if (rc < 0)
        fail(t, rc);
}

/* After a value. */
static void end_value(struct cove__json_tokens *t)
{
    t->state = t->depth > 0 ? COMMA_OR_END : NOTHING;
}

/* ---- objects, their names, arrays ---- */

static int by_value(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static bool has_twice(uint64_t *names, size_t n)
{
    if (n <= FEW_NAMES) {
        for (size_t i = 1; i < n; i++) {
            for (size_t k = 0; k < i; k++) {
                if (names[i] == names[k])
                    return true;
            }
        }
        return false;
    }
    qsort(names, n, sizeof *names, by_value);
    for (size_t i = 1; i < n; i++) {
        if (names[i] == names[i - 1])
            return true;
    }
    return false;
}

static void begin(struct cove__json_tokens *t, bool object)
{
    if (t->depth == COVE__JSON_DEPTH_MAX) {
        fail(t, COVE_ELIMIT);
        return;
    }
    t->levels[t->depth++] = (struct cove__json_level){ object, t->n_names };
    t->state = object ? NAME_OR_END : VALUE_OR_END;
    cove__buf_reset(&t->text);
    emit(t, object ? COVE__JSON_OBJECT : COVE__JSON_ARRAY);
}

static void end(struct cove__json_tokens *t, bool object)
{
    const struct cove__json_level *level = &t->levels[t->depth - 1];

    if (level->object != object) {
        refuse(t, "the wrong bracket");
        return;
    }
    if (has_twice(t->names + level->first_name, t->n_names - level->first_name)) {
        refuse(t, "duplicate name in the object that ends here");
        return;
    }
    t->n_names = level->first_name;
    t->depth--;
    end_value(t);
    cove__buf_reset(&t->text);
    emit(t, COVE__JSON_END);
}

/* FNV-1a. Two names of one object with the same hash would be refused as equal; that does not happen by chance. */
static void add_name(struct cove__json_tokens *t)
{
    uint64_t hash = 14695981039346656037u;

    for (size_t i = 0; i < t->text.size; i++)
        hash = (hash ^ t->text.data[i]) * 1099511628211u;
    if (cove__grow(&t->names, &t->cap_names, t->n_names + 1, sizeof *t->names, SIZE_MAX / sizeof *t->names) < 0)
        fail(t, COVE_ENOMEM);
    else
        t->names[t->n_names++] = hash;
}

/* ---- numbers and literals ---- */

static size_t count_digits(struct cove__slice s, size_t at)
{
    size_t n = 0;

    while (at + n < s.size && s.data[at + n] >= '0' && s.data[at + n] <= '9')
        n++;
    return n;
}

/* [ "-" ] ( "0" / digits without a leading 0 ) [ "." digits ] [ "e" [ sign ] digits ] */
static bool is_number(struct cove__slice s)
{
    size_t i = s.size > 0 && s.data[0] == '-', n = count_digits(s, i);

    if (n == 0 || (n > 1 && s.data[i] == '0'))
        return false;
    i += n;
    if (i < s.size && s.data[i] == '.') {
        n = count_digits(s, ++i);
        if (n == 0)
            return false;
        i += n;
    }
    if (i < s.size && (s.data[i] == 'e' || s.data[i] == 'E')) {
        i++;
        i += i < s.size && (s.data[i] == '+' || s.data[i] == '-');
        n = count_digits(s, i);
        if (n == 0)
            return false;
        i += n;
    }
    return i == s.size;
}

static bool is_of_word(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '+' ||
           c == '.';
}

/* `before`: its bytes before t->at. What is wrong with it is reported at its first byte, in whatever pieces it came. */
static void end_word(struct cove__json_tokens *t, size_t before)
{
    struct cove__slice word = cove__buf_slice(&t->text);

    end_value(t);
    if (cove__buf_rc(&t->text) < 0)
        fail(t, cove__buf_rc(&t->text));
    else if (cove__slice_is(word, "true") || cove__slice_is(word, "false"))
        emit(t, COVE__JSON_BOOL);
    else if (cove__slice_is(word, "null"))
        emit(t, COVE__JSON_NULL);
    else if (is_number(word))
        emit(t, COVE__JSON_NUMBER);
    else {
        t->at -= before;
        refuse(t, "neither a number nor true, false or null");
    }
}

/* The bytes of `piece` that belong to the current word. */
static size_t take_word(struct cove__json_tokens *t, struct cove__slice piece)
{
    size_t n = 0, before = t->text.size;

    while (n < piece.size && is_of_word(piece.data[n]))
        n++;
    cove__buf_add(&t->text, piece.data, n);
    if (n < piece.size)
        end_word(t, before);
    return n;
}

/* ---- strings ---- */

static void begin_string(struct cove__json_tokens *t, bool is_name)
{
    t->is_name = is_name;
    t->state = STRING;
    cove__buf_reset(&t->text);
}

static void end_string(struct cove__json_tokens *t)
{
    if (!t->is_name) {
        end_value(t);
        emit(t, COVE__JSON_STRING);
        return;
    }
    add_name(t);
    t->state = COLON;
    if (t->rc == 0)
        emit(t, COVE__JSON_NAME);
}

/* The first byte of a character of several bytes: how many follow, and the bounds of the next one, so that there are
 * shortest forms only, no surrogates, and nothing above U+10FFFF. False: none begins with it. */
static bool begin_character(struct cove__json_tokens *t, uint8_t c)
{
    t->low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    t->top = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    t->utf8_left = c >= 0xC2 && c < 0xE0 ? 1 : (c & 0xF0) == 0xE0 ? 2 : c >= 0xF0 && c < 0xF5 ? 3 : 0;
    return t->utf8_left > 0;
}

static size_t refuse_byte(struct cove__json_tokens *t, size_t n, const char *problem)
{
    t->at += n;
    refuse(t, problem);
    return n;
}

/* Takes bytes of the string up to its end, an escape, the end of the piece or an error. */
static size_t take_string(struct cove__json_tokens *t, struct cove__slice piece)
{
    size_t n = 0;
    uint8_t c = 0;

    for (; n < piece.size; n++) {
        c = piece.data[n];
        if (t->utf8_left > 0) {
            if (c < t->low || c > t->top)
                break;
            t->low = 0x80;
            t->top = 0xBF;
            t->utf8_left--;
        } else if (c < 0x80) {
            if (c < ' ' || c == '"' || c == '\\')
                break;
        } else if (!begin_character(t, c)) {
            break;
        }
    }
    if (t->high != 0 && (n > 0 || c != '\\'))
        return refuse_byte(t, 0, "half of a pair of surrogates");
    cove__buf_add(&t->text, piece.data, n);
    if (n == piece.size)
        return n;
    if (t->utf8_left > 0 || c >= 0x80)
        return refuse_byte(t, n, "a string that is not UTF-8");
    if (c < ' ')
        return refuse_byte(t, n, "a control character in a string");
    if (c == '\\')
        t->state = ESCAPE;
    else
        end_string(t);
    return n + 1;
}

static void add_character(struct cove__json_tokens *t, uint32_t c)
{
    uint8_t bytes[4];
    size_t n = 0;

    if (c < 0x80) {
        bytes[n++] = (uint8_t)c;
    } else {
        size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
        bytes[n++] = (uint8_t)((more == 1 ? 0xC0 : more == 2 ? 0xE0 : 0xF0) | c >> (6 * more));
        while (more-- > 0)
            bytes[n++] = (uint8_t)(0x80 | (c >> (6 * more) & 0x3F));
    }
    cove__buf_add(&t->text, bytes, n);
}

static void take_escape(struct cove__json_tokens *t, uint8_t c)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *name = c != '\0' ? strchr(names, c) : NULL;

    t->state = STRING;
    if (c == 'u') {
        t->state = UNICODE;
        t->escape = t->digits = 0;
    } else if (t->high != 0) {
        refuse(t, "half of a pair of surrogates");
    } else if (!name) {
        refuse(t, "an escape that JSON does not have");
    } else {
        cove__buf_add_char(&t->text, values[name - names]);
    }
}

static void take_digit(struct cove__json_tokens *t, uint8_t c)
{
    unsigned lower = c | 0x20u;
    bool digit = c >= '0' && c <= '9';

    if (!digit && (lower < 'a' || lower > 'f')) {
        refuse(t, "an escape that JSON does not have");
        return;
    }
    t->escape = t->escape << 4 | (digit ? c & 0xFu : lower - 'a' + 10);
    if (++t->digits < 4)
        return;
    uint32_t code = t->escape;
    bool second = code >= 0xDC00 && code < 0xE000;
    t->state = STRING;
    if (second != (t->high != 0)) {
        refuse(t, "half of a pair of surrogates");
    } else if (second) {
        add_character(t, 0x10000 + ((t->high - 0xD800) << 10) + (code - 0xDC00));
        t->high = 0;
    } else if (code >= 0xD800 && code < 0xDC00) {
        t->high = code;
    } else {
        add_character(t, code);
    }
}

/* ---- between the tokens ---- */

static void begin_value(struct cove__json_tokens *t, uint8_t c)
{
    if (c == '{' || c == '[') {
        begin(t, c == '{');
    } else if (c == '"') {
        begin_string(t, false);
    } else if (is_of_word(c)) {
        t->state = WORD;
        cove__buf_reset(&t->text);
        cove__buf_add_char(&t->text, (char)c);
    } else {
        refuse(t, "a value is missing");
    }
}

static void take_separator(struct cove__json_tokens *t, uint8_t c)
{
    if (c == '}' || c == ']')
        end(t, c == '}');
    else if (c == ',')
        t->state = t->levels[t->depth - 1].object ? NAME : VALUE;
    else
        refuse(t, "a comma or bracket is missing");
}

static void take_structure(struct cove__json_tokens *t, uint8_t c)
{
    switch (t->state) {
    case VALUE_OR_END:
        if (c == ']')
            end(t, false);
        else
            begin_value(t, c);
        break;
    case VALUE:
        begin_value(t, c);
        break;
    case NAME_OR_END:
    case NAME:
        if (c == '"')
            begin_string(t, true);
        else if (c == '}' && t->state == NAME_OR_END)
            end(t, true);
        else
            refuse(t, "a name in quotes is missing");
        break;
    case COLON:
        if (c == ':')
            t->state = VALUE;
        else
            refuse(t, "a colon is missing");
        break;
    case COMMA_OR_END:
        take_separator(t, c);
        break;
    default:
        refuse(t, "text after the end");
        break;
    }
}

static void take_plain(struct cove__json_tokens *t, uint8_t c)
{
    if (c == '\n') {
        t->line++;
        t->line_at = t->at + 1;
    } else if (c != ' ' && c != '\t' && c != '\r') {
        take_structure(t, c);
    }
}

int cove__json_tokens_feed(struct cove__json_tokens *t, struct cove__slice piece)
{
    if (t->rc == 0 && piece.size > t->size_max - t->at)
        fail(t, COVE_ELIMIT);
    while (t->rc == 0 && piece.size > 0) {
        size_t n = 1;

        if (t->state == STRING)
            n = take_string(t, piece);
        else if (t->state == WORD)
            n = take_word(t, piece);
        else if (t->state == ESCAPE)
            take_escape(t, piece.data[0]);
        else if (t->state == UNICODE)
            take_digit(t, piece.data[0]);
        else
            take_plain(t, piece.data[0]);
        if (t->rc == 0 && cove__buf_rc(&t->text) < 0)
            fail(t, cove__buf_rc(&t->text));
        if (t->rc == 0)
            t->at += n;
        piece = cove__slice_sub(piece, n, SIZE_MAX);
    }
    return t->rc;
}

int cove__json_tokens_end(struct cove__json_tokens *t)
{
    if (t->rc == 0 && t->state == WORD && t->depth == 0)
        end_word(t, t->text.size);
    if (t->rc == 0 && t->state != NOTHING)
        refuse(t, "the text ends too early");
    return t->rc;
}
