/* The values that calls of known names make: see globals.h. Nothing of Python or torch is called. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "checkpoint/globals.h"
#include "checkpoint/resolve_view.h"
#include "checkpoint/storage.h"

#define TEXT_MAX   ((size_t)1 << 30)
#define DEVICE_MAX 127 /* torch stores a device's number in a byte */

static int bad_call(const struct cove__global *g, struct cove_error *err)
{
    return cove__fail(err, COVE_ECORRUPT, "pickle: %s.%s is called with invalid arguments", g->module, g->name);
}

static size_t n_args(const cove_value *args)
{
    return args->u.list.n;
}

/* Argument `i` if it is of `type`, else NULL. */
static cove_value *arg(const cove_value *args, size_t i, int type)
{
    return i < n_args(args) && args->u.list.items[i]->type == type ? args->u.list.items[i] : NULL;
}

static int made(cove_value *value, cove_value **ret, struct cove_error *err)
{
    if (!value)
        return cove__fail_nomem(err, "the values of a pickle");
    *ret = value;
    return 0;
}

/* A value of which only the text or the parts are kept: never one that others hold, too. */
static int made_from(enum cove__origin origin, cove_value *value, cove_value **ret, struct cove_error *err)
{
    if (value)
        value->origin = (uint8_t)origin;
    return made(value, ret, err);
}

/* A tuple of ints as lengths or strides; `to` has room for COVE_TENSOR_MAX_DIMS. */
static int read_dims(const struct cove__global *g, const cove_value *tuple, int64_t *to, size_t *ret_n,
                     struct cove_error *err)
{
    if (!tuple)
        return bad_call(g, err);
    if (n_args(tuple) > COVE_TENSOR_MAX_DIMS)
        return cove__fail(err, COVE_ENOTSUP, "pickle: a tensor of %zu dimensions, at most %d are supported",
                          n_args(tuple), COVE_TENSOR_MAX_DIMS);
    for (size_t i = 0; i < n_args(tuple); i++) {
        if (tuple->u.list.items[i]->type != COVE_VALUE_INT)
            return bad_call(g, err);
        to[i] = tuple->u.list.items[i]->u.i;
    }
    *ret_n = n_args(tuple);
    return 0;
}

/* None, or a dict of strings and bools. */
static bool is_metadata(const cove_value *metadata)
{
    bool fits = metadata->type == COVE_VALUE_DICT || metadata->type == COVE_VALUE_NONE;
    for (size_t i = 0; fits && i < cove_value_length(metadata); i++)
        fits = cove_value_key(metadata, i)->type == COVE_VALUE_STRING &&
               cove_value_item(metadata, i)->type == COVE_VALUE_BOOL;
    return fits;
}

/* The view math of a tensor's metadata; torch checks only whether the key exists. */
static unsigned read_math(const cove_value *metadata)
{
    if (!metadata)
        return 0;
    return (cove_value_dict_get(metadata, "conj") ? COVE__VIEW_CONJ : 0u) |
           (cove_value_dict_get(metadata, "neg") ? COVE__VIEW_NEG : 0u);
}

static int view_storage(const struct cove__global *g, const struct cove__shape *shape, cove_value *storage,
                        int64_t offset, unsigned math, cove_value **ret, struct cove_error *err)
{
    const struct cove__dtype_info *info = cove__dtype_info(shape->dtype);
    struct cove_error why = COVE_ERROR_INIT;
    cove_value *value = NULL;
    uint64_t begin = 0;
    if (!info || offset < 0)
        return bad_call(g, err);
    int rc = cove__tensor_new(shape, &value, err);
    if (rc == COVE_EINVAL)
        return cove__fail(err, COVE_ECORRUPT, "pickle: a tensor of %s with an invalid shape or strides", info->name);
    if (rc < 0)
        return rc;
    if (__builtin_mul_overflow((uint64_t)offset, info->size, &begin))
        begin = UINT64_MAX;
    rc = cove__storage_view(storage->u.storage.storage, value->u.tensor, begin, math, &why);
    if (rc < 0) {
        cove_value_unref(value);
        return cove__fail(err, rc, "pickle: %s", why.message);
    }
    *ret = value;
    return 0;
}

/* The arguments of torch's functions: storage, offset, lengths, strides; requires_grad and hooks, which are dropped;
 * the dtype of a v3; optionally the metadata. */
static bool rebuild_args_fit(const struct cove__global *g, const cove_value *args)
{
    size_t n = g->kind == COVE__GLOBAL_REBUILD_V1 ? 4 : g->kind == COVE__GLOBAL_REBUILD_V2 ? 6 : 7;
    if (n == 4)
        return n_args(args) == 4;
    return (n_args(args) == n || n_args(args) == n + 1) && arg(args, 4, COVE_VALUE_BOOL);
}

/* (storage, offset, size, stride[, requires_grad, hooks[, dtype][, metadata]]) */
static int rebuild(const struct cove__global *g, const cove_value *args, cove_value **ret, struct cove_error *err)
{
    int64_t dims[COVE_TENSOR_MAX_DIMS], strides[COVE_TENSOR_MAX_DIMS];
    size_t n_dims = 0, n_strides = 0, extra = 6;
    cove_value *storage = arg(args, 0, COVE__VALUE_STORAGE), *offset = arg(args, 1, COVE_VALUE_INT);
    if (!storage || !offset || !rebuild_args_fit(g, args))
        return bad_call(g, err);
    int rc = read_dims(g, arg(args, 2, COVE_VALUE_TUPLE), dims, &n_dims, err);
    if (rc == 0)
        rc = read_dims(g, arg(args, 3, COVE_VALUE_TUPLE), strides, &n_strides, err);
    if (rc < 0 || n_dims != n_strides)
        return rc < 0 ? rc : bad_call(g, err);
    struct cove__shape shape = { (enum cove_dtype)storage->u.storage.dtype, n_dims, dims, strides };
    if (g->kind == COVE__GLOBAL_REBUILD_V3) {
        cove_value *dtype = arg(args, extra++, COVE__VALUE_GLOBAL);
        if (!dtype || dtype->u.global->kind != COVE__GLOBAL_DTYPE)
            return bad_call(g, err);
        shape.dtype = (enum cove_dtype)dtype->u.global->dtype;
        if (shape.dtype == 0)
            return cove__fail(err, COVE_ENOTSUP, "pickle: tensors of torch.%s are not supported",
                              dtype->u.global->name);
    }
    if (shape.dtype == 0) /* an untyped storage has bytes */
        shape.dtype = COVE_DTYPE_UINT8;
    if (g->kind != COVE__GLOBAL_REBUILD_V1 && n_args(args) > extra && !is_metadata(args->u.list.items[extra]))
        return bad_call(g, err);
    unsigned math = g->kind == COVE__GLOBAL_REBUILD_V1 ? 0 : read_math(arg(args, extra, COVE_VALUE_DICT));
    return view_storage(g, &shape, storage, offset->u.i, math, ret, err);
}

static int from_type(const struct cove__global *g, const cove_value *args, cove_value **ret, struct cove_error *err)
{
    cove_value *function = arg(args, 0, COVE__VALUE_GLOBAL), *type = arg(args, 1, COVE__VALUE_GLOBAL);
    cove_value *rest = arg(args, 2, COVE_VALUE_TUPLE);
    if (!function || !type || !rest || type->u.global->kind != COVE__GLOBAL_NAME)
        return bad_call(g, err);
    uint8_t kind = function->u.global->kind; /* not itself again: that could recurse without an end */
    if (kind < COVE__GLOBAL_UNSUPPORTED || kind > COVE__GLOBAL_PARAMETER || kind == COVE__GLOBAL_DTYPE ||
        kind == COVE__GLOBAL_STORAGE)
        return bad_call(g, err);
    return cove__global_call(function->u.global, rest, ret, err);
}

static int make_dict(const struct cove__global *g, const cove_value *args, cove_value **ret, struct cove_error *err)
{
    return n_args(args) == 0 ? made(cove_value_new_dict(), ret, err) : bad_call(g, err);
}

/* "cuda" or "cuda:1": a word, optionally with a number as torch prints it. torch itself accepts only devices that it
 * knows. */
static bool is_device(struct cove__slice text, bool may_have_index)
{
    size_t i = 0;
    while (i < text.size && (text.data[i] == '_' || (text.data[i] >= 'a' && text.data[i] <= 'z')))
        i++;
    if (i == 0 || i == text.size)
        return i > 0;
    size_t digits = text.size - i - 1;
    if (!may_have_index || text.data[i] != ':' || digits == 0 || digits > 3 || (digits > 1 && text.data[i + 1] == '0'))
        return false;
    int64_t index = 0;
    for (i++; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        index = index * 10 + (text.data[i] - '0');
    }
    return index <= DEVICE_MAX;
}

/* ("cuda", 0) or ("cpu",) -> "cuda:0", "cpu" */
static int make_device(const struct cove__global *g, const cove_value *args, cove_value **ret, struct cove_error *err)
{
    char text[96];
    cove_value *type = arg(args, 0, COVE_VALUE_STRING), *index = arg(args, 1, COVE_VALUE_INT);
    if (!type || type->u.text.size > 64 || n_args(args) > 2 || (n_args(args) == 2 && !index) ||
        !is_device(cove__value_text(type), !index) || (index && (index->u.i < 0 || index->u.i > DEVICE_MAX)))
        return bad_call(g, err);
    if (index)
        snprintf(text, sizeof(text), "%s:%lld", type->u.text.data, (long long)index->u.i);
    return made_from(COVE__ORIGIN_DEVICE, cove_value_new_string(index ? text : type->u.text.data), ret, err);
}

static int make_layout(const struct cove__global *g, const cove_value *args, cove_value **ret, struct cove_error *err)
{
    static const char *const names[] = { "torch.strided",    "torch.sparse_coo", "torch.sparse_csr", "torch.sparse_csc",
                                         "torch.sparse_bsr", "torch.sparse_bsc", "torch._mkldnn",    "torch.jagged" };
    cove_value *name = n_args(args) == 1 ? arg(args, 0, COVE_VALUE_STRING) : NULL;
    for (size_t i = 0; name && i < sizeof(names) / sizeof(names[0]); i++)
        if (cove__slice_is(cove__value_text(name), names[i]))
            return made_from(COVE__ORIGIN_LAYOUT, cove_value_new_string(names[i]), ret, err);
    return bad_call(g, err);
}

/* torch.Size: the tuple of ints that it is made of. */
static int make_size(const struct cove__global *g, const cove_value *args, cove_value **ret, struct cove_error *err)
{
    cove_value *tuple = n_args(args) == 1 ? arg(args, 0, COVE_VALUE_TUPLE) : NULL;
    for (size_t i = 0; tuple && i < n_args(tuple); i++)
        if (!arg(tuple, i, COVE_VALUE_INT) && !arg(tuple, i, COVE_VALUE_OPAQUE))
            return bad_call(g, err);
    return tuple ? made(cove_value_ref(tuple), ret, err) : bad_call(g, err);
}

/* (text, "latin1"): each character is a byte. */
static int make_encoded(const struct cove__global *g, const cove_value *args, cove_value **ret, struct cove_error *err)
{
    cove_value *text = arg(args, 0, COVE_VALUE_STRING), *codec = arg(args, 1, COVE_VALUE_STRING);
    if (!text || !codec || n_args(args) != 2 ||
        (!cove__slice_is(cove__value_text(codec), "latin1") && !cove__slice_is(cove__value_text(codec), "latin-1")))
        return bad_call(g, err);
    cove_value *bytes = cove__value_new_text(COVE_VALUE_BYTES, cove__value_text(text));
    if (!bytes)
        return cove__fail_nomem(err, "the values of a pickle");
    uint8_t *data = (uint8_t *)bytes->u.text.data;
    size_t n = 0;
    for (size_t i = 0; i < bytes->u.text.size; i++) { /* it was checked to be UTF-8 */
        uint8_t c = data[i];
        if (c >= 0x80) {
            if (c > 0xc3) {
                cove_value_unref(bytes);
                return bad_call(g, err);
            }
            c = (uint8_t)(c << 6 | (data[++i] & 0x3f));
        }
        data[n++] = c;
    }
    data[n] = 0;
    bytes->u.text.size = n;
    *ret = bytes;
    return 0;
}

static int make_bytes(const struct cove__global *g, const cove_value *args, cove_value **ret, struct cove_error *err)
{
    if (n_args(args) == 0)
        return made(cove_value_new_bytes("", 0), ret, err);
    if (n_args(args) == 1 && arg(args, 0, COVE_VALUE_BYTES))
        return made(cove_value_ref(args->u.list.items[0]), ret, err);
    return n_args(args) == 2 ? make_encoded(g, args, ret, err) : bad_call(g, err);
}

/* As posixpath.join: a part that begins with a slash replaces the parts before it. */
static int join_path(const cove_value *args, struct cove__buf *path)
{
    size_t first = 0;
    for (size_t i = 0; i < n_args(args); i++) {
        if (!arg(args, i, COVE_VALUE_STRING))
            return COVE_ECORRUPT;
        if (args->u.list.items[i]->u.text.data[0] == '/')
            first = i;
    }
    for (size_t i = first; i < n_args(args); i++) {
        if (path->size > 0 && path->data[path->size - 1] != '/')
            cove__buf_add_char(path, '/');
        cove__buf_add_slice(path, cove__value_text(args->u.list.items[i]));
    }
    return 0;
}

/* As str of a PurePosixPath: without repeated slashes and dots that stand alone, but two slashes in front are kept. */
static void normalize_path(struct cove__slice from, struct cove__buf *to)
{
    size_t slashes = 0;
    while (slashes < from.size && from.data[slashes] == '/')
        slashes++;
    cove__buf_add(to, "//", slashes == 2 ? 2 : slashes > 0);
    for (size_t begin = slashes, end; begin < from.size; begin = end + 1) {
        for (end = begin; end < from.size && from.data[end] != '/';)
            end++;
        if (end == begin || (end == begin + 1 && from.data[begin] == '.'))
            continue;
        if (to->size > 0 && to->data[to->size - 1] != '/')
            cove__buf_add_char(to, '/');
        cove__buf_add(to, from.data + begin, end - begin);
    }
    if (to->size == 0)
        cove__buf_add_char(to, '.');
}

/* The parts of a path, from Python 3.13 on as they were given -> the path, a string. */
static int make_path(const struct cove__global *g, const cove_value *args, cove_value **ret, struct cove_error *err)
{
    struct cove__buf joined = COVE__BUF_INIT(TEXT_MAX), path = COVE__BUF_INIT(TEXT_MAX);
    cove_value *value = NULL;
    int rc = join_path(args, &joined);
    if (rc < 0) {
        bad_call(g, err);
    } else {
        normalize_path(cove__buf_slice(&joined), &path);
        if (cove__buf_rc(&joined) == 0 && cove__buf_rc(&path) == 0)
            value = cove__value_new_text(COVE_VALUE_STRING, cove__buf_slice(&path));
        rc = made_from(COVE__ORIGIN_PATH, value, ret, err);
    }
    cove__buf_done(&joined);
    cove__buf_done(&path);
    return rc;
}

/* A pair of floats. */
static int make_complex(const struct cove__global *g, const cove_value *args, cove_value **ret, struct cove_error *err)
{
    if (n_args(args) != 2 || !arg(args, 0, COVE_VALUE_FLOAT) || !arg(args, 1, COVE_VALUE_FLOAT))
        return bad_call(g, err);
    cove_value *pair = cove_value_new_tuple();
    for (size_t i = 0; i < 2; i++)
        if (!pair || cove_value_append(pair, cove_value_ref(args->u.list.items[i]), err) < 0) {
            cove_value_unref(pair);
            pair = NULL;
        }
    return made_from(COVE__ORIGIN_COMPLEX, pair, ret, err);
}

static int make_list(const struct cove__global *g, const cove_value *args, cove_value **ret, struct cove_error *err)
{
    return n_args(args) == 0 ? made(cove_value_new_list(), ret, err) : bad_call(g, err);
}

static int make_object(const struct cove__global *g, const cove_value *args, cove_value **ret, struct cove_error *err)
{
    if (n_args(args) != 0)
        return bad_call(g, err);
    int rc = made(cove_value_new_dict(), ret, err);
    if (rc == 0)
        (*ret)->is_object = 1;
    return rc;
}

int cove__global_call(const struct cove__global *g, const cove_value *args, cove_value **ret, struct cove_error *err)
{
    switch ((enum cove__global_kind)g->kind) {
    case COVE__GLOBAL_REBUILD_V1:
    case COVE__GLOBAL_REBUILD_V2:
    case COVE__GLOBAL_REBUILD_V3:
        return rebuild(g, args, ret, err);
    case COVE__GLOBAL_PARAMETER: /* the tensor, requires_grad, hooks, and with a state that */
        return arg(args, 0, COVE_VALUE_TENSOR) && n_args(args) == (strcmp(g->name, "_rebuild_parameter") == 0 ? 3u : 4u)
                   ? made(cove_value_ref(args->u.list.items[0]), ret, err)
                   : bad_call(g, err);
    case COVE__GLOBAL_FROM_TYPE:
        return from_type(g, args, ret, err);
    case COVE__GLOBAL_DICT:
        return make_dict(g, args, ret, err);
    case COVE__GLOBAL_DEFAULT_DICT:
        return n_args(args) > 1 || (n_args(args) == 1 && !arg(args, 0, COVE__VALUE_GLOBAL) &&
                                    !arg(args, 0, COVE_VALUE_NONE) && !arg(args, 0, COVE_VALUE_OPAQUE))
                   ? bad_call(g, err)
                   : made(cove_value_new_dict(), ret, err);
    case COVE__GLOBAL_OBJECT:
        return make_object(g, args, ret, err);
    case COVE__GLOBAL_TUPLE:
        return make_size(g, args, ret, err);
    case COVE__GLOBAL_LAYOUT:
        return make_layout(g, args, ret, err);
    case COVE__GLOBAL_COMPLEX:
        return make_complex(g, args, ret, err);
    case COVE__GLOBAL_DEVICE:
        return make_device(g, args, ret, err);
    case COVE__GLOBAL_ENCODE:
        return make_encoded(g, args, ret, err);
    case COVE__GLOBAL_BYTES:
        return make_bytes(g, args, ret, err);
    case COVE__GLOBAL_FROZENSET:
        return n_args(args) == 0 ? made_from(COVE__ORIGIN_FROZENSET, cove__value_new_dict(COVE__VALUE_SET), ret, err)
                                 : bad_call(g, err);
    case COVE__GLOBAL_SET:
        return n_args(args) == 0 ? made(cove__value_new_dict(COVE__VALUE_SET), ret, err) : bad_call(g, err);
    case COVE__GLOBAL_LIST:
        return make_list(g, args, ret, err);
    case COVE__GLOBAL_PATH:
        return make_path(g, args, ret, err);
    case COVE__GLOBAL_UNSUPPORTED:
        return cove__fail(err, COVE_ENOTSUP, "pickle: %s.%s is not supported: only plain tensors are read", g->module,
                          g->name);
    default:
        return cove__fail(err, COVE_EUNSAFE, "pickle: calls of %s.%s are not supported", g->module, g->name);
    }
}

int cove__global_new(const struct cove__global *g, const cove_value *args, cove_value **ret, struct cove_error *err)
{
    if (g->kind == COVE__GLOBAL_OBJECT)
        return make_object(g, args, ret, err);
    if (g->kind == COVE__GLOBAL_DICT)
        return make_dict(g, args, ret, err);
    if (g->kind == COVE__GLOBAL_PATH)
        return make_path(g, args, ret, err);
    return cove__fail(err, COVE_EUNSAFE, "pickle: instances of %s.%s are not supported", g->module, g->name);
}
