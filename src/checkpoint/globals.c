/*
 * The names that a pickle may have in it. docs/checkpoints.md has the list for users. In short: what
 * torch.load(weights_only=True) allows, and the containers of Python and Lightning that hold data and do nothing.
 */
#include "checkpoint/globals.h"

#include <stdio.h>

static const struct cove__global globals[] = {
    { "torch._utils", "_rebuild_tensor", COVE__GLOBAL_REBUILD_V1, 0 },
    { "torch._utils", "_rebuild_tensor_v2", COVE__GLOBAL_REBUILD_V2, 0 },
    { "torch._utils", "_rebuild_tensor_v3", COVE__GLOBAL_REBUILD_V3, 0 },
    { "torch._utils", "_rebuild_parameter", COVE__GLOBAL_PARAMETER, 0 },
    { "torch._utils", "_rebuild_parameter_with_state", COVE__GLOBAL_PARAMETER, 0 },
    { "torch._tensor", "_rebuild_from_type_v2", COVE__GLOBAL_FROM_TYPE, 0 },
    { "torch._utils", "_rebuild_sparse_tensor", COVE__GLOBAL_UNSUPPORTED, 0 },
    { "torch._utils", "_rebuild_nested_tensor", COVE__GLOBAL_UNSUPPORTED, 0 },
    { "torch._utils", "_rebuild_qtensor", COVE__GLOBAL_UNSUPPORTED, 0 },
    { "torch._utils", "_rebuild_meta_tensor_no_storage", COVE__GLOBAL_UNSUPPORTED, 0 },
    { "torch._utils", "_rebuild_wrapper_subclass", COVE__GLOBAL_UNSUPPORTED, 0 },
    { "torch._utils", "_rebuild_device_tensor_from_numpy", COVE__GLOBAL_UNSUPPORTED, 0 },
    { "torch._utils", "_rebuild_device_tensor_from_cpu_tensor", COVE__GLOBAL_UNSUPPORTED, 0 },
    { "torch", "Tensor", COVE__GLOBAL_NAME, 0 },
    { "torch.nn.parameter", "Parameter", COVE__GLOBAL_NAME, 0 },
    { "torch", "Size", COVE__GLOBAL_TUPLE, 0 },
    { "torch", "device", COVE__GLOBAL_DEVICE, 0 },
    { "torch.serialization", "_get_layout", COVE__GLOBAL_LAYOUT, 0 },
    { "torch.storage", "UntypedStorage", COVE__GLOBAL_STORAGE, 0 },
    { "torch", "UntypedStorage", COVE__GLOBAL_STORAGE, 0 },
    { "torch", "QInt8Storage", COVE__GLOBAL_STORAGE, 0 },
    { "torch", "QInt32Storage", COVE__GLOBAL_STORAGE, 0 },
    { "torch", "QUInt8Storage", COVE__GLOBAL_STORAGE, 0 },
    { "torch", "QUInt4x2Storage", COVE__GLOBAL_STORAGE, 0 },
    { "torch", "QUInt2x4Storage", COVE__GLOBAL_STORAGE, 0 },
    { "torch", "qint8", COVE__GLOBAL_DTYPE, 0 },
    { "torch", "qint32", COVE__GLOBAL_DTYPE, 0 },
    { "torch", "quint8", COVE__GLOBAL_DTYPE, 0 },
    { "torch", "quint4x2", COVE__GLOBAL_DTYPE, 0 },
    { "torch", "quint2x4", COVE__GLOBAL_DTYPE, 0 },
    { "torch", "int1", COVE__GLOBAL_DTYPE, 0 },
    { "torch", "int2", COVE__GLOBAL_DTYPE, 0 },
    { "torch", "int3", COVE__GLOBAL_DTYPE, 0 },
    { "torch", "int4", COVE__GLOBAL_DTYPE, 0 },
    { "torch", "int5", COVE__GLOBAL_DTYPE, 0 },
    { "torch", "int6", COVE__GLOBAL_DTYPE, 0 },
    { "torch", "int7", COVE__GLOBAL_DTYPE, 0 },
    { "torch", "uint1", COVE__GLOBAL_DTYPE, 0 },
    { "torch", "uint2", COVE__GLOBAL_DTYPE, 0 },
    { "torch", "uint3", COVE__GLOBAL_DTYPE, 0 },
    { "torch", "uint4", COVE__GLOBAL_DTYPE, 0 },
    { "torch", "uint5", COVE__GLOBAL_DTYPE, 0 },
    { "torch", "uint6", COVE__GLOBAL_DTYPE, 0 },
    { "torch", "uint7", COVE__GLOBAL_DTYPE, 0 },
    { "torch", "bits8", COVE__GLOBAL_DTYPE, 0 },
    { "torch", "bits16", COVE__GLOBAL_DTYPE, 0 },
    { "torch", "bits1x8", COVE__GLOBAL_DTYPE, 0 },
    { "torch", "bits2x4", COVE__GLOBAL_DTYPE, 0 },
    { "torch", "bits4x2", COVE__GLOBAL_DTYPE, 0 },
    { "torch", "bcomplex32", COVE__GLOBAL_DTYPE, 0 },
    { "collections", "OrderedDict", COVE__GLOBAL_DICT, 0 },
    { "collections", "Counter", COVE__GLOBAL_DICT, 0 },
    { "collections", "defaultdict", COVE__GLOBAL_DEFAULT_DICT, 0 },
    { "builtins", "dict", COVE__GLOBAL_DICT, 0 },
    { "builtins", "set", COVE__GLOBAL_SET, 0 },
    { "builtins", "frozenset", COVE__GLOBAL_FROZENSET, 0 },
    { "builtins", "list", COVE__GLOBAL_LIST, 0 },
    { "builtins", "bytes", COVE__GLOBAL_BYTES, 0 },
    { "builtins", "bytearray", COVE__GLOBAL_BYTES, 0 },
    { "builtins", "complex", COVE__GLOBAL_COMPLEX, 0 },
    { "builtins", "int", COVE__GLOBAL_NAME, 0 },
    { "builtins", "float", COVE__GLOBAL_NAME, 0 },
    { "builtins", "str", COVE__GLOBAL_NAME, 0 },
    { "builtins", "bool", COVE__GLOBAL_NAME, 0 },
    { "builtins", "tuple", COVE__GLOBAL_NAME, 0 },
    { "builtins", "range", COVE__GLOBAL_NAME, 0 },
    { "builtins", "object", COVE__GLOBAL_NAME, 0 },
    { "_codecs", "encode", COVE__GLOBAL_ENCODE, 0 },
    { "argparse", "Namespace", COVE__GLOBAL_OBJECT, 0 },
    { "types", "SimpleNamespace", COVE__GLOBAL_OBJECT, 0 },
    { "pathlib", "PosixPath", COVE__GLOBAL_PATH, 0 },
    { "pathlib", "PurePosixPath", COVE__GLOBAL_PATH, 0 },
    { "pathlib._local", "PosixPath", COVE__GLOBAL_PATH, 0 },
    { "pathlib._local", "PurePosixPath", COVE__GLOBAL_PATH, 0 },
    { "lightning.fabric.utilities.data", "AttributeDict", COVE__GLOBAL_DICT, 0 },
    { "lightning_fabric.utilities.data", "AttributeDict", COVE__GLOBAL_DICT, 0 },
    { "lightning.pytorch.utilities.parsing", "AttributeDict", COVE__GLOBAL_DICT, 0 },
    { "pytorch_lightning.utilities.parsing", "AttributeDict", COVE__GLOBAL_DICT, 0 },
};

/* The rows of dtypes and storages come from the table of dtypes: one of each kind for every row, filled in here. */
static const struct cove__global dtype_names[] = {
#define ROW(dtype, name)                                                                                               \
    {                                                                                                                  \
        "torch", name, COVE__GLOBAL_DTYPE, dtype                                                                       \
    }
    ROW(COVE_DTYPE_BOOL, "bool"),
    ROW(COVE_DTYPE_UINT8, "uint8"),
    ROW(COVE_DTYPE_INT8, "int8"),
    ROW(COVE_DTYPE_INT16, "int16"),
    ROW(COVE_DTYPE_INT32, "int32"),
    ROW(COVE_DTYPE_INT64, "int64"),
    ROW(COVE_DTYPE_FLOAT16, "float16"),
    ROW(COVE_DTYPE_BFLOAT16, "bfloat16"),
    ROW(COVE_DTYPE_FLOAT32, "float32"),
    ROW(COVE_DTYPE_FLOAT64, "float64"),
    ROW(COVE_DTYPE_COMPLEX32, "complex32"),
    ROW(COVE_DTYPE_COMPLEX64, "complex64"),
    ROW(COVE_DTYPE_COMPLEX128, "complex128"),
    ROW(COVE_DTYPE_FLOAT8_E4M3FN, "float8_e4m3fn"),
    ROW(COVE_DTYPE_FLOAT8_E5M2, "float8_e5m2"),
    ROW(COVE_DTYPE_FLOAT8_E4M3FNUZ, "float8_e4m3fnuz"),
    ROW(COVE_DTYPE_FLOAT8_E5M2FNUZ, "float8_e5m2fnuz"),
    ROW(COVE_DTYPE_UINT16, "uint16"),
    ROW(COVE_DTYPE_UINT32, "uint32"),
    ROW(COVE_DTYPE_UINT64, "uint64"),
    ROW(COVE_DTYPE_FLOAT8_E8M0FNU, "float8_e8m0fnu"),
    ROW(COVE_DTYPE_FLOAT4_E2M1FN_X2, "float4_e2m1fn_x2"),
#undef ROW
#define ROW(dtype, name)                                                                                               \
    {                                                                                                                  \
        "torch", name "Storage", COVE__GLOBAL_STORAGE, dtype                                                           \
    }
    ROW(COVE_DTYPE_BOOL, "Bool"),
    ROW(COVE_DTYPE_UINT8, "Byte"),
    ROW(COVE_DTYPE_INT8, "Char"),
    ROW(COVE_DTYPE_INT16, "Short"),
    ROW(COVE_DTYPE_INT32, "Int"),
    ROW(COVE_DTYPE_INT64, "Long"),
    ROW(COVE_DTYPE_FLOAT16, "Half"),
    ROW(COVE_DTYPE_BFLOAT16, "BFloat16"),
    ROW(COVE_DTYPE_FLOAT32, "Float"),
    ROW(COVE_DTYPE_FLOAT64, "Double"),
    ROW(COVE_DTYPE_COMPLEX64, "ComplexFloat"),
    ROW(COVE_DTYPE_COMPLEX128, "ComplexDouble"),
#undef ROW
};

static const struct cove__global *look_up(const struct cove__global *rows, size_t n, struct cove__slice module,
                                          struct cove__slice name)
{
    for (size_t i = 0; i < n; i++)
        if (cove__slice_is(name, rows[i].name) && cove__slice_is(module, rows[i].module))
            return &rows[i];
    return NULL;
}

void cove__global_rename(struct cove__slice *module, struct cove__slice *name)
{
    static const struct {
        const char *module, *name, *new_module, *new_name;
    } renamed[] = {
        { "__builtin__", "long", "builtins", "int" },
        { "__builtin__", "unicode", "builtins", "str" },
        { "__builtin__", "xrange", "builtins", "range" },
        { "__builtin__", NULL, "builtins", NULL },
        { "copy_reg", NULL, "copyreg", NULL },
        { "torch.cuda", NULL, "torch", NULL },
    };
    for (size_t i = 0; i < sizeof(renamed) / sizeof(renamed[0]); i++) {
        if (!cove__slice_is(*module, renamed[i].module) || (renamed[i].name && !cove__slice_is(*name, renamed[i].name)))
            continue;
        *module = cove__slice_str(renamed[i].new_module);
        if (renamed[i].new_name)
            *name = cove__slice_str(renamed[i].new_name);
        return;
    }
}

const struct cove__global *cove__global_find(struct cove__slice module, struct cove__slice name)
{
    const struct cove__global *global = look_up(globals, sizeof(globals) / sizeof(globals[0]), module, name);
    return global ? global : look_up(dtype_names, sizeof(dtype_names) / sizeof(dtype_names[0]), module, name);
}

struct cove__slice cove__global_text(const struct cove__global *g, char buffer[COVE__GLOBAL_TEXT_MAX])
{
    snprintf(buffer, COVE__GLOBAL_TEXT_MAX, "%s.%s", g->module, g->name);
    return cove__slice_str(buffer);
}
