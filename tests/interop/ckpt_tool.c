/*
 * What the interoperability tests drive: shows a checkpoint as JSON, copies one through a tree, makes one from C
 * memory. ckpt_tool show URL | each | lazy URL PATH | only URL PATH | weights URL | copy FROM TO | copy_opaque FROM TO
 * | make URL
 * `each` reads URLs from standard input, one on each line, and prints a line for each: "OK " and JSON, or the error.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cove/cove.h>
#include <cove/module.h>

#include "checkpoint/format.h"

static struct cove_error err = COVE_ERROR_INIT;

static int complain(void)
{
    fprintf(stderr, "%s: %s\n", cove_code_name(err.code), err.message);
    return 1;
}

static void show_string(const char *s, size_t n)
{
    putchar('"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == 0xed && i + 2 < n && (unsigned char)s[i + 1] >= 0xa0) { /* a lone surrogate, which JSON can't hold */
            printf("\\u%04x", 0xd000 | (s[i + 1] & 0x3f) << 6 | (s[i + 2] & 0x3f));
            i += 2;
        } else if (c == '"' || c == '\\' || c < 0x20)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}

static void show_hex(const void *data, size_t n)
{
    putchar('"');
    for (size_t i = 0; i < n; i++)
        printf("%02x", ((const unsigned char *)data)[i]);
    putchar('"');
}

/* A tensor with its elements packed, as copy_tensor gives them. */
static int show_tensor(cove_value *value)
{
    struct cove_tensor_view view;
    size_t count = 1;
    cove_value_get_tensor(value, &view, NULL);
    printf("{\"tensor\":\"%s\",\"shape\":[", cove_dtype_name(view.dtype));
    for (size_t i = 0; i < view.n_dims; i++) {
        printf("%s%" PRId64, i ? "," : "", view.shape[i]);
        count *= (size_t)view.shape[i];
    }
    printf("],\"stride\":[");
    for (size_t i = 0; i < view.n_dims; i++)
        printf("%s%" PRId64, i ? "," : "", view.strides[i]);
    size_t size = count * cove_dtype_size(view.dtype);
    void *packed = malloc(size ? size : 1);
    struct cove_tensor_view to = view;
    to.strides = NULL;
    to.data = packed;
    int rc = cove_value_copy_tensor(value, &to, NULL, &err);
    printf("],\"data\":");
    show_hex(packed, rc < 0 ? 0 : size);
    putchar('}');
    free(packed);
    return rc;
}

static int show_large_int(cove_value *value)
{
    size_t size = cove_value_int_bits(value) / 8 + 1;
    void *bytes = calloc(size, 1);
    int rc = bytes ? cove_value_get_big_int(value, bytes, size, &err) : COVE_ENOMEM;
    printf("{\"int\":");
    show_hex(bytes, rc == 0 ? (cove_value_int_bits(value) + 7) / 8 : 0);
    putchar('}');
    free(bytes);
    return rc;
}

static cove_value *above[1100]; /* the containers around the current value */
static size_t n_above;

static int show(cove_value *value)
{
    const char *text = NULL;
    const void *bytes = NULL;
    size_t size = 0;
    int64_t i = 0;
    double d = 0;
    int b = 0, rc = 0;
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
        if (cove_value_get_int(value, &i, NULL) == 0) {
            printf("%" PRId64, i);
            return 0;
        }
        return show_large_int(value);
    case COVE_VALUE_FLOAT:
        cove_value_get_float(value, &d, NULL);
        printf("{\"float\":\"%a\"}", d);
        return 0;
    case COVE_VALUE_STRING:
        cove_value_get_string(value, &text, &size, NULL);
        show_string(text, size);
        return 0;
    case COVE_VALUE_BYTES:
        cove_value_get_bytes(value, &bytes, &size, NULL);
        printf("{\"bytes\":");
        show_hex(bytes, size);
        putchar('}');
        return 0;
    case COVE_VALUE_TENSOR:
        return show_tensor(value);
    case COVE_VALUE_BACK_REFERENCE:
        for (size = 0; size < n_above && above[n_above - 1 - size] != cove_value_back_reference_target(value);)
            size++;
        printf("{\"up\":%d}", size < n_above ? (int)size + 1 : 0);
        return 0;
    case COVE_VALUE_OPAQUE:
        printf("{\"opaque\":\"%s\"}", cove_value_opaque_name(value));
        return 0;
    default:
        break;
    }
    printf("{\"%s\":[", cove_value_type_name(type));
    above[n_above++] = value;
    for (size_t k = 0; k < cove_value_length(value) && rc == 0; k++) {
        if (k > 0)
            putchar(',');
        if (type == COVE_VALUE_DICT) {
            putchar('[');
            rc = show(cove_value_key(value, k));
            putchar(',');
        }
        rc = rc < 0 ? rc : show(cove_value_item(value, k));
        if (type == COVE_VALUE_DICT)
            putchar(']');
    }
    printf("]}");
    n_above--;
    return rc;
}

static int load_with(const char *url, const struct cove_checkpoint_load_options *options, cove_value **tree)
{
    cove_fs *fs = NULL;
    char *path = NULL;
    int rc = cove_fs_from_url(url, NULL, &fs, &path, &err);
    if (rc == 0)
        rc = cove_checkpoint_load(fs, path, options, NULL, tree, &err);
    cove_fs_unref(fs);
    cove_free(path);
    return rc;
}

static int load(const char *url, int lazy, cove_value **tree)
{
    struct cove_checkpoint_load_options options = COVE_CHECKPOINT_LOAD_OPTIONS_INIT;
    options.lazy = lazy;
    return load_with(url, &options, tree);
}

static int load_only(const char *url, const char *only, cove_value **tree)
{
    struct cove_checkpoint_load_options options = COVE_CHECKPOINT_LOAD_OPTIONS_INIT;
    options.paths = &only;
    options.n_paths = 1;
    return load_with(url, &options, tree);
}

/* Opaque values are allowed. */
static int load_any(const char *url, cove_value **tree)
{
    struct cove_checkpoint_load_options options = COVE_CHECKPOINT_LOAD_OPTIONS_INIT;
    options.allow_opaque = 1;
    return load_with(url, &options, tree);
}

/* Loads the weights of a module with one parameter, w, of two floats. */
static int weights(const char *url)
{
    float w[2] = { -1, -1 };
    int64_t two = 2;
    struct cove_parameter parameter = { "w", { COVE_DTYPE_FLOAT32, 1, &two, NULL, w }, NULL };
    struct cove_module module = COVE_MODULE_INIT;
    module.parameters = &parameter;
    module.n_parameters = 1;
    int rc = cove_module_load_weights(&module, url, NULL, &err);
    if (rc == 0)
        printf("%g %g\n", w[0], w[1]);
    return rc;
}

/* One of each dtype, and what torch has names for: a transpose, overlaps of one and of two dtypes, a stride of 0,
 * nothing at all. */
static int make(const char *url)
{
    static uint8_t memory[4096];
    static float grid[12];
    cove_value *tree = cove_value_new_dict(), *item = NULL, *inner = cove_value_new_dict(),
               *list = cove_value_new_list();
    cove_value *tuple = cove_value_new_tuple();
    int64_t shape[2] = { 2, 3 }, grid_shape[2] = { 4, 3 }, grid_strides[2] = { 1, 4 }, six = 6, zero[2] = { 0, 3 };
    int64_t wide[2] = { 5, 3 }, wide_strides[2] = { 0, 1 };
    int rc = 0;
    for (size_t i = 0; i < sizeof(memory); i++)
        memory[i] = (uint8_t)(i % 2);
    for (int i = 0; i < 12; i++)
        grid[i] = (float)i;
    for (int dtype = COVE_DTYPE_BOOL; dtype <= COVE_DTYPE_FLOAT4_E2M1FN_X2 && rc == 0; dtype++) {
        struct cove_tensor_view view = { (enum cove_dtype)dtype, 2, shape, NULL, memory + 128 * dtype };
        rc = cove_value_new_tensor(&view, &item, &err);
        if (rc == 0)
            rc = cove_value_dict_set(tree, cove_dtype_name(view.dtype), item, &err);
    }
    const struct {
        const char *name;
        struct cove_tensor_view view;
    } views[] = {
        { "grid", { COVE_DTYPE_FLOAT32, 1, (int64_t[]){ 12 }, NULL, grid } },
        { "grid.t", { COVE_DTYPE_FLOAT32, 2, grid_shape, grid_strides, grid } },
        { "tail", { COVE_DTYPE_FLOAT32, 1, &six, NULL, grid + 6 } },
        { "broadcast", { COVE_DTYPE_FLOAT32, 2, wide, wide_strides, grid } },
        { "scalar", { COVE_DTYPE_FLOAT32, 0, NULL, NULL, grid + 5 } },
        { "empty", { COVE_DTYPE_FLOAT32, 2, zero, NULL, NULL } },
        { "mixed.a", { COVE_DTYPE_FLOAT32, 1, &six, NULL, memory + 3072 } },
        { "mixed.b", { COVE_DTYPE_INT32, 1, &six, NULL, memory + 3080 } },
    };
    for (size_t i = 0; i < sizeof(views) / sizeof(views[0]) && rc == 0; i++) {
        rc = cove_value_new_tensor(&views[i].view, &item, &err);
        if (rc == 0)
            rc = cove_value_dict_set(inner, views[i].name, item, &err);
    }
    const int64_t ints[] = { 0,          1,          255,       256, 65535,         65536,
                             2147483647, 2147483648, INT64_MAX, -1,  -2147483648LL, INT64_MIN };
    for (size_t i = 0; i < sizeof(ints) / sizeof(ints[0]) && rc == 0; i++)
        rc = cove_value_append(list, cove_value_new_int(ints[i]), &err);
    if (rc == 0)
        rc = cove_value_append(tuple, cove_value_new_float(0.1), &err);
    if (rc == 0)
        rc = cove_value_append(tuple, cove_value_new_float(-1e308), &err);
    if (rc == 0)
        rc = cove_value_append(tuple, cove_value_new_bool(1), &err);
    if (rc == 0)
        rc = cove_value_append(tuple, cove_value_new_none(), &err);
    if (rc == 0)
        rc = cove_value_append(tuple,
                               cove_value_new_bytes("\x00\x80\xff"
                                                    "abc",
                                                    6),
                               &err);
    if (rc == 0)
        rc = cove_value_append(tuple, cove_value_new_string("gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x8d"), &err);
    if (rc == 0)
        rc = cove_value_append(tuple, cove_value_new_tuple(), &err);
    if (rc == 0)
        rc = cove_value_append(tuple, cove_value_new_dict(), &err);
    if (rc == 0)
        rc = cove_value_append(tuple, cove_value_new_list(), &err);
    if (rc == 0)
        rc = cove_value_dict_set_by_int(inner, -7, list, &err);
    if (rc == 0)
        rc = cove_value_dict_set(inner, "tuple", tuple, &err);
    if (rc == 0)
        rc = cove_value_dict_set(tree, "inner", inner, &err);
    if (rc == 0)
        rc = cove_checkpoint_save_url(url, tree, &err);
    cove_value_unref(tree);
    return rc < 0 ? complain() : 0;
}

/* Large writes are of zeros here: the file gets a hole. */
static int write_sparse(void *user, const void *data, size_t size, struct cove_error *error)
{
    int fd = *(int *)user;
    int rc = 0;

    if (size > (size_t)1 << 20)
        rc = lseek(fd, (off_t)size, SEEK_CUR) < 0;
    else
        rc = write(fd, data, size) != (ssize_t)size;
    if (rc != 0)
        perror("sparse file");
    return rc != 0 ? COVE_EIO : 0;
}

/* A checkpoint of more bytes than there are: {"large": zeros, "after": 1, 2, 3}. */
static int sparse(const char *file, int64_t length)
{
    static int64_t numbers[3] = { 1, 2, 3 };
    const int64_t three = 3;
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    void *zeros = mmap(NULL, (size_t)length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    const struct cove_tensor_view large = { COVE_DTYPE_UINT8, 1, &length, NULL, zeros };
    const struct cove_tensor_view after = { COVE_DTYPE_INT64, 1, &three, NULL, numbers };
    struct cove__sink sink = { write_sparse, &fd };
    struct cove__plan *plan = NULL;
    cove_value *tree = cove_value_new_dict(), *item = NULL;
    uint64_t size = 0;

    if (fd < 0 || zeros == MAP_FAILED) {
        perror(file);
        return 1;
    }
    int rc = cove_value_new_tensor(&large, &item, &err);
    if (rc == 0)
        rc = cove_value_dict_set(tree, "large", item, &err);
    if (rc == 0)
        rc = cove_value_new_tensor(&after, &item, &err);
    if (rc == 0)
        rc = cove_value_dict_set(tree, "after", item, &err);
    if (rc == 0)
        rc = cove__torch_format.plan(tree, &plan, &size, &err);
    if (rc == 0)
        rc = cove__torch_format.write(plan, &sink, &err);
    cove__torch_format.plan_free(plan);
    cove_value_unref(tree);
    munmap(zeros, (size_t)length);
    close(fd);
    return rc < 0 ? complain() : 0;
}

static int each(void)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n = 0;
    while ((n = getline(&line, &room, stdin)) > 0) {
        cove_value *tree = NULL;
        line[n - 1] = '\0';
        int rc = load(line, 0, &tree);
        if (rc == 0) {
            printf("OK ");
            rc = show(tree);
        }
        if (rc < 0)
            printf("%s: %s", cove_code_name(err.code), err.message);
        putchar('\n');
        fflush(stdout);
        cove_value_unref(tree);
    }
    free(line);
    return 0;
}

int main(int argc, char **argv)
{
    cove_value *tree = NULL;
    int rc = 0;
    if (argc == 3 && strcmp(argv[1], "make") == 0)
        return make(argv[2]);
    if (argc == 2 && strcmp(argv[1], "each") == 0)
        return each();
    if (argc == 4 && strcmp(argv[1], "sparse") == 0)
        return sparse(argv[2], strtoll(argv[3], NULL, 10));
    if (argc == 3 && strcmp(argv[1], "show") == 0) {
        rc = load(argv[2], 0, &tree);
        if (rc == 0)
            rc = show(tree);
    } else if (argc == 4 && (strcmp(argv[1], "lazy") == 0 || strcmp(argv[1], "only") == 0)) {
        rc = argv[1][0] == 'l' ? load(argv[2], 1, &tree) : load_only(argv[2], argv[3], &tree);
        cove_value *found = rc == 0 ? cove_value_find(tree, argv[3]) : NULL;
        if (rc == 0 && !found) {
            fprintf(stderr, "there is no %s\n", argv[3]);
            rc = -1;
        } else if (rc == 0) {
            rc = show(found);
        }
    } else if (argc == 4 && strcmp(argv[1], "copy") == 0) {
        rc = load(argv[2], 0, &tree);
        if (rc == 0)
            rc = cove_checkpoint_save_url(argv[3], tree, &err);
    } else if (argc == 4 && strcmp(argv[1], "copy_opaque") == 0) {
        rc = load_any(argv[2], &tree);
        if (rc == 0)
            rc = cove_checkpoint_save_url(argv[3], tree, &err);
    } else if (argc == 3 && strcmp(argv[1], "weights") == 0) {
        rc = weights(argv[2]);
    } else {
        fprintf(stderr,
                "usage: ckpt_tool show URL | each | lazy URL PATH | only URL PATH | weights URL | copy FROM TO | make "
                "URL | sparse FILE BYTES\n");
        return 2;
    }
    cove_value_unref(tree);
    return rc < 0 ? complain() : 0;
}
