/* What both whole-file targets do: load; and what loads is saved and loaded again, and is the same. */
#ifndef COVE_TESTS_FUZZ_ROUND_TRIP_H
#define COVE_TESTS_FUZZ_ROUND_TRIP_H

#include "checkpoint/testing.h"
#include "fuzz.h"

/* The tree as text, with shapes, without the places in storages, which a saver chooses. */
static inline void show_loaded(cove_value *tree, struct cove__buf *out)
{
    cove_value **tensors = NULL;
    size_t n = 0;

    FUZZ_CHECK(cove__tree_tensors(tree, &tensors, &n, NULL) == 0);
    for (size_t i = 0; i < n; i++)
        tensors[i]->u.tensor->offset = 0;
    testing_describe(tree, out);
    for (size_t i = 0; i < n; i++) {
        const struct cove__tensor *t = tensors[i]->u.tensor;
        uint8_t packed[64];
        uint64_t fit = sizeof packed / cove_dtype_size(t->dtype), count = cove__tensor_count(t);
        count = count < fit ? count : fit;
        if (count > 0)
            cove__tensor_gather(t, 0, count, packed);
        cove__buf_add(out, packed, (size_t)count * cove_dtype_size(t->dtype));
    }
    cove__free(tensors);
}

/* False: a back reference's container is not above it, because the container occurs at a second place too. A save
 * writes that place again, and then the text differs. */
static inline bool shows_alike(cove_value *value, cove_value **above, size_t n)
{
    if (value->type == COVE_VALUE_BACK_REFERENCE) {
        for (size_t i = 0; i < n; i++)
            if (above[i] == cove_value_back_reference_target(value))
                return true;
        return false;
    }
    above[n] = value; /* loading and saving have limited how deep it goes */
    for (size_t i = 0; i < cove_value_length(value); i++)
        if (!shows_alike(cove_value_item(value, i), above, n + 1))
            return false;
    return true;
}

/* `head`: how much of the file is held from the start. */
static inline int round_trip(const struct cove__format *format, struct cove__slice bytes, size_t head)
{
    struct testing_file file = { .bytes = bytes }, again = { .is_closed = 0 };
    struct cove__buf saved = COVE__BUF_INIT(TESTING_MAX), before = COVE__BUF_INIT(TESTING_MAX);
    struct cove__buf after = COVE__BUF_INIT(TESTING_MAX);
    struct cove_error err = COVE_ERROR_INIT;
    cove_value *tree = NULL, *second = NULL;
    uint64_t size = 0;
    int rc = testing_load(format, &file, head, 0, &tree, &err);

    FUZZ_CHECK(rc == 0 || (rc == err.code && err.message[0] != '\0'));
    if (rc == 0 && testing_save(format, tree, &saved, &size, &err) == 0) {
        FUZZ_CHECK(size == saved.size);
        again.bytes = cove__buf_slice(&saved);
        FUZZ_CHECK(testing_load(format, &again, head, 0, &second, &err) == 0 || err.code == COVE_ELIMIT);
        cove_value *above[COVE__VALUE_MAX_DEPTH + 1];
        if (second && shows_alike(tree, above, 0)) {
            show_loaded(tree, &before);
            show_loaded(second, &after);
            FUZZ_CHECK(cove__slice_eq(cove__buf_slice(&before), cove__buf_slice(&after)));
        }
    }
    cove_value_unref(tree);
    cove_value_unref(second);
    FUZZ_CHECK(file.is_closed);
    cove__buf_done(&saved);
    cove__buf_done(&before);
    cove__buf_done(&after);
    return 0;
}

#endif
