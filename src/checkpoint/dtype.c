/* The table of dtypes: PyTorch's names, sizes, and the names that the formats give them. Part of value.h. */
#include "checkpoint/value.h"

static const struct cove__dtype_info dtypes[] = {
    { COVE_DTYPE_BOOL, "bool", 1, 1, "BoolStorage", "BOOL" },
    { COVE_DTYPE_UINT8, "uint8", 1, 1, "ByteStorage", "U8" },
    { COVE_DTYPE_INT8, "int8", 1, 1, "CharStorage", "I8" },
    { COVE_DTYPE_INT16, "int16", 2, 2, "ShortStorage", "I16" },
    { COVE_DTYPE_INT32, "int32", 4, 4, "IntStorage", "I32" },
    { COVE_DTYPE_INT64, "int64", 8, 8, "LongStorage", "I64" },
    { COVE_DTYPE_FLOAT16, "float16", 2, 2, "HalfStorage", "F16" },
    { COVE_DTYPE_BFLOAT16, "bfloat16", 2, 2, "BFloat16Storage", "BF16" },
    { COVE_DTYPE_FLOAT32, "float32", 4, 4, "FloatStorage", "F32" },
    { COVE_DTYPE_FLOAT64, "float64", 8, 8, "DoubleStorage", "F64" },
    { COVE_DTYPE_COMPLEX32, "complex32", 4, 2, NULL, NULL },
    { COVE_DTYPE_COMPLEX64, "complex64", 8, 4, "ComplexFloatStorage", "C64" },
    { COVE_DTYPE_COMPLEX128, "complex128", 16, 8, "ComplexDoubleStorage", NULL },
    { COVE_DTYPE_FLOAT8_E4M3FN, "float8_e4m3fn", 1, 1, NULL, "F8_E4M3" },
    { COVE_DTYPE_FLOAT8_E5M2, "float8_e5m2", 1, 1, NULL, "F8_E5M2" },
    { COVE_DTYPE_FLOAT8_E4M3FNUZ, "float8_e4m3fnuz", 1, 1, NULL, "F8_E4M3FNUZ" },
    { COVE_DTYPE_FLOAT8_E5M2FNUZ, "float8_e5m2fnuz", 1, 1, NULL, "F8_E5M2FNUZ" },
    { COVE_DTYPE_UINT16, "uint16", 2, 2, NULL, "U16" },
    { COVE_DTYPE_UINT32, "uint32", 4, 4, NULL, "U32" },
    { COVE_DTYPE_UINT64, "uint64", 8, 8, NULL, "U64" },
    { COVE_DTYPE_FLOAT8_E8M0FNU, "float8_e8m0fnu", 1, 1, NULL, "F8_E8M0" },
    { COVE_DTYPE_FLOAT4_E2M1FN_X2, "float4_e2m1fn_x2", 1, 1, NULL, "F4" },
};

const struct cove__dtype_info *cove__dtype_row(size_t i)
{
    return i < sizeof(dtypes) / sizeof(dtypes[0]) ? &dtypes[i] : NULL;
}

const struct cove__dtype_info *cove__dtype_info(enum cove_dtype dtype)
{
    for (size_t i = 0; i < sizeof(dtypes) / sizeof(dtypes[0]); i++)
        if (dtypes[i].dtype == dtype)
            return &dtypes[i];
    return NULL;
}

const char *cove_dtype_name(enum cove_dtype dtype)
{
    const struct cove__dtype_info *info = cove__dtype_info(dtype);
    return info ? info->name : "unknown";
}

size_t cove_dtype_size(enum cove_dtype dtype)
{
    const struct cove__dtype_info *info = cove__dtype_info(dtype);
    return info ? info->size : 0;
}
