/*
 * Short words for building and reading trees of values: each takes the rc of what came before and does nothing once
 * that failed, so a dict is a list of lines with one check at the end.
 */
#ifndef COVE_TRAINER_TREE_H
#define COVE_TRAINER_TREE_H

#include <stdint.h>

#include <cove/checkpoint.h>

void cove__tree_set(int *rc, cove_value *dict, const char *key, cove_value *item,
                    struct cove_error *err); /* takes item */
void cove__tree_int(int *rc, cove_value *dict, const char *key, int64_t i, struct cove_error *err);
void cove__tree_float(int *rc, cove_value *dict, const char *key, double d, struct cove_error *err);
void cove__tree_bool(int *rc, cove_value *dict, const char *key, int b, struct cove_error *err);
void cove__tree_string(int *rc, cove_value *dict, const char *key, const char *s, struct cove_error *err);
/* A new empty dict under `key`, BORROWED from `dict`; NULL once something failed. */
cove_value *cove__tree_dict(int *rc, cove_value *dict, const char *key, struct cove_error *err);
int cove__tree_set_tensor(cove_value *dict, const char *key, const struct cove_tensor_view *view,
                          struct cove_error *err);
/* A float32 scalar of the checkpoint's own: `*number` is BORROWED until the tree is freed. */
void cove__tree_scalar(int *rc, cove_value *dict, const char *key, const float *number, struct cove_error *err);

/* Reads: a missing key leaves *ret as it is; another type is COVE_EMISMATCH with the key in the message. */
void cove__tree_get_int(int *rc, const cove_value *dict, const char *key, int64_t *ret, struct cove_error *err);
void cove__tree_get_float(int *rc, const cove_value *dict, const char *key, double *ret, struct cove_error *err);
void cove__tree_get_bool(int *rc, const cove_value *dict, const char *key, int *ret, struct cove_error *err);
/* BORROWED from the tree; None is NULL. */
void cove__tree_get_string(int *rc, const cove_value *dict, const char *key, const char **ret, struct cove_error *err);
/* A number, or a tensor of one real number of any dtype, as Lightning saves scores. */
int cove__tree_read_scalar(cove_value *item, float *ret, struct cove_error *err);

/* For following Python dotted paths without meeting NULL: the item or, where there is none or `dict` is no dict, NULL.
 */
cove_value *cove__tree_at(const cove_value *dict, const char *key);

#endif
