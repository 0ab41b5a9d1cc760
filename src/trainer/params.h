/* A module's parameters: checked once, then saved to and loaded from a state_dict. */
#ifndef COVE_TRAINER_PARAMS_H
#define COVE_TRAINER_PARAMS_H

#include <cove/trainer.h>

/* Names there and unique, memory there, contiguous, trained ones float32. COVE_EINVAL, COVE_ENOTSUP; the message names
 * the parameter. */
int cove__params_check(const struct cove_parameter *parameters, size_t n, struct cove_error *err);

/* Elements of a view; a scalar has one. COVE_EINVAL: a negative length or a product beyond memory. */
int cove__view_elements(const struct cove_tensor_view *view, size_t *ret_n, struct cove_error *err);

/* "[64, 10]" */
void cove__view_shape(const struct cove_tensor_view *view, char *out, size_t size);

/* COVE_EMISMATCH for an opaque value instead of a state_dict; the message has the way out. */
int cove__fail_pickled(const cove_value *opaque, struct cove_error *err);
/* Whether `dict` fits: COVE_EMISMATCH lists what is missing, unexpected, of another shape or dtype. Changes nothing. */
int cove__params_match(const struct cove_parameter *parameters, size_t n, const cove_value *dict,
                       struct cove_error *err);
/* Copies the values; call after cove__params_match. */
int cove__params_load(const struct cove_parameter *parameters, size_t n, const cove_value *dict,
                      struct cove_error *err);

#endif
