/* cove ckpt: what is in a checkpoint, from its directory alone: no tensor is read. */
#include "cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH  1000
#define MAX_VALUES 2000000 /* a file can name one list many times, so its tree can be far larger than itself */
#define MAX_SHOWN  60      /* characters of a string */
#define BILLION    1000000000u
#define MAX_DIGITS 4300 /* of an int, as in Python; a larger one is shown by its number of bits */
#define MAX_BITS   (MAX_DIGITS * 3322 / 1000 + 2) /* of an int of so many digits, and its sign */

struct show {
    struct cli *c;
    int64_t values, tensors, bytes, elements;
    int max_depth;
    const cove_value *above[MAX_DEPTH + 1]; /* the containers around the current value, by depth */
};

static int64_t count_elements(const struct cove_tensor_view *view)
{
    int64_t n = 1;

    for (size_t i = 0; i < view->n_dims; i++)
        n = cli_product(n, view->shape[i]);
    return n;
}

/* The size of the tensor stored contiguously. A tensor with stride 0 takes less. */
static int64_t count_bytes(const struct cove_tensor_view *view)
{
    return cli_product(count_elements(view), (int64_t)cove_dtype_size(view->dtype));
}

static bool is_container(const cove_value *v)
{
    enum cove_value_type type = cove_value_type(v);

    return type == COVE_VALUE_DICT || type == COVE_VALUE_LIST || type == COVE_VALUE_TUPLE;
}

/* Counts a value; false, said why, where there are too many or they lie too deep. */
static bool admit(struct show *s, const cove_value *v, int depth)
{
    struct cove_tensor_view view;

    if (++s->values > MAX_VALUES || depth > MAX_DEPTH) {
        if (s->c->status == CLI_OK)
            cli_failf(s->c, CLI_FAILED, "the checkpoint's tree has more than %d values or %d levels", MAX_VALUES,
                      MAX_DEPTH);
        return false;
    }
    if (cove_value_get_tensor(v, &view, NULL) == 0) {
        s->tensors++;
        s->elements = cli_sum(s->elements, count_elements(&view));
        s->bytes = cli_sum(s->bytes, count_bytes(&view));
    }
    return true;
}

/* ---- ints of any size ---- */

/* An int in decimal; NULL: not an int, or too long. The caller frees it with free. */
static char *decimal(const cove_value *v)
{
    size_t bits = cove_value_int_bits(v), n = bits / 32 + 1,
           used = MAX_DIGITS + 10; /* the digits of MAX_BITS, and a sign */
    uint32_t *words;
    char *text;
    bool negative;

    if (bits == 0 || bits > MAX_BITS)
        return NULL;
    words = cli_alloc(n * sizeof *words);
    text = cli_alloc(used + 1);
    cove_value_get_big_int(v, words, n * sizeof *words, NULL);
    negative = ((unsigned char *)words)[n * sizeof *words - 1] & 0x80;
    for (size_t i = 0, carry = 1; i < n; i++) {
        const unsigned char *p = (const unsigned char *)&words[i];
        uint32_t word = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        words[i] = word;
        if (negative) {
            carry += (uint32_t)~word;
            words[i] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    do {
        uint64_t rest = 0;
        for (size_t i = n; i > 0; i--) {
            rest = rest << 32 | words[i - 1];
            words[i - 1] = (uint32_t)(rest / BILLION);
            rest %= BILLION;
        }
        while (n > 0 && words[n - 1] == 0)
            n--;
        for (int digit = 0; digit < 9 && (digit == 0 || n > 0 || rest > 0); digit++) {
            text[--used] = (char)('0' + rest % 10);
            rest /= 10;
        }
    } while (n > 0);
    free(words);
    if (strlen(text + used) > MAX_DIGITS) {
        free(text);
        return NULL;
    }
    if (negative)
        text[--used] = '-';
    memmove(text, text + used, strlen(text + used) + 1);
    return text;
}

/* How many levels above a back reference its container is, among the `n` containers around it; 0: not among them. */
static int levels_up(const struct show *s, const cove_value *v, int n)
{
    const cove_value *target = cove_value_back_reference_target(v);

    for (int i = n; target && i > 0; i--)
        if (s->above[i - 1] == target)
            return n - i + 1;
    return 0;
}

/* ---- for people ---- */

static void print_back_reference(const struct show *s, const cove_value *v, int n)
{
    int levels = levels_up(s, v, n);
    const char *type = cove_value_type_name(cove_value_type(cove_value_back_reference_target(v)));

    if (levels > 0)
        cli_print("the %s %d level%s up", type, levels, levels == 1 ? "" : "s");
    else
        cli_print("a %s outside this part", type);
}

/* One line of a string, cut. */
static void print_string(const char *text, size_t size)
{
    size_t n = size < MAX_SHOWN ? size : MAX_SHOWN;

    /* Not within a character. */
    while (n < size && n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    cli_print("\"");
    for (size_t i = 0, start = 0; i <= n; i++) {
        unsigned surrogate = i < n ? cli_surrogate(text + i, n - i) : 0;

        if (i < n && !surrogate)
            continue;
        cli_print_plain(text + start, i - start);
        if (surrogate)
            cli_print("\\u%04x", surrogate);
        i += surrogate ? 2 : 0;
        start = i + 1;
    }
    cli_print(n < size ? "…\" (%zu bytes)" : "\"", size);
}

static void print_tensor(const cove_value *v)
{
    struct cove_tensor_view view;
    char size[16];

    if (cove_value_get_tensor(v, &view, NULL) < 0)
        return;
    cli_print("%s [", cove_dtype_name(view.dtype));
    for (size_t i = 0; i < view.n_dims; i++)
        cli_print("%s%" PRId64, i ? ", " : "", view.shape[i]);
    cli_print("]  %s", cli_human(count_bytes(&view), size));
}

static void print_int(const cove_value *v)
{
    char *text = decimal(v);

    if (text)
        cli_print("%s", text);
    else
        cli_print("int of %zu bits", cove_value_int_bits(v));
    free(text);
}

static void print_scalar(const cove_value *v)
{
    enum cove_value_type type = cove_value_type(v);
    char number[CLI_NUMBER_MAX];
    const char *text;
    const void *bytes;
    size_t size;
    double d;
    int b;

    if (type == COVE_VALUE_TENSOR)
        print_tensor(v);
    else if (type == COVE_VALUE_BOOL && cove_value_get_bool(v, &b, NULL) == 0)
        cli_print(b ? "True" : "False");
    else if (type == COVE_VALUE_INT)
        print_int(v);
    else if (type == COVE_VALUE_FLOAT && cove_value_get_float(v, &d, NULL) == 0)
        cli_print("%s", cli_number(d, number));
    else if (type == COVE_VALUE_STRING && cove_value_get_string(v, &text, &size, NULL) == 0)
        print_string(text, size);
    else if (type == COVE_VALUE_BYTES && cove_value_get_bytes(v, &bytes, &size, NULL) == 0)
        cli_print("%zu bytes", size);
    else if (type == COVE_VALUE_OPAQUE)
        cli_print("opaque %s", cove_value_opaque_name(v));
    else
        cli_print("None");
}

/* A key that is not a string, as Python writes it. */
static void print_key(const cove_value *key)
{
    if (cove_value_type(key) != COVE_VALUE_TUPLE) {
        print_scalar(key);
        return;
    }
    cli_print("(");
    for (size_t i = 0; i < cove_value_length(key); i++) {
        print_key(cove_value_item(key, i));
        cli_print(i + 1 < cove_value_length(key) ? ", " : i == 0 ? "," : "");
    }
    cli_print(")");
}

/* Whether it is an int key without an equal string key; `text` gets it in decimal. */
static bool is_plain_int(const cove_value *dict, const cove_value *key, char text[24])
{
    int64_t number;

    if (cove_value_type(key) != COVE_VALUE_INT || cove_value_get_int(key, &number, NULL) < 0)
        return false;
    snprintf(text, 24, "%" PRId64, number);
    return !cove_value_dict_get(dict, text);
}

/* Whether JSON would join two of Python's lone surrogates into one character. */
static bool has_surrogate_pair(const char *text, size_t size)
{
    for (size_t i = 0; i + 6 <= size; i++) {
        unsigned first = cli_surrogate(text + i, size - i), second = cli_surrogate(text + i + 3, size - i - 3);

        if (first >= 0xd800 && first < 0xdc00 && second >= 0xdc00)
            return true;
    }
    return false;
}

static bool has_surrogate(const char *name)
{
    size_t left = strlen(name);

    while (left > 0 && !cli_surrogate(name, left)) {
        name++;
        left--;
    }
    return left > 0;
}

static void print_label(const cove_value *parent, size_t i)
{
    const cove_value *key = cove_value_key(parent, i);
    const char *name = cove_value_key_name(parent, i);
    char text[24];

    if (name && !has_surrogate(name)) {
        cli_print_plain(name, strlen(name)); /* a key with a line end would pass for two */
    } else if (!key) {
        cli_print("%zu", i);
    } else if (is_plain_int(parent, key, text)) {
        cli_print("%s", text);
    } else {
        cli_print("[");
        print_key(key);
        cli_print("]");
    }
}

static void print_items(struct show *s, const cove_value *v, int depth)
{
    s->above[depth - 1] = v;
    for (size_t i = 0; i < cove_value_length(v); i++) {
        const cove_value *item = cove_value_item(v, i);
        size_t n = is_container(item) ? cove_value_length(item) : 0;

        if (!admit(s, item, depth))
            return;
        cli_print("%*s", 2 * (depth - 1), "");
        print_label(v, i);
        cli_print(": ");
        if (!is_container(item)) {
            if (cove_value_type(item) == COVE_VALUE_BACK_REFERENCE)
                print_back_reference(s, item, depth);
            else
                print_scalar(item);
            cli_print("\n");
            continue;
        }
        cli_print("%s (%zu)%s\n", cove_value_type_name(cove_value_type(item)), n,
                  depth < s->max_depth || n == 0 ? "" : " …");
        if (depth < s->max_depth)
            print_items(s, item, depth + 1);
    }
}

/* ---- JSON ---- */

static void json_text(const char *text, size_t size)
{
    char *hex;

    if (!has_surrogate_pair(text, size)) {
        cli_json_string_n(text, size);
        return;
    }
    cli_json_open('{');
    cli_json_key("type");
    cli_json_string("string");
    cli_json_key("hex");
    hex = cli_alloc(2 * size + 1);
    for (size_t i = 0; i < size; i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned char)text[i]);
    cli_json_string(hex);
    free(hex);
    cli_json_close('}');
}

static void json_tensor(const cove_value *v)
{
    struct cove_tensor_view view;

    if (cove_value_get_tensor(v, &view, NULL) < 0)
        return;
    cli_json_open('{');
    cli_json_key("type");
    cli_json_string("tensor");
    cli_json_key("dtype");
    cli_json_string(cove_dtype_name(view.dtype));
    cli_json_key("shape");
    cli_json_open('[');
    for (size_t i = 0; i < view.n_dims; i++)
        cli_json_int(view.shape[i]);
    cli_json_close(']');
    cli_json_key("bytes");
    cli_json_int(count_bytes(&view));
    cli_json_close('}');
}

static void json_int(const cove_value *v)
{
    char *text = decimal(v);

    if (text) {
        cli_json_number(text);
    } else {
        cli_json_open('{');
        cli_json_key("type");
        cli_json_string("int");
        cli_json_key("bits");
        cli_json_int((int64_t)cove_value_int_bits(v));
        cli_json_close('}');
    }
    free(text);
}

static void json_scalar(const cove_value *v)
{
    enum cove_value_type type = cove_value_type(v);
    const char *text;
    const void *bytes;
    size_t size;
    double d;
    int b;

    if (type == COVE_VALUE_TENSOR) {
        json_tensor(v);
    } else if (type == COVE_VALUE_BOOL && cove_value_get_bool(v, &b, NULL) == 0) {
        cli_json_bool(b);
    } else if (type == COVE_VALUE_INT) {
        json_int(v);
    } else if (type == COVE_VALUE_FLOAT && cove_value_get_float(v, &d, NULL) == 0) {
        cli_json_double(d);
    } else if (type == COVE_VALUE_STRING && cove_value_get_string(v, &text, &size, NULL) == 0) {
        json_text(text, size);
    } else if (type == COVE_VALUE_BYTES && cove_value_get_bytes(v, &bytes, &size, NULL) == 0) {
        cli_json_open('{');
        cli_json_key("type");
        cli_json_string("bytes");
        cli_json_key("bytes");
        cli_json_int((int64_t)size);
        cli_json_close('}');
    } else if (type == COVE_VALUE_OPAQUE) {
        cli_json_open('{');
        cli_json_key("type");
        cli_json_string("opaque");
        cli_json_key("name");
        cli_json_string(cove_value_opaque_name(v));
        cli_json_close('}');
    } else {
        cli_json_null();
    }
}

/* Whether the dict can be a JSON object: the names of its keys are distinct, and it does not look like one of the
 * objects that represent other types. */
static bool is_json_object(const cove_value *dict)
{
    static const char *const marks[] = { "tensor", "bytes", "opaque", "dict", "int", "string", "back reference" };
    const cove_value *type = cove_value_dict_get(dict, "type");
    const char *mark;
    char text[24];

    for (size_t i = 0; i < cove_value_length(dict); i++) {
        const char *name = cove_value_key_name(dict, i);

        if (!name && !is_plain_int(dict, cove_value_key(dict, i), text))
            return false;
        if (name && has_surrogate(name)) /* two of them would be read as one character */
            return false;
    }
    if (type && cove_value_get_string(type, &mark, NULL, NULL) == 0)
        for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
            if (strcmp(mark, marks[i]) == 0)
                return false;
    return true;
}

static void json_back_reference(const struct show *s, const cove_value *v, int n)
{
    int levels = levels_up(s, v, n);

    cli_json_open('{');
    cli_json_key("type");
    cli_json_string("back reference");
    cli_json_key("levels_up");
    if (levels > 0)
        cli_json_int(levels);
    else
        cli_json_null();
    cli_json_close('}');
}

static void json_value(struct show *s, const cove_value *v, int depth)
{
    bool dict = cove_value_type(v) == COVE_VALUE_DICT, object = dict && is_json_object(v);

    if (cove_value_type(v) == COVE_VALUE_BACK_REFERENCE) {
        json_back_reference(s, v, depth - 1);
        return;
    }
    if (!is_container(v)) {
        json_scalar(v);
        return;
    }
    s->above[depth - 1] = v;
    if (dict && !object) {
        cli_json_open('{');
        cli_json_key("type");
        cli_json_string("dict");
        cli_json_key("items");
    }
    cli_json_open(object ? '{' : '[');
    for (size_t i = 0; i < cove_value_length(v); i++) {
        const cove_value *item = cove_value_item(v, i);
        const char *name = cove_value_key_name(v, i);
        char text[24];

        if (!admit(s, item, depth))
            break;
        if (object) {
            cli_json_key(name ? name : is_plain_int(v, cove_value_key(v, i), text) ? text : "");
        } else if (dict) {
            cli_json_open('[');
            json_value(s, cove_value_key(v, i), depth + 1);
        }
        json_value(s, item, depth + 1);
        if (dict && !object)
            cli_json_close(']');
    }
    cli_json_close(object ? '}' : ']');
    if (dict && !object)
        cli_json_close('}');
}

/* ---- the verb ---- */

static void show(struct show *s, cove_value *v)
{
    char size[16];

    if (s->c->json) {
        if (admit(s, v, 0))
            json_value(s, v, 1);
        cli_json_line();
        return;
    }
    if (!admit(s, v, 0))
        return;
    if (is_container(v)) {
        print_items(s, v, 1);
    } else if (cove_value_type(v) == COVE_VALUE_BACK_REFERENCE) {
        print_back_reference(s, v, 0);
        cli_print("\n");
    } else {
        print_scalar(v);
        cli_print("\n");
    }
    if (s->tensors > 0)
        cli_print("\n%" PRId64 " tensor%s, %" PRId64 " elements, %s\n", s->tensors, s->tensors == 1 ? "" : "s",
                  s->elements, cli_human(s->bytes, size));
}

static int run(struct cli *c)
{
    struct cove_checkpoint_load_options options = COVE_CHECKPOINT_LOAD_OPTIONS_INIT;
    struct cove_error err = COVE_ERROR_INIT;
    struct show s = { .c = c, .max_depth = MAX_DEPTH };
    cove_value *tree = NULL, *part;
    struct cli_target t;
    int rc;

    if (strcmp(c->args[0], "show") != 0)
        return cli_usage(c, "`cove ckpt` can show, not \"%s\"", c->args[0]);
    if (c->set['d']) {
        s.max_depth = atoi(c->value['d']);
        if (s.max_depth < 1 || s.max_depth > MAX_DEPTH)
            return cli_usage(c, "--depth takes a number from 1 to %d, not \"%s\"", MAX_DEPTH, c->value['d']);
    }
    if (cli_target_open(c, c->args[1], &t) != CLI_OK)
        return c->status;
    options.lazy = 1;
    rc = cove_checkpoint_load(t.fs, t.path, &options, &c->call, &tree, &err);
    part = rc == 0 && c->n_args > 2 ? cove_value_find(tree, c->args[2]) : tree;
    if (rc < 0)
        cli_fail(c, rc, &err);
    else if (!part)
        cli_failf(c, CLI_NOT_FOUND, "%s has no \"%s\"", t.arg, c->args[2]);
    else
        show(&s, part);
    cove_value_unref(tree);
    cli_target_done(&t);
    return c->status;
}

static const struct cli_option options[] = {
    { 'd', true, "depth", "N", "no more than N levels" },
    { 0 },
};

const struct cli_verb cli_ckpt = {
    .name = "ckpt",
    .usage = "show [-d N] PATH [PART]",
    .summary = "Show what is in a checkpoint",
    .details =
        "Reads the directory of a .ckpt, .pt or .safetensors file, not its tensors: a few kilobytes of a file of any "
        "size. No code in it is\n"
        "run. PART is a dotted path in its tree: state_dict, optimizer_states.0; a key that is not a string may be "
        "given in brackets:\n[1], [None], [True], [0.5].\n"
        "--json prints the whole tree as one document. A tensor is {\"type\": \"tensor\", \"dtype\", \"shape\", "
        "\"bytes\"}, bytes are {\"type\":\n"
        "\"bytes\", \"bytes\"}, an object that cove does not read is {\"type\": \"opaque\", \"name\"},\n"
        "a reference to a container around it is {\"type\": \"back reference\", \"levels_up\"},\n"
        "an int of more than 4300 digits is {\"type\": \"int\", \"bits\"}, a string that JSON would change (two\n"
        "lone surrogates in a row) is {\"type\": \"string\", \"hex\"}, its bytes; a dict without distinct names as "
        "keys is\n"
        "{\"type\": \"dict\", \"items\": [[KEY, VALUE], ...]}. Numbers that JSON lacks are \"NaN\", \"Infinity\",\n"
        "\"-Infinity\".\n",
    .examples = "  cove ckpt show s3://bucket/ckpts/last.ckpt\n"
                "  cove ckpt show -d 1 last.ckpt optimizer_states.0\n"
                "  cove ckpt show --json last.ckpt | jq .epoch\n",
    .options = options,
    .min_args = 2,
    .max_args = 3,
    .run = run,
};
