/* INI files as Python's configparser reads them, for AWS's shared files: text in, sections and options out. */
#include "wire/ini.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cove/error.h>

#include "base/mem.h"
#include "wire/pickle.h"

#define NONE SIZE_MAX

struct reader {
    struct cove__ini *ini;
    struct cove__ini_error *error;
    unsigned line;
    size_t section; /* NONE before the first */
    bool in_option; /* the next line may continue the last option */
    size_t indent;  /* of the last section or option, in characters */
};

static bool has(struct cove__slice s, const char *bytes, size_t n)
{
    return s.size >= n && memcmp(s.data, bytes, n) == 0;
}

/* The length of the white space character at the start, as Python's strip() defines it; 0: there is none. */
static size_t blank(struct cove__slice s)
{
    if (s.size == 0)
        return 0;
    uint8_t c = s.data[0];
    if (c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f))
        return 1;
    if (c < 0x80)
        return 0;
    if (has(s, "\xc2\x85", 2) || has(s, "\xc2\xa0", 2))
        return 2;
    if (has(s, "\xe1\x9a\x80", 3) || has(s, "\xe2\x81\x9f", 3) || has(s, "\xe3\x80\x80", 3))
        return 3;
    if (!has(s, "\xe2\x80", 2) || s.size < 3)
        return 0;
    return s.data[2] <= 0x8a || s.data[2] == 0xa8 || s.data[2] == 0xa9 || s.data[2] == 0xaf ? 3 : 0;
}

/* The length of the line break at the start, as Python's splitlines() defines it; 0: there is none. */
static size_t line_break(struct cove__slice s)
{
    size_t n = blank(s);

    if (n == 1)
        return (s.data[0] >= '\n' && s.data[0] <= '\r') || (s.data[0] >= 0x1c && s.data[0] <= 0x1e);
    if (n == 2)
        return s.data[1] == 0x85 ? 2 : 0;
    return n == 3 && (has(s, "\xe2\x80\xa8", 3) || has(s, "\xe2\x80\xa9", 3)) ? 3 : 0;
}

static struct cove__slice trim(struct cove__slice s)
{
    size_t n;

    while ((n = blank(s)) > 0)
        s = cove__slice_sub(s, n, SIZE_MAX);
    while (s.size > 0) {
        size_t start = s.size - 1;
        while (start > 0 && (s.data[start] & 0xc0) == 0x80)
            start--;
        if (blank(cove__slice_sub(s, start, SIZE_MAX)) == 0)
            break;
        s.size = start;
    }
    return s;
}

static int refuse(struct reader *r, const char *why)
{
    *r->error = (struct cove__ini_error){ r->line, why };
    return COVE_EINVAL;
}

/* There is room: no name or value is longer than its line. */
static struct cove__slice keep(struct cove__ini *ini, struct cove__slice s)
{
    char *at = ini->text + ini->size;

    if (s.size > 0)
        memcpy(at, s.data, s.size);
    ini->size += s.size;
    return cove__slice(at, s.size);
}

static int add_section(struct reader *r, struct cove__slice name)
{
    struct cove__ini *ini = r->ini;

    r->in_option = false;
    if (ini->n_sections > 0 && cove__slice_eq(name, ini->sections[0].name)) { /* [DEFAULT] may be repeated */
        r->section = 0;
        return 0;
    }
    if (cove__grow(&ini->sections, &ini->sections_cap, ini->n_sections + 1, sizeof ini->sections[0], ini->room) < 0)
        return COVE_ENOMEM;
    r->section = ini->n_sections;
    ini->sections[ini->n_sections++] = (struct cove__ini_section){ keep(ini, name), r->line };
    return 0;
}

static int add_option(struct reader *r, struct cove__slice line, size_t name_size)
{
    struct cove__ini *ini = r->ini;
    struct cove__ini_option option = { .section = r->section, .line = r->line };
    struct cove__slice name = trim(cove__slice(line.data, name_size));

    if (name.size == 0)
        return refuse(r, "has a value without a name");
    if (cove__grow(&ini->options, &ini->options_cap, ini->n_options + 1, sizeof ini->options[0], ini->room) < 0)
        return COVE_ENOMEM;
    char *at = ini->text + ini->size;
    option.name = keep(ini, name);
    for (size_t i = 0; i < name.size; i++)
        at[i] = (char)(at[i] >= 'A' && at[i] <= 'Z' ? at[i] - 'A' + 'a' : at[i]);
    option.value = keep(ini, trim(cove__slice_sub(line, name_size + 1, SIZE_MAX)));
    ini->options[ini->n_options++] = option;
    r->in_option = true;
    return 0;
}

/* Adds a line to the last option's value, which is at the end of the kept text. */
static void add_line(struct reader *r, struct cove__slice line)
{
    struct cove__slice *value = &r->ini->options[r->ini->n_options - 1].value;

    keep(r->ini, cove__slice("\n", 1));
    keep(r->ini, line);
    value->size += 1 + line.size;
}

/* "[name]", up to the line's last bracket; what follows is ignored. */
static bool is_header(struct cove__slice line, struct cove__slice *ret_name)
{
    size_t end = line.size;

    while (end > 0 && line.data[end - 1] != ']')
        end--;
    if (line.data[0] != '[' || end < 3)
        return false;
    *ret_name = cove__slice_sub(line, 1, end - 2);
    return true;
}

static int take_line(struct reader *r, struct cove__slice whole)
{
    struct cove__slice line = trim(whole), name;
    size_t indent = 0, n;

    if (line.size == 0) {
        if (r->in_option)
            add_line(r, line);
        return 0;
    }
    if (line.data[0] == '#' || line.data[0] == ';')
        return 0;
    for (; (n = blank(whole)) > 0; indent++)
        whole = cove__slice_sub(whole, n, SIZE_MAX);
    if (r->in_option && indent > r->indent) {
        add_line(r, line);
        return 0;
    }
    r->indent = indent;
    if (is_header(line, &name))
        return add_section(r, name);
    if (line.data[0] == '[' && !memchr(line.data, ']', line.size))
        return refuse(r, "begins a [section] without its ]");
    if (r->section == NONE)
        return refuse(r, "is before the first [section]");
    for (size_t i = 0; i < line.size; i++) {
        if (line.data[i] == '=' || line.data[i] == ':')
            return add_option(r, line, i);
    }
    return refuse(r, "is neither a [section] nor \"name = value\"");
}

static int compare_sections(const void *a, const void *b)
{
    const struct cove__ini_section *x = a, *y = b;
    int order = cove__slice_compare(x->name, y->name);

    return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

static int compare_options(const void *a, const void *b)
{
    const struct cove__ini_option *x = a, *y = b;
    int order = (x->section > y->section) - (x->section < y->section);

    if (order == 0)
        order = cove__slice_compare(x->name, y->name);
    return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

/* Refuses a section or a name that is there twice: either could be meant. Sorts the options. */
static int check_repeats(struct reader *r)
{
    struct cove__ini *ini = r->ini;
    struct cove__ini_section *sections = cove__calloc(ini->n_sections, sizeof *sections);
    unsigned section_line = UINT32_MAX, option_line = UINT32_MAX;

    if (!sections)
        return COVE_ENOMEM;
    memcpy(sections, ini->sections, ini->n_sections * sizeof *sections);
    qsort(sections, ini->n_sections, sizeof *sections, compare_sections);
    for (size_t i = 1; i < ini->n_sections; i++) {
        if (cove__slice_eq(sections[i].name, sections[i - 1].name) && sections[i].line < section_line)
            section_line = sections[i].line;
    }
    cove__free(sections);
    if (ini->n_options > 0)
        qsort(ini->options, ini->n_options, sizeof ini->options[0], compare_options);
    for (size_t i = 1; i < ini->n_options; i++) {
        const struct cove__ini_option *a = &ini->options[i - 1], *b = &ini->options[i];
        if (a->section == b->section && cove__slice_eq(a->name, b->name) && b->line < option_line)
            option_line = b->line;
    }
    r->line = section_line < option_line ? section_line : option_line;
    if (r->line == UINT32_MAX)
        return 0;
    return refuse(r, section_line < option_line ? "repeats a [section]" : "repeats a name of its section");
}

bool cove__ini_is_nested(struct cove__slice value)
{
    return value.size > 0 && value.data[0] == '\n';
}

/* The next line of a nested value that is not blank; false: there is none. */
static bool next_nested(struct cove__slice *value, struct cove__slice *ret)
{
    while (value->size > 0) {
        size_t end = 0, n = 0;
        while (end < value->size && (n = line_break(cove__slice_sub(*value, end, SIZE_MAX))) == 0)
            end++;
        *ret = trim(cove__slice_sub(*value, 0, end));
        *value = cove__slice_sub(*value, end + n, SIZE_MAX);
        if (ret->size > 0)
            return true;
    }
    return false;
}

bool cove__ini_nested(struct cove__slice value, const char *name, struct cove__slice *ret)
{
    struct cove__slice line;
    bool found = false;

    while (next_nested(&value, &line)) {
        const uint8_t *equals = memchr(line.data, '=', line.size);
        size_t n = equals ? (size_t)(equals - line.data) : line.size;
        if (!cove__slice_is(trim(cove__slice_sub(line, 0, n)), name))
            continue;
        *ret = trim(cove__slice_sub(line, n + 1, SIZE_MAX));
        found = true;
    }
    return found;
}

static const struct cove__ini_option *find(const struct cove__ini *ini, size_t section, struct cove__slice name)
{
    size_t low = 0, high = ini->n_options;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct cove__ini_option *o = &ini->options[middle];
        int order = (o->section > section) - (o->section < section);
        if (order == 0)
            order = cove__slice_compare(o->name, name);
        if (order == 0)
            return o;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* Whether some section has this option: it is not in [DEFAULT], or some section does not replace it. */
static bool is_seen(const struct cove__ini *ini, const struct cove__ini_option *option)
{
    for (size_t i = 1; option->section == 0 && i < ini->n_sections; i++) {
        if (!find(ini, i, option->name))
            return true;
    }
    return option->section != 0;
}

/* Trims the values, and checks those that are nested lines. */
static int finish_values(struct reader *r)
{
    struct cove__slice line;

    for (size_t i = 0; i < r->ini->n_options; i++) {
        struct cove__ini_option *option = &r->ini->options[i];
        struct cove__slice whole = trim(option->value), rest;
        if (whole.size == 0)
            option->value.size = 0;
        else
            option->value.size = (size_t)(whole.data - option->value.data) + whole.size;
        rest = option->value;
        r->line = option->line;
        bool pairs = true;
        while (pairs && cove__ini_is_nested(option->value) && next_nested(&rest, &line))
            pairs = memchr(line.data, '=', line.size);
        if (!pairs && is_seen(r->ini, option))
            return refuse(r, "is followed by indented lines of which one is not \"name = value\"");
    }
    return 0;
}

static int read_lines(struct reader *r, struct cove__slice text)
{
    for (r->line = 1; text.size > 0; r->line++) {
        size_t n = 0;
        while (n < text.size && text.data[n] != '\n' && text.data[n] != '\r')
            n++;
        struct cove__slice line = cove__slice_sub(text, 0, n);
        if (n > 0 && memchr(line.data, '\0', n))
            return refuse(r, "has a NUL byte");
        if (!cove__utf8_check(line))
            return refuse(r, "is not UTF-8");
        int rc = take_line(r, line);
        if (rc < 0)
            return rc;
        n += n + 1 < text.size && text.data[n] == '\r' && text.data[n + 1] == '\n';
        text = cove__slice_sub(text, n + 1, SIZE_MAX);
    }
    return 0;
}

int cove__ini_parse(struct cove__slice text, struct cove__ini *ret, struct cove__ini_error *ret_error)
{
    static const char defaults[] = "DEFAULT";
    struct cove__ini ini = { 0 };
    struct reader r = { .ini = &ini, .error = ret_error, .section = NONE };
    int rc = COVE_ENOMEM;

    if (has(text, "\xef\xbb\xbf", 3))
        text = cove__slice_sub(text, 3, SIZE_MAX);
    ini.room = text.size + sizeof defaults; /* allocated once: growing would leave secrets in freed memory */
    ini.text = cove__malloc(ini.room);
    if (ini.text)
        rc = add_section(&r, cove__slice(defaults, sizeof defaults - 1));
    r.section = NONE;
    if (rc == 0)
        rc = read_lines(&r, text);
    if (rc == 0)
        rc = check_repeats(&r);
    if (rc == 0)
        rc = finish_values(&r);
    if (rc < 0)
        cove__ini_done(&ini);
    else
        *ret = ini;
    return rc;
}

void cove__ini_done(struct cove__ini *ini)
{
    if (ini->text)
        explicit_bzero(ini->text, ini->room);
    cove__free(ini->text);
    cove__free(ini->sections);
    cove__free(ini->options);
    *ini = (struct cove__ini){ 0 };
}

const struct cove__ini_option *cove__ini_get(const struct cove__ini *ini, size_t section, const char *name)
{
    const struct cove__ini_option *own = find(ini, section, cove__slice_str(name));

    return own ? own : find(ini, 0, cove__slice_str(name));
}
