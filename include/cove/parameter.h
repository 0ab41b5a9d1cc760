/* Parameters: the tensors of a module, in its own memory. */
#ifndef COVE_PARAMETER_H
#define COVE_PARAMETER_H

#include <cove/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One tensor of a module. Trained ones are float32; all are contiguous (row-major). Memory and name are BORROWED as
 * long as the module. Names of parameters and of hyperparameters are unique, UTF-8 and without control characters, else
 * COVE_EINVAL at the start of a run. */
struct cove_parameter {
    const char *name; /* the key in state_dict: "layers.0.weight" */
    struct cove_tensor_view value;
    float *grad; /* as many elements as value; NULL: a buffer, saved and loaded but not trained */
    int frozen;  /* 1, of a buffer: no step or hook changes it, so no copy of it is kept for a batch that fails */
};

#ifdef __cplusplus
}
#endif
#endif
