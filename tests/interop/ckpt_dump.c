/*
 * Loads the checkpoints that its input names, one on each line, and prints a line of JSON for each: {"value": TREE} or
 * {"error": MESSAGE}, with "opaque": TREE if only opaque values were the error. For a line "URL<tab>COPY" it also saves
 * the tree at COPY; "copy_error" is the message of a failure.
 *
 * Types that JSON lacks are arrays that start with a letter: ["i", hex] an int above 64 bits, ["f", bits] a float,
 * ["b", hex] bytes, ["l", ...] a list, ["t", ...] a tuple, ["d", [key, item], ...] a dict, ["T", dtype, shape, crc] a
 * tensor, ["o"] an opaque value, ["^", n] the container n levels up. Strings are escaped byte by byte, so they may have
 * any bytes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cove/cove.h>

#include "wire/crc.h"
#include "wire/zip.h"

#define MAX_LEVELS 4096

static const cove_value *above[MAX_LEVELS]; /* the containers from the root to here */
static size_t n_above;

static int show(cove_value *value, struct cove_error *err);

static void show_string(const char *s, size_t n)
{
    putchar('"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\' || c < 0x20 || c >= 0x7f)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}

static void show_large_int(const cove_value *value)
{
    size_t size = (cove_value_int_bits(value) + 7) / 8;
    unsigned char *bytes = malloc(size);

    cove_value_get_big_int(value, bytes, size, NULL);
    printf("[\"i\",\"");
    for (size_t i = 0; i < size; i++)
        printf("%02x", bytes[i]);
    printf("\"]");
    free(bytes);
}

static void show_bytes(const void *data, size_t n)
{
    printf("[\"b\",\"");
    for (size_t i = 0; i < n; i++)
        printf("%02x", ((const unsigned char *)data)[i]);
    printf("\"]");
}

static void show_float(double d)
{
    uint64_t bits = 0;

    memcpy(&bits, &d, sizeof(bits));
    printf("[\"f\",\"%016" PRIx64 "\"]", bits);
}

/* With the checksum of its elements in row-major order. */
static int show_tensor(cove_value *value, struct cove_error *err)
{
    struct cove_tensor_view view;
    size_t count = 1;

    cove_value_get_tensor(value, &view, NULL);
    printf("[\"T\",\"%s\",[", cove_dtype_name(view.dtype));
    for (size_t i = 0; i < view.n_dims; i++) {
        printf("%s%" PRId64, i ? "," : "", view.shape[i]);
        count *= (size_t)view.shape[i];
    }
    size_t size = count * cove_dtype_size(view.dtype);
    void *packed = malloc(size ? size : 1);
    struct cove_tensor_view to = view;
    to.strides = NULL;
    to.data = packed;
    int rc = cove_value_copy_tensor(value, &to, NULL, err);
    for (size_t i = 0; view.dtype == COVE_DTYPE_BOOL && i < size; i++)
        ((unsigned char *)packed)[i] = ((unsigned char *)packed)[i] != 0;
    printf("],%" PRIu32 "]", rc < 0 ? 0 : cove__crc32(0, packed, size));
    free(packed);
    return rc;
}

/* How many levels up the container is, at most `n_above`. 0: it is not there. */
static int show_above(const cove_value *value)
{
    for (size_t up = 0; up < n_above; up++)
        if (above[n_above - 1 - up] == value) {
            printf("[\"^\",%zu]", up + 1);
            return 1;
        }
    return 0;
}

static int show_container(cove_value *value, enum cove_value_type type, struct cove_error *err)
{
    int rc = 0;

    if (n_above == MAX_LEVELS) {
        printf("\"too deep to show\"");
        return 0;
    }
    above[n_above++] = value;
    printf("[\"%c\"", type == COVE_VALUE_LIST ? 'l' : type == COVE_VALUE_TUPLE ? 't' : 'd');
    for (size_t i = 0; i < cove_value_length(value) && rc == 0; i++) {
        putchar(',');
        if (type == COVE_VALUE_DICT) {
            putchar('[');
            rc = show(cove_value_key(value, i), err);
            putchar(',');
        }
        if (rc == 0)
            rc = show(cove_value_item(value, i), err);
        if (type == COVE_VALUE_DICT)
            putchar(']');
    }
    putchar(']');
    n_above--;
    return rc;
}

static int show(cove_value *value, struct cove_error *err)
{
    const char *text = NULL;
    const void *bytes = NULL;
    size_t size = 0;
    int64_t i = 0;
    double d = 0;
    int b = 0;
    enum cove_value_type type = cove_value_type(value);

    switch (type) {
    case COVE_VALUE_NONE:
        printf("null");
        return 0;
    case COVE_VALUE_BOOL:
        cove_value_get_bool(value, &b, NULL);
        printf(b ? "true" : "false");
        return 0;
    case COVE_VALUE_INT:
        if (cove_value_get_int(value, &i, NULL) == 0)
            printf("%" PRId64, i);
        else
            show_large_int(value);
        return 0;
    case COVE_VALUE_FLOAT:
        cove_value_get_float(value, &d, NULL);
        show_float(d);
        return 0;
    case COVE_VALUE_STRING:
        cove_value_get_string(value, &text, &size, NULL);
        show_string(text, size);
        return 0;
    case COVE_VALUE_BYTES:
        cove_value_get_bytes(value, &bytes, &size, NULL);
        show_bytes(bytes, size);
        return 0;
    case COVE_VALUE_TENSOR:
        return show_tensor(value, err);
    case COVE_VALUE_BACK_REFERENCE:
        if (!show_above(cove_value_back_reference_target(value)))
            printf("\"a back reference to nothing above\"");
        return 0;
    case COVE_VALUE_OPAQUE:
        printf("[\"o\"]");
        return 0;
    default:
        return show_container(value, type, err);
    }
}

static void show_error(const char *name, const struct cove_error *err)
{
    char text[sizeof(err->message) + 40];

    int n = snprintf(text, sizeof(text), "%s: %s", cove_code_name(err->code), err->message);
    printf("\"%s\":", name);
    show_string(text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

static int load(const char *url, int allow_opaque, cove_value **ret, struct cove_error *err)
{
    struct cove_checkpoint_load_options options = COVE_CHECKPOINT_LOAD_OPTIONS_INIT;
    cove_fs *fs = NULL;
    char *path = NULL;

    options.allow_opaque = allow_opaque;
    int rc = cove_fs_from_url(url, NULL, &fs, &path, err);
    if (rc == 0)
        rc = cove_checkpoint_load(fs, path, &options, NULL, ret, err);
    cove_fs_unref(fs);
    cove_free(path);
    return rc;
}

static void dump(const char *url, const char *copy)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_value *tree = NULL;

    putchar('{');
    int rc = load(url, 0, &tree, &err);
    if (rc < 0) {
        show_error("error", &err);
        if (rc == COVE_EUNSAFE || rc == COVE_ENOTSUP)
            load(url, 1, &tree, &err);
    }
    if (tree) {
        printf(rc < 0 ? ",\"opaque\":" : "\"value\":");
        if (show(tree, &err) < 0) {
            putchar(',');
            show_error("error", &err);
        }
    }
    if (tree && rc == 0 && copy && cove_checkpoint_save_url(copy, tree, &err) < 0) {
        putchar(',');
        show_error("copy_error", &err);
    }
    printf("}\n");
    fflush(stdout);
    cove_value_unref(tree);
}

int main(void)
{
    static char line[8192];

    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        char *copy = strchr(line, '\t');
        if (copy)
            *copy++ = '\0';
        dump(line, copy);
    }
    return 0;
}
