/* File names of checkpoints from a template: "{epoch}-{val_loss:.2f}" as Lightning's ModelCheckpoint formats it. */
#ifndef COVE_TRAINER_FILENAME_H
#define COVE_TRAINER_FILENAME_H

#include <stdbool.h>
#include <stdint.h>

#include <cove/error.h>

#include "base/buf.h"

#define COVE__CHECKPOINT_SUFFIX ".ckpt"

/* What a name in braces stands for. */
struct cove__field {
    bool is_int;
    int64_t i;
    double d;
};
/* Gives the value of `name`; false: there is none, and it counts as 0, as in Lightning. */
typedef bool (*cove__field_fn)(void *user, const char *name, struct cove__field *ret);

/*
 * Adds the name that `text` makes to `out`. In braces: a name, and after a colon Python's format of a number,
 * [0][width][.precision][d f F e E g G]; without one an int is written as digits and a float as Python's repr. `insert`
 * puts "name=" before each value. COVE_EINVAL: a brace that is not closed (also before the next one), an empty name, a
 * format outside the list.
 */
int cove__format_filename(const char *text, bool insert, cove__field_fn field, void *user, struct cove__buf *out,
                          struct cove_error *err);

/* Whether `name` may be a checkpoint that was named by `text`: with any numbers, "-v1" or the like where the name was
 * taken, and ".ckpt". */
bool cove__filename_fits(const char *text, bool insert, const char *name);

#endif
